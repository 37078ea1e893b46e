//! The time as the transport sees it: two functions that the driver passes in, so that nothing here reads a clock itself.
//!
//! Wall time is for stamps and signatures, the steady count for everything that has a length (I12). Tests pass functions
//! that read a number they set.

use crate::domain::WallTime;
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

/// Nanoseconds of a length of time; the longest that fits when it is longer.
#[must_use]
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_never_negative() {
        let at = |steady_ns| Stamp { steady_ns, ..Stamp::default() };
        assert_eq!(at(7).since(at(2)), Duration::from_nanos(5));
        assert_eq!(at(2).since(at(7)), Duration::ZERO);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}
