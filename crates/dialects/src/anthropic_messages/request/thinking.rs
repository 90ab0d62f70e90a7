//! How much a Claude is to think, in the way its generation takes: a budget of tokens up to 4.5, an
//! effort from 4.7 on, either at 4.6. Thinking is left out, and the client told, where the API would
//! refuse the request for it.

use domain::Dialect;

use crate::claude::Claude;
use crate::ir::{Effort, Feature, Losses, Reasoning, Refused, Request};

const TARGET: Dialect = Dialect::AnthropicMessages;

/// The least budget that Anthropic takes.
const LEAST_BUDGET: u64 = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Nothing is said; the model's default.
    Unsaid,
    Disabled,
    Adaptive,
    Budget(u64),
}

impl Mode {
    pub(super) fn thinks(self) -> bool {
        matches!(self, Self::Adaptive | Self::Budget(_))
    }
}

/// What is sent of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    pub mode: Mode,
    /// `output_config.effort`.
    pub effort: Option<&'static str>,
    pub display: Option<String>,
    /// More than any budget.
    pub max_tokens: u64,
}

/// What of the request speaks against thinking.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversation {
    /// Some tool has to be called.
    pub forced: bool,
    pub prefilled: bool,
    /// See [`super::turns::Turns::unthought_calls`].
    pub unthought_calls: bool,
}

/// # Errors
/// The table of features says that the request is refused.
pub(super) fn plan(
    request: &Request,
    claude: Claude,
    default_max_tokens: u64,
    conversation: Conversation,
    losses: &mut Losses,
) -> Result<Plan, Refused> {
    let mut plan = Plan {
        mode: Mode::Unsaid,
        effort: None,
        display: None,
        max_tokens: request.max_output_tokens.unwrap_or(default_max_tokens),
    };
    let Some(reasoning) = &request.reasoning else {
        return Ok(plan);
    };
    let feature = if reasoning.budget_tokens.is_some() {
        Feature::ThinkingBudget
    } else {
        Feature::Effort
    };
    plan.effort = reasoning.effort.and_then(|effort| claude.effort(effort));
    plan.mode = mode(request, reasoning, claude, &mut plan.max_tokens);
    let unheard = reasoning.effort.is_some_and(|e| e != Effort::None) && plan.effort.is_none();
    if (asked(request, reasoning) || unheard) && !plan.mode.thinks() {
        // No model of this generation thinks, or the answer has no room for it.
        losses.cannot(feature, TARGET, None)?;
    }
    let obstacle = obstacle(conversation, plan.mode);
    if let Some(why) = obstacle {
        plan.mode = Mode::Unsaid;
        losses.cannot(feature, TARGET, Some(why))?;
    }
    if plan.mode.thinks() {
        // Other dialects' clients wait for what the newest models keep to themselves unless asked.
        let shown = request.source != TARGET && claude.hides_thinking();
        plan.display = reasoning
            .display
            .clone()
            .or_else(|| shown.then(|| "summarized".to_owned()));
    }
    Ok(plan)
}

/// Whether the client wants thinking. An Anthropic client says so in as many words; its effort alone is
/// about the answer's length too. OpenAI's effort is about nothing else.
fn asked(request: &Request, reasoning: &Reasoning) -> bool {
    match reasoning.enabled {
        Some(enabled) => enabled,
        None if request.source == TARGET => false,
        None => {
            reasoning.adaptive
                || reasoning.budget_tokens.is_some()
                || reasoning.effort.is_some_and(|e| e != Effort::None)
        }
    }
}

fn mode(request: &Request, reasoning: &Reasoning, claude: Claude, max_tokens: &mut u64) -> Mode {
    if !asked(request, reasoning) {
        let refused = reasoning.enabled == Some(false)
            || (reasoning.effort == Some(Effort::None) && request.source != TARGET);
        // Where it cannot think there is nothing to switch off.
        return if refused && claude.thinks() {
            Mode::Disabled
        } else {
            Mode::Unsaid
        };
    }
    let effort = reasoning.effort.unwrap_or(Effort::High);
    match reasoning.budget_tokens {
        Some(tokens) if claude.thinking_budget() => {
            let free = request.max_output_tokens.is_none();
            budget(tokens, free, max_tokens).map_or(Mode::Unsaid, Mode::Budget)
        }
        _ if claude.adaptive_thinking() => Mode::Adaptive,
        _ if claude.thinking_budget() => effort
            .budget(*max_tokens)
            .map_or(Mode::Unsaid, Mode::Budget),
        _ => Mode::Unsaid,
    }
}

/// A budget below the limit of the answer. The client's own limit is not raised, since it may be about
/// money; the default one is.
fn budget(tokens: u64, free: bool, max_tokens: &mut u64) -> Option<u64> {
    let tokens = tokens.max(LEAST_BUDGET);
    if tokens < *max_tokens {
        return Some(tokens);
    }
    if free {
        *max_tokens = max_tokens.saturating_add(tokens);
        return Some(tokens);
    }
    Effort::Max.budget(*max_tokens)
}

/// Why the API would refuse the request with thinking.
fn obstacle(conversation: Conversation, mode: Mode) -> Option<&'static str> {
    if !mode.thinks() {
        return None;
    }
    if conversation.forced {
        return Some("not with a forced tool choice");
    }
    if conversation.prefilled {
        return Some("not with a begun answer");
    }
    // Adaptive thinking takes such a conversation as it is.
    (matches!(mode, Mode::Budget(_)) && conversation.unthought_calls)
        .then_some("not behind calls made without thinking")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Conversation = Conversation {
        forced: false,
        prefilled: false,
        unthought_calls: false,
    };

    fn request(source: Dialect, max: Option<u64>, reasoning: Reasoning) -> Request {
        Request {
            max_output_tokens: max,
            reasoning: Some(reasoning),
            ..Request::new(source)
        }
    }

    fn planned(request: &Request, model: &str, conversation: Conversation) -> (Plan, String) {
        let claude = Claude::named(model).expect("a Claude");
        let mut losses = Losses::default();
        let plan = plan(request, claude, 4096, conversation, &mut losses).expect("not refused");
        (plan, losses.names())
    }

    fn effort(effort: Effort) -> Reasoning {
        Reasoning {
            effort: Some(effort),
            ..Reasoning::default()
        }
    }

    fn tokens(budget: u64) -> Reasoning {
        Reasoning {
            enabled: Some(true),
            budget_tokens: Some(budget),
            ..Reasoning::default()
        }
    }

    #[test]
    fn an_effort_is_a_budget_or_an_effort_by_the_generation() {
        let request = request(Dialect::OpenaiChat, Some(10_000), effort(Effort::Medium));
        let (old, _) = planned(&request, "claude-sonnet-4-5", CALM);
        assert_eq!((old.mode, old.effort), (Mode::Budget(5000), None));
        let (new, _) = planned(&request, "claude-sonnet-4-6", CALM);
        assert_eq!((new.mode, new.effort), (Mode::Adaptive, Some("medium")));
        assert_eq!(new.display, None);
        let (newest, _) = planned(&request, "claude-opus-4-7", CALM);
        assert_eq!(newest.display.as_deref(), Some("summarized"));
        let (none, losses) = planned(&request, "claude-3-5-haiku-latest", CALM);
        assert_eq!(
            (none.mode, losses.as_str()),
            (Mode::Unsaid, "reasoning_effort")
        );
    }

    #[test]
    fn an_anthropic_clients_effort_does_not_switch_thinking_on() {
        let request = request(TARGET, Some(10_000), effort(Effort::Low));
        let (plan, losses) = planned(&request, "claude-opus-4-6", CALM);
        assert_eq!((plan.mode, plan.effort), (Mode::Unsaid, Some("low")));
        assert_eq!(losses, "");
    }

    #[test]
    fn a_budget_stays_below_the_limit() {
        let budget = |max, tokens_| {
            let request = request(TARGET, max, tokens(tokens_));
            let (plan, _) = planned(&request, "claude-haiku-4-5", CALM);
            (plan.mode, plan.max_tokens)
        };
        assert_eq!(budget(Some(32_000), 31_999), (Mode::Budget(31_999), 32_000));
        assert_eq!(budget(Some(32_000), 32_000), (Mode::Budget(30_400), 32_000));
        assert_eq!(budget(Some(2000), 500), (Mode::Budget(1024), 2000));
        assert_eq!(budget(Some(1000), 2000), (Mode::Unsaid, 1000));
        assert_eq!(budget(None, 8000), (Mode::Budget(8000), 12_096));
    }

    #[test]
    fn a_budget_becomes_adaptive_where_there_are_none() {
        let request = request(TARGET, Some(10_000), tokens(5000));
        let (plan, _) = planned(&request, "claude-opus-4-8", CALM);
        assert_eq!(plan.mode, Mode::Adaptive);
    }

    #[test]
    fn thinking_gives_way_to_what_the_api_refuses_it_with() {
        let request = request(Dialect::OpenaiChat, Some(10_000), effort(Effort::High));
        let calls = Conversation {
            unthought_calls: true,
            ..CALM
        };
        let (plan, losses) = planned(&request, "claude-sonnet-4-5", calls);
        assert_eq!(plan.mode, Mode::Unsaid);
        assert_eq!(
            losses,
            "reasoning_effort(not behind calls made without thinking)"
        );
        let (plan, _) = planned(&request, "claude-sonnet-4-6", calls);
        assert_eq!(plan.mode, Mode::Adaptive);
        let begun = Conversation {
            prefilled: true,
            ..CALM
        };
        assert_eq!(
            planned(&request, "claude-sonnet-4-5", begun).0.mode,
            Mode::Unsaid
        );
        let forced = Conversation {
            forced: true,
            ..CALM
        };
        assert_eq!(
            planned(&request, "claude-sonnet-4-6", forced).0.mode,
            Mode::Unsaid
        );
    }

    #[test]
    fn no_effort_switches_thinking_off() {
        let request = request(Dialect::OpenaiChat, None, effort(Effort::None));
        assert_eq!(
            planned(&request, "claude-sonnet-4-6", CALM).0.mode,
            Mode::Disabled
        );
    }
}
