//! What every view says of a live run, while it runs, after `kill -9`, and after a person's acts: one instant, one state.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

#[path = "support/bench.rs"]
mod bench;
#[path = "support/session.rs"]
mod session;

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
    let bench = Bench::new("20", &["--futures-balance", "20000"]);
    for (market, side) in [("spot", "buy"), ("perp", "sell")] {
        bench
            .act(&json!({ "act": "foreign", "symbol": "BTCUSDT", "market": market, "side": side, "quantity": "0.05" }));
    }
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
}
