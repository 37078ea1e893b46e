//! `carry shadow` and `carry paper --market live`: a real market, simulated fills. Neither holds a key.
//!
//! Tests: `tests/live.rs`.

use super::attend::{self, Attendant};
use super::real::{self, Again, Place, What, no_keys};
use super::universe_names::{Grows, name};
use super::{Exit, Failure, Output};
use crate::checks::ladder::Ladder;
use crate::config::Loaded;
use crate::control::desk::Desk;
use crate::control::latency::Latency;
use crate::control::server::Asker;
use crate::domain::{Sequence, Span, WallTime};
use crate::engine::State;
use crate::port::Event;
use crate::report::run::{BasisSeries, Remark, RunResult, Summary};
use crate::run::backtest::summarise;
use crate::run::collect::Collector;
use crate::run::driver::Driver;
use crate::run::folder as run_folder;
use crate::run::journal::Books;
use crate::run::live_loop::{self, Ears, Ended, Until};
use crate::run::opening::{self, Opened};
use crate::run::session::{self, Session};
use crate::run::shadow::{Shadow, Stand};
use crate::run::wallets::wallets;
use crate::sim::{Faults, SimVenue};
use crate::store::{LedgerFile, StateLock, VenueFile};
use std::path::{Path, PathBuf};

/// How long simulated orders in work may take after a stop.
const GRACE: Span = Span::seconds(30);

/// Trades beside a live run, on the same market with simulated fills; needs no key and no live process
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry shadow --strategy strategies/anchor.toml --set 'strategy.pairs=[\"binance:BTCUSDT\"]' --state state/main
  carry shadow --strategy strategies/anchor.toml --for 24h")]
pub struct Args {
    /// Folder of the run; a new one under runs/ when absent
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    what: What,
    /// The summary as JSON
    #[arg(long)]
    json: bool,
}

/// A run that is over: itself, who looked after it, how it ended, its remarks and its seconds.
type Played = (Shadow<Session>, Attendant, Ended, (Vec<(String, String)>, f64));

/// What differs between the two.
pub struct Job<'a> {
    /// `shadow` or `paper`.
    pub mode: &'static str,
    /// Its folder.
    pub folder: &'a Path,
    /// Settings.
    pub loaded: &'a Loaded,
    /// What they come from.
    pub what: &'a What,
    /// Where the market is.
    pub place: &'a Place,
    /// Result as JSON.
    pub json: bool,
}

/// Runs `carry shadow`.
///
/// # Errors
/// A [`Failure`] with its exit code.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let folder = args.state.clone().unwrap_or_else(super::folder::new_run);
    let mut loaded = super::about::typed(args.what.load()?, &folder);
    name(&mut loaded, (&folder.join("shadow"), &args.place), Grows::No)?;
    let job =
        Job { mode: "shadow", folder: &folder, loaded: &loaded, what: &args.what, place: &args.place, json: args.json };
    job.run(output)
}

impl Job<'_> {
    /// Runs it until it is stopped or its time is over.
    ///
    /// # Errors
    /// A [`Failure`] with its exit code.
    pub fn run(&self, output: &mut Output<'_>) -> Result<(), Failure> {
        // A shadow stands beside a live run of the same folder, with files of its own.
        let folder = if self.mode == "shadow" { self.folder.join("shadow") } else { self.folder.to_owned() };
        let lock = StateLock::take(&folder)?;
        let hours = match self.mode {
            "shadow" => Some((Ladder::open(self.folder)?, self.loaded.strategy_hash.clone())),
            _ => None,
        };
        let attendant = Attendant::new((&folder, "shadow"), &self.loaded.settings, hours)?;
        let what = self.what.clone();
        let again = Again::of(self.loaded, false, move || what.load());
        let (desk, server) = attend::desk(&folder, &lock, again)?;
        let _page = super::serve::beside(&folder, &self.loaded.settings.web)?;
        let (mut shadow, attendant, ended, done) =
            real::run(self.go(&folder, attendant, (desk, server.asker.clone())))?;
        attendant.end(&mut shadow);
        let result = self.close(&folder, &shadow, &done.0, done.1)?;
        let told = self.tell(&folder, &result, output);
        match ended {
            Ended::Calm => told,
            Ended::InWork => Err(super::live::in_work()),
        }
    }

    fn tell(&self, folder: &Path, result: &RunResult, output: &mut Output<'_>) -> Result<(), Failure> {
        if self.json {
            write!(output.out, "{}", crate::report::summary_json(&result.summary))?;
            return Ok(());
        }
        crate::report::print_summary(output.out, result)?;
        let pnl = format!("carry pnl {}", super::about::quoted(&folder.display().to_string()));
        let again = super::about::again(self.folder);
        let next: [(&str, &str); 2] = [(&pnl, "its profit, line by line"), (&again, "goes on where it stopped")];
        crate::report::print_next(output.out, &next)?;
        Ok(())
    }

    async fn go(&self, folder: &Path, attendant: Attendant, (desk, asker): (Desk, Asker)) -> Result<Played, Failure> {
        let stop = real::stop_signal(Some(asker));
        let opening = real::open(&self.loaded.settings, (self.place, folder), &no_keys);
        let mut opened = real::unless_stopped(&stop, opening).await?;
        opening::open_lines(&mut opened);
        let now = (opened.clock.wall)();
        let driver = match run_folder::ledger(folder, self.mode, self.loaded)? {
            (ledger, Some(read)) => self.resume(folder, (ledger, &read), &opened, now)?,
            (ledger, None) => self.start(folder, ledger, &opened, now)?,
        };
        let file = VenueFile::open(&folder.join("venue.sqlite"))?;
        let stands = std::mem::take(&mut opened.doors)
            .into_iter()
            .map(|door| Stand {
                venue: door.venue,
                feed: door.feed,
                wire: door.wire,
                reachable: false,
                measured: None,
                trips: Latency::default(),
            })
            .collect();
        let mut shadow = Shadow::new(driver, stands, file, now)?;
        shadow.driver.journal.ready()?;
        let clock = opened.clock;
        let mut ears = Ears { inbox: opened.inbox, desk, stop };
        let end = self.place.span()?.map(|span| now + span);
        let watch = crate::net::machine_clock::Stopwatch::start();
        let mut attendant = attendant;
        attendant.begin(&mut shadow);
        let until = Until { end, grace: GRACE };
        let ended =
            live_loop::run(&mut shadow, &mut ears, clock, until, |run, now| attendant.look(run, now, clock)).await?;
        let last = shadow.driver.state.now;
        shadow.observe(last);
        let digest = shadow.driver.digest();
        let Driver { state, collector, journal, .. } = &mut shadow.driver;
        journal.rest(&digest, Books { state, collector })?;
        Ok((shadow, attendant, ended, (opened.known.remarks, watch.seconds())))
    }

    fn start(
        &self,
        folder: &Path,
        mut ledger: LedgerFile,
        opened: &Opened,
        now: WallTime,
    ) -> Result<Driver<Session>, Failure> {
        let settings = &self.loaded.settings;
        let tape = run_folder::set_up(folder, &mut ledger, self.loaded, opened, self.mode)?;
        let collector = Collector::new(opened.catalogue.pairs().len(), true);
        let session = Session::new(ledger, Some(tape), &collector).watching(folder, &settings.store);
        let mut venue = SimVenue::new(settings.clone(), opened.catalogue.clone(), Faults::none(), false);
        let state = State::new(settings.clone(), opened.catalogue.clone());
        let deposits = wallets(settings, &opened.catalogue);
        for (id, wallet, asset, amount) in &deposits {
            venue.deposit(*id, *wallet, *asset, *amount);
        }
        let mut driver = Driver::new(state, venue, session, collector);
        driver.refill(&opened.known.history, now)?;
        driver.fact(now, Event::Boot { epoch: 1, salt: real::fresh_salt() }, None)?;
        for (venue, wallet, asset, amount) in deposits {
            driver.fact(now, Event::Opening { venue, wallet, asset, amount }, None)?;
        }
        Ok(driver)
    }

    fn resume(
        &self,
        folder: &Path,
        from: (LedgerFile, &crate::store::Loaded),
        opened: &Opened,
        now: WallTime,
    ) -> Result<Driver<Session>, Failure> {
        let (mut ledger, read) = from;
        let damaged = |problem: String| Failure::new(Exit::Failure, format!("the run cannot be read back: {problem}"));
        run_folder::same_run(read, (self.loaded, self.mode), &opened.catalogue, folder)?;
        crate::run::typed::keep(&mut ledger, self.loaded, folder)?;
        let file = VenueFile::open(&folder.join("venue.sqlite"))?;
        let Some(venue) = file.load()? else {
            let text = format!("{}: the ledger has a run, but the simulated venue's books are gone", folder.display());
            return Err(Failure::new(Exit::Difference, text));
        };
        let mut state = State::new(self.loaded.settings.clone(), opened.catalogue.clone());
        let recovered = session::recover(&mut state, read).map_err(|error| damaged(error.to_string()))?;
        let books = SimVenue::read(&venue.venue).map_err(|error| damaged(error.to_string()))?;
        crate::run::recover::same_instant(&recovered.booked, &books)
            .map_err(|behind| Failure::new(Exit::Difference, format!("{}: {behind}", folder.display())))?;
        let books = books.resumed(self.loaded.settings.clone(), &recovered.booked);
        let differences = crate::run::recover::differences(&state, &books);
        if !differences.is_empty() {
            let text = format!("{}: ledger and venue differ\n  {}", folder.display(), differences.join("\n  "));
            return Err(Failure::new(Exit::Difference, text));
        }
        let sequence = Sequence(state.sequence.0);
        let header = run_folder::header(self.loaded, &opened.catalogue, self.mode)?;
        let tape = crate::run::resumed::tape_of(folder, header, read, sequence);
        let session = Session::new(ledger, tape, &recovered.collector)
            .after(recovered.booked.clone())
            .watching(folder, &self.loaded.settings.store);
        let mut driver = Driver::new(state, books, session, recovered.collector);
        let now = now.max(recovered.clock).max(venue.clock);
        driver.refill(&opened.known.history, now)?;
        driver.fact(now, Event::Boot { epoch: recovered.epoch + 1, salt: real::fresh_salt() }, None)?;
        driver.settle_facts(now)?;
        // What was on disk and never reached the simulated venue never will: its receipt book is at hand.
        crate::run::paper::resolve_unsent(&mut driver, now)?;
        Ok(driver)
    }

    fn close(
        &self,
        folder: &Path,
        shadow: &Shadow<Session>,
        remarks: &[(String, String)],
        seconds: f64,
    ) -> Result<RunResult, Failure> {
        let Driver { state, collector, .. } = &shadow.driver;
        let mut summary: Summary = summarise(&shadow.driver, &state.settings, seconds);
        summary.schema = format!("carry.{}/2", self.mode);
        let retold = shadow.driver.journal.retold(state);
        summary.run = retold.unwrap_or_else(|| super::about::about(self.loaded));
        self.mode.clone_into(&mut summary.mode);
        "live".clone_into(&mut summary.market);
        for (subject, text) in remarks {
            summary.remarks.push(Remark { subject: subject.clone(), text: text.clone() });
        }
        for pair in state.catalogue.pairs() {
            summary.steps.insert(pair.name.clone(), "live".to_owned());
        }
        let result = RunResult {
            summary,
            fills: collector.fills.clone(),
            funding: collector.funding.clone(),
            equity: collector.equity.clone(),
            trips: collector.all_trips(state),
            books: crate::run::collect::books(state),
            basis: Vec::<BasisSeries>::new(),
            margin: collector.margin.clone(),
            naked_s: collector.naked_s.clone(),
        };
        crate::report::write_all(folder, &result).map_err(|error| Failure::new(Exit::Failure, error.to_string()))?;
        Ok(result)
    }
}
