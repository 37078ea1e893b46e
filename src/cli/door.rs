//! One venue's door for questions with one key: what `keys test`, `reconcile` and `pnl --import` share.
//!
//! The signer reads only, but for the one door that says otherwise: nothing else that is asked here can change the account.
//! Tests: `tests/commands/doctor.rs`.

use super::real::{self, Place};
use super::{Failure, live};
use crate::checks::inquiry::{Inquiry, Patience, StartError};
use crate::domain::VenueId;
use crate::keys::rights::{AskError, Rights};
use crate::keys::{KeyEntry, Kind};
use crate::net::Clock;
use crate::net::carrier::Carrier;
use crate::net::wire::{INBOX, Network, Signer, Wire};
use crate::venues::answer::{Answer, Class};
use crate::venues::ask::Ask;
use crate::venues::binance::profile::{Feature, Profile};
use std::sync::Arc;
use tokio::sync::mpsc;

/// A venue that answers.
pub(super) struct Door {
    /// The network.
    pub(super) wire: Wire,
    /// Its name in pairs.
    pub(super) name: String,
    /// The clock of the questions.
    pub(super) clock: Clock,
}

impl Door {
    /// For questions.
    pub(super) fn inquiry(&self) -> Inquiry<'_> {
        Inquiry { wire: &self.wire, name: &self.name, patience: Patience::none() }
    }
}

/// The venue of a key at an address of this machine, or its own.
pub(super) fn place(base_url: Option<&str>, clock: &str) -> Place {
    Place { base_url: base_url.map(str::to_owned).into_iter().collect(), clock: clock.to_owned(), length: None }
}

fn profile(entry: &KeyEntry, place: &Place) -> Result<Profile, Failure> {
    // Keys of the old kind go by the old version of the protocol.
    let old = entry.venue == "aster" && matches!(entry.kind, Kind::Hmac { .. });
    real::profile(if old { "aster-v1" } else { entry.venue }, place)
}

/// Refuses a key of another environment than the address.
///
/// # Errors
/// Exit code 2.
pub(super) fn fits(entry: &KeyEntry, base_url: Option<&str>) -> Result<(), Failure> {
    let profile = profile(entry, &place(base_url, "machine"))?;
    live::signer(entry, profile.name, &profile).map(|_| ())
}

/// Opens the door and measures the venue's clock.
///
/// # Errors
/// Exit code 2 for a key of another environment, 5 when the venue cannot be reached.
pub(super) async fn open(entry: &KeyEntry, place: &Place) -> Result<Door, Failure> {
    with(entry, place, real::read_only).await
}

/// The same with a key that may trade: for closing what a lost machine has left open.
///
/// # Errors
/// As [`open`].
pub(super) async fn open_to_trade(entry: &KeyEntry, place: &Place) -> Result<Door, Failure> {
    with(entry, place, |signer| signer).await
}

async fn with(entry: &KeyEntry, place: &Place, power: impl FnOnce(Signer) -> Signer) -> Result<Door, Failure> {
    let profile = profile(entry, place)?;
    let (signer, holder) = live::signer(entry, profile.name, &profile)?;
    let clock = real::clock_of(place).await?;
    let root = real::test_root(place.bases())?;
    let network =
        Network { owner: real::owner(&profile), holder, test_root: root.as_ref(), clock, carrier: Carrier::Sockets };
    let (sender, _inbox) = mpsc::channel(INBOX);
    let wire = Wire::new((VenueId(0), Arc::new(profile)), power(signer), &network, sender)?;
    let door = Door { wire, name: entry.venue.to_owned(), clock };
    door.inquiry().clock().await?;
    Ok(door)
}

/// What a key may do, as its venue says.
///
/// # Errors
/// [`AskError`].
pub(super) fn rights(entry: &KeyEntry, base_url: Option<&str>) -> Result<Rights, AskError> {
    let unreachable = |failure: Failure| AskError::Unreachable(failure.message);
    real::runtime().map_err(unreachable)?.block_on(async {
        let door = open(entry, &place(base_url, "machine")).await.map_err(unreachable)?;
        let profile = door.wire.profile();
        if !profile.has(Feature::ApiRestrictions) && !profile.has(Feature::AgentList) {
            // It cannot be asked: nothing is stated.
            return Ok(Rights::default());
        }
        match door.inquiry().ask("the rights of the key", Ask::KeyRights).await {
            Ok(Answer::KeyRights(found)) => Ok(Rights {
                reading: found.reading,
                spot: found.spot,
                perp: found.perps,
                withdrawals: found.withdrawals,
                address_list: found.ip_bound,
            }),
            Ok(_) => Err(AskError::Unreachable("the answer is of another kind".to_owned())),
            Err(StartError::Refused { refused, .. }) if refused.class == Class::Auth => Err(AskError::Refused),
            Err(error) => Err(AskError::Unreachable(error.to_string())),
        }
    })
}
