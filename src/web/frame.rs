//! The frame of every page: mode, state with what clears it, the figures on top, the tabs, the acts.
//!
//! Tests: `tests/commands/page.rs`.

use super::parts::{self, Mark};
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::Snapshot;
use maud::{DOCTYPE, Markup, html};

/// Pages of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// All in five seconds.
    Overview,
    /// What could be held.
    Opportunities,
    /// Days and lines.
    Ledger,
    /// The same of another month, as `2026-10`.
    Month(String),
    /// Distances, money, exposure.
    Risk,
    /// Parts, ages, starts.
    Health,
    /// Cause, effect, done, type.
    Events,
    /// One pair.
    Pair(String),
    /// What an act would do.
    Plan,
}

/// The tabs in their order, with the key that opens each.
pub const TABS: [(Screen, &str, &str); 6] = [
    (Screen::Overview, "", "Overview"),
    (Screen::Opportunities, "/opportunities", "Opportunities"),
    (Screen::Ledger, "/ledger", "Ledger"),
    (Screen::Risk, "/risk", "Risk"),
    (Screen::Health, "/health", "Health"),
    (Screen::Events, "/events", "Events"),
];

/// A whole document.
#[must_use]
pub fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/page.css";
                script src="/page.js" defer {}
            }
            (body)
        }
    }
}

/// A page of a session: frame and content, to be followed live where it has an address for that.
#[must_use]
pub fn page(view: &View, screen: &Screen, content: &Markup) -> Markup {
    let live = live_address(view, screen);
    let title = format!("{} - carry {}", view.slug, view.mode());
    // Grey without a script, too.
    let lost = (view.silent.is_some() && !view.runs).then_some("lost");
    document(
        &title,
        &html! { body class=[lost] data-live=[live] data-home=(home(view)) { (inside(view, screen, content)) } },
    )
}

/// What is replaced when something changes.
#[must_use]
pub fn inside(view: &View, screen: &Screen, content: &Markup) -> Markup {
    let rule = if in_alarm(view) { "rule alarm" } else { "rule" };
    let clock = view.snapshot.as_ref().map_or(0, |snapshot| snapshot.at_ms.0);
    html! {
        header id="bar" data-mode=(view.mode()) data-now=(clock) data-runs=(view.runs || view.silent.is_some()) data-age=(view.age().as_millis()) {
            div class=(rule) {}
            div.top { (mode(view)) (state(view)) (figures(view)) (acts(view)) }
            (tabs(view, screen))
        }
        main id="main" { (content) }
    }
}

fn home(view: &View) -> String {
    format!("/s/{}", view.slug)
}

/// An address below a session's, with words made safe for it.
#[must_use]
pub fn address(view: &View, rest: &str) -> String {
    format!("{}{rest}", home(view))
}

/// A word in the query of an address.
#[must_use]
pub fn quoted(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for byte in word.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&crate::domain::text::hex(&[byte]));
        }
    }
    out
}

fn live_address(view: &View, screen: &Screen) -> Option<String> {
    let word = match screen {
        Screen::Plan => return None,
        Screen::Pair(name) => return Some(address(view, &format!("/live?screen=pair&name={}", quoted(name)))),
        Screen::Month(month) => return Some(address(view, &format!("/live?screen=ledger&month={}", quoted(month)))),
        Screen::Overview => "overview",
        Screen::Opportunities => "opportunities",
        Screen::Ledger => "ledger",
        Screen::Risk => "risk",
        Screen::Health => "health",
        Screen::Events => "events",
    };
    Some(address(view, &format!("/live?screen={word}")))
}

/// Whether a person should look now.
#[must_use]
pub fn in_alarm(view: &View) -> bool {
    super::overview::trouble(view).is_some()
}

fn mode(view: &View) -> Markup {
    let mode = view.mode();
    html! { div.mode { span class={ "badge " (mode) } { @if mode.is_empty() { (NONE) } @else { (mode.to_uppercase()) } } } }
}

/// The word of a state for people.
fn state_word(word: &str) -> String {
    let mut text = word.replace('_', " ");
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

fn state(view: &View) -> Markup {
    let Some(now) = &view.snapshot else {
        let why = view.problem.as_deref().unwrap_or("asking the session");
        return html! { div.state { b { (parts::mark(Mark::Stale)) " Unknown" } p { (why) } } };
    };
    let mark = match now.state.as_str() {
        "ready" => Mark::Yes,
        "starting" | "over" | "no_answer" => Mark::Stale,
        _ => Mark::No,
    };
    html! {
        div.state {
            b class=(mark.class()) { (parts::mark(mark)) " " (state_word(&now.state)) @if now.paused { ", paused" } }
            p { (reason(view, now)) }
        }
    }
}

/// The first reason and the command that clears it; where nothing blocks, how much is held.
fn reason(view: &View, now: &Snapshot) -> Markup {
    let Some(stop) = now.stops.first() else {
        let held = view.held().count();
        return html! { "nothing blocks; " (held) " of " (now.pairs.len()) " pairs held" };
    };
    let of = stop.pair.as_ref().or(stop.venue.as_ref());
    let more = now.stops.len() - 1;
    html! {
        @if let Some(of) = of { (of) ": " }
        (stop.text)
        @if let Some(since) = stop.since_ms.filter(|at| at.0 > 0) { ", since " (words::moment(since)) }
        br;
        @match &stop.clear {
            Some(clear) => { "clears by " code { (view.naming(clear)) } }
            None => { "passes by itself" }
        }
        @if more > 0 { " · " a href=(address(view, "/health")) { (more) " more" } }
    }
}

struct Figure<'a> {
    name: &'static str,
    value: Markup,
    unit: Markup,
    class: &'a str,
}

fn figures(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return html! { div.figures {} } };
    let coin = now.currency;
    let gone = !view.runs && now.state != "over";
    let stale = if gone || view.held().any(|row| view.is_stale(row)) { "stale" } else { "" };
    let (today, month) = (view.today(), view.month());
    let equity =
        Figure { name: "equity", value: html! { (words::level(now.equity)) }, unit: html! { (coin) }, class: stale };
    let day = Figure {
        name: "net today",
        value: words::gain_or(today.map(|gain| gain.net)),
        unit: html! { (coin) },
        class: stale,
    };
    let cash = month.map_or_else(String::new, |gain| format!("cash {}", words::signed(gain.cash, 2)));
    let span = month.map_or_else(|| "net 30 d".to_owned(), |gain| gain.name());
    let thirty = Figure {
        name: "",
        value: words::gain_or(month.map(|gain| gain.net)),
        unit: html! { (coin) " · " (cash) },
        class: stale,
    };
    html! {
        div.figures {
            (figure(&equity, None)) (figure(&day, None)) (figure(&thirty, Some(&span)))
            (figure(&nearest(now, stale), None)) (figure(&naked(view, now), None)) (figure(&alarms(now), None))
        }
    }
}

fn figure(figure: &Figure<'_>, name: Option<&str>) -> Markup {
    html! {
        div class={ "figure " (figure.class) } {
            span { (name.unwrap_or(figure.name)) } b { (figure.value) } small { (figure.unit) }
        }
    }
}

fn nearest<'a>(now: &Snapshot, stale: &'a str) -> Figure<'a> {
    let known = now.distances.iter().filter_map(|(venue, quote, distance)| Some((distance.as_ref()?, venue, quote)));
    let name = "nearest liq.";
    match known.min_by_key(|(distance, ..)| distance.units()) {
        Some((distance, venue, quote)) => {
            let floor = now.detail.as_ref().is_some_and(|detail| *distance < detail.floor);
            let class = if floor { "against" } else { stale };
            let value = html! { (words::percent(distance.to_f64(), 1)) };
            Figure { name, value, unit: html! { (venue) " " (quote) }, class }
        }
        None if now.distances.is_empty() => {
            Figure { name, value: html! { (NONE) }, unit: html! { "no short" }, class: "" }
        }
        None => Figure { name, value: html! { "unknown" }, unit: html! { "margin not known" }, class: "stale" },
    }
}

fn naked(view: &View, now: &Snapshot) -> Figure<'static> {
    let since = view.pairs().iter().filter_map(|row| row.unequal_since_ms).min();
    let worst = now.detail.as_ref().map(|detail| detail.unequal.0);
    let worst = worst.map_or_else(String::new, |worst| format!("worst {}", words::age(worst)));
    match since {
        Some(since) => {
            let value = html! { (words::age(now.at_ms.since(since).0)) };
            Figure { name: "naked now", value, unit: html! { (worst) }, class: "against" }
        }
        None => Figure { name: "naked now", value: html! { "0\u{a0}s" }, unit: html! { (worst) }, class: "" },
    }
}

fn alarms(now: &Snapshot) -> Figure<'static> {
    let count: u64 = now.alarms.values().sum();
    let last = now.events.first().map(|event| format!("last {}", words::moment(event.at_ms)));
    let unit = last.unwrap_or_else(|| "since the start".to_owned());
    Figure { name: "alarms", value: html! { (count) }, unit: html! { (unit) }, class: "" }
}

fn acts(view: &View) -> Markup {
    let paused = view.snapshot.as_ref().is_some_and(|now| now.paused);
    let halted = view.snapshot.as_ref().is_some_and(|now| now.state == "halted");
    let first = if paused { ("resume", "resume") } else { ("pause", "pause") };
    let last = if halted { ("clear-halt", "clear halt") } else { ("halt", "halt") };
    let act = |(verb, name): (&str, &str), key: &str| {
        let to = address(view, &format!("/plan?verb={verb}"));
        html! { a.button href=(to) data-key=(key) { (name) " " kbd { (key) } } }
    };
    html! {
        @if view.runs {
            nav.acts aria-label="acts" { (act(first, "p")) (act(("flatten", "flatten"), "f")) (act(last, "h")) }
        }
    }
}

fn tabs(view: &View, screen: &Screen) -> Markup {
    let (now, version) = (view.snapshot.as_ref(), env!("CARGO_PKG_VERSION"));
    let inside = matches!(screen, Screen::Pair(_) | Screen::Plan);
    let month = matches!(screen, Screen::Month(_));
    html! {
        div.tabs {
            nav aria-label="pages" {
                @for (place, (tab, path, name)) in TABS.iter().enumerate() {
                    @let here = tab == screen || inside && *tab == Screen::Overview || month && *tab == Screen::Ledger;
                    a href=(address(view, path)) data-key=(place + 1) aria-current=[here.then_some("page")] {
                        (name) " " kbd { (place + 1) }
                    }
                }
            }
            p.about {
                "carry " (version) " · session " a href="/" { (view.slug) }
                @if let Some(now) = now { " · " span id="clock" { (words::date(now.at_ms)) " " (words::clock(now.at_ms)) } " UTC" }
                " · page " span id="age" { (words::age_of(view.age())) } " old"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x09_words_of_others_cannot_leave_an_address() {
        assert_eq!(quoted("binance:BTCUSDT/hyperliquid:BTC"), "binance%3aBTCUSDT%2fhyperliquid%3aBTC");
        assert_eq!(quoted("a&b=\"<"), "a%26b%3d%22%3c");
    }
}
