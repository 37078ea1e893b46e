//! The account on spot and in the wallet service: balances, fees, rights of the key, coins.

use super::super::Profile;
use super::super::limits::Pool;
use super::super::refusal::{Answer, no_order};
use super::super::venue::Venue;
use super::super::words::{amount8, object};
use super::market_data::listing_of;
use super::{Call, market_info};
use crate::domain::{Market, Span};
use serde_json::{Value, json};

pub(crate) fn account(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let skip_zero = call.params.flag("omitZeroBalances")?;
    let mut rows: Vec<Value> = Vec::new();
    for coin in market_info::coins_of(venue) {
        let purse = crate::domain::Asset::new(&coin).ok().and_then(|asset| venue.books.spot.get(&asset)).copied();
        let purse = purse.unwrap_or_default();
        if !(skip_zero && purse.total.is_zero()) {
            rows.push(json!({"asset": coin, "free": amount8(purse.free()), "locked": amount8(purse.locked)}));
        }
    }
    let fees = venue.market.listings.first().map(|listing| listing.spot.fees);
    let (maker, taker) = fees.map_or_else(Default::default, |fees| (fees.maker.to_string(), fees.taker.to_string()));
    Ok(json!({
        "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
        "commissionRates": {"maker": maker, "taker": taker, "buyer": "0.00000000", "seller": "0.00000000"},
        "canTrade": true, "canWithdraw": true, "canDeposit": true, "brokered": false,
        "requireSelfTradePrevention": false, "preventSor": false, "updateTime": venue.stamp().0, "accountType": "SPOT",
        "balances": rows, "permissions": ["SPOT"], "uid": 4_242,
    }))
}

pub(crate) fn commission(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let listing = listing_of(venue, call)?;
    let fees = listing.spot.fees;
    let zero = json!({"maker": "0.00000000", "taker": "0.00000000", "buyer": "0.00000000", "seller": "0.00000000"});
    Ok(json!({
        "symbol": listing.symbol.as_str(),
        "standardCommission": {"maker": fees.maker.to_string(), "taker": fees.taker.to_string(),
                               "buyer": "0.00000000", "seller": "0.00000000"},
        "specialCommission": zero, "taxCommission": zero,
        "discount": {"enabledForAccount": venue.books.spot_burn, "enabledForSymbol": true, "discountAsset": "BNB", "discount": "0.75000000"},
    }))
}

pub(crate) fn commission_rate(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let listing = listing_of(venue, call)?;
    let fees = listing.spot.fees;
    Ok(json!({"symbol": listing.symbol.as_str(), "makerCommissionRate": fees.maker.to_string(),
              "takerCommissionRate": fees.taker.to_string()}))
}

pub(crate) fn rate_limit(venue: &mut Venue, _: &Call<'_>) -> Answer {
    let now = venue.now;
    let [short, day] = venue.limits.counted(Pool::Spot, now);
    let [(_, short_most), (_, day_most)] = Pool::Spot.orders();
    Ok(json!([
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": short_most, "count": short},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": day_most, "count": day},
    ]))
}

pub(crate) fn restrictions(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let rights = call.rights.ok_or_else(no_order)?;
    Ok(json!({
        "ipRestrict": rights.ip_restricted, "createTime": venue.start.0 - Span::DAY.0, "enableReading": true,
        "enableWithdrawals": rights.withdraw, "enableInternalTransfer": rights.withdraw, "enableMargin": false,
        "enableFutures": rights.futures, "permitsUniversalTransfer": rights.transfer, "enableVanillaOptions": false,
        "enableFixApiTrade": false, "enableFixReadOnly": false, "enableSpotAndMarginTrading": rights.trade,
        "enablePortfolioMarginTrading": false,
    }))
}

pub(crate) fn trade_fee(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = call.params.get("symbol");
    let chosen = venue.market.listings.iter().filter(|one| wanted.is_none_or(|text| text == one.symbol.as_str()));
    let rows = chosen.map(|one| {
        json!({"symbol": one.symbol.as_str(), "makerCommission": one.spot.fees.maker.to_string(),
               "takerCommission": one.spot.fees.taker.to_string()})
    });
    Ok(rows.collect())
}

pub(crate) fn coins(venue: &mut Venue, _: &Call<'_>) -> Answer {
    let rows = market_info::coins_of(venue).into_iter().map(|coin| {
        let purse = crate::domain::Asset::new(&coin).ok().and_then(|asset| venue.books.spot.get(&asset)).copied();
        let purse = purse.unwrap_or_default();
        json!({
            "coin": coin, "name": coin, "depositAllEnable": true, "withdrawAllEnable": false, "trading": true,
            "free": amount8(purse.free()), "locked": amount8(purse.locked), "freeze": "0", "withdrawing": "0", "ipoing": "0",
            "ipoable": "0", "storage": "0", "isLegalMoney": false, "networkList": [],
        })
    });
    Ok(rows.collect())
}

pub(crate) fn status(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"data": "Normal"}))
}

pub(crate) fn system_status(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"status": 0, "msg": "normal"}))
}

/// Margin trading is not offered: no pairs.
pub(crate) fn none(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!([]))
}

pub(crate) fn delist_schedule(venue: &mut Venue, _: &Call<'_>) -> Answer {
    let ending = venue.market.listings.iter().filter_map(|one| Some((one.symbol, one.ends?)));
    Ok(ending.map(|(symbol, end)| json!({"delistTime": end.0, "symbols": [symbol.as_str()]})).collect())
}

/// The account's books in full, for the control endpoint: exact decimals as text.
pub(crate) fn books(venue: &Venue) -> Value {
    let books = &venue.books;
    let profile = venue.profile;
    let spot = books.spot.iter().map(|(asset, purse)| {
        (asset.as_str().to_owned(), json!({"total": purse.total.to_string(), "locked": purse.locked.to_string()}))
    });
    let futures = books.futures.iter().map(|(asset, amount)| (asset.as_str().to_owned(), json!(amount.to_string())));
    let positions = books.positions.iter().map(|(symbol, position)| {
        let row = json!({
            "coins": position.coins.to_string(), "entry_value": position.entry_value.to_string(),
            "isolated_wallet": position.isolated_wallet.to_string(), "isolated": position.isolated,
            "leverage": position.leverage,
        });
        (symbol.as_str().to_owned(), row)
    });
    let orders: Vec<Value> = books
        .orders
        .values()
        .map(|order| {
            let of = books.executions.range(order.id..).map(|(_, one)| one).filter(|one| one.order == order.id);
            let executions: Vec<Value> = of
                .map(|one| {
                    json!({"id": one.id, "price": one.price.to_string(), "quantity": one.quantity.to_string(),
                           "fee": one.fee.to_string(), "fee_asset": one.fee_asset.as_str(), "maker": one.maker,
                           "realised": one.realised.to_string(), "at": one.at.0})
                })
                .collect();
            let market = if order.market == Market::Spot { "spot" } else { "perp" };
            json!({"market": market, "by_venue": order.by_venue, "executions": executions,
                   "order": super::super::words::order_row(order, profile)})
        })
        .collect();
    let incomes: Vec<Value> = books
        .incomes
        .values()
        .map(|one| {
            json!({"tran": one.tran, "type": one.kind, "symbol": one.symbol.map(|symbol| symbol.as_str().to_owned()),
                   "asset": one.asset.as_str(), "amount": one.amount.to_string(), "at": one.at.0})
        })
        .collect();
    let transfers: Vec<Value> = books
        .transfers
        .values()
        .map(|one| {
            json!({"tran": one.tran, "type": one.kind, "asset": one.asset.as_str(), "amount": one.amount.to_string(),
                   "at": one.at.0, "client": one.client})
        })
        .collect();
    json!({
        "schema": "carry.venue.books/1", "profile": if profile == Profile::Binance { "binance" } else { "aster" },
        "now_ms": venue.now.0, "spot": object(spot), "futures": object(futures), "positions": object(positions),
        "multi_assets": books.multi_assets, "hedge": books.hedge, "orders": orders, "income": incomes,
        "transfers": transfers,
    })
}
