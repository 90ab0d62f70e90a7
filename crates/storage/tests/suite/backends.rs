use domain::{BackendId, NanoUsd, Timestamp, pricing::Rates};
use storage::{BackendRecord, ConfiguredPrice, DeploymentRecord, PriceSource};

use crate::fixture::Fixture;

fn price(input: i64) -> Option<ConfiguredPrice> {
    let rates = Rates {
        input: NanoUsd(input),
        ..Rates::default()
    };
    Some(ConfiguredPrice {
        source: PriceSource::File,
        effective_from: None,
        price: rates.into(),
    })
}

fn backend(name: &str, models: &[(&str, Option<ConfiguredPrice>)]) -> BackendRecord {
    BackendRecord {
        name: name.to_owned(),
        kind: "openai".to_owned(),
        base_url: None,
        deployments: models
            .iter()
            .map(|(model, price)| DeploymentRecord {
                model: (*model).to_owned(),
                prices: price.iter().cloned().collect(),
            })
            .collect(),
    }
}

#[tokio::test]
async fn ids_survive_whatever_the_configuration_does() {
    let f = Fixture::new().await;
    let sync = async |backends: &[BackendRecord]| {
        let synced = f.db.sync_backends(backends, Timestamp(1)).await;
        synced.expect("synced")
    };
    let both = [
        backend("one", &[("a", None), ("b", None)]),
        backend("two", &[]),
    ];
    let first = sync(&both).await;
    assert_eq!(first[0].deployments[1].model, "b");
    assert!(sync(&[]).await.is_empty());
    let mut reversed = both.to_vec();
    reversed.reverse();
    let again = sync(&reversed).await;
    assert_eq!(again[1], first[0]);
    assert_eq!(again[0].id, first[1].id);

    let found =
        f.db.ensure_deployment(first[0].id, "a", &[], Timestamp(2))
            .await;
    assert_eq!(found.expect("found").id, first[0].deployments[0].id);
    let nowhere =
        f.db.ensure_deployment(BackendId(99), "a", &[], Timestamp(2))
            .await;
    assert!(nowhere.is_err());
}

#[tokio::test]
async fn a_price_has_a_history_and_the_newest_row_always_holds() {
    let f = Fixture::new().await;
    let set = async |input, now| {
        let backends = [backend("one", &[("a", price(input))])];
        let synced = f.db.sync_backends(&backends, Timestamp(now)).await;
        synced.expect("synced")[0].deployments[0].id
    };
    let id = set(5, 10).await;
    set(5, 20).await;
    set(7, 30).await;
    // The clock was set back.
    set(5, 15).await;
    let mut histories = f.db.price_histories().await.expect("read");
    let history = histories.remove(&id).expect("a history");
    let history: Vec<(i64, i64)> = history
        .iter()
        .map(|record| {
            let price = record.price.as_ref().expect("a price");
            (record.effective_from.0, price.standard.rates.input.0)
        })
        .collect();
    assert_eq!(history, [(31, 5), (30, 7), (10, 5)]);
}
