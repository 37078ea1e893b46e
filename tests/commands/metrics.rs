//! Metrics, rules and the board: a real Prometheus scrapes the page of a live run on loopback, drills make alerts fire and end
//! (ledger and venue differ, a pair is naked, the venue is down, the process is gone), and each expression of board and rules
//! finds data.
//!
//! Needs `promtool` and `prometheus`; absent, the tests say so and return, and where `CI` is set they fail.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::bench;
use crate::session;

use bench::{Bench, PAIR, Process};
use carry::control::metrics::{Kind, TABLE};
use serde_json::{Value, json};
use session::{ended, text};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
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
    assert!(
        out.lines()
            .filter(|line| !line.starts_with('#'))
            .eq(["carry_up{session=\"one\"} 0", "carry_process_exists{session=\"one\"} 0"]),
        "{out}"
    );
    let (code, _, problems) = ended(&["metrics", text(&one), text(&other)]);
    assert!(code == 2 && problems.contains("two folders are named one"), "{code} {problems}");
    // A session that came to its end is missed by nobody.
    let over = folder.path().join("over");
    assert_eq!(ended(&["paper", "--days", "1", "--state", text(&over)]).0, 0);
    let (_, out, _) = ended(&["metrics", text(&over)]);
    assert!(out.lines().filter(|line| !line.starts_with('#')).eq(["carry_up{session=\"over\"} 0"]), "{out}");
    let gone = folder.path().join("gone");
    assert_eq!(ended(&["metrics", text(&gone)]).0, 2);
    let (code, out, _) = ended(&["metrics", "--list", "--json"]);
    let list: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &list["schema"]), (0, &Value::from("carry.metrics/1")));
    assert_eq!(list["metrics"].as_array().unwrap().len(), TABLE.len());
}

/// A real Prometheus on loopback.
struct Prometheus {
    process: Process,
    port: u16,
}

impl Prometheus {
    /// Scrapes that port each second, and evaluates our rules as often.
    fn start(folder: &Path, target: u16) -> Self {
        let port = free_port();
        let rules = folder.join("carry.rules.yml");
        std::fs::write(&rules, quicker()).unwrap();
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
        Self { process: Process::start(command, &folder.join("prometheus.log")), port }
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

    /// `pending` or `firing`; nothing while it rests.
    fn state(&self, alert: &str) -> Option<String> {
        let answer = self.get("/api/v1/alerts");
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let states = alerts.iter().filter(|one| one["labels"]["alertname"] == alert);
        states.map(|one| one["state"].as_str().unwrap().to_owned()).max_by_key(|state| state == "pending")
    }

    fn rings(&self, alert: &str) -> bool {
        self.state(alert).as_deref() == Some("firing")
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The rules as they are shipped, but that each waits two seconds where it waits for longer.
fn quicker() -> String {
    let text = std::fs::read_to_string(root("deploy/prometheus/carry.rules.yml")).unwrap();
    let line = |line: &str| match line.split_once("for: ") {
        Some((indent, _)) if indent.trim().is_empty() => format!("{indent}for: 2s\n"),
        _ => format!("{line}\n"),
    };
    let quick: String = text.lines().map(line).collect();
    assert!(quick.matches("        for: 2s\n").count() >= 8 && quick.lines().count() == text.lines().count());
    quick
}

/// A live run whose page tells its metrics, and a Prometheus that reads them.
struct Drill {
    bench: Bench,
    run: Process,
    prometheus: Prometheus,
}

impl Drill {
    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        self.bench.until(&self.run, what, holds);
    }

    /// It waits as long as its rule says, if it does, and then fires.
    fn fires(&self, alert: &str, waits: bool) {
        if waits {
            self.until(&format!("{alert} is pending"), || self.prometheus.state(alert).is_some());
        }
        self.until(&format!("{alert} fires"), || self.prometheus.rings(alert));
    }

    fn ends(&self, alert: &str) {
        self.until(&format!("the end of {alert}"), || self.prometheus.state(alert).is_none());
    }

    /// Coins and a short that were there before: ledger and venue differ until a person adopts them.
    fn difference(&self) {
        self.fires("CarryDifference", false);
        self.until("adoption", || self.bench.verb(&["adopt", PAIR, "--yes"]).0 == 0);
        self.until("agreement", || self.bench.verb(&["reconcile"]).0 == 0);
        self.ends("CarryDifference");
    }

    /// The venue closes a half of the short while neither leg can be traded.
    fn naked(&self) {
        let halt = |market: &str, halted: bool| {
            self.bench.act(&json!({ "act": "halt", "symbol": "BTCUSDT", "market": market, "halted": halted }));
        };
        assert!(self.bench.phase_is("hedged"));
        for market in ["spot", "perp"] {
            halt(market, true);
        }
        self.bench.act(&json!({ "act": "adl", "symbol": "BTCUSDT", "share": "0.5" }));
        self.fires("CarryPairNaked", false);
        for market in ["spot", "perp"] {
            halt(market, false);
        }
        self.ends("CarryPairNaked");
        self.until("equal legs", || self.bench.pair()["unequal_since_ms"].is_null());
        self.until("agreement after the repair", || self.bench.verb(&["reconcile"]).0 == 0);
    }

    /// So many requests in a row find nobody: about sixty a second, as the run's timers on the venue's clock have them.
    fn down(&self) {
        self.bench.act(&json!({ "match": { "times": 450 }, "drop_before": true }));
        self.fires("CarryVenueDown", true);
        self.ends("CarryVenueDown");
        self.until("agreement after the outage", || self.bench.verb(&["reconcile"]).0 == 0);
    }
}

/// What an alert measures: its expression without the threshold at its end.
fn measured(expr: &str) -> &str {
    let end = [" > ", " < "].iter().filter_map(|sign| expr.rfind(sign)).max();
    end.map_or(expr, |end| &expr[..end])
}

#[test]
fn a_real_prometheus_tells_what_befalls_a_live_run_and_its_end_and_every_expression_finds_data() {
    if !has("promtool") || !has("prometheus") {
        println!("skipped: no prometheus here");
        return;
    }
    let watch = carry::net::machine_clock::Stopwatch::start();
    let bench = Bench::with_before("20", &["--futures-balance", "20000"]);
    let page = free_port();
    let listen = format!("web.listen=127.0.0.1:{page}");
    let sets = ["live.shadow_hours=0s", "live.max_notional=10000usdt", "web.metrics=open", &listen];
    let sets: Vec<&str> =
        sets.iter().flat_map(|set| ["--set", set]).chain(["--consent", "I accept 10000 usdt"]).collect();
    let run = bench.start(&bench.live_args(&sets), "live.log");
    bench.until(&run, "the difference", || bench.verb(&["reconcile"]).0 == 3);
    let (code, text, problems) = ended(&["metrics", text(&bench.state())]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]);
    assert_eq!(succeeds(check, &text), "", "promtool has nothing to say");

    let prometheus = Prometheus::start(&bench.path(""), page);
    let drill = Drill { bench, run, prometheus };
    let prometheus = &drill.prometheus;
    drill.until("the target is up", || prometheus.finds("up{job=\"carry\"} == 1"));
    let mut seconds = vec![watch.seconds()];
    for act in [Drill::difference, Drill::naked, Drill::down] {
        act(&drill);
        seconds.push(watch.seconds());
    }
    assert!(prometheus.finds("carry_venue_agrees == 1"));
    for (of, expr) in board() {
        drill.until(&format!("{of}: {expr}"), || prometheus.finds(&expr));
    }
    for (alert, expr) in rules() {
        let measured = measured(&expr);
        drill.until(&format!("{alert}: {measured}"), || prometheus.finds(measured));
    }
    let healthy = |rules: &Value| {
        let all: Vec<&Value> = rules["data"]["groups"][0]["rules"].as_array().into_iter().flatten().collect();
        all.len() == self::rules().len() && all.iter().all(|rule| rule["health"] == "ok")
    };
    drill.until("every rule is evaluated", || healthy(&prometheus.get("/api/v1/rules")));
    seconds.push(watch.seconds());

    // A process that is gone is said by the metric, not by silence; and its page is a target that is gone.
    let Drill { bench, run, prometheus } = drill;
    run.kill();
    let (_, page, _) = ended(&["metrics", session::text(&bench.state())]);
    assert!(
        page.contains("carry_up{session=\"s\"} 0") && page.contains("carry_process_exists{session=\"s\"} 0"),
        "{page}"
    );
    bench.until(&prometheus.process, "the alert of the page", || prometheus.rings("CarryTargetGone"));
    println!("ready, difference, naked, down, expressions, gone: {seconds:.0?} {:.0}", watch.seconds());
}
