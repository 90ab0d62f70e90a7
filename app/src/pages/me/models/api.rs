//! What the signed-in user may ask for.

use leptos::prelude::*;

use super::OfferedModel;
use crate::error::AppError;

/// The models whose name contains `search`, by name.
#[server(prefix = "/_fn", endpoint = "me/models/list")]
pub async fn list_my_models(search: String) -> Result<Vec<OfferedModel>, AppError> {
    let mut offers = crate::server::my_models().await?;
    let search = search.trim().to_lowercase();
    offers.retain(|offer| offer.name.to_lowercase().contains(&search));
    Ok(offers)
}
