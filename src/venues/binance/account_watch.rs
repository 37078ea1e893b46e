//! The streams of an account: which work, and what they still owe us about our orders.
//!
//! A stream is judged by what is proven of it, never by a guess: an order that a list shows executed, and of which the
//! stream said nothing for [`SILENCE`] although it stood open since before the order left, is the only evidence here
//! (fault C04). Pings and pongs are the socket's business. Tests: `account_order_tests.rs`.

use super::account_io::Stream;
use crate::domain::{ClientOrderId, Span, WallTime};
use crate::planted::{self, Bug};
use std::collections::BTreeMap;

/// How long a stream may be silent about an order before the lists are asked (fault C04).
const SILENCE: Span = Span::seconds(10);
/// A subscription that is not confirmed by then is made again.
const CONFIRM: Span = Span::seconds(10);
/// Evidence again within this time of a renewal: the stream does not work at all.
const AGAIN: Span = Span::seconds(300);
/// Orders remembered.
const TOLD: usize = 4096;

/// One stream.
#[derive(Debug, Default)]
struct Line {
    open: bool,
    /// When the connection that counts was opened.
    since: Option<WallTime>,
    /// A connection waits for its subscription to be confirmed, since then.
    unconfirmed: Option<WallTime>,
    /// It was refused for now: it is opened again at this time.
    reopen_at: Option<WallTime>,
    renewed: Option<WallTime>,
}

/// What a stream must still tell of an order.
#[derive(Debug, Clone, Copy)]
struct Owed {
    stream: Stream,
    since: WallTime,
    asked: bool,
    /// A list of executions has one of this order.
    proven: bool,
}

/// What is to be done about a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Ask the lists: something was not told.
    Lists,
    /// Another connection beside it takes over.
    Renew(Stream),
    /// It does not work: open it again.
    Reopen(Stream),
}

/// Both streams and what they owe.
#[derive(Debug)]
pub(super) struct Watch {
    lines: BTreeMap<Stream, Line>,
    /// Orders of which a stream told something; true when it told the end.
    told: BTreeMap<ClientOrderId, bool>,
    owed: BTreeMap<ClientOrderId, Owed>,
    /// The spot stream works once its subscription is answered, not once its socket is open (fault D18).
    confirms: bool,
}

impl Watch {
    pub(super) const fn new(confirms: bool) -> Self {
        Self { lines: BTreeMap::new(), told: BTreeMap::new(), owed: BTreeMap::new(), confirms }
    }

    pub(super) fn all_open(&self) -> bool {
        [Stream::Spot, Stream::Perp].iter().all(|stream| self.is_open(*stream))
    }

    pub(super) fn is_open(&self, stream: Stream) -> bool {
        self.lines.get(&stream).is_some_and(|line| line.open)
    }

    /// A connection works: what the one before owed, the lists tell now.
    pub(super) fn opened(&mut self, stream: Stream, now: WallTime) {
        self.forget(stream);
        let waits = self.confirms && stream == Stream::Spot;
        let line = self.lines.entry(stream).or_default();
        line.since = Some(now);
        line.reopen_at = None;
        if waits {
            // While another one still stands beside it, the stream goes on.
            line.unconfirmed = Some(now);
        } else {
            line.open = true;
        }
    }

    /// The venue took the subscription.
    pub(super) fn confirmed(&mut self, stream: Stream) {
        let line = self.lines.entry(stream).or_default();
        line.unconfirmed = None;
        line.open = line.since.is_some();
    }

    /// The venue refused the subscription for now: it is made again after this time.
    pub(super) fn refused(&mut self, stream: Stream, again: WallTime) {
        self.closed(stream);
        self.lines.entry(stream).or_default().reopen_at = Some(again);
    }

    /// The connection is gone, and with it what it owed.
    pub(super) fn closed(&mut self, stream: Stream) {
        self.forget(stream);
        let line = self.lines.entry(stream).or_default();
        (line.open, line.since, line.unconfirmed) = (false, None, None);
    }

    fn forget(&mut self, stream: Stream) {
        self.owed.retain(|_, owed| owed.stream != stream);
    }

    /// The stream told of an order; `end` when it was the order's end.
    pub(super) fn told(&mut self, id: ClientOrderId, end: bool) {
        *self.told.entry(id).or_default() |= end;
        while self.told.len() > TOLD {
            self.told.pop_first();
        }
        if self.told.get(&id) == Some(&true) && !planted::is(Bug::StreamMustFollow) {
            self.owed.remove(&id);
        }
    }

    /// An answer tells the end of an order that left at `sent`: its stream must tell it too, unless it has.
    pub(super) fn owes(&mut self, (id, stream): (ClientOrderId, Stream), sent: WallTime, now: WallTime) {
        let stood = self.lines.get(&stream).is_some_and(|line| line.open && line.since.is_some_and(|at| at <= sent));
        if stood && (self.told.get(&id) != Some(&true) || planted::is(Bug::StreamMustFollow)) {
            self.owed.entry(id).or_insert(Owed { stream, since: now, asked: false, proven: false });
        }
    }

    /// A list has an execution of this order.
    pub(super) fn listed(&mut self, id: ClientOrderId) {
        if let Some(owed) = self.owed.get_mut(&id) {
            owed.proven = true;
        }
    }

    /// Lists of an account came that were asked for at `asked`: what they do not prove is dropped.
    pub(super) fn compared(&mut self, asked: WallTime, now: WallTime) -> Vec<Due> {
        let (mut silent, mut due) = (Vec::new(), Vec::new());
        self.owed.retain(|_, owed| {
            let over = owed.asked && asked.since(owed.since) >= SILENCE;
            if over && owed.proven && !silent.contains(&owed.stream) {
                silent.push(owed.stream);
            }
            !over
        });
        for stream in silent {
            self.forget(stream);
            let line = self.lines.entry(stream).or_default();
            let again = line.renewed.is_some_and(|at| now.since(at) < AGAIN);
            line.renewed = Some(now);
            if again {
                line.open = false;
                due.push(Due::Reopen(stream));
            } else {
                due.push(Due::Renew(stream));
            }
        }
        due
    }

    /// What is due by `now`.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<Due> {
        let mut due = Vec::new();
        for (stream, line) in &mut self.lines {
            let late = line.unconfirmed.is_some_and(|at| now.since(at) >= CONFIRM);
            if late || line.reopen_at.is_some_and(|at| now >= at) {
                (line.open, line.unconfirmed, line.reopen_at) = (false, None, None);
                due.push(Due::Reopen(*stream));
            }
        }
        for owed in self.owed.values_mut() {
            if !owed.asked && now.since(owed.since) >= SILENCE {
                owed.asked = true;
                due.push(if planted::is(Bug::StreamMustFollow) { Due::Reopen(owed.stream) } else { Due::Lists });
            }
        }
        due
    }
}
