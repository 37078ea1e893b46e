//! What is refused before anything is looked up, and what every answer says to the browser.
//!
//! A foreign name of this machine (DNS rebinding, fault X18), an upgrade to a socket (X19: there is none), too many requests
//! (X20). Tests: `tests/commands/page.rs`.

use super::state::State;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// Longest path with its query.
const LONGEST: usize = 2_048;

/// Scripts, styles and calls of this server alone; nothing in line, no frame round it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // A form of this page must name its origin; other sites learn nothing.
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), usb=()"),
];

/// Checks a request before it is routed, and gives its answer the headers of every page.
pub async fn check(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let mut response = match refused(&state, &request) {
        Some((status, text)) => (status, text).into_response(),
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn refused(state: &State, request: &Request) -> Option<(StatusCode, &'static str)> {
    let headers = request.headers();
    let host = one(headers, &header::HOST);
    if host.is_none_or(|host| !state.hosts.iter().any(|known| known == host)) {
        return Some((StatusCode::FORBIDDEN, "this host is not known here; see web.hosts\n"));
    }
    if headers.contains_key(header::UPGRADE) {
        return Some((StatusCode::FORBIDDEN, "there is no socket here\n"));
    }
    if request.uri().path_and_query().is_some_and(|path| path.as_str().len() > LONGEST) {
        return Some((StatusCode::URI_TOO_LONG, "the address is too long\n"));
    }
    (!state.within_rate(headers, request.uri().path()))
        .then_some((StatusCode::TOO_MANY_REQUESTS, "too many requests; try again in a second\n"))
}

/// The one value of a header; none when it is there twice.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a request comes from a page of this server: its origin is exactly the one that it asked.
#[must_use]
pub fn is_ours(state: &State, headers: &HeaderMap) -> bool {
    let (host, origin) = (one(headers, &header::HOST), one(headers, &header::ORIGIN));
    host.zip(origin).is_some_and(|(host, origin)| origin == format!("{}://{host}", state.scheme))
}

/// Whether its body is of a type, whatever follows a semicolon.
#[must_use]
pub fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let given = one(headers, &header::CONTENT_TYPE).and_then(|value| value.split(';').next());
    given.is_some_and(|given| given.trim().eq_ignore_ascii_case(wanted))
}
