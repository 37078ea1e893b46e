//! The only door: every rule, in order, each a pure function. Nothing else can make an [`Approved`].
//!
//! ```compile_fail
//! // An approved order cannot be made from outside the gate: its field is private and it has no other constructor.
//! fn forge(proposal: carry::risk::Proposal) -> carry::risk::Approved {
//!     carry::risk::Approved(proposal)
//! }
//! ```

use super::belief::Doubt;
use super::rules::{self, Refusal};
use crate::config::settings;
use crate::domain::{Amount, Bps, InstrumentId, Leg, Market, PairId, Price, Quantity, Rate, Rules, Side, WallTime};
use crate::port::order::{Purpose, Reason, TimeInForce};

/// An order as the planner wants it, before it has an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proposal {
    /// Pair.
    pub pair: PairId,
    /// Leg.
    pub leg: Leg,
    /// Instrument of that leg.
    pub instrument: InstrumentId,
    /// Buy or sell.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
    /// Worst price accepted.
    pub limit: Price,
    /// How long it may wait.
    pub time_in_force: TimeInForce,
    /// It may only reduce (perp).
    pub reduce_only: bool,
    /// Why it exists.
    pub purpose: Purpose,
    /// Why the pair trades.
    pub reason: Reason,
    /// Mid of the leg now.
    pub arrival_mid: Price,
}

/// Whether the bot may trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BotState {
    /// Recovering: no orders.
    Starting,
    /// Everything allowed.
    Ready,
    /// No risk may be added.
    ReduceOnly,
    /// Only operator acts; latched.
    Halted,
}

/// Everything a rule may look at.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact that one rule asks about")]
pub struct Context<'a> {
    /// Now.
    pub now: WallTime,
    /// State of the bot.
    pub bot: BotState,
    /// Whether the pair is latched: it enters nothing.
    pub pair_latched: bool,
    /// Whether the leg's venue can be reached.
    pub reachable: bool,
    /// Which market the leg trades on.
    pub market: Market,
    /// Limits of the venue.
    pub rules: &'a Rules,
    /// Our limits.
    pub risk: &'a settings::Risk,
    /// Freshness bounds and divergence.
    pub gates: &'a settings::Gates,
    /// Collars.
    pub execution: &'a settings::Execution,
    /// Margin levels.
    pub margin: &'a settings::Margin,
    /// Whether the order provably lowers the position or the pair's inequality.
    pub reduces: bool,
    /// Mid of the leg.
    pub mid: Option<Price>,
    /// Mid of the other leg.
    pub other_mid: Option<Price>,
    /// Mark of the perp, where the source has one.
    pub mark: Option<Price>,
    /// Index, where the source has one.
    pub index: Option<Price>,
    /// Age of the older of the two legs' prices, in ms.
    pub age_ms: i64,
    /// Why the leg's price may not be used for this order, when it may not.
    pub doubt: Option<Doubt>,
    /// Coins of the leg held (long) or owed (short) that this side can reduce.
    pub reducible: Quantity,
    /// Value of the pair's larger leg if everything pending were executed, this order included.
    pub pair_value: Amount,
    /// The same over all pairs of the strategy.
    pub total_value: Amount,
    /// The same over the pairs of all strategies, and what they may be together; absent where there is one strategy.
    pub account: Option<(Amount, Amount)>,
    /// Money the order needs and money that is free for it.
    pub needs: Amount,
    /// Free money in the right wallet.
    pub free: Amount,
    /// Distance to liquidation after the order; `None` when the account would be flat.
    pub distance_after: Option<Rate>,
    /// Intents of the last minute.
    pub orders_last_minute: u32,
    /// The same leg, side and quantity was asked for a moment ago.
    pub repeats: bool,
    /// An own order rests on the other side of the same instrument.
    pub crosses_own: bool,
    /// Coins this clip may still order (children of a parent never exceed it).
    pub parent_left: Quantity,
}

impl Context<'_> {
    /// How far the limit may be from the mid.
    #[must_use]
    pub const fn collar(&self) -> Bps {
        if self.reduces { self.execution.reduce_collar } else { self.execution.collar }
    }
}

/// An order that passed every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved(Proposal);

impl Approved {
    /// What was approved.
    #[must_use]
    pub const fn into_proposal(self) -> Proposal {
        self.0
    }
}

/// Every rule in order; the first that refuses says why.
///
/// # Errors
/// [`Refusal`] with the measured value and its limit.
pub fn approve(proposal: Proposal, context: &Context<'_>) -> Result<Approved, Refusal> {
    rules::states(&proposal, context)?;
    rules::filters(&proposal, context)?;
    rules::order_size(&proposal, context)?;
    rules::freshness(context)?;
    rules::collar(&proposal, context)?;
    rules::caps(context)?;
    rules::duplicates(context)?;
    rules::throttle(context)?;
    rules::parent(&proposal, context)?;
    rules::self_trade(context)?;
    rules::reduce_only(&proposal, context)?;
    rules::funds(context)?;
    rules::margin_after(context)?;
    Ok(Approved(proposal))
}

/// The two rules that are asked again after the intent is on disk (rule 14, fault G07).
///
/// # Errors
/// [`Refusal`] when the wait made the order stale or moved it outside the collar.
pub fn release(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    rules::states(proposal, context)?;
    rules::freshness(context)?;
    rules::collar(proposal, context)
}
