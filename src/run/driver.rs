//! One loop's worth of driving: stamps events, steps the core, carries its commands out.
//!
//! Write first, act second: an intent is on disk before the core hears `IntentDurable`, and only then can it release the
//! order. Facts about the account are committed before the commands that follow from them are carried out.

use super::collect::Collector;
use super::journal::{Journal, JournalError};
use crate::domain::{Sequence, WallTime};
use crate::engine::{self, State};
use crate::port::command::{AlarmKind, Severity};
use crate::port::{Command, Event, Stamped};
use crate::sim::SimVenue;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// More rounds than this at one instant is a runaway loop (fault A24): the run stops.
const ROUNDS: u32 = 10_000;

/// The core, the venue, the journal, and what joins them.
pub struct Driver<J> {
    /// The core.
    pub state: State,
    /// The simulated venue.
    pub venue: SimVenue,
    /// Where facts and intents go.
    pub journal: J,
    /// Rows for the report.
    pub collector: Collector,
    /// Market events processed: bars, settlements, quotes and the like.
    pub market_events: u64,
    /// Alarms raised, by kind.
    pub alarms: BTreeMap<AlarmKind, u64>,
    commands: Vec<Command>,
    wakes: BTreeSet<WallTime>,
    digest: Sha256,
}

impl<J: Journal> Driver<J> {
    /// Joins them before the first event.
    pub fn new(state: State, venue: SimVenue, journal: J, collector: Collector) -> Self {
        Self {
            state,
            venue,
            journal,
            collector,
            market_events: 0,
            alarms: BTreeMap::new(),
            commands: Vec::new(),
            wakes: BTreeSet::new(),
            digest: Sha256::new(),
        }
    }

    /// A public fact of the market. Commits nothing.
    ///
    /// # Errors
    /// [`JournalError`] when the tape cannot be written.
    pub fn market(&mut self, at: WallTime, event: Event) -> Result<(), JournalError> {
        self.market_events += 1;
        let stamped = self.stamp(at, event);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        if self.commands.is_empty() { Ok(()) } else { self.carry_out(at) }
    }

    /// A fact about the account: applied, committed, then acted on.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn fact(&mut self, at: WallTime, event: Event, venue_number: Option<u64>) -> Result<(), JournalError> {
        let stamped = self.stamp(at, event);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        self.journal.fact(&stamped, venue_number, &self.state)?;
        self.collect();
        self.carry_out(at)
    }

    /// No more facts of this instant: the core decides, and what it wants is carried out until nothing is left to do.
    ///
    /// # Errors
    /// [`JournalError`] when an intent cannot be put on disk.
    pub fn turn(&mut self, at: WallTime) -> Result<(), JournalError> {
        let stamped = self.stamp(at, Event::Turn);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        if !self.state.records.is_empty() {
            self.collect();
        }
        if self.commands.is_empty() { Ok(()) } else { self.carry_out(at) }
    }

    /// Delivers everything that the venue has for the bot by `at`, deciding after each round, until it is quiet.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent cannot be put on disk, or when the rounds do not end.
    pub fn settle(&mut self, at: WallTime) -> Result<(), JournalError> {
        for _ in 0..ROUNDS {
            self.venue.arrivals(at);
            let mut delivered = false;
            while let Some((number, event)) = self.venue.deliver(at) {
                self.fact(at, event, Some(number))?;
                delivered = true;
            }
            if !delivered {
                return Ok(());
            }
            self.turn(at)?;
        }
        Err(JournalError(format!("more than {ROUNDS} rounds at {at}: the run does not progress")))
    }

    /// Delivers what the venue has for the bot by `at`, without deciding: facts of the instant that is being gathered.
    ///
    /// # Errors
    /// [`JournalError`] when a fact cannot be put on disk.
    pub fn settle_facts(&mut self, at: WallTime) -> Result<(), JournalError> {
        while let Some((number, event)) = self.venue.deliver(at) {
            self.fact(at, event, Some(number))?;
        }
        Ok(())
    }

    /// The next time at which the core asked to be woken.
    #[must_use]
    pub fn next_wake(&self) -> Option<WallTime> {
        self.wakes.first().copied()
    }

    /// Wakes the core if it asked for it by `at`.
    ///
    /// # Errors
    /// [`JournalError`] when an intent cannot be put on disk.
    pub fn wake(&mut self, at: WallTime) -> Result<(), JournalError> {
        let before = self.wakes.len();
        self.wakes.retain(|wake| *wake > at);
        if self.wakes.len() == before {
            return Ok(());
        }
        let stamped = self.stamp(at, Event::Timer);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        self.collect();
        self.carry_out(at)
    }

    /// SHA-256 of the commands so far and of the ledger as it stands, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut digest = self.digest.clone();
        for ((account, asset), amount) in self.state.ledger.balances() {
            digest.update(format!("{account:?} {asset} {amount}\n"));
        }
        hex(&digest.finalize())
    }

    fn stamp(&mut self, at: WallTime, event: Event) -> Stamped {
        Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event }
    }

    fn collect(&mut self) {
        if !self.state.records.is_empty() {
            let records = std::mem::take(&mut self.state.records);
            self.collector.take(&records, &self.state);
        }
    }

    fn carry_out(&mut self, at: WallTime) -> Result<(), JournalError> {
        let mut rounds = 0;
        while !self.commands.is_empty() {
            rounds += 1;
            if rounds > ROUNDS {
                return Err(JournalError(format!("more than {ROUNDS} commands at {at}: the run does not progress")));
            }
            let commands = std::mem::take(&mut self.commands);
            for command in commands {
                self.one(at, command)?;
            }
        }
        Ok(())
    }

    fn one(&mut self, at: WallTime, command: Command) -> Result<(), JournalError> {
        self.hash(&command);
        self.journal.command(self.state.sequence, &command);
        match command {
            Command::Record(intent) => {
                self.journal.intent(&intent, &self.state)?;
                let stamped = self.stamp(at, Event::IntentDurable { id: intent.id });
                self.journal.input(&stamped)?;
                engine::step(&mut self.state, &stamped, &mut self.commands);
            }
            Command::Place(intent) => self.venue.place(intent, at),
            Command::Cancel { id, .. } => self.venue.cancel(id, at),
            Command::Query { id, .. } => self.venue.query(id, at),
            Command::Transfer(transfer) => {
                self.journal.transfer(&transfer, &self.state)?;
                let stamped = self.stamp(at, Event::TransferSent(transfer));
                self.journal.input(&stamped)?;
                engine::step(&mut self.state, &stamped, &mut self.commands);
                self.journal.fact(&stamped, None, &self.state)?;
                self.venue.transfer(transfer, at);
            }
            Command::Alarm(alarm) => {
                *self.alarms.entry(alarm.kind).or_default() += 1;
                let pair = alarm.pair.and_then(|id| self.state.pair(id)).map_or("-", |pair| pair.pair.name.as_str());
                match alarm.severity {
                    Severity::Page => tracing::error!(at = %at, pair, kind = ?alarm.kind, "alarm"),
                    Severity::Warning => tracing::warn!(at = %at, pair, kind = ?alarm.kind, "alarm"),
                    Severity::Notice => tracing::info!(at = %at, pair, kind = ?alarm.kind, "alarm"),
                }
            }
            Command::WakeAt { at: wake } => {
                if wake > at {
                    self.wakes.insert(wake);
                }
            }
        }
        Ok(())
    }

    /// Wake-ups are no decisions; everything else is part of the digest.
    fn hash(&mut self, command: &Command) {
        if !matches!(command, Command::WakeAt { .. })
            && let Ok(text) = serde_json::to_vec(command)
        {
            self.digest.update(&text);
        }
    }
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
