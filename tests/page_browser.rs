//! The page in a real browser: live within two seconds, the same numbers without a script, nothing that leaves loopback, nothing
//! cut at either width or theme.
//!
//! `CARRY_SCREENSHOTS=DIR` keeps a picture of each page.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of a test stop at the first surprise"
)]

#[path = "support/browser.rs"]
mod browser;
#[path = "support/session.rs"]
mod session;

use browser::Browser;
use carry::web::tokens::Tokens;
use carry::web::{Options, Page, start};
use serde_json::json;
use session::{Running, ended, hedged, text};
use std::path::Path;

/// A session of the generated market at a pace, once something is held, and its page.
fn served(dir: &Path, speed: &str) -> (Running, Page) {
    let session =
        Running::start(&["paper", "--state", text(dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
    session.until(|| dir.join("control.sock").exists() && hedged(dir));
    session.kill();
    // The same session goes on at the pace that is asked for.
    let session = Running::start(&["paper", "--state", text(dir), "--days", "3000", "--seed", "9", "--speed", speed]);
    session.until(|| std::os::unix::net::UnixStream::connect(dir.join("control.sock")).is_ok());
    let options = Options {
        listen: "127.0.0.1:0".parse().unwrap(),
        hosts: Vec::new(),
        tls: None,
        metrics: None,
        expose: false,
        sessions: vec![dir.to_owned()],
        tokens: dir.to_owned(),
    };
    (session, start(&options).unwrap())
}

/// The token of a folder that reads.
fn token(dir: &Path) -> String {
    Tokens::of(dir).unwrap().expose().0.to_owned()
}

/// Logs in by the form, as a person does.
async fn login(browser: &mut Browser, page: &Page, dir: &Path) {
    browser.go(&page.url()).await;
    browser.until("location.pathname === '/login'").await;
    browser.value("document.getElementById('token').focus()").await;
    browser.write(&token(dir)).await;
    browser.value("document.querySelector('form').submit()").await;
    browser.until("location.pathname === '/s/s' && document.readyState === 'complete'").await;
}

/// Requests of a page that went elsewhere.
const ELSEWHERE: &str = "performance.getEntriesByType('resource').map((one) => new URL(one.name).hostname).filter((host) => host !== '127.0.0.1')";

/// What lies outside the window, or is too faint to be read.
const LOOK: &str = r#"(() => {
  const wide = document.documentElement.clientWidth, wrong = [];
  const name = (e) => `${e.tagName}.${e.className.baseVal === undefined ? e.className : ''} "${(e.textContent || '').trim().slice(0, 40)}"`;
  if (document.documentElement.scrollWidth > wide) wrong.push(`the page is ${document.documentElement.scrollWidth} wide in ${wide}`);
  for (const e of document.querySelectorAll("main *, header *")) {
    const box = e.getBoundingClientRect();
    if (box.width === 0 || box.height === 0 || e.closest("svg, .scroll, .tabs nav")) continue;
    if (box.left < -0.5 || box.right > wide + 0.5) wrong.push(`outside: ${name(e)} ${Math.round(box.left)}..${Math.round(box.right)} of ${wide}`);
  }
  for (const card of document.querySelectorAll(".card")) {
    const edge = card.getBoundingClientRect();
    for (const e of card.querySelectorAll("td, p, h2, b, small")) {
      const box = e.getBoundingClientRect();
      if (box.width > 0 && !e.closest(".scroll") && box.right > edge.right + 0.5) wrong.push(`leaves its card: ${name(e)}`);
    }
  }
  const luma = (colour) => {
    const parts = colour.match(/[\d.]+/g).slice(0, 3).map((part) => part / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const contrast = (e) => {
    let under = e;
    while (under && getComputedStyle(under).backgroundColor === "rgba(0, 0, 0, 0)") under = under.parentElement;
    const [a, b] = [luma(getComputedStyle(e).color), luma(getComputedStyle(under || document.body).backgroundColor)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  for (const e of document.querySelectorAll("h1, h2, th, td, p, small, b, a, .pill, .badge")) {
    if (e.offsetHeight > 0 && contrast(e) < 4.5) wrong.push(`faint: ${name(e)} ${contrast(e).toFixed(2)}`);
  }
  return wrong.slice(0, 20);
})()"#;

#[tokio::test]
async fn every_page_is_whole_at_both_widths_and_in_both_themes() {
    let Some(mut browser) = Browser::start().await else { return };
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let (session, page) = served(&dir, "60");
    login(&mut browser, &page, &dir).await;
    let pages = [
        ("overview", ""),
        ("opportunities", "/opportunities"),
        ("ledger", "/ledger"),
        ("risk", "/risk"),
        ("health", "/health"),
        ("events", "/events"),
        ("pair", "/pair?name=alpha%3ABTCUSDT"),
        ("plan", "/plan?verb=flatten"),
        ("halt", "/plan?verb=halt"),
    ];
    for (width, dark) in [(1440, false), (1440, true), (1000, false), (390, false), (390, true)] {
        browser.window(width, dark).await;
        for (name, path) in pages {
            browser.go(&format!("{}s/s{path}", page.url())).await;
            browser.picture(&format!("page-{name}-{width}{}", if dark { "-dark" } else { "" })).await;
            assert_eq!(browser.value(LOOK).await, json!([]), "{name} at {width}, dark {dark}");
            assert_eq!(browser.value(ELSEWHERE).await, json!([]), "{name}");
        }
    }
    session.kill();
}

#[tokio::test]
async fn an_event_is_seen_within_two_seconds_and_without_a_script_the_numbers_are_the_same() {
    let Some(mut browser) = Browser::start().await else { return };
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    // One minute of the market in a real one: nothing but an act changes the numbers meanwhile.
    let (session, page) = served(&dir, "1");
    login(&mut browser, &page, &dir).await;
    browser.window(1440, false).await;
    assert!(browser.value("document.querySelector('.state').textContent").await.as_str().unwrap().contains("Ready"));
    assert_eq!(ended(&["pause", "--state", text(&dir)]).0, 0);
    let watch = carry::net::machine_clock::Stopwatch::start();
    browser.until("document.querySelector('.state').textContent.includes('paused')").await;
    assert!(watch.seconds() < 2.0, "seen after {} s", watch.seconds());

    let figures = "Array.from(document.querySelectorAll('.figure b, .answer .number b, #profit td')).map((e) => e.textContent).filter((text) => !text.includes(':'))";
    let with = browser.value(figures).await;
    browser.scripts(false).await;
    browser.go(&format!("{}s/s", page.url())).await;
    let without = browser.value(figures).await;
    assert!(with.as_array().unwrap().len() > 20, "{with}");
    assert_eq!(with, without);
    assert_eq!(
        browser.value("document.querySelectorAll('time[data-at]')[0].textContent.length").await,
        json!(8),
        "a time of day"
    );
    session.kill();
}
