//! The core: one synchronous state machine. Same events in, same commands out, bit for bit.
//!
//! `apply` puts a fact where it belongs; `decide` says what to do about it. No I/O, no clock, no randomness, no task. Every
//! driver (backtest, paper, shadow, live, replay) runs this `step` and nothing else; no branch here knows which one it is.

pub mod apply;
mod barred;
pub mod booked;
pub mod by_hand;
pub mod collateral;
pub mod context;
pub mod decide;
pub mod entry;
pub mod fee_coin;
pub mod funds;
pub mod health;
pub mod isolated;
pub mod ladder;
pub mod latch;
pub mod margin;
mod market_facts;
pub mod orders_due;
pub mod profit;
pub mod progress;
pub mod record;
pub mod reload;
mod shared;
pub mod standing;
pub mod state;
mod terms;
pub mod trust;
pub mod unpark;
pub mod views;

pub use record::Record;
pub use state::{PairState, State};

use crate::port::{Command, Event, Stamped};

/// One event: apply the fact, then decide when the event ends an instant or asks for it.
///
/// # Panics
/// When time falls: the caller guarantees that it does not, and a wrong order of events must never trade.
#[inline]
pub fn step(state: &mut State, stamped: &Stamped, out: &mut Vec<Command>) {
    assert!(stamped.at >= state.now, "step time fell from {} to {}", state.now, stamped.at);
    state.now = stamped.at;
    state.sequence = stamped.sequence;
    apply::apply(state, &stamped.event, out);
    match stamped.event {
        Event::Turn | Event::Timer | Event::IntentDurable { .. } | Event::Operator(_) => decide::decide(state, out),
        _ => {}
    }
}
