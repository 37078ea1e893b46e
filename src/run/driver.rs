//! One loop's worth of driving: stamps events, steps the core, carries its commands out.
//!
//! Write first, act second: an intent is on disk before the core hears `IntentDurable`, and only then can it release the
//! order. Facts about the account are committed before the commands that follow from them are carried out.

use super::about::about;
use super::collect::{Collector, Exposure};
use super::journal::{Books, Journal, Kept};
use crate::control::latency::Latency;
use crate::control::recent::Recent;
use crate::domain::{Amount, ClientOrderId, InstrumentId, Sequence, VenueId, WallTime};
use crate::engine::{self, State};
use crate::observe::words::{About, sentence, word};
use crate::planted::{self, Bug};
use crate::port::command::{Alarm, AlarmKind, Severity};
use crate::port::event::Transfer;
use crate::port::order::{Intent, OrderReport, Outcome};
use crate::port::{Command, Event, Stamped};
use crate::sim::SimVenue;
use crate::store::JournalError;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// More rounds than this at one instant is a runaway loop (fault A24): the run stops.
const ROUNDS: u32 = 10_000;

/// Where orders go: a simulated venue, or a real one. It only sends; what comes of it are events.
pub trait Gateway {
    /// An order leaves.
    fn place(&mut self, intent: Intent, now: WallTime);
    /// A cancel leaves.
    fn cancel(&mut self, id: ClientOrderId, instrument: InstrumentId, now: WallTime);
    /// A question about an order leaves.
    fn query(&mut self, id: ClientOrderId, instrument: InstrumentId, now: WallTime);
    /// A transfer leaves.
    fn transfer(&mut self, transfer: Transfer, now: WallTime);
    /// Money of the perp wallet goes into an isolated position.
    fn add_margin(&mut self, instrument: InstrumentId, amount: Amount, now: WallTime);
    /// The venue's lists are read again now, and `Reconciled` follows.
    fn compare(&mut self, venue: VenueId, now: WallTime);
    /// An instrument's limits and trading status are read again now.
    fn reread(&mut self, instrument: InstrumentId, now: WallTime);
}

impl Gateway for SimVenue {
    fn place(&mut self, intent: Intent, now: WallTime) {
        Self::place(self, intent, now);
    }
    fn cancel(&mut self, id: ClientOrderId, _instrument: InstrumentId, now: WallTime) {
        Self::cancel(self, id, now);
    }
    fn query(&mut self, id: ClientOrderId, _instrument: InstrumentId, now: WallTime) {
        Self::query(self, id, now);
    }
    fn transfer(&mut self, transfer: Transfer, now: WallTime) {
        Self::transfer(self, transfer, now);
    }
    fn add_margin(&mut self, instrument: InstrumentId, amount: Amount, now: WallTime) {
        Self::add_margin(self, instrument, amount, now);
    }
    fn compare(&mut self, venue: VenueId, now: WallTime) {
        Self::compare(self, venue, now);
    }
    /// The catalogue of the run is the venue's own: there is nothing newer to read.
    fn reread(&mut self, _instrument: InstrumentId, _now: WallTime) {}
}

/// The core, the venue, the journal, and what joins them.
pub struct Driver<J, V = SimVenue> {
    /// The core.
    pub state: State,
    /// Where orders go.
    pub venue: V,
    /// Where facts and intents go.
    pub journal: J,
    /// Rows for the report.
    pub collector: Collector,
    /// Market events processed: bars, settlements, quotes and the like.
    pub market_events: u64,
    /// Alarms raised, by kind.
    pub alarms: BTreeMap<AlarmKind, u64>,
    /// Alarms since the owner last took them, with what they are about; absent when nobody takes them.
    pub raised: Option<Vec<(Alarm, About)>>,
    /// How long the turns of the loop took.
    pub turns: Latency,
    /// The latest alarms, for who asks the session; absent where nobody can.
    pub recent: Option<Recent>,
    commands: Vec<Command>,
    wakes: BTreeSet<WallTime>,
    decisions: Decisions,
}

impl<J: Journal, V: Gateway> Driver<J, V> {
    /// The same with its journal in another.
    pub fn with_journal<K: Journal>(self, wrap: impl FnOnce(J) -> K) -> Driver<K, V> {
        Driver {
            journal: wrap(self.journal),
            state: self.state,
            venue: self.venue,
            collector: self.collector,
            market_events: self.market_events,
            alarms: self.alarms,
            raised: self.raised,
            turns: self.turns,
            recent: self.recent,
            commands: self.commands,
            wakes: self.wakes,
            decisions: self.decisions,
        }
    }

    /// Joins them before the first event.
    pub fn new(state: State, venue: V, journal: J, collector: Collector) -> Self {
        Self {
            state,
            venue,
            journal,
            collector,
            market_events: 0,
            alarms: BTreeMap::new(),
            raised: None,
            turns: Latency::default(),
            recent: None,
            commands: Vec::new(),
            wakes: BTreeSet::new(),
            decisions: Decisions::default(),
        }
    }

    /// A public fact of the market. Commits nothing.
    ///
    /// # Errors
    /// [`JournalError`] when the tape cannot be written.
    #[inline]
    pub fn market(&mut self, at: WallTime, event: Event) -> Result<(), JournalError> {
        self.market_events += 1;
        // Stamped here, where the caller makes the event: it is written once, in place.
        let stamped = self.stamp(at, event);
        if self.feed(&stamped)? { self.carry_out(at) } else { Ok(()) }
    }

    /// One event into the core; true when it wants something.
    fn feed(&mut self, stamped: &Stamped) -> Result<bool, JournalError> {
        self.journal.input(stamped)?;
        engine::step(&mut self.state, stamped, &mut self.commands);
        Ok(!self.commands.is_empty())
    }

    /// A fact about the account: applied, committed, then acted on.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn fact(&mut self, at: WallTime, event: Event, venue_number: Option<u64>) -> Result<(), JournalError> {
        if matches!(event, Event::Boot { .. }) {
            // A digest covers what was decided since the last boot, and the books.
            self.decisions = Decisions::default();
        }
        let stamped = self.stamp(at, event);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        self.collect();
        self.journal.fact(&stamped, venue_number, Books { state: &mut self.state, collector: &self.collector })?;
        self.carry_out(at)
    }

    /// No more facts of this instant: the core decides, and what it wants is carried out until nothing is left to do.
    ///
    /// # Errors
    /// [`JournalError`] when an intent cannot be put on disk.
    pub fn turn(&mut self, at: WallTime) -> Result<(), JournalError> {
        if let Some(short) = self.journal.disk() {
            self.fact(at, Event::Disk { short }, None)?;
        }
        if self.decide(at)? { self.carry_out(at) } else { Ok(()) }
    }

    /// The core decides; true when it wants something, which [`Driver::carry_out`] then does.
    ///
    /// # Errors
    /// [`JournalError`] when the tape cannot be written.
    pub fn decide(&mut self, at: WallTime) -> Result<bool, JournalError> {
        let stamped = self.stamp(at, Event::Turn);
        self.feed(&stamped)?;
        if !self.state.records.is_empty() {
            self.collect();
        }
        Ok(!self.commands.is_empty())
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
        self.rouse(at)
    }

    /// Wakes the core now: everything that is in work is looked at again.
    ///
    /// # Errors
    /// [`JournalError`] when an intent cannot be put on disk.
    pub fn rouse(&mut self, at: WallTime) -> Result<(), JournalError> {
        let stamped = self.stamp(at, Event::Timer);
        self.journal.input(&stamped)?;
        engine::step(&mut self.state, &stamped, &mut self.commands);
        self.collect();
        self.carry_out(at)
    }

    /// Refills the market windows from a venue's history: facts are applied at their own times and nothing is decided. They
    /// are inputs like any other, so they are on the tape (fault L26).
    ///
    /// # Errors
    /// [`JournalError`] when the tape cannot be written.
    pub fn refill(&mut self, history: &[(WallTime, Event)], now: WallTime) -> Result<(), JournalError> {
        for (at, event) in history {
            let stamped = self.stamp(now, Event::Past { at: *at, fact: Box::new(event.clone()) });
            self.feed(&stamped)?;
        }
        Ok(())
    }

    /// Values the books and takes a row of equity.
    pub fn observe(&mut self, now: WallTime) {
        self.state.mark_all();
        let exposure = Exposure::of(&self.state);
        self.collector.observe(now, &self.state, exposure);
    }

    /// SHA-256 of the commands since the last boot and of the ledger as it stands, in hex.
    #[must_use]
    pub fn digest(&self) -> String {
        self.decisions.digest(&self.state)
    }

    #[inline]
    fn stamp(&mut self, at: WallTime, event: Event) -> Stamped {
        Stamped { sequence: Sequence(self.state.sequence.0 + 1), at, event }
    }

    fn collect(&mut self) {
        if !self.state.records.is_empty() {
            let records = std::mem::take(&mut self.state.records);
            self.collector.take(&records, &self.state);
        }
    }

    /// Carries out what the core wants until nothing is left.
    ///
    /// # Errors
    /// [`JournalError`] when an intent cannot be put on disk, or when the commands do not end.
    pub fn carry_out(&mut self, at: WallTime) -> Result<(), JournalError> {
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

    /// Something that a person should know and that the core has no part in.
    pub fn tell(&mut self, at: WallTime, alarm: &Alarm, about: &About) {
        self.ring(at, alarm, |_| about.clone());
    }

    fn ring(&mut self, at: WallTime, alarm: &Alarm, about: impl Fn(&State) -> About) {
        *self.alarms.entry(alarm.kind).or_default() += 1;
        self.collector.rang(alarm.kind);
        if let Some(raised) = &mut self.raised {
            raised.push((alarm.clone(), about(&self.state)));
        }
        if let Some(recent) = &mut self.recent {
            recent.take(at, alarm, about(&self.state));
        }
        // Made only where it is shown: a backtest raises many and shows none.
        let text = || sentence(alarm.kind, &about(&self.state), None);
        match alarm.severity {
            Severity::Page => tracing::error!(at = %at, kind = word(alarm.kind), text = text(), "alarm"),
            Severity::Warning => tracing::warn!(at = %at, kind = word(alarm.kind), text = text(), "alarm"),
            Severity::Notice => tracing::info!(at = %at, kind = word(alarm.kind), text = text(), "alarm"),
        }
    }

    fn one(&mut self, at: WallTime, command: Command) -> Result<(), JournalError> {
        self.decisions.take(&command);
        self.journal.command(at, &command);
        match command {
            Command::Record(intent) => {
                self.collect();
                let books = Books { state: &mut self.state, collector: &self.collector };
                let unwritten = planted::is(Bug::IntentUnwritten);
                match if unwritten { Kept::OnDisk } else { self.journal.intent(&intent, books)? } {
                    Kept::OnDisk => {
                        let stamped = self.stamp(at, Event::IntentDurable { id: intent.id });
                        self.journal.input(&stamped)?;
                        engine::step(&mut self.state, &stamped, &mut self.commands);
                    }
                    Kept::NoRoom => {
                        // What is not on disk is never sent: the order never was.
                        let report = OrderReport { id: intent.id, outcome: Outcome::Absent };
                        return self.fact(at, Event::Order(report), None);
                    }
                }
            }
            Command::Place(intent) => self.venue.place(intent, at),
            Command::Cancel { id, instrument } => self.venue.cancel(id, instrument, at),
            Command::Query { id, instrument } => self.venue.query(id, instrument, at),
            Command::Compare { venue } => self.venue.compare(venue, at),
            Command::Reread { instrument } => self.venue.reread(instrument, at),
            Command::Transfer(transfer) => {
                let stamped = self.stamp(at, Event::TransferSent(transfer));
                self.journal.input(&stamped)?;
                engine::step(&mut self.state, &stamped, &mut self.commands);
                self.journal.fact(&stamped, None, Books { state: &mut self.state, collector: &self.collector })?;
                self.venue.transfer(transfer, at);
            }
            Command::AddMargin { instrument, amount } => self.venue.add_margin(instrument, amount, at),
            Command::Alarm(alarm) => self.ring(at, &alarm, |state| about(state, &alarm)),
            Command::WakeAt { at: wake } => {
                if wake > at {
                    self.wakes.insert(wake);
                }
            }
        }
        Ok(())
    }
}

impl<J: Journal> Driver<J> {
    /// Delivers everything that the venue has for the bot by `at`, deciding after each round, until it is quiet.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent cannot be put on disk, or when the rounds do not end.
    #[inline]
    pub fn settle(&mut self, at: WallTime) -> Result<(), JournalError> {
        if self.venue.is_quiet() { Ok(()) } else { self.settle_rounds(at) }
    }

    fn settle_rounds(&mut self, at: WallTime) -> Result<(), JournalError> {
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
}

/// The running digest of what was decided.
#[derive(Debug, Clone, Default)]
pub struct Decisions(Sha256);

impl Decisions {
    /// Adds a command; false for a wake-up, which is no decision.
    pub fn take(&mut self, command: &Command) -> bool {
        if matches!(command, Command::WakeAt { .. }) {
            return false;
        }
        if let Ok(text) = serde_json::to_vec(command) {
            self.0.update(&text);
        }
        true
    }

    /// SHA-256 of the commands taken and of a ledger's balances, in hex.
    #[must_use]
    pub fn digest(&self, state: &State) -> String {
        let mut digest = self.0.clone();
        for ((account, asset), amount) in state.ledger.balances() {
            digest.update(format!("{account:?} {asset} {amount}\n"));
        }
        crate::domain::text::hex(&digest.finalize())
    }
}
