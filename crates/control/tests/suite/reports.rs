use domain::{BudgetLimits, NanoUsd, budget::BudgetPeriod, report::ReportRange};

use crate::fixture::{Fixture, at};

#[tokio::test]
async fn an_overview_adds_up_and_a_users_own_has_nothing_of_others() {
    let f = Fixture::new().await;
    let (ada, bob) = (f.user("ada").await, f.user("bob").await);
    f.spend(Some(ada), None, "2026-11-20T00:10:00Z", 1).await;
    f.spend(Some(bob), None, "2026-11-20T11:59:00Z", 20).await;
    f.spend(None, None, "2026-11-20T12:00:00Z", 300).await;
    f.spend(Some(ada), None, "2026-11-19T12:00:00Z", 4_000)
        .await;

    let all = f.control.overview(&f.admin).await.expect("an overview");
    assert_eq!(all.time_zone, "UTC");
    assert_eq!((all.today.cost, all.today.requests), (NanoUsd(321), 3));
    assert_eq!(all.this_month.cost, NanoUsd(4_321));
    assert_eq!(all.by_hour.len(), 13, "up to the present hour");
    let hours: NanoUsd = all.by_hour.iter().map(|hour| hour.totals.cost).sum();
    assert_eq!(hours, all.today.cost);
    assert_eq!(all.by_hour[11].label, "11:00");
    assert_eq!(all.by_hour[11].totals.cost, NanoUsd(20));
    let models: NanoUsd = all.by_model.iter().map(|model| model.totals.cost).sum();
    assert_eq!(models, all.this_month.cost);
    assert_eq!(all.latest.len(), 4);
    assert_eq!(all.latest[0].user, None);
    assert_eq!(all.latest[1].started_at_local, "2026-11-20 11:59:00");

    let own = f.control.my_overview(&f.sign_in("ada").await).await;
    let own = own.expect("an overview");
    assert_eq!(own.overview.today.cost, NanoUsd(1));
    assert_eq!(own.overview.this_month.cost, NanoUsd(4_001));
    assert!(
        own.overview
            .latest
            .iter()
            .all(|r| r.user.as_deref() == Some("ada"))
    );
    assert_eq!(own.overview.latest.len(), 2);
    assert_eq!(own.budget.monthly_spend, NanoUsd(4_001));
}

#[tokio::test]
async fn hours_of_a_zone_with_half_hours_add_up_to_its_day() {
    let f = Fixture::empty("Asia/Kolkata", "2026-11-20T18:29:59Z").await;
    let ada = f.user("ada").await;
    for (when, nano) in [
        ("2026-11-19T18:29:59Z", 1),
        ("2026-11-19T18:30:00Z", 20),
        ("2026-11-20T09:15:00Z", 300),
        ("2026-11-20T09:45:00Z", 4_000),
        ("2026-11-20T18:29:00Z", 50_000),
    ] {
        f.spend(Some(ada), None, when, nano).await;
    }
    let overview = f.control.overview(&f.admin).await.expect("an overview");
    assert_eq!(overview.today.cost, NanoUsd(54_320));
    let busy: Vec<(&str, i64)> = overview
        .by_hour
        .iter()
        .filter(|hour| hour.totals.requests > 0)
        .map(|hour| (hour.label.as_str(), hour.totals.cost.0))
        .collect();
    assert_eq!(
        busy,
        [
            ("00:00", 20),
            ("14:00", 300),
            ("15:00", 4_000),
            ("23:00", 50_000)
        ]
    );
    assert_eq!(overview.by_hour.len(), 24);
}

#[tokio::test]
async fn histories_name_days_and_months_of_the_zone_and_know_no_resets() {
    let f = Fixture::empty("Europe/Paris", "2026-11-20T12:00:00Z").await;
    let ada = f.user("ada").await;
    let budget = BudgetLimits {
        daily: NanoUsd(7),
        monthly: NanoUsd(70),
        ..BudgetLimits::default()
    };
    let set = f.control.update_budget(&f.admin, ada, budget).await;
    set.expect("set");
    // Half past midnight on the first of November in Paris.
    f.spend(Some(ada), None, "2026-10-31T23:30:00Z", 5).await;
    f.spend(Some(ada), None, "2026-10-31T22:30:00Z", 60).await;
    let whose = domain::BudgetScope::User(ada);
    let reset = f
        .control
        .reset_budget(&f.admin, whose, BudgetPeriod::Monthly);
    reset.await.expect("reset");

    let me = f.sign_in("ada").await;
    let months = f.control.my_monthly_history(&me).await.expect("months");
    assert_eq!(months.len(), 12);
    let figures: Vec<(&str, i64)> = months[..3]
        .iter()
        .map(|month| (month.label.as_str(), month.spend.0))
        .collect();
    assert_eq!(figures, [("2026-11", 5), ("2026-10", 60), ("2026-09", 0)]);
    assert_eq!(months[0].budget, NanoUsd(70));
    let days = f.control.my_daily_history(&me).await.expect("days");
    assert_eq!(days.len(), 30);
    assert_eq!(
        (days[0].label.as_str(), days[0].budget),
        ("2026-11-20", NanoUsd(7))
    );
    let first = days.iter().find(|day| day.label == "2026-11-01");
    assert_eq!(first.map(|day| day.spend), Some(NanoUsd(5)));

    let all = f.control.monthly_history(&f.admin).await.expect("months");
    let all: Vec<(&str, Option<&str>, i64, i64)> = all
        .iter()
        .map(|row| {
            let user = row.user.as_deref();
            (row.month.as_str(), user, row.budget.0, row.spend.0)
        })
        .collect();
    assert_eq!(
        all,
        [
            ("2026-11", Some("ada"), 70, 5),
            ("2026-10", Some("ada"), 70, 60)
        ]
    );
}

#[tokio::test]
async fn usage_by_user_and_model_covers_the_range_that_was_asked_for() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.spend(Some(ada), None, "2024-01-01T00:00:00Z", 100).await;
    f.spend(Some(ada), None, "2026-11-01T00:00:00Z", 20).await;
    f.spend(Some(ada), None, "2026-11-20T00:00:00Z", 3).await;
    let cost = async |range| {
        let rows = f.control.usage_by_user_and_model(&f.admin, range).await;
        let rows = rows.expect("rows");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].user.as_deref(), Some("ada"));
        (rows[0].model.clone(), rows[0].totals.cost.0)
    };
    assert_eq!(cost(ReportRange::Today).await, ("claude".to_owned(), 3));
    assert_eq!(cost(ReportRange::ThisMonth).await.1, 23);
    assert_eq!(cost(ReportRange::AllTime).await.1, 123);
    let me = f.sign_in("ada").await;
    let usage = f.control.my_usage(&me, BudgetPeriod::Monthly).await;
    assert_eq!(usage.expect("usage")[0].totals.cost, NanoUsd(23));
}

#[tokio::test]
async fn a_request_is_found_by_id_with_its_local_time() {
    let f = Fixture::empty("Europe/Paris", "2026-11-20T12:00:00Z").await;
    f.spend(None, None, "2026-11-20T11:00:01Z", 1).await;
    let overview = f.control.overview(&f.admin).await.expect("an overview");
    let id = overview.latest[0].request_id;
    let found = f.control.find_request(&f.admin, id).await.expect("read");
    let found = found.expect("a request");
    assert_eq!(found.started_at, at("2026-11-20T11:00:01Z"));
    assert_eq!(found.started_at_local, "2026-11-20 12:00:01");
    let other = f.control.find_request(&f.admin, domain::RequestId(2)).await;
    assert_eq!(other.expect("read"), None);
}
