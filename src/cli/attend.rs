//! What goes on beside a run on a real market: alarms told, the table or a line a minute, hours of the ladder, the control socket.
//!
//! It is called at each tick and decides nothing. It is made before the runtime and dropped after it. Tests:
//! `tests/commands/control_live.rs`.

use super::drawing::Drawing;
use super::real::Again;
use super::{Exit, Failure};
use crate::checks::ladder::{Ladder, LadderError};
use crate::config::Settings;
use crate::control::desk::Desk;
use crate::control::recent::Recent;
use crate::control::server::{ControlSocket, Server};
use crate::control::subject::Subject;
use crate::domain::{Quantity, Span, WallTime};
use crate::engine::profit::lines_of;
use crate::net::Clock;
use crate::net::machine_clock::Stopwatch;
use crate::observe::systemd::Supervisor;
use crate::observe::words::words;
use crate::report::{PairLine, Snapshot};
use crate::run::live_loop::Run;
use crate::run::telling::Telling;
use crate::store::StateLock;
use std::path::Path;
use std::time::Duration;

/// The table is drawn no more often than this, in real time.
const DRAW: Duration = Duration::from_millis(500);

/// Looks after a run.
pub struct Attendant {
    telling: Option<Telling>,
    table: Option<Drawing>,
    drawn: Option<Duration>,
    supervisor: Supervisor,
    watch: Stopwatch,
    minute: WallTime,
    /// Hours that count for this strategy.
    ladder: Option<(Ladder, String)>,
}

impl Attendant {
    /// For a run with its files in this folder; `ladder` when its hours count.
    ///
    /// # Errors
    /// Exit code 2 when a way out of alarms that is configured cannot be used.
    pub fn new(
        (folder, mode): (&Path, &'static str),
        settings: &Settings,
        ladder: Option<(Ladder, String)>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            telling: Telling::open(folder, mode, &settings.alarm)?,
            table: Drawing::on_terminal(),
            drawn: None,
            supervisor: Supervisor::discover(),
            watch: Stopwatch::start(),
            minute: WallTime(i64::MIN),
            ladder,
        })
    }

    /// Before the first event.
    pub fn begin<R: Run>(&self, run: &mut R) {
        if self.telling.is_some() {
            *run.raised() = Some(Vec::new());
        }
        *run.recent() = Some(Recent::default());
    }

    /// At each tick of the run.
    pub fn look<R: Run>(&mut self, run: &mut R, now: WallTime, clock: Clock) {
        if let Some(telling) = &mut self.telling {
            telling.tell(run, now, standing);
        }
        self.climb((run.is_reachable(), run.state().strategy.as_deref()), clock);
        let passed = self.watch.elapsed();
        self.supervisor.lives(passed, || standing(run));
        let due = self.drawn.is_none_or(|drawn| passed.saturating_sub(drawn) >= DRAW);
        match &mut self.table {
            Some(table) if due => {
                self.drawn = Some(passed);
                table.show(snapshot(run));
            }
            None if now.floor(Span::MINUTE) > self.minute => {
                self.minute = now.floor(Span::MINUTE);
                line(&snapshot(run), run);
            }
            Some(_) | None => {}
        }
    }

    /// Only time in which the market could be seen counts.
    fn climb(&mut self, (reachable, taken): (bool, Option<&str>), clock: Clock) {
        let Some((ladder, strategy)) = &mut self.ladder else { return };
        if !reachable {
            ladder.rest();
            return;
        }
        // A run that took other settings is another strategy from there on.
        if let Err(error) = ladder.tick(taken.unwrap_or(strategy), Duration::from_nanos((clock.steady_ns)())) {
            tracing::error!(%error, "hours in the shadow are not on disk");
        }
    }

    /// After the last event: what was raised in the end is told too.
    pub fn end<R: Run>(mut self, run: &mut R) {
        if let Some(telling) = &mut self.telling {
            let now = run.state().now;
            telling.tell(run, now, standing);
        }
        if let Some((ladder, _)) = &mut self.ladder
            && let Err(error) = ladder.stop()
        {
            tracing::error!(%error, "hours in the shadow are not on disk");
        }
        if let Some(table) = self.table.take() {
            table.finish();
        }
    }
}

/// One line for a log.
pub(super) fn line<S: Subject>(now: &Snapshot, subject: &S) {
    let held = now.pairs.iter().filter(|pair| pair.phase != "flat").map(|pair| format!("{} {}", pair.name, pair.phase));
    let held: Vec<String> = held.collect();
    let state = subject.state();
    tracing::info!(
        at = %now.at,
        bot = ?state.bot,
        paused = state.paused,
        equity = %now.equity,
        // Money that somebody moved is no profit.
        net = %(now.lines.total() - now.lines.transfers),
        unsettled = state.orders.live().len(),
        held = held.join(", "),
        "minute"
    );
}

/// How the session stands, in a few words: for the digest and for the service manager.
pub(super) fn standing<S: Subject>(subject: &mut S) -> String {
    let (word, stops) = crate::control::stops::of(subject.state());
    let now = snapshot(subject);
    let held = now.pairs.iter().filter(|pair| pair.phase != "flat").count();
    let first = stops.first().map_or_else(String::new, |stop| format!(" ({})", stop.text));
    let net = now.lines.total() - now.lines.transfers;
    format!("{word}{first}; equity {} {}, net {net}, {held} pairs held", now.equity, now.currency)
}

/// The session at one instant, for the live table.
pub(super) fn snapshot<S: Subject>(subject: &mut S) -> Snapshot {
    subject.state_mut().mark_all();
    let state = subject.state();
    let equity = state.equity();
    let pairs = state
        .pairs
        .iter()
        .map(|pair| {
            let lines = state.ledger.pair(pair.pair.id).map(|book| book.attribution.lines).unwrap_or_default();
            let (spot, perp) = state.held(pair);
            PairLine {
                name: state
                    .strategy_name(pair)
                    .map_or_else(|| pair.pair.name.clone(), |strategy| format!("{} ({strategy})", pair.pair.name)),
                phase: pair.memory.phase.as_str().to_owned(),
                coins: Quantity::saturating(spot.units().min(-perp.units())),
                basis_bps: pair.market.basis_now().map(crate::report::figures::in_bps),
                funding: pair.market.expected_next(),
                next_settlement: pair.market.short.estimate.map(|(_, next)| next),
                collected: lines.funding,
                net: lines.total(),
            }
        })
        .collect();
    Snapshot {
        at: state.now,
        day: None,
        equity,
        currency: state.settings.run.currency,
        lines: lines_of(state, equity),
        pairs,
        alarms: subject.alarms().iter().map(|(kind, count)| format!("{count} x {}", words(*kind).0)).collect(),
    }
}

/// The control socket of a run. Nobody starts one that cannot be reached.
///
/// # Errors
/// Exit code 2 when the socket cannot be made.
pub fn desk(folder: &Path, lock: &StateLock, again: Again) -> Result<(Desk, Server), Failure> {
    let Again { read, files } = again;
    let served = ControlSocket::bind(folder, lock).and_then(|socket| socket.serve_in_thread(Some(read)));
    let (desk, server) = served.map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    Ok((desk.with_files(files), server))
}

impl From<LadderError> for Failure {
    fn from(error: LadderError) -> Self {
        Self::new(Exit::Failure, error.to_string())
    }
}
