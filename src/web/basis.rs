//! The basis of a pair, hour by hour, against the one at which it was entered.

use super::parts;
use super::words;
use crate::control::detail::PairDetail;
use crate::domain::WallTime;
use crate::report::run::TripRow;
use maud::{Markup, html};

/// Basis points in one.
const POINTS: f64 = 1e4;

/// The chart; nothing before there are two hours of it.
#[must_use]
pub fn chart(detail: &PairDetail, trip: Option<&TripRow>) -> Markup {
    let hours = &detail.basis_hours;
    let (Some((from, _)), Some((to, last))) = (hours.first(), hours.last()) else { return html! {} };
    if from == to {
        return html! {};
    }
    let entered = trip.map(|trip| trip.entry_basis_bps);
    let values = hours.iter().map(|(_, basis)| basis * POINTS);
    let Some((low, high)) = parts::range(values.chain(entered).chain([0.0])) else { return html! {} };
    let y = |value: f64| (value - low) / (high - low);
    let points: Vec<(f64, f64)> = hours.iter().map(|(at, basis)| (part(*at, *from, *to), y(basis * POINTS))).collect();
    let steps = parts::steps(low, high);
    let decimals = parts::decimals(&steps);
    let height = |value: f64| format!("{:.1}", (1.0 - y(value)) * 1000.0);
    html! {
        div.chart role="img" aria-label="basis, each hour, in basis points" {
            svg.plot viewBox="0 0 1000 1000" preserveAspectRatio="none" {
                @for step in &steps { line.grid x1="0" x2="1000" y1=(height(*step)) y2=(height(*step)) {} }
                @if let Some(entered) = entered { line.bench x1="0" x2="1000" y1=(height(entered)) y2=(height(entered)) {} }
                path.own d=(parts::path(&points)) {}
            }
            @for step in &steps { (parts::label(y(*step), &words::axis(*step, decimals))) }
        }
        div.axis { span { (words::moment(*from)) } span { (words::moment(*to)) } }
        p.note {
            "Basis, bps of the long leg, the first of each hour; last " (words::signed(last * POINTS, 1)) "."
            @if let Some(entered) = entered { " Dashed: entered at " (words::signed(entered, 1)) "." }
        }
    }
}

fn part(at: WallTime, from: WallTime, to: WallTime) -> f64 {
    words::ms(at.since(from).0) / words::ms(to.since(from).0).max(1.0)
}
