//! The HTTP server round the venue: one handler for every path, sockets, and connections that can be cut.
//!
//! Loopback addresses only. All state is behind one lock that is never held across an await. Not here: what a request
//! means (`rest/`).

use super::rest::{Reply, Request};
use super::socket::{self, entrance};
use super::tls::{Stream, accept, certificate};
use super::venue::{RealTime, Venue};
use super::{LoopbackError, Options, Profile};
use crate::domain::WallTime;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// Connections that may wait to be served.
const WAITING: usize = 64;

/// The venue as all tasks share it.
pub(crate) type Shared = Arc<Mutex<Venue>>;

pub(crate) fn lock(shared: &Shared) -> MutexGuard<'_, Venue> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A venue that serves.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its time at the start.
    pub now: WallTime,
    /// Whose protocol it speaks.
    pub profile: Profile,
    shared: SharedVenue,
    tasks: Vec<JoinHandle<()>>,
}

struct SharedVenue(Shared);

impl std::fmt::Debug for SharedVenue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Venue")
    }
}

impl Running {
    /// Ends all tasks and saves the books.
    ///
    /// # Errors
    /// [`LoopbackError::State`] when the books cannot be written.
    pub fn stop(self) -> Result<(), LoopbackError> {
        for task in &self.tasks {
            task.abort();
        }
        let mut venue = lock(&self.shared.0);
        venue.catch_up();
        venue.save()
    }
}

/// Opens the port and begins to serve.
///
/// # Errors
/// [`LoopbackError`] when the address is not loopback, the port is taken or the state folder cannot be read.
pub async fn serve(options: Options, real: RealTime) -> Result<Running, LoopbackError> {
    if !options.listen.ip().is_loopback() {
        return Err(LoopbackError::NotLoopback(options.listen));
    }
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let tls = options.certificate.as_deref().map(certified).transpose()?;
    let (profile, pulse) = (options.profile, Duration::from_millis(options.pulse_ms.max(1)));
    let venue = Venue::open(options, real)?;
    let now = venue.now;
    let shared: Shared = Arc::new(Mutex::new(venue));
    let app = Router::new().fallback(answer).with_state(Arc::clone(&shared));
    let service = app.into_make_service_with_connect_info::<Line>();
    let (ready, arrived) = channel(WAITING);
    let accepting = tokio::spawn(accept(listener, tls, ready));
    let serving = tokio::spawn(async move {
        let _ = axum::serve(Lines { arrived, address }, service).await;
    });
    let beating = Arc::clone(&shared);
    let pulses = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(pulse);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let mut venue = lock(&beating);
            venue.pulse();
            // Requests save what they change; this keeps what time alone did. A failing disk is told to the next request.
            if venue.pulses.is_multiple_of(10) {
                let _ = venue.save();
            }
        }
    });
    Ok(Running { address, now, profile, shared: SharedVenue(shared), tasks: vec![accepting, serving, pulses] })
}

/// A fresh certificate, written where the clients find it.
fn certified(path: &Path) -> Result<TlsAcceptor, LoopbackError> {
    let (pem, acceptor) = certificate()?;
    std::fs::write(path, pem).map_err(|error| LoopbackError::Tls(format!("{}: {error}", path.display())))?;
    Ok(acceptor)
}

/// One connection's thread by which it can be cut.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line(Arc<AtomicBool>);

/// The connections that arrived, which can be cut.
struct Lines {
    arrived: Receiver<(Stream, SocketAddr)>,
    address: SocketAddr,
}

/// A connection that fails once its line is cut.
struct Cuttable {
    stream: Stream,
    line: Line,
}

impl Listener for Lines {
    type Io = Cuttable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.arrived.recv().await {
            Some((stream, address)) => (Cuttable { stream, line: Line::default() }, address),
            // Nobody accepts any more: the venue is stopping.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}

impl Connected<IncomingStream<'_, Lines>> for Line {
    fn connect_info(stream: IncomingStream<'_, Lines>) -> Self {
        stream.io().line.clone()
    }
}

impl Cuttable {
    fn check(&self) -> io::Result<()> {
        if self.line.0.load(Ordering::SeqCst) { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Every request.
async fn answer(
    State(shared): State<Shared>,
    ConnectInfo(line): ConnectInfo<Line>,
    upgrade: Upgrade,
    (method, uri, headers): (Method, Uri, HeaderMap),
    body: Bytes,
) -> Response {
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    if let Ok(upgrade) = upgrade {
        let profile = lock(&shared).profile;
        return match entrance(profile, &path, &query) {
            Some(entrance) => upgrade.on_upgrade(move |socket| socket::run(socket, entrance, shared)),
            None => StatusCode::NOT_FOUND.into_response(),
        };
    }
    let key = headers.get("x-mbx-apikey").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = String::from_utf8_lossy(&body).into_owned();
    let request = Request { method: method.as_str().to_owned(), path, query, body, key };
    let held_up = lock(&shared).held_up(&request);
    if let Some(ms) = held_up {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let (reply, now) = {
        let mut venue = lock(&shared);
        let reply = venue.handle(&request);
        (reply, venue.stamp())
    };
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    if reply.dropped {
        line.0.store(true, Ordering::SeqCst);
    }
    respond(reply, now)
}

fn respond(reply: Reply, now: WallTime) -> Response {
    let kind = if reply.body.starts_with('<') { "text/html" } else { "application/json;charset=UTF-8" };
    let mut response = Response::builder()
        .status(if reply.status == 0 { 200 } else { reply.status })
        .header("content-type", kind)
        .header("x-carry-clock", now.0.to_string());
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = if reply.short {
        let half: String = reply.body.chars().take(reply.body.chars().count() / 2).collect();
        let chunks = [Ok(Bytes::from(half)), Err(io::Error::from(io::ErrorKind::ConnectionAborted))];
        Body::from_stream(futures_util::stream::iter(chunks))
    } else {
        Body::from(reply.body)
    };
    response.body(body).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
