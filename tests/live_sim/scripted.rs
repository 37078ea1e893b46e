//! Each fault script of the loopback tests played here, where its way is judged and not only its end.
//!
//! The same texts run in `tests/live.rs` with real processes and sockets on a fast clock; here the clock is the venue's own.

use super::attack::MoreRates;
use super::clock::true_ms;
use super::face::Face;
use super::game::{Game, LONG, START};
use super::market::{HIGH, compressed};
use super::network::{Due, Network};
use super::plan::{Draws, Plan, Rates, Timed, What};
use super::scripts::{End, Row};
use super::world::{Report, run};
use carry::loopback::WayBack;
use carry::net::NoReply;
use carry::net::carrier::Carried;
use carry::net::http::Lost;
use carry::venues::ask::Method;

const MINUTE: i64 = 60_000;
/// The pair is entered in the first minutes and left after this one, as in the loopback tests.
const LEFT: u32 = 150;
/// Too little in the perp wallet: money is moved there first.
const MONEY: (i64, i64) = (100_000, 0);

impl Network {
    /// Milliseconds for which a rule of the script holds a request back.
    pub(super) fn held_up(&mut self, carried: &Carried) -> i64 {
        let held = self.core.held_up(method(carried.method), &carried.path_and_query, carried.body.as_deref());
        let ms = i64::try_from(held.unwrap_or(0)).unwrap();
        self.judge.borrow_mut().excuse(ms > 0 && carried.method != Method::Get, ms + 20_000);
        ms
    }

    /// What a rule of the script does to an answer: `None` when it is cut.
    pub(super) fn spoilt(
        &mut self,
        (carried, is_write): (Carried, bool),
        way: &mut i64,
        back: WayBack,
    ) -> Option<Carried> {
        let late = i64::try_from(back.delay_ms).unwrap();
        *way += late;
        self.judge.borrow_mut().excuse(is_write && late > 0, late + 20_000);
        if !back.dropped && !back.short {
            return Some(carried);
        }
        self.judge.borrow_mut().excuse(is_write, 20_000);
        let error = NoReply::Unknown(Lost::Cut("cut".to_owned()));
        let at = true_ms() + *way;
        self.at(at, Due::Answer(carried.answer, Box::new(Err(error))));
        None
    }
}

/// The verb as the venue's documents write it.
pub(super) const fn method(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
    }
}

/// The parts of a fault file: rules from the start on, and acts at their times.
fn parts(script: &str) -> Vec<Timed> {
    let mut timed = Vec::new();
    let mut rest = script;
    while let Some(at) = rest.find("[[") {
        let (word, body) = rest[at + 2..].split_once("]]").unwrap();
        let end = body.find("[[").unwrap_or(body.len());
        let (text, after) = body.split_at(end);
        rest = after;
        match word {
            "fault" => timed.push(Timed { at: 0, what: What::Order(text.to_owned(), "script") }),
            "act" => {
                let (mut at, mut lines) = (0, Vec::new());
                for line in text.lines() {
                    match line.strip_prefix("at = \"") {
                        Some(time) => at = millis(time.trim_end_matches('"')),
                        None => lines.push(line),
                    }
                }
                timed.push(Timed { at, what: What::Venue(lines.join("\n").trim().to_owned(), "script") });
            }
            other => panic!("a part [[{other}]]"),
        }
    }
    timed.sort_by_key(|one| one.at);
    timed
}

/// `90m`, `30s`, `2h` or several in a row, as in `2h30m`.
fn millis(text: &str) -> i64 {
    let (mut sum, mut number) = (0, 0);
    for one in text.chars() {
        match one {
            '0'..='9' => number = number * 10 + i64::from(one.to_digit(10).unwrap()),
            'h' => (sum, number) = (sum + number * 60 * MINUTE, 0),
            'm' => (sum, number) = (sum + number * MINUTE, 0),
            's' => (sum, number) = (sum + number * 1_000, 0),
            other => panic!("a time with {other}"),
        }
    }
    sum
}

/// Plays one row.
pub(crate) fn play(row: &Row) -> (Report, Vec<String>) {
    let plan = Plan {
        rates: Rates::default(),
        acts: parts(row.script),
        until: i64::from(LEFT + 100) * MINUTE,
        way: (5, 30),
        push: (0, 20),
        crash_every: 0,
        more: MoreRates::default(),
    };
    let market = format!("{HIGH}{}", compressed(LEFT));
    let symbols = &["BTCUSDT"];
    let (more, face): (&[&str], _) = (&[], Face::Binance);
    let (set, start, length) = (row.set, START, LONG);
    let held = &[];
    let (there, asleep, parts) = (None, true, &[]);
    let game = Game { plan, market, money: MONEY, symbols, set, more, face, there, held, start, length, asleep, parts };
    let report = run(1, game, Draws::new(1), None);
    let mut wrong = report.found.broken.clone();
    if matches!(row.end, End::Apart) {
        // A stranger moved the account: the books need not agree, but somebody must have been told.
        wrong.retain(|one| !one.starts_with("I5") && !one.starts_with("I20") && !one.starts_with("it showed"));
    }
    let rang: Vec<String> =
        report.rang.iter().map(|kind| serde_json::to_value(kind).unwrap().as_str().unwrap().to_owned()).collect();
    // Lines that are cut are back before the whole venue counts as out of reach: here the clock is not a fast one.
    let told = |kind: &str| rang.iter().any(|one| one == kind || kind == "venue_down" && one == "part_missing");
    if let Some(kind) = row.alarm
        && !told(kind)
    {
        wrong.push(format!("I19: no alarm {kind}, only {rang:?}"));
    }
    (report, wrong)
}
