//! Rules of the judge about what a run says and how it treats the venue, beside the books: lines thrown away, limits, keys left to
//! die, attempts without end, alarms that are false or missing.
//!
//! Each rule has room for what a run among faults may do; what it forbids no fault explains.

use super::attack::Hand;
use super::clock::true_ms;
use super::judge::Judge;
use super::plan::{Plan, What};
use carry::domain::{InstrumentId, Market, Price, Side, Symbol};
use carry::loopback::{Answered, Executed};
use carry::run::journal::Journal;
use carry::run::live::Live;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

const MINUTE: i64 = 60_000;
/// Time in which books are in step again after a line ended.
const IN_STEP_MS: i64 = 30_000;
/// Lines of the account that a run may close itself without a cause that the judge knows.
const CLOSED: u32 = 3;
/// Requests that may be on their way when the venue asks to keep still, and gentle questions after that.
const STILL: u32 = 40;
/// Orders that one leg may try within ten minutes.
const ATTEMPTS: usize = 40;
/// Executions of one leg within ten minutes.
const EXECUTIONS: usize = 14;

/// Two legs of one entry are executed within so long.
const TOGETHER: i64 = 30_000;

/// Rows after which an alarm about others, differences or refusals may be right.
const OTHERS: [&str; 9] = ["H09", "H10", "H12", "G15", "G16", "E04", "E06", "B16", "C06"];

/// What was seen so far.
#[derive(Debug, Default)]
pub(crate) struct Manners {
    /// A game of its own, with acts that these rules do not know.
    pub(crate) asleep: bool,
    closed: u32,
    /// Lines of a process that is dead are closed at some time; by whom is not told.
    pub(crate) crashed: bool,
    frozen_until: i64,
    /// When a line ended last, by whose hand ever: books come back into step some seconds later.
    ended: i64,
    still: u32,
    keys_killed: bool,
    attempts: BTreeMap<String, VecDeque<i64>>,
    executions: BTreeMap<(Symbol, bool), VecDeque<i64>>,
    /// Price and time of the last execution on spot.
    spot: BTreeMap<Symbol, (Price, i64)>,
    /// The most of each, to see how much room the limits leave.
    pub(crate) most: BTreeMap<&'static str, usize>,
}

impl Manners {
    fn most(&mut self, of: &'static str, count: usize) {
        let known = self.most.entry(of).or_default();
        *known = (*known).max(count);
    }

    fn within(list: &mut VecDeque<i64>) -> usize {
        let now = true_ms();
        list.push_back(now);
        while list.front().is_some_and(|at| *at < now - 10 * MINUTE) {
            list.pop_front();
        }
        list.len()
    }

    /// An act of the venue.
    pub(crate) fn act(&mut self, text: &str) {
        self.still = 0;
        self.keys_killed |= text.contains("listen_keys");
    }

    /// A line says nothing for so long: it may be changed for another some time later.
    pub(crate) fn frozen(&mut self, ms: i64) {
        self.frozen_until = self.frozen_until.max(true_ms() + ms + 20 * MINUTE);
    }

    pub(crate) const fn ended(&mut self, now: i64) {
        self.ended = now;
    }

    /// The run closed a line of its account by itself.
    pub(crate) fn hung_up(&mut self, path: &str, excused: i64) -> Option<String> {
        let account = ["private", "ws-api", "/ws/"].iter().any(|word| path.contains(word));
        if !account || self.crashed || true_ms() < excused.max(self.frozen_until) {
            return None;
        }
        self.closed += 1;
        self.most("closed", self.closed as usize);
        (self.closed == CLOSED + 1).then(|| {
            format!("D09: the run closed {} lines of its account though they worked, last {path}", self.closed)
        })
    }

    /// The venue answered a request.
    pub(crate) fn answered(&mut self, is_order: bool, path: &str, answered: &Answered) -> Option<String> {
        if matches!(answered.status, 418 | 429) {
            self.still += 1;
            self.most("still", self.still as usize);
            if self.still == STILL + 1 {
                return Some(format!("I18: {} requests though the venue had asked to keep still", self.still));
            }
        }
        if !is_order {
            return None;
        }
        let count = Self::within(self.attempts.entry(path.to_owned()).or_default());
        self.most("attempts", count);
        (count == ATTEMPTS + 1).then(|| format!("A24: {count} orders at {path} within ten minutes"))
    }

    /// The venue says something on a line; `caused` is when a write last went wrong, which may have been the one that keeps a key.
    pub(crate) fn pushed(&self, text: &str, caused: i64) -> Option<String> {
        let excused = self.keys_killed || true_ms() < caused.saturating_add(62 * MINUTE);
        let died = text.contains("listenKeyExpired") && !excused;
        died.then(|| "C04: a listen key died because nobody kept it alive".to_owned())
    }

    /// An order was executed.
    pub(crate) fn executed(&mut self, one: &Executed) -> Option<String> {
        if one.by_venue {
            return None;
        }
        let is_spot = one.market == Market::Spot;
        let count = Self::within(self.executions.entry((one.symbol, is_spot)).or_default());
        self.most("executions", count);
        if count == EXECUTIONS + 1 {
            return Some(format!("A24: {count} executions of one leg of {} within ten minutes", one.symbol));
        }
        if is_spot {
            self.spot.insert(one.symbol, (one.price, true_ms()));
            return None;
        }
        // Where the perp leg goes first, the last trade on spot is that of an exit before, and a rally may lie between.
        let (spot, _) = self.spot.get(&one.symbol).filter(|(_, at)| true_ms() - at < TOGETHER)?;
        let apart = spot.distance_bps(one.price);
        let adds = one.side == Side::Sell;
        (adds && apart > carry::domain::Bps::whole(700))
            .then(|| format!("B10: {} was entered at prices {apart} apart", one.symbol))
    }
}

/// What a run shows of itself, for these rules.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown {
    /// Longest time that its own books were unequal.
    unequal_ms: i64,
    /// Order books that are not in step.
    books: usize,
}

/// What a run shows now.
pub(crate) fn shown<J: Journal>(live: &Live<J>) -> Shown {
    let missing = |of: &u16| live.desks.iter().all(|desk| desk.feed.ladder(InstrumentId(*of), 1).is_none());
    Shown { unequal_ms: live.driver.state.unequal.0, books: (0..4).filter(missing).count() }
}

/// Waits for the first complaint, or for this true time.
pub(crate) async fn complained(judge: &Rc<RefCell<Judge>>, until: i64) {
    while judge.borrow().found.broken.is_empty() && true_ms() < until {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}

/// What a run said and showed at its end, against what happened.
pub(crate) fn said((alarms, shown): (&str, Shown), (crashed, plan): (bool, &Plan), judge: &Judge) -> Vec<String> {
    let mut problems = Vec::new();
    if judge.manners.asleep {
        return problems;
    }
    if shown.books > 0 && true_ms() > judge.manners.ended + IN_STEP_MS {
        problems.push(format!("I20: {} books are not in step", shown.books));
    }
    let comes =
        |word: &str| plan.acts.iter().any(|timed| matches!(&timed.what, What::Venue(text, _) if text.contains(word)));
    // What a person moves by hand is told by the venue as late as a deposit.
    let by_hand = |what: &What| matches!(what, What::Hand(Hand::Deposit(..) | Hand::Move(..), _));
    let moved = comes("deposit") || plan.acts.iter().any(|timed| by_hand(&timed.what));
    // Other hands and other copies of the folder are judged by what must be told (`told.rs`), not by what must not.
    let of_others = |row: &str| OTHERS.contains(&row.split(' ').next().unwrap_or_default());
    if judge.found.fired.keys().any(|row| of_others(row)) {
        return problems;
    }
    let mut blame = |text: &str| problems.push(format!("I19: {text}: {alarms}"));
    if alarms.contains("VenueRefuses") && !comes("revoke") {
        blame("it said that the venue refuses the key, and it never did");
    }
    // A list that shows an earlier moment twice, or a deposit that no stream told, is a difference as far as anybody can know.
    let rates = &plan.rates;
    let untold = rates.line_dies + rates.line_freezes + rates.lost + rates.broken + rates.unanswered + rates.cut > 0
        || comes("cut")
        || crashed;
    if alarms.contains("Difference") && rates.stale == 0 && !(moved && untold) {
        blame("it said that ledger and venue differ, and they never did");
    }
    if alarms.contains("Foreign") && !(comes("foreign") || moved || comes("hedge")) {
        blame("it said that somebody else acts on the account, and nobody did");
    }
    if !crashed && shown.unequal_ms > 7_000 && !alarms.contains("PairUnequal") && !alarms.contains("PairNaked") {
        blame(&format!("nobody was told of legs unequal for {} ms", shown.unequal_ms));
    }
    problems
}
