//! Messages of book changes, whole books, and the two ways in which venues number them.
//!
//! Only the arithmetic of ids stands here; what follows from it is `sync.rs`. Tests: `sync_tests.rs`.

use super::book::Level;
use crate::domain::WallTime;

/// How a venue numbers its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Ids follow each other (Binance spot): drop `u <= snapshot`, then `U <= last + 1 <= u`.
    Contiguous,
    /// Each change names the one before it (Binance USD-M): drop `u < snapshot`, first `U <= snapshot <= u`, then
    /// `pu == last`.
    Linked,
}

/// One message of changes.
#[derive(Debug, Clone, Copy)]
pub struct Diff<'a> {
    /// Id of its first change (`U`).
    pub first: u64,
    /// Id of its last change (`u`).
    pub last: u64,
    /// Id of the last change of the message before it (`pu`), where the venue says it.
    pub previous: Option<u64>,
    /// The venue's time of it (`E`).
    pub venue_time: WallTime,
    /// New absolute quantities of bids.
    pub bids: &'a [Level],
    /// New absolute quantities of asks.
    pub asks: &'a [Level],
}

/// A whole book as the venue answered it.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Id of the last change in it (`lastUpdateId`).
    pub last: u64,
    /// Bids.
    pub bids: &'a [Level],
    /// Asks.
    pub asks: &'a [Level],
}

/// How a change relates to the snapshot that it should meet.
pub(super) enum Meeting {
    /// The snapshot holds it already.
    Before,
    /// It holds the first change after the snapshot.
    Meets,
    /// It ends exactly at the snapshot: nothing to apply, and the two are in step.
    Ends,
    /// Changes between the snapshot and it are missing.
    Beyond,
}

impl Rule {
    /// Where a message stands against a snapshot.
    pub(super) const fn meeting(self, diff: &Diff<'_>, snapshot: u64) -> Meeting {
        match self {
            Self::Contiguous | Self::Linked if diff.last < snapshot => Meeting::Before,
            Self::Contiguous if diff.last == snapshot => Meeting::Ends,
            Self::Contiguous if diff.first <= snapshot.saturating_add(1) => Meeting::Meets,
            // A message holds everything after the id that it names, so a snapshot at or after that id is met even when
            // it falls into the hole before `U`. The documented `U <= snapshot` is a part of this.
            Self::Linked if diff.first <= snapshot || matches!(diff.previous, Some(id) if id <= snapshot) => {
                Meeting::Meets
            }
            Self::Contiguous | Self::Linked => Meeting::Beyond,
        }
    }

    /// Whether nothing is missing between the change `last` and a newer message.
    pub(super) const fn follows(self, diff: &Diff<'_>, last: u64) -> bool {
        match self {
            // Absolute quantities: a change that overlaps the last one still ends in the truth (the venue's own rule).
            Self::Contiguous => diff.first <= last.saturating_add(1),
            Self::Linked => matches!(diff.previous, Some(id) if id == last),
        }
    }
}

/// A message kept while there is no book.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) previous: Option<u64>,
    pub(super) venue_time: WallTime,
    pub(super) bids: Vec<Level>,
    pub(super) asks: Vec<Level>,
}

impl Kept {
    pub(super) fn of(diff: &Diff<'_>) -> Self {
        Self {
            first: diff.first,
            last: diff.last,
            previous: diff.previous,
            venue_time: diff.venue_time,
            bids: diff.bids.to_vec(),
            asks: diff.asks.to_vec(),
        }
    }

    pub(super) fn as_diff(&self) -> Diff<'_> {
        Diff {
            first: self.first,
            last: self.last,
            previous: self.previous,
            venue_time: self.venue_time,
            bids: &self.bids,
            asks: &self.asks,
        }
    }
}
