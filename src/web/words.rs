//! Numbers and times as the page shows them: sign, unit, age; a dash for what is not known, never a zero.
//!
//! Minus is U+2212 and a space before a unit does not break. Tests: at the end.

use crate::domain::money::grouped;
use crate::domain::{Amount, FundingRate, Span, WallTime};
use crate::report::figures::fixed;
use maud::{Markup, html};
use std::time::Duration;

/// What stands for a number that is not known or does not apply.
pub const NONE: &str = "\u{2013}";
/// A space that does not break.
const SPACE: &str = "\u{a0}";

/// Milliseconds as a number for ratios.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "milliseconds of any session fit 53 bits")]
pub const fn ms(span: i64) -> f64 {
    span as f64
}

/// A text of a number with the minus of print.
#[must_use]
pub fn minus(text: &str) -> String {
    text.replacen('-', "\u{2212}", 1)
}

/// A level of money: two decimals, no sign for plus.
#[must_use]
pub fn level(amount: Amount) -> String {
    minus(&grouped(amount, 2))
}

/// A change of money: two decimals with its sign.
#[must_use]
pub fn change(amount: Amount) -> String {
    let text = grouped(amount, 2);
    if text.starts_with('-') || text == "0.00" { minus(&text) } else { format!("+{text}") }
}

/// A change with a zero in grey.
#[must_use]
pub fn gain(amount: Amount) -> Markup {
    let text = change(amount);
    html! { @if text == "0.00" { span.zero { (text) } } @else { (text) } }
}

/// A change that may not be known.
#[must_use]
pub fn gain_or(amount: Option<Amount>) -> Markup {
    amount.map_or_else(|| html! { span.zero { (NONE) } }, gain)
}

/// What is proven to be nothing is a bare zero; else the whole amount, so that nothing hides behind two decimals.
#[must_use]
pub fn proof(amount: Amount) -> Markup {
    html! { @if amount.is_zero() { "0" } @else { b.against { (minus(&amount.to_string())) } } }
}

/// A float with a sign.
#[must_use]
pub fn signed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return NONE.to_owned();
    }
    let text = fixed(value, decimals);
    let zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if zero || text.starts_with('-') { minus(&text) } else { format!("+{text}") }
}

/// A float without a sign for plus.
#[must_use]
pub fn plain(value: f64, decimals: usize) -> String {
    if value.is_finite() { minus(&fixed(value, decimals)) } else { NONE.to_owned() }
}

/// A value of an axis, grouped.
#[must_use]
pub fn axis(value: f64, decimals: usize) -> String {
    let text = fixed(value, decimals);
    Amount::parse(&text).map_or(text, |amount| grouped(amount, u32::try_from(decimals).unwrap_or(0)))
}

/// A fraction in percent, with its unit.
#[must_use]
pub fn percent(fraction: f64, decimals: usize) -> String {
    format!("{}{SPACE}%", plain(fraction * 100.0, decimals))
}

/// A funding rate in its own interval: `0.0084 %/8h`.
#[must_use]
pub fn rate(funding: FundingRate) -> String {
    format!("{}{SPACE}%/{}", plain(funding.rate.to_f64() * 100.0, 4), funding.interval)
}

/// The same a year: `9.2`.
#[must_use]
pub fn a_year(funding: FundingRate) -> String {
    plain(funding.annualised().to_f64() * 100.0, 1)
}

/// How old something is: `0.4 s`, `41 s`, `3 min`, `2 h`, `5 d`.
#[must_use]
pub fn age(millis: i64) -> String {
    let millis = millis.max(0);
    match millis {
        0..=9_949 => format!("{}{SPACE}s", fixed(ms(millis) / 1e3, 1)),
        9_950..=119_999 => format!("{}{SPACE}s", millis / 1_000),
        120_000..=7_199_999 => format!("{}{SPACE}min", millis / 60_000),
        7_200_000..=172_799_999 => format!("{}{SPACE}h", millis / 3_600_000),
        _ => format!("{}{SPACE}d", millis / 86_400_000),
    }
}

/// The age of something on the monotonic clock.
#[must_use]
pub fn age_of(age: Duration) -> String {
    self::age(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// How long something is held, in two units: `36 d 4 h`, `3 h 7 min`.
#[must_use]
pub fn held(span: Span) -> String {
    let minutes = span.0.max(0) / 60_000;
    let (days, hours) = (minutes / 1_440, minutes / 60);
    match minutes {
        0..=59 => format!("{minutes}{SPACE}min"),
        60..=1_439 => format!("{hours}{SPACE}h {}{SPACE}min", minutes % 60),
        _ => format!("{days}{SPACE}d {}{SPACE}h", hours % 24),
    }
}

/// A time that is counted down to by the script. Without it, the time of day with its zone, and of when the page is.
#[must_use]
pub fn until(at: WallTime, now: WallTime) -> Markup {
    let when = if date(at) == date(now) { clock(at) } else { format!("{} {}", day(at), clock(at)) };
    html! {
        time data-at=(at.0) { (when) "\u{a0}UTC" }
        noscript { small { "as of " (clock(now)) "\u{a0}UTC" } }
    }
}

/// Time of day to the second, UTC.
#[must_use]
pub fn clock(at: WallTime) -> String {
    let text = at.floor(Span::seconds(1)).to_string();
    text.split_once('T').map_or(text.clone(), |(_, time)| time.trim_end_matches('Z').to_owned())
}

/// Time of day to the minute, UTC.
#[must_use]
pub fn minute(at: WallTime) -> String {
    clock(at).chars().take(5).collect()
}

/// Month and day, UTC: `11-20`.
#[must_use]
pub fn day(at: WallTime) -> String {
    date(at).chars().skip(5).collect()
}

/// Year, month and day, UTC.
#[must_use]
pub fn date(at: WallTime) -> String {
    at.to_string().chars().take(10).collect()
}

/// Day and time to the minute: `11-20 06:12`.
#[must_use]
pub fn moment(at: WallTime) -> String {
    format!("{} {}", day(at), minute(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_sign_and_nothing_has_two_zeros() {
        let amount = |text: &str| Amount::parse(text).unwrap();
        for (value, expected) in [("1234.567", "+1,234.57"), ("-0.5", "\u{2212}0.50"), ("0.001", "0.00")] {
            assert_eq!(change(amount(value)), expected);
        }
        assert_eq!(level(amount("25281.51")), "25,281.51");
        assert_eq!(gain(Amount::ZERO).into_string(), "<span class=\"zero\">0.00</span>");
        assert_eq!(proof(Amount::ZERO).into_string(), "0");
        assert!(proof(amount("0.00000001")).into_string().contains("0.00000001"));
        assert_eq!((signed(-0.001, 1), signed(2.04, 1)), ("0.0".to_owned(), "+2.0".to_owned()));
        assert_eq!(signed(f64::NAN, 1), NONE);
    }

    #[test]
    fn times_are_short() {
        assert_eq!(
            (age(400), age(41_000), age(180_000)),
            ("0.4\u{a0}s".into(), "41\u{a0}s".into(), "3\u{a0}min".into())
        );
        assert_eq!(held(Span::hours(36 * 24 + 4)), "36\u{a0}d 4\u{a0}h");
        let at = WallTime(1_640_995_261_234);
        assert_eq!((clock(at), moment(at), date(at)), ("00:01:01".into(), "01-01 00:01".into(), "2022-01-01".into()));
    }

    #[test]
    fn without_a_script_a_time_has_its_zone_and_of_when_the_page_is() {
        let now = WallTime(1_640_995_261_234);
        let text = until(WallTime(now.0 + 8 * 3_600_000), now).into_string();
        assert!(text.contains(">08:01:01\u{a0}UTC</time>") && text.contains("as of 00:01:01\u{a0}UTC"), "{text}");
        let tomorrow = until(WallTime(now.0 + 24 * 3_600_000), now).into_string();
        assert!(tomorrow.contains(">01-02 00:01:01\u{a0}UTC</time>"), "{tomorrow}");
    }
}
