//! All symbols of the venue and the time up to which they have been played.
//!
//! The generated market at any time is a function of seed, start and the acts done until then, and a recorded one of its
//! files, so a restarted venue plays it again.
//! It steps in whole minutes; in between, books are nudged. Not here: accounts. Tests stand at the end of the file.

use super::LoopbackError;
use super::listing::{Listing, RAMP_ONE, Ramp, Settled};
use super::recording::{RecordedPair, Recording};
use super::script::{Act, Done};
use crate::domain::{InstrumentId, Leg, Market, Rate, Span, Symbol, VenueId, WallTime};
use crate::port::Event;
use crate::sim::generator::{Generator, MarketEvent};

/// Where the prices come from.
enum Feed {
    Generated(Box<Generator>),
    Recorded(Recording),
}

/// The symbols and where their prices come from.
pub(crate) struct Markets {
    feed: Feed,
    pub(crate) listings: Vec<Listing>,
    /// End of the last minute played.
    pub(crate) played: WallTime,
    calm: bool,
    buffer: Vec<(WallTime, MarketEvent)>,
}

/// What a minute did that touches accounts.
#[derive(Debug, Default)]
pub(crate) struct Minute {
    pub(crate) settled: Vec<(Symbol, Settled)>,
    /// Share of shorts that the venue deleverages.
    pub(crate) adl: Vec<(Symbol, Rate)>,
}

impl Markets {
    /// The recorded market, played until every book of it is there.
    pub(crate) fn recorded(pairs: &[RecordedPair]) -> Result<Self, LoopbackError> {
        let recording = Recording::open(pairs)?;
        let begin = recording.next().unwrap_or(WallTime(0));
        let listings = pairs.iter().map(|pair| Listing::new(pair.spot.clone(), pair.perp.clone(), begin)).collect();
        let feed = Feed::Recorded(recording);
        let mut markets = Self { feed, listings, played: begin.floor(Span::MINUTE), calm: false, buffer: Vec::new() };
        while !markets.listings.iter().all(Listing::recorded_books) {
            if !markets.frame() {
                let missing = markets.listings.iter().find(|one| !one.recorded_books()).map(|one| one.symbol);
                let name = missing.map(|symbol| symbol.to_string()).unwrap_or_default();
                return Err(LoopbackError::Recording(format!(
                    "{name}: no book of both legs; expected a snapshot of each"
                )));
            }
        }
        markets.played = markets.last_frame().floor(Span::MINUTE);
        Ok(markets)
    }

    /// Plays the next frame of a recording; false when there is none.
    fn frame(&mut self) -> bool {
        let Feed::Recorded(recording) = &mut self.feed else { return false };
        let Some((pair, market, steps)) = recording.take() else { return false };
        if let Some(listing) = self.listings.get_mut(pair) {
            for step in steps {
                listing.record(market, step);
            }
        }
        true
    }

    /// When the next minute or frame is due; `None` when nothing comes any more.
    pub(crate) fn due(&self) -> Option<WallTime> {
        let minute = self.played + Span::MINUTE;
        match &self.feed {
            Feed::Generated(_) => Some(minute),
            // A settlement is paid by what was known before its minute ended.
            Feed::Recorded(recording) => recording.next().map(|frame| frame.min(minute)),
        }
    }

    /// Plays what is due: a minute, or a frame, of which there is nothing to say.
    pub(crate) fn play(&mut self) -> Option<Minute> {
        let minute = self.played + Span::MINUTE;
        if self.due().is_some_and(|due| due < minute) {
            self.frame();
            return None;
        }
        Some(self.step())
    }

    /// When the last frame that was played was received.
    pub(crate) fn last_frame(&self) -> WallTime {
        match &self.feed {
            Feed::Generated(_) => self.played,
            Feed::Recorded(recording) => recording.last,
        }
    }

    /// How a recording stands: missing changes, messages that could not be read, and whether it has ended.
    pub(crate) fn recording(&self) -> Option<(u64, u64, bool)> {
        match &self.feed {
            Feed::Generated(_) => None,
            Feed::Recorded(recording) => Some((recording.gaps, recording.refused, recording.next().is_none())),
        }
    }

    /// Whether a recording has ended: the market stands still.
    pub(crate) fn has_ended(&self) -> bool {
        self.recording().is_some_and(|(_, _, ended)| ended)
    }

    /// Whether an act can be done: the prices of a recording are as they were.
    pub(crate) fn can(&self, act: &Act) -> bool {
        !matches!(
            (act, &self.feed),
            (Act::Rally { .. } | Act::Premium { .. } | Act::Bundle { .. } | Act::List { .. }, Feed::Recorded(_))
        )
    }

    /// The market of a seed, with a past of `history` before `start`.
    pub(crate) fn new(seed: u64, start: WallTime, history: Span, calm: bool) -> Self {
        let start = start.floor(Span::MINUTE);
        let begin = (start - history).floor(Span::HOUR);
        let generator = Generator::new(seed, begin);
        let catalogue = generator.catalogue();
        let pairs = catalogue.pairs().iter().filter(|pair| pair.venue(Leg::Short) == VenueId(0));
        let legs = pairs.filter_map(|pair| {
            let spot = catalogue.instrument(pair.long)?.clone();
            let perp = catalogue.instrument(pair.short)?.clone();
            Some(Listing::new(spot, perp, begin))
        });
        let listings = legs.collect();
        let feed = Feed::Generated(Box::new(generator));
        let mut markets = Self { feed, listings, played: begin, calm: false, buffer: Vec::new() };
        while markets.played < start {
            markets.step();
        }
        markets.calm = calm;
        markets
    }

    /// What is listed in a market.
    pub(crate) fn of(&self, market: Market) -> impl Iterator<Item = &Listing> {
        self.listings.iter().filter(move |one| one.offers(market))
    }

    pub(crate) fn get(&self, symbol: &str) -> Option<&Listing> {
        self.listings.iter().find(|listing| listing.symbol.as_str() == symbol)
    }

    pub(crate) fn get_mut(&mut self, symbol: &str) -> Option<&mut Listing> {
        self.listings.iter_mut().find(|listing| listing.symbol.as_str() == symbol)
    }

    /// Plays the next minute.
    fn step(&mut self) -> Minute {
        self.played = self.played + Span::MINUTE;
        let now = self.played;
        let mut minute = Minute::default();
        if let Feed::Generated(generator) = &mut self.feed
            && !self.calm
        {
            generator.step(&mut self.buffer);
        }
        for (_, event) in self.buffer.drain(..) {
            match event {
                MarketEvent::Public(Event::Mark { instrument, mark, index }) => {
                    fed_by(&mut self.listings, instrument).for_each(|one| one.raw_mark(mark, index));
                }
                MarketEvent::Public(Event::OpenInterest { instrument, coins }) => {
                    fed_by(&mut self.listings, instrument).for_each(|one| one.interest = coins);
                }
                MarketEvent::Public(Event::IntervalChanged { instrument, interval }) => {
                    fed_by(&mut self.listings, instrument).for_each(|one| one.interval = interval);
                }
                MarketEvent::Adl { instrument, share, .. } => {
                    let perps = fed_by(&mut self.listings, instrument).filter(|one| one.offers(Market::Perp));
                    minute.adl.extend(perps.map(|one| (one.symbol, share)));
                }
                MarketEvent::Public(_) => {}
            }
        }
        self.show();
        for listing in &mut self.listings {
            if let Some(settled) = listing.minute(now) {
                minute.settled.push((listing.symbol, settled));
            }
        }
        minute
    }

    /// Shows all books as of the last minute played.
    fn show(&mut self) {
        let Feed::Generated(generator) = &self.feed else { return };
        for listing in &mut self.listings {
            let spot = generator.book(listing.spot.id);
            let perp = generator.book(listing.perp.id);
            listing.show(&spot, &perp, self.played);
        }
    }

    /// A symbol that is not there yet, with the prices of another one.
    fn list(&mut self, symbol: Symbol, like: Symbol, at: WallTime) {
        let copy = self.get(like.as_str()).and_then(|one| one.copy(symbol, at));
        if self.get(symbol.as_str()).is_none() {
            self.listings.extend(copy);
        }
    }

    fn with(&mut self, symbol: Symbol, change: impl FnOnce(&mut Listing)) {
        if let Some(listing) = self.get_mut(symbol.as_str()) {
            change(listing);
        }
    }

    /// An act on prices or funding; others are not the market's.
    pub(crate) fn apply(&mut self, done: &Done) {
        let at = done.at;
        match &done.act {
            Act::Rally { symbol, by, over } => {
                let Some(id) = self.get(symbol.as_str()).map(|one| one.perp.id) else { return };
                for listing in fed_by(&mut self.listings, id) {
                    let from = listing.level.at(at);
                    let more = i128::from(from) * i128::from(by.units()) / i128::from(Rate::ONE);
                    let to = i64::try_from(i128::from(from) + more).unwrap_or(from).max(1);
                    listing.level = Ramp::new(from, to, at, *over);
                }
            }
            Act::Premium { symbol, to, over } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    let to = to.units() / (Rate::ONE / RAMP_ONE);
                    listing.premium = Ramp::new(listing.premium.at(at), to, at, *over);
                }
            }
            Act::Funding { symbol, rate } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    listing.forced = *rate;
                    listing.estimate = rate.unwrap_or(listing.estimate);
                }
            }
            Act::Interval { symbol, hours } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    listing.interval = *hours;
                    listing.next = at.floor(hours.span()) + hours.span();
                }
            }
            Act::Delist { symbol, after } => self.with(*symbol, |listing| listing.ends = Some(at + *after)),
            Act::Halt { symbol, market, halted } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    let [spot, perp] = &mut listing.halted;
                    *if *market == Market::Spot { spot } else { perp } = *halted;
                }
            }
            Act::Rules { symbol, market, tick, step, min_notional, taker } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    let leg = if *market == Market::Spot { &mut listing.spot } else { &mut listing.perp };
                    leg.rules.tick = tick.unwrap_or(leg.rules.tick);
                    leg.rules.step = step.unwrap_or(leg.rules.step);
                    leg.rules.min_quantity = step.unwrap_or(leg.rules.min_quantity);
                    leg.rules.min_notional = min_notional.unwrap_or(leg.rules.min_notional);
                    leg.fees.taker = taker.unwrap_or(leg.fees.taker);
                }
            }
            Act::Bundle { symbol, coins } => {
                let place = self.listings.iter().position(|one| one.symbol == *symbol && one.only.is_none());
                let perp = place.and_then(|place| self.listings.get_mut(place)?.split(*coins));
                self.listings.extend(perp);
                self.show();
            }
            Act::List { symbol, like } => self.list(*symbol, *like, at),
            Act::Unlist { symbol } => self.with(*symbol, |listing| listing.gone = true),
            Act::Brackets { symbol, factor } => {
                if let Some(listing) = self.get_mut(symbol.as_str()) {
                    for bracket in &mut listing.perp.brackets {
                        let ratio = bracket.maintenance.times(i64::from(*factor));
                        bracket.maintenance = ratio.clamp_to(Rate::ZERO, Rate::from_units(Rate::ONE / 2));
                    }
                }
            }
            _ => {}
        }
        if matches!(done.act, Act::Rally { over: Span(0), .. } | Act::Premium { over: Span(0), .. }) {
            self.show();
        }
    }
}

/// Whether an act changes what the market shows, and is therefore played again after a restart.
pub(crate) const fn is_of_market(act: &Act) -> bool {
    matches!(
        act,
        Act::Rally { .. }
            | Act::Premium { .. }
            | Act::Funding { .. }
            | Act::Interval { .. }
            | Act::Delist { .. }
            | Act::Halt { .. }
            | Act::Brackets { .. }
            | Act::Bundle { .. }
            | Act::List { .. }
            | Act::Unlist { .. }
            | Act::Rules { .. }
    )
}

/// The pair that an instrument of the generator is a leg of; two listings where its perp is a contract of several coins.
fn fed_by(listings: &mut [Listing], instrument: InstrumentId) -> impl Iterator<Item = &mut Listing> {
    listings.iter_mut().filter(move |one| one.perp.id == instrument || one.spot.id == instrument)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rally_moves_all_prices_in_a_line_and_forced_funding_is_what_settles() {
        let start = WallTime(1_760_000_000_000).floor(Span::DAY);
        let mut markets = Markets::new(1, start, Span::hours(2), true);
        let before = markets.get("BTCUSDT").unwrap().clone();
        let symbol = Symbol::new("BTCUSDT").unwrap();
        let rate = Rate::parse("0.0008").unwrap();
        let by = Rate::parse("0.6").unwrap();
        markets.apply(&Done { at: start, act: Act::Rally { symbol, by, over: Span::hours(8) } });
        markets.apply(&Done { at: start, act: Act::Funding { symbol, rate: Some(rate) } });
        let mut settled = Vec::new();
        for _ in 0..480 {
            settled.extend(markets.step().settled.into_iter().filter(|(paid, _)| *paid == symbol));
        }
        let after = markets.get("BTCUSDT").unwrap();
        let ratio = |old: crate::domain::Price, new: crate::domain::Price| new.premium_over(old).to_f64();
        for (old, new) in [(before.index, after.index), (before.mid(Market::Spot), after.mid(Market::Spot))] {
            assert!((ratio(old, new) - 0.6).abs() < 1e-4, "{old} {new}");
        }
        let rates: Vec<_> = settled.iter().map(|(_, settled)| (settled.stamp, settled.rate)).collect();
        assert_eq!(rates, vec![(start + Span::hours(8), rate)]);
    }
}
