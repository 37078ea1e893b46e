//! The same decisions again: each start of a run from its tape, compared with its digest and with the ledger of record.
//!
//! A start is replayed from what the core began with: nothing at first, later the ledger as it was then. So it does not matter
//! how the one before it ended (fault L26). Nothing is written. Tests: `tests/commands/replay.rs`.

use super::driver::Decisions;
use super::resumed::as_it_was;
use super::session::recover;
use crate::config::Settings;
use crate::domain::{Amount, Asset, ClientOrderId, Sequence, WallTime};
use crate::engine::{self, State};
use crate::ledger::{Account, Posting};
use crate::port::event::Operator;
use crate::port::order::Intent;
use crate::port::reload::Reset;
use crate::port::{Command, Event, Stamped};
use crate::store::Loaded;
use crate::tape::{Segment, TapeError};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Why a start cannot be replayed.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The tape.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// A value of it.
    #[error("{0}")]
    Value(String),
}

/// The ledger of record of a run, for the comparison.
pub struct Record {
    /// Intents, facts and memory.
    pub loaded: Loaded,
    /// Every posting with its number.
    pub postings: Vec<(i64, Posting)>,
}

impl Record {
    /// The last event that is on its disk.
    fn reached(&self) -> Option<Sequence> {
        self.loaded.meta.get("sequence")?.parse().ok().map(Sequence)
    }
}

/// Other settings that a run took while it went on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// When.
    pub at_ms: WallTime,
    /// Number of the event.
    pub sequence: u64,
    /// Each key with its value before and from there on.
    pub resets: Vec<Reset>,
}

/// One start, replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stretch {
    /// Number of the start on this ledger.
    pub boot: Option<u32>,
    /// Events replayed.
    pub events: u64,
    /// Commands decided.
    pub commands: u64,
    /// Other settings that it took, in order.
    pub taken: Vec<Taken>,
    /// The digest that the run wrote at its end; absent when it was killed or still runs.
    pub recorded: Option<String>,
    /// The digest of the replay.
    pub replayed: String,
    /// Whether it was compared with the ledger of record too.
    pub ledger: bool,
    /// What differs, in words; empty when nothing does.
    pub differs: Vec<String>,
    /// What is good to know.
    pub notes: Vec<String>,
}

/// What a replay gathers.
struct Player {
    state: State,
    decisions: Decisions,
    decided: BTreeMap<ClientOrderId, Intent>,
    kept: BTreeSet<ClientOrderId>,
    boot: Option<u32>,
    events: u64,
    commands: u64,
    taken: Vec<Taken>,
}

/// Replays one start. `record` is the ledger of record, where there is one beside the tape.
///
/// # Errors
/// [`ReplayError`]: events are missing or damaged, or the ledger that the start began with is not there.
pub fn replay(segment: &Segment, record: Option<&Record>) -> Result<Stretch, ReplayError> {
    let mut player = Player {
        state: beginning(segment, record)?,
        decisions: Decisions::default(),
        decided: BTreeMap::new(),
        kept: BTreeSet::new(),
        boot: None,
        events: 0,
        commands: 0,
        taken: Vec::new(),
    };
    // A run that was killed, or that still runs, is compared up to the last commit of its ledger.
    let reached = if segment.upto.is_none() && !is_closed(segment) { record.and_then(Record::reached) } else { None };
    let mut reader = segment.read();
    let mut commands = Vec::new();
    for stamped in reader.by_ref() {
        let stamped = stamped?;
        if reached.is_some_and(|reached| stamped.sequence > reached) {
            break;
        }
        player.event(&stamped);
        engine::step(&mut player.state, &stamped, &mut commands);
        for command in commands.drain(..) {
            player.command(command);
        }
        player.state.records.clear();
        let _ = player.state.ledger.drain();
    }
    let recorded = reader.trailer().map(|digest| digest.as_str().to_owned());
    let replayed = player.decisions.digest(&player.state);
    let mut differs = Vec::new();
    if recorded.as_ref().is_some_and(|recorded| *recorded != replayed) {
        differs.push("the decisions have another digest".to_owned());
    }
    if let Some(record) = record {
        player.compare(segment, record, &mut differs);
    }
    Ok(Stretch {
        boot: player.boot,
        events: player.events,
        commands: player.commands,
        taken: player.taken,
        recorded,
        replayed,
        ledger: record.is_some(),
        differs,
        notes: reader.notes().iter().map(ToString::to_string).collect(),
    })
}

/// Whether the tape of this start was closed: then every event of it counts.
fn is_closed(segment: &Segment) -> bool {
    let mut reader = segment.read();
    reader.by_ref().for_each(drop);
    reader.trailer().is_some()
}

/// The core before the first event of a start.
fn beginning(segment: &Segment, record: Option<&Record>) -> Result<State, ReplayError> {
    let header = &segment.header;
    let settings: Settings = serde_json::from_value(header.settings.clone())
        .map_err(|error| ReplayError::Value(format!("the tape's settings: {error}")))?;
    let mut state = State::new(settings, header.catalogue.clone());
    let (Some(begins), Some(after)) = (&segment.begins, segment.after) else { return Ok(state) };
    let Some(record) = record else {
        let text = "a start that goes on begins with the ledger of record, and there is none beside the tape";
        return Err(ReplayError::Value(text.to_owned()));
    };
    let value = |error: super::session::RecoverError| ReplayError::Value(error.to_string());
    let loaded = as_it_was(begins, &record.loaded, after).map_err(value)?;
    recover(&mut state, &loaded).map_err(value)?;
    Ok(state)
}

impl Player {
    fn event(&mut self, stamped: &Stamped) {
        self.events += 1;
        match &stamped.event {
            Event::Operator(Operator::Reload(reload)) => {
                let (at_ms, sequence) = (stamped.at, stamped.sequence.0);
                self.taken.push(Taken { at_ms, sequence, resets: reload.resets.clone() });
            }
            Event::Boot { epoch, .. } => {
                // A digest covers what was decided since the last boot, and the books.
                self.decisions = Decisions::default();
                self.boot = Some(*epoch);
            }
            Event::IntentDurable { id } => {
                self.kept.insert(*id);
            }
            _ => {}
        }
    }

    fn command(&mut self, command: Command) {
        self.commands += u64::from(self.decisions.take(&command));
        if let Command::Record(intent) = command {
            self.decided.insert(intent.id, intent);
        }
    }

    /// Every intent on disk was decided again, every intent that was kept is on disk, and the books are equal.
    fn compare(&self, segment: &Segment, record: &Record, differs: &mut Vec<String>) {
        let reached = self.state.sequence;
        let within = |number: u64| segment.after.is_none_or(|after| number > after.0) && number <= reached.0;
        let stored: BTreeMap<ClientOrderId, &Intent> = record
            .loaded
            .intents
            .iter()
            .filter(|stored| within(stored.sequence))
            .map(|stored| (stored.intent.id, &stored.intent))
            .collect();
        for (id, intent) in &stored {
            match self.decided.get(id) {
                Some(decided) if decided == *intent => {}
                Some(_) => differs.push(format!("order {id} was decided otherwise")),
                None => differs.push(format!("order {id} of the ledger was not decided again")),
            }
        }
        for id in self.kept.iter().filter(|id| !stored.contains_key(*id)) {
            differs.push(format!("order {id} was decided and is not in the ledger"));
        }
        let mut books: BTreeMap<(Account, Asset), Amount> = BTreeMap::new();
        for (_, posting) in record.postings.iter().filter(|(_, posting)| posting.cause <= reached) {
            *books.entry((posting.debit, posting.asset)).or_default() += posting.amount;
            *books.entry((posting.credit, posting.asset)).or_default() -= posting.amount;
        }
        books.retain(|_, amount| !amount.is_zero());
        let mut found: BTreeMap<(Account, Asset), Amount> =
            self.state.ledger.balances().map(|((account, asset), amount)| ((*account, *asset), *amount)).collect();
        found.retain(|_, amount| !amount.is_zero());
        for ((account, asset), amount) in &books {
            let replayed = found.remove(&(*account, *asset)).unwrap_or_default();
            if replayed != *amount {
                differs.push(format!("{account:?} {asset}: the ledger has {amount}, the replay {replayed}"));
            }
        }
        for ((account, asset), amount) in found {
            differs.push(format!("{account:?} {asset}: the ledger has nothing, the replay {amount}"));
        }
    }
}
