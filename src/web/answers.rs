//! The five answers: hedged, safe, paid, sane, next. Each a question, a verdict, one number, two lines of evidence.
//!
//! **Invariant**: a verdict that rests on a price older than its gate is `stale`, never yes. Tests: at the end, and
//! `tests/commands/page.rs`.

use super::parts::{self, Mark};
use super::safety;
use super::view::View;
use super::words::{self, NONE};
use crate::control::snapshot::{PairRow, Snapshot};
use crate::domain::{Amount, WallTime};
use maud::{Markup, html};
use std::collections::BTreeMap;

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

/// What is unequal by coin and quote coin, with its sign; `None` where the value of one is not known.
#[must_use]
pub fn coin_deltas<'a>(rows: impl Iterator<Item = &'a PairRow>) -> Option<BTreeMap<(String, String), Amount>> {
    let mut of: BTreeMap<(String, String), Amount> = BTreeMap::new();
    for row in rows {
        let quote = row.quote.map_or_else(String::new, |quote| quote.to_string());
        let sum = of.entry((super::table::coin(row), quote)).or_insert(Amount::ZERO);
        *sum += delta(row)?;
    }
    Some(of)
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
    let widest = held.iter().max_by_key(|row| delta(row).map_or(0, |value| value.abs().units()));
    let first = widest.map_or_else(String::new, |row| {
        let coins = words::minus(&signed_coins(&(row.spot_coins + row.perp_coins).to_string()));
        format!("worst leg {coins} {}", super::table::coin(row))
    });
    // Of one coin alone: what is too much of one is no answer to what lacks of another.
    let (number, unit) = match coin_deltas(held.iter().copied()) {
        Some(all) => all.into_iter().max_by_key(|(_, value)| value.abs().units()).map_or_else(
            || (NONE.to_owned(), String::new()),
            |((coin, quote), value)| (words::change(value), format!("{quote} delta of {coin}, the worst coin")),
        ),
        None => (NONE.to_owned(), "delta not known".to_owned()),
    };
    Answer {
        question,
        mark,
        verdict,
        number: html! { (number) },
        unit: html! { (unit) },
        lines: [html! { (first) }, second],
    }
}

fn signed_coins(text: &str) -> String {
    if text.starts_with('-') || text == "0" { text.to_owned() } else { format!("+{text}") }
}

fn safe(view: &View, now: &Snapshot) -> Answer {
    let (money, far) = (safety::money(now), safety::distances(now));
    let peg = safety::peg(now, view.history.as_ref().is_some_and(|history| history.identity.market != "live"));
    let parts = [far.verdict, money.verdict, peg.verdict];
    let (mark, verdict) = if parts.contains(&Some(false)) {
        (Mark::No, "no".to_owned())
    } else if parts.contains(&None) {
        (Mark::Stale, "unknown".to_owned())
    } else {
        fresh(view, true)
    };
    Answer {
        question: "Safe?",
        mark,
        verdict,
        number: html! { (far.number) },
        unit: html! { (far.unit) },
        lines: [html! { (far.text) }, html! { (money.text) " · " (peg.text) }],
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
    let since = now.reconciled_ms.map(|at| now.at_ms.since(at));
    let compared = since.map_or_else(
        || {
            let simulated = "ledger and venue not asked: fills are simulated, there is no account";
            if now.simulated { simulated } else { "ledger and venue not compared yet" }.to_owned()
        },
        |since| format!("reconciled {} ago", words::age(since.0)),
    );
    let feed = oldest.map_or_else(|| "no feed".to_owned(), |age| format!("oldest feed {}", words::age(age)));
    let feed = if missing { "a feed has no price".to_owned() } else { feed };
    let clock = safety::clock(now);
    let lines = [html! { (compared) " · in doubt " (now.in_doubt) }, html! { (feed) (clock) " · " (process(view)) }];
    let wrong = differs > 0 || now.in_doubt > 0 || !view.runs && now.state != "over";
    let (mark, verdict) = match (wrong, since) {
        (true, _) => (Mark::No, "no".to_owned()),
        (false, None) if !now.simulated => (Mark::Stale, "not yet".to_owned()),
        // A person is told of it after as long (`not_compared`). Where fills are simulated nothing compares by itself.
        (false, Some(since)) if !now.simulated && since > safety::COMPARED => (Mark::Stale, "stale".to_owned()),
        _ if oldest.is_none() && !view.pairs().is_empty() && view.runs => (Mark::Stale, "unknown".to_owned()),
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

    /// A view of a session that runs, without a price; two pairs of two coins are held.
    fn holding() -> View {
        let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let mut view = View::nothing("s", std::path::Path::new("s"));
        let mut now = Snapshot::of(&state, START);
        for (place, (coins, coin)) in [(100_000_000, "BTC"), (-100_000_000, "ETH")].into_iter().enumerate() {
            let row = &mut now.pairs[place];
            row.phase = "hedged".to_owned();
            row.coin = crate::domain::Asset::new(coin).ok();
            row.spot_coins = crate::domain::SignedQuantity::from_units(coins);
            row.unequal = Some(Amount::whole(100));
            (row.age_ms, row.ages_ms) = (Some(1_000), (Some(1_000), Some(1_000)));
        }
        (view.runs, view.snapshot) = (true, Some(now));
        view
    }

    #[test]
    fn too_much_of_one_coin_is_no_answer_to_what_lacks_of_another() {
        let view = holding();
        let now = view.snapshot.as_ref().unwrap();
        let answer = hedged(&view, now);
        assert!(answer.number.0.contains("100.00") && answer.unit.0.contains("the worst coin"), "{}", answer.number.0);
        let sum = super::super::table::card(&view).into_string();
        assert!(sum.contains("<b>200.00</b><small>of all coins, unsigned"), "{sum}");
        let mut unknown = holding();
        unknown.snapshot.as_mut().unwrap().pairs[0].unequal = None;
        let answer = hedged(&unknown, unknown.snapshot.as_ref().unwrap());
        assert_eq!((answer.number.0.as_str(), answer.unit.0.as_str()), (NONE, "delta not known"));
    }

    #[test]
    fn what_was_compared_long_ago_is_not_sane_now() {
        let mut view = holding();
        let mut said = |ago: Option<i64>, simulated: bool| {
            let now = view.snapshot.as_mut().unwrap();
            now.reconciled_ms = ago.map(|ago| WallTime(now.at_ms.0 - ago * 60_000));
            now.simulated = simulated;
            sane(&view, view.snapshot.as_ref().unwrap()).verdict
        };
        assert_eq!(said(Some(2), false), "yes");
        assert_eq!(said(Some(300), false), "stale", "five hours ago");
        assert_eq!((said(None, false).as_str(), said(None, true).as_str()), ("not yet", "yes"));
    }

    #[test]
    fn safe_looks_at_pegs_and_free_money_too() {
        let mut view = holding();
        let mut said = |price: &str, free: i64| {
            let now = view.snapshot.as_mut().unwrap();
            let (at, usdt) = (now.at_ms, crate::domain::Asset::new("USDT").unwrap());
            let detail = now.detail.as_mut().unwrap();
            detail.pegs = vec![(usdt, crate::domain::Price::parse(price).unwrap(), Some(at))];
            detail.wallets = vec![crate::control::detail::WalletDetail {
                venue: "alpha".to_owned(),
                quote: usdt,
                spot: Amount::ZERO,
                perp: Amount::whole(10),
                collateral: Amount::ZERO,
                notional: Amount::whole(5),
                free: Amount::whole(free),
                distance: None,
            }];
            let answer = safe(&view, view.snapshot.as_ref().unwrap());
            (answer.verdict, answer.lines.map(|line| line.0).join(" "))
        };
        let (verdict, lines) = said("0.9999", 3);
        assert!(verdict == "yes" && lines.contains("bps, 0.0\u{a0}s old"), "{verdict} {lines}");
        assert_eq!(said("0.90", 3).0, "no");
        assert_eq!(said("0.9999", -3).0, "no");
        view.snapshot.as_mut().unwrap().detail = None;
        assert_eq!(safe(&view, view.snapshot.as_ref().unwrap()).verdict, "unknown");
    }

    #[test]
    fn what_is_stale_is_grey_on_every_page() {
        let mut view = holding();
        let pages = |view: &View| {
            let pages =
                [super::super::ladder::page(view), super::super::risk::page(view), super::super::table::card(view)];
            let frame = super::super::frame::inside(view, &super::super::frame::Screen::Risk, &html! {});
            (pages.map(|page| page.into_string().contains("class=\"stale\"")), frame.into_string())
        };
        let now = view.snapshot.as_mut().unwrap();
        now.distances = vec![("alpha".to_owned(), now.currency, crate::domain::Rate::parse("0.5").ok())];
        let detail = now.detail.as_mut().unwrap();
        detail.floor = crate::domain::Rate::parse("0.1").unwrap();
        for row in &mut now.pairs {
            (row.age_ms, row.ages_ms) = (Some(1_000), (Some(1_000), Some(1_000)));
        }
        let (grey, frame) = pages(&view);
        assert!(grey == [false; 3] && !frame.contains("figure stale"), "{grey:?} {frame}");
        view.snapshot.as_mut().unwrap().pairs[0].age_ms = Some(9_000_000);
        let (grey, frame) = pages(&view);
        assert_eq!(grey, [true; 3]);
        assert_eq!(frame.matches("figure stale").count(), 4, "equity, today, month, nearest: {frame}");
    }
}
