//! A sweep as one page: the best sets, the walk over the folds, the heat map, what each key did, and how steady sets were.
//!
//! It prints what it is given and judges nothing. Tests: `tests/suite/sweep.rs`.

use super::charts::{BLUE, Figure, GREY, base_layout, colour, round, value_axis};
use super::figures;
use super::foreign;
use super::html;
use super::parts::{Kind, Rows, figure, or_none, section};
use crate::domain::WallTime;
use plotly::common::{ColorScale, ColorScaleElement, DashType, Fill, Line, Marker, Mode, Title};
use plotly::layout::{Axis, AxisType, HoverMode};
use plotly::{HeatMap, Scatter, Trace};
use std::fmt::Write as _;

/// Ends of the colours of the heat map, light enough for dark figures on them.
const FAR_RED: &str = "#E07B5F";
const WHITE: &str = "#F7F7F7";
const FAR_GREEN: &str = "#5BB98F";

/// Median gain above cash, percent, over two keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Heat {
    /// Key of the columns.
    pub x_key: String,
    /// Key of the lines.
    pub y_key: String,
    /// Values of the columns.
    pub x: Vec<String>,
    /// Values of the lines.
    pub y: Vec<String>,
    /// Lines of cells; `None` where no set stands.
    pub values: Vec<Vec<Option<f64>>>,
    /// Sets of the fullest cell.
    pub most: usize,
}

/// Where the sets at one place lie, percent.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// The place.
    pub name: String,
    /// A tenth lie below.
    pub low: f64,
    /// Half lie below.
    pub middle: f64,
    /// A tenth lie above.
    pub high: f64,
    /// The best.
    pub best: f64,
}

/// Fold by fold.
#[derive(Debug, Clone, PartialEq)]
pub struct Steady {
    /// What the figures are of: `% a year` or `% of the fold`.
    pub unit: String,
    /// All sets.
    pub bands: Vec<Band>,
    /// The best sets by name, percent in each fold.
    pub sets: Vec<(String, Vec<Option<f64>>)>,
}

/// A table: heads, those from which on columns are numbers, and rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sheet {
    /// Names of the columns.
    pub heads: Vec<String>,
    /// Columns before this one are text.
    pub numbers_from: usize,
    /// Rows.
    pub rows: Vec<Vec<String>>,
}

/// Everything on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What was played, a line each.
    pub about: Vec<String>,
    /// What it says, a sentence each.
    pub verdict: Vec<String>,
    /// What the figures are of: `% a year` or `% of the time`.
    pub unit: String,
    /// The best sets.
    pub best: Sheet,
    /// The walk over the folds; empty without one.
    pub walk: Sheet,
    /// The heat map, where two keys are varied.
    pub heat: Option<Heat>,
    /// What each key did.
    pub by_key: Vec<(String, Vec<Band>)>,
    /// Fold by fold, where there are folds.
    pub steady: Option<Steady>,
    /// Combinations left out, with the reason.
    pub left_out: Sheet,
}

/// A day, for the name of a fold.
#[must_use]
pub fn day(at: WallTime) -> String {
    figures::stamp(at).chars().take(10).collect()
}

/// The whole page.
#[must_use]
pub fn render(page: &Page) -> String {
    let mut out = String::from("<main>\n<h1>carry sweep</h1>\n");
    for line in &page.about {
        let _ = writeln!(out, "<p class=\"soft ran\">{}</p>", foreign::html(line));
    }
    for line in &page.verdict {
        let _ = writeln!(out, "<p class=\"verdict\">{}</p>", foreign::html(line));
    }
    section(&mut out, "The best sets", "By the gain above cash over the whole time.", &sheet("best", &page.best));
    if !page.walk.rows.is_empty() {
        let word = "For each fold the set that was best on all folds before it. In hindsight: the best set of that fold alone.";
        section(&mut out, "Chosen on the past, measured on the next fold", word, &sheet("walk", &page.walk));
    }
    if let Some(heat) = &page.heat {
        let cell =
            if heat.most > 1 { format!("A cell is the median of up to {} sets. ", heat.most) } else { String::new() };
        let word = format!(
            "Columns: {}; rows: {}. {cell}Gain above cash, {}. A good set among bad neighbours is luck.",
            heat.x_key, heat.y_key, page.unit
        );
        section(&mut out, "Heat map", &word, &figure("heat", "high", heat_chart(heat)));
    }
    if let Some(steady) = &page.steady {
        let word = format!("Gain above cash in each fold, {}; the band holds four fifths of all sets.", steady.unit);
        section(&mut out, "Stability over time", &word, &figure("steady", "high", steady_chart(steady)));
    }
    let mut keys = String::new();
    for (place, (key, bands)) in page.by_key.iter().enumerate() {
        let _ = writeln!(keys, "<h3>{}</h3>", foreign::html(key));
        keys.push_str(&figure(&format!("key-{place}"), "low", band_chart(bands, &page.unit)));
    }
    if !keys.is_empty() {
        let word = format!("Gain above cash of the sets at each value, {}: median, four fifths, best.", page.unit);
        section(&mut out, "Stability over settings", &word, &keys);
    }
    if !page.left_out.rows.is_empty() {
        section(&mut out, "Left out", "These combinations are no settings.", &sheet("left-out", &page.left_out));
    }
    out.push_str(
        "<noscript><p class=\"bad\">The charts need JavaScript; the tables are complete.</p></noscript>\n</main>\n",
    );
    html::page("carry sweep", &out)
}

fn sheet(id: &str, sheet: &Sheet) -> String {
    let kind = |place: usize| if place < sheet.numbers_from { Kind::Text } else { Kind::Number };
    let heads: Vec<(&str, Kind)> =
        sheet.heads.iter().enumerate().map(|(place, head)| (head.as_str(), kind(place))).collect();
    let mut table = Rows::new(&heads);
    for row in &sheet.rows {
        table.add("", row);
    }
    or_none(&sheet.rows, table.stacked(id), "None.")
}

fn named(title: &str) -> Axis {
    Axis::new().type_(AxisType::Category).title(Title::with_text(foreign::html(title))).auto_margin(true)
}

/// Red below cash, white at cash, green above. Where all sets lie on one side the scale goes from the one nearest to cash to the
/// furthest, so that neighbours can be told apart.
#[expect(clippy::float_arithmetic, reason = "a chart")]
fn heat_chart(heat: &Heat) -> Option<String> {
    let ends = heat
        .values
        .iter()
        .flatten()
        .flatten()
        .fold((f64::MAX, f64::MIN), |ends: (f64, f64), value| (ends.0.min(*value), ends.1.max(*value)));
    let wide = ends.0.abs().max(ends.1.abs()).max(0.01);
    let least = (ends.1 - ends.0).max(wide / 20.0);
    let (low, high, scale) = if ends.0 > 0.0 {
        (ends.1 - least, ends.1, [(0.0, WHITE), (0.5, "#ABD9C3"), (1.0, FAR_GREEN)])
    } else if ends.1 < 0.0 {
        (ends.0, ends.0 + least, [(0.0, FAR_RED), (0.5, "#F0BBAA"), (1.0, WHITE)])
    } else {
        (-wide, wide, [(0.0, FAR_RED), (0.5, WHITE), (1.0, FAR_GREEN)])
    };
    let rounded: Vec<Vec<Option<f64>>> =
        heat.values.iter().map(|line| line.iter().map(|cell| cell.map(round)).collect()).collect();
    let text = |cell: &Option<f64>| cell.map_or_else(String::new, |value| figures::fixed(value, 2));
    let texts: Vec<Vec<String>> = heat.values.iter().map(|line| line.iter().map(text).collect()).collect();
    let safe = |names: &[String]| names.iter().map(|name| foreign::html(name)).collect::<Vec<_>>();
    let scale = scale.map(|(at, tint)| ColorScaleElement(at, tint.to_owned())).to_vec();
    let map = HeatMap::new(safe(&heat.x), safe(&heat.y), rounded)
        .zmin(low)
        .zmax(high)
        .color_scale(ColorScale::Vector(scale))
        .x_gap(2)
        .y_gap(2)
        .text_matrix(texts)
        .hover_template("%{x}<br>%{y}<br>%{z:.2f} %<extra></extra>");
    let layout = base_layout()
        .hover_mode(HoverMode::Closest)
        .x_axis(named(&heat.x_key))
        .y_axis(Axis::new().type_(AxisType::Category).auto_margin(true));
    Figure::new(vec![with_texts(map)], layout).json()
}

/// The number in each cell: plotly writes it when the trace names a template, which the crate's heat map does not know.
fn with_texts<X, Y, Z>(map: Box<HeatMap<X, Y, Z>>) -> Box<dyn Trace>
where
    X: serde::Serialize + Clone + std::fmt::Debug + 'static,
    Y: serde::Serialize + Clone + std::fmt::Debug + 'static,
    Z: serde::Serialize + Clone + std::fmt::Debug + 'static,
{
    Box::new(Labelled { map, texttemplate: "%{text}", textfont: Font { color: "#1b1f24" } })
}

/// A heat map whose cells show their text.
#[derive(Debug, Clone, serde::Serialize)]
struct Labelled<X, Y, Z>
where
    X: serde::Serialize + Clone,
    Y: serde::Serialize + Clone,
    Z: serde::Serialize + Clone,
{
    #[serde(flatten)]
    map: Box<HeatMap<X, Y, Z>>,
    texttemplate: &'static str,
    textfont: Font,
}

/// Dark in both themes: the cells are light in both.
#[derive(Debug, Clone, serde::Serialize)]
struct Font {
    color: &'static str,
}

impl<X, Y, Z> Trace for Labelled<X, Y, Z>
where
    X: serde::Serialize + Clone,
    Y: serde::Serialize + Clone,
    Z: serde::Serialize + Clone,
{
    fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn band_traces(bands: &[Band]) -> Vec<Box<dyn Trace>> {
    let names: Vec<String> = bands.iter().map(|band| foreign::html(&band.name)).collect();
    let line = |pick: fn(&Band) -> f64| bands.iter().map(|band| round(pick(band))).collect::<Vec<f64>>();
    let edge = || Line::new().color(GREY).width(0.8);
    let low = Scatter::new(names.clone(), line(|band| band.low)).name("a tenth below").mode(Mode::Lines).line(edge());
    let high = Scatter::new(names.clone(), line(|band| band.high))
        .name("a tenth above")
        .mode(Mode::Lines)
        .line(edge())
        .fill(Fill::ToNextY)
        .fill_color("rgba(138,138,138,0.22)");
    let middle = Scatter::new(names, line(|band| band.middle))
        .name("median")
        .mode(Mode::LinesMarkers)
        .marker(Marker::new().color(BLUE).size(6))
        .line(Line::new().color(BLUE).width(2.2));
    let traces = [low, high, middle].map(|trace| trace.show_legend(true).hover_template("%{y:.2f} %"));
    traces.into_iter().map(|trace| -> Box<dyn Trace> { trace }).collect()
}

fn band_chart(bands: &[Band], unit: &str) -> Option<String> {
    let mut data = band_traces(bands);
    let names: Vec<String> = bands.iter().map(|band| foreign::html(&band.name)).collect();
    let best = bands.iter().map(|band| round(band.best)).collect();
    let best =
        Scatter::new(names, best).name("best").mode(Mode::Markers).marker(Marker::new().color(colour(1)).size(7));
    data.push(best.show_legend(true).hover_template("%{y:.2f} %"));
    Figure::new(data, category_layout(unit)).json()
}

fn steady_chart(steady: &Steady) -> Option<String> {
    let mut data = band_traces(&steady.bands);
    let names: Vec<String> = steady.bands.iter().map(|band| foreign::html(&band.name)).collect();
    for (place, (name, folds)) in steady.sets.iter().enumerate() {
        let y: Vec<Option<f64>> = folds.iter().map(|value| value.map(round)).collect();
        let line = Line::new().color(colour(place + 1)).width(1.4).dash(DashType::Dot);
        let curve = Scatter::new(names.clone(), y).name(foreign::html(name)).mode(Mode::LinesMarkers).line(line);
        data.push(curve.show_legend(true).hover_template("%{y:.2f} %"));
    }
    Figure::new(data, category_layout(&steady.unit)).json()
}

fn category_layout(unit: &str) -> plotly::Layout {
    base_layout()
        .hover_mode(HoverMode::XUnified)
        .x_axis(Axis::new().type_(AxisType::Category).auto_margin(true))
        .y_axis(value_axis(unit).zero_line(true))
}
