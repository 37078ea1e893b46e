//! Aster's typed data (EIP-712): domain `AsterSignTransaction` version 1 with a zero contract, type `Message(string msg)`.
//! The message is the parameters exactly as they are sent. Tests: at the end, and the published vectors in
//! `tests/suite/wire_private.rs`.

use sha3::{Digest as _, Keccak256};

const DOMAIN_TYPE: &str = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
const MESSAGE_TYPE: &str = "Message(string msg)";

fn keccak(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Keccak256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// What is the same in every message of one chain: computed once per signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Domain {
    separator: [u8; 32],
    message_type: [u8; 32],
}

impl Domain {
    pub(super) fn new(chain_id: u64) -> Self {
        let mut chain = [0_u8; 32];
        for (slot, byte) in chain.iter_mut().rev().zip(chain_id.to_le_bytes()) {
            *slot = byte;
        }
        let (kind, name, version) =
            (keccak(&[DOMAIN_TYPE.as_bytes()]), keccak(&[b"AsterSignTransaction"]), keccak(&[b"1"]));
        let separator = keccak(&[&kind, &name, &version, &chain, &[0; 32]]);
        Self { separator, message_type: keccak(&[MESSAGE_TYPE.as_bytes()]) }
    }

    /// What is signed.
    pub(super) fn digest(&self, message: &[u8]) -> [u8; 32] {
        let structure = keccak(&[&self.message_type, &keccak(&[message])]);
        keccak(&[&[0x19, 0x01], &self.separator, &structure])
    }
}

/// The address of a public key (uncompressed, without its first byte), with the check-sum of EIP-55 in its letters' case.
pub(super) fn address(public_key: &[u8]) -> String {
    let hash = keccak(&[public_key]);
    let mut plain = String::with_capacity(40);
    push_hex(&mut plain, hash.get(12..).unwrap_or(&[]));
    let check = keccak(&[plain.as_bytes()]);
    let nibbles = check.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let cased = plain.chars().zip(nibbles).map(|(c, nibble)| if nibble >= 8 { c.to_ascii_uppercase() } else { c });
    "0x".chars().chain(cased).collect()
}

/// Appends bytes as lower-case hex.
pub(super) fn push_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(DIGITS.get(usize::from(nibble)).copied().unwrap_or('0'));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        let mut out = String::new();
        push_hex(&mut out, bytes);
        out
    }

    #[test]
    fn the_constants_are_those_of_the_digest() {
        let domain = Domain::new(1666);
        let check = |bytes: &[u8], expected: &str| assert_eq!(hex(bytes), expected);
        check(&keccak(&[DOMAIN_TYPE.as_bytes()]), "8b73c3c69bb8fe3d512ecc4cf759cc79239f7b179b0ffacaa9a75d522b39400f");
        check(&domain.message_type, "c4cfb57eea370ef2a92403a7e865b2de262d7ca272333665b54ad7e6a602ef68");
        check(&domain.separator, "a95d0a7a6f3f17fcebb0c2336645385ce79cde7523f71ab147fdb7f15e9f37f9");
        check(&Domain::new(714).separator, "fad01b07bed5729a04dbb977fd86da612eba71d668660bf12cf10b3d65b74d94");
        let message = b"symbol=ASTERUSDT&type=LIMIT&side=BUY&timeInForce=GTC&quantity=20&price=0.5&nonce=1748310859508867&user=0x63DD5aCC6b1aa0f563956C0e534DD30B6dcF7C4e&signer=0x21cF8Ae13Bb72632562c6Fff438652Ba1a151bb0";
        check(&domain.digest(message), "214122039b686e20a15baab91d368d354cf8c88067cb8b0e96e9018d8b08a625");
    }
}
