//! The way between kills, by the venue's own executions: how long legs were unequal while a process was ready to act.

use super::rig::Rig;
use carry::domain::Quantity;
use serde_json::Value;

/// The smallest order of both legs: what no order can make equal.
const LOT: &str = "0.001";

/// One process, by the venue's clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Life {
    /// When it was first seen to be past its start; never where it was killed before.
    pub(crate) ready: Option<i64>,
    /// When it was dead.
    pub(crate) ended: i64,
    /// From when to when it waited for a person.
    pub(crate) held: Option<(i64, i64)>,
}

/// Longest times in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Worst {
    /// Unequal within one life from `Ready` on, without what waited for a person.
    pub(crate) naked: i64,
    /// Unequal while it waited for a person.
    pub(crate) held: i64,
    /// Unequal at all, dead or alive.
    pub(crate) whole: i64,
    /// In which life, and from when on, the first of these was.
    pub(crate) naked_in: (usize, i64),
}

impl Worst {
    pub(crate) fn add(&mut self, other: Self) {
        if other.naked > self.naked {
            (self.naked, self.naked_in) = (other.naked, other.naked_in);
        }
        self.held = self.held.max(other.held);
        self.whole = self.whole.max(other.whole);
    }
}

/// From when to when the legs were unequal by more than a lot.
pub(crate) fn unequal(rig: &Rig) -> Vec<(i64, i64)> {
    unequal_in(&[rig.get("/carry/books")])
}

/// The same of legs that stand in the books of several venues.
pub(crate) fn unequal_in(books: &[Value]) -> Vec<(i64, i64)> {
    let mut trades: Vec<(i64, i64)> = Vec::new();
    for order in books.iter().flat_map(|books| books["orders"].as_array().unwrap()) {
        for one in order["executions"].as_array().unwrap() {
            trades.push((one["at"].as_i64().unwrap(), coins(order, one)));
        }
    }
    trades.sort_unstable();
    let lot = Quantity::parse(LOT).unwrap().units();
    let (mut spans, mut since, mut delta) = (Vec::new(), None, 0_i64);
    for (place, (at, units)) in trades.iter().enumerate() {
        delta += units;
        // What happens at one instant is one change.
        if trades.get(place + 1).is_some_and(|(next, _)| next == at) {
            continue;
        }
        if delta.abs() > lot {
            since = since.or(Some(*at));
        } else if let Some(since) = since.take() {
            spans.push((since, *at));
        }
    }
    let now = books.iter().filter_map(|books| books["now_ms"].as_i64()).max().unwrap();
    spans.extend(since.map(|since| (since, now)));
    spans
}

/// Coins that an execution brings, less a fee in coins; units of 1e-8.
fn coins(order: &Value, one: &Value) -> i64 {
    let text = |value: &Value| Quantity::parse(value.as_str().unwrap()).unwrap().units();
    let quantity = text(&one["quantity"]);
    let bought = order["order"]["side"] == "BUY";
    let fee = if one["fee_asset"] == "BTC" { text(&one["fee"]) } else { 0 };
    (if bought { quantity } else { -quantity }) - fee
}

/// The longest times of these lives.
pub(crate) fn worst(spans: &[(i64, i64)], lives: &[Life]) -> Worst {
    let both = |a: (i64, i64), b: (i64, i64)| (a.1.min(b.1) - a.0.max(b.0)).max(0);
    let mut worst = Worst::default();
    for span in spans {
        worst.whole = worst.whole.max(span.1 - span.0);
        for (place, life) in lives.iter().enumerate() {
            let Some(ready) = life.ready else { continue };
            let alive = (span.0.max(ready), span.1.min(life.ended));
            let held = life.held.map_or(0, |held| both(alive, held));
            let naked = alive.1 - alive.0 - held;
            if naked > worst.naked {
                (worst.naked, worst.naked_in) = (naked, (place, alive.0));
            }
            worst.held = worst.held.max(held);
        }
    }
    worst
}

#[test]
fn g01_what_counts_is_the_time_of_a_ready_process_less_what_waits_for_a_person() {
    let lives = [
        Life { ready: None, ended: 100, held: None },
        Life { ready: Some(150), ended: 300, held: Some((160, 200)) },
        Life { ready: Some(400), ended: 900, held: None },
    ];
    assert_eq!(worst(&[(90, 260)], &lives), Worst { naked: 70, held: 40, whole: 170, naked_in: (1, 150) });
    assert_eq!(worst(&[(260, 450)], &lives), Worst { naked: 50, held: 0, whole: 190, naked_in: (2, 400) });
    assert_eq!(worst(&[(310, 390)], &lives), Worst { naked: 0, held: 0, whole: 80, naked_in: (0, 0) });
}
