//! Orders over REST and the WebSocket API: reading what is asked for, and answering in the venue's words.

use super::super::Profile;
use super::super::books::{Execution, Kind, Order, Status, Tif};
use super::super::filters::Wanted;
use super::super::refusal::{Answer, Refusal, invalid_symbol, missing, no_order, refuse, unknown_order};
use super::super::userdata::Happened;
use super::super::venue::Venue;
use super::super::words::{amount8, coins8, join, order_row, price8, trade_row};
use super::Call;
use crate::domain::{Amount, Market, Quantity, Side, Span, Symbol};
use serde_json::{Value, json};

/// Widest window of order and trade queries on futures, and of trades on spot.
const WEEK: Span = Span(7 * 86_400_000);

pub(crate) fn place_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = read(venue, call, Market::Spot)?;
    let order = venue.place(&wanted)?;
    Ok(placed(venue, call, &order))
}

pub(crate) fn place_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = read(venue, call, Market::Perp)?;
    let order = venue.place(&wanted)?;
    Ok(placed(venue, call, &order))
}

pub(crate) fn test_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = read(venue, call, Market::Spot)?;
    venue.check_new(&wanted).map(|()| json!({}))
}

pub(crate) fn test_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let wanted = read(venue, call, Market::Perp)?;
    venue.check_new(&wanted).map(|()| json!({}))
}

/// Reads a new order's parameters.
fn read(venue: &mut Venue, call: &Call<'_>, market: Market) -> Result<Wanted, Refusal> {
    let params = call.params;
    let symbol = symbol_of(venue, params.need("symbol")?)?;
    let side = match params.need("side")? {
        "BUY" => Side::Buy,
        "SELL" => Side::Sell,
        _ => return Err(refuse(-1117, "Invalid side.")),
    };
    let kind = kind(venue.profile, market, params.need("type")?)?;
    if venue.books.hedge && market == Market::Perp && !matches!(params.get("positionSide"), Some("LONG" | "SHORT")) {
        return Err(refuse(-4061, "Order's position side does not match user's setting."));
    }
    if market == Market::Perp && matches!(params.get("positionSide"), Some("LONG" | "SHORT")) {
        return Err(refuse(-4061, "Order's position side does not match user's setting."));
    }
    let tif = time_in_force(venue.profile, market, kind, params.get("timeInForce"))?;
    let price = params.price("price")?;
    let price = match kind {
        Kind::Market if price.is_some() => return Err(refuse(-1106, "Parameter 'price' sent when not required.")),
        Kind::Market => None,
        Kind::Limit | Kind::LimitMaker => Some(price.ok_or_else(|| missing("price"))?),
    };
    let quote = params.get("quoteOrderQty").filter(|_| kind == Kind::Market && market == Market::Spot);
    let quote = quote.map(|text| Amount::parse(text).map_err(|_| missing("quoteOrderQty"))).transpose()?;
    let quantity = match (params.quantity("quantity")?, quote) {
        (Some(quantity), _) if quantity.is_zero() => return Err(refuse(-4003, "Quantity less than or equal to zero.")),
        (Some(quantity), _) => quantity,
        (None, Some(_)) => Quantity::ZERO,
        (None, None) => return Err(missing("quantity")),
    };
    let client = match params.get("newClientOrderId") {
        Some(client) => {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
            if client.len() > 36 || !client.bytes().all(good) {
                return Err(refuse(-4015, "Client order id is not valid."));
            }
            client.to_owned()
        }
        None => format!("auto{:018}", venue.books.next_id()),
    };
    let reduce_only = market == Market::Perp && params.flag("reduceOnly")?;
    Ok(Wanted { market, symbol, side, kind, tif, price, quantity, quote, client, reduce_only, share: call.share })
}

fn kind(profile: Profile, market: Market, word: &str) -> Result<Kind, Refusal> {
    match word {
        "LIMIT" => Ok(Kind::Limit),
        "MARKET" => Ok(Kind::Market),
        "LIMIT_MAKER" if market == Market::Spot && profile == Profile::Binance => Ok(Kind::LimitMaker),
        word if market == Market::Perp && profile == Profile::Binance && (word.contains('_') || word == "STOP") => {
            Err(refuse(
                -4120,
                "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
            ))
        }
        _ => Err(refuse(-1116, "Invalid orderType.")),
    }
}

fn time_in_force(profile: Profile, market: Market, kind: Kind, word: Option<&str>) -> Result<Tif, Refusal> {
    match (kind, word) {
        (Kind::LimitMaker, Some(_)) => Err(refuse(-1106, "Parameter 'timeInForce' sent when not required.")),
        (Kind::Limit, None) => Err(missing("timeInForce")),
        (Kind::Limit, Some("GTC")) | (Kind::LimitMaker, None) => Ok(Tif::Gtc),
        (Kind::Limit, Some("IOC")) | (Kind::Market, _) => Ok(Tif::Ioc),
        (Kind::Limit, Some("FOK")) => Ok(Tif::Fok),
        (Kind::Limit, Some("GTX")) if market == Market::Perp || profile == Profile::Aster => Ok(Tif::Gtx),
        (Kind::Limit, Some(_)) => Err(refuse(-1115, "Invalid timeInForce.")),
    }
}

fn symbol_of(venue: &Venue, text: &str) -> Result<Symbol, Refusal> {
    venue.market.get(text).map(|listing| listing.symbol).ok_or_else(invalid_symbol)
}

/// The answer to a new order.
fn placed(venue: &Venue, call: &Call<'_>, order: &Order) -> Value {
    let mut row = order_row(order, venue.profile);
    match (order.market, venue.profile) {
        (Market::Spot, Profile::Binance) => {
            let wants = call.params.get("newOrderRespType");
            let mut short = json!({
                "symbol": order.symbol.as_str(), "orderId": order.id, "orderListId": -1, "clientOrderId": order.client,
                "transactTime": order.updated.0,
            });
            if wants == Some("ACK") || wants.is_none() && order.kind == Kind::LimitMaker {
                return short;
            }
            remove(&mut row, &["time", "updateTime", "isWorking", "stopPrice", "icebergQty"]);
            join(&mut short, row);
            if wants != Some("RESULT") {
                join(&mut short, json!({"fills": fills(venue, order)}));
            }
            if order.status == Status::Expired {
                join(&mut short, json!({"expiryReason": "IOC_EXPIRED"}));
            }
            short
        }
        (Market::Perp, Profile::Binance) => {
            remove(&mut row, &["time", "avgPrice", "cumQuote"]);
            join(&mut row, json!({"cumQty": order.filled.to_string()}));
            if call.params.get("newOrderRespType") != Some("RESULT")
                || order.kind == Kind::Limit && order.tif == Tif::Gtc
            {
                // Acknowledged only: the state is that before matching.
                join(&mut row, json!({"status": "NEW", "executedQty": "0", "cumQty": "0"}));
            }
            row
        }
        (_, Profile::Aster) => {
            join(&mut row, json!({"cumQty": order.filled.to_string()}));
            if order.market == Market::Perp && call.params.get("newOrderRespType") != Some("RESULT") {
                join(
                    &mut row,
                    json!({"status": "NEW", "executedQty": "0", "cumQty": "0", "cumQuote": "0", "avgPrice": "0"}),
                );
            }
            row
        }
    }
}

fn remove(row: &mut Value, names: &[&str]) {
    if let Some(row) = row.as_object_mut() {
        for name in names {
            row.remove(*name);
        }
    }
}

fn fills(venue: &Venue, order: &Order) -> Value {
    let of = venue.books.executions.range(order.id..).map(|(_, one)| one).filter(|one| one.order == order.id);
    of.map(|one| {
        json!({"price": price8(Some(one.price)), "qty": coins8(one.quantity), "commission": amount8(one.fee),
               "commissionAsset": one.fee_asset.as_str(), "tradeId": one.id})
    })
    .collect()
}

/// The order that `orderId` or `origClientOrderId` names.
fn find<'v>(venue: &'v Venue, call: &Call<'_>, market: Market) -> Result<Option<&'v Order>, Refusal> {
    let symbol = symbol_of(venue, call.params.need("symbol")?)?;
    let order = match (call.params.number("orderId")?, call.params.get("origClientOrderId")) {
        (Some(id), _) => u64::try_from(id).ok().and_then(|id| venue.books.orders.get(&id)),
        (None, Some(client)) => venue.books.by_client(market, client),
        (None, None) => {
            return Err(refuse(
                -1102,
                "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!",
            ));
        }
    };
    Ok(order.filter(|order| order.market == market && order.symbol == symbol))
}

pub(crate) fn find_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let order = find(venue, call, Market::Spot)?.ok_or_else(no_order)?;
    Ok(order_row(order, venue.profile))
}

pub(crate) fn find_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let order = find(venue, call, Market::Perp)?.ok_or_else(no_order)?;
    Ok(order_row(order, venue.profile))
}

pub(crate) fn open_one(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let order = find(venue, call, Market::Perp)?.filter(|order| order.status.is_open()).ok_or_else(no_order)?;
    Ok(order_row(order, venue.profile))
}

pub(crate) fn cancel_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    cancel(venue, call, Market::Spot)
}

pub(crate) fn cancel_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    cancel(venue, call, Market::Perp)
}

fn cancel(venue: &mut Venue, call: &Call<'_>, market: Market) -> Answer {
    let id = find(venue, call, market)?.filter(|order| order.status.is_open()).map(|order| order.id);
    let order = id.and_then(|id| venue.end(id, Status::Canceled, Happened::Canceled)).ok_or_else(unknown_order)?;
    Ok(cancelled(venue, &order))
}

fn cancelled(venue: &Venue, order: &Order) -> Value {
    let mut row = order_row(order, venue.profile);
    if order.market == Market::Spot && venue.profile == Profile::Binance {
        remove(&mut row, &["time", "updateTime", "isWorking", "workingTime", "stopPrice", "icebergQty"]);
        join(
            &mut row,
            json!({"origClientOrderId": order.client, "clientOrderId": format!("cancel{}", order.id),
                   "transactTime": order.updated.0}),
        );
    }
    row
}

pub(crate) fn cancel_all_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol_of(venue, call.params.need("symbol")?)?;
    let ended = venue.cancel_all(Market::Spot, Some(symbol));
    if venue.profile == Profile::Aster {
        return Ok(json!({"code": 200, "msg": "The operation of cancel all open order is done."}));
    }
    if ended.is_empty() {
        return Err(unknown_order());
    }
    Ok(ended.iter().map(|order| cancelled(venue, order)).collect())
}

pub(crate) fn cancel_all_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol_of(venue, call.params.need("symbol")?)?;
    venue.cancel_all(Market::Perp, Some(symbol));
    Ok(json!({"code": 200, "msg": "The operation of cancel all open order is done."}))
}

pub(crate) fn open_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    open(venue, call, Market::Spot)
}

pub(crate) fn open_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    open(venue, call, Market::Perp)
}

fn open(venue: &Venue, call: &Call<'_>, market: Market) -> Answer {
    let symbol = call.params.get("symbol").map(|text| symbol_of(venue, text)).transpose()?;
    Ok(venue.books.open_orders(market, symbol).map(|order| order_row(order, venue.profile)).collect())
}

pub(crate) fn all_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    all(venue, call, (Market::Spot, Span::DAY))
}

pub(crate) fn all_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    all(venue, call, (Market::Perp, WEEK))
}

fn all(venue: &Venue, call: &Call<'_>, of: (Market, Span)) -> Answer {
    let (market, most) = of;
    let symbol = symbol_of(venue, call.params.need("symbol")?)?;
    let (start, end) = call.params.window(most)?;
    let limit = call.params.limit(500, 1_000)?;
    let from = call.params.number("orderId")?.and_then(|id| u64::try_from(id).ok());
    let inside = |order: &&Order| {
        order.market == market
            && order.symbol == symbol
            && from.is_none_or(|from| order.id >= from)
            && start.is_none_or(|start| order.created >= start)
            && end.is_none_or(|end| order.created <= end)
    };
    let rows: Vec<&Order> = venue.books.orders.values().filter(inside).collect();
    let skip = if from.is_some() || start.is_some() { 0 } else { rows.len().saturating_sub(limit) };
    Ok(rows.into_iter().skip(skip).take(limit).map(|order| order_row(order, venue.profile)).collect())
}

pub(crate) fn trades_spot(venue: &mut Venue, call: &Call<'_>) -> Answer {
    trades(venue, call, (Market::Spot, if venue.profile == Profile::Binance { Span::DAY } else { WEEK }))
}

pub(crate) fn trades_futures(venue: &mut Venue, call: &Call<'_>) -> Answer {
    trades(venue, call, (Market::Perp, WEEK))
}

fn trades(venue: &Venue, call: &Call<'_>, of: (Market, Span)) -> Answer {
    let (market, most) = of;
    // Aster answers for all symbols when none is named.
    let symbol = match call.params.get("symbol") {
        None if venue.profile == Profile::Aster => None,
        _ => Some(symbol_of(venue, call.params.need("symbol")?)?),
    };
    let (start, end) = call.params.window(most)?;
    let limit = call.params.limit(500, 1_000)?;
    let number = |name: &str| Ok::<_, Refusal>(call.params.number(name)?.and_then(|id| u64::try_from(id).ok()));
    let (from, order) = (number("fromId")?, number("orderId")?);
    let inside = |one: &&Execution| {
        one.market == market
            && symbol.is_none_or(|symbol| one.symbol == symbol)
            && from.is_none_or(|from| one.id >= from)
            && order.is_none_or(|order| one.order == order)
            && start.is_none_or(|start| one.at >= start)
            && end.is_none_or(|end| one.at <= end)
    };
    let rows: Vec<&Execution> = venue.books.executions.values().filter(inside).collect();
    let skip = if from.is_some() || start.is_some() { 0 } else { rows.len().saturating_sub(limit) };
    Ok(rows.into_iter().skip(skip).take(limit).map(|one| trade_row(one, venue.profile)).collect())
}

pub(crate) fn countdown(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let symbol = symbol_of(venue, call.params.need("symbol")?)?;
    let time = call.params.number("countdownTime")?.ok_or_else(|| missing("countdownTime"))?;
    if time <= 0 {
        venue.countdowns.remove(&symbol);
    } else {
        venue.countdowns.insert(symbol, venue.now + Span(time));
    }
    Ok(json!({"symbol": symbol.as_str(), "countdownTime": time.to_string()}))
}

/// The nonce was taken by the check of the signature; nothing else happens.
pub(crate) fn noop(_: &mut Venue, _: &Call<'_>) -> Answer {
    Ok(json!({"code": 200, "msg": "success"}))
}
