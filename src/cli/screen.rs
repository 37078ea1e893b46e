//! A session on one screen: may it trade, is it hedged, safe, paid and sane, and what comes next. At most as wide as it is told.
//!
//! The same lines for a session that answers and for one that is read from its files. Tests: at the end.

use crate::control::snapshot::{PairRow, Snapshot};
use crate::control::stops::{NO_ANSWER, NO_PROCESS, Stop};
use crate::domain::{FundingRate, Quantity, Span, WallTime};
use crate::observe::words::{About, typed};
use crate::port::command::AlarmKind;
use crate::report::figures;

/// A text cut to a width.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

/// Width of the words at the beginning of a line.
const HEAD: usize = 10;

/// The lines; none is wider than `width` characters, but for a single word that is.
#[must_use]
pub fn lines(title: &str, now: &Snapshot, width: usize) -> Vec<String> {
    let mut out = vec![cut(title, width)];
    let (clock, equity, net) = (figures::stamp(now.at_ms), figures::money(now.equity), figures::money(now.net));
    say(&mut out, width, ("at", &format!("{clock}, equity {equity}, net {net} {}", now.currency)));
    for (asset, amount) in &now.unvalued {
        let text = format!("fees of {amount} {asset} are not in that: the price of {asset} is not known yet");
        say(&mut out, width, ("", &text));
    }
    let paused = if now.paused { ", entries paused" } else { "" };
    say(&mut out, width, ("state", &format!("{}{paused}", now.state.to_uppercase())));
    for stop in &now.stops {
        say(&mut out, width, ("", &stop_words(stop, now.at_ms)));
    }
    say(&mut out, width, ("hedged", &hedged(now)));
    say(&mut out, width, ("safe", &safe(now)));
    say(&mut out, width, ("paid", &paid(now)));
    say(&mut out, width, ("sane", &sane(now)));
    say(&mut out, width, ("next", &next(now)));
    if !now.admitted.is_empty() {
        say(&mut out, width, ("new", &new(&now.admitted)));
    }
    out
}

/// One line, broken between words, with the rest under its beginning.
fn say(out: &mut Vec<String>, width: usize, (head, text): (&str, &str)) {
    let room = width.saturating_sub(HEAD).max(20);
    let mut line = String::new();
    let mut first = true;
    let mut end = |line: &mut String| {
        let head = if first { head } else { "" };
        first = false;
        out.push(format!("{head:HEAD$}{line}").trim_end().to_owned());
        line.clear();
    };
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            end(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    end(&mut line);
}

/// A reason with the command that clears it.
#[must_use]
pub fn stop_words(stop: &Stop, now: WallTime) -> String {
    let of = stop.pair.as_ref().or(stop.venue.as_ref()).map_or_else(String::new, |of| format!("{of}: "));
    let since = stop.since_ms.filter(|at| at.0 > 0 && *at <= now);
    let since = since.map_or_else(String::new, |at| {
        if stop.why == NO_PROCESS {
            // Its files do not know when the process ended, only when it wrote last.
            format!(" (last written at {})", figures::stamp(at))
        } else {
            format!(" (for {})", short(now.since(at)))
        }
    });
    let clear =
        stop.clear.as_ref().map_or_else(|| "; it passes by itself".to_owned(), |clear| format!("; type: {clear}"));
    format!("{of}{}{since}{clear}", stop.text)
}

/// Whether it is what files say of a session that does not speak for itself.
fn is_of_files(now: &Snapshot) -> bool {
    now.state == NO_PROCESS || now.state == NO_ANSWER
}

fn held(now: &Snapshot) -> impl Iterator<Item = &PairRow> {
    now.pairs.iter().filter(|row| row.holds())
}

fn hedged(now: &Snapshot) -> String {
    let open = held(now).count();
    if open == 0 {
        return "nothing is held".to_owned();
    }
    // Nobody looks after it, so what was true at the last commit is not said of now.
    let known = if is_of_files(now) { "not known now; at the last commit" } else { "yes:" };
    let odd: Vec<&PairRow> = held(now).filter(|row| row.phase != "hedged").collect();
    if odd.is_empty() {
        return format!("{known} {open} open, legs equal to a lot");
    }
    let words = odd.iter().map(|row| {
        let value = row.unequal.map_or_else(
            || "value unknown".to_owned(),
            |value| {
                format!("{} {}", figures::money(value), row.quote.map(|quote| quote.to_string()).unwrap_or_default())
            },
        );
        format!("{} {} ({value} unequal)", row.pair, row.phase)
    });
    format!("{open} open, in work: {}", words.collect::<Vec<_>>().join(", "))
}

fn safe(now: &Snapshot) -> String {
    if now.distances.is_empty() {
        return "no short is open".to_owned();
    }
    let words = now.distances.iter().map(|(venue, quote, distance)| match distance {
        Some(rate) => format!("{venue} {quote}: liquidation {} away", figures::percent(rate.to_f64())),
        None => format!("{venue} {quote}: the distance to liquidation is not known"),
    });
    let known = if is_of_files(now) { "not known now; at the last commit " } else { "" };
    format!("{known}{}", words.collect::<Vec<_>>().join("; "))
}

fn paid(now: &Snapshot) -> String {
    let sums = format!("funding {}, net {} {}", figures::money(now.funding), figures::money(now.net), now.currency);
    let next = held(now).filter_map(|row| Some((row.next_settlement_ms?, row))).min_by_key(|(at, _)| *at);
    let next = next.map_or_else(String::new, |(at, row)| {
        let rate = row.expected.map_or_else(String::new, |expected| format!(", estimated {}", rate(expected)));
        format!("; {} settles in {}{rate}", row.pair, short(at.since(now.at_ms)))
    });
    format!("{sums}{next}")
}

/// A rate of its own interval, to four decimals: `0.0069 %/8h`.
#[must_use]
pub fn rate(rate: FundingRate) -> String {
    format!("{} %/{}", figures::fixed(rate.rate.to_f64() * 100.0, 4), rate.interval)
}

fn sane(now: &Snapshot) -> String {
    let compared = now.reconciled_ms.map_or_else(
        || {
            let simulated = "fills are simulated: no account is compared (carry reconcile does it while it runs)";
            if now.simulated { simulated } else { "ledger and venue were not compared yet" }.to_owned()
        },
        |at| format!("ledger and venue compared {} ago", short(now.at_ms.since(at))),
    );
    let age = now.pairs.iter().filter_map(|row| row.age_ms).max();
    let age = age.map_or_else(String::new, |age| format!(", oldest price {}", short(Span(age))));
    let alarms: u64 = now.alarms.values().sum();
    let (orders, doubt) = (now.orders.len(), now.in_doubt);
    format!("{compared}{age}, {orders} orders unsettled, {doubt} in doubt, alarms {alarms}")
}

fn next(now: &Snapshot) -> String {
    let waits = now.pairs.iter().filter_map(|row| Some(format!("{}: {}", row.pair, row.waits_for.as_ref()?)));
    let mut waits: Vec<String> = waits.collect();
    let more = waits.len().saturating_sub(3);
    waits.truncate(3);
    if waits.is_empty() {
        return "no gate is measured now".to_owned();
    }
    let more = if more > 0 { format!("; {more} more: carry why") } else { String::new() };
    format!("{}{more}", waits.join("; "))
}

/// Pairs that the universe admits and that the session does not have.
fn new(admitted: &[String]) -> String {
    let shown: Vec<&str> = admitted.iter().take(3).map(String::as_str).collect();
    let more = admitted.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (what, typed) = (shown.join(", "), typed(AlarmKind::PairAdmitted, &About::default(), None));
    format!("the universe admits {what}{more}, and this session does not have it; type: {typed}")
}

/// A length of time in one word: `45s`, `12m`, `3h07m`, `2d`.
#[must_use]
pub fn short(span: Span) -> String {
    let seconds = span.0.max(0) / 1000;
    match seconds {
        0..=89 => format!("{seconds}s"),
        90..=5_399 => format!("{}m", seconds / 60),
        5_400..=172_799 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// One row of the table of pairs.
#[must_use]
pub fn pair_cells(row: &PairRow) -> [String; 6] {
    let flag = if row.latched.is_some() { " LATCHED" } else { "" };
    let coins = |quantity: Quantity| quantity.to_string();
    [
        row.named(),
        format!("{}{flag}", row.phase),
        row.spot_coins.to_string(),
        row.perp_coins.to_string(),
        coins(row.target),
        figures::money(row.net),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::engine::State;
    use crate::sim::Generator;
    use crate::sim::START;

    #[test]
    fn u12_a_session_fits_eighty_columns_and_says_what_a_person_must_see() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut now = Snapshot::of(&state, START);
        now.stops =
            crate::control::stops::without_process(&state, START, "carry live --key NAME --state /a/very/long/path");
        for width in [60, 80, 120] {
            let text = lines("carry live   market live   /a/folder", &now, width);
            for line in &text {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            for head in ["at ", "state ", "hedged ", "safe ", "paid ", "sane ", "next "] {
                assert!(text.iter().any(|line| line.starts_with(head)), "{head}: {text:?}");
            }
            assert!(text.iter().any(|line| line.contains("no process runs")), "{text:?}");
        }
        assert_eq!(short(Span::seconds(3 * 3600 + 7 * 60)), "3h07m");
        // Pairs that wait for a restart are named, with what to type.
        assert!(!lines("", &now, 80).iter().any(|line| line.starts_with("new ")));
        now.admitted = (1..=5).map(|number| format!("binance:X{number}USDT")).collect();
        let text = lines("", &now, 80);
        assert!(text.iter().all(|line| line.chars().count() <= 80), "{text:?}");
        let place = text.iter().position(|line| line.starts_with("new ")).unwrap();
        let said = text[place..].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        assert!(said.contains("binance:X3USDT and 2 more") && said.contains("type: carry universe, then"), "{said}");
    }
}
