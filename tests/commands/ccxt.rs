//! An independent client, the Python package `ccxt`, against the built `carry venue`, on both profiles.
//!
//! The checks are in `ccxt/run.py`. `CARRY_PYTHON` names the interpreter; one that cannot import the package is said and,
//! in CI, fatal.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of a test stop at the first surprise and read the environment"
)]

use carry::loopback::keys;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

fn python() -> Option<String> {
    let python = std::env::var("CARRY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import ccxt"]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    assert!(std::env::var("CI").is_err(), "{python} cannot import ccxt; see .ci/requirements.txt");
    eprintln!("{python} cannot import ccxt: nothing was checked");
    None
}

/// A venue that ends with the test.
struct Venue(Child);

impl Drop for Venue {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn venue(profile: &str) -> (Venue, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(["venue", "--profile", profile, "--history", "3"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("one line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    assert_eq!(ready["schema"], "carry.venue/1");
    (Venue(child), ready["base"].as_str().expect("a base").to_owned())
}

fn check(profile: &str) {
    let Some(python) = python() else { return };
    let (_venue, base) = venue(profile);
    let (key, secret) = keys::TRADER;
    let wallet = keys::ASTER_WALLET.iter().fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/commands/ccxt/run.py");
    let mut command = Command::new(python);
    command.args([script, &base, profile, key, secret, &wallet]);
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
        command.env_remove(proxy);
    }
    let output = command.output().expect("the script runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("all checks passed"), "{text}");
    eprintln!("{text}");
}

#[test]
fn ccxt_trades_spot_and_futures_of_the_binance_profile() {
    check("binance");
}

#[test]
fn ccxt_trades_spot_and_futures_of_the_aster_profile() {
    check("aster");
}
