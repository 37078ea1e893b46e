//! What a run leaves behind, from a made-up run: the files, the page, the terminal.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests stop the test")]

use crate::run_result as support;

use carry::domain::{Amount, Span};
use carry::report::run::{Lines, RunResult};
use carry::report::{Look, ReportError, html, periods, print_next, render_summary, summary_json, write_all};
use std::fs;
use std::path::Path;
use support::{HOSTILE, synthetic};

fn terminal(result: &RunResult) -> String {
    let mut out = Vec::new();
    render_summary(&mut out, result, Look::Plain).unwrap();
    String::from_utf8(out).unwrap()
}

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).unwrap()
}

fn column(text: &str, name: &str) -> Vec<String> {
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let place = rows.headers().unwrap().iter().position(|head| head == name).unwrap();
    rows.records().map(|row| row.unwrap()[place].to_string()).collect()
}

/// The page without its two constant scripts.
fn page_without_scripts(page: &str) -> String {
    let mut rest = page;
    let mut out = String::new();
    while let Some(start) = rest.find("<script>") {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        rest = &rest[rest.find("</script>").unwrap()..];
    }
    out + rest
}

#[test]
fn the_summary_is_exact_and_its_money_is_text() {
    insta::assert_snapshot!("summary_json", summary_json(&synthetic(60).summary));
}

#[test]
fn the_terminal_shows_lines_that_sum_to_the_change_in_equity() {
    insta::assert_snapshot!("terminal", terminal(&synthetic(60)));
}

#[test]
fn a_difference_between_lines_and_equity_is_shouted() {
    let mut result = synthetic(60);
    result.summary.final_equity += Amount::from_units(1);
    assert!(terminal(&result).contains("DIFFERS by 0.0000000000000001"));
    assert!(html::render(&result).contains("DIFFERS by 0.0000000000000001"));
    result.summary.pnl.unexplained = Amount::from_units(1);
    let text = terminal(&result);
    assert!(text.contains("= change in equity") && text.contains("0.0000000000000001"), "{text}");
}

#[test]
fn cash_that_wins_is_said_in_plain_words() {
    let mut summary = synthetic(60).summary;
    let check = |summary: &_, expected: &str| assert_eq!(periods::verdict(summary), expected);
    let open = " One pair is still open and is valued at its last prices.";
    summary.excess_apr = Some(-0.011);
    check(&summary, &format!("Cash at 4 % a year would have earned 1.10 % more a year.{open}"));
    summary.excess_apr = Some(0.011);
    check(&summary, &format!("This beat cash at 4 % a year by 1.10 % a year.{open}"));
    summary.open_pairs = 0;
    summary.excess_apr = Some(0.0);
    check(&summary, "Cash at 4 % a year would have earned the same.");
    (summary.excess_apr, summary.net_return_with_cash, summary.cash_return) = (None, 0.011, 0.004);
    summary.to_ms = summary.from_ms + Span::hours(24 * 30);
    check(
        &summary,
        "This beat cash at 4 % a year by 0.70 % in 30.0 days. The run is shorter than 90 days: it is no forecast of a year.",
    );
}

#[test]
fn u03_without_a_trade_nothing_is_said_about_cash() {
    let mut result = synthetic(60);
    result.trips.clear();
    let summary = &mut result.summary;
    (summary.round_trips, summary.open_pairs, summary.pnl) = (0, 0, Lines::default());
    // A quote coin moved against the dollar: money, but no trade.
    summary.final_equity += Amount::whole(500);
    assert_eq!(periods::verdict(&result.summary), "Nothing was traded, so nothing is said about cash.");
    for text in [terminal(&result), page_without_scripts(&html::render(&result))] {
        assert!(text.contains("No pair was traded.") && text.contains("nothing is said about cash"), "{text}");
        assert!(!text.to_lowercase().contains("beat cash") && !text.contains("would have earned"), "{text}");
    }
}

#[test]
fn u03_pairs_that_are_open_are_never_called_untraded() {
    let mut result = synthetic(60);
    result.trips.clear();
    result.summary.round_trips = 0;
    for (open, word) in [(1, "One pair is open."), (3, "3 pairs are open.")] {
        result.summary.open_pairs = open;
        for text in [terminal(&result), page_without_scripts(&html::render(&result))] {
            assert!(text.contains(word) && !text.contains("No pair was traded"), "{text}");
        }
    }
}

#[test]
fn u03_a_seed_is_named_only_where_one_was_drawn() {
    let mut result = synthetic(60);
    result.summary.market = "live".to_string();
    assert!(!terminal(&result).contains("seed") && !page_without_scripts(&html::render(&result)).contains("seed"));
    result.summary.seed = Some(7);
    assert!(terminal(&result).contains("seed 7") && html::render(&result).contains("seed 7"));
}

#[test]
fn u04_a_run_of_less_than_ninety_days_has_no_yearly_figure() {
    let mut result = synthetic(60);
    let summary = &mut result.summary;
    summary.to_ms = summary.from_ms + Span::hours(24 * 89);
    (summary.net_apr, summary.net_apr_with_cash, summary.benchmark_apr) = (None, None, None);
    (summary.excess_apr, summary.net_simple) = (None, None);
    let text = terminal(&result);
    assert!(text.contains("a yearly figure needs 90 days") && !text.contains("net APR"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&summary_json(&result.summary)).unwrap();
    for name in ["net_apr", "net_apr_with_cash", "benchmark_apr", "excess_apr"] {
        assert!(json[name].is_null(), "{name}");
    }
    for name in ["net_return", "net_return_with_cash", "cash_return"] {
        assert!(json[name].is_number(), "{name}");
    }
}

#[test]
fn u05_every_report_says_what_ran() {
    let result = synthetic(60);
    for text in [terminal(&result), page_without_scripts(&html::render(&result))] {
        for word in
            ["strategies/anchor.toml", "5f70bf18a086", "exit.funding", "0%/8h", "0.002%/8h", "--set", "carry 0.1.0"]
        {
            assert!(text.contains(word), "{word} is not in {text}");
        }
    }
}

#[test]
fn the_csv_files_have_the_audited_columns_and_exact_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/b");
    let result = synthetic(60);
    let paths = write_all(&dir, &result).unwrap();
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(names, ["fills.csv", "funding.csv", "equity.csv", "trips.csv", "report.html", "summary.json"]);
    let heads: Vec<String> = ["fills.csv", "funding.csv", "equity.csv", "trips.csv"]
        .iter()
        .map(|name| read(&dir, name).lines().take(2).collect::<Vec<_>>().join("\n"))
        .collect();
    insta::assert_snapshot!("csv_heads", heads.join("\n\n"));

    let equity = read(&dir, "equity.csv");
    let exact: Vec<String> = result.equity.iter().map(|row| row.equity.to_string()).collect();
    assert_eq!(column(&equity, "equity"), exact);
    let stamps: Vec<String> = result.equity.iter().map(|row| row.at.0.to_string()).collect();
    assert_eq!(column(&equity, "ts_ms"), stamps);
    let amounts: Vec<String> = result.funding.iter().map(|row| row.amount.to_string()).collect();
    assert_eq!(column(&read(&dir, "funding.csv"), "amount"), amounts);
    assert_eq!(column(&read(&dir, "trips.csv"), "closed_ms")[3], "");
    assert_eq!(read(&dir, "summary.json"), summary_json(&result.summary));
}

#[test]
fn x09_no_cell_of_a_csv_file_starts_a_formula() {
    let folder = tempfile::tempdir().unwrap();
    let mut result = synthetic(60);
    result.fills[0].symbol = "@SUM(1)".to_string();
    result.fills[0].intent = "-7".to_string();
    result.trips[0].entry_reason = "+1-1".to_string();
    write_all(folder.path(), &result).unwrap();
    let fills = read(folder.path(), "fills.csv");
    assert_eq!(column(&fills, "reason")[0], "'=cmd|' /C calc'!A0, \"funding\" 12%apr");
    assert_eq!(column(&fills, "symbol")[0], "'@SUM(1)");
    assert_eq!(column(&fills, "intent")[0], "-7");
    assert_eq!(column(&read(folder.path(), "trips.csv"), "entry_reason")[0], "'+1-1");
}

#[test]
fn files_are_replaced_whole_and_others_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    fs::write(dir.join("notes.txt"), "mine").unwrap();
    write_all(dir, &synthetic(60)).unwrap();
    write_all(dir, &synthetic(120)).unwrap();
    assert_eq!(read(dir, "equity.csv").lines().count(), 121);
    let mut names: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    let expected = ["equity.csv", "fills.csv", "funding.csv", "notes.txt", "report.html", "summary.json", "trips.csv"];
    assert_eq!(names, expected);
}

#[test]
fn a_report_that_cannot_be_written_names_the_place_and_leaves_no_summary_of_another_run() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    fs::write(&blocked, "").unwrap();
    let error: ReportError = write_all(&blocked.join("out"), &synthetic(60)).unwrap_err();
    assert!(error.to_string().starts_with("cannot create "), "{error}");

    let dir = folder.path().join("out");
    write_all(&dir, &synthetic(60)).unwrap();
    fs::remove_file(dir.join("equity.csv")).unwrap();
    fs::create_dir_all(dir.join("equity.csv/in-the-way")).unwrap();
    let error = write_all(&dir, &synthetic(120)).unwrap_err();
    assert!(error.to_string().contains("equity.csv"), "{error}");
    assert!(!dir.join("summary.json").exists());
}

#[test]
fn the_page_holds_every_section_and_its_data() {
    let result = synthetic(60);
    let page = html::render(&result);
    for heading in [
        "Profit",
        "Years",
        "Equity and drawdown",
        "Months",
        "Attribution over time",
        "Funding received per settlement",
        "Pairs",
        "Break-even and its odds",
        "Round trips",
        "Distance to liquidation",
        "Naked seconds",
        "Figures",
        "Settings",
        "Remarks",
    ] {
        assert!(page.contains(&format!("<h2>{heading}</h2>")), "{heading}");
    }
    for name in ["equity", "attribution", "funding", "basis-0", "basis-1", "basis-2", "paid-0", "margin", "naked"] {
        let figure = figure(&page, name);
        assert!(!figure["data"].as_array().unwrap().is_empty(), "{name}");
    }
    let equity = figure(&page, "equity");
    assert_eq!(equity["data"][0]["x"].as_array().unwrap().len(), 60);
    assert_eq!(equity["data"][0]["x"][0], serde_json::json!(result.equity[0].at.0));
    let names = |name: &str| -> Vec<String> {
        let figure = figure(&page, name);
        let traces = figure["data"].as_array().unwrap().iter();
        traces.map(|trace| trace["name"].as_str().unwrap().to_string()).collect()
    };
    assert_eq!(names("equity"), ["equity", "cash", "with cash", "drawdown"]);
    assert_eq!(names("attribution"), ["funding", "basis", "delta", "fees", "slippage", "sum"]);
    assert_eq!(names("funding"), ["binance:BTCUSDT", "hyperliquid:ETH", "sum"]);
    for word in ["market history", "2022-01-01T00:00:00Z", "at 4 % a year", "= change in equity"] {
        assert!(page.contains(word), "{word}");
    }
}

fn figure(page: &str, name: &str) -> serde_json::Value {
    let open = format!("<script type=\"application/json\" id=\"figure-{name}\">");
    let start = page.find(&open).unwrap() + open.len();
    let end = start + page[start..].find("</script>").unwrap();
    serde_json::from_str(&page[start..end]).unwrap()
}

#[test]
fn x09_the_page_runs_its_own_two_scripts_and_loads_nothing() {
    let page = html::render(&synthetic(60));
    assert_eq!(page.matches("<script>").count(), 2);
    assert_eq!(page.matches("plotly.js v").count(), 1);
    let rest = page_without_scripts(&page);
    for word in ["http:", "https:", "src=\"", "href", "<link", "<iframe", "@import", "url(", "<img", "<b>basis"] {
        assert!(!rest.contains(word), "{word}");
    }
    assert!(rest.contains("&lt;img/src=x/onerror=alert(1)&gt;"));
    assert!(rest.contains("&lt;script&gt;alert(2)&lt;/script&gt;"));
    assert!(!rest.contains('\u{1b}'));
    let policy = rest.split("Content-Security-Policy\" content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert_eq!(policy.matches("sha256-").count(), 2);
    assert!(!policy.contains("script-src 'unsafe") && !policy.contains("connect-src"), "{policy}");
}

#[test]
fn x08_the_terminal_gets_no_escape_sequence() {
    let text = terminal(&synthetic(60));
    assert!(!text.contains('\u{1b}'));
    assert!(text.contains(HOSTILE));
}

#[test]
fn curves_are_thinned_without_losing_the_deepest_fall() {
    let mut result = synthetic(30_000);
    let crash = Amount::whole(50_000);
    result.equity[17_003].equity -= crash;
    let page = html::render(&result);
    let equity = figure(&page, "equity");
    let falls = equity["data"][3]["y"].as_array().unwrap();
    assert!(falls.len() <= 1_300 && falls.len() > 600, "{}", falls.len());
    let deepest = falls.iter().map(|fall| fall.as_f64().unwrap()).fold(0.0, f64::min);
    assert!(deepest < -45.0, "{deepest}");
    let points = figure(&page, "basis-0")["data"][0]["y"].as_array().unwrap().len();
    assert!(points <= 1_300, "{points}");
    assert!(page.len() < 5_000_000, "{}", page.len());
}

#[test]
fn an_empty_run_still_makes_a_whole_report() {
    let folder = tempfile::tempdir().unwrap();
    let mut result = synthetic(60);
    result.fills.clear();
    result.funding.clear();
    result.equity.clear();
    result.trips.clear();
    result.basis.clear();
    result.naked_s.clear();
    result.summary.pnl = Lines::default();
    (result.summary.round_trips, result.summary.open_pairs) = (0, 0);
    result.summary.final_equity = result.summary.capital;
    result.summary.remarks.clear();
    write_all(folder.path(), &result).unwrap();
    assert_eq!(read(folder.path(), "fills.csv").lines().count(), 1);
    let text = terminal(&result);
    assert!(text.contains("No pair was traded.") && !text.contains("Remarks"), "{text}");
    assert!(html::render(&result).contains("The legs were never unequal."));
}

#[test]
fn what_to_run_next_is_named_with_a_reason() {
    let mut out = Vec::new();
    print_next(&mut out, &[("carry why", "see each gate"), ("carry paper --market sim", "run it now")]).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "\nNext:\n  carry why                 see each gate\n  carry paper --market sim  run it now\n");
    let mut nothing = Vec::new();
    print_next(&mut nothing, &[]).unwrap();
    assert!(nothing.is_empty());
}
