//! The page in a real browser: live within two seconds, the same numbers without a script, nothing that leaves loopback, nothing
//! cut at either width or theme.
//!
//! `CARRY_SCREENSHOTS=DIR` keeps a picture of each page.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::browser;
use crate::session;

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

/// What lies outside the window or its card.
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
            // The medium widths differ in no colour and no name.
            if width != 1000 {
                assert_eq!(browser.barriers().await, json!([]), "{name} at {width}, dark {dark}");
            }
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
        json!("00:00:00 UTC".len()),
        "a time of day with its zone"
    );
    // A session that is gone is not hedged now, and a page that hears nothing says so of all that it shows.
    browser.scripts(true).await;
    browser.go(&format!("{}s/s", page.url())).await;
    browser.until("document.querySelectorAll('.verdict.ours').length > 0").await;
    session.kill();
    drop(page);
    browser.until("document.querySelector('.state').textContent.startsWith('does not answer since ')").await;
    assert_eq!(browser.value("document.querySelectorAll('.verdict.ours').length").await, json!(0));
}

/// First paint and first contentful paint of the page that is open, ms since the request.
const PAINT: &str = "performance.getEntriesByType('paint').map((one) => one.startTime)";
/// The same of the last byte of the page itself.
const CAME: &str = "performance.getEntriesByType('navigation')[0].responseEnd";

/// Bytes of the page and of what it loads, each before and after its packing.
const BYTES: &str = "performance.getEntriesByType('navigation').concat(performance.getEntriesByType('resource')).map((one) => [new URL(one.name).pathname, one.decodedBodySize, one.encodedBodySize])";

#[tokio::test]
async fn the_first_paint_comes_soon_and_a_page_is_small() {
    let Some(mut browser) = Browser::start().await else { return };
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let (session, page) = served(&dir, "60");
    login(&mut browser, &page, &dir).await;
    browser.window(1440, false).await;
    // Beside a page that is nearly empty, which tells what the browser itself takes on this machine now.
    for path in ["login", "s/s"] {
        let mut painted = Vec::new();
        for turn in 0..7 {
            browser.go(&format!("{}{path}?turn={turn}", page.url())).await;
            browser.until(&format!("{PAINT}.length === 2")).await;
            let came = browser.value(CAME).await.as_f64().unwrap();
            painted.push((browser.value(PAINT).await[0].as_f64().unwrap(), came));
        }
        painted.sort_by(|one, other| one.0.total_cmp(&other.0));
        println!("/{path}: first paint after ms, and its last byte: {painted:.0?}");
        // Far more than it takes: a machine that builds meanwhile is slow.
        assert!(painted[3].0 < 1_000.0, "{path}: {painted:?}");
    }
    for path in ["", "/opportunities", "/ledger", "/risk", "/health", "/events", "/pair?name=alpha%3ABTCUSDT"] {
        browser.go(&format!("{}s/s{path}", page.url())).await;
        let rows = browser.value(BYTES).await;
        let all = rows.as_array().unwrap();
        let sum = |place: usize| all.iter().map(|row| row[place].as_u64().unwrap()).sum::<u64>();
        println!("{path}: {} bytes, {} as sent: {rows}", sum(1), sum(2));
        assert!(sum(2) > 1_000 && sum(2) < 100_000, "{path}: {} bytes: {rows}", sum(2));
    }
    session.kill();
}

/// What the command line says of a session.
fn told(dir: &Path, word: &str) -> serde_json::Value {
    serde_json::from_str(&ended(&[word, "--state", text(dir), "--json"]).1).unwrap_or_default()
}

#[tokio::test]
async fn x17_a_flatten_is_typed_in_the_browser_and_the_ledger_agrees() {
    let Some(mut browser) = Browser::start().await else { return };
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let (session, page) = served(&dir, "600");
    login(&mut browser, &page, &dir).await;
    browser.window(1440, false).await;
    // A pair is opened from the list, and its plan by its key.
    let pair = "document.querySelector('a[href*=\"/pair?name=\"]')";
    browser.until(&format!("{pair} !== null")).await;
    browser.value(&format!("{pair}.click()")).await;
    browser.until("location.pathname === '/s/s/pair' && document.readyState === 'complete'").await;
    browser.go(&format!("{}s/s/plan?verb=flatten", page.url())).await;
    browser.until("document.querySelector('.typing') !== null && !document.querySelector('.typing').hidden").await;
    let word = browser.value("document.querySelector('[data-word]').dataset.word").await;
    let word = word.as_str().unwrap().to_owned();
    assert!(word.starts_with("flatten ") && word != "flatten 0", "{word}");
    // A wrong token: the session is not asked, and the page says which part was refused.
    for (acting, outcome) in [("0000", "Not done (403)"), (Tokens::of(&dir).unwrap().expose().1, "Done.")] {
        browser
            .value("(document.getElementById('acting').value = '', document.getElementById('acting').focus())")
            .await;
        browser.write(acting).await;
        browser.value("(document.getElementById('typed').value = '', document.getElementById('typed').focus())").await;
        browser.write("flatten").await;
        assert_eq!(
            browser.value("document.getElementById('do').disabled").await,
            json!(true),
            "half a word does nothing"
        );
        browser.write(&word["flatten".len()..]).await;
        assert_eq!(browser.value("document.getElementById('do').disabled").await, json!(false));
        browser.press("Enter").await;
        browser.until(&format!("document.getElementById('outcome').textContent.startsWith('{outcome}')")).await;
    }
    browser.until("location.pathname === '/s/s' && document.readyState === 'complete'").await;
    session.until(|| {
        told(&dir, "status")["pairs"].as_array().is_some_and(|rows| rows.iter().all(|row| row["phase"] == "flat"))
    });
    // The page shows it by itself, and the ledger's lines add up.
    browser.until("document.querySelector('main').textContent.includes('nothing is held')").await;
    assert_eq!(browser.value(ELSEWHERE).await, json!([]));
    assert_eq!(told(&dir, "pnl")["pnl"]["unexplained"], json!("0"));
    session.kill();
}
