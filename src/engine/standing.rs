//! What the bot may do now, and every reason why it may do less: one derived state for status, page, metrics and alarms.
//!
//! Pure: [`Standing::of`] reads the state and changes nothing. Reasons are typed; sentences and the command that clears one
//! are made where people read them. Every way in which the engine stops entries has its [`Why`]; a way without one would be
//! a session that says ready and does nothing. Tests: at the end.

use super::apply::{alarm, venue_alarm};
use super::state::{PairState, State, VenueState};
use crate::config::settings::Missing;
use crate::domain::{Leg, PairId, Span, VenueId, WallTime};
use crate::pairs::LatchCause;
use crate::port::Command;
use crate::port::command::{AlarmKind, Severity};
pub use crate::port::health::Input;
use crate::port::health::Part;
use crate::risk::gate::BotState;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why something is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// Recovery is not done: nothing is sent.
    Starting,
    /// A person or an invariant halted the bot: nothing is sent.
    Halted,
    /// The bot may not add risk: the day's loss reached its limit.
    DayLoss,
    /// A person paused entries.
    Paused,
    /// The session is ending.
    Ending,
    /// The disk of the state folder is nearly full.
    DiskShort,
    /// The venue refuses our key, or has restricted the account.
    Barred,
    /// Somebody else acts on the account.
    Foreign,
    /// The venue's lists and the ledger differ.
    Differs,
    /// Nothing can be sent to the venue, not even what lowers risk.
    Unreachable,
    /// A part of the way to the venue does not work.
    Missing {
        /// Which.
        part: Part,
    },
    /// What coins count for as collateral is not known.
    CollateralUnknown,
    /// Coins cannot leave the perp wallet for want of the quote coin.
    CoinsStuck,
    /// The shorts of the venue are near liquidation.
    MarginLow,
    /// The pair is latched until a person looks.
    Latched {
        /// Why.
        cause: LatchCause,
    },
    /// There is no price of a leg.
    NoPrice {
        /// Which leg.
        leg: Leg,
    },
    /// The price of a leg is older than `gates.max_age`.
    Stale {
        /// Which leg.
        leg: Leg,
    },
    /// The venue contradicts itself about a price of the pair.
    PriceDoubt,
    /// An input that a gate needs does not exist.
    NoInput {
        /// Which.
        input: Input,
    },
    /// Fees were taken in a coin whose price is not known.
    FeesUnvalued,
    /// Trading of the pair ends.
    TradingEnds,
    /// The venue takes no orders in a leg now.
    NotTrading {
        /// Which leg.
        leg: Leg,
    },
}

/// One reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The alarm it belongs to.
    pub kind: AlarmKind,
    /// What it is.
    #[serde(flatten)]
    pub why: Why,
    /// The venue, when it is about one.
    pub venue: Option<VenueId>,
    /// The pair, when it is about one.
    pub pair: Option<PairId>,
    /// Since when, when that is known.
    pub since: Option<WallTime>,
}

/// One pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairStanding {
    /// Which.
    pub pair: PairId,
    /// No entries until a person looks; repair, reduce, top-up and close go on.
    pub latched: bool,
    /// Nothing stops an entry of it but its gates.
    pub may_enter: bool,
}

/// What the bot may do now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// `ready` when at least one pair may be entered.
    pub state: BotState,
    /// Every reason, those of the bot first, then by venue, then by pair.
    pub reasons: Vec<Reason>,
    /// Pairs in their order.
    pub pairs: Vec<PairStanding>,
}

/// Since when each reason stands.
pub type Stops = BTreeMap<(Why, Option<VenueId>, Option<PairId>), WallTime>;

impl Why {
    /// The alarm that tells of it.
    #[must_use]
    pub const fn kind(self) -> AlarmKind {
        match self {
            Self::Starting | Self::Ending => AlarmKind::InTransition,
            Self::Halted => AlarmKind::Halted,
            Self::DiskShort => AlarmKind::DiskShort,
            Self::DayLoss => AlarmKind::LossLimit,
            Self::Paused => AlarmKind::Paused,
            Self::Barred => AlarmKind::VenueRefuses,
            Self::Foreign | Self::Latched { cause: LatchCause::ForeignHand } => AlarmKind::Foreign,
            Self::Differs => AlarmKind::Difference,
            Self::Unreachable => AlarmKind::VenueDown,
            Self::Missing { .. } => AlarmKind::PartMissing,
            Self::CollateralUnknown => AlarmKind::CollateralUnknown,
            Self::CoinsStuck => AlarmKind::MarginFloor,
            Self::MarginLow => AlarmKind::MarginLow,
            Self::Latched { cause: LatchCause::Contradiction } => AlarmKind::IllegalReport,
            Self::Latched { cause: LatchCause::TakenBack | LatchCause::Refused } => AlarmKind::Runaway,
            Self::NoPrice { .. } | Self::Stale { .. } => AlarmKind::Stale,
            Self::PriceDoubt => AlarmKind::PriceDoubt,
            Self::NoInput { .. } | Self::FeesUnvalued => AlarmKind::InputMissing,
            Self::TradingEnds | Self::NotTrading { .. } => AlarmKind::TradingEnds,
        }
    }

    /// Whether it stops entries; what does not is told beside the state.
    #[must_use]
    pub const fn stops_entries(self) -> bool {
        !matches!(self, Self::CoinsStuck | Self::MarginLow)
    }
}

impl Standing {
    /// The state as it is now.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let mut reasons: Vec<Reason> = Vec::new();
        each(state, &mut |why, venue, pair| {
            let since = since_of(state, why, pair).or_else(|| state.stops.get(&(why, venue, pair)).copied());
            reasons.push(Reason { kind: why.kind(), why, venue, pair, since });
        });
        let stopped = |pair: &PairState| {
            reasons.iter().filter(|reason| reason.why.stops_entries()).any(|reason| match (reason.venue, reason.pair) {
                (_, Some(id)) => id == pair.pair.id,
                (Some(venue), None) => pair.pair.stands_at(venue),
                (None, None) => true,
            })
        };
        let row = |pair: &PairState| PairStanding {
            pair: pair.pair.id,
            latched: pair.memory.latched.is_some(),
            may_enter: !stopped(pair),
        };
        let pairs: Vec<PairStanding> = state.pairs.iter().map(row).collect();
        let word = match state.bot {
            BotState::Starting | BotState::Halted => state.bot,
            BotState::Ready if pairs.iter().any(|pair| pair.may_enter) => BotState::Ready,
            BotState::ReduceOnly | BotState::Ready => BotState::ReduceOnly,
        };
        Self { state: word, reasons, pairs }
    }
}

/// Remembers since when each reason stands that a fact makes; those that only time makes carry their own.
pub(super) fn keep(state: &mut State) {
    let mut stops = Stops::new();
    each(state, &mut |why, venue, pair| {
        let key = (why, venue, pair);
        let since = state.stops.get(&key).copied().unwrap_or(state.now);
        stops.insert(key, since);
    });
    state.stops = stops;
}

/// An act of the venue so long before a start is told again at it: the process may have died before anybody heard.
const LATELY: Span = Span(10 * 60_000);

/// What only a person ends and stood before this start is told again, and what the venue did shortly before it: who looks now
/// need not have seen the alarm of then.
pub(super) fn remind(state: &State, out: &mut Vec<Command>) {
    each(state, &mut |why, venue, pair| {
        let stays = matches!(why, Why::Halted | Why::Barred | Why::Foreign | Why::Differs | Why::Latched { .. });
        if stays {
            out.push(match (pair, venue) {
                (None, Some(venue)) => venue_alarm(why.kind(), Severity::Page, venue),
                _ => alarm(why.kind(), Severity::Page, pair, None),
            });
        }
    });
    for pair in &state.pairs {
        if let Some((_, kind)) = pair.witness.acted.filter(|(at, _)| state.now.since(*at) <= LATELY) {
            out.push(alarm(kind, Severity::Page, Some(pair.pair.id), None));
        }
    }
}

/// A price ages by itself: it is missing since it became too old.
fn since_of(state: &State, why: Why, pair: Option<PairId>) -> Option<WallTime> {
    if let Why::Latched { .. } = why {
        return state.pair(pair?)?.memory.latched.map(|latch| latch.since);
    }
    let Why::Stale { leg } = why else { return None };
    let market = &state.pair(pair?)?.market;
    Some(market.leg(leg).updated + state.settings.gates.max_age)
}

/// Every reason, in order.
fn each(state: &State, tell: &mut dyn FnMut(Why, Option<VenueId>, Option<PairId>)) {
    match state.bot {
        BotState::Starting => tell(Why::Starting, None, None),
        BotState::Halted => tell(Why::Halted, None, None),
        BotState::ReduceOnly => tell(Why::DayLoss, None, None),
        BotState::Ready => {}
    }
    if state.paused {
        tell(Why::Paused, None, None);
    }
    if state.stopping {
        tell(Why::Ending, None, None);
    }
    if state.disk_short {
        tell(Why::DiskShort, None, None);
    }
    if state.loss_unknown() {
        tell(Why::FeesUnvalued, None, None);
    }
    for (id, venue) in (0..=u8::MAX).map(VenueId).zip(&state.venues) {
        of_venue(venue, &mut |why| tell(why, Some(id), None));
    }
    for pair in &state.pairs {
        of_pair(state, pair, &mut |why| tell(why, Some(pair.pair.venue(Leg::Short)), Some(pair.pair.id)));
    }
}

fn of_venue(venue: &VenueState, tell: &mut dyn FnMut(Why)) {
    let flags = [
        (venue.barred, Why::Barred),
        (venue.foreign, Why::Foreign),
        (venue.differs, Why::Differs),
        (venue.down, Why::Unreachable),
        (venue.rates_missed, Why::CollateralUnknown),
        (venue.stuck, Why::CoinsStuck),
        (!venue.margin_low.is_empty(), Why::MarginLow),
    ];
    for (_, why) in flags.into_iter().filter(|(set, _)| *set) {
        tell(why);
    }
    for part in &venue.missing {
        tell(Why::Missing { part: *part });
    }
}

fn of_pair(state: &State, pair: &PairState, tell: &mut dyn FnMut(Why)) {
    if let Some(latch) = pair.memory.latched {
        tell(Why::Latched { cause: latch.cause });
    }
    if pair.last_chance {
        tell(Why::TradingEnds);
    }
    if pair.witness.is_doubted(&pair.market) {
        tell(Why::PriceDoubt);
    }
    if state.settings.gates.missing == Missing::Refuse {
        for input in state.lacks(pair).inputs() {
            tell(Why::NoInput { input });
        }
    }
    for leg in Leg::BOTH {
        if pair.witness.closed.contains(&leg) {
            tell(Why::NotTrading { leg });
        }
        let market = pair.market.leg(leg);
        if market.mid.is_none() {
            tell(Why::NoPrice { leg });
        } else if state.now.since(market.updated) > state.settings.gates.max_age {
            tell(Why::Stale { leg });
        }
    }
}
