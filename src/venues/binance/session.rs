//! Market data of one connection: frames in, events out, with one book kept in step per instrument.
//!
//! Sans-IO: it is told what arrived and when, and says what it wants (a snapshot); it opens nothing and never asks for the
//! time. It decides nothing about trading and sends no request by itself.
//! Tests: `session_tests.rs` and `tests/suite/wire.rs`.

use super::bundles::{Bundle, counted};
use super::decode::decode;
use super::message::{BookTicker, DecodeError, DepthUpdate, Kind, MarkPrice, Message, Scratch};
use crate::domain::{Bps, FundingRate, InstrumentId, Interval, Market, Quantity, Side, Span, Symbol, WallTime};
use crate::market::book::Book;
use crate::market::diff::{Diff, Rule, Snapshot};
use crate::market::sync::Sync;
use crate::market::sync::{Loss, Verdict};
use crate::port::Event;
use crate::port::event::Quote;
use std::collections::BTreeMap;

/// How far from its own best price a side's coins are counted as the depth of a quote.
pub const DEPTH_BOUND: Bps = Bps::whole(10);
/// An event that left the venue longer ago than this tells no price of now: no use accepts it by default. Busy venues have
/// been ten seconds behind; what is younger ages by its own time.
const LATEST: Span = Span::MINUTE;
/// The clocks are compared to well within this: what is dated further ahead is wrong.
const EARLIEST: Span = Span::seconds(5);

/// An instrument that the connection was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// Its number in the catalogue.
    pub instrument: InstrumentId,
    /// The venue's name of it.
    pub symbol: Symbol,
    /// Time between its settlements, when it is known; a perp whose interval is unknown gives no funding estimate.
    pub interval: Option<Interval>,
}

/// What arrived.
#[derive(Debug, Clone, Copy)]
pub enum Input<'a> {
    /// A message of the stream.
    Frame(&'a [u8]),
    /// The answer to [`Output::NeedSnapshot`].
    Snapshot {
        /// Whose.
        instrument: InstrumentId,
        /// The body of the answer.
        body: &'a [u8],
    },
    /// The request for a snapshot failed: refused, timed out, or limited.
    SnapshotFailed {
        /// Whose.
        instrument: InstrumentId,
    },
    /// Some time passed; at least once a second.
    Timer,
    /// The connection broke: every book is void until the stream and a new snapshot meet.
    Disconnected,
}

/// What follows from it.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// A fact for the core.
    Event(Event),
    /// Fetch a snapshot of this book (1000 levels).
    NeedSnapshot {
        /// Whose.
        instrument: InstrumentId,
        /// The venue's name of it.
        symbol: Symbol,
    },
    /// A book is not usable until a new snapshot: depth falls back to the best level.
    BookLost {
        /// Whose.
        instrument: InstrumentId,
        /// Why.
        loss: Loss,
    },
    /// Snapshots do not help this book: reconnect the stream and raise an alarm. Said once per failure.
    BookFailing {
        /// Whose.
        instrument: InstrumentId,
    },
    /// A frame that was not accepted; nothing changed.
    Refused(DecodeError),
    /// Something a person or a driver may want to know, that is not a fact for the core.
    Note(Note),
}

/// Typed remarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The funding interval is unknown, so the estimate is not passed on and the perp cannot be traded. Said once.
    UnknownInterval {
        /// Whose.
        instrument: InstrumentId,
    },
    /// The mark came without an index price, so it is not passed on.
    NoIndex {
        /// Whose.
        instrument: InstrumentId,
    },
    /// A best quote with an empty side: it is not passed on, and the one before it grows old (fault B09).
    OneSided {
        /// Whose.
        instrument: InstrumentId,
    },
    /// A best quote whose bid is not below its ask: it is not passed on (fault B05).
    Crossed {
        /// Whose.
        instrument: InstrumentId,
    },
    /// The venue confirmed a request.
    Confirmed {
        /// Our number of it.
        id: Option<u64>,
    },
    /// The venue refused a request, or reports an error.
    VenueError {
        /// The venue's code.
        code: i64,
        /// Our number of the request.
        id: Option<u64>,
    },
    /// The venue will close the connection soon: open another one first, then drop this one.
    ServerShutdown,
}

#[derive(Debug)]
struct Feed {
    instrument: InstrumentId,
    symbol: Symbol,
    interval: Option<Interval>,
    sync: Sync,
    /// Coins bid and offered within [`DEPTH_BOUND`] when the book last moved.
    depth: Option<(Quantity, Quantity)>,
    /// The newest best quote.
    ticker: Option<BookTicker>,
    said_unknown_interval: bool,
    said_failing: bool,
    /// What it is counted in, where the venue counts in coins.
    bundle: Option<Bundle>,
    /// The newest message with a time had one far from now: nothing of this instrument is passed on.
    mistimed: bool,
    /// The venue's clock minus ours, as far as it is known.
    ahead: Span,
}

/// Market data of one connection to one of the venue's markets.
#[derive(Debug)]
pub struct Session {
    market: Market,
    feeds: Vec<Feed>,
    scratch: Scratch,
    counts: BTreeMap<Kind, u64>,
    refused: u64,
    /// The venue's clock minus ours, and how wrong that may be; times are not judged while it is not known.
    offset: Option<(Span, Span)>,
    /// Messages refused for their event time.
    mistimed: u64,
}

impl Session {
    /// A session for these instruments, none of which has a book yet.
    #[must_use]
    pub fn new(market: Market, subscriptions: &[Subscription]) -> Self {
        let rule = match market {
            Market::Spot => Rule::Contiguous,
            Market::Perp => Rule::Linked,
        };
        let feed = |subscription: &Subscription| Feed {
            instrument: subscription.instrument,
            symbol: subscription.symbol,
            interval: subscription.interval,
            sync: Sync::new(rule),
            depth: None,
            ticker: None,
            said_unknown_interval: false,
            said_failing: false,
            bundle: None,
            mistimed: false,
            ahead: Span::ZERO,
        };
        let feeds = subscriptions.iter().map(feed).collect();
        Self {
            market,
            feeds,
            scratch: Scratch::default(),
            counts: BTreeMap::new(),
            refused: 0,
            offset: None,
            mistimed: 0,
        }
    }

    /// Takes in what arrived at `now`, and adds what follows to `out`.
    pub fn handle(&mut self, input: Input<'_>, now: WallTime, out: &mut Vec<Output>) {
        match input {
            Input::Frame(frame) => self.on_frame(frame, now, out),
            Input::Snapshot { instrument, body } => self.on_snapshot(instrument, body, now, out),
            Input::SnapshotFailed { instrument } => {
                if let Some(feed) = feed_of(&mut self.feeds, instrument) {
                    feed.sync.on_snapshot_failed(now);
                    feed.ask(now, out);
                }
            }
            Input::Timer => {
                for feed in &mut self.feeds {
                    if let Some(loss) = feed.sync.on_timer(now) {
                        feed.lost(loss, out);
                    }
                    feed.ask(now, out);
                }
            }
            Input::Disconnected => {
                for feed in &mut self.feeds {
                    feed.sync.on_disconnect();
                    feed.depth = None;
                    feed.ticker = None;
                }
            }
        }
    }

    /// The interval between settlements of a perp, learned or changed.
    pub fn set_interval(&mut self, instrument: InstrumentId, interval: Option<Interval>) {
        if let Some(feed) = feed_of(&mut self.feeds, instrument) {
            feed.interval = interval;
            feed.said_unknown_interval = false;
        }
    }

    /// This instrument is counted in contracts of several coins.
    pub fn count_in(&mut self, instrument: InstrumentId, bundle: Bundle) {
        if let Some(feed) = feed_of(&mut self.feeds, instrument) {
            feed.bundle = Some(bundle);
        }
    }

    /// The book of an instrument, when it is in step and not crossed.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.sync(instrument).and_then(Sync::book)
    }

    /// The state of an instrument's book.
    #[must_use]
    pub fn sync(&self, instrument: InstrumentId) -> Option<&Sync> {
        self.feeds.iter().find(|feed| feed.instrument == instrument).map(|feed| &feed.sync)
    }

    /// The newest best quote of an instrument on this connection.
    #[must_use]
    pub fn ticker(&self, instrument: InstrumentId) -> Option<&BookTicker> {
        self.feeds.iter().find(|feed| feed.instrument == instrument).and_then(|feed| feed.ticker.as_ref())
    }

    /// Accepted messages by kind.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// How far the venue's clock is from ours, and how wrong that may be, once it is known.
    pub fn set_offset(&mut self, offset: Option<(Span, Span)>) {
        self.offset = offset;
        for feed in &mut self.feeds {
            feed.ahead = offset.map_or(Span::ZERO, |(offset, _)| offset);
        }
    }

    /// Messages refused for their event time, and whether the newest timed one of an instrument was.
    #[must_use]
    pub fn mistimed(&self) -> (u64, bool) {
        (self.mistimed, self.feeds.iter().any(|feed| feed.mistimed))
    }

    /// Refused messages.
    #[must_use]
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    fn on_frame(&mut self, frame: &[u8], now: WallTime, out: &mut Vec<Output>) {
        let result = decode(self.market, frame, &mut self.scratch);
        let result = result.and_then(|message| {
            let kind = message.kind();
            if let Some((offset, error)) = self.offset
                && let Some((symbol, told)) = timed(&message)
            {
                let off = is_off(told, now + offset, error);
                if let Some(feed) = self.feeds.iter_mut().find(|feed| feed.symbol == symbol) {
                    feed.mistimed = off;
                }
                self.mistimed += u64::from(off);
            }
            follow(&mut self.feeds, &message, now, out).map(|()| kind)
        });
        self.count(result, out);
    }

    fn on_snapshot(&mut self, instrument: InstrumentId, body: &[u8], now: WallTime, out: &mut Vec<Output>) {
        let Some(feed) = feed_of(&mut self.feeds, instrument) else { return };
        let result = match decode(self.market, body, &mut self.scratch) {
            Ok(Message::Snapshot(found)) => match counted(feed.bundle.as_ref(), [found.bids, found.asks]) {
                Ok([bids, asks]) => {
                    let snapshot = Snapshot { last: found.last, bids: &bids, asks: &asks };
                    let verdict = feed.sync.on_snapshot(&snapshot, now);
                    feed.moved(verdict, out);
                    Ok(Kind::Snapshot)
                }
                Err(error) => {
                    feed.sync.on_snapshot_failed(now);
                    Err(error)
                }
            },
            other => {
                feed.sync.on_snapshot_failed(now);
                other.and_then(|message| Err(DecodeError::Misplaced { kind: message.kind() }))
            }
        };
        feed.ask(now, out);
        self.count(result, out);
    }

    fn count(&mut self, result: Result<Kind, DecodeError>, out: &mut Vec<Output>) {
        match result {
            Ok(kind) => *self.counts.entry(kind).or_default() += 1,
            Err(error) => {
                self.refused += 1;
                out.push(Output::Refused(error));
            }
        }
    }
}

fn feed_of(feeds: &mut [Feed], instrument: InstrumentId) -> Option<&mut Feed> {
    feeds.iter_mut().find(|feed| feed.instrument == instrument)
}

/// The feed of a symbol; data of a symbol that was not subscribed is refused (fault B11).
fn feed_named(feeds: &mut [Feed], symbol: Symbol) -> Result<&mut Feed, DecodeError> {
    let unknown = DecodeError::WrongSymbol { stream: Symbol::of("(this connection)"), symbol };
    feeds.iter_mut().find(|feed| feed.symbol == symbol).ok_or(unknown)
}

fn follow(feeds: &mut [Feed], message: &Message<'_>, now: WallTime, out: &mut Vec<Output>) -> Result<(), DecodeError> {
    match message {
        Message::BookTicker(ticker) => feed_named(feeds, ticker.symbol)?.on_ticker(ticker, now, out)?,
        Message::Depth(update) => feed_named(feeds, update.symbol)?.on_depth(update, now, out)?,
        Message::Mark(mark) => feed_named(feeds, mark.symbol)?.on_mark(mark, out),
        Message::Trade(trade) | Message::AggTrade(trade) => {
            feed_named(feeds, trade.symbol)?;
        }
        Message::Snapshot(_) => return Err(DecodeError::Misplaced { kind: Kind::Snapshot }),
        Message::Reply { id, confirmed: true } => out.push(Output::Note(Note::Confirmed { id: *id })),
        Message::Reply { confirmed: false, .. } | Message::Unrecognised { .. } => {}
        Message::Error { code, id, .. } => out.push(Output::Note(Note::VenueError { code: *code, id: *id })),
        Message::ServerShutdown => out.push(Output::Note(Note::ServerShutdown)),
    }
    Ok(())
}

/// Symbol and event time of a message that has one.
const fn timed(message: &Message<'_>) -> Option<(Symbol, WallTime)> {
    match message {
        Message::BookTicker(BookTicker { symbol, venue_time: Some(at), .. }) => Some((*symbol, *at)),
        Message::Depth(update) => Some((update.symbol, update.event_time)),
        Message::Mark(mark) => Some((mark.symbol, mark.event_time)),
        _ => None,
    }
}

/// Whether an event time is no time of now, by the venue's own clock.
fn is_off(told: WallTime, now: WallTime, error: Span) -> bool {
    let age = now.since(told).0;
    age > LATEST.0.saturating_add(error.0) || age < -EARLIEST.0.saturating_add(error.0)
}

impl Feed {
    fn on_depth(&mut self, update: &DepthUpdate<'_>, now: WallTime, out: &mut Vec<Output>) -> Result<(), DecodeError> {
        let [bids, asks] = counted(self.bundle.as_ref(), [update.bids, update.asks])?;
        let diff = Diff {
            first: update.first,
            last: update.last,
            previous: update.previous,
            venue_time: update.event_time,
            bids: &bids,
            asks: &asks,
        };
        let verdict = self.sync.on_diff(&diff, now);
        self.moved(verdict, out);
        self.ask(now, out);
        Ok(())
    }

    fn moved(&mut self, verdict: Verdict, out: &mut Vec<Output>) {
        match verdict {
            Verdict::Applied | Verdict::Joined => {
                self.said_failing = false;
                let both = |book: &Book| {
                    (book.depth_within(Side::Buy, DEPTH_BOUND), book.depth_within(Side::Sell, DEPTH_BOUND))
                };
                self.depth = self.sync.book().map(both);
            }
            Verdict::Lost(loss) => self.lost(loss, out),
            Verdict::Waiting => self.depth = None,
            Verdict::Ignored => {}
        }
    }

    fn lost(&mut self, loss: Loss, out: &mut Vec<Output>) {
        self.depth = None;
        if loss == Loss::Restarted {
            // Best quotes share the numbering, and spot's have no time by which a new one would show.
            self.ticker = None;
        }
        out.push(Output::BookLost { instrument: self.instrument, loss });
    }

    fn ask(&mut self, now: WallTime, out: &mut Vec<Output>) {
        if self.sync.take_request(now) {
            out.push(Output::NeedSnapshot { instrument: self.instrument, symbol: self.symbol });
        }
        if self.sync.is_failing() && !self.said_failing {
            self.said_failing = true;
            out.push(Output::BookFailing { instrument: self.instrument });
        }
    }

    fn on_ticker(&mut self, ticker: &BookTicker, now: WallTime, out: &mut Vec<Output>) -> Result<(), DecodeError> {
        let ticker = &match &self.bundle {
            Some(bundle) => bundle.ticker_in(*ticker)?,
            None => *ticker,
        };
        // Duplicates and late ones are dropped; a newer time with an older id is a new numbering (faults B03, B04).
        let old = self
            .ticker
            .is_some_and(|newest| ticker.update_id <= newest.update_id && ticker.venue_time <= newest.venue_time);
        if old {
            return Ok(());
        }
        self.ticker = Some(*ticker);
        let instrument = self.instrument;
        if self.mistimed {
            return Ok(());
        }
        let (Some(bid), Some(ask)) = (ticker.bid, ticker.ask) else {
            out.push(Output::Note(Note::OneSided { instrument }));
            return Ok(());
        };
        if bid.0 >= ask.0 {
            out.push(Output::Note(Note::Crossed { instrument }));
            return Ok(());
        }
        let (bid_depth, ask_depth) = self.depth.unwrap_or_default();
        let quote = Quote {
            bid: bid.0,
            ask: ask.0,
            bid_depth: bid_depth.max(bid.1),
            ask_depth: ask_depth.max(ask.1),
            // By our clock, so that its age can be told. Spot quotes carry no time: that of arrival stands for it.
            venue_time: ticker.venue_time.map_or(now, |told| told - self.ahead),
        };
        out.push(Output::Event(Event::Quote { instrument, quote }));
        Ok(())
    }

    fn on_mark(&mut self, mark: &MarkPrice, out: &mut Vec<Output>) {
        let instrument = self.instrument;
        if self.mistimed {
            return;
        }
        match mark.index {
            Some(index) => out.push(Output::Event(Event::Mark { instrument, mark: mark.mark, index })),
            None => out.push(Output::Note(Note::NoIndex { instrument })),
        }
        let (Some(rate), Some(next)) = (mark.rate, mark.next_funding) else { return };
        if let Some(interval) = self.interval {
            let funding = FundingRate { rate, interval };
            out.push(Output::Event(Event::FundingEstimate { instrument, funding, next }));
        } else if !self.said_unknown_interval {
            self.said_unknown_interval = true;
            out.push(Output::Note(Note::UnknownInterval { instrument }));
        }
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
