//! What a screen says, and what a yes is about.

use super::*;
use crate::config::Settings;
use crate::engine::State;
use crate::sim::{Generator, START};
use ratatui::backend::TestBackend;

fn watch() -> (Watch, Receiver<Order>, State) {
    let (orders, taken) = channel();
    let state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
    (Watch::new((PathBuf::from("state/main"), "PAPER".to_owned()), orders), taken, state)
}

#[test]
fn what_was_heard_five_seconds_ago_is_grey_and_says_so() {
    let (mut watch, _taken, state) = watch();
    watch.hear(News::Now(Box::new(Snapshot::of(&state, START))), Duration::from_secs(10));
    let screen = |watch: &Watch, at: u64| {
        let mut terminal = ratatui::Terminal::new(TestBackend::new(100, 24)).unwrap();
        terminal.draw(|frame| watch.draw(frame, Duration::from_secs(at))).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let head: String = buffer.content().iter().take(100).map(ratatui::buffer::Cell::symbol).collect();
        let body = buffer.content().get(5 * 100).map(|cell| cell.fg).unwrap();
        (head, body == Color::DarkGray)
    };
    let (head, grey) = screen(&watch, 12);
    assert!(head.contains("2s old") && !head.contains("STALE") && !grey, "{head}");
    let (head, grey) = screen(&watch, 15);
    assert!(head.contains("STALE, NO ANSWER for 5s") && grey, "{head}");
    watch.hear(News::Silent("process 7 exists and does not answer".to_owned()), Duration::from_secs(16));
    let (head, _) = screen(&watch, 17);
    assert!(head.contains("STALE, NO ANSWER for 7s: process 7 exists"), "{head}");
}

#[test]
fn a_pair_says_whose_it_is_where_there_are_several_strategies() {
    let (mut watch, _taken, state) = watch();
    let mut now = Snapshot::of(&state, START);
    now.pairs[1].strategy = Some("two".to_owned());
    let name = now.pairs[1].pair.clone();
    watch.hear(News::Now(Box::new(now)), Duration::ZERO);
    watch.key(KeyCode::Char('2'));
    watch.key(KeyCode::Down);
    let mut terminal = ratatui::Terminal::new(TestBackend::new(100, 24)).unwrap();
    terminal.draw(|frame| watch.draw(frame, Duration::ZERO)).unwrap();
    let screen = terminal.backend().to_string();
    let whose = format!("{name} (two)");
    assert_eq!(screen.matches(&whose).count(), 2, "in the table, and below of the chosen one: {screen}");
    assert_eq!(screen.matches("(two)").count(), 2, "{screen}");
}

#[test]
fn what_would_change_nothing_has_no_plan() {
    let (mut watch, _taken, state) = watch();
    watch.hear(News::Now(Box::new(Snapshot::of(&state, START))), Duration::ZERO);
    watch.key(KeyCode::Char('r'));
    assert!(watch.asked.is_none() && watch.said.starts_with("resume: entries are not paused"), "{}", watch.said);
    watch.key(KeyCode::Char('p'));
    assert!(watch.asked.is_some(), "a pause is planned whatever stands");
    watch.key(KeyCode::Esc);
    watch.hear(News::Now(Box::new(Snapshot { paused: true, ..Snapshot::of(&state, START) })), Duration::ZERO);
    watch.key(KeyCode::Char('r'));
    assert!(watch.asked.is_some(), "{}", watch.said);
}

#[test]
fn a_plan_that_comes_late_takes_no_place_of_what_is_asked_by_then() {
    let (mut watch, taken, state) = watch();
    watch.hear(News::Now(Box::new(Snapshot::of(&state, START))), Duration::ZERO);
    let late = |watch: &mut Watch, key: char| {
        watch.key(KeyCode::Char(key));
        let Ok(Order::Plan(number, request)) = taken.try_recv() else { panic!("a plan is asked for") };
        let (text, orders) = crate::control::plans::closing(&state, state.pairs.iter());
        let act = request.act().unwrap();
        let plan = crate::control::plans::Plans::default().show(&act, (text, orders), &state, Duration::ZERO).unwrap();
        News::Planned(Box::new((number, request, plan)))
    };
    let verb = |watch: &Watch| watch.asked.as_ref().map(|asked| asked.request.verb);
    let plan = late(&mut watch, 'f');
    watch.key(KeyCode::Char('p'));
    watch.hear(plan, Duration::ZERO);
    assert_eq!(verb(&watch), Some(Verb::Pause), "a yes would have flattened all");
    watch.key(KeyCode::Esc);
    for leaves in [KeyCode::Esc, KeyCode::Char('r')] {
        let plan = late(&mut watch, 'f');
        watch.key(leaves);
        watch.hear(plan, Duration::ZERO);
        assert_eq!(verb(&watch), None, "it was left: {leaves:?}");
    }
    let (first, second) = (late(&mut watch, 'f'), late(&mut watch, 'l'));
    watch.hear(first, Duration::ZERO);
    assert_eq!(verb(&watch), None);
    watch.hear(second, Duration::ZERO);
    assert_eq!(verb(&watch), Some(Verb::Reload));
}
