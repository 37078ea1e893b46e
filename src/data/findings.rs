//! What a check of history found, and where: the words that `carry data verify` prints.

use super::error::{DataError, Place};
use crate::domain::WallTime;
use std::collections::BTreeMap;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The file cannot be read at all.
    Unreadable,
    /// A cell is not the number it should be.
    Value,
    /// A stamp lies before the one above.
    Order,
    /// A stamp stands there twice.
    Duplicate,
    /// A bar does not start where bars of its step start.
    Grid,
    /// Bars or settlements are missing.
    Gap,
    /// A price moved by more than half from one bar to the next.
    Jump,
    /// A funding rate beyond 3 % for one interval.
    Rate,
    /// Funding rates that look like percent.
    Scale,
    /// High below low, or open or close outside of them.
    Candle,
    /// Spot and perp are not the same coin in the same unit (fault E05).
    Mismatch,
}

impl Fault {
    /// The word for it in tables and JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Value => "value",
            Self::Order => "out of order",
            Self::Duplicate => "duplicate",
            Self::Grid => "off grid",
            Self::Gap => "gap",
            Self::Jump => "jump",
            Self::Rate => "rate",
            Self::Scale => "scale",
            Self::Candle => "candle",
            Self::Mismatch => "mismatch",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub fault: Fault,
    /// Where in the file; `None` when it is about the whole file.
    pub place: Option<Place>,
    /// The stamp it is about, where one could be read.
    pub stamp: Option<WallTime>,
    /// What stands there, in words.
    pub text: String,
}

/// Most findings of one kind that are kept with their place; more are counted.
const KEPT: usize = 1_000;

/// The findings of one file, all counted, the first of each kind kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<Fault, usize>,
}

impl Findings {
    pub(crate) fn add(&mut self, fault: Fault, place: Option<Place>, stamp: Option<WallTime>, text: String) {
        let count = self.counts.entry(fault).or_default();
        *count += 1;
        if *count <= KEPT {
            self.kept.push(Finding { fault, place, stamp, text });
        }
    }

    /// A refused cell or line at its place, anything else as a file that cannot be read.
    pub(crate) fn add_error(&mut self, problem: &DataError) {
        match problem {
            DataError::Cell { place, column, found, problem, expected, .. } => {
                let text = format!("{column} {found} {problem}; expected {expected}");
                self.add(Fault::Value, Some(*place), None, text);
            }
            DataError::Row { place, problem, .. } => self.add(Fault::Value, Some(*place), None, problem.clone()),
            other => self.add(Fault::Unreadable, None, None, other.to_string()),
        }
    }

    /// The findings with their places, in the order they were met.
    #[must_use]
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many of each kind there are, kept or not.
    #[must_use]
    pub const fn counts(&self) -> &BTreeMap<Fault, usize> {
        &self.counts
    }

    /// How many of one kind.
    #[must_use]
    pub fn count(&self, fault: Fault) -> usize {
        self.counts.get(&fault).copied().unwrap_or(0)
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }
}
