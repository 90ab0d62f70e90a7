//! Which headers cross the router. Both directions are lists of what passes; everything else stays
//! where it is, so that no credential, cookie or internal name crosses by accident.

use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT},
};

pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What Anthropic's SDKs call `x-request-id`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// The name of the backend that answered.
pub const X_PROVIDER: HeaderName = HeaderName::from_static("x-provider");
/// How many upstream calls were made.
pub const X_ATTEMPTS: HeaderName = HeaderName::from_static("x-llm-router-attempts");
/// Tells the SDKs whether trying again makes sense; they obey it over the status.
pub const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
pub const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");

/// Prefixes and names that go upstream. The SDKs' and agents' own headers are harmless and used by
/// providers for support; account headers (`openai-organization`, `openai-project`) belong to the
/// router's credential and stay here.
const UPSTREAM: [&str; 6] = [
    "anthropic-",
    "openai-beta",
    "x-stainless-",
    "x-app",
    "x-claude-code-",
    "x-session-",
];

/// The client's headers that go upstream.
pub fn for_upstream(client: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &http::HeaderValue)> {
    client.iter().filter(|(name, _)| {
        *name == USER_AGENT || UPSTREAM.iter().any(|p| name.as_str().starts_with(p))
    })
}

const CLIENT: [&str; 4] = [
    "openai-",
    "anthropic-ratelimit-",
    "x-ratelimit-",
    "retry-after",
];

/// The upstream's headers that go to the client.
pub fn for_client(upstream: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &http::HeaderValue)> {
    upstream.iter().filter(|(name, _)| {
        *name == CONTENT_TYPE
            || *name == RETRY_AFTER
            || CLIENT.iter().any(|p| name.as_str().starts_with(p))
                && name.as_str() != "openai-organization"
                && name.as_str() != "openai-project"
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

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
        let mut up: Vec<&str> = for_upstream(&client).map(|(n, _)| n.as_str()).collect();
        up.sort_unstable();
        assert_eq!(up, ["anthropic-beta", "user-agent", "x-stainless-lang"]);
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
