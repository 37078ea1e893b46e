//! How much of the best result is luck: the deflated Sharpe ratio.
//!
//! The best of many sets looks good by chance alone. D. H. Bailey and M. Lopez de Prado, "The Deflated Sharpe Ratio", Journal of
//! Portfolio Management 40 (5), 2014, give the highest Sharpe ratio that `N` sets without any skill are expected to show,
//!
//! ```text
//! SR0 = sqrt(V) * ((1 - g) * Z(1 - 1/N) + g * Z(1 - 1/(N e)))
//! ```
//!
//! with `V` the variance of the sets' Sharpe ratios, `g` the constant of Euler and Mascheroni and `Z` the inverse of the normal
//! distribution `Phi`, and the probability that the true ratio of the best is above nothing but luck,
//!
//! ```text
//! DSR = Phi((SR - SR0) * sqrt(T - 1) / sqrt(1 - skew * SR + (kurtosis - 1) / 4 * SR^2))
//! ```
//!
//! over `T` periods, where kurtosis is 3 for normal returns. Ratios here are of whole calendar months, of the gain above cash. Sets that
//! are alike count as so many trials, so the figure is on the careful side. Tests: at the end.

use serde::Serialize;

const EULER: f64 = 0.577_215_664_901_532_9;
/// Fewer months say nothing about a spread.
const LEAST: usize = 6;

/// What a series of monthly gains above cash is like.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Moments {
    /// Months.
    pub months: u32,
    /// Mean over standard deviation, a month.
    pub sharpe: f64,
    /// Skewness.
    pub skew: f64,
    /// Kurtosis; 3 is that of a normal distribution.
    pub kurtosis: f64,
}

impl Moments {
    /// Of gains; `None` for fewer than six, and for a series that never moves.
    #[must_use]
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "statistics")]
    pub fn of(gains: &[f64]) -> Option<Self> {
        let count = gains.len() as f64;
        if gains.len() < LEAST {
            return None;
        }
        let mean = gains.iter().sum::<f64>() / count;
        let moment = |power: i32| gains.iter().map(|gain| (gain - mean).powi(power)).sum::<f64>() / count;
        let spread = moment(2).sqrt();
        if spread <= 1e-12 {
            return None;
        }
        let sharpe = mean / (moment(2) * count / (count - 1.0)).sqrt();
        let (skew, kurtosis) = (moment(3) / spread.powi(3), moment(4) / spread.powi(4));
        Some(Self { months: u32::try_from(gains.len()).ok()?, sharpe, skew, kurtosis })
    }
}

/// The best of a sweep after the number of trials is taken into account.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Deflated {
    /// Sets that were tried and have a Sharpe ratio.
    pub trials: u32,
    /// The best one's, a month.
    pub best: Moments,
    /// The same a year: times the root of twelve.
    pub sharpe_year: f64,
    /// What the best of so many sets without skill is expected to show, a month.
    pub luck: f64,
    /// Probability that the best one's true ratio is above zero once luck is taken off, 0 to 1.
    pub probability: f64,
}

/// Deflates the best by the ratios of all sets, itself included; `None` for fewer than two.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, clippy::as_conversions, reason = "statistics")]
pub fn deflate(best: Moments, all: &[f64]) -> Option<Deflated> {
    if all.len() < 2 {
        return None;
    }
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let variance = all.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let luck = variance.sqrt()
        * ((1.0 - EULER) * quantile(1.0 - 1.0 / count) + EULER * quantile(1.0 - 1.0 / (count * std::f64::consts::E)));
    let ratio = best.sharpe;
    let spread = 1.0 - best.skew * ratio + (best.kurtosis - 1.0) / 4.0 * ratio * ratio;
    let score = (ratio - luck) * (f64::from(best.months) - 1.0).sqrt() / spread.max(1e-9).sqrt();
    Some(Deflated {
        trials: u32::try_from(all.len()).unwrap_or(u32::MAX),
        best,
        sharpe_year: ratio * 12.0_f64.sqrt(),
        luck,
        probability: normal(score),
    })
}

/// The normal distribution: the share below so many standard deviations.
fn normal(deviations: f64) -> f64 {
    libm::erfc(-deviations / std::f64::consts::SQRT_2) / 2.0
}

/// Its inverse, by halving: the ends are further out than any sweep reaches.
fn quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-9.0_f64, 9.0_f64);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if normal(middle) < share {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64, within: f64) {
        assert!((found - expected).abs() < within, "{found} instead of {expected}");
    }

    #[test]
    fn the_normal_distribution_and_its_inverse_are_those_of_the_tables() {
        for (share, deviations) in [(0.5, 0.0), (0.841_344_746, 1.0), (0.975, 1.959_963_985), (0.99, 2.326_347_874)] {
            near(quantile(share), deviations, 1e-7);
            near(normal(deviations), share, 1e-8);
        }
    }

    #[test]
    fn moments_are_those_of_a_series_worked_by_hand() {
        // Mean 1, deviations -1 1 -1 1 -1 1: variance 1 over six and 1.2 over five; symmetric; fourth moment 1.
        let found = Moments::of(&[0.0, 2.0, 0.0, 2.0, 0.0, 2.0]).unwrap();
        near(found.sharpe, 1.0 / 1.2_f64.sqrt(), 1e-12);
        near(found.skew, 0.0, 1e-12);
        near(found.kurtosis, 1.0, 1e-12);
        assert_eq!(Moments::of(&[0.01; 40]), None, "no spread");
        assert_eq!(Moments::of(&[0.0, 1.0, 2.0]), None, "too few");
    }

    #[test]
    fn the_paper_s_own_example_is_reproduced() {
        // Its worked case: 100 trials whose yearly ratios have the variance 1/2, the best 2.5 a year over five years of
        // 250 days, skewness -3, kurtosis 10. A day: the best 0.1581, luck 0.1132, probability 0.9004.
        let daily = |yearly: f64| yearly / 250.0_f64.sqrt();
        // 100 ratios with the variance 1/2: fifty at each side of zero.
        let side = (0.5 * 99.0 / 100.0_f64).sqrt();
        let all: Vec<f64> = (0..100).map(|place| daily(if place % 2 == 0 { side } else { -side })).collect();
        let best = Moments { months: 1_250, sharpe: daily(2.5), skew: -3.0, kurtosis: 10.0 };
        let found = deflate(best, &all).unwrap();
        near(found.luck, 0.1132, 5e-5);
        near(found.probability, 0.9004, 5e-5);
    }

    #[test]
    fn more_trials_leave_less() {
        let best = Moments { months: 60, sharpe: 0.3, skew: 0.0, kurtosis: 3.0 };
        let spread = |count: u32| (0..count).map(|place| f64::from(place % 5) / 20.0).collect::<Vec<f64>>();
        let few = deflate(best, &spread(10)).unwrap();
        let many = deflate(best, &spread(1_000)).unwrap();
        assert!(few.probability > many.probability && few.luck < many.luck, "{few:?} {many:?}");
        assert_eq!(deflate(best, &[0.3]), None);
    }
}
