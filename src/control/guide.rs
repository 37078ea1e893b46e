//! What a person does about whatever stops a session: the acts in their order, so that none waits for a later one.
//!
//! Pure. Each act shows by itself what it will send or book before it asks for consent; here stand their names, why, and what
//! comes of them. Tests: at the end, and `tests/commands/control_live.rs`.

use super::mend::{self, Mending};
use super::request::ControlError;
use super::transfer_doubt;
use crate::checks::reconcile::Difference;
use crate::domain::PairId;
use crate::engine::State;
use crate::orders::OrderState;
use crate::risk::gate::BotState;
use serde::{Deserialize, Serialize};

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What to type, or what to do where nothing can be typed.
    #[serde(rename = "type")]
    pub typed: String,
    /// Why, and what it will send or book.
    pub why: String,
}

/// What is known of ledger and venue.
#[derive(Debug, Default)]
pub struct Books {
    /// Accounts that differ.
    pub differs: Vec<Difference>,
    /// Flat pairs for which the venue has a short and the ledger the coins.
    pub adoptable: Vec<PairId>,
    /// What `accept` would book, or why it would not.
    pub mending: Option<Result<Mending, ControlError>>,
}

/// The acts, in order. Each leaves less for the ones after it.
#[must_use]
pub fn steps(state: &State, books: &Books) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut say = |typed: String, why: String| steps.push(Step { typed, why });
    for order in state.orders.live().iter().filter(|order| order.state == OrderState::Unknown) {
        let leg = state.catalogue.market_word(order.intent.instrument);
        let (id, side) = (order.intent.id, order.intent.side.as_str());
        let why = format!(
            "the outcome of this {leg} {side} of {} is not known; look it up at the venue, the bot asks meanwhile; it books the \
             fills that the venue tells, or counts it as never sent",
            order.intent.quantity
        );
        say(format!("carry resolve {id} --as executed|absent"), why);
    }
    for venue in &state.venues {
        let old = venue.moving_since.is_some_and(|since| state.now.since(since) > transfer_doubt::OLD);
        if let Some(moving) = venue.moving.filter(|_| old) {
            let why = format!(
                "{}; its plan shows what the wallets of the venue prove, and that is what it books",
                transfer_doubt::words(&moving)
            );
            say(format!("carry resolve {} --as executed|absent", moving.id), why);
        }
        if venue.barred {
            let why = "the venue refuses the key or restricts the account: mend that at the venue first".to_owned();
            say("carry keys test NAME".to_owned(), why);
        }
    }
    of_books(state, books, &mut say);
    if needs_clearing(state) {
        let why = "entries begin again; it is refused while ledger and venue differ, and the reason is kept".to_owned();
        say("carry clear-halt --reason TEXT".to_owned(), why);
    }
    if state.paused {
        say("carry resume".to_owned(), "a person paused entries, or closed all".to_owned());
    }
    steps
}

fn of_books(state: &State, books: &Books, say: &mut dyn FnMut(String, String)) {
    if books.differs.is_empty() {
        return;
    }
    let name = |id: PairId| state.pair(id).map(|pair| pair.pair.name.clone()).unwrap_or_default();
    for id in &books.adoptable {
        let why = "the short at the venue and the coins of before become the pair's; nothing is sent".to_owned();
        say(format!("carry adopt {}", name(*id)), why);
    }
    match &books.mending {
        Some(Ok(mending)) => {
            let lines: Vec<String> = mending
                .lines
                .iter()
                .map(|line| format!("{} {} {} {}", line.pair, line.leg, line.side, line.coins))
                .collect();
            say("carry accept".to_owned(), format!("books {}; {}", lines.join(", "), mend::words(mending)));
        }
        Some(Err(error)) if books.adoptable.is_empty() => say("by hand at the venue".to_owned(), error.message.clone()),
        Some(Err(_)) | None => {
            let why = "what still differs after that is booked, as its plan shows".to_owned();
            say("carry accept".to_owned(), why);
        }
    }
    let foreign = books.differs.iter().filter(|one| one.ledger == "not a pair of this run");
    for one in foreign {
        let why = format!("{}: close it there, or name its pair in strategy.pairs and start again", one.account);
        say("by hand at the venue".to_owned(), why);
    }
}

/// Whether something stands that only a person clears.
fn needs_clearing(state: &State) -> bool {
    state.bot != BotState::Ready && state.bot != BotState::Starting
        || state.venues.iter().any(|venue| venue.foreign || venue.barred)
        || state.pairs.iter().any(|pair| pair.memory.latched.is_some())
}
