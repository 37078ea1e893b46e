//! The way to real money: hours in the shadow per strategy, and written consent for more than a small amount.
//!
//! Time counts only as a monotonic clock saw it pass, in steps no longer than [`LONGEST_STEP`]: a wall clock that jumps, a
//! machine that sleeps and a process that hangs add nothing. The file is no seal: it keeps a person from going too fast, not
//! from cheating. Tests: at the end of this file.

use crate::config::settings::Live;
use crate::domain::money::grouped;
use crate::domain::{Amount, Asset, Span, WallTime};
use crate::keys::file::{FileError, Guard, read_secret, replace};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Name of the file in the state folder.
pub const FILE: &str = "ladder.json";
/// How often the hours are written while a shadow runs.
pub const WRITE_EVERY: Duration = Duration::from_mins(1);
/// Most time that one step may add: a tick comes every second, and a minute without one was no running.
pub const LONGEST_STEP: Duration = Duration::from_secs(90);
/// Value that needs no consent, in units of the reporting coin; the default of `live.max_notional`.
pub const FREE: Amount = Amount::whole(500);
const SCHEMA: &str = "carry.ladder/1";

/// Why live trading is not allowed yet. Exit code 4.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotYet {
    /// Not long enough in the shadow.
    #[error(
        "this strategy has run {} of {} in the shadow; {} are missing\nrun: carry shadow --state {folder}",
        hours(*have), hours(*need), hours(Span(need.0 - have.0)), folder = folder.display()
    )]
    Hours {
        /// Time in the shadow.
        have: Span,
        /// Time needed.
        need: Span,
        /// The state folder.
        folder: PathBuf,
    },
    /// No consent to so much.
    #[error(
        "live.max_notional is {} and nobody consented to more than {}\nrun: carry live --consent \"{text}\"",
        grouped(*asked, 0), grouped(*allowed, 0)
    )]
    Consent {
        /// What is configured.
        asked: Amount,
        /// What is allowed now.
        allowed: Amount,
        /// The exact words of consent.
        text: String,
    },
    /// Other words.
    #[error("the consent must read exactly: {0}")]
    Words(String),
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum LadderError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// Not what we wrote.
    #[error("{path}: is damaged; remove it to begin the hours anew", path = .0.display())]
    Damaged(PathBuf),
}

/// One consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Up to this much.
    pub amount: Amount,
    /// Of which coin.
    pub currency: Asset,
    /// The words.
    pub text: String,
    /// When they were given.
    pub at_ms: WallTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    schema: String,
    /// Milliseconds in the shadow, by strategy.
    shadow_ms: BTreeMap<String, u64>,
    consents: Vec<Consent>,
}

/// Hours and consents of one state folder.
#[derive(Debug)]
pub struct Ladder {
    folder: PathBuf,
    held: Held,
    last: Option<(String, Duration)>,
    /// What a step left over below a millisecond.
    rest: Duration,
    written: Option<Duration>,
}

impl Ladder {
    /// Reads the file of a state folder; an empty ladder when there is none.
    ///
    /// # Errors
    /// [`LadderError`] when it is damaged or somebody else could have changed it.
    pub fn open(folder: &Path) -> Result<Self, LadderError> {
        let path = folder.join(FILE);
        let held = match read_secret(&path, Guard::Private)? {
            None => Held { schema: SCHEMA.to_owned(), shadow_ms: BTreeMap::new(), consents: Vec::new() },
            Some(bytes) => match serde_json::from_slice::<Held>(&bytes) {
                Ok(held) if held.schema == SCHEMA => held,
                Ok(_) | Err(_) => return Err(LadderError::Damaged(path)),
            },
        };
        Ok(Self { folder: folder.to_owned(), held, last: None, rest: Duration::ZERO, written: None })
    }

    /// The shadow of a strategy runs, at this monotonic time; `strategy` is `config::Loaded::strategy_hash`. Call it each second; it writes once a minute.
    ///
    /// # Errors
    /// [`LadderError`] when the minute is not on disk.
    pub fn tick(&mut self, strategy: &str, now: Duration) -> Result<(), LadderError> {
        if let Some((known, before)) = &self.last
            && known == strategy
        {
            let step = now.saturating_sub(*before);
            if step <= LONGEST_STEP {
                let whole = step + self.rest;
                let ms = u64::try_from(whole.as_millis()).unwrap_or(0);
                self.rest = whole.saturating_sub(Duration::from_millis(ms));
                let known = self.held.shadow_ms.entry(strategy.to_owned()).or_default();
                *known = known.saturating_add(ms);
            }
        }
        self.last = Some((strategy.to_owned(), now));
        let since = *self.written.get_or_insert(now);
        if now.saturating_sub(since) >= WRITE_EVERY {
            self.written = Some(now);
            self.write()?;
        }
        Ok(())
    }

    /// What passes from here on does not count until the next tick: a venue cannot be reached.
    pub fn rest(&mut self) {
        self.last = None;
    }

    /// The shadow stops: the rest of the minute is written.
    ///
    /// # Errors
    /// [`LadderError`] when it is not on disk.
    pub fn stop(&mut self) -> Result<(), LadderError> {
        self.last = None;
        self.write()
    }

    /// Time of a strategy in the shadow.
    #[must_use]
    pub fn shadow(&self, strategy: &str) -> Span {
        let ms = self.held.shadow_ms.get(strategy).copied().unwrap_or_default();
        Span(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// Whether a strategy has been in the shadow long enough.
    ///
    /// # Errors
    /// [`NotYet::Hours`] with what is missing and the command to run.
    pub fn allows(&self, strategy: &str, need: Span) -> Result<(), NotYet> {
        let have = self.shadow(strategy);
        if have >= need { Ok(()) } else { Err(NotYet::Hours { have, need, folder: self.folder.clone() }) }
    }

    /// Whether somebody consented to the configured amount; up to [`FREE`] nobody has to.
    ///
    /// # Errors
    /// [`NotYet::Consent`] with the words that are needed.
    pub fn allows_notional(&self, live: &Live, currency: Asset) -> Result<(), NotYet> {
        let asked = live.max_notional;
        let given = self.held.consents.iter().filter(|consent| consent.currency == currency);
        let allowed = given.map(|consent| consent.amount).max().unwrap_or(FREE).max(FREE);
        if asked <= allowed { Ok(()) } else { Err(NotYet::Consent { asked, allowed, text: words(asked, currency) }) }
    }

    /// Stores a consent to the configured amount, when its words are exactly those that are needed.
    ///
    /// # Errors
    /// [`NotYet::Words`] inside `Ok(Err(..))` for other words; [`LadderError`] when it is not on disk.
    pub fn consent(
        &mut self,
        text: &str,
        (live, currency): (&Live, Asset),
        now: WallTime,
    ) -> Result<Result<(), NotYet>, LadderError> {
        let needed = words(live.max_notional, currency);
        if text != needed {
            return Ok(Err(NotYet::Words(needed)));
        }
        self.held.consents.push(Consent { amount: live.max_notional, currency, text: needed, at_ms: now });
        self.write()?;
        Ok(Ok(()))
    }

    /// Consents, oldest first.
    #[must_use]
    pub fn consents(&self) -> &[Consent] {
        &self.held.consents
    }

    /// What another process of this folder wrote meanwhile stays: hours of a shadow, a consent of a live run.
    fn write(&mut self) -> Result<(), LadderError> {
        let path = self.folder.join(FILE);
        let there = Self::open(&self.folder)?.held;
        for (strategy, ms) in there.shadow_ms {
            let known = self.held.shadow_ms.entry(strategy).or_default();
            *known = ms.max(*known);
        }
        let fresh = there.consents.into_iter().filter(|consent| !self.held.consents.contains(consent));
        let fresh: Vec<Consent> = fresh.collect();
        self.held.consents.extend(fresh);
        let mut text = serde_json::to_vec_pretty(&self.held).map_err(|_| LadderError::Damaged(path.clone()))?;
        text.push(b'\n');
        Ok(replace(&path, &text)?)
    }
}

/// The words of consent: `I accept 25000 usd`.
#[must_use]
pub fn words(amount: Amount, currency: Asset) -> String {
    format!("I accept {amount} {}", currency.as_str().to_lowercase())
}

/// `23 h 59 min`, never rounded up.
fn hours(span: Span) -> String {
    let minutes = span.0.max(0) / 60_000;
    match (minutes / 60, minutes % 60) {
        (hours, 0) => format!("{hours} h"),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRATEGY: &str = "aa11";

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn live(notional: i64) -> Live {
        Live { shadow_hours: Span(Span::DAY.0), max_notional: Amount::whole(notional), start_retry: Span::ZERO }
    }

    fn usd() -> Asset {
        Asset::new("USD").unwrap()
    }

    #[test]
    fn hours_add_up_over_restarts_and_are_of_one_strategy() {
        let folder = tempfile::tempdir().unwrap();
        let mut ladder = Ladder::open(folder.path()).unwrap();
        for second in 0..=3_600 {
            ladder.tick(STRATEGY, at(second)).unwrap();
        }
        assert_eq!(ladder.shadow(STRATEGY), Span::HOUR);
        drop(ladder);
        // A kill loses less than a minute, and the clock of the next process starts anywhere.
        let mut again = Ladder::open(folder.path()).unwrap();
        assert_eq!(again.shadow(STRATEGY), Span::HOUR);
        for second in 50..=110 {
            again.tick(STRATEGY, at(second)).unwrap();
        }
        again.stop().unwrap();
        let read = Ladder::open(folder.path()).unwrap();
        assert_eq!((read.shadow(STRATEGY), read.shadow("bb22")), (Span(3_660_000), Span::ZERO));
        let text = read.allows(STRATEGY, Span(Span::DAY.0)).unwrap_err().to_string();
        assert!(
            text.starts_with("this strategy has run 1 h 1 min of 24 h in the shadow; 22 h 59 min are missing"),
            "{text}"
        );
        assert!(text.contains("run: carry shadow --state"), "{text}");
        assert_eq!(read.allows(STRATEGY, Span::HOUR), Ok(()));
    }

    #[test]
    fn g08_sleep_and_jumps_add_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut ladder = Ladder::open(folder.path()).unwrap();
        for second in [0, 10, 1_000_000, 1_000_010, 5, 15] {
            ladder.tick(STRATEGY, at(second)).unwrap();
        }
        assert_eq!(ladder.shadow(STRATEGY), Span(30_000), "three steps of ten seconds; the jumps count nothing");
        // Another strategy in between is not time of this one.
        for (name, second) in [(STRATEGY, 20), ("bb22", 25), (STRATEGY, 30)] {
            ladder.tick(name, at(second)).unwrap();
        }
        assert_eq!(ladder.shadow(STRATEGY), Span(35_000));
        // Steps shorter than a millisecond are not lost.
        let mut fine = Ladder::open(folder.path()).unwrap();
        for step in 0..=10_000_u64 {
            fine.tick("cc33", Duration::from_micros(step * 100)).unwrap();
        }
        assert_eq!(fine.shadow("cc33"), Span(1_000));
    }

    #[test]
    fn more_than_a_little_needs_the_exact_words() {
        let folder = tempfile::tempdir().unwrap();
        let mut ladder = Ladder::open(folder.path()).unwrap();
        assert_eq!(ladder.allows_notional(&live(500), usd()), Ok(()));
        assert_eq!(crate::config::Settings::default().live.max_notional, FREE);
        let refused = ladder.allows_notional(&live(25_000), usd()).unwrap_err().to_string();
        assert!(
            refused.contains("25,000") && refused.contains("carry live --consent \"I accept 25000 usd\""),
            "{refused}"
        );
        let both = live(25_000);
        for text in ["yes", "I accept 25000 USD", "I accept 2500 usd", " I accept 25000 usd", ""] {
            assert!(ladder.consent(text, (&both, usd()), WallTime(7)).unwrap().is_err(), "{text}");
        }
        assert_eq!(ladder.consent("I accept 25000 usd", (&both, usd()), WallTime(7)).unwrap(), Ok(()));
        let read = Ladder::open(folder.path()).unwrap();
        assert_eq!((read.consents().len(), read.consents()[0].at_ms), (1, WallTime(7)));
        assert_eq!(read.allows_notional(&live(25_000), usd()), Ok(()));
        assert!(read.allows_notional(&live(25_001), usd()).is_err());
        assert!(read.allows_notional(&live(25_000), Asset::new("USDT").unwrap()).is_err(), "another coin");
    }

    #[test]
    fn g21_a_damaged_file_is_an_error_and_never_no_hours() {
        let folder = tempfile::tempdir().unwrap();
        replace(&folder.path().join(FILE), b"{\"schema\":\"carry.lad").unwrap();
        assert!(Ladder::open(folder.path()).unwrap_err().to_string().contains("is damaged"));
    }
}
