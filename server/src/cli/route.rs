//! `llm-router route explain`: what would become of a request for a model, as the running router sees it.

use std::{collections::BTreeMap, io::Write};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use domain::routing::{RouteCandidate, RouteExplanation};
use serde_json::json;

use super::{ConfigArgument, remote};
use crate::config::{Config, Environment};

#[derive(Debug, Subcommand)]
pub enum RouteCommand {
    /// Say which deployments would be tried for a model, in which order, and why others would not
    Explain(ExplainArguments),
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// As a client asks for it
    pub model: String,
    #[command(flatten)]
    pub config: ConfigArgument,
    /// Id of the virtual key whose permissions hold; otherwise nobody's do
    #[arg(long, value_name = "ID")]
    pub key: Option<i64>,
    /// What the client speaks: openai, responses or anthropic
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<String>,
    /// Tokens of input
    #[arg(long, value_name = "NUMBER")]
    pub input_tokens: Option<u64>,
    /// The answer is a stream
    #[arg(long)]
    pub stream: bool,
    /// The request brings pictures or documents
    #[arg(long)]
    pub images: bool,
    /// The request offers tools
    #[arg(long)]
    pub tools: bool,
    /// Write the answer as JSON
    #[arg(long)]
    pub json: bool,
}

impl RouteCommand {
    /// Carries it out; the exit status is 1 if nothing would serve the request.
    ///
    /// # Errors
    /// What keeps it from being carried out, for a person to read.
    pub fn run(&self, environment: &Environment, out: &mut impl Write) -> anyhow::Result<u8> {
        let Self::Explain(arguments) = self;
        let config = Config::load(&arguments.config.overrides(), environment)?.config;
        let request = json!({
            "model": arguments.model,
            "key_id": arguments.key,
            "dialect": arguments.dialect,
            "input_tokens": arguments.input_tokens,
            "stream": arguments.stream,
            "images": arguments.images,
            "tools": arguments.tools,
        });
        let answer = super::blocking(remote::post(&config, "/admin/route/explain", &request))?;
        if arguments.json {
            writeln!(out, "{answer:#}")?;
        }
        let explained: RouteExplanation =
            serde_json::from_value(answer).context("the router's answer cannot be read")?;
        if !arguments.json {
            out.write_all(text(&explained).as_bytes())?;
        }
        Ok(u8::from(explained.candidates.is_empty()))
    }
}

/// For a person.
fn text(explained: &RouteExplanation) -> String {
    let mut lines = Vec::new();
    let mut head = format!("\"{}\"", explained.model);
    for name in &explained.rewritten_to {
        head.push_str(&format!(" → \"{name}\""));
    }
    match (explained.found_as.as_deref(), &explained.strategy) {
        (Some("group"), Some(strategy)) => head.push_str(&format!(": a group, by {strategy}")),
        (Some("alias"), _) => head.push_str(": an alias"),
        (Some("backend_model"), _) => head.push_str(": a model of one backend"),
        (Some(_), _) => head.push_str(": a model"),
        (None, _) => {}
    }
    lines.push(head);
    for (number, candidate) in explained.candidates.iter().enumerate() {
        lines.push(format!("{:>3}. {}", number + 1, of_candidate(candidate)));
    }
    let mut excluded: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in &explained.excluded {
        let name = format!("{}/{}", one.backend, one.model);
        excluded.entry(&one.reason).or_default().push(name);
    }
    for (reason, names) in excluded {
        lines.push(format!("  – {}: {reason}", names.join(", ")));
    }
    if let Some(error) = &explained.error {
        lines.push(format!("refused: {error}"));
    }
    if let Some(saved) = explained.saved.filter(|saved| saved.cached_tokens > 0) {
        lines.push(format!(
            "caches have saved ${} since the start ({} tokens)",
            saved.saved.to_usd_string(),
            saved.cached_tokens
        ));
    }
    lines.join("\n") + "\n"
}

fn of_candidate(candidate: &RouteCandidate) -> String {
    let mut text = format!("{}/{}", candidate.backend, candidate.model);
    if let Some(key) = candidate.api_key {
        text.push_str(&format!(", API key {key}"));
    }
    if let Some(priority) = candidate.priority.filter(|priority| *priority > 0) {
        text.push_str(&format!(", priority {priority}"));
    }
    match candidate.estimated_cost {
        Some(cost) => text.push_str(&format!(", about ${}", cost.to_usd_string())),
        None => text.push_str(", no price"),
    }
    if let Some(rest) = &candidate.resting {
        let reason = match rest.reason.as_str() {
            "rate_limited" => "rate limited",
            other => other,
        };
        let seconds = rest.remaining_ms.div_ceil(1_000);
        text.push_str(&format!(" (resting: {reason}, {seconds} s)"));
    }
    text
}

#[cfg(test)]
mod tests {
    use domain::{
        NanoUsd,
        routing::{RouteExclusion, RouteRest},
    };

    use super::*;

    #[test]
    fn an_explanation_reads_as_a_list() {
        let candidate = |backend: &str, resting| RouteCandidate {
            backend: backend.to_owned(),
            model: "m".to_owned(),
            api_key: None,
            priority: Some(0),
            weight: Some(1),
            resting,
            estimated_cost: Some(NanoUsd(5_060_000)),
        };
        let rest = RouteRest {
            reason: "rate_limited".to_owned(),
            remaining_ms: 4_200,
        };
        let explained = RouteExplanation {
            model: "old".to_owned(),
            rewritten_to: vec!["team".to_owned()],
            found_as: Some("group".to_owned()),
            strategy: Some("weighted".to_owned()),
            candidates: vec![candidate("a", None), candidate("b", Some(rest))],
            excluded: vec![RouteExclusion {
                backend: "c".to_owned(),
                model: "m".to_owned(),
                reason: "it has no price".to_owned(),
            }],
            error: None,
            saved: None,
        };
        assert_eq!(
            text(&explained),
            "\"old\" → \"team\": a group, by weighted\n  1. a/m, about $0.00506\n  2. b/m, about $0.00506 (resting: rate limited, 5 s)\n  – c/m: it has no price\n"
        );
    }
}
