//! Metrics, rules and the board: a real Prometheus scrapes a live run on loopback, a drill makes an alert ring and end, and each
//! expression of board and rules finds data.
//!
//! Needs `promtool` and `prometheus`; absent, the tests say so and return, and where `CI` is set they fail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/session.rs"]
mod session;

use bench::{Bench, PAIR, Process};
use carry::control::metrics::{Kind, TABLE};
use serde_json::Value;
use session::{ended, text};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether a program is there; where `CI` is set it must be.
#[expect(clippy::disallowed_methods, reason = "programs of the machine are found by the environment")]
fn has(program: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(program).is_file());
    assert!(found || std::env::var("CI").is_err(), "{program} is missing; .ci/run installs it");
    found
}

/// Runs a program to its end with this on standard input, and wants success.
fn succeeds(mut command: Command, input: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(output.status.success(), "{said}");
    said
}

/// Expressions of the alert rules, with the name of each.
fn rules() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root("deploy/prometheus/carry.rules.yml")).unwrap();
    let after = |line: &str, key: &str| line.trim().strip_prefix(key).map(|rest| rest.trim().to_owned());
    let mut found = Vec::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(alert) = after(line, "- alert:") {
            name = alert;
        } else if let Some(expr) = after(line, "expr:") {
            found.push((name.clone(), expr));
        }
    }
    assert!(found.len() >= 15, "{found:?}");
    found
}

/// Expressions of the board with its variables filled in.
fn board() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root("deploy/grafana/carry.json")).unwrap();
    let board: Value = serde_json::from_str(&text).unwrap();
    let panels = board["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| {
        let of = |target: &Value| {
            let expr = target["expr"].as_str().unwrap();
            let filled = expr.replace("$session", ".*").replace("$__rate_interval", "15s");
            (panel["title"].as_str().unwrap().to_owned(), filled)
        };
        panel["targets"].as_array().into_iter().flatten().map(of).collect::<Vec<_>>()
    });
    let found: Vec<_> = targets.collect();
    assert!(found.len() >= 25, "{found:?}");
    found
}

#[test]
fn board_and_rules_ask_for_metrics_of_the_table_alone() {
    let mut asked = BTreeSet::new();
    for (of, expr) in rules().into_iter().chain(board()) {
        let words = expr.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
        for word in words.filter(|word| word.starts_with("carry_")) {
            let known = TABLE.iter().find(|metric| match metric.kind {
                Kind::Histogram => word.strip_prefix(metric.name).is_some_and(|end| end == "_bucket"),
                Kind::Gauge | Kind::Counter => word == metric.name,
            });
            assert!(known.is_some(), "{of}: {word} is no metric of the table");
            asked.insert(known.unwrap().name);
        }
    }
    assert!(asked.len() >= 25, "{asked:?}");
    // What a rule calls a page of the runbook is one.
    let rules = std::fs::read_to_string(root("deploy/prometheus/carry.rules.yml")).unwrap();
    for page in rules.split("runbook: ").skip(1).filter_map(|rest| rest.split('}').next()) {
        assert!(root("deploy/runbook").join(format!("{page}.md")).is_file(), "{page}");
    }
}

#[test]
fn promtool_takes_the_rules_and_their_drills() {
    if !has("promtool") {
        println!("skipped: no promtool here");
        return;
    }
    let of = |what: &str, file: &str| {
        let mut command = Command::new("promtool");
        command.args([what, "rules", file]).current_dir(root("deploy/prometheus"));
        succeeds(command, "")
    };
    assert!(of("check", "carry.rules.yml").contains(&format!("{} rules found", rules().len())));
    assert!(of("test", "carry.rules.test.yml").contains("SUCCESS"));
}

#[test]
fn a_folder_without_a_process_is_down_and_one_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("b/one"));
    std::fs::create_dir_all(&one).unwrap();
    std::fs::create_dir_all(&other).unwrap();
    let (code, out, problems) = ended(&["metrics", text(&one)]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert!(out.lines().filter(|line| !line.starts_with('#')).eq(["carry_up{session=\"one\"} 0"]), "{out}");
    let (code, _, problems) = ended(&["metrics", text(&one), text(&other)]);
    assert!(code == 2 && problems.contains("two folders are named one"), "{code} {problems}");
    let gone = folder.path().join("gone");
    assert_eq!(ended(&["metrics", text(&gone)]).0, 2);
    let (code, out, _) = ended(&["metrics", "--list", "--json"]);
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &list["schema"]), (0, &Value::from("carry.metrics/1")));
    assert_eq!(list["metrics"].as_array().unwrap().len(), TABLE.len());
}

/// Answers every request with what `carry metrics` says now; gives its port. It ends with the test's process.
fn responder(state: PathBuf) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let (_, body, _) = ended(&["metrics", text(&state)]);
            let kind = carry::control::metrics::CONTENT_TYPE;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n");
            let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    port
}

/// A real Prometheus on loopback.
struct Prometheus {
    _process: Process,
    port: u16,
}

impl Prometheus {
    /// Scrapes that port each second, and evaluates our rules as often.
    fn start(folder: &Path, target: u16) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let rules = root("deploy/prometheus/carry.rules.yml");
        let config = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\n\
             rule_files: [\"{}\"]\n\
             scrape_configs:\n  - job_name: carry\n    static_configs: [{{targets: [\"127.0.0.1:{target}\"]}}]\n",
            rules.display()
        );
        let path = folder.join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", path.display())).arg("--log.level=warn");
        command.arg(format!("--storage.tsdb.path={}", folder.join("tsdb").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        Self { _process: Process::start(command, &folder.join("prometheus.log")), port }
    }

    /// What its interface answers; nothing while it does not.
    fn get(&self, path: &str) -> Value {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return Value::Null };
        let _ = stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        serde_json::from_str(body).unwrap_or_default()
    }

    /// Whether an expression finds something now.
    fn finds(&self, expr: &str) -> bool {
        let escaped = expr.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02x}");
            text
        });
        let answer = self.get(&format!("/api/v1/query?query={escaped}"));
        assert_ne!(answer["status"], "error", "{expr}: {answer}");
        answer["data"]["result"].as_array().is_some_and(|rows| !rows.is_empty())
    }

    fn rings(&self, alert: &str) -> bool {
        let answer = self.get("/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().any(|one| one["labels"]["alertname"] == alert && one["state"] == "firing")
    }
}

/// What an alert measures: its expression without the threshold at its end.
fn measured(expr: &str) -> &str {
    let end = [" > ", " < "].iter().filter_map(|sign| expr.rfind(sign)).max();
    end.map_or(expr, |end| &expr[..end])
}

#[test]
fn prometheus_scrapes_a_live_run_an_alert_rings_and_ends_and_every_expression_finds_data() {
    if !has("promtool") || !has("prometheus") {
        println!("skipped: no prometheus here");
        return;
    }
    // Coins and a short that were there before: ledger and venue differ until a person adopts them.
    let bench = Bench::with_before("20", &["--futures-balance", "20000"]);
    let run = bench.live();
    bench.until(&run, "the difference", || bench.verb(&["reconcile"]).0 == 3);
    let state = bench.state();
    let (code, page, problems) = ended(&["metrics", text(&state)]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]);
    assert_eq!(succeeds(check, &page), "", "promtool has nothing to say");

    let prometheus = Prometheus::start(&bench.path(""), responder(state));
    bench.until(&run, "the target is up", || prometheus.finds("up{job=\"carry\"} == 1"));
    bench.until(&run, "the alert of the difference", || prometheus.rings("CarryDifference"));
    bench.until(&run, "adoption", || bench.verb(&["adopt", PAIR, "--yes"]).0 == 0);
    bench.until(&run, "agreement", || bench.verb(&["reconcile"]).0 == 0);
    bench.until(&run, "the end of the alert", || !prometheus.rings("CarryDifference"));
    assert!(prometheus.finds("carry_venue_agrees == 1"));

    for (of, expr) in board() {
        bench.until(&run, &format!("{of}: {expr}"), || prometheus.finds(&expr));
    }
    for (alert, expr) in rules() {
        let measured = measured(&expr);
        bench.until(&run, &format!("{alert}: {measured}"), || prometheus.finds(measured));
    }
    let healthy = |rules: &Value| {
        let all: Vec<&Value> = rules["data"]["groups"][0]["rules"].as_array().into_iter().flatten().collect();
        all.len() == self::rules().len() && all.iter().all(|rule| rule["health"] == "ok")
    };
    bench.until(&run, "every rule is evaluated", || healthy(&prometheus.get("/api/v1/rules")));

    // A process that is gone is said by the metric, not by silence.
    run.kill();
    let (_, page, _) = ended(&["metrics", text(&bench.state())]);
    assert!(page.contains("carry_up{session=\"s\"} 0"), "{page}");
}
