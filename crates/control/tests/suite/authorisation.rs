use domain::account::KeyQuery;

use crate::fixture::{Fixture, MASTER_KEY, PASSWORD, labelled, new_user, refusal};

#[tokio::test]
async fn only_admins_obtain_the_admins_proof() {
    let f = Fixture::new().await;
    f.user("ada").await;
    assert_eq!(refusal(f.sign_in("ada").await.admin()), "Forbidden");
    assert!(f.sign_in("root").await.admin().is_ok());
    let master = f.control.master(MASTER_KEY).expect("the master key");
    assert!(master.admin().is_ok() && master.user_id().is_none());
    for wrong in ["", "sk-maste", "sk-master ", "SK-MASTER"] {
        assert!(f.control.master(wrong).is_none(), "{wrong:?}");
    }
}

#[tokio::test]
async fn anothers_key_is_not_found_and_stays_as_it_is() {
    let f = Fixture::new().await;
    f.user("ada").await;
    f.user("bob").await;
    let (ada, bob) = (f.sign_in("ada").await, f.sign_in("bob").await);
    let key = f.control.create_my_key(&ada, labelled("laptop")).await;
    let key = key.expect("a key").key;
    f.changes();

    let disabled = f.control.set_my_key_active(&bob, key.id, false).await;
    assert_eq!(refusal(disabled), "NotFound");
    assert_eq!(
        refusal(f.control.delete_my_key(&bob, key.id).await),
        "NotFound"
    );
    // Asking for another's keys by filter shows one's own.
    let query = KeyQuery {
        user_id: ada.user_id(),
        ..KeyQuery::default()
    };
    let seen = f.control.list_my_keys(&bob, &query).await.expect("a page");
    assert_eq!((seen.total, seen.rows.len()), (0, 0));
    let unchanged = f.control.get_key(&f.admin, key.id).await.expect("the key");
    assert_eq!(unchanged, key);
    assert_eq!(f.changes(), 0);

    f.control
        .set_my_key_active(&ada, key.id, false)
        .await
        .expect("one's own");
    f.control
        .delete_my_key(&ada, key.id)
        .await
        .expect("one's own");
    assert_eq!(
        refusal(f.control.get_key(&f.admin, key.id).await),
        "NotFound"
    );
}

#[tokio::test]
async fn the_master_key_owns_nothing() {
    let f = Fixture::new().await;
    let master = f.control.master(MASTER_KEY).expect("the master key");
    let key = f.control.create_my_key(&master, labelled("k")).await;
    assert_eq!(refusal(key), "Forbidden");
    assert_eq!(refusal(f.control.my_overview(&master).await), "Forbidden");
    assert_eq!(refusal(f.control.my_account(&master).await), "Forbidden");
    let changed = f
        .control
        .change_password(&master, "12345678".into(), "87654321".into())
        .await;
    assert_eq!(refusal(changed), "Forbidden");
}

#[tokio::test]
async fn nothing_works_before_a_given_password_is_changed() {
    let f = Fixture::new().await;
    let mut input = new_user("ada");
    input.password = None;
    input.role = domain::Role::Admin;
    let created = f
        .control
        .create_user(&f.admin, input)
        .await
        .expect("a user");
    let given = created.generated_password.expect("a password");
    let signed_in = f.control.sign_in("ada", given.reveal().into()).await;
    let ada = signed_in.expect("signed in").principal;
    assert!(ada.must_change_password());

    let refused = "PasswordChangeRequired";
    assert_eq!(refusal(ada.admin()), refused);
    assert_eq!(refusal(f.control.my_overview(&ada).await), refused);
    let keys = f.control.list_my_keys(&ada, &KeyQuery::default()).await;
    assert_eq!(refusal(keys), refused);
    let key = f.control.create_my_key(&ada, labelled("k")).await;
    assert_eq!(refusal(key), refused);
    assert!(f.control.my_account(&ada).await.is_ok());

    f.control
        .change_password(&ada, given.reveal().into(), PASSWORD.into())
        .await
        .expect("changed");
    assert!(f.sign_in("ada").await.admin().is_ok());
}

#[tokio::test]
async fn nobody_locks_out_themselves_or_the_last_admin() {
    let f = Fixture::new().await;
    let root = f.sign_in("root").await;
    let id = root.user_id().expect("a user");
    let admin = root.admin().expect("an admin");
    let own = "OwnAccount";
    assert_eq!(refusal(f.control.delete_user(&admin, id).await), own);
    let disabled = f.control.set_user_active(&admin, id, false).await;
    assert_eq!(refusal(disabled), own);

    // The master key is nobody's own account, but the last admin is the last admin.
    let last = "LastAdmin";
    assert_eq!(refusal(f.control.delete_user(&f.admin, id).await), last);
    let disabled = f.control.set_user_active(&f.admin, id, false).await;
    assert_eq!(refusal(disabled), last);
    let profile = domain::account::ProfileInput {
        name: "root".to_owned(),
        email: None,
        role: domain::Role::User,
    };
    let demoted = f.control.update_profile(&f.admin, id, profile).await;
    assert_eq!(refusal(demoted), last);
}
