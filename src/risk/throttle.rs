//! Orders per minute and repeats, counted from the intents that were made.

use crate::domain::{InstrumentId, Quantity, Side, Span, WallTime};
use std::collections::VecDeque;

/// One intent as the throttle remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// When.
    pub at: WallTime,
    /// Instrument.
    pub instrument: InstrumentId,
    /// Side.
    pub side: Side,
    /// Coins.
    pub quantity: Quantity,
}

/// The last minute of intents.
#[derive(Debug, Clone, Default)]
pub struct Throttle {
    made: VecDeque<Made>,
}

impl Throttle {
    /// Remembers one and forgets what is older than a minute.
    pub fn push(&mut self, made: Made) {
        self.made.push_back(made);
        while self.made.front().is_some_and(|first| made.at.since(first.at) > Span::MINUTE) {
            self.made.pop_front();
        }
    }

    /// Intents of the minute before `now`.
    #[must_use]
    pub fn count(&self, now: WallTime) -> u32 {
        let recent = self.made.iter().filter(|made| now.since(made.at) < Span::MINUTE).count();
        u32::try_from(recent).unwrap_or(u32::MAX)
    }

    /// Whether the same leg, side and quantity was asked for within `window`.
    #[must_use]
    pub fn repeats(&self, next: Made, window: Span) -> bool {
        self.made.iter().any(|made| {
            made.instrument == next.instrument
                && made.side == next.side
                && made.quantity == next.quantity
                && next.at.since(made.at) < window
        })
    }
}
