//! The control socket of a running session, with the built binary on both ends: acts, plans, limits, and what is refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::session;

use serde_json::{Value, json};
use session::{Running, carry, ended, hedged, text};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// A session that would take years to end, once something is held.
fn running(dir: &Path) -> Running {
    let running =
        Running::start(&["paper", "--state", text(dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
    running.until(|| dir.join("control.sock").exists() && hedged(dir));
    running
}

fn socket(dir: &Path) -> BufReader<UnixStream> {
    let stream = UnixStream::connect(dir.join("control.sock")).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    BufReader::new(stream)
}

fn ask(to: &mut BufReader<UnixStream>, line: &str) -> Value {
    to.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    to.read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap_or_else(|_| panic!("{line}: {answer:?}"))
}

/// One verb of the command line as JSON; its exit code and problems.
fn verb(dir: &Path, args: &[&str]) -> (i32, Value, String) {
    let all: Vec<&str> = args.iter().copied().chain(["--state", text(dir), "--json"]).collect();
    let (code, out, problems) = ended(&all);
    (code, serde_json::from_str(&out).unwrap_or_default(), problems)
}

#[test]
fn h15_acts_reach_the_session_and_survive_kill() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = running(&dir);
    let mode = |name: &str| std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("control.sock")), (0o700, 0o600));

    let (code, report, problems) = verb(&dir, &["pause"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    assert_eq!((&report["schema"], &report["result"]["paused"]), (&json!("carry.pause/1"), &json!(true)));
    assert_eq!(verb(&dir, &["resume"]).1["result"]["paused"], false);
    let (code, _, problems) = verb(&dir, &["resume"]);
    assert!(code == 4 && problems.contains("entries are not paused"), "{code} {problems}");
    let pairs = verb(&dir, &["pairs"]).1;
    let rows = pairs["result"]["pairs"].as_array().unwrap();
    assert!(rows.iter().any(|row| row["phase"] == "hedged" && row["spot_mid"].is_string()), "{pairs}");
    assert!(verb(&dir, &["orders"]).1["result"]["orders"].is_array());
    assert_eq!(verb(&dir, &["reconcile"]).0, 0);

    assert_eq!(verb(&dir, &["clear-halt", "--reason", "none"]).0, 4, "nothing is halted");
    assert_eq!(verb(&dir, &["halt"]).1["result"]["bot"], "halted");
    assert_eq!(verb(&dir, &["halt"]).0, 0, "twice is once");
    // L36: what would send is refused, and is not kept for later.
    for act in
        [&["flatten", "--yes"][..], &["close", "alpha:BTCUSDT"], &["open", "alpha:BTCUSDT", "--size", "1000usdt"]]
    {
        let (code, _, problems) = verb(&dir, act);
        assert_eq!(code, 4, "{act:?}: {problems}");
        assert!(problems.contains("the session is halted: nothing is sent") && problems.contains("carry clear-halt"));
    }
    session.kill();
    // The latch is on disk (I11), and the dead process's socket is in nobody's way.
    assert!(dir.join("control.sock").exists());
    let (code, _, problems) = verb(&dir, &["pause"]);
    assert_eq!(code, 1);
    assert!(problems.contains("no process is running for"), "{problems}");
    let again = Running::start(&["paper", "--state", text(&dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
    again.until(|| UnixStream::connect(dir.join("control.sock")).is_ok());
    assert_eq!(ask(&mut socket(&dir), r#"{"schema":"carry.control/1","verb":"status"}"#)["result"]["bot"], "halted");
    assert_eq!(ended(&["clear-halt", "--state", text(&dir)]).0, 2, "a reason is needed");
    assert_eq!(verb(&dir, &["clear-halt", "--reason", "looked at it"]).1["result"]["bot"], "ready");
    again.kill();
}

#[test]
fn l36_u14_money_verbs_show_their_plan_first_and_flatten_of_all_pauses() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = running(&dir);
    assert_eq!(verb(&dir, &["pause"]).0, 0, "what is held stays as it is while this test looks");
    let held = |dir: &Path| {
        let pairs = verb(dir, &["pairs"]).1;
        let rows = pairs["result"]["pairs"].as_array().unwrap().clone();
        rows.into_iter()
            .filter(|row| row["perp_coins"] != "0")
            .map(|row| row["pair"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let before = held(&dir);
    assert!(!before.is_empty());
    // Without a terminal nobody is asked and nothing is sent.
    let (code, report, problems) = verb(&dir, &["flatten"]);
    assert_eq!((code, &report["sent"]), (4, &json!(false)));
    assert!(problems.contains("nothing was sent; to do it, say --yes"), "{problems}");
    assert_eq!(report["done"], false);
    let orders = report["plan"]["orders"].as_array().unwrap();
    assert!(orders.len() >= 2 * before.len(), "{report}");
    let (code, out, _) = ended(&["close", &before[0], "--state", text(&dir)]);
    assert_eq!(code, 4);
    assert!(out.contains("close both legs") && out.contains("sell") && out.contains("buy"), "{out}");
    assert!(!held(&dir).is_empty());

    let mut line = socket(&dir);
    let flatten = r#"{"schema":"carry.control/1","verb":"flatten"}"#;
    let with = |token: &str| json!({ "schema": "carry.control/1", "verb": "flatten", "token": token }).to_string();
    assert_eq!(ask(&mut line, &with("0123456789abcdef"))["error"]["code"], "refused");
    let close = json!({ "schema": "carry.control/1", "verb": "close", "pair": before[0] }).to_string();
    let token = ask(&mut line, &close)["plan"]["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&mut line, &with(&token))["error"]["code"], "refused", "of another plan");
    let token = ask(&mut line, flatten)["plan"]["token"].as_str().unwrap().to_owned();
    assert_eq!(ask(&mut line, &with(&token))["ok"], true);
    assert_eq!(ask(&mut line, &with(&token))["error"]["code"], "refused", "a token is good once");
    session.until(|| held(&dir).is_empty());
    // L36: who closes all does not want it opened again in the next minute.
    assert_eq!(verb(&dir, &["status"]).1["paused"], true);
    assert_eq!(verb(&dir, &["flatten", "--yes"]).0, 0, "of nothing");

    for (args, expected, words) in [
        (&["close", "alpha:NOPE", "--yes"][..], 2, "there is none of that name"),
        (&["resolve", "c1-0-1", "--as", "absent", "--yes"], 2, "no order of that id is unsettled"),
        (&["resolve", "x", "--as", "absent", "--yes"], 2, "is not an order of ours"),
        (
            &["open", "alpha:BTCUSDT", "--size", "100usd", "--yes"],
            2,
            "money in the pair's quote coin, for example 1000usdt",
        ),
        (&["adopt", "alpha:BTCUSDT", "--yes"], 1, "nothing from before to adopt"),
    ] {
        let (code, _, problems) = verb(&dir, args);
        assert_eq!(code, expected, "{args:?}: {problems}");
        assert!(problems.contains(words), "{args:?}: {problems}");
    }
    session.kill();
}

#[test]
fn x20_a_bad_client_holds_nothing_up() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = running(&dir);
    let mut line = socket(&dir);
    for bad in [
        "",
        "{",
        "[]",
        r#"{"schema":"carry.control/2","verb":"pause"}"#,
        r#"{"schema":"carry.control/1","verb":"withdraw"}"#,
    ] {
        assert_eq!(ask(&mut line, bad)["error"]["code"], "usage", "{bad}");
    }
    assert_eq!(
        ask(&mut line, r#"{"schema":"carry.control/1","verb":"fills","limit":2}"#)["result"]["rows"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    drop(line);
    // Clients that say nothing take nobody's place: who asks is heard.
    let silent: Vec<UnixStream> = (0..40).map(|_| UnixStream::connect(dir.join("control.sock")).unwrap()).collect();
    assert_eq!(verb(&dir, &["status-is-no-verb"]).0, 2);
    drop(silent);
    // A line without an end is cut off.
    let mut endless = socket(&dir);
    let answer = (0..2_000).find_map(|_| {
        let sent = endless.get_mut().write_all(&[b'x'; 1024]);
        sent.is_err().then_some(())
    });
    let mut told = String::new();
    let _ = endless.read_line(&mut told);
    assert!(answer.is_some() || told.contains("a request may have"), "{told}");
    session.until(|| verb(&dir, &["reconcile"]).0 == 0);
    session.kill();
}

#[test]
fn x12_only_a_dead_socket_is_replaced() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    std::fs::create_dir_all(&dir).unwrap();
    // Something else of that name is left alone; a paper session goes on without the socket.
    std::fs::write(dir.join("control.sock"), "mine").unwrap();
    let (code, _, problems) = ended(&["paper", "--state", text(&dir), "--days", "2", "--json"]);
    assert_eq!(code, 0, "{problems}");
    assert_eq!(std::fs::read_to_string(dir.join("control.sock")).unwrap(), "mine");
    let dead = temporary.path().join("t");
    std::fs::create_dir_all(&dead).unwrap();
    drop(UnixListener::bind(dead.join("control.sock")).unwrap());
    assert_eq!(ended(&["paper", "--state", text(&dead), "--days", "2", "--json"]).0, 0);
    assert!(!dead.join("control.sock").exists(), "removed at the end");
    // A path that no socket can have.
    let long = temporary.path().join("l".repeat(120));
    assert_eq!(ended(&["paper", "--state", text(&long), "--days", "2", "--json"]).0, 0);
}

#[test]
fn status_watch_follows_the_session_to_its_end() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = running(&dir);
    let mut watch = carry(&["status", text(&dir), "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("carry.status.live/1")));
    session.kill();
    // Then from the files, like any session that does not run.
    assert!(lines.any(|line| line.unwrap().contains("\"schema\": \"carry.status/1\"")));
    watch.kill().unwrap();
    watch.wait().unwrap();
}
