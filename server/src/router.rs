//! The whole route table.

use axum::{
    Router, middleware,
    routing::{delete, get, patch, post, put},
};
use storage::Database;
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{admin, compress, config::Origin, openapi, proxy, site, state::AppState, status, user};

/// How long a browser may remember that it may call us, in seconds.
const CORS_MAX_AGE: u64 = 86_400;

/// Every route of the server.
pub fn build(state: AppState, database: Database) -> Router {
    let mut proxied = proxy::routes().route("/health", get(status::health));
    if state.config.server.compression {
        proxied = proxied.layer(middleware::from_fn(compress::compress));
    }
    if let Some(cors) = cors(&state.config.server.cors_origins) {
        proxied = proxied.layer(cors);
    }
    let admin = Router::new()
        .route(
            "/admin/users",
            get(admin::users::list).post(admin::users::create),
        )
        .route(
            "/admin/users/{id}",
            get(admin::users::show)
                .put(admin::users::replace)
                .patch(admin::users::update)
                .delete(admin::users::delete),
        )
        .route(
            "/admin/users/{id}/regenerate-api-key",
            post(admin::users::regenerate_key),
        )
        .route(
            "/admin/users/{id}/keys",
            get(admin::keys::list).post(admin::keys::create),
        )
        .route(
            "/admin/users/{id}/sessions",
            get(admin::ways_in::sessions).delete(admin::ways_in::end_all),
        )
        .route(
            "/admin/users/{id}/sessions/{handle}",
            delete(admin::ways_in::end),
        )
        .route("/admin/users/{id}/link", post(admin::ways_in::link))
        .route(
            "/admin/tokens",
            get(admin::tokens::list).post(admin::tokens::create),
        )
        .route("/admin/tokens/{token}", delete(admin::tokens::revoke))
        .route(
            "/admin/keys/{key}",
            patch(admin::keys::update).delete(admin::keys::delete),
        )
        .route("/admin/keys/{key}/rotate", post(admin::keys::rotate))
        .route("/admin/keys/{key}/revoke", post(admin::keys::revoke))
        .route(
            "/admin/teams",
            get(admin::teams::list).post(admin::teams::create),
        )
        .route(
            "/admin/teams/{id}",
            get(admin::teams::show)
                .patch(admin::teams::update)
                .delete(admin::teams::delete),
        )
        .route(
            "/admin/teams/{id}/members",
            get(admin::teams::members).post(admin::teams::set_member),
        )
        .route(
            "/admin/teams/{id}/members/{user}",
            delete(admin::teams::remove_member),
        )
        .route(
            "/admin/teams/{id}/keys",
            get(admin::teams::list_keys).post(admin::teams::create_key),
        )
        .route("/admin/aws-status", get(admin::aws::status))
        .route("/admin/audit", get(admin::audit::list))
        .route(
            "/admin/backends",
            get(admin::backends::list).post(admin::backends::create),
        )
        .route("/admin/backends/test", post(admin::backends::test))
        .route(
            "/admin/backends/{id}",
            get(admin::backends::show)
                .put(admin::backends::replace)
                .patch(admin::backends::replace)
                .delete(admin::backends::delete),
        )
        .route(
            "/admin/backends/{id}/refresh-models",
            post(admin::backends::refresh_models),
        )
        .route(
            "/admin/backends/{id}/clear-cooldown",
            post(admin::backends::clear_cooldown),
        )
        .route(
            "/admin/groups",
            get(admin::backends::list_groups).post(admin::backends::create_group),
        )
        .route(
            "/admin/groups/{id}",
            put(admin::backends::replace_group).delete(admin::backends::delete_group),
        )
        .route(
            "/admin/rewrites",
            get(admin::backends::list_rewrites).post(admin::backends::create_rewrite),
        )
        .route(
            "/admin/rewrites/{id}",
            put(admin::backends::replace_rewrite).delete(admin::backends::delete_rewrite),
        )
        .route(
            "/admin/permissions",
            get(admin::permissions::list)
                .post(admin::permissions::grant)
                .delete(admin::permissions::revoke),
        )
        .route(
            "/admin/permissions/user/{id}",
            get(admin::permissions::of_user),
        )
        .route(
            "/admin/permissions/backend/{id}",
            get(admin::permissions::of_backend),
        )
        .route("/admin/reload", post(admin::reload::reload))
        .route("/admin/route/explain", post(admin::route::explain))
        .route("/admin/prices", get(admin::prices::list))
        .route(
            "/admin/prices/{deployment}",
            put(admin::prices::set).delete(admin::prices::withdraw),
        )
        .route(
            "/admin/scripts",
            get(admin::scripts::list).post(admin::scripts::create),
        )
        .route("/admin/scripts/active", get(admin::scripts::active))
        .route("/admin/scripts/type/{type}", get(admin::scripts::of_type))
        .route(
            "/admin/scripts/{id}",
            get(admin::scripts::show)
                .put(admin::scripts::update)
                .delete(admin::scripts::delete),
        )
        .route(
            "/admin/scripts/{id}/activate",
            post(admin::scripts::activate),
        )
        .route(
            "/admin/scripts/{id}/deactivate",
            post(admin::scripts::deactivate),
        )
        .route("/admin/scripts/{id}/test", post(admin::scripts::test))
        .route(
            "/admin/scripts/{id}/versions",
            get(admin::scripts::versions),
        )
        .route(
            "/admin/scripts/{id}/rollback",
            post(admin::scripts::roll_back),
        )
        .route("/admin/script-secrets", get(admin::scripts::secrets))
        .route(
            "/admin/script-secrets/{name}",
            put(admin::scripts::set_secret).delete(admin::scripts::delete_secret),
        )
        .route("/admin/budget-alerts", get(admin::alerts::list))
        .route("/admin/analytics/usage", get(admin::analytics::usage))
        .route("/admin/analytics/requests", get(admin::analytics::requests))
        .route("/admin/dashboard/summary", get(admin::analytics::summary))
        .route("/admin/usage", get(admin::usage::usage))
        .route("/admin/monthly-history", get(admin::usage::monthly_history));
    let user = Router::new()
        .route("/admin/login", post(user::admin_login))
        .route("/user/login", post(user::login))
        .route("/user/change-password", post(user::change_password))
        .route("/user/me", get(user::me))
        .route("/user/keys", get(user::my_keys))
        .route("/user/usage/daily", get(user::usage_today))
        .route("/user/usage/monthly", get(user::usage_this_month))
        .route("/user/history", get(user::history))
        .route("/user/daily-history", get(user::daily_history));
    let status = Router::new()
        .route("/status", get(status::backends::status))
        .route("/backend/info", get(status::backends::info))
        .route("/metrics", get(status::metrics::metrics))
        .route("/analytics/requests", get(status::analytics::requests))
        .route("/analytics/tokens", get(status::analytics::tokens))
        .route("/analytics/summary", get(status::analytics::summary))
        .route("/router/stats", get(status::router::stats))
        .route("/router/health", get(status::router::health))
        .route("/router/rate-limits", get(status::router::rate_limits))
        .route("/router/reset-stats", post(status::router::reset_stats))
        .route("/auth/status", get(status::keys::status))
        .route("/auth/metrics", get(status::keys::metrics))
        .route("/auth/reload-keys", post(status::keys::reload_keys))
        .route("/auth/reset-metrics", post(status::keys::reset_metrics));
    let documents = Router::new()
        .route("/openapi.json", get(openapi::json))
        .route("/docs", get(openapi::docs))
        .route("/docs/{*file}", get(openapi::docs_file))
        .route("/redoc", get(openapi::reference))
        .route("/redoc/reference.css", get(openapi::style));
    site::routes(&state, database)
        .merge(documents)
        .merge(user)
        .merge(status)
        .merge(proxied)
        .merge(admin)
        .method_not_allowed_fallback(status::method_not_allowed)
        .with_state(state)
}

/// Web pages of the configured origins may call the API.
fn cors(origins: &[Origin]) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let any = origins.contains(&Origin::Any);
    let sites: Vec<_> = origins
        .iter()
        .filter_map(|origin| match origin {
            Origin::Any => None,
            Origin::Site(site) => site.parse().ok(),
        })
        .collect();
    let layer = CorsLayer::new()
        .allow_methods(tower_http::cors::AllowMethods::mirror_request())
        .allow_headers(tower_http::cors::AllowHeaders::mirror_request())
        .max_age(std::time::Duration::from_secs(CORS_MAX_AGE));
    Some(if any {
        layer.allow_origin(AllowOrigin::any())
    } else {
        layer
            .allow_origin(AllowOrigin::list(sites))
            .allow_credentials(true)
    })
}
