//! The universe at a real venue: `carry universe` and a live run with `strategy.pairs = "auto"` on a loopback venue of forty pairs, over
//! real sockets, one listed and one delisted while it runs.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;
use crate::session;

use carry::domain::universe::Outside;
use loopback::Venue;
use serde_json::{Value, json};
use session::{Running, ended, text};
use std::fmt::Write as _;
use std::path::Path;

/// The preset that is made for a universe.
const LADDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/strategies/ladder.toml");
/// Noon of a day.
const NOON: &str = "1760011200000";
/// It enters nothing by itself and leaves what trading leaves: the rest is what a person does.
const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = "auto"
[universe]
venues = ["binance"]
min_age = "0d"
min_volume = "1usd"
most = 60
[entry]
funding = "0.5%/8h"
[exit]
when = "all"
funding = "-0.5%/8h"
min_hold = "7d"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "10%"
"#;
const OWN: [&str; 5] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "WIFUSDT"];

/// A venue of forty pairs: its own five, and 35 that move with them.
fn forty(folder: &Path, more: &[&str]) -> Venue {
    let mut acts = String::new();
    for number in 1..=35 {
        write!(acts, "[[act]]\nact = \"list\"\nsymbol = \"X{number:02}USDT\"\nlike = \"{}\"\n", OWN[number % 5])
            .unwrap();
    }
    let file = folder.join("forty.toml");
    std::fs::write(&file, acts).unwrap();
    Venue::start(&[&["--seed", "7", "--start", NOON, "--faults", text(&file)], more].concat())
}

fn universe(venue: &Venue, sets: &[&str]) -> Value {
    let mut words =
        vec!["universe", "--strategy", LADDER, "--base-url", &venue.base, "--json", "--set", "universe.most=60"];
    words.extend(sets.iter().flat_map(|set| ["--set", *set]));
    let (code, out, problems) = ended(&words);
    assert_eq!(code, 0, "{problems}");
    serde_json::from_str(&out).unwrap()
}

/// What keeps a pair out; `in` when nothing does.
fn verdict(report: &Value, symbol: &str) -> String {
    let rows = report["pairs"].as_array().unwrap();
    let row = rows.iter().find(|row| row["pair"] == format!("binance:{symbol}"));
    let row = row.unwrap_or_else(|| panic!("{symbol} is not in {report}"));
    assert!(!row["reason"].as_str().unwrap().is_empty(), "{row}");
    row["outside"].as_str().unwrap_or("in").to_owned()
}

fn inside(report: &Value) -> usize {
    report["pairs"].as_array().unwrap().iter().filter(|row| row["inside"] == true).count()
}

const OPEN: [&str; 2] = ["universe.min_age=0d", "universe.min_volume=1usd"];

#[test]
fn each_of_forty_pairs_of_a_venue_is_in_or_out_by_its_reason_and_what_was_listed_and_delisted_meanwhile_too() {
    let folder = tempfile::tempdir().unwrap();
    let venue = forty(folder.path(), &[]);
    let all = universe(&venue, &OPEN);
    assert_eq!((&all["schema"], &all["market"]), (&"carry.universe/1".into(), &"now".into()));
    assert_eq!((all["pairs"].as_array().unwrap().len(), inside(&all)), (40, 40), "{all}");
    assert!(all["not_known"].to_string().contains("survivors"), "{all}");
    assert!(all["pairs"].as_array().unwrap().iter().all(|row| row["volume_a_day"].as_f64().unwrap() > 0.0), "{all}");
    // By age, by volume, by open interest, by name, and the most that trade most.
    let young = universe(&venue, &["universe.min_age=1d", "universe.min_volume=1usd"]);
    assert_eq!(
        (inside(&young), verdict(&young, "BTCUSDT"), verdict(&young, "X01USDT")),
        (5, "in".into(), "young".into())
    );
    let without = universe(&venue, &[&OPEN[..], &["universe.without=[\"X02\",\"binance:ETHUSDT\"]"]].concat());
    assert_eq!((verdict(&without, "X02USDT"), verdict(&without, "ETHUSDT")), ("excluded".into(), "excluded".into()));
    let volume = |report: &Value, symbol: &str| {
        let rows = report["pairs"].as_array().unwrap().clone();
        rows.iter().find(|row| row["pair"] == format!("binance:{symbol}")).unwrap()["volume_a_day"].as_f64().unwrap()
    };
    let least = volume(&all, "WIFUSDT").max(volume(&all, "DOGEUSDT")).ceil();
    let large = universe(&venue, &["universe.min_age=0d", &format!("universe.min_volume={:.0}usd", least + 1.0)]);
    assert_eq!((verdict(&large, "WIFUSDT"), verdict(&large, "DOGEUSDT")), ("volume".into(), "volume".into()));
    let held = universe(&venue, &[&OPEN[..], &["universe.min_open_interest=90000000000usd"]].concat());
    assert_eq!((inside(&held), verdict(&held, "BTCUSDT")), (0, "open_interest".into()));
    let three = universe(&venue, &[&OPEN[..], &["universe.most=3"]].concat());
    let ranked = three["pairs"].as_array().unwrap().iter().filter(|row| row["outside"] == "rank").count();
    assert_eq!((inside(&three), ranked), (3, 37), "{three}");

    venue.act(&json!({ "act": "list", "symbol": "X36USDT", "like": "SOLUSDT" }));
    venue.act(&json!({ "act": "delist", "symbol": "X01USDT", "after": "2h" }));
    let later = universe(&venue, &OPEN);
    assert_eq!((inside(&later), later["pairs"].as_array().unwrap().len()), (40, 41), "{later}");
    assert_eq!((verdict(&later, "X36USDT"), verdict(&later, "X01USDT")), ("in".into(), "not_trading".into()));
    let (code, out, _) = ended(&["universe", "--strategy", LADDER, "--base-url", &venue.base]);
    assert!(code == 0 && out.contains("it is younger than universe.min_age") && out.contains("not known: "), "{out}");
}

#[test]
fn a_live_run_looks_each_day_enters_nothing_that_left_and_a_restart_takes_what_was_listed() {
    let folder = tempfile::tempdir().unwrap();
    let venue = forty(folder.path(), &["--speed", "20", "--pulse", "500"]);
    let (state, log) = (folder.path().join("live"), folder.path().join("log"));
    let keys = loopback::keys(folder.path());
    let strategy = folder.path().join("s.toml");
    std::fs::write(&strategy, STRATEGY).unwrap();
    let mut words = vec!["live", "--key", "good", "--keys", text(&keys), "--state", text(&state), "--clock", "venue"];
    words.extend(["--base-url", &venue.base, "--strategy", text(&strategy), "--set", "live.shadow_hours=0s"]);
    let pairs = || -> Vec<Value> {
        let (_, out, _) = ended(&["pairs", "--state", text(&state), "--json"]);
        let answer: Value = serde_json::from_str(&out).unwrap_or_default();
        answer["result"]["pairs"].as_array().cloned().unwrap_or_default()
    };
    let open = |symbol: &str| {
        let name = format!("binance:{symbol}");
        ended(&["open", &name, "--size", "150usdt", "--yes", "--state", text(&state)])
    };
    let row = |symbol: &str| {
        let name = format!("binance:{symbol}");
        pairs().into_iter().find(|row| row["pair"] == name).unwrap_or_default()
    };
    let said = |words: &str| std::fs::read_to_string(&log).unwrap_or_default().contains(words);

    // Forty pairs meet the venue's limit on requests while they are set up: the start waits (L18).
    let started = |count: usize| {
        let run = Running::start_logged(&words, &log);
        run.until(|| pairs().len() == count);
        run
    };
    let run = started(40);
    // It is opened as soon as the first look is over.
    run.until(|| open("X01USDT").0 == 0);
    run.until(|| row("X01USDT")["phase"] == "hedged");
    venue.act(&json!({ "act": "list", "symbol": "X36USDT", "like": "SOLUSDT" }));
    venue.act(&json!({ "act": "delist", "symbol": "X01USDT", "after": "30h" }));
    // The next day comes, and with it the next look.
    venue.control("POST", "/carry/clock/advance?ms=13h", &Value::Null);
    run.until(|| said("the universe admits pairs that this session does not have"));
    assert!(said("binance:X36USDT") && row("X36USDT").is_null(), "it is named and not taken");
    // What left is not dropped: it is closed by the rules, and nothing is entered again.
    run.until(|| row("X01USDT")["phase"] == "flat");
    let (code, _, problems) = open("X01USDT");
    assert!(code == 4 && problems.contains("not opened: "), "{problems}");
    run.kill();

    let again = started(41);
    assert_eq!(pairs()[40]["pair"], "binance:X36USDT", "it stands behind those that were there");
    again.until(|| open("X01USDT").2.contains(Outside::NotTrading.words()));
    again.kill();
    let (code, out, problems) = ended(&["status", text(&state), "--json"]);
    assert_eq!(code, 0, "{problems}");
    let status: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&status["boots"], status["pairs"].as_array().unwrap().len()), (&2.into(), 41), "{out}");
}
