//! What every view says of a live run, while it runs, after `kill -9`, and after a person's acts: one instant, one state.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::bench;
use crate::session;

use bench::{Bench, PAIR};
use carry::domain::Amount;
use serde_json::{Value, json};
use session::{ended, text};

fn json(bench: &Bench, args: &[&str]) -> Value {
    let state = bench.state();
    let all: Vec<&str> = args.iter().copied().chain(["--state", text(&state), "--json"]).collect();
    let (code, out, problems) = ended(&all);
    assert_eq!(code, 0, "{args:?}: {out}{problems}");
    serde_json::from_str(&out).unwrap()
}

fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().unwrap()).unwrap()
}

/// The lines sum to the change in equity, and the pair's own lines are those of the whole.
fn sums(bench: &Bench) -> Value {
    let pnl = json(bench, &["pnl", "--by", "pair"]);
    assert_eq!((pnl["difference"].as_str(), pnl["pnl"]["unexplained"].as_str()), (Some("0"), Some("0")), "{pnl}");
    assert_eq!(amount(&pnl["change"]), amount(&pnl["sum"]), "{pnl}");
    pnl
}

#[test]
fn l35_every_view_values_the_books_now_and_not_at_the_last_hourly_row() {
    let bench = Bench::with_before("20", &["--futures-balance", "20000"]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.until(&run, "adoption", || bench.verb(&["adopt", PAIR, "--yes"]).0 == 0);
    let pnl = sums(&bench);
    assert_eq!(pnl["finished"], false);
    let before = (pnl["to_ms"].as_i64().unwrap(), amount(&pnl["equity"]));
    // The price moves: what is valued later is worth something else, and is no older than it says.
    bench.act(&json!({ "act": "premium", "symbol": "BTCUSDT", "to": "0.002", "over": "10s" }));
    bench.until(&run, "a later value", || amount(&json(&bench, &["pnl"])["equity"]) != before.1);
    let pnl = sums(&bench);
    assert!(pnl["to_ms"].as_i64().unwrap() > before.0, "{pnl}");
    let status = json(&bench, &["status"]);
    assert!(status["equity_at_ms"].as_i64().unwrap() >= pnl["to_ms"].as_i64().unwrap(), "{status}");
    assert_eq!(status["equity_at_ms"], status["clock_ms"], "{status}");
    let report = json(&bench, &["report"]);
    assert_eq!(report["summary"]["pnl"]["unexplained"], "0", "{report}");
    let (from, to) = (amount(&report["summary"]["capital"]), amount(&report["summary"]["final_equity"]));
    let lines = report["summary"]["pnl"].as_object().unwrap();
    assert_eq!(lines.values().map(amount).sum::<Amount>(), to - from, "{report}");
    // Killed: the books are worth what they were at the last commit, and say so; nothing is unequal.
    run.kill();
    let dead = sums(&bench);
    let status = json(&bench, &["status"]);
    assert_eq!(status["equity"], dead["equity"]);
    assert_eq!(status["equity_at_ms"], dead["to_ms"]);
    let (_, screen, _) = ended(&["status", "--state", text(&bench.state())]);
    assert!(screen.contains("hedged    not known now; at the last commit 1 open"), "{screen}");
}

/// The reasons that a view gives, by their words.
fn reasons(view: &Value) -> Vec<String> {
    let stops = view["stops"].as_array().cloned().unwrap_or_default();
    stops.iter().map(|stop| stop["why"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn l23_one_state_with_its_reason_everywhere_and_no_process_after_a_kill() {
    let bench = Bench::with_before("20", &["--futures-balance", "20000"]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.until(&run, "adoption", || bench.verb(&["adopt", PAIR, "--yes"]).0 == 0);
    bench.until(&run, "ready", || json(&bench, &["status"])["state"] == "ready");
    // A hand that is not ours: every view says so, and what clears it.
    bench.act(&json!({ "act": "foreign", "symbol": "BTCUSDT", "market": "spot", "side": "buy", "quantity": "0.01" }));
    bench.until(&run, "the foreign hand", || reasons(&json(&bench, &["status"])).contains(&"foreign".to_owned()));
    let status = json(&bench, &["status"]);
    assert_eq!((&status["state"], &status["bot"]), (&json!("reduce_only"), &json!("reduce_only")), "{status}");
    assert_eq!(status["pairs"][0]["may_enter"], false, "{status}");
    let pairs = bench.verb(&["pairs"]).1;
    assert_eq!(pairs["result"]["state"], "reduce_only", "{pairs}");
    assert!(reasons(&pairs["result"]).contains(&"foreign".to_owned()), "{pairs}");
    let state = bench.state();
    let (_, text_of, _) = ended(&["status", "--state", text(&state)]);
    assert!(text_of.contains("REDUCE_ONLY") && text_of.contains("carry clear-halt --reason TEXT"), "{text_of}");
    // Money that somebody brings is no profit.
    let before = amount(&json(&bench, &["pnl"])["net"]);
    bench.act(&json!({ "act": "deposit", "wallet": "perp", "asset": "USDT", "amount": "13415" }));
    bench.until(&run, "the deposit", || amount(&json(&bench, &["pnl"])["pnl"]["transfers"]) >= Amount::whole(13415));
    let after = amount(&json(&bench, &["status"])["net"]);
    assert!((after - before).abs() < Amount::whole(1000), "net {before} became {after}");

    run.kill();
    let status = json(&bench, &["status"]);
    assert_eq!((&status["state"], &status["bot"]), (&json!("no_process"), &json!("no_process")), "{status}");
    let stop = &status["stops"][0];
    assert!(stop["text"].as_str().unwrap().contains("nobody hedges") && stop["text"].as_str().unwrap().contains(PAIR));
    assert!(stop["clear"].as_str().unwrap().starts_with("carry live"), "{stop}");
    assert!(reasons(&status).contains(&"foreign".to_owned()), "{status}");
    let pairs = bench.verb(&["pairs"]);
    assert_eq!((pairs.0, &pairs.1["result"]["state"]), (0, &json!("no_process")), "{}", pairs.1);
    let (_, text_of, _) = ended(&["pairs", "--state", text(&state)]);
    assert!(text_of.starts_with("state NO_PROCESS"), "{text_of}");
}

#[test]
fn l22_one_account_has_one_session_on_a_machine_whatever_the_folder() {
    let bench = Bench::new("20", &[]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    // Another folder with the same key.
    let consent = ["--set", "live.shadow_hours=0s", "--set", "live.max_notional=10000usdt", "--consent"];
    let args = bench.live_args(&[&consent[..], &["I accept 10000 usdt"]].concat());
    let other = text(&bench.path("other")).to_owned();
    let of_other: Vec<&str> =
        args.iter().map(|word| if word == text(&bench.state()) { other.as_str() } else { word.as_str() }).collect();
    let (code, _, problems) = ended(&of_other);
    assert_eq!(code, 7, "{problems}");
    assert!(problems.contains("another carry of this machine trades on this account"), "{problems}");
    // A lock that somebody deleted lets nobody in.
    std::fs::remove_file(bench.state().join("lock")).unwrap();
    let same: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, _, problems) = ended(&same);
    assert_eq!(code, 7, "{problems}");
    assert!(problems.contains("is in use by another process"), "{problems}");
    // The end of a process lets go, however it ends.
    run.kill();
    let again = bench.live();
    bench.until(&again, "the socket", || bench.verb(&["orders"]).0 == 0);
    again.signal("TERM");
    assert_eq!(again.finished().0, 0);
}

#[test]
fn l36_real_money_needs_both_consents() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    let mut add = session::carry(&["keys", "add", "real", "--venue", "binance", "--keys", text(&keys)]);
    let mut adding = add.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().unwrap();
    // Nobody's key: it is refused before anything is asked.
    let body = json!({ "key": "Kk1".repeat(21) + "9", "secret": "Ss7".repeat(21) + "3" }).to_string();
    std::io::Write::write_all(&mut adding.stdin.take().unwrap(), body.as_bytes()).unwrap();
    assert!(adding.wait().unwrap().success());
    let state = folder.path().join("s");
    let (code, _, problems) = ended(&[
        "live",
        "--key",
        "real",
        "--keys",
        text(&keys),
        "--state",
        text(&state),
        "--set",
        "strategy.pairs=[\"binance:BTCUSDT\"]",
    ]);
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("both consents, the verb and mode = \"live\""), "{problems}");
    assert!(!state.exists(), "nothing was begun");
}
