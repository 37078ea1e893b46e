//! The files that are shipped, and the commands `carry check` and `carry init` as a person runs them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::config::settings::{FillAt, Rule, When};
use carry::config::table::KEYS;
use carry::config::{Loaded, Sources, keys, load};
use carry::domain::{Amount, Bps, Rate, Span};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PRESETS: [&str; 4] =
    ["config/carry.toml", "strategies/anchor.toml", "strategies/ethena.toml", "strategies/ladder.toml"];

fn repo(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn preset(name: &str) -> Loaded {
    let sources = Sources { base: Some(repo("config/carry.toml")), strategy: Some(repo(name)), ..Sources::default() };
    load(&sources).unwrap_or_else(|errors| panic!("{errors}"))
}

fn carry(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder).env_clear().args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_readme_holds_the_table_of_every_key() {
    let readme = fs::read_to_string(repo("strategies/README.md")).unwrap();
    for key in KEYS {
        assert!(readme.contains(&format!("| `{}` |", key.path)), "{} is not in strategies/README.md", key.path);
    }
    assert!(readme.contains(&keys::markdown()), "replace the table of strategies/README.md by `carry check --keys`");
}

#[test]
fn h02_every_key_of_a_preset_states_its_range() {
    let mut seen = BTreeSet::new();
    for name in PRESETS {
        let (mut section, mut comment) = (String::new(), String::new());
        for line in fs::read_to_string(repo(name)).unwrap().lines() {
            if let Some(words) = line.strip_prefix("# ") {
                comment = format!("{comment} {words}");
            } else if let Some(title) = line.strip_prefix('[') {
                title.trim_end_matches(']').clone_into(&mut section);
                comment.clear();
            } else if let Some((key, _)) = line.split_once(" = ") {
                let key = keys::find(&format!("{section}.{key}")).unwrap_or_else(|| panic!("{name}: {line}"));
                let range = key.range_words().unwrap_or_else(|| key.kind.unit());
                assert!(comment.contains(&range), "{name}: the comment of {} does not say {range}", key.path);
                seen.insert(key.path);
                comment.clear();
            }
        }
    }
    let missing: Vec<&str> = KEYS.iter().map(|key| key.path).filter(|path| !seen.contains(path)).collect();
    assert!(missing.is_empty(), "no preset shows {missing:?}");
}

#[test]
fn the_presets_are_two_rules_of_one_trade() {
    let (anchor, ethena) = (preset("strategies/anchor.toml"), preset("strategies/ethena.toml"));
    assert_eq!((anchor.settings.strategy.rule, ethena.settings.strategy.rule), (Rule::Anchor, Rule::Value));
    assert_eq!(anchor.settings.signal.smooth, Span(3 * Span::DAY.0));
    assert_eq!(anchor.settings.exit.when, When::All);
    assert_ne!(anchor.strategy_hash, ethena.strategy_hash);
}

#[test]
fn the_cross_check_states_every_key_and_nothing_that_is_not_the_work() {
    for name in ["benches/crosscheck.toml", "benches/ladder.toml"] {
        let (loaded, from) = (preset(name), repo(name).display().to_string());
        for value in &loaded.values {
            assert!(value.source.to_string().starts_with(&from), "{} would follow config/carry.toml", value.path);
        }
    }
    let settings = preset("benches/crosscheck.toml").settings;
    assert_eq!(settings.run.capital, Amount::whole(1_000_000));
    assert_eq!(settings.size.quantity_coin.unwrap().as_str(), "GEN");
    assert_eq!((settings.entry.basis, settings.exit.basis), (Some(Bps::ZERO), Bps::whole(-2)));
    assert_eq!(settings.exit.funding.per_8h(), Rate::parse("0.00005").unwrap());
    assert_eq!((settings.exit.when, settings.sim.fill), (When::Any, FillAt::Close));
    assert_eq!(
        (settings.sim.half_spread, settings.sim.impact, settings.gates.guard),
        (Bps::ZERO, Bps::ZERO, Span::ZERO)
    );
    let coin = Amount::whole(100_000);
    assert!(settings.execution.clip >= coin && settings.risk.max_order >= coin && settings.risk.max_pair >= coin);
}

#[test]
fn h17_check_prints_the_meaning_and_every_override_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), "[entry]\nfunding = \"0.02%/1h\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.current_dir(folder.path()).env_clear().env("CARRY__SIM__SEED", "7").args(["check", "s.toml"]);
    let run = command.output().unwrap();
    let out = text(&run.stdout);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let line = out.lines().find(|line| line.contains("entry.funding ")).unwrap();
    assert!(line.contains("0.02 % every hour, 175.2 % a year") && line.contains("s.toml:2"), "{line}");
    assert!(out.contains("set by the environment: CARRY__SIM__SEED\n"), "{out}");
    assert!(out.ends_with("ok\n"), "{out}");
}

#[test]
fn check_speaks_json_and_says_every_error() {
    let folder = tempfile::tempdir().unwrap();
    let run = carry(folder.path(), &["check", "--json", "--set", "size.leverage=2x"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((json["schema"].as_str(), json["ok"].as_bool()), (Some("carry.check/1"), Some(true)));
    assert_eq!(json["values"].as_array().unwrap().len(), KEYS.len());
    let row = json["values"].as_array().unwrap().iter().find(|row| row["key"] == "size.leverage").unwrap();
    assert_eq!((row["value"].as_str(), row["source"].as_str()), (Some("2x"), Some("--set")));

    let run = carry(folder.path(), &["check", "none.toml", "--set", "size.leverage=2", "--json"]);
    assert_eq!(run.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((json["ok"].as_bool(), json["errors"].as_array().unwrap().len()), (Some(false), 2));
    assert_eq!(
        text(&run.stderr),
        "carry: the configuration is wrong\nnone.toml: there is no such file\n--set: size.leverage = 2 is a bare number \
         without a unit; expected a multiple, for example \"2x\"\n"
    );
}

#[test]
fn init_writes_what_check_accepts_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = carry(folder.path(), &["init", "desk"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let desk = folder.path().join("desk");
    for name in PRESETS {
        assert_eq!(fs::read(desk.join(name)).unwrap(), fs::read(repo(name)).unwrap(), "{name}");
    }
    let run = carry(&desk, &["check", "strategies/ethena.toml"]);
    assert!(run.status.success() && text(&run.stdout).contains("config/carry.toml:"), "{}", text(&run.stderr));

    fs::remove_file(desk.join(".gitignore")).unwrap();
    fs::write(desk.join("config/carry.toml"), "# mine\n").unwrap();
    let run = carry(folder.path(), &["init", "desk"]);
    assert_eq!(run.status.code(), Some(2));
    assert_eq!(
        text(&run.stderr),
        "carry: nothing was written, because these are already there:\n  desk/config/carry.toml\n  \
         desk/strategies/anchor.toml\n  desk/strategies/ethena.toml\n  desk/strategies/ladder.toml\n"
    );
    assert_eq!(fs::read_to_string(desk.join("config/carry.toml")).unwrap(), "# mine\n");
    assert!(!desk.join(".gitignore").exists());
}

#[test]
fn g21_init_leaves_nothing_half_written() {
    let folder = tempfile::tempdir().unwrap();
    // A file stands where the folder of the strategies belongs, so the second of five files cannot be written.
    fs::write(folder.path().join("strategies"), "").unwrap();
    let run = carry(folder.path(), &["init"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("cannot be written"), "{}", text(&run.stderr));
    assert_eq!(fs::read_dir(folder.path().join("config")).unwrap().count(), 0);
    assert!(!folder.path().join(".gitignore").exists());
    let run = carry(folder.path(), &["init", "other", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((json["schema"].as_str(), json["written"].as_array().unwrap().len()), (Some("carry.init/1"), 5));
}
