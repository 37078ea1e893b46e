//! Whether what an alarm was about is still so: read from the derived state that `status` and the page show, never kept beside it.
//!
//! Pure: reads the state, changes nothing. An alarm whose kind stands here ends with the state that it tells of; every other is
//! of an event, and time ends it. Tests: at the end, and the way out in `observe/alarms_tests.rs`.

use super::about::about;
use crate::domain::{PairId, VenueId};
use crate::engine::standing::{Reason, Standing, Why};
use crate::engine::{PairState, State};
use crate::observe::alarms::Still;
use crate::observe::words::About;
use crate::orders::OrderState;
use crate::pairs::LatchCause;
use crate::port::command::{Alarm, AlarmKind, Severity};
use crate::port::health::Part;
use crate::risk::gate::BotState;

/// Whether it is, and what it is about now.
#[must_use]
pub fn still(state: &State, kind: AlarmKind, (pair, of): (Option<PairId>, &About)) -> Still {
    if !lasts(kind) {
        return Still::Event;
    }
    let venue = of.venue.as_deref().filter(|_| pair.is_none()).and_then(|name| venue(state, name));
    // Until recovery is done the state is not known, so nothing in it is over.
    if state.bot != BotState::Starting && !is_so(state, kind, (pair, venue)) {
        return Still::Over;
    }
    let now = about(state, &Alarm { kind, severity: Severity::Page, pair, venue, order: None });
    // A name that this session does not have is kept as it was told.
    let (pair, venue) = (now.pair.or_else(|| of.pair.clone()), now.venue.or_else(|| of.venue.clone()));
    Still::So(About { pair, venue, ..now })
}

/// Whether alarms of this kind tell of a state that the core knows.
const fn lasts(kind: AlarmKind) -> bool {
    match kind {
        AlarmKind::PairUnequal
        | AlarmKind::PairNaked
        | AlarmKind::OrderUnknown
        | AlarmKind::LateFill
        | AlarmKind::IllegalReport
        | AlarmKind::Runaway
        | AlarmKind::MarginLow
        | AlarmKind::MarginFloor
        | AlarmKind::CollateralUnknown
        | AlarmKind::Stale
        | AlarmKind::VenueDown
        | AlarmKind::Halted
        | AlarmKind::LossLimit
        | AlarmKind::TradingEnds
        | AlarmKind::Foreign
        | AlarmKind::OtherInstance
        | AlarmKind::VenueRefuses
        | AlarmKind::Difference
        | AlarmKind::DiskShort
        | AlarmKind::PartMissing
        | AlarmKind::EventTime
        | AlarmKind::PriceDoubt
        | AlarmKind::InputMissing
        | AlarmKind::Paused => true,
        AlarmKind::Adl
        | AlarmKind::Liquidated
        | AlarmKind::Overfill
        | AlarmKind::AutoExchanged
        | AlarmKind::ReduceRefused
        | AlarmKind::Depeg
        | AlarmKind::IntervalChanged
        | AlarmKind::TransferFailed
        | AlarmKind::PriceOutsideLimit
        | AlarmKind::RateLimited
        | AlarmKind::AddressBanned
        | AlarmKind::FeeCoinLow
        | AlarmKind::FeeCoinOut
        | AlarmKind::NotCompared
        | AlarmKind::MarginNotAdded
        | AlarmKind::InTransition
        | AlarmKind::CapitalAboveBalance
        | AlarmKind::PairAdmitted => false,
    }
}

fn is_so(state: &State, kind: AlarmKind, (pair, venue): (Option<PairId>, Option<VenueId>)) -> bool {
    let known = pair.and_then(|id| state.pair(id));
    if let Some(known) = known
        && of_pair(state, known, kind)
    {
        return true;
    }
    let here = |reason: &Reason| match (reason.pair, reason.venue, known) {
        (Some(of), _, Some(known)) => of == known.pair.id,
        (Some(_), _, None) => false,
        (None, Some(of), Some(known)) => known.pair.stands_at(of),
        (None, Some(of), None) => pair.is_none() && venue.is_none_or(|venue| venue == of),
        (None, None, _) => true,
    };
    Standing::of(state).reasons.iter().any(|reason| tells(kind, reason.why) && here(reason))
}

/// Whether an alarm of this kind tells of that reason: the one that it has, and those that were raised for it under another name.
fn tells(kind: AlarmKind, why: Why) -> bool {
    match kind {
        AlarmKind::LateFill => matches!(why, Why::Latched { cause: LatchCause::Contradiction }),
        AlarmKind::OtherInstance => why.kind() == AlarmKind::Foreign,
        AlarmKind::MarginFloor => matches!(why, Why::CoinsStuck | Why::MarginLow),
        AlarmKind::EventTime => matches!(why, Why::Missing { part: Part::Times }),
        kind => why.kind() == kind,
    }
}

/// What is no reason against entries, and is known of a pair all the same.
fn of_pair(state: &State, pair: &PairState, kind: AlarmKind) -> bool {
    match kind {
        AlarmKind::PairUnequal | AlarmKind::PairNaked => {
            let limit = state.settings.execution.hedge_time;
            pair.memory.unequal_since.is_some_and(|since| pair.memory.alarmed || state.now.since(since) >= limit)
        }
        AlarmKind::OrderUnknown => {
            let mut live = state.orders.live().iter();
            live.any(|order| order.intent.pair == pair.pair.id && order.state == OrderState::Unknown)
        }
        AlarmKind::MarginLow | AlarmKind::MarginFloor => pair.witness.low_told,
        _ => false,
    }
}

fn venue(state: &State, name: &str) -> Option<VenueId> {
    let mut ids = (0..=u8::MAX).map(VenueId).zip(state.catalogue.venues());
    ids.find(|(_, venue)| venue.to_string() == name).map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{Span, WallTime};
    use crate::pairs::memory::Latch;
    use crate::sim::{Generator, START};

    fn state() -> State {
        let mut state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        state.bot = BotState::Ready;
        state.now = WallTime(START.0 + Span::DAY.0);
        state
    }

    fn of(state: &State, kind: AlarmKind, pair: Option<PairId>) -> Still {
        still(state, kind, (pair, &About::default()))
    }

    #[test]
    fn an_alarm_of_a_state_lasts_as_long_as_the_engine_says_so() {
        let (mut state, pair) = (state(), Some(PairId(0)));
        assert_eq!(of(&state, AlarmKind::PairNaked, pair), Still::Over);
        state.pairs[0].memory.unequal_since = Some(state.now);
        assert_eq!(of(&state, AlarmKind::PairNaked, pair), Still::Over, "a clip in work is no alarm");
        state.pairs[0].memory.alarmed = true;
        assert!(matches!(of(&state, AlarmKind::PairNaked, pair), Still::So(about) if about.pair.is_some()));
        assert_eq!(of(&state, AlarmKind::PairNaked, Some(PairId(1))), Still::Over, "another pair");
        // Those of a venue, by its name.
        state.venues[0].differs = true;
        assert!(matches!(of(&state, AlarmKind::Difference, None), Still::So(_)));
        assert_eq!(of(&state, AlarmKind::Foreign, None), Still::Over);
        state.venues[0].foreign = true;
        assert!(matches!(of(&state, AlarmKind::OtherInstance, None), Still::So(_)));
        // A latch holds the alarm that came with it.
        state.pairs[0].memory.latched = Some(Latch { cause: LatchCause::Contradiction, since: state.now });
        assert!(matches!(of(&state, AlarmKind::LateFill, pair), Still::So(_)));
        assert_eq!(of(&state, AlarmKind::Runaway, pair), Still::Over);
        assert_eq!(of(&state, AlarmKind::Adl, pair), Still::Event);
    }

    #[test]
    fn nothing_is_over_before_recovery_is_done() {
        let mut state = state();
        state.bot = BotState::Starting;
        assert!(matches!(of(&state, AlarmKind::PairNaked, Some(PairId(0))), Still::So(_)));
        assert!(matches!(of(&state, AlarmKind::VenueDown, None), Still::So(_)));
    }
}
