//! From open doors to a live run: the account is looked at, the ledger is opened or made, and recovery joins both.
//!
//! Start and restart are one path (I6). Nothing is traded here. Tests: `tests/live.rs`, `tests/live_sim.rs`.

use super::besides::Besides;
use super::collect::Collector;
use super::driver::Driver;
use super::folder;
use super::inputs::InputsWatch;
use super::live::{Desk, Live, Outbox};
use super::opening::Opened;
use super::session::{self, Session};
use crate::checks::inquiry::StartError;
use crate::checks::modes::ModesWatch;
use crate::checks::preflight::{self, Verdict};
use crate::config::{Loaded, Settings};
use crate::domain::{Instrument, Market, Sequence, Symbol, VenueId, WallTime};
use crate::engine::State;
use crate::net::wire::WireError;
use crate::port::Event;
use crate::port::event::Wallet;
use crate::store::JournalError;
use crate::store::{LedgerFile, StoreError};
use crate::venues::binance::account::Account;
use crate::venues::binance::profile::Feature;
use std::path::Path;
use thiserror::Error;

/// Why a run does not begin.
#[derive(Debug, Error)]
pub enum BeginError {
    /// It was asked for in a way that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file is damaged or cannot be written.
    #[error("{0}")]
    Failure(String),
    /// The account is not as it must be.
    #[error("{0}")]
    Refused(String),
    /// A venue.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The network.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The ledger of record.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fact is not on disk.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Which run, where, and fresh bits for its ids.
#[derive(Clone, Copy)]
pub struct Beginning<'a> {
    /// Folder of ledger and tape.
    pub folder: &'a Path,
    /// What is asked for.
    pub loaded: &'a Loaded,
    /// So that no two installations make the same ids (fault A12).
    pub salt: u32,
}

/// Looks at keys, modes and collateral of every account, and sets what is ours to set.
///
/// # Errors
/// [`BeginError::Refused`] names the first thing that is wrong, with its mend.
pub async fn accounts(opened: &Opened, settings: &Settings) -> Result<(), BeginError> {
    for door in &opened.doors {
        let inquiry = door.inquiry();
        // In what takes no orders now nothing can be set.
        let shut = |symbol: &Symbol| {
            let same =
                |one: &&Instrument| one.venue_id == door.venue && one.market == Market::Perp && one.symbol == *symbol;
            opened.catalogue.instruments().iter().find(same).is_some_and(|one| opened.known.kept.is_shut(one))
        };
        let mut perps = preflight::perps(&opened.catalogue, door.venue);
        perps.retain(|symbol| !shut(symbol));
        let settings = &settings.at_venue(&door.name);
        let mut lines = preflight::account(&inquiry, (&perps, settings), door.now).await?;
        let wanted = (perps.as_slice(), settings.margin.collateral);
        if preflight::settle_collateral(&inquiry, wanted, &lines).await? {
            lines = preflight::account(&inquiry, (&perps, settings), door.now).await?;
        }
        if let Some(line) = lines.iter().find(|line| line.verdict == Verdict::Refuse) {
            let text =
                format!("{}: {}: {}\n{}\ncarry doctor shows everything", door.name, line.check, line.found, line.fix);
            return Err(BeginError::Refused(text));
        }
        preflight::settle_modes(&inquiry, &perps, settings).await?;
    }
    Ok(())
}

/// The core and the accounts: from the ledger when there is one, else from the balances.
///
/// # Errors
/// [`BeginError`].
pub async fn live(of: Beginning<'_>, opened: &mut Opened) -> Result<Live<Session>, BeginError> {
    let now = (opened.clock.wall)();
    match folder::ledger(of.folder, "live", of.loaded)? {
        (ledger, Some(read)) => resume(of, (ledger, &read), opened, now),
        (ledger, None) => start(of, ledger, opened, now).await,
    }
}

async fn start(
    of: Beginning<'_>,
    mut ledger: LedgerFile,
    opened: &mut Opened,
    now: WallTime,
) -> Result<Live<Session>, BeginError> {
    let settings = &of.loaded.settings;
    let mut openings: Vec<(VenueId, Wallet, crate::domain::Asset, crate::domain::Amount)> = Vec::new();
    for door in &opened.doors {
        for (wallet, asset, amount) in door.inquiry().balances().await? {
            openings.push((door.venue, wallet, asset, amount));
        }
    }
    openings.retain(|(_, _, _, amount)| !amount.is_zero());
    let tape = folder::set_up(of.folder, &mut ledger, of.loaded, opened, "live")?;
    let collector = Collector::new(opened.catalogue.pairs().len(), true);
    let session = Session::new(ledger, Some(tape), &collector).watching(of.folder, &settings.store);
    let state = State::new(settings.clone(), opened.catalogue.clone());
    let mut driver = Driver::new(state, Outbox::default(), session, collector);
    driver.refill(&opened.known.history, now)?;
    driver.fact(now, Event::Boot { epoch: 1, salt: of.salt }, None)?;
    for (venue, wallet, asset, amount) in openings {
        driver.fact(now, Event::Opening { venue, wallet, asset, amount }, None)?;
    }
    driver.journal.ready()?;
    let desks = desks((opened, &driver.state.settings), now);
    Ok(Live::new(driver, desks, now)?)
}

fn resume(
    of: Beginning<'_>,
    from: (LedgerFile, &crate::store::Loaded),
    opened: &mut Opened,
    now: WallTime,
) -> Result<Live<Session>, BeginError> {
    let (mut ledger, read) = from;
    let loaded = of.loaded;
    let damaged = |problem: String| BeginError::Failure(format!("the ledger cannot be read back: {problem}"));
    folder::same_run(read, (loaded, "live"), &opened.catalogue, of.folder)?;
    super::typed::keep(&mut ledger, loaded, of.folder)?;
    folder::keep_pairs(&mut ledger, read, (loaded, &opened.catalogue))?;
    let mut state = State::new(loaded.settings.clone(), opened.catalogue.clone());
    let recovered = session::recover(&mut state, read).map_err(|error| damaged(error.to_string()))?;
    let sequence = Sequence(state.sequence.0);
    let header = folder::header(loaded, &opened.catalogue, "live")?;
    let tape = super::resumed::tape_of(of.folder, header, read, sequence);
    let session = Session::new(ledger, tape, &recovered.collector).watching(of.folder, &loaded.settings.store);
    let mut driver = Driver::new(state, Outbox::default(), session, recovered.collector);
    let now = now.max(recovered.clock);
    driver.refill(&opened.known.history, now)?;
    driver.fact(now, Event::Boot { epoch: recovered.epoch + 1, salt: of.salt }, None)?;
    // Lists are read again from a day back, and not from before the ledger began; what it has is not booked twice.
    let began = read.facts.first().map_or(recovered.clock, |fact| fact.stamped.at);
    let from = (recovered.clock - crate::domain::Span::DAY).max(began);
    let mut desks = desks((opened, &driver.state.settings), now);
    for desk in &mut desks {
        recall(desk, read, &driver.state, (from, now));
    }
    Ok(Live::new(driver, desks, now)?)
}

/// What the ledger has of one account: its orders, executions, payments and positions.
fn recall(desk: &mut Desk, read: &crate::store::Loaded, state: &State, (from, now): (WallTime, WallTime)) {
    for stored in &read.intents {
        desk.account.remember(stored.intent.id, stored.intent.instrument, stored.intent.decided_at);
    }
    for fact in &read.facts {
        desk.account.booked_before(&fact.stamped.event, fact.stamped.at);
    }
    desk.account.recalled(from);
    let ours = |one: &&Instrument| one.venue_id == desk.venue && one.market == Market::Perp;
    for one in state.catalogue.instruments().iter().filter(ours) {
        desk.account.holds(one.id, state.position(one.id), now);
    }
}

fn desks((opened, settings): (&mut Opened, &Settings), now: WallTime) -> Vec<Desk> {
    let catalogue = &opened.catalogue;
    let mut desks = Vec::new();
    for door in std::mem::take(&mut opened.doors) {
        let account = Account::new(door.venue, catalogue, door.wire.profile(), now);
        let modes = ModesWatch::new(
            door.wire.profile(),
            preflight::perps(catalogue, door.venue),
            &settings.at_venue(&door.name),
            now,
        );
        let ranks = !door.wire.profile().has(Feature::SymbolConfig);
        let besides = Besides::new(InputsWatch::new(door.venue, catalogue, ranks, now));
        desks.push(Desk::new(door.venue, door.feed, account, door.wire, (modes, besides)));
    }
    desks
}
