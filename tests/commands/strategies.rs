//! Several strategies in one run: which files go together, what each keeps, and what a session with them is.
//!
//! What they trade over history stands in `tests/backtest/strategies.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::http;
use crate::session;

use carry::config::change::{Effect, between, settings_of};
use carry::config::settings::{Capital, Rule};
use carry::config::{Loaded, Settings, Sources, load};
use carry::domain::{Amount, Rate, StrategyId};
use carry::net::machine_clock::Stopwatch;
use http::{get, served, tokens};
use serde_json::{Value, json};
use session::{Running, ended};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const BTC: &str = "[strategy]\nrule = \"value\"\npairs = [\"binance:BTCUSDT\"]\ncapital = \"60%\"\n";
const ETH: &str =
    "[strategy]\nrule = \"anchor\"\npairs = [\"binance:ETHUSDT\", \"binance:SOLUSDT\"]\ncapital = \"40%\"\n";

fn percent(points: i64) -> Rate {
    Rate::from_units(points * 10_000_000_000_000_000)
}

/// Files by name and text.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The strategies of these files, over `base.toml` where there is one.
    fn load(&self, files: &[&str], set: &[&str]) -> Result<Loaded, Vec<String>> {
        let mut files = files.iter().map(|name| self.path(name));
        let base = Some(self.path("base.toml")).filter(|path| path.exists());
        let set = set.iter().map(|one| (*one).to_owned()).collect();
        let sources = Sources { base, strategy: files.next(), beside: files.collect(), set, ..Sources::default() };
        let cut = |text: String| text.replace(&format!("{}/", self.0.path().display()), "");
        load(&sources).map_err(|errors| errors.errors.iter().map(|error| cut(error.to_string())).collect())
    }

    /// One of two files that are loaded with [`BTC`] and [`ETH`].
    fn two(one: &str, other: &str) -> Result<Loaded, Vec<String>> {
        Self::new(&[("one.toml", one), ("two.toml", other)]).load(&["one.toml", "two.toml"], &[])
    }
}

#[test]
fn each_strategy_has_its_own_rule_pairs_and_part_and_the_account_is_one() {
    let eth = format!(
        "{ETH}[entry]\nfunding = \"0.03%/8h\"\n[risk]\nmax_pair = \"30000usd\"\nmax_total = \"50000usd\"\n\
                       max_order = \"5000usd\"\n[execution]\nclip = \"5000usd\"\n[pairs.\"binance:SOLUSDT\".entry]\nfunding = \"0.05%/8h\"\n"
    );
    let desk = Desk::new(&[
        ("base.toml", "[run]\ncapital = \"50000usdt\"\n[margin]\nfloor = \"20%\"\n"),
        ("one.toml", BTC),
        ("two.toml", &eth),
    ]);
    let loaded = desk.load(&["two.toml", "one.toml"], &["risk.daily_loss=2%"]).unwrap();
    let settings = &loaded.settings;
    // In the order of their names, whatever the order of the flags.
    let names: Vec<&str> = settings.strategies.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(settings.strategy.pairs, ["binance:BTCUSDT", "binance:ETHUSDT", "binance:SOLUSDT"]);
    let of = |pair: &str| settings.of_pair(pair);
    assert_eq!((of("binance:BTCUSDT").strategy.rule, of("binance:ETHUSDT").strategy.rule), (Rule::Value, Rule::Anchor));
    assert_eq!(of("binance:ETHUSDT").strategy.capital, Capital::Share(percent(40)));
    assert_eq!(settings.strategy_of("binance:SOLUSDT"), StrategyId(1));
    assert_eq!(settings.strategy_name("binance:SOLUSDT"), Some("two"));
    let funding = |pair: &str| of(pair).entry.funding.per_8h().to_string();
    assert_eq!(
        [funding("binance:BTCUSDT"), funding("binance:ETHUSDT"), funding("binance:SOLUSDT")],
        ["0.0001", "0.0003", "0.0005"]
    );
    assert_eq!(of("binance:ETHUSDT").risk.max_pair, Amount::whole(30_000));
    for pair in &settings.strategy.pairs {
        let own = of(pair);
        assert_eq!((own.run.capital, own.margin.floor), (Amount::whole(50_000), percent(20)), "{pair}");
        assert_eq!(own.risk.daily_loss, percent(2));
    }
    // What all may be worth together is the sum of what each may, where no layer of all says less.
    let one = Settings::default().risk.max_total;
    assert_eq!(settings.risk.max_total, one + Amount::whole(50_000));
    let capped = desk
        .load(
            &["one.toml", "two.toml"],
            &["risk.max_total=60000usd", "risk.max_pair=30000usd", "risk.max_order=5000usd", "execution.clip=5000usd"],
        )
        .unwrap();
    assert_eq!(capped.settings.risk.max_total, Amount::whole(60_000));
    // Written down, and told as texts as a reload has them, they come back whole.
    let text = serde_json::to_string(settings).unwrap();
    assert_eq!(&serde_json::from_str::<Settings>(&text).unwrap(), settings);
    let rows: BTreeMap<String, String> = loaded.values.iter().map(|row| (row.path.clone(), row.text.clone())).collect();
    assert_eq!(&settings_of(&rows).unwrap(), settings);
    let again = desk.load(&["one.toml", "two.toml"], &["risk.daily_loss=2%"]).unwrap();
    assert_eq!(again.strategy_hash, loaded.strategy_hash);
}

#[test]
fn one_strategy_alone_is_what_it_was() {
    let desk = Desk::new(&[
        ("one.toml", "[strategy]\npairs = [\"binance:BTCUSDT\"]\n"),
        ("all.toml", "[strategy]\npairs = [\"binance:BTCUSDT\"]\ncapital = \"all\"\n"),
        ("part.toml", BTC),
    ]);
    let one = desk.load(&["one.toml"], &[]).unwrap();
    assert!(one.settings.strategies.is_empty());
    let text = serde_json::to_string(&one.settings).unwrap();
    // Settings that were recorded keep their bytes, and strategies their hash.
    assert!(!text.contains("strategies") && !text.contains("\"capital\":\"all\""), "{text}");
    let all = desk.load(&["all.toml"], &[]).unwrap();
    assert_eq!((&all.strategy_hash, &all.settings), (&one.strategy_hash, &one.settings));
    let mut known = sha2::Sha256::new();
    let beside = |path: &str| ["run.", "sim.", "alarm.", "live.", "web."].iter().any(|no| path.starts_with(no));
    for row in one.values.iter().filter(|row| row.path != "strategy.capital" && !beside(&row.path)) {
        known.update(format!("{} = {}\n", row.path, row.text));
    }
    let hash = known.finalize().iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    assert_eq!(one.strategy_hash, hash);
    assert_ne!(desk.load(&["part.toml"], &[]).unwrap().strategy_hash, one.strategy_hash);
}

#[test]
fn files_that_do_not_go_together_are_refused_with_both_places() {
    let with = |text: &str, more: &str| format!("{text}{more}");
    for (one, other, expected) in [
        (
            BTC.to_owned(),
            "[strategy]\npairs = [\"binance:ETHUSDT\", \"binance:BTCUSDT\"]\ncapital = \"40%\"\n".to_owned(),
            "two.toml:2: binance:BTCUSDT is named by one.toml:3 and by two.toml:2; a pair belongs to one strategy",
        ),
        (
            BTC.to_owned(),
            "[strategy]\ncapital = \"40%\"\n".to_owned(),
            "two.toml: strategy.pairs = []: of several strategies each names its own pairs",
        ),
        (
            BTC.to_owned(),
            "[strategy]\npairs = \"auto\"\ncapital = \"40%\"\n".to_owned(),
            "two.toml:2: strategy.pairs = \"auto\": of several",
        ),
        (
            BTC.to_owned(),
            "[strategy]\npairs = [\"binance:ETHUSDT\"]\n".to_owned(),
            "two.toml: strategy.capital of one (60%, one.toml:4) and two (all, two.toml) is together more than run.capital; say in each \
             file its part",
        ),
        (
            BTC.replace("60%", "60000usd"),
            ETH.replace("40%", "40001usd"),
            "two.toml:4: strategy.capital of one (60000usd, one.toml:4) and two (40001usd, two.toml:4) is together more",
        ),
        (
            BTC.replace("60%", "200000usd"),
            ETH.to_owned(),
            "one.toml:4: strategy.capital (200000usd, one.toml:4) must be at most run.capital",
        ),
        (
            with(BTC, "[margin]\nfloor = \"20%\"\n"),
            with(ETH, "[margin]\nfloor = \"22%\"\n"),
            "two.toml:6: margin.floor (20%, one.toml:6) and (22%, two.toml:6) differ: it holds for the account and not for one strategy",
        ),
        (
            with(BTC, "[venues.binance]\nleverage = \"2x\"\n"),
            with(ETH, "[venues.binance]\nleverage = \"1x\"\n"),
            "two.toml:6: venues.binance.leverage (2x, one.toml:6) and (1x, two.toml:6) differ",
        ),
        (
            BTC.to_owned(),
            ETH.replace("rule = \"anchor\"", "kind = \"ladder\""),
            "two.toml:2: strategy.kind = \"ladder\": the ladder puts one capital",
        ),
    ] {
        refused((&one, &other), expected);
    }
    // Together they are the whole and no more.
    assert!(Desk::two(BTC, ETH).is_ok());
    assert!(Desk::two(&BTC.replace("60%", "60000usd"), &ETH.replace("40%", "40000usd")).is_ok());
}

fn refused((one, other): (&str, &str), expected: &str) {
    let errors = Desk::two(one, other).unwrap_err();
    assert!(errors.iter().any(|error| error.starts_with(expected)), "{expected}\n{errors:#?}");
    let mut once = errors.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), errors.len(), "said twice: {errors:#?}");
}

#[test]
fn what_one_file_may_not_say_beside_another_is_refused() {
    let with = |text: &str, more: &str| format!("{text}{more}");
    for (one, other, expected) in [
        (
            with(BTC, "[size]\nquantity = \"1BTC\"\n"),
            ETH.to_owned(),
            "one.toml:6: size.quantity is not bounded by strategy.capital",
        ),
        (
            BTC.to_owned(),
            ETH.replace("\"binance:SOLUSDT\"", "\"okx:BTCUSDT/binance:BTCUSDT\""),
            "two.toml:3: okx:BTCUSDT/binance:BTCUSDT and binance:BTCUSDT of one.toml:3 both trade binance-perp:BTCUSDT, which is one position",
        ),
        (
            with(BTC, "[pairs.\"binance:ETHUSDT\".entry]\nfunding = \"0.02%/8h\"\n"),
            ETH.to_owned(),
            "one.toml:6: [pairs.\"binance:ETHUSDT\"]: the pair is one of two.toml; write it there",
        ),
        (with(BTC, "[entry]\nfunding = \"5\"\n"), ETH.to_owned(), "one.toml:6: entry.funding = \"5\" is a bare number"),
        (
            with(BTC, "[margin]\ncollateral = \"coin\"\n"),
            ETH.replace("\"binance:SOLUSDT\"", "\"binance:SOLUSDC\""),
            "one.toml:6: margin.collateral (coin, one.toml:6) takes pairs of one quote coin and of different coins at a venue",
        ),
    ] {
        refused((&one, &other), expected);
    }
    let same = Desk::new(&[("one.toml", BTC)]);
    std::fs::create_dir(same.path("more")).unwrap();
    std::fs::write(same.path("more/one.toml"), ETH).unwrap();
    let errors = same.load(&["one.toml", "more/one.toml"], &[]).unwrap_err();
    assert!(
        errors[0].contains("is named one like") && errors[0].contains("expected files whose names differ"),
        "{errors:?}"
    );
}

#[test]
fn what_holds_for_the_account_is_said_once_and_of_its_limits_the_least_holds() {
    let one =
        format!("{BTC}[risk]\ndaily_loss = \"4%\"\n[venues.binance]\nleverage = \"2x\"\n[margin]\nfloor = \"21%\"\n");
    let two = format!("{ETH}[risk]\ndaily_loss = \"3%\"\n");
    let settings = Desk::two(&one, &two).unwrap().settings;
    for pair in ["binance:BTCUSDT", "binance:ETHUSDT"] {
        let own = settings.of_pair(pair);
        assert_eq!((own.risk.daily_loss, own.margin.floor), (percent(3), percent(21)), "{pair}");
        assert_eq!(own.leverage_at(carry::domain::Venue::new("binance").unwrap()), percent(200), "{pair}");
    }
    assert_eq!((settings.risk.daily_loss, settings.margin.floor), (percent(3), percent(21)));
}

#[test]
fn a_pair_of_a_layer_of_all_goes_to_the_strategy_that_names_it() {
    let base = "[pairs.\"binance:SOLUSDT\".entry]\nfunding = \"0.05%/8h\"\n";
    let desk = Desk::new(&[("base.toml", base), ("one.toml", BTC), ("two.toml", ETH)]);
    let loaded = desk.load(&["one.toml", "two.toml"], &[]).unwrap();
    let own = loaded.settings.of_pair("binance:SOLUSDT");
    assert_eq!((own.strategy.rule, own.entry.funding.per_8h().to_string()), (Rule::Anchor, "0.0005".to_owned()));
}

#[test]
fn what_differs_after_an_edit_names_the_strategy() {
    let desk = Desk::new(&[("one.toml", BTC), ("two.toml", ETH)]);
    let files = ["one.toml", "two.toml"];
    let old = desk.load(&files, &[]).unwrap();
    let edited = format!(
        "{ETH}[size]\nper_pair = \"20%\"\n[signal]\nsmooth = \"1d\"\n[pairs.\"binance:SOLUSDT\".size]\nper_pair = \"10%\"\n"
    );
    std::fs::write(desk.path("two.toml"), edited).unwrap();
    let new = desk.load(&files, &["risk.daily_loss=1%"]).unwrap();
    let changes = between(&old, &new);
    let told: Vec<(&str, Effect)> = changes.iter().map(|change| (change.key.as_str(), change.effect)).collect();
    assert_eq!(
        told,
        [
            ("risk.daily_loss", Effect::Tightens),
            ("strategies.\"two\".signal.smooth", Effect::Restart),
            ("strategies.\"two\".size.per_pair", Effect::Tightens),
            ("pairs.\"binance:SOLUSDT\".signal.smooth", Effect::Restart),
            ("pairs.\"binance:SOLUSDT\".size.per_pair", Effect::Tightens),
        ],
        "{changes:?}"
    );
    assert!(!told.iter().any(|(key, _)| key.contains("\"one\"")), "{told:?}");
    let taken = old.taking(&new).unwrap();
    assert_eq!(taken.settings.of_pair("binance:ETHUSDT").size.per_pair, percent(20));
    assert_eq!(taken.settings.of_pair("binance:SOLUSDT").size.per_pair, percent(10));
    assert_eq!(taken.settings.of_pair("binance:ETHUSDT").signal, old.settings.of_pair("binance:ETHUSDT").signal);
    assert_eq!(taken.settings.of_pair("binance:BTCUSDT"), new.settings.of_pair("binance:BTCUSDT"));
    assert_eq!(new.taking(&new).unwrap(), new);
}

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn check_shows_each_strategy_and_commands_of_one_say_so() {
    let desk = Desk::new(&[("one.toml", BTC), ("two.toml", ETH)]);
    let two = ["--strategy", "one.toml", "--strategy", "two.toml"];
    let run = carry(desk.0.path(), &[&["check"], &two[..]].concat());
    let out = text(&run.stdout);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let row = |key: &str| out.lines().find(|line| line.contains(key)).map(str::to_owned).unwrap_or_default();
    assert!(row("strategies.\"two\".strategy.capital").contains("two.toml:4"), "{out}");
    assert!(row("strategies.\"one\".strategy.rule").contains("one.toml:2"), "{out}");
    for command in [
        vec!["sweep", "--data", ".", "--out", "out", "--grid", "exit.min_hold=1d,2d"],
        vec!["portfolio", "--data", "."],
        vec!["universe", "--data", "."],
    ] {
        let run = carry(desk.0.path(), &[&command[..], &two].concat());
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(2), "{command:?}: {said}");
        assert!(said.contains("takes one strategy; several play together in"), "{command:?}: {said}");
    }
}

/// Pairs of the generated market.
const ALPHA: &str = "[strategy]\nrule = \"value\"\npairs = [\"alpha:BTCUSDT\"]\ncapital = \"50%\"\n";
const HYPER: &str = "[strategy]\nrule = \"anchor\"\npairs = [\"hyper:ETHUSDC\"]\ncapital = \"50%\"\n";

#[test]
fn a_paper_session_of_two_strategies_goes_on_with_both_files_alone() {
    let desk = Desk::new(&[("one.toml", ALPHA), ("two.toml", HYPER)]);
    let begin = ["paper", "--state", "state", "--days", "4", "--seed", "3", "--strategy", "one.toml"];
    let both = [&begin[..], &["--strategy", "two.toml"]].concat();
    let run = carry(desk.0.path(), &[&both[..], &["--json"]].concat());
    assert!(run.status.success(), "{}", text(&run.stderr));
    let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(summary["pnl"]["unexplained"], "0");
    assert_eq!(summary["run"]["strategy"], "one+two");
    let pairs = |name: &str| summary["strategies"][name]["pairs"].clone();
    assert_eq!((pairs("one"), pairs("two")), (json!(["alpha:BTCUSDT"]), json!(["hyper:ETHUSDC"])));
    // Nothing else of the market is traded.
    let status = carry(desk.0.path(), &["status", "--state", "state", "--json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let rows: Vec<(&str, &str)> = status["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["pair"].as_str().unwrap(), row["strategy"].as_str().unwrap()))
        .collect();
    assert_eq!(rows, [("alpha:BTCUSDT", "one"), ("hyper:ETHUSDC", "two")]);
    let shown = text(&carry(desk.0.path(), &["status", "--state", "state"]).stdout);
    assert!(shown.contains("alpha:BTCUSDT (one)"), "{shown}");
    // The page says it where the row is, and on the pair's own page.
    let (_page, address) = served(&desk.path("state"));
    let bearer = format!("Bearer {}", tokens(&desk.path("state")).0);
    for path in ["/s/state", "/s/state/pair?name=hyper%3AETHUSDC", "/s/state/opportunities"] {
        let page = || get(address, path, &[("authorization", &bearer)]).body;
        let patience = Stopwatch::start();
        while !(page().contains("hyper:ETHUSDC") && page().contains("strategy") && page().contains("two")) {
            assert!(patience.seconds() < 20.0, "{path}: {}", page());
        }
    }
    // With one file missing what its pairs hold would belong to nobody.
    let run = carry(desk.0.path(), &begin);
    let said = text(&run.stderr);
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert!(
        said.contains("two.toml is of this session and is not named: what its pairs hold would belong to no strategy"),
        "{said}"
    );
    assert!(said.contains("it goes on with --strategy one.toml --strategy two.toml"), "{said}");
    // The same files in another order, and none named, are the same session.
    let turned =
        ["paper", "--state", "state", "--days", "4", "--seed", "3", "--strategy", "two.toml", "--strategy", "one.toml"];
    for again in [&turned[..], &["paper", "--state", "state", "--days", "4", "--seed", "3"]] {
        let run = carry(desk.0.path(), &[again, &["--json"]].concat());
        assert!(run.status.success(), "{}", text(&run.stderr));
        let told: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(told["digest"], summary["digest"]);
    }
    // The tape holds them: a replay decides the same.
    let run = carry(desk.0.path(), &["replay", "state"]);
    assert!(run.status.success(), "{}{}", text(&run.stdout), text(&run.stderr));
    let unknown = HYPER.replace("hyper:ETHUSDC", "hyper:XYZUSDC");
    std::fs::write(desk.path("three.toml"), unknown).unwrap();
    let run = carry(desk.0.path(), &["paper", "--state", "new", "--strategy", "one.toml", "--strategy", "three.toml"]);
    assert_eq!(run.status.code(), Some(2));
    assert!(text(&run.stderr).contains("hyper:XYZUSDC"), "{}", text(&run.stderr));
}

#[test]
fn what_is_changed_of_one_strategy_of_a_session_leaves_the_other_as_it_was() {
    // Nothing is entered by a strategy: what is opened is opened by hand.
    let quiet = "[entry]\nmin_net_apr = \"200%apr\"\n[exit]\nmin_hold = \"30d\"\n[execution]\nclip = \"800usd\"\n[risk]\nmax_order = \"900usd\"\n";
    let two = HYPER.replace("anchor", "value");
    let write = |max_pair: &str| format!("{ALPHA}{quiet}max_pair = \"{max_pair}\"\n");
    let desk =
        Desk::new(&[("one.toml", &write("50000usd")), ("two.toml", &format!("{two}{quiet}max_pair = \"50000usd\"\n"))]);
    let (dir, one, two) = (desk.path("s"), desk.path("one.toml"), desk.path("two.toml"));
    let word = |path: &Path| path.display().to_string();
    let (state, one_file, two_file) = (word(&dir), word(&one), word(&two));
    let arguments = ["paper", "--state", &state, "--strategy", &one_file, "--strategy", &two_file];
    let arguments = [&arguments[..], &["--days", "3000", "--seed", "9", "--speed", "12000"]].concat();
    let session = Running::start_logged(&arguments, &desk.path("log"));
    let verb = |words: &[&str]| {
        let (code, out, problems) = ended(&[words, &["--state", &state, "--json"]].concat());
        (code, serde_json::from_str::<Value>(&out).unwrap_or_default(), problems)
    };
    session.until(|| dir.join("control.sock").exists() && verb(&["orders"]).0 == 0);
    std::fs::write(&one, write("1000usd")).unwrap();
    let (code, report, problems) = verb(&["reload"]);
    assert_eq!(code, 0, "{problems}");
    let taken = json!([{ "key": "strategies.\"one\".risk.max_pair", "old": "50000usd", "new": "1000usd", "effect": "tightens" }]);
    assert_eq!(report["result"]["taken"], taken);
    let (code, _, problems) = verb(&["open", "alpha:BTCUSDT", "--size", "5000usdt", "--yes"]);
    assert_eq!(code, 4, "{problems}");
    assert!(problems.contains("risk.max_pair"), "{problems}");
    let held = |pair: &str| {
        let rows = verb(&["pairs"]).1["result"]["pairs"].clone();
        rows.as_array().into_iter().flatten().any(|row| row["pair"] == pair && row["phase"] == "hedged")
    };
    let opened = |pair: &str, size: &str| {
        session.until(|| {
            if !held(pair) {
                // What is at work already is refused, and changes nothing.
                let _ = verb(&["open", pair, "--size", size, "--yes"]);
            }
            held(pair)
        });
    };
    opened("hyper:ETHUSDC", "5000usdc");
    opened("alpha:BTCUSDT", "700usdt");
    let why = verb(&["why"]).1;
    let whose: Vec<&Value> = why["result"]["pairs"].as_array().unwrap().iter().map(|row| &row["strategy"]).collect();
    assert_eq!(whose, ["one", "two"]);
    assert!(Command::new("kill").args(["-TERM", &session.id().to_string()]).status().unwrap().success());
    assert_eq!(session.code(), 0);
    let (code, out, problems) = ended(&["replay", &state]);
    assert_eq!(code, 0, "{out}{problems}");
}
