//! A raw client of the tests with its own signing, and a venue in this process on a clock that only the test moves.

use carry::domain::{Amount, Span, WallTime};
use carry::loopback::{Options, Profile, Running, Script, Source, keys, serve};
use futures_util::{SinkExt as _, StreamExt as _};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// A time of 00:00 UTC.
pub(crate) const MIDNIGHT: i64 = 1_760_054_400_000;

/// A venue and its client.
pub(crate) struct Bench {
    pub(crate) running: Running,
    real: Arc<AtomicI64>,
    http: reqwest::Client,
    pub(crate) key: (String, String),
}

/// Status and body.
pub(crate) type Seen = (u16, Value);

pub(crate) fn options(profile: Profile, script: &str) -> Options {
    Options {
        profile,
        listen: "127.0.0.1:0".parse().expect("an address"),
        source: Source::Generated(1),
        start: WallTime(MIDNIGHT + 60_000),
        history: Span::hours(2),
        speed_per_mille: 1_000,
        pulse_ms: 5,
        script: Script::parse(script).expect("the script is good"),
        spot_balance: Amount::whole(100_000),
        futures_balance: Amount::ZERO,
        state: None,
        certificate: None,
    }
}

impl Bench {
    pub(crate) async fn new(script: &str) -> Self {
        Self::with(options(Profile::Binance, script)).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let real = Arc::new(AtomicI64::new(0));
        let clock = Arc::clone(&real);
        let running = serve(options, Arc::new(move || clock.load(Ordering::SeqCst))).await.expect("it serves");
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
        let (name, secret) = keys::TRADER;
        Self { running, real, http, key: (name.to_owned(), secret.to_owned()) }
    }

    /// Real time passes.
    pub(crate) fn pass(&self, ms: i64) {
        self.real.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) async fn now(&self) -> i64 {
        self.get("/carry/clock").await["now_ms"].as_i64().expect("a time")
    }

    /// A request without a signature, or with one already in it; `None` when the connection broke.
    pub(crate) async fn raw(
        &self,
        method: &str,
        target: &str,
        body: &str,
    ) -> Option<(u16, String, reqwest::header::HeaderMap)> {
        let url = format!("http://{}{target}", self.running.address);
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, url).header("X-MBX-APIKEY", &self.key.0).body(body.to_owned());
        let reply = request.send().await.ok()?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        Some((status, reply.text().await.ok()?, headers))
    }

    pub(crate) async fn get(&self, target: &str) -> Value {
        let (status, text, _) = self.raw("GET", target, "").await.expect("an answer");
        assert_eq!(status, 200, "{target}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) async fn control(&self, target: &str, body: &Value) -> Value {
        let (status, text, _) = self.raw("POST", target, &body.to_string()).await.expect("an answer");
        assert_eq!(status, 200, "{target}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    pub(crate) async fn advance(&self, span: &str) {
        self.control(&format!("/carry/clock/advance?ms={span}"), &json!({})).await;
    }

    /// A signed request; `None` when the connection broke or the answer is not JSON.
    pub(crate) async fn try_signed(&self, method: &str, path: &str, query: &str) -> Option<Seen> {
        let stamp = self.now().await;
        let joint = if query.is_empty() { "" } else { "&" };
        let payload = format!("{query}{joint}timestamp={stamp}");
        let signature = sign(&self.key.1, &payload);
        let (status, text, _) = self.raw(method, &format!("{path}?{payload}&signature={signature}"), "").await?;
        Some((status, serde_json::from_str(&text).ok()?))
    }

    pub(crate) async fn signed(&self, method: &str, path: &str, query: &str) -> Value {
        let (status, value) = self.try_signed(method, path, query).await.expect("an answer");
        assert_eq!(status, 200, "{method} {path} {query}: {value}");
        value
    }

    /// The code of a refusal.
    pub(crate) async fn refused(&self, method: &str, path: &str, query: &str) -> i64 {
        let (status, value) = self.try_signed(method, path, query).await.expect("an answer");
        assert_ne!(status, 200, "{method} {path} {query}: {value}");
        value["code"].as_i64().expect("a code")
    }

    pub(crate) async fn socket(&self, path: &str) -> Socket {
        let url = format!("ws://{}{path}", self.running.address);
        let (stream, _) = tokio_tungstenite::connect_async(url).await.expect("a socket");
        Socket(stream)
    }

    /// Buys coins, moves margin and sells the perp short.
    pub(crate) async fn enter(&self, coins: &str, margin: &str, leverage: &str) {
        self.signed("POST", "/sapi/v1/asset/transfer", &format!("type=MAIN_UMFUTURE&asset=USDT&amount={margin}")).await;
        self.signed("POST", "/fapi/v1/leverage", &format!("symbol=BTCUSDT&leverage={leverage}")).await;
        self.signed("POST", "/api/v3/order", &format!("symbol=BTCUSDT&side=BUY&type=MARKET&quantity={coins}")).await;
        self.signed("POST", "/fapi/v1/order", &format!("symbol=BTCUSDT&side=SELL&type=MARKET&quantity={coins}")).await;
    }
}

pub(crate) fn sign(secret: &str, payload: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length");
    mac.update(payload.as_bytes());
    mac.finalize().into_bytes().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Exact decimals of a JSON text.
pub(crate) fn amount(value: &Value) -> Amount {
    let text = value.as_str().unwrap_or_else(|| panic!("no text: {value}"));
    Amount::parse(text).unwrap_or_else(|_| panic!("no amount: {text}"))
}

/// A stream of the test.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn say(&mut self, value: Value) {
        self.0.send(Message::Text(value.to_string().into())).await.expect("sent");
    }

    /// The next JSON message, or `None` when the socket closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        tokio::time::timeout(Duration::from_secs(15), self.message()).await.expect("in time")
    }

    async fn message(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await?.ok()? {
                Message::Text(text) => return serde_json::from_str(text.as_str()).ok(),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// The next message for which `wanted` holds.
    pub(crate) async fn find(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value = self.next().await.expect("the socket is open");
            if wanted(&value) {
                return value;
            }
        }
    }
}
