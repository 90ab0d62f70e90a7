//! The `auth.oidc` section: an OpenID provider by which people sign in to the dashboards, beside passwords.

use std::collections::BTreeMap;

use domain::Role;
use secrecy::SecretString;
use url::Url;

use super::{
    from_text::{Choice, FromText},
    reader::{Field, Section},
};

/// An OpenID provider, and what follows from what it says of somebody.
#[derive(Clone, Debug)]
pub struct OidcConfig {
    /// `issuer`: as the provider itself writes it, to the letter. `…/.well-known/openid-configuration`
    /// stands below it.
    pub issuer: Issuer,
    /// `client_id`: what the provider calls this router.
    pub client_id: String,
    /// `client_secret`, `OIDC_CLIENT_SECRET`. Default none: a client without a secret.
    pub client_secret: Option<SecretString>,
    /// `scopes`: what is asked for. Default `openid`, `profile`, `email`.
    pub scopes: Vec<String>,
    /// `name`: what the button on the sign-in page says. Default `OpenID Connect`.
    pub name: String,
    /// `role_claim`: where roles or groups stand, with a dot for each step down. Default none.
    pub role_claim: Option<String>,
    /// `role_map`: values of that claim, and the role that each means. The highest counts.
    pub role_map: BTreeMap<String, OidcRole>,
    /// `default_role`: of those of whom no claim says more. Default `user`.
    pub default_role: DefaultRole,
    /// `create_users`: whether somebody who is new here gets an account. Default true.
    pub create_users: bool,
    /// `link_by_email`: whether somebody who is new here is the user with the same e-mail address, where the
    /// provider has verified it. Default false.
    pub link_by_email: bool,
    /// `allowed_domains`: of verified e-mail addresses; others are refused. Default all.
    pub allowed_domains: Vec<String>,
}

impl OidcConfig {
    /// `None`: the section is not there.
    pub(super) fn read(field: Field<'_>) -> Option<Self> {
        let given = field.is_given();
        let section = field.section();
        let issuer = section.field("issuer");
        let client_id = section.field("client_id");
        let (issuer, client_id) = match given {
            true => (issuer.required(), client_id.required()),
            false => (issuer.optional(), client_id.optional()),
        };
        let config = Self {
            client_secret: section
                .field("client_secret")
                .variables(&["OIDC_CLIENT_SECRET"])
                .optional(),
            scopes: scopes(section.field("scopes").list()),
            name: section.field("name").or("OpenID Connect".to_owned()),
            role_claim: section.field("role_claim").optional(),
            role_map: section.field("role_map").map(),
            default_role: section.field("default_role").or(DefaultRole::User),
            create_users: section.field("create_users").or(true),
            link_by_email: section.field("link_by_email").or(false),
            allowed_domains: section.field("allowed_domains").list(),
            issuer: issuer.unwrap_or_else(|| Issuer(String::new())),
            client_id: client_id.unwrap_or_default(),
        };
        section.deny_unknown_keys();
        config.check_rule(&section);
        given.then_some(config)
    }

    /// One half of the rule does nothing without the other.
    fn check_rule(&self, section: &Section<'_>) {
        if self.role_claim.is_some() && self.role_map.is_empty() {
            section.report(
                "role_map",
                "missing; it says which role a value of role_claim means",
            );
        }
        if self.role_claim.is_none() && !self.role_map.is_empty() {
            section.report("role_claim", "missing; role_map is about its values");
        }
    }
}

/// What is asked for always has `openid` in it, without which there is no sign-in.
fn scopes(asked: Vec<String>) -> Vec<String> {
    if asked.is_empty() {
        return ["openid", "profile", "email"].map(str::to_owned).to_vec();
    }
    let mut scopes = asked;
    if !scopes.iter().any(|scope| scope == "openid") {
        scopes.insert(0, "openid".to_owned());
    }
    scopes
}

/// A provider's address, as it stands in what the provider signs: a slash at its end is part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer(String);

impl Issuer {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the way there is encrypted, or stays on this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        let Ok(url) = Url::parse(&self.0) else {
            return false;
        };
        let local = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        };
        url.scheme() == "https" || local
    }
}

impl FromText for Issuer {
    const EXPECTED: &'static str =
        "the provider's address, such as https://id.example.com/realms/main";

    fn from_text(text: &str) -> Result<Self, String> {
        let base = super::BaseUrl::from_text(text)?;
        let slash = if text.ends_with('/') { "/" } else { "" };
        // As it was written: the provider compares letter by letter.
        match base.as_str() == text.trim_end_matches('/') {
            true => Ok(Self(format!("{}{slash}", base.as_str()))),
            false => Err(format!("expected {}, found {text:?}", Self::EXPECTED)),
        }
    }
}

/// A role, as it is written in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OidcRole(pub Role);

const ROLES: [(&str, OidcRole); 3] = [
    ("admin", OidcRole(Role::Admin)),
    ("viewer", OidcRole(Role::Viewer)),
    ("user", OidcRole(Role::User)),
];

impl Choice for OidcRole {
    const NOUN: &'static str = "role";
    const EXPECTED: &'static str = "admin, viewer or user";
    const NAMES: &'static [(&'static str, Self)] = &ROLES;
}

/// What those may do of whom no claim says more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultRole {
    User,
    /// They may not sign in.
    None,
}

impl Choice for DefaultRole {
    const NOUN: &'static str = "role";
    const EXPECTED: &'static str = "user or none";
    const NAMES: &'static [(&'static str, Self)] = &[("user", Self::User), ("none", Self::None)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_keeps_its_slash_and_is_private_over_https_or_on_this_machine() {
        for (text, private) in [
            ("https://id.example.com/", true),
            ("https://id.example.com/realms/main", true),
            ("http://127.0.0.1:9400", true),
            ("http://localhost:8080/realms/x", true),
            ("http://id.example.com", false),
        ] {
            let issuer = Issuer::from_text(text).expect(text);
            assert_eq!((issuer.as_str(), issuer.is_private()), (text, private));
        }
        for text in ["id.example.com", "https://id.example.com?x=1", ""] {
            assert!(Issuer::from_text(text).is_err(), "{text}");
        }
    }
}
