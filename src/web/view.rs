//! What a page is made of: one snapshot, the past beside it, and how old they are.
//!
//! Nothing here is computed twice: sums over time are differences of the profit lines that the ledger keeps.

use super::history::{History, midnight, net};
use crate::control::detail::Detail;
use crate::control::snapshot::{PairRow, Snapshot};
use crate::domain::{Amount, Span, WallTime};
use crate::ledger::Lines;
use crate::net::machine_clock::{self, steady_ns};
use crate::report::run::TripRow;
use crate::run::returns::growth;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A session at one instant.
#[derive(Debug, Clone)]
pub struct View {
    /// Its name in addresses.
    pub slug: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Whether a process answers, or did within the last seconds.
    pub runs: bool,
    /// Since when a process that exists has not answered.
    pub silent: Option<Silence>,
    /// What it said, or what its files say.
    pub snapshot: Option<Snapshot>,
    /// Its past.
    pub history: Option<Arc<History>>,
    /// Why there is nothing to show.
    pub problem: Option<String>,
    /// Rises with each view.
    pub number: u64,
    /// When the session was heard, or its files were read, on the monotonic clock.
    pub taken: Duration,
    /// When it was made, on the same clock; later than `taken` while the session is silent.
    pub made: Duration,
    /// The same on the machine's clock.
    pub taken_at: WallTime,
}

/// A process that exists and does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// When it was heard last, or asked first, by the machine's clock.
    pub since: WallTime,
    /// Its number at the system, where that is known.
    pub process: Option<i32>,
}

/// Profit over a time, with the lines that make it.
#[derive(Debug, Clone, Copy)]
pub struct Gain {
    /// The lines.
    pub lines: Lines,
    /// Their sum without transfers.
    pub net: Amount,
    /// What cash alone would have brought.
    pub cash: f64,
    /// How long it was; less than asked for where the session is younger.
    pub span: Span,
}

impl View {
    /// Before anything was asked.
    #[must_use]
    pub fn nothing(slug: &str, dir: &Path) -> Self {
        Self {
            slug: slug.to_owned(),
            dir: dir.to_owned(),
            runs: false,
            silent: None,
            snapshot: None,
            history: None,
            problem: None,
            number: 0,
            taken: Duration::ZERO,
            made: Duration::ZERO,
            taken_at: machine_clock::now(),
        }
    }

    /// A sentence whose commands name this session.
    #[must_use]
    pub fn naming(&self, text: &str) -> String {
        super::typed::naming(text, &self.dir)
    }

    /// The option that names this session in a command.
    #[must_use]
    pub fn option(&self) -> String {
        super::typed::option(&self.dir)
    }

    /// How long ago it was made.
    #[must_use]
    pub fn made_ago(&self) -> Duration {
        Duration::from_nanos(steady_ns()).saturating_sub(self.made)
    }

    /// How long ago it was taken.
    #[must_use]
    pub fn age(&self) -> Duration {
        Duration::from_nanos(steady_ns()).saturating_sub(self.taken)
    }

    /// `paper`, `shadow`, `live`; empty before the files are read.
    #[must_use]
    pub fn mode(&self) -> &str {
        self.history.as_ref().map_or("", |history| history.identity.mode.as_str())
    }

    /// The limits and money of the session.
    #[must_use]
    pub fn detail(&self) -> Option<&Detail> {
        self.snapshot.as_ref()?.detail.as_ref()
    }

    /// Whether the price of a pair is older than its gate, or not known: what rests on it is not said as true.
    #[must_use]
    pub fn is_stale(&self, row: &PairRow) -> bool {
        let most = self.detail().map_or(Span::seconds(60), |detail| detail.max_age);
        !self.runs || row.age_ms.is_none_or(|age| age > most.0)
    }

    /// Pairs that hold more than dust.
    pub fn held(&self) -> impl Iterator<Item = &PairRow> {
        self.pairs().iter().filter(|row| row.holds())
    }

    /// All pairs.
    #[must_use]
    pub fn pairs(&self) -> &[PairRow] {
        self.snapshot.as_ref().map_or(&[], |snapshot| snapshot.pairs.as_slice())
    }

    /// Profit from an instant to now; absent as long as the files were not read up to that instant.
    #[must_use]
    pub fn since(&self, from: WallTime) -> Option<Gain> {
        let (snapshot, detail, history) = (self.snapshot.as_ref()?, self.detail()?, self.history.as_ref()?);
        if history.last.at_ms < from {
            return None;
        }
        let began = history.began();
        let lines = snapshot.lines - history.lines_at(from);
        let span = snapshot.at_ms.since(from.max(began));
        let base = history.row_at(from).map_or(history.capital, |row| row.equity);
        let cash = base.to_f64() * (growth(detail.cash_apr.to_f64(), span) - 1.0);
        Some(Gain { lines, net: net(&lines), cash, span })
    }

    /// Since midnight UTC of the session's clock.
    #[must_use]
    pub fn today(&self) -> Option<Gain> {
        self.since(midnight(self.snapshot.as_ref()?.at_ms))
    }

    /// The last thirty days.
    #[must_use]
    pub fn month(&self) -> Option<Gain> {
        let now = self.snapshot.as_ref()?.at_ms;
        self.since(WallTime(now.0 - 30 * Span::DAY.0))
    }

    /// Since the session began.
    #[must_use]
    pub fn whole(&self) -> Option<Gain> {
        self.since(WallTime(i64::MIN))
    }

    /// The round trip of a pair that is open, valued at the instant of the snapshot as `carry pnl` values it; absent as long as
    /// the files were not read up to its beginning.
    #[must_use]
    pub fn trip(&self, pair: &str) -> Option<TripRow> {
        let history = self.history.as_ref()?;
        let row = self.pairs().iter().find(|row| row.pair == pair)?;
        let open = |trip: &&TripRow| {
            trip.pair == pair && trip.closed.is_none() && row.entered_ms.is_none_or(|at| at == trip.opened)
        };
        let trip = history.result.trips.iter().rev().find(open)?;
        let lines = row.detail.as_ref()?.lines - *history.before.get(pair)?;
        Some(TripRow { lines, ..trip.clone() })
    }

    /// Funding of a pair that was booked since an instant, and how many settlements; absent as long as the files were not read
    /// up to that instant.
    #[must_use]
    pub fn funding_since(&self, pair: Option<&str>, from: WallTime) -> Option<(Amount, usize)> {
        let history = self.history.as_ref().filter(|history| history.last.at_ms >= from)?;
        let rows = history.result.funding.iter();
        let wanted = rows.filter(|row| row.at >= from && pair.is_none_or(|pair| row.pair == pair));
        Some(wanted.fold((Amount::ZERO, 0), |(sum, count), row| (sum + row.amount, count + 1)))
    }
}

impl Gain {
    /// What to call the time that was asked for: `net 30 d`, or less where the session is younger.
    #[must_use]
    pub fn name(&self) -> String {
        let hours = self.span.0 / Span::HOUR.0;
        match hours {
            0..=47 => format!("net {hours} h"),
            _ => format!("net {} d", hours / 24),
        }
    }
}
