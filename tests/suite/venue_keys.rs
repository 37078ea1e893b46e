//! `[venues.NAME]`: each key is a name of a key of all venues; old files mean what they meant; every slip is named with its line.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::config::settings::Collateral;
use carry::config::{Loaded, Settings, Sources, load};
use carry::domain::{Bps, Rate, Venue};
use std::path::Path;
use std::process::{Command, Output};

fn venue(name: &str) -> Venue {
    Venue::new(name).unwrap()
}

fn percent(points: i64) -> Rate {
    Rate::from_units(points * 10_000_000_000_000_000)
}

/// A base file, a strategy file and `--set`, as a command finds them; else everything that is wrong, line by line.
fn layers(base: &str, strategy: &str, set: &[&str]) -> Result<Loaded, Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let set = set.iter().map(|one| (*one).to_owned()).collect();
    let sources = Sources { base: file("b.toml", base), strategy: file("s.toml", strategy), set, ..Sources::default() };
    let cut = |text: String| text.replace(&format!("{}/", folder.path().display()), "");
    load(&sources).map_err(|errors| errors.errors.iter().map(|error| cut(error.to_string())).collect())
}

fn read(text: &str) -> Result<Loaded, Vec<String>> {
    layers("", text, &[])
}

fn settings(text: &str) -> Settings {
    read(text).unwrap_or_else(|errors| panic!("{errors:?}")).settings
}

#[test]
fn a_venue_has_its_own_terms_and_the_others_those_of_all() {
    let text = "[venues.binance]\nkey = \"main\"\ncollateral = \"coin\"\nleverage = \"2x\"\ncapital = \"60%\"\n\
                fees = { spot_taker = \"7.5bps\", perp_maker = \"-1bps\" }\n[venues.aster]\nfees = \"ask\"\n";
    let settings = settings(text);
    let (binance, aster, other) = (venue("binance"), venue("aster"), venue("okx"));
    assert_eq!(settings.leverage_at(binance), percent(200));
    assert_eq!((settings.leverage_at(aster), settings.leverage_at(other)), (percent(100), percent(100)));
    assert_eq!((settings.collateral_at(binance), settings.collateral_at(aster)), (Collateral::Coin, Collateral::Quote));
    assert_eq!((settings.share_at(binance), settings.share_at(aster)), (percent(60), percent(100)));
    assert!(settings.any_coins_margin() && settings.asks_fees(aster) && !settings.asks_fees(binance));
    let terms = settings.terms_of(binance).unwrap();
    assert_eq!(terms.key.as_deref(), Some("main"));
    assert_eq!((terms.fees.spot_taker, terms.fees.perp_maker), (Some(Bps::from_units(75_000)), Some(Bps::whole(-1))));
    // Whoever looks at one venue alone sees them under the names of all.
    let own = settings.at_venue("binance");
    assert_eq!((own.size.leverage, own.margin.collateral), (percent(200), Collateral::Coin));
    assert_eq!(settings.at_venue("okx").size, settings.size);
    // Written down they come back whole.
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
}

#[test]
fn a_file_without_tables_of_venues_is_what_it_was() {
    let plain = read("[size]\nleverage = \"2x\"\n").unwrap();
    assert!(plain.settings.venues.is_empty());
    assert!(
        !serde_json::to_string(&plain.settings).unwrap().contains("venues\":{"),
        "recorded settings keep their bytes"
    );
    let empty = read("[size]\nleverage = \"2x\"\n[venues]\n[venues.binance]\n[venues.aster.fees]\n").unwrap();
    assert_eq!((empty.settings, empty.strategy_hash), (plain.settings, plain.strategy_hash));
}

#[test]
fn terms_decide_trades_and_the_name_of_a_key_does_not() {
    let hash = |text: &str| read(text).unwrap().strategy_hash;
    let none = hash("");
    for own in ["leverage = \"2x\"", "collateral = \"coin\"", "capital = \"50%\"", "fees.perp_taker = \"4bps\""] {
        assert_ne!(hash(&format!("[venues.binance]\n{own}\n")), none, "{own}");
    }
    assert_eq!(
        hash("[venues.binance]\nkey = \"main\"\n"),
        none,
        "the shadow of a run has no key and is of the same strategy"
    );
}

#[test]
fn two_names_of_one_value_in_one_file_are_refused_with_both_lines() {
    for (text, expected) in [
        (
            "[size]\nleverage = \"1x\"\n[venues.binance]\nleverage = \"2x\"\n",
            "s.toml:4: size.leverage (1x, s.toml:2) and venues.binance.leverage (2x, s.toml:4) are two names of one value and differ; \
             keep one of them",
        ),
        (
            "[venues.binance]\ncollateral = \"coin\"\n[margin]\ncollateral = \"quote\"\n",
            "s.toml:4: margin.collateral (quote, s.toml:4) and venues.binance.collateral (coin, s.toml:2) are two names of one value and \
             differ; keep one of them",
        ),
        (
            "[size]\nper_venue = \"100%\"\n[venues.binance]\ncapital = \"60%\"\n",
            "s.toml:4: size.per_venue (100%, s.toml:2) and venues.binance.capital (60%, s.toml:4) are two names of one value and differ; \
             keep one of them",
        ),
        (
            "[sim]\nwallets = \"equal\"\n[venues.binance]\ncapital = \"60%\"\n[venues.aster]\ncapital = \"40%\"\n",
            "s.toml:6: sim.wallets (equal, s.toml:2) and venues.aster.capital (40%, s.toml:6) are two names of one value and differ; \
             keep one of them",
        ),
        (
            "[sim]\nperp_taker = \"4bps\"\n[venues.binance.fees]\nperp_taker = \"3bps\"\n",
            "s.toml:4: sim.perp_taker (4bps, s.toml:2) and venues.binance.fees.perp_taker (3bps, s.toml:4) are two names of one value \
             and differ; keep one of them",
        ),
        (
            "[sim]\nperp_taker = \"4bps\"\n[venues.binance]\nfees = \"ask\"\n",
            "s.toml:4: sim.perp_taker (4bps, s.toml:2) and venues.binance.fees (ask, s.toml:4) are two names of one value and differ; \
             keep one of them",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), [expected], "{text}");
    }
    // The same said twice is no contradiction.
    for text in [
        "[size]\nleverage = \"2x\"\n[venues.binance]\nleverage = \"2x\"\n",
        "[sim]\nwallets = \"equal\"\n[venues.binance]\ncapital = \"50%\"\n[venues.aster]\ncapital = \"50%\"\n",
        "[sim]\nperp_taker = \"5bps\"\n[venues.binance]\nfees = \"ask\"\n",
    ] {
        assert!(read(text).is_ok(), "{text}: {:?}", read(text));
    }
}

#[test]
fn between_layers_the_specific_wins_and_the_command_line_is_last() {
    let base =
        "[venues.binance]\nleverage = \"2x\"\ncapital = \"60%\"\nfees = \"ask\"\n[venues.aster]\nleverage = \"2.4x\"\n";
    let strategy = "[size]\nleverage = \"1x\"\nper_venue = \"100%\"\n";
    let leverage = |loaded: &Loaded, name: &str| loaded.settings.leverage_at(venue(name));
    let loaded = layers(base, strategy, &[]).unwrap();
    assert_eq!((leverage(&loaded, "binance"), leverage(&loaded, "aster")), (percent(200), percent(240)));
    assert_eq!(leverage(&loaded, "okx"), percent(100));
    let by_hand = layers(base, strategy, &["size.leverage=1.5x"]).unwrap();
    assert_eq!((leverage(&by_hand, "binance"), leverage(&by_hand, "aster")), (percent(150), percent(150)));
    let row = by_hand.values.iter().find(|row| row.path == "venues.binance.leverage").unwrap();
    assert_eq!((row.text.as_str(), row.source.to_string().as_str()), ("1.5x", "--set"));
    assert!(row.over.as_ref().unwrap().to_string().ends_with("b.toml:2"), "it says what it overrides");
    let one = layers(base, strategy, &["venues.aster.leverage=0.5x"]).unwrap();
    assert_eq!((leverage(&one, "binance"), leverage(&one, "aster")), (percent(200), percent(50)));
    let fees = layers(base, strategy, &["sim.perp_taker=3bps"]).unwrap();
    assert!(!fees.settings.asks_fees(venue("binance")));
    let split = layers(base, strategy, &["sim.wallets=equal"]).unwrap();
    assert_eq!(split.settings.share_at(venue("binance")), percent(100));
    let both = layers(base, strategy, &["size.leverage=1x", "venues.aster.leverage=2x"]).unwrap_err();
    assert!(both[0].contains("size.leverage (1x, --set) and venues.aster.leverage (2x, --set)"), "{both:?}");
}

#[test]
fn h01_a_slip_below_venues_is_named_with_its_line() {
    for (text, expected) in [
        (
            "[venues.binnance]\nleverage = \"2x\"",
            "s.toml:2: [venues.binnance] names no venue that is known; known are alpha, aster, ",
        ),
        ("[venues.Binance]\nkey = \"main\"", "s.toml:2: [venues.Binance] names no venue that is known"),
        (
            "[venues.binance]\nleverge = \"2x\"",
            "s.toml:2: unknown key venues.binance.leverge; a venue has key, collateral, leverage, capital, fees",
        ),
        (
            "[venues.binance]\nleverage = 2",
            "s.toml:2: venues.binance.leverage = 2 is a bare number without a unit; expected a multiple",
        ),
        (
            "[venues.binance]\nleverage = \"9x\"",
            "s.toml:2: venues.binance.leverage = \"9x\" is out of range; expected 0.1x to 3x",
        ),
        (
            "[venues.binance]\ncollateral = \"gold\"",
            "s.toml:2: venues.binance.collateral = \"gold\" is not one of its words",
        ),
        (
            "[venues.binance]\nfees = \"free\"",
            "s.toml:2: venues.binance.fees = \"free\" is not one of its words; expected one of \"ask\"",
        ),
        (
            "[venues.binance]\nkey = \"my key\"",
            "s.toml:2: venues.binance.key = \"my key\" is not the name of a key; expected the name",
        ),
        ("[venues.binance]\napi_key = \"x\"", "s.toml:2: venues.binance.api_key is named like a secret"),
        (
            "[venues.binance]\nkey = \"a1b2c3d4e5f6a7b8c9d0\"",
            "s.toml:2: the value of venues.binance.key looks like an API key or secret, so it is not shown",
        ),
        ("venues = 3", "s.toml:1: venues is a section, not a key"),
        ("[venues]\nbinance = 3", "s.toml:2: unknown key venues.binance; a venue has"),
        ("[venue.binance]\nkey = \"main\"", "s.toml:2: unknown section [venue]; did you mean venues?"),
    ] {
        let errors = read(text).unwrap_err();
        assert!(errors.len() == 1 && errors[0].starts_with(expected), "{text}\n{errors:?}\n{expected}");
    }
    // A venue of one's own history is known by a pair of it.
    let own = "[strategy]\npairs = [\"kraken:BTCUSD\"]\n[venues.kraken]\nleverage = \"2x\"\n";
    assert_eq!(settings(own).leverage_at(venue("kraken")), percent(200));
    assert!(read("[venues.kraken]\nleverage = \"2x\"\n").is_err());
}

#[test]
fn rules_between_keys_hold_at_each_venue() {
    let pairs = |names: &str| format!("[strategy]\npairs = [{names}]\n");
    let two = pairs("\"binance:BTCUSDT\", \"aster:BTCUSDT\"");
    for (text, expected) in [
        (
            format!("{two}[venues.aster]\nleverage = \"3x\"\n"),
            "margin.top_up (40%, default) must be below 1 / venues.aster.leverage (3x, s.toml:4)",
        ),
        (
            format!("{two}[venues.aster]\ncollateral = \"coin\"\n[margin]\nmode = \"isolated\"\n"),
            "venues.aster.collateral (coin, s.toml:4) needs margin.mode = \"cross\", not margin.mode (isolated, s.toml:6)",
        ),
        (
            format!("{}[venues.aster]\ncollateral = \"coin\"\n", pairs("\"aster:BTCUSDT\", \"aster:BTCUSDC\"")),
            "venues.aster.collateral (coin, s.toml:4) takes pairs of one quote coin and of different coins at a venue",
        ),
        (
            format!("{}[venues.aster]\ncollateral = \"coin\"\n", pairs("\"binance:BTCUSDT/aster:BTCUSDT\"")),
            "venues.aster.collateral (coin, s.toml:4) margins a short with coins of its own venue, not binance:BTCUSDT/aster:BTCUSDT",
        ),
        (
            format!("{two}[venues.aster]\ncapital = \"60%\"\n[venues.binance]\ncapital = \"50%\"\n"),
            "venues.aster.capital (60%, s.toml:4) and venues.binance.capital (50%, s.toml:6) are shares of one capital and more than 100%",
        ),
        (
            format!("{two}[sim]\nwallets = \"pooled\"\n[venues.aster]\nleverage = \"2x\"\n"),
            "sim.wallets (pooled, s.toml:4) and venues.aster.leverage (2x, s.toml:6) do not go together",
        ),
    ] {
        let errors = read(&text).unwrap_err();
        assert!(errors.len() == 1 && errors[0].contains(expected), "{text}\n{errors:?}");
    }
    // Coins of two venues, or of one alone, are counted once each.
    for own in ["", "[margin]\ncollateral = \"coin\"\n[venues.binance]\ncollateral = \"coin\"\n"] {
        assert!(read(&format!("{two}{own}")).is_ok());
    }
    let cross = pairs("\"binance:BTCUSDT/okx:BTCUSDT\", \"aster:ETHUSDT\"");
    assert!(
        read(&format!("{cross}[venues.aster]\ncollateral = \"coin\"\n")).is_ok(),
        "no coin of aster is a leg elsewhere"
    );
    let general = format!("{two}[margin]\ncollateral = \"coin\"\nmode = \"isolated\"\n");
    assert_eq!(read(&general).unwrap_err().len(), 1, "what holds for all is judged as it was");
}

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

#[test]
fn carry_check_shows_them_with_their_source_and_the_table_lists_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("v.toml"), "[venues.binance]\nkey = \"main\"\nleverage = \"2x\"\n").unwrap();
    let shown = carry(folder.path(), &["check", "v.toml", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    let row = |key: &str| json["values"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone();
    assert_eq!(
        (row("venues.binance.leverage")["value"].as_str(), row("venues.binance.key")["value"].as_str()),
        (Some("2x"), Some("main"))
    );
    assert_eq!(row("venues.binance.leverage")["source"], "v.toml:3");
    assert!(row("venues.binance.leverage")["meaning"].as_str().unwrap().contains("2 times the margin"));
    let refused = carry(folder.path(), &["check", "v.toml", "--set", "venues.binnance.leverage=2x"]);
    assert_eq!(refused.status.code(), Some(2));
    let keys = String::from_utf8(carry(folder.path(), &["check", "--keys"]).stdout).unwrap();
    assert!(keys.contains("| `venues.NAME.leverage` | x | 0.1x to 3x | `size.leverage` |"), "{keys}");
}

#[test]
fn the_kind_of_a_strategy_and_its_pairs_agree() {
    let said = |kind: &str, pairs: &str| {
        let text = format!("[strategy]\nkind = \"{kind}\"\npairs = {pairs}\n[signal]\nmemory = \"30d\"\n");
        read(&text).map(|_| ()).map_err(|errors| errors.join("\n"))
    };
    let (basis, across) = ("[\"binance:BTCUSDT\"]", "[\"binance:BTCUSDT/aster:BTCUSDT\"]");
    let spread = "[\"binance-perp:BTCUSDT/hyperliquid-perp:BTC\"]";
    for (kind, pairs) in [
        ("basis", basis),
        ("basis", across),
        ("basis", spread),
        ("spread", spread),
        ("ladder", basis),
        ("ladder", "[]"),
    ] {
        assert_eq!(said(kind, pairs), Ok(()), "{kind} {pairs}");
    }
    for (kind, pairs, expected) in [
        (
            "spread",
            basis,
            "s.toml:3: strategy.kind (spread, s.toml:2) trades two perps, and binance:BTCUSDT of strategy.pairs is spot and perp; expected two perps",
        ),
        ("spread", across, "binance:BTCUSDT/aster:BTCUSDT of strategy.pairs is spot and perp"),
        (
            "spread",
            "[]",
            "strategy.kind (spread, s.toml:2) trades pairs that are named, and strategy.pairs is empty; expected two perps",
        ),
        ("spread", "\"auto\"", "strategy.pairs is \"auto\"; expected two perps"),
        (
            "ladder",
            spread,
            "strategy.kind (ladder, s.toml:2) forecasts the funding of a short beside spot, and binance-perp:BTCUSDT/hyperliquid-perp:BTC",
        ),
        (
            "spreads",
            spread,
            "strategy.kind = \"spreads\" is not one of its words; expected one of \"basis\", \"spread\", \"ladder\"",
        ),
    ] {
        let error = said(kind, pairs).unwrap_err();
        assert!(error.contains(expected), "{kind} {pairs}: {error}");
    }
}
