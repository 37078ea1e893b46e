//! What looks like a secret, and how foreign text is shown in a message without harm (faults X08, X14).
//!
//! The aim is to stop a pasted API key, not to find every password. Secrets have their own commands; no key of the table
//! can hold one. Tests: at the end of this file.

/// Parts of key names under which people keep secrets.
const NAMES: [&str; 12] = [
    "secret",
    "api_key",
    "apikey",
    "api-key",
    "private",
    "passphrase",
    "password",
    "passwd",
    "token",
    "mnemonic",
    "seed_phrase",
    "credential",
];

/// Shortest text that is taken for a key: Bybit's API keys have 18 characters, other venues' have more.
const SHORTEST: usize = 16;
/// Most characters of a foreign text in a message.
const SHOWN: usize = 60;

/// Whether a key's name says that a secret is kept there.
#[must_use]
pub(super) fn is_secret_name(path: &str) -> bool {
    let path = path.to_lowercase();
    NAMES.iter().any(|name| path.contains(name))
}

/// Whether a text looks like an API key, a secret, a private key or a seed phrase.
#[must_use]
pub fn looks_secret(text: &str) -> bool {
    let text = text.trim();
    text.contains("-----BEGIN") || is_phrase(text) || text.split(|c: char| !is_key_char(c)).any(is_key_like)
}

const fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-')
}

/// One run of base64, hex or UUID characters with letters and digits mixed, as random bytes always are.
fn is_key_like(word: &str) -> bool {
    let count = |wanted: fn(&u8) -> bool| word.bytes().filter(wanted).count();
    let (letters, digits) = (count(u8::is_ascii_alphabetic), count(u8::is_ascii_digit));
    let random = letters + digits;
    // Random letters and digits change between the two often; `100000000000000000usdt` does so once.
    let changes = word
        .as_bytes()
        .windows(2)
        .filter(|two| matches!(two, [a, b] if a.is_ascii_digit() != b.is_ascii_digit()))
        .count();
    random >= SHORTEST && digits >= 2 && letters >= 2 && changes >= 4
}

/// Twelve or more short lower-case words: a wallet's seed phrase.
fn is_phrase(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let plain = |word: &&str| (3..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase());
    (12..=24).contains(&words.len()) && words.iter().all(plain)
}

/// A foreign text for a message: safe to print, shortened, and hidden when it may be a secret.
#[must_use]
pub(super) fn shown(text: &str) -> String {
    if looks_secret(text) { "(hidden)".to_owned() } else { escaped(text, SHOWN) }
}

/// The first `most` characters with control and direction marks escaped.
#[must_use]
pub(super) fn escaped(text: &str, most: usize) -> String {
    let mut out = String::new();
    for c in text.chars().take(most) {
        let safe = !c.is_control() && !is_direction_mark(c);
        if safe { out.push(c) } else { out.extend(c.escape_unicode()) }
    }
    if text.chars().nth(most).is_some() {
        out.push_str("...");
    }
    out
}

/// Marks that turn the direction of text, with which a message could be made to read otherwise.
const fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x14_keys_are_recognised_and_settings_are_not() {
        for secret in [
            "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A",
            "2e8f0c1d-4b5a-4c3d-9e8f-7a6b5c4d3e2f",
            "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
            "XJ7kPq2mN9vB4rT8wL",
            "key=XJ7kPq2mN9vB4rT8wL;",
            "-----BEGIN PRIVATE KEY-----\nMC4CAQ",
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
        ] {
            assert!(looks_secret(secret), "{secret}");
            assert_eq!(shown(secret), "(hidden)");
        }
        for plain in [
            "0.01%/8h",
            "100000000000000000usdt",
            "binance:1000000BABYDOGEUSDT",
            "hyperliquid:BTC-USD",
            "entry.max_breakeven",
            "strategies/anchor.toml",
            "2026-11-22T00:00:00Z",
            "open_interest",
        ] {
            assert!(!looks_secret(plain), "{plain}");
        }
        assert!(is_secret_name("binance.API_KEY") && is_secret_name("okx.passphrase"));
        assert!(!is_secret_name("sim.seed") && !is_secret_name("risk.max_order"));
    }

    #[test]
    fn x08_foreign_text_cannot_write_to_the_terminal() {
        assert_eq!(shown("a\u{1b}[31m\n\u{202e}b"), "a\\u{1b}[31m\\u{a}\\u{202e}b");
        assert_eq!(shown(&"y".repeat(500)).len(), 63);
    }
}
