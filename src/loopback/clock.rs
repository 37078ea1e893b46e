//! The venue's clock: real time times a speed, or held and moved by hand. It reads no clock itself; real time is given to it.
//!
//! **Invariant**: the venue's time never falls. Tests stand at the end of the file.

use crate::domain::{Span, WallTime};

/// Virtual time from real milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Virtual time at `real`.
    base: WallTime,
    /// Real milliseconds at which `base` held.
    real: i64,
    /// Virtual milliseconds for 1,000 real ones.
    per_mille: i64,
    held: bool,
}

impl Clock {
    pub(crate) const fn new(start: WallTime, real: i64, per_mille: i64) -> Self {
        Self { base: start, real, per_mille, held: false }
    }

    /// The venue's time at a real time.
    pub(crate) fn at(&self, real: i64) -> WallTime {
        if self.held {
            return self.base;
        }
        let passed = real.saturating_sub(self.real).max(0);
        self.base + Span(passed.saturating_mul(self.per_mille).div_euclid(1_000))
    }

    /// Goes on from here at another speed.
    pub(crate) fn set_speed(&mut self, real: i64, per_mille: i64) {
        self.rebase(real);
        self.per_mille = per_mille.max(0);
        self.held = false;
    }

    /// Stops here.
    pub(crate) fn hold(&mut self, real: i64) {
        self.rebase(real);
        self.held = true;
    }

    /// Moves on by `span`; a running clock runs on from there.
    pub(crate) fn advance(&mut self, real: i64, span: Span) {
        self.rebase(real);
        self.base = self.base + Span(span.0.max(0));
    }

    /// Whether it stands, and its speed in thousandths.
    pub(crate) const fn state(&self) -> (bool, i64) {
        (self.held, self.per_mille)
    }

    fn rebase(&mut self, real: i64) {
        self.base = self.at(real);
        self.real = self.real.max(real);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_runs_at_its_speed_stands_when_held_and_never_falls() {
        let mut clock = Clock::new(WallTime(1_000), 50, 2_000);
        assert_eq!(clock.at(150), WallTime(1_200));
        assert_eq!(clock.at(0), WallTime(1_000));
        clock.hold(150);
        assert_eq!(clock.at(900), WallTime(1_200));
        clock.advance(900, Span(60_000));
        assert_eq!(clock.at(950), WallTime(61_200));
        clock.set_speed(1_000, 1_000);
        assert_eq!(clock.at(1_500), WallTime(61_700));
    }
}
