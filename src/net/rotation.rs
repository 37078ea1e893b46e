//! The life of one lasting connection: open, lost and tried again, and changed before the venue ends it. Pure.
//!
//! A venue ends connections after 24 hours or announces it (`serverShutdown`). The new one is opened first; while both
//! stand the receiver sees messages twice and drops the doubles; then the old one is closed (fault D10). Connections of
//! one venue change at different times. Each attempt is one of the venue's shared [`Attempts`].
//! Generations count connections, so that what comes late from an old one is known for what it is.
//! Tests stand at the end.

use super::backoff::{Attempts, Backoff};
use super::clock::nanos;
use std::time::Duration;

/// When a connection is changed.
#[derive(Debug, Clone, Copy)]
pub struct RotationSettings {
    /// Age at which a connection is changed; below the venue's 24 hours by a good margin.
    pub age: Duration,
    /// Each connection changes this much earlier than the one before it.
    pub stagger: Duration,
    /// How long both stand.
    pub overlap: Duration,
}

impl Default for RotationSettings {
    fn default() -> Self {
        Self { age: Duration::from_hours(23), stagger: Duration::from_mins(7), overlap: Duration::from_secs(10) }
    }
}

/// The number of a connection, rising from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Open this one.
    Open(Generation),
    /// Close this one.
    Close(Generation),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// Time passed.
    Tick,
    /// It is open.
    Opened(Generation),
    /// It could not be opened, or it ended.
    Ended(Generation),
    /// The venue said that it will end it.
    ShutdownSaid(Generation),
}

#[derive(Debug, Clone, Copy)]
struct Standing {
    generation: Generation,
    since_ns: u64,
}

/// One lasting connection.
#[derive(Debug, Clone)]
pub struct Link {
    settings: RotationSettings,
    backoff: Backoff,
    age_ns: u64,
    next: u64,
    standing: Option<Standing>,
    /// Replaced by the one that stands; closed at this time.
    leaving: Option<(Generation, u64)>,
    /// Being opened.
    opening: Option<Generation>,
    /// The next attempt is not before this, when one is wanted.
    open_at_ns: Option<u64>,
}

impl Link {
    /// Nothing open; the first attempt may be made at once. `place` is the connection's place among those of its venue.
    #[must_use]
    pub fn new(settings: RotationSettings, backoff: Backoff, place: u32) -> Self {
        let earlier = settings.stagger.checked_mul(place).unwrap_or(settings.age).min(settings.age / 2);
        let age_ns = nanos(settings.age.saturating_sub(earlier));
        Self { settings, backoff, age_ns, next: 1, standing: None, leaving: None, opening: None, open_at_ns: Some(0) }
    }

    /// The connection whose messages count for being connected.
    #[must_use]
    pub fn standing(&self) -> Option<Generation> {
        self.standing.map(|standing| standing.generation)
    }

    /// Takes what happened and says what to do: at most one to close and one to open.
    pub fn step(&mut self, happened: Happened, now_ns: u64, attempts: &mut Attempts) -> Vec<Act> {
        let mut acts = Vec::new();
        match happened {
            Happened::Tick => {}
            Happened::Opened(generation) => self.opened(generation, now_ns, &mut acts),
            Happened::Ended(generation) => self.ended(generation, now_ns),
            Happened::ShutdownSaid(generation) => {
                if self.standing() == Some(generation) {
                    self.want(now_ns);
                }
            }
        }
        if let Some((old, _)) = self.leaving.filter(|(_, at)| *at <= now_ns) {
            self.leaving = None;
            acts.push(Act::Close(old));
        }
        if self.standing.is_some_and(|standing| standing.since_ns.saturating_add(self.age_ns) <= now_ns) {
            self.want(now_ns);
        }
        if self.opening.is_none() && self.open_at_ns.is_some_and(|at| at <= now_ns) && attempts.take(now_ns) {
            let generation = Generation(self.next);
            self.next = self.next.saturating_add(1);
            self.opening = Some(generation);
            self.open_at_ns = None;
            acts.push(Act::Open(generation));
        }
        acts
    }

    /// When to step again though nothing happened; nothing while only the network can change something.
    #[must_use]
    pub fn wake_at_ns(&self, attempts: &Attempts) -> Option<u64> {
        let open = self.open_at_ns.filter(|_| self.opening.is_none()).map(|at| attempts.earliest(at));
        let close = self.leaving.map(|(_, at)| at);
        let change = self
            .standing
            .filter(|_| self.opening.is_none() && self.open_at_ns.is_none())
            .map(|standing| standing.since_ns.saturating_add(self.age_ns));
        [open, close, change].into_iter().flatten().min()
    }

    fn want(&mut self, now_ns: u64) {
        if self.opening.is_none() && self.open_at_ns.is_none() {
            self.open_at_ns = Some(now_ns);
        }
    }

    fn opened(&mut self, generation: Generation, now_ns: u64, acts: &mut Vec<Act>) {
        if self.opening != Some(generation) {
            // Given up before it opened.
            acts.push(Act::Close(generation));
            return;
        }
        self.opening = None;
        if let Some((oldest, _)) = self.leaving.take() {
            acts.push(Act::Close(oldest));
        }
        self.leaving = self.standing.map(|old| (old.generation, now_ns.saturating_add(nanos(self.settings.overlap))));
        self.standing = Some(Standing { generation, since_ns: now_ns });
    }

    fn ended(&mut self, generation: Generation, now_ns: u64) {
        if self.opening == Some(generation) {
            self.opening = None;
            let delay = self.backoff.failed();
            self.open_at_ns = Some(now_ns.saturating_add(nanos(delay)));
        } else if let Some(standing) = self.standing.filter(|standing| standing.generation == generation) {
            self.standing = None;
            let stood = Duration::from_nanos(now_ns.saturating_sub(standing.since_ns));
            // One that is on its way already stands in for it.
            if self.opening.is_none() {
                let delay = self.backoff.ended(stood);
                self.open_at_ns = Some(now_ns.saturating_add(nanos(delay)));
            }
        } else if self.leaving.is_some_and(|(old, _)| old == generation) {
            self.leaving = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::backoff::BackoffSettings;
    use super::*;

    const SECOND: u64 = 1_000_000_000;
    const HOUR: u64 = 3600 * SECOND;

    fn link(place: u32) -> (Link, Attempts) {
        let backoff = Backoff::new(BackoffSettings::default(), 1);
        (Link::new(RotationSettings::default(), backoff, place), Attempts::new(20, Duration::from_mins(5)))
    }

    fn one(generation: u64) -> Generation {
        Generation(generation)
    }

    #[test]
    fn d10_the_new_one_opens_first_and_the_old_one_closes_after_the_overlap() {
        let (mut link, mut attempts) = link(0);
        assert_eq!(link.step(Happened::Tick, 0, &mut attempts), [Act::Open(one(1))]);
        assert_eq!(link.step(Happened::Tick, 0, &mut attempts), [], "one attempt at a time");
        assert_eq!(link.step(Happened::Opened(one(1)), SECOND, &mut attempts), []);
        let change = link.wake_at_ns(&attempts).unwrap();
        assert_eq!(change, SECOND + 23 * HOUR);
        assert_eq!(link.step(Happened::Tick, change - 1, &mut attempts), []);
        assert_eq!(link.step(Happened::Tick, change, &mut attempts), [Act::Open(one(2))]);
        assert_eq!(link.standing(), Some(one(1)), "the old one still counts");
        assert_eq!(link.step(Happened::Opened(one(2)), change + SECOND, &mut attempts), []);
        let close = link.wake_at_ns(&attempts).unwrap();
        assert_eq!(close, change + 11 * SECOND);
        assert_eq!(link.step(Happened::Tick, close, &mut attempts), [Act::Close(one(1))]);
        assert_eq!(link.step(Happened::Ended(one(1)), close, &mut attempts), []);
        assert_eq!(link.standing(), Some(one(2)));
    }

    #[test]
    fn d10_an_announced_end_is_a_change_at_once() {
        let (mut link, mut attempts) = link(0);
        link.step(Happened::Tick, 0, &mut attempts);
        link.step(Happened::Opened(one(1)), 0, &mut attempts);
        assert_eq!(link.step(Happened::ShutdownSaid(one(1)), SECOND, &mut attempts), [Act::Open(one(2))]);
        assert_eq!(link.step(Happened::ShutdownSaid(one(1)), SECOND, &mut attempts), [], "said twice");
        // It ends before the new one is open: that one is on its way already.
        assert_eq!(link.step(Happened::Ended(one(1)), 2 * SECOND, &mut attempts), []);
        assert_eq!((link.standing(), link.wake_at_ns(&attempts)), (None, None));
        assert_eq!(link.step(Happened::Opened(one(2)), 3 * SECOND, &mut attempts), []);
        assert_eq!(link.standing(), Some(one(2)));
    }

    #[test]
    fn a_change_that_fails_leaves_the_old_one_and_is_tried_again() {
        let (mut link, mut attempts) = link(0);
        link.step(Happened::Tick, 0, &mut attempts);
        link.step(Happened::Opened(one(1)), 0, &mut attempts);
        link.step(Happened::Tick, 23 * HOUR, &mut attempts);
        assert_eq!(link.step(Happened::Ended(one(2)), 23 * HOUR, &mut attempts), []);
        assert_eq!(link.standing(), Some(one(1)));
        let again = link.wake_at_ns(&attempts).unwrap();
        assert!(again > 23 * HOUR && again <= 23 * HOUR + SECOND / 2);
        assert_eq!(link.step(Happened::Tick, again, &mut attempts), [Act::Open(one(3))]);
    }

    #[test]
    fn d09_connections_change_apart_and_losses_share_the_attempts() {
        let ages: Vec<_> = (0..5).map(|place| link(place).0.age_ns).collect();
        assert!(ages.windows(2).all(|pair| pair[0] - pair[1] == 7 * 60 * SECOND), "{ages:?}");
        assert!(link(u32::MAX).0.age_ns >= 11 * HOUR);
        let ((mut first, _), (mut other, _)) = (link(0), link(1));
        let mut attempts = Attempts::new(2, Duration::from_mins(5));
        let mut now = 0;
        assert_eq!(first.step(Happened::Tick, now, &mut attempts), [Act::Open(one(1))]);
        assert_eq!(other.step(Happened::Tick, now, &mut attempts), [Act::Open(one(1))]);
        first.step(Happened::Ended(one(1)), now, &mut attempts);
        now = first.wake_at_ns(&attempts).unwrap();
        assert_eq!(now, 300 * SECOND, "both are spent: not before the window has passed");
        assert_eq!(first.step(Happened::Tick, now - 1, &mut attempts), []);
        assert_eq!(first.step(Happened::Tick, now, &mut attempts), [Act::Open(one(2))]);
    }
}
