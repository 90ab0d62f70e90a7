//! The operations, in the order of the document.

mod accounts;
mod models;
mod reports;
mod routing;
mod scripts;
mod status;
mod user;

use super::Section;

/// All of them.
pub fn all() -> Vec<Section> {
    let parts: [Vec<Section>; 7] = [
        accounts::sections(),
        routing::sections(),
        scripts::sections(),
        reports::sections(),
        status::sections(),
        user::sections(),
        models::sections(),
    ];
    parts.into_iter().flatten().collect()
}
