//! What the pages are put together from: sections, tiles, tables and the places of charts.
//!
//! Every text that others wrote goes through `foreign::html` here. Tests: `tests/suite/report.rs`,
//! `tests/suite/report_page.rs`.

use super::foreign;
use std::fmt::Write as _;

/// One figure in a box.
pub(super) fn tile(out: &mut String, name: &str, value: &str, word: &str, tone: &str) {
    let (name, value, word) = (foreign::html(name), foreign::html(value), foreign::html(word));
    let _ = writeln!(
        out,
        "<div class=\"tile\"><span>{name}</span><b class=\"{tone}\">{value}</b><span>{word}</span></div>"
    );
}

/// A section with a heading, a word on how to read it, and its content.
pub(super) fn section(out: &mut String, heading: &str, word: &str, content: &str) {
    let _ = writeln!(out, "<section>\n<h2>{heading}</h2>");
    if !word.is_empty() {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", foreign::html(word));
    }
    let _ = writeln!(out, "{content}</section>");
}

/// The place of a chart and its data.
pub(super) fn figure(name: &str, class: &str, json: Option<String>) -> String {
    let mut out = format!("<div class=\"chart {class}\" id=\"chart-{name}\" data-figure=\"figure-{name}\"></div>\n");
    match json {
        // Inert: a script element that no browser runs.
        Some(json) => {
            let _ = writeln!(out, "<script type=\"application/json\" id=\"figure-{name}\">{json}</script>");
        }
        None => out.push_str("<p class=\"bad\">This chart could not be written.</p>\n"),
    }
    out
}

/// The content, or a word where there is nothing to show.
pub(super) fn or_none<T>(rows: &[T], content: String, none: &str) -> String {
    if rows.is_empty() { format!("<p class=\"soft\">{none}</p>\n") } else { content }
}

/// The class of a figure's colour by its sign.
pub(super) fn sign(value: f64) -> &'static str {
    if value > 0.0 {
        "good"
    } else if value < 0.0 {
        "bad"
    } else {
        ""
    }
}

/// What a column holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// One short text.
    Text,
    /// A number, to the right.
    Number,
    /// Text that may wrap.
    Words,
}

impl Kind {
    const fn class(self) -> &'static str {
        match self {
            Self::Text => "",
            Self::Number => " class=\"number\"",
            Self::Words => " class=\"words\"",
        }
    }
}

/// A table being written; cells are escaped here.
///
/// On a narrow screen a table of many columns becomes a list: each row a block, each cell with the name of its column, so
/// that no column is ever cut. The names stand once, in the table's own style.
pub(super) struct Rows {
    kinds: Vec<Kind>,
    names: Vec<String>,
    html: String,
}

impl Rows {
    pub(super) fn new(heads: &[(&str, Kind)]) -> Self {
        let mut html = String::from("<thead><tr>");
        for (name, kind) in heads {
            let _ = write!(html, "<th scope=\"col\"{}>{}</th>", kind.class(), foreign::html(name));
        }
        html.push_str("</tr></thead>\n<tbody>\n");
        let (names, kinds) = heads.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).unzip();
        Self { kinds, names, html }
    }

    pub(super) fn add(&mut self, class: &str, cells: &[String]) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        let _ = write!(self.html, "<tr{class}>");
        for (cell, kind) in cells.iter().zip(&self.kinds) {
            let _ = write!(self.html, "<td{}>{}</td>", kind.class(), foreign::html(cell));
        }
        self.html.push_str("</tr>\n");
    }

    /// A table of a few columns, which fits everywhere.
    pub(super) fn html(self, class: &str) -> String {
        format!("<table class=\"{class}\">{}</tbody></table>\n", self.html)
    }

    /// A table of many columns with a name of its own.
    pub(super) fn stacked(self, name: &str) -> String {
        let mut style = String::from("@media (max-width: 900px) {");
        for (place, column) in self.names.iter().enumerate() {
            let safe: String = column.chars().filter(|c| c.is_ascii_alphanumeric() || " ,.%-".contains(*c)).collect();
            let _ = write!(style, " #{name} td:nth-child({})::before {{ content: \"{safe}\"; }}", place + 1);
        }
        style.push_str(" }");
        format!("<style>{style}</style>\n<table class=\"stacked\" id=\"{name}\">{}</tbody></table>\n", self.html)
    }
}
