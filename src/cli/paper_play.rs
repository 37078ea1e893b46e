//! How `carry paper` passes the time: minute after minute at a chosen speed, with the live table on a terminal and the control
//! socket answered in between.
//!
//! It neither opens nor closes a session; `paper.rs` does. Tests: `tests/commands/control.rs`,
//! `tests/commands/session_commands.rs`,
//! `tests/suite/deploy.rs`.

use super::attend::{line, snapshot, standing};
use super::drawing::Drawing;
use super::real::Again;
use super::{Exit, Failure, real};
use crate::control::desk::Desk;
use crate::control::recent::Recent;
use crate::control::server::{Asker, ControlSocket, Server};
use crate::domain::{Span, WallTime};
use crate::net::machine_clock;
use crate::observe::systemd::Supervisor;
use crate::report::Snapshot;
use crate::run::live_loop::Stop;
use crate::run::paper::Paper;
use crate::run::session::Session;
use crate::run::telling::Telling;
use crate::store::JournalError;
use crate::store::StateLock;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;

/// How long a session of the generated market is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Length(pub(super) Span);

impl Length {
    /// Whole days, or `forever`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "forever" {
            // Far enough from the largest time that sums with it stay in range.
            return Ok(Self(Span(i64::MAX / 4)));
        }
        match text.parse::<u32>() {
            Ok(days) => Ok(Self(Span(i64::from(days) * Span::DAY.0))),
            Err(_) => Err("expected a number of days, or forever".to_owned()),
        }
    }
}

/// The control socket of the session. Without it a paper session goes on: there is nothing to lose in it.
pub(super) fn control(folder: &Path, lock: &StateLock, again: Again) -> (Option<Desk>, Option<Server>) {
    let Again { read, files } = again;
    match ControlSocket::bind(folder, lock).and_then(|socket| socket.serve_in_thread(Some(read))) {
        Ok((desk, server)) => (Some(desk.with_files(files)), Some(server)),
        Err(error) => {
            tracing::warn!(%error, "no control socket");
            (None, None)
        }
    }
}

/// Longest wait between two looks at the control socket.
const LOOK: Duration = Duration::from_millis(20);

/// What is listened to between two minutes of the market.
struct Ears<'a> {
    desk: Option<&'a mut Desk>,
    stop: watch::Receiver<Stop>,
    watch: machine_clock::Stopwatch,
    supervisor: Supervisor,
}

impl Ears<'_> {
    fn told_to_stop(&self) -> bool {
        *self.stop.borrow() > Stop::Not
    }

    /// Waits, and answers what is asked meanwhile. A stop ends the waiting.
    fn wait(&mut self, paper: &mut Paper<Session>, span: Duration) -> Result<(), JournalError> {
        let from = self.watch.elapsed();
        loop {
            if let Some(desk) = &mut self.desk {
                let now = paper.now().max(paper.driver.state.now);
                desk.serve(paper, (now, self.watch.elapsed()))?;
            }
            self.supervisor.lives(self.watch.elapsed(), || standing(paper));
            let left = span.saturating_sub(self.watch.elapsed().saturating_sub(from));
            if left.is_zero() || self.told_to_stop() {
                return Ok(());
            }
            machine_clock::wait(left.min(LOOK));
        }
    }
}

/// Plays to the end, with the live table on a terminal, or a line an hour in the log of a session that takes its time. False
/// when it was told to stop before: everything is on disk then, as after a kill, and a later start goes on.
pub(super) fn play(
    paper: &mut Paper<Session>,
    speed: Option<f64>,
    (desk, asker, mut telling): (Option<&mut Desk>, Option<Asker>, Option<Telling>),
) -> Result<bool, Failure> {
    let runtime = real::runtime()?;
    let inside = runtime.enter();
    let watch = machine_clock::Stopwatch::start();
    let mut ears = Ears { desk, stop: real::stop_signal(asker), watch, supervisor: Supervisor::discover() };
    drop(inside);
    let mut table = Drawing::on_terminal();
    let lines = speed.is_some() && table.is_none();
    paper.driver.recent = Some(Recent::default());
    paper.driver.raised = telling.is_some().then(Vec::new);
    let mut drawn = WallTime(i64::MIN);
    let mut told = WallTime(i64::MIN);
    let over = loop {
        if ears.told_to_stop() {
            break false;
        }
        let began = ears.watch.elapsed();
        if !paper.step()? {
            break true;
        }
        paper.driver.turns.note(ears.watch.elapsed().saturating_sub(began));
        let now = paper.now();
        if let Some(telling) = &mut telling {
            telling.tell(paper, now, standing);
        }
        if now.floor(Span::hours(6)) > drawn || speed.is_some() {
            drawn = now.floor(Span::hours(6));
            if let Some(table) = &mut table {
                table.show(Snapshot { day: paper.day(), ..snapshot(paper) });
            }
        }
        if lines && now.floor(Span::HOUR) > told {
            told = now.floor(Span::HOUR);
            line(&snapshot(paper), paper);
        }
        let span =
            speed.map_or(Duration::ZERO, |factor| Duration::try_from_secs_f64(60.0 / factor).unwrap_or(Duration::MAX));
        ears.wait(paper, span)?;
    };
    if let Some(table) = table {
        table.finish();
    }
    Ok(over)
}

pub(super) fn speed(text: &str) -> Result<Option<f64>, Failure> {
    if text == "max" {
        return Ok(None);
    }
    match text.parse::<f64>() {
        Ok(factor) if factor.is_finite() && factor > 0.0 => Ok(Some(factor)),
        _ => Err(Failure::new(
            Exit::Usage,
            format!("--speed {}: expected max or simulated seconds per second, for example 3600", text.escape_debug()),
        )),
    }
}
