//! `llm-router demo-data`: fills an empty database with people, teams, keys and weeks of requests that look like
//! those of a small company, for pictures and benchmarks. The rows go through the ledger like any others, so
//! that rollups, percentiles and budgets are true and `ledger verify` agrees.

use std::{io::Write, sync::Arc};

use anyhow::{Context as _, ensure};
use clap::Args;
use control::{Control, ControlSettings, NewKeyInput, NewUserInput};
use domain::{
    BackendId, BudgetLimits, DeploymentId, Dialect, KeyId, LedgerRow, NanoUsd, Outcome, Price,
    RateLimits, RequestId, Role, TeamId, Timestamp, TokenUsage, Used, UserId,
    clock::{Clock as _, SystemClock},
    pricing::{DatedPrice, Rates},
    routing::{RouteAttempt, RouteTrail},
    team::TeamInput,
};
use fastrand::Rng;
use secrecy::SecretString;
use storage::{
    BackendRecord, ConfiguredPrice, Database, DeploymentRecord, PriceSource, ledger::Ledger,
};

use super::ConfigArgument;
use crate::{
    config::{Config, Environment},
    secret_file::InstallationSecret,
    serve::database_options,
};

const DAY_MS: i64 = 24 * 3_600_000;

/// Rows between two waits for the database, so that what is on its way stays small.
const AT_ONCE: u64 = 4_096;

#[derive(Debug, Args)]
pub struct DemoDataArguments {
    #[command(flatten)]
    pub config: ConfigArgument,
    /// How many requests to make
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub rows: u64,
    /// Over how many days, up to now
    #[arg(long, value_name = "N", default_value_t = 42, value_parser = clap::value_parser!(i64).range(1..=3650))]
    pub days: i64,
    /// Password of all demo users; otherwise nobody knows theirs
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
}

/// Name, share of the requests, monthly budget in dollars (0: none).
const PEOPLE: [(&str, u32, i64); 12] = [
    ("ada", 22, 400),
    ("grace", 18, 300),
    ("linus", 14, 250),
    ("margaret", 12, 250),
    ("edsger", 9, 150),
    ("barbara", 8, 150),
    ("donald", 6, 100),
    ("radia", 5, 100),
    ("ken", 3, 50),
    ("frances", 2, 50),
    ("alan", 1, 0),
    ("hedy", 1, 20),
];

/// Name, share of the requests, monthly budget in dollars.
const TEAMS: [(&str, u32, i64); 2] = [("support bot", 9, 500), ("nightly evaluation", 6, 200)];

/// Backend, kind, model; US cents per million tokens in, cached, out; share; the usual first chunk in
/// milliseconds, and the time for each token in microseconds.
struct Offer {
    backend: &'static str,
    kind: &'static str,
    model: &'static str,
    cents: [i64; 3],
    share: u32,
    first_ms: u32,
    token_micros: u32,
}

const OFFERS: [Offer; 6] = [
    Offer {
        backend: "anthropic",
        kind: "anthropic",
        model: "claude-sonnet-4-5",
        cents: [300, 30, 1_500],
        share: 40,
        first_ms: 900,
        token_micros: 14_000,
    },
    Offer {
        backend: "anthropic",
        kind: "anthropic",
        model: "claude-haiku-4-5",
        cents: [100, 10, 500],
        share: 22,
        first_ms: 420,
        token_micros: 7_000,
    },
    Offer {
        backend: "openai",
        kind: "openai",
        model: "gpt-5",
        cents: [125, 13, 1_000],
        share: 16,
        first_ms: 1_600,
        token_micros: 12_000,
    },
    Offer {
        backend: "openai",
        kind: "openai",
        model: "gpt-5-mini",
        cents: [25, 3, 200],
        share: 14,
        first_ms: 600,
        token_micros: 6_000,
    },
    Offer {
        backend: "bedrock-eu",
        kind: "bedrock",
        model: "claude-sonnet-4-5",
        cents: [330, 33, 1_650],
        share: 5,
        first_ms: 1_100,
        token_micros: 15_000,
    },
    Offer {
        backend: "own-gpu",
        kind: "openai_compatible",
        model: "qwen3-coder",
        cents: [10, 10, 30],
        share: 3,
        first_ms: 250,
        token_micros: 22_000,
    },
];

/// A model of a backend, as it stands in the database.
struct Deployment {
    offer: &'static Offer,
    backend: BackendId,
    id: DeploymentId,
    price: Option<DatedPrice>,
}

/// Whose requests they are.
struct Caller {
    share: u32,
    user: Option<UserId>,
    team: Option<TeamId>,
    keys: Vec<KeyId>,
}

impl DemoDataArguments {
    /// Carries it out.
    ///
    /// # Errors
    /// What keeps it from being carried out, for a person to read: above all that the database is not empty.
    pub fn run(&self, environment: &Environment, out: &mut impl Write) -> anyhow::Result<()> {
        let config = Config::load(&self.config.overrides(), environment)?.config;
        super::blocking(async {
            let secret = InstallationSecret::beside(config.database.url.path())?;
            let database = Database::open(&database_options(&config))
                .await
                .context("failed to open the database")?;
            let empty =
                database.all_users().await?.is_empty() && database.newest_log_row().await? == 0;
            ensure!(
                empty,
                "the database is not empty; demo data goes into a new one only: name one with \
                 database.url of the configuration"
            );
            let (ledger, _) = Ledger::start(&database).await?;
            let control = Control::new(
                database.clone(),
                secret.key_hasher(),
                ControlSettings {
                    time_zone: config.dashboard.time_zone.clone(),
                    time_zone_name: "UTC".to_owned(),
                    master_key: Some(secret.default_master_key()),
                    public_status: false,
                },
                Arc::new(SystemClock),
                // Nobody serves from here who would have to be told.
                Arc::new(|_| Box::pin(async {})),
            );
            let callers = callers(&control, &secret, self.password.as_deref()).await?;
            let deployments = deployments(&database).await?;
            let rows = self
                .write_rows(&database, &ledger, &callers, &deployments)
                .await?;
            ledger.close().await;
            database.close().await;
            writeln!(
                out,
                "{} users, {} teams and {rows} requests of {} days",
                PEOPLE.len(),
                TEAMS.len(),
                self.days
            )?;
            Ok(())
        })
    }

    async fn write_rows(
        &self,
        database: &Database,
        ledger: &Ledger,
        callers: &[Caller],
        deployments: &[Deployment],
    ) -> anyhow::Result<u64> {
        // The same data for the same arguments, but for the time.
        let mut rng = Rng::with_seed(7);
        let end = SystemClock.now().0;
        let start = end - self.days * DAY_MS;
        let mut at = start;
        for written in 0..self.rows {
            // As many as there are left, over the time that there is left.
            let left = i64::try_from(self.rows - written).unwrap_or(i64::MAX);
            let step = (end - at) / left.max(1);
            at += rng
                .i64(0..=step.saturating_mul(2).max(0))
                .min(end - 1 - at)
                .max(0);
            let at = Timestamp(by_day(at, start, end, &mut rng));
            for row in request(at, callers, deployments, &mut rng) {
                match row.outcome.is_final() {
                    true => {
                        let _ = ledger.settle(row, None).await;
                    }
                    false => ledger.abandon(row),
                }
            }
            if written % AT_ONCE == 0 {
                // Reading waits for what is on its way.
                database.newest_log_row().await?;
            }
        }
        Ok(self.rows)
    }
}

/// Most work is done by day and on weekdays: some of the rest is moved to the middle of its day.
fn by_day(at: i64, start: i64, end: i64, rng: &mut Rng) -> i64 {
    let within = at.rem_euclid(DAY_MS);
    let hour = within / 3_600_000;
    if (8..18).contains(&hour) || rng.u32(0..100) < 25 {
        return at;
    }
    let moved = at - within + (8 + rng.i64(0..10)) * 3_600_000 + rng.i64(0..3_600_000);
    match moved {
        moved if moved >= end || moved < start => at,
        moved => moved,
    }
}

fn pick<'a, T>(all: &'a [T], share: impl Fn(&T) -> u32, rng: &mut Rng) -> Option<&'a T> {
    let whole: u32 = all.iter().map(&share).sum();
    let mut drawn = rng.u32(0..whole.max(1));
    all.iter().find(|one| {
        let share = share(one);
        let here = drawn < share;
        drawn = drawn.saturating_sub(share);
        here
    })
}

/// The rows of one request.
fn request(
    at: Timestamp,
    callers: &[Caller],
    deployments: &[Deployment],
    rng: &mut Rng,
) -> Vec<LedgerRow> {
    let Some((caller, used)) = pick(callers, |caller| caller.share, rng).zip(pick(
        deployments,
        |deployment| deployment.offer.share,
        rng,
    )) else {
        return Vec::new();
    };
    let millis = u128::try_from(at.0).unwrap_or(0);
    let random = rng.u128(..);
    let request_id = RequestId(
        millis << 80 | 7 << 76 | (random & (0xfff << 64)) | 2 << 62 | (random & ((1 << 62) - 1)),
    );
    // Short questions are many, long ones few.
    let size = rng.u32(1..=100);
    let input = u64::from(size * size) * u64::from(rng.u32(2..=8)) / 4 + 40;
    let cache_read = if rng.u32(0..100) < 45 { input * 3 } else { 0 };
    let output = u64::from(rng.u32(20..=900)) * u64::from(size) / 60 + 8;
    let offer = used.offer;
    let luck = rng.u32(0..1_000);
    let outcome = match luck {
        0..18 => Outcome::UpstreamError,
        18..24 => Outcome::StreamBroken,
        24..36 => Outcome::ClientDisconnected,
        36 => Outcome::Interrupted,
        _ => Outcome::Completed,
    };
    let fell_back = outcome == Outcome::Completed && (40..52).contains(&luck);
    let stream = rng.u32(0..100) < 78;
    let spread = rng.u32(60..=170) + if rng.u32(0..100) < 4 { 600 } else { 0 };
    let first = offer.first_ms * spread / 100;
    let tokens = match outcome {
        Outcome::UpstreamError => TokenUsage::default(),
        Outcome::Completed => TokenUsage {
            input,
            cache_read,
            output,
            ..TokenUsage::default()
        },
        _ => TokenUsage {
            input,
            cache_read,
            output: output / 3 + 1,
            ..TokenUsage::default()
        },
    };
    let generated = u32::try_from(tokens.output).unwrap_or(u32::MAX);
    let duration = first.saturating_add(generated.saturating_mul(offer.token_micros / 100) / 10);
    let (status, error) = match outcome {
        Outcome::UpstreamError if luck < 10 => (429, Some("429: the upstream's rate limit")),
        Outcome::UpstreamError => (502, Some("503: the upstream is overloaded")),
        Outcome::StreamBroken => (200, Some("the upstream closed the connection")),
        Outcome::Interrupted => (0, Some("the router stopped while the request was running")),
        _ => (200, None),
    };
    let row = |deployment: &Deployment, outcome, tokens: TokenUsage, attempts| LedgerRow {
        request_id,
        started_at: at,
        user_id: caller.user,
        team_id: caller.team,
        key_id: caller
            .keys
            .get(size as usize % caller.keys.len().max(1))
            .copied(),
        backend_id: Some(deployment.backend),
        deployment_id: Some(deployment.id),
        dialect: match deployment.offer.kind {
            "openai" | "openai_compatible" => Dialect::OpenaiChat,
            _ => Dialect::AnthropicMessages,
        },
        request_model: offer.model.to_owned(),
        upstream_model: deployment.offer.model.to_owned(),
        stream,
        playground: false,
        outcome,
        status,
        used: Used {
            tokens,
            estimated: !matches!(outcome, Outcome::Completed),
            ..Used::default()
        },
        price_id: deployment.price.as_ref().map(|dated| dated.id),
        cost: deployment
            .price
            .as_ref()
            .map(|dated| dated.price.cost(&tokens, Used::default().tier)),
        attempts,
        time_to_first_chunk_ms: (stream && outcome.is_final() && tokens.output > 0)
            .then_some(first),
        duration_ms: duration,
        error: error.map(str::to_owned),
        credential: None,
        route: None,
    };
    if !fell_back {
        return vec![row(used, outcome, tokens, 1)];
    }
    // Another backend was tried first and broke off when it had begun to answer.
    let Some(before) = deployments.iter().find(|one| one.id != used.id) else {
        return vec![row(used, outcome, tokens, 1)];
    };
    let some = TokenUsage {
        input,
        output: 12,
        ..TokenUsage::default()
    };
    let trail = RouteTrail {
        attempts: vec![RouteAttempt {
            backend: before.offer.backend.to_owned(),
            model: before.offer.model.to_owned(),
            error: Some("the upstream closed the connection".to_owned()),
            ended_ms: first / 2,
        }],
        excluded: Vec::new(),
    };
    vec![
        LedgerRow {
            duration_ms: first / 2,
            error: Some("the upstream closed the connection".to_owned()),
            ..row(before, Outcome::Abandoned, some, 1)
        },
        LedgerRow {
            route: serde_json::to_string(&trail).ok(),
            ..row(used, outcome, tokens, 2)
        },
    ]
}

fn dollars(amount: i64) -> NanoUsd {
    NanoUsd(amount * 1_000_000_000)
}

async fn callers(
    control: &Control,
    secret: &InstallationSecret,
    password: Option<&str>,
) -> anyhow::Result<Vec<Caller>> {
    use secrecy::ExposeSecret as _;
    let master = control.master(secret.default_master_key().expose_secret());
    let master = master.context("the master key is not known")?;
    let admin = master.admin()?;
    let mut callers = Vec::new();
    let label = |label: &str| NewKeyInput {
        label: label.to_owned(),
        ..NewKeyInput::default()
    };
    let budget = |monthly| BudgetLimits {
        monthly: dollars(monthly),
        ..BudgetLimits::default()
    };
    for (name, share, monthly) in PEOPLE {
        let input = NewUserInput {
            name: name.to_owned(),
            email: Some(format!("{name}@example.com")),
            role: Role::User,
            password: password.map(SecretString::from),
            budget: budget(monthly),
            limits: RateLimits::default(),
            with_key: false,
        };
        let user = control.create_user(&admin, input).await?.user.id;
        let mut keys = Vec::new();
        for name in ["laptop", "editor", "scripts"]
            .iter()
            .take(1 + share as usize / 8)
        {
            keys.push(control.create_key(&admin, user, label(name)).await?.key.id);
        }
        callers.push(Caller {
            share,
            user: Some(user),
            team: None,
            keys,
        });
    }
    for (name, share, monthly) in TEAMS {
        let input = TeamInput {
            name: name.to_owned(),
            active: true,
            budget: budget(monthly),
            limits: RateLimits::default(),
        };
        let team = control.create_team(&admin, input).await?.id;
        let key = control
            .create_team_key(&master, team, label("service"))
            .await?;
        callers.push(Caller {
            share,
            user: None,
            team: Some(team),
            keys: vec![key.key.id],
        });
    }
    Ok(callers)
}

async fn deployments(database: &Database) -> anyhow::Result<Vec<Deployment>> {
    let mut records: Vec<BackendRecord> = Vec::new();
    for offer in &OFFERS {
        let [input, cached, output] = offer.cents.map(|cents| NanoUsd(cents * 10_000_000));
        let price = Price::from(Rates {
            input,
            cache_read: cached,
            cache_write_5m: input,
            cache_write_1h: input,
            output,
        });
        let deployment = DeploymentRecord {
            model: offer.model.to_owned(),
            prices: vec![ConfiguredPrice {
                source: PriceSource::File,
                effective_from: None,
                price,
            }],
        };
        match records.iter_mut().find(|known| known.name == offer.backend) {
            Some(known) => known.deployments.push(deployment),
            None => records.push(BackendRecord {
                name: offer.backend.to_owned(),
                kind: offer.kind.to_owned(),
                base_url: None,
                deployments: vec![deployment],
            }),
        }
    }
    let now = SystemClock.now();
    let synced = database.sync_backends(&records, now).await?;
    let mut found = Vec::new();
    for offer in &OFFERS {
        let backend = synced.iter().find(|backend| backend.name == offer.backend);
        let deployment = backend.and_then(|backend| {
            let models = backend.deployments.iter();
            let mut of_name = models.filter(|one| one.model == offer.model);
            Some((backend.id, of_name.next()?))
        });
        if let Some((backend, deployment)) = deployment {
            found.push(Deployment {
                offer,
                backend,
                id: deployment.id,
                price: deployment.prices.at(now).cloned(),
            });
        }
    }
    Ok(found)
}
