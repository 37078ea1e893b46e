//! Tests of the decoders, beside them because they compare the two.

use super::*;
use proptest::prelude::*;

/// Written by hand from the venue's documents; the numbers are ours.
const SPOT_TICKER: &str = r#"{"stream":"abcusdt@bookTicker","data":{"u":400900217,"s":"ABCUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}}"#;
const PERP_TICKER: &str = r#"{"stream":"abcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"s":"ABCUSDT","b":"25.3519","B":"31.21","a":"25.3652","A":"40.66","T":1700000000005,"E":1700000000007}}"#;
const PERP_TICKER_2026: &str = r#"{"stream":"abcusdt@bookTicker","data":{"e":"bookTicker","u":400900217,"E":1700000000007,"T":1700000000005,"s":"ABCUSDT","b":"25.3519","B":"31.21","a":"25.3652","A":"40.66"}}"#;
const SPOT_DEPTH: &str = r#"{"stream":"abcusdt@depth@100ms","data":{"e":"depthUpdate","E":1700000000007,"s":"ABCUSDT","U":157,"u":160,"b":[["25.35190000","10.00000000"],["25.30000000","0.00000000"]],"a":[]}}"#;
const PERP_DEPTH: &str = r#"{"stream":"abcusdt@depth@0ms","data":{"e":"depthUpdate","E":1700000000007,"T":1700000000005,"s":"ABCUSDT","U":157,"u":160,"pu":149,"b":[["25.3519","10"]],"a":[["25.3652","100.5"],["25.40","0.000"]]}}"#;
const TRADE: &str = r#"{"e":"trade","E":1700000000007,"s":"ABCUSDT","t":12345,"p":"25.36","q":"100","T":1700000000005,"m":true,"M":true}"#;
const AGG_TRADE: &str = r#"{"e":"aggTrade","E":1700000000007,"s":"ABCUSDT","a":5933014,"p":"25.36","q":"100","nq":"99","f":100,"l":105,"T":1700000000005,"m":false}"#;
const MARK: &str = r#"{"stream":"abcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1700000000007,"s":"ABCUSDT","p":"25.36012345","ap":"25.36","i":"25.34012345","P":"25.35","r":"-0.00038167","T":1700006400000,"st":"1"}}"#;
const SNAPSHOT: &str =
    r#"{"lastUpdateId":160,"E":1700000000007,"T":1700000000005,"bids":[["4.0","431"]],"asks":[["4.2","12"]]}"#;

const SPOT_TRADE: &str = r#"{"stream":"abcusdt@trade","data":{"e":"trade","E":1700000000007,"s":"ABCUSDT","t":12345,"p":"25.36","q":"100","T":1700000000005,"m":true,"M":true}}"#;
const PERP_TRADE: &str = r#"{"stream":"abcusdt@trade","data":{"e":"trade","E":1700000000007,"T":1700000000005,"s":"ABCUSDT","t":12345,"p":"25.36","q":"100","X":"MARKET","m":false}}"#;
const PERP_AGG: &str = r#"{"stream":"abcusdt@aggTrade","data":{"e":"aggTrade","E":1700000000007,"a":5933014,"s":"ABCUSDT","p":"25.36","q":"100","nq":"99","f":100,"l":105,"T":1700000000005,"m":false}}"#;
const SPOT_AGG: &str = r#"{"stream":"abcusdt@aggTrade","data":{"e":"aggTrade","E":1700000000007,"s":"ABCUSDT","a":5933014,"p":"25.36","q":"100","f":100,"l":105,"T":1700000000005,"m":false,"M":true}}"#;

const FRAMES: [&str; 13] = [
    SPOT_TICKER,
    PERP_TICKER,
    PERP_TICKER_2026,
    SPOT_DEPTH,
    PERP_DEPTH,
    TRADE,
    AGG_TRADE,
    MARK,
    SNAPSHOT,
    SPOT_TRADE,
    PERP_TRADE,
    PERP_AGG,
    SPOT_AGG,
];

fn level(price: &str, quantity: &str) -> Level {
    (Price::parse(price).unwrap(), Quantity::parse(quantity).unwrap())
}

/// Both decoders on one frame; they must agree.
fn with<T>(market: Market, frame: &str, look: impl FnOnce(Result<Message<'_>, DecodeError>) -> T) -> T {
    let (mut quick, mut general) = (Scratch::default(), Scratch::default());
    let slow = decode_general(market, frame.as_bytes(), &mut general);
    let result = decode(market, frame.as_bytes(), &mut quick);
    assert_eq!(result, slow, "{frame}");
    look(result)
}

fn error(market: Market, frame: &str) -> DecodeError {
    with(market, frame, |message| message.unwrap_err())
}

fn kind(market: Market, frame: &str) -> Kind {
    with(market, frame, |message| message.unwrap().kind())
}

#[test]
fn a_best_quote_is_read_in_every_order_of_fields() {
    let shuffled = r#" {"data":{"A":"40.66","s":"ABCUSDT","a":"25.3652","st":2,"b":"25.3519","B":"31.21","ps":"ABCUSDT","E":1700000000007,"T":1700000000005,"u":400900217,"e":"bookTicker"},"stream":"abcusdt@bookTicker"} "#;
    let symbol = Symbol::new("ABCUSDT").unwrap();
    let (bid, ask) = (Some(level("25.3519", "31.21")), Some(level("25.3652", "40.66")));
    let perp = BookTicker { update_id: 400_900_217, symbol, bid, ask, venue_time: Some(WallTime(1_700_000_000_005)) };
    for frame in [PERP_TICKER, PERP_TICKER_2026, shuffled] {
        with(Market::Perp, frame, |message| assert_eq!(message, Ok(Message::BookTicker(perp))));
    }
    let spot = BookTicker { venue_time: None, ..perp };
    with(Market::Spot, SPOT_TICKER, |message| assert_eq!(message, Ok(Message::BookTicker(spot))));
    // Raw, without the wrapper and without a kind.
    let raw = SPOT_TICKER.strip_prefix(r#"{"stream":"abcusdt@bookTicker","data":"#).unwrap().strip_suffix('}').unwrap();
    with(Market::Spot, raw, |message| assert_eq!(message, Ok(Message::BookTicker(spot))));
}

#[test]
fn the_usual_orders_of_fields_take_the_quick_way() {
    let quick = |market, frame: &str| fast::read(market, frame.as_bytes(), &mut Scratch::default()).is_some();
    assert!(quick(Market::Spot, SPOT_TICKER) && quick(Market::Spot, SPOT_DEPTH));
    assert!(quick(Market::Perp, PERP_TICKER) && quick(Market::Perp, PERP_TICKER_2026));
    assert!(quick(Market::Perp, PERP_DEPTH) && quick(Market::Perp, MARK));
    for frame in [SPOT_TRADE, PERP_TRADE, PERP_AGG, SPOT_AGG] {
        assert!(quick(Market::Perp, frame), "{frame}");
        with(Market::Perp, frame, |message| assert!(message.is_ok()));
    }
    // Fields that were added lately stand at the end.
    let added = PERP_TICKER.replace("}}", r#","ps":"ABCUSDT","st":1}}"#);
    assert!(quick(Market::Perp, &added) && kind(Market::Perp, &added) == Kind::BookTicker);
    assert!(!quick(Market::Perp, TRADE), "raw frames go the general way");
}

#[test]
fn changes_and_snapshots_keep_their_levels_and_ids() {
    let symbol = Symbol::new("ABCUSDT").unwrap();
    let event_time = WallTime(1_700_000_000_007);
    with(Market::Spot, SPOT_DEPTH, |message| {
        let bids = [level("25.3519", "10"), level("25.3", "0")];
        let expected =
            DepthUpdate { symbol, event_time, first: 157, last: 160, previous: None, bids: &bids, asks: &[] };
        assert_eq!(message, Ok(Message::Depth(expected)));
    });
    with(Market::Perp, PERP_DEPTH, |message| {
        let (bids, asks) = ([level("25.3519", "10")], [level("25.3652", "100.5"), level("25.4", "0")]);
        let expected =
            DepthUpdate { symbol, event_time, first: 157, last: 160, previous: Some(149), bids: &bids, asks: &asks };
        assert_eq!(message, Ok(Message::Depth(expected)));
    });
    with(Market::Perp, SNAPSHOT, |message| {
        let expected = DepthSnapshot { last: 160, bids: &[level("4", "431")], asks: &[level("4.2", "12")] };
        assert_eq!(message, Ok(Message::Snapshot(expected)));
    });
    // Without the id of the change before, a contract's change proves nothing.
    assert_eq!(error(Market::Perp, SPOT_DEPTH), DecodeError::Missing { kind: Kind::Depth, field: "pu" });
}

#[test]
fn trades_marks_and_control_messages_are_typed() {
    with(Market::Spot, TRADE, |message| {
        let Ok(Message::Trade(trade)) = message else { panic!("{message:?}") };
        assert_eq!((trade.id, trade.price.to_string(), trade.buyer_is_maker), (12_345, "25.36".into(), true));
    });
    assert_eq!(kind(Market::Perp, AGG_TRADE), Kind::AggTrade);
    with(Market::Perp, MARK, |message| {
        let Ok(Message::Mark(mark)) = message else { panic!("{message:?}") };
        assert_eq!(mark.index, Price::parse("25.34012345").ok());
        assert_eq!(mark.rate, Rate::parse("-0.00038167").ok());
        assert_eq!(mark.next_funding, Some(WallTime(1_700_006_400_000)));
    });
    let dated = MARK.replace("-0.00038167", "").replace("1700006400000", "0");
    with(Market::Perp, &dated, |message| {
        let Ok(Message::Mark(mark)) = message else { panic!("{message:?}") };
        assert_eq!((mark.rate, mark.next_funding), (None, None));
    });
    let check = |frame, expected| with(Market::Spot, frame, |message| assert_eq!(message, Ok(expected), "{frame}"));
    check(r#"{"result":null,"id":7}"#, Message::Reply { id: Some(7), confirmed: true });
    check(r#"{"result":["abcusdt@depth"],"id":"x"}"#, Message::Reply { id: None, confirmed: false });
    let bad = Message::Error { code: -1121, text: "Invalid symbol.".into(), id: None };
    check(r#"{"code":-1121,"msg":"Invalid symbol."}"#, bad);
    let nested = Message::Error { code: 2, text: "no\\nway\\u{202e}".into(), id: Some(3) };
    check("{\"id\":3,\"status\":400,\"error\":{\"code\":2,\"msg\":\"no\\nway\u{202e}\"}}", nested);
    check(r#"{"e":"serverShutdown","E":1}"#, Message::ServerShutdown);
    check(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown"}}"#, Message::ServerShutdown);
}

#[test]
fn unknown_kinds_are_named_and_never_guessed() {
    let check = |frame: &str, expected: &str| {
        with(Market::Perp, frame, |message| {
            let Ok(Message::Unrecognised { kind }) = message else { panic!("{frame}: {message:?}") };
            assert_eq!(kind.as_str(), expected, "{frame}");
        });
    };
    check(r#"{"e":"kline","k":{"o":"1","o":"2"}}"#, "kline");
    check(r#"{"e":"new\u001b[31m"}"#, "(unprintable)");
    check(r#"{"stream":"!markPrice@arr","data":[{"e":"markPriceUpdate"}]}"#, "(list)");
    check("{}", "(no kind)");
    // The top of the book as a whole looks like changes and must not be taken for them.
    check(&PERP_DEPTH.replace("@depth@0ms", "@depth5@100ms"), "(partial depth)");
    check(r#"{"stream":"abcusdt@depth5","data":{"lastUpdateId":1,"bids":[],"asks":[]}}"#, "(partial depth)");
}

#[test]
fn b09_an_empty_side_is_absent_and_not_a_price_of_zero() {
    let frame = SPOT_TICKER.replace("25.35190000", "0.00000000").replace("31.21000000", "0.00000000");
    with(Market::Spot, &frame, |message| {
        let Ok(Message::BookTicker(ticker)) = message else { panic!("{message:?}") };
        assert_eq!((ticker.bid, ticker.ask.is_some()), (None, true));
    });
}

#[test]
fn b10_x01_x02_x03_money_is_a_strict_decimal_in_a_string() {
    use NumberError::{NotANumber, NotPositive, OutOfRange, TooLong, TooManyDecimals};
    let check = |sent: &str, cause| {
        for frame in [PERP_TICKER, PERP_DEPTH] {
            let bad = frame.replace("25.3519", sent);
            assert_eq!(error(Market::Perp, &bad), DecodeError::BadNumber { field: "b", cause }, "{bad}");
        }
    };
    check("0", NotPositive);
    check("-25.3519", NotPositive);
    check("NaN", NotANumber);
    check("Infinity", NotANumber);
    check("+1", NotANumber);
    check("0x10", NotANumber);
    check("1_000", NotANumber);
    check("1,5", NotANumber);
    check("１", NotANumber);
    check("1e400", NotANumber);
    check("1.", NotANumber);
    check("25.123456789", TooManyDecimals { max: 8 });
    check("92233720368547758", OutOfRange);
    check(&"9".repeat(1_000_000), TooLong);
    for frame in [SPOT_TICKER, SPOT_DEPTH] {
        for value in ["25.3519", "null", "true", "[]", "{}"] {
            let bad = frame.replace("\"25.35190000\"", value);
            let wrong = error(Market::Spot, &bad);
            assert!(matches!(wrong, DecodeError::WrongType { field: "b", .. }), "{bad}: {wrong}");
        }
    }
    let bare = SPOT_TICKER.replace("\"b\":\"25.35190000\",", "");
    assert_eq!(error(Market::Spot, &bare), DecodeError::Missing { kind: Kind::BookTicker, field: "b" });
    // Forms that the documents allow.
    for fine in ["1e-5", "000.5", "12345678901.5", "1.000000000000"] {
        assert_eq!(kind(Market::Spot, &SPOT_TICKER.replace("25.35190000", fine)), Kind::BookTicker, "{fine}");
    }
}

#[test]
fn x04_nesting_is_limited() {
    let deep = "[".repeat(100_000);
    for frame in [deep.clone(), format!(r#"{{"x":{deep}"#), format!(r#"{{"e":"depthUpdate","b":{deep}"#)] {
        assert!(matches!(error(Market::Spot, &frame), DecodeError::NotJson { .. }));
    }
}

#[test]
fn x05_bad_text_is_refused() {
    let mut bytes = SPOT_TICKER.as_bytes().to_vec();
    bytes[60] = 0xff;
    let mut scratch = Scratch::default();
    assert_eq!(decode(Market::Spot, &bytes, &mut scratch), Err(DecodeError::NotUtf8 { at: 60 }));
    let surrogate = SPOT_TICKER.replace("\"ABCUSDT\"", "\"\\ud800\"");
    assert!(matches!(error(Market::Spot, &surrogate), DecodeError::NotJson { .. }));
    let nul = SPOT_TICKER.replace("\"ABCUSDT\"", "\"ABC\\u0000\"");
    assert_eq!(error(Market::Spot, &nul), DecodeError::BadSymbol { field: "s" });
    assert!(matches!(error(Market::Spot, &format!("\u{feff}{SPOT_TICKER}")), DecodeError::NotJson { .. }));
    let chinese = SPOT_TICKER.replace("abcusdt", "币安人生usdt").replace("ABCUSDT", "\\u5e01安人生USDT");
    assert_eq!(kind(Market::Spot, &chinese), Kind::BookTicker);
}

#[test]
fn x06_a_giant_frame_is_refused_unread() {
    let giant = vec![b'['; MAX_FRAME + 1];
    let mut scratch = Scratch::default();
    assert_eq!(decode(Market::Spot, &giant, &mut scratch), Err(DecodeError::TooLarge { bytes: MAX_FRAME + 1 }));
}

#[test]
fn x07_a_field_twice_is_refused() {
    let check = |market, frame: &str, from: &str, to: &str, field| {
        let twice = frame.replace(from, to);
        assert_ne!(frame, twice);
        assert_eq!(error(market, &twice), DecodeError::Duplicate { field }, "{twice}");
    };
    check(Market::Spot, SPOT_TICKER, "\"a\":", "\"b\":\"1\",\"a\":", "b");
    check(Market::Spot, SPOT_TICKER, "\"data\":", "\"data\":{},\"data\":", "data");
    check(Market::Perp, PERP_DEPTH, "\"a\":", "\"b\":[],\"a\":", "b");
    check(Market::Perp, PERP_DEPTH, "\"a\":", "\"\\u0062\":[],\"a\":", "b");
    // Two names for one side must not be mixed into one list.
    check(Market::Perp, PERP_DEPTH, "\"a\":", "\"bids\":[[\"1\",\"1\"]],\"a\":", "bids");
    check(Market::Perp, MARK, "\"i\":", "\"p\":\"1\",\"i\":", "p");
    check(Market::Spot, SPOT_TICKER, "{\"stream\"", "{\"u\":1,\"stream\"", "u");
}

#[test]
fn b11_stream_and_data_must_agree() {
    let other = SPOT_TICKER.replace("abcusdt@", "xyzusdt@");
    assert!(matches!(error(Market::Spot, &other), DecodeError::WrongSymbol { .. }));
    let channel = SPOT_TICKER.replace("@bookTicker", "@trade").replace("\"u\":", "\"e\":\"bookTicker\",\"u\":");
    assert!(matches!(error(Market::Spot, &channel), DecodeError::WrongChannel { kind: Kind::BookTicker, .. }));
    let nameless = SPOT_TICKER.replace("\"stream\":\"abcusdt@bookTicker\",", "");
    assert!(matches!(error(Market::Spot, &nameless), DecodeError::WrongType { field: "stream", .. }));
}

#[test]
fn b17_times_in_another_unit_are_refused() {
    for wrong in ["1700000000", "1700000000005000", "-1", "9223372036854775807"] {
        let frame = PERP_DEPTH.replace("\"E\":1700000000007", &format!("\"E\":{wrong}"));
        let value = wrong.parse().unwrap();
        assert_eq!(error(Market::Perp, &frame), DecodeError::BadTime { field: "E", value });
    }
}

#[test]
fn ids_must_be_whole_and_rising() {
    let reversed = SPOT_DEPTH.replace("\"U\":157", "\"U\":161");
    assert_eq!(error(Market::Spot, &reversed), DecodeError::IdsReversed { first: 161, last: 160 });
    for bad in ["-1", "1.5", "\"157\"", "1e3", "18446744073709551616"] {
        let frame = SPOT_DEPTH.replace("\"U\":157", &format!("\"U\":{bad}"));
        assert!(matches!(error(Market::Spot, &frame), DecodeError::WrongType { field: "U", .. }), "{bad}");
    }
    assert!(matches!(error(Market::Spot, &SPOT_DEPTH.replace(":157", ":0157")), DecodeError::NotJson { .. }));
}

/// A frame with some bytes changed, cut, doubled or inserted.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edit = (
        any::<prop::sample::Index>(),
        0_u8..5,
        prop_oneof![any::<u8>(), prop::sample::select(b"\"{}[],:.0159eE-\\ ".to_vec())],
    );
    (prop::sample::select(FRAMES.to_vec()), prop::collection::vec(edit, 1..4)).prop_map(|(frame, edits)| {
        let mut bytes = frame.as_bytes().to_vec();
        for (place, how, byte) in edits {
            let at = place.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 if bytes.len() > 1 => {
                    bytes.remove(at);
                }
                3 => bytes.truncate(at + 1),
                _ => {
                    let tail = bytes[at..(at + 12).min(bytes.len())].to_vec();
                    bytes.splice(at..at, tail);
                }
            }
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn the_quick_way_gives_what_the_general_one_gives(bytes in mutated(), perp in any::<bool>()) {
        let market = if perp { Market::Perp } else { Market::Spot };
        let (mut quick, mut general) = (Scratch::default(), Scratch::default());
        prop_assert_eq!(decode(market, &bytes, &mut quick), decode_general(market, &bytes, &mut general));
    }

    #[test]
    fn quick_ids_are_exact(id in 0_u64..1 << 62) {
        let frame = SPOT_TICKER.replace("400900217", &id.to_string());
        let mut scratch = Scratch::default();
        let Ok(Message::BookTicker(ticker)) = decode(Market::Spot, frame.as_bytes(), &mut scratch) else {
            panic!("{frame}");
        };
        prop_assert_eq!(ticker.update_id, id);
    }

    #[test]
    fn quick_numbers_are_exact(whole in 0_u64..10_000_000_000, fraction in "[0-9]{0,9}") {
        let number = if fraction.is_empty() { whole.to_string() } else { format!("{whole}.{fraction}") };
        let frame = SPOT_TICKER.replace("31.21000000", &number);
        let (mut quick, mut general) = (Scratch::default(), Scratch::default());
        let fast = decode(Market::Spot, frame.as_bytes(), &mut quick);
        prop_assert_eq!(fast, decode_general(Market::Spot, frame.as_bytes(), &mut general));
    }
}
