//! Every planted bug must be caught by a check of the simulator, and no check complains without one.
//!
//! `cargo test --features planted --test planted`
#![expect(
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "helpers of a test stop at the first surprise; it says which seed caught which bug"
)]

#[path = "sim/mod.rs"]
mod sim;

use carry::planted::{Bug, plant};
use sim::runs;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Seeds after which a bug that nobody noticed is a hole in the checks.
const SEEDS: u64 = 60;
const MINUTES: u32 = 180;

/// What the checks say of one seed with this bug.
fn complaint(bug: Option<Bug>, seed: u64) -> Option<String> {
    plant(bug);
    let run = catch_unwind(AssertUnwindSafe(|| match bug {
        Some(Bug::NoMarginCare) => runs::rally(seed).map(|_| ()),
        _ => runs::mixed(seed, MINUTES).map(|_| ()),
    }));
    plant(None);
    match run {
        Ok(Ok(())) => None,
        Ok(Err(violation)) => Some(violation.to_string()),
        Err(_) => Some("panic".to_owned()),
    }
}

#[test]
fn every_planted_bug_is_caught() {
    let mut missed = Vec::new();
    for bug in Bug::CORE {
        let caught = (1..=SEEDS).find_map(|seed| Some((seed, complaint(Some(bug), seed)?)));
        match caught {
            Some((seed, what)) => println!("{bug:?}: seed {seed}: {}", what.chars().take(110).collect::<String>()),
            None => missed.push(bug),
        }
    }
    assert!(missed.is_empty(), "nobody noticed {missed:?} in {SEEDS} seeds");
}

#[test]
fn nothing_is_caught_where_nothing_is_planted() {
    for seed in 1..=20 {
        assert_eq!(complaint(None, seed), None, "seed {seed}");
        assert_eq!(runs::rally(seed).map(|_| ()), Ok(()), "rally, seed {seed}");
    }
}
