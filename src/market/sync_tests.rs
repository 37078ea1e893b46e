//! Tests of the synchronisation, beside it because they look inside.

use super::*;
use crate::domain::{Price, Quantity};
use crate::market::book::Level;
use proptest::prelude::*;
use std::collections::BTreeMap;

const T0: WallTime = WallTime(1_700_000_000_000);

fn level(price: i64, quantity: i64) -> Level {
    (Price::from_units(price).unwrap(), Quantity::from_units(quantity).unwrap())
}

fn spot(first: u64, last: u64) -> Diff<'static> {
    Diff { first, last, previous: None, venue_time: WallTime(T0.0 + last.cast_signed()), bids: &[], asks: &[] }
}

fn linked(first: u64, last: u64, previous: u64) -> Diff<'static> {
    Diff { previous: Some(previous), ..spot(first, last) }
}

fn snapshot(last: u64) -> Snapshot<'static> {
    Snapshot { last, bids: &[], asks: &[] }
}

/// A machine that took `snapshot` after the given changes.
fn started(rule: Rule, diffs: &[Diff<'_>], last: u64) -> (Sync, Verdict) {
    let mut sync = Sync::new(rule);
    for diff in diffs {
        assert_eq!(sync.on_diff(diff, T0), Verdict::Waiting);
    }
    assert_eq!(sync.take_request(T0), !diffs.is_empty());
    let verdict = sync.on_snapshot(&snapshot(last), T0);
    (sync, verdict)
}

#[test]
fn the_first_change_must_meet_the_snapshot() {
    let check = |rule, diffs: &[Diff<'_>], last, expected, last_id| {
        let (sync, verdict) = started(rule, diffs, last);
        assert_eq!((verdict, sync.last_id()), (expected, last_id), "{rule:?} {diffs:?} {last}");
    };
    let old = Verdict::Lost(Loss::SnapshotTooOld);
    let spots = [spot(5, 8), spot(9, 12)];
    check(Rule::Contiguous, &spots, 3, old, None);
    check(Rule::Contiguous, &spots, 4, Verdict::Joined, Some(12));
    check(Rule::Contiguous, &spots, 8, Verdict::Joined, Some(12));
    check(Rule::Contiguous, &spots, 10, Verdict::Joined, Some(12));
    check(Rule::Contiguous, &spots, 12, Verdict::Joined, Some(12));
    check(Rule::Contiguous, &spots, 13, Verdict::Waiting, None);
    let perps = [linked(50, 80, 40), linked(90, 120, 80)];
    check(Rule::Linked, &perps, 39, old, None);
    check(Rule::Linked, &perps, 40, Verdict::Joined, Some(120));
    check(Rule::Linked, &perps, 80, Verdict::Joined, Some(120));
    check(Rule::Linked, &perps, 85, Verdict::Joined, Some(120));
    check(Rule::Linked, &perps, 120, Verdict::Joined, Some(120));
    check(Rule::Linked, &perps, 121, Verdict::Waiting, None);
}

#[test]
fn what_the_snapshot_holds_is_dropped_and_counted() {
    let (sync, _) = started(Rule::Contiguous, &[spot(1, 2), spot(3, 4), spot(5, 6)], 4);
    assert_eq!((sync.counts().before_snapshot, sync.counts().applied, sync.counts().gaps), (2, 1, 0));
    // At the futures venue the message that ends at the snapshot is the first kept.
    let (sync, _) = started(Rule::Linked, &[linked(1, 2, 0), linked(3, 4, 2), linked(5, 6, 4)], 4);
    assert_eq!((sync.counts().before_snapshot, sync.counts().applied, sync.counts().gaps), (1, 2, 0));
}

#[test]
fn b01_a_gap_drops_the_book_and_asks_for_a_new_snapshot() {
    let check = |rule, first: Diff<'_>, gap: Diff<'_>| {
        let (mut sync, _) = started(rule, &[first], first.last);
        assert!(sync.book().is_some());
        let verdict = sync.on_diff(&gap, T0);
        assert_eq!(verdict, Verdict::Lost(Loss::Gap { last: first.last, first: gap.first }));
        assert!(sync.book().is_none() && !sync.is_synced());
        assert_eq!(sync.counts().gaps, 1);
        let later = T0 + REQUEST_SPACING;
        assert!(!sync.take_request(T0), "requests are spaced");
        assert!(sync.take_request(later) && !sync.take_request(later), "asked once");
        // The message after the gap was kept and meets the new snapshot.
        assert_eq!(sync.on_snapshot(&snapshot(gap.first), later), Verdict::Joined);
        assert_eq!(sync.last_id(), Some(gap.last));
    };
    check(Rule::Contiguous, spot(1, 5), spot(7, 9));
    check(Rule::Linked, linked(1, 5, 0), linked(7, 9, 6));
    // The contract venue must name the very change before: an older one or none breaks its documented chain.
    check(Rule::Linked, linked(1, 5, 0), linked(4, 9, 3));
    check(Rule::Linked, linked(1, 5, 0), spot(6, 9));
}

#[test]
fn b02_a_snapshot_older_than_the_buffer_is_fetched_again_with_growing_pauses() {
    let mut sync = Sync::new(Rule::Contiguous);
    sync.on_diff(&spot(10, 12), T0);
    let mut now = T0;
    let mut pauses = Vec::new();
    assert!(sync.take_request(now));
    for _ in 0..8 {
        assert_eq!(sync.on_snapshot(&snapshot(5), now), Verdict::Lost(Loss::SnapshotTooOld));
        let asked = now;
        while !sync.take_request(now) {
            now = now + Span::seconds(1);
        }
        pauses.push(now.since(asked).millis() / 1000);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32, 32]);
    assert!(sync.is_failing());
    assert_eq!(sync.on_snapshot(&snapshot(11), now), Verdict::Joined);
    assert!(!sync.is_failing());
}

#[test]
fn b02_a_snapshot_that_never_comes_or_fails_is_asked_for_again() {
    let mut sync = Sync::new(Rule::Contiguous);
    sync.on_diff(&spot(10, 12), T0);
    assert!(sync.take_request(T0));
    assert!(!sync.take_request(T0 + ANSWER_BOUND));
    let late = T0 + ANSWER_BOUND + Span(1);
    assert!(!sync.take_request(late), "the pause comes first");
    assert!(sync.take_request(late + Span::seconds(1)));
    sync.on_snapshot_failed(late + Span::seconds(1));
    assert!(!sync.take_request(late + Span::seconds(2)));
    assert!(sync.take_request(late + Span::seconds(3)));
}

#[test]
fn b02_a_snapshot_that_the_stream_never_reaches_is_dropped() {
    let (mut sync, verdict) = started(Rule::Contiguous, &[spot(1, 2)], 1_000);
    assert_eq!(verdict, Verdict::Waiting);
    assert_eq!(sync.on_diff(&spot(3, 4), T0 + JOIN_BOUND), Verdict::Ignored);
    let verdict = sync.on_diff(&spot(5, 6), T0 + JOIN_BOUND + Span(1));
    assert_eq!(verdict, Verdict::Lost(Loss::NeverJoined));
}

#[test]
fn b03_duplicates_and_reordered_changes_are_ignored() {
    let bids = [level(90, 5)];
    let stale = [level(90, 9)];
    let first = Diff { bids: &stale, ..spot(1, 2) };
    let second = Diff { bids: &bids, ..spot(3, 4) };
    let (mut sync, _) = started(Rule::Contiguous, &[first], 0);
    assert_eq!(sync.on_diff(&second, T0), Verdict::Applied);
    assert_eq!(sync.on_diff(&first, T0), Verdict::Ignored);
    assert_eq!(sync.on_diff(&second, T0), Verdict::Ignored);
    assert_eq!(sync.book().and_then(Book::best_bid), Some(level(90, 5)));
    assert_eq!((sync.counts().applied, sync.counts().ignored), (2, 2));
    // While waiting too.
    let mut sync = Sync::new(Rule::Contiguous);
    sync.on_diff(&second, T0);
    assert_eq!(sync.on_diff(&first, T0), Verdict::Ignored);
    assert_eq!(sync.on_snapshot(&snapshot(2), T0), Verdict::Joined);
}

#[test]
fn b04_a_newer_change_with_an_older_id_resets_the_book() {
    let (mut sync, _) = started(Rule::Contiguous, &[spot(1_000, 1_005)], 1_005);
    let after = Diff { venue_time: WallTime(T0.0 + 9_999), ..spot(3, 4) };
    assert_eq!(sync.on_diff(&after, T0), Verdict::Lost(Loss::Restarted));
    assert_eq!(sync.on_snapshot(&snapshot(2), T0), Verdict::Joined);
    assert_eq!(sync.last_id(), Some(4));
    // A restart while waiting makes what was kept useless.
    let mut sync = Sync::new(Rule::Contiguous);
    sync.on_diff(&spot(1_000, 1_005), T0);
    assert_eq!(sync.on_diff(&after, T0), Verdict::Waiting);
    assert_eq!(sync.on_snapshot(&snapshot(2), T0), Verdict::Joined);
}

#[test]
fn b04_a_newer_snapshot_mid_stream_replaces_the_book_and_an_older_one_does_not() {
    let (mut sync, _) = started(Rule::Contiguous, &[spot(1, 5)], 5);
    assert_eq!(sync.on_snapshot(&snapshot(4), T0), Verdict::Ignored);
    assert_eq!(sync.last_id(), Some(5));
    assert_eq!(sync.on_snapshot(&snapshot(7), T0), Verdict::Waiting);
    assert!(sync.book().is_none());
    assert_eq!(sync.on_diff(&spot(6, 7), T0), Verdict::Joined);
    assert_eq!(sync.on_diff(&spot(8, 9), T0), Verdict::Applied);
    assert_eq!(sync.counts().gaps, 0);
}

#[test]
fn b05_a_crossed_book_is_unusable_at_once_and_dropped_when_it_stays_so() {
    let crossed = [level(110, 1)];
    let asks = [level(100, 1)];
    let open = Diff { asks: &asks, ..spot(1, 2) };
    let bad = Diff { bids: &crossed, ..spot(3, 4) };
    let healed = [level(110, 0)];
    let good = Diff { bids: &healed, ..spot(5, 6) };
    let start = || {
        let (mut sync, _) = started(Rule::Contiguous, &[open], 0);
        assert_eq!(sync.on_diff(&bad, T0), Verdict::Applied);
        assert!(sync.book().is_none() && sync.is_synced());
        sync
    };
    let mut blink = start();
    assert_eq!(blink.on_timer(T0 + CROSSED_BOUND), None);
    assert_eq!(blink.on_diff(&good, T0 + CROSSED_BOUND), Verdict::Applied);
    assert!(blink.book().is_some());
    let mut stays = start();
    let later = T0 + CROSSED_BOUND + Span(1);
    assert_eq!(stays.on_timer(later), Some(Loss::Crossed));
    assert!(!stays.is_synced());
    assert!(stays.take_request(later + Span::seconds(1)));
    assert_eq!(start().on_diff(&spot(5, 6), later), Verdict::Lost(Loss::Crossed));
}

#[test]
fn a_broken_stream_forgets_everything_and_waits_for_the_first_change() {
    let (mut sync, _) = started(Rule::Contiguous, &[spot(1, 5)], 5);
    sync.on_disconnect();
    assert!(sync.book().is_none() && !sync.take_request(T0 + Span::HOUR));
    assert_eq!(sync.on_diff(&spot(6, 7), T0 + Span::HOUR), Verdict::Waiting);
    assert!(sync.take_request(T0 + Span::HOUR));
}

#[test]
fn what_is_kept_and_what_a_side_holds_is_bounded() {
    let mut sync = Sync::new(Rule::Contiguous);
    for id in 1..=5_000 {
        sync.on_diff(&spot(id, id), T0);
    }
    assert_eq!(sync.counts().evicted, 3_000);
    assert_eq!(sync.on_snapshot(&snapshot(2_000), T0), Verdict::Lost(Loss::SnapshotTooOld));
    assert_eq!(sync.on_snapshot(&snapshot(3_000), T0), Verdict::Joined);
    let many: Vec<Level> = (1..=50_001).map(|price| level(price, 1)).collect();
    let flood = Diff { bids: &many, ..spot(5_001, 5_001) };
    assert_eq!(sync.on_diff(&flood, T0), Verdict::Lost(Loss::TooManyLevels));
}

/// What a venue does: single changes with ids, sent in messages of several, and snapshots after any of them.
#[derive(Debug)]
struct Truth {
    rule: Rule,
    changes: Vec<(u64, Side, Level)>,
    /// Ranges of `changes` that form one message.
    messages: Vec<(usize, usize)>,
}

impl Truth {
    fn new(rule: Rule, raw: &[(bool, i64, i64)], cut: &[usize]) -> Self {
        // The contract venue's ids have holes.
        let id = |index: usize| if rule == Rule::Linked { index as u64 * 3 + 7 } else { index as u64 + 1 };
        let side_level = |&(buy, price, quantity): &(bool, i64, i64)| {
            if buy { (Side::Buy, level(50 + price, quantity)) } else { (Side::Sell, level(100 + price, quantity)) }
        };
        let changes = raw.iter().map(side_level).enumerate().map(|(index, (side, l))| (id(index), side, l)).collect();
        let mut messages = Vec::new();
        let mut start = 0;
        for size in cut.iter().cycle() {
            if start >= raw.len() {
                break;
            }
            let end = (start + size).min(raw.len());
            messages.push((start, end));
            start = end;
        }
        Self { rule, changes, messages }
    }

    fn book_at(&self, last: u64) -> Book {
        let mut book = Book::new();
        for (_, side, (price, quantity)) in self.changes.iter().take_while(|(id, ..)| *id <= last) {
            book.set(*side, *price, *quantity);
        }
        book
    }

    fn send(&self, sync: &mut Sync, message: usize, now: WallTime) {
        let (start, end) = self.messages[message];
        let part = &self.changes[start..end];
        let mut finals: BTreeMap<(bool, Price), Quantity> = BTreeMap::new();
        for (_, side, (price, quantity)) in part {
            finals.insert((*side == Side::Buy, *price), *quantity);
        }
        let of = |buy| finals.iter().filter(|((b, _), _)| *b == buy).map(|((_, p), q)| (*p, *q)).collect::<Vec<_>>();
        let previous = start.checked_sub(1).map_or(0, |index| self.changes[index].0);
        let diff = Diff {
            first: part[0].0,
            last: part[part.len() - 1].0,
            previous: (self.rule == Rule::Linked).then_some(previous),
            venue_time: WallTime(T0.0 + i64::try_from(message).unwrap()),
            bids: &of(true),
            asks: &of(false),
        };
        sync.on_diff(&diff, now);
    }

    fn snapshot(&self, sync: &mut Sync, last: u64, now: WallTime) {
        let book = self.book_at(last);
        let of = |side| book.levels(side).collect::<Vec<_>>();
        sync.on_snapshot(&Snapshot { last, bids: &of(Side::Buy), asks: &of(Side::Sell) }, now);
    }

    fn check(&self, sync: &Sync) -> Result<(), TestCaseError> {
        if let Some(book) = sync.book() {
            prop_assert_eq!(book, &self.book_at(sync.last_id().unwrap()));
        }
        Ok(())
    }
}

fn a_truth() -> impl Strategy<Value = Truth> {
    let rule = prop_oneof![Just(Rule::Contiguous), Just(Rule::Linked)];
    let raw = prop::collection::vec((any::<bool>(), 0_i64..30, 0_i64..4), 1..120);
    let cut = prop::collection::vec(1_usize..6, 1..8);
    (rule, raw, cut).prop_map(|(rule, raw, cut)| Truth::new(rule, &raw, &cut))
}

proptest! {
    #[test]
    fn b01_b03_any_order_loss_and_duplication_never_yields_a_wrong_book(
        truth in a_truth(),
        steps in prop::collection::vec((0_u8..10, any::<prop::sample::Index>(), any::<bool>()), 1..200),
    ) {
        let mut sync = Sync::new(truth.rule);
        let mut next = 0;
        for (number, (kind, index, jump)) in steps.iter().enumerate() {
            let now = WallTime(T0.0 + i64::try_from(number).unwrap() * 100);
            match kind {
                0 => {
                    let newest = truth.changes[truth.changes.len() - 1].0;
                    truth.snapshot(&mut sync, index.index(usize::try_from(newest).unwrap() + 2) as u64, now);
                }
                1 => { sync.on_timer(now); }
                2 => truth.send(&mut sync, index.index(truth.messages.len()), now),
                3 if *jump => sync.on_disconnect(),
                _ => {
                    // Mostly in order, sometimes one is lost or comes twice.
                    truth.send(&mut sync, next % truth.messages.len(), now);
                    next += if *kind == 4 && *jump { 2 } else { usize::from(*kind != 5) };
                }
            }
            truth.check(&sync)?;
        }
    }

    #[test]
    fn b01_a_whole_stream_and_one_snapshot_always_end_in_step(truth in a_truth(), place in any::<prop::sample::Index>()) {
        let mut sync = Sync::new(truth.rule);
        let at = place.index(truth.messages.len());
        for message in 0..truth.messages.len() {
            truth.send(&mut sync, message, T0);
            if message == at {
                // A snapshot inside what has been sent already.
                let (start, end) = truth.messages[at];
                truth.snapshot(&mut sync, truth.changes[(start + end - 1) / 2].0, T0);
                prop_assert!(sync.is_synced());
            }
            truth.check(&sync)?;
        }
        prop_assert_eq!(sync.last_id(), truth.changes.last().map(|(id, ..)| *id));
        prop_assert_eq!(sync.counts().gaps, 0);
    }
}
