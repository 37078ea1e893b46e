//! Alarms for people: repeats are folded, open ones outlive a restart, and a heartbeat tells that silence is health (I19).
//!
//! Pure: time comes with each call and what is to be told comes back. It sends nothing, sleeps nowhere and does not know who
//! listens; `sinks.rs` does. Its whole memory is [`Memory`], which the owner stores. Tests: at the end of this file.

use super::words::{About, page, sentence, typed, word};
use crate::domain::{PairId, Span, WallTime};
use crate::port::command::{Alarm, Severity};
use serde::{Deserialize, Serialize};

/// Most alarms remembered; there are fewer kinds times pairs than this, so a full memory is a mistake and says so.
const MOST: usize = 4096;

/// What is told to people, as JSON `carry.alarm/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Always `carry.alarm/1`.
    pub schema: String,
    /// What it is.
    pub what: What,
    /// The alarm's kind; absent in a heartbeat.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<String>,
    /// `notice`, `warning` or `page`.
    pub severity: String,
    /// Name of the pair, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pair: Option<String>,
    /// Our id of the order, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub order: Option<String>,
    /// Name of the venue, when it is about one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub venue: Option<String>,
    /// Money at risk, when it was raised last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub at_risk: Option<String>,
    /// One sentence with all of it, what was done and what to type.
    #[serde(default)]
    pub text: String,
    /// What to type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub typed: Option<String>,
    /// Its page in `deploy/runbook`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub runbook: Option<String>,
    /// How often it was raised since it was last told.
    pub count: u64,
    /// When it was raised first since it was last told.
    pub since_ms: WallTime,
    /// When this was written.
    pub at_ms: WallTime,
    /// Alarms that are open now.
    pub open: u64,
}

/// What a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Raised now.
    Raised,
    /// Raised again, so many times, while it was folded.
    Repeated,
    /// Open when the program was started again.
    StillOpen,
    /// Not raised for a whole window.
    Quiet,
    /// The path to you works.
    Heartbeat,
}

/// One alarm that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Open {
    kind: String,
    pair: Option<PairId>,
    pair_name: Option<String>,
    severity: String,
    /// Order of the latest.
    order: Option<String>,
    /// What the latest was about; of an alarm that an older program stored, its pair alone.
    #[serde(default)]
    about: About,
    /// What to say of it; of an alarm that an older program stored, nothing.
    #[serde(default)]
    said: Said,
    /// Raised since it was last told.
    folded: u64,
    folded_since: WallTime,
    told_at: WallTime,
    last: WallTime,
}

/// The words of an alarm that is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Said {
    text: String,
    typed: Option<String>,
    page: Option<String>,
}

/// All that is remembered; the owner stores it and gives it back at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    open: Vec<Open>,
    beat_at: Option<WallTime>,
    /// Alarms that found the memory full; each was told all the same.
    overflow: u64,
}

/// Folds alarms.
#[derive(Debug, Clone)]
pub struct Alarms {
    fold: Span,
    heartbeat: Option<Span>,
    memory: Memory,
    /// So many of the first were open at the start and are told once.
    to_retell: usize,
    /// The session's folder, for what to type.
    state: Option<String>,
}

impl Alarms {
    /// With the memory of the last run, or an empty one. `fold` is the window in which repeats are counted only.
    #[must_use]
    pub const fn new(fold: Span, heartbeat: Option<Span>, memory: Memory) -> Self {
        let to_retell = memory.open.len();
        Self { fold, heartbeat, memory, to_retell, state: None }
    }

    /// The same with the session's folder in what is to be typed.
    #[must_use]
    pub fn of_session(self, dir: &str) -> Self {
        Self { state: Some(dir.to_owned()), ..self }
    }

    /// What to store: after each call that gave notices is often enough.
    #[must_use]
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Alarms that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.memory.open.len()
    }

    /// An alarm of the core and what it is about. Gives what to tell now, if anything.
    pub fn raise(&mut self, alarm: &Alarm, about: &About, now: WallTime) -> Option<Notice> {
        let kind = word(alarm.kind);
        let about = About { order: alarm.order.map(|id| id.to_string()), ..about.clone() };
        let state = self.state.as_deref();
        let said = Said {
            text: sentence(alarm.kind, &about, state),
            typed: Some(typed(alarm.kind, &about, state)),
            page: Some(page(alarm.kind)),
        };
        let severity = severity(alarm.severity);
        let order = alarm.order.map(|id| id.to_string());
        let known = self.memory.open.iter_mut().find(|open| open.kind == kind && open.pair == alarm.pair);
        if let Some(open) = known {
            // A clock that was set back must not fold for ever.
            let folded = now.since(open.told_at) < self.fold && now >= open.told_at;
            let louder = rank(severity) > rank(&open.severity);
            open.last = now;
            open.order.clone_from(&order);
            (open.about, open.said) = (about, said);
            if open.folded == 0 {
                open.folded_since = now;
            }
            open.folded += 1;
            if folded && !louder {
                return None;
            }
            severity.clone_into(&mut open.severity);
            let place = self.memory.open.iter().position(|open| open.kind == kind && open.pair == alarm.pair)?;
            return self.tell(place, What::Repeated, now);
        }
        let fresh = Open {
            kind,
            pair: alarm.pair,
            pair_name: about.pair.clone(),
            severity: severity.to_owned(),
            order,
            about,
            said,
            folded: 1,
            folded_since: now,
            told_at: now,
            last: now,
        };
        if self.memory.open.len() >= MOST {
            self.memory.overflow += 1;
            return Some(notice(&fresh, What::Raised, now, self.memory.open.len()));
        }
        self.memory.open.push(fresh);
        let place = self.memory.open.len() - 1;
        self.tell(place, What::Raised, now)
    }

    /// Time passes: summaries of folded alarms, ends of quiet ones, what was open before a restart, the heartbeat.
    pub fn tick(&mut self, now: WallTime) -> Vec<Notice> {
        let mut out = Vec::new();
        for place in 0..std::mem::take(&mut self.to_retell) {
            out.extend(self.tell(place, What::StillOpen, now));
        }
        for place in 0..self.memory.open.len() {
            let due =
                self.memory.open.get(place).is_some_and(|open| {
                    open.folded > 0 && (now.since(open.told_at) >= self.fold || now < open.told_at)
                });
            if due {
                out.extend(self.tell(place, What::Repeated, now));
            }
        }
        let quiet = |open: &Open| open.folded == 0 && now.since(open.last) >= Span(self.fold.0.saturating_mul(2));
        let ended: Vec<Open> = self.memory.open.iter().filter(|open| quiet(open)).cloned().collect();
        self.memory.open.retain(|open| !quiet(open));
        out.extend(ended.iter().map(|open| notice(open, What::Quiet, now, self.memory.open.len())));
        if let Some(every) = self.heartbeat
            && self.memory.beat_at.is_none_or(|at| now.since(at) >= every || now < at)
        {
            self.memory.beat_at = Some(now);
            out.push(self.beat(now));
        }
        out
    }

    fn tell(&mut self, place: usize, what: What, now: WallTime) -> Option<Notice> {
        let total = self.memory.open.len();
        let open = self.memory.open.get_mut(place)?;
        let told = notice(open, what, now, total);
        open.folded = 0;
        open.told_at = now;
        Some(told)
    }

    fn beat(&self, now: WallTime) -> Notice {
        Notice {
            schema: SCHEMA.to_owned(),
            what: What::Heartbeat,
            kind: None,
            severity: severity(Severity::Notice).to_owned(),
            pair: None,
            order: None,
            venue: None,
            at_risk: None,
            text: format!("the way to you works; {} alarms are open", self.memory.open.len()),
            typed: None,
            runbook: None,
            count: 1,
            since_ms: now,
            at_ms: now,
            open: count(self.memory.open.len()),
        }
    }
}

const SCHEMA: &str = "carry.alarm/1";

fn notice(open: &Open, what: What, now: WallTime, total: usize) -> Notice {
    Notice {
        schema: SCHEMA.to_owned(),
        what,
        kind: Some(open.kind.clone()),
        severity: open.severity.clone(),
        pair: open.pair_name.clone(),
        order: open.order.clone(),
        venue: open.about.venue.clone(),
        at_risk: open.about.at_risk.clone(),
        text: text(open, what),
        typed: open.said.typed.clone(),
        runbook: open.said.page.clone(),
        count: open.folded,
        since_ms: open.folded_since,
        at_ms: now,
        open: count(total),
    }
}

/// The sentence, with why it is told again.
fn text(open: &Open, what: What) -> String {
    let said = if open.said.text.is_empty() { &open.kind } else { &open.said.text };
    match what {
        What::Raised | What::Heartbeat => said.clone(),
        What::Repeated => format!("{} times more: {said}", open.folded),
        What::StillOpen => format!("still open from before the restart: {said}"),
        What::Quiet => format!("not raised any more: {said}"),
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "notice",
        Severity::Warning => "warning",
        Severity::Page => "page",
    }
}

fn rank(severity: &str) -> u8 {
    match severity {
        "page" => 2,
        "warning" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::command::AlarmKind;

    const FOLD: Span = Span(60_000);

    fn alarm(kind: AlarmKind, severity: Severity, pair: u16) -> Alarm {
        Alarm { kind, severity, pair: Some(PairId(pair)), order: None }
    }

    fn btc() -> About {
        About { pair: Some("alpha:BTCUSDT".to_owned()), ..About::default() }
    }

    fn at(seconds: i64) -> WallTime {
        WallTime(seconds * 1_000)
    }

    fn fresh(heartbeat: Option<Span>) -> Alarms {
        Alarms::new(FOLD, heartbeat, Memory::default())
    }

    #[test]
    fn repeats_are_told_once_and_summed_up() {
        let mut alarms = fresh(None);
        let stale = alarm(AlarmKind::Stale, Severity::Warning, 1);
        let first = alarms.raise(&stale, &btc(), at(0)).unwrap();
        assert_eq!((first.what, first.count, first.kind.as_deref()), (What::Raised, 1, Some("stale")));
        for second in 1..10 {
            assert_eq!(alarms.raise(&stale, &About::default(), at(second)), None);
        }
        assert!(
            alarms.raise(&alarm(AlarmKind::Stale, Severity::Warning, 2), &About::default(), at(3)).is_some(),
            "another pair"
        );
        assert!(
            alarms.raise(&alarm(AlarmKind::Depeg, Severity::Warning, 1), &About::default(), at(3)).is_some(),
            "another kind"
        );
        assert_eq!(alarms.tick(at(59)), []);
        let sum = alarms.tick(at(60));
        assert_eq!(sum.len(), 1);
        assert_eq!((sum[0].what, sum[0].count, sum[0].since_ms), (What::Repeated, 9, at(1)));
        assert_eq!(alarms.tick(at(61)), [], "told once");
    }

    #[test]
    fn a_worse_one_is_never_folded() {
        let mut alarms = fresh(None);
        assert!(alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Warning, 1), &About::default(), at(0)).is_some());
        let worse = alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Page, 1), &About::default(), at(1)).unwrap();
        assert_eq!((worse.what, worse.severity.as_str()), (What::Repeated, "page"));
        assert_eq!(alarms.raise(&alarm(AlarmKind::MarginLow, Severity::Page, 1), &About::default(), at(2)), None);
    }

    #[test]
    fn open_alarms_outlive_a_restart_and_end_when_quiet() {
        let mut alarms = fresh(None);
        alarms.raise(&alarm(AlarmKind::OrderUnknown, Severity::Page, 1), &btc(), at(0));
        let stored = serde_json::to_string(alarms.memory()).unwrap();
        let mut again = Alarms::new(FOLD, None, serde_json::from_str(&stored).unwrap());
        let told = again.tick(at(30));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].what, told[0].pair.as_deref()), (What::StillOpen, Some("alpha:BTCUSDT")));
        assert_eq!(
            again.raise(&alarm(AlarmKind::OrderUnknown, Severity::Page, 1), &About::default(), at(40)),
            None,
            "still folded"
        );
        assert_eq!(again.tick(at(100)).len(), 1);
        let ended = again.tick(at(160));
        assert_eq!((ended[0].what, ended[0].open, again.open()), (What::Quiet, 0, 0));
    }

    #[test]
    fn a_heartbeat_comes_at_once_and_then_in_its_time() {
        let mut alarms = fresh(Some(Span::HOUR));
        let beats = |notices: Vec<Notice>| notices.iter().filter(|one| one.what == What::Heartbeat).count();
        assert_eq!(beats(alarms.tick(at(0))), 1);
        assert_eq!(beats(alarms.tick(at(3_599))), 0);
        assert_eq!(beats(alarms.tick(at(3_600))), 1);
        assert_eq!(beats(alarms.tick(at(10))), 1, "a clock set back does not silence it");
    }

    #[test]
    fn a_clock_set_back_does_not_fold_for_ever() {
        let mut alarms = fresh(None);
        let stale = alarm(AlarmKind::Stale, Severity::Warning, 1);
        assert!(alarms.raise(&stale, &About::default(), at(10_000)).is_some());
        assert!(alarms.raise(&stale, &About::default(), at(10)).is_some());
    }
}
