//! Where the shared material lies, and how a test runs the program.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests may stop the test, and say when they skip"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The shared folder, or `None` with a word about it; in CI its absence is a failure.
pub(crate) fn shared() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "tests find the shared material by the environment")]
    let (named, ci) = (std::env::var("CARRY_SHARED").ok(), std::env::var("CI").is_ok());
    let folder = named.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if folder.join("data").is_dir() {
        return Some(folder);
    }
    assert!(!ci, "{} is missing: CI must have the shared material", folder.display());
    println!("skipped: {} is missing", folder.display());
    None
}

/// Runs it and wants success; gives stdout.
pub(crate) fn carry_ok(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_carry"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is text")
}
