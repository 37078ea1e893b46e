//! `carry watch`: a session on a terminal, drawn again each second, with its acts: each shows its plan and wants a typed yes.
//!
//! It asks the session over its control socket as every verb does; nothing here decides. The keyboard never waits for the
//! session: a thread asks, and this one draws. Tests: `watch_tests.rs`, `tests/commands/watch.rs`.

use super::control::{Line, told};
use super::folder::{self, Folder, Where};
use super::{Exit, Failure, Output, screen};
use crate::control::foresee;
use crate::control::plans::Plan;
use crate::control::presence::Presence;
use crate::control::request::{Request, Verb};
use crate::control::snapshot::{PairRow, Snapshot};
use crate::net::machine_clock::Stopwatch;
use crate::report::figures;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line as Row;
use ratatui::widgets::{Block, Clear, Paragraph, Table, Wrap};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// A session on the terminal: overview, pairs, events, and acts with their plan
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry watch                       the session that runs
  carry watch --state state/main    also over ssh, from 80 columns and 24 lines on

Keys: 1 overview, 2 pairs, 3 events, Tab the next; up and down choose a pair or scroll; p pause, r resume, f flatten all, c close the
chosen pair, h halt, l read the files again; q ends watching, not the session. An act shows its plan and is done when you type yes; Esc leaves it.")]
pub struct Args {
    #[command(flatten)]
    place: Where,
}

/// Time between two looks at the session.
const EVERY: Duration = Duration::from_secs(1);
/// What was heard so long ago is grey, as on the page.
const STALE: Duration = Duration::from_secs(5);
/// Longest wait for a key before the screen is drawn again.
const KEY: Duration = Duration::from_millis(100);

/// What the other thread is asked to do.
enum Order {
    /// A plan, with the number under which it is waited for.
    Plan(u64, Request),
    Do(Request),
}

/// What it says.
enum News {
    Now(Box<Snapshot>),
    Silent(String),
    Planned(Box<(u64, Request, Plan)>),
    Said(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Overview,
    Pairs,
    Events,
}

const TABS: [(Tab, &str); 3] = [(Tab::Overview, "1 overview"), (Tab::Pairs, "2 pairs"), (Tab::Events, "3 events")];

/// An act that waits for a person's word.
struct Asked {
    request: Request,
    lines: Vec<String>,
    typed: String,
}

/// All that is shown.
struct Watch {
    dir: PathBuf,
    /// PAPER, SHADOW or LIVE.
    mode: String,
    view: Tab,
    now: Option<Snapshot>,
    heard: Option<Duration>,
    silent: Option<String>,
    chosen: usize,
    scroll: u16,
    asked: Option<Asked>,
    /// Plans that were asked for, and whether the last of them is still waited for.
    planned: (u64, bool),
    said: String,
    orders: Sender<Order>,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 without a terminal, 1 when no session runs there.
pub fn run(args: &Args, _output: &mut Output<'_>) -> Result<(), Failure> {
    let dir = folder::dir(args.place.named())?;
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "carry watch needs a terminal; expected carry status --watch in a pipe"));
    }
    drop(Line::to(&dir)?);
    let mode = Folder::open(&args.place)?.identity().mode.to_uppercase();
    let (orders, taken) = channel();
    let (tell, told) = channel();
    let to = dir.clone();
    std::thread::Builder::new().name("watch".to_owned()).spawn(move || ask(&to, &taken, &tell))?;
    let mut watch = Watch::new((dir, mode), orders);
    let mut terminal = ratatui::try_init()?;
    let ended = turn(&mut terminal, &mut watch, &told);
    ratatui::restore();
    Ok(ended?)
}

fn turn(terminal: &mut ratatui::DefaultTerminal, watch: &mut Watch, told: &Receiver<News>) -> std::io::Result<()> {
    let clock = Stopwatch::start();
    loop {
        for news in told.try_iter() {
            watch.hear(news, clock.elapsed());
        }
        terminal.draw(|frame| watch.draw(frame, clock.elapsed()))?;
        if event::poll(KEY)?
            && let Event::Key(key) = event::read()?
            && key.kind != KeyEventKind::Release
        {
            let ends = key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c');
            if ends || watch.key(key.code) {
                return Ok(());
            }
        }
    }
}

/// Asks the session each second, and what it is told to ask, until nobody listens.
fn ask(dir: &Path, orders: &Receiver<Order>, tell: &Sender<News>) {
    loop {
        let news = match orders.recv_timeout(EVERY) {
            Ok(Order::Plan(number, request)) => match Line::to(dir).and_then(|mut line| line.ask(&request)) {
                Ok(reply) => match reply.plan {
                    Some(plan) => News::Planned(Box::new((number, request, plan))),
                    None if request.verb == Verb::Reload => {
                        News::Said("reload: nothing that it takes differs".to_owned())
                    }
                    None => News::Said(format!("{}: done", word(request.verb))),
                },
                Err(failure) => News::Said(failure.to_string()),
            },
            Ok(Order::Do(request)) => match Line::to(dir).and_then(|mut line| line.ask(&request)) {
                Ok(_) => News::Said(format!("{}: done", word(request.verb))),
                Err(failure) => News::Said(failure.to_string()),
            },
            Err(RecvTimeoutError::Timeout) => look(dir),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let acted = matches!(news, News::Said(_));
        if tell.send(news).is_err() || acted && tell.send(look(dir)).is_err() {
            return;
        }
    }
}

fn look(dir: &Path) -> News {
    match told(dir) {
        Presence::Now(snapshot) => News::Now(snapshot),
        Presence::Silent(Some(id)) => News::Silent(format!("process {id} exists and does not answer")),
        Presence::Silent(None) => News::Silent("its process exists and does not answer".to_owned()),
        Presence::Gone => News::Silent("no process runs there, or one of another version".to_owned()),
    }
}

fn word(verb: Verb) -> String {
    serde_json::to_value(verb).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Watch {
    fn new((dir, mode): (PathBuf, String), orders: Sender<Order>) -> Self {
        Self {
            dir,
            mode,
            view: Tab::Overview,
            now: None,
            heard: None,
            silent: None,
            chosen: 0,
            scroll: 0,
            asked: None,
            planned: (0, false),
            said: String::new(),
            orders,
        }
    }

    fn hear(&mut self, news: News, at: Duration) {
        match news {
            News::Now(snapshot) => {
                self.chosen = self.chosen.min(snapshot.pairs.len().saturating_sub(1));
                (self.now, self.heard, self.silent) = (Some(*snapshot), Some(at), None);
            }
            News::Silent(why) => self.silent = Some(why),
            News::Planned(planned) => {
                let (number, request, plan) = *planned;
                // **Invariant**: what a yes is about is never exchanged under the hand that types it.
                if self.planned != (number, true) || self.asked.is_some() {
                    return;
                }
                self.planned.1 = false;
                let mut lines: Vec<String> = plan.text.lines().map(str::to_owned).collect();
                lines.extend(plan.orders.iter().map(|order| {
                    let about = order.about.map_or_else(|| figures::NONE.to_owned(), figures::money);
                    format!(
                        "{} {} {} {} coins, about {about} {}",
                        order.pair, order.leg, order.side, order.coins, order.quote
                    )
                }));
                let request = Request { token: Some(plan.token), ..request };
                self.asked = Some(Asked { request, lines, typed: String::new() });
            }
            News::Said(text) => self.said = text.lines().collect::<Vec<_>>().join(" "),
        }
    }

    /// A key; true when watching is to end.
    fn key(&mut self, key: KeyCode) -> bool {
        if self.asked.is_some() {
            self.answer(key);
            return false;
        }
        let next = TABS.iter().position(|(view, _)| *view == self.view).map_or(0, |place| (place + 1) % TABS.len());
        let most = self.now.as_ref().map_or(0, |now| now.pairs.len().saturating_sub(1));
        match key {
            KeyCode::Char('q') => return true,
            KeyCode::Char('1') => self.show(Tab::Overview),
            KeyCode::Char('2') => self.show(Tab::Pairs),
            KeyCode::Char('3') => self.show(Tab::Events),
            KeyCode::Tab => self.show(TABS.get(next).map_or(Tab::Overview, |(view, _)| *view)),
            KeyCode::Down => (self.chosen, self.scroll) = ((self.chosen + 1).min(most), self.scroll.saturating_add(1)),
            KeyCode::Up => (self.chosen, self.scroll) = (self.chosen.saturating_sub(1), self.scroll.saturating_sub(1)),
            KeyCode::Char('p') => {
                self.confirm(Verb::Pause, "no new entries; what is held is managed and closed as before");
            }
            KeyCode::Char('r') => {
                self.confirm(Verb::Resume, "entries are allowed again");
            }
            KeyCode::Char('h') => {
                self.confirm(Verb::Halt, "nothing is sent any more, not even what lowers risk, until carry clear-halt");
            }
            KeyCode::Char('f') => self.plan(Request::new(Verb::Flatten)),
            KeyCode::Char('l') => self.plan(Request::new(Verb::Reload)),
            KeyCode::Char('c') => match self.pair().map(|row| row.pair.clone()) {
                Some(pair) => self.plan(Request { pair: Some(pair), ..Request::new(Verb::Close) }),
                None => "there is no pair to close".clone_into(&mut self.said),
            },
            KeyCode::Esc => self.planned.1 = false,
            _ => {}
        }
        false
    }

    const fn show(&mut self, view: Tab) {
        (self.view, self.scroll) = (view, 0);
    }

    fn pair(&self) -> Option<&PairRow> {
        self.now.as_ref()?.pairs.get(self.chosen)
    }

    /// An act without a plan of orders.
    fn confirm(&mut self, verb: Verb, means: &str) {
        // Whoever asks for something else waits for no plan of before.
        self.planned.1 = false;
        let idle = self.now.as_ref().and_then(|now| foresee::idle(verb, now.paused, &now.stops));
        if let Some(why) = idle {
            self.said = format!("{}: {why}", word(verb));
            return;
        }
        let lines = vec![format!("{}: {means}", word(verb))];
        self.asked = Some(Asked { request: Request::new(verb), lines, typed: String::new() });
    }

    fn plan(&mut self, request: Request) {
        "asking for the plan".clone_into(&mut self.said);
        self.planned = (self.planned.0 + 1, true);
        let _ = self.orders.send(Order::Plan(self.planned.0, request));
    }

    fn answer(&mut self, key: KeyCode) {
        let Some(asked) = &mut self.asked else { return };
        match key {
            KeyCode::Esc => {
                self.asked = None;
                "nothing was sent".clone_into(&mut self.said);
            }
            KeyCode::Backspace => drop(asked.typed.pop()),
            KeyCode::Char(letter) if asked.typed.len() < 8 => asked.typed.push(letter),
            KeyCode::Enter => {
                let agreed = asked.typed == "yes";
                let request = asked.request.clone();
                self.asked = None;
                if agreed {
                    "sent".clone_into(&mut self.said);
                    let _ = self.orders.send(Order::Do(request));
                } else {
                    "nothing was sent: only yes does it".clone_into(&mut self.said);
                }
            }
            _ => {}
        }
    }

    fn draw(&self, frame: &mut Frame<'_>, at: Duration) {
        let [head, body, said, keys] =
            Layout::vertical([Constraint::Length(1), Constraint::Min(3), Constraint::Length(1), Constraint::Length(1)])
                .areas(frame.area());
        frame.render_widget(self.head(at), head);
        match (&self.now, self.view) {
            (None, _) => frame.render_widget(Paragraph::new("waiting for the session"), body),
            (Some(now), Tab::Overview) => self.lines(frame, body, screen::lines("", now, usize::from(body.width))),
            (Some(now), Tab::Pairs) => self.pairs(frame, body, now),
            (Some(now), Tab::Events) => self.lines(frame, body, events(now)),
        }
        if self.is_stale(at) {
            // Grey: what stands there is of before, and nothing of it is said of now.
            frame.buffer_mut().set_style(body, Style::new().fg(Color::DarkGray).add_modifier(Modifier::DIM));
        }
        frame.render_widget(Paragraph::new(self.said.as_str()), said);
        let keys_text = "p pause  r resume  f flatten  c close pair  h halt  l reload  Tab view  q quit";
        frame.render_widget(Paragraph::new(keys_text).style(Style::new().add_modifier(Modifier::DIM)), keys);
        if let Some(asked) = &self.asked {
            popup(frame, &self.mode, asked);
        }
    }

    /// How old what is shown is; since the start where nothing came yet.
    fn age(&self, at: Duration) -> Duration {
        at.saturating_sub(self.heard.unwrap_or_default())
    }

    fn is_stale(&self, at: Duration) -> bool {
        self.silent.is_some() || self.age(at) >= STALE
    }

    /// Where it looks, and whether what is shown is of now.
    fn head(&self, at: Duration) -> Paragraph<'_> {
        let views = TABS.map(|(view, name)| if view == self.view { format!("[{name}]") } else { format!(" {name} ") });
        let state = self.now.as_ref().map_or("", |now| now.state.as_str()).to_uppercase();
        let age = self.age(at).as_secs();
        let (told, color) = match (&self.silent, state.as_str()) {
            (Some(why), _) => (format!("STALE, NO ANSWER for {age}s: {why}"), Color::Red),
            (None, _) if self.is_stale(at) => (format!("STALE, NO ANSWER for {age}s"), Color::Red),
            (None, "READY") => (format!("{age}s old"), Color::Green),
            (None, "HALTED") => (format!("{age}s old"), Color::Red),
            (None, _) => (format!("{age}s old"), Color::Yellow),
        };
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let text = format!("{} {name}  {state}  {told}  {}", self.mode, views.join(""));
        Paragraph::new(text).style(Style::new().fg(color).add_modifier(Modifier::BOLD))
    }

    fn lines(&self, frame: &mut Frame<'_>, area: Rect, lines: Vec<String>) {
        let text: Vec<Row<'_>> = lines.into_iter().map(Row::from).collect();
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }).scroll((self.scroll, 0)), area);
    }

    fn pairs(&self, frame: &mut Frame<'_>, area: Rect, now: &Snapshot) {
        let widths =
            [Constraint::Fill(3), Constraint::Length(9), Constraint::Fill(2), Constraint::Fill(2), Constraint::Fill(2)];
        let rows = now.pairs.iter().enumerate().map(|(place, row)| {
            let style = if place == self.chosen { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new() };
            let coins = [row.spot_coins.to_string(), row.perp_coins.to_string(), figures::money(row.net)];
            let cells = [row.named(), row.phase.clone()].into_iter().chain(coins);
            ratatui::widgets::Row::new(cells.collect::<Vec<_>>()).style(style)
        });
        let head = ratatui::widgets::Row::new(["pair", "phase", "long coins", "short coins", "net"]);
        let table =
            Table::new(rows.collect::<Vec<_>>(), widths).header(head.style(Style::new().add_modifier(Modifier::BOLD)));
        let why = self.pair().map_or_else(String::new, about);
        let [top, below] = Layout::vertical([Constraint::Min(3), Constraint::Length(4)]).areas(area);
        frame.render_widget(table, top);
        frame.render_widget(Paragraph::new(why).wrap(Wrap { trim: true }), below);
    }
}

/// The chosen pair in words.
fn about(row: &PairRow) -> String {
    let rate = row.expected.map_or_else(|| "not known".to_owned(), screen::rate);
    let waits = row.waits_for.as_deref().unwrap_or("-");
    let refused = row.refused.as_ref().map_or_else(String::new, |why| format!("; refused: {why}"));
    let latched = row.latched.map_or_else(String::new, |latch| format!("; latched: {}", latch.cause.as_str()));
    format!("{}: next settlement {rate}; waits for: {waits}{refused}{latched}", row.named())
}

/// What stops it, what rang, and what is not settled.
fn events(now: &Snapshot) -> Vec<String> {
    let mut lines = vec!["Why less is done than could be:".to_owned()];
    lines.extend(now.stops.iter().map(|stop| format!("  {}", screen::stop_words(stop, now.at_ms))));
    if now.stops.is_empty() {
        lines.push("  nothing stops it".to_owned());
    }
    lines.push("Alarms since the start:".to_owned());
    lines.extend(now.alarms.iter().map(|(kind, times)| format!("  {kind} {times}")));
    if now.alarms.is_empty() {
        lines.push("  none".to_owned());
    }
    lines.push("Orders that are not settled:".to_owned());
    lines.extend(now.orders.iter().map(|order| {
        format!("  {} {} {} {} {} of {}", order.id, order.pair, order.leg, order.side, order.filled, order.quantity)
    }));
    if now.orders.is_empty() {
        lines.push("  none".to_owned());
    }
    lines
}

fn popup(frame: &mut Frame<'_>, mode: &str, asked: &Asked) {
    let all = frame.area();
    let width = all.width.saturating_sub(8).max(20).min(all.width);
    let height = u16::try_from(asked.lines.len()).unwrap_or(u16::MAX).saturating_add(6).min(all.height);
    let area = Rect::new((all.width - width) / 2, (all.height - height) / 2, width, height);
    let [text, typed] = Layout::vertical([Constraint::Min(1), Constraint::Length(1)])
        .areas(area.inner(ratatui::layout::Margin::new(1, 1)));
    let rows: Vec<Row<'_>> = asked.lines.iter().map(|line| Row::from(line.as_str())).collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Block::bordered().title(format!(" {mode}: the plan; nothing was sent yet ")), area);
    frame.render_widget(Paragraph::new(rows).wrap(Wrap { trim: true }), text);
    frame
        .render_widget(Paragraph::new(format!("Type yes and Enter to do it, Esc to leave it: {}", asked.typed)), typed);
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
