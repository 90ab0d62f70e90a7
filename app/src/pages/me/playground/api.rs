//! Asking models in one's own name. With JavaScript the question goes to `/playground/chat` and the
//! answer streams; without, it goes to [`ask`].

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Answered, Question, Receipt};
use crate::{
    components::{post_form::Next, snippets::Snippet},
    error::AppError,
};

/// What can be asked, and what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaygroundPage {
    /// Names, in order; single deployments as `backend/model` where they were wanted.
    pub models: Vec<String>,
    pub question: Question,
    pub answers: Vec<Answered>,
    /// The question as code; empty before there is one.
    pub code: Vec<Snippet>,
}

/// The page; `answer` names what [`ask`] has kept, `exact` wants single deployments among the models.
#[server(prefix = "/_fn", endpoint = "me/playground/page")]
pub async fn load_playground(answer: Option<u64>, exact: bool) -> Result<PlaygroundPage, AppError> {
    let principal = crate::server::signed_in().await?;
    let offers = crate::server::models_of(&principal)?;
    let mut models: Vec<String> = Vec::new();
    for offer in offers.iter().filter(|offer| offer.chats) {
        models.push(offer.name.clone());
    }
    if exact {
        let single = offers.iter().filter(|offer| offer.chats);
        let mut single: Vec<String> = single
            .map(|offer| format!("{}/{}", offer.backend, offer.model))
            .collect();
        single.sort();
        single.dedup();
        models.extend(single);
    }
    let kept = match (answer, principal.user_id()) {
        (Some(token), Some(user)) => crate::server::models()?.answers().find(user, token),
        _ => None,
    };
    let (question, answers) = kept.unwrap_or_default();
    let code = match answers.is_empty() {
        true => Vec::new(),
        false => as_code(&question, false)?,
    };
    Ok(PlaygroundPage {
        models,
        question,
        answers,
        code,
    })
}

/// Asks without streaming, and leads back to the page of `house`, which shows the answers.
#[server(prefix = "/_fn", endpoint = "me/playground/ask")]
pub async fn ask(house: String, #[server(flatten)] question: Question) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::signed_in().await?;
    let user = principal
        .user_id()
        .ok_or_else(|| crate::server::refuse_with(crate::error::Cause::Forbidden))?;
    let invalid =
        |e| crate::server::refuse_with(crate::error::Cause::Invalid(e)).keep(&question.typed());
    let names = question.models().map_err(invalid)?;
    let models = crate::server::models()?;
    let mut answers = Vec::with_capacity(names.len());
    for name in names {
        let body = question.body(&name, false).map_err(invalid)?;
        let played = models.ask(user, body.to_string()).await;
        let mut answer = Answered::of(&name);
        answer.take_head(played.status, played.headers.into_iter());
        answer.take_body(&played.body);
        answer.running = false;
        if let Some(id) = answer.request_id.as_deref() {
            answer.receipt = receipt_of(&control, &principal, id).await?;
        }
        answers.push(answer);
    }
    let token = models.answers().keep(user, question, answers);
    let house = match house.as_str() {
        "/admin-ui" => "/admin-ui",
        _ => "/user-ui",
    };
    leptos_axum::redirect(&format!("{house}/playground?answer={token}"));
    Ok(None)
}

/// What the ledger says of one of one's own calls; `None`: nothing, for a call that was refused.
#[server(prefix = "/_fn", endpoint = "me/playground/receipt")]
pub async fn get_receipt(request_id: String) -> Result<Option<Receipt>, AppError> {
    let control = crate::server::control()?;
    let principal = crate::server::signed_in().await?;
    receipt_of(&control, &principal, &request_id).await
}

/// A question as code, for pasting into a program.
#[server(prefix = "/_fn", endpoint = "me/playground/code")]
pub async fn code(#[server(flatten)] question: Question) -> Result<Vec<Snippet>, AppError> {
    crate::server::signed_in().await?;
    as_code(&question, true)
}

#[cfg(feature = "ssr")]
fn as_code(question: &Question, stream: bool) -> Result<Vec<Snippet>, AppError> {
    use crate::{
        error::Cause,
        server::snippets::{Connection, PLACEHOLDER, request},
    };

    let invalid = |e| crate::server::refuse_with(Cause::Invalid(e));
    let model = question.models().map_err(invalid)?.swap_remove(0);
    let body = question.body(&model, stream).map_err(invalid)?;
    let to = Connection {
        base_url: &crate::server::base_url(),
        key: PLACEHOLDER,
        model: &model,
    };
    Ok(request(to, &body))
}

#[cfg(feature = "ssr")]
async fn receipt_of(
    control: &control::Control,
    principal: &control::Principal,
    request_id: &str,
) -> Result<Option<Receipt>, AppError> {
    let Some(id) = domain::RequestId::parse(request_id) else {
        return Ok(None);
    };
    let found = control.find_my_request(principal, id).await;
    let found = found.map_err(crate::server::refuse)?;
    Ok(found.map(|request| Receipt {
        input: request.usage.total_input(),
        cached: request.usage.cache_read,
        output: request.usage.output,
        estimated: request.usage_estimated,
        cost: request.cost,
        first_chunk_ms: request.time_to_first_chunk_ms,
        duration_ms: request.duration_ms,
        backend: request.backend,
        attempts: request.attempts,
    }))
}
