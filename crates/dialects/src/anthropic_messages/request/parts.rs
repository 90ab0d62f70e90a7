//! Which parts of a conversation Anthropic can be given. Everything that it has no place for is decided
//! here, by the table of features; what passes can be written without a further question.

use domain::Dialect;

use super::super::block;
use crate::ir::{Feature, Losses, Media, Part, Proof, Refused, Request};

const TARGET: Dialect = Dialect::AnthropicMessages;

/// What is known of the request while its parts are looked through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admission {
    /// The request came from an Anthropic client: its texts' citations are Anthropic's.
    same_family: bool,
}

impl Admission {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            same_family: request.source == TARGET,
        }
    }

    /// Whether `part` is sent.
    ///
    /// # Errors
    /// The answer would be another one without it.
    pub(super) fn part(self, part: &Part, losses: &mut Losses) -> Result<bool, Refused> {
        match part {
            Part::Text {
                text, citations, ..
            } => {
                if !citations.is_empty() && !self.same_family {
                    losses.cannot(Feature::Citations, TARGET, None)?;
                }
                Ok(!is_blank(text))
            }
            Part::Refusal(text) => Ok(!is_blank(text)),
            Part::Image(media) => {
                if media.detail.as_deref().is_some_and(|d| d != "auto") {
                    losses.cannot(Feature::ImageDetail, TARGET, None)?;
                }
                self.media(media, losses)
            }
            Part::Document(media) => self.media(media, losses),
            Part::Audio(_) => losses.cannot(Feature::Audio, TARGET, None).map(|()| false),
            Part::Video(_) => losses.cannot(Feature::Video, TARGET, None).map(|()| false),
            Part::ToolCall { .. } | Part::ToolResult { .. } => Ok(true),
            Part::Thinking { proof, .. } => self.thinking(proof.as_ref(), losses),
            Part::Opaque { family, kind, .. } => {
                if *family != TARGET {
                    losses.cannot(Feature::ProviderBlocks, TARGET, Some(kind))?;
                }
                Ok(*family == TARGET)
            }
        }
    }

    fn media(self, media: &Media, losses: &mut Losses) -> Result<bool, Refused> {
        if !block::readable(&media.source) {
            losses.cannot(Feature::File, TARGET, None)?;
            return Ok(false);
        }
        Ok(true)
    }

    fn thinking(self, proof: Option<&Proof>, losses: &mut Losses) -> Result<bool, Refused> {
        match proof {
            Some(proof) if proof.family() == Some(TARGET) => Ok(true),
            Some(_) => losses
                .cannot(Feature::ForeignProof, TARGET, None)
                .map(|()| false),
            None => losses
                .cannot(Feature::Thinking, TARGET, None)
                .map(|()| false),
        }
    }

    /// The parts of a tool's result that are sent.
    ///
    /// # Errors
    /// See [`Self::part`].
    pub(super) fn result<'r>(
        self,
        parts: &'r [Part],
        losses: &mut Losses,
    ) -> Result<Vec<&'r Part>, Refused> {
        let mut admitted = Vec::with_capacity(parts.len());
        for part in parts {
            let fits = matches!(
                part,
                Part::Text { .. }
                    | Part::Refusal(_)
                    | Part::Image(_)
                    | Part::Document(_)
                    | Part::Audio(_)
                    | Part::Video(_)
                    | Part::Opaque { .. }
            );
            if fits && self.part(part, losses)? {
                admitted.push(part);
            }
        }
        Ok(admitted)
    }
}

/// Blocks of text without anything to read are refused by the API.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}
