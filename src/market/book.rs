//! The order book of one instrument: absolute quantities by price, best first.
//!
//! It is not a matching engine and knows nothing of sequence numbers (`sync.rs` does): a book says what it was told last.
//! **Invariant**: each side is strictly sorted, and no level has the quantity zero. Tests stand at the end of the file.

use crate::domain::{Bps, Price, Quantity, Side, decimal};

/// A price and the coins that stand there.
pub type Level = (Price, Quantity);

/// Bids and asks of one instrument.
///
/// Both sides keep their best level last, so that the usual change, near the best price, moves few levels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Book {
    bids: Vec<Level>,
    asks: Vec<Level>,
}

impl Book {
    /// Nothing on either side.
    #[must_use]
    pub const fn new() -> Self {
        Self { bids: Vec::new(), asks: Vec::new() }
    }

    /// The coins that now stand at a price of a side (`Buy` for bids); zero takes the level away.
    pub fn set(&mut self, side: Side, price: Price, quantity: Quantity) {
        let (levels, place) = match side {
            Side::Buy => {
                let place = self.bids.binary_search_by(|(known, _)| known.cmp(&price));
                (&mut self.bids, place)
            }
            Side::Sell => {
                let place = self.asks.binary_search_by(|(known, _)| price.cmp(known));
                (&mut self.asks, place)
            }
        };
        match (place, quantity.is_zero()) {
            (Ok(place), true) => {
                levels.remove(place);
            }
            (Ok(place), false) => {
                if let Some(level) = levels.get_mut(place) {
                    level.1 = quantity;
                }
            }
            (Err(place), false) => levels.insert(place, (price, quantity)),
            (Err(_), true) => {}
        }
    }

    /// Replaces everything by a snapshot, in any order; of two levels at one price the first one given stays.
    pub fn load(&mut self, bids: &[Level], asks: &[Level]) {
        self.clear();
        // Snapshots list the best level first, so going backwards appends.
        for (price, quantity) in bids.iter().rev() {
            self.set(Side::Buy, *price, *quantity);
        }
        for (price, quantity) in asks.iter().rev() {
            self.set(Side::Sell, *price, *quantity);
        }
    }

    /// Forgets every level.
    pub fn clear(&mut self) {
        self.bids.clear();
        self.asks.clear();
    }

    /// The highest bid and the coins there.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.last().copied()
    }

    /// The lowest ask and the coins there.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.last().copied()
    }

    /// The levels of a side (`Buy` for bids), best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        self.side(side).iter().rev().copied()
    }

    /// How many levels a side has.
    #[must_use]
    pub fn len(&self, side: Side) -> usize {
        self.side(side).len()
    }

    /// Whether both sides are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bids.is_empty() && self.asks.is_empty()
    }

    /// Whether the best bid is at or above the best ask (crossed or locked): such a book must not be used.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        matches!((self.best_bid(), self.best_ask()), (Some((bid, _)), Some((ask, _))) if bid >= ask)
    }

    /// Coins of a side at prices no further than `bound` from the side's own best price; zero when it is empty.
    ///
    /// Worked: bids 100 (1 coin), 99.95 (2), 99.80 (4) hold 3 coins within 10 bps, as 99.95 is 5 bps away and 99.80 is 20.
    #[must_use]
    pub fn depth_within(&self, side: Side, bound: Bps) -> Quantity {
        let Some((best, _)) = self.side(side).last() else { return Quantity::ZERO };
        let allowed = i128::from(best.units()) * i128::from(bound.units().max(0));
        let inside = |price: Price| {
            let distance = i128::from(price.units().abs_diff(best.units()));
            distance * 10_000 * Bps::ONE <= allowed
        };
        self.levels(side).take_while(|(price, _)| inside(*price)).fold(Quantity::ZERO, |sum, (_, size)| sum + size)
    }

    /// Average price of taking `quantity` as a buyer (from the asks) or a seller (from the bids), rounded half to even at
    /// 1e-8; `None` when the book holds less, or for nothing.
    ///
    /// Worked: asks 100 (1 coin) and 101 (1 coin), buying 2 pays 100.5 on average.
    #[must_use]
    pub fn walk(&self, taker: Side, quantity: Quantity) -> Option<Price> {
        let mut left = quantity;
        let mut cost: i128 = 0;
        for (price, size) in self.levels(taker.opposite()) {
            let take = size.min(left);
            cost = cost.checked_add(price.times(take).units())?;
            left = left.minus(take);
            if left.is_zero() {
                break;
            }
        }
        if quantity.is_zero() || !left.is_zero() {
            return None;
        }
        let units = decimal::div_half_even(cost, i128::from(quantity.units()));
        Price::from_units(i64::try_from(units).ok()?).ok()
    }

    fn side(&self, side: Side) -> &[Level] {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn level(price: &str, quantity: &str) -> Level {
        (Price::parse(price).unwrap(), Quantity::parse(quantity).unwrap())
    }

    fn book() -> Book {
        let mut book = Book::new();
        book.load(
            &[level("100", "1"), level("99.95", "2"), level("99.8", "4")],
            &[level("100.1", "1"), level("100.15", "3"), level("102", "5")],
        );
        book
    }

    #[test]
    fn quantities_are_absolute_and_zero_deletes() {
        let mut book = book();
        book.set(Side::Buy, Price::parse("100").unwrap(), Quantity::parse("7").unwrap());
        assert_eq!(book.best_bid(), Some(level("100", "7")));
        book.set(Side::Buy, Price::parse("100").unwrap(), Quantity::ZERO);
        book.set(Side::Buy, Price::parse("98").unwrap(), Quantity::ZERO);
        assert_eq!(book.best_bid(), Some(level("99.95", "2")));
        assert_eq!((book.len(Side::Buy), book.len(Side::Sell)), (2, 3));
        book.set(Side::Sell, Price::parse("100.05").unwrap(), Quantity::parse("1").unwrap());
        assert_eq!(book.best_ask(), Some(level("100.05", "1")));
    }

    #[test]
    fn depth_counts_from_the_best_price_of_its_side() {
        assert_eq!(book().depth_within(Side::Buy, Bps::whole(10)).to_string(), "3");
        assert_eq!(book().depth_within(Side::Buy, Bps::whole(20)).to_string(), "7");
        assert_eq!(book().depth_within(Side::Sell, Bps::ZERO).to_string(), "1");
    }

    #[test]
    fn a_walk_pays_the_average_or_nothing() {
        assert_eq!(book().walk(Side::Buy, Quantity::parse("2").unwrap()), Price::parse("100.125").ok());
        assert_eq!(book().walk(Side::Sell, Quantity::parse("3").unwrap()), Price::parse("99.96666667").ok());
        assert_eq!(book().walk(Side::Buy, Quantity::parse("9.00000001").unwrap()), None);
    }

    #[test]
    fn b09_an_empty_or_one_sided_book_answers_without_dividing_by_zero() {
        let empty = Book::new();
        assert!(empty.is_empty());
        assert_eq!((empty.best_bid(), empty.best_ask(), empty.is_crossed()), (None, None, false));
        assert_eq!(empty.depth_within(Side::Buy, Bps::whole(10)), Quantity::ZERO);
        assert_eq!(empty.walk(Side::Buy, Quantity::parse("1").unwrap()), None);
        assert_eq!(book().walk(Side::Buy, Quantity::ZERO), None);
        let mut one = Book::new();
        one.load(&[level("100", "1")], &[]);
        assert!(!one.is_crossed());
        assert_eq!(one.walk(Side::Buy, Quantity::parse("1").unwrap()), None);
        assert_eq!(one.walk(Side::Sell, Quantity::parse("1").unwrap()), Price::parse("100").ok());
    }

    #[test]
    fn b05_a_locked_book_counts_as_crossed() {
        let mut book = book();
        assert!(!book.is_crossed());
        book.set(Side::Buy, Price::parse("100.1").unwrap(), Quantity::parse("1").unwrap());
        assert!(book.is_crossed());
    }

    #[test]
    fn extreme_levels_do_not_overflow() {
        let most = (Price::from_units(i64::MAX).unwrap(), Quantity::from_units(i64::MAX).unwrap());
        let almost = (Price::from_units(i64::MAX - 1).unwrap(), most.1);
        let mut book = Book::new();
        book.load(&[most, almost], &[most]);
        assert_eq!(book.depth_within(Side::Buy, Bps::from_units(i64::MAX)), most.1);
        assert_eq!(book.walk(Side::Sell, most.1), Some(most.0));
    }

    proptest! {
        #[test]
        fn a_book_holds_what_was_said_last_of_each_price(
            changes in prop::collection::vec((any::<bool>(), 1_i64..40, 0_i64..4), 0..200),
        ) {
            let mut book = Book::new();
            let mut truth: [BTreeMap<i64, i64>; 2] = [BTreeMap::new(), BTreeMap::new()];
            for (buy, price, quantity) in changes {
                let side = if buy { Side::Buy } else { Side::Sell };
                book.set(side, Price::from_units(price).unwrap(), Quantity::from_units(quantity).unwrap());
                truth[usize::from(buy)].insert(price, quantity);
            }
            let left = |buy: bool| truth[usize::from(buy)].iter().filter(|(_, q)| **q > 0).map(|(p, q)| (*p, *q));
            let seen = |side| book.levels(side).map(|(p, q)| (p.units(), q.units())).collect::<Vec<_>>();
            prop_assert_eq!(seen(Side::Buy), left(true).rev().collect::<Vec<_>>());
            prop_assert_eq!(seen(Side::Sell), left(false).collect::<Vec<_>>());
        }
    }
}
