//! The language of the control socket: one JSON object a line, `carry.control/1`, there and back.
//!
//! It opens no socket and touches no session: `control_server.rs` carries the lines, `desk.rs` does what they ask. A verb that
//! moves money answers with its plan and a token first, and acts only on a second request with that token. Tests: at the end
//! of this file and `tests/commands/control.rs`.

use super::plans::Plan;
use crate::config::Loaded;
use crate::config::change::Change;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use tokio::sync::oneshot;

/// Version of requests and replies.
pub const SCHEMA: &str = "carry.control/1";
/// Name of the socket in the state folder.
pub const SOCKET: &str = "control.sock";
/// Most bytes of one line, either way.
pub const LONGEST_LINE: usize = 1024 * 1024;

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// No new entries.
    Pause,
    /// Entries again.
    Resume,
    /// Close both legs of a pair, or of all.
    Flatten,
    /// Send nothing.
    Halt,
    /// Clear a halt.
    ClearHalt,
    /// Everything at one instant.
    Status,
    /// Orders whose outcome is not settled.
    Orders,
    /// The latest fills.
    Fills,
    /// Pairs.
    Pairs,
    /// Open a pair at a size.
    Open,
    /// Close one pair.
    Close,
    /// Compare ledger and venue.
    Reconcile,
    /// Settle an order whose outcome is in doubt.
    Resolve,
    /// Take coins that were there before into a pair.
    Adopt,
    /// Book what somebody moved in or out of a wallet.
    Accept,
    /// Why pairs are not held, or are.
    Why,
    /// Read the configuration files again and take what differs.
    Reload,
}

impl Verb {
    /// Whether it asks for what the session knows already, and nothing else.
    #[must_use]
    pub const fn looks(self) -> bool {
        matches!(self, Self::Status | Self::Orders | Self::Fills | Self::Pairs | Self::Why)
    }
}

/// What became of an order in doubt, as a person found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// The venue executed it.
    Executed,
    /// The venue never had it.
    Absent,
}

/// One line to the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// What is asked.
    pub verb: Verb,
    /// Name of a pair.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pair: Option<String>,
    /// Size with its unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Our id of an order.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub id: Option<String>,
    /// What became of it.
    #[serde(skip_serializing_if = "Option::is_none", default, rename = "as")]
    pub settled: Option<Settled>,
    /// Most rows.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<usize>,
    /// Of the plan that a person has agreed to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
}

/// What to do, with what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// No new entries.
    Pause,
    /// Entries again.
    Resume,
    /// Close both legs.
    Flatten(Option<String>),
    /// Send nothing.
    Halt,
    /// Clear a halt, and why it is safe.
    ClearHalt(String),
    /// Everything at one instant.
    Status,
    /// Unsettled orders.
    Orders,
    /// So many of the latest fills.
    Fills(usize),
    /// Pairs.
    Pairs,
    /// Open a pair at a size.
    Open(String, String),
    /// Close one pair.
    Close(String),
    /// Compare ledger and venue.
    Reconcile,
    /// Settle an order in doubt.
    Resolve(String, Settled),
    /// Take coins that were there before into a pair.
    Adopt(String),
    /// Book what somebody moved in or out of a wallet.
    Accept,
    /// Why one pair, or each, is not held, or is.
    Why(Option<String>),
    /// Take the configuration as the files have it; with what differs, once that is known.
    Reload(Vec<Change>),
    /// The same, as far as nothing of it lets more risk in: what a signal asks.
    Tighten,
}

/// Which exit code an error belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is wrong.
    Usage,
    /// A safety rule refuses.
    Refused,
    /// Ledger and venue differ.
    Difference,
    /// Too many requests or clients at once; nothing was done.
    Busy,
    /// This session cannot do it.
    Unsupported,
    /// It failed; nothing was done.
    Failed,
    /// No answer in time: it may or may not have been done.
    InDoubt,
}

/// Why a request did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("{message}")]
pub struct ControlError {
    /// Which kind.
    pub code: Code,
    /// For a person.
    pub message: String,
}

impl ControlError {
    /// An error of a kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// One line from the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// Whether it was done, or planned.
    pub ok: bool,
    /// What was done or is shown.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub result: Option<Value>,
    /// What would be done; nothing was yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub plan: Option<Plan>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<ControlError>,
    /// Orders that may or may not be at the venue.
    #[serde(default)]
    pub in_doubt: u64,
}

/// A request on its way to the session, and the way back.
#[derive(Debug)]
pub struct ControlRequest {
    /// What to do.
    pub act: Act,
    /// The plan that was agreed to.
    pub token: Option<String>,
    /// The configuration as its files have it now, read for this request; of a reload alone.
    pub files: Option<Box<Loaded>>,
    /// Who waits. When it is closed nobody does, and nothing may be done any more.
    pub reply: oneshot::Sender<Reply>,
}

impl Reply {
    /// Done.
    #[must_use]
    pub fn done(result: Value, in_doubt: u64) -> Self {
        Self { schema: SCHEMA.to_owned(), ok: true, result: Some(result), plan: None, error: None, in_doubt }
    }

    /// Planned.
    #[must_use]
    pub fn planned(plan: Plan, in_doubt: u64) -> Self {
        Self { schema: SCHEMA.to_owned(), ok: true, result: None, plan: Some(plan), error: None, in_doubt }
    }

    /// Not done.
    #[must_use]
    pub fn failed(error: ControlError) -> Self {
        Self { schema: SCHEMA.to_owned(), ok: false, result: None, plan: None, error: Some(error), in_doubt: 0 }
    }
}

impl Request {
    /// A request without arguments.
    #[must_use]
    pub fn new(verb: Verb) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            verb,
            pair: None,
            size: None,
            reason: None,
            id: None,
            settled: None,
            limit: None,
            token: None,
        }
    }

    /// A line of the socket.
    ///
    /// # Errors
    /// [`ControlError`] when it is no request of this version.
    pub fn parse(line: &[u8]) -> Result<Self, ControlError> {
        let wrong =
            |error: serde_json::Error| ControlError::new(Code::Usage, format!("not a request of {SCHEMA}: {error}"));
        let request: Self = serde_json::from_slice(line).map_err(wrong)?;
        if request.schema != SCHEMA {
            return Err(ControlError::new(Code::Usage, format!("schema: expected {SCHEMA}")));
        }
        Ok(request)
    }

    /// The act, when it has what its verb needs and nothing else.
    ///
    /// # Errors
    /// [`ControlError`] names what is missing or too much.
    pub fn act(&self) -> Result<Act, ControlError> {
        let allowed: &[&str] = match self.verb {
            Verb::Flatten | Verb::Close | Verb::Adopt => &["pair", "token"],
            Verb::Why => &["pair"],
            Verb::Open => &["pair", "size", "token"],
            Verb::Resolve => &["id", "as", "token"],
            Verb::Accept | Verb::Reload => &["token"],
            Verb::ClearHalt => &["reason"],
            Verb::Fills => &["limit"],
            _ => &[],
        };
        let given = [
            ("pair", self.pair.is_some()),
            ("size", self.size.is_some()),
            ("reason", self.reason.is_some()),
            ("id", self.id.is_some()),
            ("as", self.settled.is_some()),
            ("limit", self.limit.is_some()),
            ("token", self.token.is_some()),
        ];
        if let Some((name, _)) = given.iter().find(|(name, given)| *given && !allowed.contains(name)) {
            return Err(ControlError::new(Code::Usage, format!("{name}: does not belong to this verb")));
        }
        let text = |name: &str, value: &Option<String>| {
            let value = value.clone().filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| ControlError::new(Code::Usage, format!("{name}: is missing")))
        };
        Ok(match self.verb {
            Verb::Pause => Act::Pause,
            Verb::Resume => Act::Resume,
            Verb::Flatten => Act::Flatten(self.pair.clone()),
            Verb::Halt => Act::Halt,
            Verb::ClearHalt => Act::ClearHalt(text("reason", &self.reason)?),
            Verb::Status => Act::Status,
            Verb::Orders => Act::Orders,
            Verb::Fills => Act::Fills(self.limit.unwrap_or(20)),
            Verb::Pairs => Act::Pairs,
            Verb::Open => Act::Open(text("pair", &self.pair)?, text("size", &self.size)?),
            Verb::Close => Act::Close(text("pair", &self.pair)?),
            Verb::Reconcile => Act::Reconcile,
            Verb::Resolve => {
                let missing = || ControlError::new(Code::Usage, "as: is missing; expected executed or absent");
                Act::Resolve(text("id", &self.id)?, self.settled.ok_or_else(missing)?)
            }
            Verb::Adopt => Act::Adopt(text("pair", &self.pair)?),
            Verb::Accept => Act::Accept,
            Verb::Why => Act::Why(self.pair.clone()),
            Verb::Reload => Act::Reload(Vec::new()),
        })
    }
}

impl Act {
    /// Whether its plan must be shown before it: it moves money, or lets more risk in.
    #[must_use]
    pub const fn is_planned(&self) -> bool {
        self.moves_money() || matches!(self, Self::Reload(_))
    }

    /// Whether it needs a plan that was agreed to.
    #[must_use]
    pub const fn moves_money(&self) -> bool {
        match self {
            Self::Flatten(_) | Self::Open(..) | Self::Close(_) | Self::Resolve(..) | Self::Adopt(_) | Self::Accept => {
                true
            }
            Self::Pause
            | Self::Resume
            | Self::Halt
            | Self::ClearHalt(_)
            | Self::Status
            | Self::Orders
            | Self::Fills(_)
            | Self::Pairs
            | Self::Why(_)
            | Self::Reload(_)
            | Self::Tighten
            | Self::Reconcile => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x21_only_requests_of_this_version_with_what_they_need_are_acts() {
        let check = |line: &str, expected: Result<Act, &str>| {
            let act = Request::parse(line.as_bytes()).and_then(|request| request.act());
            match (act, expected) {
                (Ok(act), Ok(wanted)) => assert_eq!(act, wanted),
                (Err(error), Err(wanted)) => {
                    assert_eq!(error.code, Code::Usage);
                    assert!(error.message.contains(wanted), "{line}: {error}");
                }
                (act, expected) => panic!("{line}: {act:?}, expected {expected:?}"),
            }
        };
        let line = |rest: &str| format!("{{\"schema\":\"carry.control/1\",{rest}}}");
        check(&line("\"verb\":\"pause\""), Ok(Act::Pause));
        check(&line("\"verb\":\"clear-halt\",\"reason\":\"looked\""), Ok(Act::ClearHalt("looked".to_owned())));
        check(
            &line("\"verb\":\"resolve\",\"id\":\"c1-0-1\",\"as\":\"absent\""),
            Ok(Act::Resolve("c1-0-1".to_owned(), Settled::Absent)),
        );
        check(&line("\"verb\":\"clear-halt\",\"reason\":\" \""), Err("reason: is missing"));
        check(&line("\"verb\":\"accept\",\"token\":\"1\""), Ok(Act::Accept));
        check(&line("\"verb\":\"close\""), Err("pair: is missing"));
        check(&line("\"verb\":\"halt\",\"pair\":\"a:B\""), Err("pair: does not belong to this verb"));
        check(&line("\"verb\":\"withdraw\""), Err("unknown variant"));
        check(&line("\"verb\":\"pause\",\"yes\":true"), Err("unknown field"));
        check("{\"schema\":\"carry.control/2\",\"verb\":\"pause\"}", Err("schema: expected carry.control/1"));
        for line in ["", "{", "[]", "null", "\u{0}"] {
            check(line, Err("not a request of carry.control/1"));
        }
    }
}
