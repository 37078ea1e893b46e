//! Terms of single venues over history: each venue's sizes, margins and fees are its own, and the accountant agrees.

use super::audit::audited_in;
use super::files::{Bar, Paid, carry, csv_rows, repo, text, write_candles, write_funding};
use std::path::Path;

/// 2025-01-01T00:00Z.
const START: i64 = 1_735_689_600_000;
const HOUR: i64 = 3_600_000;

/// A month of hours of one coin at 100 with a small swing, and a funding that pays, at two venues.
fn folder(root: &Path) {
    for venue in ["binance", "okx"] {
        let bar = |hour: i64| {
            let (open, close) = (
                100.0 + f64::from(i32::try_from(hour % 2).unwrap()) / 10.0,
                100.0 + f64::from(i32::try_from((hour + 1) % 2).unwrap()) / 10.0,
            );
            Bar { at: START + hour * HOUR, prices: [open, open.max(close), open.min(close), close], volume: 1e7 }
        };
        let bars: Vec<Bar> = (0..720).map(bar).collect();
        for market in ["spot", "perp"] {
            write_candles(&root.join(format!("klines/{venue}-{market}/GENUSDT-1h.parquet")), &bars, true);
        }
        let paid = |place: i64| Paid { at: START + place * 8 * HOUR, rate: "0.0005".to_owned(), mark: String::new() };
        write_funding(&root.join(format!("funding/{venue}/GENUSDT.csv")), &(0..90).map(paid).collect::<Vec<_>>());
    }
    std::fs::create_dir_all(root.join("collateral")).unwrap();
    for venue in ["binance", "okx"] {
        std::fs::write(root.join(format!("collateral/{venue}.csv")), "coin,share\nGEN,0.9\n").unwrap();
    }
}

const HOLDS: [&str; 5] = [
    "exit.min_hold=365d",
    "execution.clip=100000usd",
    "risk.max_order=100000usd",
    "size.per_pair=100%",
    "size.per_coin=100%",
];

/// The first fills of a run: by venue the value of its spot leg and what its fees were as parts of the value, spot then perp.
struct Ran {
    summary: serde_json::Value,
    fills: Vec<Vec<String>>,
}

impl Ran {
    fn of(root: &Path, more: &[&str]) -> Self {
        let (data, strategy) = (root.display().to_string(), repo("strategies/anchor.toml"));
        let out = tempfile::tempdir().unwrap();
        let dir = out.path().join("out").display().to_string();
        let mut arguments = vec!["backtest", "--data", &data, "--strategy", &strategy, "--json", "--out", &dir];
        let all: Vec<&str> = HOLDS.iter().chain(more).copied().collect();
        // A file is a layer of its own; the rest is set by hand.
        arguments.extend(all.iter().flat_map(|one| if one.contains('=') { ["--set", one] } else { ["--config", one] }));
        let run = carry(&arguments);
        let summary = serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
        let fills = csv_rows(&out.path().join("out/fills.csv"));
        let ran = Self { summary, fills };
        assert_eq!(ran.summary["pnl"]["unexplained"], "0");
        ran
    }

    fn column(&self, name: &str) -> usize {
        self.fills[0].iter().position(|head| head == name).unwrap_or_else(|| panic!("{:?}", self.fills[0]))
    }

    /// Value bought of the long leg, and of each leg its entries' fees over their value.
    fn entries(&self, (head, name): (&str, &str)) -> (f64, [f64; 2]) {
        let cell = |row: &Vec<String>, name: &str| row[self.column(name)].clone();
        let number = |row: &Vec<String>, name: &str| cell(row, name).parse::<f64>().unwrap();
        let mut found = (0.0, [0.0; 2]);
        for (place, (leg, side)) in [("spot", "buy"), ("perp", "sell")].into_iter().enumerate() {
            let rows = self.fills.iter().skip(1);
            let rows: Vec<_> = rows
                .filter(|row| cell(row, head) == name && cell(row, "leg") == leg && cell(row, "side") == side)
                .collect();
            let value: f64 = rows.iter().map(|row| number(row, "qty") * number(row, "price")).sum();
            let fees = |row: &&Vec<String>| {
                let fee = number(row, "fee");
                if cell(row, "fee_asset").starts_with("USD") { fee } else { fee * number(row, "price") }
            };
            if place == 0 {
                found.0 = value;
            }
            found.1[place] = rows.iter().map(fees).sum::<f64>() / value.max(1.0);
        }
        found
    }
}

fn near(found: f64, expected: f64, share: f64) {
    assert!((found - expected).abs() <= expected.abs() * share, "{found} is not {expected}");
}

#[test]
fn each_venue_has_its_own_leverage_share_and_fees() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    let (here, there) = (("pair", "binance:GENUSDT"), ("pair", "okx:GENUSDT"));
    let plain = Ran::of(root.path(), &[]);
    let (one, other) = (plain.entries(here), plain.entries(there));
    near(one.0, 22_500.0, 0.02);
    near(other.0, one.0, 0.02);
    let own = [
        "venues.binance.capital=60%",
        "venues.okx.capital=40%",
        "venues.okx.leverage=2x",
        "venues.okx.fees.spot_taker=3bps",
        "venues.okx.fees.perp_taker=1bps",
    ];
    let apart = Ran::of(root.path(), &own);
    let (one, other) = (apart.entries(here), apart.entries(there));
    near(one.0, 27_000.0, 0.02);
    // Nine tenths of 40,000 at 2x: two thirds of it buy coins.
    near(other.0, 24_000.0, 0.02);
    near(one.1[0], 0.001, 0.02);
    near(one.1[1], 0.0005, 0.02);
    near(other.1[0], 0.0003, 0.02);
    near(other.1[1], 0.0001, 0.02);
    let model = apart.summary["capital_need"]["model"].as_str().unwrap();
    assert_eq!(model, "binance: margin in the quote coin at 1x; okx: margin in the quote coin at 2x");
    assert!(
        apart.summary["remarks"].to_string().contains("venues.okx.fees.perp_taker 1bps"),
        "{}",
        apart.summary["remarks"]
    );
    // A fee of all venues is not one of a venue that is asked for its own.
    let file = |name: &str, text: &str| {
        std::fs::write(root.path().join(name), text).unwrap();
        root.path().join(name).display().to_string()
    };
    let all = file("all.toml", "[sim]\nperp_taker = \"1bps\"\n");
    let ask = file("ask.toml", "[venues.binance]\nfees = \"ask\"\n");
    let asked = Ran::of(root.path(), &[&all, &ask]);
    near(asked.entries(here).1[1], 0.0005, 0.02);
    near(asked.entries(there).1[1], 0.0001, 0.02);
    let sets: Vec<&str> = HOLDS.iter().chain(&own).flat_map(|set| ["--set", *set]).collect();
    let _ = audited_in(root.path(), &repo("strategies/anchor.toml"), &sets);
}

#[test]
fn coins_margin_the_short_of_one_venue_and_the_quote_coin_that_of_the_other() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path());
    let own = ["venues.okx.collateral=coin", "execution.clip=5000usd"];
    let ran = Ran::of(root.path(), &own);
    let (quote, coin) = (ran.entries(("pair", "binance:GENUSDT")).0, ran.entries(("pair", "okx:GENUSDT")).0);
    near(quote, 22_500.0, 0.02);
    assert!(coin > 38_000.0, "50,000 carry nearly as much where the coins are the margin: {coin}");
    assert_eq!(ran.summary["alarms"].get("liquidated"), None, "{}", ran.summary["alarms"]);
    assert_eq!(ran.summary["open_pairs"], 0, "coins come back at the end");
    let alone = Ran::of(root.path(), &["margin.collateral=coin", "execution.clip=5000usd"]);
    near(coin, alone.entries(("pair", "okx:GENUSDT")).0, 0.01);
    let sets: Vec<&str> = HOLDS.iter().chain(&own).flat_map(|set| ["--set", *set]).collect();
    let _ = audited_in(root.path(), &repo("strategies/anchor.toml"), &sets);
}

#[test]
fn paper_on_the_generated_market_honours_the_terms_of_a_venue_too() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("run").display().to_string();
    let strategy = repo("strategies/ethena.toml");
    let eager = ["entry.min_net_apr=0%apr", "entry.max_breakeven=365d", "exit.margin_apr=0%apr", "run.cash_apr=1%apr"];
    let sizes = [
        "size.per_pair=100%",
        "size.per_coin=100%",
        "exit.min_hold=30d",
        "execution.clip=100000usd",
        "risk.max_order=100000usd",
    ];
    let own = ["venues.alpha.capital=20%", "venues.hyper.leverage=2x", "venues.hyper.fees.perp_taker=1bps"];
    let pairs = "strategy.pairs=[\"alpha:BTCUSDT\",\"hyper:BTCUSDC\"]";
    let mut arguments =
        vec!["paper", "--days", "12", "--seed", "3", "--state", &state, "--strategy", &strategy, "--json"];
    arguments.extend(eager.iter().chain(&sizes).chain(&own).chain([&pairs]).flat_map(|set| ["--set", *set]));
    let run = carry(&arguments);
    let summary: serde_json::Value =
        serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
    let ran = Ran { summary, fills: csv_rows(&Path::new(&state).join("fills.csv")) };
    assert_eq!(ran.summary["pnl"]["unexplained"], "0");
    let (alpha, hyper) = (ran.entries(("venue", "alpha")), ran.entries(("venue", "hyper")));
    assert!(alpha.0 > 5_000.0 && alpha.0 < 10_500.0, "20 % of 100,000 at 1x: {}", alpha.0);
    assert!(hyper.0 > 40_000.0, "more than 80 % of 100,000 could buy at 1x: {}", hyper.0);
    near(hyper.1[1], 0.0001, 0.05);
    assert!(alpha.1[1] > 0.0003, "the other venue keeps its own fee: {}", alpha.1[1]);
}
