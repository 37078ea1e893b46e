//! The account on futures: wallets, positions, income, fees, settings as read.

use super::super::Profile;
use super::super::books::{Income, Position};
use super::super::keys;
use super::super::limits::Pool;
use super::super::listing::Listing;
use super::super::margin::{adl_rank, maintenance, most_notional, over};
use super::super::refusal::{Answer, refuse};
use super::super::typed;
use super::super::venue::Venue;
use super::super::words::{amount8, eight, join, short};
use super::market_data::listing_of;
use super::{Call, market_info};
use crate::domain::collateral::built_in_share;
use crate::domain::{Amount, Asset, Market, Rate, Span, Symbol};
use serde_json::{Value, json};

/// Income is kept in windows of this length.
const WEEK: Span = Span(7 * 86_400_000);

fn assets(venue: &Venue) -> Vec<Asset> {
    market_info::coins_of(venue).iter().filter_map(|coin| Asset::new(coin).ok()).collect()
}

fn balance_row(venue: &Venue, asset: Asset) -> Value {
    let wallet = venue.books.wallet(asset);
    let cross = wallet - venue.isolated_money(asset);
    let standing = venue.standing();
    let is_quote = asset == venue.quote;
    let profit = if is_quote { standing.unrealised } else { Amount::ZERO };
    let available = match (is_quote, venue.books.multi_assets) {
        (true, _) | (false, true) => standing.available().max(Amount::ZERO),
        (false, false) => cross,
    };
    let available = if is_quote { available } else { available.min(cross.max(Amount::ZERO)) };
    json!({
        "accountAlias": "CarryLoopback", "asset": asset.as_str(), "balance": amount8(wallet),
        "crossWalletBalance": amount8(cross), "crossUnPnl": amount8(profit), "availableBalance": amount8(available),
        "maxWithdrawAmount": amount8(venue.withdrawable(asset)), "marginAvailable": built_in_share(asset) > Rate::ZERO,
        "updateTime": venue.stamp().0,
    })
}

pub(crate) fn balance(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(assets(venue).into_iter().map(|asset| balance_row(venue, asset)).collect())
}

pub(crate) fn account(venue: &mut Venue, _: &Call<'_>) -> Answer {
    let standing = venue.standing();
    let rows: Vec<Value> = assets(venue)
        .into_iter()
        .map(|asset| {
            let wallet = venue.books.wallet(asset);
            let is_quote = asset == venue.quote;
            let of = |amount: Amount| amount8(if is_quote { amount } else { Amount::ZERO });
            let profit = if is_quote { total_profit(venue) } else { Amount::ZERO };
            let mut row = balance_row(venue, asset);
            join(&mut row, json!({
                "walletBalance": amount8(wallet), "unrealizedProfit": amount8(profit), "marginBalance": amount8(wallet + profit),
                "maintMargin": of(standing.maintenance), "initialMargin": of(standing.initial + standing.open_orders),
                "positionInitialMargin": of(standing.initial), "openOrderInitialMargin": of(standing.open_orders),
            }));
            row
        })
        .collect();
    let positions: Vec<Value> = venue
        .market
        .listings
        .iter()
        .filter(|listing| venue.profile == Profile::Aster || !venue.books.position(listing.symbol).coins.is_zero())
        .map(|listing| account_position(venue, listing))
        .collect();
    let wallet: Amount = if venue.books.multi_assets {
        venue.books.futures.keys().map(|asset| venue.collateral(*asset)).sum()
    } else {
        venue.books.wallet(venue.quote)
    };
    Ok(json!({
        "feeTier": 0, "canTrade": true, "canDeposit": true, "canWithdraw": true, "updateTime": 0,
        "multiAssetsMargin": venue.books.multi_assets, "tradeGroupId": -1,
        "totalInitialMargin": amount8(standing.initial + standing.open_orders), "totalMaintMargin": amount8(standing.maintenance),
        "totalWalletBalance": amount8(wallet), "totalUnrealizedProfit": amount8(total_profit(venue)),
        "totalMarginBalance": amount8(wallet + total_profit(venue)), "totalPositionInitialMargin": amount8(standing.initial),
        "totalOpenOrderInitialMargin": amount8(standing.open_orders), "totalCrossWalletBalance": amount8(standing.wallet),
        "totalCrossUnPnl": amount8(standing.unrealised), "availableBalance": amount8(standing.available()),
        "maxWithdrawAmount": amount8(venue.withdrawable(venue.quote)), "assets": rows, "positions": positions,
    }))
}

fn total_profit(venue: &Venue) -> Amount {
    let of = |(symbol, position): (&Symbol, &Position)| {
        venue.market.get(symbol.as_str()).map_or(Amount::ZERO, |listing| position.unrealised(listing.mark))
    };
    venue.books.positions.iter().map(of).sum()
}

/// Figures that all position rows share.
fn position_figures(venue: &Venue, listing: &Listing, position: &Position) -> Value {
    let notional = listing.mark.times_signed(position.coins);
    let initial = over(notional.abs(), position.leverage);
    json!({
        "symbol": listing.symbol.as_str(), "positionSide": "BOTH", "positionAmt": position.coins.to_string(),
        "notional": amount8(notional), "isolatedWallet": amount8(position.isolated_wallet), "initialMargin": amount8(initial),
        "maintMargin": amount8(maintenance(listing, notional.abs())), "updateTime": position.updated.0,
        "entryPrice": short(position.entry_units()), "positionInitialMargin": amount8(initial),
        "openOrderInitialMargin": amount8(over(venue.open_value(listing.symbol, position), position.leverage)),
        "isolatedMargin": amount8(if position.isolated {
            position.isolated_wallet + position.unrealised(listing.mark)
        } else {
            Amount::ZERO
        }),
    })
}

fn account_position(venue: &Venue, listing: &Listing) -> Value {
    let position = venue.books.position(listing.symbol);
    let mut row = position_figures(venue, listing, &position);
    join(
        &mut row,
        json!({
            "unrealizedProfit": amount8(position.unrealised(listing.mark)), "leverage": position.leverage.to_string(),
            "isolated": position.isolated, "maxNotional": most_notional(listing, position.leverage).to_string(),
            "breakEvenPrice": short(position.entry_units()), "bidNotional": "0", "askNotional": "0",
        }),
    );
    row
}

fn risk_row(venue: &Venue, listing: &Listing) -> Value {
    let position = venue.books.position(listing.symbol);
    let mut row = position_figures(venue, listing, &position);
    join(
        &mut row,
        json!({
            "breakEvenPrice": short(position.entry_units()), "markPrice": eight(i128::from(listing.mark.units())),
            "unRealizedProfit": amount8(position.unrealised(listing.mark)),
            "liquidationPrice": eight(i128::from(venue.liquidation_units(listing, &position))),
            "marginAsset": venue.quote.as_str(), "adl": adl_rank(listing, &position), "bidNotional": "0", "askNotional": "0",
        }),
    );
    row
}

/// The v3 form: symbols with a position or open orders only.
pub(crate) fn position_risk(venue: &mut Venue, call: &Call<'_>) -> Answer {
    if venue.profile == Profile::Aster {
        return position_risk_all(venue, call);
    }
    let wanted = call.params.get("symbol");
    let chosen = venue.market.listings.iter().filter(|listing| {
        let live = !venue.books.position(listing.symbol).coins.is_zero()
            || venue.books.open_orders(Market::Perp, Some(listing.symbol)).next().is_some();
        live && wanted.is_none_or(|text| text == listing.symbol.as_str())
    });
    Ok(chosen.map(|listing| risk_row(venue, listing)).collect())
}

/// The v2 form: all symbols, with leverage and margin type.
pub(crate) fn position_risk_all(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let rows = chosen.map(|listing| {
        let position = venue.books.position(listing.symbol);
        let mut row = risk_row(venue, listing);
        join(&mut row, json!({
            "leverage": position.leverage.to_string(), "marginType": if position.isolated { "isolated" } else { "cross" },
            "isAutoAddMargin": "false", "maxNotionalValue": most_notional(listing, position.leverage).to_string(),
        }));
        row
    });
    Ok(rows.collect())
}

pub(crate) fn income(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let (start, end) = call.params.window(Span(i64::MAX))?;
    let limit = call.params.limit(100, 1_000)?;
    let page = usize::try_from(call.params.number("page")?.unwrap_or(1).max(1) - 1).unwrap_or(0);
    let (symbol, kind) = (call.params.get("symbol"), call.params.get("incomeType"));
    let first = start.unwrap_or(venue.now - WEEK);
    let inside = |one: &&Income| {
        one.at >= first
            && end.is_none_or(|end| one.at <= end)
            && kind.is_none_or(|kind| one.kind == kind)
            && symbol.is_none_or(|symbol| one.symbol.is_some_and(|known| known.as_str() == symbol))
    };
    let aster = venue.profile == Profile::Aster;
    let rows = venue.books.incomes.values().filter(inside).skip(page * limit).take(limit).map(|one| {
        let trade = one.trade.map(|id| id.to_string()).unwrap_or_default();
        json!({
            "symbol": one.symbol.map(|symbol| symbol.as_str().to_owned()).unwrap_or_default(), "incomeType": one.kind,
            "income": amount8(one.amount), "asset": one.asset.as_str(), "info": one.kind, "time": one.at.0,
            "tranId": if aster { json!(one.tran.to_string()) } else { json!(one.tran) }, "tradeId": trade,
        })
    });
    Ok(rows.collect())
}

pub(crate) fn commission_rate(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let listing = listing_of(venue, call)?;
    let fees = listing.perp.fees;
    Ok(json!({"symbol": listing.symbol.as_str(), "makerCommissionRate": fees.maker.to_string(),
              "takerCommissionRate": fees.taker.to_string(), "rpiCommissionRate": "0.00005"}))
}

pub(crate) fn adl_quantile(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let row = |listing: &Listing| {
        let position = venue.books.position(listing.symbol);
        json!({"symbol": listing.symbol.as_str(), "adlQuantile": {"BOTH": adl_rank(listing, &position), "LONG": 0, "SHORT": 0}})
    };
    let rows: Vec<Value> = chosen.map(row).collect();
    match (wanted, rows.first()) {
        (Some(_), Some(one)) => Ok(one.clone()),
        _ => Ok(Value::Array(rows)),
    }
}

pub(crate) fn trading_status(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"indicators": {}, "updateTime": venue.stamp().0}))
}

pub(crate) fn symbol_config(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let rows = chosen.map(|listing| {
        let position = venue.books.position(listing.symbol);
        json!({
            "symbol": listing.symbol.as_str(), "marginType": if position.isolated { "ISOLATED" } else { "CROSSED" },
            "isAutoAddMargin": false, "leverage": position.leverage,
            "maxNotionalValue": most_notional(listing, position.leverage).to_string(),
        })
    });
    Ok(rows.collect())
}

pub(crate) fn account_config(venue: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({
        "feeTier": 0, "canTrade": true, "canDeposit": true, "canWithdraw": true, "dualSidePosition": venue.books.hedge,
        "updateTime": 0, "multiAssetsMargin": venue.books.multi_assets, "tradeGroupId": -1,
    }))
}

pub(crate) fn rate_limit(_: &mut Venue, _: &Call<'_>) -> Answer {
    let [(_, short), (_, minute)] = Pool::Futures.orders();
    Ok(json!([
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": short},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": minute},
    ]))
}

pub(crate) fn agents(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let expires = venue.start.0 + 90 * Span::DAY.0;
    let rights = call.rights.ok_or_else(|| refuse(-2015, "Invalid agent."))?;
    let signer = call.params.get("signer").map(str::to_lowercase).or_else(|| typed::address_of(&keys::ASTER_AGENT));
    Ok(json!([{
        "agentName": "carry", "agentAddress": signer, "expired": expires, "canSpotTrade": rights.trade,
        "canPerpTrade": rights.futures, "canWithdraw": rights.withdraw, "ipWhitelist": "127.0.0.1",
    }]))
}

pub(crate) fn builders(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!([]))
}
