//! Tests of the public feed of one venue.

use super::*;
use crate::domain::contract::Contract;
use crate::domain::fees::{BuyFeeIn, Fees};
use crate::domain::funding::{Formula, Weighting};
use crate::domain::instrument::{Instrument, Rules};
use crate::domain::{Amount, Market, Quantity, Rate, Venue};
use crate::venues::answer::Listing;

#[test]
fn e15_what_coins_count_for_is_asked_each_minute_and_is_what_the_haircut_leaves() {
    let mut feed = Feed::new(VenueId(3), &Catalogue::default(), &BTreeMap::new(), &BTreeMap::new(), false);
    let asks = |feed: &mut Feed, seconds: i64| -> Vec<u64> {
        let mut out = Vec::new();
        feed.handle(FeedInput::Timer, WallTime(0) + Span::seconds(seconds), &mut out);
        let call = |one| if let FeedOutput::Call(call, Ask::CollateralRates) = one { Some(call) } else { None };
        out.into_iter().filter_map(call).collect()
    };
    assert!(asks(&mut feed, 0).is_empty(), "nobody needs it");
    feed.ask_collateral(vec![Asset::of("BTC"), Asset::of("USDT")]);
    let calls = asks(&mut feed, 1);
    assert_eq!(calls.len(), 1);
    assert!(asks(&mut feed, 60).is_empty());
    let row = |symbol: &'static str, index: &str, bid: &str| {
        let price = |text: &str| Price::parse(text).unwrap();
        CollateralRow { symbol: Symbol::of(symbol), index: price(index), bid: price(bid), ask: price(index) }
    };
    let rows = vec![row("BTCUSD", "50000", "47500"), row("ETHUSD", "4000", "3800"), row("USDTUSD", "1", "1.01")];
    let mut out = Vec::new();
    let answered = FeedInput::Answered { call: calls[0], result: Ok(Answer::CollateralRates(rows)), body: &[] };
    feed.handle(answered, WallTime(0), &mut out);
    let rate = |asset, index: &str, share: &str| {
        let (index, share) = (Price::parse(index).unwrap(), Rate::parse(share).unwrap());
        FeedOutput::Fact(Event::CollateralRate { venue: VenueId(3), asset: Asset::of(asset), index, share })
    };
    assert_eq!(out, [rate("BTC", "50000", "0.95"), rate("USDT", "1", "1")]);
    // No answer is no rate, and it is asked again a minute later.
    let calls = asks(&mut feed, 61);
    out.clear();
    feed.handle(FeedInput::Failed { call: calls[0] }, WallTime(0), &mut out);
    assert!(out.is_empty());
    assert_eq!(asks(&mut feed, 121).len(), 1);
}

fn one_pair() -> Catalogue {
    let mut catalogue = Catalogue::default();
    add(&mut catalogue, "BTCUSDT", "BTC");
    catalogue
}

fn add(catalogue: &mut Catalogue, symbol: &'static str, coin: &'static str) {
    let instrument = |market| Instrument {
        id: InstrumentId(0),
        venue_id: VenueId(0),
        venue: Venue::new("binance").unwrap(),
        symbol: Symbol::of(symbol),
        market,
        coin: Asset::of(coin),
        quote: Asset::of("USDT"),
        contract: Contract::Linear { coins: 1 },
        rules: Rules {
            tick: Price::parse("0.01").unwrap(),
            step: Quantity::parse("0.00001").unwrap(),
            min_quantity: Quantity::parse("0.00001").unwrap(),
            max_quantity: Quantity::parse("1000").unwrap(),
            min_notional: Amount::whole(5),
        },
        fees: Fees { maker: Rate::ZERO, taker: Rate::ZERO },
        buy_fee_in: BuyFeeIn::Coin,
        brackets: Vec::new(),
        collateral: Rate::ZERO,
        formula: Formula::STANDARD,
        weighting: Weighting::Linear,
    };
    catalogue.add_pair(instrument(Market::Spot), instrument(Market::Perp));
}

#[test]
fn l02_settlements_that_a_start_could_not_learn_fill_the_windows_and_are_no_news() {
    let catalogue = one_pair();
    let perp = catalogue.pairs()[0].short;
    let venue = catalogue.instrument(perp).unwrap().venue_id;
    let intervals = BTreeMap::from([(perp, Interval::H8)]);
    let mut feed = Feed::new(venue, &catalogue, &intervals, &BTreeMap::new(), false);
    let start = WallTime(0) + Span::HOUR;
    let (name, rate) = (catalogue.instrument(perp).unwrap().symbol, Rate::parse("0.0001").unwrap());
    let told = |feed: &mut Feed, now: WallTime, hours: &[i64]| -> (usize, usize) {
        let mut out = Vec::new();
        feed.handle(FeedInput::Timer, now, &mut out);
        let call = |one: &FeedOutput| match one {
            FeedOutput::Call(call, Ask::FundingHistory { symbol, .. }) if *symbol == name => Some(*call),
            _ => None,
        };
        let call = out.iter().find_map(call).expect("it is due");
        let row = |hour: &i64| FundingRow { symbol: name, stamp: WallTime(hour * 3_600_000), rate, mark: None };
        let rows = hours.iter().map(row).collect();
        out.clear();
        feed.handle(FeedInput::Answered { call, result: Ok(Answer::FundingHistory(rows)), body: &[] }, now, &mut out);
        let count = |is: fn(&Event) -> bool| {
            out.iter().filter(|one| matches!(one, FeedOutput::Fact(event) if is(event))).count()
        };
        (count(|event| matches!(event, Event::Past { .. })), count(|event| matches!(event, Event::Settled { .. })))
    };
    assert_eq!(told(&mut feed, start, &[-16, -8, 0]), (3, 0));
    // The next one is news.
    assert_eq!(told(&mut feed, WallTime(8 * 3_600_000 + 5_000), &[8]), (0, 1));
}

#[test]
fn e03_a_symbol_that_is_listed_no_longer_is_named_again_after_an_hour_and_not_each_minute() {
    let mut catalogue = one_pair();
    add(&mut catalogue, "ETHUSDT", "ETH");
    let (btc, eth) = (Symbol::of("BTCUSDT"), Symbol::of("ETHUSDT"));
    let gone = catalogue.pairs()[1].long;
    let row = |symbol: Symbol| {
        let one = catalogue.instruments().iter().find(|one| one.symbol == symbol).unwrap();
        let (base, quote, rules, market) = (one.coin, one.quote, one.rules, Market::Spot);
        let (trading, perpetual, ends, begins, price_band) = (true, false, None, None, None);
        Listing { symbol, market, base, quote, rules, trading, perpetual, ends, begins, price_band }
    };
    let of = |symbols: &[Symbol]| {
        let listings = symbols.iter().map(|symbol| row(*symbol)).collect();
        Ok(Answer::Instruments { listings, limits: Vec::new(), left_out: Vec::new() })
    };
    let unknown = || {
        let text = "Invalid symbol.".to_owned();
        Err(Refused { class: Class::Malformed, status: 400, code: Some(-1121), text, until: None })
    };
    let mut feed = Feed::new(VenueId(0), &catalogue, &BTreeMap::new(), &BTreeMap::new(), false);
    let asked = |feed: &mut Feed, minute: i64| {
        let mut out = Vec::new();
        feed.handle(FeedInput::Timer, WallTime(minute * 60_000), &mut out);
        out.into_iter().find_map(|one| match one {
            FeedOutput::Call(call, Ask::Listed { market: Market::Spot, symbols }) => Some((call, symbols)),
            _ => None,
        })
    };
    let answer = |feed: &mut Feed, call: u64, result: Result<Answer, Refused>| {
        let mut out = Vec::new();
        feed.handle(FeedInput::Answered { call, result, body: &[] }, WallTime(0), &mut out);
        out
    };
    let whole = |feed: &mut Feed, call: u64| match answer(feed, call, unknown()).as_slice() {
        [FeedOutput::Call(whole, Ask::Instruments(Market::Spot))] => *whole,
        other => panic!("{other:?}"),
    };
    let (call, symbols) = asked(&mut feed, 0).unwrap();
    assert_eq!(symbols, [btc, eth]);
    // A list of nothing is no knowledge.
    let empty = whole(&mut feed, call);
    assert_eq!(answer(&mut feed, empty, of(&[])), []);
    let (call, symbols) = asked(&mut feed, 1).unwrap();
    assert_eq!(symbols, [btc, eth]);
    let listed = whole(&mut feed, call);
    let closed = |open| FeedOutput::Fact(Event::Trading { instrument: gone, open });
    assert_eq!(answer(&mut feed, listed, of(&[btc])), [closed(false)]);
    for minute in 2..60 {
        let (call, symbols) = asked(&mut feed, minute).unwrap();
        assert_eq!(symbols, [btc], "the large list is not read each minute (I18)");
        assert_eq!(answer(&mut feed, call, of(&[btc])), []);
    }
    let (call, symbols) = asked(&mut feed, 60).unwrap();
    assert_eq!(symbols, [btc, eth]);
    assert_eq!(answer(&mut feed, call, of(&[btc, eth])), [closed(true)]);
    assert_eq!(asked(&mut feed, 61).unwrap().1, [btc, eth]);
}
