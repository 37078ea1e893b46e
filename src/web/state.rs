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

/// Requests a second, of all clients together; as many may come at once.
const RATE: u32 = 200;

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
    rate: DefaultDirectRateLimiter,
}

/// Who may read `/metrics`.
pub enum Metrics {
    /// Nobody: there is no such page.
    Off,
    /// All of this machine.
    Open,
    /// Who has this bearer.
    Bearer(Secret),
}

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// It is wrong.
    Wrong,
    /// Too many were wrong; seconds until one is looked at again.
    LockedFor(u64),
}

impl State {
    /// Without tries so far.
    #[must_use]
    pub fn new(sessions: Vec<Arc<Session>>, tokens: Tokens, hosts: Vec<String>, port: u16) -> Self {
        let rate = RateLimiter::direct(Quota::per_second(NonZeroU32::new(RATE).unwrap_or(NonZeroU32::MIN)));
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
            rate,
        }
    }

    /// Whether one more request is within the rate.
    #[must_use]
    pub fn within_rate(&self) -> bool {
        self.rate.check().is_ok()
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

    /// Looks at the token of the form, unless too many were wrong.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong, or none is looked at now.
    pub fn try_token(&self, right: impl FnOnce(&Tokens) -> bool) -> Result<(), Denied> {
        tried(&self.lockout, || right(&self.tokens), "the page was tried with wrong tokens")
    }

    /// Looks at the token that acts on a session, of a request that reads; with a count of its own. It is that of the session's
    /// own folder, as it stands there now: the token of one session acts on no other.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong, or none is looked at now.
    pub fn try_acting(session: &Session, given: &str) -> Result<(), Denied> {
        let right = || Tokens::kept(&session.dir).ok().flatten().is_some_and(|tokens| tokens.acts(given));
        tried(&session.acted, right, "an act of the page was tried with wrong tokens")
    }

    /// Looks at the bearer of a scraper, with a count of its own.
    ///
    /// # Errors
    /// [`Denied`] when it is wrong, or none is looked at now.
    pub fn try_bearer(&self, known: &Secret, headers: &HeaderMap) -> Result<(), Denied> {
        let given = bearer(headers).unwrap_or_default();
        tried(&self.scraped, || same(known, given), "the metrics were asked for with wrong bearers")
    }
}

fn tried(lockout: &Mutex<Lockout>, right: impl FnOnce() -> bool, what: &str) -> Result<(), Denied> {
    let now = Duration::from_nanos(steady_ns());
    let mut lockout = lockout.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(left) = lockout.left(now) {
        return Err(Denied::LockedFor(left.as_secs() + 1));
    }
    if right() {
        lockout.right();
        return Ok(());
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
