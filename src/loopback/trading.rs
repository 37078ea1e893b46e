//! Orders: acceptance, matching against the published book, executions and their money, cancels.
//!
//! A taking order walks the book (`sim::matching`) and what it takes is gone until the book is refreshed; a resting order
//! executes when the market trades through its price. Checks without an account are in `filters.rs`. **Invariant**: every
//! execution moves both sides of its money at once, rounded to 1e-8 where the venue rounds. Tests in
//! `tests/suite/loopback.rs`.

use super::books::{Execution, Income, Kind, Order, Status, Tif};
use super::fees::bnb;
use super::filters::{self, MAX_ORDERS, Wanted};
use super::limits::Pool;
use super::margin::{most_notional, reduces};
use super::refusal::{Refusal, filter, invalid_symbol, refuse};
use super::userdata::Happened;
use super::venue::Venue;
use crate::config::Settings;
use crate::domain::fees::Role;
use crate::domain::{Amount, Asset, Market, Price, Quantity, Rate, Side, Symbol};
use crate::sim::matching::{Slice, take, traded_through};

const POST_ONLY: &str = "Due to the order could not be executed as maker, the Post Only order will be rejected. \
                         The order will not be recorded in the order history";

impl Venue {
    /// Takes a new order, or refuses it. The answer is its state after matching.
    pub(crate) fn place(&mut self, wanted: &Wanted) -> Result<Order, Refusal> {
        self.check_new(wanted)?;
        let now = self.stamp();
        let id = self.books.next_id();
        let order = Order {
            id,
            market: wanted.market,
            symbol: wanted.symbol,
            client: wanted.client.clone(),
            side: wanted.side,
            kind: wanted.kind,
            tif: wanted.tif,
            price: wanted.price,
            quantity: wanted.quantity,
            quote_quantity: wanted.quote,
            filled: Quantity::ZERO,
            value: Amount::ZERO,
            status: Status::New,
            reduce_only: wanted.reduce_only,
            created: now,
            updated: now,
            locked: Amount::ZERO,
            by_venue: false,
        };
        self.books.insert(order.clone());
        self.tell_order(&order, Happened::New, None);
        self.lock(id);
        if !wanted.post_only() {
            self.take_liquidity(id, wanted);
        }
        self.finish_taking(id);
        self.books.orders.get(&id).cloned().ok_or_else(invalid_symbol)
    }

    /// All checks, in the venue's order.
    pub(crate) fn check_new(&mut self, wanted: &Wanted) -> Result<(), Refusal> {
        let listing = self.market.get(wanted.symbol.as_str()).ok_or_else(invalid_symbol)?;
        filters::check(wanted, listing, self.now)?;
        let duplicate = self.books.by_client(wanted.market, &wanted.client).is_some_and(|one| one.status.is_open());
        if duplicate {
            return Err(match wanted.market {
                Market::Spot => refuse(-2010, "Duplicate order sent."),
                Market::Perp => refuse(-4116, "ClientOrderId is duplicated."),
            });
        }
        if self.books.open_orders(wanted.market, Some(wanted.symbol)).count() >= MAX_ORDERS {
            return Err(match wanted.market {
                Market::Spot => filter("MAX_NUM_ORDERS"),
                Market::Perp => refuse(-2025, "Reach max open order limit."),
            });
        }
        if wanted.post_only() && self.would_take(wanted) {
            return Err(match wanted.market {
                Market::Spot => refuse(-2010, "Order would immediately match and take."),
                Market::Perp => refuse(-5022, POST_ONLY),
            });
        }
        match wanted.market {
            Market::Spot => self.check_spot_money(wanted)?,
            Market::Perp => self.check_perp_money(wanted)?,
        }
        if wanted.tif == Tif::Fok {
            let total: i64 = self.slices(wanted, wanted.quantity).iter().map(|(_, size)| size.units()).sum();
            if total < wanted.quantity.units() && wanted.market == Market::Perp {
                return Err(refuse(
                    -5021,
                    "Due to the order could not be filled immediately, the FOK order has been rejected.",
                ));
            }
        }
        Ok(())
    }

    fn would_take(&self, wanted: &Wanted) -> bool {
        let Some(price) = wanted.price else { return true };
        let best = self.market.get(wanted.symbol.as_str()).and_then(|listing| listing.book(wanted.market).best());
        best.is_some_and(|((bid, _), (ask, _))| match wanted.side {
            Side::Buy => ask <= price,
            Side::Sell => bid >= price,
        })
    }

    fn check_spot_money(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let Some(listing) = self.market.get(wanted.symbol.as_str()) else { return Err(invalid_symbol()) };
        let (coin, quote) = (listing.spot.coin, listing.spot.quote);
        let enough = match (wanted.side, wanted.price, wanted.quote) {
            (Side::Sell, ..) => self.books.free(coin) >= Amount::of_coins(wanted.quantity.signed(Side::Buy)),
            (Side::Buy, Some(price), _) => self.books.free(quote) >= price.times(wanted.quantity),
            (Side::Buy, None, Some(value)) => self.books.free(quote) >= value,
            (Side::Buy, None, None) => {
                let slices = self.slices(wanted, wanted.quantity);
                let cost: Amount = slices.iter().map(|(price, size)| price.times(*size)).sum();
                self.books.free(quote) >= cost
            }
        };
        if enough { Ok(()) } else { Err(refuse(-2010, "Account has insufficient balance for requested action.")) }
    }

    fn check_perp_money(&self, wanted: &Wanted) -> Result<(), Refusal> {
        let Some(listing) = self.market.get(wanted.symbol.as_str()) else { return Err(invalid_symbol()) };
        let position = self.books.position(wanted.symbol);
        if wanted.reduce_only {
            let resting = self.books.open_orders(Market::Perp, Some(wanted.symbol));
            let reducing = resting.filter(|order| order.reduce_only && order.side == wanted.side);
            let taken = reducing.fold(Quantity::ZERO, |sum, order| sum + order.left());
            let against = reduces(&position, wanted.side, wanted.quantity.min(position.coins.magnitude()));
            let conflict = !taken.is_zero() && taken + wanted.quantity > position.coins.magnitude();
            if position.coins.is_zero() || !against || conflict {
                return Err(refuse(-2022, "ReduceOnly Order is rejected."));
            }
            return Ok(());
        }
        let price = wanted.price.unwrap_or(listing.mark);
        if reduces(&position, wanted.side, wanted.quantity) {
            return Ok(());
        }
        let value = listing.mark.times((position.coins + wanted.quantity.signed(wanted.side)).magnitude());
        if value > Amount::whole(most_notional(listing, position.leverage)) {
            return Err(refuse(-2027, "Exceeded the maximum allowable position at current leverage."));
        }
        if self.can_carry(listing, wanted.quantity.signed(wanted.side), price) {
            Ok(())
        } else {
            Err(refuse(-2019, "Margin is insufficient."))
        }
    }

    /// Holds the spot money of a resting or limited order.
    fn lock(&mut self, id: u64) {
        let Some(order) = self.books.orders.get(&id).cloned() else { return };
        let Some((asset, amount)) = self.held_for(&order, order.quantity) else { return };
        self.books.purse(asset).locked += amount;
        self.books.change(id, order.updated, |order| order.locked = amount);
        self.tell_account(&[asset]);
    }

    /// What spot money `quantity` of an order holds.
    fn held_for(&self, order: &Order, quantity: Quantity) -> Option<(Asset, Amount)> {
        let listing = self.market.get(order.symbol.as_str()).filter(|_| order.market == Market::Spot)?;
        match (order.side, order.price) {
            (Side::Sell, Some(_)) => Some((listing.spot.coin, Amount::of_coins(quantity.signed(Side::Buy)))),
            (Side::Buy, Some(price)) => Some((listing.spot.quote, price.times(quantity))),
            (_, None) => None,
        }
    }

    /// What an order of this size would take from the book now, within its limit.
    fn slices(&self, wanted: &Wanted, quantity: Quantity) -> Vec<Slice> {
        let Some(listing) = self.market.get(wanted.symbol.as_str()) else { return Vec::new() };
        let mark = listing.mark.units();
        let far = match wanted.side {
            Side::Buy => mark / 100 * (100 + filters::PERP_BAND),
            Side::Sell => mark / 100 * (100 - filters::PERP_BAND),
        };
        let limit = wanted.price.or_else(|| Price::from_units(far).ok());
        let Some(limit) = limit else { return Vec::new() };
        let tick = listing.instrument(wanted.market).rules.tick;
        let liquidity = listing.book(wanted.market).liquidity();
        take(&liquidity, (wanted.side, quantity, limit), tick, &Settings::default().sim)
    }

    fn take_liquidity(&mut self, id: u64, wanted: &Wanted) {
        let mut quantity = wanted.quantity;
        if wanted.reduce_only {
            quantity = quantity.min(self.books.position(wanted.symbol).coins.magnitude());
        }
        let step = self.market.get(wanted.symbol.as_str()).map(|one| one.instrument(wanted.market).rules.step);
        let step = step.unwrap_or(Quantity::ZERO);
        if let Some(value) = wanted.quote {
            quantity = self.coins_for(wanted, value, step);
            self.books.change(id, self.stamp(), |order| order.quantity = quantity);
        }
        if let Some(share) = wanted.share {
            let units = i128::from(quantity.units()) * i128::from(share.units()) / i128::from(Rate::ONE);
            quantity = Quantity::saturating(i64::try_from(units).unwrap_or(0)).floor_to(step);
        }
        let slices = self.slices(wanted, quantity);
        let total: i64 = slices.iter().map(|(_, size)| size.units()).sum();
        if wanted.tif == Tif::Fok && total < wanted.quantity.units() {
            return;
        }
        if let Some(listing) = self.market.get_mut(wanted.symbol.as_str()) {
            listing.book_mut(wanted.market).consume(wanted.side, &slices);
        }
        for slice in slices {
            self.execute(id, slice, Role::Taker, Happened::Trade);
        }
        if self.books.orders.get(&id).is_some_and(|order| order.status == Status::Filled) {
            let pool = if wanted.market == Market::Spot { Pool::Spot } else { Pool::Futures };
            self.limits.give_back(pool);
        }
    }

    /// Coins that a value buys or sells for, on the grid.
    fn coins_for(&self, wanted: &Wanted, value: Amount, step: Quantity) -> Quantity {
        let most = self.market.get(wanted.symbol.as_str()).map(|one| one.spot.rules.max_quantity);
        let mut left = value;
        let mut coins = Quantity::ZERO;
        for (price, size) in self.slices(wanted, most.unwrap_or(Quantity::ZERO)) {
            let cost = price.times(size);
            if cost <= left {
                left -= cost;
                coins += size;
                continue;
            }
            let units = left.units() / i128::from(price.units());
            return (coins + Quantity::saturating(i64::try_from(units).unwrap_or(0))).floor_to(step);
        }
        coins
    }

    /// A taking order that is not filled expires; others rest.
    fn finish_taking(&mut self, id: u64) {
        let Some(order) = self.books.orders.get(&id).cloned() else { return };
        let taking = order.kind == Kind::Market || matches!(order.tif, Tif::Ioc | Tif::Fok);
        let spent = order.reduce_only
            && order.status.is_open()
            && !order.filled.is_zero()
            && self.books.position(order.symbol).coins.is_zero();
        if order.status.is_open() && (taking || spent) {
            self.end(id, Status::Expired, Happened::Expired);
        }
    }

    /// Ends an open order and frees what it holds.
    pub(crate) fn end(&mut self, id: u64, status: Status, what: Happened) -> Option<Order> {
        let order = self.books.orders.get(&id).filter(|order| order.status.is_open())?.clone();
        let mut freed = None;
        if let Some((asset, _)) = self.held_for(&order, order.quantity) {
            self.books.purse(asset).locked -= order.locked;
            freed = Some(asset);
        }
        let now = self.stamp();
        let order = self.books.change(id, now, |order| {
            order.status = status;
            order.locked = Amount::ZERO;
        })?;
        self.tell_order(&order, what, None);
        if let Some(asset) = freed {
            self.tell_account(&[asset]);
        }
        Some(order)
    }

    /// One execution with all its money and news.
    pub(crate) fn execute(&mut self, id: u64, slice: Slice, role: Role, what: Happened) {
        let (price, quantity) = slice;
        let now = self.stamp();
        let Some(before) = self.books.orders.get(&id).cloned() else { return };
        let Some(order) = self.books.change(id, now, |order| {
            order.filled += quantity;
            order.value += price.times(quantity);
            order.status = if order.left().is_zero() { Status::Filled } else { Status::Partial };
        }) else {
            return;
        };
        let Some(listing) = self.market.get(order.symbol.as_str()) else { return };
        let instrument = listing.instrument(order.market).clone();
        let fee = self.fee(&instrument, order.side, slice, role);
        let mut execution = Execution {
            id: self.books.next_id(),
            order: id,
            market: order.market,
            symbol: order.symbol,
            side: order.side,
            price,
            quantity,
            fee: fee.amount,
            fee_asset: fee.asset,
            realised: Amount::ZERO,
            maker: role == Role::Maker,
            at: now,
        };
        match order.market {
            Market::Spot => {
                self.move_spot(&before, &execution, (instrument.coin, instrument.quote));
                self.books.execution(execution.clone());
                let order = self.books.orders.get(&id).cloned().unwrap_or(order);
                self.tell_order(&order, what, Some(&execution));
                let mut assets = vec![instrument.coin, instrument.quote];
                assets.extend((execution.fee_asset == bnb()).then(bnb));
                self.tell_account(&assets);
            }
            Market::Perp => {
                execution.realised = self.move_perp(&execution, instrument.quote);
                self.books.execution(execution.clone());
                let paid = (execution.fee_asset, -execution.fee);
                let changes = if execution.fee_asset == instrument.quote {
                    vec![(instrument.quote, execution.realised - execution.fee)]
                } else {
                    vec![(instrument.quote, execution.realised), paid]
                };
                self.tell_wallet("ORDER", &changes, Some(order.symbol));
                self.tell_order(&order, what, Some(&execution));
            }
        }
    }

    fn move_spot(&mut self, order: &Order, execution: &Execution, assets: (Asset, Asset)) {
        let (coin, quote) = assets;
        let coins = Amount::of_coins(execution.quantity.signed(Side::Buy));
        let value = execution.price.times(execution.quantity);
        if let Some((asset, amount)) = self.held_for(order, execution.quantity) {
            let freed = amount.min(order.locked);
            self.books.purse(asset).locked -= freed;
            self.books.change(order.id, execution.at, |order| order.locked -= freed);
        }
        match execution.side {
            Side::Buy => {
                self.books.purse(quote).total -= value;
                self.books.purse(coin).total += coins;
            }
            Side::Sell => {
                self.books.purse(coin).total -= coins;
                self.books.purse(quote).total += value;
            }
        }
        self.books.purse(execution.fee_asset).total -= execution.fee;
    }

    fn move_perp(&mut self, execution: &Execution, quote: Asset) -> Amount {
        let now = self.stamp();
        let before = self.books.position(execution.symbol);
        let position = self.books.position_mut(execution.symbol);
        let realised = position.trade(execution.quantity.signed(execution.side), execution.price);
        position.updated = now;
        let after = *position;
        self.share_isolated(execution.symbol, &before, &after);
        let trade = Some(execution.id);
        let symbol = Some(execution.symbol);
        self.book_income("COMMISSION", symbol, (execution.fee_asset, -execution.fee), trade);
        if !realised.is_zero() {
            self.book_income("REALIZED_PNL", symbol, (quote, realised), trade);
        }
        realised
    }

    pub(crate) fn book_income(
        &mut self,
        kind: &str,
        symbol: Option<Symbol>,
        money: (Asset, Amount),
        trade: Option<u64>,
    ) -> u64 {
        let (asset, amount) = money;
        let at = self.stamp();
        self.books.income(Income { tran: 0, kind: kind.to_owned(), symbol, asset, amount, at, trade })
    }

    /// Executes resting orders that the market has traded through.
    pub(crate) fn match_resting(&mut self) {
        let open: Vec<u64> = self.books.open.iter().copied().collect();
        for id in open {
            let Some(order) = self.books.orders.get(&id) else { continue };
            let (Some(price), market) = (order.price, order.market) else { continue };
            let best = self.market.get(order.symbol.as_str()).and_then(|listing| listing.book(market).best());
            let Some(((bid, _), (ask, _))) = best else { continue };
            if !traded_through(order.side, price, bid, ask) {
                continue;
            }
            let mut quantity = order.left();
            if order.reduce_only {
                quantity = quantity.min(self.books.position(order.symbol).coins.magnitude());
            }
            if quantity.is_zero() {
                self.end(id, Status::Expired, Happened::Expired);
            } else {
                self.execute(id, (price, quantity), Role::Maker, Happened::Trade);
            }
        }
    }

    /// A market order by a foreign hand on the account.
    pub(crate) fn foreign(&mut self, symbol: Symbol, market: Market, what: (Side, Quantity)) {
        let (side, quantity) = what;
        let client = format!("web_{}", self.books.last_id);
        let wanted = Wanted {
            market,
            symbol,
            side,
            kind: Kind::Market,
            tif: Tif::Ioc,
            price: None,
            quantity,
            quote: None,
            client,
            reduce_only: false,
            share: None,
        };
        // Refused like any other when it cannot be carried; nobody is there to be told.
        let _ = self.place(&wanted);
    }
}
