//! What every request of a page shares: the sessions, the tokens, and what was tried with wrong ones.

use super::act::Waitings;
use super::live::Cache;
use super::lockout::Lockout;
use super::session::Session;
use super::tokens::{Tokens, same};
use crate::keys::Secret;
use crate::net::machine_clock::{self, steady_ns};
use axum::http::{HeaderMap, header};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// Requests a second of all strangers together, and of all who read; as many may come at once.
const RATE: u32 = 200;
/// Acts a second beside those, of who has the token that acts: a bucket that nobody else can empty.
const ACTS: u32 = 20;
/// Plans a second, of all clients together: each is a question to the loop.
const PLANS: u32 = 4;
/// Longest wait of a plan for those before it.
const TURN: Duration = Duration::from_secs(5);

/// The page as all requests see it.
pub struct State {
    /// Sessions, in the order in which they were named.
    pub sessions: Vec<Arc<Session>>,
    /// What reads.
    pub tokens: Tokens,
    /// Hosts that a browser may name, exactly.
    pub hosts: Vec<String>,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Name of the cookie; it holds the port, because a browser gives the cookies of one port to all.
    pub cookie: String,
    /// Who may read `/metrics`.
    pub metrics: Metrics,
    /// Plans that were shown.
    pub plans: Waitings,
    /// Pages that were rendered.
    pub cache: Arc<Cache>,
    /// Of the form: a person who logs in.
    lockout: Mutex<Lockout>,
    /// Of the reading token as a bearer: a program with a wrong one locks no person out, and no person a program.
    borne: Mutex<Lockout>,
    /// Of the bearer of the metrics: a scraper with a wrong one locks no person out.
    scraped: Mutex<Lockout>,
    /// Of those who neither read nor act.
    strangers: DefaultDirectRateLimiter,
    readers: DefaultDirectRateLimiter,
    actors: DefaultDirectRateLimiter,
    /// One plan at a time, in the order in which they were asked for.
    turn: Semaphore,
    planned: DefaultDirectRateLimiter,
}

/// Who may read `/metrics`.
pub enum Metrics {
    /// Nobody: there is no such page.
    Off,
    /// All of this machine; a page that other machines reach is refused it.
    Open,
    /// Who has this bearer.
    Bearer(Secret),
}

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It is wrong.
    Wrong,
    /// It is wrong, and so were too many before it; seconds until a wrong one is told as such again.
    LockedFor(u64),
}

impl State {
    /// Without tries so far.
    #[must_use]
    pub fn new(sessions: Vec<Arc<Session>>, tokens: Tokens, hosts: Vec<String>, port: u16) -> Self {
        let cookie = format!("carry_page_{port}");
        Self {
            sessions,
            tokens,
            hosts,
            scheme: "http",
            cookie,
            metrics: Metrics::Off,
            plans: Waitings::default(),
            cache: Arc::default(),
            lockout: Mutex::default(),
            borne: Mutex::default(),
            scraped: Mutex::default(),
            strangers: bucket(RATE),
            readers: bucket(RATE),
            actors: bucket(ACTS),
            turn: Semaphore::new(1),
            planned: bucket(PLANS),
        }
    }

    /// Whether one more request is within its rate. Whoever has a right token has other buckets than strangers, so that no
    /// flood of theirs keeps its owner from a look or an act.
    #[must_use]
    pub fn within_rate(&self, headers: &HeaderMap, path: &str) -> bool {
        let reads = self.has_cookie(headers) || bearer(headers).is_some_and(|given| self.tokens.reads(given));
        if !reads {
            return self.strangers.check().is_ok();
        }
        let owner = || {
            let session = self.session(path.strip_prefix("/s/")?.strip_suffix("/act")?)?;
            let given = headers.get(super::act::HEADER)?.to_str().ok()?;
            acts_on(session, given).then_some(())
        };
        self.readers.check().is_ok() || owner().is_some() && self.actors.check().is_ok()
    }

    /// The turn to ask a session for a plan; `None` when too many wait before it. One at a time and few a second, whoever asks:
    /// so the page holds a place or two of the control socket and its plans end before they are pushed out by others.
    pub async fn plan_turn(&self) -> Option<SemaphorePermit<'_>> {
        let turn = async {
            let permit = self.turn.acquire().await.ok()?;
            self.planned.until_ready().await;
            Some(permit)
        };
        tokio::time::timeout(TURN, turn).await.ok().flatten()
    }

    /// The session of an address.
    #[must_use]
    pub fn session(&self, slug: &str) -> Option<&Arc<Session>> {
        self.sessions.iter().find(|session| session.slug == slug)
    }

    /// Whether a request may read: by its cookie, or by the reading token as its bearer.
    #[must_use]
    pub fn reads(&self, headers: &HeaderMap) -> bool {
        if self.has_cookie(headers) {
            return true;
        }
        let right = |given: &str| {
            let what = "the page was asked with wrong bearers";
            tried(&self.borne, || self.tokens.reads(given), what).is_ok()
        };
        bearer(headers).is_some_and(right)
    }

    /// Whether a request has a cookie that reads.
    #[must_use]
    pub fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let now = machine_clock::now();
        self.cookies(headers).any(|cookie| self.tokens.knows(cookie, now))
    }

    fn cookies<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.filter(|(name, _)| *name == self.cookie).map(|(_, value)| value)
    }

    /// Looks at the token of the form.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong.
    pub fn try_token(&self, right: impl FnOnce(&Tokens) -> bool) -> Result<(), Denied> {
        tried(&self.lockout, || right(&self.tokens), "the page was tried with wrong tokens")
    }

    /// Looks at the token that acts on a session, of a request that reads; with a count of its own. It is that of the session's
    /// own folder, as it stands there now: the token of one session acts on no other.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong.
    pub fn try_acting(session: &Session, given: &str) -> Result<(), Denied> {
        tried(&session.acted, || acts_on(session, given), "an act of the page was tried with wrong tokens")
    }

    /// Looks at the bearer of a scraper, with a count of its own.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong.
    pub fn try_bearer(&self, known: &Secret, headers: &HeaderMap) -> Result<(), Denied> {
        let given = bearer(headers).unwrap_or_default();
        tried(&self.scraped, || same(known, given), "the metrics were asked for with wrong bearers")
    }
}

/// Whether it is the token that acts on a session: that of its own folder, as it stands there now.
fn acts_on(session: &Session, given: &str) -> bool {
    Tokens::kept(&session.dir).ok().flatten().is_some_and(|tokens| tokens.acts(given))
}

fn bucket(a_second: u32) -> DefaultDirectRateLimiter {
    RateLimiter::direct(Quota::per_second(NonZeroU32::new(a_second).unwrap_or(NonZeroU32::MIN)))
}

fn tried(lockout: &Mutex<Lockout>, right: impl FnOnce() -> bool, what: &str) -> Result<(), Denied> {
    // The right one is taken whatever others typed: with 256 bits it is not found by trying, and a stranger who types wrong
    // ones must not keep its owner out.
    let right = right();
    let now = Duration::from_nanos(steady_ns());
    let mut lockout = lockout.lock().unwrap_or_else(PoisonError::into_inner);
    if right {
        lockout.right();
        return Ok(());
    }
    if let Some(left) = lockout.left(now) {
        return Err(Denied::LockedFor(left.as_secs() + 1));
    }
    match lockout.wrong(now) {
        Some(pause) => {
            let (tries, seconds) = (super::lockout::TRIES, pause.as_secs());
            tracing::warn!(tries, seconds, "{what}: none is looked at for a while");
            Err(Denied::LockedFor(seconds))
        }
        None => Err(Denied::Wrong),
    }
}

/// The token that a request bears.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
