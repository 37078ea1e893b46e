//! Ways out for alarms: the log, a program, a webhook. Each has a short queue of its own, and telling never waits.
//!
//! A full queue drops the newest and counts it: an alarm about lost alarms goes to the log. The program gets the notice as
//! JSON on standard input, without a shell and with a time limit. The webhook's address is a secret: it is read from a file of
//! its own, sent to, and never printed. Tests: `tests/alarms.rs`.

use super::alarms::Notice;
use crate::config::address::{Address, AddressError};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Notices that may wait for one way out.
const QUEUE: usize = 64;
/// Longest run of the program.
const EXEC_LIMIT: Duration = Duration::from_secs(10);
/// Longest wait for the webhook's answer.
const POST_LIMIT: Duration = Duration::from_secs(10);
/// Tries of one notice at the webhook, and the wait before the second; it doubles.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Why a way out cannot be used.
#[derive(Debug, Error)]
pub enum SinkError {
    /// The address in the file.
    #[error("the address in the file of alarm.webhook {0}")]
    Address(#[from] AddressError),
    /// The client.
    #[error("the client of alarm.webhook cannot be made")]
    Client,
    /// The program.
    #[error("alarm.exec: {path}: is not a file; expected a program", path = .0.display())]
    Program(PathBuf),
}

/// Waits of the webhook, shorter in tests.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest wait for an answer, and longest run of the program.
    pub limit: Duration,
    /// Wait before the second try.
    pub first: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { limit: EXEC_LIMIT.min(POST_LIMIT), first: FIRST_WAIT }
    }
}

/// One way out.
struct Way {
    name: &'static str,
    queue: Sender<Arc<str>>,
}

/// All ways out.
#[derive(Default)]
pub struct Sinks {
    ways: Vec<Way>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    lost: Arc<AtomicU64>,
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
        if !path.is_file() {
            return Err(SinkError::Program(path.to_owned()));
        }
        let (queue, waiting) = channel(QUEUE);
        self.tasks.push(tokio::spawn(run_program(path.to_owned(), waiting, patience, Arc::clone(&self.lost))));
        self.ways.push(Way { name: "alarm.exec", queue });
        Ok(self)
    }

    /// Adds a webhook. Must be called inside a tokio runtime, which then sends.
    ///
    /// # Errors
    /// [`SinkError`] when the address is not `https` and not on this machine; it never holds the address.
    pub fn with_webhook(mut self, url: Box<str>, patience: Patience) -> Result<Self, SinkError> {
        Address::parse(&url)?;
        let client = client(patience.limit).ok_or(SinkError::Client)?;
        let (queue, waiting) = channel(QUEUE);
        let hook = Hook { client, url, patience, lost: Arc::clone(&self.lost) };
        self.tasks.push(tokio::spawn(hook.run(waiting)));
        self.ways.push(Way { name: "alarm.webhook", queue });
        Ok(self)
    }

    /// Tells a notice to all. Never waits: what does not fit in a queue is counted and logged.
    pub fn tell(&self, notice: &Notice) {
        log(notice);
        let Ok(text) = serde_json::to_string(notice) else { return };
        let text: Arc<str> = text.into();
        for way in &self.ways {
            if way.queue.try_send(Arc::clone(&text)).is_err() {
                self.lost.fetch_add(1, Ordering::Relaxed);
                tracing::error!(way = way.name, "an alarm was lost: its queue is full");
            }
        }
    }

    /// Lets what waits be told, at most for this long.
    pub async fn close(self, limit: Duration) {
        let Self { ways, tasks, .. } = self;
        // Without senders the tasks end with their queues.
        drop(ways);
        let all = async {
            for task in tasks {
                let _ = task.await;
            }
        };
        let _ = tokio::time::timeout(limit, all).await;
    }

    /// Notices that some way out never delivered.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
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

async fn run_program(path: PathBuf, mut waiting: Receiver<Arc<str>>, patience: Patience, lost: Arc<AtomicU64>) {
    while let Some(text) = waiting.recv().await {
        let done = tokio::time::timeout(patience.limit, one_run(&path, &text)).await;
        if !matches!(done, Ok(Ok(true))) {
            lost.fetch_add(1, Ordering::Relaxed);
            let why = if done.is_err() { "it took too long and was ended" } else { "it failed" };
            tracing::error!(way = "alarm.exec", why, "an alarm was not delivered");
        }
    }
}

/// The program with the notice on standard input; its end by force when the wait for it is given up.
async fn one_run(path: &Path, text: &str) -> std::io::Result<bool> {
    let mut child = tokio::process::Command::new(path)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read is not wrong: its exit code tells.
        let _ = stdin.write_all(text.as_bytes()).await;
        let _ = stdin.write_all(b"\n").await;
    }
    Ok(child.wait().await?.success())
}

struct Hook {
    client: reqwest::Client,
    url: Box<str>,
    patience: Patience,
    lost: Arc<AtomicU64>,
}

impl Hook {
    async fn run(self, mut waiting: Receiver<Arc<str>>) {
        while let Some(text) = waiting.recv().await {
            let mut wait = self.patience.first;
            let mut delivered = false;
            for attempt in 1..=TRIES {
                delivered = self.post(&text).await;
                if delivered || attempt == TRIES {
                    break;
                }
                tokio::time::sleep(wait).await;
                wait = wait.saturating_mul(2);
            }
            if !delivered {
                self.lost.fetch_add(1, Ordering::Relaxed);
                // Neither the address nor the client's error, which holds it.
                tracing::error!(way = "alarm.webhook", tries = TRIES, "an alarm was not delivered");
            }
        }
    }

    async fn post(&self, text: &str) -> bool {
        let request = self.client.post(&*self.url).header("content-type", "application/json").body(text.to_owned());
        request.send().await.is_ok_and(|reply| reply.status().is_success())
    }
}

/// A client with the built-in roots, no proxy, no redirect and no retries of its own.
fn client(limit: Duration) -> Option<reqwest::Client> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .ok()
}
