//! Several strategies on one account, each with its file, its pair and its part of the capital: the same faults, the files named in
//! another order in every second life, and scenes in which what befalls one must leave the other its own rules.
//!
//! Draws and plans are apart from those of the other configurations.

use super::attack::{Hand, MoreRates};
use super::face::Face;
use super::game::{Game, START};
use super::plan::{Draws, Plan, Rates, Timed, What};
use super::world::{Report, run};
use super::{coin, two};
use carry::port::command::AlarmKind;
use std::fmt::Write as _;

const MINUTE: i64 = 60_000;
/// Two fifths of the capital each, of which a pair may use the half: the sizes of the first configuration.
const PARTS: &[(&str, &str)] = &[("40%", "50%"), ("40%", "50%")];

/// Plays one seed.
pub(crate) fn play(seed: u64, long: Option<bool>) -> Report {
    // Seed 0 stays the one without faults; the others are not those of the other configurations again.
    let own = if seed == 0 { 0 } else { seed.wrapping_add(7_000_000) };
    // One venue, legs at two, and coins that margin their short.
    let (game, draws) = match seed % 3 {
        0 => {
            let mut draws = Draws::new(own);
            (Game::chosen(own, long, &mut draws, true), draws)
        }
        1 => two::game(own, long),
        _ => coin::game(own, long),
    };
    run(own, Game { parts: PARTS, ..game }, draws, None)
}

/// A game without faults but these, in which each coin pays from one minute to another. Settlements are at minutes 55, 115 and 175,
/// and the last one alone decides.
struct Scene {
    parts: &'static [(&'static str, &'static str)],
    set: &'static [&'static str],
    money: (i64, i64),
    pays: [(i64, i64); 2],
    acts: Vec<Timed>,
    /// Minutes that are played, of which a person looks at the last twenty.
    lasts: i64,
}

const SYMBOLS: &[&str] = &["BTCUSDT", "ETHUSDT"];

impl Scene {
    fn play(self) -> Report {
        let mut market = "calm = true\n".to_owned();
        for (symbol, (from, to)) in SYMBOLS.iter().zip(self.pays) {
            let mut act = |at: i64, rest: &str| {
                writeln!(market, "[[act]]\nat = \"{at}m\"\nsymbol = \"{symbol}\"\n{rest}").unwrap();
            };
            act(0, "act = \"interval\"\nhours = 1");
            if from > 0 {
                act(0, "act = \"funding\"\nrate = \"0.00001\"");
            }
            act(from, "act = \"funding\"\nrate = \"0.0001\"");
            act(to, "act = \"funding\"\nrate = \"-0.00005\"");
            act(to, "act = \"premium\"\nto = \"-0.0005\"\nover = \"10m\"");
        }
        let plan = Plan {
            rates: Rates::default(),
            acts: self.acts,
            until: (self.lasts - 20) * MINUTE,
            way: (5, 30),
            push: (0, 20),
            crash_every: 0,
            more: MoreRates::default(),
        };
        let (face, there, start, length, asleep) = (Face::Binance, None, START, self.lasts * MINUTE, true);
        let (symbols, held, more): (_, &[(i64, i64)], _) = (SYMBOLS, &[], &["signal.smooth=0s"]);
        let (parts, set, money) = (self.parts, self.set, self.money);
        let game = Game { plan, market, money, symbols, set, more, face, there, held, start, length, asleep, parts };
        run(1, game, Draws::new(1), None)
    }
}

/// Second, coins and value of each own execution of a leg, as the judge wrote it down: `perp BTCUSDT Sell 0.1 at 120000 fee ...`.
fn executions(report: &Report, leg: &str) -> Vec<(f64, f64, f64)> {
    let of_line = |line: &String| {
        let (at, rest) = line.trim().split_once(" s  ")?;
        let mut words = rest.strip_prefix(leg)?.split_whitespace();
        let coins: f64 = words.next()?.parse().ok()?;
        let price: f64 = words.nth(1)?.parse().ok()?;
        let own = !rest.contains("by the venue") && !rest.contains("by web_");
        own.then_some((at.trim().parse().ok()?, coins, coins * price))
    };
    report.log.iter().filter_map(of_line).collect()
}

fn between(found: &[(f64, f64, f64)], from: i64, to: i64) -> usize {
    let minute = |at: f64| at / 60.0;
    let (from, to) = (f64::from(i32::try_from(from).unwrap()), f64::from(i32::try_from(to).unwrap()));
    found.iter().filter(|(at, ..)| (from..to).contains(&minute(*at))).count()
}

fn log(report: &Report) -> String {
    report.log.join("\n")
}

#[test]
fn f01_the_entry_of_one_strategy_takes_no_margin_from_the_short_of_another_in_a_rally() {
    let rally = "act = \"rally\"\nsymbol = \"BTCUSDT\"\nby = \"0.6\"\nover = \"40m\"".to_owned();
    let report = Scene {
        parts: &[("50%", "100%"), ("50%", "100%")],
        set: &[],
        money: (100_000, 0),
        pays: [(0, 105), (52, 105)],
        lasts: 150,
        acts: vec![Timed { at: 10 * MINUTE, what: What::Venue(rally, "F01") }],
    }
    .play();
    assert!(report.found.broken.is_empty(), "{:#?}\n{}", report.found.broken, log(&report));
    let (bought_back, other) = (executions(&report, "perp BTCUSDT Buy "), executions(&report, "perp ETHUSDT Sell "));
    assert!(!other.is_empty(), "the second strategy entered nothing\n{}", log(&report));
    // What the rally took of the wallet is not the second one's to use; what it may not have it does not take from the first.
    assert_eq!(between(&bought_back, 0, 115), 0, "{bought_back:?}\n{}", log(&report));
    for kind in [AlarmKind::Liquidated, AlarmKind::MarginFloor] {
        assert!(!report.rang.contains(&kind), "{kind:?}\n{}", log(&report));
    }
}

#[test]
fn h09_a_pair_that_a_foreign_hand_latched_keeps_no_other_strategy_from_its_exit() {
    let close = What::Hand(Hand::CloseShort("BTCUSDT", 100), "H09");
    let acts = vec![Timed { at: 60 * MINUTE, what: close }];
    let (money, pays) = ((80_000, 40_000), [(0, 105), (0, 105)]);
    let report = Scene { parts: PARTS, set: &[], money, pays, acts, lasts: 150 }.play();
    let bought_back = executions(&report, "perp ETHUSDT Buy ");
    assert!(between(&bought_back, 115, 130) > 0, "{bought_back:?}\n{}", log(&report));
    let sold = executions(&report, "spot ETHUSDT Sell ");
    assert!(between(&sold, 115, 130) > 0, "{sold:?}\n{}", log(&report));
    // A person decides about the other: nothing of it is traded before he does.
    for leg in ["perp BTCUSDT Sell ", "spot BTCUSDT Buy "] {
        let again = executions(&report, leg);
        assert_eq!(between(&again, 60, 130), 0, "{leg} {again:?}\n{}", log(&report));
    }
    let told: Vec<_> = report.found.broken.iter().filter(|one| one.starts_with("I19")).collect();
    assert!(told.is_empty(), "{told:#?}\n{}", log(&report));
}

#[test]
fn f16_the_day_s_loss_of_one_strategy_stops_the_entries_of_all() {
    // The fees of one entry are more than a hundredth of a percent of the capital.
    let report = Scene {
        parts: PARTS,
        set: &["risk.daily_loss=0.01%"],
        money: (80_000, 40_000),
        pays: [(0, 120), (60, 120)],
        acts: Vec::new(),
        lasts: 200,
    }
    .play();
    assert!(!executions(&report, "perp BTCUSDT Sell ").is_empty(), "{}", log(&report));
    let other = executions(&report, "perp ETHUSDT Sell ");
    assert_eq!(between(&other, 0, 200), 0, "{other:?}\n{}", log(&report));
    assert!(report.rang.contains(&AlarmKind::LossLimit), "{:?}", report.rang);
    // What is held is left by its rules all the same.
    let left = executions(&report, "perp BTCUSDT Buy ");
    assert!(between(&left, 175, 190) > 0, "{left:?}\n{}", log(&report));
}

#[test]
fn parts_that_are_amounts_are_parts_of_what_is_there_where_that_is_less() {
    let report = Scene {
        parts: &[("50000usd", "100%"), ("50000usd", "100%")],
        set: &[],
        money: (40_000, 0),
        pays: [(0, 105), (0, 105)],
        acts: Vec::new(),
        lasts: 145,
    }
    .play();
    assert!(report.found.broken.is_empty(), "{:#?}\n{}", report.found.broken, log(&report));
    for symbol in SYMBOLS {
        // Half of 40,000 each, nine tenths at work, two thirds of that short at 2x.
        let value: f64 = executions(&report, &format!("perp {symbol} Sell ")).iter().map(|(_, _, value)| value).sum();
        assert!((9_000.0..12_400.0).contains(&value), "{symbol} {value}\n{}", log(&report));
    }
}

#[test]
fn e02_g01_a_process_that_starts_while_one_leg_takes_no_orders_looks_after_the_other_strategy() {
    let halt = |on: bool| {
        What::Venue(format!("act = \"halt\"\nsymbol = \"ETHUSDT\"\nmarket = \"spot\"\nhalted = {on}"), "E02")
    };
    let adl = "act = \"adl\"\nsymbol = \"BTCUSDT\"\nshare = \"1\"".to_owned();
    let acts = vec![
        Timed { at: 10 * MINUTE, what: halt(true) },
        Timed { at: 11 * MINUTE, what: What::Kill(20_000) },
        // The other pair's short is gone while ETH is still halted.
        Timed { at: 14 * MINUTE, what: What::Venue(adl, "E12") },
        Timed { at: 40 * MINUTE, what: halt(false) },
    ];
    let (money, pays) = ((80_000, 40_000), [(0, 45), (0, 45)]);
    let report = Scene { parts: PARTS, set: &[], money, pays, acts, lasts: 90 }.play();
    assert!(!log(&report).contains("the start failed"), "{}", log(&report));
    // Without a short its coins are no hedge: sold, or shorted again, within `execution.hedge_time` and the way.
    let mended = executions(&report, "spot BTCUSDT Sell ").into_iter().chain(executions(&report, "perp BTCUSDT Sell "));
    let mended: Vec<_> = mended.filter(|(at, ..)| (14.0 * 60.0..14.0 * 60.0 + 10.0).contains(at)).collect();
    assert!(!mended.is_empty(), "{}", log(&report));
    assert!(report.found.broken.is_empty(), "{:#?}\n{}", report.found.broken, log(&report));
}
