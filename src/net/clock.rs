//! The time as the transport sees it: functions that the driver passes in, so that nothing here reads a clock itself.
//!
//! Wall time is for stamps and signatures, the steady count for everything that has a length (I12). Tests pass functions
//! that read a number they set.

use crate::domain::{Span, WallTime};
use std::time::Duration;

/// Where the time comes from.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// UTC now.
    pub wall: fn() -> WallTime,
    /// Nanoseconds since some fixed instant of this process; never falls.
    pub steady_ns: fn() -> u64,
    /// Longest sleep between two looks at it: a clock may run faster than the timers of the machine, and those do not count the
    /// time of a suspended machine.
    pub look: Duration,
    /// The venue's time as it was measured now, and how far it may be off: a run's wall time begins there and is corrected by it.
    pub anchor: fn(WallTime, Span),
    /// The machine's own wall clock, which a hand or a daemon may set at any moment. For comparison alone.
    pub machine: fn() -> WallTime,
}

/// One instant on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// UTC.
    pub wall: WallTime,
    /// Nanoseconds of the steady count.
    pub steady_ns: u64,
}

impl Clock {
    /// Both clocks, one after the other.
    #[must_use]
    pub fn now(self) -> Stamp {
        Stamp { wall: (self.wall)(), steady_ns: (self.steady_ns)() }
    }
}

impl Stamp {
    /// How long after `earlier` this is on the steady count; zero when it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.steady_ns.saturating_sub(earlier.steady_ns))
    }
}

/// Fastest correction of a run's time: a fifth of a millisecond a second, about what crystals drift.
const SLEW_PER_MILLION: u64 = 200;

/// The wall time of a run: the venue's time at its first measurement, carried on by the steady count, which no hand can set.
///
/// Later measurements correct it slowly and never backwards, so that no timer fires early or twice because a clock was set
/// (I12, faults G09, G10). A suspended machine is seen, because the steady count goes on meanwhile (G08).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in each name")]
pub struct RunTime {
    /// Time at `since_ns`.
    base_ns: i128,
    since_ns: u64,
    /// What is still to be corrected, plus is forward.
    owed_ns: i128,
}

impl RunTime {
    /// Begins at this time.
    #[must_use]
    pub fn begin(at: WallTime, now_ns: u64) -> Self {
        Self { base_ns: i128::from(at.0) * 1_000_000, since_ns: now_ns, owed_ns: 0 }
    }

    /// Nanoseconds since 1970, and what is left to correct then.
    fn at(&self, now_ns: u64) -> (i128, i128) {
        let passed = now_ns.saturating_sub(self.since_ns);
        let most = i128::from(passed / 1_000_000 * SLEW_PER_MILLION)
            + i128::from(passed % 1_000_000 * SLEW_PER_MILLION / 1_000_000);
        let paid = self.owed_ns.clamp(-most, most);
        (self.base_ns + i128::from(passed) + paid, self.owed_ns - paid)
    }

    /// The time at a steady count.
    #[must_use]
    pub fn read(&self, now_ns: u64) -> WallTime {
        WallTime(i64::try_from(self.at(now_ns).0.div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }

    /// The venue's time was measured as `venue`, at most `error` off: what is beyond that is corrected from now on.
    pub fn correct(&mut self, venue: WallTime, error: Span, now_ns: u64) {
        let (base_ns, _) = self.at(now_ns);
        let off = i128::from(venue.0) * 1_000_000 - base_ns;
        let error_ns = i128::from(error.0.max(0)) * 1_000_000;
        let owed_ns = if off.abs() <= error_ns { 0 } else { off };
        *self = Self { base_ns, since_ns: now_ns, owed_ns };
    }
}

/// Nanoseconds of a length of time; the longest that fits when it is longer.
#[must_use]
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l08_the_time_of_a_run_is_carried_by_the_steady_count_and_corrected_slowly() {
        let second = 1_000_000_000;
        let mut time = RunTime::begin(WallTime(1_000_000), 5 * second);
        assert_eq!(time.read(6 * second), WallTime(1_001_000));
        // A measurement within its error changes nothing.
        time.correct(WallTime(1_001_020), Span(30), 6 * second);
        assert_eq!(time.read(16 * second), WallTime(1_011_000));
        // The venue is an hour ahead by a fault of its own: two milliseconds in ten seconds, no jump.
        time.correct(WallTime(1_011_000 + 3_600_000), Span(30), 16 * second);
        assert_eq!(time.read(26 * second), WallTime(1_021_002));
        // And back: never backwards.
        time.correct(WallTime(0), Span(30), 26 * second);
        let mut before = time.read(26 * second);
        for ms in 0..5_000u64 {
            let now = time.read(26 * second + ms * 1_000_000);
            assert!(now >= before);
            before = now;
        }
        assert_eq!(time.read(36 * second), WallTime(1_031_000));
    }

    #[test]
    fn a_length_is_never_negative() {
        let at = |steady_ns| Stamp { steady_ns, ..Stamp::default() };
        assert_eq!(at(7).since(at(2)), Duration::from_nanos(5));
        assert_eq!(at(2).since(at(7)), Duration::ZERO);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}
