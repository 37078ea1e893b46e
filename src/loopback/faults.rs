//! The fault file: which request or stream message goes wrong, and how.
//!
//! Each `[[fault]]` names what it matches and one act; each `[[act]]` is an act of the market (`script.rs`). Strict: an
//! unknown key is an error with its line. Nothing here acts; `venue.rs` and `socket/` do. Tests stand at the end.

use super::script::{Timed, parse_span, timed};
use crate::domain::{Rate, Span, WallTime};
use serde::Deserialize;
use std::fmt;

/// What is wrong in a fault file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Line of the table or of the mistake, from 1.
    pub line: usize,
    /// The key.
    pub key: String,
    /// What was expected.
    pub expected: String,
}

impl FileError {
    pub(crate) fn new(line: usize, key: &str, expected: &str) -> Self {
        Self { line, key: key.to_owned(), expected: expected.trim().to_owned() }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: `{}`: {}", self.line, self.key, self.expected)
    }
}

/// What a request or stream message must be like.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Match {
    /// The path of a request, exactly.
    path: Option<String>,
    /// Its method.
    method: Option<String>,
    /// The symbol of either.
    symbol: Option<String>,
    /// Type of a stream message (`e`), such as `executionReport`.
    event: Option<String>,
    /// Only the n-th match, from 1.
    nth: Option<u32>,
    /// Every n-th match.
    every: Option<u32>,
    /// Only once the venue's time is this far from its start.
    after_ms: Option<i64>,
    /// At most so many times.
    times: Option<u32>,
    /// Only reducing futures orders (`true`) or only others.
    reduce_only: Option<bool>,
}

/// What happens to what matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The answer is late by real milliseconds.
    Delay(u64),
    /// The request is executed late by real milliseconds, and answered then.
    DelayBefore(u64),
    /// The connection closes and nothing is executed.
    DropBefore,
    /// It is executed, and the connection closes.
    DropAfter,
    /// Executed, but answered with this status and body.
    StatusAfter(u16, String),
    /// Not executed, and answered with this status and body.
    Status(u16, String),
    /// Executed, but the answer is this text.
    Body(String),
    /// The answer breaks off in the middle.
    Short,
    /// Refused with this status, code and message.
    Error(u16, i64, String),
    /// Only this share of an order executes; the rest of a taking order expires.
    Partial(Rate),
    /// A taking order finds nothing.
    NoFill,
    /// Stream message sent twice.
    Duplicate,
    /// Stream message sent after the next one.
    Reorder,
    /// Stream message never sent.
    Lose,
    /// The socket closes instead.
    Cut,
}

/// A rule and how often it matched and acted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    when: Match,
    act: Wrong,
    seen: u32,
    done: u32,
}

/// All rules of a file, and its timed acts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    rules: Vec<Rule>,
    /// Acts of the market in order of time.
    pub(crate) acts: Vec<Timed>,
    /// Prices stand still except for the acts.
    pub(crate) calm: bool,
}

/// A request as the rules see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) path: &'a str,
    pub(crate) method: &'a str,
    pub(crate) symbol: Option<&'a str>,
    pub(crate) event: Option<&'a str>,
    pub(crate) reduce_only: bool,
    pub(crate) since_start: Span,
}

impl Script {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`FileError`] names line, key and what was expected.
    pub fn parse(text: &str) -> Result<Self, FileError> {
        let line_of = |span: Option<std::ops::Range<usize>>| {
            span.map_or(1, |span| 1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count())
        };
        let file: File = toml::from_str(text)
            .map_err(|error: toml::de::Error| FileError::new(line_of(error.span()), "file", error.message()))?;
        let mut script = Self { calm: file.calm, ..Self::default() };
        for spanned in file.fault {
            let line = line_of(Some(spanned.span()));
            script.rules.push(rule(spanned.into_inner(), line)?);
        }
        for spanned in file.act {
            let line = line_of(Some(spanned.span()));
            script.acts.push(timed(spanned.into_inner(), line)?);
        }
        script.acts.sort_by_key(|timed| timed.at);
        Ok(script)
    }

    /// Adds the rules and acts of another file.
    pub fn join(&mut self, other: Self) {
        self.rules.extend(other.rules);
        self.acts.extend(other.acts);
        self.acts.sort_by_key(|timed| timed.at);
        self.calm |= other.calm;
    }

    /// What goes wrong with this request or message; the first rule that matches decides.
    pub(crate) fn judge(&mut self, seen: Seen<'_>) -> Option<Wrong> {
        self.rules.iter_mut().find_map(|rule| rule.strikes(seen))
    }
}

/// A fault of one JSON or TOML table, for the control endpoint.
pub(crate) fn rule_of(table: toml::Table, script: &mut Script) -> Result<(), FileError> {
    script.rules.push(rule(table, 1)?);
    Ok(())
}

impl Rule {
    fn strikes(&mut self, seen: Seen<'_>) -> Option<Wrong> {
        let when = &self.when;
        let same = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        let is_event = seen.event.is_some();
        let fits = is_event == self.act.is_of_streams(when.event.is_some())
            && same(&when.path, Some(seen.path))
            && same(&when.method, Some(seen.method))
            && same(&when.symbol, seen.symbol)
            && same(&when.event, seen.event)
            && when.reduce_only.is_none_or(|wanted| wanted == seen.reduce_only)
            && when.after_ms.is_none_or(|after| seen.since_start.0 >= after);
        if !fits {
            return None;
        }
        self.seen += 1;
        let turn = when.nth.is_none_or(|nth| nth == self.seen)
            && when.every.is_none_or(|every| self.seen.is_multiple_of(every.max(1)))
            && when.times.is_none_or(|times| self.done < times);
        if turn {
            self.done += 1;
        }
        turn.then(|| self.act.clone())
    }
}

impl Wrong {
    const fn is_of_streams(&self, names_event: bool) -> bool {
        matches!(self, Self::Duplicate | Self::Reorder | Self::Lose | Self::Cut)
            || names_event && matches!(self, Self::Delay(_))
    }
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    calm: bool,
    #[serde(default)]
    fault: Vec<toml::Spanned<toml::Table>>,
    #[serde(default)]
    act: Vec<toml::Spanned<toml::Table>>,
}

fn rule(mut table: toml::Table, line: usize) -> Result<Rule, FileError> {
    let fail = |key: &str, expected: &str| FileError::new(line, key, expected);
    let when = match table.remove("match") {
        Some(value) => Match::deserialize(value).map_err(|error| fail("match", error.message()))?,
        None => return Err(fail("match", "expected a table, e.g. { path = \"/api/v3/order\" }")),
    };
    // A name for people; not used.
    table.remove("name");
    let mut acts = table.into_iter();
    let (Some((key, value)), None) = (acts.next(), acts.next()) else {
        return Err(fail("fault", "expected exactly one act beside `match` and `name`"));
    };
    let act = wrong(&key, &value).map_err(|expected| fail(&key, expected))?;
    Ok(Rule { when, act, seen: 0, done: 0 })
}

fn wrong(key: &str, value: &toml::Value) -> Result<Wrong, &'static str> {
    let on = || value.as_bool().filter(|on| *on).ok_or("expected true");
    let ms = || {
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let text = value.as_str().and_then(parse_span).and_then(|span| u64::try_from(span.0).ok());
        number.or(text).filter(|ms| *ms <= 600_000).ok_or("expected milliseconds, at most 600000")
    };
    let status = || -> Result<(u16, String), &'static str> {
        let table = value.as_table();
        let code = table.map_or_else(|| value.as_integer(), |table| table.get("status")?.as_integer());
        let code = code.and_then(|code| u16::try_from(code).ok()).filter(|code| (200..600).contains(code));
        let body = table.and_then(|table| table.get("body")?.as_str()).unwrap_or_default();
        Ok((code.ok_or("expected a status or { status = 503, body = \"...\" }")?, body.to_owned()))
    };
    match key {
        "delay_ms" => Ok(Wrong::Delay(ms()?)),
        "delay_before_ms" => Ok(Wrong::DelayBefore(ms()?)),
        "drop_before" => on().map(|_| Wrong::DropBefore),
        "drop_after" => on().map(|_| Wrong::DropAfter),
        "status" => status().map(|(code, body)| Wrong::Status(code, body)),
        "status_after" => status().map(|(code, body)| Wrong::StatusAfter(code, body)),
        "wrong_body" => value.as_str().map(|text| Wrong::Body(text.to_owned())).ok_or("expected a text"),
        "short_body" => on().map(|_| Wrong::Short),
        "error" => {
            let table = value.as_table().ok_or("expected { code, msg, status }")?;
            let code = table.get("code").and_then(toml::Value::as_integer).ok_or("expected `code`, a number")?;
            let msg = table.get("msg").and_then(toml::Value::as_str).unwrap_or("scripted").to_owned();
            let status = table.get("status").and_then(toml::Value::as_integer).unwrap_or(400);
            Ok(Wrong::Error(u16::try_from(status).map_err(|_| "expected a status of 100 to 599")?, code, msg))
        }
        "partial" => {
            let share = value.as_str().and_then(|text| Rate::parse(text).ok());
            let share = share.filter(|share| share.units() > 0 && share.units() < Rate::ONE);
            share.map(Wrong::Partial).ok_or("expected a share in quotes above 0 and below 1, e.g. \"0.4\"")
        }
        "no_fill" => on().map(|_| Wrong::NoFill),
        "duplicate" => on().map(|_| Wrong::Duplicate),
        "reorder" => on().map(|_| Wrong::Reorder),
        "lose_event" => on().map(|_| Wrong::Lose),
        "cut" => on().map(|_| Wrong::Cut),
        _ => {
            Err("is no act; expected one of delay_ms, delay_before_ms, drop_before, drop_after, status, status_after, \
                  wrong_body, short_body, error, partial, no_fill, duplicate, reorder, lose_event, cut")
        }
    }
}

/// Virtual time since the start, for rules.
pub(crate) fn since(now: WallTime, start: WallTime) -> Span {
    now.since(start)
}

#[cfg(test)]
mod tests {
    use super::super::script::Act;
    use super::*;

    fn request(path: &str) -> Seen<'_> {
        Seen { path, method: "POST", symbol: Some("BTCUSDT"), event: None, reduce_only: false, since_start: Span(10) }
    }

    #[test]
    fn a_rule_strikes_on_its_turn_only() {
        let text = "[[fault]]\nmatch = { path = \"/api/v3/order\", nth = 2 }\ndrop_after = true\n";
        let mut script = Script::parse(text).unwrap();
        let mut check = |path, expected| assert_eq!(script.judge(request(path)), expected);
        check("/fapi/v1/order", None);
        check("/api/v3/order", None);
        check("/api/v3/order", Some(Wrong::DropAfter));
        check("/api/v3/order", None);
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let check = |text: &str, expected: &str| {
            let found = Script::parse(text).unwrap_err().to_string();
            assert!(found.contains(expected), "{found}");
        };
        check("\n[[fault]]\nmatch = { pth = \"x\" }\nlose_event = true\n", "line 2: `match`: unknown field `pth`");
        check("[[fault]]\nmatch = {}\nlose = true\n", "line 1: `lose`: is no act");
        check("[[fault]]\nmatch = {}\npartial = \"2\"\n", "`partial`: expected a share");
        check("[[act]]\nat = \"2x\"\nact = \"cut\"\n", "`at`: expected a time");
        check("[[act]]\nact = \"rally\"\nsymbol = \"BTCUSDT\"\nby = \"9\"\n", "`by`: expected");
        check("[[act]]\nact = \"rally\"\nsymbol = \"BTCUSDT\"\nby = \"0.1\"\nx = 1\n", "unknown field `x`");
        check("clam = true\n", "unknown field `clam`");
    }

    #[test]
    fn acts_come_in_order_of_time() {
        let text =
            "calm = true\n[[act]]\nat = \"2h\"\nact = \"cut\"\n[[act]]\nat = \"90s\"\nact = \"ban\"\nfor = \"5m\"\n";
        let script = Script::parse(text).unwrap();
        assert!(script.calm);
        let acts: Vec<_> = script.acts.into_iter().map(|timed| (timed.at.0, timed.act)).collect();
        assert_eq!(acts, vec![(90_000, Act::Ban { lasts: Span(300_000) }), (7_200_000, Act::Cut {})]);
    }
}
