//! Amazon Bedrock. AWS's SDK knows the endpoints, finds the credentials and signs; what is sent is the
//! body that `dialects` wrote, and it goes out through [`crate::egress`] like everything else, so that
//! the answer can be relayed piece by piece, and a client that goes away cancels the call.
//!
//! The SDK's own reading of answers is not used: its types would drop what they do not know.

use std::sync::{Arc, Mutex, PoisonError};

use aws_config::{BehaviorVersion, Region};
use aws_sdk_bedrockruntime::{
    Client,
    config::{
        HttpClient, RuntimeComponents, SharedHttpClient, StalledStreamProtectionConfig,
        http::HttpRequest, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::DisplayErrorContext,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use dialects::Pieces;
use domain::Dialect;
use http::Response;
use hyper::body::Incoming;
use tokio::sync::OnceCell;

use super::{SendError, UpstreamBody, UpstreamResponse, http_upstream};
use crate::{
    egress::{EgressClient, EgressError},
    settings::{BackendSettings, BedrockSettings},
    transform::UpstreamRequest,
};

/// Signing needs a region even where the endpoint is given.
const REGION_OF_CUSTOM_ENDPOINT: &str = "us-east-1";

/// What clients are told of a configuration that AWS's SDK can do nothing with.
const NO_CREDENTIALS: &str = "no usable AWS credentials or region";

/// The way to one account and region.
#[derive(Debug)]
pub struct Bedrock {
    settings: BedrockSettings,
    egress: EgressClient,
    /// Made at the first call, since finding the configuration reads files and may ask a server.
    client: OnceCell<Client>,
}

/// What is asked of Bedrock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
    CountTokens,
}

impl Bedrock {
    /// # Errors
    /// When the endpoint cannot be used.
    pub fn new(settings: &BackendSettings) -> Result<Self, EgressError> {
        let bedrock = settings.bedrock.clone();
        let endpoint = bedrock.endpoint_url.as_deref().unwrap_or("https://aws");
        Ok(Self {
            egress: EgressClient::for_upstream(endpoint, settings.timeouts.connect)?,
            settings: bedrock,
            client: OnceCell::new(),
        })
    }

    pub(super) async fn send(
        &self,
        request: UpstreamRequest<'_>,
    ) -> Result<UpstreamResponse, SendError> {
        let operation = match (request.dialect, request.client.head.stream) {
            (Dialect::BedrockConverse, false) => Operation::Converse,
            (Dialect::BedrockConverse, true) => Operation::ConverseStream,
            (_, false) => Operation::InvokeModel,
            (_, true) => Operation::InvokeModelWithResponseStream,
        };
        let body = request.body.into_bytes();
        self.call(operation, &request.deployment.model, body).await
    }

    /// Calls `operation` of `model` with `body` and waits for the head of the answer.
    ///
    /// # Errors
    /// See [`SendError`].
    pub async fn call(
        &self,
        operation: Operation,
        model: &str,
        body: Bytes,
    ) -> Result<UpstreamResponse, SendError> {
        let client = self.client.get_or_try_init(|| self.connect()).await?;
        let parcel = Parcel::new(body);
        let address = parcel.clone();
        let post = move |request: &mut HttpRequest| address.put_into(request);
        // The outcome of the SDK's own reading; ours is in the parcel.
        let problem = match operation {
            Operation::Converse => {
                let call = client.converse().model_id(model).customize();
                call.mutate_request(post).send().await.err().map(describe)
            }
            Operation::ConverseStream => {
                let call = client.converse_stream().model_id(model).customize();
                call.mutate_request(post).send().await.err().map(describe)
            }
            Operation::InvokeModel => {
                let call = client.invoke_model().model_id(model).customize();
                call.mutate_request(post).send().await.err().map(describe)
            }
            Operation::InvokeModelWithResponseStream => {
                let call = client
                    .invoke_model_with_response_stream()
                    .model_id(model)
                    .customize();
                call.mutate_request(post).send().await.err().map(describe)
            }
            Operation::CountTokens => {
                let call = client.count_tokens().model_id(model).customize();
                call.mutate_request(post).send().await.err().map(describe)
            }
        };
        match parcel.take_answer() {
            Some(Ok(response)) => {
                let (head, body) = response.into_parts();
                Ok(UpstreamResponse {
                    status: head.status,
                    headers: head.headers,
                    body: UpstreamBody::Http(body),
                })
            }
            Some(Err(error)) => Err(error),
            // It never came as far as the wire. Why is the operator's to know, not the client's: it names
            // files, roles and addresses.
            None => {
                let problem = problem.unwrap_or_default();
                tracing::warn!(problem, "AWS's SDK could not sign a request");
                Err(SendError::Unsendable(NO_CREDENTIALS.to_owned()))
            }
        }
    }

    async fn connect(&self) -> Result<Client, SendError> {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        let region = match (&self.settings.region, &self.settings.endpoint_url) {
            (Some(region), _) => Some(region.clone()),
            (None, Some(_)) => Some(REGION_OF_CUSTOM_ENDPOINT.to_owned()),
            (None, None) => None,
        };
        if let Some(region) = region {
            loader = loader.region(Region::new(region));
        }
        if let Some(profile) = &self.settings.profile {
            loader = loader.profile_name(profile);
        }
        let shared = loader.load().await;
        if shared.region().is_none() {
            // Not kept: a metadata service that was away may be back for the next call.
            return Err(SendError::Unsendable(NO_CREDENTIALS.to_owned()));
        }
        let mut config = aws_sdk_bedrockruntime::config::Builder::from(&shared)
            .http_client(SharedHttpClient::new(Post {
                egress: self.egress.clone(),
            }))
            // Retries and time limits are the router's own business.
            .retry_config(RetryConfig::disabled())
            .timeout_config(TimeoutConfig::disabled())
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Some(endpoint) = &self.settings.endpoint_url {
            config = config.endpoint_url(endpoint.trim_end_matches('/'));
        }
        Ok(Client::from_conf(config.build()))
    }
}

fn describe<E: std::error::Error>(error: E) -> String {
    DisplayErrorContext(error).to_string()
}

/// What came of a call.
type Outcome = Result<Response<Incoming>, SendError>;

/// A body on its way out through the SDK, and the answer on its way back past it.
#[derive(Clone, Debug)]
struct Parcel {
    body: Bytes,
    answer: Arc<Mutex<Option<Outcome>>>,
}

impl Parcel {
    fn new(body: Bytes) -> Self {
        Self {
            body,
            answer: Arc::new(Mutex::new(None)),
        }
    }

    /// Before signing, so that the signature is over this body.
    fn put_into(&self, request: &mut HttpRequest) {
        *request.body_mut() = SdkBody::from(self.body.clone());
        let headers = request.headers_mut();
        headers.insert("content-type", "application/json");
        headers.insert("content-length", self.body.len().to_string());
        request.add_extension(self.clone());
    }

    fn set_answer(&self, answer: Outcome) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
    }

    fn take_answer(&self) -> Option<Outcome> {
        self.answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// The SDK's way to the network: the router's own egress.
#[derive(Clone, Debug)]
struct Post {
    egress: EgressClient,
}

impl HttpClient for Post {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// The answer has been taken out of the SDK's hands; nothing is left for it to read.
#[derive(Debug, thiserror::Error)]
#[error("the answer is read by the router itself")]
struct Taken;

impl HttpConnector for Post {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let egress = self.egress.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?;
            let (head, _) = request.into_parts();
            let Some(parcel) = head.extensions.get::<Parcel>().cloned() else {
                return Err(ConnectorError::user(Taken.into()));
            };
            let sent = http::Request::from_parts(head, Pieces::from(parcel.body.clone()).into());
            let answer = egress.request(sent).await;
            parcel.set_answer(answer.map_err(|error| http_upstream::send_error(&error)));
            Err(ConnectorError::user(Taken.into()))
        })
    }
}
