//! Funding rates with their interval, the venue formulas, and intervals read from settlement stamps.
//!
//! Sign: above zero longs pay shorts, so our short perp receives. 0.01 % per 8 h is 10.95 % a year; the same number per
//! hour is 87.6 %: the interval is part of the type and two rates compare only through [`FundingRate::per_8h`].
//! Sources: the venue digests' funding sections (Binance formula in force since 2025-09-18, Hyperliquid docs), read 2026-11.

use super::decimal;
use super::price::Price;
use super::quantity::Quantity;
use super::rate::Rate;
use super::time::{Span, WallTime};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Time between two settlements; anything else is a hole, not an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Interval {
    /// Hourly.
    H1,
    /// Every two hours.
    H2,
    /// Every three hours.
    H3,
    /// Every four hours.
    H4,
    /// Every six hours.
    H6,
    /// Every eight hours.
    H8,
    /// Twice a day.
    H12,
    /// Once a day.
    H24,
}

impl Interval {
    /// Hours.
    #[must_use]
    pub const fn hours(self) -> i64 {
        match self {
            Self::H1 => 1,
            Self::H2 => 2,
            Self::H3 => 3,
            Self::H4 => 4,
            Self::H6 => 6,
            Self::H8 => 8,
            Self::H12 => 12,
            Self::H24 => 24,
        }
    }

    /// As a span.
    #[must_use]
    pub const fn span(self) -> Span {
        Span::hours(self.hours())
    }

    /// The interval of so many hours, if there is one.
    #[must_use]
    pub const fn from_hours(hours: i64) -> Option<Self> {
        match hours {
            1 => Some(Self::H1),
            2 => Some(Self::H2),
            3 => Some(Self::H3),
            4 => Some(Self::H4),
            6 => Some(Self::H6),
            8 => Some(Self::H8),
            12 => Some(Self::H12),
            24 => Some(Self::H24),
            _ => None,
        }
    }

    /// How many equal spacings in a row prove it: two, and three of 12 and 24 h, which a few missing settlements of a shorter
    /// interval would look like.
    #[must_use]
    pub const fn proof(self) -> usize {
        match self {
            Self::H1 | Self::H2 | Self::H3 | Self::H4 | Self::H6 | Self::H8 => 2,
            Self::H12 | Self::H24 => 3,
        }
    }

    /// The interval as long as the distance of two settlement stamps, which alone proves nothing; venues stamp up to some
    /// minutes late, so the distance is taken to the nearest hour and may be off by at most five minutes.
    #[must_use]
    pub fn spacing(earlier: WallTime, later: WallTime) -> Option<Self> {
        let distance = later.since(earlier).0;
        let hours = (distance + 1_800_000).div_euclid(3_600_000);
        let off = (distance - hours * 3_600_000).abs();
        if off <= 300_000 { Self::from_hours(hours) } else { None }
    }

    /// The interval that one spacing alone is believed to be, where no later stamp is known yet: 1, 2, 4 or 8 h. The others
    /// need the venue's word or a proof, because a settlement or two that were not heard look like them.
    #[must_use]
    pub fn between(earlier: WallTime, later: WallTime) -> Option<Self> {
        match Self::spacing(earlier, later)? {
            one @ (Self::H1 | Self::H2 | Self::H4 | Self::H8) => Some(one),
            Self::H3 | Self::H6 | Self::H12 | Self::H24 => None,
        }
    }
}

impl TryFrom<u8> for Interval {
    type Error = String;
    fn try_from(hours: u8) -> Result<Self, String> {
        Self::from_hours(i64::from(hours))
            .ok_or_else(|| format!("{hours} h is not a funding interval (1, 2, 3, 4, 6, 8, 12, 24)"))
    }
}

impl From<Interval> for u8 {
    fn from(interval: Interval) -> Self {
        match interval {
            Interval::H1 => 1,
            Interval::H2 => 2,
            Interval::H3 => 3,
            Interval::H4 => 4,
            Interval::H6 => 6,
            Interval::H8 => 8,
            Interval::H12 => 12,
            Interval::H24 => 24,
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}h", self.hours())
    }
}

/// A rate for one interval. Above zero longs pay shorts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct FundingRate {
    /// Fraction of the position's value paid at the end of the interval.
    pub rate: Rate,
    /// How often it is paid.
    pub interval: Interval,
}

impl FundingRate {
    /// The anchor: 0.01 % per 8 h, which is 10.95 % a year.
    pub const ANCHOR: Self = Self { rate: Rate::from_units(100_000_000_000_000), interval: Interval::H8 };

    /// The same payment expressed per 8 hours: exact where the interval divides 8 h, else half to even at 1e-18.
    /// Worked: 0.005 % per 4 h is 0.01 % per 8 h, 0.03 % per 24 h is 0.01 % per 8 h.
    #[must_use]
    pub fn per_8h(self) -> Rate {
        self.rate.part(8, self.interval.hours())
    }

    /// The rate of `per_8h` paid at another interval (hours / 8 of it, half to even).
    #[must_use]
    pub fn from_per_8h(per_8h: Rate, interval: Interval) -> Self {
        Self { rate: per_8h.part(interval.hours(), 8), interval }
    }

    /// Simple yearly rate: 365 days, no compounding. Worked: 0.0001 per 8 h x 3 x 365 = 0.1095.
    #[must_use]
    pub const fn annualised(self) -> Rate {
        self.rate.times(24 / self.interval.hours() * 365)
    }
}

impl fmt::Display for FundingRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = decimal::format_scaled(i128::from(self.rate.units()), 16);
        let yearly = self.annualised().to_f64() * 100.0;
        write!(f, "{percent}%/{} ({yearly:.2}%apr)", self.interval)
    }
}

/// What a venue's funding formula needs besides the premium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Formula {
    /// Interest per 8 h: 0.01 % on most contracts.
    pub interest_8h: Rate,
    /// Half width of the damper: 0.05 %.
    pub clamp: Rate,
    /// Most that one settlement pays.
    pub cap: Rate,
    /// Least that one settlement pays (below zero).
    pub floor: Rate,
}

impl Formula {
    /// Interest 0.01 % per 8 h, damper 0.05 %, cap and floor 2 % a settlement: most Binance contracts.
    pub const STANDARD: Self = Self {
        interest_8h: Rate::from_units(100_000_000_000_000),
        clamp: Rate::from_units(500_000_000_000_000),
        cap: Rate::from_units(20_000_000_000_000_000),
        floor: Rate::from_units(-20_000_000_000_000_000),
    };

    /// `F = (P + clamp(I - P, -0.05 %, +0.05 %)) / (8 / N)`, then cap and floor.
    ///
    /// Golden band: for P in [-0.04 %, +0.06 %] F is exactly 0.01 % per 8 h (0.005 % per 4 h, 0.00125 % per 1 h).
    /// Worked: P = 0.10 % at 8 h gives 0.10 - 0.05 = 0.05 %; at 1 h 0.00625 %.
    #[must_use]
    pub fn rate(&self, premium: Rate, interval: Interval) -> FundingRate {
        let damped = premium + (self.interest_8h - premium).clamp_to(-self.clamp, self.clamp);
        let scaled = damped.part(interval.hours(), 8);
        FundingRate { rate: scaled.clamp_to(self.floor, self.cap), interval }
    }
}

/// One premium sample: `(max(0, impact bid - index) - max(0, index - impact ask)) / index`.
///
/// Worked: index 100, impact bid 100.1, impact ask 100.2 gives 0.1 %; inside the spread it is zero.
#[must_use]
pub fn premium_sample(impact_bid: Price, impact_ask: Price, index: Price) -> Rate {
    let above = if impact_bid > index { impact_bid.premium_over(index) } else { Rate::ZERO };
    let below = if impact_ask < index { impact_ask.premium_over(index) } else { Rate::ZERO };
    above + below
}

/// Average price paid to take `quantity` from levels (best first); `None` when the levels hold less.
///
/// Rounded half to even at 1e-8.
#[must_use]
pub fn impact_price(levels: &[(Price, Quantity)], quantity: Quantity) -> Option<Price> {
    if quantity.is_zero() {
        return None;
    }
    let mut left = quantity;
    let mut cost: i128 = 0;
    for (price, size) in levels {
        let take = if *size < left { *size } else { left };
        cost += price.times(take).units();
        left = left.minus(take);
        if left.is_zero() {
            let units = decimal::div_half_even(cost, i128::from(quantity.units()));
            return Price::from_units(i64::try_from(units).ok()?).ok();
        }
    }
    None
}

/// The running average of premium samples over one interval.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub struct PremiumAverage {
    weighted: i128,
    weights: i64,
    count: i64,
    weighting: Weighting,
}

/// How samples of one interval are weighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Weighting {
    /// The k-th sample counts k times (Binance): a late spike counts double the mean weight.
    #[default]
    Linear,
    /// All samples count alike (Hyperliquid).
    Equal,
}

impl PremiumAverage {
    /// Empty, with the venue's weighting.
    #[must_use]
    pub const fn new(weighting: Weighting) -> Self {
        Self { weighted: 0, weights: 0, count: 0, weighting }
    }

    /// Adds the next sample.
    pub fn push(&mut self, premium: Rate) {
        self.count += 1;
        let weight = match self.weighting {
            Weighting::Linear => self.count,
            Weighting::Equal => 1,
        };
        self.weighted += i128::from(premium.units()) * i128::from(weight);
        self.weights += weight;
    }

    /// The average so far, half to even; `None` before the first sample.
    #[must_use]
    pub fn mean(&self) -> Option<Rate> {
        if self.weights == 0 {
            return None;
        }
        let units = decimal::div_half_even(self.weighted, i128::from(self.weights));
        i64::try_from(units).ok().map(Rate::from_units)
    }

    /// Samples so far.
    #[must_use]
    pub const fn count(&self) -> i64 {
        self.count
    }

    /// Starts the next interval.
    pub const fn restart(&mut self) {
        *self = Self::new(self.weighting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        Rate::parse(text).unwrap()
    }

    #[test]
    fn b14_the_golden_band_pays_the_anchor_exactly() {
        let check = |premium: &str, interval, expected: &str| {
            let paid = Formula::STANDARD.rate(rate(premium), interval);
            assert_eq!(paid.rate, rate(expected), "{premium} at {interval}");
        };
        for premium in ["-0.0004", "0", "0.0001", "0.0006"] {
            check(premium, Interval::H8, "0.0001");
            check(premium, Interval::H4, "0.00005");
            check(premium, Interval::H2, "0.000025");
            check(premium, Interval::H1, "0.0000125");
        }
        check("0.000600000000000001", Interval::H8, "0.000100000000000001");
        check("-0.000400000000000001", Interval::H8, "0.000099999999999999");
        check("0.001", Interval::H8, "0.0005");
        check("0.001", Interval::H1, "0.0000625");
        check("-0.003", Interval::H8, "-0.0025");
        check("0.5", Interval::H8, "0.02");
        check("-0.5", Interval::H1, "-0.02");
    }

    #[test]
    fn b14_the_same_number_means_different_yields() {
        assert_eq!(FundingRate::ANCHOR.annualised(), rate("0.1095"));
        let hourly = FundingRate { rate: rate("0.0001"), interval: Interval::H1 };
        assert_eq!(hourly.annualised(), rate("0.876"));
        assert_eq!(hourly.per_8h(), rate("0.0008"));
        assert_eq!(
            FundingRate { rate: rate("0.00005"), interval: Interval::H4 }.per_8h(),
            FundingRate::ANCHOR.per_8h()
        );
    }

    #[test]
    fn e06_intervals_are_read_from_stamps() {
        let at = |hours: i64, ms: i64| WallTime(hours * 3_600_000 + ms);
        assert_eq!(Interval::between(at(0, 7), at(8, 0)), Some(Interval::H8));
        assert_eq!(Interval::between(at(8, 0), at(10, 111_000)), Some(Interval::H2));
        assert_eq!(Interval::between(at(0, 0), at(16, 0)), None);
        assert_eq!(Interval::between(at(0, 0), at(3, 0)), None);
        assert_eq!(Interval::between(at(0, 0), at(1, 400_000)), None);
        assert_eq!(Interval::between(at(0, 0), at(0, 0)), None);
    }

    #[test]
    fn u08_every_interval_counts_by_its_own_hours() {
        let at = |hours: i64| WallTime(hours * 3_600_000);
        for (hours, per_8h) in [(3, "0.0008"), (6, "0.0004"), (12, "0.0002"), (24, "0.0001")] {
            let interval = Interval::spacing(at(0), at(hours)).unwrap();
            let paid = FundingRate { rate: rate("0.0003"), interval };
            assert_eq!((interval.hours(), paid.per_8h()), (hours, rate(per_8h)));
            assert_eq!(FundingRate::from_per_8h(rate(per_8h), interval), paid);
            assert_eq!(Interval::try_from(u8::from(interval)), Ok(interval));
            assert_eq!(Interval::between(at(0), at(hours)), None, "one spacing alone proves no {hours} h");
        }
        let six = FundingRate { rate: rate("0.0005"), interval: Interval::H6 };
        assert_eq!((six.per_8h(), six.annualised()), (rate("0.000666666666666667"), rate("0.73")));
        assert_eq!(Interval::try_from(5), Err("5 h is not a funding interval (1, 2, 3, 4, 6, 8, 12, 24)".to_owned()));
    }

    #[test]
    fn premium_samples_look_only_outside_the_impact_prices() {
        let price = |text| Price::parse(text).unwrap();
        assert_eq!(premium_sample(price("100.1"), price("100.2"), price("100")), rate("0.001"));
        assert_eq!(premium_sample(price("99.9"), price("100.1"), price("100")), Rate::ZERO);
        assert_eq!(premium_sample(price("99.7"), price("99.8"), price("100")), rate("-0.002"));
    }

    #[test]
    fn late_samples_weigh_more_where_the_venue_says_so() {
        let mut linear = PremiumAverage::new(Weighting::Linear);
        let mut equal = PremiumAverage::new(Weighting::Equal);
        for premium in ["0", "0", "0.0006"] {
            linear.push(rate(premium));
            equal.push(rate(premium));
        }
        assert_eq!(linear.mean(), Some(rate("0.0003")));
        assert_eq!(equal.mean(), Some(rate("0.0002")));
        assert_eq!(PremiumAverage::new(Weighting::Equal).mean(), None);
    }

    #[test]
    fn an_impact_price_walks_the_book() {
        let level = |price, quantity| (Price::parse(price).unwrap(), Quantity::parse(quantity).unwrap());
        let levels = [level("100", "1"), level("101", "1")];
        assert_eq!(impact_price(&levels, Quantity::parse("2").unwrap()), Price::parse("100.5").ok());
        assert_eq!(impact_price(&levels, Quantity::parse("3").unwrap()), None);
        assert_eq!(impact_price(&levels, Quantity::ZERO), None);
    }
}
