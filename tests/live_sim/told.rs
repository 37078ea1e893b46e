//! Judges what a person is told: a typed alarm in time, and a shown state that is the venue's truth.
//!
//! A deadline waits while nobody could have known: the process dead or starting, the venue out of reach, its lines silent and
//! its lists failing.

use carry::domain::Symbol;
use carry::pairs::memory::Phase;
use carry::port::command::AlarmKind;
use std::collections::BTreeMap;

/// Alarms that say that legs are unequal, or why.
const UNEQUAL: &[AlarmKind] = &[
    AlarmKind::PairUnequal,
    AlarmKind::PairNaked,
    AlarmKind::OrderUnknown,
    AlarmKind::Adl,
    AlarmKind::Liquidated,
    AlarmKind::Foreign,
    AlarmKind::Difference,
    AlarmKind::ReduceRefused,
    AlarmKind::IllegalReport,
    AlarmKind::LateFill,
];
/// Longest that legs may be unequal before somebody is told: `execution.hedge_time`, five seconds and the way.
const UNTOLD_MS: i64 = 5_000 + 5_000 + 3_000;
/// A stranger's trade is noticed within one comparison.
pub(crate) const FOREIGN_MS: i64 = 45_000;
const FOREIGN: &[AlarmKind] = &[
    AlarmKind::Foreign,
    AlarmKind::OtherInstance,
    AlarmKind::Difference,
    AlarmKind::IllegalReport,
    AlarmKind::ReduceRefused,
    AlarmKind::Halted,
];
/// A process that has just begun reads first.
const BEGINS_MS: i64 = 45_000;

/// What the run shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// How often each kind rang since the process began.
    pub(crate) alarms: BTreeMap<AlarmKind, u64>,
    pub(crate) phases: Vec<Phase>,
    pub(crate) state: String,
    /// Entries are stopped because somebody else acts on the account.
    pub(crate) foreign: bool,
}

struct Expected {
    since: i64,
    by: i64,
    kinds: &'static [AlarmKind],
    row: &'static str,
}

/// What was told, and what should be.
#[derive(Default)]
pub(crate) struct Told {
    seen: Seen,
    began: i64,
    last: i64,
    rang: BTreeMap<AlarmKind, i64>,
    expected: Vec<Expected>,
    /// Until then somebody may not know what the venue did.
    blind: i64,
    said: BTreeMap<Symbol, i64>,
    /// A process has run, so that there is a ledger.
    lived: bool,
    /// A stranger put an order far from the market, and nobody took it away.
    pub(crate) strangers_rest: bool,
}

impl Told {
    /// A process has begun, or ended.
    pub(crate) fn begin(&mut self, now: i64) {
        (self.began, self.last) = (now, 0);
        self.seen = Seen::default();
    }

    pub(crate) fn blind(&mut self, until: i64) {
        self.blind = self.blind.max(until);
    }

    pub(crate) const fn blind_until(&self) -> i64 {
        self.blind
    }

    pub(crate) fn show(&mut self, now: i64, seen: Seen) {
        for (kind, count) in &seen.alarms {
            if self.seen.alarms.get(kind) != Some(count) {
                self.rang.insert(*kind, now);
            }
        }
        self.last = now;
        self.seen = seen;
        self.lived = true;
    }

    /// A stranger did something on the venue's page.
    pub(crate) fn touched(&mut self, now: i64, path_and_query: &str) {
        self.strangers_rest |= path_and_query.contains("timeInForce=GTC");
        if path_and_query.contains("/order") {
            self.stranger(now, "H10");
        }
    }

    /// A stranger traded. While the stop about strangers stands, a person has been told: the next trade rings no second time. Legs
    /// that it makes unequal have a rule of their own (`about`). Before the first ledger there is nothing to tell of: what he did
    /// then is part of the account as it was found.
    pub(crate) fn stranger(&mut self, now: i64, row: &'static str) {
        if self.lived && !self.seen.foreign {
            self.expect(now, FOREIGN_MS, FOREIGN, row);
        }
    }

    /// One of these alarms must ring within so long.
    pub(crate) fn expect(&mut self, now: i64, within: i64, kinds: &'static [AlarmKind], row: &'static str) {
        self.expected.push(Expected { since: now - 1_000, by: now + within, kinds, row });
    }

    /// Kinds that rang at any time.
    pub(crate) fn rang(&self) -> Vec<AlarmKind> {
        self.rang.keys().copied().collect()
    }

    fn rang_since(&self, kinds: &[AlarmKind], since: i64) -> bool {
        kinds.iter().any(|kind| self.rang.get(kind).is_some_and(|at| *at >= since))
    }

    /// Since when the process could know and tell.
    fn could(&self, excused: i64) -> i64 {
        (self.began + BEGINS_MS).max(self.blind + BEGINS_MS).max(excused + 5_000)
    }

    fn is_alive(&self, now: i64) -> bool {
        self.last > 0 && now - self.last < 5_000
    }

    /// Deadlines that have passed.
    pub(crate) fn missed(&mut self, now: i64, excused: i64) -> Vec<String> {
        let mut missed = Vec::new();
        let (alive, could) = (self.is_alive(now), self.could(excused));
        let mut expected = std::mem::take(&mut self.expected);
        expected.retain(|one| {
            if self.rang_since(one.kinds, one.since) {
                return false;
            }
            if !alive || now < could || now <= one.by {
                return true;
            }
            missed.push(format!(
                "I19 {}: none of {:?} within {} s",
                one.row,
                one.kinds,
                (now - one.since - 1_000) / 1_000
            ));
            false
        });
        self.expected = expected;
        missed
    }

    /// What is wrong with what is said about legs that are unequal since then.
    pub(crate) fn about(
        &mut self,
        now: i64,
        (symbol, place): (Symbol, usize),
        since: i64,
        excused: i64,
    ) -> Option<String> {
        let from = since.max(self.began + BEGINS_MS).max(self.blind).max(excused);
        if !self.is_alive(now) || now - from < UNTOLD_MS || self.said.get(&symbol) == Some(&since) {
            return None;
        }
        let told = self.rang_since(UNEQUAL, since.min(self.began.max(since)) - 1_000);
        let phase = self.seen.phases.get(place).copied();
        let shown = matches!(phase, Some(Phase::Hedged | Phase::Flat)) && self.seen.state == "ready";
        if told && !shown {
            return None;
        }
        self.said.insert(symbol, since);
        let seconds = (now - since) / 1_000;
        Some(if told {
            format!("L23: {symbol} is unequal for {seconds} s, and it shows {phase:?} and {}", self.seen.state)
        } else {
            format!(
                "I19: {symbol} is unequal for {seconds} s, nobody was told (it shows {phase:?} and {})",
                self.seen.state
            )
        })
    }
}
