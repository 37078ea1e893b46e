//! Does what the control socket asks of a session: acts become operator events, queries become snapshots.
//!
//! An act is an event like any other: numbered, on the tape, in the ledger, decided on by the core. Nothing here sends an
//! order, and nothing here knows what kind of session it is (`subject.rs`). An act whose asker has gone is not carried out.
//! Tests: `tests/commands/control.rs`, `tests/commands/control_live.rs`.

use super::board::Look;
use super::forecast_row::NextRow;
use super::foresee;
use super::gate_words::measured;
use super::guide::Step;
use super::ladder_row;
use super::mend;
use super::plans::{Line, Plans, closing, opening, taking};
use super::recent;
use super::reload::{self, Files};
use super::request::{Act, Code, ControlError, ControlRequest, Reply, Settled, Verb};
use super::snapshot::{self, Snapshot};
use super::stops;
use super::subject::{Compared, Subject};
use super::transfer_doubt;
use crate::config::kind::Kind;
use crate::config::settings::StrategyKind;
use crate::config::units::Value as Setting;
use crate::domain::{Amount, ClientOrderId, Leg, PairId, WallTime};
use crate::engine::State;
use crate::net::machine_clock;
use crate::observe::words::word;
use crate::orders::OrderState;
use crate::port::Event;
use crate::port::event::{Operator, Transfer};
use crate::risk::gate::BotState;
use crate::store::JournalError;
use crate::strategy::Gate;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// The desk of one session.
pub struct Desk {
    requests: Receiver<ControlRequest>,
    /// One that was heard while waiting.
    early: Option<ControlRequest>,
    closed: bool,
    plans: Plans,
    files: Option<Files>,
    /// What the board wants; absent where there is none.
    looks: Option<Receiver<Look>>,
    /// A wish that was heard while waiting.
    wish: Option<Look>,
}

/// What an act came to: the answer of the person's side, or the end of the session.
type Answer = Result<Reply, ControlError>;

/// The session's clock, and a monotonic one.
pub type Times = (WallTime, Duration);

impl Desk {
    /// A desk for the requests of a server.
    #[must_use]
    pub fn new(requests: Receiver<ControlRequest>) -> Self {
        Self { requests, early: None, closed: false, plans: Plans::default(), files: None, looks: None, wish: None }
    }

    /// With a board, which is given a snapshot whenever it wants one.
    #[must_use]
    pub fn with_board(self, looks: Receiver<Look>) -> Self {
        Self { looks: Some(looks), ..self }
    }

    /// The configuration of the session, which it then takes anew when it is told to.
    #[must_use]
    pub fn with_files(self, files: Files) -> Self {
        Self { files: Some(files), ..self }
    }

    /// Waits until something is asked; [`Desk::serve`] then answers it.
    pub async fn hear(&mut self) {
        if self.early.is_some() || self.wish.is_some() {
            return;
        }
        let looks = &mut self.looks;
        let wished = async {
            match looks {
                Some(looks) => looks.recv().await,
                None => std::future::pending().await,
            }
        };
        let asked = async {
            if self.closed {
                std::future::pending::<()>().await;
            }
            self.requests.recv().await
        };
        tokio::select! {
            biased;
            request = asked => {
                self.closed = request.is_none();
                self.early = request;
            }
            look = wished => {
                if look.is_none() {
                    self.looks = None;
                }
                self.wish = look;
            }
        }
    }

    /// Answers everything that waits.
    ///
    /// # Errors
    /// [`JournalError`] when an act is not on disk: the session must end.
    pub fn serve<S: Subject>(&mut self, subject: &mut S, times: Times) -> Result<(), JournalError> {
        while let Some(request) = self.early.take().or_else(|| self.requests.try_recv().ok()) {
            if request.reply.is_closed() {
                continue;
            }
            let answer = self.answer(subject, &request, times)?;
            let _ = request.reply.send(answer.unwrap_or_else(Reply::failed));
        }
        let wish = self.wish.take().or_else(|| self.looks.as_mut()?.try_recv().ok());
        if let Some(look) = wish.filter(|look| !look.is_closed()) {
            let _ = look.send(Arc::new(snapshot_of(subject, times.0)));
        }
        Ok(())
    }

    fn answer<S: Subject>(
        &mut self,
        subject: &mut S,
        request: &ControlRequest,
        (now, mono): Times,
    ) -> Result<Answer, JournalError> {
        let act = &request.act;
        if matches!(act, Act::Reload(_) | Act::Tighten) {
            return reload::answer((&mut self.files, &mut self.plans), subject, request, (now, mono));
        }
        if let Some(refused) = unheard(subject.state(), act).or_else(|| idle(subject.state(), act)) {
            return Ok(Err(refused));
        }
        if act.moves_money() {
            let plan = match plan_of(subject, act, now) {
                Ok(plan) => plan,
                // The venue is asked nothing: whoever may look at a plan may not act.
                Err(error) => return Ok(Err(error)),
            };
            let Some(token) = &request.token else {
                let doubt = in_doubt(subject.state());
                let shown = self.plans.show(act, plan, subject.state(), mono);
                return Ok(shown.map(|plan| Reply::planned(plan, doubt)));
            };
            if let Err(error) = self.plans.agree(token, act, &plan.1, mono) {
                return Ok(Err(error));
            }
        }
        match act {
            Act::Pause => operate(subject, Operator::Pause, now),
            Act::Resume => operate(subject, Operator::Resume, now),
            Act::Halt => operate(subject, Operator::Halt, now),
            Act::ClearHalt(reason) => clear_halt(subject, reason, now),
            // Who closes all does not want it opened again in the next minute: the core pauses too.
            Act::Flatten(None) => operate(subject, Operator::Flatten { pair: None }, now),
            Act::Flatten(Some(name)) | Act::Close(name) => match named(subject.state(), name) {
                Ok(pair) => operate(subject, Operator::Flatten { pair: Some(pair) }, now),
                Err(error) => Ok(Err(error)),
            },
            Act::Resolve(id, settled) => resolve(subject, id, *settled, now),
            Act::Open(name, size) => open(subject, (name, size), now),
            Act::Adopt(name) => adopt(subject, name, now),
            Act::Accept => accept(subject, now),
            Act::Reconcile => reconcile(subject, now),
            Act::Status | Act::Orders | Act::Pairs | Act::Fills(_) => Ok(look(subject, act, now)),
            // Answered above.
            Act::Reload(_) | Act::Tighten => Ok(Err(ControlError::new(Code::Unsupported, "no such act"))),
            Act::Why(pair) => Ok(Ok(why(subject.state(), pair.as_deref(), now))),
        }
    }
}

/// Under a halt, and before a start is done, nothing is sent: an act that would send is refused, and is not kept for later.
fn unheard(state: &State, act: &Act) -> Option<ControlError> {
    let text = match state.bot {
        BotState::Halted => {
            "the session is halted: nothing is sent, and nothing was noted for later; first clear it: \
             carry clear-halt --reason TEXT"
        }
        BotState::Starting => {
            "the session has not started yet: nothing is sent, and nothing was noted for later; ask again when it is ready"
        }
        BotState::Ready | BotState::ReduceOnly => return None,
    };
    let sends = matches!(act, Act::Flatten(_) | Act::Close(_) | Act::Open(..));
    sends.then(|| ControlError::new(Code::Refused, text))
}

/// An act that would change nothing is refused with the reason, as its plan is on the page.
fn idle(state: &State, act: &Act) -> Option<ControlError> {
    let verb = match act {
        Act::Resume => Verb::Resume,
        Act::ClearHalt(_) => Verb::ClearHalt,
        _ => return None,
    };
    foresee::idle(verb, state.paused, &stops::of(state).1).map(|why| ControlError::new(Code::Refused, why))
}

fn in_doubt(state: &State) -> u64 {
    let unknown = state.orders.live().iter().filter(|order| order.state == OrderState::Unknown);
    u64::try_from(unknown.count()).unwrap_or(u64::MAX)
}

fn named(state: &State, name: &str) -> Result<PairId, ControlError> {
    let known = state.catalogue.pair_named(name).map(|pair| pair.id);
    known.ok_or_else(|| {
        ControlError::new(Code::Usage, "pair: there is none of that name in this session; see carry pairs")
    })
}

fn order_id(state: &State, id: &str) -> Result<ClientOrderId, ControlError> {
    let id: ClientOrderId = id.parse().map_err(|_| ControlError::new(Code::Usage, "id: is not an order of ours"))?;
    match state.orders.live_order(id) {
        Some(order) if order.state == OrderState::Unknown => Ok(id),
        Some(_) => Err(ControlError::new(Code::Refused, "id: the outcome of this order is not in doubt")),
        None => Err(ControlError::new(Code::Usage, "id: no order of that id is unsettled; see carry orders")),
    }
}

/// The transfer that an id names, with the time since which nobody knows its end.
fn moving(state: &State, id: &str) -> Option<(Transfer, WallTime)> {
    transfer_doubt::of(state, id.parse().ok()?)
}

/// Money with a unit, as the value of each leg: the unit is the pair's quote coin.
fn money(state: &State, pair: PairId, size: &str) -> Result<Amount, ControlError> {
    let quote = state.catalogue.pair(pair).map(|pair| pair.quote(Leg::Short));
    let text = |quote: &str| {
        format!("size: expected money in the pair's quote coin, for example 1000{}", quote.to_lowercase())
    };
    let wrong = || ControlError::new(Code::Usage, text(quote.as_ref().map_or("usdt", |quote| quote.as_str())));
    match Kind::Money.parse(size) {
        Ok(Setting::Money(money)) if Some(money.asset) == quote && money.amount > Amount::ZERO => Ok(money.amount),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

fn plan_of<S: Subject>(subject: &S, act: &Act, now: WallTime) -> Result<(String, Vec<Line>), ControlError> {
    let state = subject.state();
    match act {
        Act::Flatten(None) => Ok(closing(state, state.pairs.iter())),
        Act::Flatten(Some(name)) | Act::Close(name) => {
            let id = named(state, name)?;
            Ok(closing(state, state.pairs.iter().filter(|pair| pair.pair.id == id)))
        }
        Act::Open(name, size) => {
            let id = named(state, name)?;
            let notional = money(state, id, size)?;
            let pair = state.pair(id).ok_or_else(|| ControlError::new(Code::Usage, "pair: there is none"))?;
            foresee::opening(state, (id, notional), now)?;
            Ok(opening(pair, notional))
        }
        Act::Adopt(name) => {
            let adoption = subject.adoptable(named(state, name)?)?;
            let pair =
                state.pair(adoption.pair).ok_or_else(|| ControlError::new(Code::Usage, "pair: there is none"))?;
            foresee::adopting(state, &adoption, now)?;
            Ok(taking(pair, &adoption))
        }
        Act::Accept => {
            let mending = subject.mending()?;
            Ok((mend::words(&mending), mending.lines))
        }
        Act::Resolve(id, settled) => {
            if let Some((transfer, since)) = moving(state, id) {
                if subject.is_simulated() {
                    return Err(transfer_doubt::simulated());
                }
                let evidence = subject.transfer_evidence(&transfer, since);
                transfer_doubt::may((now, since), *settled, &evidence)?;
                return Ok((transfer_doubt::plan(&transfer, *settled, &evidence), Vec::new()));
            }
            let id = order_id(state, id)?;
            let word = match settled {
                Settled::Executed => "executed: the venue is asked for its fills, which are then booked",
                Settled::Absent => {
                    "absent: it is counted as never sent, and its pair goes on; only when the venue says so too"
                }
            };
            Ok((format!("order {id} is settled as {word}"), Vec::new()))
        }
        _ => Err(ControlError::new(Code::Unsupported, "this act has no plan")),
    }
}

/// An act of a person as an event, decided on at once.
fn operate<S: Subject>(subject: &mut S, act: Operator, now: WallTime) -> Result<Answer, JournalError> {
    subject.operate(Event::Operator(act), now)?;
    Ok(Ok(Reply::done(flags(subject.state()), in_doubt(subject.state()))))
}

fn flags(state: &State) -> Value {
    let (word, stops) = stops::of(state);
    json!({ "bot": state.bot, "state": word, "stops": stops, "paused": state.paused, "at_ms": state.now })
}

fn differs(lines: &[String], rest: &str, steps: &[Step]) -> ControlError {
    let mut text = format!("ledger and venue differ{rest}\n  {}", lines.join("\n  "));
    for (step, number) in steps.iter().zip(1..) {
        let _ = write!(text, "\n{number}. {}: {}", step.typed, step.why);
    }
    ControlError::new(Code::Difference, text)
}

/// Only after a clean reconciliation, and with a reason (fault H16).
fn clear_halt<S: Subject>(subject: &mut S, reason: &str, now: WallTime) -> Result<Answer, JournalError> {
    match subject.compare(now)? {
        Compared::Agree(_) => operate(subject, Operator::ClearHalt { reason: reason.trim().to_owned() }, now),
        Compared::Differ(lines) => {
            Ok(Err(differs(&lines, "; a halt is not cleared before they agree", &subject.guide())))
        }
        Compared::Asked => Ok(Err(not_yet())),
    }
}

fn not_yet() -> ControlError {
    ControlError::new(
        Code::Busy,
        "ledger and venue have not been compared in a quiet moment yet; they are now: ask again",
    )
}

/// What differs, and what to do about whatever stops the session, in order.
fn reconcile<S: Subject>(subject: &mut S, now: WallTime) -> Result<Answer, JournalError> {
    let (agree, lines, at) = match subject.compare(now)? {
        Compared::Agree(at) => (true, Vec::new(), Some(at)),
        Compared::Differ(lines) => (false, lines, None),
        // A transfer without an end keeps both from being compared: that is what has to be said then.
        Compared::Asked if !transfer_doubt::all(subject.state()).is_empty() => (false, Vec::new(), None),
        Compared::Asked => return Ok(Err(not_yet())),
    };
    let (state, stops) = stops::of(subject.state());
    let doubts = transfer_doubt::all(subject.state());
    let value = json!({
        "agree": agree && doubts.is_empty(), "differences": lines, "compared_ms": at, "state": state, "stops": stops,
        "doubts": doubts, "steps": subject.guide(),
    });
    Ok(Ok(Reply::done(value, in_doubt(subject.state()))))
}

fn resolve<S: Subject>(subject: &mut S, id: &str, settled: Settled, now: WallTime) -> Result<Answer, JournalError> {
    if let Some(of) = moving(subject.state(), id) {
        return Ok(subject.settle_transfer(of, settled, now)?.map(|done| {
            let value = json!({ "id": of.0.id.to_string(), "settled": settled, "done": done });
            Reply::done(value, in_doubt(subject.state()))
        }));
    }
    let id = match order_id(subject.state(), id) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    Ok(subject.settle(id, settled, now)?.map(|done| {
        let value = json!({ "id": id.to_string(), "settled": settled, "done": done });
        Reply::done(value, in_doubt(subject.state()))
    }))
}

/// Opens a pair by hand; what the core made of it is the answer.
fn open<S: Subject>(subject: &mut S, (name, size): (&str, &str), now: WallTime) -> Result<Answer, JournalError> {
    let wanted = named(subject.state(), name).and_then(|pair| Ok((pair, money(subject.state(), pair, size)?)));
    let (id, notional) = match wanted {
        Ok(wanted) => wanted,
        Err(error) => return Ok(Err(error)),
    };
    subject.operate(Event::Operator(Operator::Open { pair: id, notional }), now)?;
    let state = subject.state();
    let Some(pair) = state.pair(id) else { return Ok(Err(ControlError::new(Code::Failed, "the pair is gone"))) };
    Ok(match foresee::opened(pair) {
        Ok(word) => {
            let value = json!({ "pair": name, "opening": word, "target": pair.memory.target });
            Ok(Reply::done(value, in_doubt(state)))
        }
        Err(why) => Err(ControlError::new(Code::Refused, foresee::refusal(state, (id, notional), &why))),
    })
}

fn adopt<S: Subject>(subject: &mut S, name: &str, now: WallTime) -> Result<Answer, JournalError> {
    let adoption = match named(subject.state(), name).and_then(|pair| subject.adoptable(pair)) {
        Ok(adoption) => adoption,
        Err(error) => return Ok(Err(error)),
    };
    subject.operate(Event::Operator(Operator::Adopt(adoption)), now)?;
    if let Err(error) = foresee::adopted(subject.state().pair(adoption.pair)) {
        return Ok(Err(error));
    }
    let value = json!({ "pair": name, "coins": adoption.coins, "short": adoption.short });
    // The answer of the venue's next lists is what shows that ledger and venue agree now.
    let _ = subject.compare(now)?;
    Ok(Ok(Reply::done(value, in_doubt(subject.state()))))
}

/// Books what the venue's lists show and a person agreed to: the ledger follows the venue (faults H11, G16).
fn accept<S: Subject>(subject: &mut S, now: WallTime) -> Result<Answer, JournalError> {
    let mending = match subject.mending() {
        Ok(mending) => mending,
        Err(error) => return Ok(Err(error)),
    };
    let booked = mending.events.len();
    for event in mending.events {
        subject.operate(event, now)?;
    }
    let _ = subject.compare(now)?;
    let value = json!({ "booked": booked, "left": mending.left });
    Ok(Ok(Reply::done(value, in_doubt(subject.state()))))
}

/// The gates of one pair or of all as they are now, and what stops the session besides them.
fn why(state: &State, wanted: Option<&str>, now: WallTime) -> Reply {
    let gate = |gate: &Gate| json!({ "name": gate.name, "text": measured(gate), "open": gate.open, "gate": gate });
    let ladder = match state.settings.strategy.kind {
        StrategyKind::Ladder => ladder_row::of(state).0,
        StrategyKind::Basis | StrategyKind::Spread => Vec::new(),
    };
    let pairs = state.pairs.iter().filter(|pair| wanted.is_none_or(|name| name == pair.pair.name));
    let rows = pairs.map(|pair| {
        let ladder = ladder.get(pair.pair.id.index());
        let gates: Vec<Value> = snapshot::gates(state, pair).iter().map(gate).collect();
        json!({
            "pair": pair.pair.name, "strategy": state.strategy_name(pair), "phase": pair.memory.phase.as_str(), "held": pair.memory.entered_at.is_some(),
            "entered_ms": pair.memory.entered_at, "refused": pair.refused(), "gates": gates,
            "next": NextRow::of(&pair.next), "ladder": ladder,
        })
    });
    let (word, stops) = stops::of(state);
    let rows: Vec<Value> = rows.collect();
    Reply::done(json!({ "at_ms": now, "state": word, "stops": stops, "pairs": rows }), in_doubt(state))
}

fn look<S: Subject>(subject: &mut S, act: &Act, now: WallTime) -> Answer {
    if let Act::Fills(limit) = act {
        let rows = subject.fills();
        let rows = rows.get(rows.len().saturating_sub((*limit).min(1000))..).unwrap_or_default();
        let rows = serde_json::to_value(rows).map_err(|error| ControlError::new(Code::Failed, error.to_string()))?;
        return Ok(Reply::done(json!({ "rows": rows }), in_doubt(subject.state())));
    }
    Ok(shown(act, &snapshot_of(subject, now)))
}

/// The session as it is.
fn snapshot_of<S: Subject>(subject: &mut S, now: WallTime) -> Snapshot {
    subject.state_mut().mark_all();
    let mut snapshot = Snapshot::of(subject.state(), now.max(subject.state().now));
    snapshot.made_ms = Some(machine_clock::now());
    snapshot.simulated = subject.is_simulated();
    snapshot.admitted = subject.admitted();
    snapshot.turns = Some(*subject.turns());
    for (id, link) in subject.links() {
        if let Some(row) = snapshot.venues.get_mut(id.index()) {
            row.link = Some(link);
        }
    }
    snapshot.alarms = subject.alarms().iter().map(|(kind, count)| (word(*kind), *count)).collect();
    snapshot.events = recent::rows(subject.recent().as_ref());
    snapshot
}

/// What a snapshot says to a question.
#[must_use]
pub fn shown(act: &Act, snapshot: &Snapshot) -> Reply {
    let value = match act {
        Act::Orders => json!({ "at_ms": snapshot.at_ms, "orders": snapshot.orders }),
        Act::Pairs => {
            let (state, stops) = (&snapshot.state, &snapshot.stops);
            json!({ "at_ms": snapshot.at_ms, "state": state, "stops": stops, "pairs": snapshot.pairs })
        }
        _ => json!(snapshot),
    };
    Reply::done(value, snapshot.in_doubt)
}
