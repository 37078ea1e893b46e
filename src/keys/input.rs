//! A key as a person or a secret file gives it: one JSON object, or its fields on lines of their own.
//!
//! Errors say where and what is wrong, never what stood there. Tests: `tests/commands/keys.rs`.

use super::entry::{Fields, KeyEntry, KeyError, checked_kind, checked_name};
use super::secret::Secret;
use crate::config::secret::looks_secret;
use crate::domain::WallTime;
use crate::domain::text::unmarked;
use secrecy::zeroize::Zeroizing;
use serde::Deserialize;
use std::io::Read;
use thiserror::Error;

/// Most bytes of one key; a PEM has a few hundred.
pub const LARGEST: u64 = 16 * 1024;

/// Why a key cannot be taken.
#[derive(Debug, Error)]
pub enum InputError {
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It cannot be read.
    #[error("the key cannot be read: {0}")]
    Io(std::io::ErrorKind),
    /// Nothing there.
    #[error("there is no key; expected one JSON object, or one field a line")]
    Empty,
    /// More than a key can be.
    #[error("there are more than {LARGEST} bytes; expected one key")]
    TooLarge,
    /// Not UTF-8.
    #[error("the key is not text in UTF-8")]
    NotText,
    /// JSON that is wrong at a place.
    #[error(
        "the JSON is wrong at line {line}, column {column}; expected the texts {fields}, each once, and nothing unknown"
    )]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// Field names.
        fields: &'static str,
    },
    /// The JSON says something else than the arguments.
    #[error("{0}: the JSON says something else than the command; leave one of them out")]
    Differs(&'static str),
    /// The note is, or holds, what only a key may hold.
    #[error("note: looks like a key or a secret; expected a few words for yourself, which carry keys list will show")]
    SecretNote,
    /// Too many lines.
    #[error("there are {found} lines; expected {expected}")]
    Lines {
        /// Lines found.
        found: usize,
        /// What was expected.
        expected: &'static str,
    },
}

/// What the command line says of a key.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its venue, when named.
    pub venue: Option<&'a str>,
    /// Its kind, when named.
    pub kind: Option<&'a str>,
    /// A note.
    pub note: &'a str,
    /// Only for this machine.
    pub test: bool,
    /// When it is added.
    pub now: WallTime,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    venue: Option<String>,
    kind: Option<String>,
    key: Option<Secret>,
    secret: Option<Secret>,
    pem: Option<Secret>,
    user: Option<Secret>,
    signer: Option<Secret>,
    private_key: Option<Secret>,
    note: Option<String>,
    #[serde(default)]
    test: bool,
}

/// Reads one key to the end.
///
/// # Errors
/// [`InputError`] when it is no key, or one that must not be used.
pub fn read(from: &mut dyn Read, asked: Asked<'_>) -> Result<KeyEntry, InputError> {
    // Its full size at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(LARGEST).unwrap_or(16_384) + 64));
    from.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| InputError::Io(error.kind()))?;
    parse(&bytes, asked)
}

/// One key from its bytes.
///
/// # Errors
/// [`InputError`] when it is no key, or one that must not be used.
pub fn parse(bytes: &[u8], asked: Asked<'_>) -> Result<KeyEntry, InputError> {
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > LARGEST {
        return Err(InputError::TooLarge);
    }
    let text = unmarked(std::str::from_utf8(bytes).map_err(|_| InputError::NotText)?);
    let name = checked_name(asked.name)?;
    let start = text.trim_start();
    if start.is_empty() {
        return Err(InputError::Empty);
    }
    let written = if start.starts_with('{') { json(text)? } else { Written::none() };
    let venue = agreed("venue", asked.venue, written.venue.as_deref())?.ok_or(KeyError::Missing("venue"))?;
    let kind = agreed("kind", asked.kind, written.kind.as_deref())?;
    let (venue, kind) = checked_kind(venue, kind)?;
    let fields = if start.starts_with('{') {
        Fields {
            key: written.key,
            secret: written.secret,
            pem: written.pem,
            user: written.user,
            signer: written.signer,
            private_key: written.private_key,
        }
    } else {
        lines(text, kind)?
    };
    let note = written.note.unwrap_or_else(|| asked.note.to_owned());
    let test = asked.test || written.test;
    let entry = KeyEntry { name, venue, kind: fields.check(kind)?, note, added_at: asked.now, test };
    // A note is shown in every list: a secret that was pasted into it would be too.
    if looks_secret(&entry.note) || shares(&entry.note, entry.secret().expose()) {
        return Err(InputError::SecretNote);
    }
    Ok(entry)
}

/// Whether a note and a secret have a long stretch in common: the whole, or the first or last half of it.
fn shares(note: &str, secret: &str) -> bool {
    let half = secret.len() / 2;
    let parts = [Some(secret), secret.get(..half), secret.get(half..)];
    let part = parts.into_iter().flatten().any(|part| part.len() >= 8 && note.contains(part));
    // No word for oneself is that long; keys and their secrets are.
    part || note.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word.len() >= 32)
}

impl Written {
    const fn none() -> Self {
        Self {
            venue: None,
            kind: None,
            key: None,
            secret: None,
            pem: None,
            user: None,
            signer: None,
            private_key: None,
            note: None,
            test: false,
        }
    }
}

fn json(text: &str) -> Result<Written, InputError> {
    // The error's own text may quote the value, which may be the secret.
    serde_json::from_str(text).map_err(|error| InputError::Json {
        line: error.line(),
        column: error.column(),
        fields: "venue, kind, note, key and secret (hmac), key and pem (ed25519), or user, signer and private_key (aster)",
    })
}

fn agreed<'a>(
    field: &'static str,
    asked: Option<&'a str>,
    written: Option<&'a str>,
) -> Result<Option<&'a str>, InputError> {
    match (asked, written) {
        (Some(asked), Some(written)) if asked != written => Err(InputError::Differs(field)),
        (asked, written) => Ok(asked.or(written)),
    }
}

/// The fields in their order, one a line; the PEM is all lines after the first.
fn lines(text: &str, kind: &str) -> Result<Fields, InputError> {
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    if kind == "ed25519" {
        let (key, pem) = text.split_once('\n').unwrap_or((text, ""));
        return Ok(Fields { key: secret(key.trim_end_matches('\r')), pem: secret(pem.trim()), ..Fields::default() });
    }
    let all: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    match (kind, all.as_slice()) {
        ("hmac", [key, hidden]) => Ok(Fields { key: secret(key), secret: secret(hidden), ..Fields::default() }),
        ("aster", [user, signer, hidden]) => {
            Ok(Fields { user: secret(user), signer: secret(signer), private_key: secret(hidden), ..Fields::default() })
        }
        ("hmac", found) => Err(InputError::Lines { found: found.len(), expected: "two: the API key, then the secret" }),
        (_, found) => Err(InputError::Lines {
            found: found.len(),
            expected: "three: the main wallet's address, the API wallet's address, its private key",
        }),
    }
}
