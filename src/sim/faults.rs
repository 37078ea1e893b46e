//! Misbehaviour on order: what the venue or the way to it does to one request or report. Seeded; none by default.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use serde::{Deserialize, Serialize};

/// What happens to one request that places an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceFault {
    /// A01: a definite refusal.
    Reject,
    /// A02: only a part trades, the rest expires.
    Partial,
    /// Nothing trades: the order expires.
    NoFill,
    /// A04: no answer; executed; the stream comes late.
    TimeoutExecuted,
    /// A05: no answer; never arrived.
    TimeoutLost,
    /// A06: no answer; arrives late, inside its validity.
    TimeoutLate,
    /// A07: an error answer, yet accepted.
    ErrorAccepted,
    /// A14: more is executed than ordered.
    Overfill,
    /// A16: a reduce-only order is refused.
    ReduceRefused,
    /// A17: a post-only order is refused as crossing.
    PostOnlyRefused,
    /// Everything takes many times longer.
    Slow,
    /// A08: the acknowledgement comes long before the refusal.
    AckThenReject,
}

/// What happens to one report on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFault {
    /// C02: delivered twice.
    Duplicate,
    /// C03, A09: overtaken by later ones.
    Reorder,
    /// Lost on the stream; a query still finds it.
    Lost,
}

/// What happens to one cancel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelFault {
    /// A11: no answer; done.
    UnknownDone,
    /// A11: no answer; not done.
    UnknownLost,
    /// A10: the order fills first.
    FilledFirst,
}

/// How often each kind strikes, in thousandths, and the stream that decides.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Faults {
    place: Vec<(PlaceFault, u32)>,
    duplicate: u32,
    reorder: u32,
    lost: u32,
    cancel: u32,
    /// The only kind of cancel fault, when not all of them.
    cancel_kind: Option<CancelFault>,
    rng: Option<ChaCha8Rng>,
    struck: u64,
}

/// Every kind of placing fault.
pub const PLACE_FAULTS: [PlaceFault; 12] = [
    PlaceFault::Reject,
    PlaceFault::Partial,
    PlaceFault::NoFill,
    PlaceFault::TimeoutExecuted,
    PlaceFault::TimeoutLost,
    PlaceFault::TimeoutLate,
    PlaceFault::ErrorAccepted,
    PlaceFault::Overfill,
    PlaceFault::ReduceRefused,
    PlaceFault::PostOnlyRefused,
    PlaceFault::Slow,
    PlaceFault::AckThenReject,
];

impl Faults {
    /// A venue that never misbehaves.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            place: Vec::new(),
            duplicate: 0,
            reorder: 0,
            lost: 0,
            cancel: 0,
            cancel_kind: None,
            rng: None,
            struck: 0,
        }
    }

    /// Rates drawn from the seed: each kind from never to often, so that some seeds stress one kind and some all.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_fa17);
        let mut rate = |most: u32| {
            let level = rng.next_u32() % 4;
            if level == 0 { 0 } else { most * level / 3 }
        };
        let place = PLACE_FAULTS.iter().map(|fault| (*fault, rate(60))).collect();
        let (duplicate, reorder, lost, cancel) = (rate(200), rate(150), rate(100), rate(300));
        Self { place, duplicate, reorder, lost, cancel, cancel_kind: None, rng: Some(rng), struck: 0 }
    }

    /// None yet, but with a stream of chance: the base of the builders below.
    #[must_use]
    pub fn quiet(seed: u64) -> Self {
        Self { rng: Some(ChaCha8Rng::seed_from_u64(seed ^ 0x5eed_fa17)), ..Self::none() }
    }

    /// This fault strikes so many of a thousand orders.
    #[must_use]
    pub fn with_place(mut self, fault: PlaceFault, rate: u32) -> Self {
        self.place.push((fault, rate));
        self
    }

    /// This fault strikes so many of a thousand reports.
    #[must_use]
    pub const fn with_report(mut self, fault: ReportFault, rate: u32) -> Self {
        match fault {
            ReportFault::Duplicate => self.duplicate = rate,
            ReportFault::Reorder => self.reorder = rate,
            ReportFault::Lost => self.lost = rate,
        }
        self
    }

    /// This fault, and no other kind, strikes so many of a thousand cancels.
    #[must_use]
    pub const fn with_cancel(mut self, fault: CancelFault, rate: u32) -> Self {
        self.cancel = rate;
        self.cancel_kind = Some(fault);
        self
    }

    /// Faults that struck so far.
    #[must_use]
    pub const fn struck(&self) -> u64 {
        self.struck
    }

    /// No more faults from now on.
    pub fn stop(&mut self) {
        self.rng = None;
    }

    /// A number below `most` from the fault stream, or zero when there are no faults.
    pub fn draw(&mut self, most: u32) -> u32 {
        self.rng.as_mut().map_or(0, |rng| rng.next_u32() % most.max(1))
    }

    /// The fate of a request that places an order.
    pub fn place(&mut self) -> Option<PlaceFault> {
        self.rng.as_ref()?;
        let mut dice = self.draw(1000);
        for (fault, rate) in &self.place {
            if dice < *rate {
                self.struck += 1;
                return Some(*fault);
            }
            dice -= rate;
        }
        None
    }

    /// The fate of a report.
    pub fn report(&mut self) -> Option<ReportFault> {
        self.rng.as_ref()?;
        let dice = self.draw(1000);
        let fault = if dice < self.duplicate {
            ReportFault::Duplicate
        } else if dice < self.duplicate + self.reorder {
            ReportFault::Reorder
        } else if dice < self.duplicate + self.reorder + self.lost {
            ReportFault::Lost
        } else {
            return None;
        };
        self.struck += 1;
        Some(fault)
    }

    /// The fate of a cancel.
    pub fn cancel(&mut self) -> Option<CancelFault> {
        self.rng.as_ref()?;
        if self.draw(1000) >= self.cancel {
            return None;
        }
        self.struck += 1;
        if self.cancel_kind.is_some() {
            return self.cancel_kind;
        }
        Some(match self.draw(3) {
            0 => CancelFault::UnknownDone,
            1 => CancelFault::UnknownLost,
            _ => CancelFault::FilledFirst,
        })
    }
}
