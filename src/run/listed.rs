//! The universe of a venue now: what is asked of it, and what it answers makes of each of its pairs.
//!
//! As on history (`universe.rs`): volume is the mean of up to 30 whole days of the perp's candles. Age counts from the date of
//! listing that the venue states. What is asked for and not answered is not known, and keeps a pair out; a row of a list that
//! cannot be read says nothing of its pair, and a list without a row says nothing at all. It sends nothing: who has a wire asks.
//! Tests: at the end of this file and `tests/commands/universe_live.rs`.

use crate::config::settings::Universe;
use crate::domain::universe::Outside;
use crate::domain::{Amount, Market, Span, Symbol, Venue, WallTime};
use crate::strategy::universe::{Candidate, look};
use crate::venues::answer::{Answer, CandleRow, Listing};
use crate::venues::ask::{Ask, Candles};
use std::collections::{BTreeMap, BTreeSet};

/// Whole days of candles that are asked for.
const DAYS: u32 = 30;

/// A look at one venue.
#[derive(Debug, Clone)]
pub struct VenueLook {
    venue: Venue,
    rules: Universe,
    at: WallTime,
    /// Symbols of spot, and whether they trade.
    spot: Option<BTreeMap<Symbol, bool>>,
    perps: Option<Vec<Listing>>,
    /// Symbols with a row that could not be read.
    unread: BTreeSet<Symbol>,
    /// Value a day, as far as it was answered.
    volumes: BTreeMap<Symbol, Option<f64>>,
    /// Coins of open interest, and the last price.
    interest: BTreeMap<Symbol, Option<f64>>,
    prices: BTreeMap<Symbol, f64>,
    /// What was handed out and has no answer yet.
    asked: Vec<Ask>,
    failed: bool,
    /// A pair's own question got no answer.
    gaps: bool,
}

/// What a look found of one pair.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What is known of it.
    pub candidate: Candidate,
    /// What keeps it out.
    pub outside: Option<Outside>,
}

impl VenueLook {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(venue: Venue, rules: Universe, at: WallTime) -> Self {
        Self {
            venue,
            rules,
            at,
            spot: None,
            perps: None,
            unread: BTreeSet::new(),
            volumes: BTreeMap::new(),
            interest: BTreeMap::new(),
            prices: BTreeMap::new(),
            asked: Vec::new(),
            failed: false,
            gaps: false,
        }
    }

    /// The time that it is of.
    #[must_use]
    pub const fn at(&self) -> WallTime {
        self.at
    }

    /// What is to be asked next, at most so many questions; none while answers are awaited that decide what to ask, and at the end.
    pub fn asks(&mut self, most: usize) -> Vec<Ask> {
        let mut asks = Vec::new();
        if self.spot.is_none() {
            asks.push(Ask::Instruments(Market::Spot));
        }
        if self.perps.is_none() {
            asks.push(Ask::Instruments(Market::Perp));
        }
        let end = self.at.floor(Span::DAY);
        for symbol in self.measured() {
            if !self.volumes.contains_key(&symbol) {
                let kind = Candles::Trade(Market::Perp);
                let start = end - Span(i64::from(DAYS) * Span::DAY.0);
                asks.push(Ask::Candles { kind, symbol, step: "1d", start, end: end - Span::DAY, limit: DAYS });
            }
            if !self.rules.min_open_interest.is_zero() && !self.interest.contains_key(&symbol) {
                asks.push(Ask::OpenInterest { symbol });
            }
        }
        asks.retain(|ask| !self.asked.contains(ask));
        asks.truncate(most.saturating_sub(self.asked.len()));
        self.asked.extend(asks.iter().cloned());
        asks
    }

    /// What came of a question; `None` where it got no answer that can be used.
    pub fn answered(&mut self, ask: &Ask, answer: Option<Answer>) {
        self.asked.retain(|asked| asked != ask);
        // Rows of instruments that could not be read are kept apart below.
        let answer = answer.map(|answer| match answer {
            whole @ Answer::Instruments { .. } => whole,
            other => other.parted().0,
        });
        self.gaps |= answer.is_none();
        match (ask, answer) {
            (Ask::Instruments(Market::Spot), Some(Answer::Instruments { listings, left_out, .. })) => {
                let spot: BTreeMap<_, _> = listings.into_iter().map(|row| (row.symbol, row.trading)).collect();
                self.read(left_out, !spot.values().any(|trades| *trades));
                self.spot = Some(spot);
            }
            (Ask::Instruments(Market::Perp), Some(Answer::Instruments { listings, left_out, .. })) => {
                let perps: Vec<Listing> = listings.into_iter().filter(|row| row.perpetual).collect();
                self.read(left_out, perps.is_empty());
                self.perps = Some(perps);
            }
            (Ask::Candles { symbol, .. }, answer) => {
                let rows = match answer {
                    Some(Answer::Candles(rows)) => rows,
                    _ => Vec::new(),
                };
                self.volumes.insert(*symbol, self.value_a_day(&rows));
                if let Some(price) = rows.last().and_then(|row| row.prices[3].parse().ok()) {
                    self.prices.insert(*symbol, price);
                }
            }
            (Ask::OpenInterest { symbol }, answer) => {
                let coins = match answer {
                    Some(Answer::OpenInterest(rows)) => rows.last().map(|(_, coins)| coins.to_f64()),
                    _ => None,
                };
                self.interest.insert(*symbol, coins);
            }
            // Without its lists nothing is known of the venue.
            _ => self.failed = true,
        }
    }

    /// A list came. One without a usable row is no list: a venue that trades nothing at all is one that is not known now.
    fn read(&mut self, left_out: Vec<(Symbol, String)>, is_empty: bool) {
        self.unread.extend(left_out.into_iter().map(|(symbol, _)| symbol));
        self.failed |= is_empty;
    }

    /// Whether a pair of this name has a row that could not be read: nothing is known of it.
    #[must_use]
    pub fn could_not_read(&self, name: &str) -> bool {
        self.unread.iter().any(|symbol| name == format!("{}:{symbol}", self.venue))
    }

    /// Whether the lists of the venue could not be read: nothing is found then.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failed
    }

    /// Whether something about a pair was asked and not answered: it counts as not known.
    #[must_use]
    pub const fn has_gaps(&self) -> bool {
        self.gaps
    }

    /// Whether everything was asked and answered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let is_known = |symbol: &Symbol| {
            self.volumes.contains_key(symbol)
                && (self.rules.min_open_interest.is_zero() || self.interest.contains_key(symbol))
        };
        self.spot.is_some() && self.perps.is_some() && self.measured().iter().all(is_known)
    }

    /// Perps that have no spot market of the same name here.
    #[must_use]
    pub fn without_spot(&self) -> Vec<String> {
        let lone = self.perps.iter().flatten().filter(|row| !self.has_spot(row));
        lone.map(|row| format!("{}:{}", self.venue, row.symbol)).collect()
    }

    /// What is known of each pair, and what keeps it out by itself before others are compared with it.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let pairs = self.perps.iter().flatten().filter(|row| self.has_spot(row));
        pairs
            .map(|row| Seen {
                candidate: self.candidate(row),
                outside: (!self.trades(row)).then_some(Outside::NotTrading),
            })
            .collect()
    }

    fn has_spot(&self, row: &Listing) -> bool {
        self.spot.as_ref().is_some_and(|spot| spot.contains_key(&row.symbol))
    }

    /// Whether both legs trade, and the perp goes on.
    fn trades(&self, row: &Listing) -> bool {
        let spot = self.spot.as_ref().and_then(|spot| spot.get(&row.symbol));
        row.trading && row.ends.is_none() && spot.is_some_and(|trades| *trades)
    }

    /// Pairs that are still in when all is known but what must be measured: of the others nothing is asked.
    fn measured(&self) -> Vec<Symbol> {
        let free = Universe { min_volume: Amount::ZERO, min_open_interest: Amount::ZERO, ..self.rules.clone() };
        let free = Universe { most: u32::MAX, ..free };
        let pairs = self.perps.iter().flatten().filter(|row| self.trades(row));
        pairs.filter(|row| look(&[self.candidate(row)], &free) == [None]).map(|row| row.symbol).collect()
    }

    #[expect(clippy::float_arithmetic, reason = "a signal")]
    fn candidate(&self, row: &Listing) -> Candidate {
        let interest = self.interest.get(&row.symbol).copied().flatten();
        Candidate {
            name: format!("{}:{}", self.venue, row.symbol),
            venue: self.venue,
            coin: row.base,
            quote: row.quote,
            age: row.begins.filter(|begins| *begins <= self.at).map(|begins| self.at.since(begins)),
            volume: self.volumes.get(&row.symbol).copied().flatten(),
            open_interest: interest.zip(self.prices.get(&row.symbol)).map(|(coins, price)| coins * price),
        }
    }

    /// The mean value of the whole days; `None` without one.
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a signal")]
    fn value_a_day(&self, rows: &[CandleRow]) -> Option<f64> {
        let whole = rows.iter().filter(|row| row.opened + Span::DAY <= self.at);
        let value = |row: &CandleRow| {
            let (volume, close) = (row.volume.as_ref()?.parse::<f64>().ok()?, row.prices[3].parse::<f64>().ok()?);
            Some(volume * close)
        };
        let values: Vec<f64> = whole.map(value).collect::<Option<_>>()?;
        let sum: f64 = values.iter().sum();
        // Nothing traded on days that are known is a volume of nothing; without a day it is not known.
        (sum.is_finite() && !values.is_empty()).then(|| sum / values.len() as f64)
    }
}

/// What keeps each pair of all venues out, when all looks are whole.
#[must_use]
pub fn judged(looks: &[VenueLook], rules: &Universe) -> Vec<Seen> {
    let mut all: Vec<Seen> = looks.iter().flat_map(VenueLook::seen).collect();
    let open: Vec<Candidate> =
        all.iter().filter(|one| one.outside.is_none()).map(|one| one.candidate.clone()).collect();
    let verdicts = look(&open, rules);
    for (one, verdict) in all.iter_mut().filter(|one| one.outside.is_none()).zip(verdicts) {
        one.outside = verdict;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{Asset, Price, Quantity};

    const DAY: WallTime = WallTime(1_760_054_400_000);

    fn symbol(coin: &str) -> Symbol {
        Symbol::new(&format!("{coin}USDT")).unwrap()
    }

    fn row(coin: &str, market: Market) -> Listing {
        let coins = |text: &str| Quantity::parse(text).unwrap();
        let rules = crate::domain::instrument::Rules {
            tick: Price::parse("0.01").unwrap(),
            step: coins("0.001"),
            min_quantity: coins("0.001"),
            max_quantity: coins("1000"),
            min_notional: Amount::whole(5),
        };
        let (base, quote) = (Asset::new(coin).unwrap(), Asset::of("USDT"));
        let begins = (market == Market::Perp).then(|| DAY - Span(400 * Span::DAY.0));
        Listing {
            symbol: symbol(coin),
            market,
            base,
            quote,
            rules,
            trading: true,
            perpetual: market == Market::Perp,
            ends: None,
            begins,
            price_band: None,
        }
    }

    fn list(listings: Vec<Listing>, unread: &[&str]) -> Answer {
        let left_out = unread.iter().map(|coin| (symbol(coin), "status".to_owned())).collect();
        Answer::Instruments { listings, limits: Vec::new(), left_out }
    }

    fn candle(days_ago: i64, volume: Option<&str>) -> CandleRow {
        let opened = DAY - Span(days_ago * Span::DAY.0);
        CandleRow { opened, prices: ["100"; 4].map(str::to_owned), volume: volume.map(str::to_owned) }
    }

    /// A look at a million a day or more, with both lists.
    fn look(spot: Option<Answer>, perps: Option<Answer>) -> VenueLook {
        let (min_volume, min_open_interest) = (Amount::whole(1_000_000), Amount::ZERO);
        let rules = Universe { min_volume, min_open_interest, ..Settings::default().universe };
        let mut look = VenueLook::new(Venue::of("binance"), rules, DAY);
        assert_eq!(look.asks(9), [Ask::Instruments(Market::Spot), Ask::Instruments(Market::Perp)]);
        look.answered(&Ask::Instruments(Market::Spot), spot);
        look.answered(&Ask::Instruments(Market::Perp), perps);
        look
    }

    fn two(market: Market) -> Vec<Listing> {
        vec![row("BTC", market), row("ETH", market)]
    }

    /// Answers what is asked of each pair.
    fn measured(look: &mut VenueLook, candles: &dyn Fn(&Symbol) -> Option<Vec<CandleRow>>) -> Vec<Option<Outside>> {
        for ask in look.asks(9) {
            let Ask::Candles { symbol, .. } = &ask else { panic!("{ask:?}") };
            let answer = candles(symbol).map(Answer::Candles);
            look.answered(&ask, answer);
        }
        assert!(look.is_whole() && !look.has_failed());
        judged(std::slice::from_ref(look), &look.rules).into_iter().map(|seen| seen.outside).collect()
    }

    #[test]
    fn a_list_without_a_row_or_without_an_answer_is_no_list() {
        for (spot, perps) in [
            (Some(list(Vec::new(), &[])), Some(list(two(Market::Perp), &[]))),
            (Some(list(two(Market::Spot), &[])), Some(list(Vec::new(), &[]))),
            (Some(list(two(Market::Spot), &[])), Some(list(Vec::new(), &["BTC", "ETH"]))),
            (None, Some(list(two(Market::Perp), &[]))),
            (Some(list(two(Market::Spot), &[])), None),
            (Some(list(two(Market::Spot), &[])), Some(Answer::Candles(Vec::new()))),
        ] {
            assert!(look(spot.clone(), perps.clone()).has_failed(), "{spot:?} {perps:?}");
        }
        assert!(!look(Some(list(two(Market::Spot), &[])), Some(list(two(Market::Perp), &[]))).has_failed());
    }

    #[test]
    fn a_row_that_cannot_be_read_says_nothing_of_its_pair_and_a_stopped_one_is_not_measured() {
        let stopped = Listing { trading: false, ..row("ETH", Market::Perp) };
        let mut look = look(
            Some(list(two(Market::Spot), &["DOGE"])),
            Some(list(vec![row("BTC", Market::Perp), stopped], &["SOL"])),
        );
        for (name, unread) in [
            ("binance:SOLUSDT", true),
            ("binance:DOGEUSDT", true),
            ("binance:BTCUSDT", false),
            ("aster:SOLUSDT", false),
        ] {
            assert_eq!(look.could_not_read(name), unread, "{name}");
        }
        let found = measured(&mut look, &|symbol| {
            assert_eq!(symbol.as_str(), "BTCUSDT", "of the others nothing is asked");
            Some(vec![candle(1, Some("20000"))])
        });
        assert_eq!(found, [None, Some(Outside::NotTrading)]);
    }

    #[test]
    fn a_volume_that_is_not_known_is_neither_small_nor_large() {
        let found = |eth: Option<Vec<CandleRow>>| {
            let mut look = look(Some(list(two(Market::Spot), &[])), Some(list(two(Market::Perp), &[])));
            let of = |symbol: &Symbol| match symbol.as_str() {
                "BTCUSDT" => Some(vec![candle(2, Some("20000")), candle(1, Some("40000"))]),
                _ => eth.clone(),
            };
            let found = measured(&mut look, &of);
            assert_eq!((found[0], look.has_gaps()), (None, eth.is_none()), "the other pair is as it was");
            found[1]
        };
        let unknown = Some(Outside::VolumeUnknown);
        assert_eq!(found(None), unknown, "no answer");
        assert_eq!(found(Some(Vec::new())), unknown, "no day");
        assert_eq!(found(Some(vec![candle(0, Some("50000"))])), unknown, "a day that is not over");
        assert_eq!(found(Some(vec![candle(2, Some("50000")), candle(1, None)])), unknown, "a day without its volume");
        assert_eq!(found(Some(vec![candle(2, Some("50000")), candle(1, Some("NaN"))])), unknown, "no number");
        assert_eq!(found(Some(vec![candle(1, Some("9999"))])), Some(Outside::Volume));
        assert_eq!(found(Some(vec![candle(1, Some("0"))])), Some(Outside::Volume), "that nothing traded is known");
        assert_eq!(found(Some(vec![candle(1, Some("10000"))])), None);
    }
}
