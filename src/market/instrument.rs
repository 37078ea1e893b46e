//! What is known of the market of one instrument: prices with their age, how much can be traded, and of a perp its mark, index,
//! funding, open interest and our rank in the venue's queue.

use super::funding_window::{FundingWindow, Settled};
use crate::domain::funding::Formula;
use crate::domain::{Bps, FundingRate, Interval, Price, Quantity, Side, Span, WallTime};
use std::collections::VecDeque;

/// Bars whose volume is averaged for the depth proxy.
const VOLUME_BARS: usize = 24;
/// Share of an hour's volume that stands for the depth inside the slippage bound, where a source has no book: one
/// twentieth. A proxy, named in every report that uses it.
const DEPTH_PER_HOUR: i64 = 20;
/// A move of the mid within a minute that is not believed at once: a tenth.
const JUMP: Bps = Bps::whole(1_000);
/// A price that jumped is the price once it has stood for so long.
const STANDS: Span = Span(5 * 60_000);
/// With no quote for so long the next one is the price.
const SILENT: Span = Span(10 * 60_000);
/// Open-interest samples kept.
const OI_SAMPLES: usize = 400;
/// How far back open interest is compared.
const OI_LOOK_BACK: Span = Span::DAY;

/// What we know of one instrument. What only a perp has stays unknown of spot.
#[derive(Debug, Clone)]
pub struct InstrumentMarket {
    /// Best bid; equal to the mid where the source has bars only.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Middle of the two, or the last traded price of a bar source.
    pub mid: Option<Price>,
    /// When this was last confirmed by the source.
    pub updated: WallTime,
    /// Open time of the last bar.
    pub bar_opened: Option<WallTime>,
    /// Highest price of the last bar.
    pub bar_high: Option<Price>,
    depth: Depth,
    volumes: Volumes,
    /// The price that later ones are compared with, and when it was taken.
    calm: Option<(Price, WallTime)>,
    /// Since when the mid is far from it.
    jumped: Option<WallTime>,
    /// Mark price and when it was published.
    pub mark: Option<(Price, WallTime)>,
    /// Index price.
    pub index: Option<Price>,
    /// Settled funding.
    pub funding: FundingWindow,
    /// The venue's estimate of the next settlement, and when that will be.
    pub estimate: Option<(FundingRate, WallTime)>,
    /// Rank of our position in the venue's ADL queue.
    pub adl_rank: u8,
    /// When it was told last.
    pub adl_at: Option<WallTime>,
    /// How the venue makes a rate of a premium.
    pub formula: Formula,
    open_interest: VecDeque<(WallTime, i64)>,
}

/// Where the depth within the slippage bound comes from. On bars it is computed when it is asked for, which is seldom.
#[derive(Debug, Clone, Copy)]
enum Depth {
    /// A book: coins bid and coins offered.
    Book(Quantity, Quantity),
    /// Bars of this length.
    Bars(Span),
}

impl Default for Depth {
    fn default() -> Self {
        Self::Book(Quantity::ZERO, Quantity::ZERO)
    }
}

/// Volumes of the last bars in a ring, with their sum.
#[derive(Debug, Clone, Default)]
struct Volumes {
    units: [i64; VOLUME_BARS],
    next: usize,
    count: usize,
    sum: i64,
}

impl Volumes {
    fn push(&mut self, volume: Quantity) {
        self.sum = self.sum.saturating_add(volume.units());
        let Some(slot) = self.units.get_mut(self.next) else { return };
        let oldest = std::mem::replace(slot, volume.units());
        self.next = if self.next + 1 == VOLUME_BARS { 0 } else { self.next + 1 };
        if self.count == VOLUME_BARS {
            self.sum = self.sum.saturating_sub(oldest);
        } else {
            self.count += 1;
        }
    }

    fn mean(&self) -> i64 {
        self.sum / i64::try_from(self.count).unwrap_or(1).max(1)
    }
}

impl InstrumentMarket {
    /// Nothing known yet; funding is averaged over `smooth` and remembered for `memory`.
    #[must_use]
    pub fn new(smooth: Span, memory: Span, formula: Formula) -> Self {
        Self {
            bid: None,
            ask: None,
            mid: None,
            updated: WallTime::default(),
            bar_opened: None,
            bar_high: None,
            depth: Depth::default(),
            volumes: Volumes::default(),
            calm: None,
            jumped: None,
            mark: None,
            index: None,
            funding: FundingWindow::new(smooth, memory),
            estimate: None,
            adl_rank: 0,
            adl_at: None,
            formula,
            open_interest: VecDeque::new(),
        }
    }

    /// A quote from a book.
    pub fn on_quote(&mut self, bid: (Price, Quantity), ask: (Price, Quantity), at: WallTime) {
        self.bid = Some(bid.0);
        self.ask = Some(ask.0);
        self.mid = Some(Price::mid(bid.0, ask.0));
        self.depth = Depth::Book(bid.1, ask.1);
        self.updated = at;
        self.notice_jump(Price::mid(bid.0, ask.0), at);
    }

    /// A mid far from that of a minute before is no price to act on by wish until it has stood for a while: a feed that is
    /// wrong is so at once, in all its prices together.
    fn notice_jump(&mut self, mid: Price, at: WallTime) {
        let Some((calm, since)) = self.calm else {
            self.calm = Some((mid, at));
            return;
        };
        let far = mid.distance_bps(calm) > JUMP;
        // After a long silence nothing is known of what lies between.
        let stands = self.jumped.is_some_and(|jumped| at.since(jumped) >= STANDS) || at.since(since) >= SILENT;
        if far && !stands {
            self.jumped.get_or_insert(at);
            return;
        }
        self.jumped = None;
        if far || at.since(since) >= Span::MINUTE {
            self.calm = Some((mid, at));
        }
    }

    /// Since when the price is far from what it was a minute before, and not confirmed by standing there.
    #[must_use]
    pub const fn jumped(&self) -> Option<WallTime> {
        self.jumped
    }

    /// Whether prices come from a book, whose age says whether it still stands.
    #[must_use]
    pub const fn is_book(&self) -> bool {
        matches!(self.depth, Depth::Book(..))
    }

    /// A complete bar: its close stands for the mid, its volume feeds the depth proxy.
    #[inline]
    pub fn on_bar(&mut self, close: Price, high: Price, volume: Quantity, times: (WallTime, WallTime)) {
        let (opened, closed) = times;
        self.bid = Some(close);
        self.ask = Some(close);
        self.mid = Some(close);
        self.bar_high = Some(high);
        self.bar_opened = Some(opened);
        self.updated = closed;
        self.volumes.push(volume);
        self.depth = Depth::Bars(closed.since(opened));
    }

    /// A price at which trading happens now.
    pub fn on_print(&mut self, price: Price, at: WallTime) {
        self.bid = Some(price);
        self.ask = Some(price);
        self.mid = Some(price);
        self.updated = at;
    }

    /// Forgets everything that a hole in the history makes worthless. The rank in the venue's queue is not history.
    pub fn restart(&mut self) {
        let (rank, at) = (self.adl_rank, self.adl_at);
        let mut funding = std::mem::replace(&mut self.funding, FundingWindow::new(Span::ZERO, Span::ZERO));
        funding.restart();
        *self = Self { funding, adl_rank: rank, adl_at: at, ..Self::new(Span::ZERO, Span::ZERO, self.formula) };
    }

    /// A settlement was published.
    pub fn on_settled(&mut self, stamp: WallTime, funding: FundingRate) {
        self.funding.push(Settled { stamp, funding });
        self.estimate = None;
    }

    /// The interval in force: the venue's estimate says it, else the last settlement.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.estimate
            .map(|(funding, _)| funding.interval)
            .or_else(|| self.funding.last().map(|row| row.funding.interval))
    }

    /// Open interest in coins.
    pub fn on_open_interest(&mut self, at: WallTime, coins: Quantity) {
        self.open_interest.push_back((at, coins.units()));
        while self.open_interest.len() > OI_SAMPLES
            || self.open_interest.front().is_some_and(|(stamp, _)| at.since(*stamp).0 > OI_LOOK_BACK.0 + Span::HOUR.0)
        {
            self.open_interest.pop_front();
        }
    }

    /// Change of open interest over a day as a fraction, when both ends are known.
    #[must_use]
    #[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "signals are floats")]
    pub fn open_interest_change(&self) -> Option<f64> {
        let (newest_at, newest) = *self.open_interest.back()?;
        let (oldest_at, oldest) = *self.open_interest.front()?;
        let covered = newest_at.since(oldest_at).0 >= OI_LOOK_BACK.0 - 2 * Span::HOUR.0;
        (covered && oldest > 0).then(|| (newest - oldest) as f64 / oldest as f64)
    }

    /// Open interest in coins, when the source has it.
    #[must_use]
    pub fn open_interest(&self) -> Option<Quantity> {
        self.open_interest.back().map(|(_, coins)| Quantity::saturating(*coins))
    }

    fn depth_proxy(&self, step: Span) -> Quantity {
        let per_hour = i128::from(self.volumes.mean()) * i128::from(Span::HOUR.0) / i128::from(step.0.max(1));
        Quantity::saturating(i64::try_from(per_hour / i128::from(DEPTH_PER_HOUR)).unwrap_or(i64::MAX))
    }

    /// Mean volume of the last bars in coins.
    #[must_use]
    pub fn mean_volume(&self) -> Quantity {
        Quantity::saturating(self.volumes.mean())
    }

    /// Coins that an order of this side finds within the depth bound.
    #[must_use]
    pub fn depth_for(&self, side: Side) -> Quantity {
        match (self.depth, side) {
            (Depth::Book(_, offered), Side::Buy) => offered,
            (Depth::Book(bid, _), Side::Sell) => bid,
            (Depth::Bars(step), _) => self.depth_proxy(step),
        }
    }

    /// The smaller of both sides' depth.
    #[must_use]
    pub fn thinner_depth(&self) -> Quantity {
        self.depth_for(Side::Buy).min(self.depth_for(Side::Sell))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_depth_of_bars_is_a_twentieth_of_an_hour_of_the_last_24(volumes in prop::collection::vec(0_i64..1_000_000_000_000, 1..80)) {
            let mut leg = InstrumentMarket::new(Span::ZERO, Span::DAY, Formula::STANDARD);
            let price = Price::parse("100").unwrap();
            for (volume, opened) in volumes.iter().zip((0_i64..).map(|bar| bar * 60_000)) {
                let times = (WallTime(opened), WallTime(opened + 60_000));
                leg.on_bar(price, price, Quantity::from_units(*volume).unwrap(), times);
            }
            let last = volumes.get(volumes.len().saturating_sub(VOLUME_BARS)..).unwrap();
            let mean = last.iter().sum::<i64>() / i64::try_from(last.len()).unwrap();
            prop_assert_eq!(leg.mean_volume().units(), mean);
            prop_assert_eq!(leg.depth_for(Side::Buy).units(), mean * 60 / 20);
            prop_assert_eq!(leg.depth_for(Side::Sell), leg.thinner_depth());
        }
    }
}
