//! Where fees are taken, how often one leg is tried, what may rest, and how much capital counts.

use super::bench::{Bench, coins};
use super::latched;
use carry::domain::{Amount, Leg, Price, Quantity, Span, VenueId, WallTime};
use carry::pairs::LatchCause;
use carry::port::Event;
use carry::port::command::AlarmKind;
use carry::port::event::{Operator, Wallet};
use carry::port::order::{Outcome, Purpose, RejectCause};

const HOUR: Span = Span(3_600_000);

#[test]
fn l12_a_fee_taken_in_another_coin_makes_no_churn_and_the_next_clip_knows() {
    let bnb = carry::domain::Asset::of("BNB");
    let mut bench = Bench::new(|_| {});
    let (venue, wallet, amount) = (VenueId(0), Wallet::Spot, Amount::whole(10));
    bench.feed(Event::Opening { venue, wallet, asset: bnb, amount });
    bench.feed(Event::Opening { venue, wallet: Wallet::Perp, asset: bnb, amount });
    bench.open(5_000);
    let bought = bench.last();
    assert!(bought.quantity > coins("0.5"), "planned for a fee in the coin");
    bench.execute_paying(&bought, "0.005", bnb);
    let sold = bench.last();
    assert_eq!((sold.leg, sold.quantity), (Leg::Short, coins("0.5")), "what was received is hedged to the step");
    bench.execute_paying(&sold, "0.002", bnb);
    for _ in 0..40 {
        bench.quotes();
        bench.feed(Event::Turn);
        bench.wait(Span::seconds(5));
    }
    assert_eq!((bench.placed.len(), bench.phase()), (2, "hedged"), "nothing is trimmed and bought back");
    bench.close();
    for _ in 0..2 {
        let order = bench.last();
        bench.execute_paying(&order, "0.002", bnb);
    }
    assert_eq!((bench.placed.len(), bench.phase()), (4, "flat"));
    bench.wait(Span::MINUTE);
    bench.quotes();
    // What the fees cost is not known yet: no entry until it is (L34).
    let before = bench.placed.len();
    bench.open(5_000);
    assert_eq!(bench.placed.len(), before);
    bench.feed(Event::FeeCoinPriced { asset: bnb, price: Price::parse("600").unwrap() });
    bench.open(5_000);
    assert_eq!(bench.last().quantity, coins("0.5"), "planned for a fee in BNB");
    // It is used up: this fee is taken in the coin again, and a person is told.
    let bought = bench.last();
    bench.execute(&bought);
    assert!(bench.alarms.iter().any(|(_, alarm)| alarm.kind == AlarmKind::FeeCoinOut));
    let sold = bench.last();
    bench.execute_paying(&sold, "0.002", bnb);
    assert_eq!((bench.placed.len(), bench.phase()), (6, "hedged"));
}

/// The second pair of the same venue, adopted: one coin, hedged; its coins are all that there is.
fn with_a_second_pair(bench: &mut Bench) -> usize {
    let of =
        |bench: &Bench| bench.state.pairs.iter().skip(1).position(|pair| pair.pair.venue(Leg::Short) == VenueId(0));
    let place = 1 + of(bench).unwrap();
    let pair = bench.state.pairs[place].pair.clone();
    for instrument in [pair.long, pair.short] {
        bench.quote(instrument);
    }
    let amount = Amount::whole(1);
    bench.feed(Event::Opening { venue: VenueId(0), wallet: Wallet::Spot, asset: pair.coin, amount });
    let price = carry::domain::Price::parse("10000").unwrap();
    let (one, mids) = (coins("1"), (price, price));
    let adoption = carry::port::event::Adoption { pair: pair.id, coins: one, short: one, entry: price, mids };
    bench.operate(Operator::Adopt(adoption));
    place
}

#[test]
fn l12_a_fee_taken_from_the_coins_of_another_pair_is_that_pair_s_and_is_made_good() {
    let mut bench = Bench::new(|_| {});
    let place = with_a_second_pair(&mut bench);
    let owner = bench.state.pairs[place].pair.clone();
    bench.open(5_000);
    let bought = bench.last();
    bench.execute_paying(&bought, "0.05", owner.coin);
    let held = |bench: &Bench| bench.state.held(&bench.state.pairs[place]).0.to_string();
    assert_eq!(held(&bench), "0.95", "its coins paid, and it knows");
    assert!(bench.state.ledger.coin_difference(&owner).is_zero());
    assert_eq!(bench.state.ledger.imbalance(), None);
    let mends = |bench: &Bench| bench.placed.iter().filter(|(_, intent)| intent.pair == owner.id).count();
    assert_eq!(mends(&bench), 1, "one order makes its legs equal again");
    let made = bench.placed.iter().find(|(_, intent)| intent.pair == owner.id).unwrap().1.clone();
    bench.execute(&made);
    bench.wait(Span::MINUTE);
    assert_eq!(mends(&bench), 1);
}

#[test]
fn l12_many_small_fills_of_one_leg_are_paced() {
    let mut bench = Bench::new(|_| {});
    bench.open(5_000);
    let bought = bench.last();
    bench.execute(&bought);
    let before = bench.placed.len();
    let started = bench.state.now;
    while bench.phase() != "hedged" {
        if bench.state.orders.is_busy(bought.pair) {
            let hedge = bench.last();
            let part = Quantity::saturating(hedge.quantity.units() / 3).floor_to(coins("0.001")).max(coins("0.001"));
            bench.fill(&hedge, part);
            bench.say(hedge.id, Outcome::Expired { filled: part });
        }
        bench.wait(Span(100));
        assert!(bench.state.now.since(started) < HOUR, "{:?}", bench.state.pairs[0].memory);
    }
    for leg in [Leg::Long, Leg::Short] {
        let times: Vec<WallTime> =
            bench.placed.iter().skip(before - 1).filter(|(_, one)| one.leg == leg).map(|(at, _)| *at).collect();
        let fast = times.windows(2).filter(|two| two[1].since(two[0]) < Span(900)).count();
        assert!(fast <= 5, "{leg:?}: {times:?}");
    }
}

#[test]
fn l29_only_the_leg_that_is_named_to_go_first_rests() {
    use carry::config::settings::{First, Style};
    use carry::port::TimeInForce;
    let mut bench = Bench::new(|settings| {
        (settings.execution.style, settings.execution.first) = (Style::Maker, First::Leg(Leg::Short));
    });
    bench.open(5_000);
    let first = bench.last();
    assert_eq!((first.leg, first.time_in_force), (Leg::Short, TimeInForce::PostOnly));
    bench.say(first.id, Outcome::Accepted);
    bench.execute(&first);
    let second = bench.last();
    assert_eq!((second.leg, second.time_in_force), (Leg::Long, TimeInForce::ImmediateOrCancel));
    bench.execute(&second);
    bench.close();
    assert_eq!(bench.last().leg, Leg::Short);
    assert!(bench.placed.iter().all(|(_, one)| one.leg == Leg::Short || one.time_in_force != TimeInForce::PostOnly));
}

#[test]
fn l36_capital_above_the_balance_voids_no_limit() {
    let sized = |capital: i64| {
        let mut bench = Bench::new(|settings| {
            Bench::eager(settings);
            settings.run.capital = Amount::whole(capital);
        });
        bench.settled();
        bench.feed(Event::Turn);
        let told = bench.alarms.iter().filter(|(_, alarm)| alarm.kind == AlarmKind::CapitalAboveBalance).count();
        (bench.state.pairs[0].memory.target, told)
    };
    let right = sized(100_000);
    assert!(!right.0.is_zero());
    assert_eq!(right.1, 0);
    assert_eq!(sized(10_000_000), (right.0, 1), "the balance counts, and it is said once");
    assert!(sized(50_000).0 < right.0, "less is as it is said");
}

#[test]
fn l36_closing_all_pauses_entries_and_closing_one_does_not() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.close();
    assert!(!bench.state.paused);
    bench.operate(Operator::Flatten { pair: None });
    assert!(bench.state.paused);
}

/// Half an hour and more in which every order of an entry meets this answer; how many left.
#[expect(clippy::needless_pass_by_value, reason = "an answer as it comes")]
fn storm(answer: Outcome) -> Bench {
    let mut bench = Bench::new(Bench::eager);
    bench.settled();
    for _ in 0..35 * 60 * 4 {
        bench.quotes();
        bench.feed(Event::Turn);
        if bench.state.orders.is_busy(bench.state.pairs[0].pair.id) {
            let order = bench.last();
            bench.say(order.id, answer.clone());
        }
        bench.wait(Span(250));
    }
    assert!(!bench.placed.is_empty(), "the strategy never wanted to enter");
    bench
}

#[test]
fn l16_a_first_leg_that_never_fills_is_tried_a_few_times_and_told() {
    let bench = storm(Outcome::Expired { filled: Quantity::ZERO });
    assert!(bench.placed.len() <= 24, "{} orders in 35 minutes", bench.placed.len());
    assert!(bench.paged(AlarmKind::Runaway) >= 1);
}

#[test]
fn l16_an_entry_that_is_refused_again_and_again_is_blocked() {
    for cause in [RejectCause::Filter, RejectCause::Halted, RejectCause::Balance, RejectCause::Limit] {
        let bench = storm(Outcome::Rejected { cause });
        assert!(bench.placed.len() <= 5, "{cause:?}: {} orders in 35 minutes", bench.placed.len());
        assert!(bench.rereads >= bench.placed.len(), "{cause:?}: limits are read again at once");
        assert_eq!(bench.paged(AlarmKind::Runaway), 1, "{cause:?}");
        assert_eq!(latched(&bench), Some(LatchCause::Refused), "{cause:?}");
    }
}

#[test]
fn l16_an_exit_that_brings_nothing_slows_down_and_goes_on() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.close();
    let before = bench.placed.len();
    for _ in 0..30 * 60 * 4 {
        if bench.state.orders.is_busy(bench.state.pairs[0].pair.id) {
            let order = bench.last();
            bench.refuse(&order, RejectCause::Filter);
        }
        bench.quotes();
        bench.wait(Span(250));
    }
    let made = bench.placed.len() - before;
    assert!((50..=75).contains(&made), "{made} in half an hour");
    assert!(bench.paged(AlarmKind::Runaway) >= 2, "told at the start and now and then");
    let last: WallTime = bench.placed.last().unwrap().0;
    assert!(bench.state.now.since(last) <= Span::seconds(33), "it never gives up");
}

#[test]
fn a24_l16_an_exit_that_is_refused_for_one_reason_after_the_other_slows_down_too() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    bench.close();
    let before = bench.placed.len();
    let causes = [RejectCause::Filter, RejectCause::Limit, RejectCause::PriceBand];
    for _ in 0..10 * 60 * 4 {
        if bench.state.orders.is_busy(bench.state.pairs[0].pair.id) {
            let order = bench.last();
            bench.refuse(&order, causes[bench.placed.len() % causes.len()]);
        }
        bench.quotes();
        bench.wait(Span(250));
    }
    let made = bench.placed.len() - before;
    assert!((15..=30).contains(&made), "{made} in ten minutes");
}

#[test]
fn l16_an_exit_without_a_fresh_price_waits_and_leaves_with_the_next_one() {
    let mut bench = Bench::new(|_| {});
    bench.hedged();
    // An old book gives no order, not even one that reduces, for it says nothing of the price now.
    bench.wait(HOUR);
    let before = bench.placed.len();
    bench.close();
    bench.wait(Span::MINUTE);
    assert_eq!(bench.placed.len(), before);
    assert!(bench.state.pairs[0].refusal.is_some(), "carry status says what holds it");
    bench.quotes();
    bench.wait(Span::seconds(1));
    let sold = bench.last();
    assert_eq!((bench.placed.len(), sold.purpose), (before + 1, Purpose::Exit));
    bench.execute(&sold);
    let other = bench.last();
    bench.execute(&other);
    assert_eq!((bench.phase(), bench.placed.len()), ("flat", before + 2));
}

/// The limit of a day's loss stops entries until a person says so, and then the next entry is not stopped by the same loss.
#[test]
fn f16_l36_who_clears_the_stop_of_a_day_s_loss_may_enter_again_on_that_day() {
    let mut bench = Bench::new(|_| {});
    let day = bench.state.now.0.div_euclid(86_400_000);
    let equity = bench.state.equity();
    bench.state.day = Some((day, equity + Amount::whole(20_000)));
    bench.open(5_000);
    assert_eq!((bench.placed.len(), bench.paged(AlarmKind::LossLimit)), (0, 1));
    bench.wait(HOUR);
    bench.quotes();
    bench.open(5_000);
    assert_eq!((bench.placed.len(), bench.paged(AlarmKind::LossLimit)), (0, 1), "it stays stopped, told once");
    bench.operate(Operator::ClearHalt { reason: "the loss is known".to_owned() });
    bench.quotes();
    bench.open(5_000);
    assert_eq!((bench.placed.len(), bench.paged(AlarmKind::LossLimit)), (1, 1));
}
