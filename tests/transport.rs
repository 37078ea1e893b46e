//! The transport against real sockets on loopback: what it sends, how often, and what it makes of what comes back.
//!
//! The other side is written by hand, byte by byte. Nothing sleeps: where a time limit is tested the other side never
//! answers, so that the limit is what ends the test. The pure machines have their tests in their files.

use carry::domain::{Span, WallTime};
use carry::venues::binance::answer::Until;
use carry::venues::binance::ask::{Method, Priority};
use carry::venues::transport::budget::{Budget, Limits, NoBudget, Spend};
use carry::venues::transport::hosts::{Owner, TestKeys};
use carry::venues::transport::http::{BODY_CAP, HttpSettings, Lost, NotSent};
use carry::venues::transport::socket::{Arrival, Closed, DialError, SocketSettings};
use carry::venues::transport::tls::TestRoot;
use carry::venues::transport::{Clock, Dialer, Holder, HttpClient, NoReply, Outgoing, Reply, Site, Socket};
use futures_util::{SinkExt as _, StreamExt as _};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio_tungstenite::tungstenite::Message;

const SECRET: &str = "5ec2e7";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

fn clock() -> Clock {
    Clock { wall: || WallTime(1_800_000_000_000), steady_ns: || 1_000_000_000 }
}

fn site(scheme: &str, host: &str, port: u16) -> Site {
    let address = format!("{scheme}://{host}:{port}");
    Site::new(&address, Owner::Binance, Holder::Test(TestKeys::vouched())).expect("loopback takes test keys")
}

/// What a fake venue does with a request that it has read.
#[derive(Clone)]
enum Deed {
    /// Answers and keeps the connection.
    Answer(Vec<u8>),
    /// Answers and closes.
    Close(Vec<u8>),
    /// Answers and keeps still for ever.
    Stall(Vec<u8>),
    /// Resets the connection.
    Reset,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: AtomicUsize,
}

impl Counts {
    fn seen(&self) -> (usize, usize) {
        (self.connections.load(Ordering::SeqCst), self.requests.load(Ordering::SeqCst))
    }
}

/// Reads up to the end of the head, and the body when its length is given.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
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
async fn venue(deed: Deed) -> (Site, Arc<Counts>, mpsc::UnboundedReceiver<String>) {
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
                    let _ = sender.send(request);
                    match &deed {
                        Deed::Answer(bytes) => drop(stream.write_all(bytes).await),
                        Deed::Close(bytes) => return drop(stream.write_all(bytes).await),
                        Deed::Stall(bytes) => {
                            let _ = stream.write_all(bytes).await;
                            std::future::pending::<()>().await;
                        }
                        Deed::Reset => return drop(stream.set_zero_linger()),
                    }
                }
            });
        }
    });
    (site("http", "127.0.0.1", port), counts, receiver)
}

fn client(site: &Site) -> HttpClient {
    HttpClient::new(site, HttpSettings::default(), None, clock()).unwrap()
}

fn hasty(site: &Site) -> HttpClient {
    let settings = HttpSettings {
        connect: Duration::from_millis(100),
        total: Duration::from_millis(300),
        ..HttpSettings::default()
    };
    HttpClient::new(site, settings, None, clock()).unwrap()
}

fn get() -> Outgoing<'static> {
    Outgoing { method: Method::Get, path_and_query: "/api/v3/time", body: None, header: None }
}

fn post() -> Outgoing<'static> {
    Outgoing {
        method: Method::Post,
        path_and_query: "/api/v3/order?a=1&signature=5ec2e7",
        body: None,
        header: Some(("X-MBX-APIKEY", "5ec2e7")),
    }
}

/// Sends a write to a venue that does this, and wants that no secret stands in the error.
async fn lost(deed: Deed, outgoing: &Outgoing<'_>) -> (NoReply, (usize, usize)) {
    let (site, counts, _requests) = venue(deed).await;
    let error = hasty(&site).send(outgoing).await.expect_err("no whole answer");
    assert!(!format!("{error} {error:?}").contains(SECRET), "x10: {error:?}");
    (error, counts.seen())
}

#[tokio::test]
async fn a_request_arrives_as_it_was_signed_and_its_answer_comes_whole() {
    let head = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:05 GMT\r\nX-MBX-USED-WEIGHT-1M: 21\r\n\
                X-MBX-ORDER-COUNT-10S: 3\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    let (site, counts, mut requests) = venue(Deed::Answer(head.into())).await;
    let client = client(&site);
    let outgoing = Outgoing { body: Some("b=2"), ..post() };
    let reply: Reply = client.send(&outgoing).await.unwrap();
    assert_eq!((reply.status, reply.body.as_slice()), (200, b"{\"a\":1}".as_slice()));
    assert_eq!((reply.used_weight, reply.order_counts), (Some(21), vec![(Span::seconds(10), 3)]));
    assert_eq!(reply.server_date, Some(WallTime(1_767_225_605_000)));
    let request = requests.recv().await.unwrap().to_lowercase();
    assert!(request.starts_with("post /api/v3/order?a=1&signature=5ec2e7 http/1.1\r\n"), "{request}");
    assert!(request.contains("x-mbx-apikey: 5ec2e7\r\n") && request.ends_with("\r\n\r\nb=2"), "{request}");
    assert!(request.contains("content-type: application/x-www-form-urlencoded"), "{request}");
    assert!(!request.contains("accept-encoding"), "x06: compression is not asked for: {request}");
    client.send(&get()).await.unwrap();
    client.send(&get()).await.unwrap();
    assert_eq!(counts.seen(), (2, 3), "reads share a connection");
}

#[tokio::test]
async fn a13_each_write_has_its_own_connection_and_is_sent_once() {
    let (site, counts, _requests) = venue(Deed::Answer(OK.into())).await;
    let client = client(&site);
    for count in 1..=3 {
        client.send(&post()).await.unwrap();
        assert_eq!(counts.seen(), (count, count), "a connection that could be stale is never used for a write");
    }
    for deed in [Deed::Close(Vec::new()), Deed::Reset] {
        let (error, seen) = lost(deed, &post()).await;
        assert!(matches!(error, NoReply::Unknown(Lost::Cut(_))), "{error:?}");
        assert_eq!(seen, (1, 1), "read by the venue once, and not sent again");
    }
}

#[tokio::test]
async fn a04_a05_no_connection_is_proof_and_a_cut_one_is_not() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let error = hasty(&site("http", "127.0.0.1", port)).send(&post()).await.unwrap_err();
    assert!(matches!(error, NoReply::NotSent(NotSent::Connect(_))), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(SECRET), "x10: {error:?}");
    // Accepted and reset before the request was read: it may have been, for all that can be known here.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_zero_linger().unwrap();
    });
    let error = hasty(&site("http", "127.0.0.1", port)).send(&post()).await.unwrap_err();
    server.await.unwrap();
    assert!(matches!(error, NoReply::Unknown(Lost::Cut(_))), "{error:?}");
}

#[tokio::test]
async fn d02_a_cut_answer_is_unknown() {
    for head in [
        "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{\"a\"",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\"",
        "HTTP/1.1 2",
    ] {
        let (error, seen) = lost(Deed::Close(head.into()), &post()).await;
        assert!(matches!(error, NoReply::Unknown(Lost::Cut(_))), "{head:?}: {error:?}");
        assert_eq!(seen, (1, 1));
    }
}

#[tokio::test]
async fn d03_a_slow_answer_ends_at_the_total_time() {
    for head in ["", "HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"] {
        let (error, seen) = lost(Deed::Stall(head.into()), &post()).await;
        assert_eq!(error, NoReply::Unknown(Lost::Timeout));
        assert_eq!(seen, (1, 1));
    }
}

#[tokio::test]
async fn x06_a_body_over_the_cap_is_refused_said_or_unsaid() {
    let said = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", BODY_CAP + 1);
    let (error, _) = lost(Deed::Stall(said.into()), &get()).await;
    assert_eq!(error, NoReply::Unknown(Lost::TooLong), "known from the head, without waiting for it");
    let mut unsaid = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    unsaid.resize(unsaid.len() + BODY_CAP + 1, b'x');
    let (site, ..) = venue(Deed::Close(unsaid.clone())).await;
    assert_eq!(client(&site).send(&get()).await, Err(NoReply::Unknown(Lost::TooLong)));
    unsaid.pop();
    let (site, ..) = venue(Deed::Close(unsaid)).await;
    assert_eq!(client(&site).send(&get()).await.unwrap().body.len(), BODY_CAP);
}

#[tokio::test]
async fn a13_a_redirect_is_not_followed() {
    let (elsewhere, other, _requests) = venue(Deed::Answer(OK.into())).await;
    for status in [301, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\r\nLocation: {elsewhere}/x\r\nContent-Length: 0\r\n\r\n");
        let (site, counts, _requests) = venue(Deed::Answer(head.into())).await;
        let reply = client(&site).send(&post()).await.unwrap();
        assert_eq!((reply.status, counts.seen(), other.seen()), (status, (1, 1), (0, 0)));
    }
}

#[tokio::test]
async fn d07_a_limit_that_was_hit_keeps_everything_still() {
    let head = "HTTP/1.1 429 Slow\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n";
    let (site, ..) = venue(Deed::Answer(head.into())).await;
    let reply = client(&site).send(&get()).await.unwrap();
    assert_eq!((reply.status, reply.retry_after), (429, Some(Until::Seconds(17))));
    let mut budget = Budget::new(&Limits::perp(), clock());
    budget.on_reply(&reply);
    let spend = Spend { weight: 1, is_order: false, is_write: true, priority: Priority::Safety };
    assert_eq!(budget.take(spend), Err(NoBudget::Blocked { until_ns: 18_000_000_000 }));
}

#[tokio::test]
async fn what_would_not_be_sent_as_signed_is_not_sent() {
    let (site, counts, _requests) = venue(Deed::Answer(OK.into())).await;
    let client = client(&site);
    for path in ["api", "", "/a b", "/a?b=\"", "/a/../b", "/a#b", "/币", "@evil.example/", ":1/"] {
        let error = client.send(&Outgoing { path_and_query: path, ..post() }).await.unwrap_err();
        assert!(matches!(error, NoReply::NotSent(NotSent::Malformed(_))), "{path}: {error:?}");
    }
    let broken = Outgoing { header: Some(("X-MBX-APIKEY", "a\r\nb: c")), ..post() };
    assert!(matches!(client.send(&broken).await, Err(NoReply::NotSent(NotSent::Malformed(_)))));
    assert_eq!(counts.seen(), (0, 0));
}

#[tokio::test]
async fn x25_proxies_of_the_environment_are_not_used() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", trap.local_addr().unwrap());
    let program = std::env::current_exe().unwrap();
    let mut child = std::process::Command::new(program);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        child.env(name, &proxy);
    }
    for name in ["NO_PROXY", "no_proxy", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    child.args(["--exact", "a_request_arrives_as_it_was_signed_and_its_answer_comes_whole"]);
    let child = tokio::task::spawn_blocking(move || child.output());
    tokio::select! {
        biased;
        _ = trap.accept() => panic!("a proxy was used"),
        output = child => {
            let output = output.unwrap().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(output.status.success() && said.contains("1 passed"), "{said}");
        }
    }
}

/// A certificate for a name, as PEM and as what a server needs.
fn certificate(name: &str) -> (TestRoot, TlsAcceptor) {
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
async fn tls_venue<S, F>(acceptor: TlsAcceptor, then: S) -> u16
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

async fn answer_ok(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    while read_request(&mut stream).await.is_some() {
        let _ = stream.write_all(OK.as_bytes()).await;
    }
}

#[tokio::test]
async fn d05_an_unknown_certificate_or_a_wrong_name_is_refused_and_nothing_is_sent() {
    let (root, acceptor) = certificate("localhost");
    let (other_root, other) = certificate("other.example");
    let port = tls_venue(acceptor, answer_ok).await;
    let other_port = tls_venue(other, answer_ok).await;
    let ask = async |port: u16, root: Option<&TestRoot>| {
        let site = site("https", "localhost", port);
        HttpClient::new(&site, HttpSettings::default(), root, clock()).unwrap().send(&post()).await
    };
    assert_eq!(ask(port, Some(&root)).await.unwrap().status, 200);
    for (port, root) in [(port, None), (port, Some(&other_root)), (other_port, Some(&other_root))] {
        let error = ask(port, root).await.unwrap_err();
        assert!(matches!(error, NoReply::NotSent(NotSent::Tls(_))), "{error:?}");
    }
    let live = Site::new("https://fapi.binance.com", Owner::Binance, Holder::Live).unwrap();
    assert!(HttpClient::new(&live, HttpSettings::default(), Some(&root), clock()).is_err(), "loopback only");
    // A handshake that never ends is no connection either.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = site("https", "127.0.0.1", silent.local_addr().unwrap().port());
    let error = hasty(&address).send(&post()).await.unwrap_err();
    assert!(matches!(error, NoReply::NotSent(NotSent::Connect(_))), "{error:?}");
}

fn socket_settings() -> SocketSettings {
    SocketSettings {
        write: Duration::from_millis(200),
        beat: Duration::from_millis(50),
        silent_beats: 3,
        ..SocketSettings::default()
    }
}

/// Dials a venue that does `then` with the raw connection once the upgrade is done.
async fn dialed<S, F>(then: S, settings: SocketSettings) -> Socket
where
    S: FnOnce(tokio_tungstenite::WebSocketStream<TcpStream>) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let site = site("ws", "127.0.0.1", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        then(tokio_tungstenite::accept_async(stream).await.unwrap()).await;
    });
    Dialer::new(&site, settings, None, clock()).unwrap().dial("/stream?streams=a@b").await.unwrap()
}

/// Runs a socket to its end with room for `room` frames.
fn running(
    socket: Socket,
    room: usize,
) -> (mpsc::Receiver<Arrival>, mpsc::Sender<String>, tokio::task::JoinHandle<Closed>) {
    let (frames, received) = mpsc::channel(room);
    let (texts, to_send) = mpsc::channel(4);
    (received, texts, tokio::spawn(socket.run(frames, to_send)))
}

#[tokio::test]
async fn frames_come_in_order_texts_go_out_and_pings_are_answered() {
    let (done, seen) = oneshot::channel();
    let peer = |mut ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move {
        ws.send(Message::text("one")).await.unwrap();
        ws.send(Message::binary(b"two".to_vec())).await.unwrap();
        ws.send(Message::Ping("payload".into())).await.unwrap();
        let mut got = Vec::new();
        while let Some(Ok(message)) = ws.next().await {
            got.push(message);
        }
        done.send(got).unwrap();
    };
    let settings = SocketSettings { beat: Duration::from_secs(600), ..socket_settings() };
    let (mut received, texts, run) = running(dialed(peer, settings).await, 8);
    for expected in ["one", "two"] {
        let arrival = received.recv().await.unwrap();
        assert_eq!((arrival.bytes.as_ref(), arrival.at), (expected.as_bytes(), clock().now()));
    }
    texts.send("subscribe".to_owned()).await.unwrap();
    drop(texts);
    assert_eq!(run.await.unwrap(), Closed::ByUs);
    let got = seen.await.unwrap();
    assert!(got.contains(&Message::Pong("payload".into())), "{got:?}");
    assert!(got.contains(&Message::text("subscribe")), "{got:?}");
    assert!(matches!(got.last(), Some(Message::Close(_))), "{got:?}");
}

#[tokio::test]
async fn d01_silence_is_asked_and_then_given_up() {
    let (done, seen) = oneshot::channel();
    let peer = |ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move {
        // The raw stream: what comes is read, and no pong goes back.
        let mut raw = ws.into_inner();
        let mut bytes = Vec::new();
        let _ = raw.read_to_end(&mut bytes).await;
        done.send(bytes).unwrap();
    };
    let (_received, _texts, run) = running(dialed(peer, socket_settings()).await, 8);
    assert_eq!(run.await.unwrap(), Closed::Silent);
    let bytes = seen.await.unwrap();
    assert!(bytes.contains(&0x89), "at least one ping: {bytes:?}");
}

#[tokio::test]
async fn x06_d11_an_oversize_frame_and_a_broken_one_end_the_connection() {
    let check = async |bytes: &'static [u8]| {
        let peer = move |ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move {
            let mut raw = ws.into_inner();
            let _ = raw.write_all(bytes).await;
            let _ = raw.read_to_end(&mut Vec::new()).await;
        };
        let (_received, _texts, run) = running(dialed(peer, socket_settings()).await, 8);
        run.await.unwrap()
    };
    // A text frame that says it has five mebibytes: refused from its head.
    assert_eq!(check(&[0x81, 127, 0, 0, 0, 0, 0, 0x50, 0, 0]).await, Closed::TooLong);
    assert!(matches!(check(&[0x83, 0]).await, Closed::Protocol(_)), "an opcode that does not exist");
    assert!(matches!(check(&[0x81, 0x82, 1, 2, 3, 4, 0, 0]).await, Closed::Protocol(_)), "masked by a server");
    assert!(matches!(check(&[0x81, 2, 0xff, 0xfe]).await, Closed::Protocol(_)), "x05: no UTF-8");
}

#[tokio::test]
async fn a_cut_and_a_close_are_told_apart() {
    let cut = |ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move { drop(ws.into_inner()) };
    let (_received, _texts, run) = running(dialed(cut, socket_settings()).await, 8);
    assert!(matches!(run.await.unwrap(), Closed::Cut(_)));
    let close = |ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move {
        let mut raw = ws.into_inner();
        raw.write_all(&[0x88, 5, 0x03, 0xe8, b'b', 0x0a, b'e']).await.unwrap();
        let _ = raw.read_to_end(&mut Vec::new()).await;
    };
    let (_received, _texts, run) = running(dialed(close, socket_settings()).await, 8);
    assert_eq!(run.await.unwrap(), Closed::ByPeer { code: Some(1000), reason: "b\\ne".to_owned() });
}

#[tokio::test]
async fn a_receiver_that_stays_behind_ends_the_connection_and_loses_no_frame_silently() {
    let flood = |mut ws: tokio_tungstenite::WebSocketStream<TcpStream>| async move {
        for number in 0..10 {
            if ws.send(Message::text(number.to_string())).await.is_err() {
                return;
            }
        }
        while let Some(Ok(_)) = ws.next().await {}
    };
    let (mut received, _texts, run) = running(dialed(flood, socket_settings()).await, 2);
    assert_eq!(run.await.unwrap(), Closed::Overrun);
    let mut got = Vec::new();
    while let Some(arrival) = received.recv().await {
        got.push(arrival.bytes);
    }
    assert_eq!(got, ["0", "1"], "what came through is the beginning, without a hole");
}

#[tokio::test]
async fn a_socket_that_is_not_opened_says_why() {
    let head = "HTTP/1.1 429 Slow\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    let (http, ..) = venue(Deed::Close(head.into())).await;
    let dial = async |site: &Site, path: &str| {
        let settings = SocketSettings { connect: Duration::from_millis(200), ..socket_settings() };
        Dialer::new(site, settings, None, clock()).unwrap().dial(path).await.err()
    };
    let refused = Some(DialError::Refused { status: 429, retry_after: Some(Until::Seconds(9)) });
    assert_eq!(dial(&site("ws", "127.0.0.1", http.port()), "/ws/5ec2e7").await, refused);
    assert_eq!(dial(&site("ws", "127.0.0.1", http.port()), "ws").await, Some(DialError::BadPath));
    let (stalled, ..) = venue(Deed::Stall(Vec::new())).await;
    assert_eq!(dial(&site("ws", "127.0.0.1", stalled.port()), "/ws").await, Some(DialError::Timeout));
    let (_, acceptor) = certificate("localhost");
    let port = tls_venue(acceptor, answer_ok).await;
    let error = dial(&site("wss", "localhost", port), "/ws/5ec2e7").await;
    assert!(matches!(error, Some(DialError::Tls(_))), "d05: {error:?}");
}

#[tokio::test]
async fn a_socket_over_tls_works_with_the_certificate_of_the_test() {
    let (root, acceptor) = certificate("localhost");
    let port = tls_venue(acceptor, |stream| async move {
        let mut ws = tokio_tungstenite::accept_async(stream).await.unwrap();
        ws.send(Message::text("hello")).await.unwrap();
        while let Some(Ok(_)) = ws.next().await {}
    })
    .await;
    let dialer = Dialer::new(&site("wss", "localhost", port), SocketSettings::default(), Some(&root), clock()).unwrap();
    let (mut received, texts, run) = running(dialer.dial("/ws").await.unwrap(), 2);
    assert_eq!(received.recv().await.unwrap().bytes, "hello");
    drop(texts);
    assert_eq!(run.await.unwrap(), Closed::ByUs);
}
