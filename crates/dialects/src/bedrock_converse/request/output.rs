//! The form of the answer: a JSON Schema where the model can be made to follow one, and otherwise an
//! instruction in the system prompt.

use std::borrow::Cow;

use domain::Dialect;

use super::{HERE, reasoning::Thought};
use crate::{
    bedrock_converse::model::Family,
    claude,
    ir::{Feature, Losses, OutputFormat, Refused, Request},
    node::Json,
    write::{self, ObjectWriter},
};

const JSON_OBJECT: &str =
    "Answer with one JSON object and nothing else: no explanation and no Markdown around it.";

/// What the answer has to look like.
#[derive(Debug, Default)]
pub struct Output<'r> {
    schema: Option<Schema<'r>>,
    /// For the system prompt.
    pub instruction: Option<String>,
}

#[derive(Debug)]
struct Schema<'r> {
    name: Option<&'r str>,
    description: Option<&'r str>,
    schema: Cow<'r, Json>,
}

impl<'r> Output<'r> {
    pub fn of(request: &'r Request, family: Family, losses: &mut Losses) -> Result<Self, Refused> {
        let mut output = Self::default();
        match &request.output_format {
            None | Some(OutputFormat::Text) => {}
            Some(OutputFormat::JsonObject) => output.instruction = Some(JSON_OBJECT.to_owned()),
            Some(OutputFormat::JsonSchema {
                name,
                description,
                schema,
                ..
            }) => {
                if family.structures_output() {
                    output.schema = Some(Schema {
                        name: name.as_deref().filter(|text| !text.is_empty()),
                        description: description.as_deref().filter(|text| !text.is_empty()),
                        schema: fitted(schema, request, family),
                    });
                } else {
                    output.instruction = Some(format!(
                        "{JSON_OBJECT} The object follows this JSON Schema:\n{schema}"
                    ));
                }
            }
            Some(OutputFormat::Other { .. }) => {
                losses.cannot(Feature::OutputGrammar, HERE, None)?;
            }
        }
        Ok(output)
    }

    /// Claude's own field for the effort. Beside a schema the effort stands in Converse's `outputConfig`
    /// instead, which the service turns into the same field of the model.
    pub fn claude_field(&self, thought: &Thought) -> Option<(&'static str, Json)> {
        let effort = thought.effort.filter(|_| self.schema.is_none())?;
        let config = write::object_json(|o| o.put("effort", effort));
        Some(("output_config", config))
    }

    /// Writes `outputConfig`, where there is one.
    pub fn write(&self, o: &mut ObjectWriter<'_>, thought: &Thought) {
        let Some(schema) = &self.schema else { return };
        o.object("outputConfig", |o| {
            o.object("textFormat", |o| {
                o.put("type", "json_schema");
                o.object("structure", |o| {
                    o.object("jsonSchema", |o| {
                        // A string: JSON in JSON.
                        o.put("schema", schema.schema.as_str());
                        o.opt("name", schema.name);
                        o.opt("description", schema.description);
                    });
                });
            });
            o.opt("effort", thought.effort);
        });
    }
}

/// The schema as the model's provider compiles it. Anthropic's own clients know what Claude takes.
fn fitted<'r>(schema: &'r Json, request: &Request, family: Family) -> Cow<'r, Json> {
    if family.claude().is_some() && request.source != Dialect::AnthropicMessages {
        Cow::Owned(claude::schema::closed(schema))
    } else {
        Cow::Borrowed(schema)
    }
}
