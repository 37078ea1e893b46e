//! Tells the program which commit it is built from, so that every report can say it.
//!
//! `CARRY_COMMIT` wins, for builds without a repository (an image, an archive). A debug build asks nobody: it changes from
//! minute to minute, and to follow each commit would compile everything again. Without an answer the program says nothing.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=CARRY_COMMIT");
    println!("cargo::rerun-if-changed=build.rs");
    #[expect(clippy::disallowed_methods, reason = "a build script is told its profile by the environment")]
    let (given, profile) = (std::env::var("CARRY_COMMIT").ok(), std::env::var("PROFILE").unwrap_or_default());
    if given.is_some() || profile != "release" {
        return;
    }
    for place in ["src", "Cargo.toml", "strategies", "config", ".git/HEAD", ".git/refs/heads"] {
        if std::path::Path::new(place).exists() {
            println!("cargo::rerun-if-changed={place}");
        }
    }
    let git = |arguments: &[&str]| {
        let run = Command::new("git").args(arguments).output().ok()?;
        run.status.success().then(|| String::from_utf8_lossy(&run.stdout).trim().to_owned())
    };
    if let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]).filter(|commit| !commit.is_empty()) {
        let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|text| !text.is_empty());
        println!("cargo::rustc-env=CARRY_COMMIT={commit}{}", if changed { " with changes" } else { "" });
    }
}
