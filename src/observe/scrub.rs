//! Secrets at the sink: whatever is about to be printed loses every secret that this process has used (fault X10).
//!
//! The types keep secrets from being printed at all; this is for what they cannot know: an error of a library that quotes
//! a request. Secrets are looked for raw, escaped, in hex, in base64 and URL-encoded. Tests: at the end.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// Shorter texts are no secrets, and would be found in everything.
const SHORTEST: usize = 8;
const MASK: &[u8] = b"[secret]";

static FORMS: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// From now on this secret is masked in whatever is printed, in every form.
pub fn register(secret: &str) {
    if secret.len() < SHORTEST {
        return;
    }
    let mut known = FORMS.lock().unwrap_or_else(PoisonError::into_inner);
    for form in forms(secret) {
        if !known.contains(&form) {
            known.push(form);
        }
    }
    // The longest first, so that no part of a longer form is left.
    known.sort_by_key(|form| std::cmp::Reverse(form.len()));
}

fn forms(secret: &str) -> Vec<Vec<u8>> {
    let bytes = secret.as_bytes();
    let hex = bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    let url = |lower: bool| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                text.push(char::from(*byte));
            } else if lower {
                let _ = write!(text, "%{byte:02x}");
            } else {
                let _ = write!(text, "%{byte:02X}");
            }
            text
        })
    };
    let texts = [
        secret.to_owned(),
        secret.replace('\n', "\\n"),
        hex.to_uppercase(),
        hex,
        // Without padding it is found with padding too.
        STANDARD_NO_PAD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
        url(false),
        url(true),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}

/// Words before what is secret of a request: a venue's text may quote the request that it refuses.
const WORDS: [&[u8]; 4] = [b"signature", b"apikey", b"api-key", b"listenkey"];
/// Shortest run of characters that is masked where a text speaks of such a word.
const RUN: usize = 16;

/// The bytes without any registered secret, and without signatures, keys of headers and listen keys that foreign text quotes.
#[must_use]
pub fn bytes(from: &[u8]) -> Vec<u8> {
    let clean = known(from);
    let lower = clean.to_ascii_lowercase();
    let speaks = WORDS.iter().any(|word| lower.windows(word.len()).any(|part| part == *word));
    if speaks { unsigned(&clean) } else { clean }
}

/// Without long runs of hex or base64 that have letters and digits mixed.
fn unsigned(from: &[u8]) -> Vec<u8> {
    let is_run = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'%' | b'_' | b'-');
    let mut clean = Vec::with_capacity(from.len());
    let mut rest = from;
    while !rest.is_empty() {
        let (run, after) = rest.split_at(rest.iter().take_while(|byte| is_run(byte)).count());
        let mixed = run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic);
        clean.extend_from_slice(if run.len() >= RUN && mixed { MASK } else { run });
        let (one, after) = after.split_at(after.len().min(1));
        clean.extend_from_slice(one);
        rest = after;
    }
    clean
}

fn known(from: &[u8]) -> Vec<u8> {
    let known = FORMS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut clean = Vec::with_capacity(from.len());
    let mut rest = from;
    while let Some((first, after)) = rest.split_first() {
        if let Some(after) = known.iter().find_map(|form| rest.strip_prefix(form.as_slice())) {
            clean.extend_from_slice(MASK);
            rest = after;
        } else {
            clean.push(*first);
            rest = after;
        }
    }
    clean
}

/// The text without any registered secret.
#[must_use]
pub fn text(from: &str) -> String {
    String::from_utf8_lossy(&bytes(from.as_bytes())).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l34_a_signature_that_foreign_text_quotes_is_masked() {
        let hex = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71";
        for text in [
            format!("refused: GET /api/v3/order?symbol=BTCUSDT&timestamp=1499827319559&signature={hex} is not valid"),
            format!("{{\"msg\":\"bad Signature\",\"got\":\"{hex}\"}}"),
            format!("X-MBX-APIKEY: {}", hex.to_uppercase()),
            "signature=abCD12%2BefGH34%2FijKL56mnOP78%3D".to_owned(),
        ] {
            let clean = super::text(&text);
            assert!(clean.contains("[secret]") && !clean.to_lowercase().contains(&hex[..12]), "{clean}");
            assert!(!clean.contains("efGH34"), "{clean}");
        }
        let plain = "order c1a2b3c4-0-17 of BTCUSDT at 1499827319559 is unknown";
        assert_eq!(super::text(plain), plain);
    }

    #[test]
    fn x10_every_form_of_a_secret_is_masked_at_the_sink() {
        let secret = "can+ary/secret\nof two lines";
        register(secret);
        register("short");
        for form in forms(secret) {
            let mut line = b"before ".to_vec();
            line.extend_from_slice(&form);
            line.extend_from_slice(b" after");
            let clean = bytes(&line);
            assert_eq!(clean, b"before [secret] after", "{}", String::from_utf8_lossy(&form));
        }
        assert_eq!(text("nothing to hide, not even short"), "nothing to hide, not even short");
    }
}
