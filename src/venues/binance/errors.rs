//! Refusals: what a status and a code prove. An allow-list (rule R-A): what is not in the table leaves a write unknown.
//!
//! Codes: the venues' error pages, spot and USD-M (2026), Aster (2026-06-30). It never decides what to do about one.
//! Tests: in `errors_tests.rs`, and with recorded bodies in `tests/suite/wire_private.rs`.

use super::decode::wall_time;
use super::field::{Value, parse};
use super::message::shown;
use crate::domain::Market;
use crate::port::order::RejectCause;
use crate::venues::answer::{Class, Refused, Until};
use serde::Deserialize;

/// What kind of request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A question.
    Read,
    /// A change of the account other than a placement.
    Write,
    /// A placement of an order.
    Place,
}

/// What a refusal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// Spot (and the wallet host) or perp: the same code means different things.
    pub market: Market,
    /// What was asked.
    pub asked: Asked,
    /// Whether the text of an HTTP 503 of the perp host says if the request was executed.
    pub telling_overload: bool,
}

/// Shortest and longest time that a `Retry-After` may ask for, in seconds; the longest ban is three days.
const RETRY_SECONDS: (u64, u64) = (1, 259_200);

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody<'a> {
    #[serde(borrow)]
    code: Value<'a>,
    #[serde(borrow)]
    msg: Value<'a>,
}

/// The code and text of a body that is an error of the venue.
pub(super) fn code_in(body: &str) -> Option<(i64, String)> {
    if !body.trim_start().starts_with('{') || !body.contains("\"code\"") {
        return None;
    }
    let sent: ErrorBody<'_> = parse(body).ok()?;
    let code = sent.code.whole("code").ok()?;
    (code < 0).then(|| (code, sent.msg.word().to_owned()))
}

/// A refusal: status, body and the header `Retry-After`, when there was one.
#[must_use]
pub fn refused(context: Context, status: u16, body: &[u8], retry_after: Option<&str>) -> Refused {
    let text = std::str::from_utf8(body).unwrap_or("");
    let found = code_in(text);
    let (code, words) = match &found {
        Some((code, words)) => (Some(*code), words.as_str()),
        None => (None, ""),
    };
    let class = by_status(context, status, code, words).or_else(|| code.and_then(|code| by_code(context, code, words)));
    let class = class.map_or_else(|| open(context), |class| fitting(context, class));
    // A body that is not an error of the venue (a page, a cut answer) is not shown.
    let text = if found.is_some() { shown(words) } else { format!("no error of the venue in {} bytes", body.len()) };
    let until = ban_end(words);
    Refused { class, status, code, text, until }.with_retry_after(retry_after)
}

/// A good answer that cannot be read, or one that is not about what was asked.
pub(super) fn unreadable(context: Context, status: u16, expected: &str) -> Refused {
    Refused { class: open(context), status, code: None, text: shown(expected), until: None }
}

impl Refused {
    /// With what the header `Retry-After` says, in seconds; other forms say nothing (fault D08). The end of a ban that
    /// the text names is kept.
    #[must_use]
    pub fn with_retry_after(self, header: Option<&str>) -> Self {
        let seconds = header.and_then(|header| header.trim().parse::<u64>().ok());
        let seconds = seconds.map(|seconds| Until::Seconds(seconds.clamp(RETRY_SECONDS.0, RETRY_SECONDS.1)));
        Self { until: self.until.or(seconds), ..self }
    }

    /// Whether the venue lists no such symbol.
    pub(super) fn names_no_symbol(&self) -> bool {
        self.code == Some(-1121)
    }
}

impl Class {
    /// Whether it stays so until a person does something: key, signature, address, or a restriction of the account. All
    /// others pass, and what was refused is tried again later.
    #[must_use]
    pub const fn lasts(self) -> bool {
        matches!(self, Self::Auth | Self::Restricted)
    }
}

/// Nothing is proved: a write may have executed, a question can be asked again.
const fn open(context: Context) -> Class {
    match context.asked {
        Asked::Read => Class::Later,
        Asked::Write | Asked::Place => Class::Unknown,
    }
}

/// A class that makes no sense for what was asked becomes one that does.
const fn fitting(context: Context, class: Class) -> Class {
    match (context.asked, class) {
        (Asked::Read, Class::Unknown) => Class::Later,
        (Asked::Read, Class::Proof(RejectCause::RateLimit)) => Class::RateLimit,
        (Asked::Read, Class::Proof(_)) => Class::Malformed,
        // There is nothing that a placement could not find: the answer belongs to something else.
        (Asked::Place, Class::NotFound | Class::Unchanged | Class::ListenKey) => Class::Unknown,
        _ => class,
    }
}

fn by_status(context: Context, status: u16, code: Option<i64>, words: &str) -> Option<Class> {
    match status {
        418 => Some(Class::Banned),
        429 if code == Some(-1015) => Some(Class::Proof(RejectCause::RateLimit)),
        429 => Some(Class::RateLimit),
        // Not from this place, for legal reasons; an order may have met it on its way back.
        451 if matches!(context.asked, Asked::Read) => Some(Class::Restricted),
        408 | 500..=599 if tells_not_executed(context, status, code, words) => Some(Class::Later),
        300..=399 | 408 | 500..=599 => Some(open(context)),
        _ => None,
    }
}

/// The three answers of an overloaded perp host that mean a certain failure.
fn tells_not_executed(context: Context, status: u16, code: Option<i64>, words: &str) -> bool {
    let internal = words.starts_with("Internal error; unable to process your request. Please try again");
    context.telling_overload
        && context.market == Market::Perp
        && status == 503
        && (words.starts_with("Service Unavailable") || code == Some(-1001) && internal || code == Some(-1008))
}

fn by_code(context: Context, code: i64, words: &str) -> Option<Class> {
    use RejectCause as Cause;
    let perp = context.market == Market::Perp;
    Some(match code {
        // The same number means a failed replacement on spot.
        -2022 if perp => Class::Proof(Cause::ReduceOnly),
        -2021 if perp => Class::Malformed,
        -1001 | -1008 if perp && context.telling_overload => Class::Later,
        -1010 | -2010 => return by_text(words),
        -1013 => filter(words),
        -1003 if words.contains("banned until") => Class::Banned,
        -1003 => Class::RateLimit,
        -1015 => Class::Proof(Cause::RateLimit),
        -1016 => Class::Later,
        -1021 | -4225 | -5028 => Class::Clock,
        -1002 | -1022 | -2014 | -2015 | -2017 => Class::Auth,
        -1106..=-1100
        | -1108
        | -1121..=-1114
        | -1127
        | -1128
        | -1130
        | -4015
        | -4028
        | -4120
        | -5021
        | -5027..=-5024
        | -5041..=-5037
        | -5043 => Class::Malformed,
        -1125 => Class::ListenKey,
        -2011 | -2013 | -2026 => not_found(words),
        -2018 | -2019 | -4050 | -4051 => Class::Proof(Cause::Balance),
        -4118 => Class::Proof(Cause::ReduceOnly),
        -2023 => Class::Liquidating,
        -2025 | -2024 | -2027 | -2028 | -4045 => Class::Proof(Cause::Limit),
        -1111 | -4005..=-4001 | -4013 | -4014 | -4023 | -4029 | -4030 | -4164 => Class::Proof(Cause::Filter),
        -2020 | -4016 | -4024 | -4131 => Class::Proof(Cause::PriceBand),
        -5022 => Class::Proof(Cause::WouldTake),
        -1122 | -1220 | -4140 | -4141 => Class::Proof(Cause::Halted),
        -4046 | -4059 | -4171 => Class::Unchanged,
        -4047 | -4048 | -4061 | -4062 | -4067 | -4068 | -4109 | -4167 | -4531 => Class::State,
        -4087 | -4088 | -4107..=-4105 | -4189 | -4192 | -4202 | -4402 | -4403 => Class::Restricted,
        // Limits on automated trading and on large positions: they end by themselves.
        -4400 | -4401 => Class::Proof(Cause::Halted),
        // -1000, -1006 and -1007 say that nobody knows. A duplicate id (-4115, -4116) says that the venue has such an
        // order or transfer, perhaps this very one: it must be asked for, never taken for a refusal.
        _ => return None,
    })
}

/// A cancel or a question about an order that is not there, unless the text is about the account.
fn not_found(words: &str) -> Class {
    if words.contains("may not place or cancel") { Class::Restricted } else { Class::NotFound }
}

/// Spot's filters by their names in the text.
fn filter(words: &str) -> Class {
    let named = |names: &[&str]| names.iter().any(|name| words.contains(name));
    Class::Proof(if named(&["PERCENT_PRICE"]) {
        RejectCause::PriceBand
    } else if named(&["MAX_NUM", "MAX_POSITION", "MAX_ASSET", "EXCHANGE_MAX"]) {
        RejectCause::Limit
    } else {
        RejectCause::Filter
    })
}

/// One code for every refusal of spot's matching engine: the documented texts tell them apart. A text that is not
/// documented proves nothing, nor does a duplicate id.
fn by_text(words: &str) -> Option<Class> {
    const TEXTS: &[(&str, Class)] = &[
        ("insufficient balance", Class::Proof(RejectCause::Balance)),
        ("would immediately match and take", Class::Proof(RejectCause::WouldTake)),
        ("Market is closed", Class::Proof(RejectCause::Halted)),
        ("not permitted for this account", Class::Restricted),
        ("restricted for this account", Class::Restricted),
        ("is disabled on this account", Class::Restricted),
        ("may not place or cancel", Class::Restricted),
        ("trading is not enabled", Class::Auth),
        ("Price * QTY is zero", Class::Malformed),
        ("not supported for this symbol", Class::Malformed),
        ("Unsupported order combination", Class::Malformed),
        ("would trigger immediately", Class::Malformed),
    ];
    TEXTS.iter().find(|(text, _)| words.contains(text)).map(|(_, class)| *class)
}

/// The end of a ban: the first number of 13 digits in the text, milliseconds.
fn ban_end(words: &str) -> Option<Until> {
    let (_, rest) = words.split_once("banned until")?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().and_then(wall_time).map(Until::At)
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
