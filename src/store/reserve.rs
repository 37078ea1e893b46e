//! Room on the disk that is held back: a file of the state folder, removed when the ledger finds no room (fault G04).
//!
//! It moves nothing by itself. Tests: `tests/commands/process.rs`, `run/disk.rs`.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Its name in the state folder.
const NAME: &str = "reserve";
/// A start with less room than this needs the reserve to open its files.
const NEEDED: u64 = 1 << 20;
static CHUNK: [u8; 64 << 10] = [0; 64 << 10];

fn path(folder: &Path) -> PathBuf {
    folder.join(NAME)
}

/// Bytes that this process may still write on the disk of a folder; absent when the system does not say.
#[must_use]
pub fn free(folder: &Path) -> Option<u64> {
    let about = rustix::fs::statvfs(folder).ok()?;
    about.f_bavail.checked_mul(about.f_frsize)
}

/// Whether the reserve of so many bytes is there.
#[must_use]
pub fn is_whole(folder: &Path, bytes: u64) -> bool {
    bytes == 0 || std::fs::metadata(path(folder)).is_ok_and(|known| known.len() >= bytes)
}

/// Makes the reserve of so many bytes; false when there is no room for it.
#[must_use]
pub fn prepare(folder: &Path, bytes: u64) -> bool {
    let path = path(folder);
    // Real bytes: a file of holes would hold nothing back.
    let made = OpenOptions::new().write(true).create(true).truncate(true).open(&path).and_then(|mut file| {
        let mut left = bytes;
        while left > 0 {
            let part = usize::try_from(left).unwrap_or(CHUNK.len()).min(CHUNK.len());
            file.write_all(CHUNK.get(..part).unwrap_or(&CHUNK))?;
            left = left.saturating_sub(u64::try_from(part).unwrap_or(left));
        }
        file.sync_all()
    });
    if made.is_err() {
        let _ = release(folder);
    }
    made.is_ok()
}

/// Gives the reserve to whoever writes next; true when there was one.
#[must_use]
pub fn release(folder: &Path) -> bool {
    let path = path(folder);
    let there = path.exists() && std::fs::remove_file(&path).is_ok();
    if there {
        // Its name is gone from the disk when this returns, and its room is free.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    there
}

/// Before a start opens its files: on a full disk the reserve makes it possible.
pub fn make_room(folder: &Path) {
    if free(folder).is_some_and(|free| free < NEEDED) && release(folder) {
        tracing::warn!("the disk of the state folder is full: its reserve is used; make room");
    }
}
