//! Tests of transfers whose end was not heard (L10) and of movements that are not theirs (L32).

use super::*;
use crate::venues::binance::account_transfers::Transfers;

fn listed(status: TransferStatus, at: WallTime) -> TransferRow {
    TransferRow { id: "t1".to_owned(), asset: usdt(), amount: amount("100"), status, at }
}

#[test]
fn l10_a_transfer_that_was_done_before_a_restart_is_found_however_long_ago_it_was() {
    for ago in [Span::seconds(30), Span::HOUR, Span(3 * Span::DAY.0)] {
        let sent = NOW - ago;
        let mut bench = Bench::ready();
        bench.account.doubt(transfer(), sent);
        let said = bench.later(Span::seconds(1));
        let asked = calls(&said).into_iter().find_map(|(call, what)| match what {
            Call::Ask(Ask::Transfers { start, .. }) => Some((call, start)),
            _ => None,
        });
        let (call, start) = asked.unwrap();
        assert!(start <= sent && start >= sent - Span::MINUTE, "from when it was sent");
        let rows = vec![listed(TransferStatus::Done, sent + Span::seconds(1))];
        let said = bench.tell(Input::Answered { call, result: Ok(Answer::Transfers(rows)) });
        assert!(said.contains(&Output::Fact(Event::TransferDone(transfer()))), "{said:?}");
    }
}

#[test]
fn l10_absence_is_proven_by_two_lists_that_reach_back_to_when_it_was_sent() {
    let mut transfers = Transfers::default();
    transfers.doubt(transfer(), NOW);
    let at = |seconds| NOW + Span::seconds(seconds);
    assert_eq!(transfers.looked_up(id(3), &[], at(60)), None, "it may still come");
    assert_eq!(transfers.looked_up(id(3), &[], at(91)), None, "once is not enough");
    // A list that is full may have left it out.
    let full = vec![TransferRow { amount: amount("1"), ..listed(TransferStatus::Done, NOW) }; 100];
    assert_eq!(transfers.looked_up(id(3), &full, at(93)), None);
    assert_eq!(transfers.looked_up(id(3), &[], at(95)), None);
    assert_eq!(transfers.looked_up(id(3), &[], at(97)), Some(Event::TransferFailed(transfer())));
}

#[test]
fn l32_what_a_failed_transfer_was_expected_to_move_does_not_swallow_a_persons_equal_movement() {
    let mut bench = Bench::ready();
    let (call, _) = calls(&bench.tell(Input::Transfer(transfer())))[0].clone();
    let refusal = Err(refused(Class::Proof(RejectCause::Balance)));
    bench.tell(Input::Answered { call, result: refusal });
    let moved = AccountMessage::Moved { asset: usdt(), amount: amount("-100"), at: NOW };
    let said = bench.tell(Input::Pushed(Stream::Spot, moved));
    assert!(said.contains(&Output::Moved(usdt(), amount("-100"))), "{said:?}");
    // The same in the income of the perp wallet, and after a restart.
    let mut account = Account::new(VenueId(0), &catalogue(), &Profile::binance(), NOW);
    account.booked_before(&Event::TransferSent(transfer()), NOW);
    account.booked_before(&Event::TransferFailed(transfer()), NOW);
    assert!(!account.transfers.is_own(usdt(), amount("100"), NOW));
    account.booked_before(&Event::TransferSent(transfer()), NOW);
    assert!(!account.transfers.is_own(usdt(), amount("100"), NOW + Span(2 * Span::DAY.0)), "too late to be its own");
    assert!(account.transfers.is_own(usdt(), amount("100"), NOW + Span::seconds(1)));
}
