//! The rules of the gate, each a pure function under 40 lines. A reducing order is never blocked by a rule about risk.

use super::belief::Doubt;
use super::gate::{BotState, Context, Proposal};
use crate::domain::{Amount, Bps, Market, Price, Quantity, Rate, Side, Span};
use crate::port::order::Purpose;
use serde::Serialize;

/// Why the gate refused, with what was measured and what was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// The bot may not trade.
    #[error("the bot is {state:?}")]
    Bot {
        /// Its state.
        state: BotState,
    },
    /// The pair is latched: it enters nothing until a person looks.
    #[error("the pair is latched")]
    PairLatched,
    /// The venue cannot be reached.
    #[error("the venue cannot be reached")]
    VenueDown,
    /// Not on the price grid.
    #[error("the limit {limit} is not on the tick {tick}")]
    Tick {
        /// Limit of the order.
        limit: Price,
        /// Grid.
        tick: Price,
    },
    /// Not on the quantity grid, or outside the venue's limits.
    #[error("the quantity {quantity} breaks the venue's step, minimum or maximum")]
    Quantity {
        /// Quantity of the order.
        quantity: Quantity,
    },
    /// Value below the venue's minimum.
    #[error("the value {value} is below the venue's minimum {minimum}")]
    MinNotional {
        /// Value of the order.
        value: Amount,
        /// Least value.
        minimum: Amount,
    },
    /// Larger than one order may be.
    #[error("the value {value} is above risk.max_order {limit}")]
    OrderCap {
        /// Value of the order.
        value: Amount,
        /// Limit.
        limit: Amount,
    },
    /// No price.
    #[error("there is no price of one of the legs")]
    NoPrice,
    /// Prices too old.
    #[error("prices are {age} old, more than {limit}")]
    Stale {
        /// Age.
        age: Span,
        /// Limit.
        limit: Span,
    },
    /// Limit too far from the prices.
    #[error("the limit is {distance} from the {reference}, more than {limit}")]
    Collar {
        /// Distance.
        distance: Bps,
        /// From what.
        reference: &'static str,
        /// Limit.
        limit: Bps,
    },
    /// A price's time lies in the future.
    #[error("the price is dated {} ms ahead of the clock", by.0)]
    Ahead {
        /// By so much.
        by: Span,
    },
    /// A witness contradicts the price.
    #[error("another source says {by}, {apart} away: the price is not believed")]
    Doubted {
        /// What it says.
        by: Price,
        /// How far away.
        apart: Bps,
    },
    /// The pair's cap.
    #[error("the pair would be worth {value}, more than risk.max_pair {limit}")]
    PairCap {
        /// Value with everything pending.
        value: Amount,
        /// Limit.
        limit: Amount,
    },
    /// The total cap.
    #[error("all pairs would be worth {value}, more than risk.max_total {limit}")]
    TotalCap {
        /// Value with everything pending.
        value: Amount,
        /// Limit.
        limit: Amount,
    },
    /// The same order a moment ago.
    #[error("the same order was made a moment ago")]
    Duplicate,
    /// Too many orders.
    #[error("{count} orders in the last minute, the limit is {limit}")]
    Throttle {
        /// Orders.
        count: u32,
        /// Limit.
        limit: u32,
    },
    /// Children exceed their parent.
    #[error("the order asks for {quantity}, its clip has {left} left")]
    Parent {
        /// Quantity asked.
        quantity: Quantity,
        /// Quantity left.
        left: Quantity,
    },
    /// It would trade with ourselves.
    #[error("an own order rests on the other side")]
    SelfTrade,
    /// It would sell coins we do not have or turn a position round.
    #[error("the order reduces {quantity}, only {held} can be reduced")]
    ReduceOnly {
        /// Quantity asked.
        quantity: Quantity,
        /// Quantity held.
        held: Quantity,
    },
    /// Not enough money in the wallet.
    #[error("the order needs {needs}, {free} is free")]
    Funds {
        /// Needed.
        needs: Amount,
        /// Free.
        free: Amount,
    },
    /// Too close to liquidation afterwards.
    #[error("distance to liquidation would be {distance}, the floor is {floor}")]
    Margin {
        /// Distance as a fraction.
        distance: Rate,
        /// Floor as a fraction.
        floor: Rate,
    },
}

impl Refusal {
    /// Stable word for counters and reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Bot { .. } => "bot_state",
            Self::PairLatched => "pair_latched",
            Self::VenueDown => "venue_down",
            Self::Tick { .. } => "tick",
            Self::Quantity { .. } => "quantity",
            Self::MinNotional { .. } => "min_notional",
            Self::OrderCap { .. } => "order_cap",
            Self::NoPrice => "no_price",
            Self::Stale { .. } => "stale",
            Self::Ahead { .. } => "ahead",
            Self::Doubted { .. } => "price_doubt",
            Self::Collar { .. } => "collar",
            Self::PairCap { .. } => "pair_cap",
            Self::TotalCap { .. } => "total_cap",
            Self::Duplicate => "duplicate",
            Self::Throttle { .. } => "throttle",
            Self::Parent { .. } => "parent",
            Self::SelfTrade => "self_trade",
            Self::ReduceOnly { .. } => "reduce_only",
            Self::Funds { .. } => "funds",
            Self::Margin { .. } => "margin",
        }
    }

    /// Whether it would refuse any order of the pair just so: another leg or side would fare no better.
    #[must_use]
    pub const fn is_of_all(&self) -> bool {
        matches!(self, Self::Bot { .. } | Self::VenueDown | Self::Throttle { .. })
    }
}

/// Rule 1: bot, pair and venue may trade. Reduces pass unless the bot is starting or halted.
pub(super) fn states(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    match context.bot {
        BotState::Starting | BotState::Halted => return Err(Refusal::Bot { state: context.bot }),
        BotState::ReduceOnly if !context.reduces => return Err(Refusal::Bot { state: context.bot }),
        BotState::ReduceOnly | BotState::Ready => {}
    }
    if context.pair_latched && proposal.purpose == Purpose::Enter {
        return Err(Refusal::PairLatched);
    }
    if !context.reachable {
        return Err(Refusal::VenueDown);
    }
    Ok(())
}

/// Rule 3: on the grids and inside the venue's limits; the minimum value is waived for perp reduces, as venues do.
pub(super) fn filters(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    let rules = context.rules;
    if proposal.limit.units() % rules.tick.units() != 0 {
        return Err(Refusal::Tick { limit: proposal.limit, tick: rules.tick });
    }
    let quantity = proposal.quantity;
    let off_grid = quantity.floor_to(rules.step) != quantity;
    if quantity.is_zero() || off_grid || quantity < rules.min_quantity || quantity > rules.max_quantity {
        return Err(Refusal::Quantity { quantity });
    }
    let value = proposal.limit.times(quantity);
    let waived = context.market == Market::Perp && proposal.reduce_only;
    if !waived && value < rules.min_notional {
        return Err(Refusal::MinNotional { value, minimum: rules.min_notional });
    }
    Ok(())
}

/// Rule 4: one order is not larger than allowed. Reduces are not limited.
pub(super) fn order_size(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    let value = proposal.arrival_mid.times(proposal.quantity);
    if !context.reduces && value > context.risk.max_order {
        return Err(Refusal::OrderCap { value, limit: context.risk.max_order });
    }
    Ok(())
}

/// Rule 7: both legs have prices, they are young, and no witness contradicts. A reduce needs the price of its own leg only,
/// and younger than a bound of its own.
pub(super) const fn freshness(context: &Context<'_>) -> Result<(), Refusal> {
    if context.mid.is_none() || context.other_mid.is_none() && !context.reduces {
        return Err(Refusal::NoPrice);
    }
    let limit = if context.reduces { context.gates.reduce_age } else { context.gates.max_age };
    match context.doubt {
        None => {}
        Some(Doubt::Unknown) => return Err(Refusal::NoPrice),
        Some(Doubt::Old { age }) => return Err(Refusal::Stale { age, limit }),
        Some(Doubt::Ahead { by }) => return Err(Refusal::Ahead { by }),
        Some(Doubt::Contradicted { by, apart }) => return Err(Refusal::Doubted { by, apart }),
    }
    if !context.reduces && context.age_ms > context.gates.max_age.0 {
        return Err(Refusal::Stale { age: Span(context.age_ms), limit: context.gates.max_age });
    }
    Ok(())
}

/// Rule 5: the limit is inside the collar of the own mid, and for adding also of mark, index and the other leg.
pub(super) fn collar(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    let limit = context.collar();
    let against = |reference: Option<Price>, name: &'static str, extra: Bps| {
        let Some(reference) = reference else { return Ok(()) };
        let worse = match proposal.side {
            Side::Buy => proposal.limit > reference,
            Side::Sell => proposal.limit < reference,
        };
        let distance = proposal.limit.distance_bps(reference);
        // One tick of rounding is not a breach.
        let tick = i128::from(context.rules.tick.units()) * 10_000 * Bps::ONE / i128::from(reference.units()) + 2;
        let tick = i64::try_from(tick).unwrap_or(i64::MAX);
        let allowed = limit.units().saturating_add(extra.units()).saturating_add(tick);
        if worse && distance.units() > allowed {
            return Err(Refusal::Collar { distance, reference: name, limit });
        }
        Ok(())
    };
    against(context.mid, "mid", Bps::ZERO)?;
    let wide = context.gates.mark_divergence;
    if context.reduces {
        // The index comes from other venues: a book far below it sells nothing of ours (B10, B15).
        return against(context.index, "index", wide);
    }
    against(context.mark, "mark", wide)?;
    against(context.index, "index", wide)?;
    against(context.other_mid, "other leg", wide)
}

/// Rule 6: caps of pair and total, everything pending counted at its worst. Reduces are not limited.
pub(super) fn caps(context: &Context<'_>) -> Result<(), Refusal> {
    if context.reduces {
        return Ok(());
    }
    if context.pair_value > context.risk.max_pair {
        return Err(Refusal::PairCap { value: context.pair_value, limit: context.risk.max_pair });
    }
    let own = (context.total_value, context.risk.max_total);
    for (value, limit) in std::iter::once(own).chain(context.account) {
        if value > limit {
            return Err(Refusal::TotalCap { value, limit });
        }
    }
    Ok(())
}

/// Rule 8: not the same order twice within the window. It guards entries; a hedge may repeat.
pub(super) const fn duplicates(context: &Context<'_>) -> Result<(), Refusal> {
    if context.repeats && !context.reduces { Err(Refusal::Duplicate) } else { Ok(()) }
}

/// Rule 9: not too many orders. A quarter of the budget is kept for reduces.
pub(super) const fn throttle(context: &Context<'_>) -> Result<(), Refusal> {
    let limit = if context.reduces {
        context.risk.orders_per_minute
    } else {
        context.risk.orders_per_minute - context.risk.orders_per_minute / 4
    };
    if context.orders_last_minute >= limit {
        return Err(Refusal::Throttle { count: context.orders_last_minute, limit });
    }
    Ok(())
}

/// Rule 10: children never sum to more than their parent.
pub(super) fn parent(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    if proposal.quantity > context.parent_left {
        return Err(Refusal::Parent { quantity: proposal.quantity, left: context.parent_left });
    }
    Ok(())
}

/// Rule 11: no own resting order on the other side.
pub(super) const fn self_trade(context: &Context<'_>) -> Result<(), Refusal> {
    if context.crosses_own { Err(Refusal::SelfTrade) } else { Ok(()) }
}

/// Rule 12: a perp reduce carries reduce-only and is not larger than the position; a spot sale not larger than the coins.
pub(super) fn reduce_only(proposal: &Proposal, context: &Context<'_>) -> Result<(), Refusal> {
    let sells_spot = context.market == Market::Spot && proposal.side == Side::Sell;
    if (sells_spot || proposal.reduce_only) && proposal.quantity > context.reducible {
        return Err(Refusal::ReduceOnly { quantity: proposal.quantity, held: context.reducible });
    }
    Ok(())
}

/// Rule 13a: the wallet holds what the order needs.
pub(super) fn funds(context: &Context<'_>) -> Result<(), Refusal> {
    if context.needs > context.free {
        return Err(Refusal::Funds { needs: context.needs, free: context.free });
    }
    Ok(())
}

/// Rule 13b: the short stays far enough from liquidation. Reduces are not limited.
pub(super) fn margin_after(context: &Context<'_>) -> Result<(), Refusal> {
    match context.distance_after {
        Some(distance) if !context.reduces && distance < context.margin.floor => {
            Err(Refusal::Margin { distance, floor: context.margin.floor })
        }
        _ => Ok(()),
    }
}
