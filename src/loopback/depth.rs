//! One order book as it is published: levels, update ids, and the changes since the last message.
//!
//! Every change takes an id; a message covers all changes since the one before, so that a snapshot taken in between joins
//! by the documented rules. The account's own resting orders are not in it. Tests stand at the end of the file.

use crate::domain::{Price, Quantity, Side};
use crate::sim::generator::Ladder;
use crate::sim::matching::Liquidity;
use std::collections::{BTreeMap, BTreeSet};

/// Levels and ids of one book.
#[derive(Debug, Clone, Default)]
pub(crate) struct Depth {
    bids: BTreeMap<Price, Quantity>,
    asks: BTreeMap<Price, Quantity>,
    id: u64,
    /// Last id that was sent.
    sent: u64,
    /// Ids per change: one on spot, more on futures, whose ids have holes.
    stride: u64,
    first: Option<u64>,
    changed: BTreeSet<(Side, Price)>,
}

/// A message of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diff {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) before: u64,
    pub(crate) bids: Vec<(Price, Quantity)>,
    pub(crate) asks: Vec<(Price, Quantity)>,
}

impl Depth {
    pub(crate) fn new(stride: u64) -> Self {
        Self { id: 1_000, sent: 1_000, stride, ..Self::default() }
    }

    pub(crate) fn best(&self) -> Option<((Price, Quantity), (Price, Quantity))> {
        let bid = self.bids.last_key_value()?;
        let ask = self.asks.first_key_value()?;
        Some(((*bid.0, *bid.1), (*ask.0, *ask.1)))
    }

    pub(crate) const fn id(&self) -> u64 {
        self.id
    }

    /// Best levels first.
    pub(crate) fn levels(&self, side: Side, limit: usize) -> Vec<(Price, Quantity)> {
        let row = |(price, quantity): (&Price, &Quantity)| (*price, *quantity);
        match side {
            Side::Buy => self.bids.iter().rev().take(limit).map(row).collect(),
            Side::Sell => self.asks.iter().take(limit).map(row).collect(),
        }
    }

    pub(crate) fn liquidity(&self) -> Liquidity {
        Liquidity::Book { bids: self.levels(Side::Buy, usize::MAX), asks: self.levels(Side::Sell, usize::MAX) }
    }

    /// Replaces all levels.
    pub(crate) fn load(&mut self, ladder: &Ladder) {
        for (side, fresh) in [(Side::Buy, &ladder.bids), (Side::Sell, &ladder.asks)] {
            let fresh: BTreeMap<Price, Quantity> = fresh.iter().copied().collect();
            let old = self.side(side).clone();
            for price in old.keys().filter(|price| !fresh.contains_key(price)) {
                self.set(side, *price, Quantity::ZERO);
            }
            for (price, quantity) in fresh {
                if old.get(&price) != Some(&quantity) {
                    self.set(side, price, quantity);
                }
            }
        }
    }

    /// Sets some levels; a size of zero takes a level away.
    pub(crate) fn change(&mut self, levels: &Ladder) {
        for (side, rows) in [(Side::Buy, &levels.bids), (Side::Sell, &levels.asks)] {
            for (price, quantity) in rows {
                if self.side_of(side).get(price).copied().unwrap_or(Quantity::ZERO) != *quantity {
                    self.set(side, *price, *quantity);
                }
            }
        }
    }

    /// What a taker took is gone.
    pub(crate) fn consume(&mut self, taker: Side, slices: &[(Price, Quantity)]) {
        let side = taker.opposite();
        for (price, quantity) in slices {
            if let Some(left) = self.side(side).get(price).copied() {
                self.set(side, *price, left.minus(*quantity));
            }
        }
    }

    /// Changes the size of one level by a step, so that the book is never still while it is alive.
    pub(crate) fn nudge(&mut self, count: u64, step: Quantity) {
        let side = if count.is_multiple_of(2) { Side::Buy } else { Side::Sell };
        let place = usize::try_from(count / 2 % 5).unwrap_or(0);
        let Some((price, quantity)) = self.levels(side, place + 1).pop() else { return };
        let more = (count / 10).is_multiple_of(2);
        let changed = if more || quantity <= step + step { quantity + step } else { quantity.minus(step) };
        self.set(side, price, changed);
    }

    /// Tells the best level once more as it is: the id moves on, the book stays.
    pub(crate) fn repeat(&mut self) {
        if let Some((price, quantity)) = self.levels(Side::Buy, 1).pop() {
            self.set(Side::Buy, price, quantity);
        }
    }

    /// The changes since the last message.
    pub(crate) fn flush(&mut self) -> Option<Diff> {
        let first = self.first.take()?;
        let changed = std::mem::take(&mut self.changed);
        let of = |wanted: Side| {
            let rows = changed.iter().filter(|(side, _)| *side == wanted);
            rows.map(|(side, price)| (*price, self.side_of(*side).get(price).copied().unwrap_or(Quantity::ZERO)))
                .collect()
        };
        let diff = Diff { first, last: self.id, before: self.sent, bids: of(Side::Buy), asks: of(Side::Sell) };
        self.sent = self.id;
        Some(diff)
    }

    fn side(&mut self, side: Side) -> &mut BTreeMap<Price, Quantity> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    const fn side_of(&self, side: Side) -> &BTreeMap<Price, Quantity> {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn set(&mut self, side: Side, price: Price, quantity: Quantity) {
        if quantity.is_zero() {
            self.side(side).remove(&price);
        } else {
            self.side(side).insert(price, quantity);
        }
        self.id += self.stride;
        self.first.get_or_insert(self.id);
        self.changed.insert((side, price));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(bid: &str, ask: &str) -> Ladder {
        let level = |price: &str| (Price::parse(price).unwrap(), Quantity::parse("2").unwrap());
        Ladder { bids: vec![level(bid)], asks: vec![level(ask)] }
    }

    #[test]
    fn a_snapshot_between_two_messages_lies_inside_the_second() {
        let mut depth = Depth::new(3);
        depth.load(&ladder("99", "101"));
        let one = depth.flush().unwrap();
        depth.nudge(0, Quantity::parse("0.1").unwrap());
        let snapshot = depth.id();
        depth.nudge(1, Quantity::parse("0.1").unwrap());
        let two = depth.flush().unwrap();
        assert_eq!(two.before, one.last);
        assert!(two.first <= snapshot && snapshot <= two.last);
        assert_eq!(depth.flush(), None);

        // A recorded book is told once more as it is.
        let best = depth.best();
        depth.repeat();
        let snapshot = depth.id();
        depth.repeat();
        let three = depth.flush().unwrap();
        assert!(three.first <= snapshot && snapshot <= three.last && three.before == two.last);
        assert_eq!((three.bids, depth.best()), (depth.levels(Side::Buy, 1), best));
    }

    #[test]
    fn levels_that_are_gone_are_sent_as_zero() {
        let mut depth = Depth::new(1);
        depth.load(&ladder("99", "101"));
        depth.flush();
        depth.load(&ladder("98", "101"));
        let diff = depth.flush().unwrap();
        let sizes: Vec<String> = diff.bids.iter().map(|(price, size)| format!("{price} {size}")).collect();
        assert_eq!(sizes, ["98 2", "99 0"]);
        depth.consume(Side::Buy, &[(Price::parse("101").unwrap(), Quantity::parse("0.5").unwrap())]);
        assert_eq!(depth.best().unwrap().1.1.to_string(), "1.5");
    }
}
