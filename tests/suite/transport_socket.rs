//! One WebSocket connection against real sockets on loopback: frames, texts, pings, and each way in which it can end.
//!
//! The other side is written by hand, byte by byte where it misbehaves. Nothing sleeps: see `tests/suite/transport.rs`.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use super::transport::fake::{Deed, answer_ok, certificate, clock, site, tls_venue, venue};
use carry::net::socket::{Arrival, Closed, DialError, SocketSettings};
use carry::net::{Dialer, Site, Socket};
use carry::venues::answer::Until;
use futures_util::{SinkExt as _, StreamExt as _};
use std::future::Future;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::tungstenite::Message;

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
    let settings = SocketSettings { beat: Duration::from_mins(10), ..socket_settings() };
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
