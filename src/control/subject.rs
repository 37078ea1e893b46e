//! The session that the control socket acts on: a paper session, a shadow or a live run. `desk.rs` asks; `run/subjects.rs` says
//! how each of them does it.

use super::guide::{self, Step};
use super::latency::Latency;
use super::link::Link;
use super::mend::Mending;
use super::recent::Recent;
use super::request::{Code, ControlError, Settled};
use crate::domain::{ClientOrderId, PairId, VenueId, WallTime};
use crate::engine::State;
use crate::observe::words::About;
use crate::port::Event;
use crate::port::command::{Alarm, AlarmKind};
use crate::port::event::{Adoption, Transfer};
use crate::report::run::FillRow;
use crate::store::JournalError;
use std::collections::BTreeMap;

/// Ledger against venue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// At that time all agreed.
    Agree(WallTime),
    /// These accounts differ.
    Differ(Vec<String>),
    /// Nothing is known of now; it was asked.
    Asked,
}

/// What becomes of a person's word about an order in doubt.
pub type Settling = Result<Result<&'static str, ControlError>, JournalError>;

/// A session that a person can act on.
pub trait Subject {
    /// The core.
    fn state(&self) -> &State;
    /// The core, to value its books.
    fn state_mut(&mut self) -> &mut State;
    /// Fills so far.
    fn fills(&self) -> &[FillRow];
    /// Alarms raised so far, by kind.
    fn alarms(&self) -> &BTreeMap<AlarmKind, u64>;
    /// Alarms since they were taken last, when somebody takes them.
    fn raised(&mut self) -> &mut Option<Vec<(Alarm, About)>>;
    /// How long the turns of its loop took.
    fn turns(&mut self) -> &mut Latency;
    /// The network to each venue; none where venues are simulated.
    fn links(&self) -> Vec<(VenueId, Link)> {
        Vec::new()
    }
    /// Pairs that the universe admits and that the session does not have, by their names.
    fn admitted(&self) -> Vec<String> {
        Vec::new()
    }
    /// Whether its fills are simulated.
    fn is_simulated(&self) -> bool {
        false
    }
    /// The latest alarms with their times, where they are kept.
    fn recent(&mut self) -> &mut Option<Recent>;
    /// A person's act, or what one found out, as a fact that is decided on.
    ///
    /// # Errors
    /// [`JournalError`] when it is not on disk.
    fn operate(&mut self, event: Event, now: WallTime) -> Result<(), JournalError>;
    /// Compares ledger and venue, or says what the last comparison found and begins another.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    fn compare(&mut self, now: WallTime) -> Result<Compared, JournalError>;
    /// Settles an order in doubt as a person says, if the venue does not say otherwise. Gives what was done, in words.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    fn settle(&mut self, id: ClientOrderId, settled: Settled, now: WallTime) -> Settling;
    /// What the venue's wallets say of a transfer in doubt.
    fn transfer_evidence(&self, _transfer: &Transfer, _since: WallTime) -> (Vec<String>, Option<Settled>) {
        (Vec::new(), None)
    }
    /// Settles a transfer in doubt as a person says, if the venue's wallets do not say otherwise.
    ///
    /// # Errors
    /// [`JournalError`] when a fact is not on disk.
    fn settle_transfer(&mut self, _of: (Transfer, WallTime), _settled: Settled, _now: WallTime) -> Settling {
        Ok(Err(super::transfer_doubt::simulated()))
    }
    /// What there is for a pair to take over.
    ///
    /// # Errors
    /// [`ControlError`] when there is nothing, or what there is does not fit together.
    fn adoptable(&self, pair: PairId) -> Result<Adoption, ControlError>;
    /// What a person may have booked so that the ledger is what the last comparisons show.
    ///
    /// # Errors
    /// [`ControlError`] when nothing differs, or a position differs that cannot be booked.
    fn mending(&self) -> Result<Mending, ControlError> {
        Err(nothing_outside())
    }
    /// What to do about whatever stops the session, in order.
    fn guide(&self) -> Vec<Step> {
        guide::steps(self.state(), &guide::Books::default())
    }
}

fn nothing_outside() -> ControlError {
    ControlError::new(Code::Unsupported, "nobody can move money of a session with simulated fills")
}
