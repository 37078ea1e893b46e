//! One question to a session over its control socket, without holding a thread.
//!
//! The same lines as `carry status` and every verb of the command line. A session that does not answer is not asked again before
//! it did: so a process that was stopped is known as such, however long it is. Tests: `tests/commands/page.rs`,
//! `tests/commands/page_truth.rs`.

use crate::control::presence::Presence;
use crate::control::request::{Code, ControlError, Reply, Request, SOCKET, Verb};
use crate::control::snapshot::Snapshot;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// Longest wait for an act: longer than the session takes to say that it did not answer.
pub const ACT: Duration = Duration::from_secs(20);
/// Longest wait for a plan: it changes nothing, so that it may be given up.
pub const PLAN: Duration = Duration::from_secs(5);
/// Longest wait for a snapshot before the session counts as silent.
const SNAPSHOT: Duration = Duration::from_secs(2);
/// The same while it is silent already.
const STILL: Duration = Duration::from_millis(500);
/// Most bytes of an answer.
const LONGEST: u64 = 16 * 1024 * 1024;

/// A connection to the session of a folder.
pub struct Line {
    stream: BufReader<UnixStream>,
    /// Who listens there.
    process: Option<i32>,
    /// What came of the answer that is waited for.
    answer: Vec<u8>,
    waits: bool,
}

impl Line {
    async fn to(dir: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(dir.join(SOCKET)).await?;
        let process = stream.peer_cred().ok().and_then(|peer| peer.pid());
        Ok(Self { stream: BufReader::new(stream), process, answer: Vec::new(), waits: false })
    }

    /// One request and its reply; `None` when the session went away or did not answer.
    async fn ask(&mut self, request: &Request, limit: Duration) -> Option<Reply> {
        tokio::time::timeout(limit, self.exchange(request)).await.ok()?.ok()
    }

    /// Sends, unless an answer is waited for already, and takes the answer. It may be given up and called again.
    async fn exchange(&mut self, request: &Request) -> std::io::Result<Reply> {
        if !self.waits {
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            self.waits = true;
            self.stream.write_all(&line).await?;
        }
        let mut bounded = (&mut self.stream).take(LONGEST);
        let count = bounded.read_until(b'\n', &mut self.answer).await?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        self.waits = false;
        Ok(serde_json::from_slice(&std::mem::take(&mut self.answer))?)
    }
}

/// What the session of a folder says of itself now, on a connection that is kept.
pub async fn heard(line: &mut Option<Line>, dir: &Path) -> Presence {
    if line.is_none() {
        match Line::to(dir).await {
            Ok(open) => *line = Some(open),
            // The queue of those who want to be heard is full: somebody has it and does not look.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Presence::Silent(None),
            Err(_) => return Presence::Gone,
        }
    }
    let Some(open) = line else { return Presence::Gone };
    let limit = if open.waits { STILL } else { SNAPSHOT };
    let Ok(told) = tokio::time::timeout(limit, open.exchange(&Request::new(Verb::Status))).await else {
        return Presence::Silent(open.process);
    };
    match told {
        // Its loop did not answer its own socket.
        Ok(reply) if reply.error.is_some() => Presence::Silent(open.process),
        Ok(reply) => match reply.result.map(serde_json::from_value::<Snapshot>) {
            Some(Ok(snapshot)) => Presence::Now(Box::new(snapshot)),
            Some(Err(_)) | None => Presence::Gone,
        },
        Err(_) => {
            *line = None;
            Presence::Gone
        }
    }
}

/// One request on a connection of its own: an act waits for no question of the page.
pub async fn once(dir: &Path, request: &Request, limit: Duration) -> Reply {
    let Ok(mut line) = Line::to(dir).await else {
        let text = format!("no process is running for {}: nothing was done", dir.display());
        return Reply::failed(ControlError::new(Code::Failed, text));
    };
    line.ask(request, limit).await.unwrap_or_else(|| {
        let text = "the session did not answer; it may or may not have acted: look at its state before you try again";
        Reply::failed(ControlError::new(Code::InDoubt, text))
    })
}
