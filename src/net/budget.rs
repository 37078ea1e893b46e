//! Request weight and order limits of one group of hosts, spent before a request leaves and corrected by what the venue says.
//!
//! Rates are kept by `governor` on the injected clock. A venue counts in fixed windows, a bucket allows its content plus what
//! flows in meanwhile: content and inflow are each half of the limit, so no window of any position holds more than the limit.
//! Each limit is three buckets: half for anything, three tenths for everything but background work, a fifth kept for
//! [`Priority::Safety`] (I18). Every refusal here is proof that nothing was sent; orders are never queued, reads are told
//! when to come again. Not here: waiting, sending. Tests stand at the end.

use super::clock::{Clock, Stamp, nanos};
use super::http::Reply;
use super::still::{Held, Still};
use crate::domain::{Span, WallTime};
use crate::planted::{self, Bug};
use crate::venues::answer::{RateLimit, Until};
use crate::venues::ask::{Method, Priority, Request};
use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use thiserror::Error;

/// So many in each window of a length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// How many.
    pub count: u32,
    /// Length of the window.
    pub window: Span,
}

/// What a venue allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Request weight per address.
    pub weight: Limit,
    /// Orders per account.
    pub orders: Vec<Limit>,
}

/// What a request spends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spend {
    /// Request weight.
    pub weight: u32,
    /// Whether it counts as an order.
    pub is_order: bool,
    /// Whether it changes something: then it is never told to wait.
    pub is_write: bool,
    /// What it is for.
    pub priority: Priority,
}

/// What was spent of one limit in the venue's running window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether orders are counted, and not request weight.
    pub orders: bool,
    /// By us, and by others on the address as far as the venue told.
    pub used: u32,
    /// What is allowed.
    pub limit: Limit,
}

/// Why a request may not leave now. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoBudget {
    /// A read: ask again then.
    #[error("the request budget is spent; again at {again_ns} ns")]
    Wait {
        /// Steady count.
        again_ns: u64,
    },
    /// A write: decide anew, it is not queued.
    #[error("the budget is spent, and orders are not queued")]
    Refused {
        /// Steady count from which there is budget.
        again_ns: u64,
    },
    /// The venue said to keep still.
    #[error("the venue asked to keep still until {until_ns} ns")]
    Blocked {
        /// Steady count.
        until_ns: u64,
    },
    /// The venue banned the address (418).
    #[error("the address is banned until {until_ns} ns")]
    Halted {
        /// Steady count.
        until_ns: u64,
    },
    /// It never fits.
    #[error("a weight of {weight} is more than the budget ever holds")]
    TooHeavy {
        /// Its weight.
        weight: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct Steady(Clock);

impl GovernorClock for Steady {
    type Instant = Duration;
    fn now(&self) -> Duration {
        Duration::from_nanos((self.0.steady_ns)())
    }
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, Steady, NoOpMiddleware<Duration>>;

/// One limit: its buckets, and what was spent in the venue's running window.
#[derive(Debug)]
struct Meter {
    limit: Limit,
    clock: Clock,
    open: Bucket,
    middle: Bucket,
    kept: Bucket,
    window: WallTime,
    ours: u32,
    taken_over: u32,
    /// The venue has counted so much that only safety may go on until then.
    scarce_until: Option<WallTime>,
    full_until: Option<WallTime>,
}

/// Why a meter refuses.
enum Short {
    Until(u64),
    Never,
}

/// The budget of one group of hosts that the venue counts together.
#[derive(Debug)]
pub struct Budget {
    clock: Clock,
    limits: Limits,
    weight: Meter,
    orders: Vec<Meter>,
    still: Arc<Mutex<Still>>,
}

/// A 403 of the firewall carries no time; the venue lifts it after minutes.
const FIREWALL: Duration = Duration::from_mins(5);

impl Spend {
    /// What a request spends.
    #[must_use]
    pub fn of(request: &Request) -> Self {
        Self {
            weight: request.weight,
            is_order: request.is_order,
            is_write: request.method != Method::Get,
            priority: request.priority,
        }
    }
}

impl Limits {
    /// Spot as documented on 2026-07-21, until the venue's own list is read.
    #[must_use]
    pub fn spot() -> Self {
        let orders = vec![Limit { count: 50, window: Span::seconds(10) }];
        Self { weight: Limit { count: 6000, window: Span::MINUTE }, orders }
    }

    /// USD-M perps as documented on 2026-05-28, until the venue's own list is read.
    #[must_use]
    pub fn perp() -> Self {
        let orders = vec![Limit { count: 300, window: Span::seconds(10) }, Limit { count: 1200, window: Span::MINUTE }];
        Self { weight: Limit { count: 2400, window: Span::MINUTE }, orders }
    }

    /// These, replaced where the venue states its own.
    #[must_use]
    pub fn stated(mut self, stated: &[RateLimit]) -> Self {
        let limit = |stated: &RateLimit| {
            let count = u32::try_from(stated.limit).ok().filter(|count| *count > 0)?;
            let seconds = i64::try_from(stated.seconds).ok().filter(|seconds| (1..=86_400).contains(seconds))?;
            Some(Limit { count, window: Span::seconds(seconds) })
        };
        let of =
            |kind: &str| stated.iter().filter(|row| row.kind.as_str() == kind).filter_map(limit).collect::<Vec<_>>();
        let slower = |limit: &Limit| i64::from(limit.count).saturating_mul(60_000) / limit.window.0.max(1);
        if let Some(weight) = of("REQUEST_WEIGHT").into_iter().min_by_key(slower) {
            self.weight = weight;
        }
        let orders = of("ORDERS");
        if !orders.is_empty() {
            self.orders = orders;
        }
        self
    }
}

impl Meter {
    fn new(limit: Limit, clock: Clock) -> Self {
        let half = limit.count / 2;
        let kept = half / 5;
        let middle = half.saturating_mul(3) / 10;
        let open = half.saturating_sub(kept).saturating_sub(middle);
        let bucket = |content: u32| {
            let content = NonZeroU32::new(content).unwrap_or(NonZeroU32::MIN);
            let window = Duration::from_millis(u64::try_from(limit.window.0).unwrap_or(0).max(1));
            let every = window.checked_div(content.get()).unwrap_or(window).max(Duration::from_nanos(1));
            let quota = Quota::with_period(every).unwrap_or_else(|| Quota::per_minute(NonZeroU32::MIN));
            RateLimiter::direct_with_clock(quota.allow_burst(content), Steady(clock))
        };
        Self {
            limit,
            clock,
            open: bucket(open),
            middle: bucket(middle),
            kept: bucket(kept),
            window: WallTime(i64::MIN),
            ours: 0,
            taken_over: 0,
            scarce_until: None,
            full_until: None,
        }
    }

    fn roll(&mut self, now: WallTime) {
        let window = now.floor(self.limit.window);
        if window != self.window {
            (self.window, self.ours, self.taken_over) = (window, 0, 0);
        }
    }

    /// Spends `count` of the first bucket that holds it, the shared ones before the kept one.
    fn take(&mut self, count: u32, priority: Priority, now: Stamp) -> Result<(), Short> {
        let Some(wanted) = NonZeroU32::new(count) else { return Ok(()) };
        self.roll(now.wall);
        let barred =
            if priority == Priority::Safety { self.full_until } else { self.scarce_until.max(self.full_until) };
        if let Some(until) = barred.filter(|until| *until > now.wall && until.since(now.wall) <= self.limit.window) {
            let wait = u64::try_from(until.since(now.wall).0).unwrap_or(0).saturating_mul(1_000_000);
            return Err(Short::Until(now.steady_ns.saturating_add(wait)));
        }
        let buckets: &[&Bucket] = match priority {
            Priority::Background => &[&self.open],
            Priority::Normal => &[&self.middle, &self.open],
            Priority::Safety => &[&self.middle, &self.open, &self.kept],
        };
        let mut again = None;
        for bucket in buckets {
            match bucket.check_n(wanted) {
                Ok(Ok(())) => {
                    self.ours = self.ours.saturating_add(count);
                    return Ok(());
                }
                Ok(Err(not_until)) => {
                    let wait = not_until.wait_time_from(Steady(self.clock).now());
                    let at = now.steady_ns.saturating_add(nanos(wait));
                    again = Some(again.map_or(at, |other: u64| other.min(at)));
                }
                Err(_) => {}
            }
        }
        Err(again.map_or(Short::Never, Short::Until))
    }

    /// The venue counted `count` in its window: what is not ours was spent by another program on the address.
    fn told(&mut self, count: u32, now: WallTime) {
        self.roll(now);
        let foreign = count.saturating_sub(self.ours);
        let mut more = foreign.saturating_sub(self.taken_over);
        self.taken_over = self.taken_over.max(foreign);
        for bucket in [&self.open, &self.middle, &self.kept] {
            // A bucket tells only whether it holds so many: take what it has by halves.
            let mut piece = more;
            while let Some(wanted) = NonZeroU32::new(piece) {
                if matches!(bucket.check_n(wanted), Ok(Ok(()))) {
                    more = more.saturating_sub(piece);
                    piece = more.min(piece);
                } else {
                    piece /= 2;
                }
            }
        }
        let end = self.window + self.limit.window;
        let (count, limit) = (u64::from(count), u64::from(self.limit.count));
        if count.saturating_mul(5) >= limit.saturating_mul(4) {
            self.scarce_until = Some(end);
        }
        if count >= limit {
            self.full_until = Some(end);
        }
    }
}

impl Budget {
    /// A full budget.
    #[must_use]
    pub fn new(limits: &Limits, clock: Clock) -> Self {
        Self::of(limits, Arc::default(), clock)
    }

    fn of(limits: &Limits, still: Arc<Mutex<Still>>, clock: Clock) -> Self {
        let orders = limits.orders.iter().map(|limit| Meter::new(*limit, clock)).collect();
        Self { clock, limits: limits.clone(), weight: Meter::new(limits.weight, clock), orders, still }
    }

    /// A full budget of another kind of requests at the same address: when one must keep still, so must the other.
    #[must_use]
    pub fn beside(&self, limits: &Limits) -> Self {
        Self::of(limits, Arc::clone(&self.still), self.clock)
    }

    fn still(&self) -> std::sync::MutexGuard<'_, Still> {
        self.still.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The venue's own list of its limits, which replaces what was assumed; what was spent until now stays spent.
    pub fn state(&mut self, stated: &[RateLimit]) {
        let limits = self.limits.clone().stated(stated);
        if limits == self.limits {
            return;
        }
        let now = self.clock.now().wall;
        let clock = self.clock;
        let renewed = |old: Option<&Meter>, limit: Limit| {
            let mut meter = Meter::new(limit, clock);
            if let Some(old) = old.filter(|old| old.window == now.floor(old.limit.window)) {
                meter.told(old.ours.saturating_add(old.taken_over), now);
            }
            meter
        };
        if limits.weight != self.limits.weight {
            self.weight = renewed(Some(&self.weight), limits.weight);
        }
        if limits.orders != self.limits.orders {
            let known = |limit: &Limit| self.orders.iter().find(|old| old.limit.window == limit.window);
            self.orders = limits.orders.iter().map(|limit| renewed(known(limit), *limit)).collect();
        }
        self.limits = limits;
    }

    /// What it holds itself to now.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// What was spent of each limit, request weight first.
    pub fn spent(&mut self) -> Vec<Spent> {
        let now = self.clock.now().wall;
        let weight = std::iter::once((false, &mut self.weight));
        let meters = weight.chain(self.orders.iter_mut().map(|meter| (true, meter)));
        let spent = |(orders, meter): (bool, &mut Meter)| {
            meter.roll(now);
            Spent { orders, used: meter.ours.saturating_add(meter.taken_over), limit: meter.limit }
        };
        meters.map(spent).collect()
    }

    /// Spends for one request, which may then be sent once.
    ///
    /// # Errors
    /// [`NoBudget`]: nothing was sent and nothing may be.
    pub fn take(&mut self, spend: Spend) -> Result<(), NoBudget> {
        let now = self.clock.now();
        if planted::is(Bug::BudgetIgnored) {
            return Ok(());
        }
        let held = self.still().holds(now.steady_ns);
        match held {
            Some(Held::Halted(until_ns)) => return Err(NoBudget::Halted { until_ns }),
            Some(Held::Blocked(until_ns)) => return Err(NoBudget::Blocked { until_ns }),
            None => {}
        }
        let refuse = |short| match short {
            Short::Never => NoBudget::TooHeavy { weight: spend.weight },
            Short::Until(again_ns) if spend.is_write => NoBudget::Refused { again_ns },
            Short::Until(again_ns) => NoBudget::Wait { again_ns },
        };
        if spend.is_order {
            for meter in &mut self.orders {
                meter.take(1, spend.priority, now).map_err(refuse)?;
            }
        }
        self.weight.take(spend.weight, spend.priority, now).map_err(refuse)
    }

    /// Takes over what an answer says about limits.
    pub fn on_reply(&mut self, reply: &Reply) {
        if let Some(used) = reply.used_weight {
            self.weight.told(used, reply.received_at.wall);
        }
        for (window, count) in &reply.order_counts {
            for meter in self.orders.iter_mut().filter(|meter| meter.limit.window == *window) {
                meter.told(*count, reply.received_at.wall);
            }
        }
        match reply.status {
            418 => self.halt(reply.retry_after, reply.received_at),
            429 => {
                // Without a time: until the venue's window has ended, with a second for the distance of the clocks.
                let now = reply.received_at;
                let window_end = now.wall.floor(self.weight.limit.window) + self.weight.limit.window + Span::seconds(1);
                self.keep_still(reply.retry_after.unwrap_or(Until::At(window_end)), now);
            }
            403 => self.keep_still(Until::Seconds(FIREWALL.as_secs()), reply.received_at),
            _ => {}
        }
    }

    /// Nothing leaves until the end of a ban; an end may also stand in the text of the venue's error.
    pub fn halt(&mut self, until: Option<Until>, now: Stamp) {
        self.still().halt(until, now);
    }

    /// Nothing leaves until then.
    pub fn keep_still(&mut self, until: Until, now: Stamp) {
        self.still().keep(until, now);
    }

    /// The steady count at which a ban ends, while there is one.
    #[must_use]
    pub fn halted_until_ns(&self) -> Option<u64> {
        self.still().halted_until_ns((self.clock.steady_ns)())
    }

    /// Whether somebody has to take it on to ask gently once the time that the venue named is over; says so once.
    pub fn wants_asker(&mut self) -> bool {
        self.still().wants_asker()
    }

    /// The steady count at which the gentle question may leave; `None` when it may now.
    #[must_use]
    pub fn gentle_at(&self) -> Option<u64> {
        self.still().gentle_at((self.clock.steady_ns)())
    }

    /// The gentle question was answered, or got no answer; true when everything goes on.
    pub fn gently_asked(&mut self, answered: bool) -> bool {
        let now = self.clock.now();
        self.still().asked(answered, now)
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
