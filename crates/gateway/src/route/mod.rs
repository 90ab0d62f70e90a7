//! Stage 3: requested model → [`RoutePlan`], the deployments to try, in order.

pub mod resolve;
pub mod strategy;
pub mod table;

use std::sync::Arc;

use crate::settings::OnDisconnect;

pub use resolve::resolve;
pub use table::{Backend, Deployment, Routes};

/// The deployments that may answer a request, in the order in which they are tried; never empty.
#[derive(Debug)]
pub struct RoutePlan {
    candidates: Vec<Arc<Deployment>>,
}

impl RoutePlan {
    /// `None` where there is no candidate.
    #[must_use]
    pub fn new(candidates: Vec<Arc<Deployment>>) -> Option<Self> {
        (!candidates.is_empty()).then_some(Self { candidates })
    }

    #[must_use]
    pub fn candidates(&self) -> &[Arc<Deployment>] {
        &self.candidates
    }

    /// Whether a call is to go on to its end when its client goes away, wherever the plan leads it.
    #[must_use]
    pub fn drains(&self) -> bool {
        self.candidates
            .iter()
            .any(|d| d.backend.settings.on_disconnect == OnDisconnect::Drain)
    }

    /// The one that is tried first.
    #[must_use]
    pub fn first(&self) -> &Arc<Deployment> {
        &self.candidates[0]
    }
}
