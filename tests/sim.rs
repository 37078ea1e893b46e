//! The deterministic simulator: real core, simulated venue, generated market and seeded faults in virtual time.
//!
//! `CARRY_SEEDS=500 cargo test --test sim` runs the full count; a failing run prints its seed and the command to run it
//! again. Seeds that ever failed stand in `tests/sim_seeds.txt` and always run.
#![expect(clippy::indexing_slicing, clippy::float_cmp, reason = "helpers of a test stop at the first surprise")]

#[path = "sim/mod.rs"]
mod sim;

use sim::runs;
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
