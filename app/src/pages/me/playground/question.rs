//! What is asked on the playground: the form's fields, and the request to Chat Completions that they
//! make, the same in the browser and without JavaScript.

use domain::validation::{Field, FieldError, Problem, count};
use leptos::serde_json::{self, Map, Value, json};
use serde::{Deserialize, Serialize};

/// Models that are asked side by side.
pub const SIDE_BY_SIDE: usize = 3;

/// The names of the fields.
pub const FIELDS: &[&str] = &[
    "model_1",
    "prompt",
    "max_tokens",
    "temperature",
    "tools",
    "picture",
];

/// The form, as it was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    pub model_1: String,
    pub model_2: String,
    pub model_3: String,
    pub system: String,
    pub prompt: String,
    pub max_tokens: String,
    pub temperature: String,
    /// A list in JSON, as Chat Completions takes it.
    pub tools: String,
    /// A URL, `data:` included.
    pub picture: String,
}

impl Question {
    /// By name, to fill the form again.
    #[must_use]
    pub fn typed(&self) -> Vec<(&str, &str)> {
        vec![
            ("model_1", &self.model_1),
            ("model_2", &self.model_2),
            ("model_3", &self.model_3),
            ("system", &self.system),
            ("prompt", &self.prompt),
            ("max_tokens", &self.max_tokens),
            ("temperature", &self.temperature),
            ("tools", &self.tools),
            ("picture", &self.picture),
        ]
    }

    /// The models that are to answer, each once.
    ///
    /// # Errors
    /// When none is chosen.
    pub fn models(&self) -> Result<Vec<String>, FieldError> {
        let mut models: Vec<String> = Vec::with_capacity(SIDE_BY_SIDE);
        for model in [&self.model_1, &self.model_2, &self.model_3] {
            let model = model.trim();
            if !model.is_empty() && !models.iter().any(|known| known == model) {
                models.push(model.to_owned());
            }
        }
        match models.is_empty() {
            true => Err(FieldError::new(Field::Model, Problem::Empty)),
            false => Ok(models),
        }
    }

    /// The request to `model`.
    ///
    /// # Errors
    /// Names the field that makes no sense.
    pub fn body(&self, model: &str, stream: bool) -> Result<Value, FieldError> {
        let prompt = self.prompt.trim();
        if prompt.is_empty() {
            return Err(FieldError::new(Field::Prompt, Problem::Empty));
        }
        let mut messages = Vec::new();
        let system = self.system.trim();
        if !system.is_empty() {
            messages.push(json!({"role": "system", "content": system}));
        }
        messages.push(json!({"role": "user", "content": self.content(prompt)?}));
        let mut body = Map::new();
        body.insert("model".to_owned(), model.into());
        body.insert("messages".to_owned(), messages.into());
        let longest = count(Field::MaxTokens, &self.max_tokens)?;
        if longest > 0 {
            body.insert("max_tokens".to_owned(), longest.into());
        }
        let temperature = self.temperature.trim();
        if !temperature.is_empty() {
            let number = serde_json::from_str::<Value>(temperature).ok();
            let number = number.filter(Value::is_number);
            let problem = FieldError::new(Field::Temperature, Problem::NotADecimal);
            body.insert("temperature".to_owned(), number.ok_or(problem)?);
        }
        let tools = self.tools.trim();
        if !tools.is_empty() {
            let list = serde_json::from_str::<Value>(tools).ok();
            let list = list.filter(Value::is_array);
            let problem = FieldError::new(Field::Tools, Problem::NotJson);
            body.insert("tools".to_owned(), list.ok_or(problem)?);
        }
        if stream {
            body.insert("stream".to_owned(), true.into());
            body.insert("stream_options".to_owned(), json!({"include_usage": true}));
        }
        Ok(body.into())
    }

    fn content(&self, prompt: &str) -> Result<Value, FieldError> {
        let picture = self.picture.trim();
        if picture.is_empty() {
            return Ok(prompt.into());
        }
        let known = ["https://", "http://", "data:image/"];
        if !known.iter().any(|begin| picture.starts_with(begin)) {
            return Err(FieldError::new(Field::Picture, Problem::NotAPicture));
        }
        Ok(json!([
            {"type": "text", "text": prompt},
            {"type": "image_url", "image_url": {"url": picture}},
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> Question {
        Question {
            model_1: "a".to_owned(),
            model_2: " b ".to_owned(),
            model_3: "a".to_owned(),
            prompt: "Hi".to_owned(),
            ..Question::default()
        }
    }

    #[test]
    fn a_model_answers_once_and_what_is_not_said_is_not_sent() {
        let question = question();
        assert_eq!(question.models(), Ok(vec!["a".to_owned(), "b".to_owned()]));
        let body = question.body("a", false).expect("a body");
        let plain = json!({"model": "a", "messages": [{"role": "user", "content": "Hi"}]});
        assert_eq!(body, plain);
    }

    #[test]
    fn everything_that_is_said_is_sent() {
        let question = Question {
            system: "Be short".to_owned(),
            max_tokens: "50".to_owned(),
            temperature: "0.5".to_owned(),
            tools: "[]".to_owned(),
            picture: "data:image/png;base64,AA==".to_owned(),
            ..question()
        };
        let body = question.body("b", true).expect("a body");
        assert_eq!(body["messages"][0]["content"], "Be short");
        let picture = &body["messages"][1]["content"][1]["image_url"]["url"];
        assert_eq!(picture, "data:image/png;base64,AA==");
        assert_eq!(
            (&body["max_tokens"], &body["temperature"]),
            (&json!(50), &json!(0.5))
        );
        assert_eq!(
            (&body["tools"], &body["stream"]),
            (&json!([]), &json!(true))
        );
    }

    #[test]
    fn the_field_that_makes_no_sense_is_named() {
        let field = |change: fn(&mut Question)| {
            let mut question = question();
            change(&mut question);
            let body = question.body("a", false);
            body.expect_err("a refusal").field
        };
        assert_eq!(field(|q| q.prompt.clear()), Field::Prompt);
        assert_eq!(field(|q| q.max_tokens = "x".to_owned()), Field::MaxTokens);
        assert_eq!(
            field(|q| q.temperature = "hot".to_owned()),
            Field::Temperature
        );
        assert_eq!(field(|q| q.tools = "{}".to_owned()), Field::Tools);
        assert_eq!(
            field(|q| q.picture = "javascript:0".to_owned()),
            Field::Picture
        );
        let none = Question::default().models();
        assert_eq!(none.expect_err("a refusal").field, Field::Model);
    }
}
