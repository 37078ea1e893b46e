//! The way between a run and its venue: each request, answer and push travels by itself, and may be lost, late, doubled or cut.
//!
//! The venue's books are the truth; whatever changes them is shown to the judge at once. One task, no threads, no sockets.

use super::channels::{Channels, is_list, symbol_of};
use super::clock::true_ms;
use super::judge::Judge;
use super::plan::{Draws, Plan};
use carry::domain::Span;
use carry::loopback::{Core, Line, Said};
use carry::net::carrier::{Asked, Carried, Dialled, Ends};
use carry::net::http::{Lost, NotSent};
use carry::net::socket::{Arrival, Closed, DialError};
use carry::net::{NoReply, Reply};
use carry::venues::answer::Until;
use carry::venues::ask::Method;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How the network learns of a new run, and of a death.
pub(crate) type Queue = Rc<RefCell<Option<mpsc::UnboundedReceiver<Asked>>>>;

type Answer = oneshot::Sender<Result<Reply, NoReply>>;

/// What the plan does to the process and its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its folder is copied.
    Keep,
    /// It is dead until then.
    Dead(i64),
    /// It is dead until then, and its folder is the copy.
    Restored(i64),
}

pub(super) enum Due {
    Execute(Box<Carried>),
    Answer(Answer, Box<Result<Reply, NoReply>>),
    Dial(Box<Dialled>),
    Frame(u64, String),
    End(u64),
    Pulse,
    Act(usize),
}

pub(super) struct Open {
    line: Line,
    ends: Option<Ends>,
    hand: Option<oneshot::Receiver<Ends>>,
    /// Messages arrive in order: none before this.
    after: i64,
    /// Silent until then.
    frozen: i64,
    closing: bool,
    path: String,
}

/// The network of one seed.
pub(crate) struct Network {
    pub(crate) core: Core,
    pub(crate) plan: Plan,
    /// One judge looks at all venues of a game.
    pub(crate) judge: Rc<RefCell<Judge>>,
    /// Its place among the venues of the game.
    pub(crate) place: usize,
    /// So long an order that never arrived is in doubt here (rule R-A).
    pub(crate) absent: i64,
    pub(super) draws: Draws,
    queue: Queue,
    due: BTreeMap<(i64, u64), Due>,
    sequence: u64,
    pub(super) lines: BTreeMap<u64, Open>,
    next_line: u64,
    start: i64,
    pub(super) offline: i64,
    failing: BTreeMap<String, i64>,
    pub(super) channels: Channels,
    pulse: i64,
    /// What shall be done to the process: read by the world.
    pub(crate) kill: Rc<RefCell<Option<Fate>>>,
    over: bool,
}

impl Network {
    pub(crate) fn new(
        (place, core): (usize, Core),
        plan: Plan,
        judge: Rc<RefCell<Judge>>,
        draws: Draws,
        queue: Queue,
    ) -> Self {
        let start = true_ms();
        let mut network = Self {
            core,
            plan,
            judge,
            place,
            absent: 20_000,
            draws,
            queue,
            due: BTreeMap::new(),
            sequence: 0,
            lines: BTreeMap::new(),
            next_line: 0,
            start,
            offline: 0,
            failing: BTreeMap::new(),
            channels: Channels::default(),
            pulse: 2_000,
            kill: Rc::new(RefCell::new(None)),
            over: false,
        };
        let rates = &network.plan.rates;
        network.judge.borrow_mut().noisy |= network.plan.way.1 > 20
            || rates.line_dies + rates.line_freezes + rates.line_lags + rates.late + rates.slow + rates.unsent > 0;
        network.at(start, Due::Pulse);
        for (place, timed) in network.plan.acts.clone().iter().enumerate() {
            network.at(start + timed.at, Due::Act(place));
        }
        network
    }

    pub(super) fn at(&mut self, when: i64, what: Due) {
        self.sequence += 1;
        self.due.insert((when, self.sequence), what);
    }

    fn faulty(&self) -> bool {
        true_ms() - self.start < self.plan.until
    }

    /// Whether a kind that `attack.rs` adds strikes.
    pub(super) fn strikes_more(&mut self, rate: u32, row: &'static str) -> bool {
        self.strikes(|_| rate, row)
    }

    fn strikes(&mut self, of: impl Fn(&super::plan::Rates) -> u32, row: &'static str) -> bool {
        let rate = of(&self.plan.rates);
        let strikes = rate > 0 && self.faulty() && self.draws.strikes(rate);
        if strikes {
            self.judge.borrow_mut().fired(row);
        }
        strikes
    }

    /// One step: waits for what comes next and does it. False when the simulation is over.
    pub(crate) async fn step(this: &Rc<RefCell<Self>>) -> bool {
        let (queue, next) = {
            let network = this.borrow();
            (Rc::clone(&network.queue), network.due.keys().next().map_or(i64::MAX, |(at, _)| *at))
        };
        let wait = Duration::from_millis(u64::try_from((next - true_ms()).clamp(0, 60_000)).unwrap());
        let asked = {
            let mut held = queue.borrow_mut().take();
            let asked = if let Some(receiver) = &mut held {
                tokio::select! {
                    biased;
                    asked = receiver.recv() => Some(asked),
                    () = tokio::time::sleep(wait) => None,
                }
            } else {
                tokio::time::sleep(wait.min(Duration::from_millis(50))).await;
                None
            };
            if let (Some(held), false) = (held, matches!(asked, Some(None))) {
                let mut place = queue.borrow_mut();
                // A new run may have put its own there meanwhile.
                if place.is_none() {
                    *place = Some(held);
                }
            }
            asked.flatten()
        };
        let mut network = this.borrow_mut();
        if let Some(asked) = asked {
            network.asked(asked);
        }
        let now = true_ms();
        while let Some(entry) = network.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let what = entry.remove();
            network.happen(what);
        }
        network.speak();
        !network.over
    }

    pub(crate) fn end(&mut self) {
        self.over = true;
    }

    fn asked(&mut self, asked: Asked) {
        let now = true_ms();
        match asked {
            Asked::Request(carried) => self.travel(carried),
            Asked::Line(dialled) => {
                let way = self.draws.between(self.plan.way.0, self.plan.way.1);
                self.at(now + way, Due::Dial(Box::new(dialled)));
            }
        }
    }

    fn travel(&mut self, carried: Carried) {
        let now = true_ms();
        let is_write = carried.method != Method::Get;
        if now < self.offline || self.strikes(|rates| rates.unsent, "D04") {
            self.judge.borrow_mut().excuse(is_write, 3_000);
            let error = NoReply::NotSent(NotSent::Connect("no way".to_owned()));
            self.at(now + 5, Due::Answer(carried.answer, Box::new(Err(error))));
            return;
        }
        if self.strikes(|rates| rates.lost, "A05") {
            self.judge.borrow_mut().excuse(is_write, self.absent);
            // Held until the client gives up.
            self.at(now + 60_000, Due::Answer(carried.answer, Box::new(Err(NoReply::Unknown(Lost::Timeout)))));
            return;
        }
        let mut way = self.draws.between(self.plan.way.0, self.plan.way.1);
        if self.strikes(|rates| rates.late, "A06") {
            way += self.draws.between(500, 7_000);
            self.judge.borrow_mut().excuse(is_write, way + 20_000);
        }
        way += self.held_up(&carried);
        self.at(now + way, Due::Execute(Box::new(carried)));
    }

    fn execute(&mut self, carried: Carried) {
        let now = true_ms();
        let method = super::scripted::method(carried.method);
        let path = carried.path_and_query.split('?').next().unwrap_or_default().to_owned();
        let is_write = carried.method != Method::Get;
        let is_order = path.ends_with("/order") && carried.method == Method::Post;
        let mut way = self.draws.between(self.plan.way.0, self.plan.way.1);
        if self.strikes(|rates| rates.broken, "A07") || self.list_fails(&path, is_write) {
            let excused = if is_order { self.absent } else { 0 };
            self.judge.borrow_mut().excuse(is_order || path.ends_with("/order"), excused);
            let body = "{\"code\":-1000,\"msg\":\"An unknown error occurred while processing the request.\"}";
            self.answer(carried, now + way, (503, Vec::new(), body.to_owned()));
            return;
        }
        if is_order && self.strikes(|rates| rates.order, "A02") {
            self.spoil(&path);
        }
        if is_order && let Some((status, body)) = self.refused(&path, &carried) {
            self.answer(carried, now + way, (status, Vec::new(), body.to_owned()));
            return;
        }
        let before = self.plan.more.odd_before;
        if is_write && self.strikes_more(before, "A07") {
            self.judge.borrow_mut().excuse(true, self.absent);
            let (status, body) = Channels::odd(&mut self.draws);
            self.answer(carried, now + way, (status, Vec::new(), body.to_owned()));
            return;
        }
        if is_write && self.plan.more.lag > 0 {
            self.channels.keep(now, &mut self.core);
        }
        let key = carried.header.as_ref().map(|(_, value)| value.as_str());
        let answered = self.core.request(method, &carried.path_and_query, carried.body.as_deref(), key);
        let order = is_order.then(|| symbol_of(&carried));
        self.judge.borrow_mut().answered(order.as_deref(), &path, &answered);
        self.look();
        let Some(carried) = self.spoilt((carried, is_write), &mut way, answered.way) else { return };
        if self.strikes(|rates| rates.unanswered, "A04") {
            self.judge.borrow_mut().excuse(is_write, 20_000);
            self.at(now + 60_000, Due::Answer(carried.answer, Box::new(Err(NoReply::Unknown(Lost::Timeout)))));
            return;
        }
        if self.strikes(|rates| rates.cut, "D02") {
            self.judge.borrow_mut().excuse(is_write, 20_000);
            let error = NoReply::Unknown(Lost::Cut("cut".to_owned()));
            self.at(now + way, Due::Answer(carried.answer, Box::new(Err(error))));
            return;
        }
        if self.strikes(|rates| rates.slow, "A09") {
            way += self.draws.between(500, 8_000);
        }
        if is_write && self.strikes(|rates| rates.broken_after, "A07") {
            self.judge.borrow_mut().excuse(is_write, 20_000);
            let body = "{\"code\":-1007,\"msg\":\"Timeout waiting for response from backend server.\"}";
            self.answer(carried, now + way, (503, Vec::new(), body.to_owned()));
            return;
        }
        let after = self.plan.more.odd_after;
        if is_write && self.strikes_more(after, "A07") {
            self.judge.borrow_mut().excuse(true, 20_000);
            let (status, body) = Channels::odd(&mut self.draws);
            self.answer(carried, now + way, (status, Vec::new(), body.to_owned()));
            return;
        }
        let (status, body) = if is_write {
            (answered.status, answered.body)
        } else {
            self.shown(&path, &carried, answered.status, answered.body)
        };
        self.answer(carried, now + way, (status, answered.headers, body));
    }

    /// Lists of one kind fail for some minutes.
    fn list_fails(&mut self, path: &str, is_write: bool) -> bool {
        let now = true_ms();
        if is_write || !is_list(path) || !self.faulty() {
            return false;
        }
        if self.failing.get(path).is_some_and(|until| now < *until) {
            return true;
        }
        if self.strikes(|rates| rates.list_fails, "C07") {
            let lasts = self.draws.between(5_000, 600_000);
            self.failing.insert(path.to_owned(), now + lasts);
            self.judge.borrow_mut().told.blind(now + lasts);
            return true;
        }
        false
    }

    fn answer(
        &mut self,
        carried: Carried,
        at: i64,
        (status, headers, body): (u16, Vec<(&'static str, String)>, String),
    ) {
        let header = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let number = |name: &str| header(name).and_then(|value| value.parse::<u32>().ok());
        let windows = [("10s", Span::seconds(10)), ("1m", Span::MINUTE), ("1d", Span::DAY)];
        let counts =
            windows.iter().filter_map(|(word, span)| Some((*span, number(&format!("x-mbx-order-count-{word}"))?)));
        let reply = Reply {
            status,
            used_weight: number("x-mbx-used-weight-1m").or(number("x-sapi-used-ip-weight-1m")),
            order_counts: counts.collect(),
            retry_after: header("retry-after").and_then(|text| text.parse().ok()).map(Until::Seconds),
            server_date: None,
            body: body.into_bytes(),
            sent_at: carried.sent_at,
            received_at: carried.sent_at,
        };
        self.at(at, Due::Answer(carried.answer, Box::new(Ok(reply))));
    }

    fn happen(&mut self, what: Due) {
        let now = true_ms();
        match what {
            Due::Execute(carried) => self.execute(*carried),
            Due::Answer(answer, reply) => {
                let mut reply = *reply;
                if let Ok(reply) = &mut reply {
                    reply.received_at = super::clock::machine().now();
                }
                let _ = answer.send(reply);
            }
            Due::Dial(dialled) => self.dial(*dialled),
            Due::Frame(id, text) => {
                let Some(open) = self.lines.get_mut(&id) else { return };
                let Some(ends) = &open.ends else {
                    self.at(now + 1, Due::Frame(id, text));
                    return;
                };
                let arrival = Arrival { at: super::clock::machine().now(), bytes: text.into_bytes().into() };
                let _ = ends.frames.try_send(arrival);
            }
            Due::End(id) => {
                let Some(open) = self.lines.remove(&id) else { return };
                self.judge.borrow_mut().manners.ended(now);
                self.core.hang_up(&open.line);
                if let Some(ends) = open.ends {
                    let _ = ends.ended.send(Closed::Cut("it broke".to_owned()));
                }
            }
            Due::Pulse => {
                self.core.pulse();
                self.look();
                self.at(now + self.pulse, Due::Pulse);
            }
            Due::Act(place) => self.act(place),
        }
    }

    fn dial(&mut self, dialled: Dialled) {
        let refused = true_ms() < self.offline || self.strikes(|rates| rates.unsent, "D04");
        let line = if refused { None } else { self.core.connect(&dialled.path) };
        let Some(line) = line else {
            let _ = dialled.opened.send(Err(DialError::Connect("no way".to_owned())));
            return;
        };
        let (give, hand) = oneshot::channel();
        if dialled.opened.send(Ok(give)).is_err() {
            self.core.hang_up(&line);
            return;
        }
        self.next_line += 1;
        let path = dialled.path.split('?').next().unwrap_or_default().to_owned();
        let open = Open { line, ends: None, hand: Some(hand), after: 0, frozen: 0, closing: false, path };
        self.lines.insert(self.next_line, open);
    }

    /// What clients say on their lines, and what the venue says there.
    fn speak(&mut self) {
        let now = true_ms();
        let ids: Vec<u64> = self.lines.keys().copied().collect();
        for id in ids {
            let mut said = Vec::new();
            let mut gone = false;
            if let Some(open) = self.lines.get_mut(&id) {
                if let Some(hand) = &mut open.hand {
                    match hand.try_recv() {
                        Ok(ends) => (open.ends, open.hand) = (Some(ends), None),
                        Err(oneshot::error::TryRecvError::Empty) => {}
                        Err(oneshot::error::TryRecvError::Closed) => gone = true,
                    }
                }
                if let Some(ends) = &mut open.ends {
                    loop {
                        match ends.texts.try_recv() {
                            Ok(text) => gone |= !self.core.hear(&mut open.line, &text),
                            Err(mpsc::error::TryRecvError::Empty) => break,
                            Err(mpsc::error::TryRecvError::Disconnected) => {
                                gone = true;
                                self.judge.borrow_mut().hung_up(&open.path);
                                break;
                            }
                        }
                    }
                }
                while let Some(one) = self.core.said(&mut open.line) {
                    let last = one == Said::Closed;
                    said.push(one);
                    if last {
                        break;
                    }
                }
            }
            for one in said {
                match one {
                    Said::Text(text) => self.push(id, text, 0),
                    Said::Late(ms, text) => self.push(id, text, i64::try_from(ms).unwrap()),
                    Said::Closed => gone = true,
                }
            }
            if gone && let Some(open) = self.lines.get_mut(&id).filter(|open| !open.closing) {
                open.closing = true;
                let after = open.after.max(now);
                self.at(after, Due::End(id));
            }
        }
    }

    fn push(&mut self, id: u64, text: String, late: i64) {
        let now = true_ms();
        self.judge.borrow_mut().pushed(&text);
        let mut way = late
            + self.draws.between(self.plan.way.0, self.plan.way.1)
            + self.draws.between(self.plan.push.0, self.plan.push.1);
        if self.strikes(|rates| rates.line_lags, "B08") {
            way += self.draws.between(500, 9_000);
            self.judge.borrow_mut().excuse(true, way + 5_000);
        }
        let dies = self.strikes(|rates| rates.line_dies, "D09");
        let freezes = self.strikes(|rates| rates.line_freezes, "B06");
        let lasts = self.draws.between(10_000, 900_000);
        let doubled = self.strikes(|rates| rates.doubled, "C02");
        let mut text = text;
        if self.channels.is_bent(now) {
            let path = self.lines.get(&id).map(|open| open.path.clone()).unwrap_or_default();
            let Some(shown) = self.channels.pushed(&path, text) else { return };
            text = shown;
        }
        let Some(open) = self.lines.get_mut(&id) else { return };
        if freezes {
            open.frozen = now + lasts;
            self.judge.borrow_mut().frozen(lasts);
        }
        if open.frozen > now {
            // What would have come in that time never does.
            return;
        }
        open.after = open.after.max(now + way);
        let at = open.after;
        if dies && !open.closing {
            open.closing = true;
            self.at(at, Due::End(id));
            return;
        }
        if doubled && !open.path.contains("/public") {
            self.at(at, Due::Frame(id, text.clone()));
        }
        self.at(at, Due::Frame(id, text));
    }

    pub(super) fn look(&mut self) {
        let faulty = self.faulty();
        self.judge.borrow_mut().look((self.place, &self.core), faulty);
    }
}
