//! What is said about a form that was sent, in words that are not fixed; and differences of texts.

use serde::{Deserialize, Serialize};

use crate::configured::SettingProblem;

/// What is said about a form that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormNotes {
    /// It went well.
    pub good: bool,
    pub lines: Vec<SettingProblem>,
    /// Longer parts, such as what became of a request.
    #[serde(default)]
    pub parts: Vec<NotePart>,
    /// Inputs by name that are too long for a URL, to fill the form again.
    #[serde(default)]
    pub kept: Vec<(String, String)>,
}

impl FormNotes {
    /// What was typed into an input.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<&str> {
        let kept = self.kept.iter().find(|(known, _)| known == name);
        kept.map(|(_, text)| text.as_str())
    }
}

/// A titled text, line by line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotePart {
    pub title: String,
    pub lines: Vec<DiffLine>,
}

/// A line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiffLine {
    pub mark: DiffMark,
    pub text: String,
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffMark {
    Same,
    Added,
    Removed,
    /// Lines are left out here.
    Gap,
}
