//! What the data plane is told by the configuration, already checked. The server translates its
//! configuration file into these; nothing here reads a file or the environment.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use dialects::translate::Quirks;
use domain::{Dialect, RateLimits};
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use jiff::tz::TimeZone;
use secrecy::SecretString;
use storage::ConfiguredPrice;

use crate::catalog::AccountSettings;
pub use crate::counters::breaker::BreakerSettings;

/// Everything but the accounts.
#[derive(Debug)]
pub struct GatewaySettings {
    pub routes: RouteSettings,
    pub auth: AuthSettings,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// How many requests run at once; the next one is refused.
    pub max_in_flight: usize,
    pub accounts: AccountSettings,
    /// The largest answer that is kept for a repeated `Idempotency-Key`, in bytes.
    pub max_kept_answer: usize,
}

/// Where requests go; can be changed while the router runs.
#[derive(Debug)]
pub struct RouteSettings {
    pub backends: Vec<BackendSettings>,
    pub groups: Vec<GroupSettings>,
    pub rewrites: Vec<RewriteSettings>,
    pub routing: RoutingSettings,
}

/// What holds for all routes.
#[derive(Clone, Debug)]
pub struct RoutingSettings {
    /// From a request's arrival to the first content of its answer, all tries and pauses included.
    pub total_timeout: Duration,
    /// How long a stream may be silent before its client is told that it is there; `None`: as long as it
    /// likes.
    pub keep_alive: Option<Duration>,
    pub breaker: BreakerSettings,
    /// Under `least_usage`: tokens that a lane is charged for an error.
    pub error_penalty: u64,
    /// Under `least_usage`: tokens that a lane is charged before each call.
    pub request_penalty: u64,
    /// Where the hours of conditions are told.
    pub time_zone: TimeZone,
}

impl Default for RoutingSettings {
    fn default() -> Self {
        Self {
            total_timeout: Duration::from_secs(900),
            keep_alive: Some(Duration::from_secs(30)),
            breaker: BreakerSettings::default(),
            error_penalty: 10_000,
            request_penalty: 500,
            time_zone: TimeZone::UTC,
        }
    }
}

/// Who may call.
#[derive(Debug)]
pub struct AuthSettings {
    /// `false`: anyone who can reach the port.
    pub enabled: bool,
    /// Works like a key without limits.
    pub master_key: Option<SecretString>,
    /// Proxies that are believed when they say whom they speak for.
    pub trusted_proxies: Vec<IpNet>,
    /// A further header that may carry the key, after `x-api-key` and `Authorization`.
    pub header: Option<HeaderName>,
}

/// What an upstream is, which decides how it is called and what it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendKind {
    Openai,
    OpenaiCompatible,
    Anthropic,
    Bedrock,
    /// Scripted answers from inside the binary.
    Demo,
}

/// How a kind of backend serves a client's dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It speaks it.
    Native,
    /// By way of another dialect.
    Translated,
}

impl BackendKind {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::OpenaiCompatible => "openai_compatible",
            Self::Anthropic => "anthropic",
            Self::Bedrock => "bedrock",
            Self::Demo => "demo",
        }
    }

    /// How it serves clients of `dialect`; `None`: not at all.
    #[must_use]
    pub const fn serves(self, dialect: Dialect) -> Option<Service> {
        use Dialect::{
            AnthropicMessages, BedrockConverse, OpenaiChat, OpenaiCompletions, OpenaiEmbeddings,
            OpenaiMedia, OpenaiResponses,
        };
        match (self, dialect) {
            (Self::Openai, OpenaiResponses)
            | (
                Self::Openai | Self::OpenaiCompatible,
                OpenaiChat | OpenaiCompletions | OpenaiEmbeddings | OpenaiMedia,
            )
            // Claude models behind Bedrock's InvokeModel take Anthropic's own body.
            | (Self::Anthropic | Self::Bedrock, AnthropicMessages)
            | (Self::Demo, OpenaiChat | AnthropicMessages) => Some(Service::Native),
            (_, OpenaiChat | OpenaiCompletions | OpenaiResponses | AnthropicMessages) => {
                Some(Service::Translated)
            }
            (
                Self::Openai | Self::OpenaiCompatible | Self::Anthropic | Self::Bedrock | Self::Demo,
                OpenaiEmbeddings | OpenaiMedia | BedrockConverse,
            ) => None,
        }
    }
}

/// What only Bedrock needs to know. Credentials come from AWS's own chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BedrockSettings {
    pub region: Option<String>,
    /// Instead of the region's own endpoint.
    pub endpoint_url: Option<String>,
    /// A profile of AWS's configuration files.
    pub profile: Option<String>,
}

/// Which of Bedrock's APIs serves a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// InvokeModel with Anthropic's own body; for Claude models.
    Invoke,
    /// Converse, Bedrock's common dialect.
    Converse,
}

impl Via {
    /// What suits `model`: Claude keeps thinking, cache marks and betas only in its native body.
    #[must_use]
    pub fn of_model(model: &str) -> Self {
        if model.contains("anthropic.claude") {
            Self::Invoke
        } else {
            Self::Converse
        }
    }
}

/// One upstream endpoint.
#[derive(Debug)]
pub struct BackendSettings {
    pub name: String,
    pub kind: BackendKind,
    /// Of kind `bedrock` only.
    pub bedrock: BedrockSettings,
    /// How a compatible server differs from the one it is compatible with.
    pub quirks: Quirks,
    /// Empty for the demo and Bedrock. `openai`: ends with the version (`…/v1`); `anthropic`: does not.
    pub base_url: String,
    pub api_keys: Vec<SecretString>,
    /// Lower is tried first.
    pub priority: u32,
    pub timeouts: Timeouts,
    pub max_retries: u32,
    pub rate_limit: Option<RateLimit>,
    /// Besides `rate_limit` and `max_concurrent`.
    pub limits: RateLimits,
    /// What becomes of a call whose client goes away.
    pub on_disconnect: OnDisconnect,
    pub max_concurrent: Option<NonZeroU32>,
    /// Who waits for a place among these; `None`: nobody.
    pub queue: Option<QueueSettings>,
    /// Asked for → sent.
    pub model_mapping: BTreeMap<String, String>,
    /// Calls without a price are served, and the ledger says so.
    pub allow_unpriced: bool,
    pub headers: HeaderMap,
    /// Names that nothing else serves are passed on to it.
    pub any_model: bool,
    /// Empty: the backend's own list is asked for.
    pub models: Vec<ModelSettings>,
}

/// How long an upstream is waited for. Each is independent of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// From the request to the answer's head.
    pub first_byte: Duration,
    /// Between two pieces of an answer.
    pub idle: Duration,
    /// The whole answer; streams are exempt, since a long one is no fault.
    pub total: Duration,
}

/// What becomes of an upstream call whose client goes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDisconnect {
    /// It is broken off, and billed by what is known of it.
    #[default]
    Cancel,
    /// It is read to its end, so that the upstream tells what it bills.
    Drain,
}

/// How many calls wait for a place on a backend, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    pub max_waiting: usize,
    pub max_wait: Duration,
}

/// At most `requests` attempts in any `window`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: NonZeroU32,
    pub window: Duration,
}

/// A model that a backend serves.
#[derive(Clone, Debug)]
pub struct ModelSettings {
    /// As it is sent upstream.
    pub model: String,
    pub aliases: Vec<String>,
    /// Empty: not known.
    pub prices: Vec<ConfiguredPrice>,
    /// Of this model on this backend.
    pub limits: RateLimits,
    /// Bedrock only; `None`: what suits the model.
    pub via: Option<Via>,
    /// The most tokens that the model answers with; `None`: not known.
    pub max_output_tokens: Option<u64>,
}

/// A public name for several deployments.
#[derive(Clone, Debug)]
pub struct GroupSettings {
    pub name: String,
    pub strategy: Strategy,
    /// `None`: no second calls are made.
    pub hedge: Option<Hedge>,
    /// A stream that breaks off is gone on with by another member.
    pub continues: bool,
    pub members: Vec<MemberSettings>,
}

/// A second call beside a stream that is slower to come than nearly all were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// Of what the group's requests cost, in millionths: what needless calls may cost.
    pub max_share_ppm: u32,
    /// Never sooner than that.
    pub at_least: Duration,
}

/// How a group's members of one priority are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// As the file has them.
    Priority,
    /// With a probability proportional to their weight.
    Weighted,
    /// Each in turn.
    RoundRobin,
    /// The lane with the fewest tokens in the last day, times the weight.
    LeastUsage,
    /// The quicker of two that are drawn.
    LeastLatency,
    /// By what this request would probably cost.
    LowestCost,
    /// Where the provider's cache knows the beginning of the prompt.
    Affinity,
}

impl Strategy {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priority => "priority",
            Self::Weighted => "weighted",
            Self::RoundRobin => "round_robin",
            Self::LeastUsage => "least_usage",
            Self::LeastLatency => "least_latency",
            Self::LowestCost => "lowest_cost",
            Self::Affinity => "affinity",
        }
    }
}

#[derive(Clone, Debug)]
pub struct MemberSettings {
    pub backend: String,
    pub model: String,
    pub weight: u32,
    /// Lower is tried first.
    pub priority: u32,
    pub when: Conditions,
}

/// Which requests a member of a group takes. What is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Tokens of input, by the router's own count.
    pub min_input_tokens: Option<u64>,
    pub max_input_tokens: Option<u64>,
    /// Only with, or only without, pictures or documents.
    pub images: Option<bool>,
    pub tools: Option<bool>,
    pub stream: Option<bool>,
    pub hours: Option<Hours>,
    /// Only keys that have one of these tags.
    pub key_tags: Vec<String>,
}

/// A stretch of each day, in minutes since midnight. It may go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub from: u16,
    /// Not within it any more.
    pub until: u16,
}

impl Hours {
    #[must_use]
    pub const fn contains(self, minute: u16) -> bool {
        if self.from <= self.until {
            self.from <= minute && minute < self.until
        } else {
            self.from <= minute || minute < self.until
        }
    }
}

/// Another name for a model.
#[derive(Clone, Debug)]
pub struct RewriteSettings {
    pub source: String,
    pub target: String,
    /// Always, and not only where nothing else serves `source`.
    pub force: bool,
}
