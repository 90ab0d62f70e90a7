//! A request for a Chat Completions upstream, OpenAI's own or a compatible one. What the upstream has
//! no place for is decided by the table in [`crate::ir::feature`]; how compatible servers differ comes
//! as data in [`crate::translate::Quirks`].

mod content;
mod messages;
mod options;
mod reasoning;
mod tools;

use domain::Dialect;
use serde::Serialize;

use crate::{
    ir::{CacheMark, Feature, Losses, Refused, Request, ToolNames, names::NameRule},
    node::Json,
    translate::{Encoded, MaxTokensField, Quirks, ReasoningField, Target},
    write::{self, ObjectWriter},
};

/// What tool names, ids of calls and names of schemas have to match.
const RULE: NameRule = NameRule::SHORT;

/// Writes a request.
///
/// # Errors
/// The request cannot be asked of this upstream; see [`Refused`].
pub fn encode(request: &Request, target: &Target<'_>) -> Result<Encoded, Refused> {
    let mut context = Context {
        request,
        target,
        losses: Losses::default(),
    };
    let messages = messages::wire(&mut context)?;
    let tools = tools::wire(&mut context)?;
    let effort = reasoning::effort(&mut context)?;
    options::check(&mut context)?;
    let mut body = Vec::with_capacity(1024);
    write::object(&mut body, |o| {
        o.put("model", target.model);
        o.put("messages", &messages);
        let mut members = Members {
            o,
            quirks: target.quirks,
        };
        tools.write(&mut members);
        options::write(&context, &mut members);
        members.opt("reasoning_effort", effort);
        if target.stream {
            members.put("stream", &true);
            members.put(
                "stream_options",
                &serde_json::json!({"include_usage": true}),
            );
        }
    });
    Ok(Encoded {
        body,
        losses: context.losses,
        names: ToolNames::of(request, RULE),
    })
}

/// What every part of the encoder needs.
struct Context<'a> {
    request: &'a Request,
    target: &'a Target<'a>,
    losses: Losses,
}

impl<'a> Context<'a> {
    fn cannot(&mut self, feature: Feature, detail: Option<&str>) -> Result<(), Refused> {
        self.losses.cannot(feature, Dialect::OpenaiChat, detail)
    }

    /// Notes a mark of what to cache, which only a client of this dialect gets sent. Whether it is sent.
    fn marks(&mut self, mark: Option<&CacheMark>) -> Result<bool, Refused> {
        let Some(mark) = mark else { return Ok(false) };
        if self.same_dialect() {
            return Ok(true);
        }
        self.cannot(Feature::CacheMarks, None)?;
        if mark.ttl.is_some() {
            self.cannot(Feature::CacheTtl, None)?;
        }
        Ok(false)
    }

    const fn quirks(&self) -> &'a Quirks {
        self.target.quirks
    }

    /// The client speaks this dialect itself: its own members go back as they came.
    fn same_dialect(&self) -> bool {
        self.request.source == Dialect::OpenaiChat
    }

    /// OpenAI itself, which refuses members that it does not know and knows some that nobody else does.
    fn is_openai(&self) -> bool {
        self.quirks().reasoning == ReasoningField::None
            && self.quirks().max_tokens == MaxTokensField::Completion
    }
}

/// The members of the body, without those that the server refuses.
struct Members<'a, 'o> {
    o: &'a mut ObjectWriter<'o>,
    quirks: &'a Quirks,
}

impl Members<'_, '_> {
    fn put<T: Serialize + ?Sized>(&mut self, key: &str, with: &T) {
        if self.quirks.takes(key) {
            self.o.put(key, with);
        }
    }

    fn opt<T: Serialize>(&mut self, key: &str, with: Option<T>) {
        if let Some(with) = with {
            self.put(key, &with);
        }
    }

    fn raw(&mut self, key: &str, with: &Json) {
        if self.quirks.takes(key) {
            self.o.raw(key, with);
        }
    }
}
