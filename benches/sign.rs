//! Signing of orders beside the bare primitive over the same bytes, and decoding of the account's pushes beside the usual
//! way (serde with owned strings, then `rust_decimal`), in one run, so that the ratios hold on any machine.
//! Run: `cargo bench --bench sign`; the ratios are printed last.
#![expect(missing_docs, reason = "criterion's macros make undocumented functions")]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a bench is a program for a person"
)]

use carry::domain::{ClientOrderId, Market, Price, Quantity, Side, Symbol, WallTime};
use carry::port::TimeInForce;
use carry::venues::ask::{Act, Placement, Priority, WriteRequest};
use carry::venues::binance::encode;
use carry::venues::binance::profile::{Net, Profile};
use carry::venues::binance::pushed::pushed;
use carry::venues::binance::sign::{Stamp, TradeSigner};
use criterion::{Criterion, criterion_group};
use hmac::{Hmac, Mac as _};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::Deserialize;
use sha2::Sha256;
use sha3::{Digest as _, Keccak256};
use std::hint::black_box;
use std::time::Instant;

const SECRET: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const USER: &str = "0x00000000000000000000000000000000000000aa";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n";

const REPORT: &str = r#"{"e":"executionReport","E":1700000000001,"s":"ABCUSDT","c":"c1-000000ab-7","S":"BUY","o":"LIMIT","f":"IOC","q":"2.00000000","p":"25.36000000","P":"0.00000000","F":"0.00000000","g":-1,"C":"","x":"TRADE","X":"PARTIALLY_FILLED","r":"NONE","i":71,"l":"1.50000000","z":"1.50000000","L":"25.35000000","n":"0.00150000","N":"ABC","T":1700000000000,"t":9001,"I":12,"w":false,"m":false,"M":true,"O":1700000000000,"Z":"38.02500000","Y":"38.02500000","Q":"0.00000000"}"#;
const UPDATE: &str = r#"{"e":"ORDER_TRADE_UPDATE","E":1700000000001,"T":1700000000000,"o":{"s":"ABCUSDT","c":"c1-000000ab-8","S":"SELL","o":"LIMIT","f":"GTX","q":"2","p":"25.4","ap":"25.4","sp":"0","x":"TRADE","X":"FILLED","i":72,"l":"2","z":"2","L":"25.4","n":"0.01","N":"USDT","T":1700000000000,"t":9002,"b":"0","a":"0","m":true,"R":false,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"BOTH","cp":false,"rp":"0"}}"#;

const ACCOUNT: &str = r#"{"e":"ACCOUNT_UPDATE","E":1700000000001,"T":1700000000000,"a":{"m":"ORDER","B":[{"a":"USDT","wb":"10021.50000000","cw":"10021.00000000","bc":"0"}],"P":[{"s":"ABCUSDT","pa":"-5.000","ep":"25.15540","bep":"25.16","cr":"0.1","up":"0.001","mt":"cross","iw":"0","ps":"BOTH"}]}}"#;

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a client would")]
struct Usual {
    s: String,
    c: String,
    #[serde(rename = "S")]
    side: String,
    q: String,
    p: String,
    x: String,
    #[serde(rename = "X")]
    state: String,
    i: u64,
    l: String,
    z: String,
    #[serde(rename = "L")]
    last: String,
    n: String,
    #[serde(rename = "N")]
    asset: String,
    #[serde(rename = "T")]
    time: i64,
    t: i64,
    m: bool,
}

#[derive(Deserialize)]
struct UsualUpdate {
    o: Usual,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a client would")]
struct UsualBalance {
    a: String,
    wb: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a client would")]
struct UsualPosition {
    s: String,
    pa: String,
    ep: String,
    ps: String,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "read, as a client would")]
struct UsualLists {
    m: String,
    #[serde(rename = "B")]
    balances: Vec<UsualBalance>,
    #[serde(rename = "P")]
    positions: Vec<UsualPosition>,
}

#[derive(Deserialize)]
struct UsualAccount {
    #[serde(rename = "T")]
    time: i64,
    a: UsualLists,
}

fn usual_account(text: &str) -> (UsualAccount, Decimal) {
    let sent: UsualAccount = serde_json::from_str(text).unwrap();
    let number = |text: &String| -> Decimal { text.parse().unwrap() };
    let balances = sent.a.balances.iter().map(|row| number(&row.wb));
    let positions = sent.a.positions.iter().flat_map(|row| [number(&row.pa), number(&row.ep)]);
    let sum = balances.chain(positions).sum();
    black_box(sent.time);
    (sent, sum)
}

/// The usual way when the kind is known beforehand, reading the same fields: the fairest rival.
fn usual(kind: &str, text: &str) -> (Usual, Decimal) {
    let sent: Usual = match kind {
        "executionReport" => serde_json::from_str(text).unwrap(),
        _ => serde_json::from_str::<UsualUpdate>(text).unwrap().o,
    };
    let number = |text: &String| -> Decimal { text.parse().unwrap() };
    let sum = [&sent.q, &sent.p, &sent.l, &sent.z, &sent.last, &sent.n].map(number).into_iter().sum();
    (sent, sum)
}

fn order(profile: &Profile, market: Market) -> WriteRequest {
    let placement = Placement {
        market,
        symbol: Symbol::of("BTCUSDT"),
        id: ClientOrderId { epoch: 3, salt: 0xdead_beef, number: 1234 },
        side: Side::Sell,
        quantity: Quantity::parse("0.123").unwrap(),
        limit: Price::parse("61685.9").unwrap(),
        time_in_force: TimeInForce::ImmediateOrCancel,
        reduce_only: false,
        priority: Priority::Normal,
    };
    encode::write(profile, &Act::Place(placement)).unwrap()
}

fn stamp() -> Stamp {
    Stamp::new(WallTime(1_700_000_000_000), 1_700_000_000_000_000)
}

/// What is signed: everything before the signature.
fn payload(signer: &TradeSigner, write: &WriteRequest) -> Vec<u8> {
    let signed = signer.sign_write(write, &stamp());
    let text = signed.body.unwrap_or_else(|| signed.path_and_query.split_once('?').unwrap().1.to_owned());
    text.split("&signature=").next().unwrap().as_bytes().to_vec()
}

type Work = Box<dyn Fn()>;

/// Each kind: ours, and the rival over the same bytes.
fn pairs() -> Vec<(&'static str, Work, Work)> {
    let (binance, aster) = (Profile::binance(), Profile::aster_v3(Net::Main));
    let hmac = TradeSigner::hmac("key", &SecretString::from(SECRET)).unwrap();
    let ed25519 = TradeSigner::ed25519("key", &SecretString::from(PEM)).unwrap();
    let agent = TradeSigner::agent(USER, &SecretString::from(SECRET), 1666).unwrap();
    let mut all: Vec<(&'static str, Work, Work)> = Vec::new();

    let write = order(&binance, Market::Spot);
    let bytes = payload(&hmac, &write);
    let ours = move || drop(black_box(hmac.sign_write(black_box(&write), &stamp())));
    let bare = move || {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(black_box(&bytes));
        black_box(mac.finalize().into_bytes());
    };
    all.push(("sign hmac", Box::new(ours), Box::new(bare)));

    let write = order(&binance, Market::Perp);
    let bytes = payload(&ed25519, &write);
    let key = <ed25519_dalek::SigningKey as ed25519_dalek::pkcs8::DecodePrivateKey>::from_pkcs8_pem(PEM).unwrap();
    let ours = move || drop(black_box(ed25519.sign_write(black_box(&write), &stamp())));
    let bare = move || {
        black_box(ed25519_dalek::Signer::sign(&key, black_box(&bytes)));
    };
    all.push(("sign ed25519", Box::new(ours), Box::new(bare)));

    let write = order(&aster, Market::Perp);
    let bytes = payload(&agent, &write);
    let mut scalar = [0_u8; 32];
    *scalar.last_mut().unwrap() = 1;
    let key = k256::ecdsa::SigningKey::from_slice(&scalar).unwrap();
    let ours = move || drop(black_box(agent.sign_write(black_box(&write), &stamp())));
    let bare = move || {
        let digest = Keccak256::digest(black_box(&bytes));
        black_box(key.sign_prehash_recoverable(&digest).unwrap());
    };
    all.push(("sign typed data", Box::new(ours), Box::new(bare)));

    for (name, market, text) in
        [("executionReport", Market::Spot, REPORT), ("ORDER_TRADE_UPDATE", Market::Perp, UPDATE)]
    {
        let profile = Profile::binance();
        let ours = move || drop(black_box(pushed(&profile, market, black_box(text.as_bytes())).unwrap()));
        let rival = move || drop(black_box(usual(name, black_box(text))));
        all.push((name, Box::new(ours), Box::new(rival)));
    }
    let profile = Profile::binance();
    let ours = move || drop(black_box(pushed(&profile, Market::Perp, black_box(ACCOUNT.as_bytes())).unwrap()));
    let rival = move || drop(black_box(usual_account(black_box(ACCOUNT))));
    all.push(("ACCOUNT_UPDATE", Box::new(ours), Box::new(rival)));
    all
}

fn benches(criterion: &mut Criterion) {
    for (name, ours, rival) in pairs() {
        let mut group = criterion.benchmark_group(name);
        group.bench_function("ours", |bencher| bencher.iter(&ours));
        group.bench_function("rival", |bencher| bencher.iter(&rival));
        group.finish();
    }
}

/// Nanoseconds of one call, over a round of them.
fn round(work: &Work) -> f64 {
    const TIMES: u32 = 200;
    let start = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    start.elapsed().as_secs_f64() * 1e9 / f64::from(TIMES)
}

/// Medians of interleaved rounds.
fn ratios() {
    for (name, ours, rival) in pairs() {
        let (mut a, mut b): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for _ in 0..101 {
            a.push(round(&ours));
            b.push(round(&rival));
        }
        a.sort_by(f64::total_cmp);
        b.sort_by(f64::total_cmp);
        let (ours, rival) = (a.get(50).unwrap(), b.get(50).unwrap());
        println!("{name}: ours {ours:.0} ns, rival {rival:.0} ns, ratio {:.2}", ours / rival);
    }
}

criterion_group!(group, benches);

fn main() {
    group();
    Criterion::default().configure_from_args().final_summary();
    ratios();
}
