//! What the files say of a session that does not speak for itself: nobody looks after it, and prices are as old as its last
//! commit. The same for `carry status` and the page.
//!
//! Tests: `tests/commands/live_views.rs`, `tests/commands/page.rs`.

use super::review::Review;
use crate::control::snapshot::Snapshot;
use crate::control::stops::{NO_PROCESS, without_process};
use std::path::Path;

/// The snapshot of a session without a process.
#[must_use]
pub fn unattended(dir: &Path, review: &Review) -> Snapshot {
    let mut now = Snapshot::of(&review.state, review.clock);
    now.alarms.clone_from(&review.collector.figures.alarms);
    now.simulated = review.identity.mode != "live";
    // One instant for all views: that at which the books are valued.
    let valued = review.valued();
    (now.equity, now.lines, now.funding) = (valued.equity, valued.lines, valued.lines.funding);
    now.net = valued.lines.total() - valued.lines.transfers;
    for row in &mut now.pairs {
        // Nobody sees a market: what is known of prices is as old as the last commit.
        row.age_ms = None;
    }
    if review.finished() {
        "over".clone_into(&mut now.state);
        now.stops.clear();
    } else {
        NO_PROCESS.clone_into(&mut now.state);
        now.stops = without_process(&review.state, review.clock, &start(dir, review));
        for row in &mut now.pairs {
            (row.may_enter, row.waits_for) = (false, None);
        }
    }
    now
}

/// The snapshot of a session whose process exists and does not answer: what its files say.
#[must_use]
pub fn silent(dir: &Path, review: &Review, process: Option<i32>) -> Snapshot {
    let mut now = unattended(dir, review);
    now.fall_silent(process, None);
    now
}

/// The command that starts it again: that of its last start, or what is known of a session of before that was kept.
fn start(dir: &Path, review: &Review) -> String {
    if let Some(command) = review.typed.as_deref().and_then(|stored| super::typed::again(stored, dir)) {
        return command;
    }
    // A shadow has a folder of its own below the one that is named.
    let named = if review.identity.mode == "shadow" { dir.parent().unwrap_or(dir) } else { dir };
    let dir = named.display();
    match review.identity.mode.as_str() {
        "live" => format!("carry live --key NAME --state {dir} and the strategy and --set of before"),
        "shadow" => format!("carry shadow --state {dir} and the strategy and --set of before"),
        _ => format!("carry paper --state {dir} and the strategy and --set of before"),
    }
}
