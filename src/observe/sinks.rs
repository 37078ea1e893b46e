//! Ways out for alarms: the log, a program, a webhook, Telegram, mail. Each has a short queue of its own, and telling never waits.
//!
//! A page goes before everything that waits, and has a queue of its own that no lesser notice fills. A full queue drops the
//! newest and counts it: an alarm about lost alarms goes to the log. Each way has a level below which it
//! is not told; heartbeats and the digest go to all. The program gets the notice as JSON on standard input, without a shell and
//! with a time limit. Addresses and tokens are secrets: they are read from files of their own, sent to, and never printed.
//! Tests: `tests/commands/alarms.rs`.

use super::alarms::{Notice, What};
use super::mail::{self, Mailer};
use super::message;
use super::post::Post;
use super::program;
use super::telegram::{self, Account, Silent};
use crate::config::address::{Address, AddressError};
use crate::config::settings::Level;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Notices below a page that may wait for one way out.
const QUEUE: usize = 64;
/// Pages that may: as many as alarms can be open, so that none is dropped.
const PAGES: usize = 4096;
/// Longest run of a program, and longest wait for an answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Wait before a second try; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Why a way out cannot be used.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The address in the file of a key.
    #[error("the address in the file of {0} {1}")]
    Address(&'static str, AddressError),
    /// The client of a key.
    #[error("the client of {0} cannot be made")]
    Client(&'static str),
    /// The program of a key.
    #[error("{0}: {path}: is not a file; expected a program", path = .1.display())]
    Program(&'static str, PathBuf),
}

/// Waits of the ways out, shorter in tests.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest wait for an answer, and longest run of the program.
    pub limit: Duration,
    /// Wait before the second try.
    pub first: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { limit: LIMIT, first: FIRST_WAIT }
    }
}

/// What became of the notices of one way out: those that it never delivered are counted, and those that still wait are known.
#[derive(Debug, Clone, Default)]
pub(super) struct Lost {
    /// Of all ways.
    all: Arc<AtomicU64>,
    /// Of this one.
    own: Arc<AtomicU64>,
    /// Taken from the session and not done with, in the order in which they came.
    pending: Arc<Mutex<VecDeque<Arc<Notice>>>>,
}

impl Lost {
    /// So many more; why, without anything secret.
    pub(super) fn add(&self, way: &'static str, notices: usize, why: &str) {
        let count = u64::try_from(notices).unwrap_or(u64::MAX);
        self.all.fetch_add(count, Ordering::Relaxed);
        self.own.fetch_add(count, Ordering::Relaxed);
        tracing::error!(way, why, notices, "an alarm was not delivered");
    }

    /// These are delivered, or given up and counted.
    pub(super) fn done(&self, notices: &[Arc<Notice>]) {
        self.pending().retain(|known| !notices.iter().any(|done| Arc::ptr_eq(known, done)));
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Notice>>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one way out did not deliver by the end of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undelivered {
    /// The key of the way out.
    pub way: &'static str,
    /// Notices that were given up during the run.
    pub lost: u64,
    /// Notices that still waited when the wait at the end was over.
    pub left: Vec<Notice>,
}

/// What waits for one way out.
pub(super) struct Waiting {
    pages: Receiver<Arc<Notice>>,
    rest: Receiver<Arc<Notice>>,
}

impl Waiting {
    /// The next notice, a page before all others; nothing at the end.
    pub(super) async fn next(&mut self) -> Option<Arc<Notice>> {
        tokio::select! {
            biased;
            Some(notice) = self.pages.recv() => Some(notice),
            Some(notice) = self.rest.recv() => Some(notice),
            else => None,
        }
    }

    /// The next notice, and all that wait behind it; nothing at the end.
    pub(super) async fn gathered(&mut self) -> Option<Vec<Arc<Notice>>> {
        let mut all = vec![self.next().await?];
        while let Ok(notice) = self.pages.try_recv().or_else(|_| self.rest.try_recv()) {
            all.push(notice);
        }
        Some(all)
    }
}

/// One way out.
struct Way {
    name: &'static str,
    /// What is less is not told here.
    least: Level,
    pages: Sender<Arc<Notice>>,
    rest: Sender<Arc<Notice>>,
    lost: Lost,
}

/// All ways out.
#[derive(Default)]
pub struct Sinks {
    ways: Vec<Way>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    lost: Lost,
}

impl Sinks {
    /// The log alone.
    #[must_use]
    pub fn log_only() -> Self {
        Self::default()
    }

    /// Adds a program. Must be called inside a tokio runtime, which then runs it.
    ///
    /// # Errors
    /// [`SinkError::Program`] when there is no such file.
    pub fn with_program(mut self, path: &Path, patience: Patience) -> Result<Self, SinkError> {
        let path = program_at("alarm.exec", path)?;
        let waiting = self.way("alarm.exec", Level::Log);
        self.tasks.push(tokio::spawn(run_program(path, waiting, patience)));
        Ok(self)
    }

    /// Adds a webhook. Must be called inside a tokio runtime, which then sends.
    ///
    /// # Errors
    /// [`SinkError`] when the address is not `https` and not on this machine; it never holds the address.
    pub fn with_webhook(mut self, url: Box<str>, patience: Patience) -> Result<Self, SinkError> {
        const KEY: &str = "alarm.webhook";
        Address::parse(&url).map_err(|error| SinkError::Address(KEY, error))?;
        let post = Post::new(url, patience).ok_or(SinkError::Client(KEY))?;
        let waiting = self.way(KEY, Level::Log);
        self.tasks.push(tokio::spawn(run_webhook(post, waiting)));
        Ok(self)
    }

    /// Adds a Telegram chat for what is at least of this level. Must be called inside a tokio runtime, which then sends.
    #[must_use]
    pub fn with_telegram(mut self, account: Account, how: (Level, Option<Silent>), patience: Patience) -> Self {
        let (least, silent) = how;
        let waiting = self.way("alarm.telegram", least);
        self.tasks.push(tokio::spawn(telegram::run(account, silent, waiting, patience)));
        self
    }

    /// Adds mail for what is at least of this level. Must be called inside a tokio runtime, which then sends.
    ///
    /// # Errors
    /// [`SinkError::Program`] when there is no such program.
    pub fn with_mail(mut self, mailer: Mailer, least: Level, patience: Patience) -> Result<Self, SinkError> {
        program_at("alarm.sendmail", &mailer.sendmail)?;
        let waiting = self.way("alarm.mail", least);
        self.tasks.push(tokio::spawn(mail::run(mailer, waiting, patience)));
        Ok(self)
    }

    fn way(&mut self, name: &'static str, least: Level) -> (Waiting, Lost) {
        let ((to_pages, pages), (to_rest, rest)) = (channel(PAGES), channel(QUEUE));
        let lost = Lost { all: Arc::clone(&self.lost.all), ..Lost::default() };
        self.ways.push(Way { name, least, pages: to_pages, rest: to_rest, lost: lost.clone() });
        (Waiting { pages, rest }, lost)
    }

    /// Tells a notice to all. Never waits: what does not fit in a queue is counted and logged.
    pub fn tell(&self, notice: &Notice) {
        log(notice);
        let notice = Arc::new(notice.clone());
        for way in self.ways.iter().filter(|way| way.least <= level(&notice)) {
            // Known before it is sent, so that it is never done with before it waits.
            let mut pending = way.lost.pending();
            pending.push_back(Arc::clone(&notice));
            let queue = if message::is_page(&notice) { &way.pages } else { &way.rest };
            if queue.try_send(Arc::clone(&notice)).is_err() {
                pending.pop_back();
                drop(pending);
                way.lost.add(way.name, 1, "its queue is full");
            }
        }
    }

    /// Lets what waits be told, at most for this long. Gives the ways out that did not deliver everything, and logs each
    /// notice that still waits: the log is then the only place that has it.
    pub async fn close(self, limit: Duration) -> Vec<Undelivered> {
        let Self { ways, tasks, .. } = self;
        // Without senders the tasks end with their queues.
        let known: Vec<(&'static str, Lost)> = ways.into_iter().map(|way| (way.name, way.lost)).collect();
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
        known.into_iter().filter_map(|(way, lost)| undelivered(way, &lost)).collect()
    }

    /// Notices that some way out never delivered.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.all.load(Ordering::Relaxed)
    }
}

/// What a way out did not deliver, in the log and for who ends the run; `None` when it delivered everything.
fn undelivered(way: &'static str, lost: &Lost) -> Option<Undelivered> {
    let left: Vec<Notice> = lost.pending().iter().map(|notice| (**notice).clone()).collect();
    let lost = lost.own.load(Ordering::Relaxed);
    for notice in &left {
        let (kind, text) = (notice.kind.as_deref().unwrap_or("-"), notice.text.as_str());
        tracing::error!(way, kind, text, severity = notice.severity, "this alarm was not delivered before the end");
    }
    if left.is_empty() && lost == 0 {
        return None;
    }
    let (waited, given_up) = (left.len(), lost);
    tracing::error!(way, waited, given_up, "the run has ended, and this way out of alarms did not deliver all of them");
    Some(Undelivered { way, lost, left })
}

/// How loud a notice is. What a person asked to hear regularly is heard everywhere; the end of something is less than it was.
fn level(notice: &Notice) -> Level {
    if matches!(notice.what, What::Heartbeat | What::Digest) {
        return Level::Page;
    }
    match (notice.severity.as_str(), notice.what == What::Quiet) {
        ("page", false) => Level::Page,
        ("page", true) | ("warning", false) => Level::Notify,
        _ => Level::Log,
    }
}

fn program_at(key: &'static str, path: &Path) -> Result<PathBuf, SinkError> {
    if path.is_file() { Ok(path.to_owned()) } else { Err(SinkError::Program(key, path.to_owned())) }
}

fn log(notice: &Notice) {
    let (kind, text) = (notice.kind.as_deref().unwrap_or("-"), notice.text.as_str());
    let (what, count, open) = (notice.what, notice.count, notice.open);
    match notice.severity.as_str() {
        "page" => tracing::error!(kind, text, ?what, count, open, "alarm"),
        "warning" => tracing::warn!(kind, text, ?what, count, open, "alarm"),
        _ => tracing::info!(kind, text, ?what, count, open, "alarm"),
    }
}

async fn run_program(path: PathBuf, (mut waiting, lost): (Waiting, Lost), patience: Patience) {
    while let Some(notice) = waiting.next().await {
        let Ok(text) = serde_json::to_string(&*notice) else {
            lost.done(std::slice::from_ref(&notice));
            continue;
        };
        if let Err(why) = program::run(&path, &[], &text, patience.limit).await {
            lost.add("alarm.exec", 1, why);
        }
        lost.done(std::slice::from_ref(&notice));
    }
}

async fn run_webhook(post: Post, (mut waiting, lost): (Waiting, Lost)) {
    while let Some(notice) = waiting.next().await {
        let Ok(text) = serde_json::to_string(&*notice) else {
            lost.done(std::slice::from_ref(&notice));
            continue;
        };
        if !post.json(&text).await {
            lost.add("alarm.webhook", 1, "its address did not take it");
        }
        lost.done(std::slice::from_ref(&notice));
    }
}
