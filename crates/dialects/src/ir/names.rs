//! Names and ids of tools, made to fit the pattern of a target. Names are mapped back in the answer;
//! ids need not be, since a client only ever gives back ids that it got in an answer.

use std::collections::HashMap;

use super::Request;

/// What a target allows in a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRule {
    pub max_len: usize,
}

impl NameRule {
    /// OpenAI and Bedrock: `^[a-zA-Z0-9_-]{1,64}$`.
    pub const SHORT: Self = Self { max_len: 64 };
    /// Anthropic: `^[a-zA-Z0-9_-]{1,128}$`.
    pub const LONG: Self = Self { max_len: 128 };

    fn fits(self, name: &str) -> bool {
        !name.is_empty() && name.len() <= self.max_len && name.bytes().all(allowed)
    }

    /// `name` itself where it fits; otherwise what is left of it with a hash of the whole, so that two
    /// different ones stay different, and the same one is the same in every turn.
    #[must_use]
    pub fn fit(self, name: &str) -> String {
        if self.fits(name) {
            return name.to_owned();
        }
        let hash = format!("_{:08x}", fnv(name.as_bytes()));
        let mut fitted: String = name
            .chars()
            .map(|c| {
                if c.is_ascii() && allowed(c as u8) {
                    c
                } else {
                    '_'
                }
            })
            .take(self.max_len - hash.len())
            .collect();
        fitted.push_str(&hash);
        fitted
    }
}

const fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// FNV-1a: the same on every machine and in every version, which a hash of the standard library is not.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

/// The names of a request's tools as a target got them, to be turned back in its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolNames {
    /// As sent → as the client has it; only those that differ.
    original: HashMap<String, String>,
}

impl ToolNames {
    /// The names that `rule` changes.
    #[must_use]
    pub fn of(request: &Request, rule: NameRule) -> Self {
        let original = request
            .tools
            .iter()
            .filter_map(|tool| {
                let name = tool.name()?;
                let fitted = rule.fit(name);
                (fitted != name).then(|| (fitted, name.to_owned()))
            })
            .collect();
        Self { original }
    }

    /// The client's name for what the upstream called `name`.
    #[must_use]
    pub fn original(&self, name: String) -> String {
        self.original.get(&name).cloned().unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_do_not_fit_stay_different_and_stable() {
        let rule = NameRule::SHORT;
        assert_eq!(rule.fit("get_weather-2"), "get_weather-2");
        assert_eq!(rule.fit("a.b"), rule.fit("a.b"));
        assert_ne!(rule.fit("a.b"), rule.fit("a/b"));
        let long = "x".repeat(100);
        assert_eq!(rule.fit(&long).len(), 64);
        assert_ne!(rule.fit(&long), rule.fit(&"x".repeat(101)));
        assert!(rule.fits(&rule.fit("")) && rule.fits(&rule.fit("é🏔")));
        assert_eq!(NameRule::LONG.fit(&long), long);
    }
}
