//! The only clock. Everything else gets its time as an event.

use crate::domain::WallTime;
use std::time::Duration;

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

/// Waits on the wall clock, for a run at a chosen speed.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn wait(span: Duration) {
    std::thread::sleep(span);
}
