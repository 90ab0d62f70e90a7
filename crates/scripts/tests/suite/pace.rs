//! Scripts that run into their limits leave the others their pace, and calls cost little.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use scripts::{Engine, EngineSettings, Hook, Limits};
use serde_json::json;

use crate::{event, program, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_streams_keep_their_pace_beside_endless_loops() {
    let engine = Engine::new(EngineSettings {
        request: Limits {
            wall: Duration::from_millis(400),
            ..Limits::REQUEST
        },
        ..EngineSettings::default()
    });
    let evil = program(&engine, "export function onRequest() { for (;;) {} }").await;
    let good = program(
        &engine,
        "export function onChunk(c) { c.chunk.data.n += 1; return c; }",
    )
    .await;
    let stop = Arc::new(AtomicBool::new(false));
    let hogs: Vec<_> = (0..8)
        .map(|_| {
            let (engine, evil, stop) = (engine.clone(), Arc::clone(&evil), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut ended = 0;
                while !stop.load(Ordering::Relaxed) {
                    let input = request(&json!({})).to_string();
                    let called = engine.open(&evil).call(Hook::Request, input).await;
                    assert!(called.output.is_err());
                    ended += 1;
                }
                ended
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Each sends an event every 50 ms, as a model does.
    let streams: Vec<_> = (0..200)
        .map(|_| {
            let mut session = engine.open(&good);
            tokio::spawn(async move {
                let mut slowest = Duration::ZERO;
                for n in 0..20 {
                    let began = Instant::now();
                    let events = vec![event(&json!({"n": n}))];
                    let called = session.chunks(|| "{}".to_owned(), events).await;
                    assert!(called.output.is_ok(), "{called:?}");
                    slowest = slowest.max(began.elapsed());
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                slowest
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    for stream in streams {
        slowest = slowest.max(stream.await.expect("a stream"));
    }
    stop.store(true, Ordering::Relaxed);
    for hog in hogs {
        assert!(hog.await.expect("a hog") > 0);
    }
    // All of them begin at once, each with a cage that is to be made; on a slow machine with unoptimised
    // code that is most of it. Without places kept for others a call waits for seconds.
    assert!(slowest < Duration::from_millis(1_500), "{slowest:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_ends_its_call() {
    let engine = Engine::new(EngineSettings {
        threads: 1,
        ..EngineSettings::default()
    });
    let endless = program(&engine, "export function onRequest() { for (;;) {} }").await;
    let input = request(&json!({})).to_string();
    let mut session = engine.open(&endless);
    let call = session.call(Hook::Request, input.clone());
    assert!(
        tokio::time::timeout(Duration::from_millis(100), call)
            .await
            .is_err()
    );
    // The only thread is free again long before the limit of five seconds.
    let began = Instant::now();
    let quick = program(&engine, "export function onRequest() {}").await;
    let called = engine.open(&quick).call(Hook::Request, input).await;
    assert_eq!(called.output, Ok(None));
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}
