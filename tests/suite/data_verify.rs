//! `carry stats`, `carry data list` and `carry data verify`, run as a person runs them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use crate::history;

use carry::data::Folder;
use carry::data::findings::Fault;
use carry::data::verify::verify;
use history::{Column, bars, candles, clean_folder, shared_data, temporary, write_parquet};
use std::path::Path;
use std::process::Command;

#[test]
fn stats_print_the_published_numbers() {
    let Some(root) = shared_data() else { return };
    let check = |venue: &str, symbol: &str, block: &[&str], expected: [&str; 7]| {
        let window = ["--from", "2025-05-31T08:00Z", "--to", "2025-08-31T08:00Z"];
        let mut command = carry(&["stats", "--venue", venue, "--symbol", symbol, "--data"]);
        command.arg(&root).args(window).args(block);
        let table = command.output().unwrap();
        assert!(table.status.success());
        let text = String::from_utf8(table.stdout).unwrap();
        let line = text.lines().find(|line| line.contains(symbol)).unwrap();
        let cells: Vec<_> = line.split('┆').map(|cell| cell.trim_matches(['│', ' '])).collect();
        let [n, mean, std, min, max, anchor, positive] = expected;
        assert_eq!(
            (cells[3], cells[4], &cells[6..]),
            (n, mean, [std, min, max, anchor, positive].as_slice()),
            "{venue} {symbol} {block:?}"
        );
        let json = command.arg("--json").output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        assert_eq!(report["schema"], "carry.stats/1");
        let row = &report["rows"][0];
        let percent = format!("{:.4}", row["mean"].as_f64().unwrap() * 100.0);
        assert_eq!((row["n"].to_string().as_str(), percent.as_str()), (n, mean));
        assert_eq!(row["block"].as_str().unwrap_or("none"), block.last().copied().unwrap_or("none"));
    };
    check("binance", "BTCUSDT", &[], ["277", "0.0057", "0.0039", "-0.0036", "0.0100", "30.7", "92.4"]);
    let blocks = ["277", "0.0120", "0.0098", "-0.0139", "0.0672", "40.8", "95.7"];
    check("hyperliquid", "BTC", &["--block", "8h"], blocks);
}

fn carry(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(arguments);
    command
}

/// Runs `carry data verify` and gives its exit code and findings as `kind row-or-line`.
fn verified(root: &Path) -> (i32, Vec<String>) {
    let done = carry(&["data", "verify", "--json", "--data"]).arg(root).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["schema"], "carry.data.verify/1");
    let mut found = Vec::new();
    for file in report["files"].as_array().unwrap() {
        for finding in file["findings"].as_array().unwrap() {
            let place = finding["row"].as_u64().or_else(|| finding["line"].as_u64());
            let place = place.map_or_else(String::new, |place| format!(" {place}"));
            found.push(format!("{} {}{place}", file["kind"].as_str().unwrap(), finding["kind"].as_str().unwrap()));
        }
    }
    (done.status.code().unwrap(), found)
}

#[test]
fn verify_passes_good_history_and_says_where_bad_history_is_wrong() {
    let (folder, _) = temporary("");
    let root = clean_folder(folder.path());
    assert_eq!(verified(&root), (0, Vec::new()));
    let funding = root.join("funding/binance/GENUSDT.csv");
    let good = std::fs::read_to_string(&funding).unwrap();
    let check = |text: &str, expected: &[&str]| {
        std::fs::write(&funding, text).unwrap();
        assert_eq!(verified(&root), (3, expected.iter().map(ToString::to_string).collect()), "{expected:?}");
    };
    let lines: Vec<_> = good.lines().collect();
    let without = |dropped: usize| {
        let kept: Vec<_> =
            lines.iter().enumerate().filter(|(number, _)| *number != dropped).map(|(_, line)| *line).collect();
        kept.join("\n") + "\n"
    };
    check(&without(4), &["funding gap 5"]);
    check(&good.replacen("0.0001", "0.031", 1), &["funding rate 2"]);
    check(&good.replacen("0.0001", "NaN", 1), &["funding value 2"]);
    check(&format!("{good}{}\n", lines[30]), &["funding duplicate 32"]);
    check(&format!("{good}{}\n", lines[2]), &["funding out of order 32"]);
    check("ts_ms,px\n", &["funding unreadable"]);
    std::fs::write(&funding, &good).unwrap();

    let perp = root.join("klines/binance-perp/GENUSDT-1h.parquet");
    let check = |stamps: Vec<i64>, close: Vec<f64>, expected: &[&str]| {
        write_parquet(&perp, candles(stamps, close));
        let expected: Vec<_> = expected.iter().map(ToString::to_string).collect();
        assert_eq!(verified(&root), (3, expected));
    };
    let with = |place: usize, value: f64| {
        let mut close = vec![100.25; 240];
        close[place] = value;
        close
    };
    check(bars(240, 1), with(5, 160.0), &["perp jump 6", "perp mismatch 6"]);
    check(bars(240, 1), with(5, 75.0), &["perp mismatch 6"]);
    let mut gap = bars(241, 1);
    gap.remove(7);
    check(gap, vec![100.25; 240], &["perp gap 8"]);
    let mut off = bars(240, 1);
    off[239] += 1;
    check(off, vec![100.25; 240], &["perp off grid 240", "perp gap 240"]);
    let mut odd = candles(bars(240, 1), vec![100.25; 240]);
    odd[2] = Column::Doubles("high", with(9, 1.0));
    write_parquet(&perp, odd);
    assert_eq!(verified(&root), (3, vec!["perp candle 10".to_owned()]));
    let mut holed = candles(bars(240, 1), vec![100.25; 240]);
    holed[4] = Column::Optional("volume", (0..240).map(|row| (row != 3).then_some(1.0)).collect());
    write_parquet(&perp, holed);
    assert_eq!(verified(&root), (3, vec!["perp value 4".to_owned()]));
    std::fs::write(&perp, b"PAR1").unwrap();
    assert_eq!(verified(&root), (3, vec!["perp unreadable".to_owned()]));
}

#[test]
fn e05_legs_in_other_units_are_found() {
    let (folder, _) = temporary("");
    let root = clean_folder(folder.path());
    let perp = root.join("klines/binance-perp/GENUSDT-1h.parquet");
    write_parquet(&perp, candles(bars(240, 1), vec![100_250.0; 240]));
    let report = verify(&Folder::open(&root).unwrap(), &|| ());
    let findings: usize = report.files.iter().map(|file| file.report.findings.count(Fault::Mismatch)).sum();
    assert_eq!((findings, report.is_clean()), (240, false));
}

#[test]
fn lists_and_verifies_the_shared_history() {
    let Some(root) = shared_data() else { return };
    let list = carry(&["data", "list", "--json", "--data"]).arg(&root).output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!((list.status.code(), &report["schema"]), (Some(0), &"carry.data.list/1".into()));
    let files = report["files"].as_array().unwrap();
    let of = |name: &str| files.iter().find(|file| file["file"] == name).unwrap();
    let spot = of("klines/binance-spot/BTCUSDT-1h.parquet");
    // 17 halts of the venue with 36 hours, and the month that is held back with 672.
    assert_eq!((&spot["rows"], &spot["gaps"], &spot["missing"]), (&57_902.into(), &18.into(), &708.into()));
    assert_eq!(of("funding/binance/ORDIUSDT.csv")["gaps"], 2, "one settlement and the month that is held back");
    let (code, found) = verified(&root);
    println!("{} files, {} findings", files.len(), found.len());
    assert_eq!(code, 3, "real history has real holes");
    assert_eq!(found.iter().filter(|finding| finding.contains("mismatch")).count(), 3);
}

#[test]
fn commands_refuse_what_is_not_history() {
    let empty = tempfile::tempdir().unwrap();
    for arguments in [["data", "list"], ["data", "verify"]] {
        let done = carry(&arguments).arg("--data").arg(empty.path()).output().unwrap();
        assert_eq!(done.status.code(), Some(2));
        assert!(String::from_utf8(done.stderr).unwrap().contains("is not a folder of history"));
    }
    let (folder, _) = temporary("");
    let root = clean_folder(folder.path());
    let stats = |more: &[&str]| {
        let done = carry(&["stats", "--data"]).arg(&root).args(more).output().unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (code, text) = stats(&["--venue", "binnance"]);
    assert_eq!((code, text.contains("did you mean binance?")), (2, true), "{text}");
    let (code, text) = stats(&["--from", "2031-01-01"]);
    assert_eq!((code, text.contains("no settlement lies within")), (1, true), "{text}");
    let (code, text) = stats(&["--from", "yesterday"]);
    assert_eq!((code, text.contains("2025-05-31T08:00Z")), (2, true), "{text}");
}
