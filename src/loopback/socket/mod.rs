//! The venue's sockets: which stream a path means, the life of one socket, and subscription requests.
//!
//! One task a socket. It reads what the client sends, writes what its queue holds and pings in real time, also while the
//! venue's clock is held. The WebSocket API is in `api.rs`.

mod api;

use super::server::{Shared, lock};
use super::streams::{Out, Route};
use super::venue::Venue;
use super::{Profile, keys::Key};
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::Receiver;

/// Where a client came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entrance {
    route: Route,
    combined: bool,
    names: Vec<String>,
}

/// What a socket remembers of its client.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The key of a logged-on WebSocket API session.
    key: Option<Key>,
    /// The real second, and messages in it.
    second: i64,
    messages: u32,
}

/// The meaning of a path, or `None` when it is no socket's.
pub(crate) fn entrance(profile: Profile, path: &str, query: &str) -> Option<Entrance> {
    if path == "/ws-api/v3" && profile == Profile::Binance {
        return Some(Entrance { route: Route::Api, combined: false, names: Vec::new() });
    }
    let prefixes = [
        ("/public", Route::Public),
        ("/market", Route::Market),
        ("/private", Route::Private),
        ("/fstream", Route::Futures),
        ("/sstream", Route::Spot),
    ];
    let root = if profile == Profile::Binance { Route::Spot } else { Route::Futures };
    let prefixed = prefixes.into_iter().find_map(|(prefix, route)| Some((path.strip_prefix(prefix)?, route)));
    let (rest, route) = prefixed.unwrap_or((path, root));
    // Only Binance has routes; without one its futures serve public streams alone.
    let route = match (profile, route) {
        (Profile::Binance, Route::Futures) => Route::Public,
        (Profile::Aster, Route::Public | Route::Market | Route::Private) => return None,
        (_, route) => route,
    };
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let combined = rest == "/stream";
    let names = match rest {
        "/ws" | "/ws/" => value("listenKey"),
        "/stream" => value("streams"),
        rest => Some(rest.strip_prefix("/ws/")?),
    };
    let names = names.unwrap_or_default().split('/').filter(|name| !name.is_empty()).map(decode).collect();
    Some(Entrance { route, combined, names })
}

/// `%40` and `%21`, which some clients encode.
fn decode(name: &str) -> String {
    name.replace("%40", "@").replace("%21", "!")
}

impl Entrance {
    pub(crate) const fn route(&self) -> Route {
        self.route
    }
}

/// Takes a client in: its number and its queue.
pub(crate) fn seat(venue: &mut Venue, entrance: &Entrance) -> (u64, Receiver<Out>) {
    let key = entrance.names.iter().find(|name| venue.listen_keys.contains_key(*name)).cloned();
    let (id, queue) = venue.streams.open(entrance.route, entrance.combined, key);
    if let Some(names) = venue.streams.names(id) {
        names.extend(entrance.names.iter().cloned());
    }
    (id, queue)
}

/// The life of a socket.
pub(crate) async fn run(mut socket: WebSocket, entrance: Entrance, shared: Shared) {
    let (id, mut queue) = seat(&mut lock(&shared), &entrance);
    let every = match entrance.route {
        Route::Spot | Route::Api => Duration::from_secs(20),
        _ => Duration::from_mins(3),
    };
    let mut pings = tokio::time::interval(every);
    pings.tick().await;
    let mut session = Session::default();
    let (late, mut due) = tokio::sync::mpsc::channel::<String>(1_024);
    loop {
        let going = tokio::select! {
            biased;
            out = queue.recv() => match out {
                Some(Out::Text(text)) => socket.send(Message::Text(text.into())).await.is_ok(),
                Some(Out::Late(ms, text)) => {
                    let late = late.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_millis(ms)).await;
                        let _ = late.send(text).await;
                    });
                    true
                }
                Some(Out::Close) | None => false,
            },
            Some(text) = due.recv() => socket.send(Message::Text(text.into())).await.is_ok(),
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    hear(&mut lock(&shared), id, entrance.route, (&mut session, &text))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_))) => true,
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            },
            _ = pings.tick() => socket.send(Message::Ping(Vec::new().into())).await.is_ok(),
        };
        if !going {
            let frame = CloseFrame { code: 1_008, reason: Utf8Bytes::from_static("disconnected") };
            let _ = socket.send(Message::Close(Some(frame))).await;
            break;
        }
    }
    lock(&shared).streams.close(id);
}

/// A text from the client; false ends the socket.
pub(crate) fn hear(venue: &mut Venue, id: u64, route: Route, from: (&mut Session, &str)) -> bool {
    let (session, text) = from;
    let second = (venue.real)().div_euclid(1_000);
    session.messages = if second == session.second { session.messages + 1 } else { 1 };
    session.second = second;
    let most = match route {
        Route::Spot => 5,
        Route::Api => 200,
        _ => 10,
    };
    if session.messages > most {
        return false;
    }
    let Ok(request) = serde_json::from_str::<Value>(text) else {
        let answer =
            json!({"error": {"code": 3, "msg": "Invalid JSON: expected value at line 1 column 1"}, "id": null});
        venue.streams.answer(id, &answer);
        return true;
    };
    if route == Route::Api {
        return api::hear(venue, id, session, &request);
    }
    let answer = subscriptions(&mut venue.streams, id, &request);
    venue.streams.answer(id, &answer);
    true
}

/// `SUBSCRIBE`, `UNSUBSCRIBE` and `LIST_SUBSCRIPTIONS`.
fn subscriptions(streams: &mut super::streams::Streams, id: u64, request: &Value) -> Value {
    let number = request.get("id").cloned().unwrap_or(Value::Null);
    let params = request.get("params").and_then(Value::as_array);
    let names = params.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let Some(known) = streams.names(id) else { return json!({"result": null, "id": number}) };
    match request.get("method").and_then(Value::as_str) {
        Some("SUBSCRIBE") => {
            known.extend(names);
            if known.len() > 1_024 {
                return json!({"error": {"code": 2, "msg": "Invalid request: too many subscriptions"}, "id": number});
            }
        }
        Some("UNSUBSCRIBE") => names.for_each(|name| {
            known.remove(&name);
        }),
        Some("LIST_SUBSCRIPTIONS") => return json!({"result": known.iter().collect::<Vec<_>>(), "id": number}),
        _ => return json!({"error": {"code": 2, "msg": "Invalid request: unknown variant"}, "id": number}),
    }
    json!({"result": null, "id": number})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Market;

    fn market(route: Route) -> Market {
        if matches!(route, Route::Spot | Route::Api) { Market::Spot } else { Market::Perp }
    }

    #[test]
    fn paths_mean_hosts_and_streams() {
        let check = |profile, path: &str, query: &str, expected: Option<(Market, bool, &[&str])>| {
            let found = entrance(profile, path, query);
            let found = found.as_ref().map(|one| (market(one.route), one.combined, one.names.clone()));
            let expected =
                expected.map(|(m, combined, names)| (m, combined, names.iter().map(|n| (*n).to_owned()).collect()));
            assert_eq!(found, expected, "{path}?{query}");
        };
        let binance = Profile::Binance;
        check(binance, "/ws", "", Some((Market::Spot, false, &[])));
        check(binance, "/stream", "streams=a@depth/b@trade", Some((Market::Spot, true, &["a@depth", "b@trade"])));
        check(binance, "/public/ws/a@depth", "", Some((Market::Perp, false, &["a@depth"])));
        check(binance, "/private/ws", "listenKey=k&events=X", Some((Market::Perp, false, &["k"])));
        check(binance, "/market/stream", "streams=a%40markPrice", Some((Market::Perp, true, &["a@markPrice"])));
        check(binance, "/api/v3/time", "", None);
        check(Profile::Aster, "/ws/k", "", Some((Market::Perp, false, &["k"])));
        check(Profile::Aster, "/sstream/ws/k", "", Some((Market::Spot, false, &["k"])));
        check(Profile::Aster, "/public/ws", "", None);
    }
}
