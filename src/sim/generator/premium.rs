//! The premium of one perp over its index, and the open interest that follows its funding.
//!
//! premium = level + slow + fast + spike + momentum - dislocation + noise of the minute. The level rests at the temper's
//! base and is drawn to what an episode's crowd pays; slow and fast revert to zero; a spike is compressed by arbitrage with
//! the temper's half-life; a cascade pushes perps below spot. Tested in `tests/suite/generator.rs`.

use super::noise::{Noise, bits};
use super::setup::Temper;
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Shares forgotten a minute: slow two and a half days, fast three hours.
const SLOW: f64 = LN_2 / 3_600.0;
const FAST: f64 = LN_2 / 180.0;
/// A crowd gathers with half-life two hours and leaves with half-life eight.
const GATHERS: f64 = LN_2 / 120.0;
const LEAVES: f64 = LN_2 / 480.0;
/// The mark looks at the premium of the last minutes.
const MARKED: f64 = 0.3;
/// The premium never leaves this range, whatever is drawn.
const WIDEST: f64 = 0.15;
/// Open interest follows funding with half-life a day and forgets a flush with half-life six days.
const FOLLOWS: f64 = LN_2 / 1_440.0;
const REFILLS: f64 = LN_2 / 8_640.0;

/// What acts on the premium in one minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Push {
    /// Premium that an episode's crowd aims at.
    pub(super) target: Option<f64>,
    /// The coin's momentum.
    pub(super) momentum: f64,
    /// Stress of a cascade, 0 to 1.
    pub(super) cascade: f64,
}

/// The premium of one perp.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Premium {
    #[serde(with = "bits")]
    level: f64,
    #[serde(with = "bits")]
    slow: f64,
    #[serde(with = "bits")]
    fast: f64,
    #[serde(with = "bits")]
    spike: f64,
    #[serde(with = "bits")]
    now: f64,
    #[serde(with = "bits")]
    marked: f64,
}

impl Premium {
    /// At the temper's base, with a slow part drawn from its long-run width.
    pub(super) fn new(noise: &mut Noise, temper: &Temper) -> Self {
        let slow = temper.slow * noise.bell();
        let now = temper.base + slow;
        Self { level: temper.base, slow, fast: 0.0, spike: 0.0, now, marked: now }
    }

    /// The next minute.
    pub(super) fn step(&mut self, noise: &mut Noise, temper: &Temper, push: Push) {
        let target = push.target.unwrap_or(temper.base);
        let speed = if push.target.is_some() { GATHERS } else { LEAVES };
        self.level += speed * (target - self.level);
        self.slow += temper.slow * libm::sqrt(2.0 * SLOW) * noise.bell() - SLOW * self.slow;
        self.fast += temper.fast * libm::sqrt(2.0 * FAST) * noise.bell() - FAST * self.fast;
        self.spike -= LN_2 / temper.compressed * self.spike;
        let arrival = noise.unit() * 1_440.0;
        if arrival < temper.spikes {
            let size = temper.spike * noise.exponential();
            self.spike += if arrival < 0.8 * temper.spikes { size } else { -0.5 * size };
        }
        let crowd = self.level + self.slow + self.fast + self.spike + temper.momentum * push.momentum;
        let minute = temper.noise * (1.0 + 4.0 * push.cascade) * noise.bell();
        self.now = (crowd + minute - temper.dislocation * push.cascade).clamp(-WIDEST, WIDEST);
        self.marked += MARKED * (self.now - self.marked);
    }

    /// Perp mid over index, less one.
    pub(super) const fn now(&self) -> f64 {
        self.now
    }

    /// Mark over index, less one: the premium averaged over the last minutes.
    pub(super) const fn marked(&self) -> f64 {
        self.marked
    }
}

/// Open interest of one perp as the log of a multiple of usual.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Crowding {
    #[serde(with = "bits")]
    drawn: f64,
    #[serde(with = "bits")]
    wobble: f64,
    #[serde(with = "bits")]
    flushed: f64,
}

impl Crowding {
    /// As usual.
    pub(super) const fn new() -> Self {
        Self { drawn: 0.0, wobble: 0.0, flushed: 0.0 }
    }

    /// The next minute: `funding` is the running estimate in 8 h terms, `flushed` what was closed by force.
    pub(super) fn step(&mut self, noise: &mut Noise, funding: f64, flushed: f64) {
        let crowd = (0.2 * (funding - 0.000_1) / 0.000_3).clamp(-0.2, 0.6);
        self.drawn += FOLLOWS * (crowd - self.drawn);
        self.wobble += 0.03 * libm::sqrt(2.0 * FAST) * noise.bell() - FAST * self.wobble;
        self.flushed += flushed - REFILLS * self.flushed;
    }

    /// Multiple of the usual open interest.
    pub(super) fn multiple(&self) -> f64 {
        libm::exp(self.drawn + self.wobble - self.flushed)
    }
}
