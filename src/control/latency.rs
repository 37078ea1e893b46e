//! How long something took, counted in fixed classes: small, exact, and the same shape as a Prometheus histogram.
//!
//! It measures nothing itself and reads no clock. Tests: at the end.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Upper ends of the classes, in microseconds; what took longer is counted in the total alone.
pub const BOUNDS_US: [u64; 14] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// Counts of one kind of thing since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Latency {
    /// How many took at most so long, a class each; not summed up.
    pub classes: [u64; BOUNDS_US.len()],
    /// How many there were.
    pub count: u64,
    /// How long all of them took together, in microseconds.
    pub sum_us: u64,
    /// The longest, in microseconds.
    pub longest_us: u64,
}

impl Latency {
    /// One more.
    pub fn note(&mut self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let class = BOUNDS_US.partition_point(|bound| *bound < took);
        if let Some(class) = self.classes.get_mut(class) {
            *class = class.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum_us = self.sum_us.saturating_add(took);
        self.longest_us = self.longest_us.max(took);
    }

    /// How many took at most as long as each bound: summed up from the shortest.
    pub fn cumulative(&self) -> impl Iterator<Item = (u64, u64)> {
        let sums = self.classes.iter().scan(0_u64, |sum, class| {
            *sum = sum.saturating_add(*class);
            Some(*sum)
        });
        BOUNDS_US.into_iter().zip(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_in_the_class_that_it_fits_into_and_longer_ones_in_the_total() {
        let mut latency = Latency::default();
        for us in [100, 101, 4_999_999, 5_000_000, 5_000_001] {
            latency.note(Duration::from_micros(us));
        }
        let sums: Vec<(u64, u64)> = latency.cumulative().collect();
        assert_eq!((sums[0], sums[1], sums[12], sums[13]), ((100, 1), (250, 2), (1_000_000, 2), (5_000_000, 4)));
        assert_eq!((latency.count, latency.sum_us, latency.longest_us), (5, 15_000_201, 5_000_001));
    }
}
