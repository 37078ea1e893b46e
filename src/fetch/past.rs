//! The past of one pair from public questions: years of settlements, and the open interest now.
//!
//! For odds and shares alone: nothing here decides. Tests: `tests/suite/quote_room.rs`.

use super::public::{AskError, PublicVenue};
use crate::data::settlements::intervals;
use crate::domain::{Interval, Quantity, Rate, Span, Symbol, WallTime};
use crate::strategy::odds::Paid;
use crate::venues::answer::Answer;
use crate::venues::ask::Ask;

/// Settlements of one answer, and the most answers that are asked for.
const PAGE: u32 = 1_000;
const PAGES: i64 = 4;

/// Settlements up to now, the oldest first: of 8 h three years and more, of 1 h five months.
///
/// # Errors
/// [`AskError`].
pub async fn settlements(
    venue: &mut PublicVenue,
    (symbol, usual): (Symbol, Interval),
    now: WallTime,
) -> Result<Vec<Paid>, AskError> {
    let mut rows: Vec<(WallTime, Rate)> = Vec::new();
    // An interval that was shorter for a while must not fill an answer before its end: a tenth is kept free.
    let reach = Span(usual.span().0.saturating_mul(i64::from(PAGE) * 9 / 10));
    let mut end = now;
    for _ in 0..PAGES {
        let ask = Ask::FundingHistory { symbol, start: Some(end - reach), end: Some(end), limit: PAGE };
        let Answer::FundingHistory(page) = venue.ask(&ask).await? else { break };
        if page.is_empty() {
            break;
        }
        rows.extend(page.iter().map(|row| (row.stamp, row.rate)));
        end = end - reach - Span(1);
    }
    rows.sort_by_key(|(stamp, _)| *stamp);
    rows.dedup_by_key(|(stamp, _)| *stamp);
    let stamps: Vec<WallTime> = rows.iter().map(|(stamp, _)| *stamp).collect();
    let hours = intervals(&stamps).into_iter().map(|interval| interval.unwrap_or(usual).hours());
    Ok(rows.into_iter().zip(hours).map(|((stamp, rate), hours)| (stamp, rate.to_f64(), hours)).collect())
}

/// Coins of open interest now; `None` where the venue does not say.
pub async fn open_interest(venue: &mut PublicVenue, symbol: Symbol) -> Option<Quantity> {
    match venue.ask(&Ask::OpenInterest { symbol }).await {
        Ok(Answer::OpenInterest(rows)) => rows.last().map(|(_, coins)| *coins),
        Ok(_) | Err(_) => None,
    }
}
