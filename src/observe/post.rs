//! Requests to people's services: one client, posts with tries, and what the other side asks for when it is too much.
//!
//! Addresses are secrets: neither they nor the client's errors, which hold them, are ever said. Nothing is followed elsewhere.
//! Tests: `tests/commands/alarms.rs`.

use super::sinks::Patience;
use std::sync::Arc;
use std::time::Duration;

/// Tries of one message; the wait before the second is that of [`Patience`], and it doubles.
pub const TRIES: u32 = 5;
/// Longest wait that the other side may ask for; a longer one is given up.
const LONGEST: Duration = Duration::from_mins(2);
/// Most bytes of an answer that are read.
const ANSWER: usize = 16 * 1024;

/// What became of one try.
enum Tried {
    Delivered,
    /// It did not work; how long the other side wants to be left alone, when it says so.
    Failed(Option<Duration>),
    /// It will never work: the other side refuses what was sent.
    Refused,
}

/// A door to one address.
pub struct Post {
    client: reqwest::Client,
    url: Box<str>,
    patience: Patience,
}

impl Post {
    /// A door; nothing is sent yet. `None` when there is no client to be had.
    #[must_use]
    pub fn new(url: Box<str>, patience: Patience) -> Option<Self> {
        client(patience.limit).map(|client| Self { client, url, patience })
    }

    /// Posts JSON until it is taken, with a bound; whether it was.
    pub async fn json(&self, text: &str) -> bool {
        let mut wait = self.patience.first;
        for attempt in 1..=TRIES {
            let asked = match self.once(text).await {
                Tried::Delivered => return true,
                Tried::Refused => return false,
                Tried::Failed(asked) => asked,
            };
            if attempt == TRIES || asked.is_some_and(|asked| asked > LONGEST) {
                return false;
            }
            tokio::time::sleep(asked.unwrap_or(wait)).await;
            wait = wait.saturating_mul(2);
        }
        false
    }

    /// One empty GET; whether it was answered well.
    pub async fn touch(&self) -> bool {
        self.client.get(&*self.url).send().await.is_ok_and(|reply| reply.status().is_success())
    }

    async fn once(&self, text: &str) -> Tried {
        let request = self.client.post(&*self.url).header("content-type", "application/json").body(text.to_owned());
        let Ok(reply) = request.send().await else { return Tried::Failed(None) };
        let status = reply.status();
        if status.is_success() {
            return Tried::Delivered;
        }
        let seconds = |text: &str| text.trim().parse().ok().map(Duration::from_secs);
        let said = reply.headers().get("retry-after").and_then(|value| value.to_str().ok()).and_then(seconds);
        if status.as_u16() == 429 && said.is_none() {
            return Tried::Failed(asked_in(reply).await);
        }
        // What is wrong with the message itself stays wrong.
        if matches!(status.as_u16(), 400 | 401 | 403 | 404) { Tried::Refused } else { Tried::Failed(said) }
    }
}

/// Telegram says how long it wants to be left alone in the body: `parameters.retry_after`, in seconds.
async fn asked_in(mut reply: reqwest::Response) -> Option<Duration> {
    let mut body = Vec::new();
    while let Ok(Some(part)) = reply.chunk().await {
        body.extend_from_slice(&part);
        if body.len() > ANSWER {
            return None;
        }
    }
    let value: serde_json::Value = serde_json::from_slice(&body).ok()?;
    value.get("parameters")?.get("retry_after")?.as_u64().map(Duration::from_secs)
}

/// A client with the built-in roots, no proxy, no redirect and no retries of its own.
fn client(limit: Duration) -> Option<reqwest::Client> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(limit)
        .build()
        .ok()
}
