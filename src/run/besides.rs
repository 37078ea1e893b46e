//! What a live run asks and sends beside market data and the account's own lists: terms that change seldom, and margin into
//! isolated positions.
//!
//! Nothing here decides: the core says what margin it wants, `inputs.rs` says what to ask. A request whose outcome is not
//! known is not sent again; the next list of positions measures what arrived. Tests: `tests/live.rs`.

use super::driver::Driver;
use super::inputs::InputsWatch;
use super::journal::Journal;
use super::live::{Live, Outbox};
use crate::domain::{Amount, Asset, InstrumentId, Price, Span, Symbol, VenueId, WallTime};
use crate::engine::State;
use crate::net::wire::{Asker, Outcome as Came};
use crate::port::Event;
use crate::port::event::VenueAct;
use crate::port::order::{Fill, OrderReport, Outcome};
use crate::store::JournalError;
use crate::venues::answer::{Answer, Class};
use crate::venues::ask::{Act, Ask};
use crate::venues::binance::account::{Call, CallId, Input};
use std::collections::BTreeMap;

/// Requests of this kind that are on their way at one venue.
#[derive(Debug)]
pub struct Besides {
    pub(super) inputs: InputsWatch,
    next: CallId,
    asked: BTreeMap<CallId, Ask>,
    adding: BTreeMap<CallId, (InstrumentId, Amount)>,
    /// Prices of coins for fees that the ledger has.
    priced: BTreeMap<Asset, Price>,
}

/// Most questions whose answer is awaited; more are a venue that does not answer.
const MOST: usize = 256;

impl Besides {
    /// Nothing on its way yet.
    #[must_use]
    pub const fn new(inputs: InputsWatch) -> Self {
        Self { inputs, next: 0, asked: BTreeMap::new(), adding: BTreeMap::new(), priced: BTreeMap::new() }
    }
}

/// Whether a stranger's execution changed a position that the books have: of a pair that holds nothing it is a position of its
/// own, for a person to adopt or to close; one from before the pair was entered, or from before ledger and venue last agreed, is
/// in both already.
fn changes_ours(state: &State, instrument: InstrumentId, fill: &Fill) -> bool {
    let mut pairs = state.catalogue.legs_of(instrument).iter().filter_map(|(pair, _)| state.pair(*pair));
    let since = pairs.any(|pair| pair.memory.entered_at.is_some_and(|entered| fill.at >= entered));
    let venue = state.catalogue.instrument(instrument).and_then(|one| state.venue(one.venue_id));
    let agreed = venue.filter(|venue| !venue.differs).and_then(|venue| venue.reconciled);
    since && agreed.is_none_or(|agreed| fill.at >= agreed - AGREED)
}

/// Lists of an agreement were read up to so long before it was told.
const AGREED: Span = Span::seconds(10);

/// Whether fees wait for the price of this coin: then it is as durable as they are.
pub(super) fn waits<J>(driver: &Driver<J, Outbox>, asset: Asset) -> bool {
    driver.state.ledger.unpriced_tokens().iter().any(|(unpriced, _)| *unpriced == asset)
}

impl<J: Journal> Live<J> {
    /// A fact about the account. A fee in a coin of the venue's own is valued at that coin's price of the moment, after a restart
    /// too: so the price is put into the ledger before it, unless it stands there already.
    pub(super) fn account_fact(&mut self, event: Event, now: WallTime) -> Result<(), JournalError> {
        if let Event::VenueFill { instrument, act: VenueAct::Foreign, fill, .. } = &event
            && !changes_ours(&self.driver.state, *instrument, fill)
        {
            tracing::warn!(fill = fill.id.0, "an execution of a stranger that is no part of a pair's books");
            return Ok(());
        }
        if let Event::Order(OrderReport { outcome: Outcome::Filled(Fill { fee_asset: asset, .. }), .. })
        | Event::VenueFill { fill: Fill { fee_asset: asset, .. }, .. } = &event
            && let Some(price) = self.driver.state.ledger.token_price(*asset)
        {
            let asset = *asset;
            let news =
                self.desks.first_mut().is_some_and(|desk| desk.besides.priced.insert(asset, price) != Some(price));
            if news {
                self.driver.fact(now, Event::FeeCoinPriced { asset, price }, None)?;
            }
        }
        self.driver.fact(now, event, None)
    }

    /// Asks what is due.
    pub(super) fn ask_inputs(&mut self, place: usize, now: WallTime) {
        let Some(desk) = self.desks.get_mut(place) else { return };
        for ask in desk.besides.inputs.due(now) {
            desk.besides.next += 1;
            desk.besides.asked.insert(desk.besides.next, ask.clone());
            desk.wire.ask(Asker::Inputs, desk.besides.next, ask);
        }
        while desk.besides.asked.len() > MOST {
            desk.besides.asked.pop_first();
        }
    }

    /// The answer to one of them; one that failed is asked again when it is due again.
    pub(super) fn on_inputs(
        &mut self,
        venue: VenueId,
        (call, came): (CallId, Came),
        now: WallTime,
    ) -> Result<(), JournalError> {
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return Ok(()) };
        let Some(ask) = desk.besides.asked.remove(&call) else { return Ok(()) };
        let Came::Answered { result: Ok(answer), .. } = came else { return Ok(()) };
        let events = desk.besides.inputs.answered(&ask, &answer, &self.driver.state.catalogue);
        for event in events {
            // New terms change what was decided on: they are as durable as a fact. The place in a queue is not.
            if matches!(event, Event::AdlRank { .. }) {
                self.driver.market(now, event)?;
            } else {
                self.driver.fact(now, event, None)?;
            }
        }
        Ok(())
    }

    /// The modes of an account: a stranger's hand when they are no longer what the run needs (fault H12).
    pub(super) fn modes(&mut self, venue: VenueId, answer: &Answer, now: WallTime) -> Result<(), JournalError> {
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return Ok(()) };
        let news = desk.modes.answered(answer);
        if news.is_empty() {
            return Ok(());
        }
        for what in news {
            tracing::error!(what, "somebody changed the account; set it back, then carry clear-halt");
        }
        self.driver.fact(now, Event::Foreign { venue, instrument: None }, None)
    }

    /// An order was refused as if rules, trading status or terms had changed: they are read again at the next tick.
    pub(super) fn reread(&mut self, instrument: InstrumentId, now: WallTime) {
        let Some(venue) = self.driver.state.catalogue.instrument(instrument).map(|one| one.venue_id) else { return };
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return };
        desk.feed.reread();
        desk.besides.inputs.look_now(now);
    }

    /// The core wants margin in a position.
    pub(super) fn send_margin(&mut self, (instrument, amount): (InstrumentId, Amount)) {
        let found = self.driver.state.catalogue.instrument(instrument).map(|one| (one.venue_id, one.symbol));
        let Some((venue, symbol)) = found else { return };
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return };
        desk.besides.next += 1;
        desk.besides.adding.insert(desk.besides.next, (instrument, amount));
        desk.wire.call(Asker::Margin, desk.besides.next, &call(symbol, amount));
    }

    /// What became of it. Taken or not known, the list of positions is read at once: it alone says what the position holds.
    pub(super) fn on_margin(
        &mut self,
        venue: VenueId,
        (id, came): (CallId, Came),
        now: WallTime,
    ) -> Result<(), JournalError> {
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return Ok(()) };
        let Some((instrument, amount)) = desk.besides.adding.remove(&id) else { return Ok(()) };
        let taken = match &came {
            Came::Answered { result: Ok(_), .. } => Some(true),
            Came::Answered { result: Err(refused), .. } => {
                tracing::warn!(%refused, %amount, "margin was not added to a position");
                (refused.class != Class::Unknown).then_some(false)
            }
            Came::NotSent { .. } => Some(false),
            Came::NoAnswer => None,
        };
        if let Some(taken) = taken {
            self.driver.market(now, Event::MarginAdded { instrument, amount, taken })?;
        }
        self.account(venue, Input::Reconcile, now)
    }
}

const fn call(symbol: Symbol, amount: Amount) -> Call {
    Call::Act(Act::AddMargin { symbol, amount })
}
