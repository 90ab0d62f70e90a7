//! What the signed-in user may ask for.

use domain::routing::OfferedModel;
use leptos::prelude::*;

use crate::error::AppError;

/// The models whose name contains `search`, by name.
#[server(prefix = "/_fn", endpoint = "me/models/list")]
pub async fn list_my_models(search: String) -> Result<Vec<OfferedModel>, AppError> {
    let principal = crate::server::signed_in().await?;
    let mut offers = crate::server::models_of(&principal)?;
    let search = search.trim().to_lowercase();
    offers.retain(|offer| offer.name.to_lowercase().contains(&search));
    Ok(offers)
}
