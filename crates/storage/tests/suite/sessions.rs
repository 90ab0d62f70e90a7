use domain::Timestamp;

use crate::fixture::Fixture;

#[tokio::test]
async fn a_session_lives_until_it_expires_or_is_deleted() {
    let f = Fixture::new().await;
    let load = async |id, now| {
        let session = f.db.load_session(id, Timestamp(now)).await.expect("read");
        session.map(|session| session.data)
    };
    let create = async |id, data| {
        let created = f.db.create_session(id, data, Timestamp(10)).await;
        created.expect("stored")
    };
    assert!(create("a", "one").await);
    assert!(!create("a", "two").await, "an id is used once");
    assert_eq!(load("a", 9).await.as_deref(), Some("one"));
    assert_eq!(load("a", 10).await, None);
    f.db.save_session("a", "three", Timestamp(20))
        .await
        .expect("saved");
    assert_eq!(load("a", 10).await.as_deref(), Some("three"));
    assert!(create("b", "four").await);
    let deleted = f.db.delete_expired_sessions(Timestamp(10)).await;
    assert_eq!(deleted.expect("deleted"), 1);
    f.db.delete_session("a").await.expect("deleted");
    assert_eq!(load("a", 0).await, None);
    f.db.save_session("a", "late", Timestamp(20))
        .await
        .expect("done");
    assert_eq!(load("a", 0).await, None, "what was ended stays so");
}
