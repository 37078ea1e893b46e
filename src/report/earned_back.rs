//! When a round trip had earned its costs back by funding, and how many had by day 14, 30 and 60: the odds as they were.
//!
//! Costs are all fees and slippage of the trip, those of the exit included once it is over. Exact money; nothing here is a
//! forecast. Tests stand at the end of this file.

use super::run::{FundingRow, TripRow};
use crate::domain::{Amount, Span, WallTime};

/// Days at which the odds are told.
pub const DAYS: [i64; 3] = [14, 30, 60];

/// One trip's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earned {
    /// After so long.
    After(Span),
    /// It ended without.
    Never,
    /// It is open and has not yet.
    NotYet,
}

/// When the funding received since the opening covered all costs of the trip.
#[must_use]
pub fn of(trip: &TripRow, funding: &[FundingRow]) -> Earned {
    let costs = -(trip.lines.fees + trip.lines.slippage);
    let end = trip.closed.unwrap_or(WallTime(i64::MAX));
    let mut sum = Amount::ZERO;
    let from = funding.partition_point(|row| row.at < trip.opened);
    for row in funding.get(from..).unwrap_or(&[]) {
        if row.at > end {
            break;
        }
        if row.pair == trip.pair {
            sum += row.amount;
            if sum >= costs {
                return Earned::After(row.at.since(trip.opened));
            }
        }
    }
    if trip.closed.is_some() { Earned::Never } else { Earned::NotYet }
}

/// Of how many trips that had the chance, and how many had earned their costs back, by each of [`DAYS`].
#[must_use]
pub fn odds(trips: &[TripRow], funding: &[FundingRow], now: WallTime) -> [(usize, usize); 3] {
    let answers: Vec<(&TripRow, Earned)> = trips.iter().map(|trip| (trip, of(trip, funding))).collect();
    DAYS.map(|days| {
        let limit = Span(days * Span::DAY.0);
        let counted = answers.iter().filter(|(trip, earned)| match earned {
            Earned::After(_) | Earned::Never => true,
            Earned::NotYet => now.since(trip.opened) >= limit,
        });
        let had = counted.clone().filter(|(_, earned)| matches!(earned, Earned::After(span) if *span <= limit)).count();
        (counted.count(), had)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Price, Quantity, Rate, SignedQuantity};
    use crate::report::run::Lines;

    fn trip(opened: i64, closed: Option<i64>, costs: i64) -> TripRow {
        TripRow {
            pair: "binance:BTCUSDT".to_owned(),
            opened: WallTime(opened * Span::DAY.0),
            closed: closed.map(|day| WallTime(day * Span::DAY.0)),
            coins: Quantity::ZERO,
            notional: Amount::ZERO,
            entry_basis_bps: 0.0,
            exit_basis_bps: None,
            settlements: 0,
            lines: Lines { fees: -Amount::whole(costs), ..Lines::default() },
            naked_s: 0.0,
            entry_reason: String::new(),
            exit_reason: None,
        }
    }

    /// One a day.
    fn paid(days: i64) -> Vec<FundingRow> {
        let row = |day: i64| FundingRow {
            at: WallTime(day * Span::DAY.0),
            pair: "binance:BTCUSDT".to_owned(),
            venue: "binance".to_owned(),
            symbol: "BTCUSDT".to_owned(),
            quantity: SignedQuantity::from_units(-1),
            mark_price: Price::parse("1").unwrap(),
            mark_source: "funding".to_owned(),
            rate: Rate::ZERO,
            amount: Amount::whole(1),
        };
        (1..=days).map(row).collect()
    }

    #[test]
    fn u15_a_trip_has_earned_its_costs_back_when_its_own_funding_covers_them() {
        let funding = paid(100);
        assert_eq!(of(&trip(0, Some(50), 20), &funding), Earned::After(Span(20 * Span::DAY.0)));
        assert_eq!(of(&trip(0, Some(10), 20), &funding), Earned::Never);
        assert_eq!(of(&trip(90, None, 20), &funding), Earned::NotYet);
        // Settlements before the opening are another trip's.
        assert_eq!(of(&trip(10, None, 20), &funding), Earned::After(Span(19 * Span::DAY.0)));
        let trips = [trip(0, Some(50), 10), trip(0, Some(50), 20), trip(0, Some(10), 20), trip(80, None, 90)];
        let now = WallTime(100 * Span::DAY.0);
        assert_eq!(odds(&trips, &funding, now), [(4, 1), (3, 2), (3, 2)]);
    }
}
