//! The `backends` section: upstream endpoints, their credentials and how patiently they are called.
//! What they serve is in [`super::model`]; whether names refer to each other is checked in
//! [`super::references`].

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use dialects::translate::{MaxTokensField, Quirks, ReasoningField};
use http::{HeaderMap, HeaderName};
use secrecy::SecretString;

use super::{
    from_text::{Choice, FromText, SecretHeader},
    known_servers,
    model::{ModelConfig, limit},
    reader::Section,
    upstream::{ANTHROPIC, BackendKind, OPENAI, Upstream},
};

/// One upstream endpoint.
#[derive(Clone, Debug)]
pub struct BackendConfig {
    /// `name`: unique; without `/`, `|` and spaces, since clients write `backend/model`.
    pub name: String,
    /// `enabled`: it is asked for something. Default true.
    pub enabled: bool,
    /// `kind` with what belongs to it.
    pub upstream: Upstream,
    /// `api_keys`: used in turn. Empty for an upstream that asks for none.
    pub api_keys: Vec<SecretString>,
    /// `priority`: lower is tried first. Default 1.
    pub priority: u32,
    /// `timeout`, for the whole answer unless it is a stream. Default `REQUEST_TIMEOUT` seconds, or else 10 min.
    pub timeout: Duration,
    /// `connect_timeout`. Default 10 s.
    pub connect_timeout: Duration,
    /// `first_byte_timeout`, from the request's end to the first byte of an answer. Default 2 min, or
    /// `timeout` where that is shorter.
    pub first_byte_timeout: Duration,
    /// `idle_timeout`, between two pieces of a stream. Default 2 min, or `timeout` where that is shorter.
    pub idle_timeout: Duration,
    /// `max_retries` on the same deployment. Default 2.
    pub max_retries: u32,
    /// `rate_limit`: attempts in a sliding window. Default none.
    pub rate_limit: Option<RateLimit>,
    /// `max_concurrent`: attempts at once. Default `MAX_CONCURRENT`, or else no limit.
    pub max_concurrent: Option<NonZeroU32>,
    /// `queue`: who waits for a place among these. Default: nobody, but with `MAX_CONCURRENT`.
    pub queue: Option<Queue>,
    /// `tokens_per_minute`, in and out, of all its calls. 0, the default: no limit.
    pub tokens_per_minute: u32,
    /// `on_disconnect`: what becomes of a call whose client goes away. Default `cancel`.
    pub on_disconnect: OnDisconnect,
    /// `model_mapping`: the model that is asked for → the model that is sent.
    pub model_mapping: BTreeMap<String, String>,
    /// `unpriced`: what happens to calls whose price is not known. Default `refuse`.
    pub unpriced: Unpriced,
    /// `headers`: sent with every request; values are marked as sensitive.
    pub headers: HeaderMap,
    /// `role_rewrites`, `unsupported_params`, `max_tokens_field`, `reasoning_field`, of the kinds that speak
    /// OpenAI's dialect. Default: what is known of the server at `base_url`.
    pub quirks: Quirks,
    /// `models`. Empty: whatever the backend's own list says.
    pub models: Vec<ModelConfig>,
    /// `any_model`: names that nothing else serves are passed on to it. Default false.
    pub any_model: bool,
}

/// At most `requests` attempts in any `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: NonZeroU32,
    /// `window`. Default 60 s.
    pub window: Duration,
}

/// Who waits where a backend handles as many calls as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queue {
    /// `max_waiting`: calls. Default 100.
    pub max_waiting: NonZeroU32,
    /// `max_wait`. Default 30 s.
    pub max_wait: Duration,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_waiting: NonZeroU32::MIN.saturating_add(99),
            max_wait: Duration::from_secs(30),
        }
    }
}

/// What happens to a call whose price is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unpriced {
    /// It is refused, so that no budget is passed unseen.
    Refuse,
    /// It is served, and the ledger says that it has no price.
    Allow,
}

impl Choice for Unpriced {
    const NOUN: &'static str = "value";
    const EXPECTED: &'static str = "refuse or allow";
    const NAMES: &'static [(&'static str, Self)] =
        &[("refuse", Self::Refuse), ("allow", Self::Allow)];
}

/// What becomes of an upstream call whose client goes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is broken off, and what it used is estimated where the upstream had not told.
    Cancel,
    /// It is read to its end, so that the upstream tells what it used.
    Drain,
}

impl Choice for OnDisconnect {
    const NOUN: &'static str = "value";
    const EXPECTED: &'static str = "cancel or drain";
    const NAMES: &'static [(&'static str, Self)] =
        &[("cancel", Self::Cancel), ("drain", Self::Drain)];
}

/// How long a backend may be silent, unless it says otherwise.
const PATIENCE: Duration = Duration::from_mins(2);

impl BackendConfig {
    /// A backend of which only the name and the way to it are known.
    pub(super) fn new(name: String, upstream: Upstream, defaults: &BackendDefaults) -> Self {
        let quirks = match &upstream {
            Upstream::OpenAi { base_url } | Upstream::OpenAiCompatible { base_url } => base_url
                .as_str()
                .parse::<::url::Url>()
                .map(|url| known_servers::quirks_of(&url))
                .unwrap_or_default(),
            _ => Quirks::default(),
        };
        Self {
            quirks,
            enabled: true,
            name,
            upstream,
            api_keys: Vec::new(),
            priority: 1,
            timeout: defaults.timeout,
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: PATIENCE.min(defaults.timeout),
            idle_timeout: PATIENCE.min(defaults.timeout),
            max_retries: 2,
            rate_limit: None,
            max_concurrent: defaults.max_concurrent,
            // A forerunner's users know that variable as the size of a pool, before which calls wait.
            queue: defaults.max_concurrent.map(|_| Queue::default()),
            tokens_per_minute: 0,
            on_disconnect: OnDisconnect::Cancel,
            model_mapping: BTreeMap::new(),
            unpriced: Unpriced::Refuse,
            headers: HeaderMap::new(),
            models: Vec::new(),
            any_model: false,
        }
    }

    /// One entry of the list. What is wrong is reported and replaced by a default.
    pub(super) fn read(section: &Section<'_>, defaults: &BackendDefaults) -> Self {
        let name = section
            .field("name")
            .required()
            .map_or_else(String::new, |BackendName(name)| name);
        let kind = section.field("kind").required();
        let upstream = Upstream::read(section, kind, defaults);
        let new = Self::new(name, upstream, defaults);
        let whole = timeout(section, "timeout", new.timeout);
        // Who waits 20 s for a whole answer does not mean to wait two minutes for its first byte.
        let patience = match whole.is_zero() {
            true => PATIENCE,
            false => PATIENCE.min(whole),
        };
        let backend = Self {
            enabled: section.field("enabled").or(true),
            api_keys: section.field("api_keys").list(),
            priority: section.field("priority").or(new.priority),
            timeout: whole,
            connect_timeout: timeout(section, "connect_timeout", new.connect_timeout),
            first_byte_timeout: timeout(section, "first_byte_timeout", patience),
            idle_timeout: timeout(section, "idle_timeout", patience),
            max_retries: section.field("max_retries").or(new.max_retries),
            rate_limit: read_rate_limit(section),
            max_concurrent: section
                .field("max_concurrent")
                .optional()
                .or(new.max_concurrent),
            queue: read_queue(section).or(new.queue),
            tokens_per_minute: limit(section, "tokens_per_minute"),
            on_disconnect: section.field("on_disconnect").or(new.on_disconnect),
            model_mapping: section.field("model_mapping").map(),
            unpriced: section.field("unpriced").or(new.unpriced),
            headers: read_headers(section),
            quirks: read_quirks(section, kind, new.quirks.clone()),
            models: section
                .field("models")
                .sections()
                .iter()
                .map(|model| ModelConfig::read(model, kind))
                .collect(),
            any_model: section.field("any_model").or(new.any_model),
            ..new
        };
        section.deny_unknown_keys();
        backend.check_credentials(section);
        backend
    }

    fn check_credentials(&self, section: &Section<'_>) {
        let (own, host) = match &self.upstream {
            Upstream::OpenAi { base_url } => (base_url.as_str() == OPENAI, "OpenAI"),
            Upstream::Anthropic { base_url } => (base_url.as_str() == ANTHROPIC, "Anthropic"),
            Upstream::Bedrock { .. } if !self.api_keys.is_empty() => {
                section.report(
                    "api_keys",
                    "kind bedrock takes its credentials from AWS's own chain; remove this key",
                );
                return;
            }
            _ => return,
        };
        // A list that is there and yet empty has a problem of its own, such as a missing variable.
        if own && self.api_keys.is_empty() && !section.has("api_keys") {
            section.report("api_keys", format!("missing; {host} asks for a key"));
        }
    }
}

/// What the environment says about all backends that do not say it themselves.
#[derive(Clone, Debug)]
pub(super) struct BackendDefaults {
    pub timeout: Duration,
    pub max_concurrent: Option<NonZeroU32>,
    pub region: Option<String>,
    pub profile: Option<String>,
}

impl BackendDefaults {
    pub fn read(root: &Section<'_>) -> Self {
        let context = root.context();
        Self {
            timeout: context
                .variable("REQUEST_TIMEOUT")
                .unwrap_or(Duration::from_mins(10)),
            max_concurrent: context.variable("MAX_CONCURRENT"),
            region: context.variable("AWS_REGION"),
            profile: context.variable("AWS_PROFILE"),
        }
    }
}

/// The names of the two members that limit an answer.
#[derive(Clone, Copy)]
struct MaxTokensName(MaxTokensField);

impl Choice for MaxTokensName {
    const NOUN: &'static str = "member";
    const EXPECTED: &'static str = "max_tokens or max_completion_tokens";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("max_tokens", Self(MaxTokensField::Plain)),
        ("max_completion_tokens", Self(MaxTokensField::Completion)),
    ];
}

/// Where a server puts what the model thought.
#[derive(Clone, Copy)]
struct ReasoningName(ReasoningField);

impl Choice for ReasoningName {
    const NOUN: &'static str = "member";
    const EXPECTED: &'static str = "reasoning_content, reasoning or none";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("reasoning_content", Self(ReasoningField::Content)),
        ("reasoning", Self(ReasoningField::Reasoning)),
        ("none", Self(ReasoningField::None)),
    ];
}

fn read_quirks(section: &Section<'_>, kind: Option<BackendKind>, known: Quirks) -> Quirks {
    const KEYS: [&str; 4] = [
        "role_rewrites",
        "unsupported_params",
        "max_tokens_field",
        "reasoning_field",
    ];
    if kind.is_some_and(|kind| !matches!(kind, BackendKind::OpenAi | BackendKind::OpenAiCompatible))
    {
        for key in KEYS.into_iter().filter(|key| section.has(key)) {
            section.report(
                key,
                "belongs to kinds openai and openai_compatible; remove it",
            );
        }
    }
    let roles: BTreeMap<String, String> = section.field("role_rewrites").map();
    let unsupported: Vec<String> = section.field("unsupported_params").list();
    Quirks {
        role_rewrites: if section.has("role_rewrites") {
            roles.into_iter().collect()
        } else {
            known.role_rewrites
        },
        unsupported_params: if section.has("unsupported_params") {
            unsupported
        } else {
            known.unsupported_params
        },
        max_tokens: section
            .field("max_tokens_field")
            .or(MaxTokensName(known.max_tokens))
            .0,
        reasoning: section
            .field("reasoning_field")
            .or(ReasoningName(known.reasoning))
            .0,
    }
}

fn read_rate_limit(section: &Section<'_>) -> Option<RateLimit> {
    let field = section.field("rate_limit");
    let given = field.is_given();
    let limit = field.section();
    let requests = limit.field("requests");
    let window = timeout(&limit, "window", Duration::from_mins(1));
    let requests = if given { requests.required() } else { None };
    limit.deny_unknown_keys();
    requests.map(|requests| RateLimit { requests, window })
}

fn read_queue(section: &Section<'_>) -> Option<Queue> {
    let field = section.field("queue");
    let given = field.is_given();
    let queue = field.section();
    let usual = Queue::default();
    let max_waiting = queue.field("max_waiting").or(usual.max_waiting);
    let max_wait = timeout(&queue, "max_wait", usual.max_wait);
    queue.deny_unknown_keys();
    given.then_some(Queue {
        max_waiting,
        max_wait,
    })
}

fn timeout(section: &Section<'_>, key: &'static str, default: Duration) -> Duration {
    let duration = section.field(key).or(default);
    if duration.is_zero() {
        section.report(key, "must be longer than zero");
    }
    duration
}

/// Headers that belong to the transport or that the router writes itself.
const RESERVED_HEADERS: [&str; 6] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept-encoding",
];

fn read_headers(section: &Section<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, SecretHeader(value)) in section.field("headers").map() {
        match HeaderName::from_text(&name) {
            Err(message) => section.report("headers", message),
            Ok(name) if RESERVED_HEADERS.contains(&name.as_str()) => {
                section.report(
                    "headers",
                    format!("{name} is written by the router itself; remove it"),
                );
            }
            Ok(name) => {
                headers.insert(name, value);
            }
        }
    }
    headers
}

/// A name that clients can put before a `/`.
pub(super) struct BackendName(pub String);

impl FromText for BackendName {
    const EXPECTED: &'static str = "a name without spaces, `/` and `|`";

    fn from_text(text: &str) -> Result<Self, String> {
        let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '|');
        if text.is_empty() || text.contains(wrong) {
            return Err(format!("expected {}, found {text:?}", Self::EXPECTED));
        }
        Ok(Self(text.to_owned()))
    }
}
