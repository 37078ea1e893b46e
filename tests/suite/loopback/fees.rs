//! Fees in BNB: the switches of both markets, the discounts, and what happens without enough of it.
use super::client::{Bench, amount};
use serde_json::{Value, json};

const SPOT: &str = "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01&newOrderRespType=FULL";

async fn income(bench: &Bench) -> Value {
    let rows = bench.signed("GET", "/fapi/v1/income", "incomeType=COMMISSION").await;
    rows.as_array().and_then(|rows| rows.last()).cloned().unwrap_or_default()
}

#[tokio::test]
async fn e10_fees_are_taken_in_bnb_while_the_switch_is_on_and_there_is_enough() {
    let bench = Bench::new("calm = true").await;
    for wallet in ["spot", "perp"] {
        let act = json!({"act": "deposit", "wallet": wallet, "asset": "BNB", "amount": "1"});
        bench.control("/carry/fault", &act).await;
    }
    bench
        .control("/carry/fault", &json!({"act": "deposit", "wallet": "perp", "asset": "USDT", "amount": "5000"}))
        .await;
    let usual = bench.signed("POST", "/api/v3/order", SPOT).await;
    assert_eq!(usual["fills"][0]["commissionAsset"], "BTC");
    assert_eq!(bench.signed("GET", "/sapi/v1/bnbBurn", "").await["spotBNBBurn"], false);
    assert_eq!(bench.signed("POST", "/sapi/v1/bnbBurn", "spotBNBBurn=true").await["spotBNBBurn"], true);
    let terms = bench.signed("GET", "/api/v3/account/commission", "symbol=BTCUSDT").await;
    assert_eq!(terms["discount"]["enabledForAccount"], true);
    let order = bench.signed("POST", "/api/v3/order", SPOT).await;
    let fill = &order["fills"][0];
    assert_eq!(fill["commissionAsset"], "BNB");
    let number = |value: &Value| value.as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    let expected = number(&fill["price"]) * number(&fill["qty"]) * 0.001 * 0.75 / 600.0;
    assert!((number(&fill["commission"]) - expected).abs() < 2e-8, "{fill} {expected}");

    let short = "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.01";
    bench.signed("POST", "/fapi/v1/order", short).await;
    assert_eq!(income(&bench).await["asset"], "USDT");
    bench.signed("POST", "/fapi/v1/feeBurn", "feeBurn=true").await;
    bench.signed("POST", "/fapi/v1/order", short).await;
    let row = income(&bench).await;
    assert_eq!((&row["asset"], &row["incomeType"]), (&json!("BNB"), &json!("COMMISSION")));
    // Too little for a whole fee: the usual coin pays all of it.
    let left = bench.get("/carry/books").await["futures"]["BNB"].clone();
    let out = format!("type=UMFUTURE_MAIN&asset=BNB&amount={}", amount(&left));
    bench.signed("POST", "/sapi/v1/asset/transfer", &out).await;
    bench.signed("POST", "/fapi/v1/order", short).await;
    assert_eq!(income(&bench).await["asset"], "USDT");
}
