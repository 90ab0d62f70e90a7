//! Which headers cross the router. Both directions are lists of what passes; everything else stays
//! where it is, so that no credential, cookie or internal name crosses by accident.

mod rate_limits;

pub use rate_limits::of_caller;

use domain::{
    Dialect,
    routing::{NOT_PERMITTED, RouteTrail},
};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};

/// A header, if it is text.
#[must_use]
pub fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// What `Authorization: Bearer` presents.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    bearer_of(text(headers, &AUTHORIZATION)?)
}

/// What a value of the form `Bearer <secret>` presents.
#[must_use]
pub fn bearer_of(value: &str) -> Option<&str> {
    let (scheme, secret) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| secret.trim())
}

pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Whom a proxy speaks for.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// What Anthropic's SDKs call `x-request-id`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The name of the backend that answered.
pub const X_PROVIDER: HeaderName = HeaderName::from_static("x-provider");
/// How many upstream calls were made.
pub const X_ATTEMPTS: HeaderName = HeaderName::from_static("x-llm-router-attempts");
/// Tells the SDKs whether trying again makes sense; they obey it over the status.
pub const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
pub const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

pub const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
/// How long to wait, more exactly than `retry-after` can say it.
pub const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// What of the request the upstream could not be told, since it speaks another dialect.
pub const X_DROPPED: HeaderName = HeaderName::from_static("x-llm-router-dropped");
/// Says that a count is the router's own estimate.
pub const X_ESTIMATE: HeaderName = HeaderName::from_static("x-llm-router-estimate");

/// A client that sends `1` is told which way its request took.
pub const X_DEBUG: HeaderName = HeaderName::from_static("x-llm-router-debug");
/// The calls that failed before the one that answered, and why.
pub const X_ROUTE: HeaderName = HeaderName::from_static("x-llm-router-route");
/// What the name stands for that could not serve this request, and why.
pub const X_EXCLUDED: HeaderName = HeaderName::from_static("x-llm-router-excluded");

/// The longest value that a client is sent of a text that it has made itself.
const MAX_VALUE: usize = 1_000;

/// A text as a header's value: what a header cannot carry becomes a question mark.
#[must_use]
pub fn printable(text: &str) -> HeaderValue {
    let text: String = text
        .chars()
        .take(MAX_VALUE)
        .map(|c| if matches!(c, ' '..='~') { c } else { '?' })
        .collect();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("?"))
}

/// Whether a client wants to know which way its request takes.
#[must_use]
pub fn asks_for_route(headers: &HeaderMap) -> bool {
    headers
        .get(X_DEBUG)
        .is_some_and(|value| matches!(value.as_bytes(), b"1" | b"true"))
}

/// The way of a request, for whoever asked.
#[must_use]
pub fn of_route(trail: &RouteTrail) -> HeaderMap {
    let attempts: Vec<String> = trail
        .attempts
        .iter()
        .map(|attempt| {
            let error = attempt.error.as_deref().unwrap_or("answered");
            format!("{}/{} {error}", attempt.backend, attempt.model)
        })
        .collect();
    let excluded: Vec<String> = trail
        .excluded
        .iter()
        // What a caller may not use is not there for them.
        .filter(|excluded| excluded.reason != NOT_PERMITTED)
        .map(|excluded| {
            format!(
                "{}/{}: {}",
                excluded.backend, excluded.model, excluded.reason
            )
        })
        .collect();
    let mut headers = HeaderMap::new();
    headers.insert(X_ROUTE, printable(&attempts.join("; ")));
    headers.insert(X_EXCLUDED, printable(&excluded.join("; ")));
    headers
}

/// Whose headers a dialect goes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Openai,
    Anthropic,
    Bedrock,
}

/// The family of a dialect.
#[must_use]
pub const fn family(dialect: Dialect) -> Family {
    match dialect {
        Dialect::OpenaiChat
        | Dialect::OpenaiCompletions
        | Dialect::OpenaiResponses
        | Dialect::OpenaiEmbeddings
        | Dialect::OpenaiMedia => Family::Openai,
        Dialect::AnthropicMessages => Family::Anthropic,
        Dialect::BedrockConverse => Family::Bedrock,
    }
}

/// Prefixes and names that go upstream, and to which family alone. The SDKs' and agents' own headers
/// are harmless and used by providers for support; account headers (`openai-organization`,
/// `openai-project`) belong to the router's credential and stay here.
const UPSTREAM: [(&str, Option<Family>); 8] = [
    ("anthropic-", Some(Family::Anthropic)),
    ("openai-beta", Some(Family::Openai)),
    ("x-codex-", Some(Family::Openai)),
    ("originator", Some(Family::Openai)),
    ("x-stainless-", None),
    ("x-app", None),
    ("x-claude-code-", None),
    ("x-session-", None),
];

/// The client's headers that go to an upstream of `dialect`.
pub fn for_upstream(
    client: &HeaderMap,
    dialect: Dialect,
) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let family = family(dialect);
    client.iter().filter(move |(name, _)| {
        *name == USER_AGENT
            || UPSTREAM
                .iter()
                .any(|(p, only)| name.as_str().starts_with(p) && only.is_none_or(|f| f == family))
    })
}

const CLIENT: [&str; 4] = [
    "openai-",
    "anthropic-ratelimit-",
    "x-ratelimit-",
    "retry-after",
];

/// The upstream's headers that go to a client of the same family.
pub fn for_client(upstream: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    upstream.iter().filter(|(name, _)| {
        *name == CONTENT_TYPE
            || CLIENT.iter().any(|p| name.as_str().starts_with(p))
                && name.as_str() != "openai-organization"
                && name.as_str() != "openai-project"
    })
}

/// The same for a client of another family: what both know, in the client's words. `now` is in
/// milliseconds since 1970.
#[must_use]
pub fn translated(upstream: &HeaderMap, client: Dialect, now: i64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in upstream {
        if *name == RETRY_AFTER || *name == RETRY_AFTER_MS {
            headers.append(name.clone(), value.clone());
        }
        let Some(limit) = rate_limits::Header::parse(name.as_str()) else {
            continue;
        };
        let value = match family(client) {
            Family::Anthropic => limit.for_anthropic(value, now),
            Family::Openai | Family::Bedrock => limit.for_openai(value, now),
        };
        if let Some((name, value)) = value {
            headers.insert(name, value);
        }
    }
    headers
}

/// The headers of an upstream's refusal that are for the client.
#[must_use]
pub fn of_refusal(headers: &HeaderMap, upstream: Dialect, client: Dialect, now: i64) -> HeaderMap {
    let mut kept = if family(upstream) == family(client) {
        let same = for_client(headers).filter(|(name, _)| *name != CONTENT_TYPE);
        same.map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    } else {
        translated(headers, client, now)
    };
    if let Some(value) = headers.get(X_SHOULD_RETRY) {
        kept.insert(X_SHOULD_RETRY, value.clone());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(names: &[&'static str]) -> HeaderMap {
        names
            .iter()
            .map(|n| (HeaderName::from_static(n), HeaderValue::from_static("v")))
            .collect()
    }

    #[test]
    fn credentials_and_account_names_never_cross() {
        let client = map(&[
            "authorization",
            "x-api-key",
            "cookie",
            "openai-organization",
            "anthropic-beta",
            "user-agent",
            "x-stainless-lang",
            "host",
            "content-length",
        ]);
        let mut up: Vec<&str> = for_upstream(&client, Dialect::AnthropicMessages)
            .map(|(n, _)| n.as_str())
            .collect();
        up.sort_unstable();
        assert_eq!(up, ["anthropic-beta", "user-agent", "x-stainless-lang"]);
        let mut up: Vec<&str> = for_upstream(&client, Dialect::OpenaiChat)
            .map(|(n, _)| n.as_str())
            .collect();
        up.sort_unstable();
        assert_eq!(up, ["user-agent", "x-stainless-lang"]);
        let upstream = map(&[
            "set-cookie",
            "server",
            "content-type",
            "openai-organization",
            "openai-processing-ms",
            "x-ratelimit-remaining-requests",
            "retry-after",
            "retry-after-ms",
        ]);
        let mut down: Vec<&str> = for_client(&upstream).map(|(n, _)| n.as_str()).collect();
        down.sort_unstable();
        assert_eq!(
            down,
            [
                "content-type",
                "openai-processing-ms",
                "retry-after",
                "retry-after-ms",
                "x-ratelimit-remaining-requests"
            ]
        );
    }
}
