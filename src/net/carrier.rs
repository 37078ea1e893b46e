//! What carries requests and lines: sockets, or a queue in this process.
//!
//! The queue is for the simulator of live runs: everything above (budget, signature, lines, accounts) is the same code, and what
//! would be a socket is one [`Asked`] in an unbounded channel, answered when the one who reads it pleases.
//! No decisions. Tests: `tests/live_sim.rs`.

use super::http::{HttpClient, Lost, NoReply, NotSent, Outgoing, Reply};
use super::socket::{Arrival, Closed, DialError, Dialer, Socket};
use super::{Clock, Stamp};
use crate::venues::ask::{Host, Method};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How requests and lines travel.
#[derive(Debug, Clone)]
pub enum Carrier {
    /// Over sockets of this machine.
    Sockets,
    /// Through a queue of this process.
    Queue(mpsc::UnboundedSender<Asked>),
}

/// What reaches the reader of a queue.
#[derive(Debug)]
pub enum Asked {
    /// A request.
    Request(Carried),
    /// A connection is to be opened.
    Line(Dialled),
}

/// A request in a queue. Whoever drops it has let the answer get lost.
#[derive(Debug)]
pub struct Carried {
    /// Which of the venue's hosts.
    pub host: Host,
    /// Verb.
    pub method: Method,
    /// From the first slash on, as it was signed.
    pub path_and_query: String,
    /// Form body.
    pub body: Option<String>,
    /// The header with the key.
    pub header: Option<(&'static str, String)>,
    /// When it was handed over.
    pub sent_at: Stamp,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Reply, NoReply>>,
}

/// A connection that somebody wants.
#[derive(Debug)]
pub struct Dialled {
    /// Scheme, host and port.
    pub base: String,
    /// From the first slash on; may hold a token.
    pub path: String,
    /// Says whether it opened; with it goes the way by which its ends come.
    pub opened: oneshot::Sender<Result<oneshot::Sender<Ends>, DialError>>,
}

/// The ends of an open connection.
#[derive(Debug)]
pub struct Ends {
    /// Frames to us.
    pub frames: mpsc::Sender<Arrival>,
    /// Texts from us; closed when we end the connection.
    pub texts: mpsc::Receiver<String>,
    /// Says that it ended.
    pub ended: oneshot::Sender<Closed>,
}

/// A client of one host.
#[derive(Debug, Clone)]
pub(super) enum Client {
    Http(HttpClient),
    Queue { host: Host, to: mpsc::UnboundedSender<Asked>, clock: Clock, total: Duration },
}

impl Client {
    /// Keeps a connection of writes ready; a queue has none.
    pub(super) async fn warm(&self, outgoing: &Outgoing<'_>) -> Option<Result<Reply, NoReply>> {
        match self {
            Self::Http(client) => Some(client.warm(outgoing).await),
            Self::Queue { .. } => None,
        }
    }

    /// Sends once and reads the whole answer.
    pub(super) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, NoReply> {
        let (host, to, clock, total) = match self {
            Self::Http(client) => return client.send(outgoing).await,
            Self::Queue { host, to, clock, total } => (*host, to, clock, *total),
        };
        let (answer, answered) = oneshot::channel();
        let carried = Carried {
            host,
            method: outgoing.method,
            path_and_query: outgoing.path_and_query.to_owned(),
            body: outgoing.body.map(str::to_owned),
            header: outgoing.header.map(|(name, value)| (name, value.to_owned())),
            sent_at: clock.now(),
            answer,
        };
        if to.send(Asked::Request(carried)).is_err() {
            return Err(NoReply::NotSent(NotSent::Connect("the queue is closed".to_owned())));
        }
        let cut = || NoReply::Unknown(Lost::Cut("dropped on the way".to_owned()));
        match tokio::time::timeout(total, answered).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(cut())),
            Err(_) => Err(NoReply::Unknown(Lost::Timeout)),
        }
    }
}

/// Opens connections to one address.
#[derive(Clone)]
pub(super) enum Way {
    Socket(Dialer),
    Queue { base: String, to: mpsc::UnboundedSender<Asked>, connect: Duration },
}

/// An open connection.
pub(super) enum Opened {
    Socket(Box<Socket>),
    Queue(oneshot::Sender<Ends>),
}

impl Way {
    pub(super) async fn dial(&self, path: &str) -> Result<Opened, DialError> {
        let (base, to, connect) = match self {
            Self::Socket(dialer) => return dialer.dial(path).await.map(|socket| Opened::Socket(Box::new(socket))),
            Self::Queue { base, to, connect } => (base, to, *connect),
        };
        let (opened, told) = oneshot::channel();
        let dialled = Dialled { base: base.clone(), path: path.to_owned(), opened };
        let closed = || DialError::Connect("the queue is closed".to_owned());
        to.send(Asked::Line(dialled)).map_err(|_| closed())?;
        match tokio::time::timeout(connect, told).await {
            Ok(Ok(Ok(hand))) => Ok(Opened::Queue(hand)),
            Ok(Ok(Err(error))) => Err(error),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(DialError::Timeout),
        }
    }
}

impl Opened {
    /// Moves frames and texts until the connection ends.
    pub(super) async fn run(self, frames: mpsc::Sender<Arrival>, texts: mpsc::Receiver<String>) -> Closed {
        match self {
            Self::Socket(socket) => socket.run(frames, texts).await,
            Self::Queue(hand) => {
                let (ended, over) = oneshot::channel();
                let cut = || Closed::Cut("dropped".to_owned());
                if hand.send(Ends { frames, texts, ended }).is_err() {
                    return cut();
                }
                over.await.unwrap_or_else(|_| cut())
            }
        }
    }
}
