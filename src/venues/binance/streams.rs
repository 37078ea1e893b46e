//! Which streams a session subscribes to: addresses, and the texts to send on them. Tests: at the end.

use super::profile::{Feature, Profile};
use crate::domain::{Market, Symbol};

/// One connection of market data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Where to connect.
    pub url: String,
    /// Texts to send once connected, in order; each is confirmed with its `id`.
    pub subscribe: Vec<String>,
}

/// Most streams named in one message, so that it stays short.
const PER_MESSAGE: usize = 100;

/// The connections for best quotes and books of `symbols`, and for marks on a perp market.
#[must_use]
pub fn streams(profile: &Profile, market: Market, symbols: &[Symbol]) -> Vec<Stream> {
    if symbols.is_empty() {
        // Nothing is traded on this market here.
        return Vec::new();
    }
    let most = match market {
        Market::Spot => profile.max_streams.0,
        Market::Perp => profile.max_streams.1,
    };
    let lower: Vec<String> = symbols.iter().map(|symbol| symbol.as_str().to_lowercase()).collect();
    let books = lower.iter().flat_map(|symbol| [format!("{symbol}@bookTicker"), format!("{symbol}@depth@100ms")]);
    let marks = lower.iter().map(|symbol| format!("{symbol}@markPrice@1s"));
    let marks = marks.chain(profile.has(Feature::ContractInfo).then(|| "!contractInfo".to_owned()));
    match market {
        Market::Spot => connections(&format!("{}/stream", profile.hosts.ws_spot), &books.collect::<Vec<_>>(), most),
        // On the wrong route a subscription is confirmed and stays silent (since 2026-04-23).
        Market::Perp if profile.has(Feature::RoutedStreams) => {
            let base = &profile.hosts.ws_perp;
            let mut all = connections(&format!("{base}/public/stream"), &books.collect::<Vec<_>>(), most);
            all.extend(connections(&format!("{base}/market/stream"), &marks.collect::<Vec<_>>(), most));
            all
        }
        Market::Perp => {
            let names: Vec<String> = books.chain(marks).collect();
            connections(&format!("{}/stream", profile.hosts.ws_perp), &names, most)
        }
    }
}

/// Where the account's events come: by listen key, or the spot WebSocket API, which needs none.
#[must_use]
pub fn account_stream(profile: &Profile, market: Market, listen_key: &str) -> String {
    match (market, &profile.hosts.ws_spot_api) {
        (Market::Spot, Some(url)) => url.clone(),
        (Market::Spot, None) => format!("{}/ws/{listen_key}", profile.hosts.ws_spot),
        (Market::Perp, _) => {
            let route = if profile.has(Feature::RoutedStreams) { "/private" } else { "" };
            format!("{}{route}/ws/{listen_key}", profile.hosts.ws_perp)
        }
    }
}

fn connections(url: &str, names: &[String], most: usize) -> Vec<Stream> {
    let message = |(number, names): (usize, &[String])| {
        serde_json::json!({ "method": "SUBSCRIBE", "params": names, "id": number + 1 }).to_string()
    };
    let one = |names: &[String]| Stream {
        url: url.to_owned(),
        subscribe: names.chunks(PER_MESSAGE).enumerate().map(message).collect(),
    };
    names.chunks(most.max(1)).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::venues::binance::profile::Net;

    fn symbols(count: usize) -> Vec<Symbol> {
        (0..count).map(|n| Symbol::new(&format!("A{n}USDT")).unwrap()).collect()
    }

    #[test]
    fn perp_streams_go_to_their_routes() {
        let all = streams(&Profile::binance(), Market::Perp, &symbols(1));
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].url, "wss://fstream.binance.com/public/stream");
        let books = r#"{"id":1,"method":"SUBSCRIBE","params":["a0usdt@bookTicker","a0usdt@depth@100ms"]}"#;
        assert_eq!(all[0].subscribe, [books]);
        assert_eq!(all[1].url, "wss://fstream.binance.com/market/stream");
        let marks = r#"{"id":1,"method":"SUBSCRIBE","params":["a0usdt@markPrice@1s","!contractInfo"]}"#;
        assert_eq!(all[1].subscribe, [marks]);
        let key = account_stream(&Profile::binance(), Market::Perp, "k");
        assert_eq!(key, "wss://fstream.binance.com/private/ws/k");
        let spot = account_stream(&Profile::binance(), Market::Spot, "");
        assert_eq!(spot, "wss://ws-api.binance.com:443/ws-api/v3");
    }

    #[test]
    fn aster_has_one_route_and_fewer_streams_a_connection() {
        let profile = Profile::aster_v3(Net::Main);
        let all = streams(&profile, Market::Perp, &symbols(100));
        assert_eq!(all.len(), 2, "300 streams, 200 a connection");
        assert!(all.iter().all(|stream| stream.url == "wss://fstream.asterdex.com/stream"));
        assert_eq!(all[0].subscribe.len(), 2);
        assert!(all[0].subscribe[1].starts_with(r#"{"id":2,"#));
        assert_eq!(streams(&profile, Market::Spot, &symbols(1))[0].url, "wss://sstream.asterdex.com/stream");
        assert_eq!(account_stream(&profile, Market::Spot, "k"), "wss://sstream.asterdex.com/ws/k");
        assert_eq!(account_stream(&profile, Market::Perp, "k"), "wss://fstream.asterdex.com/ws/k");
        assert_eq!(streams(&profile, Market::Spot, &[]), []);
        assert_eq!(streams(&Profile::binance(), Market::Perp, &[]), [], "nothing is traded there");
    }
}
