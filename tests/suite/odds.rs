//! `carry stats --odds` and the odds and capacity of `carry portfolio` on recorded history.

use crate::history;
use crate::shared;

use serde_json::Value;
use shared::carry_ok;

#[test]
fn the_odds_of_binance_since_2024_rise_with_what_is_expected_and_with_the_days() {
    let Some(shared) = shared::shared() else { return };
    let data = shared.join("data").display().to_string();
    let asked = ["stats", "--odds", "--data", &data, "--venue", "binance", "--from", "2024-01-01", "--json"];
    let report: Value = serde_json::from_str(&carry_ok(&asked)).unwrap();
    assert_eq!(report["schema"], "carry.stats.odds/1");
    let classes = report["pooled"].as_array().unwrap();
    assert_eq!(classes.len(), 6);
    let share = |class: usize, day: usize| classes[class]["shares"][day].as_f64().unwrap();
    for class in 0..6 {
        println!(
            "class {class}: {:.0} {:.0} {:.0}",
            share(class, 0) * 100.0,
            share(class, 1) * 100.0,
            share(class, 2) * 100.0
        );
        assert!(share(class, 0) < share(class, 1), "{classes:?}");
    }
    // Measured once by another program on the same series: 34 bp by day 14, 30 and 60.
    let near = |class: usize, expected: [f64; 3]| {
        for (day, expected) in expected.into_iter().enumerate() {
            assert!(
                (share(class, day) * 100.0 - expected).abs() < 7.0,
                "class {class} day {day}: {}",
                share(class, day)
            );
        }
    };
    near(0, [2.0, 10.0, 26.0]);
    near(2, [36.0, 77.0, 84.0]);
    near(5, [95.0, 97.0, 98.0]);
}

#[test]
fn the_portfolio_has_odds_and_a_size_at_which_each_pair_stops_paying() {
    let Some(data) = history::shared_data() else { return };
    let data = data.display().to_string();
    let pairs = "strategy.pairs=[\"binance:BTCUSDT\",\"binance:DOGEUSDT\"]";
    let choice = ["--data", &data, "--strategy", "strategies/ladder.toml", "--set", pairs, "--at", "2024-03-01"];
    let report: Value = serde_json::from_str(&carry_ok(&[&["portfolio", "--json"][..], &choice].concat())).unwrap();
    for row in report["pairs"].as_array().unwrap() {
        let pooled = row["odds"]["pooled"].as_array().unwrap();
        assert!(pooled.iter().all(|share| share.as_f64().is_none_or(|share| (0.0..=1.0).contains(&share))), "{row}");
        let sizes = row["capacity"]["sizes"].as_array().unwrap();
        let net: Vec<f64> = sizes.iter().map(|size| size["net_apr_percent"].as_f64().unwrap()).collect();
        assert!(net.windows(2).all(|two| two[1] < two[0]), "a larger size pays less: {net:?}");
        // At the size at which it stops, a little more pays less than cash and a little less pays more.
        let stops = row["capacity"]["stops_paying_at"].as_f64().unwrap_or(f64::MAX);
        let cash = report["cash_apr_percent"].as_f64().unwrap();
        for (size, net) in sizes.iter().zip(&net) {
            let below = size["size"].as_f64().unwrap() < stops;
            assert_eq!(*net > cash, below, "{row}");
        }
    }
}
