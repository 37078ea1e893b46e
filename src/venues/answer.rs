//! What a venue of the Binance family answers and pushes about instruments and our account, typed, and why it refused.
//!
//! Signs: quantities of positions are signed, plus is long; income plus is received; fees plus is paid. Times are the
//! venue's, UTC milliseconds. What a venue does not send is `None`, never zero. Texts of the venue are escaped and cut.

pub use super::account_message::AccountMessage;
use crate::domain::fees::Role;
use crate::domain::margin::Bracket;
use crate::domain::{
    Amount, Asset, Fees, FillId, Interval, Market, Price, Quantity, Rate, Rules, Side, SignedQuantity, Symbol, WallTime,
};
use crate::port::event::Wallet;
use crate::port::order::RejectCause;

/// One instrument as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The venue's name of it.
    pub symbol: Symbol,
    /// Which market.
    pub market: Market,
    /// What is bought; `1000PEPE` bundles keep the venue's name.
    pub base: Asset,
    /// What it is priced in.
    pub quote: Asset,
    /// Limits on orders.
    pub rules: Rules,
    /// Whether orders are taken now.
    pub trading: bool,
    /// Perp without an end date; dated and equity contracts are not. False on spot.
    pub perpetual: bool,
    /// When a perp will be delisted, once that is announced.
    pub ends: Option<WallTime>,
    /// Since when a perp is listed, where the venue says.
    pub begins: Option<WallTime>,
    /// Farthest limit above and below the mark (perp) or reference price (spot), as multiples, when the venue says.
    pub price_band: Option<(Rate, Rate)>,
}

/// One limit that the venue states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RateLimit {
    /// `REQUEST_WEIGHT`, `ORDERS`, `RAW_REQUESTS`.
    pub kind: Symbol,
    /// Length of its window in seconds.
    pub seconds: u64,
    /// How much fits in one.
    pub limit: u64,
}

/// A settlement of the public history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingRow {
    /// Whose.
    pub symbol: Symbol,
    /// The stamp as sent; a few milliseconds off the hour.
    pub stamp: WallTime,
    /// Rate per interval, plain fraction.
    pub rate: Rate,
    /// Price of the settlement, where it is sent.
    pub mark: Option<Price>,
}

/// Interval and bounds of funding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundingTerms {
    /// Whose.
    pub symbol: Symbol,
    /// Time between settlements.
    pub interval: Interval,
    /// Highest rate per interval.
    pub cap: Option<Rate>,
    /// Lowest rate per interval.
    pub floor: Option<Rate>,
    /// The interest part per interval, where it is sent (Aster).
    pub interest: Option<Rate>,
}

/// Mark, index and running estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PremiumRow {
    /// Whose.
    pub symbol: Symbol,
    /// Mark price.
    pub mark: Price,
    /// Index price.
    pub index: Price,
    /// Running estimate of the next settlement per interval.
    pub rate: Option<Rate>,
    /// When the next settlement is.
    pub next_funding: Option<WallTime>,
    /// The venue's time of it.
    pub at: WallTime,
}

/// Best bid and ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BestQuoteRow {
    /// Whose.
    pub symbol: Symbol,
    /// Best bid and its coins.
    pub bid: Option<(Price, Quantity)>,
    /// Best ask and its coins.
    pub ask: Option<(Price, Quantity)>,
}

/// A candle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CandleRow {
    /// When it opened.
    pub opened: WallTime,
    /// Open, high, low, close as the decimal texts that the venue printed: a premium may be negative.
    pub prices: [String; 4],
    /// Volume in coins, as printed; absent for mark, index and premium.
    pub volume: Option<String>,
}

/// Where an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// Open, nothing or a part executed.
    Open,
    /// Completely executed.
    Filled,
    /// Ended by a cancel.
    Cancelled,
    /// Ended by its time in force, by self-trade prevention, or by the venue.
    Expired,
    /// Refused by the matching engine.
    Rejected,
}

/// An order as the venue tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Which market.
    pub market: Market,
    /// Its symbol.
    pub symbol: Symbol,
    /// The client order id as text: it may be foreign.
    pub client_id: String,
    /// The venue's id.
    pub venue_id: u64,
    /// Buy or sell.
    pub side: Side,
    /// Where it stands.
    pub status: OrderStatus,
    /// Coins ordered.
    pub quantity: Quantity,
    /// Coins executed.
    pub filled: Quantity,
    /// Limit price; absent for market orders.
    pub limit: Option<Price>,
    /// Executions, where the venue lists them in the answer to a placement (spot FULL).
    pub fills: Vec<FillRow>,
    /// The venue's time of this state.
    pub at: Option<WallTime>,
}

/// One execution on the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillRow {
    /// Which market.
    pub market: Market,
    /// Its symbol.
    pub symbol: Symbol,
    /// The venue's number of the execution.
    pub id: FillId,
    /// The venue's number of the order.
    pub order: u64,
    /// Buy or sell; absent only where it follows from the order (answers to placements).
    pub side: Option<Side>,
    /// Price.
    pub price: Price,
    /// Coins.
    pub quantity: Quantity,
    /// Fee, plus is paid; absent where the message has none (then a list of executions has it).
    pub fee: Option<Amount>,
    /// Asset of the fee.
    pub fee_asset: Option<Asset>,
    /// Rested or took.
    pub role: Option<Role>,
    /// When it happened; absent in answers to placements.
    pub at: Option<WallTime>,
}

/// A balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BalanceRow {
    /// Which asset.
    pub asset: Asset,
    /// All of it, free and locked; of a perp wallet without unrealised profit.
    pub total: Amount,
    /// What orders or positions do not hold.
    pub free: Amount,
}

/// A perp position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PositionRow {
    /// Whose.
    pub symbol: Symbol,
    /// Coins, plus is long.
    pub coins: SignedQuantity,
    /// Mean entry price; absent when flat.
    pub entry: Option<Price>,
    /// Mark price.
    pub mark: Option<Price>,
    /// Liquidation price by the venue; absent when there is none.
    pub liquidation: Option<Price>,
    /// Place in the ADL queue, 0 to 4.
    pub adl: Option<u8>,
    /// Money that an isolated position holds, without its profit; absent when it is crossed or the message has none.
    pub isolated: Option<Amount>,
    /// Whether it belongs to hedge mode's long or short side.
    pub hedge_side: bool,
    /// When it last changed.
    pub at: Option<WallTime>,
}

/// Income of the perp account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomeRow {
    /// The venue's word for its kind.
    pub kind: Symbol,
    /// Whose; absent for transfers.
    pub symbol: Option<Symbol>,
    /// Plus is received.
    pub amount: Amount,
    /// Which asset.
    pub asset: Asset,
    /// When.
    pub at: WallTime,
    /// The venue's number of it, unique per kind; a number or a text on the wire.
    pub id: String,
    /// The execution it belongs to, when it belongs to one.
    pub fill: Option<FillId>,
}

/// How far a transfer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferStatus {
    /// It arrived.
    Done,
    /// On its way.
    Pending,
    /// It was refused, the money is where it was.
    Failed,
}

/// A transfer in the venue's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransferRow {
    /// The venue's number of it.
    pub id: String,
    /// Which asset.
    pub asset: Asset,
    /// How much.
    pub amount: Amount,
    /// How far it came.
    pub status: TransferStatus,
    /// When.
    pub at: WallTime,
}

/// Rights of a key. A right that the venue does not state is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRights {
    /// May read.
    pub reading: Option<bool>,
    /// May trade spot.
    pub spot: Option<bool>,
    /// May trade perps.
    pub perps: Option<bool>,
    /// May withdraw: such a key is refused.
    pub withdrawals: Option<bool>,
    /// May move money between wallets of the account.
    pub transfers: Option<bool>,
    /// Bound to addresses.
    pub ip_bound: Option<bool>,
    /// When it ends.
    pub expires: Option<WallTime>,
}

/// Modes of the perp account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountModes {
    /// Long and short kept apart.
    pub hedge: Option<bool>,
    /// Collateral in many coins.
    pub multi_assets: Option<bool>,
    /// Fee tier.
    pub fee_tier: Option<i64>,
    /// Whether the account may trade.
    pub can_trade: Option<bool>,
}

/// Leverage and margin mode of a perp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SymbolModes {
    /// Whose.
    pub symbol: Symbol,
    /// Leverage.
    pub leverage: Option<u8>,
    /// Whether margin is isolated.
    pub isolated: Option<bool>,
}

/// Rates at which a coin counts as collateral.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollateralRow {
    /// Which coin pair, as the venue names it (`BTCUSD`).
    pub symbol: Symbol,
    /// The venue's index of it, in US dollars (`index`).
    pub index: Price,
    /// Price of one for what is owed, after the haircut (`bidRate`).
    pub bid: Price,
    /// Price of one for what must be bought, after the haircut (`askRate`).
    pub ask: Price,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The venue's clock.
    Time(WallTime),
    /// Instruments, and the limits on requests. Rows that cannot be read are left out and named.
    Instruments {
        /// What is listed.
        listings: Vec<Listing>,
        /// Limits on requests.
        limits: Vec<RateLimit>,
        /// Symbols left out, each with the field that could not be read.
        left_out: Vec<(Symbol, String)>,
    },
    /// A book; the body is kept for the public session, which reads it itself.
    Depth,
    /// Best quotes.
    BestQuotes(Vec<BestQuoteRow>),
    /// Candles.
    Candles(Vec<CandleRow>),
    /// Mark, index and estimate.
    Premium(Vec<PremiumRow>),
    /// Funding terms.
    FundingInfo(Vec<FundingTerms>),
    /// Settlements.
    FundingHistory(Vec<FundingRow>),
    /// Open interest in coins, with the venue's time.
    OpenInterest(Vec<(WallTime, Quantity)>),
    /// An order: placed, cancelled or asked for.
    Order(OrderRow),
    /// Orders.
    Orders(Vec<OrderRow>),
    /// Executions.
    Fills(Vec<FillRow>),
    /// Balances of a wallet.
    Balances(Wallet, Vec<BalanceRow>),
    /// Positions.
    Positions(Vec<PositionRow>),
    /// Modes of a symbol.
    SymbolConfig(SymbolModes),
    /// Modes of the account.
    AccountConfig(AccountModes),
    /// Brackets, per symbol.
    Brackets(Vec<(Symbol, Vec<Bracket>)>),
    /// Our fee rates.
    Commission {
        /// Rates.
        fees: Fees,
        /// Whether fees are taken in the venue's own coin while there is enough of it.
        own_coin: Option<bool>,
    },
    /// Income.
    Income(Vec<IncomeRow>),
    /// A transfer was taken; the venue's number of it.
    Transferred(String),
    /// Transfers.
    Transfers(Vec<TransferRow>),
    /// Rights of the key.
    KeyRights(KeyRights),
    /// Whether automated trading is locked, and until when.
    TradingStatus {
        /// Locked.
        locked: bool,
        /// Until when.
        until: Option<WallTime>,
    },
    /// Collateral rates.
    CollateralRates(Vec<CollateralRow>),
    /// Place in the ADL queue, per symbol.
    AdlRanks(Vec<(Symbol, u8)>),
    /// A listen key, or `None` for its keep-alive and closing.
    ListenKey(Option<String>),
    /// A list of which some rows could not be read. They are named, each with its field: where one of them is of an instrument
    /// that we trade, the list is worth nothing.
    Partly {
        /// The list without them.
        answer: Box<Self>,
        /// Their symbols and what is wrong with them.
        left_out: Vec<(Symbol, String)>,
    },
    /// Done; nothing more is said. Also what the venue calls "no need to change".
    Done,
}

impl Answer {
    /// The answer without the rows that could not be read, and those rows.
    #[must_use]
    pub fn parted(self) -> (Self, Vec<(Symbol, String)>) {
        match self {
            Self::Partly { answer, left_out } => (*answer, left_out),
            whole => (whole, Vec::new()),
        }
    }
}

/// Why a request got no answer that can be used, as far as a caller would act differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Proof that the venue did not and will not act on it.
    Proof(RejectCause),
    /// It may have executed (rule R-A).
    Unknown,
    /// Not executed, and may be tried again later.
    Later,
    /// Too many requests: nothing may be sent until the time given.
    RateLimit,
    /// The address is banned.
    Banned,
    /// The clock is off: measure it, then again. Not executed.
    Clock,
    /// Key, signature, address or permission.
    Auth,
    /// There is no such order. Not proof by itself.
    NotFound,
    /// It is already so.
    Unchanged,
    /// The account is in a state in which this cannot be done (modes, open orders).
    State,
    /// The venue has restricted the account: no new positions.
    Restricted,
    /// The account is being liquidated.
    Liquidating,
    /// The listen key is gone.
    ListenKey,
    /// What we sent is wrong.
    Malformed,
}

/// A refusal of the venue, or an answer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{class:?}: HTTP {status}{}: {text}", code.map(|code| format!(", code {code}")).unwrap_or_default())]
pub struct Refused {
    /// What it means.
    pub class: Class,
    /// HTTP status; 200 when the body of a good answer could not be read.
    pub status: u16,
    /// The venue's code.
    pub code: Option<i64>,
    /// The venue's text or what was expected, escaped and cut; never a whole body.
    pub text: String,
    /// `Retry-After` in seconds, or the end of a ban as UTC milliseconds in the text.
    pub until: Option<Until>,
}

/// How long to keep still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Seconds from now.
    Seconds(u64),
    /// An instant of the venue's clock.
    At(WallTime),
}
