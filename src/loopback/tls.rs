//! Encryption of the venue's connections: a certificate of its own for this machine, made anew at each start.
//!
//! Its key never leaves the process; who wants to believe the certificate is given it as PEM. Tests:
//! `tests/commands/venue_tls.rs`.

use super::LoopbackError;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::Sender;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Names and addresses of this machine that the certificate is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// A client that does not finish its handshake by then is let go.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate of this machine in PEM, and what encrypts with it.
pub(crate) fn certificate() -> Result<(String, TlsAcceptor), LoopbackError> {
    let failed = |error: &dyn std::fmt::Display| LoopbackError::Tls(error.to_string());
    let made = rcgen::generate_simple_self_signed(NAMES.map(str::to_owned)).map_err(|error| failed(&error))?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).map_err(|error| failed(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .map_err(|error| failed(&error))?;
    Ok((made.cert.pem(), TlsAcceptor::from(Arc::new(config))))
}

/// A connection, in plain text or encrypted.
pub(crate) enum Stream {
    Plain(TcpStream),
    Secret(Box<TlsStream<TcpStream>>),
}

/// Takes connections and passes them on once they are ready; one that is slow holds up no other.
pub(crate) async fn accept(mut listener: TcpListener, tls: Option<TlsAcceptor>, ready: Sender<(Stream, SocketAddr)>) {
    loop {
        let (stream, address) = axum::serve::Listener::accept(&mut listener).await;
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls.clone() else {
            if ready.send((Stream::Plain(stream), address)).await.is_err() {
                return;
            }
            continue;
        };
        let ready = ready.clone();
        tokio::spawn(async move {
            // A client that does not believe the certificate goes away; nothing is to be done about it.
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
                let _ = ready.send((Stream::Secret(Box::new(stream)), address)).await;
            }
        });
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Secret(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Secret(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secret(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secret(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
