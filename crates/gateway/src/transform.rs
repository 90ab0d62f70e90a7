//! Stage 4: the client's request as one deployment gets it. Same dialect: the client's own bytes with
//! the model's name cut in. (Other dialects are not candidates yet; see [`mod@crate::route::resolve`].)

use bytes::Bytes;
use dialects::{Pieces, RequestHead};
use http::HeaderMap;

use crate::route::Deployment;

/// A client's request, read as far as the router needs it.
#[derive(Debug)]
pub struct ClientRequest {
    pub head: RequestHead,
    pub headers: HeaderMap,
    /// The query string as it came; `?beta=true` is meant for the upstream.
    pub query: Option<String>,
    pub body: Bytes,
}

/// A request on its way to one upstream.
#[derive(Debug)]
pub struct UpstreamRequest<'a> {
    pub client: &'a ClientRequest,
    pub deployment: &'a Deployment,
    pub body: Pieces,
}

/// Puts a request into the shape that `deployment` takes.
#[must_use]
pub fn transform<'a>(client: &'a ClientRequest, deployment: &'a Deployment) -> UpstreamRequest<'a> {
    UpstreamRequest {
        client,
        deployment,
        body: client.head.forward(&client.body, &deployment.model),
    }
}
