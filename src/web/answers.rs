//! The five answers: hedged, safe, paid, sane, next. Each a question, a verdict, one number, two lines of evidence.
//!
//! **Invariant**: a verdict that rests on a price older than its gate is `stale`, never yes. Tests: at the end, and
//! `tests/commands/page.rs`.

use super::parts::{self, Mark};
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::{PairRow, Snapshot};
use crate::domain::{Amount, WallTime};
use maud::{Markup, html};

struct Answer {
    question: &'static str,
    mark: Mark,
    verdict: String,
    number: Markup,
    unit: Markup,
    lines: [Markup; 2],
}

/// The card.
#[must_use]
pub fn card(view: &View) -> Markup {
    let Some(now) = &view.snapshot else { return html! {} };
    let mut answers = [hedged(view, now), safe(view, now), paid(view, now), sane(view, now), next(view, now)];
    if !view.runs && now.state != "over" {
        // Nobody speaks for the session: what was true when it was heard last is not said of now.
        for answer in answers.iter_mut().filter(|answer| answer.mark == Mark::Yes) {
            (answer.mark, answer.verdict) = (Mark::Stale, "stale".to_owned());
        }
    }
    html! {
        section.card.answers id="answers" aria-label="five answers" {
            @for answer in &answers {
                div.answer {
                    p.question { (answer.question) }
                    p class={ "verdict " (answer.mark.class()) } { (parts::mark(answer.mark)) " " (answer.verdict) }
                    p.number { b { (answer.number) } " " span { (answer.unit) } }
                    @for line in &answer.lines { p.evidence { (line) } }
                }
            }
        }
    }
}

/// The mark of what rests on prices: they must be fresh first.
fn fresh(view: &View, is: bool) -> (Mark, String) {
    let stale = !view.runs || view.held().any(|row| view.is_stale(row));
    match (stale, is) {
        (_, false) => (Mark::No, "no".to_owned()),
        (true, true) => (Mark::Stale, "stale".to_owned()),
        (false, true) => (Mark::Yes, "yes".to_owned()),
    }
}

/// What is unequal, with its sign: plus is too many spot coins.
#[must_use]
pub fn delta(row: &PairRow) -> Option<Amount> {
    let coins = row.spot_coins + row.perp_coins;
    row.unequal.map(|value| if coins.units() < 0 { -value } else { value })
}

fn hedged(view: &View, now: &Snapshot) -> Answer {
    let question = "Hedged?";
    let held: Vec<&PairRow> = view.held().collect();
    let since = view.pairs().iter().filter_map(|row| row.unequal_since_ms).min();
    let worst = now.detail.as_ref().map(|detail| detail.unequal.0);
    let naked = since.map_or_else(
        || "naked now 0\u{a0}s".to_owned(),
        |at| format!("naked for {}", words::age(now.at_ms.since(at).0)),
    );
    let worst = worst.map_or_else(String::new, |worst| format!(" · worst {}", words::age(worst)));
    let second = html! { (naked) (worst) };
    if held.is_empty() {
        let first = html! { "nothing is held" };
        return Answer {
            question,
            mark: Mark::Yes,
            verdict: "flat".into(),
            number: html! { "0" },
            unit: html! { "pairs open" },
            lines: [first, second],
        };
    }
    let odd = held.iter().any(|row| matches!(row.phase.as_str(), "repair" | "naked"));
    let (mark, verdict) = fresh(view, !odd && since.is_none());
    let sum = held.iter().try_fold(Amount::ZERO, |sum, row| Some(sum + delta(row)?));
    let widest = held.iter().max_by_key(|row| delta(row).map_or(0, |value| value.abs().units()));
    let coin = widest.and_then(|row| row.coin).map_or_else(String::new, |coin| coin.to_string());
    let first = widest.map_or_else(String::new, |row| {
        format!("worst leg {} {coin}", words::minus(&signed_coins(&(row.spot_coins + row.perp_coins).to_string())))
    });
    let number = html! { (sum.map_or_else(|| NONE.to_owned(), words::change)) };
    Answer {
        question,
        mark,
        verdict,
        number,
        unit: html! { (now.currency) " net delta" },
        lines: [html! { (first) }, second],
    }
}

fn signed_coins(text: &str) -> String {
    if text.starts_with('-') || text == "0" { text.to_owned() } else { format!("+{text}") }
}

fn safe(view: &View, now: &Snapshot) -> Answer {
    let question = "Safe?";
    let detail = now.detail.as_ref();
    let free: Option<Amount> = detail.map(|detail| detail.wallets.iter().map(|wallet| wallet.free + wallet.spot).sum());
    let pegs = detail.into_iter().flat_map(|detail| &detail.pegs);
    let peg = pegs.max_by(|a, b| (a.1.to_f64() - 1.0).abs().total_cmp(&(b.1.to_f64() - 1.0).abs()));
    let peg = peg.map_or_else(
        || "peg not known".to_owned(),
        |(asset, price, _)| format!("{asset} {}\u{a0}bps", words::signed((price.to_f64() - 1.0) * 1e4, 1)),
    );
    let free = free.map_or_else(
        || "free money not known".to_owned(),
        |free| format!("free {} {}", words::level(free), now.currency),
    );
    let second = html! { (free) " · " (peg) };
    if now.distances.is_empty() {
        let first = html! { "no short is open: nothing can be liquidated" };
        return Answer {
            question,
            mark: Mark::Yes,
            verdict: "yes".into(),
            number: html! { "0" },
            unit: html! { "shorts" },
            lines: [first, second],
        };
    }
    let floor = detail.map(|detail| detail.floor);
    let nearest = now.distances.iter().filter_map(|(venue, quote, distance)| Some((distance.as_ref()?, venue, quote)));
    let nearest = nearest.min_by_key(|(distance, ..)| distance.units());
    let known = now.distances.iter().all(|(.., distance)| distance.is_some());
    let enough = nearest.is_none_or(|(distance, ..)| floor.is_none_or(|floor| *distance >= floor));
    let (mark, verdict) = if known || !enough { fresh(view, enough) } else { (Mark::Stale, "unknown".to_owned()) };
    let floor = floor.map_or_else(String::new, |floor| format!(" · floor {}", words::percent(floor.to_f64(), 0)));
    let number = nearest.map_or_else(|| NONE.to_owned(), |(distance, ..)| words::percent(distance.to_f64(), 1));
    let first = nearest.map_or_else(String::new, |(_, venue, quote)| format!("nearest {venue} {quote}{floor}"));
    Answer {
        question,
        mark,
        verdict,
        number: html! { (number) },
        unit: html! { "to liquidation" },
        lines: [html! { (first) }, second],
    }
}

fn paid(view: &View, now: &Snapshot) -> Answer {
    let question = "Paid?";
    let today = view.today();
    let funding = today.map(|gain| gain.lines.funding);
    let booked = view.funding_since(None, super::history::midnight(now.at_ms));
    let next = view.held().filter_map(|row| Some((row.next_settlement_ms?, row))).min_by_key(|(at, _)| *at);
    let first = next.map_or_else(
        || html! { "no settlement is waited for" },
        |(at, row)| html! { "next " (words::until(at, now.at_ms)) " · " (estimate(row)) },
    );
    let booked =
        booked.map_or_else(|| "bookings not read yet".to_owned(), |(_, count)| format!("{count} booked today"));
    let broke = view.held().filter(|row| earned_back(view, row).is_some_and(|times| times >= 1.0)).count();
    let held = view.held().count();
    let second = html! { (booked) @if held > 0 { " · " (broke) " of " (held) " broke even" } };
    let (mark, verdict) = match funding {
        None => (Mark::Stale, "unknown".to_owned()),
        Some(_) if held == 0 => (Mark::Stale, "nothing held".to_owned()),
        Some(sum) if sum.units() > 0 => (Mark::Yes, "yes".to_owned()),
        Some(sum) if sum.is_zero() => (Mark::Stale, "not yet".to_owned()),
        Some(_) => (Mark::No, "no".to_owned()),
    };
    let number = html! { (words::gain_or(funding)) };
    Answer { question, mark, verdict, number, unit: html! { (now.currency) " funding today" }, lines: [first, second] }
}

/// What the next settlement should bring, and that it is an estimate.
#[must_use]
pub fn estimate(row: &PairRow) -> Markup {
    let value = row.detail.as_ref().and_then(|detail| detail.legs.1.value);
    let sum = row.expected.zip(value).map(|(funding, value)| -value.times_rate(funding.rate));
    html! { @match sum { Some(sum) => { (words::change(sum)) " est" } None => { "amount not known" } } }
}

/// How often a held pair has earned its costs: of the way in, and of the way out as it would cost now.
#[must_use]
pub fn earned_back(view: &View, row: &PairRow) -> Option<f64> {
    let (trip, detail) = (view.trip(&row.pair)?, row.detail.as_ref()?);
    let value = detail.legs.1.value?.abs().to_f64();
    let costs = -(trip.lines.fees + trip.lines.slippage).to_f64() + detail.one_way * value;
    let earned = (trip.lines.funding + trip.lines.basis + trip.lines.delta + trip.lines.interest).to_f64();
    (costs > 0.0).then(|| earned / costs)
}

/// That ledger and venue were not compared so far, in a few words.
#[must_use]
pub const fn not_compared(now: &Snapshot) -> &'static str {
    if now.simulated { "not asked" } else { "not yet" }
}

/// Whether a process answers.
#[must_use]
pub fn process(view: &View) -> String {
    match (view.silent, view.runs) {
        (Some(silence), _) => {
            let process = silence.process.map_or_else(|| "the process".to_owned(), |id| format!("process {id}"));
            format!("{process} does not answer since {} UTC", words::clock(silence.since))
        }
        (None, true) => "the process answers".to_owned(),
        (None, false) => "no process answers".to_owned(),
    }
}

fn sane(view: &View, now: &Snapshot) -> Answer {
    let question = "Sane?";
    let differs = now.stops.iter().filter(|stop| stop.why == "differs").count();
    let oldest = view.pairs().iter().filter_map(|row| row.age_ms).max();
    let missing = view.held().any(|row| row.age_ms.is_none());
    let compared = now.reconciled_ms.map_or_else(
        || {
            let simulated = "ledger and venue not asked: fills are simulated, there is no account";
            if now.simulated { simulated } else { "ledger and venue not compared yet" }.to_owned()
        },
        |at| format!("reconciled {} ago", words::age(now.at_ms.since(at).0)),
    );
    let feed = oldest.map_or_else(|| "no feed".to_owned(), |age| format!("oldest feed {}", words::age(age)));
    let feed = if missing { "a feed has no price".to_owned() } else { feed };
    let lines = [html! { (compared) " · in doubt " (now.in_doubt) }, html! { (feed) " · " (process(view)) }];
    let wrong = differs > 0 || now.in_doubt > 0 || !view.runs && now.state != "over";
    let (mark, verdict) = match (wrong, now.reconciled_ms) {
        (true, _) => (Mark::No, "no".to_owned()),
        (false, None) if !now.simulated => (Mark::Stale, "not yet".to_owned()),
        // Where fills are simulated there is no account to compare with; all else is checked.
        (false, None | Some(_)) => fresh(view, true),
    };
    let (number, unit) = if now.in_doubt > 0 || now.simulated && now.reconciled_ms.is_none() {
        (html! { (now.in_doubt) }, html! { "orders in doubt" })
    } else {
        (html! { (differs) }, html! { "venues that differ" })
    };
    Answer { question, mark, verdict, number, unit, lines }
}

fn next(view: &View, now: &Snapshot) -> Answer {
    let question = "Next?";
    let working = view.pairs().iter().find(|row| !matches!(row.phase.as_str(), "flat" | "hedged"));
    let at: Option<WallTime> =
        view.pairs().iter().filter_map(|row| row.next_settlement_ms).filter(|at| *at > now.at_ms).min();
    let waits = |row: &&PairRow| row.waits_for.is_some();
    let first = view.held().find(waits).or_else(|| view.pairs().iter().filter(|row| !row.holds()).find(waits));
    let nearest = first.map_or_else(
        || html! { "no gate is measured now" },
        |row| html! { (row.pair) ": " (row.waits_for.as_deref().unwrap_or_default()) },
    );
    // Where at least one pair may be entered, what stops another one, or is told beside it, stops nothing here.
    let blocked = now.stops.iter().find(|stop| now.state != "ready" && stop.stops_entries());
    let second = match blocked {
        Some(stop) => html! { "entries stopped: " (stop.text) },
        None => {
            html! { (view.held().count()) " held, " (view.pairs().iter().filter(|row| row.may_enter).count()) " may be entered" }
        }
    };
    let (mark, verdict) = match (working, blocked) {
        _ if !view.runs => (Mark::Stale, "nothing".to_owned()),
        (Some(row), _) if matches!(row.phase.as_str(), "repair" | "naked") => (Mark::No, "wait".to_owned()),
        (Some(row), _) => (Mark::Yes, if row.phase == "exiting" { "leave" } else { "enter" }.to_owned()),
        (None, Some(_)) => (Mark::No, "stopped".to_owned()),
        (None, None) => (Mark::Yes, "hold".to_owned()),
    };
    let number = at.map_or_else(|| html! { (NONE) }, |at| words::until(at, now.at_ms));
    Answer { question, mark, verdict, number, unit: html! { "to the next settlement" }, lines: [nearest, second] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::control::stops::Stop;
    use crate::engine::State;
    use crate::sim::{Generator, START};

    #[test]
    fn what_stops_no_entry_is_not_called_a_stop() {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let (mut view, mut now) = (View::nothing("s", std::path::Path::new("s")), Snapshot::of(&state, START));
        view.runs = true;
        let stop = |why: &str, pair: Option<&str>| Stop {
            why: why.to_owned(),
            venue: None,
            pair: pair.map(str::to_owned),
            since_ms: None,
            text: format!("about {why}"),
            clear: None,
        };
        let mut said = |word: &str, stop: Stop| {
            (now.state, now.stops) = (word.to_owned(), vec![stop]);
            let answer = next(&view, &now);
            (answer.verdict, answer.lines.map(maud::PreEscaped::into_string).join(" "))
        };
        for stop in [stop("margin_low", None), stop("no_price", Some("alpha:BTCUSDT"))] {
            let (verdict, lines) = said("ready", stop);
            assert!(verdict == "hold" && !lines.contains("entries stopped"), "{verdict} {lines}");
        }
        let (verdict, lines) = said("reduce_only", stop("paused", None));
        assert!(verdict == "stopped" && lines.contains("entries stopped: about paused"), "{verdict} {lines}");
    }

    #[test]
    fn every_word_that_stops_no_entry_is_one_of_a_reason_that_stops_none() {
        use crate::engine::standing::Why;
        for why in [Why::CoinsStuck, Why::MarginLow, Why::Paused, Why::Halted, Why::Differs] {
            let word = serde_json::to_value(why).unwrap()["why"].as_str().unwrap().to_owned();
            let stop = Stop { why: word, venue: None, pair: None, since_ms: None, text: String::new(), clear: None };
            assert_eq!(stop.stops_entries(), why.stops_entries(), "{why:?}");
        }
    }
}
