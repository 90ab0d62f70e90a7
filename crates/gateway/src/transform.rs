//! Stage 4: the client's request as one deployment gets it. Same dialect: the client's own bytes with
//! the model's name cut in. Another dialect: by way of the neutral form, which is read at most once a
//! request, however many deployments are tried.

use std::{
    borrow::Cow,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use dialects::{
    Pieces, RequestError, RequestHead,
    anthropic_messages::{betas::for_bedrock, request::for_bedrock_invoke},
    claude::Claude,
    foreign::without_foreign_thinking,
    ir::{self, Refused, ToolNames},
    translate::{ClientContext, Quirks, Target},
    translator,
};
use domain::Dialect;
use http::HeaderMap;

use crate::{
    endpoint::Endpoint,
    headers::ANTHROPIC_BETA,
    kept_items::Keeper,
    route::{Candidate, Deployment},
    scripting::Running,
    settings::{BackendKind, Service, Via},
};

/// What is sent as the limit of an answer where the upstream's dialect needs one and the client has
/// named none.
const DEFAULT_MAX_OUTPUT_TOKENS: u64 = 4096;

/// The same for clients of the Responses API, which are agents that write long files and never name a
/// limit, and where the model shall think, which counts as a part of the answer. All Claude models from
/// 3.7 on give as much.
const DEFAULT_OF_LONG_ANSWERS: u64 = 32_000;

/// A client's request, read as far as the router needs it.
#[derive(Debug)]
pub struct ClientRequest {
    pub endpoint: Endpoint,
    pub head: RequestHead,
    pub headers: HeaderMap,
    /// The query string as it came; `?beta=true` is meant for the upstream.
    pub query: Option<String>,
    pub body: Bytes,
    /// Of the Responses API: where items are that the request may refer to.
    keeper: Option<Keeper>,
    /// The scripts that take part in it, if any.
    pub(crate) scripts: Option<Running>,
    /// Headers that scripts have added for the upstream.
    pub(crate) added: HeaderMap,
    /// The neutral form, made when the first deployment needs it.
    neutral: OnceLock<Result<Arc<ir::Request>, RequestError>>,
}

impl ClientRequest {
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        head: RequestHead,
        headers: HeaderMap,
        query: Option<String>,
        body: Bytes,
    ) -> Self {
        Self {
            endpoint,
            head,
            headers,
            query,
            body,
            keeper: None,
            scripts: None,
            added: HeaderMap::new(),
            neutral: OnceLock::new(),
        }
    }

    /// Lets a request of the Responses API refer to items of earlier answers.
    #[must_use]
    pub fn with_keeper(mut self, keeper: Keeper) -> Self {
        self.keeper = (self.endpoint == Endpoint::Responses).then_some(keeper);
        self
    }

    /// The same request as a script has changed it; `None` keeps the body.
    ///
    /// # Errors
    /// The new body cannot be read.
    pub(crate) fn changed(
        &self,
        body: Option<Bytes>,
        headers: HeaderMap,
        added: HeaderMap,
    ) -> Result<Self, RequestError> {
        let (head, body) = match body {
            Some(body) => (RequestHead::read(self.head.dialect, &body)?, body),
            None => (self.head.clone(), self.body.clone()),
        };
        let query = self.query.clone();
        Ok(Self {
            keeper: self.keeper.clone(),
            scripts: self.scripts.clone(),
            added,
            ..Self::new(self.endpoint, head, headers, query, body)
        })
    }

    /// Where the items of a translated answer are kept, unless the client wants none kept.
    #[must_use]
    pub fn keeper(&self) -> Option<&Keeper> {
        let keeper = self.keeper.as_ref()?;
        let stored = self.neutral().is_ok_and(|r| r.store != Some(false));
        stored.then_some(keeper)
    }

    fn neutral(&self) -> Result<&Arc<ir::Request>, RequestError> {
        self.neutral
            .get_or_init(|| {
                let resolved = self.resolved();
                let body = resolved.as_ref().unwrap_or(&self.body);
                translator::decode_request(self.head.dialect, body).map(Arc::new)
            })
            .as_ref()
            .map_err(Clone::clone)
    }

    /// The body with what it refers to of earlier translated answers; `None`: it refers to nothing.
    fn resolved(&self) -> Option<Bytes> {
        self.keeper.as_ref()?.resolve(&self.body)
    }

    /// The client's own bytes for an upstream of the same dialect, without what earlier answers of
    /// another provider have brought into them.
    pub(crate) fn native_body(&self, upstream_model: &str, quirks: &Quirks) -> Pieces {
        let dialect = self.head.dialect;
        let resolved = self.resolved();
        let body = resolved.as_ref().unwrap_or(&self.body);
        let clean = without_foreign_thinking(dialect, body, quirks).or(resolved);
        // What was cut out has moved what stands behind it.
        let moved = clean.and_then(|body| Some((RequestHead::read(dialect, &body).ok()?, body)));
        match moved {
            Some((head, body)) => head.forward(&body, upstream_model, quirks),
            None => self.head.forward(&self.body, upstream_model, quirks),
        }
    }

    /// The values of `anthropic-beta`.
    #[must_use]
    pub fn betas(&self) -> Vec<&str> {
        self.headers
            .get_all(ANTHROPIC_BETA)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(str::trim)
            .filter(|beta| !beta.is_empty())
            .collect()
    }
}

/// A request on its way to one upstream.
#[derive(Debug)]
pub struct UpstreamRequest<'a> {
    pub client: &'a ClientRequest,
    pub deployment: &'a Deployment,
    /// Which of the backend's keys, where it has any.
    pub credential: usize,
    pub body: Pieces,
    /// What the upstream is spoken to in.
    pub dialect: Dialect,
    /// A beta that what was translated needs beside the client's own.
    pub beta: Option<&'static str>,
}

/// How the answer goes back.
#[derive(Clone, Debug)]
pub enum AnswerForm {
    /// As it comes. `dropped` names what the server is known not to take; mostly empty.
    Native {
        dropped: String,
    },
    Translated(Box<Translation>),
}

/// What is needed to turn an answer into the client's dialect.
#[derive(Clone, Debug)]
pub struct Translation {
    /// The upstream's dialect.
    pub from: Dialect,
    pub names: ToolNames,
    /// What the upstream could not be told, for the client's information; empty: nothing.
    pub dropped: String,
    pub request: Arc<ir::Request>,
}

impl Translation {
    /// The client as the encoders of answers see it.
    #[must_use]
    pub fn client(&self, request: &ClientRequest, request_id: &str, created: i64) -> ClientContext {
        ClientContext {
            model: request.head.model.clone(),
            request_id: request_id.to_owned(),
            created,
            wants_usage: request.head.wants_usage_chunk,
            request: Arc::clone(&self.request),
            body: request.body.clone(),
        }
    }
}

/// Why a request cannot be put into an upstream's dialect. Both are the client's to mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransformError {
    /// It cannot be read; a deployment that gets the client's own bytes need not have it read.
    #[error("{0}")]
    Request(RequestError),
    /// This dialect cannot say it; another might.
    #[error("{0}")]
    Refused(Refused),
}

/// Puts a request into the shape that a deployment takes.
///
/// # Errors
/// See [`TransformError`].
pub fn transform<'a>(
    client: &'a ClientRequest,
    candidate: &'a Candidate,
) -> Result<(UpstreamRequest<'a>, AnswerForm), TransformError> {
    let deployment = &*candidate.deployment;
    let dialect = upstream_dialect(client, deployment)?;
    let (body, form) = if dialect == client.head.dialect {
        let quirks = &deployment.backend.settings.quirks;
        let body = client.native_body(&deployment.model, quirks);
        let dropped = quirks.unsupported_of(&client.body).join(", ");
        (body, AnswerForm::Native { dropped })
    } else {
        let (body, translation) = translate(client, deployment, dialect)?;
        (body, AnswerForm::Translated(Box::new(translation)))
    };
    let beta = beta_of(&form, deployment);
    let body = if deployment.backend.settings.kind == BackendKind::Bedrock
        && dialect == Dialect::AnthropicMessages
    {
        let mut betas = for_bedrock(&client.betas());
        betas.extend(beta);
        for_bedrock_invoke(&body.into_bytes(), &betas).map_err(TransformError::Request)?
    } else {
        body
    };
    let request = UpstreamRequest {
        client,
        deployment,
        credential: candidate.lane,
        body,
        dialect,
        beta,
    };
    Ok((request, form))
}

/// Opus 4.5 takes an effort with a beta only. (Converse's encoder writes it itself.)
fn beta_of(form: &AnswerForm, deployment: &Deployment) -> Option<&'static str> {
    let AnswerForm::Translated(translation) = form else {
        return None;
    };
    let effort = translation.request.reasoning.as_ref()?.effort;
    let needs = translation.from == Dialect::AnthropicMessages
        && effort.is_some()
        && Claude::named(&deployment.model).is_some_and(Claude::effort_needs_beta);
    needs.then_some("effort-2025-11-24")
}

fn translate(
    client: &ClientRequest,
    deployment: &Deployment,
    dialect: Dialect,
) -> Result<(Pieces, Translation), TransformError> {
    let request = client.neutral().map_err(TransformError::Request)?;
    let settings = &deployment.backend.settings;
    let cap = deployment.max_output_tokens.unwrap_or(u64::MAX);
    // Agents ask for more than some models give, which these refuse.
    let capped = request.max_output_tokens.is_some_and(|asked| asked > cap);
    let request = if capped {
        let mut request = ir::Request::clone(request);
        request.max_output_tokens = Some(cap);
        &Arc::new(request)
    } else {
        request
    };
    let quirks = match dialect {
        Dialect::OpenaiChat => settings.quirks.for_model(&deployment.model),
        _ => Cow::Borrowed(&settings.quirks),
    };
    let target = Target {
        model: &deployment.model,
        stream: client.head.stream,
        quirks: &quirks,
        default_max_output_tokens: default_max_output_tokens(client, request, deployment).min(cap),
    };
    // Betas are Anthropic's; other families' clients have none.
    let betas = match client.head.dialect {
        Dialect::AnthropicMessages => for_bedrock(&client.betas()),
        _ => Vec::new(),
    };
    let encoded = translator::encode_request(request, dialect, &target, &betas)
        .map_err(TransformError::Refused)?;
    let translation = Translation {
        from: dialect,
        names: encoded.names,
        dropped: encoded.losses.names(),
        request: Arc::clone(request),
    };
    Ok((Bytes::from(encoded.body).into(), translation))
}

fn default_max_output_tokens(
    client: &ClientRequest,
    request: &ir::Request,
    deployment: &Deployment,
) -> u64 {
    let long = Claude::named(&deployment.model).is_some_and(|claude| claude.at_least(3, 7));
    let thinks = request
        .reasoning
        .as_ref()
        .is_some_and(|reasoning| reasoning.enabled != Some(false));
    if long && (client.endpoint == Endpoint::Responses || thinks) {
        DEFAULT_OF_LONG_ANSWERS
    } else {
        DEFAULT_MAX_OUTPUT_TOKENS
    }
}

/// What a deployment is spoken to in, for this request.
fn upstream_dialect(
    client: &ClientRequest,
    deployment: &Deployment,
) -> Result<Dialect, TransformError> {
    let asked = client.head.dialect;
    let kind = deployment.backend.settings.kind;
    Ok(match (kind, kind.serves(asked)) {
        (BackendKind::Bedrock, _) => match deployment.via {
            Via::Invoke => Dialect::AnthropicMessages,
            Via::Converse => Dialect::BedrockConverse,
        },
        (_, Some(Service::Native)) => asked,
        // OpenAI tells what a model thought, and takes it back, in Responses only; what Responses
        // cannot say goes to Chat Completions.
        (BackendKind::Openai, _) => {
            let request = client.neutral().map_err(TransformError::Request)?;
            if request.stop.is_empty() {
                Dialect::OpenaiResponses
            } else {
                Dialect::OpenaiChat
            }
        }
        (BackendKind::Anthropic, _) => Dialect::AnthropicMessages,
        (BackendKind::OpenaiCompatible | BackendKind::Demo, _) => Dialect::OpenaiChat,
    })
}
