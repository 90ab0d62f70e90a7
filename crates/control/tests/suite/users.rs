use domain::{
    BudgetLimits, BudgetScope, NanoUsd, UserId, account::UserQuery, budget::BudgetPeriod,
};

use crate::fixture::{Fixture, PASSWORD, new_user, refusal};

#[tokio::test]
async fn a_user_comes_with_a_password_and_a_key_where_asked() {
    let f = Fixture::new().await;
    f.changes();
    let mut input = new_user(" ada ");
    input.password = None;
    input.with_key = true;
    input.email = Some(" ada@example.org ".to_owned());
    let created = f
        .control
        .create_user(&f.admin, input)
        .await
        .expect("a user");
    assert_eq!(f.changes(), 1, "the gateway hears of user and key at once");
    assert_eq!(created.user.name, "ada");
    assert_eq!(created.user.email.as_deref(), Some("ada@example.org"));
    let key = created.key.expect("a key");
    assert!(key.secret.reveal().starts_with("sk-lr-"));
    let password = created.generated_password.expect("a password");
    let signed_in = f.control.sign_in("ada", password.reveal().into()).await;
    assert!(
        signed_in
            .expect("signed in")
            .principal
            .must_change_password()
    );
    let listed = f.control.get_user(&f.admin, created.user.id).await;
    assert_eq!(listed.expect("the user").keys, 1);
}

#[tokio::test]
async fn what_cannot_be_a_user_is_refused_at_its_field() {
    let f = Fixture::new().await;
    f.user("ada").await;
    let create = async |change: &dyn Fn(&mut control::NewUserInput)| {
        let mut input = new_user("bob");
        change(&mut input);
        refusal(f.control.create_user(&f.admin, input).await)
    };
    assert_eq!(create(&|i| i.name = String::new()).await, "Name Empty");
    assert_eq!(
        create(&|i| i.name = "ADA".to_owned()).await,
        "UserNameTaken"
    );
    assert_eq!(
        create(&|i| i.name = "Environment".to_owned()).await,
        "Name Reserved"
    );
    assert_eq!(
        create(&|i| i.email = Some("ada".to_owned())).await,
        "Email NotAnAddress"
    );
    assert_eq!(
        create(&|i| i.password = Some("1234567".into())).await,
        "Password TooShort(8)"
    );
    assert_eq!(
        create(&|i| i.budget.daily = NanoUsd(-1)).await,
        "DailyBudget Negative"
    );
    let query = UserQuery::default();
    let users = f
        .control
        .list_users(&f.admin, &query)
        .await
        .expect("a page");
    assert_eq!(users.total, 2, "nothing was created on the way");
}

#[tokio::test]
async fn spend_is_listed_after_resets_and_the_bill_stays() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.spend(Some(ada), None, "2026-11-01T00:00:00Z", 1_000)
        .await;
    f.spend(Some(ada), None, "2026-11-20T00:00:00Z", 20).await;
    f.spend(Some(ada), None, "2026-10-31T23:59:59Z", 50_000)
        .await;
    let spent = async || {
        let query = UserQuery {
            search: "ada".to_owned(),
            ..UserQuery::default()
        };
        let page = f
            .control
            .list_users(&f.admin, &query)
            .await
            .expect("a page");
        (page.rows[0].spent_today.0, page.rows[0].spent_this_month.0)
    };
    assert_eq!(spent().await, (20, 1_020));
    f.changes();
    let whose = BudgetScope::User(ada);
    let reset = f.control.reset_budget(&f.admin, whose, BudgetPeriod::Daily);
    reset.await.expect("reset");
    assert_eq!(f.changes(), 1);
    assert_eq!(spent().await, (0, 1_020));
    f.spend(Some(ada), None, "2026-11-20T11:00:00Z", 3).await;
    assert_eq!(spent().await, (3, 1_023));
    let bill = f.control.overview(&f.admin).await.expect("an overview");
    assert_eq!(bill.today.cost, NanoUsd(23));
    // The next day starts from nothing, and yesterday's reset is over.
    f.clock.advance_ms(86_400_000);
    assert_eq!(spent().await, (0, 1_023));
}

#[tokio::test]
async fn a_budget_status_says_what_is_left_and_when_it_begins_anew() {
    let f = Fixture::empty("Asia/Kolkata", "2026-11-20T12:00:00Z").await;
    let ada = f.user("ada").await;
    let budget = BudgetLimits {
        daily: NanoUsd(100),
        ..BudgetLimits::default()
    };
    let set = f.control.update_budget(&f.admin, ada, budget).await;
    set.expect("set");
    f.spend(Some(ada), None, "2026-11-19T18:29:59Z", 40).await;
    f.spend(Some(ada), None, "2026-11-19T18:30:00Z", 30).await;
    let status = f
        .control
        .user_budget(&f.admin, ada)
        .await
        .expect("a status");
    assert_eq!(status.daily_spend, NanoUsd(30));
    assert_eq!(status.daily_remaining, Some(NanoUsd(70)));
    assert_eq!(status.daily_resets_at_local, "2026-11-21 00:00");
    assert_eq!(status.monthly_spend, NanoUsd(70));
    assert_eq!(status.monthly_remaining, None);
    assert_eq!(status.monthly_resets_at_local, "2026-12-01 00:00");
    f.spend(Some(ada), None, "2026-11-20T12:00:00Z", 900).await;
    let status = f.control.my_budget(&f.sign_in("ada").await).await;
    assert_eq!(
        status.expect("a status").daily_remaining,
        Some(NanoUsd::ZERO)
    );
}

#[tokio::test]
async fn a_reset_password_replaces_the_old_one_and_ends_sessions() {
    let f = Fixture::new().await;
    let id = f.user("ada").await;
    let old = f.control.sign_in("ada", PASSWORD.into()).await;
    let old = old.expect("signed in");
    let new = f.control.reset_password(&f.admin, id).await.expect("reset");
    let resumed = f.control.resume(id, old.credential_version).await;
    assert_eq!(resumed.expect("read"), None);
    let with_old = f.control.sign_in("ada", PASSWORD.into()).await;
    assert_eq!(refusal(with_old), "WrongPassword");
    let signed_in = f.control.sign_in("ada", new.reveal().into()).await;
    assert!(
        signed_in
            .expect("signed in")
            .principal
            .must_change_password()
    );
}

#[tokio::test]
async fn users_who_do_not_exist_are_not_found() {
    let f = Fixture::new().await;
    let nobody = UserId(99);
    let (c, a) = (&f.control, &f.admin);
    f.changes();
    let expected = "NotFound";
    assert_eq!(refusal(c.get_user(a, nobody).await), expected);
    assert_eq!(refusal(c.set_user_active(a, nobody, false).await), expected);
    assert_eq!(refusal(c.delete_user(a, nobody).await), expected);
    assert_eq!(refusal(c.reset_password(a, nobody).await), expected);
    let budget = BudgetLimits::default();
    assert_eq!(refusal(c.update_budget(a, nobody, budget).await), expected);
    let reset = c
        .reset_budget(a, BudgetScope::User(nobody), BudgetPeriod::Monthly)
        .await;
    assert_eq!(refusal(reset), expected);
    let key = c.create_key(a, nobody, crate::fixture::labelled("k")).await;
    assert_eq!(refusal(key), expected);
    assert_eq!(f.changes(), 0);
}
