//! Quotes and synthetic depth: a best bid and ask round a mid, and twenty levels behind each when somebody asks.
//!
//! Spreads widen and depth thins with stress. The levels within 10 bps of the best price hold exactly the quoted depth.
//! **Invariant**: every price is on the tick, bid < ask, every size is at least one step. Tested in
//! `tests/suite/generator.rs`.

use super::round;
use super::setup::Grid;
use crate::domain::{Price, Quantity, Rules, Side, WallTime};
use crate::port::event::Quote;

/// How far quoted depth reaches from the best price, in basis points.
const REACH_BPS: f64 = 10.0;
/// Distance of each level from the best price in basis points, and its share of the quoted depth. The shares of the first
/// ten, which lie within the reach, sum to one; the others go on as densely.
const LEVELS: [(f64, f64); 20] = [
    (0.0, 0.06),
    (0.5, 0.05),
    (1.0, 0.07),
    (2.0, 0.09),
    (3.0, 0.10),
    (4.0, 0.11),
    (5.0, 0.12),
    (6.0, 0.12),
    (7.5, 0.14),
    (9.0, 0.14),
    (12.0, 0.22),
    (15.0, 0.24),
    (18.0, 0.26),
    (22.0, 0.3),
    (26.0, 0.34),
    (30.0, 0.36),
    (35.0, 0.4),
    (40.0, 0.42),
    (45.0, 0.44),
    (50.0, 0.46),
];

/// Synthetic depth of one instrument, best price first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ladder {
    /// Price and coins bid, falling in price.
    pub bids: Vec<(Price, Quantity)>,
    /// Price and coins offered, rising in price.
    pub asks: Vec<(Price, Quantity)>,
}

/// The state of one book in one minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// The fair price in the quote coin.
    pub(super) mid: f64,
    /// US dollars for one quote coin.
    pub(super) peg: f64,
    /// 0 (quiet) to 1 (the bottom of a cascade).
    pub(super) stress: f64,
    /// Depth on the bid and on the ask as multiples of usual.
    pub(super) depth: (f64, f64),
}

/// The quote of a book of this shape.
pub(super) fn quote(grid: &Grid, rules: &Rules, shape: Shape, at: WallTime) -> Quote {
    let half = grid.half * (1.0 + 25.0 * shape.stress);
    let bid = round::price(shape.mid * (1.0 - half)).on_tick(rules.tick, Side::Sell);
    let ask = round::price(shape.mid * (1.0 + half)).on_tick(rules.tick, Side::Buy);
    let ask = if ask > bid { ask } else { next(bid, rules.tick, Side::Buy) };
    let thin = 1.0 / (1.0 + 12.0 * shape.stress);
    let coins = |multiple: f64| {
        let wanted = round::quantity(grid.depth * thin * multiple / (shape.mid * shape.peg)).floor_to(rules.step);
        if wanted < rules.step { rules.step } else { wanted }
    };
    Quote { bid, ask, bid_depth: coins(shape.depth.0), ask_depth: coins(shape.depth.1), venue_time: at }
}

/// The levels behind a quote.
pub(super) fn ladder(quote: &Quote, rules: &Rules) -> Ladder {
    Ladder {
        bids: side(quote.bid, quote.bid_depth, rules, Side::Sell),
        asks: side(quote.ask, quote.ask_depth, rules, Side::Buy),
    }
}

/// Levels away from `best`; `outward` is up for asks (Buy) and down for bids (Sell), as prices are rounded.
fn side(best: Price, depth: Quantity, rules: &Rules, outward: Side) -> Vec<(Price, Quantity)> {
    let mut levels: Vec<(Price, Quantity)> = Vec::with_capacity(LEVELS.len());
    let sign = if outward == Side::Buy { 1.0 } else { -1.0 };
    let (mut inside, mut spoken) = (0, Quantity::ZERO);
    for (bps, share) in LEVELS {
        let wanted = round::price(best.to_f64() * (1.0 + sign * bps / 1e4)).on_tick(rules.tick, outward);
        let price = match levels.last() {
            None => best,
            Some((last, _)) if beyond(wanted, *last, outward) => wanted,
            Some((last, _)) => next(*last, rules.tick, outward),
        };
        if levels.last().is_some_and(|(last, _)| !beyond(price, *last, outward)) {
            // Bids end at one tick: there is no lower price.
            break;
        }
        let size = round::quantity(depth.to_f64() * share).floor_to(rules.step);
        let mut size = if size < rules.step { rules.step } else { size };
        if (price.to_f64() / best.to_f64() - 1.0) * sign * 1e4 <= REACH_BPS {
            let left = depth.minus(spoken);
            if left.is_zero() {
                continue;
            }
            size = if size < left { size } else { left };
            spoken += size;
            inside = levels.len() + 1;
        }
        levels.push((price, size));
    }
    // What rounding or a coarse tick left over stands at the last level within the reach.
    if let Some((_, size)) = inside.checked_sub(1).and_then(|place| levels.get_mut(place)) {
        *size += depth.minus(spoken);
    }
    levels
}

fn beyond(price: Price, last: Price, outward: Side) -> bool {
    match outward {
        Side::Buy => price > last,
        Side::Sell => price < last,
    }
}

/// One tick further; a bid stays where it is at one tick.
fn next(price: Price, tick: Price, outward: Side) -> Price {
    match outward {
        Side::Buy => round::price_units(price.units().saturating_add(tick.units())),
        Side::Sell if price.units() > tick.units() => round::price_units(price.units() - tick.units()),
        Side::Sell => price,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Amount;

    fn rules(tick: &str, step: &str) -> Rules {
        let step = Quantity::parse(step).unwrap();
        Rules {
            tick: Price::parse(tick).unwrap(),
            step,
            min_quantity: step,
            max_quantity: step,
            min_notional: Amount::ZERO,
        }
    }

    /// Levels rise outward, sizes are on the step, and within 10 bps stands what is quoted.
    fn check(mid: f64, rules: &Rules, depth: f64) {
        let grid = Grid { tick: 0, step: 0, least: 0, half: 0.000_01, depth };
        let shape = Shape { mid, peg: 1.0, stress: 0.0, depth: (1.0, 0.5) };
        let quote = quote(&grid, rules, shape, WallTime(0));
        assert!(quote.bid < quote.ask, "{quote:?}");
        let ladder = ladder(&quote, rules);
        assert_eq!(ladder.bids.first().map(|level| level.0), Some(quote.bid));
        assert_eq!(ladder.asks.first().map(|level| level.0), Some(quote.ask));
        assert!(ladder.bids.windows(2).all(|pair| pair[0].0 > pair[1].0), "{ladder:?}");
        assert!(ladder.asks.windows(2).all(|pair| pair[0].0 < pair[1].0), "{ladder:?}");
        for (levels, best, quoted) in
            [(&ladder.bids, quote.bid, quote.bid_depth), (&ladder.asks, quote.ask, quote.ask_depth)]
        {
            let near = |price: Price| (price.to_f64() / best.to_f64() - 1.0).abs() * 1e4 <= REACH_BPS;
            let inside = levels.iter().filter(|level| near(level.0)).fold(Quantity::ZERO, |sum, level| sum + level.1);
            assert_eq!(inside, quoted, "{levels:?}");
            assert!(levels.iter().all(|level| !level.1.is_zero() && level.1.floor_to(rules.step) == level.1));
            assert!(levels.iter().all(|level| level.0.units() % rules.tick.units() == 0));
        }
    }

    #[test]
    fn the_ladder_holds_the_quoted_depth_within_ten_bps() {
        check(100_000.0, &rules("0.1", "0.001"), 12e6);
        check(0.2, &rules("0.00001", "1"), 1e6);
        check(1.2, &rules("0.0001", "0.1"), 1e5);
        check(0.001, &rules("0.00001", "1"), 1.0);
        check(0.000_004, &rules("0.00001", "1"), 1e-9);
    }
}
