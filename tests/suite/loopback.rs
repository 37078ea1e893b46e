//! The loopback venue against the rules of the documents: keys, filters, orders, streams, funding, limits, books, faults.
//!
//! Each test serves a venue in this process on a clock that only the test moves, and talks to it with a raw client that
//! signs by itself.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test stop at the first surprise")]

#[path = "loopback/client.rs"]
mod client;
#[path = "loopback/faults.rs"]
mod faults;
#[path = "loopback/fees.rs"]
mod fees;
#[path = "loopback/streams.rs"]
mod streams;

use carry::domain::Amount;
use carry::loopback::{Profile, keys};
use client::{Bench, amount, options, sign};
use serde_json::Value;

const ORDER: &str = "/api/v3/order";
const PERP: &str = "/fapi/v1/order";

#[tokio::test]
async fn h03_h05_h06_each_key_may_what_it_may() {
    let mut bench = Bench::new("calm = true").await;
    let mut check = async |key: (&str, &str), path: &str, expected: i64| {
        bench.key = (key.0.to_owned(), key.1.to_owned());
        let (_, value) = bench.try_signed("GET", path, "").await.unwrap();
        assert_eq!(value["code"].as_i64().unwrap_or(0), expected, "{path}: {value}");
    };
    check(keys::TRADER, "/api/v3/account", 0).await;
    check(keys::FOREIGN, "/api/v3/account", -2015).await;
    check(("short", "x"), "/api/v3/account", -2014).await;
    check((keys::TRADER.0, "wrong"), "/fapi/v3/account", -1022).await;
    bench.key = (keys::WITHDRAWER.0.to_owned(), keys::WITHDRAWER.1.to_owned());
    let rights = bench.signed("GET", "/sapi/v1/account/apiRestrictions", "").await;
    assert_eq!((&rights["enableWithdrawals"], &rights["ipRestrict"]), (&Value::Bool(true), &Value::Bool(false)));
    bench.key = (keys::READER.0.to_owned(), keys::READER.1.to_owned());
    assert_eq!(bench.refused("POST", ORDER, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").await, -2015);
    bench.key = (keys::SPOT_ONLY.0.to_owned(), keys::SPOT_ONLY.1.to_owned());
    assert_eq!(bench.refused("POST", PERP, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").await, -2015);
}

#[tokio::test]
async fn d13_stamps_outside_the_window_are_refused_before_the_signature_is_looked_at() {
    let bench = Bench::new("calm = true").await;
    let now = bench.now().await;
    let check = async |stamp: i64, expected: i64| {
        let payload = format!("timestamp={stamp}&recvWindow=2000");
        let target = format!("/api/v3/account?{payload}&signature={}", sign(&bench.key.1, &payload));
        let (_, text, headers) = bench.raw("GET", &target, "").await.unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["code"].as_i64().unwrap_or(0), expected, "{text}");
        assert!(headers.contains_key("x-mbx-used-weight-1m"));
    };
    check(now, 0).await;
    check(now - 2_000, 0).await;
    check(now - 2_001, -1021).await;
    check(now + 999, 0).await;
    check(now + 1_000, -1021).await;
}

#[tokio::test]
async fn a19_a20_filters_refuse_what_is_off_the_grid_or_too_small() {
    let bench = Bench::new("calm = true").await;
    let check = async |path: &str, query: &str, expected: i64| {
        assert_eq!(bench.refused("POST", path, &format!("{query}&side=BUY")).await, expected, "{query}");
    };
    check(ORDER, "symbol=NOPE&type=MARKET&quantity=1", -1121).await;
    check(ORDER, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.01&price=90000.001", -1013).await;
    check(ORDER, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.010001&price=90000", -1013).await;
    check(ORDER, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.00001&price=90000", -1013).await;
    check(ORDER, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.1&price=900000", -1013).await;
    check(ORDER, "symbol=BTCUSDT&type=LIMIT&quantity=0.01&price=90000", -1102).await;
    check(ORDER, "symbol=BTCUSDT&type=MARKET&quantity=0.01&nonsense=1", -1104).await;
    check(ORDER, "symbol=BTCUSDT&type=MARKET&quantity=90", -2010).await;
    check(PERP, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.01&price=90000.01", -1111).await;
    check(PERP, "symbol=BTCUSDT&type=MARKET&quantity=0.0001", -1111).await;
    check(PERP, "symbol=ETHUSDT&type=LIMIT&timeInForce=GTC&quantity=0.001&price=3200", -4164).await;
    check(PERP, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTC&quantity=0.01&price=900000", -4016).await;
    check(PERP, "symbol=BTCUSDT&type=STOP_MARKET&quantity=0.01", -4120).await;
    check(PERP, "symbol=BTCUSDT&type=MARKET&quantity=0.01", -2019).await;
    check(PERP, "symbol=BTCUSDT&type=MARKET&quantity=0.01&reduceOnly=true", -2022).await;
    check(PERP, "symbol=BTCUSDT&type=LIMIT&timeInForce=GTX&quantity=0.01&price=101000", -5022).await;
    let maker = "symbol=BTCUSDT&side=BUY&type=LIMIT_MAKER&quantity=0.01&newClientOrderId=one";
    assert_eq!(bench.refused("POST", ORDER, &format!("{maker}&price=120000")).await, -2010);
    bench.signed("POST", ORDER, &format!("{maker}&price=90000")).await;
    assert_eq!(bench.refused("POST", ORDER, &format!("{maker}&price=90000")).await, -2010);
    assert_eq!(bench.refused("DELETE", ORDER, "symbol=BTCUSDT&origClientOrderId=two").await, -2011);
    assert_eq!(bench.refused("GET", ORDER, "symbol=BTCUSDT&origClientOrderId=two").await, -2013);
}

#[tokio::test]
async fn d07_weights_are_counted_and_hammering_is_banned() {
    let bench = Bench::new("calm = true").await;
    let mut statuses = Vec::new();
    for _ in 0..75 {
        let (status, _, headers) = bench.raw("GET", "/api/v3/ticker/24hr", "").await.unwrap();
        let used: u32 = headers["x-mbx-used-weight-1m"].to_str().unwrap().parse().unwrap();
        assert!(used > 0);
        if statuses.is_empty() || *statuses.last().unwrap() != status {
            statuses.push(status);
        }
    }
    assert_eq!(statuses, [200]);
    for _ in 0..25 {
        let (status, _, headers) = bench.raw("GET", "/api/v3/ticker/24hr", "").await.unwrap();
        assert!(status != 429 || headers.contains_key("retry-after"));
        if *statuses.last().unwrap() != status {
            statuses.push(status);
        }
    }
    assert_eq!(statuses, [200, 429, 418]);
    bench.pass(180_000);
    assert_eq!(bench.raw("GET", "/api/v3/time", "").await.unwrap().0, 200);
}

/// The money of the account in USDT and BTC, from the venue's own books.
fn money(books: &Value) -> (Amount, Amount) {
    let of = |asset: &str| {
        let spot = &books["spot"][asset]["total"];
        let futures = &books["futures"][asset];
        let add = |value: &Value| if value.is_null() { Amount::ZERO } else { amount(value) };
        add(spot) + add(futures)
    };
    (of("USDT"), of("BTC"))
}

#[tokio::test]
async fn e19_a_short_collects_the_funding_that_settles_and_the_books_add_up() {
    let script = "calm = true\n[[act]]\nact = \"funding\"\nsymbol = \"BTCUSDT\"\nrate = \"0.0008\"\n\
                  [[act]]\nat = \"10h\"\nact = \"rally\"\nsymbol = \"BTCUSDT\"\nby = \"0.6\"\nover = \"4h\"\n";
    let bench = Bench::new(script).await;
    bench.enter("0.4", "55000", "2").await;
    bench.advance("17h").await;
    let income = bench.signed("GET", "/fapi/v1/income", "incomeType=FUNDING_FEE").await;
    let rows: Vec<Amount> = income.as_array().unwrap().iter().map(|row| amount(&row["income"])).collect();
    assert_eq!(rows.len(), 2, "{income}");
    let history = bench.get("/fapi/v1/fundingRate?symbol=BTCUSDT&limit=2").await;
    for (row, paid) in history.as_array().unwrap().iter().zip(&rows) {
        let mark = amount(&row["markPrice"]);
        let expected = Amount::from_units(mark.units() * 4 / 10 * 8 / 10_000).to_ledger_unit();
        assert_eq!((row["fundingRate"].as_str(), *paid), (Some("0.00080000"), expected));
    }
    let risk = bench.signed("GET", "/fapi/v3/positionRisk", "").await;
    assert_eq!(risk[0]["positionAmt"], "-0.4", "not liquidated");
    // Out again, and every unit is explained by fees, funding and realised profit.
    bench.signed("POST", PERP, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.4&reduceOnly=true").await;
    bench.signed("POST", ORDER, "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.3996").await;
    let books = bench.get("/carry/books").await;
    let (mut usdt, mut btc) = (Amount::whole(100_000), Amount::ZERO);
    for order in books["orders"].as_array().unwrap() {
        for one in order["executions"].as_array().unwrap() {
            let (fee, quantity) = (amount(&one["fee"]), amount(&one["quantity"]));
            let value =
                Amount::from_units(amount(&one["price"]).units() / 100_000_000 * (quantity.units() / 100_000_000));
            let sign = |amount: Amount| if order["order"]["side"] == "BUY" { amount } else { -amount };
            if order["market"] == "spot" {
                usdt -= sign(value);
                btc += sign(quantity);
            }
            *(if one["fee_asset"] == "BTC" { &mut btc } else { &mut usdt }) -= fee;
            usdt += amount(&one["realised"]);
        }
    }
    usdt += rows.into_iter().sum();
    assert_eq!(money(&books), (usdt, btc));
    let sum: Amount = books["income"].as_array().unwrap().iter().map(|row| amount(&row["amount"])).sum();
    assert_eq!(sum, amount(&books["futures"]["USDT"]));
}

#[tokio::test]
async fn e13_c13_a_short_without_reserve_is_liquidated_by_the_rally() {
    let script =
        "calm = true\n[[act]]\nat = \"1h\"\nact = \"rally\"\nsymbol = \"BTCUSDT\"\nby = \"0.6\"\nover = \"6h\"\n";
    let bench = Bench::new(script).await;
    bench.enter("0.4", "21000", "2").await;
    let risk = bench.signed("GET", "/fapi/v3/positionRisk", "").await;
    let (mark, limit) = (amount(&risk[0]["markPrice"]), amount(&risk[0]["liquidationPrice"]));
    assert!(limit > mark && limit < mark + mark, "{risk}");
    bench.advance("8h").await;
    assert_eq!(bench.signed("GET", "/fapi/v3/positionRisk", "").await, Value::Array(Vec::new()));
    let trades = bench.signed("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").await;
    let last = trades.as_array().unwrap().last().unwrap().clone();
    assert!(last["clientOrderId"].as_str().unwrap().starts_with("autoclose-"), "{last}");
    let books = bench.get("/carry/books").await;
    assert!(amount(&books["futures"]["USDT"]) >= Amount::ZERO);
}

#[tokio::test]
async fn e15_coins_are_collateral_in_multi_assets_mode_less_their_haircut() {
    let bench = Bench::new("calm = true").await;
    bench.signed("POST", ORDER, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.5").await;
    let path = "/sapi/v1/asset/transfer";
    bench.signed("POST", path, "type=MAIN_UMFUTURE&asset=BTC&amount=0.4").await;
    let short = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.4";
    assert_eq!(bench.refused("POST", PERP, short).await, -2019);
    bench.signed("POST", "/fapi/v1/multiAssetsMargin", "multiAssetsMargin=true").await;
    assert_eq!(bench.refused("POST", "/fapi/v1/multiAssetsMargin", "multiAssetsMargin=true").await, -4171);
    bench.signed("POST", PERP, short).await;
    let account = bench.signed("GET", "/fapi/v3/account", "").await;
    let index = bench.get("/fapi/v1/assetIndex?symbol=BTCUSD").await;
    let counts = Amount::from_units(amount(&index["bidRate"]).units() * 4 / 10);
    let fee = amount(&account["assets"][0]["walletBalance"]);
    assert!(
        fee < Amount::ZERO && amount(&account["totalWalletBalance"]) == (counts + fee).to_ledger_unit(),
        "{account}"
    );
    // What carries the position cannot leave.
    assert_eq!(bench.refused("POST", path, "type=UMFUTURE_MAIN&asset=BTC&amount=0.4").await, -9000);
    // A rally turns the debt into coins sold.
    bench.control("/carry/fault", &serde_json::json!({"act": "rally", "symbol": "BTCUSDT", "by": "0.05"})).await;
    bench.signed("POST", PERP, "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.4&reduceOnly=true").await;
    bench.advance("2m").await;
    let income = bench.signed("GET", "/fapi/v1/income", "incomeType=AUTO_EXCHANGE").await;
    assert_eq!(income.as_array().unwrap().len(), 2, "{income}");
}

#[tokio::test]
async fn k_a_restarted_venue_goes_on_with_its_books() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = options(Profile::Binance, "calm = true");
    settings.state = Some(folder.path().to_owned());
    let bench = Bench::with(settings.clone()).await;
    bench.enter("0.1", "20000", "3").await;
    bench.signed("POST", ORDER, "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=90000").await;
    bench.control("/carry/fault", &serde_json::json!({"act": "rally", "symbol": "BTCUSDT", "by": "0.1"})).await;
    bench.advance("9h").await;
    let before = bench.get("/carry/books").await;
    let price = bench.get("/api/v3/ticker/price?symbol=BTCUSDT").await;
    bench.running.stop().unwrap();
    let again = Bench::with(settings).await;
    assert_eq!(again.get("/carry/books").await, before);
    assert_eq!(again.get("/api/v3/ticker/price?symbol=BTCUSDT").await, price);
    assert_eq!(again.signed("GET", "/api/v3/openOrders", "symbol=BTCUSDT").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_not_loopback_is_refused() {
    let mut settings = options(Profile::Binance, "");
    settings.listen = "0.0.0.0:0".parse().unwrap();
    let refused = carry::loopback::serve(settings, std::sync::Arc::new(|| 0)).await;
    assert!(refused.unwrap_err().to_string().contains("no loopback address"));
}
