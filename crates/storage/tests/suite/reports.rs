use domain::{KeyOwner, LedgerRow, NanoUsd, Outcome, Timestamp, period::Period, report::Totals};
use storage::BackendRecord;

use crate::fixture::{Fixture, new_key, request_id, row};

const HOUR: i64 = 3_600_000;

fn period(start: i64, end: i64) -> Period {
    Period {
        start: Timestamp(start),
        end: Timestamp(end),
    }
}

#[tokio::test]
async fn totals_count_errors_and_unpriced_requests_alike_from_rows_and_rollups() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let failed = LedgerRow {
        outcome: Outcome::UpstreamError,
        status: 502,
        ..row(Some(ada.id), Timestamp(HOUR + 1), Some(0))
    };
    let unpriced = row(None, Timestamp(2 * HOUR - 1), None);
    let good = row(Some(ada.id), Timestamp(HOUR), Some(40));
    f.settle([failed, unpriced, good]).await;

    // From the rollup of the hour, and from the rows of half an hour before and after it.
    let spans = [
        period(HOUR, 2 * HOUR),
        period(HOUR / 2, 2 * HOUR + HOUR / 2),
        period(HOUR, HOUR + 2),
        period(HOUR + 2, 2 * HOUR - 1),
    ];
    let totals = f.db.totals(&spans, None).await.expect("totals");
    assert_eq!(
        (totals[0].requests, totals[0].errors, totals[0].unpriced),
        (3, 1, 1)
    );
    assert_eq!(totals[0].cost, NanoUsd(40));
    assert_eq!(totals[0].usage.input, 40);
    assert_eq!(totals[1], totals[0]);
    assert_eq!(
        (totals[2].requests, totals[2].errors, totals[2].unpriced),
        (2, 1, 0)
    );
    assert_eq!(totals[3], Totals::default());

    let own =
        f.db.totals(&spans[..1], Some(ada.id))
            .await
            .expect("totals");
    assert_eq!((own[0].requests, own[0].unpriced), (2, 0));
}

#[tokio::test]
async fn groups_are_listed_with_the_dearest_first() {
    let f = Fixture::new().await;
    let (ada, bob) = (f.user("ada").await, f.user("bob").await);
    let of = |user, model: &str, nano| LedgerRow {
        request_model: model.to_owned(),
        ..row(user, Timestamp(5), Some(nano))
    };
    f.settle([
        of(Some(ada.id), "small", 1),
        of(Some(ada.id), "large", 50),
        of(Some(bob.id), "small", 2),
        of(None, "small", 3),
    ])
    .await;
    assert!(f.db.delete_user(bob.id).await.expect("deleted"));
    let hour = period(0, HOUR);

    let models = f.db.totals_by_model(hour, None).await.expect("models");
    let models: Vec<(&str, i64)> = models
        .iter()
        .map(|row| (row.name.as_str(), row.totals.cost.0))
        .collect();
    assert_eq!(models, [("large", 50), ("small", 6)]);

    let rows = f.db.totals_by_user_and_model(hour).await.expect("rows");
    let rows: Vec<(Option<&str>, Option<_>, i64)> = rows
        .iter()
        .map(|row| (row.user.as_deref(), row.user_id, row.totals.cost.0))
        .collect();
    assert_eq!(
        rows,
        [
            (Some("ada"), Some(ada.id), 50),
            (None, None, 3),
            (None, Some(bob.id), 2),
            (Some("ada"), Some(ada.id), 1),
        ]
    );
    let spends = f.db.spend_by_owner(&[hour]).await.expect("spends");
    let mut spends = spends[0].clone();
    spends.sort_by_key(|(_, nano)| *nano);
    assert_eq!(
        spends,
        [
            (Some(KeyOwner::User(bob.id)), NanoUsd(2)),
            (None, NanoUsd(3)),
            (Some(KeyOwner::User(ada.id)), NanoUsd(51)),
        ]
    );
}

#[tokio::test]
async fn the_log_has_names_and_the_newest_first() {
    let f = Fixture::new().await;
    let (ada, bob) = (f.user("ada").await, f.user("bob").await);
    let key =
        f.db.create_key(&new_key(ada.id, "laptop"), Timestamp(1))
            .await
            .expect("a key");
    let backend = BackendRecord {
        name: "demo".to_owned(),
        kind: "demo".to_owned(),
        base_url: None,
        deployments: vec![],
    };
    let backends = f.db.sync_backends(&[backend], Timestamp(1)).await;
    let backend = backends.expect("synced")[0].id;
    let first = LedgerRow {
        key_id: Some(key.id),
        backend_id: Some(backend),
        ..row(Some(ada.id), Timestamp(10), Some(1))
    };
    let others = (11..=15).map(|at| row(Some(bob.id), Timestamp(at), None));
    f.settle(others).await;
    f.settle([first.clone()]).await;

    let latest = f.db.latest_requests(3, None).await.expect("rows");
    let times: Vec<i64> = latest.iter().map(|r| r.row.started_at.0).collect();
    assert_eq!(times, [15, 14, 13]);
    let own = f.db.latest_requests(3, Some(ada.id)).await.expect("rows");
    assert_eq!(own.len(), 1);
    assert_eq!(own[0].row, first);
    assert_eq!(own[0].owner.as_deref(), Some("ada"));
    assert_eq!(own[0].key_label.as_deref(), Some("laptop"));
    assert_eq!(own[0].backend.as_deref(), Some("demo"));
}

#[tokio::test]
async fn a_request_is_found_by_its_id_alone() {
    let f = Fixture::new().await;
    let at = Timestamp(1_795_000_000_123);
    let wanted = row(None, at, Some(1));
    // The same moment, another request; and a start somewhat after the id was made.
    let late = LedgerRow {
        started_at: Timestamp(at.0 + 900),
        ..row(None, at, Some(2))
    };
    f.settle([row(None, at, Some(3)), wanted.clone(), late.clone()])
        .await;
    for expected in [wanted, late] {
        let found = f.db.find_request(expected.request_id).await;
        assert_eq!(found.expect("read").map(|r| r.row), Some(expected));
    }
    let unknown = f.db.find_request(request_id(at)).await.expect("read");
    assert_eq!(unknown, None);
}
