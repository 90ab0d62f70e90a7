//! `/admin/prices`: what each deployment costs, where that comes from, and what it cost before; and
//! prices of the admin's own. Amounts are in dollars: per million tokens, per image, per minute of
//! audio, per thousand searches.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use control::{Control, DeploymentPrices};
use domain::{
    DeploymentId, NanoUsd, Price, ServiceTier, Timestamp,
    pricing::{ContextTier, Rates, ServicePrice, TierRates},
    validation::Field,
};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{AdminCaller, ApiError, body::Both, dollars, extract::Path, usd};

fn render(prices: &DeploymentPrices, now: Timestamp) -> Value {
    let record = |record: &storage::PriceRecord| {
        json!({
            "id": record.id,
            "source": record.source.as_str(),
            "effective_from": record.effective_from,
            "price": record.price.as_ref().map(render_price),
        })
    };
    json!({
        "deployment_id": prices.deployment.id,
        "backend": prices.deployment.backend,
        "model": prices.deployment.model,
        "active": prices.deployment.active,
        "current": prices.current(now).map(record),
        "history": prices.history.iter().map(record).collect::<Vec<_>>(),
    })
}

fn render_price(price: &Price) -> Value {
    let mut json = render_tier(&price.standard);
    if !price.service.is_empty() {
        let tiers = price.service.iter().map(|service| {
            let mut json = render_tier(&service.rates);
            json["tier"] = json!(service.tier);
            json
        });
        json["service_tiers"] = tiers.collect();
    }
    for (name, fee) in [
        ("image", price.image),
        ("audio_minute", price.audio_minute),
        ("search_thousand", price.search_thousand),
    ] {
        if fee != NanoUsd::ZERO {
            json[name] = usd(fee);
        }
    }
    json
}

fn render_tier(tier: &TierRates) -> Value {
    let mut json = Value::Object(render_rates(&tier.rates));
    if !tier.long_context.is_empty() {
        let long = tier.long_context.iter().map(|long| {
            let mut json = render_rates(&long.rates);
            json.insert("above".to_owned(), json!(long.above));
            Value::Object(json)
        });
        json["long_context"] = long.collect();
    }
    json
}

fn render_rates(rates: &Rates) -> Map<String, Value> {
    [
        ("input", rates.input),
        ("cache_read", rates.cache_read),
        ("cache_write_5m", rates.cache_write_5m),
        ("cache_write_1h", rates.cache_write_1h),
        ("output", rates.output),
    ]
    .map(|(name, rate)| (name.to_owned(), usd(rate)))
    .into_iter()
    .collect()
}

/// `GET`: all deployments.
pub async fn list(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let prices = control.list_prices(&admin).await?;
    let now = control.now();
    Ok(Json(prices.iter().map(|p| render(p, now)).collect()))
}

#[derive(Debug, Deserialize)]
pub struct RatesBody {
    input: Box<RawValue>,
    output: Box<RawValue>,
    cache_read: Option<Box<RawValue>>,
    cache_write_5m: Option<Box<RawValue>>,
    cache_write_1h: Option<Box<RawValue>>,
}

/// Rates and what they are for long inputs.
type TierBody = Both<RatesBody, LongTiers>;

#[derive(Debug, Deserialize)]
pub struct LongTiers {
    #[serde(default)]
    long_context: Vec<Both<RatesBody, Above>>,
}

#[derive(Debug, Deserialize)]
pub struct Above {
    above: u64,
}

#[derive(Debug, Deserialize)]
pub struct ServiceName {
    tier: ServiceTier,
}

/// A price in the words of the configuration file.
pub type PriceBody = Both<TierBody, MoreOfPrice>;

#[derive(Debug, Deserialize)]
pub struct MoreOfPrice {
    #[serde(default)]
    service_tiers: Vec<Both<ServiceName, TierBody>>,
    image: Option<Box<RawValue>>,
    audio_minute: Option<Box<RawValue>>,
    search_thousand: Option<Box<RawValue>>,
    /// Milliseconds since 1970; from now on where it is missing.
    effective_from: Option<Timestamp>,
}

fn amount(value: Option<&RawValue>) -> Result<Option<NanoUsd>, ApiError> {
    dollars(Field::Price, value)
}

impl RatesBody {
    /// What is not named costs as much as input.
    fn read(&self) -> Result<Rates, ApiError> {
        let input = amount(Some(&self.input))?.unwrap_or_default();
        let or_input = |value: &Option<Box<RawValue>>| {
            Ok::<_, ApiError>(amount(value.as_deref())?.unwrap_or(input))
        };
        Ok(Rates {
            input,
            cache_read: or_input(&self.cache_read)?,
            cache_write_5m: or_input(&self.cache_write_5m)?,
            cache_write_1h: or_input(&self.cache_write_1h)?,
            output: amount(Some(&self.output))?.unwrap_or_default(),
        })
    }
}

fn read_tier(Both(rates, long): &TierBody) -> Result<TierRates, ApiError> {
    let long = long.long_context.iter().map(|Both(rates, above)| {
        Ok(ContextTier {
            above: above.above,
            rates: rates.read()?,
        })
    });
    let mut long_context = long.collect::<Result<Vec<_>, ApiError>>()?;
    long_context.sort_by_key(|long| long.above);
    Ok(TierRates {
        rates: rates.read()?,
        long_context,
    })
}

fn read_price(Both(standard, more): &PriceBody) -> Result<Price, ApiError> {
    let service = more.service_tiers.iter().map(|Both(name, rates)| {
        Ok(ServicePrice {
            tier: name.tier,
            rates: read_tier(rates)?,
        })
    });
    let fee = |value: &Option<Box<RawValue>>| {
        Ok::<_, ApiError>(amount(value.as_deref())?.unwrap_or_default())
    };
    Ok(Price {
        standard: read_tier(standard)?,
        service: service.collect::<Result<Vec<_>, ApiError>>()?,
        image: fee(&more.image)?,
        audio_minute: fee(&more.audio_minute)?,
        search_thousand: fee(&more.search_thousand)?,
    })
}

/// `PUT /{deployment}`: a price that comes before what is configured.
pub async fn set(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(deployment): Path<i64>,
    body: Result<Json<PriceBody>, JsonRejection>,
) -> Result<Json<Value>, ApiError> {
    let Json(body) = body?;
    let price = read_price(&body)?;
    let id = control
        .set_price(
            &admin,
            DeploymentId(deployment),
            price,
            body.1.effective_from,
        )
        .await?;
    Ok(Json(json!({"ok": true, "id": id})))
}

/// `DELETE /{deployment}`: back to what is configured.
pub async fn withdraw(
    AdminCaller(admin): AdminCaller,
    State(control): State<Control>,
    Path(deployment): Path<i64>,
) -> Result<Json<Value>, ApiError> {
    control
        .withdraw_price(&admin, DeploymentId(deployment))
        .await?;
    Ok(Json(json!({"ok": true})))
}
