//! Closing the pairs of an account without its state folder: for the day on which the machine is lost.
//!
//! What is open is read from the venue's lists alone. A pair here is a short with the spot coins of the same coin beside it;
//! coins beyond the short are never touched, nor are longs. The short is bought back reduce-only in clips, and after each as
//! many spot coins are sold, so that the legs never differ by more than a clip. Every order is immediate-or-cancel inside a
//! collar round the venue's index; the first order whose outcome cannot be learnt ends it. Tests: `tests/commands/lost.rs`.

use super::inquiry::{Inquiry, StartError};
use crate::domain::text::split_symbol;
use crate::domain::{Amount, Asset, Bps, ClientOrderId, Market, Price, Quantity, Rules, Side, Symbol};
use crate::net::wire::{Outcome, Wire};
use crate::port::TimeInForce;
use crate::port::event::Wallet;
use crate::venues::answer::{Answer, BalanceRow, Class, Listing, OrderRow, OrderStatus, PositionRow};
use crate::venues::ask::{Act, Ask, Placement, Priority};
use crate::venues::binance::bundles::Bundle;
use serde::Serialize;

/// Tries of an order that fills nothing, in a row, before the book counts as empty inside the collar.
const TRIES: u32 = 5;
/// Questions about an order whose answer did not come.
const QUESTIONS: u32 = 10;

/// How it is done.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// Largest value of one order, in the quote coin.
    pub clip: Amount,
    /// How far from the index an order may reach.
    pub collar: Bps,
    /// Of the ids of this run.
    pub salt: u32,
}

/// One pair of the account.
#[derive(Debug, Clone, Serialize)]
pub struct Pair {
    /// Symbol of the perp.
    pub symbol: Symbol,
    /// The coin.
    pub coin: Asset,
    /// What it is quoted in.
    pub quote: Asset,
    /// Coins short: bought back.
    pub short: Quantity,
    /// Spot coins sold, at most as many as the short.
    pub coins: Quantity,
    /// Value of the short at the mark.
    pub about: Option<Amount>,
    #[serde(skip)]
    spot: Option<(Symbol, Rules)>,
    #[serde(skip)]
    perp: Rules,
}

/// What the account holds.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Lost {
    /// Shorts, with the spot coins beside them.
    pub pairs: Vec<Pair>,
    /// Positions that are not closed: longs, hedge mode, symbols without a listing.
    pub left: Vec<String>,
    /// Coins that no short is paired with: never sold.
    pub coins: Vec<(Asset, Amount)>,
    /// Open orders of those symbols, which are cancelled first.
    pub orders: Vec<(Market, Symbol)>,
}

/// One order that was sent.
#[derive(Debug, Clone, Serialize)]
pub struct Sent {
    /// Our id.
    pub id: String,
    /// `spot` or `perp`.
    pub leg: String,
    /// `buy` or `sell`.
    pub side: &'static str,
    /// Its symbol.
    pub symbol: Symbol,
    /// Coins asked for.
    pub quantity: Quantity,
    /// Coins executed.
    pub filled: Quantity,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum LostError {
    /// A question failed: nothing more was sent.
    #[error(transparent)]
    Ask(#[from] StartError),
    /// The venue refused an order.
    #[error("the venue refuses {0}")]
    Refused(String),
    /// Nothing to be had inside the collar.
    #[error("{0}")]
    NoBook(String),
    /// An order of which nobody knows what became of it.
    #[error(
        "the outcome of order {id} on {symbol} is not known; look at the venue's order history before anything else"
    )]
    InDoubt {
        /// Our id.
        id: String,
        /// Its symbol.
        symbol: Symbol,
    },
}

/// Reads the account.
///
/// # Errors
/// [`StartError`] when a list cannot be had: a part of an account is none.
pub async fn look(inquiry: &Inquiry<'_>) -> Result<Lost, StartError> {
    let Answer::Positions(positions) = inquiry.ask("positions", Ask::Positions).await? else {
        return Err(strange(inquiry, "positions"));
    };
    count_in_contracts(inquiry, &positions).await?;
    let Answer::Balances(_, balances) = inquiry.ask("balances", Ask::Balances(Wallet::Spot)).await? else {
        return Err(strange(inquiry, "balances"));
    };
    let mut listings = Vec::new();
    let mut orders = Vec::new();
    for market in [Market::Spot, Market::Perp] {
        match inquiry.ask("its instruments", Ask::Instruments(market)).await? {
            Answer::Instruments { listings: rows, .. } => listings.extend(rows),
            _ => return Err(strange(inquiry, "its instruments")),
        }
        match inquiry.ask("open orders", Ask::OpenOrders { market, symbol: None }).await? {
            Answer::Orders(rows) => orders.extend(rows.iter().map(|row| (market, row.symbol))),
            _ => return Err(strange(inquiry, "open orders")),
        }
    }
    Ok(pair_up(&positions, &balances, &listings, orders))
}

/// Spot coins of contracts of several coins are counted in contracts, before anything is asked of them. Where that cannot be,
/// the short is closed all the same, and its coins are named among those that are left.
async fn count_in_contracts(inquiry: &Inquiry<'_>, positions: &[PositionRow]) -> Result<(), StartError> {
    let open = || positions.iter().filter(|row| !row.coins.is_zero()).map(|row| row.symbol);
    for symbol in open() {
        let named = split_symbol(symbol.as_str()).and_then(|(coin, quote)| Bundle::named(coin, quote));
        // Beside a position in the coin itself nobody can say whose the coins are.
        if named.is_none_or(|one| open().any(|other| other == one.spot)) {
            continue;
        }
        match inquiry.spot_leg(symbol).await {
            Ok(_) | Err(StartError::Pair { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn strange(inquiry: &Inquiry<'_>, what: &str) -> StartError {
    let what = format!("{what}: the answer is of another kind");
    StartError::Unreachable { venue: inquiry.name.to_owned(), what }
}

/// Pairs shorts with free spot coins; what is no part of a pair is named and left.
fn pair_up(
    positions: &[PositionRow],
    balances: &[BalanceRow],
    listings: &[Listing],
    mut orders: Vec<(Market, Symbol)>,
) -> Lost {
    let mut lost = Lost::default();
    let mut free: Vec<(Asset, Amount)> = balances.iter().map(|row| (row.asset, row.total)).collect();
    for row in positions.iter().filter(|row| !row.coins.is_zero()) {
        let find = |market: Market, wanted: &dyn Fn(&Listing) -> bool| {
            listings.iter().find(|one| one.market == market && wanted(one))
        };
        let perp = find(Market::Perp, &|one| one.symbol == row.symbol);
        let Some(perp) = perp.filter(|_| row.coins.units() < 0 && !row.hedge_side) else {
            lost.left.push(format!("{} {}", row.symbol, row.coins));
            continue;
        };
        let spot = find(Market::Spot, &|one| one.base == perp.base && one.quote == perp.quote && one.trading);
        let short = row.coins.magnitude();
        let held = free.iter_mut().find(|(asset, _)| *asset == perp.base);
        let coins = match (&held, spot) {
            (Some((_, amount)), Some(spot)) => {
                Quantity::saturating(amount.to_coins().units()).min(short).floor_to(spot.rules.step)
            }
            _ => Quantity::ZERO,
        };
        if let Some((_, amount)) = held {
            *amount -= Amount::of_coins(coins.signed(Side::Buy));
        }
        lost.pairs.push(Pair {
            symbol: row.symbol,
            coin: perp.base,
            quote: perp.quote,
            short,
            coins,
            about: row.mark.map(|mark| mark.times(short)),
            spot: spot.map(|spot| (spot.symbol, spot.rules)),
            perp: perp.rules,
        });
    }
    let ours = |symbol: &Symbol| {
        lost.pairs.iter().any(|pair| pair.symbol == *symbol || pair.spot.is_some_and(|(spot, _)| spot == *symbol))
    };
    orders.retain(|(_, symbol)| ours(symbol));
    orders.sort_unstable();
    orders.dedup();
    let quotes: Vec<Asset> = lost.pairs.iter().map(|pair| pair.quote).collect();
    free.retain(|(asset, amount)| !amount.is_zero() && !quotes.contains(asset));
    (lost.orders, lost.coins) = (orders, free);
    lost
}

/// Closes one account's pairs; `told` gets every order as it ends.
pub struct Closing<'a> {
    /// The venue, with a key that trades.
    pub inquiry: Inquiry<'a>,
    /// How.
    pub how: How,
    number: u32,
}

impl<'a> Closing<'a> {
    /// Before the first order.
    #[must_use]
    pub const fn new(inquiry: Inquiry<'a>, how: How) -> Self {
        Self { inquiry, how, number: 0 }
    }

    const fn wire(&self) -> &Wire {
        self.inquiry.wire
    }

    /// Cancels resting orders of the pairs, then closes pair by pair. What is left is read again with [`look`].
    ///
    /// # Errors
    /// [`LostError`]: nothing more is sent after it.
    pub async fn close(&mut self, lost: &Lost, told: &mut (dyn FnMut(&Sent) + Send)) -> Result<(), LostError> {
        for (market, symbol) in &lost.orders {
            // Whether it was there or not any more is seen in the next list.
            let _ = self.wire().act(Act::CancelAll { market: *market, symbol: *symbol }).await;
        }
        for pair in &lost.pairs {
            self.pair(pair, told).await?;
        }
        Ok(())
    }

    async fn pair(&mut self, pair: &Pair, told: &mut (dyn FnMut(&Sent) + Send)) -> Result<(), LostError> {
        let (mut short, mut coins) = (pair.short, pair.coins);
        // Coins of clips that were bought back and not sold yet.
        let mut due = Quantity::ZERO;
        let (mut idle, mut waits) = (0, false);
        while !short.is_zero() || !due.floor_to(step(pair)).is_zero() {
            let bought = if (due.is_zero() || waits) && !short.is_zero() {
                let clip = self.clip(pair, short).await?;
                let sent = self.order(pair, Market::Perp, clip).await?;
                told(&sent);
                short = short.minus(sent.filled);
                due = (due + sent.filled).min(coins);
                sent.filled
            } else {
                Quantity::ZERO
            };
            let mut sold = Quantity::ZERO;
            let sell = self.sellable(pair, due).await?;
            if !sell.is_zero() {
                let sent = self.order(pair, Market::Spot, sell).await?;
                told(&sent);
                sold = sent.filled;
            }
            // Too few for an order of their own: they go with the next clip, or stay as dust.
            waits = sell.is_zero();
            (due, coins) = (due.minus(sold), coins.minus(sold));
            idle = if bought.is_zero() && sold.is_zero() { idle + 1 } else { 0 };
            if idle >= TRIES {
                return Err(LostError::NoBook(format!("{}: nothing can be had inside the collar now", pair.symbol)));
            }
            if short.is_zero() && sell.is_zero() {
                break;
            }
        }
        Ok(())
    }

    /// A clip on both legs' grids; the whole rest when it is smaller.
    async fn clip(&self, pair: &Pair, short: Quantity) -> Result<Quantity, LostError> {
        let index = self.index(pair.symbol).await?;
        let units = self.how.clip.units().max(0).div_euclid(i128::from(index.units().max(1)));
        let grid = step(pair).max(pair.perp.step);
        let clip = Quantity::saturating(i64::try_from(units).unwrap_or(i64::MAX)).floor_to(grid).max(grid);
        let least = pair.perp.min_quantity.max(pair.perp.step);
        // A rest that is too small for an order of its own goes with this one.
        let clip = if short.minus(clip) < least.max(grid) { short } else { clip };
        Ok(clip.min(short).min(pair.perp.max_quantity))
    }

    /// Coins that the spot market takes as an order: fewer than its least is dust.
    async fn sellable(&self, pair: &Pair, due: Quantity) -> Result<Quantity, LostError> {
        let Some((_, rules)) = pair.spot else { return Ok(Quantity::ZERO) };
        let sell = due.floor_to(rules.step).min(rules.max_quantity);
        if sell < rules.min_quantity || self.index(pair.symbol).await?.times(sell) < rules.min_notional {
            return Ok(Quantity::ZERO);
        }
        Ok(sell)
    }

    async fn index(&self, symbol: Symbol) -> Result<Price, LostError> {
        let Answer::Premium(rows) = self.inquiry.ask("the index", Ask::Premium { symbol: Some(symbol) }).await? else {
            return Err(strange(&self.inquiry, "the index").into());
        };
        let row = rows.iter().find(|row| row.symbol == symbol);
        row.map(|row| row.index).ok_or_else(|| LostError::NoBook(format!("{symbol}: the venue states no index")))
    }

    /// One order, and what became of it.
    async fn order(&mut self, pair: &Pair, market: Market, quantity: Quantity) -> Result<Sent, LostError> {
        let index = self.index(pair.symbol).await?;
        let (symbol, rules, side) = match (market, pair.spot) {
            (Market::Spot, Some((symbol, rules))) => (symbol, rules, Side::Sell),
            _ => (pair.symbol, pair.perp, Side::Buy),
        };
        self.number += 1;
        let id = ClientOrderId { epoch: 0, salt: self.how.salt, number: self.number };
        let limit = index.worse_by(self.how.collar, side, rules.tick);
        let (time_in_force, reduce_only) = (TimeInForce::ImmediateOrCancel, market == Market::Perp);
        let priority = Priority::Safety;
        let placement = Placement { market, symbol, id, side, quantity, limit, time_in_force, reduce_only, priority };
        let filled = match self.wire().act(Act::Place(placement)).await {
            Outcome::Answered { result: Ok(Answer::Order(row)), .. } if row.status != OrderStatus::Open => row.filled,
            Outcome::Answered { result: Err(refused), .. } if proves(refused.class) => {
                return Err(LostError::Refused(format!("an order of {quantity} on {market} {symbol}: {refused}")));
            }
            Outcome::NotSent { .. } => {
                return Err(LostError::NoBook(format!("{symbol}: the request could not be sent")));
            }
            Outcome::Answered { .. } | Outcome::NoAnswer => self.learn((market, symbol), id).await?,
        };
        Ok(Sent { id: id.to_string(), leg: market.to_string(), side: side.as_str(), symbol, quantity, filled })
    }

    /// Asks for an order until it has an end; it was immediate-or-cancel, so it has one soon.
    async fn learn(&self, of: (Market, Symbol), id: ClientOrderId) -> Result<Quantity, LostError> {
        let (market, symbol) = of;
        for _ in 0..QUESTIONS {
            let ask = Ask::Order { market, symbol, id: id.to_string() };
            if let Ok(Answer::Order(OrderRow { status, filled, .. })) = self.inquiry.ask("an order", ask).await
                && status != OrderStatus::Open
            {
                return Ok(filled);
            }
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        Err(LostError::InDoubt { id: id.to_string(), symbol })
    }
}

/// Whether a refusal proves that nothing was executed.
const fn proves(class: Class) -> bool {
    !matches!(class, Class::Unknown)
}

/// Grid of the spot leg.
fn step(pair: &Pair) -> Quantity {
    pair.spot.map_or(pair.perp.step, |(_, rules)| rules.step)
}
