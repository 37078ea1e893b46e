//! `run.capital` against the money that is there, for `carry doctor`: sizes and limits are shares of the smaller of the two.
//!
//! It asks and judges and changes nothing. Money is the quote coins of both wallets and what is bound in hedged pairs; coins that
//! no short is paired with are nobody's capital. Tests: at the end, and `tests/commands/doctor.rs`.

use super::inquiry::{Inquiry, StartError};
use super::preflight::{Line, Verdict};
use crate::config::Settings;
use crate::domain::text::split_symbol;
use crate::domain::{Amount, Asset, Quantity, Symbol};
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;

/// What the name of the line is.
const CHECK: &str = "run.capital";

/// Money at one venue, every quote coin one for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Money {
    /// Quote coins of both wallets.
    pub free: Amount,
    /// Spot coins that a short is paired with, at the mark.
    pub bound: Amount,
}

/// What a venue holds for these pairs.
///
/// # Errors
/// [`StartError`] when it cannot be reached or refuses.
pub async fn money(inquiry: &Inquiry<'_>, symbols: &[Symbol]) -> Result<Money, StartError> {
    let balances = inquiry.balances().await?;
    let names: Vec<(Asset, Asset)> = symbols.iter().filter_map(|symbol| split_symbol(symbol.as_str())).collect();
    let is_quote = |asset: Asset| names.iter().any(|(_, quote)| *quote == asset);
    let free = balances.iter().filter(|(_, asset, _)| is_quote(*asset)).map(|(.., amount)| *amount).sum();
    let positions = match inquiry.ask("our positions", Ask::Positions).await? {
        Answer::Positions(rows) => rows,
        // Nothing is known of them: nothing is counted, and the line says less than there may be.
        _ => Vec::new(),
    };
    let mut bound = Amount::ZERO;
    for row in positions.iter().filter(|row| row.coins.units() < 0 && symbols.contains(&row.symbol)) {
        let (Some((coin, _)), Some(mark)) = (split_symbol(row.symbol.as_str()), row.mark) else { continue };
        let coins: Amount = balances.iter().filter(|(_, asset, _)| *asset == coin).map(|(.., amount)| *amount).sum();
        let coins = Quantity::saturating(coins.to_coins().units());
        bound += mark.times(coins.min(row.coins.magnitude()));
    }
    Ok(Money { free, bound })
}

/// The line; `None` of a venue whose money could not be asked for.
#[must_use]
pub fn line(settings: &Settings, found: &[Option<Money>]) -> Line {
    let (capital, coin) = (settings.run.capital, settings.run.currency);
    let Some(all) = found.iter().copied().collect::<Option<Vec<Money>>>() else {
        let fix = "mend the lines of the venues first: without an answer nobody knows what is there";
        return Line::new(CHECK, Verdict::Warn, format!("{capital} {coin}; what is there is not known"), fix);
    };
    let (free, bound): (Amount, Amount) = (all.iter().map(|one| one.free).sum(), all.iter().map(|one| one.bound).sum());
    let there = free + bound;
    let shown = if bound.is_zero() { format!("{free} {coin}") } else { format!("{free} {coin} and {bound} in pairs") };
    if there >= capital {
        return Line::new(CHECK, Verdict::Good, format!("{capital} {coin}; there is {shown}"), "");
    }
    let found = format!("{capital} {coin}, and there is {shown}: the smaller counts for every size and limit");
    let fix = format!("set run.capital to {there}{}, or bring the rest", coin.as_str().to_lowercase());
    Line::new(CHECK, Verdict::Warn, found, &fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l36_doctor_says_when_there_is_less_than_the_capital_and_what_counts_then() {
        let mut settings = Settings::default();
        settings.run.capital = Amount::whole(100_000);
        let money = |free: i64, bound: i64| Some(Money { free: Amount::whole(free), bound: Amount::whole(bound) });
        let check = |found: &[Option<Money>], verdict: Verdict, words: &str| {
            let line = line(&settings, found);
            assert_eq!(line.verdict, verdict, "{line:?}");
            assert!(line.found.contains(words), "{line:?}");
            assert_eq!(line.fix.is_empty(), verdict == Verdict::Good);
        };
        check(&[money(100_000, 0)], Verdict::Good, "there is 100000 USDT");
        check(&[money(20_000, 80_000)], Verdict::Good, "20000 USDT and 80000 in pairs");
        check(&[money(20_000, 0), money(5_000, 0)], Verdict::Warn, "there is 25000 USDT: the smaller counts");
        check(&[money(200_000, 0), None], Verdict::Warn, "not known");
    }
}
