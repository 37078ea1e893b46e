//! Tells the program which commit it is built from, so that every report can say it, and packs the script that draws charts.
//!
//! The crate of the charts carries its script unpacked and a formula renderer of 2 MB that no chart of ours needs; packed, the
//! one of them that is used takes 1.4 MB of the program instead of 6.8.
//!
//! `CARRY_COMMIT` wins, for builds without a repository (an image, an archive). A debug build asks nobody: it changes from
//! minute to minute, and to follow each commit would compile everything again. Without an answer the program says nothing.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

fn main() -> Result<(), Box<dyn Error>> {
    charts()?;
    commit();
    Ok(())
}

/// Puts the chart script, packed, where `src/report/html.rs` takes it from.
fn charts() -> Result<(), Box<dyn Error>> {
    const OPEN: &str = "<script type=\"text/javascript\">";
    let all = plotly::Plot::offline_js_sources();
    let first = all.split(OPEN).nth(1).and_then(|text| text.split("</script>").next());
    let script = first.filter(|text| text.contains("plotly.js v")).ok_or("the crate plotly has no script any more")?;
    // A browser turns carriage returns into line feeds before it takes the hash.
    let script = script.replace("\r\n", "\n").replace('\r', "\n");
    #[expect(clippy::disallowed_methods, reason = "a build script is told its folder by the environment")]
    let folder = std::env::var("OUT_DIR")?;
    let file = std::fs::File::create(Path::new(&folder).join("plotly.min.js.gz"))?;
    let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    packed.write_all(script.as_bytes())?;
    packed.finish()?;
    Ok(())
}

fn commit() {
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
