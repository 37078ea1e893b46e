//! Coins as collateral and one account for both markets, on recorded history and on hours written here: the accountant agrees,
//! a rally that liquidates a short on margin in the quote coin does not touch one on its coins, and a debt is paid with coins.

use super::audit::{audited, audited_in, traded};
use super::files::{Bar, Paid, carry, repo, text, write_candles, write_funding};
use std::path::Path;

const THREE: &str = "strategy.pairs=[\"binance:BTCUSDT\",\"binance:ETHUSDT\",\"binance:SOLUSDT\"]";

fn sets<'a>(rows: &[&'a str]) -> Vec<&'a str> {
    rows.iter().flat_map(|set| ["--set", set]).collect()
}

#[test]
fn the_accountant_agrees_where_coins_are_collateral() {
    for model in ["margin.collateral=coin", "margin.collateral=unified"] {
        traded(&audited("strategies/anchor.toml", &sets(&[THREE, model, "execution.clip=5000usd"])));
        traded(&audited("strategies/ethena.toml", &sets(&[THREE, model, "execution.clip=5000usd"])));
    }
}

/// 2025-01-01T00:00Z.
const START: i64 = 1_735_689_600_000;
const HOUR: i64 = 3_600_000;

/// A month of hours of one coin: its price at the start of each, both legs alike, and the rate of each settlement.
fn folder(root: &Path, price: impl Fn(i64) -> f64, rate: impl Fn(i64) -> &'static str) {
    let bar = |hour: i64| {
        let cents = |price: f64| (price * 100.0).round() / 100.0;
        let (open, close) = (cents(price(hour)), cents(price(hour + 1)));
        Bar { at: START + hour * HOUR, prices: [open, open.max(close), open.min(close), close], volume: 1e6 }
    };
    let bars: Vec<Bar> = (0..720).map(bar).collect();
    for market in ["spot", "perp"] {
        write_candles(&root.join(format!("klines/binance-{market}/GENUSDT-1h.parquet")), &bars, true);
    }
    let paid = |place: i64| Paid { at: START + place * 8 * HOUR, rate: rate(place).to_owned(), mark: String::new() };
    write_funding(&root.join("funding/binance/GENUSDT.csv"), &(0..90).map(paid).collect::<Vec<_>>());
    std::fs::create_dir_all(root.join("collateral")).unwrap();
    std::fs::write(root.join("collateral/binance.csv"), "coin,share\nGEN,0.9\n").unwrap();
}

const HOLDS: [&str; 5] = [
    "exit.min_hold=365d",
    "margin.autopilot=false",
    "execution.clip=5000usd",
    "size.per_pair=80%",
    "size.per_coin=80%",
];

fn reasons(root: &Path, more: &[&str]) -> Vec<String> {
    let all: Vec<&str> = HOLDS.iter().chain(more).copied().collect();
    audited_in(root, &repo("strategies/anchor.toml"), &sets(&all))
}

fn summary(root: &Path, more: &[&str]) -> serde_json::Value {
    let (data, strategy) = (root.display().to_string(), repo("strategies/anchor.toml"));
    let mut arguments = vec!["backtest", "--data", &data, "--strategy", &strategy, "--json"];
    let all: Vec<&str> = HOLDS.iter().chain(more).copied().collect();
    arguments.extend(sets(&all));
    let run = carry(&arguments);
    serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)))
}

#[test]
fn e15_a_rally_that_liquidates_a_short_on_quote_margin_leaves_one_on_its_coins_alone() {
    let root = tempfile::tempdir().unwrap();
    // Flat for ten days, then two and a half times the price within ten, and flat again.
    let price =
        |hour: i64| 100.25 * (1.0 + 1.5 * f64::from(i32::try_from(hour.clamp(240, 480) - 240).unwrap()) / 240.0);
    folder(root.path(), price, |_| "0.0005");
    let quote = summary(root.path(), &[]);
    let coin = summary(root.path(), &["margin.collateral=coin"]);
    let one = summary(root.path(), &["margin.collateral=unified"]);
    assert_eq!(quote["alarms"]["liquidated"], 1, "{}", quote["alarms"]);
    for run in [&coin, &one] {
        assert_eq!(run["alarms"].get("liquidated"), None, "{}", run["alarms"]);
        assert_eq!((&run["pnl"]["unexplained"], &run["open_pairs"]), (&"0".into(), &0.into()));
        assert_eq!(run["pnl"]["transfers"], "0");
    }
    // What a full pair needs: twice its notional, a clip and a little more than it, a little more than it.
    let need = |run: &serde_json::Value| run["capital_need"]["most"].as_f64().unwrap();
    assert!((need(&quote) - 2.0).abs() < 1e-9, "{}", need(&quote));
    assert!(need(&coin) > 1.05 && need(&coin) < 1.15, "{}", need(&coin));
    assert!((need(&one) - 1.02).abs() < 1e-3, "{}", need(&one));
    let funding = |run: &serde_json::Value| run["pnl"]["funding"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(funding(&coin) > 1.5 * funding(&quote), "{} {}", funding(&coin), funding(&quote));
    assert!(reasons(root.path(), &["margin.collateral=coin"]).iter().all(|reason| reason != "venue_closed"));
}

#[test]
fn e15_a_debt_of_paid_funding_sells_coins_and_the_short_follows() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path(), |_| 100.25, |place| if place < 40 { "0.0005" } else { "-0.009" });
    let model = ["margin.collateral=coin", "gates.quadrant=false"];
    let run = summary(root.path(), &model);
    assert_eq!(run["pnl"]["unexplained"], "0", "{run}");
    assert!(run["alarms"]["auto_exchanged"].as_u64().unwrap_or(0) >= 1, "{}", run["alarms"]);
    let reasons = reasons(root.path(), &model);
    assert!(reasons.is_empty() || reasons.iter().any(|reason| reason == "auto_exchange"), "{reasons:?}");
}

#[test]
fn coins_that_are_no_collateral_are_not_entered_and_it_is_said() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path(), |_| 100.25, |_| "0.0005");
    std::fs::write(root.path().join("collateral/binance.csv"), "coin,share\nGEN,0\n").unwrap();
    let run = summary(root.path(), &["margin.collateral=coin"]);
    assert_eq!((&run["round_trips"], &run["orders"]), (&0.into(), &0.into()));
    assert!(run["remarks"].to_string().contains("GEN counts for 0 of its value"), "{}", run["remarks"]);
}

#[test]
fn paper_on_the_generated_market_margins_shorts_with_coins_and_explains_every_cent() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["coin", "unified"] {
        let state = folder.path().join(model).display().to_string();
        let strategy = repo("strategies/ethena.toml");
        let eager =
            ["entry.min_net_apr=0%apr", "entry.max_breakeven=365d", "exit.margin_apr=0%apr", "run.cash_apr=1%apr"];
        let model = format!("margin.collateral={model}");
        let pairs = "strategy.pairs=[\"alpha:BTCUSDT\",\"alpha:ETHUSDT\"]";
        let mut arguments =
            vec!["paper", "--days", "12", "--seed", "3", "--state", &state, "--strategy", &strategy, "--json"];
        arguments.extend(sets(&[&eager[..], &[&model, pairs, "execution.clip=5000usd"]].concat()));
        let run = carry(&arguments);
        let summary: serde_json::Value =
            serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{}", text(&run.stderr)));
        assert_eq!(summary["pnl"]["unexplained"], "0");
        assert_eq!(summary["alarms"].get("liquidated"), None, "{}", summary["alarms"]);
        let rows = super::files::csv_rows(&Path::new(&state).join("fills.csv"));
        assert!(rows.len() > 2, "nothing was traded");
    }
}
