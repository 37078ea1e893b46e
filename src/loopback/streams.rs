//! Who listens to what: the open sockets, their subscriptions, and the sending of one message to all of them.
//!
//! Each socket has a bounded queue; who does not read is cut off. Faults of streams are applied here, once a message.
//! Not here: sockets themselves (`socket/`) and the texts (`feeds.rs`, `userdata.rs`).

use super::faults::Wrong;
use crate::domain::{Market, Symbol, WallTime};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Messages that a slow reader may be behind.
const QUEUE: usize = 8_192;

/// What a socket is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Out {
    Text(String),
    /// The text, late by real milliseconds.
    Late(u64, String),
    Close,
}

/// Which of the venue's stream hosts a socket came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Spot,
    /// Futures without a route: all streams on Aster, `/public` ones on Binance.
    Futures,
    Public,
    Market,
    Private,
    /// The WebSocket API of spot.
    Api,
}

#[derive(Debug)]
struct Entry {
    out: Sender<Out>,
    route: Route,
    combined: bool,
    names: BTreeSet<String>,
    listen_key: Option<String>,
    /// Number of its user data subscription on the WebSocket API.
    subscription: Option<u64>,
    held_back: Option<String>,
}

/// The open sockets.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    entries: BTreeMap<u64, Entry>,
    last: u64,
    frozen: Vec<(Option<Symbol>, WallTime)>,
    /// A minute has passed since marks were published.
    pub(crate) marks_due: bool,
}

impl Streams {
    /// A new socket: its number and its queue.
    pub(crate) fn open(&mut self, route: Route, combined: bool, listen_key: Option<String>) -> (u64, Receiver<Out>) {
        let (out, queue) = channel(QUEUE);
        self.last += 1;
        let names = BTreeSet::new();
        let entry = Entry { out, route, combined, names, listen_key, subscription: None, held_back: None };
        self.entries.insert(self.last, entry);
        (self.last, queue)
    }

    pub(crate) fn close(&mut self, id: u64) {
        self.entries.remove(&id);
    }

    pub(crate) fn count(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn cut_all(&mut self) {
        for entry in std::mem::take(&mut self.entries).into_values() {
            let _ = entry.out.try_send(Out::Close);
        }
    }

    pub(crate) fn freeze(&mut self, symbol: Option<Symbol>, until: WallTime) {
        self.frozen.push((symbol, until));
    }

    pub(crate) fn is_frozen(&mut self, symbol: &str, now: WallTime) -> bool {
        self.frozen.retain(|(_, until)| *until > now);
        self.frozen.iter().any(|(one, _)| one.is_none_or(|one| one.as_str() == symbol))
    }

    pub(crate) fn names(&mut self, id: u64) -> Option<&mut BTreeSet<String>> {
        self.entries.get_mut(&id).map(|entry| &mut entry.names)
    }

    /// Begins user data on a WebSocket API socket.
    pub(crate) fn subscribe_user(&mut self, id: u64, on: bool) -> Option<u64> {
        let entry = self.entries.get_mut(&id)?;
        entry.subscription = on.then_some(id);
        entry.subscription
    }

    pub(crate) fn subscription(&self, id: u64) -> Option<u64> {
        self.entries.get(&id)?.subscription
    }

    /// An answer to one socket.
    pub(crate) fn answer(&mut self, id: u64, value: &Value) {
        self.send(&[id], &value.to_string(), None);
    }

    /// Whether anybody listens to a stream of a market.
    pub(crate) fn wanted(&self, market: Market, name: &str) -> bool {
        self.entries.values().any(|entry| entry.names.contains(name) && serves(entry.route, market, name))
    }

    /// Whether anybody listens to any stream of a symbol, by its name in lower case.
    pub(crate) fn hears_of(&self, symbol: &str) -> bool {
        let of = |name: &String| name.strip_prefix(symbol).is_some_and(|rest| rest.starts_with('@'));
        self.entries.values().any(|entry| {
            let from = (std::ops::Bound::Included(symbol), std::ops::Bound::Unbounded);
            entry.names.range::<str, _>(from).next().is_some_and(of)
        })
    }

    /// Sends a public message.
    pub(crate) fn publish(&mut self, market: Market, name: &str, value: &Value, wrong: Option<&Wrong>) {
        let hears = |entry: &Entry| entry.names.contains(name) && serves(entry.route, market, name);
        let of = |streams: &Self, combined: bool| -> Vec<u64> {
            let rows = streams.entries.iter().filter(|(_, entry)| hears(entry) && entry.combined == combined);
            rows.map(|(id, _)| *id).collect()
        };
        let (raw, combined) = (of(self, false), of(self, true));
        if raw.is_empty() && combined.is_empty() {
            return;
        }
        let text = value.to_string();
        self.send(&raw, &text, wrong);
        if !combined.is_empty() {
            self.send(&combined, &enveloped(&Value::from(name), &text), wrong);
        }
    }

    /// Sends a user event of a market to all who hear it: on listen keys bare, on the WebSocket API wrapped.
    pub(crate) fn user(&mut self, keys: &[String], event: &Value, wrong: Option<&Wrong>) {
        let hears = |entry: &Entry| entry.listen_key.as_ref().is_some_and(|key| keys.contains(key));
        let rows: Vec<(u64, bool, Option<String>)> = self
            .entries
            .iter()
            .filter(|(_, entry)| hears(entry))
            .map(|(id, entry)| (*id, entry.combined, entry.listen_key.clone()))
            .collect();
        for (id, combined, key) in rows {
            let text = event.to_string();
            let text = if combined { enveloped(&Value::from(key), &text) } else { text };
            self.send(&[id], &text, wrong);
        }
    }

    /// Sends a spot user event to the WebSocket API.
    pub(crate) fn user_api(&mut self, event: &Value, wrong: Option<&Wrong>) {
        let rows: Vec<u64> =
            self.entries.iter().filter(|(_, entry)| entry.subscription.is_some()).map(|(id, _)| *id).collect();
        for id in rows {
            let text = json!({"subscriptionId": id, "event": event}).to_string();
            self.send(&[id], &text, wrong);
        }
    }

    pub(crate) fn tell_listen_key(&mut self, key: &str, event: &Value) {
        self.user(&[key.to_owned()], event, None);
    }

    fn send(&mut self, ids: &[u64], text: &str, wrong: Option<&Wrong>) {
        for id in ids {
            let Some(entry) = self.entries.get_mut(id) else { continue };
            let text = text.to_owned();
            let mut messages = Vec::with_capacity(2);
            match wrong {
                Some(Wrong::Lose) => continue,
                Some(Wrong::Reorder) => {
                    entry.held_back = Some(text);
                    continue;
                }
                Some(Wrong::Duplicate) => messages.extend([Out::Text(text.clone()), Out::Text(text)]),
                Some(Wrong::Cut) => messages.push(Out::Close),
                Some(Wrong::Delay(ms)) => messages.push(Out::Late(*ms, text)),
                _ => messages.push(Out::Text(text)),
            }
            messages.extend(entry.held_back.take().map(Out::Text));
            let failed = messages.into_iter().any(|message| entry.out.try_send(message).is_err());
            if failed || matches!(wrong, Some(Wrong::Cut)) {
                self.entries.remove(id);
            }
        }
    }
}

/// A message of a combined connection, which names its stream.
fn enveloped(stream: &Value, data: &str) -> String {
    format!("{{\"data\":{data},\"stream\":{stream}}}")
}

/// Whether a host carries a stream; the wrong one connects and stays silent, as the venue's does.
fn serves(route: Route, market: Market, name: &str) -> bool {
    let public = name.contains("@bookTicker") || name.contains("@depth") || name == "!bookTicker";
    match (route, market) {
        (Route::Spot, Market::Spot) | (Route::Futures, Market::Perp) => true,
        (Route::Public, Market::Perp) => public,
        (Route::Market, Market::Perp) => !public,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b03_messages_are_lost_doubled_and_exchanged_as_scripted() {
        let mut streams = Streams::default();
        let (id, mut queue) = streams.open(Route::Public, false, None);
        streams.names(id).unwrap().insert("btcusdt@depth".to_owned());
        let mut publish = |text: &str, wrong: Option<Wrong>| {
            streams.publish(Market::Perp, "btcusdt@depth", &json!(text), wrong.as_ref());
        };
        publish("lost", Some(Wrong::Lose));
        publish("twice", Some(Wrong::Duplicate));
        publish("second", Some(Wrong::Reorder));
        publish("first", None);
        publish("cut", Some(Wrong::Cut));
        let mut seen = Vec::new();
        while let Ok(out) = queue.try_recv() {
            seen.push(out);
        }
        let text = |word: &str| Out::Text(format!("\"{word}\""));
        assert_eq!(seen, [text("twice"), text("twice"), text("first"), text("second"), Out::Close]);
    }

    #[test]
    fn a_combined_connection_names_the_stream_of_each_message() {
        let mut streams = Streams::default();
        let (id, mut queue) = streams.open(Route::Public, true, None);
        streams.names(id).unwrap().insert("btcusdt@depth".to_owned());
        let event = json!({"e": "depthUpdate", "b": [["1", "2"]]});
        streams.publish(Market::Perp, "btcusdt@depth", &event, None);
        let Out::Text(text) = queue.try_recv().unwrap() else { panic!("no text") };
        let message: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(message, json!({"stream": "btcusdt@depth", "data": event}));
    }

    #[test]
    fn a_stream_on_the_wrong_host_is_silent() {
        assert!(serves(Route::Market, Market::Perp, "btcusdt@markPrice@1s"));
        assert!(!serves(Route::Public, Market::Perp, "btcusdt@markPrice@1s"));
        assert!(!serves(Route::Spot, Market::Perp, "btcusdt@depth"));
    }
}
