//! What a sheet is: settlements or candles, of which symbol and step, and which column is which.
//!
//! Names come first, then the shapes that venues document for files without a header. Two columns for one thing, or none, is
//! a doubt, and a doubt is refused with the flag that ends it.

use super::sheet::Sheet;
use crate::data::coverage::STEPS;
use crate::data::error::escaped;
use crate::data::what::What;
use crate::domain::{Interval, Span};
use std::collections::BTreeMap;
use std::path::Path;

/// What a person said about a file.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// `--what`.
    pub what: Option<What>,
    /// `--symbol`.
    pub symbol: Option<String>,
    /// `--step`.
    pub step: Option<Span>,
    /// `--columns`: our name to the file's name, or to a number from 1.
    pub columns: BTreeMap<String, String>,
}

/// What a sheet turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What its rows are about.
    pub what: What,
    /// In words, for the preview.
    pub recognised: String,
    /// The symbol, where file name or flag say it; else the rows do.
    pub symbol: Option<String>,
    /// The step, where file name or flag say it; else the stamps do.
    pub step: Option<Span>,
    /// Our names to places of columns, from 0.
    pub columns: BTreeMap<&'static str, usize>,
}

/// Our columns and the names that venues and tools give them, the better one first.
const NAMES: [(&str, &[&str]); 9] = [
    (
        "time",
        &[
            "tsms",
            "timestamp",
            "fundingtime",
            "fundingratetimestamp",
            "calctime",
            "opentime",
            "starttime",
            "time",
            "ts",
            "t",
            "start",
            "datetime",
            "date",
        ],
    ),
    ("rate", &["realizedrate", "fundingrate", "lastfundingrate", "rate", "r"]),
    ("mark_price", &["markprice", "mark"]),
    ("premium", &["premium"]),
    ("open", &["open", "o"]),
    ("high", &["high", "h"]),
    ("low", &["low", "l"]),
    ("close", &["close", "c"]),
    ("volume", &["volume", "vol", "v", "basevolume"]),
];
/// Names of a column of symbols.
const SYMBOLS: [&str; 5] = ["symbol", "instid", "coin", "contract", "market"];
const CANDLE: [&str; 6] = ["time", "open", "high", "low", "close", "volume"];

/// What a sheet is.
///
/// # Errors
/// The doubt, with the flag that ends it.
pub(super) fn meaning(sheet: &Sheet, hints: &Hints) -> Result<Meaning, String> {
    let (columns, shape) = columns(sheet, hints)?;
    let named = Named::of(&sheet.name);
    let has_rate = columns.contains_key("rate");
    let has_prices = ["open", "high", "low", "close"].iter().all(|name| columns.contains_key(name));
    let what = match (hints.what.or(named.what), has_rate, has_prices) {
        (Some(What::Funding), true, _) | (None, true, false) => What::Funding,
        (Some(what), _, true) if what != What::Funding => what,
        (Some(what), _, _) => return Err(format!("has no columns of {}; name them with --columns", what.word())),
        (None, _, true) => {
            return Err(
                "holds candles, of what it does not say: expected --what spot, perp, mark or premium".to_owned()
            );
        }
        (None, _, false) => return Err(format!("has neither a rate nor prices; {}", name_them(sheet))),
    };
    Ok(Meaning {
        what,
        recognised: format!("{shape} ({})", what.word()),
        symbol: hints.symbol.clone().or(named.symbol),
        step: hints.step.or(named.step),
        columns,
    })
}

fn name_them(sheet: &Sheet) -> String {
    let found = if sheet.names.is_empty() {
        format!("{} columns without names", sheet.rows.first().map_or(0, |row| row.1.len()))
    } else {
        escaped(&sheet.names.join(", "), 200)
    };
    format!(
        "it has {found}: expected --columns time=NAME,rate=NAME (or open, high, low, close, volume; or numbers from 1)"
    )
}

/// A name without case, spaces and underscores.
fn plain(name: &str) -> String {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

type Columns = BTreeMap<&'static str, usize>;

fn columns(sheet: &Sheet, hints: &Hints) -> Result<(Columns, String), String> {
    if !hints.columns.is_empty() {
        return mapped(sheet, &hints.columns).map(|columns| (columns, format!("{} by --columns", sheet.form)));
    }
    if sheet.names.is_empty() {
        return shaped(sheet);
    }
    let names: Vec<String> = sheet.names.iter().map(|name| plain(name)).collect();
    let mut columns = Columns::new();
    for (ours, theirs) in NAMES {
        let found = theirs.iter().find_map(|name| {
            let mut places = names.iter().enumerate().filter(|(_, other)| other == name).map(|(place, _)| place);
            Some((name, places.next()?, places.next().is_some()))
        });
        match found {
            Some((name, _, true)) => return Err(format!("has two columns {name}; {}", name_them(sheet))),
            Some((_, place, false)) => {
                columns.insert(ours, place);
            }
            None => {}
        }
    }
    if !columns.contains_key("time") {
        return Err(format!("has no column of times; {}", name_them(sheet)));
    }
    if let Some(place) = SYMBOLS.iter().find_map(|name| names.iter().position(|other| other == name)) {
        columns.insert("symbol", place);
    }
    Ok((columns, format!("{} with named columns", sheet.form)))
}

/// Columns that a person named.
fn mapped(sheet: &Sheet, map: &BTreeMap<String, String>) -> Result<Columns, String> {
    let mut columns = Columns::new();
    for (ours, theirs) in map {
        let known = NAMES.iter().map(|row| row.0).chain(["symbol"]).find(|name| name == ours);
        let ours = known.ok_or_else(|| {
            format!(
                "--columns {}: expected time, rate, mark_price, premium, open, high, low, close, volume or symbol",
                escaped(ours, 40)
            )
        })?;
        let width = sheet.rows.first().map_or(0, |row| row.1.len()).max(sheet.names.len());
        let number =
            theirs.parse::<usize>().ok().filter(|number| (1..=width).contains(number)).map(|number| number - 1);
        let place = sheet.names.iter().position(|name| name == theirs).or(number);
        columns
            .insert(ours, place.ok_or_else(|| format!("has no column {}; {}", escaped(theirs, 40), name_them(sheet)))?);
    }
    if columns.contains_key("time") { Ok(columns) } else { Err("--columns names no time".to_owned()) }
}

/// Rows without names, by the shapes that venues document.
fn shaped(sheet: &Sheet) -> Result<(Columns, String), String> {
    let Some((_, first)) = sheet.rows.first() else { return Err("holds no rows".to_owned()) };
    let number = |place: usize| first.get(place).and_then(|cell| cell.parse::<f64>().ok());
    let interval = number(1).filter(|hours| hours.to_string().parse().ok().and_then(Interval::from_hours).is_some());
    if first.len() == 3 && interval.is_some() && sheet.form == "csv" {
        let shape = "csv of funding rates: time, hours, rate";
        return Ok((Columns::from([("time", 0), ("rate", 2)]), shape.to_owned()));
    }
    // Time, open, high, low, close, volume: the order of every venue's rows and of ccxt.
    let candle = first.len() >= 6 && (1..6).all(|place| number(place).is_some());
    if candle && number(2) >= number(3) {
        return Ok((CANDLE.into_iter().zip(0..).collect(), format!("{} of candles without names", sheet.form)));
    }
    Err(name_them(sheet))
}

/// What the name of a file says: `BTCUSDT-1h-2024-01.zip`, `BTCUSDT-fundingRate-2024-01.csv`, and the folders about it.
#[derive(Default)]
struct Named {
    what: Option<What>,
    symbol: Option<String>,
    step: Option<Span>,
}

impl Named {
    fn of(name: &str) -> Self {
        let path = name.split(".zip:").next().unwrap_or(name);
        let parts: Vec<&str> = Path::new(path).iter().filter_map(std::ffi::OsStr::to_str).collect();
        let has = |word: &str| parts.contains(&word);
        let stem = parts.last().and_then(|last| last.split('.').next()).unwrap_or_default();
        let mut words = stem.split('-');
        let (symbol, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let year = words.next().is_some_and(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()));
        if !year || symbol.is_empty() {
            return Self::default();
        }
        let step = STEPS.into_iter().find(|step| step.to_string() == second);
        let what = match second {
            "fundingRate" => Some(What::Funding),
            _ if has("markPriceKlines") => Some(What::Mark),
            _ if has("premiumIndexKlines") => Some(What::Premium),
            _ if step.is_some() && has("klines") && has("spot") => Some(What::Spot),
            _ if step.is_some() && has("klines") && has("futures") => Some(What::Perp),
            _ => None,
        };
        let known = step.is_some() || second == "fundingRate";
        Self { what, symbol: known.then(|| symbol.to_owned()), step }
    }
}
