//! Prices that admins set: dated, never in the past, and withdrawn without a trace in old rows.

use domain::{DeploymentId, NanoUsd, Price, Timestamp, pricing::Rates};

use crate::fixture::{Fixture, refusal};

fn price(input: i64) -> Price {
    let rates = Rates {
        input: NanoUsd(input),
        ..Rates::default()
    };
    rates.into()
}

#[tokio::test]
async fn an_admins_price_holds_from_its_date_until_it_is_withdrawn() {
    let f = Fixture::new().await;
    let deployment = f.deployment("gpt-4o", price(1)).await;
    let current = async |at: Timestamp| {
        let prices = f.control.list_prices(&f.admin).await.expect("prices");
        assert_eq!(prices.len(), 1);
        let record = prices[0].current(at).expect("a price").clone();
        (
            record.source.as_str(),
            record.price.expect("a price").standard.rates.input.0,
        )
    };
    let now = f.control.now();
    let later = Timestamp(now.0 + 1_000);
    assert_eq!(current(now).await, ("file", 1));
    for (input, from) in [(2, None), (3, Some(later))] {
        let set = f
            .control
            .set_price(&f.admin, deployment, price(input), from);
        set.await.expect("set");
    }
    assert_eq!(current(now).await, ("admin", 2));
    assert_eq!(current(later).await, ("admin", 3));
    f.control
        .withdraw_price(&f.admin, deployment)
        .await
        .expect("withdrawn");
    assert_eq!(current(now).await, ("file", 1));
    assert_eq!(
        current(later).await,
        ("file", 1),
        "what was to come is forgotten too"
    );
    let again = f.control.withdraw_price(&f.admin, deployment).await;
    assert_eq!(refusal(again), "NotFound");
}

#[tokio::test]
async fn the_past_cannot_be_repriced_and_no_price_is_negative() {
    let f = Fixture::new().await;
    let deployment = f.deployment("gpt-4o", price(1)).await;
    let before = Some(Timestamp(f.control.now().0 - 1));
    let past = f.control.set_price(&f.admin, deployment, price(2), before);
    assert_eq!(refusal(past.await), "EffectiveFrom InThePast");
    let negative = f.control.set_price(&f.admin, deployment, price(-1), None);
    assert_eq!(refusal(negative.await), "Price Negative");
    let nowhere = DeploymentId(deployment.0 + 1);
    let nowhere = f.control.set_price(&f.admin, nowhere, price(2), None);
    assert_eq!(refusal(nowhere.await), "NotFound");
    let prices = f.control.list_prices(&f.admin).await.expect("prices");
    assert_eq!(prices[0].history.len(), 1);
}
