//! The file of a router that balances groups of models by usage: `{port, api_key, groups, providers}`,
//! as YAML or JSON.

use super::{Adopted, given, items, list, map, openai_kind, plain, quoted, set, take, text};
use crate::config::document::{Node, Value};

pub(super) fn is_one(root: &Node) -> bool {
    root.get("providers").is_some() && root.get("backends").is_none()
}

pub(super) fn adopt(root: &Node) -> Adopted {
    let mut adopted = Adopted::at(root);
    adopted.note_others(
        root,
        "",
        &[
            "port",
            "api_key",
            "groups",
            "providers",
            "error_penalty",
            "request_penalty",
        ],
    );
    let here = root.position;
    let mut server = map(here);
    match given(root, "port") {
        Some(port) => set(&mut server, "port", port.clone()),
        None => set(&mut server, "port", plain(here, "8080")),
    }
    set(&mut adopted.root, "server", server);
    if let Some(key) = given(root, "api_key") {
        let mut auth = map(key.position);
        set(&mut auth, "keys", list(key.position, vec![key.clone()]));
        set(&mut adopted.root, "auth", auth);
    }
    let mut demo = map(here);
    set(&mut demo, "enabled", plain(here, "false"));
    set(&mut adopted.root, "demo", demo);
    let mut least_usage = map(here);
    take(
        root,
        &mut least_usage,
        &[
            ("error_penalty", "error_penalty"),
            ("request_penalty", "request_penalty"),
        ],
    );
    let mut routing = map(here);
    set(&mut routing, "least_usage", least_usage);
    set(&mut adopted.root, "routing", routing);

    let groups = root
        .get("groups")
        .map_or(&[][..], |entry| items(&entry.node));
    let providers = root
        .get("providers")
        .map_or(&[][..], |entry| items(&entry.node));
    let backends = providers.iter().enumerate().map(|(number, provider)| {
        backend(
            &mut adopted,
            number,
            provider,
            &models_of(groups, text(provider, "name")),
        )
    });
    let backends = backends.collect();
    set(&mut adopted.root, "backends", list(here, backends));
    let groups = groups
        .iter()
        .enumerate()
        .map(|(number, group)| group_of(&mut adopted, number, group))
        .collect();
    set(&mut adopted.root, "groups", list(here, groups));
    adopted
}

/// The models that the groups take from a provider, each once.
fn models_of<'a>(groups: &'a [Node], provider: Option<&str>) -> Vec<&'a Node> {
    let mut found: Vec<&Node> = Vec::new();
    for group in groups {
        for model in group
            .get("models")
            .map_or(&[][..], |entry| items(&entry.node))
        {
            let (Some(name), true) = (given(model, "name"), text(model, "provider") == provider)
            else {
                continue;
            };
            if !found.iter().any(|known| scalar(known) == scalar(name)) {
                found.push(name);
            }
        }
    }
    found
}

fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

fn backend(adopted: &mut Adopted, number: usize, provider: &Node, models: &[&Node]) -> Node {
    let here = provider.position;
    let mut backend = map(here);
    let kind = openai_kind(text(provider, "base_url"));
    set(&mut backend, "kind", plain(here, kind));
    take(
        provider,
        &mut backend,
        &[
            ("name", "name"),
            ("base_url", "base_url"),
            ("api_keys", "api_keys"),
        ],
    );
    set(&mut backend, "unpriced", plain(here, "allow"));
    let models = models.iter().map(|name| {
        let mut model = map(name.position);
        let text = scalar(name).unwrap_or_default();
        set(&mut model, "model", quoted(name.position, text));
        model
    });
    let models: Vec<Node> = models.collect();
    if !models.is_empty() {
        set(&mut backend, "models", list(here, models));
    }
    let path = format!("providers[{number}]");
    adopted.note_others(provider, &path, &["name", "base_url", "api_keys"]);
    backend
}

fn group_of(adopted: &mut Adopted, number: usize, group: &Node) -> Node {
    let here = group.position;
    let mut ours = map(here);
    take(group, &mut ours, &[("name", "name")]);
    set(&mut ours, "strategy", plain(here, "least_usage"));
    adopted.note_others(group, &format!("groups[{number}]"), &["name", "models"]);
    let models = group
        .get("models")
        .map_or(&[][..], |entry| items(&entry.node));
    let mut members = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let mut member = map(model.position);
        take(
            model,
            &mut member,
            &[
                ("provider", "backend"),
                ("name", "model"),
                ("weight", "weight"),
            ],
        );
        if given(model, "weight").is_none() {
            // What that router takes a missing number for.
            set(&mut member, "weight", plain(model.position, "0"));
        }
        let path = format!("groups[{number}].models[{at}]");
        adopted.note_others(model, &path, &["provider", "name", "weight"]);
        members.push(member);
    }
    set(&mut ours, "members", list(here, members));
    ours
}
