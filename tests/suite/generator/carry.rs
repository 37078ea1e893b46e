//! Whether the generated market is worth trading: the carry rule in its plainest form, on settled funding alone.
//!
//! The rule here is the test's own, not the strategy of the product: in when the three-day mean of funding is above the
//! anchor, out when it is below 0.002 % per 8 h, at least five days, at most two pairs a venue, all taker.

use super::START;
use carry::domain::fees::Role;
use carry::domain::{Leg, Market, Span, WallTime};
use carry::port::Event;
use carry::port::event::Quote;
use carry::sim::generator::{Generator, MarketEvent};
use std::collections::VecDeque;

/// Rates in percent per 8 h.
const ANCHOR: f64 = 0.010_5;
const LEAVE: f64 = 0.002;

#[derive(Default, Clone)]
struct Book {
    spot: Option<Quote>,
    perp: Option<Quote>,
    /// Stamp and percent per 8 h.
    paid: VecDeque<(WallTime, f64)>,
    /// When it was opened and what opening earned, as a fraction of notional.
    open: Option<(WallTime, f64)>,
    ends: Option<WallTime>,
    trips: Vec<f64>,
}

impl Book {
    /// Perp sold over spot bought when opening, the other way round when closing; `None` without quotes.
    fn basis(&self, closing: bool) -> Option<f64> {
        let (spot, perp) = (self.spot?, self.perp?);
        Some(if closing {
            -(perp.ask.to_f64() / spot.bid.to_f64() - 1.0)
        } else {
            perp.bid.to_f64() / spot.ask.to_f64() - 1.0
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "statistics")]
    fn smoothed(&mut self, now: WallTime) -> Option<f64> {
        while self.paid.front().is_some_and(|(at, _)| now.since(*at) >= Span::hours(72)) {
            self.paid.pop_front();
        }
        let full = self.paid.front().is_some_and(|(at, _)| now.since(*at) > Span::hours(60));
        full.then(|| self.paid.iter().map(|(_, rate)| rate).sum::<f64>() / self.paid.len() as f64)
    }
}

/// Closed and open trips of a seed, each as a return on notional, and the yearly return on capital in percent.
fn trade(seed: u64, days: u64) -> (Vec<f64>, f64) {
    let mut market = Generator::new(seed, START);
    let pairs = market.catalogue().pairs().to_vec();
    let mut books = vec![Book::default(); pairs.len()];
    let mut out = Vec::new();
    for _ in 0..days * 1_440 {
        out.clear();
        market.step(&mut out);
        let now = market.now();
        for (_, event) in &out {
            match event {
                MarketEvent::Public(Event::Quote { instrument, quote }) => {
                    let book = &mut books[instrument.index() / 2];
                    let leg = market.catalogue().instrument(*instrument).unwrap().market;
                    *(if leg == Market::Spot { &mut book.spot } else { &mut book.perp }) = Some(*quote);
                }
                MarketEvent::Public(Event::Settled { instrument, settlement }) => {
                    let book = &mut books[instrument.index() / 2];
                    book.paid.push_back((now, settlement.funding.per_8h().to_f64() * 100.0));
                    if let Some((_, earned)) = &mut book.open {
                        *earned += settlement.funding.rate.to_f64();
                    }
                }
                _ => {}
            }
        }
        if now != now.floor(Span::HOUR) {
            continue;
        }
        for (place, pair) in pairs.iter().enumerate() {
            let Some(smoothed) = books[place].smoothed(now) else { continue };
            let taker = |id| market.catalogue().instrument(id).unwrap().fees.of(Role::Taker).to_f64();
            let fees = taker(pair.long) + taker(pair.short);
            let busy = books
                .iter()
                .zip(&pairs)
                .filter(|(b, p)| b.open.is_some() && p.venue(Leg::Short) == pair.venue(Leg::Short))
                .count();
            let book = &mut books[place];
            match book.open {
                None if smoothed > ANCHOR && busy < 2 && book.ends.is_none_or(|at| now.since(at) > Span::hours(8)) => {
                    book.open = book.basis(false).map(|basis| (now, basis - fees));
                }
                Some((since, earned)) if smoothed < LEAVE && now.since(since) > Span::hours(120) => {
                    if let Some(basis) = book.basis(true) {
                        book.trips.push(earned + basis - fees);
                        book.open = None;
                        book.ends = Some(now);
                    }
                }
                _ => {}
            }
        }
    }
    for (book, pair) in books.iter_mut().zip(&pairs) {
        let taker = |id| market.catalogue().instrument(id).unwrap().fees.of(Role::Taker).to_f64();
        if let (Some((_, earned)), Some(basis)) = (book.open, book.basis(true)) {
            book.trips.push(earned + basis - taker(pair.long) - taker(pair.short));
        }
    }
    let trips: Vec<f64> = books.iter().flat_map(|book| book.trips.clone()).collect();
    // Four slots share the capital; a slot's capital carries half of it as notional on each leg.
    #[expect(clippy::cast_precision_loss, reason = "statistics")]
    let yearly = trips.iter().sum::<f64>() / 8.0 * 365.0 / days as f64 * 100.0;
    (trips, yearly)
}

#[test]
fn a_plain_rule_makes_several_round_trips_and_a_modest_profit() {
    println!("seed  trips  %/year on capital");
    let mut yields = Vec::new();
    for seed in 1..=10 {
        let (trips, yearly) = trade(seed, 30);
        println!("{seed:>4}  {:>5}  {yearly:>6.2}", trips.len());
        yields.push((seed, trips.len(), yearly));
    }
    let (_, trips, yearly) = yields[0];
    assert!(trips >= 4, "seed 1 gives {trips} trips");
    assert!((1.0..15.0).contains(&yearly), "seed 1 earns {yearly} % a year");
}
