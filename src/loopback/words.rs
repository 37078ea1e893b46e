//! Orders, executions and numbers in the venues' words, for answers and events alike.
//!
//! Decimals are JSON strings. Spot pads to eight decimals, as the venue does; futures write what is needed.

use super::Profile;
use super::books::{Execution, Kind, Order, Tif, side_word};
use crate::domain::{Amount, Market, Price, Quantity};
use serde_json::{Map, Value, json};

/// Eight decimals of a number of units of 1e-8.
pub(crate) fn eight(units: i128) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let magnitude = units.unsigned_abs();
    format!("{sign}{}.{:08}", magnitude / 100_000_000, magnitude % 100_000_000)
}

pub(crate) fn price8(price: Option<Price>) -> String {
    eight(price.map_or(0, |price| i128::from(price.units())))
}

pub(crate) fn coins8(quantity: Quantity) -> String {
    eight(i128::from(quantity.units()))
}

pub(crate) fn amount8(amount: Amount) -> String {
    eight(amount.to_ledger_unit().units() / 100_000_000)
}

/// Plain decimals without padding.
pub(crate) fn short(units: i128) -> String {
    crate::domain::decimal::format_scaled(units, 8)
}

fn limit_price(order: &Order) -> String {
    match (order.market, order.price) {
        (Market::Spot, price) => price8(price),
        (Market::Perp, Some(price)) => price.to_string(),
        (Market::Perp, None) => "0".to_owned(),
    }
}

/// A spot order as queries answer it.
pub(crate) fn spot_order(order: &Order, profile: Profile) -> Value {
    let mut row = json!({
        "symbol": order.symbol.as_str(),
        "orderId": order.id,
        "clientOrderId": order.client,
        "price": limit_price(order),
        "origQty": coins8(order.quantity),
        "executedQty": coins8(order.filled),
        "status": order.status.word(),
        "timeInForce": tif(order),
        "type": order.kind.word(),
        "side": side_word(order.side),
        "stopPrice": "0.00000000",
        "time": order.created.0,
        "updateTime": order.updated.0,
    });
    let more = match profile {
        Profile::Binance => json!({
            "orderListId": -1,
            "cummulativeQuoteQty": amount8(order.value),
            "origQuoteOrderQty": amount8(order.quote_quantity.unwrap_or_default()),
            "icebergQty": "0.00000000",
            "isWorking": true,
            "workingTime": order.created.0,
            "selfTradePreventionMode": "EXPIRE_MAKER",
        }),
        Profile::Aster => json!({
            "avgPrice": eight(order.average_units()),
            "cumQuote": amount8(order.value),
            "origType": order.kind.word(),
        }),
    };
    join(&mut row, more);
    row
}

/// A futures order as queries answer it.
pub(crate) fn futures_order(order: &Order, profile: Profile) -> Value {
    let mut row = json!({
        "orderId": order.id,
        "symbol": order.symbol.as_str(),
        "status": order.status.word(),
        "clientOrderId": order.client,
        "price": limit_price(order),
        "avgPrice": short(order.average_units()),
        "origQty": order.quantity.to_string(),
        "executedQty": order.filled.to_string(),
        "cumQuote": amount8(order.value),
        "timeInForce": tif(order),
        "type": order.kind.word(),
        "reduceOnly": order.reduce_only,
        "closePosition": false,
        "side": side_word(order.side),
        "positionSide": "BOTH",
        "stopPrice": "0",
        "workingType": "CONTRACT_PRICE",
        "priceProtect": false,
        "origType": order.kind.word(),
        "time": order.created.0,
        "updateTime": order.updated.0,
    });
    if profile == Profile::Binance {
        join(&mut row, json!({"priceMatch": "NONE", "selfTradePreventionMode": "EXPIRE_MAKER", "goodTillDate": 0}));
    }
    row
}

const fn tif(order: &Order) -> &'static str {
    match (order.market, order.kind) {
        (_, Kind::LimitMaker) => "GTC",
        (Market::Perp, Kind::Market) => Tif::Gtc.word(),
        _ => order.tif.word(),
    }
}

/// The order in the words of its market.
pub(crate) fn order_row(order: &Order, profile: Profile) -> Value {
    match order.market {
        Market::Spot => spot_order(order, profile),
        Market::Perp => futures_order(order, profile),
    }
}

/// An execution as trade queries answer it.
pub(crate) fn trade_row(execution: &Execution, profile: Profile) -> Value {
    let quote = amount8(execution.price.times(execution.quantity));
    let buyer = side_word(execution.side) == "BUY";
    let mut row = json!({
        "symbol": execution.symbol.as_str(),
        "id": execution.id,
        "orderId": execution.order,
        "price": price8(Some(execution.price)),
        "qty": coins8(execution.quantity),
        "quoteQty": quote,
        "commission": amount8(execution.fee),
        "commissionAsset": execution.fee_asset.as_str(),
        "time": execution.at.0,
    });
    let more = match (execution.market, profile) {
        (Market::Spot, Profile::Binance) => {
            json!({"orderListId": -1, "isBuyer": buyer, "isMaker": execution.maker, "isBestMatch": true})
        }
        (Market::Spot, Profile::Aster) => {
            json!({"side": side_word(execution.side), "buyer": buyer, "maker": execution.maker, "counterpartyId": 1})
        }
        (Market::Perp, _) => json!({
            "side": side_word(execution.side),
            "positionSide": "BOTH",
            "realizedPnl": amount8(execution.realised),
            "buyer": buyer,
            "maker": execution.maker,
        }),
    };
    join(&mut row, more);
    row
}

/// Adds the members of one object to another.
pub(crate) fn join(row: &mut Value, more: Value) {
    if let (Some(row), Value::Object(more)) = (row.as_object_mut(), more) {
        row.extend(more);
    }
}

/// Book levels as text.
pub(crate) fn levels(rows: &[(Price, Quantity)], market: Market) -> Value {
    let text = |(price, quantity): &(Price, Quantity)| match market {
        Market::Spot => json!([price8(Some(*price)), coins8(*quantity)]),
        Market::Perp => json!([price.to_string(), quantity.to_string()]),
    };
    rows.iter().map(text).collect()
}

/// An object with these members.
pub(crate) fn object(members: impl IntoIterator<Item = (String, Value)>) -> Value {
    Value::Object(members.into_iter().collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_padded_and_signed() {
        assert_eq!(eight(-150_000_000), "-1.50000000");
        assert_eq!(amount8(Amount::parse("0.000000015").unwrap()), "0.00000002");
        assert_eq!((short(0), short(150_000_000)), ("0".to_owned(), "1.5".to_owned()));
    }
}
