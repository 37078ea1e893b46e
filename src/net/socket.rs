//! One WebSocket connection: frames in with the time of their arrival, texts out, and a typed reason when it ends.
//!
//! It does not reconnect (`rotation.rs` says when), does not know what a message means, and holds no message longer than
//! its channel does: bytes go from the read buffer to the receiver without a copy. Pings are answered by the library; a
//! connection on which nothing comes is asked with a ping of our own and then given up (faults D01, D12).
//! The channel of frames is bounded: a receiver that stays behind ends the connection, because a frame may not be dropped.
//! Tests: `tests/suite/transport_socket.rs`.

use super::hosts::{Scheme, Site};
use super::http::{innermost, retry_after};
use super::tls::{TestRoot, TlsError, client_config};
use super::{Clock, Stamp, quiet};
use crate::venues::answer::Until;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::ServerName;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::{self, Bytes, Message, protocol::WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Most bytes of a frame and of a message (fault X06).
pub const MESSAGE_CAP: usize = 4 * 1024 * 1024;

trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct SocketSettings {
    /// Name, connection, TLS and upgrade together.
    pub connect: Duration,
    /// Longest time for one text to go out, and for one frame to find room in the channel.
    pub write: Duration,
    /// Silence of this length is asked with a ping; never zero.
    pub beat: Duration,
    /// So many silent beats in a row end the connection.
    pub silent_beats: u32,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            write: Duration::from_secs(5),
            beat: Duration::from_secs(10),
            silent_beats: 3,
        }
    }
}

/// A message that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// When it was whole.
    pub at: Stamp,
    /// The message.
    pub bytes: Bytes,
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DialError {
    /// The path is none.
    #[error("expected a path that begins with a slash, percent-encoded")]
    BadPath,
    /// Not connected in time.
    #[error("not connected in time")]
    Timeout,
    /// No TCP connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The other side is not who it should be, or TLS failed otherwise (fault D05).
    #[error("TLS: {0}")]
    Tls(String),
    /// The venue answered with something else than an upgrade.
    #[error("HTTP {status} instead of a WebSocket")]
    Refused {
        /// HTTP status.
        status: u16,
        /// How long to keep still, as sent.
        retry_after: Option<Until>,
    },
    /// The upgrade failed.
    #[error("the upgrade to WebSocket failed: {0}")]
    Upgrade(String),
}

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// The venue closed it, with its code and its reason, escaped and cut.
    ByPeer {
        /// Close code, when it sent one.
        code: Option<u16>,
        /// Its words.
        reason: String,
    },
    /// It broke.
    Cut(String),
    /// Nothing came for too long.
    Silent,
    /// A frame or message over [`MESSAGE_CAP`].
    TooLong,
    /// The other side does not follow the protocol (fault D11).
    Protocol(String),
    /// The receiver did not take a frame in time.
    Overrun,
    /// A text did not go out in time.
    WriteStalled,
    /// We ended it: the sender of texts or the receiver of frames is gone.
    ByUs,
}

/// Opens connections to one site.
#[derive(Clone)]
pub struct Dialer {
    site: Site,
    tls: Arc<rustls::ClientConfig>,
    settings: SocketSettings,
    clock: Clock,
}

/// An open connection.
pub struct Socket {
    ws: WebSocketStream<Box<dyn Wire>>,
    settings: SocketSettings,
    clock: Clock,
}

impl Dialer {
    /// A dialer; a test's certificate is taken for loopback alone.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(
        site: &Site,
        settings: SocketSettings,
        test_root: Option<&TestRoot>,
        clock: Clock,
    ) -> Result<Self, TlsError> {
        Ok(Self { site: site.clone(), tls: Arc::new(client_config(site, test_root)?), settings, clock })
    }

    /// Opens one connection. The path may hold a token: it stands in no error.
    ///
    /// # Errors
    /// [`DialError`].
    pub async fn dial(&self, path: &str) -> Result<Socket, DialError> {
        if !path.starts_with('/') || !path.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(DialError::BadPath);
        }
        let ws = timeout(self.settings.connect, self.open(path)).await.map_err(|_| DialError::Timeout)??;
        Ok(Socket { ws, settings: self.settings, clock: self.clock })
    }

    async fn open(&self, path: &str) -> Result<WebSocketStream<Box<dyn Wire>>, DialError> {
        let failed = |error: std::io::Error| DialError::Connect(innermost(&error));
        let tcp = TcpStream::connect((self.site.name(), self.site.port())).await.map_err(failed)?;
        tcp.set_nodelay(true).map_err(failed)?;
        let wire: Box<dyn Wire> = if self.site.scheme().is_secure() {
            let name = ServerName::try_from(self.site.name().to_owned())
                .map_err(|_| DialError::Tls("the name cannot stand in a certificate".to_owned()))?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let tls = connector.connect(name, tcp).await.map_err(|error| DialError::Tls(innermost(&error)))?;
            Box::new(tls)
        } else {
            Box::new(tcp)
        };
        let scheme = if self.site.scheme().is_secure() { Scheme::Wss } else { Scheme::Ws };
        if self.site.scheme() != scheme {
            return Err(DialError::Upgrade("expected a site with wss, or ws on loopback".to_owned()));
        }
        let config = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_CAP))
            .max_frame_size(Some(MESSAGE_CAP))
            .max_write_buffer_size(MESSAGE_CAP);
        let opened = client_async_with_config(format!("{}{path}", self.site), wire, Some(config)).await;
        opened.map(|(ws, _)| ws).map_err(|error| refused(&error))
    }
}

fn refused(error: &tungstenite::Error) -> DialError {
    match error {
        tungstenite::Error::Http(response) => DialError::Refused {
            status: response.status().as_u16(),
            retry_after: response
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok())
                .and_then(retry_after),
        },
        // Its text may hold the address.
        tungstenite::Error::Url(_) | tungstenite::Error::HttpFormat(_) => DialError::BadPath,
        tungstenite::Error::Io(error) => DialError::Connect(innermost(error)),
        other => DialError::Upgrade(quiet(&other.to_string())),
    }
}

impl Socket {
    /// Moves frames to `frames` and texts from `texts` until the connection ends. Dropping the sender of `texts` closes it.
    pub async fn run(mut self, frames: mpsc::Sender<Arrival>, mut texts: mpsc::Receiver<String>) -> Closed {
        let mut beat = interval(self.settings.beat);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.reset();
        let mut silent: u32 = 0;
        loop {
            // Texts first: they are few and ours, and a flood of frames must not hold them back.
            let ended = tokio::select! {
                biased;
                text = texts.recv() => match text {
                    Some(text) => self.write(Message::text(text)).await,
                    None => Err(self.leave().await),
                },
                message = self.ws.next() => {
                    silent = 0;
                    self.take(message, &frames).await
                }
                _ = beat.tick() => {
                    silent = silent.saturating_add(1);
                    if silent > self.settings.silent_beats {
                        Err(Closed::Silent)
                    } else {
                        self.write(Message::Ping(Bytes::new())).await
                    }
                }
            };
            if let Err(closed) = ended {
                return closed;
            }
        }
    }

    async fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
        frames: &mpsc::Sender<Arrival>,
    ) -> Result<(), Closed> {
        let at = self.clock.now();
        let bytes = match message {
            Some(Ok(Message::Text(text))) => Bytes::from(text),
            Some(Ok(Message::Binary(bytes))) => bytes,
            // The library has put the pong in its buffer; the next read sends it.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Close(frame))) => {
                // The answer to it goes out, if it can, before the socket is dropped.
                let _ = timeout(self.settings.write, self.ws.flush()).await;
                let code = frame.as_ref().map(|frame| u16::from(frame.code));
                return Err(Closed::ByPeer {
                    code,
                    reason: frame.map(|frame| quiet(&frame.reason)).unwrap_or_default(),
                });
            }
            Some(Err(error)) => return Err(ended(&error)),
            None => return Err(Closed::Cut("the stream ended".to_owned())),
        };
        match timeout(self.settings.write, frames.send(Arrival { at, bytes })).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.leave().await),
            Err(_) => Err(Closed::Overrun),
        }
    }

    async fn write(&mut self, message: Message) -> Result<(), Closed> {
        match timeout(self.settings.write, self.ws.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ended(&error)),
            Err(_) => Err(Closed::WriteStalled),
        }
    }

    async fn leave(&mut self) -> Closed {
        let _ = timeout(self.settings.write, self.ws.close(None)).await;
        Closed::ByUs
    }
}

fn ended(error: &tungstenite::Error) -> Closed {
    match error {
        tungstenite::Error::Capacity(_) => Closed::TooLong,
        tungstenite::Error::Io(error) => Closed::Cut(innermost(error)),
        tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed => {
            Closed::Cut("the connection is closed".to_owned())
        }
        tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            Closed::Cut("ended without a closing handshake".to_owned())
        }
        other => Closed::Protocol(quiet(&other.to_string())),
    }
}
