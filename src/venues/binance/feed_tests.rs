//! Tests of the public feed of one venue.

use super::*;
use crate::domain::contract::Contract;
use crate::domain::fees::{BuyFeeIn, Fees};
use crate::domain::funding::{Formula, Weighting};
use crate::domain::instrument::{Instrument, Rules};
use crate::domain::{Amount, Market, Quantity, Rate, Venue};

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
    let instrument = |market| Instrument {
        id: InstrumentId(0),
        venue_id: VenueId(0),
        venue: Venue::new("binance").unwrap(),
        symbol: Symbol::of("BTCUSDT"),
        market,
        coin: Asset::of("BTC"),
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
    let mut catalogue = Catalogue::default();
    catalogue.add_pair(instrument(Market::Spot), instrument(Market::Perp));
    catalogue
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
