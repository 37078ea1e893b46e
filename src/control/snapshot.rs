//! What a session is at one instant, for whoever asks: status, pairs and orders, in the words of the state.
//!
//! Pure: made from [`State`] alone, changes nothing, and estimates nothing. What is not known is absent, never zero.
//! Tests: at the end of this file and `tests/commands/control.rs`.

use super::detail::{Detail, PairDetail};
use super::gate_words::measured;
use super::latency::Latency;
use super::link::VenueRow;
use super::recent::Event;
use super::stops::{self, Stop};
use crate::domain::{Amount, Asset, FundingRate, Leg, Price, Quantity, Rate, SignedQuantity, VenueId, WallTime};
use crate::engine::entry;
use crate::engine::margin::distance;
use crate::engine::profit::lines_of;
use crate::engine::standing::Standing;
use crate::engine::{PairState, State};
use crate::ledger::Lines;
use crate::orders::{Order, OrderState};
use crate::pairs::{Latch, Phase};
use crate::port::order::Reason;
use crate::risk::gate::BotState;
use crate::strategy::{self, Gate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A session at one instant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Snapshot {
    /// When, by the session's clock.
    pub at_ms: WallTime,
    /// Time of the last event that the core has taken.
    pub last_event_ms: WallTime,
    /// Number of the last event.
    pub last_sequence: u64,
    /// The derived state: `ready` when at least one pair may be entered.
    pub bot: BotState,
    /// The same as a word; `no_process`, `no_answer` or `over` where no session speaks for itself.
    #[serde(default)]
    pub state: String,
    /// Every reason why less is done than could be, and what clears it.
    #[serde(default)]
    pub stops: Vec<Stop>,
    /// No entries by wish of a person.
    pub paused: bool,
    /// The reporting coin.
    pub currency: Asset,
    /// Equity at the prices of the last valuation.
    pub equity: Amount,
    /// Profit: the change in equity without money that somebody moved in or out.
    #[serde(default)]
    pub net: Amount,
    /// Of it, funding.
    #[serde(default)]
    pub funding: Amount,
    /// Fees that were taken in coins whose price is not known: they are in neither `equity` nor `net`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unvalued: Vec<(Asset, Amount)>,
    /// Distance to liquidation of each wallet that margins a short: venue, quote coin, rise of the mark as a fraction.
    #[serde(default)]
    pub distances: Vec<(String, Asset, Option<Rate>)>,
    /// When ledger and venue were compared last, the oldest of all venues; absent before the first time.
    #[serde(default)]
    pub reconciled_ms: Option<WallTime>,
    /// Alarms raised since the start, by kind.
    #[serde(default)]
    pub alarms: BTreeMap<String, u64>,
    /// Pairs in their order.
    pub pairs: Vec<PairRow>,
    /// Orders whose outcome is not settled, in order of making.
    pub orders: Vec<OrderRow>,
    /// Of these, how many may or may not be at the venue.
    pub in_doubt: u64,
    /// Whether fills are simulated: then there is no account at a venue that the ledger is compared with by itself.
    #[serde(default)]
    pub simulated: bool,
    /// When the session answered, by the machine's clock; absent where it did not answer itself.
    #[serde(default)]
    pub made_ms: Option<WallTime>,
    /// When its process began, by the session's clock.
    #[serde(default)]
    pub booted_ms: Option<WallTime>,
    /// The profit lines that sum to the change in equity, in the reporting coin.
    #[serde(default)]
    pub lines: Lines,
    /// Spot coins plus signed perp coins of all pairs, by coin.
    #[serde(default)]
    pub deltas: Vec<(Asset, SignedQuantity)>,
    /// The way to each venue.
    #[serde(default)]
    pub venues: Vec<VenueRow>,
    /// How long the turns of the loop took; absent where none runs.
    #[serde(default)]
    pub turns: Option<Latency>,
    /// The latest alarms, the newest first.
    #[serde(default)]
    pub events: Vec<Event>,
    /// Pairs that the universe admits and that the session does not have; a restart takes them.
    #[serde(default)]
    pub admitted: Vec<String>,
    /// Money, limits and lines; absent in what an older program said.
    #[serde(default)]
    pub detail: Option<Detail>,
}

/// One pair.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PairRow {
    /// Its name.
    pub pair: String,
    /// The strategy that it belongs to, where there are several; null where there is one.
    #[serde(default)]
    pub strategy: Option<String>,
    /// Where it stands.
    pub phase: String,
    /// Spot coins held for it.
    pub spot_coins: SignedQuantity,
    /// Perp coins, plus is long.
    pub perp_coins: SignedQuantity,
    /// Hedged coins wanted.
    pub target: Quantity,
    /// Value of what is unequal, in the pair's quote coin; absent without a price.
    #[serde(default)]
    pub unequal: Option<Amount>,
    /// The pair's quote coin.
    #[serde(default)]
    pub quote: Option<Asset>,
    /// Profit of the pair so far.
    #[serde(default)]
    pub net: Amount,
    /// Funding of the pair so far.
    #[serde(default)]
    pub funding: Amount,
    /// The rate of the next settlement as estimated now, with its interval.
    #[serde(default)]
    pub expected: Option<FundingRate>,
    /// When it is paid.
    #[serde(default)]
    pub next_settlement_ms: Option<WallTime>,
    /// Nothing stops an entry of it but its gates.
    #[serde(default)]
    pub may_enter: bool,
    /// The first gate that keeps it out, what else does when all are open, or the first that keeps it in; absent where it would
    /// be entered or left at the next decision, and without a price.
    #[serde(default)]
    pub waits_for: Option<String>,
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
    /// The coin that both legs are of.
    #[serde(default)]
    pub coin: Option<Asset>,
    /// Time since the price of each leg, spot and perp; absent before the first one.
    #[serde(default)]
    pub ages_ms: (Option<i64>, Option<i64>),
    /// Perp over spot less one, as a fraction.
    #[serde(default)]
    pub basis: Option<Rate>,
    /// Since when the legs are unequal by more than a lot.
    #[serde(default)]
    pub unequal_since_ms: Option<WallTime>,
    /// Longest time unequal so far, in ms.
    #[serde(default)]
    pub longest_unequal_ms: i64,
    /// Prices, costs, forecast and gates; absent in what an older program said.
    #[serde(default)]
    pub detail: Option<PairDetail>,
}

impl PairRow {
    /// Whether it holds more than dust: coins below what a leg takes as an order are no position.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.phase != "flat"
    }

    /// Its name, and where there are several strategies whose it is.
    #[must_use]
    pub fn named(&self) -> String {
        let whose = self.strategy.as_ref().map_or_else(String::new, |name| format!(" ({name})"));
        format!("{}{whose}", self.pair)
    }
}

/// One order whose outcome is not settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
        let (standing, (word, stops)) = (Standing::of(state), stops::of(state));
        let equity = state.equity();
        let lines = lines_of(state, equity);
        let orders: Vec<OrderRow> = state.orders.live().iter().map(|order| order_row(state, order)).collect();
        let in_doubt = orders.iter().filter(|order| order.state == OrderState::Unknown).count();
        Self {
            at_ms: now,
            last_event_ms: state.now,
            last_sequence: state.sequence.0,
            bot: standing.state,
            state: word,
            stops,
            paused: state.paused,
            currency: state.settings.run.currency,
            equity,
            net: lines.total() - lines.transfers,
            funding: lines.funding,
            unvalued: state.ledger.unpriced_tokens(),
            distances: distances(state),
            reconciled_ms: state.venues.iter().map(|venue| venue.reconciled).min().flatten(),
            alarms: BTreeMap::new(),
            pairs: state
                .pairs
                .iter()
                .zip(&standing.pairs)
                .map(|(pair, of)| PairRow { may_enter: of.may_enter, ..pair_row(state, pair, now) })
                .collect(),
            orders,
            in_doubt: u64::try_from(in_doubt).unwrap_or(u64::MAX),
            simulated: false,
            made_ms: None,
            booted_ms: state.booted,
            lines,
            deltas: deltas(state),
            venues: venues(state),
            turns: None,
            events: Vec::new(),
            admitted: Vec::new(),
            detail: Some(Detail::of(state)),
        }
    }
}

impl Snapshot {
    /// What was known last of a session whose process exists and does not answer: nothing of it is said of now.
    pub fn fall_silent(&mut self, process: Option<i32>, since: Option<WallTime>) {
        stops::NO_ANSWER.clone_into(&mut self.state);
        stops::without_answer(&mut self.stops, process, since);
        for row in &mut self.pairs {
            row.may_enter = false;
        }
    }
}

fn pair_row(state: &State, pair: &PairState, now: WallTime) -> PairRow {
    let (spot_coins, perp_coins) = state.held(pair);
    let memory = &pair.memory;
    let (spot, perp) = (&pair.market.long, &pair.market.short);
    let lines = state.ledger.pair(pair.pair.id).map(|book| book.attribution.lines).unwrap_or_default();
    let unequal = perp.mid.or(spot.mid).map(|mid| mid.times((spot_coins + perp_coins).magnitude()));
    let age_ms = spot.mid.zip(perp.mid).map(|_| now.since(spot.updated.min(perp.updated)).0);
    let age = |mid: Option<Price>, updated| mid.map(|_| now.since(updated).0);
    PairRow {
        pair: pair.pair.name.clone(),
        strategy: state.strategy_name(pair).map(str::to_owned),
        phase: memory.phase.as_str().to_owned(),
        spot_coins,
        perp_coins,
        target: memory.target,
        unequal,
        quote: Some(pair.pair.quote(Leg::Short)),
        net: lines.total() - lines.transfers,
        funding: lines.funding,
        expected: pair.market.expected_next(),
        next_settlement_ms: pair.market.short.estimate.map(|(_, next)| next),
        may_enter: false,
        waits_for: waits_for(state, pair),
        entered_ms: memory.entered_at,
        reason: memory.reason.map(Reason::as_str).map(str::to_owned),
        latched: memory.latched,
        spot_mid: spot.mid,
        perp_mid: perp.mid,
        marks: pair.market.marks,
        age_ms,
        refused: pair.refused(),
        coin: Some(pair.pair.coin),
        ages_ms: (age(spot.mid, spot.updated), age(perp.mid, perp.updated)),
        basis: pair.market.basis_now().and_then(Rate::from_f64),
        unequal_since_ms: memory.unequal_since,
        longest_unequal_ms: memory.max_unequal_ms,
        detail: Some(PairDetail::of(state, pair)),
    }
}

/// The first gate that keeps a flat pair out, what else does when all are open, or the first condition that keeps a held one in.
fn waits_for(state: &State, pair: &PairState) -> Option<String> {
    pair.market.marks.as_ref()?;
    let flat = pair.memory.entered_at.is_none();
    let Some(gate) = gates(state, pair).into_iter().find(|gate| !gate.open) else {
        let out = flat && pair.memory.phase == Phase::Flat;
        let why = out.then(|| entry::obstacle(state, pair.pair.id)).flatten()?;
        return Some(format!("every gate is open, but {why}"));
    };
    let words = measured(&gate);
    Some(if flat { format!("{} {words}", gate.name) } else { format!("to leave: {} {words}", gate.name) })
}

/// Every gate of an entry of a flat pair, or every condition under which a held one is left, in order.
#[must_use]
pub fn gates(state: &State, pair: &PairState) -> Vec<Gate> {
    let (spot, perp) = state.held(pair);
    let held = Quantity::saturating(spot.units().min(-perp.units()));
    let view = state.view(pair, held);
    if pair.memory.entered_at.is_none() { strategy::explain(&view) } else { strategy::explain_exit(&view) }
}

/// What all pairs of a coin hold together.
fn deltas(state: &State) -> Vec<(Asset, SignedQuantity)> {
    let mut of: BTreeMap<Asset, SignedQuantity> = BTreeMap::new();
    for pair in &state.pairs {
        let (spot, perp) = state.held(pair);
        let sum = of.entry(pair.pair.coin).or_default();
        *sum = *sum + spot + perp;
    }
    of.into_iter().collect()
}

fn venues(state: &State) -> Vec<VenueRow> {
    let names = state.catalogue.venues().iter().zip(&state.venues);
    let row = |(name, venue): (&crate::domain::Venue, &crate::engine::state::VenueState)| VenueRow {
        venue: name.to_string(),
        reachable: !venue.down,
        missing: venue.missing.iter().map(|part| part.as_str().to_owned()).collect(),
        reconciled_ms: venue.reconciled,
        agrees: venue.reconciled.map(|_| !venue.differs),
        link: None,
    };
    names.map(row).collect()
}

/// How far each wallet with shorts is from liquidation.
fn distances(state: &State) -> Vec<(String, Asset, Option<Rate>)> {
    let mut of: Vec<(VenueId, Asset)> = Vec::new();
    for pair in state.pairs.iter().filter(|pair| !state.held(pair).1.is_zero()) {
        let key = pair.pair.account(Leg::Short);
        if !of.contains(&key) {
            of.push(key);
        }
    }
    let name = |id: VenueId| state.catalogue.venues().get(id.index()).map(ToString::to_string).unwrap_or_default();
    of.into_iter().map(|(id, quote)| (name(id), quote, distance(&state.funds(id, quote)))).collect()
}

fn order_row(state: &State, order: &Order) -> OrderRow {
    let intent = &order.intent;
    OrderRow {
        id: intent.id.to_string(),
        pair: state.pair(intent.pair).map_or_else(String::new, |pair| pair.pair.name.clone()),
        leg: state.catalogue.market_word(intent.instrument).to_owned(),
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
    use crate::sim::Generator;
    use crate::sim::START;

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
        // A reader finds whose a pair is in the same place whether there are several strategies or one.
        assert!(text.contains("\"strategy\":null"), "{text}");
    }
}
