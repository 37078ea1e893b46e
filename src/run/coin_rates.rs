//! What a simulated venue tells about coins as collateral, and what it does by itself about a debt: told where a live venue would
//! be asked. Nothing happens where the quote coin alone margins the shorts. Tests: `tests/backtest/coin.rs`.

use super::driver::Driver;
use super::journal::Journal;
use crate::domain::{Span, WallTime};
use crate::store::JournalError;

/// So long before its end a pair is left for the last time where coins are collateral: its coins come back clip by clip.
const LEAD: Span = Span::DAY;

/// Tells the core what each coin counts for now.
///
/// # Errors
/// [`JournalError`] when the tape cannot be written.
pub fn tell<J: Journal>(driver: &mut Driver<J>, now: WallTime) -> Result<(), JournalError> {
    for event in driver.venue.collateral_rates() {
        driver.market(now, event)?;
        driver.market_events -= 1;
    }
    Ok(())
}

/// How long before the last open of a stretch a pair has its last chance to leave.
#[must_use]
pub fn lead(coins_margin: bool, step: Span) -> Span {
    if coins_margin { LEAD.max(Span(step.0.saturating_mul(6))) } else { Span::ZERO }
}
