//! The files of one session (paper, shadow or live): ledger of record, tape, and what recovery reads back.

use super::collect::{Collector, Figures};
use super::disk::Disk;
use super::journal::{Books, Journal, Kept};
use super::reloaded;
use crate::config::settings;
use crate::domain::{Leg, PairId, Sequence, Span, VenueId, WallTime};
use crate::engine::State;
use crate::pairs::{Latch, LatchCause, PairMemory, Phase};
use crate::port::event::{Adjustment, Operator};
use crate::port::order::Intent;
use crate::port::{Event, Stamped};
use crate::report::run::{RunInfo, Summary};
use crate::store::JournalError;
use crate::store::ledger_file::{Batch, LedgerFile, Loaded, StoredFact, StoredIntent};
use crate::tape::{Keep, TapeError, TapeWriter};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// What a pair needs to go on exactly where it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PairRow {
    /// Its memory.
    pub memory: PairMemory,
    /// Whether only the strategy is asked.
    pub at_rest: bool,
    /// Largest hedged coins of the round trip.
    pub largest: crate::domain::Quantity,
    /// Prices at which its books were worth something at this commit, spot and perp; absent in older ledgers.
    #[serde(default)]
    pub marks: Option<(crate::domain::Price, crate::domain::Price)>,
}

/// Most facts that may wait for room on the disk; more would be a run without books.
const WAITING: usize = 10_000;
/// Numbers of venue events that are remembered: more than can be told between two commits of the venue.
const REMEMBERED: usize = 256;

/// The journal of a session.
///
/// **Invariant**: an order leaves only when its intent and every fact before it are on disk. Facts may wait for room, orders
/// may not (fault G04).
pub struct Session {
    ledger: LedgerFile,
    tape: Option<TapeWriter>,
    stored: Stored,
    disk: Option<Disk>,
    /// What found no room on the disk; it goes in with the next commit that does.
    waiting: Batch,
    /// The last comparison that is on disk, by venue: the same again is no news (fault L31).
    compared: BTreeMap<VenueId, (WallTime, Event)>,
    /// Numbers of the venue's events that were booked last; they are not told in the order of their numbers.
    booked: Vec<u64>,
}

/// Rows of the report that are on disk.
#[derive(Debug, Clone, Copy, Default)]
struct Stored {
    fills: usize,
    funding: usize,
    equity: usize,
    trips: usize,
    naked: usize,
    margin: usize,
}

impl Stored {
    const fn of(collector: &Collector) -> Self {
        Self {
            fills: collector.fills.len(),
            funding: collector.funding.len(),
            equity: collector.equity.len(),
            trips: collector.trips.len(),
            naked: collector.naked_s.len(),
            margin: collector.margin.len(),
        }
    }
}

impl Session {
    /// Joins the ledger file and the tape; `collector` holds what was read back.
    #[must_use]
    pub fn new(ledger: LedgerFile, tape: Option<TapeWriter>, collector: &Collector) -> Self {
        let (disk, waiting, compared, booked) = (None, Batch::default(), BTreeMap::new(), Vec::new());
        Self { ledger, tape, stored: Stored::of(collector), disk, waiting, compared, booked }
    }

    /// Writes down what this start is: program, strategy, differences from the preset.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn about(&mut self, run: &RunInfo) -> Result<(), JournalError> {
        self.commit(Batch { meta: vec![("run", text(run))], ..Batch::default() }).map(drop)
    }

    /// What the run is by now, where it took other settings since this start.
    #[must_use]
    pub fn retold(&self, state: &State) -> Option<RunInfo> {
        state.strategy.as_ref()?;
        serde_json::from_str(self.ledger.meta().ok()?.get("run")?).ok()
    }

    /// Watches the disk of its folder, and keeps no more of the tape than the settings say.
    #[must_use]
    pub fn watching(mut self, folder: &Path, settings: &settings::Store) -> Self {
        self.disk = Some(Disk::of(folder, settings));
        if let Some(tape) = &mut self.tape {
            let age = Duration::from_millis(u64::try_from(settings.tape_age.0).unwrap_or(u64::MAX));
            tape.keep(Keep { age, bytes: settings.tape_mb.saturating_mul(1_000_000) });
        }
        self
    }

    /// Venue events that were booked before this start, as recovery read them.
    #[must_use]
    pub fn after(mut self, booked: Vec<u64>) -> Self {
        self.booked = booked;
        self
    }

    /// Puts a final batch on disk and closes the tape with the digest.
    ///
    /// # Errors
    /// [`JournalError`] when either cannot be written.
    pub fn finish(mut self, summary: &Summary, mut books: Books<'_>) -> Result<(), JournalError> {
        let digest = summary.digest.as_str();
        let mut batch = self.batch(&mut books, None);
        // With the summary beside the rows, the report can be made again whatever happened to its files.
        batch.meta.push(("summary", text(summary)));
        batch.meta.push(("finished", "1".to_owned()));
        batch.meta.push(("digest", digest.to_owned()));
        self.put(batch)?;
        self.close_tape(digest);
        if let Some(disk) = &self.disk {
            // Nothing is held any more.
            disk.give_back();
        }
        Ok(())
    }

    /// The process ends and the run does not: what is not on disk yet, and the digest of this start on the tape.
    ///
    /// # Errors
    /// [`JournalError`] when the ledger cannot be written.
    pub fn rest(&mut self, digest: &str, mut books: Books<'_>) -> Result<(), JournalError> {
        let batch = self.batch(&mut books, None);
        self.put(batch)?;
        self.close_tape(digest);
        Ok(())
    }

    fn close_tape(&mut self, digest: &str) {
        if let Some(tape) = self.tape.take()
            && let Err(error) = tape.finish(digest)
        {
            // It is never needed to go on.
            tracing::warn!(%error, "the end of the tape is not on disk: this start cannot be compared by its digest");
        }
    }

    /// The session is set up: boot and opening balances are on disk, and a restart goes on from here.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn ready(&mut self) -> Result<(), JournalError> {
        self.put(Batch { meta: vec![("ready", "1".to_owned())], ..Batch::default() })
    }

    /// As [`Session::commit`], where waiting is no way out.
    fn put(&mut self, batch: Batch) -> Result<(), JournalError> {
        match self.commit(batch)? {
            Kept::OnDisk => Ok(()),
            Kept::NoRoom => Err(JournalError::no_room()),
        }
    }

    fn commit(&mut self, batch: Batch) -> Result<Kept, JournalError> {
        // Buffered inputs must not be lost behind a fact that is on disk.
        if let Some(Err(error)) = self.tape.as_mut().map(TapeWriter::flush) {
            self.no_tape(&error);
        }
        let mut all = std::mem::take(&mut self.waiting);
        all.join(batch);
        loop {
            match self.ledger.commit(&all) {
                Ok(()) => return Ok(Kept::OnDisk),
                Err(error) if error.is_full() && all.facts.len() < WAITING => {
                    self.give_way();
                    if self.disk.as_mut().is_some_and(Disk::full) {
                        continue;
                    }
                    // Its order is not sent; what happened is kept and goes in as soon as there is room.
                    all.intents.clear();
                    self.waiting = all;
                    return Ok(Kept::NoRoom);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The tape gives way before the ledger does.
    fn give_way(&mut self) {
        if let Some(tape) = self.tape.take() {
            tape.abandon();
            tracing::warn!("the disk is full: the tape of this start ends here, so it cannot be replayed to its end");
        }
    }

    /// A failed write stops the tape, never the run.
    fn no_tape(&mut self, error: &TapeError) {
        tracing::warn!(%error, "the tape of this start ends here, so it cannot be replayed to its end");
        if let Some(tape) = self.tape.take() {
            tape.abandon();
        }
    }

    /// Everything that changed since the last commit.
    fn batch(&mut self, books: &mut Books<'_>, venue_number: Option<u64>) -> Batch {
        let state = &mut *books.state;
        let mut batch = Batch { postings: state.ledger.drain(), ..Batch::default() };
        batch.meta.push(("clock", state.now.0.to_string()));
        batch.meta.push(("sequence", state.sequence.0.to_string()));
        batch.meta.push(("figures", text(&books.collector.figures)));
        batch.meta.push(("pegs", text(&state.pegs.iter().collect::<Vec<_>>())));
        batch.meta.push(("flags", text(&(state.bot, state.paused, state.unequal, state.day))));
        if let Some(number) = venue_number {
            batch.meta.push(("venue_number", number.to_string()));
            if self.booked.len() >= REMEMBERED {
                self.booked.remove(0);
            }
            self.booked.push(number);
            batch.meta.push(("venue_numbers", text(&self.booked)));
        }
        for pair in &state.pairs {
            let (memory, marks) = (pair.memory.clone(), pair.market.marks);
            let row = PairRow { memory, at_rest: pair.at_rest, largest: pair.largest, marks };
            batch.pairs.push((pair.pair.name.clone(), pair.memory.phase.as_str().to_owned(), text(&row)));
        }
        self.rows(books.collector, &mut batch);
        batch
    }

    fn rows(&mut self, collector: &Collector, batch: &mut Batch) {
        let stored = &mut self.stored;
        for row in collector.fills.get(stored.fills..).unwrap_or(&[]) {
            batch.rows.push(("fill", row.at, text(row)));
        }
        for row in collector.funding.get(stored.funding..).unwrap_or(&[]) {
            batch.rows.push(("funding", row.at, text(row)));
        }
        for row in collector.equity.get(stored.equity..).unwrap_or(&[]) {
            batch.rows.push(("equity", row.at, text(row)));
        }
        for row in collector.trips.get(stored.trips..).unwrap_or(&[]) {
            batch.rows.push(("trip", row.closed.unwrap_or(row.opened), text(row)));
        }
        for row in collector.naked_s.get(stored.naked..).unwrap_or(&[]) {
            batch.rows.push(("naked", WallTime(0), text(row)));
        }
        for row in collector.margin.get(stored.margin..).unwrap_or(&[]) {
            batch.rows.push(("margin", row.at, text(row)));
        }
        *stored = Stored::of(collector);
    }
}

impl Journal for Session {
    fn intent(&mut self, intent: &Intent, mut books: Books<'_>) -> Result<Kept, JournalError> {
        let mut batch = self.batch(&mut books, None);
        let name = books.state.pair(intent.pair).map(|pair| pair.pair.name.clone()).unwrap_or_default();
        let stored = StoredIntent { sequence: books.state.sequence.0, intent: intent.clone() };
        batch.intents.push((stored, name));
        self.commit(batch)
    }

    fn fact(&mut self, stamped: &Stamped, number: Option<u64>, mut books: Books<'_>) -> Result<(), JournalError> {
        if let Event::Reconciled { venue, .. } = stamped.event {
            // Once a day it is a row whatever it says: the ledger is what proves a day.
            let said = (stamped.at.floor(Span::DAY), stamped.event.clone());
            if self.compared.insert(venue, said.clone()).is_some_and(|last| last == said) {
                return Ok(());
            }
        }
        let mids = pair_of(&stamped.event, books.state)
            .and_then(|id| books.state.pair(id))
            .and_then(|pair| pair.market.long.mid.zip(pair.market.short.mid));
        let mut batch = self.batch(&mut books, number);
        if let Event::Operator(Operator::Reload(reload)) = &stamped.event {
            let known = self.ledger.meta().map_err(|error| JournalError(error.to_string()))?;
            batch.meta.extend(reloaded::meta(&known, reload, &books.state.settings));
        }
        batch.facts.push(StoredFact { stamped: stamped.clone(), mids });
        self.commit(batch).map(drop)
    }

    fn input(&mut self, stamped: &Stamped) -> Result<(), JournalError> {
        if let Some(Err(error)) = self.tape.as_mut().map(|tape| tape.append(stamped)) {
            self.no_tape(&error);
        }
        Ok(())
    }

    fn disk(&mut self) -> Option<bool> {
        let change = self.disk.as_mut().and_then(Disk::change);
        if self.tape.is_some() && self.disk.as_ref().is_some_and(Disk::is_tight) {
            self.give_way();
        }
        change
    }
}

/// The pair that a fact is about.
fn pair_of(event: &Event, state: &State) -> Option<PairId> {
    match event {
        Event::Order(report) => state.orders.find(report.id).map(|order| order.intent.pair),
        Event::VenueFill { instrument, .. } | Event::FundingPaid { instrument, .. } => {
            state.catalogue.pair_of(*instrument)
        }
        Event::Adjusted { venue, asset, cause: Adjustment::AutoExchange, .. } => {
            crate::engine::collateral::pair_of(state, *venue, *asset)
        }
        _ => None,
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// What is wrong with a ledger that was read back.
#[derive(Debug, thiserror::Error)]
#[error("the ledger of record cannot be read back: {0}")]
pub struct RecoverError(pub String);

/// What was read back besides the state.
pub struct Recovered {
    /// Rows and figures.
    pub collector: Collector,
    /// The bot's last commit.
    pub clock: WallTime,
    /// Number of the last venue event that is booked.
    pub venue_number: u64,
    /// Numbers of the venue events that were booked last.
    pub booked: Vec<u64>,
    /// Boots so far.
    pub epoch: u32,
}

/// Applies intents and facts in order, each fact at the mids at which it was booked. Decides nothing.
///
/// # Errors
/// [`RecoverError`] when a value is missing or damaged.
pub fn recover(state: &mut State, loaded: &Loaded) -> Result<Recovered, RecoverError> {
    let (mut epoch, settings) = (0, state.settings.clone());
    replay(state, loaded, &mut |_, stamped| {
        if let Event::Boot { epoch: number, .. } = stamped.event {
            epoch = number;
        }
    });
    // What an earlier start was told to take is history: this one has its own files.
    (state.settings, state.strategy) = (settings, None);
    crate::engine::orders_due::settle_absent(state);
    restore_memory(state, loaded)?;
    let collector = restore_rows(loaded, state.pairs.len())?;
    state.records.clear();
    // At the time of the last fact, which is what made them equal.
    crate::engine::decide::settle_equal(state);
    let _ = state.ledger.drain();
    let number = |key: &str| loaded.meta.get(key).and_then(|value| value.parse::<i64>().ok());
    let clock = number("clock").ok_or_else(|| RecoverError("meta has no clock".to_owned()))?;
    let sequence = number("sequence").ok_or_else(|| RecoverError("meta has no sequence".to_owned()))?;
    state.now = WallTime(clock);
    state.sequence = Sequence(u64::try_from(sequence).unwrap_or(0));
    let venue_number = number("venue_number").and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
    let booked = match loaded.meta.get("venue_numbers") {
        Some(text) => parse("meta venue_numbers", text)?,
        // A ledger of an older program knows the last number alone.
        None if venue_number > 0 => (1..=venue_number).rev().take(REMEMBERED).collect(),
        None => Vec::new(),
    };
    Ok(Recovered { collector, clock: WallTime(clock), venue_number, booked, epoch })
}

/// The facts alone, and what `seen` makes of the state after each.
pub fn replay(state: &mut State, loaded: &Loaded, seen: &mut dyn FnMut(&mut State, &Stamped)) {
    let mut intents = loaded.intents.iter().peekable();
    let mut nothing = Vec::new();
    for fact in &loaded.facts {
        while let Some(stored) = intents.next_if(|stored| stored.sequence < fact.stamped.sequence.0) {
            state.restore_intent(&stored.intent);
        }
        if let Some((long, short)) = fact.mids
            && let Some(id) = pair_of(&fact.stamped.event, state)
        {
            for (leg, price) in [(Leg::Long, long), (Leg::Short, short)] {
                if let Some(pair) = state.pairs.get_mut(id.index()) {
                    pair.market.leg_mut(leg).mid = Some(price);
                }
            }
        }
        state.now = fact.stamped.at;
        state.sequence = fact.stamped.sequence;
        crate::engine::apply::apply(state, &fact.stamped.event, &mut nothing);
        nothing.clear();
        seen(state, &fact.stamped);
    }
    for stored in intents {
        state.restore_intent(&stored.intent);
    }
}

fn restore_memory(state: &mut State, loaded: &Loaded) -> Result<(), RecoverError> {
    let mut active = 0;
    for pair in &mut state.pairs {
        if let Some(body) = loaded.pairs.get(&pair.pair.name) {
            let row: PairRow = parse("pairs", body)?;
            pair.memory = row.memory;
            if row.at_rest && pair.memory.entered_at.is_none() && pair.memory.phase == Phase::Exiting {
                // A halt of before left this word with a pair that holds nothing.
                pair.memory.phase = Phase::Flat;
            }
            pair.memory.latched = pair.memory.latched.or_else(|| latched_before(body, state.now));
            pair.at_rest = row.at_rest;
            pair.largest = row.largest;
            // What the last commit was worth, at its own prices: what follows from earlier ones sums up to the same.
            if let Some((spot, perp)) = row.marks {
                state.ledger.mark(pair.pair.id, spot, perp);
            }
        }
        active += usize::from(pair.memory.entered_at.is_some());
    }
    state.active = active;
    if let Some(flags) = loaded.meta.get("flags") {
        (state.bot, state.paused, state.unequal, state.day) = parse("meta flags", flags)?;
    }
    Ok(())
}

/// The latch of a pair in a ledger of before there were any: it had two flags for that.
fn latched_before(body: &str, now: WallTime) -> Option<Latch> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Flags {
        halted: bool,
        blocked: bool,
    }
    #[derive(Deserialize)]
    struct Row {
        memory: Flags,
    }
    let flags = serde_json::from_str::<Row>(body).ok()?.memory;
    let cause = match (flags.halted, flags.blocked) {
        (true, _) => LatchCause::Contradiction,
        (false, true) => LatchCause::TakenBack,
        (false, false) => return None,
    };
    Some(Latch { cause, since: now })
}

fn restore_rows(loaded: &Loaded, pairs: usize) -> Result<Collector, RecoverError> {
    let mut collector = Collector::new(pairs, true);
    for (kind, body) in &loaded.rows {
        match kind.as_str() {
            "fill" => collector.fills.push(parse("fill rows", body)?),
            "funding" => collector.funding.push(parse("funding rows", body)?),
            "equity" => collector.equity.push(parse("equity rows", body)?),
            "trip" => collector.trips.push(parse("trip rows", body)?),
            "naked" => collector.naked_s.push(parse("naked rows", body)?),
            "margin" => collector.margin.push(parse("margin rows", body)?),
            other => return Err(RecoverError(format!("rows of unknown kind {other:?}"))),
        }
    }
    if let Some(figures) = loaded.meta.get("figures") {
        collector.figures = parse::<Figures>("meta figures", figures)?;
        collector.widen(pairs);
    }
    Ok(collector)
}

fn parse<T: serde::de::DeserializeOwned>(what: &str, body: &str) -> Result<T, RecoverError> {
    serde_json::from_str(body).map_err(|error| RecoverError(format!("{what}: {error}")))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
