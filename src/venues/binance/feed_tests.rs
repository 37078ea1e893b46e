//! Tests of the public feed of one venue.

use super::*;

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
