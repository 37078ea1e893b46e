//! The house rules that a machine can check. The tables here are their definition.
//!
//! What the compiler and its lints check is not repeated. Reading of source files stands in `tidy/source.rs`.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "helpers of a test stop at the first surprise")]

#[path = "tidy/source.rs"]
mod source;

use source::{File, Named, code, files, named, root};
use std::fmt::Write as _;
use std::path::Path;

/// Who may see whom: a module of `src/`, and the modules it may name. Each row names earlier rows only, so there is no
/// circle. An entry with `::` opens that part of a module alone.
const LAYERS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    // Deliberate bugs for the simulator's own test; without the feature nothing but a constant.
    ("planted", &[]),
    ("config", &["domain"]),
    // Secrets and what is refused of them; whoever signs takes a key from here.
    ("keys", &["domain", "config"]),
    ("port", &["domain"]),
    ("market", &["domain", "planted", "port"]),
    ("ledger", &["domain", "planted", "port"]),
    // The gate stands below the orders: they take nothing but what it approved.
    ("risk", &["domain", "planted", "config", "port", "market", "ledger"]),
    ("orders", &["domain", "planted", "port", "risk::gate"]),
    ("pairs", &["domain", "planted", "config", "port", "market", "ledger", "orders"]),
    // It says why in the words of an intent, but never sees an order, a balance or the ledger.
    ("strategy", &["domain", "config", "market", "pairs", "port::order", "port::health::Input"]),
    ("engine", &["domain", "planted", "config", "port", "market", "ledger", "risk", "orders", "pairs", "strategy"]),
    // A session joins snapshots and diffs to a book before it says anything of it.
    ("venues", &["domain", "planted", "config", "port", "market::book", "market::diff", "market::sync"]),
    // The only sockets, and what waits, signs and sends once.
    ("net", &["domain", "planted", "port", "venues"]),
    ("sim", &["domain", "config", "port", "market::book"]),
    // It serves the simulated venue and may not use the adapters' own reading, writing or signing; the lines of a recording
    // are no venue's protocol.
    ("loopback", &["domain", "config", "port", "sim", "venues::frames"]),
    // The ledger of record stores postings as the ledger makes them.
    ("store", &["domain", "config", "port", "ledger::Posting"]),
    ("tape", &["domain", "config", "port", "market::book"]),
    ("data", &["domain", "config", "port", "market::book"]),
    ("observe", &["domain", "config", "port"]),
    // The words of the profit lines stand with the ledger that fills them.
    ("report", &["domain", "config", "ledger::Lines"]),
    // What is asked of a venue before and while money is at work, and how its answers compare with the books.
    (
        "checks",
        &[
            "domain",
            "config",
            "keys::file",
            "port",
            "ledger",
            "orders",
            "pairs",
            "engine",
            "venues",
            "net",
            "sim",
            "data",
        ],
    ),
    // Public data that people fetch: no keys, no orders.
    (
        "fetch",
        &[
            "domain",
            "config",
            "port",
            "market",
            "strategy",
            "venues",
            "net",
            "sim",
            "data",
            "report::run",
            "checks::inquiry",
        ],
    ),
    // What a running session shows and what a person may tell it; the session itself is above.
    (
        "control",
        &[
            "domain",
            "config",
            "keys::file",
            "port",
            "ledger",
            "risk::gate",
            "orders",
            "pairs",
            "strategy",
            "engine",
            "venues",
            "net::machine_clock",
            "sim",
            "store",
            "observe::words",
            "report::run",
            "checks",
        ],
    ),
    (
        "run",
        &[
            "domain",
            "planted",
            "config",
            "keys",
            "port",
            "market",
            "ledger",
            "risk",
            "orders",
            "pairs",
            "strategy",
            "engine",
            "venues",
            "net",
            "sim",
            "loopback",
            "store",
            "tape",
            "data",
            "observe",
            "report::run",
            "checks",
            "fetch",
            "control",
        ],
    ),
    // Many runs over one history, and what a book loses in a shock; a run itself is below.
    (
        "research",
        &[
            "domain",
            "config",
            "port::event::Wallet",
            "pairs::sizing",
            "engine",
            "store::JournalError",
            "data",
            "report::run",
            "report::sweep",
            "run",
        ],
    ),
    ("web", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
    ("lib", &["*"]),
];

/// Modules of the core: they do no I/O, read no clock and draw nothing.
const CORE: &[&str] =
    &["domain", "port", "config::settings", "market", "ledger", "orders", "pairs", "risk", "strategy", "engine"];

/// What the core may not name.
const OUTSIDE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::time",
    "std::thread",
    "std::process",
    "std::env",
    "tokio",
    "rusqlite",
    "reqwest",
    "rand",
    "rand_chacha",
    "rand_core",
    "getrandom",
];

/// What opens sockets: no translator may name it.
const NETWORK: &[&str] = &[
    "std::net",
    "tokio",
    "reqwest",
    "tokio_tungstenite",
    "tokio_rustls",
    "rustls",
    "futures_util",
    "governor",
    "axum",
];

/// Longest file with its tests, and the tables that may be longer, each with its reason.
const MAX_LINES: usize = 500;
const LONGER: &[(&str, usize, &str)] = &[
    ("tests/live/scripts.rs", 900, "one row for each fault script: a table, not a program"),
    ("src/config/table.rs", 1_000, "one row for each key: a table, not a program"),
];

/// Highest number of each section of the fault catalogue and of the two lists of findings; the name of a test that covers one begins with its id.
const FAULTS: &[(char, u32)] = &[
    ('a', 26),
    ('b', 19),
    ('c', 14),
    ('d', 18),
    ('e', 24),
    ('f', 16),
    ('g', 22),
    ('h', 18),
    ('x', 29),
    ('l', 37),
    ('u', 17),
];

/// Words that do not belong in source, in two halves so that this file does not hold them.
const UNFINISHED: &[[&str; 2]] =
    &[["#[ig", "nore"], ["to", "do!"], ["unimple", "mented!"], ["db", "g!("], ["FIX", "ME"], ["XX", "X"]];
/// Words that tell of the machine on which the repository was written.
const FOREIGN: &[[&str; 2]] = &[["/wo", "rk/"], ["/fa", "rm/"], [".lib", "rary"], ["sub", "agent"], ["/root", "/."]];

const CHANGELOG: [&str; 4] = ["Money and safety", "Features", "Fixes", "Internals"];

/// Fails with all findings at once, one a line.
fn report(rule: &str, findings: &[String]) {
    let mut text = String::new();
    for finding in findings {
        let _ = write!(text, "\n  {finding}");
    }
    assert!(findings.is_empty(), "{rule}:{text}");
}

/// The source files below `folder`.
fn sources(folder: &str) -> Vec<File> {
    let is_rust = |file: &File| Path::new(&file.path).extension().is_some_and(|extension| extension == "rs");
    files(folder).into_iter().filter(is_rust).collect()
}

fn rust_files() -> Vec<File> {
    ["src", "tests", "benches", "fuzz/fuzz_targets"].into_iter().flat_map(sources).collect()
}

/// `src/tape/block.rs` is `["tape", "block"]`, `src/tape/mod.rs` is `["tape"]`.
fn module_of(path: &str) -> Vec<String> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let parts = inside.split('/').map(str::to_owned);
    parts.filter(|part| part != "mod").collect()
}

/// Whether `path` (without `crate`) lies in the module or part of a module `place`.
fn inside(path: &[String], place: &str) -> bool {
    place.split("::").zip(path.iter().map(String::as_str).chain(std::iter::repeat(""))).all(|(a, b)| a == b)
}

/// What is wrong with a file's view of other modules.
fn layer_findings(path: &str, text: &str) -> Vec<String> {
    let module = module_of(path);
    let own = module.first().map_or("", String::as_str);
    let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == own) else {
        return vec![format!("{path}: module `{own}` has no row in the table of layers")];
    };
    let mut findings = Vec::new();
    for Named { segments, line } in named(&code(text), &module) {
        let (first, rest) = (segments[0].as_str(), &segments[1..]);
        let ours = first == "crate" || first == "carry";
        let known = LAYERS.iter().any(|(name, _)| *name == rest[0]);
        let permitted = allowed.contains(&"*") || rest[0] == own || allowed.iter().any(|place| inside(rest, place));
        if ours && known && !permitted {
            findings.push(format!("{path}:{line}: `{own}` may not see `{}`", rest.join("::")));
        }
        let core = CORE.iter().any(|place| inside(&module, place));
        if let Some(word) = OUTSIDE.iter().find(|word| core && inside(&segments, word)) {
            findings.push(format!("{path}:{line}: the core may not name `{word}`"));
        }
        let translator = inside(&module, "venues");
        if let Some(word) = NETWORK.iter().find(|word| translator && inside(&segments, word)) {
            findings.push(format!("{path}:{line}: only `net` and the edges may name `{word}`"));
        }
    }
    findings
}

#[test]
fn the_table_of_layers_has_no_circle() {
    for (place, (module, allowed)) in LAYERS.iter().enumerate() {
        for name in *allowed {
            let name = name.split("::").next().unwrap_or(name);
            let earlier = LAYERS[..place].iter().any(|(known, _)| *known == name);
            assert!(earlier || name == "*", "{module} names {name}, which is not above it");
        }
    }
}

#[test]
fn modules_see_only_what_lies_below_them() {
    let findings: Vec<String> = sources("src").iter().flat_map(|file| layer_findings(&file.path, &file.text)).collect();
    report("Imports go one way; see LAYERS, CORE and OUTSIDE in tests/tidy.rs", &findings);
}

#[test]
fn the_rule_of_layers_finds_every_way_to_write_a_path() {
    let check = |path: &str, text: &str, expected: usize| {
        assert_eq!(layer_findings(path, text).len(), expected, "{path}: {text}: {:?}", layer_findings(path, text));
    };
    check("src/strategy/basis.rs", "use crate::market::View; use crate::port::order::Reason;", 0);
    check("src/strategy/basis.rs", "use crate::{domain::Price, ledger::{Book, Posting as P}};", 2);
    check("src/strategy/basis.rs", "use crate::port::{order::Reason, event::Event};", 1);
    check("src/strategy/basis.rs", "fn f() { let x = crate::orders::Orders::new(); }", 1);
    check("src/strategy/basis.rs", "use super::super::engine::State;", 1);
    check("src/strategy/basis.rs", "mod tests { use super::super::super::engine::State; }", 1);
    check("src/strategy/basis.rs", "mod tests { use super::decide; }\nuse super::Wish;", 0);
    check("src/strategy/basis.rs", "// use crate::engine::State;\nconst A: &str = \"crate::engine::B\";", 0);
    check("src/strategy/basis.rs", "fn f<'a>(x: &'a str) { let c = '\"'; } use crate::engine::State; // '", 1);
    check("src/engine/mod.rs", "use std::{collections::BTreeMap, fs, time::Instant};", 2);
    check("src/engine/mod.rs", "fn f() { std::thread::yield_now(); rand::random::<u8>(); }", 2);
    check("src/config/settings.rs", "use std::fs;", 1);
    check("src/config/read.rs", "use std::fs;", 0);
    check("src/run/live.rs", "use crate::report::run::Summary; use crate::report::html::Page;", 1);
    check("src/main.rs", "fn main() { carry::cli::run() }", 0);
    check("src/venues/binance/session.rs", "use tokio::sync::mpsc;", 1);
    check("src/net/http.rs", "use tokio::sync::mpsc; use reqwest::Client;", 0);
    check("src/helpers.rs", "", 1);
}

#[test]
fn files_are_flat_short_and_say_what_they_are() {
    let mut findings = Vec::new();
    for File { path, text } in rust_files() {
        if path.starts_with("src/") && path.matches('/').count() > 3 {
            findings.push(format!("{path}: lies more than two folders below src/"));
        }
        let limit = LONGER.iter().find(|(longer, ..)| *longer == path).map_or(MAX_LINES, |(_, limit, _)| *limit);
        let lines = text.lines().count();
        if lines > limit {
            findings.push(format!("{path}: has {lines} lines, at most {limit}"));
        }
        if !text.starts_with("//!") {
            findings.push(format!("{path}: does not open with a `//!` comment that says what it is"));
        }
    }
    report("Files aim at 150 to 300 lines, at most two folders deep, and open with what they are", &findings);
}

#[test]
fn no_file_lies_beside_the_program() {
    let sources = sources("src");
    let mut findings = Vec::new();
    for file in &sources {
        let module = module_of(&file.path);
        let (name, parents) = module.split_last().expect("a file has a module");
        if parents.is_empty() && (name == "lib" || name == "main") {
            continue;
        }
        let parent = match parents.join("/") {
            parents if parents.is_empty() => vec!["src/lib.rs".to_owned()],
            parents => vec![format!("src/{parents}.rs"), format!("src/{parents}/mod.rs")],
        };
        let declaration = format!("mod {name};");
        let folder = file.path.trim_end_matches(&format!("{name}.rs"));
        let by_path = format!("#[path = \"{name}.rs\"]");
        let declared = sources.iter().any(|other| {
            let beside = other.path.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
            parent.contains(&other.path) && code(&other.text).contains(&declaration)
                || beside && other.text.contains(&by_path)
        });
        if !declared {
            findings.push(format!("{}: no `{declaration}` in {}", file.path, parent.join(" or ")));
        }
    }
    report("Every file under src/ is part of the program", &findings);
}

#[test]
fn nothing_is_left_unfinished_and_nothing_tells_of_a_machine() {
    let mut findings = Vec::new();
    for file in rust_files() {
        for word in UNFINISHED.iter().map(|halves| halves.concat()).filter(|word| file.text.contains(word)) {
            findings.push(format!("{}: {word}", file.path));
        }
    }
    let folders = ["src", "tests", "benches", "fuzz/fuzz_targets", "config", "strategies", "deploy", ".ci"];
    let in_folders = folders.into_iter().flat_map(files);
    let at_root = std::fs::read_dir(root()).expect("the repository can be read").filter_map(|entry| {
        let path = entry.ok()?.path();
        let name = path.file_name()?.to_str()?.to_owned();
        let skip = name == "Cargo.lock" || name == ".git" || !path.is_file();
        if skip { None } else { Some(File { path: name, text: std::fs::read_to_string(&path).ok()? }) }
    });
    for file in in_folders.chain(at_root) {
        for word in FOREIGN.iter().map(|halves| halves.concat()).filter(|word| file.text.contains(word)) {
            findings.push(format!("{}: {word}", file.path));
        }
    }
    report("No unfinished work, and no path of a machine", &findings);
}

/// `5. `strategy/basis.rs` `decide`: ...` is `("strategy/basis.rs", ["decide"])`.
fn life_line(line: &str) -> Option<(&str, Vec<&str>)> {
    let (number, rest) = line.split_once(". `")?;
    number.parse::<u32>().ok()?;
    let names = rest.split(": ").next()?;
    let mut quoted = names.split('`').step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

#[test]
fn the_life_of_an_event_is_as_the_architecture_tells_it() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is there");
    let steps: Vec<_> = text.lines().filter_map(life_line).collect();
    let mut findings = Vec::new();
    if steps.len() < 8 {
        findings.push(format!("{} steps of the form: N. `path` `function`: ...; expected at least 8", steps.len()));
    }
    let sources = sources("src");
    for (path, functions) in steps {
        let full = format!("src/{path}");
        let found: Vec<&File> = sources
            .iter()
            .filter(|file| file.path == full || full.ends_with('/') && file.path.starts_with(&full))
            .collect();
        if found.is_empty() {
            findings.push(format!("{full} does not exist"));
        }
        for function in functions.iter().filter(|_| !found.is_empty()) {
            let declaration = format!("fn {function}");
            let declares = |text: &str| {
                text.match_indices(&declaration).any(|(at, _)| text[at + declaration.len()..].starts_with(['(', '<']))
            };
            if !found.iter().any(|file| declares(&code(&file.text))) {
                findings.push(format!("{full} has no function `{function}`"));
            }
        }
    }
    report("ARCHITECTURE.md, life of an event", &findings);
}

/// Fault ids at the start of a test's name: `g04_g06_full_disk` has two.
fn fault_ids(function: &str) -> Vec<(char, u32)> {
    let ids = function.split('_').map_while(|part| {
        let (letter, digits) = part.split_at_checked(1)?;
        let letter = letter.chars().next().filter(char::is_ascii_lowercase)?;
        (digits.len() == 2).then(|| digits.parse().ok())?.map(|number| (letter, number))
    });
    ids.collect()
}

#[test]
fn test_names_carry_only_fault_ids_that_exist() {
    let mut findings = Vec::new();
    for file in rust_files() {
        let code = code(&file.text);
        let tests = code.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split('(').next());
        for name in tests {
            for (letter, number) in fault_ids(name) {
                let last = FAULTS.iter().find(|(known, _)| *known == letter).map_or(0, |(_, last)| *last);
                if number == 0 || number > last {
                    findings.push(format!(
                        "{}: {name}: no fault {}{number:02}",
                        file.path,
                        letter.to_ascii_uppercase()
                    ));
                }
            }
        }
    }
    report("Fault ids are those of the catalogue", &findings);
    assert_eq!(fault_ids("g04_g06_full_disk_a01"), [('g', 4), ('g', 6)]);
    assert_eq!(fault_ids("h8_rates"), []);
}

#[test]
fn the_changelog_keeps_its_four_headings() {
    let text = std::fs::read_to_string(root().join("CHANGELOG.md")).expect("CHANGELOG.md is there");
    let found: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).take(CHANGELOG.len()).collect();
    assert_eq!(found, CHANGELOG);
}

#[test]
fn each_dependency_says_why_it_is_there() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml is there");
    let mut findings = Vec::new();
    let mut in_dependencies = false;
    for (line, number) in text.lines().zip(1..) {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && !line.trim().is_empty() && !line.starts_with('#') {
            let reason = line.rsplit_once("# ").map_or("", |(_, reason)| reason.trim());
            if reason.len() < 3 {
                findings.push(format!("Cargo.toml:{number}: {line}"));
            }
        }
    }
    report("One dependency a line, with its reason behind it", &findings);
}
