//! The operator of a run: types what the product itself names, does at the venue what it says is to be done there, and nothing else.

use super::network::Network;
use super::world::{GRACE, Shown, clock_until};
use carry::control::request::{Act, Code, ControlRequest, Reply};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// What a person does about a step that is named.
enum Do {
    Type(Act),
    /// At the venue, as these words say.
    ByHand(String),
}

/// The venues of a game.
pub(crate) type Networks = Vec<Rc<RefCell<Network>>>;

/// The judge's operator: does what the shown reasons name, and nothing else, once nothing goes wrong any more.
pub(crate) async fn operate(ask: mpsc::Sender<ControlRequest>, shown: Shown, from: i64, networks: Networks) {
    clock_until(from + GRACE).await;
    loop {
        let stops = shown.borrow().stops.clone();
        for clear in stops {
            let acts: Vec<Act> = clear.split(", then ").filter_map(act).collect();
            for act in acts {
                type_in(&ask, act, &networks).await;
            }
        }
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
}

/// What a person's command line means to the session.
fn act(command: &str) -> Option<Act> {
    let command = command.trim_start_matches("carry ");
    Some(match command.split(' ').next()? {
        "reconcile" => Act::Reconcile,
        "resume" => Act::Resume,
        "accept" => Act::Accept,
        "adopt" => Act::Adopt(command.split(' ').nth(1)?.to_owned()),
        "clear-halt" => Act::ClearHalt("looked at by the judge".to_owned()),
        _ => return None,
    })
}

/// What `carry reconcile` names when the books differ, the first step last.
fn named(act: &Act, reply: &Reply) -> Vec<Do> {
    let result = reply.result.as_ref().filter(|result| *act == Act::Reconcile && result["agree"] == false);
    let steps = result.and_then(|result| result["steps"].as_array().cloned()).unwrap_or_default();
    let step = |step: &serde_json::Value| {
        let (typed, why) = (step["type"].as_str()?, step["why"].as_str()?);
        if typed == "by hand at the venue" { Some(Do::ByHand(why.to_owned())) } else { self::act(typed).map(Do::Type) }
    };
    steps.iter().rev().filter_map(step).collect()
}

/// Types an act, agrees to its plan, and follows the way that a difference names.
async fn type_in(ask: &mpsc::Sender<ControlRequest>, act: Act, networks: &[Rc<RefCell<Network>>]) {
    let mut todo = vec![Do::Type(act)];
    while let Some(next) = todo.pop() {
        let act = match next {
            Do::Type(act) => act,
            Do::ByHand(words) => {
                for network in networks {
                    network.borrow_mut().close_by_hand(&words);
                }
                continue;
            }
        };
        let mut token = None;
        for _ in 0..3 {
            let (reply, answered) = oneshot::channel();
            if ask.send(ControlRequest { act: act.clone(), token: token.clone(), files: None, reply }).await.is_err() {
                return;
            }
            let Ok(reply) = answered.await else { return };
            let said = reply.error.as_ref().map_or_else(|| "done".to_owned(), |error| error.message.replace('\n', " "));
            networks[0].borrow_mut().judge.borrow_mut().note(format!("typed {act:?}: ok {} {said}", reply.ok));
            if let Some(plan) = reply.plan {
                token = Some(plan.token);
                continue;
            }
            let busy = reply.error.as_ref().is_some_and(|error| error.code == Code::Busy);
            if busy {
                tokio::time::sleep(Duration::from_secs(10)).await;
                continue;
            }
            if said.contains("at the venue") {
                todo.push(Do::ByHand(said));
            }
            todo.extend(named(&act, &reply));
            break;
        }
    }
}
