//! The HTTP client against real sockets on loopback: what it sends, how often, and what it makes of what comes back.
//!
//! The other side is written by hand, byte by byte. Nothing sleeps: where a time limit is tested the other side never
//! answers, so that the limit is what ends the test. Streams: `tests/suite/transport_socket.rs`. Pure machines: in their
//! files.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of a test stop at the first surprise")]

#[path = "transport/fake.rs"]
pub(super) mod fake;

use carry::domain::{Span, WallTime};
use carry::net::budget::{Budget, Limits, NoBudget, Spend};
use carry::net::hosts::Owner;
use carry::net::http::{BODY_CAP, HttpSettings, Lost, NotSent};
use carry::net::tls::TestRoot;
use carry::net::{Holder, HttpClient, NoReply, Outgoing, Reply, Site};
use carry::venues::answer::Until;
use carry::venues::ask::{Method, Priority};
use fake::{Deed, OK, SECRET, answer_ok, certificate, clock, site, tls_venue, venue};
use std::time::Duration;
use tokio::net::TcpListener;

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
async fn l33_a_write_finds_a_warm_connection_and_none_is_sent_twice() {
    let (site, counts, _requests) = venue(Deed::Answer(OK.into())).await;
    let client = client(&site);
    client.warm(&get()).await.unwrap();
    for count in 1..=3 {
        client.send(&post()).await.unwrap();
        assert_eq!(counts.seen(), (1, 1 + count), "the one that was warmed: no handshake stands before an order");
    }
    client.send(&get()).await.unwrap();
    assert_eq!(counts.seen(), (2, 5), "reads have their own: a long answer holds up no order");
    // A connection that answered a moment ago and is reset by the order: it may have arrived, and is not sent again.
    let (site, counts, mut requests) = venue(Deed::Reads(OK.into())).await;
    let client = hasty(&site);
    client.warm(&get()).await.unwrap();
    let error = client.send(&post()).await.expect_err("no answer");
    assert!(matches!(error, NoReply::Unknown(Lost::Cut(_))), "{error:?}");
    assert_eq!(counts.seen(), (1, 2));
    let _ = requests.recv().await;
    assert!(requests.recv().await.unwrap().starts_with("POST"));
    assert!(requests.try_recv().is_err(), "one write");
    // One that the venue closes with its answer is not kept: the order makes its own, and is no doubt.
    let closes = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}".to_owned();
    let (site, counts, _requests) = venue(Deed::Close(closes.into())).await;
    let client = hasty(&site);
    client.warm(&get()).await.unwrap();
    for count in 2..=4 {
        client.send(&post()).await.unwrap();
        assert_eq!(counts.seen(), (count, count));
    }
}

#[tokio::test]
async fn a13_a_write_is_sent_once() {
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
    child.args(["--exact", "transport::a_request_arrives_as_it_was_signed_and_its_answer_comes_whole"]);
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
        assert!(
            matches!(&error, NoReply::NotSent(NotSent::Untrusted(why)) if why.contains("not believed")),
            "{error:?}"
        );
    }
    let live = Site::new("https://fapi.binance.com", Owner::Binance, Holder::Live).unwrap();
    assert!(HttpClient::new(&live, HttpSettings::default(), Some(&root), clock()).is_err(), "loopback only");
    // A handshake that never ends is no connection either.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = site("https", "127.0.0.1", silent.local_addr().unwrap().port());
    let error = hasty(&address).send(&post()).await.unwrap_err();
    assert!(matches!(error, NoReply::NotSent(NotSent::Connect(_))), "{error:?}");
}
