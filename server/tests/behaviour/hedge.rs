//! A second call beside a stream that is slow to come: the quicker one answers, both are in the books, and
//! what is spent for nothing stays within its share.

use domain::Dialect;

use crate::support::{
    Answer, Reply, Setup, TestApp, Upstream, User, ask_stream, backend, events, verify,
};

const CHAT: Dialect = Dialect::OpenaiChat;

struct Pair {
    app: TestApp,
    first: Upstream,
    second: Upstream,
    user: User,
}

impl Pair {
    /// A group of two, of which it is known that its streams begin at once.
    async fn warm(rest: &'static str) -> Self {
        let (first, second) = (Upstream::start().await, Upstream::start().await);
        let backends = [("first", &first), ("second", &second)]
            .map(|(name, upstream)| backend(CHAT, name, &upstream.url(), ""));
        let setup = Setup {
            rest,
            ..Setup::backends(backends)
        };
        let app = TestApp::start(setup).await;
        let user = app.user().await;
        let pair = Self {
            app,
            first,
            second,
            user,
        };
        pair.first
            .always(|_| Answer::events(events(CHAT, "up-first")));
        pair.second
            .always(|_| Answer::events(events(CHAT, "up-second")));
        for _ in 0..20 {
            assert_eq!(pair.ask().await.header("x-provider"), "first");
        }
        assert_eq!(pair.second.received().len(), 0, "nobody was slow");
        pair
    }

    async fn ask(&self) -> Reply {
        let reply = Reply::of(self.app.chat(&self.user.key, ask_stream("team"))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply
    }
}

const MEMBERS: &str = "groups:\n  - { name: team, hedge: { max_share: 100, at_least: 100ms }, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n";

#[tokio::test]
async fn the_quicker_answers_and_the_slower_is_cancelled_and_billed() {
    let pair = Pair::warm(MEMBERS).await;
    let (silent, mut hold) = Answer::events(events(CHAT, "up-first")).held();
    pair.first.then(silent);
    let reply = pair.ask().await;
    assert_eq!(reply.header("x-provider"), "second");
    assert_eq!(reply.header("x-llm-router-attempts"), "2");
    assert!(reply.text().ends_with("data: [DONE]\n\n"));
    hold.cancelled().await;
    let rows = pair.app.ledger().wait_for(22).await;
    let [slower, answered] = &rows[20..] else {
        panic!("{rows:?}")
    };
    assert_eq!(
        (slower.outcome.as_str(), answered.outcome.as_str()),
        ("abandoned", "completed")
    );
    assert_eq!(slower.request_id, answered.request_id);
    assert_eq!((slower.attempts, answered.attempts), (1, 2));
    assert_eq!(
        (
            slower.upstream_model.as_str(),
            answered.upstream_model.as_str()
        ),
        ("up-first", "up-second")
    );
    assert!(slower.usage_estimated && slower.input_tokens > 0 && slower.cost_nano > Some(0));
    assert!(
        slower
            .error
            .as_deref()
            .is_some_and(|e| e.contains("slower"))
    );
    // One that has begun to speak is left alone, however long it takes.
    let (answer, line) = Answer::live();
    pair.first.then(answer);
    let all = events(CHAT, "up-first");
    line.send(all[..4].concat());
    let asked = pair.second.received().len();
    let (reply, ()) = tokio::join!(pair.ask(), async {
        pair.first.arrivals(22).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        line.send(all[4..].concat());
        drop(line);
    });
    assert_eq!(reply.header("x-provider"), "first");
    assert_eq!(pair.second.received().len(), asked);
    let verified = verify(&pair.app.state.config).await;
    assert_eq!(verified.difference_count, 0, "{verified:?}");
}

#[tokio::test]
async fn where_one_of_two_fails_the_other_answers() {
    let pair = Pair::warm(MEMBERS).await;
    // The first fails while the second is thinking.
    let (failing, hold_first) = Answer::error(500, "{}").held();
    let (slow, hold_second) = Answer::events(events(CHAT, "up-second")).held();
    pair.first.then(failing);
    pair.second.then(slow);
    let (reply, ()) = tokio::join!(pair.ask(), async {
        pair.second.arrivals(1).await;
        hold_first.release();
        // Its failure is seen before the second speaks.
        crate::support::until("the failure", async || {
            let backends = pair.app.state.gateway.backends();
            (backends[0].sums.failed == 1).then_some(())
        })
        .await;
        hold_second.release();
    });
    assert_eq!(reply.header("x-provider"), "second");
    // The second fails while the first is thinking.
    let (slow, hold_first) = Answer::events(events(CHAT, "up-first")).held();
    pair.first.then(slow);
    pair.second.then(Answer::error(500, "{}"));
    let (reply, ()) = tokio::join!(pair.ask(), async {
        crate::support::until("the failure", async || {
            let backends = pair.app.state.gateway.backends();
            (backends[1].sums.failed == 1).then_some(())
        })
        .await;
        hold_first.release();
    });
    assert_eq!(reply.header("x-provider"), "first");
    let rows = pair.app.ledger().wait_for(22).await;
    assert!(
        rows.iter().all(|row| row.outcome == "completed"),
        "a failure before the first content costs nothing"
    );
}

#[tokio::test]
async fn who_goes_away_pays_for_both_and_needless_calls_keep_to_their_share() {
    let pair = Pair::warm(MEMBERS).await;
    let (silent_first, mut first_hold) = Answer::events(events(CHAT, "up-first")).held();
    let (silent_second, mut second_hold) = Answer::events(events(CHAT, "up-second")).held();
    pair.first.then(silent_first);
    pair.second.then(silent_second);
    let request = pair.app.chat(&pair.user.key, ask_stream("team"));
    let gone = tokio::spawn(request.send());
    pair.second.arrivals(1).await;
    gone.abort();
    first_hold.cancelled().await;
    second_hold.cancelled().await;
    let rows = pair.app.ledger().wait_for(22).await;
    let outcomes: Vec<&str> = rows[20..].iter().map(|row| row.outcome.as_str()).collect();
    assert_eq!(outcomes, ["abandoned", "client_disconnected"]);
    assert!(rows[20..].iter().all(|row| row.cost_nano > Some(0)));

    let pair = Pair::warm("groups:\n  - { name: team, hedge: { max_share: 2, at_least: 50ms }, members: [{ backend: first, model: up-first }, { backend: second, model: up-second }] }\n").await;
    let mut seconds = 0;
    for _ in 0..8 {
        let (slow, hold) = Answer::events(events(CHAT, "up-first")).held();
        pair.first.then(slow);
        let arrived = pair.first.received().len() + 1;
        let (reply, ()) = tokio::join!(pair.ask(), async {
            pair.first.arrivals(arrived).await;
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            hold.release();
        });
        seconds += usize::from(reply.header("x-provider") == "second");
    }
    assert!((1..8).contains(&seconds), "{seconds}");
    let rows = pair.app.ledger().rows().await;
    let sum = |outcome: &str| -> i64 {
        let of = rows.iter().filter(|row| row.outcome == outcome);
        of.filter_map(|row| row.cost_nano).sum()
    };
    assert!(
        sum("abandoned") * 100 <= sum("completed") * 2,
        "{} of {}",
        sum("abandoned"),
        sum("completed")
    );
}
