//! What the official SDKs rely on in a complete stream of the older Completions API.

use std::collections::BTreeMap;

use serde_json::Value;

/// Checks a complete stream.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(sse: &str) -> Result<(), String> {
    let body = sse
        .strip_suffix("\n\n")
        .ok_or("it does not end with an empty line")?;
    let mut same = None;
    let mut finished = BTreeMap::<u64, bool>::new();
    let (mut usage, mut done) = (false, false);
    for line in body
        .split('\n')
        .filter(|line| !line.is_empty() && !line.starts_with(':'))
    {
        let data = line
            .strip_prefix("data: ")
            .ok_or_else(|| format!("neither data nor a comment: {line}"))?;
        if done {
            return Err(format!("something follows [DONE]: {data}"));
        }
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(data).map_err(|e| format!("{e}: {data}"))?;
        let head = ["id", "object", "created", "model"].map(|key| chunk[key].clone());
        if head[1] != "text_completion" || !head[2].is_number() || usage {
            return Err(format!("the wrong object, or one behind the usage: {data}"));
        }
        if *same.get_or_insert_with(|| head.clone()) != head {
            return Err(format!("id, created or model changes: {data}"));
        }
        let choices = chunk["choices"].as_array().ok_or("no choices")?;
        usage = chunk["usage"].is_object();
        if usage != choices.is_empty() {
            return Err(format!("usage and choices do not go together: {data}"));
        }
        for choice in choices {
            let index = choice["index"].as_u64().ok_or("no index")?;
            if !choice["text"].is_string() || choice.get("logprobs").is_none() {
                return Err(format!("no text or no logprobs: {data}"));
            }
            if finished.insert(index, choice["finish_reason"].is_string()) == Some(true) {
                return Err(format!("it goes on after its finish reason: {data}"));
            }
        }
    }
    if done && !finished.is_empty() && finished.values().all(|finished| *finished) {
        Ok(())
    } else {
        Err("it does not end as it must".to_owned())
    }
}
