//! Values with their units, from text and back: `"0.01%/8h"`, `"12%apr"`, `"5bps"`, `"3d"`, `"2500usd"`, `"40%"`, `"2x"`.
//!
//! A number without its unit is an error here and never a guess (fault H02). Printing is canonical: what [`Kind::print`]
//! gives, [`Kind::parse`] reads back to the same value. This module knows no key and no file. Tests: at the end of this
//! file for the forms, `tests/suite/config.rs` for the identity of print and parse.

use super::kind::Kind;
use super::lists::{AUTO, hosts, names, pairs, prices};
use super::secret::looks_secret;
use crate::domain::decimal::{self, NumberError};
use crate::domain::text::QUOTES;
use crate::domain::{Amount, Asset, Bps, FundingRate, Interval, Money, Quantity, Rate, Span, Venue};
use std::net::SocketAddr;

/// A value as the program means it; its [`Kind`] says which unit a plain rate was written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// The word `off` of a key that may be switched off.
    Off,
    /// A funding rate with its interval.
    Funding(FundingRate),
    /// A yearly rate, a share or a leverage, as a plain fraction.
    Rate(Rate),
    /// Basis points.
    Bps(Bps),
    /// A length of time, never below zero.
    Span(Span),
    /// An amount of a currency.
    Money(Money),
    /// Coins and which coin.
    Quantity(Quantity, Asset),
    /// A whole number.
    Count(u64),
    /// `true` or `false`.
    Switch(bool),
    /// One of the words of its kind.
    Word(&'static str),
    /// Names of pairs, or which market prices another one.
    Pairs(Vec<String>),
    /// A multiple for each venue that is named.
    Multiples(Vec<(Venue, Rate)>),
    /// The path of a file.
    Path(String),
    /// An address with a port.
    Socket(String),
    /// Names of hosts.
    Hosts(Vec<String>),
}

/// What a file holds at one place, before it has a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// A TOML string.
    Text(String),
    /// A TOML integer as written, without underscores; `None` when it is not in base ten.
    Integer(Option<String>),
    /// A TOML float as written.
    Float(String),
    /// A TOML boolean.
    Switch(bool),
    /// A TOML array.
    List(Vec<Raw>),
    /// A TOML date or table, by its name.
    Other(&'static str),
    /// Text of the environment or of `--set`, where TOML's types do not exist.
    Loose(String),
}

/// Why something is not a value of its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// A number where a number with a unit belongs (fault H02).
    #[error("is a bare number without a unit")]
    NoUnit,
    /// Not of the documented form.
    #[error("is not {0}")]
    Form(&'static str),
    /// The number in front of the unit is wrong.
    #[error("has a number that {0}")]
    Number(NumberError),
    /// More than the type can hold, so outside every range.
    #[error("is far out of range")]
    TooLarge,
    /// The wrong TOML type.
    #[error("is {0}")]
    Type(&'static str),
    /// A pair that is listed twice.
    #[error("lists {0} twice")]
    Twice(String),
}

impl From<NumberError> for UnitError {
    fn from(error: NumberError) -> Self {
        match error {
            NumberError::OutOfRange | NumberError::TooLong => Self::TooLarge,
            other => Self::Number(other),
        }
    }
}

impl Value {
    /// The value on one scale of its kind, for ranges and comparisons: funding per 8 h, spans in milliseconds, the rest in
    /// the units of their type. `None` for what has no order.
    #[must_use]
    pub fn magnitude(&self) -> Option<i128> {
        match self {
            Self::Funding(rate) => {
                Some(i128::from(rate.rate.units()).saturating_mul(i128::from(8 / rate.interval.hours())))
            }
            Self::Rate(rate) => Some(i128::from(rate.units())),
            Self::Bps(points) => Some(i128::from(points.units())),
            Self::Span(span) => Some(i128::from(span.0)),
            Self::Money(money) => Some(money.amount.units()),
            Self::Quantity(quantity, _) => Some(i128::from(quantity.units())),
            Self::Count(count) => Some(i128::from(*count)),
            Self::Off
            | Self::Switch(_)
            | Self::Word(_)
            | Self::Pairs(_)
            | Self::Multiples(_)
            | Self::Path(_)
            | Self::Socket(_)
            | Self::Hosts(_) => None,
        }
    }
}

impl Kind {
    /// The value of a text without TOML's types (environment, `--set`, the table of keys).
    ///
    /// # Errors
    /// [`UnitError`] says what is wrong with the text.
    pub fn parse(self, text: &str) -> Result<Value, UnitError> {
        if !self.is_bare() && decimal::parse_scaled(text, Rate::DECIMALS).is_ok() {
            return Err(UnitError::NoUnit);
        }
        match self {
            Self::Funding => self.funding(text),
            Self::Yearly => Ok(Value::Rate(self.rate(text, "%apr", 16)?)),
            Self::Share => Ok(Value::Rate(self.rate(text, "%", 16)?)),
            Self::Part => self.part(text),
            Self::Leverage => Ok(Value::Rate(self.rate(text, "x", 18)?)),
            Self::Bps => Ok(Value::Bps(Bps::from_units(narrow(self.number(text, "bps", 4)?)?))),
            Self::Span => self.span(text),
            Self::Money => self.money(text),
            Self::Quantity => self.quantity(text),
            Self::Count if digits(text) => text.parse().map(Value::Count).map_err(|_| UnitError::TooLarge),
            Self::Switch => match text {
                "true" => Ok(Value::Switch(true)),
                "false" => Ok(Value::Switch(false)),
                _ => Err(self.form()),
            },
            Self::Word(words) => {
                words.iter().find(|word| **word == text).map(|word| Value::Word(word)).ok_or_else(|| self.form())
            }
            Self::Pairs => pairs(list_items(text)),
            Self::Names => names(list_items(text)),
            Self::Multiples => self.multiples(&list_items(text)),
            Self::Prices => prices(list_items(text)),
            Self::Path if path(text) => Ok(Value::Path(text.to_owned())),
            Self::Socket => socket(text),
            Self::Hosts => hosts(list_items(text)),
            Self::KeyName if key_name(text) => Ok(Value::Path(text.to_owned())),
            Self::Count | Self::Path | Self::KeyName => Err(self.form()),
        }
    }

    /// The value of what a file holds.
    ///
    /// # Errors
    /// [`UnitError`] says what is wrong with it.
    pub fn read(self, raw: &Raw) -> Result<Value, UnitError> {
        match (self, raw) {
            (_, Raw::Loose(text)) | (Self::Count, Raw::Integer(Some(text))) => self.parse(text),
            (Self::Switch, Raw::Switch(on)) => Ok(Value::Switch(*on)),
            (Self::Count, Raw::Integer(None)) => Err(self.form()),
            (Self::Pairs, Raw::Text(text)) if text == AUTO => self.parse(text),
            (Self::Pairs | Self::Hosts | Self::Names | Self::Multiples | Self::Prices, Raw::List(items)) => {
                let text = |item: &Raw| match item {
                    Raw::Text(text) => Ok(text.clone()),
                    _ => Err(self.form()),
                };
                let items = items.iter().map(text).collect::<Result<Vec<_>, _>>()?;
                match self {
                    Self::Hosts => hosts(items),
                    Self::Names => names(items),
                    Self::Multiples => self.multiples(&items),
                    Self::Prices => prices(items),
                    _ => pairs(items),
                }
            }
            (
                Self::Count | Self::Switch | Self::Pairs | Self::Hosts | Self::Names | Self::Multiples | Self::Prices,
                other,
            ) => Err(UnitError::Type(other.type_name())),
            (_, Raw::Text(text)) => self.parse(text),
            (Self::Word(_) | Self::Path | Self::Socket | Self::KeyName, other) => {
                Err(UnitError::Type(other.type_name()))
            }
            (_, Raw::Integer(_) | Raw::Float(_)) => Err(UnitError::NoUnit),
            (_, other) => Err(UnitError::Type(other.type_name())),
        }
    }

    /// The canonical text; [`Kind::parse`] reads it back to the same value.
    #[must_use]
    pub fn print(self, value: &Value) -> String {
        match value {
            Value::Off => "off".to_owned(),
            Value::Funding(rate) => format!("{}/{}", percent(rate.rate), rate.interval),
            Value::Rate(rate) => match self {
                Self::Yearly => format!("{}apr", percent(*rate)),
                Self::Leverage => format!("{rate}x"),
                _ => percent(*rate),
            },
            Value::Bps(points) => points.to_string(),
            Value::Span(span) => span.to_string(),
            Value::Money(money) => format!("{}{}", money.amount, money.asset.as_str().to_lowercase()),
            // A coin whose name starts like a number needs the space: five of 1INCH is not fifty-one of INCH.
            Value::Quantity(quantity, coin) if coin.as_str().starts_with(in_number) => format!("{quantity} {coin}"),
            Value::Quantity(quantity, coin) => format!("{quantity}{coin}"),
            Value::Count(count) => count.to_string(),
            Value::Switch(on) => on.to_string(),
            Value::Word(word) => (*word).to_owned(),
            Value::Path(text) | Value::Socket(text) => text.clone(),
            Value::Multiples(rows) => {
                let quoted: Vec<String> = rows.iter().map(|(venue, x)| format!("\"{venue}={x}x\"")).collect();
                format!("[{}]", quoted.join(", "))
            }
            Value::Pairs(names) | Value::Hosts(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                format!("[{}]", quoted.join(", "))
            }
        }
    }

    /// `venue=1.5x`, each venue once and each multiple above zero.
    fn multiples(self, items: &[String]) -> Result<Value, UnitError> {
        let mut rows: Vec<(Venue, Rate)> = Vec::new();
        for item in items {
            let (venue, multiple) = item.split_once('=').ok_or_else(|| self.form())?;
            let venue = Venue::new(venue).map_err(|_| self.form())?;
            let multiple = self.rate(multiple, "x", 18)?;
            if multiple <= Rate::ZERO {
                return Err(self.form());
            }
            if rows.iter().any(|(known, _)| *known == venue) {
                return Err(UnitError::Twice(venue.to_string()));
            }
            rows.push((venue, multiple));
        }
        Ok(Value::Multiples(rows))
    }

    const fn form(self) -> UnitError {
        UnitError::Form(self.name())
    }

    /// The number before exactly this unit, in units of `10^-decimals`.
    fn number(self, text: &str, unit: &str, decimals: u32) -> Result<i128, UnitError> {
        let number = text.strip_suffix(unit).ok_or_else(|| self.form())?;
        if !number.chars().all(in_number) {
            return Err(self.form());
        }
        Ok(decimal::parse_scaled(number, decimals)?)
    }

    fn rate(self, text: &str, unit: &str, decimals: u32) -> Result<Rate, UnitError> {
        Ok(Rate::from_units(narrow(self.number(text, unit, decimals)?)?))
    }

    /// All of it, a part above nothing and not above the whole, or an amount above nothing.
    fn part(self, text: &str) -> Result<Value, UnitError> {
        if text == "all" {
            return Ok(Value::Word("all"));
        }
        let value = if text.ends_with('%') { Value::Rate(self.rate(text, "%", 16)?) } else { self.money(text)? };
        let fits = match &value {
            Value::Rate(share) => *share > Rate::ZERO && share.units() <= Rate::ONE,
            _ => value.magnitude().is_some_and(|amount| amount > 0),
        };
        if fits { Ok(value) } else { Err(self.form()) }
    }

    fn funding(self, text: &str) -> Result<Value, UnitError> {
        let (rate, interval) = text.split_once('/').ok_or_else(|| self.form())?;
        let interval = match interval {
            "1h" => Interval::H1,
            "2h" => Interval::H2,
            "4h" => Interval::H4,
            "8h" => Interval::H8,
            _ => return Err(self.form()),
        };
        let rate = if rate.ends_with("bps") { self.rate(rate, "bps", 14)? } else { self.rate(rate, "%", 16)? };
        Ok(Value::Funding(FundingRate { rate, interval }))
    }

    fn span(self, text: &str) -> Result<Value, UnitError> {
        let (number, unit) = split(text);
        let unit: i64 = match unit {
            "d" => 86_400_000,
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return Err(self.form()),
        };
        if !digits(number) {
            return Err(self.form());
        }
        let count: i64 = number.parse().map_err(|_| UnitError::TooLarge)?;
        count.checked_mul(unit).map(|ms| Value::Span(Span(ms))).ok_or(UnitError::TooLarge)
    }

    fn money(self, text: &str) -> Result<Value, UnitError> {
        let (number, unit) = split(text);
        let known = QUOTES.iter().find(|quote| quote.eq_ignore_ascii_case(unit)).ok_or_else(|| self.form())?;
        let asset = Asset::new(known).map_err(|_| self.form())?;
        Ok(Value::Money(Money { amount: Amount::parse(number)?, asset }))
    }

    fn quantity(self, text: &str) -> Result<Value, UnitError> {
        let (number, coin) = text.split_once(' ').unwrap_or_else(|| split(text));
        let coin = Asset::new(coin).map_err(|_| self.form())?;
        if !number.chars().all(in_number) {
            return Err(self.form());
        }
        Ok(Value::Quantity(Quantity::parse(number)?, coin))
    }
}

impl Raw {
    /// What it is, as the end of "is ...".
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a text in quotes",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Switch(_) => "a boolean",
            Self::List(_) => "a list",
            Self::Other(name) => name,
            Self::Loose(_) => "a text",
        }
    }
}

fn percent(rate: Rate) -> String {
    format!("{}%", decimal::format_scaled(i128::from(rate.units()), 16))
}

fn narrow(units: i128) -> Result<i64, UnitError> {
    i64::try_from(units).map_err(|_| UnitError::TooLarge)
}

const fn in_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.' || c == '-'
}

/// A URL is none: what it says may be a secret, and a secret stands in a file of its own.
fn path(text: &str) -> bool {
    let plain = text.chars().all(|c| !c.is_control() && c != '"' && c != '\\');
    plain && text.trim() == text && text != "off" && (1..=1024).contains(&text.len()) && !text.contains("://")
}

/// As `keys/entry.rs` takes one; a text that looks like the key itself is none.
fn key_name(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
    let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
    begins && text.len() <= 32 && text.bytes().all(good) && !looks_secret(text)
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits where the number ends.
fn split(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !in_number(c)).unwrap_or(text.len()))
}

/// `a,b` and `["a", "b"]` alike, because a shell eats quotes.
fn list_items(text: &str) -> Vec<String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).trim();
    let bare = |item: &str| {
        let item = item.trim();
        item.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(item).to_owned()
    };
    if inner.is_empty() { Vec::new() } else { inner.split(',').map(bare).collect() }
}

/// An address with a port, as the system prints it.
fn socket(text: &str) -> Result<Value, UnitError> {
    let address: Result<SocketAddr, _> = text.parse();
    address.map(|address| Value::Socket(address.to_string())).map_err(|_| UnitError::Form(Kind::Socket.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: Result<&str, UnitError>) {
        let printed = kind.parse(text).map(|value| kind.print(&value));
        assert_eq!(printed, expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn h02_each_unit_has_one_form() {
        check(Kind::Funding, "0.01%/8h", Ok("0.01%/8h"));
        check(Kind::Funding, "1bps/8h", Ok("0.01%/8h"));
        check(Kind::Funding, "-0.00125%/1h", Ok("-0.00125%/1h"));
        check(Kind::Yearly, "12%apr", Ok("12%apr"));
        check(Kind::Bps, "-2.5bps", Ok("-2.5bps"));
        check(Kind::Span, "48h", Ok("2d"));
        check(Kind::Span, "0s", Ok("0s"));
        check(Kind::Span, "1500ms", Ok("1500ms"));
        check(Kind::Money, "2500usd", Ok("2500usd"));
        check(Kind::Money, "100000.5USDT", Ok("100000.5usdt"));
        check(Kind::Money, "5usd1", Ok("5usd1"));
        check(Kind::Share, "40%", Ok("40%"));
        check(Kind::Leverage, "1.5x", Ok("1.5x"));
        check(Kind::Quantity, "1BTC", Ok("1BTC"));
        check(Kind::Quantity, "5 1INCH", Ok("5 1INCH"));
        check(Kind::Count, "18446744073709551615", Ok("18446744073709551615"));
        check(Kind::Pairs, "binance:BTCUSDT, aster:ETHUSDT", Ok(r#"["binance:BTCUSDT", "aster:ETHUSDT"]"#));
        check(Kind::Pairs, "", Ok("[]"));
        check(Kind::Socket, "127.0.0.1:8420", Ok("127.0.0.1:8420"));
        check(Kind::Socket, "[::1]:80", Ok("[::1]:80"));
        check(Kind::Socket, "localhost:80", Err(UnitError::Form(Kind::Socket.name())));
        check(Kind::Hosts, "desk.example.org:8443", Ok(r#"["desk.example.org:8443"]"#));
        check(Kind::Hosts, "http://desk", Err(UnitError::Form(Kind::Hosts.name())));
        check(Kind::Multiples, "binance=1.27x, okx=2x", Ok(r#"["binance=1.27x", "okx=2x"]"#));
        check(Kind::Multiples, "[]", Ok("[]"));
    }

    #[test]
    fn h02_a_bare_number_is_never_guessed() {
        for kind in [
            Kind::Funding,
            Kind::Yearly,
            Kind::Bps,
            Kind::Span,
            Kind::Money,
            Kind::Share,
            Kind::Leverage,
            Kind::Quantity,
        ] {
            for text in ["5", "0.0005", "-1", "1e-4", "0"] {
                check(kind, text, Err(UnitError::NoUnit));
            }
        }
    }

    #[test]
    fn x01_x03_odd_numbers_are_refused() {
        let form = |kind: Kind| Err(UnitError::Form(kind.name()));
        check(Kind::Funding, "0.01%", form(Kind::Funding));
        check(Kind::Funding, "0.01%/3h", form(Kind::Funding));
        check(Kind::Funding, "0.01%/8h/8h", form(Kind::Funding));
        check(Kind::Share, "1e1%", form(Kind::Share));
        check(Kind::Share, "40 %", form(Kind::Share));
        check(Kind::Share, "+40%", form(Kind::Share));
        check(Kind::Share, "４0%", form(Kind::Share));
        check(Kind::Share, "%", Err(UnitError::Number(NumberError::Empty)));
        check(Kind::Share, "1.2.3%", Err(UnitError::Number(NumberError::NotANumber)));
        check(Kind::Bps, "1.23456bps", Err(UnitError::Number(NumberError::TooManyDecimals { max: 4 })));
        check(Kind::Bps, &format!("{}bps", "9".repeat(400)), Err(UnitError::TooLarge));
        check(Kind::Leverage, "10x", Err(UnitError::TooLarge));
        check(Kind::Span, "1.5h", form(Kind::Span));
        check(Kind::Span, "-1h", form(Kind::Span));
        check(Kind::Span, "99999999999999d", Err(UnitError::TooLarge));
        check(Kind::Money, "5eur", form(Kind::Money));
        check(Kind::Quantity, "-1BTC", Err(UnitError::Number(NumberError::Negative)));
        check(Kind::Multiples, "binance", form(Kind::Multiples));
        check(Kind::Multiples, "binance=0x", form(Kind::Multiples));
        check(Kind::Multiples, "binance=2", form(Kind::Multiples));
        check(Kind::Multiples, "a=1x,a=2x", Err(UnitError::Twice("a".to_owned())));
        check(Kind::Pairs, "BTCUSDT", Err(UnitError::Form(Kind::Pairs.name())));
        check(Kind::Pairs, "a:B,a:B", Err(UnitError::Twice("a:B".to_owned())));
    }
}
