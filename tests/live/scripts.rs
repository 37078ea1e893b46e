//! The fault scripts: what the venue does, and how the run must end. The grammar is in `deploy/venue.md`.
//!
//! `a04_...` is a script of fault A04 of the catalogue. Times of acts are of the venue's clock after its start; the entry comes
//! in the first minutes, settlements each hour, the exit after the third.

/// How a run must end.
pub(crate) enum End {
    /// The pair was closed, and ledger and venue agree to the last unit.
    Flat,
    /// Somebody else moved the account: they need not agree, but an alarm must say so.
    Apart,
}

/// One script.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) script: &'static str,
    /// Further settings.
    pub(crate) set: &'static [&'static str],
    /// An alarm that must have been raised.
    pub(crate) alarm: Option<&'static str>,
    pub(crate) end: End,
}

/// All scripts.
pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "a01_perp_refused_for_margin",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
error = { code = -2019, msg = "Margin is insufficient.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a01_spot_refused_for_balance",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
error = { code = -2010, msg = "Account has insufficient balance for requested action.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a02_spot_partly",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
partial = "0.4"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a02_perp_partly",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
partial = "0.4"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a02_nothing_filled",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
no_fill = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a03_both_partly",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
partial = "0.5"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
partial = "0.3"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a04_spot_executed_no_answer",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
drop_after = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a04_perp_executed_no_answer",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
drop_after = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a04_exit_executed_no_answer",
        script: r#"
[[fault]]
match = { after_ms = 9000000, path = "/fapi/v1/order", method = "POST", times = 1 }
drop_after = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a05_spot_never_arrived",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
drop_before = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a05_perp_never_arrived",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
drop_before = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a06_perp_arrives_late",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
delay_before_ms = 20
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a07_spot_error_accepted",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
status_after = 500
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a07_perp_error_accepted",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
status_after = { status = 503, body = "{\"code\":-1000,\"msg\":\"Unknown error, please check your request or try again later.\"}" }
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a09_spot_fill_before_answer",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST" }
delay_ms = 150
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a09_perp_fill_before_answer",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST" }
delay_ms = 150
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a10_cancel_refused",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "DELETE", times = 1 }
error = { code = -2011, msg = "Unknown order sent.", status = 400 }
"#,
        set: &["execution.style=maker", "execution.first=perp", "execution.maker_deadline=30s"],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a11_cancel_done_no_answer",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "DELETE", times = 1 }
drop_after = true
"#,
        set: &["execution.style=maker", "execution.first=perp", "execution.maker_deadline=30s"],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a11_cancel_never_arrived",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "DELETE", times = 1 }
drop_before = true
"#,
        set: &["execution.style=maker", "execution.first=perp", "execution.maker_deadline=30s"],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a13_every_second_answer_lost",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", every = 2 }
drop_after = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "a16_reduce_only_refused",
        script: r#"
[[fault]]
match = { after_ms = 9000000, path = "/fapi/v1/order", method = "POST", times = 1 }
error = { code = -2022, msg = "ReduceOnly Order is rejected.", status = 400 }
"#,
        set: &[],
        alarm: Some("reduce_refused"),
        end: End::Flat,
    },
    Row {
        name: "a17_post_only_refused",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", times = 3 }
error = { code = -5022, msg = "Due to the order could not be executed as maker, the Post Only order will be rejected.", status = 400 }
"#,
        set: &["execution.style=maker", "execution.first=perp", "execution.maker_deadline=30s"],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a19_price_band",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", times = 2 }
error = { code = -4131, msg = "The counterparty best price does not meet the PERCENT_PRICE filter limit.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a20_below_the_step",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", times = 1 }
error = { code = -1013, msg = "Filter failure: LOT_SIZE", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a22_spot_sale_fails_at_the_exit",
        script: r#"
[[fault]]
match = { after_ms = 9000000, path = "/api/v3/order", method = "POST", times = 2 }
error = { code = -2010, msg = "Market is closed.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a22_perp_exit_fails",
        script: r#"
[[fault]]
match = { after_ms = 9000000, path = "/fapi/v1/order", method = "POST", times = 2 }
error = { code = -1001, msg = "Internal error; unable to process your request. Please try again.", status = 503 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "a23_hedge_venue_fails_after_leg_one",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", times = 4 }
error = { code = -1008, msg = "Server is currently overloaded with other requests. Please try again in a few minutes.", status = 503 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b01_depth_message_lost",
        script: r#"
[[fault]]
match = { event = "depthUpdate", every = 40 }
lose_event = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b02_snapshot_is_nonsense",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/depth", method = "GET", times = 2 }
wrong_body = "{}"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b03_depth_twice",
        script: r#"
[[fault]]
match = { event = "depthUpdate", every = 7 }
duplicate = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b03_depth_out_of_order",
        script: r#"
[[fault]]
match = { event = "depthUpdate", every = 11 }
reorder = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b06_frozen_while_pings_answer",
        script: r#"
[[act]]
at = "70m"
act = "freeze"
for = "10m"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b07_one_symbol_frozen",
        script: r#"
[[act]]
at = "70m"
act = "freeze"
symbol = "BTCUSDT"
for = "10m"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "b08_data_seconds_late",
        script: r#"
[[fault]]
match = { event = "bookTicker", every = 2 }
delay_ms = 10
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c01_sockets_cut",
        script: r#"
[[act]]
at = "2m"
act = "cut"
[[act]]
at = "3m"
act = "cut"
[[act]]
at = "100m"
act = "cut"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c02_executions_told_twice",
        script: r#"
[[fault]]
match = { event = "executionReport" }
duplicate = true
[[fault]]
match = { event = "ORDER_TRADE_UPDATE" }
duplicate = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c03_executions_out_of_order",
        script: r#"
[[fault]]
match = { event = "ORDER_TRADE_UPDATE", every = 2 }
reorder = true
[[fault]]
match = { event = "executionReport", every = 2 }
reorder = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c03_executions_never_told",
        script: r#"
[[fault]]
match = { event = "ORDER_TRADE_UPDATE" }
lose_event = true
[[fault]]
match = { event = "executionReport" }
lose_event = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c04_listen_keys_die",
        script: r#"
[[act]]
at = "80m"
act = "listen_keys"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c07_positions_are_nonsense",
        script: r#"
[[fault]]
match = { path = "/fapi/v3/positionRisk", every = 3 }
wrong_body = "[{}]"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "c10_funding_told_twice",
        script: r#"
[[fault]]
match = { event = "ACCOUNT_UPDATE" }
duplicate = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "d02_answer_cut_spot",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
short_body = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "d02_answer_cut_perp",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
short_body = true
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "d06_a_page_for_an_answer",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
wrong_body = "<html>please log in</html>"
"#,
        set: &[],
        alarm: Some("order_unknown"),
        end: End::Flat,
    },
    Row {
        name: "d06_pages_for_lists",
        script: r#"
[[fault]]
match = { path = "/api/v3/account", every = 2 }
wrong_body = "<html>please log in</html>"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "d07_rate_limited",
        script: r#"
[[act]]
at = "70m"
act = "rate_limit"
for = "3m"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "d07_banned",
        script: r#"
[[act]]
at = "70m"
act = "ban"
for = "6m"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "d13_clock_moves",
        script: r#"
[[act]]
at = "70m"
act = "clock_skew"
ms = 3000
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e02_spot_halts_at_the_exit",
        script: r#"
[[act]]
at = "178m"
act = "halt"
symbol = "BTCUSDT"
market = "spot"
halted = true
[[act]]
at = "200m"
act = "halt"
symbol = "BTCUSDT"
market = "spot"
halted = false
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e03_delisting_announced",
        script: r#"
[[act]]
at = "70m"
act = "delist"
symbol = "BTCUSDT"
after = "20h"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e04_precision_refused",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", times = 1 }
error = { code = -1111, msg = "Precision is over the maximum defined for this asset.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e06_interval_changes",
        script: r#"
[[act]]
at = "61m"
act = "interval"
symbol = "BTCUSDT"
hours = 2
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e08_brackets_rise",
        script: r#"
[[act]]
at = "70m"
act = "brackets"
symbol = "BTCUSDT"
factor = 10
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e12_adl",
        script: r#"
[[act]]
at = "70m"
act = "adl"
symbol = "BTCUSDT"
share = "0.4"
"#,
        set: &[],
        alarm: Some("adl"),
        end: End::Flat,
    },
    Row {
        name: "e13_liquidation",
        script: r#"
[[act]]
at = "70m"
act = "liquidation"
symbol = "BTCUSDT"
"#,
        set: &[],
        alarm: Some("liquidated"),
        end: End::Flat,
    },
    Row {
        name: "e14_transfer_refused",
        script: r#"
[[fault]]
match = { path = "/sapi/v1/asset/transfer", method = "POST", times = 1 }
error = { code = -5002, msg = "You have insufficient balance.", status = 400 }
"#,
        set: &[],
        alarm: Some("transfer_failed"),
        end: End::Flat,
    },
    Row {
        name: "e14_transfer_done_no_answer",
        script: r#"
[[fault]]
match = { path = "/sapi/v1/asset/transfer", method = "POST", times = 1 }
drop_after = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e14_transfer_never_arrived",
        script: r#"
[[fault]]
match = { path = "/sapi/v1/asset/transfer", method = "POST", times = 1 }
drop_before = true
"#,
        set: &[],
        alarm: Some("transfer_failed"),
        end: End::Flat,
    },
    Row {
        name: "h07_key_revoked",
        script: r#"
[[act]]
at = "70m"
act = "revoke"
"#,
        set: &[],
        alarm: Some("venue_refuses"),
        end: End::Apart,
    },
    Row {
        name: "h09_position_changed_by_hand",
        script: r#"
[[act]]
at = "70m"
act = "foreign"
symbol = "BTCUSDT"
market = "perp"
side = "buy"
quantity = "0.01"
"#,
        set: &[],
        alarm: Some("foreign"),
        end: End::Apart,
    },
    Row {
        name: "h10_a_stranger_trades_spot",
        script: r#"
[[act]]
at = "70m"
act = "foreign"
symbol = "BTCUSDT"
market = "spot"
side = "buy"
quantity = "0.01"
"#,
        set: &[],
        alarm: Some("foreign"),
        end: End::Apart,
    },
    Row {
        name: "h11_deposit_by_hand",
        script: r#"
[[act]]
at = "70m"
act = "deposit"
wallet = "spot"
asset = "USDT"
amount = "500"
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "d09_all_sockets_drop",
        script: r#"
[[act]]
at = "3m"
act = "cut"
[[act]]
at = "80m"
act = "cut"
[[act]]
at = "153m"
act = "cut"
"#,
        set: &[],
        alarm: Some("venue_down"),
        end: End::Flat,
    },
    Row {
        name: "d12_the_account_streams_say_nothing",
        script: r#"
[[fault]]
match = { event = "executionReport" }
lose_event = true
[[fault]]
match = { event = "ORDER_TRADE_UPDATE" }
lose_event = true
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e16_income_without_its_fields",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/income", after_ms = 3000000, times = 12 }
wrong_body = '[{"symbol":"BTCUSDT","incomeType":"FUNDING_FEE"}]'
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e17_overload_is_said",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
status = { status = 503, body = '{"code":-1008,"msg":"Server is currently overloaded with other requests. Please try again in a few minutes."}' }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e18_position_limit",
        script: r#"
[[fault]]
match = { path = "/fapi/v1/order", method = "POST", nth = 1 }
error = { code = -2027, msg = "Exceeded the maximum allowable position at current leverage.", status = 400 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "e23_too_many_orders",
        script: r#"
[[fault]]
match = { path = "/api/v3/order", method = "POST", nth = 1 }
error = { code = -1015, msg = "Too many new orders; current limit is 50 orders per 10 SECOND.", status = 429 }
"#,
        set: &[],
        alarm: None,
        end: End::Flat,
    },
    Row {
        name: "h12_hedge_mode_by_hand",
        script: r#"
[[act]]
at = "70m"
act = "hedge"
on = true
[[act]]
at = "80m"
act = "hedge"
on = false
"#,
        set: &[],
        alarm: Some("foreign"),
        end: End::Flat,
    },
    Row {
        name: "h11_withdrawal_by_hand",
        script: r#"
[[act]]
at = "70m"
act = "deposit"
wallet = "spot"
asset = "USDT"
amount = "-500"
"#,
        set: &[],
        alarm: Some("foreign"),
        end: End::Flat,
    },
];
