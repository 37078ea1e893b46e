//! Balances, positions, modes, limits and income of the account as sent, and their typed rows.
//!
//! Tests: in `reply_tests.rs`.

use super::field::{Value, parse, parse_rows};
use super::message::{DecodeError, label};
use crate::domain::margin::Bracket;
use crate::domain::{Amount, FillId, Symbol};
use crate::port::event::Wallet;
use crate::venues::answer::{
    AccountModes, Answer, BalanceRow, CollateralRow, IncomeRow, KeyRights, PositionRow, SymbolModes, TransferRow,
    TransferStatus,
};
use serde::Deserialize;
use std::collections::BTreeMap;

type Read<T> = Result<T, DecodeError>;

/// Declares a message as sent: every field is a [`Value`], absent unless it comes, and others are skipped.
macro_rules! sent {
    ($name:ident { $($field:ident $key:literal,)* }) => {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, bound(deserialize = "'de: 'a"))]
        struct $name<'a> { $(#[serde(rename = $key)] $field: Value<'a>,)* }

        impl<'a> $crate::venues::binance::flat::Flat<'a> for $name<'a> {
            fn slot(&mut self, key: &str) -> Option<&mut Value<'a>> {
                match key {
                    $($key => Some(&mut self.$field),)*
                    _ => None,
                }
            }
        }
    };
}
pub(super) use sent;

sent!(Held { asset "asset", free "free", locked "locked", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpotAccount<'a> {
    #[serde(borrow)]
    balances: Option<Vec<Held<'a>>>,
}

sent!(PerpBalance { asset "asset", balance "balance", available "availableBalance", });

pub(super) fn balances(wallet: Wallet, text: &str) -> Read<Answer> {
    let rows = match wallet {
        Wallet::Spot => {
            let missing = DecodeError::WrongType { field: "balances", expected: "a list" };
            let account: SpotAccount<'_> = parse(text)?;
            let rows = account.balances.ok_or(missing)?;
            kept(rows.iter().map(|row| (&row.asset, spot_balance(row))))?
        }
        Wallet::Perp => {
            let rows: Vec<PerpBalance<'_>> = parse(text)?;
            kept(rows.iter().map(|row| (&row.asset, perp_balance(row))))?
        }
    };
    Ok(Answer::Balances(wallet, rows))
}

/// What could be read of a list, and the rows that could not, by their symbols (L30).
pub(super) type Rows<R> = (Vec<R>, Vec<(Symbol, String)>);

/// Reads every row that can be read: one odd row does not hide the others.
pub(super) fn each<'r, T, R>(
    rows: &'r [T],
    symbol: impl Fn(&'r T) -> &'r str,
    read: impl Fn(&'r T) -> Read<R>,
) -> Rows<R> {
    let (mut kept, mut left_out) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match read(row) {
            Ok(read) => kept.push(read),
            Err(error) => left_out.push((label(symbol(row)), error.to_string())),
        }
    }
    (kept, left_out)
}

type Amounts = Read<(Amount, Amount)>;

fn spot_balance(row: &Held<'_>) -> Amounts {
    let free = row.free.amount("free")?;
    Ok((free + row.locked.amount("locked")?, free))
}

fn perp_balance(row: &PerpBalance<'_>) -> Amounts {
    Ok((row.balance.amount("balance")?, row.available.amount("availableBalance")?))
}

/// Balances with names that we can hold; an odd name matters only where something is held.
fn kept<'r>(rows: impl Iterator<Item = (&'r Value<'r>, Amounts)>) -> Read<Vec<BalanceRow>> {
    let mut kept = Vec::new();
    for (name, amounts) in rows {
        let (total, free) = amounts?;
        match name.asset("asset") {
            Ok(asset) => kept.push(BalanceRow { asset, total, free }),
            Err(_) if total.is_zero() && free.is_zero() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(kept)
}

sent!(Position {
    symbol "symbol",
    side "positionSide",
    coins "positionAmt",
    entry "entryPrice",
    mark "markPrice",
    liquidation "liquidationPrice",
    adl "adl",
    margin "marginType",
    isolated_wallet "isolatedWallet",
    isolated_margin "isolatedMargin",
    profit "unRealizedProfit",
    leverage "leverage",
    at "updateTime",
});

pub(super) fn positions(text: &str) -> Read<Rows<PositionRow>> {
    let rows: Vec<Position<'_>> = parse_rows(text)?;
    Ok(each(&rows, |row| row.symbol.word(), position))
}

fn position(row: &Position<'_>) -> Read<PositionRow> {
    Ok(PositionRow {
        symbol: row.symbol.symbol("symbol")?,
        coins: row.coins.signed("positionAmt")?,
        entry: row.entry.computed_price("entryPrice")?,
        mark: row.mark.computed_price("markPrice")?,
        liquidation: row.liquidation.computed_price("liquidationPrice")?,
        adl: small(&row.adl, "adl")?,
        isolated: isolated(row)?,
        hedge_side: hedge_side(&row.side, "positionSide")?,
        at: row.at.optional_time("updateTime")?,
    })
}

/// Money of an isolated position: `isolatedWallet`, or what `isolatedMargin` is without the profit where only that is sent
/// (Aster). Zero is how both say that a position is crossed, or flat.
fn isolated(row: &Position<'_>) -> Read<Option<Amount>> {
    let wallet = if !row.isolated_wallet.is_empty() {
        row.isolated_wallet.amount("isolatedWallet")?
    } else if row.isolated_margin.is_empty() || row.profit.is_empty() {
        return Ok(None);
    } else {
        let margin = row.isolated_margin.amount("isolatedMargin")?;
        if margin.is_zero() { Amount::ZERO } else { margin - row.profit.amount("unRealizedProfit")? }
    };
    Ok((!wallet.is_zero()).then_some(wallet))
}

pub(super) fn hedge_side(value: &Value<'_>, field: &'static str) -> Read<bool> {
    match value.word() {
        "BOTH" => Ok(false),
        "LONG" | "SHORT" => Ok(true),
        _ => Err(DecodeError::WrongType { field, expected: "BOTH, LONG or SHORT" }),
    }
}

pub(super) fn small(value: &Value<'_>, field: &'static str) -> Read<Option<u8>> {
    if value.is_empty() {
        return Ok(None);
    }
    let wrong = DecodeError::WrongType { field, expected: "a whole number from 0 to 255" };
    u8::try_from(value.whole(field)?).map(Some).map_err(|_| wrong)
}

/// Modes of one symbol, from its own question or from its positions.
pub(super) fn symbol_modes(symbol: Symbol, text: &str) -> Read<SymbolModes> {
    let rows: Vec<Position<'_>> = parse_rows(text)?;
    let row = rows.iter().find(|row| row.symbol.word() == symbol.as_str());
    let row = row.ok_or(DecodeError::WrongType { field: "symbol", expected: "the symbol that was asked for" })?;
    let isolated = match row.margin.word() {
        "ISOLATED" | "isolated" => Some(true),
        "CROSSED" | "cross" => Some(false),
        "" => None,
        _ => return Err(DecodeError::WrongType { field: "marginType", expected: "ISOLATED or CROSSED" }),
    };
    let leverage = small(&row.leverage, "leverage")?;
    if leverage.is_none() && isolated.is_none() {
        return Err(DecodeError::WrongType { field: "leverage", expected: "a whole number" });
    }
    Ok(SymbolModes { symbol, leverage, isolated })
}

sent!(Modes { hedge "dualSidePosition", multi "multiAssetsMargin", tier "feeTier", can_trade "canTrade", });

pub(super) fn account_modes(text: &str) -> Read<AccountModes> {
    let sent: Modes<'_> = parse(text)?;
    let modes = AccountModes {
        hedge: sent.hedge.flag("dualSidePosition")?,
        multi_assets: sent.multi.flag("multiAssetsMargin")?,
        fee_tier: if sent.tier.is_empty() { None } else { Some(sent.tier.whole("feeTier")?) },
        can_trade: sent.can_trade.flag("canTrade")?,
    };
    if modes.hedge.is_none() && modes.multi_assets.is_none() {
        return Err(DecodeError::WrongType { field: "dualSidePosition", expected: "true or false" });
    }
    Ok(modes)
}

sent!(SentBracket { floor "notionalFloor", ratio "maintMarginRatio", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SymbolBrackets<'a> {
    #[serde(borrow)]
    symbol: Value<'a>,
    brackets: Vec<SentBracket<'a>>,
}

pub(super) fn brackets(text: &str) -> Read<Rows<(Symbol, Vec<Bracket>)>> {
    let rows: Vec<SymbolBrackets<'_>> = parse_rows(text)?;
    let bracket = |row: &SentBracket<'_>| {
        let (floor, maintenance) = (row.floor.amount("notionalFloor")?, row.ratio.rate("maintMarginRatio")?);
        Ok(Bracket { floor, maintenance })
    };
    let symbol = |row: &SymbolBrackets<'_>| {
        let mut brackets = row.brackets.iter().map(bracket).collect::<Read<Vec<_>>>()?;
        if brackets.is_empty() {
            return Err(DecodeError::WrongType { field: "brackets", expected: "a list that is not empty" });
        }
        brackets.sort_by_key(|bracket| bracket.floor);
        Ok((row.symbol.symbol("symbol")?, brackets))
    };
    Ok(each(&rows, |row| row.symbol.word(), symbol))
}

sent!(Income {
    kind "incomeType",
    symbol "symbol",
    amount "income",
    asset "asset",
    at "time",
    id "tranId",
    fill "tradeId",
});

pub(super) fn income(text: &str) -> Read<Rows<IncomeRow>> {
    let rows: Vec<Income<'_>> = parse_rows(text)?;
    let row = |row: &Income<'_>| {
        let symbol = &row.symbol;
        Ok(IncomeRow {
            kind: row.kind.symbol("incomeType")?,
            symbol: if symbol.is_empty() { None } else { Some(symbol.symbol("symbol")?) },
            amount: row.amount.amount("income")?,
            asset: row.asset.asset("asset")?,
            at: row.at.time("time")?,
            id: row.id.text("tranId")?.into_owned(),
            fill: if row.fill.is_empty() { None } else { Some(FillId(row.fill.id("tradeId")?)) },
        })
    };
    Ok(each(&rows, |row| row.symbol.word(), row))
}

sent!(Moved { id "tranId", });

/// The venue's number of a transfer that it took.
pub(super) fn transferred(text: &str) -> Read<String> {
    let sent: Moved<'_> = parse(text)?;
    Ok(sent.id.text("tranId")?.into_owned())
}

/// Transfers out of a wallet as rows of the perp wallet's income, which has what arrived there and what left it.
pub(super) fn moved(from: Wallet, text: &str) -> Read<Vec<TransferRow>> {
    let (rows, left_out) = income(text)?;
    if !left_out.is_empty() {
        // One that cannot be read may be the one that is looked for.
        return Err(DecodeError::WrongType { field: "income", expected: "rows that can all be read" });
    }
    let rows = rows.into_iter().filter(|row| row.kind.as_str() == "TRANSFER");
    let out = rows.filter(|row| (row.amount > Amount::ZERO) == (from == Wallet::Spot));
    let row = |row: IncomeRow| TransferRow {
        id: row.id,
        asset: row.asset,
        amount: row.amount.abs(),
        status: TransferStatus::Done,
        at: row.at,
    };
    Ok(out.map(row).collect())
}

sent!(Transfer { id "tranId", asset "asset", amount "amount", status "status", at "timestamp", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TransferPage<'a> {
    total: Value<'a>,
    #[serde(borrow)]
    rows: Vec<Transfer<'a>>,
}

pub(super) fn transfers(text: &str) -> Read<Vec<TransferRow>> {
    let page: TransferPage<'_> = parse(text)?;
    page.total.whole("total")?;
    let row = |row: &Transfer<'_>| {
        let status = match row.status.word() {
            "CONFIRMED" => TransferStatus::Done,
            "PENDING" => TransferStatus::Pending,
            "FAILED" => TransferStatus::Failed,
            _ => return Err(DecodeError::WrongType { field: "status", expected: "CONFIRMED, PENDING or FAILED" }),
        };
        Ok(TransferRow {
            id: row.id.text("tranId")?.into_owned(),
            asset: row.asset.asset("asset")?,
            amount: row.amount.amount("amount")?,
            status,
            at: row.at.time("timestamp")?,
        })
    };
    page.rows.iter().map(row).collect()
}

sent!(Rights {
    reading "enableReading",
    spot "enableSpotAndMarginTrading",
    perps "enableFutures",
    withdrawals "enableWithdrawals",
    transfers "permitsUniversalTransfer",
    ip_bound "ipRestrict",
    expires "tradingAuthorityExpirationTime",
});

pub(super) fn key_rights(text: &str) -> Read<KeyRights> {
    let sent: Rights<'_> = parse(text)?;
    let withdrawals = sent.withdrawals.flag("enableWithdrawals")?;
    if withdrawals.is_none() {
        return Err(DecodeError::WrongType { field: "enableWithdrawals", expected: "true or false" });
    }
    Ok(KeyRights {
        reading: sent.reading.flag("enableReading")?,
        spot: sent.spot.flag("enableSpotAndMarginTrading")?,
        perps: sent.perps.flag("enableFutures")?,
        withdrawals,
        transfers: sent.transfers.flag("permitsUniversalTransfer")?,
        ip_bound: sent.ip_bound.flag("ipRestrict")?,
        expires: sent.expires.optional_time("tradingAuthorityExpirationTime")?,
    })
}

sent!(Agent { spot "canSpotTrade", perps "canPerpTrade", withdrawals "canWithdraw", ips "ipWhitelist", expires "expired", });

/// Rights of the account's agents taken together, as the answer does not say which is ours: the most dangerous right of
/// any, and the useful ones of all.
pub(super) fn agent_rights(text: &str) -> Read<KeyRights> {
    let rows: Vec<Agent<'_>> = parse_rows(text)?;
    let mut all: Option<KeyRights> = None;
    for row in &rows {
        let one = KeyRights {
            // An agent has no right of its own for it: the question that this answers was signed by one.
            reading: Some(true),
            spot: row.spot.flag("canSpotTrade")?,
            perps: row.perps.flag("canPerpTrade")?,
            withdrawals: row.withdrawals.flag("canWithdraw")?,
            transfers: None,
            ip_bound: (row.ips != Value::Absent).then(|| !row.ips.is_empty()),
            expires: row.expires.optional_time("expired")?,
        };
        if one.spot.is_none() && one.perps.is_none() && one.withdrawals.is_none() {
            return Err(DecodeError::WrongType { field: "canWithdraw", expected: "true or false" });
        }
        all = Some(all.map_or(one, |all| KeyRights {
            spot: both(all.spot, one.spot),
            perps: both(all.perps, one.perps),
            // An agent that may withdraw is one too many; one that does not say is not known not to.
            withdrawals: both(all.withdrawals.map(|may| !may), one.withdrawals.map(|may| !may)).map(|none| !none),
            ip_bound: both(all.ip_bound, one.ip_bound),
            expires: all.expires.into_iter().chain(one.expires).min(),
            ..one
        }));
    }
    all.ok_or(DecodeError::WrongType { field: "agent", expected: "at least one agent" })
}

/// Whether both hold: one that does not makes it false, one that is not known makes it unknown.
const fn both(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

sent!(Indicator { locked "isLocked", until "plannedRecoverTime", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Trading<'a> {
    #[serde(borrow, rename = "isLocked")]
    locked: Value<'a>,
    #[serde(borrow, rename = "plannedRecoverTime")]
    until: Value<'a>,
    #[serde(borrow)]
    indicators: Option<BTreeMap<std::borrow::Cow<'a, str>, Vec<Indicator<'a>>>>,
}

pub(super) fn trading_status(text: &str) -> Read<Answer> {
    let sent: Trading<'_> = parse(text)?;
    let own = Indicator { locked: sent.locked, until: sent.until };
    let Some(indicators) = sent.indicators else {
        return Err(DecodeError::WrongType { field: "indicators", expected: "an object" });
    };
    let (mut locked, mut until) = (false, None);
    for indicator in indicators.values().flatten().chain([&own]) {
        if indicator.locked.flag("isLocked")? == Some(true) {
            locked = true;
            until = until.max(indicator.until.optional_time("plannedRecoverTime")?);
        }
    }
    Ok(Answer::TradingStatus { locked, until })
}

sent!(Collateral { symbol "symbol", index "index", bid "bidRate", ask "askRate", });

pub(super) fn collateral(text: &str) -> Read<Rows<CollateralRow>> {
    let rows: Vec<Collateral<'_>> = parse_rows(text)?;
    let missing = |field| DecodeError::WrongType { field, expected: "a price" };
    let row = |row: &Collateral<'_>| {
        Ok(CollateralRow {
            symbol: row.symbol.symbol("symbol")?,
            index: row.index.computed_price("index")?.ok_or_else(|| missing("index"))?,
            bid: row.bid.computed_price("bidRate")?.ok_or_else(|| missing("bidRate"))?,
            ask: row.ask.computed_price("askRate")?.ok_or_else(|| missing("askRate"))?,
        })
    };
    Ok(each(&rows, |row| row.symbol.word(), row))
}

sent!(Quantiles { both "BOTH", long "LONG", short "SHORT", });

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Adl<'a> {
    #[serde(borrow)]
    symbol: Value<'a>,
    #[serde(rename = "adlQuantile")]
    quantile: Quantiles<'a>,
}

pub(super) fn adl(text: &str) -> Read<Rows<(Symbol, u8)>> {
    let rows: Vec<Adl<'_>> = parse_rows(text)?;
    let row = |row: &Adl<'_>| {
        let q = &row.quantile;
        let sides = [small(&q.long, "LONG")?, small(&q.short, "SHORT")?];
        let rank = small(&q.both, "BOTH")?.or_else(|| sides.into_iter().flatten().max());
        let missing = DecodeError::WrongType { field: "adlQuantile", expected: "a rank" };
        Ok((row.symbol.symbol("symbol")?, rank.ok_or(missing)?))
    };
    Ok(each(&rows, |row| row.symbol.word(), row))
}

sent!(Key { key "listenKey", });

pub(super) fn listen_key(text: &str) -> Read<Option<String>> {
    let sent: Key<'_> = parse(text)?;
    if sent.key.is_empty() {
        return Ok(None);
    }
    // It becomes part of an address.
    let key = sent.key.text("listenKey")?;
    let plain = key.len() <= 256 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let wrong = DecodeError::WrongType { field: "listenKey", expected: "letters and digits" };
    plain.then(|| Some(key.into_owned())).ok_or(wrong)
}
