//! Tests of what the income list says: told once, however often it is listed.

use super::*;
use crate::port::event::Adjustment;

fn income(kind: &'static str, (id, asset, money): (&str, Asset, &str), at: WallTime) -> IncomeRow {
    let symbol = (kind == "FUNDING_FEE").then(symbol);
    IncomeRow { kind: Symbol::of(kind), symbol, amount: amount(money), asset, at, id: id.to_owned(), fill: None }
}

#[test]
fn c10_income_is_told_once_with_the_rate_of_its_settlement() {
    let mut bench = Bench::ready();
    bench.later(Span::seconds(31));
    let stamp = WallTime(1_750_003_200_000);
    let income = |kind, number, money| income(kind, (number, usdt(), money), stamp + Span::seconds(2));
    let rows = vec![income("FUNDING_FEE", "1", "1.5"), income("COMMISSION", "2", "-1"), income("TRANSFER", "3", "50")];
    let position = PositionRow {
        symbol: symbol(),
        coins: SignedQuantity::from_units(-50_000_000),
        entry: Some(price("60000")),
        mark: Some(price("60000")),
        liquidation: None,
        adl: None,
        isolated: None,
        hedge_side: false,
        at: None,
    };
    let mut facts = Vec::new();
    for _ in 0..3 {
        let mut open = calls(&bench.said.clone());
        while let Some((call, what)) = open.pop() {
            let Call::Ask(ask) = what else { continue };
            let answer = match ask {
                Ask::Income { .. } => Answer::Income(rows.clone()),
                Ask::Positions => Answer::Positions(vec![position]),
                Ask::Balances(wallet) => {
                    Answer::Balances(wallet, vec![BalanceRow { asset: usdt(), total: amount("5"), free: amount("5") }])
                }
                Ask::OpenOrders { .. } | Ask::RecentOrders { .. } => Answer::Orders(Vec::new()),
                Ask::Fills { .. } => Answer::Fills(Vec::new()),
                Ask::FundingHistory { .. } => {
                    let rate = Rate::parse("0.00005").unwrap();
                    let row = FundingRow { symbol: symbol(), stamp, rate, mark: Some(price("60000")) };
                    Answer::FundingHistory(vec![row])
                }
                other => panic!("{other:?}"),
            };
            let said = bench.tell(Input::Answered { call, result: Ok(answer) });
            open.extend(calls(&said));
            facts.extend(said.into_iter().filter_map(|output| match output {
                Output::Fact(event) => Some(event),
                _ => None,
            }));
        }
        bench.later(Span::seconds(31));
    }
    let paid = |event: &Event| matches!(event, Event::FundingPaid { stamp: told, amount: money, .. } if *told == stamp && *money == amount("1.5"));
    assert_eq!(facts.iter().filter(|event| paid(event)).count(), 1, "{facts:?}");
    // H07: money that no transfer of ours explains is booked as external, and somebody else is at work.
    assert_eq!(facts.iter().filter(|event| matches!(event, Event::Adjusted { .. })).count(), 1);
    assert_eq!(facts.iter().filter(|event| matches!(event, Event::Foreign { .. })).count(), 1);
}

#[test]
fn e15_a_sale_of_coins_by_the_venue_is_told_once_however_often_it_is_listed_and_never_again_after_a_restart() {
    let at = NOW + Span::seconds(2);
    let row = |asset, number, money| income("AUTO_EXCHANGE", (number, Asset::new(asset).unwrap(), money), at);
    let rows = vec![row("BTC", "7", "-0.02"), row("USDT", "8", "990")];
    let told = |bench: &mut Bench| -> Vec<Event> {
        let mut said = Vec::new();
        for _ in 0..3 {
            said.extend(bench.lists(&rows));
            // The stream only says that there is something to read.
            let reason = Some(Symbol::of("AUTO_EXCHANGE"));
            let pushed = AccountMessage::Balances { wallet: Wallet::Perp, reason, rows: Vec::new(), at };
            bench.tell(Input::Pushed(Stream::Perp, pushed));
        }
        let adjusted = |one| if let Output::Fact(event @ Event::Adjusted { .. }) = one { Some(event) } else { None };
        said.into_iter().filter_map(adjusted).collect()
    };
    let mut bench = Bench::ready();
    bench.later(Span::seconds(31));
    let facts = told(&mut bench);
    let cause = crate::port::event::Adjustment::AutoExchange;
    let adjusted = |asset: &str, money: &str| {
        let (venue, wallet, asset) = (VenueId(0), Wallet::Perp, Asset::new(asset).unwrap());
        Event::Adjusted { venue, wallet, asset, amount: amount(money), cause }
    };
    assert_eq!(facts, [adjusted("BTC", "-0.02"), adjusted("USDT", "990")]);
    let mut again = Bench::ready();
    again.later(Span::seconds(31));
    for fact in &facts {
        again.account.booked_before(fact, at);
    }
    assert_eq!(told(&mut again), []);
}

const STAMP: WallTime = WallTime(1_750_003_200_000);

/// A bench whose ledger holds a short, some minutes before a settlement.
fn holding() -> Bench {
    let mut bench = Bench::ready();
    bench.now = STAMP - Span(5 * 60_000);
    bench.said.clear();
    bench.account.holds(PERP, SignedQuantity::from_units(-50_000_000), bench.now);
    bench.later(Span::seconds(1));
    answer(&mut bench, &[], &no_rate);
    bench
}

/// Answers what is asked: income as given, rates by this function.
fn answer(
    bench: &mut Bench,
    rows: &[IncomeRow],
    rates: &dyn Fn() -> Result<Answer, Refused>,
) -> (Vec<Output>, Vec<Ask>) {
    let (mut facts, mut asked) = (bench.said.clone(), Vec::new());
    let mut open = calls(&bench.said.clone());
    while let Some((call, what)) = open.pop() {
        let Call::Ask(ask) = what else { continue };
        asked.push(ask.clone());
        let result = match ask {
            Ask::Income { start, page: 1, .. } => {
                Ok(Answer::Income(rows.iter().filter(|row| row.at >= start).cloned().collect()))
            }
            Ask::Positions => {
                let coins = SignedQuantity::from_units(-50_000_000);
                let mark = Some(price("60000"));
                let row = PositionRow {
                    symbol: symbol(),
                    coins,
                    entry: mark,
                    mark,
                    liquidation: None,
                    adl: None,
                    isolated: None,
                    hedge_side: false,
                    at: None,
                };
                Ok(Answer::Positions(vec![row]))
            }
            Ask::Balances(wallet) => {
                let row = BalanceRow { asset: usdt(), total: amount("100"), free: amount("100") };
                Ok(Answer::Balances(wallet, vec![row]))
            }
            Ask::OpenOrders { .. } | Ask::RecentOrders { .. } => Ok(Answer::Orders(Vec::new())),
            Ask::FundingHistory { .. } => rates(),
            _ => Ok(Answer::Fills(Vec::new())),
        };
        let said = bench.tell(Input::Answered { call, result });
        open.extend(calls(&said));
        facts.extend(said);
    }
    (facts, asked)
}

#[expect(clippy::unnecessary_wraps, reason = "the form of an answer")]
fn rate() -> Result<Answer, Refused> {
    let row = FundingRow {
        symbol: symbol(),
        stamp: STAMP,
        rate: Rate::parse("0.00005").unwrap(),
        mark: Some(price("60000")),
    };
    Ok(Answer::FundingHistory(vec![row]))
}

fn no_rate() -> Result<Answer, Refused> {
    Err(refused(Class::Later))
}

fn payment(number: &str) -> IncomeRow {
    income("FUNDING_FEE", (number, usdt(), "1.5"), STAMP + Span::seconds(2))
}

fn paid(said: &[Output]) -> usize {
    said.iter().filter(|one| matches!(one, Output::Fact(Event::FundingPaid { stamp: STAMP, .. }))).count()
}

#[test]
fn l09_a_failed_read_of_rates_is_asked_again_and_the_comparison_goes_on_meanwhile() {
    let mut bench = holding();
    bench.now = STAMP + Span::seconds(20);
    let (mut said, mut history, mut compared) = (Vec::new(), 0, 0);
    for second in 0..240 {
        bench.later(Span::seconds(1));
        let works: &dyn Fn() -> Result<Answer, Refused> = if second < 180 { &no_rate } else { &rate };
        let (facts, asked) = answer(&mut bench, &[payment("1")], works);
        history += asked.iter().filter(|ask| matches!(ask, Ask::FundingHistory { .. })).count();
        for one in &facts {
            if let Output::Lists(lists) = one
                && lists.quiet
            {
                compared += 1;
                let booked = if paid(&said) + paid(&facts) > 0 { "100" } else { "98.5" };
                assert_eq!(lists.perp[0].total, amount(booked), "what is read and not booked is taken off");
            }
        }
        said.extend(facts);
    }
    assert_eq!(paid(&said), 1, "booked once, with the rate of its settlement");
    assert!(compared >= 5, "{compared}");
    assert!(history <= 12, "{history} questions in four minutes");
}

#[test]
fn l09_a_payment_whose_rate_the_venue_never_tells_is_booked_all_the_same() {
    let mut bench = holding();
    bench.now = STAMP + Span::seconds(20);
    let mut said = Vec::new();
    for _ in 0..100 {
        bench.later(Span::seconds(10));
        said.extend(answer(&mut bench, &[payment("1")], &no_rate).0);
    }
    let adjusted = |one: &&Output| matches!(one, Output::Fact(Event::Adjusted { amount: money, cause: crate::port::event::Adjustment::Funding, .. }) if *money == amount("1.5"));
    assert_eq!(said.iter().filter(adjusted).count(), 1);
    assert!(said.contains(&Output::Note(Note::WithoutRate(PERP, STAMP))));
}

#[test]
fn l09_a_payment_that_shows_up_hours_late_is_read_and_one_that_never_comes_is_told() {
    for hours in [3, 30] {
        let mut bench = holding();
        let mut said = Vec::new();
        for minute in 0..60 * (hours + 1) {
            bench.later(Span::MINUTE);
            let rows = if minute >= 60 * hours && hours < 24 { vec![payment("1")] } else { Vec::new() };
            said.extend(answer(&mut bench, &rows, &rate).0);
        }
        assert_eq!(paid(&said), usize::from(hours < 24), "after {hours} h");
        assert_eq!(said.contains(&Output::Note(Note::NotPaid(PERP, STAMP))), hours >= 24, "after {hours} h");
    }
}

#[test]
fn l09_pages_of_income_follow_each_other_and_rows_of_one_moment_do_not_make_it_begin_again() {
    let mut bench = Bench::ready();
    bench.later(Span::seconds(31));
    // Two full pages and a short one, all of one millisecond.
    let at = NOW + Span::seconds(2);
    let all: Vec<IncomeRow> =
        (0..2_500).map(|number| income("API_REBATE", (&number.to_string(), usdt(), "0.01"), at)).collect();
    let mut pages = Vec::new();
    let mut open = calls(&bench.said.clone());
    let mut told = 0;
    while let Some((call, what)) = open.pop() {
        let Call::Ask(Ask::Income { page, start, end, .. }) = what else { continue };
        pages.push((page, start, end));
        let first = (usize::try_from(page).unwrap() - 1) * 1000;
        let rows = all[first..(first + 1000).min(all.len())].to_vec();
        let said = bench.tell(Input::Answered { call, result: Ok(Answer::Income(rows)) });
        told += said.iter().filter(|one| matches!(one, Output::Fact(Event::Adjusted { .. }))).count();
        open.extend(calls(&said));
    }
    assert_eq!(pages.iter().map(|page| page.0).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(pages.iter().all(|page| (page.1, page.2) == (pages[0].1, pages[0].2)), "one window");
    assert_eq!(told, 2_500);
}

#[test]
fn l09_lists_that_fail_are_asked_ever_more_gently_and_a_stalled_comparison_is_told_once() {
    let mut bench = Bench::ready();
    let (mut looks, mut stalled) = (0, 0);
    for _ in 0..600 {
        let said = bench.later(Span::seconds(1));
        stalled += said.iter().filter(|one| matches!(one, Output::Stalled { .. })).count();
        for (call, what) in calls(&said) {
            looks += i32::from(matches!(what, Call::Ask(Ask::Positions)));
            bench.tell(Input::Answered { call, result: Err(refused(Class::Later)) });
        }
    }
    assert!(looks <= 25, "{looks} looks in ten minutes");
    assert_eq!(stalled, 1);
}

#[test]
fn l32_funding_in_another_coin_is_booked_in_that_coin_and_a_foreign_symbols_only_once() {
    let coin = Asset::new("BNFCR").unwrap();
    let other = IncomeRow { symbol: Some(Symbol::of("XYZUSDT")), ..payment("8") };
    let rows = vec![IncomeRow { asset: coin, ..payment("7") }, other];
    let told = |bench: &mut Bench| {
        bench.now = STAMP + Span::seconds(20);
        bench.later(Span::seconds(31));
        let (said, _) = answer(bench, &rows, &rate);
        said.into_iter()
            .filter_map(|one| if let Output::Fact(event @ Event::Adjusted { .. }) = one { Some(event) } else { None })
            .collect::<Vec<_>>()
    };
    let facts = told(&mut Bench::ready());
    let adjusted = |asset, cause: Adjustment| Event::Adjusted {
        venue: VenueId(0),
        wallet: Wallet::Perp,
        asset,
        amount: amount("1.5"),
        cause,
    };
    assert_eq!(facts, [adjusted(coin, Adjustment::Funding), adjusted(usdt(), Adjustment::External)]);
    let mut again = Bench::ready();
    for fact in &facts {
        again.account.booked_before(fact, STAMP + Span::seconds(20));
    }
    assert_eq!(told(&mut again), [], "an earlier run booked them");
    // A later movement of the same size is another one.
    let mut later = Bench::ready();
    later.account.booked_before(&facts[1], STAMP - Span::HOUR);
    assert_eq!(told(&mut later), facts);
}
