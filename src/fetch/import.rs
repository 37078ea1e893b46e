//! An account's past from the venue's own lists: income by pages, executions by windows, summed per symbol and asset.
//!
//! It reads and sums, and never touches a state folder or a ledger. What the venue lists no more is not there, and what it
//! does not say is a remark, never zero. Signs: plus is to us. Tests: at the end, and `tests/commands/doctor.rs`.

use crate::checks::inquiry::{Inquiry, StartError};
use crate::domain::{Amount, Asset, Market, Span, Symbol, WallTime};
use crate::venues::answer::{Answer, FillRow, IncomeRow};
use crate::venues::ask::{Ask, From};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Most rows of one answer.
const ROWS: u32 = 1000;
/// Longest window of each list.
const SPOT_WINDOW: Span = Span::DAY;
const PERP_WINDOW: Span = Span(7 * Span::DAY.0);

/// From when to when, and which symbols beside those of the perp income.
pub struct Wanted<'a> {
    /// First instant.
    pub from: WallTime,
    /// Last instant.
    pub to: WallTime,
    /// Symbols to look for on spot even if no perp of them had income.
    pub symbols: &'a [Symbol],
}

/// What one symbol did to one asset of the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Lines {
    /// Funding of perps.
    pub funding: Amount,
    /// Trading fees of both markets, and rebates.
    pub fees: Amount,
    /// Realised profit of perps.
    pub realised: Amount,
    /// Coins and money exchanged on spot.
    pub traded: Amount,
    /// Moved between the wallets, or in and out, as the perp wallet saw it; no profit.
    pub transfers: Amount,
    /// Whatever else the venue booked on the perp wallet.
    pub other: Amount,
}

impl Lines {
    /// All but the transfers.
    #[must_use]
    pub fn total(&self) -> Amount {
        self.funding + self.fees + self.realised + self.traded + self.other
    }
}

/// What was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Import {
    /// Per symbol (empty for what belongs to none) and asset.
    pub lines: BTreeMap<(String, Asset), Lines>,
    /// Executions read: spot, perp.
    pub fills: (usize, usize),
    /// Rows of income read.
    pub incomes: usize,
    /// What could not be known.
    pub remarks: Vec<String>,
}

impl Import {
    fn at(&mut self, symbol: Option<Symbol>, asset: Asset) -> &mut Lines {
        self.lines.entry((symbol.map_or_else(String::new, |symbol| symbol.as_str().to_owned()), asset)).or_default()
    }

    fn income(&mut self, row: &IncomeRow) {
        self.incomes += 1;
        let lines = self.at(row.symbol, row.asset);
        let line = match row.kind.as_str() {
            "FUNDING_FEE" => &mut lines.funding,
            "COMMISSION" | "COMMISSION_REBATE" | "API_REBATE" | "REFERRAL_KICKBACK" => &mut lines.fees,
            "REALIZED_PNL" => &mut lines.realised,
            kind if kind.contains("TRANSFER") => &mut lines.transfers,
            _ => &mut lines.other,
        };
        *line += row.amount;
    }

    /// A spot execution: coins against money, and the fee in its own asset.
    fn spot(&mut self, row: &FillRow, base: Asset, quote: Asset) {
        self.fills.0 += 1;
        let Some(side) = row.side else {
            self.remarks.push(format!("{}: execution {} has no side and is left out", row.symbol, row.id.0));
            return;
        };
        let coins = row.quantity.signed(side);
        self.at(Some(row.symbol), base).traded += Amount::of_coins(coins);
        self.at(Some(row.symbol), quote).traded -= row.price.times_signed(coins);
        match (row.fee, row.fee_asset) {
            (Some(fee), Some(asset)) => self.at(Some(row.symbol), asset).fees -= fee,
            _ => self.remarks.push(format!("{}: the fee of execution {} is not known", row.symbol, row.id.0)),
        }
    }
}

/// Reads everything in the window; `told` gets a word on each step.
///
/// # Errors
/// [`StartError`] when the venue refuses or cannot be reached: a part of a past is none.
pub async fn import(
    inquiry: &Inquiry<'_>,
    wanted: &Wanted<'_>,
    told: &mut (dyn FnMut(String) + Send),
) -> Result<Import, StartError> {
    let mut import = Import::default();
    let mut symbols: BTreeSet<Symbol> = wanted.symbols.iter().copied().collect();
    let mut perps = BTreeSet::new();
    let mut commissions: BTreeMap<(Symbol, Asset), Amount> = BTreeMap::new();
    for (start, end) in windows(wanted.from, wanted.to, PERP_WINDOW) {
        told(format!("income of {start}"));
        for row in incomes(inquiry, start, end).await? {
            if let Some(symbol) = row.symbol {
                perps.insert(symbol);
                if row.kind.as_str() == "COMMISSION" {
                    *commissions.entry((symbol, row.asset)).or_default() -= row.amount;
                }
            }
            import.income(&row);
        }
    }
    symbols.extend(perps.iter().copied());
    for symbol in &perps {
        for (start, end) in windows(wanted.from, wanted.to, PERP_WINDOW) {
            told(format!("{symbol} perp executions of {start}"));
            for row in fills(inquiry, (Market::Perp, *symbol), start, end).await? {
                import.fills.1 += 1;
                match (row.fee, row.fee_asset) {
                    (Some(fee), Some(asset)) => *commissions.entry((*symbol, asset)).or_default() -= fee,
                    _ => import.remarks.push(format!("{symbol}: the fee of execution {} is not known", row.id.0)),
                }
            }
        }
    }
    // The fees of the income are those of the executions: both lists are whole.
    for ((symbol, asset), off) in commissions {
        if !off.is_zero() {
            import.remarks.push(format!("{symbol}: fees of income and of executions differ by {off} {asset}"));
        }
    }
    let listed = spot_assets(inquiry).await?;
    for symbol in symbols {
        let Some((base, quote)) = listed.get(&symbol) else {
            import.remarks.push(format!("{symbol}: is not listed on spot now, so its spot executions are not read"));
            continue;
        };
        for (start, end) in windows(wanted.from, wanted.to, SPOT_WINDOW) {
            told(format!("{symbol} spot executions of {start}"));
            for row in fills(inquiry, (Market::Spot, symbol), start, end).await? {
                import.spot(&row, *base, *quote);
            }
        }
    }
    Ok(import)
}

/// Windows of at most `length` that cover everything, ends included, each instant once.
fn windows(from: WallTime, to: WallTime, length: Span) -> Vec<(WallTime, WallTime)> {
    let mut all = Vec::new();
    let mut start = from;
    while start <= to {
        let end = (start + length - Span(1)).min(to);
        all.push((start, end));
        start = end + Span(1);
    }
    all
}

fn strange(inquiry: &Inquiry<'_>, what: &str) -> StartError {
    StartError::Unreachable { venue: inquiry.name.to_owned(), what: what.to_owned() }
}

fn is_full(rows: usize) -> bool {
    rows >= usize::try_from(ROWS).unwrap_or(usize::MAX)
}

/// One window of income, page after page.
async fn incomes(inquiry: &Inquiry<'_>, start: WallTime, end: WallTime) -> Result<Vec<IncomeRow>, StartError> {
    let mut all: Vec<IncomeRow> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut page = 1;
    loop {
        let ask = Ask::Income { kind: None, start, end: Some(end), page, limit: ROWS };
        let Answer::Income(rows) = inquiry.ask("its income", ask).await? else {
            return Err(strange(inquiry, "its income: the answer is of another kind"));
        };
        let full = is_full(rows.len());
        let before = all.len();
        for row in rows {
            if seen.insert((row.kind, row.symbol, row.asset, row.id.clone())) {
                all.push(row);
            }
        }
        if !full {
            return Ok(all);
        }
        if all.len() == before {
            return Err(strange(inquiry, "its income: a full page brought nothing new, so the rest cannot be read"));
        }
        page += 1;
    }
}

/// One window of executions; a full answer goes on by number.
async fn fills(
    inquiry: &Inquiry<'_>,
    of: (Market, Symbol),
    start: WallTime,
    end: WallTime,
) -> Result<Vec<FillRow>, StartError> {
    let (market, symbol) = of;
    let mut all: Vec<FillRow> = Vec::new();
    let mut from = From::Window { start, end };
    loop {
        let ask = Ask::Fills { market, symbol, from, limit: ROWS };
        let Answer::Fills(rows) = inquiry.ask("our executions", ask).await? else {
            return Err(strange(inquiry, "our executions: the answer is of another kind"));
        };
        let (full, last) = (is_full(rows.len()), rows.iter().map(|row| row.id.0).max());
        let past = rows.iter().any(|row| row.at.is_some_and(|at| at > end));
        all.extend(rows.into_iter().filter(|row| row.at.is_none_or(|at| at <= end)));
        match last {
            Some(last) if full && !past => from = From::Id(last + 1),
            _ => return Ok(all),
        }
    }
}

/// Base and quote of every spot symbol.
async fn spot_assets(inquiry: &Inquiry<'_>) -> Result<BTreeMap<Symbol, (Asset, Asset)>, StartError> {
    match inquiry.ask("its instruments", Ask::Instruments(Market::Spot)).await? {
        Answer::Instruments { listings, .. } => {
            Ok(listings.into_iter().map(|row| (row.symbol, (row.base, row.quote))).collect())
        }
        _ => Err(strange(inquiry, "its instruments: the answer is of another kind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FillId, Price, Quantity, Side};

    #[test]
    fn windows_hold_every_instant_once() {
        let at = |hours: i64| WallTime(0) + Span::hours(hours);
        let found = windows(at(0), at(50), SPOT_WINDOW);
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].0, found[2].1), (at(0), at(50)));
        assert!(found.windows(2).all(|two| two[0].1 + Span(1) == two[1].0));
        assert_eq!(windows(at(5), at(5), SPOT_WINDOW), [(at(5), at(5))]);
        assert_eq!(windows(at(6), at(5), SPOT_WINDOW), []);
    }

    #[test]
    fn a_spot_buy_is_coins_for_money_and_its_fee_is_in_its_own_asset() {
        let mut import = Import::default();
        let mut fill = FillRow {
            market: Market::Spot,
            symbol: Symbol::of("BTCUSDT"),
            id: FillId(1),
            order: 1,
            side: Some(Side::Buy),
            price: Price::parse("50000").unwrap(),
            quantity: Quantity::parse("0.5").unwrap(),
            fee: Some(Amount::parse("0.0005").unwrap()),
            fee_asset: Some(Asset::of("BTC")),
            role: None,
            at: None,
        };
        import.spot(&fill, Asset::of("BTC"), Asset::of("USDT"));
        let total = |import: &Import, asset| import.lines[&("BTCUSDT".to_owned(), Asset::of(asset))].total();
        assert_eq!(total(&import, "BTC"), Amount::parse("0.4995").unwrap());
        assert_eq!(total(&import, "USDT"), Amount::whole(-25_000));
        fill.fee = None;
        import.spot(&fill, Asset::of("BTC"), Asset::of("USDT"));
        assert_eq!(import.remarks.len(), 1, "a fee that is not stated is not zero");
    }
}
