//! Contracts of several coins (`1000SHIBUSDT`): the spot leg of such a pair counted in contracts, exactly, at the wire.
//!
//! Everything inside counts such a pair in contracts: its coin has the name of the perp's (`1000SHIB`), and one of it is 1000
//! SHIB. The venue counts the perp so too, and the spot leg in coins. Here the two meet: quantities and amounts of the coin are
//! multiplied on the way out and divided on the way in, prices the other way round, and what does not divide exactly is
//! refused, never rounded. The number of coins is in the name of the perp's coin, and nothing else counts: spot must list the
//! name without it. Levels of foreign orders are rounded down, for they are nobody's money. Candles and raw books do not pass
//! here (`session` counts books). Tests: `bundles_tests.rs`.

use super::account_io::Call;
use super::message::{BookTicker, DecodeError};
use crate::domain::{Amount, Asset, Instrument, Market, NumberError, Price, Quantity, Rules, Symbol};
use crate::market::book::Level;
use crate::venues::answer::{
    AccountMessage, Answer, BalanceRow, BestQuoteRow, Class, FillRow, IncomeRow, Listing, OrderRow, Refused,
    TransferRow,
};
use crate::venues::ask::{Act, Ask, Placement};
use std::borrow::Cow;

/// What names of coins begin with where a contract is several of them, and how many; the longest first.
const WORDS: [(&str, i64); 5] =
    [("1000000", 1_000_000), ("100000", 100_000), ("10000", 10_000), ("1000", 1_000), ("1M", 1_000_000)];

type Read<T> = Result<T, DecodeError>;

/// Coins in one contract, and the name of the coin: `1000SHIB` is 1000 of `SHIB`; `None` of any other name.
#[must_use]
pub fn coins_of(contract: &str) -> Option<(i64, &str)> {
    WORDS.iter().find_map(|(word, coins)| {
        let coin = contract.strip_prefix(word)?;
        // What goes on with a digit is another number.
        coin.chars().next().is_some_and(char::is_alphabetic).then_some((*coins, coin))
    })
}

/// One pair of which a contract is several coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bundle {
    /// Symbol of the spot leg: `SHIBUSDT`.
    pub spot: Symbol,
    /// The venue's name of the coin: `SHIB`.
    pub coin: Asset,
    /// What is counted inside: `1000SHIB`.
    pub contract: Asset,
    /// Coins in one contract.
    pub coins: i64,
}

impl Bundle {
    /// The spot leg that a perp of this name would have.
    #[must_use]
    pub fn named(contract: Asset, quote: Asset) -> Option<Self> {
        let (coins, coin) = coins_of(contract.as_str())?;
        let spot = Symbol::new(&format!("{coin}{quote}")).ok()?;
        Some(Self { spot, coin: Asset::new(coin).ok()?, contract, coins })
    }

    /// Of a spot leg whose coin is counted in contracts; `None` of one that is what its symbol says.
    #[must_use]
    pub fn of(spot: &Instrument) -> Option<Self> {
        let is_leg = |found: &Self| spot.market == Market::Spot && found.spot == spot.symbol;
        Self::named(spot.coin, spot.quote).filter(is_leg)
    }

    /// Coins as contracts.
    fn quantity_in(&self, coins: Quantity) -> Read<Quantity> {
        exact(coins.units(), self.coins).map(Quantity::saturating)
    }

    /// Contracts as coins; `None` when there are more than can be counted.
    fn quantity_out(&self, contracts: Quantity) -> Option<Quantity> {
        Quantity::from_units(contracts.units().checked_mul(self.coins)?).ok()
    }

    /// The price of a coin as that of a contract.
    fn price_in(&self, coin: Price) -> Read<Price> {
        let too_high = DecodeError::BadNumber { field: "price", cause: NumberError::OutOfRange };
        let units = coin.units().checked_mul(self.coins);
        units.and_then(|units| Price::from_units(units).ok()).ok_or(too_high)
    }

    /// The price of a contract as that of a coin; `None` off the grid.
    fn price_out(&self, contract: Price) -> Option<Price> {
        Price::from_units(exact(contract.units(), self.coins).ok()?).ok()
    }

    fn amount_in(&self, coins: Amount) -> Read<Amount> {
        let (units, by) = (coins.units(), i128::from(self.coins));
        if units % by == 0 { Ok(Amount::from_units(units / by)) } else { Err(uneven()) }
    }

    fn amount_out(&self, contracts: Amount) -> Option<Amount> {
        contracts.units().checked_mul(i128::from(self.coins)).map(Amount::from_units)
    }

    /// A level of a book in contracts. One that is there is never counted as nothing.
    ///
    /// # Errors
    /// [`DecodeError`] for a price that is too high to be counted.
    pub fn level_in(&self, (price, coins): Level) -> Result<Level, DecodeError> {
        let least = i64::from(!coins.is_zero());
        Ok((self.price_in(price)?, Quantity::saturating((coins.units() / self.coins).max(least))))
    }

    /// A best quote in contracts.
    ///
    /// # Errors
    /// As [`Self::level_in`].
    pub fn ticker_in(&self, ticker: BookTicker) -> Result<BookTicker, DecodeError> {
        let side = |level: Option<Level>| level.map(|level| self.level_in(level)).transpose();
        Ok(BookTicker { bid: side(ticker.bid)?, ask: side(ticker.ask)?, ..ticker })
    }

    /// Limits on orders in contracts; `None` when a grid cannot be counted so.
    #[must_use]
    pub fn rules_in(&self, rules: &Rules) -> Option<Rules> {
        let up = |coins: Quantity| Quantity::saturating((coins.units() + self.coins - 1) / self.coins);
        Some(Rules {
            tick: self.price_in(rules.tick).ok()?,
            step: self.quantity_in(rules.step).ok()?,
            min_quantity: up(rules.min_quantity),
            max_quantity: Quantity::saturating(rules.max_quantity.units() / self.coins),
            min_notional: rules.min_notional,
        })
    }
}

/// Both sides of a book as they are counted: in contracts of a bundle, else as they are.
///
/// # Errors
/// As [`Bundle::level_in`].
pub fn counted<'a>(bundle: Option<&Bundle>, sides: [&'a [Level]; 2]) -> Result<[Cow<'a, [Level]>; 2], DecodeError> {
    let Some(bundle) = bundle else { return Ok(sides.map(Cow::Borrowed)) };
    let side = |levels: &[Level]| levels.iter().map(|level| bundle.level_in(*level)).collect::<Read<Vec<_>>>();
    let [bids, asks] = sides;
    Ok([Cow::Owned(side(bids)?), Cow::Owned(side(asks)?)])
}

/// A number that divides without a rest.
fn exact(units: i64, by: i64) -> Read<i64> {
    if units % by == 0 { Ok(units / by) } else { Err(uneven()) }
}

const fn uneven() -> DecodeError {
    DecodeError::WrongType { field: "quantity", expected: "a number that can be counted in contracts exactly" }
}

/// All such pairs of one venue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundles(Vec<Bundle>);

impl Bundles {
    /// One more; once each.
    pub fn add(&mut self, bundle: Bundle) {
        if !self.0.contains(&bundle) {
            self.0.push(bundle);
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Bundle> {
        self.0.iter()
    }

    fn leg(&self, market: Market, symbol: Symbol) -> Option<&Bundle> {
        self.0.iter().find(|one| market == Market::Spot && one.spot == symbol)
    }

    fn asset_in(&self, asset: &mut Asset, amount: &mut Amount) -> Read<()> {
        if let Some(one) = self.0.iter().find(|one| one.coin == *asset) {
            (*asset, *amount) = (one.contract, one.amount_in(*amount)?);
        }
        Ok(())
    }

    /// What is asked or done, in the venue's units; `None` when that cannot be said exactly, and then it must not be sent.
    #[must_use]
    pub fn outward(&self, call: &Call) -> Option<Call> {
        let act = match call {
            Call::Act(Act::Place(order)) => match self.leg(order.market, order.symbol) {
                Some(one) => Act::Place(Placement {
                    quantity: one.quantity_out(order.quantity)?,
                    limit: one.price_out(order.limit)?,
                    ..*order
                }),
                None => return Some(call.clone()),
            },
            Call::Act(Act::Transfer { from, asset, amount, id }) => {
                match self.0.iter().find(|one| one.contract == *asset) {
                    Some(one) => {
                        Act::Transfer { from: *from, asset: one.coin, amount: one.amount_out(*amount)?, id: *id }
                    }
                    None => return Some(call.clone()),
                }
            }
            _ => return Some(call.clone()),
        };
        Some(Call::Act(act))
    }

    /// An answer in our units; refused as one that cannot be read when a number of it cannot be counted so.
    ///
    /// # Errors
    /// [`Refused`] of class [`Class::Unknown`]: it proves nothing.
    pub fn inward(&self, call: &Call, mut answer: Answer) -> Result<Answer, Refused> {
        if self.0.is_empty() {
            return Ok(answer);
        }
        let is_spot = matches!(call, Call::Ask(Ask::BestQuote { market: Market::Spot, .. }));
        match self.answer_in(is_spot, &mut answer) {
            Ok(()) => Ok(answer),
            Err(error) => {
                let text = error.to_string();
                Err(Refused { class: Class::Unknown, status: 200, code: None, text, until: None })
            }
        }
    }

    fn answer_in(&self, is_spot: bool, answer: &mut Answer) -> Read<()> {
        match answer {
            Answer::Instruments { listings, left_out, .. } => self.listings_in(listings, left_out),
            Answer::BestQuotes(rows) if is_spot => rows.iter_mut().try_for_each(|row| self.best_in(row))?,
            Answer::Order(row) => self.order_in(row)?,
            Answer::Orders(rows) => rows.iter_mut().try_for_each(|row| self.order_in(row))?,
            Answer::Fills(rows) => rows.iter_mut().try_for_each(|row| self.fill_in(row))?,
            Answer::Balances(_, rows) => rows.iter_mut().try_for_each(|row| self.balance_in(row))?,
            Answer::Income(rows) => {
                rows.iter_mut().try_for_each(|row: &mut IncomeRow| self.asset_in(&mut row.asset, &mut row.amount))?;
            }
            Answer::Transfers(rows) => {
                rows.iter_mut().try_for_each(|row: &mut TransferRow| self.asset_in(&mut row.asset, &mut row.amount))?;
            }
            Answer::Partly { answer, .. } => self.answer_in(is_spot, answer)?,
            _ => {}
        }
        Ok(())
    }

    /// Spot legs take the coin of the perp; one whose grid cannot be counted in contracts is left out and named.
    fn listings_in(&self, listings: &mut Vec<Listing>, left_out: &mut Vec<(Symbol, String)>) {
        listings.retain_mut(|row| {
            let Some(one) = self.leg(row.market, row.symbol).filter(|one| one.coin == row.base) else { return true };
            let Some(rules) = one.rules_in(&row.rules) else {
                left_out.push((row.symbol, format!("its grid cannot be counted in contracts of {} coins", one.coins)));
                return false;
            };
            (row.base, row.rules) = (one.contract, rules);
            true
        });
    }

    fn best_in(&self, row: &mut BestQuoteRow) -> Read<()> {
        let Some(one) = self.leg(Market::Spot, row.symbol) else { return Ok(()) };
        row.bid = row.bid.map(|level| one.level_in(level)).transpose()?;
        row.ask = row.ask.map(|level| one.level_in(level)).transpose()?;
        Ok(())
    }

    fn order_in(&self, row: &mut OrderRow) -> Read<()> {
        row.fills.iter_mut().try_for_each(|fill| self.fill_in(fill))?;
        let Some(one) = self.leg(row.market, row.symbol) else { return Ok(()) };
        row.quantity = one.quantity_in(row.quantity)?;
        row.filled = one.quantity_in(row.filled)?;
        row.limit = row.limit.map(|limit| one.price_in(limit)).transpose()?;
        Ok(())
    }

    fn fill_in(&self, row: &mut FillRow) -> Read<()> {
        if let (Some(fee), Some(asset)) = (&mut row.fee, &mut row.fee_asset) {
            self.asset_in(asset, fee)?;
        }
        let Some(one) = self.leg(row.market, row.symbol) else { return Ok(()) };
        row.price = one.price_in(row.price)?;
        row.quantity = one.quantity_in(row.quantity)?;
        Ok(())
    }

    fn balance_in(&self, row: &mut BalanceRow) -> Read<()> {
        let mut asset = row.asset;
        self.asset_in(&mut asset, &mut row.free)?;
        self.asset_in(&mut row.asset, &mut row.total)
    }

    /// A message of the account's streams in our units.
    ///
    /// # Errors
    /// [`DecodeError`] when a number of it cannot be counted so.
    pub fn told(&self, mut message: AccountMessage) -> Result<AccountMessage, DecodeError> {
        match &mut message {
            AccountMessage::Order { order, fill, .. } => {
                self.order_in(order)?;
                fill.as_mut().map_or(Ok(()), |row| self.fill_in(row))?;
            }
            AccountMessage::Balances { rows, .. } => {
                rows.iter_mut().try_for_each(|(asset, amount)| self.asset_in(asset, amount))?;
            }
            AccountMessage::Moved { asset, amount, .. } => self.asset_in(asset, amount)?,
            _ => {}
        }
        Ok(message)
    }
}

#[cfg(test)]
#[path = "bundles_tests.rs"]
mod tests;
