//! Recorded and documented material of the Binance family through signing, answers, pushes and refusals. Third-party:
//! it lives outside the repository (see `tests/suite/wire.rs`, which runs the recorded books). Without it each test says
//! that it was skipped, which is an error when `CI` is set.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "test helpers; the folder comes from outside")]
#![expect(clippy::indexing_slicing, reason = "a JSON value gives null for what it lacks")]
#![expect(clippy::print_stdout, reason = "the counts, and that material is missing, are for the person who runs it")]

use carry::domain::{Market, Symbol, WallTime};
use carry::port::event::Wallet;
use carry::venues::answer::{Answer, Class};
use carry::venues::ask::{Act, Ask, Candles, From, Host, ListenKeyAct, Method, Priority, Request, Security};
use carry::venues::binance::errors::{Asked, Context, refused};
use carry::venues::binance::profile::{Net, Profile};
use carry::venues::binance::pushed::pushed;
use carry::venues::binance::reply::{answer, outcome};
use carry::venues::binance::sign::{Stamp, TradeSigner, WsCall};
use carry::venues::binance::{Scratch, decode};
use secrecy::SecretString;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The shared folder, or nothing and a line that says so.
fn shared() -> Option<PathBuf> {
    let named = std::env::var("CARRY_SHARED").ok().map(PathBuf::from);
    let folder = named.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    if folder.join("wire").is_dir() {
        return Some(folder.join("wire"));
    }
    assert!(std::env::var("CI").is_err(), "CI must have the shared folder; set CARRY_SHARED");
    println!("skipped: no shared material at {}", folder.display());
    None
}

fn text_of(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
        return text;
    }
    String::from_utf8(bytes).unwrap()
}

/// Messages and bodies of one file, as text.
fn bodies(path: &Path) -> Vec<String> {
    let (name, text) = (path.to_string_lossy().into_owned(), text_of(path));
    let mut found = if name.contains(".jsonl") {
        let line = |line: &str| serde_json::from_str::<Value>(line).unwrap()["raw"].as_str().unwrap().to_owned();
        text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
    } else {
        match serde_json::from_str::<Value>(&text).unwrap() {
            Value::Array(pairs) if pairs.iter().all(|pair| pair["path"].is_string()) => {
                pairs.iter().map(|pair| pair["data"].to_string()).collect()
            }
            // One object of lists by symbol, as a library keeps the venue's list.
            Value::Object(symbols) if name.contains("leverage_brackets") => {
                let row = |(symbol, brackets)| serde_json::json!({ "symbol": symbol, "brackets": brackets });
                vec![Value::Array(symbols.iter().map(row).collect()).to_string()]
            }
            _ => vec![text],
        }
    };
    // What a call over the WebSocket API returns is also what HTTP returns.
    for text in found.clone() {
        if let Ok(Value::Object(call)) = serde_json::from_str::<Value>(&text)
            && let Some(result @ (Value::Object(_) | Value::Array(_))) = call.get("result")
        {
            found.push(result.to_string());
        }
    }
    found
}

fn files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        // The long recordings of books run in `tests/suite/wire.rs`.
        if path.is_dir() && !path.ends_with("hftb_btcusdt_2024-08-08") {
            files(&path, into);
        } else if path.is_file() {
            into.push(path);
        }
    }
    into.sort();
}

/// Every question that could have had this body as its answer: those that name something name what the body names.
fn questions(market: Market, body: &str) -> Vec<Ask> {
    let parsed: Value = serde_json::from_str(body).unwrap_or_default();
    let row = if parsed.is_array() { &parsed[0] } else { &parsed };
    let named = |key: &str| row[key].as_str().filter(|text| !text.is_empty());
    let symbol = named("symbol").and_then(|text| Symbol::new(text).ok()).unwrap_or(Symbol::of("BTCUSDT"));
    let id = named("origClientOrderId").or(named("clientOrderId")).unwrap_or("").to_owned();
    let (start, end, limit) = (WallTime(1), WallTime(2), 10);
    let candles = |kind| Ask::Candles { kind, symbol, step: "1h", start, end, limit };
    vec![
        Ask::Time(market),
        Ask::Instruments(market),
        Ask::Depth { market, symbol, levels: 5 },
        Ask::BestQuote { market, symbol: None },
        candles(Candles::Trade(market)),
        Ask::Premium { symbol: Some(symbol) },
        Ask::FundingInfo,
        Ask::FundingHistory { symbol, start: None, end: None, limit },
        Ask::OpenInterest { symbol },
        Ask::Order { market, symbol, id },
        Ask::OpenOrders { market, symbol: None },
        Ask::Fills { market, symbol, from: From::Latest, limit },
        Ask::Balances(Wallet::Spot),
        Ask::Balances(Wallet::Perp),
        Ask::Positions,
        Ask::SymbolConfig { symbol },
        Ask::AccountConfig,
        Ask::Brackets { symbol },
        Ask::Commission { market, symbol },
        Ask::Income { kind: None, start, end: None, page: 1, limit },
        Ask::Transfers { from: Wallet::Spot, start },
        Ask::KeyRights,
        Ask::TradingStatus,
        Ask::CollateralRates,
        Ask::AdlRank,
        Ask::ListenKey { market, act: ListenKeyAct::Open },
    ]
}

/// The first word of a value's debug text.
fn word(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

type Counts = BTreeMap<String, usize>;

fn count(counts: &mut Counts, kind: String, more: usize) {
    *counts.entry(kind).or_default() += more;
}

/// Runs one body through every decoder; each must give something typed, whatever it is.
fn run(profile: &Profile, market: Market, body: &str, counts: &mut Counts) {
    let mut used = false;
    match decode(market, body.as_bytes(), &mut Scratch::default()) {
        Ok(message) if message.kind().as_str() != "unrecognised" => {
            used = true;
            count(counts, format!("market {}", message.kind()), 1);
        }
        Ok(_) => {}
        Err(error) => assert!(error.to_string().len() < 300),
    }
    match pushed(profile, market, body.as_bytes()) {
        Ok(messages) => {
            for message in &messages {
                let kind = word(message);
                used |= kind != "Unrecognised";
                count(counts, format!("push {kind}"), 1);
            }
        }
        Err(error) => assert!(error.to_string().len() < 300),
    }
    for ask in questions(market, body) {
        match answer(profile, &ask, 200, body.as_bytes()) {
            // An empty list answers every question for a list.
            Ok(_) if body.trim() == "[]" => {}
            Ok(answer) => {
                used = true;
                count(counts, format!("answer {}", word(&answer)), 1);
                if let Answer::Instruments { listings, left_out, .. } = answer {
                    // Samples of documents leave filters out; real lists do not.
                    let real = listings.len() > 10;
                    assert!(!real || left_out.len() * 50 <= listings.len(), "{left_out:?}");
                    count(counts, "instruments left out".into(), left_out.len());
                }
            }
            Err(refused) => assert!(refused.text.chars().count() <= 120),
        }
    }
    let act = Act::CancelAll { market, symbol: Symbol::of("BTCUSDT") };
    if let Err(refused) = outcome(profile, &act, 200, body.as_bytes()) {
        assert!(refused.text.chars().count() <= 120);
        if let Some(code) = refused.code {
            used = true;
            count(counts, format!("refusal {code}"), 1);
        }
    }
    count(counts, if used { "used".into() } else { "refused everywhere".into() }, 1);
}

fn folder_counts(wire: &Path, venue: &str) -> Counts {
    let (profile, markets): (_, &[Market]) = match venue {
        "aster" => (Profile::aster_v3(Net::Main), &[Market::Spot, Market::Perp]),
        "binance-spot" => (Profile::binance(), &[Market::Spot]),
        _ => (Profile::binance(), &[Market::Perp]),
    };
    let mut total = Counts::new();
    for kind in ["recorded", "looks_recorded", "docs"] {
        let mut paths = Vec::new();
        files(&wire.join(venue).join(kind), &mut paths);
        let mut counts = Counts::new();
        for body in paths.iter().flat_map(|path| bodies(path)) {
            for market in markets {
                run(&profile, *market, &body, &mut counts);
            }
        }
        println!("{venue}/{kind}: {counts:#?}");
        for (kind, seen) in counts {
            *total.entry(kind).or_default() += seen;
        }
    }
    total
}

fn at_least(counts: &Counts, least: &[(&str, usize)]) {
    for (kind, least) in least {
        let seen = counts.get(*kind).copied().unwrap_or(0);
        assert!(seen >= *least, "{kind}: {seen}, at least {least}");
    }
}

#[test]
fn x01_c09_every_spot_body_is_read_or_refused() {
    let Some(wire) = shared() else { return };
    let counts = folder_counts(&wire, "binance-spot");
    at_least(&counts, &[("push Order", 10), ("push Balances", 4), ("answer Order", 10), ("answer Instruments", 3)]);
    at_least(&counts, &[("answer Fills", 1), ("answer Balances", 5), ("answer Candles", 5), ("push Reply", 10)]);
    at_least(
        &counts,
        &[("push Terminated", 1), ("push ServerShutdown", 1), ("answer Commission", 1), ("refused everywhere", 1)],
    );
}

#[test]
fn x01_c09_every_perp_body_is_read_or_refused() {
    let Some(wire) = shared() else { return };
    let counts = folder_counts(&wire, "binance-usdm");
    at_least(&counts, &[("push Order", 6), ("push Balances", 6), ("push Positions", 2), ("push MarginCall", 1)]);
    at_least(&counts, &[("answer Instruments", 2), ("answer Brackets", 3), ("answer FundingInfo", 1)]);
    at_least(&counts, &[("answer FundingHistory", 4), ("answer Premium", 3), ("answer Positions", 3)]);
    at_least(&counts, &[("answer Income", 1), ("answer OpenInterest", 4), ("push Unrecognised", 3)]);
}

#[test]
fn x01_c09_every_aster_body_is_read_or_refused() {
    let Some(wire) = shared() else { return };
    let counts = folder_counts(&wire, "aster");
    at_least(&counts, &[("answer Instruments", 3), ("answer Order", 4), ("answer Fills", 1), ("push Order", 1)]);
    at_least(&counts, &[("answer Brackets", 1), ("answer Income", 1), ("answer Positions", 1)]);
}

fn vectors(wire: &Path, venue: &str) -> Vec<Value> {
    let text = text_of(&wire.join(venue).join("signing/vectors.json"));
    let all: Vec<Value> = serde_json::from_str(&text).unwrap();
    all.into_iter().filter(|vector| vector["verified_by_recomputation"] == "yes").collect()
}

fn signer(vector: &Value) -> TradeSigner {
    let text = |key: &str| vector[key].as_str().unwrap().to_owned();
    let secret = |key: &str| SecretString::from(text(key));
    if vector["private_key_pem"].is_string() {
        return TradeSigner::ed25519("name", &secret("private_key_pem")).unwrap();
    }
    if vector["private_key"].is_string() {
        let chain = vector["chain_id"].as_u64().unwrap();
        return TradeSigner::agent(&text("user"), &secret("private_key"), chain).unwrap();
    }
    TradeSigner::hmac(&text("api_key"), &secret("secret")).unwrap()
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.trim_start_matches("0x");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// The scheme before typed data: Keccak over the ABI encoding of the parameters, two addresses and a nonce, signed as a
/// personal message.
fn former_signature(vector: &Value) -> String {
    use sha3::{Digest as _, Keccak256};
    use std::fmt::Write as _;
    let text = |key: &str| vector[key].as_str().unwrap();
    let word = |tail: &[u8]| [vec![0; 32 - tail.len()], tail.to_vec()].concat();
    let json = text("params_json").as_bytes();
    let number = |number: u64| word(&number.to_be_bytes());
    let head = [number(4 * 32), word(&bytes_of(text("user"))), word(&bytes_of(text("signer")))].concat();
    let padding = vec![0; json.len().next_multiple_of(32) - json.len()];
    let length = number(u64::try_from(json.len()).unwrap());
    let nonce = number(vector["nonce"].as_u64().unwrap());
    let hash = Keccak256::digest([head, nonce, length, json.to_vec(), padding].concat());
    let message = [b"\x19Ethereum Signed Message:\n32".as_slice(), hash.as_slice()].concat();
    let key = k256::ecdsa::SigningKey::from_slice(&bytes_of(text("private_key"))).unwrap();
    let (signature, id) = key.sign_prehash_recoverable(&Keccak256::digest(message)).unwrap();
    let bytes = [signature.to_bytes().as_slice(), &[27 + id.to_byte()]].concat();
    bytes.iter().fold("0x".to_owned(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Each verified vector by the bare signature, and by the whole way where it has the form that we send.
#[test]
fn every_verified_signing_vector_is_reproduced() {
    let Some(wire) = shared() else { return };
    let (mut bare, mut whole, mut other) = (0, 0, Vec::new());
    for vector in vectors(&wire, "binance-spot").into_iter().chain(vectors(&wire, "aster")) {
        let expected = vector["expected_signature"].as_str().unwrap();
        let Some(payload) = vector["payload"].as_str() else {
            // The scheme that Aster had before typed data, withdrawn in January 2026: shown to be understood, and never sent.
            assert_eq!(former_signature(&vector), expected, "{}", vector["name"]);
            other.push(vector["name"].as_str().unwrap().to_owned());
            continue;
        };
        let signer = signer(&vector);
        assert_eq!(signer.signature_of(payload.as_bytes()), expected, "{}", vector["name"]);
        bare += 1;
        let (query, time) = payload.rsplit_once("timestamp=").unwrap_or((payload, ""));
        let method = vector["request"]["method"].as_str();
        if let (None, Ok(time)) = (method, time.parse()) {
            let stamp = Stamp { at: WallTime(time), window_ms: None, nonce: 0 };
            let request = Request {
                method: Method::Get,
                host: Host::Spot,
                path: "/api/v3/account",
                query: query.trim_end_matches('&').to_owned(),
                security: Security::Signed,
                weight: 1,
                is_order: false,
                priority: Priority::Normal,
            };
            let signed = signer.reader().sign(&request, &stamp).unwrap();
            assert_eq!(signed.path_and_query, format!("/api/v3/account?{payload}&signature={expected}"));
            whole += 1;
        } else if let (Some("session.logon"), Ok(time)) = (method, time.parse()) {
            let stamp = Stamp { at: WallTime(time), window_ms: None, nonce: 0 };
            let id = vector["request"]["id"].as_str().unwrap();
            let text = signer.reader().ws_api(id, WsCall::LogOn, &stamp).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), vector["request"]);
            whole += 1;
        }
    }
    println!("{bare} bare signatures, {whole} whole requests; of another scheme: {other:?}");
    assert!(bare >= 18 && whole >= 5 && other.len() <= 1);
}

/// Every listed code and every reported body: a class, and never proof for a code that the allow-list does not name.
#[test]
fn a07_every_listed_and_reported_error_has_a_class() {
    let Some(wire) = shared() else { return };
    for (venue, market) in [("binance-spot", Market::Spot), ("binance-usdm", Market::Perp), ("aster", Market::Perp)] {
        let mut paths = Vec::new();
        files(&wire.join(venue).join("errors"), &mut paths);
        let mut classes = Counts::new();
        for row in paths.iter().flat_map(|path| serde_json::from_str::<Vec<Value>>(&text_of(path)).unwrap()) {
            let key = row["key"].as_str().and_then(|key| key.parse::<i64>().ok());
            let code = row["code"].as_i64().or(key).unwrap_or(0);
            let status = row["http_status"].as_u64().and_then(|status| u16::try_from(status).ok()).unwrap_or(400);
            let texts = row["messages"].as_array().cloned().unwrap_or_else(|| vec![row["text"].clone()]);
            let made = |text: &Value| serde_json::json!({ "code": code, "msg": text }).to_string();
            let raw = row["raw"].as_str().map(str::to_owned);
            for body in raw.map_or_else(|| texts.iter().map(made).collect(), |raw| vec![raw]) {
                for asked in [Asked::Read, Asked::Write, Asked::Place] {
                    let context = Context { market, asked, telling_overload: venue != "aster" };
                    let refused = refused(context, status, body.as_bytes(), None);
                    assert!(refused.text.chars().count() <= 120);
                    if asked == Asked::Place {
                        assert!(!matches!(refused.class, Class::NotFound | Class::Unchanged), "{body}");
                        count(&mut classes, format!("{:?}", refused.class), 1);
                    }
                }
            }
        }
        println!("{venue}/errors, as placements: {classes:#?}");
        let proofs: usize = classes.iter().filter(|(class, _)| class.starts_with("Proof")).map(|(_, seen)| seen).sum();
        assert!(classes["Unknown"] >= 10 && classes["Auth"] >= 3 && proofs >= 2);
    }
    let body = br#"{"code":-5022,"msg":"any language"}"#;
    let context = Context { market: Market::Perp, asked: Asked::Place, telling_overload: true };
    assert!(
        matches!(refused(context, 400, body, None).class, Class::Proof(_)),
        "a text in another language changes nothing"
    );
}
