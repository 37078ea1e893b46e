//! Key material: what it is, and the bare signature of bytes. Wiped when dropped, never printed, never cloned.
//!
//! Only `sign` uses it. Tests: with `sign`.

use super::typed_data::{Domain, address, push_hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::DecodePrivateKey as _;
use hmac::{Hmac, Mac as _};
use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};
use sha2::Sha256;
use std::fmt;

/// Why key material is refused. Never holds any of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No key name or no secret.
    #[error("the key or its secret is empty")]
    Empty,
    /// The name of a key goes into a header and an address: printable ASCII without spaces.
    #[error("the public name of the key is not printable ASCII")]
    BadName,
    /// Not a PKCS#8 PEM of an Ed25519 key.
    #[error("the secret is not an Ed25519 private key in PKCS#8 PEM")]
    NotEd25519,
    /// Not 32 bytes of hex that are a secp256k1 key.
    #[error("the secret is not a private key of 64 hex digits")]
    NotSecp256k1,
    /// The account is not an address.
    #[error("the account is not an address of 40 hex digits after 0x")]
    BadAddress,
    /// The key is the main wallet's own: it could withdraw (Aster).
    #[error("the key is that of the account's main wallet, which may withdraw; make an agent")]
    SignerIsUser,
}

/// A keyed HMAC state: worth as much as the key.
pub(super) struct Keyed(Hmac<Sha256>);

impl Zeroize for Keyed {
    fn zeroize(&mut self) {
        if let Ok(blank) = Hmac::new_from_slice(&[]) {
            self.0 = blank;
        }
        // Keeps the write above from being left out as one that nobody reads.
        std::hint::black_box(&self.0);
    }
}

pub(super) enum Scheme {
    Hmac(SecretBox<Keyed>),
    /// Wipes itself when dropped.
    Ed25519(ed25519_dalek::SigningKey),
    Agent {
        user: String,
        /// Wipes itself when dropped.
        key: k256::ecdsa::SigningKey,
        domain: Domain,
    },
}

/// A key with its public name: the API key, or the agent's address.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) scheme: Scheme,
}

impl Key {
    pub(super) fn hmac(name: &str, secret: &SecretString) -> Result<Self, KeyError> {
        let secret = secret.expose_secret();
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        let keyed = Hmac::new_from_slice(secret.as_bytes()).map_err(|_| KeyError::Empty)?;
        let scheme = Scheme::Hmac(SecretBox::new(Box::new(Keyed(keyed))));
        Ok(Self { name: checked_name(name)?, scheme })
    }

    pub(super) fn ed25519(name: &str, pem: &SecretString) -> Result<Self, KeyError> {
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(pem.expose_secret()).map_err(|_| KeyError::NotEd25519)?;
        Ok(Self { name: checked_name(name)?, scheme: Scheme::Ed25519(key) })
    }

    pub(super) fn agent(user: &str, secret: &SecretString, chain_id: u64) -> Result<Self, KeyError> {
        let digits = user.strip_prefix("0x").unwrap_or("");
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(KeyError::BadAddress);
        }
        let mut bytes = unhex(secret.expose_secret().trim()).ok_or(KeyError::NotSecp256k1)?;
        let key = k256::ecdsa::SigningKey::from_slice(&bytes);
        bytes.zeroize();
        let key = key.map_err(|_| KeyError::NotSecp256k1)?;
        let point = key.verifying_key().to_encoded_point(false);
        let name = address(point.as_bytes().get(1..).unwrap_or(&[]));
        if name.eq_ignore_ascii_case(user) {
            return Err(KeyError::SignerIsUser);
        }
        Ok(Self { name, scheme: Scheme::Agent { user: user.to_owned(), key, domain: Domain::new(chain_id) } })
    }

    /// Appends the signature of `payload` as it is sent outside an address: hex, base64, or hex after `0x`.
    pub(super) fn push_signature(&self, payload: &[u8], out: &mut String) {
        match &self.scheme {
            Scheme::Hmac(keyed) => {
                let mut mac = keyed.expose_secret().0.clone();
                mac.update(payload);
                push_hex(out, &mac.finalize().into_bytes());
            }
            Scheme::Ed25519(key) => {
                let signature = ed25519_dalek::Signer::sign(key, payload).to_bytes();
                STANDARD.encode_string(signature, out);
            }
            Scheme::Agent { key, domain, .. } => {
                // RFC 6979 nonce and low s; the digest is always of the right length, so this does not fail.
                let Ok((signature, id)) = key.sign_prehash_recoverable(&domain.digest(payload)) else { return };
                out.push_str("0x");
                push_hex(out, &signature.to_bytes());
                push_hex(out, &[27 + id.to_byte()]);
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.scheme {
            Scheme::Hmac(_) => "HMAC",
            Scheme::Ed25519(_) => "Ed25519",
            Scheme::Agent { .. } => "agent",
        };
        let start = self.name.len().saturating_sub(4);
        write!(f, "{kind} key ..{}", self.name.get(start..).unwrap_or(""))
    }
}

fn checked_name(name: &str) -> Result<String, KeyError> {
    if name.is_empty() {
        return Err(KeyError::Empty);
    }
    if name.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(name.to_owned()) } else { Err(KeyError::BadName) }
}

/// 32 bytes of hex, with or without `0x`.
fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0_u8; 32];
    for (slot, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
