//! Keys: what is refused, where they are looked for, how they are kept, and that no secret comes out again.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::secrets;

use carry::domain::WallTime;
use carry::keys::file::KeyFile;
use carry::keys::input::{Asked, parse};
use carry::keys::ring::{Ring, RingError};
use carry::keys::{Keys, Origin, Secret};
use secrets::Canaries;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::rc::Rc;

// Made for these tests; no venue knows them.
const KEY: &str = "TestKeyTestKeyTestKeyTestKeyTestKeyTestKeyTestKeyTestKeyTest0001";
const SECRET: &str = "CanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanaryCanary0001";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
/// The private key 1, whose address every wallet program knows.
const PRIVATE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const SIGNER: &str = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf";
const USER: &str = "0x2222222222222222222222222222222222222222";

fn hmac() -> String {
    format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}"}}"#)
}

fn asked(name: &str) -> Asked<'_> {
    Asked { name, venue: None, kind: None, note: "", test: false, now: WallTime(0) }
}

fn refusal(text: &str) -> String {
    let error = parse(text.as_bytes(), asked("main")).err().unwrap_or_else(|| panic!("taken: {text}")).to_string();
    let canaries = Canaries::new(&[("secret", SECRET), ("private", PRIVATE), ("pem", PEM), ("key", KEY)]);
    assert_eq!(canaries.in_bytes(error.as_bytes()), [""; 0], "{error}");
    error
}

#[derive(Clone, Default)]
struct Memory(Rc<RefCell<BTreeMap<String, String>>>);

impl Ring for Memory {
    fn get(&self, name: &str) -> Result<Secret, RingError> {
        self.0.borrow().get(name).map(|text| Secret::new(text.clone())).ok_or(RingError::Missing)
    }
    fn put(&self, name: &str, secret: &Secret) -> Result<(), RingError> {
        self.0.borrow_mut().insert(name.to_owned(), secret.expose().to_owned());
        Ok(())
    }
    fn remove(&self, name: &str) -> Result<(), RingError> {
        self.0.borrow_mut().remove(name);
        Ok(())
    }
}

fn places(folder: &Path, ring: Memory) -> Keys {
    Keys {
        credentials: Some(folder.join("credentials")),
        container: folder.join("container"),
        file: KeyFile::at(folder.join("config/keys.json")),
        ring: Box::new(ring),
    }
}

fn put(path: &Path, text: &str, mode: u32) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

fn carry(folder: &Path, args: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that refuses its arguments does not read; its pipe is then closed.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let run = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap_or(-1), text(run.stdout), text(run.stderr))
}

#[test]
fn a_mounted_key_that_must_not_be_used_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let keys = places(folder.path(), Memory::default());
    put(&folder.path().join("credentials/carry-good"), &hmac(), 0o400);
    put(&folder.path().join("credentials/carry-bad"), "{\"venue\":", 0o400);
    let list = keys.list().unwrap();
    let seen: Vec<_> = list.iter().map(|key| (key.name.as_str(), key.problem.is_some())).collect();
    assert_eq!(seen, [("bad", true), ("good", false)]);
    assert!(list[0].problem.as_ref().unwrap().contains("carry-bad"), "{:?}", list[0].problem);
    assert!(keys.find("bad").is_err() && keys.find("good").is_ok());
}

#[test]
#[cfg(target_os = "linux")]
fn x11_a_process_leaves_no_core_dump() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(["keys", "add", "main", "--venue", "binance"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let folder = tempfile::tempdir().unwrap();
    let mut child = command.current_dir(folder.path()).env_clear().env("HOME", folder.path()).spawn().unwrap();
    // It waits for the key: the limit is set by then, or soon.
    let limits = format!("/proc/{}/limits", child.id());
    let core = || {
        std::fs::read_to_string(&limits).unwrap().lines().find(|line| line.contains("core file")).unwrap().to_owned()
    };
    let mut looks = 0;
    while !core().split_whitespace().collect::<Vec<_>>().ends_with(&["0", "0", "bytes"]) {
        looks += 1;
        assert!(looks < 1_000_000, "{}", core());
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn x10_the_search_finds_every_form() {
    use base64::Engine as _;
    let secret = "???ca/na+ry secret?\u{e9}>";
    let canaries = Canaries::new(&[("one", secret)]);
    let standard = base64::engine::general_purpose::STANDARD.encode(secret);
    let hex = secret.bytes().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    for (text, form) in [
        (secret.to_owned(), "one (raw)"),
        (hex.clone(), "one (hex)"),
        (hex.to_uppercase(), "one (hex, upper case)"),
        (standard.clone(), "one (base64)"),
        (standard.trim_end_matches('=').to_owned(), "one (base64 without padding)"),
        (standard.replace('+', "-").replace('/', "_"), "one (base64 of URLs)"),
        ("%3F%3F%3Fca%2Fna%2Bry%20secret%3F%C3%A9%3E".to_owned(), "one (URL-encoded)"),
        ("%3f%3f%3fca%2fna%2bry%20secret%3f%c3%a9%3e".to_owned(), "one (URL-encoded, lower case)"),
    ] {
        let found = canaries.in_bytes(format!("before {text} after").as_bytes());
        assert!(found.iter().any(|name| name == form), "{form}: {found:?}");
    }
    assert_eq!(canaries.in_bytes(b"nothing of it"), [""; 0]);
    let folder = tempfile::tempdir().unwrap();
    put(&folder.path().join("a/b"), secret, 0o600);
    assert_eq!(canaries.in_path(folder.path(), &[]).len(), 1);
    assert_eq!(canaries.in_path(folder.path(), &["b"]).len(), 0);
}

#[test]
fn good_keys_of_each_kind_are_taken() {
    for (text, kind, id) in [
        (hmac(), "hmac", "...0001"),
        (
            format!(r#"{{"venue":"binance","kind":"ed25519","key":"{KEY}","pem":{}}}"#, Value::from(PEM)),
            "ed25519",
            "...0001",
        ),
        (
            format!(r#"{{"venue":"aster","user":"{USER}","signer":"{SIGNER}","private_key":"{PRIVATE}"}}"#),
            "aster",
            "...5Bdf",
        ),
    ] {
        let entry = parse(text.as_bytes(), asked("main")).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!((entry.kind_word(), entry.shown_id().as_str(), entry.is_test()), (kind, id, false));
    }
    for (kind, text) in [
        ("hmac", format!("{KEY}\n{SECRET}\n")),
        ("ed25519", format!("{KEY}\n{PEM}")),
        ("aster", format!("{USER}\n{SIGNER}\n0x{PRIVATE}\n")),
    ] {
        let venue = if kind == "aster" { "aster" } else { "binance" };
        let entry = parse(text.as_bytes(), Asked { venue: Some(venue), kind: Some(kind), ..asked("main") });
        assert_eq!(entry.unwrap_or_else(|error| panic!("{kind}: {error}")).kind_word(), kind);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of wrong keys")]
fn h04_wrong_keys_are_refused_with_a_fix_and_never_repeated() {
    let aster = |user: &str, signer: &str, private: &str| {
        format!(r#"{{"venue":"aster","user":"{user}","signer":"{signer}","private_key":"{private}"}}"#)
    };
    let binance = |key: &str, secret: &str| {
        format!(r#"{{"venue":"binance","key":{},"secret":{}}}"#, Value::from(key), Value::from(secret))
    };
    let pem = Value::from(PEM);
    for (text, expected) in [
        (binance(KEY, &format!("{SECRET}\n")), "secret: has a space, a line break"),
        (binance(&format!(" {KEY}"), SECRET), "key: has a space, a line break"),
        (
            binance(KEY, &SECRET[1..]),
            "secret: has 63 characters and is not 64 letters and digits; copy it again, whole",
        ),
        (binance(KEY, KEY), "key and secret are the same"),
        (binance(KEY, PEM), "secret: is a private key in PEM; say --kind ed25519"),
        (binance(SIGNER, SECRET), "key: is the address of a wallet; say --kind aster"),
        (binance(KEY, ""), "secret: is missing"),
        (
            format!(r#"{{"venue":"binance","kind":"ed25519","key":{pem},"pem":"{KEY}"}}"#),
            "key and pem are swapped; exchange them",
        ),
        (
            format!(r#"{{"venue":"binance","kind":"ed25519","key":"{KEY}","pem":"-----BEGIN PUBLIC KEY-----"}}"#),
            "is the public half",
        ),
        (
            format!(r#"{{"venue":"binance","kind":"ed25519","key":"{KEY}","pem":"{SECRET}"}}"#),
            "pem: is an HMAC secret; say --kind hmac",
        ),
        (
            format!(r#"{{"venue":"binance","kind":"ed25519","key":"{KEY}","pem":"-----BEGIN RSA PRIVATE KEY-----"}}"#),
            "is not an Ed25519 private key in PEM",
        ),
        (aster(USER, PRIVATE, SIGNER), "signer and private_key are swapped; exchange them"),
        (aster(SIGNER, SIGNER, PRIVATE), "belongs to the main wallet (user), which can withdraw"),
        (aster(SIGNER, USER, PRIVATE), "belongs to the main wallet (user), which can withdraw"),
        (aster(USER, USER.replace('2', "3").as_str(), PRIVATE), "does not belong to signer"),
        (aster(USER, SIGNER, &PRIVATE[2..]), "private_key: has 62 characters and is not a private key"),
        (aster("me", SIGNER, PRIVATE), "user: has 2 characters and is not an address"),
        (
            format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}","pem":"{SECRET}"}}"#),
            "pem: does not belong to this kind",
        ),
        (
            format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}","secrt":"{SECRET}"}}"#),
            "the JSON is wrong at line 1, column",
        ),
        (
            format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}","secret":"{SECRET}"}}"#),
            "the JSON is wrong at line 1, column",
        ),
        (
            format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}","test":"{SECRET}"}}"#),
            "the JSON is wrong at line 1, column",
        ),
        (format!(r#"{{"key":"{KEY}","secret":"{SECRET}"}}"#), "venue: is missing"),
        (
            format!(r#"{{"venue":"bitmex","key":"{KEY}","secret":"{SECRET}"}}"#),
            "venue: is not known; expected binance, binance-demo, aster or aster-testnet",
        ),
        (
            format!(r#"{{"venue":"binance","kind":"aster","key":"{KEY}","secret":"{SECRET}"}}"#),
            "kind: binance does not use it; expected hmac or ed25519",
        ),
        (" \n".to_owned(), "there is no key"),
        ("x".repeat(20_000), "expected one key"),
    ] {
        let error = refusal(&text);
        assert!(error.contains(expected), "expected {expected:?}, is {error:?}");
    }
    for name in ["", "Main", "../main", "1a", "a b", &"a".repeat(33)] {
        assert!(parse(hmac().as_bytes(), asked(name)).is_err(), "{name}");
    }
}

#[test]
fn h03_x26_test_keys_stay_here_and_real_keys_go_to_encrypted_hosts() {
    let real = parse(hmac().as_bytes(), asked("main")).ok().unwrap();
    let test = parse(hmac().as_bytes(), Asked { test: true, ..asked("main") }).ok().unwrap();
    let published = hmac().replace(KEY, carry::keys::entry::PUBLISHED[0]);
    let published = parse(published.as_bytes(), asked("main")).ok().unwrap();
    assert!(published.is_test(), "everybody has its secret");
    for (entry, url, fits) in [
        (&real, "https://fapi.binance.com", true),
        (&real, "http://fapi.binance.com", false),
        (&real, "http://127.0.0.1:9000", false),
        (&real, "https://127.0.0.1@evil.example", false),
        (&test, "http://127.0.0.1:9000", true),
        (&test, "ws://localhost:9000/ws", true),
        (&test, "https://fapi.binance.com", false),
        (&published, "https://fapi.binance.com", false),
        (&published, "http://[::1]:1", true),
    ] {
        assert_eq!(entry.fits(url).is_ok(), fits, "{url}");
    }
}

#[test]
fn the_first_place_that_has_the_name_decides() {
    let folder = tempfile::tempdir().unwrap();
    let ring = Memory::default();
    let keys = places(folder.path(), ring.clone());
    let origin = |name: &str| keys.find(name).map(|found| found.origin).map_err(|error| error.to_string());
    assert!(origin("main").unwrap_err().contains("carry keys add main --venue binance < file"));
    keys.add(&parse(hmac().as_bytes(), asked("main")).ok().unwrap(), false).unwrap();
    keys.add(&parse(hmac().as_bytes(), asked("ringed")).ok().unwrap(), true).unwrap();
    assert_eq!(origin("main"), Ok(Origin::File));
    assert_eq!(origin("ringed"), Ok(Origin::Keyring));
    assert_eq!(keys.find("ringed").ok().unwrap().entry.secret().expose(), SECRET);
    let kept = std::fs::read_to_string(folder.path().join("config/keys.json")).unwrap();
    assert_eq!(kept.matches(SECRET).count(), 1, "the secret of the store is not in the file");

    put(&folder.path().join("container/carry-main"), &hmac(), 0o444);
    assert_eq!(origin("main"), Ok(Origin::Container));
    put(&folder.path().join("credentials/carry-main"), &hmac(), 0o400);
    assert_eq!(origin("main"), Ok(Origin::Credential));
    assert!(keys.remove("main").unwrap_err().to_string().contains("remove it there"));
    // A place that is there and wrong is never skipped.
    put(&folder.path().join("credentials/carry-main"), "{}", 0o600);
    assert!(origin("main").unwrap_err().contains("venue: is missing"));
    put(&folder.path().join("credentials/carry-main"), &hmac(), 0o400);

    assert_eq!(keys.remove("ringed").unwrap(), Origin::Keyring);
    assert!(ring.0.borrow().is_empty());
    assert!(keys.add(&parse(hmac().as_bytes(), asked("main")).ok().unwrap(), false).is_err());
}

#[test]
fn x12_x13_a_file_that_others_can_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let keys = places(folder.path(), Memory::default());
    let path = folder.path().join("config/keys.json");
    keys.add(&parse(hmac().as_bytes(), asked("main")).ok().unwrap(), false).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let problem = || keys.find("main").err().map_or_else(String::new, |error| error.to_string());
    for bad in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(bad)).unwrap();
        assert!(problem().contains("run: chmod 600"), "{bad:o}: {}", problem());
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(problem(), "");
    let other = folder.path().join("config/other.json");
    std::fs::rename(&path, &other).unwrap();
    symlink(&other, &path).unwrap();
    assert!(problem().contains("is a symbolic link"), "{}", problem());
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(problem().contains("is not a regular file"), "{}", problem());
    std::fs::remove_dir(&path).unwrap();
    put(&path, &format!("{{\"schema\":\"carry.keys/1\",\"keys\":[\"{SECRET}\"]}}"), 0o600);
    assert!(problem().contains("is damaged at line 1") && !problem().contains(SECRET), "{}", problem());
    // A folder in which others may exchange the file.
    std::fs::remove_file(&path).unwrap();
    std::fs::set_permissions(path.parent().unwrap(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = keys.add(&parse(hmac().as_bytes(), asked("main")).ok().unwrap(), false).unwrap_err().to_string();
    assert!(error.contains("run: chmod 700"), "{error}");
}

#[test]
fn x10_the_commands_show_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let mut said = String::new();
    let mut run = |args: &[&str], input: &str, expected: i32| {
        let (code, out, problems) = carry(home, args, input);
        assert_eq!(code, expected, "{args:?}: {out}{problems}");
        said.push_str(&out);
        said.push_str(&problems);
        format!("{out}{problems}")
    };
    assert!(run(&["keys", "list"], "", 0).contains("There is no key."));
    run(&["keys", "add", "main", "--venue", "binance"], &hmac(), 0);
    run(&["keys", "add", "main", "--venue", "binance"], &hmac(), 2);
    run(&["keys", "add", "lines", "--venue", "binance", "--test"], &format!("{KEY}\n{SECRET}"), 0);
    let aster = format!(r#"{{"user":"{USER}","signer":"{SIGNER}","private_key":"{PRIVATE}","note":"desk"}}"#);
    run(&["keys", "add", "agent", "--venue", "aster", "--json"], &aster, 0);
    run(&["keys", "add", "bad", "--venue", "binance"], &format!("{SECRET}{SECRET}\n{KEY}"), 2);
    run(&["keys", "add", "bad", "--venue", "aster"], &hmac(), 2);
    let list: Value = serde_json::from_str(&run(&["keys", "list", "--json"], "", 0)).unwrap();
    let rows = list["keys"].as_array().unwrap();
    assert_eq!(list["schema"], "carry.keys/1");
    let row = |place: usize| ["name", "venue", "kind", "id", "mode"].map(|field| rows[place][field].as_str().unwrap());
    assert_eq!(row(0), ["main", "binance", "hmac", "...0001", "0600"]);
    assert_eq!(row(2), ["agent", "aster", "aster", "...5Bdf", "0600"]);
    assert_eq!((&rows[0]["test"], &rows[1]["test"]), (&Value::from(false), &Value::from(true)));
    assert!(!run(&["keys", "list"], "", 0).contains("system store"));
    // A real key is not sent to an address of this machine; what a venue says of a key is in `tests/commands/doctor.rs`.
    run(&["keys", "test", "main", "--base-url", "http://127.0.0.1:9"], "", 2);
    run(&["keys", "test", "gone"], "", 2);
    run(&["keys", "remove", "main"], "", 0);
    run(&["keys", "remove", "main"], "", 2);
    // A secret as an argument is no way in, and is not repeated.
    let (code, out, problems) = carry(home, &["keys", "add", "main", "--secret", "x"], "");
    assert_eq!(code, 2, "{out}{problems}");

    let canaries = Canaries::new(&[("secret", SECRET), ("private", PRIVATE), ("id", KEY)]);
    assert_eq!(canaries.in_bytes(said.as_bytes()), [""; 0]);
    assert_eq!(canaries.in_path(home, &["keys.json"]), [""; 0]);
    let kept = canaries.in_path(&home.join(".config/carry/keys.json"), &[]);
    assert_eq!(kept.len(), 3, "the file of keys is the one place: {kept:?}");
}

#[test]
fn h05_a_key_that_may_withdraw_is_refused_by_the_test() {
    use carry::cli::{Exit, Output, keys::test_key};
    use carry::keys::rights::{AskError, Rights};
    let folder = tempfile::tempdir().unwrap();
    let keys = places(folder.path(), Memory::default());
    keys.add(&parse(hmac().as_bytes(), asked("main")).ok().unwrap(), false).unwrap();
    let good = Rights {
        reading: Some(true),
        spot: Some(true),
        perp: Some(true),
        withdrawals: Some(false),
        address_list: None,
    };
    let check = |answer: Result<Rights, AskError>, expected: Option<Exit>| {
        let mut out = Vec::new();
        let ask = |_: &carry::keys::KeyEntry| answer.clone();
        let result = test_key(&keys, "main", Some(&ask), (true, &mut Output { out: &mut out }));
        assert_eq!(result.err().map(|failure| failure.exit), expected, "{answer:?}");
        String::from_utf8(out).unwrap()
    };
    assert!(check(Ok(good), None).contains("\"usable\": true"));
    let out = check(Ok(Rights { withdrawals: Some(true), ..good }), Some(Exit::Refused));
    assert!(out.contains("the key may withdraw; make one without that right"), "{out}");
    check(Err(AskError::Unreachable("no route".to_owned())), Some(Exit::Unreachable));
    check(Err(AskError::Refused), Some(Exit::Refused));
    assert!(check(Ok(good), None).contains("address_list"));
    let _ = keys.find("main").expect("still there");
}

#[test]
fn l34_a_secret_is_not_taken_for_the_note() {
    for note in [SECRET, &format!("my key {KEY}"), &SECRET[..40], PRIVATE] {
        let text = format!(r#"{{"venue":"binance","key":"{KEY}","secret":"{SECRET}","note":"{note}"}}"#);
        let error = refusal(&text);
        assert!(error.contains("note: looks like a key or a secret"), "{error}");
        let argument = Asked { note, ..asked("main") };
        assert!(parse(hmac().as_bytes(), argument).is_err(), "as an argument");
    }
    let note = Asked { note: "the desk's main account, IP list of 2026-01", ..asked("main") };
    assert!(parse(hmac().as_bytes(), note).is_ok());
}
