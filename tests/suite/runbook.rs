//! A page for each alarm: what it means, where to look, what to do.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::observe::words::{About, page, sentence, typed};
use carry::port::command::AlarmKind;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every kind, by its word in JSON: the names stand in the source once.
fn kinds() -> Vec<AlarmKind> {
    let source = std::fs::read_to_string(root("src/port/command.rs")).unwrap();
    let body = source.split("pub enum AlarmKind {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = body.lines().map(str::trim).filter(|line| !line.starts_with("//") && line.ends_with(','));
    let word = |name: &str| {
        name.trim_end_matches(',').chars().enumerate().fold(String::new(), |mut word, (place, letter)| {
            if place > 0 && letter.is_uppercase() {
                word.push('_');
            }
            word.extend(letter.to_lowercase());
            word
        })
    };
    let kinds: Vec<AlarmKind> =
        names.filter_map(|name| serde_json::from_value(serde_json::Value::from(word(name))).ok()).collect();
    assert_eq!(kinds, AlarmKind::ALL, "a kind that is not in the list is in no metric");
    kinds
}

#[test]
fn u13_what_a_page_shows_of_an_alarm_names_the_session_as_the_alarm_itself_does() {
    let about = About { pair: Some("binance:BTCUSDT".to_owned()), order: Some("c1".to_owned()), ..About::default() };
    for kind in kinds() {
        let named = carry::web::typed::naming(&typed(kind, &about, None), Path::new("state/main"));
        assert_eq!(named, typed(kind, &about, Some("state/main")), "{kind:?}");
    }
}

#[test]
fn u13_every_alarm_has_its_page_and_nothing_else_is_there() {
    let mut pages: BTreeSet<String> = std::fs::read_dir(root("deploy/runbook"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for kind in kinds() {
        let name = format!("{}.md", page(kind));
        assert!(pages.remove(&name), "deploy/runbook/{name} is missing");
        let text = std::fs::read_to_string(root("deploy/runbook").join(&name)).unwrap();
        for part in ["## Look", "## Do", "## It is over when"] {
            assert!(text.contains(part), "{name}: {part}");
        }
        let about = About { pair: Some("binance:BTCUSDT".to_owned()), ..About::default() };
        let sentence = sentence(kind, &about, Some("state/main"));
        assert!(sentence.starts_with("binance:BTCUSDT: ") && !sentence.contains('{'), "{sentence}");
        assert!(!typed(kind, &about, None).is_empty());
    }
    for other in ["close-by-hand.md", "README.md"] {
        assert!(pages.remove(other), "deploy/runbook/{other} is missing");
    }
    assert_eq!(pages, BTreeSet::new(), "pages of no alarm");
}

/// What a page tells people to type is a verb of the program.
#[test]
fn u13_the_commands_of_the_pages_are_there() {
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_carry")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for entry in std::fs::read_dir(root("deploy/runbook")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for verb in text.split("`carry ").skip(1).filter_map(|rest| rest.split(['`', ' ']).next()) {
            assert!(help.contains(&format!("  {verb} ")), "{}: carry {verb}", path.display());
        }
    }
}

/// Keys that alarms and pages name, by the sections of the configuration: each is one.
#[test]
fn u13_the_keys_that_alarms_and_pages_name_are_there() {
    let mut texts: Vec<String> = kinds().into_iter().map(|kind| sentence(kind, &About::default(), None)).collect();
    for entry in std::fs::read_dir(root("deploy/runbook")).unwrap() {
        texts.push(std::fs::read_to_string(entry.unwrap().path()).unwrap());
    }
    let sections = carry::config::keys::sections();
    let mut named = BTreeSet::new();
    for text in &texts {
        let words = text.split(|letter: char| !(letter.is_ascii_lowercase() || letter == '_' || letter == '.'));
        for word in words.map(|word| word.trim_matches('.')) {
            let is_key = word.split_once('.').is_some_and(|(section, key)| {
                sections.contains(&section) && !matches!(key, "toml" | "md" | "sqlite" | "json" | "sock")
            });
            if is_key {
                assert!(carry::config::keys::find(word).is_some(), "{word} is no key: {text}");
                named.insert(word.to_owned());
            }
        }
    }
    assert!(named.len() >= 8, "{named:?}");
}
