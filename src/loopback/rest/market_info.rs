//! What the venue trades: instruments and filters, funding terms, margin brackets, coins as collateral.

use super::super::Profile;
use super::super::feeds::rate8;
use super::super::filters::{decimals, rows};
use super::super::limits::Pool;
use super::super::listing::Listing;
use super::super::refusal::{Answer, illegal, invalid_symbol};
use super::super::venue::Venue;
use super::super::words::{join, price8};
use super::Call;
use crate::domain::collateral::{SALE, built_in_share};
use crate::domain::{Amount, Market, Rate};
use serde_json::{Value, json};

/// What the venue writes for a contract that does not end.
const NEVER: i64 = 4_133_404_800_000;

pub(crate) fn ping(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({}))
}

pub(crate) fn time(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"serverTime": venue.stamp().0}))
}

pub(crate) fn delivery(listing: &Listing) -> i64 {
    listing.ends.map_or(NEVER, |end| end.0)
}

fn limits(pool: Pool) -> Value {
    let [(_, short), (_, long)] = pool.orders();
    let (unit, count) = if pool == Pool::Spot { ("DAY", 1) } else { ("MINUTE", 1) };
    let row = |kind: &str, unit: &str, count: u32, limit: u32| json!({"rateLimitType": kind, "interval": unit, "intervalNum": count, "limit": limit});
    json!([
        row("REQUEST_WEIGHT", "MINUTE", 1, pool.weight()),
        row("ORDERS", "SECOND", 10, short),
        row("ORDERS", unit, count, long),
    ])
}

pub(crate) fn spot_info(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let list = |text: &str| serde_json::from_str::<Vec<String>>(text).map_err(|_| illegal("symbols"));
    let wanted: Option<Vec<String>> = match (call.params.get("symbol"), call.params.get("symbols")) {
        (Some(one), _) => Some(vec![one.to_owned()]),
        (None, text) => text.map(list).transpose()?,
    };
    // One that is not listed here refuses the whole question.
    let is_listed = |name: &String| venue.market.of(Market::Spot).any(|one| one.symbol.as_str() == name);
    if !wanted.iter().flatten().all(is_listed) {
        return Err(invalid_symbol());
    }
    let now = venue.now;
    let named = |one: &&Listing| wanted.as_ref().is_none_or(|all| all.iter().any(|name| name == one.symbol.as_str()));
    let chosen = venue.market.of(Market::Spot).filter(named);
    let symbols: Vec<Value> = chosen
        .map(|listing| {
            let instrument = &listing.spot;
            let mut row = json!({
                "symbol": listing.symbol.as_str(),
                "status": if listing.open(Market::Spot, now) { "TRADING" } else { "BREAK" },
                "baseAsset": instrument.coin.as_str(), "baseAssetPrecision": 8,
                "quoteAsset": instrument.quote.as_str(), "quotePrecision": 8, "quoteAssetPrecision": 8,
                "filters": rows(instrument),
            });
            let more = match venue.profile {
                Profile::Binance => json!({
                    "baseCommissionPrecision": 8, "quoteCommissionPrecision": 8,
                    "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"], "icebergAllowed": false, "ocoAllowed": false,
                    "otoAllowed": false, "quoteOrderQtyMarketAllowed": true, "allowTrailingStop": false,
                    "cancelReplaceAllowed": false, "amendAllowed": false, "pegInstructionsAllowed": false,
                    "isSpotTradingAllowed": true, "isMarginTradingAllowed": false, "permissions": [],
                    "permissionSets": [["SPOT"]], "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
                    "allowedSelfTradePreventionModes": ["EXPIRE_MAKER"],
                }),
                Profile::Aster => json!({
                    "pricePrecision": decimals(instrument.rules.tick.units()),
                    "quantityPrecision": decimals(instrument.rules.step.units()),
                    "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC", "IOC", "FOK", "GTX"], "ocoAllowed": false,
                }),
            };
            join(&mut row, more);
            row
        })
        .collect();
    Ok(json!({
        "timezone": "UTC", "serverTime": venue.stamp().0, "rateLimits": limits(Pool::Spot), "exchangeFilters": [],
        "symbols": symbols,
    }))
}

pub(crate) fn futures_info(venue: &mut Venue, _: &Call<'_>) -> Answer {
    let now = venue.now;
    let symbols: Vec<Value> = venue
        .market
        .of(Market::Perp)
        .map(|listing| {
            let instrument = &listing.perp;
            let status = if listing.ends.is_some_and(|end| end <= now) {
                "CLOSE"
            } else if listing.open(Market::Perp, now) {
                "TRADING"
            } else {
                "SETTLING"
            };
            json!({
                "symbol": listing.symbol.as_str(), "pair": listing.symbol.as_str(), "contractType": "PERPETUAL",
                "deliveryDate": delivery(listing), "onboardDate": listing.listed.0, "status": status,
                "maintMarginPercent": "2.5000", "requiredMarginPercent": "5.0000",
                "baseAsset": instrument.coin.as_str(), "quoteAsset": instrument.quote.as_str(),
                "marginAsset": instrument.quote.as_str(),
                "pricePrecision": decimals(instrument.rules.tick.units()),
                "quantityPrecision": decimals(instrument.rules.step.units()),
                "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN", "underlyingSubType": [],
                "triggerProtect": "0.0500", "liquidationFee": "0.000000", "marketTakeBound": "0.15",
                "filters": rows(instrument), "orderTypes": ["LIMIT", "MARKET"], "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
            })
        })
        .collect();
    let assets: Vec<Value> = coins_of(venue)
        .into_iter()
        .map(|asset| json!({"asset": asset, "marginAvailable": share_of(&asset) > Rate::ZERO, "autoAssetExchange": "-100"}))
        .collect();
    Ok(json!({
        "timezone": "UTC", "serverTime": venue.stamp().0, "futuresType": "U_MARGINED", "rateLimits": limits(Pool::Futures),
        "exchangeFilters": [], "assets": assets, "symbols": symbols,
    }))
}

/// The quote coin, BNB and every coin traded.
pub(crate) fn coins_of(venue: &Venue) -> Vec<String> {
    let mut coins = vec![venue.quote.as_str().to_owned(), "BNB".to_owned()];
    coins.extend(venue.market.of(Market::Spot).map(|listing| listing.spot.coin.as_str().to_owned()));
    coins
}

pub(crate) fn funding_info(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let profile = venue.profile;
    let wanted = call.params.get("symbol");
    let chosen = venue.market.of(Market::Perp).filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let rows = chosen.map(|listing| {
        let (cap, floor) = (listing.perp.formula.cap, listing.perp.formula.floor);
        let hours = listing.interval.hours();
        match profile {
            Profile::Binance => json!({
                "symbol": listing.symbol.as_str(), "adjustedFundingRateCap": rate8(cap), "adjustedFundingRateFloor": rate8(floor),
                "fundingIntervalHours": hours, "disclaimer": false,
            }),
            Profile::Aster => json!({
                "symbol": listing.symbol.as_str(), "interestRate": rate8(interest(listing)), "time": venue.now.0,
                "fundingIntervalHours": hours, "fundingFeeCap": cap.to_f64(), "fundingFeeFloor": floor.to_f64(),
            }),
        }
    });
    Ok(rows.collect())
}

/// Interest of one interval.
pub(crate) fn interest(listing: &Listing) -> Rate {
    listing.perp.formula.interest_8h.part(listing.interval.hours(), 8)
}

/// One margin bracket in the venue's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BracketRow {
    pub(crate) number: usize,
    pub(crate) floor: i64,
    pub(crate) cap: i64,
    pub(crate) ratio: Rate,
    pub(crate) cum: Amount,
    pub(crate) leverage: i64,
}

/// `cum_n = cum_{n-1} + floor_n x (ratio_n - ratio_{n-1})`.
pub(crate) fn brackets(listing: &Listing) -> Vec<BracketRow> {
    let list = &listing.perp.brackets;
    let mut cum = Amount::ZERO;
    let mut before = Rate::ZERO;
    let mut rows = Vec::with_capacity(list.len());
    for (place, bracket) in list.iter().enumerate() {
        cum += bracket.floor.times_rate(bracket.maintenance - before);
        before = bracket.maintenance;
        let whole = |amount: Amount| i64::try_from(amount.units() / 10_000_000_000_000_000).unwrap_or(i64::MAX);
        let cap = list.get(place + 1).map_or(1_000_000_000, |next| whole(next.floor));
        // Half of what the ratio would allow, at most 125.
        let leverage = (Rate::ONE / (2 * bracket.maintenance.units().max(1))).clamp(1, 125);
        rows.push(BracketRow {
            number: place + 1,
            floor: whole(bracket.floor),
            cap,
            ratio: bracket.maintenance,
            cum,
            leverage,
        });
    }
    rows
}

pub(crate) fn leverage_bracket(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    if let Some(one) = wanted {
        venue.market.get(one).ok_or_else(invalid_symbol)?;
    }
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let number = |text: String| serde_json::from_str::<Value>(&text).unwrap_or(Value::Null);
    let rows = chosen.map(|listing| {
        let list: Vec<Value> = brackets(listing)
            .iter()
            .map(|row| {
                json!({"bracket": row.number, "initialLeverage": row.leverage, "notionalCap": row.cap, "notionalFloor": row.floor,
                       "maintMarginRatio": number(row.ratio.to_string()), "cum": number(row.cum.to_string())})
            })
            .collect();
        json!({"symbol": listing.symbol.as_str(), "notionalCoef": 1.0, "brackets": list})
    });
    Ok(rows.collect())
}

fn share_of(coin: &str) -> Rate {
    crate::domain::Asset::new(coin).map_or(Rate::ZERO, built_in_share)
}

pub(crate) fn asset_index(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    let rows: Vec<Value> = coins_of(venue)
        .into_iter()
        .filter(|coin| share_of(coin) > Rate::ZERO && wanted.is_none_or(|text| text == format!("{coin}USD")))
        .filter_map(|coin| {
            let index = venue.asset_index(crate::domain::Asset::new(&coin).ok()?)?;
            let share = share_of(&coin);
            let value = Amount::from_units(i128::from(index.units()) * 100_000_000).times_rate(share);
            let bid = super::super::words::amount8(value);
            let cut = Rate::from_units(Rate::ONE) - share;
            let sale_cut = Rate::from_units(Rate::ONE) - SALE;
            let sold = Amount::from_units(i128::from(index.units()) * 100_000_000).times_rate(SALE);
            Some(json!({
                "symbol": format!("{coin}USD"), "time": venue.stamp().0, "index": price8(Some(index)),
                "bidBuffer": rate8(cut), "askBuffer": rate8(cut), "bidRate": bid, "askRate": price8(Some(index)),
                "autoExchangeBidBuffer": rate8(sale_cut), "autoExchangeAskBuffer": rate8(sale_cut),
                "autoExchangeBidRate": super::super::words::amount8(sold), "autoExchangeAskRate": price8(Some(index)),
            }))
        })
        .collect();
    match (wanted, rows.first()) {
        (Some(_), Some(one)) => Ok(one.clone()),
        (Some(_), None) => Err(invalid_symbol()),
        (None, _) => Ok(Value::Array(rows)),
    }
}
