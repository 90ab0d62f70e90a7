//! Amazon Bedrock's Converse and ConverseStream, spoken to upstreams only: requests are encoded, answers
//! decoded. Everything here is what the service itself sees; the model's id stands in the URL, and the
//! framing of its streams is [`crate::event_stream`]'s.

mod citation;
pub mod error;
pub mod model;
pub mod request;
pub mod response;
pub mod stream;
