//! The scripts that take part in one request.

use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use dialects::{Pieces, stream::estimate_tokens};
use domain::Used;
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use scripts::{Hook, Program, ScriptError, Session};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::{
    Chain,
    set::{Entry, ScriptHost},
    wire::{Output, body_json, headers_json, request_json},
};
use crate::{
    GatewayError,
    authenticate::Caller,
    dispatch::{StartedStream, WholeAnswer},
    error::ScriptedError,
    headers::RETRY_AFTER_MS,
    pipeline::Core,
    route::{Candidate, Deployment, RoutePlan},
    transform::ClientRequest,
};

/// The scripts that take part in one request. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Running(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    host: ScriptHost,
    core: Arc<Core>,
    common: Common,
    /// Those that go by who asks; until the answer comes.
    of_request: Mutex<Vec<Part>>,
    /// Those that go by the backend too.
    of_backends: Vec<Arc<Entry>>,
    /// Calls of backends.
    attempts: AtomicU32,
}

/// What the contexts of all hooks of a request have in common, as JSON.
#[derive(Debug)]
struct Common {
    /// As the client asked for it.
    model: String,
    user: String,
    key: String,
    dialect: String,
    path: &'static str,
    /// As the client sent them.
    headers: HeaderMap,
    /// Hidden, since the operator has chosen it to carry keys.
    hidden: Option<http::HeaderName>,
}

/// One script's part.
#[derive(Debug)]
pub struct Part {
    pub(super) entry: Arc<Entry>,
    /// Made with its first call.
    session: Option<Session>,
    /// It has failed while events flowed, and is left alone from then on.
    pub(super) is_out: bool,
}

/// Why a request does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caught {
    /// A script refused it.
    Refused { status: u16, message: String },
    /// A script failed that may not be left out.
    Failed(String),
}

impl Caught {
    pub fn told(self) -> ScriptedError {
        let (status, message) = match self {
            Self::Refused { status, message } => (status, message),
            Self::Failed(name) => (
                500,
                format!("the script \"{name}\" failed, and requests may not go on without it"),
            ),
        };
        ScriptedError {
            status,
            message,
            headers: HeaderMap::new(),
        }
    }
}

impl From<Caught> for GatewayError {
    fn from(caught: Caught) -> Self {
        Self::Scripted(Box::new(caught.told()))
    }
}

/// The path that OpenAI's and Anthropic's clients ask by.
pub(super) const fn path(request: &ClientRequest) -> &'static str {
    use crate::Endpoint;
    match request.endpoint {
        Endpoint::ChatCompletions => "/v1/chat/completions",
        Endpoint::Completions => "/v1/completions",
        Endpoint::Responses => "/v1/responses",
        Endpoint::Embeddings => "/v1/embeddings",
        Endpoint::Messages => "/v1/messages",
        Endpoint::CountTokens => "/v1/messages/count_tokens",
        Endpoint::Media(path) => path,
    }
}

fn backend_of(deployment: &Deployment) -> Value {
    let settings = &deployment.backend.settings;
    json!({
        "id": deployment.backend.id,
        "name": settings.name,
        "base_url": settings.base_url,
        "model": deployment.model,
    })
}

impl Common {
    /// The members that all contexts begin with, without the closing brace.
    fn begin(&self, backend: Option<&Deployment>, attempt: u32, usage: &Value) -> String {
        let backend = backend.map_or_else(
            || json!({"id": null, "name": null, "base_url": null, "model": null}),
            backend_of,
        );
        format!(
            "{{\"user\":{},\"key\":{},\"dialect\":{},\"model\":{},\"backend\":{backend},\"attempt\":{attempt},\"usage\":{usage}",
            self.user, self.key, self.dialect, self.model
        )
    }

    /// The request as hooks see it; `body` is JSON.
    fn request(&self, headers: &HeaderMap, stream: bool, body: Option<&str>) -> String {
        request_json(self.path, headers, self.hidden.as_ref(), stream, body)
    }
}

impl Part {
    fn new(entry: Arc<Entry>) -> Self {
        Self {
            entry,
            session: None,
            is_out: false,
        }
    }

    pub(super) fn session(&mut self, host: &ScriptHost, program: &Arc<Program>) -> &mut Session {
        self.session
            .get_or_insert_with(|| host.engine.open(program))
    }

    /// Calls a hook. `None`: the script has none, changes nothing, or failed and may be left out.
    async fn call(
        &mut self,
        running: &Running,
        hook: Hook,
        context: impl FnOnce() -> String,
    ) -> Result<Option<String>, Caught> {
        let entry = Arc::clone(&self.entry);
        let Some(program) = entry.takes_part(hook)? else {
            return Ok(None);
        };
        let session = self.session(&running.0.host, program);
        let called = session.call(hook, context()).await;
        let core = &running.0.core;
        let output = entry.heard(core, hook, called.output, &called.console)?;
        Ok(output.flatten())
    }

    /// What it gave back cannot be used.
    fn unusable(&self, running: &Running, hook: Hook, message: String) -> Result<(), Caught> {
        let error = ScriptError::Thrown {
            message,
            stack: String::new(),
        };
        let core = &running.0.core;
        let heard = self.entry.heard::<()>(core, hook, Err(error), &[]);
        heard.map(|_| ())
    }
}

impl Running {
    pub(super) fn new(
        host: ScriptHost,
        core: Arc<Core>,
        caller: &Caller,
        request: &ClientRequest,
        of_request: Vec<Arc<Entry>>,
        of_backends: Vec<Arc<Entry>>,
    ) -> Self {
        let key = caller.key();
        let user = json!({
            "id": caller.user_id(),
            "name": key.map(|key| &key.owner.name),
            "email": key.and_then(|key| key.owner.email.as_ref()),
        });
        let tags = key.map(|key| key.tags.clone()).unwrap_or_default();
        let common = Common {
            model: Value::from(request.head.model.as_str()).to_string(),
            user: user.to_string(),
            key: json!({"id": caller.key_id(), "tags": tags}).to_string(),
            dialect: json!(request.head.dialect).to_string(),
            path: path(request),
            headers: request.headers.clone(),
            hidden: core.key_header().cloned(),
        };
        Self(Arc::new(Inner {
            host,
            core,
            common,
            of_request: Mutex::new(of_request.into_iter().map(Part::new).collect()),
            of_backends,
            attempts: AtomicU32::new(0),
        }))
    }

    pub(super) fn host(&self) -> &ScriptHost {
        &self.0.host
    }

    pub(super) fn core(&self) -> &Arc<Core> {
        &self.0.core
    }

    /// The request as those scripts want it that go by who asks. `first`: where it would go as it is.
    ///
    /// # Errors
    /// One of them ends it.
    pub(crate) async fn on_request(
        &self,
        request: ClientRequest,
        first: Option<&Candidate>,
    ) -> Result<ClientRequest, GatewayError> {
        let mut parts = self.0.of_request.lock().await;
        let first = first.map(|candidate| &*candidate.deployment);
        let mut request = request;
        for part in parts.iter_mut() {
            if let Some(changed) = self.request_by(part, &request, first, 0).await? {
                request = changed;
            }
        }
        Ok(request)
    }

    /// The request as the scripts of a candidate's backend want it, and what they hear of the answer with.
    ///
    /// # Errors
    /// One of them ends it.
    pub(crate) async fn on_attempt(
        &self,
        request: &ClientRequest,
        candidate: &Candidate,
    ) -> Result<(Option<ClientRequest>, Vec<Part>), ScriptedError> {
        let deployment = &*candidate.deployment;
        let here = Some(deployment.backend.id);
        let attempt = self.0.attempts.fetch_add(1, Ordering::Relaxed) + 1;
        let mine = self.0.of_backends.iter();
        let mine = mine.filter(|entry| entry.input.target_backend == here);
        let mut parts: Vec<Part> = mine.cloned().map(Part::new).collect();
        let mut scripted: Option<ClientRequest> = None;
        for part in &mut parts {
            let now = scripted.as_ref().unwrap_or(request);
            let changed = self.request_by(part, now, Some(deployment), attempt).await;
            scripted = changed.map_err(Caught::told)?.or(scripted);
        }
        Ok((scripted, parts))
    }

    /// What one script makes of a request; `None`: it stays as it is.
    async fn request_by(
        &self,
        part: &mut Part,
        request: &ClientRequest,
        backend: Option<&Deployment>,
        attempt: u32,
    ) -> Result<Option<ClientRequest>, Caught> {
        let hook = Hook::Request;
        let head = &request.head;
        let context = || {
            let usage = json!({"estimated_input_tokens": estimate_tokens(head.text_bytes)});
            let mut json = (self.0.common).begin(backend, attempt, &usage);
            let body = Some(body_json(&request.body));
            let it = self.0.common.request(&request.headers, head.stream, body);
            let _ = write!(json, ",\"request\":{it}}}");
            json
        };
        let Some(output) = part.call(self, hook, context).await? else {
            return Ok(None);
        };
        let changed = Output::read(&output).and_then(|output| {
            let (mut headers, mut added) = (request.headers.clone(), request.added.clone());
            for (name, value) in output.changed_headers(&request.headers)? {
                match value {
                    Some(value) => {
                        headers.insert(name.clone(), value.clone());
                        added.insert(name, value);
                    }
                    None => {
                        headers.remove(&name);
                        added.remove(&name);
                    }
                }
            }
            let body = output.body(&request.body);
            let changed = request.changed(body, headers, added);
            changed.map_err(|error| format!("the body that it returned: {error}"))
        });
        match changed {
            Ok(changed) => Ok(Some(changed)),
            Err(message) => part.unusable(self, hook, message).map(|()| None),
        }
    }

    /// The plan as scripts want it.
    ///
    /// # Errors
    /// One of them leaves no candidate, or ends the request.
    pub(crate) async fn on_route(
        &self,
        request: &ClientRequest,
        plan: RoutePlan,
    ) -> Result<RoutePlan, GatewayError> {
        let hook = Hook::Route;
        let mut parts = self.0.of_request.lock().await;
        let mut plan = plan;
        for part in parts.iter_mut() {
            let candidates = || {
                let now = Instant::now();
                let candidates = plan.candidates().iter().enumerate();
                let candidates = candidates.map(|(index, candidate)| {
                    let deployment = &*candidate.deployment;
                    json!({
                        "index": index,
                        "backend": backend_of(deployment),
                        "model": deployment.model,
                        "resting": candidate.rest(now).is_some(),
                    })
                });
                let candidates: Value = candidates.collect();
                let usage =
                    json!({"estimated_input_tokens": estimate_tokens(request.head.text_bytes)});
                let first = Some(&*plan.first().deployment);
                let mut json = (self.0.common).begin(first, 0, &usage);
                let it = (self.0.common).request(&request.headers, request.head.stream, None);
                let _ = write!(json, ",\"request\":{it},\"candidates\":{candidates}}}");
                json
            };
            let Some(output) = part.call(self, hook, candidates).await? else {
                continue;
            };
            let order: Vec<i64> = serde_json::from_str(&output).unwrap_or_default();
            let order: Vec<usize> = order
                .iter()
                .filter_map(|n| usize::try_from(*n).ok())
                .collect();
            plan = plan.reordered(&order).ok_or_else(|| {
                GatewayError::from(Caught::Refused {
                    status: 403,
                    message: format!(
                        "the script \"{}\" lets this request go to no backend",
                        part.entry.input.name
                    ),
                })
            })?;
        }
        Ok(plan)
    }

    /// A whole answer as scripts want it: those of its backend first.
    ///
    /// # Errors
    /// One of them ends the request.
    pub(crate) async fn on_whole(
        &self,
        whole: &mut WholeAnswer,
        candidate: &Candidate,
        attempts: u32,
        used: Used,
    ) -> Result<(), GatewayError> {
        let mut of_backend = std::mem::take(&mut whole.scripts);
        let mut of_request = self.0.of_request.lock().await;
        let parts = of_backend.iter_mut().rev();
        for part in parts.chain(of_request.iter_mut().rev()) {
            let tokens = used.tokens;
            let usage = json!({
                "input_tokens": tokens.total_input(),
                "cache_read_tokens": tokens.cache_read,
                "output_tokens": tokens.output,
                "reasoning_tokens": tokens.reasoning,
            });
            let body = whole.body.clone().into_bytes();
            let context = Answer {
                running: self,
                candidate,
                attempts,
                usage,
                status: whole.status,
                headers: &whole.headers,
                body: Some(&body),
            };
            let Some(output) = part.call(self, Hook::Response, || context.json()).await? else {
                continue;
            };
            match answered(&output, whole.status, &whole.headers, &body) {
                Ok((status, headers, body)) => {
                    whole.status = status;
                    whole.headers = headers;
                    if let Some(body) = body {
                        whole.body = Pieces::from(body);
                    }
                }
                Err(message) => part.unusable(self, Hook::Response, message)?,
            }
        }
        Ok(())
    }

    /// The head of a stream as scripts want it, and those of them that want to see its events.
    ///
    /// # Errors
    /// One of them ends the request.
    pub(crate) async fn on_stream(
        &self,
        started: &mut StartedStream,
        candidate: &Candidate,
        attempts: u32,
    ) -> Result<Option<Box<Chain>>, GatewayError> {
        let mut of_backend = std::mem::take(&mut started.scripts);
        // From here on they are the stream's.
        let mut of_request = std::mem::take(&mut *self.0.of_request.lock().await);
        let parts = of_backend.iter_mut().rev();
        for part in parts.chain(of_request.iter_mut().rev()) {
            let context = Answer {
                running: self,
                candidate,
                attempts,
                usage: json!({}),
                status: StatusCode::OK,
                headers: &started.headers,
                body: None,
            };
            let Some(output) = part.call(self, Hook::Response, || context.json()).await? else {
                continue;
            };
            match answered(&output, StatusCode::OK, &started.headers, b"") {
                Ok((_, headers, _)) => started.headers = headers,
                Err(message) => part.unusable(self, Hook::Response, message)?,
            }
        }
        let usage = json!({});
        let mut base = (self.0.common).begin(Some(&candidate.deployment), attempts, &usage);
        let it = self.0.common.request(&self.0.common.headers, true, None);
        let _ = write!(base, ",\"request\":{it}}}");
        Ok(Chain::new(self.clone(), base, of_backend, of_request)?)
    }

    /// An error as scripts want it told.
    pub(crate) async fn on_error(&self, error: GatewayError) -> GatewayError {
        let mut parts = self.0.of_request.lock().await;
        let mut error = error;
        for part in parts.iter_mut().rev() {
            let (status, message) = (error.status(), error.to_string());
            let context = || {
                let mut json = self.0.common.begin(None, 0, &json!({}));
                let it = self.0.common.request(&self.0.common.headers, false, None);
                let told = json!({"status": status, "message": message});
                let _ = write!(json, ",\"request\":{it},\"error\":{told}}}");
                json
            };
            // It is an error already; who fails now cannot make it a worse one.
            let Ok(Some(output)) = part.call(self, Hook::Error, context).await else {
                continue;
            };
            let output: Value = serde_json::from_str(&output).unwrap_or_default();
            let new_status = output["status"]
                .as_u64()
                .and_then(|s| u16::try_from(s).ok());
            let headers = match &error {
                GatewayError::Upstream(refusal) => refusal.headers.clone(),
                GatewayError::Scripted(scripted) => scripted.headers.clone(),
                error => when_to_come_again(error),
            };
            error = GatewayError::Scripted(Box::new(ScriptedError {
                status: new_status
                    .filter(|status| (400..600).contains(status))
                    .unwrap_or(status),
                message: output["message"].as_str().unwrap_or(&message).to_owned(),
                headers,
            }));
        }
        error
    }
}

/// What of an error's headers tells a client when to come again.
fn when_to_come_again(error: &GatewayError) -> HeaderMap {
    let response = error
        .clone()
        .into_response(domain::Dialect::OpenaiChat, domain::RequestId(0));
    let mut headers = HeaderMap::new();
    for name in [RETRY_AFTER, RETRY_AFTER_MS] {
        if let Some(value) = response.headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers
}

/// What the context of `onResponse` is made of.
struct Answer<'a> {
    running: &'a Running,
    candidate: &'a Candidate,
    attempts: u32,
    usage: Value,
    status: StatusCode,
    headers: &'a HeaderMap,
    /// `None`: it is a stream.
    body: Option<&'a Bytes>,
}

impl Answer<'_> {
    fn json(&self) -> String {
        let common = &self.running.0.common;
        let deployment = &*self.candidate.deployment;
        let mut json = common.begin(Some(deployment), self.attempts, &self.usage);
        let stream = self.body.is_none();
        let request = common.request(&common.headers, stream, None);
        let headers = headers_json(self.headers, None);
        let body = self.body.map_or("null", |body| body_json(body));
        let status = self.status.as_u16();
        let _ = write!(
            json,
            ",\"request\":{request},\"response\":{{\"status\":{status},\"headers\":{headers},\"isStream\":{stream},\"body\":{body}}}}}"
        );
        json
    }
}

/// Status, headers and, where it has changed, body of an answer.
type Answered = (StatusCode, HeaderMap, Option<Bytes>);

fn answered(
    output: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answered, String> {
    let output = Output::read(output)?;
    let mut new = headers.clone();
    for (name, value) in output.changed_headers(headers)? {
        match value {
            Some(value) => drop(new.insert(name, value)),
            None => drop(new.remove(name)),
        }
    }
    let status = match output.status {
        Some(status) => StatusCode::from_u16(status)
            .ok()
            .filter(|status| status.as_u16() >= 200)
            .ok_or("the status that it returned is none")?,
        None => status,
    };
    Ok((status, new, output.body(body)))
}
