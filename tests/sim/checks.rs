//! What must hold after every event (invariants I1 to I17 of the fault catalogue), judged by the venue's own books.

use super::recorder::Recorder;
use carry::domain::{Amount, ClientOrderId, InstrumentId, Leg, Quantity, Side, SignedQuantity, Span, WallTime};
use carry::engine::profit::lines_of;
use carry::engine::{State, funds::mark_of, margin};
use carry::orders::{Order, OrderState};
use carry::pairs::{Latch, LatchCause};
use carry::port::command::AlarmKind;
use carry::port::order::{Intent, Purpose, TimeInForce};
use carry::run::Driver;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn broken<T>(what: String) -> Result<T, Violation> {
    Err(Violation(what))
}

/// Words of the gate that say nothing about risk: the bot, the pair or the venue cannot trade at all.
const NOT_RISK: [&str; 4] = ["bot_state", "pair_latched", "venue_down", "no_price"];

/// What the checks remember of a pair.
#[derive(Debug, Clone, Default)]
struct Watch {
    /// Largest clip in work.
    clip: Quantity,
    /// Made naked by the venue, with what was in flight then.
    by_venue: Quantity,
    /// Executed beyond what was ordered.
    over: Quantity,
    /// Unequal, known, reachable and nothing in flight since.
    idle_since: Option<(WallTime, SignedQuantity)>,
}

/// All that can change about an order when something is heard of it or done about it.
type Heard = (OrderState, Quantity, Option<Quantity>, u32, Option<WallTime>);

/// All checks and what they remember.
pub struct Checker {
    watches: Vec<Watch>,
    executed: BTreeMap<ClientOrderId, Quantity>,
    traded: BTreeMap<String, i64>,
    booked: usize,
    paid: BTreeSet<(String, WallTime)>,
    postings: u64,
    low_margin: u32,
    /// What is known of each live order, and since when.
    heard: BTreeMap<ClientOrderId, (Heard, WallTime)>,
    /// Times that the bot's books were compared with the venue's.
    pub compared: u64,
    /// Events after which everything was checked.
    pub events: u64,
}

impl Checker {
    /// Nothing seen yet.
    pub fn new(state: &State) -> Self {
        Self {
            watches: vec![Watch::default(); state.pairs.len()],
            executed: BTreeMap::new(),
            traded: BTreeMap::new(),
            booked: 0,
            paid: BTreeSet::new(),
            postings: 0,
            low_margin: 0,
            heard: BTreeMap::new(),
            compared: 0,
            events: 0,
        }
    }

    /// After every event.
    pub fn after(&mut self, driver: &mut Driver<Recorder>) -> Result<(), Violation> {
        self.events += 1;
        if let Some(wrong) = &driver.journal.wrong {
            return broken(wrong.clone());
        }
        self.once(driver)?;
        self.made(driver)?;
        core(&driver.state)?;
        self.asked(&driver.state)?;
        self.honest(driver)?;
        self.equal(driver)?;
        self.same_books(driver)
    }

    /// I2: the venue executes each intent once, and no more than was intended.
    fn once(&mut self, driver: &mut Driver<Recorder>) -> Result<(), Violation> {
        if driver.venue.resent() > 0 {
            return broken("I2: an order reached the venue twice".to_owned());
        }
        for trade in driver.venue.take_trades() {
            let catalogue = &driver.state.catalogue;
            let Some((pair, leg)) = catalogue.legs_of(trade.instrument).first().copied() else { continue };
            let long = catalogue.pair(pair).map_or(trade.instrument, |pair| pair.long);
            let flying = in_flight(&driver.state, trade.instrument) + in_flight(&driver.state, long);
            let delta = truth(driver, pair.index()).magnitude();
            let Some(watch) = self.watches.get_mut(pair.index()) else { continue };
            match trade.id {
                None => watch.by_venue = watch.by_venue.max(delta) + flying,
                Some(id) => {
                    let executed = self.executed.entry(id).or_default();
                    *executed += trade.fill.quantity;
                    let Some((intent, _)) = driver.journal.intents.get(&id) else {
                        return broken(format!("I2: the venue executed {id}, which was never intended"));
                    };
                    let beyond = executed.minus(intent.quantity);
                    let step = driver
                        .state
                        .catalogue
                        .instrument(trade.instrument)
                        .map_or(Quantity::ZERO, |one| one.rules.step);
                    if beyond > step {
                        return broken(format!("I2: {id} wanted {} and got {executed}", intent.quantity));
                    }
                    watch.over += beyond;
                }
            }
            let whose = trade.id.map_or_else(|| "venue".to_owned(), |id| id.to_string());
            let fill = trade.fill;
            let key = format!(
                "{pair:?} {} {} {} {} {} {} {whose}",
                leg.stored(),
                trade.side.as_str(),
                fill.at,
                fill.quantity,
                fill.price,
                fill.fee
            );
            *self.traded.entry(key).or_default() += 1;
        }
        Ok(())
    }

    /// What was decided just now: I3, I8 and the size of clips.
    fn made(&mut self, driver: &mut Driver<Recorder>) -> Result<(), Violation> {
        for id in std::mem::take(&mut driver.journal.fresh) {
            let Some((intent, _)) = driver.journal.intents.get(&id) else { continue };
            if intent.leg == Leg::Short && intent.side == Side::Buy && !intent.reduce_only {
                return broken(format!("I8: {id} buys the perp back without reduce-only"));
            }
            let others = driver.state.orders.live().iter();
            let open = |order: &&Order| order.intent.decided_at < intent.decided_at && !is_known(order);
            if let Some(order) =
                others.filter(|order| order.intent.pair == intent.pair && order.intent.id != id).find(open)
            {
                return broken(format!("R-A: {id} left while {} is {:?}", order.intent.id, order.state));
            }
            if matches!(intent.purpose, Purpose::Enter | Purpose::Exit) {
                self.clip(&driver.state, intent)?;
            }
            if intent.purpose == Purpose::Enter {
                self.caps(driver, intent)?;
            }
        }
        let refused = driver.state.refused_reduces.iter().find(|(name, _)| !NOT_RISK.contains(name));
        refused.map_or(Ok(()), |(name, count)| broken(format!("I8: our gate refused to reduce {count} times: {name}")))
    }

    fn clip(&mut self, state: &State, intent: &Intent) -> Result<(), Violation> {
        let Some(lot) = state.pair(intent.pair).and_then(|pair| state.plan_input(pair)).map(|input| input.lot()) else {
            return Ok(());
        };
        let most = state.settings.execution.clip;
        let value = intent.arrival_mid.times(intent.quantity.minus(lot));
        if value > most + most.share(2, 100) {
            return broken(format!("I1: a clip is worth {value}, more than {most}"));
        }
        if let Some(watch) = self.watches.get_mut(intent.pair.index()) {
            watch.clip = watch.clip.max(intent.quantity);
        }
        Ok(())
    }

    /// I3: what the venue holds for us and what may still be executed, at worst, is within the caps when risk is added.
    fn caps(&self, driver: &Driver<Recorder>, intent: &Intent) -> Result<(), Violation> {
        let state = &driver.state;
        let mut total = Amount::ZERO;
        let mut each = String::new();
        for pair in &state.pairs {
            let (spot, perp) = holds(driver, pair.pair.id.index());
            let (spot_risk, perp_risk) = (self.at_risk(state, pair.pair.long), self.at_risk(state, pair.pair.short));
            let Some(mark) = mark_of(pair) else { continue };
            let worst = (spot + spot_risk).max(perp + perp_risk);
            total += mark.times(worst);
            let believed = state.held(pair);
            let _ = write!(
                each,
                "\n  {} {spot}+{spot_risk} {perp}+{perp_risk}, believed {believed:?} = {}",
                pair.pair.name,
                mark.times(worst)
            );
            let most = state.settings.risk.max_pair;
            if pair.pair.id == intent.pair && mark.times(worst) > most + most.share(2, 100) {
                return broken(format!("I3: {} may be worth {}, more than {most}", pair.pair.name, mark.times(worst)));
            }
        }
        let most = state.settings.risk.max_total;
        if total > most + most.share(1, 100) {
            return broken(format!("I3: all pairs may be worth {total}, more than {most}: {each}"));
        }
        Ok(())
    }

    fn at_risk(&self, state: &State, instrument: InstrumentId) -> Quantity {
        // What adds: spot bought, perp sold.
        let adds = |order: &Order| (order.intent.leg == Leg::Long) == (order.intent.side == Side::Buy);
        let mine = state
            .orders
            .live()
            .iter()
            .filter(|order| order.intent.instrument == instrument && adds(order) && order.state.is_live());
        mine.fold(Quantity::ZERO, |sum, order| {
            sum + order.intent.quantity.minus(self.executed.get(&order.intent.id).copied().unwrap_or_default())
        })
    }

    /// I16: what is booked was executed, or paid, and is booked once.
    fn honest(&mut self, driver: &Driver<Recorder>) -> Result<(), Violation> {
        for row in driver.collector.fills.iter().skip(self.booked) {
            let pair = driver.state.pairs.iter().find(|pair| pair.pair.name == row.pair).map(|pair| pair.pair.id);
            let whose = if row.intent.starts_with("venue") { "venue" } else { row.intent.as_str() };
            let Some(pair) = pair else { continue };
            let key = format!(
                "{pair:?} {} {} {} {} {} {} {whose}",
                row.leg,
                row.side.as_str(),
                row.at,
                row.quantity,
                row.price,
                row.fee
            );
            let left = self.traded.entry(key.clone()).or_default();
            *left -= 1;
            if *left < 0 {
                return broken(format!("I16: booked and not executed, or booked twice: {key}"));
            }
        }
        self.booked = driver.collector.fills.len();
        for row in driver.collector.funding.iter().skip(self.paid.len()) {
            if !self.paid.insert((row.pair.clone(), row.at)) {
                return broken(format!("I16: funding of {} at {} was booked twice", row.pair, row.at));
            }
        }
        Ok(())
    }

    /// I1: naked by no more than a clip, and never idle while unequal.
    fn equal(&mut self, driver: &Driver<Recorder>) -> Result<(), Violation> {
        let state = &driver.state;
        for (place, watch) in self.watches.iter_mut().enumerate() {
            let Some(pair) = state.pairs.get(place) else { continue };
            let Some(input) = state.plan_input(pair) else { continue };
            let naked = truth(driver, place);
            let lot = input.lot();
            // What the venue makes naked is counted apart: an order may be on its way when it does.
            let most = watch.clip + watch.by_venue + watch.over + lot + lot;
            if naked.magnitude() > most {
                return broken(format!("I1: {} is naked by {naked}, more than {most} ({watch:?})", pair.pair.name));
            }
            let orders = || state.orders.live().iter().filter(|order| order.intent.pair == pair.pair.id);
            if naked.magnitude() < lot && orders().next().is_none() && pair.at_rest {
                (watch.clip, watch.by_venue, watch.over) = (Quantity::ZERO, Quantity::ZERO, Quantity::ZERO);
            }
            // A lot in coins follows the price: what came to rest below it may be just above it now.
            let unequal = input.delta().magnitude() >= lot && !pair.at_rest;
            if pair.at_rest && input.delta().magnitude() > lot + Quantity::saturating(lot.units() / 10) {
                return broken(format!("I1: {} rests with {}, a lot is {lot}", pair.pair.name, input.delta()));
            }
            let known = orders().all(is_known);
            let up = state.venue(pair.pair.venue(Leg::Short)).is_some_and(|venue| !venue.down);
            if !(unequal && known && up) {
                watch.idle_since = None;
                continue;
            }
            let (since, before) = *watch.idle_since.get_or_insert((state.now, input.delta()));
            if before != input.delta() {
                watch.idle_since = Some((state.now, input.delta()));
                continue;
            }
            let limit = Span(state.settings.execution.hedge_time.0 + 1_000 + 4 * state.settings.sim.latency.0);
            if state.now.since(since) > limit {
                return broken(format!(
                    "I1: {} is unequal by {} and nothing happens since {since}: {:?}",
                    pair.pair.name,
                    input.delta(),
                    pair.memory
                ));
            }
        }
        Ok(())
    }

    /// R-A: an order of which nothing is heard is asked about.
    fn asked(&mut self, state: &State) -> Result<(), Violation> {
        let execution = &state.settings.execution;
        let live = state.orders.live();
        self.heard.retain(|id, _| live.iter().any(|order| order.intent.id == *id));
        for order in live {
            let rests = order.state == OrderState::Open && order.intent.time_in_force == TimeInForce::PostOnly;
            let patience = if rests { execution.maker_deadline } else { Span(execution.hedge_time.0 * 2) };
            let now: Heard =
                (order.state, order.filled, order.stated, order.not_found, order.probed_at.max(order.cancel_sent));
            let (known, since) = self.heard.entry(order.intent.id).or_insert((now, state.now));
            if *known != now {
                (*known, *since) = (now, state.now);
            }
            let silent = state.now.since(*since);
            if silent > Span(patience.0 + 2_000) {
                return broken(format!(
                    "R-A: nobody asks about {} since {} ms: {:?}",
                    order.intent.id, silent.0, order.state
                ));
            }
        }
        Ok(())
    }

    /// I5: with nothing on its way, our books are the venue's, to the last unit.
    fn same_books(&mut self, driver: &Driver<Recorder>) -> Result<(), Violation> {
        let state = &driver.state;
        if self.postings != state.ledger.count() {
            self.postings = state.ledger.count();
            if let Some((asset, sum)) = state.ledger.imbalance() {
                return broken(format!("I5: {asset} sums to {sum}"));
            }
            for pair in &state.pairs {
                let difference = state.ledger.coin_difference(&pair.pair);
                if !difference.is_zero() {
                    return broken(format!("I5: {} moved {difference} coins that it does not hold", pair.pair.name));
                }
            }
        }
        if !driver.venue.is_quiet() || !state.orders.live().is_empty() {
            return Ok(());
        }
        self.compared += 1;
        for ((venue, wallet, asset), amount) in driver.venue.accounts().wallets() {
            let ours = state.ledger.wallet(*venue, *wallet, *asset);
            if ours != *amount {
                return broken(format!("I5: {venue:?} {wallet:?} {asset}: we have {ours}, the venue {amount}"));
            }
        }
        for pair in &state.pairs {
            let theirs = driver.venue.accounts().position(pair.pair.short);
            let Some(ours) = state.ledger.pair(pair.pair.id).map(|book| book.perp(Leg::Short)) else { continue };
            if ours.coins != theirs.coins || ours.cost != theirs.entry_value {
                return broken(format!("I5: {}: we have {ours:?}, the venue {theirs:?}", pair.pair.name));
            }
        }
        Ok(())
    }

    /// I15, once a minute: above the floor, or something is done about it; never liquidated.
    pub fn minute(&mut self, driver: &Driver<Recorder>) -> Result<(), Violation> {
        let state = &driver.state;
        if state.settings.margin.autopilot && driver.alarms.contains_key(&AlarmKind::Liquidated) {
            return broken("I15: the venue liquidated a short".to_owned());
        }
        let mut low = false;
        for pair in &state.pairs {
            let funds = state.funds(pair.pair.venue(Leg::Short), pair.pair.quote(Leg::Short));
            let distance = margin::distance(&funds);
            let acting = !state.orders.live().is_empty()
                || state.venue(pair.pair.venue(Leg::Short)).is_some_and(|venue| venue.moving.is_some() || venue.down);
            low |= distance.is_some_and(|distance| distance < state.settings.margin.floor) && !acting;
        }
        self.low_margin = if low { self.low_margin + 1 } else { 0 };
        if self.low_margin > 3 {
            return broken("I15: the distance to liquidation is below the floor and nothing is done".to_owned());
        }
        Ok(())
    }
}

/// What can be seen from the core alone: I5, R-A and the pair's latch.
pub fn core(state: &State) -> Result<(), Violation> {
    let unexplained = lines_of(state, state.equity()).unexplained;
    if !unexplained.is_zero() {
        return broken(format!("I5: unexplained {unexplained}"));
    }
    let wronged = |latch: Latch| matches!(latch.cause, LatchCause::Contradiction | LatchCause::ForeignHand);
    if let Some(pair) = state.pairs.iter().find(|pair| pair.memory.latched.is_some_and(wronged)) {
        return broken(format!("C03: {} was latched by a report that the venue could send", pair.pair.name));
    }
    Ok(())
}

/// Whether an order leaves nothing open that forbids a hedge: it rests, or it ended and only its last word is missing.
fn is_known(order: &Order) -> bool {
    match order.state {
        OrderState::Open => order.intent.time_in_force == TimeInForce::PostOnly && order.missing().is_zero(),
        OrderState::Filled | OrderState::Cancelled | OrderState::Expired | OrderState::Rejected => {
            order.missing().is_zero()
        }
        OrderState::Recorded | OrderState::Submitting | OrderState::Cancelling | OrderState::Unknown => false,
    }
}

fn in_flight(state: &State, instrument: InstrumentId) -> Quantity {
    let mine = state.orders.live().iter().filter(|order| order.intent.instrument == instrument);
    mine.fold(Quantity::ZERO, |sum, order| sum + order.intent.quantity)
}

/// Spot coins and short of a pair by the venue's books.
fn holds(driver: &Driver<Recorder>, place: usize) -> (Quantity, Quantity) {
    let Some(pair) = driver.state.pairs.get(place) else { return Default::default() };
    let (spot, perp) = driver.venue.holds(&pair.pair);
    (spot.magnitude(), perp.magnitude())
}

/// Delta of a pair by the venue's books.
pub fn truth(driver: &Driver<Recorder>, place: usize) -> SignedQuantity {
    let Some(pair) = driver.state.pairs.get(place) else { return SignedQuantity::ZERO };
    let (spot, perp) = driver.venue.holds(&pair.pair);
    spot + perp
}
