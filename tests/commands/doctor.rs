//! `carry doctor` and the other commands that ask a venue with a key: the built binary against `carry venue` in a process.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::loopback_venue as loopback;
use crate::secrets;

use carry::domain::Amount;
use loopback::{KEYS, Venue, carry, keys};
use secrets::Canaries;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const PAIR: &str = "strategy.pairs=[\"binance:BTCUSDT\"]";

/// A folder with keys, and everything that was printed.
struct Desk {
    folder: tempfile::TempDir,
    keys: PathBuf,
    said: Vec<u8>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = keys(folder.path());
        Self { folder, keys, said: Vec::new() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn run(&mut self, args: &[&str]) -> (i32, String, String) {
        let (code, out, problems) = carry(self.folder.path(), args);
        self.said.extend_from_slice(out.as_bytes());
        self.said.extend_from_slice(problems.as_bytes());
        (code, out, problems)
    }

    /// `carry doctor` for a key at an address: exit code, report as JSON, what the table says.
    fn doctor(&mut self, key: &str, base: &str, more: &[&str]) -> (i32, Value, String) {
        let file = self.keys.to_str().unwrap().to_owned();
        let mut args = vec!["doctor", "--key", key, "--keys", &file, "--base-url", base, "--set", PAIR];
        args.extend(more);
        let (code, table, problems) = self.run(&args);
        args.push("--json");
        let (again, out, _) = self.run(&args);
        assert_eq!(code, again, "{table}{problems}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["schema"], "carry.doctor/1");
        (code, report, table)
    }

    /// No secret of any key in anything that was printed or written, but the file of keys.
    fn kept_its_secrets(&self) {
        let all: Vec<(&str, &str)> = KEYS.iter().map(|(name, (_, secret))| (*name, *secret)).collect();
        let canaries = Canaries::new(&all);
        assert_eq!(canaries.in_bytes(&self.said), [""; 0]);
        assert_eq!(canaries.in_path(self.path(), &["keys.json"]), [""; 0]);
        assert!(!self.said.is_empty());
    }
}

#[test]
fn l36_doctor_compares_the_capital_with_the_money_that_is_there() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let (code, report, table) = desk.doctor("good", &venue.base, &["--set", "run.capital=90000000usdt"]);
    let line = line(&report, "run.capital");
    assert_eq!((code, &line["verdict"], &line["place"]), (0, &json!("warn"), &json!("here")), "{table}");
    assert!(line["found"].as_str().unwrap().contains("the smaller counts"), "{line:#}");
    assert!(line["fix"].as_str().unwrap().contains("set run.capital to"), "{line:#}");
}

/// The line of a check.
fn line<'a>(report: &'a Value, check: &str) -> &'a Value {
    let lines = report["lines"].as_array().unwrap();
    lines.iter().find(|line| line["check"] == check).unwrap_or_else(|| panic!("no line {check}: {report:#}"))
}

fn refused<'a>(report: &'a Value, check: &str, found: &str, fix: &str) -> &'a Value {
    let line = line(report, check);
    assert_eq!(line["verdict"], "refuse", "{line:#}");
    assert!(line["found"].as_str().unwrap().contains(found), "{line:#}");
    assert!(line["fix"].as_str().unwrap().contains(fix), "{line:#}");
    line
}

#[test]
fn a_good_key_passes_and_every_check_is_there() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let state = desk.path().join("state");
    let (code, report, table) = desk.doctor("good", &venue.base, &["--state", state.to_str().unwrap()]);
    assert_eq!(code, 0, "{table}");
    for check in [
        "state: writing",
        "state: disk",
        "ladder: shadow",
        "reach: spot",
        "reach: perp",
        "clock",
        "key",
        "key: withdrawals",
        "key: spot trading",
        "key: perp trading",
        "position mode",
        "collateral mode",
        "BTCUSDT modes",
        "BTCUSDT spot fees",
        "BTCUSDT perp fees",
        "BTCUSDT spot status",
        "BTCUSDT perp status",
        "BTCUSDT filters",
        "run.capital",
    ] {
        let line = line(&report, check);
        assert_ne!(line["verdict"], "refuse", "{line:#}");
        assert_eq!(line["fix"] == "", line["verdict"] == "good", "{line:#}");
        assert!(table.contains(check), "{check}\n{table}");
    }
    assert!(!state.exists(), "it makes no folder");
    // A folder that exists is written to, and nothing is left.
    std::fs::create_dir(&state).unwrap();
    assert_eq!(desk.doctor("good", &venue.base, &["--state", state.to_str().unwrap()]).0, 0);
    assert_eq!(std::fs::read_dir(&state).unwrap().count(), 0);
    desk.kept_its_secrets();
}

#[test]
fn h05_h06_h03_wrong_keys_are_named_with_their_fix() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let (code, report, table) = desk.doctor("withdrawer", &venue.base, &[]);
    assert_eq!(code, 4, "{table}");
    refused(&report, "key: withdrawals", "yes", "make a key without the right to withdraw");
    assert_eq!(line(&report, "key: addresses")["verdict"], "warn");
    assert!(table.contains("make a key without the right to withdraw"), "{table}");

    let (code, report, _) = desk.doctor("foreign", &venue.base, &[]);
    assert_eq!(code, 4);
    let lines = report["lines"].as_array().unwrap();
    let named = lines.iter().find(|line| line["check"] == "key" && line["verdict"] == "refuse").unwrap();
    assert!(named["found"].as_str().unwrap().contains("-2015"), "{named:#}");
    assert!(named["fix"].as_str().unwrap().contains("of this venue and environment"), "{named:#}");
    assert_eq!(line(&report, "BTCUSDT filters")["verdict"], "good", "what needs no key is still looked at");

    let (code, report, _) = desk.doctor("spot", &venue.base, &[]);
    assert_eq!(code, 4);
    refused(&report, "key: perp trading", "no", "allow it for this key");
    let (code, report, _) = desk.doctor("reader", &venue.base, &[]);
    assert_eq!(code, 4);
    refused(&report, "key: spot trading", "no", "allow it for this key");

    let (code, report, _) = desk.doctor("nobody", &venue.base, &[]);
    assert_eq!(code, 4);
    refused(&report, "key", "there is no key nobody", "carry keys add");
    assert_eq!(line(&report, "BTCUSDT filters")["verdict"], "good");
    desk.kept_its_secrets();
}

#[test]
fn h12_g08_hedge_mode_and_a_skewed_clock_are_named_with_their_fix() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    venue.act(&json!({ "act": "hedge", "on": true }));
    venue.act(&json!({ "act": "clock_skew", "ms": -7_000 }));
    let (code, report, table) = desk.doctor("good", &venue.base, &[]);
    assert_eq!(code, 4, "{table}");
    refused(&report, "position mode", "hedge", "switch to one-way mode");
    let found =
        refused(&report, "clock", "clock skew: the venue is", "time synchronisation")["found"].as_str().unwrap();
    let ms: i64 = found.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!((6_000..8_000).contains(&ms) && found.contains("behind this machine"), "{found}");
    assert_eq!(line(&report, "key: withdrawals")["verdict"], "good", "signed with the venue's time");
    venue.act(&json!({ "act": "hedge", "on": false }));
    venue.act(&json!({ "act": "clock_skew", "ms": 0 }));
    assert_eq!(desk.doctor("good", &venue.base, &[]).0, 0);
    desk.kept_its_secrets();
}

#[test]
fn a_pair_that_cannot_be_ordered_or_does_not_exist_is_named() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let (code, report, _) = desk.doctor("good", &venue.base, &["--set", "execution.clip=50usdt"]);
    assert_eq!(code, 4);
    refused(&report, "BTCUSDT filters", "USDT, and one clip is 50.00 USDT", "raise execution.clip");
    let both = "strategy.pairs=[\"binance:BTCUSDT\",\"binance:NONEUSDT\",\"nowhere:BTCUSDT\"]";
    let (code, report, _) = desk.doctor("good", &venue.base, &["--set", both]);
    assert_eq!(code, 4);
    refused(&report, "NONEUSDT spot status", "not listed", "strategy.pairs");
    refused(&report, "venue", "nowhere", "strategy.pairs");
    assert_eq!(line(&report, "BTCUSDT filters")["verdict"], "good");
}

#[test]
fn l33_e05_a_contract_of_several_coins_is_told_in_its_unit_and_refused_where_it_cannot_be_counted() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let pair = "strategy.pairs=[\"binance:1000WIFUSDT\"]";
    let (code, report, table) = desk.doctor("good", &venue.base, &["--set", pair]);
    assert_ne!(code, 0, "{table}");
    refused(&report, "1000WIFUSDT perp status", "not listed", "strategy.pairs");
    venue.act(&json!({ "act": "bundle", "symbol": "WIFUSDT", "coins": 1000 }));
    let (code, report, table) = desk.doctor("good", &venue.base, &["--set", pair]);
    assert_eq!(code, 0, "{table}");
    assert_eq!(line(&report, "1000WIFUSDT unit")["found"], "one 1000WIF is 1000 WIF; spot leg WIFUSDT");
    for check in ["WIFUSDT spot fees", "1000WIFUSDT perp fees", "1000WIFUSDT spot status", "1000WIFUSDT perp status"] {
        assert_eq!(line(&report, check)["verdict"], "good", "{table}");
    }
    let filters = line(&report, "1000WIFUSDT filters");
    assert!(filters["found"].as_str().unwrap().contains("step 0.01 spot and 0.1 perp"), "{filters:#}");
    // Coins that are counted in contracts are no collateral.
    let coin = ["--set", pair, "--set", "margin.collateral=coin"];
    let (_, report, _) = desk.doctor("good", &venue.base, &coin);
    refused(&report, "1000WIFUSDT unit", "cannot be collateral", "margin.collateral");
    // A grid that is too fine.
    let rules = json!({ "act": "rules", "symbol": "WIFUSDT", "market": "spot", "step": "0.00000001" });
    venue.act(&rules);
    let (code, report, table) = desk.doctor("good", &venue.base, &["--set", pair]);
    assert_ne!(code, 0, "{table}");
    let named = "binance:1000WIFUSDT spot leg";
    refused(&report, named, "cannot be counted in contracts", "strategy.pairs");
    venue.act(&json!({ "act": "rules", "symbol": "WIFUSDT", "market": "spot", "step": "10" }));
    assert_eq!(desk.doctor("good", &venue.base, &["--set", pair]).0, 0);
    desk.kept_its_secrets();
}

#[test]
fn d01_a_closed_port_is_named_and_hides_nothing() {
    let mut desk = Desk::new();
    let base = closed();
    let state = desk.path().join("state");
    std::fs::create_dir(&state).unwrap();
    std::fs::write(state.join("ladder.json"), b"{").unwrap();
    std::fs::set_permissions(state.join("ladder.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
    for more in [&["--state", state.to_str().unwrap()][..], &["--clock", "venue", "--state", state.to_str().unwrap()]] {
        let (code, report, table) = desk.doctor("good", &base, more);
        assert_eq!(code, 5, "{table}");
        assert_eq!(report["unreachable"], json!(["binance"]));
        assert!(
            table.contains(&base) && table.contains("cannot be reached") && table.contains("fix: is the"),
            "{table}"
        );
        refused(&report, "ladder", "is damaged", "remove");
        assert_eq!(line(&report, "state: writing")["verdict"], "good");
    }
    // A real key never goes to an address of this machine, and a test key to no other.
    let (code, report, _) = desk.doctor("good", "http://example.com", &[]);
    assert_ne!(code, 0, "{report:#}");
    desk.kept_its_secrets();
}

#[test]
fn x12_a_key_file_that_others_can_read_is_named() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    std::fs::set_permissions(&desk.keys, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, report, _) = desk.doctor("good", &venue.base, &[]);
    assert_eq!(code, 4);
    refused(&report, "key", "lets others read it", "chmod 600");
    assert_eq!(line(&report, "BTCUSDT filters")["verdict"], "good");
}

#[test]
fn h05_keys_test_asks_the_venue() {
    let (venue, mut desk) = (Venue::start(&[]), Desk::new());
    let file = desk.keys.to_str().unwrap().to_owned();
    let mut test = |name: &str, base: &str, json: bool| {
        let mut args = vec!["keys", "test", name, "--keys", &file, "--base-url", base];
        args.extend(json.then_some("--json"));
        desk.run(&args)
    };
    let (code, out, problems) = test("good", &venue.base, false);
    assert_eq!((code, out.as_str()), (0, "good can be used\n"), "{problems}");
    let (code, out, _) = test("withdrawer", &venue.base, true);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["usable"], &report["rights"]["withdrawals"]), (4, &json!(false), &json!(true)));
    let (code, out, _) = test("spot", &venue.base, false);
    assert_eq!((code, out.contains("may not trade perps")), (4, true), "{out}");
    let (code, _, problems) = test("foreign", &venue.base, false);
    assert_eq!((code, problems.contains("refuses the key; is it of this venue")), (4, true), "{problems}");
    let (code, _, problems) = test("good", &closed(), false);
    assert_eq!((code, problems.contains("cannot be reached")), (5, true), "{problems}");
    desk.kept_its_secrets();
}

/// An address at which nobody listens.
fn closed() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

const MARKET: &str = "calm = true
[[act]]
act = \"interval\"
symbol = \"BTCUSDT\"
hours = 1
[[act]]
act = \"funding\"
symbol = \"BTCUSDT\"
rate = \"0.0003\"
";
const STRATEGY: &str = "[strategy]
rule = \"anchor\"
pairs = [\"binance:BTCUSDT\"]
[signal]
funding = \"settled\"
smooth = \"1h\"
memory = \"2d\"
[entry]
funding = \"0.01%/8h\"
margin = \"0.01%/8h\"
cooldown = \"1h\"
[gates]
quadrant = false
min_depth = \"100usdt\"
[size]
per_pair = \"40%\"
";

/// The amounts of an object of texts, those that are zero left out.
fn amounts(object: &Value, of: impl Fn(&Value) -> &str) -> BTreeMap<String, Amount> {
    let all = object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), Amount::parse(of(value)).unwrap()));
    all.filter(|(_, amount)| !amount.is_zero()).collect()
}

/// What the account did, from the venue's lists alone, is what its books say: 100,000 USDT were there.
fn imported(desk: &mut Desk, common: &[&str], books: &Value) {
    let day = ["pnl", "--import", "--from", "2025-12-31", "--to", "2026-01-01"];
    let import = [&day[..], common].concat();
    let (code, out, problems) = desk.run(&[&import[..], &["--json"]].concat());
    assert_eq!(code, 0, "{out}{problems}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["schema"], &report["remarks"]), (&json!("carry.pnl.import/1"), &json!([])));
    let mut totals: BTreeMap<String, Amount> = BTreeMap::from([("USDT".to_owned(), Amount::whole(100_000))]);
    for row in report["rows"].as_array().unwrap() {
        let total = Amount::parse(row["total"].as_str().unwrap()).unwrap();
        *totals.entry(row["asset"].as_str().unwrap().to_owned()).or_insert(Amount::ZERO) += total;
    }
    let mut there = amounts(&books["spot"], |value| value["total"].as_str().unwrap());
    for (asset, amount) in amounts(&books["futures"], |value| value.as_str().unwrap()) {
        *there.entry(asset).or_insert(Amount::ZERO) += amount;
    }
    for (asset, total) in &there {
        let off = (totals[asset] - *total).abs();
        // Income is told with eight decimals.
        assert!(off < Amount::parse("0.00001").unwrap(), "{asset}: imported {} of {total}\n{report:#}", totals[asset]);
    }
    let (code, table, _) = desk.run(&import);
    assert_eq!((code, table.contains("funding") && table.contains("BTCUSDT")), (0, true), "{table}");
}

#[test]
fn h09_h11_a_live_session_is_compared_and_imported_after_its_end() {
    let mut desk = Desk::new();
    let file = |name: &str, text: &str| {
        let path = desk.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (market, strategy) = (file("market.toml", MARKET), file("strategy.toml", STRATEGY));
    // 31 December 2025, 23:50 UTC: the first settlement comes soon.
    let venue = Venue::start(&["--start", "1767225000000", "--speed", "200", "--faults", &market]);
    let (keys, base) = (desk.keys.to_str().unwrap().to_owned(), venue.base.clone());
    let common = ["--key", "good", "--keys", &keys, "--base-url", &base];
    // A test key on loopback needs no hours in the shadow; consent it needs.
    let waived = ["--set", "live.shadow_hours=0s", "--set", "live.max_notional=100000usdt"];
    let consent = ["--consent", "I accept 100000 usdt"];
    let live = ["live", "--state", "s", "--strategy", &strategy, "--clock", "venue", "--for", "50m"];
    let live = [&live[..], &waived, &consent].concat();
    let (code, out, problems) = desk.run(&[&live[..], &common].concat());
    assert_eq!(code, 0, "{out}{problems}");
    venue.control("POST", "/carry/clock/hold", &Value::Null);

    let reconcile = [&["reconcile", "--state", "s", "--clock", "venue"], &common[..]].concat();
    let (code, out, problems) = desk.run(&[&reconcile[..], &["--json"]].concat());
    assert_eq!(code, 0, "{out}{problems}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["schema"], &report["result"]["agree"]), (&json!("carry.reconcile/1"), &json!(true)));
    // The same as the venue's own books, account by account.
    let books = venue.books();
    let rows = report["result"]["accounts"].as_array().unwrap();
    let ledger = |account: &str| {
        let row = rows.iter().find(|row| row["account"] == account).unwrap_or_else(|| panic!("{account}: {rows:#?}"));
        Amount::parse(row["ledger"].as_str().unwrap()).unwrap()
    };
    let spot = amounts(&books["spot"], |value| value["total"].as_str().unwrap());
    for (asset, total) in &spot {
        assert_eq!(ledger(&format!("binance spot {asset}")), *total);
    }
    let coins = Amount::parse(books["positions"]["BTCUSDT"]["coins"].as_str().unwrap()).unwrap();
    assert!(coins < Amount::ZERO, "something is held: {books:#}");
    assert_eq!(ledger("binance:BTCUSDT position"), coins);
    assert_eq!(desk.run(&reconcile).1.lines().next(), Some("ledger and venue agree"));

    imported(&mut desk, &common, &books);

    // A foreign hand: named, and the exit code says so.
    venue.act(&json!({ "act": "deposit", "wallet": "spot", "asset": "USDT", "amount": "-12.5" }));
    let (code, out, problems) = desk.run(&reconcile);
    assert_eq!(code, 3, "{out}{problems}");
    assert!(out.contains("binance spot USDT"), "{out}");
    let (code, _, problems) = desk.run(&["reconcile", "--state", "s"]);
    assert_eq!((code, problems.contains("--key NAME")), (1, true), "{problems}");
    let (code, ..) =
        desk.run(&["reconcile", "--state", "s", "--key", "good", "--keys", &keys, "--base-url", &closed()]);
    assert_eq!(code, 5);
    desk.kept_its_secrets();
}

/// What `[venues.NAME] key` names signs for every command of a session, as it does for `carry live` and `carry doctor`.
#[test]
fn h04_a_key_of_the_configuration_is_enough_to_reconcile() {
    let mut desk = Desk::new();
    let file = |name: &str, text: &str| {
        let path = desk.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let venue = Venue::start(&["--start", "1767225000000", "--speed", "200"]);
    let (keys, base) = (desk.keys.to_str().unwrap().to_owned(), venue.base.clone());
    let plain = file("plain.toml", STRATEGY);
    let keyed = file("keyed.toml", &format!("{STRATEGY}[venues.binance]\nkey = \"good\"\n"));
    let wrong = file("wrong.toml", "[venues.binance]\nkey = \"nobody\"\n");
    let common = ["--keys", &keys, "--base-url", &base, "--clock", "venue"];
    let live = |state: &str, strategy: &str, more: &[&str]| {
        let consent = [
            "--set",
            "live.shadow_hours=0s",
            "--set",
            "live.max_notional=100000usdt",
            "--consent",
            "I accept 100000 usdt",
        ];
        let words = ["live", "--state", state, "--strategy", strategy, "--for", "1m"];
        [&words[..], &consent, &common, more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let run = |desk: &mut Desk, words: &[String]| desk.run(&words.iter().map(String::as_str).collect::<Vec<_>>());
    let begun = live("s", &keyed, &[]);
    let (code, out, problems) = run(&mut desk, &begun);
    assert_eq!(code, 0, "{out}{problems}");
    let reconcile = [&["reconcile", "--state", "s"], &common[..]].concat();
    let (code, out, problems) = desk.run(&reconcile);
    assert_eq!((code, out.lines().next()), (0, Some("ledger and venue agree")), "{problems}");
    // What is said now wins: a configuration that was named here, and the command line.
    let (code, _, problems) = desk.run(&[&reconcile[..], &["--config", &wrong]].concat());
    assert!(code == 2 && problems.contains("there is no key nobody"), "{code} {problems}");
    let (code, _, problems) = desk.run(&[&reconcile[..], &["--config", &wrong, "--key", "good"]].concat());
    assert_eq!(code, 0, "{problems}");
    // A session that began with --key alone: the configuration names it for this command.
    let begun = live("t", &plain, &["--key", "good"]);
    let (code, out, problems) = run(&mut desk, &begun);
    assert_eq!(code, 0, "{out}{problems}");
    let other = [&["reconcile", "--state", "t"], &common[..]].concat();
    let (code, _, problems) = desk.run(&other);
    assert!(code == 1 && problems.contains("[venues.NAME] key"), "{code} {problems}");
    let (code, out, problems) = desk.run(&[&other[..], &["--strategy", &keyed]].concat());
    assert_eq!((code, out.lines().next()), (0, Some("ledger and venue agree")), "{problems}");
    desk.kept_its_secrets();
}
