//! First in, first out: which purchase a sale closes, with the fees of both.
//!
//! For people who declare taxes. The books themselves keep a position at its average cost ([`super::PerpPosition`]); over a
//! position that is flat again both count the same profit. Tests: at the end, and `tests/commands/lots.rs`.

use crate::domain::{Amount, Price, Quantity, Side, SignedQuantity, WallTime};
use std::collections::VecDeque;

/// What is still open of one execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// When.
    pub opened: WallTime,
    /// Bought: a long lot. Sold: a short one.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// Price.
    pub price: Price,
    /// Fees of the opening that are still on it; plus is paid.
    pub fees: Amount,
}

impl Lot {
    /// Price times coins.
    #[must_use]
    pub const fn value(&self) -> Amount {
        self.price.times(self.quantity)
    }

    /// The same with the sign of the coins.
    #[must_use]
    pub fn signed_value(&self) -> Amount {
        self.price.times_signed(self.coins())
    }

    /// Coins, plus is long.
    #[must_use]
    pub const fn coins(&self) -> SignedQuantity {
        self.quantity.signed(self.side)
    }
}

/// A lot, or a part of one, with what closed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// When it was opened.
    pub opened: WallTime,
    /// When it was closed.
    pub closed: WallTime,
    /// How it was opened.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// What was paid for them, without fees.
    pub cost: Amount,
    /// What came in for them, without fees.
    pub proceeds: Amount,
    /// Fees of the opening and of the closing; plus is paid.
    pub fees: Amount,
}

impl Closed {
    /// Proceeds less cost, before fees.
    #[must_use]
    pub fn gain(&self) -> Amount {
        self.proceeds - self.cost
    }
}

/// The open lots of one leg of one pair, oldest first.
///
/// **Invariant**: all of them are of one side, and their coins sum to the position.
#[derive(Debug, Clone, Default)]
pub struct Lots(VecDeque<Lot>);

impl Lots {
    /// Takes an execution: closes the oldest lots of the other side, and what is left of it opens a lot.
    ///
    /// Worked: bought 1 at 100 for a fee of 0.1, sold 0.5 at 110 for 0.05: cost 50, proceeds 55, fees 0.05 + 0.05.
    pub fn trade(&mut self, mut trade: Lot) -> Vec<Closed> {
        let mut closed = Vec::new();
        while !trade.quantity.is_zero()
            && let Some(first) = self.0.front_mut().filter(|first| first.side != trade.side)
        {
            let part = first.quantity.min(trade.quantity);
            let fees = take(&mut first.fees, part, first.quantity) + take(&mut trade.fees, part, trade.quantity);
            let (before, now) = (first.price.times(part), trade.price.times(part));
            let (cost, proceeds) = match first.side {
                Side::Buy => (before, now),
                Side::Sell => (now, before),
            };
            let (opened, side) = (first.opened, first.side);
            closed.push(Closed { opened, closed: trade.opened, side, quantity: part, cost, proceeds, fees });
            first.quantity = first.quantity.minus(part);
            trade.quantity = trade.quantity.minus(part);
            if first.quantity.is_zero() {
                self.0.pop_front();
            }
        }
        if !trade.quantity.is_zero() {
            self.0.push_back(trade);
        }
        closed
    }

    /// What is open, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    /// Coins that are open, plus is long.
    #[must_use]
    pub fn coins(&self) -> SignedQuantity {
        self.0.iter().fold(SignedQuantity::ZERO, |sum, lot| sum + lot.coins())
    }

    /// What the open lots cost (plus) or brought (minus), without fees.
    #[must_use]
    pub fn signed_value(&self) -> Amount {
        self.0.iter().map(Lot::signed_value).sum()
    }
}

/// The share of `part` in the fees of `whole`; the last part takes what rounding left.
fn take(fees: &mut Amount, part: Quantity, whole: Quantity) -> Amount {
    let share = if part == whole { *fees } else { fees.share(part.units(), whole.units()) };
    *fees -= share;
    share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::PerpPosition;
    use proptest::prelude::*;

    fn lot(at: i64, side: Side, quantity: &str, price: &str, fees: &str) -> Lot {
        let (quantity, price) = (Quantity::parse(quantity).unwrap(), Price::parse(price).unwrap());
        Lot { opened: WallTime(at), side, quantity, price, fees: Amount::parse(fees).unwrap() }
    }

    #[test]
    fn the_oldest_lot_goes_first_with_its_part_of_both_fees() {
        let mut lots = Lots::default();
        assert_eq!(lots.trade(lot(1, Side::Buy, "1", "100", "0.1")), []);
        assert_eq!(lots.trade(lot(2, Side::Buy, "1", "120", "0.2")), []);
        let closed = lots.trade(lot(3, Side::Sell, "1.5", "130", "0.3"));
        let told: Vec<String> = closed
            .iter()
            .map(|one| {
                let (from, to) = (one.opened.0, one.closed.0);
                format!("{from}-{to} {} {} {} {}", one.quantity, one.cost, one.proceeds, one.fees)
            })
            .collect();
        assert_eq!(told, ["1-3 1 100 130 0.3", "2-3 0.5 60 65 0.2"]);
        // Through flat: a short lot of the rest, closed by the next purchase.
        let closed = lots.trade(lot(4, Side::Sell, "1", "140", "0"));
        assert_eq!((closed.len(), lots.coins().to_string()), (1, "-0.5".to_owned()));
        let closed = lots.trade(lot(5, Side::Buy, "0.5", "100", "0"));
        assert_eq!((closed[0].cost, closed[0].proceeds), (Amount::whole(50), Amount::whole(70)));
        assert_eq!(lots.open().count(), 0);
    }

    proptest! {
        #[test]
        fn gains_and_open_lots_are_the_cash_flow_and_what_the_books_realise(fills in prop::collection::vec((1_i64..1_000_000, any::<bool>(), 1_i64..1_000_000_000, 0_i64..1_000), 1..60)) {
            let (mut lots, mut position) = (Lots::default(), PerpPosition::default());
            let (mut gains, mut fees, mut realised, mut flow, mut paid) =
                (Amount::ZERO, Amount::ZERO, Amount::ZERO, Amount::ZERO, Amount::ZERO);
            for (place, (units, buy, price, fee)) in fills.into_iter().enumerate() {
                let side = if buy { Side::Buy } else { Side::Sell };
                let (quantity, price) = (Quantity::from_units(units).unwrap(), Price::from_units(price).unwrap());
                let fee = Amount::from_units(i128::from(fee) * 100_000_000);
                let opened = WallTime(i64::try_from(place).unwrap());
                for one in lots.trade(Lot { opened, side, quantity, price, fees: fee }) {
                    prop_assert!(one.opened < one.closed);
                    gains += one.gain();
                    fees += one.fees;
                }
                realised += position.fill(quantity.signed(side), price);
                flow -= price.times_signed(quantity.signed(side));
                paid += fee;
            }
            prop_assert_eq!(lots.coins(), position.coins);
            prop_assert_eq!(gains - lots.signed_value(), flow);
            // The books keep the average of what is open; nothing else is different.
            prop_assert_eq!(gains + (position.cost - lots.signed_value()), realised);
            prop_assert_eq!(fees + lots.open().map(|lot| lot.fees).sum::<Amount>(), paid);
        }
    }
}
