//! Addresses of the page. Without a cookie that reads, or the reading token as bearer, nothing of a session is shown.

use super::act::{self, Wanted};
use super::frame::{self, Screen};
use super::live::Follower;
use super::session::Session;
use super::state::{Metrics, State};
use super::view::View;
use super::{api, guard, listing, login, overview, plan, sheet};
use crate::control::metrics::{Told, text};
use crate::net::machine_clock;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Most bytes of a body.
const LARGEST: usize = 16 * 1024;
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// A session that has not answered for so long does not live.
const ALIVE: Duration = Duration::from_secs(10);

/// All addresses, behind the guard.
pub fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/login", get(|| async { login::form() }).post(entered))
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/page.css", get(|| async { ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE) }))
        .route("/page.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }))
        .route("/s/{slug}", get(first))
        .route("/s/{slug}/plan", get(planned))
        .route("/s/{slug}/live", get(follow))
        .route("/s/{slug}/act", post(act::act))
        .route("/s/{slug}/{screen}", get(screen))
        .route("/s/{slug}/files/{name}", get(file))
        .route("/api/v1/sessions", get(api::sessions))
        .route("/api/v1/sessions/{slug}", get(api::session))
        .route("/api/v1/sessions/{slug}/stream", get(api::stream))
        .route("/api/v1/sessions/{slug}/events", get(api::events))
        .fallback(|| async { (StatusCode::NOT_FOUND, "there is no such page\n") })
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(from_fn_with_state(Arc::clone(&state), guard::check))
        .with_state(state)
}

/// Extracted by axum, which wants a function that waits.
async fn entered(Shared(state): Shared<Arc<State>>, headers: HeaderMap, body: String) -> Response {
    std::future::ready(login::enter(&state, &headers, &body)).await
}

/// What the address of a page names.
#[derive(Debug, Default, Deserialize)]
struct Named {
    name: Option<String>,
    screen: Option<String>,
    month: Option<String>,
}

impl Named {
    fn screen(&self, word: &str) -> Option<Screen> {
        Some(match word {
            "overview" => Screen::Overview,
            "opportunities" => Screen::Opportunities,
            "ledger" => self.month.clone().map_or(Screen::Ledger, Screen::Month),
            "risk" => Screen::Risk,
            "health" => Screen::Health,
            "events" => Screen::Events,
            "pair" => Screen::Pair(self.name.clone()?),
            _ => return None,
        })
    }
}

/// The session of an address, for who may read.
fn may<'a>(state: &'a State, headers: &HeaderMap, slug: &str) -> Result<&'a Arc<Session>, Box<Response>> {
    if !state.reads(headers) {
        return Err(Box::new(Redirect::to("/login").into_response()));
    }
    state.session(slug).ok_or_else(|| Box::new((StatusCode::NOT_FOUND, "there is no such session\n").into_response()))
}

/// Alive or not, and nothing else.
async fn health(Shared(state): Shared<Arc<State>>) -> Response {
    for session in &state.sessions {
        let view = session.now().await;
        let over = view.snapshot.as_ref().is_some_and(|now| now.state == "over");
        if view.age() > ALIVE || !view.runs && !over {
            return (StatusCode::SERVICE_UNAVAILABLE, "no answer\n").into_response();
        }
    }
    "ok\n".into_response()
}

/// All sessions as text for Prometheus, to whom `web.metrics` allows it.
async fn metrics(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match &state.metrics {
        Metrics::Off => return (StatusCode::NOT_FOUND, "there is no such page; see web.metrics\n").into_response(),
        Metrics::Open => {}
        Metrics::Bearer(known) => {
            if state.try_bearer(known, &headers).is_err() {
                return (StatusCode::UNAUTHORIZED, "expected the bearer of web.metrics\n").into_response();
            }
        }
    }
    let mut views = Vec::new();
    for session in &state.sessions {
        views.push(session.now().await);
    }
    let rows = views.iter().map(|view| (view.slug.as_str(), told(view)));
    match text(rows) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n").into_response(),
    }
}

/// What is known of a session, for whoever counts.
fn told(view: &View) -> Told<'_> {
    match &view.snapshot {
        Some(now) if view.runs => Told::Now(now),
        _ if view.silent.is_some() => Told::Silent,
        Some(now) if now.state == "over" => Told::Over,
        _ => Told::Gone,
    }
}

/// The one session, or the list of them.
async fn home(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    if !state.reads(&headers) {
        return Redirect::to("/login").into_response();
    }
    if let [one] = state.sessions.as_slice() {
        return Redirect::to(&format!("/s/{}", one.slug)).into_response();
    }
    let mut rows = Vec::new();
    for session in &state.sessions {
        rows.push(session.now().await);
    }
    Html(listing::page(&rows, machine_clock::now()).into_string()).into_response()
}

async fn first(Shared(state): Shared<Arc<State>>, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    shown(&state, &headers, &slug, Screen::Overview).await
}

async fn screen(
    Shared(state): Shared<Arc<State>>,
    Path((slug, word)): Path<(String, String)>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Response {
    match named.screen(&word) {
        Some(screen) => shown(&state, &headers, &slug, screen).await,
        None => match may(&state, &headers, &slug) {
            Ok(_) => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
            Err(refused) => *refused,
        },
    }
}

async fn shown(state: &State, headers: &HeaderMap, slug: &str, screen: Screen) -> Response {
    let session = match may(state, headers, slug) {
        Ok(session) => session,
        Err(refused) => return *refused,
    };
    let view = session.now().await;
    Html(frame::page(&view, &screen, &overview::of(&view, &screen)).into_string()).into_response()
}

/// The rows of a session as a CSV file.
async fn file(
    Shared(state): Shared<Arc<State>>,
    Path((slug, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let session = match may(&state, &headers, &slug) {
        Ok(session) => session,
        Err(refused) => return *refused,
    };
    let view = session.now().await;
    let Some(history) = &view.history else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the files of the session are not read yet\n").into_response();
    };
    match sheet::of(history, &name) {
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
        Some(Err(_)) => (StatusCode::INTERNAL_SERVER_ERROR, "the file cannot be written\n").into_response(),
        Some(Ok(bytes)) => {
            let kept = format!("attachment; filename=\"{slug}-{name}\"");
            let head =
                [(header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, kept)];
            (head, bytes).into_response()
        }
    }
}

async fn planned(
    Shared(state): Shared<Arc<State>>,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    match may(&state, &headers, &slug) {
        Ok(session) => Html(plan::page(&state, session, &wanted).await.into_string()).into_response(),
        Err(refused) => *refused,
    }
}

async fn follow(
    Shared(state): Shared<Arc<State>>,
    Path(slug): Path<String>,
    Query(named): Query<Named>,
    headers: HeaderMap,
) -> Response {
    if !state.reads(&headers) {
        return (StatusCode::UNAUTHORIZED, "log in first\n").into_response();
    }
    let screen = named.screen(named.screen.as_deref().unwrap_or_default());
    let (Some(session), Some(screen)) = (state.session(&slug), screen) else {
        return (StatusCode::NOT_FOUND, "there is no such page\n").into_response();
    };
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    // The first view is awaited here, so that what follows begins with what is known.
    session.now().await;
    let follower = Follower::new(session, screen, Arc::clone(&state.cache), seen);
    let events = futures_util::stream::unfold(follower, Follower::next);
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE)).into_response()
}
