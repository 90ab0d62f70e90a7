//! How much to think, in each of the ways that clients of this dialect have to say it.

use crate::{
    ir::{Effort, Reasoning},
    node::{Json, Kind, Mismatch, Object},
};

/// Reads `reasoning_effort` (OpenAI), `reasoning` (OpenRouter), `thinking` (LiteLLM, DeepSeek, GLM),
/// `enable_thinking` and `thinking_budget` (Qwen). A word that is no effort is kept in `extra`.
pub(super) fn read(
    o: &mut Object<'_>,
    extra: &mut Vec<(String, Json)>,
) -> Result<Option<Reasoning>, Mismatch> {
    let mut reasoning = Reasoning::default();
    for name in ["reasoning", "reasoning_effort"] {
        let Some(node) = o.take(name) else { continue };
        if node.kind() == Kind::Object {
            openrouter(node.object()?, &mut reasoning)?;
        } else if let Some(effort) = Effort::parse(&node.string()?) {
            reasoning.effort = Some(effort);
        } else {
            extra.push((name.to_owned(), node.json()));
        }
    }
    if let Some(node) = o.take("thinking") {
        if node.kind() == Kind::Bool {
            reasoning.enabled = Some(node.bool()?);
        } else {
            anthropic(node.object()?, &mut reasoning)?;
        }
    }
    if let Some(enabled) = o.bool("enable_thinking")? {
        reasoning.enabled = Some(enabled);
    }
    reasoning.budget_tokens = o.u64("thinking_budget")?.or(reasoning.budget_tokens);
    Ok((reasoning != Reasoning::default()).then_some(reasoning))
}

fn openrouter(mut o: Object<'_>, reasoning: &mut Reasoning) -> Result<(), Mismatch> {
    if let Some(effort) = o.take("effort") {
        let word = effort.string()?;
        let parsed = Effort::parse(&word)
            .ok_or_else(|| effort.expected("none, minimal, low, medium, high, xhigh or max"))?;
        reasoning.effort = Some(parsed);
    }
    reasoning.budget_tokens = o.u64("max_tokens")?;
    reasoning.enabled = o.bool("enabled")?;
    reasoning.summary = o.string("summary")?;
    if o.bool("exclude")? == Some(true) {
        reasoning.display = Some("omitted".to_owned());
    }
    Ok(())
}

fn anthropic(mut o: Object<'_>, reasoning: &mut Reasoning) -> Result<(), Mismatch> {
    let kind = o.need("type")?;
    match kind.string()?.as_ref() {
        "enabled" => reasoning.enabled = Some(true),
        "disabled" => reasoning.enabled = Some(false),
        // Both words mean that the model decides.
        "adaptive" | "auto" => reasoning.adaptive = true,
        _ => return Err(kind.expected("enabled, disabled or adaptive")),
    }
    reasoning.budget_tokens = o.u64("budget_tokens")?.or(reasoning.budget_tokens);
    if let Some(display) = o.string("display")? {
        reasoning.display = Some(display);
    }
    Ok(())
}
