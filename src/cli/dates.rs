//! Times as a person writes them on the command line: UTC, as a date or to the minute or second.

use crate::domain::WallTime;

/// What is expected, for help texts and errors.
pub const FORM: &str = "UTC such as 2025-05-31T08:00Z, or a date such as 2025-05-31";

/// The instant written; a date alone means its first one. For `--from`.
///
/// # Errors
/// Says what was expected.
pub fn first_instant(text: &str) -> Result<WallTime, String> {
    match parse(text)? {
        Written::Instant(at) | Written::Day(at) => Ok(at),
    }
}

/// The instant written; a date alone means its last millisecond, so that the day is inside. For `--to`.
///
/// # Errors
/// Says what was expected.
pub fn last_instant(text: &str) -> Result<WallTime, String> {
    match parse(text)? {
        Written::Instant(at) => Ok(at),
        Written::Day(at) => Ok(WallTime(at.0.saturating_add(86_399_999))),
    }
}

enum Written {
    Instant(WallTime),
    Day(WallTime),
}

fn parse(text: &str) -> Result<Written, String> {
    let refuse = || format!("expected {FORM}");
    let ms = |at: jiff::civil::DateTime| {
        jiff::tz::TimeZone::UTC.to_timestamp(at).map(|stamp| WallTime(stamp.as_millisecond())).map_err(|_| refuse())
    };
    let shape = |forms: &[&str]| forms.iter().any(|form| fits(text, form));
    if shape(&["dddd-dd-dd"]) {
        let day: jiff::civil::Date = text.parse().map_err(|_| refuse())?;
        return ms(day.at(0, 0, 0, 0)).map(Written::Day);
    }
    if shape(&["dddd-dd-ddTdd:ddZ", "dddd-dd-ddTdd:dd:ddZ"]) {
        let at: jiff::civil::DateTime = text.trim_end_matches('Z').parse().map_err(|_| refuse())?;
        return ms(at).map(Written::Instant);
    }
    Err(refuse())
}

/// Whether a text has exactly a form, `d` standing for a digit.
fn fits(text: &str, form: &str) -> bool {
    let same = |(byte, wanted): (u8, u8)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    text.len() == form.len() && text.bytes().zip(form.bytes()).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g11_dates_are_utc_and_a_day_is_whole() {
        assert_eq!(first_instant("2025-05-31T08:00Z").unwrap().to_string(), "2025-05-31T08:00:00Z");
        assert_eq!(first_instant("2025-05-31T08:00:30Z").unwrap().to_string(), "2025-05-31T08:00:30Z");
        assert_eq!(first_instant("2025-05-31").unwrap().to_string(), "2025-05-31T00:00:00Z");
        assert_eq!(last_instant("2025-05-31").unwrap().to_string(), "2025-05-31T23:59:59.999Z");
        assert_eq!(last_instant("2025-05-31T08:00Z").unwrap().to_string(), "2025-05-31T08:00:00Z");
    }

    #[test]
    fn h02_other_forms_are_refused() {
        for bad in
            ["", "2025", "2025-13-01", "2025-02-30", "31.05.2025", "2025-05-31T08:00", "2025-05-31T08:00+02:00", "now"]
        {
            assert!(first_instant(bad).is_err(), "{bad:?}");
        }
    }
}
