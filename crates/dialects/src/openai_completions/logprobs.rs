//! Log probabilities as this API has them: columns, where Chat Completions has a list of tokens.

use crate::node::{Json, Object};

/// Turns the `logprobs` of a chat answer into columns; `None` where they are something else. `offset`:
/// characters of text before them.
pub(super) fn columns(logprobs: &Json, offset: usize) -> Option<Json> {
    let mut object = logprobs.node().object().ok()?;
    let mut tokens = Vec::new();
    let mut token_logprobs = Vec::new();
    let mut top_logprobs = Vec::new();
    let mut text_offset = Vec::new();
    let mut at = offset;
    for entry in object.array("content").ok()? {
        let mut entry = entry.object().ok()?;
        let alternatives = entry.array("top_logprobs").ok()?;
        let (token, logprob) = pair(entry)?;
        text_offset.push(at);
        at += token.chars().count();
        let mut top = serde_json::Map::new();
        for alternative in alternatives {
            let (token, logprob) = pair(alternative.object().ok()?)?;
            top.insert(token, logprob.into());
        }
        tokens.push(token);
        token_logprobs.push(logprob);
        top_logprobs.push(top);
    }
    Some(crate::write::object_json(|o| {
        o.put("tokens", &tokens);
        o.put("token_logprobs", &token_logprobs);
        o.put("top_logprobs", &top_logprobs);
        o.put("text_offset", &text_offset);
    }))
}

fn pair(mut entry: Object<'_>) -> Option<(String, f64)> {
    Some((entry.string("token").ok()??, entry.f64("logprob").ok()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tokens_becomes_columns() {
        let list = Json::parse(r#"{"content":[{"token":"é","logprob":-0.5,"bytes":null,"top_logprobs":[{"token":"é","logprob":-0.5},{"token":"x","logprob":-2}]},{"token":"b","logprob":-1,"top_logprobs":[]}],"refusal":null}"#).expect("JSON");
        insta::assert_snapshot!(columns(&list, 3).expect("columns").as_str(), @r#"{"tokens":["é","b"],"token_logprobs":[-0.5,-1.0],"top_logprobs":[{"x":-2.0,"é":-0.5},{}],"text_offset":[3,4]}"#);
    }
}
