//! A session's past as its files tell it: equity, profit lines at any instant, fills, settlements, round trips.
//!
//! Read from the ledger of record without disturbing its writer, on a thread of its own and no more often than is needed.
//! Tests: at the end, and `tests/commands/page.rs`.

use crate::control::snapshot::Snapshot;
use crate::domain::{Amount, Span, WallTime};
use crate::ledger::Lines;
use crate::port::Event;
use crate::report::run::{EquityRow, RunResult, TripRow};
use crate::run::review::{Identity, Review};
use crate::run::unattended::unattended;
use crate::store::ledger_file;
use std::collections::BTreeMap;
use std::path::Path;

/// What the files of a session say.
#[derive(Debug, Clone)]
pub struct History {
    /// Mode and market.
    pub identity: Identity,
    /// Rows and summary so far.
    pub result: RunResult,
    /// Money at the start.
    pub capital: Amount,
    /// Starts so far.
    pub boots: u32,
    /// Whether it is over.
    pub finished: bool,
    /// Comparisons of ledger and venue that the ledger holds, in order: when, the place of the venue, how many accounts differed.
    pub compared: Vec<(WallTime, usize, u32)>,
    /// Venues of the session.
    pub venues: usize,
    /// What is known where no process answers.
    pub last: Snapshot,
    /// Lines of each pair that is held, as they stood when its round trip began.
    pub before: BTreeMap<String, Lines>,
}

/// Reads the files of a folder.
///
/// # Errors
/// In words, when it is no session's folder or its ledger cannot be read.
pub fn read(dir: &Path) -> Result<History, String> {
    let path = dir.join("ledger.sqlite");
    if !path.is_file() {
        return Err(format!("{}: is not the folder of a session: it has no ledger.sqlite", dir.display()));
    }
    let loaded = ledger_file::read(&path).map_err(|error| error.to_string())?;
    if !loaded.meta.contains_key("clock") {
        return Err(format!("{}: the session has booked nothing yet", dir.display()));
    }
    let review = Review::of(&loaded, None).map_err(|error| format!("{}: {error}", path.display()))?;
    let result = review.result();
    let compared = loaded.facts.iter().filter_map(|fact| match &fact.stamped.event {
        Event::Reconciled { venue, differences, .. } => Some((fact.stamped.at, venue.index(), *differences)),
        _ => None,
    });
    Ok(History {
        compared: compared.collect(),
        venues: review.state.venues.len(),
        last: unattended(dir, &review),
        before: before(&review, &result.trips),
        result,
        capital: review.capital(),
        boots: review.boots,
        finished: review.finished(),
        identity: review.identity,
    })
}

/// A round trip's lines are those of its pair less what they were before it: so it can be valued at any instant at which the
/// lines of the pair are known.
fn before(review: &Review, trips: &[TripRow]) -> BTreeMap<String, Lines> {
    let open = trips.iter().filter(|trip| trip.closed.is_none());
    let of = |trip: &TripRow| {
        let id = review.state.catalogue.pair_named(&trip.pair)?.id;
        let lines = review.state.ledger.pair(id)?.attribution.lines;
        Some((trip.pair.clone(), lines - trip.lines))
    };
    open.filter_map(of).collect()
}

impl History {
    /// Lines since the start as they stood at an instant; zero before the first row.
    #[must_use]
    pub fn lines_at(&self, at: WallTime) -> Lines {
        self.row_at(at).map(|row| row.lines).unwrap_or_default()
    }

    /// The last row of equity at or before an instant.
    #[must_use]
    pub fn row_at(&self, at: WallTime) -> Option<&EquityRow> {
        let rows = &self.result.equity;
        let after = rows.partition_point(|row| row.at <= at);
        rows.get(after.checked_sub(1)?)
    }

    /// The session's first instant.
    #[must_use]
    pub fn began(&self) -> WallTime {
        self.result.equity.first().map_or(self.result.summary.from_ms, |row| row.at)
    }
}

/// Profit between two readings of the lines: money that somebody moved in or out is none.
#[must_use]
pub fn net(lines: &Lines) -> Amount {
    lines.total() - lines.transfers
}

/// The start of the UTC day of an instant.
#[must_use]
pub const fn midnight(at: WallTime) -> WallTime {
    at.floor(Span::DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profit_leaves_out_what_somebody_moved() {
        let lines = Lines {
            funding: Amount::whole(5),
            fees: Amount::whole(-2),
            transfers: Amount::whole(1000),
            ..Lines::default()
        };
        assert_eq!(net(&lines), Amount::whole(3));
        assert_eq!(midnight(WallTime(86_400_001)), WallTime(86_400_000));
    }

    #[test]
    fn what_is_no_session_is_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).unwrap_err().contains("it has no ledger.sqlite"));
    }
}
