use secrecy::SecretString;

use crate::fixture::{Fixture, PASSWORD, refusal};

#[tokio::test]
async fn wrong_unknown_and_disabled_look_the_same() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let sign_in =
        async |name: &str, password: &str| refusal(f.control.sign_in(name, password.into()).await);
    assert_eq!(sign_in("ada", "wrong horse").await, "WrongPassword");
    assert_eq!(sign_in("nobody", PASSWORD).await, "WrongPassword");
    assert_eq!(sign_in("ada", &"x".repeat(5_000)).await, "WrongPassword");
    f.control
        .set_user_active(&f.admin, ada, false)
        .await
        .expect("disabled");
    assert_eq!(sign_in("ada", PASSWORD).await, "WrongPassword");
}

#[tokio::test]
async fn a_session_ends_when_its_user_is_disabled_for_good() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let session = f.control.sign_in(" ADA ", PASSWORD.into()).await;
    let session = session.expect("signed in");
    let resume = async || {
        let resumed = f.control.resume(ada, session.credential_version).await;
        resumed.expect("read")
    };
    assert_eq!(resume().await, Some(session.principal.clone()));
    let switch = async |active| {
        let switched = f.control.set_user_active(&f.admin, ada, active).await;
        switched.expect("switched");
    };
    switch(false).await;
    assert_eq!(resume().await, None);
    switch(true).await;
    assert_eq!(resume().await, None, "a new sign-in is needed");
    let nobody = f.control.resume(domain::UserId(99), 0).await;
    assert_eq!(nobody.expect("read"), None);
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_this_one() {
    let f = Fixture::new().await;
    let id = f.user("ada").await;
    let old = f.control.sign_in("ada", PASSWORD.into()).await;
    let old = old.expect("signed in");
    let ada = &old.principal;
    let change = async |current: &str, new: &str| {
        let (current, new) = (SecretString::from(current), SecretString::from(new));
        f.control.change_password(ada, current, new).await
    };
    assert_eq!(
        refusal(change("wrong horse", "new password").await),
        "WrongPassword"
    );
    assert_eq!(
        refusal(change(PASSWORD, "short").await),
        "Password TooShort(8)"
    );
    assert_eq!(
        refusal(change(PASSWORD, PASSWORD).await),
        "Password Unchanged"
    );
    let version = change(PASSWORD, "new password").await.expect("changed");

    let resumed = f.control.resume(id, old.credential_version).await;
    assert_eq!(resumed.expect("read"), None);
    assert!(f.control.resume(id, version).await.expect("read").is_some());
    let with_old = f.control.sign_in("ada", PASSWORD.into()).await;
    assert_eq!(refusal(with_old), "WrongPassword");
    let with_new = f.control.sign_in("ada", "new password".into()).await;
    assert_eq!(with_new.expect("signed in").credential_version, version);
}

#[tokio::test]
async fn guessing_is_stopped_even_for_the_right_password_and_for_changing_it() {
    let f = Fixture::new().await;
    f.user("ada").await;
    let ada = f.sign_in("ada").await;
    for _ in 0..10 {
        let guess = f.control.sign_in("ada", "wrong horse".into()).await;
        assert_eq!(refusal(guess), "WrongPassword");
    }
    let right = f.control.sign_in("ada", PASSWORD.into()).await;
    assert_eq!(refusal(right), "TooManyAttempts");
    let changed = f
        .control
        .change_password(&ada, PASSWORD.into(), "new password".into())
        .await;
    assert_eq!(refusal(changed), "TooManyAttempts");
    f.clock.advance_ms(10 * 60 * 1_000);
    f.sign_in("ada").await;
}
