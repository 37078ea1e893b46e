//! Tests of what the income list says: told once, however often it is listed.

use super::*;

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
                Ask::OpenOrders { .. } => Answer::Orders(Vec::new()),
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
        said.into_iter().filter_map(|one| if let Output::Fact(event) = one { Some(event) } else { None }).collect()
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
        again.account.booked_before(fact);
    }
    assert_eq!(told(&mut again), []);
}
