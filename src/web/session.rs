//! One session as the page sees it: its board is read once for all who look, twice a second and only while somebody does.
//!
//! **Invariant**: at most one look of the page waits at the session, however many clients there are (fault X20); and one plan,
//! see `State::plan_turn`. What came
//! last is kept for all; a client that is slow skips what it missed. Tests: `tests/commands/page.rs`.

use super::history::{self, History};
use super::line::heard;
use super::lockout::Lockout;
use super::view::{Silence, View};
use crate::control::presence::Presence;
use crate::net::machine_clock::{self, steady_ns};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// Between two questions.
const EVERY: Duration = Duration::from_millis(500);
/// After the last look the questions end.
const LOOKED: Duration = Duration::from_secs(15);
/// A view is asked for anew when it is older.
const FRESH: Duration = Duration::from_secs(1);
/// Longest wait of a look for a fresh view, a little longer than that for an answer; after it a view is shown with its age.
const PATIENCE: Duration = Duration::from_millis(2_200);
/// What was heard longer ago is not said of now.
pub const HEARD: Duration = Duration::from_secs(5);
/// Between two readings of the files; a reading that takes long is followed by a longer rest.
const FILES: Duration = Duration::from_secs(5);

/// One session.
pub struct Session {
    /// Its name in addresses.
    pub slug: String,
    /// Its folder.
    pub dir: PathBuf,
    /// Wrong tokens that act, asked of those alone who read already: no stranger can take acting away from its owner.
    pub acted: Mutex<Lockout>,
    view: watch::Sender<Arc<View>>,
    looked: AtomicU64,
    woken: Notify,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    read: Option<Arc<History>>,
    problem: Option<String>,
    /// When the next reading is due, and whether one is under way.
    due: Duration,
    reading: bool,
}

fn steady() -> Duration {
    Duration::from_nanos(steady_ns())
}

impl Session {
    /// A session that nobody has looked at.
    #[must_use]
    pub fn new(slug: String, dir: PathBuf) -> Arc<Self> {
        let (view, _) = watch::channel(Arc::new(View::nothing(&slug, &dir)));
        let looked = AtomicU64::new(0);
        Arc::new(Self {
            slug,
            dir,
            acted: Mutex::default(),
            view,
            looked,
            woken: Notify::new(),
            files: Mutex::default(),
        })
    }

    /// What comes from now on; it also wakes the questions.
    pub fn follow(&self) -> watch::Receiver<Arc<View>> {
        self.look();
        self.view.subscribe()
    }

    /// Somebody looks.
    pub fn look(&self) {
        self.looked.store(steady_ns(), Ordering::Relaxed);
        self.woken.notify_one();
    }

    /// What the session is now; at worst as old as it says.
    pub async fn now(&self) -> Arc<View> {
        let mut views = self.follow();
        let from = steady();
        loop {
            let view = views.borrow_and_update().clone();
            let left = PATIENCE.saturating_sub(steady().saturating_sub(from));
            if view.made_ago() < FRESH && view.number > 0 || left.is_zero() {
                return aged(view);
            }
            let _ = tokio::time::timeout(left, views.changed()).await;
        }
    }

    /// Asks while somebody looks; for ever.
    pub async fn ask(self: Arc<Self>) {
        let mut line = None;
        let mut number = 0;
        loop {
            let idle = steady().saturating_sub(Duration::from_nanos(self.looked.load(Ordering::Relaxed)));
            if idle > LOOKED {
                line = None;
                self.woken.notified().await;
                continue;
            }
            let told = heard(&mut line, &self.dir).await;
            // The first one waits for the files: a page without its sums would have to say unknown everywhere.
            self.read_files(number == 0).await;
            number += 1;
            self.publish(told, number);
            tokio::time::sleep(EVERY).await;
        }
    }

    fn publish(&self, told: Presence, number: u64) {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (history, problem) = (files.read.clone(), files.problem.clone());
        drop(files);
        let (now, before) = (steady(), self.view.borrow().clone());
        let (mut taken, mut taken_at, mut silent) = (now, machine_clock::now(), None);
        let of_files = || history.as_ref().map(|history| history.last.clone());
        let (runs, snapshot) = match told {
            Presence::Now(snapshot) => (true, Some(*snapshot)),
            Presence::Gone => (false, of_files()),
            Presence::Silent(process) => {
                if before.runs || before.silent.is_some() {
                    (taken, taken_at) = (before.taken, before.taken_at);
                }
                let since = before.silent.map_or(taken_at, |silence| silence.since);
                silent = Some(Silence { since, process: process.or(before.silent.and_then(|one| one.process)) });
                let known = before.snapshot.clone().filter(|_| before.runs || before.silent.is_some());
                let mut snapshot = known.or_else(of_files);
                if let Some(snapshot) = &mut snapshot {
                    snapshot.fall_silent(process, Some(since));
                }
                (before.runs && now.saturating_sub(taken) <= HEARD, snapshot)
            }
        };
        let view = View {
            slug: self.slug.clone(),
            dir: self.dir.clone(),
            runs,
            silent,
            problem: if snapshot.is_none() { problem } else { None },
            snapshot,
            history,
            number,
            taken,
            made: now,
            taken_at,
        };
        self.view.send_replace(Arc::new(view));
    }

    async fn read_files(self: &Arc<Self>, wait: bool) {
        {
            let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
            if files.reading || steady() < files.due {
                return;
            }
            files.reading = true;
        }
        let this = Arc::clone(self);
        let work = tokio::task::spawn_blocking(move || {
            let from = steady();
            let read = history::read(&this.dir);
            let took = steady().saturating_sub(from);
            let mut files = this.files.lock().unwrap_or_else(PoisonError::into_inner);
            files.reading = false;
            files.due = steady() + FILES.max(took.saturating_mul(20));
            match read {
                Ok(read) => (files.read, files.problem) = (Some(Arc::new(read)), None),
                Err(problem) => files.problem = Some(problem),
            }
        });
        if wait {
            let _ = work.await;
        }
    }
}

/// A view that is too old to be said of now: its session does not answer as far as this page knows.
fn aged(view: Arc<View>) -> Arc<View> {
    if !view.runs || view.age() <= HEARD {
        return view;
    }
    let since = Silence { since: view.taken_at, process: None };
    Arc::new(View { runs: false, silent: view.silent.or(Some(since)), ..(*view).clone() })
}
