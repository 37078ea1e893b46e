//! What a live venue must be asked again while a run goes on: margin brackets, our fee rates, and the place in the ADL queue
//! where the list of positions has none. And margin for isolated positions on its way.
//!
//! It says what to ask and what an answer changes; it sends nothing and decides nothing. Tests: at the end.

use crate::domain::margin::Bracket;
use crate::domain::{Catalogue, Fees, InstrumentId, Market, Span, Symbol, VenueId, WallTime};
use crate::port::Event;
use crate::port::health::Input;
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;

/// Brackets and fees change seldom; a change is also told by what an order costs.
const TERMS_EVERY: Span = Span::HOUR;
/// The venue computes the place in its queue this often.
const RANKS_EVERY: Span = Span::seconds(30);

/// Terms of our account at one venue.
#[derive(Debug)]
pub struct InputsWatch {
    legs: Vec<(InstrumentId, Market, Symbol)>,
    /// The list of positions has no place in the queue (Aster).
    ranks: bool,
    terms_at: WallTime,
    ranks_at: Option<WallTime>,
}

impl InputsWatch {
    /// A watch over the legs at one venue, whose terms were read at the start.
    #[must_use]
    pub fn new(venue: VenueId, catalogue: &Catalogue, ranks: bool, now: WallTime) -> Self {
        let ours = catalogue.instruments().iter().filter(|one| one.venue_id == venue);
        let legs = ours.map(|one| (one.id, one.market, one.symbol)).collect();
        Self { legs, ranks, terms_at: now, ranks_at: None }
    }

    /// The inputs of gates that a live venue gives.
    #[must_use]
    pub fn declared() -> Vec<Input> {
        vec![Input::Peg, Input::AdlRank, Input::Mark, Input::Brackets]
    }

    /// Terms are read again now: the venue refused something for them.
    pub fn look_now(&mut self, now: WallTime) {
        // Refusals in a row are one reason to look, and a look is not free.
        if now.since(self.terms_at) >= Span::MINUTE {
            self.terms_at = self.terms_at.min(now - TERMS_EVERY);
        }
    }

    /// What to ask now.
    pub fn due(&mut self, now: WallTime) -> Vec<Ask> {
        let mut asks = Vec::new();
        if now.since(self.terms_at) >= TERMS_EVERY {
            self.terms_at = now;
            for (_, market, symbol) in &self.legs {
                let (market, symbol) = (*market, *symbol);
                asks.push(Ask::Commission { market, symbol });
                if market == Market::Perp {
                    asks.push(Ask::Brackets { symbol });
                }
            }
        }
        if self.ranks && self.ranks_at.is_none_or(|at| now.since(at) >= RANKS_EVERY) {
            self.ranks_at = Some(now);
            asks.push(Ask::AdlRank);
        }
        asks
    }

    /// What the answer to `ask` changes of what the core knows.
    #[must_use]
    pub fn answered(&self, ask: &Ask, answer: &Answer, known: &Catalogue) -> Vec<Event> {
        match (ask, answer) {
            (Ask::Commission { market, symbol }, Answer::Commission { fees, .. }) => {
                self.fees((*market, *symbol), *fees, known).into_iter().collect()
            }
            (_, Answer::Brackets(rows)) => rows.iter().filter_map(|row| self.brackets(row, known)).collect(),
            (_, Answer::AdlRanks(rows)) => {
                // A perp that is not in the list has no position there.
                let perps = self.legs.iter().filter(|(_, market, _)| *market == Market::Perp);
                let rank = |symbol: Symbol| rows.iter().find(|(name, _)| *name == symbol).map_or(0, |(_, rank)| *rank);
                perps.map(|(id, _, symbol)| Event::AdlRank { instrument: *id, rank: rank(*symbol) }).collect()
            }
            _ => Vec::new(),
        }
    }

    fn fees(&self, (market, symbol): (Market, Symbol), fees: Fees, known: &Catalogue) -> Option<Event> {
        let (instrument, ..) = self.legs.iter().find(|(_, leg, name)| (*leg, *name) == (market, symbol))?;
        let now = known.instrument(*instrument)?.fees;
        (now != fees).then_some(Event::FeesChanged { instrument: *instrument, fees })
    }

    fn brackets(&self, (symbol, brackets): &(Symbol, Vec<Bracket>), known: &Catalogue) -> Option<Event> {
        let of = |leg: &&(InstrumentId, Market, Symbol)| leg.1 == Market::Perp && leg.2 == *symbol;
        let (instrument, ..) = self.legs.iter().find(of)?;
        let now = &known.instrument(*instrument)?.brackets;
        (now != brackets).then(|| Event::BracketsChanged { instrument: *instrument, brackets: brackets.clone() })
    }
}

/// Quote coins whose peg a venue is asked for: those of its instruments.
#[must_use]
pub fn quotes(venue: VenueId, catalogue: &Catalogue) -> Vec<crate::domain::Asset> {
    let mut quotes = Vec::new();
    for one in catalogue.instruments().iter().filter(|one| one.venue_id == venue) {
        if !quotes.contains(&one.quote) {
            quotes.push(one.quote);
        }
    }
    quotes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Amount, Leg, Rate};
    use crate::sim::Generator;
    use crate::sim::START;

    #[test]
    fn l17_brackets_and_fees_are_read_each_hour_and_told_when_they_changed() {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let pair = catalogue.pairs()[0].clone();
        let mut watch = InputsWatch::new(pair.venue(Leg::Short), &catalogue, false, START);
        assert_eq!(watch.due(START + Span::MINUTE), []);
        let asks = watch.due(START + Span::HOUR);
        let perp = catalogue.instrument(pair.short).unwrap();
        assert!(asks.contains(&Ask::Brackets { symbol: perp.symbol }));
        assert!(asks.contains(&Ask::Commission { market: Market::Perp, symbol: perp.symbol }));
        assert_eq!(watch.due(START + Span::HOUR), []);
        watch.look_now(START + Span::HOUR);
        assert_eq!(watch.due(START + Span::HOUR), [], "they were read a moment ago");
        watch.look_now(START + Span::HOUR + Span::MINUTE);
        assert!(!watch.due(START + Span::HOUR + Span::MINUTE).is_empty(), "after a refusal at once");
        let ask = Ask::Commission { market: Market::Perp, symbol: perp.symbol };
        let told = |fees| watch.answered(&ask, &Answer::Commission { fees, own_coin: None }, &catalogue);
        assert_eq!(told(perp.fees), []);
        let fees = Fees { taker: Rate::parse("0.0123").unwrap(), ..perp.fees };
        assert_eq!(told(fees), [Event::FeesChanged { instrument: pair.short, fees }]);
        let bracket = Bracket { floor: Amount::ZERO, maintenance: Rate::parse("0.5").unwrap() };
        let rows = |brackets: Vec<Bracket>| Answer::Brackets(vec![(perp.symbol, brackets)]);
        let ask = Ask::Brackets { symbol: perp.symbol };
        assert_eq!(watch.answered(&ask, &rows(perp.brackets.clone()), &catalogue), []);
        let changed = watch.answered(&ask, &rows(vec![bracket]), &catalogue);
        assert_eq!(changed, [Event::BracketsChanged { instrument: pair.short, brackets: vec![bracket] }]);
    }

    #[test]
    fn l17_the_place_in_the_queue_is_asked_for_where_no_list_has_it() {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let pair = catalogue.pairs()[0].clone();
        let mut watch = InputsWatch::new(pair.venue(Leg::Short), &catalogue, true, START);
        assert_eq!(watch.due(START), [Ask::AdlRank]);
        assert_eq!(watch.due(START + Span::seconds(29)), []);
        let symbol = catalogue.instrument(pair.short).unwrap().symbol;
        let events = watch.answered(&Ask::AdlRank, &Answer::AdlRanks(vec![(symbol, 3)]), &catalogue);
        assert!(events.contains(&Event::AdlRank { instrument: pair.short, rank: 3 }));
    }
}
