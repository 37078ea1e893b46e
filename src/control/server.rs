//! The control socket of a session: `STATE/control.sock`, for its owner alone.
//!
//! It carries lines and judges nothing of what they ask. Bounded everywhere: clients, bytes of a line, waiting requests, time
//! for a line and for an answer; at each bound the client is told. Tests: `tests/commands/control.rs`.

use super::board::Board;
use super::desk::{Desk, shown};
use super::registry::{self, Entered};
use super::reload::{self, Read};
use super::request::{Act, Code, ControlError, ControlRequest, LONGEST_LINE, Reply, Request, SOCKET};
use crate::keys::file::own_user;
use crate::store::StateLock;
use std::collections::VecDeque;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Clients at once.
const CLIENTS: usize = 16;
/// Requests that may wait for the session.
const WAITING: usize = 32;
/// Longest path of a socket that every system takes.
const LONGEST_PATH: usize = 103;
/// Longest wait for a line, and for the session's answer.
const LINE_LIMIT: Duration = Duration::from_secs(30);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// Why there is no control socket.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The path is too long for the system.
    #[error("{path}: has {length} bytes, and a socket's path may have {LONGEST_PATH}; use a shorter --state", path = path.display())]
    TooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// Something else is there.
    #[error("{path}: is there and is no socket; move it away", path = .0.display())]
    NotSocket(PathBuf),
    /// The system says no.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
}

/// A socket that is bound; removed when it is dropped.
pub struct ControlSocket {
    path: PathBuf,
    listener: std::os::unix::net::UnixListener,
}

impl ControlSocket {
    /// Binds the socket of a state folder. Whoever holds the folder's lock knows that a socket found there is a dead one.
    ///
    /// # Errors
    /// [`ServerError`] when it cannot be bound.
    pub fn bind(folder: &Path, _lock: &StateLock) -> Result<Self, ServerError> {
        let path = folder.join(SOCKET);
        let io = |error| ServerError::Io { path: path.clone(), error };
        let length = path.as_os_str().len();
        if length > LONGEST_PATH {
            return Err(ServerError::TooLong { path, length });
        }
        match std::fs::symlink_metadata(&path) {
            Ok(known) if known.file_type().is_socket() => std::fs::remove_file(&path).map_err(io)?,
            Ok(_) => return Err(ServerError::NotSocket(path)),
            Err(_) => {}
        }
        // The folder first: between the binding and the mode of the socket nobody else must reach it.
        let private = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(folder, private(0o700)).map_err(io)?;
        let listener = std::os::unix::net::UnixListener::bind(&path).map_err(io)?;
        std::fs::set_permissions(&path, private(0o600)).map_err(io)?;
        listener.set_nonblocking(true).map_err(io)?;
        Ok(Self { path, listener })
    }

    /// Serves on a thread of its own, so that no client can hold the session up. Gives the session's end of it. `read` reads the session's
    /// files again, where it can take others.
    ///
    /// # Errors
    /// [`ServerError::Io`] when there is no thread or runtime to be had.
    pub fn serve_in_thread(self, read: Option<Read>) -> Result<(Desk, Server), ServerError> {
        let (sender, receiver) = channel(WAITING);
        let (board, keeper, looks) = Board::new();
        let desk = Desk::new(receiver).with_board(looks);
        let asker = Asker { requests: sender, read, board };
        let served = asker.clone();
        let path = self.path.clone();
        let io = |error| ServerError::Io { path: path.clone(), error };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(io)?;
        let listener = self.listener.try_clone().map_err(io)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = move || {
            runtime.block_on(async move {
                tokio::select! {
                    biased;
                    _ = stopped => {}
                    () = accept(listener, served) => {}
                    () = keeper.run() => std::future::pending().await,
                }
            });
        };
        let thread = std::thread::Builder::new().name("control".to_owned()).spawn(serve).map_err(io)?;
        let entered = self.path.parent().and_then(registry::enter);
        Ok((desk, Server { asker, stop: Some(stop), thread: Some(thread), _socket: self, _entered: entered }))
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A server that runs; ends, and removes its socket, when it is dropped.
pub struct Server {
    /// To ask the session from inside its process.
    pub asker: Asker,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _socket: ControlSocket,
    /// By which it is found from any folder.
    _entered: Option<Entered>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client that is connected.
struct Seat {
    /// It asked, and the session has not answered yet.
    asking: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

/// Who is connected, in order of coming.
///
/// **Invariant**: whoever asks at once is heard, whatever others do (fault L37): a newcomer takes the place of the client that
/// came first and is asking nothing. Only when all of them wait for an answer is a newcomer turned away.
#[derive(Default)]
struct Seats(VecDeque<Seat>);

impl Seats {
    /// A free place, if there is one to be had.
    fn make_room(&mut self) -> bool {
        self.0.retain(|seat| !seat.task.is_finished());
        if self.0.len() < CLIENTS {
            return true;
        }
        let silent = self.0.iter().position(|seat| !seat.asking.load(Ordering::Relaxed));
        let Some(seat) = silent.and_then(|place| self.0.remove(place)) else { return false };
        seat.task.abort();
        true
    }
}

/// Takes clients until the listener fails. For a session that has a runtime of its own, too.
pub async fn accept(listener: std::os::unix::net::UnixListener, asker: Asker) {
    let Ok(listener) = UnixListener::from_std(listener) else { return };
    let own = own_user();
    let mut seats = Seats::default();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors: the clients that are there go first.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let peer = stream.peer_cred().ok().map(|peer| peer.uid());
        if peer.is_none() || peer != own {
            tracing::warn!("the control socket was tried by another user");
            continue;
        }
        if seats.make_room() {
            let asking = Arc::new(AtomicBool::new(false));
            let task = tokio::spawn(client(stream, asker.clone(), Arc::clone(&asking)));
            seats.0.push_back(Seat { asking, task });
        } else {
            tokio::spawn(async move {
                let mut stream = stream;
                let full = ControlError::new(Code::Busy, format!("{CLIENTS} clients wait for an answer already"));
                let _ = tokio::time::timeout(Duration::from_secs(1), send(&mut stream, &Reply::failed(full))).await;
            });
        }
    }
}

async fn client(stream: UnixStream, asker: Asker, asking: Arc<AtomicBool>) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut read).take(most);
        let got = tokio::time::timeout(LINE_LIMIT, bounded.read_until(b'\n', &mut line)).await;
        if !matches!(got, Ok(Ok(count)) if count > 0) {
            return;
        }
        let whole = line.ends_with(b"\n");
        let reply = if whole || line.len() < LONGEST_LINE {
            asking.store(true, Ordering::Relaxed);
            let reply = answer(&line, &asker).await;
            asking.store(false, Ordering::Relaxed);
            reply
        } else {
            Reply::failed(ControlError::new(Code::Usage, format!("a request may have {LONGEST_LINE} bytes")))
        };
        let sent = tokio::time::timeout(LINE_LIMIT, send(&mut write, &reply)).await;
        if !whole || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

async fn answer(line: &[u8], asker: &Asker) -> Reply {
    match Request::parse(line).and_then(|request| Ok((request.act()?, request.token))) {
        Ok((act, token)) => asker.ask(act, token).await,
        Err(error) => Reply::failed(error),
    }
}

/// Who puts requests to the session and waits for its answer.
#[derive(Clone)]
pub struct Asker {
    requests: Sender<ControlRequest>,
    read: Option<Read>,
    board: Arc<Board>,
}

impl Asker {
    /// One request and its answer. What a snapshot says is read from the board; all else is the session's own work.
    pub async fn ask(&self, act: Act, token: Option<String>) -> Reply {
        if matches!(act, Act::Status | Act::Pairs | Act::Orders) {
            let silent = || Reply::failed(ControlError::new(Code::InDoubt, "the session did not answer in 10 s"));
            return self.board.read().await.map_or_else(silent, |snapshot| shown(&act, &snapshot));
        }
        let reply = self.put(act, token).await;
        self.board.acted();
        reply
    }

    async fn put(&self, act: Act, token: Option<String>) -> Reply {
        let files = match act {
            Act::Reload(_) | Act::Tighten => match reload::files(self.read.as_ref()).await {
                Ok(files) => Some(files),
                Err(error) => return Reply::failed(error),
            },
            _ => None,
        };
        let (reply, answer) = oneshot::channel();
        if self.requests.try_send(ControlRequest { act, token, files, reply }).is_err() {
            let text = "the session has too many requests waiting, or is ending; nothing was done";
            return Reply::failed(ControlError::new(Code::Busy, text));
        }
        match tokio::time::timeout(ANSWER_LIMIT, answer).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(_)) => Reply::failed(ControlError::new(Code::InDoubt, "the session ended before it answered")),
            Err(_) => {
                let text = "the session did not answer in 10 s; it may or may not have acted: look at carry status";
                Reply::failed(ControlError::new(Code::InDoubt, text))
            }
        }
    }

    /// SIGHUP: the files are read again, and what tightens is taken. What came of it stands in the log.
    pub async fn hangup(&self) {
        let reply = self.ask(Act::Tighten, None).await;
        match (reply.error, reply.result) {
            (Some(error), _) => tracing::error!(%error, "SIGHUP: the settings are as they were"),
            (None, result) => {
                let told = result.map(|result| result.to_string()).unwrap_or_default();
                tracing::warn!(told, "SIGHUP: the files were read again");
            }
        }
    }
}

async fn send<W: tokio::io::AsyncWrite + Unpin>(to: &mut W, reply: &Reply) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(reply).map_err(std::io::Error::other)?;
    line.push(b'\n');
    to.write_all(&line).await?;
    to.flush().await
}
