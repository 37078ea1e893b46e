//! One live run under each fault script, as real processes: whatever goes wrong on the way, the end is right.
//!
//! Each row names a fault of the catalogue, what the venue does, and how it must end. `cargo test` takes a sample;
//! `CARRY_FAULTS=all cargo test --test live faults -- --nocapture` runs every row and prints a line for each;
//! `CARRY_FAULTS=a04` runs those whose name begins so.
use super::rig::{HIGH, Ran, Rig, compressed};
use super::scripts::{End, ROWS, Row};
use carry::domain::Amount;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much faster than time the venue's clock runs.
const SPEED: u32 = 250;
/// Rows that run at once: they mostly wait.
const AT_ONCE: usize = 4;
/// Every so many rows are the sample of `cargo test`.
const SAMPLE: usize = 14;

fn chosen() -> Vec<&'static Row> {
    match std::env::var("CARRY_FAULTS") {
        Ok(all) if all == "all" => ROWS.iter().collect(),
        Ok(name) => ROWS.iter().filter(|row| row.name.starts_with(&name)).collect(),
        Err(_) => ROWS.iter().step_by(SAMPLE).collect(),
    }
}

/// What is wrong with the end of a run; nothing when all is well.
fn judge(row: &Row, rig: &Rig, ran: &Ran) -> Result<String, String> {
    let summary: serde_json::Value =
        serde_json::from_str(&ran.out).map_err(|_| format!("no summary, exit {:?}: {}", ran.code, ran.err))?;
    // Where a stranger moved the account, a run that was stopped may say that it is in doubt.
    let fine = ran.code == Some(0) || matches!(row.end, End::Apart) && ran.code == Some(6);
    if !fine {
        return Err(format!("exit {:?}: {}", ran.code, ran.err));
    }
    for (id, arrived) in rig.get("/carry/requests")["new_orders"].as_object().unwrap() {
        if arrived != 1 {
            return Err(format!("I2: {id} arrived {arrived} times"));
        }
    }
    if summary["pnl"]["unexplained"] != "0" {
        return Err(format!("I5: unexplained {}", summary["pnl"]["unexplained"]));
    }
    let (ledger, books) = (rig.ledger(), rig.books());
    let equal = ledger == books;
    let alarms = &summary["alarms"];
    if let Some(kind) = row.alarm
        && alarms.get(kind).is_none()
    {
        return Err(format!("I19: no alarm {kind}, only {alarms}"));
    }
    let naked = summary["max_naked_notional"].as_str().and_then(|text| Amount::parse(text).ok()).unwrap();
    if naked > Amount::whole(60_000) {
        return Err(format!("I3: {naked} naked by our own orders"));
    }
    let open = summary["open_pairs"].as_u64().unwrap();
    let held = rig.get("/carry/books")["positions"]["BTCUSDT"]["coins"].as_str().unwrap_or("0").to_owned();
    let fine = match row.end {
        End::Flat => equal && open == 0 && held == "0",
        End::Apart => true,
    };
    let told = format!(
        "open {open} position {held} equal {equal} orders {} trips {} alarms {alarms}",
        summary["orders"], summary["round_trips"]
    );
    if fine { Ok(told) } else { Err(format!("{told}\nledger {ledger:?}\nvenue  {books:?}\n{}", ran.err)) }
}

fn play(row: &Row) -> Result<String, String> {
    let script = format!("{HIGH}{}{}", compressed(150), row.script);
    let rig = Rig::new(&script, SPEED);
    let mut words = Vec::new();
    for key in row.set {
        words.extend(["--set", key]);
    }
    let ran = Rig::run(rig.live("245m", &words), 300);
    rig.search(&[&ran]);
    judge(row, &rig, &ran)
}

#[test]
fn the_end_is_right_under_every_fault_script() {
    let rows = chosen();
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                    match std::panic::catch_unwind(|| play(row)) {
                        Ok(Ok(told)) => println!("ok    {:<28} {told}", row.name),
                        Ok(Err(problem)) => {
                            println!("FAIL  {:<28} {}", row.name, problem.lines().next().unwrap_or(""));
                            failed.lock().unwrap().push(format!("{}: {problem}", row.name));
                        }
                        Err(_) => failed.lock().unwrap().push(format!("{}: panicked", row.name)),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} rows:\n{}", failed.len(), rows.len(), failed.join("\n\n"));
}

#[test]
fn each_script_is_named_for_its_fault_and_there_are_forty() {
    assert!(ROWS.len() >= 40, "{}", ROWS.len());
    for row in ROWS {
        let (id, _) = row.name.split_once('_').unwrap();
        assert!(id.len() == 3 && id.starts_with(['a', 'b', 'c', 'd', 'e', 'f', 'h']), "{}", row.name);
    }
}
