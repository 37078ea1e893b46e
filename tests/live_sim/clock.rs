//! The clocks of a simulated run: the true time, which is the venue's, and the machine's wall clock, which may be wrong.

use carry::domain::{Span, WallTime};
use carry::net::Clock;
use carry::net::clock::RunTime;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::Instant;

struct Times {
    start: Instant,
    base: i64,
    step: i64,
    drift_ppm: i64,
}

thread_local! {
    static TIMES: RefCell<Option<Times>> = const { RefCell::new(None) };
    static RUN: RefCell<Option<RunTime>> = const { RefCell::new(None) };
}

/// Begins at this true time; must be called inside the runtime.
pub(crate) fn begin(base: i64) {
    TIMES.set(Some(Times { start: Instant::now(), base, step: 0, drift_ppm: 0 }));
}

/// True milliseconds now.
pub(crate) fn true_ms() -> i64 {
    TIMES.with_borrow(|times| {
        let times = times.as_ref().unwrap();
        times.base + i64::try_from(times.start.elapsed().as_millis()).unwrap()
    })
}

/// The machine's wall clock is set by a hand or a daemon.
pub(crate) fn step_wall(ms: i64) {
    TIMES.with_borrow_mut(|times| times.as_mut().unwrap().step += ms);
}

/// The machine's wall clock runs fast or slow from now on.
pub(crate) fn drift(ppm: i64) {
    TIMES.with_borrow_mut(|times| {
        let times = times.as_mut().unwrap();
        let passed = i64::try_from(times.start.elapsed().as_millis()).unwrap();
        times.step += passed * times.drift_ppm / 1_000_000 - passed * ppm / 1_000_000;
        times.drift_ppm = ppm;
    });
}

fn wall() -> WallTime {
    TIMES.with_borrow(|times| {
        let times = times.as_ref().unwrap();
        let passed = i64::try_from(times.start.elapsed().as_millis()).unwrap();
        WallTime(times.base + passed + times.step + passed * times.drift_ppm / 1_000_000)
    })
}

fn steady() -> u64 {
    TIMES.with_borrow(|times| u64::try_from(times.as_ref().unwrap().start.elapsed().as_nanos()).unwrap())
}

/// The time of the run, as `net/machine_clock.rs` keeps it.
fn run_wall() -> WallTime {
    RUN.with_borrow(|time| time.map_or_else(wall, |time| time.read(steady())))
}

fn anchor(venue: WallTime, error: Span) {
    RUN.with_borrow_mut(|time| match time.as_mut() {
        Some(time) => time.correct(venue, error, steady()),
        None => *time = Some(RunTime::begin(venue, steady())),
    });
}

/// A process that starts knows nothing yet.
pub(crate) fn forget() {
    RUN.set(None);
}

/// The machine's clocks.
pub(crate) fn machine() -> Clock {
    Clock { wall: run_wall, steady_ns: steady, look: Duration::from_hours(1), anchor, machine: wall }
}

/// Seconds of the simulated run, for log lines.
pub(crate) struct Seconds;

impl tracing_subscriber::fmt::time::FormatTime for Seconds {
    fn format_time(&self, to: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        let passed = TIMES.with_borrow(|times| times.as_ref().map_or(0, |times| times.start.elapsed().as_millis()));
        write!(to, "{:>5}.{:03} s ", passed / 1_000, passed % 1_000)
    }
}
