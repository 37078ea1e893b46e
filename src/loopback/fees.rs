//! What the venue takes for an execution: from the quote or the coin received, or in BNB at a discount while the switch is
//! on and there is enough of it in the wallet (Binance alone).
//!
//! Source: the venue's commission FAQ (digest read 2026-11). Tests in `tests/suite/loopback/fees.rs`.

use super::Profile;
use super::venue::Venue;
use crate::domain::fees::{self, Role};
use crate::domain::{Amount, Asset, Instrument, Market, Money, Rate, Side};
use crate::sim::matching::Slice;

/// What is paid of the usual fee on spot and on perps, in units of 1 %.
const SHARE: (i64, i64) = (75, 90);
/// What one BNB is worth in the quote coin: the generated market has no pair of it, and its price stands still.
pub(crate) const PRICE: i64 = 600;

/// The coin of the discount.
pub(crate) fn bnb() -> Asset {
    Asset::of("BNB")
}

impl Venue {
    /// The fee of a slice; too little BNB for all of it means the usual fee for all of it.
    pub(crate) fn fee(&self, instrument: &Instrument, side: Side, slice: Slice, role: Role) -> Money {
        let rate = instrument.fees.of(role);
        let usual = fees::fee(slice, rate, instrument.fee_coin(side), instrument.quote);
        let (on, held, share) = match instrument.market {
            Market::Spot => (self.books.spot_burn, self.books.free(bnb()), SHARE.0),
            Market::Perp => (self.books.fee_burn, self.books.wallet(bnb()), SHARE.1),
        };
        let value = slice.0.times(slice.1).times_rate(rate).times_rate(Rate::from_units(share * (Rate::ONE / 100)));
        let coins = Amount::from_units(value.units() / i128::from(PRICE)).to_ledger_unit();
        if self.profile == Profile::Binance && on && coins > Amount::ZERO && held >= coins {
            Money { amount: coins, asset: bnb() }
        } else {
            usual
        }
    }
}
