//! One run as one self-contained page: it loads nothing, sends nothing, and works without a network for ever.
//!
//! The page holds two scripts, plotly and ours, both constant; the policy in its head allows exactly these two by their
//! SHA-256, so that a symbol or a reason that someone else wrote can never run (fault X09). The data are inert JSON blocks.
//! The sections stand in `sections.rs`, the figures in `charts.rs`. Tests: `tests/report.rs`.

use super::run::RunResult;
use super::sections;
use plotly::Plot;
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

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
        scripts.iter().map(|script| format!("'sha256-{}'", base64(&Sha256::digest(script.as_bytes())))).collect();
    format!(
        "default-src 'none'; script-src {}; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'",
        hashes.join(" ")
    )
}

/// The source of plotly.js alone, out of the script elements that the crate gives (the second is a formula renderer of 2 MB
/// that no chart of ours needs).
fn chart_library() -> Option<String> {
    const OPEN: &str = "<script type=\"text/javascript\">";
    let mut text = Plot::offline_js_sources();
    let start = text.find(OPEN)? + OPEN.len();
    let end = start + text.get(start..)?.find("</script>")?;
    text.truncate(end);
    text.drain(..start);
    // A browser turns carriage returns into line feeds before it takes the hash.
    if text.contains('\r') { Some(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Some(text) }
}

/// Standard base64 with padding, for the hashes of the policy.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4_usize {
            let index = bits >> (18 - 6 * place) & 63;
            let letter = usize::try_from(index).ok().and_then(|index| ALPHABET.get(index));
            match letter {
                Some(letter) if place <= chunk.len() => out.push(char::from(*letter)),
                _ => out.push('='),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_agrees_with_the_vectors_of_rfc_4648() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn the_library_is_there_once_and_cannot_end_its_own_element() {
        let library = chart_library().unwrap();
        assert!(library.contains("plotly.js v"));
        assert!(!library.contains("MathJax.js") && library.len() < 5_000_000, "{}", library.len());
        assert!(!library.contains("</script") && !library.contains("<!--") && !library.contains('\r'));
    }
}
