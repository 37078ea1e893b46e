//! What goes into the session of an account and what comes out of it: plain words, no behaviour.

use super::account_lists::Lists;
use crate::domain::{Amount, Asset, ClientOrderId, InstrumentId, Market, Symbol, WallTime};
use crate::port::Event;
use crate::port::event::Transfer;
use crate::port::order::Intent;
use crate::venues::answer::{AccountMessage, Answer, Refused};
use crate::venues::ask::{Act, Ask};

/// Number of a request of this session.
pub type CallId = u64;

/// What is asked of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// A question.
    Ask(Ask),
    /// Something that changes the account. Never sent twice by anybody.
    Act(Act),
}

/// Which stream of account events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// Spot orders and balances.
    Spot,
    /// Perp orders, balances and positions.
    Perp,
}

impl Stream {
    /// The market whose account it tells of.
    #[must_use]
    pub const fn market(self) -> Market {
        match self {
            Self::Spot => Market::Spot,
            Self::Perp => Market::Perp,
        }
    }

    /// The stream of a market's account.
    #[must_use]
    pub const fn of(market: Market) -> Self {
        match market {
            Market::Spot => Self::Spot,
            Market::Perp => Self::Perp,
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The core sends an order.
    Place(Intent),
    /// The core cancels one.
    Cancel {
        /// Our id.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// The core asks about one.
    Query {
        /// Our id.
        id: ClientOrderId,
        /// Its instrument.
        instrument: InstrumentId,
    },
    /// The core moves money.
    Transfer(Transfer),
    /// The venue answered.
    Answered {
        /// Which request.
        call: CallId,
        /// What.
        result: Result<Answer, Refused>,
    },
    /// A request never left: proof that it did nothing.
    NotSent {
        /// Which.
        call: CallId,
        /// No budget, rather than no connection.
        limited: bool,
    },
    /// A request left and nothing came back.
    NoAnswer {
        /// Which.
        call: CallId,
    },
    /// When a request was signed, on the run's clock: said before what became of it.
    Signed {
        /// Which.
        call: CallId,
        /// When.
        at: WallTime,
    },
    /// Nobody knows what became of a placement, and the venue can void it by its nonce: said before [`Input::NoAnswer`] or
    /// the answer that proves nothing.
    Voidable {
        /// Which request.
        call: CallId,
        /// The nonce that it was signed with.
        nonce: u64,
    },
    /// A stream of account events works.
    Opened(Stream),
    /// It broke.
    Closed(Stream),
    /// A message of it.
    Pushed(Stream, AccountMessage),
    /// A person found out what became of a transfer in doubt.
    Settled {
        /// Which.
        transfer: Transfer,
        /// Whether it arrived; else it never left.
        arrived: bool,
    },
    /// Compare lists and ledger now.
    Reconcile,
    /// Some time passed; at least once a second.
    Timer,
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Send this.
    Call(CallId, Call),
    /// A fact for the core.
    Fact(Event),
    /// All lists of one moment, to be compared with the ledger (rule R-D).
    Lists(Lists),
    /// Open this stream again: it ended, or does not work.
    Reopen(Stream),
    /// Open another one beside this stream and let it take over: nothing is missed meanwhile.
    Renew(Stream),
    /// No lists of a quiet moment came since then: ledger and venue are not being compared.
    Stalled {
        /// Since when.
        since: WallTime,
    },
    /// The stream of the spot wallet tells of a movement that is no transfer of ours: it is booked once the lists show it.
    Moved(Asset, Amount),
    /// The venue refuses us: key, signature, address, or a restriction of the account.
    Barred(Refused),
    /// Something a person may want to know.
    Note(Note),
}

/// Typed remarks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A list could not be had; nothing is concluded from that.
    NoList(Refused),
    /// The clock is off: measure it.
    Clock,
    /// The venue warns about margin.
    MarginCall,
    /// A mode or leverage was changed.
    ConfigChanged(Option<Symbol>),
    /// A message that does not name an instrument of ours.
    Elsewhere(Symbol),
    /// Rows of a list that could not be read and are not about our instruments.
    LeftOut(usize),
    /// A settlement was due on our position and the venue lists no payment of it: the instrument and the stamp.
    NotPaid(InstrumentId, WallTime),
    /// A payment was booked before the venue told its rate.
    WithoutRate(InstrumentId, WallTime),
}
