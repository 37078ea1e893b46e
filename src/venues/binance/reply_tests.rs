//! Tests of `reply` and of the answers' rows; the bodies are written by hand from the venues' documents.

use super::*;
use crate::domain::{Amount, Asset, ClientOrderId, Interval, Price, Quantity, Rate, Side, WallTime};
use crate::port::TimeInForce;
use crate::port::event::Wallet;
use crate::port::order::RejectCause;
use crate::venues::answer::{OrderStatus, TransferStatus};
use crate::venues::ask::{From, Placement};
use crate::venues::binance::profile::Net;

const ID: ClientOrderId = ClientOrderId { epoch: 1, salt: 0xab, number: 7 };

fn symbol() -> Symbol {
    Symbol::of("ABCUSDT")
}

fn place(market: Market) -> Act {
    let (quantity, limit) = (Quantity::parse("2").unwrap(), Price::parse("25").unwrap());
    let time_in_force = TimeInForce::ImmediateOrCancel;
    let side = Side::Buy;
    Act::Place(Placement {
        market,
        symbol: symbol(),
        id: ID,
        side,
        quantity,
        limit,
        time_in_force,
        reduce_only: false,
        priority: crate::venues::ask::Priority::Normal,
    })
}

fn asked(ask: &Ask, body: &str) -> Answer {
    answer(&Profile::binance(), ask, 200, body.as_bytes()).unwrap()
}

fn aster(ask: &Ask, body: &str) -> Answer {
    answer(&Profile::aster_v3(Net::Main), ask, 200, body.as_bytes()).unwrap()
}

const FULL: &str = r#"{"symbol":"ABCUSDT","orderId":71,"orderListId":-1,"clientOrderId":"c1-000000ab-7","transactTime":1700000000000,"price":"25.00000000","origQty":"2.00000000","executedQty":"1.50000000","cummulativeQuoteQty":"37.5","status":"EXPIRED","timeInForce":"IOC","type":"LIMIT","side":"BUY","fills":[{"price":"25.00000000","qty":"1.50000000","commission":"0.00150000","commissionAsset":"ABC","tradeId":9001}]}"#;

#[test]
fn a_placement_is_answered_with_its_executions() {
    let Answer::Order(row) = outcome(&Profile::binance(), &place(Market::Spot), 200, FULL.as_bytes()).unwrap() else {
        panic!()
    };
    assert_eq!((row.status, row.filled), (OrderStatus::Expired, Quantity::parse("1.5").unwrap()));
    assert_eq!((row.fills.len(), row.fills[0].fee), (1, Amount::parse("0.0015").ok()));
    assert_eq!((row.fills[0].side, row.at), (Some(Side::Buy), Some(WallTime(1_700_000_000_000))));
}

/// What cannot be read proves nothing, in whatever way it is wrong.
#[test]
fn a07_d02_d06_an_answer_that_cannot_be_read_leaves_a_write_unknown() {
    let check = |status: u16, body: &[u8]| {
        let refused = outcome(&Profile::binance(), &place(Market::Spot), status, body).unwrap_err();
        assert_eq!(refused.class, Class::Unknown, "{status} {}", refused.text);
        let ask = Ask::Order { market: Market::Spot, symbol: symbol(), id: ID.to_string() };
        assert_eq!(answer(&Profile::binance(), &ask, status, body).unwrap_err().class, Class::Later);
    };
    check(200, b"<html>OK</html>");
    check(200, b"");
    check(200, &FULL.as_bytes()[..200]);
    check(200, &[0xff, 0xfe]);
    check(200, b"{}");
    check(200, b"[]");
    check(200, FULL.replace("EXPIRED", "LOST").as_bytes());
    check(200, FULL.replace("c1-000000ab-7", "c1-000000ab-8").as_bytes());
    check(200, FULL.replace("ABCUSDT", "ABDUSDT").as_bytes());
    check(200, FULL.replace("\"orderId\":71", "\"orderId\":71,\"orderId\":72").as_bytes());
    check(200, FULL.replace("1.50000000", "NaN").as_bytes());
    check(200, &vec![b' '; MAX_BODY + 1]);
    check(502, FULL.as_bytes());
    check(302, FULL.as_bytes());
    let refused = outcome(
        &Profile::binance(),
        &place(Market::Spot),
        200,
        br#"{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#,
    );
    assert_eq!(refused.unwrap_err().class, Class::Proof(RejectCause::Balance));
}

#[test]
fn other_acts_end_in_their_answers() {
    let binance = Profile::binance();
    let end = |act: &Act, status: u16, body: &str| outcome(&binance, act, status, body.as_bytes());
    let cancel = Act::Cancel { market: Market::Spot, symbol: symbol(), id: ID };
    let body = FULL.replace(
        "\"clientOrderId\":\"c1-000000ab-7\"",
        "\"origClientOrderId\":\"c1-000000ab-7\",\"clientOrderId\":\"x9\"",
    );
    let Ok(Answer::Order(row)) = end(&cancel, 200, &body.replace("EXPIRED", "CANCELED")) else { panic!() };
    assert_eq!((row.client_id.as_str(), row.status), ("c1-000000ab-7", OrderStatus::Cancelled));
    let gone = end(&cancel, 400, r#"{"code":-2011,"msg":"Unknown order sent."}"#).unwrap_err();
    assert_eq!(gone.class, Class::NotFound);
    let leverage = Act::SetLeverage { symbol: symbol(), leverage: 3 };
    assert_eq!(end(&leverage, 200, r#"{"leverage":3,"symbol":"ABCUSDT"}"#), Ok(Answer::Done));
    assert_eq!(end(&leverage, 200, "ok").unwrap_err().class, Class::Unknown);
    let hedge = Act::SetPositionMode { hedge: false };
    assert_eq!(end(&hedge, 400, r#"{"code":-4059,"msg":"No need to change position side."}"#), Ok(Answer::Done));
    let all = |market| Act::CancelAll { market, symbol: symbol() };
    assert_eq!(end(&all(Market::Perp), 200, r#"{"code":200,"msg":"done"}"#), Ok(Answer::Done));
    let Ok(Answer::Orders(rows)) = end(&all(Market::Spot), 200, &format!(r#"[{FULL},{{"orderListId":5}}]"#)) else {
        panic!()
    };
    assert_eq!(rows.len(), 1, "a list of orders is left out");
    let (from, asset, amount) = (Wallet::Spot, Asset::of("USDT"), Amount::whole(5));
    let transfer = Act::Transfer { from, asset, amount, id: ID };
    assert_eq!(end(&transfer, 200, r#"{"tranId":13526853623}"#), Ok(Answer::Transferred("13526853623".into())));
    assert_eq!(end(&transfer, 200, "{}").unwrap_err().class, Class::Unknown);
}

#[test]
fn balances_and_positions() {
    let spot = r#"{"canTrade":true,"balances":[{"asset":"ABC","free":"1.0","locked":"0.5"},{"asset":"A NAME","free":"0","locked":"0"}]}"#;
    let Answer::Balances(Wallet::Spot, rows) = asked(&Ask::Balances(Wallet::Spot), spot) else { panic!() };
    assert_eq!(rows.len(), 1, "a name that cannot be held does not matter where nothing is");
    assert_eq!((rows[0].total, rows[0].free), (Amount::parse("1.5").unwrap(), Amount::whole(1)));
    let odd = spot.replace(r#""free":"0","locked":"0""#, r#""free":"1","locked":"0""#);
    assert!(answer(&Profile::binance(), &Ask::Balances(Wallet::Spot), 200, odd.as_bytes()).is_err());
    // An account without the list is not an empty one (fault C07).
    assert!(answer(&Profile::binance(), &Ask::Balances(Wallet::Spot), 200, b"{}").is_err());
    let perp = r#"[{"asset":"USDT","balance":"100","crossWalletBalance":"99","availableBalance":"40","updateTime":0}]"#;
    let Answer::Balances(_, rows) = asked(&Ask::Balances(Wallet::Perp), perp) else { panic!() };
    assert_eq!((rows[0].total, rows[0].free), (Amount::whole(100), Amount::whole(40)));
    let rows = r#"[{"symbol":"ABCUSDT","positionSide":"BOTH","positionAmt":"-3","entryPrice":"2.2991948051948","markPrice":"2.3","liquidationPrice":"0","adl":2,"updateTime":1700000000000},{"entryPrice":"0.0","marginType":"isolated","leverage":"10","liquidationPrice":"0","markPrice":"1.5","positionAmt":"0.000","symbol":"XYZUSDT","positionSide":"LONG","updateTime":0}]"#;
    let Answer::Positions(found) = asked(&Ask::Positions, rows) else { panic!() };
    assert_eq!((found[0].coins.side(), found[0].adl, found[0].hedge_side), (Side::Sell, Some(2), false));
    assert_eq!((found[0].entry, found[0].liquidation), (Price::parse("2.29919481").ok(), None));
    assert_eq!((found[1].entry, found[1].at, found[1].hedge_side), (None, None, true));
    let xyz = Ask::SymbolConfig { symbol: Symbol::of("XYZUSDT") };
    let Answer::SymbolConfig(modes) = aster(&xyz, rows) else { panic!() };
    assert_eq!((modes.leverage, modes.isolated), (Some(10), Some(true)));
}

#[test]
fn fees_signs_and_sides_of_executions() {
    let fills = |market| Ask::Fills { market, symbol: symbol(), from: From::Latest, limit: 10 };
    let perp = r#"[{"buyer":false,"commission":"-0.078","commissionAsset":"USDT","id":6987,"maker":false,"orderId":25,"price":"7819.01","qty":"0.002","side":"SELL","symbol":"ABCUSDT","time":1700000000000}]"#;
    let fee = |answer: Answer| match answer {
        Answer::Fills(rows) => (rows[0].fee, rows[0].side),
        other => panic!("{other:?}"),
    };
    assert_eq!(fee(asked(&fills(Market::Perp), perp)), (Amount::parse("-0.078").ok(), Some(Side::Sell)));
    assert_eq!(fee(aster(&fills(Market::Perp), perp)), (Amount::parse("0.078").ok(), Some(Side::Sell)));
    let spot = r#"[{"symbol":"ABCUSDT","id":28,"orderId":10,"price":"4.1","qty":"12","commission":"10.1","commissionAsset":"BNB","time":1700000000000,"isBuyer":true,"isMaker":false}]"#;
    assert_eq!(fee(asked(&fills(Market::Spot), spot)), (Amount::parse("10.1").ok(), Some(Side::Buy)));
    let other = spot.replace("ABCUSDT", "XYZUSDT");
    assert!(answer(&Profile::binance(), &fills(Market::Spot), 200, other.as_bytes()).is_err());
}

#[test]
fn e06_funding_terms_of_both_spellings() {
    let binance = r#"[{"symbol":"ABCUSDT","adjustedFundingRateCap":"0.02","adjustedFundingRateFloor":"-0.02","fundingIntervalHours":4,"disclaimer":false}]"#;
    let Answer::FundingInfo(rows) = asked(&Ask::FundingInfo, binance) else { panic!() };
    assert_eq!((rows[0].interval, rows[0].cap, rows[0].interest), (Interval::H4, Rate::parse("0.02").ok(), None));
    let other = r#"[{"symbol":"ABCUSDT","interestRate":"0.00005","time":1,"fundingIntervalHours":8,"fundingFeeCap":0.03,"fundingFeeFloor":-0.03}]"#;
    let Answer::FundingInfo(rows) = aster(&Ask::FundingInfo, other) else { panic!() };
    assert_eq!((rows[0].floor, rows[0].interest), (Rate::parse("-0.03").ok(), Rate::parse("0.00005").ok()));
    let odd = binance.replace("Hours\":4", "Hours\":5");
    let (rows, left_out) = asked(&Ask::FundingInfo, &odd).parted();
    assert_eq!(
        (rows, left_out.len()),
        (Answer::FundingInfo(Vec::new()), 1),
        "an interval that is none is never guessed"
    );
    let premium = r#"{"symbol":"ABCUSDT","markPrice":"11793.6","indexPrice":"11781.8","lastFundingRate":"","interestRate":"0.0001","nextFundingTime":0,"time":1700000000000}"#;
    let Answer::Premium(rows) = asked(&Ask::Premium { symbol: Some(symbol()) }, premium) else { panic!() };
    assert_eq!((rows[0].rate, rows[0].next_funding), (None, None));
}

#[test]
fn instruments_with_filters_and_the_odd_ones_left_out() {
    let filters = r#"[{"filterType":"PRICE_FILTER","tickSize":"0.10"},{"filterType":"LOT_SIZE","minQty":"0.001","maxQty":"1000","stepSize":"0.001"},{"filterType":"MIN_NOTIONAL","notional":"5"},{"filterType":"PERCENT_PRICE","multiplierUp":"1.05","multiplierDown":"0.95"}]"#;
    let one = |name: &str, kind: &str, day: i64, filters: &str| {
        format!(
            r#"{{"symbol":"{name}","status":"TRADING","baseAsset":"ABC","quoteAsset":"USDT","contractType":"PERPETUAL","underlyingType":"{kind}","deliveryDate":{day},"filters":{filters}}}"#
        )
    };
    let symbols = [
        one("ABCUSDT", "COIN", 4_133_404_800_000, filters),
        one("GOOGUSDT", "EQUITY", 1_800_000_000_000, filters),
        one("ODDUSDT", "COIN", 4_133_404_800_000, "[]"),
    ];
    let limits = r#"[{"rateLimitType":"ORDERS","interval":"SECOND","intervalNum":10,"limit":300}]"#;
    let body = format!(r#"{{"rateLimits":{limits},"symbols":[{}]}}"#, symbols.join(","));
    let Answer::Instruments { listings, limits, left_out } = asked(&Ask::Instruments(Market::Perp), &body) else {
        panic!()
    };
    assert_eq!((listings.len(), limits[0].seconds, limits[0].limit), (2, 10, 300));
    assert!(listings[0].perpetual && listings[0].trading && !listings[1].perpetual);
    assert_eq!((listings[0].ends, listings[1].ends), (None, Some(WallTime(1_800_000_000_000))));
    assert_eq!(listings[0].rules.min_notional, Amount::whole(5));
    assert_eq!(listings[0].price_band, Rate::parse("1.05").ok().zip(Rate::parse("0.95").ok()));
    assert_eq!(left_out, [(Symbol::of("ODDUSDT"), "field `PRICE_FILTER` is not a filter of the symbol".to_owned())]);
}

#[test]
fn c10_income_transfers_and_rights() {
    let income = Ask::Income { kind: None, start: WallTime(1), end: None, page: 1, limit: 10 };
    let body = r#"[{"symbol":"","incomeType":"TRANSFER","income":"-0.375","asset":"USDT","time":1700000000000,"tranId":"9689322392","tradeId":""},{"symbol":"ABCUSDT","incomeType":"COMMISSION","income":"-0.01","asset":"USDT","time":1700000000000,"tranId":9689322392,"tradeId":"2059192"}]"#;
    let Answer::Income(rows) = asked(&income, body) else { panic!() };
    assert_eq!((rows[0].id.clone(), rows[0].symbol), (rows[1].id.clone(), None));
    assert_eq!(rows[1].fill, Some(crate::domain::FillId(2_059_192)));
    let transfers = Ask::Transfers { from: Wallet::Spot, start: WallTime(1) };
    assert_eq!(asked(&transfers, r#"{"total":0}"#), Answer::Transfers(Vec::new()));
    let body = r#"{"total":1,"rows":[{"asset":"USDT","amount":"1","type":"MAIN_UMFUTURE","status":"CONFIRMED","tranId":1,"timestamp":1700000000000}]}"#;
    let Answer::Transfers(rows) = asked(&transfers, body) else { panic!() };
    assert_eq!(rows[0].status, TransferStatus::Done);
    let body = r#"[{"symbol":"","incomeType":"TRANSFER","income":"-0.375","asset":"USDT","time":1700000000000,"tranId":"7"},{"symbol":"","incomeType":"TRANSFER","income":"2","asset":"USDT","time":1700000000000,"tranId":"8"}]"#;
    for (from, id, amount) in [(Wallet::Perp, "7", "0.375"), (Wallet::Spot, "8", "2")] {
        let ask = Ask::Transfers { from, start: WallTime(1) };
        let Ok(Answer::Transfers(rows)) = answer(&Profile::aster_v1(), &ask, 200, body.as_bytes()) else { panic!() };
        assert_eq!((rows.len(), rows[0].id.as_str(), rows[0].amount.to_string().as_str()), (1, id, amount));
    }
    let rights = r#"{"ipRestrict":false,"enableReading":true,"enableWithdrawals":false,"enableFutures":true}"#;
    let Answer::KeyRights(found) = asked(&Ask::KeyRights, rights) else { panic!() };
    assert_eq!((found.withdrawals, found.ip_bound, found.spot), (Some(false), Some(false), None));
    assert!(answer(&Profile::binance(), &Ask::KeyRights, 200, b"{}").is_err(), "a right that is not said is not given");
    let agents = r#"[{"canSpotTrade":true,"canPerpTrade":true,"canWithdraw":false,"ipWhitelist":""},{"canSpotTrade":true,"canWithdraw":true}]"#;
    let Answer::KeyRights(found) = aster(&Ask::KeyRights, agents) else { panic!() };
    assert_eq!((found.withdrawals, found.perps, found.spot), (Some(true), None, Some(true)));
    assert_eq!(found.reading, Some(true), "an agent that is answered reads");
}

#[test]
fn modes_fees_and_the_rest() {
    let spot = Ask::Commission { market: Market::Spot, symbol: symbol() };
    let body = r#"{"symbol":"ABCUSDT","standardCommission":{"maker":"0.001","taker":"0.002","buyer":"0","seller":"0"},"taxCommission":{"maker":"0.0001","taker":"0.0001","buyer":"0.0003","seller":"0"},"discount":{"enabledForAccount":true,"enabledForSymbol":true,"discountAsset":"BNB","discount":"0.75"}}"#;
    let Answer::Commission { fees, own_coin } = asked(&spot, body) else { panic!() };
    assert_eq!((Ok(fees.maker), Ok(fees.taker)), (Rate::parse("0.0014"), Rate::parse("0.0024")));
    assert_eq!(own_coin, Some(true));
    let Answer::AccountConfig(modes) = aster(&Ask::MultiAssets, r#"{"multiAssetsMargin":true}"#) else { panic!() };
    assert_eq!((modes.multi_assets, modes.hedge), (Some(true), None));
    let status = r#"{"indicators":{"ABCUSDT":[{"isLocked":true,"plannedRecoverTime":1700000000000,"value":0.05}],"XYZUSDT":[{"isLocked":false}]},"updateTime":1}"#;
    let until = Some(WallTime(1_700_000_000_000));
    assert_eq!(asked(&Ask::TradingStatus, status), Answer::TradingStatus { locked: true, until });
    let ranks = r#"[{"symbol":"ABCUSDT","adlQuantile":{"LONG":1,"SHORT":2,"BOTH":0}},{"symbol":"XYZUSDT","adlQuantile":{"LONG":3,"SHORT":2,"HEDGE":0}}]"#;
    assert_eq!(asked(&Ask::AdlRank, ranks), Answer::AdlRanks(vec![(symbol(), 0), (Symbol::of("XYZUSDT"), 3)]));
    let brackets = r#"{"symbol":"ABCUSDT","brackets":[{"notionalFloor":5000,"maintMarginRatio":0.0065},{"notionalFloor":0,"maintMarginRatio":0.005}]}"#;
    let Answer::Brackets(rows) = asked(&Ask::Brackets { symbol: symbol() }, brackets) else { panic!() };
    assert_eq!((rows[0].1[0].floor, rows[0].1.len()), (Amount::ZERO, 2));
    let key = |act| Ask::ListenKey { market: Market::Perp, act };
    assert_eq!(asked(&key(ListenKeyAct::Open), r#"{"listenKey":"k1"}"#), Answer::ListenKey(Some("k1".into())));
    assert_eq!(asked(&key(ListenKeyAct::Keep("k1".into())), "{}"), Answer::ListenKey(None));
    for bad in ["{}", r#"{"listenKey":"../x?a"}"#] {
        assert!(answer(&Profile::binance(), &key(ListenKeyAct::Open), 200, bad.as_bytes()).is_err());
    }
    let depth = Ask::Depth { market: Market::Spot, symbol: symbol(), levels: 5 };
    assert_eq!(asked(&depth, r#"{"lastUpdateId":1,"bids":[["1","1"]],"asks":[]}"#), Answer::Depth);
    assert!(answer(&Profile::binance(), &depth, 200, b"{}").is_err());
}

#[test]
fn l30_one_odd_row_or_a_new_limit_does_not_hide_the_others_and_is_named() {
    let good = r#"{"symbol":"ABCUSDT","fundingIntervalHours":8}"#;
    let odd = r#"{"symbol":"XYZUSDT","fundingIntervalHours":5}"#;
    let (list, left_out) = asked(&Ask::FundingInfo, &format!("[{good},{odd}]")).parted();
    assert!(matches!(&list, Answer::FundingInfo(rows) if rows.len() == 1), "{list:?}");
    assert_eq!(left_out.len(), 1);
    assert_eq!(left_out[0].0, Symbol::of("XYZUSDT"));
    // All of it readable is the plain list.
    assert!(matches!(asked(&Ask::FundingInfo, &format!("[{good}]")), Answer::FundingInfo(_)));
    let limits = r#"[{"rateLimitType":"ORDERS","interval":"FORTNIGHT","intervalNum":1,"limit":5},{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400}]"#;
    let body = format!(r#"{{"rateLimits":{limits},"symbols":[]}}"#);
    let Answer::Instruments { limits, left_out, .. } = asked(&Ask::Instruments(Market::Perp), &body) else { panic!() };
    assert_eq!((limits.len(), limits[0].limit, left_out.len()), (1, 2400, 1));
    // An order in a state that nobody knows is named; whether it is ours is for the account to judge.
    let order = |symbol: &str, status: &str| {
        format!(
            r#"{{"symbol":"{symbol}","orderId":1,"clientOrderId":"a","side":"BUY","status":"{status}","origQty":"1","executedQty":"0","price":"5"}}"#
        )
    };
    let open = Ask::OpenOrders { market: Market::Spot, symbol: None };
    let body = format!("[{},{}]", order("ABCUSDT", "NEW"), order("XYZUSDT", "DREAMING"));
    let (list, left_out) = asked(&open, &body).parted();
    assert!(matches!(&list, Answer::Orders(rows) if rows.len() == 1), "{list:?}");
    assert_eq!(left_out[0].0, Symbol::of("XYZUSDT"));
}
