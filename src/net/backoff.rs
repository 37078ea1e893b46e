//! When to try a connection again. Pure: instants in, instants out; the random seed is given.
//!
//! Delays double up to a bound and are spread, so that sockets that fell together do not come back together (fault D09);
//! a connection that stood for a while makes the next delay short again, one that fell at once does not. All connections
//! of a venue share one [`Attempts`], which never lets more than so many through in any window of its length.
//! Tests stand at the end.

use super::clock::nanos;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use std::collections::VecDeque;
use std::time::Duration;

/// Bounds of the delays.
#[derive(Debug, Clone, Copy)]
pub struct BackoffSettings {
    /// Before the second attempt, before it is spread.
    pub first: Duration,
    /// Longest delay.
    pub longest: Duration,
    /// A connection that stood this long begins anew.
    pub stable: Duration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_mins(1), stable: Duration::from_mins(1) }
    }
}

/// Delays of one connection.
#[derive(Debug, Clone)]
pub struct Backoff {
    settings: BackoffSettings,
    failures: u32,
    random: ChaCha8Rng,
}

/// Attempts of all connections of a venue.
#[derive(Debug, Clone)]
pub struct Attempts {
    most: usize,
    window_ns: u64,
    at_ns: VecDeque<u64>,
}

impl Backoff {
    /// No failure yet.
    #[must_use]
    pub fn new(settings: BackoffSettings, seed: u64) -> Self {
        Self { settings, failures: 0, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The delay after one more failure: between half of the doubled delay and all of it.
    pub fn failed(&mut self) -> Duration {
        let doubled = 2_u32.checked_pow(self.failures).and_then(|factor| self.settings.first.checked_mul(factor));
        let whole = nanos(doubled.unwrap_or(self.settings.longest).min(self.settings.longest));
        self.failures = self.failures.saturating_add(1);
        let half = whole / 2;
        Duration::from_nanos(
            half.saturating_add(self.random.next_u64().checked_rem(half.saturating_add(1)).unwrap_or(0)),
        )
    }

    /// The delay after a connection ended that had stood for `stood`.
    pub fn ended(&mut self, stood: Duration) -> Duration {
        if stood >= self.settings.stable {
            self.failures = 0;
        }
        self.failed()
    }
}

impl Attempts {
    /// At most `most` in any `window`. Binance: 300 in five minutes and address; fewer is kinder.
    #[must_use]
    pub fn new(most: usize, window: Duration) -> Self {
        Self { most: most.max(1), window_ns: nanos(window), at_ns: VecDeque::new() }
    }

    /// The first instant not before `wanted_ns` at which one more may be made.
    #[must_use]
    pub fn earliest(&self, wanted_ns: u64) -> u64 {
        let oldest_that_counts = self.at_ns.len().checked_sub(self.most).and_then(|place| self.at_ns.get(place));
        oldest_that_counts.map_or(wanted_ns, |at| wanted_ns.max(at.saturating_add(self.window_ns)))
    }

    /// Makes one, if it may be made now.
    pub fn take(&mut self, now_ns: u64) -> bool {
        if self.earliest(now_ns) > now_ns {
            return false;
        }
        self.at_ns.push_back(now_ns);
        while self.at_ns.len() > self.most {
            self.at_ns.pop_front();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_their_bound_and_a_stable_connection_begins_anew() {
        let settings = BackoffSettings::default();
        let mut backoff = Backoff::new(settings, 7);
        let mut whole = settings.first;
        for _ in 0..40 {
            let delay = backoff.failed();
            assert!(delay >= whole / 2 && delay <= whole, "{delay:?} of {whole:?}");
            whole = (whole * 2).min(settings.longest);
        }
        assert!(backoff.ended(Duration::from_secs(59)) >= settings.longest / 2);
        assert!(backoff.ended(Duration::from_mins(1)) <= settings.first);
        let mut nothing = Backoff::new(BackoffSettings { first: Duration::ZERO, ..settings }, 7);
        assert_eq!(nothing.failed(), Duration::ZERO);
    }

    #[test]
    fn d09_sockets_that_fell_together_do_not_come_back_together() {
        let mut delays: Vec<_> = (0..20).map(|seed| Backoff::new(BackoffSettings::default(), seed).failed()).collect();
        delays.sort();
        delays.dedup();
        assert!(delays.len() >= 19);
        assert!(*delays.last().unwrap() > delays[0] + Duration::from_millis(100));
        let again = |seed| Backoff::new(BackoffSettings::default(), seed).failed();
        assert_eq!(again(3), again(3));
    }

    #[test]
    fn d09_no_window_holds_more_attempts_than_allowed() {
        let second = 1_000_000_000;
        let mut attempts = Attempts::new(3, Duration::from_mins(5));
        let mut made = Vec::new();
        let mut now = 0;
        for _ in 0..12 {
            now = attempts.earliest(now + second);
            assert!(attempts.take(now));
            made.push(now);
        }
        for window in made.windows(4) {
            assert!(window[3] - window[0] >= 300 * second, "{window:?}");
        }
        assert!(!attempts.take(now), "the fourth in one window");
    }
}
