//! Public questions to a venue, one after the other and within its limits: for history, scans and recordings.
//!
//! Reads alone: a question that got no answer may be asked again, for a bounded time. No key is held here, so nothing can
//! be signed. Waiting for budget happens here and nowhere below. Tests: `tests/commands/download.rs`.

use crate::domain::Span;
use crate::net::budget::{Budget, Limit, Limits, NoBudget, Spend};
use crate::net::hosts::{HostError, Owner};
use crate::net::http::{HttpSettings, SetupError};
use crate::net::tls::TestRoot;
use crate::net::{Clock, Holder, HttpClient, Outgoing, Reply, Site};
use crate::venues::answer::{Answer, Refused};
use crate::venues::ask::{Ask, Host, Request};
use crate::venues::binance::encode::{Unsupported, read};
use crate::venues::binance::profile::{Net, Profile};
use crate::venues::binance::reply::{MAX_BODY, answer};
use std::time::Duration;
use thiserror::Error;

/// After this long without an answer the venue counts as out of reach. The last attempt may take as long again.
const GIVE_UP: Duration = Duration::from_secs(6);
/// Longest wait for budget that is taken; beyond it the caller hears of it.
const MOST_WAIT: Duration = Duration::from_mins(6);
const PAUSE: Duration = Duration::from_millis(400);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError {
    /// No such venue.
    #[error("{0}: expected binance or aster")]
    NoVenue(String),
    /// The address may not be called.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The client cannot be made.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// The venue has no such question.
    #[error(transparent)]
    NotThere(#[from] Unsupported),
    /// Nothing answers, or something else than the venue.
    #[error("{site} cannot be reached: {why}")]
    Unreachable {
        /// Where.
        site: String,
        /// Why, without addresses.
        why: String,
    },
    /// The venue banned the address, or asked to keep still for longer than is waited.
    #[error("{site} asks to keep still for {seconds} s more")]
    KeepStill {
        /// Where.
        site: String,
        /// How long.
        seconds: u64,
    },
    /// The venue refused the question.
    #[error("{site} refused {path}: HTTP {status}, {text}")]
    Refused {
        /// Where.
        site: String,
        /// Path without parameters.
        path: &'static str,
        /// HTTP status.
        status: u16,
        /// What it said, escaped and cut.
        text: String,
    },
    /// The answer is not what was asked for.
    #[error("{site} {path}: {}", bad.text)]
    Bad {
        /// Where.
        site: String,
        /// Path without parameters.
        path: &'static str,
        /// What is wrong.
        bad: Box<Refused>,
    },
}

/// A venue as the public sees it.
pub struct PublicVenue {
    profile: Profile,
    spot: HttpClient,
    perp: HttpClient,
    spot_budget: Budget,
    perp_budget: Budget,
    /// Settlements and their terms share a limit of their own.
    funding_budget: Budget,
    /// Statistics too; they have no weight.
    statistics_budget: Budget,
    root: Option<TestRoot>,
    clock: Clock,
}

impl PublicVenue {
    /// A venue by its name; `base` puts all of its hosts at one address of this machine, and `root` is believed there.
    ///
    /// # Errors
    /// [`AskError::NoVenue`], [`AskError::Host`] or [`AskError::Setup`].
    pub fn new(name: &str, base: Option<&str>, root: Option<TestRoot>, clock: Clock) -> Result<Self, AskError> {
        let (owner, profile) = match name {
            "binance" => (Owner::Binance, Profile::binance()),
            "aster" => (Owner::Aster, Profile::aster_v3(Net::Main)),
            other => return Err(AskError::NoVenue(other.escape_debug().take(40).collect())),
        };
        let profile = match base {
            Some(base) => profile.with_loopback(base),
            None => profile,
        };
        // The list of all spot instruments is some ten megabytes.
        let (connect, total) = (Duration::from_secs(3), GIVE_UP);
        let settings = HttpSettings { connect, total, body_cap: MAX_BODY, ..HttpSettings::default() };
        let client = |address: &str| -> Result<HttpClient, AskError> {
            let site = Site::new(address, owner, Holder::NoKeys)?;
            Ok(HttpClient::new(&site, settings, root.as_ref(), clock)?)
        };
        let own = |count, minutes: i64| {
            let window = Span(Span::MINUTE.0.saturating_mul(minutes));
            Budget::new(&Limits { weight: Limit { count, window }, orders: Vec::new() }, clock)
        };
        Ok(Self {
            spot: client(profile.base(Host::Spot))?,
            perp: client(profile.base(Host::Perp))?,
            spot_budget: Budget::new(&Limits::spot(), clock),
            perp_budget: Budget::new(&Limits::perp(), clock),
            funding_budget: own(500, 5),
            statistics_budget: own(1000, 5),
            clock,
            root,
            profile,
        })
    }

    /// Asks and reads the answer.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&mut self, ask: &Ask) -> Result<Answer, AskError> {
        let (reply, path) = self.reply(ask).await?;
        answer(&self.profile, ask, reply.status, &reply.body).map_err(|bad| AskError::Bad {
            site: self.site(ask),
            path,
            bad: Box::new(bad),
        })
    }

    /// Asks and gives the answer as it came.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn reply(&mut self, ask: &Ask) -> Result<(Reply, &'static str), AskError> {
        let request = read(&self.profile, ask)?;
        let path = request.path;
        let target = if request.query.is_empty() { path.to_owned() } else { format!("{path}?{}", request.query) };
        let outgoing = Outgoing { method: request.method, path_and_query: &target, body: None, header: None };
        let start = self.clock.now();
        loop {
            self.wait(ask, &request).await?;
            let site = self.site(ask);
            let client = if request.host == Host::Perp { &self.perp } else { &self.spot };
            let why = match client.send(&outgoing).await {
                Ok(reply) => {
                    let status = reply.status;
                    self.budget(&request).on_reply(&reply);
                    let said = || String::from_utf8_lossy(&reply.body).escape_debug().take(160).collect::<String>();
                    match status {
                        200 => return Ok((reply, path)),
                        // The budget keeps still from here on; the wait above sees it.
                        429 | 418 => continue,
                        403 | 451 | 500..=599 => format!("HTTP {status}"),
                        _ => return Err(AskError::Refused { site, path, status, text: said() }),
                    }
                }
                Err(lost) => lost.to_string(),
            };
            let fatal = why == "HTTP 403" || why == "HTTP 451";
            if fatal || self.clock.now().since(start) >= GIVE_UP {
                return Err(AskError::Unreachable { site, why });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The venue's profile, with its addresses.
    #[must_use]
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// A test's certificate, for whoever opens streams of the same venue.
    #[must_use]
    pub const fn root(&self) -> Option<&TestRoot> {
        self.root.as_ref()
    }

    /// Where a question goes.
    fn site(&self, ask: &Ask) -> String {
        let spot = matches!(read(&self.profile, ask), Ok(Request { host: Host::Spot | Host::Wallet, .. }));
        let client = if spot { &self.spot } else { &self.perp };
        client.site().to_string()
    }

    fn budget(&mut self, request: &Request) -> &mut Budget {
        if request.host == Host::Perp { &mut self.perp_budget } else { &mut self.spot_budget }
    }

    async fn wait(&mut self, ask: &Ask, request: &Request) -> Result<(), AskError> {
        let one = Spend { weight: 1, ..Spend::of(request) };
        let own = match ask {
            Ask::FundingHistory { .. } | Ask::FundingInfo => Some(&mut self.funding_budget),
            Ask::OpenInterestHistory { .. } => Some(&mut self.statistics_budget),
            _ => None,
        };
        if let Some(own) = own {
            until(own, one, self.clock, &self.perp).await?;
        }
        let spend = Spend::of(request);
        let (budget, client) = match request.host {
            Host::Perp => (&mut self.perp_budget, &self.perp),
            Host::Spot | Host::Wallet => (&mut self.spot_budget, &self.spot),
        };
        until(budget, spend, self.clock, client).await
    }
}

/// Waits until there is budget and takes it.
async fn until(budget: &mut Budget, spend: Spend, clock: Clock, client: &HttpClient) -> Result<(), AskError> {
    loop {
        let at_ns = match budget.take(spend) {
            Ok(()) => return Ok(()),
            Err(NoBudget::Wait { again_ns } | NoBudget::Refused { again_ns }) => again_ns,
            Err(NoBudget::Blocked { until_ns }) => until_ns,
            // A ban grows with each one: a person should know before anything else is asked.
            Err(NoBudget::Halted { until_ns }) => {
                let seconds = Duration::from_nanos(until_ns.saturating_sub((clock.steady_ns)())).as_secs();
                return Err(AskError::KeepStill { site: client.site().to_string(), seconds });
            }
            // Not met: the heaviest public question is far below the smallest bucket.
            Err(NoBudget::TooHeavy { .. }) => u64::MAX,
        };
        let wait = Duration::from_nanos(at_ns.saturating_sub((clock.steady_ns)()));
        if wait > MOST_WAIT {
            return Err(AskError::KeepStill { site: client.site().to_string(), seconds: wait.as_secs() });
        }
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    }
}
