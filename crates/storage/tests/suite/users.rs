use domain::{
    BudgetLimits, NanoUsd, Role, Timestamp, UserId,
    account::{UserQuery, UserSort},
};
use storage::{Constraint, StorageError};

use crate::fixture::{Fixture, new_key};

fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> Constraint {
    match result {
        Err(StorageError::Conflict { what }) => what,
        other => panic!("no conflict but {other:?}"),
    }
}

#[tokio::test]
async fn a_user_reads_back_as_created() {
    let f = Fixture::new().await;
    let ada = f.user("Ada").await;
    assert_eq!(
        f.db.find_user(ada.id).await.expect("read"),
        Some(ada.clone())
    );
    let by_name = f.db.find_user_by_name("aDA").await.expect("read");
    assert_eq!(by_name, Some(ada), "names have no case");
    assert_eq!(f.db.find_user(UserId(99)).await.expect("read"), None);
}

#[tokio::test]
async fn a_name_is_taken_once_whatever_its_case() {
    let f = Fixture::new().await;
    f.user("ada").await;
    let bob = f.user("bob").await;
    let again =
        f.db.update_profile(bob.id, "ADA", None, Role::User, Timestamp(2))
            .await;
    assert_eq!(conflict(again), Constraint::UserName);
}

#[tokio::test]
async fn passwords_and_disabling_end_what_was_signed_in_before() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let version = async || {
        let state = f.db.credential_state(ada.id).await.expect("read");
        state.expect("a user").1
    };
    assert_eq!(version().await, 0);
    let changed = f.db.set_password(ada.id, "$new", true, Timestamp(2)).await;
    assert_eq!(changed.expect("changed"), Some(1));
    let record =
        f.db.password_of("ada")
            .await
            .expect("read")
            .expect("a user");
    assert_eq!(record.password_hash.as_deref(), Some("$new"));
    assert!(record.user.must_change_password);
    f.db.set_user_active(ada.id, false, Timestamp(3))
        .await
        .expect("disabled");
    assert_eq!(version().await, 2);
    f.db.set_user_active(ada.id, true, Timestamp(4))
        .await
        .expect("enabled");
    assert_eq!(version().await, 2, "enabling revives nothing");
}

#[tokio::test]
async fn the_last_active_admin_stays() {
    let f = Fixture::new().await;
    let first = f.user_with_role("first", Role::Admin).await;
    let second = f.user_with_role("second", Role::Admin).await;
    f.db.set_user_active(second.id, false, Timestamp(2))
        .await
        .expect("one remains");
    let db = &f.db;
    let now = Timestamp(3);
    assert_eq!(
        conflict(db.delete_user(first.id).await),
        Constraint::LastAdmin
    );
    let disabled = db.set_user_active(first.id, false, now).await;
    assert_eq!(conflict(disabled), Constraint::LastAdmin);
    let demoted = db
        .update_profile(first.id, "first", None, Role::User, now)
        .await;
    assert_eq!(conflict(demoted), Constraint::LastAdmin);
    assert_eq!(db.count_admins().await.expect("read"), 1);
    assert_eq!(db.first_admin().await.expect("read"), Some(first.id));

    db.set_user_active(second.id, true, now)
        .await
        .expect("back");
    assert!(db.delete_user(first.id).await.expect("deleted"));
    assert!(!db.delete_user(first.id).await.expect("gone already"));
}

#[tokio::test]
async fn deleting_a_user_takes_their_keys_along() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let key =
        f.db.create_key(&new_key(ada.id, "k"), Timestamp(1))
            .await
            .expect("a key");
    assert!(f.db.delete_user(ada.id).await.expect("deleted"));
    assert_eq!(f.db.find_key(key.id).await.expect("read"), None);
    let orphan = f.db.create_key(&new_key(ada.id, "k"), Timestamp(1)).await;
    assert_eq!(conflict(orphan), Constraint::Reference);
}

#[tokio::test]
async fn search_and_pages_reach_all_users_and_take_wildcards_literally() {
    let f = Fixture::new().await;
    for name in ["carol", "Ada", "bob", "a%b"] {
        f.user(name).await;
    }
    let list = async |search: &str, sort, page, per_page| {
        let query = UserQuery {
            search: search.to_owned(),
            sort,
            page,
            per_page,
        };
        let page = f.db.list_users(&query).await.expect("a page");
        let names: Vec<String> = page.rows.into_iter().map(|user| user.name).collect();
        (names.join(" "), page.total)
    };
    assert_eq!(
        list("", UserSort::Name, 0, 0).await,
        ("a%b Ada bob carol".to_owned(), 4)
    );
    assert_eq!(
        list("", UserSort::Name, 2, 3).await,
        ("carol".to_owned(), 4)
    );
    assert_eq!(
        list("A", UserSort::Newest, 1, 2).await,
        ("a%b Ada".to_owned(), 3)
    );
    assert_eq!(
        list("%", UserSort::Oldest, 1, 9).await,
        ("a%b".to_owned(), 1)
    );
    assert_eq!(list("_", UserSort::Oldest, 1, 9).await, (String::new(), 0));
}

#[tokio::test]
async fn budgets_are_set_and_never_negative() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let budget = |daily| BudgetLimits {
        daily: NanoUsd(daily),
        monthly: NanoUsd(7),
        soft_daily: NanoUsd(daily / 2),
        soft_monthly: NanoUsd(6),
    };
    let now = Timestamp(2);
    let set = f.db.update_budget(ada.id, budget(5), now).await;
    assert!(set.expect("set"));
    let read = f.db.find_user(ada.id).await.expect("read").expect("a user");
    assert_eq!(read.budget, budget(5));
    assert!(f.db.update_budget(ada.id, budget(-1), now).await.is_err());
    let nobody = f.db.update_budget(UserId(99), budget(5), now).await;
    assert!(!nobody.expect("nobody there"));
}
