//! The name of a pair: `venue:SYMBOL` for spot and perp of one venue, else both legs, the long one first.

use super::instrument::Market;
use super::text::{Symbol, Venue};
use std::fmt;

/// A leg as a name of a pair says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LegName {
    /// Its venue.
    pub venue: Venue,
    /// Spot or perp.
    pub market: Market,
    /// The venue's symbol; of a spot leg that is named by its perp the one of the perp.
    pub symbol: Symbol,
}

impl fmt::Display for LegName {
    /// `venue-market:SYMBOL`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}:{}", self.venue, self.market, self.symbol)
    }
}

/// The long and the short leg of a name; `None` when it is no name of a pair.
///
/// `a:BTCUSDT` is spot and perp of one venue, `a:BTCUSDT/b:BTC` spot here and perp there, `a-perp:BTCUSDT/b-perp:BTC` two perps.
#[must_use]
pub fn legs_of_name(name: &str) -> Option<[LegName; 2]> {
    let part = |text: &str, suffix: &str, market| {
        let (venue, symbol) = text.split_once(':')?;
        let venue = venue.strip_suffix(suffix)?;
        let plain = venue.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let (venue, symbol) = (Venue::new(venue).ok().filter(|_| plain)?, Symbol::new(symbol).ok()?);
        Some(LegName { venue, market, symbol })
    };
    let Some((long, short)) = name.split_once('/').filter(|(_, short)| short.contains(':')) else {
        return Some([part(name, "", Market::Spot)?, part(name, "", Market::Perp)?]);
    };
    let is_perp = |text: &str| text.split_once(':').is_some_and(|(venue, _)| venue.ends_with("-perp"));
    let suffix = if is_perp(long) { "-perp" } else { "" };
    if is_perp(short) != is_perp(long) {
        return None;
    }
    let long = part(long, suffix, if is_perp(long) { Market::Perp } else { Market::Spot })?;
    let short = part(short, suffix, Market::Perp)?;
    // Spot and perp of one venue have a shorter name, and a perp does not hedge itself.
    (long.venue != short.venue || (long.market == Market::Perp && long.symbol != short.symbol)).then_some([long, short])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_both_legs_the_long_one_first() {
        let words = |name| legs_of_name(name).map(|legs| legs.map(|leg| leg.to_string()).join(" "));
        let check = |name, expected: Option<&str>| assert_eq!(words(name).as_deref(), expected, "{name}");
        check("binance:BTCUSDT", Some("binance-spot:BTCUSDT binance-perp:BTCUSDT"));
        check("okx-coinm:BTC-USD", Some("okx-coinm-spot:BTC-USD okx-coinm-perp:BTC-USD"));
        check("binance:BTCUSDT/hyperliquid:BTC", Some("binance-spot:BTCUSDT hyperliquid-perp:BTC"));
        check("binance-perp:BTCUSDT/hyperliquid-perp:BTC", Some("binance-perp:BTCUSDT hyperliquid-perp:BTC"));
        for bad in
            ["", "binance", "Binance:BTCUSDT", "a:BTC/b-perp:BTC", "a-perp:BTC/b:BTC", "a:BTC/a:BTC", "a:B C/b:B"]
        {
            check(bad, None);
        }
        check("a-perp:BTC/a-perp:BTC", None);
    }
}
