//! Acts: a plan that was shown, its word typed, within a minute, with the token that acts. Then the same request as on the
//! control socket, and the session's own answer.
//!
//! **Invariant**: GET never acts. An act needs the cookie, the acting token in a header, exactly our origin and JSON (fault X17);
//! a plan is good once. Tests: at the end, `tests/commands/page.rs`.

use super::guard::{is_ours, is_type};
use super::line;
use super::session::Session;
use super::state::{Denied, State};
use crate::control::plans::VALID;
use crate::control::request::{Code, ControlError, Reply, Request, SCHEMA, Settled, Verb};
use crate::net::machine_clock::steady_ns;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The header of the token that acts.
pub const HEADER: &str = "x-carry-act";
/// Plans that may wait: more than are shown in the minute in which one is good.
const MOST: usize = 512;

/// What is asked for in the address of a plan.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The verb.
    pub verb: String,
    /// A pair.
    pub pair: Option<String>,
    /// Money with its unit.
    pub size: Option<String>,
    /// Why a halt is cleared.
    pub reason: Option<String>,
    /// An order or a transfer in doubt.
    pub id: Option<String>,
    /// `executed` or `absent`.
    #[serde(rename = "as")]
    pub settled: Option<String>,
}

impl Wanted {
    /// The act that is named; `None` where it is none of this page.
    #[must_use]
    pub fn verb(&self) -> Option<Verb> {
        Some(match self.verb.as_str() {
            "pause" => Verb::Pause,
            "resume" => Verb::Resume,
            "halt" => Verb::Halt,
            "clear-halt" => Verb::ClearHalt,
            "flatten" => Verb::Flatten,
            "close" => Verb::Close,
            "open" => Verb::Open,
            "resolve" => Verb::Resolve,
            "adopt" => Verb::Adopt,
            "accept" => Verb::Accept,
            "reload" => Verb::Reload,
            _ => return None,
        })
    }

    /// The request that it means.
    ///
    /// # Errors
    /// [`ControlError`] when it is no act, or lacks what its verb needs.
    pub fn request(&self) -> Result<Request, ControlError> {
        let usage = |text: &str| ControlError::new(Code::Usage, text);
        let some = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let verb = self.verb().ok_or_else(|| usage("verb: is no act of this page"))?;
        let settled = match some(&self.settled).as_deref() {
            None => None,
            Some("executed") => Some(Settled::Executed),
            Some("absent") => Some(Settled::Absent),
            Some(_) => return Err(usage("as: expected executed or absent")),
        };
        let request = Request {
            schema: SCHEMA.to_owned(),
            verb,
            pair: some(&self.pair),
            size: some(&self.size),
            reason: some(&self.reason),
            id: some(&self.id),
            settled,
            limit: None,
            token: None,
        };
        request.act().map(|_| request)
    }
}

struct Waiting {
    id: String,
    slug: String,
    request: Request,
    word: String,
    made: Duration,
}

/// Plans that were shown and not yet agreed to.
#[derive(Default)]
pub struct Waitings(Mutex<VecDeque<Waiting>>);

/// Why a plan is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is not known, was used, or is older than a minute.
    Over,
    /// Another word was typed; the plan still waits.
    Word,
}

impl Waitings {
    /// A plan is shown. Gives its name.
    pub fn show(&self, slug: &str, request: Request, word: String, now: Duration) -> Option<String> {
        let mut bytes = [0_u8; 16];
        rustls::crypto::ring::default_provider().secure_random.fill(&mut bytes).ok()?;
        let id = crate::domain::text::hex(&bytes);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| now.saturating_sub(one.made) <= VALID);
        if all.len() >= MOST {
            all.pop_front();
        }
        all.push_back(Waiting { id: id.clone(), slug: slug.to_owned(), request, word, made: now });
        Some(id)
    }

    /// Takes a plan whose word was typed.
    ///
    /// # Errors
    /// [`Unfit`] when it is over, or the word is another one.
    pub fn take(&self, slug: &str, id: &str, typed: &str, now: Duration) -> Result<Request, Unfit> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| now.saturating_sub(one.made) <= VALID);
        let place = all.iter().position(|one| one.id == id && one.slug == slug).ok_or(Unfit::Over)?;
        if all.get(place).is_none_or(|one| one.word != typed.trim()) {
            return Err(Unfit::Word);
        }
        all.remove(place).map(|one| one.request).ok_or(Unfit::Over)
    }
}

/// What a page sends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Agreed {
    plan: String,
    typed: String,
}

/// Carries out a plan that was agreed to.
pub async fn act(
    Shared(state): Shared<Arc<State>>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (session, request) = match taken(&state, &slug, &headers, &body) {
        Ok(taken) => taken,
        Err((status, code, text)) => {
            // Who cannot even read leaves no trace here: a stranger must not fill the log.
            if state.has_cookie(&headers) {
                let by = if headers.contains_key(HEADER) {
                    "a token that acts, right or not"
                } else {
                    "the token that reads"
                };
                tracing::warn!(
                    session = slug,
                    by,
                    why = text,
                    "an act of the page was refused before the session was asked"
                );
            }
            return refused(status, code, text);
        }
    };
    // A task of its own: who closes the browser ends the wait for the answer, and neither the act nor its second record.
    match tokio::spawn(carry_out(session, request)).await {
        Ok(reply) => (status_of(&reply), Json(reply)).into_response(),
        Err(_) => refused(StatusCode::GATEWAY_TIMEOUT, Code::InDoubt, "the page ended; the session may have acted"),
    }
}

/// Asks the session, with a record before and one after.
async fn carry_out(session: Arc<Session>, request: Request) -> Reply {
    let verb = super::plan::verb(&request);
    let (pair, slug) = (request.pair.as_deref(), session.slug.as_str());
    // Two records: should this process end in between, it is known what was asked.
    tracing::warn!(
        verb,
        pair,
        session = slug,
        by = ACTOR,
        "an act of the page is asked of the session; its outcome follows"
    );
    let reply = line::once(&session.dir, &request, line::ACT).await;
    let (outcome, why) = outcome(&reply);
    tracing::warn!(verb, pair, session = slug, by = ACTOR, outcome, why, "the outcome of an act of the page");
    session.look();
    reply
}

/// Who acts, in the log: whoever has the token; it is never said itself.
const ACTOR: &str = "the token that acts";

/// What became of an act: `taken`, `refused`, `failed` or `not known`, and why.
fn outcome(reply: &Reply) -> (&'static str, &str) {
    let Some(error) = &reply.error else { return ("taken", "") };
    let word = match error.code {
        Code::Usage | Code::Refused | Code::Difference | Code::Unsupported => "refused",
        Code::Busy | Code::Failed => "failed, nothing was done",
        Code::InDoubt => "not known",
    };
    (word, &error.message)
}

/// The session of an act and its request, when all of it is right.
fn taken(
    state: &State,
    slug: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(Arc<Session>, Request), (StatusCode, Code, &'static str)> {
    reads(state, headers).map_err(|(status, text)| (status, Code::Refused, text))?;
    let none = (StatusCode::NOT_FOUND, Code::Usage, "there is no such session");
    let session = state.session(slug).ok_or(none)?;
    acts(session, headers).map_err(|(status, text)| (status, Code::Refused, text))?;
    let wrong = |_| (StatusCode::BAD_REQUEST, Code::Usage, "expected a plan and the word that was typed");
    let agreed = serde_json::from_slice::<Agreed>(body).map_err(wrong)?;
    let now = Duration::from_nanos(steady_ns());
    let request = state.plans.take(slug, &agreed.plan, &agreed.typed, now).map_err(|unfit| match unfit {
        Unfit::Over => (StatusCode::CONFLICT, Code::Refused, "the plan is over: look at it again; nothing was done"),
        Unfit::Word => (StatusCode::BAD_REQUEST, Code::Usage, "another word was typed; nothing was done"),
    })?;
    Ok((Arc::clone(session), request))
}

fn reads(state: &State, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
    if !is_ours(state, headers) {
        return Err((StatusCode::FORBIDDEN, "the origin is another page"));
    }
    if !is_type(headers, "application/json") {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "expected JSON"));
    }
    if !state.has_cookie(headers) {
        return Err((StatusCode::UNAUTHORIZED, "the cookie that reads is missing: log in"));
    }
    Ok(())
}

fn acts(session: &Session, headers: &HeaderMap) -> Result<(), (StatusCode, &'static str)> {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let given = given.ok_or((StatusCode::FORBIDDEN, "the token that acts is missing"))?;
    State::try_acting(session, given).map_err(|denied| match denied {
        Denied::Wrong => (StatusCode::FORBIDDEN, "that is not the token that acts on this session"),
        Denied::LockedFor(_) => (StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens: none is looked at for a while"),
    })
}

fn refused(status: StatusCode, code: Code, text: &str) -> Response {
    (status, Json(Reply::failed(ControlError::new(code, text)))).into_response()
}

fn status_of(reply: &Reply) -> StatusCode {
    match reply.error.as_ref().map(|error| error.code) {
        None => StatusCode::OK,
        Some(Code::Usage) => StatusCode::BAD_REQUEST,
        Some(Code::Refused | Code::Difference | Code::Unsupported) => StatusCode::CONFLICT,
        Some(Code::Busy | Code::Failed) => StatusCode::SERVICE_UNAVAILABLE,
        Some(Code::InDoubt) => StatusCode::GATEWAY_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x17_a_plan_is_good_once_for_its_word_its_session_and_a_minute() {
        let (plans, at) = (Waitings::default(), Duration::from_secs);
        let show = |now| plans.show("a", Request::new(Verb::Flatten), "flatten 3".to_owned(), now).unwrap();
        let id = show(at(0));
        assert_eq!(plans.take("b", &id, "flatten 3", at(1)), Err(Unfit::Over));
        assert_eq!(plans.take("a", &id, "flatten", at(1)), Err(Unfit::Word));
        assert_eq!(plans.take("a", &id, " flatten 3 ", at(1)).map(|request| request.verb), Ok(Verb::Flatten));
        assert_eq!(plans.take("a", &id, "flatten 3", at(1)), Err(Unfit::Over));
        let id = show(at(0));
        assert_eq!(plans.take("a", &id, "flatten 3", at(61)), Err(Unfit::Over));
        for _ in 0..600 {
            show(at(0));
        }
        assert_eq!(plans.0.lock().unwrap().len(), MOST);
    }

    #[test]
    fn an_act_is_logged_with_what_became_of_it() {
        let failed = |code| Reply::failed(ControlError::new(code, "why"));
        assert_eq!(outcome(&Reply::done(serde_json::Value::Null, 0)), ("taken", ""));
        for (code, word) in [
            (Code::Refused, "refused"),
            (Code::Difference, "refused"),
            (Code::Busy, "failed, nothing was done"),
            (Code::InDoubt, "not known"),
        ] {
            assert_eq!(outcome(&failed(code)), (word, "why"));
        }
    }

    #[test]
    fn only_acts_with_what_they_need_are_acts() {
        let verb = |verb: &str| Wanted { verb: verb.to_owned(), ..Wanted::default() };
        for word in ["pause", "resume", "halt", "flatten", "accept", "reload"] {
            assert!(verb(word).request().is_ok(), "{word}");
        }
        for word in ["status", "close", "open", "adopt", "clear-halt", "resolve", "withdraw", ""] {
            assert_eq!(verb(word).request().unwrap_err().code, Code::Usage, "{word}");
        }
        let settled = Wanted { id: Some("c1".to_owned()), settled: Some("maybe".to_owned()), ..verb("resolve") };
        assert!(settled.request().unwrap_err().message.contains("executed or absent"));
    }
}
