//! Every setting with its type and unit. The key of a field is its path: `settings.entry.funding` is `entry.funding`.

pub use super::alarm::{Alarm, Level};
pub use super::ladder::{Ladder, SlotsOf};
pub use super::sim::{CandleSource, DataEnd, FillAt, Sim, Wallets};
pub use super::strategies::{Capital, Part};
pub use super::universe::Universe;
pub use super::venues::{VenueFees, VenueTerms};
use crate::domain::{Amount, Asset, Bps, FundingRate, Leg, Quantity, Rate, Span, Venue};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything, after all layers were merged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// `run.*`
    pub run: Run,
    /// `strategy.*`
    pub strategy: Strategy,
    /// `ladder.*`; the built-in ones for sessions that were recorded before there were any.
    #[serde(default = "Ladder::built_in")]
    pub ladder: Ladder,
    /// `universe.*`; likewise.
    #[serde(default = "Universe::built_in")]
    pub universe: Universe,
    /// `signal.*`
    pub signal: Signal,
    /// `entry.*`
    pub entry: Entry,
    /// `exit.*`
    pub exit: Exit,
    /// `size.*`
    pub size: Size,
    /// `gates.*`
    pub gates: Gates,
    /// `confirm.*`
    pub confirm: Confirm,
    /// `execution.*`
    pub execution: Execution,
    /// `risk.*`
    pub risk: Risk,
    /// `margin.*`
    pub margin: Margin,
    /// `sim.*`
    pub sim: Sim,
    /// `alarm.*`; likewise.
    #[serde(default = "built_in_alarm")]
    pub alarm: Alarm,
    /// `live.*`; likewise.
    #[serde(default = "built_in_live")]
    pub live: Live,
    /// `store.*`; likewise.
    #[serde(default = "built_in_store")]
    pub store: Store,
    /// `pairs."NAME".*`: all settings of the pairs that have some otherwise, by the pair's name. Theirs hold no further ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pairs: BTreeMap<String, Settings>,
    /// `venues.NAME.*`: what single venues have otherwise, by the venue's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub venues: BTreeMap<Venue, VenueTerms>,
    /// `web.*`; likewise.
    #[serde(default)]
    pub web: Web,
    /// The strategies, where there are several; theirs hold no further ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strategies: Vec<Part>,
}

fn built_in_store() -> Store {
    Settings::default().store
}

fn built_in_start_retry() -> Span {
    built_in_live().start_retry
}

pub(super) fn built_in_alarm() -> Alarm {
    Settings::default().alarm
}

fn built_in_live() -> Live {
    Settings::default().live
}

/// What must be true before real money is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// Time that a strategy must have run in the shadow.
    pub shadow_hours: Span,
    /// Largest value of all pairs together, per leg.
    pub max_notional: Amount,
    /// How long a start goes on asking a venue that cannot answer now.
    #[serde(default = "built_in_start_retry")]
    pub start_retry: Span,
}

/// The page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Web {
    /// Where the page listens inside paper, shadow and live; `None` is off.
    pub listen: Option<String>,
    /// Further hosts that a browser may name, beside those of this machine.
    pub hosts: Vec<String>,
    /// A PEM file of mode 0600 with a certificate and its key; `None` is without encryption.
    pub tls: Option<String>,
    /// A file of mode 0600 with the bearer of `/metrics`, or `open`; `None` is off.
    pub metrics: Option<String>,
}

/// The files of a run and the disk that they are on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// Parts of the tape older than this are removed.
    pub tape_age: Span,
    /// The tape keeps at most so many megabytes (1,000,000 bytes).
    pub tape_mb: u64,
    /// Less free room than this, in megabytes, stops entries.
    pub min_free_mb: u64,
    /// Megabytes held back on the disk for orders that reduce.
    pub reserve_mb: u64,
}

/// What a verb may do with the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Simulated fills only.
    Paper,
    /// Real orders; also needs the `live` verb.
    Live,
}

/// Capital and the benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `paper` or `live`.
    pub mode: Mode,
    /// Money the bot may use, in the reporting coin.
    pub capital: Amount,
    /// The reporting coin.
    pub currency: Asset,
    /// What idle cash earns elsewhere, per year: the benchmark to beat.
    pub cash_apr: Rate,
}

/// What is decided about: each pair, or all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyKind {
    /// Each pair by itself, by the rule; a pair of two perps, which its name says, by the difference of two fundings.
    #[default]
    Basis,
    /// The same, where every pair is of two perps.
    Spread,
    /// All pairs together, and cash.
    Ladder,
}

/// Which rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Thresholds on smoothed funding and on the closing basis.
    Anchor,
    /// Expected net carry after all costs.
    Value,
}

/// The strategy and its universe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Strategy {
    /// Each pair by itself, or all pairs and cash together.
    #[serde(default)]
    pub kind: StrategyKind,
    /// Which rule decides about each pair.
    pub rule: Rule,
    /// Names of pairs (`binance:BTCUSDT`); empty means all that the source can price.
    pub pairs: Vec<String>,
    /// The pairs are those that `[universe]` admits, looked at each day.
    #[serde(default)]
    pub auto: bool,
    /// Its part of the capital.
    #[serde(default, skip_serializing_if = "Capital::is_all")]
    pub capital: Capital,
}

/// Which funding number the rules look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FundingSource {
    /// What was paid last.
    Settled,
    /// The venue's running estimate of the next payment, averaged with what was paid.
    Estimate,
}

/// Across which venues a coin's funding is averaged before it is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weighting {
    /// The pair's own funding.
    Own,
    /// Mean over venues weighted by open interest.
    OpenInterest,
    /// Mean over venues weighted by traded volume.
    Volume,
}

/// How raw funding becomes the signal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Signal {
    /// Settled or estimated.
    pub funding: FundingSource,
    /// Averaging time; zero means the last value alone.
    pub smooth: Span,
    /// How far back persistence and the usual basis are measured.
    pub memory: Span,
    /// Own, or averaged across venues.
    pub weighting: Weighting,
}

/// When a pair is opened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Funding must be above this.
    pub funding: FundingRate,
    /// And above it by this much more.
    pub margin: FundingRate,
    /// The entry basis (perp minus spot over spot) must be above this; `None` is off.
    pub basis: Option<Bps>,
    /// Least expected net carry on capital per year (value rule).
    pub min_net_apr: Rate,
    /// Longest time to earn all costs back (value rule).
    pub max_breakeven: Span,
    /// Over which the expected carry is counted (value rule).
    pub horizon: Span,
    /// Least time between a close and the next entry of the pair.
    pub cooldown: Span,
}

/// How the exit conditions combine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Both.
    All,
    /// Either.
    Any,
}

/// When a pair is closed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exit {
    /// Basis and funding together, or either.
    pub when: When,
    /// Funding must be below this.
    pub funding: FundingRate,
    /// The executable closing basis must be at or below this.
    pub basis: Bps,
    /// Least time a pair is held before the strategy may close it.
    pub min_hold: Span,
    /// By how much leaving must beat holding, per year (value rule).
    pub margin_apr: Rate,
}

/// How much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Share of a venue's capital that may be at work.
    pub share: Rate,
    /// Most capital in one pair, as a share of all capital.
    pub per_pair: Rate,
    /// Most capital in one coin over all venues.
    pub per_coin: Rate,
    /// Most capital on one venue.
    pub per_venue: Rate,
    /// Most capital in pairs of one quote coin.
    pub per_quote: Rate,
    /// Most of the visible depth inside the slippage bound that one clip may take.
    pub depth_share: Rate,
    /// Most of the venue's open interest.
    pub oi_share: Rate,
    /// Notional of the short over its margin.
    pub leverage: Rate,
    /// Fixed coins instead of the shares above, for cross-checks.
    pub quantity: Option<Quantity>,
    /// The coin of `size.quantity`: one BTC is not one ETH, so pairs of other coins must not be opened with it.
    pub quantity_coin: Option<Asset>,
}

/// What must hold before an entry; a close is never blocked by these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gates {
    /// Oldest quote, mark or funding accepted.
    pub max_age: Span,
    /// No entry this close to a settlement, before or after.
    pub guard: Span,
    /// Furthest a quote coin may be from its peg.
    pub peg: Bps,
    /// Highest ADL rank of the perp (0 to 4).
    pub adl_rank: u8,
    /// No entry this long before trading of the pair ends.
    pub delist_lead: Span,
    /// Least value of depth on each leg.
    pub min_depth: Amount,
    /// Refuse by the funding and open-interest quadrant.
    pub quadrant: bool,
    /// Furthest the mark may be from the perp's mid.
    pub mark_divergence: Bps,
    /// Oldest price of its own leg that an order which reduces may stand on.
    #[serde(default = "reduce_age")]
    pub reduce_age: Span,
    /// What a gate does whose input the source should have and has not.
    #[serde(default)]
    pub missing: Missing,
}

/// Of ledgers that were written before the key was.
const fn reduce_age() -> Span {
    Span::seconds(120)
}

/// What a gate does whose input the source should have and has not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// No entry.
    #[default]
    Refuse,
    /// An alarm, and the gate is off.
    Warn,
}

/// An indicator that must agree before an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Indicator {
    /// None.
    Off,
    /// Last funding above its moving average.
    Average,
    /// Relative strength of funding above `confirm.level`.
    Rsi,
    /// Funding above the upper Bollinger band.
    Bollinger,
    /// Funding's MACD above its signal line.
    Macd,
}

/// Optional confirmation of funding extremes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confirm {
    /// Which indicator.
    pub indicator: Indicator,
    /// Settlements it looks back.
    pub period: u8,
    /// Threshold of the RSI, 0 to 100.
    pub level: u8,
}

/// Which leg trades first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum First {
    /// The one with less depth.
    Auto,
    /// Always this one.
    Leg(Leg),
}

/// How the first leg is worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Priced immediate-or-cancel.
    Taker,
    /// Post-only until the deadline, then as taker.
    Maker,
}

/// How orders are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Which leg first.
    pub first: First,
    /// How.
    pub style: Style,
    /// How long a maker order may rest.
    pub maker_deadline: Span,
    /// Furthest a limit may be from the mid when risk is added.
    pub collar: Bps,
    /// The same for orders that reduce.
    pub reduce_collar: Bps,
    /// Largest value of one clip.
    pub clip: Amount,
    /// Longest time a pair may be unequal while its venue can be reached.
    pub hedge_time: Span,
    /// Failed attempts at one leg before it is undone.
    pub attempts: u32,
    /// How long to wait before an order not found is asked for again.
    pub probe_every: Span,
    /// After which an order not found may be called absent.
    pub absent_after: Span,
}

/// What is done about a position that a foreign hand changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnForeign {
    /// Nothing: a person decides.
    #[default]
    Hold,
    /// The larger leg is reduced after one comparison of ledger and venue without a difference.
    Hedge,
}

/// Hard limits of the gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Risk {
    /// Largest value of one order.
    pub max_order: Amount,
    /// Largest value of one pair (per leg).
    pub max_pair: Amount,
    /// Largest value of all pairs (per leg).
    pub max_total: Amount,
    /// Loss in one UTC day that stops entries, as a share of capital.
    pub daily_loss: Rate,
    /// Most orders in one minute.
    pub orders_per_minute: u32,
    /// The same leg, side and quantity twice within this is refused.
    pub duplicate_window: Span,
    /// What is done about a position that a foreign hand changed.
    #[serde(default)]
    pub foreign: OnForeign,
}

/// How collateral is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginMode {
    /// All perps of a venue share one wallet.
    Cross,
    /// Each position has its own margin.
    Isolated,
}

/// What margins the short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Collateral {
    /// The quote coin alone.
    Quote,
    /// The coins of the spot leg, kept in the perp wallet, at the venue's haircut; a little of the quote coin beside them.
    Coin,
    /// The same in one account that is spot and perp wallet at once: nothing waits for a transfer.
    Unified,
}

impl Collateral {
    /// Whether the coins of the spot leg margin the short.
    #[must_use]
    pub const fn has_coins(self) -> bool {
        matches!(self, Self::Coin | Self::Unified)
    }
}

/// The margin autopilot. Distances are the rise of the mark, as a fraction, to liquidation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Margin {
    /// Cross or isolated.
    pub mode: MarginMode,
    /// The quote coin, or the coins of the spot leg.
    pub collateral: Collateral,
    /// Whether it acts while holding.
    pub autopilot: bool,
    /// Below this it warns.
    pub warn: Rate,
    /// Below this it moves money to the perp wallet.
    pub top_up: Rate,
    /// Below this, when no money can be moved, both legs shrink.
    pub floor: Rate,
    /// What a top-up or shrink restores.
    pub target: Rate,
    /// Shorts over the equity of their venue above which both legs shrink, where coins are collateral; absent is no bound.
    #[serde(default)]
    pub most_notional: Option<Rate>,
}
