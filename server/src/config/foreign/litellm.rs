//! LiteLLM's `config.yaml`: `model_list`, `router_settings` and what else has a counterpart. A model of
//! its list is a deployment; those that share a `model_name` are a group.

use super::{Adopted, entries, given, items, list, map, plain, quoted, set, take, text};
use crate::config::document::{Entry, Form, Node, Position, Value};

pub(super) fn is_one(root: &Node) -> bool {
    root.get("model_list").is_some()
}

/// How a provider of LiteLLM is called here, by the word before the `/`.
struct Provider {
    prefix: &'static str,
    kind: &'static str,
    base_url: Option<&'static str>,
    /// Where LiteLLM looks for a key that the file does not name.
    variable: &'static str,
}

const fn provider(
    prefix: &'static str,
    kind: &'static str,
    base_url: &'static str,
    variable: &'static str,
) -> Provider {
    Provider {
        prefix,
        kind,
        base_url: Some(base_url),
        variable,
    }
}

const COMPATIBLE: &str = "openai_compatible";

const PROVIDERS: [Provider; 12] = [
    Provider {
        prefix: "openai",
        kind: "openai",
        base_url: None,
        variable: "OPENAI_API_KEY",
    },
    Provider {
        prefix: "anthropic",
        kind: "anthropic",
        base_url: None,
        variable: "ANTHROPIC_API_KEY",
    },
    Provider {
        prefix: "bedrock",
        kind: "bedrock",
        base_url: None,
        variable: "",
    },
    provider(
        "groq",
        COMPATIBLE,
        "https://api.groq.com/openai/v1",
        "GROQ_API_KEY",
    ),
    provider(
        "mistral",
        COMPATIBLE,
        "https://api.mistral.ai/v1",
        "MISTRAL_API_KEY",
    ),
    provider(
        "deepseek",
        COMPATIBLE,
        "https://api.deepseek.com/v1",
        "DEEPSEEK_API_KEY",
    ),
    provider(
        "together_ai",
        COMPATIBLE,
        "https://api.together.xyz/v1",
        "TOGETHERAI_API_KEY",
    ),
    provider(
        "openrouter",
        COMPATIBLE,
        "https://openrouter.ai/api/v1",
        "OPENROUTER_API_KEY",
    ),
    provider(
        "cerebras",
        COMPATIBLE,
        "https://api.cerebras.ai/v1",
        "CEREBRAS_API_KEY",
    ),
    provider(
        "deepinfra",
        COMPATIBLE,
        "https://api.deepinfra.com/v1/openai",
        "DEEPINFRA_API_KEY",
    ),
    provider(
        "gemini",
        COMPATIBLE,
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "GEMINI_API_KEY",
    ),
    provider("ollama", COMPATIBLE, "http://localhost:11434/v1", ""),
];

/// Words before a model that say what kind of server is at the address.
const SERVERS: [&str; 8] = [
    "azure",
    "azure_ai",
    "custom_openai",
    "hosted_vllm",
    "litellm_proxy",
    "lm_studio",
    "openai_like",
    "vllm",
];

/// Which API of Bedrock's is asked, before the model.
const ROUTES: [&str; 4] = ["converse/", "converse_like/", "invoke/", "bedrock/"];

/// Whose a model is that is named without its provider; LiteLLM knows it by name.
fn inferred(model: &str, has_address: bool) -> &'static str {
    let of_openai = [
        "gpt-", "chatgpt-", "o1", "o3", "o4", "text-", "dall-e", "whisper", "tts-",
    ];
    let of_bedrock = [
        "anthropic.",
        "amazon.",
        "meta.",
        "mistral.",
        "cohere.",
        "ai21.",
        "us.",
        "eu.",
    ];
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| model.starts_with(prefix));
    if has_address || begins(&of_openai) {
        "openai"
    } else if model.starts_with("claude") {
        "anthropic"
    } else if begins(&of_bedrock) {
        "bedrock"
    } else {
        // Left out, with a note: a key must not go to somebody whose it is not.
        "of this name alone"
    }
}

fn same_member(a: &Node, b: &Node) -> bool {
    ["backend", "model"]
        .iter()
        .all(|key| text(a, key) == text(b, key))
}

fn priority_of(member: &Node) -> Option<u32> {
    text(member, "priority")?.parse().ok()
}

/// Where some members of a group have an order, those without one come after them.
fn last_without_order(members: &mut [Node]) {
    let Some(last) = members.iter().filter_map(priority_of).max() else {
        return;
    };
    for member in members {
        if priority_of(member).is_none() {
            let priority = plain(member.position, last.saturating_add(1).to_string());
            set(member, "priority", priority);
        }
    }
}

/// A backend of ours in the making.
struct Backend {
    name: String,
    /// Its name, but for the number that tells it from others.
    called: String,
    node: Node,
    /// What makes it the same: kind, address, key, region.
    identity: String,
    models: Vec<Node>,
}

pub(super) fn adopt(root: &Node) -> Adopted {
    let mut adopted = Adopted::at(root);
    let here = root.position;
    adopted.note_others(
        root,
        "",
        &[
            "model_list",
            "router_settings",
            "general_settings",
            "litellm_settings",
        ],
    );
    let settings = given(root, "router_settings")
        .cloned()
        .unwrap_or_else(|| map(here));
    let strategy = strategy(&mut adopted, &settings);
    let mut backends: Vec<Backend> = Vec::new();
    let mut groups: Vec<(String, Position, Vec<Node>)> = Vec::new();
    let models = root
        .get("model_list")
        .map_or(&[][..], |entry| items(&entry.node));
    for (number, model) in models.iter().enumerate() {
        let Some((backend, sent)) = deployment(&mut adopted, &mut backends, number, model) else {
            continue;
        };
        let name = text(model, "model_name").unwrap_or(&sent).to_owned();
        let mut member = map(model.position);
        set(&mut member, "backend", quoted(model.position, backend));
        set(&mut member, "model", quoted(model.position, sent));
        let places = ["litellm_params", "model_info"].map(|place| given(model, place));
        let places = || places.into_iter().flatten();
        // Elsewhere a weight would mean something else.
        if strategy == "weighted"
            && let Some(weight) = places().find_map(|place| given(place, "weight"))
        {
            set(&mut member, "weight", weight.clone());
        }
        if let Some(order) = places().find_map(|place| given(place, "order")) {
            set(&mut member, "priority", order.clone());
        }
        match groups.iter_mut().find(|(known, ..)| *known == name) {
            Some((.., members)) if members.iter().any(|m| same_member(m, &member)) => {
                let text = format!(
                    "model_list[{number}]: the same deployment is a member of {name} already"
                );
                adopted.note(model.position, text);
            }
            Some((.., members)) => members.push(member),
            None => groups.push((name, model.position, vec![member])),
        }
    }
    for (.., members) in &mut groups {
        last_without_order(members);
    }
    let mut rewrites = Vec::new();
    // Both places are read by LiteLLM; the router's own come first.
    let others = given(root, "litellm_settings");
    router_settings(
        &mut adopted,
        [Some(&settings), others],
        &mut groups,
        &mut rewrites,
        &mut backends,
    );
    general_settings(&mut adopted, root);
    let backends = backends.into_iter().map(|mut backend| {
        if !backend.models.is_empty() {
            set(&mut backend.node, "models", list(here, backend.models));
        }
        backend.node
    });
    let backends = backends.collect();
    set(&mut adopted.root, "backends", list(here, backends));
    let groups = groups.into_iter().map(|(name, at, members)| {
        let mut group = map(at);
        set(&mut group, "name", quoted(at, name));
        set(&mut group, "strategy", plain(at, strategy));
        set(&mut group, "members", list(at, members));
        group
    });
    let groups = groups.collect();
    set(&mut adopted.root, "groups", list(here, groups));
    set(&mut adopted.root, "rewrites", list(here, rewrites));
    adopted
}

/// Finds or makes the backend of a deployment; returns its name and the model that is sent to it.
fn deployment(
    adopted: &mut Adopted,
    backends: &mut Vec<Backend>,
    number: usize,
    model: &Node,
) -> Option<(String, String)> {
    let path = format!("model_list[{number}]");
    adopted.note_others(
        model,
        &path,
        &["model_name", "litellm_params", "model_info"],
    );
    let parameters = given(model, "litellm_params")?;
    let full = text(parameters, "model")?;
    let at = parameters.position;
    let (prefix, rest) = match full.split_once('/') {
        Some(split) => split,
        None => (
            inferred(full, given(parameters, "api_base").is_some()),
            full,
        ),
    };
    let found = PROVIDERS.iter().find(|p| p.prefix == prefix);
    let (provider, sent) = match found {
        Some(provider) => (provider, rest),
        // A server of OpenAI's dialect at an address that the file names.
        None if text(parameters, "api_base").is_some() => match SERVERS.contains(&prefix) {
            true => (&PROVIDERS[0], rest),
            false => (&PROVIDERS[0], full),
        },
        None => {
            adopted.note(
                at,
                format!("{path}: provider {prefix} is not known here; left out"),
            );
            return None;
        }
    };
    // Converse and other routes of Bedrock stand before the model.
    let sent = match provider.kind {
        "bedrock" => ROUTES
            .iter()
            .find_map(|r| sent.strip_prefix(r))
            .unwrap_or(sent),
        _ => sent,
    };
    let wildcard = sent.contains('*');
    let any = sent == "*" && text(model, "model_name").is_some_and(|name| name.ends_with('*'));
    if wildcard && !any {
        let text = format!("{path}: the wildcard {full} is not carried over");
        adopted.note(at, text);
        return None;
    }
    let base = text(parameters, "api_base").or(text(parameters, "base_url"));
    let key = given(parameters, "api_key");
    let region = text(parameters, "aws_region_name");
    // What the backend is called.
    let called = match SERVERS.contains(&prefix) {
        true => prefix,
        false => provider.prefix,
    };
    if prefix == "azure" {
        let text = format!(
            "{path}: azure is asked as a server of OpenAI's dialect; its api_base has to be the one that ends in /openai/v1"
        );
        adopted.note(at, text);
    }
    let words = [Some(called), base, key.and_then(scalar), region];
    let identity = words.map(Option::unwrap_or_default).join("\n");
    let backend = match backends.iter().position(|b| b.identity == identity) {
        Some(at) => &mut backends[at],
        None => {
            let same = backends.iter().filter(|b| b.called == called).count();
            let name = match same {
                0 => called.to_owned(),
                n => format!("{called}-{}", n + 1),
            };
            let node = backend(provider, &name, base, key, region, parameters);
            backends.push(Backend {
                name,
                called: called.to_owned(),
                node,
                identity,
                models: Vec::new(),
            });
            backends.last_mut()?
        }
    };
    if any {
        // `openai/*` and `*`: whatever clients ask of it.
        if backend.node.get("any_model").is_none() {
            set(&mut backend.node, "any_model", plain(at, "true"));
        }
        return None;
    }
    let listed = |known: &Node| text(known, "model") == Some(sent);
    if !backend.models.iter().any(listed) {
        let ours = model_of(adopted, &path, sent, parameters, given(model, "model_info"));
        backend.models.push(ours);
    }
    Some((backend.name.clone(), sent.to_owned()))
}

fn backend(
    provider: &Provider,
    name: &str,
    base: Option<&str>,
    key: Option<&Node>,
    region: Option<&str>,
    parameters: &Node,
) -> Node {
    let at = parameters.position;
    let mut node = map(at);
    set(&mut node, "name", quoted(at, name));
    let elsewhere = base.is_some_and(|url| !url.contains("://api.openai.com"));
    let kind = match provider.kind {
        "openai" if elsewhere => COMPATIBLE,
        kind => kind,
    };
    set(&mut node, "kind", plain(at, kind));
    if provider.kind == "bedrock" {
        if let Some(region) = region {
            set(&mut node, "region", variable(at, region));
        }
    } else {
        if let Some(url) = base.or(provider.base_url) {
            let url = url.trim_end_matches('/');
            // There it is named without the path of its OpenAI dialect.
            let url = match provider.prefix == "ollama" && !url.ends_with("/v1") {
                true => format!("{url}/v1"),
                false => url.to_owned(),
            };
            set(&mut node, "base_url", variable(at, &url));
        }
        let key = match key {
            Some(key) => scalar(key).map(|text| variable(key.position, text)),
            None if provider.variable.is_empty() || elsewhere => None,
            None => Some(quoted(at, format!("${{{}}}", provider.variable))),
        };
        if let Some(key) = key {
            set(&mut node, "api_keys", list(at, vec![key]));
        }
    }
    take(
        parameters,
        &mut node,
        &[("timeout", "timeout"), ("max_retries", "max_retries")],
    );
    set(&mut node, "unpriced", plain(at, "allow"));
    node
}

fn model_of(
    adopted: &mut Adopted,
    path: &str,
    sent: &str,
    parameters: &Node,
    info: Option<&Node>,
) -> Node {
    let at = parameters.position;
    let mut model = map(at);
    set(&mut model, "model", quoted(at, sent));
    take(
        parameters,
        &mut model,
        &[
            ("rpm", "requests_per_minute"),
            ("tpm", "tokens_per_minute"),
            ("max_parallel_requests", "max_concurrent"),
        ],
    );
    let mut price = map(at);
    for (theirs, ours) in [
        ("input_cost_per_token", "input"),
        ("output_cost_per_token", "output"),
        ("cache_read_input_token_cost", "cache_read"),
        ("cache_creation_input_token_cost", "cache_write_5m"),
    ] {
        let places = [Some(parameters), info];
        let cost = places
            .into_iter()
            .flatten()
            .find_map(|node| given(node, theirs));
        if let Some(cost) = cost {
            match scalar(cost).and_then(per_million) {
                Some(amount) => set(&mut price, ours, plain(cost.position, amount)),
                None => adopted.note(cost.position, format!("{path}: {theirs} cannot be read")),
            }
        }
    }
    if price.get("input").is_some() && price.get("output").is_some() {
        set(&mut model, "price", price);
    }
    adopted.note_others(
        parameters,
        &format!("{path}.litellm_params"),
        &[
            "model",
            "api_key",
            "api_base",
            "base_url",
            "aws_region_name",
            "rpm",
            "tpm",
            "weight",
            "order",
            "timeout",
            "max_retries",
            "max_parallel_requests",
            "input_cost_per_token",
            "output_cost_per_token",
            "cache_read_input_token_cost",
            "cache_creation_input_token_cost",
        ],
    );
    model
}

fn strategy(adopted: &mut Adopted, settings: &Node) -> &'static str {
    match text(settings, "routing_strategy") {
        None | Some("simple-shuffle") => "weighted",
        Some("least-busy" | "latency-based-routing") => "least_latency",
        Some("usage-based-routing" | "usage-based-routing-v2") => "least_usage",
        Some("cost-based-routing") => "lowest_cost",
        Some(other) => {
            let text = format!(
                "router_settings.routing_strategy: {other} is not known here; weighted is used"
            );
            adopted.note(settings.position, text);
            "weighted"
        }
    }
}

fn router_settings(
    adopted: &mut Adopted,
    settings: [Option<&Node>; 2],
    groups: &mut [(String, Position, Vec<Node>)],
    rewrites: &mut Vec<Node>,
    backends: &mut [Backend],
) {
    let all = || settings.into_iter().flatten();
    let first = |key: &str| all().find_map(|settings| given(settings, key));
    // Another name for a group.
    for Entry { key, node, .. } in first("model_group_alias").map_or(&[][..], entries) {
        let target = given(node, "model").unwrap_or(node);
        let mut rewrite = map(node.position);
        set(&mut rewrite, "source", quoted(node.position, key));
        set(&mut rewrite, "target", target.clone());
        rewrites.push(rewrite);
    }
    // What a group falls back to are members of a later tier; not what that falls back to in its turn.
    let before: Vec<(String, Vec<Node>)> = groups
        .iter()
        .map(|(name, _, members)| (name.clone(), members.clone()))
        .collect();
    for fallback in first("fallbacks").map_or(&[][..], items) {
        for Entry { key, node, .. } in entries(fallback) {
            let Some((.., own)) = groups.iter_mut().find(|(name, ..)| name == key) else {
                adopted.note(node.position, format!("fallbacks: there is no model {key}"));
                continue;
            };
            let mut tier = own
                .iter()
                .map(|m| priority_of(m).unwrap_or(0))
                .max()
                .unwrap_or(0);
            for target in items(node).iter().filter_map(scalar) {
                let Some((_, members)) = before.iter().find(|(name, _)| name == target) else {
                    let text =
                        format!("fallbacks: {key} falls back to {target}, which is no model here");
                    adopted.note(node.position, text);
                    continue;
                };
                tier += 1;
                for member in members {
                    if own.iter().any(|m| same_member(m, member)) {
                        continue;
                    }
                    let mut member = member.clone();
                    if let Value::Map(entries) = &mut member.value {
                        entries.retain(|entry| entry.key != "priority");
                    }
                    set(
                        &mut member,
                        "priority",
                        plain(node.position, tier.to_string()),
                    );
                    own.push(member);
                }
            }
        }
    }
    for backend in backends {
        for (theirs, ours) in [
            ("num_retries", "max_retries"),
            ("timeout", "timeout"),
            ("request_timeout", "timeout"),
        ] {
            if backend.node.get(ours).is_none()
                && let Some(value) = first(theirs)
            {
                set(&mut backend.node, ours, value.clone());
            }
        }
    }
    for (settings, path) in settings
        .into_iter()
        .zip(["router_settings", "litellm_settings"])
    {
        if let Some(settings) = settings {
            adopted.note_others(
                settings,
                path,
                &[
                    "routing_strategy",
                    "model_group_alias",
                    "fallbacks",
                    "num_retries",
                    "timeout",
                    "request_timeout",
                ],
            );
        }
    }
}

fn general_settings(adopted: &mut Adopted, root: &Node) {
    if let Some(general) = given(root, "general_settings") {
        if let Some(key) = given(general, "master_key")
            && let Some(text) = scalar(key)
        {
            let mut auth = map(key.position);
            set(&mut auth, "master_key", variable(key.position, text));
            set(&mut adopted.root, "auth", auth);
        }
        adopted.note_others(general, "general_settings", &["master_key"]);
    }
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

/// `os.environ/NAME` is a variable.
fn variable(at: Position, text: &str) -> Node {
    let text = match text.strip_prefix("os.environ/") {
        Some(name) => format!("${{{name}}}"),
        None => text.to_owned(),
    };
    Node {
        value: Value::Scalar {
            text,
            form: Form::Quoted,
        },
        position: at,
    }
}

/// Dollars a token as dollars a million tokens, digit by digit: `2.5e-06` is `2.5`.
fn per_million(text: &str) -> Option<String> {
    let (mantissa, exponent) = match text.to_ascii_lowercase().split_once('e') {
        Some((mantissa, exponent)) => (mantissa.to_owned(), exponent.parse::<i32>().ok()?),
        None => (text.to_owned(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let digits = format!("{whole}{fraction}");
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent + 6;
    let (left, right) = if point <= 0 {
        let zeros = "0".repeat(usize::try_from(-point).ok()?);
        (String::new(), format!("{zeros}{digits}"))
    } else {
        let point = usize::try_from(point).ok()?;
        if point > 40 {
            return None;
        }
        let padded = format!("{digits:0<point$}");
        (padded[..point].to_owned(), padded[point..].to_owned())
    };
    let left = left.trim_start_matches('0');
    let right = right.trim_end_matches('0');
    let left = if left.is_empty() { "0" } else { left };
    Some(if right.is_empty() {
        left.to_owned()
    } else {
        format!("{left}.{right}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_a_token_become_prices_a_million_digit_by_digit() {
        for (a_token, a_million) in [
            ("2.5e-06", "2.5"),
            ("0.0000025", "2.5"),
            ("1e-5", "10"),
            ("1.25E-7", "0.125"),
            ("0", "0"),
            ("3e-06", "3"),
            ("0.000001", "1"),
        ] {
            assert_eq!(
                per_million(a_token).as_deref(),
                Some(a_million),
                "{a_token}"
            );
        }
        for wrong in ["", "x", "-1e-6", "1e99"] {
            assert_eq!(per_million(wrong), None, "{wrong}");
        }
    }
}
