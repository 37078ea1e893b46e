//! Days of high funding and days of low funding of one pair, drawn anew each month.
//!
//! A hot episode is a crowd that pays 20 to 100 % a year for four to eight days; a cold one pays nothing or less, and cash
//! wins. Between them the premium does what its temper says. Both venues of a coin share the timing, as crowds do, and
//! the wild one exaggerates. A rally of the coin begins a hot episode of its own.

use super::noise::{Noise, bits};
use super::setup::{CoinSpec, House};
use super::shocks::{DAY, MONTH, Rally, minute_of};
use serde::{Deserialize, Serialize};

/// Funding in 8 h terms that the venue's formula pays inside its damper.
const ANCHOR: f64 = 0.000_1;
/// Half width of the damper.
const DAMPER: f64 = 0.000_5;

/// One stretch of a month with a level of funding.
#[derive(Clone, Serialize, Deserialize)]
struct Episode {
    from: u32,
    until: u32,
    /// Funding in 8 h terms.
    #[serde(with = "bits")]
    funding: f64,
}

/// The episodes of a pair in one month, in order of time.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(super) struct Episodes(Vec<Episode>);

impl Episodes {
    /// The episodes of a coin on a venue; `rally` is given when it is this coin's.
    pub(super) fn draw(seed: u64, month: u32, coin: &CoinSpec, house: House, rally: Option<&Rally>) -> Self {
        let Some((low, high)) = coin.heat else { return Self::default() };
        let mut noise = Noise::new(seed, &["episodes", coin.name], month);
        let mut own = Noise::new(seed, &["episodes", coin.name, house.name()], month);
        let days = |count: f64| minute_of(count * f64::from(DAY));
        let mut at = days(noise.between(0.3, 5.0));
        let mut episodes = Vec::new();
        while at + days(4.0) < MONTH {
            let until = at + days(noise.between(4.0, 8.0));
            let funding = noise.between(low, high) * own.between(0.85, 1.15);
            let scale = if house == House::Hyper { 1.15 } else { 1.0 };
            episodes.push(Episode { from: at, until: until.min(MONTH), funding: funding * scale });
            let cooled = until + days(noise.between(3.5, 6.0));
            let funding = -noise.between(0.000_01, 0.000_06);
            episodes.push(Episode { from: until.min(MONTH), until: cooled.min(MONTH), funding });
            at = cooled + days(noise.between(1.0, 7.0));
        }
        if let Some(rally) = rally {
            let from = rally.from + DAY / 4;
            let until = (from + days(own.between(3.0, 5.0))).min(MONTH);
            // First in the list wins, so the rally's crowd stands before the ordinary ones.
            episodes.insert(0, Episode { from, until, funding: own.between(0.000_6, 0.001_2) });
        }
        Self(episodes)
    }

    /// The premium that this minute's crowd aims at; `None` when the temper alone decides.
    ///
    /// The venue's formula turned round: funding above the anchor is premium less the damper, below it premium plus it.
    pub(super) fn premium(&self, minute: u32) -> Option<f64> {
        let episode = self.0.iter().find(|episode| (episode.from..episode.until).contains(&minute))?;
        let damper = if episode.funding > ANCHOR { DAMPER } else { -DAMPER };
        Some(episode.funding + damper)
    }
}
