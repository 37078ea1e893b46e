//! Tells systemd that the session is up, how it stands, and that its loop lives.
//!
//! The loop alone calls it: a loop that is stuck stops saying that it lives, whatever the other threads do, and the service
//! manager starts the process anew (fault G13). What is told goes through a short queue to a thread of its own, so that a
//! service manager that does not listen never holds the loop up. Without `NOTIFY_SOCKET` nothing is done. Tests:
//! `tests/commands/systemd.rs`.

use crate::config::sources::Folders;
use sd_notify::NotifyState;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Messages that may wait for the service manager; what finds no place is left out, and the next one says more.
const WAITING: usize = 4;
/// The status is told no more often than this.
const STATUS: Duration = Duration::from_secs(5);

/// Longest wait at the end of a session for what is still to be told.
const LAST: Duration = Duration::from_millis(500);

/// What is told.
enum Told {
    Ready(String),
    Lives(Option<String>),
    Stopping,
}

/// The service manager of this process, if it has one that listens.
#[derive(Default)]
pub struct Supervisor {
    queue: Option<SyncSender<Told>>,
    /// Closed when everything was carried.
    end: Option<Receiver<()>>,
    /// How often it wants to hear that the loop lives; absent when it does not watch.
    every: Option<Duration>,
    ready: bool,
    lived: Duration,
    status: Option<Duration>,
}

impl Supervisor {
    /// As the environment of this process says.
    #[must_use]
    pub fn discover() -> Self {
        if !Folders::discover().supervised {
            return Self::default();
        }
        let (queue, waiting) = sync_channel(WAITING);
        let (carried, end) = sync_channel(1);
        let work = move || {
            carry(&waiting);
            drop(carried);
        };
        let thread = std::thread::Builder::new().name("systemd".to_owned()).spawn(work).ok();
        // Three times within the limit: one that is late is no alarm yet.
        let every = sd_notify::watchdog_enabled().and_then(|limit| limit.checked_div(3));
        Self { queue: thread.is_some().then_some(queue), end: Some(end), every, ..Self::default() }
    }

    /// The loop came by at this time of a steady clock; `status` says how the session stands, when that is due.
    pub fn lives(&mut self, passed: Duration, status: impl FnOnce() -> String) {
        let Some(queue) = &self.queue else { return };
        if !self.ready {
            self.ready = queue.try_send(Told::Ready(status())).is_ok();
            (self.lived, self.status) = (passed, Some(passed));
            return;
        }
        let beat = self.every.is_some_and(|every| passed.saturating_sub(self.lived) >= every);
        let due = self.status.is_none_or(|told| passed.saturating_sub(told) >= STATUS);
        if !beat && !due {
            return;
        }
        let text = due.then(status);
        if queue.try_send(Told::Lives(text)).is_ok() {
            self.lived = passed;
            if due {
                self.status = Some(passed);
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let (Some(queue), Some(end)) = (self.queue.take(), self.end.take()) else { return };
        let _ = queue.try_send(Told::Stopping);
        drop(queue);
        // A service manager that does not listen keeps the thread, not us.
        let _ = end.recv_timeout(LAST);
    }
}

/// Carries what is told until the session ends. What the service manager does not take is lost: it says more the next time.
fn carry(waiting: &Receiver<Told>) {
    for told in waiting {
        let said = match &told {
            Told::Ready(status) => sd_notify::notify(&[NotifyState::Ready, NotifyState::Status(status)]),
            Told::Lives(Some(status)) => sd_notify::notify(&[NotifyState::Watchdog, NotifyState::Status(status)]),
            Told::Lives(None) => sd_notify::notify(&[NotifyState::Watchdog]),
            Told::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
        };
        if let Err(error) = said {
            tracing::debug!(%error, "the service manager did not listen");
        }
    }
}
