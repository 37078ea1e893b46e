//! What the venue checks of a new order before it looks at money: symbol status, grids, minimum, price band.
//!
//! Codes and texts follow the error tables of the documents. Spot names the filter; futures has a code for each.

use super::books::{Kind, Tif};
use super::listing::Listing;
use super::refusal::{Refusal, filter, refuse};
use crate::domain::{Amount, Instrument, Market, Price, Quantity, Rate, Side, Symbol, WallTime};

/// How far a limit may lie from the reference price: 15 % on futures, a factor of five on spot.
pub(crate) const PERP_BAND: i64 = 15;
pub(crate) const SPOT_UP: i64 = 5;
/// Most open orders of a symbol.
pub(crate) const MAX_ORDERS: usize = 200;

/// An order as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) market: Market,
    pub(crate) symbol: Symbol,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) tif: Tif,
    pub(crate) price: Option<Price>,
    pub(crate) quantity: Quantity,
    /// Spot market buys by value.
    pub(crate) quote: Option<Amount>,
    pub(crate) client: String,
    pub(crate) reduce_only: bool,
    /// What a scripted fault lets through: nothing of it is `Some(0)`.
    pub(crate) share: Option<Rate>,
}

impl Wanted {
    pub(crate) const fn post_only(&self) -> bool {
        matches!(self.kind, Kind::LimitMaker) || matches!(self.tif, Tif::Gtx)
    }
}

/// All checks that need no account.
pub(crate) fn check(wanted: &Wanted, listing: &Listing, now: WallTime) -> Result<(), Refusal> {
    if !listing.open(wanted.market, now) {
        return Err(match wanted.market {
            Market::Spot => refuse(-1013, "Market is closed."),
            Market::Perp if listing.ends.is_some_and(|end| now >= end) => refuse(-4141, "Symbol is closed."),
            Market::Perp => refuse(-4140, "Invalid symbol status for opening position."),
        });
    }
    match wanted.market {
        Market::Spot => spot(wanted, listing),
        Market::Perp => perp(wanted, listing),
    }
}

fn spot(wanted: &Wanted, listing: &Listing) -> Result<(), Refusal> {
    let rules = &listing.spot.rules;
    let mid = listing.mid(Market::Spot);
    if let Some(price) = wanted.price {
        if price.units() % rules.tick.units() != 0 {
            return Err(filter("PRICE_FILTER"));
        }
        let high = mid.units().saturating_mul(SPOT_UP);
        if price.units() > high || price.units() < mid.units() / SPOT_UP {
            return Err(filter("PERCENT_PRICE_BY_SIDE"));
        }
    }
    if wanted.quote.is_none() {
        let quantity = wanted.quantity;
        let off = quantity.floor_to(rules.step) != quantity;
        if off || quantity < rules.min_quantity || quantity > rules.max_quantity {
            return Err(filter("LOT_SIZE"));
        }
    }
    let value = wanted.quote.unwrap_or_else(|| wanted.price.unwrap_or(mid).times(wanted.quantity));
    if value < rules.min_notional { Err(filter("NOTIONAL")) } else { Ok(()) }
}

fn perp(wanted: &Wanted, listing: &Listing) -> Result<(), Refusal> {
    let rules = &listing.perp.rules;
    let precise = |units: i64, grid: i64| units % ten_below(grid) == 0;
    if let Some(price) = wanted.price {
        if !precise(price.units(), rules.tick.units()) {
            return Err(refuse(-1111, "Precision is over the maximum defined for this asset."));
        }
        if price.units() % rules.tick.units() != 0 {
            return Err(refuse(-4014, "Price not increased by tick size."));
        }
        band(wanted.side, price, listing)?;
    }
    let quantity = wanted.quantity;
    if !precise(quantity.units(), rules.step.units()) {
        return Err(refuse(-1111, "Precision is over the maximum defined for this asset."));
    }
    if quantity.floor_to(rules.step) != quantity {
        return Err(refuse(-4023, "Qty not increased by step size."));
    }
    if quantity < rules.min_quantity {
        return Err(refuse(-4004, "Quantity less than min quantity."));
    }
    if quantity > rules.max_quantity {
        return Err(refuse(-4005, "Quantity greater than max quantity."));
    }
    let value = wanted.price.unwrap_or(listing.mark).times(quantity);
    if !wanted.reduce_only && value < rules.min_notional {
        let least = rules.min_notional;
        let msg = format!("Order's notional must be no smaller than {least} (unless you choose reduce only).");
        return Err(refuse(-4164, msg));
    }
    Ok(())
}

fn band(side: Side, price: Price, listing: &Listing) -> Result<(), Refusal> {
    let mark = listing.mark.units();
    let high = mark / 100 * (100 + PERP_BAND);
    let low = mark / 100 * (100 - PERP_BAND);
    match side {
        Side::Buy if price.units() > high => {
            Err(refuse(-4016, format!("Limit price can't be higher than {}.", super::words::short(high.into()))))
        }
        Side::Sell if price.units() < low => {
            Err(refuse(-4024, format!("Limit price can't be lower than {}.", super::words::short(low.into()))))
        }
        _ => Ok(()),
    }
}

/// The power of ten at or below a grid: what its decimals allow.
fn ten_below(grid: i64) -> i64 {
    let mut ten = 1;
    while ten * 10 <= grid {
        ten *= 10;
    }
    ten
}

/// Decimals of a grid.
pub(crate) fn decimals(grid: i64) -> u32 {
    let mut left = 8;
    let mut ten = ten_below(grid);
    while ten > 1 && left > 0 {
        ten /= 10;
        left -= 1;
    }
    left
}

/// The filters of a leg as `exchangeInfo` lists them.
pub(crate) fn rows(instrument: &Instrument) -> serde_json::Value {
    use serde_json::json;
    let rules = &instrument.rules;
    let (tick, step) = (rules.tick.to_string(), rules.step.to_string());
    let (least, most) = (rules.min_quantity.to_string(), rules.max_quantity.to_string());
    match instrument.market {
        Market::Spot => json!([
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000.00", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": most, "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.00000000", "maxQty": most, "stepSize": "0.00000000"},
            {"filterType": "NOTIONAL", "minNotional": rules.min_notional.to_string(), "applyMinToMarket": true,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": false, "avgPriceMins": 5},
            {"filterType": "PERCENT_PRICE_BY_SIDE", "bidMultiplierUp": "5", "bidMultiplierDown": "0.2",
             "askMultiplierUp": "5", "askMultiplierDown": "0.2", "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MAX_ORDERS},
        ]),
        Market::Perp => json!([
            {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": "10000000", "tickSize": tick},
            {"filterType": "LOT_SIZE", "minQty": least, "maxQty": most, "stepSize": step},
            {"filterType": "MARKET_LOT_SIZE", "minQty": least, "maxQty": most, "stepSize": step},
            {"filterType": "MAX_NUM_ORDERS", "limit": MAX_ORDERS},
            {"filterType": "MIN_NOTIONAL", "notional": rules.min_notional.to_string()},
            {"filterType": "PERCENT_PRICE", "multiplierUp": "1.1500", "multiplierDown": "0.8500", "multiplierDecimal": "4"},
        ]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_has_as_many_decimals_as_its_power_of_ten() {
        let check = |grid: i64, expected: u32| assert_eq!(decimals(grid), expected, "{grid}");
        check(10_000_000, 1);
        check(1_000, 5);
        check(100_000_000, 0);
        check(50_000_000, 1);
        check(1, 8);
    }
}
