//! One coin's two legs as the judge sees them.

use carry::domain::{Quantity, Side, SignedQuantity};
use carry::loopback::Holdings;
use std::collections::BTreeMap;

/// One coin's two legs.
#[derive(Debug, Default, Clone)]
pub(super) struct Legs {
    pub(super) naked_since: Option<i64>,
    /// Time that counts, of the present stretch.
    pub(super) counted: i64,
    pub(super) last: i64,
    pub(super) worst: i64,
    pub(super) orders: [u32; 2],
    pub(super) last_trade: BTreeMap<&'static str, (Side, i64, Quantity)>,
    /// Orders that arrived since it was equal, by leg.
    pub(super) attempts: [u32; 2],
    /// What strangers traded, in units of 1e-8 coins: spot and perp.
    pub(super) foreign: [i64; 2],
    /// Time in which strangers' trades make it unequal and a person decides.
    pub(super) held: i64,
    /// A channel shows wrong prices of it until then.
    pub(super) bent: i64,
    /// The venue means a wrong mark until then, and it may be acted on.
    pub(super) meant: i64,
    /// The venue itself made it unequal: with failing lists nobody may know.
    pub(super) by_venue: bool,
}

impl Legs {
    /// The venue closed so many coins of a position: of what strangers made unequal that part is gone first, as the venue knows
    /// one position and its act has made the legs less unequal.
    pub(super) fn closed(&mut self, coins: i64) {
        let strangers = self.foreign[1];
        if strangers.signum() * coins.signum() < 0 {
            self.foreign[1] -= strangers.signum() * strangers.abs().min(coins.abs());
        }
    }
}

/// What all venues hold together.
pub(super) fn together(holds: &[Holdings]) -> Holdings {
    let mut sum = Holdings::default();
    for one in holds {
        for (of, all) in [(&one.spot, &mut sum.spot), (&one.perp, &mut sum.perp)] {
            for (asset, amount) in of {
                *all.entry(*asset).or_default() += *amount;
            }
        }
        for (symbol, coins) in &one.positions {
            *sum.positions.entry(*symbol).or_insert(SignedQuantity::ZERO) += *coins;
        }
    }
    sum
}
