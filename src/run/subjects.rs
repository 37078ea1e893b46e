//! What paper, shadow and live do when the control socket asks: see `control/subject.rs`.
//!
//! Where the venue is simulated its own books answer at once; a real venue is asked, and what it said last is the answer.
//! Nothing here decides to trade. Tests: `tests/commands/control.rs`, `tests/commands/control_live.rs`.

use super::driver::Driver;
use super::journal::Journal;
use super::live::{Live, Outbox};
use super::paper::Paper;
use super::recover;
use super::shadow::Shadow;
use super::universe_watch::UniverseWatch;
use crate::checks::reconcile;
use crate::control::guide::{self, Step};
use crate::control::latency::Latency;
use crate::control::link::{Link, SpentRow};
use crate::control::mend::Mending;
use crate::control::recent::Recent;
use crate::control::request::{Code, ControlError, Settled};
use crate::control::subject::{Compared, Settling, Subject};
use crate::control::transfer_doubt;
use crate::domain::{ClientOrderId, Leg, PairId, Quantity, Span, VenueId, WallTime};
use crate::engine::State;
use crate::net::budget::Spent;
use crate::net::wire::Wire;
use crate::observe::words::About;
use crate::orders::Order;
use crate::port::Event;
use crate::port::command::{Alarm, AlarmKind};
use crate::port::event::{Adoption, Transfer, Wallet};
use crate::port::order::{OrderReport, Outcome};
use crate::report::run::FillRow;
use crate::sim::SimVenue;
use crate::store::JournalError;
use crate::venues::ask::Host;
use crate::venues::binance::account::Input;
use std::collections::BTreeMap;

/// A comparison older than this says nothing about now.
const COMPARED: Span = Span::seconds(150);

/// The parts that all three have alike.
macro_rules! books {
    () => {
        fn state(&self) -> &State {
            &self.driver.state
        }
        fn state_mut(&mut self) -> &mut State {
            &mut self.driver.state
        }
        fn fills(&self) -> &[FillRow] {
            &self.driver.collector.fills
        }
        fn alarms(&self) -> &BTreeMap<AlarmKind, u64> {
            &self.driver.alarms
        }
        fn raised(&mut self) -> &mut Option<Vec<(Alarm, About)>> {
            &mut self.driver.raised
        }
        fn turns(&mut self) -> &mut Latency {
            &mut self.driver.turns
        }
        fn recent(&mut self) -> &mut Option<Recent> {
            &mut self.driver.recent
        }
    };
}

impl<J: Journal> Subject for Paper<J> {
    books!();
    fn is_simulated(&self) -> bool {
        true
    }
    fn operate(&mut self, event: Event, _now: WallTime) -> Result<(), JournalError> {
        Self::operate(self, event)
    }
    fn compare(&mut self, now: WallTime) -> Result<Compared, JournalError> {
        Ok(compare_simulated(&self.driver, now))
    }
    fn settle(&mut self, id: ClientOrderId, settled: Settled, _now: WallTime) -> Settling {
        match outcome_of(&self.driver.venue, id, settled) {
            Ok(outcome) => {
                Self::operate(self, Event::Order(OrderReport { id, outcome })).map(|()| Ok("as the venue's books say"))
            }
            Err(error) => Ok(Err(error)),
        }
    }
    fn adoptable(&self, _pair: PairId) -> Result<Adoption, ControlError> {
        Err(nothing_before())
    }
}

impl<J: Journal> Subject for Shadow<J> {
    books!();
    fn is_simulated(&self) -> bool {
        true
    }
    fn admitted(&self) -> Vec<String> {
        self.universe.as_ref().map(UniverseWatch::newcomers).unwrap_or_default()
    }
    fn links(&self) -> Vec<(VenueId, Link)> {
        self.stands.iter().map(|stand| (stand.venue, link(&stand.wire, stand.trips))).collect()
    }
    fn operate(&mut self, event: Event, now: WallTime) -> Result<(), JournalError> {
        self.driver.fact(now, event, None)
    }
    fn compare(&mut self, now: WallTime) -> Result<Compared, JournalError> {
        Ok(compare_simulated(&self.driver, now))
    }
    fn settle(&mut self, id: ClientOrderId, settled: Settled, now: WallTime) -> Settling {
        match outcome_of(&self.driver.venue, id, settled) {
            Ok(outcome) => {
                let event = Event::Order(OrderReport { id, outcome });
                self.driver.fact(now, event, None).map(|()| Ok("as the venue's books say"))
            }
            Err(error) => Ok(Err(error)),
        }
    }
    fn adoptable(&self, _pair: PairId) -> Result<Adoption, ControlError> {
        Err(nothing_before())
    }
}

impl<J: Journal> Subject for Live<J> {
    books!();
    fn admitted(&self) -> Vec<String> {
        self.universe.as_ref().map(UniverseWatch::newcomers).unwrap_or_default()
    }
    fn links(&self) -> Vec<(VenueId, Link)> {
        self.desks.iter().map(|desk| (desk.venue, link(&desk.wire, desk.answers.trips))).collect()
    }
    fn operate(&mut self, event: Event, now: WallTime) -> Result<(), JournalError> {
        Self::operate(self, event, now)
    }

    fn compare(&mut self, now: WallTime) -> Result<Compared, JournalError> {
        let mut lines = Vec::new();
        let mut oldest = Some(now);
        for desk in &self.desks {
            oldest = match (&desk.compared, oldest) {
                (Some((at, found)), Some(oldest)) if now.since(*at) <= COMPARED => {
                    let told = |one: &crate::checks::reconcile::Difference| one.to_string();
                    lines.extend(found.iter().map(told));
                    Some(oldest.min(*at))
                }
                _ => None,
            };
        }
        self.ask_lists(now)?;
        Ok(match (lines.is_empty(), oldest) {
            (false, _) => Compared::Differ(lines),
            (true, Some(at)) => Compared::Agree(at),
            (true, None) => Compared::Asked,
        })
    }

    fn settle(&mut self, id: ClientOrderId, settled: Settled, now: WallTime) -> Settling {
        let Some(order) = self.driver.state.orders.live_order(id).cloned() else {
            return Ok(Err(ControlError::new(Code::Usage, "id: no order of that id is unsettled")));
        };
        if settled == Settled::Absent && is_absent(&self.driver, &order, now) {
            let report = OrderReport { id, outcome: Outcome::Absent };
            return Self::operate(self, Event::Order(report), now)
                .map(|()| Ok("the venue says that it has no such order"));
        }
        self.ask_order(id, order.intent.instrument, now)?;
        Ok(match settled {
            Settled::Executed => Ok("the venue was asked again; its fills are booked when it tells them"),
            Settled::Absent => {
                let text = "the venue has not said, after the time in which the order could still arrive, that it has no such order; \
                            it was asked again: see carry orders";
                Err(ControlError::new(Code::Difference, text))
            }
        })
    }

    fn transfer_evidence(&self, transfer: &Transfer, since: WallTime) -> (Vec<String>, Option<Settled>) {
        let desk = self.desks.iter().find(|desk| desk.venue == transfer.venue);
        let lists = desk.and_then(|desk| desk.seen.as_ref());
        transfer_doubt::evidence(&self.driver.state, transfer, since, lists)
    }

    fn settle_transfer(&mut self, of: (Transfer, WallTime), settled: Settled, now: WallTime) -> Settling {
        let (transfer, since) = of;
        let evidence = self.transfer_evidence(&transfer, since);
        if let Err(error) = transfer_doubt::may((now, since), settled, &evidence) {
            self.ask_lists(now)?;
            return Ok(Err(error));
        }
        let arrived = settled == Settled::Executed;
        self.account(transfer.venue, Input::Settled { transfer, arrived }, now)?;
        Ok(Ok(if arrived { "it is booked as arrived" } else { "it is booked as never sent" }))
    }

    fn mending(&self) -> Result<Mending, ControlError> {
        let mut all = Mending::default();
        for desk in &self.desks {
            let one = desk.mending(&self.driver.state)?;
            all.events.extend(one.events);
            all.lines.extend(one.lines);
            all.left.extend(one.left);
        }
        if all.events.is_empty() {
            let text = "ledger and venue do not differ, or were not seen to differ twice yet; see carry reconcile";
            return Err(ControlError::new(Code::Refused, text));
        }
        Ok(all)
    }

    fn guide(&self) -> Vec<Step> {
        let state = &self.driver.state;
        let adoptable = state.pairs.iter().filter(|pair| pair.memory.entered_at.is_none());
        let adoptable: Vec<PairId> =
            adoptable.map(|pair| pair.pair.id).filter(|id| Subject::adoptable(self, *id).is_ok()).collect();
        let compared = self.desks.iter().flat_map(|desk| desk.compared.iter().flat_map(|(_, found)| found));
        let differs = compared.cloned().collect();
        guide::steps(state, &guide::Books { differs, adoptable, mending: Some(Subject::mending(self)) })
    }

    fn adoptable(&self, id: PairId) -> Result<Adoption, ControlError> {
        let refused = |text: &str| ControlError::new(Code::Refused, text);
        let state = &self.driver.state;
        let pair = state.pair(id).ok_or_else(|| refused("there is no such pair"))?;
        let mids = pair
            .market
            .long
            .mid
            .zip(pair.market.short.mid)
            .ok_or_else(|| refused("there is no price of one of the legs"))?;
        let desk = self.desks.iter().find(|desk| desk.venue == pair.pair.venue(Leg::Short));
        let lists = desk
            .and_then(|desk| desk.lists.as_ref())
            .ok_or_else(|| refused("the venue's lists have not come yet; try again"))?;
        let row = lists.positions.iter().find(|(instrument, _)| *instrument == pair.pair.short).map(|(_, row)| row);
        let of_others = state.position(pair.pair.short) - state.held(pair).1;
        let coins = row.map(|row| (row.coins - of_others, row.entry));
        let short = coins.filter(|(coins, _)| coins.units() < 0).map(|(coins, entry)| (coins.magnitude(), entry));
        let Some((short, Some(entry))) = short else {
            return Err(refused("the venue shows no short position of this pair with an entry price"));
        };
        let (venue, coin) = (pair.pair.venue(Leg::Long), pair.pair.coin);
        let free = state.ledger.wallet(venue, Wallet::Spot, coin) - reconcile::coins_of_pairs(state, venue, coin);
        let free = Quantity::saturating(free.to_coins().units());
        let coins = free.min(short);
        let lot = state
            .plan_input(pair)
            .map(|input| input.lot())
            .ok_or_else(|| refused("there is no price of one of the legs"))?;
        if short.minus(coins) >= lot {
            let text = format!(
                "the short is of {short} and the ledger has {free} free spot coins from before; buy the rest, or close a part of the short"
            );
            return Err(ControlError::new(Code::Refused, text));
        }
        Ok(Adoption { pair: id, coins, short, entry, mids })
    }
}

/// The network to a venue as it is now.
fn link(wire: &Wire, answers: Latency) -> Link {
    let host = |host| match host {
        Host::Spot => "spot",
        Host::Perp => "perp",
        Host::Wallet => "wallet",
    };
    let spent = wire.spent().into_iter().flat_map(|(of, spent)| {
        let row = move |spent: Spent| SpentRow {
            host: host(of).to_owned(),
            what: if spent.orders { "orders" } else { "weight" }.to_owned(),
            used: spent.used,
            limit: spent.limit.count,
            window_ms: spent.limit.window.0,
        };
        spent.into_iter().map(row).collect::<Vec<_>>()
    });
    let clock = wire.offset().map(|offset| (offset.offset.0, offset.error.0));
    Link { clock_ms: clock, spent: spent.collect(), answers }
}

/// The venue said at its last question that it has no such order, after the order could no longer arrive (rule R-A).
fn is_absent<J>(driver: &Driver<J, Outbox>, order: &Order, now: WallTime) -> bool {
    let execution = &driver.state.settings.execution;
    let proven_from = order.proven_from(execution.absent_after);
    let recent = order.probed_at.is_some_and(|at| now.since(at) <= Span(execution.probe_every.0 * 3));
    order.not_found >= 1 && now >= proven_from && recent
}

fn nothing_before() -> ControlError {
    ControlError::new(Code::Unsupported, "a session with simulated fills has nothing from before to adopt")
}

fn compare_simulated<J>(driver: &Driver<J>, now: WallTime) -> Compared {
    let lines = recover::differences(&driver.state, &driver.venue);
    if lines.is_empty() { Compared::Agree(now) } else { Compared::Differ(lines) }
}

/// The simulated venue knows what it received.
fn outcome_of(venue: &SimVenue, id: ClientOrderId, settled: Settled) -> Result<Outcome, ControlError> {
    match (settled, venue.has_receipt(id)) {
        (Settled::Absent, false) => Ok(Outcome::Absent),
        (Settled::Executed, true) => Ok(Outcome::Accepted),
        (Settled::Absent, true) => {
            Err(ControlError::new(Code::Difference, "the venue has this order; it is not absent"))
        }
        (Settled::Executed, false) => {
            Err(ControlError::new(Code::Difference, "the venue does not know this order; it was not executed"))
        }
    }
}
