//! What concerns the whole page: its headers, its theme, and the address under which the visitor
//! reached it.

use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use leptos::{nonce::use_nonce, prelude::use_context};
use leptos_axum::ResponseOptions;

use crate::theme::{COOKIE, Theme};

/// Sends the page with the headers that keep it private: only our own scripts and styles run, no
/// other site may frame it, and no cache keeps it.
pub fn protect() {
    let Some(response) = use_context::<ResponseOptions>() else {
        return;
    };
    let nonce = use_nonce().map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
    let policy = format!(
        "default-src 'self'; script-src 'self'{nonce} 'wasm-unsafe-eval'; style-src 'self'{nonce}; \
         img-src 'self' data:; connect-src 'self'; object-src 'none'; frame-ancestors 'none'; \
         base-uri 'self'; form-action 'self'"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy.as_str()),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Not `no-referrer`: a form without JavaScript finds its way back by it.
        (header::REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in headers {
        insert(&response, name, value);
    }
}

fn insert(response: &ResponseOptions, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.insert_header(name, value);
    }
}

/// The theme that the visitor chose.
#[must_use]
pub fn theme() -> Theme {
    super::request()
        .and_then(|parts| {
            let cookies = parts.headers.get(header::COOKIE)?;
            cookies.to_str().ok().map(Theme::of_cookies)
        })
        .unwrap_or_default()
}

/// Keeps the theme in a cookie for a year.
pub fn remember_theme(theme: Theme) {
    let cookie = format!(
        "{COOKIE}={}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly",
        theme.as_str()
    );
    if let (Some(response), Ok(cookie)) = (
        use_context::<ResponseOptions>(),
        HeaderValue::from_str(&cookie),
    ) {
        response.append_header(header::SET_COOKIE, cookie);
    }
}

/// The address that clients use, without a slash at its end: as configured, or as the visitor
/// reached this page.
#[must_use]
pub fn base_url() -> String {
    let public_url = super::info().public_url;
    match super::request() {
        Some(parts) => base_url_of(public_url.as_deref(), &parts.headers, &parts.uri),
        None => public_url.map_or_else(String::new, |url| url.trim_end_matches('/').to_owned()),
    }
}

/// The same for handlers that are no pages.
#[must_use]
pub fn base_url_of(public_url: Option<&str>, headers: &HeaderMap, uri: &Uri) -> String {
    if let Some(url) = public_url {
        return url.trim_end_matches('/').to_owned();
    }
    let read = |name: HeaderName| {
        let value = headers.get(name)?;
        value.to_str().ok().map(str::to_owned)
    };
    let host = read(header::HOST).or_else(|| uri.authority().map(ToString::to_string));
    let forwarded = read(HeaderName::from_static("x-forwarded-proto"));
    let scheme = match forwarded.as_deref() {
        Some("https") => "https",
        _ => "http",
    };
    format!("{scheme}://{}", host.as_deref().unwrap_or("localhost"))
}
