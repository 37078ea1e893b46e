//! What the rows of one file of history are about. Tests: `tests/suite/import.rs`, `tests/commands/download.rs`.

use crate::domain::{Span, Symbol};
use std::fmt::Display;
use std::path::PathBuf;

/// What rows are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Settlements.
    Funding,
    /// Candles of spot trades.
    Spot,
    /// Candles of perp trades.
    Perp,
    /// Candles of the mark price.
    Mark,
    /// Candles of the premium index.
    Premium,
    /// Open interest; a venue keeps a month of it.
    OpenInterest,
}

impl What {
    /// What a file that a person has can hold: open interest has no form that venues share.
    const IMPORTED: [Self; 5] = [Self::Funding, Self::Spot, Self::Perp, Self::Mark, Self::Premium];

    /// The word in flags, paths and reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Funding => "funding",
            Self::Spot => "spot",
            Self::Perp => "perp",
            Self::Mark => "mark",
            Self::Premium => "premium",
            Self::OpenInterest => "oi",
        }
    }

    /// The place of such a file below the folder of history.
    #[must_use]
    pub fn path(self, venue: &impl Display, symbol: Symbol, step: Span) -> PathBuf {
        PathBuf::from(match self {
            Self::Funding => format!("funding/{venue}/{symbol}.csv"),
            Self::OpenInterest => format!("oi/{venue}/{symbol}-{step}.parquet"),
            Self::Spot | Self::Perp | Self::Mark | Self::Premium => {
                format!("klines/{venue}-{}/{symbol}-{step}.parquet", self.word())
            }
        })
    }

    /// Of a word, among what can be imported.
    #[must_use]
    pub fn imported(word: &str) -> Option<Self> {
        Self::IMPORTED.into_iter().find(|one| one.word() == word)
    }
}
