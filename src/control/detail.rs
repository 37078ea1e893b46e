//! What stands beside the rows of a snapshot for whoever wants more than a table: prices, costs, forecast and gates of a pair,
//! money of each wallet, and the limits against which ages and distances are judged.
//!
//! Pure, like `snapshot.rs`, and under the same rule: what is not known is absent, never zero. Rates and errors are fractions.
//! Tests: at the end of `snapshot.rs`, `tests/commands/control.rs`.

use super::forecast_row::NextRow;
use super::gate_words::measured;
use super::snapshot::gates;
use crate::config::settings::Rule;
use crate::domain::{Amount, Asset, FundingRate, Leg, Price, Quantity, Rate, Span, WallTime};
use crate::engine::margin::distance;
use crate::engine::{PairState, State};
use crate::ledger::Lines;
use crate::strategy::basis::{closing_basis, expected_net_apr, leaving_gain_apr};
use serde::{Deserialize, Serialize};

/// One gate of an entry, or one condition of leaving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct GateRow {
    /// Its stable name; the key of its setting where it has one.
    pub name: String,
    /// What was measured and what it must be.
    pub text: String,
    /// Whether it is open, or the condition holds.
    pub open: bool,
}

/// One leg of a pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct LegDetail {
    /// Its venue.
    pub venue: String,
    /// `spot` or `perp`.
    pub market: String,
    /// Best bid.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Value of what is held at the mid, in the pair's quote coin; plus is long.
    pub value: Option<Amount>,
    /// Coins that a buy and a sell find inside the slippage bound.
    pub depth: (Quantity, Quantity),
}

/// More of one pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PairDetail {
    /// Long leg and short leg.
    pub legs: (LegDetail, LegDetail),
    /// Profit lines of the pair since the session began.
    pub lines: Lines,
    /// The basis at which it can be closed.
    pub closing_basis: Option<f64>,
    /// The last settlement, and when it was.
    pub last: Option<(FundingRate, WallTime)>,
    /// What is expected of the next one, and how good that was so far.
    pub next: Option<NextRow>,
    /// Trading both legs once, as a fraction of the value.
    pub one_way: f64,
    /// Expected net carry a year on its own capital: of entering now, or of holding on.
    pub carry_apr: Option<f64>,
    /// What that must reach to be entered; absent where the rule looks at funding alone.
    pub enter_apr: Option<f64>,
    /// Below this it is left.
    pub leave_apr: Option<f64>,
    /// Place of the short in the venue's ADL queue, 0 to 4; absent before it was told.
    pub adl_rank: Option<u8>,
    /// When trading of it ends, when that is known.
    pub ends_at: Option<WallTime>,
    /// Gates of an entry, or conditions of leaving, in order; absent without a price.
    pub gates: Vec<GateRow>,
    /// The first basis of each of the last hours, the oldest first.
    #[serde(default)]
    pub basis_hours: Vec<(WallTime, f64)>,
}

/// Hours of basis that are shown of a pair: five days.
const HOURS: usize = 120;

/// Money of one venue in one quote coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct WalletDetail {
    /// The venue.
    pub venue: String,
    /// The quote coin.
    pub quote: Asset,
    /// Quote coin in the spot wallet.
    pub spot: Amount,
    /// Quote coin in the perp wallet plus unrealised profit.
    pub perp: Amount,
    /// What coins count for as collateral.
    pub collateral: Amount,
    /// Value of the shorts at mark.
    pub notional: Amount,
    /// Free for new margin in the perp wallet.
    pub free: Amount,
    /// Rise of the mark at which the venue liquidates; absent without shorts.
    pub distance: Option<Rate>,
}

/// More of a session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Detail {
    /// Money at the start, every quote coin one for one.
    pub opening: Amount,
    /// What idle cash earns elsewhere, a year.
    pub cash_apr: Rate,
    /// Oldest price that counts as fresh.
    pub max_age: Span,
    /// Distance below which the bot shrinks the pairs.
    pub floor: Rate,
    /// Longest time that a pair may be unequal.
    pub hedge_time: Span,
    /// Longest time unequal so far in ms, and largest value made unequal by our own orders.
    pub unequal: (i64, Amount),
    /// Dollars for one quote coin, and when it was told.
    pub pegs: Vec<(Asset, Price, Option<WallTime>)>,
    /// Furthest that one may be from a dollar, `gates.peg`; absent in what an older program said.
    #[serde(default)]
    pub peg_most: Option<Rate>,
    /// Wallets with money or shorts.
    pub wallets: Vec<WalletDetail>,
}

impl PairDetail {
    /// Of a pair.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "yearly rates for people")]
    pub fn of(state: &State, pair: &PairState) -> Self {
        let (spot, perp) = state.held(pair);
        let held = Quantity::saturating(spot.units().min(-perp.units()));
        let view = state.view(pair, held);
        let cash = state.settings.run.cash_apr.to_f64();
        let by_value = view.settings.strategy.rule == Rule::Value;
        let carry = if pair.memory.entered_at.is_none() {
            expected_net_apr(&view)
        } else {
            leaving_gain_apr(&view).map(|gain| cash - gain)
        };
        let known = pair.market.marks.is_some();
        let row = |gate: &crate::strategy::Gate| GateRow {
            name: gate.name.to_owned(),
            text: measured(gate),
            open: gate.open,
        };
        Self {
            legs: (leg(state, pair, Leg::Long), leg(state, pair, Leg::Short)),
            lines: state.ledger.pair(pair.pair.id).map(|book| book.attribution.lines).unwrap_or_default(),
            closing_basis: closing_basis(&view),
            last: pair.market.short.funding.last().map(|settled| (settled.funding, settled.stamp)),
            next: NextRow::of(&pair.next),
            one_way: pair.costs.one_way(),
            carry_apr: carry.filter(|carry| carry.is_finite()),
            enter_apr: by_value.then(|| view.settings.entry.min_net_apr.to_f64()),
            leave_apr: by_value.then(|| cash - view.settings.exit.margin_apr.to_f64()),
            adl_rank: pair.market.short.adl_at.map(|_| pair.market.short.adl_rank),
            ends_at: pair.market.ends_at,
            gates: if known { gates(state, pair).iter().map(row).collect() } else { Vec::new() },
            basis_hours: pair.market.basis_hours(HOURS).collect(),
        }
    }
}

fn leg(state: &State, pair: &PairState, leg: Leg) -> LegDetail {
    let market = pair.market.leg(leg);
    let held = leg.of(state.held(pair));
    let value = market.mid.map(|mid| {
        let value = mid.times(held.magnitude());
        if held.units() < 0 { -value } else { value }
    });
    LegDetail {
        venue: state.catalogue.venues().get(pair.pair.venue(leg).index()).map(ToString::to_string).unwrap_or_default(),
        market: pair.pair.market(leg).to_string(),
        bid: market.bid,
        ask: market.ask,
        value,
        depth: (market.depth_for(crate::domain::Side::Buy), market.depth_for(crate::domain::Side::Sell)),
    }
}

impl Detail {
    /// Of a session.
    #[must_use]
    pub fn of(state: &State) -> Self {
        let settings = &state.settings;
        let opened: Amount = state.quotes.iter().map(|quote| state.ledger.opening(*quote)).sum();
        let peg = |(asset, price): (&Asset, &Price)| (*asset, *price, state.pegs_at.get(asset).copied());
        Self {
            opening: opened + state.ledger.tokens_opening(),
            cash_apr: settings.run.cash_apr,
            max_age: settings.gates.max_age,
            floor: settings.margin.floor,
            hedge_time: settings.execution.hedge_time,
            unequal: state.unequal,
            pegs: state.pegs.iter().map(peg).collect(),
            peg_most: Some(settings.gates.peg.to_rate()),
            wallets: wallets(state),
        }
    }
}

/// The wallets of every account that a pair's legs name, each once.
fn wallets(state: &State) -> Vec<WalletDetail> {
    let mut keys = Vec::new();
    for pair in &state.pairs {
        for key in [Leg::Long, Leg::Short].map(|leg| pair.pair.account(leg)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    let row = |(id, quote): (crate::domain::VenueId, Asset)| {
        let funds = state.funds(id, quote);
        let empty = funds.equity().is_zero() && funds.notional.is_zero();
        (!empty).then(|| WalletDetail {
            venue: state.catalogue.venues().get(id.index()).map(ToString::to_string).unwrap_or_default(),
            quote,
            spot: funds.spot,
            perp: funds.perp_equity,
            collateral: funds.collateral,
            notional: funds.notional,
            free: funds.free_perp(),
            distance: if funds.notional.is_zero() { None } else { distance(&funds) },
        })
    };
    keys.into_iter().filter_map(row).collect()
}
