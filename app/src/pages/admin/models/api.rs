//! What deployments cost, for admins.

use domain::{Price, page::Page};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::form::PriceText;
use crate::{components::post_form::Next, error::AppError};

/// A deployment and what it costs at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedRow {
    pub id: i64,
    pub backend: String,
    pub model: String,
    /// It is configured, or was found at the last look.
    pub active: bool,
    pub current: Option<Dated>,
    /// What an admin has set for later.
    pub coming: Option<Dated>,
}

/// A price with its beginning, as printed in the reporting zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dated {
    pub from: String,
    /// Set here, and not by the configuration or the catalogue.
    pub by_admin: bool,
    /// `None`: what had been set was withdrawn.
    pub price: Option<Price>,
}

/// A deployment with every price that it has had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnePriced {
    pub row: PricedRow,
    /// The newest first.
    pub history: Vec<Dated>,
}

/// One page of deployments whose model or backend is like `search`: all in use, those without a price
/// (`unpriced`), those whose price was set here (`set`), or those out of use (`gone`).
#[server(prefix = "/_fn", endpoint = "admin/prices/list")]
pub async fn list_priced(
    search: String,
    show: String,
    page: u32,
) -> Result<Page<PricedRow>, AppError> {
    use domain::page::{DEFAULT_PER_PAGE, PageWindow};

    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    let prices = control.list_prices(&admin).await;
    let search = search.trim().to_lowercase();
    let rows: Vec<PricedRow> = prices
        .map_err(crate::server::refuse)?
        .into_iter()
        .filter(|priced| {
            let name = format!("{}/{}", priced.deployment.backend, priced.deployment.model);
            name.to_lowercase().contains(&search)
        })
        .map(|priced| one(&control, &priced).row)
        .filter(|row| match show.as_str() {
            "unpriced" => row.active && row.current.is_none(),
            "set" => row.current.as_ref().is_some_and(|dated| dated.by_admin),
            "gone" => !row.active,
            _ => row.active,
        })
        .collect();
    Ok(PageWindow::new(page, DEFAULT_PER_PAGE).of(rows))
}

/// One deployment.
#[server(prefix = "/_fn", endpoint = "admin/prices/get")]
pub async fn get_priced(id: i64) -> Result<OnePriced, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::viewer().await?;
    Ok(one(&control, &found(&control, &admin, id).await?))
}

/// Sets a price, from the beginning of a day or from now on.
#[server(prefix = "/_fn", endpoint = "admin/prices/set")]
pub async fn set_price(
    id: i64,
    #[server(flatten)] price: PriceText,
    #[server(default)] effective_from: String,
) -> Result<Next, AppError> {
    use domain::validation::{Field, FieldError, Problem};

    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let mut typed = price.typed();
    typed.push(("effective_from", &effective_from));
    let invalid = |error| crate::server::refuse_with(crate::error::Cause::Invalid(error));
    let present = found(&control, &admin, id).await?;
    let present = present.current(control.now());
    let present = present.and_then(|record| record.price.as_ref());
    let read = price.read(present);
    let read = read.map_err(|error| invalid(error).keep(&typed))?;
    let from = match effective_from.trim() {
        "" => None,
        day => {
            let days = crate::server::LocalTime::of(&control).start_of(day);
            let unreadable = || FieldError::new(Field::EffectiveFrom, Problem::NotADay);
            let [start, _] = days.ok_or_else(|| invalid(unreadable()).keep(&typed))?;
            Some(start)
        }
    };
    let id = domain::DeploymentId(id);
    let set = control.set_price(&admin, id, read, from).await;
    set.map_err(|error| crate::server::refuse(error).keep(&typed))?;
    Ok(None)
}

/// Goes back to what is configured.
#[server(prefix = "/_fn", endpoint = "admin/prices/withdraw")]
pub async fn withdraw_price(id: i64) -> Result<Next, AppError> {
    let control = crate::server::control()?;
    let admin = crate::server::admin().await?;
    let withdrawn = control
        .withdraw_price(&admin, domain::DeploymentId(id))
        .await;
    withdrawn.map_err(crate::server::refuse)?;
    Ok(None)
}

#[cfg(feature = "ssr")]
async fn found(
    control: &control::Control,
    admin: &control::Admin,
    id: i64,
) -> Result<control::DeploymentPrices, AppError> {
    let prices = control.list_prices(admin).await;
    let prices = prices.map_err(crate::server::refuse)?;
    let found = prices.into_iter().find(|p| p.deployment.id.0 == id);
    found.ok_or_else(|| crate::server::refuse_with(crate::error::Cause::NotFound))
}

#[cfg(feature = "ssr")]
fn one(control: &control::Control, priced: &control::DeploymentPrices) -> OnePriced {
    let (time, now) = (crate::server::LocalTime::of(control), control.now());
    let dated = |record: &control::PriceRecord| Dated {
        from: time.minute(record.effective_from),
        by_admin: record.source == control::PriceSource::Admin,
        price: record.price.clone(),
    };
    let coming = priced.history.iter().rev();
    let coming = coming
        .filter(|record| record.effective_from > now && record.price.is_some())
        .find(|record| record.source == control::PriceSource::Admin);
    OnePriced {
        row: PricedRow {
            id: priced.deployment.id.0,
            backend: priced.deployment.backend.clone(),
            model: priced.deployment.model.clone(),
            active: priced.deployment.active,
            current: priced.current(now).map(dated),
            coming: coming.map(dated),
        },
        history: priced.history.iter().map(dated).collect(),
    }
}
