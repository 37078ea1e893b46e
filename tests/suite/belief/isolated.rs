//! L04: margin of an isolated position arrives in the position and is measured there; the short survives the rally.

use super::core::{Core, price};
use carry::config::Settings;
use carry::config::settings::MarginMode;
use carry::domain::{Amount, InstrumentId, Leg, Rate, Span, margin};
use carry::port::command::AlarmKind;
use carry::port::event::Wallet;
use carry::port::health::Listed;
use carry::port::{Command, Event};
use carry::sim::Accounts;

/// A venue beside the core: the isolated position's own money, by the same rules as any.
struct Venue {
    isolated: Amount,
    /// What arrives with the next list.
    answers: Vec<Event>,
}

impl Venue {
    /// Takes what the core sent since `from`.
    fn take(&mut self, core: &mut Core, from: usize, refuses: bool) {
        let sent: Vec<Command> = core.said[from..].to_vec();
        for command in sent {
            match command {
                Command::AddMargin { instrument, amount } => {
                    let taken = !refuses;
                    if taken {
                        self.isolated += amount;
                    }
                    self.answers.push(Event::MarginAdded { instrument, amount, taken });
                }
                Command::Transfer(transfer) => {
                    core.tell(Event::TransferSent(transfer));
                    core.tell(Event::TransferDone(transfer));
                }
                _ => {}
            }
        }
    }

    fn list(&mut self, core: &mut Core, mark: &str) {
        for event in std::mem::take(&mut self.answers) {
            core.tell(event);
        }
        let (_, coins) = core.state.held(&core.state.pairs[0]);
        let isolated = Some(self.isolated);
        let listed = Listed { coins, mark: Some(price(mark)), liquidation: None, isolated, at: None };
        let instrument: InstrumentId = core.perp();
        core.tell(Event::PositionListed { instrument, listed });
    }

    /// Distance to liquidation by the venue's own figures.
    fn distance(&self, core: &Core, mark: &str) -> Rate {
        let book = core.state.ledger.pair(core.state.pairs[0].pair.id).unwrap();
        let notional = price(mark).times(book.perp(Leg::Short).coins.magnitude());
        let brackets = &core.state.catalogue.instrument(core.perp()).unwrap().brackets;
        let needed = margin::maintenance(brackets, notional).unwrap();
        let equity = self.isolated + book.perp(Leg::Short).unrealised(price(mark));
        margin::liquidation_distance(equity, notional, needed).unwrap()
    }
}

fn holding() -> (Core, Venue) {
    let mut settings = Settings::default();
    settings.margin.mode = MarginMode::Isolated;
    settings.size.leverage = Rate::parse("2").unwrap();
    let mut core = Core::new(settings);
    core.mark("10000", "10000");
    core.hold(20_000);
    let book = core.state.ledger.pair(core.state.pairs[0].pair.id).unwrap();
    let isolated = Amount::from_units(book.perp(Leg::Short).cost.abs().units() / 2);
    (core, Venue { isolated, answers: Vec::new() })
}

#[test]
fn l04_an_isolated_short_survives_a_rally_of_150_percent_with_money_that_arrives_in_the_position() {
    let (mut core, mut venue) = holding();
    let start = venue.isolated;
    let floor = core.state.settings.margin.floor;
    venue.list(&mut core, "10000");
    for step in 1..=300 {
        let mark = format!("{}", 10_000 + step * 50);
        core.later(Span::seconds(15));
        core.books(&mark);
        core.mark(&mark, &mark);
        let from = core.said.len();
        core.turn();
        venue.take(&mut core, from, false);
        if step % 2 == 0 {
            venue.list(&mut core, &mark);
        }
        let distance = venue.distance(&core, &mark);
        assert!(distance > Rate::ZERO, "liquidated at {mark} with money idle");
        assert!(distance >= floor || step % 10 != 0, "{distance} at {mark}: below the floor with money idle");
        let wallet = core.state.ledger.wallet(
            carry::domain::VenueId(0),
            Wallet::Perp,
            core.state.pairs[0].pair.quote(Leg::Short),
        );
        assert!(venue.isolated <= wallet, "{} of {wallet}: money that is not there", venue.isolated);
    }
    assert!(venue.isolated > start + start, "{start} became {}", venue.isolated);
    let asked = core.said.iter().filter(|command| matches!(command, Command::AddMargin { .. })).count();
    assert!((2..=40).contains(&asked), "{asked} additions");
    assert_eq!(core.placed(core.said.len()).len(), 0);
}

#[test]
fn l04_margin_that_the_venue_refuses_is_told_and_not_asked_for_in_a_burst() {
    let (mut core, mut venue) = holding();
    venue.list(&mut core, "10000");
    for step in 0..120 {
        let mark = if step < 10 { "13000" } else { "13500" };
        core.later(Span::seconds(1));
        core.books(mark);
        core.mark(mark, mark);
        let from = core.said.len();
        core.turn();
        venue.take(&mut core, from, true);
        venue.list(&mut core, mark);
    }
    let asked = core.said.iter().filter(|command| matches!(command, Command::AddMargin { .. })).count();
    let alarm = |kind| core.said.iter().any(|command| matches!(command, Command::Alarm(a) if a.kind == kind));
    assert!((1..=13).contains(&asked), "{asked} requests in two minutes");
    assert!(alarm(AlarmKind::MarginNotAdded) && alarm(AlarmKind::MarginLow));
}

#[test]
fn l04_an_answer_that_never_comes_is_measured_in_the_position_and_not_sent_again_before() {
    let (mut core, mut venue) = holding();
    venue.list(&mut core, "10000");
    core.later(Span::seconds(10));
    core.books("13000");
    core.mark("13000", "13000");
    let from = core.said.len();
    core.turn();
    let asked = |core: &Core| core.said.iter().filter(|one| matches!(one, Command::AddMargin { .. })).count();
    assert_eq!(asked(&core), 1, "{:?}", &core.said[from..]);
    // The answer is lost. Whatever the prices do, it is not sent again before a list has measured the position.
    for _ in 0..20 {
        core.later(Span::seconds(1));
        core.books("13001");
        core.mark("13001", "13001");
        core.turn();
    }
    assert_eq!(asked(&core), 1);
    venue.take(&mut core, from, false);
    venue.answers.clear();
    venue.list(&mut core, "13001");
    core.turn();
    assert_eq!(asked(&core), 1, "it arrived after all");
    assert!(venue.distance(&core, "13001") > Rate::ZERO);
}

#[test]
fn l04_the_simulated_venue_keeps_an_isolated_position_in_step_with_its_size() {
    let catalogue = carry::sim::Generator::new(1, carry::sim::START).catalogue().clone();
    let perp = catalogue.instrument(catalogue.pairs()[0].short).unwrap().clone();
    let mut accounts = Accounts::new(&catalogue);
    let coins = |text: &str| carry::domain::Quantity::parse(text).unwrap();
    let trade = |accounts: &mut Accounts, side, text: &str| {
        let before = accounts.position(perp.id);
        accounts.trade_perp(&perp, side, coins(text), price("100"));
        accounts.share_isolated(perp.id, &before, Rate::parse("2").unwrap());
        accounts.position(perp.id).isolated
    };
    use carry::domain::Side::{Buy, Sell};
    assert_eq!(trade(&mut accounts, Sell, "2"), Amount::whole(100));
    accounts.add_isolated(perp.id, Amount::whole(60));
    assert_eq!(trade(&mut accounts, Sell, "2"), Amount::whole(260), "what was put in stays");
    assert_eq!(trade(&mut accounts, Buy, "1"), Amount::whole(195), "a quarter goes with a quarter");
    assert_eq!(trade(&mut accounts, Buy, "3"), Amount::ZERO);
}
