use domain::{
    BudgetLimits, KeyId, KeyOwner, NanoUsd, RateLimits, Timestamp,
    account::{KeyAccess, KeyQuery, NewKeyInput},
};
use storage::{Constraint, KeySource, NewKey, StorageError};

use crate::fixture::{Fixture, new_key};

#[tokio::test]
async fn a_key_is_found_by_its_hash_with_all_that_was_chosen() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let chosen = NewKeyInput {
        label: "laptop".to_owned(),
        expires_at: Some(Timestamp(9)),
        limits: RateLimits {
            requests_per_minute: 60,
            tokens_per_minute: 1_000_000_000_000,
            parallel: 3,
        },
        budget: BudgetLimits {
            daily: NanoUsd(1),
            monthly: NanoUsd(2),
            soft_daily: NanoUsd(3),
            soft_monthly: NanoUsd(4),
        },
        access: KeyAccess {
            models: list(&["gpt-4o", "a\"b"]),
            backends: list(&["main"]),
            addresses: list(&["203.0.113.0/24"]),
        },
        tags: list(&["ci", "nightly"]),
    };
    let new = NewKey {
        chosen: chosen.clone(),
        ..new_key(ada.id, "laptop")
    };
    let key = f.db.create_key(&new, Timestamp(5)).await.expect("a key");
    let read = NewKeyInput {
        label: key.label.clone(),
        expires_at: key.expires_at,
        limits: key.limits,
        budget: key.budget,
        access: key.access.clone(),
        tags: key.tags.clone(),
    };
    assert_eq!((key.owner, read), (KeyOwner::User(ada.id), chosen));
    let found = f.db.find_key_by_hash(&new.secret.hash).await.expect("read");
    assert_eq!(found, Some(key));
    assert_eq!(f.db.find_key_by_hash(&[7; 32]).await.expect("read"), None);
    assert!(matches!(
        f.db.create_key(&new, Timestamp(6)).await,
        Err(StorageError::Conflict {
            what: Constraint::KeyHash
        })
    ));
}

#[tokio::test]
async fn lists_search_labels_and_owners_of_one_user_or_all() {
    let f = Fixture::new().await;
    let (ada, bob) = (f.user("ada").await, f.user("bob").await);
    for (user, label) in [(ada.id, "laptop"), (ada.id, "server"), (bob.id, "ci")] {
        f.db.create_key(&new_key(user, label), Timestamp(1))
            .await
            .expect("a key");
    }
    let list = async |search: &str, user_id| {
        let query = KeyQuery {
            search: search.to_owned(),
            user_id,
            ..KeyQuery::default()
        };
        let page = f.db.list_keys(&query, Timestamp(2)).await.expect("a page");
        let rows: Vec<String> = page
            .rows
            .iter()
            .map(|row| format!("{}/{}", row.owner, row.key.label))
            .collect();
        assert_eq!(rows.len(), usize::try_from(page.total).expect("small"));
        rows.join(" ")
    };
    assert_eq!(list("", None).await, "bob/ci ada/server ada/laptop");
    assert_eq!(list("", Some(ada.id)).await, "ada/server ada/laptop");
    assert_eq!(list("ADA", None).await, "ada/server ada/laptop");
    assert_eq!(list("lap", Some(bob.id)).await, "");
    assert_eq!(list("wxyz", Some(bob.id)).await, "bob/ci");
    let counts = f.db.count_keys(&[ada.id, bob.id]).await.expect("counts");
    assert_eq!((counts[&ada.id], counts[&bob.id]), (2, 1));
}

#[tokio::test]
async fn keys_change_and_go() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    assert!(!f.db.any_key().await.expect("read"));
    let key =
        f.db.create_key(&new_key(ada.id, "laptop"), Timestamp(1))
            .await
            .expect("a key");
    assert!(f.db.any_key().await.expect("read"));
    assert!(
        f.db.set_key_active(key.id, false, true)
            .await
            .expect("disabled")
    );
    let input = NewKeyInput {
        label: "desk".to_owned(),
        limits: RateLimits {
            requests_per_minute: 3,
            ..RateLimits::default()
        },
        ..NewKeyInput::default()
    };
    let changed = f.db.update_key(key.id, &input).await.expect("changed");
    let changed = changed.expect("a key");
    assert_eq!(
        (changed.label.as_str(), changed.limits.requests_per_minute),
        ("desk", 3)
    );
    assert!(!changed.active);
    assert!(f.db.delete_key(key.id).await.expect("deleted"));
    assert!(!f.db.delete_key(key.id).await.expect("gone"));
    assert_eq!(f.db.update_key(key.id, &input).await.expect("read"), None);
}

#[tokio::test]
async fn last_use_only_moves_forward() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let key =
        f.db.create_key(&new_key(ada.id, "k"), Timestamp(1))
            .await
            .expect("a key");
    let used = [
        (key.id, Timestamp(50)),
        (key.id, Timestamp(40)),
        (KeyId(99), Timestamp(9)),
    ];
    f.db.touch_keys(&used).await.expect("noted");
    let key = f.db.find_key(key.id).await.expect("read").expect("a key");
    assert_eq!(key.last_used_at, Some(Timestamp(50)));
}

#[tokio::test]
async fn keys_of_the_environment_follow_it_and_leave_others_alone() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let own =
        f.db.create_key(&new_key(ada.id, "own"), Timestamp(1))
            .await
            .expect("a key");
    let environment = |label| NewKey {
        source: KeySource::Environment,
        ..new_key(ada.id, label)
    };
    let sync = async |labels: &[&'static str]| {
        let wanted: Vec<NewKey> = labels.iter().map(|label| environment(label)).collect();
        let synced = f.db.sync_environment_keys(&wanted, Timestamp(2)).await;
        synced.expect("synced")
    };
    let labels = async || {
        let page = f.db.list_keys(&KeyQuery::default(), Timestamp(2)).await;
        let page = page.expect("a page");
        let labels: Vec<String> = page.rows.into_iter().map(|row| row.key.label).collect();
        labels.join(" ")
    };
    assert!(sync(&["A", "B"]).await);
    assert!(!sync(&["A", "B"]).await, "nothing to do");
    let a = f.db.find_key_by_hash(&environment("A").secret.hash).await;
    let a = a.expect("read").expect("a key");
    f.db.set_key_active(a.id, false, true)
        .await
        .expect("disabled");
    assert!(sync(&["A", "C"]).await);
    assert_eq!(labels().await, "C A own");
    let a = f.db.find_key(a.id).await.expect("read").expect("a key");
    assert!(!a.active, "disabling is remembered");
    assert!(sync(&[]).await);
    assert_eq!(labels().await, "own");
    assert!(f.db.find_key(own.id).await.expect("read").is_some());
}

#[tokio::test]
async fn lists_are_filtered_and_sorted_over_all_keys() {
    use domain::account::{KeyFilter, KeySort};

    const DAY: i64 = 86_400_000;
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let make = async |label: &'static str, expires_at, at| {
        let mut new = new_key(ada.id, label);
        new.secret.hash[0] = u8::try_from(label.len()).expect("short");
        new.secret.hash[1] = label.as_bytes()[0];
        new.chosen.expires_at = expires_at;
        let made = f.db.create_key(&new, Timestamp(at)).await;
        made.expect("a key").id
    };
    let now = 100 * DAY;
    make("old", None, 1).await;
    make("Brief", Some(Timestamp(now)), now - DAY).await;
    let off = make("off", Some(Timestamp(now + DAY)), now - DAY).await;
    let gone = make("gone", None, 1).await;
    make("aye", None, now - 90 * DAY + 1).await;
    f.db.set_key_active(off, false, true).await.expect("off");
    f.db.revoke_key(gone, Timestamp(now))
        .await
        .expect("revoked");
    let list = async |filter, sort| {
        let query = KeyQuery {
            filter,
            sort,
            ..KeyQuery::default()
        };
        let page = f.db.list_keys(&query, Timestamp(now)).await;
        let page = page.expect("a page");
        assert_eq!(page.rows.len(), usize::try_from(page.total).expect("small"));
        let labels = page.rows.into_iter().map(|row| row.key.label);
        labels.collect::<Vec<_>>().join(" ")
    };
    let newest = KeySort::Newest;
    assert_eq!(list(KeyFilter::Active, newest).await, "aye old");
    assert_eq!(list(KeyFilter::Disabled, newest).await, "off");
    assert_eq!(list(KeyFilter::Expired, newest).await, "Brief");
    assert_eq!(list(KeyFilter::Revoked, newest).await, "gone");
    assert_eq!(list(KeyFilter::Unused, newest).await, "old");
    let all = KeyFilter::All;
    assert_eq!(list(all, newest).await, "aye gone off Brief old");
    assert_eq!(list(all, KeySort::Label).await, "aye Brief gone off old");
    assert!(list(all, KeySort::Expiry).await.starts_with("Brief off "));
}
