//! The same run on Aster: listen keys on both markets, no executions in answers, another transfer, two kinds of proof.
use super::rig::{HIGH, Kind, Ran, Rig, compressed};
use super::{SPEED, closed_and_equal};
use carry::domain::Amount;

/// The ledger was compared with the venue by a command of its own, with the same key.
fn reconciled(rig: &Rig) {
    let (keys, state) = (rig.path("keys.json"), rig.path("state"));
    let words = ["reconcile", "--key", "test", "--json", "--clock", "venue", "--base-url", &rig.base];
    let mut words = words.to_vec();
    words.extend(["--keys", keys.to_str().unwrap(), "--state", state.to_str().unwrap()]);
    let ran = rig.ask(&words);
    assert_eq!(ran.code, Some(0), "{}{}", ran.out, ran.err);
    assert_eq!(ran.summary()["result"]["agree"], true, "{}", ran.out);
    rig.search(&[&ran]);
}

fn rides(kind: Kind) {
    let rig = Rig::of(kind, &format!("{HIGH}{}", compressed(150)), SPEED);
    let ran = Rig::run(rig.live("240m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    let paid = rig.income("FUNDING_FEE");
    assert!(paid.len() >= 2, "two settlements at least: {paid:?}");
    let mut sum = Amount::ZERO;
    for amount in &paid {
        sum += *amount;
    }
    assert_eq!(summary["pnl"]["funding"], sum.to_string(), "funding is booked from the income list");
    quiet(&ran);
    reconciled(&rig);
}

/// Nothing was in doubt and nothing was refused: what is not there at this venue is not asked for.
fn quiet(ran: &Ran) {
    for word in ["order_unknown", "venue_refuses", "difference", "foreign", "transfer_failed"] {
        assert_eq!(ran.summary()["alarms"].get(word), None, "{word}: {}\n{}", ran.out, ran.err);
    }
}

#[test]
fn a_pair_on_aster_with_an_agents_wallet_enters_is_paid_twice_and_leaves() {
    rides(Kind::Aster);
}

#[test]
fn a_pair_on_aster_with_a_key_of_the_old_kind_enters_is_paid_twice_and_leaves() {
    rides(Kind::AsterOld);
}

/// The perp order never arrives, the transfer is done and not answered.
const DOUBTS: &str = r#"
[[fault]]
match = { path = "/fapi/v3/order", method = "POST", nth = 1 }
drop_before = true
[[fault]]
match = { path = "/fapi/v3/asset/wallet/transfer", method = "POST", nth = 1 }
drop_after = true
"#;

#[test]
fn a05_e14_on_aster_an_order_in_doubt_is_voided_and_a_transfer_in_doubt_is_found() {
    let rig = Rig::of(Kind::Aster, &format!("{HIGH}{DOUBTS}{}", compressed(90)), SPEED);
    let ran = Rig::run(rig.live("180m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    assert!(summary["alarms"].get("order_unknown").is_some(), "{}", ran.out);
    assert_eq!(summary["alarms"].get("transfer_failed"), None, "it was done: {}", ran.out);
    assert_eq!(rig.get("/carry/requests")["requests"]["POST /fapi/v3/noop"], 1, "the order that was in doubt");
    reconciled(&rig);
}
