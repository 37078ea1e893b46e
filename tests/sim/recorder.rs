//! Remembers what went into the core and what came out, and whether each intent was on disk before its order left.

use carry::domain::{ClientOrderId, WallTime};
use carry::port::order::Intent;
use carry::port::{Command, Stamped};
use carry::run::Journal;
use carry::store::JournalError;
use std::collections::BTreeMap;

/// A journal in memory.
#[derive(Default)]
pub struct Recorder {
    /// Every event, in order.
    pub inputs: Vec<Stamped>,
    /// Every command, in order, as text.
    pub commands: Vec<String>,
    /// Intents by id, with the number of times each was sent.
    pub intents: BTreeMap<ClientOrderId, (Intent, u32)>,
    /// Intents made since the last look.
    pub fresh: Vec<ClientOrderId>,
    /// Questions asked.
    pub queries: u64,
    /// What is wrong, by its own rules.
    pub wrong: Option<String>,
}

impl Recorder {
    fn note(&mut self, command: &Command) {
        match command {
            Command::Record(intent) => {
                if self.intents.insert(intent.id, (intent.clone(), 0)).is_some() {
                    self.wrong = Some(format!("I2: the id {} was used for two intents", intent.id));
                }
                self.fresh.push(intent.id);
            }
            Command::Place(intent) => match self.intents.get_mut(&intent.id) {
                None => self.wrong = Some(format!("write-ahead: {} was sent without its intent", intent.id)),
                Some((known, sent)) => {
                    *sent += 1;
                    if *sent > 1 || known != intent {
                        self.wrong = Some(format!("I2: {} was sent {sent} times, or changed", intent.id));
                    }
                }
            },
            Command::Query { .. } => self.queries += 1,
            Command::Cancel { .. }
            | Command::Transfer(_)
            | Command::Compare { .. }
            | Command::Reread { .. }
            | Command::AddMargin { .. }
            | Command::Alarm(_)
            | Command::WakeAt { .. } => {}
        }
        self.commands.push(text(command));
    }
}

/// A command as it is compared.
pub fn text(command: &Command) -> String {
    serde_json::to_string(command).unwrap_or_default()
}

impl Journal for Recorder {
    fn input(&mut self, stamped: &Stamped) -> Result<(), JournalError> {
        self.inputs.push(stamped.clone());
        Ok(())
    }
    fn command(&mut self, _: WallTime, command: &Command) {
        self.note(command);
    }
}
