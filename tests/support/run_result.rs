//! A made-up run whose lines add up exactly, for the tests and the bench of reports. Nothing in it is market data.

#![expect(clippy::unwrap_used, reason = "a made-up run that cannot be made must stop the test")]

use carry::domain::{Amount, Asset, LegWord, Price, Quantity, Rate, Side, SignedQuantity, Span, WallTime};
use carry::report::run::{
    BasisSeries, CapitalNeed, Changed, EquityRow, FillRow, ForecastScore, FundingRow, Lines, MarginRow, Period, Remark,
    RunInfo, RunResult, Summary, TripRow,
};

/// A symbol as an attacker would list it.
pub(crate) const HOSTILE: &str = "x:<img/src=x/onerror=alert(1)>";
/// The first instant of the run.
pub(crate) const START: WallTime = WallTime(1_640_995_200_000);
/// Length of the run in hours.
const HOURS: i64 = 24 * 200;

/// A small generator that is the same everywhere.
struct Noise(u64);

impl Noise {
    /// A number from -1,000 to 1,000.
    fn next(&mut self) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((self.0 >> 33) % 2_001).unwrap() - 1_000
    }
}

fn amount(text: &str) -> Amount {
    Amount::parse(text).unwrap()
}

/// Units of 1e-8 of the coin and a rest below it, so that all 16 decimals are used.
fn cents(units: i64) -> Amount {
    Amount::from_units(i128::from(units) * 100_000_000_000_000 + i128::from(units) * 7)
}

/// The run with so many rows in its equity curve.
pub(crate) fn synthetic(rows: i64) -> RunResult {
    let equity = equity_rows(rows);
    let last = *equity.last().unwrap();
    let trips = trips(&last.lines);
    let basis = ["binance:BTCUSDT", "hyperliquid:ETH", HOSTILE].map(basis_series).to_vec();
    let naked_s = (0..40).map(|n| f64::from(n * n * n) / 40.0).collect();
    let summary = summary(&last);
    RunResult {
        summary,
        fills: fills(),
        funding: funding_rows(),
        equity,
        trips,
        basis,
        margin: margin_rows(),
        naked_s,
        books: Vec::new(),
    }
}

fn equity_rows(rows: i64) -> Vec<EquityRow> {
    let mut noise = Noise(7);
    let (mut lines, mut swing) = (Lines::default(), 0);
    let step = HOURS * 3_600_000 / rows;
    (1..=rows)
        .map(|row| {
            lines.funding += cents(350_000 / rows + noise.next() / 500);
            // The basis comes and goes: what moves is its level, not its sum.
            swing = swing * 63 / 64 + noise.next() * 6;
            lines.basis = cents(swing);
            lines.delta += cents(noise.next() / 200);
            if row % (rows / 6).max(1) == 1 {
                lines.fees -= cents(31_007);
                lines.slippage -= cents(4_003);
            }
            let equity = Amount::whole(100_000) + lines.total();
            EquityRow { at: START + Span(step * row), equity, lines }
        })
        .collect()
}

fn funding_rows() -> Vec<FundingRow> {
    let mut noise = Noise(11);
    let price = Price::parse("42150.25").unwrap();
    (1..=HOURS / 8)
        .flat_map(|n| ["binance:BTCUSDT", "hyperliquid:ETH"].map(|pair| (n, pair)))
        .map(|(n, pair)| {
            let rate = Rate::from_units(100_000_000_000_000 + noise.next() * 120_000_000_000);
            let quantity = SignedQuantity::from_units(-50_000_000);
            let (venue, symbol) = pair.split_once(':').unwrap();
            FundingRow {
                at: START + Span(n * 8 * 3_600_000 + n % 9),
                pair: pair.to_string(),
                venue: venue.to_string(),
                symbol: symbol.to_string(),
                quantity,
                mark_price: price,
                mark_source: "funding".to_owned(),
                rate,
                amount: (-price.times_signed(quantity)).times_rate(rate),
            }
        })
        .collect()
}

fn fills() -> Vec<FillRow> {
    let quantity = Quantity::parse("0.5").unwrap();
    [(LegWord::Spot, Side::Buy, "42150.25"), (LegWord::Perp, Side::Sell, "42158.1")]
        .into_iter()
        .map(|(leg, side, price)| FillRow {
            at: START + Span::HOUR,
            pair: "binance:BTCUSDT".to_string(),
            venue: "binance".to_string(),
            symbol: "BTCUSDT".to_string(),
            leg,
            side,
            quantity,
            price: Price::parse(price).unwrap(),
            mid: Price::parse("42150").unwrap(),
            fee: amount("21.075125"),
            fee_asset: Asset::of("USDT"),
            arrival_mid: Price::parse("42149.99999999").unwrap(),
            intent: "c1-7".to_string(),
            reason: "=cmd|' /C calc'!A0, \"funding\" 12%apr".to_string(),
        })
        .collect()
}

fn trips(total: &Lines) -> Vec<TripRow> {
    let half = |sum: Amount| Amount::from_units(sum.units() / 2);
    let first = Lines {
        funding: half(total.funding),
        basis: half(total.basis),
        delta: half(total.delta),
        fees: half(total.fees),
        slippage: half(total.slippage),
        ..Lines::default()
    };
    let trip = |pair: &str, opened: i64, closed: Option<i64>, lines: Lines| TripRow {
        pair: pair.to_string(),
        opened: START + Span::hours(opened),
        closed: closed.map(|hours| START + Span::hours(hours)),
        coins: Quantity::parse("0.4995").unwrap(),
        notional: amount("21079.05"),
        entry_basis_bps: 8.25,
        exit_basis_bps: closed.map(|_| -1.5),
        settlements: 30,
        lines,
        naked_s: 0.35,
        entry_reason: "funding 0.021 %/8h above 0.015 %/8h".to_string(),
        exit_reason: closed.map(|_| "<b>basis</b> at or below 0 bps".to_string()),
    };
    vec![
        trip("binance:BTCUSDT", 1, Some(1_900), first),
        trip("hyperliquid:ETH", 300, Some(4_100), Lines { basis: Amount::ZERO, ..first }),
        trip(HOSTILE, 900, Some(1_000), Lines::default()),
        trip("binance:BTCUSDT", 2_500, None, Lines::default()),
    ]
}

fn basis_series(pair: &str) -> BasisSeries {
    let mut noise = Noise(pair.len() as u64);
    let mut level = 40_000;
    let points = (0..HOURS)
        .map(|hour| {
            level += noise.next() / 2 - (level - 20_000) / 200;
            (START + Span::hours(hour), f64::from(i32::try_from(level).unwrap()) / 5_000.0)
        })
        .collect();
    BasisSeries { pair: pair.to_string(), points }
}

fn margin_rows() -> Vec<MarginRow> {
    let mut noise = Noise(5);
    let mut row = |day: i64| {
        let distance = 0.8 + f64::from(i32::try_from(noise.next()).unwrap()) / 5_000.0;
        MarginRow { at: START + Span::hours(24 * day), wallet: "binance USDT".to_string(), distance }
    };
    (1..200).map(&mut row).collect()
}

/// Seven months of one year.
fn months() -> Vec<Period> {
    let starts = [0, 31, 59, 90, 120, 151, 181];
    let period = |day: i64| Period {
        from_ms: START + Span::hours(24 * day),
        net: f64::from(i32::try_from(day % 7).unwrap() - 2) / 1_000.0,
        with_cash: 0.004,
        benchmark: 0.003_2,
        fall: 0.001_5,
        excess_simple: Some(0.001),
    };
    starts.map(period).to_vec()
}

fn run_info() -> RunInfo {
    RunInfo {
        version: "0.1.0".to_string(),
        commit: None,
        strategy: "anchor".to_string(),
        file: Some("strategies/anchor.toml".to_string()),
        beside: Vec::new(),
        strategy_sha256: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef".to_string(),
        preset: "anchor".to_string(),
        changed: vec![Changed {
            key: "exit.funding".to_string(),
            value: "0%/8h".to_string(),
            preset: "0.002%/8h".to_string(),
            source: "--set".to_string(),
        }],
        settings: [("exit.funding".to_string(), "0%/8h".to_string())].into(),
    }
}

fn summary(last: &EquityRow) -> Summary {
    let remark = |subject: &str, text: &str| Remark { subject: subject.to_string(), text: text.to_string() };
    let net_return = (last.equity - Amount::whole(100_000)).to_f64() / 1e5;
    let cash_return = 1.04_f64.powf(200.0 / 365.0) - 1.0;
    let yearly = |gain: f64| (1.0 + gain).powf(365.0 / 200.0) - 1.0;
    Summary {
        schema: "carry.backtest/2".to_string(),
        run: run_info(),
        mode: "backtest".to_string(),
        market: "history".to_string(),
        capital: Amount::whole(100_000),
        final_equity: last.equity,
        currency: Asset::of("USDT"),
        from_ms: START,
        to_ms: START + Span::hours(HOURS),
        steps: ["binance:BTCUSDT", "hyperliquid:ETH"].map(|pair| (pair.to_string(), "1h".to_string())).into(),
        prices: std::collections::BTreeMap::new(),
        pnl: last.lines,
        events: 1_234_567,
        run_s: 0.412,
        strategies: std::collections::BTreeMap::new(),
        round_trips: 3,
        open_pairs: 1,
        max_drawdown: 0.0123,
        net_return,
        net_return_with_cash: net_return + 0.003_105,
        cash_return,
        net_apr: Some(yearly(net_return)),
        net_simple: Some(net_return * 365.0 / 200.0),
        idle_cash_interest: amount("310.5"),
        net_apr_with_cash: Some(yearly(net_return + 0.003_105)),
        benchmark_apr: Some(0.04),
        excess_apr: Some(yearly(net_return + 0.003_105) - 0.04),
        cash_apr: 0.04,
        years: vec![Period { net: net_return, fall: 0.0123, ..months().remove(0) }],
        months: months(),
        time_in_market: 0.662,
        capital_need: Some(CapitalNeed { model: "margin in the quote coin at 1x".to_string(), least: 2.0, most: 2.0 }),
        max_naked_s: 1_482.975,
        max_naked_notional: amount("2500.125"),
        digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_string(),
        seed: None,
        forecast: ForecastScore { n: 1_200, forecast: 0.000_031, last_print: 0.000_042, anchor: 0.000_055 },
        forecast_by_pair: [(
            "binance:BTCUSDT".to_string(),
            ForecastScore { n: 700, forecast: 0.000_029, last_print: 0.000_04, anchor: 0.000_052 },
        )]
        .into(),
        orders: 14,
        alarms: [("naked".to_string(), 2)].into(),
        remarks: vec![
            remark("premium", "perp/spot - 1 stands in for the premium index"),
            remark("<script>alert(2)</script>", "a hole of 31 h from 2022-03-01\u{1b}[31m"),
        ],
    }
}
