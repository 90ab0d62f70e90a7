//! Anthropic's upstreams report usage unasked, so that a request goes on as it came but for the
//! model's name. What they insist on is a version.

/// The `anthropic-version` that is sent when the client names none: the one that agents and curl
/// examples use.
pub const DEFAULT_VERSION: &str = "2023-06-01";
