//! Every bug of the live path that `src/planted.rs` can plant must be complained about, and the same seed must be clean without it.
//!
//! `cargo test --features planted --test live_sim planted -- --nocapture` plays the seed of each bug that is known to catch it,
//! `CARRY_BUGS=sample` those of every fourth bug; `CARRY_BUGS=all` looks from seed 0 on, `CARRY_BUGS=NAME,NAME` does so for some.

use super::attack::MoreRates;
use super::game::Game;
use super::plan::{Draws, Plan, Rates, Timed, What};
use super::world;
use carry::planted::{Bug, plant};
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// Seeds after which a bug that nobody noticed is a hole in the judge.
const SEEDS: u64 = 60;
const MINUTE: i64 = 60_000;

/// What a seed is pressed with for a bug: the more of the one thing that it needs, and nothing else.
fn press(bug: Bug, plan: &mut Plan) {
    use Bug as B;
    let none = Rates::default();
    let rates = match bug {
        B::AllOrNothing => Rates { list_fails: 300, line_dies: 150, ..none },
        B::PushBeforeAnswer => Rates { slow: 3_000, ..none },
        B::RatesOnce => Rates { broken: 1_500, ..none },
        B::AbsentAfterConstant => Rates { lost: 1_500, ..none },
        B::HedgeRetriesSlowly | B::HedgeOrdered => Rates { order: 6_000, ..none },
        B::TransferRetried => Rates { unanswered: 3_000, ..none },
        B::BookDuplicate => Rates { doubled: 3_000, slow: 2_000, ..none },
        B::NoNakedAlarm => Rates { lost: 1_000, unanswered: 1_000, ..none },
        _ => return acts(bug, plan),
    };
    (plan.rates, plan.more, plan.crash_every) = (rates, MoreRates::default(), 0);
    plan.acts.clear();
    acts(bug, plan);
}

fn venue(at: i64, text: &str) -> Timed {
    Timed { at, what: What::Venue(text.to_owned(), "E12") }
}

fn order(at: i64, text: &str) -> Timed {
    Timed { at, what: What::Order(text.to_owned(), "A16") }
}

const fn kill(at: i64, lasts: i64) -> Timed {
    Timed { at, what: What::Kill(lasts) }
}

/// Prices rise by more than the margin bears without care.
fn rally() -> Vec<Timed> {
    let act = |at: i64, symbol: &str| {
        let text = format!("act = \"rally\"\nsymbol = \"{symbol}\"\nby = \"0.9\"\nover = \"20m\"");
        venue(at * MINUTE, &text)
    };
    vec![act(62, "BTCUSDT"), act(62, "ETHUSDT"), act(84, "BTCUSDT"), act(84, "ETHUSDT")]
}

/// Requests that go wrong for a bug.
fn faults(bug: Bug) -> Vec<Timed> {
    use Bug as B;
    match bug {
        B::ContradictionStops => {
            let body = "{\\\"code\\\":-2019,\\\"msg\\\":\\\"Margin is insufficient.\\\"}";
            let text = format!(
                "match = {{ path = \"/fapi/v1/order\", method = \"POST\", times = 1 }}\nstatus_after = {{ status = 400, body = \"{body}\" }}"
            );
            vec![order(5_000, &text), order(100 * MINUTE, &text)]
        }
        B::DoubtFromNow => {
            let path = "path = \"/sapi/v1/asset/transfer\"";
            let body = "{\\\"code\\\":-1007,\\\"msg\\\":\\\"Timeout.\\\"}";
            let done = format!(
                "match = {{ {path}, method = \"POST\", times = 1 }}\nstatus_after = {{ status = 503, body = \"{body}\" }}"
            );
            let unseen = format!("match = {{ {path}, method = \"GET\", times = 150 }}\nstatus = 503");
            let mut acts = rally();
            acts.extend([order(61 * MINUTE, &done), order(61 * MINUTE, &unseen)]);
            acts.extend((0..7).map(|n| kill((66 + 7 * n) * MINUTE, 200_000)));
            acts
        }
        B::BarredAtOnce => {
            let text = "match = { path = \"/ws-api/v3\", times = 1 }\nerror = { code = -1003, msg = \"Too many requests.\", status = 429 }";
            vec![order(30 * MINUTE - 2_000, text), venue(30 * MINUTE, "act = \"cut\"")]
        }
        B::TradeOnBelief => {
            let text = "match = { path = \"/fapi/v1/order\", method = \"POST\", symbol = \"BTCUSDT\", reduce_only = true, times = 7 }\nerror = { code = -2022, msg = \"ReduceOnly Order is rejected.\", status = 400 }";
            vec![order(100 * MINUTE, text)]
        }
        B::RetryAtOnce => {
            let text = "match = { path = \"/api/v3/order\", method = \"POST\", times = 90 }\nno_fill = true";
            vec![order(2_000, text)]
        }
        _ => Vec::new(),
    }
}

/// What venue and machine do for a bug. BTC is held from the first minute to the 115th and again from the 236th on, ETH from the
/// 56th.
fn happens(bug: Bug) -> Vec<Timed> {
    use Bug as B;
    let adl = |at: i64, share: &str| venue(at, &format!("act = \"adl\"\nsymbol = \"BTCUSDT\"\nshare = \"{share}\""));
    let each = |every: i64, of: &dyn Fn(i64) -> Timed| (1..12).map(|n| of(n * every)).collect::<Vec<_>>();
    match bug {
        B::AllOrNothing | B::AdlNotRepaired => each(9 * MINUTE, &|at| adl(at, "0.1")),
        B::FrozenUnseen => {
            let freeze = venue(20 * MINUTE, "act = \"freeze\"\nsymbol = \"BTCUSDT\"\nfor = \"20m\"");
            vec![freeze, adl(25 * MINUTE, "0.3")]
        }
        B::AskOnlyShown => vec![kill(20 * MINUTE, 300_000), adl(22 * MINUTE, "1")],
        B::MachineClock => {
            let step = |at: i64, by: i64| Timed { at, what: What::Step(by) };
            vec![step(10 * MINUTE, -3_600_000), step(50 * MINUTE, 7_200_000), step(80 * MINUTE, -7_200_000)]
        }
        B::TransferRetried | B::NoMarginCare => rally(),
        B::TrimExact | B::OtherFeesForgotten => vec![
            venue(1_000, "act = \"deposit\"\nwallet = \"spot\"\nasset = \"BNB\"\namount = \"5\""),
            venue(1_500, "act = \"deposit\"\nwallet = \"perp\"\nasset = \"BNB\"\namount = \"5\""),
            venue(2_000, "act = \"burn\"\non = true"),
        ],
        B::OneWitness => {
            let premium = |to: &str| format!("act = \"premium\"\nsymbol = \"ETHUSDT\"\nto = \"{to}\"\nover = \"1m\"");
            vec![venue(40 * MINUTE, &premium("0.09")), venue(75 * MINUTE, &premium("0.0004"))]
        }
        B::IdsReused | B::IntentUnwritten => each(10 * MINUTE, &|at| kill(at, 5_000)),
        B::BudgetIgnored => each(20 * MINUTE, &|at| venue(at, "act = \"ban\"\nfor = \"180s\"")),
        B::LineStaysDown | B::GapIgnored => vec![venue(30 * MINUTE, "act = \"cut\"")],
        B::ReopenedNoLists => each(9 * MINUTE, &|at| venue(at, "act = \"cut\""))
            .into_iter()
            .chain(each(9 * MINUTE, &|at| adl(at + 100, "0.1")))
            .collect(),
        _ => Vec::new(),
    }
}

/// Puts what comes at its time into the plan, a little later in each seed.
fn acts(bug: Bug, plan: &mut Plan) {
    use Bug as B;
    let mut acts = [faults(bug), happens(bug)].concat();
    if acts.is_empty() {
        return;
    }
    let shift = i64::from(plan.rates.order + plan.rates.lost) * 7 + plan.way.1 * 13 + plan.push.1;
    for timed in &mut acts {
        if matches!(timed.what, What::Kill(_)) || timed.at > 5 * MINUTE {
            timed.at += shift % MINUTE;
        }
    }
    plan.crash_every = 0;
    acts.sort_by_key(|timed| timed.at);
    (plan.acts, plan.more) = (acts, MoreRates::default());
    if !matches!(bug, B::AllOrNothing | B::TransferRetried) {
        plan.rates = Rates::default();
    }
}

/// What the judge says first of one seed up to a time, with the bug or without it, and when.
fn complaint(bug: Bug, seed: u64, (planted, until): (bool, i64)) -> Option<(String, i64)> {
    plant(planted.then_some(bug));
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut draws = Draws::new(seed);
        let mut game = Game::long(Plan::of(seed, &mut draws, false));
        press(bug, &mut game.plan);
        world::run(seed, game, draws, Some(until))
    }));
    plant(None);
    match played {
        Ok(report) => {
            if std::env::var("CARRY_BUG_LOG").is_ok() {
                report.log.iter().for_each(|line| println!("{line}"));
            }
            Some((report.found.broken.first()?.clone(), report.over))
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Some((format!("panic: {}", text.unwrap_or_default()), i64::MAX))
        }
    }
}

/// The first of these seeds that complains with the bug and is clean without it; what it says, and how many were played.
fn caught(bug: Bug, seeds: impl Iterator<Item = u64>) -> Result<(u64, u64, String), Vec<String>> {
    let mut dirty = Vec::new();
    for (count, seed) in (1..).zip(seeds) {
        let Some((said, at)) = complaint(bug, seed, (true, i64::MAX)) else { continue };
        // What no fault explains is not there without the bug, up to some time after the complaint.
        match complaint(bug, seed, (false, at.saturating_add(10 * MINUTE))) {
            None => return Ok((seed, count, said)),
            Some((without, _)) => dirty.push(format!("seed {seed} without the bug: {without}")),
        }
    }
    Err(dirty)
}

#[test]
fn planted_bugs_of_the_live_path_are_caught() {
    let asked = std::env::var("CARRY_BUGS").unwrap_or_default();
    let known = |bug: Bug| SEEDS_OF.iter().find(|(of, _)| *of == bug).map(|(_, seed)| *seed);
    let names = |bug: &Bug| asked.split(',').any(|name| name == format!("{bug:?}"));
    let wanted = |(place, bug): &(usize, Bug)| match asked.as_str() {
        "" | "all" => true,
        "sample" => place % 4 == 0,
        _ => names(bug),
    };
    let bugs: Vec<Bug> = Bug::LIVE.into_iter().enumerate().filter(wanted).map(|(_, bug)| bug).collect();
    assert!(!bugs.is_empty(), "CARRY_BUGS names no bug");
    let bound = std::env::var("CARRY_BUG_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(SEEDS);
    let next = Mutex::new(bugs.into_iter());
    let missed = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(bug) = next.lock().unwrap().next() else { return };
                    let result = match known(bug).filter(|_| matches!(asked.as_str(), "" | "sample")) {
                        Some(seed) => caught(bug, seed..=seed),
                        None => caught(bug, 0..bound),
                    };
                    match result {
                        Ok((seed, count, said)) => {
                            let said: String = said.chars().take(150).collect();
                            println!("{bug:?}: caught at seed {seed} after {count} seeds: {said}");
                        }
                        Err(dirty) => {
                            println!(
                                "{bug:?}: NOT caught; {} seeds complain without it: {:?}",
                                dirty.len(),
                                dirty.first()
                            );
                            let _ = writeln!(missed.lock().unwrap(), "{bug:?} {}", dirty.join("\n    "));
                        }
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "nobody noticed, or seeds are not clean without the bug:\n{missed}");
}

/// The seed that catches a bug, found from seed 0 on.
const SEEDS_OF: &[(Bug, u64)] = &[
    (Bug::IgnoreCoinFee, 0),
    (Bug::BookDuplicate, 0),
    (Bug::HedgeOrdered, 0),
    (Bug::NoMarginCare, 0),
    (Bug::StreamMustFollow, 0),
    (Bug::AllOrNothing, 0),
    (Bug::FrozenUnseen, 0),
    (Bug::AskOnlyShown, 0),
    (Bug::ContradictionStops, 0),
    (Bug::MachineClock, 0),
    (Bug::RatesOnce, 0),
    (Bug::DoubtFromNow, 0),
    (Bug::BarredAtOnce, 0),
    (Bug::TrimExact, 0),
    (Bug::TradeOnBelief, 0),
    (Bug::HedgeRetriesSlowly, 0),
    (Bug::AbsentAfterConstant, 4),
    (Bug::RetryAtOnce, 0),
    (Bug::OneWitness, 0),
    (Bug::PushBeforeAnswer, 0),
    (Bug::IncomeTwice, 0),
    (Bug::TransferRetried, 0),
    (Bug::ListOverFills, 0),
    (Bug::AdlNotRepaired, 0),
    (Bug::OtherFeesForgotten, 0),
    (Bug::IntentUnwritten, 0),
    (Bug::IdsReused, 0),
    (Bug::BudgetIgnored, 0),
    (Bug::KeyNotKept, 0),
    (Bug::LineStaysDown, 0),
    (Bug::ReopenedNoLists, 0),
    (Bug::GapIgnored, 0),
    (Bug::ClockOnce, 0),
    (Bug::NoNakedAlarm, 1),
];
