//! What a venue lists of our instruments: their rules, whether orders are taken, when trading ends, and when to ask. Sans-IO.
//!
//! Who names a symbol that is listed no longer gets no answer about the others; then the whole list is read once, which is large,
//! and the symbol is left out of the question for an hour (I18). Tests: `feed_tests.rs`.

use super::feed_words::FeedOutput;
use crate::domain::{Catalogue, InstrumentId, Market, PairId, Rules, Span, Symbol, VenueId, WallTime};
use crate::port::Event;
use crate::port::event::EndCause;
use crate::venues::answer::Listing;
use crate::venues::ask::Ask;
use std::collections::{BTreeMap, BTreeSet};

/// Limits on orders and trading status: also at once after a refusal that may come of them.
const EVERY: Span = Span::MINUTE;
/// Refusals in a row are one reason to read them again.
const AGAIN: Span = Span::seconds(10);
/// One that was not listed is named again after this.
const GONE_FOR: Span = Span::HOUR;

/// Our instruments of one venue, as it lists them.
#[derive(Debug)]
pub(super) struct Listed {
    names: BTreeMap<(Market, Symbol), (InstrumentId, Rules)>,
    /// The pairs that each instrument serves.
    pairs: BTreeMap<InstrumentId, Vec<PairId>>,
    ends: BTreeMap<InstrumentId, WallTime>,
    /// Instruments in which no orders are taken now.
    closed: BTreeSet<InstrumentId>,
    /// When the whole list was without them.
    gone: BTreeMap<(Market, Symbol), WallTime>,
    asked: Option<WallTime>,
    /// They are wanted before they are due.
    wanted: bool,
}

impl Listed {
    pub(super) fn new(venue: VenueId, catalogue: &Catalogue) -> Self {
        let ours = catalogue.instruments().iter().filter(|one| one.venue_id == venue);
        let pairs = |id| catalogue.legs_of(id).iter().map(|(pair, _)| *pair).collect();
        Self {
            names: ours.map(|one| ((one.market, one.symbol), (one.id, one.rules))).collect(),
            pairs: catalogue.instruments().iter().map(|one| (one.id, pairs(one.id))).collect(),
            ends: BTreeMap::new(),
            closed: BTreeSet::new(),
            gone: BTreeMap::new(),
            asked: None,
            wanted: false,
        }
    }

    /// Whether an instrument of ours is of this market.
    pub(super) fn trades(&self, market: Market) -> bool {
        self.names.keys().any(|(of, _)| *of == market)
    }

    /// An order was refused as if a rule or the trading status had changed.
    pub(super) const fn reread(&mut self) {
        self.wanted = true;
    }

    /// What to ask now.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<(Market, Ask)> {
        let every = if self.wanted { AGAIN } else { EVERY };
        if self.asked.is_some_and(|at| now.since(at) < every) {
            return Vec::new();
        }
        (self.asked, self.wanted) = (Some(now), false);
        let is_there = |key: &&(Market, Symbol)| self.gone.get(*key).is_none_or(|at| now.since(*at) >= GONE_FOR);
        let of = |market: Market| {
            let ours = self.names.keys().filter(|(of, _)| *of == market).filter(is_there);
            let symbols: Vec<Symbol> = ours.map(|(_, symbol)| *symbol).collect();
            // Without a symbol it would be the question for all.
            (!symbols.is_empty()).then_some((market, Ask::Listed { market, symbols }))
        };
        [Market::Spot, Market::Perp].into_iter().filter_map(of).collect()
    }

    /// An answer about some.
    pub(super) fn told(&mut self, listings: &[Listing], out: &mut Vec<FeedOutput>) {
        for listing in listings {
            let key = (listing.market, listing.symbol);
            let Some((instrument, rules)) = self.names.get_mut(&key) else { continue };
            self.gone.remove(&key);
            if *rules != listing.rules {
                *rules = listing.rules;
                let (instrument, rules) = (*instrument, listing.rules);
                out.push(FeedOutput::Fact(Event::RulesChanged { instrument, rules }));
            }
            let instrument = *instrument;
            self.opens(instrument, listing.trading, out);
            if let Some(at) = listing.ends
                && self.ends.insert(instrument, at) != Some(at)
            {
                let ends = |pair: &PairId| {
                    FeedOutput::Fact(Event::TradingEnds { pair: *pair, at, cause: EndCause::Delisting })
                };
                out.extend(self.pairs.get(&instrument).into_iter().flatten().map(ends));
            }
        }
    }

    /// The whole list of a market, after a question that named one which is not in it. A list of nothing says nothing.
    pub(super) fn whole(&mut self, (market, listings): (Market, &[Listing]), now: WallTime, out: &mut Vec<FeedOutput>) {
        self.told(listings, out);
        let ours = self.names.iter().filter(|((of, _), _)| *of == market && !listings.is_empty());
        let is_gone = |symbol: Symbol| !listings.iter().any(|row| row.symbol == symbol);
        let gone: Vec<_> = ours.filter(|((_, symbol), _)| is_gone(*symbol)).map(|(key, of)| (*key, of.0)).collect();
        for (key, instrument) in gone {
            self.gone.insert(key, now);
            self.opens(instrument, false, out);
        }
    }

    fn opens(&mut self, instrument: InstrumentId, open: bool, out: &mut Vec<FeedOutput>) {
        let is_news = if open { self.closed.remove(&instrument) } else { self.closed.insert(instrument) };
        if is_news {
            out.push(FeedOutput::Fact(Event::Trading { instrument, open }));
        }
    }
}
