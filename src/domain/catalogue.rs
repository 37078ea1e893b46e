//! All instruments, pairs and venues of a run, numbered densely, and which pairs an instrument serves.

use super::ids::{InstrumentId, PairId, VenueId};
use super::instrument::Instrument;
use super::pair::{Leg, Pair};
use super::pair_name::{LegName, legs_of_name};
use super::text::{Asset, Venue};
use serde::{Deserialize, Serialize};

/// All instruments, pairs and venues of a run, numbered densely.
///
/// **Invariant**: each instrument of a pair is in the list, and `served` says of each which legs of which pairs it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Catalogue {
    instruments: Vec<Instrument>,
    pairs: Vec<Pair>,
    venues: Vec<Venue>,
    /// By number of the instrument: from where to where its row lies in `served`.
    rows: Vec<(usize, usize)>,
    /// The rows of all instruments one after the other, each in order of the pairs.
    served: Vec<(PairId, Leg)>,
}

impl Catalogue {
    /// An empty catalogue whose venues are numbered already, in this order.
    #[must_use]
    pub fn of_venues(venues: impl IntoIterator<Item = Venue>) -> Self {
        let mut catalogue = Self::default();
        for venue in venues {
            catalogue.venue_id(venue);
        }
        catalogue
    }

    /// Adds a pair by its two legs; ids inside the given instruments are overwritten. An instrument that is there already
    /// (venue, symbol and market) serves this pair too, with the terms that are known of it. Returns the pair's number.
    pub fn add_pair(&mut self, long: Instrument, short: Instrument) -> PairId {
        // The venue of the short leg is numbered first: so were the pairs of every run so far.
        self.venue_id(short.venue);
        let homes = (long.venue, short.venue);
        self.add(long, short, homes)
    }

    /// The same with the money of both legs at another venue than theirs: one pair of wallets for several venues, which no
    /// real account has.
    pub fn add_pair_at(&mut self, home: Venue, long: Instrument, short: Instrument) -> PairId {
        self.add(long, short, (home, home))
    }

    fn add(&mut self, long: Instrument, short: Instrument, homes: (Venue, Venue)) -> PairId {
        let (long, short) = (self.instrument_id(long, homes.0), self.instrument_id(short, homes.1));
        let id = PairId(u16::try_from(self.pairs.len()).unwrap_or(u16::MAX));
        if let (Some(long), Some(short)) = (self.instrument(long), self.instrument(short)) {
            let pair = Pair::new(id, long, short);
            self.pairs.push(pair);
            self.index();
        }
        id
    }

    /// Leaves only such pairs, numbered anew; instruments and venues stay, with their numbers.
    pub fn keep(&mut self, is_kept: impl Fn(&Pair) -> bool) {
        self.pairs.retain(is_kept);
        for (place, pair) in self.pairs.iter_mut().enumerate() {
            pair.id = PairId(u16::try_from(place).unwrap_or(u16::MAX));
        }
        self.index();
    }

    /// Changes terms of each instrument, such as its fees; what it is (venue, symbol, market, coins) stays as it is.
    pub fn each(&mut self, change: impl FnMut(&mut Instrument)) {
        self.instruments.iter_mut().for_each(change);
    }

    /// Adds the pair of a name whose legs are both in the list, unless it is there or a leg is not.
    pub fn add_named(&mut self, name: &str) {
        let Some(legs) = legs_of_name(name).filter(|_| self.pair_named(name).is_none()) else { return };
        let find = |leg: LegName| {
            let same = |one: &&Instrument| (one.venue, one.market, one.symbol) == (leg.venue, leg.market, leg.symbol);
            self.instruments.iter().find(same).cloned()
        };
        let [long, short] = legs.map(find);
        if let Some((long, short)) = long.zip(short) {
            self.add_pair(long, short);
        }
    }

    fn instrument_id(&mut self, mut one: Instrument, home: Venue) -> InstrumentId {
        let same =
            |known: &&Instrument| (known.venue, known.symbol, known.market) == (one.venue, one.symbol, one.market);
        if let Some(known) = self.instruments.iter().find(same) {
            return known.id;
        }
        one.venue_id = self.venue_id(home);
        one.id = InstrumentId(u16::try_from(self.instruments.len()).unwrap_or(u16::MAX));
        let id = one.id;
        self.instruments.push(one);
        id
    }

    fn venue_id(&mut self, venue: Venue) -> VenueId {
        let place = self.venues.iter().position(|known| *known == venue).unwrap_or_else(|| {
            self.venues.push(venue);
            self.venues.len() - 1
        });
        VenueId(u8::try_from(place).unwrap_or(u8::MAX))
    }

    /// The name of a venue.
    #[must_use]
    #[inline]
    pub fn venue(&self, id: VenueId) -> Option<Venue> {
        self.venues.get(id.index()).copied()
    }

    /// Writes down anew which pairs each instrument serves.
    fn index(&mut self) {
        self.rows.clear();
        self.served.clear();
        let mut legs = vec![Vec::new(); self.instruments.len()];
        for (pair, leg) in self.pairs.iter().flat_map(|pair| Leg::BOTH.map(|leg| (pair, leg))) {
            if let Some(row) = legs.get_mut(pair.leg(leg).index()) {
                row.push((pair.id, leg));
            }
        }
        for row in legs {
            let from = self.served.len();
            self.served.extend(row);
            self.rows.push((from, self.served.len()));
        }
    }

    /// The pairs that an instrument serves, each with the leg that it is of it, in order of the pairs.
    #[must_use]
    #[inline]
    pub fn legs_of(&self, id: InstrumentId) -> &[(PairId, Leg)] {
        let Some((from, to)) = self.rows.get(id.index()) else { return &[] };
        self.served.get(*from..*to).unwrap_or_default()
    }

    /// The first pair that an instrument serves: the one that is named when a person is told of the instrument.
    #[must_use]
    pub fn pair_of(&self, id: InstrumentId) -> Option<PairId> {
        self.legs_of(id).first().map(|(pair, _)| *pair)
    }

    /// An instrument by number.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.instruments.get(id.index())
    }

    /// The word of the market that an instrument is of, for people; empty for one that is not there.
    #[must_use]
    pub fn market_word(&self, id: InstrumentId) -> &'static str {
        self.instrument(id).map_or("", |one| one.market.as_str())
    }

    /// A pair by number.
    #[must_use]
    pub fn pair(&self, id: PairId) -> Option<&Pair> {
        self.pairs.get(id.index())
    }

    /// A pair by name.
    #[must_use]
    pub fn pair_named(&self, name: &str) -> Option<&Pair> {
        self.pairs.iter().find(|pair| pair.name == name)
    }

    /// Instruments in order of number.
    #[must_use]
    pub fn instruments(&self) -> &[Instrument] {
        &self.instruments
    }

    /// Pairs in order of number.
    #[must_use]
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Venues in order of number.
    #[must_use]
    pub fn venues(&self) -> &[Venue] {
        &self.venues
    }

    /// Changes one instrument (new filters, brackets, fees).
    pub fn instrument_mut(&mut self, id: InstrumentId) -> Option<&mut Instrument> {
        self.instruments.get_mut(id.index())
    }
}

/// A catalogue as it stands in files.
#[derive(Serialize, Deserialize)]
struct Written {
    instruments: Vec<Instrument>,
    pairs: Vec<WrittenPair>,
    venues: Vec<Venue>,
}

/// A pair as it stands in files, with the words of the first pairs; venue and quote coin stand there for older programs.
#[derive(Serialize, Deserialize)]
struct WrittenPair {
    id: PairId,
    name: String,
    #[serde(alias = "long")]
    spot: InstrumentId,
    #[serde(alias = "short")]
    perp: InstrumentId,
    venue_id: VenueId,
    coin: Asset,
    quote: Asset,
}

impl From<Catalogue> for Written {
    fn from(catalogue: Catalogue) -> Self {
        let pair = |pair: Pair| WrittenPair {
            id: pair.id,
            spot: pair.long,
            perp: pair.short,
            venue_id: pair.venue(Leg::Short),
            coin: pair.coin,
            quote: pair.quote(Leg::Short),
            name: pair.name,
        };
        let pairs = catalogue.pairs.into_iter().map(pair).collect();
        Self { instruments: catalogue.instruments, pairs, venues: catalogue.venues }
    }
}

impl TryFrom<Written> for Catalogue {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { instruments, pairs: rows, venues } = written;
        let mut catalogue = Self { instruments, venues, ..Self::default() };
        for row in rows {
            let legs = catalogue.instrument(row.spot).zip(catalogue.instrument(row.perp));
            let (long, short) = legs.ok_or_else(|| format!("pair {}: an instrument of it is not listed", row.name))?;
            let pair = Pair { name: row.name, ..Pair::new(row.id, long, short) };
            catalogue.pairs.push(pair);
        }
        catalogue.index();
        Ok(catalogue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contract::Contract;
    use crate::domain::fees::{BuyFeeIn, Fees};
    use crate::domain::funding::{Formula, Weighting};
    use crate::domain::{Amount, Market, Price, Quantity, Rate, Rules, Symbol};

    fn instrument(venue: &str, symbol: &str, market: Market) -> Instrument {
        let (price, coins) = (Price::parse("0.01").unwrap(), Quantity::parse("0.001").unwrap());
        let (least, most) = (Amount::ZERO, Quantity::parse("1000").unwrap());
        Instrument {
            id: InstrumentId(9),
            venue_id: VenueId(9),
            venue: Venue::new(venue).unwrap(),
            symbol: Symbol::new(symbol).unwrap(),
            market,
            coin: Asset::of("BTC"),
            quote: Asset::new(&symbol[3..]).unwrap(),
            contract: Contract::Linear { coins: 1 },
            rules: Rules { tick: price, step: coins, min_quantity: coins, max_quantity: most, min_notional: least },
            fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
            buy_fee_in: BuyFeeIn::Quote,
            brackets: Vec::new(),
            collateral: Rate::ZERO,
            formula: Formula::STANDARD,
            weighting: Weighting::Equal,
        }
    }

    /// Spot and perp of one venue; the same spot with the perp of another one; the first perp long, the other short.
    fn three() -> Catalogue {
        let spot = instrument("alpha", "BTCUSDT", Market::Spot);
        let perp = instrument("alpha", "BTCUSDT", Market::Perp);
        let other = instrument("hyper", "BTCUSDC", Market::Perp);
        let mut catalogue = Catalogue::default();
        assert_eq!(catalogue.add_pair(spot.clone(), perp.clone()), PairId(0));
        assert_eq!(catalogue.add_pair(spot, other.clone()), PairId(1));
        assert_eq!(catalogue.add_pair(perp, other), PairId(2));
        catalogue
    }

    #[test]
    fn an_instrument_serves_every_pair_that_it_is_a_leg_of_and_is_listed_once() {
        use Leg::{Long, Short};
        let catalogue = three();
        let legs = |id| catalogue.legs_of(InstrumentId(id));
        assert_eq!((catalogue.instruments().len(), catalogue.venues().len()), (3, 2));
        assert_eq!(legs(0), [(PairId(0), Long), (PairId(1), Long)]);
        assert_eq!(legs(1), [(PairId(0), Short), (PairId(2), Long)]);
        assert_eq!(legs(2), [(PairId(1), Short), (PairId(2), Short)]);
        assert_eq!((legs(3), catalogue.pair_of(InstrumentId(3))), (&[][..], None));
        let names: Vec<&str> = catalogue.pairs().iter().map(|pair| pair.name.as_str()).collect();
        assert_eq!(names, ["alpha:BTCUSDT", "alpha:BTCUSDT/hyper:BTCUSDC", "alpha-perp:BTCUSDT/hyper-perp:BTCUSDC"]);
        let place = catalogue.pairs()[1].place(Long);
        assert_eq!((place.venue, place.market, place.quote), (VenueId(0), Market::Spot, Asset::of("USDT")));
        assert_eq!(catalogue.pairs()[1].account(Short), (VenueId(1), Asset::of("USDC")));
        let venues = |pair: usize| catalogue.pairs()[pair].venues().map(|venue| venue.0).collect::<Vec<u8>>();
        assert_eq!((venues(0), venues(1)), (vec![0], vec![1, 0]));
    }

    #[test]
    fn files_keep_the_words_of_the_first_pairs_and_both_are_read() {
        let catalogue = three();
        let text = serde_json::to_string(&catalogue).unwrap();
        let first = r#"{"id":0,"name":"alpha:BTCUSDT","spot":0,"perp":1,"venue_id":0,"coin":"BTC","quote":"USDT"}"#;
        assert!(text.contains(first), "{text}");
        assert_eq!(serde_json::from_str::<Catalogue>(&text).unwrap(), catalogue);
        let new = text.replace("\"spot\":", "\"long\":").replace("\"perp\":", "\"short\":");
        assert_eq!(serde_json::from_str::<Catalogue>(&new).unwrap(), catalogue);
        let empty = Catalogue::default();
        assert_eq!(serde_json::from_str::<Catalogue>(&serde_json::to_string(&empty).unwrap()).unwrap(), empty);
        let lost = text.replace("\"perp\":1", "\"perp\":7");
        let error = serde_json::from_str::<Catalogue>(&lost).unwrap_err().to_string();
        assert!(error.contains("pair alpha:BTCUSDT: an instrument of it is not listed"), "{error}");
        for (word, leg) in [("spot", Leg::Long), ("long", Leg::Long), ("perp", Leg::Short), ("short", Leg::Short)] {
            assert_eq!(serde_json::from_str::<Leg>(&format!("\"{word}\"")).unwrap(), leg);
        }
        assert_eq!(serde_json::to_string(&Leg::BOTH).unwrap(), r#"["spot","perp"]"#);
    }
}
