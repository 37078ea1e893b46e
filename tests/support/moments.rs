//! Moments at which tests kill: how many, and where, the same for the same seed.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "counts come from the environment of the test")]

/// A number that a person set, or the usual one.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Draws moments from a seed.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    /// Even over 0 to 1.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a moment, not money")]
    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / (1_u64 << 31) as f64
    }
}
