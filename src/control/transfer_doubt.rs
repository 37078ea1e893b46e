//! A transfer whose end nobody knows, and a person's way out of it: what the venue's wallets say, and what is booked then.
//!
//! Pure. The account goes on asking the venue for its list of transfers; this is for a list that never says. What the wallets
//! prove is not overruled by a word; where they prove nothing a person's word counts, and what differs afterwards is a
//! difference like any other (`carry accept`). Tests: at the end, and `tests/commands/control_live.rs`.

use super::request::{Code, ControlError, Settled};
use crate::checks::reconcile;
use crate::domain::{Amount, ClientOrderId, Span, VenueId, WallTime};
use crate::engine::State;
use crate::port::event::{Transfer, Wallet};
use crate::venues::binance::Lists;

/// A transfer that says nothing for so long is in doubt; before that it is on its way.
pub const OLD: Span = Span::seconds(90);
/// Rounding of a wallet is no movement.
const NOTHING: Amount = Amount::from_units(1_000_000_000_000);

/// The transfer of this id, when it is on its way or in doubt, and since when it is.
#[must_use]
pub fn of(state: &State, id: ClientOrderId) -> Option<(Transfer, WallTime)> {
    let moving = state.venues.iter().filter_map(|venue| venue.moving.zip(venue.moving_since));
    moving.into_iter().find(|(transfer, _)| transfer.id == id)
}

/// Every transfer in doubt, in words.
#[must_use]
pub fn all(state: &State) -> Vec<String> {
    let moving = state.venues.iter().filter_map(|venue| venue.moving.zip(venue.moving_since));
    moving.filter(|(_, since)| state.now.since(*since) > OLD).map(|(transfer, _)| words(&transfer)).collect()
}

/// What it is, for a person.
#[must_use]
pub fn words(transfer: &Transfer) -> String {
    let Transfer { id, from, asset, amount, .. } = transfer;
    format!(
        "transfer {id} of {amount} {asset} from the {} to the {} wallet has no known end; nothing can be compared until it has",
        word(*from),
        word(from.other())
    )
}

const fn word(wallet: Wallet) -> &'static str {
    match wallet {
        Wallet::Spot => "spot",
        Wallet::Perp => "perp",
    }
}

/// What the wallets of the venue say of it: a line each, and what they prove.
#[must_use]
pub fn evidence(
    state: &State,
    transfer: &Transfer,
    since: WallTime,
    lists: Option<&Lists>,
) -> (Vec<String>, Option<Settled>) {
    let Some(lists) = lists.filter(|lists| lists.at > since) else {
        return (vec!["the venue's wallets were not listed since it was sent".to_owned()], None);
    };
    let (venue, asset): (VenueId, _) = (transfer.venue, transfer.asset);
    let off = |wallet: Wallet| {
        let ledger = state.ledger.wallet(venue, wallet, asset);
        let there = reconcile::listed(lists, wallet, asset);
        (format!("{} wallet: ledger {ledger} {asset}, venue {there}", word(wallet)), there - ledger)
    };
    // The ledger has taken it out of the one wallet and not put it into the other.
    let ((left, from), (arrived, to)) = (off(transfer.from), off(transfer.from.other()));
    let is = |found: Amount, expected: Amount| (found - expected).abs() <= NOTHING;
    let proven = if is(from, Amount::ZERO) && is(to, transfer.amount) {
        Some(Settled::Executed)
    } else if is(from, transfer.amount) && is(to, Amount::ZERO) {
        Some(Settled::Absent)
    } else {
        None
    };
    (vec![left, arrived], proven)
}

/// What settling it would book, for consent.
#[must_use]
pub fn plan(transfer: &Transfer, settled: Settled, evidence: &(Vec<String>, Option<Settled>)) -> String {
    let booked = match settled {
        Settled::Executed => format!("booked as arrived in the {} wallet", word(transfer.from.other())),
        Settled::Absent => format!("booked as never sent: the money is in the {} wallet", word(transfer.from)),
    };
    let proof = match evidence.1 {
        Some(_) => "the wallets prove it or refuse it",
        None => "the wallets prove nothing, your word counts; what differs afterwards is for carry accept",
    };
    format!(
        "transfer {} of {} {} is {booked}; {}; {proof}",
        transfer.id,
        transfer.amount,
        transfer.asset,
        evidence.0.join("; ")
    )
}

/// Where fills are simulated there is nothing to settle.
#[must_use]
pub fn simulated() -> ControlError {
    ControlError::new(Code::Unsupported, "a simulated venue tells the end of each transfer by itself")
}

/// Whether a person's word may be taken now.
///
/// # Errors
/// [`ControlError`]: it is on its way still, or the wallets prove the contrary.
pub fn may(
    (now, since): (WallTime, WallTime),
    settled: Settled,
    evidence: &(Vec<String>, Option<Settled>),
) -> Result<(), ControlError> {
    if now.since(since) <= OLD {
        let text = "id: this transfer is on its way; the venue is asked for it every two seconds: see carry reconcile";
        return Err(ControlError::new(Code::Refused, text));
    }
    match evidence.1 {
        Some(proven) if proven != settled => {
            let text = format!("the venue's wallets say the contrary\n  {}", evidence.0.join("\n  "));
            Err(ControlError::new(Code::Difference, text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use crate::domain::{Asset, Sequence};
    use crate::port::Event;
    use crate::port::event::Stamped;
    use crate::sim::Generator;
    use crate::sim::START;
    use crate::venues::answer::BalanceRow;

    #[test]
    fn e14_the_wallets_prove_a_transfer_or_its_absence_and_are_not_overruled() {
        let mut state = State::new(Settings::default(), Generator::new(1, START).catalogue().clone());
        let (venue, asset) = (VenueId(0), Asset::of("USDT"));
        let transfer = Transfer {
            id: ClientOrderId { epoch: 1, salt: 7, number: 3 },
            venue,
            from: Wallet::Spot,
            asset,
            amount: Amount::whole(40),
        };
        let mut tell = |event| {
            let stamped = Stamped { sequence: Sequence(state.sequence.0 + 1), at: START, event };
            crate::engine::step(&mut state, &stamped, &mut Vec::new());
        };
        tell(Event::Opening { venue, wallet: Wallet::Spot, asset, amount: Amount::whole(100) });
        tell(Event::TransferSent(transfer));
        let row = |total: i64| BalanceRow { asset, total: Amount::whole(total), free: Amount::whole(total) };
        let lists = |at: WallTime, spot: i64, perp: i64| Lists {
            at,
            quiet: true,
            spot: vec![row(spot)],
            perp: vec![row(perp)],
            positions: Vec::new(),
            elsewhere: Vec::new(),
        };
        let check = |found: Option<&Lists>, proven: Option<Settled>| {
            assert_eq!(evidence(&state, &transfer, START, found).1, proven, "{found:?}");
        };
        let later = START + Span::seconds(9);
        check(None, None);
        check(Some(&lists(START, 60, 40)), None);
        check(Some(&lists(later, 60, 40)), Some(Settled::Executed));
        check(Some(&lists(later, 100, 0)), Some(Settled::Absent));
        check(Some(&lists(later, 100, 40)), None);
        let found = evidence(&state, &transfer, START, Some(&lists(later, 60, 40)));
        let old = (START + OLD + Span::seconds(1), START);
        assert!(may((later, START), Settled::Executed, &found).is_err(), "it is on its way");
        assert!(may(old, Settled::Executed, &found).is_ok());
        let error = may(old, Settled::Absent, &found).unwrap_err();
        assert!(error.message.contains("spot wallet: ledger 60 USDT, venue 60"), "{error}");
        assert!(may(old, Settled::Absent, &(Vec::new(), None)).is_ok(), "a person's word, where nothing proves");
        assert_eq!(of(&state, transfer.id), Some((transfer, START)));
    }
}
