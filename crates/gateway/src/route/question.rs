//! What is known of a request when its way is planned. A request that came from a client is looked into
//! only as far as the routes ask; one that is only asked about says itself what it would be.

use std::sync::OnceLock;

use bytes::Bytes;
use dialects::{
    shape::{self, Prefix},
    stream::estimate_tokens,
};
use domain::{Dialect, NanoUsd, Timestamp, TokenUsage};
use jiff::tz::TimeZone;
use tokio::time::Instant;

use super::table::Deployment;
use crate::{authenticate::Caller, transform::ClientRequest};

/// Output tokens that a call will probably have of which nothing is known.
pub const USUAL_OUTPUT: u64 = 256;

/// A request for a model, as far as its way depends on it.
#[derive(Debug)]
pub struct Question<'a> {
    pub caller: &'a Caller,
    pub asked: &'a str,
    pub dialect: Dialect,
    /// On a path that promises the upstream's own dialect.
    pub untranslated: bool,
    pub stream: bool,
    /// Of the prompt.
    pub text_bytes: usize,
    pub max_output_tokens: Option<u64>,
    pub at: Timestamp,
    pub now: Instant,
    time_zone: &'a TimeZone,
    body: Option<&'a Bytes>,
    images: OnceLock<bool>,
    tools: OnceLock<bool>,
    prefixes: OnceLock<Vec<Prefix>>,
}

impl<'a> Question<'a> {
    /// Of a client.
    #[must_use]
    pub fn of(
        request: &'a ClientRequest,
        caller: &'a Caller,
        untranslated: bool,
        time_zone: &'a TimeZone,
        at: Timestamp,
    ) -> Self {
        let head = &request.head;
        Self {
            caller,
            asked: &head.model,
            dialect: head.dialect,
            untranslated,
            stream: head.stream,
            text_bytes: head.text_bytes,
            max_output_tokens: head.max_output_tokens,
            at,
            now: Instant::now(),
            time_zone,
            body: Some(&request.body),
            images: OnceLock::new(),
            tools: OnceLock::new(),
            prefixes: OnceLock::new(),
        }
    }

    /// Of somebody who wants to know what would become of a request.
    #[must_use]
    pub fn supposed(
        caller: &'a Caller,
        asked: &'a str,
        supposed: &Supposed,
        time_zone: &'a TimeZone,
        at: Timestamp,
    ) -> Self {
        Self {
            caller,
            asked,
            dialect: supposed.dialect,
            untranslated: false,
            stream: supposed.stream,
            text_bytes: usize::try_from(supposed.input_tokens.saturating_mul(4))
                .unwrap_or(usize::MAX),
            max_output_tokens: supposed.max_output_tokens,
            at,
            now: Instant::now(),
            time_zone,
            body: None,
            images: supposed.images.into(),
            tools: supposed.tools.into(),
            prefixes: Vec::new().into(),
        }
    }

    #[must_use]
    pub fn input_tokens(&self) -> u64 {
        estimate_tokens(self.text_bytes)
    }

    #[must_use]
    pub fn has_images(&self) -> bool {
        let look = || self.body.is_some_and(|body| shape::has_images(body));
        *self.images.get_or_init(look)
    }

    #[must_use]
    pub fn has_tools(&self) -> bool {
        let look = || self.body.is_some_and(|body| shape::has_tools(body));
        *self.tools.get_or_init(look)
    }

    /// The beginnings of the prompt, the shortest first.
    #[must_use]
    pub fn prefixes(&self) -> &[Prefix] {
        self.prefixes.get_or_init(|| {
            self.body
                .map(|body| shape::prefixes(self.dialect, body))
                .unwrap_or_default()
        })
    }

    /// Those that were looked for already.
    #[must_use]
    pub fn into_prefixes(mut self) -> Vec<Prefix> {
        self.prefixes.take().unwrap_or_default()
    }

    #[must_use]
    pub fn minute_of_day(&self) -> u16 {
        let Ok(at) = jiff::Timestamp::from_millisecond(self.at.0) else {
            return 0;
        };
        let time = at.to_zoned(self.time_zone.clone()).time();
        u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap_or_default()
    }

    #[must_use]
    pub fn key_has_tag(&self, tag: &str) -> bool {
        let key = self.caller.key();
        key.is_some_and(|key| key.tags.iter().any(|own| own == tag))
    }

    /// What the request would probably cost there; `None`: it has no price.
    #[must_use]
    pub fn likely_cost(&self, deployment: &Deployment) -> Option<NanoUsd> {
        let dated = deployment.prices.at(self.at)?;
        let learned = self
            .caller
            .key()
            .and_then(|key| key.live.learned_output(deployment.id));
        let output = learned.unwrap_or(USUAL_OUTPUT);
        let usage = TokenUsage {
            input: self.input_tokens(),
            output: output.min(self.max_output_tokens.unwrap_or(u64::MAX)),
            ..TokenUsage::default()
        };
        Some(dated.price.cost(&usage, domain::ServiceTier::Standard))
    }
}

/// What a request is supposed to be that nobody has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supposed {
    pub dialect: Dialect,
    pub stream: bool,
    pub input_tokens: u64,
    pub max_output_tokens: Option<u64>,
    pub images: bool,
    pub tools: bool,
}

impl Default for Supposed {
    fn default() -> Self {
        Self {
            dialect: Dialect::OpenaiChat,
            stream: false,
            input_tokens: 1_000,
            max_output_tokens: None,
            images: false,
            tools: false,
        }
    }
}
