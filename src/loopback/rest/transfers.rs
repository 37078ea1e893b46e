//! Transfers between the spot and the futures wallet: Binance's, which has no client id, and Aster's, which has one.

use super::super::books::Transfer;
use super::super::refusal::{Answer, Refusal, illegal, missing, refuse};
use super::super::venue::Venue;
use super::super::words::amount8;
use super::Call;
use crate::domain::{Amount, Asset, Span};
use serde_json::json;

/// How long a client id of a transfer stays taken.
const WEEK: Span = Span(7 * 86_400_000);

fn money(call: &Call<'_>) -> Result<(Asset, Amount), Refusal> {
    let asset = Asset::new(call.params.need("asset")?).map_err(|_| illegal("asset"))?;
    let amount = Amount::parse(call.params.need("amount")?).map_err(|_| illegal("amount"))?;
    if amount != amount.floor_to_ledger_unit() {
        return Err(refuse(-1111, "Parameter 'amount' has too much precision."));
    }
    Ok((asset, amount))
}

pub(crate) fn universal(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let kind = call.params.need("type")?;
    let to_futures = match kind {
        "MAIN_UMFUTURE" => true,
        "UMFUTURE_MAIN" => false,
        _ => return Err(illegal("type")),
    };
    let tran = venue.transfer(to_futures, money(call)?, (kind, None))?;
    Ok(json!({"tranId": tran}))
}

pub(crate) fn history(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let kind = call.params.need("type")?;
    let (start, end) = call.params.window(Span(i64::MAX))?;
    let current = usize::try_from(call.params.number("current")?.unwrap_or(1).max(1) - 1).unwrap_or(0);
    let size = usize::try_from(call.params.number("size")?.unwrap_or(10).clamp(1, 100)).unwrap_or(10);
    let inside = |one: &&Transfer| {
        one.kind == kind && start.is_none_or(|start| one.at >= start) && end.is_none_or(|end| one.at <= end)
    };
    let all: Vec<&Transfer> = venue.books.transfers.values().rev().filter(inside).collect();
    let total = all.len();
    let rows: Vec<_> = all
        .into_iter()
        .skip(current * size)
        .take(size)
        .map(|one| {
            json!({"asset": one.asset.as_str(), "amount": amount8(one.amount), "type": one.kind, "status": "CONFIRMED",
                   "tranId": one.tran, "timestamp": one.at.0})
        })
        .collect();
    Ok(json!({"total": total, "rows": rows}))
}

pub(crate) fn wallet(venue: &mut Venue, call: &Call<'_>) -> Answer {
    let kind = call.params.need("kindType")?;
    let to_futures = match kind {
        "SPOT_FUTURE" => true,
        "FUTURE_SPOT" => false,
        _ => return Err(illegal("kindType")),
    };
    let client = call.params.get("clientTranId").ok_or_else(|| missing("clientTranId"))?;
    let recent = venue.now - WEEK;
    let taken = |one: &Transfer| one.client.as_deref() == Some(client) && one.at >= recent;
    if venue.books.transfers.values().any(taken) {
        return Err(refuse(-4115, "Duplicate clientTranId."));
    }
    let tran = venue.transfer(to_futures, money(call)?, (kind, Some(client.to_owned())))?;
    Ok(json!({"tranId": tran, "status": "SUCCESS"}))
}
