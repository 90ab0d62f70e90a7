//! OpenAI and everything that speaks its Chat Completions API.

use http::{HeaderMap, header::AUTHORIZATION};

use super::{SendError, http_upstream};
use crate::transform::UpstreamRequest;

pub(super) fn address(request: &UpstreamRequest<'_>) -> String {
    http_upstream::address(&request.deployment.backend.settings.base_url, request)
}

pub(super) fn headers(request: &UpstreamRequest<'_>) -> Result<HeaderMap, SendError> {
    let (mut headers, key) = http_upstream::headers(request);
    if let Some(key) = key {
        headers.insert(
            AUTHORIZATION,
            http_upstream::secret_value(&format!("Bearer {key}"))?,
        );
    }
    Ok(headers)
}
