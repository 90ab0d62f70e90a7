//! The `auth` section: who may use the server before any account exists. Accounts and keys that are
//! made at run time live in the database and not here.

use http::HeaderName;
use secrecy::{ExposeSecret, SecretString};

use super::{
    context::Context, error::Place, from_text::FromText, oidc::OidcConfig, reader::Section,
};

/// Who may use the server.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// `enabled`, `ENABLE_AUTH`: whether a client needs a key. Default true.
    pub enabled: bool,
    /// `master_key`, `MASTER_KEY`: opens everything. Default: generated at first start.
    pub master_key: Option<SecretString>,
    /// `public_models`: whether `/v1/models` is answered without a key. Default false.
    pub public_models: bool,
    /// `deny_unpermitted`: whether users to whom no backend was permitted may use none, and not all.
    /// Default false.
    pub deny_unpermitted: bool,
    /// `allow_public`: whether a server without authentication may listen on a public address.
    /// Default false.
    pub allow_public: bool,
    /// `header_name`, `AUTH_HEADER_NAME`: a header that may hold the key, beside
    /// `Authorization` and `x-api-key`. Default none.
    pub header_name: Option<HeaderName>,
    /// `admin_user`, `ADMIN_USER`: the first administrator. Default `admin`.
    pub admin_user: String,
    /// `admin_password`, `ADMIN_PASSWORD`: their password. Default: generated at first start.
    pub admin_password: Option<SecretString>,
    /// `keys`, `AUTH_KEY`, `AUTH_KEY_01` … `AUTH_KEY_99`: virtual keys that exist as long as they are
    /// set.
    pub static_keys: Vec<StaticKey>,
    /// `oidc`: a provider by which people sign in beside passwords. Default none.
    pub oidc: Option<OidcConfig>,
}

/// A virtual key that the configuration brings.
#[derive(Clone, Debug)]
pub struct StaticKey {
    /// The variable's name, or which of the file's keys it is, to tell keys apart in the ledger.
    pub label: String,
    pub key: SecretString,
}

impl AuthConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            enabled: section
                .field("enabled")
                .variables(&["ENABLE_AUTH"])
                .or(true),
            master_key: section
                .field("master_key")
                .variables(&["MASTER_KEY"])
                .optional(),
            public_models: section.field("public_models").or(false),
            deny_unpermitted: section.field("deny_unpermitted").or(false),
            allow_public: section.field("allow_public").or(false),
            header_name: section
                .field("header_name")
                .variables(&["AUTH_HEADER_NAME"])
                .optional(),
            admin_user: section
                .field("admin_user")
                .variables(&["ADMIN_USER"])
                .or("admin".to_owned()),
            admin_password: section
                .field("admin_password")
                .variables(&["ADMIN_PASSWORD"])
                .optional(),
            static_keys: of_file(section)
                .into_iter()
                .chain(static_keys(section.context()))
                .collect(),
            oidc: OidcConfig::read(section.field("oidc")),
        };
        section.deny_unknown_keys();
        config.check_static_keys(section.context());
        config
    }

    /// The virtual keys, each with its label.
    #[must_use]
    pub fn key_pairs(&self) -> Vec<(String, SecretString)> {
        let pairs = self.static_keys.iter();
        pairs.map(|k| (k.label.clone(), k.key.clone())).collect()
    }

    /// Two names for one key would make it impossible to say whose calls were whose.
    fn check_static_keys(&self, context: &Context<'_>) {
        let master = self.master_key.iter().map(|key| ("the master key", key));
        let mut seen: Vec<(&str, &SecretString)> = master.collect();
        for StaticKey { label, key } in &self.static_keys {
            let same = seen
                .iter()
                .find(|(_, other)| other.expose_secret() == key.expose_secret());
            if let Some((other, _)) = same {
                let message = format!("has the same value as {other}; each key needs its own");
                context.report_at(Place::Variable(label.clone()), "", message);
            }
            seen.push((label, key));
        }
    }
}

fn of_file(section: &Section<'_>) -> Vec<StaticKey> {
    let keys: Vec<SecretString> = section.field("keys").list();
    let numbered = keys.into_iter().enumerate();
    let named = numbered.map(|(number, key)| StaticKey {
        label: format!("auth.keys[{number}]"),
        key,
    });
    named.collect()
}

/// All that are set, gaps or not.
fn static_keys(context: &Context<'_>) -> Vec<StaticKey> {
    let numbered = (1..=99).map(|number| format!("AUTH_KEY_{number:02}"));
    std::iter::once("AUTH_KEY".to_owned())
        .chain(numbered)
        .filter_map(|label| {
            let text = context.environment().get(&label)?;
            match SecretString::from_variable(text) {
                Ok(key) => Some(StaticKey { label, key }),
                Err(message) => {
                    context.report_at(Place::Variable(label), "", message);
                    None
                }
            }
        })
        .collect()
}
