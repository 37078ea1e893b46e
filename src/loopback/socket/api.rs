//! The WebSocket API of Binance spot: sessions, user data, and orders by the same handlers as REST.
//!
//! Signed parameters are sorted by name and not percent-encoded. Source: `web-socket-api.md` (digest read 2026-11).

use super::Session;
use crate::domain::Rate;
use crate::loopback::Profile;
use crate::loopback::auth::{key_named, verify, window};
use crate::loopback::faults::{Seen, Wrong, since};
use crate::loopback::keys::{Rights, Scheme};
use crate::loopback::params::Params;
use crate::loopback::refusal::{Answer, Refusal, refuse, unauthorised};
use crate::loopback::rest::{Call, table};
use crate::loopback::venue::Venue;
use serde_json::{Map, Value, json};

/// Answers a request; false ends the socket.
pub(super) fn hear(venue: &mut Venue, id: u64, session: &mut Session, request: &Value) -> bool {
    venue.catch_up();
    let number = request.get("id").cloned().unwrap_or(Value::Null);
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default().to_owned();
    let empty = Map::new();
    let object = request.get("params").and_then(Value::as_object).unwrap_or(&empty);
    let params = Params::from_json(object);
    *venue.requests.entry(format!("WS {method}")).or_default() += 1;
    let wrong = venue.script.judge(Seen {
        path: "/ws-api/v3",
        method: &method,
        symbol: params.get("symbol"),
        event: None,
        reduce_only: false,
        since_start: since(venue.now, venue.start),
    });
    let share = match &wrong {
        Some(Wrong::DropBefore) => return false,
        Some(Wrong::Partial(share)) => Some(*share),
        Some(Wrong::NoFill) => Some(Rate::ZERO),
        _ => None,
    };
    let dropped = matches!(wrong, Some(Wrong::DropAfter));
    let answer = match wrong {
        Some(Wrong::Error(status, code, msg)) => Err(Refusal { status, code, msg, retry_after: None }),
        _ => run(venue, (id, session), &method, (&params, share)),
    };
    if dropped || venue.save().is_err() {
        return false;
    }
    let text = match answer {
        Ok(result) => json!({"id": number, "status": 200, "result": result, "rateLimits": []}),
        Err(refusal) => json!({"id": number, "status": refusal.status, "error": refusal.body(), "rateLimits": []}),
    };
    venue.streams.answer(id, &text);
    true
}

fn run(venue: &mut Venue, of: (u64, &mut Session), method: &str, what: (&Params, Option<Rate>)) -> Answer {
    let (id, session) = of;
    let (params, share) = what;
    match method {
        "ping" => Ok(json!({})),
        "time" => Ok(json!({"serverTime": venue.stamp().0})),
        "session.logon" => {
            let key = key_named(&venue.keys, params.get("apiKey"))?.clone();
            if !matches!(key.scheme, Scheme::Ed25519(_)) {
                return Err(refuse(-4056, "HMAC_SHA256 API key is not supported."));
            }
            verify(&key, params, venue.stamp())?;
            session.key = Some(key);
            Ok(status(venue, session))
        }
        "session.status" => Ok(status(venue, session)),
        "session.logout" => {
            session.key = None;
            Ok(status(venue, session))
        }
        "session.subscriptions" => {
            let rows: Vec<Value> =
                venue.streams.subscription(id).map(|id| json!({"subscriptionId": id})).into_iter().collect();
            Ok(Value::Array(rows))
        }
        "userDataStream.subscribe" => {
            let known = session.key.as_ref().is_some_and(|key| venue.keys.contains(key));
            if !known {
                return Err(unauthorised(-2015, "Invalid API-key, IP, or permissions for action."));
            }
            Ok(json!({"subscriptionId": venue.streams.subscribe_user(id, true)}))
        }
        "userDataStream.subscribe.signature" => {
            let key = key_named(&venue.keys, params.get("apiKey"))?.clone();
            verify(&key, params, venue.stamp())?;
            Ok(json!({"subscriptionId": venue.streams.subscribe_user(id, true)}))
        }
        "userDataStream.unsubscribe" => {
            venue.streams.subscribe_user(id, false);
            Ok(json!({}))
        }
        _ => order(venue, session, method, (params, share)),
    }
}

fn status(venue: &Venue, session: &Session) -> Value {
    json!({"apiKey": session.key.as_ref().map(|key| key.name), "serverTime": venue.stamp().0, "returnRateLimits": true,
           "connectedSince": venue.start.0, "userDataStream": false})
}

/// Orders and queries, by the handlers of REST.
fn order(venue: &mut Venue, session: &Session, method: &str, what: (&Params, Option<Rate>)) -> Answer {
    let (params, share) = what;
    let (verb, path) = match method {
        "order.place" => ("POST", "/api/v3/order"),
        "order.test" => ("POST", "/api/v3/order/test"),
        "order.cancel" => ("DELETE", "/api/v3/order"),
        "order.status" => ("GET", "/api/v3/order"),
        "openOrders.status" => ("GET", "/api/v3/openOrders"),
        "openOrders.cancelAll" => ("DELETE", "/api/v3/openOrders"),
        "account.status" => ("GET", "/api/v3/account"),
        "exchangeInfo" => ("GET", "/api/v3/exchangeInfo"),
        "depth" => ("GET", "/api/v3/depth"),
        _ => return Err(refuse(-1000, "Unknown method.")),
    };
    let route = table::find(Profile::Binance, verb, path).ok_or_else(|| refuse(-1000, "Unknown method."))?;
    let (now, stamp) = (venue.now, venue.stamp());
    venue.limits.request(route.pool, (route.weight)(params), now)?;
    let rights: Option<Rights> = match (route.auth, &session.key) {
        (table::Auth::None, _) => None,
        (_, Some(key)) if params.get("apiKey").is_none() => {
            window(params, stamp)?;
            Some(key.rights)
        }
        _ => {
            let key = key_named(&venue.keys, params.get("apiKey"))?.clone();
            Some(verify(&key, params, stamp)?)
        }
    };
    if route.auth == table::Auth::Spot && !rights.is_some_and(|rights| rights.trade) {
        return Err(unauthorised(-2015, "Invalid API-key, IP, or permissions for action."));
    }
    if method == "order.place" {
        if let Some(client) = params.get("newClientOrderId") {
            *venue.arrivals.entry(client.to_owned()).or_default() += 1;
        }
        venue.limits.order(route.pool, now)?;
    }
    if let Some(refusal) = params.beyond(route.allowed) {
        return Err(refusal);
    }
    (route.handle)(venue, &Call { params, rights, share })
}
