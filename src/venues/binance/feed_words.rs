//! What goes into the public feed of a venue and what comes of it.

use super::session::Note;
use super::watch::Check;
use crate::domain::{InstrumentId, Market};
use crate::port::Event;
use crate::venues::answer::{Answer, Refused};
use crate::venues::ask::Ask;

/// A connection of public data: which market, and its place among those of the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    /// Which market.
    pub market: Market,
    /// From zero.
    pub place: usize,
}

/// What happened.
#[derive(Debug)]
pub enum FeedInput<'a> {
    /// A message.
    Frame(Channel, &'a [u8]),
    /// A connection works.
    Opened(Channel),
    /// It broke.
    Closed(Channel),
    /// The answer to a question, with its body.
    Answered {
        /// Which question.
        call: u64,
        /// What it says.
        result: Result<Answer, Refused>,
        /// Its body, for books.
        body: &'a [u8],
    },
    /// A question got no answer.
    Failed {
        /// Which.
        call: u64,
    },
    /// Some time passed; at least once a second.
    Timer,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedOutput {
    /// Ask this.
    Call(u64, Ask),
    /// A fact for the core.
    Fact(Event),
    /// Something a person may want to know.
    Note(Note),
    /// A frame that was not accepted.
    Refused(String),
    /// Snapshots do not help: reconnect.
    Reconnect(Market),
    /// The venue is about to end this connection: another one takes over before it does (fault D10).
    Renew(Channel),
}

/// What a question of the feed was about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pending {
    Snapshot(InstrumentId, Market),
    Terms,
    Listings(Market),
    Whole(Market),
    Settled(InstrumentId),
    Interest(InstrumentId),
    Collateral,
    Check(Check),
}
