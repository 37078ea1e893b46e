//! What is expected of the next settlement and how good that was so far, as `quote`, `why` and `summary.json` tell it.
//!
//! The same fields of a history, of a running session and of public data. Rates and errors are fractions per 8 h, as in
//! `carry stats --forecast`. Tests stand at the end.

use crate::report::run::ForecastScore;
use crate::strategy::next_settlement::{NextSettlement, Skill};
use serde::{Deserialize, Serialize};

/// What is expected of the next settlement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NextRow {
    /// Rate per 8 h as a fraction.
    pub per_8h: f64,
    /// Hours to the settlement when it was made inside the interval; absent right after a print.
    pub hours_to_go: Option<u8>,
    /// Mean absolute errors so far; absent before a settlement was scored.
    pub skill: Option<ForecastScore>,
}

impl NextRow {
    /// Of a forecaster; `None` before its first settlement.
    #[must_use]
    pub fn of(next: &NextSettlement) -> Option<Self> {
        let skill = (next.skill.count > 0).then(|| score_of(&next.skill));
        next.expected().map(|expected| Self { per_8h: expected.per_8h, hours_to_go: expected.hours_to_go, skill })
    }

    /// For people, one line each.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "percent for a person")]
    pub fn lines(&self) -> Vec<String> {
        let (percent, year) = (self.per_8h * 100.0, self.per_8h * 100.0 * 3.0 * 365.0);
        let made = self.hours_to_go.map_or_else(
            || "right after the last".to_owned(),
            |hours| format!("with the premium seen {hours} h before it"),
        );
        let mut lines = vec![format!("next settlement    {percent:.4} %/8h expected ({year:.1} %apr), {made}")];
        lines.extend(self.skill.map(|skill| {
            let error = |fraction: f64| format!("{:.4}", fraction * 100.0);
            format!(
                "its error so far   {} %/8h on average; as the last print {}, the anchor {}; {} settlements",
                error(skill.forecast),
                error(skill.last_print),
                error(skill.anchor),
                skill.n
            )
        }));
        lines
    }
}

/// The mean errors as files and cards tell them; zeros where nothing was scored.
#[must_use]
pub fn score_of(skill: &Skill) -> ForecastScore {
    let n = skill.count;
    skill.errors().map_or_else(ForecastScore::default, |errors| ForecastScore {
        n,
        forecast: errors.forecast,
        last_print: errors.last_print,
        anchor: errors.anchor,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FundingRate, Interval, Rate, WallTime};

    #[test]
    fn what_is_expected_is_told_with_its_error_and_reads_back() {
        let mut next = NextSettlement::default();
        assert_eq!(NextRow::of(&next), None);
        let paid = |text: &str| FundingRate { rate: Rate::parse(text).unwrap(), interval: Interval::H8 };
        next.on_paid(WallTime(0), paid("0.0003"));
        let first = NextRow::of(&next).unwrap();
        assert_eq!(first.lines(), ["next settlement    0.0208 %/8h expected (22.8 %apr), right after the last"]);
        next.on_paid(WallTime(28_800_000), paid("0.0002"));
        let row = NextRow::of(&next).unwrap();
        let words =
            "its error so far   0.0008 %/8h on average; as the last print 0.0100, the anchor 0.0100; 1 settlements";
        assert_eq!(row.lines()[1], words);
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<NextRow>(&text).unwrap(), row);
    }
}
