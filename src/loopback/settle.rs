//! What the venue does by itself: funding, liquidation, deleveraging, delisting, countdowns, transfers between wallets.
//!
//! Funding is `-coins x mark x rate`, rounded once to 1e-8. A liquidation happens at the mark of the minute in which
//! equity no longer exceeds maintenance. Tests in `tests/suite/loopback.rs`.

use super::books::{Kind, Order, Position, Status, Tif, Transfer};
use super::fees::bnb;
use super::listing::Settled;
use super::margin::{maintenance, over};
use super::refusal::{Refusal, refuse};
use super::userdata::Happened;
use super::venue::Venue;
use crate::domain::collateral::{DEBT, built_in_share, sale};
use crate::domain::fees::Role;
use crate::domain::{Amount, Asset, Market, Quantity, Rate, Symbol};
use serde_json::{Value, json};

impl Venue {
    pub(crate) fn settle_funding(&mut self, symbol: Symbol, settled: Settled) {
        let position = self.books.position(symbol);
        if position.coins.is_zero() {
            return;
        }
        let amount = (-settled.mark.times_signed(position.coins)).times_rate(settled.rate);
        let quote = self.quote;
        self.book_income("FUNDING_FEE", Some(symbol), (quote, amount), None);
        if position.isolated {
            self.books.position_mut(symbol).isolated_wallet += amount;
        }
        self.tell_wallet("FUNDING_FEE", &[(quote, amount)], Some(symbol));
    }

    /// Liquidates what its margin no longer carries.
    pub(crate) fn check_margin(&mut self) {
        let isolated: Vec<Symbol> =
            self.books.positions.iter().filter(|(_, one)| one.isolated).map(|(s, _)| *s).collect();
        for symbol in isolated {
            let position = self.books.position(symbol);
            let Some(listing) = self.market.get(symbol.as_str()) else { continue };
            let needed = maintenance(listing, listing.mark.times(position.coins.magnitude()));
            if !position.coins.is_zero() && position.isolated_wallet + position.unrealised(listing.mark) <= needed {
                self.liquidate(symbol);
            }
        }
        let standing = self.standing();
        if standing.maintenance.is_zero() {
            return;
        }
        if standing.equity() <= standing.maintenance {
            let crossed = self.books.positions.iter().filter(|(_, one)| !one.isolated && !one.coins.is_zero());
            let symbols: Vec<Symbol> = crossed.map(|(symbol, _)| *symbol).collect();
            for symbol in symbols {
                self.liquidate(symbol);
            }
        } else if standing.equity() <= standing.maintenance + over(standing.maintenance, 4) {
            self.margin_call();
        }
    }

    /// The venue closes a whole position at its mark; a debt that is left is the insurance fund's.
    pub(crate) fn liquidate(&mut self, symbol: Symbol) {
        let resting: Vec<u64> = self.books.open_orders(Market::Perp, Some(symbol)).map(|order| order.id).collect();
        for id in resting {
            self.end(id, Status::Canceled, Happened::Canceled);
        }
        let position = self.books.position(symbol);
        let client = format!("autoclose-{}{}", self.now.0, self.books.last_id);
        self.close_by_venue(symbol, position.coins.magnitude(), client, Happened::Calculated);
        let quote = self.quote;
        let debt = self.books.wallet(quote);
        if debt < Amount::ZERO && !self.books.multi_assets {
            self.book_income("INSURANCE_CLEAR", Some(symbol), (quote, -debt), None);
            self.tell_wallet("INSURANCE_CLEAR", &[(quote, -debt)], Some(symbol));
        }
    }

    /// Deleverages a share of a position.
    pub(crate) fn deleverage(&mut self, symbol: Symbol, share: Rate) {
        let position = self.books.position(symbol);
        let Some(listing) = self.market.get(symbol.as_str()) else { return };
        let units = i128::from(position.coins.magnitude().units()) * i128::from(share.units()) / i128::from(Rate::ONE);
        let coins = Quantity::saturating(i64::try_from(units).unwrap_or(0)).floor_to(listing.perp.rules.step);
        self.close_by_venue(symbol, coins, "adl_autoclose".to_owned(), Happened::Trade);
    }

    fn close_by_venue(&mut self, symbol: Symbol, coins: Quantity, client: String, what: Happened) {
        let position = self.books.position(symbol);
        let Some(mark) = self.market.get(symbol.as_str()).map(|listing| listing.mark).filter(|_| !coins.is_zero())
        else {
            return;
        };
        let now = self.stamp();
        let id = self.books.next_id();
        let order = Order {
            id,
            market: Market::Perp,
            symbol,
            client,
            side: position.coins.side().opposite(),
            kind: Kind::Limit,
            tif: Tif::Ioc,
            price: Some(mark),
            quantity: coins,
            quote_quantity: None,
            filled: Quantity::ZERO,
            value: Amount::ZERO,
            status: Status::New,
            reduce_only: true,
            created: now,
            updated: now,
            locked: Amount::ZERO,
            by_venue: true,
        };
        self.books.insert(order.clone());
        self.tell_order(&order, Happened::New, None);
        self.execute(id, (mark, coins), Role::Taker, what);
    }

    fn margin_call(&mut self) {
        let now = self.stamp().0;
        let rows: Vec<Value> = self
            .books
            .positions
            .iter()
            .filter(|(_, one)| !one.coins.is_zero())
            .filter_map(|(symbol, one)| {
                let listing = self.market.get(symbol.as_str())?;
                let needed = maintenance(listing, listing.mark.times(one.coins.magnitude()));
                Some(json!({
                    "s": symbol.as_str(), "ps": "BOTH", "pa": one.coins.to_string(),
                    "mt": if one.isolated { "ISOLATED" } else { "CROSSED" }, "iw": one.isolated_wallet.to_string(),
                    "mp": listing.mark.to_string(), "up": one.unrealised(listing.mark).to_string(), "mm": needed.to_string(),
                }))
            })
            .collect();
        let event = json!({"e": "MARGIN_CALL", "E": now, "cw": self.standing().wallet.to_string(), "p": rows});
        self.tell(Market::Perp, None, &event);
    }

    /// Perps whose trading has ended are settled at the mark, and their orders end.
    pub(crate) fn end_delisted(&mut self) {
        let now = self.now;
        let ended = self.market.listings.iter().filter(|one| one.ends.is_some_and(|end| end <= now));
        let symbols: Vec<Symbol> = ended.map(|one| one.symbol).collect();
        for symbol in symbols {
            let open: Vec<u64> = self
                .books
                .open
                .iter()
                .copied()
                .filter(|id| self.books.orders.get(id).is_some_and(|o| o.symbol == symbol))
                .collect();
            for id in open {
                self.end(id, Status::Expired, Happened::Expired);
            }
            self.settle_by_force(symbol);
        }
    }

    /// Closes a whole position at the mark, as when trading ends.
    pub(crate) fn settle_by_force(&mut self, symbol: Symbol) {
        let coins = self.books.position(symbol).coins.magnitude();
        let client = format!("settlement_autoclose-{}", self.now.0);
        self.close_by_venue(symbol, coins, client, Happened::Trade);
    }

    /// Countdowns that ran out cancel the open orders of their symbol.
    pub(crate) fn count_down(&mut self) {
        let now = self.now;
        let due: Vec<Symbol> =
            self.countdowns.iter().filter(|(_, at)| **at <= now).map(|(symbol, _)| *symbol).collect();
        for symbol in due {
            self.countdowns.remove(&symbol);
            self.cancel_all(Market::Perp, Some(symbol));
        }
    }

    pub(crate) fn cancel_all(&mut self, market: Market, symbol: Option<Symbol>) -> Vec<Order> {
        let ids: Vec<u64> = self.books.open_orders(market, symbol).map(|order| order.id).collect();
        ids.into_iter().filter_map(|id| self.end(id, Status::Canceled, Happened::Canceled)).collect()
    }

    /// Keeps the money of an isolated position in step with its size.
    pub(crate) fn share_isolated(&mut self, symbol: Symbol, before: &Position, after: &Position) {
        if !after.isolated {
            return;
        }
        let (old, new) = (before.coins.magnitude(), after.coins.magnitude());
        let turned = before.coins.units().signum() * after.coins.units().signum() < 0;
        let position = self.books.position_mut(symbol);
        if new.is_zero() || turned {
            position.isolated_wallet = Amount::ZERO;
        }
        if turned || new > old {
            let added = if turned { after.entry_value.abs() } else { (after.entry_value - before.entry_value).abs() };
            position.isolated_wallet += over(added, after.leverage).to_ledger_unit();
        } else if !new.is_zero() {
            position.isolated_wallet = position.isolated_wallet.share(new.units(), old.units());
        }
    }

    /// Sells other coins of the futures wallets for a debt in the quote coin (multi-assets mode).
    pub(crate) fn auto_exchange(&mut self) {
        let quote = self.quote;
        let debt = -self.books.wallet(quote);
        if !self.books.multi_assets || debt < DEBT {
            return;
        }
        let held: Vec<Asset> = self.books.futures.keys().copied().filter(|asset| *asset != quote).collect();
        for asset in held {
            let debt = -self.books.wallet(quote);
            let has = self.books.wallet(asset);
            let Some(index) = self.asset_index(asset).filter(|_| built_in_share(asset) > Rate::ZERO) else { continue };
            let Some((coins, gained)) = sale(debt, has, index) else { continue };
            self.book_income("AUTO_EXCHANGE", None, (asset, -coins), None);
            self.book_income("AUTO_EXCHANGE", None, (quote, gained), None);
            self.tell_wallet("AUTO_EXCHANGE", &[(asset, -coins), (quote, gained)], None);
        }
    }

    /// Moves money between the wallets: spot to futures, or back.
    pub(crate) fn transfer(
        &mut self,
        to_futures: bool,
        money: (Asset, Amount),
        how: (&str, Option<String>),
    ) -> Result<u64, Refusal> {
        let (asset, amount) = money;
        if amount.units() <= 0 {
            return Err(refuse(-1102, "Mandatory parameter 'amount' was not sent, was empty/null, or malformed."));
        }
        let there = if to_futures { self.books.free(asset) } else { self.withdrawable(asset) };
        if there < amount {
            return Err(refuse(-9000, "user have no avaliable amount"));
        }
        let known = asset == self.quote
            || asset == bnb()
            || self.market.of(Market::Spot).any(|listing| listing.spot.coin == asset);
        if !known {
            return Err(refuse(-4031, "Invalid asset for a transfer."));
        }
        let signed = if to_futures { amount } else { -amount };
        self.books.purse(asset).total -= signed;
        let tran = self.book_income("TRANSFER", None, (asset, signed), None);
        let (kind, client) = how;
        let at = self.stamp();
        self.books.transfer(Transfer { tran, kind: kind.to_owned(), asset, amount, at, client });
        self.tell_balance(asset, -signed);
        self.tell_wallet("MARGIN_TRANSFER", &[(asset, signed)], None);
        Ok(tran)
    }
}
