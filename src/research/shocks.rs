//! The shocks that a book is put through: how far and how fast prices went, what was left of the books, what venues did.
//!
//! Every figure is measured or says that it is assumed. What is measured is from Binance's published hourly candles and settlements
//! (`carry data download --venue binance`, read 2026-11-30) where no other source is named; a major is BTC or ETH, the other coins
//! are the worst that the history of that day has. A shock is no forecast: it asks what the book would have done then.
//! Tests: at the end and `tests/suite/stress.rs`.

use serde::Serialize;

/// A figure for BTC and ETH, and for every other coin.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct By {
    /// BTC and ETH.
    pub major: f64,
    /// Every other coin.
    pub other: f64,
}

impl By {
    const fn both(figure: f64) -> Self {
        Self { major: figure, other: figure }
    }

    /// That of a coin.
    #[must_use]
    pub fn of(self, coin: &str) -> f64 {
        if ["BTC", "ETH"].contains(&coin) { self.major } else { self.other }
    }
}

/// One shock. Moves are fractions of the price before; what is paid is above zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Shock {
    /// Its short name.
    pub name: &'static str,
    /// What happened.
    pub what: &'static str,
    /// Where the figures come from, and which are assumed.
    pub source: &'static str,
    /// Price at the worst point over that before, less one.
    pub change: By,
    /// Part of it that came in the worst hour, as a change of the price before that hour.
    pub worst_hour: By,
    /// Hours until the worst point.
    pub hours: f64,
    /// Change of the price from the worst point within the six hours after it.
    pub back: By,
    /// Perp over spot at the worst point, less one.
    pub basis: By,
    /// Part of each short that the venue closes by auto-deleveraging in the middle of the worst hour, while prices go on falling.
    pub adl: f64,
    /// What is left of the usual depth of the books.
    pub depth: f64,
    /// Hours from then on in which the venue takes no orders.
    pub outage_hours: f64,
    /// Hours that moving money to the margin takes; `None` when it cannot be moved at all.
    pub transfer_hours: Option<f64>,
    /// What shorts pay in settlements over the whole shock, a fraction of the notional.
    pub funding: By,
    /// What the quote coin loses against the dollar.
    pub depeg: f64,
    /// Whether both legs of everything are closed at the end, at this slippage a leg pair.
    pub exit: Option<f64>,
    /// Days of history on which it happened: first and last, UTC.
    pub days: Option<(&'static str, &'static str)>,
}

/// A day on which nothing happens; the shocks differ from it.
const CALM: Shock = Shock {
    name: "",
    what: "",
    source: "",
    change: By::both(0.0),
    worst_hour: By::both(0.0),
    hours: 24.0,
    back: By::both(0.0),
    basis: By::both(0.0),
    adl: 0.0,
    depth: 1.0,
    outage_hours: 0.0,
    transfer_hours: Some(0.1),
    funding: By::both(0.0),
    depeg: 0.0,
    exit: None,
    days: None,
};

/// All of them, oldest first, then those without a date.
pub const SHOCKS: &[Shock] = &[
    Shock {
        name: "2020-03-12",
        what: "half of the price is gone in a day, perps trade below spot",
        source: "BTC fell 52.5 % in 26 h with 24.5 % in one hour, ETH 56.0 % and 25.6 %; perp 2.6 % below spot at an hour's \
                 close; settlements of four days summed to 0.66 % for BTC. Assumed: a tenth of the depth, an hour without \
                 orders, a quarter deleveraged, an hour for a transfer",
        change: By { major: -0.525, other: -0.56 },
        worst_hour: By { major: -0.245, other: -0.256 },
        hours: 26.0,
        back: By::both(0.3),
        basis: By::both(-0.026),
        adl: 0.25,
        depth: 0.1,
        outage_hours: 1.0,
        transfer_hours: Some(1.0),
        funding: By::both(0.0066),
        days: Some(("2020-03-12", "2020-03-13")),
        ..CALM
    },
    Shock {
        name: "2021-05-19",
        what: "a third to a half in eighteen hours, venues stop answering",
        source: "BTC fell 31.2 % in 18 h with 16.0 % in one hour, ETH 45.5 % and 28.0 %; perp 0.6 % and 1.3 % below spot; \
                 settlements of two days summed to 0.01 % for BTC, 0.47 % for SOL. Assumed: a tenth of the depth, an hour \
                 without orders, a tenth deleveraged, an hour for a transfer",
        change: By { major: -0.312, other: -0.455 },
        worst_hour: By { major: -0.16, other: -0.28 },
        hours: 18.0,
        back: By::both(0.25),
        basis: By { major: -0.006, other: -0.013 },
        adl: 0.1,
        depth: 0.1,
        outage_hours: 1.0,
        transfer_hours: Some(1.0),
        funding: By { major: 0.0001, other: 0.0047 },
        days: Some(("2021-05-19", "2021-05-20")),
        ..CALM
    },
    Shock {
        name: "2022-11",
        what: "a venue fails over four days, money cannot be moved, shorts of the coins near it pay",
        source: "BTC fell 27.0 % in 95 h with 7.7 % in one hour, ETH 34.5 % and 8.4 %; settlements of six days summed to 0.31 % \
                 for BTC; those of SOL stood at their floor of -2 %, of which three are counted until an exit has left. \
                 Assumed: half of the depth, no transfer at all. What stands at one venue is shown beside it: a failed \
                 venue can take all of that",
        change: By { major: -0.27, other: -0.345 },
        worst_hour: By { major: -0.077, other: -0.084 },
        hours: 95.0,
        back: By::both(0.1),
        basis: By::both(-0.003),
        depth: 0.5,
        transfer_hours: None,
        funding: By { major: 0.0031, other: 0.06 },
        days: Some(("2022-11-06", "2022-11-10")),
        ..CALM
    },
    Shock {
        name: "2025-10-10",
        what: "the largest liquidation so far: books empty, small coins fall by two thirds, shorts are deleveraged",
        source: "BTC fell 16.8 % in 8 h with 10.7 % in one hour, DOGE 62.6 % and 56.6 %; lowest perp price 0.5 % (BTC) and 11.7 % \
                 (DOGE) below the lowest spot price; settlements of two days summed to 0.91 % for SOL; depth fell by about 98 % and \
                 withdrawals stood still for about 100 minutes (reports of the following days). Assumed: half an hour \
                 without orders, half of each short deleveraged: no venue has published its share",
        change: By { major: -0.218, other: -0.626 },
        worst_hour: By { major: -0.113, other: -0.566 },
        hours: 8.0,
        back: By { major: 0.13, other: 0.5 },
        basis: By { major: -0.005, other: -0.117 },
        adl: 0.5,
        depth: 0.02,
        outage_hours: 0.5,
        transfer_hours: Some(1.7),
        funding: By { major: 0.0002, other: 0.0091 },
        days: Some(("2025-10-10", "2025-10-11")),
        ..CALM
    },
    Shock {
        name: "rally",
        what: "the short's own risk: the price runs away upwards in a day",
        source: "largest rise of a perp within 24 h: BTC 47.0 % from 2020-03-13 on, DOGE 56.6 % from 2024-11-11 on, in one hour 31.1 % (a \
                 print of BTC on 2021-07-26) and 19.5 %. Assumed: a third of the depth, half an hour for a transfer, perp 1 % \
                 above spot",
        change: By { major: 0.47, other: 0.566 },
        worst_hour: By { major: 0.311, other: 0.195 },
        basis: By::both(0.01),
        depth: 0.33,
        transfer_hours: Some(0.5),
        ..CALM
    },
    Shock {
        name: "depeg",
        what: "the quote coin loses an eighth against the dollar and is still there at the end",
        source: "USDC traded down to about 0.88 USD on 2023-03-11, when its issuer's bank had failed (prices of that day on the large \
                 venues). Assumed: half of the depth, nothing comes back",
        depeg: 0.12,
        depth: 0.5,
        ..CALM
    },
    Shock {
        name: "24 h exit",
        what: "everything is left within a day at the worst costs that have been reckoned with",
        source: "LlamaRisk, Ethena Reserve Fund Drawdown Methodology V2, 2024-12-17: 0.5 % of funding in the day of the exit and 75 bps of \
                 slippage",
        funding: By::both(0.005),
        exit: Some(0.0075),
        ..CALM
    },
];

/// One instant of a path: prices over those before the shock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Hours since the start.
    pub hour: f64,
    /// Spot.
    pub spot: f64,
    /// Perp.
    pub perp: f64,
    /// Highest perp since the point before.
    pub high: f64,
}

/// Points an hour.
const AN_HOUR: u32 = 12;
/// Hours after the worst point.
const AFTER: f64 = 6.0;

impl Shock {
    /// The hour at which the worst hour begins.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a path of a scenario")]
    pub fn worst_begins(&self) -> f64 {
        (self.hours - 1.0).max(0.0)
    }

    /// The middle of the worst hour: when shorts are deleveraged and the venue stops taking orders.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a path of a scenario")]
    pub fn middle(&self) -> f64 {
        (self.hours - 0.5).max(0.0)
    }

    /// The path of a coin: evenly to the start of the worst hour, the worst hour, and back for six hours.
    #[must_use]
    #[expect(
        clippy::float_arithmetic,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::as_conversions,
        reason = "a path of a scenario of at most some days"
    )]
    pub fn path(&self, coin: &str) -> Vec<Point> {
        let worst = 1.0 + self.change.of(coin);
        let before = worst / (1.0 + self.worst_hour.of(coin));
        let after = worst * (1.0 + self.back.of(coin));
        let (begins, ends) = (self.worst_begins(), self.hours);
        let way = |from: f64, to: f64, part: f64| from + (to - from) * part.clamp(0.0, 1.0);
        let basis = self.basis.of(coin);
        let at = |hour: f64| {
            let (spot, part) = if hour <= begins {
                let part = hour / begins.max(0.01);
                (way(1.0, before, part), 0.3 * part)
            } else if hour <= ends {
                (way(before, worst, hour - begins), 0.3 + 0.7 * (hour - begins))
            } else {
                (way(worst, after, (hour - ends) / AFTER), 1.0 - (hour - ends) / AFTER)
            };
            let perp = spot * (1.0 + basis * part.clamp(0.0, 1.0));
            Point { hour, spot, perp, high: perp }
        };
        let count = ((ends + AFTER) * f64::from(AN_HOUR)).ceil() as u32;
        (0..=count).map(|place| at(f64::from(place) / f64::from(AN_HOUR))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_goes_where_the_table_says() {
        for shock in SHOCKS {
            for coin in ["BTC", "DOGE"] {
                let path = shock.path(coin);
                assert_eq!((path[0].spot, path[0].perp), (1.0, 1.0), "{}", shock.name);
                let worst =
                    path.iter().min_by(|a, b| (a.hour - shock.hours).abs().total_cmp(&(b.hour - shock.hours).abs()));
                let worst = worst.unwrap();
                assert!((worst.spot - 1.0 - shock.change.of(coin)).abs() < 1e-9, "{} {coin}: {worst:?}", shock.name);
                assert!((worst.perp / worst.spot - 1.0 - shock.basis.of(coin)).abs() < 1e-9, "{} {coin}", shock.name);
                let hour_before = path.iter().find(|point| (point.hour - shock.worst_begins()).abs() < 1e-9).unwrap();
                let hour = worst.spot / hour_before.spot - 1.0;
                assert!((hour - shock.worst_hour.of(coin)).abs() < 1e-9, "{} {coin}: {hour}", shock.name);
                assert!(path.windows(2).all(|two| two[0].hour < two[1].hour && two[1].spot > 0.0));
            }
        }
    }

    #[test]
    fn every_shock_says_where_it_comes_from() {
        for (place, shock) in SHOCKS.iter().enumerate() {
            assert!(shock.source.len() > 60 && shock.what.len() > 20, "{}", shock.name);
            assert!(SHOCKS.iter().take(place).all(|other| other.name != shock.name));
        }
    }
}
