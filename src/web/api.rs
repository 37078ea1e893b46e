//! The same snapshot for programs: `carry.feed/1`, to who has a cookie or the reading token as bearer. It only reads.
//!
//! Its schema is printed by `carry schema`; what happens comes as typed events (`told.rs`). Tests: `tests/commands/page.rs`,
//! `tests/commands/feed.rs`.

use super::session::Session;
use super::state::State;
use super::told::{Place, Reader};
use super::view::View;
use crate::control::snapshot::Snapshot;
use crate::domain::WallTime;
use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::convert::Infallible;
use std::path::Path as Folder;
use std::sync::Arc;
use tokio::sync::watch;

const SCHEMA: &str = "carry.feed/1";

/// A session at one instant, with the age of what is said of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Feed<'a> {
    /// Always `carry.feed/1`.
    pub schema: &'static str,
    /// Its name in addresses.
    pub session: &'a str,
    /// Its folder.
    pub dir: &'a Folder,
    /// `paper`, `shadow`, `live`; empty before its files are read.
    pub mode: &'a str,
    /// Whether a process answers.
    pub runs: bool,
    /// Rises with each view of this page.
    pub number: u64,
    /// When it was taken, by the machine's clock.
    pub taken_ms: WallTime,
    /// How long ago that was.
    pub age_ms: u64,
    /// Why there is nothing to show.
    pub problem: Option<&'a str>,
    /// What `carry status` shows of it; null where nothing is known.
    pub status: Option<&'a Snapshot>,
}

/// Sessions of this page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Sessions<'a> {
    /// Always `carry.feed/1`.
    pub schema: &'static str,
    /// In the order in which they were named.
    pub sessions: Vec<SessionRow<'a>>,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionRow<'a> {
    /// Its name in addresses.
    pub session: &'a str,
    /// Its folder.
    pub dir: &'a Folder,
    /// `paper`, `shadow`, `live`; empty before its files are read.
    pub mode: &'a str,
    /// Whether a process answers.
    pub runs: bool,
}

fn feed(view: &View) -> Feed<'_> {
    Feed {
        schema: SCHEMA,
        session: &view.slug,
        dir: &view.dir,
        mode: view.mode(),
        runs: view.runs,
        number: view.number,
        taken_ms: view.taken_at,
        age_ms: u64::try_from(view.age().as_millis()).unwrap_or(u64::MAX),
        problem: view.problem.as_deref(),
        status: view.snapshot.as_ref(),
    }
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
    let mut views = Vec::new();
    for session in &state.sessions {
        views.push(session.now().await);
    }
    let row = |view: &'_ Arc<View>| (view.slug.clone(), view.dir.clone(), view.mode().to_owned(), view.runs);
    let rows: Vec<_> = views.iter().map(row).collect();
    let sessions = rows.iter().map(|(session, dir, mode, runs)| SessionRow { session, dir, mode, runs: *runs });
    Json(Sessions { schema: SCHEMA, sessions: sessions.collect() }).into_response()
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

/// From where events are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct From {
    /// `start`, or an id; what happens next when absent.
    from: Option<String>,
}

/// What happens in a session, from the last id that a program has.
pub async fn events(
    Shared(state): Shared<Arc<State>>,
    Path(slug): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Response {
    let session = match may(&state, &headers, &slug) {
        Ok(session) => Arc::clone(session),
        Err(refused) => return *refused,
    };
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let place = match last.or(from.from).as_deref() {
        None => None,
        Some("start") => Some(Place::default()),
        Some(id) => match id.parse() {
            Ok(place) => Some(place),
            Err(()) => return refused(StatusCode::BAD_REQUEST, "from: expected start, or an id of this stream"),
        },
    };
    session.now().await;
    let events = futures_util::stream::unfold(Reader::new(&session, place), Reader::next);
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
