//! User data: what the account is told about its orders, fills, wallets and settings.
//!
//! Event names and fields follow the venues' documents (digests read 2026-11). Spot events go wrapped to the WebSocket
//! API of Binance and bare to Aster's listen keys.

use super::Profile;
use super::books::{Execution, Order, Status, side_word};
use super::faults::{Seen, since};
use super::venue::Venue;
use super::words::{amount8, coins8, eight, join, price8, short};
use crate::domain::{Amount, Asset, Market, Symbol};
use serde_json::{Value, json};

/// What happened to an order, as `x`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    New,
    Trade,
    Canceled,
    Expired,
    /// A liquidation's execution.
    Calculated,
}

impl Happened {
    const fn word(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Trade => "TRADE",
            Self::Canceled => "CANCELED",
            Self::Expired => "EXPIRED",
            Self::Calculated => "CALCULATED",
        }
    }
}

impl Venue {
    /// Sends an event to the streams of a market, through the faults.
    pub(crate) fn tell(&mut self, market: Market, symbol: Option<Symbol>, event: &Value) {
        let now = self.now;
        let word = event.get("e").and_then(Value::as_str).unwrap_or_default();
        let symbol_text = symbol.map(|symbol| symbol.as_str().to_owned());
        let wrong = self.script.judge(Seen {
            path: "user",
            method: "EVENT",
            symbol: symbol_text.as_deref(),
            event: Some(word),
            reduce_only: false,
            since_start: since(now, self.start),
        });
        if self.streams.is_frozen("", now) {
            return;
        }
        let of = self.listen_keys.iter().filter(|(_, key)| key.market == market);
        let keys: Vec<String> = of.map(|(name, _)| name.clone()).collect();
        self.streams.user(&keys, event, wrong.as_ref());
        if market == Market::Spot && self.profile == Profile::Binance {
            self.streams.user_api(event, wrong.as_ref());
        }
    }

    /// An order changed.
    pub(crate) fn tell_order(&mut self, order: &Order, what: Happened, execution: Option<&Execution>) {
        let event = match order.market {
            Market::Spot => self.execution_report(order, what, execution),
            Market::Perp => self.order_trade_update(order, what, execution),
        };
        self.tell(order.market, Some(order.symbol), &event);
    }

    fn execution_report(&self, order: &Order, what: Happened, execution: Option<&Execution>) -> Value {
        let now = self.stamp().0;
        let last = execution.map_or_else(|| coins8(crate::domain::Quantity::ZERO), |one| coins8(one.quantity));
        let canceled = what == Happened::Canceled;
        let cancel_id = format!("cancel{}", order.id);
        let mut event = json!({
            "e": "executionReport", "E": now, "s": order.symbol.as_str(),
            "c": if canceled { cancel_id.as_str() } else { order.client.as_str() },
            "S": side_word(order.side), "o": order.kind.word(), "f": order.tif.word(),
            "q": coins8(order.quantity), "p": price8(order.price), "P": "0.00000000", "F": "0.00000000", "g": -1,
            "C": if canceled { order.client.as_str() } else { "" },
            "x": what.word(), "X": order.status.word(), "r": "NONE", "i": order.id,
            "l": last, "z": coins8(order.filled), "L": price8(execution.map(|one| one.price)),
            "n": amount8(execution.map(|one| one.fee).unwrap_or_default()),
            "N": execution.map(|one| one.fee_asset.as_str()),
            "T": now, "t": execution.map_or(-1, |one| i64::try_from(one.id).unwrap_or(-1)),
            "I": self.books.last_id, "w": order.status.is_open(), "m": execution.is_some_and(|one| one.maker), "M": false,
            "O": order.created.0, "Z": amount8(order.value),
            "Y": amount8(execution.map(|one| one.price.times(one.quantity)).unwrap_or_default()),
            "Q": amount8(order.quote_quantity.unwrap_or_default()), "W": order.created.0, "V": "EXPIRE_MAKER",
        });
        if let Some(row) = event.as_object_mut().filter(|_| self.profile == Profile::Aster) {
            for absent in ["C", "r", "I", "w", "W", "V", "F", "g"] {
                row.remove(absent);
            }
            row.insert("c".to_owned(), json!(order.client));
            row.insert("ap".to_owned(), json!(eight(order.average_units())));
            row.insert("ot".to_owned(), json!(order.kind.word()));
        }
        event
    }

    fn order_trade_update(&self, order: &Order, what: Happened, execution: Option<&Execution>) -> Value {
        let now = self.stamp().0;
        let mut row = json!({
            "s": order.symbol.as_str(), "c": order.client, "S": side_word(order.side), "o": order.kind.word(),
            "f": order.tif.word(), "q": order.quantity.to_string(),
            "p": order.price.map_or_else(|| "0".to_owned(), |price| price.to_string()),
            "ap": short(order.average_units()), "sp": "0", "x": what.word(), "X": order.status.word(), "i": order.id,
            "l": execution.map_or_else(|| "0".to_owned(), |one| one.quantity.to_string()),
            "z": order.filled.to_string(),
            "L": execution.map_or_else(|| "0".to_owned(), |one| one.price.to_string()),
            "T": now, "t": execution.map_or(0, |one| one.id), "b": "0", "a": "0",
            "m": execution.is_some_and(|one| one.maker), "R": order.reduce_only, "wt": "CONTRACT_PRICE",
            "ot": order.kind.word(), "ps": "BOTH", "cp": false,
            "rp": amount8(execution.map(|one| one.realised).unwrap_or_default()), "pP": false, "si": 0, "ss": 0,
        });
        if let Some(one) = execution {
            join(&mut row, json!({"N": one.fee_asset.as_str(), "n": amount8(one.fee)}));
        }
        if self.profile == Profile::Binance {
            let reason = if order.status == Status::Expired { "1" } else { "0" };
            join(&mut row, json!({"V": "EXPIRE_MAKER", "pm": "NONE", "gtd": 0, "er": reason}));
        }
        json!({"e": "ORDER_TRADE_UPDATE", "E": now, "T": now, "o": row})
    }

    /// Spot balances after a change.
    pub(crate) fn tell_account(&mut self, assets: &[Asset]) {
        let now = self.stamp().0;
        let row = |asset: &Asset| {
            let purse = self.books.spot.get(asset).copied().unwrap_or_default();
            json!({"a": asset.as_str(), "f": amount8(purse.free()), "l": amount8(purse.locked)})
        };
        let rows: Vec<Value> = assets.iter().map(row).collect();
        let mut event = json!({"e": "outboundAccountPosition", "E": now, "u": now, "B": rows});
        if self.profile == Profile::Aster {
            join(&mut event, json!({"T": now, "m": "ORDER"}));
        }
        self.tell(Market::Spot, None, &event);
    }

    /// A deposit or transfer on spot.
    pub(crate) fn tell_balance(&mut self, asset: Asset, amount: Amount) {
        let now = self.stamp().0;
        if self.profile == Profile::Binance {
            let event = json!({"e": "balanceUpdate", "E": now, "a": asset.as_str(), "d": amount8(amount), "T": now});
            self.tell(Market::Spot, None, &event);
        }
        self.tell_account(&[asset]);
    }

    /// Futures wallets after a change, and the position of a symbol when it is part of it.
    pub(crate) fn tell_wallet(&mut self, reason: &str, changes: &[(Asset, Amount)], symbol: Option<Symbol>) {
        let now = self.stamp().0;
        let balances: Vec<Value> = changes
            .iter()
            .map(|(asset, change)| {
                let wallet = self.books.wallet(*asset);
                let cross = wallet - self.isolated_money(*asset);
                json!({"a": asset.as_str(), "wb": amount8(wallet), "cw": amount8(cross), "bc": amount8(*change)})
            })
            .collect();
        let mut account = json!({"m": reason, "B": balances});
        // Funding on a crossed position carries balances only.
        let crossed = symbol.is_some_and(|symbol| !self.books.position(symbol).isolated);
        if let Some(symbol) = symbol {
            if reason == "FUNDING_FEE" && self.profile == Profile::Binance {
                join(&mut account, json!({"S": symbol.as_str()}));
            }
            let rows = if reason == "FUNDING_FEE" && crossed { Vec::new() } else { vec![self.position_event(symbol)] };
            join(&mut account, json!({"P": rows}));
        } else {
            join(&mut account, json!({"P": []}));
        }
        let event = json!({"e": "ACCOUNT_UPDATE", "E": now, "T": now, "a": account});
        self.tell(Market::Perp, symbol, &event);
    }

    fn position_event(&self, symbol: Symbol) -> Value {
        let position = self.books.position(symbol);
        let mark = self.market.get(symbol.as_str()).map(|listing| listing.mark);
        let profit = mark.map(|mark| position.unrealised(mark)).unwrap_or_default();
        json!({
            "s": symbol.as_str(), "pa": position.coins.to_string(), "ep": short(position.entry_units()),
            "bep": short(position.entry_units()), "cr": "0", "up": amount8(profit),
            "mt": if position.isolated { "isolated" } else { "cross" }, "iw": amount8(position.isolated_wallet),
            "ps": "BOTH", "ma": self.quote.as_str(),
        })
    }

    /// Leverage of a symbol, or multi-assets mode.
    pub(crate) fn tell_config(&mut self, symbol: Option<Symbol>) {
        let now = self.stamp().0;
        let event = match symbol {
            Some(symbol) => {
                let leverage = self.books.position(symbol).leverage;
                json!({"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ac": {"s": symbol.as_str(), "l": leverage}})
            }
            None => json!({"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": now, "ai": {"j": self.books.multi_assets}}),
        };
        self.tell(Market::Perp, symbol, &event);
    }
}
