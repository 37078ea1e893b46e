//! Requests and sockets of the venues of a live run: the only tasks beside the core.
//!
//! A request is encoded, signed and spent from the budget here, sent once, and its answer decoded off the core's thread; what
//! comes of it, and every frame of a socket, goes into one bounded inbox with the time of its arrival. A full inbox holds
//! the sockets back: nothing is dropped. No decisions. Tests: `tests/live.rs`.

use crate::domain::{Market, VenueId, WallTime};
use crate::net::backoff::Attempts;
use crate::net::budget::{Budget, Limits, Spent};
use crate::net::carrier::{Carrier, Client, Way};
use crate::net::clock_offset::{ClockOffset, Offset, OffsetSettings};
use crate::net::hosts::{Holder, Owner};
use crate::net::http::HttpSettings;
pub use crate::net::request::Outcome;
use crate::net::request::{Prepared, locked};
use crate::net::socket::{Arrival, SocketSettings};
use crate::net::tls::TestRoot;
use crate::net::{Clock, Dialer, HttpClient, Site};
use crate::venues::answer::AccountMessage;
use crate::venues::ask::{Act, Ask, Host};
use crate::venues::binance::account::{Call, CallId};
use crate::venues::binance::bundles::{Bundle, Bundles};
use crate::venues::binance::profile::Profile;
use crate::venues::binance::sign::{Nonce, ReadSigner, Stamp as SignStamp, TradeSigner, WsCall};
use crate::venues::binance::{DecodeError, pushed};
use crate::venues::binance::{encode, reply};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

/// Room for what arrived and was not taken yet.
pub const INBOX: usize = 16_384;
/// A lasting connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// Public data.
    Public {
        /// Which market.
        market: Market,
        /// Its place among those of the market.
        place: usize,
    },
    /// Our account's events.
    Account(Market),
}

/// What a line is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kick {
    /// Close what stands and open it again.
    Reopen,
    /// Open another one, which takes over.
    Renew,
}

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The public feed.
    Feed,
    /// The account.
    Account,
    /// The clock.
    Clock,
    /// The modes of the account.
    Modes,
    /// Terms that change seldom.
    Inputs,
    /// Margin into a position.
    Margin,
    /// The universe of a venue.
    Universe,
}

/// What arrived.
#[derive(Debug)]
pub enum Arrived {
    /// The end of a request.
    Request {
        /// Whose.
        venue: VenueId,
        /// Who asked.
        asker: Asker,
        /// Which.
        call: CallId,
        /// What became of it.
        outcome: Outcome,
        /// Nonce of a perp order of which nobody knows what became of it, where the venue can void it by that.
        voidable: Option<u64>,
        /// When it was signed, on the run's clock: from then on its validity counts. Nothing when it was not.
        signed: Option<WallTime>,
    },
    /// A message.
    Frame {
        /// Whose.
        venue: VenueId,
        /// On which line.
        line: Line,
        /// The message with its time.
        arrival: Arrival,
    },
    /// A line works.
    Opened {
        /// Whose.
        venue: VenueId,
        /// Which.
        line: Line,
    },
    /// A line broke; it is opened again by itself.
    Closed {
        /// Whose.
        venue: VenueId,
        /// Which.
        line: Line,
        /// Why, for the log.
        why: String,
    },
}

/// What became of a request, by which nonce it can be voided, and when it was signed.
type Exchanged = (Outcome, Option<u64>, Option<WallTime>);

/// What can sign for a venue.
pub enum Signer {
    /// Nothing: public data alone.
    None,
    /// Reads.
    Read(ReadSigner),
    /// Everything.
    Trade(Arc<TradeSigner>),
}

/// What all doors of a run share.
pub struct Network<'a> {
    /// Whose hosts.
    pub owner: Owner,
    /// What keys are used.
    pub holder: Holder,
    /// A test's certificate.
    pub test_root: Option<&'a TestRoot>,
    /// Where the time comes from.
    pub clock: Clock,
    /// How requests and lines travel.
    pub carrier: Carrier,
}

/// One venue's door to the network.
pub struct Wire {
    venue: VenueId,
    profile: Arc<Profile>,
    clients: BTreeMap<Host, Client>,
    budgets: BTreeMap<Host, Arc<Mutex<Budget>>>,
    signer: Signer,
    offset: Arc<Mutex<ClockOffset>>,
    clock: Clock,
    inbox: mpsc::Sender<Arrived>,
    attempts: Mutex<Attempts>,
    kicks: Mutex<BTreeMap<Line, mpsc::Sender<Kick>>>,
    nonce: Arc<Mutex<Nonce>>,
    dialers: BTreeMap<String, Way>,
    /// Pairs that are counted in contracts of several coins.
    bundles: Mutex<Arc<Bundles>>,
}

/// Why a venue cannot be reached at all.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// An address is not allowed.
    #[error(transparent)]
    Host(#[from] crate::net::hosts::HostError),
    /// A client cannot be made.
    #[error(transparent)]
    Setup(#[from] crate::net::http::SetupError),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] crate::net::tls::TlsError),
}

impl Wire {
    /// A door to one venue. Lines are opened by [`Wire::open_lines`].
    ///
    /// # Errors
    /// [`WireError`] when an address is not allowed or TLS cannot be set up.
    pub fn new(
        of: (VenueId, Arc<Profile>),
        signer: Signer,
        network: &Network<'_>,
        inbox: mpsc::Sender<Arrived>,
    ) -> Result<Self, WireError> {
        let (venue, profile) = of;
        let clock = network.clock;
        // The list of all instruments of a market is the longest answer.
        let settings = HttpSettings { body_cap: reply::MAX_BODY, ..HttpSettings::default() };
        let mut clients = BTreeMap::new();
        let mut budgets: BTreeMap<Host, Arc<Mutex<Budget>>> = BTreeMap::new();
        for host in [Host::Spot, Host::Perp, Host::Wallet] {
            let site = Site::new(profile.base(host), network.owner, network.holder)?;
            let client = match &network.carrier {
                Carrier::Queue(to) => Client::Queue { host, to: to.clone(), clock, total: settings.total },
                Carrier::Sockets => Client::Http(HttpClient::new(&site, settings, network.test_root, clock)?),
            };
            clients.insert(host, client);
            let limits = if host == Host::Perp { Limits::perp() } else { Limits::spot() };
            // Wallet requests have a budget of their own kind, and where they go to the spot host's address they keep still
            // with it.
            let same = host == Host::Wallet && profile.base(host) == profile.base(Host::Spot);
            let budget = match budgets.get(&Host::Spot).filter(|_| same) {
                Some(spot) => locked(spot).beside(&limits),
                None => Budget::new(&limits, clock),
            };
            budgets.insert(host, Arc::new(Mutex::new(budget)));
        }
        let mut dialers = BTreeMap::new();
        let hosts = &profile.hosts;
        for address in [Some(&hosts.ws_spot), hosts.ws_spot_api.as_ref(), Some(&hosts.ws_perp)].into_iter().flatten() {
            let base = base_of(address);
            let site = Site::new(&base, network.owner, network.holder)?;
            let settings = SocketSettings::default();
            let way = match &network.carrier {
                Carrier::Queue(to) => Way::Queue { base: base.clone(), to: to.clone(), connect: settings.connect },
                Carrier::Sockets => Way::Socket(Dialer::new(&site, settings, network.test_root, clock)?),
            };
            dialers.insert(base, way);
        }
        Ok(Self {
            venue,
            profile,
            clients,
            budgets,
            signer,
            offset: Arc::new(Mutex::new(ClockOffset::new(OffsetSettings::default()))),
            clock,
            inbox,
            attempts: Mutex::new(Attempts::new(60, Duration::from_mins(5))),
            kicks: Mutex::new(BTreeMap::new()),
            nonce: Arc::new(Mutex::new(Nonce::default())),
            dialers,
            bundles: Mutex::default(),
        })
    }

    /// Whether the venue's clock was measured not long ago.
    #[must_use]
    pub fn clock_known(&self) -> bool {
        self.offset().is_some()
    }

    /// How far the venue's clock is from ours, when that was measured not long ago.
    #[must_use]
    pub fn offset(&self) -> Option<Offset> {
        locked(&self.offset).read(self.clock.now())
    }

    /// What was spent of the limits of each group of hosts.
    #[must_use]
    pub fn spent(&self) -> Vec<(Host, Vec<Spent>)> {
        self.budgets.iter().map(|(host, budget)| (*host, locked(budget).spent())).collect()
    }

    /// The venue's profile.
    #[must_use]
    pub const fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// From now on this pair is counted in contracts, whatever is asked, done or told; once each.
    pub fn count_in(&self, bundle: Bundle) {
        let mut bundles = locked(&self.bundles);
        Arc::make_mut(&mut bundles).add(bundle);
    }

    /// Pairs that are counted so.
    #[must_use]
    pub fn bundles(&self) -> Arc<Bundles> {
        Arc::clone(&locked(&self.bundles))
    }

    /// Asks a question; the answer arrives in the inbox.
    pub fn ask(&self, asker: Asker, call: CallId, ask: Ask) {
        self.call(asker, call, &Call::Ask(ask));
    }

    /// Sends a request; what becomes of it arrives in the inbox.
    pub fn call(&self, asker: Asker, call: CallId, what: &Call) {
        let inbox = self.inbox.clone();
        let venue = self.venue;
        let exchange = self.exchange(what);
        tokio::spawn(async move {
            let (outcome, voidable, signed) = exchange.await;
            // The run is over when nobody takes it.
            let _ = inbox.send(Arrived::Request { venue, asker, call, outcome, voidable, signed }).await;
        });
    }

    /// Asks and waits, for the start-up.
    pub async fn fetch(&self, ask: Ask) -> Outcome {
        self.exchange(&Call::Ask(ask)).await.0
    }

    /// Acts and waits, for the start-up.
    pub async fn act(&self, act: Act) -> Outcome {
        self.exchange(&Call::Act(act)).await.0
    }

    /// One request from the question to its decoded answer, the nonce by which it can be voided, and when it was signed.
    fn exchange(&self, what: &Call) -> impl Future<Output = Exchanged> + Send + 'static {
        let prepared = self.prepare(what);
        let gentle = prepared.as_ref().and_then(|prepared| self.gentle(prepared));
        let profile = Arc::clone(&self.profile);
        let (clock, offset, inbox) = (self.clock, Arc::clone(&self.offset), self.inbox.clone());
        let bundles = self.bundles();
        async move {
            let unsent = |limited| (Outcome::NotSent { limited, untrusted: None }, None, None);
            let Some(prepared) = prepared else { return unsent(false) };
            if prepared.budgeted(clock).await.is_err() {
                return unsent(true);
            }
            let Some((signed, nonce)) = prepared.sign(clock, &offset) else { return unsent(false) };
            // A little after the stamp: what counts from it ends no earlier than it does at the venue.
            let signed_at = clock.now().wall;
            let outcome = prepared.send(&signed, (&profile, &offset, clock)).await;
            let outcome = outcome.map(|answer| bundles.inward(&prepared.what, answer));
            let voidable = outcome.is_open() && prepared.is_voidable(&profile);
            if locked(&prepared.budget).wants_asker()
                && let Some(gentle) = gentle
            {
                tokio::spawn(async move { gentle.gently((&profile, &offset, clock), || inbox.is_closed()).await });
            }
            (outcome, voidable.then_some(nonce), Some(signed_at))
        }
    }

    /// The one question that leaves first after the address of a request had to keep still: the venue's time.
    fn gentle(&self, of: &Prepared) -> Option<Prepared> {
        let market = if of.request.host == Host::Perp { Market::Perp } else { Market::Spot };
        let question = self.prepare(&Call::Ask(Ask::Time(market)))?;
        Some(Prepared { budget: Arc::clone(&of.budget), ..question })
    }
}

impl Wire {
    /// The venue's number.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        self.venue
    }

    /// Where the time comes from.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether something can sign.
    #[must_use]
    pub const fn signs(&self) -> bool {
        !matches!(self.signer, Signer::None)
    }

    /// Keeps a connection of orders ready on both hosts, as long as the run goes on; for who trades.
    pub fn keep_warm(&self) {
        if !matches!(self.signer, Signer::Trade(_)) {
            return;
        }
        for market in [Market::Spot, Market::Perp] {
            if let Some(question) = self.prepare(&Call::Ask(Ask::Time(market))) {
                let inbox = self.inbox.clone();
                tokio::spawn(async move { question.keep_warm(|| inbox.is_closed()).await });
            }
        }
    }

    /// Whether nobody takes what arrives any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.inbox.is_closed()
    }

    /// Puts something into the inbox; waits while it is full.
    pub async fn deliver(&self, arrived: Arrived) {
        let _ = self.inbox.send(arrived).await;
    }

    /// Measures the venue's clock.
    pub fn measure_clock(&self) {
        self.ask(Asker::Clock, 0, Ask::Time(Market::Perp));
    }

    /// What an account message says.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn pushed(&self, market: Market, bytes: &[u8]) -> Result<Vec<AccountMessage>, DecodeError> {
        let messages = pushed::pushed(&self.profile, market, bytes)?;
        let bundles = self.bundles();
        messages.into_iter().map(|message| bundles.told(message)).collect()
    }

    /// Opens every public line of a market again.
    pub fn reconnect_public(&self, of: Market) {
        for (line, kick) in locked(&self.kicks).iter() {
            if matches!(line, Line::Public { market, .. } if *market == of) {
                let _ = kick.try_send(Kick::Reopen);
            }
        }
    }

    /// Opens the line of account events of a market again.
    pub fn reconnect_account(&self, market: Market) {
        self.kick(Line::Account(market), Kick::Reopen);
    }

    /// Opens another connection beside a line; it takes over, and nothing is missed meanwhile (fault D10).
    pub fn renew(&self, line: Line) {
        self.kick(line, Kick::Renew);
    }

    fn kick(&self, line: Line, how: Kick) {
        if let Some(kick) = locked(&self.kicks).get(&line) {
            let _ = kick.try_send(how);
        }
    }

    pub(super) fn remember_kick(&self, line: Line, kick: mpsc::Sender<Kick>) {
        locked(&self.kicks).insert(line, kick);
    }

    pub(super) const fn attempts(&self) -> &Mutex<Attempts> {
        &self.attempts
    }

    /// The text of a call on the WebSocket API, signed now.
    pub(super) fn ws_api_text(&self, id: &str, call: WsCall) -> Option<String> {
        let now = self.clock.now();
        let at = locked(&self.offset).read(now).map_or(now.wall, |offset| offset.signing_time(now));
        let nonce = locked(&self.nonce).next(at);
        let signer = match &self.signer {
            Signer::None => return None,
            Signer::Read(signer) => signer.clone(),
            Signer::Trade(signer) => signer.reader(),
        };
        signer.ws_api(id, call, &SignStamp::new(at, nonce)).ok()
    }

    /// The dialer of an address, and the path there.
    pub(super) fn dialer(&self, url: &str) -> Option<(Way, String)> {
        let base = base_of(url);
        let path = url.get(base.len()..).filter(|path| !path.is_empty()).unwrap_or("/");
        Some((self.dialers.get(&base)?.clone(), path.to_owned()))
    }

    fn prepare(&self, what: &Call) -> Option<Prepared> {
        // What cannot be said exactly in the venue's units is not sent.
        let what = &self.bundles().outward(what)?;
        let (request, write) = match what {
            Call::Ask(ask) => (encode::read(&self.profile, ask).ok()?, None),
            Call::Act(act) => {
                let write = encode::write(&self.profile, act).ok()?;
                (write.request().clone(), Some(write))
            }
        };
        let (read, trade) = match &self.signer {
            Signer::None => (None, None),
            Signer::Read(signer) => (Some(signer.clone()), None),
            Signer::Trade(signer) => (Some(signer.reader()), Some(Arc::clone(signer))),
        };
        Some(Prepared {
            what: what.clone(),
            client: self.clients.get(&request.host)?.clone(),
            budget: Arc::clone(self.budgets.get(&request.host)?),
            request,
            write,
            read,
            trade,
            nonce: Arc::clone(&self.nonce),
        })
    }
}

/// Scheme, host and port of an address.
fn base_of(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url).to_owned()
}
