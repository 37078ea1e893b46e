//! `carry scan` and `carry quote` against a made-up venue on loopback, with the numbers worked by hand.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::public;

use public::{HOUR, Venue, prices, window};
use serde_json::Value;
use std::process::Command;

fn carry(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_carry")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// RICHUSDT pays five times the anchor, CALMUSDT the anchor, THINUSDT has one coin in its book, and PERPUSDT has no spot.
/// Spot stands at 99.95 / 100.05, the perp at 100.15 / 100.25; stamps follow the window that is asked for.
fn answers(path: &str, find: &dyn Fn(&str) -> Option<String>) -> (u16, String) {
    let symbol = find("symbol");
    let rate = if symbol.as_deref() == Some("RICHUSDT") { "0.0005" } else { "0.0001" };
    let row = |symbol: &str, rate: &str| {
        format!(
            r#"{{"symbol":"{symbol}","markPrice":"100.2","indexPrice":"100","lastFundingRate":"{rate}","nextFundingTime":4000000000000,"time":1735689600000}}"#
        )
    };
    let body = match path {
        "/fapi/v1/fundingInfo" => r#"[{"symbol":"RICHUSDT","fundingIntervalHours":8,"adjustedFundingRateCap":"0.02","adjustedFundingRateFloor":"-0.02"}]"#.to_owned(),
        "/fapi/v1/premiumIndex" => match symbol {
            Some(symbol) => row(&symbol, rate),
            None => format!("[{},{},{}]", row("CALMUSDT", "0.0001"), row("RICHUSDT", "0.0005"), row("PERPUSDT", "0.0004")),
        },
        "/fapi/v1/fundingRate" => {
            let first = find("startTime").unwrap().parse::<i64>().unwrap().div_euclid(8 * HOUR) * 8 * HOUR + 8 * HOUR;
            window(find, (first, first + 80 * 8 * HOUR, 8 * HOUR), |at| {
                format!(r#"{{"symbol":"X","fundingTime":{at},"fundingRate":"{rate}","markPrice":"100"}}"#)
                    .replace('X', symbol.as_deref().unwrap())
            })
        }
        "/api/v3/depth" if symbol.as_deref() == Some("PERPUSDT") => {
            return (400, r#"{"code":-1121,"msg":"Invalid symbol."}"#.to_owned());
        }
        _ => return prices(path, find),
    };
    (200, body)
}

fn json(args: &[&str], base: &str) -> Value {
    let args: Vec<&str> = args.iter().copied().chain(["--json", "--base-url", base]).collect();
    let (code, out, problems) = carry(&args);
    assert_eq!((code, problems.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&out).unwrap()
}

fn near(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-6)
}

#[test]
fn a_quote_walks_both_books_in_and_out_and_adds_up() {
    let venue = Venue::new(Box::new(answers));
    let card = json(&["quote", "binance:RICHUSDT", "--size", "10000usdt"], &venue.base);
    assert_eq!((&card["schema"], &card["coins"]), (&"carry.quote/1".into(), &"100".into()));
    let orders: Vec<(&str, &str, &str)> = card["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| {
            (order["price"].as_str().unwrap(), order["fee"].as_str().unwrap(), order["slippage"].as_str().unwrap())
        })
        .collect();
    // 60 coins at 100.05 and 40 at 100.15 are 10,009.
    let expected =
        [("100.09", "10.009", "9"), ("100.15", "5.0075", "5"), ("99.95", "9.995", "5"), ("100.25", "5.0125", "5")];
    assert_eq!(orders, expected);
    assert_eq!(card["round_trip_cost"], "54.024");
    assert!(near(&card["fees_bps"], 30.0) && near(&card["slippage_bps"], 14.0 + 10.0 / 1.002), "{card}");
    assert!(near(&card["basis_bps"], 20.0) && near(&card["usual_basis_bps"], 20.0), "{card}");
    assert!(near(&card["funding_now"]["percent_8h"], 0.05) && card["funding_now"]["interval"] == "8h");
    assert!(card["entry_basis_bps"].as_f64().unwrap() < card["exit_basis_bps"].as_f64().unwrap());
    assert!(card["gates"].as_array().unwrap().len() > 3, "{card}");
    let (code, out, _) = carry(&["quote", "binance:RICHUSDT", "--base-url", &venue.base]);
    assert!(code == 0 && out.contains("54.02") && out.contains("break-even"), "{out}");
}

#[test]
fn a_scan_ranks_by_yield_and_says_what_it_left_out() {
    let venue = Venue::new(Box::new(answers));
    let report = json(&["scan"], &venue.base);
    let pairs: Vec<&str> =
        report["pairs"].as_array().unwrap().iter().map(|row| row["pair"].as_str().unwrap()).collect();
    assert_eq!((&report["schema"], pairs), (&"carry.scan/1".into(), vec!["binance:RICHUSDT", "binance:CALMUSDT"]));
    assert_eq!(report["left_out"], serde_json::json!(["PERPUSDT: the venue has no such spot or perp market"]));
    let thin = json(&["scan", "--symbol", "THINUSDT,CALMUSDT"], &venue.base);
    let last = &thin["pairs"][1];
    assert_eq!(
        (&last["pair"], &last["fillable"]),
        (&"binance:THINUSDT".into(), &false.into()),
        "an unknown cost ranks last"
    );
    assert!(last["net_apr_percent"].is_null() && last["slippage_bps"].is_null(), "{last}");
    let (code, out, _) = carry(&["scan", "--symbol", "THINUSDT", "--base-url", &venue.base]);
    assert!(code == 0 && out.contains("book too thin"), "{out}");
}

#[test]
fn bad_arguments_are_exit_2_and_a_venue_out_of_reach_is_exit_5() {
    let venue = Venue::new(Box::new(answers));
    let check = |args: &[&str], base: &str, code: i32, expected: &str| {
        let args: Vec<&str> = args.iter().copied().chain(["--base-url", base]).collect();
        let (found, _, problems) = carry(&args);
        assert_eq!(found, code, "{args:?}: {problems}");
        assert!(problems.contains(expected), "{args:?}: {problems}");
    };
    for size in ["0usdt", "-1usdt", "10000", "usdt", "1e4usdt"] {
        check(&["scan", "--size", size], &venue.base, 2, "");
    }
    check(&["quote", "BTCUSDT"], &venue.base, 2, "VENUE:SYMBOL");
    check(&["quote", "binance:RICHUSDC"], &venue.base, 2, "not priced in USDT");
    check(&["quote", "binance:PERPUSDT"], &venue.base, 2, "no such spot");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    check(&["scan"], &base, 5, "cannot be reached");
    check(&["quote", "binance:BTCUSDT"], &base, 5, "cannot be reached");
}
