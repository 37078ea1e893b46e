//! The only clock. Everything else gets its time as an event.

use crate::domain::WallTime;
use crate::venues::transport::Clock;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A running stopwatch; for reports, never for decisions.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// The wall clock in UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn now() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Nanoseconds since the first call in this process; never falls. On Linux it does not count the time of a suspended
/// machine: `venues/transport/clock_offset.rs` notices that by the wall clock.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn steady_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// Both clocks, for those who may not read one.
#[must_use]
pub const fn clock() -> Clock {
    Clock { wall: now, steady_ns }
}

/// Waits on the wall clock, for a run at a chosen speed.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn wait(span: Duration) {
    std::thread::sleep(span);
}
