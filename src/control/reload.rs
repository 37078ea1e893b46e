//! The files of a running session, read again: what differs, what of it is taken, and what needs a person's consent.
//!
//! All of it is taken at one instant, as an event, or nothing is. The files are read on the thread of who asks, never in the
//! session's loop. A signal takes only what tightens. Tests: `tests/commands/reload.rs`.

use super::plans::{Plan, Plans};
use super::request::{Act, Code, ControlError, ControlRequest, Reply};
use super::subject::Subject;
use crate::config::change::{Change, Effect, between};
use crate::config::{ConfigErrors, Loaded};
use crate::domain::WallTime;
use crate::port::Event;
use crate::port::event::{Operator, Reload, Reset};
use crate::store::JournalError;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// Reads all layers again, as they were named at the start.
pub type Read = Arc<dyn Fn() -> Result<Loaded, ConfigErrors> + Send + Sync>;

/// The configuration that a session has now.
pub struct Files {
    /// As it was loaded, with what was taken since.
    pub loaded: Loaded,
    /// Whether `live.max_notional` bounds the caps.
    pub capped: bool,
}

/// What becomes of the request: its reply, or why not.
type Answer = Result<Reply, ControlError>;

/// Which of the changes are taken without a restart.
fn taken(changes: &[Change]) -> impl Iterator<Item = &Change> {
    changes.iter().filter(|change| change.effect != Effect::Restart)
}

/// Reads the files for a request, off the loop.
///
/// # Errors
/// [`ControlError`] with every error of every file: nothing changes.
pub async fn files(read: Option<&Read>) -> Result<Box<Loaded>, ControlError> {
    let unsupported =
        || ControlError::new(Code::Unsupported, "this session takes no other settings: it needs a restart");
    let read = Arc::clone(read.ok_or_else(unsupported)?);
    let done = tokio::task::spawn_blocking(move || read()).await;
    let failed = |_| ControlError::new(Code::Failed, "the files were not read; nothing was changed");
    match done.map_err(failed)? {
        Ok(loaded) => Ok(Box::new(loaded)),
        Err(errors) => {
            Err(ControlError::new(Code::Usage, format!("the configuration is wrong; nothing was changed\n{errors}")))
        }
    }
}

/// Answers a request whose files were read.
///
/// # Errors
/// [`JournalError`] when what was taken is not on disk.
pub fn answer<S: Subject>(
    (known, plans): (&mut Option<Files>, &mut Plans),
    subject: &mut S,
    request: &ControlRequest,
    (now, mono): (WallTime, Duration),
) -> Result<Answer, JournalError> {
    let (Some(known), Some(new)) = (known.as_mut(), request.files.as_deref()) else {
        return Ok(Err(ControlError::new(
            Code::Unsupported,
            "this session takes no other settings: it needs a restart",
        )));
    };
    let changes = between(&known.loaded, new);
    if taken(&changes).next().is_none() {
        return Ok(Ok(Reply::done(told(&[], &changes, &known.loaded), 0)));
    }
    let by_signal = request.act == Act::Tighten;
    let act = Act::Reload(changes.clone());
    let text = words(&changes);
    if by_signal {
        if let Some(loose) = loosening(&changes) {
            return Ok(Err(ControlError::new(
                Code::Refused,
                format!("{loose}; nothing was changed: see carry reload"),
            )));
        }
    } else if let Some(token) = &request.token {
        if let Err(error) = plans.agree(token, &act, &[], mono) {
            return Ok(Err(error));
        }
    } else {
        let shown = plans.show(&act, (text, Vec::new()), subject.state(), mono);
        return Ok(shown.map(|plan| Reply::planned(Plan { changes, ..plan }, 0)));
    }
    let merged = match known.loaded.taking(new) {
        Ok(merged) => merged,
        Err(misfit) => return Ok(Err(ControlError::new(Code::Failed, misfit.to_string()))),
    };
    subject.operate(Event::Operator(Operator::Reload(Box::new(event(&merged, &changes, known.capped)))), now)?;
    known.loaded = merged;
    tracing::warn!(strategy = known.loaded.strategy_hash, changes = words(&changes), "other settings were taken");
    Ok(Ok(Reply::done(told(&changes, &changes, &known.loaded), 0)))
}

fn event(merged: &Loaded, changes: &[Change], capped: bool) -> Reload {
    let reset = |change: &Change| Reset { key: change.key.clone(), old: change.old.clone(), new: change.new.clone() };
    Reload {
        resets: taken(changes).map(reset).collect(),
        values: merged.values.iter().map(|row| (row.path.clone(), row.text.clone())).collect(),
        capped,
        strategy: merged.strategy_hash.clone(),
    }
}

/// What was taken, and what waits for a restart.
fn told(done: &[Change], all: &[Change], loaded: &Loaded) -> Value {
    let restart: Vec<&Change> = all.iter().filter(|change| change.effect == Effect::Restart).collect();
    json!({ "taken": taken(done).collect::<Vec<_>>(), "restart": restart, "strategy_sha256": loaded.strategy_hash })
}

/// Which keys a signal must not take.
fn loosening(changes: &[Change]) -> Option<String> {
    let keys: Vec<&str> =
        changes.iter().filter(|change| change.effect == Effect::Loosens).map(|change| change.key.as_str()).collect();
    (!keys.is_empty()).then(|| format!("{} would let more risk in, which needs a person's consent", keys.join(", ")))
}

/// The difference in words, one key a line.
#[must_use]
pub fn words(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let effect = match change.effect {
            Effect::Tightens => "",
            Effect::Loosens => " (looser: needs your consent)",
            Effect::Restart => " (needs a restart: it stays as it is)",
        };
        let _ = writeln!(text, "{}: {} -> {}{effect}", change.key, change.old, change.new);
    }
    text.trim_end().to_owned()
}
