//! What the Claude models differ in, by their names: Anthropic's own, Bedrock's, Vertex's and
//! OpenRouter's. Nothing is looked up; a generation that is not out yet is taken for one like the
//! newest that is known, and a name that says nothing for 4.6, which takes the old ways and the new.

pub(crate) mod schema;

use crate::ir::Effort;

/// A Claude model's family and generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claude {
    /// Major and minor; `None` where the name does not say.
    version: Option<(u32, u32)>,
    family: Family,
    /// The lines of models that always think (Fable, Mythos).
    always_thinks: bool,
}

/// What a name without a generation is taken for.
const USUAL: (u32, u32) = (4, 6);

/// How a Claude model is told to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    None,
    /// By a budget of tokens only.
    Budget,
    /// By a budget, or adaptively with an effort.
    Either,
    /// Adaptively with an effort; a budget is refused.
    Adaptive,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Opus,
    Sonnet,
    Other,
}

impl Claude {
    /// A Claude of which nothing is known.
    pub const UNKNOWN: Self = Self {
        version: None,
        family: Family::Other,
        always_thinks: false,
    };

    /// Reads a model's name: `claude-sonnet-4-5-20250929`, `claude-3-5-haiku-latest`,
    /// `anthropic/claude-opus-4.7`, `eu.anthropic.claude-sonnet-4-6`,
    /// `anthropic.claude-sonnet-4-5-20250929-v1:0`, or an ARN that ends in one of these. `None`: no
    /// Claude.
    #[must_use]
    pub fn named(model: &str) -> Option<Self> {
        let model = model.to_ascii_lowercase();
        let at = model.rfind("claude")?;
        let rest = model.get(at + "claude".len()..)?;
        let family = if rest.contains("opus") {
            Family::Opus
        } else if rest.contains("sonnet") {
            Family::Sonnet
        } else {
            Family::Other
        };
        // The generation is the first run of one or two small numbers; a date has eight digits, and
        // Bedrock's own version begins with a v and ends with a colon and a number.
        let mut numbers = rest
            .split(':')
            .next()
            .unwrap_or_default()
            .split(|c: char| !c.is_ascii_alphanumeric())
            .skip_while(|word| small_number(word).is_none())
            .map_while(small_number);
        let version = numbers
            .next()
            .map(|major| (major, numbers.next().unwrap_or(0)));
        Some(Self {
            version,
            family,
            always_thinks: rest.contains("fable") || rest.contains("mythos"),
        })
    }

    /// `thinking: {type: adaptive}`: from 4.6 on.
    #[must_use]
    pub fn adaptive_thinking(self) -> bool {
        self.at_least(4, 6)
    }

    /// `thinking: {type: enabled, budget_tokens}`: from 3.7 to 4.6.
    #[must_use]
    pub fn thinking_budget(self) -> bool {
        self.at_least(3, 7) && !self.at_least(4, 7)
    }

    /// Whether it thinks at all, in one way or the other.
    #[must_use]
    pub fn thinks(self) -> bool {
        self.adaptive_thinking() || self.thinking_budget()
    }

    /// Shows nothing of its thinking unless `display: summarized` asks for it: from 4.7 on.
    #[must_use]
    pub fn hides_thinking(self) -> bool {
        self.at_least(4, 7)
    }

    /// `temperature`, `top_p` and `top_k`: up to 4.6.
    #[must_use]
    pub fn sampling(self) -> bool {
        !self.at_least(4, 7)
    }

    /// `temperature` and `top_p` in one request: up to 4.0.
    #[must_use]
    pub fn temperature_with_top_p(self) -> bool {
        !self.at_least(4, 1)
    }

    /// `output_config.format` and strict tools: from 4.1 on.
    #[must_use]
    pub fn structured_output(self) -> bool {
        self.at_least(4, 1)
    }

    /// Messages of the role `system` behind a user's turn: Opus from 4.8 on, and what came after it but
    /// for Sonnet 5.
    #[must_use]
    pub fn mid_system(self) -> bool {
        match self.family {
            Family::Opus => self.at_least(4, 8),
            Family::Sonnet => self.at_least(5, 1),
            Family::Other => self.at_least(5, 0),
        }
    }

    /// The word for `effort` in `output_config.effort`; `None`: the model has no such setting (before
    /// Opus 4.5 and 4.6), or the effort is none at all. A step that the model lacks becomes the next
    /// lower one.
    #[must_use]
    pub fn effort(self, effort: Effort) -> Option<&'static str> {
        if !self.takes_effort() {
            return None;
        }
        let word = match effort {
            Effort::None => return None,
            Effort::Minimal | Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::XHigh if self.at_least(4, 7) => "xhigh",
            Effort::Max if self.at_least(4, 6) => "max",
            Effort::XHigh | Effort::Max => "high",
        };
        Some(word)
    }

    /// How it is told to think.
    #[must_use]
    pub fn thinking(self) -> Thinking {
        match (self.thinking_budget(), self.adaptive_thinking()) {
            (false, false) => Thinking::None,
            (true, false) => Thinking::Budget,
            (true, true) => Thinking::Either,
            (false, true) => Thinking::Adaptive,
        }
    }

    /// Whether it takes `output_config.effort`.
    #[must_use]
    pub fn takes_effort(self) -> bool {
        self.at_least(4, 6) || self.effort_needs_beta()
    }

    /// Opus 4.5 takes an effort with the beta `effort-2025-11-24` only.
    #[must_use]
    pub fn effort_needs_beta(self) -> bool {
        self.family == Family::Opus && self.version == Some((4, 5))
    }

    /// Whether its thinking can be switched off.
    #[must_use]
    pub fn can_stop_thinking(self) -> bool {
        !self.always_thinks && self.thinks()
    }

    /// Whether it is of this generation or a later one.
    #[must_use]
    pub fn at_least(self, major: u32, minor: u32) -> bool {
        self.always_thinks || self.version.unwrap_or(USUAL) >= (major, minor)
    }
}

fn small_number(word: &str) -> Option<u32> {
    (word.len() <= 2).then(|| word.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_read_from_every_kind_of_name() {
        let cases = [
            ("claude-3-5-sonnet-20241022", Some((3, 5))),
            ("claude-3-haiku-20240307", Some((3, 0))),
            ("claude-3-7-sonnet-latest", Some((3, 7))),
            ("claude-opus-4-20250514", Some((4, 0))),
            ("claude-sonnet-4-5-20250929", Some((4, 5))),
            ("claude-sonnet-4-5@20250929", Some((4, 5))),
            ("anthropic/claude-opus-4.7", Some((4, 7))),
            ("eu.anthropic.claude-sonnet-4-6", Some((4, 6))),
            ("anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5))),
            ("anthropic.claude-3-haiku-20240307-v1:0", Some((3, 0))),
            ("us.anthropic.claude-opus-5-v1:0", Some((5, 0))),
            (
                "arn:aws:bedrock:eu-west-3:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
                Some((4, 5)),
            ),
            ("claude-instant", None),
            ("anthropic.claude-v2:1", None),
            ("anthropic.claude-stub-err429-v1:0", None),
            ("global.anthropic.claude-opus-4-6-v1", Some((4, 6))),
        ];
        for (name, version) in cases {
            assert_eq!(
                Claude::named(name).map(|c| c.version),
                Some(version),
                "{name}"
            );
        }
        assert_eq!(Claude::named("amazon.nova-pro-v1:0"), None);
    }

    #[test]
    fn thinking_is_asked_for_as_the_generation_takes_it() {
        let ways = |name| {
            Claude::named(name)
                .map(|c| (c.thinking_budget(), c.adaptive_thinking(), c.sampling()))
                .expect("a Claude")
        };
        assert_eq!(ways("claude-3-5-haiku-latest"), (false, false, true));
        assert_eq!(ways("claude-sonnet-4-5"), (true, false, true));
        assert_eq!(ways("eu.anthropic.claude-sonnet-4-6"), (true, true, true));
        assert_eq!(ways("claude-opus-4-7"), (false, true, false));
        assert_eq!(ways("claude-sonnet-5"), (false, true, false));
    }

    #[test]
    fn some_lines_always_think_and_some_efforts_need_a_beta() {
        let claude = |name| Claude::named(name).expect("a Claude");
        assert_eq!(
            claude("anthropic.claude-mythos-preview").thinking(),
            Thinking::Adaptive
        );
        assert!(!claude("anthropic.claude-fable-5").can_stop_thinking());
        assert!(claude("claude-opus-4-5-20251101").effort_needs_beta());
        assert!(!claude("claude-sonnet-4-5").takes_effort());
        assert_eq!(Claude::UNKNOWN.thinking(), Thinking::Either);
    }

    #[test]
    fn efforts_become_words_that_the_model_knows() {
        let word = |name, effort| Claude::named(name).and_then(|c: Claude| c.effort(effort));
        assert_eq!(word("claude-sonnet-4-5", Effort::High), None);
        assert_eq!(word("claude-opus-4-5", Effort::Max), Some("high"));
        assert_eq!(word("claude-sonnet-4-6", Effort::XHigh), Some("high"));
        assert_eq!(word("claude-opus-4-7", Effort::XHigh), Some("xhigh"));
        assert_eq!(word("claude-opus-4-7", Effort::Minimal), Some("low"));
        assert_eq!(word("claude-opus-4-7", Effort::None), None);
    }

    #[test]
    fn system_messages_between_turns_are_for_the_newest() {
        let takes = |name| Claude::named(name).is_some_and(Claude::mid_system);
        assert!(takes("claude-opus-4-8") && takes("claude-opus-5") && takes("claude-haiku-5"));
        assert!(!takes("claude-opus-4-7") && !takes("claude-sonnet-5") && !takes("claude-x"));
    }
}
