//! L03 and L21: a price is believed with witnesses. Judged by the way: alarms, transfers, orders, not by the end alone.

use super::core::{Core, price};
use carry::config::Settings;
use carry::config::settings::Missing;
use carry::domain::{Amount, Asset, Leg, Quantity, Rate, Span, VenueId};
use carry::port::command::{AlarmKind, Severity};
use carry::port::event::{Operator, Wallet};
use carry::port::health::{Input, Listed};
use carry::port::{Command, Event};

fn listed(core: &mut Core, mark: &str) {
    let (_, coins) = core.state.held(&core.state.pairs[0]);
    let listed = Listed { coins, mark: Some(price(mark)), liquidation: None, isolated: None, at: None };
    let instrument = core.perp();
    core.tell(Event::PositionListed { instrument, listed });
}

fn pages(core: &Core, kind: AlarmKind) -> usize {
    let page = |alarm: &carry::port::Alarm| alarm.kind == kind && alarm.severity == Severity::Page;
    core.said.iter().filter(|command| matches!(command, Command::Alarm(alarm) if page(alarm))).count()
}

fn transfers(core: &Core) -> usize {
    core.said.iter().filter(|command| matches!(command, Command::Transfer(_))).count()
}

/// Holds a pair at 2x, hedged, with its mark known.
fn holding() -> Core {
    let mut settings = Settings::default();
    settings.size.leverage = Rate::parse("2").unwrap();
    settings.risk.max_order = Amount::whole(1_000_000);
    settings.execution.clip = Amount::whole(1_000_000);
    let mut core = Core::new(settings);
    core.mark("10000", "10000");
    core.hold(20_000);
    core
}

#[test]
fn l03_a_frozen_mark_is_not_believed_against_the_accounts_own_list() {
    let mut core = holding();
    core.wallet(Wallet::Perp, 15_000);
    // The public stream stops; lists of the account go on and show a rally of 90 %.
    let mut topped = None;
    for (minute, mark) in (0..40).zip((0..40).map(|step| format!("{}", 10_000 + step * 225))) {
        core.later(Span::MINUTE);
        listed(&mut core, &mark);
        core.turn();
        if transfers(&core) > 0 {
            topped.get_or_insert(minute);
        }
    }
    assert!(topped.is_some(), "the frozen mark was believed: no money moved");
}

#[test]
fn l21_a_streamed_mark_far_off_sells_no_share_of_the_position_and_pages() {
    let mut core = holding();
    core.wallet(Wallet::Spot, 0);
    core.wallet(Wallet::Perp, 15_000);
    listed(&mut core, "10000");
    let (spot, perp) = core.state.held(&core.state.pairs[0]);
    let from = core.said.len();
    for _ in 0..120 {
        core.later(Span::seconds(1));
        core.books("10000");
        core.mark("18500", "10000");
        core.turn();
        core.tell(Event::Timer);
    }
    assert_eq!(core.placed(from).len(), 0, "orders on a mark that one source gives");
    assert_eq!(core.state.held(&core.state.pairs[0]), (spot, perp));
    assert_eq!(pages(&core, AlarmKind::PriceDoubt), 1, "the venue contradicts itself, told once");
    // While it does nothing is entered, by whoever's wish; half a minute after it stopped that is over.
    let pair = core.state.pairs[0].pair.id;
    assert!(core.state.pairs[0].witness.doubted.is_some());
    for _ in 0..40 {
        core.later(Span::seconds(1));
        core.books("10000");
        core.mark("10000", "10000");
        core.turn();
    }
    assert!(core.state.pairs[0].witness.doubted.is_none());
    let from = core.said.len();
    core.tell(Event::Operator(Operator::Flatten { pair: Some(pair) }));
    assert_eq!(core.placed(from).len(), 1);
}

#[test]
fn l21_a_real_rally_that_mark_and_list_agree_on_still_shrinks() {
    let mut core = holding();
    // No money is left to move.
    core.wallet(Wallet::Spot, 0);
    core.wallet(Wallet::Perp, 10_000);
    let from = core.said.len();
    for step in 1..60 {
        core.later(Span::seconds(30));
        let mark = format!("{}", 10_000 + step * 80);
        core.books(&mark);
        core.mark(&mark, &mark);
        listed(&mut core, &mark);
        core.turn();
        if !core.placed(from).is_empty() {
            break;
        }
    }
    assert!(!core.placed(from).is_empty(), "a rally that everybody sees shrinks the pair");
}

#[test]
fn l21_all_prices_far_off_together_send_nothing_for_a_while_whether_held_or_flat() {
    for held in [true, false] {
        let mut core = Core::new(Settings::default());
        core.mark("10000", "10000");
        if held {
            core.hold(20_000);
        }
        core.later(Span::seconds(5));
        core.books("10000");
        let from = core.said.len();
        let pair = core.state.pairs[0].pair.id;
        for second in 0..240 {
            core.later(Span::seconds(1));
            let off = if second % 2 == 0 { "6000" } else { "6100" };
            core.books(off);
            core.mark(off, off);
            core.turn();
            if !held {
                core.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(2_000) }));
            }
        }
        assert_eq!(core.placed(from).len(), 0, "held: {held}");
        assert_eq!(pages(&core, AlarmKind::PriceDoubt), 1, "held: {held}");
        // A price that has stood for five minutes is the price.
        for _ in 0..70 {
            core.later(Span::seconds(1));
            core.books("6000");
            core.mark("6000", "6000");
            core.turn();
        }
        assert!(!core.state.pairs[0].witness.is_doubted(&core.state.pairs[0].market));
    }
}

#[test]
fn b10_a_reduce_stays_inside_the_collar_of_the_index() {
    let mut core = holding();
    core.later(Span::seconds(1));
    // The perp's own book runs away upward; the index did not move. Buying the short back there costs a tenth.
    let (spot, perp) = (core.spot(), core.perp());
    core.quote(spot, "10000");
    core.quote(perp, "10900");
    core.mark("10000", "10000");
    let pair = core.state.pairs[0].pair.id;
    let from = core.said.len();
    core.tell(Event::Operator(Operator::Flatten { pair: Some(pair) }));
    core.tell(Event::Timer);
    let bought = core.placed(from).into_iter().filter(|order| order.instrument == perp).count();
    assert_eq!(bought, 0, "bought outside the index collar");
}

#[test]
fn l17_a_gate_whose_declared_input_is_missing_refuses_or_warns_and_never_passes_in_silence() {
    let gate = |core: &Core| {
        let view = core.state.view(&core.state.pairs[0], Quantity::ZERO);
        carry::strategy::gate::first_unsafe(&view)
    };
    let mut core = Core::new(Settings::default());
    core.mark("10000", "10000");
    assert_eq!(gate(&core), None, "a source that declares nothing has its gates off");
    core.tell(Event::Declares { venue: VenueId(0), inputs: vec![Input::Peg, Input::AdlRank, Input::Mark] });
    let missing =
        |core: &Core, key: &str| gate(core).is_some_and(|said| said.contains("missing") && said.contains(key));
    assert!(missing(&core, "gates.peg"), "{:?}", gate(&core));
    let asset: Asset = core.state.pairs[0].pair.quote(Leg::Short);
    core.tell(Event::Peg { asset, price: price("1") });
    assert!(missing(&core, "gates.adl_rank"), "{:?}", gate(&core));
    let instrument = core.perp();
    core.tell(Event::AdlRank { instrument, rank: 1 });
    assert_eq!(gate(&core), None);
    core.tell(Event::AdlRank { instrument, rank: 4 });
    assert_eq!(gate(&core), Some("gates.adl_rank"), "the rank is judged");
    core.tell(Event::AdlRank { instrument, rank: 0 });
    core.tell(Event::Peg { asset, price: price("0.96") });
    assert_eq!(gate(&core), Some("gates.peg"), "no entry at 0.96");
    core.tell(Event::Peg { asset, price: price("1") });
    // An input that stopped is missing again.
    core.later(Span(6 * 60_000));
    core.books("10000");
    core.mark("10000", "10000");
    assert!(missing(&core, "gates.peg"), "{:?}", gate(&core));
    core.turn();
    let told = |core: &Core| {
        let missing = |command: &&Command| matches!(command, Command::Alarm(a) if a.kind == AlarmKind::InputMissing);
        core.said.iter().filter(missing).count()
    };
    assert!(told(&core) >= 1);
    core.state.settings.gates.missing = Missing::Warn;
    assert_eq!(gate(&core), None, "off by name, and told");
}

#[test]
fn l17_a_leg_in_which_no_orders_are_taken_is_not_entered() {
    let mut core = Core::new(Settings::default());
    let (pair, instrument) = (core.state.pairs[0].pair.id, core.perp());
    core.tell(Event::Trading { instrument, open: false });
    let from = core.said.len();
    core.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(2_000) }));
    assert_eq!(core.placed(from).len(), 0);
    core.tell(Event::Trading { instrument, open: true });
    core.tell(Event::Operator(Operator::Open { pair, notional: Amount::whole(2_000) }));
    assert_eq!(core.placed(from).len(), 1);
}

#[test]
fn b10_after_a_start_nothing_is_sold_on_the_first_price_that_comes() {
    let mut core = holding();
    // A restart: the books of the ledger stand, and nothing is known of the market yet.
    let market = &mut core.state.pairs[0].market;
    market.short.mark = None;
    (market.long.mid, market.short.mid) = (None, None);
    core.wallet(Wallet::Spot, 0);
    core.later(Span::seconds(90));
    core.tell(Event::Boot { epoch: 2, salt: 7 });
    let from = core.said.len();
    listed(&mut core, "100000");
    core.turn();
    assert!(!core.state.pairs[0].memory.closing, "the list alone said so, and the others have not spoken yet");
    core.later(Span::seconds(1));
    core.books("10000");
    core.mark("10000", "10000");
    core.turn();
    assert_eq!((core.placed(from).len(), core.state.pairs[0].memory.closing), (0, false));
}

#[test]
fn b10_a_price_without_any_other_counts_after_a_while() {
    let mut core = holding();
    let market = &mut core.state.pairs[0].market;
    market.short.mark = None;
    (market.long.mid, market.short.mid) = (None, None);
    core.wallet(Wallet::Spot, 0);
    core.later(Span::seconds(90));
    core.tell(Event::Boot { epoch: 2, salt: 7 });
    core.later(Span::seconds(11));
    listed(&mut core, "100000");
    core.turn();
    assert!(core.state.pairs[0].memory.closing, "liquidation would be worse");
}
