//! The JSON file of a router with native OpenAI and Anthropic endpoints: `{openai, anthropic}`, each one
//! provider or a list of them. It has no client authentication and passes any model's name on.

use std::collections::BTreeMap;

use super::{Adopted, items, list, map, openai_kind, plain, quoted, set, take, text};
use crate::config::document::{Node, Value};

const SECTIONS: [&str; 2] = ["openai", "anthropic"];

pub(super) fn is_one(root: &Node) -> bool {
    let Value::Map(entries) = &root.value else {
        return false;
    };
    let provider = |node: &Node| {
        let of = |node: &Node| {
            ["api_key", "base_url", "provider_name"]
                .iter()
                .any(|k| node.get(k).is_some())
        };
        items(node).iter().any(of)
    };
    entries
        .iter()
        .any(|e| SECTIONS.contains(&e.key.as_str()) && provider(&e.node))
}

pub(super) fn adopt(root: &Node) -> Adopted {
    let mut adopted = Adopted::at(root);
    adopted.note_others(root, "", &SECTIONS);
    let mut backends = Vec::new();
    for section in SECTIONS {
        let Some(entry) = root.get(section) else {
            continue;
        };
        let mut priorities: BTreeMap<String, usize> = BTreeMap::new();
        for (number, provider) in items(&entry.node).iter().enumerate() {
            let priority = text(provider, "priority").unwrap_or("1").to_owned();
            if let Some(first) = priorities.get(&priority) {
                let message = format!(
                    "{section}[{number}].priority: {priority} is the priority of {section}[{first}] already"
                );
                adopted.problems.push((provider.position, message));
            }
            backends.push(backend(&mut adopted, section, &priority, number, provider));
            priorities.entry(priority).or_insert(number);
        }
    }
    let here = root.position;
    let mut server = map(here);
    set(&mut server, "host", quoted(here, "127.0.0.1"));
    set(&mut server, "port", plain(here, "8000"));
    let mut auth = map(here);
    set(&mut auth, "enabled", plain(here, "false"));
    let mut demo = map(here);
    set(&mut demo, "enabled", plain(here, "false"));
    set(&mut adopted.root, "server", server);
    set(&mut adopted.root, "auth", auth);
    set(&mut adopted.root, "demo", demo);
    let mut logging = map(here);
    set(&mut logging, "directory", quoted(here, "logs"));
    set(&mut adopted.root, "logging", logging);
    set(&mut adopted.root, "backends", list(here, backends));
    adopted
}

fn backend(
    adopted: &mut Adopted,
    section: &str,
    priority: &str,
    number: usize,
    provider: &Node,
) -> Node {
    let here = provider.position;
    let mut backend = map(here);
    let name = match text(provider, "provider_name") {
        Some(name) => name.to_owned(),
        None => format!("{section}-priority-{priority}"),
    };
    set(&mut backend, "name", quoted(here, name));
    let base_url = text(provider, "base_url");
    let kind = match section {
        "anthropic" => "anthropic",
        _ => openai_kind(base_url),
    };
    set(&mut backend, "kind", plain(here, kind));
    if let Some(key) = provider.get("api_key") {
        set(&mut backend, "api_keys", list(here, vec![key.node.clone()]));
    }
    take(
        provider,
        &mut backend,
        &[
            ("base_url", "base_url"),
            ("max_retries", "max_retries"),
            ("model_mapping", "model_mapping"),
        ],
    );
    set(&mut backend, "priority", plain(here, priority));
    if super::given(provider, "timeout").is_some() {
        take(provider, &mut backend, &[("timeout", "timeout")]);
    } else {
        set(&mut backend, "timeout", plain(here, "30"));
    }
    if super::given(provider, "max_retries").is_none() {
        set(&mut backend, "max_retries", plain(here, "3"));
    }
    set(&mut backend, "any_model", plain(here, "true"));
    set(&mut backend, "unpriced", plain(here, "allow"));
    adopted.note_others(
        provider,
        &format!("{section}[{number}]"),
        &[
            "api_key",
            "priority",
            "base_url",
            "provider_name",
            "timeout",
            "max_retries",
            "model_mapping",
        ],
    );
    backend
}
