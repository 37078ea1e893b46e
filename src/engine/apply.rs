//! Facts: what happened, put where it belongs. Nothing here decides to trade; recovery runs this alone.

use super::booked::{on_report, on_venue_fill};
use super::by_hand;
use super::collateral;
use super::health;
use super::latch;
use super::market_facts;
use super::record::{FundingRecord, Record};
use super::shared;
use super::standing;
use super::state::{PairState, State};
use crate::domain::{Amount, Asset, ClientOrderId, InstrumentId, Leg, PairId, Price, Quantity, VenueId, WallTime};
use crate::ledger::book::Cause;
use crate::pairs::Fruitless;
use crate::planted::{self, Bug};
use crate::port::command::{Alarm, AlarmKind, Severity};
use crate::port::event::{Adjustment, Bar, Operator, Quote, Settlement, Wallet};
use crate::port::order::Reason;
use crate::port::{Command, Event};
use crate::risk::gate::BotState;

/// Funding stamps remembered per perp.
const STAMPS_REMEMBERED: usize = 64;

/// Applies one event. What comes with every instant stands here; everything else is off this path.
#[inline]
pub fn apply(state: &mut State, event: &Event, out: &mut Vec<Command>) {
    match event {
        Event::Bar { instrument, bar } => on_bar(state, *instrument, bar),
        Event::Quote { instrument, quote } => on_quote(state, *instrument, quote),
        Event::Settled { instrument, settlement } => on_settled(state, *instrument, *settlement),
        Event::Turn => {}
        Event::Timer => {
            for pair in &mut state.pairs {
                pair.dirty |= !pair.at_rest;
            }
        }
        _ => apply_rare(state, event, out),
    }
}

#[inline(never)]
fn apply_rare(state: &mut State, event: &Event, out: &mut Vec<Command>) {
    match event {
        Event::Bar { .. } | Event::Quote { .. } | Event::Settled { .. } | Event::Turn | Event::Timer => {}
        Event::Print { instrument, price } => on_print(state, *instrument, *price),
        Event::Order(report) => {
            on_report(state, report, out);
            standing::keep(state);
        }
        Event::FundingPaid { .. } => on_funding(state, event),
        Event::VenueFill { instrument, act, side, fill } => {
            on_venue_fill(state, *instrument, (*act, *side, *fill), out);
        }
        Event::IntentDurable { id } => state.orders.durable(*id),
        Event::Expires { id, at } => state.orders.expires(*id, *at),
        Event::Mark { .. }
        | Event::FundingEstimate { .. }
        | Event::OpenInterest { .. }
        | Event::AdlRank { .. }
        | Event::Peg { .. }
        | Event::FeeCoinPriced { .. }
        | Event::CollateralRate { .. }
        | Event::IntervalChanged { .. }
        | Event::CoverageStarts { .. }
        | Event::Universe(_)
        | Event::TradingEnds { .. }
        | Event::LastChance { .. } => market_facts::apply(state, event, out),
        Event::Boot { .. }
        | Event::Opening { .. }
        | Event::RulesChanged { .. }
        | Event::FeesChanged { .. }
        | Event::BracketsChanged { .. }
        | Event::VenueHealth { .. }
        | Event::PositionListed { .. }
        | Event::Trading { .. }
        | Event::Declares { .. }
        | Event::MarginAdded { .. }
        | Event::Adjusted { .. }
        | Event::Foreign { .. }
        | Event::OtherInstance { .. }
        | Event::Limited { .. }
        | Event::Barred { .. }
        | Event::NotCompared { .. }
        | Event::Reconciled { .. }
        | Event::TransferSent(_)
        | Event::TransferDone(_)
        | Event::TransferFailed(_)
        | Event::Operator(_) => {
            on_account_fact(state, event, out);
            standing::keep(state);
        }
        Event::Past { at, fact } => on_past(state, *at, fact),
        Event::Disk { short } => {
            on_disk(state, *short, out);
            standing::keep(state);
        }
    }
}

pub(super) fn pair_mut(state: &mut State, id: PairId) -> Option<&mut PairState> {
    state.pairs.get_mut(id.index())
}

fn on_bar(state: &mut State, instrument: InstrumentId, bar: &Bar) {
    let now = state.now;
    for (id, leg) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        pair.market.leg_mut(*leg).on_bar(bar.close, bar.high, bar.volume, (bar.opened, now));
        if pair.market.leg(leg.other()).bar_opened == Some(bar.opened) {
            let premium = pair.market.on_common_bar(now);
            on_hour(pair, now, premium);
            pair.dirty = true;
        }
    }
}

fn on_quote(state: &mut State, instrument: InstrumentId, quote: &Quote) {
    if quote.bid >= quote.ask {
        // A crossed or locked book is unusable (fault B05): the old quote ages until a good one comes.
        return;
    }
    let now = state.now;
    // Its age is that of the venue's own time; a time far off is refused where it comes in.
    let told = now.min(quote.venue_time);
    for (id, leg) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        pair.market.leg_mut(*leg).on_quote((quote.bid, quote.bid_depth), (quote.ask, quote.ask_depth), told);
        let premium = pair.market.on_mid(*leg, now);
        on_hour(pair, now, premium);
        pair.dirty = true;
    }
}

fn on_print(state: &mut State, instrument: InstrumentId, price: Price) {
    let now = state.now;
    for (id, leg) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        pair.market.leg_mut(*leg).on_print(price, now);
        let premium = pair.market.on_mid(*leg, now);
        on_hour(pair, now, premium);
        pair.dirty = true;
    }
}

fn on_settled(state: &mut State, instrument: InstrumentId, settlement: Settlement) {
    for (id, leg) in state.catalogue.legs_of(instrument) {
        let Some(pair) = state.pairs.get_mut(id.index()) else { continue };
        // The forecast is of what the short leg receives.
        if *leg == Leg::Short
            && let Some(judged) = pair.next.on_paid(settlement.stamp, settlement.funding).filter(|judged| judged.sound)
        {
            state.score.add(judged.came, judged.last, judged.expected);
        }
        pair.market.on_settled(*leg, settlement.stamp, settlement.funding);
        pair.refresh_costs(&state.settings, &state.catalogue);
        pair.dirty = true;
    }
}

/// An hour has ended at which the basis was seen: the forecast is made anew.
fn on_hour(pair: &mut PairState, at: WallTime, premium: Option<f64>) {
    if premium.is_some() {
        let stated = pair.market.short.estimate.map(|(estimate, _)| estimate);
        pair.next.on_hour(at, premium, stated);
    }
}

/// The venue changed what it states about an instrument.
fn on_terms(state: &mut State, event: &Event) {
    let (Event::RulesChanged { instrument, .. }
    | Event::FeesChanged { instrument, .. }
    | Event::BracketsChanged { instrument, .. }) = event
    else {
        return;
    };
    let Some(known) = state.catalogue.instrument_mut(*instrument) else { return };
    match event {
        Event::RulesChanged { rules, .. } => known.rules = *rules,
        Event::FeesChanged { fees, .. } => known.fees = *fees,
        Event::BracketsChanged { brackets, .. } => known.brackets.clone_from(brackets),
        _ => {}
    }
}

fn on_account_fact(state: &mut State, event: &Event, out: &mut Vec<Command>) {
    let cause = Cause { sequence: state.sequence, at: state.now };
    match event {
        Event::Boot { epoch, salt } => {
            on_boot(state, *epoch, *salt);
            standing::remind(state, out);
        }
        Event::Opening { venue, wallet, asset, amount } => state.ledger.open(cause, (*venue, *wallet), *asset, *amount),
        Event::RulesChanged { .. } | Event::FeesChanged { .. } | Event::BracketsChanged { .. } => {
            on_terms(state, event);
        }
        Event::Adjusted { venue, wallet: Wallet::Perp, asset, amount, cause: Adjustment::AutoExchange } => {
            collateral::exchanged(state, (*venue, *asset, *amount), out);
            mark_venue_dirty(state, *venue);
        }
        Event::Adjusted { venue, wallet, asset, amount, cause: why } => {
            state.ledger.adjust(cause, (*venue, *wallet), (*amount, *asset), *why);
            mark_venue_dirty(state, *venue);
        }
        Event::Foreign { venue, instrument } => on_foreign(state, *venue, *instrument, out),
        Event::OtherInstance { .. } | Event::Limited { .. } => health::on_warned(state, event, out),
        Event::Barred { venue } => on_barred(state, *venue, out),
        Event::NotCompared { venue, .. } => {
            out.push(venue_alarm(AlarmKind::NotCompared, Severity::Warning, *venue));
        }
        Event::Reconciled { venue, differences, missing } => {
            let missing = latch::missing(state, *venue, missing);
            on_reconciled(state, *venue, (*differences > 0, missing), out);
        }
        Event::VenueHealth { venue, reachable, missing } => {
            health::on_health(state, *venue, (*reachable, missing), out);
        }
        Event::PositionListed { instrument, listed } => health::on_listed(state, *instrument, *listed, out),
        Event::Trading { instrument, open } => health::on_trading(state, *instrument, *open),
        Event::Declares { venue, inputs } => health::on_declares(state, *venue, inputs),
        Event::MarginAdded { instrument, taken, .. } => health::on_margin_added(state, *instrument, *taken, out),
        Event::TransferSent(transfer) => {
            if let Some(venue) = state.venues.get_mut(transfer.venue.index()) {
                venue.moving = Some(*transfer);
                venue.moving_since = Some(cause.at);
            }
            state.ledger.transfer_sent(cause, transfer);
        }
        Event::TransferDone(transfer) | Event::TransferFailed(transfer) => {
            let arrived = matches!(event, Event::TransferDone(_));
            let pause = super::funds::transfer_pause(state, transfer.venue);
            let Some(venue) = state.venues.get_mut(transfer.venue.index()) else { return };
            if venue.moving.as_ref().is_none_or(|moving| moving.id != transfer.id) {
                return;
            }
            (venue.moving, venue.moving_since) = (None, None);
            if !arrived {
                venue.retry_at = Some(cause.at + pause);
                let (kind, severity, venue) = (AlarmKind::TransferFailed, Severity::Warning, Some(transfer.venue));
                out.push(Command::Alarm(Alarm { kind, severity, pair: None, venue, order: Some(transfer.id) }));
            }
            state.ledger.transfer_ended(cause, transfer, arrived);
            mark_venue_dirty(state, transfer.venue);
        }
        Event::Operator(act) => on_operator(state, act),
        _ => {}
    }
}

/// The books were compared: whether they differ, and coins of pairs that the wallets do not cover.
fn on_reconciled(
    state: &mut State,
    id: VenueId,
    (differs, missing): (bool, Vec<(Asset, Amount)>),
    out: &mut Vec<Command>,
) {
    let now = state.now;
    let Some(known) = state.venues.get_mut(id.index()) else { return };
    known.reconciled = Some(now);
    let news = known.missing_coins != missing;
    if differs && (!known.differs || news) {
        out.push(venue_alarm(AlarmKind::Difference, Severity::Page, id));
    }
    known.differs = differs;
    if news {
        known.missing_coins = missing;
        mark_venue_dirty(state, id);
    }
    latch::compared(state, id, differs, out);
}

/// Somebody else acted on the account: a person is told once, and of the pair that it was when that is known.
fn on_foreign(state: &mut State, id: crate::domain::VenueId, instrument: Option<InstrumentId>, out: &mut Vec<Command>) {
    let pair = instrument.and_then(|one| state.catalogue.pair_of(one));
    if let Some(venue) = state.venues.get_mut(id.index())
        && !std::mem::replace(&mut venue.foreign, true)
    {
        out.push(match pair {
            Some(_) => alarm(AlarmKind::Foreign, Severity::Page, pair, None),
            None => venue_alarm(AlarmKind::Foreign, Severity::Page, id),
        });
    }
}

/// What was before this start fills the windows at its own time; nothing follows from it now.
fn on_past(state: &mut State, at: WallTime, fact: &Event) {
    if matches!(fact, Event::Past { .. }) {
        return;
    }
    let now = std::mem::replace(&mut state.now, at);
    apply(state, fact, &mut Vec::new());
    state.now = now;
    for pair in &mut state.pairs {
        pair.dirty = false;
    }
}

fn on_disk(state: &mut State, short: bool, out: &mut Vec<Command>) {
    if short && !state.disk_short {
        out.push(alarm(AlarmKind::DiskShort, Severity::Page, None, None));
    }
    state.disk_short = short;
    for pair in &mut state.pairs {
        pair.dirty = true;
    }
}

fn on_boot(state: &mut State, epoch: u32, salt: u32) {
    state.orders.boot(epoch, salt);
    state.booted = Some(state.now);
    state.stopping = false;
    for pair in &mut state.pairs {
        // While nobody could try, nothing failed: the usual way of making legs equal is tried before the other one.
        pair.memory.failed_since = None;
    }
    if state.bot == BotState::Starting {
        state.bot = BotState::Ready;
    }
}

fn on_barred(state: &mut State, id: crate::domain::VenueId, out: &mut Vec<Command>) {
    if let Some(venue) = state.venues.get_mut(id.index())
        && !std::mem::replace(&mut venue.barred, true)
    {
        out.push(venue_alarm(AlarmKind::VenueRefuses, Severity::Page, id));
    }
}

pub(super) fn mark_venue_dirty(state: &mut State, venue: crate::domain::VenueId) {
    for pair in state.pairs.iter_mut().filter(|pair| pair.pair.stands_at(venue)) {
        pair.dirty = true;
    }
}

fn on_operator(state: &mut State, act: &Operator) {
    match act {
        Operator::Pause => state.paused = true,
        Operator::Resume => state.paused = false,
        Operator::Halt => state.bot = BotState::Halted,
        Operator::ClearHalt { .. } => {
            if state.bot == BotState::ReduceOnly {
                // A person takes the day's loss as it is: the limit counts from here, else it would stop the next entry again.
                state.day = None;
            }
            state.bot = BotState::Ready;
            for venue in &mut state.venues {
                venue.foreign = false;
                venue.barred = false;
            }
            for pair in &mut state.pairs {
                pair.memory.latched = None;
                pair.memory.fruitless = Fruitless::default();
                latch::released(pair);
            }
        }
        Operator::Flatten { pair } => flatten(state, *pair),
        Operator::Open { pair, notional } => by_hand::order(state, *pair, *notional),
        Operator::Adopt(adoption) => by_hand::adopt(state, adoption),
        Operator::Book(correction) => by_hand::book(state, correction),
        Operator::Stop => state.stopping = true,
        Operator::Reload(reload) => super::reload::take(state, reload),
    }
    state.ladder.ask(state.now);
    for pair in &mut state.pairs {
        pair.dirty = true;
    }
}

/// Both legs of a pair are to be closed, or of all: then nothing is entered again before a person says so. While the bot is
/// halted nothing may be sent, and a wish that would act at some later moment is not kept: it is declined.
fn flatten(state: &mut State, wanted: Option<PairId>) {
    let refused = match state.bot {
        BotState::Halted => Some("the bot is halted and sends nothing; carry clear-halt first"),
        BotState::Starting => Some("the session has not started yet; ask again when it is ready"),
        BotState::Ready | BotState::ReduceOnly => None,
    };
    state.paused |= wanted.is_none() && refused.is_none();
    for pair in state.pairs.iter_mut().filter(|one| wanted.is_none_or(|wanted| wanted == one.pair.id)) {
        pair.declined = refused;
        if refused.is_some() {
            continue;
        }
        pair.memory.ordered = None;
        pair.memory.target = Quantity::ZERO;
        pair.memory.closing = true;
        pair.memory.reason = Some(Reason::Operator);
        (pair.memory.retry_at, pair.memory.clip_after) = (None, None);
        pair.at_rest = false;
        latch::released(pair);
    }
}

fn on_funding(state: &mut State, event: &Event) {
    let Event::FundingPaid { instrument, stamp, position, mark, mark_source, rate, amount } = *event else { return };
    let booked = state.funding_booked.entry(instrument).or_default();
    if booked.contains(&stamp) && !planted::is(Bug::FundingTwice) {
        return;
    }
    booked.push(stamp);
    if booked.len() > STAMPS_REMEMBERED {
        booked.remove(0);
    }
    let cause = Cause { sequence: state.sequence, at: state.now };
    for (id, leg, position, amount) in shared::payments(state, instrument, (position, amount)) {
        let Some(pair) = state.pairs.get(id.index()) else { continue };
        state.ledger.funding(cause, (&pair.pair, leg), amount);
        let row = FundingRecord { stamp, pair: id, leg, position, mark, mark_source, rate, amount };
        state.records.push(Record::Funding(row));
    }
}

/// Books that a pair is flat again.
pub(super) fn closed(state: &mut State, id: PairId) {
    let lines = state.ledger.pair(id).map(|book| book.attribution.lines).unwrap_or_default();
    let now = state.now;
    let Some(pair) = state.pairs.get_mut(id.index()) else { return };
    if pair.memory.entered_at.take().is_none() {
        return;
    }
    pair.memory.closed_at = Some(now);
    pair.witness.low_told = false;
    state.active = state.active.saturating_sub(1);
    if let Some(mids) = pair.market.marks {
        state.records.push(Record::Closed { pair: id, at: now, reason: pair.memory.reason, mids, lines });
    }
    let pair = pair.pair.clone();
    super::margin::closed(state, &pair);
}

/// An alarm command.
pub(super) const fn alarm(
    kind: AlarmKind,
    severity: Severity,
    pair: Option<PairId>,
    order: Option<ClientOrderId>,
) -> Command {
    Command::Alarm(Alarm { kind, severity, pair, venue: None, order })
}

/// An alarm about a venue and no single pair: the same of another venue is another alarm.
pub(super) const fn venue_alarm(kind: AlarmKind, severity: Severity, venue: VenueId) -> Command {
    Command::Alarm(Alarm { kind, severity, pair: None, venue: Some(venue), order: None })
}

/// The day's loss, for the limit: equity at the day's first look against equity now.
pub(super) fn day_loss(state: &mut State) -> Amount {
    state.mark_all();
    // Coins that began to count as a fee was taken in them are no gain that hides a loss.
    let equity = state.equity() - state.ledger.tokens_opening();
    let day = state.now.0.div_euclid(86_400_000);
    match state.day {
        Some((known, start)) if known == day => start - equity,
        _ => {
            state.day = Some((day, equity));
            Amount::ZERO
        }
    }
}

/// Whether a time has come; one that is not set blocks nothing.
pub(super) fn has_come(now: WallTime, at: Option<WallTime>) -> bool {
    at.is_none_or(|at| now >= at)
}
