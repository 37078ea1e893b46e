//! Request weight and order counts as the venue counts them, with its headers, 429 and 418.
//!
//! Windows are whole minutes (and ten seconds, and days) of the venue's own time. Who goes on after a 429 is banned.
//! Tests stand at the end of the file.

use super::refusal::Refusal;
use crate::domain::{Span, WallTime};
use std::collections::BTreeMap;

/// A budget of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pool {
    Spot,
    Futures,
    Wallet,
}

/// Requests after the limit before the address is banned.
const PATIENCE: u32 = 20;
/// Length of a first ban.
const BAN: Span = Span(120_000);
const TEN_SECONDS: Span = Span(10_000);

#[derive(Debug, Clone, Copy, Default)]
struct Window {
    start: WallTime,
    used: u32,
}

impl Window {
    fn add(&mut self, now: WallTime, length: Span, count: u32) -> u32 {
        let start = now.floor(length);
        if start != self.start {
            *self = Self { start, used: 0 };
        }
        self.used = self.used.saturating_add(count);
        self.used
    }
}

/// All counters.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    weights: BTreeMap<Pool, Window>,
    refused: BTreeMap<Pool, Window>,
    orders: BTreeMap<(Pool, i64), Window>,
    /// Requests are refused until then, as if the budget were spent.
    pub(crate) spent_until: Option<WallTime>,
    /// The address is banned until then.
    pub(crate) banned_until: Option<WallTime>,
}

impl Pool {
    pub(crate) const fn weight(self) -> u32 {
        match self {
            Self::Spot => 6_000,
            Self::Futures => 2_400,
            Self::Wallet => 12_000,
        }
    }

    /// Windows of new orders and how many each allows.
    pub(crate) const fn orders(self) -> [(Span, u32); 2] {
        match self {
            Self::Futures => [(TEN_SECONDS, 300), (Span::MINUTE, 1_200)],
            Self::Spot | Self::Wallet => [(TEN_SECONDS, 100), (Span::DAY, 200_000)],
        }
    }
}

impl Limits {
    /// Counts the weight of a request, or refuses it.
    pub(crate) fn request(&mut self, pool: Pool, weight: u32, now: WallTime) -> Result<u32, Refusal> {
        if let Some(until) = self.banned_until.filter(|until| now < *until) {
            return Err(banned(until, now));
        }
        let forced = self.spent_until.filter(|until| now < *until);
        let used = self.weights.entry(pool).or_default().add(now, Span::MINUTE, weight);
        if forced.is_none() && used <= pool.weight() {
            return Ok(used);
        }
        let refusals = self.refused.entry(pool).or_default().add(now, Span::MINUTE, 1);
        if refusals > PATIENCE {
            let until = now + BAN;
            self.banned_until = Some(until);
            return Err(banned(until, now));
        }
        let end = forced.unwrap_or(now.floor(Span::MINUTE) + Span::MINUTE);
        let most = pool.weight();
        let msg = format!("Too much request weight used; current limit is {most} request weight per 1 MINUTE.");
        let retry_after = Some(seconds(end.since(now)));
        Err(Refusal { status: 429, code: -1003, msg, retry_after })
    }

    /// Counts one new order, or refuses it.
    pub(crate) fn order(&mut self, pool: Pool, now: WallTime) -> Result<(), Refusal> {
        for (length, most) in pool.orders() {
            let used = self.orders.entry((pool, length.0)).or_default().add(now, length, 1);
            if used > most {
                let msg = format!("Too many new orders; current limit is {most} orders per {length}.");
                let end = now.floor(length) + length;
                let retry_after = Some(seconds(end.since(now)));
                return Err(Refusal { status: 429, code: -1015, msg, retry_after });
            }
        }
        Ok(())
    }

    /// A filled order gives its place back.
    pub(crate) fn give_back(&mut self, pool: Pool) {
        for (length, _) in pool.orders() {
            if let Some(window) = self.orders.get_mut(&(pool, length.0)) {
                window.used = window.used.saturating_sub(1);
            }
        }
    }

    /// Weight used in this minute.
    pub(crate) fn used(&mut self, pool: Pool, now: WallTime) -> u32 {
        self.weights.entry(pool).or_default().add(now, Span::MINUTE, 0)
    }

    /// Orders counted in the two windows.
    pub(crate) fn counted(&mut self, pool: Pool, now: WallTime) -> [u32; 2] {
        pool.orders().map(|(length, _)| self.orders.entry((pool, length.0)).or_default().add(now, length, 0))
    }
}

fn seconds(span: Span) -> i64 {
    (span.0.max(0) + 999).div_euclid(1_000).max(1)
}

fn banned(until: WallTime, now: WallTime) -> Refusal {
    let msg = format!("Way too many requests; IP banned until {}. Please use WebSocket Streams.", until.0);
    Refusal { status: 418, code: -1003, msg, retry_after: Some(seconds(until.since(now))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d07_a_full_minute_is_429_and_hammering_on_is_418() {
        let mut limits = Limits::default();
        let now = WallTime(60_000 * 7 + 30_000);
        assert_eq!(limits.request(Pool::Futures, 2_400, now), Ok(2_400));
        let refused = limits.request(Pool::Futures, 1, now).unwrap_err();
        assert_eq!((refused.status, refused.retry_after), (429, Some(30)));
        let last = (0..PATIENCE).map(|_| limits.request(Pool::Futures, 1, now).unwrap_err().status).last();
        assert_eq!(last, Some(418));
        assert_eq!(limits.request(Pool::Spot, 1, now).unwrap_err().status, 418);
        assert!(limits.request(Pool::Futures, 1, now + BAN).is_ok());
    }

    #[test]
    fn orders_are_counted_in_both_windows_and_a_fill_gives_one_back() {
        let mut limits = Limits::default();
        let now = WallTime(5);
        for _ in 0..100 {
            assert!(limits.order(Pool::Spot, now).is_ok());
        }
        limits.give_back(Pool::Spot);
        assert!(limits.order(Pool::Spot, now).is_ok());
        assert_eq!(limits.order(Pool::Spot, now).unwrap_err().code, -1015);
        assert!(limits.order(Pool::Spot, now + TEN_SECONDS).is_ok());
    }
}
