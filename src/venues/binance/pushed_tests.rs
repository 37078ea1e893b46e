//! Tests of `pushed`; the messages are written by hand from the venues' documents.

use super::*;
use crate::domain::fees::Role;
use crate::domain::{Amount, Asset, Price, Quantity, Side};
use crate::venues::answer::{Class, OrderStatus};
use crate::venues::binance::profile::Net;

const REPORT: &str = r#"{"e":"executionReport","E":1700000000001,"s":"ABCUSDT","c":"c1-000000ab-7","S":"BUY","o":"LIMIT","f":"IOC","q":"2.00000000","p":"25.36000000","C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":71,"l":"1.50000000","z":"1.50000000","L":"25.35000000","n":"0.00150000","N":"ABC","T":1700000000000,"t":9001,"I":12,"w":false,"m":false,"M":true,"O":1700000000000,"Z":"38.02500000","Y":"38.02500000","Q":"0.00000000"}"#;
const UPDATE: &str = r#"{"e":"ORDER_TRADE_UPDATE","E":1700000000001,"T":1700000000000,"o":{"s":"ABCUSDT","c":"c1-000000ab-8","S":"SELL","o":"LIMIT","f":"GTX","q":"2","p":"25.4","ap":"25.4","sp":"0","x":"TRADE","X":"FILLED","i":72,"l":"2","z":"2","L":"25.4","n":"-0.01","N":"USDT","T":1700000000000,"t":9002,"b":"0","a":"0","m":true,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"rp":"0"}}"#;

fn read(market: Market, text: &str) -> Vec<AccountMessage> {
    pushed(&Profile::binance(), market, text.as_bytes()).unwrap()
}

fn refusal(text: &str) -> DecodeError {
    pushed(&Profile::binance(), Market::Spot, text.as_bytes()).unwrap_err()
}

fn order(messages: Vec<AccountMessage>) -> (OrderRow, Option<FillRow>, Option<VenueAct>) {
    match <[_; 1]>::try_from(messages) {
        Ok([AccountMessage::Order { order, fill, by_venue }]) => (order, fill, by_venue),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_execution_on_spot_bare_and_wrapped() {
    let (row, fill, by_venue) = order(read(Market::Spot, REPORT));
    assert_eq!((row.client_id.as_str(), row.venue_id, row.status), ("c1-000000ab-7", 71, OrderStatus::Open));
    assert_eq!((row.quantity, row.filled), (Quantity::parse("2").unwrap(), Quantity::parse("1.5").unwrap()));
    assert_eq!(by_venue, None);
    let fill = fill.unwrap();
    assert_eq!((fill.id, fill.side, fill.role), (FillId(9001), Some(Side::Buy), Some(Role::Taker)));
    assert_eq!((fill.price, fill.fee), (Price::parse("25.35").unwrap(), Amount::parse("0.0015").ok()));
    assert_eq!(fill.fee_asset, Some(Asset::of("ABC")));
    let bare = read(Market::Spot, REPORT);
    assert_eq!(read(Market::Spot, &format!(r#"{{"subscriptionId":0,"event":{REPORT}}}"#)), bare);
    assert_eq!(read(Market::Spot, &format!(r#"{{"event":{REPORT},"subscriptionId":0}}"#)), bare);
    assert_eq!(read(Market::Spot, &format!(r#"{{"stream":"key","data":{REPORT}}}"#)), bare);
    assert_eq!(read(Market::Spot, &REPORT.replace("{\"e\":", "{ \"e\" : ")), bare);
}

const ACCOUNT: &str = r#"{"e":"ACCOUNT_UPDATE","E":1700000000001,"T":1700000000000,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"21.5","cw":"21","bc":"0"}],"P":[{"s":"ABCUSDT","pa":"-5","ep":"1.15540","cr":"0","up":"0.001","mt":"cross","iw":"0","ps":"BOTH"}]}}"#;

#[test]
fn x05_the_quick_way_says_what_the_general_way_says_whatever_is_changed() {
    let profile = Profile::binance();
    let wrapped = format!(r#"{{"subscriptionId":0,"event":{REPORT}}}"#);
    let mut quick = 0;
    for text in [REPORT, UPDATE, ACCOUNT, wrapped.as_str()] {
        let mut check = |changed: &str| {
            let Some((kind, wrap)) = quick_kind(changed) else { return };
            let reader = Reader { profile: &profile, market: Market::Perp, text: changed };
            if let Some(sent) = flat(changed, kind, wrap) {
                quick += 1;
                assert_eq!(reader.flat(&sent), reader.event(kind, wrap), "{changed}");
            }
        };
        check(text);
        for at in 0..text.len() {
            check(&text[..at]);
            for byte in
                ["", "\"", "\\", "0", "-", ".", "e", " ", ",", "}", "]", "[", "{", "\u{1}", "\u{e9}", "1,\"i\":"]
            {
                check(&format!("{}{byte}{}", &text[..at], &text[at + 1..]));
                check(&format!("{}{byte}{}", &text[..at], &text[at..]));
            }
        }
    }
    // Unchanged ones are among these: the quick way is in use.
    assert!(quick > 5_000, "{quick}");
    for (text, kind) in [(REPORT, "executionReport"), (UPDATE, "ORDER_TRADE_UPDATE"), (ACCOUNT, "ACCOUNT_UPDATE")] {
        assert!(flat(text, kind, Wrap::Bare).is_some(), "{kind}");
    }
}

#[test]
fn a_cancel_on_spot_names_the_order_in_another_field() {
    let text = REPORT.replace(r#""C":"""#, r#""C":"c1-000000ab-5""#).replace("TRADE", "CANCELED");
    let text = text.replace("PARTIALLY_FILLED", "CANCELED").replace(r#""t":9001"#, r#""t":-1"#);
    let (row, fill, _) = order(read(Market::Spot, &text));
    assert_eq!((row.client_id.as_str(), row.status, fill), ("c1-000000ab-5", OrderStatus::Cancelled, None));
}

#[test]
fn fees_keep_their_sign_where_it_means_something() {
    let (_, fill, _) = order(read(Market::Perp, UPDATE));
    assert_eq!(fill.unwrap().fee, Amount::parse("-0.01").ok(), "a rebate");
    let aster = Profile::aster_v3(Net::Main);
    let (_, fill, _) = order(pushed(&aster, Market::Perp, UPDATE.as_bytes()).unwrap());
    assert_eq!(fill.unwrap().fee, Amount::parse("0.01").ok());
    let (_, fill, _) = order(read(Market::Perp, &UPDATE.replace(r#""n":"-0.01","N":"USDT","#, "")));
    let fill = fill.unwrap();
    assert_eq!((fill.fee, fill.fee_asset, fill.role), (None, None, Some(Role::Maker)));
}

#[test]
fn c13_orders_of_the_venue_are_known_by_their_ids() {
    let check = |id: &str, expected: Option<VenueAct>| {
        let (_, _, by_venue) = order(read(Market::Perp, &UPDATE.replace("c1-000000ab-8", id)));
        assert_eq!(by_venue, expected, "{id}");
    };
    check("autoclose-1700000000000123", Some(VenueAct::Liquidation));
    check("adl_autoclose", Some(VenueAct::Adl));
    check("settlement_autoclose-1", Some(VenueAct::Settlement));
    check("web_autoclose-1", None);
    assert_eq!(venue_act("x", "NEW_ADL", "NEW"), Some(VenueAct::Adl));
    assert_eq!(venue_act("x", "FILLED", "CALCULATED"), Some(VenueAct::Liquidation));
}

#[test]
fn c09_new_words_are_refused_loudly_and_new_kinds_by_name() {
    let wrong = |text: &str, field: &'static str| match refusal(text) {
        DecodeError::WrongType { field: found, .. } => assert_eq!(found, field),
        other => panic!("{other:?}"),
    };
    wrong(&REPORT.replace("PARTIALLY_FILLED", "HALF_FILLED"), "X");
    wrong(&REPORT.replace(r#""x":"TRADE""#, r#""x":"SWAP""#), "x");
    wrong(&REPORT.replace(r#""S":"BUY""#, r#""S":"LONG""#), "S");
    wrong(&REPORT.replace(r#""i":71"#, r#""i":-71"#), "i");
    wrong(&REPORT.replace(r#""t":9001"#, r#""t":-1"#), "t");
    let kind = |text: &str| read(Market::Perp, text);
    assert_eq!(kind(r#"{"e":"TRADE_LITE","E":1}"#), [AccountMessage::Unrecognised(Symbol::of("TRADE_LITE"))]);
    assert_eq!(kind(r#"{"a":1}"#), [AccountMessage::Unrecognised(Symbol::of("(no kind)"))]);
}

#[test]
fn x05_x07_what_is_no_message_is_refused() {
    assert!(matches!(refusal("[]"), DecodeError::NotAnObject));
    assert!(matches!(refusal("<html>"), DecodeError::NotJson { .. }));
    assert!(matches!(refusal(&REPORT[..100]), DecodeError::NotJson { .. }));
    assert!(matches!(refusal(&REPORT.replace(r#""m":false"#, r#""i":5,"m":false"#)), DecodeError::NotJson { .. }));
    assert!(matches!(refusal(r#"{"e":5}"#), DecodeError::WrongType { field: "e", .. }));
    let profile = Profile::binance();
    assert!(matches!(pushed(&profile, Market::Spot, &[0xff]), Err(DecodeError::NotUtf8 { at: 0 })));
    let long = vec![b' '; MAX_FRAME + 1];
    assert!(matches!(pushed(&profile, Market::Spot, &long), Err(DecodeError::TooLarge { .. })));
    let deep = "[".repeat(5000);
    assert!(matches!(refusal(&deep), DecodeError::NotJson { .. }));
}

#[test]
fn balances_positions_and_movements() {
    let spot =
        r#"{"e":"outboundAccountPosition","E":1700000000001,"u":1700000000000,"B":[{"a":"ABC","f":"1.5","l":"0.5"}]}"#;
    let at = WallTime(1_700_000_000_000);
    let (reason, rows) = (None, vec![(Asset::of("ABC"), Amount::whole(2))]);
    assert_eq!(read(Market::Spot, spot), [AccountMessage::Balances { wallet: Wallet::Spot, reason, rows, at }]);
    let both = read(Market::Perp, ACCOUNT);
    let [AccountMessage::Balances { reason, .. }, AccountMessage::Positions { rows, .. }] = both.as_slice() else {
        panic!("{both:?}")
    };
    assert_eq!(*reason, Some(Symbol::of("ORDER")));
    assert_eq!((rows[0].coins.side(), rows[0].entry), (Side::Sell, Price::parse("1.1554").ok()));
    let moved = r#"{"e":"balanceUpdate","E":1700000000001,"a":"USDT","d":"-3","T":1700000000000}"#;
    let amount = Amount::whole(-3);
    assert_eq!(read(Market::Spot, moved), [AccountMessage::Moved { asset: Asset::of("USDT"), amount, at }]);
    let call = r#"{"e":"MARGIN_CALL","E":1,"p":[{"s":"ABCUSDT"}]}"#;
    assert_eq!(read(Market::Perp, call), [AccountMessage::MarginCall(vec![Symbol::of("ABCUSDT")])]);
    let config = r#"{"e":"ACCOUNT_CONFIG_UPDATE","ac":{"s":"ABCUSDT","l":25}}"#;
    let (symbol, leverage) = (Some(Symbol::of("ABCUSDT")), Some(25));
    assert_eq!(read(Market::Perp, config), [AccountMessage::ConfigChanged { symbol, leverage }]);
}

#[test]
fn c04_d10_ends_of_streams_and_replies() {
    let check = |text: &str, expected: AccountMessage| assert_eq!(read(Market::Spot, text), [expected], "{text}");
    check(r#"{"e":"listenKeyExpired","E":1,"listenKey":"k"}"#, AccountMessage::ListenKeyExpired);
    check(r#"{"subscriptionId":0,"event":{"e":"eventStreamTerminated","E":1}}"#, AccountMessage::Terminated);
    check(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#, AccountMessage::ServerShutdown);
    let reply = |id: &str| AccountMessage::Reply { id: id.into(), accepted: Ok(()) };
    check(r#"{"id":"a1","status":200,"result":{"subscriptionId":0}}"#, reply("a1"));
    check(r#"{"result":null,"id":7}"#, reply("7"));
    let failed = r#"{"id":"a2","status":400,"error":{"code":-1021,"msg":"Timestamp outside of recvWindow."}}"#;
    match read(Market::Spot, failed).as_slice() {
        [AccountMessage::Reply { id, accepted: Err(refused) }] => {
            assert_eq!((id.as_str(), refused.class, refused.status), ("a2", Class::Clock, 400));
        }
        other => panic!("{other:?}"),
    }
}
