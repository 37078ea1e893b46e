//! Two strategies in one live process, each with its file, its pair and its part of the capital; one account, one ledger.

use super::closed_and_equal;
use super::rig::{HIGH, Rig, compressed};
use serde_json::{Value, json};

/// The same market for both coins.
fn both(text: &str) -> String {
    format!("{text}{}", text.replace("calm = true", "").replace("BTCUSDT", "ETHUSDT"))
}

/// A strategy of one pair with such a part of the capital.
fn strategy(symbol: &str, part: &str) -> String {
    format!(
        "[strategy]\nrule = \"anchor\"\npairs = [\"binance:{symbol}\"]\ncapital = \"{part}\"\n\
         [signal]\nfunding = \"settled\"\nsmooth = \"1h\"\nmemory = \"2d\"\n\
         [entry]\nfunding = \"0.01%/8h\"\nmargin = \"0.01%/8h\"\ncooldown = \"1h\"\n\
         [exit]\nwhen = \"all\"\nfunding = \"0.005%/8h\"\nbasis = \"30bps\"\nmin_hold = \"1h\"\n\
         [gates]\nquadrant = false\nmin_depth = \"100usdt\"\n\
         [size]\nper_pair = \"100%\"\nper_coin = \"100%\"\n"
    )
}

/// Value of the short of a symbol on the venue's books, at the price of its last execution; nothing is zero.
fn short(rig: &Rig, symbol: &str) -> f64 {
    let books = rig.get("/carry/books");
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let orders = books["orders"].as_array().unwrap().iter();
    let own = orders.filter(|order| order["market"] == "perp" && order["order"]["symbol"] == symbol);
    let price =
        own.flat_map(|order| order["executions"].as_array().unwrap()).map(|fill| number(&fill["price"])).next_back();
    number(&books["positions"][symbol]["coins"]).abs() * price.unwrap_or(0.0)
}

#[test]
fn two_strategies_trade_one_account_each_within_its_part_and_go_on_together_only() {
    let rig = Rig::new(&format!("{}{}", both(HIGH), both(&compressed(140))), 100);
    std::fs::write(rig.path("strategy.toml"), strategy("BTCUSDT", "20%")).unwrap();
    std::fs::write(rig.path("eth.toml"), strategy("ETHUSDT", "30%")).unwrap();
    let eth = rig.path("eth.toml").display().to_string();
    let more = ["--strategy", &eth];
    // A fifth and three tenths of 100,000, nine tenths of them at work, at 1x half of that is short.
    let (least, most) = ((7_500.0, 11_500.0), (9_100.0, 13_600.0));
    let both_held = || short(&rig, "BTCUSDT") > least.0 && short(&rig, "ETHUSDT") > least.1;
    let killed = Rig::killed_when(rig.live("135m", &more), both_held);
    assert_eq!(killed.code, None, "it was killed with both at work: {}", killed.err);
    let held = (short(&rig, "BTCUSDT"), short(&rig, "ETHUSDT"));
    assert!(held.0 > least.0 && held.1 > least.1, "{held:?}\n{}", killed.err);
    assert!(held.0 < most.0 && held.1 < most.1, "each within its part: {held:?}\n{}", killed.err);
    // With one file missing what it holds would be nobody's: nothing is sent, and the command that helps is named.
    let alone = Rig::run(rig.live("10m", &[]), 120);
    assert_eq!(alone.code, Some(2), "{}", alone.err);
    assert!(alone.err.contains("eth.toml is of this session and is not named"), "{}", alone.err);
    assert!(alone.err.contains("it goes on with --strategy") && alone.err.contains("eth.toml"), "{}", alone.err);
    assert_eq!((short(&rig, "BTCUSDT"), short(&rig, "ETHUSDT")), held);
    let ran = Rig::run(rig.live("150m", &more), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.summary()["strategies"]["eth"]["pairs"], json!(["binance:ETHUSDT"]));
    closed_and_equal(&rig, &ran);
}

#[test]
fn a_shadow_and_the_doctor_take_two_strategies() {
    let rig = Rig::new(&both(HIGH), 150);
    std::fs::write(rig.path("strategy.toml"), strategy("BTCUSDT", "20%")).unwrap();
    std::fs::write(rig.path("eth.toml"), strategy("ETHUSDT", "30%")).unwrap();
    let word = |name: &str| rig.path(name).display().to_string();
    let (state, btc, eth) = (word("state"), word("strategy.toml"), word("eth.toml"));
    let place = ["--base-url", &rig.base, "--clock", "venue", "--state", &state, "--json"];
    let shadow = [&["shadow", "--for", "90m", "--strategy", &eth, "--strategy", &btc], &place[..]].concat();
    let ran = rig.ask(&shadow);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.summary()["pnl"]["unexplained"], "0", "{}", ran.out);
    assert!(rig.get("/carry/books")["orders"].as_array().unwrap().is_empty(), "nothing was sent");
    let pairs = |name: &str| ran.summary()["strategies"][name]["pairs"].clone();
    assert_eq!((pairs("strategy"), pairs("eth")), (json!(["binance:BTCUSDT"]), json!(["binance:ETHUSDT"])));
    // Doctor asks about the pairs of both, and about their hours in the shadow.
    let named = ["--strategy", &btc, "--strategy", &eth];
    let doctor = rig.ask(
        &[&["doctor", "--state", &state, "--base-url", &rig.base, "--clock", "venue", "--json"], &named[..]].concat(),
    );
    for word in ["BTCUSDT", "ETHUSDT", "minutes in the shadow"] {
        assert!(doctor.out.contains(word), "{word}: {}{}", doctor.out, doctor.err);
    }
}
