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

/// Backends are asked for their lists of models, which is free.
#[test]
fn check_online_says_who_answers() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answering = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 4_096];
        let read = stream.read(&mut request).expect("a request");
        assert!(
            request[..read].starts_with(b"GET /v1/models "),
            "only the list is asked for"
        );
        let body = r#"{"data":[{"id":"a"},{"id":"b"}]}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).expect("answered");
    });
    let text = format!(
        "backends:\n  - {{name: there, kind: openai_compatible, base_url: \"http://{address}/v1\"}}\n  - {{name: gone, kind: openai_compatible, base_url: \"http://127.0.0.1:1/v1\"}}\n"
    );
    let directory = in_directory(&[("llm-router.yaml", &text)]);
    let arguments = CheckArguments {
        online: true,
        ..CheckArguments::default()
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = check::run(
        &arguments,
        directory.path(),
        &no_environment(),
        &mut out,
        &mut err,
    );
    assert_eq!(status.expect("written"), 1);
    let out = String::from_utf8(out).expect("UTF-8");
    assert!(out.contains("\nthere: ok (2 models)\n"), "{out}");
    assert!(out.contains("\ngone: it cannot be asked"), "{out}");
    assert!(out.contains("\ndemo: inside"), "{out}");
    answering.join().expect("no panic");
}
