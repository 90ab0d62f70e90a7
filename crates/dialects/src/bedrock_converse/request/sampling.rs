//! Sampling and stop texts. Converse's own members go to every model; Claude and Nova refuse some of
//! them beside others, which are left out here and reported.

use super::{HERE, reasoning::Thought};
use crate::{
    bedrock_converse::model::Family,
    ir::{Feature, Losses, Refused, Request},
    node::Json,
    write::{self, ObjectWriter},
};

/// The most stop texts that the service takes.
const MOST_STOPS: usize = 2500;

/// The temperature and the top_p that change nothing for Claude.
const NEUTRAL: f64 = 1.0;

/// How the answer is drawn, and where it stops.
#[derive(Debug)]
pub struct Sampling<'r> {
    temperature: Option<f64>,
    top_p: Option<f64>,
    pub stop: Vec<&'r str>,
    /// The model's own field for top_k.
    pub field: Option<(&'static str, Json)>,
}

impl<'r> Sampling<'r> {
    pub fn of(
        request: &'r Request,
        family: Family,
        thought: &Thought,
        losses: &mut Losses,
    ) -> Result<Self, Refused> {
        let mut temperature = request.temperature.map(|t| t.min(1.0));
        let mut top_p = request.top_p;
        let mut top_k = request.top_k;
        let claude = family.claude();
        let fixed = claude.is_some_and(|claude| !claude.sampling());
        if fixed || thought.fixes_sampling {
            if temperature.take().is_some_and(|t| t != NEUTRAL) {
                losses.cannot(Feature::Temperature, HERE, None)?;
            }
            // Claude thinks with a top_p from 0.95 on.
            let least = if claude.is_some() && !fixed {
                0.95
            } else {
                f64::INFINITY
            };
            if let Some(p) = top_p.take_if(|p| *p < least)
                && p != NEUTRAL
            {
                losses.cannot(Feature::TopP, HERE, None)?;
            }
            if top_k.take().is_some() {
                losses.cannot(Feature::TopK, HERE, None)?;
            }
        }
        if claude.is_some_and(|claude| !claude.temperature_with_top_p())
            && let (Some(t), Some(p)) = (temperature, top_p)
        {
            // Whichever says something; the temperature where both do.
            if t == NEUTRAL && p != NEUTRAL {
                temperature = None;
            } else {
                top_p = None;
                if p != NEUTRAL {
                    losses.cannot(Feature::TopP, HERE, None)?;
                }
            }
        }
        let field = match (top_k, family) {
            (None, _) => None,
            (Some(k), Family::Claude(_)) => Some(("top_k", Json::of(&k))),
            (Some(k), Family::Nova { .. }) => {
                Some(("inferenceConfig", write::object_json(|o| o.put("topK", &k))))
            }
            (Some(_), _) => {
                losses.cannot(Feature::TopK, HERE, None)?;
                None
            }
        };
        Ok(Self {
            temperature,
            top_p,
            stop: stop(request, family, losses)?,
            field,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.temperature.is_none() && self.top_p.is_none() && self.stop.is_empty()
    }

    /// Writes the members of `inferenceConfig`.
    pub fn write(&self, o: &mut ObjectWriter<'_>) {
        o.opt("temperature", self.temperature);
        o.opt("topP", self.top_p);
        if !self.stop.is_empty() {
            o.put("stopSequences", &self.stop);
        }
    }
}

/// The stop texts, without those that the service refuses: empty ones, and for Claude blank ones.
fn stop<'r>(
    request: &'r Request,
    family: Family,
    losses: &mut Losses,
) -> Result<Vec<&'r str>, Refused> {
    let takes = |text: &str| {
        if family.claude().is_some() {
            !text.trim().is_empty()
        } else {
            !text.is_empty()
        }
    };
    let stop: Vec<&str> = request
        .stop
        .iter()
        .map(String::as_str)
        .filter(|text| takes(text))
        .take(MOST_STOPS)
        .collect();
    if stop.len() < request.stop.len() {
        losses.cannot(Feature::Stop, HERE, Some("blank stop"))?;
    }
    Ok(stop)
}
