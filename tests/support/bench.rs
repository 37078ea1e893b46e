//! A simulated venue, a run beside it on its clock, and the verbs that a person types: all three real binaries.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use super::session::{carry, ended, text};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// The one pair.
pub(crate) const PAIR: &str = "binance:BTCUSDT";
/// It enters nothing by itself and leaves nothing: what happens is what a person does.
const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = ["binance:BTCUSDT"]
[entry]
funding = "0.5%/8h"
[exit]
when = "all"
funding = "-0.5%/8h"
min_hold = "7d"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "40%"
leverage = "2x"
[execution]
clip = "1000usdt"
hedge_time = "60s"
"#;
/// Most tries at whatever is waited for, a few milliseconds apart at least.
const TRIES: u32 = 6_000;

/// A child whose end is told through a channel; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    end: Receiver<String>,
    first: Receiver<String>,
}

impl Process {
    pub(crate) fn start(mut command: Command, log: &Path) -> Self {
        let log = File::create(log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let ((tell, first), (told, end)) = (channel(), channel());
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = out.read_line(&mut line);
            let _ = tell.send(line.clone());
            let _ = out.read_to_string(&mut line);
            let _ = told.send(line);
        });
        Self { child, end, first }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success());
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its exit code and output, when it ends by itself.
    pub(crate) fn finished(mut self) -> (i32, String) {
        let out = self.end.recv_timeout(Duration::from_mins(2)).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), out)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A venue, and a folder for everything.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    _venue: Process,
    pub(crate) base: String,
}

impl Bench {
    pub(crate) fn new(speed: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("strategy.toml"), STRATEGY).unwrap();
        std::fs::write(path("calm.toml"), "calm = true\n").unwrap();
        let (key, secret) = carry::loopback::keys::TRADER;
        let mut add =
            carry(&["keys", "add", "test", "--venue", "binance", "--test", "--keys", text(&path("keys.json"))]);
        let mut adding = add.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let body = json!({ "key": key, "secret": secret }).to_string();
        adding.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
        assert!(adding.wait().unwrap().success());
        let faults = path("calm.toml");
        let mut args = vec!["venue", "--profile", "binance", "--speed", speed, "--faults", text(&faults)];
        args.extend(more);
        let venue = Process::start(carry(&args), &path("venue.log"));
        let line = venue.first.recv_timeout(Duration::from_mins(1)).unwrap();
        let base = serde_json::from_str::<Value>(&line).unwrap()["base"].as_str().unwrap().to_owned();
        Self { folder, _venue: venue, base }
    }

    /// The same, with coins and a short at the venue that were there before.
    pub(crate) fn with_before(speed: &str, more: &[&str]) -> Self {
        let bench = Self::new(speed, more);
        for (market, side) in [("spot", "buy"), ("perp", "sell")] {
            let act =
                json!({ "act": "foreign", "symbol": "BTCUSDT", "market": market, "side": side, "quantity": "0.05" });
            bench.act(&act);
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path("s")
    }

    /// The arguments of a run.
    pub(crate) fn args(&self, mode: &[&str]) -> Vec<String> {
        let mut args: Vec<String> = mode.iter().map(|&word| word.to_owned()).collect();
        for (name, value) in [
            ("--base-url", self.base.clone()),
            ("--clock", "venue".to_owned()),
            ("--state", text(&self.state()).to_owned()),
            ("--strategy", text(&self.path("strategy.toml")).to_owned()),
        ] {
            args.extend([name.to_owned(), value]);
        }
        args.push("--json".to_owned());
        args
    }

    pub(crate) fn live_args(&self, more: &[&str]) -> Vec<String> {
        let mut args = self.args(&["live", "--key", "test", "--keys", text(&self.path("keys.json"))]);
        args.extend(more.iter().map(|&word| word.to_owned()));
        args
    }

    pub(crate) fn start(&self, args: &[String], log: &str) -> Process {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Process::start(carry(&args), &self.path(log))
    }

    pub(crate) fn live(&self) -> Process {
        let waived = ["--set", "live.shadow_hours=0s", "--set", "live.max_notional=10000usdt"];
        let consent = ["--consent", "I accept 10000 usdt"];
        self.start(&self.live_args(&[&waived[..], &consent[..]].concat()), "live.log")
    }

    /// One verb: exit code, JSON, problems.
    pub(crate) fn verb(&self, args: &[&str]) -> (i32, Value, String) {
        let state = self.state();
        let all: Vec<&str> = args.iter().copied().chain(["--state", text(&state), "--json"]).collect();
        let (code, out, problems) = ended(&all);
        (code, serde_json::from_str(&out).unwrap_or_default(), problems)
    }

    pub(crate) fn pair(&self) -> Value {
        self.verb(&["pairs"]).1["result"]["pairs"][0].clone()
    }

    /// Tries until it holds; stops the test when the run ends before.
    pub(crate) fn until(&self, run: &Process, what: &str, holds: impl Fn() -> bool) {
        for _ in 0..TRIES {
            if holds() {
                return;
            }
            if let Ok(out) = run.end.recv_timeout(Duration::from_millis(5)).map_err(|error| {
                assert_eq!(error, RecvTimeoutError::Timeout);
            }) {
                panic!("{what}: the run ended before: {out}\n{}", self.log());
            }
        }
        panic!("{what} did not happen: {}\n{}", self.pair(), self.log());
    }

    /// All that the run has logged.
    pub(crate) fn log_file(&self) -> String {
        std::fs::read_to_string(self.path("live.log")).unwrap_or_default()
    }

    pub(crate) fn log(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.path(name)).unwrap_or_default();
        let log = read("live.log");
        log[log.len().saturating_sub(3_000)..].to_owned()
    }

    /// Waits until the run is reachable and compared.
    pub(crate) fn ready(&self, run: &Process) {
        self.until(run, "a clean comparison", || self.verb(&["reconcile"]).0 == 0);
        self.until(run, "prices", || self.pair()["spot_mid"].is_string() && self.pair()["perp_mid"].is_string());
        // Every input of a gate is there too, not the prices alone.
        self.until(run, "a ready session", || self.verb(&["pairs"]).1["result"]["state"] == "ready");
        // An opening needs the mark too (`gates.missing`): it comes with the time of the next settlement.
        self.until(run, "the mark", || self.pair()["next_settlement_ms"].is_number());
    }

    pub(crate) fn phase_is(&self, phase: &str) -> bool {
        self.pair()["phase"] == phase
    }

    /// A person opens the pair until it is hedged: what was missed or declined in a moment of load is ordered again.
    pub(crate) fn opened(&self, run: &Process, size: &str) {
        self.until(run, "hedged", || {
            let pair = self.pair();
            if pair["phase"] == "flat" && pair["target"] == "0" {
                let _ = self.verb(&["open", PAIR, "--size", size, "--yes"]);
            }
            pair["phase"] == "hedged"
        });
    }

    /// An act of the venue's script, now.
    pub(crate) fn act(&self, act: &Value) {
        let body = act.to_string();
        let host = self.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!(
            "POST /carry/fault HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        assert!(answer.contains("200"), "{answer}");
    }
}
