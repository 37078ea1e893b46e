//! Tests of `sign`: the published samples that the digests quote, what may not be signed, and what is never printed.

use super::*;
use crate::domain::{Market, Symbol};
use crate::venues::ask::{Act, Ask, ListenKeyAct};
use crate::venues::binance::encode;
use crate::venues::binance::profile::{Net, Profile};

const KEY: &str = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
const SECRET: &str = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j";
const AGENT: &str = "0x4fd0a42218f3eae43a6ce26d22544e986139a01e5b34a62db53757ffca81bae1";
const USER: &str = "0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e";
const SIGNER: &str = "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0";

fn hmac() -> TradeSigner {
    TradeSigner::hmac(KEY, &SecretString::from(SECRET)).unwrap()
}

fn agent(chain_id: u64) -> TradeSigner {
    TradeSigner::agent(USER, &SecretString::from(AGENT), chain_id).unwrap()
}

fn stamp() -> Stamp {
    Stamp::new(WallTime(1_499_827_319_559), 1_748_310_859_508_867)
}

fn order(query: &str) -> WriteRequest {
    WriteRequest(Request {
        method: Method::Post,
        host: Host::Spot,
        path: "/api/v3/order",
        query: query.to_owned(),
        security: Security::Signed,
        weight: 1,
        is_order: true,
        priority: crate::venues::ask::Priority::Normal,
    })
}

#[test]
fn the_documented_hmac_sample() {
    let check = |symbol: &str, expected: &str| {
        let query = format!("symbol={symbol}&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1");
        let signed = hmac().sign_write(&order(&query), &stamp());
        let sent = format!("/api/v3/order?{query}&recvWindow=5000&timestamp=1499827319559&signature={expected}");
        assert_eq!((signed.path_and_query, signed.body), (sent, None));
        assert_eq!(signed.header, Some(("X-MBX-APIKEY", KEY.to_owned())));
    };
    check("LTCBTC", "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71");
    let wide = "%EF%BC%91%EF%BC%92%EF%BC%93%EF%BC%94%EF%BC%95%EF%BC%96";
    check(wide, "e1353ec6b14d888f1164ae9af8228a3dbd508bc82eb867db8ab6046442f33ef3");
}

#[test]
fn the_typed_data_sample_on_both_chains() {
    let query = "symbol=ASTERUSDT&type=LIMIT&side=BUY&timeInForce=GTC&quantity=20&price=0.5";
    let check = |chain_id: u64, expected: &str| {
        let signed = agent(chain_id).sign_write(&order(query), &stamp());
        let body = format!("{query}&nonce=1748310859508867&user={USER}&signer={SIGNER}&signature={expected}");
        assert_eq!((signed.path_and_query.as_str(), signed.body), ("/api/v3/order", Some(body)));
        assert_eq!(signed.header, None);
    };
    check(
        1666,
        "0x0a56c5923ebf3524475c5f631940ec4c0e41dbd300ad28198d1915d8f3ca49ce26fd1aeb8b0c3079133595da0de38322ae7e860e0c76d032c4a491d27c1430b01c",
    );
    check(
        714,
        "0xf91e000376f360c1661cf0fbc79a816e915dce485c616bd49c5e35c6cbc5ba5042ccf75a2bffd282676dbf698087a73982bfd1491a993eeedc276f6827c94a8c1c",
    );
}

#[test]
fn questions_are_signed_and_changes_are_not_taken_for_questions() {
    let (binance, aster) = (Profile::binance(), Profile::aster_v3(Net::Main));
    let reader = hmac().reader();
    let time = encode::read(&binance, &Ask::Time(Market::Spot)).unwrap();
    assert_eq!(unsigned(&time).unwrap().path_and_query, "/api/v3/time");
    let positions = encode::read(&binance, &Ask::Positions).unwrap();
    assert_eq!(unsigned(&positions), None);
    let signed = reader.sign(&positions, &stamp()).unwrap();
    let start = "/fapi/v3/positionRisk?recvWindow=5000&timestamp=1499827319559&signature=";
    assert!(signed.path_and_query.starts_with(start));
    // A listen key needs the header alone on one venue, and a signature on the other.
    let open = Ask::ListenKey { market: Market::Perp, act: ListenKeyAct::Open };
    let signed = reader.sign(&encode::read(&binance, &open).unwrap(), &stamp()).unwrap();
    assert_eq!(signed.path_and_query, "/fapi/v1/listenKey");
    assert!(signed.header.is_some());
    let signed = agent(1666).sign(&encode::read(&aster, &open).unwrap(), &stamp()).unwrap();
    assert!(signed.body.unwrap().starts_with("nonce=1748310859508867&user=0x63"));
    // The request inside a write stays a write.
    let write = encode::write(&binance, &Act::SetMultiAssets { on: true }).unwrap();
    assert_eq!(reader.sign(write.request(), &stamp()), Err(NotSigned::ChangesAccount));
    assert_eq!(hmac().sign(order("").request(), &stamp()), Err(NotSigned::ChangesAccount));
    let noop = encode::write(&aster, &Act::Noop { nonce: 5 }).unwrap();
    let body = agent(1666).sign_write(&noop, &stamp()).body.unwrap();
    assert!(body.starts_with("nonce=5&user=") && body.matches("nonce").count() == 1, "{body}");
    let cancel = Act::CancelAll { market: Market::Perp, symbol: Symbol::of("AUSDT") };
    let signed = agent(1666).sign_write(&encode::write(&aster, &cancel).unwrap(), &stamp());
    assert!(signed.body.is_none() && signed.path_and_query.contains("?symbol=AUSDT&nonce="));
}

#[test]
fn ed25519_is_percent_encoded_in_an_address_and_plain_in_a_message() {
    // A key of zeros, made here: PKCS#8 is a fixed head and the 32 bytes.
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";
    let signer = TradeSigner::ed25519("name1234", &SecretString::from(pem)).unwrap();
    let payload = b"a=1&recvWindow=5000&timestamp=1499827319559";
    let bare = signer.signature_of(payload);
    assert!(bare.ends_with("==") && bare.len() == 88);
    let sent = signer.sign_write(&order("a=1"), &stamp()).path_and_query;
    let encoded = bare.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    assert!(sent.ends_with(&format!("&signature={encoded}")), "{sent}");
    let text = signer.reader().ws_api("7", WsCall::Subscribe, &stamp()).unwrap();
    let expected = signer.signature_of(b"apiKey=name1234&recvWindow=5000&timestamp=1499827319559");
    let call: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(call["method"], "userDataStream.subscribe.signature");
    assert_eq!(call["params"]["signature"], expected);
    assert_eq!(call["params"]["timestamp"], 1_499_827_319_559_i64);
    assert_eq!(agent(1).reader().ws_api("7", WsCall::LogOn, &stamp()), Err(NotSigned::NoWebSocketApi));
}

#[test]
fn bad_keys_are_refused_and_the_main_wallet_too() {
    let secret = |text: &str| SecretString::from(text.to_owned());
    let of = |result: Result<TradeSigner, KeyError>| result.map(|_| ()).unwrap_err();
    assert_eq!(of(TradeSigner::hmac("k", &secret(""))), KeyError::Empty);
    assert_eq!(of(TradeSigner::hmac("", &secret("s"))), KeyError::Empty);
    assert_eq!(of(TradeSigner::hmac("a\r\nb", &secret("s"))), KeyError::BadName);
    assert_eq!(of(TradeSigner::ed25519("k", &secret("x"))), KeyError::NotEd25519);
    assert_eq!(of(TradeSigner::agent(SIGNER, &secret(AGENT), 1)), KeyError::SignerIsUser);
    assert_eq!(of(TradeSigner::agent(&SIGNER.to_lowercase(), &secret(AGENT), 1)), KeyError::SignerIsUser);
    assert_eq!(of(TradeSigner::agent("0x1", &secret(AGENT), 1)), KeyError::BadAddress);
    for bad in ["", "0x12", &"0".repeat(64), &"g".repeat(64), &"f".repeat(64)] {
        assert_eq!(of(TradeSigner::agent(USER, &secret(bad), 1)), KeyError::NotSecp256k1, "{bad}");
    }
}

#[test]
fn x14_nothing_printed_holds_a_secret_or_a_signature() {
    let signer = hmac();
    let signed = signer.sign_write(&order("a=1"), &stamp());
    let all = format!("{signer:?} {:?} {signed:?} {:?}", signer.reader(), agent(1));
    assert_eq!(
        all,
        "trades with HMAC key ..Eh8A reads with HMAC key ..Eh8A Post Spot /api/v3/order trades with agent key ..1bb0"
    );
}

#[test]
fn g09_nonces_rise_though_the_clock_steps_back() {
    let mut nonce = Nonce::after(5);
    assert_eq!(nonce.next(WallTime(1_700_000_000_000)), 1_700_000_000_000_000);
    assert_eq!(nonce.next(WallTime(1_700_000_000_000)), 1_700_000_000_000_001);
    assert_eq!(nonce.next(WallTime(1_600_000_000_000)), 1_700_000_000_000_002);
    assert_eq!(nonce.next(WallTime(-1)), 1_700_000_000_000_003);
    assert_eq!(nonce.next(WallTime(1_700_000_000_001)), 1_700_000_000_001_000);
    assert_eq!(nonce.last(), 1_700_000_000_001_000);
}
