//! `carry paper`: the strategy on a market now, simulated fills, its own durable books.

use super::history::{named_pairs, quote_margin};
use super::paper_play::{Length, control, play, speed};
use super::real::{self, Again};
use super::universe_names::{Grows, name};
use super::{Exit, Failure, Output, about};
use crate::config::{Loaded, load::not_traded};
use crate::domain::{Sequence, Span, WallTime};
use crate::engine::State;
use crate::net::machine_clock;
use crate::report::run::{BasisSeries, Remark, RunResult};
use crate::run::backtest::summarise;
use crate::run::collect::{Collector, books};
use crate::run::driver::Driver;
use crate::run::generated;
use crate::run::journal::Books;
use crate::run::paper::{Paper, SimMarket};
use crate::run::recover::{Behind, same_instant};
use crate::run::review::Review;
use crate::run::session::{self, Session};
use crate::run::telling::{TellError, Telling};
use crate::sim::{Faults, Generator, START, SimVenue};
use crate::store::{JournalError, LedgerFile, StateLock, StoreError, VenueFile};
use crate::tape::{self, TapeWriter};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Trades a strategy with simulated fills: on the embedded simulated market, or on a recording
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry paper                                      thirty simulated days of the embedded market
  carry paper --seed 7 --days 90 --strategy strategies/ethena.toml
  carry paper --state runs/mine                    a session that survives kill -9 and goes on
  carry paper --state runs/mine --speed 1 --days forever   in real time, until it is stopped; the same line goes on
  carry paper --market live --set 'strategy.pairs=[\"binance:BTCUSDT\"]'   a real market, simulated fills, no key
  carry paper --strategy strategies/majors.toml --strategy strategies/alts.toml   two strategies on one capital
  carry paper --market replay:recordings/btc       recorded candles and funding, or recorded raw frames")]
pub struct Args {
    /// Market: sim, live, or replay:DIR
    #[arg(long, default_value = "sim", value_name = "MARKET")]
    market: String,
    /// Seed of the simulated market
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Simulated days, counted from the first start; forever ends with SIGTERM or Ctrl-C alone
    #[arg(long, default_value = "30", value_name = "N|forever", value_parser = Length::parse)]
    days: Length,
    /// Simulated seconds per second, or max
    #[arg(long, default_value = "max", value_name = "max|N")]
    speed: String,
    /// Folder of the session; a new one under runs/ when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Strategy file; when absent that of the session, else the one edited last in strategies/, else the built-in settings; repeated
    /// where several strategies trade on one capital, each with its own pairs
    #[arg(long, value_name = "FILE")]
    strategy: Vec<PathBuf>,
    /// Overrides one key; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Further configuration files; may be repeated
    #[arg(long, value_name = "FILE")]
    config: Vec<PathBuf>,
    #[command(flatten)]
    place: super::real::Place,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

impl Args {
    /// Whether its market is a real one.
    pub(super) fn is_live(&self) -> bool {
        self.market == "live"
    }
}

/// Runs the command.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let watch = machine_clock::Stopwatch::start();
    let seed = args.seed.map(|seed| format!("sim.seed={seed}"));
    let set = args.set.iter().cloned().chain(seed).collect();
    let speed = speed(&args.speed)?;
    let folder = args.state.clone().unwrap_or_else(super::folder::new_run);
    let what = real::What { strategy: about::strategies(&args.strategy, &folder), set, config: args.config.clone() };
    let mut loaded = about::typed(what.load()?, &folder);
    if args.is_live() {
        name(&mut loaded, (&folder, &args.place), Grows::No)?;
        let job = super::shadow::Job {
            mode: "paper",
            folder: &folder,
            loaded: &loaded,
            what: &what,
            place: &args.place,
            json: args.json,
        };
        return job.run(output);
    }
    named_pairs(&loaded.settings, "this market")?;
    if args.market != "sim" {
        quote_margin(&loaded.settings, "a replayed market")?;
        return match args.market.strip_prefix("replay:") {
            Some(from) => {
                let from = Path::new(from);
                let job = super::paper_replay::Job { from, folder: &folder, loaded: &loaded, json: args.json };
                super::paper_replay::run(&job, output)
            }
            None => Err(Failure::new(
                Exit::Usage,
                format!("--market {}: expected sim, live or replay:DIR", args.market.escape_debug()),
            )),
        };
    }
    let small = super::minimums::judge(&loaded, None)?;
    if !small.is_empty() {
        return Err(small.into());
    }
    let lock = StateLock::take(&folder)?;
    let job = Job { folder: &folder, loaded: &loaded, days: args.days };
    match job.open()? {
        Opened::Finished(text, json) => writeln!(output.out, "{}", if args.json { json } else { text })?,
        Opened::Session(mut paper) => {
            let (mut desk, server) =
                control(&folder, &lock, Again::of(&loaded, false, move || super::minimums::again(&what)));
            let _page = super::serve::beside(&folder, &loaded.settings.web)?;
            let telling = Telling::open(&folder, "paper", &loaded.settings.alarm)?;
            let asker = server.as_ref().map(|server| server.asker.clone());
            if !play(&mut paper, speed, (desk.as_mut(), asker, telling))? {
                paper.rest()?;
                return Ok(goes_on(args, (&folder, paper.now()), output)?);
            }
            let result = job.close(*paper, watch.seconds())?;
            if args.json {
                write!(output.out, "{}", crate::report::summary_json(&result.summary))?;
            } else {
                crate::report::print_summary(output.out, &result)?;
                let place = about::quoted(&folder.display().to_string());
                let report = format!("carry report {place}");
                let replay = format!("carry replay {place}");
                let mut next: Vec<(&str, &str)> =
                    vec![(&report, "the page with charts"), (&replay, "the same decisions again, from the tape")];
                // Where there are files already it would refuse.
                if super::init::writable_here() {
                    next.push(("carry init", "your own configuration and strategy files"));
                }
                crate::report::print_next(output.out, &next)?;
            }
        }
    }
    Ok(())
}

/// It was told to stop: everything is on disk, and the same command goes on.
fn goes_on(args: &Args, (folder, now): (&Path, WallTime), output: &mut Output<'_>) -> std::io::Result<()> {
    if args.json {
        let value = serde_json::json!({
            "schema": "carry.paper.stopped/1", "dir": folder.display().to_string(), "finished": false, "clock_ms": now,
        });
        return writeln!(output.out, "{value}");
    }
    let day = now.since(START).0 / Span::DAY.0;
    writeln!(output.out, "stopped on simulated day {day}, at {now}; nothing is lost, the same command goes on")?;
    writeln!(output.out, "see: carry status {}", folder.display())
}

/// One session's folder and settings.
struct Job<'a> {
    folder: &'a Path,
    loaded: &'a Loaded,
    days: Length,
}

enum Opened {
    /// The session is over: its report as text and as JSON.
    Finished(String, String),
    Session(Box<Paper<Session>>),
}

impl Job<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn open(&self) -> Result<Opened, Failure> {
        let settings = &self.loaded.settings;
        let fresh = !self.path("ledger.sqlite").exists();
        let mut ledger = LedgerFile::open(&self.path("ledger.sqlite"), "paper")?;
        let read = ledger.load()?;
        let begun = read.meta.contains_key("identity");
        if begun {
            self.same_session(&read.meta)?;
            if !read.meta.contains_key("ready") {
                // Killed while it was being set up: nothing was decided yet, so it is set up anew.
                drop(ledger);
                return self.set_up_anew();
            }
            if read.meta.contains_key("finished") {
                return self.finished(&read);
            }
            if !self.path("venue.sqlite").exists() {
                // An empty file put in its place would look like a venue that never knew us.
                return Err(self.venue_gone());
            }
        }
        let venue_file = VenueFile::open(&self.path("venue.sqlite"))?;
        let venue = venue_file.load()?;
        if !begun {
            if let Some(venue) = venue {
                drop(ledger);
                return Err(self.unknown_books(&venue.venue, fresh));
            }
            return self.start(ledger, venue_file);
        }
        let venue = venue.ok_or_else(|| self.venue_gone())?;
        let market = venue.market.ok_or_else(|| damaged("the venue's file has no market"))?;
        let history = venue_file.history(venue.clock - settings.longest_memory() - Span(2 * Span::DAY.0))?;
        let market = SimMarket::read_back(&market, Some(venue_file)).map_err(|error| damaged(&error.to_string()))?;
        let pairs = generated::again(&market.generator, settings, &read.meta).map_err(|error| damaged(&error))?;
        let mut state = State::new(settings.clone(), pairs);
        let recovered = session::recover(&mut state, &read).map_err(|error| damaged(&error.to_string()))?;
        let books = SimVenue::read(&venue.venue).map_err(|error| damaged(&error.to_string()))?;
        same_instant(&recovered.booked, &books).map_err(|behind| self.behind(&behind))?;
        let books = books.resumed(settings.clone(), &recovered.booked);
        self.reconcile(&state, &books)?;
        crate::run::typed::keep(&mut ledger, self.loaded, self.folder)?;
        let sequence = Sequence(state.sequence.0);
        let header = self.header(&state.catalogue)?;
        let tape = crate::run::resumed::tape_of(self.folder, header, &read, sequence);
        let mut session = Session::new(ledger, tape, &recovered.collector)
            .after(recovered.booked.clone())
            .watching(self.folder, &settings.store);
        session.about(&about::about(self.loaded))?;
        let driver = Driver::new(state, books, session, recovered.collector);
        let clocks = (recovered.clock, venue.clock);
        let mut paper = Paper::resume(driver, market, clocks, recovered.epoch, &history)?;
        paper.until(START + self.days.0);
        Ok(Opened::Session(Box::new(paper)))
    }

    fn set_up_anew(&self) -> Result<Opened, Failure> {
        for name in ["venue.sqlite", "ledger.sqlite"] {
            for suffix in ["-wal", "-shm", ""] {
                let file = self.path(&format!("{name}{suffix}"));
                if file.exists() {
                    std::fs::remove_file(file)?;
                }
            }
        }
        let ledger = LedgerFile::open(&self.path("ledger.sqlite"), "paper")?;
        self.start(ledger, VenueFile::open(&self.path("venue.sqlite"))?)
    }

    /// The report of a session that is over, from the ledger: a kill between its last commit and its files loses nothing.
    fn finished(&self, read: &crate::store::Loaded) -> Result<Opened, Failure> {
        let review = Review::of(read, None).map_err(|error| damaged(&error.to_string()))?;
        let result = review.result();
        let mut text = Vec::new();
        crate::report::render_summary(&mut text, &result, crate::report::Look::Plain)?;
        if !self.path("summary.json").exists() || !self.path("report.txt").exists() {
            self.write_files(&result, &text)?;
        }
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        let length = result.summary.to_ms.since(result.summary.from_ms);
        let (days, asked) = ((length.0 + Span::HOUR.0) / Span::DAY.0, self.days.0.0 / Span::DAY.0);
        if asked > days && asked < i64::from(u32::MAX) {
            // Its digest is that of the days that it had; more days are another session.
            let note = format!(
                "carry: this session is over after {days} days and stays so; for {asked} days: carry paper --days {asked} --state ANOTHER"
            );
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("{note}\n").as_bytes());
        }
        Ok(Opened::Finished(text, crate::report::summary_json(&result.summary).trim_end().to_owned()))
    }

    fn write_files(&self, result: &RunResult, text: &[u8]) -> Result<(), Failure> {
        crate::report::write_all(self.folder, result)
            .map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        Ok(std::fs::write(self.path("report.txt"), text)?)
    }

    fn start(&self, mut ledger: LedgerFile, venue_file: VenueFile) -> Result<Opened, Failure> {
        let settings = &self.loaded.settings;
        let generator = Generator::new(settings.sim.seed, START);
        generated::all_there(self.loaded, &generator)?;
        let catalogue = generated::traded(&generator, settings);
        let names: Vec<String> = catalogue.pairs().iter().map(|pair| pair.name.clone()).collect();
        if let Some(pair) = settings.stray_pair(&names) {
            return Err(Failure::new(Exit::Usage, not_traded(pair, &names).to_string()));
        }
        let header = self.header(&catalogue)?;
        // Readers of the folder need names and settings; the tape may be deleted.
        let mut meta = vec![
            ("identity", self.identity()),
            ("settings", header.settings.to_string()),
            ("catalogue", serde_json::to_string(&header.catalogue).unwrap_or_default()),
            ("run", serde_json::to_string(&about::about(self.loaded)).unwrap_or_default()),
        ];
        meta.extend(crate::run::typed::meta(self.loaded, self.folder));
        let tape_folder = self.path("tape");
        if tape_folder.exists() {
            // A start that was killed before its first fact: nothing was decided yet.
            std::fs::remove_dir_all(&tape_folder)?;
        }
        std::fs::create_dir_all(&tape_folder)?;
        let tape = TapeWriter::create(&tape_folder, &header).map_err(journal_tape)?;
        ledger.commit(&crate::store::ledger_file::Batch { meta, ..Default::default() })?;
        let collector = Collector::new(0, true);
        let session = Session::new(ledger, Some(tape), &collector).watching(self.folder, &settings.store);
        let market = SimMarket::new(generator, Some(venue_file));
        let mut paper = Paper::start(settings, session, market, Faults::none())?;
        paper.driver.journal.ready()?;
        paper.until(START + self.days.0);
        Ok(Opened::Session(Box::new(paper)))
    }

    fn header(&self, catalogue: &crate::domain::Catalogue) -> Result<tape::Header, Failure> {
        let settings = &self.loaded.settings;
        Ok(tape::Header {
            mode: "paper".to_owned(),
            market: "sim".to_owned(),
            seed: settings.sim.seed,
            strategy_sha256: self.loaded.strategy_hash.clone(),
            settings: tape::canonical(settings).map_err(journal_tape)?,
            catalogue: catalogue.clone(),
        })
    }

    /// One of the two files is older than the other.
    fn behind(&self, behind: &Behind) -> Failure {
        Failure::new(Exit::Difference, format!("{}: {behind}", self.folder.display()))
    }

    /// What makes two starts the same session.
    fn identity(&self) -> String {
        let settings = &self.loaded.settings;
        format!("mode=paper market=sim seed={} strategy={}", settings.sim.seed, self.loaded.strategy_hash)
    }

    fn same_session(&self, meta: &std::collections::BTreeMap<String, String>) -> Result<(), Failure> {
        let known = meta.get("identity").map_or("", String::as_str);
        let asked = self.identity();
        let place = format!("mode=paper market=sim seed={} ", self.loaded.settings.sim.seed);
        let differ = crate::run::upgrade::differ(meta, self.loaded);
        if known == asked || known.starts_with(&place) && differ.as_ref().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        let keys = crate::run::upgrade::named(differ)
            + &crate::run::upgrade::other_strategies(meta, self.loaded).unwrap_or_default();
        Err(Failure::new(
            Exit::Usage,
            format!(
                "{}: holds another session\n  there: {known}\n  asked: {asked}{keys}\nuse another --state folder, or the same seed and strategy",
                self.folder.display()
            ),
        ))
    }

    /// The ledger has a session and there is no venue to compare it with.
    fn venue_gone(&self) -> Failure {
        Failure::new(
            Exit::Difference,
            format!(
                "{}: the ledger has a session, but the venue's books are gone; nothing is traded\nput venue.sqlite back, or start with a new --state folder",
                self.folder.display()
            ),
        )
    }

    /// The bot's ledger is gone, the venue has books: it does not pretend that these are nothing.
    fn unknown_books(&self, venue: &str, fresh: bool) -> Failure {
        if fresh {
            for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
                let _ = std::fs::remove_file(self.path(name));
            }
        }
        let mut text = format!(
            "{}: the venue has books that no ledger of ours explains; nothing is traded\n\n  account                      ledger  venue\n",
            self.folder.display()
        );
        if let Ok(venue) = SimVenue::read(venue) {
            for (name, amount) in holdings(&venue) {
                let _ = writeln!(text, "  {name:<28} none    {amount}");
            }
        }
        text.push_str("\nput the ledger back, or start with a new --state folder");
        Failure::new(Exit::Difference, text)
    }

    /// Compares the ledger, with what is on its way to the bot, to the venue's books; refuses when they differ.
    fn reconcile(&self, state: &State, venue: &SimVenue) -> Result<(), Failure> {
        let differences = crate::run::recover::differences(state, venue);
        if differences.is_empty() {
            return Ok(());
        }
        let mut text = format!("{}: ledger and venue differ; nothing is traded\n", self.folder.display());
        for line in differences {
            let _ = writeln!(text, "  {line}");
        }
        Err(Failure::new(Exit::Difference, text.trim_end().to_owned()))
    }

    fn close(&self, mut paper: Paper<Session>, seconds: f64) -> Result<RunResult, Failure> {
        paper.finish()?;
        let settings = &self.loaded.settings;
        let mut summary = summarise(&paper.driver, settings, seconds);
        "carry.paper/2".clone_into(&mut summary.schema);
        let retold = paper.driver.journal.retold(&paper.driver.state);
        summary.run = retold.unwrap_or_else(|| about::about(self.loaded));
        summary.seed = Some(settings.sim.seed);
        "paper".clone_into(&mut summary.mode);
        "sim".clone_into(&mut summary.market);
        summary.remarks.push(Remark {
            subject: "market".to_owned(),
            text: "generated; it imitates the third quarter of 2025 in kind and is no forecast".to_owned(),
        });
        for pair in paper.driver.state.catalogue.pairs() {
            summary.steps.insert(pair.name.clone(), "1m".to_owned());
        }
        let Driver { mut state, collector, journal, .. } = paper.driver;
        journal.finish(&summary, Books { state: &mut state, collector: &collector })?;
        let trips = collector.trips_by_opening();
        let result = RunResult {
            summary,
            fills: collector.fills,
            funding: collector.funding,
            equity: collector.equity,
            trips,
            books: books(&state),
            basis: Vec::<BasisSeries>::new(),
            margin: collector.margin,
            naked_s: collector.naked_s,
        };
        let mut text = Vec::new();
        crate::report::render_summary(&mut text, &result, crate::report::Look::Plain)?;
        self.write_files(&result, &text)?;
        Ok(result)
    }
}

fn holdings(venue: &SimVenue) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for ((id, wallet, asset), amount) in venue.accounts().wallets() {
        let name = venue.catalogue().venues().get(id.index()).map_or("?", |name| name.as_str());
        if !amount.is_zero() {
            rows.push((format!("{name} {wallet:?} {asset}").to_lowercase(), amount.to_string()));
        }
    }
    for one in venue.catalogue().instruments() {
        let coins = venue.accounts().position(one.id).coins;
        if !coins.is_zero() {
            rows.push((format!("{}:{} position", one.venue, one.symbol), coins.to_string()));
        }
    }
    rows
}

fn damaged(problem: &str) -> Failure {
    Failure::new(Exit::Failure, format!("the session cannot be read back: {problem}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn journal_tape(error: tape::TapeError) -> Failure {
    Failure::new(Exit::Failure, error.to_string())
}

impl From<JournalError> for Failure {
    fn from(error: JournalError) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }
}

impl From<TellError> for Failure {
    fn from(error: TellError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let exit = match error {
            StoreError::InUse { .. } | StoreError::AccountInUse { .. } => Exit::Running,
            StoreError::Copied { .. } => Exit::Refused,
            _ => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}
