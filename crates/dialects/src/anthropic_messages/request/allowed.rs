//! OpenAI's choice among allowed tools (`tool_choice: {type: allowed_tools, …}`), which leaves all tools
//! defined and lets the model call some of them. Where there is no such choice, only those are offered:
//! the outcome is the same.

use crate::node::{Json, Mismatch};

/// The tools that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub names: Vec<String>,
    /// One of them has to be.
    pub required: bool,
}

/// Reads a choice in the form of Chat Completions or of Responses; `None`: it is another one.
pub(crate) fn allowed(choice: &Json) -> Option<Allowed> {
    read(choice).ok().flatten()
}

fn read(choice: &Json) -> Result<Option<Allowed>, Mismatch> {
    let mut choice = choice.node().object()?;
    if choice.string("type")?.as_deref() != Some("allowed_tools") {
        return Ok(None);
    }
    // Chat Completions has one more level.
    let mut choice = choice.object("allowed_tools")?.unwrap_or(choice);
    let required = choice.string("mode")?.as_deref() == Some("required");
    let mut names = Vec::new();
    for tool in choice.array("tools")? {
        let mut tool = tool.object()?;
        let mut tool = tool.object("function")?.unwrap_or(tool);
        // A provider's tool has a type and no name; it is not among those that can be offered.
        names.extend(tool.string("name")?);
    }
    Ok(Some(Allowed { names, required }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let read = |text| allowed(&Json::parse(text).expect("JSON"));
        let both = Allowed {
            names: vec!["a".to_owned(), "b".to_owned()],
            required: true,
        };
        let chat = r#"{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"b"}}]}}"#;
        assert_eq!(read(chat), Some(both.clone()));
        let responses = r#"{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"a"},{"type":"web_search"},{"type":"custom","name":"b"}]}"#;
        assert_eq!(read(responses), Some(both));
        assert_eq!(read(r#"{"type":"web_search"}"#), None);
        assert_eq!(read(r#"{"type":"allowed_tools","tools":7}"#), None);
    }
}
