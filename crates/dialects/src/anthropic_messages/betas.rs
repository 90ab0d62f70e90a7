//! Which betas Bedrock takes. It answers 400 to those that it does not know, and agents send all that
//! Anthropic has. Source: Amazon Bedrock's user guide, "Anthropic Claude Messages API", "Beta headers",
//! and the model pages it refers to.

/// By the part before the date, since a new date of a known beta is more likely taken than not.
const TAKEN: [&str; 14] = [
    "computer-use",
    "context-1m",
    "context-management",
    "compact",
    "dev-full-thinking",
    "effort",
    "fine-grained-tool-streaming",
    "interleaved-thinking",
    "output-128k",
    "structured-outputs",
    "token-counting",
    "token-efficient-tools",
    "tool-examples",
    "tool-search-tool",
];

/// What Anthropic calls otherwise than Bedrock.
const RENAMED: [(&str, &[&str]); 1] = [(
    "advanced-tool-use-2025-11-20",
    &["tool-search-tool-2025-10-19", "tool-examples-2025-10-29"],
)];

/// Those of `betas` that Bedrock takes, by its names.
#[must_use]
pub fn for_bedrock<'b>(betas: &[&'b str]) -> Vec<&'b str> {
    let mut taken = Vec::new();
    for beta in betas {
        let renamed = RENAMED.iter().find(|(name, _)| name == beta);
        match renamed {
            Some((_, names)) => taken.extend_from_slice(names),
            None if TAKEN.contains(&without_date(beta)) => taken.push(*beta),
            None => {}
        }
    }
    taken
}

/// `effort` of `effort-2025-11-24`.
fn without_date(beta: &str) -> &str {
    let is_date = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    beta.char_indices()
        .find(|(at, c)| *c == '-' && is_date(&beta[at + 1..]))
        .map_or(beta, |(at, _)| &beta[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_betas_are_sorted_out() {
        let sent = [
            "claude-code-20250219",
            "interleaved-thinking-2025-05-14",
            "context-management-2025-06-27",
            "per-turn-control-2026-07-01",
            "advanced-tool-use-2025-11-20",
            "effort-2025-11-24",
            "output-128k-2025-02-19",
        ];
        assert_eq!(
            for_bedrock(&sent),
            [
                "interleaved-thinking-2025-05-14",
                "context-management-2025-06-27",
                "tool-search-tool-2025-10-19",
                "tool-examples-2025-10-29",
                "effort-2025-11-24",
                "output-128k-2025-02-19",
            ]
        );
    }
}
