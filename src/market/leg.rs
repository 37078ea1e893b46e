//! One leg of a pair: its prices, their age, and how much can be traded.

use crate::domain::{Price, Quantity, Side, Span, WallTime};
use std::collections::VecDeque;

/// Bars whose volume is averaged for the depth proxy.
const VOLUME_BARS: usize = 24;
/// Share of an hour's volume that stands for the depth inside the slippage bound, where a source has no book: one
/// twentieth. A proxy, named in every report that uses it.
const DEPTH_PER_HOUR: i64 = 20;

/// What we know of one instrument.
#[derive(Debug, Clone, Default)]
pub struct LegMarket {
    /// Best bid; equal to the mid where the source has bars only.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Middle of the two, or the last traded price of a bar source.
    pub mid: Option<Price>,
    /// Coins that can be sold within the depth bound.
    pub bid_depth: Quantity,
    /// Coins that can be bought within the depth bound.
    pub ask_depth: Quantity,
    /// When this was last confirmed by the source.
    pub updated: WallTime,
    /// Open time of the last bar.
    pub bar_opened: Option<WallTime>,
    /// Highest price of the last bar.
    pub bar_high: Option<Price>,
    volumes: VecDeque<i64>,
    volume_sum: i64,
}

impl LegMarket {
    /// A quote from a book.
    pub fn on_quote(&mut self, bid: (Price, Quantity), ask: (Price, Quantity), at: WallTime) {
        self.bid = Some(bid.0);
        self.ask = Some(ask.0);
        self.mid = Some(Price::mid(bid.0, ask.0));
        self.bid_depth = bid.1;
        self.ask_depth = ask.1;
        self.updated = at;
    }

    /// A complete bar: its close stands for the mid, its volume feeds the depth proxy.
    pub fn on_bar(&mut self, close: Price, high: Price, volume: Quantity, times: (WallTime, WallTime)) {
        let (opened, closed) = times;
        self.bid = Some(close);
        self.ask = Some(close);
        self.mid = Some(close);
        self.bar_high = Some(high);
        self.bar_opened = Some(opened);
        self.updated = closed;
        self.volumes.push_back(volume.units());
        self.volume_sum = self.volume_sum.saturating_add(volume.units());
        if self.volumes.len() > VOLUME_BARS
            && let Some(oldest) = self.volumes.pop_front()
        {
            self.volume_sum = self.volume_sum.saturating_sub(oldest);
        }
        let depth = self.depth_proxy(closed.since(opened));
        self.bid_depth = depth;
        self.ask_depth = depth;
    }

    /// A price at which trading happens now.
    pub fn on_print(&mut self, price: Price, at: WallTime) {
        self.bid = Some(price);
        self.ask = Some(price);
        self.mid = Some(price);
        self.updated = at;
    }

    /// Forgets everything that a hole in the history makes worthless.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    fn depth_proxy(&self, step: Span) -> Quantity {
        let bars = i64::try_from(self.volumes.len()).unwrap_or(1).max(1);
        let mean = self.volume_sum / bars;
        let hours = step.0.max(1);
        let per_hour = i128::from(mean) * i128::from(Span::HOUR.0) / i128::from(hours);
        Quantity::saturating(i64::try_from(per_hour / i128::from(DEPTH_PER_HOUR)).unwrap_or(i64::MAX))
    }

    /// Mean volume of the last bars in coins.
    #[must_use]
    pub fn mean_volume(&self) -> Quantity {
        let bars = i64::try_from(self.volumes.len()).unwrap_or(1).max(1);
        Quantity::saturating(self.volume_sum / bars)
    }

    /// Coins that an order of this side finds within the depth bound.
    #[must_use]
    pub const fn depth_for(&self, side: Side) -> Quantity {
        match side {
            Side::Buy => self.ask_depth,
            Side::Sell => self.bid_depth,
        }
    }

    /// The price an order of this side starts from: the ask for a buy.
    #[must_use]
    pub const fn touch(&self, side: Side) -> Option<Price> {
        match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }
}
