//! The word to a watcher outside of this machine that the loop still runs: whoever does not hear it any more raises the alarm that
//! we cannot (fault I19).
//!
//! One empty GET to a secret address each few minutes, as dead-man services take it. It is sent because the loop came by: a
//! loop that is stuck is silent. Tests: `tests/commands/alarms.rs`.

use super::post::Post;
use super::sinks::{Patience, SinkError};
use crate::config::address::Address;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The watcher.
pub struct Watcher {
    queue: Sender<()>,
    every: Duration,
    told: Option<Duration>,
}

impl Watcher {
    /// Must be made inside a tokio runtime, which then sends.
    ///
    /// # Errors
    /// [`SinkError`] when the address is not `https` and not on this machine; it never holds the address.
    pub fn new(url: Box<str>, every: Duration, patience: Patience) -> Result<Self, SinkError> {
        Address::parse(&url).map_err(|error| SinkError::Address("alarm.watcher", error))?;
        let post = Post::new(url, patience).ok_or(SinkError::Client("alarm.watcher"))?;
        let (queue, waiting) = channel(1);
        tokio::spawn(run(post, waiting));
        Ok(Self { queue, every, told: None })
    }

    /// The loop came by at this time of a steady clock. Never waits: while one is on its way the next is left out.
    pub fn lives(&mut self, passed: Duration) {
        if self.told.is_none_or(|told| passed.saturating_sub(told) >= self.every) && self.queue.try_send(()).is_ok() {
            self.told = Some(passed);
        }
    }
}

async fn run(post: Post, mut waiting: Receiver<()>) {
    let mut heard = true;
    while waiting.recv().await.is_some() {
        let now = post.touch().await;
        if heard && !now {
            // Neither the address nor the client's error, which holds it.
            tracing::warn!(way = "alarm.watcher", "the outside watcher did not answer");
        }
        heard = now;
    }
}
