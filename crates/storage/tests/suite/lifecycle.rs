use domain::{
    BudgetLimits, BudgetScope, KeyOwner, NanoUsd, RateLimits, Timestamp,
    budget::BudgetPeriod::{Daily, Monthly},
};
use storage::{CatalogOwner, Database};

use crate::fixture::{Fixture, new_key, row};

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    f.settle([row(Some(ada.id), Timestamp(5), Some(3))]).await;
    f.close().await;
    let again = Database::open(&f.options()).await.expect("opened");
    assert_eq!(
        again.find_user(ada.id).await.expect("read"),
        Some(ada.clone())
    );
    let ada = BudgetScope::User(ada.id);
    let spent = again.spend_of(&[ada], Timestamp(0)).await;
    assert_eq!(spent.expect("read")[&ada], NanoUsd(3));
}

#[tokio::test]
#[cfg(unix)]
async fn only_the_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let f = Fixture::new().await;
    for name in [
        "router.db",
        "router-ledger.db",
        "router-ledger-journal.db.1",
    ] {
        let mode = std::fs::metadata(f.path(name))
            .expect("a file")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    std::fs::write(&path, "this is not a database, whatever its name says").expect("written");
    let options = storage::DatabaseOptions {
        url: format!("sqlite://{}", path.display()),
        synchronous: storage::Synchronous::Full,
        readers: 1,
    };
    assert!(Database::open(&options).await.is_err());
}

#[tokio::test]
async fn the_catalog_holds_users_keys_and_the_latest_resets() {
    let f = Fixture::new().await;
    let ada = f.user("ada").await;
    let key =
        f.db.create_key(&new_key(ada.id, "k"), Timestamp(1))
            .await
            .expect("a key");
    f.db.set_key_active(key.id, false, true)
        .await
        .expect("disabled");
    let day = 86_400_000;
    for (at, nano) in [(10, 5), (day + 10, 7)] {
        f.settle([row(Some(ada.id), Timestamp(at), Some(nano))])
            .await;
        let start = Timestamp(at - 10);
        for period in [Daily, Monthly] {
            let start = if period == Daily { start } else { Timestamp(0) };
            f.db.reset_budget(BudgetScope::User(ada.id), period, start, Timestamp(at))
                .await
                .expect("reset");
        }
    }
    let rows = f.db.catalog_rows().await.expect("read");
    assert_eq!(
        rows.owners,
        [CatalogOwner {
            id: KeyOwner::User(ada.id),
            name: "ada".to_owned(),
            email: None,
            active: true,
            budget: BudgetLimits::default(),
            backends: Vec::new(),
            limits: RateLimits::default(),
        }]
    );
    assert_eq!(rows.keys.len(), 1);
    assert_eq!(rows.keys[0].hash, new_key(ada.id, "k").secret.hash);
    assert!(!rows.keys[0].active);
    let mut resets = rows.resets;
    resets.sort_by_key(|reset| reset.2);
    assert_eq!(
        resets,
        [
            (
                BudgetScope::User(ada.id),
                Monthly,
                Timestamp(0),
                NanoUsd(12)
            ),
            (BudgetScope::User(ada.id), Daily, Timestamp(day), NanoUsd(7)),
        ]
    );
}
