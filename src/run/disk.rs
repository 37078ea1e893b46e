//! The disk under a run: how much room is left, and the order in which things give way (faults G04, G19, L19).
//!
//! Entries stop first, then the tape, then the reserve goes to the ledger. Nothing here writes the ledger. Tests: the end of
//! `session.rs`, `tests/commands/process.rs`.

use crate::config::settings::Store;
use crate::store::reserve;
use std::path::{Path, PathBuf};

/// Looks between two questions to the system.
const EVERY: u32 = 16;
const MEGABYTE: u64 = 1_000_000;

/// What is known of it.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    min_free: u64,
    reserve: u64,
    looks: u32,
    short: bool,
    /// What was told last.
    told: bool,
}

impl Disk {
    /// Of a state folder; makes the reserve when there is room for it.
    #[must_use]
    pub fn of(folder: &Path, settings: &Store) -> Self {
        let bytes = |megabytes: u64| megabytes.saturating_mul(MEGABYTE);
        let mut disk = Self {
            folder: folder.to_owned(),
            min_free: bytes(settings.min_free_mb),
            reserve: bytes(settings.reserve_mb),
            looks: 0,
            short: false,
            told: false,
        };
        disk.look();
        disk
    }

    /// Whether room got short, or is there again; told once at each change.
    pub fn change(&mut self) -> Option<bool> {
        self.looks += 1;
        if self.looks >= EVERY {
            self.look();
        }
        (self.short != self.told).then(|| {
            self.told = self.short;
            self.short
        })
    }

    /// A write found no room: gives the reserve to the next try; false when there is none left.
    pub fn full(&mut self) -> bool {
        self.short = true;
        let had = reserve::release(&self.folder);
        if had {
            tracing::error!(
                "the disk of the state folder is full: its reserve is used; make room, entries have stopped"
            );
        }
        had
    }

    /// Whether the tape should give way: half of the room that entries need is gone too.
    #[must_use]
    pub fn is_tight(&self) -> bool {
        self.short && reserve::free(&self.folder).is_some_and(|free| free < self.min_free / 2)
    }

    /// The run is over: its reserve goes back to the system.
    pub fn give_back(&self) {
        let _ = reserve::release(&self.folder);
    }

    fn look(&mut self) {
        self.looks = 0;
        // When the system does not say, what was known stays: a guess neither stops entries nor lets them go on.
        let Some(free) = reserve::free(&self.folder) else { return };
        // A little more than what stops entries lets them go on, so that they do not flap.
        let enough = if self.short { self.min_free.saturating_add(self.min_free / 4) } else { self.min_free };
        self.short = if free < enough {
            true
        } else if reserve::is_whole(&self.folder, self.reserve) {
            false
        } else {
            // Only where it leaves room: making it must not fill the disk.
            free < enough.saturating_add(self.reserve) || !reserve::prepare(&self.folder, self.reserve)
        };
    }
}
