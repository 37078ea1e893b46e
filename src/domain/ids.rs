//! Identities: dense numbers inside, derived texts outside.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! dense {
    ($(#[$doc:meta])* $name:ident, $inner:ty) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
        impl $name {
            /// The number as an index.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    };
}

dense!(
    /// Position of an instrument in the catalogue.
    InstrumentId,
    u16
);
dense!(
    /// Position of a pair in the catalogue.
    PairId,
    u16
);
dense!(
    /// Position of a venue in the catalogue.
    VenueId,
    u8
);

dense!(
    /// Position of a strategy among those of a run; the first of a run of one.
    #[derive(Default)]
    StrategyId,
    u8
);

/// Number of an event in a run; rises by one with each event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// Our id of one order intent: boot epoch, randomness of that boot and the number of the intent (fault A12).
///
/// Derived, never drawn, so a replay makes the same ids; unique because an epoch is used by one boot only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientOrderId {
    /// Number of the boot that made it; rises with each start on one ledger.
    pub epoch: u32,
    /// Randomness that reached the core as part of its first event.
    pub salt: u32,
    /// Number of the intent within the boot.
    pub number: u32,
}

impl fmt::Display for ClientOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:x}-{:08x}-{}", self.epoch, self.salt, self.number)
    }
}

impl std::str::FromStr for ClientOrderId {
    type Err = NotOurs;
    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let mut parts = text.strip_prefix('c').ok_or(NotOurs)?.splitn(3, '-');
        let mut next = || parts.next().ok_or(NotOurs);
        let epoch = u32::from_str_radix(next()?, 16).map_err(|_| NotOurs)?;
        let salt = u32::from_str_radix(next()?, 16).map_err(|_| NotOurs)?;
        let number = next()?.parse().map_err(|_| NotOurs)?;
        Ok(Self { epoch, salt, number })
    }
}

/// The text is not an id that we made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not one of our client order ids")]
pub struct NotOurs;

/// A venue's id of one execution, unique per instrument (fault C02).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FillId(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_an_order_id_prints_and_parses_back_within_the_venue_limit() {
        let id = ClientOrderId { epoch: u32::MAX, salt: 0xdead_beef, number: u32::MAX };
        assert!(id.to_string().len() <= 36);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("web_abc".parse::<ClientOrderId>(), Err(NotOurs));
    }
}
