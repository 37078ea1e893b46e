//! Tests of `encode`: paths and parameters by venue, written from the venues' documents.

use super::*;
use crate::domain::{Amount, Asset, ClientOrderId, Price, Quantity, Span};
use crate::venues::binance::profile::Net;

const ID: ClientOrderId = ClientOrderId { epoch: 1, salt: 0xab, number: 7 };

fn symbol() -> Symbol {
    Symbol::of("BTCUSDT")
}

fn order(market: Market, time_in_force: TimeInForce, reduce_only: bool) -> Act {
    Act::Place(Placement {
        market,
        symbol: symbol(),
        id: ID,
        side: if reduce_only { Side::Buy } else { Side::Sell },
        quantity: Quantity::parse("0.00100000").unwrap(),
        limit: Price::parse("61685.90").unwrap(),
        time_in_force,
        reduce_only,
        priority: if reduce_only { Priority::Safety } else { Priority::Normal },
    })
}

fn asked(profile: &Profile, ask: &Ask, expected: &str) -> Request {
    let request = read(profile, ask).unwrap();
    assert_eq!(format!("{}?{}", request.path, request.query), expected);
    request
}

fn acted(profile: &Profile, act: &Act, expected: &str) -> Request {
    let request = write(profile, act).unwrap().request().clone();
    assert_eq!(format!("{:?} {}?{}", request.method, request.path, request.query), expected);
    request
}

#[test]
fn orders_by_venue_and_market() {
    use Market::{Perp, Spot};
    use TimeInForce::{ImmediateOrCancel as Ioc, PostOnly};
    let (binance, aster) = (Profile::binance(), Profile::aster_v3(Net::Main));
    let check = |profile: &Profile, act: &Act, expected: &str| {
        let request = acted(profile, act, expected);
        assert!(request.is_order && request.security == Security::Signed);
        request
    };
    let full = "Post /api/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.001&price=61685.9&newClientOrderId=c1-000000ab-7&newOrderRespType=FULL";
    let request = check(&binance, &order(Spot, Ioc, false), full);
    assert_eq!((request.host, request.priority), (Host::Spot, Priority::Normal));
    let maker = "Post /api/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT_MAKER&quantity=0.001&price=61685.9&newClientOrderId=c1-000000ab-7&newOrderRespType=FULL";
    check(&binance, &order(Spot, PostOnly, false), maker);
    let reduce = "Post /fapi/v1/order?symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTX&quantity=0.001&price=61685.9&reduceOnly=true&newClientOrderId=c1-000000ab-7&newOrderRespType=RESULT";
    let request = check(&binance, &order(Perp, PostOnly, true), reduce);
    assert_eq!((request.host, request.priority, request.weight), (Host::Perp, Priority::Safety, 0));
    let gtx = "Post /api/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTX&quantity=0.001&price=61685.9&newClientOrderId=c1-000000ab-7";
    check(&aster, &order(Spot, PostOnly, false), gtx);
    let v3 = "Post /fapi/v3/order?symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=IOC&quantity=0.001&price=61685.9&newClientOrderId=c1-000000ab-7&newOrderRespType=RESULT";
    assert_eq!(check(&aster, &order(Perp, Ioc, false), v3).weight, 1);
}

#[test]
fn other_acts() {
    let (binance, aster) = (Profile::binance(), Profile::aster_v3(Net::Main));
    let cancel = |market| Act::Cancel { market, symbol: symbol(), id: ID };
    let request =
        acted(&binance, &cancel(Market::Spot), "Delete /api/v3/order?symbol=BTCUSDT&origClientOrderId=c1-000000ab-7");
    assert_eq!((request.priority, request.is_order), (Priority::Safety, false));
    let all = |market| Act::CancelAll { market, symbol: symbol() };
    acted(&binance, &all(Market::Spot), "Delete /api/v3/openOrders?symbol=BTCUSDT");
    acted(&aster, &all(Market::Spot), "Delete /api/v3/allOpenOrders?symbol=BTCUSDT");
    acted(&binance, &all(Market::Perp), "Delete /fapi/v1/allOpenOrders?symbol=BTCUSDT");
    let countdown = Act::Countdown { symbol: symbol(), after: Span::seconds(120) };
    acted(&binance, &countdown, "Post /fapi/v1/countdownCancelAll?symbol=BTCUSDT&countdownTime=120000");
    let (asset, amount) = (Asset::of("USDT"), Amount::parse("10.50").unwrap());
    let transfer = |from| Act::Transfer { from, asset, amount, id: ID };
    let out = transfer(Wallet::Spot);
    let request = acted(&binance, &out, "Post /sapi/v1/asset/transfer?type=MAIN_UMFUTURE&asset=USDT&amount=10.5");
    assert_eq!((request.host, request.weight), (Host::Wallet, 300));
    let back =
        "Post /fapi/v3/asset/wallet/transfer?amount=10.5&asset=USDT&clientTranId=c1-000000ab-7&kindType=FUTURE_SPOT";
    acted(&aster, &transfer(Wallet::Perp), back);
    let leverage = Act::SetLeverage { symbol: symbol(), leverage: 3 };
    acted(&binance, &leverage, "Post /fapi/v1/leverage?symbol=BTCUSDT&leverage=3");
    let mode = Act::SetMarginMode { symbol: symbol(), mode: MarginMode::Cross };
    acted(&aster, &mode, "Post /fapi/v3/marginType?symbol=BTCUSDT&marginType=CROSSED");
    let one_way = Act::SetPositionMode { hedge: false };
    acted(&binance, &one_way, "Post /fapi/v1/positionSide/dual?dualSidePosition=false");
    acted(&binance, &Act::SetMultiAssets { on: true }, "Post /fapi/v1/multiAssetsMargin?multiAssetsMargin=true");
    acted(&aster, &Act::Noop { nonce: 5 }, "Post /fapi/v3/noop?nonce=5");
    let refused = write(&binance, &Act::Noop { nonce: 5 }).unwrap_err();
    assert_eq!(refused.to_string(), "binance has no way to void a request");
}

#[test]
fn questions_and_their_weights() {
    let (binance, aster, old) = (Profile::binance(), Profile::aster_v3(Net::Main), Profile::aster_v1());
    let depth = |market, levels| Ask::Depth { market, symbol: symbol(), levels };
    let check = |ask: &Ask, expected: &str, weight: u32| assert_eq!(asked(&binance, ask, expected).weight, weight);
    check(&depth(Market::Spot, 1000), "/api/v3/depth?symbol=BTCUSDT&limit=1000", 50);
    check(&depth(Market::Spot, 9999), "/api/v3/depth?symbol=BTCUSDT&limit=5000", 250);
    check(&depth(Market::Perp, 400), "/fapi/v1/depth?symbol=BTCUSDT&limit=500", 10);
    check(&depth(Market::Perp, 5000), "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", 20);
    let premium = Ask::Premium { symbol: None };
    check(&premium, "/fapi/v1/premiumIndex?", 10);
    assert_eq!(asked(&aster, &premium, "/fapi/v3/premiumIndex?").weight, 1);
    let fills = |market, from| Ask::Fills { market, symbol: symbol(), from, limit: 5000 };
    check(&fills(Market::Spot, From::Id(5)), "/api/v3/myTrades?symbol=BTCUSDT&fromId=5&limit=1000", 20);
    let window = From::Window { start: WallTime(1), end: WallTime(2) };
    let expected = "/fapi/v1/userTrades?symbol=BTCUSDT&startTime=1&endTime=2&limit=1000";
    check(&fills(Market::Perp, window), expected, 5);
    asked(&aster, &fills(Market::Spot, From::Latest), "/api/v3/userTrades?symbol=BTCUSDT&limit=1000");
    let order = Ask::Order { market: Market::Spot, symbol: symbol(), id: "web/a".into() };
    let request = asked(&binance, &order, "/api/v3/order?symbol=BTCUSDT&origClientOrderId=web%2Fa");
    assert_eq!(request.priority, Priority::Safety);
    asked(&old, &Ask::Positions, "/fapi/v2/positionRisk?");
    asked(&old, &Ask::Balances(Wallet::Spot), "/api/v1/account?");
    asked(&aster, &Ask::SymbolConfig { symbol: symbol() }, "/fapi/v3/positionRisk?symbol=BTCUSDT");
    asked(&aster, &Ask::AccountConfig, "/fapi/v3/positionSide/dual?");
    asked(&aster, &Ask::KeyRights, "/fapi/v3/agent?");
    let moved = Ask::Transfers { from: Wallet::Spot, start: WallTime(7) };
    check(&moved, "/sapi/v1/asset/transfer?type=MAIN_UMFUTURE&startTime=7&size=100", 1);
    asked(&aster, &moved, "/fapi/v3/income?incomeType=TRANSFER&startTime=7&limit=1000");
    let candles =
        |kind| Ask::Candles { kind, symbol: symbol(), step: "8h", start: WallTime(1), end: WallTime(2), limit: 2000 };
    let index = "/fapi/v1/indexPriceKlines?pair=BTCUSDT&interval=8h&limit=1500&startTime=1&endTime=2";
    let request = asked(&binance, &candles(Candles::Index), index);
    assert_eq!((request.weight, request.priority, request.security), (10, Priority::Background, Security::Public));
    for ask in [candles(Candles::Premium), Ask::OpenInterest { symbol: symbol() }, Ask::TradingStatus] {
        assert!(read(&binance, &ask).is_ok() && read(&aster, &ask).is_err(), "{ask:?}");
    }
    assert!(read(&old, &Ask::KeyRights).is_err());
}

#[test]
fn listen_keys_by_venue() {
    let (binance, aster, old) = (Profile::binance(), Profile::aster_v3(Net::Main), Profile::aster_v1());
    let key = |market, act| Ask::ListenKey { market, act };
    let open = key(Market::Perp, ListenKeyAct::Open);
    let request = asked(&binance, &open, "/fapi/v1/listenKey?");
    assert_eq!((request.method, request.security), (Method::Post, Security::Key));
    assert_eq!(asked(&aster, &open, "/fapi/v3/listenKey?").security, Security::Signed);
    let keep = |market| key(market, ListenKeyAct::Keep("k1".into()));
    assert_eq!(asked(&binance, &keep(Market::Perp), "/fapi/v1/listenKey?").method, Method::Put);
    asked(&aster, &keep(Market::Spot), "/api/v3/listenKey?listenKey=k1");
    assert_eq!(asked(&old, &keep(Market::Spot), "/api/v1/listenKey?listenKey=k1").security, Security::Key);
    let gone = read(&binance, &key(Market::Spot, ListenKeyAct::Open)).unwrap_err();
    assert_eq!(gone.what, "listen key on spot");
}

#[test]
fn l33_instruments_are_asked_for_by_symbol_where_the_venue_takes_that() {
    let symbols = vec![Symbol::of("BTCUSDT"), Symbol::of("ETHUSDT")];
    let query = |profile: &Profile, market| {
        let ask = Ask::Listed { market, symbols: symbols.clone() };
        read(profile, &ask).unwrap().query
    };
    let listed = "symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D&showPermissionSets=false";
    assert_eq!(query(&Profile::binance(), Market::Spot), listed);
    assert_eq!(query(&Profile::binance(), Market::Perp), "");
    assert_eq!(query(&Profile::aster_v1(), Market::Spot), "", "not documented there");
    assert_eq!(read(&Profile::binance(), &Ask::Instruments(Market::Spot)).unwrap().query, "showPermissionSets=false");
}

#[test]
fn l06_executions_of_one_order_are_asked_for_by_its_number() {
    let symbol = Symbol::of("BTCUSDT");
    let fills = |market, from| read(&Profile::binance(), &Ask::Fills { market, symbol, from, limit: 1000 }).unwrap();
    let request = fills(Market::Spot, From::Order(42));
    assert_eq!((request.query.as_str(), request.weight), ("symbol=BTCUSDT&orderId=42&limit=1000", 5));
    assert_eq!(request.priority, Priority::Safety);
    assert_eq!(fills(Market::Perp, From::Order(42)).query, "symbol=BTCUSDT&orderId=42&limit=1000");
    assert_eq!(fills(Market::Spot, From::Id(7)).weight, 20);
}
