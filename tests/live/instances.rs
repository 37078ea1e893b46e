//! Two runs of one strategy on one account, as from two machines: the lock of a machine does not reach the other one, and only
//! the orders at the venue tell (faults G15, G16).
use super::count;
use super::rig::{HIGH, Rig, Watched, compressed};
use carry::domain::Amount;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How much faster than time the venue's clock runs.
const SPEED: u32 = 100;
/// Real time that something may take.
const PATIENCE: Duration = Duration::from_secs(100);
const MINUTE: i64 = 60_000;

/// The venue, and the runs on it by the names of their folders.
struct Two {
    rig: Rig,
    runs: Vec<(&'static str, Watched)>,
}

impl Two {
    fn new(script: &str) -> Self {
        Self { rig: Rig::new(script, SPEED), runs: Vec::new() }
    }

    /// Starts one; the second one's address has another name, as if from another machine.
    fn start(&mut self, folder: &'static str) {
        let base =
            if folder == "state" { self.rig.base.clone() } else { self.rig.base.replace("127.0.0.1", "localhost") };
        self.runs.push((folder, Watched::start(self.rig.live_in(folder, &base, "60d", &[]))));
    }

    fn now(&self) -> i64 {
        self.rig.get("/carry/clock")["now_ms"].as_i64().unwrap()
    }

    fn status(&self, folder: &str) -> Value {
        self.rig.control(folder, &json!({ "verb": "status" })).unwrap_or_default()["result"].clone()
    }

    fn rang(&self, folder: &str, kind: &str) -> bool {
        count(&self.status(folder)["alarms"][kind]) > 0
    }

    /// Waits until it holds; a run that ends is a failed test.
    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let patience = Instant::now() + PATIENCE;
        while !holds(self) {
            let place = self.runs.iter_mut().position(|(_, run)| run.ends_within(Duration::from_millis(10)));
            if let Some(place) = place {
                let (folder, run) = self.runs.remove(place);
                let ran = run.kill();
                panic!("{what}: {folder} ended, exit {:?}: {}", ran.code, ran.err);
            }
            let shown: Vec<Value> = self.runs.iter().map(|(folder, _)| self.status(folder)).collect();
            assert!(Instant::now() < patience, "{what} did not happen: {shown:?}");
        }
    }

    fn speed(&self, times: u32) {
        assert!(self.rig.asked("POST", &format!("/carry/clock/speed?x={times}"), "").0);
    }

    /// Waits so many minutes of the venue, which pass faster.
    fn pass(&mut self, minutes: i64) {
        let until = self.now() + minutes * MINUTE;
        self.speed(3 * SPEED);
        self.until("time passes", |two| two.now() >= until);
        self.speed(SPEED);
    }

    /// Goes on fast to half a minute before the next full interval of the venue's clock, and slowly from there.
    fn calm_at(&mut self, interval: i64) {
        let turn = (self.now() / interval + 1) * interval - MINUTE / 2;
        self.speed(3 * SPEED);
        self.until("the turn comes", |two| two.now() >= turn);
        self.speed(SPEED / 5);
    }

    /// Orders that the venue got.
    fn orders(&self) -> usize {
        self.rig.get("/carry/requests")["new_orders"].as_object().unwrap().len()
    }

    /// Spot coins and the short at the venue.
    fn coins(&self) -> (Amount, Amount) {
        let books = self.rig.get("/carry/books");
        let amount = |value: &Value| value.as_str().and_then(|text| Amount::parse(text).ok()).unwrap_or_default();
        (amount(&books["spot"]["BTC"]["total"]), amount(&books["positions"]["BTCUSDT"]["coins"]))
    }

    fn is_hedged(&self, folder: &str) -> bool {
        let pair = &self.status(folder)["pairs"][0];
        pair["phase"] == "hedged" && pair["spot_coins"] != "0"
    }

    fn end(&mut self, folder: &str) {
        let place = self.runs.iter().position(|(name, _)| *name == folder).unwrap();
        self.runs.remove(place).1.kill();
    }

    /// A folder as the machine of its run left it, on another machine: what it remembers of its place is not there.
    fn copied(&self, to: &str) {
        let (from, to) = (self.rig.path("state"), self.rig.path(to));
        std::fs::create_dir_all(&to).unwrap();
        for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm"] {
            let _ = std::fs::copy(from.join(name), to.join(name));
        }
        let file = rusqlite::Connection::open(to.join("ledger.sqlite")).unwrap();
        let set = "UPDATE meta SET value = '1 /nowhere/ledger.sqlite' WHERE key = 'home'";
        assert_eq!(file.execute(set, []).unwrap(), 1);
    }
}

fn lot() -> Amount {
    Amount::parse("0.001").unwrap()
}

#[test]
fn g15_a_second_run_on_the_account_says_so_and_sends_no_order() {
    let mut two = Two::new(HIGH);
    two.start("state");
    two.until("the first holds its pair", |two| two.is_hedged("state"));
    two.pass(3);
    let (orders, before) = (two.orders(), two.coins());
    two.start("other");
    two.until("the second notices", |two| two.rang("other", "other_instance"));
    two.pass(70);
    assert_eq!((two.orders(), two.coins()), (orders, before), "a settlement later nobody has ordered anything");
    assert_ne!(two.status("other")["state"], "ready");
    let stops = two.status("other")["stops"].to_string();
    assert!(stops.contains("foreign"), "{stops}");
    // The first one keeps its pair.
    assert!(two.is_hedged("state"));
    assert!(!two.rang("state", "difference"), "{}", two.status("state"));
    two.end("other");
}

#[test]
fn g15_two_runs_that_enter_at_the_same_time_notice_each_other_and_stop_hedged() {
    // Nothing is worth an entry before both are up: then they decide at the same settlement.
    let mut two = Two::new(&HIGH.replace("0.0001", "0"));
    two.start("state");
    two.start("other");
    let is_ready = |two: &Two, folder| two.status(folder)["state"] == "ready";
    two.until("both are ready", |two| is_ready(two, "state") && is_ready(two, "other"));
    assert_eq!(two.orders(), 0, "they enter at the turn");
    two.rig.fault(&json!({ "act": "funding", "symbol": "BTCUSDT", "rate": "0.0001" }));
    // From here on slowly until they know of each other: on a fast clock an answer takes minutes on a machine that is busy.
    two.calm_at(60 * MINUTE);
    two.until("an order", |two| two.orders() > 0);
    let noticed = |two: &Two, folder| two.rang(folder, "other_instance") || two.rang(folder, "foreign");
    two.until("somebody notices", |two| noticed(two, "state") || noticed(two, "other"));
    // Both are past what they had begun.
    two.pass(10);
    let (orders, (spot, perp)) = (two.orders(), two.coins());
    assert!((spot + perp).abs() <= lot(), "legs are unequal: {spot} and {perp}");
    two.pass(70);
    assert_eq!(two.orders(), orders, "a settlement later nobody has ordered anything more");
    let told: Vec<Value> = ["state", "other"].iter().map(|folder| two.status(folder)["alarms"].clone()).collect();
    println!("{orders} orders, {spot} and {perp}, {told:?}");
    // Whoever had not begun is a bystander; of two that had, both know.
    let both = two.is_hedged("state") && two.is_hedged("other");
    assert!(!both || noticed(&two, "state") && noticed(&two, "other"), "{told:?}");
}

#[test]
fn g16_a_copied_folder_beside_its_original_is_refused_and_on_another_machine_it_sells_nothing_that_was_there_before() {
    let mut two = Two::new(&format!("{HIGH}{}", compressed(70)));
    // Coins of the person: they are no part of the pair.
    two.rig.fault(&json!({ "act": "deposit", "wallet": "spot", "asset": "BTC", "amount": "0.7" }));
    two.start("state");
    two.until("it holds its pair", |two| two.is_hedged("state"));
    two.pass(2);
    two.end("state");
    two.copied("other");
    // Beside its original, with what it remembers of its place.
    let (from, beside) = (two.rig.path("state"), two.rig.path("beside"));
    std::fs::create_dir_all(&beside).unwrap();
    for name in ["ledger.sqlite", "ledger.sqlite-wal"] {
        let _ = std::fs::copy(from.join(name), beside.join(name));
    }
    let refused = Rig::run(two.rig.live_in("beside", &two.rig.base, "5m", &[]), 60);
    assert!(refused.err.contains("which is still there"), "exit {:?}: {}", refused.code, refused.err);
    assert_ne!(refused.code, Some(0));
    let orders = two.orders();
    two.start("state");
    two.start("other");
    two.until("both are up", |two| two.status("state").is_object() && two.status("other").is_object());
    // Both leave at the turn, as both believe the pair to be theirs.
    // There the venue's clock goes slowly: what parts them are seconds of it, which must not pass while this machine is busy.
    two.calm_at(8 * 60 * MINUTE);
    two.until("an exit", |two| two.orders() > orders);
    // The clock stays slow until they know of each other: an answer on its way takes minutes of a fast one.
    two.until("somebody notices", |two| two.rang("state", "other_instance") || two.rang("other", "other_instance"));
    two.pass(30);
    let (spot, perp) = two.coins();
    let sent = two.orders() - orders;
    let told: Vec<Value> = ["state", "other"].iter().map(|folder| two.status(folder)["alarms"].clone()).collect();
    println!("{sent} orders, {spot} and {perp} left, {told:?}");
    assert!(spot >= Amount::parse("0.699").unwrap(), "coins of before were sold: {spot} left; {told:?}");
    assert!(perp.abs() <= lot(), "{perp} left; {told:?}");
    assert!(two.rang("state", "other_instance") || two.rang("other", "other_instance"), "{told:?}");
}
