//! A venue for tests of the transport, written by hand: it counts what arrives and does as it is told.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of a test stop at the first surprise"
)]
#![allow(dead_code, unreachable_pub, reason = "two tests share it, and neither needs all of it")]

use carry::domain::WallTime;
use carry::net::hosts::{Owner, TestKeys};
use carry::net::tls::TestRoot;
use carry::net::{Clock, Holder, Site};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};

pub const SECRET: &str = "5ec2e7";
pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

pub fn clock() -> Clock {
    Clock {
        wall: || WallTime(1_800_000_000_000),
        steady_ns: || 1_000_000_000,
        look: std::time::Duration::from_secs(1),
        anchor: |_, _| (),
        machine: || WallTime(0),
    }
}

pub fn site(scheme: &str, host: &str, port: u16) -> Site {
    let address = format!("{scheme}://{host}:{port}");
    Site::new(&address, Owner::Binance, Holder::Test(TestKeys::vouched())).expect("loopback takes test keys")
}

/// What a fake venue does with a request that it has read.
#[derive(Clone)]
pub enum Deed {
    /// Answers and keeps the connection.
    Answer(Vec<u8>),
    /// Answers and closes.
    Close(Vec<u8>),
    /// Answers and keeps still for ever.
    Stall(Vec<u8>),
    /// Resets the connection.
    Reset,
    /// Answers reads and keeps the connection; resets it at a write.
    Reads(Vec<u8>),
}

#[derive(Default)]
pub struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Counts {
    pub fn seen(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// Reads up to the end of the head, and the body when its length is given.
pub async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut buffer = [0_u8; 1024];
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

/// A venue that does the same with each request. The texts of requests come out of the channel.
pub async fn venue(deed: Deed) -> (Site, Arc<Counts>, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let counts = Arc::new(Counts::default());
    let (sender, receiver) = mpsc::unbounded_channel();
    let shared = Arc::clone(&counts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            shared.connections.fetch_add(1, Ordering::SeqCst);
            let (deed, counts, sender) = (deed.clone(), Arc::clone(&shared), sender.clone());
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    counts.requests.fetch_add(1, Ordering::SeqCst);
                    let is_read = request.starts_with("GET");
                    let _ = sender.send(request);
                    match &deed {
                        Deed::Answer(bytes) => drop(stream.write_all(bytes).await),
                        Deed::Close(bytes) => return drop(stream.write_all(bytes).await),
                        Deed::Stall(bytes) => {
                            let _ = stream.write_all(bytes).await;
                            std::future::pending::<()>().await;
                        }
                        Deed::Reads(bytes) if is_read => drop(stream.write_all(bytes).await),
                        Deed::Reset | Deed::Reads(_) => return drop(stream.set_zero_linger()),
                    }
                }
            });
        }
    });
    (site("http", "127.0.0.1", port), counts, receiver)
}

/// A certificate for a name, as PEM and as what a server needs.
pub fn certificate(name: &str) -> (TestRoot, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (TestRoot::from_pem(made.cert.pem().as_bytes()).unwrap(), TlsAcceptor::from(Arc::new(config)))
}

/// A venue with TLS that hands each accepted connection to `then`.
pub async fn tls_venue<S, F>(acceptor: TlsAcceptor, then: S) -> u16
where
    S: Fn(tokio_rustls::server::TlsStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                then(stream).await;
            }
        }
    });
    port
}

pub async fn answer_ok(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    while read_request(&mut stream).await.is_some() {
        let _ = stream.write_all(OK.as_bytes()).await;
    }
}
