//! How `carry paper` passes the time: minute after minute at a chosen speed, with the live table on a terminal and the control
//! socket answered in between.
//!
//! It neither opens nor closes a session; `paper.rs` does. Tests: `tests/control.rs`, `tests/session_commands.rs`.

use super::attend::snapshot;
use super::drawing::Drawing;
use super::{Exit, Failure};
use crate::domain::{Span, WallTime};
use crate::run::clock;
use crate::run::control_server::{ControlSocket, Server};
use crate::run::desk::Desk;
use crate::run::journal::JournalError;
use crate::run::paper::Paper;
use crate::run::session::Session;
use crate::run::telling::Telling;
use crate::store::StateLock;
use std::path::Path;
use std::time::Duration;

/// The control socket of the session. Without it a paper session goes on: there is nothing to lose in it.
pub(super) fn control(folder: &Path, lock: &StateLock) -> (Option<Desk>, Option<Server>) {
    match ControlSocket::bind(folder, lock).and_then(ControlSocket::serve_in_thread) {
        Ok((requests, server)) => (Some(Desk::new(requests)), Some(server)),
        Err(error) => {
            tracing::warn!(%error, "no control socket");
            (None, None)
        }
    }
}

/// Longest wait between two looks at the control socket.
const LOOK: Duration = Duration::from_millis(20);

/// Waits, and answers what is asked meanwhile.
fn wait(
    paper: &mut Paper<Session>,
    span: Duration,
    (desk, watch): (&mut Option<&mut Desk>, clock::Stopwatch),
) -> Result<(), JournalError> {
    let from = watch.elapsed();
    loop {
        if let Some(desk) = desk {
            let now = paper.now().max(paper.driver.state.now);
            desk.serve(paper, (now, watch.elapsed()))?;
        }
        let left = span.saturating_sub(watch.elapsed().saturating_sub(from));
        if left.is_zero() {
            return Ok(());
        }
        clock::wait(left.min(LOOK));
    }
}

/// Plays to the end, with the live table on a terminal.
pub(super) fn play(
    paper: &mut Paper<Session>,
    speed: Option<f64>,
    (mut desk, mut telling): (Option<&mut Desk>, Option<Telling>),
) -> Result<(), JournalError> {
    let mut table = Drawing::on_terminal();
    let watch = clock::Stopwatch::start();
    paper.driver.raised = telling.is_some().then(Vec::new);
    let mut hour = WallTime(i64::MIN);
    loop {
        if !paper.step()? {
            break;
        }
        let now = paper.now();
        if let Some(telling) = &mut telling {
            let raised = paper.driver.raised.as_mut().map(std::mem::take).unwrap_or_default();
            telling.tell(&raised, now);
        }
        if now.floor(Span::hours(6)) > hour || speed.is_some() {
            hour = now.floor(Span::hours(6));
            if let Some(table) = &mut table {
                table.show(snapshot(paper));
            }
        }
        let span =
            speed.map_or(Duration::ZERO, |factor| Duration::try_from_secs_f64(60.0 / factor).unwrap_or(Duration::MAX));
        wait(paper, span, (&mut desk, watch))?;
    }
    if let Some(table) = table {
        table.finish();
    }
    Ok(())
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
