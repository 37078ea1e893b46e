//! Whole runs of one seed, and the replay of what was recorded.

use super::checks::{Violation, core};
use super::recorder::{Recorder, text};
use super::world::{Chaos, World, settings};
use carry::domain::ClientOrderId;
use carry::engine::{self, State};
use carry::orders::OrderState;
use carry::port::event::Operator;
use carry::port::{Command, Event};
use carry::run::Driver;
use carry::sim::Faults;
use std::collections::BTreeSet;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Digest of commands and books.
    pub digest: String,
    /// Orders sent.
    pub orders: u64,
    /// Faults that struck.
    pub struck: u64,
    /// Comparisons of the books with the venue's.
    pub compared: u64,
    /// Events checked.
    pub events: u64,
}

/// Faults without end, then none: the bot must be safe all the time, and sound soon after.
pub fn mixed(seed: u64, minutes: u32) -> Result<Report, Violation> {
    let chaos = Chaos { adl: 30, outage: 6 };
    let mut world = World::new(seed, settings(seed), Faults::seeded(seed), chaos)?;
    world.minutes(minutes)?;
    let struck = world.driver.venue.faults_mut().struck();
    sound_soon(&mut world)?;
    let report = Report {
        digest: world.driver.digest(),
        orders: world.driver.state.orders.sent(),
        struck,
        compared: world.checks.compared,
        events: world.checks.events,
    };
    replay(&world.driver)?;
    Ok(report)
}

/// A rally of four hours that doubles every price, while the bot holds and nothing else goes wrong.
pub fn rally(seed: u64) -> Result<World, Violation> {
    let mut settings = settings(seed | 2);
    settings.exit.min_hold = carry::domain::Span::DAY;
    settings.risk.max_pair = carry::domain::Amount::whole(1_000_000);
    settings.risk.max_total = carry::domain::Amount::whole(1_000_000);
    let mut world = World::new(seed, settings, Faults::none(), Chaos::default())?;
    world.minutes(60)?;
    for _ in 0..240 {
        world.scale *= 1.003;
        world.minute()?;
    }
    Ok(world)
}

/// I20: two minutes after the faults stop nothing is unknown or unequal, and the bot is ready; then it can leave everything.
pub fn sound_soon(world: &mut World) -> Result<(), Violation> {
    world.calm();
    for _ in 0..200 {
        if world.is_lit() {
            break;
        }
        world.minute()?;
    }
    world.operate(Operator::Pause)?;
    world.minutes(2)?;
    let state = &world.driver.state;
    if state.bot != carry::risk::gate::BotState::Ready {
        return Err(Violation(format!("I20: the bot is {:?}", state.bot)));
    }
    let old = |order: &&carry::orders::Order| {
        let waits = order.state == OrderState::Open || order.cancel_sent.is_some();
        !waits && state.now.since(order.intent.decided_at).0 > 100_000
    };
    let unknown = |order: &&carry::orders::Order| order.state == OrderState::Unknown || old(order);
    if let Some(order) = state.orders.live().iter().find(unknown) {
        return Err(Violation(format!("I20: {} is still {:?}", order.intent.id, order.state)));
    }
    for pair in &state.pairs {
        if let Some(since) = pair.memory.unequal_since
            && state.now.since(since).0 > state.settings.execution.hedge_time.0 + 1_000
        {
            return Err(Violation(format!("I20: {} is unequal since {since}: {:?}", pair.pair.name, pair.memory)));
        }
    }
    world.operate(Operator::Flatten { pair: None })?;
    let compared = world.checks.compared;
    // Makers wait for each clip up to their deadline.
    for _ in 0..30 {
        world.minute()?;
        if world.driver.state.pairs.iter().all(|pair| pair.at_rest) {
            break;
        }
    }
    world.minute()?;
    if !world.is_lit() {
        return Ok(());
    }
    let state = &world.driver.state;
    for pair in &state.pairs {
        let (spot, short) = state.held(pair);
        let lot = state.plan_input(pair).map_or(carry::domain::Quantity::ZERO, |input| input.lot());
        if !short.is_zero() || spot.magnitude() >= lot.max(carry::domain::Quantity::saturating(1)) {
            return Err(Violation(format!(
                "I20: {} still holds {spot} and {short}: {:?} {:?} rests: {} live: {:?}",
                pair.pair.name,
                pair.memory,
                pair.refusal,
                pair.at_rest,
                state.orders.live()
            )));
        }
    }
    if world.checks.compared == compared {
        return Err(Violation("I20: the books could not be compared in the quiet after".to_owned()));
    }
    Ok(())
}

/// I17: the same inputs make the same commands; and what the core alone must keep, after every single event.
pub fn replay(driver: &Driver<Recorder>) -> Result<(), Violation> {
    let mut state = State::new(driver.state.settings.clone(), driver.venue.catalogue().clone());
    let (mut out, mut place) = (Vec::new(), 0);
    let mut durable: BTreeSet<ClientOrderId> = BTreeSet::new();
    for stamped in &driver.journal.inputs {
        if let Event::IntentDurable { id } = stamped.event {
            durable.insert(id);
        }
        engine::step(&mut state, stamped, &mut out);
        for command in out.drain(..) {
            if let Command::Place(intent) = &command
                && !durable.contains(&intent.id)
            {
                return Err(Violation(format!("write-ahead: {} leaves before it is on disk", intent.id)));
            }
            if driver.journal.commands.get(place) != Some(&text(&command)) {
                let was = driver.journal.commands.get(place);
                return Err(Violation(format!(
                    "I17: at {} the replay says {}, the run said {was:?}",
                    stamped.at,
                    text(&command)
                )));
            }
            place += 1;
        }
        state.records.clear();
        core(&state)?;
    }
    if place != driver.journal.commands.len() {
        return Err(Violation(format!("I17: {place} commands of {} were replayed", driver.journal.commands.len())));
    }
    Ok(())
}
