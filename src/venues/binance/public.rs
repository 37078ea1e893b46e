//! Public questions of the family: the request for each, and what its answer says. No key, no signature, no account.
//!
//! Numbers are read from the text that the venue printed, never through a float; a row that cannot be read is an error
//! that names its field, never a zero. Paths and weights are those of the venues' documents (Binance USD-M of 2026-05-28,
//! spot of 2026-07-21; Aster as read in 2026-09). Tests stand at the end.

use super::answer::{Answer, BestQuoteRow, CandleRow, FundingRow, FundingTerms, PremiumRow};
use super::ask::{Ask, Candles, Host, Method, Priority, Request, Security};
use crate::domain::{Interval, Market, Price, Quantity, Rate, Symbol, WallTime};
use crate::market::book::Level;
use serde_json::Value;
use std::fmt::Write as _;
use thiserror::Error;

/// Whose paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Binance: `/api/v3` and `/fapi/v1`.
    Binance,
    /// Aster: `/api/v3` and `/fapi/v3`; no premium candles, no open interest.
    Aster,
}

/// The venue has no such public question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the venue has no {0}")]
pub struct NotThere(pub &'static str);

/// An answer that does not say what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}{}: expected {expected}", row.map(|row| format!(" in row {row}")).unwrap_or_default())]
pub struct BadAnswer {
    /// The field, or what the answer is.
    pub field: &'static str,
    /// Its row from 1.
    pub row: Option<usize>,
    /// What was expected.
    pub expected: &'static str,
}

struct Query(String);

impl Query {
    fn new() -> Self {
        Self(String::new())
    }

    /// Symbols may be more than ASCII: everything but the unreserved characters is percent-encoded.
    #[expect(clippy::needless_pass_by_value, reason = "numbers and short words")]
    fn with(mut self, name: &str, value: impl ToString) -> Self {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        let _ = write!(self.0, "{name}=");
        for byte in value.to_string().bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
                self.0.push(char::from(byte));
            } else {
                let _ = write!(self.0, "%{byte:02X}");
            }
        }
        self
    }
}

impl Dialect {
    /// The request of a public question.
    ///
    /// # Errors
    /// [`NotThere`] when the venue does not answer it, or when it is not public.
    pub fn request(self, ask: &Ask) -> Result<Request, NotThere> {
        let is_aster = self == Self::Aster;
        let perp = |v1: &'static str, v3: &'static str| if is_aster { v3 } else { v1 };
        let (host, path, query, weight) = match ask {
            Ask::Time(Market::Spot) => (Host::Spot, "/api/v3/time", Query::new(), 1),
            Ask::Time(Market::Perp) => (Host::Perp, perp("/fapi/v1/time", "/fapi/v3/time"), Query::new(), 1),
            Ask::Depth { market, symbol, levels } => depth(*market, symbol, *levels, is_aster),
            Ask::BestQuote { market: Market::Spot, symbol } => {
                (Host::Spot, "/api/v3/ticker/bookTicker", of(symbol.as_ref()), if symbol.is_some() { 2 } else { 4 })
            }
            Ask::BestQuote { market: Market::Perp, symbol } => {
                let path = perp("/fapi/v1/ticker/bookTicker", "/fapi/v3/ticker/bookTicker");
                (Host::Perp, path, of(symbol.as_ref()), if symbol.is_some() { 2 } else { 5 })
            }
            Ask::Candles { .. } => candles(ask, is_aster)?,
            Ask::Premium { symbol } => {
                let path = perp("/fapi/v1/premiumIndex", "/fapi/v3/premiumIndex");
                (Host::Perp, path, of(symbol.as_ref()), if symbol.is_some() { 1 } else { 10 })
            }
            Ask::FundingInfo => (Host::Perp, perp("/fapi/v1/fundingInfo", "/fapi/v3/fundingInfo"), Query::new(), 1),
            Ask::FundingHistory { symbol, start, end, limit } => {
                let mut query = of(Some(symbol));
                if let Some(start) = start {
                    query = query.with("startTime", start.0);
                }
                if let Some(end) = end {
                    query = query.with("endTime", end.0);
                }
                let path = perp("/fapi/v1/fundingRate", "/fapi/v3/fundingRate");
                (Host::Perp, path, query.with("limit", (*limit).clamp(1, 1000)), 1)
            }
            Ask::OpenInterestHistory { symbol, step, start, end, limit } if !is_aster => {
                let query = of(Some(symbol)).with("period", step).with("limit", (*limit).clamp(1, 500));
                let query = query.with("startTime", start.0).with("endTime", end.0);
                (Host::Perp, "/futures/data/openInterestHist", query, 0)
            }
            Ask::OpenInterest { symbol } if !is_aster => (Host::Perp, "/fapi/v1/openInterest", of(Some(symbol)), 1),
            Ask::OpenInterest { .. } | Ask::OpenInterestHistory { .. } => return Err(NotThere("open interest")),
            _ => return Err(NotThere("such public question")),
        };
        let history = matches!(ask, Ask::Candles { .. } | Ask::FundingHistory { .. } | Ask::OpenInterestHistory { .. });
        let priority = if history { Priority::Background } else { Priority::Normal };
        let (method, security, is_order) = (Method::Get, Security::Public, false);
        Ok(Request { method, host, path, query: query.0, security, weight, is_order, priority })
    }
}

type Parts = (Host, &'static str, Query, u32);

fn of(symbol: Option<&Symbol>) -> Query {
    symbol.map_or_else(Query::new, |symbol| Query::new().with("symbol", symbol))
}

fn depth(market: Market, symbol: &Symbol, levels: u32, is_aster: bool) -> Parts {
    let steps = [(5, 2), (10, 2), (20, 2), (50, 2), (100, 5), (500, 10)];
    let (limit, perp_weight) = *steps.iter().find(|(most, _)| levels <= *most).unwrap_or(&(1000, 20));
    let query = of(Some(symbol)).with("limit", limit);
    match market {
        Market::Spot if limit <= 100 => (Host::Spot, "/api/v3/depth", query, 5),
        Market::Spot => (Host::Spot, "/api/v3/depth", query, if limit <= 500 { 25 } else { 50 }),
        Market::Perp => (Host::Perp, if is_aster { "/fapi/v3/depth" } else { "/fapi/v1/depth" }, query, perp_weight),
    }
}

fn candles(ask: &Ask, is_aster: bool) -> Result<Parts, NotThere> {
    let Ask::Candles { kind, symbol, step, start, end, limit } = ask else { return Err(NotThere("candles")) };
    let (host, path, name) = match (kind, is_aster) {
        (Candles::Trade(Market::Spot), _) => (Host::Spot, "/api/v3/klines", "symbol"),
        (Candles::Trade(Market::Perp), false) => (Host::Perp, "/fapi/v1/klines", "symbol"),
        (Candles::Trade(Market::Perp), true) => (Host::Perp, "/fapi/v3/klines", "symbol"),
        (Candles::Mark, false) => (Host::Perp, "/fapi/v1/markPriceKlines", "symbol"),
        (Candles::Mark, true) => (Host::Perp, "/fapi/v3/markPriceKlines", "symbol"),
        (Candles::Index, false) => (Host::Perp, "/fapi/v1/indexPriceKlines", "pair"),
        (Candles::Index, true) => (Host::Perp, "/fapi/v3/indexPriceKlines", "pair"),
        (Candles::Premium, false) => (Host::Perp, "/fapi/v1/premiumIndexKlines", "symbol"),
        (Candles::Premium, true) => return Err(NotThere("candles of the premium index")),
    };
    let limit = (*limit).clamp(1, if host == Host::Spot { 1000 } else { 1500 });
    let weight = match (host, limit) {
        (Host::Spot, _) | (_, 100..500) => 2,
        (_, 0..100) => 1,
        (_, 500..=1000) => 5,
        _ => 10,
    };
    let query = Query::new().with(name, symbol).with("interval", step).with("limit", limit);
    Ok((host, path, query.with("startTime", start.0).with("endTime", end.0), weight))
}

/// What an answer says.
///
/// # Errors
/// [`BadAnswer`] with the first field that cannot be read.
pub fn answer(ask: &Ask, body: &[u8]) -> Result<Answer, BadAnswer> {
    let whole = || BadAnswer { field: "the answer", row: None, expected: "JSON" };
    let value: Value = serde_json::from_slice(body).map_err(|_| whole())?;
    match ask {
        Ask::Time(_) => Row(&value, None).time("serverTime").map(Answer::Time),
        Ask::Candles { kind, .. } => rows(&value, |row| candle(row, *kind)).map(Answer::Candles),
        Ask::FundingHistory { .. } => rows(&value, funding).map(Answer::FundingHistory),
        Ask::FundingInfo => rows(&value, terms).map(Answer::FundingInfo),
        Ask::Premium { .. } => one_or_many(&value, premium).map(Answer::Premium),
        Ask::BestQuote { .. } => one_or_many(&value, best_quote).map(Answer::BestQuotes),
        Ask::OpenInterest { .. } => {
            let row = Row(&value, None);
            Ok(Answer::OpenInterest(vec![(row.time("time")?, row.quantity("openInterest")?)]))
        }
        Ask::OpenInterestHistory { .. } => {
            rows(&value, |row| Ok((row.time("timestamp")?, row.quantity("sumOpenInterest")?))).map(Answer::OpenInterest)
        }
        Ask::Depth { .. } => Ok(Answer::Depth),
        _ => Err(BadAnswer { field: "the answer", row: None, expected: "the answer to a public question" }),
    }
}

/// Both sides of a book, as `[price, coins]` in texts.
///
/// # Errors
/// [`BadAnswer`] with the side that cannot be read.
pub fn levels(body: &[u8]) -> Result<(Vec<Level>, Vec<Level>), BadAnswer> {
    let whole = || BadAnswer { field: "the answer", row: None, expected: "JSON" };
    let value: Value = serde_json::from_slice(body).map_err(|_| whole())?;
    let side = |field: &'static str| {
        let bad = BadAnswer { field, row: None, expected: "a list of prices and coins" };
        let list = value.get(field).and_then(Value::as_array).ok_or_else(|| bad.clone())?;
        let level = |level: &Value| {
            let text = |place: usize| level.get(place).and_then(Value::as_str);
            Some((Price::parse(text(0)?).ok()?, Quantity::parse(text(1)?).ok()?))
        };
        list.iter().map(|row| level(row).ok_or_else(|| bad.clone())).collect::<Result<Vec<_>, _>>()
    };
    Ok((side("bids")?, side("asks")?))
}

/// One object of an answer and its row.
#[derive(Clone, Copy)]
struct Row<'a>(&'a Value, Option<usize>);

impl<'a> Row<'a> {
    const fn bad(self, field: &'static str, expected: &'static str) -> BadAnswer {
        BadAnswer { field, row: self.1, expected }
    }

    fn text(self, field: &'static str) -> Result<&'a str, BadAnswer> {
        self.0.get(field).and_then(Value::as_str).ok_or_else(|| self.bad(field, "a text"))
    }

    /// Empty and absent alike mean that it was not sent.
    fn sent(self, field: &'static str) -> Option<&'a str> {
        self.0.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn time(self, field: &'static str) -> Result<WallTime, BadAnswer> {
        let value = self.0.get(field);
        let number = value.and_then(Value::as_i64).or_else(|| value.and_then(Value::as_str)?.parse().ok());
        number.filter(|ms| *ms > 0).map(WallTime).ok_or_else(|| self.bad(field, "milliseconds since 1970"))
    }

    fn symbol(self) -> Result<Symbol, BadAnswer> {
        Symbol::new(self.text("symbol")?).map_err(|_| self.bad("symbol", "a symbol"))
    }

    fn price(self, field: &'static str) -> Result<Price, BadAnswer> {
        Price::parse(self.text(field)?).map_err(|_| self.bad(field, "a price above zero"))
    }

    fn rate(self, field: &'static str) -> Result<Rate, BadAnswer> {
        Rate::parse(self.text(field)?).map_err(|_| self.bad(field, "a plain fraction"))
    }

    fn quantity(self, field: &'static str) -> Result<Quantity, BadAnswer> {
        Quantity::parse(self.text(field)?).map_err(|_| self.bad(field, "coins, zero or more"))
    }
}

type Rows<T> = Result<Vec<T>, BadAnswer>;

fn rows<'a, T>(value: &'a Value, read: impl Fn(Row<'a>) -> Result<T, BadAnswer>) -> Rows<T> {
    let list = value.as_array().ok_or(BadAnswer { field: "the answer", row: None, expected: "a list" })?;
    list.iter().zip(1..).map(|(value, row)| read(Row(value, Some(row)))).collect()
}

/// A question for one symbol is answered with an object, one for all with a list.
fn one_or_many<'a, T>(value: &'a Value, read: impl Fn(Row<'a>) -> Result<T, BadAnswer>) -> Rows<T> {
    if value.is_object() { Ok(vec![read(Row(value, None))?]) } else { rows(value, read) }
}

/// `[opened, open, high, low, close, volume, ...]`
fn candle(row: Row<'_>, kind: Candles) -> Result<CandleRow, BadAnswer> {
    let cell = |place: usize| row.0.get(place);
    let text = |place: usize, field: &'static str| {
        let text = cell(place).and_then(Value::as_str).ok_or_else(|| row.bad(field, "a decimal as text"))?;
        // A premium may be below zero; what stands there must be a number all the same.
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.len() <= 40 && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let has = digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1;
        if plain && has { Ok(text.to_owned()) } else { Err(row.bad(field, "a decimal as text")) }
    };
    let opened = cell(0).and_then(Value::as_i64).map(WallTime).ok_or_else(|| row.bad("openTime", "milliseconds"))?;
    let prices = [text(1, "open")?, text(2, "high")?, text(3, "low")?, text(4, "close")?];
    let volume = if matches!(kind, Candles::Trade(_)) { Some(text(5, "volume")?) } else { None };
    Ok(CandleRow { opened, prices, volume })
}

fn funding(row: Row<'_>) -> Result<FundingRow, BadAnswer> {
    let mark = match row.sent("markPrice") {
        None => None,
        Some(_) => Some(row.price("markPrice")?),
    };
    Ok(FundingRow { symbol: row.symbol()?, stamp: row.time("fundingTime")?, rate: row.rate("fundingRate")?, mark })
}

fn terms(row: Row<'_>) -> Result<FundingTerms, BadAnswer> {
    let hours = row.0.get("fundingIntervalHours").and_then(Value::as_u64).and_then(|hours| u8::try_from(hours).ok());
    let interval = hours.and_then(|hours| Interval::try_from(hours).ok());
    let bound = |field| match row.sent(field) {
        None => Ok(None),
        Some(_) => row.rate(field).map(Some),
    };
    Ok(FundingTerms {
        symbol: row.symbol()?,
        interval: interval.ok_or_else(|| row.bad("fundingIntervalHours", "1, 2, 4 or 8"))?,
        cap: bound("adjustedFundingRateCap")?,
        floor: bound("adjustedFundingRateFloor")?,
        interest: bound("interestRate")?,
    })
}

fn premium(row: Row<'_>) -> Result<PremiumRow, BadAnswer> {
    let rate = match row.sent("lastFundingRate") {
        None => None,
        Some(_) => Some(row.rate("lastFundingRate")?),
    };
    Ok(PremiumRow {
        symbol: row.symbol()?,
        mark: row.price("markPrice")?,
        index: row.price("indexPrice")?,
        rate,
        // Contracts that end have a zero there.
        next_funding: row.time("nextFundingTime").ok(),
        at: row.time("time")?,
    })
}

fn best_quote(row: Row<'_>) -> Result<BestQuoteRow, BadAnswer> {
    let side = |price: &'static str, quantity: &'static str| {
        // An empty side is printed as zero.
        let price = Price::parse(row.text(price)?).ok();
        let quantity = row.quantity(quantity)?;
        Ok::<_, BadAnswer>(price.map(|price| (price, quantity)))
    };
    Ok(BestQuoteRow { symbol: row.symbol()?, bid: side("bidPrice", "bidQty")?, ask: side("askPrice", "askQty")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbol() -> Symbol {
        Symbol::new("BTCUSDT").unwrap()
    }

    fn history() -> Ask {
        Ask::FundingHistory { symbol: symbol(), start: Some(WallTime(5)), end: Some(WallTime(9)), limit: 5000 }
    }

    #[test]
    fn requests_have_their_documented_paths_and_weights() {
        let check = |dialect: Dialect, ask: &Ask, expected: &str, weight: u32| {
            let request = dialect.request(ask).unwrap();
            assert_eq!((format!("{}?{}", request.path, request.query).as_str(), request.weight), (expected, weight));
        };
        let funding = "/fapi/v1/fundingRate?symbol=BTCUSDT&startTime=5&endTime=9&limit=1000";
        check(Dialect::Binance, &history(), funding, 1);
        check(Dialect::Aster, &history(), &funding.replace("v1", "v3"), 1);
        let candles = |kind, limit| Ask::Candles {
            kind,
            symbol: symbol(),
            step: "1h",
            start: WallTime(5),
            end: WallTime(9),
            limit,
        };
        let times = "startTime=5&endTime=9";
        let spot = format!("/api/v3/klines?symbol=BTCUSDT&interval=1h&limit=1000&{times}");
        check(Dialect::Binance, &candles(Candles::Trade(Market::Spot), 1500), &spot, 2);
        let mark = format!("/fapi/v1/markPriceKlines?symbol=BTCUSDT&interval=1h&limit=1500&{times}");
        check(Dialect::Binance, &candles(Candles::Mark, 1500), &mark, 10);
        assert!(Dialect::Aster.request(&candles(Candles::Premium, 1)).is_err());
        let depth = Ask::Depth { market: Market::Perp, symbol: Symbol::new("币USDT").unwrap(), levels: 400 };
        check(Dialect::Binance, &depth, "/fapi/v1/depth?symbol=%E5%B8%81USDT&limit=500", 10);
    }

    #[test]
    fn x02_an_answer_is_read_whole_or_its_field_is_named() {
        let good = br#"[{"symbol":"BTCUSDT","fundingTime":1700000000001,"fundingRate":"-0.0001","markPrice":"","rateType":"Regular"}]"#;
        let Answer::FundingHistory(rows) = answer(&history(), good).unwrap() else { panic!("another answer") };
        assert_eq!(
            (rows[0].stamp, rows[0].rate, rows[0].mark),
            (WallTime(1_700_000_000_001), Rate::parse("-0.0001").unwrap(), None)
        );
        let bad = |body: &str| answer(&history(), body.as_bytes()).unwrap_err().to_string();
        assert_eq!(bad("<html>"), "the answer: expected JSON");
        assert_eq!(bad("{}"), "the answer: expected a list");
        let row = r#"[{"symbol":"BTCUSDT","fundingTime":1700000000001,"fundingRate":null}]"#;
        assert_eq!(bad(row), "fundingRate in row 1: expected a text");
        assert_eq!(bad(&row.replace("null", "\"NaN\"")), "fundingRate in row 1: expected a plain fraction");
    }
}
