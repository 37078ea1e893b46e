//! The shocks of one month of 30 days: a rally, a cascade, a depeg, a change of funding interval, outages.
//!
//! All are drawn from the seed when the month begins, each kind from its own stream, in four windows that never overlap:
//! a run of 30 days has each at least once. Hot and cold funding stands in `episodes.rs`. Nothing here draws while the
//! month runs; each shock is a shape in time. Tested in `tests/suite/generator.rs`.

use super::noise::{Noise, bits};
use super::setup::{COINS, House, LISTINGS, QUOTES};
use crate::domain::{Interval, Span, WallTime};
use serde::{Deserialize, Serialize};

/// Minutes of a month of 30 days.
pub(super) const MONTH: u32 = 30 * DAY;
/// Minutes of a day.
pub(super) const DAY: u32 = 1_440;
/// First and last day on which the shock of a window may begin.
const WINDOWS: [(f64, f64); 4] = [(2.0, 6.5), (9.0, 13.5), (16.0, 20.5), (23.0, 26.5)];

/// The shocks of one month; minutes count from its beginning.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) rally: Rally,
    pub(super) cascade: Cascade,
    pub(super) depeg: Depeg,
    pub(super) switch: Switch,
    pub(super) outages: Vec<Outage>,
}

/// One coin gains 40 to 70 % in a day and gives a third of it back within days.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Rally {
    /// Place of the coin.
    pub(super) coin: usize,
    /// First minute.
    pub(super) from: u32,
    /// Gain of the log price.
    #[serde(with = "bits")]
    pub(super) gain: f64,
}

/// All coins fall within an hour, books empty, perps trade far below spot; one venue deleverages shorts.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Cascade {
    /// First minute.
    pub(super) from: u32,
    /// Minutes to the bottom.
    pub(super) ramp: u32,
    /// Fall of the log price of a coin with share 1.
    #[serde(with = "bits")]
    pub(super) depth: f64,
    /// Loss of the log open interest.
    #[serde(with = "bits")]
    pub(super) flush: f64,
    /// Place in [`House::ALL`] of the venue that deleverages.
    pub(super) house: usize,
    /// Minute of the deleveraging.
    pub(super) adl: u32,
}

/// One quote coin trades below a dollar for hours.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Depeg {
    /// Place of the quote coin.
    pub(super) quote: usize,
    /// First minute.
    pub(super) from: u32,
    /// Minutes down, minutes below, minutes back.
    pub(super) legs: (u32, u32, u32),
    /// How far, as a fraction.
    #[serde(with = "bits")]
    pub(super) depth: f64,
}

/// One perp of `alpha` pays every 4 h (or every hour) for some days.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Switch {
    /// Place of the listing.
    pub(super) listing: usize,
    /// From the first settlement at or after this.
    pub(super) from: WallTime,
    /// Until the first settlement at or after this at which 8 h may begin again.
    pub(super) until: WallTime,
    /// The interval in between.
    pub(super) interval: Interval,
}

/// One venue cannot be reached.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Outage {
    /// Place of the venue in [`House::ALL`].
    pub(super) house: usize,
    /// First minute without it.
    pub(super) from: u32,
    /// First minute with it again.
    pub(super) until: u32,
}

impl Plan {
    /// The plan of a month of a seed; `begins` is its first instant.
    pub(super) fn draw(seed: u64, month: u32, begins: WallTime) -> Self {
        let mut order = WINDOWS;
        let mut noise = Noise::new(seed, &["shocks", "order"], month);
        for place in (1..4_u32).rev() {
            let other = noise.whole(0, place + 1);
            order.swap(index(place), index(other));
        }
        let [rally, cascade, depeg, switch] = order;
        let stream = |kind| Noise::new(seed, &["shocks", kind], month);
        let cascade = Cascade::draw(&mut stream("cascade"), cascade);
        Self {
            rally: Rally::draw(seed, month, rally),
            depeg: Depeg::draw(&mut stream("depeg"), depeg),
            switch: Switch::draw(seed, month, begins, switch),
            outages: outages(seed, month, &cascade),
            cascade,
        }
    }

    /// What the planned shocks add to the log price of a coin between the minute before and this one.
    pub(super) fn move_of(&self, coin: usize, fall: f64, minute: u32) -> f64 {
        let before = minute.saturating_sub(1);
        let mut sum = 0.0;
        if minute > self.cascade.from {
            sum -= fall * (self.cascade.fallen(minute) - self.cascade.fallen(before));
        }
        if coin == self.rally.coin && minute > self.rally.from {
            sum += self.rally.risen(minute) - self.rally.risen(before);
        }
        sum
    }

    /// How stressed a coin's books are, 0 (quiet) to 1 (the bottom of a cascade).
    pub(super) fn stress(&self, coin: usize, minute: u32) -> f64 {
        let rally = &self.rally;
        let rallying = coin == rally.coin && minute >= rally.from && minute < rally.from + DAY;
        self.cascade.stress(minute).max(if rallying { 0.12 } else { 0.0 })
    }

    /// Whether a venue can be reached.
    pub(super) fn reachable(&self, house: House, minute: u32) -> bool {
        !self
            .outages
            .iter()
            .any(|outage| House::ALL.get(outage.house) == Some(&house) && (outage.from..outage.until).contains(&minute))
    }

    /// The interval that a listing should pay at from its next fitting settlement on.
    pub(super) fn interval(&self, listing: usize, house: House, now: WallTime) -> Interval {
        let switched = listing == self.switch.listing && now >= self.switch.from && now < self.switch.until;
        if switched { self.switch.interval } else { house.interval() }
    }
}

impl Rally {
    fn draw(seed: u64, month: u32, window: (f64, f64)) -> Self {
        // Each coin draws a lot of its own, so that a new coin changes a month only if it wins it.
        let mut best = (0.0, 0);
        for (place, coin) in COINS.iter().enumerate().filter(|(_, coin)| coin.rallies) {
            let lot = Noise::new(seed, &["shocks", "rally", coin.name], month).unit();
            if lot >= best.0 {
                best = (lot, place);
            }
        }
        let mut noise = Noise::new(seed, &["shocks", "rally"], month);
        let from = begin(&mut noise, window);
        Self { coin: best.1, from, gain: libm::log(noise.between(1.42, 1.68)) }
    }

    /// Gain of the log price by this minute: an even S over a day, then a third given back with half-life two days.
    fn risen(&self, minute: u32) -> f64 {
        let since = f64::from(minute.saturating_sub(self.from)) / f64::from(DAY);
        if since < 1.0 {
            self.gain * since * since * (3.0 - 2.0 * since)
        } else {
            self.gain * (1.0 - 0.33 * (1.0 - libm::exp2((1.0 - since) / 2.0)))
        }
    }
}

impl Cascade {
    fn draw(noise: &mut Noise, window: (f64, f64)) -> Self {
        let from = begin(noise, window);
        let ramp = noise.whole(20, 50);
        Self {
            from,
            ramp,
            depth: noise.between(0.2, 0.32),
            flush: noise.between(0.45, 0.75),
            house: usize::from(noise.unit() < 0.65),
            adl: from + ramp + noise.whole(1, 5),
        }
    }

    /// Fall of the log price by this minute: faster and faster to the bottom, then half of it back, half-life three hours.
    fn fallen(&self, minute: u32) -> f64 {
        let since = minute.saturating_sub(self.from);
        if since < self.ramp {
            let part = f64::from(since) / f64::from(self.ramp);
            self.depth * part * part
        } else {
            let after = f64::from(since - self.ramp);
            self.depth * (0.5 + 0.5 * libm::exp2(-after / 180.0))
        }
    }

    /// 0 before, 1 at the bottom, halved every 45 minutes after.
    pub(super) fn stress(&self, minute: u32) -> f64 {
        if minute < self.from || minute > self.from + DAY {
            return 0.0;
        }
        let since = minute - self.from;
        if since < self.ramp {
            f64::from(since) / f64::from(self.ramp)
        } else {
            libm::exp2(-f64::from(since - self.ramp) / 45.0)
        }
    }

    /// Log open interest closed by force in this minute.
    pub(super) fn flushed(&self, minute: u32) -> f64 {
        let falling = minute >= self.from && minute < self.from + self.ramp;
        if falling { self.flush / f64::from(self.ramp) } else { 0.0 }
    }

    /// Share of our short that the venue takes if `listing` is deleveraged in this minute.
    pub(super) fn share(&self, seed: u64, month: u32, listing: usize, minute: u32) -> Option<f64> {
        let spec = LISTINGS.get(listing)?;
        if minute != self.adl || House::ALL.get(self.house) != Some(&spec.house) {
            return None;
        }
        Some(Noise::new(seed, &["shocks", "adl", spec.house.name(), spec.symbol], month).between(0.25, 1.0))
    }
}

impl Depeg {
    fn draw(noise: &mut Noise, window: (f64, f64)) -> Self {
        Self {
            quote: index(noise.whole(0, 2)).min(QUOTES.len() - 1),
            from: begin(noise, window),
            legs: (noise.whole(30, 120), noise.whole(180, 900), noise.whole(120, 480)),
            depth: noise.between(0.011, 0.029),
        }
    }

    /// How far below a dollar a quote coin is pushed in this minute.
    pub(super) fn below(&self, quote: usize, minute: u32) -> f64 {
        if quote != self.quote || minute < self.from {
            return 0.0;
        }
        let (down, hold, back) = self.legs;
        let since = minute - self.from;
        if since < down {
            self.depth * f64::from(since) / f64::from(down)
        } else if since < down + hold {
            self.depth
        } else {
            let left = (down + hold + back).saturating_sub(since);
            self.depth * f64::from(left) / f64::from(back)
        }
    }
}

impl Switch {
    fn draw(seed: u64, month: u32, begins: WallTime, window: (f64, f64)) -> Self {
        let mut best = (0.0, 0);
        let able = |spec: &super::setup::ListingSpec| {
            spec.house == House::Alpha && COINS.get(spec.coin).is_some_and(|coin| coin.rallies)
        };
        for (place, spec) in LISTINGS.iter().enumerate().filter(|(_, spec)| able(spec)) {
            let lot = Noise::new(seed, &["shocks", "switch", spec.symbol], month).unit();
            if lot >= best.0 {
                best = (lot, place);
            }
        }
        let mut noise = Noise::new(seed, &["shocks", "switch"], month);
        let from = begin(&mut noise, window);
        let interval = if noise.unit() < 0.65 { Interval::H4 } else { Interval::H1 };
        // It ends a day before the month, so that the way back to 8 h falls into the same month.
        let until = (from + noise.whole(DAY, 3 * DAY)).min(MONTH - DAY);
        let at = |minute: u32| begins + Span(i64::from(minute) * Span::MINUTE.0);
        Self { listing: best.1, from: at(from), until: at(until), interval }
    }
}

/// One or two outages a venue, and one soon after the deleveraging on the venue that did it.
fn outages(seed: u64, month: u32, cascade: &Cascade) -> Vec<Outage> {
    let mut outages = Vec::new();
    for (house, venue) in House::ALL.iter().enumerate() {
        let mut noise = Noise::new(seed, &["shocks", "outage", venue.name()], month);
        for _ in 0..noise.whole(1, 3) {
            let from = begin(&mut noise, (0.5, 29.0));
            outages.push(Outage { house, from, until: from + noise.whole(3, 61) });
        }
        if cascade.house == house {
            let from = cascade.adl + noise.whole(2, 8);
            outages.push(Outage { house, from, until: from + noise.whole(5, 21) });
        }
    }
    outages
}

/// A minute of the month between two days of it.
fn begin(noise: &mut Noise, (first, last): (f64, f64)) -> u32 {
    let span = f64::from(DAY);
    minute_of(noise.between(first * span, last * span))
}

/// A whole minute of a month from a double that lies in it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, and MONTH bounds it"
)]
pub(super) fn minute_of(value: f64) -> u32 {
    (value as u32).min(MONTH)
}

fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(0)
}
