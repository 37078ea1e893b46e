//! The HTML report in a real browser: every box inside the window, no cut column, readable axes, both widths, both themes.
//!
//! `CARRY_SCREENSHOTS=DIR` keeps a picture of each page; `CARRY_PAGES=A.html,B.html` looks at other pages too.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "helpers of tests may stop the test; the environment names further pages"
)]

use crate::browser;
use crate::run_result;

use browser::Browser;
use carry::report::compare::{self, Run};
use carry::report::run::RunResult;
use carry::report::write_all;
use run_result::synthetic;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Opens everything that opens; done when each chart is drawn.
const OPEN: &str = "(document.querySelectorAll('details').forEach((part) => { part.open = true; }), true)";
const DRAWN: &str =
    "Array.from(document.querySelectorAll('.chart')).every((place) => place.querySelector('.main-svg'))";

/// What lies outside the window, is cut by its own box, or has numbers that cannot be read.
const LOOK: &str = r#"(() => {
  const wide = document.documentElement.clientWidth;
  const wrong = [];
  const name = (e) => `${e.tagName} ${e.className && e.className.baseVal === undefined ? e.className : ''} "${(e.textContent || '').trim().slice(0, 40)}"`;
  if (document.documentElement.scrollWidth > wide) wrong.push(`the page is ${document.documentElement.scrollWidth} wide in ${wide}`);
  for (const e of document.querySelectorAll("main *")) {
    const box = e.getBoundingClientRect();
    if (box.width === 0 || box.height === 0 || e.closest("defs, .modebar, style, script, .plotly-notifier")) continue;
    const drawn = e.closest("svg");
    // Curves reach beyond their frame and are clipped to it; words must not.
    if (drawn && e.tagName !== "text" && e.tagName !== "tspan") continue;
    if (box.left < -0.5 || box.right > wide + 0.5) wrong.push(`outside: ${name(e)} ${Math.round(box.left)}..${Math.round(box.right)} of ${wide}`);
    if (drawn) {
      const frame = drawn.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1)
        wrong.push(`cut in its chart: ${name(e)}`);
    } else if (getComputedStyle(e).overflowX !== "visible" && e.scrollWidth > e.clientWidth + 1) {
      wrong.push(`cut: ${name(e)} ${e.scrollWidth} in ${e.clientWidth}`);
    }
  }
  const rows = Array.from(document.querySelectorAll("table.stacked tr")).filter((row) => row.offsetHeight > 0);
  for (const row of rows) {
    const card = row.closest("section").getBoundingClientRect(), last = row.lastElementChild.getBoundingClientRect();
    if (last.width > 0 && last.right > card.right) wrong.push(`the last column of ${name(row)} leaves its card`);
  }
  const ticks = [];
  for (const axis of document.querySelectorAll(".chart .yaxislayer-above, .chart .y2tick")) {
    const texts = Array.from(axis.querySelectorAll("text")).map((text) => text.textContent);
    for (const text of texts) if (/\d\.\d{3,}[kMµ]$/.test(text)) wrong.push(`unreadable: ${text}`);
    ticks.push(texts);
  }
  return { wrong: wrong.slice(0, 20), charts: document.querySelectorAll(".chart .main-svg").length, ground: getComputedStyle(document.body).backgroundColor };
})()"#;

async fn look(browser: &mut Browser, file: &Path, name: &str) {
    let mut grounds = Vec::new();
    for (width, dark) in [(1440, false), (1440, true), (390, false), (390, true)] {
        browser.open(file, width, dark).await;
        browser.picture(&format!("{name}-{width}{}-first", if dark { "-dark" } else { "" })).await;
        browser.value(OPEN).await;
        browser.until(DRAWN).await;
        browser.picture(&format!("{name}-{width}{}", if dark { "-dark" } else { "" })).await;
        let found = browser.value(LOOK).await;
        assert_eq!(found["wrong"], serde_json::json!([]), "{name} at {width}, dark {dark}: {found:#}");
        assert_eq!(browser.barriers().await, serde_json::json!([]), "{name} at {width}, dark {dark}");
        grounds.push(found["ground"].clone());
    }
    assert!(grounds[0] != grounds[1] && grounds[0] == grounds[2], "the theme is not followed: {grounds:?}");
}

fn page(folder: &Path, name: &str, result: &RunResult) -> PathBuf {
    let dir = folder.join(name);
    write_all(&dir, result).unwrap();
    dir.join("report.html")
}

/// A run of a small account whose equity hardly moves, with one print that is far off.
fn small() -> RunResult {
    let mut result = synthetic(400);
    let thousand = carry::domain::Amount::whole(24_999);
    for (place, row) in (0_i64..).zip(&mut result.equity) {
        row.equity = thousand + carry::domain::Amount::from_units(i128::from(place % 7) * 100_000_000_000_000);
    }
    result.basis[0].points[100].1 = -5_000.0;
    result
}

#[tokio::test]
async fn u15_the_report_is_whole_at_both_widths_and_in_both_themes() {
    let Some(mut browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut empty = synthetic(60);
    (empty.trips, empty.funding, empty.fills) = Default::default();
    (empty.equity, empty.basis, empty.margin) = Default::default();
    for (name, result) in [("long", synthetic(30_000)), ("small", small()), ("empty", empty)] {
        let file = page(folder.path(), name, &result);
        assert!(std::fs::metadata(&file).unwrap().len() < 5_000_000, "{name}");
        look(&mut browser, &file, name).await;
    }
    let one = |name: &str, result: RunResult| Run {
        name: name.to_owned(),
        equity: result.equity.iter().map(|row| (row.at, row.equity)).collect(),
        summary: result.summary,
    };
    let file = folder.path().join("compare.html");
    std::fs::write(&file, compare::render(&[one("out/anchor", synthetic(300)), one("out/ethena", small())])).unwrap();
    look(&mut browser, &file, "compare").await;
    for (place, file) in std::env::var("CARRY_PAGES").iter().flat_map(|text| text.split(',')).enumerate() {
        look(&mut browser, &Path::new(file).canonicalize().unwrap(), &format!("page-{place}")).await;
    }
}

#[tokio::test]
async fn u15_the_basis_keeps_its_scale_and_money_axes_their_digits() {
    let Some(mut browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = page(folder.path(), "small", &small());
    browser.open(&file, 1440, false).await;
    browser.value(OPEN).await;
    browser.until(DRAWN).await;
    let range = browser.value("document.getElementById('chart-basis-0')._fullLayout.yaxis.range").await;
    let ends: Vec<f64> = range.as_array().unwrap().iter().map(|end| end.as_f64().unwrap()).collect();
    assert!(ends[0] > -100.0 && ends[1] < 100.0, "{ends:?}");
    let ticks = "Array.from(document.querySelectorAll('#chart-equity .ytick text')).map((text) => text.textContent)";
    let ticks: Vec<String> = serde_json::from_value(browser.value(ticks).await).unwrap();
    assert!(ticks.len() >= 3, "{ticks:?}");
    assert!(ticks.iter().all(|tick| !tick.contains('k')), "{ticks:?}");
    assert!(ticks.windows(2).all(|pair| pair[0] != pair[1]), "{ticks:?}");
    let cash = browser.value("document.getElementById('chart-equity').data.map((trace) => trace.name)").await;
    assert_eq!(cash, serde_json::json!(["equity", "cash", "with cash", "drawdown"]));
    assert_eq!(browser.value("document.querySelectorAll('.month').length").await, Value::from(12));
}
