//! How hard the model thinks. Each family is told in its own words, by fields that Converse hands on to
//! the model; Claude's differ by version. Where a model would refuse to think in this request, it does
//! not, and the client is told.

use domain::Dialect;

use super::{HERE, turns::Conversation};
use crate::{
    bedrock_converse::model::Family,
    claude::{Claude, Thinking},
    ir::{Effort, Feature, Losses, Reasoning, Refused, Request},
    node::Json,
    write,
};

/// The least budget that Claude takes.
const LEAST_BUDGET: u64 = 1024;

/// What else in the request bears on thinking.
#[derive(Debug)]
pub struct Circumstances<'c, 'r> {
    pub max_tokens: Option<u64>,
    /// The beta is on with which a budget may be larger than one answer.
    pub interleaved: bool,
    /// A call is forced, before which Claude cannot think.
    pub forced: bool,
    pub conversation: &'c Conversation<'r>,
}

/// What is said about thinking.
#[derive(Debug, Default)]
pub struct Thought {
    /// Members of `additionalModelRequestFields`.
    pub fields: Vec<(&'static str, Json)>,
    /// Claude's `output_config.effort`.
    pub effort: Option<&'static str>,
    /// The beta that the effort needs.
    pub beta: Option<&'static str>,
    /// Temperature, top_p and top_k are not the client's to choose.
    pub fixes_sampling: bool,
}

/// What the client wants, whichever way its dialect says it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wish {
    Nothing,
    /// Not to think.
    Off,
    /// Anthropic's effort alone: it bounds all that the model says, and switches no thinking on.
    Effort(Effort),
    On,
}

impl Wish {
    fn of(reasoning: &Reasoning, source: Dialect) -> Self {
        if reasoning.enabled == Some(false) || reasoning.effort == Some(Effort::None) {
            Self::Off
        } else if reasoning.enabled == Some(true)
            || reasoning.adaptive
            || reasoning.budget_tokens.is_some()
        {
            Self::On
        } else {
            match reasoning.effort {
                None => Self::Nothing,
                Some(effort) if source == Dialect::AnthropicMessages => Self::Effort(effort),
                Some(_) => Self::On,
            }
        }
    }
}

impl Thought {
    pub fn of(
        request: &Request,
        family: Family,
        circumstances: &Circumstances<'_, '_>,
        losses: &mut Losses,
    ) -> Result<Self, Refused> {
        let Some(reasoning) = &request.reasoning else {
            return Ok(Self::default());
        };
        let wish = Wish::of(reasoning, request.source);
        if let Family::Claude(claude) = family {
            let asked = Asked {
                wish,
                reasoning,
                claude,
            };
            return asked.thought(circumstances, losses);
        }
        if reasoning.display.is_some() && wish == Wish::On {
            losses.cannot(Feature::ThinkingDisplay, HERE, None)?;
        }
        let effort = match wish {
            Wish::Nothing => return Ok(Self::default()),
            Wish::Off => Effort::None,
            Wish::Effort(effort) => effort,
            Wish::On => in_words(reasoning).unwrap_or(Effort::Medium),
        };
        match family {
            Family::Nova { reasons: true } => Ok(nova(effort, request.max_output_tokens.is_some())),
            Family::GptOss => {
                if effort == Effort::None {
                    losses.cannot(Feature::Effort, HERE, None)?;
                }
                let word = match effort {
                    Effort::None | Effort::Minimal | Effort::Low => "low",
                    Effort::Medium => "medium",
                    Effort::High | Effort::XHigh | Effort::Max => "high",
                };
                Ok(Self {
                    fields: vec![("reasoning_effort", Json::of(word))],
                    ..Self::default()
                })
            }
            // Not to think is what they do anyway, or cannot be helped.
            _ if effort == Effort::None => Ok(Self::default()),
            _ => {
                losses.cannot(lost(reasoning), HERE, None)?;
                Ok(Self::default())
            }
        }
    }
}

/// Nova's effort. With the highest, the service refuses a limit of the answer and all sampling; the
/// client's limit is worth more than the last step of effort.
fn nova(effort: Effort, limited: bool) -> Thought {
    let word = match effort {
        Effort::None => return Thought::default(),
        Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::XHigh | Effort::Max if limited => "medium",
        Effort::High | Effort::XHigh | Effort::Max => "high",
    };
    let config = write::object_json(|o| {
        o.put("type", "enabled");
        o.put("maxReasoningEffort", word);
    });
    Thought {
        fields: vec![("reasoningConfig", config)],
        fixes_sampling: word == "high",
        ..Thought::default()
    }
}

/// The effort, or what a budget amounts to.
fn in_words(reasoning: &Reasoning) -> Option<Effort> {
    reasoning
        .effort
        .or_else(|| reasoning.budget_tokens.map(Effort::of_budget))
}

/// What the client is told to have lost.
fn lost(reasoning: &Reasoning) -> Feature {
    if reasoning.budget_tokens.is_some() {
        Feature::ThinkingBudget
    } else {
        Feature::Effort
    }
}

/// What is asked of a Claude model.
#[derive(Debug)]
struct Asked<'r> {
    wish: Wish,
    reasoning: &'r Reasoning,
    claude: Claude,
}

impl Asked<'_> {
    fn thought(&self, c: &Circumstances<'_, '_>, losses: &mut Losses) -> Result<Thought, Refused> {
        match self.wish {
            Wish::Nothing => Ok(Thought::default()),
            Wish::Off => self.off(losses),
            Wish::Effort(effort) => {
                if !self.claude.takes_effort() {
                    losses.cannot(Feature::Effort, HERE, None)?;
                }
                Ok(self.with_effort(Some(effort), Vec::new()))
            }
            Wish::On => self.on(c, losses),
        }
    }

    fn off(&self, losses: &mut Losses) -> Result<Thought, Refused> {
        let explicit = self.reasoning.enabled == Some(false);
        let mut fields = Vec::new();
        if self.claude.can_stop_thinking() {
            // Up to version 4 they do not think unless told to.
            if explicit || self.claude.at_least(5, 0) {
                fields.push((
                    "thinking",
                    write::object_json(|o| o.put("type", "disabled")),
                ));
            }
        } else if self.claude.thinking() != Thinking::None {
            losses.cannot(Feature::Effort, HERE, None)?;
        }
        // The highest efforts are for models that think.
        let effort = self
            .reasoning
            .effort
            .filter(|effort| *effort != Effort::None);
        Ok(self.with_effort(effort.map(|effort| effort.min(Effort::High)), fields))
    }

    fn on(&self, c: &Circumstances<'_, '_>, losses: &mut Losses) -> Result<Thought, Refused> {
        let budget = self.reasoning.budget_tokens;
        let thinking = self.claude.thinking();
        let adaptive = match thinking {
            Thinking::None | Thinking::Budget => false,
            Thinking::Either => budget.is_none(),
            Thinking::Adaptive => true,
        };
        // Claude refuses to think before a forced call and inside an answer that has begun; with a
        // budget also where it called without having thought.
        let refused = thinking == Thinking::None
            || c.forced
            || c.conversation.is_prefilled()
            || (!adaptive && c.conversation.has_unthought_calls());
        let word = if adaptive && budget.is_some() {
            in_words(self.reasoning)
        } else {
            self.reasoning.effort
        };
        if refused {
            losses.cannot(lost(self.reasoning), HERE, None)?;
            let word = word.map(|effort| effort.min(Effort::High));
            return Ok(self.with_effort(word, Vec::new()));
        }
        let display = self.reasoning.display.as_deref();
        let field = if adaptive {
            write::object_json(|o| {
                o.put("type", "adaptive");
                o.opt("display", display);
            })
        } else {
            let Some(tokens) = self.budget(c) else {
                losses.cannot(lost(self.reasoning), HERE, None)?;
                return Ok(self.with_effort(word, Vec::new()));
            };
            write::object_json(|o| {
                o.put("type", "enabled");
                o.put("budget_tokens", &tokens);
                o.opt("display", display);
            })
        };
        let mut thought = self.with_effort(word, vec![("thinking", field)]);
        thought.fixes_sampling = true;
        Ok(thought)
    }

    /// A budget that the service takes: smaller than the answer, unless thinking may go on between
    /// calls. `None`: there is no room for one.
    fn budget(&self, c: &Circumstances<'_, '_>) -> Option<u64> {
        let max = c.max_tokens.unwrap_or(u64::MAX);
        match self.reasoning.budget_tokens {
            Some(tokens) if c.interleaved => Some(tokens.max(LEAST_BUDGET)),
            Some(tokens) => {
                let room = max.checked_sub(1).filter(|room| *room >= LEAST_BUDGET)?;
                Some(tokens.clamp(LEAST_BUDGET, room))
            }
            None => self.reasoning.effort.unwrap_or(Effort::Medium).budget(max),
        }
    }

    fn with_effort(&self, effort: Option<Effort>, fields: Vec<(&'static str, Json)>) -> Thought {
        let claude = self.claude;
        let effort = effort
            .filter(|_| claude.takes_effort())
            .map(|effort| match effort {
                Effort::None | Effort::Minimal | Effort::Low => "low",
                Effort::Medium => "medium",
                Effort::High => "high",
                Effort::XHigh if claude.at_least(4, 7) => "xhigh",
                Effort::Max if claude.at_least(4, 6) => "max",
                Effort::XHigh | Effort::Max => "high",
            });
        Thought {
            beta: effort
                .filter(|_| claude.effort_needs_beta())
                .map(|_| "effort-2025-11-24"),
            fields,
            effort,
            fixes_sampling: false,
        }
    }
}
