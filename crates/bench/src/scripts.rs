//! What scripts cost: a trivial `onRequest` with a request of 4 KB, and a trivial `onChunk`. Of each, the
//! time inside the cage, and the whole call with the way to the script's thread and back.

use std::time::{Duration, Instant};

use ::scripts::{Engine, EngineSettings, EventIn, Hook, Secrets, Source};
use anyhow::Context as _;

const REQUESTS: usize = 2_000;
const CHUNKS: usize = 20_000;

/// The largest median inside the cage that is accepted.
const MOST_REQUEST: Duration = Duration::from_micros(100);
const MOST_CHUNK: Duration = Duration::from_micros(20);

const SCRIPT: &str = "export function onRequest(context) {
  context.request.headers['x-custom-header'] = 'value';
  return context;
}
export function onChunk(context) {
  if (context.chunk.data.choices?.[0]?.delta?.content === 'never') return null;
}";

/// Times of one kind of call.
struct Times {
    inside: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Times {
    fn new(count: usize) -> Self {
        Self {
            inside: Vec::with_capacity(count),
            whole: Vec::with_capacity(count),
        }
    }

    fn row(&mut self, name: &str) -> Duration {
        let at = |times: &mut Vec<Duration>, share: f64| {
            times.sort_unstable();
            times[((times.len() - 1) as f64 * share) as usize]
        };
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let median = at(&mut self.inside, 0.5);
        println!(
            "{name:<10} inside: median {:6.1} us, p99 {:6.1} us   whole call: median {:6.1} us, p99 {:6.1} us",
            micros(median),
            micros(at(&mut self.inside, 0.99)),
            micros(at(&mut self.whole, 0.5)),
            micros(at(&mut self.whole, 0.99)),
        );
        median
    }
}

/// Measures, prints, and says whether both are below what is accepted.
pub async fn run() -> anyhow::Result<bool> {
    let engine = Engine::new(EngineSettings::default());
    let source = Source {
        name: "bench".to_owned(),
        code: SCRIPT.to_owned(),
        store: std::sync::Arc::default(),
        secrets: Secrets::default(),
    };
    let program = engine.compile(source).await.context("the script")?;
    let text = "word ".repeat(800);
    let input = serde_json::json!({
        "user": {"id": 1, "name": "ada", "email": null},
        "backend": {"id": 1, "name": "main", "base_url": "http://localhost"},
        "model": "gpt",
        "request": {
            "method": "POST", "path": "/v1/chat/completions", "isStream": true,
            "headers": {"user-agent": "bench"},
            "body": {"model": "gpt", "stream": true, "messages": [{"role": "user", "content": text}]},
        },
    })
    .to_string();
    let mut requests = Times::new(REQUESTS);
    for n in 0..REQUESTS {
        let mut session = engine.open(&program);
        let began = Instant::now();
        let called = session.call(Hook::Request, input.clone()).await;
        let whole = began.elapsed();
        called.output.context("onRequest")?;
        // The first calls warm the allocator and the caches.
        if n >= REQUESTS / 10 {
            requests.whole.push(whole);
            requests.inside.push(called.took);
        }
        drop(session);
        // Requests come one by one; meanwhile the next cage is made ready.
        tokio::time::sleep(Duration::from_micros(500)).await;
    }
    let mut chunks = Times::new(CHUNKS);
    let mut session = engine.open(&program);
    let data = r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}"#;
    for n in 0..CHUNKS {
        let events = vec![EventIn {
            name: None,
            data: data.to_owned(),
        }];
        let began = Instant::now();
        let called = session.chunks(|| input.clone(), events).await;
        let whole = began.elapsed();
        called.output.context("onChunk")?;
        if n >= CHUNKS / 10 {
            chunks.whole.push(whole);
            chunks.inside.push(called.took);
        }
    }
    let request = requests.row("onRequest");
    let chunk = chunks.row("onChunk");
    Ok(request <= MOST_REQUEST && chunk <= MOST_CHUNK)
}
