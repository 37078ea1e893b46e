//! One question to a session over its control socket, without holding a thread.
//!
//! The same lines as `carry status` and every verb of the command line. Tests: `tests/page.rs`.

use crate::control::request::{Code, ControlError, Reply, Request, SOCKET};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// Longer than the session takes to say that it did not answer.
const LIMIT: Duration = Duration::from_secs(20);
/// Most bytes of an answer.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A connection to the session of a folder.
pub struct Line(BufReader<UnixStream>);

impl Line {
    /// To the session of a folder; `None` when none runs there.
    pub async fn to(dir: &Path) -> Option<Self> {
        UnixStream::connect(dir.join(SOCKET)).await.ok().map(|stream| Self(BufReader::new(stream)))
    }

    /// One request and its reply; `None` when the session went away or did not answer.
    pub async fn ask(&mut self, request: &Request) -> Option<Reply> {
        tokio::time::timeout(LIMIT, self.exchange(request)).await.ok().flatten()
    }

    async fn exchange(&mut self, request: &Request) -> Option<Reply> {
        let mut line = serde_json::to_vec(request).ok()?;
        line.push(b'\n');
        self.0.write_all(&line).await.ok()?;
        let mut answer = Vec::new();
        let count = (&mut self.0).take(LONGEST).read_until(b'\n', &mut answer).await.ok()?;
        if count == 0 { None } else { serde_json::from_slice(&answer).ok() }
    }
}

/// One request on a connection of its own: an act waits for no question of the page.
pub async fn once(dir: &Path, request: &Request) -> Reply {
    let Some(mut line) = Line::to(dir).await else {
        let text = format!("no process is running for {}: nothing was done", dir.display());
        return Reply::failed(ControlError::new(Code::Failed, text));
    };
    line.ask(request).await.unwrap_or_else(|| {
        let text = "the session did not answer; it may or may not have acted: look at its state before you try again";
        Reply::failed(ControlError::new(Code::InDoubt, text))
    })
}
