//! Every pair of dialects, over arbitrary answers and requests: what a client reads is what the
//! upstream said, as far as the two dialects have room for it, and nothing is lost without a word. The
//! rules of the dialects stand in [`rules`], apart from the code that is tested.

#![expect(
    clippy::expect_used,
    reason = "in a test a broken assumption is a failure, and the message says which"
)]

#[path = "translation/answers.rs"]
mod answers;
#[path = "translation/breaks.rs"]
mod breaks;
#[path = "translation/content.rs"]
mod content;
#[path = "translation/conversation.rs"]
mod conversation;
#[path = "translation/features.rs"]
mod features;
#[path = "translation/grammars.rs"]
mod grammars;
#[path = "translation/heard.rs"]
mod heard;
#[path = "translation/memory.rs"]
mod memory;
#[path = "translation/names.rs"]
mod names;
#[path = "translation/plain.rs"]
mod plain;
#[path = "translation/requests.rs"]
mod requests;
#[path = "translation/rules.rs"]
mod rules;
#[path = "translation/sdk.rs"]
mod sdk;
#[path = "translation/streams.rs"]
mod streams;
#[path = "translation/together.rs"]
mod together;
#[path = "translation/upstream.rs"]
mod upstream;
