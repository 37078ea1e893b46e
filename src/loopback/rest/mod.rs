//! REST: the table of endpoints, and what happens to every request before its handler: limits, keys, signatures, faults.
//!
//! One row an endpoint, with its weight, who may call it and the parameters it reads. On Aster, version numbers in paths
//! are free and signed requests may carry an agent's signature.

#![expect(clippy::unnecessary_wraps, reason = "all handlers have one form, and most can refuse")]

pub(crate) mod account_futures;
pub(crate) mod account_spot;
pub(crate) mod control;
pub(crate) mod market_data;
pub(crate) mod market_info;
pub(crate) mod orders;
pub(crate) mod settings;
pub(crate) mod table;
pub(crate) mod transfers;

use super::Profile;
use super::auth::{key_named, no_rights, verify};
use super::faults::{Seen, Wrong, since};
use super::keys::{self, Rights};
use super::limits::Pool;
use super::params::Params;
use super::refusal::{Answer, Refusal, invalid_symbol, missing, refuse};
use super::typed;
use super::venue::Venue;
use crate::domain::{Market, Rate};
use table::{Auth, Route};

/// A request as it came in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) body: String,
    pub(crate) key: Option<String>,
}

/// A request that was let in.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) params: &'a Params,
    pub(crate) rights: Option<Rights>,
    /// What a scripted fault lets an order execute.
    pub(crate) share: Option<Rate>,
}

/// What is sent back, and what is done to the connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
    /// Real milliseconds to wait before sending.
    pub(crate) delay_ms: u64,
    /// The connection closes without an answer.
    pub(crate) dropped: bool,
    /// The connection closes in the middle of the answer.
    pub(crate) short: bool,
}

impl Venue {
    /// Answers a request.
    pub(crate) fn handle(&mut self, request: &Request) -> Reply {
        self.catch_up();
        *self.requests.entry(format!("{} {}", request.method, request.path)).or_default() += 1;
        let reply = match self.wrong_of(request) {
            None => self.answer(request, None),
            Some(Wrong::DropBefore) => Reply { dropped: true, ..Reply::default() },
            Some(Wrong::Status(status, body)) => Reply { status, body, ..Reply::default() },
            Some(Wrong::Error(status, code, msg)) => reply_of(&Err(Refusal { status, code, msg, retry_after: None })),
            Some(wrong) => self.answer_wrong(request, wrong),
        };
        self.save_or(reply)
    }

    fn answer_wrong(&mut self, request: &Request, wrong: Wrong) -> Reply {
        match wrong {
            Wrong::Partial(share) => self.answer(request, Some(share)),
            Wrong::NoFill => self.answer(request, Some(Rate::ZERO)),
            Wrong::Delay(delay_ms) => Reply { delay_ms, ..self.answer(request, None) },
            Wrong::DropAfter => Reply { dropped: true, ..self.answer(request, None) },
            Wrong::StatusAfter(status, body) => Reply { status, body, ..self.answer(request, None) },
            Wrong::Body(body) => Reply { body, ..self.answer(request, None) },
            Wrong::Short => Reply { short: true, ..self.answer(request, None) },
            _ => self.answer(request, None),
        }
    }

    /// Real milliseconds that a request waits before it is looked at, if a rule says so.
    pub(crate) fn held_up(&mut self, request: &Request) -> Option<u64> {
        let mut probe = self.script.clone();
        let wrong = judge(&mut probe, self, request);
        let Some(Wrong::DelayBefore(ms)) = wrong else { return None };
        self.script = probe;
        Some(ms)
    }

    fn wrong_of(&mut self, request: &Request) -> Option<Wrong> {
        let mut script = std::mem::take(&mut self.script);
        let wrong = judge(&mut script, self, request);
        self.script = script;
        wrong
    }

    /// Books are on disk before anybody is told.
    fn save_or(&mut self, reply: Reply) -> Reply {
        match self.save() {
            Ok(()) => reply,
            Err(error) => Reply { status: 500, body: error.to_string(), ..Reply::default() },
        }
    }

    /// A request of the account's owner on the venue's own page: no key, no limits, no faults.
    pub(crate) fn by_hand(&mut self, request: &Request) -> Reply {
        self.catch_up();
        let Some(route) = table::find(self.profile, &request.method, &request.path) else {
            return Reply { status: 404, ..Reply::default() };
        };
        let answer = Params::read(&request.query, &request.body).and_then(|params| {
            let rights = Some(keys::OWNER);
            (route.handle)(self, &Call { params: &params, rights, share: None })
        });
        self.save_or(reply_of(&answer))
    }

    fn answer(&mut self, request: &Request, share: Option<Rate>) -> Reply {
        if request.path.starts_with("/carry/") {
            return reply_of(&control::handle(self, request));
        }
        let Some(route) = table::find(self.profile, &request.method, &request.path) else {
            return Reply {
                status: 404,
                body: "<html><body>404 Not Found</body></html>".to_owned(),
                ..Reply::default()
            };
        };
        let answer = self.let_in(route, request, share);
        let mut reply = reply_of(&answer);
        self.add_headers(route, &mut reply);
        reply
    }

    fn let_in(&mut self, route: &Route, request: &Request, share: Option<Rate>) -> Answer {
        let params = Params::read(&request.query, &request.body)?;
        let now = self.now;
        let weight = (route.weight)(&params);
        self.limits.request(route.pool, weight, now)?;
        let rights = self.rights(route, &params, request)?;
        if route.path.ends_with("/order") && route.method == "POST" {
            if let Some(client) = params.get("newClientOrderId") {
                *self.arrivals.entry(client.to_owned()).or_default() += 1;
            }
            self.limits.order(route.pool, now)?;
        }
        if let Some(refusal) = params.beyond(route.allowed) {
            // Futures ignore what they do not know; spot refuses it.
            if route.pool == Pool::Spot && self.profile == Profile::Binance {
                return Err(refusal);
            }
        }
        let market = if route.pool == Pool::Futures { Market::Perp } else { Market::Spot };
        let named = params.get("symbol").and_then(|symbol| self.market.get(symbol));
        if named.is_some_and(|one| !one.offers(market)) {
            return Err(invalid_symbol());
        }
        (route.handle)(self, &Call { params: &params, rights, share })
    }

    fn rights(&mut self, route: &Route, params: &Params, request: &Request) -> Result<Option<Rights>, Refusal> {
        if route.auth == Auth::None {
            return Ok(None);
        }
        let rights = if self.profile == Profile::Aster && params.get("signer").is_some() {
            self.agent(params)?
        } else {
            let key = key_named(&self.keys, request.key.as_deref())?;
            if route.auth == Auth::Key { key.rights } else { verify(key, params, self.stamp())? }
        };
        let permitted = match route.auth {
            Auth::None | Auth::Key | Auth::Read => true,
            Auth::Spot => rights.trade,
            Auth::Futures => rights.futures,
            Auth::Transfer => rights.transfer,
        };
        if permitted { Ok(Some(rights)) } else { Err(no_rights()) }
    }

    /// An agent's signature: known signer, its wallet, a fresh nonce, and the text as sent.
    pub(crate) fn agent(&mut self, params: &Params) -> Result<Rights, Refusal> {
        let signer = params.need("signer")?.to_lowercase();
        let wallet = typed::address_of(&keys::ASTER_WALLET).unwrap_or_default();
        let is = |secret: &[u8; 32]| typed::address_of(secret).is_some_and(|address| address == signer);
        let rights = if is(&keys::ASTER_AGENT) {
            keys::AGENT
        } else if is(&keys::ASTER_WITHDRAWER) || is(&keys::ASTER_WALLET) {
            keys::OWNER
        } else {
            return Err(no_rights());
        };
        if params.get("user").is_some_and(|user| user.to_lowercase() != wallet) {
            return Err(no_rights());
        }
        let signature = params.signature().ok_or_else(|| missing("signature"))?;
        if typed::signer(params.payload(), signature) != Some(signer) {
            return Err(refuse(-1022, "Signature for this request is not valid."));
        }
        let nonce = params.number("nonce")?.ok_or_else(|| missing("nonce"))?;
        let now = self.stamp().0.saturating_mul(1_000);
        self.nonces.entry(wallet).or_default().take(nonce, now)?;
        Ok(rights)
    }

    fn add_headers(&mut self, route: &Route, reply: &mut Reply) {
        let now = self.now;
        let used = self.limits.used(route.pool, now);
        match route.pool {
            Pool::Wallet => reply.headers.push(("x-sapi-used-ip-weight-1m", used.to_string())),
            Pool::Spot | Pool::Futures => reply.headers.push(("x-mbx-used-weight-1m", used.to_string())),
        }
        if route.path.ends_with("/order") && route.method == "POST" && reply.status == 200 {
            let [short, long] = self.limits.counted(route.pool, now);
            let long_name = if route.pool == Pool::Spot { "x-mbx-order-count-1d" } else { "x-mbx-order-count-1m" };
            reply.headers.push(("x-mbx-order-count-10s", short.to_string()));
            reply.headers.push((long_name, long.to_string()));
        }
    }
}

fn judge(script: &mut super::Script, venue: &Venue, request: &Request) -> Option<Wrong> {
    let params = Params::read(&request.query, &request.body).ok()?;
    script.judge(Seen {
        path: &request.path,
        method: &request.method,
        symbol: params.get("symbol"),
        event: None,
        reduce_only: params.get("reduceOnly") == Some("true"),
        since_start: since(venue.now, venue.start),
    })
}

fn reply_of(answer: &Answer) -> Reply {
    match answer {
        Ok(value) => Reply { status: 200, body: value.to_string(), ..Reply::default() },
        Err(refusal) => {
            let headers = refusal.retry_after.map(|seconds| ("retry-after", seconds.to_string())).into_iter().collect();
            Reply { status: refusal.status, headers, body: refusal.body().to_string(), ..Reply::default() }
        }
    }
}
