//! The universe on history: looked at once a day, by what was known by then and by nothing later.
//!
//! Volume is the mean of the last 30 days of the perp's bars, age counts from the first settlement or bar that the folder has.
//! What a folder cannot know: pairs that were delisted before it was made are not in it. Tests:
//! `tests/commands/universe.rs`.

use super::cursor::Cursor;
use super::driver::Driver;
use super::journal::Journal;
use crate::config::settings::Universe;
use crate::data::history::PairHistory;
use crate::domain::universe::{Outside, Verdict};
use crate::domain::{Catalogue, Leg, PairId, Span, WallTime};
use crate::port::Event;
use crate::store::JournalError;
use crate::strategy::universe::{Candidate, look};

/// How far back volume is measured.
const WINDOW: Span = Span(30 * 86_400_000);

/// The daily look of a run.
#[derive(Debug, Clone, Default)]
pub struct DailyLook {
    next: Option<WallTime>,
    known: Vec<Option<Outside>>,
}

impl DailyLook {
    /// Tells the core what changed, when the pairs are those of the universe.
    ///
    /// # Errors
    /// [`JournalError`] when the tape cannot be written.
    pub fn look<J: Journal>(
        &mut self,
        driver: &mut Driver<J>,
        cursors: &[Cursor<'_>],
        now: WallTime,
    ) -> Result<(), JournalError> {
        if !driver.state.settings.strategy.auto {
            return Ok(());
        }
        let histories: Vec<&PairHistory> = cursors.iter().map(|cursor| cursor.history).collect();
        let source = (&driver.state.catalogue, histories.as_slice());
        for event in self.changes(now, source, &driver.state.settings.universe) {
            driver.market(now, event)?;
            driver.market_events -= 1;
        }
        Ok(())
    }

    /// What changed, when a day has begun since the last look.
    fn changes(&mut self, now: WallTime, source: (&Catalogue, &[&PairHistory]), rules: &Universe) -> Vec<Event> {
        if self.next.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next = Some(now.floor(Span::DAY) + Span::DAY);
        let (catalogue, histories) = source;
        let all = catalogue.pairs().iter().zip(histories);
        let candidates: Vec<Candidate> =
            all.filter_map(|(pair, history)| candidate(catalogue, pair.id, history, now)).collect();
        let verdicts = look(&candidates, rules);
        let changed = verdicts.iter().enumerate().filter(|(place, verdict)| self.known.get(*place) != Some(*verdict));
        let event = |(place, outside): (usize, &Option<Outside>)| {
            Some(Event::Universe(Verdict { pair: PairId(u16::try_from(place).ok()?), outside: *outside }))
        };
        let events = changed.filter_map(event).collect();
        self.known = verdicts;
        events
    }
}

/// What was known of a pair at an instant.
#[must_use]
#[expect(clippy::float_arithmetic, clippy::cast_precision_loss, reason = "a signal")]
pub fn candidate(catalogue: &Catalogue, pair: PairId, history: &PairHistory, at: WallTime) -> Option<Candidate> {
    let pair = catalogue.pair(pair)?;
    let perp = catalogue.instrument(pair.leg(Leg::Short))?;
    let bars = &history.perp;
    // A bar is known when it has closed.
    let closed = bars.opened.partition_point(|opened| *opened + history.step <= at);
    let first = bars.opened.partition_point(|opened| *opened + WINDOW < at + history.step);
    let traded: f64 = (first..closed)
        .filter_map(|place| Some(bars.volume.get(place)?.to_f64() * bars.close.get(place)?.to_f64()))
        .sum();
    let days = (closed.saturating_sub(first) as f64) * history.step.0 as f64 / Span::DAY.0 as f64;
    let price = closed.checked_sub(1).and_then(|last| bars.close.get(last)).map(|close| close.to_f64());
    let told = history.open_interest.partition_point(|(stamp, _)| *stamp <= at).checked_sub(1);
    let coins = told.and_then(|place| history.open_interest.get(place)).map(|(_, coins)| coins.to_f64());
    Some(Candidate {
        name: history.name.clone(),
        venue: perp.venue,
        coin: pair.coin,
        quote: perp.quote,
        age: history.listed.filter(|listed| *listed <= at).map(|listed| at.since(listed)),
        volume: (traded > 0.0 && days >= 1.0).then(|| traded / days),
        open_interest: coins.zip(price).map(|(coins, price)| coins * price),
    })
}
