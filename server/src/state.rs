//! What handlers are given. Built once in [`crate::serve`].

use std::sync::Arc;

use axum::extract::FromRef;
use control::{Control, ControlError, Principal};
use gateway::Gateway;
use leptos::prelude::LeptosOptions;

use crate::{
    config::Config,
    oidc::Oidc,
    reload::Reloader,
    status::keys::CountedSince,
    token::{Audience, Tokens},
};

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub gateway: Gateway,
    pub control: Control,
    pub reloader: Reloader,
    pub keys_counted_since: Arc<CountedSince>,
    pub tokens: Arc<Tokens>,
    pub config: Arc<Config>,
    pub site: app::ServerInfo,
    /// What pages need of the gateway.
    pub models: Arc<dyn app::server::Models>,
    /// The provider by which people sign in beside passwords.
    pub oidc: Option<Arc<Oidc>>,
    pub leptos: LeptosOptions,
    /// Becomes true when the server is told to stop, for answers that have no end of their own.
    pub stopping: tokio::sync::watch::Receiver<bool>,
}

impl AppState {
    /// Whose token this is; `None`: nobody's, or not any more.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn resume(
        &self,
        token: &str,
        audience: Audience,
    ) -> Result<Option<Principal>, ControlError> {
        match self.tokens.check(token, audience, self.gateway.now()) {
            None => Ok(None),
            Some(claims) => self.control.resume(claims.sub, claims.ver).await,
        }
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").finish_non_exhaustive()
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for Gateway {
    fn from_ref(state: &AppState) -> Self {
        state.gateway.clone()
    }
}

impl FromRef<AppState> for Reloader {
    fn from_ref(state: &AppState) -> Self {
        state.reloader.clone()
    }
}

impl FromRef<AppState> for Control {
    fn from_ref(state: &AppState) -> Self {
        state.control.clone()
    }
}
