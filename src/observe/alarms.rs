//! Alarms for people: repeats are folded, open ones outlive a restart, and a heartbeat tells that silence is health (I19).
//!
//! An alarm of a state that the session knows lasts as long as the state does, and is told again, ever more gently, until
//! then; one of an event is over when it was not raised for two windows. Which is which, and whether it is still so, says who
//! calls ([`Still`]).
//!
//! Pure: time comes with each call and what is to be told comes back. It sends nothing, sleeps nowhere and does not know who
//! listens; `sinks.rs` does. Its whole memory is [`Memory`], which the owner stores. Tests: `alarms_tests.rs`.

use super::words::{About, kind_of, page, sentence, typed, word};
use crate::domain::{Amount, PairId, Span, WallTime};
use crate::port::command::{Alarm, AlarmKind, Severity};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most alarms remembered; there are fewer kinds times pairs than this, so a full memory is a mistake and says so.
const MOST: usize = 4096;

/// What is told to people, as JSON `carry.alarm/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Always `carry.alarm/1`.
    pub schema: String,
    /// What it is.
    pub what: What,
    /// `paper`, `shadow` or `live`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    /// The session's folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub session: Option<String>,
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
    /// Raised again, so many times, while it was folded; or still so, when it was raised no more.
    Repeated,
    /// Open when the program was started again.
    StillOpen,
    /// Over: what it was about is not so any more, or, of an event, it was not raised again.
    Quiet,
    /// The path to you works.
    Heartbeat,
    /// How the session stands, and what rang since the last one.
    Digest,
}

/// Whether what an alarm was about is still so, as the session knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Still {
    /// It was an event, and only time ends it.
    Event,
    /// It is, or it is not known yet that it is over; what it is about now.
    So(About),
    /// It is over.
    Over,
}

/// Says of an alarm's kind, pair, and names whether it is still so.
pub type Stands<'a> = &'a dyn Fn(AlarmKind, Option<PairId>, &About) -> Still;

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
    /// How often its repeats were told: each time the window doubles.
    #[serde(default)]
    repeats: u32,
    /// Raised since it was last told.
    folded: u64,
    folded_since: WallTime,
    told_at: WallTime,
    /// When it was raised last, or known to be so.
    last: WallTime,
    /// It is of a state that the session knows, not of an event.
    #[serde(default)]
    lasts: bool,
    /// When it was raised first; of an alarm that an older program stored it is not known.
    #[serde(default)]
    began: Option<WallTime>,
    /// The sum at risk that was told last.
    #[serde(default)]
    told_sum: Option<Amount>,
}

/// The words of an alarm that is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Said {
    text: String,
    typed: Option<String>,
    page: Option<String>,
}

impl Said {
    fn of(kind: AlarmKind, about: &About, state: Option<&str>) -> Self {
        let (text, typed) = (sentence(kind, about, state), typed(kind, about, state));
        Self { text, typed: Some(typed), page: Some(page(kind)) }
    }
}

/// All that is remembered; the owner stores it and gives it back at the next start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    open: Vec<Open>,
    beat_at: Option<WallTime>,
    /// Alarms that found the memory full; each was told all the same.
    overflow: u64,
    /// What rang since the last digest.
    #[serde(default)]
    day: Day,
}

/// What rang since the last digest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Day {
    /// Since when; absent before the first alarm or tick.
    since: Option<WallTime>,
    /// How often, by kind.
    rang: BTreeMap<String, u64>,
    /// Messages that were told of it.
    told: u64,
}

/// Folds alarms.
#[derive(Debug, Clone)]
pub struct Alarms {
    fold: Span,
    heartbeat: Option<Span>,
    /// Time of the UTC day of the digest.
    digest: Option<Span>,
    memory: Memory,
    /// So many of the first were open at the start and are told once.
    to_retell: usize,
    /// `paper`, `shadow` or `live`.
    mode: Option<&'static str>,
    /// The session's folder, for what to type.
    state: Option<String>,
}

impl Alarms {
    /// With the memory of the last run, or an empty one. `fold` is the window in which repeats are counted only.
    #[must_use]
    pub const fn new(fold: Span, heartbeat: Option<Span>, memory: Memory) -> Self {
        let to_retell = memory.open.len();
        Self { fold, heartbeat, digest: None, memory, to_retell, mode: None, state: None }
    }

    /// The same with the session's mode, and its folder, which is also in what is to be typed.
    #[must_use]
    pub fn of_session(self, mode: &'static str, dir: &str) -> Self {
        Self { mode: Some(mode), state: Some(dir.to_owned()), ..self }
    }

    /// The same notice with whose it is (fault H13).
    fn ours(&self, notice: Notice) -> Notice {
        Notice { mode: self.mode.map(str::to_owned), session: self.state.clone(), ..notice }
    }

    /// The same with a digest at this time of each UTC day.
    #[must_use]
    pub const fn with_digest(mut self, at: Option<Span>) -> Self {
        self.digest = at;
        self
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
        self.memory.day.since.get_or_insert(now);
        *self.memory.day.rang.entry(kind.clone()).or_default() += 1;
        let about = About { order: alarm.order.map(|id| id.to_string()), ..about.clone() };
        let said = Said::of(alarm.kind, &about, self.state.as_deref());
        let severity = severity(alarm.severity);
        let order = alarm.order.map(|id| id.to_string());
        let same = |open: &Open| open.is_of(&kind, alarm.pair, &about);
        let place = self.memory.open.iter().position(same);
        let known = place.and_then(|place| self.memory.open.get_mut(place));
        if let Some(open) = known {
            // A clock that was set back must not fold for ever.
            let folded = now.since(open.told_at) < open.window(self.fold) && now >= open.told_at;
            let louder = rank(severity) > rank(&open.severity);
            let grown = open.grown(&about);
            open.last = now;
            open.order.clone_from(&order);
            (open.about, open.said) = (about, said);
            if open.folded == 0 {
                open.folded_since = now;
            }
            open.folded += 1;
            if folded && !louder && !grown {
                return None;
            }
            severity.clone_into(&mut open.severity);
            open.repeats = if louder { 0 } else { open.repeats.saturating_add(1) };
            return self.tell(place?, What::Repeated, now);
        }
        let fresh = Open {
            kind,
            pair: alarm.pair,
            pair_name: about.pair.clone(),
            severity: severity.to_owned(),
            order,
            told_sum: about.sum,
            about,
            said,
            repeats: 0,
            folded: 1,
            folded_since: now,
            told_at: now,
            last: now,
            lasts: false,
            began: Some(now),
        };
        if self.memory.open.len() >= MOST {
            self.memory.overflow += 1;
            return Some(self.ours(notice(&fresh, What::Raised, now, self.memory.open.len())));
        }
        self.memory.open.push(fresh);
        let place = self.memory.open.len() - 1;
        self.tell(place, What::Raised, now)
    }

    /// Time passes: summaries of folded alarms, what is still so, ends, what was open before a restart, the heartbeat.
    pub fn tick(&mut self, now: WallTime, stands: Stands<'_>) -> Vec<Notice> {
        let mut out = Vec::new();
        for place in 0..std::mem::take(&mut self.to_retell) {
            out.extend(self.tell(place, What::StillOpen, now));
            // What this start has not seen is over no sooner than it could be seen again.
            if let Some(open) = self.memory.open.get_mut(place) {
                open.last = now;
            }
        }
        for place in 0..self.memory.open.len() {
            out.extend(self.look(place, now, stands));
        }
        let fold = self.fold;
        let quiet = |open: &Open| open.is_over(fold, now);
        let ended: Vec<Open> = self.memory.open.iter().filter(|open| quiet(open)).cloned().collect();
        self.memory.open.retain(|open| !quiet(open));
        out.extend(ended.iter().map(|open| self.ours(notice(open, What::Quiet, now, self.memory.open.len()))));
        self.memory.day.told = self.memory.day.told.saturating_add(count(ended.len()));
        out.extend(self.the_day(now));
        if let Some(every) = self.heartbeat
            && self.memory.beat_at.is_none_or(|at| now.since(at) >= every || now < at)
        {
            self.memory.beat_at = Some(now);
            out.push(self.beat(now));
        }
        out
    }

    /// One that is open: whether it is still so, and whether it is time to tell it again.
    fn look(&mut self, place: usize, now: WallTime, stands: Stands<'_>) -> Option<Notice> {
        let fold = self.fold;
        let open = self.memory.open.get_mut(place)?;
        let kind = kind_of(&open.kind);
        let still = kind.map_or(Still::Event, |kind| stands(kind, open.pair, &open.about));
        let mut grown = false;
        match still {
            Still::Event => open.lasts = false,
            Still::Over => open.lasts = true,
            Still::So(about) => {
                grown = open.grown(&about);
                (open.lasts, open.last) = (true, now);
                open.about = About { order: open.about.order.take(), ..about };
            }
        }
        // Of one that is over its end is told, with what was folded until then.
        let news = open.folded > 0 || (open.lasts && open.last == now);
        let due = now.since(open.told_at) >= open.window(fold) || now < open.told_at;
        if open.is_over(fold, now) || !(grown || (news && due)) {
            return None;
        }
        if let Some(kind) = kind {
            open.said = Said::of(kind, &open.about, self.state.as_deref());
        }
        open.repeats = open.repeats.saturating_add(1);
        self.tell(place, What::Repeated, now)
    }

    fn tell(&mut self, place: usize, what: What, now: WallTime) -> Option<Notice> {
        let total = self.memory.open.len();
        let open = self.memory.open.get_mut(place)?;
        let told = notice(open, what, now, total);
        open.folded = 0;
        open.told_at = now;
        open.told_sum = open.about.sum;
        self.memory.day.told = self.memory.day.told.saturating_add(1);
        Some(self.ours(told))
    }

    /// The digest, when its time of the day has come by since the last one.
    fn the_day(&mut self, now: WallTime) -> Option<Notice> {
        let at = self.digest?;
        let since = *self.memory.day.since.get_or_insert(now);
        let due = (now - at).floor(Span::DAY) + at;
        if since >= due {
            return None;
        }
        let day = std::mem::replace(&mut self.memory.day, Day { since: Some(now), ..Day::default() });
        Some(Notice { what: What::Digest, text: self.digest_text(&day, since), ..self.beat(now) })
    }

    fn digest_text(&self, day: &Day, since: WallTime) -> String {
        let rang: u64 = day.rang.values().sum();
        let kinds: Vec<String> = day.rang.iter().map(|(kind, times)| format!("{kind} {times}")).collect();
        let open: Vec<String> = self.memory.open.iter().map(Open::named).collect();
        let open = if open.is_empty() { "none is open".to_owned() } else { format!("open: {}", open.join(", ")) };
        let since = since.floor(Span::seconds(1));
        if rang == 0 {
            return format!("no alarm rang since {since}; {open}");
        }
        let alarms = if rang == 1 { "1 alarm".to_owned() } else { format!("{rang} alarms") };
        format!("{alarms} rang since {since} ({}), told in {} notices; {open}", kinds.join(", "), day.told)
    }

    fn beat(&self, now: WallTime) -> Notice {
        Notice {
            schema: SCHEMA.to_owned(),
            what: What::Heartbeat,
            mode: self.mode.map(str::to_owned),
            session: self.state.clone(),
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

impl Open {
    /// Whether an alarm is the same again: of this kind, of the same pair, and where it is of none that the session has, of the
    /// same venue and name.
    fn is_of(&self, kind: &str, pair: Option<PairId>, about: &About) -> bool {
        let (mine, other) = ((&self.about.venue, &self.about.pair), (&about.venue, &about.pair));
        self.kind == kind && self.pair == pair && (pair.is_some() || mine == other)
    }

    /// How long repeats of it are folded: twice as long each time that they were told, a day at most, and of a page an hour.
    fn window(&self, fold: Span) -> Span {
        let doubled = fold.0.saturating_mul(1_i64.checked_shl(self.repeats.min(20)).unwrap_or(1));
        let most = if self.severity == severity(Severity::Page) { Span::HOUR } else { Span::DAY };
        Span(doubled.max(fold.0).min(most.0))
    }

    /// Over: an event that was not raised for two windows, or a state that has not been so for one, which keeps what comes and
    /// goes from being told each time.
    fn is_over(&self, fold: Span, now: WallTime) -> bool {
        let windows = if self.lasts { 1 } else { 2 };
        now.since(self.last) >= Span(fold.0.saturating_mul(windows))
    }

    /// Whether half as much again is at risk as was told.
    fn grown(&self, about: &About) -> bool {
        let half_more = |(told, sum): (Amount, Amount)| sum.units() > told.units().saturating_add(told.units() / 2);
        self.told_sum.zip(about.sum).is_some_and(half_more)
    }

    /// A few words for a list.
    fn named(&self) -> String {
        let of =
            self.pair_name.as_ref().or(self.about.venue.as_ref()).map_or_else(String::new, |of| format!(" of {of}"));
        let risk = self.about.at_risk.as_ref().map_or_else(String::new, |risk| format!(" ({risk})"));
        format!("{}{of}{risk}", self.kind)
    }
}

const SCHEMA: &str = "carry.alarm/1";

fn notice(open: &Open, what: What, now: WallTime, total: usize) -> Notice {
    Notice {
        schema: SCHEMA.to_owned(),
        what,
        mode: None,
        session: None,
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
        since_ms: if open.folded == 0 { open.began.unwrap_or(open.folded_since) } else { open.folded_since },
        at_ms: now,
        open: count(total),
    }
}

/// The sentence, with why it is told again.
fn text(open: &Open, what: What) -> String {
    let said = if open.said.text.is_empty() { &open.kind } else { &open.said.text };
    match what {
        What::Raised | What::Heartbeat | What::Digest => said.clone(),
        What::Repeated if open.folded == 0 => format!("still so: {said}"),
        What::Repeated => format!("{} times more: {said}", open.folded),
        What::StillOpen => format!("still open from before the restart: {said}"),
        What::Quiet if open.lasts => format!("over, it is not so any more: {said}"),
        What::Quiet if open.folded > 0 => format!("not raised any more, after {} times: {said}", open.folded),
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
#[path = "alarms_tests.rs"]
mod tests;
