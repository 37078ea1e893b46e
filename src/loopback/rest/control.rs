//! The control endpoints below `/carry/`: the clock, the books, faults at will. They exist on a loopback venue only.

use super::super::faults::{FileError, rule_of};
use super::super::params::Params;
use super::super::refusal::{Answer, illegal, missing, refuse};
use super::super::script::{Timed, parse_span, timed};
use super::super::venue::{AS_RECORDED, Venue};
use super::{Request, account_spot};
use crate::domain::{Rate, Span};
use serde_json::{Value, json};

/// Furthest that one request may move the clock.
const FURTHEST: Span = Span(40 * 86_400_000);

pub(crate) fn handle(venue: &mut Venue, request: &Request) -> Answer {
    let params = Params::read(&request.query, "")?;
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/carry/clock") => Ok(venue.clock_view()),
        ("POST", "/carry/clock/speed") => {
            let text = params.need("x")?;
            let speed = Rate::parse(text).ok().filter(|speed| speed.units() > 0);
            // A rate holds up to nine; whole speeds are read as numbers.
            let whole = text.parse::<i64>().ok().filter(|speed| (1..=1_000_000).contains(speed)).map(|x| x * 1_000);
            let per_mille =
                whole.or(speed.map(|speed| speed.units() / (Rate::ONE / 1_000))).ok_or_else(|| illegal("x"))?;
            let real = (venue.real)();
            venue.clock.set_speed(real, per_mille);
            Ok(venue.clock_view())
        }
        ("POST", "/carry/clock/hold") => {
            let real = (venue.real)();
            venue.clock.hold(real);
            venue.catch_up();
            Ok(venue.clock_view())
        }
        ("POST", "/carry/clock/advance") => {
            let ms = params.get("ms").and_then(|text| text.parse::<i64>().ok().map(Span).or_else(|| parse_span(text)));
            let span = ms.filter(|span| span.0 >= 0 && *span <= FURTHEST).ok_or_else(|| missing("ms"))?;
            let real = (venue.real)();
            venue.clock.advance(real, span);
            venue.catch_up();
            Ok(venue.clock_view())
        }
        ("GET", "/carry/books") => Ok(account_spot::books(venue)),
        ("GET", "/carry/requests") => Ok(json!({
            "schema": "carry.venue.requests/1", "requests": venue.requests, "new_orders": venue.arrivals,
            "sockets": venue.streams.count(),
        })),
        ("POST", "/carry/fault") => fault(venue, &request.body),
        _ => Err(refuse(-1, "no such control endpoint; see deploy/venue.md")),
    }
}

/// One act or one fault, as JSON of the same form as in a file.
fn fault(venue: &mut Venue, body: &str) -> Answer {
    let wrong = |error: &FileError| refuse(-1, format!("`{}`: {}", error.key, error.expected));
    let value: Value = serde_json::from_str(body).map_err(|error| refuse(-1, error.to_string()))?;
    let table: toml::Table = serde_json::from_value(value).map_err(|error| refuse(-1, error.to_string()))?;
    if table.contains_key("match") {
        rule_of(table, &mut venue.script).map_err(|error| wrong(&error))?;
    } else {
        let Timed { act, .. } = timed(table, 1).map_err(|error| wrong(&error))?;
        if !venue.market.can(&act) {
            return Err(refuse(-1, AS_RECORDED));
        }
        venue.act(&act);
    }
    Ok(json!({"now_ms": venue.now.0}))
}
