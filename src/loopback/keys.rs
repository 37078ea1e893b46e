//! The venue's test keys. They are fixed, public and open nothing but a loopback venue.
//!
//! One account stands behind all of them. Not here: real keys, which this venue has no way to hold.

use ed25519_dalek::{SigningKey, VerifyingKey};

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a tick of its own on the venue's page of keys")]
pub(crate) struct Rights {
    pub(crate) trade: bool,
    pub(crate) futures: bool,
    pub(crate) transfer: bool,
    pub(crate) withdraw: bool,
    pub(crate) ip_restricted: bool,
}

/// How requests with a key are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scheme {
    Hmac(&'static str),
    Ed25519(Box<VerifyingKey>),
}

/// One key of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) scheme: Scheme,
    pub(crate) rights: Rights,
}

/// The key that a bot uses: reads and trades both markets and transfers between them; HMAC.
pub const TRADER: (&str, &str) = (
    "carryLoopbackTestKeyTraderAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "carryLoopbackTestSecretTraderAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
);
/// A key that may also withdraw: a bot must refuse it (fault H05); HMAC.
pub const WITHDRAWER: (&str, &str) = (
    "carryLoopbackTestKeyWithdrawBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
    "carryLoopbackTestSecretWithdrawBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB",
);
/// A key that may only read; HMAC.
pub const READER: (&str, &str) = (
    "carryLoopbackTestKeyReaderCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
    "carryLoopbackTestSecretReaderCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC",
);
/// A key that trades spot but not futures (fault H06); HMAC.
pub const SPOT_ONLY: (&str, &str) = (
    "carryLoopbackTestKeySpotOnlyDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD",
    "carryLoopbackTestSecretSpotOnlyDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDD",
);
/// A key of another environment: this venue does not know it (fault H03); HMAC.
pub const FOREIGN: (&str, &str) = (
    "carryLoopbackTestKeyForeignEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE",
    "carryLoopbackTestSecretForeignEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEEE",
);
/// Name of the Ed25519 key with the rights of [`TRADER`].
pub const ED25519_KEY: &str = "carryLoopbackTestKeyEd25519FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";
/// Private seed of the Ed25519 test key.
pub const ED25519_SEED: [u8; 32] = [7; 32];
/// Private key of the main wallet of the Aster profile.
pub const ASTER_WALLET: [u8; 32] = [0x22; 32];
/// Private key of its agent: reads and trades, may not withdraw.
pub const ASTER_AGENT: [u8; 32] = [0x11; 32];
/// Private key of an agent that may withdraw.
pub const ASTER_WITHDRAWER: [u8; 32] = [0x33; 32];

const TRADING: Rights = Rights { trade: true, futures: true, transfer: true, withdraw: false, ip_restricted: true };

/// Rights of an agent of the Aster profile, and of the wallet itself.
pub(crate) const AGENT: Rights = TRADING;
pub(crate) const OWNER: Rights = Rights { withdraw: true, ..TRADING };

/// All keys that the venue knows.
pub(crate) fn known() -> Vec<Key> {
    let hmac =
        |(name, secret): (&'static str, &'static str), rights| Key { name, scheme: Scheme::Hmac(secret), rights };
    let ed25519 = SigningKey::from_bytes(&ED25519_SEED).verifying_key();
    vec![
        hmac(TRADER, TRADING),
        hmac(WITHDRAWER, Rights { withdraw: true, ip_restricted: false, ..TRADING }),
        hmac(READER, Rights { trade: false, futures: false, transfer: false, ..TRADING }),
        hmac(SPOT_ONLY, Rights { futures: false, ..TRADING }),
        Key { name: ED25519_KEY, scheme: Scheme::Ed25519(Box::new(ed25519)), rights: TRADING },
    ]
}
