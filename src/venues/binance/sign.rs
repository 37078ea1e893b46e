//! Signers: one that reads and one that trades, so that what only looks can never change an account.
//!
//! The string that is signed is made once and is the string that is sent. Time and nonce are given by the caller; nothing
//! here reads a clock or sends. Tests: in `sign_tests.rs`, and published vectors in `tests/suite/wire_private.rs`.
//!
//! A signer for reading has no way to sign a write:
//!
//! ```compile_fail,E0599
//! use carry::venues::binance::{ask::WriteRequest, sign::{ReadSigner, Stamp}};
//! fn f(signer: &ReadSigner, write: &WriteRequest, stamp: &Stamp) {
//!     let _ = signer.sign_write(write, stamp);
//! }
//! ```
//!
//! ```compile_fail,E0308
//! use carry::venues::binance::{ask::WriteRequest, sign::{ReadSigner, Stamp}};
//! fn f(signer: &ReadSigner, write: &WriteRequest, stamp: &Stamp) {
//!     let _ = signer.sign(write, stamp);
//! }
//! ```
//!
//! Nobody outside can make a write, but by `encode`:
//!
//! ```compile_fail,E0423
//! use carry::venues::ask::{Request, WriteRequest};
//! fn f(request: Request) -> WriteRequest {
//!     WriteRequest(request)
//! }
//! ```

pub use super::keys::KeyError;
use super::keys::{Key, Scheme};
use super::query::Encode;
use crate::domain::WallTime;
use crate::venues::ask::{Host, Method, Request, Security, WriteRequest};
use secrecy::SecretString;
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// Header that names the key.
pub const KEY_HEADER: &str = "X-MBX-APIKEY";

/// Validity window that is signed when nothing else is asked for, in milliseconds.
pub const WINDOW_MS: u32 = 5000;

/// When a request is made, by the venue's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The venue's time.
    pub at: WallTime,
    /// How long it stays valid, in milliseconds; the venue's own default when absent.
    pub window_ms: Option<u32>,
    /// Number of the request (Aster v3), from [`Nonce`]; keys do not use it.
    pub nonce: u64,
}

impl Stamp {
    /// With the usual window.
    #[must_use]
    pub const fn new(at: WallTime, nonce: u64) -> Self {
        Self { at, window_ms: Some(WINDOW_MS), nonce }
    }
}

/// Numbers for requests of one agent: microseconds that always rise, over all tasks that share it (fault G09).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Nonce {
    last: u64,
}

impl Nonce {
    /// Continues after `last`, the highest that was ever used.
    #[must_use]
    pub const fn after(last: u64) -> Self {
        Self { last }
    }

    /// The next one: the venue's time in microseconds, or one above the last if that is not higher.
    pub fn next(&mut self, at: WallTime) -> u64 {
        let now = u64::try_from(at.0).unwrap_or(0).saturating_mul(1000);
        self.last = now.max(self.last.saturating_add(1));
        self.last
    }

    /// The highest that was used, to be kept over a restart.
    #[must_use]
    pub const fn last(&self) -> u64 {
        self.last
    }
}

/// A request with its proof, ready to send. Its text holds a signature: it is never printed whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    /// Verb.
    pub method: Method,
    /// Host.
    pub host: Host,
    /// Path with parameters.
    pub path_and_query: String,
    /// Body of type `application/x-www-form-urlencoded`.
    pub body: Option<String>,
    /// Header that names the key.
    pub header: Option<(&'static str, String)>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path_and_query.split('?').next().unwrap_or("");
        write!(f, "{:?} {:?} {path}", self.method, self.host)
    }
}

/// Why a request is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// It changes something but did not come as a write.
    #[error("a request that changes the account was given as a question")]
    ChangesAccount,
    /// The WebSocket API is not there for agents.
    #[error("an agent cannot sign for the WebSocket API")]
    NoWebSocketApi,
}

/// Calls of the spot WebSocket API that change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WsCall {
    /// `session.logon`; needs an Ed25519 key at the venue.
    LogOn,
    /// `userDataStream.subscribe.signature`: events of the account on this connection, with any kind of key.
    Subscribe,
}

impl WsCall {
    const fn method(self) -> &'static str {
        match self {
            Self::LogOn => "session.logon",
            Self::Subscribe => "userDataStream.subscribe.signature",
        }
    }
}

/// Signs questions.
#[derive(Clone)]
pub struct ReadSigner(Arc<Key>);

/// Signs questions and writes.
pub struct TradeSigner(Arc<Key>);

/// A request that needs no proof, as it is sent; `None` when it needs one.
#[must_use]
pub fn unsigned(request: &Request) -> Option<Signed> {
    (request.security == Security::Public).then(|| plain(request, None))
}

impl ReadSigner {
    /// Signs a question.
    ///
    /// # Errors
    /// [`NotSigned::ChangesAccount`] for anything but a question; opening a listen key is one.
    pub fn sign(&self, request: &Request, stamp: &Stamp) -> Result<Signed, NotSigned> {
        let listens = request.path.ends_with("/listenKey");
        if request.is_order || request.method != Method::Get && !listens {
            return Err(NotSigned::ChangesAccount);
        }
        Ok(signed(&self.0, request, stamp))
    }

    /// The text of a call of the spot WebSocket API, with our number of it.
    ///
    /// # Errors
    /// [`NotSigned::NoWebSocketApi`] for an agent.
    pub fn ws_api(&self, id: &str, call: WsCall, stamp: &Stamp) -> Result<String, NotSigned> {
        if matches!(self.0.scheme, Scheme::Agent { .. }) {
            return Err(NotSigned::NoWebSocketApi);
        }
        // Sorted by name and not percent-encoded, as the venue puts them together again.
        let mut payload = format!("apiKey={}", self.0.name);
        let mut params = serde_json::Map::new();
        params.insert("apiKey".into(), self.0.name.as_str().into());
        if let Some(window) = stamp.window_ms {
            let _ = write!(payload, "&recvWindow={window}");
            params.insert("recvWindow".into(), window.into());
        }
        let _ = write!(payload, "&timestamp={}", stamp.at.0);
        params.insert("timestamp".into(), stamp.at.0.into());
        let mut signature = String::new();
        self.0.push_signature(payload.as_bytes(), &mut signature);
        params.insert("signature".into(), signature.into());
        Ok(serde_json::json!({ "id": id, "method": call.method(), "params": params }).to_string())
    }
}

impl TradeSigner {
    /// With an HMAC secret.
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the key.
    pub fn hmac(api_key: &str, secret: &SecretString) -> Result<Self, KeyError> {
        Key::hmac(api_key, secret).map(|key| Self(Arc::new(key)))
    }

    /// With an Ed25519 private key (PKCS#8 PEM).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the key.
    pub fn ed25519(api_key: &str, pem: &SecretString) -> Result<Self, KeyError> {
        Key::ed25519(api_key, pem).map(|key| Self(Arc::new(key)))
    }

    /// With the private key of an agent's wallet for the account `user` on a chain (Aster v3).
    ///
    /// # Errors
    /// [`KeyError`] says what is wrong with the key; the main wallet's own key is refused.
    pub fn agent(user: &str, secret: &SecretString, chain_id: u64) -> Result<Self, KeyError> {
        Key::agent(user, secret, chain_id).map(|key| Self(Arc::new(key)))
    }

    /// The signer of the same key that cannot trade.
    #[must_use]
    pub fn reader(&self) -> ReadSigner {
        ReadSigner(Arc::clone(&self.0))
    }

    /// Signs a question.
    ///
    /// # Errors
    /// [`NotSigned::ChangesAccount`] for anything but a question.
    pub fn sign(&self, request: &Request, stamp: &Stamp) -> Result<Signed, NotSigned> {
        self.reader().sign(request, stamp)
    }

    /// Signs a write.
    #[must_use]
    pub fn sign_write(&self, write: &WriteRequest, stamp: &Stamp) -> Signed {
        signed(&self.0, write.request(), stamp)
    }

    /// The bare signature of bytes, to compare with published vectors.
    #[must_use]
    pub fn signature_of(&self, payload: &[u8]) -> String {
        let mut out = String::new();
        self.0.push_signature(payload, &mut out);
        out
    }
}

impl fmt::Debug for ReadSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "reads with {:?}", self.0)
    }
}

impl fmt::Debug for TradeSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "trades with {:?}", self.0)
    }
}

/// Room for stamp, names and signature beside path and parameters.
const ROOM: usize = 320;

fn plain(request: &Request, key: Option<&Key>) -> Signed {
    let mut path_and_query = String::with_capacity(request.path.len() + 1 + request.query.len());
    path_and_query.push_str(request.path);
    if !request.query.is_empty() {
        path_and_query.push('?');
        path_and_query.push_str(&request.query);
    }
    let header = key.map(|key| (KEY_HEADER, key.name.clone()));
    Signed { method: request.method, host: request.host, path_and_query, body: None, header }
}

fn signed(key: &Key, request: &Request, stamp: &Stamp) -> Signed {
    let is_agent = matches!(key.scheme, Scheme::Agent { .. });
    if request.security != Security::Signed {
        let named = request.security == Security::Key && !is_agent;
        return plain(request, named.then_some(key));
    }
    // Parameters that change something go into the body where the venue prefers it; DELETE has none for certain.
    let in_body = is_agent && matches!(request.method, Method::Post | Method::Put);
    let mut text = String::with_capacity(request.path.len() + request.query.len() + ROOM);
    if !in_body {
        text.push_str(request.path);
        text.push('?');
    }
    let start = text.len();
    text.push_str(&request.query);
    if !request.query.is_empty() {
        text.push('&');
    }
    push_stamp(key, request, stamp, &mut text);
    let mut signature = String::with_capacity(136);
    key.push_signature(text.as_bytes().get(start..).unwrap_or(&[]), &mut signature);
    text.push_str("&signature=");
    // Base64 has characters that mean something in an address; hex has none.
    if matches!(key.scheme, Scheme::Ed25519(_)) {
        let _ = Encode(&mut text).write_str(&signature);
    } else {
        text.push_str(&signature);
    }
    let (path_and_query, body) = if in_body { (request.path.to_owned(), Some(text)) } else { (text, None) };
    let header = (!is_agent).then(|| (KEY_HEADER, key.name.clone()));
    Signed { method: request.method, host: request.host, path_and_query, body, header }
}

fn push_stamp(key: &Key, request: &Request, stamp: &Stamp, text: &mut String) {
    // Writing into a String does not fail.
    if let Scheme::Agent { user, .. } = &key.scheme {
        // A request that voids another one carries that one's nonce.
        if !request.query.starts_with("nonce=") {
            let _ = write!(text, "nonce={}&", stamp.nonce);
        }
        let _ = write!(text, "user={user}&signer={}", key.name);
        return;
    }
    if let Some(window) = stamp.window_ms {
        let _ = write!(text, "recvWindow={window}&");
    }
    let _ = write!(text, "timestamp={}", stamp.at.0);
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
