//! A running session reads its files again, with the built binary on both ends: what tightens is taken, what loosens needs consent,
//! a wrong file changes nothing, a signal never loosens, and the tape replays all of it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test stop at the first surprise")]

use crate::bench;
use crate::session;

use bench::{Bench, PAIR};
use carry::port::event::Reload;
use carry::run::reloaded;
use serde_json::{Value, json};
use session::{Running, ended, text};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Nothing is entered by the strategy: what is opened is opened by hand.
const QUIET: &str = "[entry]\nmin_net_apr = \"200%apr\"\n[execution]\nclip = \"800usd\"\n";

/// A folder for a session, and its one file with such limits.
fn place(limits: &str) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let (dir, file) = (temporary.path().join("s"), temporary.path().join("c.toml"));
    write(&file, limits);
    (temporary, dir, file)
}

fn write(file: &Path, limits: &str) {
    std::fs::write(file, format!("{QUIET}{limits}")).unwrap();
}

fn arguments<'a>(dir: &'a Path, file: &'a Path) -> [&'a str; 11] {
    ["paper", "--state", text(dir), "--config", text(file), "--days", "3000", "--seed", "9", "--speed", "12000"]
}

fn running(dir: &Path, file: &Path) -> Running {
    let running = Running::start_logged(&arguments(dir, file), &dir.with_extension("log"));
    running.until(|| dir.join("control.sock").exists() && verb(dir, &["orders"]).0 == 0);
    running
}

/// One verb of the command line as JSON; its exit code and problems.
fn verb(dir: &Path, args: &[&str]) -> (i32, Value, String) {
    let all: Vec<&str> = args.iter().copied().chain(["--state", text(dir), "--json"]).collect();
    let (code, out, problems) = ended(&all);
    (code, serde_json::from_str(&out).unwrap_or_default(), problems)
}

/// Settings, identity and named values as the ledger has them.
fn meta(dir: &Path) -> BTreeMap<String, String> {
    carry::store::ledger_file::meta(&dir.join("ledger.sqlite")).unwrap()
}

fn setting(dir: &Path, section: &str, key: &str) -> Value {
    let settings: Value = serde_json::from_str(&meta(dir)["settings"]).unwrap();
    settings[section][key].clone()
}

fn signal(running: &Running, name: &str) {
    let sent = Command::new("kill").args([name, &running.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// The tape gives the same decisions as the ledger of record has.
fn replays(dir: &Path) {
    let (code, out, problems) = ended(&["replay", text(dir)]);
    assert_eq!(code, 0, "{out}{problems}");
}

#[test]
fn a_tightened_cap_applies_and_a_looser_one_needs_consent_and_both_replay() {
    let (_temporary, dir, file) = place("[risk]\nmax_order = \"900usd\"\nmax_pair = \"100000usd\"\n");
    let session = running(&dir, &file);
    let before = meta(&dir)["identity"].clone();
    assert_eq!(verb(&dir, &["reload"]).1["result"]["taken"], json!([]), "nothing differs");

    write(&file, "[risk]\nmax_order = \"900usd\"\nmax_pair = \"1000usd\"\n[signal]\nsmooth = \"1d\"\n");
    let (code, report, problems) = verb(&dir, &["reload"]);
    assert_eq!((code, &report["schema"]), (0, &json!("carry.reload/1")), "{problems}");
    let row = |key: &str, old: &str, new: &str, effect: &str| json!([{ "key": key, "old": old, "new": new, "effect": effect }]);
    assert_eq!(report["result"]["taken"], row("risk.max_pair", "100000usd", "1000usd", "tightens"));
    assert_eq!(report["result"]["restart"], row("signal.smooth", "3d", "1d", "restart"));
    assert_eq!(setting(&dir, "risk", "max_pair"), "1000");
    assert_ne!(setting(&dir, "signal", "smooth"), json!(86_400_000));
    assert_ne!(meta(&dir)["identity"], before);
    let open = ["open", "alpha:BTCUSDT", "--size", "5000usdt", "--yes"];
    let (code, _, problems) = verb(&dir, &open);
    assert_eq!(code, 4);
    assert!(problems.contains("risk.max_pair"), "{problems}");

    write(&file, "[risk]\nmax_order = \"900usd\"\nmax_pair = \"50000usd\"\nmax_total = \"4000000usd\"\n");
    let (code, report, problems) = verb(&dir, &["reload"]);
    assert_eq!((code, &report["sent"]), (4, &json!(false)));
    assert!(problems.contains("nothing was changed: some of it lets more risk in"), "{problems}");
    let effects: Vec<&Value> = report["plan"]["changes"].as_array().unwrap().iter().map(|row| &row["effect"]).collect();
    assert_eq!(effects, ["loosens", "tightens"]);
    let (code, out, _) = ended(&["reload", "--state", text(&dir)]);
    assert!(code == 4 && out.contains("risk.max_pair") && out.contains("looser"), "{out}");
    // All of it or nothing: what tightens waits with the rest.
    assert_eq!((setting(&dir, "risk", "max_pair"), verb(&dir, &open).0), (json!("1000"), 4));
    assert_eq!(setting(&dir, "risk", "max_total"), "5000000");

    assert_eq!(verb(&dir, &["reload", "--yes"]).0, 0);
    assert_eq!(
        (setting(&dir, "risk", "max_pair"), setting(&dir, "risk", "max_total")),
        (json!("50000"), json!("4000000"))
    );
    let (code, _, problems) = verb(&dir, &open);
    assert_eq!(code, 0, "{problems}");
    session.until(|| session::hedged(&dir));
    signal(&session, "-TERM");
    assert_eq!(session.code(), 0);
    replays(&dir);

    // The same files go on with the run, and what was shown of it is what it is.
    let run: Value = serde_json::from_str(&meta(&dir)["run"]).unwrap();
    assert_eq!(run["settings"]["risk.max_pair"], "50000usd");
    let again = running(&dir, &file);
    assert_eq!(verb(&dir, &["reload"]).1["result"]["taken"], json!([]));
    signal(&again, "-TERM");
    assert_eq!(again.code(), 0);
    replays(&dir);
}

#[test]
fn a_wrong_file_changes_nothing_and_is_named_with_line_key_and_what_was_expected() {
    let (_temporary, dir, file) = place("[risk]\nmax_order = \"900usd\"\nmax_pair = \"100000usd\"\n");
    let session = running(&dir, &file);
    let before = meta(&dir);
    for (limits, words) in [
        (
            "[risk]\nmax_order = \"900usd\"\nmax_total = \"1000usd\"\nmax_pair = \"10\"\n",
            &["c.toml:8", "risk.max_pair", "without a unit", "expected"][..],
        ),
        ("[risk]\nmax_order = \"900usd\"\nmax_pare = \"10usd\"\n", &["c.toml:7", "did you mean risk.max_pair?"]),
        ("[risk\n", &["c.toml:5", "is not TOML"]),
    ] {
        write(&file, limits);
        let (code, _, problems) = verb(&dir, &["reload", "--yes"]);
        assert_eq!(code, 2, "{problems}");
        for word in words.iter().chain(&["nothing was changed"]) {
            assert!(problems.contains(word), "{word}: {problems}");
        }
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(verb(&dir, &["reload", "--yes"]).0, 2);
    for key in ["settings", "identity", "run"] {
        assert_eq!(meta(&dir)[key], before[key]);
    }
    session.kill();
}

#[test]
fn l37_a_hangup_takes_what_tightens_and_never_loosens() {
    let (_temporary, dir, file) = place("[risk]\nmax_order = \"900usd\"\nmax_pair = \"100000usd\"\n");
    let session = running(&dir, &file);
    let log = || std::fs::read_to_string(dir.with_extension("log")).unwrap();
    write(&file, "[risk]\nmax_order = \"900usd\"\nmax_pair = \"120000usd\"\nmax_total = \"150000usd\"\n");
    signal(&session, "-HUP");
    session.until(|| log().contains("SIGHUP: the settings are as they were"));
    assert!(log().contains("risk.max_pair would let more risk in"), "{}", log());
    assert_eq!(
        (setting(&dir, "risk", "max_pair"), setting(&dir, "risk", "max_total")),
        (json!("100000"), json!("5000000"))
    );
    write(&file, "[risk]\nmax_order = \"900usd\"\nmax_pair = \"oops\"\n");
    signal(&session, "-HUP");
    session.until(|| log().contains("c.toml:7"));
    write(&file, "[risk]\nmax_order = \"900usd\"\nmax_pair = \"80000usd\"\nmax_total = \"150000usd\"\n");
    signal(&session, "-HUP");
    session.until(|| setting(&dir, "risk", "max_total") == "150000");
    assert_eq!(setting(&dir, "risk", "max_pair"), "80000");
    signal(&session, "-TERM");
    assert_eq!(session.code(), 0);
    replays(&dir);
}

#[test]
fn a_live_run_stays_within_what_was_consented_to_and_its_hours_stay_its_own() {
    let text = "[risk]\nmax_order = \"2000usd\"\nmax_pair = \"3000usd\"\n[execution]\nclip = \"1000usd\"\n";
    let loaded = carry::config::load::preset("c.toml", text).unwrap();
    let values: BTreeMap<String, String> =
        loaded.values.iter().map(|row| (row.path.clone(), row.text.clone())).collect();
    let taken = |capped| {
        let catalogue = carry::sim::Generator::new(1, carry::sim::START).catalogue().clone();
        let mut state = carry::engine::State::new(carry::config::Settings::default(), catalogue);
        let (resets, values, strategy) = (Vec::new(), values.clone(), "new".to_owned());
        let reload = Reload { resets, values, capped, strategy };
        carry::engine::reload::take(&mut state, &reload);
        (state, reload)
    };
    let (free, (bound, reload)) = (taken(false).0, taken(true));
    assert_eq!(free.settings, loaded.settings);
    let most = loaded.settings.live.max_notional;
    assert_eq!((bound.settings.risk.max_pair, bound.settings.risk.max_order), (most, most));
    assert!(bound.settings.execution.clip < most);
    assert_eq!(bound.strategy.as_deref(), Some("new"));

    let known =
        |rows: &[(&str, &str)]| rows.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    let first = known(&[("identity", "mode=live market=live strategy=old")]);
    let meta: BTreeMap<&str, String> = reloaded::meta(&first, &reload, &bound.settings).into_iter().collect();
    assert_eq!((meta["identity"].as_str(), meta["climbed"].as_str()), ("mode=live market=live strategy=new", "old"));
    let later = known(&[("identity", "mode=live market=live strategy=second"), ("climbed", "old")]);
    let meta: BTreeMap<&str, String> = reloaded::meta(&later, &reload, &bound.settings).into_iter().collect();
    assert!(!meta.contains_key("climbed"), "the hours are those of the first one");
}

/// `carry reload` at a terminal at which a person types yes: exit code and what stood there.
fn typed_yes(dir: &Path) -> (i32, String) {
    let line = format!("{} reload --state {}", env!("CARGO_BIN_EXE_carry"), text(dir));
    let mut script = Command::new("script");
    script.args(["-q", "-e", "-c", &line, "/dev/null"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = script.spawn().unwrap();
    child.stdin.as_ref().unwrap().write_all(b"yes\n").unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn l37_a_live_run_takes_a_tighter_cap_at_once_and_a_looser_one_with_consent_alone_and_its_tape_tells_each() {
    let bench = Bench::new("20", &[]);
    let (file, dir) = (bench.path("c.toml"), bench.state());
    let cap = |pair: &str| {
        std::fs::write(&file, format!("[risk]\nmax_order = \"1000usd\"\nmax_pair = \"{pair}\"\n")).unwrap();
    };
    cap("8000usd");
    let waived = ["--set", "live.shadow_hours=0s", "--set", "live.max_notional=10000usdt"];
    let more = [&waived[..], &["--consent", "I accept 10000 usdt", "--config", text(&file)]].concat();
    let run = bench.start(&bench.live_args(&more), "live.log");
    bench.until(&run, "the socket", || bench.verb(&["orders"]).0 == 0);
    bench.ready(&run);
    let pair_cap = || setting(&dir, "risk", "max_pair");
    let open = || bench.verb(&["open", PAIR, "--size", "3000usdt", "--yes"]);

    // Tighter: at once, on disk, and the next order is judged by it.
    cap("1000usd");
    let (code, report, problems) = bench.verb(&["reload"]);
    assert_eq!((code, &report["result"]["taken"][0]["effect"]), (0, &json!("tightens")), "{problems}");
    assert_eq!(pair_cap(), "1000");
    let (code, _, problems) = open();
    assert!(code == 4 && problems.contains("risk.max_pair"), "{code} {problems}");
    // Looser: neither by itself nor by a signal.
    cap("6000usd");
    let (code, report, problems) = bench.verb(&["reload"]);
    assert_eq!((code, &report["sent"]), (4, &json!(false)), "{problems}");
    run.signal("HUP");
    bench.until(&run, "the refusal", || bench.log_file().contains("risk.max_pair would let more risk in"));
    assert_eq!((pair_cap(), open().0), (json!("1000"), 4));
    // A wrong file changes nothing, and is named with line and key.
    cap("10");
    let (code, _, problems) = bench.verb(&["reload", "--yes"]);
    let named =
        |text: &str| ["c.toml:3", "risk.max_pair", "nothing was changed"].iter().all(|part| text.contains(part));
    assert!(code == 2 && named(&problems), "{code} {problems}");
    run.signal("HUP");
    bench.until(&run, "the error in the log", || named(&bench.log_file()));
    assert_eq!(pair_cap(), "1000");
    // Looser with a typed yes.
    cap("6000usd");
    let (code, screen) = typed_yes(&dir);
    assert!(code == 0 && screen.contains("looser") && screen.contains("taken"), "{code} {screen}");
    assert_eq!(pair_cap(), "6000");
    bench.opened(&run, "3000usdt");
    // Tighter by a signal, below what is held: it is kept, and nothing is added.
    cap("2500usd");
    run.signal("HUP");
    bench.until(&run, "the signal", || pair_cap() == "2500");
    assert!(bench.phase_is("hedged"));
    run.signal("TERM");
    let (code, out) = run.finished();
    assert_eq!(code, 0, "{out}");

    let (code, told, problems) = ended(&["replay", text(&dir)]);
    assert!(code == 0 && told.contains("same decisions, same books"), "{told}{problems}");
    let took: Vec<&str> =
        told.lines().filter_map(|line| line.split_once("risk.max_pair: ")).map(|(_, rest)| rest).collect();
    assert_eq!(took, ["8000usd -> 1000usd", "1000usd -> 6000usd", "6000usd -> 2500usd"], "{told}");
}
