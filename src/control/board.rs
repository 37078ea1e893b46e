//! The board of a session: the snapshot that its loop made last, for everybody who reads.
//!
//! **Invariant**: the loop makes a snapshot only when somebody wants one, at most [`A_SECOND`] times a second however many read, and
//! hands it over without waiting; writing it as JSON and sending it is the work of other threads (fault X20). What is read after
//! an act was answered was made after it. Tests: at the end, `tests/commands/control.rs`, `tests/commands/page.rs`.

use super::snapshot::Snapshot;
use crate::net::machine_clock::steady_ns;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, oneshot, watch};

/// Snapshots in a second, at most.
pub const A_SECOND: u64 = 4;
/// Longest wait of a reader for the loop.
const PATIENCE: Duration = Duration::from_secs(10);

/// A place for one snapshot, from the board to the loop and back.
pub type Look = oneshot::Sender<Arc<Snapshot>>;

/// What hangs there.
struct Shown {
    snapshot: Arc<Snapshot>,
    /// When it was asked for, on the monotonic clock.
    asked: Duration,
    /// Acts that were answered before it was asked for.
    acts: u64,
}

/// The board.
pub struct Board {
    shown: watch::Sender<Option<Shown>>,
    wanted: Notify,
    acts: AtomicU64,
}

const fn every() -> Duration {
    Duration::from_millis(1_000 / A_SECOND)
}

fn now() -> Duration {
    Duration::from_nanos(steady_ns())
}

impl Board {
    /// An empty board, and the wishes of its readers for the loop: one at a time.
    #[must_use]
    pub fn new() -> (Arc<Self>, Keeper, Receiver<Look>) {
        let (looks, wishes) = channel(1);
        let board = Arc::new(Self { shown: watch::Sender::new(None), wanted: Notify::new(), acts: AtomicU64::new(0) });
        (Arc::clone(&board), Keeper { board, looks }, wishes)
    }

    /// An act was answered: what hangs here was made before it.
    pub fn acted(&self) {
        self.acts.fetch_add(1, Ordering::SeqCst);
    }

    /// A snapshot that is at most as old as the board allows, and younger than every act that was answered; `None` when the loop
    /// makes none in time.
    pub async fn read(&self) -> Option<Arc<Snapshot>> {
        let mut shown = self.shown.subscribe();
        let (acts, from) = (self.acts.load(Ordering::SeqCst), now());
        loop {
            if let Some(shown) = shown.borrow_and_update().as_ref()
                && shown.acts >= acts
                && (shown.asked >= from || from.saturating_sub(shown.asked) < every())
            {
                return Some(Arc::clone(&shown.snapshot));
            }
            self.wanted.notify_one();
            let left = PATIENCE.checked_sub(now().saturating_sub(from))?;
            tokio::time::timeout(left, shown.changed()).await.ok()?.ok()?;
        }
    }
}

/// Who asks the loop for all readers; it runs beside them.
pub struct Keeper {
    board: Arc<Board>,
    looks: Sender<Look>,
}

impl Keeper {
    /// Asks while somebody reads, until the loop is gone.
    pub async fn run(self) {
        let mut last: Option<(Duration, u64)> = None;
        loop {
            self.board.wanted.notified().await;
            let mut acts = self.board.acts.load(Ordering::SeqCst);
            if let Some((asked, seen)) = last {
                // Whoever acted sees at once what came of it.
                let rest =
                    if acts == seen { every().saturating_sub(now().saturating_sub(asked)) } else { Duration::ZERO };
                tokio::time::sleep(rest).await;
                acts = self.board.acts.load(Ordering::SeqCst);
            }
            let asked = now();
            last = Some((asked, acts));
            let (look, made) = oneshot::channel();
            if self.looks.send(look).await.is_err() {
                return;
            }
            match made.await {
                Ok(snapshot) => drop(self.board.shown.send_replace(Some(Shown { snapshot, asked, acts }))),
                Err(_) => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    fn snapshot() -> Arc<Snapshot> {
        Arc::new(Snapshot::of(&State::new(Settings::default(), Generator::new(1, START).catalogue().clone()), START))
    }

    /// A loop that makes what is wanted of it, and counts.
    fn served(mut wishes: Receiver<Look>) -> tokio::task::JoinHandle<u32> {
        tokio::spawn(async move {
            let mut made = 0;
            while let Some(look) = wishes.recv().await {
                made += 1;
                let _ = look.send(snapshot());
            }
            made
        })
    }

    #[tokio::test]
    async fn x20_nothing_is_made_while_nobody_reads_and_little_when_thousands_do() {
        let (board, keeper, wishes) = Board::new();
        let keeping = tokio::spawn(keeper.run());
        let made = served(wishes);
        let from = now();
        for _ in 0..5 {
            let readers: Vec<_> = (0..1_000)
                .map(|_| {
                    tokio::spawn({
                        let board = Arc::clone(&board);
                        async move { board.read().await.is_some() }
                    })
                })
                .collect();
            for reader in readers {
                assert!(reader.await.unwrap());
            }
        }
        let most = now().saturating_sub(from).as_millis() / every().as_millis() + 2;
        keeping.abort();
        let _ = keeping.await;
        drop(board);
        let made = made.await.unwrap();
        assert!(made >= 1 && u128::from(made) <= most, "{made} of at most {most}");
    }

    #[tokio::test]
    async fn what_is_read_after_an_act_was_made_after_it() {
        let (board, keeper, wishes) = Board::new();
        let _keeping = tokio::spawn(keeper.run());
        let _made = served(wishes);
        let before = board.read().await.unwrap();
        assert!(Arc::ptr_eq(&before, &board.read().await.unwrap()), "it is young enough");
        board.acted();
        assert!(!Arc::ptr_eq(&before, &board.read().await.unwrap()));
    }
}
