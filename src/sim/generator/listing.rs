//! One pair on one venue: its two quotes, its mark, its funding and its open interest, minute by minute.
//!
//! Funding is the venue's own formula over the premium samples of the interval, exactly. A sample is
//! `premium_sample(best bid, best ask, index)` of the perp: the impact notional is taken to stand at the best price. The
//! samples of an interval are those stamped from its beginning up to, but not at, its end: the minute of a settlement
//! settles first and then samples for the next. Tested in `tests/suite/generator.rs`.

use super::book::{self, Shape};
use super::noise::{Noise, bits};
use super::peg::Due;
use super::premium::{Crowding, Premium, Push};
use super::round;
use super::setup::{COINS, ListingSpec};
use super::{Ladder, MarketEvent};
use crate::domain::funding::{PremiumAverage, premium_sample};
use crate::domain::{FundingRate, Instrument, InstrumentId, Interval, Price, Rate, WallTime};
use crate::port::Event;
use crate::port::event::{Quote, Settlement};
use serde::{Deserialize, Serialize};

/// What a listing needs to know of one minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Its end.
    pub(super) now: WallTime,
    /// Fair price in the quote coin.
    pub(super) index: f64,
    /// US dollars for one quote coin.
    pub(super) peg: f64,
    /// Stress of the coin's books, 0 to 1.
    pub(super) stress: f64,
    /// What acts on the premium.
    pub(super) push: Push,
    /// Log open interest closed by force.
    pub(super) flushed: f64,
    /// Whether the venue's data can be seen.
    pub(super) reachable: bool,
    /// The interval that the venue wants from the next fitting settlement on.
    pub(super) interval: Interval,
    /// Whether open interest is due.
    pub(super) interest: Due,
}

/// The two legs of a listing in the catalogue.
#[derive(Debug, Clone, Copy)]
pub(super) struct Legs<'a> {
    /// The spot leg.
    pub(super) spot: &'a Instrument,
    /// The perp leg.
    pub(super) perp: &'a Instrument,
}

/// One pair.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Listing {
    noise: Noise,
    premium: Premium,
    crowding: Crowding,
    average: PremiumAverage,
    interval: Interval,
    /// Depth of spot and perp against usual, slowly wandering.
    #[serde(with = "bits")]
    spot_depth: f64,
    #[serde(with = "bits")]
    perp_depth: f64,
    /// How far spot trades from the index.
    #[serde(with = "bits")]
    spot_gap: f64,
    spot: Quote,
    perp: Quote,
    index: Price,
    mark: Price,
}

impl Listing {
    /// As it is at `moment`, with that minute's premium as its first sample.
    pub(super) fn new(seed: u64, spec: &ListingSpec, legs: Legs<'_>, moment: Moment) -> Self {
        let mut noise = Noise::new(seed, &["listing", spec.house.name(), spec.symbol], 0);
        let premium = Premium::new(&mut noise, &spec.temper);
        let calm = Shape { mid: moment.index, peg: moment.peg, stress: 0.0, depth: (1.0, 1.0) };
        let perp = Shape { mid: moment.index * (1.0 + premium.now()), ..calm };
        let mut listing = Self {
            noise,
            crowding: Crowding::new(),
            average: PremiumAverage::new(spec.house.weighting()),
            interval: spec.house.interval(),
            spot_depth: 0.0,
            perp_depth: 0.0,
            spot_gap: 0.0,
            spot: book::quote(&spec.spot, &legs.spot.rules, calm, moment.now),
            perp: book::quote(&spec.perp, &legs.perp.rules, perp, moment.now),
            index: round::price(moment.index),
            mark: round::price(perp.mid),
            premium,
        };
        listing.average.push(listing.sample());
        listing
    }

    /// The next minute, published into `out`.
    pub(super) fn step(
        &mut self,
        spec: &ListingSpec,
        legs: Legs<'_>,
        moment: Moment,
        out: &mut Vec<(WallTime, MarketEvent)>,
    ) {
        self.premium.step(&mut self.noise, &spec.temper, moment.push);
        self.requote(spec, legs, moment);
        let perp = legs.perp.id;
        let mut publish = |event| out.push((moment.now, MarketEvent::Public(event)));
        if moment.reachable {
            publish(Event::Quote { instrument: legs.spot.id, quote: self.spot });
            publish(Event::Quote { instrument: perp, quote: self.perp });
        }
        publish(Event::Mark { instrument: perp, mark: self.mark, index: self.index });
        if moment.now == moment.now.floor(self.interval.span()) {
            let funding = self.estimate(legs.perp);
            publish(Event::Settled { instrument: perp, settlement: Settlement { stamp: moment.now, funding } });
            self.average.restart();
            if moment.interval != self.interval && moment.now == moment.now.floor(moment.interval.span()) {
                self.interval = moment.interval;
                publish(Event::IntervalChanged { instrument: perp, interval: self.interval });
            }
        }
        self.average.push(self.sample());
        let funding = self.estimate(legs.perp);
        let next = moment.now.floor(self.interval.span()) + self.interval.span();
        publish(Event::FundingEstimate { instrument: perp, funding, next });
        self.crowding.step(&mut self.noise, funding.per_8h().to_f64(), moment.flushed);
        if moment.interest == Due::Now {
            let dollars = COINS.get(spec.coin).map_or(1.0, |coin| coin.dollars);
            let coins = round::quantity(spec.interest / dollars * self.crowding.multiple());
            publish(Event::OpenInterest { instrument: perp, coins: coins.floor_to(legs.perp.rules.step) });
        }
    }

    /// Moves prices and depth to this minute.
    fn requote(&mut self, spec: &ListingSpec, legs: Legs<'_>, moment: Moment) {
        let noise = &mut self.noise;
        self.spot_depth += 0.14 * noise.bell() - 0.05 * self.spot_depth;
        self.perp_depth += 0.14 * noise.bell() - 0.05 * self.perp_depth;
        // Spot follows the index within a spread or so; its gap is closed within minutes.
        let width = 0.000_015 + 0.5 * spec.spot.half;
        self.spot_gap += width * (1.0 + 8.0 * moment.stress) * noise.bell() - 0.3 * self.spot_gap;
        let lean = 0.18 * noise.bell();
        let depth = |wandering: f64, lean: f64| {
            let usual = (1.0 + 0.6 * wandering).clamp(0.35, 2.0);
            (usual * (1.0 + lean), usual * (1.0 - lean))
        };
        let spot = Shape {
            mid: moment.index * (1.0 + self.spot_gap),
            peg: moment.peg,
            stress: moment.stress,
            depth: depth(self.spot_depth, lean),
        };
        let mid = moment.index * (1.0 + self.premium.now());
        let perp = Shape { mid, depth: depth(self.perp_depth, -lean), ..spot };
        self.spot = book::quote(&spec.spot, &legs.spot.rules, spot, moment.now);
        self.perp = book::quote(&spec.perp, &legs.perp.rules, perp, moment.now);
        self.index = round::price(moment.index);
        self.mark = round::price(moment.index * (1.0 + self.premium.marked()));
    }

    fn sample(&self) -> Rate {
        premium_sample(self.perp.bid, self.perp.ask, self.index)
    }

    /// The formula over the samples so far. There is always one: `new` and each settlement's minute push it.
    fn estimate(&self, perp: &Instrument) -> FundingRate {
        perp.formula.rate(self.average.mean().unwrap_or(Rate::ZERO), self.interval)
    }

    /// The perp's mark.
    pub(super) const fn mark(&self) -> Price {
        self.mark
    }

    /// The levels of one leg.
    pub(super) fn ladder(&self, leg: &Instrument, spot: InstrumentId) -> Ladder {
        book::ladder(if leg.id == spot { &self.spot } else { &self.perp }, &leg.rules)
    }
}
