//! A refusal as the venue words it: HTTP status, code and message.
//!
//! The codes and texts follow the error tables of the venues' documents (digests read 2026-11). No request content beyond
//! parameter names goes into a message.

use serde_json::{Value, json};

/// What the venue answers instead of doing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: i64,
    pub(crate) msg: String,
    /// Seconds in `Retry-After`.
    pub(crate) retry_after: Option<i64>,
}

/// The result of a handler.
pub(crate) type Answer = Result<Value, Refusal>;

/// A refusal with status 400.
pub(crate) fn refuse(code: i64, msg: impl Into<String>) -> Refusal {
    Refusal { status: 400, code, msg: msg.into(), retry_after: None }
}

/// A refusal of the credentials, status 401.
pub(crate) fn unauthorised(code: i64, msg: &str) -> Refusal {
    Refusal { status: 401, ..refuse(code, msg) }
}

pub(crate) fn missing(name: &str) -> Refusal {
    refuse(-1102, format!("Mandatory parameter '{name}' was not sent, was empty/null, or malformed."))
}

pub(crate) fn illegal(name: &str) -> Refusal {
    refuse(-1100, format!("Illegal characters found in parameter '{name}'."))
}

pub(crate) fn filter(name: &str) -> Refusal {
    refuse(-1013, format!("Filter failure: {name}"))
}

pub(crate) fn invalid_symbol() -> Refusal {
    refuse(-1121, "Invalid symbol.")
}

pub(crate) fn no_order() -> Refusal {
    refuse(-2013, "Order does not exist.")
}

pub(crate) fn unknown_order() -> Refusal {
    refuse(-2011, "Unknown order sent.")
}

impl Refusal {
    pub(crate) fn body(&self) -> Value {
        json!({"code": self.code, "msg": self.msg})
    }
}
