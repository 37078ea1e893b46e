//! The deterministic simulator: real core, simulated venue, generated market and seeded faults in virtual time.
//!
//! `CARRY_SEEDS=500 cargo test --test sim` runs the full count; a failing run prints its seed and the command to run it
//! again. Seeds that ever failed stand in `tests/sim_seeds.txt` and always run.
#![expect(
    clippy::indexing_slicing,
    clippy::float_cmp,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "helpers of a test stop at the first surprise; the count of seeds comes from the environment"
)]

#[path = "sim/mod.rs"]
mod sim;

use carry::domain::Amount;
use carry::port::TimeInForce;
use carry::port::command::AlarmKind;
use carry::port::order::{Intent, Purpose};
use carry::sim::Faults;
use carry::sim::faults::{CancelFault, PlaceFault, ReportFault};
use sim::runs;
use sim::world::{Chaos, World, settings};
use std::panic::{AssertUnwindSafe, catch_unwind};

const MINUTES: u32 = 240;

fn seeds() -> Vec<u64> {
    if let Some(seed) = std::env::var("CARRY_SEED").ok().and_then(|text| text.parse().ok()) {
        return vec![seed];
    }
    let count = std::env::var("CARRY_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let kept = include_str!("sim_seeds.txt").lines().filter_map(|line| line.split_whitespace().next()?.parse().ok());
    kept.chain(1..=count).collect()
}

fn run(seed: u64) -> Option<String> {
    let result = catch_unwind(AssertUnwindSafe(|| runs::mixed(seed, MINUTES)));
    match result {
        Ok(Ok(report)) => {
            if std::env::var("CARRY_SEED").is_ok() {
                println!("{report:?}");
            }
            None
        }
        Ok(Err(violation)) => Some(violation.to_string()),
        Err(panic) => Some(format!("panic: {:?}", panic.downcast_ref::<String>())),
    }
}

/// I1, I2, I3, I5, I8, I15, I16, I17 after every event; I20 when the faults stop.
#[test]
fn a_bot_among_faults_keeps_every_invariant() {
    let seeds = seeds();
    let next = std::sync::Mutex::new(seeds.into_iter());
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(seed) = next.lock().ok().and_then(|mut seeds| seeds.next()) else { return };
                    if let Some(what) = run(seed)
                        && let Ok(mut failed) = failed.lock()
                    {
                        failed.push(format!(
                            "seed {seed}: {what}\n  again: CARRY_SEED={seed} cargo test --test sim a_bot_among"
                        ));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    assert!(failed.is_empty(), "{} seeds failed\n{}", failed.len(), failed.join("\n"));
}

/// A world of one kind of fault, played, checked, and brought to rest.
fn among(faults: Faults, seed: u64, chaos: Chaos) -> World {
    let mut world = World::new(seed, settings(seed), faults, chaos).unwrap_or_else(|what| panic!("{what}"));
    world.minutes(150).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
    let struck = world.driver.venue.faults_mut().struck();
    runs::sound_soon(&mut world).unwrap_or_else(|what| panic!("seed {seed}, at rest: {what}"));
    assert!(struck > 0 || chaos.adl > 0, "the fault never struck");
    assert!(world.checks.compared > 0, "the books were never compared");
    world
}

fn alarms(world: &World, kind: AlarmKind) -> u64 {
    world.driver.alarms.get(&kind).copied().unwrap_or(0)
}

fn intents(world: &World, which: impl Fn(&Intent) -> bool) -> usize {
    world.driver.journal.intents.values().filter(|(intent, _)| which(intent)).count()
}

const TAKER: u64 = 4;
const MAKER: u64 = 5;
const STILL: Chaos = Chaos { adl: 0, outage: 0 };

fn placing(fault: PlaceFault, rate: u32, seed: u64) -> World {
    among(Faults::quiet(seed).with_place(fault, rate), seed, STILL)
}

#[test]
fn a01_one_leg_filled_and_the_other_rejected_is_hedged_or_undone() {
    let world = placing(PlaceFault::Reject, 600, TAKER);
    assert!(intents(&world, |intent| intent.purpose == Purpose::Undo) > 0, "nothing was undone");
    assert!(intents(&world, |intent| intent.purpose == Purpose::Hedge) > 0, "nothing was tried again");
}

#[test]
fn a02_a_partial_fill_is_hedged_by_what_was_filled() {
    let world = placing(PlaceFault::Partial, 500, TAKER);
    let half = world.driver.state.settings.execution.clip.share(1, 2);
    let small = |intent: &Intent| intent.purpose == Purpose::Hedge && intent.limit.times(intent.quantity) < half;
    assert!(intents(&world, small) > 0, "every hedge has the size of its clip");
}

#[test]
fn a03_both_legs_partial_come_out_equal() {
    placing(PlaceFault::Partial, 700, TAKER);
}

#[test]
fn a04_submit_timeout_order_executed() {
    let world = placing(PlaceFault::TimeoutExecuted, 500, TAKER);
    assert!(world.driver.journal.queries > 0, "nobody asked");
    assert!(alarms(&world, AlarmKind::OrderUnknown) > 0);
}

#[test]
fn a05_submit_timeout_order_never_arrived_is_released_after_its_window() {
    let world = placing(PlaceFault::TimeoutLost, 300, TAKER);
    assert!(world.driver.journal.queries > 1, "two answers are needed for proof");
    assert!(world.driver.state.orders.sent() > 20, "the reservation was never released");
}

#[test]
fn a06_an_order_that_arrives_late_is_not_replaced() {
    let world = placing(PlaceFault::TimeoutLate, 300, TAKER);
    assert_eq!(alarms(&world, AlarmKind::LateFill), 0, "an order was given up while it could still arrive");
}

#[test]
fn a07_an_error_answer_is_not_a_refusal() {
    let world = placing(PlaceFault::ErrorAccepted, 500, TAKER);
    assert_eq!(alarms(&world, AlarmKind::LateFill), 0);
    assert!(alarms(&world, AlarmKind::OrderUnknown) > 0);
}

#[test]
fn a08_an_acknowledgement_is_not_acceptance() {
    placing(PlaceFault::AckThenReject, 400, TAKER);
}

#[test]
fn a09_c03_reports_in_any_order_are_booked() {
    among(Faults::quiet(TAKER).with_report(ReportFault::Reorder, 600), TAKER, STILL);
}

#[test]
fn c02_c10_reports_told_twice_are_booked_once() {
    among(Faults::quiet(TAKER).with_report(ReportFault::Duplicate, 600), TAKER, STILL);
}

#[test]
fn c01_lost_reports_are_asked_for() {
    let world = among(Faults::quiet(TAKER).with_report(ReportFault::Lost, 400), TAKER, STILL);
    assert!(world.driver.journal.queries > 10);
}

#[test]
fn a10_a_cancel_that_races_a_fill_books_the_fill() {
    among(Faults::quiet(MAKER).with_cancel(CancelFault::FilledFirst, 700), MAKER, STILL);
}

#[test]
fn a11_an_order_lives_until_its_cancel_is_proven() {
    for fault in [CancelFault::UnknownDone, CancelFault::UnknownLost] {
        let world = among(Faults::quiet(MAKER).with_cancel(fault, 700), MAKER, STILL);
        assert!(alarms(&world, AlarmKind::OrderUnknown) > 0);
    }
}

#[test]
fn a13_no_order_is_sent_twice() {
    let lost = Faults::quiet(TAKER).with_place(PlaceFault::TimeoutLost, 300);
    let world = among(lost.with_place(PlaceFault::TimeoutExecuted, 300), TAKER, STILL);
    assert!(world.driver.journal.intents.values().all(|(_, sent)| *sent <= 1));
    assert_eq!(world.driver.venue.resent(), 0);
}

#[test]
fn a14_an_overfill_is_booked_and_repaired_even_when_nobody_tells() {
    let world = placing(PlaceFault::Overfill, 400, TAKER);
    assert!(alarms(&world, AlarmKind::Overfill) > 0);
    let silent = Faults::quiet(TAKER).with_place(PlaceFault::Overfill, 400).with_report(ReportFault::Lost, 400);
    assert!(alarms(&among(silent, TAKER, STILL), AlarmKind::Overfill) > 0);
}

#[test]
fn a16_a_refused_reduce_is_told_and_tried_again() {
    let world = placing(PlaceFault::ReduceRefused, 500, TAKER);
    assert!(alarms(&world, AlarmKind::ReduceRefused) > 0);
}

#[test]
fn a17_post_only_refusals_are_bounded_and_then_the_order_takes() {
    let world = placing(PlaceFault::PostOnlyRefused, 1000, MAKER);
    let post_only = intents(&world, |intent| intent.time_in_force == TimeInForce::PostOnly);
    let clips = intents(&world, |intent| matches!(intent.purpose, Purpose::Enter | Purpose::Exit)) - post_only;
    assert!(clips > 0, "it never takes");
    assert!(post_only <= 4 * clips, "{post_only} re-quotes for {clips} clips");
}

#[test]
fn a20_what_rounds_to_nothing_makes_no_order() {
    let mut small = settings(TAKER);
    small.run.capital = Amount::whole(40);
    let mut world = World::new(TAKER, small, Faults::none(), STILL).unwrap_or_else(|what| panic!("{what}"));
    world.minutes(120).unwrap_or_else(|what| panic!("{what}"));
    assert_eq!(world.driver.state.orders.sent(), 0);
    assert!(world.driver.journal.commands.len() < 2_000, "it loops");
}

#[test]
fn a22_an_exit_that_fails_half_way_ends_flat() {
    let world = placing(PlaceFault::NoFill, 500, TAKER);
    assert!(intents(&world, |intent| intent.purpose == Purpose::Exit) > 0);
}

#[test]
fn e12_a_deleveraged_short_is_repaired() {
    let world = among(Faults::none(), TAKER, Chaos { adl: 300, outage: 0 });
    assert!(alarms(&world, AlarmKind::Adl) > 0);
    assert!(intents(&world, |intent| intent.purpose == Purpose::Repair) > 0);
}

#[test]
fn f01_a_rally_is_met_with_margin_or_a_smaller_size() {
    let world = runs::rally(6).unwrap_or_else(|what| panic!("{what}"));
    assert!(alarms(&world, AlarmKind::MarginLow) > 0, "the rally was too small to matter");
    assert_eq!(alarms(&world, AlarmKind::Liquidated), 0);
}

#[test]
fn g22_the_same_seed_twice_is_the_same_run() {
    for seed in [1, 2] {
        assert_eq!(runs::mixed(seed, 90), runs::mixed(seed, 90));
    }
    assert_ne!(runs::mixed(1, 90).map(|report| report.digest), runs::mixed(3, 90).map(|report| report.digest));
}
