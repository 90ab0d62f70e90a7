//! `POST /v1/messages/count_tokens`: how many tokens a request would be. The upstream counts where it
//! can (Anthropic itself, Claude on Bedrock); elsewhere, and where the upstream fails, the router
//! estimates, and says so in `x-llm-router-estimate`. A count is never billed, and agents ask for many
//! at once, so that it is not counted in any limit either.

use bytes::Bytes;
use dialects::{
    RequestHead,
    anthropic_messages::{betas::for_bedrock, request::for_bedrock_invoke},
    write,
};
use domain::{Dialect, RequestId};
use http::{HeaderMap, HeaderValue, Response, header::CONTENT_TYPE};

use crate::{
    GatewayError, ResponseBody,
    dispatch::{
        attempt::read_body,
        failure::{Between, Failed, Failure, upstream_error},
    },
    headers::X_ESTIMATE,
    providers::{Provider, UpstreamResponse, bedrock::Operation},
    route::{Candidate, Deployment},
    settings::{BackendKind, Via},
    transform::{ClientRequest, UpstreamRequest},
};

/// What a message costs besides its text, in tokens: its role and its frame.
const PER_MESSAGE: u64 = 4;

/// The most that is read of an upstream's answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Counts the tokens of `request` where it would be sent.
///
/// # Errors
/// The upstream says that the request is wrong.
pub async fn count(
    request: &ClientRequest,
    request_id: RequestId,
    candidate: &Candidate,
) -> Result<Response<ResponseBody>, GatewayError> {
    let deployment = &*candidate.deployment;
    match ask(request, candidate).await {
        Some(response) if response.status.is_success() => {
            let idle = deployment.backend.settings.timeouts.idle;
            let body = read_body(response.body, MAX_ANSWER, idle).await;
            match body.ok().as_deref().and_then(tokens_of) {
                Some(tokens) => Ok(answer(tokens, false)),
                None => Ok(answer(estimate(request), true)),
            }
        }
        // The client's own fault: an estimate would hide it. Bedrock also refuses to count for models that
        // it would serve (those behind inference profiles), which is no fault of anybody's.
        Some(response)
            if matches!(response.status.as_u16(), 400 | 413 | 422)
                && deployment.backend.settings.kind == BackendKind::Anthropic =>
        {
            Err(refusal(request, request_id, deployment, response).await)
        }
        _ => Ok(answer(estimate(request), true)),
    }
}

/// Asks the upstream, if it can count.
async fn ask(request: &ClientRequest, candidate: &Candidate) -> Option<UpstreamResponse> {
    let deployment = &*candidate.deployment;
    let provider = &*deployment.backend.provider;
    let limit = deployment.backend.settings.timeouts.first_byte;
    let quirks = &deployment.backend.settings.quirks;
    let body = || request.native_body(&deployment.model, quirks);
    let asked = async {
        match provider {
            Provider::Anthropic(_) => {
                let upstream = UpstreamRequest {
                    client: request,
                    deployment,
                    credential: candidate.lane,
                    body: body(),
                    dialect: Dialect::AnthropicMessages,
                    beta: None,
                };
                provider.send(upstream).await.ok()
            }
            // Claude is counted by its own body, whatever it is called with.
            Provider::Bedrock(bedrock)
                if [deployment.via, Via::of_model(&deployment.model)].contains(&Via::Invoke) =>
            {
                let betas = for_bedrock(&request.betas());
                let body = for_bedrock_invoke(&body().into_bytes(), &betas).ok()?;
                let body = invoke_model_input(&with_limit(&body.into_bytes()));
                let operation = Operation::CountTokens;
                bedrock.call(operation, &deployment.model, body).await.ok()
            }
            Provider::Bedrock(_) | Provider::OpenaiCompatible(_) | Provider::Scripted => None,
        }
    };
    tokio::time::timeout(limit, asked).await.ok()?
}

async fn refusal(
    request: &ClientRequest,
    request_id: RequestId,
    deployment: &Deployment,
    response: UpstreamResponse,
) -> GatewayError {
    let status = response.status.as_u16();
    let idle = deployment.backend.settings.timeouts.idle;
    let body = read_body(response.body, MAX_ANSWER, idle)
        .await
        .unwrap_or_default();
    let between = Between {
        upstream: Dialect::AnthropicMessages,
        client: request.head.dialect,
        now: request_id.unix_millis(),
    };
    let backend = &deployment.backend;
    let failed = Failed {
        backend: backend.name().to_owned(),
        model: deployment.model.clone(),
        failure: Failure::refused(backend, status, &response.headers, &body, between),
    };
    upstream_error(&failed, status)
}

/// CountTokens takes the body of an InvokeModel call, in base64, and wants a whole one.
fn invoke_model_input(body: &[u8]) -> Bytes {
    use base64::Engine as _;
    let mut out = Vec::new();
    write::object(&mut out, |o| {
        o.object("input", |o| {
            o.object("invokeModel", |o| {
                let encoded = base64::engine::general_purpose::STANDARD.encode(body);
                o.put("body", &encoded);
            });
        });
    });
    out.into()
}

/// A request that is only counted has no `max_tokens`, without which InvokeModel's body is not one.
fn with_limit(body: &[u8]) -> Vec<u8> {
    let has_limit = dialects::json::members(body)
        .map_while(Result::ok)
        .any(|member| member.key == "max_tokens");
    let mut body = body.to_vec();
    if !has_limit && let Some(end) = memchr::memrchr(b'}', &body) {
        body.splice(end..end, *br#","max_tokens":1"#);
    }
    body
}

/// Anthropic says `input_tokens`, Bedrock `inputTokens`.
fn tokens_of(body: &[u8]) -> Option<u64> {
    let mut object = dialects::node::Node::parse(body).ok()?.object().ok()?;
    object
        .u64("input_tokens")
        .ok()?
        .or(object.u64("inputTokens").ok()?)
}

fn estimate(request: &ClientRequest) -> u64 {
    let head: &RequestHead = &request.head;
    dialects::stream::estimate_tokens(head.text_bytes) + PER_MESSAGE
}

fn answer(tokens: u64, estimated: bool) -> Response<ResponseBody> {
    let mut body = Vec::new();
    write::object(&mut body, |o| o.put("input_tokens", &tokens));
    let mut response = Response::new(ResponseBody::full(body.into()));
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if estimated {
        headers.insert(X_ESTIMATE, HeaderValue::from_static("true"));
    }
    response
}
