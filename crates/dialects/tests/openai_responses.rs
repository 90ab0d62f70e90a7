//! The Responses dialect against recorded requests, answers and streams: what they are read as, and
//! what is written from them again. Adding a case means adding a file to `fixtures/openai_responses`.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "grammar/openai_responses.rs"]
mod grammar;
#[path = "openai_responses/ours.rs"]
mod ours;
#[path = "openai_responses/requests.rs"]
mod requests;
#[path = "openai_responses/streams.rs"]
mod streams;

use std::{fs, path::PathBuf};

use ours::{client_of, encode_stream, read_stream};

/// The files of one folder of fixtures, by name.
fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.extend(["tests", "fixtures", "openai_responses", folder]);
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(path)
        .expect("the folder of fixtures")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), fs::read(&path).expect("readable"))
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn pretty(json: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(json).expect("JSON");
    serde_json::to_string_pretty(&value).expect("serialises")
}

#[test]
fn requests_are_read_and_written_again() {
    for (name, body) in fixtures("requests") {
        let request = dialects::openai_responses::request::decode(&body).expect("a request");
        insta::assert_snapshot!(format!("request_{name}"), format!("{request:#?}"));
        let encoded = requests::encode(&request, "gpt-5").expect("encodes");
        assert!(
            encoded.losses.is_empty(),
            "{name}: its own dialect keeps all"
        );
        insta::assert_snapshot!(format!("request_{name}_written"), pretty(&encoded.body));
        // What was written says the same.
        let again = dialects::openai_responses::request::decode(&encoded.body).expect("a request");
        assert_eq!(
            requests::comparable(again),
            requests::comparable(request),
            "{name}"
        );
    }
}

#[test]
fn answers_are_read_and_written_again() {
    let client = client_of(include_bytes!(
        "fixtures/openai_responses/requests/coding_tool.json"
    ));
    for (name, body) in fixtures("answers") {
        let answer = dialects::openai_responses::response::decode(&body).expect("an answer");
        insta::assert_snapshot!(format!("answer_{name}"), format!("{answer:#?}"));
        let written = dialects::openai_responses::response::encode(&answer, &client);
        insta::assert_snapshot!(format!("answer_{name}_written"), pretty(&written));
        let again = dialects::openai_responses::response::decode(&written).expect("an answer");
        assert_eq!(again, answer, "{name}");
    }
}

#[test]
fn streams_are_read_and_written_again() {
    let client = client_of(include_bytes!(
        "fixtures/openai_responses/requests/coding_tool.json"
    ));
    for (name, sse) in fixtures("streams") {
        let sse = String::from_utf8(sse).expect("UTF-8");
        let (events, complete) = read_stream(&sse);
        assert!(complete, "{name}");
        insta::assert_snapshot!(format!("stream_{name}"), ours::lines(&events));
        let written = encode_stream(&events, &client);
        grammar::check(&written).expect("a stream that clients take");
        insta::assert_snapshot!(format!("stream_{name}_written"), written);
    }
}

/// However much a server leaves out, its clients get the same answer.
#[test]
fn all_streams_of_an_answer_amount_to_the_same() {
    let client = client_of(include_bytes!(
        "fixtures/openai_responses/requests/coding_tool.json"
    ));
    let answers: Vec<(String, serde_json::Value)> = fixtures("streams")
        .into_iter()
        .map(|(name, sse)| {
            let (events, _) = read_stream(std::str::from_utf8(&sse).expect("UTF-8"));
            let mut answer = ours::last_response(&encode_stream(&events, &client));
            for known_late in ["id", "created_at", "service_tier"] {
                answer[known_late].take();
            }
            (name, answer)
        })
        .collect();
    for (name, answer) in &answers {
        assert_eq!(answer, &answers[0].1, "{name}");
    }
}
