//! What follows from a provider's claims: who somebody is, what they are called, and which role they have. Pure
//! rules; that the claims hold was checked before.

use app::pages::login::Refusal;
use control::{ExternalIdentity, ExternalRole};
use domain::Role;
use serde_json::{Map, Value};

use crate::config::{DefaultRole, OidcConfig, OidcRole};

/// # Errors
/// [`Refusal::NotAllowed`] for whom the configuration does not let in.
pub(super) fn identity(
    claims: &Map<String, Value>,
    config: &OidcConfig,
) -> Result<ExternalIdentity, Refusal> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let subject = text("sub").ok_or(Refusal::Unproven)?;
    let verified = claims.get("email_verified") == Some(&Value::Bool(true));
    let email = text("email").filter(|_| verified);
    if !is_of(email, &config.allowed_domains) {
        return Err(Refusal::NotAllowed);
    }
    let names = [
        text("preferred_username"),
        text("nickname"),
        email,
        text("name"),
    ];
    Ok(ExternalIdentity {
        issuer: config.issuer.as_str().to_owned(),
        subject: subject.to_owned(),
        names: names.into_iter().flatten().map(str::to_owned).collect(),
        email: email.map(str::to_owned),
        role: role(claims, config).ok_or(Refusal::NotAllowed)?,
    })
}

/// Whether an address is of one of the domains; no domains are all.
fn is_of(email: Option<&str>, domains: &[String]) -> bool {
    let domain = email.and_then(|email| email.rsplit_once('@'));
    domains.is_empty()
        || domain.is_some_and(|(_, domain)| {
            let mut domains = domains.iter();
            domains.any(|allowed| allowed.trim_start_matches('@').eq_ignore_ascii_case(domain))
        })
}

/// `None`: they have none here.
fn role(claims: &Map<String, Value>, config: &OidcConfig) -> Option<ExternalRole> {
    let otherwise = match config.default_role {
        DefaultRole::User => Some(Role::User),
        DefaultRole::None => None,
    };
    let Some(claim) = &config.role_claim else {
        return otherwise.map(ExternalRole::AtFirst);
    };
    let words = at(claims, claim).map(words).unwrap_or_default();
    let said = words
        .into_iter()
        .filter_map(|word| config.role_map.get(word));
    let highest = said
        .map(|OidcRole(role)| *role)
        .max_by_key(|role| match role {
            Role::User => 0,
            Role::Viewer => 1,
            Role::Admin => 2,
        });
    highest.or(otherwise).map(ExternalRole::Always)
}

/// The value that a dotted path names. Names may have dots themselves, as those that are URLs do.
fn at<'c>(claims: &'c Map<String, Value>, path: &str) -> Option<&'c Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let (name, rest) = (path.get(..dot)?, path.get(dot + 1..)?);
        at(claims.get(name)?.as_object()?, rest)
    })
}

/// The texts of a claim that is one, or a list of them.
fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(word) => vec![word],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Config, Environment, Overrides};

    fn config(oidc: &str) -> OidcConfig {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "auth: {{ oidc: {{ issuer: 'https://id.example.com', client_id: router, {oidc} }} }}"
        );
        std::fs::write(folder.path().join("llm-router.yaml"), text).expect("written");
        let environment = Environment::default();
        let loaded = Config::load_in(folder.path(), &Overrides::default(), &environment);
        let loaded = loaded.unwrap_or_else(|errors| panic!("{errors}"));
        loaded.config.auth.oidc.expect("a provider")
    }

    fn role_of(oidc: &str, claims: &Value) -> Option<ExternalRole> {
        role(claims.as_object().expect("claims"), &config(oidc))
    }

    #[test]
    fn the_highest_role_counts_and_without_a_rule_it_is_only_the_first() {
        let groups = "role_claim: groups, role_map: { ops: admin, staff: viewer, all: user }";
        let always = |role| Some(ExternalRole::Always(role));
        for (claims, expected) in [
            (
                json!({"groups": ["staff", "ops", "x"]}),
                always(Role::Admin),
            ),
            (json!({"groups": "staff"}), always(Role::Viewer)),
            (json!({"groups": ["x"]}), always(Role::User)),
            (json!({"groups": {"ops": true}}), always(Role::User)),
            (json!({}), always(Role::User)),
        ] {
            assert_eq!(role_of(groups, &claims), expected, "{claims}");
        }
        let strict = format!("{groups}, default_role: none");
        assert_eq!(role_of(&strict, &json!({"groups": ["x"]})), None);
        let first = Some(ExternalRole::AtFirst(Role::User));
        assert_eq!(role_of("", &json!({"groups": ["ops"]})), first);
        assert_eq!(role_of("default_role: none", &json!({})), None);
    }

    #[test]
    fn a_claim_is_found_below_others_and_by_a_name_with_dots() {
        let claims = json!({
            "realm_access": {"roles": ["a"]},
            "https://id.example.com/roles": ["b"],
            "x.y": {"z": "c"},
        });
        let claims = claims.as_object().expect("claims");
        assert_eq!(at(claims, "realm_access.roles"), Some(&json!(["a"])));
        let url = "https://id.example.com/roles";
        assert_eq!(at(claims, url), Some(&json!(["b"])));
        assert_eq!(at(claims, "x.y.z"), Some(&json!("c")));
        assert_eq!(at(claims, "realm_access.groups"), None);
    }

    #[test]
    fn only_a_verified_address_counts() {
        let some = config("allowed_domains: [Example.com]");
        let who = |email: &str, verified: Value| {
            let claims = json!({"sub": "1", "email": email, "email_verified": verified});
            identity(claims.as_object().expect("claims"), &some)
        };
        let ada = who("ada@example.COM", json!(true)).expect("let in");
        assert_eq!(ada.email.as_deref(), Some("ada@example.COM"));
        for (email, verified) in [
            ("ada@example.com", json!(false)),
            ("ada@example.com.evil", json!(true)),
            ("ada@evil", json!(true)),
        ] {
            let refused = who(email, verified).expect_err("refused");
            assert_eq!(refused, Refusal::NotAllowed, "{email}");
        }
        let all = config("");
        let claims = json!({"sub": "1", "email": "ada@example.com", "preferred_username": "ada"});
        let ada = identity(claims.as_object().expect("claims"), &all).expect("let in");
        assert_eq!((ada.email, ada.names), (None, vec!["ada".to_owned()]));
    }
}
