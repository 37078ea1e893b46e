//! Lists that are longer than a page: more executions than one answer holds, all at one instant, while no process ran (fault
//! C08).
use super::rig::{HIGH, Rig, Watched};
use super::{closed_books, count};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How much faster than time the venue's clock runs.
const SPEED: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(100);
/// Trades of a stranger each way: with both ways more than the thousand rows of a page, and twice as many rows of income.
const EACH_WAY: usize = 530;

fn until(rig: &Rig, run: &mut Watched, what: &str, mut holds: impl FnMut(&Rig) -> bool) {
    let patience = Instant::now() + PATIENCE;
    while !holds(rig) {
        assert!(!run.ends_within(Duration::from_millis(20)), "{what}: the run ended");
        let shown = || rig.control("state", &json!({ "verb": "reconcile" })).unwrap_or_default();
        assert!(Instant::now() < patience, "{what} did not happen: {}", shown());
    }
}

/// Types what `reconcile` names first; true when it names nothing and the books agree.
fn settled(rig: &Rig) -> bool {
    let ask = |line: &Value| rig.control("state", line).unwrap_or_default();
    let said = ask(&json!({ "verb": "reconcile" }));
    let Some(step) = said["result"]["steps"][0]["type"].as_str() else {
        return said["ok"] == true && said["result"]["agree"] == true;
    };
    let verb = step.split(' ').nth(1).unwrap_or_default();
    let mut line = json!({ "verb": verb });
    if verb == "clear-halt" {
        line["reason"] = "looked at by the test".into();
    }
    if let Some(token) = ask(&line)["plan"]["token"].as_str() {
        line["token"] = token.into();
        ask(&line);
    }
    false
}

#[test]
fn c08_more_executions_of_one_instant_than_a_page_holds_are_all_booked_after_a_start() {
    let rig = Rig::new(HIGH, SPEED);
    let mut run = Watched::start(rig.live("60d", &[]));
    until(&rig, &mut run, "a held pair", |rig| {
        let said = rig.control("state", &json!({ "verb": "pairs" })).unwrap_or_default();
        said["result"]["pairs"][0]["phase"] == "hedged"
    });
    run.kill();
    // A stranger trades to and fro, and the clock stands: every row has the same stamp.
    assert!(rig.asked("POST", "/carry/clock/hold", "").0);
    for _ in 0..EACH_WAY {
        for side in ["buy", "sell"] {
            let trade =
                json!({ "act": "foreign", "symbol": "BTCUSDT", "market": "perp", "side": side, "quantity": "0.001" });
            rig.fault(&trade);
        }
    }
    let books = rig.get("/carry/books");
    let made: usize =
        books["orders"].as_array().unwrap().iter().map(|one| one["executions"].as_array().unwrap().len()).sum();
    assert!(made > 2 * EACH_WAY && books["income"].as_array().unwrap().len() > 1_000, "{made} executions");
    assert!(rig.asked("POST", &format!("/carry/clock/speed?x={SPEED}"), "").0);
    let mut run = Watched::start(rig.live("60d", &[]));
    until(&rig, &mut run, "books that agree", settled);
    let status = rig.control("state", &json!({ "verb": "status" })).unwrap_or_default();
    assert!(count(&status["result"]["alarms"]["foreign"]) > 0, "{status}");
    run.kill();
    let ran = Rig::run(rig.live("5m", &[]), 100);
    closed_books(&rig, &ran);
    let fills = rig.ask(&["fills", "state", "--json"]);
    println!("{made} executions; alarms {}, {} bytes of fills", status["result"]["alarms"], fills.out.len());
}
