//! The generated market: the embedded default of paper trading, without network, keys or files.
//!
//! Two venues of different temper and nine pairs, drawn from one seed. All maths goes through `libm` and all chance
//! through `ChaCha` streams, so a seed gives the same market on every platform. What it is not: a claim about the future.
//! Its funding looks in kind like the third quarter of 2025, and each month of 30 days has a rally, a cascade with ADL, a
//! depeg, a change of funding interval and outages, so that a run of a month meets what a year may bring. An outage hides
//! quotes only: marks and settlements go on, because the venue does; who shows the market to a bot withholds them.
//! This module reads no clock. Tests in `tests/suite/generator.rs` and beside the code.

mod book;
mod coin;
mod episodes;
mod listing;
mod noise;
mod peg;
mod premium;
mod round;
mod setup;
mod shocks;

pub use book::Ladder;

use crate::domain::{Asset, Catalogue, InstrumentId, PairId, Price, Rate, Side, Span, VenueId, WallTime};
use crate::port::Event;
use coin::{Coin, Weather};
use episodes::Episodes;
use listing::{Legs, Listing, Moment};
use peg::{Due, Peg};
use premium::Push;
use serde::{Deserialize, Serialize};
use setup::{COINS, House, LISTINGS, ListingSpec, QUOTES};
use shocks::{MONTH, Plan};
use std::fmt;

/// What the market does to those in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "market", rename_all = "snake_case")]
pub enum MarketEvent {
    /// Published to everybody: `Quote`, `Mark`, `FundingEstimate`, `Settled`, `OpenInterest`, `Peg`, `VenueHealth` and
    /// `IntervalChanged`.
    Public(Event),
    /// The venue deleverages shorts of this perp; no news to who holds none.
    Adl {
        /// Perp instrument.
        instrument: InstrumentId,
        /// Share of our short that is closed, above 0 to 1.
        share: Rate,
        /// Price it is closed at, in the quote coin.
        price: Price,
    },
}

/// The complete state of a generated market. Saving it and going on gives the same continuation, bit for bit.
#[derive(Clone, Serialize, Deserialize)]
pub struct Generator {
    seed: u64,
    start: WallTime,
    /// Minutes since the start.
    elapsed: u64,
    plan: Plan,
    episodes: Vec<Episodes>,
    weather: Weather,
    coins: Vec<Coin>,
    pegs: Vec<Peg>,
    listings: Vec<Listing>,
    reachable: [bool; 2],
    #[serde(skip, default = "setup::catalogue")]
    catalogue: Catalogue,
}

impl Generator {
    /// The market of a seed as it stands at `start`, taken down to the whole minute. Months count from there.
    #[must_use]
    pub fn new(seed: u64, start: WallTime) -> Self {
        let start = start.floor(Span::MINUTE);
        let plan = Plan::draw(seed, 0, start);
        let mut market = Self {
            seed,
            start,
            elapsed: 0,
            episodes: episodes(seed, 0, &plan),
            plan,
            weather: Weather::new(seed),
            coins: COINS.iter().map(|spec| Coin::new(seed, spec)).collect(),
            pegs: QUOTES.iter().map(|name| Peg::new(seed, name)).collect(),
            listings: Vec::with_capacity(LISTINGS.len()),
            reachable: [true; 2],
            catalogue: setup::catalogue(),
        };
        for (place, spec) in LISTINGS.iter().enumerate() {
            if let Some(legs) = legs(&market.catalogue, place) {
                let listing = Listing::new(seed, spec, legs, market.moment(place, spec));
                market.listings.push(listing);
            }
        }
        market
    }

    /// Instruments, pairs and venues. The same for every seed.
    #[must_use]
    pub const fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// End of the last minute produced; the start before the first.
    #[must_use]
    pub fn now(&self) -> WallTime {
        let minutes = i64::try_from(self.elapsed).unwrap_or(i64::MAX);
        self.start + Span(minutes.saturating_mul(Span::MINUTE.0))
    }

    /// Advances one minute and appends what happened, all stamped at that minute's end.
    ///
    /// Order: health, pegs, then by pair quotes, mark, settlement, change of interval, estimate, open interest; ADL last.
    pub fn step(&mut self, out: &mut Vec<(WallTime, MarketEvent)>) {
        self.elapsed = self.elapsed.saturating_add(1);
        let (month, minute) = self.month();
        if minute == 0 {
            self.plan = Plan::draw(self.seed, month, self.now());
            self.episodes = episodes(self.seed, month, &self.plan);
        }
        let gust = self.weather.step();
        for (place, (coin, spec)) in self.coins.iter_mut().zip(&COINS).enumerate() {
            coin.step(spec, gust, self.plan.move_of(place, spec.fall, minute));
        }
        self.publish_health(minute, out);
        self.publish_pegs(minute, out);
        for (place, spec) in LISTINGS.iter().enumerate() {
            let moment = self.moment(place, spec);
            if let (Some(listing), Some(legs)) = (self.listings.get_mut(place), legs(&self.catalogue, place)) {
                listing.step(spec, legs, moment, out);
            }
        }
        self.deleverage(out);
    }

    /// Depth of an instrument at the last minute produced, best price first, twenty levels a side; empty for an
    /// instrument that the catalogue does not hold. Within 10 bps of the best price stands what the quote said.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Ladder {
        let Some(place) = self.catalogue.pair_of(instrument).map(PairId::index) else { return Ladder::default() };
        match (self.catalogue.instrument(instrument), self.listings.get(place), legs(&self.catalogue, place)) {
            (Some(leg), Some(listing), Some(legs)) => listing.ladder(leg, legs.spot.id),
            _ => Ladder::default(),
        }
    }

    /// Whether a venue's data can be seen at the last minute produced; an unknown venue never.
    #[must_use]
    pub fn reachable(&self, venue: VenueId) -> bool {
        self.reachable.get(venue.index()).copied().unwrap_or(false)
    }

    /// Number of the month and the minute in it.
    fn month(&self) -> (u32, u32) {
        let month = u64::from(MONTH);
        let part = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        (part(self.elapsed / month), part(self.elapsed % month))
    }

    /// What a listing needs to know of this minute.
    fn moment(&self, place: usize, spec: &ListingSpec) -> Moment {
        let (_, minute) = self.month();
        let now = self.now();
        let coin = self.coins.get(spec.coin);
        let peg = self.pegs.get(spec.house.quote()).map_or(1.0, Peg::dollars);
        Moment {
            now,
            index: coin.map_or(1.0, Coin::dollars) / peg,
            peg,
            stress: self.plan.stress(spec.coin, minute),
            push: Push {
                target: self.episodes.get(place).and_then(|episodes| episodes.premium(minute)),
                momentum: coin.map_or(0.0, Coin::momentum),
                cascade: self.plan.cascade.stress(minute),
            },
            flushed: self.plan.cascade.flushed(minute),
            reachable: self.reachable(spec.house.id()),
            interval: self.plan.interval(place, spec.house, now),
            interest: due(now),
        }
    }

    fn publish_health(&mut self, minute: u32, out: &mut Vec<(WallTime, MarketEvent)>) {
        let now = self.now();
        for (house, known) in House::ALL.iter().zip(&mut self.reachable) {
            let reachable = self.plan.reachable(*house, minute);
            if reachable != *known {
                *known = reachable;
                out.push((
                    now,
                    MarketEvent::Public(Event::VenueHealth { venue: house.id(), reachable, missing: Vec::new() }),
                ));
            }
        }
    }

    fn publish_pegs(&mut self, minute: u32, out: &mut Vec<(WallTime, MarketEvent)>) {
        let now = self.now();
        for (place, (peg, name)) in self.pegs.iter_mut().zip(QUOTES).enumerate() {
            if let Some(price) = peg.step(self.plan.depeg.below(place, minute), due(now)) {
                out.push((now, MarketEvent::Public(Event::Peg { asset: Asset::of(name), price })));
            }
        }
    }

    /// In the minute of the deleveraging, every perp of the venue closes a share of shorts at its mark.
    fn deleverage(&self, out: &mut Vec<(WallTime, MarketEvent)>) {
        let (month, minute) = self.month();
        for (place, listing) in self.listings.iter().enumerate() {
            let share = self.plan.cascade.share(self.seed, month, place, minute).and_then(Rate::from_f64);
            if let (Some(share), Some(legs)) = (share, legs(&self.catalogue, place)) {
                let price = listing.mark().on_tick(legs.perp.rules.tick, Side::Buy);
                out.push((self.now(), MarketEvent::Adl { instrument: legs.perp.id, share, price }));
            }
        }
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generator {{ seed: {}, now: {} }}", self.seed, self.now())
    }
}

/// The episodes of every listing in a month.
fn episodes(seed: u64, month: u32, plan: &Plan) -> Vec<Episodes> {
    let of = |spec: &ListingSpec| match COINS.get(spec.coin) {
        Some(coin) => {
            let rally = (plan.rally.coin == spec.coin).then_some(&plan.rally);
            Episodes::draw(seed, month, coin, spec.house, rally)
        }
        None => Episodes::default(),
    };
    LISTINGS.iter().map(of).collect()
}

/// The legs of the listing at this place: spot at `2n`, perp at `2n + 1`.
fn legs(catalogue: &Catalogue, place: usize) -> Option<Legs<'_>> {
    let pair = catalogue.pairs().get(place)?;
    Some(Legs { spot: catalogue.instrument(pair.long)?, perp: catalogue.instrument(pair.short)? })
}

/// Open interest and pegs are published each five minutes.
fn due(now: WallTime) -> Due {
    if now == now.floor(Span(5 * Span::MINUTE.0)) { Due::Now } else { Due::Later }
}
