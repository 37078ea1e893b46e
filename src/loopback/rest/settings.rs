//! Settings of the futures account, and listen keys of both markets.

use super::super::margin::most_notional;
use super::super::refusal::{Answer, Refusal, illegal, invalid_symbol, missing, refuse};
use super::super::venue::{LISTEN_KEY_LIFE, ListenKey, Venue};
use super::{Call, market_info};
use crate::domain::{Amount, Market, Symbol};
use serde_json::json;

fn done() -> Answer {
    Ok(json!({"code": 200, "msg": "success"}))
}

fn symbol(venue: &Venue, call: &Call<'_>) -> Result<Symbol, Refusal> {
    venue.market.get(call.params.need("symbol")?).map(|listing| listing.symbol).ok_or_else(invalid_symbol)
}

pub(crate) fn leverage(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol(venue, call)?;
    let wanted = call.params.number("leverage")?.ok_or_else(|| missing("leverage"))?;
    let listing = venue.market.get(symbol.as_str()).ok_or_else(invalid_symbol)?;
    let most = market_info::brackets(listing).first().map_or(1, |row| row.leverage);
    let wanted = u32::try_from(wanted).ok().filter(|wanted| (1..=most).contains(&i64::from(*wanted)));
    let wanted = wanted.ok_or_else(|| refuse(-4028, "Leverage is not valid."))?;
    let value = listing.mark.times(venue.books.position(symbol).coins.magnitude());
    let limit = most_notional(listing, wanted);
    if value > Amount::whole(limit) {
        return Err(refuse(-2027, "Exceeded the maximum allowable position at current leverage."));
    }
    let before = venue.books.position(symbol);
    venue.books.position_mut(symbol).leverage = wanted;
    if venue.standing().available().is_zero() && !before.coins.is_zero() && wanted < before.leverage {
        venue.books.position_mut(symbol).leverage = before.leverage;
        return Err(refuse(-2019, "Margin is insufficient."));
    }
    venue.tell_config(Some(symbol));
    Ok(json!({"leverage": wanted, "maxNotionalValue": limit.to_string(), "symbol": symbol.as_str()}))
}

pub(crate) fn margin_type(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol(venue, call)?;
    let isolated = match call.params.need("marginType")? {
        "ISOLATED" => true,
        "CROSSED" => false,
        _ => return Err(illegal("marginType")),
    };
    let position = venue.books.position(symbol);
    if position.isolated == isolated {
        return Err(refuse(-4046, "No need to change margin type."));
    }
    if venue.books.open_orders(Market::Perp, Some(symbol)).next().is_some() {
        return Err(refuse(-4047, "Margin type cannot be changed if there exists open orders."));
    }
    if !position.coins.is_zero() {
        return Err(refuse(-4048, "Margin type cannot be changed if there exists position."));
    }
    if isolated && venue.books.multi_assets {
        return Err(refuse(-4168, "Unable to adjust to isolated-margin mode under the Multi-Assets mode."));
    }
    venue.books.position_mut(symbol).isolated = isolated;
    done()
}

pub(crate) fn position_margin(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol(venue, call)?;
    let amount = Amount::parse(call.params.need("amount")?).map_err(|_| illegal("amount"))?;
    let kind = call.params.number("type")?.ok_or_else(|| missing("type"))?;
    let position = venue.books.position(symbol);
    if !position.isolated || position.coins.is_zero() {
        return Err(refuse(-4054, "Cannot add position margin: position is 0."));
    }
    let change = if kind == 1 { amount } else { -amount };
    if kind == 1 && venue.standing().available() < amount {
        return Err(refuse(-2019, "Margin is insufficient."));
    }
    if kind == 2 && position.isolated_wallet < amount {
        return Err(refuse(-4051, "Isolated balance insufficient."));
    }
    venue.books.position_mut(symbol).isolated_wallet += change;
    let quote = venue.quote;
    venue.tell_wallet("MARGIN_TRANSFER", &[(quote, Amount::ZERO)], Some(symbol));
    Ok(json!({"amount": amount.to_string(), "code": 200, "msg": "Successfully modify position margin.", "type": kind}))
}

pub(crate) fn position_mode(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"dualSidePosition": venue.books.hedge}))
}

pub(crate) fn set_position_mode(venue: &mut Venue, call: &Call<'_>) -> Answer {
    call.params.need("dualSidePosition")?;
    let hedge = call.params.flag("dualSidePosition")?;
    if venue.books.hedge == hedge {
        return Err(refuse(-4059, "No need to change position side."));
    }
    if venue.books.open_orders(Market::Perp, None).next().is_some() {
        return Err(refuse(-4067, "Position side cannot be changed if there exists open orders."));
    }
    if venue.books.positions.values().any(|position| !position.coins.is_zero()) {
        return Err(refuse(-4068, "Position side cannot be changed if there exists position."));
    }
    venue.books.hedge = hedge;
    done()
}

pub(crate) fn multi_assets(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"multiAssetsMargin": venue.books.multi_assets}))
}

pub(crate) fn set_multi_assets(venue: &mut Venue, call: &Call<'_>) -> Answer {
    call.params.need("multiAssetsMargin")?;
    let on = call.params.flag("multiAssetsMargin")?;
    if venue.books.multi_assets == on {
        return Err(refuse(-4171, "No need to change Multi-Assets mode."));
    }
    if on && venue.books.positions.values().any(|position| position.isolated) {
        return Err(refuse(
            -4167,
            "Unable to adjust to Multi-Assets mode with symbols of USDT-M Futures under isolated-margin mode.",
        ));
    }
    venue.books.multi_assets = on;
    let standing = venue.standing();
    if !on && standing.available().is_zero() && !standing.initial.is_zero() {
        venue.books.multi_assets = true;
        return Err(refuse(-4170, "Unable to switch: margin would be insufficient."));
    }
    venue.tell_config(None);
    done()
}

pub(crate) fn fee_burn(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"feeBurn": venue.books.fee_burn}))
}

pub(crate) fn set_fee_burn(venue: &mut Venue, call: &Call<'_>) -> Answer {
    venue.books.fee_burn = call.params.flag("feeBurn")?;
    done()
}

pub(crate) fn spot_burn(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"spotBNBBurn": venue.books.spot_burn, "interestBNBBurn": false}))
}

pub(crate) fn set_spot_burn(venue: &mut Venue, call: &Call<'_>) -> Answer {
    venue.books.spot_burn = call.params.flag("spotBNBBurn")?;
    spot_burn(venue, call)
}

fn open_key(venue: &mut Venue, market: Market) -> Answer {
    let until = venue.now + LISTEN_KEY_LIFE;
    let known = venue.listen_keys.iter_mut().find(|(_, key)| key.market == market);
    if let Some((name, key)) = known {
        key.until = until;
        return Ok(json!({"listenKey": name}));
    }
    let id = venue.books.next_id();
    let word = if market == Market::Spot { "spot" } else { "perp" };
    let name = format!("{word}{id:060}");
    venue.listen_keys.insert(name.clone(), ListenKey { market, until });
    Ok(json!({"listenKey": name}))
}

fn renew(venue: &mut Venue, market: Market) -> Answer {
    if venue.listen_keys.values().any(|key| key.market == market) {
        open_key(venue, market)
    } else {
        Err(refuse(-1125, "This listenKey does not exist."))
    }
}

fn drop_key(venue: &mut Venue, market: Market) -> Answer {
    venue.listen_keys.retain(|_, key| key.market != market);
    Ok(json!({}))
}

pub(crate) fn spot_listen_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    open_key(venue, Market::Spot)
}

pub(crate) fn renew_spot_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    renew(venue, Market::Spot)
}

pub(crate) fn drop_spot_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    drop_key(venue, Market::Spot)
}

pub(crate) fn futures_listen_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    open_key(venue, Market::Perp)
}

pub(crate) fn renew_futures_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    renew(venue, Market::Perp)
}

pub(crate) fn drop_futures_key(venue: &mut Venue, _: &Call<'_>) -> Answer {
    drop_key(venue, Market::Perp)
}
