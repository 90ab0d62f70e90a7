//! What only the whole configuration can tell: names that are taken twice, references to what is not
//! there, rewrites that go in circles. Each section has checked its own values before.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Config,
    backend::BackendConfig,
    context::Context,
    demo::DEMO_BACKEND,
    group::{GroupConfig, MemberConfig},
    rewrite::RewriteConfig,
    suggest::suggestion,
};

/// Reports everything that does not fit together, except for [`unique_backends`].
pub(super) fn check(context: &Context<'_>, config: &Config) {
    for (index, backend) in config.backends.iter().enumerate() {
        let path = format!("backends[{index}]");
        if backend.name == DEMO_BACKEND && config.demo.enabled {
            let message = "the name demo belongs to the built-in demo backend; choose another, or set demo.enabled to false";
            context.report(&format!("{path}.name"), message);
        }
        check_models(context, &path, backend);
    }
    let names = config.groups.iter().map(|group| group.name.as_str());
    unique(context, "group", names, |index| {
        format!("groups[{index}].name")
    });
    for (index, group) in config.groups.iter().enumerate() {
        check_members(context, &format!("groups[{index}]"), group, config);
    }
    let sources = config
        .rewrites
        .iter()
        .map(|rewrite| rewrite.source.as_str());
    unique(context, "rewrite", sources, |index| {
        format!("rewrites[{index}].source")
    });
    check_cycles(context, &config.rewrites, config.stored_from.rewrites);
}

/// Reports backends that share a name, to be asked of the `list` that they stand in.
pub(super) fn unique_backends(context: &Context<'_>, list: &str, backends: &[BackendConfig]) {
    let names = backends.iter().map(|backend| backend.name.as_str());
    unique(context, "backend", names, |index| {
        format!("{list}[{index}].name")
    });
}

/// Reports stored backends, those from number `first` on, whose name one before them has.
pub(super) fn unique_stored_backends(
    context: &Context<'_>,
    backends: &[BackendConfig],
    first: usize,
) {
    for (index, backend) in backends.iter().enumerate().skip(first) {
        let taken = backends[..index].iter().any(|b| b.name == backend.name);
        if taken && !backend.name.is_empty() {
            let message = format!("there is a backend called {:?} already", backend.name);
            context.report(&format!("backends[{index}].name"), message);
        }
    }
}

/// Reports every name that was there before. An empty one has been reported where it was read.
fn unique<'a>(
    context: &Context<'_>,
    noun: &str,
    names: impl Iterator<Item = &'a str>,
    path_of: impl Fn(usize) -> String,
) {
    let mut seen = BTreeMap::new();
    for (index, name) in names.enumerate().filter(|(_, name)| !name.is_empty()) {
        if let Some(first) = seen.get(name) {
            let message = format!(
                "a second {noun} called {name:?}; the first is {}",
                path_of(*first)
            );
            context.report(&path_of(index), message);
        } else {
            seen.insert(name, index);
        }
    }
}

/// Within a backend, a name must mean one model.
fn check_models(context: &Context<'_>, path: &str, backend: &BackendConfig) {
    let mut taken: BTreeMap<&str, String> = BTreeMap::new();
    for (index, model) in backend.models.iter().enumerate() {
        let at = format!("{path}.models[{index}].model");
        claim(context, &mut taken, &model.model, at);
    }
    for (index, model) in backend.models.iter().enumerate() {
        for (alias_index, alias) in model.aliases.iter().enumerate() {
            let at = format!("{path}.models[{index}].aliases[{alias_index}]");
            claim(context, &mut taken, alias, at);
        }
    }
    if backend.models.is_empty() {
        return;
    }
    for (asked, sent) in &backend.model_mapping {
        if !backend.models.iter().any(|model| model.model == *sent) {
            let models = backend.models.iter().map(|model| model.model.as_str());
            let near = suggestion(sent, models, "its models are");
            context.report(
                &format!("{path}.model_mapping.{asked}"),
                format!("backend {:?} lists no model {sent:?}{near}", backend.name),
            );
        }
    }
}

fn claim<'a>(
    context: &Context<'_>,
    taken: &mut BTreeMap<&'a str, String>,
    name: &'a str,
    at: String,
) {
    if name.is_empty() {
        return;
    }
    match taken.get(name) {
        Some(first) => {
            context.report(
                &at,
                format!(
                    "{name:?} is taken already, by {first}; a name means one model of a backend"
                ),
            );
        }
        None => {
            taken.insert(name, at);
        }
    }
}

fn check_members(context: &Context<'_>, path: &str, group: &GroupConfig, config: &Config) {
    let mut seen = BTreeSet::new();
    for (index, member) in group.members.iter().enumerate() {
        let path = format!("{path}.members[{index}]");
        if !seen.insert((&member.backend, &member.model)) && !member.model.is_empty() {
            let message = format!(
                "{}/{} is a member of this group already",
                member.backend, member.model
            );
            context.report(&format!("{path}.model"), message);
        }
        check_member(context, &path, member, config);
    }
}

fn check_member(context: &Context<'_>, path: &str, member: &MemberConfig, config: &Config) {
    if member.backend.is_empty() || (config.demo.enabled && member.backend == DEMO_BACKEND) {
        return;
    }
    let Some(backend) = config
        .backends
        .iter()
        .find(|backend| backend.name == member.backend)
    else {
        let demo = config.demo.enabled.then_some(DEMO_BACKEND);
        let names = config
            .backends
            .iter()
            .map(|backend| backend.name.as_str())
            .chain(demo);
        let near = suggestion(&member.backend, names, "the backends are");
        context.report(
            &format!("{path}.backend"),
            format!("no backend is called {:?}{near}", member.backend),
        );
        return;
    };
    let models = backend.models.iter();
    let names = models
        .flat_map(|model| std::iter::once(&model.model).chain(&model.aliases))
        .chain(backend.model_mapping.keys())
        .map(String::as_str);
    let serves = backend.models.is_empty() || names.clone().any(|name| name == member.model);
    if !serves && !member.model.is_empty() {
        let near = suggestion(&member.model, names, "its models are");
        let message = format!(
            "backend {:?} lists no model {:?}{near}",
            backend.name, member.model
        );
        context.report(&format!("{path}.model"), message);
    }
}

/// A chain of rewrites has to end somewhere. Each circle is reported once, at its first member; at one from
/// number `stored` on where it has such, since the file was right without them.
fn check_cycles(context: &Context<'_>, rewrites: &[RewriteConfig], stored: usize) {
    let targets: BTreeMap<&str, &str> = rewrites
        .iter()
        .map(|rewrite| (rewrite.source.as_str(), rewrite.target.as_str()))
        .collect();
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    let complete =
        |rewrite: &&RewriteConfig| !rewrite.source.is_empty() && !rewrite.target.is_empty();
    for rewrite in rewrites.iter().filter(complete) {
        let mut chain = vec![rewrite.source.as_str()];
        while let Some(next) = chain.last().and_then(|last| targets.get(last)) {
            if settled.contains(next) {
                break;
            }
            if let Some(start) = chain.iter().position(|name| name == next) {
                let circle = [&chain[start..], &[next]].concat().join(" → ");
                let number = |name: &str| rewrites.iter().position(|r| r.source == name);
                let numbers = chain[start..].iter().filter_map(|name| number(name));
                let index = numbers
                    .filter(|index| *index >= stored)
                    .max()
                    .or_else(|| number(next))
                    .unwrap_or_default();
                let message = format!("rewrites go in a circle: {circle}");
                context.report(&format!("rewrites[{index}].target"), message);
                break;
            }
            chain.push(next);
        }
        settled.extend(chain);
    }
}
