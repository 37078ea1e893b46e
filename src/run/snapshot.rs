//! What a session is at one instant, for whoever asks: status, pairs and orders, in the words of the state.
//!
//! Pure: made from [`State`] alone, changes nothing, and estimates nothing. What is not known is absent, never zero.
//! Tests: at the end of this file and `tests/control.rs`.

use crate::domain::{Amount, Asset, Price, Quantity, SignedQuantity, WallTime};
use crate::engine::{PairState, State};
use crate::orders::{Order, OrderState};
use crate::pairs::Latch;
use crate::port::order::Reason;
use crate::risk::gate::BotState;
use serde::{Deserialize, Serialize};

/// A session at one instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When, by the session's clock.
    pub at_ms: WallTime,
    /// Time of the last event that the core has taken.
    pub last_event_ms: WallTime,
    /// Number of the last event.
    pub last_sequence: u64,
    /// Whether the bot may trade.
    pub bot: BotState,
    /// No entries by wish of a person.
    pub paused: bool,
    /// The reporting coin.
    pub currency: Asset,
    /// Equity at the prices of the last valuation.
    pub equity: Amount,
    /// Pairs in their order.
    pub pairs: Vec<PairRow>,
    /// Orders whose outcome is not settled, in order of making.
    pub orders: Vec<OrderRow>,
    /// Of these, how many may or may not be at the venue.
    pub in_doubt: u64,
}

/// One pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairRow {
    /// Its name.
    pub pair: String,
    /// Where it stands.
    pub phase: String,
    /// Spot coins held for it.
    pub spot_coins: SignedQuantity,
    /// Perp coins, plus is long.
    pub perp_coins: SignedQuantity,
    /// Hedged coins wanted.
    pub target: Quantity,
    /// First fill of what is held.
    pub entered_ms: Option<WallTime>,
    /// Why the target is what it is.
    pub reason: Option<String>,
    /// Since when it takes no entries, and why; repair, reduce and close go on.
    #[serde(default)]
    pub latched: Option<Latch>,
    /// Mid of the spot leg.
    pub spot_mid: Option<Price>,
    /// Mid of the perp leg.
    pub perp_mid: Option<Price>,
    /// Prices at which it is valued, spot and perp.
    #[serde(default)]
    pub marks: Option<(Price, Price)>,
    /// Time since the older of the two prices; absent when one is missing.
    pub age_ms: Option<i64>,
    /// Why the gate refused the last order that was wanted.
    pub refused: Option<String>,
}

/// One order whose outcome is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRow {
    /// Our id of it.
    pub id: String,
    /// Its pair.
    pub pair: String,
    /// Its leg.
    pub leg: String,
    /// Buy or sell.
    pub side: String,
    /// Coins asked for.
    pub quantity: Quantity,
    /// Coins executed so far.
    pub filled: Quantity,
    /// The worst price accepted.
    pub limit: Price,
    /// Where it stands.
    pub state: OrderState,
    /// When it was decided.
    pub decided_ms: WallTime,
    /// Why.
    pub reason: String,
}

impl Snapshot {
    /// The state as it is; `now` is the session's clock.
    #[must_use]
    pub fn of(state: &State, now: WallTime) -> Self {
        let orders: Vec<OrderRow> = state.orders.live().iter().map(|order| order_row(state, order)).collect();
        let in_doubt = orders.iter().filter(|order| order.state == OrderState::Unknown).count();
        Self {
            at_ms: now,
            last_event_ms: state.now,
            last_sequence: state.sequence.0,
            bot: state.bot,
            paused: state.paused,
            currency: state.settings.run.currency,
            equity: state.equity(),
            pairs: state.pairs.iter().map(|pair| pair_row(state, pair, now)).collect(),
            orders,
            in_doubt: u64::try_from(in_doubt).unwrap_or(u64::MAX),
        }
    }
}

fn pair_row(state: &State, pair: &PairState, now: WallTime) -> PairRow {
    let (spot_coins, perp_coins) = state.held(pair);
    let memory = &pair.memory;
    let (spot, perp) = (&pair.market.spot, &pair.market.perp);
    let age_ms = spot.mid.zip(perp.mid).map(|_| now.since(spot.updated.min(perp.updated)).0);
    PairRow {
        pair: pair.pair.name.clone(),
        phase: memory.phase.as_str().to_owned(),
        spot_coins,
        perp_coins,
        target: memory.target,
        entered_ms: memory.entered_at,
        reason: memory.reason.map(Reason::as_str).map(str::to_owned),
        latched: memory.latched,
        spot_mid: spot.mid,
        perp_mid: perp.mid,
        marks: pair.market.marks,
        age_ms,
        refused: pair.refusal.as_ref().map(ToString::to_string),
    }
}

fn order_row(state: &State, order: &Order) -> OrderRow {
    let intent = &order.intent;
    OrderRow {
        id: intent.id.to_string(),
        pair: state.pair(intent.pair).map_or_else(String::new, |pair| pair.pair.name.clone()),
        leg: intent.leg.to_string(),
        side: intent.side.as_str().to_owned(),
        quantity: intent.quantity,
        filled: order.filled,
        limit: intent.limit,
        state: order.state,
        decided_ms: intent.decided_at,
        reason: intent.reason.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::run::paper::START;
    use crate::sim::Generator;

    #[test]
    fn what_is_not_known_is_absent_and_never_zero() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let snapshot = Snapshot::of(&state, START);
        assert_eq!((snapshot.bot, snapshot.in_doubt, snapshot.orders.len()), (BotState::Starting, 0, 0));
        assert_eq!(snapshot.pairs.len(), state.pairs.len());
        for row in &snapshot.pairs {
            assert_eq!((row.spot_mid, row.perp_mid, row.age_ms, row.entered_ms), (None, None, None, None));
        }
        let text = serde_json::to_string(&snapshot).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), snapshot, "it reads back as it was");
    }
}
