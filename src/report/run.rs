//! The rows and the summary of one run, as the drivers hand them over and as the files hold them.

use crate::domain::{Amount, Asset, LegWord, Price, Quantity, Rate, Side, SignedQuantity, WallTime};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use crate::ledger::Lines;

/// One fill (`fills.csv`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FillRow {
    /// When.
    pub at: WallTime,
    /// Pair name.
    pub pair: String,
    /// Venue.
    pub venue: String,
    /// Symbol.
    pub symbol: String,
    /// `spot` or `perp`; `long` or `short` of a spread.
    pub leg: LegWord,
    /// Side.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// Price.
    pub price: Price,
    /// Mid of the leg at the fill.
    pub mid: Price,
    /// Fee, plus is paid.
    pub fee: Amount,
    /// Asset of the fee.
    pub fee_asset: Asset,
    /// Mid of the leg when the order was decided.
    pub arrival_mid: Price,
    /// Our order id, or the venue's word for a fill it made itself.
    pub intent: String,
    /// Why.
    pub reason: String,
}

/// One settlement on a position (`funding.csv`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FundingRow {
    /// The venue's stamp.
    pub at: WallTime,
    /// Pair name.
    pub pair: String,
    /// Venue.
    pub venue: String,
    /// Symbol.
    pub symbol: String,
    /// Signed coins held.
    pub quantity: SignedQuantity,
    /// Price used.
    pub mark_price: Price,
    /// Its source: `funding`, `mark` or `perp_close`.
    pub mark_source: String,
    /// Rate.
    pub rate: Rate,
    /// Plus is received.
    pub amount: Amount,
}

/// Equity and cumulative lines at one instant (`equity.csv`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EquityRow {
    /// When.
    pub at: WallTime,
    /// Equity.
    pub equity: Amount,
    /// Lines since the start.
    pub lines: Lines,
}

/// One round trip of a pair, or an open one (`trips.csv`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TripRow {
    /// Pair name.
    pub pair: String,
    /// First fill.
    pub opened: WallTime,
    /// Last fill; `None` while open.
    pub closed: Option<WallTime>,
    /// Largest hedged coins.
    pub coins: Quantity,
    /// Value of the perp leg at the entry.
    pub notional: Amount,
    /// Basis at entry and exit, basis points of the spot price.
    pub entry_basis_bps: f64,
    /// Basis at exit.
    pub exit_basis_bps: Option<f64>,
    /// Settlements received.
    pub settlements: u32,
    /// Lines of this trip.
    pub lines: Lines,
    /// Seconds during which the legs were unequal by more than a lot.
    pub naked_s: f64,
    /// Why it was opened.
    pub entry_reason: String,
    /// Why it was closed.
    pub exit_reason: Option<String>,
}

/// Basis samples of a pair for the chart of entries and exits.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BasisSeries {
    /// Pair name.
    pub pair: String,
    /// Time and basis in basis points, thinned.
    pub points: Vec<(WallTime, f64)>,
}

/// Mean absolute error of three guesses of the next settlement, made right after the one before, per 8 h as a fraction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ForecastScore {
    /// Settlements scored.
    pub n: u64,
    /// Of our forecast made one interval ahead.
    pub forecast: f64,
    /// Of the last print.
    pub last_print: f64,
    /// Of the anchor.
    pub anchor: f64,
}

/// A word about something the run replaced or switched off (proxies, defaults, holes).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// What it is about.
    pub subject: String,
    /// What was done.
    pub text: String,
}

/// What one calendar month or year of a run was, each as a fraction of the curve's value at its start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Period {
    /// Its first instant, or that of the run.
    pub from_ms: WallTime,
    /// Change of equity, money that was brought or taken left out.
    pub net: f64,
    /// The same with what idle money earned.
    pub with_cash: f64,
    /// Cash alone.
    pub benchmark: f64,
    /// Largest fall of the net curve inside it.
    pub fall: f64,
    /// Gain less what the capital at work would have earned as cash, without compounding, over `run.capital`; absent where
    /// it was not counted.
    #[serde(default)]
    pub excess_simple: Option<f64>,
}

/// Capital over notional by the account model: what a pair of full size needs of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CapitalNeed {
    /// The account model, for people.
    pub model: String,
    /// The least of all pairs.
    pub least: f64,
    /// The most of all pairs.
    pub most: f64,
}

/// One of several strategies of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StrategyRow {
    /// Its part of the capital.
    pub capital: Amount,
    /// Its pairs.
    pub pairs: Vec<String>,
    /// Profit lines of its pairs.
    pub pnl: Lines,
}

/// What ran: program, strategy, and what differs from the preset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunInfo {
    /// Version of the program.
    pub version: String,
    /// Commit that it was built from, where that is known.
    pub commit: Option<String>,
    /// Name of the strategy: its file's, or `built-in`.
    pub strategy: String,
    /// The file, as it was named.
    pub file: Option<String>,
    /// The files of the further strategies, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<String>,
    /// SHA-256 of all values that decide.
    pub strategy_sha256: String,
    /// What the differences are counted from: a shipped preset, or `built-in`.
    pub preset: String,
    /// Values that differ from it.
    pub changed: Vec<Changed>,
    /// Every key with its value; those of alarms and of the page are left out, a report is shown around.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
}

/// One setting that is not the preset's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// `section.key`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// The preset's.
    pub preset: String,
    /// Where it was set.
    pub source: String,
}

/// `summary.json` of every kind of run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `carry.backtest/2`, `carry.paper/2` and the like.
    pub schema: String,
    /// What ran; empty in a summary of before it was kept.
    #[serde(default)]
    pub run: RunInfo,
    /// `backtest`, `paper`.
    pub mode: String,
    /// `history`, `sim`, `replay`.
    pub market: String,
    /// Money at the start.
    pub capital: Amount,
    /// Money at the end.
    pub final_equity: Amount,
    /// Reporting coin.
    pub currency: Asset,
    /// First instant.
    pub from_ms: WallTime,
    /// Last instant.
    pub to_ms: WallTime,
    /// Candle step of each pair.
    pub steps: BTreeMap<String, String>,
    /// Files that price a leg without prices of its own, by `venue-market:SYMBOL`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<String, String>,
    /// Profit lines.
    pub pnl: Lines,
    /// Market events processed: bars and settlements, or quotes and the like.
    pub events: u64,
    /// Seconds in the engine, without loading and reports.
    pub run_s: f64,
    /// What each of several strategies did, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub strategies: BTreeMap<String, StrategyRow>,
    /// Closed round trips.
    pub round_trips: u64,
    /// Pairs still open.
    pub open_pairs: u64,
    /// Largest fall of equity from a peak, as a fraction of that peak.
    pub max_drawdown: f64,
    /// Change in equity over capital, money that was brought or taken left out.
    #[serde(default)]
    pub net_return: f64,
    /// The same with what idle money earned.
    #[serde(default)]
    pub net_return_with_cash: f64,
    /// What cash alone would have returned.
    #[serde(default)]
    pub cash_return: f64,
    /// Compounded: `(1 + net_return)^(365 / days) - 1`. Absent under 90 days, as all yearly figures are.
    pub net_apr: Option<f64>,
    /// `net_return` per 365 days, not compounded.
    #[serde(default)]
    pub net_simple: Option<f64>,
    /// What idle money would have earned at `cash_apr`, its own interest included. Never part of equity.
    pub idle_cash_interest: Amount,
    /// The compounded return with that interest.
    pub net_apr_with_cash: Option<f64>,
    /// Cash alone, compounded.
    #[serde(default)]
    pub benchmark_apr: Option<f64>,
    /// `net_apr_with_cash` less `benchmark_apr`; absent when nothing was traded.
    pub excess_apr: Option<f64>,
    /// What cash earns a year, as it was set.
    pub cash_apr: f64,
    /// By calendar year (UTC).
    #[serde(default)]
    pub years: Vec<Period>,
    /// By calendar month (UTC).
    #[serde(default)]
    pub months: Vec<Period>,
    /// Share of time in the market, weighted by notional over capital at work.
    pub time_in_market: f64,
    /// Capital that the account model needs; absent in a summary of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capital_need: Option<CapitalNeed>,
    /// Longest time a pair was unequal, seconds.
    pub max_naked_s: f64,
    /// Largest naked value made by our own orders.
    pub max_naked_notional: Amount,
    /// SHA-256 of the commands and the final ledger.
    pub digest: String,
    /// Seed of a generated market; absent where nothing was drawn.
    pub seed: Option<u64>,
    /// How well the next settlement was forecast.
    pub forecast: ForecastScore,
    /// The same of each pair of which a settlement was scored.
    #[serde(default)]
    pub forecast_by_pair: BTreeMap<String, ForecastScore>,
    /// Orders sent.
    pub orders: u64,
    /// Alarms raised, by kind.
    pub alarms: BTreeMap<String, u64>,
    /// Proxies, defaults and holes.
    pub remarks: Vec<Remark>,
}

impl Summary {
    /// Whether anything was traded: without a trade nothing is said about cash.
    #[must_use]
    pub fn traded(&self) -> bool {
        self.round_trips > 0 || self.open_pairs > 0 || !self.pnl.fees.is_zero() || !self.pnl.funding.is_zero()
    }
}

/// The least distance to liquidation of a wallet's shorts on one day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MarginRow {
    /// When it was least.
    pub at: WallTime,
    /// Venue and quote coin of the wallet.
    pub wallet: String,
    /// By how much the mark must rise until the venue liquidates, as a fraction.
    pub distance: f64,
}

/// Everything one run leaves behind.
#[derive(Debug, Clone, PartialEq)]
pub struct RunResult {
    /// The summary.
    pub summary: Summary,
    /// Fills in time order.
    pub fills: Vec<FillRow>,
    /// Settlements on positions in time order.
    pub funding: Vec<FundingRow>,
    /// Equity, rising in time; only instants at which it changed.
    pub equity: Vec<EquityRow>,
    /// Round trips in order of opening.
    pub trips: Vec<TripRow>,
    /// The profit lines of each pair that traded, from its own books: also between its round trips. Empty where only round trips
    /// are known.
    pub books: Vec<(String, Lines)>,
    /// Basis over time.
    pub basis: Vec<BasisSeries>,
    /// Distance to liquidation over time, the least of each day.
    pub margin: Vec<MarginRow>,
    /// Lengths in seconds of the times a pair was unequal.
    pub naked_s: Vec<f64>,
}
