//! Dollar prices of the quote coins: a few hundredths of a percent round one, and hours below it in a depeg.
//!
//! Published every five minutes and whenever it moved by five hundredths of a percent. Tested in `tests/suite/generator.rs`.

use super::noise::{Noise, bits};
use super::round;
use crate::domain::{Bps, Price};
use serde::{Deserialize, Serialize};
use std::f64::consts::LN_2;

/// Width of the usual wobble as a fraction, and the share of it forgotten a minute (half-life two hours).
const WOBBLE: f64 = 0.000_15;
const FORGET: f64 = LN_2 / 120.0;
/// Quote coins are quoted to 1e-5.
const TICK: i64 = 1_000;

/// One quote coin.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Peg {
    noise: Noise,
    #[serde(with = "bits")]
    wobble: f64,
    #[serde(with = "bits")]
    dollars: f64,
    published: Option<Price>,
}

impl Peg {
    /// At one dollar.
    pub(super) fn new(seed: u64, name: &str) -> Self {
        Self { noise: Noise::new(seed, &["peg", name], 0), wobble: 0.0, dollars: 1.0, published: None }
    }

    /// The next minute, `below` lower than usual; the price if it is to be published.
    pub(super) fn step(&mut self, below: f64, due: Due) -> Option<Price> {
        self.wobble += WOBBLE * libm::sqrt(2.0 * FORGET) * self.noise.bell() - FORGET * self.wobble;
        self.dollars = 1.0 + self.wobble - below;
        let price = round::price_units(round::price(self.dollars).units() / TICK * TICK);
        let moved = self.published.is_none_or(|last| price.distance_bps(last) > Bps::whole(5));
        if due == Due::Now || moved {
            self.published = Some(price);
            return self.published;
        }
        None
    }

    /// US dollars for one.
    pub(super) const fn dollars(&self) -> f64 {
        self.dollars
    }
}

/// Whether a thing that is published every five minutes is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// In this minute.
    Now,
    /// Later.
    Later,
}
