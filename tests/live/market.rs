//! The market in which the fault scripts play: funding that pays hour by hour, and turns. Here and in the simulator.

/// The market of every scene: hourly funding well above the anchor, and prices that stand still.
pub(crate) const HIGH: &str = r#"
calm = true

[[act]]
act = "interval"
symbol = "BTCUSDT"
hours = 1

[[act]]
act = "funding"
symbol = "BTCUSDT"
rate = "0.0001"
"#;

/// Funding turns and the perp falls below spot, from this minute on.
pub(crate) fn compressed(minute: u32) -> String {
    format!(
        r#"
[[act]]
at = "{minute}m"
act = "funding"
symbol = "BTCUSDT"
rate = "-0.00005"

[[act]]
at = "{minute}m"
act = "premium"
symbol = "BTCUSDT"
to = "-0.0005"
over = "10m"
"#
    )
}
