//! Reads an answer. Items that only OpenAI knows stay what they were.

use domain::TokenUsage;

use crate::{
    ResponseError,
    ir::{Candidate, Part, Response, Stop, ToolCallKind, Usage},
    node::{Json, Kind, Mismatch, Node, Object},
    openai_responses::{item, request::tier},
    stream::values,
    write,
};

/// Reads an answer with a success status.
///
/// # Errors
/// It cannot be read, or reports that the model failed.
pub fn decode(body: &[u8]) -> Result<Response, ResponseError> {
    let node = Node::parse(body).map_err(ResponseError::Malformed)?;
    let malformed = |e: Mismatch| ResponseError::Malformed(e.to_string());
    let mut o = node.object().map_err(malformed)?;
    if let Some(error) = o.take("error") {
        return Err(ResponseError::Reported(message(&error)));
    }
    let status = o.string("status").map_err(malformed)?;
    match status.as_deref() {
        Some("failed") => {
            return Err(ResponseError::Reported("the model failed".to_owned()));
        }
        Some("cancelled" | "queued" | "in_progress") => {
            let status = status.unwrap_or_default();
            return Err(ResponseError::Reported(format!("its answer is {status}")));
        }
        _ => {}
    }
    let mut output = Output::default();
    let items = o.need("output").and_then(|output| output.array());
    for item in items.map_err(malformed)? {
        output.item(&item).map_err(malformed)?;
    }
    let stop = stop(&mut o, output.calls).map_err(malformed)?;
    let tokens = o
        .take("usage")
        .and_then(|node| usage(node.text().as_bytes()))
        .map(|tokens| TokenUsage {
            searches: searches(body),
            ..tokens
        });
    let created = o.f64("created_at").map_err(malformed)?;
    let tier = o.string("service_tier").map_err(malformed)?;
    Ok(Response {
        id: o.string("id").map_err(malformed)?,
        // Some servers write seconds with a fraction.
        created: created.map(|seconds| seconds as i64),
        candidates: vec![Candidate {
            parts: output.parts,
            stop,
            logprobs: merged(&output.logprobs),
        }],
        usage: tokens.map(|tokens| Usage {
            tokens,
            server_tools: None,
            tier: None,
        }),
        service_tier: tier.as_deref().and_then(self::tier),
    })
}

/// What the items of an answer hold.
#[derive(Debug, Default)]
pub(in crate::openai_responses) struct Output {
    pub parts: Vec<Part>,
    pub logprobs: Vec<Json>,
    /// The model calls tools that the client runs.
    pub calls: bool,
}

impl Output {
    pub fn item(&mut self, node: &Node<'_>) -> Result<(), Mismatch> {
        let mut o = node.object()?;
        let kind = o.need("type")?.owned()?;
        match kind.as_str() {
            "message" => {
                for part in o.array("content")? {
                    if let Some((part, logprobs)) = item::words(&part)? {
                        self.parts.push(part);
                        self.logprobs.extend(logprobs);
                    }
                }
            }
            "reasoning" => self.parts.extend(item::thinking(o)?),
            "function_call" => {
                self.parts.push(item::call(o, ToolCallKind::Function)?);
                self.calls = true;
            }
            "custom_tool_call" => {
                self.parts.push(item::call(o, ToolCallKind::Custom)?);
                self.calls = true;
            }
            _ => self.parts.push(item::opaque(&kind, node)),
        }
        Ok(())
    }
}

/// Why the answer ended; of a `response` object whose items have been read.
pub(in crate::openai_responses) fn stop(o: &mut Object<'_>, calls: bool) -> Result<Stop, Mismatch> {
    if let Some(mut details) = o.object("incomplete_details")?
        && let Some(reason) = details.string("reason")?
    {
        return Ok(match reason.as_str() {
            "max_output_tokens" => Stop::MaxTokens,
            "content_filter" => Stop::ContentFilter,
            _ => Stop::Other(reason),
        });
    }
    Ok(if calls { Stop::ToolUse } else { Stop::End })
}

/// The words of an error, an object or a text.
pub(in crate::openai_responses) fn message(error: &Node<'_>) -> String {
    let inner = error
        .object()
        .ok()
        .and_then(|mut o| o.string("message").ok().flatten());
    inner
        .or_else(|| error.owned().ok())
        .unwrap_or_else(|| error.text().to_owned())
}

/// Several lists in one.
fn merged(lists: &[Json]) -> Option<Json> {
    let mut tokens = Vec::new();
    for list in lists {
        let list = item::listed_logprobs(list)?;
        tokens.extend(list.node().array().ok()?.iter().map(Node::json));
    }
    (!tokens.is_empty()).then(|| {
        write::object_json(|o| {
            o.put("content", &tokens);
            o.null("refusal");
        })
    })
}

/// How many searches of the web an answer reports; the usage does not count them.
#[must_use]
pub fn searches(answer: &[u8]) -> u64 {
    let call = |value: &&[u8]| value.starts_with(br#""web_search_call""#);
    let calls = values(answer, br#""type""#).filter(call).count();
    u64::try_from(calls).unwrap_or(u64::MAX)
}

/// Reads a `usage` object; `None` where it is not one.
#[must_use]
pub fn usage(value: &[u8]) -> Option<TokenUsage> {
    let node = Node::parse(value).ok()?;
    if node.kind() != Kind::Object {
        return None;
    }
    let mut o = node.object().ok()?;
    let input = o.u64("input_tokens").ok()??;
    let output = o.u64("output_tokens").ok().flatten().unwrap_or(0);
    let mut detail = |object: &'static str, names: [&'static str; 2]| {
        let Ok(Some(mut details)) = o.object(object) else {
            return [0, 0];
        };
        names.map(|name| details.u64(name).ok().flatten().unwrap_or(0))
    };
    let [cached, written] = detail(
        "input_tokens_details",
        ["cached_tokens", "cache_write_tokens"],
    );
    let [reasoning, _] = detail("output_tokens_details", ["reasoning_tokens", "_"]);
    let cached = cached.min(input);
    let written = written.min(input - cached);
    Some(TokenUsage {
        input: input - cached - written,
        cache_read: cached,
        cache_write_5m: written,
        output,
        reasoning,
        ..TokenUsage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_tokens_are_taken_out_of_the_input() {
        let got = usage(br#"{"input_tokens":1210,"input_tokens_details":{"cached_tokens":1000,"cache_write_tokens":200},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":1217}"#);
        let expected = TokenUsage {
            input: 10,
            cache_read: 1000,
            cache_write_5m: 200,
            output: 7,
            reasoning: 4,
            ..TokenUsage::default()
        };
        assert_eq!(got, Some(expected));
        let bare = usage(br#"{"input_tokens":5,"output_tokens":1,"input_tokens_details":null}"#);
        assert_eq!(bare.map(|u| (u.input, u.output)), Some((5, 1)));
        // More from the cache than there was: what is left is nothing, not a panic.
        let odd = usage(br#"{"input_tokens":5,"input_tokens_details":{"cached_tokens":9}}"#);
        assert_eq!(odd.map(|u| (u.input, u.cache_read)), Some((0, 5)));
        for none in ["null", "{}", "[]", "7", "{"] {
            assert_eq!(usage(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn a_failure_is_no_answer() {
        let failed = br#"{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"it broke"},"output":[]}"#;
        assert_eq!(
            decode(failed),
            Err(ResponseError::Reported("it broke".to_owned()))
        );
        for text in ["", "<html>", "[]", "{}", r#"{"output":7}"#] {
            let got = decode(text.as_bytes());
            assert!(matches!(got, Err(ResponseError::Malformed(_))), "{text}");
        }
    }
}
