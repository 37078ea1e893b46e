//! What an act would do, before anybody agrees to it: orders, what comes of it, what it costs to be wrong, and the word to type.
//!
//! Without the script it only shows, with the command that does the same. Tests: at the end, `tests/commands/page.rs`.

use super::act::{HEADER, Wanted};
use super::frame::{self, Screen, address};
use super::line;
use super::parts;
use super::session::Session;
use super::state::State;
use super::view::View;
use super::words::{self, NONE};
use crate::config::change::{Change, Effect};
use crate::control::foresee;
use crate::control::plans::{Line, Plan, VALID};
use crate::control::request::{Code, Request, Verb};
use crate::control::snapshot::Snapshot;
use crate::domain::{Amount, Asset};
use crate::net::machine_clock::steady_ns;
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

/// The page of a plan.
pub async fn page(state: &State, session: &Arc<Session>, wanted: &Wanted) -> Markup {
    let view = session.now().await;
    let answers = view.runs && view.silent.is_none();
    // **Invariant**: one plan of the page waits at a session at a time, however many clients ask (fault X20).
    let Some(_turn) = state.plan_turn().await else {
        let why = "many plans are asked for at once; try again in a moment, or type it in a terminal";
        return frame::page(&view, &Screen::Plan, &nothing(&view, &wanted.verb, why));
    };
    let idle = match wanted.verb().filter(|_| answers) {
        Some(verb) => idle(session, verb).await,
        None => None,
    };
    let content = match (wanted.request(), idle) {
        (_, Some(why)) => nothing(&view, &wanted.verb, &why),
        (Err(error), None) => missing(&view, wanted, &error.message),
        (Ok(_), None) if !answers => {
            let why = format!("{}: nothing can be done from here", super::answers::process(&view));
            missing(&view, wanted, &why)
        }
        (Ok(request), None) => content(state, session, &view, request).await,
    };
    frame::page(&view, &Screen::Plan, &content)
}

/// Why an act would change nothing, by what the session says at this instant; a view may be a second old.
async fn idle(session: &Session, verb: Verb) -> Option<String> {
    if !matches!(verb, Verb::Resume | Verb::ClearHalt) {
        return None;
    }
    let reply = line::once(&session.dir, &Request::new(Verb::Status), line::PLAN).await;
    let now: Snapshot = serde_json::from_value(reply.result?).ok()?;
    foresee::idle(verb, now.paused, &now.stops)
}

async fn content(state: &State, session: &Arc<Session>, view: &View, mut request: Request) -> Markup {
    let needs = request.act().is_ok_and(|act| act.is_planned());
    let plan = if needs {
        let reply = line::once(&session.dir, &request, line::PLAN).await;
        match (reply.plan, reply.error) {
            (Some(plan), _) => Some(plan),
            (None, error) => {
                let nothing = if request.verb == Verb::Reload {
                    "no key that a running session takes differs; what needs a restart is listed by carry reload"
                } else {
                    "the session gave no plan"
                };
                let text = error.map_or_else(
                    || nothing.to_owned(),
                    |error| match error.code {
                        // A plan was asked for, and a plan does nothing.
                        Code::InDoubt => "the session did not answer; nothing was done".to_owned(),
                        _ => error.message,
                    },
                );
                return refused(view, &request, &text);
            }
        }
    } else {
        None
    };
    request.token = plan.as_ref().map(|plan| plan.token.clone());
    let word = word(&request, plan.as_ref());
    let now = Duration::from_nanos(steady_ns());
    let Some(id) = state.plans.show(&session.slug, request.clone(), word.clone(), now) else {
        return refused(view, &request, "the system gives no random bytes");
    };
    html! {
        div.planned id="planned" {
            div.left { (orders(view, plan.as_ref(), &request)) (how(&request)) }
            div.right { (confirm(view, &request, plan.as_ref(), (&id, &word))) (others()) }
        }
    }
}

/// The verb as it is typed on the command line.
#[must_use]
pub fn verb(request: &Request) -> String {
    let word = serde_json::to_value(request.verb).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn pairs(plan: Option<&Plan>) -> usize {
    let names: BTreeSet<&str> = plan.into_iter().flat_map(|plan| &plan.orders).map(|line| line.pair.as_str()).collect();
    names.len()
}

/// What is to be typed: the verb, and how many pairs it is about.
fn word(request: &Request, plan: Option<&Plan>) -> String {
    match request.verb {
        Verb::Flatten | Verb::Close | Verb::Open | Verb::Adopt => format!("{} {}", verb(request), pairs(plan)),
        // Nobody lets more risk in by the word for the rest.
        Verb::Reload => {
            let of = |effect| plan.map_or(0, |plan| plan.changes.iter().filter(|one| one.effect == effect).count());
            match of(Effect::Loosens) {
                0 => format!("reload {}", of(Effect::Tightens)),
                looser => format!("loosen {looser}"),
            }
        }
        _ => verb(request),
    }
}

/// The command that does the same.
fn command(view: &View, request: &Request) -> String {
    let mut text = format!("carry {}", verb(request));
    let settled = request.settled.and_then(|settled| serde_json::to_value(settled).ok()?.as_str().map(str::to_owned));
    let options = [("", &request.id), ("", &request.pair), ("--size ", &request.size), ("--as ", &settled)];
    for (option, value) in options {
        if let Some(value) = value {
            let _ = write!(text, " {option}{value}");
        }
    }
    if let Some(reason) = &request.reason {
        let _ = write!(text, " --reason '{}'", reason.replace('\'', "'\\''"));
    }
    text + &view.option()
}

fn missing(view: &View, wanted: &Wanted, why: &str) -> Markup {
    html! {
        section.card id="planned" {
            (parts::head("No plan", &html! { "nothing is sent" }))
            p { (view.naming(why)) }
            form method="get" action=(address(view, "/plan")) {
                input type="hidden" name="verb" value=(wanted.verb);
                @if let Some(pair) = &wanted.pair { input type="hidden" name="pair" value=(pair); }
                @if wanted.verb == "clear-halt" {
                    label for="reason" { "Why is it safe? It is kept with the act." }
                    input id="reason" name="reason" maxlength="200" required;
                    button { "Show the plan" }
                }
                @if wanted.verb == "open" {
                    label for="size" { "How much, as the value of each leg, with its unit (1000usdt)" }
                    input id="size" name="size" maxlength="32" required;
                    button { "Show the plan" }
                }
            }
        }
    }
}

/// An act that would change nothing, and why.
fn nothing(view: &View, verb: &str, why: &str) -> Markup {
    html! {
        section.card id="planned" { (parts::head(&format!("No plan to {verb}"), &html! { "nothing is sent" })) p { (view.naming(why)) } }
    }
}

fn refused(view: &View, request: &Request, why: &str) -> Markup {
    html! {
        section.card id="planned" {
            (parts::head(&format!("No plan to {}", verb(request)), &html! { "nothing is sent" }))
            p { (view.naming(why)) }
            p { "In a terminal: " code { (command(view, request)) } }
        }
    }
}

fn orders(view: &View, plan: Option<&Plan>, request: &Request) -> Markup {
    let Some(plan) = plan else {
        let text = match request.verb {
            Verb::Pause => "Entries stop. What is held is managed and closed as before. No order is sent.",
            Verb::Resume => "Entries are allowed again, through every gate. No order is sent now.",
            Verb::Halt => {
                "Own resting orders are cancelled, then nothing is sent: no hedge, no repair, no top-up, no close."
            }
            _ => "Ledger and venue are compared first; only when they agree is the halt cleared and the bot goes on.",
        };
        return html! { section.card { (parts::head("The plan", &html! { "nothing is sent yet" })) p { (text) } } };
    };
    let oldest = view.held().filter_map(|row| row.age_ms).max();
    html! {
        section.card {
            (parts::head("The plan", &html! {
                "nothing is sent yet" @if let Some(age) = oldest { " · prices up to " (words::age(age)) " old" }
            }))
            @if plan.changes.is_empty() { p { (plan.text) } } @else { (changes(&plan.changes)) }
            @if !plan.orders.is_empty() {
                div.scroll tabindex="0" role="region" aria-label="a table that may be wider than the window" { table {
                    thead { tr {
                        th { @if request.verb == Verb::Accept { "venue" } @else { "pair" } }
                        th { @if books(request) { "what is booked" } @else { "order" } }
                        th.n { "coins" } th.n { "value est" } th {}
                    } }
                    tbody {
                        @for line in &plan.orders { (order(line)) }
                        (foot(&plan.orders, request))
                    }
                } }
            }
        }
    }
}

/// Whether an act only books what is there already, and sends no order.
const fn books(request: &Request) -> bool {
    matches!(request.verb, Verb::Adopt | Verb::Accept | Verb::Resolve)
}

/// What the rows come to: a sum for each quote coin, because two of them are no one money.
fn foot(lines: &[Line], request: &Request) -> Markup {
    let count = lines.len();
    let what = match (books(request), count) {
        (true, 1) => "1 row is booked, no order is sent".to_owned(),
        (true, _) => format!("{count} rows are booked, no order is sent"),
        (false, _) => format!("{count} orders in total, in clips, each through the gate"),
    };
    let mut sums: BTreeMap<Asset, Option<Amount>> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(line.quote).or_insert(Some(Amount::ZERO));
        *sum = sum.zip(line.about).map(|(sum, value)| sum + value);
    }
    html! {
        tr.sum {
            td colspan="3" { b { (what) } }
            td.n { @for (_, sum) in &sums { b { (sum.map_or_else(|| NONE.to_owned(), words::level)) } br; } }
            td { @for (coin, _) in &sums { (coin) br; } }
        }
    }
}

fn changes(changes: &[Change]) -> Markup {
    html! {
        div.scroll { table.list {
            thead { tr { th { "key" } th.n { "now" } th.n { "files" } th { "what it does" } } }
            tbody { @for change in changes { tr {
                td { code { (change.key) } } td.n { (change.old) } td.n { (change.new) }
                td.words { @match change.effect {
                    Effect::Tightens => { "lets less risk in" }
                    Effect::Loosens => { b.against { "lets more risk in" } }
                    Effect::Restart => { span.soft { "needs a restart: stays as it is" } }
                } }
            } } }
        } }
    }
}

fn order(line: &Line) -> Markup {
    html! { tr {
        td { b { (line.pair) } } td { (line.side) " " (line.leg) } td.n { (line.coins) }
        td.n { (line.about.map_or_else(|| NONE.to_owned(), words::level)) } td { (line.quote) }
    } }
}

fn how(request: &Request) -> Markup {
    let rows: &[(&str, &str)] = match request.verb {
        Verb::Flatten | Verb::Close => &[
            ("first", "It is written to the ledger before the first order leaves. Own resting orders are cancelled."),
            ("then", "Pair by pair, clip by clip, the less liquid leg first; at most one clip of a pair is unequal."),
            ("if not", "A price past its collar waits and says so; an outcome that is not known stops its pair alone."),
            ("after", "Reconciled. After a flatten of all, entries stay off until carry resume."),
            (
                "stays",
                "Dust below a lot, coins that were there before, money where it is: nothing moves between venues.",
            ),
        ],
        Verb::Open => &[
            ("first", "Every limit and gate of an entry but the signals is asked; a refusal says which."),
            ("then", "In clips, the less liquid leg first, each fill hedged inside the collar."),
            ("after", "The strategy manages it and closes it like its own."),
        ],
        Verb::Reload => &[
            ("first", "The session read its files again and judged all of them: an error would have changed nothing."),
            (
                "then",
                "What it takes holds from one instant on, as an event that a replay repeats. No order is sent for it.",
            ),
            (
                "stays",
                "What needs a restart. The next start with these files goes on with this run only if it has none.",
            ),
        ],
        Verb::Halt => &[
            ("at once", "Own resting orders are cancelled; then nothing leaves, whatever happens to the market."),
            ("for", "A person who takes over by hand. To stop entries alone, pause."),
            ("after", "carry clear-halt with a reason, once ledger and venue agree."),
        ],
        _ => &[("after", "The page and carry status show what came of it.")],
    };
    html! {
        section.card {
            (parts::head("How it goes", &html! {}))
            table.how { tbody { @for (when, what) in rows { tr { td.soft { (when) } td.words { (what) } } } } }
        }
    }
}

fn confirm(view: &View, request: &Request, plan: Option<&Plan>, (id, word): (&str, &str)) -> Markup {
    let costs = plan.map(|plan| cost(view, plan)).filter(|_| matches!(request.verb, Verb::Flatten | Verb::Close));
    let title = match request.verb {
        Verb::Flatten | Verb::Close => format!("{} {} pairs", capital(&verb(request)), pairs(plan)),
        _ => capital(&verb(request).replace('-', " ")),
    };
    let until = view.taken_at.0 + i64::try_from(VALID.as_millis()).unwrap_or(0);
    html! {
        section.card.confirm data-plan=(id) data-word=(word) data-header=(HEADER) data-post=(address(view, "/act")) data-back=(address(view, "")) {
            h2 { (title) " " span class={ "badge " (view.mode()) } { (view.mode().to_uppercase()) } }
            p.soft { @if view.mode() == "live" { "real orders" } @else { "simulated orders" } }
            table { tbody {
                @for (coin, costs) in costs.iter().flatten() {
                    tr { td { "costs est" } td.n { (costs.map_or_else(|| NONE.to_owned(), |costs| words::signed(-costs, 2))) " " (coin) } }
                }
                tr { td { "plan is good for" } td.n { b { time data-wall=(until) { "60\u{a0}s" } } } }
            } }
            div.typing hidden {
                label for="acting" { "Token that acts on this session" }
                input id="acting" type="password" autocomplete="off" spellcheck="false";
                button id="forget" type="button" hidden { "Forget the token" }
                label for="typed" { "Type " b { (word) } " and press Enter" }
                input id="typed" autocomplete="off" autocapitalize="off" spellcheck="false";
                p.soft id="typed-so-far" aria-live="polite" { "Enter does nothing yet" }
                div.buttons {
                    button id="do" type="button" disabled { (title) }
                    a.button href=(address(view, "")) data-key="Escape" { "Cancel " kbd { "esc" } }
                }
                p id="outcome" role="status" aria-live="polite" {}
            }
            p.note {
                "In a terminal: " code { (command(view, request)) } " shows the same plan and asks. Without JavaScript this page only \
                 shows; the terminal acts."
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut text = word.to_owned();
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// Fees, spread and depth of the orders of a plan, as the costs of each pair are estimated now, in each quote coin.
fn cost(view: &View, plan: &Plan) -> BTreeMap<Asset, Option<f64>> {
    let one = |line: &Line| {
        let row = view.pairs().iter().find(|row| row.pair == line.pair)?;
        Some(line.about?.to_f64() * row.detail.as_ref()?.one_way / 2.0)
    };
    let mut costs: BTreeMap<Asset, Option<f64>> = BTreeMap::new();
    for line in &plan.orders {
        let sum = costs.entry(line.quote).or_insert(Some(0.0));
        *sum = sum.zip(one(line)).map(|(sum, cost)| sum + cost);
    }
    costs
}

fn others() -> Markup {
    html! {
        section.card {
            (parts::head("Or one of these", &html! { "what each verb does" }))
            table { thead { tr { th {} th { "entries" } th { "hedging, margin" } th { "exits" } th { "pairs" } } }
                tbody {
                    tr { td { b { "pause" } } td { "stop" } td { "go on" } td { "go on" } td { "stay" } }
                    tr { td { b { "flatten" } } td { "stop" } td { "go on" } td { "now" } td { "closed" } }
                    tr { td { b { "halt" } } td { "stop" } td.against { "stop" } td.against { "stop" } td { "stay" } }
                } }
            p.note { "Under halt nobody mends a leg or moves margin: it is for a person who takes over by hand." }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(quote: &str, about: Option<i64>) -> Line {
        Line {
            pair: "alpha:BTCUSDT".to_owned(),
            leg: "spot".to_owned(),
            side: "add".to_owned(),
            coins: crate::domain::Quantity::parse("1").unwrap(),
            about: about.map(Amount::whole),
            quote: Asset::new(quote).unwrap(),
        }
    }

    #[test]
    fn a_plan_that_only_books_says_so_and_two_quote_coins_are_no_sum() {
        let foot = |lines: &[Line], verb| foot(lines, &Request::new(verb)).into_string();
        let lines = [line("USDT", Some(100)), line("USDC", Some(7)), line("USDT", Some(20))];
        for verb in [Verb::Adopt, Verb::Accept] {
            let text = foot(&lines, verb);
            assert!(text.contains("3 rows are booked, no order is sent") && !text.contains("gate"), "{text}");
        }
        let text = foot(&lines, Verb::Flatten);
        assert!(text.contains("3 orders in total, in clips, each through the gate"), "{text}");
        assert!(text.contains(">120.00<") && text.contains(">7.00<") && !text.contains("127.00"), "{text}");
        assert!(text.contains("USDC<br>USDT"), "{text}");
        let unknown = foot(&[line("USDT", Some(1)), line("USDT", None)], Verb::Flatten);
        assert!(
            unknown.contains(NONE) && !unknown.contains("1.00"),
            "what is not known is no part of a sum: {unknown}"
        );
    }
}
