//! Writes what the request says about thinking: how hard, and what of it the answer shall hold.

use domain::Dialect;

use super::{Members, nested};
use crate::ir::{Effort, Part, Proof, Request};

/// What the request says about thinking, in this dialect's words.
pub(super) struct Thinking {
    pub asked: bool,
    effort: Option<Effort>,
    summary: Option<String>,
}

impl Thinking {
    pub fn of(request: &Request) -> Self {
        let Some(reasoning) = &request.reasoning else {
            return Self {
                asked: false,
                effort: None,
                summary: None,
            };
        };
        let effort = reasoning
            .effort
            .or_else(|| reasoning.budget_tokens.map(Effort::of_budget))
            // Models that do not think refuse the member, even when it says so.
            .filter(|_| reasoning.enabled != Some(false) || reasoning.effort.is_some());
        let asked = reasoning.include_encrypted
            || reasoning.adaptive
            || reasoning.enabled == Some(true)
            || effort.is_some_and(|e| e != Effort::None);
        let shown = request.source == Dialect::AnthropicMessages || reasoning.display.is_some();
        let summary = reasoning.summary.clone().or_else(|| {
            let wanted = asked
                && shown
                && reasoning.enabled != Some(false)
                && reasoning.display.as_deref() != Some("omitted");
            wanted.then(|| "auto".to_owned())
        });
        Self {
            asked,
            effort,
            summary,
        }
    }

    pub fn write(&self, request: &Request, own: bool, o: &mut Members<'_, '_, '_>) {
        let extra = || nested(request, own, "reasoning.");
        let some = self.effort.is_some() || self.summary.is_some() || extra().next().is_some();
        if !some || !o.target.quirks.takes("reasoning") {
            return;
        }
        o.o.object("reasoning", |o| {
            o.opt("effort", self.effort.map(Effort::as_str));
            o.opt("summary", self.summary.as_deref());
            for (name, value) in extra() {
                o.raw(name, value);
            }
        });
    }
}

/// What the answer shall hold besides.
pub(super) fn include(request: &Request, own: bool, thinks: bool, model: &str) -> Vec<String> {
    let mut include = Vec::new();
    // OpenAI's older models refuse to be asked for thinking that they do not do.
    let older = ["gpt-4", "gpt-3", "chatgpt-4", "ft:gpt-4", "ft:gpt-3"];
    let encrypted = if own {
        let asked = request.reasoning.as_ref();
        asked.is_some_and(|r| r.include_encrypted)
    } else {
        thinks || has_encrypted(request) || !older.iter().any(|name| model.starts_with(name))
    };
    if encrypted {
        include.push("reasoning.encrypted_content".to_owned());
    }
    if request.logprobs == Some(true) {
        include.push("message.output_text.logprobs".to_owned());
    }
    for (_, value) in request.extra.iter().filter(|(n, _)| own && n == "include") {
        let listed = value.node().array().unwrap_or_default();
        include.extend(listed.iter().filter_map(|entry| entry.owned().ok()));
    }
    include
}

fn has_encrypted(request: &Request) -> bool {
    let parts = request.messages.iter().flat_map(|m| &m.parts);
    parts.into_iter().any(|part| {
        matches!(
            part,
            Part::Thinking {
                proof: Some(Proof::Encrypted { .. }),
                ..
            }
        )
    })
}
