//! Executions: a walk down a book, or a bar's open with half a spread and an impact by the share of the volume taken.

use crate::config::settings::Sim;
use crate::domain::{Bps, Price, Quantity, Side};
use serde::{Deserialize, Serialize};

/// What an order can trade against now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Liquidity {
    /// The market is closed or nothing is known.
    #[default]
    None,
    /// A bar is opening: one price, with the volume that its neighbours traded.
    Open {
        /// The price.
        price: Price,
        /// Coins that trade in one bar.
        volume: Quantity,
    },
    /// A book, best first.
    Book {
        /// Bids.
        bids: Vec<(Price, Quantity)>,
        /// Asks.
        asks: Vec<(Price, Quantity)>,
    },
}

/// One partial execution.
pub type Slice = (Price, Quantity);

/// The executions of a taking order inside its limit, best first; what is not in the list did not trade.
#[must_use]
pub fn take(liquidity: &Liquidity, order: (Side, Quantity, Price), tick: Price, sim: &Sim) -> Vec<Slice> {
    let (side, quantity, limit) = order;
    match liquidity {
        Liquidity::None => Vec::new(),
        Liquidity::Open { price, volume } => {
            let worse = cost(sim, quantity, *volume);
            let at = if worse == Bps::ZERO { *price } else { price.worse_by(worse, side, tick) };
            let inside = match side {
                Side::Buy => at <= limit,
                Side::Sell => at >= limit,
            };
            if inside { vec![(at, quantity)] } else { Vec::new() }
        }
        Liquidity::Book { bids, asks } => {
            let levels = match side {
                Side::Buy => asks,
                Side::Sell => bids,
            };
            walk(levels, side, quantity, limit)
        }
    }
}

fn walk(levels: &[(Price, Quantity)], side: Side, quantity: Quantity, limit: Price) -> Vec<Slice> {
    let mut left = quantity;
    let mut slices = Vec::new();
    for (price, size) in levels {
        let inside = match side {
            Side::Buy => *price <= limit,
            Side::Sell => *price >= limit,
        };
        if left.is_zero() || !inside {
            break;
        }
        let taken = left.min(*size);
        if !taken.is_zero() {
            slices.push((*price, taken));
            left = left.minus(taken);
        }
    }
    slices
}

/// Half spread plus `impact x sqrt(quantity / volume)`: the square-root law of market impact, with the share capped at 1.
///
/// Worked: impact 20 bps, a hundredth of the volume: 2 bps.
#[expect(
    clippy::float_arithmetic,
    clippy::cast_possible_truncation,
    reason = "a model's cost, rounded once to 1e-4 bps"
)]
fn cost(sim: &Sim, quantity: Quantity, volume: Quantity) -> Bps {
    if sim.impact == Bps::ZERO {
        return sim.half_spread;
    }
    let share = if volume.is_zero() { 1.0 } else { (quantity.to_f64() / volume.to_f64()).min(1.0) };
    let impact = sim.impact.to_f64() * 1e8 * libm::sqrt(share);
    Bps::from_units(sim.half_spread.units().saturating_add(libm::round(impact) as i64))
}

/// Whether a resting order of ours was certainly executed by a quote: the market traded through it (queue assumed worst).
#[must_use]
pub fn traded_through(side: Side, limit: Price, bid: Price, ask: Price) -> bool {
    match side {
        Side::Buy => ask < limit,
        Side::Sell => bid > limit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }
    fn coins(text: &str) -> Quantity {
        Quantity::parse(text).unwrap()
    }

    #[test]
    fn a_walk_stops_at_the_limit_and_at_the_size() {
        let book = Liquidity::Book { bids: vec![], asks: vec![(price("100"), coins("1")), (price("101"), coins("2"))] };
        let sim = Settings::default().sim;
        let check = |quantity, limit, expected: Vec<Slice>| {
            assert_eq!(take(&book, (Side::Buy, coins(quantity), price(limit)), price("1"), &sim), expected);
        };
        check("2", "101", vec![(price("100"), coins("1")), (price("101"), coins("1"))]);
        check("2", "100", vec![(price("100"), coins("1"))]);
        check("2", "99", vec![]);
    }

    #[test]
    fn a_bar_costs_half_a_spread_and_an_impact_by_share() {
        let mut sim = Settings::default().sim;
        (sim.half_spread, sim.impact) = (Bps::whole(1), Bps::whole(20));
        assert_eq!(cost(&sim, coins("1"), coins("100")), Bps::whole(3));
        assert_eq!(cost(&sim, coins("1"), Quantity::ZERO), Bps::whole(21));
        let bar = Liquidity::Open { price: price("100"), volume: coins("100") };
        let slices = take(&bar, (Side::Buy, coins("1"), price("101")), price("0.01"), &sim);
        assert_eq!(slices, vec![(price("100.03"), coins("1"))]);
        assert!(take(&bar, (Side::Buy, coins("1"), price("100.02")), price("0.01"), &sim).is_empty());
    }
}
