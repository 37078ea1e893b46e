//! A person at a live run, with real binaries on all three ends: the simulated venue, the run on its clock, and the verbs.

use crate::bench;
use crate::session;

use bench::{Bench, PAIR};
use carry::domain::Amount;
use serde_json::{Value, json};
use session::{carry, ended, text};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

#[test]
fn h15_a_person_opens_closes_and_stops_a_live_run() {
    let bench = Bench::new("20", &[]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    // A pause forbids an opening, whoever wants it.
    assert_eq!(bench.verb(&["pause"]).1["result"]["paused"], true);
    let open = |size: &str| bench.verb(&["open", PAIR, "--size", size, "--yes"]);
    let (code, _, problems) = open("3000usdt");
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("not opened: the session is paused"), "{problems}");
    assert_eq!(bench.verb(&["resume"]).0, 0);
    for (size, exit, words) in [
        ("3000usdc", 2, "size: expected money in the pair's quote coin, for example 1000usdt"),
        ("much", 2, "size: expected money"),
        ("1usdt", 4, "it is less than both legs of the pair take"),
        ("20000usdt", 4, "it is more than the shares of size"),
    ] {
        let (code, _, problems) = open(size);
        assert_eq!(code, exit, "{size}: {problems}");
        assert!(problems.contains(words), "{size}: {problems}");
    }
    // U14: without agreement there is a plan and no order, and the exit code says that nothing was sent.
    let (code, report, _) = bench.verb(&["open", PAIR, "--size", "3000usdt"]);
    assert_eq!((code, report["plan"]["orders"].as_array().unwrap().len()), (4, 2), "{report}");
    assert_eq!((&report["sent"], &report["done"]), (&json!(false), &json!(false)), "{report}");
    let (code, report, problems) = open("3000usdt");
    assert_eq!(code, 0, "{problems}");
    assert!(report["result"]["opening"].is_string(), "{report}");
    bench.until(&run, "hedged", || bench.phase_is("hedged"));
    assert!(open("3000usdt").2.contains("it holds a position already"));
    bench.until(&run, "all settled", || bench.verb(&["orders"]).1["result"]["orders"].as_array().unwrap().is_empty());
    bench.until(&run, "a comparison after the fills", || bench.verb(&["reconcile"]).0 == 0);
    assert_eq!(bench.verb(&["close", PAIR, "--yes"]).0, 0);
    bench.until(&run, "flat", || bench.phase_is("flat"));

    // A stop in the middle of an entry: clips that are under way are finished, and nothing is unequal at the end.
    bench.until(&run, "a second opening", || open("5000usdt").0 == 0);
    bench.until(&run, "entering", || bench.pair()["spot_coins"] != "0");
    run.signal("TERM");
    let (code, out) = run.finished();
    assert_eq!(code, 0, "{out}\n{}", bench.log());
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["pnl"]["unexplained"], "0", "{out}");
    let (_, status, _) = {
        let state = bench.state();
        let (code, out, problems) = ended(&["status", text(&state), "--json"]);
        (code, serde_json::from_str::<Value>(&out).unwrap(), problems)
    };
    let pair = &status["pairs"][0];
    assert_eq!(pair["perp_coins"].as_str().unwrap(), format!("-{}", pair["target"].as_str().unwrap()), "{status}");
    let coins = |name: &str| carry::domain::Amount::parse(pair[name].as_str().unwrap()).unwrap();
    let off = coins("spot_coins") + coins("perp_coins");
    assert!(off.abs() < carry::domain::Amount::parse("0.001").unwrap(), "{status}");
    assert_eq!(status["unsettled"].as_array().unwrap().len(), 0);
    // The stop is no pause: the next start may enter again.
    assert_eq!(status["paused"], false);
    let again = bench.live();
    bench.until(&again, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&again);
    assert_eq!(bench.verb(&["flatten", "--yes"]).0, 0);
    bench.until(&again, "flat again", || bench.phase_is("flat"));
    again.signal("INT");
    assert_eq!(again.finished().0, 0);
}

#[test]
fn a04_an_order_in_doubt_is_shown_and_kept_and_a_second_signal_ends_with_the_doubt_told() {
    let bench = Bench::new("20", &[]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    // The order's request breaks off, and nobody tells what became of it.
    bench.act(&json!({ "match": { "path": "/api/v3/order", "method": "POST", "times": 1 }, "drop_before": true }));
    bench.act(&json!({ "match": { "path": "/api/v3/order", "method": "GET" }, "status": 503 }));
    bench.act(&json!({ "match": { "path": "/api/v3/openOrders", "method": "GET" }, "status": 503 }));
    bench.until(&run, "an opening", || bench.verb(&["open", PAIR, "--size", "3000usdt", "--yes"]).2.is_empty());
    let orders = || bench.verb(&["orders"]).1["result"]["orders"].as_array().cloned().unwrap_or_default();
    bench.until(&run, "the doubt", || orders().iter().any(|order| order["state"] == "unknown"));
    let id = orders()[0]["id"].as_str().unwrap().to_owned();
    // A person's word alone settles nothing: the venue is asked, and does not answer.
    let (code, _, problems) = bench.verb(&["resolve", &id, "--as", "executed", "--yes"]);
    assert_eq!(code, 6, "{problems}");
    assert!(problems.contains("the outcome of 1 orders is not known"), "{problems}");
    let (code, _, problems) = bench.verb(&["resolve", &id, "--as", "absent", "--yes"]);
    assert_eq!(code, 3, "{problems}");
    assert!(problems.contains("that it has no such order"), "{problems}");
    assert_eq!(orders().len(), 1, "no second order while the first is in doubt: {:?}", orders());
    // A stop waits for what is in doubt; a second one does not.
    run.signal("TERM");
    run.signal("INT");
    let (code, out) = run.finished();
    assert_eq!(code, 6, "{out}\n{}", bench.log());
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["pnl"]["unexplained"], "0", "{out}");
    let state = bench.state();
    let keys = bench.path("keys.json");
    let asked = ["reconcile", "--key", "test", "--keys", text(&keys), "--base-url", &bench.base, "--clock", "venue"];
    let (code, out, problems) = ended(&[&asked[..], &["--state", text(&state), "--json"]].concat());
    // The list of open orders is down too: nothing is concluded from that.
    assert_eq!(code, 5, "{out}{problems}");
}

#[test]
fn h16_g20_a_halt_stays_while_ledger_and_venue_differ_and_what_was_there_is_adopted() {
    let bench = Bench::with_before("20", &["--futures-balance", "20000"]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.until(&run, "the difference", || bench.verb(&["reconcile"]).0 == 3);
    assert!(bench.verb(&["reconcile"]).2.contains("position"), "{}", bench.verb(&["reconcile"]).2);
    assert_eq!(bench.verb(&["halt"]).1["result"]["bot"], "halted");
    let (code, _, problems) = bench.verb(&["clear-halt", "--reason", "no reason"]);
    assert_eq!(code, 3, "{problems}");
    assert!(problems.contains("a halt is not cleared before they agree"), "{problems}");
    // Without consent there is a plan alone, once lists and prices are there.
    bench.until(&run, "a plan", || bench.verb(&["adopt", PAIR]).1["plan"].is_object());
    bench.until(&run, "adoption", || bench.verb(&["adopt", PAIR, "--yes"]).0 == 0);
    bench.until(&run, "agreement", || bench.verb(&["reconcile"]).0 == 0);
    let pair = bench.pair();
    assert_eq!((&pair["phase"], &pair["perp_coins"]), (&json!("hedged"), &json!("-0.05")), "{pair}");
    bench.until(&run, "a cleared halt", || bench.verb(&["clear-halt", "--reason", "adopted"]).0 == 0);
    assert_eq!(bench.verb(&["close", PAIR, "--yes"]).0, 0);
    bench.until(&run, "flat", || bench.phase_is("flat"));
    bench.until(&run, "agreement after the close", || bench.verb(&["reconcile"]).0 == 0);
    run.signal("TERM");
    let (code, out) = run.finished();
    assert_eq!(code, 0, "{out}");
    let summary: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(summary["pnl"]["unexplained"], "0", "{out}");
}

#[test]
fn h11_money_that_a_person_moves_is_booked_as_the_venue_tells_it_or_as_a_person_accepts() {
    let bench = Bench::new("20", &[]);
    let deposit = |wallet: &str, asset: &str, amount: &str| {
        bench.act(&json!({ "act": "deposit", "wallet": wallet, "asset": asset, "amount": amount }));
    };
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    let refused = bench.verb(&["accept", "--yes"]);
    assert_eq!(refused.0, 4, "{}", refused.2);
    assert!(refused.2.contains("ledger and venue do not differ"), "{}", refused.2);
    let balance = |account: &str, asset: &str| {
        let (_, out, _) = ended(&["ledger", text(&bench.state()), "--balances", "--json"]);
        let report: Value = serde_json::from_str(&out).unwrap();
        let rows = report["balances"].as_array().unwrap().clone();
        let row = rows.iter().find(|row| row["account"] == account && row["asset"] == asset);
        row.map_or("0".to_owned(), |row| row["balance"].as_str().unwrap().to_owned())
    };
    let spot = || Amount::parse(&balance("wallet:binance:spot", "USDT")).unwrap();
    let wanted = spot() + Amount::parse("1234.5").unwrap();
    // While it runs, the stream tells it.
    deposit("spot", "USDT", "1234.5");
    bench.until(&run, "the deposit in the ledger", || spot() == wanted);
    bench.until(&run, "agreement", || bench.verb(&["reconcile"]).0 == 0);
    // It is no stranger's hand: a person may open.
    bench.opened(&run, "3000usdt");
    run.signal("TERM");
    assert_eq!(run.finished().0, 0);

    // While it does not run, nobody tells it.
    deposit("spot", "USDT", "-500");
    deposit("spot", "SOL", "3");
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.until(&run, "the differences", || bench.verb(&["reconcile"]).0 == 3);
    bench.until(&run, "a plan", || bench.verb(&["accept"]).1["plan"].is_object());
    let (_, report, _) = bench.verb(&["accept"]);
    let rows: Vec<String> = report["plan"]["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {} {}", row["leg"], row["side"], row["coins"], row["quote"]))
        .collect();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert!(rows.iter().any(|row| row.contains("take") && row.contains("500")), "{rows:?}");
    bench.until(&run, "the booking", || bench.verb(&["accept", "--yes"]).0 == 0);
    bench.until(&run, "agreement again", || bench.verb(&["reconcile"]).0 == 0);
    // Coins of a pair that are missing are no free money: the plan says whose they are.
    deposit("spot", "BTC", "-0.01");
    bench.until(&run, "missing coins", || bench.verb(&["reconcile"]).0 == 3);
    bench.until(&run, "a plan that names the pair", || {
        let rows = bench.verb(&["accept"]).1["plan"]["orders"].as_array().cloned().unwrap_or_default();
        rows.iter().any(|row| row["pair"] == PAIR && row["side"] == "book sell" && row["coins"] == "0.01")
    });
    deposit("spot", "BTC", "0.01");
    bench.until(&run, "agreement at last", || bench.verb(&["reconcile"]).0 == 0);
    run.signal("TERM");
    let (code, out) = run.finished();
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["pnl"]["unexplained"], "0", "exit {code}: {out}");
}

#[test]
fn real_money_waits_for_the_shadow_and_for_consent() {
    let bench = Bench::new("300", &[]);
    let refused = |more: &[&str]| {
        let args = bench.live_args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (code, _, problems) = ended(&args);
        (code, problems)
    };
    let (code, problems) = refused(&[]);
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("this strategy has run 0 h of 24 h in the shadow; 24 h are missing"), "{problems}");
    assert!(problems.contains("run: carry shadow --state"), "{problems}");
    let waived = ["--set", "live.shadow_hours=0s", "--set", "live.max_notional=2000usdt"];
    let (code, problems) = refused(&waived);
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("nobody consented to more than 500"), "{problems}");
    let (code, problems) = refused(&[&waived[..], &["--consent", "yes"]].concat());
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("the consent must read exactly: I accept 2000 usdt"), "{problems}");
    // Below the key's range is an error of the configuration.
    let (code, problems) = refused(&["--set", "live.shadow_hours=1s"]);
    assert_eq!(code, 2, "{problems}");

    // An hour in the shadow on the venue's clock is an hour; the time in which it could not see the market does not count.
    let shadow = bench.start(&bench.args(&["shadow", "--for", "110m"]), "live.log");
    let (code, out) = shadow.finished();
    assert_eq!(code, 0, "{out}\n{}", bench.log());
    let (code, problems) = refused(&["--set", "live.shadow_hours=2h"]);
    assert_eq!(code, 4);
    assert!(problems.contains("this strategy has run 1 h"), "{problems}");
    let live = bench.start(&bench.live_args(&["--set", "live.shadow_hours=1h", "--for", "1m"]), "live.log");
    let (code, out) = live.finished();
    assert_eq!(code, 0, "{out}\n{}", bench.log());
}

#[test]
fn g18_a_paper_run_on_a_real_market_is_worked_by_the_same_verbs() {
    let bench = Bench::new("20", &[]);
    let run = bench.start(&bench.args(&["paper", "--market", "live"]), "live.log");
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    bench.opened(&run, "3000usdt");
    let state = bench.state();
    let mut watch = carry(&["status", text(&state), "--watch", "--json"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("carry.status.live/1")));
    watch.kill().unwrap();
    watch.wait().unwrap();
    let (code, fills, _) = ended(&["fills", text(&state), "--json"]);
    assert!(code == 0 && fills.contains("\"operator\""), "{fills}");
    assert_eq!(bench.verb(&["adopt", PAIR, "--yes"]).0, 1, "nothing was there before");
    assert_eq!(bench.verb(&["flatten", "--yes"]).0, 0);
    bench.until(&run, "flat", || bench.phase_is("flat"));
    run.signal("TERM");
    assert_eq!(run.finished().0, 0);
}

/// The books are older than the account: as after a backup that was restored.
#[test]
fn l24_a_restored_backup_is_led_back_to_the_venue_in_one_order_of_acts() {
    let bench = Bench::new("20", &["--futures-balance", "20000"]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    bench.opened(&run, "3000usdt");
    bench.until(&run, "settled", || bench.verb(&["orders"]).1["result"]["orders"].as_array().unwrap().is_empty());
    run.signal("TERM");
    assert_eq!(run.finished().0, 0);
    // Meanwhile a person closes a part of both legs, and moves money away.
    for (market, side) in [("spot", "sell"), ("perp", "buy")] {
        bench
            .act(&json!({ "act": "foreign", "symbol": "BTCUSDT", "market": market, "side": side, "quantity": "0.01" }));
    }
    bench.act(&json!({ "act": "deposit", "wallet": "spot", "asset": "USDT", "amount": "-250" }));
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    // The person types what `reconcile` names, one after the other, until it names nothing.
    let mut typed: Vec<String> = Vec::new();
    bench.until(&run, "nothing left to do", || {
        let (code, report, _) = bench.verb(&["reconcile"]);
        let steps = report["result"]["steps"].as_array().cloned().unwrap_or_default();
        let settled = code == 0 && report["result"]["agree"] == true && steps.is_empty();
        if let Some(step) = steps.first() {
            let words: Vec<String> = step["type"].as_str().unwrap().split(' ').skip(1).map(str::to_owned).collect();
            let mut words: Vec<&str> = words.iter().map(|word| if word == "TEXT" { "looked" } else { word }).collect();
            if matches!(words[0], "accept" | "adopt" | "resolve") {
                words.push("--yes");
            }
            if bench.verb(&words).0 == 0 {
                TYPED.lock().unwrap().push(words.join(" "));
            }
        }
        settled
    });
    typed.extend(TYPED.lock().unwrap().drain(..));
    assert!(typed.len() <= 4, "no circle: {typed:?}");
    assert_eq!(bench.verb(&["reconcile"]).0, 0);
    bench.until(&run, "ready", || bench.verb(&["status"]).1["state"] == "ready");
    run.signal("TERM");
    let (code, out) = run.finished();
    assert_eq!(code, 0, "{out}");
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["pnl"]["unexplained"], "0", "{out}");
}

/// A transfer that the venue took and whose list it never gives: nothing can be compared until a person settles it.
#[test]
fn e14_a_transfer_in_doubt_is_settled_as_reconcile_says_and_not_against_the_wallets() {
    let faults = tempfile::NamedTempFile::new().unwrap();
    let script = r#"
calm = true
[[fault]]
match = { path = "/sapi/v1/asset/transfer", method = "POST" }
drop_after = true
[[fault]]
match = { path = "/sapi/v1/asset/transfer", method = "GET" }
status = 500
"#;
    std::fs::write(faults.path(), script).unwrap();
    // Too little margin in the perp wallet for an entry: the money has to move first.
    let bench = Bench::new("20", &["--futures-balance", "100", "--faults", text(faults.path())]);
    let run = bench.live();
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    bench.until(&run, "an opening", || bench.verb(&["open", PAIR, "--size", "3000usdt", "--yes"]).0 == 0);
    // It names the act, and exit code 6 says that something is in doubt.
    bench.until(&run, "a transfer in doubt", || bench.verb(&["reconcile"]).0 == 6);
    let (_, report, problems) = bench.verb(&["reconcile"]);
    assert!(problems.contains("has no known end"), "{problems}");
    let step = report["result"]["steps"][0]["type"].as_str().unwrap().to_owned();
    let words: Vec<&str> = step.split(' ').skip(1).collect();
    let ["resolve", id, "--as", "executed|absent"] = words[..] else { panic!("{step}") };
    let resolve = |word: &str, more: &[&str]| bench.verb(&[&["resolve", id, "--as", word], more].concat());
    // Without consent the plan shows the wallets.
    let (code, report, _) = resolve("executed", &[]);
    let plan = report["plan"]["text"].as_str().unwrap_or_default();
    assert!(code == 4 && plan.contains("spot wallet: ledger") && plan.contains("perp wallet: ledger"), "{report}");
    // The wallets prove that it arrived: the contrary is not booked.
    bench.until(&run, "the wallets", || resolve("absent", &["--yes"]).0 == 3);
    let (code, report, problems) = resolve("executed", &["--yes"]);
    assert_eq!((code, &report["result"]["done"]), (0, &json!("it is booked as arrived")), "{problems}");
    bench.until(&run, "a comparison without a difference", || bench.verb(&["reconcile"]).0 == 0);
    run.signal("TERM");
    run.finished();
}

/// What was typed; a closure that is asked again and again cannot own it.
static TYPED: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
