//! `carry stress`: what the book of a session or of a backtest loses in a shock. Tests: `tests/suite/stress.rs`.

use super::folder::{self, LEDGER, Where};
use super::history::{Ready, Window, not_there};
use super::{Exit, Failure, Output, stress_report};
use crate::config::{Sources, load};
use crate::data::folder::Folder;
use crate::data::history::PairHistory;
use crate::domain::{Span, WallTime};
use crate::report::run::Summary;
use crate::research::book::Book;
use crate::research::fate::Outcome;
use crate::research::shocks::{Point, SHOCKS, Shock};
use crate::research::stress::stress;
use crate::run::NoJournal;
use crate::run::backtest::Bars;
use std::path::{Path, PathBuf};

/// What the book would lose in a crash, a rally, a depeg or a forced exit, and what would be done about it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry stress runs/mine                                  a session, now or at its last commit
  carry stress out/ethena --data data --at 2025-10-09     a backtest on that day
  carry stress runs/mine --shock 2025-10-10 --shock rally --json

DIR is the folder of a session, or what carry backtest --out wrote: that is played again up to the
day, which needs its history. Where --data has the hours of a dated shock for every pair that is
held, prices go as they went; else by the table of shocks, whose sources the output names. It is an
estimate: nothing is sent, nothing is booked.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Folder of history: needed for a backtest's folder, and for shocks as they were
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The day or instant (UTC) of a backtest's book; its end when it is not said
    #[arg(long, value_name = "DATE")]
    at: Option<String>,
    /// Only this shock; may be repeated
    #[arg(long, value_name = "NAME")]
    shock: Vec<String>,
    /// JSON (schema carry.stress/1)
    #[arg(long)]
    json: bool,
}

/// One shock with what it did.
pub(super) struct Told {
    pub(super) shock: Shock,
    /// Whether prices went as they did in history.
    pub(super) history: bool,
    pub(super) outcome: Outcome,
}

/// The book and where it is from.
pub(super) struct Taken {
    pub(super) book: Book,
    pub(super) source: String,
    pub(super) remarks: Vec<String>,
    pub(super) currency: String,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a folder, day or shock that is not there, 1 for files that cannot be used.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let shocks = chosen(&args.shock)?;
    let data = args.data.as_ref().map(|data| Folder::open(data).map_err(not_there)).transpose()?;
    let taken = match args.place.named() {
        Some(dir) if !dir.join(LEDGER).is_file() && dir.join("summary.json").is_file() => {
            of_backtest(dir, data.as_ref(), args.at.as_deref())?
        }
        _ => of_session(&args.place, args.at.as_deref())?,
    };
    let told: Vec<Told> = shocks.into_iter().map(|shock| one(&taken.book, shock, data.as_ref())).collect();
    stress_report::report((&taken, &told), args.json, output)
}

fn chosen(names: &[String]) -> Result<Vec<Shock>, Failure> {
    if names.is_empty() {
        return Ok(SHOCKS.to_vec());
    }
    let one = |name: &String| {
        let found = SHOCKS.iter().find(|shock| shock.name == name.as_str()).copied();
        let known = || SHOCKS.iter().map(|shock| shock.name).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("--shock {name:?}: there is none; expected one of {}", known()))
        })
    };
    names.iter().map(one).collect()
}

fn of_session(place: &Where, at: Option<&str>) -> Result<Taken, Failure> {
    let session = folder::Folder::open(place)?;
    if at.is_some() {
        let text = "--at: a session has the book of now or of its last commit; --at is for the folder of a backtest";
        return Err(Failure::new(Exit::Usage, text));
    }
    let (review, _) = session.review_now()?;
    let valued = review.valued();
    Ok(Taken {
        book: Book { equity: valued.equity.to_f64(), ..Book::of(&review.state, valued.at) },
        source: format!("{} session {}", review.identity.mode, session.path.display()),
        remarks: Vec::new(),
        currency: review.state.settings.run.currency.to_string(),
    })
}

/// The book of a backtest at an instant: the run is played again up to it, with the settings that its summary holds.
fn of_backtest(dir: &Path, data: Option<&Folder>, at: Option<&str>) -> Result<Taken, Failure> {
    let Some(folder) = data else {
        let text = format!(
            "{}: is the folder of a backtest, which is played again; expected --data DIR with its history",
            dir.display()
        );
        return Err(Failure::new(Exit::Usage, text));
    };
    let path = dir.join("summary.json");
    let failed = |problem: String| Failure::new(Exit::Failure, format!("{}: {problem}", path.display()));
    let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
    let summary: Summary = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if summary.mode != "backtest" || summary.run.settings.is_empty() {
        return Err(failed(
            "is not of a backtest that recorded its settings; expected what carry backtest --out wrote".to_owned(),
        ));
    }
    let mut set: Vec<String> = summary.run.settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let pairs: Vec<String> = summary.steps.keys().map(|pair| format!("\"{pair}\"")).collect();
    set.push(format!("strategy.pairs=[{}]", pairs.join(", ")));
    let loaded = load(&Sources { set, ..Sources::default() })?;
    let window = Window::read(None, at, ("--from", "--at"))?;
    let to = window.to.unwrap_or(summary.to_ms);
    if to < summary.from_ms || to.floor(Span::DAY) > summary.to_ms {
        let text =
            format!("--at {to}: the run goes from {} to {}; expected a time in it", summary.from_ms, summary.to_ms);
        return Err(Failure::new(Exit::Usage, text));
    }
    // A bar before the first close is the one that closes then.
    let window = Window { from: Some(summary.from_ms - Span::HOUR), to: Some(to) };
    let ready = Ready::of(&loaded, folder, window)?;
    let inputs = ready.inputs();
    let stopped = |error: crate::store::JournalError| Failure::new(Exit::Failure, error.to_string());
    let mut bars = Bars::new(&inputs, NoJournal, false).map_err(stopped)?;
    while bars.step().map_err(stopped)? {}
    let now = bars.now();
    let driver = bars.driver();
    driver.state.mark_all();
    let mut remarks = Vec::new();
    if at.is_none() && driver.digest() != summary.digest {
        remarks
            .push("Played again it decides otherwise than the run did: another history or another program.".to_owned());
    }
    Ok(Taken {
        book: Book::of(&driver.state, now),
        source: format!("backtest {}", dir.display()),
        remarks,
        currency: summary.currency.to_string(),
    })
}

/// One shock: as prices went where the hours are there, else by the table.
fn one(book: &Book, shock: Shock, data: Option<&Folder>) -> Told {
    let paths = data.and_then(|data| as_it_went(book, &shock, data));
    let history = paths.is_some();
    let (shock, paths) = match paths {
        // The worst hour is that of the history.
        Some((hours, paths)) => (Shock { hours, ..shock }, paths),
        None => (shock, book.held.iter().map(|held| shock.path(&held.coin)).collect()),
    };
    Told { shock, history, outcome: stress(book, &shock, &paths) }
}

/// The hours of a dated shock for every pair that is held, and the end of the worst one; `None` when any has none.
#[expect(clippy::float_arithmetic, reason = "an estimate")]
fn as_it_went(book: &Book, shock: &Shock, data: &Folder) -> Option<(f64, Vec<Vec<Point>>)> {
    let (first, last) = shock.days?;
    let window = Window::read(Some(first), Some(last), ("", "")).ok()?;
    let of = |pair: &str| path_of(&data.load_pair(pair, window.from, window.to).ok()?, window);
    let paths: Vec<Vec<Point>> = book.held.iter().map(|held| of(&held.pair)).collect::<Option<_>>()?;
    let count = paths.first()?.len();
    if count < 2 || paths.iter().any(|path| path.len() != count) {
        return None;
    }
    let falls = paths.iter().flat_map(|path| {
        path.iter().zip(path.iter().skip(1)).map(|(before, after)| (after.spot / before.spot, after.hour))
    });
    let (_, hour) = falls.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((hour.max(1.0), paths))
}

/// Prices of a pair over those at the first open, hour by hour.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "an estimate")]
fn path_of(history: &PairHistory, window: Window) -> Option<Vec<Point>> {
    if history.step > Span::HOUR {
        return None;
    }
    let (spot, perp) = (history.spot.open.first()?.to_f64(), history.perp.open.first()?.to_f64());
    let start: WallTime = window.from?;
    let mut path = vec![Point { hour: 0.0, spot: 1.0, perp: 1.0, high: 1.0 }];
    for (place, opened) in history.spot.opened.iter().enumerate() {
        let Ok(other) = history.perp.opened.binary_search(opened) else { continue };
        let hour = (*opened + history.step).since(start).0 as f64 / 3.6e6;
        path.push(Point {
            hour,
            spot: history.spot.close.get(place)?.to_f64() / spot,
            perp: history.perp.close.get(other)?.to_f64() / perp,
            high: history.perp.high.get(other)?.to_f64() / perp,
        });
    }
    Some(path)
}
