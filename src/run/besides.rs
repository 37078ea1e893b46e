//! What a live run asks and sends beside market data and the account's own lists: terms that change seldom, and margin into
//! isolated positions.
//!
//! Nothing here decides: the core says what margin it wants, `inputs.rs` says what to ask. A request whose outcome is not
//! known is not sent again; the next list of positions measures what arrived. Tests: `tests/live.rs`.

use super::driver::Driver;
use super::inputs::InputsWatch;
use super::journal::Journal;
use super::live::{Live, Outbox};
use crate::domain::{Amount, Asset, ClientOrderId, InstrumentId, Price, Side, Span, Symbol, VenueId, WallTime};
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

/// Whether an execution that no order of ours made changed a position that the books have; one from before ledger and venue last
/// agreed is in both already.
///
/// Of a pair that holds nothing a stranger's execution is a position of its own, for a person to adopt or to close; so is one
/// from before the pair was entered. What the venue closes of such a position is no part of a pair either: booked as ours it
/// would be repaired on the other leg, with nothing there to repair (finding L13).
fn changes_ours(state: &State, instrument: InstrumentId, (act, side, fill): (VenueAct, Side, &Fill)) -> bool {
    let mut pairs = state.catalogue.legs_of(instrument).iter().filter_map(|(pair, _)| state.pair(*pair));
    let venue = state.catalogue.instrument(instrument).and_then(|one| state.venue(one.venue_id));
    let agreed = venue.filter(|venue| !venue.differs).and_then(|venue| venue.reconciled);
    let newer_than = |before: Span| agreed.is_none_or(|agreed| fill.at >= agreed - before);
    if act == VenueAct::Foreign {
        return newer_than(AGREED)
            && pairs.any(|pair| pair.memory.entered_at.is_some_and(|entered| fill.at >= entered));
    }
    let closes = state.position(instrument).units().signum() * fill.quantity.signed(side).units().signum() < 0;
    // The books may be behind what an order of ours did.
    let unsettled = state.orders.live().iter().any(|order| order.intent.instrument == instrument);
    (closes || unsettled) && newer_than(AGREED_LONG_AGO)
}

/// Lists of an agreement were read up to so long before it was told.
const AGREED: Span = Span::seconds(10);
/// An act of the venue is looked at again unless it is much older than the agreement: to miss one would leave a leg naked.
const AGREED_LONG_AGO: Span = Span(5 * 60_000);

/// Whether fees wait for the price of this coin: then it is as durable as they are.
pub(super) fn waits<J>(driver: &Driver<J, Outbox>, asset: Asset) -> bool {
    driver.state.ledger.unpriced_tokens().iter().any(|(unpriced, _)| *unpriced == asset)
}

impl<J: Journal> Live<J> {
    /// A fact about the account. A fee in a coin of the venue's own is valued at that coin's price of the moment, after a restart
    /// too: so the price is put into the ledger before it, unless it stands there already.
    pub(super) fn account_fact(&mut self, event: Event, now: WallTime) -> Result<(), JournalError> {
        if let Event::VenueFill { instrument, act, side, fill } = &event
            && !changes_ours(&self.driver.state, *instrument, (*act, *side, fill))
        {
            tracing::warn!(fill = fill.id.0, ?act, "an execution of a position that is no part of a pair's books");
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

    /// Asks every venue for its lists, to be compared as they come.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn ask_lists(&mut self, now: WallTime) -> Result<(), JournalError> {
        let venues: Vec<VenueId> = self.desks.iter().map(|desk| desk.venue).collect();
        venues.into_iter().try_for_each(|venue| self.account(venue, Input::Reconcile, now))
    }

    /// Asks the venue what became of an order.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn ask_order(&mut self, id: ClientOrderId, of: InstrumentId, now: WallTime) -> Result<(), JournalError> {
        let Some(venue) = self.driver.state.catalogue.instrument(of).map(|one| one.venue_id) else { return Ok(()) };
        self.account(venue, Input::Query { id, instrument: of }, now)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::fees::Role;
    use crate::domain::{ClientOrderId, FillId, Leg, Quantity, Sequence};
    use crate::port::Stamped;
    use crate::port::TimeInForce;
    use crate::port::order::{Intent, Purpose, Reason};
    use crate::sim::{Generator, START};

    #[test]
    fn l13_what_the_venue_closes_of_a_stranger_s_position_is_none_of_a_pair_s() {
        let catalogue = Generator::new(1, START).catalogue().clone();
        let pair = catalogue.pairs()[0].clone();
        let (perp, quantity, price) = (pair.short, Quantity::parse("0.3").unwrap(), Price::parse("10000").unwrap());
        let fee_asset = pair.quote(Leg::Short);
        let fill = Fill { id: FillId(1), quantity, price, fee: Amount::ZERO, fee_asset, role: Role::Taker, at: START };
        let ours = |state: &State, act, side| changes_ours(state, perp, (act, side, &fill));
        let mut state = State::new(Settings::default(), catalogue);
        for act in [VenueAct::Adl, VenueAct::Liquidation, VenueAct::Settlement, VenueAct::Foreign] {
            // A long or a short of a stranger, while the pair is flat.
            assert!(!ours(&state, act, Side::Sell) && !ours(&state, act, Side::Buy), "{act:?}");
        }
        // The books may be behind an order of ours that is not settled.
        let id: ClientOrderId = "c1-00000001-1".parse().unwrap();
        let mut unsettled = state.clone();
        unsettled.restore_intent(&Intent {
            id,
            pair: pair.id,
            leg: Leg::Short,
            instrument: perp,
            side: Side::Sell,
            quantity,
            limit: price,
            time_in_force: TimeInForce::ImmediateOrCancel,
            reduce_only: false,
            purpose: Purpose::Hedge,
            arrival_mid: price,
            decided_at: START,
            reason: Reason::Unequal,
        });
        assert!(ours(&unsettled, VenueAct::Adl, Side::Buy));
        // A short in the books: what buys it back is ours, what sells is not.
        let sold = Event::VenueFill { instrument: perp, act: VenueAct::Foreign, side: Side::Sell, fill };
        let stamped = Stamped { sequence: Sequence(1), at: START, event: sold };
        crate::engine::step(&mut state, &stamped, &mut Vec::new());
        assert!(ours(&state, VenueAct::Adl, Side::Buy) && !ours(&state, VenueAct::Adl, Side::Sell));
        // Ledger and venue agreed long after it: it is in both already.
        state.venues[0].reconciled = Some(START + Span(6 * 60_000));
        assert!(!ours(&state, VenueAct::Adl, Side::Buy));
    }
}
