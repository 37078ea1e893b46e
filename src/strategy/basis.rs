//! The `basis` strategy: buy spot and short the perp while the perp pays enough; leave when the spread has compressed.
//!
//! Two rules decide on one skeleton. *Anchor*: enter when smoothed funding is above the anchor (0.01 % per 8 h) plus a
//! margin; leave when funding has fallen and the basis at which the pair can be closed has compressed. *Value*: enter when
//! the expected net carry after all costs is worth the capital; leave when leaving is worth more than holding, what was
//! paid to get in not counted. Neither leaves on one print, and neither leaves before the minimum hold.

use super::forecast::Forecast;
use super::gate::{all_open, depth_value};
use super::spread;
use super::view::View;
use crate::config::settings::{FundingSource, Rule, When};
use crate::domain::{Quantity, Rate, Side};
use crate::market::funding_window::Mean;
use crate::port::order::Reason;

/// What the strategy wishes for a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Leave it as it is.
    Keep,
    /// Open it, as large as the money and the caps allow.
    Enter(Reason),
    /// Close it.
    Leave(Reason),
}

/// The decision for one pair.
#[must_use]
pub fn decide(view: &View<'_>) -> Wish {
    if view.held == Quantity::ZERO {
        if !all_open(view) {
            return Wish::Keep;
        }
        return Wish::Enter(match view.settings.strategy.rule {
            _ if view.spread => Reason::CarryAbove,
            Rule::Anchor => Reason::FundingAbove,
            Rule::Value => Reason::CarryAbove,
        });
    }
    let held_for = view.entered_at.map_or(0, |at| view.now.since(at).0);
    if held_for < view.settings.exit.min_hold.0 {
        return Wish::Keep;
    }
    match view.settings.strategy.rule {
        _ if view.spread => spread::exit(view),
        Rule::Anchor => anchor_exit(view),
        Rule::Value => value_exit(view),
    }
}

/// Funding below `exit.funding`, and/or the executable closing basis at or below `exit.basis`.
fn anchor_exit(view: &View<'_>) -> Wish {
    let low = funding_is_low(view);
    match view.settings.exit.when {
        When::All if low && is_compressed(view) => Wish::Leave(Reason::SpreadCompressed),
        When::Any if low => Wish::Leave(Reason::FundingBelow),
        When::Any if is_compressed(view) => Wish::Leave(Reason::BasisCompressed),
        When::All | When::Any => Wish::Keep,
    }
}

/// Whether funding is below `exit.funding`.
#[must_use]
pub fn funding_is_low(view: &View<'_>) -> bool {
    let threshold = view.settings.exit.funding.per_8h();
    match view.peers_8h {
        Some(peers) => peers < threshold.to_f64(),
        None => funding_signal(view).is_some_and(|mean| mean.is_below(threshold)),
    }
}

/// Whether the basis at which the pair can be closed is at or below `exit.basis`.
#[must_use]
pub fn is_compressed(view: &View<'_>) -> bool {
    closing_basis(view).is_some_and(|basis| basis <= view.settings.exit.basis.to_f64())
}

/// The basis at which the pair can be closed, as a fraction. Closing buys the perp at its ask and sells spot at its bid:
/// the mid basis plus half spreads and impact.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn closing_basis(view: &View<'_>) -> Option<f64> {
    view.market.basis_now().map(|basis| basis + view.costs.execution())
}

/// Leave when leaving is better by `exit.margin_apr`.
fn value_exit(view: &View<'_>) -> Wish {
    let margin = view.settings.exit.margin_apr.to_f64();
    if leaving_gain_apr(view).is_some_and(|gain| gain > margin) {
        Wish::Leave(Reason::LeaveBeatsHold)
    } else {
        Wish::Keep
    }
}

/// By how much leaving beats holding, per year on capital. Holding earns the expected funding over the horizon and, at its
/// end, the usual basis; leaving earns cash on the capital and the basis now. What was paid to get in does not count.
///
/// Worked: funding of 0.3 % expected in 30 days at 1x is 0.15 % on capital, 1.825 % a year; cash at 4 % beats it by 2.175 %.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn leaving_gain_apr(view: &View<'_>) -> Option<f64> {
    let forecast = Forecast::of(view.market)?;
    let days = horizon_days(view);
    let holding = forecast.sum(days * 3.0) + basis_gain(view);
    Some(view.settings.run.cash_apr.to_f64() - holding / view.capital_per_notional() * 365.0 / days)
}

/// The funding number that the rules look at: what was paid, or that with the running estimate as its youngest member.
#[must_use]
pub fn funding_signal(view: &View<'_>) -> Option<Mean> {
    match view.settings.signal.funding {
        FundingSource::Settled => view.market.short.funding.smoothed(),
        FundingSource::Estimate => match view.market.expected_next() {
            Some(next) => view.market.short.funding.smoothed_with(next),
            None => view.market.short.funding.smoothed(),
        },
    }
}

/// What the basis is expected to bring to a position held from now on: basis now less its usual value, as a fraction of
/// notional; zero while the usual basis is unknown.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn basis_gain(view: &View<'_>) -> f64 {
    match (view.market.basis_now(), view.market.usual_basis()) {
        (Some(now), Some(usual)) => now - usual,
        _ => 0.0,
    }
}

/// Expected net carry on capital per year: funding over the horizon plus the basis gain less a round trip, over capital.
///
/// Worked: 0.03 % a day for 30 days is 0.9 %; less 0.3 % is 0.6 % of notional; at 1x (capital is twice the notional)
/// 0.3 % in 30 days is 3.65 % a year.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn expected_net_apr(view: &View<'_>) -> Option<f64> {
    let days = horizon_days(view);
    let carry = Forecast::of(view.market)?.sum(days * 3.0);
    let net = carry + basis_gain(view) - view.costs.round_trip();
    Some(net / view.capital_per_notional() * 365.0 / days)
}

#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats")]
fn horizon_days(view: &View<'_>) -> f64 {
    view.settings.entry.horizon.0 as f64 / 8.64e7
}

/// Milliseconds to the nearest settlement, past or coming; large when no settlement is known.
#[must_use]
pub fn distance_to_settlement(view: &View<'_>) -> i64 {
    let since_last = view.market.short.funding.last().map_or(i64::MAX, |last| view.now.since(last.stamp).0.abs());
    let to_next = view.market.short.estimate.map_or(i64::MAX, |(_, next)| next.since(view.now).0.abs());
    since_last.min(to_next)
}

/// Value of the thinner of the four sides that an entry and a later exit need, in the quote coin.
#[must_use]
pub fn thinner_depth(view: &View<'_>) -> f64 {
    let (spot, perp) = (&view.market.long, &view.market.short);
    [
        depth_value(spot.mid, spot, Side::Buy),
        depth_value(spot.mid, spot, Side::Sell),
        depth_value(perp.mid, perp, Side::Buy),
        depth_value(perp.mid, perp, Side::Sell),
    ]
    .into_iter()
    .fold(f64::INFINITY, f64::min)
}

/// Funding and open interest together (section 3 of the design).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quadrant {
    /// Funding up, open interest up: good carry but squeeze-prone; half size.
    CrowdedLongs,
    /// Funding negative, open interest up: no entry.
    CrowdedShorts,
    /// Open interest sharply down: no carry now.
    WashedOut,
    /// Anything else.
    Ordinary,
}

impl Quadrant {
    /// Whether an entry is allowed.
    #[must_use]
    pub const fn enters(self) -> bool {
        match self {
            Self::CrowdedLongs | Self::Ordinary => true,
            Self::CrowdedShorts | Self::WashedOut => false,
        }
    }

    /// Share of the usual size.
    #[must_use]
    pub const fn scale(self) -> Rate {
        match self {
            Self::CrowdedLongs => Rate::from_units(Rate::ONE / 2),
            Self::CrowdedShorts | Self::WashedOut | Self::Ordinary => Rate::from_units(Rate::ONE),
        }
    }

    /// The word shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CrowdedLongs => "crowded longs",
            Self::CrowdedShorts => "crowded shorts",
            Self::WashedOut => "washed out",
            Self::Ordinary => "ordinary",
        }
    }
}

/// A day's change of open interest that counts as sharp.
const SHARP: f64 = 0.10;

/// The quadrant of a pair; `change` is the day's change of open interest as a fraction.
#[must_use]
#[expect(clippy::float_arithmetic, reason = "signals are floats")]
pub fn quadrant(view: &View<'_>, change: f64) -> Quadrant {
    let Some(mean) = view.market.short.funding.smoothed() else { return Quadrant::Ordinary };
    let anchor = crate::domain::FundingRate::ANCHOR.per_8h();
    if change <= -SHARP && !mean.is_above(anchor) {
        Quadrant::WashedOut
    } else if change >= SHARP && mean.is_below(Rate::ZERO) {
        Quadrant::CrowdedShorts
    } else if change >= SHARP && mean.per_8h() > 3.0 * anchor.to_f64() {
        Quadrant::CrowdedLongs
    } else {
        Quadrant::Ordinary
    }
}
