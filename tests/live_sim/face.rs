//! Whose protocol is spoken, and with which proof.

use carry::loopback::Profile as Protocol;
use carry::loopback::keys::{ASTER_AGENT, ASTER_WALLET, TRADER};
use carry::loopback::typed::address_of;
use carry::net::hosts::Owner;
use carry::net::wire::Signer;
use carry::venues::binance::profile::{Auth, Profile};
use carry::venues::binance::sign::TradeSigner;
use std::fmt::Write as _;
use std::sync::Arc;

const BASE: &str = "http://127.0.0.1:1";

/// A venue of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Face {
    /// Binance with an HMAC key.
    Binance,
    /// Aster with an agent's wallet.
    Aster,
}

impl Face {
    /// Its name in pairs and accounts.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Aster => "aster",
        }
    }

    pub(crate) const fn protocol(self) -> Protocol {
        match self {
            Self::Binance => Protocol::Binance,
            Self::Aster => Protocol::Aster,
        }
    }

    pub(crate) const fn owner(self) -> Owner {
        match self {
            Self::Binance => Owner::Binance,
            Self::Aster => Owner::Aster,
        }
    }

    pub(crate) fn profile(self) -> Profile {
        Profile::named(self.name()).unwrap().with_loopback(BASE)
    }

    pub(crate) fn signer(self) -> Signer {
        let made = match self.profile().auth {
            Auth::Key => TradeSigner::hmac(TRADER.0, &TRADER.1.to_owned().into()),
            Auth::Agent { chain_id, .. } => {
                let secret = ASTER_AGENT.iter().fold(String::new(), |mut text, byte| {
                    write!(text, "{byte:02x}").unwrap();
                    text
                });
                TradeSigner::agent(&address_of(&ASTER_WALLET).unwrap(), &secret.into(), chain_id)
            }
        };
        Signer::Trade(Arc::new(made.unwrap()))
    }
}
