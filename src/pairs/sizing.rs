//! How many coins a pair may hold: capital times share, under every cap.

use crate::config::settings::Size;
use crate::domain::{Amount, Price, Quantity, Rate};

/// Money and limits that bound the size of one pair.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// All capital.
    pub capital: Amount,
    /// Equity of the pair's venue.
    pub venue_equity: Amount,
    /// Capital at work on the venue.
    pub venue_used: Amount,
    /// Capital at work in the coin on all venues.
    pub coin_used: Amount,
    /// Capital at work in pairs of the quote coin.
    pub quote_used: Amount,
    /// Money free in both wallets of the venue, less what fees and price moves need.
    pub free: Amount,
    /// Open interest of the perp in coins, when the source has it.
    pub open_interest: Option<Quantity>,
    /// Largest value per leg that the gate lets pass.
    pub gate_cap: Amount,
    /// Part of the usual size that the quadrant allows (1 is all).
    pub scale: Rate,
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

/// Capital that a notional needs: `notional x (1 + 1 / leverage)`.
#[must_use]
pub fn capital_of(notional: Amount, leverage: Rate) -> Amount {
    notional + margin_of(notional, leverage)
}

/// Margin of a notional: `notional / leverage`.
#[must_use]
pub fn margin_of(notional: Amount, leverage: Rate) -> Amount {
    let leverage = i128::from(leverage.units().max(1)) / 1_000_000_000;
    let units = (notional.units() / 100_000_000).saturating_mul(1_000_000_000);
    Amount::from_units(units.div_euclid(leverage.max(1)).saturating_mul(100_000_000))
}

/// Coins for a new position, not rounded to any step.
#[must_use]
pub fn coins(size: &Size, room: &Room, spot: Price) -> Quantity {
    if let Some(fixed) = size.quantity {
        return fixed;
    }
    let part = |of: Amount, share: Rate| of.times_rate(share);
    let capital = part(room.venue_equity, size.share)
        .min(part(room.capital, size.per_pair))
        .min(part(room.capital, size.per_coin) - room.coin_used)
        .min(part(room.capital, size.per_quote) - room.quote_used)
        .min(part(room.capital, size.per_venue) - room.venue_used)
        .min(part(room.venue_equity, size.share) - room.venue_used)
        .min(room.free)
        .max(Amount::ZERO);
    let mut notional = notional_of(part(capital, room.scale), size.leverage).min(room.gate_cap);
    if let Some(open_interest) = room.open_interest {
        notional = notional.min(part(spot.times(open_interest), size.oi_share));
    }
    let units = notional.units().max(0).div_euclid(i128::from(spot.units()));
    Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_carries_its_notional_by_leverage() {
        let percent = |points: i64| Rate::from_units(points * 10_000_000_000_000_000);
        assert_eq!(notional_of(Amount::whole(100), percent(100)), Amount::whole(50));
        assert_eq!(capital_of(Amount::whole(50), percent(100)), Amount::whole(100));
        assert_eq!(margin_of(Amount::whole(50), percent(200)), Amount::whole(25));
        assert_eq!(notional_of(Amount::whole(150), percent(200)), Amount::whole(100));
    }
}
