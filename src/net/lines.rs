//! The lasting connections of one venue: a task each that opens, keeps, changes and reopens it, and passes its frames on.
//!
//! When to do what is said by `net::rotation`, a pure machine; here are the sockets, the listen keys and the texts that
//! subscribe. A connection whose place is taken over stays open for a while beside the new one. Tests: `tests/live.rs`.

use crate::domain::{Market, Symbol, VenueId};
use crate::net::Clock;
use crate::net::backoff::{Attempts, Backoff, BackoffSettings};
use crate::net::carrier::Way;
use crate::net::clock::nanos;
use crate::net::rotation::{Act, Generation, Happened, Link, RotationSettings};
use crate::net::socket::Arrival;
use crate::net::wire::{Arrived, Kick, Line, Outcome, Wire};
use crate::planted::{self, Bug};
use crate::venues::answer::{Answer, Class};
use crate::venues::ask::{Ask, ListenKeyAct};
use crate::venues::binance::profile::Feature;
use crate::venues::binance::sign::WsCall;
use crate::venues::binance::streams::{account_stream, streams};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// A listen key is kept alive this often; it dies after an hour (fault C04).
const KEEP_ALIVE: Duration = Duration::from_mins(20);
/// After one that got no answer.
const KEEP_AGAIN: Duration = Duration::from_mins(1);
/// Frames between a socket and the inbox.
const FRAMES: usize = 1024;

/// A listen key and when it was made or kept.
type Key = Option<(String, u64)>;
/// The way into each open connection.
type Texts = BTreeMap<Generation, mpsc::Sender<String>>;

/// Where a line goes.
enum Source {
    /// A public address and what subscribes there.
    Public { url: String, subscribe: Vec<String> },
    /// The account's events, by a listen key of this market.
    ListenKey(Market),
    /// The account's events on the WebSocket API.
    WsApi,
}

enum Inner {
    Opened(Generation),
    Ended(Generation, String),
}

struct Keeper {
    venue: VenueId,
    line: Line,
    source: Source,
    wire: Arc<Wire>,
    place: u32,
    kick: mpsc::Receiver<Kick>,
}

impl Wire {
    /// Opens the public lines of these symbols and, when something can sign, the account's. How many public ones there are.
    pub fn open_lines(self: &Arc<Self>, spot: &[Symbol], perp: &[Symbol]) -> usize {
        let mut lines = Vec::new();
        for (market, symbols) in [(Market::Spot, spot), (Market::Perp, perp)] {
            for (place, address) in streams(self.profile(), market, symbols).into_iter().enumerate() {
                let source = Source::Public { url: address.url, subscribe: address.subscribe };
                lines.push((Line::Public { market, place }, source));
            }
        }
        let public = lines.len();
        if self.signs() {
            let by_api = self.profile().has(Feature::WsApiUserData);
            let spot = if by_api { Source::WsApi } else { Source::ListenKey(Market::Spot) };
            lines.push((Line::Account(Market::Spot), spot));
            lines.push((Line::Account(Market::Perp), Source::ListenKey(Market::Perp)));
        }
        for (place, (line, source)) in lines.into_iter().enumerate() {
            let (kick, kicked) = mpsc::channel(1);
            self.remember_kick(line, kick);
            let keeper = Keeper {
                venue: self.venue(),
                line,
                source,
                wire: Arc::clone(self),
                place: u32::try_from(place).unwrap_or(0),
                kick: kicked,
            };
            tokio::spawn(keeper.run());
        }
        public
    }
}

impl Keeper {
    async fn run(mut self) {
        let clock = self.wire.clock();
        let seed = u64::from(self.place) ^ (clock.steady_ns)();
        let backoff = Backoff::new(BackoffSettings::default(), seed);
        let mut link = Link::new(RotationSettings::default(), backoff, self.place);
        let (tell, mut told) = mpsc::channel(16);
        let mut texts = Texts::new();
        let mut key: Key = None;
        let mut happened = Happened::Tick;
        let mut why = String::new();
        loop {
            let stood = link.standing().is_some();
            let now_ns = (clock.steady_ns)();
            let acts = link.step(happened, now_ns, &mut locked(self.wire.attempts()));
            match (stood, link.standing().is_some(), happened) {
                (_, true, Happened::Opened(_)) => {
                    self.say(Arrived::Opened { venue: self.venue, line: self.line }).await;
                }
                (true, false, _) => {
                    let why = std::mem::take(&mut why);
                    self.say(Arrived::Closed { venue: self.venue, line: self.line, why }).await;
                }
                _ => {}
            }
            for act in acts {
                self.act(act, &mut key, &mut texts, &tell).await;
            }
            let wake = link.wake_at_ns(&locked(self.wire.attempts()));
            // However seldom the clock is looked at, a key is kept alive in time.
            let look = clock.look.min(KEEP_ALIVE / 4);
            let sleep =
                wake.map_or(look, |wake| Duration::from_nanos(wake.saturating_sub((clock.steady_ns)())).min(look));
            happened = tokio::select! {
                biased;
                inner = told.recv() => match inner {
                    Some(Inner::Opened(generation)) => Happened::Opened(generation),
                    Some(Inner::Ended(generation, cause)) => {
                        texts.remove(&generation);
                        why = cause;
                        Happened::Ended(generation)
                    }
                    None => return,
                },
                kicked = self.kick.recv() => match kicked {
                    None => return,
                    Some(Kick::Reopen) => {
                        // Dropping the texts ends the sockets; they are opened again as after any loss.
                        texts.clear();
                        Happened::Tick
                    }
                    Some(Kick::Renew) => link.standing().map_or(Happened::Tick, Happened::ShutdownSaid),
                },
                () = tokio::time::sleep(sleep.max(Duration::from_millis(1))) => Happened::Tick,
            };
            if self.wire.is_over() {
                return;
            }
            self.keep_alive(&mut key, &mut texts, clock).await;
        }
    }

    async fn act(&self, act: Act, key: &mut Key, texts: &mut Texts, tell: &mpsc::Sender<Inner>) {
        match act {
            Act::Close(generation) => drop(texts.remove(&generation)),
            Act::Open(Generation(2..)) if planted::is(Bug::LineStaysDown) => {}
            Act::Open(generation) => {
                let (sender, receiver) = mpsc::channel(16);
                texts.insert(generation, sender.clone());
                if let Some((dialer, path, first)) = self.address(key).await {
                    for text in first {
                        let _ = sender.try_send(text);
                    }
                    self.connect((dialer, path), generation, receiver, tell.clone());
                } else {
                    let _ = tell.try_send(Inner::Ended(generation, "no address".to_owned()));
                }
            }
        }
    }

    async fn say(&self, arrived: Arrived) {
        self.wire.deliver(arrived).await;
    }

    /// Where to connect now, and what to send first; `None` when it cannot be had.
    async fn address(&self, key: &mut Key) -> Option<(Way, String, Vec<String>)> {
        let (url, texts) = match &self.source {
            Source::Public { url, subscribe } => (url.clone(), subscribe.clone()),
            Source::WsApi => {
                let text = self.wire.ws_api_text("user-data", WsCall::Subscribe)?;
                (account_stream(self.wire.profile(), Market::Spot, ""), vec![text])
            }
            Source::ListenKey(market) => {
                let ask = Ask::ListenKey { market: *market, act: ListenKeyAct::Open };
                let Outcome::Answered { result, .. } = self.wire.fetch(ask).await else { return None };
                let Ok(Answer::ListenKey(Some(found))) = result else { return None };
                *key = Some((found.clone(), (self.wire.clock().steady_ns)()));
                (account_stream(self.wire.profile(), *market, &found), Vec::new())
            }
        };
        let (dialer, path) = self.wire.dialer(&url)?;
        Some((dialer, path, texts))
    }

    fn connect(
        &self,
        to: (Way, String),
        generation: Generation,
        texts: mpsc::Receiver<String>,
        tell: mpsc::Sender<Inner>,
    ) {
        let (dialer, path) = to;
        let (wire, venue, line) = (Arc::clone(&self.wire), self.venue, self.line);
        tokio::spawn(async move {
            let socket = match dialer.dial(&path).await {
                Ok(socket) => socket,
                Err(error) => {
                    let _ = tell.send(Inner::Ended(generation, error.to_string())).await;
                    return;
                }
            };
            let _ = tell.send(Inner::Opened(generation)).await;
            let (frames, mut arrived) = mpsc::channel::<Arrival>(FRAMES);
            let pass = async {
                while let Some(arrival) = arrived.recv().await {
                    wire.deliver(Arrived::Frame { venue, line, arrival }).await;
                }
            };
            let (closed, ()) = tokio::join!(socket.run(frames, texts), pass);
            let _ = tell.send(Inner::Ended(generation, format!("{closed:?}"))).await;
        });
    }

    /// Keeps a listen key alive; one that is gone ends the connection, which says nothing any more.
    async fn keep_alive(&self, key: &mut Key, texts: &mut Texts, clock: Clock) {
        let (Source::ListenKey(market), Some((name, since_ns))) = (&self.source, key.as_mut()) else { return };
        let now_ns = (clock.steady_ns)();
        let due = now_ns.saturating_sub(*since_ns) >= nanos(KEEP_ALIVE);
        if !due || planted::is(Bug::KeyNotKept) {
            return;
        }
        *since_ns = now_ns;
        let ask = Ask::ListenKey { market: *market, act: ListenKeyAct::Keep(name.clone()) };
        match self.wire.fetch(ask).await {
            Outcome::Answered { result: Ok(_), .. } => {}
            Outcome::Answered { result: Err(refused), .. } if refused.class == Class::ListenKey => texts.clear(),
            // A lost one is soon said again: two in a row would be all that fit into a key's life.
            _ => *since_ns = now_ns.saturating_sub(nanos(KEEP_ALIVE.saturating_sub(KEEP_AGAIN))),
        }
    }
}

fn locked(mutex: &Mutex<Attempts>) -> std::sync::MutexGuard<'_, Attempts> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
