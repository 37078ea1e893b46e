//! The latest alarms of a session in order of time: cause and effect, what was done, what to type. Bounded; the oldest go.
//!
//! It tells nobody: that is `observe`. Tests: at the end, and `tests/commands/page.rs`.

use crate::domain::WallTime;
use crate::observe::words::{self, About};
use crate::port::command::{Alarm, Severity};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Alarms that are kept.
const MOST: usize = 100;

/// What a person reads of one alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// When it was raised last, by the session's clock.
    pub at_ms: WallTime,
    /// `page`, `notify` or `log`.
    pub level: String,
    /// The word of its kind.
    pub kind: String,
    /// Pair or venue that it is about, when it is about one.
    pub of: Option<String>,
    /// Cause and effect, with the money at risk where there is some.
    pub text: String,
    /// What was done.
    pub done: String,
    /// What to type.
    #[serde(rename = "type")]
    pub typed: String,
    /// How often in a row.
    pub count: u64,
    /// How many alarms the process had raised by then; absent in what an older program said.
    #[serde(default)]
    pub number: u64,
}

/// One alarm as it was raised.
#[derive(Debug, Clone)]
struct Row {
    at: WallTime,
    alarm: Alarm,
    about: About,
    count: u64,
    number: u64,
}

/// The latest alarms.
#[derive(Debug, Clone, Default)]
pub struct Recent {
    rows: VecDeque<Row>,
    raised: u64,
}

impl Recent {
    /// Takes one. The same alarm again, with nothing between, is counted.
    pub fn take(&mut self, at: WallTime, alarm: &Alarm, about: About) {
        self.raised = self.raised.saturating_add(1);
        if let Some(last) = self.rows.back_mut()
            && (last.alarm.kind, last.alarm.pair, last.alarm.severity) == (alarm.kind, alarm.pair, alarm.severity)
            && last.about.pair == about.pair
        {
            last.at = at;
            last.about = about;
            last.count += 1;
            last.number = self.raised;
            return;
        }
        if self.rows.len() >= MOST {
            self.rows.pop_front();
        }
        self.rows.push_back(Row { at, alarm: alarm.clone(), about, count: 1, number: self.raised });
    }
}

/// The rows for people, the newest first.
#[must_use]
pub fn rows(recent: Option<&Recent>) -> Vec<Event> {
    recent.into_iter().flat_map(|recent| recent.rows.iter().rev()).map(row).collect()
}

fn row(row: &Row) -> Event {
    let (kind, about) = (row.alarm.kind, &row.about);
    let (what, done, _) = words::words(kind);
    let risk = about.at_risk.as_ref().map_or_else(String::new, |risk| format!(" ({risk})"));
    Event {
        at_ms: row.at,
        level: level(row.alarm.severity).to_owned(),
        kind: words::word(kind),
        of: about.pair.clone().or_else(|| about.venue.clone()),
        text: format!("{what}{risk}"),
        done: done.to_owned(),
        typed: words::typed(kind, about, None),
        count: row.count,
        number: row.number,
    }
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Page => "page",
        Severity::Warning => "notify",
        Severity::Notice => "log",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::command::AlarmKind;

    #[test]
    fn the_same_alarm_again_is_counted_and_the_oldest_go() {
        let alarm = |kind| Alarm { kind, severity: Severity::Page, pair: None, venue: None, order: None };
        let mut recent = Recent::default();
        for at in 0..3 {
            recent.take(WallTime(at), &alarm(AlarmKind::PairNaked), About::default());
        }
        let shown = rows(Some(&recent));
        assert_eq!((shown.len(), shown[0].count, shown[0].at_ms, shown[0].number), (1, 3, WallTime(2), 3));
        assert!(shown[0].level == "page" && !shown[0].text.is_empty() && shown[0].typed.starts_with("carry "));
        for at in 0..300 {
            let kind = if at % 2 == 0 { AlarmKind::Paused } else { AlarmKind::Halted };
            recent.take(WallTime(at), &alarm(kind), About::default());
        }
        assert_eq!((rows(Some(&recent)).len(), rows(None).len()), (MOST, 0));
    }

    #[test]
    fn notes_of_two_pairs_that_have_no_number_are_two() {
        let note =
            Alarm { kind: AlarmKind::PairAdmitted, severity: Severity::Notice, pair: None, venue: None, order: None };
        let mut recent = Recent::default();
        for name in ["binance:XUSDT", "binance:YUSDT"] {
            recent.take(WallTime(1), &note, About { pair: Some(name.to_owned()), ..About::default() });
        }
        let shown = rows(Some(&recent));
        let of: Vec<Option<&str>> = shown.iter().map(|row| row.of.as_deref()).collect();
        assert_eq!(of, [Some("binance:YUSDT"), Some("binance:XUSDT")]);
        assert!(shown[0].level == "log" && shown[0].typed.contains("start it again"), "{shown:?}");
    }
}
