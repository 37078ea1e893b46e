//! Why a pair is outside the universe: the words of `strategy.pairs = "auto"`.
//!
//! The rule stands in `strategy/universe.rs`.

use super::ids::PairId;
use serde::{Deserialize, Serialize};

/// What keeps a pair out of the universe; the first that does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outside {
    /// Its venue is not in `universe.venues`.
    Venue,
    /// Its quote coin is not in `universe.quotes`.
    Quote,
    /// It or its coin is in `universe.without`.
    Excluded,
    /// It has not been listed for as long as `universe.min_age`.
    Young,
    /// It trades less than `universe.min_volume` a day.
    Volume,
    /// What it trades is not known.
    VolumeUnknown,
    /// Its open interest is below `universe.min_open_interest`.
    OpenInterest,
    /// Its open interest is not known.
    OpenInterestUnknown,
    /// `universe.most` others trade more.
    Rank,
    /// `strategy.pairs` names others: an earlier version traded it.
    Unnamed,
    /// The venue does not trade its perp now, or has announced the end of it.
    NotTrading,
    /// No look since the start was whole yet.
    NotLooked,
    /// Its row in the venue's list cannot be read, look after look.
    Unread,
}

/// What a look found of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Pair.
    pub pair: PairId,
    /// What keeps it out; absent when it is in.
    pub outside: Option<Outside>,
}

impl Outside {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Venue => "its venue is not in universe.venues",
            Self::Quote => "its quote coin is not in universe.quotes",
            Self::Excluded => "it or its coin is in universe.without",
            Self::Young => "it is younger than universe.min_age",
            Self::Volume => "it trades less than universe.min_volume",
            Self::VolumeUnknown => "what it trades is not known (universe.min_volume)",
            Self::OpenInterest => "its open interest is below universe.min_open_interest",
            Self::OpenInterestUnknown => "its open interest is not known (universe.min_open_interest)",
            Self::Rank => "universe.most others trade more",
            Self::NotLooked => "the universe was not looked at yet since the start",
            Self::NotTrading => "the venue does not trade its perp now, or has announced the end of it",
            Self::Unread => "what the venue's list says of it cannot be read",
            Self::Unnamed => "it is not named in strategy.pairs: no entry, and what is held is closed by its rules",
        }
    }
}
