//! Keeps one order book in step with a venue's stream of changes, or says that it is not.
//!
//! A pure state machine: changes and snapshots in, a verdict out; it never asks for the time and never does I/O.
//! It follows two documented procedures (Binance spot and Binance USD-M, read 2026-07 and 2026-05). It does not fetch
//! snapshots (it says when one is due) and does not know symbols or bytes.
//! **Invariant**: [`Sync::book`] is either nothing or exactly the venue's book after change [`Sync::last_id`].
//! Tests: `sync_tests.rs` beside this file.

use super::book::Book;
use super::diff::{Diff, Kept, Meeting, Rule, Snapshot};
use crate::domain::{Side, Span, WallTime};
use std::collections::VecDeque;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The book moved and is in step.
    Applied,
    /// The snapshot and the stream met: the book is in step now.
    Joined,
    /// Kept until a snapshot, or until the stream reaches the snapshot.
    Waiting,
    /// Old, or seen before.
    Ignored,
    /// The book is not usable any more, or could not be made; a new snapshot is due (see [`Sync::take_request`]).
    Lost(Loss),
}

/// Why a book was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Changes are missing between the last one applied and this one (fault B01).
    Gap {
        /// Id of the last change known.
        last: u64,
        /// First id of the change that came.
        first: u64,
    },
    /// The snapshot is older than the first change kept (fault B02).
    SnapshotTooOld,
    /// The stream does not reach the snapshot within [`JOIN_BOUND`].
    NeverJoined,
    /// A newer change carries an older id: the venue numbers anew (fault B04).
    Restarted,
    /// Bid at or above ask for longer than [`CROSSED_BOUND`] (fault B05).
    Crossed,
    /// More than [`MAX_LEVELS`] levels on a side.
    TooManyLevels,
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncCounts {
    /// Messages applied to a book.
    pub applied: u64,
    /// Messages dropped because the snapshot already holds them.
    pub before_snapshot: u64,
    /// Messages seen before or older than the book.
    pub ignored: u64,
    /// Messages pushed out of the full buffer.
    pub evicted: u64,
    /// Gaps seen.
    pub gaps: u64,
    /// Books dropped for any reason, gaps included.
    pub losses: u64,
    /// Snapshots that were put to use.
    pub snapshots: u64,
}

/// A locked or crossed book is unusable at once and fetched anew after this long: venues cross for a blink.
pub const CROSSED_BOUND: Span = Span::seconds(1);
/// A snapshot that the stream has not reached after this long is fetched anew.
pub const JOIN_BOUND: Span = Span::seconds(10);
/// A snapshot that was asked for and did not come in this time counts as a failed try.
pub const ANSWER_BOUND: Span = Span::seconds(10);
/// Two requests for a snapshot of one book are at least this far apart (a request costs weight at the venue).
pub const REQUEST_SPACING: Span = Span::seconds(1);
/// Longest pause between two tries; the pause doubles from one second with each failure.
pub const LONGEST_PAUSE: Span = Span::seconds(32);
/// After so many failures in a row the machine says that it is [`Sync::is_failing`]; it goes on at the longest pause.
pub const MAX_TRIES: u32 = 6;
/// Most levels of a side; five to ten times what a venue's deepest snapshot and a day of changes leave.
pub const MAX_LEVELS: usize = 50_000;
/// Most messages kept while waiting for a snapshot: 20 s of the fastest stream.
pub const MAX_WAITING: usize = 2_000;
/// Most levels inside the messages kept.
pub const MAX_WAITING_LEVELS: usize = 100_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No book; changes are kept.
    Waiting,
    /// A snapshot is loaded and no change has met it yet.
    Loaded { last: u64, since: WallTime },
    /// In step.
    Live { last: u64, venue_time: WallTime },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Request {
    None,
    Due(WallTime),
    Sent,
}

/// One book and its place in the venue's sequence.
#[derive(Debug, Clone)]
pub struct Sync {
    rule: Rule,
    state: State,
    book: Book,
    kept: VecDeque<Kept>,
    kept_levels: usize,
    crossed_since: Option<WallTime>,
    request: Request,
    asked_at: Option<WallTime>,
    tries: u32,
    snapshot_id: Option<u64>,
    counts: SyncCounts,
}

impl Sync {
    /// Nothing known yet.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            state: State::Waiting,
            book: Book::new(),
            kept: VecDeque::new(),
            kept_levels: 0,
            crossed_since: None,
            request: Request::None,
            asked_at: None,
            tries: 0,
            snapshot_id: None,
            counts: SyncCounts::default(),
        }
    }

    /// The book, when it is in step and neither crossed nor locked.
    #[must_use]
    pub const fn book(&self) -> Option<&Book> {
        match (self.state, self.crossed_since) {
            (State::Live { .. }, None) => Some(&self.book),
            _ => None,
        }
    }

    /// Whether snapshot and stream have met and no change is missing; a crossed book is in step too.
    #[must_use]
    pub const fn is_synced(&self) -> bool {
        matches!(self.state, State::Live { .. })
    }

    /// Id of the last change in the book, when it is in step.
    #[must_use]
    pub const fn last_id(&self) -> Option<u64> {
        match self.state {
            State::Live { last, .. } => Some(last),
            State::Waiting | State::Loaded { .. } => None,
        }
    }

    /// Id of the snapshot that was last put to use.
    #[must_use]
    pub const fn snapshot_id(&self) -> Option<u64> {
        self.snapshot_id
    }

    /// Counters since the start.
    #[must_use]
    pub const fn counts(&self) -> &SyncCounts {
        &self.counts
    }

    /// Whether [`MAX_TRIES`] snapshots in a row did not help: reconnect the stream and tell a person.
    #[must_use]
    pub const fn is_failing(&self) -> bool {
        self.tries >= MAX_TRIES
    }

    /// Takes in one message of changes.
    pub fn on_diff(&mut self, diff: &Diff<'_>, now: WallTime) -> Verdict {
        if diff.first > diff.last {
            self.counts.ignored += 1;
            return Verdict::Ignored;
        }
        match self.state {
            State::Waiting => self.keep(diff, now),
            State::Loaded { last, since } => self.meet(diff, last, since, now),
            State::Live { last, venue_time } if diff.last <= last => {
                if diff.venue_time > venue_time {
                    return self.lose(Loss::Restarted, Some(diff), now);
                }
                self.counts.ignored += 1;
                Verdict::Ignored
            }
            State::Live { last, .. } if self.rule.follows(diff, last) => self.apply(diff, now),
            State::Live { last, .. } => {
                self.counts.gaps += 1;
                self.lose(Loss::Gap { last, first: diff.first }, Some(diff), now)
            }
        }
    }

    /// Takes in a whole book, asked for or not.
    ///
    /// A snapshot older than the book is ignored; a newer one replaces it.
    pub fn on_snapshot(&mut self, snapshot: &Snapshot<'_>, now: WallTime) -> Verdict {
        let older = match self.state {
            State::Waiting => false,
            State::Loaded { last, .. } | State::Live { last, .. } => snapshot.last <= last,
        };
        if older {
            return Verdict::Ignored;
        }
        if snapshot.bids.len().max(snapshot.asks.len()) > MAX_LEVELS {
            return self.lose(Loss::TooManyLevels, None, now);
        }
        // What was kept and is already inside the snapshot goes first; the rest must begin where the snapshot ends.
        let mut ended = None;
        while let Some(kept) = self.kept.front() {
            match self.rule.meeting(&kept.as_diff(), snapshot.last) {
                Meeting::Before => {}
                Meeting::Ends => ended = Some(kept.venue_time),
                Meeting::Meets => break,
                Meeting::Beyond => return self.refuse_snapshot(now),
            }
            self.counts.before_snapshot += 1;
            self.drop_first_kept();
        }
        self.counts.snapshots += 1;
        self.snapshot_id = Some(snapshot.last);
        self.request = Request::None;
        self.crossed_since = None;
        self.book.load(snapshot.bids, snapshot.asks);
        self.state = State::Loaded { last: snapshot.last, since: now };
        let mut verdict = Verdict::Waiting;
        if let Some(venue_time) = ended {
            self.go_live(snapshot.last, venue_time);
            verdict = Verdict::Joined;
        }
        self.kept_levels = 0;
        for kept in std::mem::take(&mut self.kept) {
            match self.on_diff(&kept.as_diff(), now) {
                Verdict::Applied | Verdict::Joined => verdict = Verdict::Joined,
                Verdict::Lost(loss) => verdict = Verdict::Lost(loss),
                Verdict::Waiting | Verdict::Ignored => {}
            }
        }
        verdict
    }

    /// Looks at what time alone changes: a book that stays crossed.
    pub fn on_timer(&mut self, now: WallTime) -> Option<Loss> {
        let loss = match (self.state, self.crossed_since) {
            (State::Live { .. }, Some(since)) if now.since(since) > CROSSED_BOUND => Loss::Crossed,
            _ => return None,
        };
        self.lose(loss, None, now);
        Some(loss)
    }

    /// The stream broke: changes will be missing, so nothing that is known can be continued. No snapshot is due before
    /// the stream gives its first change again.
    pub fn on_disconnect(&mut self) {
        self.state = State::Waiting;
        self.book.clear();
        self.clear_kept();
        self.crossed_since = None;
        self.request = Request::None;
    }

    /// The snapshot asked for could not be had; the next try comes after a growing pause.
    pub fn on_snapshot_failed(&mut self, now: WallTime) {
        if self.request == Request::Sent {
            self.try_again(now);
        }
    }

    /// Whether a snapshot must be fetched now. Says so once per try.
    pub fn take_request(&mut self, now: WallTime) -> bool {
        if self.counts.snapshots > 0 && crate::planted::is(crate::planted::Bug::GapIgnored) {
            return false;
        }
        let unanswered = self.asked_at.is_some_and(|at| now.since(at) > ANSWER_BOUND);
        if self.request == Request::Sent && unanswered {
            self.try_again(now);
        }
        let due = matches!(self.request, Request::Due(at) if at <= now);
        if due {
            self.request = Request::Sent;
            self.asked_at = Some(now);
        }
        due
    }

    fn keep(&mut self, diff: &Diff<'_>, now: WallTime) -> Verdict {
        if let Some(newest) = self.kept.back() {
            let (last, venue_time) = (newest.last, newest.venue_time);
            if diff.last <= last && diff.venue_time <= venue_time {
                self.counts.ignored += 1;
                return Verdict::Ignored;
            }
            // A hole in what is kept, or a new numbering, makes everything before it useless.
            if diff.last <= last || !self.rule.follows(diff, last) {
                self.counts.gaps += u64::from(diff.last > last);
                self.clear_kept();
            }
        }
        self.kept_levels += diff.bids.len() + diff.asks.len();
        self.kept.push_back(Kept::of(diff));
        while self.kept.len() > 1 && (self.kept.len() > MAX_WAITING || self.kept_levels > MAX_WAITING_LEVELS) {
            self.drop_first_kept();
            self.counts.evicted += 1;
        }
        self.request_if_none(now);
        Verdict::Waiting
    }

    fn meet(&mut self, diff: &Diff<'_>, snapshot: u64, since: WallTime, now: WallTime) -> Verdict {
        match self.rule.meeting(diff, snapshot) {
            Meeting::Before if now.since(since) > JOIN_BOUND => self.lose(Loss::NeverJoined, Some(diff), now),
            Meeting::Before => {
                self.counts.before_snapshot += 1;
                Verdict::Ignored
            }
            Meeting::Ends => {
                self.counts.before_snapshot += 1;
                self.go_live(snapshot, diff.venue_time);
                Verdict::Joined
            }
            Meeting::Meets => match self.apply(diff, now) {
                Verdict::Applied => Verdict::Joined,
                other => other,
            },
            Meeting::Beyond => self.lose(Loss::SnapshotTooOld, Some(diff), now),
        }
    }

    fn apply(&mut self, diff: &Diff<'_>, now: WallTime) -> Verdict {
        for (price, quantity) in diff.bids {
            self.book.set(Side::Buy, *price, *quantity);
        }
        for (price, quantity) in diff.asks {
            self.book.set(Side::Sell, *price, *quantity);
        }
        if self.book.len(Side::Buy).max(self.book.len(Side::Sell)) > MAX_LEVELS {
            return self.lose(Loss::TooManyLevels, None, now);
        }
        self.counts.applied += 1;
        self.go_live(diff.last, diff.venue_time);
        if !self.book.is_crossed() {
            self.crossed_since = None;
            return Verdict::Applied;
        }
        let since = *self.crossed_since.get_or_insert(now);
        if now.since(since) > CROSSED_BOUND { self.lose(Loss::Crossed, None, now) } else { Verdict::Applied }
    }

    fn go_live(&mut self, last: u64, venue_time: WallTime) {
        self.state = State::Live { last, venue_time };
        self.request = Request::None;
        self.tries = 0;
    }

    fn lose(&mut self, loss: Loss, next: Option<&Diff<'_>>, now: WallTime) -> Verdict {
        self.counts.losses += 1;
        self.on_disconnect();
        match loss {
            Loss::SnapshotTooOld | Loss::NeverJoined | Loss::TooManyLevels | Loss::Crossed => self.try_again(now),
            Loss::Gap { .. } | Loss::Restarted => self.request_if_none(now),
        }
        if let Some(diff) = next {
            self.keep(diff, now);
        }
        Verdict::Lost(loss)
    }

    fn refuse_snapshot(&mut self, now: WallTime) -> Verdict {
        self.counts.losses += 1;
        self.state = State::Waiting;
        self.book.clear();
        self.try_again(now);
        Verdict::Lost(Loss::SnapshotTooOld)
    }

    fn request_if_none(&mut self, now: WallTime) {
        if self.request == Request::None {
            let earliest = self.asked_at.map_or(now, |at| at + REQUEST_SPACING);
            self.request = Request::Due(earliest.max(now));
        }
    }

    fn try_again(&mut self, now: WallTime) {
        let pause = Span::seconds(1_i64 << self.tries.min(5)).min(LONGEST_PAUSE);
        self.tries = self.tries.saturating_add(1);
        self.request = Request::Due(now + pause);
    }

    fn drop_first_kept(&mut self) {
        if let Some(kept) = self.kept.pop_front() {
            self.kept_levels = self.kept_levels.saturating_sub(kept.bids.len() + kept.asks.len());
        }
    }

    fn clear_kept(&mut self) {
        self.kept.clear();
        self.kept_levels = 0;
    }
}

#[cfg(test)]
#[path = "sync_tests.rs"]
mod tests;
