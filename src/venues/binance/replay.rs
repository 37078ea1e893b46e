//! Runs recorded frames through a session and says how they end: the check of decoders and book rules against the world.
//!
//! It reads files and nothing else; it feeds snapshots where they stand in the recording, asked for or not.
//! Tests: `tests/suite/wire.rs`.

use super::message::{BookTicker, Kind};
use super::session::{Input, Output, Session, Subscription};
use crate::domain::{InstrumentId, Market, Side, Symbol, WallTime};
use crate::market::book::Level;
use crate::market::sync::SyncCounts;
use crate::port::Event;
use crate::venues::frames::{Frames, FramesError};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// The state after the last frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayEnd {
    /// Files read, in order.
    pub files: Vec<PathBuf>,
    /// Frames read.
    pub frames: u64,
    /// Receive time of the first and the last frame.
    pub span: Option<(WallTime, WallTime)>,
    /// Accepted messages by kind.
    pub counts: BTreeMap<Kind, u64>,
    /// Refused messages.
    pub refused: u64,
    /// Why the first refused message was refused: file, line and cause.
    pub first_refusal: Option<String>,
    /// Line of the first snapshot in its file, from 1.
    pub snapshot_line: Option<u64>,
    /// Id of the snapshot that was last put to use.
    pub snapshot_id: Option<u64>,
    /// How often the session asked for a snapshot.
    pub snapshots_asked: u64,
    /// Events that the session made for the core.
    pub events: u64,
    /// Counters of the book.
    pub book: SyncCounts,
    /// Id of the last change in the book; `None` when it is not in step.
    pub last_update_id: Option<u64>,
    /// Best bid and the coins there.
    pub best_bid: Option<Level>,
    /// Best ask and the coins there.
    pub best_ask: Option<Level>,
    /// Levels of the book: bids, asks.
    pub levels: (usize, usize),
    /// The newest best quote.
    pub last_ticker: Option<BookTicker>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// A file cannot be read.
    #[error(transparent)]
    Frames(#[from] FramesError),
    /// The folder cannot be listed.
    #[error("{}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The folder holds no recording.
    #[error("{}: no recording of {symbol}, expected files named {symbol}-*.jsonl or *.jsonl.gz", path.display())]
    NothingFound {
        /// The folder.
        path: PathBuf,
        /// The symbol looked for.
        symbol: Symbol,
    },
}

/// Replays a recorded file, or all recordings of a symbol in a folder in order of their names.
///
/// In a folder the files named `SYMBOL-...` are taken, or every recording when no file carries the symbol.
///
/// # Errors
/// [`ReplayError`] when a file or the folder cannot be read. A refused frame is not an error; it is counted.
pub fn replay(path: &Path, market: Market, symbol: Symbol) -> Result<ReplayEnd, ReplayError> {
    replay_into(path, market, (symbol, InstrumentId(0)), &mut |_, _| {})
}

/// The same, handing every event for the core to `take` with the time at which its frame was received.
///
/// # Errors
/// [`ReplayError`] as for [`replay`].
pub fn replay_into(
    path: &Path,
    market: Market,
    of: (Symbol, InstrumentId),
    take: &mut dyn FnMut(WallTime, Event),
) -> Result<ReplayEnd, ReplayError> {
    let (symbol, instrument) = of;
    let files = if path.is_dir() { recordings(path, symbol)? } else { vec![path.to_owned()] };
    let mut session = Session::new(market, &[Subscription { instrument, symbol, interval: None }]);
    let mut end = ReplayEnd {
        files,
        frames: 0,
        span: None,
        counts: BTreeMap::new(),
        refused: 0,
        first_refusal: None,
        snapshot_line: None,
        snapshot_id: None,
        snapshots_asked: 0,
        events: 0,
        book: SyncCounts::default(),
        last_update_id: None,
        best_bid: None,
        best_ask: None,
        levels: (0, 0),
        last_ticker: None,
    };
    let mut out = Vec::new();
    for file in end.files.clone() {
        for frame in Frames::open(&file)? {
            let frame = frame?;
            end.frames += 1;
            end.span = Some((end.span.map_or(frame.at, |(first, _)| first), frame.at));
            let input = if frame.is_snapshot {
                end.snapshot_line.get_or_insert(frame.line);
                Input::Snapshot { instrument, body: &frame.bytes }
            } else {
                Input::Frame(&frame.bytes)
            };
            session.handle(input, frame.at, &mut out);
            end.note(&mut out, (&file, frame.line), &mut |event| take(frame.at, event));
        }
    }
    end.finish(&session, instrument);
    Ok(end)
}

impl ReplayEnd {
    /// Changes that were missing.
    #[must_use]
    pub const fn gaps(&self) -> u64 {
        self.book.gaps
    }

    fn note(&mut self, out: &mut Vec<Output>, place: (&Path, u64), take: &mut dyn FnMut(Event)) {
        let (file, line) = place;
        for output in out.drain(..) {
            match output {
                Output::Event(event) => {
                    self.events += 1;
                    take(event);
                }
                Output::NeedSnapshot { .. } => self.snapshots_asked += 1,
                Output::Refused(error) if self.first_refusal.is_none() => {
                    self.first_refusal = Some(format!("{}:{line}: {error}", file.display()));
                }
                Output::Refused(_) | Output::BookLost { .. } | Output::BookFailing { .. } | Output::Note(_) => {}
            }
        }
    }

    fn finish(&mut self, session: &Session, instrument: InstrumentId) {
        self.counts.clone_from(session.counts());
        self.refused = session.refused();
        self.last_ticker = session.ticker(instrument).copied();
        let Some(sync) = session.sync(instrument) else { return };
        self.book = *sync.counts();
        self.snapshot_id = sync.snapshot_id();
        self.last_update_id = sync.last_id();
        if let Some(book) = sync.book() {
            self.best_bid = book.best_bid();
            self.best_ask = book.best_ask();
            self.levels = (book.len(Side::Buy), book.len(Side::Sell));
        }
    }
}

/// Most files taken from one folder.
const MAX_FILES: usize = 10_000;

fn recordings(folder: &Path, symbol: Symbol) -> Result<Vec<PathBuf>, ReplayError> {
    let failed = |source| ReplayError::Folder { path: folder.to_owned(), source };
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)?.take(MAX_FILES) {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let plain = Path::new(name.strip_suffix(".gz").unwrap_or(&name));
        if plain.extension().is_some_and(|extension| extension == "jsonl") {
            all.push((name, path));
        }
    }
    all.sort();
    let prefix = format!("{symbol}-");
    let named: Vec<PathBuf> =
        all.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, path)| path.clone()).collect();
    let any_named = all.iter().any(|(name, _)| name.contains('-'));
    let found = if named.is_empty() && !any_named { all.into_iter().map(|(_, path)| path).collect() } else { named };
    if found.is_empty() { Err(ReplayError::NothingFound { path: folder.to_owned(), symbol }) } else { Ok(found) }
}
