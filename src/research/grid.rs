//! The sets of settings of a sweep: every combination of lists, or so many draws from lists and ranges.
//!
//! The keys are those of `--set`, read and checked by the same table. A seed gives the same draws on every platform. What is
//! not judged here: whether the keys of a set agree with each other; `config::load` does that for each set. Tests: at the end.

use crate::config::keys::{self, Key, Refused};
use crate::config::kind::Kind;
use crate::config::units::Value;
use crate::domain::{Amount, Bps, FundingRate, Money, Rate, Span};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Most sets of one sweep: more is a slip of the grid, not a search.
pub const MOST_SETS: usize = 100_000;
/// Steps between the ends of a range that a draw may take, where the kind has no step of its own.
const STEPS: i128 = 1_000;
/// Keys that choose what is played and not how: all sets are played on the same pairs.
const FIXED: [&str; 3] = ["run.mode", "strategy.pairs", "size.quantity"];
const FIXED_SECTIONS: [&str; 3] = ["alarm", "live", "web"];

/// Why a grid cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// Not of the form `key=...`.
    #[error("{flag} {given:?}: expected KEY={form}, for example {flag} {example}")]
    Form {
        /// `--grid` or `--range`.
        flag: &'static str,
        /// As it was given.
        given: String,
        /// What stands behind the equals sign.
        form: &'static str,
        /// One that works.
        example: &'static str,
    },
    /// No such key.
    #[error("{flag} {key}: there is no such key{}", .nearest.map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    UnknownKey {
        /// `--grid` or `--range`.
        flag: &'static str,
        /// As it was given.
        key: String,
        /// The key that was perhaps meant.
        nearest: Option<&'static str>,
    },
    /// A key that must be the same in all sets.
    #[error("{key} cannot be varied: it chooses what is played, not how; give it once by --set")]
    Fixed {
        /// The key.
        key: &'static str,
    },
    /// A key that is named twice.
    #[error("{key} is given twice")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// A value that is not one of the key's.
    #[error("{key}: {given:?} {why}")]
    Value {
        /// The key.
        key: &'static str,
        /// As it was given.
        given: String,
        /// What is wrong, and what was expected.
        why: String,
    },
    /// Ends between which nothing can be drawn.
    #[error("{key}: {given:?}: expected LOW..HIGH of one unit, the lower first, for example {example}")]
    Range {
        /// The key.
        key: &'static str,
        /// As it was given.
        given: String,
        /// One that works.
        example: &'static str,
    },
    /// Ranges without draws.
    #[error("--range {key}: a range is drawn from; say how many sets by --random, or give values by --grid")]
    RangeAlone {
        /// The key.
        key: &'static str,
    },
    /// Nothing is varied.
    #[error("nothing is varied; expected --grid KEY=VALUE,VALUE or --range KEY=LOW..HIGH with --random N")]
    Empty,
    /// Too many combinations.
    #[error("the grid has {sets} sets; expected at most {MOST_SETS}: draw from it by --random N")]
    TooMany {
        /// How many, as far as they can be counted.
        sets: usize,
    },
}

/// What one key may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// One of these values, each as it is printed.
    List(Vec<String>),
    /// Anything from the first to the second.
    Range(Value, Value),
}

/// One key that is varied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Axis {
    /// The key.
    pub key: &'static Key,
    /// What it may be.
    pub choice: Choice,
}

impl Axis {
    /// Reads `KEY=VALUE,VALUE`.
    ///
    /// # Errors
    /// [`GridError`] names the key and the value.
    pub fn list(given: &str) -> Result<Self, GridError> {
        const FLAG: &str = "--grid";
        let form = || GridError::Form {
            flag: FLAG,
            given: given.to_owned(),
            form: "VALUE,VALUE",
            example: "entry.funding=0.011%/8h,0.013%/8h",
        };
        let (path, values) = given.split_once('=').ok_or_else(form)?;
        let key = key_of(FLAG, path.trim())?;
        let mut list: Vec<String> = Vec::new();
        for text in values.split(',').map(str::trim) {
            let printed = key.kind.print(&value_of(key, text)?);
            if !list.contains(&printed) {
                list.push(printed);
            }
        }
        Ok(Self { key, choice: Choice::List(list) })
    }

    /// Reads `KEY=LOW..HIGH`.
    ///
    /// # Errors
    /// [`GridError`] names the key and the value.
    pub fn range(given: &str) -> Result<Self, GridError> {
        const FLAG: &str = "--range";
        const EXAMPLE: &str = "entry.funding=0.005%/8h..0.02%/8h";
        let form = || GridError::Form { flag: FLAG, given: given.to_owned(), form: "LOW..HIGH", example: EXAMPLE };
        let (path, ends) = given.split_once('=').ok_or_else(form)?;
        let key = key_of(FLAG, path.trim())?;
        let wrong = || GridError::Range { key: key.path, given: ends.to_owned(), example: EXAMPLE };
        let (low, high) = ends.split_once("..").ok_or_else(wrong)?;
        let (low, high) = (value_of(key, low.trim())?, value_of(key, high.trim())?);
        let rising = low.magnitude().zip(high.magnitude()).is_some_and(|(low, high)| low < high);
        if !rising || between(&low, &high, 0).is_none() {
            return Err(wrong());
        }
        Ok(Self { key, choice: Choice::Range(low, high) })
    }
}

fn key_of(flag: &'static str, path: &str) -> Result<&'static Key, GridError> {
    let unknown = || GridError::UnknownKey { flag, key: path.to_owned(), nearest: keys::nearest(path) };
    let key = keys::find(path).ok_or_else(unknown)?;
    let fixed = FIXED.contains(&key.path) || FIXED_SECTIONS.contains(&key.section());
    if fixed || matches!(key.kind, Kind::Pairs | Kind::Path) {
        return Err(GridError::Fixed { key: key.path });
    }
    Ok(key)
}

fn value_of(key: &'static Key, text: &str) -> Result<Value, GridError> {
    key.parse(text).map_err(|refused| {
        let why = match refused {
            Refused::OutOfRange => {
                format!("is outside of {}", key.range_words().unwrap_or_else(|| key.expected()))
            }
            Refused::Unit(error) => format!("{error}; expected {}", key.expected()),
        };
        GridError::Value { key: key.path, given: text.to_owned(), why }
    })
}

/// All sets, each with its values in the order of the axes; `random` is how many to draw and the seed. A set that is drawn
/// twice stands once.
///
/// # Errors
/// [`GridError`] when nothing is varied, a key stands twice, or there are too many.
pub fn sets(axes: &[Axis], random: Option<(usize, u64)>) -> Result<Vec<Vec<String>>, GridError> {
    if axes.is_empty() {
        return Err(GridError::Empty);
    }
    for (place, axis) in axes.iter().enumerate() {
        if axes.iter().take(place).any(|other| other.key == axis.key) {
            return Err(GridError::Twice { key: axis.key.path });
        }
    }
    let Some((count, seed)) = random else { return product(axes) };
    if count > MOST_SETS {
        return Err(GridError::TooMany { sets: count });
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut found: Vec<Vec<String>> = Vec::new();
    for _ in 0..count {
        let set: Vec<String> = axes.iter().map(|axis| draw(axis, &mut random)).collect();
        found.push(set);
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|set| seen.insert(set.clone()));
    Ok(found)
}

fn product(axes: &[Axis]) -> Result<Vec<Vec<String>>, GridError> {
    let mut found: Vec<Vec<String>> = vec![Vec::new()];
    for axis in axes {
        let Choice::List(values) = &axis.choice else { return Err(GridError::RangeAlone { key: axis.key.path }) };
        let sets = found.len().saturating_mul(values.len());
        if sets > MOST_SETS {
            return Err(GridError::TooMany { sets });
        }
        let with = |set: &Vec<String>, value: &String| [set.clone(), vec![value.clone()]].concat();
        found = found.iter().flat_map(|set| values.iter().map(move |value| with(set, value))).collect();
    }
    Ok(found)
}

fn draw(axis: &Axis, random: &mut ChaCha8Rng) -> String {
    let number = random.next_u64();
    match &axis.choice {
        Choice::List(values) => {
            let place = below(number, values.len().try_into().unwrap_or(1));
            usize::try_from(place).ok().and_then(|place| values.get(place)).cloned().unwrap_or_default()
        }
        Choice::Range(low, high) => {
            between(low, high, number).map_or_else(String::new, |value| axis.key.kind.print(&value))
        }
    }
}

/// A number from 0 to `count` - 1 out of 64 drawn bits.
fn below(number: u64, count: i128) -> i128 {
    (i128::from(number) * count) >> 64
}

/// A value from `low` to `high` by 64 drawn bits; `None` for a kind without order or ends of two units.
fn between(low: &Value, high: &Value, number: u64) -> Option<Value> {
    let step = |low: i128, high: i128, least: i128| {
        let unit = least.max((high - low) / STEPS);
        low + unit * below(number, (high - low) / unit + 1)
    };
    let narrow = |low: i64, high: i64| i64::try_from(step(i128::from(low), i128::from(high), 1)).ok();
    match (low, high) {
        (Value::Funding(a), Value::Funding(b)) if a.interval == b.interval => {
            let rate = Rate::from_units(narrow(a.rate.units(), b.rate.units())?);
            Some(Value::Funding(FundingRate { rate, interval: a.interval }))
        }
        (Value::Rate(a), Value::Rate(b)) => Some(Value::Rate(Rate::from_units(narrow(a.units(), b.units())?))),
        (Value::Bps(a), Value::Bps(b)) => Some(Value::Bps(Bps::from_units(narrow(a.units(), b.units())?))),
        (Value::Span(a), Value::Span(b)) => {
            // In the largest unit that both ends are whole in, so that the value reads well.
            let whole = |unit: &Span| a.0 % unit.0 == 0 && b.0 % unit.0 == 0;
            let unit = [Span::DAY, Span::HOUR, Span::MINUTE].into_iter().find(whole).unwrap_or(Span(1)).0;
            let unit = if unit == Span::DAY.0 && (b.0 - a.0) / unit < 20 { Span::HOUR.0 } else { unit };
            let steps = i128::from((b.0 - a.0) / unit) + 1;
            Some(Value::Span(Span(a.0 + unit * i64::try_from(below(number, steps)).ok()?)))
        }
        (Value::Money(a), Value::Money(b)) if a.asset == b.asset => {
            let amount = Amount::from_units(step(a.amount.units(), b.amount.units(), 1));
            Some(Value::Money(Money { amount: amount.floor_to_ledger_unit(), asset: a.asset }))
        }
        (Value::Count(a), Value::Count(b)) => {
            let count = i128::from(*a) + below(number, i128::from(*b) - i128::from(*a) + 1);
            Some(Value::Count(u64::try_from(count).ok()?))
        }
        _ => None,
    }
}

/// A value as one number for a file or a chart: funding per 8 h, yearly rates and shares as fractions, basis points, lengths of time
/// in days, money and counts as they are. `None` for words, and for `off`.
#[must_use]
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a number for charts and searches")]
pub fn number(key: &Key, text: &str) -> Option<f64> {
    let value = key.parse(text).ok()?;
    let scale = match value {
        Value::Funding(_) | Value::Rate(_) => 1e18,
        Value::Bps(_) => 1e4,
        Value::Span(_) => 8.64e7,
        Value::Money(_) => 1e16,
        Value::Quantity(..) => 1e8,
        Value::Count(_) => 1.0,
        Value::Off
        | Value::Switch(_)
        | Value::Word(_)
        | Value::Pairs(_)
        | Value::Multiples(_)
        | Value::Path(_)
        | Value::Socket(_)
        | Value::Hosts(_) => return None,
    };
    Some(value.magnitude()? as f64 / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<Axis, GridError>, words: &str) {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
    }

    #[test]
    fn a_key_a_value_or_a_range_that_is_wrong_is_named() {
        refused(Axis::list("entry.funding"), "expected KEY=VALUE,VALUE");
        refused(Axis::list("entry.fundng=0.01%/8h"), "entry.fundng: there is no such key; did you mean entry.funding?");
        refused(Axis::list("entry.funding=0.01%/8h,0.5"), "entry.funding: \"0.5\" is a bare number without a unit");
        refused(Axis::list("entry.funding=3%/8h"), "\"3%/8h\" is outside of -0.5%/8h to 0.5%/8h");
        refused(Axis::list("entry.funding="), "entry.funding: \"\"");
        refused(Axis::list("strategy.pairs=[]"), "strategy.pairs cannot be varied");
        refused(Axis::list("alarm.webhook=x"), "cannot be varied");
        refused(Axis::range("entry.funding=0.01%/8h"), "expected LOW..HIGH");
        refused(Axis::range("entry.funding=0.02%/8h..0.01%/8h"), "the lower first");
        refused(Axis::range("entry.funding=0.01%/8h..0.02%/4h"), "of one unit");
        refused(Axis::range("strategy.rule=anchor..value"), "expected LOW..HIGH");
        let one = Axis::list("entry.funding=0.01%/8h").unwrap();
        let error = |axes: &[Axis]| sets(axes, None).unwrap_err();
        assert_eq!(error(&[]), GridError::Empty);
        assert_eq!(error(&[one.clone(), one]), GridError::Twice { key: "entry.funding" });
        let range = Axis::range("entry.funding=0.01%/8h..0.02%/8h").unwrap();
        assert_eq!(error(&[range]), GridError::RangeAlone { key: "entry.funding" });
    }

    #[test]
    fn a_grid_is_every_combination_in_the_words_of_the_table() {
        let axes = [
            Axis::list("entry.funding=1bps/8h, 0.013%/8h,0.01%/8h").unwrap(),
            Axis::list("exit.min_hold=24h,3d").unwrap(),
        ];
        let found = sets(&axes, None).unwrap();
        let expected =
            [["0.01%/8h", "1d"], ["0.01%/8h", "3d"], ["0.013%/8h", "1d"], ["0.013%/8h", "3d"]].map(|set| set.to_vec());
        assert_eq!(found, expected);
    }

    #[test]
    fn draws_stay_in_their_ranges_and_a_seed_gives_the_same_ones() {
        let axes = [
            Axis::range("entry.funding=0.005%/8h..0.02%/8h").unwrap(),
            Axis::range("exit.min_hold=1d..10d").unwrap(),
            Axis::list("strategy.rule=anchor,value").unwrap(),
        ];
        let found = sets(&axes, Some((200, 7))).unwrap();
        assert_eq!(found, sets(&axes, Some((200, 7))).unwrap());
        assert_ne!(found, sets(&axes, Some((200, 8))).unwrap());
        assert!(found.len() > 190, "{}", found.len());
        let mut rates = Vec::new();
        for set in &found {
            let rate = number(axes[0].key, &set[0]).unwrap();
            let days = number(axes[1].key, &set[1]).unwrap();
            assert!((0.000_05..=0.000_2).contains(&rate) && (1.0..=10.0).contains(&days), "{set:?}");
            assert!(set[1].ends_with('h') || set[1].ends_with('d'), "{set:?}");
            rates.push(rate);
        }
        let mean = rates.iter().sum::<f64>() / 200.0;
        assert!((0.000_11..0.000_14).contains(&mean), "{mean}");
        assert!(found.iter().any(|set| set[2] == "anchor") && found.iter().any(|set| set[2] == "value"));
    }

    #[test]
    fn a_value_has_one_number_whatever_its_words() {
        let check = |path: &str, text: &str, expected: Option<f64>| {
            assert_eq!(number(keys::find(path).unwrap(), text), expected, "{path} {text}");
        };
        check("entry.funding", "0.01%/8h", Some(0.0001));
        check("entry.funding", "0.005%/4h", Some(0.0001));
        check("exit.min_hold", "36h", Some(1.5));
        check("run.cash_apr", "4%apr", Some(0.04));
        check("run.capital", "2500usdt", Some(2500.0));
        check("strategy.rule", "anchor", None);
        check("entry.basis", "off", None);
    }
}
