//! `llm-router check` and `llm-router init`.

use std::{fs, path::Path};

use insta::assert_snapshot;
use server::cli::{CheckArguments, InitArguments, check, init};

use crate::{in_directory, no_environment};

fn check_in(directory: &Path) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = check::run(
        &CheckArguments::default(),
        directory,
        &no_environment(),
        &mut out,
        &mut err,
    )
    .expect("written");
    let text = |bytes| {
        String::from_utf8(bytes)
            .expect("UTF-8")
            .replace(&format!("{}/", directory.display()), "")
    };
    (status, text(out), text(err))
}

#[test]
fn init_writes_what_check_accepts_and_replaces_nothing_unasked() {
    let directory = in_directory(&[]);
    let mut arguments = InitArguments {
        config: directory.path().join("llm-router.yaml"),
        force: false,
    };
    init::run(&arguments, &mut Vec::new()).expect("written");
    let (status, out, err) = check_in(directory.path());
    assert_eq!((status, err.as_str()), (0, ""));
    assert_snapshot!(out, @r#"llm-router.yaml: ok (0 backends, 0 groups, demo on)"#);

    fs::write(&arguments.config, "mine").expect("written");
    let refusal = init::run(&arguments, &mut Vec::new()).expect_err("the file exists");
    assert!(refusal.to_string().contains("--force"), "{refusal}");
    assert_eq!(fs::read_to_string(&arguments.config).expect("read"), "mine");
    arguments.force = true;
    init::run(&arguments, &mut Vec::new()).expect("replaced");
    assert_eq!(
        fs::read_to_string(&arguments.config).expect("read"),
        init::EXAMPLE
    );
}

#[test]
fn check_says_what_it_found() {
    let file = "demo: {enabled: false}\nbackends:\n  - {name: a, kind: bedrock, region: eu-west-3}\n  - {name: b, kind: anthropic, api_keys: [k], models: [{model: m}]}\n";
    let directory = in_directory(&[("llm-router.yaml", file)]);
    let (status, out, _) = check_in(directory.path());
    assert_eq!(status, 0);
    assert_snapshot!(out, @r#"
    llm-router.yaml: ok (2 backends, 0 groups)
    warning: backend a: kind bedrock serves the models that are listed, and none is
    warning: backend b: model m has no price and is refused; give it one, or set `unpriced: allow`
    "#);

    let directory = in_directory(&[("llm-router.yaml", "server: {port: x}\n")]);
    let (status, out, err) = check_in(directory.path());
    assert_eq!((status, out.as_str()), (1, ""));
    assert_snapshot!(err, @r#"llm-router.yaml:1:16: server.port: expected a whole number from 0 to 65535, found "x""#);
}
