//! The table of features, obeyed: each thing that a request can say, alone and in any combination, asked
//! of each upstream whose dialect is not the client's. What is kept is found again in the body, what is
//! dropped is named, what is refused is an error that names it, and results still answer their calls.

use dialects::ir::{Feature, Message, Part, Request, Role, Treatment};
use domain::Dialect;
use proptest::{prelude::*, sample::subsequence};
use serde_json::Value;

use crate::{
    content, features,
    requests::{self, SOURCES, TARGETS},
};

/// Features that are one member each, which nothing else overwrites.
const MEMBERS: [Feature; 13] = [
    Feature::PromptCacheKey,
    Feature::Stop,
    Feature::TopK,
    Feature::Seed,
    Feature::Penalties,
    Feature::LogitBias,
    Feature::Logprobs,
    Feature::Candidates,
    Feature::Verbosity,
    Feature::ServiceTier,
    Feature::User,
    Feature::Metadata,
    Feature::MaxTokens,
];

/// What an assistant said earlier, its calls answered in any order.
fn turn(n: usize) -> impl Strategy<Value = Vec<Message>> {
    (content::answer(), content::words(), any::<bool>()).prop_map(
        move |(mut answer, text, backwards)| {
            let mut said = std::mem::take(&mut answer.candidates[0].parts);
            let mut results = Vec::new();
            for part in &mut said {
                if let Part::ToolCall { id, kind, .. } = part {
                    id.push_str(&format!("t{n}"));
                    results.push(Part::ToolResult {
                        id: id.clone(),
                        parts: vec![Part::text(text.clone())],
                        is_error: backwards,
                        kind: *kind,
                        cache: None,
                    });
                }
            }
            if backwards {
                results.reverse();
            }
            results.push(Part::text(text));
            vec![
                Message::new(Role::Assistant, said),
                Message::new(Role::User, results),
            ]
        },
    )
}

fn asked() -> impl Strategy<Value = (Vec<Feature>, Vec<Message>)> {
    let features = prop_oneof![
        1 => subsequence(Feature::ALL.to_vec(), 0..Feature::ALL.len()),
        2 => subsequence(Feature::ALL.to_vec(), 0..6),
    ];
    let turns = (0..3usize).prop_flat_map(|n| (0..n).map(turn).collect::<Vec<_>>());
    (features, turns.prop_map(|turns| turns.concat()))
}

fn request(source: Dialect, features: &[Feature], turns: &[Message]) -> Request {
    let mut request = requests::plain(source);
    request.messages.extend(turns.iter().cloned());
    for feature in features {
        features::ask(*feature, &mut request);
    }
    request
}

/// Which calls are made, and which are answered, in the order of the body.
fn exchanged(target: Dialect, body: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut calls, mut results) = (Vec::new(), Vec::new());
    let Some(request) = requests::read_back(target, body) else {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let messages = body["messages"].as_array().expect("messages");
        let blocks = messages
            .iter()
            .flat_map(|m| m["content"].as_array().expect("blocks"));
        for block in blocks {
            let id = |kind: &str| block[kind]["toolUseId"].as_str().map(str::to_owned);
            calls.extend(id("toolUse"));
            results.extend(id("toolResult"));
        }
        return (calls, results);
    };
    for part in requests::all_parts(&request) {
        match part {
            Part::ToolCall { id, .. } => calls.push(id.clone()),
            Part::ToolResult { id, .. } => results.push(id.clone()),
            _ => {}
        }
    }
    (calls, results)
}

#[test]
fn the_table_is_obeyed() {
    let mut wrong = Vec::new();
    for target in TARGETS {
        for source in SOURCES.into_iter().filter(|source| *source != target) {
            for feature in Feature::ALL.iter().copied() {
                let mut request = requests::plain(source);
                features::ask(feature, &mut request);
                if let Err(why) = obeyed(feature, &request, target) {
                    wrong.push(format!(
                        "{} from {source:?} to {target:?}: {why}",
                        feature.name()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn obeyed(feature: Feature, request: &Request, target: Dialect) -> Result<(), String> {
    let encoded = requests::encode(request, target);
    let encoded = match (feature.treatment(target), encoded) {
        (Treatment::Refused(_), Err(refused)) if refused.feature == feature => return Ok(()),
        (Treatment::Refused(_), Ok(_)) => return Err("it is not refused".to_owned()),
        (_, Err(refused)) => return Err(format!("it is refused: {refused}")),
        (_, Ok(encoded)) => encoded,
    };
    let named = encoded.losses.contains(feature);
    let body = String::from_utf8_lossy(&encoded.body).into_owned();
    serde_json::from_str::<Value>(&body).map_err(|e| format!("{e}: {body}"))?;
    match feature.treatment(target) {
        Treatment::Dropped(_) if !named => Err(format!("nobody is told: {body}")),
        Treatment::Kept if named => Err("it is not kept".to_owned()),
        Treatment::Kept => {
            let without = requests::encode(&requests::plain(request.source), target);
            let changed = without.is_ok_and(|plain| plain.body != encoded.body);
            if changed {
                requests::found(feature, request, target, &encoded.body)
            } else {
                Err("it makes no difference".to_owned())
            }
        }
        _ => Ok(()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_table_holds_in_any_combination((features, turns) in asked()) {
        for source in SOURCES {
            let request = request(source, &features, &turns);
            for target in TARGETS {
                let pair = format!("{source:?} to {target:?}");
                let foreign = target != source;
                let treated = |treatment: fn(Treatment) -> bool| {
                    features.iter().copied().filter(move |f| foreign && treatment(f.treatment(target)))
                };
                let encoded = match requests::encode(&request, target) {
                    Ok(encoded) => encoded,
                    Err(refused) => {
                        let may = matches!(refused.feature.treatment(target), Treatment::Refused(_));
                        prop_assert!(may && features.contains(&refused.feature), "{}: {}", pair, refused);
                        continue;
                    }
                };
                let body = String::from_utf8_lossy(&encoded.body);
                prop_assert!(serde_json::from_str::<Value>(&body).is_ok(), "{}\n{}", pair, body);
                let refused = treated(|t| matches!(t, Treatment::Refused(_))).next();
                prop_assert_eq!(refused, None, "{}\n{}", pair, body);
                for dropped in treated(|t| matches!(t, Treatment::Dropped(_))) {
                    // Where no tool is to be called, none needs to be offered.
                    let tool = matches!(dropped, Feature::ProviderTools | Feature::ToolExtras);
                    if tool && features.contains(&Feature::ToolChoiceNone) {
                        continue;
                    }
                    prop_assert!(encoded.losses.contains(dropped), "{}: {:?}\n{}", pair, dropped, body);
                }
                for kept in treated(|t| t == Treatment::Kept).filter(|f| MEMBERS.contains(f)) {
                    let found = requests::found(kept, &request, target, &encoded.body);
                    prop_assert_eq!(found, Ok(()), "{}: {:?}", pair, kept);
                }
                let (mut calls, mut results) = exchanged(target, &encoded.body);
                calls.sort();
                results.sort();
                prop_assert_eq!(calls, results, "{}\n{}", pair, body);
            }
        }
    }
}
