//! The `alerts` section: who is told about budgets besides the log and the dashboards.

use secrecy::SecretString;

use super::{reader::Section, url::BaseUrl};

/// Where events about budgets are sent.
#[derive(Clone, Debug, Default)]
pub struct AlertsConfig {
    /// `webhook_url`. Default none.
    pub webhook_url: Option<BaseUrl>,
    /// `webhook_secret`, `ALERTS_WEBHOOK_SECRET`: signs what is sent. Required with `webhook_url`.
    pub webhook_secret: Option<SecretString>,
}

impl AlertsConfig {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let config = Self {
            webhook_url: section.field("webhook_url").optional(),
            webhook_secret: section
                .field("webhook_secret")
                .variables(&["ALERTS_WEBHOOK_SECRET"])
                .optional(),
        };
        section.deny_unknown_keys();
        if config.webhook_url.is_some() && config.webhook_secret.is_none() {
            section.report(
                "webhook_secret",
                "missing; the receiver tells by it that an event comes from here",
            );
        }
        config
    }
}
