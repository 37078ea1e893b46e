//! Joins the alarms of a session to the ways out that its settings name, and keeps what is open in `alarms.json`.
//!
//! It tells and never decides; a way out that fails costs a line in the log. Tests: `tests/alarms.rs`.

use crate::config::settings;
use crate::domain::WallTime;
use crate::keys::file::{FileError, Guard, read_secret, replace};
use crate::observe::alarms::{Alarms, Memory, Notice};
use crate::observe::sinks::{Patience, SinkError, Sinks};
use crate::port::command::Alarm;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Name of the file in the state folder.
pub const FILE: &str = "alarms.json";
/// Longest wait at the end of a session for what is still to be told.
const LAST: Duration = Duration::from_secs(5);

/// Why alarms cannot be told as configured: a session must not start believing that they are.
#[derive(Debug, Error)]
pub enum TellError {
    /// The file of the webhook's address, or of open alarms.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such file.
    #[error("alarm.webhook: {path}: is not there; expected a file of mode 0600 with the https address", path = .0.display())]
    NoAddress(PathBuf),
    /// A way out.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// No threads to be had.
    #[error("alarms cannot be told: {0}")]
    Runtime(std::io::ErrorKind),
}

/// The alarms of one session.
pub struct Telling {
    alarms: Alarms,
    sinks: Option<Sinks>,
    runtime: Option<tokio::runtime::Runtime>,
    path: PathBuf,
}

impl Telling {
    /// The ways out that the settings name; `None` when they name none, and the log alone is told.
    ///
    /// # Errors
    /// [`TellError`] when a way out that is named cannot be used.
    pub fn open(folder: &Path, settings: &settings::Alarm) -> Result<Option<Self>, TellError> {
        if settings.exec.is_none() && settings.webhook.is_none() {
            return Ok(None);
        }
        let path = folder.join(FILE);
        // Damaged is not empty, but an alarm that is open raises itself again; a session need not stop for it.
        let memory = read_secret(&path, Guard::Private)?.map(|bytes| serde_json::from_slice::<Memory>(&bytes));
        let memory = memory.transpose().unwrap_or_else(|_| {
            tracing::warn!(file = FILE, "open alarms of the last run cannot be read");
            None
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|error| TellError::Runtime(error.kind()))?;
        let inside = runtime.enter();
        let mut sinks = Sinks::log_only();
        if let Some(program) = &settings.exec {
            sinks = sinks.with_program(Path::new(program), Patience::default())?;
        }
        if let Some(file) = &settings.webhook {
            sinks = sinks.with_webhook(address(Path::new(file))?, Patience::default())?;
        }
        drop(inside);
        let alarms = Alarms::new(settings.fold, settings.heartbeat, memory.unwrap_or_default());
        Ok(Some(Self { alarms, sinks: Some(sinks), runtime: Some(runtime), path }))
    }

    /// Alarms of the core with the names of their pairs, and time that passed.
    pub fn tell(&mut self, raised: &[(Alarm, Option<String>)], now: WallTime) {
        let mut notices: Vec<Notice> = Vec::new();
        for (alarm, pair) in raised {
            notices.extend(self.alarms.raise(alarm, pair.as_deref(), now));
        }
        notices.extend(self.alarms.tick(now));
        if notices.is_empty() {
            return;
        }
        if let Some(sinks) = &self.sinks {
            for notice in &notices {
                sinks.tell(notice);
            }
        }
        let stored = serde_json::to_vec(self.alarms.memory()).map(|bytes| replace(&self.path, &bytes));
        if !matches!(stored, Ok(Ok(()))) {
            tracing::error!(file = FILE, "open alarms are not on disk");
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let (Some(sinks), Some(runtime)) = (self.sinks.take(), self.runtime.take()) {
            runtime.block_on(sinks.close(LAST));
            runtime.shutdown_background();
        }
    }
}

/// The webhook's address from its file.
fn address(path: &Path) -> Result<Box<str>, TellError> {
    let bytes = read_secret(path, Guard::Private)?.ok_or_else(|| TellError::NoAddress(path.to_owned()))?;
    // What is no text is no address either, which is said without it.
    Ok(std::str::from_utf8(&bytes).unwrap_or_default().trim().into())
}
