//! What must hold before an entry, in order. The decision stops at the first gate that blocks; `carry why` prints them all.
//!
//! A close is never blocked by any of these. A gate whose input the source does not carry is off, and says so.

use super::basis;
use super::confirm;
use super::forecast::Forecast;
use super::ladder::{self, Terms};
use super::spread;
use super::view::View;
use crate::config::settings::{Missing, Rule, StrategyKind};
use crate::domain::{Price, Side, Span};
use serde::Serialize;

/// One gate with what was measured and what it must be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Gate {
    /// Stable name; the key of its setting where it has one.
    pub name: &'static str,
    /// What was measured.
    pub measured: f64,
    /// What it must reach, or must not exceed.
    pub threshold: f64,
    /// How the two compare when the gate is open: `>`, `>=`, `<=`, `=`.
    pub relation: &'static str,
    /// Unit of both numbers.
    pub unit: &'static str,
    /// Whether it is open.
    pub open: bool,
}

/// Passed one gate after the other, and whether it is open; says whether to go on.
pub(super) type Visit<'v> = dyn FnMut(&dyn Fn() -> Gate, bool) -> bool + 'v;

/// All gates of a pair, in order.
#[must_use]
pub fn explain(view: &View<'_>) -> Vec<Gate> {
    let mut gates = Vec::new();
    walk(view, &mut |gate, _| {
        gates.push(gate());
        true
    });
    gates
}

/// Whether every gate is open; stops at the first that is not.
#[must_use]
pub fn all_open(view: &View<'_>) -> bool {
    let mut open = true;
    walk(view, &mut |_, passed| {
        open = passed;
        passed
    });
    open
}

/// The first gate that is not open: why nothing was entered. `None` when all are.
#[must_use]
pub fn first_closed(view: &View<'_>) -> Option<Gate> {
    let mut first = None;
    walk(view, &mut |gate, passed| {
        if !passed {
            first = Some(gate());
        }
        passed
    });
    first
}

/// The first gate about safety that is closed, by the name of its setting: they hold for whoever opens a pair.
#[must_use]
pub fn first_unsafe(view: &View<'_>) -> Option<&'static str> {
    let mut first = None;
    let _ = safety(view, &mut |gate, passed| {
        if !passed {
            let gate = gate();
            first = Some(if gate.measured.is_nan() { missing(gate.name) } else { gate.name });
        }
        passed
    });
    first
}

/// What a person is told when the input of a gate about safety does not exist: the name of its setting would say that it was
/// measured and found wrong.
fn missing(name: &'static str) -> &'static str {
    match name {
        "gates.peg" => "the price of its quote coin is missing (gates.missing, gates.peg)",
        "gates.adl_rank" => "its place in the ADL queue is missing (gates.missing, gates.adl_rank)",
        "gates.mark_divergence" => {
            "its mark price, or the price to compare it with, is missing (gates.missing, gates.mark_divergence)"
        }
        "margin brackets" => "its margin brackets are missing (gates.missing)",
        other => other,
    }
}

/// Whether every gate but the signal is open: for who compares the signals of several pairs.
#[must_use]
pub fn rest_open(view: &View<'_>) -> bool {
    rest(view, &mut |_, passed| passed)
}

/// The signal first, because it blocks most often and is cheapest to ask.
fn walk(view: &View<'_>, visit: &mut Visit<'_>) {
    let signal = match (view.settings.strategy.kind, view.settings.strategy.rule) {
        _ if view.spread => spread::signal(view, visit),
        (StrategyKind::Ladder, _) => ladder_signal(view, visit),
        (StrategyKind::Basis | StrategyKind::Spread, Rule::Anchor) => anchor_signal(view, visit),
        (StrategyKind::Basis | StrategyKind::Spread, Rule::Value) => value_signal(view, visit),
    };
    let _ = signal && rest(view, visit);
}

fn rest(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    timing(view, visit) && safety(view, visit) && market_state(view, visit)
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn ladder_signal(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let apr = ladder::apr(view);
    let warm = apr.is_some();
    if !ask(visit, warm, || gate("ladder.month", hours(warm), 1.0, "=", "95 % of 7 and of 30 days known")) {
        return false;
    }
    let apr = apr.unwrap_or(f64::NAN);
    let above = Terms::of(view.settings).enter_above(ladder::side(view));
    ask(visit, apr > above, || gate("ladder.enter", apr * 100.0, above * 100.0, ">", "%apr on its own capital"))
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn anchor_signal(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let entry = &view.settings.entry;
    let threshold = entry.funding.per_8h() + entry.margin.per_8h();
    let mean = basis::funding_signal(view);
    let warm = view.market.short.funding.is_warm();
    if !ask(visit, warm, || gate("signal.smooth", hours(warm), 1.0, "=", "window full")) {
        return false;
    }
    let above = match view.peers_8h {
        Some(peers) => peers > threshold.to_f64(),
        None => mean.is_some_and(|mean| mean.is_above(threshold)),
    };
    let measured = view.peers_8h.or_else(|| mean.map(crate::market::funding_window::Mean::per_8h)).unwrap_or(f64::NAN);
    if !ask(visit, above, || gate("entry.funding", measured * 100.0, threshold.to_f64() * 100.0, ">", "%/8h")) {
        return false;
    }
    let Some(least) = entry.basis else { return true };
    let executable = view.market.basis_now().map_or(f64::NAN, |basis| basis - view.costs.execution());
    let rich = executable > least.to_f64();
    ask(visit, rich, || gate("entry.basis", executable * 1e4, least.to_f64() * 1e4, ">", "bps"))
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn value_signal(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let entry = &view.settings.entry;
    let forecast = Forecast::of(view.market);
    let warm = forecast.is_some();
    if !ask(visit, warm, || gate("signal.smooth", hours(warm), 1.0, "=", "window full")) {
        return false;
    }
    let apr = basis::expected_net_apr(view).unwrap_or(f64::NAN);
    let least = entry.min_net_apr.to_f64();
    if !ask(visit, apr >= least, || gate("entry.min_net_apr", apr * 100.0, least * 100.0, ">=", "%apr")) {
        return false;
    }
    let most = days(entry.max_breakeven);
    let cost = view.costs.round_trip() - basis::basis_gain(view).min(0.0);
    let breakeven = forecast.and_then(|forecast| forecast.breakeven_days(cost, 365.0));
    let soon = breakeven.is_some_and(|time| time <= most);
    ask(visit, soon, || gate("entry.max_breakeven", breakeven.unwrap_or(f64::INFINITY), most, "<=", "days"))
}

#[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "shown to people")]
fn timing(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let since_close = view.closed_at.map_or(i64::MAX, |at| view.now.since(at).0);
    let cooldown = view.settings.entry.cooldown;
    let rested = since_close >= cooldown.0;
    if !ask(visit, rested, || {
        gate("entry.cooldown", since_close as f64 / 3.6e6, cooldown.0 as f64 / 3.6e6, ">=", "hours since close")
    }) {
        return false;
    }
    let lead = view.settings.gates.delist_lead;
    let left = view.market.ends_at.map_or(i64::MAX, |at| at.since(view.now).0);
    if !ask(visit, left > lead.0, || {
        gate("gates.delist_lead", left as f64 / 3.6e6, lead.0 as f64 / 3.6e6, ">", "hours of trading left")
    }) {
        return false;
    }
    let guard = view.settings.gates.guard;
    let distance = if view.spread { spread::distance_to_settlement(view) } else { basis::distance_to_settlement(view) };
    ask(visit, distance >= guard.0, || {
        gate("gates.guard", distance as f64 / 1e3, guard.0 as f64 / 1e3, ">=", "seconds from a settlement")
    })
}

#[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "signals are floats")]
fn safety(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let gates = &view.settings.gates;
    if !ask(visit, view.reachable, || gate("venue", hours(view.reachable), 1.0, "=", "reachable")) {
        return false;
    }
    let age = view.now.since(view.market.long.updated.min(view.market.short.updated)).0;
    let fresh = age <= gates.max_age.0;
    if !ask(visit, fresh, || gate("gates.max_age", age as f64 / 1e3, gates.max_age.0 as f64 / 1e3, "<=", "seconds old"))
    {
        return false;
    }
    // A gate whose input the source should give and does not: no entry, or off and an alarm (`gates.missing`).
    let refuses = gates.missing == Missing::Refuse;
    for (lacks, name) in [
        (view.lacks.peg, "gates.peg"),
        (view.lacks.adl_rank, "gates.adl_rank"),
        (view.lacks.mark, "gates.mark_divergence"),
        (view.lacks.brackets, "margin brackets"),
    ] {
        if lacks && refuses && !ask(visit, false, || gate(name, f64::NAN, 1.0, "=", "input there (gates.missing)")) {
            return false;
        }
    }
    if let Some(peg) = view.peg.filter(|_| !view.lacks.peg) {
        let off = (peg.to_f64() - 1.0).abs();
        let most = gates.peg.to_f64();
        if !ask(visit, off <= most, || gate("gates.peg", off * 1e4, most * 1e4, "<=", "bps from peg")) {
            return false;
        }
    }
    let rank = view.market.short.adl_rank;
    if !ask(visit, rank <= gates.adl_rank, || {
        gate("gates.adl_rank", f64::from(rank), f64::from(gates.adl_rank), "<=", "rank")
    }) {
        return false;
    }
    let Some((mark, _)) = view.market.short.mark.filter(|_| !view.lacks.mark) else { return true };
    let off = view.market.short.mid.map_or(f64::NAN, |mid| (mark.to_f64() / mid.to_f64() - 1.0).abs());
    let most = gates.mark_divergence.to_f64();
    ask(visit, off <= most, || gate("gates.mark_divergence", off * 1e4, most * 1e4, "<=", "bps"))
}

#[expect(clippy::float_arithmetic, reason = "signals are floats")]
fn market_state(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let gates = &view.settings.gates;
    let least = gates.min_depth.to_f64();
    let thinner = basis::thinner_depth(view);
    if !ask(visit, thinner >= least, || gate("gates.min_depth", thinner, least, ">=", "quote coin of depth")) {
        return false;
    }
    if gates.quadrant
        && let Some(change) = view.market.short.open_interest_change()
    {
        let quadrant = basis::quadrant(view, change);
        let open = quadrant.enters();
        if !ask(visit, open, || {
            gate("gates.quadrant", change * 100.0, -10.0, quadrant.as_str(), "% open interest a day")
        }) {
            return false;
        }
    }
    let Some(measured) = confirm::measure(view) else { return true };
    let (value, level) = measured.unwrap_or((f64::NAN, f64::NAN));
    ask(visit, value > level, || gate("confirm.indicator", value, level, ">", "indicator"))
}

/// What speaks for leaving a position held, in the order in which the rule asks; `open` means that the condition holds.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "shown to people")]
pub fn explain_exit(view: &View<'_>) -> Vec<Gate> {
    if view.settings.strategy.kind == StrategyKind::Ladder {
        let apr = ladder::apr(view).unwrap_or(f64::NAN);
        let below = Terms::of(view.settings).leave_below(ladder::side(view));
        let leave = gate("ladder.leave", apr * 100.0, below * 100.0, "<", "%apr on its own capital");
        return vec![Gate { open: apr < below, ..leave }];
    }
    let exit = &view.settings.exit;
    let held = view.entered_at.map_or(0, |at| view.now.since(at).0);
    let mut gates = vec![Gate {
        open: held >= exit.min_hold.0,
        ..gate("exit.min_hold", held as f64 / 3.6e6, exit.min_hold.0 as f64 / 3.6e6, ">=", "hours held")
    }];
    match view.settings.strategy.rule {
        Rule::Anchor if !view.spread => {
            let threshold = exit.funding.per_8h().to_f64();
            let mean = || basis::funding_signal(view).map(crate::market::funding_window::Mean::per_8h);
            let funding = view.peers_8h.or_else(mean).unwrap_or(f64::NAN);
            let closing = basis::closing_basis(view).unwrap_or(f64::NAN);
            gates.push(Gate {
                open: basis::funding_is_low(view),
                ..gate("exit.funding", funding * 100.0, threshold * 100.0, "<", "%/8h")
            });
            gates.push(Gate {
                open: basis::is_compressed(view),
                ..gate("exit.basis", closing * 1e4, exit.basis.to_f64() * 1e4, "<=", "bps to close")
            });
        }
        Rule::Anchor | Rule::Value => {
            let gain = if view.spread { spread::leaving_gain_apr(view) } else { basis::leaving_gain_apr(view) };
            let gain = gain.unwrap_or(f64::NAN);
            let margin = exit.margin_apr.to_f64();
            gates.push(Gate {
                open: gain > margin,
                ..gate("exit.margin_apr", gain * 100.0, margin * 100.0, ">", "%apr by which leaving beats holding")
            });
        }
    }
    gates
}

pub(super) fn ask(visit: &mut Visit<'_>, open: bool, make: impl Fn() -> Gate) -> bool {
    visit(&|| Gate { open, ..make() }, open)
}

pub(super) const fn gate(
    name: &'static str,
    measured: f64,
    threshold: f64,
    relation: &'static str,
    unit: &'static str,
) -> Gate {
    Gate { name, measured, threshold, relation, unit, open: false }
}

pub(super) const fn hours(yes: bool) -> f64 {
    if yes { 1.0 } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, clippy::float_arithmetic, reason = "shown to people")]
pub(super) fn days(span: Span) -> f64 {
    span.0 as f64 / 8.64e7
}

/// Value of the depth that an order of `side` finds on a leg, in the quote coin; zero without a price.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub(super) fn depth_value(mid: Option<Price>, leg: &crate::market::InstrumentMarket, side: Side) -> f64 {
    mid.map_or(0.0, |mid| mid.to_f64() * leg.depth_for(side).to_f64())
}
