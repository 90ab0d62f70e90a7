//! The router as its control plane sees it: settings are checked by the reader of the configuration file,
//! put into force by the reloader, and seen in the gateway at work.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use control::{DataPlane, ExplainInput, RouteEntry, Unusable};
use domain::{
    BackendId, Dialect, KeyId, Timestamp,
    configured::{
        BackendHealth, BackendView, ConnectionTest, GroupView, HealthState, LimitGauge, MemberView,
        Origin, RewriteView, RoutingView, SettingProblem,
    },
    routing::{CacheSavings, RouteExplanation},
    script::RecordedRequest,
    status::{BackendLine, RouterStatus},
};
use gateway::{
    Gateway,
    counters::tally::Sums,
    discovery::{self, DiscoveryError},
    egress,
    route::Supposed,
    settings::BackendKind,
    status::BackendStatus,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use storage::RouteSection;

use crate::{
    config::{
        BackendConfig, BrokenEntry, Config, DEMO_BACKEND, GroupConfig, Loader, RewriteConfig,
        StoredEntry, StoredSection, Upstream,
    },
    reload::Reloader,
    settings, status,
};

/// How long a backend that is tried out may take to tell its models.
const TEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The router beside the control plane.
#[derive(Debug)]
pub struct Plane {
    pub reloader: Reloader,
    pub gateway: Gateway,
    /// The backends are variables', since the file names none.
    pub automatic: bool,
}

/// Stored entries for the reader of the configuration, in their order.
#[must_use]
pub fn stored_entries(entries: &[RouteEntry]) -> Vec<StoredEntry> {
    entries
        .iter()
        .map(|entry| StoredEntry {
            section: match entry.section {
                RouteSection::Backend => StoredSection::Backend,
                RouteSection::Group => StoredSection::Group,
                RouteSection::Rewrite => StoredSection::Rewrite,
            },
            json: entry.value.to_string(),
        })
        .collect()
}

#[async_trait]
impl DataPlane for Plane {
    fn unusable(&self, entries: &[RouteEntry]) -> Result<Vec<Unusable>, String> {
        let loaded = self.reloader.loader().load_with(&stored_entries(entries));
        let broken = loaded.map_err(|error| error.to_string())?.broken;
        Ok(broken.iter().map(unusable).collect())
    }

    fn status(&self) -> RouterStatus {
        let started = self.gateway.started_at();
        let up = self.gateway.now().millis_since(started) / 1_000;
        RouterStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_s: u64::try_from(up).unwrap_or(0),
            backends: self.gateway.backends().iter().map(status_line).collect(),
        }
    }

    fn record(&self, on: bool) {
        self.gateway.record(on);
    }

    fn recorded(&self) -> (Option<Timestamp>, Vec<RecordedRequest>) {
        self.gateway.recorded()
    }

    fn parse(&self, text: &str) -> Result<Value, String> {
        Loader::json_of(text)
    }

    fn view(&self, stored: &[RouteEntry]) -> RoutingView {
        let now = self.reloader.in_force();
        let live = self.gateway.backends();
        let config = &now.config;
        let of_section = |section| stored.iter().filter(move |e| e.section == section);
        let problem = |entry: &RouteEntry| {
            let broken = now.broken.iter().find(|(id, _)| Some(*id) == entry.id);
            broken.map(|(_, why)| why.clone())
        };
        let from = config.stored_from;

        let mut backends: Vec<BackendView> = config.backends[..from.backends]
            .iter()
            .map(|backend| {
                let origin = match self.automatic {
                    true => Origin::Environment,
                    false => Origin::File,
                };
                backend_view(backend, origin, &live)
            })
            .collect();
        for entry in of_section(RouteSection::Backend) {
            let name = text_of(&entry.value, "name");
            let in_force = config.backends[from.backends..].iter();
            let mut view = match in_force.clone().find(|b| b.name == name) {
                Some(backend) => backend_view(backend, Origin::Dashboard, &live),
                None => broken_backend(name, entry, problem(entry)),
            };
            view.settings = now.document_of(&entry.value);
            view.note.clone_from(&entry.note);
            backends.push(view);
        }
        if config.demo.enabled
            && let Some(demo) = live.iter().find(|b| b.name == DEMO_BACKEND)
        {
            backends.push(demo_view(demo));
        }

        let mut groups: Vec<GroupView> = config.groups[..from.groups]
            .iter()
            .map(|group| group_view(group, None, Origin::File))
            .collect();
        for entry in of_section(RouteSection::Group) {
            let name = text_of(&entry.value, "name");
            let in_force = config.groups[from.groups..].iter().find(|g| g.name == name);
            let mut view = match in_force {
                Some(group) => group_view(group, entry.id, Origin::Dashboard),
                None => broken_group(name, entry),
            };
            view.problem = problem(entry);
            view.note.clone_from(&entry.note);
            for (member, stored) in view.members.iter_mut().zip(members_of(&entry.value)) {
                let when = stored.get("when").filter(|when| !when.is_null());
                member.when = when.map_or_else(String::new, |when| now.one_line(when));
            }
            groups.push(view);
        }
        for (name, cached_tokens, saved) in self.gateway.group_savings() {
            if let Some(group) = groups.iter_mut().find(|g| g.name == name) {
                group.saved = Some(CacheSavings {
                    cached_tokens,
                    saved,
                });
            }
        }

        let mut rewrites: Vec<RewriteView> = config.rewrites[..from.rewrites]
            .iter()
            .map(|rewrite| rewrite_view(rewrite, Origin::File))
            .collect();
        for entry in of_section(RouteSection::Rewrite) {
            rewrites.push(RewriteView {
                id: entry.id,
                source: text_of(&entry.value, "source").to_owned(),
                target: text_of(&entry.value, "target").to_owned(),
                force: entry.value.get("force").and_then(Value::as_bool) == Some(true),
                origin: Origin::Dashboard,
                problem: problem(entry),
                note: entry.note.clone(),
            });
        }
        RoutingView {
            backends,
            groups,
            rewrites,
        }
    }

    async fn test(&self, entry: &RouteEntry) -> ConnectionTest {
        let began = Instant::now();
        let elapsed = || u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let refused = |message: String| ConnectionTest {
            ok: false,
            message,
            models: Vec::new(),
            elapsed_ms: elapsed(),
        };
        let Some(backend) = self.reloader.config_of(entry) else {
            return refused("its settings cannot be used".to_owned());
        };
        let settings = settings::backend(&backend);
        match settings.kind {
            BackendKind::Demo => {
                return ConnectionTest {
                    ok: true,
                    message: "it is part of the router".to_owned(),
                    models: settings.models.into_iter().map(|m| m.model).collect(),
                    elapsed_ms: elapsed(),
                };
            }
            BackendKind::Bedrock => {
                return refused(
                    "Bedrock's runtime has no free list of models; whether its credentials are good shows \
                     with the first request"
                        .to_owned(),
                );
            }
            BackendKind::Openai | BackendKind::OpenaiCompatible | BackendKind::Anthropic => {}
        }
        let client = match egress::json_client() {
            Ok(client) => client,
            Err(error) => return refused(format!("no connection can be made: {error}")),
        };
        let asked = discovery::models_of(&client, &settings);
        match tokio::time::timeout(TEST_TIMEOUT, asked).await {
            Ok(Ok(models)) => ConnectionTest {
                ok: true,
                message: match models.len() {
                    0 => "it answers, but lists no model".to_owned(),
                    1 => "it answers, and lists 1 model".to_owned(),
                    n => format!("it answers, and lists {n} models"),
                },
                models,
                elapsed_ms: elapsed(),
            },
            Ok(Err(error)) => refused(advice(&error)),
            Err(_) => refused(format!("no answer within {} s", TEST_TIMEOUT.as_secs())),
        }
    }

    async fn refresh_models(&self, backend: BackendId) -> Result<u64, String> {
        let client = egress::json_client().map_err(|error| error.to_string())?;
        let found = self.gateway.discover(&client, backend).await;
        let found = found.map_err(|error| error.to_string())?;
        Ok(u64::try_from(found).unwrap_or(u64::MAX))
    }

    fn end_rests(&self, backend: BackendId) {
        self.gateway.end_rests(Some(backend));
    }

    fn explain(&self, input: &ExplainInput) -> Option<RouteExplanation> {
        let supposed = Supposed {
            dialect: match input.dialect.as_str() {
                "responses" => Dialect::OpenaiResponses,
                "anthropic" => Dialect::AnthropicMessages,
                _ => Dialect::OpenaiChat,
            },
            stream: input.stream,
            input_tokens: input.input_tokens,
            max_output_tokens: input.max_output_tokens,
            images: input.images,
            tools: input.tools,
        };
        self.gateway.explain(input.key_id, &input.model, &supposed)
    }

    fn models_of_key(&self, key: KeyId) -> Option<Vec<String>> {
        self.gateway.models_of_key(key)
    }
}

fn unusable(broken: &BrokenEntry) -> Unusable {
    let problems = broken.problems.iter().map(|problem| SettingProblem {
        key: problem.key.clone(),
        message: problem.message.clone(),
    });
    Unusable {
        entry: broken.entry,
        problems: problems.collect(),
    }
}

/// Why a backend did not tell its models, and what would mend it.
fn advice(error: &DiscoveryError) -> String {
    match error {
        DiscoveryError::Status(status) => match status.as_u16() {
            401 | 403 => format!("it answered {status}: the API key is not accepted"),
            404 => format!(
                "it answered {status}: there is no list of models at this address; does the base URL end as it should (/v1)?"
            ),
            _ => format!("it answered {status}"),
        },
        DiscoveryError::Request(error) if error.is_timeout() => "no answer in time".to_owned(),
        DiscoveryError::Request(error) if error.is_connect() => {
            format!("no connection: {}", innermost(error))
        }
        DiscoveryError::Request(error) if error.is_decode() => {
            "it answered something else than a list of models; is the base URL right?".to_owned()
        }
        DiscoveryError::Request(error) => innermost(error),
    }
}

/// What lies at the bottom of an error: "certificate has expired" rather than "error sending request".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn text_of<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn members_of(value: &Value) -> &[Value] {
    let members = value.get("members").and_then(Value::as_array);
    members.map_or(&[], Vec::as_slice)
}

fn masked(key: &SecretString) -> String {
    let key = key.expose_secret();
    let last: String = key.chars().rev().take(4).collect();
    match key.len() {
        0..=8 => "…".to_owned(),
        _ => format!("…{}", last.chars().rev().collect::<String>()),
    }
}

fn backend_view(config: &BackendConfig, origin: Origin, live: &[BackendStatus]) -> BackendView {
    let base_url = match &config.upstream {
        Upstream::OpenAi { base_url }
        | Upstream::OpenAiCompatible { base_url }
        | Upstream::Anthropic { base_url } => {
            status::backends::without_credentials(base_url.as_str())
        }
        Upstream::Bedrock { .. } | Upstream::Demo => String::new(),
    };
    let here = live.iter().find(|b| b.name == config.name);
    BackendView {
        id: here.map(|b| b.id),
        name: config.name.clone(),
        kind: config.upstream.kind().as_str().to_owned(),
        base_url,
        priority: config.priority,
        enabled: config.enabled,
        origin,
        credentials: config.api_keys.iter().map(masked).collect(),
        lists_models: !config.models.is_empty(),
        models: match here {
            Some(here) => here.models.clone(),
            None => config.models.iter().map(|m| m.model.clone()).collect(),
        },
        health: match here {
            Some(here) if config.enabled => health(here),
            _ => idle(HealthState::Disabled, String::new()),
        },
        problem: None,
        settings: String::new(),
        note: String::new(),
    }
}

fn broken_backend(name: &str, entry: &RouteEntry, problem: Option<String>) -> BackendView {
    let problem = problem.unwrap_or_else(|| "it is not in force".to_owned());
    let priority = entry.value.get("priority").and_then(Value::as_u64);
    BackendView {
        id: None,
        name: name.to_owned(),
        kind: text_of(&entry.value, "kind").to_owned(),
        base_url: text_of(&entry.value, "base_url").to_owned(),
        priority: priority.and_then(|p| u32::try_from(p).ok()).unwrap_or(1),
        enabled: true,
        origin: Origin::Dashboard,
        credentials: Vec::new(),
        lists_models: false,
        models: Vec::new(),
        health: idle(HealthState::Broken, problem.clone()),
        problem: Some(problem),
        settings: String::new(),
        note: String::new(),
    }
}

fn demo_view(demo: &BackendStatus) -> BackendView {
    BackendView {
        id: Some(demo.id),
        name: demo.name.clone(),
        kind: demo.kind.as_str().to_owned(),
        base_url: String::new(),
        priority: demo.priority,
        enabled: true,
        origin: Origin::BuiltIn,
        credentials: Vec::new(),
        lists_models: true,
        models: demo.models.clone(),
        health: health(demo),
        problem: None,
        settings: String::new(),
        note: String::new(),
    }
}

fn idle(state: HealthState, reason: String) -> BackendHealth {
    BackendHealth {
        state,
        reason,
        next_try_ms: None,
        calls: 0,
        failed: 0,
        in_progress: 0,
        waiting: 0,
        latency_ms: None,
        first_chunk_ms: None,
        last_error: None,
        limit: None,
    }
}

/// How a backend is at work.
#[must_use]
pub fn health(backend: &BackendStatus) -> BackendHealth {
    let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    let sums = &backend.sums;
    let last = sums.last_error.as_ref().map(|(_, error)| error.as_str());
    let because = |what: &str| match last {
        Some(error) => format!("{what}: {error}"),
        None => what.to_owned(),
    };
    let (state, reason, next_try_ms) = if backend.failing {
        let next = backend.failing_for.map(millis);
        (
            HealthState::Failing,
            because("it failed several times in a row"),
            next,
        )
    } else if let Some(left) = backend.cooldowns.remaining {
        (
            HealthState::Resting,
            because("it refused calls"),
            Some(millis(left)),
        )
    } else if sums.calls == 0 {
        (HealthState::Unused, String::new(), None)
    } else if sums.failed == sums.calls {
        // Too few of them for a rest, and well it is not.
        (HealthState::Failing, because("no call has succeeded"), None)
    } else {
        (HealthState::Well, String::new(), None)
    };
    let average = |sum: u64, count: u64| sum.checked_div(count);
    BackendHealth {
        state,
        reason,
        next_try_ms,
        calls: sums.calls,
        failed: sums.failed,
        in_progress: backend.in_progress,
        waiting: u64::try_from(backend.waiting).unwrap_or(u64::MAX),
        latency_ms: average(sums.whole.total_ms, sums.whole.answers),
        first_chunk_ms: average(sums.streams.first_chunk_ms, sums.streams.answers),
        last_error: sums.last_error.clone(),
        limit: backend.rate_limit.as_ref().map(|window| LimitGauge {
            requests: u64::from(window.limit.requests.get()),
            remaining: window.remaining,
            window_ms: millis(window.limit.window),
        }),
    }
}

/// A backend as everybody may see it.
fn status_line(backend: &BackendStatus) -> BackendLine {
    let health = health(backend);
    let Sums { whole, streams, .. } = &backend.sums;
    let output = whole.output_tokens + streams.output_tokens;
    let took = whole.total_ms + streams.total_ms;
    BackendLine {
        name: backend.name.clone(),
        kind: backend.kind.as_str().to_owned(),
        state: health.state,
        next_try_ms: health.next_try_ms,
        models: u64::try_from(backend.models.len()).unwrap_or(u64::MAX),
        calls: health.calls,
        failed: health.failed,
        in_progress: health.in_progress,
        waiting: health.waiting,
        latency_ms: health.latency_ms,
        first_chunk_ms: health.first_chunk_ms,
        tokens_per_s: (output * 1_000).checked_div(took).filter(|_| output > 0),
    }
}

fn group_view(config: &GroupConfig, id: Option<i64>, origin: Origin) -> GroupView {
    GroupView {
        id,
        name: config.name.clone(),
        strategy: settings::strategy(config.strategy).as_str().to_owned(),
        continue_streams: config.continue_streams,
        hedge_share: config.hedge.map(|hedge| u32::from(hedge.max_share)),
        hedge_after_ms: config
            .hedge
            .map(|hedge| u64::try_from(hedge.at_least.as_millis()).unwrap_or(u64::MAX)),
        members: config
            .members
            .iter()
            .map(|member| MemberView {
                backend: member.backend.clone(),
                model: member.model.clone(),
                weight: member.weight,
                priority: member.priority,
                when: match member.when == Default::default() {
                    true => String::new(),
                    false => "as the file says".to_owned(),
                },
            })
            .collect(),
        origin,
        problem: None,
        saved: None,
        note: String::new(),
    }
}

fn broken_group(name: &str, entry: &RouteEntry) -> GroupView {
    let number = |value: &Value, key: &str| {
        let number = value.get(key).and_then(Value::as_u64);
        number.and_then(|n| u32::try_from(n).ok())
    };
    GroupView {
        id: entry.id,
        name: name.to_owned(),
        strategy: text_of(&entry.value, "strategy").to_owned(),
        continue_streams: false,
        hedge_share: None,
        hedge_after_ms: None,
        members: members_of(&entry.value)
            .iter()
            .map(|member| MemberView {
                backend: text_of(member, "backend").to_owned(),
                model: text_of(member, "model").to_owned(),
                weight: number(member, "weight").unwrap_or(1),
                priority: number(member, "priority").unwrap_or(0),
                when: String::new(),
            })
            .collect(),
        origin: Origin::Dashboard,
        problem: None,
        saved: None,
        note: String::new(),
    }
}

fn rewrite_view(config: &RewriteConfig, origin: Origin) -> RewriteView {
    RewriteView {
        id: None,
        source: config.source.clone(),
        target: config.target.clone(),
        force: config.force,
        origin,
        problem: None,
        note: String::new(),
    }
}

/// The configuration in force, as far as it is shown.
#[derive(Clone, Debug)]
pub struct InForce {
    pub config: Config,
    /// Ids of stored entries that cannot be used, and why.
    pub broken: Vec<(i64, String)>,
}

impl InForce {
    /// An entry in the words of the file, without what is secret.
    fn document_of(&self, value: &Value) -> String {
        let mut value = value.clone();
        if let Value::Object(members) = &mut value {
            members.remove("api_keys");
            members.remove("headers");
        }
        crate::config::yaml_of(&value)
    }

    fn one_line(&self, value: &Value) -> String {
        crate::config::line_of(value)
    }
}
