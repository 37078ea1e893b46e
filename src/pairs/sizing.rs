//! How many coins a pair may hold: capital times share, under every cap.

use crate::config::settings::Size;
use crate::domain::{Amount, Leg, Price, Quantity, Rate};

/// Money and limits that bound the size of one pair.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// All capital of the strategy.
    pub capital: Amount,
    /// What is left of the strategy's part of the capital; absent where it has all.
    pub part_left: Option<Amount>,
    /// Money of the venue of the pair, or of the venues of both legs.
    pub venues: Venues,
    /// Capital at work in the coin on all venues.
    pub coin_used: Amount,
    /// Capital at work in pairs of the quote coin.
    pub quote_used: Amount,
    /// Open interest of the perp in coins, when the source has it.
    pub open_interest: Option<Quantity>,
    /// Largest value per leg that the gate lets pass.
    pub gate_cap: Amount,
    /// Part of the usual size that the quadrant allows (1 is all).
    pub scale: Rate,
    /// What margins the perps.
    pub backing: Backing,
    /// Most capital of one pair, where the capital is divided into slots.
    pub slot: Option<Amount>,
}

/// Money of one venue in one quote coin.
#[derive(Debug, Clone, Copy)]
pub struct VenueRoom {
    /// Its equity, as much of it as may be at work.
    pub usable: Amount,
    /// Most capital that may be at work there.
    pub most: Amount,
    /// Capital at work there.
    pub used: Amount,
    /// Money free in both of its wallets, less what fees and price moves need.
    pub free: Amount,
}

/// Where the money of a pair is.
#[derive(Debug, Clone, Copy)]
pub enum Venues {
    /// Both legs draw on the same money.
    One(VenueRoom),
    /// Each leg has its own, and needs this share of the notional of it; the long leg first.
    Two([(VenueRoom, Rate); 2]),
}

/// Share of a covered short that stands beside its coins in the quote coin, for funding, fees and what a clip realises.
pub const QUOTE_BUFFER: Rate = Rate::from_units(20_000_000_000_000_000);

/// What the legs of a pair need beside the coins that are bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    /// Margin in the quote coin, at this leverage.
    Quote {
        /// Notional over margin.
        leverage: Rate,
    },
    /// The coins themselves; in the quote coin only the margin of the clip whose coins are not there yet, and the buffer.
    Coin {
        /// Notional over margin of that clip.
        leverage: Rate,
        /// Largest value of a clip.
        clip: Amount,
    },
    /// Margin in the quote coin of both legs, which are perps, each at the leverage of its own venue.
    Perps {
        /// Notional over margin of the long leg.
        long: Rate,
        /// The same of the short leg.
        short: Rate,
    },
    /// Margin in the quote coin, with a capital over notional that was set (`ladder.capital`).
    Set {
        /// Notional over margin.
        leverage: Rate,
        /// Capital over notional.
        capital: Rate,
    },
}

impl Backing {
    /// Quote coin that a notional needs in the perp wallet of a leg.
    ///
    /// Worked: 50 at 1x needs 50; on its coins, with clips of 10, it needs 10 and 1 of buffer.
    #[must_use]
    pub fn margin(self, leg: Leg, notional: Amount) -> Amount {
        match self {
            Self::Quote { leverage } | Self::Set { leverage, .. } => margin_of(notional, leverage),
            Self::Perps { long, short } => margin_of(notional, leg.of((long, short))),
            Self::Coin { leverage, clip } => {
                margin_of(notional.min(clip), leverage) + notional.times_rate(QUOTE_BUFFER)
            }
        }
    }

    /// Capital that a notional needs in all.
    #[must_use]
    pub fn capital(self, notional: Amount) -> Amount {
        match self {
            Self::Quote { .. } | Self::Coin { .. } => notional + self.margin(Leg::Short, notional),
            Self::Perps { .. } => self.margin(Leg::Long, notional) + self.margin(Leg::Short, notional),
            Self::Set { capital, .. } => notional.times_rate(capital),
        }
    }

    /// Notional per leg that a capital carries: the inverse of [`Backing::capital`], rounded down.
    #[must_use]
    pub fn notional(self, capital: Amount) -> Amount {
        match self {
            Self::Quote { leverage } => notional_of(capital, leverage),
            Self::Perps { long, short } if long == short => capital.share(1, 2).times_rate(long),
            Self::Perps { .. } => {
                // What a million of notional needs on both sides, with the last decimal that `over` keeps rounded up.
                let units = self.capital(Amount::whole(1_000_000)).units() / 10_000 + 1_000_000_000;
                over(capital, Rate::from_units(i64::try_from(units).unwrap_or(i64::MAX)))
            }
            Self::Set { capital: per_notional, .. } => over(capital, per_notional),
            Self::Coin { leverage, clip } => {
                let shared = |money: Amount| over(money, Rate::from_units(Rate::ONE) + QUOTE_BUFFER);
                if capital > self.capital(clip) {
                    return shared(capital - margin_of(clip, leverage));
                }
                let per_coin = Amount::whole(1) + Amount::whole(1).times_rate(QUOTE_BUFFER);
                let per_coin = per_coin + margin_of(Amount::whole(1), leverage);
                Amount::from_units(
                    (capital.units() / 100_000_000).saturating_mul(Amount::whole(1).units()) / per_coin.units()
                        * 100_000_000,
                )
            }
        }
    }
}

/// An amount divided by a rate above zero, rounded down to 1e-8.
#[must_use]
pub fn over(amount: Amount, rate: Rate) -> Amount {
    let rate = i128::from(rate.units().max(1)) / 1_000_000_000;
    Amount::from_units(
        (amount.units() / 100_000_000).saturating_mul(1_000_000_000).div_euclid(rate.max(1)) * 100_000_000,
    )
}

/// Notional per leg that `capital` carries: `capital / (1 + 1 / leverage)`. Worked: 100 at 1x carries 50, at 2x 66.67.
#[must_use]
pub fn notional_of(capital: Amount, leverage: Rate) -> Amount {
    let leverage = i128::from(leverage.units().max(1));
    let one = i128::from(Rate::ONE);
    // Ten decimals fewer, so that the product fits.
    let units = (capital.units() / 100_000_000).saturating_mul(leverage / 1_000_000_000);
    Amount::from_units(units.div_euclid((leverage + one) / 1_000_000_000).saturating_mul(100_000_000))
}

/// Margin of a notional: `notional / leverage`.
#[must_use]
pub fn margin_of(notional: Amount, leverage: Rate) -> Amount {
    let leverage = i128::from(leverage.units().max(1)) / 1_000_000_000;
    let units = (notional.units() / 100_000_000).saturating_mul(1_000_000_000);
    Amount::from_units(units.div_euclid(leverage.max(1)).saturating_mul(100_000_000))
}

/// One limit of the size of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The key of its setting, or what else it is.
    pub key: &'static str,
    /// The largest value of each leg that it allows, in the quote coin; below zero where more is at work than it allows.
    pub notional: Amount,
}

/// What bounds the capital at a venue: what may still be put to work there.
fn left(venue: &VenueRoom) -> [(&'static str, Amount); 3] {
    [("size.per_venue", venue.most - venue.used), ("size.share", venue.usable - venue.used), ("free money", venue.free)]
}

/// The limit of a new position that is the least of all.
#[must_use]
pub fn bound(size: &Size, room: &Room, spot: Price) -> Bound {
    let part = |of: Amount, share: Rate| of.times_rate(share);
    let of_capital = |(key, capital): (&'static str, Amount)| {
        let capital = capital.max(Amount::ZERO);
        Bound { key, notional: room.backing.notional(part(capital, room.scale)) }
    };
    let (one, two) = match &room.venues {
        Venues::One(venue) => (Some(venue), &[][..]),
        Venues::Two(venues) => (None, &venues[..]),
    };
    let capitals = [
        ("size.per_pair", part(room.capital, size.per_pair)),
        ("size.per_coin", part(room.capital, size.per_coin) - room.coin_used),
        ("size.per_quote", part(room.capital, size.per_quote) - room.quote_used),
    ];
    let slot = room.slot.map(|slot| ("ladder.slots", slot));
    let part_left = room.part_left.map(|left| ("strategy.capital", left));
    let at_one = one.into_iter().flat_map(|venue| left(venue));
    let of_two = two.iter().flat_map(|(venue, needs)| {
        left(venue)
            .map(|(key, capital)| Bound { key, notional: over(part(capital.max(Amount::ZERO), room.scale), *needs) })
    });
    let interest = room.open_interest.map(|coins| part(spot.times(coins), size.oi_share));
    let whole = Bound { key: "risk.max_pair", notional: room.gate_cap };
    let others = capitals.into_iter().chain(slot).chain(part_left).chain(at_one).map(of_capital).chain(of_two);
    let others = others.chain(interest.map(|notional| Bound { key: "size.oi_share", notional }));
    others.fold(whole, |least, other| if other.notional < least.notional { other } else { least })
}

/// Coins for a new position, not rounded to any step.
#[must_use]
pub fn coins(size: &Size, room: &Room, spot: Price) -> Quantity {
    if let Some(fixed) = size.quantity {
        return fixed;
    }
    coins_of(bound(size, room, spot).notional, spot)
}

/// Coins that a value buys at a price, rounded down; none below zero.
#[must_use]
pub fn coins_of(notional: Amount, price: Price) -> Quantity {
    let units = notional.units().max(0).div_euclid(i128::from(price.units()));
    Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_carries_its_notional_by_leverage() {
        let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
        assert_eq!(notional_of(Amount::whole(100), percent(100)), Amount::whole(50));
        assert_eq!(Backing::Quote { leverage: percent(100) }.capital(Amount::whole(50)), Amount::whole(100));
        assert_eq!(margin_of(Amount::whole(50), percent(200)), Amount::whole(25));
        assert_eq!(notional_of(Amount::whole(150), percent(200)), Amount::whole(100));
    }

    #[test]
    fn a_capital_that_was_set_holds_both_ways() {
        let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
        let set = Backing::Set { leverage: percent(100), capital: percent(127) };
        assert_eq!(set.capital(Amount::whole(100)), Amount::whole(127));
        assert_eq!(set.notional(Amount::whole(127)), Amount::whole(100));
        assert_eq!(
            set.margin(Leg::Short, Amount::whole(100)),
            Amount::whole(100),
            "the venue asks for its margin all the same"
        );
    }

    #[test]
    fn where_coins_are_collateral_the_capital_is_needed_once() {
        let one = Rate::from_units(Rate::ONE);
        let coin = Backing::Coin { leverage: one, clip: Amount::whole(10) };
        assert_eq!(coin.margin(Leg::Short, Amount::whole(50)), Amount::whole(11));
        assert_eq!(coin.capital(Amount::whole(50)), Amount::whole(61));
        // A pair of less than a clip needs its margin whole: its coins are on their way only afterwards.
        assert_eq!(coin.capital(Amount::whole(5)), Amount::parse("10.1").unwrap());
        let near = |capital: &str, expected: &str| {
            let found = coin.notional(Amount::parse(capital).unwrap());
            let off = Amount::parse(expected).unwrap() - found;
            assert!(off >= Amount::ZERO && off < Amount::parse("0.000001").unwrap(), "{capital}: {found}");
        };
        near("61", "50");
        near("10.1", "5");
        near("20.2", "10");
        near("0", "0");
    }
}
