//! A live run: the core, our accounts at the venues, and the market, joined to the network by one inbox.
//!
//! What arrives becomes facts in the order of its arrival; then the core decides; then what it wants leaves. Start-up is
//! recovery: lists are read and compared before the venue counts as reachable, and only then may anything be entered
//! (rule R-D). Nothing here knows HTTP or JSON (`live_net`) and nothing trades (`engine`). Tests: `tests/live.rs`.

use super::besides::{self, Besides};
use super::driver::Driver;
use super::health::Answers;
use super::inputs::InputsWatch;
use super::journal::Journal;
pub use super::outbox::Outbox;
use super::universe_watch::UniverseWatch;
use crate::checks::modes::ModesWatch;
use crate::checks::reconcile::{self, Difference};
use crate::control::mend::{self, Mending};
use crate::control::request::{Code, ControlError};
use crate::domain::{Amount, Asset, ClientOrderId, Span, VenueId, WallTime};
use crate::engine::State;
use crate::net::wire::{Arrived, Asker, Line, Outcome as Came, Wire};
use crate::planted::{self, Bug};
use crate::port::Event;
use crate::port::event::{Adjustment, Operator, Wallet};
use crate::port::order::{Intent, OrderReport, Outcome};
use crate::store::JournalError;
use crate::venues::binance::Lists;
use crate::venues::binance::account::{Account, Input, Note, Output, Stream};
use crate::venues::binance::feed::{Channel, Feed, FeedInput, FeedOutput};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Lists that differ must differ twice, this far apart at least: venues are consistent a little later.
const SETTLE: Span = Span::seconds(3);
/// The venue's clock is measured this often.
pub(super) const MEASURE: Span = Span(2 * 60_000);

/// One venue of a live run.
pub struct Desk {
    /// Its number.
    pub venue: VenueId,
    /// Public data.
    pub feed: Feed,
    /// Our account there.
    pub account: Account,
    /// The network.
    pub wire: Arc<Wire>,
    /// Its modes.
    pub modes: ModesWatch,
    /// What the last comparison found, and when.
    pub compared: Option<(WallTime, Vec<Difference>)>,
    /// The lists that it compared.
    pub lists: Option<Lists>,
    /// The latest lists of a quiet moment, whether they could be compared or not.
    pub(super) seen: Option<Lists>,
    /// Lists came and agreed at this time.
    pub(super) agreed: Option<WallTime>,
    /// Differences seen once, to be seen again before they count.
    suspected: Option<(WallTime, Vec<Difference>)>,
    /// Movements of the spot wallet that its stream told and the ledger has not: in minus out.
    moving: BTreeMap<Asset, Amount>,
    /// Differences that the log has.
    told: Vec<Difference>,
    pub(super) answers: Answers,
    pub(super) besides: Besides,
    /// The venue refuses us: no entries until a person looks.
    barred: bool,
    /// When its clock was measured last.
    measured: Option<WallTime>,
    /// Until when a person knows that it limits us, and whether as a ban.
    pub(super) limited: Option<(WallTime, bool)>,
}

impl Desk {
    /// A venue that has not been reached yet.
    #[must_use]
    pub fn new(venue: VenueId, feed: Feed, account: Account, wire: Arc<Wire>, watches: (ModesWatch, Besides)) -> Self {
        let (modes, besides) = watches;
        Self {
            venue,
            feed,
            account,
            wire,
            modes,
            compared: None,
            lists: None,
            seen: None,
            agreed: None,
            suspected: None,
            moving: BTreeMap::new(),
            told: Vec::new(),
            answers: Answers::default(),
            besides,
            barred: false,
            measured: None,
            limited: None,
        }
    }
}

impl Desk {
    /// Since when differences stand that were seen once and not yet again.
    pub(super) fn suspects(&self) -> Option<WallTime> {
        self.suspected.as_ref().map(|(since, _)| *since)
    }

    /// What has to be booked so that the ledger is what the venue's lists showed twice.
    ///
    /// # Errors
    /// [`ControlError`] names a position that cannot be booked.
    pub fn mending(&self, state: &State) -> Result<Mending, ControlError> {
        let Some(lists) = self.lists.as_ref().filter(|_| !self.told.is_empty()) else { return Ok(Mending::default()) };
        // A trade since those lists would look like a movement: the ledger must still differ from them as it was seen to.
        if reconcile::compare(state, self.venue, lists).differences != self.told {
            return Ok(Mending::default());
        }
        mend::mending(state, self.venue, lists).map_err(|what| ControlError::new(Code::Refused, what))
    }
}

/// A live run.
pub struct Live<J> {
    /// Core, journal and what is on its way out.
    pub driver: Driver<J, Outbox>,
    /// Venues.
    pub desks: Vec<Desk>,
    shown: WallTime,
    said: Vec<Output>,
    told: Vec<FeedOutput>,
    facts: Vec<Event>,
    pub(super) universe: Option<UniverseWatch>,
}

impl<J: Journal> Live<J> {
    /// Joins them. What an earlier run left in doubt is told to the accounts and to the core.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn new(driver: Driver<J, Outbox>, desks: Vec<Desk>, now: WallTime) -> Result<Self, JournalError> {
        let shown = now.floor(Span::HOUR);
        let universe = UniverseWatch::of(&driver.state, now);
        let mut live = Self { driver, desks, shown, said: Vec::new(), told: Vec::new(), facts: Vec::new(), universe };
        live.doubt(now)?;
        live.observe(now);
        Ok(live)
    }

    /// The same run with its journal in another, such as one that counts.
    pub fn with_journal<K: Journal>(self, wrap: impl FnOnce(J) -> K) -> Live<K> {
        let Self { driver, desks, shown, said, told, facts, universe } = self;
        Live { driver: driver.with_journal(wrap), desks, shown, said, told, facts, universe }
    }

    /// Every order that the ledger does not know as ended may have been sent: it is unknown until the venue tells.
    fn doubt(&mut self, now: WallTime) -> Result<(), JournalError> {
        for desk in 0..self.desks.len() {
            let Some(desk) = self.desks.get_mut(desk) else { continue };
            let state = &self.driver.state;
            for order in state.orders.live() {
                desk.account.unsettled(order.intent.id, order.intent.instrument, order.intent.decided_at);
            }
            let moving = state.venue(desk.venue).and_then(|venue| venue.moving.zip(venue.moving_since));
            if let Some((moving, sent)) = moving {
                desk.account.doubt(moving, if planted::is(Bug::DoubtFromNow) { now } else { sent });
            }
            let venue = desk.venue;
            self.driver.market(now, Event::Declares { venue, inputs: InputsWatch::declared() })?;
            self.driver.fact(now, Event::VenueHealth { venue, reachable: false, missing: Vec::new() }, None)?;
        }
        let live: Vec<ClientOrderId> = self.driver.state.orders.live().iter().map(|order| order.intent.id).collect();
        for id in live {
            let report = OrderReport { id, outcome: Outcome::Unknown };
            self.driver.fact(now, Event::Order(report), None)?;
        }
        Ok(())
    }

    /// Takes in what arrived.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    pub fn arrived(&mut self, arrived: Arrived, now: WallTime) -> Result<(), JournalError> {
        if let Arrived::Request { venue, outcome, signed, .. } = &arrived
            && let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == *venue)
        {
            desk.answers.answered(outcome, *signed, now);
            if let Some(event) = desk.limited(outcome, now) {
                self.driver.market(now, event)?;
            }
        }
        match arrived {
            Arrived::Request { venue, asker: Asker::Feed, call, outcome, .. } => match outcome {
                Came::Answered { result, body } => {
                    self.feed(venue, FeedInput::Answered { call, result, body: &body }, now)
                }
                Came::NotSent { .. } | Came::NoAnswer => self.feed(venue, FeedInput::Failed { call }, now),
            },
            Arrived::Request { venue, asker: Asker::Account, call, outcome, voidable, signed } => {
                if let Some(at) = signed {
                    self.account(venue, Input::Signed { call, at }, now)?;
                }
                if let Some(nonce) = voidable {
                    self.account(venue, Input::Voidable { call, nonce }, now)?;
                }
                let input = match outcome {
                    Came::Answered { result, .. } => Input::Answered { call, result },
                    Came::NotSent { limited, .. } => Input::NotSent { call, limited },
                    Came::NoAnswer => Input::NoAnswer { call },
                };
                self.account(venue, input, now)
            }
            Arrived::Request { asker: Asker::Clock, .. } => Ok(()),
            Arrived::Request { asker: Asker::Universe, call, outcome, .. } => self.on_universe(call, outcome, now),
            Arrived::Request { venue, asker: Asker::Inputs, call, outcome, .. } => {
                self.on_inputs(venue, (call, outcome), now)
            }
            Arrived::Request { venue, asker: Asker::Margin, call, outcome, .. } => {
                self.on_margin(venue, (call, outcome), now)
            }
            Arrived::Request { venue, asker: Asker::Modes, outcome, .. } => match outcome {
                Came::Answered { result: Ok(answer), .. } => self.modes(venue, &answer, now),
                // Nothing was learnt: the next look is in a minute.
                Came::Answered { .. } | Came::NotSent { .. } | Came::NoAnswer => Ok(()),
            },
            Arrived::Frame { venue, line: Line::Public { market, place }, arrival } => {
                self.feed(venue, FeedInput::Frame(Channel { market, place }, &arrival.bytes), now)
            }
            Arrived::Frame { venue, line: Line::Account(market), arrival } => {
                let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return Ok(()) };
                match desk.wire.pushed(market, &arrival.bytes) {
                    Ok(messages) => messages
                        .into_iter()
                        .try_for_each(|one| self.account(venue, Input::Pushed(Stream::of(market), one), now)),
                    Err(error) => {
                        // A message about money that cannot be read is a gap: the lists tell what it said.
                        tracing::warn!(%error, "an account message was refused");
                        self.account(venue, Input::Reconcile, now)
                    }
                }
            }
            Arrived::Opened { venue, line } => match line {
                Line::Public { market, place } => self.feed(venue, FeedInput::Opened(Channel { market, place }), now),
                Line::Account(market) => self.account(venue, Input::Opened(Stream::of(market)), now),
            },
            Arrived::Closed { venue, line, why } => {
                tracing::warn!(venue = self.name_of(venue), ?line, why, "a stream broke");
                match line {
                    Line::Public { market, place } => {
                        self.feed(venue, FeedInput::Closed(Channel { market, place }), now)
                    }
                    Line::Account(market) => self.account(venue, Input::Closed(Stream::of(market)), now),
                }
            }
        }
    }

    fn feed(&mut self, venue: VenueId, input: FeedInput<'_>, now: WallTime) -> Result<(), JournalError> {
        let Some(desk) = self.desks.iter_mut().find(|desk| desk.venue == venue) else { return Ok(()) };
        desk.feed.handle(input, now, &mut self.told);
        for told in self.told.drain(..) {
            match told {
                FeedOutput::Call(call, ask) => desk.wire.ask(Asker::Feed, call, ask),
                FeedOutput::Fact(event) => self.facts.push(event),
                FeedOutput::Reconnect(market) => desk.wire.reconnect_public(market),
                FeedOutput::Renew(Channel { market, place }) => desk.wire.renew(Line::Public { market, place }),
                FeedOutput::Note(note) => tracing::debug!(?note, "market data"),
                FeedOutput::Refused(why) => tracing::debug!(why, "a frame was refused"),
            }
        }
        // Drained in place: a quote allocates nothing.
        for event in self.facts.drain(..) {
            let durable = matches!(event, Event::FeeCoinPriced { asset, .. } if besides::waits(&self.driver, asset));
            if durable { self.driver.fact(now, event, None) } else { self.driver.market(now, event) }?;
        }
        Ok(())
    }

    pub(super) fn account(&mut self, venue: VenueId, input: Input, now: WallTime) -> Result<(), JournalError> {
        let Some(place) = self.desks.iter().position(|desk| desk.venue == venue) else { return Ok(()) };
        let mut said = std::mem::take(&mut self.said);
        if let Some(desk) = self.desks.get_mut(place) {
            desk.account.handle(input, now, &mut said);
        }
        for one in said.drain(..) {
            self.act(place, one, now)?;
        }
        self.said = said;
        Ok(())
    }

    fn act(&mut self, place: usize, output: Output, now: WallTime) -> Result<(), JournalError> {
        let Some(desk) = self.desks.get_mut(place) else { return Ok(()) };
        match output {
            Output::Call(call, what) => desk.wire.call(Asker::Account, call, &what),
            Output::Moved(asset, amount) => {
                let told = desk.moving.entry(asset).or_default();
                *told += amount;
            }
            // What is measured again each half minute is not kept for ever: it is no fact of the ledger.
            Output::Fact(event @ (Event::PositionListed { .. } | Event::AdlRank { .. })) => {
                return self.driver.market(now, event);
            }
            Output::Fact(event) => return self.account_fact(event, now),
            Output::Lists(lists) => return self.compare(place, &lists, now),
            Output::Reopen(stream) => desk.wire.reconnect_account(stream.market()),
            Output::Renew(stream) => desk.wire.renew(Line::Account(stream.market())),
            Output::Stalled { since } => {
                let venue = desk.venue;
                return self.driver.fact(now, Event::NotCompared { venue, since }, None);
            }
            Output::Barred(refused) => {
                tracing::error!(venue = desk.wire.profile().name, %refused, "the venue refuses us");
                if !desk.barred {
                    desk.barred = true;
                    let venue = desk.venue;
                    return self.driver.fact(now, Event::Barred { venue }, None);
                }
            }
            Output::Note(Note::Clock) => desk.wire.measure_clock(),
            Output::Note(Note::ConfigChanged(_)) => desk.modes.look_now(now),
            Output::Note(note) => tracing::info!(?note, "account"),
        }
        Ok(())
    }

    /// Lists of a quiet moment against the ledger.
    fn compare(&mut self, place: usize, lists: &Lists, now: WallTime) -> Result<(), JournalError> {
        let Some(desk) = self.desks.get_mut(place) else { return Ok(()) };
        let venue = desk.venue;
        if lists.quiet {
            desk.seen = Some(lists.clone());
        }
        if !lists.quiet || !reconcile::comparable(&self.driver.state, venue) {
            // They came, so the venue answers; they cannot be compared.
            desk.agreed = desk.agreed.map(|agreed| agreed.max(now));
            return Ok(());
        }
        for (asset, amount) in reconcile::explained(&self.driver.state, (venue, lists), &mut desk.moving) {
            let (wallet, cause) = (Wallet::Spot, Adjustment::External);
            self.driver.fact(now, Event::Adjusted { venue, wallet, asset, amount, cause }, None)?;
            if amount < Amount::ZERO {
                // Money that comes in is welcome; what goes out has a stranger's hand in it.
                self.driver.fact(now, Event::Foreign { venue, instrument: None }, None)?;
            }
        }
        let Some(desk) = self.desks.get_mut(place) else { return Ok(()) };
        let found = reconcile::compare(&self.driver.state, venue, lists);
        desk.compared = Some((now, found.differences.clone()));
        desk.lists = Some(lists.clone());
        for (wallet, asset, amount) in found.rounding {
            let cause = Adjustment::Rounding;
            self.driver.fact(now, Event::Adjusted { venue, wallet, asset, amount, cause }, None)?;
        }
        let Some(desk) = self.desks.get_mut(place) else { return Ok(()) };
        if found.differences.is_empty() {
            desk.suspected = None;
            desk.told.clear();
            desk.agreed = Some(now);
            return self.driver.fact(now, Event::Reconciled { venue, differences: 0, missing: Vec::new() }, None);
        }
        let confirmed = match &desk.suspected {
            Some((since, before)) => *before == found.differences && now.since(*since) >= SETTLE,
            None => false,
        };
        if confirmed {
            if desk.told != found.differences {
                for one in &found.differences {
                    tracing::error!(account = one.account, ledger = one.ledger, venue = one.venue, "difference");
                }
                desk.told.clone_from(&found.differences);
            }
            desk.agreed = Some(now);
            let differences = u32::try_from(found.differences.len()).unwrap_or(u32::MAX);
            return self.driver.fact(now, Event::Reconciled { venue, differences, missing: found.missing }, None);
        }
        if desk.suspected.as_ref().is_none_or(|(_, before)| *before != found.differences) {
            desk.suspected = Some((now, found.differences));
        }
        self.account(venue, Input::Reconcile, now)
    }

    /// Everything that is due by `now`, and then the core decides.
    ///
    /// # Errors
    /// [`JournalError`] when a fact or intent is not on disk.
    pub fn turn(&mut self, now: WallTime, tick: bool) -> Result<(), JournalError> {
        if tick {
            self.look_at_universe(now)?;
            for place in 0..self.desks.len() {
                let Some(venue) = self.desks.get(place).map(|desk| desk.venue) else { continue };
                self.feed(venue, FeedInput::Timer, now)?;
                self.account(venue, Input::Timer, now)?;
                if let Some(desk) = self.desks.get_mut(place)
                    && desk.measured.is_none_or(|at| now.since(at) >= MEASURE && !planted::is(Bug::ClockOnce))
                {
                    desk.measured = Some(now);
                    desk.wire.measure_clock();
                }
                if let Some(desk) = self.desks.get_mut(place) {
                    for ask in desk.modes.due(now) {
                        desk.wire.ask(Asker::Modes, 0, ask);
                    }
                }
                self.ask_inputs(place, now);
                self.health(place, now)?;
            }
        }
        self.driver.turn(now)?;
        self.driver.wake(now)?;
        self.send(now)?;
        if now.floor(Span::HOUR) > self.shown {
            self.shown = now.floor(Span::HOUR);
            self.observe(now);
        }
        Ok(())
    }

    /// Values the books and takes a row of equity.
    pub fn observe(&mut self, now: WallTime) {
        self.driver.observe(now);
    }

    /// What the core wants leaves.
    fn send(&mut self, now: WallTime) -> Result<(), JournalError> {
        for venue in std::mem::take(&mut self.driver.venue.2) {
            self.account(venue, Input::Reconcile, now)?;
        }
        for margin in std::mem::take(&mut self.driver.venue.1) {
            self.send_margin(margin);
        }
        for instrument in std::mem::take(&mut self.driver.venue.3) {
            self.reread(instrument, now);
        }
        while !self.driver.venue.0.is_empty() {
            for input in std::mem::take(&mut self.driver.venue.0) {
                let venue = match &input {
                    Input::Place(Intent { instrument, .. })
                    | Input::Cancel { instrument, .. }
                    | Input::Query { instrument, .. } => {
                        self.driver.state.catalogue.instrument(*instrument).map(|one| one.venue_id)
                    }
                    Input::Transfer(transfer) => Some(transfer.venue),
                    _ => None,
                };
                if let Some(venue) = venue {
                    self.account(venue, input, now)?;
                }
            }
        }
        Ok(())
    }

    /// An act of a person, or what one found out about an order.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    pub fn operate(&mut self, event: Event, now: WallTime) -> Result<(), JournalError> {
        if matches!(event, Event::Operator(Operator::ClearHalt { .. })) {
            for desk in &mut self.desks {
                desk.barred = false;
            }
        }
        self.driver.fact(now, event, None)?;
        self.send(now)
    }

    /// Whether every venue counts as reachable.
    #[must_use]
    pub fn is_reachable(&self) -> bool {
        self.desks.iter().all(Desk::is_whole)
    }

    /// Whether nothing of ours is in work: no order, no transfer, legs equal.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        let state = &self.driver.state;
        state.orders.live().is_empty()
            && state.venues.iter().all(|venue| venue.moving.is_none())
            && state.pairs.iter().all(|pair| pair.at_rest)
    }

    /// When the core wants to be woken.
    #[must_use]
    pub fn next_wake(&self) -> Option<WallTime> {
        self.driver.next_wake()
    }
}
