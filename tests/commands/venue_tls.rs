//! `carry venue --tls`: requests and streams over TLS with the venue's own certificate, and nobody else's.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::loopback_venue as loopback;

use carry::net::hosts::Owner;
use carry::net::http::{HttpSettings, NotSent};
use carry::net::machine_clock::clock;
use carry::net::socket::SocketSettings;
use carry::net::tls::TestRoot;
use carry::net::{Dialer, Holder, HttpClient, NoReply, Outgoing, Site};
use carry::venues::ask::Method;
use loopback::Venue;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tokio::sync::mpsc;

fn site(base: &str) -> Site {
    Site::new(base, Owner::Binance, Holder::NoKeys).unwrap()
}

async fn ask(base: &str, root: Option<&TestRoot>) -> Result<u16, NoReply> {
    let client = HttpClient::new(&site(base), HttpSettings::default(), root, clock()).unwrap();
    let get = Outgoing { method: Method::Get, path_and_query: "/api/v3/time", body: None, header: None };
    client.send(&get).await.map(|reply| reply.status)
}

/// A paper run of some seconds on the venue's market, with this certificate.
fn paper(folder: &Path, base: &str, certificate: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command
        .args(["paper", "--market", "live", "--base-url", base, "--set", "strategy.pairs=[\"binance:BTCUSDT\"]"])
        .args(["--set", "live.start_retry=1h", "--for", "3s", "--json", "--state"])
        .arg(folder.join("state"))
        .current_dir(folder)
        .env_remove("CARRY_TEST_ROOT")
        .stdin(Stdio::null());
    if let Some(certificate) = certificate {
        command.env("CARRY_TEST_ROOT", certificate);
    }
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn d05_x25_the_venues_certificate_is_believed_where_it_is_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("venue.pem");
    let venue = Venue::start(&["--tls", "--tls-cert", certificate.to_str().unwrap()]);
    assert!(venue.base.starts_with("https://127.0.0.1:"), "{}", venue.base);
    let pem = std::fs::read(&certificate).unwrap();
    assert!(!String::from_utf8_lossy(&pem).contains("PRIVATE"), "the key stays with the venue");
    let root = TestRoot::from_pem(&pem).unwrap();

    assert_eq!(ask(&venue.base, Some(&root)).await, Ok(200));
    let named = venue.base.replace("127.0.0.1", "localhost");
    assert_eq!(ask(&named, Some(&root)).await, Ok(200));
    let other = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap().cert.pem();
    let other = TestRoot::from_pem(other.as_bytes()).unwrap();
    for stranger in [None, Some(&other)] {
        let refused = ask(&venue.base, stranger).await;
        assert!(matches!(refused, Err(NoReply::NotSent(NotSent::Untrusted(_)))), "{refused:?}");
    }

    let streams = site(&venue.base.replacen("http", "ws", 1));
    assert!(Dialer::new(&streams, SocketSettings::default(), None, clock()).unwrap().dial("/ws").await.is_err());
    let dialer = Dialer::new(&streams, SocketSettings::default(), Some(&root), clock()).unwrap();
    let socket = dialer.dial("/stream?streams=btcusdt@bookTicker").await.unwrap();
    let (frames, mut received) = mpsc::channel(16);
    let (_texts, to_send) = mpsc::channel(1);
    let running = tokio::spawn(socket.run(frames, to_send));
    let frame = received.recv().await.unwrap();
    assert!(String::from_utf8_lossy(&frame.bytes).contains("btcusdt@bookTicker"));
    running.abort();

    let run = |certificate: Option<&Path>| paper(folder.path(), &venue.base, certificate);
    let refused = run(None);
    // A certificate that is not believed does not become one by waiting: the hour of `live.start_retry` is not used.
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(4), "{said}");
    assert!(said.contains("binance is not spoken to: https://127.0.0.1:"), "{said}");
    assert!(said.contains("the certificate is not believed"), "{said}");
    assert!(!said.contains("it is asked again"), "{said}");
    let ran = run(Some(&certificate));
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
    let summary: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert!(summary["events"].as_u64().unwrap() > 10, "{summary}");
}

#[test]
fn x25_a_certificate_that_is_none_and_half_a_choice_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let none = folder.path().join("none.pem");
    std::fs::write(&none, "nothing").unwrap();
    let refused = paper(folder.path(), "https://127.0.0.1:9", Some(&none));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("CARRY_TEST_ROOT"));
    let half =
        Command::new(env!("CARGO_BIN_EXE_carry")).args(["venue", "--profile", "binance", "--tls"]).output().unwrap();
    assert_eq!(half.status.code(), Some(2));
}
