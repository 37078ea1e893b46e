//! Streams of the loopback venue: books that join, user data of both markets, sessions, routes, silence.

use super::client::{Bench, Socket, amount, options, sign};
use base64::Engine as _;
use carry::loopback::{Profile, keys};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Applies a message's levels.
fn apply(book: &mut [BTreeMap<String, String>; 2], message: &Value, names: [&str; 2]) {
    for (side, name) in book.iter_mut().zip(names) {
        for level in message[name].as_array().expect("levels") {
            let (price, size) = (level[0].as_str().expect("text"), level[1].as_str().expect("text"));
            if amount(&level[1]).is_zero() {
                side.remove(price);
            } else {
                side.insert(price.to_owned(), size.to_owned());
            }
        }
    }
}

/// Follows a book by the documented rules through `rounds` messages and compares it with a later snapshot's ids.
async fn follow(bench: &Bench, socket: &mut Socket, depth: &str, futures: bool) {
    let first = socket.next().await.expect("a message");
    assert!(first["U"].as_u64() <= first["u"].as_u64());
    let snapshot = bench.get(depth).await;
    let id = snapshot["lastUpdateId"].as_u64().expect("an id");
    let mut book = [BTreeMap::new(), BTreeMap::new()];
    apply(&mut book, &snapshot, ["bids", "asks"]);
    let mut last: Option<u64> = None;
    let mut applied = 0;
    while applied < 30 {
        if applied == 10 {
            // The market moves while the book is followed.
            bench.advance("3m").await;
        }
        let message = socket.next().await.expect("a message");
        let (from, to) = (message["U"].as_u64().expect("U"), message["u"].as_u64().expect("u"));
        let old = if futures { to < id } else { to <= id };
        if old && last.is_none() {
            continue;
        }
        match (last, futures) {
            (None, true) => assert!(from <= id && id <= to, "{from} {id} {to}"),
            (None, false) => assert!(from <= id + 1 && id < to, "{from} {id} {to}"),
            (Some(last), true) => assert_eq!(message["pu"].as_u64(), Some(last)),
            (Some(last), false) => assert_eq!(from, last + 1),
        }
        apply(&mut book, &message, ["b", "a"]);
        last = Some(to);
        applied += 1;
    }
    let best = |side: usize, up: bool| {
        let prices = book[side].keys().map(|price| carry::domain::Amount::parse(price).expect("a price"));
        if up { prices.min() } else { prices.max() }
    };
    assert_eq!(book[0].len(), 20);
    assert!(best(0, false) < best(1, true));
}

#[tokio::test]
async fn b01_b02_books_join_their_snapshots_by_the_documented_rules() {
    let bench = Bench::new("").await;
    let mut spot = bench.socket("/ws/btcusdt@depth@100ms").await;
    follow(&bench, &mut spot, "/api/v3/depth?symbol=BTCUSDT&limit=1000", false).await;
    let mut futures = bench.socket("/public/ws/btcusdt@depth@100ms").await;
    follow(&bench, &mut futures, "/fapi/v1/depth?symbol=BTCUSDT&limit=1000", true).await;
}

#[tokio::test]
async fn spot_user_data_comes_over_the_websocket_api_and_is_wrapped() {
    let bench = Bench::new("calm = true").await;
    let mut socket = bench.socket("/ws-api/v3").await;
    let now = bench.now().await;
    let payload = format!("apiKey={}&timestamp={now}", bench.key.0);
    let params = json!({"apiKey": bench.key.0, "timestamp": now, "signature": sign(&bench.key.1, &payload)});
    socket.say(json!({"id": 1, "method": "userDataStream.subscribe.signature", "params": params})).await;
    let answer = socket.find(|value| value["id"] == 1).await;
    let subscription = answer["result"]["subscriptionId"].clone();
    assert!(answer["status"] == 200 && subscription.is_u64(), "{answer}");
    let order = "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=GTC&quantity=0.01&price=90000&newClientOrderId=mine";
    bench.signed("POST", "/api/v3/order", order).await;
    let new = socket.find(|value| value["event"]["e"] == "executionReport").await;
    assert_eq!(
        (&new["subscriptionId"], &new["event"]["x"], &new["event"]["c"]),
        (&subscription, &json!("NEW"), &json!("mine"))
    );
    let held = socket.find(|value| value["event"]["e"] == "outboundAccountPosition").await;
    assert_eq!(held["event"]["B"][0]["l"], "900.00000000");
    bench.signed("DELETE", "/api/v3/order", "symbol=BTCUSDT&origClientOrderId=mine").await;
    let ended = socket.find(|value| value["event"]["x"] == "CANCELED").await;
    assert_eq!(ended["event"]["C"], "mine");
    bench
        .signed("POST", "/api/v3/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newClientOrderId=two")
        .await;
    let trade = socket.find(|value| value["event"]["x"] == "TRADE").await;
    let event = &trade["event"];
    assert_eq!((&event["X"], &event["N"], &event["n"]), (&json!("FILLED"), &json!("BTC"), &json!("0.00001000")));
    bench.signed("POST", "/sapi/v1/asset/transfer", "type=MAIN_UMFUTURE&asset=USDT&amount=5").await;
    let moved = socket.find(|value| value["event"]["e"] == "balanceUpdate").await;
    assert_eq!(moved["event"]["d"], "-5.00000000");
}

#[tokio::test]
async fn c05_a_session_is_logged_on_with_ed25519_only() {
    let bench = Bench::new("calm = true").await;
    let mut socket = bench.socket("/ws-api/v3").await;
    let now = bench.now().await;
    socket.say(json!({"id": 1, "method": "userDataStream.subscribe", "params": {}})).await;
    assert_eq!(socket.find(|value| value["id"] == 1).await["error"]["code"], -2015);
    let payload = format!("apiKey={}&timestamp={now}", keys::ED25519_KEY);
    let signature = SigningKey::from_bytes(&keys::ED25519_SEED).sign(payload.as_bytes());
    let text = base64::engine::general_purpose::STANDARD.encode(signature.to_bytes());
    let params = json!({"apiKey": keys::ED25519_KEY, "timestamp": now, "signature": text});
    socket.say(json!({"id": 2, "method": "session.logon", "params": params})).await;
    assert_eq!(socket.find(|value| value["id"] == 2).await["status"], 200);
    socket.say(json!({"id": 3, "method": "userDataStream.subscribe", "params": {}})).await;
    assert!(socket.find(|value| value["id"] == 3).await["result"]["subscriptionId"].is_u64());
    let place = json!({"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "timestamp": now});
    socket.say(json!({"id": 4, "method": "order.place", "params": place})).await;
    let answer = socket.find(|value| value["id"] == 4).await;
    assert_eq!(answer["result"]["status"], "FILLED", "{answer}");
}

#[tokio::test]
async fn c04_futures_user_data_tells_of_orders_funding_and_the_death_of_its_key() {
    let script = "calm = true\n[[act]]\nact = \"funding\"\nsymbol = \"BTCUSDT\"\nrate = \"0.0005\"\n";
    let bench = Bench::new(script).await;
    let key = bench.raw("POST", "/fapi/v1/listenKey", "").await.expect("an answer").1;
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let key = key["listenKey"].as_str().expect("a key").to_owned();
    let mut socket = bench.socket(&format!("/private/ws/{key}")).await;
    bench.enter("0.1", "20000", "3").await;
    let moved = socket.find(|value| value["e"] == "ACCOUNT_UPDATE").await;
    assert_eq!((&moved["a"]["m"], &moved["a"]["B"][0]["bc"]), (&json!("MARGIN_TRANSFER"), &json!("20000.00000000")));
    assert_eq!(socket.find(|value| value["e"] == "ACCOUNT_CONFIG_UPDATE").await["ac"]["l"], 3);
    assert_eq!(socket.find(|value| value["e"] == "ORDER_TRADE_UPDATE").await["o"]["x"], "NEW");
    let account = socket.find(|value| value["a"]["m"] == "ORDER").await;
    assert_eq!(account["a"]["P"][0]["pa"], "-0.1");
    let trade = socket.find(|value| value["o"]["x"] == "TRADE").await;
    assert_eq!((&trade["o"]["X"], &trade["o"]["N"]), (&json!("FILLED"), &json!("USDT")));
    for _ in 0..16 {
        bench.advance("30m").await;
        assert_eq!(bench.raw("PUT", "/fapi/v1/listenKey", "").await.expect("an answer").0, 200);
    }
    let paid = socket.find(|value| value["a"]["m"] == "FUNDING_FEE").await;
    assert_eq!((&paid["a"]["S"], &paid["a"]["P"]), (&json!("BTCUSDT"), &json!([])));
    bench.advance("61m").await;
    assert_eq!(socket.find(|value| value["e"] == "listenKeyExpired").await["listenKey"], json!(key));
    let renewed = bench.raw("PUT", "/fapi/v1/listenKey", "").await.expect("an answer").1;
    assert!(renewed.contains("-1125"), "{renewed}");
}

#[tokio::test]
async fn b06_b07_a_frozen_symbol_is_silent_and_marks_come_on_their_own_route() {
    let bench = Bench::new("calm = true").await;
    bench.control("/carry/fault", &json!({"act": "freeze", "symbol": "BTCUSDT", "for": "1h"})).await;
    let mut socket = bench.socket("/public/stream?streams=btcusdt@bookTicker/ethusdt@bookTicker").await;
    for _ in 0..20 {
        assert_eq!(socket.next().await.expect("a message")["data"]["s"], "ETHUSDT");
    }
    let mut market = bench.socket("/market/ws").await;
    market.say(json!({"method": "SUBSCRIBE", "params": ["ethusdt@markPrice@1s", "ethusdt@bookTicker"], "id": 7})).await;
    assert_eq!(market.find(|value| value["id"] == 7).await, json!({"result": null, "id": 7}));
    assert_eq!(market.next().await.expect("a message")["e"], "markPriceUpdate");
    assert_eq!(market.next().await.expect("a message")["e"], "markPriceUpdate");
    bench.advance("61m").await;
    socket.find(|value| value["data"]["s"] == "BTCUSDT").await;
}

#[tokio::test]
async fn aster_serves_both_markets_by_listen_keys() {
    let bench = Bench::with(options(Profile::Aster, "calm = true")).await;
    let text = bench.raw("POST", "/api/v1/listenKey", "").await.expect("an answer").1;
    let value: Value = serde_json::from_str(&text).expect("JSON");
    let mut socket = bench.socket(&format!("/sstream/ws/{}", value["listenKey"].as_str().expect("a key"))).await;
    bench.signed("POST", "/api/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quoteOrderQty=1000").await;
    let event = socket.find(|value| value["x"] == "TRADE").await;
    assert_eq!((&event["e"], &event["X"]), (&json!("executionReport"), &json!("FILLED")));
}
