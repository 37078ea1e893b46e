//! One instrument may serve several pairs: what they hold of it together, and how a fact about it is shared out among them.
//!
//! The venue knows one position of an instrument; which pair which coins of it are, only our books know. Tests:
//! `tests/suite/two_pairs.rs`.

use super::state::State;
use crate::domain::{Amount, InstrumentId, Leg, PairId, Quantity, Side, SignedQuantity};
use crate::port::order::Fill;

impl State {
    /// Signed coins that all pairs hold of an instrument together: what the venue shows as one position.
    #[must_use]
    pub fn position(&self, instrument: InstrumentId) -> SignedQuantity {
        let legs = self.catalogue.legs_of(instrument).iter();
        legs.fold(SignedQuantity::ZERO, |sum, (pair, leg)| sum + self.coins_of(*pair, *leg))
    }

    /// The nth pair that an instrument serves and the leg that it is of it: for loops that change the state.
    #[must_use]
    pub(super) fn served(&self, instrument: InstrumentId, nth: usize) -> Option<(PairId, Leg)> {
        self.catalogue.legs_of(instrument).get(nth).copied()
    }

    fn coins_of(&self, pair: PairId, leg: Leg) -> SignedQuantity {
        self.pair(pair).map_or(SignedQuantity::ZERO, |pair| leg.of(self.held(pair)))
    }
}

/// Which pairs an execution is of that none of our orders made. It takes from the pairs that hold something on its other side,
/// in order of the pairs; what is more than they hold is the first pair's. The fee goes by coins.
pub(super) fn parts(state: &State, instrument: InstrumentId, side: Side, fill: Fill) -> Vec<(PairId, Leg, Fill)> {
    let legs = state.catalogue.legs_of(instrument);
    if let [(pair, leg)] = legs {
        return vec![(*pair, *leg, fill)];
    }
    let direction = fill.quantity.signed(side).units().signum();
    let mut left = fill.quantity;
    let mut taken: Vec<(PairId, Leg, Quantity)> = Vec::new();
    for (pair, leg) in legs {
        let held = state.coins_of(*pair, *leg);
        let against = held.units().signum() * direction < 0;
        let part = if against { held.magnitude().min(left) } else { Quantity::ZERO };
        left = left.minus(part);
        taken.push((*pair, *leg, part));
    }
    if let Some((_, _, part)) = taken.first_mut() {
        *part += left;
    }
    let (mut coins, mut money) = (fill.quantity, fill.fee);
    let mut parts = Vec::new();
    for (pair, leg, quantity) in taken.into_iter().filter(|(_, _, part)| !part.is_zero()) {
        let fee = if quantity == coins { money } else { money.share(quantity.units(), coins.units()) };
        (coins, money) = (coins.minus(quantity), money - fee);
        parts.push((pair, leg, Fill { quantity, fee, ..fill }));
    }
    parts
}

/// Which pairs a payment of funding is of: each by what it holds; the first pair's where none holds anything any more. The last
/// one takes what rounding leaves.
pub(super) fn payments(
    state: &State,
    instrument: InstrumentId,
    (position, amount): (SignedQuantity, Amount),
) -> Vec<(PairId, Leg, SignedQuantity, Amount)> {
    let legs = state.catalogue.legs_of(instrument);
    let Some((first, leg)) = legs.first() else { return Vec::new() };
    let whole = state.position(instrument);
    if legs.len() == 1 || whole.is_zero() {
        return vec![(*first, *leg, position, amount)];
    }
    let mut left = amount;
    let mut payments = Vec::new();
    for (pair, leg) in legs {
        let held = state.coins_of(*pair, *leg);
        let share = amount.share(held.units(), whole.units());
        left -= share;
        payments.push((*pair, *leg, held, share));
    }
    if let Some((_, _, _, last)) = payments.iter_mut().rev().find(|(_, _, held, _)| !held.is_zero()) {
        *last += left;
    }
    payments.retain(|(_, _, held, _)| !held.is_zero());
    payments
}
