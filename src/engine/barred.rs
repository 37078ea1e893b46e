//! What forbids every entry, in words: of the session, of its venues, of the pair.
//!
//! Gates of the strategy stand in `strategy/gate.rs`, rules about one order in `risk`. Tests: `tests/suite/by_hand.rs`,
//! `tests/sim.rs`.

use super::apply::has_come;
use super::state::{PairState, State, VenueState};
use crate::pairs::LatchCause;
use crate::risk::gate::BotState;

/// What forbids every entry, whoever wants it.
pub(super) fn barred(state: &State, pair: &PairState) -> Option<&'static str> {
    let venue = |is: fn(&VenueState) -> bool| state.any_venue(&pair.pair, is);
    if state.stopping {
        Some("the session is ending")
    } else if state.disk_short {
        Some("the disk of the state folder is nearly full; make room there")
    } else if state.paused {
        Some("the session is paused; see carry resume")
    } else if venue(|venue| venue.barred) {
        Some("the venue refuses the key or has restricted the account; mend that, then carry clear-halt")
    } else if venue(|venue| venue.foreign) {
        Some("somebody else acts on the account; look at it, then carry clear-halt")
    } else if venue(|venue| venue.differs) {
        Some("ledger and venue differ; see carry reconcile")
    } else if state.bot != BotState::Ready {
        Some("the bot may not add risk; see carry status")
    } else if let Some(latch) = pair.memory.latched {
        Some(latched(latch.cause))
    } else if pair.witness.is_doubted(&pair.market) {
        Some("the venue contradicts itself about a price, or one has just jumped; see carry status")
    } else if state.loss_unknown() {
        Some("fees were taken in a coin whose price is not known yet, so the day's loss is not known (gates.missing)")
    } else if !pair.witness.closed.is_empty() {
        Some("the venue takes no orders in a leg of the pair now")
    } else if let Some(outside) = pair.outside {
        Some(outside.words())
    } else if pair.last_chance {
        Some("trading of the pair ends")
    } else if !has_come(state.now, pair.memory.retry_at) || !has_come(state.now, pair.memory.enter_after) {
        Some("an attempt failed a moment ago; try again in a minute")
    } else {
        None
    }
}

const fn latched(cause: LatchCause) -> &'static str {
    match cause {
        LatchCause::Contradiction => {
            "the pair is latched: the venue contradicted what was known of an order; look at it, then carry clear-halt"
        }
        LatchCause::ForeignHand => {
            "the pair is latched: a foreign hand traded its position; look at it, then carry clear-halt"
        }
        LatchCause::TakenBack => {
            "the pair is latched: clip after clip was taken back; look at it, then carry clear-halt"
        }
        LatchCause::Refused => {
            "the pair is latched: the venue refused entry after entry; look at it, then carry clear-halt"
        }
    }
}
