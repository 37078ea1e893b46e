//! Scripted faults of the loopback venue: each does what its row of the catalogue needs, and nothing besides.

use super::client::{Bench, options};
use carry::loopback::{Profile, Script, keys, typed};
use serde_json::{Value, json};

const BUY: &str = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.1&price=110000&newClientOrderId=mine";
const FIND: &str = "symbol=BTCUSDT&origClientOrderId=mine";

/// A venue with one fault on new spot orders.
async fn faulty(act: &str) -> Bench {
    let text =
        format!("calm = true\n[[fault]]\nmatch = {{ path = \"/api/v3/order\", method = \"POST\", nth = 1 }}\n{act}\n");
    Bench::new(&text).await
}

async fn filled(bench: &Bench) -> Option<String> {
    let (status, order) = bench.try_signed("GET", "/api/v3/order", FIND).await.expect("an answer");
    (status == 200).then(|| {
        format!("{} {}", order["status"].as_str().expect("text"), order["executedQty"].as_str().expect("text"))
    })
}

#[tokio::test]
async fn a02_a04_a05_a07_d02_d06_answers_go_wrong_as_scripted() {
    let check = async |act: &str, answer: Option<u16>, order: Option<&str>| {
        let bench = faulty(act).await;
        let seen = bench.try_signed("POST", "/api/v3/order", BUY).await;
        assert_eq!(seen.map(|(status, _)| status), answer, "{act}");
        assert_eq!(filled(&bench).await.as_deref(), order, "{act}");
        let counts = bench.get("/carry/requests").await;
        assert_eq!(counts["requests"]["POST /api/v3/order"], 1, "{act}");
    };
    check("drop_after = true", None, Some("FILLED 0.10000000")).await;
    check("drop_before = true", None, None).await;
    check("status = { status = 503, body = \"{}\" }", Some(503), None).await;
    check(
        "status_after = { status = 504, body = \"{\\\"code\\\":-1007,\\\"msg\\\":\\\"Timeout\\\"}\" }",
        Some(504),
        Some("FILLED 0.10000000"),
    )
    .await;
    check("wrong_body = \"<html></html>\"", None, Some("FILLED 0.10000000")).await;
    check("short_body = true", None, Some("FILLED 0.10000000")).await;
    check("error = { code = -2010, msg = \"This action is disabled on this account.\" }", Some(400), None).await;
    check("partial = \"0.4\"", Some(200), Some("EXPIRED 0.04000000")).await;
    check("no_fill = true", Some(200), Some("EXPIRED 0.00000000")).await;
    check("delay_ms = 20", Some(200), Some("FILLED 0.10000000")).await;
}

#[tokio::test]
async fn a06_an_order_arrives_late() {
    let bench = faulty("delay_before_ms = 300").await;
    let (order, before) = tokio::join!(bench.try_signed("POST", "/api/v3/order", BUY), filled(&bench));
    assert_eq!((order.expect("an answer").0, before), (200, None));
    assert_eq!(filled(&bench).await.as_deref(), Some("FILLED 0.10000000"));
}

#[tokio::test]
async fn c02_c03_c01_user_events_are_doubled_lost_and_cut() {
    let text = "calm = true\n[[fault]]\nmatch = { event = \"ORDER_TRADE_UPDATE\", nth = 2 }\nduplicate = true\n\
                [[fault]]\nmatch = { event = \"ACCOUNT_UPDATE\", nth = 2 }\nlose_event = true\n";
    let bench = Bench::new(text).await;
    let key: Value =
        serde_json::from_str(&bench.raw("POST", "/fapi/v1/listenKey", "").await.expect("an answer").1).expect("JSON");
    let mut socket = bench.socket(&format!("/private/ws/{}", key["listenKey"].as_str().expect("a key"))).await;
    bench.enter("0.05", "20000", "3").await;
    bench.control("/carry/fault", &json!({"act": "cut"})).await;
    let mut seen = Vec::new();
    while let Some(value) = socket.next().await {
        let what = value["o"]["x"].as_str().or(value["a"]["m"].as_str()).unwrap_or("config").to_owned();
        seen.push(what);
    }
    assert_eq!(seen, ["MARGIN_TRANSFER", "config", "NEW", "TRADE", "TRADE"]);
}

#[tokio::test]
async fn e03_e06_e12_h07_h12_the_venue_acts_by_itself() {
    let bench = Bench::new("calm = true").await;
    bench.enter("0.1", "30000", "3").await;
    let act = async |value: Value| bench.control("/carry/fault", &value).await;
    act(json!({"act": "adl", "symbol": "BTCUSDT", "share": "0.4"})).await;
    let risk = bench.signed("GET", "/fapi/v3/positionRisk", "").await;
    assert_eq!(risk[0]["positionAmt"], "-0.06");
    let orders = bench.signed("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").await;
    assert_eq!(orders.as_array().expect("rows").last().expect("one")["clientOrderId"], "adl_autoclose");
    act(json!({"act": "interval", "symbol": "BTCUSDT", "hours": 4})).await;
    let info = bench.get("/fapi/v1/fundingInfo").await;
    assert_eq!(info[0]["fundingIntervalHours"], 4);
    act(json!({"act": "halt", "symbol": "BTCUSDT", "market": "spot", "halted": true})).await;
    assert_eq!(bench.refused("POST", "/api/v3/order", BUY).await, -1013);
    act(json!({"act": "delist", "symbol": "BTCUSDT", "after": "1h"})).await;
    let ends = bench.get("/fapi/v1/exchangeInfo").await["symbols"][0]["deliveryDate"].as_i64();
    assert_eq!(ends, Some(bench.now().await + 3_600_000));
    bench.advance("62m").await;
    assert_eq!(bench.signed("GET", "/fapi/v3/positionRisk", "").await, json!([]));
    let orders = bench.signed("GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").await;
    let last = orders.as_array().expect("rows").last().expect("one").clone();
    assert!(last["clientOrderId"].as_str().expect("text").starts_with("settlement_autoclose-"), "{last}");
    act(json!({"act": "hedge", "on": true})).await;
    assert_eq!(bench.signed("GET", "/fapi/v1/positionSide/dual", "").await["dualSidePosition"], true);
    act(json!({"act": "revoke"})).await;
    assert_eq!(bench.refused("GET", "/fapi/v3/account", "").await, -2015);
}

#[tokio::test]
async fn d07_d13_limits_bans_and_a_skewed_clock_at_will() {
    let bench = Bench::new("calm = true").await;
    bench.control("/carry/fault", &json!({"act": "clock_skew", "ms": 9000})).await;
    assert_eq!(bench.refused("GET", "/api/v3/account", "").await, -1021);
    let now = bench.now().await;
    assert_eq!(bench.get("/api/v3/time").await["serverTime"], now + 9_000);
    bench.control("/carry/fault", &json!({"act": "rate_limit", "for": "30s"})).await;
    let (status, _, headers) = bench.raw("GET", "/api/v3/time", "").await.expect("an answer");
    assert_eq!((status, headers["retry-after"].to_str().expect("text")), (429, "30"));
    bench.control("/carry/fault", &json!({"act": "ban", "for": "5m"})).await;
    assert_eq!(bench.raw("GET", "/fapi/v1/time", "").await.expect("an answer").0, 418);
    bench.advance("6m").await;
    assert_eq!(bench.raw("GET", "/fapi/v1/time", "").await.expect("an answer").0, 200);
}

#[tokio::test]
async fn e14_transfers_of_aster_are_known_by_their_id() {
    let bench = Bench::with(options(Profile::Aster, "calm = true")).await;
    let path = "/fapi/v3/asset/wallet/transfer";
    let query = "asset=USDT&amount=10&kindType=SPOT_FUTURE&clientTranId=a";
    bench.signed("POST", path, query).await;
    assert_eq!(bench.refused("POST", path, query).await, -4115);
    let agent = typed::address_of(&keys::ASTER_AGENT).expect("a key");
    let unsigned = format!("/fapi/v3/account?nonce={}000&signer={agent}&signature=0x00", bench.now().await);
    let (_, text, _) = bench.raw("GET", &unsigned, "").await.expect("an answer");
    assert!(text.contains("-1022"), "{text}");
}

#[test]
fn the_worked_fault_file_is_read() {
    let text = include_str!("../../faults/venue.toml");
    Script::parse(text).expect("the file is good");
}
