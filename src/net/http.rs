//! One HTTP client for one site: a request goes out at most once, and the answer or the lack of it comes back typed.
//!
//! **Invariant**: no layer sends a write twice (faults A13, R-B). Redirects and the client's own retries are off and HTTP/1
//! alone is spoken. Writes have connections of their own, which are kept warm (L33): a handshake is three round trips. A kept
//! connection that is found closed before the first byte of a request was written gives the request back, and it goes to
//! another one: that is no second send. After the first byte nothing is tried again. A venue that closes an idle connection
//! while a write is on its way would leave an order unknown: so one is used only when it answered less than [`HttpSettings::keep`]
//! ago, well under what venues allow (a minute and more), and whoever trades asks for the time on it every [`WARM`].
//! No proxy is used, whatever the environment says (fault X25). Errors hold no address, query or header (fault X10).
//! Not here: signing, limits, and what a status means. Tests: `tests/suite/transport.rs`.

use super::hosts::{HostError, Scheme, Site};
use super::tls::{TestRoot, TlsError, client_config};
use super::{Clock, Stamp, quiet};
use crate::domain::{Span, WallTime};
use crate::venues::answer::Until;
use crate::venues::ask::Method;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url};
use std::error::Error as StdError;
use std::time::Duration;
use thiserror::Error;

/// Most bytes of an answer, unless the settings say otherwise: lists of all instruments may be longer.
pub const BODY_CAP: usize = 4 * 1024 * 1024;

/// A connection of writes is asked for the venue's time this often: so it is there, it works, and it is never old.
pub const WARM: Duration = Duration::from_secs(10);
/// Connections of writes that are kept: a hedge may leave while another order is under way.
const WRITES: usize = 2;

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct HttpSettings {
    /// Name, connection and handshake together; shorter than `total`.
    pub connect: Duration,
    /// From the start to the last byte of the answer: a drip-feed ends too (fault D03).
    pub total: Duration,
    /// How long a connection is kept unused; under what the venue allows.
    pub keep: Duration,
    /// Most bytes of an answer.
    pub body_cap: usize,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            total: Duration::from_secs(10),
            keep: Duration::from_secs(20),
            body_cap: BODY_CAP,
        }
    }
}

/// A request as it goes out. `path_and_query` is what was signed, percent-encoded.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// Verb; everything but GET is a write.
    pub method: Method,
    /// From the first slash on.
    pub path_and_query: &'a str,
    /// Form body.
    pub body: Option<&'a str>,
    /// Name and value of the header with the key.
    pub header: Option<(&'static str, &'a str)>,
}

/// An answer that came whole, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status; a redirect is not followed and comes back as it is.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Weight that the venue counted for this address in its running minute.
    pub used_weight: Option<u32>,
    /// Orders that the venue counted, per length of its window.
    pub order_counts: Vec<(Span, u32)>,
    /// How long to keep still, as sent: not yet clamped.
    pub retry_after: Option<Until>,
    /// The `Date` header, whole seconds.
    pub server_date: Option<WallTime>,
    /// Just before the request was handed over.
    pub sent_at: Stamp,
    /// When the head of the answer had come.
    pub received_at: Stamp,
}

/// Why a request certainly did not leave.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotSent {
    /// It cannot be written as it is: what was signed would not be what is sent, or a header is no header.
    #[error("the request cannot be sent as it is: {0}")]
    Malformed(&'static str),
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// TLS failed (fault D05).
    #[error("TLS: {0}")]
    Tls(String),
    /// The other side is not who it should be, or speaks no TLS that is spoken here: no waiting mends it (fault D05).
    #[error("{0}")]
    Untrusted(String),
}

/// Why there is no answer though the request may have arrived.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Lost {
    /// Not complete in time.
    #[error("no complete answer in time")]
    Timeout,
    /// The connection ended before a whole answer (fault D02).
    #[error("the connection ended before a whole answer: {0}")]
    Cut(String),
    /// More bytes than the cap (fault X06).
    #[error("the answer is longer than the cap")]
    TooLong,
}

/// No answer, and what that proves.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoReply {
    /// No byte of it left: proof that the venue will not act on it.
    #[error("not sent: {0}")]
    NotSent(NotSent),
    /// Anything after that (rule R-A).
    #[error("outcome unknown: {0}")]
    Unknown(Lost),
}

/// Why a client cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SetupError {
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The address.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The site speaks WebSocket.
    #[error("{0}: expected an address with https, or http on loopback")]
    NotHttp(String),
    /// The library.
    #[error("the client cannot be made: {0}")]
    Library(String),
}

/// A client for one site.
#[derive(Debug, Clone)]
pub struct HttpClient {
    site: Site,
    reads: Client,
    writes: Client,
    settings: HttpSettings,
    clock: Clock,
}

impl HttpClient {
    /// A client; a test's certificate is taken for loopback alone.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn new(
        site: &Site,
        settings: HttpSettings,
        test_root: Option<&TestRoot>,
        clock: Clock,
    ) -> Result<Self, SetupError> {
        if !matches!(site.scheme(), Scheme::Https | Scheme::Http) {
            return Err(SetupError::NotHttp(site.to_string()));
        }
        let tls = client_config(site, test_root)?;
        let client = |kept: usize| {
            Client::builder()
                .use_preconfigured_tls(tls.clone())
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .http1_only()
                .referer(false)
                .https_only(site.scheme() == Scheme::Https)
                .user_agent(concat!("carry/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(settings.connect)
                .tcp_nodelay(true)
                .pool_max_idle_per_host(kept)
                .pool_idle_timeout(settings.keep)
                .build()
                .map_err(|error| SetupError::Library(innermost(&error)))
        };
        Ok(Self { site: site.clone(), reads: client(4)?, writes: client(WRITES)?, settings, clock })
    }

    /// Where its requests go.
    #[must_use]
    pub const fn site(&self) -> &Site {
        &self.site
    }

    /// Sends once and reads the whole answer.
    ///
    /// # Errors
    /// [`NoReply`].
    pub async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Reply, NoReply> {
        let client = if outgoing.method == Method::Get { &self.reads } else { &self.writes };
        self.by(client, outgoing).await
    }

    /// A question on a connection of writes, which is then there and known to work.
    ///
    /// # Errors
    /// [`NoReply`].
    pub async fn warm(&self, outgoing: &Outgoing<'_>) -> Result<Reply, NoReply> {
        self.by(&self.writes, outgoing).await
    }

    async fn by(&self, client: &Client, outgoing: &Outgoing<'_>) -> Result<Reply, NoReply> {
        let request = self.request(outgoing).map_err(|why| NoReply::NotSent(NotSent::Malformed(why)))?;
        let sent_at = self.clock.now();
        let whole = self.exchange(client, request, sent_at);
        tokio::time::timeout(self.settings.total, whole).await.unwrap_or(Err(NoReply::Unknown(Lost::Timeout)))
    }

    fn request(&self, outgoing: &Outgoing<'_>) -> Result<reqwest::Request, &'static str> {
        let text = format!("{}{}", self.site, outgoing.path_and_query);
        let url = Url::parse(&text).map_err(|_| "expected a path that begins with a slash, percent-encoded")?;
        // What was signed is what is sent: nothing may be encoded or shortened on the way.
        let sent = url.as_str();
        if !outgoing.path_and_query.starts_with('/') || sent != text || url.fragment().is_some() {
            return Err("expected a path that begins with a slash, percent-encoded, without dots and fragment");
        }
        let method = match outgoing.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = reqwest::Request::new(method, url);
        if let Some((name, value)) = outgoing.header {
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| "the header's name")?;
            let mut value = HeaderValue::from_str(value).map_err(|_| "the header's value")?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        if let Some(body) = outgoing.body {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, form);
            *request.body_mut() = Some(body.to_owned().into());
        }
        Ok(request)
    }

    async fn exchange(&self, client: &Client, request: reqwest::Request, sent_at: Stamp) -> Result<Reply, NoReply> {
        let mut response = client.execute(request).await.map_err(|error| no_reply(&error, &self.site))?;
        let received_at = self.clock.now();
        let cap = u64::try_from(self.settings.body_cap).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > cap) {
            return Err(NoReply::Unknown(Lost::TooLong));
        }
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| NoReply::Unknown(Lost::Cut(innermost(&error))))?
        {
            if body.len().saturating_add(chunk.len()) > self.settings.body_cap {
                return Err(NoReply::Unknown(Lost::TooLong));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers();
        Ok(Reply {
            status: response.status().as_u16(),
            used_weight: used_weight(headers),
            order_counts: order_counts(headers),
            retry_after: text(headers, RETRY_AFTER.as_str()).and_then(retry_after),
            server_date: text(headers, DATE.as_str()).and_then(http_date),
            body,
            sent_at,
            received_at,
        })
    }
}

/// What a failure before the head of the answer proves. A connection that was never made is proof; nothing else is.
fn no_reply(error: &reqwest::Error, site: &Site) -> NoReply {
    if error.is_builder() {
        return NoReply::NotSent(NotSent::Malformed("the library refused it"));
    }
    if !error.is_connect() {
        return NoReply::Unknown(if error.is_timeout() { Lost::Timeout } else { Lost::Cut(innermost(error)) });
    }
    let told = innermost(error);
    NoReply::NotSent(match chain(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(tls) => distrust(tls).map_or(NotSent::Tls(told), |what| {
            NotSent::Untrusted(format!("{site}: {what}: {}", quiet(&tls.to_string())))
        }),
        None => NotSent::Connect(told),
    })
}

/// The errors below one, outermost first. An I/O error does not give the error inside it as its source, but its source.
fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        let inside = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match inside {
            Some(inside) => {
                let inside: &(dyn StdError + 'static) = inside;
                Some(inside)
            }
            None => error.source(),
        }
    })
    .take(16)
}

/// The text of the deepest cause. The library's own outer errors hold the address, which holds the signature; causes do not.
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let last = chain(error).last();
    match last {
        Some(last) if last.downcast_ref::<reqwest::Error>().is_none() => quiet(&last.to_string()),
        _ => "no cause given".to_owned(),
    }
}

/// Why the other side is not spoken to, where it would be the same at the next try.
const fn distrust(error: &rustls::Error) -> Option<&'static str> {
    use rustls::{AlertDescription as Alert, Error};
    match error {
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => Some("the certificate is not believed"),
        Error::PeerIncompatible(_)
        | Error::AlertReceived(Alert::ProtocolVersion | Alert::HandshakeFailure | Alert::InsufficientSecurity) => {
            Some("it speaks no TLS that is spoken here")
        }
        _ => None,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Digits alone; anything else is not known.
fn whole(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn used_weight(headers: &HeaderMap) -> Option<u32> {
    let names = ["x-mbx-used-weight-1m", "x-sapi-used-ip-weight-1m"];
    names.into_iter().find_map(|name| whole(text(headers, name)?).and_then(|count| u32::try_from(count).ok()))
}

fn order_counts(headers: &HeaderMap) -> Vec<(Span, u32)> {
    let windows = [("10s", Span::seconds(10)), ("1m", Span::MINUTE), ("1d", Span::DAY)];
    let count = |(suffix, span): (&str, Span)| {
        let count = whole(text(headers, &format!("x-mbx-order-count-{suffix}"))?)?;
        Some((span, u32::try_from(count).ok()?))
    };
    windows.into_iter().filter_map(count).collect()
}

/// Seconds or a date; anything else is as if it was not sent (fault D08).
pub(super) fn retry_after(text: &str) -> Option<Until> {
    let text = text.trim();
    whole(text).map(Until::Seconds).or_else(|| http_date(text).map(Until::At))
}

fn http_date(text: &str) -> Option<WallTime> {
    let stamp = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(WallTime(stamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d05_what_no_waiting_mends_is_told_from_what_may_pass() {
        use rustls::{AlertDescription as Alert, CertificateError, Error};
        for lasting in [
            Error::InvalidCertificate(CertificateError::UnknownIssuer),
            Error::InvalidCertificate(CertificateError::Expired),
            Error::NoCertificatesPresented,
            Error::AlertReceived(Alert::ProtocolVersion),
        ] {
            assert!(distrust(&lasting).is_some(), "{lasting}");
        }
        for passing in [Error::AlertReceived(Alert::InternalError), Error::DecryptError, Error::HandshakeNotComplete] {
            assert_eq!(distrust(&passing), None, "{passing}");
        }
    }

    #[test]
    fn d08_retry_after_is_seconds_or_a_date_or_unknown() {
        assert_eq!(retry_after("7"), Some(Until::Seconds(7)));
        assert_eq!(retry_after("0"), Some(Until::Seconds(0)));
        assert_eq!(retry_after("1000000000000"), Some(Until::Seconds(1_000_000_000_000)));
        assert_eq!(retry_after("Thu, 01 Jan 2026 00:00:05 GMT"), Some(Until::At(WallTime(1_767_225_605_000))));
        for odd in ["", "-1", "1.5", "soon", "99999999999999999999999", "0x10", "+3"] {
            assert_eq!(retry_after(odd), None, "{odd}");
        }
    }

    #[test]
    fn counts_of_the_venue_are_read_by_window() {
        let mut headers = HeaderMap::new();
        headers.insert("x-mbx-used-weight-1m", HeaderValue::from_static("123"));
        headers.insert("x-mbx-order-count-10s", HeaderValue::from_static("4"));
        headers.insert("x-mbx-order-count-1d", HeaderValue::from_static("many"));
        assert_eq!(used_weight(&headers), Some(123));
        assert_eq!(order_counts(&headers), vec![(Span::seconds(10), 4)]);
    }
}
