//! The configuration as a person meets it: wrong input and its exact message, layers and their sources, units.
//!
//! The shipped files and the two commands have `tests/suite/presets.rs`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::config::kind::Kind;
use carry::config::settings::{First, Rule, When};
use carry::config::table::KEYS;
use carry::config::units::Value;
use carry::config::{Loaded, Settings, Source, Sources, load};
use carry::domain::{Amount, Asset, Bps, FundingRate, Interval, Leg, Money, Quantity, Rate, Span};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A folder with one file, and the sources that read it as a strategy.
fn file(bytes: &[u8]) -> (TempDir, Sources) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, bytes).unwrap();
    let sources = Sources { strategy: Some(path), ..Sources::default() };
    (folder, sources)
}

/// The messages, with the folder's name cut off.
fn messages(sources: &Sources, folder: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    match load(sources) {
        Ok(_) => vec!["ok".to_owned()],
        Err(errors) => errors.to_string().replace(&prefix, "").lines().map(str::to_owned).collect(),
    }
}

/// What a file with this text says.
fn check(toml: &str, expected: &[&str]) {
    let (folder, sources) = file(toml.as_bytes());
    assert_eq!(messages(&sources, &folder), expected, "{toml}");
}

/// What one `--set` says.
fn set(flag: &str, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let sources = Sources { set: vec![flag.to_owned()], ..Sources::default() };
    assert_eq!(messages(&sources, &folder), [expected], "{flag}");
}

fn loaded(sources: &Sources) -> Loaded {
    load(sources).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn nothing_but_defaults_is_the_default() {
    let loaded = loaded(&Sources::default());
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!(loaded.values.len(), KEYS.len());
    assert!(loaded.values.iter().all(|value| value.source == Source::Default));
    assert_eq!(loaded.settings.run.capital, Amount::whole(100_000));
    assert_eq!(loaded.settings.run.currency.as_str(), "USDT");
    assert_eq!(loaded.settings.entry.funding, FundingRate::ANCHOR);
    assert_eq!(loaded.settings.strategy.rule, Rule::Value);
}

#[test]
fn h01_a_typo_names_the_nearest_key() {
    check("[risk]\nmax_ordr = \"5usd\"", &["c.toml:2: unknown key risk.max_ordr; did you mean risk.max_order?"]);
    check("\n\nentry.fundng = \"0.01%/8h\"", &["c.toml:3: unknown key entry.fundng; did you mean entry.funding?"]);
    check("[exit]\ncooldown = \"8h\"", &["c.toml:2: unknown key exit.cooldown; did you mean entry.cooldown?"]);
    check(
        "[entri]\nfunding = \"0.01%/8h\"\nbasis = \"off\"",
        &["c.toml:2: unknown section [entri]; did you mean entry?"],
    );
    check("[entri]", &["c.toml:1: unknown section [entri]; did you mean entry?"]);
    check("leverage = \"2x\"", &["c.toml:1: unknown key leverage; did you mean size.leverage?"]);
    check("run.currency = \"USDC\"", &["c.toml:1: unknown key run.currency; did you mean run.capital?"]);
    check("[entry.funding]\nrate = 1", &["c.toml:2: unknown key entry.funding.rate; did you mean entry.funding?"]);
    check(
        "[risk]\nqqqqqqqq = 1",
        &["c.toml:2: unknown key risk.qqqqqqqq; every key stands in strategies/README.md and `carry check --keys`"],
    );
    check(
        "[houses]\na = 1",
        &[
            "c.toml:2: unknown section [houses]; the sections are run, strategy, ladder, universe, signal, entry, exit, size, gates, confirm, execution, risk, margin, sim, alarm, live, store, web",
        ],
    );
    check("entry = \"0.01%/8h\"", &["c.toml:1: entry is a section, not a key; write [entry] and its keys below"]);
    set("entry.fundng=0.01%/8h", "--set: unknown key entry.fundng; did you mean entry.funding?");
    set("entry.funding", "--set: entry.funding is not key=value, for example --set entry.funding=0.02%/8h");
}

#[test]
fn h02_a_bare_number_shows_the_form() {
    let row = |line: &str, key: &str, shown: &str, expected: &str| {
        check(line, &[&format!("c.toml:1: {key} = {shown} is a bare number without a unit; expected {expected}")]);
    };
    let funding = "a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"";
    row("entry.funding = 0.0001", "entry.funding", "0.0001", funding);
    row("entry.funding = \"0.0001\"", "entry.funding", "\"0.0001\"", funding);
    row("run.cash_apr = 4", "run.cash_apr", "4", "a percentage per year, for example \"12%apr\"");
    row("execution.collar = 5", "execution.collar", "5", "basis points with at most 4 decimals, for example \"5bps\"");
    row("signal.smooth = 3", "signal.smooth", "3", "a whole number of d, h, m, s or ms, for example \"8h\"");
    row(
        "run.capital = 2500",
        "run.capital",
        "2500",
        "an amount with its currency (usdt, usdc, fdusd, usd1 or usd), for example \"2500usd\"",
    );
    row("size.share = 0.4", "size.share", "0.4", "a percentage, for example \"40%\"");
    row("size.leverage = 2", "size.leverage", "2", "a multiple, for example \"2x\"");
    row("size.quantity = 1", "size.quantity", "1", "coins with the coin's name, for example \"1BTC\", or \"off\"");
    set(
        "size.share=0.4",
        "--set: size.share = 0.4 is a bare number without a unit; expected a percentage, for example \"40%\"",
    );
}

#[test]
fn h02_a_wrong_unit_or_type_shows_the_form() {
    let share = "expected a percentage, for example \"40%\"";
    check("size.share = \"40bps\"", &[&format!("c.toml:1: size.share = \"40bps\" is not a share; {share}")]);
    check("size.share = true", &[&format!("c.toml:1: size.share = true is a boolean; {share}")]);
    check("size.share = [\"4%\"]", &[&format!("c.toml:1: size.share = [\"4%\"] is a list; {share}")]);
    check("size.share = 2026-11-22", &[&format!("c.toml:1: size.share = ... is a date; {share}")]);
    check(
        "entry.funding = \"0.01%\"",
        &[
            "c.toml:1: entry.funding = \"0.01%\" is not a funding rate; expected a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"",
        ],
    );
    check(
        "margin.autopilot = \"true\"",
        &["c.toml:1: margin.autopilot = \"true\" is a text in quotes; expected true or false without quotes"],
    );
    let count = "expected a whole decimal number without quotes, for example 3";
    check("confirm.period = \"14\"", &[&format!("c.toml:1: confirm.period = \"14\" is a text in quotes; {count}")]);
    check("confirm.period = 14.0", &[&format!("c.toml:1: confirm.period = 14.0 is a number; {count}")]);
    check("confirm.period = 0x0e", &[&format!("c.toml:1: confirm.period = ... is not a whole number; {count}")]);
    check(
        "strategy.rule = \"Anchor\"",
        &["c.toml:1: strategy.rule = \"Anchor\" is not one of its words; expected one of \"anchor\", \"value\""],
    );
    let pairs = "expected a list of venue:SYMBOL, for example [\"binance:BTCUSDT\"]";
    check(
        "strategy.pairs = [\"BTCUSDT\"]",
        &[&format!("c.toml:1: strategy.pairs = [\"BTCUSDT\"] is not a list of pairs; {pairs}")],
    );
    check("strategy.pairs = [1]", &[&format!("c.toml:1: strategy.pairs = [1] is not a list of pairs; {pairs}")]);
    check(
        "strategy.pairs = [\"a:B\", \"a:B\"]",
        &[&format!("c.toml:1: strategy.pairs = [\"a:B\", \"a:B\"] lists a:B twice; {pairs}")],
    );
}

#[test]
fn h02_hard_bounds_say_the_range() {
    let row = |key: &str, value: &str, range: &str| {
        check(&format!("{key} = {value}"), &[&format!("c.toml:1: {key} = {value} is out of range; expected {range}")]);
    };
    row("entry.funding", "\"5%/8h\"", "-0.5%/8h to 0.5%/8h");
    row("entry.funding", "\"0.1%/1h\"", "-0.5%/8h to 0.5%/8h");
    row("entry.funding", "\"9999999%/8h\"", "-0.5%/8h to 0.5%/8h");
    row("size.share", "\"0%\"", "more than 0%, at most 100%");
    row("size.share", "\"100.01%\"", "more than 0%, at most 100%");
    row("size.leverage", "\"3.1x\"", "0.1x to 3x");
    row("size.leverage", "\"0.05x\"", "0.1x to 3x");
    row("size.leverage", "\"20x\"", "0.1x to 3x");
    row("confirm.period", "1", "2 to 250");
    row("execution.absent_after", "\"5s\"", "1m to 1h");
    row("run.capital", "\"0usdt\"", "10usd to 1000000000usd");
    row("run.capital", "\"-100usdt\"", "10usd to 1000000000usd");
    row("gates.adl_rank", "5", "0 to 4");
    row("size.quantity", "\"0BTC\"", "0.00000001COIN to 1000000COIN");
}

#[test]
#[expect(clippy::too_many_lines, reason = "one row for each mistake: a table")]
fn h02_two_keys_that_contradict_are_both_named() {
    let row = |toml: &str, expected: &str| check(toml, &[expected]);
    row(
        "[alarm]\nsilent_from = \"22h\"",
        "c.toml:2: alarm.silent_from (22h, c.toml:2) and alarm.silent_to (off, default) belong together: set both or none",
    );
    row(
        "[margin]\nfloor = \"40%\"",
        "c.toml:2: margin.floor (40%, c.toml:2) must be below margin.top_up (40%, default): money is moved before legs shrink",
    );
    row(
        "[margin]\ntarget = \"55%\"\nwarn = \"50%\"\ntop_up = \"51%\"",
        "c.toml:4: margin.top_up (51%, c.toml:4) must be at most margin.warn (50%, c.toml:3): the warning comes before the act",
    );
    row(
        "margin.target = \"40%\"\nmargin.warn = \"40%\"",
        "c.toml:1: margin.top_up (40%, default) must be below margin.target (40%, c.toml:1): a top-up must lead out of its own range",
    );
    row(
        "margin.warn = \"70%\"",
        "c.toml:1: margin.warn (70%, c.toml:1) must be at most margin.target (60%, default): else it would still warn after a top-up",
    );
    row(
        "exit.funding = \"0.005%/2h\"",
        "c.toml:1: exit.funding (0.005%/2h, c.toml:1) must be at most entry.funding (0.01%/8h, default) plus entry.margin (0%/8h, default): else a pair is closed as soon as it is opened",
    );
    row(
        "exit.when = \"any\"\nexit.basis = \"1bps\"\nentry.basis = \"0bps\"",
        "c.toml:3: exit.basis (1bps, c.toml:2) must be at most entry.basis (0bps, c.toml:3) while exit.when (any, c.toml:1): else a pair is closed as soon as it is opened",
    );
    row(
        "signal.smooth = \"31d\"",
        "c.toml:1: signal.smooth (31d, c.toml:1) must be at most signal.memory (30d, default): an average cannot look back further than what is remembered",
    );
    row(
        "execution.clip = \"200000usd\"",
        "c.toml:1: execution.clip (200000usd, c.toml:1) must be at most risk.max_order (100000usd, default): else every clip would be refused",
    );
    row(
        "size.leverage = \"3x\"",
        "c.toml:1: margin.top_up (40%, default) must be below 1 / size.leverage (3x, c.toml:1): the distance to liquidation right after an entry",
    );
    row("size.leverage = \"3x\"\nmargin.autopilot = false", "ok");
    row(
        "run.mode = \"live\"\nexecution.style = \"maker\"",
        "c.toml:2: run.mode (live, c.toml:1) with execution.style (maker, c.toml:2) needs execution.first = \"perp\", not execution.first (auto, default): no venue cancels resting spot orders for a session that is gone",
    );
    row("run.mode = \"live\"\nexecution.style = \"maker\"\nexecution.first = \"perp\"", "ok");
    row("run.mode = \"paper\"\nexecution.style = \"maker\"", "ok");
    row(
        "margin.collateral = \"coin\"\nmargin.mode = \"isolated\"",
        "c.toml:2: margin.collateral (coin, c.toml:1) needs margin.mode = \"cross\", not margin.mode (isolated, c.toml:2): an isolated position takes no other collateral",
    );
    row(
        "margin.collateral = \"coin\"\nstrategy.pairs = [\"binance:BTCUSDT\", \"binance:ETHUSDT\", \"aster:BTCUSDC\"]",
        "ok",
    );
    for pairs in ["\"binance:BTCUSDT\", \"binance:BTCUSDC\"", "\"binance:BTCUSDT\", \"binance:ETHUSDC\""] {
        let (first, second) = pairs.split_once(", ").unwrap();
        row(
            &format!("margin.collateral = \"coin\"\nstrategy.pairs = [{pairs}]"),
            &format!(
                "c.toml:2: margin.collateral (coin, c.toml:1) takes pairs of one quote coin and of different coins at a venue, not {} and {} of strategy.pairs: a coin would be counted twice",
                first.trim_matches('"'),
                second.trim_matches('"')
            ),
        );
    }
    row(
        "risk.max_order = \"50000usdc\"",
        "c.toml:1: risk.max_order (50000usdc, c.toml:1) must be in usd or in the coin of run.capital (100000usdt, default)",
    );
    row(
        "size.quantity = \"1BTC\"\nstrategy.pairs = [\"binance:BTCUSDT\", \"binance:ETHUSDT\"]",
        "c.toml:2: size.quantity (1BTC, c.toml:1) is in another coin than binance:ETHUSDT of strategy.pairs",
    );
    row("size.quantity = \"1BTC\"\nstrategy.pairs = [\"binance:BTCUSDT\", \"hyperliquid:BTC\"]", "ok");
    row(
        "strategy.pairs = [\"a-perp:BTC/b-perp:BTC\", \"a:BTC\"]",
        "c.toml:1: strategy.pairs lists a-perp:BTC/b-perp:BTC and a:BTC: the one is long and the other short of a-perp:BTC, which is one position at the venue, so neither could be reduced",
    );
}

#[test]
fn x14_secrets_are_refused_and_never_shown() {
    let secret = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    let value = "looks like an API key or secret, so it is not shown; a configuration holds none: remove it, replace the key at the venue, and use `carry keys add`";
    let name = "is named like a secret; a configuration holds none, use `carry keys add`";
    check(&format!("[binance]\napi_key = \"{secret}\""), &[&format!("c.toml:2: binance.api_key {name}")]);
    check("[run]\npassphrase = \"x\"", &[&format!("c.toml:2: run.passphrase {name}")]);
    check(&format!("run.capital = \"{secret}\""), &[&format!("c.toml:1: the value of run.capital {value}")]);
    check(&format!("strategy.pairs = [\"{secret}\"]"), &[&format!("c.toml:1: the value of strategy.pairs {value}")]);
    check(&format!("[binance]\nid = \"{secret}\""), &[&format!("c.toml:2: the value of binance.id {value}")]);
    check(
        &format!("[{secret}]\nid = 1"),
        &[
            "c.toml:2: unknown section [(hidden)]; the sections are run, strategy, ladder, universe, signal, entry, exit, size, gates, confirm, execution, risk, margin, sim, alarm, live, store, web",
        ],
    );
    check(
        &format!("key = {secret}"),
        &["c.toml:1: is not TOML here: string values must be quoted, expected literal string"],
    );
    set(&format!("binance.api_secret={secret}"), &format!("--set: binance.api_secret {name}"));
    set(&format!("run.capital={secret}"), &format!("--set: the value of run.capital {value}"));
    set(secret, "--set: (hidden) is not key=value, for example --set entry.funding=0.02%/8h");
}

#[test]
fn x07_g21_broken_files_say_the_line_and_the_parser_s_word() {
    check("[entry]\nfunding = \"0.01%/8h\"\nfunding = \"0.02%/8h\"", &["c.toml:3: is not TOML here: duplicate key"]);
    check("[entry]\n[exit]\n[entry]", &["c.toml:3: is not TOML here: duplicate key"]);
    // Half of a file, as a crash while writing would leave it.
    check("[entry]\nfunding = \"0.01%/", &["c.toml:2: is not TOML here: invalid basic string, expected `\"`"]);
    check("[entry\nfunding = \"0.01%/8h\"", &["c.toml:1: is not TOML here: unclosed table, expected `]`"]);
    check("entry.funding =", &["c.toml:1: is not TOML here: string values must be quoted, expected literal string"]);
}

#[test]
fn x04_x05_x06_x12_what_is_no_configuration_file_is_refused() {
    let (folder, mut sources) = file(b"[entry]\n# \xff\xfe\n");
    assert_eq!(messages(&sources, &folder), ["c.toml: is not UTF-8 text"]);
    sources.strategy = Some(folder.path().join("none.toml"));
    assert_eq!(messages(&sources, &folder), ["none.toml: there is no such file"]);
    fs::create_dir(folder.path().join("folder.toml")).unwrap();
    sources.strategy = Some(folder.path().join("folder.toml"));
    assert_eq!(messages(&sources, &folder), ["folder.toml: is not a file"]);
    sources.strategy = Some(PathBuf::from("/dev/null"));
    assert_eq!(messages(&sources, &folder), ["/dev/null: is not a file"]);
    let (folder, sources) = file("#".repeat(1_048_577).as_bytes());
    assert_eq!(messages(&sources, &folder), ["c.toml: is 1048577 bytes long, a configuration has at most 1048576"]);
    let (folder, sources) = file(format!("a = {}", "[".repeat(100_000)).as_bytes());
    assert!(messages(&sources, &folder).iter().all(|line| line.contains("is not TOML here")));
    check(
        "include = \"../other.toml\"",
        &["c.toml:1: unknown key include; every key stands in strategies/README.md and `carry check --keys`"],
    );
    check("\u{feff}[entry]\nfunding = \"0.02%/8h\"", &["ok"]);
    check("[entry]\r\nfunding = \"0.02%/8h\"\r\n", &["ok"]);
    check("", &["ok"]);
}

#[test]
fn x08_foreign_text_is_escaped_and_cut() {
    check(
        "[exit]\nwhen = \"\\u001b[31m\\nok\"",
        &["c.toml:2: exit.when = \"\\u{1b}[31m\\u{a}ok\" is not one of its words; expected one of \"all\", \"any\""],
    );
    let many: String = (0..5_000).fold(String::from("[entry]\n"), |text, n| text + &format!("unknown_{n} = 1\n"));
    let (folder, sources) = file(many.as_bytes());
    let lines = messages(&sources, &folder);
    assert_eq!((lines.len(), lines.last().map(String::as_str)), (101, Some("and 4900 more")));
}

#[test]
fn all_errors_of_all_layers_are_reported_together() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name)
    };
    let sources = Sources {
        base: Some(path("a.toml", "[size]\nshare = 1\nleverage = \"9x\"")),
        strategy: Some(path("b.toml", "[entry\n")),
        extra: vec![folder.path().join("c.toml"), path("d.toml", "[margin]\nfloor = \"45%\"")],
        env: vec![("CARRY__ENTRY__FUNDNG".into(), "x".into()), ("HOME".into(), "/".into())],
        set: vec!["exit.when=both".into()],
        ..Sources::default()
    };
    assert_eq!(
        messages(&sources, &folder),
        [
            "a.toml:2: size.share = 1 is a bare number without a unit; expected a percentage, for example \"40%\"",
            "a.toml:3: size.leverage = \"9x\" is out of range; expected 0.1x to 3x",
            "b.toml:1: is not TOML here: unclosed table, expected `]`",
            "c.toml: there is no such file",
            "CARRY__ENTRY__FUNDNG: unknown key entry.fundng; did you mean CARRY__ENTRY__FUNDING?",
            "--set: exit.when = both is not one of its words; expected one of \"all\", \"any\"",
            "d.toml:2: margin.floor (45%, d.toml:2) must be below margin.top_up (40%, default): money is moved before legs shrink",
        ]
    );
}

#[test]
fn h17_the_last_layer_wins_and_says_what_it_overrides() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut sources = Sources {
        base: Some(path("a.toml", "[entry]\nfunding = \"0.02%/8h\"\nbasis = \"1bps\"")),
        strategy: Some(path("b.toml", "[entry]\nfunding = \"0.03%/8h\"")),
        ..Sources::default()
    };
    let funding = |sources: &Sources| {
        let loaded = loaded(sources);
        let row = loaded.values.iter().find(|value| value.path == "entry.funding").unwrap().clone();
        let cut = |source: String| source.replace(&format!("{}/", folder.path().display()), "");
        (row.text, cut(row.source.to_string()), row.over.map(|over| cut(over.to_string())))
    };
    let row = |text: &str, source: &str, over: &str| (text.to_owned(), source.to_owned(), Some(over.to_owned()));
    assert_eq!(funding(&sources), row("0.03%/8h", "b.toml:2", "a.toml:2"));
    sources.extra = vec![path("c.toml", "entry.funding = \"0.04%/8h\"")];
    assert_eq!(funding(&sources), row("0.04%/8h", "c.toml:1", "b.toml:2"));
    sources.env = vec![("CARRY__ENTRY__FUNDING".into(), "0.05%/8h".into()), ("CARRY_OTHER".into(), "1".into())];
    assert_eq!(funding(&sources), row("0.05%/8h", "CARRY__ENTRY__FUNDING", "c.toml:1"));
    assert_eq!(loaded(&sources).environment(), ["CARRY__ENTRY__FUNDING"]);
    sources.set = vec!["entry.funding=0.06%/8h".into(), "entry.funding=\"7bps/8h\"".into(), "entry.basis=off".into()];
    assert_eq!(funding(&sources), row("0.07%/8h", "--set", "--set"));
    assert_eq!(loaded(&sources).settings.entry.basis, None);
    let lower = Sources { env: vec![("CARRY__entry__funding".into(), "0.05%/8h".into())], ..Sources::default() };
    assert_eq!(
        messages(&lower, &folder),
        ["CARRY__entry__funding: unknown key entry.funding; did you mean CARRY__ENTRY__FUNDING?"]
    );
}

#[test]
fn values_reach_their_fields() {
    let flags = [
        "run.capital=2500.5USDC",
        "strategy.pairs=binance:BTCUSDC,aster:BTCUSDC",
        "exit.when=any",
        "size.quantity=0.5BTC",
        "execution.first=perp",
        "confirm.period=20",
        "margin.autopilot=false",
        "size.leverage=2x",
        "sim.latency=1500ms",
    ];
    let settings = loaded(&Sources { set: flags.map(str::to_owned).to_vec(), ..Sources::default() }).settings;
    assert_eq!(settings.run.capital, Amount::parse("2500.5").unwrap());
    assert_eq!(settings.run.currency.as_str(), "USDC");
    assert_eq!(settings.strategy.pairs, ["binance:BTCUSDC", "aster:BTCUSDC"]);
    assert_eq!(settings.exit.when, When::Any);
    assert_eq!(settings.size.quantity, Quantity::parse("0.5").ok());
    assert_eq!(settings.size.quantity_coin.unwrap().as_str(), "BTC");
    assert_eq!(settings.execution.first, First::Leg(Leg::Short));
    assert_eq!(settings.confirm.period, 20);
    assert!(!settings.margin.autopilot);
    assert_eq!(settings.size.leverage, Rate::from_units(2 * Rate::ONE));
    assert_eq!(settings.sim.latency, Span(1_500));
}

#[test]
fn the_hash_follows_the_strategy_and_not_its_spelling() {
    let hash = |flags: &[&str]| {
        let set = flags.iter().map(|flag| (*flag).to_owned()).collect();
        loaded(&Sources { set, ..Sources::default() }).strategy_hash
    };
    let plain = hash(&[]);
    assert_eq!(plain.len(), 64);
    assert_eq!(hash(&["entry.funding=1bps/8h", "entry.horizon=1440h"]), plain);
    assert_eq!(hash(&["run.capital=5000usdt", "sim.seed=9"]), plain);
    assert_ne!(hash(&["entry.funding=0.011%/8h"]), plain);
}

/// Any value of any kind with a unit.
fn any_value() -> impl Strategy<Value = (Kind, Value)> {
    let interval = prop_oneof![Just(Interval::H1), Just(Interval::H2), Just(Interval::H4), Just(Interval::H8)];
    let rate = any::<i64>().prop_map(Rate::from_units);
    let quote = prop_oneof![Just("USDT"), Just("USDC"), Just("FDUSD"), Just("USD1"), Just("USD")];
    prop_oneof![
        (rate.clone(), interval)
            .prop_map(|(rate, interval)| (Kind::Funding, Value::Funding(FundingRate { rate, interval }))),
        (rate, prop_oneof![Just(Kind::Yearly), Just(Kind::Share), Just(Kind::Leverage)])
            .prop_map(|(rate, kind)| (kind, Value::Rate(rate))),
        any::<i64>().prop_map(|units| (Kind::Bps, Value::Bps(Bps::from_units(units)))),
        (0..=i64::MAX).prop_map(|ms| (Kind::Span, Value::Span(Span(ms)))),
        (0..100_000_i64, prop_oneof![Just(86_400_000), Just(3_600_000), Just(60_000), Just(1_000)])
            .prop_map(|(count, unit)| (Kind::Span, Value::Span(Span(count * unit)))),
        (-10_i128.pow(27)..10_i128.pow(27), quote).prop_map(|(units, asset)| {
            let money = Money { amount: Amount::from_units(units), asset: Asset::new(asset).unwrap() };
            (Kind::Money, Value::Money(money))
        }),
        (0..=i64::MAX, "[A-Z0-9.]{1,16}").prop_map(|(units, coin)| {
            (Kind::Quantity, Value::Quantity(Quantity::from_units(units).unwrap(), Asset::new(&coin).unwrap()))
        }),
        any::<u64>().prop_map(|count| (Kind::Count, Value::Count(count))),
        any::<bool>().prop_map(|on| (Kind::Switch, Value::Switch(on))),
        proptest::collection::btree_set("[a-z]{1,8}:[A-Z0-9\\]\\[-]{1,12}", 0..4)
            .prop_map(|names| (Kind::Pairs, Value::Pairs(names.into_iter().collect()))),
    ]
}

proptest! {
    #[test]
    fn h02_what_is_printed_is_read_back((kind, value) in any_value()) {
        prop_assert_eq!(kind.parse(&kind.print(&value)), Ok(value));
    }

    #[test]
    fn x02_x05_no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (_folder, sources) = file(&bytes);
        let _ = load(&sources);
    }

    #[test]
    fn x02_x03_no_value_makes_it_panic(key in 0..KEYS.len(), value in "\\PC{0,24}|-?[0-9.]{1,12}[a-zA-Z%/0-9]{0,8}|\"[^\"]*\"") {
        let key = KEYS[key];
        let (_folder, sources) = file(format!("{} = {value}", key.path).as_bytes());
        let _ = load(&sources);
        let sources = Sources { set: vec![format!("{}={value}", key.path)], ..Sources::default() };
        if let Ok(loaded) = load(&sources) {
            // What was accepted is inside the range and prints to what means the same.
            let row = loaded.values.iter().find(|row| row.path == key.path).unwrap();
            prop_assert!(key.parse(&row.text).is_ok(), "{}", row.text);
        }
    }
}

#[test]
fn settings_recorded_before_a_section_existed_read_back() {
    let now = carry::config::Settings::default();
    let mut old = serde_json::to_value(&now).unwrap();
    for section in ["alarm", "live", "web"] {
        assert!(old.as_object_mut().unwrap().remove(section).is_some());
    }
    assert_eq!(serde_json::from_value::<carry::config::Settings>(old).unwrap(), now);
}
