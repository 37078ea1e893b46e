//! One pair's history played forward: which bars close, settle and open at which instant.

use crate::config::settings::DataEnd;
use crate::data::coverage::LONGEST_HALT;
use crate::data::history::{Candles, FundingRow, PairHistory, Segment};
use crate::domain::{FundingRate, Interval, Leg, PairId, Price, Quantity, Span, WallTime};
use crate::port::event::Bar;

/// The end of time: nothing happens any more.
const NEVER: WallTime = WallTime(i64::MAX);

/// A pair's place in its history.
#[derive(Debug)]
pub struct Cursor<'a> {
    /// The pair.
    pub id: PairId,
    /// Its history.
    pub history: &'a PairHistory,
    /// Length of a bar.
    pub step: Span,
    spot: usize,
    perp: usize,
    /// Places of the long and the short leg.
    mark: [usize; 2],
    funding: [usize; 2],
    interest: usize,
    segment: Option<usize>,
    next: WallTime,
    /// Last decision time of each segment that an open can still execute.
    chances: Vec<WallTime>,
    segments: Vec<Segment>,
}

/// A settlement with the interval that ended at it.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The published row.
    pub row: FundingRow,
    /// Its rate with the interval that the stamps prove; 8 h stand where `row` has none.
    pub funding: FundingRate,
}

impl<'a> Cursor<'a> {
    /// At the start. With `DataEnd::Hold` the whole history is one stretch: without an announced end where its bars go on to
    /// `until`, the last close of the run, give or take a halt; else to its last common bar, after which no settlement has a
    /// price.
    #[must_use]
    pub fn new(id: PairId, history: &'a PairHistory, data_end: DataEnd, until: WallTime) -> Self {
        let segments = match data_end {
            DataEnd::Flatten => history.segments.clone(),
            DataEnd::Hold => {
                let last = [&history.spot, &history.perp].iter().filter_map(|leg| leg.opened.last()).min();
                let last = last.filter(|last| **last + LONGEST_HALT < until).copied().unwrap_or(NEVER);
                vec![Segment { first: WallTime(i64::MIN), last }]
            }
        };
        let chances = segments.iter().map(|segment| last_chance(history, *segment)).collect();
        let mut cursor = Self {
            id,
            history,
            step: history.step,
            spot: 0,
            perp: 0,
            mark: [0; 2],
            funding: [0; 2],
            interest: 0,
            segment: None,
            next: WallTime(i64::MIN),
            chances,
            segments,
        };
        cursor.advance();
        cursor
    }

    /// Whether the stretch in play has an end that was announced.
    #[must_use]
    pub fn ends(&self) -> bool {
        self.segment().is_some_and(|segment| segment.last != NEVER)
    }

    /// The stretch in play.
    #[must_use]
    pub fn segment(&self) -> Option<Segment> {
        self.segments.get(self.segment?).copied()
    }

    /// The decision time at which the stretch in play can be left for the last time.
    #[must_use]
    pub fn chance(&self) -> Option<WallTime> {
        self.chances.get(self.segment?).copied()
    }

    /// Whether the bars that close at `now` are the first of the next stretch; moves on to it. Bars between stretches are
    /// played too: they value what is left, and no entry passes the end that was announced.
    pub fn begins(&mut self, now: WallTime) -> bool {
        let opened = now - self.step;
        let next = self.segment.map_or(0, |place| place + 1);
        if self.segments.get(next).is_some_and(|segment| opened >= segment.first) {
            self.segment = Some(next);
            return true;
        }
        false
    }

    /// The next instant at which anything of this pair happens; the end of time when nothing does.
    #[must_use]
    pub const fn next(&self) -> WallTime {
        self.next
    }

    /// Everything of the instant was taken: finds the next one.
    pub fn advance(&mut self) {
        let close = |candles: &Candles, place: usize| candles.opened.get(place).map_or(NEVER, |open| *open + self.step);
        let [long, short] = self.funding;
        let settled = |rows: &[FundingRow], place| rows.get(place).map_or(NEVER, |row: &FundingRow| minute(row.stamp));
        let settled = settled(&self.history.funding, short).min(settled(&self.history.long_funding, long));
        self.next = close(&self.history.spot, self.spot).min(close(&self.history.perp, self.perp)).min(settled);
    }

    /// The long leg's bar that closes at `now`.
    pub fn spot_close(&mut self, now: WallTime) -> Option<Bar> {
        take(&self.history.spot, &mut self.spot, now, self.step)
    }

    /// The short leg's bar that closes at `now`.
    pub fn perp_close(&mut self, now: WallTime) -> Option<Bar> {
        take(&self.history.perp, &mut self.perp, now, self.step)
    }

    /// Low, high and close of a leg's mark candle that opened at `opened`, where there is one.
    pub fn mark_of(&mut self, leg: Leg, opened: WallTime) -> Option<(Price, Price, Price)> {
        let candles = self.marks(leg)?;
        let [long, short] = &mut self.mark;
        let place = leg.of((long, short));
        while candles.opened.get(*place).is_some_and(|open| *open < opened) {
            *place += 1;
        }
        if candles.opened.get(*place) != Some(&opened) {
            return None;
        }
        Some((*candles.low.get(*place)?, *candles.high.get(*place)?, *candles.close.get(*place)?))
    }

    fn marks(&self, leg: Leg) -> Option<&'a Candles> {
        leg.of((&self.history.long_mark, &self.history.mark)).as_ref()
    }

    /// The open of a leg's mark candle that opens at the hour or step of a stamp.
    #[must_use]
    pub fn mark_open(&self, leg: Leg, stamp: WallTime) -> Option<Price> {
        let candles = self.marks(leg)?;
        let opened = stamp.floor(Span::seconds(1)).floor(self.step);
        let place = candles.opened.binary_search(&opened).ok()?;
        candles.open.get(place).copied()
    }

    /// The settlement of a leg dated to the minute `now`.
    pub fn settlement(&mut self, leg: Leg, now: WallTime) -> Option<Due> {
        let rows = leg.of((&self.history.long_funding, &self.history.funding));
        let [long, short] = &mut self.funding;
        let place = leg.of((long, short));
        let row = rows.get(*place).filter(|row| minute(row.stamp) <= now).copied()?;
        *place += 1;
        // A stamp that stands alone has no interval: it pays what is held, and the run makes no signal of it.
        let funding = FundingRate { rate: row.rate, interval: row.interval.unwrap_or(Interval::H8) };
        Some(Due { row, funding })
    }

    /// Open interest stamped by `now`.
    pub fn open_interest(&mut self, now: WallTime) -> Option<Quantity> {
        let (stamp, coins) = *self.history.open_interest.get(self.interest)?;
        if stamp > now {
            return None;
        }
        self.interest += 1;
        Some(coins)
    }

    /// The opens of both legs at `now`, when both have a bar there, with their volumes.
    #[must_use]
    pub fn opens(&self, now: WallTime) -> Option<((Price, Quantity), (Price, Quantity))> {
        let at = |candles: &Candles, place: usize| {
            if candles.opened.get(place) == Some(&now) {
                Some((*candles.open.get(place)?, *candles.volume.get(place)?))
            } else {
                None
            }
        };
        Some((at(&self.history.spot, self.spot)?, at(&self.history.perp, self.perp)?))
    }
}

/// A stamp dated to its minute.
#[must_use]
pub const fn minute(stamp: WallTime) -> WallTime {
    stamp.floor(Span::MINUTE)
}

fn take(candles: &Candles, place: &mut usize, now: WallTime, step: Span) -> Option<Bar> {
    let opened = now - step;
    if candles.opened.get(*place) != Some(&opened) {
        return None;
    }
    let bar = Bar {
        opened,
        open: *candles.open.get(*place)?,
        high: *candles.high.get(*place)?,
        low: *candles.low.get(*place)?,
        close: *candles.close.get(*place)?,
        volume: *candles.volume.get(*place)?,
    };
    *place += 1;
    Some(bar)
}

/// The last open of the segment that follows the bar before it without a halt: a decision made there can be executed.
/// Never, when the segment goes on after the bars at hand: a run that stops by choice is not the end of the data.
fn last_chance(history: &PairHistory, segment: Segment) -> WallTime {
    let (spot, perp) = (&history.spot.opened, &history.perp.opened);
    if [spot, perp].iter().any(|opened| opened.last().is_none_or(|last| *last < segment.last)) {
        return NEVER;
    }
    let mut place = spot.partition_point(|open| *open <= segment.last);
    while let Some(at) = place.checked_sub(1).and_then(|place| spot.get(place)).copied() {
        place -= 1;
        if at < segment.first {
            break;
        }
        let before = at - history.step;
        if perp.binary_search(&at).is_ok() && perp.binary_search(&before).is_ok() && spot.binary_search(&before).is_ok()
        {
            return at;
        }
    }
    segment.last
}
