//! The venue without its HTTP face: requests, lines and time of one process, and its books as the truth of a judge.
//!
//! The server stands on the same `Venue`. Here nothing waits and nothing is threaded: a simulator says what time it is (by the
//! clock that it gave), hands requests over when it pleases and takes what the lines hold. Scripted delays and cuts of a fault
//! file are told with each answer and are the simulator's to carry out. Tests: `tests/live_sim.rs`.

use super::faults::{FileError, rule_of};
use super::rest::{Reply, Request};
use super::script::timed;
use super::socket::{Session, entrance, hear, seat};
use super::streams::{Out, Route};
use super::venue::{RealTime, Venue};
use super::{LoopbackError, Options};
use crate::domain::{Amount, Asset, Market, Price, Quantity, Side, SignedQuantity, Symbol, WallTime};
use std::collections::BTreeMap;
use tokio::sync::mpsc::Receiver;

/// A venue in this process.
pub struct Core(Venue);

/// An answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// What a rule of the fault file does to the way back.
    pub way: WayBack,
}

/// What becomes of an answer on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WayBack {
    /// It leaves so many milliseconds late.
    pub delay_ms: u64,
    /// The connection closes without it.
    pub dropped: bool,
    /// The connection closes in the middle of it.
    pub short: bool,
}

fn asked(method: &str, path_and_query: &str, body: Option<&str>, key: Option<&str>) -> Request {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        body: body.unwrap_or_default().to_owned(),
        key: key.map(str::to_owned),
    }
}

fn answered(reply: Reply) -> Answered {
    let Reply { status, headers, body, delay_ms, dropped, short } = reply;
    let way = WayBack { delay_ms, dropped, short };
    Answered { status: if status == 0 { 200 } else { status }, headers, body, way }
}

/// One open line.
pub struct Line {
    id: u64,
    route: Route,
    queue: Receiver<Out>,
    session: Session,
}

/// What a line says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// A message.
    Text(String),
    /// A message that a rule of the fault file holds back for so many milliseconds.
    Late(u64, String),
    /// The venue ends it.
    Closed,
}

/// One execution by the venue's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The venue's number of the execution.
    pub id: u64,
    /// The venue's number of the order.
    pub order: u64,
    /// The client's id of the order; the venue's own word where the venue made it.
    pub client: String,
    /// Whether the venue made the order itself (ADL, liquidation, settlement).
    pub by_venue: bool,
    /// Spot or perp.
    pub market: Market,
    /// Its symbol.
    pub symbol: Symbol,
    /// Bought or sold.
    pub side: Side,
    /// Price in quote coins.
    pub price: Price,
    /// Coins.
    pub quantity: Quantity,
    /// Fee, paid is plus.
    pub fee: Amount,
    /// In which asset.
    pub fee_asset: Asset,
    /// When.
    pub at: WallTime,
}

/// What the account holds by the venue's books.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Holdings {
    /// Spot wallet, without zeros.
    pub spot: BTreeMap<Asset, Amount>,
    /// Perp wallet, without zeros.
    pub perp: BTreeMap<Asset, Amount>,
    /// Positions in coins, minus is short, without zeros.
    pub positions: BTreeMap<Symbol, SignedQuantity>,
}

impl Core {
    /// A venue of these options; `real` gives its milliseconds.
    ///
    /// # Errors
    /// [`LoopbackError`] when the state folder or a recording cannot be read.
    pub fn open(options: Options, real: RealTime) -> Result<Self, LoopbackError> {
        Ok(Self(Venue::open(options, real)?))
    }

    /// The venue's time, as far as it has been played.
    #[must_use]
    pub const fn now(&self) -> WallTime {
        self.0.now
    }

    /// What the venue writes into its stamps.
    #[must_use]
    pub fn stamp(&self) -> WallTime {
        self.0.stamp()
    }

    /// Answers a request now; `key` is the value of its key header.
    pub fn request(&mut self, method: &str, path_and_query: &str, body: Option<&str>, key: Option<&str>) -> Answered {
        let reply = self.0.handle(&asked(method, path_and_query, body, key));
        answered(reply)
    }

    /// Milliseconds for which a rule of the fault file holds this request back before it is executed; the rule is used up.
    pub fn held_up(&mut self, method: &str, path_and_query: &str, body: Option<&str>) -> Option<u64> {
        self.0.catch_up();
        self.0.held_up(&asked(method, path_and_query, body, None))
    }

    /// What the account's owner does on the venue's own page, or what it shows there: no key, no weight, no faults.
    pub fn by_hand(&mut self, method: &str, path_and_query: &str) -> Answered {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let (method, path, query) = (method.to_owned(), path.to_owned(), query.to_owned());
        let reply = self.0.by_hand(&Request { method, path, query, ..Request::default() });
        answered(reply)
    }

    /// Opens a line at this path; nothing where no line is served.
    pub fn connect(&mut self, path_and_query: &str) -> Option<Line> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let entrance = entrance(self.0.profile, path, query)?;
        let (id, queue) = seat(&mut self.0, &entrance);
        Some(Line { id, route: entrance.route(), queue, session: Session::default() })
    }

    /// The client says something on a line; false when the venue ends the line for it.
    pub fn hear(&mut self, line: &mut Line, text: &str) -> bool {
        hear(&mut self.0, line.id, line.route, (&mut line.session, text))
    }

    /// What the line says next; nothing when it is quiet.
    #[must_use]
    pub fn said(&self, line: &mut Line) -> Option<Said> {
        use tokio::sync::mpsc::error::TryRecvError;
        match line.queue.try_recv() {
            Ok(Out::Text(text)) => Some(Said::Text(text)),
            Ok(Out::Late(ms, text)) => Some(Said::Late(ms, text)),
            Ok(Out::Close) | Err(TryRecvError::Disconnected) => Some(Said::Closed),
            Err(TryRecvError::Empty) => None,
        }
    }

    /// The client has gone.
    pub fn hang_up(&mut self, line: &Line) {
        self.0.streams.close(line.id);
    }

    /// Plays time up to now and publishes what changed.
    pub fn pulse(&mut self) {
        self.0.pulse();
    }

    /// Does an act of the fault file's grammar now.
    ///
    /// # Errors
    /// [`FileError`] names what is wrong in it.
    pub fn act(&mut self, text: &str) -> Result<(), FileError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| FileError::new(1, "act", error.message()))?;
        let act = timed(table, 1)?.act;
        self.0.catch_up();
        self.0.act(&act);
        Ok(())
    }

    /// Adds a rule of the fault file's grammar: what it matches goes wrong.
    ///
    /// # Errors
    /// [`FileError`] names what is wrong in it.
    pub fn fault(&mut self, text: &str) -> Result<(), FileError> {
        let table: toml::Table = toml::from_str(text).map_err(|error| FileError::new(1, "fault", error.message()))?;
        rule_of(table, &mut self.0.script)
    }

    /// What the account holds.
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        let books = &self.0.books;
        let spot = books.spot.iter().map(|(asset, purse)| (*asset, purse.total));
        let perp = books.futures.iter().map(|(asset, amount)| (*asset, *amount));
        let positions = books.positions.iter().map(|(symbol, position)| (*symbol, position.coins));
        Holdings {
            spot: spot.filter(|(_, amount)| !amount.is_zero()).collect(),
            perp: perp.filter(|(_, amount)| !amount.is_zero()).collect(),
            positions: positions.filter(|(_, coins)| !coins.is_zero()).collect(),
        }
    }

    /// Executions with a number above this, oldest first.
    #[must_use]
    pub fn executions_after(&self, id: u64) -> Vec<Executed> {
        let books = &self.0.books;
        let rows = books.executions.range(id.saturating_add(1)..).map(|(_, one)| {
            let order = books.orders.get(&one.order);
            Executed {
                id: one.id,
                order: one.order,
                client: order.map(|order| order.client.clone()).unwrap_or_default(),
                by_venue: order.is_some_and(|order| order.by_venue),
                market: one.market,
                symbol: one.symbol,
                side: one.side,
                price: one.price,
                quantity: one.quantity,
                fee: one.fee,
                fee_asset: one.fee_asset,
                at: one.at,
            }
        });
        rows.collect()
    }

    /// How often each client id arrived as a new order.
    #[must_use]
    pub const fn arrivals(&self) -> &BTreeMap<String, u64> {
        &self.0.arrivals
    }

    /// Requests by method and path.
    #[must_use]
    pub const fn requests(&self) -> &BTreeMap<String, u64> {
        &self.0.requests
    }

    /// Mark of a perp.
    #[must_use]
    pub fn mark(&self, symbol: &str) -> Option<Price> {
        self.0.market.get(symbol).map(|listing| listing.mark)
    }

    /// Whether any order of the account rests.
    #[must_use]
    pub fn rests(&self) -> bool {
        !self.0.books.open.is_empty()
    }
}
