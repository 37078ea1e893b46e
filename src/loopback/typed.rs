//! Aster's signed requests: EIP-712 typed data over the text as sent, the signer recovered from the signature, and the
//! rule of nonces.
//!
//! The venue's own implementation; the adapter signs with another. Source: Aster API documents v3 (digest read 2026-11).
//! Tests stand at the end of the file.

use super::auth::from_hex;
use super::refusal::{Refusal, refuse};
use k256::ecdsa::{RecoveryId, Signature, SigningKey, VerifyingKey};
use sha3::{Digest as _, Keccak256};
use std::collections::BTreeSet;

/// The chain of the production venue; a signature for another does not hold here.
const CHAIN: u64 = 1_666;
/// Furthest that a nonce may lie from the venue's time, in microseconds.
const NEAR: i64 = 10_000_000;
/// Nonces remembered per user.
const KEPT: usize = 100;

fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Digest that is signed for a text.
fn digest(message: &str) -> [u8; 32] {
    let domain_type = keccak(&[b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"]);
    let mut chain = [0_u8; 32];
    for (place, byte) in chain.iter_mut().rev().zip(CHAIN.to_le_bytes()) {
        *place = byte;
    }
    let (name, version) = (keccak(&[b"AsterSignTransaction"]), keccak(&[b"1"]));
    let domain = keccak(&[&domain_type, &name, &version, &chain, &[0; 32]]);
    let message_type = keccak(&[b"Message(string msg)"]);
    let body = keccak(&[&message_type, &keccak(&[message.as_bytes()])]);
    keccak(&[&[0x19, 0x01], &domain, &body])
}

/// `0x` and 40 lower-case hex digits.
fn address(key: &VerifyingKey) -> String {
    let point = key.to_encoded_point(false);
    let hash = keccak(&[point.as_bytes().get(1..).unwrap_or_default()]);
    let tail = hash.iter().skip(12);
    tail.fold("0x".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

/// Address of a private key, lower case; `None` when the bytes are no key.
#[must_use]
pub fn address_of(secret: &[u8; 32]) -> Option<String> {
    let key = SigningKey::from_slice(secret).ok()?;
    Some(address(key.verifying_key()))
}

/// Who signed `message`.
pub(crate) fn signer(message: &str, signature: &str) -> Option<String> {
    let bytes = from_hex(signature.trim_start_matches("0x"))?;
    let (compact, last) = (bytes.get(..64)?, bytes.get(64)?);
    if bytes.len() != 65 {
        return None;
    }
    let recovery = RecoveryId::from_byte(if *last >= 27 { last - 27 } else { *last })?;
    let signature = Signature::from_slice(compact).ok()?;
    let key = VerifyingKey::recover_from_prehash(&digest(message), &signature, recovery).ok()?;
    Some(address(&key))
}

/// The latest nonces of a user.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nonces(BTreeSet<i64>);

impl Nonces {
    /// Takes a nonce once: near the venue's time, never used, not below what is remembered.
    pub(crate) fn take(&mut self, nonce: i64, now_us: i64) -> Result<(), Refusal> {
        let expired = self.0.len() >= KEPT && self.0.first().is_some_and(|least| nonce < *least);
        if (nonce - now_us).abs() > NEAR || expired {
            return Err(refuse(-4225, "Nonce Expired"));
        }
        if !self.0.insert(nonce) {
            return Err(refuse(-4225, "Nonce duplicated"));
        }
        while self.0.len() > KEPT {
            self.0.pop_first();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signer_is_recovered_and_another_text_gives_another() {
        let secret = [0x11; 32];
        let key = SigningKey::from_slice(&secret).unwrap();
        let message = "symbol=BTCUSDT&nonce=1&user=0x1&signer=0x2";
        let (signature, recovery) = key.sign_prehash_recoverable(&digest(message)).unwrap();
        let text = signature.to_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let text = text + &format!("{:02x}", recovery.to_byte() + 27);
        assert_eq!(signer(message, &text), address_of(&secret));
        assert_eq!(signer(message, &format!("0x{text}")), address_of(&secret));
        assert_ne!(signer("symbol=ETHUSDT", &text), address_of(&secret));
        assert_eq!(signer(message, "0x12"), None);
    }

    #[test]
    fn a_nonce_is_taken_once_and_near_the_time() {
        let mut nonces = Nonces::default();
        let mut check = |nonce, good| assert_eq!(nonces.take(nonce, 20_000_000).is_ok(), good, "{nonce}");
        check(20_000_000, true);
        check(20_000_000, false);
        check(30_000_001, false);
        check(9_999_999, false);
        for nonce in 0..100 {
            check(20_000_001 + nonce, true);
        }
        check(19_999_999, false);
    }
}
