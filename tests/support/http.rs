//! A plain HTTP client for the page, and a page of a folder on loopback.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::web::tokens::Tokens;
use carry::web::{Options, Page, start};
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

pub(crate) fn options(dir: &Path) -> Options {
    Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        hosts: Vec::new(),
        tls: None,
        metrics: None,
        expose: false,
        sessions: vec![dir.to_owned()],
        tokens: dir.to_owned(),
    }
}

/// A page of a folder, and where it listens.
pub(crate) fn served(dir: &Path) -> (Page, SocketAddr) {
    let page = start(&options(dir)).unwrap();
    let address = page.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    (page, address)
}

/// An answer: its status, its head and its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends bytes and reads to the end.
pub(crate) fn raw(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let _ = stream.write_all(request.as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let all = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

pub(crate) fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| *name == "host") {
        let _ = write!(request, "host: {address}\r\n");
    }
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    raw(address, &format!("{request}\r\n{body}"))
}

pub(crate) fn get(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    ask(address, "GET", path, headers, "")
}

/// The two tokens of a folder.
pub(crate) fn tokens(dir: &Path) -> (String, String) {
    let tokens = Tokens::of(dir).unwrap();
    let (view, act) = tokens.expose();
    (view.to_owned(), act.to_owned())
}

pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// Logs in and gives the cookie.
pub(crate) fn cookie(address: SocketAddr, view: &str) -> String {
    let origin = format!("http://{address}");
    let answer = ask(address, "POST", "/login", &[FORM, ("origin", &origin)], &format!("token={view}"));
    assert_eq!(answer.status, 303, "{answer:?}");
    let line = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    for part in ["httponly", "samesite=strict", "path=/"] {
        assert!(line.contains(part), "{line}");
    }
    line.split(';').next().unwrap().to_owned()
}
