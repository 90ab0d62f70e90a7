use std::time::Duration;

use domain::{
    NanoUsd, Timestamp,
    account::{KeyQuery, KeyStatus, NewKeyInput},
};

use crate::fixture::{Fixture, labelled, refusal};

#[tokio::test]
async fn a_key_is_shown_once_and_recognised_afterwards() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let shown = f
        .control
        .create_key(&f.admin, ada, labelled(" laptop "))
        .await;
    let shown = shown.expect("a key");
    let secret = shown.secret.reveal();
    assert!(secret.len() > 40 && secret.starts_with(&shown.key.prefix));
    assert_eq!(shown.key.label, "laptop");
    assert!(secret.ends_with(&shown.key.last4));
    assert!(!format!("{shown:?}").contains(secret));
    let found = f.control.find_key_by_secret(&f.admin, secret).await;
    assert_eq!(found.expect("read"), Some(shown.key));
    let other = f.control.find_key_by_secret(&f.admin, "sk-lr-other").await;
    assert_eq!(other.expect("read"), None);
}

#[tokio::test]
async fn a_list_shows_owner_status_and_spend() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let expiring = NewKeyInput {
        expires_at: Some(Timestamp(f.control.now().0 + 1)),
        ..labelled("laptop")
    };
    let key = f.control.create_key(&f.admin, ada, expiring).await;
    let key = key.expect("a key").key;
    f.spend(Some(ada), Some(key.id), "2026-11-02T00:00:00Z", 7)
        .await;
    f.spend(Some(ada), None, "2026-11-02T00:00:00Z", 9).await;
    let row = async || {
        let page = f.control.list_keys(&f.admin, &KeyQuery::default()).await;
        page.expect("a page").rows.remove(0)
    };
    let first = row().await;
    assert_eq!((first.owner.as_str(), first.owner_active), ("ada", true));
    assert_eq!(first.spent_this_month, NanoUsd(7));
    assert_eq!(first.status, KeyStatus::Active);
    f.clock.advance_ms(1);
    assert_eq!(row().await.status, KeyStatus::Expired);
    let disabled = f.control.set_key_active(&f.admin, key.id, false).await;
    disabled.expect("disabled");
    assert_eq!(row().await.status, KeyStatus::Disabled);
}

#[tokio::test]
async fn what_an_admin_switched_off_its_owner_cannot_switch_on() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let me = f.sign_in("ada").await;
    let key = f.control.create_key(&f.admin, ada, labelled("k")).await;
    let id = key.expect("a key").key.id;
    let c = &f.control;
    c.set_my_key_active(&me, id, false).await.expect("off");
    c.set_my_key_active(&me, id, true).await.expect("on again");
    c.set_key_active(&f.admin, id, false).await.expect("off");
    assert_eq!(
        refusal(c.set_my_key_active(&me, id, true).await),
        "Forbidden"
    );
    c.set_my_key_active(&me, id, false)
        .await
        .expect("off it may stay");
    assert_eq!(
        refusal(c.set_my_key_active(&me, id, true).await),
        "Forbidden"
    );
    c.set_key_active(&f.admin, id, true).await.expect("on");
    c.set_my_key_active(&me, id, false).await.expect("off");
    c.set_my_key_active(&me, id, true).await.expect("on again");
}

#[tokio::test]
async fn every_change_is_announced_before_the_answer() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.changes();
    let key = f.control.create_key(&f.admin, ada, labelled("k")).await;
    let id = key.expect("a key").key.id;
    assert_eq!(f.changes(), 1);
    let (c, a) = (&f.control, &f.admin);
    c.set_key_active(a, id, false).await.expect("disabled");
    assert_eq!(f.changes(), 1);
    c.update_key(a, id, labelled("new")).await.expect("changed");
    assert_eq!(f.changes(), 1);
    c.delete_key(a, id).await.expect("deleted");
    assert_eq!(f.changes(), 1);
    assert_eq!(refusal(c.delete_key(a, id).await), "NotFound");
    assert_eq!(
        refusal(c.update_key(a, id, labelled("x")).await),
        "NotFound"
    );
    assert_eq!(f.changes(), 0);
}

#[tokio::test]
async fn a_change_is_carried_through_when_its_caller_goes_away() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let key = f.control.create_key(&f.admin, ada, labelled("k")).await;
    let id = key.expect("a key").key.id;
    f.changes();
    tokio::select! {
        biased;
        _ = f.control.set_key_active(&f.admin, id, false) => panic!("done at the first poll"),
        () = std::future::ready(()) => {}
    }
    f.change().await;
    let key = f.control.get_key(&f.admin, id).await.expect("the key");
    assert!(!key.active);
}

#[tokio::test]
async fn an_expiry_lies_in_the_future_unless_it_is_left_alone() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let at = |millis| NewKeyInput {
        expires_at: Some(Timestamp(millis)),
        ..labelled("k")
    };
    let now = f.control.now().0;
    let (c, a) = (&f.control, &f.admin);
    let past = c.create_key(a, ada, at(now)).await;
    assert_eq!(refusal(past), "ExpiresAt InThePast");
    let id = c
        .create_key(a, ada, at(now + 5))
        .await
        .expect("a key")
        .key
        .id;
    f.clock.advance_ms(60_000);
    c.update_key(a, id, at(now + 5)).await.expect("left alone");
    let moved = c.update_key(a, id, at(now + 6)).await;
    assert_eq!(refusal(moved), "ExpiresAt InThePast");
}

#[tokio::test]
async fn users_make_a_bounded_number_of_keys() {
    let f = Fixture::new().await;
    f.user("ada").await;
    let ada = f.sign_in("ada").await;
    for n in 0..100 {
        let key = f
            .control
            .create_my_key(&ada, labelled(&n.to_string()))
            .await;
        key.expect("a key");
    }
    let more = f.control.create_my_key(&ada, labelled("more")).await;
    assert_eq!(refusal(more), "TooManyKeys");
}

#[tokio::test]
async fn a_rotated_key_has_two_secrets_until_the_overlap_ends() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let me = f.sign_in("ada").await;
    let first = f.control.create_key(&f.admin, ada, labelled("k")).await;
    let first = first.expect("a key");
    let overlap = Duration::from_secs(3_600);
    let second = f.control.rotate_my_key(&me, first.key.id, overlap).await;
    let second = second.expect("rotated");
    assert_eq!(second.key.id, first.key.id);
    assert_ne!(second.secret.reveal(), first.secret.reveal());
    let retiring = second.key.retiring.expect("the old one");
    assert_eq!(retiring.last4, first.key.last4);
    assert_eq!(
        retiring.valid_until,
        Timestamp(f.control.now().0 + 3_600_000)
    );
    let found = f
        .control
        .find_key_by_secret(&f.admin, second.secret.reveal());
    assert_eq!(
        found.await.expect("read").map(|key| key.id),
        Some(first.key.id)
    );
    // Of several old ones the one that goes on longest is shown.
    f.clock.advance_ms(1);
    let third = f.control.rotate_key(&f.admin, first.key.id, overlap).await;
    let retiring = third.expect("rotated").key.retiring.expect("the old one");
    assert_eq!(retiring.last4, second.key.last4);
}

#[tokio::test]
async fn a_revoked_key_stays_in_the_list_and_is_never_used_again() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.user("bob").await;
    let (me, bob) = (f.sign_in("ada").await, f.sign_in("bob").await);
    let key = f.control.create_key(&f.admin, ada, labelled("k")).await;
    let key = key.expect("a key").key.id;
    let others = f.control.revoke_my_key(&bob, key).await;
    assert_eq!(refusal(others), "NotFound");
    let overlap = Duration::from_secs(60);
    let others = f.control.rotate_my_key(&bob, key, overlap).await;
    assert_eq!(refusal(others), "NotFound");

    f.control.revoke_my_key(&me, key).await.expect("revoked");
    let page = f.control.list_my_keys(&me, &KeyQuery::default()).await;
    assert_eq!(page.expect("a page").rows[0].status, KeyStatus::Revoked);
    let revoked = "KeyRevoked";
    assert_eq!(refusal(f.control.revoke_my_key(&me, key).await), revoked);
    let rotated = f.control.rotate_key(&f.admin, key, overlap).await;
    assert_eq!(refusal(rotated), revoked);
    for active in [false, true] {
        let switched = f.control.set_key_active(&f.admin, key, active).await;
        assert_eq!(refusal(switched), revoked);
        let switched = f.control.set_my_key_active(&me, key, active).await;
        assert_eq!(refusal(switched), revoked);
    }
    let edited = f.control.update_key(&f.admin, key, labelled("new")).await;
    assert_eq!(refusal(edited), revoked);
}
