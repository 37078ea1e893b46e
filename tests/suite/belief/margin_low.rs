//! The warning of a wallet near liquidation: it does not come and go at its threshold, and it ends with what it was about.

use super::core::Core;
use carry::config::Settings;
use carry::config::settings::MarginMode;
use carry::domain::Span;
use carry::engine::standing::{Standing, Why};
use carry::port::Command;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::{Operator, Wallet};

/// Holds a coin short with so much of the quote coin behind them: at 10,000 the distance is 50.4 %, at 10,100 48.9 %.
fn holding() -> Core {
    let mut core = Core::new(Settings::default());
    core.mark("10000", "10000");
    core.hold(10_000);
    core.wallet(Wallet::Perp, 5_100);
    core
}

fn at(core: &mut Core, mark: u32) {
    let mark = mark.to_string();
    core.later(Span::seconds(5));
    core.books(&mark);
    core.mark(&mark, &mark);
    core.turn();
}

fn told(core: &Core) -> usize {
    core.said.iter().filter(|one| matches!(one, Command::Alarm(alarm) if alarm.kind == AlarmKind::MarginLow)).count()
}

fn is_low(core: &Core) -> bool {
    Standing::of(&core.state).reasons.iter().any(|reason| reason.why == Why::MarginLow)
}

#[test]
fn f01_the_warning_does_not_come_and_go_at_its_threshold() {
    let mut core = holding();
    for _ in 0..20 {
        at(&mut core, 10_000);
        at(&mut core, 10_100);
    }
    assert_eq!((told(&core), is_low(&core)), (1, true));
    // Half of the way from margin.warn to margin.target it is over: 55 %.
    for mark in [10_000, 9_900, 9_800] {
        at(&mut core, mark);
        assert!(is_low(&core), "{mark}");
    }
    for mark in [9_700, 9_600, 9_500] {
        at(&mut core, mark);
    }
    assert!(!is_low(&core), "it is far enough");
    for mark in [9_600, 9_700, 9_800, 9_900, 10_000] {
        at(&mut core, mark);
        assert_eq!(told(&core), 1, "{mark}: not below margin.warn yet");
    }
    at(&mut core, 10_100);
    assert_eq!((told(&core), is_low(&core)), (2, true));
}

#[test]
fn f01_the_warning_of_an_isolated_position_does_not_come_and_go_either() {
    let mut settings = Settings::default();
    settings.margin.mode = MarginMode::Isolated;
    let mut core = Core::new(settings);
    core.mark("10000", "10000");
    core.hold(10_000);
    // The position holds its value at 1x: it is low from some 13,280 on.
    for mark in (100..=132).map(|hundreds| hundreds * 100) {
        at(&mut core, mark);
    }
    for _ in 0..20 {
        at(&mut core, 13_200);
        at(&mut core, 13_300);
    }
    assert_eq!(told(&core), 1);
}

#[test]
fn f01_the_warning_ends_with_the_position() {
    let mut core = holding();
    at(&mut core, 10_100);
    assert!(is_low(&core));
    let from = core.said.len();
    core.tell(Event::Operator(Operator::Flatten { pair: None }));
    for intent in core.placed(from) {
        core.fill(&intent);
    }
    core.trade();
    assert!(core.state.held(&core.state.pairs[0]).1.is_zero(), "it is closed");
    assert!(!is_low(&core), "nothing is held that could be liquidated");
}
