//! One request of a live run on its way: budget, proof, sending once, and what became of it.
//!
//! Nothing is sent a second time here. Tests: `tests/live.rs`.

use crate::domain::Market;
use crate::net::budget::{Budget, NoBudget, Spend};
use crate::net::carrier::Client;
use crate::net::clock_offset::{ClockOffset, Seen};
use crate::net::http::{Lost, NoReply, NotSent, Outgoing, WARM};
use crate::net::{Clock, Reply};
use crate::venues::answer::{Answer, Class, Refused};
use crate::venues::ask::{Act, Ask, Request, Security, WriteRequest};
use crate::venues::binance::account::Call;
use crate::venues::binance::profile::{Feature, Profile};
use crate::venues::binance::reply;
use crate::venues::binance::sign::{self, Nonce, ReadSigner, Signed, Stamp as SignStamp, TradeSigner};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Longest time that a read waits for budget.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest time that a short answer to a question may take: it can be asked again, and what waits for it may be a hedge.
const SHORT_ANSWER: Duration = Duration::from_secs(5);

/// What became of a request.
#[derive(Debug)]
pub enum Outcome {
    /// An answer.
    Answered {
        /// What it says.
        result: Result<Answer, Refused>,
        /// Its body, kept for books alone.
        body: Vec<u8>,
    },
    /// It never left.
    NotSent {
        /// For want of budget.
        limited: bool,
        /// Why the next one will not leave either: the other side is not who it should be.
        untrusted: Option<String>,
    },
    /// It left and nothing came back.
    NoAnswer,
}

impl Outcome {
    /// What a good answer says, in other words.
    pub(super) fn map(self, words: impl FnOnce(Answer) -> Result<Answer, Refused>) -> Self {
        match self {
            Self::Answered { result, body } => Self::Answered { result: result.and_then(words), body },
            other @ (Self::NotSent { .. } | Self::NoAnswer) => other,
        }
    }

    /// Whether it may have been executed or not.
    pub(super) const fn is_open(&self) -> bool {
        match self {
            Self::Answered { result: Err(refused), .. } => matches!(refused.class, Class::Unknown),
            Self::NoAnswer => true,
            Self::Answered { .. } | Self::NotSent { .. } => false,
        }
    }
}

/// A request that is encoded and waits for budget and signature.
pub(super) struct Prepared {
    pub(super) what: Call,
    pub(super) client: Client,
    pub(super) budget: Arc<Mutex<Budget>>,
    pub(super) request: Request,
    pub(super) write: Option<WriteRequest>,
    pub(super) read: Option<ReadSigner>,
    pub(super) trade: Option<Arc<TradeSigner>>,
    pub(super) nonce: Arc<Mutex<Nonce>>,
}

impl Prepared {
    /// Spends from the budget; a read waits until there is some.
    pub(super) async fn budgeted(&self, clock: Clock) -> Result<(), ()> {
        let begun = (clock.steady_ns)();
        loop {
            let taken = locked(&self.budget).take(Spend::of(&self.request));
            let again_ns = match taken {
                Ok(()) => return Ok(()),
                Err(NoBudget::Wait { again_ns }) => again_ns,
                Err(NoBudget::Blocked { until_ns }) if self.write.is_none() => until_ns,
                Err(_) => return Err(()),
            };
            let wait = Duration::from_nanos(again_ns.saturating_sub((clock.steady_ns)()));
            let waited = Duration::from_nanos((clock.steady_ns)().saturating_sub(begun));
            if wait > PATIENCE || waited > PATIENCE {
                return Err(());
            }
            // Looked at again soon: the clock may run faster than the machine's.
            tokio::time::sleep(wait.clamp(Duration::from_millis(5), clock.look)).await;
        }
    }

    /// Whether the venue can void it by its nonce.
    pub(super) fn is_voidable(&self, profile: &Profile) -> bool {
        let perp_order = matches!(&self.what, Call::Act(Act::Place(order)) if order.market == Market::Perp);
        perp_order && profile.has(Feature::Noop)
    }

    /// The request with its proof, and its nonce.
    pub(super) fn sign(&self, clock: Clock, offset: &Mutex<ClockOffset>) -> Option<(Signed, u64)> {
        if self.request.security == Security::Public {
            return sign::unsigned(&self.request).map(|signed| (signed, 0));
        }
        let now = clock.now();
        // Before the first measurement the machine's own time stands in; the venue refuses it when it is off.
        let at = locked(offset).read(now).map_or(now.wall, |offset| offset.signing_time(now));
        let nonce = locked(&self.nonce).next(at);
        let stamp = SignStamp::new(at, nonce);
        let signed = match (&self.write, &self.trade) {
            (Some(write), Some(signer)) => Some(signer.sign_write(write, &stamp)),
            (Some(_), None) => None,
            (None, _) => self.read.as_ref()?.sign(&self.request, &stamp).ok(),
        };
        signed.map(|signed| (signed, nonce))
    }

    /// Sends it once; what became of it.
    pub(super) async fn send(&self, signed: &Signed, of: (&Profile, &Mutex<ClockOffset>, Clock)) -> Outcome {
        let (profile, offset, clock) = of;
        let outgoing = Outgoing {
            method: signed.method,
            path_and_query: &signed.path_and_query,
            body: signed.body.as_deref(),
            header: signed.header.as_ref().map(|(name, value)| (*name, value.as_str())),
        };
        let sent = self.client.send(&outgoing);
        let answered = match self.bound() {
            Some(bound) => tokio::time::timeout(bound, sent).await.unwrap_or(Err(NoReply::Unknown(Lost::Timeout))),
            None => sent.await,
        };
        match answered {
            Ok(answer) => {
                locked(&self.budget).on_reply(&answer);
                self.read((profile, answer), offset, clock)
            }
            Err(NoReply::NotSent(why)) => {
                tracing::debug!(%why, "a request did not leave");
                let untrusted = matches!(why, NotSent::Untrusted(_)).then(|| why.to_string());
                Outcome::NotSent { limited: false, untrusted }
            }
            Err(NoReply::Unknown(why)) => {
                tracing::debug!(%why, "a request got no answer");
                Outcome::NoAnswer
            }
        }
    }

    /// How long its answer may take, where that is shorter than for any request.
    const fn bound(&self) -> Option<Duration> {
        match &self.what {
            Call::Act(_)
            | Call::Ask(
                Ask::Instruments(_)
                | Ask::Listed { .. }
                | Ask::Candles { .. }
                | Ask::FundingHistory { .. }
                | Ask::FundingInfo
                | Ask::Brackets { .. },
            ) => None,
            Call::Ask(_) => Some(SHORT_ANSWER),
        }
    }

    /// After the venue said to keep still: waits, asks this one thing, and lets everything else go on once it was answered. It
    /// ends with the run, whose inbox nobody reads then.
    pub(super) async fn gently(self, of: (&Profile, &Mutex<ClockOffset>, Clock), is_over: impl Fn() -> bool) {
        let (profile, offset, clock) = of;
        while !is_over() {
            let at = locked(&self.budget).gentle_at();
            if let Some(at_ns) = at {
                let wait = Duration::from_nanos(at_ns.saturating_sub((clock.steady_ns)()));
                tokio::time::sleep(wait.clamp(Duration::from_millis(5), clock.look)).await;
                continue;
            }
            let Some((signed, _)) = self.sign(clock, offset) else { return };
            let outcome = self.send(&signed, (profile, offset, clock)).await;
            let answered = matches!(outcome, Outcome::Answered { .. });
            if locked(&self.budget).gently_asked(answered) {
                return;
            }
        }
    }

    /// Asks on a connection of writes as long as the run goes on, so that an order finds one that works. A budget that is spent
    /// leaves it out, and a venue that does not answer is told about by others.
    pub(super) async fn keep_warm(self, is_over: impl Fn() -> bool) {
        while !is_over() {
            let may = locked(&self.budget).take(Spend::of(&self.request)).is_ok();
            if may && let Some(signed) = sign::unsigned(&self.request) {
                let outgoing = Outgoing {
                    method: signed.method,
                    path_and_query: &signed.path_and_query,
                    body: None,
                    header: None,
                };
                match self.client.warm(&outgoing).await {
                    Some(Ok(reply)) => locked(&self.budget).on_reply(&reply),
                    Some(Err(why)) => {
                        tracing::debug!(%why, "a connection of orders does not work; the next order makes one");
                    }
                    None => return,
                }
            }
            tokio::time::sleep(WARM).await;
        }
    }

    fn read(&self, (profile, answer): (&Profile, Reply), offset: &Mutex<ClockOffset>, clock: Clock) -> Outcome {
        let status = answer.status;
        let result = match &self.what {
            Call::Ask(ask) => reply::answer(profile, ask, status, &answer.body),
            Call::Act(act) => reply::outcome(profile, act, status, &answer.body),
        };
        if let Ok(Answer::Time(server)) = &result {
            let seen = locked(offset).sample(answer.sent_at, answer.received_at, *server);
            let unused = crate::planted::is(crate::planted::Bug::MachineClock);
            if let Seen::Steady(offset) | Seen::Moved { to: offset, .. } = seen
                && !unused
            {
                let now = clock.now();
                (clock.anchor)(now.wall + offset.offset, offset.error);
            }
        }
        if let Ok(Answer::Instruments { limits, .. }) = &result {
            locked(&self.budget).state(limits);
        }
        let keeps = matches!(self.what, Call::Ask(Ask::Depth { .. }));
        Outcome::Answered { result, body: if keeps { answer.body } else { Vec::new() } }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
