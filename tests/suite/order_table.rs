//! The order state machine: its whole table as a snapshot, and what no order of reports can break.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use carry::domain::fees::Role;
use carry::domain::{Amount, Asset, ClientOrderId, FillId, InstrumentId, Leg, PairId, Price, Quantity, Side, WallTime};
use carry::orders::state::outcome_name;
use carry::orders::{Booking, Order, OrderState, Orders};
use carry::port::order::{Fill, Intent, OrderReport, Outcome, Purpose, Reason, RejectCause, TimeInForce};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const ID: ClientOrderId = ClientOrderId { epoch: 1, salt: 1, number: 1 };

fn coins(units: i64) -> Quantity {
    Quantity::from_units(units).unwrap()
}

fn fill(id: u64, units: i64) -> Fill {
    Fill {
        id: FillId(id),
        quantity: coins(units),
        price: Price::parse("100").unwrap(),
        fee: Amount::ZERO,
        fee_asset: Asset::of("USDT"),
        role: Role::Taker,
        at: WallTime(0),
    }
}

fn outcomes() -> Vec<Outcome> {
    let filled = coins(1);
    vec![
        Outcome::Accepted,
        Outcome::Filled(fill(1, 1)),
        Outcome::Cancelled { filled },
        Outcome::Expired { filled },
        Outcome::Done { filled },
        Outcome::Rejected { cause: RejectCause::Balance },
        Outcome::Unknown,
        Outcome::NotFound,
        Outcome::Absent,
        Outcome::CancelRejected,
        Outcome::CancelUnknown,
    ]
}

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for state in OrderState::ALL {
        for outcome in outcomes() {
            let next = state.next(&outcome).map_or_else(|_| "illegal".to_owned(), |next| format!("{next:?}"));
            writeln!(table, "{:<12} {:<16} {next}", format!("{state:?}"), outcome_name(&outcome)).unwrap();
        }
    }
    insta::assert_snapshot!(table);
}

/// What is not known never becomes known by not knowing.
#[test]
fn a07_a11_no_time_out_ends_an_order() {
    for state in OrderState::ALL.into_iter().filter(|state| state.is_live()) {
        for outcome in [Outcome::Unknown, Outcome::NotFound, Outcome::CancelUnknown, Outcome::CancelRejected] {
            let ended = state.next(&outcome).is_ok_and(|next| !next.is_live());
            assert!(!ended, "{state:?} ends by {outcome:?}");
        }
    }
}

/// An order of so many coins that is on its way.
fn sent(quantity: i64) -> Orders {
    let intent = Intent {
        id: ID,
        pair: PairId(0),
        leg: Leg::Long,
        instrument: InstrumentId(0),
        side: Side::Buy,
        quantity: coins(quantity),
        limit: Price::parse("100").unwrap(),
        time_in_force: TimeInForce::ImmediateOrCancel,
        reduce_only: false,
        purpose: Purpose::Enter,
        arrival_mid: Price::parse("100").unwrap(),
        decided_at: WallTime(0),
        reason: Reason::FundingAbove,
    };
    let mut orders = Orders::default();
    orders.restore(Order { durable: true, ..Order::new(intent) });
    assert!(orders.release(ID).is_some());
    assert!(orders.release(ID).is_none(), "released twice");
    orders
}

fn report(kind: u8, fills: &[i64]) -> Outcome {
    let total = coins(fills.iter().sum());
    match kind {
        0 => Outcome::Accepted,
        1 => Outcome::Unknown,
        2 => Outcome::NotFound,
        3 => Outcome::CancelUnknown,
        4 => Outcome::CancelRejected,
        5 => Outcome::Done { filled: total },
        6 => Outcome::Expired { filled: total },
        7 => Outcome::Cancelled { filled: total },
        _ => {
            let place = usize::from(kind - 8) % fills.len();
            Outcome::Filled(fill(place as u64 + 1, fills.get(place).copied().unwrap()))
        }
    }
}

proptest! {
    /// Whatever comes, in any order and as often as it likes: each fill is booked once, and the order holds their sum.
    #[test]
    fn c02_c03_a09_any_order_of_reports_books_each_fill_once(
        fills in prop::collection::vec(1_i64..1_000, 1..5),
        kinds in prop::collection::vec(0_u8..24, 1..40),
        short in -50_i64..50,
    ) {
        let mut orders = sent((fills.iter().sum::<i64>() + short).max(1));
        let (mut booked, mut told) = (Quantity::ZERO, BTreeSet::new());
        for kind in kinds {
            let outcome = report(kind, &fills);
            if let Outcome::Filled(fill) = &outcome {
                told.insert(fill.id);
            }
            match orders.apply(&OrderReport { id: ID, outcome }, WallTime(1)) {
                Booking::Fill { fill, .. } => booked += fill.quantity,
                Booking::Nothing => {}
                other => prop_assert!(false, "{other:?}"),
            }
            let order = orders.find(ID).unwrap();
            let distinct: i64 = told.iter().map(|id| fills[usize::try_from(id.0).unwrap() - 1]).sum();
            prop_assert_eq!(booked, coins(distinct));
            prop_assert_eq!(order.filled, booked);
            prop_assert_eq!(order.fills.len(), told.len());
            // An order is let go only when everything that the venue stated is booked.
            let settled = orders.live_order(ID).is_none();
            prop_assert!(!settled || order.missing().is_zero());
        }
    }
}
