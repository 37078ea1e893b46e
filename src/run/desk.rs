//! Does what the control socket asks of a paper session: acts become operator events, queries become snapshots.
//!
//! An act is an event like any other: numbered, on the tape, in the ledger, decided on by the core. Nothing here sends an
//! order. An act whose asker has gone is not carried out. Tests: `tests/control.rs`.

use super::control::{Act, Code, ControlError, ControlRequest, Reply, Settled};
use super::journal::{Journal, JournalError};
use super::paper::Paper;
use super::plans::{Line, Plans, closing};
use super::recover;
use super::snapshot::Snapshot;
use crate::domain::{ClientOrderId, PairId};
use crate::engine::State;
use crate::orders::OrderState;
use crate::port::Event;
use crate::port::event::Operator;
use crate::port::order::{OrderReport, Outcome};
use crate::risk::gate::BotState;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// The desk of one session.
pub struct Desk {
    requests: Receiver<ControlRequest>,
    plans: Plans,
}

/// What an act came to: the answer of the person's side, or the end of the session.
type Answer = Result<Reply, ControlError>;

impl Desk {
    /// A desk for the requests of a server.
    #[must_use]
    pub fn new(requests: Receiver<ControlRequest>) -> Self {
        Self { requests, plans: Plans::default() }
    }

    /// Answers everything that waits; `now` is a monotonic time.
    ///
    /// # Errors
    /// [`JournalError`] when an act is not on disk: the session must end.
    pub fn serve<J: Journal>(&mut self, paper: &mut Paper<J>, now: Duration) -> Result<(), JournalError> {
        while let Ok(request) = self.requests.try_recv() {
            if request.reply.is_closed() {
                continue;
            }
            let answer = self.answer(paper, &request, now)?;
            let _ = request.reply.send(answer.unwrap_or_else(Reply::failed));
        }
        Ok(())
    }

    fn answer<J: Journal>(
        &mut self,
        paper: &mut Paper<J>,
        request: &ControlRequest,
        now: Duration,
    ) -> Result<Answer, JournalError> {
        let act = &request.act;
        if act.moves_money() {
            let plan = match plan_of(&paper.driver.state, act) {
                Ok(plan) => plan,
                Err(error) => return Ok(Err(error)),
            };
            let Some(token) = &request.token else {
                let doubt = in_doubt(paper);
                return Ok(Ok(Reply::planned(self.plans.show(act, plan, &paper.driver.state, now), doubt)));
            };
            if let Err(error) = self.plans.agree(token, act, &plan.1, now) {
                return Ok(Err(error));
            }
        }
        match act {
            Act::Pause => operate(paper, Operator::Pause),
            Act::Resume => operate(paper, Operator::Resume),
            Act::Halt => operate(paper, Operator::Halt),
            Act::ClearHalt(reason) => clear_halt(paper, reason),
            Act::Flatten(None) => operate(paper, Operator::Flatten { pair: None }),
            Act::Flatten(Some(name)) | Act::Close(name) => match named(&paper.driver.state, name) {
                Ok(pair) => operate(paper, Operator::Flatten { pair: Some(pair) }),
                Err(error) => Ok(Err(error)),
            },
            Act::Resolve(id, settled) => resolve(paper, id, *settled),
            Act::Open(..) | Act::Adopt(_) => Ok(Err(unsupported())),
            Act::Status | Act::Orders | Act::Pairs | Act::Fills(_) | Act::Reconcile => Ok(look(paper, act)),
        }
    }
}

fn unsupported() -> ControlError {
    ControlError::new(Code::Unsupported, "a paper session opens pairs by its strategy alone, and has nothing to adopt")
}

fn in_doubt<J>(paper: &Paper<J>) -> u64 {
    let unknown = paper.driver.state.orders.live().iter().filter(|order| order.state == OrderState::Unknown);
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

fn plan_of(state: &State, act: &Act) -> Result<(String, Vec<Line>), ControlError> {
    match act {
        Act::Flatten(None) => Ok(closing(state, state.pairs.iter())),
        Act::Flatten(Some(name)) | Act::Close(name) => {
            let id = named(state, name)?;
            Ok(closing(state, state.pairs.iter().filter(|pair| pair.pair.id == id)))
        }
        Act::Resolve(id, settled) => {
            let id = order_id(state, id)?;
            let word = match settled {
                Settled::Executed => "executed: the venue is asked for its fills, which are then booked",
                Settled::Absent => "absent: it is counted as never sent, and its pair goes on",
            };
            Ok((format!("order {id} is settled as {word}"), Vec::new()))
        }
        _ => Err(unsupported()),
    }
}

/// An act of a person as an event, decided on at once.
fn operate<J: Journal>(paper: &mut Paper<J>, act: Operator) -> Result<Answer, JournalError> {
    paper.operate(Event::Operator(act))?;
    Ok(Ok(Reply::done(flags(paper), in_doubt(paper))))
}

fn flags<J>(paper: &Paper<J>) -> Value {
    let state = &paper.driver.state;
    json!({ "bot": state.bot, "paused": state.paused, "at_ms": state.now })
}

/// Only after a clean reconciliation, and with a reason (fault H16).
fn clear_halt<J: Journal>(paper: &mut Paper<J>, reason: &str) -> Result<Answer, JournalError> {
    let state = &paper.driver.state;
    if state.bot != BotState::Halted && !state.pairs.iter().any(|pair| pair.memory.halted || pair.memory.blocked) {
        return Ok(Err(ControlError::new(Code::Refused, "nothing is halted")));
    }
    let lines = recover::differences(state, &paper.driver.venue);
    if !lines.is_empty() {
        let text =
            format!("ledger and venue differ; a halt is not cleared before they agree\n  {}", lines.join("\n  "));
        return Ok(Err(ControlError::new(Code::Difference, text)));
    }
    operate(paper, Operator::ClearHalt { reason: reason.trim().to_owned() })
}

fn resolve<J: Journal>(paper: &mut Paper<J>, id: &str, settled: Settled) -> Result<Answer, JournalError> {
    let id = match order_id(&paper.driver.state, id) {
        Ok(id) => id,
        Err(error) => return Ok(Err(error)),
    };
    let received = paper.driver.venue.has_receipt(id);
    let outcome = match (settled, received) {
        (Settled::Absent, false) => Outcome::Absent,
        (Settled::Executed, true) => Outcome::Accepted,
        (Settled::Absent, true) => {
            return Ok(Err(ControlError::new(Code::Difference, "the venue has this order; it is not absent")));
        }
        (Settled::Executed, false) => {
            return Ok(Err(ControlError::new(
                Code::Difference,
                "the venue does not know this order; it was not executed",
            )));
        }
    };
    paper.operate(Event::Order(OrderReport { id, outcome }))?;
    Ok(Ok(Reply::done(json!({ "id": id.to_string(), "settled": settled }), in_doubt(paper))))
}

fn look<J: Journal>(paper: &mut Paper<J>, act: &Act) -> Answer {
    let doubt = in_doubt(paper);
    if let Act::Reconcile = act {
        let lines = recover::differences(&paper.driver.state, &paper.driver.venue);
        if !lines.is_empty() {
            return Err(ControlError::new(
                Code::Difference,
                format!("ledger and venue differ\n  {}", lines.join("\n  ")),
            ));
        }
        return Ok(Reply::done(json!({ "differences": lines }), doubt));
    }
    if let Act::Fills(limit) = act {
        let rows = &paper.driver.collector.fills;
        let rows = rows.get(rows.len().saturating_sub((*limit).min(1000))..).unwrap_or_default();
        let rows = serde_json::to_value(rows).map_err(|error| ControlError::new(Code::Failed, error.to_string()))?;
        return Ok(Reply::done(json!({ "rows": rows }), doubt));
    }
    paper.driver.state.mark_all();
    let snapshot = Snapshot::of(&paper.driver.state, paper.now().max(paper.driver.state.now));
    let value = match act {
        Act::Orders => json!({ "at_ms": snapshot.at_ms, "orders": snapshot.orders }),
        Act::Pairs => json!({ "at_ms": snapshot.at_ms, "pairs": snapshot.pairs }),
        _ => json!(snapshot),
    };
    Ok(Reply::done(value, doubt))
}
