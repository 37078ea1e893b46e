//! Who signed a request: HMAC-SHA256 and Ed25519 of the Binance form, and the time window.
//!
//! The venue's own reading of the rules; it shares nothing with the adapter that signs. Aster's typed data is in
//! `typed.rs`. Tests here and in `tests/suite/loopback.rs`.

use super::keys::{Key, Rights, Scheme};
use super::params::Params;
use super::refusal::{Refusal, illegal, missing, refuse, unauthorised};
use crate::domain::WallTime;
use base64::Engine as _;
use ed25519_dalek::{Signature, Verifier as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

/// Latest that a stamp may lie ahead of the venue, in milliseconds.
const AHEAD: i64 = 1_000;
const WINDOW: i64 = 5_000;
const WIDEST: i64 = 60_000;

/// Finds a key by name; the text is the venue's for a wrong one.
pub(crate) fn key_named<'k>(keys: &'k [Key], name: Option<&str>) -> Result<&'k Key, Refusal> {
    let name = name.ok_or_else(|| unauthorised(-2014, "API-key format invalid."))?;
    if name.len() != 64 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(unauthorised(-2014, "API-key format invalid."));
    }
    keys.iter().find(|key| key.name == name).ok_or_else(no_rights)
}

pub(crate) fn no_rights() -> Refusal {
    unauthorised(-2015, "Invalid API-key, IP, or permissions for action.")
}

/// Checks stamp, then signature.
pub(crate) fn verify(key: &Key, params: &Params, now: WallTime) -> Result<Rights, Refusal> {
    window(params, now)?;
    let signature = params.signature().ok_or_else(|| missing("signature"))?;
    let payload = params.payload().as_bytes();
    let good = match &key.scheme {
        Scheme::Hmac(secret) => hmac_good(secret, payload, signature),
        Scheme::Ed25519(public) => {
            let bytes = base64::engine::general_purpose::STANDARD.decode(signature).ok();
            let signature = bytes.and_then(|bytes| Signature::from_slice(&bytes).ok());
            signature.is_some_and(|signature| public.verify(payload, &signature).is_ok())
        }
    };
    if good { Ok(key.rights) } else { Err(refuse(-1022, "Signature for this request is not valid.")) }
}

/// The stamp lies less than a second ahead and at most `recvWindow` behind.
pub(crate) fn window(params: &Params, now: WallTime) -> Result<(), Refusal> {
    let stamp = params.number("timestamp")?.ok_or_else(|| missing("timestamp"))?;
    let allowed = match params.get("recvWindow") {
        None => WINDOW,
        Some(text) => {
            let whole = text.split('.').next().unwrap_or(text);
            whole.parse::<i64>().map_err(|_| illegal("recvWindow"))?
        }
    };
    if allowed > WIDEST {
        return Err(refuse(-1131, "recvWindow must be less than 60000."));
    }
    if stamp >= now.0 + AHEAD {
        return Err(refuse(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if now.0 - stamp > allowed {
        return Err(refuse(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}

fn hmac_good(secret: &str, payload: &[u8], signature: &str) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(payload);
    from_hex(signature).is_some_and(|bytes| mac.verify_slice(&bytes).is_ok())
}

/// Bytes of a hex text in either case.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|two| u8::from_str_radix(two, 16).ok());
    bytes.chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d13_a_stamp_is_good_from_the_window_to_just_under_a_second_ahead() {
        let check = |stamp: i64, window_ms: &str, good: bool| {
            let params = Params::read(&format!("timestamp={stamp}&recvWindow={window_ms}"), "").unwrap();
            assert_eq!(window(&params, WallTime(100_000)).is_ok(), good, "{stamp} {window_ms}");
        };
        check(100_999, "5000", true);
        check(101_000, "5000", false);
        check(95_000, "5000", true);
        check(94_999, "5000", false);
        check(94_999, "6000.5", true);
        check(100_000, "60001", false);
    }

    #[test]
    fn an_hmac_is_hex_in_either_case_and_of_this_payload_only() {
        let keys = super::super::keys::known();
        let (name, secret) = super::super::keys::TRADER;
        let key = key_named(&keys, Some(name)).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(b"symbol=X&timestamp=1");
        let hex = mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02X}"));
        let check = |query: &str| verify(key, &Params::read(query, "").unwrap(), WallTime(1)).map_err(|e| e.code);
        assert!(check(&format!("symbol=X&timestamp=1&signature={hex}")).is_ok());
        assert_eq!(check(&format!("symbol=Y&timestamp=1&signature={hex}")), Err(-1022));
        assert_eq!(check("symbol=X&timestamp=1&signature=zz"), Err(-1022));
        assert_eq!(check("symbol=X&timestamp=1"), Err(-1102));
    }
}
