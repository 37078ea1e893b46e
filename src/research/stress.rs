//! What a book loses in a shock, which leg is liquidated, and what would be done about it.
//!
//! A pure function of book, paths and settings: at each point of the path prices move, the venue deleverages or liquidates, the margin
//! autopilot moves money or shrinks, and legs that became unequal are made equal once the venue takes orders. The lines are
//! those of the profit: basis = hedged coins times the change of spot less perp, delta = what being unequal earned or cost. It is an
//! estimate and says so; it books nothing. Tests: at the end and `tests/suite/stress.rs`.

use super::book::{Book, COIN_COUNTS, Held};
use super::fate::{Fate, Lines, Outcome, Strain};
use super::shocks::{Point, Shock};

/// What the venue takes of a liquidated position; Binance charges 1.25 % on BTC and up to 2 % on other coins.
const LIQUIDATION_FEE: f64 = 0.015;
/// The part of an hour's volume that one repair is taken to be: the worked number of the impact law.
const OF_VOLUME: f64 = 0.01;
/// Less than this part of a position is not worth an order: about a lot.
const LOT: f64 = 1e-3;

/// A book on its way through a shock.
struct Run<'a> {
    shock: &'a Shock,
    book: Book,
    start: Vec<Held>,
    hour: f64,
    /// Whether the venue has deleveraged.
    deleveraged: bool,
    /// Money on its way to a wallet: hour of arrival and amount.
    moving: Vec<Option<(f64, f64)>>,
    /// Since when a pair is unequal.
    unequal: Vec<Option<f64>>,
    out: Outcome,
}

/// Puts the book through a shock; `paths` has one for each pair that is held, of equal length.
#[must_use]
pub fn stress(book: &Book, shock: &Shock, paths: &[Vec<Point>]) -> Outcome {
    let fate = |held: &Held| Fate {
        pair: held.pair.clone(),
        lines: Lines::default(),
        liquidated: None,
        deleveraged: 0.0,
        naked_hours: 0.0,
        long: held.long,
        short: held.short,
    };
    let strain = |purse: &super::book::Purse| Strain {
        name: purse.name.clone(),
        least: None,
        margin: purse.margin,
        free: purse.free,
        at_venue: 0.0,
    };
    let pairs = book.held.iter().map(fate).collect();
    let wallets = book.purses.iter().map(strain).collect();
    let mut run = Run {
        shock,
        book: book.clone(),
        start: book.held.clone(),
        hour: 0.0,
        deleveraged: false,
        moving: vec![None; book.purses.len()],
        unequal: vec![None; book.held.len()],
        out: Outcome { pairs, wallets, acts: Vec::new() },
    };
    let last = paths.iter().map(Vec::len).min().unwrap_or_default();
    for place in 0..last {
        let points: Vec<Point> = paths.iter().filter_map(|path| path.get(place).copied()).collect();
        run.point(&points);
    }
    run.end();
    run.out
}

#[expect(clippy::float_arithmetic, reason = "an estimate")]
impl Run<'_> {
    fn point(&mut self, points: &[Point]) {
        let hour = points.first().map_or(self.hour, |point| point.hour);
        let part = if self.shock.hours > 0.0 {
            (hour.min(self.shock.hours) - self.hour.min(self.shock.hours)) / self.shock.hours
        } else {
            0.0
        };
        let passed = hour - self.hour;
        self.hour = hour;
        for (place, point) in points.iter().enumerate() {
            self.moves(place, *point, (part, passed));
        }
        self.arrive();
        for wallet in 0..self.book.purses.len() {
            self.measure(wallet, points);
        }
        if self.shock.adl > 0.0 && !self.deleveraged && hour >= self.shock.middle() {
            self.deleverage();
            self.deleveraged = true;
        }
        if self.answers() {
            for wallet in 0..self.book.purses.len() {
                self.defend(wallet);
            }
            self.equalise();
        }
    }

    /// Whether the venue takes orders now.
    fn answers(&self) -> bool {
        let begins = self.shock.middle();
        self.shock.outage_hours <= 0.0 || self.hour < begins || self.hour >= begins + self.shock.outage_hours
    }

    /// Prices go on, settlements are paid.
    fn moves(&mut self, place: usize, point: Point, (part, passed): (f64, f64)) {
        let (Some(held), Some(start), Some(fate)) =
            (self.book.held.get_mut(place), self.start.get(place), self.out.pairs.get_mut(place))
        else {
            return;
        };
        let (spot, perp) = (start.spot * point.spot, start.perp * point.perp);
        let (up_spot, up_perp) = (spot - held.spot, perp - held.perp);
        let hedged = held.long.min(held.short);
        fate.lines.basis += hedged * (up_spot - up_perp);
        fate.lines.delta += (held.long - hedged) * up_spot - (held.short - hedged) * up_perp;
        let paid = self.shock.funding.of(&held.coin) * part * held.short * perp;
        fate.lines.funding -= paid;
        if let Some(purse) = self.book.purses.get_mut(held.wallet) {
            purse.margin -= held.short * up_perp + paid;
        }
        (held.spot, held.perp) = (spot, perp);
        if self.unequal.get(place).copied().flatten().is_some() {
            fate.naked_hours += passed;
        }
    }

    fn arrive(&mut self) {
        for (place, moving) in self.moving.iter_mut().enumerate() {
            if let Some((at, amount)) = *moving
                && self.hour >= at
                && let Some(purse) = self.book.purses.get_mut(place)
            {
                purse.margin += amount;
                *moving = None;
            }
        }
    }

    /// Equity of the margin with its coins, notional, and maintenance margin of a wallet, at prices raised by a factor each.
    fn margin(&self, wallet: usize, raised: &[f64]) -> (f64, f64, f64) {
        let mut sum = (self.book.purses.get(wallet).map_or(0.0, |purse| purse.margin), 0.0, 0.0);
        for (place, held) in self.book.held.iter().enumerate().filter(|(_, held)| held.wallet == wallet) {
            let up = raised.get(place).copied().unwrap_or(1.0);
            let notional = held.short * held.perp * up;
            sum.0 += held.parked * held.spot * up * COIN_COUNTS - held.short * held.perp * (up - 1.0);
            sum.1 += notional;
            sum.2 += maintenance(&held.brackets, notional);
        }
        sum
    }

    /// The distance to liquidation at the highest price of the step; below zero the venue liquidates.
    fn measure(&mut self, wallet: usize, points: &[Point]) {
        let raised: Vec<f64> =
            points.iter().map(|point| if point.perp > 0.0 { point.high / point.perp } else { 1.0 }).collect();
        let (equity, notional, maintenance) = self.margin(wallet, &raised);
        let held = || self.book.held.iter().filter(|held| held.wallet == wallet);
        let coins: f64 = held().map(|held| held.long * held.spot).sum();
        let free = self.book.purses.get(wallet).map_or(0.0, |purse| purse.margin + purse.free);
        if let Some(strain) = self.out.wallets.get_mut(wallet) {
            strain.at_venue = strain.at_venue.max(coins + free);
            if notional > 0.0 {
                let distance = (equity - maintenance) / (notional + maintenance);
                strain.least = Some(strain.least.map_or(distance, |least| least.min(distance)));
            }
        }
        if notional > 0.0 && equity <= maintenance {
            self.liquidate(wallet, &raised);
        }
    }

    fn liquidate(&mut self, wallet: usize, raised: &[f64]) {
        for (place, held) in self.book.held.iter_mut().enumerate().filter(|(_, held)| held.wallet == wallet) {
            let (Some(fate), true) = (self.out.pairs.get_mut(place), held.short > 0.0) else { continue };
            let price = held.perp * raised.get(place).copied().unwrap_or(1.0);
            let (worse, fee) = (held.short * (price - held.perp), held.short * price * LIQUIDATION_FEE);
            fate.lines.delta -= worse;
            fate.lines.liquidation -= fee;
            fate.liquidated.get_or_insert(self.hour);
            if let Some(purse) = self.book.purses.get_mut(wallet) {
                // A wallet that owes nothing beyond what it held: the venue's fund takes the rest.
                purse.margin = (purse.margin - worse - fee).max(0.0);
            }
            held.short = 0.0;
            if let Some(unequal) = self.unequal.get_mut(place) {
                unequal.get_or_insert(self.hour);
            }
            self.out
                .acts
                .push((self.hour, format!("{}: the venue liquidates the short; the coins are naked", held.pair)));
        }
    }

    fn deleverage(&mut self) {
        let fates = self.out.pairs.iter_mut().zip(&mut self.unequal);
        for (held, (fate, unequal)) in self.book.held.iter_mut().zip(fates).filter(|(held, _)| held.short > 0.0) {
            let coins = held.short * self.shock.adl;
            held.short -= coins;
            fate.deleveraged += coins;
            unequal.get_or_insert(self.hour);
            let words = format!("{}: the venue deleverages {} of the short", held.pair, percent(self.shock.adl));
            self.out.acts.push((self.hour, words));
        }
    }

    /// The margin autopilot: money first, then both legs smaller.
    fn defend(&mut self, wallet: usize) {
        let rules = self.book.rules;
        let (equity, notional, maintenance) = self.margin(wallet, &[]);
        if !rules.autopilot || notional <= 0.0 {
            return;
        }
        let distance = (equity - maintenance) / (notional + maintenance);
        let wanted = maintenance + rules.target * (notional + maintenance) - equity;
        let waits = self.moving.get(wallet).is_some_and(Option::is_some);
        let free = self.book.purses.get(wallet).map_or(0.0, |purse| purse.free);
        if distance < rules.top_up
            && !waits
            && free > notional * LOT
            && let Some(hours) = self.shock.transfer_hours
        {
            let amount = wanted.min(free);
            if let (Some(purse), Some(moving)) = (self.book.purses.get_mut(wallet), self.moving.get_mut(wallet)) {
                purse.free -= amount;
                *moving = Some((self.hour + hours, amount));
                self.out.acts.push((self.hour, format!("{}: {amount:.2} moved to the margin", purse.name)));
            }
            return;
        }
        if distance < rules.floor && !waits {
            self.shrink(wallet, (equity, notional, maintenance));
        }
    }

    /// Sells the same share of both legs of every pair of a wallet, so that with what the coins bring the target is restored.
    fn shrink(&mut self, wallet: usize, (equity, notional, maintenance): (f64, f64, f64)) {
        let target = maintenance + self.book.rules.target * (notional + maintenance);
        let value: f64 =
            self.book.held.iter().filter(|held| held.wallet == wallet).map(|held| held.long * held.spot).sum();
        let share = ((target - equity) / (value + target)).clamp(0.0, 1.0);
        if share <= LOT {
            return;
        }
        let slip = self.slip();
        for (held, fate) in self.book.held.iter_mut().zip(&mut self.out.pairs).filter(|(held, _)| held.wallet == wallet)
        {
            let (long, short) = (held.long * share, held.short * share);
            let (sold, bought) = (long * held.spot, short * held.perp);
            let (fees, slipped) = (sold * held.fees.0 + bought * held.fees.1, (sold + bought) * slip);
            fate.lines.fees -= fees;
            fate.lines.slippage -= slipped;
            if let Some(purse) = self.book.purses.get_mut(wallet) {
                purse.margin += sold - fees - slipped;
            }
            (held.long, held.short) = (held.long - long, held.short - short);
            held.parked *= 1.0 - share;
            self.out.acts.push((self.hour, format!("{}: both legs {} smaller", held.pair, percent(share))));
        }
    }

    /// Sells coins whose short is gone, once the venue takes orders and the time of a repair has passed.
    fn equalise(&mut self) {
        let (slip, hour) = (self.slip(), self.hour);
        for (place, held) in self.book.held.iter_mut().enumerate() {
            let (Some(fate), Some(since)) = (self.out.pairs.get_mut(place), self.unequal.get_mut(place)) else {
                continue;
            };
            let excess = held.long - held.short;
            if excess <= held.long * LOT {
                *since = None;
                continue;
            }
            let known = *since.get_or_insert(hour);
            if hour < known + self.book.rules.hedge_hours {
                continue;
            }
            let sold = excess * held.spot;
            fate.lines.fees -= sold * held.fees.0;
            fate.lines.slippage -= sold * slip;
            if let Some(purse) = self.book.purses.get_mut(held.wallet) {
                purse.free += sold * (1.0 - held.fees.0 - slip);
            }
            held.long -= excess;
            held.parked = held.parked.min(held.long);
            *since = None;
            self.out.acts.push((hour, format!("{}: the coins without a short are sold, {sold:.2}", held.pair)));
        }
    }

    /// Spread and impact in books of which so much is left: half of the spread over the depth, and the square-root law.
    fn slip(&self) -> f64 {
        let depth = self.shock.depth.clamp(0.001, 1.0);
        self.book.rules.half_spread / depth + self.book.rules.impact * libm::sqrt(OF_VOLUME / depth)
    }

    /// The exit of everything where the shock is one, and what the quote coin lost.
    fn end(&mut self) {
        if let Some(slip) = self.shock.exit {
            for (held, fate) in self.book.held.iter_mut().zip(&mut self.out.pairs) {
                let (sold, bought) = (held.long * held.spot, held.short * held.perp);
                let (fees, slipped) = (sold * held.fees.0 + bought * held.fees.1, sold.max(bought) * slip);
                fate.lines.fees -= fees;
                fate.lines.slippage -= slipped;
                if let Some(purse) = self.book.purses.get_mut(held.wallet) {
                    purse.free += sold;
                    purse.margin -= fees + slipped;
                }
                (held.long, held.short, held.parked) = (0.0, 0.0, 0.0);
                self.out.acts.push((self.hour, format!("{}: both legs are closed", held.pair)));
            }
        }
        for (wallet, purse) in self.book.purses.iter().enumerate() {
            let money =
                purse.margin + purse.free + self.moving.get(wallet).copied().flatten().map_or(0.0, |moving| moving.1);
            let of: Vec<usize> = (0..self.book.held.len())
                .filter(|place| self.book.held.get(*place).is_some_and(|held| held.wallet == wallet))
                .collect();
            // Shared out over the wallet's pairs by what they have at work.
            let whole: f64 =
                of.iter().filter_map(|place| self.start.get(*place)).map(|held| held.short * held.perp).sum();
            for place in of {
                if let (Some(start), Some(fate)) = (self.start.get(place), self.out.pairs.get_mut(place)) {
                    let share = if whole > 0.0 { start.short * start.perp / whole } else { 0.0 };
                    fate.lines.peg -= self.shock.depeg * money * share;
                }
            }
            if let Some(strain) = self.out.wallets.get_mut(wallet) {
                (strain.margin, strain.free) = (purse.margin, money - purse.margin);
            }
        }
        for (held, fate) in self.book.held.iter().zip(&mut self.out.pairs) {
            (fate.long, fate.short) = (held.long, held.short);
        }
    }
}

/// Maintenance margin by brackets; unknown brackets count as all of the notional.
#[expect(clippy::float_arithmetic, reason = "an estimate")]
fn maintenance(brackets: &[(f64, f64)], notional: f64) -> f64 {
    if brackets.is_empty() {
        return notional;
    }
    let ceiling = |place: usize| brackets.get(place + 1).map_or(notional, |next| next.0.min(notional));
    let part = |(place, (floor, ratio)): (usize, &(f64, f64))| (ceiling(place) - floor).max(0.0) * ratio;
    brackets.iter().enumerate().map(part).sum()
}

#[expect(clippy::float_arithmetic, reason = "words")]
fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::super::book::{Purse, Rules};
    use super::super::shocks::{By, SHOCKS};
    use super::*;
    use crate::domain::WallTime;

    /// One coin at 100, bought and sold short, with so much margin and so much beside it.
    fn book(margin: f64, free: f64) -> Book {
        let held = Held {
            pair: "binance:BTCUSDT".to_owned(),
            coin: "BTC".to_owned(),
            wallet: 0,
            long: 1.0,
            short: 1.0,
            parked: 0.0,
            spot: 100.0,
            perp: 100.0,
            brackets: vec![(0.0, 0.01)],
            fees: (0.001, 0.0005),
        };
        Book {
            at: WallTime(0),
            equity: 100.0 + margin + free,
            held: vec![held],
            purses: vec![Purse { name: "binance USDT".to_owned(), margin, free }],
            rules: Rules {
                autopilot: true,
                top_up: 0.4,
                floor: 0.25,
                target: 0.6,
                hedge_hours: 0.01,
                half_spread: 0.0001,
                impact: 0.002,
            },
            left_out: Vec::new(),
        }
    }

    fn shock(name: &str) -> Shock {
        *SHOCKS.iter().find(|shock| shock.name == name).unwrap()
    }

    fn put(book: &Book, shock: &Shock) -> Outcome {
        stress(book, shock, &[shock.path("BTC")])
    }

    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} instead of {expected}");
    }

    #[test]
    fn a_fall_without_deleveraging_costs_a_hedged_pair_only_its_settlements() {
        let calm = Shock { adl: 0.0, basis: By { major: 0.0, other: 0.0 }, ..shock("2020-03-12") };
        let found = put(&book(100.0, 0.0), &calm);
        let lines = found.pairs[0].lines;
        near(lines.basis, 0.0, 1e-9);
        near(lines.delta, 0.0, 1e-9);
        near(lines.total(), lines.funding, 1e-9);
        assert!(lines.funding < -0.3 && lines.funding > -0.66, "{lines:?}");
        assert_eq!((found.pairs[0].liquidated, found.pairs[0].deleveraged), (None, 0.0));
        // The short gained what the coins lost.
        assert!(found.wallets[0].margin > 100.0 && found.wallets[0].least.unwrap() > 0.9, "{:?}", found.wallets);
    }

    #[test]
    fn a_deleveraged_short_leaves_coins_naked_until_the_venue_answers() {
        let shock = shock("2025-10-10");
        let found = put(&book(100.0, 0.0), &shock);
        let fate = &found.pairs[0];
        near(fate.deleveraged, 0.5, 1e-9);
        assert!((fate.long, fate.short) == (0.5, 0.5), "{fate:?}");
        let words: Vec<&str> = found.acts.iter().map(|(_, words)| words.as_str()).collect();
        assert!(words[0].contains("deleverages 50 %") && words[1].contains("sold"), "{words:?}");
        assert!(fate.lines.slippage < 0.0 && fate.naked_hours > 0.0, "{fate:?}");
        // Longer without orders is longer naked.
        let long = put(&book(100.0, 0.0), &Shock { outage_hours: 3.0, ..shock });
        assert!(long.pairs[0].naked_hours > fate.naked_hours + 2.0, "{:?}", long.pairs[0]);
        // Prices went on falling while half of the coins were naked.
        assert!(fate.lines.delta < -1.0, "{:?}", fate.lines);
    }

    #[test]
    fn a_rally_is_met_with_money_then_with_smaller_legs_and_liquidates_when_nothing_may_be_done() {
        let rally = shock("rally");
        // Plenty beside it: money is moved, nothing is closed.
        let rich = put(&book(30.0, 100.0), &rally);
        assert!(rich.acts.iter().any(|(_, words)| words.contains("moved to the margin")), "{:?}", rich.acts);
        assert_eq!((rich.pairs[0].liquidated, rich.pairs[0].short), (None, 1.0));
        // Nothing beside it: both legs shrink.
        let poor = put(&book(30.0, 0.0), &rally);
        assert!(poor.acts.iter().any(|(_, words)| words.contains("smaller")), "{:?}", poor.acts);
        assert!(poor.pairs[0].liquidated.is_none() && poor.pairs[0].short < 1.0, "{poor:?}");
        near(poor.pairs[0].short, poor.pairs[0].long, 1e-9);
        // No autopilot: the short is liquidated, the coins are sold after it, and the margin is lost.
        let mut still = book(30.0, 0.0);
        still.rules.autopilot = false;
        let found = put(&still, &rally);
        let fate = &found.pairs[0];
        assert!(fate.liquidated.is_some() && fate.lines.liquidation < 0.0, "{fate:?}");
        assert!(found.wallets[0].least.unwrap() <= 0.0 && fate.long == 0.0, "{found:?}");
    }

    #[test]
    fn an_exit_costs_what_its_source_reckons_and_a_depeg_takes_its_part_of_the_money() {
        let found = put(&book(100.0, 0.0), &shock("24 h exit"));
        let lines = found.pairs[0].lines;
        near(lines.slippage, -0.75, 1e-9);
        near(lines.funding, -0.5, 1e-9);
        near(lines.fees, -0.15, 1e-9);
        assert_eq!((found.pairs[0].long, found.pairs[0].short), (0.0, 0.0));
        let found = put(&book(60.0, 40.0), &shock("depeg"));
        near(found.change(), -12.0, 1e-9);
    }

    #[test]
    fn unknown_brackets_count_as_all_of_the_notional() {
        near(maintenance(&[(0.0, 0.004), (50_000.0, 0.005)], 60_000.0), 250.0, 1e-9);
        near(maintenance(&[], 60_000.0), 60_000.0, 1e-9);
    }
}
