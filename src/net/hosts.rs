//! Which hosts may be called: an allow-list per venue, and loopback for tests with test keys (faults X26, H03).
//!
//! A [`Site`] is made only here, and the client and the socket take nothing else, so that a signed request cannot go to a
//! stranger. Names are compared whole, never by their ending. Plain text is for loopback alone. Names are those of the
//! venues' documents: Binance spot of 2026-07-21 and USD-M of 2026-05-28, Aster as read in 2026-09.

use super::quiet;
use std::fmt;
use thiserror::Error;

/// Whose hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Binance.
    Binance,
    /// Aster.
    Aster,
}

/// Proof by the one who loaded the keys that they are of a test environment and worth nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TestKeys(());

impl TestKeys {
    /// The caller vouches for it: the record of the keys says that they are test keys.
    #[must_use]
    pub const fn vouched() -> Self {
        Self(())
    }
}

/// Which keys the requests will carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// None: public endpoints only.
    NoKeys,
    /// Keys of a test environment.
    Test(TestKeys),
    /// Keys that move money.
    Live,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum World {
    Live,
    Test,
}

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in plain text; loopback alone.
    Http,
    /// WebSocket over TLS.
    Wss,
    /// WebSocket in plain text; loopback alone.
    Ws,
}

/// Why an address is not called.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostError {
    /// It is not of the form.
    #[error("{text}: expected scheme://host or scheme://host:port with https, wss, or on loopback http or ws")]
    NotAnAddress {
        /// What was given, without anything that could be a user, a path or a query.
        text: String,
    },
    /// It is no host of the venue.
    #[error("{host}:{port} is no host of {owner:?}: signed requests go to the venue's own hosts only")]
    NotAllowed {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// The venue.
        owner: Owner,
    },
    /// Plain text to somewhere else than this machine.
    #[error("{host}: plain text is for loopback only; expected https or wss")]
    PlainText {
        /// The host.
        host: String,
    },
    /// Real keys on loopback.
    #[error("{host} is loopback, which takes test keys or none, and these keys are live")]
    LiveKeysOnLoopback {
        /// The host.
        host: String,
    },
    /// Keys of one environment on a host of the other.
    #[error("{host} is a {} host and the keys are of the other kind", if *.is_test { "test" } else { "live" })]
    WrongWorld {
        /// The host.
        host: String,
        /// Whether it is a test host.
        is_test: bool,
    },
}

/// An address that may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    scheme: Scheme,
    host: String,
    port: u16,
}

type Row = (Owner, World, &'static str, &'static [u16]);

/// Each host with the ports it serves.
const ALLOWED: &[Row] = &[
    (Owner::Binance, World::Live, "api.binance.com", &[443]),
    (Owner::Binance, World::Live, "api-gcp.binance.com", &[443]),
    (Owner::Binance, World::Live, "api1.binance.com", &[443]),
    (Owner::Binance, World::Live, "api2.binance.com", &[443]),
    (Owner::Binance, World::Live, "api3.binance.com", &[443]),
    (Owner::Binance, World::Live, "api4.binance.com", &[443]),
    (Owner::Binance, World::Live, "data-api.binance.vision", &[443]),
    (Owner::Binance, World::Live, "fapi.binance.com", &[443]),
    (Owner::Binance, World::Live, "stream.binance.com", &[443, 9443]),
    (Owner::Binance, World::Live, "data-stream.binance.vision", &[443, 9443]),
    (Owner::Binance, World::Live, "ws-api.binance.com", &[443, 9443]),
    (Owner::Binance, World::Live, "fstream.binance.com", &[443]),
    (Owner::Binance, World::Live, "ws-fapi.binance.com", &[443]),
    (Owner::Binance, World::Test, "testnet.binance.vision", &[443]),
    (Owner::Binance, World::Test, "api1.testnet.binance.vision", &[443]),
    (Owner::Binance, World::Test, "demo-api.binance.com", &[443]),
    (Owner::Binance, World::Test, "demo-fapi.binance.com", &[443]),
    (Owner::Binance, World::Test, "stream.testnet.binance.vision", &[443, 9443]),
    (Owner::Binance, World::Test, "demo-stream.binance.com", &[443, 9443]),
    (Owner::Binance, World::Test, "ws-api.testnet.binance.vision", &[443, 9443]),
    (Owner::Binance, World::Test, "demo-ws-api.binance.com", &[443, 9443]),
    (Owner::Binance, World::Test, "fstream.binancefuture.com", &[443]),
    (Owner::Binance, World::Test, "demo-fstream.binance.com", &[443]),
    (Owner::Binance, World::Test, "testnet.binancefuture.com", &[443]),
    (Owner::Aster, World::Live, "fapi.asterdex.com", &[443]),
    (Owner::Aster, World::Live, "fapi3.asterdex.com", &[443]),
    (Owner::Aster, World::Live, "sapi.asterdex.com", &[443]),
    (Owner::Aster, World::Live, "fstream.asterdex.com", &[443]),
    (Owner::Aster, World::Live, "sstream.asterdex.com", &[443]),
    (Owner::Aster, World::Test, "fapi.asterdex-testnet.com", &[443]),
    (Owner::Aster, World::Test, "sapi.asterdex-testnet.com", &[443]),
    (Owner::Aster, World::Test, "fstream5.asterdex-testnet.com", &[443]),
    (Owner::Aster, World::Test, "fstream.asterdex-testnet.com", &[443]),
    (Owner::Aster, World::Test, "sstream.asterdex-testnet.com", &[443]),
];

impl Scheme {
    /// Whether it is encrypted.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Https | Self::Wss)
    }

    /// Whether it is for requests rather than streams.
    #[must_use]
    pub const fn is_http(self) -> bool {
        matches!(self, Self::Https | Self::Http)
    }

    const fn port(self) -> u16 {
        if self.is_secure() { 443 } else { 80 }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
            Self::Wss => "wss",
            Self::Ws => "ws",
        }
    }
}

impl Site {
    /// An address of the venue, or of loopback, that may be called with these keys.
    ///
    /// # Errors
    /// [`HostError`], which names the host.
    pub fn new(address: &str, owner: Owner, holder: Holder) -> Result<Self, HostError> {
        let site = Self::parse(address)?;
        let host = || quiet(&site.host);
        if site.is_loopback() {
            return match holder {
                Holder::Live => Err(HostError::LiveKeysOnLoopback { host: host() }),
                Holder::NoKeys | Holder::Test(_) => Ok(site),
            };
        }
        if !site.scheme.is_secure() {
            return Err(HostError::PlainText { host: host() });
        }
        let row = ALLOWED
            .iter()
            .find(|(of, _, name, ports)| *of == owner && *name == site.host && ports.contains(&site.port));
        let Some((_, world, ..)) = row else {
            return Err(HostError::NotAllowed { host: host(), port: site.port, owner });
        };
        match (world, holder) {
            (_, Holder::NoKeys) | (World::Live, Holder::Live) | (World::Test, Holder::Test(_)) => Ok(site),
            (World::Live, Holder::Test(_)) => Err(HostError::WrongWorld { host: host(), is_test: false }),
            (World::Test, Holder::Live) => Err(HostError::WrongWorld { host: host(), is_test: true }),
        }
    }

    fn parse(address: &str) -> Result<Self, HostError> {
        // A user, a path or a query may be a secret: only what stands before them is named.
        let shown = address.split(['@', '?', '#']).next().unwrap_or_default();
        let bad = || HostError::NotAnAddress { text: quiet(shown) };
        let (scheme, rest) = address.split_once("://").ok_or_else(bad)?;
        let known = [Scheme::Https, Scheme::Http, Scheme::Wss, Scheme::Ws];
        let scheme = known.into_iter().find(|known| known.text() == scheme).ok_or_else(bad)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.strip_prefix("[::1]") {
            Some("") => ("[::1]", None),
            Some(rest) => ("[::1]", Some(rest.strip_prefix(':').ok_or_else(bad)?)),
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        if host.is_empty() || host != "[::1]" && !host.bytes().all(plain) {
            return Err(bad());
        }
        let digits = |text: &str| text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            None => scheme.port(),
            Some(text) if digits(text) => text.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?,
            Some(_) => return Err(bad()),
        };
        Ok(Self { scheme, host: host.to_owned(), port })
    }

    /// Whether it is this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "127.0.0.1" | "[::1]" | "localhost")
    }

    /// What is spoken.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The name or address without brackets, as it is looked up and as the certificate must name it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Site {
    /// `https://fapi.binance.com`; the port where it is not the scheme's own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.text(), self.host)?;
        if self.port == self.scheme.port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEST: Holder = Holder::Test(TestKeys::vouched());

    fn check(address: &str, holder: Holder, expected: Option<&str>) {
        let site = Site::new(address, Owner::Binance, holder);
        assert_eq!(site.as_ref().map(ToString::to_string).ok().as_deref(), expected, "{address}: {site:?}");
    }

    #[test]
    fn x26_only_the_hosts_of_the_venue_are_called() {
        check("https://fapi.binance.com", Holder::Live, Some("https://fapi.binance.com"));
        check("https://fapi.binance.com:443/", Holder::Live, Some("https://fapi.binance.com"));
        check("wss://stream.binance.com:9443", Holder::NoKeys, Some("wss://stream.binance.com:9443"));
        let strangers = [
            "https://fapi.binance.com.evil.example",
            "https://evil.example",
            "https://xfapi.binance.com",
            "https://fapi.binance.com:8443",
            "https://fapi.asterdex.com",
            "https://10.0.0.1",
            "https://127.0.0.2",
            "https://fapi.binance.com@evil.example",
            "https://user:word@fapi.binance.com",
            "https://fapi.binance.com/path",
            "https://fapi.binance.com?x=1",
            "https://FAPI.binance.com",
            "ftp://fapi.binance.com",
            "fapi.binance.com",
            "https://",
            "https://fapi.binance.com:0",
            "https://fapi.binance.com:+443",
            "https://[::2]",
        ];
        for address in strangers {
            check(address, Holder::Live, None);
            check(address, Holder::NoKeys, None);
        }
        let error = Site::new("https://evil.example", Owner::Binance, Holder::Live).unwrap_err().to_string();
        assert!(error.contains("evil.example:443"), "{error}");
        let error = Site::new("https://user:secret@x", Owner::Binance, Holder::Live).unwrap_err().to_string();
        assert!(!error.contains("@x"), "{error}");
    }

    #[test]
    fn x26_loopback_takes_test_keys_or_none_and_plain_text_stays_there() {
        for address in ["http://127.0.0.1:8080", "ws://[::1]:9", "http://localhost:1", "https://localhost:2"] {
            check(address, TEST, Some(address));
            check(address, Holder::NoKeys, Some(address));
            check(address, Holder::Live, None);
        }
        check("http://fapi.binance.com", Holder::NoKeys, None);
        check("ws://fstream.binance.com", Holder::NoKeys, None);
        check("http://localhost.evil.example", Holder::NoKeys, None);
    }

    #[test]
    fn h03_keys_and_host_are_of_one_environment() {
        check("https://fapi.binance.com", TEST, None);
        check("https://demo-fapi.binance.com", Holder::Live, None);
        check("https://demo-fapi.binance.com", TEST, Some("https://demo-fapi.binance.com"));
        check("https://demo-fapi.binance.com", Holder::NoKeys, Some("https://demo-fapi.binance.com"));
    }
}
