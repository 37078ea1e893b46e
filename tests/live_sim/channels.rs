//! What a venue says wrongly on one channel: lists of the past, prices that are none, refusals that last, answers without sense.

use super::attack::{Bent, How, Refusing};
use super::plan::Draws;
use carry::loopback::Core;
use carry::net::carrier::Carried;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lists that show a state and no rows with times.
const STATES: [&str; 3] = ["/api/v3/account", "/fapi/v3/balance", "/fapi/v3/positionRisk"];
/// Longest that a list lags.
const MOST: i64 = 20_000;

/// Answers that say nothing of what was done.
const ODD: [(u16, &str); 9] = [
    (
        400,
        "{\"code\":-1006,\"msg\":\"An unexpected response was received from the message bus. Execution status unknown.\"}",
    ),
    (
        400,
        "{\"code\":-1007,\"msg\":\"Timeout waiting for response from backend server. Send status unknown; execution status unknown.\"}",
    ),
    (408, "{\"code\":-1007,\"msg\":\"Timeout waiting for response from backend server.\"}"),
    (503, "{\"code\":-1000,\"msg\":\"Unknown error, please check your request or try again later.\"}"),
    (504, "<html><body><h1>504 Gateway Time-out</h1></body></html>"),
    (502, ""),
    (200, ""),
    (200, "<!DOCTYPE html><html><title>Please log in</title></html>"),
    (200, "{\"symbol\":\"BTCUSDT\",\"orderId\":10"),
];

/// Windows in which something is said wrongly, and the past that lists may show.
#[derive(Default)]
pub(crate) struct Channels {
    bent: Vec<(i64, Bent)>,
    refusing: Vec<(i64, Refusing)>,
    queries: BTreeMap<String, String>,
    /// Until when each state stood, and what its list showed.
    past: Vec<(i64, String, String)>,
    before: BTreeMap<String, String>,
}

impl Channels {
    /// The first rows of a list of the past; nothing for other lists.
    pub(crate) fn cut(path: &str, body: &str, draws: &mut Draws) -> Option<String> {
        let is_past = ["/myTrades", "/userTrades", "/income"].iter().any(|word| path.ends_with(word));
        let rows: Vec<Value> = is_past.then(|| serde_json::from_str(body).ok()).flatten()?;
        let kept = usize::try_from(draws.below(u64::try_from(rows.len()).ok()?.max(1))).ok()?;
        serde_json::to_string(rows.get(..kept)?).ok()
    }

    pub(crate) fn bend(&mut self, now: i64, bent: Bent) {
        self.bent.push((now + bent.lasts, bent));
    }

    /// Whether stream and lists now tell a wrong mark of the same perp: then the venue means it, as far as anybody can know, and
    /// what it liquidates by is acted on (fault F12).
    pub(crate) fn is_meant(&self, now: i64, symbol: &str) -> bool {
        let told = |channel: &str| {
            let fits = |bent: &Bent| {
                (bent.symbol, bent.figure) == (symbol, "mark")
                    && bent.channels.contains(&channel)
                    && matches!(bent.how, How::Times(by) if by > 1_000)
            };
            self.bent.iter().any(|(until, bent)| now < *until && fits(bent))
        };
        told("push") && told("rest")
    }

    pub(crate) fn refuse(&mut self, now: i64, refusing: Refusing) {
        self.refusing.push((now + refusing.lasts, refusing));
    }

    /// How an order of this text is refused now.
    pub(crate) fn refused(&self, now: i64, path: &str, text: &str) -> Option<(u16, &'static str)> {
        let has = |name: &str, value: &str| text.split(['&', '?']).any(|part| part == format!("{name}={value}"));
        let fits = |(until, one): &&(i64, Refusing)| {
            now < *until
                && one.path == path
                && has("symbol", one.symbol)
                && one.side.is_none_or(|side| has("side", side))
                && one.reduce_only.is_none_or(|wanted| wanted == has("reduceOnly", "true"))
        };
        self.refusing.iter().find(fits).map(|(_, one)| (one.status, one.body))
    }

    pub(crate) fn odd(draws: &mut Draws) -> (u16, &'static str) {
        draws.pick(&ODD)
    }

    /// What a list was asked, so that its past can be kept.
    pub(crate) fn asked(&mut self, path: &str, query: &str) {
        if STATES.contains(&path) {
            let kept =
                |part: &&str| !["timestamp=", "signature=", "recvWindow="].iter().any(|name| part.starts_with(name));
            let query: Vec<&str> = query.split('&').filter(kept).collect();
            self.queries.insert(path.to_owned(), query.join("&"));
        }
    }

    /// Keeps what the lists show before something changes the books.
    pub(crate) fn keep(&mut self, now: i64, core: &mut Core) {
        self.past.retain(|(until, ..)| *until > now - MOST);
        for (path, query) in self.queries.clone() {
            let answered = core.by_hand("GET", &format!("{path}?{query}"));
            if answered.status == 200 {
                self.past.push((now, path, answered.body));
            }
        }
    }

    /// The same list as it was so long ago.
    pub(crate) fn lagged(&self, now: i64, lag: i64, (path, body): (&str, &str)) -> Option<String> {
        if STATES.contains(&path) {
            let past = self.past.iter().find(|(until, of, _)| of == path && *until >= now - lag)?;
            return Some(past.2.clone());
        }
        let Ok(Value::Array(mut rows)) = serde_json::from_str::<Value>(body) else { return None };
        let length = rows.len();
        rows.retain(|row| row["time"].as_i64().is_none_or(|time| time <= now - lag));
        (rows.len() < length).then(|| Value::Array(rows).to_string())
    }

    /// A list that shows what it showed before, by path and symbol.
    pub(crate) fn stale(&mut self, path: &str, query: &str, body: &str, strikes: bool) -> Option<String> {
        let symbol = query.split('&').find(|part| part.starts_with("symbol=")).unwrap_or_default();
        let key = format!("{path} {symbol}");
        if strikes && let Some(before) = self.before.get(&key) {
            return Some(before.clone());
        }
        self.before.insert(key, body.to_owned());
        None
    }

    /// Whether any price is wrong now.
    pub(crate) fn is_bent(&mut self, now: i64) -> bool {
        self.bent.retain(|(until, _)| now < *until);
        !self.bent.is_empty()
    }

    /// A pushed message as the channel shows it; nothing when it shows nothing.
    pub(crate) fn pushed(&self, path: &str, text: String) -> Option<String> {
        let perp = !path.starts_with("/ws") && !path.starts_with("/stream");
        let Ok(mut value) = serde_json::from_str::<Value>(&text) else { return Some(text) };
        let wrapped = value.get("data").is_some();
        let mut changed = false;
        for (_, bent) in self.bent.iter().filter(|(_, bent)| bent.channels.contains(&"push")) {
            let message = if wrapped { &mut value["data"] } else { &mut value };
            if message["s"].as_str() != Some(bent.symbol) {
                continue;
            }
            let is_mark = message["e"].as_str() == Some("markPriceUpdate");
            let is_book = message.get("bids").is_some()
                || message["e"].as_str().is_none_or(|event| matches!(event, "bookTicker" | "depthUpdate"));
            let of = match bent.figure {
                "mark" | "index" => is_mark,
                "spot" => is_book && !perp,
                _ => is_book && perp,
            };
            if !of {
                continue;
            }
            if bent.how == How::Silent {
                return None;
            }
            changed = true;
            bend(message, bent);
        }
        if changed { Some(value.to_string()) } else { Some(text) }
    }

    /// An answer as the channel shows it.
    pub(crate) fn answered(&self, now: i64, (path, query): (&str, &str), body: String) -> String {
        let is_price = ["/premiumIndex", "/depth", "/ticker/bookTicker", "/positionRisk"];
        if self.bent.is_empty() || !is_price.iter().any(|one| path.ends_with(one)) {
            return body;
        }
        let Ok(mut value) = serde_json::from_str::<Value>(&body) else { return body };
        let perp = path.starts_with("/fapi");
        let windows = self.bent.iter().filter(|(until, bent)| now < *until && bent.channels.contains(&"rest"));
        for (_, bent) in windows {
            let fits = match bent.figure {
                "mark" => path.ends_with("/premiumIndex") || path.ends_with("/positionRisk"),
                "index" => path.ends_with("/premiumIndex"),
                "spot" => !perp,
                _ => perp && (path.ends_with("/depth") || path.ends_with("/bookTicker")),
            };
            if !fits || bent.how == How::Silent {
                continue;
            }
            let asked = query.split('&').any(|part| part.strip_prefix("symbol=") == Some(bent.symbol));
            match &mut value {
                Value::Array(rows) => {
                    rows.iter_mut()
                        .filter(|row| row["symbol"].as_str() == Some(bent.symbol))
                        .for_each(|row| bend(row, bent));
                }
                one if asked || one["symbol"].as_str() == Some(bent.symbol) => bend(one, bent),
                _ => {}
            }
        }
        value.to_string()
    }
}

fn bend(message: &mut Value, bent: &Bent) {
    let (bids, asks): (&[&str], &[&str]) = (&["b", "bids", "bidPrice"], &["a", "asks", "askPrice"]);
    let names: &[&str] = match bent.figure {
        "mark" => &["p", "ap", "markPrice"],
        "index" => &["i", "indexPrice"],
        _ => &["b", "a", "bids", "asks", "bidPrice", "askPrice"],
    };
    let times = |value: &mut Value, thousandths: i64| {
        let Some(number) = value.as_str().and_then(|text| text.parse::<f64>().ok()) else { return };
        let scaled = number * f64::from(i32::try_from(thousandths).unwrap()) / 1_000.0;
        *value = Value::String(format!("{scaled:.2}"));
    };
    let mut all = |names: &[&str], thousandths: i64| {
        for name in names {
            let Some(value) = message.get_mut(*name) else { continue };
            match value {
                Value::Array(levels) => levels.iter_mut().for_each(|level| times(&mut level[0], thousandths)),
                one => times(one, thousandths),
            }
        }
    };
    match bent.how {
        How::Times(thousandths) => all(names, thousandths),
        How::Crossed => {
            all(bids, 1_003);
            all(asks, 997);
        }
        How::Silent => {}
    }
}

/// Which symbol a request names.
pub(super) fn symbol_of(carried: &Carried) -> String {
    let text = [&carried.path_and_query, carried.body.as_deref().unwrap_or_default()].join("&");
    let named = text.split(['&', '?']).find_map(|part| part.strip_prefix("symbol="));
    named.unwrap_or_default().to_owned()
}

/// Lists that recovery and comparison read.
pub(super) fn is_list(path: &str) -> bool {
    // What coins count for is asked where they are collateral, and nowhere else.
    let coins = ["/assetIndex"];
    ["/account", "/balance", "/positionRisk", "/openOrders", "/myTrades", "/userTrades", "/income", "/fundingRate"]
        .iter()
        .chain(&coins)
        .any(|word| path.ends_with(word))
}
