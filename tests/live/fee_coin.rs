//! Fees in the venue's own coin: discounted while it lasts, and what happens when it is used up in the middle of a pair.
use super::rig::{HIGH, Rig, compressed};
use super::{SPEED, closed_and_equal, count};
use carry::domain::Amount;
use std::collections::BTreeSet;

/// Enough for a part of the entry in each wallet.
const BNB: &str = r#"
[[act]]
act = "burn"
on = true
[[act]]
act = "deposit"
wallet = "spot"
asset = "BNB"
amount = "0.04"
[[act]]
act = "deposit"
wallet = "perp"
asset = "BNB"
amount = "0.025"
"#;

#[test]
fn e10_the_fee_coin_runs_out_in_the_middle_and_the_pair_stays_hedged() {
    let rig = Rig::new(&format!("{HIGH}{BNB}{}", compressed(90)), SPEED);
    let ran = Rig::run(rig.live("180m", &[]), 300);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    closed_and_equal(&rig, &ran);
    let summary = ran.summary();
    assert_eq!(summary["round_trips"], 1, "{}\n{}", ran.out, ran.err);
    let alarms = &summary["alarms"];
    assert!(count(&alarms["fee_coin_low"]) >= 2, "both wallets were low: {alarms}");
    assert!(count(&alarms["fee_coin_out"]) >= 2, "both were used up: {alarms}");
    for word in ["difference", "foreign", "pair_naked"] {
        assert_eq!(alarms.get(word), None, "{alarms}\n{}", ran.err);
    }
    let naked = summary["max_naked_notional"].as_str().and_then(|text| Amount::parse(text).ok()).unwrap();
    assert!(naked <= Amount::whole(30_000), "more than a clip was naked: {naked}");
    // In both wallets some fees were taken in BNB and, once it was used up, some in the usual coin.
    for market in ["spot", "perp"] {
        let assets = fee_assets(&rig, market);
        assert!(assets.contains("BNB") && assets.len() > 1, "{market}: {assets:?}");
    }
}

/// The coins that the venue took fees in.
fn fee_assets(rig: &Rig, market: &str) -> BTreeSet<String> {
    let books = rig.get("/carry/books");
    let orders = books["orders"].as_array().unwrap().iter().filter(|order| order["market"] == market);
    let fills = orders.flat_map(|order| order["executions"].as_array().unwrap());
    fills.map(|fill| fill["fee_asset"].as_str().unwrap().to_owned()).collect()
}
