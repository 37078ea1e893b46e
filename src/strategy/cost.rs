//! What trading costs, as fractions of the value traded.

/// Costs of one pair. Fees are what a taker pays; a spread is half of it for each fill.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Costs {
    /// Fee of a fill of the long leg.
    pub long_fee: f64,
    /// Fee of a fill of the short leg.
    pub short_fee: f64,
    /// Half spread of the long leg.
    pub long_half_spread: f64,
    /// Half spread of the short leg.
    pub short_half_spread: f64,
    /// Walking the depth with one clip on both legs together.
    pub impact: f64,
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
impl Costs {
    /// Spread and impact of trading both legs once: how far the executable basis is from the mid basis.
    #[must_use]
    pub fn execution(&self) -> f64 {
        self.long_half_spread + self.short_half_spread + self.impact
    }

    /// Everything that one way (in or out) costs.
    #[must_use]
    pub fn one_way(&self) -> f64 {
        self.long_fee + self.short_fee + self.execution()
    }

    /// In and out. Worked: 0.10 % + 0.05 %, twice, is 0.30 % before spread.
    #[must_use]
    pub fn round_trip(&self) -> f64 {
        2.0 * self.one_way()
    }
}
