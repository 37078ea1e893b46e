//! The venue's own books: wallets, positions, orders, executions, income and transfers of its one account.
//!
//! Exact decimals; every change of a futures wallet has its income row. Nothing is forgotten while the venue runs. Not
//! here: rules and prices. Tests in `tests/suite/loopback.rs`.

use super::script::Done;
use crate::domain::{Amount, Asset, Market, Price, Quantity, Side, SignedQuantity, Symbol, WallTime};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A spot holding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Purse {
    /// All of it.
    pub(crate) total: Amount,
    /// The part that resting orders hold.
    pub(crate) locked: Amount,
}

impl Purse {
    pub(crate) fn free(&self) -> Amount {
        self.total - self.locked
    }
}

/// A perp position and the settings of its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) coins: SignedQuantity,
    /// Signed value at entry.
    pub(crate) entry_value: Amount,
    /// Money of an isolated position; part of the wallet.
    pub(crate) isolated_wallet: Amount,
    pub(crate) isolated: bool,
    pub(crate) leverage: u32,
    pub(crate) updated: WallTime,
}

impl Default for Position {
    fn default() -> Self {
        Self {
            coins: SignedQuantity::ZERO,
            entry_value: Amount::ZERO,
            isolated_wallet: Amount::ZERO,
            isolated: false,
            leverage: 20,
            updated: WallTime(0),
        }
    }
}

impl Position {
    pub(crate) fn unrealised(&self, mark: Price) -> Amount {
        mark.times_signed(self.coins) - self.entry_value
    }

    /// Mean entry price in units of 1e-8; zero when flat, as the venue writes it.
    pub(crate) fn entry_units(&self) -> i128 {
        let coins = i128::from(self.coins.units());
        // The division rounds for divisors above zero only; value and coins have one sign.
        let value = self.entry_value.units() * coins.signum();
        if coins == 0 { 0 } else { crate::domain::decimal::div_half_even(value, coins.abs()) }
    }

    /// Trades `signed` coins at `price`; the realised profit, rounded to 1e-8 as it is paid.
    pub(crate) fn trade(&mut self, signed: SignedQuantity, price: Price) -> Amount {
        let held = self.coins;
        let mut left = signed;
        let mut realised = Amount::ZERO;
        if held.units().signum() * signed.units().signum() < 0 {
            let closing = if signed.magnitude() > held.magnitude() { -held } else { signed };
            let whole = closing.magnitude() == held.magnitude();
            let share = self.entry_value.share(closing.magnitude().units(), held.magnitude().units());
            let released = if whole { self.entry_value } else { share };
            realised = (-(released + price.times_signed(closing))).to_ledger_unit();
            // What rounding leaves stays in the entry value until the position is closed.
            self.entry_value -= if whole { self.entry_value } else { -(realised + price.times_signed(closing)) };
            self.coins += closing;
            left -= closing;
        }
        self.coins += left;
        self.entry_value += price.times_signed(left);
        realised
    }
}

/// Kinds of orders that the venue knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Limit,
    Market,
    /// Spot's post-only.
    LimitMaker,
}

/// Time in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Tif {
    Gtc,
    Ioc,
    Fok,
    /// Post-only.
    Gtx,
}

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    New,
    Partial,
    Filled,
    Canceled,
    Expired,
}

impl Kind {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Limit => "LIMIT",
            Self::Market => "MARKET",
            Self::LimitMaker => "LIMIT_MAKER",
        }
    }
}

impl Tif {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Gtc => "GTC",
            Self::Ioc => "IOC",
            Self::Fok => "FOK",
            Self::Gtx => "GTX",
        }
    }
}

impl Status {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Partial => "PARTIALLY_FILLED",
            Self::Filled => "FILLED",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
        }
    }

    pub(crate) const fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Partial)
    }
}

/// `BUY` or `SELL`.
pub(crate) const fn side_word(side: Side) -> &'static str {
    match side {
        Side::Buy => "BUY",
        Side::Sell => "SELL",
    }
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) id: u64,
    pub(crate) market: Market,
    pub(crate) symbol: Symbol,
    pub(crate) client: String,
    pub(crate) side: Side,
    pub(crate) kind: Kind,
    pub(crate) tif: Tif,
    pub(crate) price: Option<Price>,
    pub(crate) quantity: Quantity,
    /// What a spot market buy by value spends.
    pub(crate) quote_quantity: Option<Amount>,
    pub(crate) filled: Quantity,
    pub(crate) value: Amount,
    pub(crate) status: Status,
    pub(crate) reduce_only: bool,
    pub(crate) created: WallTime,
    pub(crate) updated: WallTime,
    /// Spot money that it still holds.
    pub(crate) locked: Amount,
    /// By whose hand: the venue's own orders have no key.
    pub(crate) by_venue: bool,
}

impl Order {
    pub(crate) const fn left(&self) -> Quantity {
        self.quantity.minus(self.filled)
    }

    /// Average price in units of 1e-8; zero without a fill.
    pub(crate) fn average_units(&self) -> i128 {
        let filled = i128::from(self.filled.units());
        if filled == 0 { 0 } else { crate::domain::decimal::div_half_even(self.value.units(), filled) }
    }
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Execution {
    pub(crate) id: u64,
    pub(crate) order: u64,
    pub(crate) market: Market,
    pub(crate) symbol: Symbol,
    pub(crate) side: Side,
    pub(crate) price: Price,
    pub(crate) quantity: Quantity,
    pub(crate) fee: Amount,
    pub(crate) fee_asset: Asset,
    pub(crate) realised: Amount,
    pub(crate) maker: bool,
    pub(crate) at: WallTime,
}

/// One change of a futures wallet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Income {
    pub(crate) tran: u64,
    pub(crate) kind: String,
    pub(crate) symbol: Option<Symbol>,
    pub(crate) asset: Asset,
    pub(crate) amount: Amount,
    pub(crate) at: WallTime,
    pub(crate) trade: Option<u64>,
}

/// One transfer between the wallets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transfer {
    pub(crate) tran: u64,
    pub(crate) kind: String,
    pub(crate) asset: Asset,
    pub(crate) amount: Amount,
    pub(crate) at: WallTime,
    pub(crate) client: Option<String>,
}

/// All books.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own on the account's page")]
pub(crate) struct Books {
    pub(crate) spot: BTreeMap<Asset, Purse>,
    pub(crate) futures: BTreeMap<Asset, Amount>,
    pub(crate) positions: BTreeMap<Symbol, Position>,
    pub(crate) hedge: bool,
    pub(crate) multi_assets: bool,
    pub(crate) fee_burn: bool,
    /// Spot fees are taken in BNB.
    #[serde(default)]
    pub(crate) spot_burn: bool,
    /// Price of the other dollar coin, USDCUSDT; one unless a script says otherwise.
    #[serde(default)]
    pub(crate) dollar: Option<Price>,
    /// Last number given out, of every kind.
    pub(crate) last_id: u64,
    /// Acts on the market, to play it again.
    pub(crate) done: Vec<Done>,
    /// How many of a script's acts have happened.
    pub(crate) acts_done: usize,
    #[serde(skip)]
    pub(crate) orders: BTreeMap<u64, Order>,
    #[serde(skip)]
    pub(crate) open: BTreeSet<u64>,
    #[serde(skip)]
    pub(crate) clients: BTreeMap<(Market, String), u64>,
    #[serde(skip)]
    pub(crate) executions: BTreeMap<u64, Execution>,
    #[serde(skip)]
    pub(crate) incomes: BTreeMap<u64, Income>,
    #[serde(skip)]
    pub(crate) transfers: BTreeMap<u64, Transfer>,
    /// Rows that are not saved yet.
    #[serde(skip)]
    pub(crate) unsaved: BTreeSet<(Row, u64)>,
}

/// Kinds of saved rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    Order,
    Execution,
    Income,
    Transfer,
}

impl Books {
    pub(crate) const fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub(crate) fn purse(&mut self, asset: Asset) -> &mut Purse {
        self.spot.entry(asset).or_default()
    }

    pub(crate) fn free(&self, asset: Asset) -> Amount {
        self.spot.get(&asset).map(Purse::free).unwrap_or_default()
    }

    pub(crate) fn wallet(&self, asset: Asset) -> Amount {
        self.futures.get(&asset).copied().unwrap_or_default()
    }

    pub(crate) fn position(&self, symbol: Symbol) -> Position {
        self.positions.get(&symbol).copied().unwrap_or_default()
    }

    pub(crate) fn position_mut(&mut self, symbol: Symbol) -> &mut Position {
        self.positions.entry(symbol).or_default()
    }

    /// Books a change of a futures wallet with its reason.
    pub(crate) fn income(&mut self, row: Income) -> u64 {
        let tran = self.next_id();
        *self.futures.entry(row.asset).or_default() += row.amount;
        self.unsaved.insert((Row::Income, tran));
        self.incomes.insert(tran, Income { tran, ..row });
        tran
    }

    pub(crate) fn insert(&mut self, order: Order) {
        if order.status.is_open() {
            self.open.insert(order.id);
        }
        self.clients.insert((order.market, order.client.clone()), order.id);
        self.unsaved.insert((Row::Order, order.id));
        self.orders.insert(order.id, order);
    }

    /// Changes an order; what is no longer open leaves the list of open ones.
    pub(crate) fn change(&mut self, id: u64, now: WallTime, change: impl FnOnce(&mut Order)) -> Option<Order> {
        let order = self.orders.get_mut(&id)?;
        change(order);
        order.updated = now;
        if !order.status.is_open() {
            self.open.remove(&id);
        }
        self.unsaved.insert((Row::Order, id));
        Some(order.clone())
    }

    pub(crate) fn execution(&mut self, execution: Execution) {
        self.unsaved.insert((Row::Execution, execution.id));
        self.executions.insert(execution.id, execution);
    }

    pub(crate) fn transfer(&mut self, transfer: Transfer) {
        self.unsaved.insert((Row::Transfer, transfer.tran));
        self.transfers.insert(transfer.tran, transfer);
    }

    pub(crate) fn open_orders(&self, market: Market, symbol: Option<Symbol>) -> impl Iterator<Item = &Order> {
        let of = move |order: &&Order| order.market == market && symbol.is_none_or(|symbol| order.symbol == symbol);
        self.open.iter().filter_map(|id| self.orders.get(id)).filter(of)
    }

    /// The latest order of a client id.
    pub(crate) fn by_client(&self, market: Market, client: &str) -> Option<&Order> {
        self.orders.get(self.clients.get(&(market, client.to_owned()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profit_is_paid_in_whole_units_and_nothing_is_lost_on_the_way() {
        let mut position = Position::default();
        let price = |text: &str| Price::parse(text).unwrap();
        let coins = |units: i64| SignedQuantity::from_units(units);
        assert_eq!(position.trade(coins(-300_000_001), price("100.01")), Amount::ZERO);
        let first = position.trade(coins(100_000_000), price("99.5"));
        let rest = position.trade(coins(200_000_001), price("101.25"));
        assert_eq!((position.coins, position.entry_value), (SignedQuantity::ZERO, Amount::ZERO));
        assert_eq!(first, first.to_ledger_unit());
        assert_eq!((first + rest).to_string(), "-1.97000001");
        // Turned round in one trade.
        position.trade(coins(100_000_000), price("100"));
        assert_eq!(position.trade(coins(-300_000_000), price("110")).to_string(), "10");
        assert_eq!((position.coins.to_string(), position.entry_units()), ("-2".to_owned(), 11_000_000_000));
    }
}
