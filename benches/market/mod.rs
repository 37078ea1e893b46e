//! A market for the benches: the settings of the cross-check, one pair, and a year of minutes from a fixed seed or from
//! the folder that `CARRY_BENCH_DATA` names.
#![allow(dead_code, reason = "each bench uses a part of it")]

use carry::config::{Settings, Sources, load};
use carry::data::folder::Folder;
use carry::data::history::{Candles, FundingRow, PairHistory};
use carry::domain::contract::Contract;
use carry::domain::fees::BuyFeeIn;
use carry::domain::funding::{Formula, Weighting};
use carry::domain::margin::Bracket;
use carry::domain::{
    Amount, Asset, Catalogue, Fees, Instrument, InstrumentId, Interval, Market, Price, Quantity, Rate, Rules, Span,
    Symbol, Venue, VenueId, WallTime,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::path::Path;

/// Minutes of a year.
pub(crate) const YEAR: usize = 365 * 1440;

/// The settings of a file of the repository.
pub(crate) fn settings(file: &str) -> Settings {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    load(&Sources { strategy: Some(path), ..Sources::default() }).unwrap().settings
}

fn leg(symbol: &str, coin: &str, market: Market) -> Instrument {
    let rate = |text: &str| Rate::parse(text).unwrap();
    let (maker, taker, brackets) = match market {
        Market::Spot => (rate("0.001"), rate("0.001"), Vec::new()),
        Market::Perp => {
            let bracket = |floor, share| Bracket { floor: Amount::whole(floor), maintenance: rate(share) };
            let table = [(0, "0.004"), (50_000, "0.005"), (500_000, "0.01"), (10_000_000, "0.025")];
            (rate("0.0002"), rate("0.0005"), table.map(|(floor, share)| bracket(floor, share)).to_vec())
        }
    };
    Instrument {
        id: InstrumentId(0),
        venue_id: VenueId(0),
        venue: Venue::new("binance").unwrap(),
        symbol: Symbol::new(symbol).unwrap(),
        market,
        coin: Asset::new(coin).unwrap(),
        quote: Asset::new("USDT").unwrap(),
        contract: Contract::Linear { coins: 1 },
        rules: Rules {
            tick: Price::parse("0.1").unwrap(),
            step: Quantity::parse("0.00001").unwrap(),
            min_quantity: Quantity::parse("0.00001").unwrap(),
            max_quantity: Quantity::parse("100000").unwrap(),
            min_notional: Amount::whole(5),
        },
        fees: Fees { maker, taker },
        buy_fee_in: BuyFeeIn::Quote,
        brackets,
        collateral: Rate::ZERO,
        formula: Formula::STANDARD,
        weighting: Weighting::Linear,
    }
}

/// One pair of a coin against USDT.
pub(crate) fn catalogue(coin: &str) -> Catalogue {
    let symbol = format!("{coin}USDT");
    let mut catalogue = Catalogue::default();
    catalogue.add_pair(leg(&symbol, coin, Market::Spot), leg(&symbol, coin, Market::Perp));
    catalogue
}

/// The history to run over: the folder's only pair, or a generated year.
#[expect(clippy::disallowed_methods, reason = "a bench is a program for a person")]
pub(crate) fn history() -> PairHistory {
    let Ok(root) = std::env::var("CARRY_BENCH_DATA") else { return generated(YEAR) };
    let folder = Folder::open(Path::new(&root)).unwrap();
    let name = folder.pairs().into_iter().next().unwrap();
    folder.load_pair(&name, None, None).unwrap()
}

struct Noise(ChaCha8Rng);

impl Noise {
    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / 4_294_967_296.0
    }
    /// Mean 0, deviation 1.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

/// Minutes of a coin at 60 % volatility, a perp with a premium that reverts in three days and one that reverts in ten
/// minutes, and funding every 8 h by the venue's formula from that premium.
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a generated market")]
pub(crate) fn generated(minutes: usize) -> PairHistory {
    let start = 1_640_995_200_000_i64;
    let mut noise = Noise(ChaCha8Rng::seed_from_u64(20_240_101));
    let sigma = 0.60 / (YEAR as f64).sqrt();
    let keep = |half: f64| (-std::f64::consts::LN_2 / half).exp();
    let (slow_keep, fast_keep) = (keep(3.0 * 1440.0), keep(10.0));
    let deviation = |sd: f64, keep: f64| sd * (1.0 - keep * keep).sqrt();
    let (slow_sd, fast_sd) = (deviation(6e-4, slow_keep), deviation(1e-4, fast_keep));
    let (mut level, mut slow, mut fast) = (47_000.0_f64, 2e-4, 0.0);
    let (mut spot, mut perp, mut funding) = (Candles::default(), Candles::default(), Vec::new());
    let (mut premiums, mut before) = (0.0, (level, level));
    for place in 0..minutes {
        level *= (noise.bell() * sigma - sigma * sigma / 2.0).exp();
        slow = 2e-4 + slow_keep * (slow - 2e-4) + noise.bell() * slow_sd;
        fast = fast_keep * fast + noise.bell() * fast_sd;
        let opened = WallTime(start + i64::try_from(place).unwrap() * 60_000);
        let closes = (level, level * (1.0 + slow + fast));
        for (candles, from, to) in [(&mut spot, before.0, closes.0), (&mut perp, before.1, closes.1)] {
            let wick = noise.unit() * sigma;
            let price = |value: f64| Price::from_double((value * 10.0).round() / 10.0).unwrap();
            candles.opened.push(opened);
            candles.open.push(price(from));
            candles.high.push(price(from.max(to) * (1.0 + wick)));
            candles.low.push(price(from.min(to) * (1.0 - wick)));
            candles.close.push(price(to));
            candles.volume.push(Quantity::from_units(100_000_000 + i64::from(noise.0.next_u32())).unwrap());
        }
        before = closes;
        premiums += slow + fast;
        if (place + 1) % 480 == 0 {
            let premium = premiums / 480.0;
            let rate = premium + (1e-4 - premium).clamp(-5e-4, 5e-4);
            let rate = Rate::from_f64((rate * 1e8).round() / 1e8).unwrap();
            funding.push(FundingRow {
                stamp: opened + Span::MINUTE,
                rate,
                interval: Some(Interval::H8),
                mark: None,
                premium: None,
            });
            premiums = 0.0;
        }
    }
    PairHistory {
        name: "binance:GENUSDT".to_owned(),
        legs: carry::domain::pair_name::legs_of_name("binance:GENUSDT").unwrap(),
        prices: std::collections::BTreeMap::new(),
        spot_symbol: Symbol::of("GENUSDT"),
        coins: 1,
        step: Span::MINUTE,
        spot,
        perp,
        mark: None,
        long_mark: None,
        funding,
        long_funding: Vec::new(),
        open_interest: Vec::new(),
        segments: Vec::new(),
        listed: None,
    }
}
