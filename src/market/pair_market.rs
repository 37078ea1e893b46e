//! The market of a pair: what is known of its two instruments, and what lies between them, the basis and the marks.

use super::instrument::InstrumentMarket;
use crate::domain::funding::Formula;
use crate::domain::{FundingRate, Leg, Price, Rate, Span, WallTime};
use std::collections::VecDeque;

/// Units of one in the basis window.
const BASIS_SCALE: f64 = 1e12;
/// Hours of a year: room that is made for the basis beforehand.
const MOST_HOURS: usize = 8_784;

/// Everything known of the market of one pair.
#[derive(Debug, Clone)]
pub struct PairMarket {
    /// Long leg.
    pub long: InstrumentMarket,
    /// Short leg.
    pub short: InstrumentMarket,
    /// Prices of both legs at one instant, at which open positions are valued.
    pub marks: Option<(Price, Price)>,
    /// When trading ends, when that is known.
    pub ends_at: Option<WallTime>,
    premium: Premium,
    basis: BasisWindow,
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
    /// Nothing known yet; the formulas are those of the long and the short leg.
    #[must_use]
    pub fn new(smooth: Span, memory: Span, formulas: (Formula, Formula)) -> Self {
        Self {
            long: InstrumentMarket::new(smooth, memory, formulas.0),
            short: InstrumentMarket::new(smooth, memory, formulas.1),
            marks: None,
            ends_at: None,
            premium: Premium::default(),
            basis: BasisWindow::new(memory),
        }
    }

    /// A leg.
    #[must_use]
    pub const fn leg(&self, leg: Leg) -> &InstrumentMarket {
        match leg {
            Leg::Long => &self.long,
            Leg::Short => &self.short,
        }
    }

    /// A leg, to change it.
    pub const fn leg_mut(&mut self, leg: Leg) -> &mut InstrumentMarket {
        match leg {
            Leg::Long => &mut self.long,
            Leg::Short => &mut self.short,
        }
    }

    /// Forgets all windows: the history has a hole before this.
    pub fn restart(&mut self) {
        self.long.restart();
        self.short.restart();
        self.ends_at = None;
        self.premium = Premium::default();
        self.basis.samples.clear();
        self.basis.sum = 0;
        self.basis.last_hour = i64::MIN;
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

    /// A settlement of a leg was published. The premium is sampled against the short leg, and anew from its settlements on.
    pub fn on_settled(&mut self, leg: Leg, stamp: WallTime, funding: FundingRate) {
        self.leg_mut(leg).on_settled(stamp, funding);
        if leg == Leg::Short {
            self.premium = Premium::default();
        }
    }

    /// The basis now, short leg over long leg less one, as a fraction.
    #[must_use]
    pub fn basis_now(&self) -> Option<f64> {
        let (long, short) = (self.long.mid?, self.short.mid?);
        Some((short.units() - long.units()) as f64 / long.units() as f64)
    }

    /// The first basis of each of the last so many hours in which there was one, the oldest first: the hour and the fraction.
    pub fn basis_hours(&self, most: usize) -> impl Iterator<Item = (WallTime, f64)> + '_ {
        let from = self.basis.samples.len().saturating_sub(most);
        let hour = |(hour, units): &(i64, i64)| (WallTime(hour * Span::HOUR.0), *units as f64 / BASIS_SCALE);
        self.basis.samples.iter().skip(from).map(hour)
    }

    /// Mean of the hourly basis over the memory, as a fraction; `None` below a day of samples.
    #[must_use]
    pub fn usual_basis(&self) -> Option<f64> {
        let count = self.basis.samples.len();
        (count >= 24).then(|| self.basis.sum as f64 / BASIS_SCALE / count as f64)
    }

    /// The short leg's next settlement as far as it can be known now: the venue's estimate, else the formula applied to the
    /// premium sampled from prices, else the last settlement.
    #[must_use]
    pub fn expected_next(&self) -> Option<FundingRate> {
        if let Some((estimate, _)) = self.short.estimate {
            return Some(estimate);
        }
        let last = self.short.funding.last()?.funding;
        let sampled = (self.premium.weights > 0.0)
            .then(|| Rate::from_f64(self.premium.weighted / self.premium.weights))
            .flatten();
        Some(sampled.map_or(last, |premium| self.short.formula.rate(premium, last.interval)))
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
