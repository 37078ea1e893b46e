//! When an address must keep still because the venue said so, and the one gentle question that ends it (fault D07, L28).
//!
//! All budgets of one address share it: a venue that limits or bans does so by address. When the time that it named is over,
//! nothing leaves but one question for its time; only when that was answered does everything else go on. So a host that asked to
//! wait is never asked again in a burst, and a question that is limited again costs one request. Tests: in `budget_tests.rs`.

use super::clock::{Stamp, nanos};
use crate::venues::answer::Until;
use std::time::Duration;

/// Shortest and longest time that is kept still, whatever the venue says (fault D08): bans last up to three days.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_hours(72);
/// A ban without a time: the shortest that the venue documents.
const BAN: Duration = Duration::from_mins(2);
/// While the gentle question is under way, others look again after this.
const LOOK: Duration = Duration::from_millis(100);
/// A gentle question that got no answer is put again after a second, then two, four and so on up to this.
const MOST_BETWEEN: Duration = Duration::from_mins(1);

/// How an address keeps still.
#[derive(Debug, Default)]
pub(super) struct Still {
    blocked_until_ns: u64,
    halted_until_ns: u64,
    /// Nobody has asked gently and been answered since the venue said to keep still.
    unasked: bool,
    /// Somebody has taken it on to ask.
    has_asker: bool,
    unanswered: u32,
}

/// What keeps a request from leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Until then at least.
    Blocked(u64),
    /// The address is banned until then.
    Halted(u64),
}

impl Still {
    /// What keeps a request from leaving now.
    pub(super) fn holds(&self, now_ns: u64) -> Option<Held> {
        if self.halted_until_ns > now_ns {
            return Some(Held::Halted(self.halted_until_ns));
        }
        if self.blocked_until_ns > now_ns {
            return Some(Held::Blocked(self.blocked_until_ns));
        }
        if self.unasked {
            return Some(Held::Blocked(now_ns.saturating_add(nanos(LOOK))));
        }
        None
    }

    pub(super) fn halt(&mut self, until: Option<Until>, now: Stamp) {
        let end = until.map_or_else(|| now.steady_ns.saturating_add(nanos(BAN)), |until| clamped(until, now));
        self.halted_until_ns = self.halted_until_ns.max(end);
        self.unasked = true;
    }

    pub(super) fn keep(&mut self, until: Until, now: Stamp) {
        self.blocked_until_ns = self.blocked_until_ns.max(clamped(until, now));
        self.unasked = true;
    }

    pub(super) fn halted_until_ns(&self, now_ns: u64) -> Option<u64> {
        Some(self.halted_until_ns).filter(|end| *end > now_ns)
    }

    /// Whether somebody has to take it on to ask gently; says so once.
    pub(super) const fn wants_asker(&mut self) -> bool {
        let wants = self.unasked && !self.has_asker;
        self.has_asker |= wants;
        wants
    }

    /// The steady count at which the gentle question may leave; `None` when it may now.
    pub(super) fn gentle_at(&self, now_ns: u64) -> Option<u64> {
        let end = self.blocked_until_ns.max(self.halted_until_ns);
        (end > now_ns).then_some(end)
    }

    /// The gentle question was answered, or got no answer; true when everything goes on and nobody has to ask any more.
    pub(super) fn asked(&mut self, answered: bool, now: Stamp) -> bool {
        if answered && self.gentle_at(now.steady_ns).is_none() {
            (self.unasked, self.has_asker, self.unanswered) = (false, false, 0);
            return true;
        }
        if !answered {
            let pause = SHORTEST.saturating_mul(1 << self.unanswered.min(6)).min(MOST_BETWEEN);
            self.unanswered = self.unanswered.saturating_add(1);
            self.blocked_until_ns = self.blocked_until_ns.max(now.steady_ns.saturating_add(nanos(pause)));
        }
        false
    }
}

fn clamped(until: Until, now: Stamp) -> u64 {
    let wait = match until {
        Until::Seconds(seconds) => Duration::from_secs(seconds),
        Until::At(at) => Duration::from_millis(u64::try_from(at.since(now.wall).0).unwrap_or(0)),
    };
    now.steady_ns.saturating_add(nanos(wait.clamp(SHORTEST, LONGEST)))
}
