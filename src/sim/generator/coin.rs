//! The dollar price of each coin and the mood of the whole market.
//!
//! A jump-diffusion of the log price: a common move by the coin's beta, a move of its own, jumps of both kinds, the planned
//! shocks, and a weak pull back to where it began, so that a run of years keeps sensible ticks. Tested in
//! `tests/suite/generator.rs`.

use super::noise::{Noise, bits};
use super::setup::CoinSpec;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Square root of one minute in days: 1 / sqrt(1440).
const ROOT_MINUTE: f64 = 0.026_352_313_834_736_5;
/// Common volatility of a calm day.
const COMMON: f64 = 0.016;
/// Log price is pulled to its start with half-life forty days: a share of ln 2 / half-life is forgotten a minute.
const PULL: f64 = LN_2 / (40.0 * 1_440.0);
/// Momentum looks back with half-life twelve hours.
const TRAIL: f64 = LN_2 / 720.0;

/// Volatility regimes of the whole market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Mood {
    Calm,
    Rally,
    Crash,
}

impl Mood {
    /// Mean minutes it lasts, drift of a day, and volatility as a multiple of calm.
    const fn shape(self) -> (f64, f64, f64) {
        match self {
            Self::Calm => (6.0 * 1_440.0, 0.0, 0.85),
            Self::Rally => (1_080.0, 0.025, 1.5),
            Self::Crash => (720.0, -0.03, 2.2),
        }
    }
}

/// What all coins share.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Weather {
    noise: Noise,
    mood: Mood,
}

/// One minute of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gust {
    /// Common move of log prices.
    pub(super) common: f64,
    /// Volatility as a multiple of usual.
    pub(super) wildness: f64,
}

impl Weather {
    /// Calm at the start.
    pub(super) fn new(seed: u64) -> Self {
        Self { noise: Noise::new(seed, &["weather"], 0), mood: Mood::Calm }
    }

    /// The next minute.
    pub(super) fn step(&mut self) -> Gust {
        let (lasts, drift, wildness) = self.mood.shape();
        let turn = self.noise.unit();
        if turn * lasts < 1.0 {
            // The rest of the same draw, spread over 0 to 1, chooses what comes.
            let up = turn * lasts < 0.55;
            self.mood = match self.mood {
                Mood::Calm if up => Mood::Rally,
                Mood::Calm => Mood::Crash,
                Mood::Rally | Mood::Crash => Mood::Calm,
            };
        }
        let mut common = drift / 1_440.0 + COMMON * wildness * ROOT_MINUTE * self.noise.bell();
        common += jump(&mut self.noise, 0.2, 0.006);
        Gust { common, wildness }
    }
}

/// One coin.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Coin {
    noise: Noise,
    #[serde(with = "bits")]
    log: f64,
    #[serde(with = "bits")]
    start: f64,
    #[serde(with = "bits")]
    trail: f64,
}

impl Coin {
    /// At its starting price.
    pub(super) fn new(seed: u64, spec: &CoinSpec) -> Self {
        let log = libm::log(spec.dollars);
        Self { noise: Noise::new(seed, &["coin", spec.name], 0), log, start: log, trail: log }
    }

    /// The next minute; `planned` is what the month's shocks add to the log price.
    pub(super) fn step(&mut self, spec: &CoinSpec, gust: Gust, planned: f64) {
        let own = spec.own * gust.wildness * ROOT_MINUTE * self.noise.bell();
        let jump = jump(&mut self.noise, 0.3, spec.own);
        self.log += spec.beta * gust.common + own + jump + planned + PULL * (self.start - self.log);
        self.trail += TRAIL * (self.log - self.trail);
    }

    /// US dollars.
    pub(super) fn dollars(&self) -> f64 {
        libm::exp(self.log)
    }

    /// How far the price ran ahead of the last half day, as a fraction, within 0.25.
    pub(super) fn momentum(&self) -> f64 {
        (self.log - self.trail).clamp(-0.25, 0.25)
    }
}

/// A jump in this minute, or nothing: so many a day, of this width.
fn jump(noise: &mut Noise, per_day: f64, width: f64) -> f64 {
    if noise.unit() * 1_440.0 < per_day { width * noise.bell() } else { 0.0 }
}
