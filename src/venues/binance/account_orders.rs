//! Orders and executions of the account as sent in answers, and their typed rows.
//!
//! Order states fail loudly when new (fault C09). Tests: in `reply_tests.rs`.

use super::account_wire::{Rows, each};
use super::field::{Value, parse, parse_rows};
use super::message::DecodeError;
use crate::domain::fees::Role;
use crate::domain::{Amount, FillId, Market, Side};
use crate::venues::answer::{FillRow, OrderRow, OrderStatus};
use serde::Deserialize;

type Read<T> = Result<T, DecodeError>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SentOrder<'a> {
    #[serde(borrow)]
    symbol: Value<'a>,
    order_id: Value<'a>,
    client_order_id: Value<'a>,
    orig_client_order_id: Value<'a>,
    side: Value<'a>,
    status: Value<'a>,
    orig_qty: Value<'a>,
    executed_qty: Value<'a>,
    price: Value<'a>,
    update_time: Value<'a>,
    transact_time: Value<'a>,
    time: Value<'a>,
    fills: Vec<SentPart<'a>>,
}

/// An execution in the answer to a placement.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SentPart<'a> {
    #[serde(borrow)]
    price: Value<'a>,
    qty: Value<'a>,
    commission: Value<'a>,
    commission_asset: Value<'a>,
    trade_id: Value<'a>,
}

/// An execution in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SentFill<'a> {
    #[serde(borrow)]
    symbol: Value<'a>,
    id: Value<'a>,
    order_id: Value<'a>,
    side: Value<'a>,
    is_buyer: Value<'a>,
    buyer: Value<'a>,
    is_maker: Value<'a>,
    maker: Value<'a>,
    price: Value<'a>,
    qty: Value<'a>,
    commission: Value<'a>,
    commission_asset: Value<'a>,
    time: Value<'a>,
}

/// How fees are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FeeSign {
    /// Plus is paid.
    Paid,
    /// The sign says nothing: fees are paid.
    Any,
}

impl FeeSign {
    pub(super) const fn apply(self, fee: Amount) -> Amount {
        match self {
            Self::Paid => fee,
            Self::Any => fee.abs(),
        }
    }
}

/// Where an order stands.
pub(super) fn status(value: &Value<'_>, field: &'static str) -> Read<OrderStatus> {
    Ok(match value.word() {
        // The last two are Aster's, of orders that the venue itself is executing.
        "NEW" | "PENDING_NEW" | "PARTIALLY_FILLED" | "PENDING_CANCEL" | "NEW_INSURANCE" | "NEW_ADL" => {
            OrderStatus::Open
        }
        "FILLED" => OrderStatus::Filled,
        "CANCELED" => OrderStatus::Cancelled,
        "EXPIRED" | "EXPIRED_IN_MATCH" => OrderStatus::Expired,
        "REJECTED" => OrderStatus::Rejected,
        _ => return Err(DecodeError::WrongType { field, expected: "a known order state" }),
    })
}

pub(super) fn order(market: Market, text: &str) -> Read<OrderRow> {
    order_row(market, &parse(text)?)
}

pub(super) fn orders(market: Market, text: &str) -> Read<Rows<OrderRow>> {
    let rows: Vec<SentOrder<'_>> = parse_rows(text)?;
    Ok(each(&rows, |sent| sent.symbol.word(), |sent| order_row(market, sent)))
}

/// The orders that a cancel of all ended; lists of orders stand between them and are left out.
pub(super) fn cancelled(market: Market, text: &str) -> Read<Vec<OrderRow>> {
    let rows: Vec<SentOrder<'_>> = parse_rows(text)?;
    rows.iter().filter(|sent| !sent.order_id.is_empty()).map(|sent| order_row(market, sent)).collect()
}

fn order_row(market: Market, sent: &SentOrder<'_>) -> Read<OrderRow> {
    let (symbol, side) = (sent.symbol.symbol("symbol")?, sent.side.side("side")?);
    let venue_id = sent.order_id.id("orderId")?;
    // The answer to a cancel on spot names the cancel itself in `clientOrderId`.
    let client_id = sent.orig_client_order_id.or(&sent.client_order_id).text("clientOrderId")?.into_owned();
    let part = |part: &SentPart<'_>| {
        Ok(FillRow {
            market,
            symbol,
            id: FillId(part.trade_id.id("fills.tradeId")?),
            order: venue_id,
            side: Some(side),
            price: part.price.price("fills.price")?,
            quantity: part.qty.quantity("fills.qty")?,
            fee: Some(part.commission.amount("fills.commission")?),
            fee_asset: Some(part.commission_asset.asset("fills.commissionAsset")?),
            role: None,
            at: None,
        })
    };
    let fills = sent.fills.iter().map(part).collect::<Read<Vec<_>>>()?;
    Ok(OrderRow {
        market,
        symbol,
        venue_id,
        side,
        status: status(&sent.status, "status")?,
        quantity: sent.orig_qty.quantity("origQty")?,
        filled: sent.executed_qty.quantity("executedQty")?,
        limit: sent.price.limit("price")?,
        fills,
        at: sent.update_time.or(&sent.transact_time).or(&sent.time).optional_time("updateTime")?,
        client_id,
    })
}

pub(super) fn fills(market: Market, sign: FeeSign, text: &str) -> Read<Vec<FillRow>> {
    parse_rows(text)?.iter().map(|sent| fill_row(market, sign, sent)).collect()
}

fn fill_row(market: Market, sign: FeeSign, sent: &SentFill<'_>) -> Read<FillRow> {
    let side = match (sent.side.is_empty(), sent.is_buyer.or(&sent.buyer).flag("buyer")?) {
        (false, _) => sent.side.side("side")?,
        (true, Some(true)) => Side::Buy,
        (true, Some(false)) => Side::Sell,
        (true, None) => return Err(DecodeError::WrongType { field: "side", expected: "BUY or SELL" }),
    };
    Ok(FillRow {
        market,
        symbol: sent.symbol.symbol("symbol")?,
        id: FillId(sent.id.id("id")?),
        order: sent.order_id.id("orderId")?,
        side: Some(side),
        price: sent.price.price("price")?,
        quantity: sent.qty.quantity("qty")?,
        fee: Some(sign.apply(sent.commission.amount("commission")?)),
        fee_asset: Some(sent.commission_asset.asset("commissionAsset")?),
        role: sent.is_maker.or(&sent.maker).flag("maker")?.map(role),
        at: Some(sent.time.time("time")?),
    })
}

pub(super) const fn role(is_maker: bool) -> Role {
    if is_maker { Role::Maker } else { Role::Taker }
}
