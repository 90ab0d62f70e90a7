//! The dashboards' routes: pages, server functions and files, behind the session and the same-origin
//! check. Everything else about them is the `app` crate's.

use std::{net::SocketAddr, sync::Arc};

use app::{
    App,
    server::{ClientAddress, ScriptFigures, ScriptStates},
    shell,
};
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes as _, generate_route_list};
use storage::Database;
use tower_http::{compression::CompressionLayer, set_header::SetResponseHeaderLayer};

use crate::{
    admin, assets, exports, oidc, playground, same_origin, session, state::AppState, status,
};

/// Routes and the fallback for whatever no other route takes.
pub fn routes(state: &AppState, database: Database) -> Router<AppState> {
    let context = {
        let state = state.clone();
        move || provide(&state)
    };
    let options = state.leptos.clone();
    let pages = Router::new()
        .leptos_routes_with_context(state, generate_route_list(App), context, move || {
            shell(options.clone())
        })
        .route("/", get(status::root))
        .route("/auth/oidc/start", get(oidc::start))
        .route("/auth/oidc/callback", get(oidc::callback))
        .route("/playground/chat", post(playground::chat))
        .route("/admin-ui/scripts.d.ts", get(exports::script_types))
        .route("/admin-ui/usage.csv", get(exports::usage))
        .route("/user-ui/usage.csv", get(exports::my_usage))
        .route("/admin-ui/logs.csv", get(exports::logs))
        .route("/user-ui/logs.csv", get(exports::my_logs))
        .route("/admin-ui/logs.events", get(exports::tail))
        .route("/user-ui/logs.events", get(exports::my_tail))
        .route("/admin-ui/audit.csv", get(admin::audit::download))
        .fallback(file_or_page);
    let secure = state
        .site
        .public_url
        .as_deref()
        .is_some_and(|url| url.starts_with("https://"));
    let header =
        |name, value| SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value));
    pages
        .layer(middleware::from_fn_with_state(state.clone(), with_address))
        .layer(session::layer(database, secure))
        .layer(middleware::from_fn(same_origin::require))
        .layer(header(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header(header::X_FRAME_OPTIONS, "DENY"))
        // Forms without JavaScript come back by `Referer`, which `no-referrer` would take away.
        .layer(header(header::REFERRER_POLICY, "same-origin"))
        .layer(CompressionLayer::new())
}

/// Tells pages where the client is, for the list of its sessions.
async fn with_address(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(peer)| peer.ip());
    if let Some(address) = state.gateway.client_address(request.headers(), peer) {
        request.extensions_mut().insert(ClientAddress(address));
    }
    next.run(request).await
}

fn provide(state: &AppState) {
    provide_context(state.control.clone());
    provide_context(state.site.clone());
    provide_context(state.models.clone());
    provide_context(script_states(&state.gateway));
}

/// How scripts fare in the data plane.
fn script_states(gateway: &gateway::Gateway) -> ScriptStates {
    let gateway = gateway.clone();
    ScriptStates(Arc::new(move |id| {
        let status = gateway.script_status(id)?;
        Some(ScriptFigures {
            broken: status.broken,
            calls: status.calls,
            failures: status.failures,
            last_error: status.last_error,
        })
    }))
}

/// A file of the site, or else the page that says that there is nothing here.
async fn file_or_page(State(state): State<AppState>, request: Request) -> Response {
    if let Some(file) = assets::serve(request.uri().path(), request.headers()) {
        return file;
    }
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    if !wants_page {
        return status::not_found(&state.gateway, request.uri().path(), request.headers());
    }
    let options = state.leptos.clone();
    let context = move || provide(&state);
    let render =
        leptos_axum::render_app_async_with_context(context, move || shell(options.clone()));
    render(request.map(Body::new)).await.into_response()
}
