//! Tells of budgets that reach a limit: in the log, on the dashboards (by the database), and to a
//! webhook. Each event once in its period, also when the process is killed in between: what was noted
//! and not delivered is delivered later.
//!
//! The webhook gets what "Standard Webhooks" describes: `webhook-id`, `webhook-timestamp` and
//! `webhook-signature: v1,` with the base64 of HMAC-SHA-256 over `id.timestamp.body`. It may get an
//! event twice, under the same id.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use domain::{
    Timestamp,
    budget::{BudgetEvent, BudgetEventKind},
    clock::Clock,
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use sha2::Sha256;
use storage::{Database, EventRecord};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::config::AlertsConfig;

/// How often deliveries that failed are tried again.
const TRY_AGAIN_EVERY: Duration = Duration::from_secs(30);

/// For how long they are.
const GIVE_UP_AFTER_MS: i64 = 3 * 24 * 3_600_000;

/// How long the receiver may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Notes and delivers events until nobody can send any more.
pub async fn run(
    mut events: mpsc::UnboundedReceiver<BudgetEvent>,
    database: Database,
    config: AlertsConfig,
    clock: Arc<dyn Clock>,
) {
    let webhook = Webhook::new(&config);
    let mut ticks = interval(TRY_AGAIN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => note(&database, &event).await,
                None => return,
            },
            _ = ticks.tick() => {}
        }
        // Those that have come meanwhile go with it.
        while let Ok(event) = events.try_recv() {
            note(&database, &event).await;
        }
        if let Some(webhook) = &webhook {
            webhook.deliver_all(&database, &*clock).await;
        }
    }
}

async fn note(database: &Database, event: &BudgetEvent) {
    match database.note_budget_event(event).await {
        // Another process, or this one before it was started again, has told it.
        Ok(None) => {}
        Ok(Some(EventRecord { name, .. })) => tracing::warn!(
            scope = event.scope.kind(),
            scope_id = event.scope.id(),
            name = name.as_deref(),
            kind = event.kind.as_str(),
            period = event.period.as_str(),
            spent = %event.spent,
            limit = %event.limit,
            "budget limit reached"
        ),
        Err(error) => {
            tracing::error!(error = %error, "failed to note that a budget reached its limit");
        }
    }
}

struct Webhook {
    client: reqwest::Client,
    url: String,
    secret: SecretString,
}

impl Webhook {
    /// `None`: none is configured.
    fn new(config: &AlertsConfig) -> Option<Self> {
        let url = config.webhook_url.as_ref()?.as_str().to_owned();
        let secret = config.webhook_secret.clone()?;
        if let Err(error) = gateway::egress::checked_uri(&url) {
            tracing::error!(error = %error, "the alerts' webhook cannot be used");
            return None;
        }
        match gateway::egress::json_client() {
            Ok(client) => Some(Self {
                client,
                url,
                secret,
            }),
            Err(error) => {
                tracing::error!(error = %error, "failed to make a client for the alerts' webhook");
                None
            }
        }
    }

    async fn deliver_all(&self, database: &Database, clock: &dyn Clock) {
        let since = Timestamp(clock.now().0 - GIVE_UP_AFTER_MS);
        let waiting = match database.undelivered_budget_events(since).await {
            Ok(waiting) => waiting,
            Err(error) => {
                tracing::error!(error = %error, "failed to look for alerts to deliver");
                return;
            }
        };
        for record in waiting {
            if let Err(why) = self.deliver(&record, clock.now()).await {
                // The others would fare no better; all are tried again.
                tracing::warn!(event = record.id, error = why, "failed to deliver an alert");
                return;
            }
            let delivered = database.set_budget_event_delivered(record.id, clock.now());
            if let Err(error) = delivered.await {
                tracing::error!(error = %error, "failed to note that an alert was delivered");
            }
        }
    }

    async fn deliver(&self, record: &EventRecord, now: Timestamp) -> Result<(), String> {
        let id = format!("budget_event_{}", record.id);
        let timestamp = (now.0 / 1000).to_string();
        let body = payload(record).to_string();
        let signature = sign(self.secret.expose_secret(), &id, &timestamp, &body);
        let sent = self
            .client
            .post(&self.url)
            .timeout(TIMEOUT)
            .header("content-type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body)
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the receiver answered {}", answer.status())),
            // The address may hold a token; it is not repeated.
            Err(error) => Err(error.without_url().to_string()),
        }
    }
}

/// What the webhook gets. Amounts are in nano-USD, and in dollars for people.
fn payload(record: &EventRecord) -> Value {
    let event = &record.event;
    let kind = match event.kind {
        BudgetEventKind::SoftLimit => "budget.soft_limit_reached",
        BudgetEventKind::HardLimit => "budget.exceeded",
    };
    let time = |at: Timestamp| {
        jiff::Timestamp::from_millisecond(at.0)
            .unwrap_or_default()
            .to_string()
    };
    json!({
        "type": kind,
        "timestamp": time(event.at),
        "data": {
            "scope": event.scope.kind(),
            "id": event.scope.id(),
            "name": record.name,
            "period": event.period.as_str(),
            "period_start": time(event.period_start),
            "period_end": time(event.period_end),
            "spent_usd": event.spent.to_usd_string(),
            "limit_usd": event.limit.to_usd_string(),
            "spent_nano_usd": event.spent,
            "limit_nano_usd": event.limit,
        },
    })
}

/// `v1,` and the base64 of HMAC-SHA-256 over `id.timestamp.body`. A secret that begins with `whsec_`
/// is base64 behind that, as Standard Webhooks writes them; any other is taken as it is.
fn sign(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let decoded = secret
        .strip_prefix("whsec_")
        .and_then(|text| BASE64_STANDARD.decode(text).ok());
    let key = decoded.as_deref().unwrap_or(secret.as_bytes());
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return String::new();
    };
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        // The example of the specification's reference implementations.
        let signature = sign(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            r#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
