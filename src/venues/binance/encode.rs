//! Questions and acts to requests: exact paths, parameters in the order in which they are signed, weights and priorities.
//!
//! Nothing is signed or sent here, and what a venue of the family cannot do is said before anything leaves.
//! Tests: in `encode_tests.rs`.

use super::profile::{Auth, Feature, Profile};
use super::query::Query;
use crate::domain::{Market, Side, Symbol, WallTime};
use crate::port::TimeInForce;
use crate::port::event::Wallet;
use crate::venues::ask::{
    Act, Ask, Candles, From, Host, ListenKeyAct, MarginMode, Method, Placement, Priority, Request, Security,
    WriteRequest,
};

/// The venue has no such thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{venue} has no {what}")]
pub struct Unsupported {
    /// Which venue.
    pub venue: &'static str,
    /// What was asked of it.
    pub what: &'static str,
}

/// The request that asks.
///
/// # Errors
/// [`Unsupported`] when the venue cannot be asked that.
pub fn read(profile: &Profile, ask: &Ask) -> Result<Request, Unsupported> {
    Encoder { profile }.read(ask)
}

/// The request that acts.
///
/// # Errors
/// [`Unsupported`] when the venue cannot do that.
pub fn write(profile: &Profile, act: &Act) -> Result<WriteRequest, Unsupported> {
    Encoder { profile }.write(act).map(WriteRequest)
}

struct Encoder<'p> {
    profile: &'p Profile,
}

type Encoded = Result<Request, Unsupported>;

const fn host(market: Market) -> Host {
    match market {
        Market::Spot => Host::Spot,
        Market::Perp => Host::Perp,
    }
}

/// A public question; `with` changes what is different.
const fn public(host: Host, path: &'static str, query: String, weight: u32) -> Request {
    Request {
        method: Method::Get,
        host,
        path,
        query,
        security: Security::Public,
        weight,
        is_order: false,
        priority: Priority::Normal,
    }
}

/// A signed question.
fn signed(host: Host, path: &'static str, query: Query, weight: u32) -> Request {
    Request { security: Security::Signed, ..public(host, path, query.done(), weight) }
}

/// History can wait.
fn history(request: Request) -> Request {
    Request { priority: Priority::Background, ..request }
}

fn safety(request: Request) -> Request {
    Request { priority: Priority::Safety, ..request }
}

/// A signed request that changes something.
fn posted(host: Host, path: &'static str, query: Query, weight: u32) -> Request {
    Request { method: Method::Post, ..signed(host, path, query, weight) }
}

fn of(symbol: &Symbol) -> Query {
    Query::new().with("symbol", symbol)
}

impl Encoder<'_> {
    fn needs(&self, feature: Feature, what: &'static str) -> Result<(), Unsupported> {
        if self.profile.has(feature) { Ok(()) } else { Err(self.without(what)) }
    }

    const fn without(&self, what: &'static str) -> Unsupported {
        Unsupported { venue: self.profile.name, what }
    }

    fn read(&self, ask: &Ask) -> Encoded {
        let (paths, weights) = (&self.profile.paths.perp_only, &self.profile.weights);
        let perp = Host::Perp;
        Ok(match ask {
            Ask::Time(market) => public(host(*market), self.profile.common(*market).time, String::new(), 1),
            Ask::Instruments(market) => self.instruments(*market, &[]),
            Ask::Listed { market, symbols } => self.instruments(*market, symbols),
            Ask::Depth { market, symbol, levels } => self.depth(*market, symbol, *levels),
            Ask::BestQuote { market, symbol } => self.best_quote(*market, symbol.as_ref()),
            Ask::Candles { .. } => self.candles(ask)?,
            Ask::Premium { symbol } => {
                let weight = if symbol.is_some() { 1 } else { weights.premium_all };
                public(perp, paths.premium, Query::new().maybe("symbol", symbol.as_ref()).done(), weight)
            }
            Ask::FundingInfo => public(perp, paths.funding_info, String::new(), 1),
            Ask::FundingHistory { symbol, start, end, limit } => {
                let query = window(of(symbol), *start, *end).with("limit", (*limit).min(1000));
                history(public(perp, paths.funding_history, query.done(), 1))
            }
            Ask::OpenInterest { symbol } => {
                self.needs(Feature::OpenInterest, "open interest")?;
                public(perp, paths.open_interest, of(symbol).done(), 1)
            }
            Ask::OpenInterestHistory { symbol, step, start, end, limit } => {
                self.needs(Feature::OpenInterest, "history of open interest")?;
                let query = of(symbol).with("period", step).with("limit", (*limit).min(500));
                let query = window(query, Some(*start), Some(*end));
                // Costs no weight: it has its own limit of 1000 in 5 minutes.
                history(public(perp, "/futures/data/openInterestHist", query.done(), 0))
            }
            _ => self.private(ask)?,
        })
    }

    /// All instruments, or those of these symbols where the venue takes such a question: the perp host has the whole list only.
    fn instruments(&self, market: Market, symbols: &[Symbol]) -> Request {
        let path = self.profile.common(market).instruments;
        let (query, weight) = match market {
            // The sets of permissions are most of Binance's answer, and nothing here reads them.
            Market::Spot if self.profile.has(Feature::LimitMaker) => {
                let names: Vec<String> = symbols.iter().map(|symbol| format!("\"{symbol}\"")).collect();
                let list = (!names.is_empty()).then(|| format!("[{}]", names.join(",")));
                let query = Query::new().maybe("symbols", list).with("showPermissionSets", false);
                (query, self.profile.weights.spot_instruments)
            }
            Market::Spot => (Query::new(), self.profile.weights.spot_instruments),
            Market::Perp => (Query::new(), 1),
        };
        public(host(market), path, query.done(), weight)
    }

    fn depth(&self, market: Market, symbol: &Symbol, levels: u32) -> Request {
        let path = self.profile.common(market).depth;
        let (limit, weight) = match market {
            Market::Spot => {
                let limit = levels.clamp(1, self.profile.max_spot_depth);
                let weights = [(100, 5), (500, 25), (1000, 50)];
                (limit, weights.iter().find(|(most, _)| limit <= *most).map_or(250, |(_, weight)| *weight))
            }
            Market::Perp => {
                let steps = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10)];
                *steps.iter().find(|(most, _)| levels <= *most).unwrap_or(&(1000, 20))
            }
        };
        public(host(market), path, of(symbol).with("limit", limit).done(), weight)
    }

    fn best_quote(&self, market: Market, symbol: Option<&Symbol>) -> Request {
        let weight = match (market, symbol) {
            (_, Some(_)) => 2,
            (Market::Spot, None) => 4,
            (Market::Perp, None) => 5,
        };
        let query = Query::new().maybe("symbol", symbol).done();
        public(host(market), self.profile.common(market).best_quote, query, weight)
    }

    fn candles(&self, ask: &Ask) -> Encoded {
        let Ask::Candles { kind, symbol, step, start, end, limit } = ask else { return Err(self.without("candles")) };
        let paths = &self.profile.paths.perp_only;
        let (host, path) = match kind {
            Candles::Trade(market) => (host(*market), self.profile.common(*market).candles),
            Candles::Mark => (Host::Perp, paths.mark_candles),
            Candles::Index => (Host::Perp, paths.index_candles),
            Candles::Premium => {
                self.needs(Feature::PremiumCandles, "candles of the premium index")?;
                (Host::Perp, paths.premium_candles)
            }
        };
        let limit = (*limit).clamp(1, if host == Host::Spot { 1000 } else { 1500 });
        let weight = match (host, limit) {
            (Host::Spot, _) | (_, 100..500) => 2,
            (_, 0..100) => 1,
            (_, 500..=1000) => 5,
            _ => 10,
        };
        let name = if *kind == Candles::Index { "pair" } else { "symbol" };
        let query = Query::new().with(name, symbol).with("interval", step).with("limit", limit);
        Ok(history(public(host, path, window(query, Some(*start), Some(*end)).done(), weight)))
    }

    /// Questions about the account.
    fn private(&self, ask: &Ask) -> Encoded {
        let (all, paths, weights) = (&self.profile.paths, &self.profile.paths.perp_only, &self.profile.weights);
        let perp = Host::Perp;
        Ok(match ask {
            Ask::Order { market, symbol, id } => {
                let weight = if *market == Market::Spot { weights.spot_query } else { 1 };
                let query = of(symbol).with("origClientOrderId", id);
                safety(signed(host(*market), self.profile.common(*market).order, query, weight))
            }
            Ask::OrderNumber { market, symbol, number } => {
                let weight = if *market == Market::Spot { weights.spot_query } else { 1 };
                let query = of(symbol).with("orderId", number);
                safety(signed(host(*market), self.profile.common(*market).order, query, weight))
            }
            Ask::OpenOrders { market, symbol } => {
                let weight = match (market, symbol) {
                    (Market::Spot, Some(_)) => 6,
                    (Market::Spot, None) => 80,
                    (Market::Perp, Some(_)) => 1,
                    (Market::Perp, None) => 40,
                };
                let query = Query::new().maybe("symbol", symbol.as_ref());
                safety(signed(host(*market), self.profile.common(*market).open_orders, query, weight))
            }
            Ask::RecentOrders { market, symbol, start } => {
                let weight = if *market == Market::Spot { weights.spot_fills } else { 5 };
                let query = of(symbol).time("startTime", *start).with("limit", 1000);
                history(signed(host(*market), self.profile.common(*market).all_orders, query, weight))
            }
            Ask::Fills { market, symbol, from, limit } => self.fills(*market, symbol, *from, *limit),
            Ask::Balances(Wallet::Spot) => signed(Host::Spot, all.spot.account, Query::new(), weights.spot_account),
            Ask::Balances(Wallet::Perp) => signed(perp, all.balance, Query::new(), 5),
            Ask::Positions => signed(perp, all.positions, Query::new(), 5),
            Ask::SymbolConfig { symbol } => {
                let own = self.profile.has(Feature::SymbolConfig);
                signed(perp, if own { paths.symbol_config } else { all.positions }, of(symbol), 5)
            }
            Ask::AccountConfig if self.profile.has(Feature::AccountConfig) => {
                signed(perp, paths.account_config, Query::new(), 5)
            }
            Ask::AccountConfig => signed(perp, paths.position_mode, Query::new(), 30),
            Ask::MultiAssets => signed(perp, paths.multi_assets, Query::new(), 30),
            Ask::Brackets { symbol } => signed(perp, paths.brackets, of(symbol), 1),
            Ask::Commission { market: Market::Spot, symbol } => signed(Host::Spot, all.spot_commission, of(symbol), 20),
            Ask::Commission { market: Market::Perp, symbol } => signed(perp, paths.commission, of(symbol), 20),
            Ask::Income { kind, start, end, page, limit } => {
                let query = window(Query::new().maybe("incomeType", *kind), Some(*start), *end);
                let query = query.with("page", page).with("limit", (*limit).min(1000));
                history(signed(perp, paths.income, query, 30))
            }
            _ => self.account(ask)?,
        })
    }

    /// The rest of the questions about the account: rights, limits and the listen key.
    fn account(&self, ask: &Ask) -> Encoded {
        let paths = &self.profile.paths.perp_only;
        let perp = Host::Perp;
        Ok(match ask {
            Ask::Transfers { start, .. } if !self.profile.has(Feature::TransferHistory) => {
                let query = Query::new().with("incomeType", "TRANSFER").time("startTime", *start).with("limit", 1000);
                signed(perp, paths.income, query, 30)
            }
            Ask::Transfers { from, start } => {
                let query = Query::new().with("type", transfer_kind(*from)).time("startTime", *start).with("size", 100);
                signed(Host::Wallet, self.profile.paths.transfer.1, query, 1)
            }
            Ask::KeyRights if self.profile.has(Feature::AgentList) => signed(perp, paths.agent, Query::new(), 5),
            Ask::KeyRights => {
                self.needs(Feature::ApiRestrictions, "question about the rights of a key")?;
                signed(Host::Wallet, "/sapi/v1/account/apiRestrictions", Query::new(), 1)
            }
            Ask::TradingStatus => {
                self.needs(Feature::TradingStatus, "question about locks of automated trading")?;
                signed(perp, paths.trading_status, Query::new(), 10)
            }
            Ask::CollateralRates => {
                self.needs(Feature::CollateralRates, "rates of collateral")?;
                public(perp, paths.collateral, String::new(), 10)
            }
            Ask::AdlRank => signed(perp, paths.adl, Query::new(), 5),
            Ask::ListenKey { market, act } => self.listen_key(*market, act)?,
            _ => return Err(self.without("such question")),
        })
    }

    fn fills(&self, market: Market, symbol: &Symbol, from: From, limit: u32) -> Request {
        let (path, weight) = match (market, from) {
            (Market::Spot, From::Order(_)) => (self.profile.paths.spot_fills, 5),
            (Market::Spot, _) => (self.profile.paths.spot_fills, self.profile.weights.spot_fills),
            (Market::Perp, _) => (self.profile.paths.perp_only.fills, 5),
        };
        let query = match from {
            From::Order(number) => of(symbol).with("orderId", number),
            From::Id(id) => of(symbol).with("fromId", id),
            From::Window { start, end } => window(of(symbol), Some(start), Some(end)),
            From::Latest => of(symbol),
        };
        let request = signed(host(market), path, query.with("limit", limit.min(1000)), weight);
        // Executions of one order are asked for when it is in doubt or must be hedged.
        if matches!(from, From::Order(_)) { safety(request) } else { request }
    }

    fn listen_key(&self, market: Market, act: &ListenKeyAct) -> Encoded {
        if market == Market::Spot && self.profile.has(Feature::WsApiUserData) {
            return Err(self.without("listen key on spot"));
        }
        // USD-M keeps one key per account and names none; spot names the one that is meant.
        let named = |key: &String| Query::new().maybe("listenKey", (market == Market::Spot).then_some(key));
        let (method, query) = match act {
            ListenKeyAct::Open => (Method::Post, Query::new()),
            ListenKeyAct::Keep(key) => (Method::Put, named(key)),
            ListenKeyAct::Close(key) => (Method::Delete, named(key)),
        };
        let security = match self.profile.auth {
            Auth::Key => Security::Key,
            Auth::Agent { .. } => Security::Signed,
        };
        let request = signed(host(market), self.profile.common(market).listen_key, query, 1);
        Ok(Request { method, security, ..request })
    }

    fn write(&self, act: &Act) -> Encoded {
        let (all, paths) = (&self.profile.paths, &self.profile.paths.perp_only);
        let perp = Host::Perp;
        Ok(match act {
            Act::Place(placement) => self.place(placement),
            Act::Cancel { market, symbol, id } => {
                let query = of(symbol).with("origClientOrderId", id);
                let request = signed(host(*market), self.profile.common(*market).order, query, 1);
                safety(Request { method: Method::Delete, ..request })
            }
            Act::CancelAll { market, symbol } => {
                let path = if *market == Market::Spot { all.cancel_all_spot } else { paths.cancel_all };
                safety(Request { method: Method::Delete, ..signed(host(*market), path, of(symbol), 1) })
            }
            Act::Countdown { symbol, after } => {
                let query = of(symbol).with("countdownTime", after.millis().max(0));
                safety(posted(perp, paths.countdown, query, 10))
            }
            Act::Transfer { .. } => self.transfer(act)?,
            Act::SetLeverage { symbol, leverage } => {
                posted(perp, paths.leverage, of(symbol).with("leverage", leverage), 1)
            }
            Act::SetMarginMode { symbol, mode } => {
                let word = match mode {
                    MarginMode::Cross => "CROSSED",
                    MarginMode::Isolated => "ISOLATED",
                };
                posted(perp, paths.margin_mode, of(symbol).with("marginType", word), 1)
            }
            Act::AddMargin { symbol, amount } => {
                let query = of(symbol).with("amount", amount).with("type", 1);
                safety(posted(perp, paths.position_margin, query, 1))
            }
            Act::SetPositionMode { hedge } => {
                posted(perp, paths.position_mode, Query::new().with("dualSidePosition", hedge), 1)
            }
            Act::SetMultiAssets { on } => {
                posted(perp, paths.multi_assets, Query::new().with("multiAssetsMargin", on), 1)
            }
            Act::Noop { nonce } => {
                self.needs(Feature::Noop, "way to void a request")?;
                // The signer leaves a nonce that stands first as it is: it is the one of the request to void.
                safety(posted(perp, paths.noop, Query::new().with("nonce", nonce), 1))
            }
        })
    }

    fn place(&self, order: &Placement) -> Request {
        let spot = order.market == Market::Spot;
        let side = match order.side {
            Side::Buy => "BUY",
            Side::Sell => "SELL",
        };
        let query = of(&order.symbol).with("side", side);
        let query = match order.time_in_force {
            TimeInForce::ImmediateOrCancel => query.with("type", "LIMIT").with("timeInForce", "IOC"),
            TimeInForce::PostOnly if spot && self.profile.has(Feature::LimitMaker) => query.with("type", "LIMIT_MAKER"),
            TimeInForce::PostOnly => query.with("type", "LIMIT").with("timeInForce", "GTX"),
        };
        let query = query.with("quantity", order.quantity).with("price", order.limit);
        let query = query.maybe("reduceOnly", (!spot && order.reduce_only).then_some("true"));
        let query = query.with("newClientOrderId", order.id);
        let response = match order.market {
            Market::Perp => Some("RESULT"),
            Market::Spot => self.profile.has(Feature::FillsInReply).then_some("FULL"),
        };
        let query = query.maybe("newOrderRespType", response);
        let weights = &self.profile.weights;
        let weight = if spot { weights.spot_order } else { weights.perp_order };
        let request = posted(host(order.market), self.profile.common(order.market).order, query, weight);
        Request { is_order: true, priority: order.priority, ..request }
    }

    fn transfer(&self, act: &Act) -> Encoded {
        let Act::Transfer { from, asset, amount, id } = act else { return Err(self.without("transfer")) };
        self.needs(Feature::Transfers, "way to move money between wallets")?;
        let (host, path) = self.profile.paths.transfer;
        let query = if self.profile.has(Feature::TransferClientId) {
            let kind = match from {
                Wallet::Spot => "SPOT_FUTURE",
                Wallet::Perp => "FUTURE_SPOT",
            };
            let query = Query::new().with("amount", amount).with("asset", asset);
            query.with("clientTranId", id).with("kindType", kind)
        } else {
            Query::new().with("type", transfer_kind(*from)).with("asset", asset).with("amount", amount)
        };
        // Money moves to where margin is short, or out of where it is not needed: neither comes often.
        Ok(safety(posted(host, path, query, self.profile.weights.transfer)))
    }
}

fn window(query: Query, start: Option<WallTime>, end: Option<WallTime>) -> Query {
    query.maybe("startTime", start.map(|at| at.0)).maybe("endTime", end.map(|at| at.0))
}

/// Binance's word for the direction of a transfer.
const fn transfer_kind(from: Wallet) -> &'static str {
    match from {
        Wallet::Spot => "MAIN_UMFUTURE",
        Wallet::Perp => "UMFUTURE_MAIN",
    }
}

#[cfg(test)]
#[path = "encode_tests.rs"]
mod tests;
