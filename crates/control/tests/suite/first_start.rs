use domain::{
    Role,
    account::{KeyQuery, UserQuery},
};
use secrecy::SecretString;

use crate::fixture::{Fixture, PASSWORD, new_user, refusal};

async fn fresh() -> Fixture {
    Fixture::empty("UTC", "2026-11-20T12:00:00Z").await
}

#[tokio::test]
async fn the_first_start_makes_an_admin_and_a_key_and_later_ones_nothing() {
    let f = fresh().await;
    let first = f.control.bootstrap(None, None, true).await.expect("done");
    let admin = first.admin_created.expect("an admin");
    let password = admin.generated_password.expect("a password");
    assert_eq!(
        (admin.name.as_str(), password.reveal().len()),
        ("admin", 20)
    );
    let signed_in = f.control.sign_in("admin", password.reveal().into()).await;
    let principal = signed_in.expect("signed in").principal;
    assert!(principal.admin().is_ok(), "only the operator saw it");
    let key = first.first_key.expect("a key").key;
    assert_eq!(key.label, "first key");
    assert_eq!(
        Some(key.owner),
        principal.user_id().map(domain::KeyOwner::User)
    );

    let again = f
        .control
        .bootstrap(Some("other"), Some(PASSWORD.into()), true);
    let again = again.await.expect("done");
    assert!(again.admin_created.is_none() && again.first_key.is_none());
}

#[tokio::test]
async fn a_given_admin_is_taken_or_refused_but_never_made_of_somebody_else() {
    let f = fresh().await;
    let short = f.control.bootstrap(None, Some("short".into()), false).await;
    assert_eq!(refusal(short), "Password TooShort(8)");
    f.user("ada").await;
    let taken = f
        .control
        .bootstrap(Some("ada"), Some(PASSWORD.into()), false)
        .await;
    assert_eq!(refusal(taken), "UserNameTaken");
    let given = f
        .control
        .bootstrap(Some("root"), Some(PASSWORD.into()), false)
        .await
        .expect("done");
    let admin = given.admin_created.expect("an admin");
    assert!(admin.generated_password.is_none() && given.first_key.is_none());
    assert_eq!(f.sign_in("root").await.role(), Role::Admin);
}

#[tokio::test]
async fn keys_of_the_environment_belong_to_a_user_who_cannot_sign_in() {
    let f = fresh().await;
    let sync = async |keys: &[(&str, &str)]| {
        let keys: Vec<(String, SecretString)> = keys
            .iter()
            .map(|(label, key)| ((*label).to_owned(), SecretString::from(*key)))
            .collect();
        f.control.sync_environment_keys(&keys).await
    };
    sync(&[]).await.expect("nothing");
    let users = f.control.list_users(&f.admin, &UserQuery::default()).await;
    assert_eq!(users.expect("a page").total, 0, "no owner without keys");
    f.changes();

    let keys = [
        ("AUTH_KEY", "one"),
        ("AUTH_KEY_01", "two"),
        ("AUTH_KEY_02", "one"),
    ];
    sync(&keys).await.expect("synced");
    assert_eq!(f.changes(), 1);
    sync(&keys).await.expect("synced");
    assert_eq!(f.changes(), 0, "nothing changed");
    let found = f.control.find_key_by_secret(&f.admin, "one").await;
    let found = found.expect("read").expect("a key");
    assert_eq!(found.label, "AUTH_KEY", "the same key twice is one");
    assert_eq!((found.prefix.as_str(), found.last4.as_str()), ("", ""));
    let signed_in = f.control.sign_in("environment", "".into()).await;
    assert_eq!(refusal(signed_in), "WrongPassword");

    sync(&keys[1..2]).await.expect("synced");
    let page = f.control.list_keys(&f.admin, &KeyQuery::default()).await;
    let labels: Vec<String> = page
        .expect("a page")
        .rows
        .into_iter()
        .map(|row| row.key.label)
        .collect();
    assert_eq!(labels, ["AUTH_KEY_01"]);
    let taken = f
        .control
        .create_user(&f.admin, new_user("ENVIRONMENT"))
        .await;
    assert_eq!(refusal(taken), "Name Reserved");
}
