//! How much to think, in the one way that Chat Completions upstreams share: `reasoning_effort`.

use super::Context;
use crate::ir::{Effort, Feature, Reasoning, Refused};

/// The effort to ask for, where there is one to ask.
pub(super) fn effort(context: &mut Context<'_>) -> Result<Option<&'static str>, Refused> {
    let Some(reasoning) = &context.request.reasoning else {
        return Ok(None);
    };
    if !context.same_dialect() && (reasoning.display.is_some() || reasoning.summary.is_some()) {
        context.cannot(Feature::ThinkingDisplay, None)?;
    }
    let Some(effort) = wanted(reasoning) else {
        return Ok(None);
    };
    if context.same_dialect() {
        return Ok(Some(effort.as_str()));
    }
    if context.is_openai() {
        return for_openai(context, effort, reasoning);
    }
    // That a model shall not think is said by default by clients of other dialects, and refused by
    // servers whose model never does; only where a client has chosen this very word, it is handed on.
    if effort == Effort::None && reasoning.effort != Some(Effort::None) {
        context.cannot(Feature::Effort, Some("none"))?;
        return Ok(None);
    }
    Ok(Some(match effort {
        Effort::XHigh | Effort::Max => Effort::High.as_str(),
        other => other.as_str(),
    }))
}

fn wanted(reasoning: &Reasoning) -> Option<Effort> {
    if reasoning.enabled == Some(false) {
        return Some(Effort::None);
    }
    reasoning
        .effort
        .or(reasoning.budget_tokens.map(Effort::of_budget))
}

/// OpenAI refuses the member for models that do not reason, and some of the words for others.
fn for_openai(
    context: &mut Context<'_>,
    effort: Effort,
    reasoning: &Reasoning,
) -> Result<Option<&'static str>, Refused> {
    let model = context.target.model.rsplit('/').next().unwrap_or_default();
    let silent = ["gpt-3", "gpt-4", "chatgpt-"];
    if silent.iter().any(|family| model.starts_with(family)) {
        if effort != Effort::None {
            context.cannot(Feature::Effort, None)?;
        }
        return Ok(None);
    }
    if effort == Effort::None && reasoning.effort != Some(Effort::None) {
        // The first of each family cannot do without; the least is the nearest.
        return Ok(Some(if model.starts_with('o') {
            "low"
        } else if model == "gpt-5" || model.starts_with("gpt-5-") {
            "minimal"
        } else {
            "none"
        }));
    }
    Ok(Some(match effort {
        Effort::Max => Effort::XHigh.as_str(),
        other => other.as_str(),
    }))
}
