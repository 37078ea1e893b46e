//! A small venue on loopback that answers public questions from a made-up history, written from the venues' documents.
#![allow(dead_code, reason = "several tests share it, and not each needs all of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

pub(crate) const HOUR: i64 = 3_600_000;
/// 2025-01-01T00:00Z.
pub(crate) const START: i64 = 1_735_689_600_000;

/// Gives status and body for a path and its parameters.
pub(crate) type Answers = dyn Fn(&str, &dyn Fn(&str) -> Option<String>) -> (u16, String) + Send + Sync;

pub(crate) struct Venue {
    pub(crate) base: String,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Venue {
    pub(crate) fn new(answers: Box<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (shared, answers): (_, Arc<Answers>) = (Arc::clone(&asked), answers.into());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, answers) = (Arc::clone(&shared), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &shared, answers.as_ref()));
            }
        });
        Self { base, asked }
    }

    /// Paths with their parameters, in order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, asked: &Mutex<Vec<String>>, answers: &Answers) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let mut header = String::new();
        while reader.read_line(&mut header).is_ok_and(|count| count > 2) {
            header.clear();
        }
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        asked.lock().unwrap().push(target.clone());
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let find = |name: &str| {
            let pair = query.split('&').find(|pair| pair.split('=').next() == Some(name))?;
            Some(pair.split_once('=')?.1.to_owned())
        };
        let (status, body) = answers(path, &find);
        let head =
            format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_err() {
            return;
        }
    }
}

/// Rows with stamps from `first` every `step` up to `last`, cut to the window and limit that was asked for.
pub(crate) fn window(
    find: &dyn Fn(&str) -> Option<String>,
    (first, last, step): (i64, i64, i64),
    row: impl Fn(i64) -> String,
) -> String {
    let number = |name: &str, other: i64| find(name).and_then(|text| text.parse().ok()).unwrap_or(other);
    let (from, to) = (number("startTime", first), number("endTime", last));
    let limit = usize::try_from(number("limit", 100)).unwrap();
    let stamps = (first..=last).step_by(usize::try_from(step).unwrap()).filter(|at| (from..=to).contains(at));
    let rows: Vec<String> = stamps.take(limit).map(row).collect();
    format!("[{}]", rows.join(","))
}

/// Books and bars: spot stands at 99.95 / 100.05 and, behind 60 coins, at 100.15; the perp at 100.15 / 100.25. THINUSDT has one
/// coin in its spot book. Nothing else is there.
pub(crate) fn prices(path: &str, find: &dyn Fn(&str) -> Option<String>) -> (u16, String) {
    let book = |bid: (&str, &str), asks: &str| {
        format!(r#"{{"lastUpdateId":1,"bids":[["{}","{}"]],"asks":[{asks}]}}"#, bid.0, bid.1)
    };
    let body = match path {
        "/api/v3/depth" if find("symbol").as_deref() == Some("THINUSDT") => book(("99.95", "1"), r#"["100.05","1"]"#),
        "/api/v3/depth" => book(("99.95", "9000"), r#"["100.05","60"],["100.15","9000"]"#),
        "/fapi/v1/depth" => book(("100.15", "9000"), r#"["100.25","9000"]"#),
        "/api/v3/klines" | "/fapi/v1/klines" => {
            let close = if path.starts_with("/api") { "100" } else { "100.2" };
            let first = find("startTime").unwrap().parse::<i64>().unwrap();
            window(find, (first, first + 400 * HOUR, HOUR), |at| {
                format!(r#"[{at},"{close}","{close}","{close}","{close}","5",{},"0",1,"0","0","0"]"#, at + HOUR - 1)
            })
        }
        _ => return (404, "{}".to_owned()),
    };
    (200, body)
}
