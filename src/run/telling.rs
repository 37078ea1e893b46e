//! Joins the alarms of a session to the ways out that its settings name, and keeps what is open in `alarms.json`.
//!
//! It tells and never decides; a way out that fails costs a line in the log. Tests: `tests/alarms.rs`.

use crate::config::settings;
use crate::domain::WallTime;
use crate::keys::file::{FileError, Guard, read_secret, replace};
use crate::observe::alarms::{Alarms, Memory, Notice};
use crate::observe::sinks::{Patience, SinkError, Sinks};
use crate::observe::words::About;
use crate::port::command::Alarm;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{oneshot, watch};

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
    /// More than an address is in the file.
    #[error("alarm.webhook: {path}: line {line}: expected one line with the https address and nothing after it", path = path.display())]
    Lines {
        /// The file.
        path: PathBuf,
        /// The first line that should not be there.
        line: usize,
    },
    /// A way out.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// No threads to be had.
    #[error("alarms cannot be told: {0}")]
    Runtime(std::io::ErrorKind),
}

/// The alarms of one session.
///
/// **Invariant**: it holds no runtime. The ways out, and the writing of `alarms.json`, have a thread of their own, so that it
/// can be made and dropped anywhere, also inside a runtime (fault L18), and no disk holds the session up.
pub struct Telling {
    alarms: Alarms,
    sinks: Option<Sinks>,
    stored: watch::Sender<Vec<u8>>,
    last: Option<oneshot::Sender<Sinks>>,
    thread: Option<JoinHandle<()>>,
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
        let program = settings.exec.clone();
        let hook = settings.webhook.as_ref().map(|file| address(Path::new(file))).transpose()?;
        let (stored, keep) = watch::channel(Vec::new());
        let (last, end) = oneshot::channel();
        let (made, ready) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(made.send(Err(TellError::Runtime(error.kind())))),
            };
            runtime.block_on(async move {
                let sinks = ways_out(program.as_deref(), hook);
                let good = sinks.is_ok();
                if made.send(sinks).is_ok() && good {
                    serve(path, keep, end).await;
                }
            });
            runtime.shutdown_background();
        };
        let failed = |error: std::io::Error| TellError::Runtime(error.kind());
        let thread = std::thread::Builder::new().name("alarms".to_owned()).spawn(work).map_err(failed)?;
        let gone = || TellError::Runtime(std::io::ErrorKind::BrokenPipe);
        let sinks = ready.recv().map_err(|_| gone())??;
        let alarms = Alarms::new(settings.fold, settings.heartbeat, memory.unwrap_or_default())
            .of_session(&folder.display().to_string());
        Ok(Some(Self { alarms, sinks: Some(sinks), stored, last: Some(last), thread: Some(thread) }))
    }

    /// Alarms of the core with the names of their pairs, and time that passed.
    pub fn tell(&mut self, raised: &[(Alarm, About)], now: WallTime) {
        let mut notices: Vec<Notice> = Vec::new();
        for (alarm, about) in raised {
            notices.extend(self.alarms.raise(alarm, about, now));
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
        if let Ok(bytes) = serde_json::to_vec(self.alarms.memory()) {
            // The newest wins: it holds everything.
            let _ = self.stored.send(bytes);
        }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let (Some(sinks), Some(last)) = (self.sinks.take(), self.last.take()) {
            let _ = last.send(sinks);
        }
        if let Some(thread) = self.thread.take() {
            // It ends within `LAST`.
            let _ = thread.join();
        }
    }
}

/// The ways out; inside the runtime that then runs them.
fn ways_out(program: Option<&str>, hook: Option<Box<str>>) -> Result<Sinks, TellError> {
    let mut sinks = Sinks::log_only();
    if let Some(program) = program {
        sinks = sinks.with_program(Path::new(program), Patience::default())?;
    }
    if let Some(address) = hook {
        sinks = sinks.with_webhook(address, Patience::default())?;
    }
    Ok(sinks)
}

/// Keeps what is open on disk until the session ends, and then lets what waits be told.
async fn serve(path: PathBuf, mut keep: watch::Receiver<Vec<u8>>, mut end: oneshot::Receiver<Sinks>) {
    let sinks = loop {
        tokio::select! {
            sinks = &mut end => break sinks,
            changed = keep.changed() => {
                if changed.is_ok() {
                    store(&path, &keep.borrow_and_update());
                }
            }
        }
    };
    if keep.has_changed().unwrap_or(true) && !keep.borrow().is_empty() {
        store(&path, &keep.borrow());
    }
    if let Ok(sinks) = sinks {
        sinks.close(LAST).await;
    }
}

fn store(path: &Path, bytes: &[u8]) {
    if replace(path, bytes).is_err() {
        tracing::error!(file = FILE, "open alarms are not on disk");
    }
}

/// The webhook's address from its file.
fn address(path: &Path) -> Result<Box<str>, TellError> {
    let bytes = read_secret(path, Guard::Private)?.ok_or_else(|| TellError::NoAddress(path.to_owned()))?;
    // What is no text is no address either, which is said without it.
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim_start_matches('\u{feff}').trim();
    // Never the line itself: it is a secret. Counted from the first line of the file.
    let lines = text.lines().count();
    if lines > 1 {
        let blank = std::str::from_utf8(&bytes).unwrap_or_default().lines().take_while(|line| line.trim().is_empty());
        return Err(TellError::Lines { path: path.to_owned(), line: blank.count() + 2 });
    }
    Ok(text.into())
}
