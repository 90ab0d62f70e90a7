//! The parts of messages as Converse's blocks, for each side of the conversation.

use std::borrow::Cow;

use super::{
    Speaker,
    arranging::Arranging,
    calls::{call_text, input, result_text, texts},
};
use crate::{
    anthropic_messages::plain,
    bedrock_converse::request::{HERE, block::Block},
    ir::{Feature, Message, Part, Proof, Refused, Role},
};

impl<'r> Arranging<'r, '_> {
    pub(super) fn message(&mut self, message: &'r Message) -> Result<(), Refused> {
        self.named(message)?;
        for part in &message.parts {
            match message.role {
                Role::User => self.user_part(part)?,
                Role::Assistant => self.assistant_part(part)?,
                Role::System | Role::Developer => self.mid_system_part(part)?,
            }
        }
        Ok(())
    }

    /// Notes that nobody is told who speaks.
    pub(super) fn named(&mut self, message: &Message) -> Result<(), Refused> {
        if message.name.is_some() {
            self.losses.cannot(Feature::SpeakerName, HERE, None)?;
        }
        Ok(())
    }

    /// Instructions between turns: the user's turn carries them, and says whose they are.
    pub(super) fn mid_system_part(&mut self, part: &'r Part) -> Result<(), Refused> {
        let Part::Text { text, cache, .. } = part else {
            return self.user_part(part);
        };
        if !text.trim().is_empty() {
            self.say(
                Speaker::User,
                Block::Text(Cow::Owned(format!("<system>\n{text}\n</system>"))),
            );
        }
        self.mark_turn(Speaker::User, cache.as_ref())
    }

    pub(super) fn user_part(&mut self, part: &'r Part) -> Result<(), Refused> {
        match part {
            Part::Text { .. } | Part::Refusal(_) => self.text_part(Speaker::User, part),
            Part::Image(media) => {
                let block = self.media.image(media, self.losses)?;
                self.say(Speaker::User, block);
                self.mark_turn(Speaker::User, media.cache.as_ref())
            }
            Part::Document(media) => {
                if let Some(block) = self.media.document(media, self.losses)? {
                    self.say(Speaker::User, block);
                }
                self.mark_turn(Speaker::User, media.cache.as_ref())
            }
            Part::Audio(media) => {
                let block = self.media.audio(media, self.losses)?;
                self.say(Speaker::User, block);
                self.mark_turn(Speaker::User, media.cache.as_ref())
            }
            Part::Video(media) => {
                let block = self.media.video(media, self.losses)?;
                self.say(Speaker::User, block);
                self.mark_turn(Speaker::User, media.cache.as_ref())
            }
            Part::ToolResult {
                id,
                parts,
                is_error,
                cache,
                ..
            } => self.result(id, parts, *is_error, cache.as_ref()),
            Part::ToolCall {
                id,
                name,
                arguments,
                ..
            } => {
                self.say(Speaker::User, call_text(id, name, arguments));
                Ok(())
            }
            // Users do not think.
            Part::Thinking { .. } => Ok(()),
            Part::Opaque { kind, .. } => self.opaque(Speaker::User, part, kind),
        }
    }

    pub(super) fn assistant_part(&mut self, part: &'r Part) -> Result<(), Refused> {
        match part {
            Part::Text { .. } | Part::Refusal(_) => self.text_part(Speaker::Assistant, part),
            Part::ToolCall {
                id,
                name,
                arguments,
                kind,
                cache,
                ..
            } => {
                if self.calls_as_text {
                    self.say(Speaker::Assistant, call_text(id, name, arguments));
                } else {
                    self.call(id, name, input(arguments, *kind));
                }
                self.mark_turn(Speaker::Assistant, cache.as_ref())
            }
            Part::Thinking { text, proof } => self.thinking(text, proof.as_ref()),
            // The service takes these in the user's turns only.
            Part::Image(_) => {
                self.losses
                    .cannot(Feature::ImageData, HERE, Some("image of the assistant"))
            }
            Part::Document(_) => self.losses.cannot(
                Feature::DocumentData,
                HERE,
                Some("document of the assistant"),
            ),
            Part::Audio(_) => {
                self.losses
                    .cannot(Feature::Audio, HERE, Some("audio of the assistant"))
            }
            Part::Video(_) => {
                self.losses
                    .cannot(Feature::Video, HERE, Some("video of the assistant"))
            }
            Part::ToolResult {
                id,
                parts,
                is_error,
                ..
            } => {
                let text = result_text(id, &texts(parts), *is_error);
                self.say(Speaker::Assistant, text);
                Ok(())
            }
            Part::Opaque { kind, .. } => self.opaque(Speaker::Assistant, part, kind),
        }
    }

    pub(super) fn text_part(&mut self, speaker: Speaker, part: &'r Part) -> Result<(), Refused> {
        let (text, citations, cache) = match part {
            Part::Text {
                text,
                citations,
                cache,
            } => (text, citations.as_slice(), cache.as_ref()),
            Part::Refusal(text) => (text, [].as_slice(), None),
            _ => return Ok(()),
        };
        if !citations.is_empty() {
            self.losses.cannot(Feature::Citations, HERE, None)?;
        }
        if !text.trim().is_empty() {
            self.say(speaker, Block::Text(Cow::Borrowed(text)));
        }
        self.mark_turn(speaker, cache)
    }

    fn opaque(&mut self, speaker: Speaker, part: &Part, kind: &str) -> Result<(), Refused> {
        if let Some(text) = self.found(part, kind)? {
            self.say(speaker, Block::Text(Cow::Owned(text)));
        }
        Ok(())
    }

    /// What a block of another provider says, where it is text at heart; the rest is noted as lost.
    pub(super) fn found(&mut self, part: &Part, kind: &str) -> Result<Option<String>, Refused> {
        let Some(found) = plain::search_result(part) else {
            self.losses
                .cannot(Feature::ProviderBlocks, HERE, Some(kind))?;
            return Ok(None);
        };
        for feature in found.lost {
            self.losses.cannot(feature, HERE, None)?;
        }
        Ok(Some(found.text))
    }

    pub(super) fn thinking(
        &mut self,
        text: &'r str,
        proof: Option<&'r Proof>,
    ) -> Result<(), Refused> {
        let block = match proof {
            Some(Proof::Signature(signature)) if !signature.is_empty() => {
                Block::Reasoning { text, signature }
            }
            Some(Proof::Redacted(data)) if is_base64(data) => Block::Redacted(data),
            Some(_) => return self.losses.cannot(Feature::ForeignProof, HERE, None),
            None if text.trim().is_empty() => return Ok(()),
            None => return self.losses.cannot(Feature::Thinking, HERE, None),
        };
        if self.family.claude().is_none() {
            return self.losses.cannot(Feature::ForeignProof, HERE, None);
        }
        self.say(Speaker::Assistant, block);
        Ok(())
    }
}

fn is_base64(data: &str) -> bool {
    use base64::Engine as _;
    !data.is_empty()
        && base64::engine::general_purpose::STANDARD
            .decode(data)
            .is_ok()
}
