//! Parts that all pages share: verdicts with their shape, bars, cards. Drawn as SVG with attributes, because the page allows no
//! style in line.

use super::words;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write as _;

/// A verdict: a shape and a word, never a colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// True now.
    Yes,
    /// False now.
    No,
    /// Not known now.
    Stale,
}

impl Mark {
    /// The class of its colour.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Yes => "ours",
            Self::No => "against",
            Self::Stale => "unknown",
        }
    }
}

/// The shape of a verdict.
#[must_use]
pub fn mark(mark: Mark) -> Markup {
    let shape = match mark {
        Mark::Yes => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"7\" fill=\"currentColor\"/>\
             <path d=\"M4.6 8.2l2.3 2.3 4.4-4.6\" fill=\"none\" class=\"tick\" stroke-width=\"1.8\"/></svg>"
        }
        Mark::No => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path d=\"M8 1.2L15.4 14.4H.6z\" fill=\"currentColor\"/>\
             <path d=\"M8 5.6v4.2M8 11.4v1.4\" class=\"tick\" stroke-width=\"1.8\"/></svg>"
        }
        Mark::Stale => {
            "<svg class=\"mark\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><circle cx=\"8\" cy=\"8\" r=\"6.2\" fill=\"none\" \
             stroke=\"currentColor\" stroke-width=\"1.8\" stroke-dasharray=\"3.2 2.2\"/></svg>"
        }
    };
    PreEscaped(shape.to_owned())
}

/// The state of a pair as a pill.
#[must_use]
pub fn pill(phase: &str) -> Markup {
    let class = match phase {
        "hedged" => "pill ours",
        "repair" | "naked" => "pill against",
        _ => "pill",
    };
    let mut word = phase.to_owned();
    if let Some(first) = word.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    html! { span class=(class) { (word) } }
}

/// A bar of 0 to 1 with a tick; `against` colours it. `None` draws the track alone.
#[must_use]
pub fn bar(filled: Option<f64>, tick: f64, against: bool, name: &str) -> Markup {
    let share = |value: f64| format!("{:.1}", value.clamp(0.0, 1.0) * 200.0);
    let class = if against { "fill against" } else { "fill" };
    html! {
        svg.bar viewBox="0 0 200 14" preserveAspectRatio="none" role="img" aria-label=(name) {
            rect.track x="0" y="4" width="200" height="6" {}
            @if let Some(filled) = filled.filter(|filled| filled.is_finite()) {
                rect class=(class) x="0" y="4" width=(share(filled)) height="6" {}
            }
            rect.at x=(share(tick - 0.005)) y="0" width="2" height="14" {}
        }
    }
}

/// The head of a card: its name, and on the right what its numbers are.
#[must_use]
pub fn head(name: &str, note: &Markup) -> Markup {
    html! { div.head { h2 { (name) } p { (note) } } }
}

/// A number with a unit after it.
#[must_use]
pub fn with_unit(number: &str, unit: &str) -> Markup {
    html! { (number) "\u{a0}" small { (unit) } }
}

/// Lines of a chart as an SVG path; both axes from 0 to 1, y upwards.
#[must_use]
pub fn path(points: &[(f64, f64)]) -> String {
    let mut out = String::new();
    for (place, (x, y)) in points.iter().enumerate() {
        let letter = if place == 0 { 'M' } else { 'L' };
        let _ = write!(out, "{letter}{:.1} {:.1}", x * 1000.0, (1.0 - y) * 1000.0);
    }
    out
}

/// The least and the largest of some numbers with a little room, so that a flat line is drawn in the middle.
#[must_use]
pub fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(one), high.max(one)));
    if low > high {
        return None;
    }
    let room = ((high - low) * 0.05).max(high.abs() * 1e-6).max(1e-9);
    Some((low - room, high + room))
}

/// Round values inside a range, three to six of them, for the lines of a chart.
#[must_use]
pub fn steps(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 4.0;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(rough)));
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough).unwrap_or(10.0);
    let step = factor * power;
    let mut at = libm::ceil(low / step) * step;
    let mut out = Vec::new();
    while at <= high && out.len() < 8 {
        out.push(at);
        at += step;
    }
    out
}

/// As many decimals as tell the steps of an axis apart.
#[must_use]
pub fn decimals(steps: &[f64]) -> usize {
    let step = match steps {
        [one, two, ..] => (two - one).abs(),
        _ => 1.0,
    };
    [(1.0, 0), (0.1, 1), (0.01, 2), (0.001, 3)]
        .into_iter()
        .find(|(least, _)| step >= *least * 0.999)
        .map_or(4, |(_, d)| d)
}

/// A label of an axis at a height of 0 to 1.
#[must_use]
pub fn label(height: f64, text: &str) -> Markup {
    let y = format!("{:.1}", (1.0 - height) * 100.0);
    html! { svg.label { text x="100%" y={ (y) "%" } text-anchor="end" { (words::minus(text)) } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_steps_that_can_be_told_apart() {
        let found = steps(24_990.0, 25_310.0);
        assert_eq!(found, [25_000.0, 25_100.0, 25_200.0, 25_300.0]);
        assert_eq!((decimals(&found), decimals(&steps(0.0, 1.0)), steps(1.0, 1.0).len()), (0, 1, 0));
        assert_eq!(
            range([2.0, f64::NAN, 3.0].into_iter()).map(|(low, high)| (low < 2.0, high > 3.0)),
            Some((true, true))
        );
        assert_eq!(range([].into_iter()), None);
    }
}
