//! Anthropic's Messages API, and servers that offer it.

use dialects::anthropic_messages::request::DEFAULT_VERSION;
use http::{HeaderMap, HeaderValue};

use super::{SendError, http_upstream};
use crate::{
    headers::{ANTHROPIC_BETA, ANTHROPIC_VERSION, X_API_KEY},
    transform::UpstreamRequest,
};

pub(super) fn address(request: &UpstreamRequest<'_>) -> String {
    let base = request
        .deployment
        .backend
        .settings
        .base_url
        .trim_end_matches('/')
        .trim_end_matches("/v1");
    http_upstream::address(base, request)
}

pub(super) fn headers(request: &UpstreamRequest<'_>) -> Result<HeaderMap, SendError> {
    let (mut headers, key) = http_upstream::headers(request);
    headers
        .entry(ANTHROPIC_VERSION)
        .or_insert(HeaderValue::from_static(DEFAULT_VERSION));
    if let Some(beta) = request.beta {
        headers.append(ANTHROPIC_BETA, HeaderValue::from_static(beta));
    }
    if let Some(key) = key {
        headers.insert(X_API_KEY, http_upstream::secret_value(&key)?);
    }
    Ok(headers)
}
