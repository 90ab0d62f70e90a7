//! Holds `llm-router.example.yaml` against the code: what is read must be in it, what is in it must
//! be read, and the defaults that it claims must be the real ones.

use std::collections::BTreeSet;

use super::{
    Config, Overrides,
    context::Context,
    document::{Format, Node, Value},
    environment::Environment,
};
use crate::cli::init::EXAMPLE;

/// The example with every setting in it switched on: `#key` is a setting, `# text` a comment.
fn everything() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => rest,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn keys_of(node: &Node, path: &str, keys: &mut BTreeSet<String>) {
    match &node.value {
        Value::List(items) => {
            for item in items {
                keys_of(item, &format!("{path}[]"), keys);
            }
        }
        Value::Map(entries) => {
            for entry in entries {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", entry.key);
                let named_by_the_operator =
                    ["model_mapping", "headers", "role_rewrites", "role_map"];
                if !named_by_the_operator.iter().any(|end| path.ends_with(end)) {
                    keys_of(&entry.node, &path, keys);
                }
                keys.insert(path);
            }
        }
        Value::Null | Value::Scalar { .. } => {}
    }
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let environment = Environment::from_iter([("OPENAI_API_KEY", "k")]);
    let text = everything();
    let context = Context::of_text("example", &text, Format::Yaml, &environment);
    Config::read(&context, &Overrides::default());
    let read = context.vocabulary.borrow().keys.clone();
    let (problems, _) = context.into_findings();
    assert_eq!(problems, [], "the whole example must be valid");

    let mut written = BTreeSet::new();
    keys_of(
        &Format::Yaml.parse(&text).expect("valid YAML"),
        "",
        &mut written,
    );
    assert_eq!(read, written);
}

#[test]
fn the_example_names_every_variable() {
    let environment = Environment::default();
    let context = Context::without_text(&environment);
    Config::read(&context, &Overrides::default());
    let text = everything();
    let context_of_all = Context::of_text("example", &text, Format::Yaml, &environment);
    Config::read(&context_of_all, &Overrides::default());
    for context in [context, context_of_all] {
        for variable in &context.vocabulary.borrow().variables {
            assert!(
                EXAMPLE.contains(variable),
                "{variable} is not in the example"
            );
        }
    }
}

#[test]
fn the_example_as_it_is_changes_nothing() {
    let environment = Environment::default();
    let context = Context::of_text("example", EXAMPLE, Format::Yaml, &environment);
    let example = Config::read(&context, &Overrides::default());
    assert_eq!(context.into_findings(), (vec![], vec![]));
    let context = Context::without_text(&environment);
    let defaults = Config::read(&context, &Overrides::default());
    assert_eq!(format!("{example:#?}"), format!("{defaults:#?}"));
}

#[test]
fn the_defaults_that_the_example_claims_for_a_backend_are_the_real_ones() {
    let environment = Environment::from_iter([("OPENAI_API_KEY", "k")]);
    let read = |text: &str| {
        let context = Context::of_text("example", text, Format::Yaml, &environment);
        Config::read(&context, &Overrides::default())
            .backends
            .remove(0)
    };
    let mut example = read(&everything());
    let bare = read("backends: [{name: openai-main, kind: openai, api_keys: [k]}]");
    // These have no default worth showing: the example gives an example.
    example.rate_limit = None;
    example.queue = None;
    example.model_mapping.clear();
    example.headers.clear();
    example.quirks = bare.quirks.clone();
    example.models.clear();
    assert_eq!(format!("{example:#?}"), format!("{bare:#?}"));
}
