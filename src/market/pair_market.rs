//! Both legs of a pair with its mark, index, funding, open interest and usual basis.

use super::funding_window::{FundingWindow, Settled};
use super::leg::LegMarket;
use crate::domain::funding::Formula;
use crate::domain::{FundingRate, Interval, Leg, Price, Quantity, Rate, Span, WallTime};
use std::collections::VecDeque;

/// Units of one in the basis window.
const BASIS_SCALE: f64 = 1e12;
/// Hours of a year: room that is made for the basis beforehand.
const MOST_HOURS: usize = 8_784;
/// Open-interest samples kept.
const OI_SAMPLES: usize = 400;
/// How far back open interest is compared.
const OI_LOOK_BACK: Span = Span::DAY;

/// Everything known of the market of one pair.
#[derive(Debug, Clone)]
pub struct PairMarket {
    /// Long leg.
    pub long: LegMarket,
    /// Short leg.
    pub short: LegMarket,
    /// Prices of both legs at one instant, at which open positions are valued.
    pub marks: Option<(Price, Price)>,
    /// Mark price of the perp and when it was published.
    pub mark: Option<(Price, WallTime)>,
    /// Index price.
    pub index: Option<Price>,
    /// Settled funding.
    pub funding: FundingWindow,
    /// The venue's estimate of the next settlement, and when that will be.
    pub estimate: Option<(FundingRate, WallTime)>,
    /// Rank of our short in the venue's ADL queue.
    pub adl_rank: u8,
    /// When it was told last.
    pub adl_at: Option<WallTime>,
    /// When trading ends, when that is known.
    pub ends_at: Option<WallTime>,
    formula: Formula,
    premium: Premium,
    basis: BasisWindow,
    open_interest: VecDeque<(WallTime, i64)>,
}

/// The running premium of one interval, sampled from prices: the named proxy for the premium index where a source has
/// none. Later samples weigh more, as the venue's own average does.
#[derive(Debug, Clone, Copy, Default)]
struct Premium {
    weighted: f64,
    weights: f64,
    samples: f64,
}

/// Basis sampled once an hour over a bounded time.
#[derive(Debug, Clone)]
struct BasisWindow {
    samples: VecDeque<(i64, i64)>,
    sum: i64,
    memory: Span,
    last_hour: i64,
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats; prices stay exact")]
impl PairMarket {
    /// Nothing known yet.
    #[must_use]
    pub fn new(smooth: Span, memory: Span, formula: Formula) -> Self {
        Self {
            long: LegMarket::default(),
            short: LegMarket::default(),
            marks: None,
            mark: None,
            index: None,
            funding: FundingWindow::new(smooth, memory),
            estimate: None,
            adl_rank: 0,
            adl_at: None,
            ends_at: None,
            formula,
            premium: Premium::default(),
            basis: BasisWindow::new(memory),
            open_interest: VecDeque::new(),
        }
    }

    /// A leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> &LegMarket {
        match leg {
            Leg::Long => &self.long,
            Leg::Short => &self.short,
        }
    }

    /// A leg, to change it.
    pub const fn leg_mut(&mut self, leg: Leg) -> &mut LegMarket {
        match leg {
            Leg::Long => &mut self.long,
            Leg::Short => &mut self.short,
        }
    }

    /// Forgets all windows: the history has a hole before this.
    pub fn restart(&mut self) {
        self.long.restart();
        self.short.restart();
        self.funding.restart();
        self.estimate = None;
        self.mark = None;
        self.index = None;
        self.ends_at = None;
        self.premium = Premium::default();
        self.basis.samples.clear();
        self.basis.sum = 0;
        self.basis.last_hour = i64::MIN;
        self.open_interest.clear();
    }

    /// Both legs of a bar source have closed a bar that opened at the same time. Gives the basis when it is the first of an
    /// hour.
    pub fn on_common_bar(&mut self, closed: WallTime) -> Option<f64> {
        let (long, short) = (self.long.mid?, self.short.mid?);
        self.marks = Some((long, short));
        let basis = (short.units() - long.units()) as f64 / long.units() as f64;
        self.premium.samples += 1.0;
        self.premium.weighted += basis * self.premium.samples;
        self.premium.weights += self.premium.samples;
        self.basis.push(closed, basis).then_some(basis)
    }

    /// A quote or print changed the mid of a leg. The basis is sampled when it was the short leg's, which comes last.
    /// Gives the basis when it is the first of an hour.
    pub fn on_mid(&mut self, leg: Leg, at: WallTime) -> Option<f64> {
        let (long, short) = (self.long.mid?, self.short.mid?);
        self.marks = Some((long, short));
        if leg == Leg::Short && at.0.div_euclid(Span::HOUR.0) != self.basis.last_hour {
            let basis = (short.units() - long.units()) as f64 / long.units() as f64;
            return self.basis.push(at, basis).then_some(basis);
        }
        None
    }

    /// A settlement was published.
    pub fn on_settled(&mut self, stamp: WallTime, funding: FundingRate) {
        self.funding.push(Settled { stamp, funding });
        self.premium = Premium::default();
        self.estimate = None;
    }

    /// Open interest in coins.
    pub fn on_open_interest(&mut self, at: WallTime, coins: Quantity) {
        self.open_interest.push_back((at, coins.units()));
        while self.open_interest.len() > OI_SAMPLES
            || self.open_interest.front().is_some_and(|(stamp, _)| at.since(*stamp).0 > OI_LOOK_BACK.0 + Span::HOUR.0)
        {
            self.open_interest.pop_front();
        }
    }

    /// The basis now, short leg over long leg less one, as a fraction.
    #[must_use]
    pub fn basis_now(&self) -> Option<f64> {
        let (long, short) = (self.long.mid?, self.short.mid?);
        Some((short.units() - long.units()) as f64 / long.units() as f64)
    }

    /// Mean of the hourly basis over the memory, as a fraction; `None` below a day of samples.
    #[must_use]
    pub fn usual_basis(&self) -> Option<f64> {
        let count = self.basis.samples.len();
        (count >= 24).then(|| self.basis.sum as f64 / BASIS_SCALE / count as f64)
    }

    /// The next settlement's rate as far as it can be known now: the venue's estimate, else the formula applied to the
    /// premium sampled from prices, else the last settlement.
    #[must_use]
    pub fn expected_next(&self) -> Option<FundingRate> {
        if let Some((estimate, _)) = self.estimate {
            return Some(estimate);
        }
        let last = self.funding.last()?.funding;
        let sampled = (self.premium.weights > 0.0)
            .then(|| Rate::from_f64(self.premium.weighted / self.premium.weights))
            .flatten();
        Some(sampled.map_or(last, |premium| self.formula.rate(premium, last.interval)))
    }

    /// The interval in force: the venue's estimate says it, else the last settlement.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.estimate
            .map(|(funding, _)| funding.interval)
            .or_else(|| self.funding.last().map(|row| row.funding.interval))
    }

    /// Change of open interest over a day as a fraction, when both ends are known.
    #[must_use]
    pub fn open_interest_change(&self) -> Option<f64> {
        let (newest_at, newest) = *self.open_interest.back()?;
        let (oldest_at, oldest) = *self.open_interest.front()?;
        let covered = newest_at.since(oldest_at).0 >= OI_LOOK_BACK.0 - 2 * Span::HOUR.0;
        (covered && oldest > 0).then(|| (newest - oldest) as f64 / oldest as f64)
    }

    /// Open interest in coins, when the source has it.
    #[must_use]
    pub fn open_interest(&self) -> Option<Quantity> {
        self.open_interest.back().map(|(_, coins)| Quantity::saturating(*coins))
    }
}

#[expect(clippy::float_arithmetic, clippy::cast_possible_truncation, reason = "signals are floats")]
impl BasisWindow {
    /// With room for all that it will hold: a price allocates nothing.
    fn new(memory: Span) -> Self {
        let hours = usize::try_from(memory.0 / Span::HOUR.0).unwrap_or(0).min(MOST_HOURS);
        Self { samples: VecDeque::with_capacity(hours + 2), sum: 0, memory, last_hour: i64::MIN }
    }

    /// Whether it was the first of its hour.
    fn push(&mut self, at: WallTime, basis: f64) -> bool {
        let hour = at.0.div_euclid(Span::HOUR.0);
        if hour == self.last_hour {
            return false;
        }
        self.last_hour = hour;
        // Whole units, so that the sum depends on the window alone and a restart finds the same one.
        let units = libm::round(basis * BASIS_SCALE) as i64;
        self.samples.push_back((hour, units));
        self.sum += units;
        let oldest_kept = hour - self.memory.0 / Span::HOUR.0;
        while let Some((stamp, value)) = self.samples.front().copied() {
            if stamp > oldest_kept {
                break;
            }
            self.samples.pop_front();
            self.sum -= value;
        }
        true
    }
}
