//! A URL as far as safety asks: is it encrypted, and does it lead out of this machine (fault X26)?
//!
//! It holds no secret for longer than it is judged, opens nothing and never prints the URL: a webhook's path is a secret.
//! Tests: at the end of this file.

use reqwest::Url;
use std::net::IpAddr;
use thiserror::Error;

/// What is wrong with a URL. The text never holds the URL itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not a URL with a host.
    #[error("is not a URL with a host; expected for example https://hooks.example.com/...")]
    Form,
    /// A name and password before the host: `http://127.0.0.1@elsewhere` looks like what it is not.
    #[error("has a user name before its host; remove what stands before the @")]
    User,
    /// Another scheme than https or wss, out of this machine.
    #[error(
        "is not encrypted; expected https:// or wss:// (http:// and ws:// only for 127.0.0.1, [::1] and localhost)"
    )]
    Plain,
}

/// Whether a venue of this name is an environment with play money of its own, such as `binance-demo`: keys of it are of no use
/// at the real venue, and keys of the real venue must never sign for it (fault H03).
#[must_use]
pub fn is_play(venue: &str) -> bool {
    venue.ends_with("-demo") || venue.ends_with("-testnet")
}

/// Where a URL leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host, which may be printed.
    pub host: String,
    /// Whether it stays on this machine.
    pub loopback: bool,
}

impl Address {
    /// Judges a URL.
    ///
    /// # Errors
    /// [`AddressError`] when it has no host, hides another one, or is not encrypted and leaves this machine.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Form)?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(AddressError::Form)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(AddressError::User);
        }
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let loopback = bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        match url.scheme() {
            "https" | "wss" => {}
            "http" | "ws" if loopback => {}
            "http" | "ws" => return Err(AddressError::Plain),
            _ => return Err(AddressError::Form),
        }
        Ok(Self { host: host.to_owned(), loopback })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x26_only_encrypted_or_local_and_never_disguised() {
        let loopback = |text: &str| Address::parse(text).map(|address| address.loopback);
        for text in ["http://127.0.0.1:8080/x", "ws://[::1]:1", "http://localhost/", "https://127.9.9.9"] {
            assert_eq!(loopback(text), Ok(true), "{text}");
        }
        for text in ["https://fapi.example.com", "wss://localhost.example.com", "https://127.0.0.1.example.com"] {
            assert_eq!(loopback(text), Ok(false), "{text}");
        }
        assert_eq!(loopback("http://example.com"), Err(AddressError::Plain));
        assert_eq!(loopback("ws://10.0.0.1"), Err(AddressError::Plain));
        assert_eq!(loopback("https://127.0.0.1@example.com"), Err(AddressError::User));
        for text in ["", "example.com", "ftp://127.0.0.1/", "file:///etc/passwd", "https://"] {
            assert_eq!(loopback(text), Err(AddressError::Form), "{text}");
        }
    }
}
