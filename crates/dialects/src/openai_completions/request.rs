//! Requests: one prompt, as text. `suffix`, `echo` and `best_of` have no meaning for a conversation.

use domain::Dialect;

use crate::{
    RequestError,
    ir::{Message, Part, Request, Role},
    node::{Kind, Mismatch, Node, Object},
    openai_chat::request::decode::{object, options},
};

/// Reads a request.
///
/// # Errors
/// It is no JSON object, or its prompt is not one text.
pub fn decode(body: &[u8]) -> Result<Request, RequestError> {
    let mut body = object(body)?;
    let mut request = Request::new(Dialect::OpenaiCompletions);
    read(&mut body, &mut request)?;
    request.extra.extend(body.rest());
    Ok(request)
}

fn read(body: &mut Object<'_>, request: &mut Request) -> Result<(), Mismatch> {
    let prompt = prompt(&body.need("prompt")?)?;
    request.messages = vec![Message::new(Role::User, vec![Part::text(prompt)])];
    options::sampling(body, request)?;
    options::user(body, request)?;
    // Here the number of alternatives is what asks for log probabilities.
    request.top_logprobs = body.u64("logprobs")?;
    request.logprobs = request.top_logprobs.map(|_| true);
    Ok(())
}

fn prompt(node: &Node<'_>) -> Result<String, Mismatch> {
    const ONE: &str =
        "one prompt as text: this model answers neither several prompts nor arrays of tokens";
    match node.kind() {
        Kind::String => node.owned(),
        Kind::Array => match node.array()?.as_slice() {
            [prompt] if prompt.kind() == Kind::String => prompt.owned(),
            _ => Err(node.expected(ONE)),
        },
        _ => Err(node.expected(ONE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt_of(body: &str) -> Result<String, String> {
        let request = decode(body.as_bytes()).map_err(|e| e.to_string())?;
        match request.messages.as_slice() {
            [Message { parts, .. }] => match parts.as_slice() {
                [Part::Text { text, .. }] => Ok(text.clone()),
                other => Err(format!("{other:?}")),
            },
            other => Err(format!("{other:?}")),
        }
    }

    #[test]
    fn one_prompt_is_read_and_others_are_refused() {
        assert_eq!(prompt_of(r#"{"prompt":"a"}"#), Ok("a".to_owned()));
        assert_eq!(prompt_of(r#"{"prompt":["a"]}"#), Ok("a".to_owned()));
        for body in [
            r#"{"prompt":["a","b"]}"#,
            r#"{"prompt":[1,2]}"#,
            r#"{"prompt":[[1,2]]}"#,
            r#"{"prompt":[]}"#,
            r#"{"prompt":7}"#,
        ] {
            let error = prompt_of(body).expect_err(body);
            assert!(error.starts_with("prompt: expected one prompt"), "{error}");
        }
        let error = prompt_of("{}").expect_err("no prompt");
        assert_eq!(error, "prompt: expected a value; this field is required");
    }

    #[test]
    fn options_are_read_and_the_rest_is_kept() {
        let request = decode(br#"{"model":"m","prompt":"a","max_tokens":5,"stop":"x","logprobs":3,"echo":true,"suffix":"s","user":"u"}"#).expect("valid");
        assert_eq!(request.max_output_tokens, Some(5));
        assert_eq!(request.stop, ["x"]);
        assert_eq!(
            (request.logprobs, request.top_logprobs),
            (Some(true), Some(3))
        );
        assert_eq!(request.user.as_deref(), Some("u"));
        let names: Vec<&str> = request
            .extra
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(names, ["echo", "suffix"]);
    }
}
