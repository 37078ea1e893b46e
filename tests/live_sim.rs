//! The real live path in a deterministic simulator: accounts, feeds, budget, lines, reconciliation, driver, ledger and recovery on
//! real files, joined to the loopback venue's core by a seeded network, in virtual time and one thread.
//!
//! `CARRY_SEEDS=5000 cargo test --release --test live_sim` runs the full count; `CARRY_SEED=7` one seed with its log (name the test of the configuration). A failing run
//! prints its seeds and what was broken. `CARRY_LONG=1` plays the long game of each seed, `=0` the short one.
//! `CARRY_FAULT_NEW=1` plays the kinds of `live_sim/attack.rs` too, or those of a list. Seeds that ever failed stand in
//! `tests/live_sim_seeds.txt` and always run.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of a test stop at the first surprise; the count of seeds comes from the environment"
)]

#[path = "live_sim/acts.rs"]
mod acts;
#[path = "live_sim/aster.rs"]
mod aster;
#[path = "live_sim/attack.rs"]
mod attack;
#[cfg(feature = "planted")]
#[path = "live_sim/bugs.rs"]
mod bugs;
#[path = "live_sim/channels.rs"]
mod channels;
#[path = "live_sim/clock.rs"]
mod clock;
#[path = "live_sim/coin.rs"]
mod coin;
#[path = "live_sim/crash.rs"]
mod crash;
#[path = "live_sim/face.rs"]
mod face;
#[path = "live_sim/game.rs"]
mod game;
#[path = "live_sim/judge.rs"]
mod judge;
#[path = "live_sim/legs.rs"]
mod legs;
#[path = "live_sim/manners.rs"]
mod manners;
#[path = "live/market.rs"]
mod market;
#[path = "live_sim/network.rs"]
mod network;
#[path = "live_sim/operator.rs"]
mod operator;
#[path = "live_sim/plan.rs"]
mod plan;
#[path = "live_sim/scripted.rs"]
mod scripted;
#[path = "live/scripts.rs"]
mod scripts;
#[path = "live_sim/strategies.rs"]
mod strategies;
#[path = "live_sim/told.rs"]
mod told;
#[path = "live_sim/two.rs"]
mod two;
#[path = "live_sim/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// A configuration in which seeds are played.
struct Scene {
    /// The test that plays it.
    test: &'static str,
    /// Word before its kept seeds; none for the first one.
    word: &'static str,
    /// The last seed of `cargo test`, beside those that are kept.
    last: u64,
    play: fn(u64, Option<bool>) -> world::Report,
}

impl Scene {
    /// Seeds, and whether its game is a long one where that does not follow from its number.
    fn seeds(&self) -> Vec<(u64, Option<bool>)> {
        let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let long = std::env::var("CARRY_LONG").ok().map(|text| text == "1");
        if let Some(seed) = number("CARRY_SEED") {
            return vec![(seed, long)];
        }
        let kept = include_str!("live_sim_seeds.txt").lines().filter_map(|line| {
            let mut words = line.strip_prefix(self.word)?.split_whitespace();
            Some((words.next()?.parse().ok()?, Some(words.next()? == "long")))
        });
        let from = number("CARRY_FROM").unwrap_or(0);
        // Who names a range has the kept ones elsewhere.
        let kept = kept.filter(|_| from == 0);
        kept.chain((from..=from + number("CARRY_SEEDS").unwrap_or(self.last)).map(|seed| (seed, long))).collect()
    }

    /// Plays its seeds on two threads.
    fn play(&self) {
        if let Ok(filter) = std::env::var("CARRY_LOG") {
            let log = tracing_subscriber::fmt().with_ansi(false).with_target(false).with_timer(clock::Seconds);
            let _ = log.with_env_filter(tracing_subscriber::EnvFilter::new(filter)).try_init();
        }
        let next = Mutex::new(self.seeds().into_iter());
        let sum = Mutex::new(Sum { test: self.test, ..Sum::default() });
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let Some((seed, long)) = next.lock().unwrap().next() else { return };
                        match catch_unwind(AssertUnwindSafe(|| (self.play)(seed, long))) {
                            Ok(report) => take(&mut sum.lock().unwrap(), seed, &report),
                            Err(panic) => {
                                let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                                sum.lock().unwrap().failed.push(format!("seed {seed}: panic {text}"));
                            }
                        }
                    }
                });
            }
        });
        tell(&sum.into_inner().unwrap());
    }
}

/// Plays one seed of the first configuration.
fn play(seed: u64, long: Option<bool>) -> world::Report {
    let mut draws = plan::Draws::new(seed);
    let game = game::Game::chosen(seed, long, &mut draws, true);
    world::run(seed, game, draws, None)
}

#[derive(Default)]
struct Sum {
    test: &'static str,
    seeds: u64,
    length_ms: i64,
    crashes: u64,
    orders: u64,
    executions: u64,
    worst_naked_ms: i64,
    worst_orders: u32,
    worst_held_ms: i64,
    worst_weight: u64,
    fired: BTreeMap<&'static str, u64>,
    failed: Vec<String>,
}

fn take(sum: &mut Sum, seed: u64, report: &world::Report) {
    sum.seeds += 1;
    sum.length_ms += report.length;
    sum.crashes += report.crashes;
    let found = &report.found;
    sum.orders += found.orders;
    sum.executions += found.executions;
    sum.worst_naked_ms = sum.worst_naked_ms.max(found.worst_naked_ms);
    sum.worst_orders = sum.worst_orders.max(found.worst_orders);
    sum.worst_weight = sum.worst_weight.max(found.worst_weight);
    sum.worst_held_ms = sum.worst_held_ms.max(found.worst_held_ms);
    for (row, count) in &found.fired {
        *sum.fired.entry(row).or_default() += count;
    }
    if std::env::var("CARRY_SEED").is_ok() {
        report.log.iter().for_each(|line| println!("{line}"));
    }
    if !found.broken.is_empty() {
        let text = found.broken.join("\n    ");
        let new = std::env::var("CARRY_FAULT_NEW").map(|list| format!("CARRY_FAULT_NEW={list} ")).unwrap_or_default();
        sum.failed.push(format!(
            "seed {seed} ({new}CARRY_SEED={seed} cargo test --release --test live_sim {} -- --nocapture)\n    {text}",
            sum.test
        ));
    }
}

fn tell(sum: &Sum) {
    let hours = sum.length_ms / 3_600_000;
    println!(
        "{}: {} seeds, {hours} simulated hours, {} orders, {} executions, {} crashes, worst naked {} ms, held for a person {} s at most, worst orders of a leg {}, most weight {} %",
        sum.test,
        sum.seeds,
        sum.orders,
        sum.executions,
        sum.crashes,
        sum.worst_naked_ms,
        sum.worst_held_ms / 1_000,
        sum.worst_orders,
        sum.worst_weight
    );
    println!("{:<10}{:>9}", "row", "fired");
    sum.fired.iter().for_each(|(row, count)| println!("{row:<10}{count:>9}"));
    assert!(sum.failed.is_empty(), "{} of {} seeds failed:\n{}", sum.failed.len(), sum.seeds, sum.failed.join("\n"));
}

#[test]
fn a_live_run_among_faults_keeps_the_way_and_the_end() {
    let test = "a_live_run_among_faults_keeps_the_way_and_the_end";
    Scene { test, word: "", last: 16, play }.play();
}

#[test]
fn a_live_run_with_the_coin_as_collateral_keeps_the_way() {
    let test = "a_live_run_with_the_coin_as_collateral_keeps_the_way";
    Scene { test, word: "coin ", last: 1, play: coin::play }.play();
}

#[test]
fn a_live_run_on_aster_keeps_the_way() {
    Scene { test: "a_live_run_on_aster_keeps_the_way", word: "aster ", last: 1, play: aster::play }.play();
}

#[test]
fn a_live_run_over_two_venues_keeps_the_way() {
    Scene { test: "a_live_run_over_two_venues_keeps_the_way", word: "two ", last: 1, play: two::play }.play();
}

#[test]
fn a_live_run_of_two_strategies_keeps_the_way() {
    let test = "a_live_run_of_two_strategies_keeps_the_way";
    Scene { test, word: "parts ", last: 2, play: strategies::play }.play();
}

/// Every so many rows are the sample of `cargo test`.
const SAMPLE: usize = 6;

#[test]
fn the_way_is_right_under_every_fault_script() {
    let rows: Vec<&scripts::Row> = match std::env::var("CARRY_FAULTS") {
        Ok(all) if all == "all" => scripts::ROWS.iter().collect(),
        Ok(name) => scripts::ROWS.iter().filter(|row| row.name.starts_with(&name)).collect(),
        Err(_) => scripts::ROWS.iter().step_by(SAMPLE).collect(),
    };
    let mut failed = Vec::new();
    for row in rows {
        let (report, wrong) = scripted::play(row);
        let found = &report.found;
        println!(
            "{} {:<28} naked {} ms, {} orders, {} of a leg, alarms {:?}",
            if wrong.is_empty() { "ok   " } else { "FAIL " },
            row.name,
            found.worst_naked_ms,
            found.orders,
            found.worst_orders,
            report.rang
        );
        if !wrong.is_empty() {
            if std::env::var("CARRY_FAULTS").is_ok() {
                report.log.iter().for_each(|line| println!("    {line}"));
            }
            failed.push(format!(
                "{} (CARRY_FAULTS={} cargo test --test live_sim way -- --nocapture)\n    {}",
                row.name,
                row.name,
                wrong.join("\n    ")
            ));
        }
    }
    assert!(failed.is_empty(), "{} rows:\n{}", failed.len(), failed.join("\n"));
}
