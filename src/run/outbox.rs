//! What the core wants of real accounts, until the run hands it to their sessions: orders out, and lists to be compared.
//!
//! Tests: `tests/live.rs`.

use super::driver::Gateway;
use crate::domain::{Amount, ClientOrderId, InstrumentId, VenueId, WallTime};
use crate::port::event::Transfer;
use crate::port::order::Intent;
use crate::venues::binance::account::Input;

/// Orders on their way from the core to the accounts, margin for isolated positions, venues whose lists are to be compared,
/// and instruments whose rules and terms are to be read again.
#[derive(Debug, Default)]
pub struct Outbox(pub Vec<Input>, pub Vec<(InstrumentId, Amount)>, pub Vec<VenueId>, pub Vec<InstrumentId>);

impl Gateway for Outbox {
    fn place(&mut self, intent: Intent, _now: WallTime) {
        self.0.push(Input::Place(intent));
    }
    fn cancel(&mut self, id: ClientOrderId, instrument: InstrumentId, _now: WallTime) {
        self.0.push(Input::Cancel { id, instrument });
    }
    fn query(&mut self, id: ClientOrderId, instrument: InstrumentId, _now: WallTime) {
        self.0.push(Input::Query { id, instrument });
    }
    fn transfer(&mut self, transfer: Transfer, _now: WallTime) {
        self.0.push(Input::Transfer(transfer));
    }
    fn add_margin(&mut self, instrument: InstrumentId, amount: Amount, _now: WallTime) {
        self.1.push((instrument, amount));
    }
    fn compare(&mut self, venue: VenueId, _now: WallTime) {
        self.2.push(venue);
    }
    fn reread(&mut self, instrument: InstrumentId, _now: WallTime) {
        self.3.push(instrument);
    }
}
