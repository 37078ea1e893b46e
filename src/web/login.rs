//! The one form: the token that reads, for a cookie that reads.

use super::frame::document;
use super::guard::{is_ours, is_type};
use super::state::{Denied, State};
use super::tokens::COOKIE_SECONDS;
use crate::net::machine_clock;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use maud::html;

/// The form. It says nothing of a session.
pub fn form() -> Html<String> {
    Html(page(""))
}

fn page(problem: &str) -> String {
    let body = html! {
        body.login {
            main {
                form.card method="post" action="/login" {
                    h1 { "carry" }
                    label for="token" { "Token that reads" }
                    input id="token" name="token" type="password" autocomplete="current-password" spellcheck="false" required autofocus;
                    @if !problem.is_empty() { p.against role="alert" { (problem) } }
                    button type="submit" { "Read" }
                    p.note { "It stands in the session's folder; " code { "carry serve --print-token --state DIR" } " shows it." }
                }
            }
        }
    };
    document("carry", &body).into_string()
}

/// Takes the form of a page of this server, with a right token, and gives the cookie.
#[must_use]
pub fn enter(state: &State, headers: &HeaderMap, body: &str) -> Response {
    if !is_ours(state, headers) {
        return (StatusCode::FORBIDDEN, "the origin is another page\n").into_response();
    }
    if !is_type(headers, "application/x-www-form-urlencoded") {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected the form of this page\n").into_response();
    }
    let given = body.strip_prefix("token=").unwrap_or_default().trim();
    match state.try_token(|tokens| tokens.reads(given)) {
        Ok(()) => {
            let secure = if state.scheme == "https" { "; Secure" } else { "" };
            let value = state.tokens.cookie(machine_clock::now());
            let cookie = format!(
                "{}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={COOKIE_SECONDS}{secure}",
                state.cookie
            );
            let mut response = Redirect::to("/").into_response();
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
            response
        }
        Err(Denied::Wrong) => (StatusCode::FORBIDDEN, Html(page("That is not the token that reads."))).into_response(),
        Err(Denied::LockedFor(seconds)) => {
            let text = format!(
                "Too many wrong tokens, and this is another; look it up. Wrong ones are counted again in {seconds} s."
            );
            (StatusCode::TOO_MANY_REQUESTS, Html(page(&text))).into_response()
        }
    }
}
