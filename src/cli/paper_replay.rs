//! `carry paper --market replay:DIR`: recorded candles and funding, or recorded raw frames, through the same engine.
//!
//! Candles take the road of a backtest with a session's durable ledger and tape; frames take the road of the live venue:
//! the real decoders and book rules. A replay is quick and cannot be resumed half way; it starts afresh instead.

use super::history::{Ready, Window};
use super::{Exit, Failure, Output};
use crate::config::Loaded;
use crate::data::folder::Folder;
use crate::domain::{Catalogue, Market, Price, Quantity, Symbol, WallTime};
use crate::engine::State;
use crate::net::machine_clock;
use crate::port::Event;
use crate::report::run::{RunResult, Summary};
use crate::run::backtest::{Bars, finish as finish_bars, summarise};
use crate::run::collect::Collector;
use crate::run::driver::Driver;
use crate::run::journal::{Books, Journal};
use crate::run::session::Session;
use crate::run::wallets::wallets;
use crate::sim::{Faults, SimVenue};
use crate::store::JournalError;
use crate::store::ledger_file::Batch;
use crate::store::{LedgerFile, StateLock};
use crate::tape::{self, TapeWriter};
use crate::venues::binance::replay::{ReplayEnd, replay_into};
use crate::venues::frames::Frames;
use serde::Serialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What is replayed, and where the session's files go.
pub struct Job<'a> {
    /// The recording.
    pub from: &'a Path,
    /// The session's folder.
    pub folder: &'a Path,
    /// Settings.
    pub loaded: &'a Loaded,
    /// Result as JSON.
    pub json: bool,
}

/// One recorded book at its end.
#[derive(Serialize)]
struct BookEnd {
    market: Market,
    symbol: Symbol,
    frames: u64,
    gaps: u64,
    applied: u64,
    snapshot_id: Option<u64>,
    last_update_id: Option<u64>,
    best_bid: Option<(Price, Quantity)>,
    best_ask: Option<(Price, Quantity)>,
    levels: (usize, usize),
    refused: u64,
}

/// Runs it.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(job: &Job<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
    if !job.from.exists() {
        return Err(Failure::new(Exit::Usage, format!("{}: does not exist", job.from.display())));
    }
    let _lock = StateLock::take(job.folder)?;
    if job.folder.join("ledger.sqlite").exists() {
        return Err(Failure::new(
            Exit::Usage,
            format!("{}: already holds a session; a replay starts in a new --state folder", job.folder.display()),
        ));
    }
    if job.from.join("klines").is_dir() { candles(job, output) } else { frames(job, output) }
}

fn session(job: &Job<'_>, catalogue: &Catalogue, market: &str) -> Result<Session, Failure> {
    let settings = &job.loaded.settings;
    let tape_failed = |error: tape::TapeError| Failure::new(Exit::Failure, error.to_string());
    let header = tape::Header {
        mode: "paper".to_owned(),
        market: market.to_owned(),
        seed: settings.sim.seed,
        strategy_sha256: job.loaded.strategy_hash.clone(),
        settings: tape::canonical(settings).map_err(tape_failed)?,
        catalogue: catalogue.clone(),
    };
    let folder = job.folder.join("tape");
    std::fs::create_dir_all(&folder)?;
    let tape = TapeWriter::create(&folder, &header).map_err(tape_failed)?;
    let mut ledger = LedgerFile::open(&job.folder.join("ledger.sqlite"), "paper")?;
    let identity =
        format!("mode=paper market={market} from={} strategy={}", job.from.display(), job.loaded.strategy_hash);
    ledger.commit(&Batch { meta: vec![("identity", identity)], ..Batch::default() })?;
    let mut session = Session::new(ledger, Some(tape), &Collector::new(0, true));
    session.about(&super::about::about(job.loaded))?;
    Ok(session)
}

fn candles(job: &Job<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = Folder::open(job.from)?;
    let ready = Ready::of(job.loaded, &folder, Window::default())?;
    let session = session(job, &ready.catalogue, "replay")?;
    let inputs = ready.inputs();
    let watch = machine_clock::Stopwatch::start();
    let mut bars = Bars::new(&inputs, session, true)?;
    while bars.step()? {}
    let (mut result, driver) = finish_bars(bars, &inputs, watch.seconds());
    "carry.paper/2".clone_into(&mut result.summary.schema);
    result.summary.run = super::about::about(job.loaded);
    "paper".clone_into(&mut result.summary.mode);
    "replay".clone_into(&mut result.summary.market);
    close(driver, &result.summary)?;
    show(job, &result, &[], output)
}

/// Ends the session's files.
fn close(driver: Driver<Session>, summary: &Summary) -> Result<(), Failure> {
    let Driver { mut state, collector, journal, .. } = driver;
    journal.finish(summary, Books { state: &mut state, collector: &collector })?;
    Ok(())
}

fn frames(job: &Job<'_>, output: &mut Output<'_>) -> Result<(), Failure> {
    let recordings = recordings(job.from)?;
    let (_, _, symbol) = recordings.first().cloned().ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{}: holds neither klines/ nor recorded frames", job.from.display()))
    })?;
    let catalogue = catalogue(symbol)?;
    let mut events: Vec<(WallTime, Event)> = Vec::new();
    let mut ends = Vec::new();
    for (path, market, symbol) in recordings {
        let Some(instrument) = catalogue.instruments().iter().find(|one| one.market == market) else { continue };
        let of = (symbol, instrument.id);
        let end = replay_into(&path, market, of, &mut |at, event| events.push((at, event)))
            .map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        ends.push(book_end(&end, market, symbol));
    }
    // Both legs in one order of receipt; frames of one leg keep theirs.
    events.sort_by_key(|(at, _)| *at);
    let watch = machine_clock::Stopwatch::start();
    let settings = &job.loaded.settings;
    let mut venue = SimVenue::new(settings.clone(), catalogue.clone(), Faults::none(), false);
    let deposits = wallets(settings, &catalogue);
    let state = State::new(settings.clone(), catalogue.clone());
    let session = session(job, &catalogue, "replay")?;
    let start = events.first().map_or(WallTime(0), |(at, _)| *at);
    for (id, wallet, asset, amount) in &deposits {
        venue.deposit(*id, *wallet, *asset, *amount);
    }
    let mut driver = Driver::new(state, venue, session, Collector::new(catalogue.pairs().len(), true));
    driver.fact(start, Event::Boot { epoch: 1, salt: 1 }, None)?;
    for (venue, wallet, asset, amount) in deposits {
        driver.fact(start, Event::Opening { venue, wallet, asset, amount }, None)?;
    }
    driver.collector.observe(start, &driver.state, crate::run::collect::Exposure::default());
    let end = play(&mut driver, events)?;
    driver.state.mark_all();
    driver.collector.observe(end, &driver.state, crate::run::collect::Exposure::default());
    driver.collector.finish(end, &driver.state);
    let mut summary = summarise(&driver, settings, watch.seconds());
    "carry.paper/2".clone_into(&mut summary.schema);
    summary.run = super::about::about(job.loaded);
    "paper".clone_into(&mut summary.mode);
    "replay".clone_into(&mut summary.market);
    let result = RunResult {
        margin: driver.collector.margin.clone(),
        summary,
        fills: driver.collector.fills.clone(),
        funding: driver.collector.funding.clone(),
        equity: driver.collector.equity.clone(),
        trips: driver.collector.trips.clone(),
        books: crate::run::collect::books(&driver.state),
        basis: Vec::new(),
        naked_s: driver.collector.naked_s.clone(),
    };
    close(driver, &result.summary)?;
    show(job, &result, &ends, output)
}

fn play<J: Journal>(driver: &mut Driver<J>, events: Vec<(WallTime, Event)>) -> Result<WallTime, JournalError> {
    let mut now = driver.state.now;
    let mut events = events.into_iter().peekable();
    while let Some((at, event)) = events.next() {
        now = now.max(at);
        driver.market(now, event)?;
        if events.peek().is_none_or(|(next, _)| *next > now) {
            driver.turn(now)?;
            driver.settle(now)?;
        }
    }
    Ok(now)
}

fn book_end(end: &ReplayEnd, market: Market, symbol: Symbol) -> BookEnd {
    BookEnd {
        market,
        symbol,
        frames: end.frames,
        gaps: end.gaps(),
        applied: end.book.applied,
        snapshot_id: end.snapshot_id,
        last_update_id: end.last_update_id,
        best_bid: end.best_bid,
        best_ask: end.best_ask,
        levels: end.levels,
        refused: end.refused,
    }
}

fn show(job: &Job<'_>, result: &RunResult, books: &[BookEnd], output: &mut Output<'_>) -> Result<(), Failure> {
    crate::report::write_all(job.folder, result).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let mut text = Vec::new();
    for book in books {
        let level = |level: Option<(Price, Quantity)>| {
            level.map_or_else(|| "none".to_owned(), |(price, quantity)| format!("{price} x {quantity}"))
        };
        writeln!(
            text,
            "{} {}: {} frames, {} changes applied, {} gaps",
            book.market, book.symbol, book.frames, book.applied, book.gaps
        )?;
        writeln!(
            text,
            "  best bid {}   best ask {}   last update {}   levels {} / {}",
            level(book.best_bid),
            level(book.best_ask),
            book.last_update_id.map_or_else(|| "none".to_owned(), |id| id.to_string()),
            book.levels.0,
            book.levels.1
        )?;
    }
    crate::report::render_summary(&mut text, result, crate::report::Look::Plain)?;
    std::fs::write(job.folder.join("report.txt"), &text)?;
    if job.json {
        let mut value = serde_json::to_value(&result.summary).map_err(std::io::Error::from)?;
        let books = serde_json::to_value(books).map_err(std::io::Error::from)?;
        if let Some(object) = value.as_object_mut() {
            object.insert("books".to_owned(), books);
        }
        writeln!(output.out, "{}", serde_json::to_string_pretty(&value).map_err(std::io::Error::from)?)?;
    } else {
        output.out.write_all(&text)?;
    }
    Ok(())
}

/// Spot and perp of one symbol with built-in rules: the recordings carry none.
pub(super) fn catalogue(symbol: Symbol) -> Result<Catalogue, Failure> {
    let unknown = || Failure::new(Exit::Usage, format!("{symbol}: expected a symbol that ends in its quote coin"));
    let mut catalogue = Catalogue::default();
    let legs = crate::data::instruments::built_in("binance", symbol).ok_or_else(unknown)?;
    catalogue.add_pair(legs.spot, legs.perp);
    Ok(catalogue)
}

/// Files of frames under a folder (or the file itself) with the market and symbol that their first messages name.
pub(super) fn recordings(from: &Path) -> Result<Vec<(PathBuf, Market, Symbol)>, Failure> {
    let mut files = Vec::new();
    collect(from, 0, &mut files)?;
    files.sort();
    let mut found = Vec::new();
    for file in files {
        if let Some((market, symbol)) = identify(&file)? {
            found.push((file, market, symbol));
        }
    }
    Ok(found)
}

fn collect(path: &Path, depth: u8, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    if path.is_dir() {
        if depth > 2 {
            return Ok(());
        }
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), depth + 1, files)?;
        }
    } else if path.to_string_lossy().contains(".jsonl") {
        files.push(path.to_owned());
    }
    Ok(())
}

/// Futures depth changes carry `pu`, spot ones do not.
fn identify(file: &Path) -> Result<Option<(Market, Symbol)>, Failure> {
    let frames = Frames::open(file).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
    let mut symbol = None;
    for frame in frames.take(2_000) {
        let frame = frame.map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        let text = String::from_utf8_lossy(&frame.bytes);
        if symbol.is_none()
            && let Some((_, rest)) = text.split_once("\"s\":\"")
            && let Some((name, _)) = rest.split_once('"')
        {
            symbol = Symbol::new(name).ok();
        }
        if let Some(symbol) = symbol.filter(|_| text.contains("\"depthUpdate\"")) {
            let market = if text.contains("\"pu\":") { Market::Perp } else { Market::Spot };
            return Ok(Some((market, symbol)));
        }
    }
    Ok(None)
}
