//! Joins the alarms of a session to the ways out that its settings name, and keeps what is open in `alarms.json`.
//!
//! It tells and never decides; a way out that fails costs a line in the log. Tests: `tests/commands/alarms.rs`.

use super::lasting;
use crate::config::settings;
use crate::config::settings::Level;
use crate::control::subject::Subject;
use crate::domain::WallTime;
use crate::keys::file::{FileError, Guard, read_secret, replace};
use crate::net::machine_clock::Stopwatch;
use crate::observe::alarms::{Alarms, Memory, Notice, What};
use crate::observe::mail::{self, Mailer};
use crate::observe::sinks::{Patience, SinkError, Sinks};
use crate::observe::telegram::{Account, Silent};
use crate::observe::watcher::Watcher;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{oneshot, watch};

/// Name of the file in the state folder.
pub const FILE: &str = "alarms.json";
/// Longest wait at the end of a session for what is still to be told.
const LAST: Duration = Duration::from_secs(5);
/// Where mail systems put their program.
const SENDMAIL: &str = "/usr/sbin/sendmail";

/// Why alarms cannot be told as configured: a session must not start believing that they are.
#[derive(Debug, Error)]
pub enum TellError {
    /// A file with a secret, or the one of open alarms.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no such file.
    #[error("{key}: {path}: is not there; expected a file of mode 0600 with {holds}", path = path.display())]
    NoFile {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should hold.
        holds: &'static str,
    },
    /// Something else is in the file.
    #[error("{key}: {path}: line {line}: {expected}", path = path.display())]
    Content {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// The first line that should not be there.
        line: usize,
        /// What should.
        expected: &'static str,
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
    watcher: Option<Watcher>,
    watch: Stopwatch,
    stored: watch::Sender<Vec<u8>>,
    last: Option<oneshot::Sender<Sinks>>,
    thread: Option<JoinHandle<()>>,
}

impl Telling {
    /// The ways out that the settings name; `None` when they name none, and the log alone is told. `mode` is paper, shadow or live.
    ///
    /// # Errors
    /// [`TellError`] when a way out that is named cannot be used.
    pub fn open(folder: &Path, mode: &'static str, settings: &settings::Alarm) -> Result<Option<Self>, TellError> {
        let named = [&settings.exec, &settings.webhook, &settings.telegram, &settings.mail, &settings.watcher];
        if named.iter().all(|way| way.is_none()) {
            return Ok(None);
        }
        let path = folder.join(FILE);
        // Damaged is not empty, but an alarm that is open raises itself again; a session need not stop for it.
        let memory = read_secret(&path, Guard::Private)?.map(|bytes| serde_json::from_slice::<Memory>(&bytes));
        let memory = memory.transpose().unwrap_or_else(|_| {
            tracing::warn!(file = FILE, "open alarms of the last run cannot be read");
            None
        });
        let ways = Ways::read(settings)?;
        let (stored, keep) = watch::channel(Vec::new());
        let (last, end) = oneshot::channel();
        let (made, ready) = std::sync::mpsc::sync_channel(1);
        let work = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => return drop(made.send(Err(TellError::Runtime(error.kind())))),
            };
            runtime.block_on(async move {
                let open = ways.open();
                let good = open.is_ok();
                if made.send(open).is_ok() && good {
                    serve(path, keep, end).await;
                }
            });
            runtime.shutdown_background();
        };
        let failed = |error: std::io::Error| TellError::Runtime(error.kind());
        let thread = std::thread::Builder::new().name("alarms".to_owned()).spawn(work).map_err(failed)?;
        let gone = || TellError::Runtime(std::io::ErrorKind::BrokenPipe);
        let (sinks, watcher) = ready.recv().map_err(|_| gone())??;
        let alarms = Alarms::new(settings.fold, settings.heartbeat, memory.unwrap_or_default())
            .with_digest(settings.digest)
            .of_session(mode, &folder.display().to_string());
        let watch = Stopwatch::start();
        Ok(Some(Self { alarms, sinks: Some(sinks), watcher, watch, stored, last: Some(last), thread: Some(thread) }))
    }

    /// Alarms of the core with the names of their pairs, and time that passed. The state says which of those that are open are
    /// still so, and `standing` how the session stands, for the digest.
    pub fn tell<S: Subject>(&mut self, subject: &mut S, now: WallTime, standing: impl FnOnce(&mut S) -> String) {
        let raised = subject.raised().as_mut().map(std::mem::take).unwrap_or_default();
        if let Some(watcher) = &mut self.watcher {
            watcher.lives(self.watch.elapsed());
        }
        let mut notices: Vec<Notice> = Vec::new();
        for (alarm, about) in &raised {
            notices.extend(self.alarms.raise(alarm, about, now));
        }
        let state = subject.state();
        notices.extend(self.alarms.tick(now, &|kind, pair, about| lasting::still(state, kind, (pair, about))));
        if notices.is_empty() {
            return;
        }
        if let Some(digest) = notices.iter_mut().find(|notice| notice.what == What::Digest) {
            digest.text = format!("{}; {}", standing(subject), digest.text);
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

/// The ways out that the settings name, with what their files hold.
struct Ways {
    program: Option<PathBuf>,
    hook: Option<Box<str>>,
    telegram: Option<(Account, Level, Option<Silent>)>,
    mail: Option<(Mailer, Level)>,
    watcher: Option<(Box<str>, Duration)>,
}

impl Ways {
    fn read(settings: &settings::Alarm) -> Result<Self, TellError> {
        let silent = settings.silent_from.zip(settings.silent_to).map(|(from, to)| Silent { from, to });
        let telegram = |file: &String| {
            let (key, path) = ("alarm.telegram", PathBuf::from(file));
            let text = secret((key, &path), "the token of a bot and the number of a chat")?;
            let wrong = |expected| TellError::Content { key, path: path.clone(), line: 1, expected };
            Account::parse(&text).map(|account| (account, settings.telegram_level, silent)).map_err(wrong)
        };
        let mail = |file: &String| {
            let (key, path) = ("alarm.mail", PathBuf::from(file));
            let text = secret((key, &path), "mail addresses, one a line")?;
            let wrong = |(line, expected)| TellError::Content { key, path: path.clone(), line, expected };
            let sendmail = PathBuf::from(settings.sendmail.as_deref().unwrap_or(SENDMAIL));
            mail::addresses(&text).map(|to| (Mailer { sendmail, to }, settings.mail_level)).map_err(wrong)
        };
        let every = Duration::from_millis(u64::try_from(settings.watcher_every.0).unwrap_or(u64::MAX));
        let watcher = |file: &String| address("alarm.watcher", Path::new(file)).map(|url| (url, every));
        Ok(Self {
            program: settings.exec.as_ref().map(PathBuf::from),
            hook: settings.webhook.as_ref().map(|file| address("alarm.webhook", Path::new(file))).transpose()?,
            telegram: settings.telegram.as_ref().map(telegram).transpose()?,
            mail: settings.mail.as_ref().map(mail).transpose()?,
            watcher: settings.watcher.as_ref().map(watcher).transpose()?,
        })
    }

    /// Opens them; inside the runtime that then runs them.
    fn open(self) -> Result<(Sinks, Option<Watcher>), TellError> {
        let patience = Patience::default();
        let mut sinks = Sinks::log_only();
        if let Some(program) = &self.program {
            sinks = sinks.with_program(program, patience)?;
        }
        if let Some(address) = self.hook {
            sinks = sinks.with_webhook(address, patience)?;
        }
        if let Some((account, least, silent)) = self.telegram {
            sinks = sinks.with_telegram(account, (least, silent), patience);
        }
        if let Some((mailer, least)) = self.mail {
            sinks = sinks.with_mail(mailer, least, patience)?;
        }
        let watcher = self.watcher.map(|(url, every)| Watcher::new(url, every, patience)).transpose()?;
        Ok((sinks, watcher))
    }
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

/// The text of a file with a secret.
fn secret((key, path): (&'static str, &Path), holds: &'static str) -> Result<String, TellError> {
    let missing = || TellError::NoFile { key, path: path.to_owned(), holds };
    let bytes = read_secret(path, Guard::Private)?.ok_or_else(missing)?;
    // What is no text is no secret of ours either, which is said without it.
    Ok(std::str::from_utf8(&bytes).unwrap_or_default().trim_start_matches('\u{feff}').to_owned())
}

/// The one address in a file.
fn address(key: &'static str, path: &Path) -> Result<Box<str>, TellError> {
    let text = secret((key, path), "the https address")?;
    // Never the line itself: it is a secret. Counted from the first line of the file.
    if text.trim().lines().count() > 1 {
        let blank = text.lines().take_while(|line| line.trim().is_empty()).count();
        let expected = "expected one line with the https address and nothing after it";
        return Err(TellError::Content { key, path: path.to_owned(), line: blank + 2, expected });
    }
    Ok(text.trim().into())
}
