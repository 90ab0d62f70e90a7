//! Requests of the Messages API, read ([`decode()`]) and written ([`encode()`]). Towards an upstream of
//! the same dialect neither is needed: Anthropic's upstreams report usage unasked, so that a request
//! goes on as it came but for the model's name, and Bedrock's InvokeModel takes it with a few members
//! exchanged ([`for_bedrock_invoke`]).

pub(crate) mod allowed;
mod answers;
mod decode;
mod encode;
mod invoke;
mod message;
mod parameters;
mod parts;
mod sampling;
mod thinking;
mod tools;
mod turns;

pub use decode::decode;
pub use encode::encode;
pub use invoke::for_bedrock_invoke;

/// The `anthropic-version` that is sent when the client names none: the one that agents and curl
/// examples use.
pub const DEFAULT_VERSION: &str = "2023-06-01";
