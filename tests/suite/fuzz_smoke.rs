//! The checks of the fuzz targets on arbitrary and on mutated bytes, for a moment, in every `cargo test`.
//! The long, coverage-guided runs are in `fuzz/`.

#![expect(clippy::indexing_slicing, reason = "a test helper; places are drawn inside the bytes")]

#[path = "../../fuzz/checks.rs"]
mod checks;

use proptest::prelude::*;

/// Frames that the decoder knows, as seeds; written by hand.
const SEEDS: [&str; 7] = [
    r#"{"stream":"abcusdt@bookTicker","data":{"u":4,"s":"ABCUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}}"#,
    r#"{"stream":"abcusdt@bookTicker","data":{"e":"bookTicker","u":4,"s":"ABCUSDT","b":"25.35","B":"3","a":"25.36","A":"4","T":1700000000005,"E":1700000000007}}"#,
    "{\"lastUpdateId\":156,\"bids\":[[\"25.3\",\"431\"]],\"asks\":[[\"25.4\",\"12\"]]}\n{\"stream\":\"abcusdt@depth\",\"data\":{\"e\":\"depthUpdate\",\"E\":1700000000007,\"s\":\"ABCUSDT\",\"U\":157,\"u\":160,\"b\":[[\"25.31\",\"10\"]],\"a\":[]}}",
    r#"{"stream":"abcusdt@depth","data":{"e":"depthUpdate","E":1700000000007,"T":1700000000005,"s":"ABCUSDT","U":157,"u":160,"pu":149,"b":[["25.3519","10"]],"a":[["25.3652","100.5"]]}}"#,
    r#"{"e":"markPriceUpdate","E":1700000000007,"s":"ABCUSDT","p":"25.36","i":"25.34","r":"-0.0001","T":1700006400000}"#,
    r#"{"e":"trade","E":1700000000007,"s":"ABCUSDT","t":1,"p":"25.36","q":"1","T":1700000000005,"m":true}"#,
    r#"{"id":3,"error":{"code":-1121,"msg":"Invalid symbol."},"result":null}"#,
];

/// Answers and pushes about the account, as seeds; the first byte picks a status (`0` is 48: 503). Written by hand.
const ACCOUNT_SEEDS: [&str; 7] = [
    r#"2{"symbol":"ABCUSDT","orderId":71,"clientOrderId":"c1-000000ab-7","transactTime":1700000000000,"price":"25","origQty":"2","executedQty":"1.5","status":"EXPIRED","side":"BUY","fills":[{"price":"25","qty":"1.5","commission":"0.0015","commissionAsset":"ABC","tradeId":9001}]}"#,
    r#"{"e":"executionReport","E":1700000000001,"s":"ABCUSDT","c":"c1-000000ab-7","S":"BUY","q":"2","p":"25.36","C":"","x":"TRADE","X":"PARTIALLY_FILLED","i":71,"l":"1.5","z":"1.5","L":"25.35","n":"0.0015","N":"ABC","T":1700000000000,"t":9001,"m":false}"#,
    r#"{"e":"ACCOUNT_UPDATE","E":1700000000001,"T":1700000000000,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"21.5","bc":"0"}],"P":[{"s":"ABCUSDT","pa":"-5","ep":"1.15540","ps":"BOTH"}]}}"#,
    r#"3{"code":-2010,"msg":"Account has insufficient balance for requested action."}"#,
    r#"0{"code":-1008,"msg":"Request throttled by system-level protection."}"#,
    r#"2[{"symbol":"ABCUSDT","positionSide":"BOTH","positionAmt":"-3","entryPrice":"2.2991948051948","markPrice":"2.3","liquidationPrice":"0","adl":2,"updateTime":1700000000000}]"#,
    r#"{"id":"a2","status":400,"error":{"code":-1021,"msg":"Timestamp outside of recvWindow."}}"#,
];

fn mutated() -> impl Strategy<Value = Vec<u8>> {
    mutated_of(SEEDS.to_vec())
}

fn mutated_of(seeds: Vec<&'static str>) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![any::<u8>(), prop::sample::select(b"\"{}[],:.019eE-\\\n".to_vec())];
    let edit = (any::<prop::sample::Index>(), 0_u8..4, byte);
    (prop::sample::select(seeds), prop::collection::vec(edit, 0..6)).prop_map(|(seed, edits)| {
        let mut bytes = seed.as_bytes().to_vec();
        for (place, how, byte) in edits {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                _ => {
                    let tail = bytes[at..].to_vec();
                    bytes.extend(tail);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn x01_x04_x05_any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        checks::decode_binance(&bytes);
    }

    #[test]
    fn x07_b11_mutated_frames_are_decoded_or_refused(bytes in mutated()) {
        checks::decode_binance(&bytes);
    }

    #[test]
    fn x01_x04_x05_any_bytes_about_the_account_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::account_binance(&bytes);
    }

    #[test]
    fn a07_x07_mutated_answers_never_prove_a_refusal_by_chance(bytes in mutated_of(ACCOUNT_SEEDS.to_vec())) {
        checks::account_binance(&bytes);
    }

    #[test]
    fn b01_b03_b04_any_script_keeps_books_sane(bytes in prop::collection::vec(any::<u8>(), 0..800)) {
        checks::book_sync(&bytes);
    }

    #[test]
    fn x01_x02_x03_any_number_text_is_parsed_or_refused(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            "-?[0-9]{0,24}(\\.[0-9]{0,20})?([eE][-+]?[0-9]{0,3})?".prop_map(String::into_bytes),
        ],
    ) {
        checks::decimal(&bytes);
    }
}
