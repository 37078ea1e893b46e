//! Whether what a public stream says is alive, and the price of a quote coin: questions that stand beside the streams. Sans-IO.
//!
//! A connection that answers pings may say nothing, or say the same for ever. So a silent channel is asked for over REST, per
//! instrument: an answer that confirms the last quote makes it young again, and one that differs is news. When the venue has
//! answered twice with news and the stream has still said nothing, the stream is frozen: its line is opened again, and the
//! market counts as one that cannot be seen. Pongs prove nothing here. Tests: at the end, `tests/live.rs`.

use super::session::DEPTH_BOUND;
use crate::domain::price::PRICE_ONE;
use crate::domain::{Asset, Bps, InstrumentId, Market, Price, Span, Symbol, WallTime};
use crate::port::Event;
use crate::port::event::Quote;
use crate::venues::answer::{BestQuoteRow, PremiumRow};
use crate::venues::ask::Ask;

/// A best quote that does not move for so long is asked for: quiet coins have such times.
const QUIET: Span = Span::seconds(20);
/// Marks come each second, or each three: silence for so long is asked about.
const UNMARKED: Span = Span::seconds(15);
/// Between two questions about one channel.
const AGAIN: Span = Span::seconds(5);
/// Answers with news while the stream is silent that prove that it is frozen.
const PROOF: u32 = 2;
/// Mark and index of one answer that are further apart contradict each other.
const TORN: Bps = Bps::whole(1_000);
/// A frozen line is opened again this often.
const REOPEN: Span = Span::seconds(30);
/// The price of a quote coin is asked for this often.
const PEG_EVERY: Span = Span::MINUTE;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// The best quote of an instrument.
    Quote(InstrumentId),
    /// Mark and index of a perp.
    Mark(InstrumentId),
    /// The price of a quote coin.
    Peg(Asset),
}

/// What follows from an answer.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Facts for the core.
    pub(super) event: Option<Event>,
    /// Its stream is frozen: open the line again.
    pub(super) reopen: Option<Market>,
}

/// One channel of one instrument.
#[derive(Debug, Clone, Copy, Default)]
struct Channel {
    /// When the stream said something last, by arrival.
    heard: Option<WallTime>,
    asked: Option<WallTime>,
    /// Answers with news since then.
    news: u32,
    reopened: Option<WallTime>,
}

#[derive(Debug)]
struct Row {
    instrument: InstrumentId,
    market: Market,
    symbol: Symbol,
    quote: Channel,
    mark: Channel,
    last: Option<(Price, Price)>,
}

/// A quote coin, the pair that prices it, and whether that pair has it as what is paid.
#[derive(Debug)]
struct Peg {
    asset: Asset,
    symbol: Symbol,
    inverted: bool,
    /// A coin that fees are taken in, rather than a quote coin.
    for_fees: bool,
    asked: Option<WallTime>,
}

/// Public channels of one venue.
#[derive(Debug, Default)]
pub(super) struct Watch {
    rows: Vec<Row>,
    pegs: Vec<Peg>,
}

impl Channel {
    fn hear(&mut self, now: WallTime) {
        (self.heard, self.news) = (Some(now), 0);
    }

    fn is_due(&mut self, now: WallTime, silence: Span) -> bool {
        // Nothing heard yet: the line is only just open.
        let silent = self.heard.is_some_and(|heard| now.since(heard) >= silence);
        let due = silent
            && !crate::planted::is(crate::planted::Bug::FrozenUnseen)
            && self.asked.is_none_or(|asked| now.since(asked) >= AGAIN);
        if due {
            self.asked = Some(now);
        }
        due
    }

    /// The venue has news and the stream was silent since the question: whether the line is to be opened again.
    fn proves(&mut self, now: WallTime) -> bool {
        if self.asked.is_none() || self.heard > self.asked {
            return false;
        }
        self.news = self.news.saturating_add(1);
        let again = self.reopened.is_none_or(|at| now.since(at) >= REOPEN);
        let reopens = self.news >= PROOF && again;
        if reopens {
            self.reopened = Some(now);
        }
        reopens
    }

    const fn is_frozen(&self) -> bool {
        self.news >= PROOF
    }
}

impl Watch {
    pub(super) fn new(instruments: impl Iterator<Item = (InstrumentId, Market, Symbol)>) -> Self {
        let row = |(instrument, market, symbol)| {
            let (quote, mark) = (Channel::default(), Channel::default());
            Row { instrument, market, symbol, quote, mark, last: None }
        };
        Self { rows: instruments.map(row).collect(), pegs: Vec::new() }
    }

    /// These quote coins are priced by the venue's own pairs from now on.
    pub(super) fn price(&mut self, quotes: &[Asset]) {
        let peg = |asset: &Asset| {
            // The dollar coins are priced against each other: whichever of two leaves, both are far from one.
            let inverted = asset.as_str() == "USDT";
            let name = if inverted { "USDCUSDT".to_owned() } else { format!("{asset}USDT") };
            let for_fees = false;
            Symbol::new(&name).ok().map(|symbol| Peg { asset: *asset, symbol, inverted, for_fees, asked: None })
        };
        self.pegs.retain(|peg| peg.for_fees);
        self.pegs.extend(quotes.iter().filter_map(peg));
    }

    /// A coin that fees are taken in is priced in this coin too.
    pub(super) fn price_fee_coin(&mut self, asset: Asset, currency: Asset) {
        if let Ok(symbol) = Symbol::new(&format!("{asset}{currency}")) {
            self.pegs.push(Peg { asset, symbol, inverted: false, for_fees: true, asked: None });
        }
    }

    /// The stream said something.
    pub(super) fn hear(&mut self, event: &Event, now: WallTime) {
        match event {
            Event::Quote { instrument, quote } => {
                if let Some(row) = self.rows.iter_mut().find(|row| row.instrument == *instrument) {
                    row.quote.hear(now);
                    row.last = Some((quote.bid, quote.ask));
                }
            }
            Event::Mark { instrument, .. } => {
                if let Some(row) = self.rows.iter_mut().find(|row| row.instrument == *instrument) {
                    row.mark.hear(now);
                }
            }
            _ => {}
        }
    }

    /// Whether a market's stream is frozen.
    pub(super) fn is_frozen(&self, market: Market) -> bool {
        self.rows.iter().any(|row| row.market == market && (row.quote.is_frozen() || row.mark.is_frozen()))
    }

    /// What to ask now.
    pub(super) fn due(&mut self, now: WallTime) -> Vec<(Check, Ask)> {
        let mut asks = Vec::new();
        for row in &mut self.rows {
            let (market, symbol) = (row.market, Some(row.symbol));
            if row.quote.is_due(now, QUIET) {
                asks.push((Check::Quote(row.instrument), Ask::BestQuote { market, symbol }));
            }
            if row.mark.is_due(now, UNMARKED) {
                asks.push((Check::Mark(row.instrument), Ask::Premium { symbol }));
            }
        }
        for peg in &mut self.pegs {
            if peg.asked.is_none_or(|asked| now.since(asked) >= PEG_EVERY) {
                peg.asked = Some(now);
                let ask = Ask::BestQuote { market: Market::Spot, symbol: Some(peg.symbol) };
                asks.push((Check::Peg(peg.asset), ask));
            }
        }
        asks
    }

    /// The venue's best quotes over REST.
    pub(super) fn quoted(&mut self, check: Check, rows: &[BestQuoteRow], now: WallTime) -> Found {
        match check {
            Check::Peg(asset) => Found { event: self.peg(asset, rows), reopen: None },
            Check::Quote(instrument) => self.quote(instrument, rows, now),
            Check::Mark(_) => Found::default(),
        }
    }

    fn quote(&mut self, instrument: InstrumentId, rows: &[BestQuoteRow], now: WallTime) -> Found {
        let Some(row) = self.rows.iter_mut().find(|row| row.instrument == instrument) else { return Found::default() };
        let Some(told) = rows.iter().find(|told| told.symbol == row.symbol) else { return Found::default() };
        let (Some(bid), Some(ask)) = (told.bid, told.ask) else { return Found::default() };
        if bid.0 >= ask.0 || row.quote.heard > row.quote.asked {
            return Found::default();
        }
        let same = row.last == Some((bid.0, ask.0));
        // What is the same is confirmed; what differs is news that the stream did not bring.
        let reopen = if same { None } else { row.quote.proves(now).then_some(row.market) };
        row.last = Some((bid.0, ask.0));
        let quote = Quote { bid: bid.0, ask: ask.0, bid_depth: bid.1, ask_depth: ask.1, venue_time: now };
        Found { event: Some(Event::Quote { instrument, quote }), reopen }
    }

    /// Mark and index over REST.
    pub(super) fn marked(&mut self, check: Check, rows: &[PremiumRow], now: WallTime) -> Found {
        let Check::Mark(instrument) = check else { return Found::default() };
        let Some(row) = self.rows.iter_mut().find(|row| row.instrument == instrument) else { return Found::default() };
        let Some(told) = rows.iter().find(|told| told.symbol == row.symbol) else { return Found::default() };
        if row.mark.heard > row.mark.asked {
            return Found::default();
        }
        // A mark is published whether it moves or not: an answer is always news.
        let reopen = row.mark.proves(now).then_some(row.market);
        // With a silent stream this answer would be the only telling, and the list of positions comes by the same way: two that
        // agree and are one source (fault B10). What contradicts itself moves no mark; the last one grows old.
        let torn = told.mark.distance_bps(told.index) > TORN;
        let event = (!torn).then_some(Event::Mark { instrument, mark: told.mark, index: told.index });
        Found { event, reopen }
    }

    fn peg(&self, asset: Asset, rows: &[BestQuoteRow]) -> Option<Event> {
        let peg = self.pegs.iter().find(|peg| peg.asset == asset)?;
        let row = rows.iter().find(|row| row.symbol == peg.symbol)?;
        let (bid, ask) = (row.bid?.0, row.ask?.0);
        // A book as wide as this prices nothing.
        if bid >= ask || bid.distance_bps(ask) > DEPTH_BOUND {
            return None;
        }
        let mid = Price::mid(bid, ask);
        let one = i128::from(PRICE_ONE);
        let units = if peg.inverted { one * one / i128::from(mid.units().max(1)) } else { i128::from(mid.units()) };
        let price = Price::from_units(i64::try_from(units).ok()?).ok()?;
        Some(if peg.for_fees { Event::FeeCoinPriced { asset, price } } else { Event::Peg { asset, price } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Quantity;

    const SPOT: InstrumentId = InstrumentId(0);
    const PERP: InstrumentId = InstrumentId(1);

    fn at(seconds: i64) -> WallTime {
        WallTime(1_700_000_000_000) + Span::seconds(seconds)
    }

    fn price(text: &str) -> Price {
        Price::parse(text).unwrap()
    }

    fn watch() -> Watch {
        let symbol = Symbol::of("BTCUSDT");
        Watch::new([(SPOT, Market::Spot, symbol), (PERP, Market::Perp, symbol)].into_iter())
    }

    fn quote(bid: &str, ask: &str) -> Event {
        let depth = Quantity::parse("1").unwrap();
        let quote = Quote { bid: price(bid), ask: price(ask), bid_depth: depth, ask_depth: depth, venue_time: at(0) };
        Event::Quote { instrument: SPOT, quote }
    }

    fn told(symbol: &'static str, bid: &str, ask: &str) -> Vec<BestQuoteRow> {
        let level = |text: &str| Some((price(text), Quantity::parse("2").unwrap()));
        vec![BestQuoteRow { symbol: Symbol::of(symbol), bid: level(bid), ask: level(ask) }]
    }

    #[test]
    fn l03_a_quiet_quote_is_confirmed_and_a_frozen_stream_is_found_though_pongs_go_on() {
        let mut watch = watch();
        assert_eq!(watch.due(at(0)), [], "nothing was heard yet");
        watch.hear(&quote("100", "101"), at(0));
        assert_eq!(watch.due(at(19)), []);
        let asks = watch.due(at(20));
        assert!(matches!(asks[..], [(Check::Quote(SPOT), Ask::BestQuote { market: Market::Spot, .. })]), "{asks:?}");
        assert_eq!(watch.due(at(21)), [], "not at once again");
        // The same prices: young again, and no proof of anything.
        for second in [22, 27, 32] {
            let found = watch.quoted(Check::Quote(SPOT), &told("BTCUSDT", "100", "101"), at(second));
            assert!(matches!(found, Found { event: Some(Event::Quote { .. }), reopen: None }), "{found:?}");
            watch.due(at(second + 3));
        }
        assert!(!watch.is_frozen(Market::Spot));
        // Other prices, twice, and the stream is silent: it is frozen, and its line is opened again, but not at each answer.
        let found = watch.quoted(Check::Quote(SPOT), &told("BTCUSDT", "102", "103"), at(36));
        assert_eq!((found.reopen, watch.is_frozen(Market::Spot)), (None, false));
        let found = watch.quoted(Check::Quote(SPOT), &told("BTCUSDT", "104", "105"), at(41));
        assert_eq!((found.reopen, watch.is_frozen(Market::Spot)), (Some(Market::Spot), true));
        let found = watch.quoted(Check::Quote(SPOT), &told("BTCUSDT", "106", "107"), at(46));
        assert_eq!(found.reopen, None);
        assert!(matches!(found.event, Some(Event::Quote { quote, .. }) if quote.bid == price("106")), "it is news");
        watch.hear(&quote("106", "107"), at(47));
        assert!(!watch.is_frozen(Market::Spot), "it speaks again");
    }

    #[test]
    fn l03_a_mark_that_stops_is_asked_for_and_an_answer_after_the_stream_spoke_proves_nothing() {
        let mut watch = watch();
        let mark = Event::Mark { instrument: PERP, mark: price("100"), index: price("100") };
        watch.hear(&mark, at(0));
        assert!(matches!(watch.due(at(15))[..], [(Check::Mark(PERP), Ask::Premium { .. })]));
        let row = |text: &str| {
            let (mark, index) = (price(text), price(text));
            let symbol = Symbol::of("BTCUSDT");
            vec![PremiumRow { symbol, mark, index, rate: None, next_funding: None, at: at(16) }]
        };
        watch.hear(&mark, at(16));
        assert_eq!(watch.marked(Check::Mark(PERP), &row("150"), at(17)), Found::default());
        watch.due(at(31));
        assert_eq!(watch.marked(Check::Mark(PERP), &row("150"), at(32)).reopen, None);
        watch.due(at(36));
        let found = watch.marked(Check::Mark(PERP), &row("151"), at(37));
        assert!(matches!(found.event, Some(Event::Mark { mark, .. }) if mark == price("151")));
        assert_eq!((found.reopen, watch.is_frozen(Market::Perp)), (Some(Market::Perp), true));
    }

    #[test]
    fn b10_an_answer_whose_mark_contradicts_its_own_index_moves_no_mark() {
        let mut watch = watch();
        watch.hear(&Event::Mark { instrument: PERP, mark: price("100"), index: price("100") }, at(0));
        watch.due(at(15));
        let mut marked = |second, mark: &str, index: &str| {
            let (symbol, mark, index) = (Symbol::of("BTCUSDT"), price(mark), price(index));
            let row = PremiumRow { symbol, mark, index, rate: None, next_funding: None, at: at(second) };
            watch.marked(Check::Mark(PERP), &[row], at(second))
        };
        assert_eq!(marked(16, "10000", "100"), Found::default());
        assert!(marked(17, "105", "100").event.is_some(), "a market may be that far apart");
        // Wrong or not, the stream is silent: that is proven all the same.
        assert_eq!(marked(18, "1", "100").event, None);
        assert!(watch.is_frozen(Market::Perp));
    }

    #[test]
    fn l17_a_quote_coin_is_priced_by_the_venues_own_pair() {
        let mut watch = watch();
        watch.price(&[Asset::of("USDT"), Asset::of("FDUSD")]);
        let asks = watch.due(at(0));
        assert_eq!(asks.len(), 2);
        assert!(watch.due(at(59)).is_empty() && watch.due(at(60)).len() == 2);
        let peg = |watch: &mut Watch, asset, rows: &[BestQuoteRow]| watch.quoted(Check::Peg(asset), rows, at(1)).event;
        let usdt = Asset::of("USDT");
        let of = |asset, text: &str| Some(Event::Peg { asset, price: price(text) });
        // A dollar coin costs 1.05 of it: it is worth 0.952 of that coin.
        assert_eq!(peg(&mut watch, usdt, &told("USDCUSDT", "1.0499", "1.0501")), of(usdt, "0.95238095"));
        let fdusd = Asset::of("FDUSD");
        assert_eq!(peg(&mut watch, fdusd, &told("FDUSDUSDT", "0.9979", "0.9981")), of(fdusd, "0.998"));
        assert_eq!(peg(&mut watch, usdt, &told("USDCUSDT", "0.5", "1.5")), None, "such a book prices nothing");
    }
}
