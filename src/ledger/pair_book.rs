//! Books of one pair: where its profit came from, and what each of its legs holds.
//!
//! A leg is coins in a wallet or a position in a perp. Coins are worth their price; a position is worth what it gained, because
//! nothing was paid for it. Tests: `tests/suite/two_pairs.rs`.

use super::attribution::Attribution;
use super::position::PerpPosition;
use crate::domain::{Amount, Asset, Leg, Market, Pair, Place, Price, SignedQuantity};

/// Books of one leg.
#[derive(Debug, Clone, Copy)]
pub struct LegBook {
    /// What it is priced in.
    pub quote: Asset,
    /// The position with its cost where the leg is a perp; `None` where its coins are owned.
    pub perp: Option<PerpPosition>,
}

/// Books of one pair.
#[derive(Debug, Clone, Copy)]
pub struct PairBook {
    /// Profit by cause, and coins held.
    pub attribution: Attribution,
    /// Its legs, the long one first.
    pub(super) legs: [LegBook; 2],
    /// Its coin.
    pub coin: Asset,
}

impl PairBook {
    pub(super) fn new(pair: &Pair) -> Self {
        let leg = |leg| {
            let Place { market, quote, .. } = pair.place(leg);
            LegBook { quote, perp: (market == Market::Perp).then(PerpPosition::default) }
        };
        Self { attribution: Attribution::default(), legs: Leg::BOTH.map(leg), coin: pair.coin }
    }

    /// Books of a leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> &LegBook {
        let [long, short] = &self.legs;
        match leg {
            Leg::Long => long,
            Leg::Short => short,
        }
    }

    pub(super) const fn leg_mut(&mut self, leg: Leg) -> &mut LegBook {
        let [long, short] = &mut self.legs;
        match leg {
            Leg::Long => long,
            Leg::Short => short,
        }
    }

    /// The position of a leg; a flat one where its coins are owned.
    #[must_use]
    pub fn perp(&self, leg: Leg) -> PerpPosition {
        self.leg(leg).perp.unwrap_or_default()
    }

    /// Signed coins of the long leg that lie in a wallet; none where that leg is a perp.
    #[must_use]
    pub const fn owned(&self) -> SignedQuantity {
        if self.leg(Leg::Long).perp.is_some() { SignedQuantity::ZERO } else { self.attribution.long }
    }

    /// What a leg is worth at a price, without the cash that it moved.
    pub(super) fn value(&self, leg: Leg, price: Price) -> Amount {
        match (&self.leg(leg).perp, leg) {
            (Some(position), _) => position.unrealised(price),
            (None, Leg::Long) => price.times_signed(self.attribution.long),
            (None, Leg::Short) => price.times_signed(self.attribution.short),
        }
    }

    /// Whether it holds nothing and so is worth nothing.
    pub(super) const fn is_flat(&self) -> bool {
        self.attribution.long.is_zero() && self.attribution.short.is_zero()
    }
}
