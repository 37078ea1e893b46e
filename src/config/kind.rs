//! The kinds of value a key can have: how each is written, and what a value of it means in words.
//!
//! Reading and printing stand in `units.rs`; which key has which kind stands in `table.rs`. Tests: at the end of this file.

use super::units::Value;
use crate::domain::Rate;
use crate::domain::decimal;
use crate::domain::money::grouped;
use std::net::SocketAddr;

/// A kind of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A rate for one settlement and how often it is paid.
    Funding,
    /// A rate per year, simple.
    Yearly,
    /// Basis points: 1 is 0.01 %.
    Bps,
    /// A length of time.
    Span,
    /// An amount of a currency.
    Money,
    /// A part of a whole.
    Share,
    /// All of something, a part of it, or an amount.
    Part,
    /// A multiple.
    Leverage,
    /// Coins with the coin's name.
    Quantity,
    /// A whole number; the only kind of bare number there is.
    Count,
    /// Yes or no.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Names of pairs.
    Pairs,
    /// A multiple for each venue that is named.
    Multiples,
    /// Which market prices another one.
    Prices,
    /// A file of this machine.
    Path,
    /// An address of this machine with a port.
    Socket,
    /// Names of hosts, with a port where it is not the scheme's own.
    Hosts,
    /// Names of venues, coins or pairs.
    Names,
    /// The name of a stored key.
    KeyName,
}

impl Kind {
    /// Whether its values are written without a unit.
    #[must_use]
    pub const fn is_bare(self) -> bool {
        matches!(
            self,
            Self::Count
                | Self::Switch
                | Self::Word(_)
                | Self::Pairs
                | Self::Multiples
                | Self::Prices
                | Self::Path
                | Self::Socket
                | Self::Hosts
                | Self::Names
                | Self::KeyName
        )
    }

    /// What it is, for "is not ...".
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Funding => "a funding rate",
            Self::Yearly => "a yearly rate",
            Self::Bps => "a number of basis points",
            Self::Span => "a length of time",
            Self::Money => "an amount of money",
            Self::Share => "a share",
            Self::Part => "all, a share or an amount of money",
            Self::Leverage => "a leverage",
            Self::Quantity => "a quantity of a coin",
            Self::Count => "a whole number",
            Self::Switch => "true or false",
            Self::Word(_) => "one of its words",
            Self::Pairs => "a list of pairs",
            Self::Multiples => "a list of multiples by venue",
            Self::Prices => "a list of markets that price others",
            Self::Path => "the path of a file",
            Self::Socket => "an address with a port",
            Self::Hosts => "a list of hosts",
            Self::Names => "a list of names",
            Self::KeyName => "the name of a key",
        }
    }

    /// What was expected, with an example, for the end of an error.
    #[must_use]
    pub fn expected(self) -> String {
        match self {
            Self::Funding => {
                "a percentage or bps with its interval (1h, 2h, 4h or 8h), for example \"0.01%/8h\"".into()
            }
            Self::Yearly => "a percentage per year, for example \"12%apr\"".into(),
            Self::Bps => "basis points with at most 4 decimals, for example \"5bps\"".into(),
            Self::Span => "a whole number of d, h, m, s or ms, for example \"8h\"".into(),
            Self::Money => {
                "an amount with its currency (usdt, usdc, fdusd, usd1 or usd), for example \"2500usd\"".into()
            }
            Self::Share => "a percentage, for example \"40%\"".into(),
            Self::Part => {
                "\"all\", a percentage above 0% and at most 100%, or an amount above 0, for example \"40%\" or \"2500usd\"".into()
            }
            Self::Leverage => "a multiple, for example \"2x\"".into(),
            Self::Quantity => "coins with the coin's name, for example \"1BTC\"".into(),
            Self::Count => "a whole decimal number without quotes, for example 3".into(),
            Self::Switch => "true or false without quotes".into(),
            Self::Word(words) => {
                let quoted: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", quoted.join(", "))
            }
            Self::Multiples => "a list of multiples by venue without a repeat, for example [\"binance=1.27x\"]".into(),
            Self::Path => "the path of a file, not a URL, for example \"/etc/carry/alarm\"".into(),
            Self::Socket => "an address with a port, for example \"127.0.0.1:8420\"".into(),
            Self::Hosts => "a list of hosts as a browser names them, for example [\"desk.example.org:8443\"]".into(),
            Self::Names => "a list of names without a repeat, for example [\"USDT\"]".into(),
            Self::KeyName => {
                "the name of a key as in carry keys list, 1 to 32 of a-z, 0-9, - and _, for example \"main\"".into()
            }
            Self::Prices => "VENUE-MARKET=VENUE-MARKET, for example [\"hyperliquid-perp=binance-perp\"]".into(),
            Self::Pairs => "a list of venue:SYMBOL, for example [\"binance:BTCUSDT\"]".into(),
        }
    }

    /// The unit as tables show it.
    #[must_use]
    pub fn unit(self) -> String {
        match self {
            Self::Funding => "% or bps per interval".into(),
            Self::Yearly => "% a year".into(),
            Self::Bps => "bps".into(),
            Self::Span => "d, h, m, s, ms".into(),
            Self::Money => "money".into(),
            Self::Share => "%".into(),
            Self::Part => "all, %, money".into(),
            Self::Leverage => "x".into(),
            Self::Quantity => "coins".into(),
            Self::Count => "whole number".into(),
            Self::Switch => "true, false".into(),
            Self::Word(words) => words.join(", "),
            Self::Pairs => "list of venue:SYMBOL".into(),
            Self::Multiples => "list of venue=x".into(),
            Self::Prices => "list of market=market".into(),
            Self::Path => "path of a file".into(),
            Self::Socket => "address:port".into(),
            Self::Hosts => "list of hosts".into(),
            Self::Names => "list of names".into(),
            Self::KeyName => "name of a key".into(),
        }
    }

    /// A canonical text as a TOML file holds it.
    #[must_use]
    pub fn toml(self, text: &str) -> String {
        match self {
            Self::Count | Self::Switch | Self::Pairs | Self::Multiples | Self::Prices | Self::Hosts | Self::Names
                if text != "off" =>
            {
                text.to_owned()
            }
            _ => format!("\"{text}\""),
        }
    }

    /// What a value means in words, so that a slip of the unit is seen (fault H02).
    #[must_use]
    pub fn words(self, value: &Value) -> String {
        match value {
            Value::Off => "not used".into(),
            Value::Funding(rate) => {
                let settlements = i128::from(24 / rate.interval.hours() * 365);
                let yearly = i128::from(rate.rate.units()).saturating_mul(settlements);
                let hours = rate.interval.hours();
                let every = if hours == 1 { "hour".to_owned() } else { format!("{hours} hours") };
                format!("{} % every {every}, {} % a year", points(rate.rate), decimal::format_scaled(yearly, 16))
            }
            Value::Rate(rate) => match self {
                Self::Yearly => format!("{} % a year", points(*rate)),
                Self::Leverage => format!("{rate} times the margin"),
                _ => format!("{} parts of 100", points(*rate)),
            },
            Value::Bps(bps) => format!("{} %", points(bps.to_rate())),
            Value::Span(span) => span_words(span.0),
            Value::Money(money) => {
                let exact = money.amount.units() % 10_000_000_000_000_000 == 0;
                format!("{} {}", grouped(money.amount, if exact { 0 } else { 8 }), money.asset)
            }
            Value::Quantity(quantity, coin) => format!("{quantity} {coin} in each leg"),
            Value::Count(count) => count.to_string(),
            Value::Switch(on) => if *on { "yes" } else { "no" }.into(),
            Value::Word(_) if self == Self::Part => "all of it".into(),
            Value::Word(word) => word.replace('_', " "),
            Value::Path(name) if self == Self::KeyName => format!("the key {name}"),
            Value::Path(path) => super::secret::escaped(path, 200),
            Value::Socket(address) if loopback(address) => "this machine alone".into(),
            Value::Socket(_) => "other machines too".into(),
            Value::Hosts(names) if self == Self::Names && names.is_empty() => "none named".into(),
            Value::Hosts(names) if self == Self::Names => names.join(", "),
            Value::Hosts(names) if names.is_empty() => "the names of this machine alone".into(),
            Value::Hosts(names) => format!("{} more", names.len()),
            Value::Multiples(rows) if rows.is_empty() => "what the account model says".into(),
            Value::Multiples(rows) => {
                let rows: Vec<String> = rows.iter().map(|(venue, multiple)| format!("{multiple} at {venue}")).collect();
                rows.join(", ")
            }
            Value::Pairs(names) if self == Self::Prices && names.is_empty() => "each market by its own prices".into(),
            Value::Pairs(names) if self == Self::Prices => names.join(", "),
            Value::Pairs(names) if names.is_empty() => "every pair that the source can price".into(),
            Value::Pairs(names) if *names == [super::lists::AUTO] => "those that [universe] admits".into(),
            Value::Pairs(names) if names.len() == 1 => "one pair".into(),
            Value::Pairs(names) => format!("{} pairs", names.len()),
        }
    }
}

fn loopback(address: &str) -> bool {
    address.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn points(rate: Rate) -> String {
    decimal::format_scaled(i128::from(rate.units()), 16)
}

fn span_words(ms: i64) -> String {
    let units = [(86_400_000, "day"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let (count, unit) = units
        .into_iter()
        .find(|(unit, _)| ms != 0 && ms % unit == 0)
        .map_or((ms, "millisecond"), |(unit, name)| (ms / unit, name));
    match (ms, count) {
        (0, _) => "no time".into(),
        (_, 1) => format!("1 {unit}"),
        _ => format!("{count} {unit}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, text: &str, expected: &str) {
        assert_eq!(kind.words(&kind.parse(text).unwrap()), expected, "{text}");
    }

    #[test]
    fn h02_values_are_said_in_words() {
        check(Kind::Funding, "0.01%/8h", "0.01 % every 8 hours, 10.95 % a year");
        check(Kind::Funding, "0.01%/1h", "0.01 % every hour, 87.6 % a year");
        check(Kind::Yearly, "12%apr", "12 % a year");
        check(Kind::Bps, "5bps", "0.05 %");
        check(Kind::Span, "36h", "36 hours");
        check(Kind::Span, "1d", "1 day");
        check(Kind::Span, "0s", "no time");
        check(Kind::Span, "100ms", "100 milliseconds");
        check(Kind::Money, "1000000usdt", "1,000,000 USDT");
        check(Kind::Money, "0.5usd", "0.50000000 USD");
        check(Kind::Share, "5%", "5 parts of 100");
        check(Kind::Leverage, "2x", "2 times the margin");
        check(Kind::Quantity, "1BTC", "1 BTC in each leg");
        check(Kind::Pairs, "[]", "every pair that the source can price");
    }
}
