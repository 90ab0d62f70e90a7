//! `docs/translation.md` is what the encoders obey: it is generated from their table, and this fails
//! where the two differ. `UPDATE_DOCS=1 cargo nextest run -p dialects translation_table` writes it anew.

use std::path::Path;

use dialects::ir::{Feature, Treatment};
use domain::Dialect;

const HEAD: &str = "# What is kept between dialects

A request whose upstream speaks the client's own dialect is passed through byte for byte, and nothing
of this page applies to it. Where the two differ, this is what becomes of each thing that a request
can say. The page is generated from the table that the encoders obey (`crates/dialects/src/ir/feature.rs`).

- **kept**: the upstream gets it, and the client gets what the answer says of it.
- **emulated**: in another way, with the same outcome as far as the model allows.
- **dropped**: left out; the client is told by the response header `x-llm-router-dropped`.
- **refused**: a 400 that says what to leave out, since the answer would be something else than what
  was asked for. Another deployment of the same group that can say it is tried before.

The columns are the upstream's dialect.

| | Chat Completions | Responses | Anthropic Messages | Bedrock Converse |
|---|---|---|---|---|
";

fn cell(treatment: Treatment) -> String {
    match treatment {
        Treatment::Kept => "kept".to_owned(),
        Treatment::Emulated(how) => format!("**emulated**: {how}"),
        Treatment::Dropped(why) => format!("**dropped**: {why}"),
        Treatment::Refused(why) => format!("**refused**: {why}"),
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    for feature in Feature::ALL {
        let cells = [
            Dialect::OpenaiChat,
            Dialect::OpenaiResponses,
            Dialect::AnthropicMessages,
            Dialect::BedrockConverse,
        ]
        .map(|target| cell(feature.treatment(target)));
        page.push_str(&format!(
            "| `{}` | {} |\n",
            feature.name(),
            cells.join(" | ")
        ));
    }
    page
}

#[test]
fn the_documented_table_is_the_one_that_is_obeyed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/translation.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "run with UPDATE_DOCS=1 to write it anew");
}

#[test]
fn names_are_unique_and_fit_a_header() {
    let mut names: Vec<&str> = Feature::ALL.iter().map(|feature| feature.name()).collect();
    assert!(names.iter().all(|name| {
        name.bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
