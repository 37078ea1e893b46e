//! The same snapshot for programs: `carry.feed/1`, to who has a cookie or the reading token as bearer. It only reads.
//!
//! Tests: `tests/page.rs`.

use super::session::Session;
use super::state::State;
use super::view::View;
use axum::Json;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;

const SCHEMA: &str = "carry.feed/1";

/// A view with its age. `status` is null where nothing is known.
fn feed(view: &View) -> Value {
    json!({
        "schema": SCHEMA, "session": view.slug, "dir": view.dir, "mode": view.mode(), "runs": view.runs,
        "number": view.number, "taken_ms": view.taken_at, "age_ms": u64::try_from(view.age().as_millis()).unwrap_or(u64::MAX),
        "problem": view.problem, "status": view.snapshot,
    })
}

fn refused(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "schema": SCHEMA, "error": text }))).into_response()
}

fn may<'a>(state: &'a State, headers: &HeaderMap, slug: &str) -> Result<&'a Arc<Session>, Box<Response>> {
    if !state.reads(headers) {
        return Err(Box::new(refused(StatusCode::UNAUTHORIZED, "expected the token that reads as bearer")));
    }
    state.session(slug).ok_or_else(|| Box::new(refused(StatusCode::NOT_FOUND, "there is no such session")))
}

/// Names of the sessions.
pub async fn sessions(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    if !state.reads(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "expected the token that reads as bearer");
    }
    let mut rows = Vec::new();
    for session in &state.sessions {
        let view = session.now().await;
        rows.push(json!({ "session": view.slug, "dir": view.dir, "mode": view.mode(), "runs": view.runs }));
    }
    Json(json!({ "schema": SCHEMA, "sessions": rows })).into_response()
}

/// One session now.
pub async fn session(Shared(state): Shared<Arc<State>>, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    match may(&state, &headers, &slug) {
        Ok(session) => Json(feed(&*session.now().await)).into_response(),
        Err(refused) => *refused,
    }
}

/// One session as it changes.
pub async fn stream(Shared(state): Shared<Arc<State>>, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    let session = match may(&state, &headers, &slug) {
        Ok(session) => Arc::clone(session),
        Err(refused) => return *refused,
    };
    session.now().await;
    let from = (Arc::clone(&session), session.follow(), 0);
    Sse::new(futures_util::stream::unfold(from, next)).keep_alive(KeepAlive::default()).into_response()
}

/// A session, what comes of it, and the last view that was sent.
type Following = (Arc<Session>, watch::Receiver<Arc<View>>, u64);

async fn next((session, mut views, seen): Following) -> Option<(Result<Event, Infallible>, Following)> {
    let view = super::live::newer(&session, &mut views, seen).await?;
    let event = Event::default().id(view.number.to_string()).json_data(feed(&view)).ok()?;
    Some((Ok(event), (session, views, view.number)))
}
