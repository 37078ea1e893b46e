//! How far the venue's clock is from ours, from questions for its time. Pure: samples in, an offset with its bound out.
//!
//! `offset = server - (sent + received) / 2`, known to within half the round trip, so the sample with the shortest round
//! trip of the last few is kept. When our own wall clock moved against the steady count between a sample and now (a step,
//! or a sleep that the steady count does not see), the sample says nothing any more (faults G08, G09).
//! Sources: the venue's clock rule, see [`Offset::signing_time`]. Tests stand at the end.

use super::Stamp;
use super::clock::nanos;
use crate::domain::{Span, WallTime};
use std::collections::VecDeque;
use std::time::Duration;

/// What is kept and what is told.
#[derive(Debug, Clone, Copy)]
pub struct OffsetSettings {
    /// Samples of which the best is used; at least one.
    pub keep: usize,
    /// Older samples are forgotten.
    pub longest_age: Duration,
    /// A change of the offset by more than this is told.
    pub told_change: Span,
    /// A round trip of more than this says too little.
    pub longest_trip: Duration,
    /// How far wall clock and steady count may part before samples are void.
    pub parted: Span,
}

impl Default for OffsetSettings {
    fn default() -> Self {
        Self {
            keep: 8,
            longest_age: Duration::from_mins(15),
            told_change: Span(100),
            longest_trip: Duration::from_secs(3),
            parted: Span(50),
        }
    }
}

/// Distance of the clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    /// Venue minus ours.
    pub offset: Span,
    /// The true one is at most so far from it, either way.
    pub error: Span,
}

/// What a sample showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The offset is about what it was, or it is the first one.
    Steady(Offset),
    /// It moved by more than the bound.
    Moved {
        /// Before.
        from: Offset,
        /// Now.
        to: Offset,
    },
    /// Not used: received before it was sent, or too slow.
    Useless,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    offset: Offset,
    trip_ns: u64,
    received: Stamp,
}

/// The last samples of one host.
#[derive(Debug, Clone)]
pub struct ClockOffset {
    settings: OffsetSettings,
    samples: VecDeque<Sample>,
}

/// Most that a stamp is set back: with a larger error it would eat the request's short life.
const MOST_BIAS: Span = Span(500);

impl Offset {
    /// The venue's time to sign at `now`: behind by the error, at most half a second, because the venue takes stamps that
    /// are a whole window late but refuses those more than one second early, whatever the window.
    #[must_use]
    pub fn signing_time(self, now: Stamp) -> WallTime {
        now.wall + self.offset - self.error.min(MOST_BIAS)
    }
}

impl ClockOffset {
    /// Nothing known yet.
    #[must_use]
    pub const fn new(settings: OffsetSettings) -> Self {
        Self { settings, samples: VecDeque::new() }
    }

    /// Takes the answer to one question for the time.
    pub fn sample(&mut self, sent: Stamp, received: Stamp, server: WallTime) -> Seen {
        let trip = received.since(sent);
        let trip_ns = nanos(trip);
        let stepped = self.have_parted(sent, received);
        if trip > self.settings.longest_trip || received.steady_ns < sent.steady_ns || stepped {
            return Seen::Useless;
        }
        let before = self.read(received);
        let trip_ms = i64::try_from(trip.as_millis()).unwrap_or(i64::MAX);
        // Half of the trip, rounded up, and one millisecond for stamps that are cut to milliseconds.
        let error = Span(trip_ms / 2 + 2);
        let midpoint = sent.wall + Span(trip_ms / 2);
        self.samples.push_back(Sample { offset: Offset { offset: server.since(midpoint), error }, trip_ns, received });
        while self.samples.len() > self.settings.keep.max(1) {
            self.samples.pop_front();
        }
        let newest = self.samples.back().map(|sample| sample.offset);
        if let (Some(newest), Some(before)) = (newest, before) {
            let apart = newest.offset.0.saturating_sub(before.offset.0).saturating_abs();
            // They contradict each other: the venue's clock moved, and the older ones are wrong however short their trip.
            if apart > newest.error.0.saturating_add(before.error.0).max(self.settings.told_change.0) {
                let last = self.samples.pop_back();
                self.samples.clear();
                self.samples.extend(last);
                return Seen::Moved { from: before, to: newest };
            }
        }
        self.read(received).map_or(Seen::Useless, Seen::Steady)
    }

    /// The offset at `now`, from the sample with the shortest trip that still holds; nothing when none does.
    #[must_use]
    pub fn read(&self, now: Stamp) -> Option<Offset> {
        let holds = |sample: &&Sample| {
            now.since(sample.received) <= self.settings.longest_age && !self.have_parted(sample.received, now)
        };
        // The youngest of equal ones.
        self.samples.iter().rev().filter(holds).min_by_key(|sample| sample.trip_ns).map(|sample| sample.offset)
    }

    /// Whether wall clock and steady count moved apart between two instants.
    fn have_parted(&self, earlier: Stamp, later: Stamp) -> bool {
        let steady = later.steady_ns.saturating_sub(earlier.steady_ns) / 1_000_000;
        let wall = later.wall.since(earlier.wall).0;
        i64::try_from(steady)
            .map_or(true, |steady| wall.saturating_sub(steady).saturating_abs() > self.settings.parted.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Stamp {
        Stamp { wall: WallTime(1_000_000 + ms), steady_ns: u64::try_from(ms).unwrap() * 1_000_000 }
    }

    fn server(ms: i64) -> WallTime {
        WallTime(1_000_000 + ms)
    }

    #[test]
    fn the_shortest_round_trip_of_the_last_ones_counts() {
        let mut clock = ClockOffset::new(OffsetSettings { keep: 3, ..OffsetSettings::default() });
        assert_eq!(clock.read(at(0)), None);
        clock.sample(at(0), at(200), server(130));
        assert_eq!(clock.read(at(200)).unwrap(), Offset { offset: Span(30), error: Span(102) });
        clock.sample(at(1000), at(1010), server(1055));
        assert_eq!(clock.read(at(1010)).unwrap(), Offset { offset: Span(50), error: Span(7) });
        clock.sample(at(2000), at(2400), server(2210));
        assert_eq!(clock.read(at(2400)).unwrap().offset, Span(50));
        clock.sample(at(3000), at(3400), server(3210));
        clock.sample(at(4000), at(4400), server(4210));
        assert_eq!(
            clock.read(at(4400)).unwrap(),
            Offset { offset: Span(10), error: Span(202) },
            "the good one is gone"
        );
    }

    #[test]
    fn d13_a_signing_time_is_never_early_and_a_moved_clock_is_told() {
        let mut clock = ClockOffset::new(OffsetSettings::default());
        clock.sample(at(0), at(40), server(-480));
        let offset = clock.read(at(40)).unwrap();
        // Whatever part of the trip the answer took, the venue's time at 40 was between -480 and -440.
        assert!(offset.signing_time(at(40)) <= server(-480), "{offset:?}");
        assert!(offset.signing_time(at(40)) >= server(-510), "{offset:?}");
        let seen = clock.sample(at(1000), at(1040), server(1600));
        assert!(
            matches!(seen, Seen::Moved { from, to } if from.offset == Span(-500) && to.offset == Span(580)),
            "{seen:?}"
        );
        assert_eq!(clock.read(at(1040)).unwrap().offset, Span(580));
        assert!(matches!(clock.sample(at(2000), at(2040), server(2601)), Seen::Steady(_)));
    }

    #[test]
    fn g08_g09_a_step_or_a_sleep_voids_what_was_measured() {
        let mut clock = ClockOffset::new(OffsetSettings::default());
        clock.sample(at(0), at(10), server(5));
        assert!(clock.read(at(60_000)).is_some());
        let stepped = Stamp { wall: at(60_000).wall + Span::HOUR, ..at(60_000) };
        assert_eq!(clock.read(stepped), None);
        assert_eq!(clock.read(at(16 * 60_000)), None, "too old");
        assert_eq!(clock.sample(at(10), stepped, server(5)), Seen::Useless);
        assert_eq!(clock.sample(at(0), at(5_000), server(5)), Seen::Useless);
        assert_eq!(clock.sample(at(10), at(0), server(5)), Seen::Useless);
    }
}
