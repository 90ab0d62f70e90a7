use control::{ControlError, LogAccess};
use domain::{
    NanoUsd, RequestId, Timestamp,
    request_log::{LogQuery, LogResult},
    usage_report::{BucketSize, RangeChoice, UsageGroup, UsageQuery},
};

use crate::fixture::{Fixture, at};

fn last(named: &str) -> RangeChoice {
    RangeChoice {
        named: Some(named.to_owned()),
        ..RangeChoice::default()
    }
}

#[tokio::test]
async fn buckets_lines_series_and_the_export_all_add_up_to_the_total() {
    for zone in ["UTC", "Europe/Paris", "Asia/Kolkata"] {
        let f = Fixture::empty(zone, "2026-11-20T12:00:00Z").await;
        let (ada, bob) = (f.user("ada").await, f.user("bob").await);
        for (user, when, nano) in [
            (Some(ada), "2026-11-20T00:10:00Z", 1),
            (Some(bob), "2026-11-20T11:59:00Z", 20),
            (None, "2026-11-19T18:29:59Z", 300),
            (Some(ada), "2026-11-19T18:30:00Z", 4_000),
            (Some(ada), "2026-11-14T23:30:00Z", 50_000),
            (Some(ada), "2026-10-01T00:00:00Z", 600_000),
        ] {
            f.spend(user, None, when, nano).await;
        }
        for (range, bucket) in [
            ("today", BucketSize::Hour),
            ("24h", BucketSize::Hour),
            ("7d", BucketSize::Hour),
            ("7d", BucketSize::Day),
            ("month", BucketSize::Day),
            ("year", BucketSize::Month),
            ("all", BucketSize::Month),
        ] {
            for group in UsageGroup::ALL {
                let query = UsageQuery {
                    range: last(range),
                    bucket: Some(bucket),
                    group: *group,
                    user: None,
                };
                let report = f.control.usage_report(&f.admin, &query).await;
                let report = report.expect("a report");
                let whole = report.total.cost;
                let buckets: NanoUsd = report.buckets.iter().map(|b| b.totals.cost).sum();
                let lines: NanoUsd = report.lines.iter().map(|l| l.totals.cost).sum();
                let series = report.series.iter().flat_map(|s| &s.buckets);
                let series: NanoUsd = series.map(|totals| totals.cost).sum();
                let export = f.control.usage_export(&f.admin, &query).await;
                let export = export.expect("an export");
                let export: NanoUsd = export.iter().map(|row| row.totals.cost).sum();
                let what = format!("{zone} {range} {bucket:?} {group:?}");
                assert_eq!([buckets, lines, series, export], [whole; 4], "{what}");
                assert!(report.total.requests > 0, "{what}");
            }
        }
        let all = UsageQuery {
            range: last("all"),
            ..UsageQuery::default()
        };
        let report = f.control.usage_report(&f.admin, &all).await;
        assert_eq!(report.expect("a report").total.cost, NanoUsd(654_321));
    }
}

#[tokio::test]
async fn minutes_are_exact_and_have_the_hours_times() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.spend(Some(ada), None, "2026-11-20T11:58:59Z", 1).await;
    f.spend(Some(ada), None, "2026-11-20T11:59:00Z", 20).await;
    let query = UsageQuery {
        range: last("1h"),
        bucket: Some(BucketSize::Minute),
        ..UsageQuery::default()
    };
    let report = f.control.usage_report(&f.admin, &query).await;
    let report = report.expect("a report");
    assert_eq!(report.buckets.len(), 60);
    let busy: Vec<(&str, i64)> = report
        .buckets
        .iter()
        .filter(|b| b.totals.requests > 0)
        .map(|b| (b.label.as_str(), b.totals.cost.0))
        .collect();
    assert_eq!(busy, [("2026-11-20 11:58", 1), ("2026-11-20 11:59", 20)]);
    assert!(report.latency.p50_ms.is_some());
}

#[tokio::test]
async fn a_users_report_and_log_have_nothing_of_others_whoever_they_name() {
    let f = Fixture::new().await;
    let (ada, bob) = (f.user("ada").await, f.user("bob").await);
    f.spend(Some(ada), None, "2026-11-20T10:00:00Z", 1).await;
    f.spend(Some(bob), None, "2026-11-20T10:00:00Z", 20).await;
    let principal = f.sign_in("ada").await;
    let query = UsageQuery {
        user: Some(bob.0),
        group: UsageGroup::User,
        ..UsageQuery::default()
    };
    let mine = f.control.my_usage_report(&principal, &query).await;
    let mine = mine.expect("a report");
    assert_eq!(mine.total.cost, NanoUsd(1));
    assert_eq!(mine.lines.len(), 1);
    let mine = f.control.my_usage_export(&principal, &query).await;
    assert_eq!(mine.expect("an export").len(), 1);

    let own = LogAccess::own(&principal).expect("a user");
    let all = LogAccess::from(&f.admin);
    let everything = f.control.log(all, &LogQuery::default()).await;
    let everything = everything.expect("a log");
    assert_eq!((everything.rows.len(), everything.total), (2, Some(2)));
    let of = |name: &str| {
        let found = everything.rows.iter();
        let mut found = found.filter(|row| row.user.as_deref() == Some(name));
        found.next().map(|row| row.request_id).expect("a request")
    };
    let (adas, bobs) = (of("ada"), of("bob"));
    for query in [
        LogQuery::default(),
        LogQuery {
            user: Some(bob.0),
            ..LogQuery::default()
        },
    ] {
        let log = f.control.log(own, &query).await.expect("a log");
        let ids: Vec<RequestId> = log.rows.iter().map(|row| row.request_id).collect();
        assert_eq!((ids, log.total), (vec![adas], Some(1)));
        assert!(log.choices.users.is_empty() && log.choices.backends.is_empty());
        let (rows, _) = f.control.log_export(own, &query).await.expect("rows");
        assert_eq!(rows.len(), 1);
        let tail = f.control.log_tail(own, &query, 0).await.expect("a tail");
        assert_eq!(tail.len(), 1);
    }
    let pasted = LogQuery {
        search: Some(bobs.to_string()),
        ..LogQuery::default()
    };
    let log = f.control.log(own, &pasted).await.expect("a log");
    assert!(log.rows.is_empty());
    assert_eq!(
        f.control.log(all, &pasted).await.expect("a log").rows.len(),
        1
    );
    let detail = f.control.logged_request(own, bobs).await;
    assert!(matches!(detail, Err(ControlError::NotFound)));
    let detail = f.control.logged_request(own, adas).await.expect("own");
    assert_eq!(detail.calls.len(), 1);
    assert!(f.control.logged_request(all, bobs).await.is_ok());
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_and_without_a_row_twice() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    for minute in 0..120 {
        // Several in the same millisecond.
        let when = format!("2026-11-20T10:{:02}:00Z", minute / 3);
        f.spend(Some(ada), None, &when, 1).await;
    }
    let access = LogAccess::from(&f.admin);
    for query in [
        LogQuery::default(),
        LogQuery {
            user: Some(ada.0),
            result: LogResult::Status(200),
            ..LogQuery::default()
        },
    ] {
        let mut query = query;
        let mut seen = Vec::new();
        loop {
            let log = f.control.log(access, &query).await.expect("a page");
            assert!(log.rows.len() <= 50);
            seen.extend(log.rows.iter().map(|row| row.request_id));
            assert!(!log.partial);
            match log.next {
                Some(next) => query.before = Some(next),
                None => break,
            }
        }
        let mut distinct = seen.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!((seen.len(), distinct.len()), (120, 120));
    }
    // A day ago there was nothing.
    let before = LogQuery {
        range: RangeChoice {
            since: Some(Timestamp(0)),
            until: Some(at("2026-11-20T00:00:00Z")),
            ..RangeChoice::default()
        },
        ..LogQuery::default()
    };
    let log = f.control.log(access, &before).await.expect("a page");
    assert_eq!((log.rows.len(), log.total), (0, Some(0)));
}
