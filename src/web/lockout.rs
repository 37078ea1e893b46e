//! Tries of a token: a few in a minute, then a pause that grows (fault X16). The pause is for wrong ones alone: a right token is
//! taken at any time, so that no stranger locks its owner out.
//!
//! One count for the form, one for the reading token as a bearer, one for those who read and want to act, one for scrapers: on this
//! machine all have one address. A cookie that reads goes on reading meanwhile. Pure: time is given as a monotonic span.
//! Tests: at the end.

use std::time::Duration;

/// Wrong tokens within a minute before nothing is looked at for a while.
pub const TRIES: u32 = 5;
const WINDOW: Duration = Duration::from_mins(1);
/// The first pause; each further one is twice as long.
const FIRST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(1);

/// What is remembered of wrong tokens.
#[derive(Debug, Default)]
pub struct Lockout {
    wrong: u32,
    since: Duration,
    until: Duration,
    pauses: u32,
}

impl Lockout {
    /// How long no token is looked at from now on.
    #[must_use]
    pub fn left(&self, now: Duration) -> Option<Duration> {
        self.until.checked_sub(now).filter(|left| !left.is_zero())
    }

    /// A wrong token. Gives the length of the pause when one begins.
    pub fn wrong(&mut self, now: Duration) -> Option<Duration> {
        if self.wrong == 0 || now.saturating_sub(self.since) > WINDOW {
            (self.wrong, self.since) = (0, now);
        }
        self.wrong += 1;
        if self.wrong < TRIES {
            return None;
        }
        let pause = FIRST.saturating_mul(1 << self.pauses.min(16)).min(LONGEST);
        (self.wrong, self.pauses, self.until) = (0, self.pauses + 1, now + pause);
        Some(pause)
    }

    /// A right token: what was wrong before is forgotten.
    pub fn right(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x16_tries_are_few_and_pauses_grow() {
        let at = Duration::from_secs;
        let mut lockout = Lockout::default();
        for _ in 1..TRIES {
            assert_eq!(lockout.wrong(at(0)), None);
        }
        assert_eq!(lockout.wrong(at(0)), Some(at(60)));
        assert_eq!((lockout.left(at(59)), lockout.left(at(60))), (Some(at(1)), None));
        let mut now = at(60);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            for _ in 1..TRIES {
                assert_eq!(lockout.wrong(now), None);
            }
            let pause = lockout.wrong(now).unwrap();
            pauses.push(pause.as_secs());
            now += pause;
        }
        assert_eq!(pauses, [120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600]);
        lockout.right();
        assert_eq!(lockout.left(now), None);
    }

    #[test]
    fn x16_a_slip_now_and_then_locks_nobody_out() {
        let mut lockout = Lockout::default();
        for minute in 0..100 {
            assert_eq!(lockout.wrong(Duration::from_secs(minute * 61)), None);
        }
    }
}
