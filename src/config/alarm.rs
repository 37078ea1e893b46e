//! Settings of the alarms: where they go beside the log, how loud, and how repeats are folded.
//!
//! Files are named here, what stands in them is not: tokens and addresses are no settings. Tests: `tests/suite/config.rs`.

use crate::domain::Span;
use serde::{Deserialize, Serialize};

/// How loud something is, and from which loudness on a way out is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Good to know.
    Log,
    /// Look at it today.
    Notify,
    /// Act now.
    Page,
}

/// Where alarms go, beside the log. A field that a recorded session does not have is as it is built in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "super::settings::built_in_alarm")]
pub struct Alarm {
    /// A program that gets each alarm as JSON on standard input; `None` is off.
    pub exec: Option<String>,
    /// A file of mode 0600 that holds the webhook's address; `None` is off. The address itself is never a setting.
    pub webhook: Option<String>,
    /// Repeats of one alarm of one pair within this are counted, not told; it doubles while they go on.
    pub fold: Span,
    /// How often it is told that all is well; `None` is off.
    pub heartbeat: Option<Span>,
    /// A file of mode 0600 that holds the bot's token and the chat; `None` is off.
    pub telegram: Option<String>,
    /// What is told there.
    pub telegram_level: Level,
    /// A file with mail addresses; `None` is off.
    pub mail: Option<String>,
    /// What is told there.
    pub mail_level: Level,
    /// The program that takes mail; `None` stands for the usual one.
    pub sendmail: Option<String>,
    /// Time of the UTC day from which only a page makes a sound; `None` is off.
    pub silent_from: Option<Span>,
    /// Time of the UTC day until which only a page makes a sound; `None` is off.
    pub silent_to: Option<Span>,
    /// Time of the UTC day of the digest; `None` is off.
    pub digest: Option<Span>,
    /// A file of mode 0600 that holds the address of a watcher outside of this machine; `None` is off.
    pub watcher: Option<String>,
    /// How often it is told that the loop runs.
    pub watcher_every: Span,
}
