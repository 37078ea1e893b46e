//! Short names that are copied, compared and hashed without allocation: assets, symbols, venues.
//!
//! Any UTF-8 text that fits is accepted (venues list symbols that are not ASCII); control characters and the characters
//! that separate our own names are refused (faults X05, X08).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use thiserror::Error;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("is not a name: expected 1 to {max} bytes of printable text without spaces, ':' or ','")]
pub struct NameError {
    /// The most bytes this kind of name may have.
    pub max: usize,
}

/// Up to `N` bytes of UTF-8, padded with zero bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<const N: usize>([u8; N]);

/// A coin or currency as its venue names it: `BTC`, `USDT`.
pub type Asset = Name<16>;
/// A venue's name of an instrument: `BTCUSDT`.
pub type Symbol = Name<32>;
/// A venue in lower case: `binance`.
pub type Venue = Name<16>;

impl<const N: usize> Name<N> {
    /// A name from text.
    ///
    /// # Errors
    /// [`NameError`] when it is empty, too long, or holds a character that would be ambiguous in our output.
    pub fn new(text: &str) -> Result<Self, NameError> {
        let bad = |c: char| c.is_control() || c.is_whitespace() || c == ':' || c == ',' || c == '"';
        // Nearly every name is plain ASCII, which needs no table of characters.
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b':' | b',' | b'"');
        if text.is_empty() || text.len() > N || !text.bytes().all(plain) && text.chars().any(bad) {
            return Err(NameError { max: N });
        }
        let mut bytes = [0_u8; N];
        for (slot, byte) in bytes.iter_mut().zip(text.bytes()) {
            *slot = byte;
        }
        Ok(Self(bytes))
    }

    /// A name that is known when the program is written; text that does not fit is cut.
    #[must_use]
    pub const fn of(text: &'static str) -> Self {
        let mut bytes = [0_u8; N];
        let mut rest = text.as_bytes();
        let mut place = 0;
        while let Some((first, tail)) = rest.split_first() {
            if place >= N {
                break;
            }
            #[expect(
                clippy::indexing_slicing,
                reason = "the line above keeps the place inside; const code has no get_mut"
            )]
            {
                bytes[place] = *first;
            }
            place += 1;
            rest = tail;
        }
        Self(bytes)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(N);
        let bytes = self.0.get(..end).unwrap_or(&[]);
        std::str::from_utf8(bytes).unwrap_or("?")
    }
}

impl<const N: usize> fmt::Display for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Name<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<const N: usize> Serialize for Name<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Name<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// A text without the byte-order mark that some programs write before it (fault X05).
#[must_use]
pub fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Assets that count as money: a pair is priced in one of them.
pub const QUOTES: [&str; 5] = ["USDT", "USDC", "FDUSD", "USD1", "USD"];

/// Splits `BTCUSDT` or `BTC-USD` into coin and quote coin, by the longest known quote at the end.
#[must_use]
pub fn split_symbol(symbol: &str) -> Option<(Asset, Asset)> {
    QUOTES.iter().find_map(|quote| {
        let coin = symbol.strip_suffix(quote)?.trim_end_matches(['-', '_', '/']);
        Some((Asset::new(coin).ok()?, Asset::new(quote).ok()?))
    })
}

/// The coin of a symbol: before its quote coin, or the whole of one that names the coin alone.
#[must_use]
pub fn coin_of(symbol: Symbol) -> Option<Asset> {
    split_symbol(symbol.as_str()).map(|(coin, _)| coin).or_else(|| Asset::new(symbol.as_str()).ok())
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x05_x08_names_hold_printable_text_only() {
        assert_eq!(Symbol::new("BTCUSDT").unwrap().as_str(), "BTCUSDT");
        assert_eq!(Symbol::new("币安人生USDT").unwrap().as_str(), "币安人生USDT");
        for bad in ["", "A B", "A:B", "a\u{1b}[31m", "x\n", "a,b"] {
            assert!(Symbol::new(bad).is_err(), "{bad:?}");
        }
        assert!(Asset::new("A123456789ABCDEFG").is_err());
    }

    #[test]
    fn a_symbol_splits_into_coin_and_quote() {
        let check = |symbol, coin, quote| {
            let (c, q) = split_symbol(symbol).unwrap();
            assert_eq!((c.as_str(), q.as_str()), (coin, quote));
        };
        check("BTCUSDT", "BTC", "USDT");
        check("BTC-USD", "BTC", "USD");
        check("GENUSDT", "GEN", "USDT");
        assert!(split_symbol("USDT").is_none());
    }
}
