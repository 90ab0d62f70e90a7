//! Chat Completions: what clients and servers really send, as fixtures with snapshots of what is read
//! and written; the rules of the translation; and properties over arbitrary input.

#[cfg(test)]
#[path = "openai_chat/answers.rs"]
mod answers;
#[cfg(test)]
#[path = "openai_chat/fixtures.rs"]
mod fixtures;
#[cfg(test)]
#[path = "grammar/openai_chat.rs"]
mod grammar;
#[cfg(test)]
#[path = "openai_chat/properties.rs"]
mod properties;
#[cfg(test)]
#[path = "openai_chat/requests.rs"]
mod requests;
#[cfg(test)]
#[path = "openai_chat/setup.rs"]
mod setup;
