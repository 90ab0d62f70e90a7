//! What all upstreams that are reached by HTTP have in common.

use domain::Dialect;
use http::{
    HeaderMap, HeaderValue, Method, Request,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use secrecy::ExposeSecret as _;

use super::{SendError, UpstreamBody, UpstreamResponse};
use crate::{
    egress::{EgressClient, EgressError},
    headers,
    settings::BackendSettings,
    transform::UpstreamRequest,
};

/// A pool of connections to one upstream.
#[derive(Debug)]
pub struct HttpUpstream {
    client: EgressClient,
}

impl HttpUpstream {
    /// # Errors
    /// When the address cannot be used.
    pub fn new(settings: &BackendSettings) -> Result<Self, EgressError> {
        let client = EgressClient::for_upstream(&settings.base_url, settings.timeouts.connect)?;
        Ok(Self { client })
    }

    pub(super) async fn send(
        &self,
        address: String,
        headers: HeaderMap,
        request: UpstreamRequest<'_>,
    ) -> Result<UpstreamResponse, SendError> {
        let mut sent = Request::new(request.body.into());
        *sent.method_mut() = Method::POST;
        *sent.uri_mut() = address
            .parse()
            .map_err(|_| SendError::Unsendable("its address is not a valid URL".to_owned()))?;
        *sent.headers_mut() = headers;
        let response = self
            .client
            .request(sent)
            .await
            .map_err(|error| send_error(&error))?;
        let (head, body) = response.into_parts();
        Ok(UpstreamResponse {
            status: head.status,
            headers: head.headers,
            body: UpstreamBody::Http(body),
        })
    }
}

pub(super) fn send_error(error: &hyper_util::client::legacy::Error) -> SendError {
    if error.is_connect() {
        SendError::Unreachable(root_cause(error))
    } else {
        SendError::Broken
    }
}

/// What lies at the bottom of an error: "Connection refused" and not "client error (Connect)".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The address of an endpoint below a base URL, with the query of a client that speaks the same.
pub(super) fn address(base_url: &str, request: &UpstreamRequest<'_>) -> String {
    let base = base_url.trim_end_matches('/');
    let client = request.client;
    let path = client.endpoint.upstream_path(request.dialect);
    let same = headers::family(client.head.dialect) == headers::family(request.dialect);
    match client.query.as_deref().filter(|_| same) {
        Some(query) => format!("{base}{path}?{query}"),
        None => format!("{base}{path}"),
    }
}

/// The headers of a request but for its credential, and its credential.
pub(super) fn headers(request: &UpstreamRequest<'_>) -> (HeaderMap, Option<String>) {
    let backend = &request.deployment.backend;
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in headers::for_upstream(&request.client.headers, request.dialect) {
        headers.append(name.clone(), value.clone());
    }
    // A form says in its type where its parts begin.
    let content_type = match request.dialect {
        Dialect::OpenaiMedia => request.client.headers.get(CONTENT_TYPE).cloned(),
        _ => None,
    };
    headers.insert(
        CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/json")),
    );
    headers.insert(CONTENT_LENGTH, request.body.len().into());
    headers.extend(request.client.added.clone());
    headers.extend(backend.settings.headers.clone());
    let key = backend.settings.api_keys.get(request.credential);
    (headers, key.map(|key| key.expose_secret().to_owned()))
}

/// A header value that no log shows.
pub(super) fn secret_value(text: &str) -> Result<HeaderValue, SendError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        SendError::Unsendable("its API key holds characters that a header cannot carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}
