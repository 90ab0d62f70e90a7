//! What kind of endpoint a backend is, with the keys that belong to that kind alone.

use super::{
    backend::BackendDefaults,
    from_text::{Choice, FromText},
    reader::Section,
    url::BaseUrl,
};

/// Where OpenAI's own API is, whose base URL ends with its version.
pub(super) const OPENAI: &str = "https://api.openai.com/v1";
/// Where Anthropic's own API is; the version is part of its paths.
pub(super) const ANTHROPIC: &str = "https://api.anthropic.com";

/// What kind of endpoint a backend is, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// OpenAI's chat and responses APIs.
    OpenAi { base_url: BaseUrl },
    /// A server that speaks OpenAI's chat API.
    OpenAiCompatible { base_url: BaseUrl },
    /// Anthropic's messages API.
    Anthropic { base_url: BaseUrl },
    /// Amazon Bedrock; credentials come from AWS's own chain.
    Bedrock {
        /// `region`. Default `AWS_REGION`.
        region: Option<String>,
        /// `endpoint_url`: instead of the region's own.
        endpoint_url: Option<BaseUrl>,
        /// `profile`. Default `AWS_PROFILE`.
        profile: Option<String>,
    },
    /// Scripted answers from inside the binary.
    Demo,
}

/// The names of [`Upstream`]'s kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    OpenAi,
    OpenAiCompatible,
    Anthropic,
    Bedrock,
    Demo,
}

impl Choice for BackendKind {
    const NOUN: &'static str = "kind";
    const EXPECTED: &'static str = "openai, openai_compatible, anthropic, bedrock or demo";
    const NAMES: &'static [(&'static str, Self)] = &[
        ("openai", Self::OpenAi),
        ("openai_compatible", Self::OpenAiCompatible),
        ("anthropic", Self::Anthropic),
        ("bedrock", Self::Bedrock),
        ("demo", Self::Demo),
    ];
}

impl BackendKind {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let named = Self::NAMES.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(name, _)| name)
    }
}

impl Upstream {
    /// The kind, without what belongs to it.
    #[must_use]
    pub const fn kind(&self) -> BackendKind {
        match self {
            Self::OpenAi { .. } => BackendKind::OpenAi,
            Self::OpenAiCompatible { .. } => BackendKind::OpenAiCompatible,
            Self::Anthropic { .. } => BackendKind::Anthropic,
            Self::Bedrock { .. } => BackendKind::Bedrock,
            Self::Demo => BackendKind::Demo,
        }
    }

    /// Reads what belongs to `kind` and reports what belongs to another. Without a kind nothing can
    /// be said, and the result is of no consequence.
    pub(super) fn read(
        section: &Section<'_>,
        kind: Option<BackendKind>,
        defaults: &BackendDefaults,
    ) -> Self {
        let base_url = section.field("base_url");
        let base_url_given = base_url.is_given();
        let base_url: Option<BaseUrl> = base_url.optional();
        let region = section.field("region").optional();
        let endpoint_url = section.field("endpoint_url").optional();
        let profile = section.field("profile").optional();
        // Without a kind nothing can be said about what belongs to it.
        let Some(kind) = kind else {
            return Self::Demo;
        };
        if kind != BackendKind::Bedrock {
            for key in ["region", "endpoint_url", "profile"] {
                if section.has(key) {
                    section.report(key, "belongs to kind bedrock only; remove it");
                }
            }
        }
        let or_default = |default| {
            base_url
                .clone()
                .unwrap_or_else(|| BaseUrl::built_in(default))
        };
        match kind {
            BackendKind::OpenAi => Self::OpenAi {
                base_url: or_default(OPENAI),
            },
            BackendKind::Anthropic => Self::Anthropic {
                base_url: or_default(ANTHROPIC),
            },
            BackendKind::OpenAiCompatible => {
                if !base_url_given {
                    let message = format!(
                        "missing; kind openai_compatible needs {}",
                        BaseUrl::EXPECTED
                    );
                    section.report("base_url", message);
                }
                Self::OpenAiCompatible {
                    base_url: or_default(OPENAI),
                }
            }
            BackendKind::Bedrock => {
                if base_url_given {
                    section.report("base_url", "kind bedrock has none; use endpoint_url");
                }
                let region = region.or_else(|| defaults.region.clone());
                if region.is_none()
                    && endpoint_url.is_none()
                    && !section.has("region")
                    && !section.has("endpoint_url")
                {
                    section.report("region", "missing; kind bedrock needs a region (here or in AWS_REGION) or an endpoint_url");
                }
                Self::Bedrock {
                    region,
                    endpoint_url,
                    profile: profile.or_else(|| defaults.profile.clone()),
                }
            }
            BackendKind::Demo => {
                if base_url_given {
                    section.report(
                        "base_url",
                        "kind demo answers from inside this program; remove this key",
                    );
                }
                Self::Demo
            }
        }
    }
}
