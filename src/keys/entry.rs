//! One key of a venue, checked: swapped fields, wrong lengths, stray spaces and a wallet's own key never get further.
//!
//! It does not know where a key is kept, and it asks no venue. Tests: at the end of this file and `tests/commands/keys.rs`.

use super::secret::Secret;
use crate::config::address::{self, Address, AddressError};
use crate::domain::WallTime;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use k256::ecdsa::SigningKey;
use sha3::{Digest as _, Keccak256};
use thiserror::Error;

/// Public ids whose secrets are printed in the venues' own documentation: everybody has them, so they are test keys whatever
/// they say of themselves.
pub const PUBLISHED: [&str; 2] =
    ["vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A", "0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0"];

/// Characters of an API key and of an HMAC secret of the Binance family.
const LENGTH: usize = 64;

/// Why a key is refused, and what to do. No variant holds any part of it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The name cannot be a file's name.
    #[error("the name must be 1 to 32 of a-z, 0-9, - and _, and begin with a letter")]
    Name,
    /// A venue that has no adapter.
    #[error("venue: is not known; expected binance, binance-demo, aster or aster-testnet")]
    Venue,
    /// A kind that the venue does not use.
    #[error("kind: {venue} does not use it; expected {expected}")]
    Kind {
        /// The venue.
        venue: &'static str,
        /// Its kinds.
        expected: &'static str,
    },
    /// A field that its kind needs.
    #[error("{0}: is missing")]
    Missing(&'static str),
    /// A field that its kind does not have.
    #[error("{0}: does not belong to this kind of key; remove it")]
    Surplus(&'static str),
    /// A space, a line break or another character that is not seen.
    #[error("{0}: has a space, a line break or a character that cannot be seen; copy it again without it")]
    Whitespace(&'static str),
    /// Two fields hold each other's value.
    #[error("{0} and {1} are swapped; exchange them")]
    Swapped(&'static str, &'static str),
    /// Two fields hold the same.
    #[error("{0} and {1} are the same; the venue shows two different texts, copy both")]
    Same(&'static str, &'static str),
    /// Not of its form.
    #[error("{field}: has {length} characters and is not {expected}; copy it again, whole")]
    Form {
        /// Which field.
        field: &'static str,
        /// How long it is.
        length: usize,
        /// What it must be.
        expected: &'static str,
    },
    /// The key's kind is another one.
    #[error("{field}: is {found}; say --kind {kind}")]
    OtherKind {
        /// Which field.
        field: &'static str,
        /// What stands there.
        found: &'static str,
        /// The kind it belongs to.
        kind: &'static str,
    },
    /// The public half of a key pair.
    #[error("pem: is the public half, which belongs to the venue; give the private one")]
    PublicHalf,
    /// The key of the wallet itself, which can withdraw.
    #[error(
        "private_key: belongs to the main wallet (user), which can withdraw; make an API wallet at the venue and give its address and key"
    )]
    MainWallet,
    /// The private key makes another address than the signer's.
    #[error("private_key: does not belong to signer; copy both from the same API wallet")]
    NotOfSigner,
    /// A key for real money would go to a simulated venue.
    #[error("this is a real key and {0} is on this machine; use a key marked as test")]
    RealKeyAtHome(String),
    /// A test key would go to a real venue.
    #[error("this is a test key and {0} is a real host; use a real key")]
    TestKeyOutside(String),
    /// The URL itself is wrong.
    #[error("the venue's URL {0}")]
    Address(#[from] AddressError),
}

/// What a key consists of.
pub enum Kind {
    /// An API key and the secret that signs.
    Hmac {
        /// The public id.
        key: String,
        /// The secret.
        secret: Secret,
    },
    /// An API key and an Ed25519 private key.
    Ed25519 {
        /// The public id.
        key: String,
        /// The private key as PKCS#8 PEM.
        pem: Secret,
    },
    /// An API wallet of Aster.
    AsterAgent {
        /// Address of the main wallet.
        user: String,
        /// Address of the API wallet.
        signer: String,
        /// The API wallet's private key, 64 hex digits.
        private_key: Secret,
    },
}

/// The fields of a key before they are checked: any of them may hold a secret that was pasted into the wrong one.
#[derive(Default)]
pub struct Fields {
    /// Public id.
    pub key: Option<Secret>,
    /// HMAC secret.
    pub secret: Option<Secret>,
    /// Ed25519 private key.
    pub pem: Option<Secret>,
    /// Main wallet.
    pub user: Option<Secret>,
    /// API wallet.
    pub signer: Option<Secret>,
    /// Its private key.
    pub private_key: Option<Secret>,
}

/// One key with its name.
pub struct KeyEntry {
    /// How a person calls it.
    pub name: String,
    /// The venue it belongs to.
    pub venue: &'static str,
    /// The key.
    pub kind: Kind,
    /// What a person noted.
    pub note: String,
    /// When it was added.
    pub added_at: WallTime,
    /// Only for simulated venues on this machine.
    pub test: bool,
}

impl KeyEntry {
    /// The id that the venue knows the key by.
    #[must_use]
    pub fn public_id(&self) -> &str {
        match &self.kind {
            Kind::Hmac { key, .. } | Kind::Ed25519 { key, .. } => key,
            Kind::AsterAgent { signer, .. } => signer,
        }
    }

    /// What may be shown of the id.
    #[must_use]
    pub fn account(&self) -> &str {
        match &self.kind {
            Kind::Hmac { key, .. } | Kind::Ed25519 { key, .. } => key,
            Kind::AsterAgent { user, .. } => user,
        }
    }

    /// What may be shown of its public id.
    #[must_use]
    pub fn shown_id(&self) -> String {
        let id = self.public_id();
        format!("...{}", id.get(id.len().saturating_sub(4)..).unwrap_or_default())
    }

    /// The kind as a word.
    #[must_use]
    pub const fn kind_word(&self) -> &'static str {
        match self.kind {
            Kind::Hmac { .. } => "hmac",
            Kind::Ed25519 { .. } => "ed25519",
            Kind::AsterAgent { .. } => "aster",
        }
    }

    /// What must stay hidden.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        match &self.kind {
            Kind::Hmac { secret, .. } => secret,
            Kind::Ed25519 { pem, .. } => pem,
            Kind::AsterAgent { private_key, .. } => private_key,
        }
    }

    /// Whether it may only be used on this machine.
    #[must_use]
    pub fn is_test(&self) -> bool {
        self.test || PUBLISHED.iter().any(|known| known.eq_ignore_ascii_case(self.public_id()))
    }

    /// Whether it is of an environment with play money, and of no use anywhere else.
    #[must_use]
    pub fn is_play(&self) -> bool {
        address::is_play(self.venue)
    }

    /// Whether it may sign for a venue of this name: keys belong to one environment (fault H03). A key for simulated venues signs
    /// for every environment of its venue, on this machine alone.
    #[must_use]
    pub fn is_of(&self, venue: &str) -> bool {
        let old = (self.venue, venue) == ("aster", "aster-v1");
        self.venue == venue || old || self.is_test() && venue.starts_with(self.venue)
    }

    /// Whether it may be used with this URL: test keys on loopback, real keys on encrypted real hosts (faults H03, X26).
    ///
    /// # Errors
    /// [`KeyError`] says which of the two is wrong.
    pub fn fits(&self, url: &str) -> Result<(), KeyError> {
        let address = Address::parse(url)?;
        match (self.is_test(), address.loopback) {
            (true, true) | (false, false) => Ok(()),
            (false, true) => Err(KeyError::RealKeyAtHome(address.host)),
            (true, false) => Err(KeyError::TestKeyOutside(address.host)),
        }
    }
}

/// The name, when it can be a file's name and a word of a command line.
///
/// # Errors
/// [`KeyError::Name`] otherwise.
pub fn checked_name(name: &str) -> Result<String, KeyError> {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= 32 && name.bytes().all(good) { Ok(name.to_owned()) } else { Err(KeyError::Name) }
}

/// The venue and the kind that a key has when nobody names one.
///
/// # Errors
/// [`KeyError::Venue`] for a venue without an adapter, [`KeyError::Kind`] for a kind that it does not use.
pub fn checked_kind(venue: &str, kind: Option<&str>) -> Result<(&'static str, &'static str), KeyError> {
    let (venue, kinds, expected): (_, &[&'static str], _) = match venue {
        "binance" => ("binance", &["hmac", "ed25519"], "hmac or ed25519"),
        "binance-demo" => ("binance-demo", &["hmac", "ed25519"], "hmac or ed25519"),
        "aster-testnet" => ("aster-testnet", &["aster"], "aster"),
        "aster" => ("aster", &["aster", "hmac"], "aster, or hmac for keys made before 2026-03-25"),
        _ => return Err(KeyError::Venue),
    };
    let wanted = kind.or_else(|| kinds.first().copied()).unwrap_or_default();
    match kinds.iter().find(|known| **known == wanted) {
        Some(kind) => Ok((venue, kind)),
        None => Err(KeyError::Kind { venue, expected }),
    }
}

impl Fields {
    /// The key of a kind, when every field is what it must be.
    ///
    /// # Errors
    /// [`KeyError`] names the field and the fix.
    pub fn check(self, kind: &str) -> Result<Kind, KeyError> {
        let Self { key, secret, pem, user, signer, private_key } = self;
        let surplus = |unwanted: &[(&'static str, &Option<Secret>)]| {
            unwanted.iter().find(|(_, value)| value.is_some()).map_or(Ok(()), |(name, _)| Err(KeyError::Surplus(name)))
        };
        match kind {
            "hmac" => {
                surplus(&[("pem", &pem), ("user", &user), ("signer", &signer), ("private_key", &private_key)])?;
                hmac(&need("key", key)?, need("secret", secret)?)
            }
            "ed25519" => {
                surplus(&[("secret", &secret), ("user", &user), ("signer", &signer), ("private_key", &private_key)])?;
                ed25519(&need("key", key)?, need("pem", pem)?)
            }
            _ => {
                surplus(&[("key", &key), ("secret", &secret), ("pem", &pem)])?;
                aster(&need("user", user)?, &need("signer", signer)?, need("private_key", private_key)?)
            }
        }
    }
}

fn need(field: &'static str, value: Option<Secret>) -> Result<Secret, KeyError> {
    value.filter(|value| !value.expose().is_empty()).ok_or(KeyError::Missing(field))
}

fn seen(field: &'static str, value: &str) -> Result<(), KeyError> {
    if value.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(()) } else { Err(KeyError::Whitespace(field)) }
}

fn api(field: &'static str, value: &str) -> Result<(), KeyError> {
    seen(field, value)?;
    if value.len() == LENGTH && value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(KeyError::Form { field, length: value.chars().count(), expected: "64 letters and digits" })
}

fn hmac(key: &Secret, secret: Secret) -> Result<Kind, KeyError> {
    let (public, hidden) = (key.expose(), secret.expose());
    for (field, value) in [("key", public), ("secret", hidden)] {
        if value.contains("-----BEGIN") {
            return Err(KeyError::OtherKind { field, found: "a private key in PEM", kind: "ed25519" });
        }
        if is_address(value) {
            return Err(KeyError::OtherKind { field, found: "the address of a wallet", kind: "aster" });
        }
    }
    api("key", public)?;
    api("secret", hidden)?;
    if public == hidden {
        return Err(KeyError::Same("key", "secret"));
    }
    Ok(Kind::Hmac { key: public.to_owned(), secret })
}

fn ed25519(key: &Secret, pem: Secret) -> Result<Kind, KeyError> {
    let (public, hidden) = (key.expose(), pem.expose());
    if public.contains("-----BEGIN") && !hidden.contains("-----BEGIN") {
        return Err(KeyError::Swapped("key", "pem"));
    }
    if hidden.contains("-----BEGIN PUBLIC KEY") {
        return Err(KeyError::PublicHalf);
    }
    if api("pem", hidden).is_ok() {
        return Err(KeyError::OtherKind { field: "pem", found: "an HMAC secret", kind: "hmac" });
    }
    api("key", public)?;
    if ed25519_dalek::SigningKey::from_pkcs8_pem(hidden.trim()).is_err() {
        let expected = "an Ed25519 private key in PEM (PKCS#8, not encrypted)";
        return Err(KeyError::Form { field: "pem", length: hidden.chars().count(), expected });
    }
    Ok(Kind::Ed25519 { key: public.to_owned(), pem })
}

fn aster(user: &Secret, signer: &Secret, private_key: Secret) -> Result<Kind, KeyError> {
    let (main, agent, hidden) = (user.expose(), signer.expose(), private_key.expose());
    for (field, value) in [("user", main), ("signer", agent), ("private_key", hidden)] {
        seen(field, value)?;
    }
    for (field, value) in [("user", main), ("signer", agent)] {
        if is_private(value) && is_address(hidden) {
            return Err(KeyError::Swapped(field, "private_key"));
        }
        if !is_address(value) {
            let expected = "an address: 0x and 40 hex digits";
            return Err(KeyError::Form { field, length: value.chars().count(), expected });
        }
    }
    if !is_private(hidden) {
        let expected = "a private key: 64 hex digits, with or without 0x";
        return Err(KeyError::Form { field: "private_key", length: hidden.chars().count(), expected });
    }
    if main.eq_ignore_ascii_case(agent) {
        return Err(KeyError::MainWallet);
    }
    match address_of(hidden) {
        Some(address) if address.eq_ignore_ascii_case(agent) => {}
        Some(address) if address.eq_ignore_ascii_case(main) => return Err(KeyError::MainWallet),
        _ => return Err(KeyError::NotOfSigner),
    }
    Ok(Kind::AsterAgent { user: main.to_owned(), signer: agent.to_owned(), private_key })
}

fn is_address(text: &str) -> bool {
    text.strip_prefix("0x").is_some_and(|hex| hex.len() == 40 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_private(text: &str) -> bool {
    let hex = text.strip_prefix("0x").unwrap_or(text);
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The address of a private key: the last 20 bytes of Keccak-256 over the public point.
fn address_of(private: &str) -> Option<String> {
    use secrecy::zeroize::Zeroizing;
    use std::fmt::Write as _;
    let hex = private.strip_prefix("0x").unwrap_or(private).as_bytes();
    let mut bytes = Zeroizing::new([0_u8; 32]);
    for (place, two) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
        *place = u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()?;
    }
    let key = SigningKey::from_slice(bytes.as_slice()).ok()?;
    let point = key.verifying_key().to_encoded_point(false);
    let digest = Keccak256::digest(point.as_bytes().get(1..)?);
    let mut address = String::from("0x");
    for byte in digest.get(12..)? {
        let _ = write!(address, "{byte:02x}");
    }
    Some(address)
}

#[cfg(test)]
mod environment_tests {
    use super::*;

    fn entry(venue: &str, test: bool) -> KeyEntry {
        let (venue, _) = checked_kind(venue, None).unwrap();
        let kind = Kind::Hmac { key: "k".repeat(LENGTH), secret: Secret::new("s".repeat(LENGTH)) };
        KeyEntry { name: "one".to_owned(), venue, kind, note: String::new(), added_at: WallTime(0), test }
    }

    #[test]
    fn l33_h03_a_key_signs_for_the_environment_it_was_filed_for_alone() {
        let check = |venue: &str, test: bool, pairs: &str, may: bool| {
            assert_eq!(entry(venue, test).is_of(pairs), may, "{venue} {test} {pairs}");
        };
        check("binance", false, "binance", true);
        check("binance", false, "binance-demo", false);
        check("binance-demo", false, "binance-demo", true);
        check("binance-demo", false, "binance", false);
        check("aster", false, "aster-v1", true);
        check("aster", false, "aster-testnet", false);
        check("aster-testnet", false, "aster", false);
        check("binance", false, "aster", false);
        // For simulated venues on this machine, whose protocol is all that counts.
        check("binance", true, "binance-demo", true);
        for (venue, play) in [("binance", false), ("binance-demo", true), ("aster-testnet", true)] {
            assert_eq!(entry(venue, false).is_play(), play);
        }
        // Neither real keys nor those of play money go to this machine, and a test key does not leave it.
        assert!(entry("binance-demo", false).fits("http://127.0.0.1:9").is_err());
        assert!(entry("binance-demo", false).fits("https://demo-api.binance.com").is_ok());
        assert!(entry("binance-demo", true).fits("https://demo-api.binance.com").is_err());
    }
}
