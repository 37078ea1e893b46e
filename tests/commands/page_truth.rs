//! What the page says is true at the instant that it names: values, silence, refusals, and what became of an act.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::http;
use crate::session;

use carry::domain::Amount;
use carry::net::machine_clock::Stopwatch;
use carry::report::figures;
use http::{FORM, ask, cookie, get, served, tokens};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use session::{Running, ended, text};
use std::net::SocketAddr;
use std::path::Path;

fn bearer(dir: &Path) -> String {
    format!("Bearer {}", tokens(dir).0)
}

/// A page; asked once more while all of it was asked too often.
fn asked(address: SocketAddr, path: &str, bearer: &str) -> String {
    let patience = Stopwatch::start();
    loop {
        let body = get(address, path, &[("authorization", bearer)]).body;
        if !body.starts_with("too many requests") {
            return body;
        }
        assert!(patience.seconds() < 20.0, "{path}: {body}");
    }
}

/// What programs are told of the session.
fn told(address: SocketAddr, bearer: &str) -> Value {
    serde_json::from_str(&asked(address, "/api/v1/sessions/s", bearer)).unwrap_or_default()
}

fn between<'a>(all: &'a str, from: &str, to: &str) -> &'a str {
    all.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(found, _)| found)
}

fn signal(session: &Running, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(session.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

#[test]
fn what_a_pair_earned_since_its_entry_is_valued_at_the_instant_of_the_snapshot() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let bearer = bearer(&dir);
    session.until(|| {
        let told = told(address, &bearer);
        let rows = told["status"]["pairs"].as_array().cloned().unwrap_or_default();
        let Some(row) = rows.into_iter().find(|row| row["phase"] == "hedged") else { return false };
        let name = row["pair"].as_str().unwrap();
        let shown =
            get(address, &format!("/s/s/pair?name={}", name.replace(':', "%3A")), &[("authorization", &bearer)]);
        // Both must be of one instant, and the trip the first of its pair, which began with nothing.
        let trips = get(address, "/s/s/files/trips.csv", &[("authorization", &bearer)]).body;
        let first = trips.lines().filter(|line| line.contains(name)).count() == 1;
        let same = between(&shown.body, "data-now=\"", "\"").parse().ok() == told["status"]["at_ms"].as_i64();
        if !first || !same || !shown.body.contains("since entry") {
            return false;
        }
        let lines = row["detail"]["lines"].as_object().unwrap();
        let sum: Amount = lines.values().map(|line| Amount::parse(line.as_str().unwrap()).unwrap()).sum();
        let shown_sum = shown.body.split_once("all lines").unwrap().1;
        let shown_sum = between(between(shown_sum, "<td class=\"n\">", "</td>"), "<b>", "</b>");
        let number = shown_sum.replace('\u{2212}', "-").replace('+', "");
        assert!(number.contains(&figures::money(sum)), "{shown_sum} and {sum} of {name}");
        assert!(shown.body.contains("valued at ") && shown.body.contains(" UTC"), "{}", shown.body);
        true
    });
    session.kill();
}

#[test]
fn a_plan_that_would_be_refused_says_so_with_the_limit_and_what_would_be_taken() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let read = cookie(address, &tokens(&dir).0);
    let status = told(address, &bearer(&dir));
    let rows = status["status"]["pairs"].as_array().unwrap();
    let size = |row: &Value, number: &str| format!("{number}{}", row["quote"].as_str().unwrap().to_lowercase());
    let plan = |row: &Value, number: &str| {
        let pair = row["pair"].as_str().unwrap().replace(':', "%3A");
        let path = format!("/s/s/plan?verb=open&pair={pair}&size={}", size(row, number));
        get(address, &path, &[("cookie", &read)]).body
    };
    let first = rows.first().unwrap();
    let pair = first["pair"].as_str().unwrap();
    let (code, _, problems) = ended(&["open", pair, "--size", &size(first, "1000000000"), "--state", text(&dir)]);
    assert!(code == 4 && problems.contains("not opened") && problems.contains("would be taken"), "{problems}");
    let page = plan(first, "1000000000");
    assert!(page.contains("allows at most ") && !page.contains("data-plan"), "{page}");
    let (code, _, problems) = ended(&["pause", "--state", text(&dir)]);
    assert_eq!(code, 0, "{problems}");
    for row in rows {
        let page = plan(row, "1000");
        assert!(page.contains("not opened: ") && !page.contains("data-plan"), "{page}");
    }
    session.kill();
}

#[test]
fn the_log_has_an_act_who_and_what_became_of_it() {
    let temporary = tempfile::tempdir().unwrap();
    let (dir, log) = (temporary.path().join("s"), temporary.path().join("log"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("web.listen=127.0.0.1:{port}");
    let words =
        ["paper", "--state", text(&dir), "--days", "3000", "--seed", "9", "--speed", "120000", "--set", &listen];
    let session = Running::start_logged(&words, &log);
    let address: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    session.until(|| std::net::TcpStream::connect(address).is_ok() && dir.join("control.sock").exists());
    let (view, act) = tokens(&dir);
    let (read, origin) = (cookie(address, &view), format!("http://{address}"));
    let page = |verb: &str| get(address, &format!("/s/s/plan?verb={verb}"), &[("cookie", &read)]).body;
    let plan = |verb: &str| between(&page(verb), "data-plan=\"", "\"").to_owned();
    let agree = |token: &str, plan: &str, typed: &str| {
        let headers = [
            ("cookie", read.as_str()),
            ("origin", &origin),
            ("content-type", "application/json"),
            ("x-carry-act", token),
        ];
        let body = format!("{{\"plan\":\"{plan}\",\"typed\":\"{typed}\"}}");
        ask(address, "POST", "/s/s/act", &headers, &body).status
    };
    let send = |token: &str, verb: &str, typed: &str| agree(token, &plan(verb), typed);
    assert_eq!(send(&act, "pause", "pause"), 200);
    // What would change nothing has no plan, with the reason that the act has; without a reason it is not asked for one.
    for (path, why) in [
        ("clear-halt&reason=x", "nothing is halted; what stops entries is something else: a person paused entries"),
        ("clear-halt", "nothing is halted"),
    ] {
        let page = page(path);
        assert!(page.contains(why) && !page.contains("data-plan") && !page.contains("<form"), "{page}");
    }
    // A plan that was right when it was shown: the act says what holds by then.
    assert_eq!(ended(&["halt", "--state", text(&dir)]).0, 0);
    let shown = plan("clear-halt&reason=x");
    assert!(!shown.is_empty());
    assert_eq!(ended(&["clear-halt", "--reason", "looked", "--state", text(&dir)]).0, 0);
    assert_eq!(agree(&act, &shown, "clear-halt"), 409, "nothing is halted");
    assert_eq!(send(&act, "resume", "resume"), 200);
    let again = page("resume");
    assert!(again.contains("entries are not paused") && !again.contains("data-plan"), "{again}");
    assert_eq!(send("0000", "pause", "pause"), 403);
    session.until(|| std::fs::read_to_string(&log).is_ok_and(|text| text.contains("before the session was asked")));
    let text = std::fs::read_to_string(&log).unwrap();
    let lines = |words: &[&str]| text.lines().filter(|line| words.iter().all(|word| line.contains(word))).count();
    assert_eq!(lines(&["is asked of the session", "pause", "the token that acts"]), 1, "{text}");
    assert_eq!(lines(&["the outcome of an act", "pause", "taken", "the token that acts"]), 1, "{text}");
    assert_eq!(lines(&["the outcome of an act", "clear-halt", "refused", "nothing is halted"]), 1, "{text}");
    assert_eq!(lines(&["refused before the session was asked", "that is not the token that acts"]), 1, "{text}");
    assert!(!text.contains(&view) && !text.contains(&act) && !text.contains("0000\""), "{text}");
    session.kill();
}

#[test]
fn a_wrong_bearer_and_a_wrong_login_lock_out_themselves_alone() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    std::fs::create_dir(&dir).unwrap();
    let login = |address: SocketAddr, token: &str| {
        let origin = format!("http://{address}");
        ask(address, "POST", "/login", &[FORM, ("origin", &origin)], &format!("token={token}")).status
    };
    let api = |address: SocketAddr, token: &str| {
        get(address, "/api/v1/sessions", &[("authorization", &format!("Bearer {token}"))]).status
    };
    let (view, _) = tokens(&dir);
    let (_page, address) = served(&dir);
    for _ in 0..8 {
        assert_eq!(api(address, "0000"), 401);
    }
    assert_eq!(api(address, &view), 200, "the right one is taken whatever others typed");
    assert_eq!(login(address, &view), 303, "a program's slips lock out no person");
    let (_other, address) = served(&dir);
    for _ in 0..8 {
        let _ = login(address, "0000");
    }
    assert_eq!(login(address, "0000"), 429);
    assert_eq!(login(address, &view), 303);
    assert_eq!(api(address, &view), 200, "a person's slips lock out no program");
}

#[test]
fn a_process_that_is_stopped_is_said_to_exist_and_not_to_answer() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let bearer = bearer(&dir);
    let look = || asked(address, "/s/s", &bearer);
    session.until(|| look().contains("verdict ours"));
    signal(&session, Signal::STOP);
    let stopped = Stopwatch::start();
    let process = format!("process {}", session.id());
    let mut longest = 0.0_f64;
    let page = loop {
        let one = Stopwatch::start();
        let page = look();
        longest = longest.max(one.seconds());
        if page.contains("class=\"lost\"") {
            break page;
        }
        assert!(stopped.seconds() < 12.0, "{page}");
    };
    assert!(longest < 4.0, "a look took {longest} s");
    assert!(page.contains(&process) && page.contains("does not answer since") && page.contains(" UTC"), "{page}");
    assert!(!page.contains("verdict ours") && !page.contains("No process"), "{page}");
    let one = Stopwatch::start();
    let plan = asked(address, "/s/s/plan?verb=flatten", &bearer);
    assert!(plan.contains("does not answer since") && !plan.contains("data-plan"), "{plan}");
    assert!(one.seconds() < 4.0, "{}", one.seconds());
    assert_eq!(told(address, &bearer)["runs"], false);
    let (code, out, problems) = ended(&["status", "--state", text(&dir)]);
    assert_eq!(code, 0, "{problems}");
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("NO_ANSWER") && words.contains(&format!("{process} exists and does not answer")), "{out}");
    assert!(!words.contains("no process runs"), "{out}");
    let (_, out, _) = ended(&["metrics", text(&dir)]);
    let said: Vec<&str> = out.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(said, ["carry_up{session=\"s\"} 0", "carry_process_exists{session=\"s\"} 1"], "stuck is not gone");
    let (code, _, problems) = ended(&["orders", "--state", text(&dir)]);
    assert_eq!(code, 1, "a look changes nothing: {problems}");
    assert!(problems.contains("does not answer: stopped, or hung"), "{problems}");
    signal(&session, Signal::CONT);
    session.until(|| told(address, &bearer)["runs"] == true && look().contains("verdict ours"));
    session.kill();
}

#[test]
fn what_is_open_what_time_it_is_and_what_paper_checks() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let bearer = bearer(&dir);
    session.until(|| get(address, "/s/s", &[("authorization", &bearer)]).body.contains("verdict ours"));
    let page = get(address, "/s/s", &[("authorization", &bearer)]).body;
    let sane = between(&page, "Sane?", "Next?");
    assert!(!sane.contains("not yet") && sane.contains("fills are simulated, there is no account"), "{sane}");
    let next = between(&page, "<noscript>", "</noscript>");
    assert!(next.contains("as of ") && next.contains("UTC"), "{next}");
    let ledger = get(address, "/s/s/ledger", &[("authorization", &bearer)]).body;
    assert!(ledger.contains(" open. In a terminal") || ledger.contains("round trips. In a terminal"), "{ledger}");
    session.kill();
}
