//! What a Bedrock model's id says about the model: its family, and for Claude its version
//! ([`crate::claude`]). An id that says nothing (the ARN of an application's inference profile)
//! is [`Family::Other`], for which only what every model takes is sent.

use crate::claude::Claude;

/// The makers whose models differ in what they take beside Converse's own members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Claude(Claude),
    /// Amazon Nova; from the second generation on it reasons when asked to.
    Nova {
        reasons: bool,
    },
    /// OpenAI's open weights, which take `reasoning_effort`.
    GptOss,
    Other,
}

impl Family {
    /// Reads an id, the id of an inference profile or an ARN.
    #[must_use]
    pub fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        if let Some(claude) = Claude::named(&model) {
            Self::Claude(claude)
        } else if let Some((_, name)) = model.split_once("nova-") {
            Self::Nova {
                reasons: name.starts_with(|c: char| c.is_ascii_digit()),
            }
        } else if model.contains("gpt-oss") {
            Self::GptOss
        } else {
            Self::Other
        }
    }

    #[must_use]
    pub fn claude(self) -> Option<Claude> {
        match self {
            Self::Claude(claude) => Some(claude),
            _ => None,
        }
    }

    /// Whether it follows cache points.
    #[must_use]
    pub fn caches(self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova { .. })
    }

    /// Whether its answers can be made to follow a schema, and its calls a strict one (user guide, "Get
    /// validated JSON results from models"). An unknown model is believed to.
    #[must_use]
    pub fn structures_output(self) -> bool {
        match self {
            Self::Claude(claude) => claude.at_least(4, 5),
            Self::Nova { .. } => false,
            Self::GptOss | Self::Other => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_are_told_apart() {
        assert_eq!(
            Family::of("amazon.nova-pro-v1:0"),
            Family::Nova { reasons: false }
        );
        assert_eq!(
            Family::of("us.amazon.nova-2-lite-v1:0"),
            Family::Nova { reasons: true }
        );
        assert_eq!(Family::of("openai.gpt-oss-120b-1:0"), Family::GptOss);
        assert_eq!(Family::of("meta.llama3-1-70b-instruct-v1:0"), Family::Other);
        assert!(!Family::of("amazon.nova-pro-v1:0").structures_output());
        assert!(!Family::of("anthropic.claude-sonnet-4-20250514-v1:0").structures_output());
        assert!(Family::of("qwen.qwen3-32b-v1:0").structures_output());
    }
}
