//! The venue: clock, market, books, limits, faults and streams behind one lock, and the passing of its time.
//!
//! Everything that happens, happens in order of the venue's time: minutes of the market, acts of a script, countdowns.
//! What requests do is in `rest/`, matching in `trading.rs`, margin and funding in `settle.rs`. Not here: sockets.

use super::books::Books;
use super::clock::Clock;
use super::faults::Script;
use super::keys::Key;
use super::limits::Limits;
use super::market::{Markets, is_of_market};
use super::saved::Saved;
use super::script::{Act, Done};
use super::streams::Streams;
use super::typed::Nonces;
use super::{LoopbackError, Options, Profile, Source};
use crate::domain::{Amount, Asset, Market, Span, Symbol, WallTime};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Real milliseconds, from the program's one clock.
pub type RealTime = std::sync::Arc<dyn Fn() -> i64 + Send + Sync>;

/// How long a listen key lives without a renewal.
pub(crate) const LISTEN_KEY_LIFE: Span = Span(3_600_000);

/// Why an act is refused on a recording.
pub(crate) const AS_RECORDED: &str =
    "prices are as they were recorded: calm, rally, premium, bundle and list cannot be done";

/// A listen key.
#[derive(Debug, Clone)]
pub(crate) struct ListenKey {
    pub(crate) market: Market,
    pub(crate) until: WallTime,
}

/// All state.
pub(crate) struct Venue {
    pub(crate) profile: Profile,
    pub(crate) clock: Clock,
    pub(crate) real: RealTime,
    /// The venue's time, as far as it has been played.
    pub(crate) now: WallTime,
    pub(crate) start: WallTime,
    pub(crate) skew: Span,
    pub(crate) market: Markets,
    pub(crate) books: Books,
    pub(crate) limits: Limits,
    pub(crate) script: Script,
    pub(crate) streams: Streams,
    pub(crate) keys: Vec<Key>,
    pub(crate) nonces: BTreeMap<String, Nonces>,
    pub(crate) listen_keys: BTreeMap<String, ListenKey>,
    pub(crate) countdowns: BTreeMap<Symbol, WallTime>,
    /// Requests by method and path.
    pub(crate) requests: BTreeMap<String, u64>,
    /// How often each client id arrived as a new order, refused or not.
    pub(crate) arrivals: BTreeMap<String, u64>,
    pub(crate) quote: Asset,
    pub(crate) pulses: u64,
    /// Real time between two pulses, ms.
    pub(crate) pulse_ms: u64,
    /// Trades of others that were published: their numbers.
    pub(crate) trades: u64,
    saved: Option<Saved>,
}

impl Venue {
    pub(crate) fn open(options: Options, real: RealTime) -> Result<Self, LoopbackError> {
        let began = real();
        let quote = Asset::of("USDT");
        let mut saved = options.state.as_deref().map(Saved::open).transpose()?;
        let (recorded, seed) = match &options.source {
            Source::Generated(seed) => (None, *seed),
            Source::Recorded(pairs) => (Some(Markets::recorded(pairs)?), 0),
        };
        let start = recorded.as_ref().map_or(options.start, Markets::last_frame);
        let (start, now, books) = match saved.as_mut().map(Saved::load).transpose()?.flatten() {
            Some((start, now, books)) => (start, now, books),
            None => (start, start, opening(&options, quote, start)),
        };
        let calm = options.script.calm;
        let mut market = recorded.unwrap_or_else(|| Markets::new(seed, start, options.history, calm));
        let moves = calm || options.script.acts.iter().any(|timed| !market.can(&timed.act));
        if moves && market.recording().is_some() {
            return Err(LoopbackError::Recording(AS_RECORDED.to_owned()));
        }
        let mut past = books.done.iter().peekable();
        while let Some(due) = market.due().filter(|due| *due <= now) {
            while let Some(done) = past.next_if(|done| done.at <= due) {
                market.apply(done);
            }
            market.play();
        }
        past.for_each(|done| market.apply(done));
        // Building the market takes seconds: a venue at the speed of time shows the time, a faster one begins where it was told.
        let from = if options.speed_per_mille == 1_000 { began } else { real() };
        let clock = Clock::new(now, from, options.speed_per_mille);
        Ok(Self {
            profile: options.profile,
            clock,
            real,
            now,
            start,
            skew: Span::ZERO,
            market,
            books,
            limits: Limits::default(),
            script: options.script,
            streams: Streams::default(),
            keys: super::keys::known(),
            nonces: BTreeMap::new(),
            listen_keys: BTreeMap::new(),
            countdowns: BTreeMap::new(),
            requests: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            quote,
            pulses: 0,
            pulse_ms: options.pulse_ms,
            trades: 0,
            saved,
        })
    }

    /// What the venue writes into its stamps.
    pub(crate) fn stamp(&self) -> WallTime {
        self.now + self.skew
    }

    /// Plays everything up to the clock's time.
    pub(crate) fn catch_up(&mut self) {
        let until = self.clock.at((self.real)());
        loop {
            let market = self.market.due().unwrap_or(until + Span(1));
            let act = self.script.acts.get(self.books.acts_done).map(|timed| self.start + timed.at);
            let countdown = self.countdowns.values().min().copied();
            let due = act.unwrap_or(market).min(countdown.unwrap_or(market)).min(market);
            if due > until {
                break;
            }
            self.now = self.now.max(due);
            if countdown == Some(due) {
                self.count_down();
            } else if act == Some(due) {
                if let Some(timed) = self.script.acts.get(self.books.acts_done).cloned() {
                    self.books.acts_done += 1;
                    self.act(&timed.act);
                }
            } else {
                self.play();
            }
        }
        self.now = self.now.max(until);
        self.expire_listen_keys();
    }

    /// Plays the market's next minute, or the next frame of a recording.
    fn play(&mut self) {
        let ended = self.market.has_ended();
        let Some(played) = self.market.play() else {
            self.match_resting();
            if self.market.has_ended() && !ended {
                tracing::warn!(at = %self.now, "the recording has ended: the market stands still");
            }
            return;
        };
        for (symbol, settled) in played.settled {
            self.settle_funding(symbol, settled);
        }
        for (symbol, share) in played.adl {
            self.deleverage(symbol, share);
        }
        self.end_delisted();
        self.match_resting();
        self.check_margin();
        self.auto_exchange();
        self.streams.marks_due = true;
    }

    /// Does an act now.
    pub(crate) fn act(&mut self, act: &Act) {
        let now = self.now;
        if is_of_market(act) {
            let done = Done { at: now, act: act.clone() };
            self.market.apply(&done);
            self.books.done.push(done);
            self.after_market_act(act);
            return;
        }
        match act {
            Act::Adl { symbol, share } => self.deleverage(*symbol, *share),
            Act::Liquidation { symbol } => self.liquidate(*symbol),
            Act::Settle { symbol } => self.settle_by_force(*symbol),
            Act::RateLimit { lasts } => self.limits.spent_until = Some(now + *lasts),
            Act::Ban { lasts } => self.limits.banned_until = Some(now + *lasts),
            Act::ClockSkew { ms } => self.skew = Span(*ms),
            Act::Cut {} => self.streams.cut_all(),
            Act::Freeze { symbol, lasts } => self.streams.freeze(*symbol, now + *lasts),
            Act::ListenKeys {} => {
                for key in self.listen_keys.values_mut() {
                    key.until = now;
                }
                self.expire_listen_keys();
            }
            Act::Revoke {} => {
                let revoked = [super::keys::TRADER.0, super::keys::ED25519_KEY];
                self.keys.retain(|key| !revoked.contains(&key.name));
            }
            Act::Hedge { on } => self.books.hedge = *on,
            Act::Peg { to } => self.books.dollar = Some(*to),
            Act::Burn { on } => (self.books.spot_burn, self.books.fee_burn) = (*on, *on),
            Act::Deposit { wallet, asset, amount } => self.deposit(*wallet, *asset, *amount),
            Act::Foreign { symbol, market, side, quantity } => self.foreign(*symbol, *market, (*side, *quantity)),
            _ => {}
        }
    }

    fn after_market_act(&mut self, act: &Act) {
        if let Act::Delist { symbol, .. } | Act::Brackets { symbol, .. } | Act::Interval { symbol, .. } = act {
            self.tell_contract(*symbol);
        }
        self.match_resting();
        self.check_margin();
    }

    fn deposit(&mut self, wallet: Market, asset: Asset, amount: Amount) {
        match wallet {
            Market::Spot => {
                self.books.purse(asset).total += amount;
                self.tell_balance(asset, amount);
            }
            Market::Perp => {
                self.book_income("TRANSFER", None, (asset, amount), None);
                self.tell_wallet("DEPOSIT", &[(asset, amount)], None);
            }
        }
    }

    fn expire_listen_keys(&mut self) {
        let now = self.now;
        let dead: Vec<String> =
            self.listen_keys.iter().filter(|(_, key)| key.until <= now).map(|(name, _)| name.clone()).collect();
        for name in dead {
            let event = json!({"e": "listenKeyExpired", "E": self.stamp().0, "listenKey": name});
            self.streams.tell_listen_key(&name, &event);
            self.listen_keys.remove(&name);
        }
    }

    /// Writes what is new to the state folder, before anybody is told.
    pub(crate) fn save(&mut self) -> Result<(), LoopbackError> {
        if let Some(saved) = self.saved.as_mut() {
            return saved.save(self.start, self.now, &mut self.books);
        }
        self.books.unsaved.clear();
        Ok(())
    }

    /// The clock as control requests show it.
    pub(crate) fn clock_view(&self) -> Value {
        let (held, speed) = self.clock.state();
        let recording = self.market.recording().map(|(gaps, refused, ended)| {
            json!({"ended": ended, "last_frame_ms": self.market.last_frame().0, "gaps": gaps, "unreadable": refused})
        });
        json!({"now_ms": self.now.0, "start_ms": self.start.0, "held": held, "speed_per_mille": speed, "skew_ms": self.skew.0,
               "recording": recording})
    }
}

/// The account as it begins.
fn opening(options: &Options, quote: Asset, at: WallTime) -> Books {
    let mut books = Books { last_id: 1_000, ..Books::default() };
    books.purse(quote).total = options.spot_balance;
    if !options.futures_balance.is_zero() {
        let asset = quote;
        let amount = options.futures_balance;
        books.income(super::books::Income {
            tran: 0,
            kind: "TRANSFER".to_owned(),
            symbol: None,
            asset,
            amount,
            at,
            trade: None,
        });
    }
    books
}
