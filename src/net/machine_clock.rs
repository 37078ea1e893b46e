//! The only clock. Everything else gets its time as an event.

use super::clock::{Clock, RunTime};
use crate::domain::{Span, WallTime};
use std::time::Duration;

/// A running stopwatch; for reports, never for decisions.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// Time since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Seconds since the start.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// The wall clock in UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn now() -> WallTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    WallTime(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Nanoseconds since the machine was started; never falls, and counts the time of a suspended machine (I12, fault G08).
#[must_use]
#[cfg(any(target_os = "linux", target_os = "android"))]
pub fn steady_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// Nanoseconds since the first call in this process; never falls. Whether it counts the time of a suspended machine is up to the
/// system.
#[must_use]
#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn steady_ns() -> u64 {
    static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let start = START.get_or_init(std::time::Instant::now);
    u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The time of the run of this process; none before the first venue was asked.
static RUN: std::sync::Mutex<Option<RunTime>> = std::sync::Mutex::new(None);

fn run_time() -> std::sync::MutexGuard<'static, Option<RunTime>> {
    RUN.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn run_wall() -> WallTime {
    run_time().map_or_else(now, |time| time.read(steady_ns()))
}

fn anchor(venue: WallTime, error: Span) {
    let now_ns = steady_ns();
    let mut time = run_time();
    match time.as_mut() {
        Some(time) => time.correct(venue, error, now_ns),
        None => *time = Some(RunTime::begin(venue, now_ns)),
    }
}

/// Both clocks of a run, for those who may not read one: its wall time is the venue's, carried on by the steady count.
#[must_use]
pub const fn clock() -> Clock {
    Clock { wall: run_wall, steady_ns, look: Duration::from_secs(1), anchor, machine: now }
}

/// Waits on the wall clock, for a run at a chosen speed.
#[expect(clippy::disallowed_methods, reason = "this file is where the clock is read")]
pub fn wait(span: Duration) {
    std::thread::sleep(span);
}

/// The clock of a test venue that runs faster than time: where it stood when, and how fast it runs.
struct Followed {
    real_ns: u64,
    wall_ns: i128,
    speed: f64,
    first_ns: i128,
    shown_ns: i128,
}

static FOLLOWED: std::sync::Mutex<Option<Followed>> = std::sync::Mutex::new(None);

/// Follows the clock of a loopback venue from now on: it shows `wall` and runs `speed` times as fast as time.
pub fn follow(wall: WallTime, speed: f64) {
    let mut followed = FOLLOWED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let wall_ns = i128::from(wall.0) * 1_000_000;
    let (first_ns, shown_ns) =
        followed.as_ref().map_or((wall_ns, wall_ns), |before| (before.first_ns, before.shown_ns));
    *followed = Some(Followed { real_ns: steady_ns(), wall_ns, speed, first_ns, shown_ns });
}

/// Nanoseconds that the followed clock shows, and those at its beginning. It never falls.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a test clock scaled by a factor"
)]
fn followed_ns() -> (i128, i128) {
    let mut followed = FOLLOWED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let Some(clock) = followed.as_mut() else { return (i128::from(now().0) * 1_000_000, 0) };
    let passed = (steady_ns().saturating_sub(clock.real_ns)) as f64 * clock.speed;
    clock.shown_ns = clock.shown_ns.max(clock.wall_ns + passed as i128);
    (clock.shown_ns, clock.first_ns)
}

fn followed_wall() -> WallTime {
    WallTime(i64::try_from(followed_ns().0.div_euclid(1_000_000)).unwrap_or(i64::MAX))
}

fn followed_steady() -> u64 {
    let (shown, first) = followed_ns();
    u64::try_from(shown - first).unwrap_or(0)
}

/// The clocks of the venue that is followed; tests on loopback alone.
#[must_use]
pub const fn venue() -> Clock {
    Clock {
        wall: followed_wall,
        steady_ns: followed_steady,
        look: Duration::from_millis(200),
        anchor: |_, _| (),
        machine: followed_wall,
    }
}
