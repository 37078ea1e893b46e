//! The loop of a run against real venues: takes what arrives, lets the core decide, stops when a person or the system says so.
//!
//! One task holds the core; everything else sends to it. A stop lets pairs in work finish or undo themselves until a
//! deadline; nothing new is entered meanwhile, and a second stop ends it at once. Tests: `tests/commands/control_live.rs`.

use super::journal::Journal;
use super::live::Live;
use super::shadow::Shadow;
use crate::control::desk::Desk;
use crate::control::subject::Subject;
use crate::domain::{Span, WallTime};
use crate::net::Clock;
use crate::net::machine_clock::Stopwatch;
use crate::net::wire::Arrived;
use crate::port::Event;
use crate::port::event::Operator;
use crate::store::JournalError;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Regular work: timers of sessions, health.
const TICK: Span = Span::seconds(1);
/// Messages taken in before the core decides again.
const BATCH: usize = 256;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Nothing was in work.
    Calm,
    /// The deadline came first: something is in doubt or unequal.
    InWork,
}

/// How a run is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// It is not.
    Not,
    /// Pairs in work may finish or undo themselves.
    Calmly,
    /// Now.
    AtOnce,
}

/// A run that the loop can drive.
pub trait Run: Subject {
    /// Takes in what arrived.
    ///
    /// # Errors
    /// [`JournalError`].
    fn arrived(&mut self, arrived: Arrived, now: WallTime) -> Result<(), JournalError>;
    /// What is due, then decisions.
    ///
    /// # Errors
    /// [`JournalError`].
    fn turn(&mut self, now: WallTime, tick: bool) -> Result<(), JournalError>;
    /// Whether nothing is in work.
    fn is_calm(&self) -> bool;
    /// When something is due by itself.
    fn next_due(&self) -> Option<WallTime>;
    /// Whether every venue counts as reachable.
    fn is_reachable(&self) -> bool;
}

impl<J: Journal> Run for Live<J> {
    fn arrived(&mut self, arrived: Arrived, now: WallTime) -> Result<(), JournalError> {
        Self::arrived(self, arrived, now)
    }
    fn turn(&mut self, now: WallTime, tick: bool) -> Result<(), JournalError> {
        Self::turn(self, now, tick)
    }
    fn is_calm(&self) -> bool {
        Self::is_calm(self)
    }
    fn next_due(&self) -> Option<WallTime> {
        self.next_wake()
    }
    fn is_reachable(&self) -> bool {
        Self::is_reachable(self)
    }
}

impl<J: Journal> Run for Shadow<J> {
    fn arrived(&mut self, arrived: Arrived, now: WallTime) -> Result<(), JournalError> {
        Self::arrived(self, arrived, now)
    }
    fn turn(&mut self, now: WallTime, tick: bool) -> Result<(), JournalError> {
        Self::turn(self, now, tick)
    }
    fn is_calm(&self) -> bool {
        Self::is_calm(self)
    }
    fn next_due(&self) -> Option<WallTime> {
        Self::next_due(self)
    }
    fn is_reachable(&self) -> bool {
        Self::is_reachable(self)
    }
}

/// What the loop listens to besides the network.
pub struct Ears {
    /// What arrives.
    pub inbox: mpsc::Receiver<Arrived>,
    /// Acts and questions of a person.
    pub desk: Desk,
    /// Whether the run shall stop.
    pub stop: watch::Receiver<Stop>,
}

/// When a run ends.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// By itself, on the run's clock.
    pub end: Option<WallTime>,
    /// How long pairs in work may take after that, or after a stop.
    pub grace: Span,
}

/// Runs until it is told to stop or its time is over.
///
/// # Errors
/// [`JournalError`] when a fact or intent is not on disk: nothing more may be sent then.
pub async fn run<R: Run>(
    run: &mut R,
    ears: &mut Ears,
    clock: Clock,
    until: Until,
    mut look: impl FnMut(&mut R, WallTime),
) -> Result<Ended, JournalError> {
    let mut ticked = WallTime(i64::MIN);
    let mut deadline: Option<WallTime> = None;
    let patience = Stopwatch::start();
    loop {
        let mut now = (clock.wall)().max(run.state().now);
        let arrived = next(run, ears, (now, ticked), clock.look).await;
        let began = patience.elapsed();
        if let Some(arrived) = arrived {
            now = (clock.wall)().max(run.state().now);
            run.arrived(arrived, now)?;
            for _ in 0..BATCH {
                let Ok(arrived) = ears.inbox.try_recv() else { break };
                run.arrived(arrived, now)?;
            }
        }
        now = (clock.wall)().max(run.state().now);
        ears.desk.serve(run, (now, began))?;
        let tick = ticked.0 == i64::MIN || now.since(ticked) >= TICK;
        if tick {
            ticked = now;
        }
        run.turn(now, tick)?;
        run.turns().note(patience.elapsed().saturating_sub(began));
        if tick {
            look(run, now);
        }
        let stop = *ears.stop.borrow();
        if deadline.is_none() && (stop > Stop::Not || until.end.is_some_and(|end| now >= end)) {
            run.operate(Event::Operator(Operator::Stop), now)?;
            deadline = Some(now + until.grace);
        }
        if let Some(deadline) = deadline {
            if run.is_calm() {
                return Ok(Ended::Calm);
            }
            if now >= deadline || stop == Stop::AtOnce {
                return Ok(Ended::InWork);
            }
        }
    }
}

/// Waits for what arrives, an act, a stop, or the next thing that is due.
async fn next<R: Run>(
    run: &R,
    ears: &mut Ears,
    (now, ticked): (WallTime, WallTime),
    look: Duration,
) -> Option<Arrived> {
    let tick = if ticked.0 == i64::MIN { now } else { ticked + TICK };
    let due = run.next_due().map_or(tick, |due| due.min(tick));
    let due = {
        let span = u64::try_from(due.since(now).0).unwrap_or(0);
        // On a clock that runs faster than time this is too long; the next look corrects it.
        Duration::from_millis(span).min(look)
    };
    tokio::select! {
        biased;
        arrived = ears.inbox.recv() => arrived,
        _ = ears.stop.changed() => None,
        () = ears.desk.hear() => None,
        () = tokio::time::sleep(due) => None,
    }
}
