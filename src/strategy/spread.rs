//! The `spread` strategy: short the perp of the dear venue and long the perp of the cheap one while the difference of their
//! fundings pays for both legs.
//!
//! What counts is net: what the short is paid less what the long pays, each per 8 h whatever its interval. It is expected to go
//! on at its mean over `signal.smooth`, or over `signal.memory` where that is lower: a difference that just opened is closed by
//! others first. Entered and left by value, with the keys of the value rule; both legs need margin, so capital is twice the
//! notional over the leverage.

use super::basis::Wish;
use super::gate::{Visit, ask, days, gate, hours};
use super::view::View;
use crate::port::order::Reason;

/// Days of a year.
const YEAR: f64 = 365.0;

/// Net funding per 8 h that is expected to go on; `None` before both legs' windows are full.
///
/// Worked: the short is paid 0.03 %, the long pays 0.01 %, and over a month the difference was 0.015 %: 0.015 %.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn net_8h(view: &View<'_>) -> Option<f64> {
    let (long, short) = (&view.market.long.funding, &view.market.short.funding);
    if !long.is_warm() || !short.is_warm() {
        return None;
    }
    let smoothed = short.smoothed()?.per_8h() - long.smoothed()?.per_8h();
    Some(smoothed.min(short.mean_8h() - long.mean_8h()))
}

/// Expected net carry on capital per year, after a round trip.
///
/// Worked: 0.01 % net per 8 h for 30 days is 0.9 %; less 0.2 % of costs is 0.7 % of notional; at 1x (capital is twice the
/// notional) 0.35 % in 30 days, 4.26 % a year.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn expected_net_apr(view: &View<'_>) -> Option<f64> {
    let horizon = days(view.settings.entry.horizon);
    let net = net_8h(view)? * 3.0 * horizon - view.costs.round_trip();
    Some(net / view.capital_per_notional() * YEAR / horizon)
}

/// Days until the difference has paid a round trip; without end where it pays nothing.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn breakeven_days(view: &View<'_>) -> Option<f64> {
    let net = net_8h(view)?;
    Some(if net > 0.0 { view.costs.round_trip() / (net * 3.0) } else { f64::INFINITY })
}

/// By how much leaving beats holding, per year on capital: cash less what is expected. What was paid to get in does not count.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn leaving_gain_apr(view: &View<'_>) -> Option<f64> {
    let holding = net_8h(view)? * 3.0 * YEAR / view.capital_per_notional();
    Some(view.settings.run.cash_apr.to_f64() - holding)
}

/// What must hold of the signal before an entry.
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub(super) fn signal(view: &View<'_>, visit: &mut Visit<'_>) -> bool {
    let entry = &view.settings.entry;
    let apr = expected_net_apr(view);
    let warm = apr.is_some();
    if !ask(visit, warm, || gate("signal.smooth", hours(warm), 1.0, "=", "window full")) {
        return false;
    }
    let (apr, least) = (apr.unwrap_or(f64::NAN), entry.min_net_apr.to_f64());
    if !ask(visit, apr >= least, || gate("entry.min_net_apr", apr * 100.0, least * 100.0, ">=", "%apr")) {
        return false;
    }
    let (time, most) = (breakeven_days(view).unwrap_or(f64::INFINITY), days(entry.max_breakeven));
    ask(visit, time <= most, || gate("entry.max_breakeven", time, most, "<=", "days"))
}

/// Leave when leaving is better by `exit.margin_apr`.
#[must_use]
pub fn exit(view: &View<'_>) -> Wish {
    let margin = view.settings.exit.margin_apr.to_f64();
    if leaving_gain_apr(view).is_some_and(|gain| gain > margin) {
        Wish::Leave(Reason::LeaveBeatsHold)
    } else {
        Wish::Keep
    }
}

/// Milliseconds to the nearest settlement of either leg, past or coming; large when none is known.
#[must_use]
pub fn distance_to_settlement(view: &View<'_>) -> i64 {
    let of = |market: &crate::market::InstrumentMarket| {
        let since = market.funding.last().map_or(i64::MAX, |last| view.now.since(last.stamp).0.abs());
        let next = market.estimate.map_or(i64::MAX, |(_, next)| next.since(view.now).0.abs());
        since.min(next)
    };
    of(&view.market.short).min(of(&view.market.long))
}
