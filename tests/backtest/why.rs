//! `carry why`: the first gate that blocks, measured against its threshold, by the numbers that the engine decides with.

use super::files::{carry, repo, shared, text};
use super::series::{HOUR, START, fraction, make, write};
use serde_json::Value;
use std::path::Path;

fn why(data: &Path, options: &[&str]) -> (String, String, Option<i32>) {
    let (data, strategy) = (data.display().to_string(), repo("benches/crosscheck.toml"));
    let mut arguments = vec!["why", "--data", &data, "--strategy", &strategy, "--set", "sim.fill=next_open"];
    arguments.extend(["--set", "sim.data_end=flatten"]);
    arguments.extend(options);
    let run = carry(&arguments);
    (text(&run.stdout), text(&run.stderr), run.status.code())
}

fn json(data: &Path, options: &[&str]) -> Value {
    let (out, error, code) = why(data, &[options, &["--json"]].concat());
    assert_eq!(code, Some(0), "{error}");
    serde_json::from_str(&out).unwrap()
}

fn at(hour: i64) -> String {
    carry::domain::WallTime(START + hour * HOUR).to_string()
}

#[test]
fn a_pair_that_is_not_held_names_the_first_gate_with_its_measure() {
    let (folder, series) = (tempfile::tempdir().unwrap(), make(1));
    write(&series, folder.path(), "GENUSDT");
    let (mut funding, mut basis) = (0, 0);
    for hour in (24..690).step_by(7) {
        let report = json(folder.path(), &["--at", &at(hour)]);
        assert_eq!((report["schema"].as_str(), report["at"].as_str()), (Some("carry.why/1"), Some(at(hour).as_str())));
        let pair = &report["pairs"][0];
        if pair["phase"] != "flat" {
            continue;
        }
        // The first gate by the integers of the made-up series; at 8 h intervals only, in this part of it.
        // A settlement is dated to its minute: one that the venue stamps some milliseconds late is known at its instant.
        let dated = |stamp: i64| stamp - stamp % 60_000;
        let last = series.funding.iter().rfind(|row| dated(row.stamp) <= START + hour * HOUR).unwrap();
        let place = usize::try_from(hour - 1).unwrap();
        let gate = &pair["blocked_by"];
        if last.rate <= 100 {
            assert_eq!(gate["name"], "entry.funding", "hour {hour}: {pair}");
            let percent: f64 = fraction(last.rate).parse::<f64>().unwrap() * 100.0;
            assert!((gate["measured"].as_f64().unwrap() - percent).abs() < 1e-9, "{gate}, paid {percent} %");
            assert!((gate["threshold"].as_f64().unwrap() - 0.01).abs() < 1e-12, "{gate}");
            funding += 1;
        } else if let (Some(spot), Some(perp)) = (series.spot[place], series.perp[place])
            && perp[3] <= spot[3]
        {
            assert_eq!(gate["name"], "entry.basis", "hour {hour}: {pair}");
            basis += 1;
        }
        assert!(!gate["open"].as_bool().unwrap_or(false));
    }
    assert!(funding > 5 && basis > 0, "{funding} times funding, {basis} times the basis: too little was tested");
}

#[test]
fn one_pair_shows_every_gate_in_order_and_what_blocked_over_time() {
    let folder = tempfile::tempdir().unwrap();
    write(&make(1), folder.path(), "GENUSDT");
    let (out, error, code) =
        why(folder.path(), &["binance:GENUSDT", "--set", "entry.funding=0.4%/8h", "--at", &at(200)]);
    assert_eq!((error.as_str(), code), ("", Some(0)));
    let names: Vec<&str> = out
        .lines()
        .filter(|line| line.starts_with("  ") && (line.ends_with("open") || line.ends_with("blocks")))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let expected = [
        "signal.smooth",
        "entry.funding",
        "entry.basis",
        "entry.cooldown",
        "gates.delist_lead",
        "gates.guard",
        "venue",
        "gates.max_age",
        "gates.adl_rank",
        "gates.min_depth",
    ];
    assert_eq!(names, expected, "{out}");
    let first = out.lines().nth(2).unwrap();
    assert!(first.starts_with("binance:GENUSDT  not held: entry.funding 0."), "{first}");
    assert!(first.ends_with(" %/8h, must be > 0.4000 %/8h"), "{first}");
    assert!(out.contains("\n    entry.funding was the first to block at 1"), "{out}");
    assert!(
        out.ends_with("Nothing could be entered at any time of this history: at every bar a gate was closed.\n"),
        "{out}"
    );
}

#[test]
fn a_pair_that_is_held_says_since_when_and_what_would_close_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&make(1), folder.path(), "GENUSDT");
    let held = (24..690).step_by(7).map(|hour| json(folder.path(), &["--at", &at(hour)]));
    let report = held.into_iter().find(|report| report["pairs"][0]["phase"] == "hedged").unwrap();
    let (pair, time) = (&report["pairs"][0], report["at"].as_str().unwrap());
    assert_eq!((pair["reason"].as_str(), pair["blocked_by"].is_null()), (Some("funding_above"), true));
    let names: Vec<_> = pair["gates"].as_array().unwrap().iter().map(|gate| gate["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["exit.min_hold", "exit.funding", "exit.basis"]);
    assert_eq!(report["feasible"], true);
    let (out, _, _) = why(folder.path(), &["--at", time]);
    let since = pair["entered_at"].as_str().unwrap();
    assert!(
        out.contains(&format!("binance:GENUSDT  hedged since {since} (last decision: funding_above); to leave: ")),
        "{out}"
    );
}

#[test]
fn h01_a_pair_that_is_not_there_is_named_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    write(&make(1), folder.path(), "GENUSDT");
    let (out, error, code) = why(folder.path(), &["binance:GENUSD"]);
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert_eq!(
        error,
        "carry: \"binance:GENUSD\" is not among the pairs that this strategy may trade here; did you mean binance:GENUSDT?\n"
    );
    let (_, error, code) = why(folder.path(), &["--at", "soon"]);
    assert_eq!(code, Some(2));
    assert_eq!(error, "carry: --at \"soon\": expected UTC such as 2025-05-31T08:00Z, or a date such as 2025-05-31\n");
}

#[test]
fn recorded_history_is_explained_pair_by_pair() {
    let Some(shared) = shared() else { return };
    let (data, strategy) = (shared.join("data").display().to_string(), repo("strategies/anchor.toml"));
    let run = carry(&["why", "--data", &data, "--strategy", &strategy, "--at", "2022-12-01", "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    let pairs = report["pairs"].as_array().unwrap();
    assert!(pairs.len() >= 4, "{report}");
    for pair in pairs {
        let held = pair["phase"] != "flat";
        assert!(held || pair["blocked_by"]["name"].is_string() || pair["obstacle"].is_string(), "{pair}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = carry(&["completions", shell]);
        assert!(run.status.success(), "{}", text(&run.stderr));
        let script = text(&run.stdout);
        for word in ["backtest", "why", "completions", "stats", "check", "init"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
    }
    assert_eq!(carry(&["completions", "tcsh"]).status.code(), Some(2));
}
