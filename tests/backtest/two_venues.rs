//! Pairs whose legs stand at two venues: spot at Binance and the short at Hyperliquid, and a spread of their two perps, priced by
//! a named proxy. The accountant rebuilds them from fills and raw history.

use super::audit::{audited, traded};
use super::files::{carry, repo, shared, text};

const PROXY: &str = "sim.prices.hyperliquid-perp=binance-perp";
const SPREAD: &str =
    "strategy.pairs=[\"binance-perp:BTCUSDT/hyperliquid-perp:BTC\",\"hyperliquid-perp:ETH/binance-perp:ETHUSDT\"]";
const BASIS: &str = "strategy.pairs=[\"binance:BTCUSDT/hyperliquid:BTC\",\"binance:ETHUSDT/hyperliquid:ETH\"]";

/// Hyperliquid settles each hour, when a bar closes: the guard cannot be kept there and is off.
fn over(pairs: &'static str, more: &[&'static str]) -> Vec<&'static str> {
    let sets = [pairs, PROXY].into_iter().chain(more.iter().copied());
    sets.flat_map(|set| ["--set", set]).collect()
}

const EAGER: [&str; 4] =
    ["entry.min_net_apr=0%apr", "entry.max_breakeven=365d", "exit.margin_apr=0%apr", "run.cash_apr=1%apr"];

#[test]
fn the_accountant_agrees_with_a_spread_of_two_venues() {
    traded(&audited("strategies/ethena.toml", &over(SPREAD, &EAGER)));
    traded(&audited("strategies/anchor.toml", &over(SPREAD, &[&EAGER[..], &["size.leverage=2x"]].concat())));
}

#[test]
fn the_accountant_agrees_with_spot_here_and_the_short_there() {
    traded(&audited("strategies/anchor.toml", &over(BASIS, &[])));
    traded(&audited("strategies/ethena.toml", &over(BASIS, &EAGER)));
}

#[test]
fn both_legs_shrink_when_one_venue_has_no_money_left_and_are_liquidated_when_nobody_looks() {
    let far = ["size.leverage=3x", "exit.min_hold=365d", "margin.warn=20%", "margin.target=25%"];
    let near = ["margin.top_up=15%", "margin.floor=10%"];
    let looked_after = audited("strategies/ethena.toml", &over(SPREAD, &[&EAGER[..], &far, &near].concat()));
    traded(&looked_after);
    assert!(looked_after.is_empty() || looked_after.iter().any(|reason| reason == "margin"), "nothing shrank");
    assert!(looked_after.iter().all(|reason| reason != "venue_closed"), "a leg was liquidated");
    let alone = [&EAGER[..], &far, &near, &["margin.autopilot=false"]].concat();
    let alone = audited("strategies/ethena.toml", &over(SPREAD, &alone));
    assert!(alone.is_empty() || alone.iter().any(|reason| reason == "venue_closed"), "no liquidation");
}

#[test]
fn a_leg_without_prices_is_refused_and_a_proxy_is_listed() {
    let Some(shared) = shared() else { return };
    let data = shared.join("data").display().to_string();
    let strategy = repo("strategies/ethena.toml");
    let run = |sets: &[&str]| {
        let mut arguments =
            vec!["backtest", "--data", &data, "--strategy", &strategy, "--from", "2024-01-01", "--json"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
        carry(&arguments)
    };
    let refused = run(&[SPREAD]);
    assert_eq!(refused.status.code(), Some(2));
    let said = text(&refused.stderr);
    assert!(said.contains("sim.prices.hyperliquid-perp names a market whose candles stand for it"), "{said}");
    let played = run(&[SPREAD, PROXY]);
    let summary: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    let file = "klines/binance-perp/BTCUSDT-1h.parquet";
    assert_eq!(summary["prices"]["hyperliquid-perp:BTC"], file, "{}", text(&played.stderr));
    assert!(summary["remarks"].to_string().contains("its basis is that of the proxy"));
    assert!(summary["remarks"].to_string().contains("count one for one"));
}

#[test]
fn paper_trades_spot_here_and_the_short_there_on_the_generated_market_and_explains_every_cent() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("run").display().to_string();
    let strategy = repo("strategies/ethena.toml");
    let run = |state: &str, pairs: &str| {
        let pairs = format!("strategy.pairs=[{pairs}]");
        let mut arguments =
            vec!["paper", "--days", "12", "--seed", "3", "--state", state, "--strategy", &strategy, "--json"];
        let size = ["size.per_pair=10%", "size.per_coin=100%", "entry.cooldown=0s"];
        arguments.extend(EAGER.iter().chain(&size).chain([&pairs.as_str()]).flat_map(|set| ["--set", *set]));
        carry(&arguments)
    };
    let pair = "alpha:BTCUSDT/hyper:BTCUSDC";
    let played = run(&state, &format!("\"{pair}\""));
    let summary: serde_json::Value =
        serde_json::from_slice(&played.stdout).unwrap_or_else(|_| panic!("{}", text(&played.stderr)));
    assert_eq!(summary["pnl"]["unexplained"], "0");
    let rows = super::files::csv_rows(&std::path::Path::new(&state).join("fills.csv"));
    assert!(rows.iter().any(|row| row.iter().any(|cell| cell == pair)), "{pair} was not traded");
    let other = folder.path().join("other").display().to_string();
    let refused = run(&other, "\"alpha:BTCUSDT/nobody:BTC\"");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused.stderr).contains("a leg of it is not in the generated market"), "{}", text(&refused.stderr));
}

#[test]
fn a_strategy_of_kind_spread_is_the_one_that_names_say_and_plays_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let pair = "alpha-perp:BTCUSDT/hyper-perp:BTCUSDC";
    let strategy = repo("strategies/ethena.toml");
    let run = |kind: &str| {
        let state = folder.path().join(kind).display().to_string();
        let (pairs, kind) = (format!("strategy.pairs=[\"{pair}\"]"), format!("strategy.kind={kind}"));
        let mut arguments =
            vec!["paper", "--days", "9", "--seed", "3", "--state", &state, "--strategy", &strategy, "--json"];
        let size = ["size.per_pair=30%", "size.per_coin=100%", "entry.cooldown=0s"];
        arguments
            .extend(EAGER.iter().chain(&size).chain([&pairs.as_str(), &kind.as_str()]).flat_map(|set| ["--set", *set]));
        let played = carry(&arguments);
        let summary: serde_json::Value =
            serde_json::from_slice(&played.stdout).unwrap_or_else(|_| panic!("{}", text(&played.stderr)));
        assert_eq!(summary["pnl"]["unexplained"], "0");
        let steps: Vec<String> = summary["steps"].as_object().unwrap().keys().cloned().collect();
        (steps, super::files::csv_rows(&std::path::Path::new(&state).join("fills.csv")))
    };
    let (steps, fills) = run("spread");
    assert_eq!(steps, [pair]);
    assert!(fills.iter().skip(1).all(|row| row.iter().any(|cell| cell == pair)), "{fills:?}");
    let (under_basis, _) = run("basis");
    assert_eq!(under_basis, [pair], "what is not named is not traded");
}
