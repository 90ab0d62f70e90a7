//! Log files: a line for each request, errors once more, and no secret in either.

use std::path::Path;

use domain::Dialect;
use serde_json::Value;

use crate::support::{Answer, MASTER_KEY, Process, Reply, Setup, Upstream, ask, backend, whole};

fn lines_of(folder: &Path, end: &str, but_not: &str) -> Vec<Value> {
    let entries = std::fs::read_dir(folder).expect("the log's folder");
    let names = entries.map(|entry| entry.expect("an entry").path());
    let found: Vec<_> = names
        .filter(|path| {
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default();
            name.starts_with("router_")
                && name.ends_with(end)
                && (but_not.is_empty() || !name.ends_with(but_not))
        })
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let text = std::fs::read_to_string(&found[0]).expect("a log file");
    assert!(
        !text.contains(MASTER_KEY)
            && !text.contains("sk-upstream")
            && !text.contains("secret prompt")
    );
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn each_request_is_a_line_and_errors_have_a_file_of_their_own() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let logs = folder.path().join("logs");
    let rest: &'static str =
        Box::leak(format!("logging: {{ directory: {logs:?} }}\n").into_boxed_str());
    let setup = Setup {
        rest,
        ..Setup::backends([backend(Dialect::OpenaiChat, "main", &upstream.url(), "")])
    };
    let mut process = Process::start(&setup).await;
    upstream.then(Answer::json(whole(Dialect::OpenaiChat, "up-main")));
    upstream.then(Answer::error(500, "{}"));
    for status in [200, 500] {
        let url = format!("{}/v1/chat/completions", process.url);
        let body = ask("asked").replace("Hello", "secret prompt");
        let request = process.client.post(url).bearer_auth(MASTER_KEY).body(body);
        assert_eq!(Reply::of(request).await.status, status);
    }
    process.terminate();
    assert!(process.ended().await.success());
    let requests: Vec<Value> = lines_of(&logs, ".jsonl", "_errors.jsonl")
        .into_iter()
        .filter(|line| line["request_id"].is_string() && line["outcome"].is_string())
        .collect();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(
        (&requests[0]["outcome"], &requests[0]["backend"]),
        (&"completed".into(), &"main".into())
    );
    assert!(requests[0]["output_tokens"].as_u64() > Some(0));
    // Others may be told there too, such as that nobody reads the process's output.
    let errors = lines_of(&logs, "_errors.jsonl", "");
    let of_requests = errors.iter().filter(|line| line["request_id"].is_string());
    let of_requests: Vec<&Value> = of_requests.map(|line| &line["request_id"]).collect();
    assert_eq!(of_requests, [&requests[1]["request_id"]], "{errors:?}");
}
