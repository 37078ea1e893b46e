//! What a key may do at its venue, and whether that is what a carry bot may use (faults H05, H06).
//!
//! It asks nobody: the adapter that can ask is given by the caller as [`Ask`]. Tests: at the end of this file.

use super::entry::KeyEntry;
use serde::Serialize;
use thiserror::Error;

/// Rights as the venue states them; `None` is not stated, which is not the same as no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Rights {
    /// May read balances and orders.
    pub reading: Option<bool>,
    /// May trade spot.
    pub spot: Option<bool>,
    /// May trade perps.
    pub perp: Option<bool>,
    /// May withdraw.
    pub withdrawals: Option<bool>,
    /// Works from listed addresses only.
    pub address_list: Option<bool>,
}

/// Why the venue did not state the rights.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AskError {
    /// No answer.
    #[error("the venue cannot be reached: {0}")]
    Unreachable(String),
    /// The venue does not know the key, or its secret is another one.
    #[error("the venue refuses the key; is it of this venue, and are key and secret from the same pair?")]
    Refused,
}

/// Asks a venue for the rights of a key.
pub type Ask<'a> = &'a dyn Fn(&KeyEntry) -> Result<Rights, AskError>;

/// Something about a key's rights that a person must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Whether the key must not be used.
    pub refuses: bool,
    /// What it is and what to do.
    pub text: &'static str,
}

impl Rights {
    /// What is wrong or weak about them, the worst first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let refuses = |text| Finding { refuses: true, text };
        let weak = |text| Finding { refuses: false, text };
        let mut found = Vec::new();
        match self.withdrawals {
            Some(true) => found.push(refuses("the key may withdraw; make one without that right")),
            None => found.push(refuses("the venue does not say whether the key may withdraw; give written consent")),
            Some(false) => {}
        }
        if self.spot != Some(true) {
            found.push(refuses("the key may not trade spot, so one leg would stay naked; allow it at the venue"));
        }
        if self.perp != Some(true) {
            found.push(refuses("the key may not trade perps, so one leg would stay naked; allow it at the venue"));
        }
        if self.address_list != Some(true) {
            found.push(weak("the key works from any address; list this machine's address at the venue"));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h05_h06_a_key_that_may_withdraw_or_not_trade_is_refused() {
        let good = Rights {
            reading: Some(true),
            spot: Some(true),
            perp: Some(true),
            withdrawals: Some(false),
            address_list: Some(true),
        };
        let refused = |rights: Rights| rights.findings().iter().filter(|finding| finding.refuses).count();
        assert_eq!(good.findings(), []);
        assert_eq!(refused(Rights { withdrawals: Some(true), ..good }), 1);
        assert_eq!(refused(Rights { withdrawals: None, ..good }), 1, "not stated is not no");
        assert_eq!(refused(Rights { spot: Some(false), ..good }), 1);
        assert_eq!(refused(Rights { perp: None, ..good }), 1);
        assert_eq!(refused(Rights { address_list: Some(false), ..good }), 0);
        assert_eq!(Rights { address_list: None, ..good }.findings().len(), 1);
    }
}
