//! One run as one self-contained page: it loads nothing, sends nothing, and works without a network for ever.
//!
//! The page holds two scripts, plotly and ours, both constant; the policy in its head allows exactly these two by their
//! SHA-256, so that a symbol or a reason that someone else wrote can never run (fault X09). The data are inert JSON blocks.
//! The sections stand in `sections.rs`, the figures in `charts.rs`. Tests: `tests/suite/report.rs`.

use super::run::RunResult;
use super::sections;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use std::io::Read as _;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// The chart library, packed with gzip.
const LIBRARY: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/plotly.min.js.gz"));

/// The page of one run. Under 5 MB, nearly all of it the chart library.
#[must_use]
pub fn render(result: &RunResult) -> String {
    page(&sections::title(result), &sections::body(result))
}

/// A whole page; title and body are escaped already.
pub(super) fn page(title: &str, body: &str) -> String {
    let library = chart_library().unwrap_or_default();
    let mut page = String::with_capacity(library.len() + body.len() + STYLE.len() + SCRIPT.len() + 2_048);
    page.push_str("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"");
    page.push_str(&policy(&[&library, SCRIPT]));
    page.push_str("\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
    page.push_str(title);
    page.push_str("</title>\n<style>\n");
    page.push_str(STYLE);
    page.push_str("</style>\n</head>\n<body>\n");
    page.push_str(body);
    if library.is_empty() {
        page.push_str("<p class=\"bad\">The chart library is missing from this build; the tables are complete.</p>\n");
    }
    for script in [library.as_str(), SCRIPT] {
        page.push_str("<script>");
        page.push_str(script);
        page.push_str("</script>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

/// What the page may do: run the given scripts, style itself, and save a chart as a picture.
fn policy(scripts: &[&str]) -> String {
    let hashes: Vec<String> =
        scripts.iter().map(|script| format!("'sha256-{}'", BASE64.encode(Sha256::digest(script.as_bytes())))).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

/// The source of plotly.js, which `build.rs` packed.
fn chart_library() -> Option<String> {
    let mut text = String::new();
    flate2::read::GzDecoder::new(LIBRARY).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_there_once_and_cannot_end_its_own_element() {
        let library = chart_library().unwrap();
        assert!(library.contains("plotly.js v"));
        assert!(!library.contains("MathJax.js") && library.len() < 5_000_000, "{}", library.len());
        assert!(!library.contains("</script") && !library.contains("<!--") && !library.contains('\r'));
    }
}
