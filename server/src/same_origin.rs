//! Keeps other sites from acting in a visitor's name: a request that changes something and carries
//! the session's cookie must come from one of our own pages. Browsers say where it comes from in
//! `Sec-Fetch-Site` and `Origin`, which no page can forge (Fetch Metadata; RFC 6454); together with
//! `SameSite=Lax` that needs no token, and works without JavaScript.

use axum::{
    extract::Request,
    http::{
        HeaderMap, Method, StatusCode,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse as _, Response},
};

/// Refuses requests of other sites.
pub async fn require(request: Request, next: Next) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if reads || is_same_origin(request.headers()) {
        return next.run(request).await;
    }
    (
        StatusCode::FORBIDDEN,
        "refused: the request comes from another site",
    )
        .into_response()
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(ORIGIN.as_str()) else {
        // Not a browser: those send at least one of the two with a POST.
        return true;
    };
    let host = text("x-forwarded-host").or_else(|| text(HOST.as_str()));
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && of_origin == host
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn allowed(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v)))
            .collect();
        is_same_origin(&headers)
    }

    #[test]
    fn only_our_own_pages_may_post() {
        assert!(allowed(&[("sec-fetch-site", "same-origin")]));
        assert!(!allowed(&[("sec-fetch-site", "cross-site")]));
        assert!(!allowed(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://a.x"),
            ("host", "a.x")
        ]));
        assert!(allowed(&[
            ("origin", "http://a.x:4000"),
            ("host", "a.x:4000")
        ]));
        assert!(!allowed(&[("origin", "http://evil"), ("host", "a.x:4000")]));
        assert!(!allowed(&[("origin", "null"), ("host", "a.x:4000")]));
        assert!(allowed(&[]));
    }
}
