//! Figures that stay current: a resource is fetched again and again while the page is looked at.
//! The old content stays until the new one is there, so that nothing jumps.

use std::time::Duration;

use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use super::suspense_error::Loading;
use crate::session::SessionContext;

/// Fetches `resource` again and again at a pace of its own, as [`refresh`] does.
pub fn every<T>(resource: Loading<T>, pace: Duration)
where
    T: Send + Sync + Serialize + DeserializeOwned + 'static,
{
    Effect::new(move |_| again(resource, pace));
}

fn again<T>(resource: Loading<T>, pace: Duration)
where
    T: Send + Sync + Serialize + DeserializeOwned + 'static,
{
    let tick = move || {
        // A tab in the background asks nothing.
        if !document().hidden() {
            resource.refetch();
        }
    };
    if let Ok(handle) = set_interval_with_handle(tick, pace) {
        on_cleanup(move || handle.clear());
    }
}

/// Fetches `resource` again at the pace that the server asked for. Only in the browser: effects do
/// not run on the server.
pub fn refresh<T>(resource: Loading<T>)
where
    T: Send + Sync + Serialize + DeserializeOwned + 'static,
{
    let Some(session) = SessionContext::here() else {
        return;
    };
    Effect::new(move |_| {
        let seconds = match session.known() {
            Some(Ok(me)) => me.refresh_interval_s,
            _ => return,
        };
        again(resource, Duration::from_secs(u64::from(seconds.max(1))));
    });
}
