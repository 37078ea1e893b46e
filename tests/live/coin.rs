//! Coins as collateral of their short, end to end: there, through a rally, through a sale by the venue and a kill, and back.

use crate::rig::{HIGH, RALLY, Ran, Rig, compressed};
use crate::{SPEED, closed_and_equal, count, reconciled};
use carry::domain::Amount;

const COIN: [&str; 4] = ["--set", "margin.collateral=coin", "--set", "execution.clip=10000usd"];

fn bitcoin(wallet: &str) -> (String, String) {
    (wallet.to_owned(), "BTC".to_owned())
}

/// Transfers of the coin on the venue's books: those to the perp wallet, and those back.
fn moves(rig: &Rig) -> (usize, usize) {
    let books = rig.get("/carry/books");
    let rows = books["income"].as_array().unwrap().iter();
    let coins = rows.filter(|row| row["type"] == "TRANSFER" && row["asset"] == "BTC");
    let (mut there, mut back) = (0, 0);
    for row in coins {
        if row["amount"].as_str().unwrap().starts_with('-') { back += 1 } else { there += 1 }
    }
    (there, back)
}

fn ended_well(rig: &Rig, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(rig, ran);
    reconciled(rig);
}

#[test]
fn e15_a_short_on_its_own_coins_rides_a_rally_and_the_coins_come_back() {
    let rig = Rig::new(&format!("{HIGH}{RALLY}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &COIN), 300);
    ended_well(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    assert_eq!(summary["alarms"].get("margin_low"), None, "{}", ran.out);
    assert_eq!(summary["alarms"].get("liquidated"), None);
    let paid = rig.income("FUNDING_FEE");
    assert!(paid.len() >= 2, "two settlements at least: {paid:?}");
    assert_eq!(summary["pnl"]["funding"], paid.iter().copied().sum::<Amount>().to_string());
    assert!(rig.income("AUTO_EXCHANGE").is_empty(), "no debt was left for the venue to pay");
    let (there, back) = moves(&rig);
    assert!(there >= 3 && back >= 3, "clip by clip: {there} there, {back} back");
    assert_eq!(rig.books().get(&bitcoin("perp")), None, "all coins are home");
}

#[test]
fn e15_a_debt_above_the_limit_sells_coins_and_the_sale_is_booked_and_repaired() {
    // Somebody takes the quote money out of the perp wallet, in the very minute in which the venue looks.
    let taken = r#"
[[act]]
at = "90m"
act = "deposit"
wallet = "perp"
asset = "USDT"
amount = "-20000"
"#;
    let rig = Rig::new(&format!("{HIGH}{taken}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("270m", &COIN), 300);
    ended_well(&rig, &ran);
    let summary = ran.summary();
    assert!(rig.income("AUTO_EXCHANGE").len() >= 2, "{:?}", rig.income("AUTO_EXCHANGE"));
    assert!(count(&summary["alarms"]["auto_exchanged"]) >= 1, "{}", ran.out);
    assert_eq!(summary["pnl"]["transfers"], "-20000", "what was taken is no loss");
    assert_eq!(summary["alarms"].get("difference"), None, "{}", ran.out);
}

#[test]
fn g01_killed_while_its_coins_margin_the_short_it_brings_them_back() {
    let rig = Rig::new(&format!("{HIGH}{}", compressed(150)), SPEED);
    let killed = Rig::killed_when(rig.live("6h", &COIN), || {
        rig.books().get(&bitcoin("perp")).is_some_and(|coins| *coins > Amount::parse("0.2").unwrap())
    });
    assert_eq!(killed.code, None, "{}", killed.err);
    let ran = Rig::run(rig.live("240m", &COIN), 300);
    ended_well(&rig, &ran);
    rig.search(&[&killed]);
    assert_eq!(ran.summary()["alarms"].get("foreign"), None, "{}", ran.out);
    let (there, back) = moves(&rig);
    assert!(there >= 3 && back >= 3, "{there} there, {back} back");
    assert_eq!(rig.books().get(&bitcoin("perp")), None, "all coins are home");
}

#[test]
fn e15_the_mode_of_an_account_with_a_position_is_left_to_a_person() {
    let rig = Rig::new(
        &format!(
            "{HIGH}\n[[act]]\nact = \"deposit\"\nwallet = \"perp\"\nasset = \"USDT\"\namount = \"5000\"\n\
             [[act]]\nact = \"foreign\"\nsymbol = \"BTCUSDT\"\nmarket = \"perp\"\nside = \"sell\"\nquantity = \"0.01\"\n"
        ),
        SPEED,
    );
    let ran = Rig::run(rig.live("10m", &COIN), 120);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("collateral mode") && ran.err.contains("margin.collateral"), "{}", ran.err);
}

#[test]
fn where_nobody_says_what_coins_count_for_they_are_refused_as_collateral() {
    let rig = Rig::new(HIGH, SPEED);
    let strategy = rig.path("strategy.toml").display().to_string();
    let replay = format!("replay:{}", rig.path("recording").display());
    let coin = ["--set", "margin.collateral=coin"];
    let paper = rig.ask(&[&["paper", "--market", &replay, "--strategy", &strategy][..], &coin].concat());
    assert_eq!(paper.code, Some(2), "{}", paper.err);
    assert!(paper.err.contains("margin.collateral") && paper.err.contains("quote"), "{}", paper.err);
    // One account for both is nothing that a venue here offers.
    let unified = ["shadow", "--strategy", &strategy, "--set", "margin.collateral=unified", "--base-url", &rig.base];
    let unified = rig.ask(&unified);
    assert_eq!(unified.code, Some(2), "{}", unified.err);
    assert!(unified.err.contains("simulated"), "{}", unified.err);
    let pairs = "strategy.pairs=[\"aster:BTCUSDT\"]";
    let words =
        ["shadow", "--strategy", &strategy, "--set", "margin.collateral=coin", "--set", pairs, "--base-url", &rig.base];
    let shadow = rig.ask(&words);
    assert_eq!(shadow.code, Some(2), "{}", shadow.err);
    assert!(shadow.err.contains("margin.collateral") && shadow.err.contains("aster"), "{}", shadow.err);
}

#[test]
fn e15_a_shadow_counts_coins_as_its_venue_does() {
    let rig = Rig::new(&format!("{HIGH}{RALLY}{}", compressed(150)), SPEED);
    let strategy = rig.path("strategy.toml").display().to_string();
    let run = rig.path("shadow-run").display().to_string();
    let mut words = vec!["shadow", "--strategy", &strategy, "--base-url", &rig.base, "--clock", "venue"];
    words.extend(["--state", &run, "--for", "270m", "--json", "--set", "execution.hedge_time=60s"]);
    words.extend(COIN);
    let ran = rig.ask(&words);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let summary = ran.summary();
    assert_eq!((&summary["round_trips"], &summary["open_pairs"]), (&1.into(), &0.into()), "{}", ran.out);
    assert_eq!(summary["pnl"]["unexplained"], "0", "{}", ran.out);
    assert_eq!(summary["alarms"].get("margin_low"), None, "{}", ran.out);
}
