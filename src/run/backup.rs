//! Backups of a session: one file with everything that a start needs, and back into a folder.
//!
//! The file is a Zstandard-compressed tar whose first entry, `manifest.json`, says what else is in it with sizes and SHA-256.
//! The tape is left out: it is never needed to recover. Nothing is ever overwritten; what is restored holds no entry until a
//! person says so (fault G16). Keys are not in a state folder and so in no backup. Tests: `tests/commands/backup.rs`.

use super::review::Identity;
use crate::domain::WallTime;
use crate::net::machine_clock;
use crate::store::{StoreError, copy, ledger_file};
use crate::tape::{self, TapeWriter};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Version of the layout.
const SCHEMA: &str = "carry.backup/1";
const MANIFEST: &str = "manifest.json";
const LEDGER: &str = "ledger.sqlite";
/// Databases, in the order in which they are held: the ledger is behind the venue, never ahead of it.
const BASES: [&str; 2] = [LEDGER, "venue.sqlite"];
/// Small files beside them.
const BESIDE: [&str; 2] = [crate::checks::ladder::FILE, super::telling::FILE];
/// A manifest is small; a larger one is not ours.
const LARGEST_MANIFEST: u64 = 1 << 20;
/// How a Zstandard file begins.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Zstandard's usual strength.
const LEVEL: i32 = 3;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// A database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder is no session.
    #[error("{dir}: is not a session folder: it has no {LEDGER}", dir = .0.display())]
    NoSession(PathBuf),
    /// There is nothing to save yet.
    #[error("{dir}: the session has booked nothing yet; there is nothing to save", dir = .0.display())]
    Nothing(PathBuf),
    /// It is there already.
    #[error("{path}: is there already, and nothing is ever overwritten", path = .0.display())]
    Exists(PathBuf),
    /// Not ours, or of a later version.
    #[error("{path}: is no backup of this program: {problem}", path = path.display())]
    NotBackup {
        /// The file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// It is not what was saved.
    #[error("{path}: is damaged: {problem}; nothing was restored", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What differs.
        problem: String,
    },
    /// The system says no.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: std::io::Error,
    },
    /// The new tape.
    #[error(transparent)]
    Tape(#[from] tape::TapeError),
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name in the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
}

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the layout.
    pub schema: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// When, on the machine's clock.
    pub made_ms: WallTime,
    /// `paper`, `shadow` or `live`.
    pub mode: String,
    /// The session's clock at its last commit.
    pub clock_ms: WallTime,
    /// Number of the last event in it.
    pub last_sequence: u64,
    /// The files.
    pub files: Vec<Part>,
}

/// Saves the session of a folder, running or not, in a new file of mode 0600.
///
/// # Errors
/// [`BackupError`]; no file is left then.
pub fn save(dir: &Path, to: &Path) -> Result<Manifest, BackupError> {
    if !dir.join(LEDGER).is_file() {
        return Err(BackupError::NoSession(dir.to_owned()));
    }
    let io = |error| failed(to, error);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(io)?;
    let saved = write(dir, file, to);
    if saved.is_err() {
        let _ = std::fs::remove_file(to);
    }
    saved
}

fn failed(path: &Path, error: std::io::Error) -> BackupError {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return BackupError::Exists(path.to_owned());
    }
    BackupError::Io { path: path.to_owned(), error }
}

/// A folder beside a path, for its owner alone; taken away when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn beside(path: &Path) -> Result<Self, BackupError> {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let place = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&place).map_err(|error| failed(&place, error))?;
        Ok(Self(place))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn write(dir: &Path, file: File, to: &Path) -> Result<Manifest, BackupError> {
    let io = |error| failed(to, error);
    let scratch = Scratch::beside(to)?;
    let there: Vec<&str> = BASES.into_iter().filter(|name| dir.join(name).is_file()).collect();
    let bases: Vec<(PathBuf, PathBuf)> = there.iter().map(|name| (dir.join(name), scratch.0.join(name))).collect();
    let pairs: Vec<(&Path, &Path)> = bases.iter().map(|(from, to)| (from.as_path(), to.as_path())).collect();
    copy::at_one_instant(&pairs)?;
    for name in BESIDE.into_iter().filter(|name| dir.join(name).is_file()) {
        std::fs::copy(dir.join(name), scratch.0.join(name)).map_err(|error| failed(&dir.join(name), error))?;
    }
    let meta = ledger_file::meta(&scratch.0.join(LEDGER))?;
    let number = |key: &str| meta.get(key).and_then(|text| text.parse::<i64>().ok());
    let (Some(clock), Some(sequence)) = (number("clock"), number("sequence")) else {
        return Err(BackupError::Nothing(dir.to_owned()));
    };
    let mut manifest = Manifest {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        made_ms: machine_clock::now(),
        mode: Identity::parse(meta.get("identity").map_or("", String::as_str)).mode,
        clock_ms: WallTime(clock),
        last_sequence: u64::try_from(sequence).unwrap_or(0),
        files: Vec::new(),
    };
    for name in BASES.into_iter().chain(BESIDE).filter(|name| scratch.0.join(name).is_file()) {
        manifest.files.push(part(&scratch.0, name).map_err(io)?);
    }
    let mut archive = tar::Builder::new(zstd::Encoder::new(file, LEVEL).map_err(io)?);
    let text = serde_json::to_vec_pretty(&manifest).map_err(std::io::Error::from).map_err(io)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(text.len()).unwrap_or(0));
    header.set_mode(0o600);
    archive.append_data(&mut header, MANIFEST, text.as_slice()).map_err(io)?;
    for part in &manifest.files {
        archive.append_path_with_name(scratch.0.join(&part.name), &part.name).map_err(io)?;
    }
    let mut file = archive.into_inner().and_then(zstd::Encoder::finish).map_err(io)?;
    file.flush().and_then(|()| file.sync_all()).map_err(io)?;
    Ok(manifest)
}

fn part(dir: &Path, name: &str) -> std::io::Result<Part> {
    let mut file = File::open(dir.join(name))?;
    let mut hash = Sha256::new();
    let bytes = std::io::copy(&mut file, &mut hash)?;
    let sha256 = crate::domain::text::hex(&hash.finalize());
    Ok(Part { name: name.to_owned(), bytes, sha256 })
}

/// Puts a backup into a folder that is not there or empty. The session in it enters nothing until `clear-halt`.
///
/// # Errors
/// [`BackupError`]; the folder is then as it was.
pub fn restore(from: &Path, dir: &Path) -> Result<Manifest, BackupError> {
    // Not there, empty, or refused; what is no folder fails at the end, where it is put in place.
    if std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::Exists(dir.to_owned()));
    }
    let dir = &std::path::absolute(dir).map_err(|error| failed(dir, error))?;
    if let Some(parent) = dir.parent() {
        std::fs::create_dir_all(parent).map_err(|error| failed(parent, error))?;
    }
    let scratch = Scratch::beside(dir)?;
    let manifest = unpack(from, &scratch.0)?;
    for part in manifest.files.iter().filter(|part| BASES.contains(&part.name.as_str())) {
        copy::check(&scratch.0.join(&part.name))?;
    }
    let ledger = scratch.0.join(LEDGER);
    ledger_file::hold_entries(&ledger)?;
    new_tape(&scratch.0, &ledger, from)?;
    std::fs::rename(&scratch.0, dir).map_err(|error| failed(dir, error))?;
    Ok(manifest)
}

fn unpack(from: &Path, into: &Path) -> Result<Manifest, BackupError> {
    let not_ours = |problem: String| BackupError::NotBackup { path: from.to_owned(), problem };
    let damaged = |problem: String| BackupError::Damaged { path: from.to_owned(), problem };
    let broken = |error: std::io::Error| damaged(error.to_string());
    let mut file = File::open(from).map_err(|error| failed(from, error))?;
    let mut magic = [0; MAGIC.len()];
    if file.read_exact(&mut magic).is_err() || magic != MAGIC {
        return Err(not_ours("it is not compressed as one".to_owned()));
    }
    file.rewind().map_err(|error| failed(from, error))?;
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(broken)?);
    let mut entries = archive.entries().map_err(broken)?;
    let first = entries.next().ok_or_else(|| damaged("it is empty".to_owned()))?;
    let mut text = Vec::new();
    let first = first.map_err(broken)?;
    first.take(LARGEST_MANIFEST).read_to_end(&mut text).map_err(broken)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| not_ours(error.to_string()))?;
    if manifest.schema != SCHEMA {
        return Err(not_ours(format!("its layout is {}, and this program reads {SCHEMA}", manifest.schema)));
    }
    let known = |name: &str| BASES.contains(&name) || BESIDE.contains(&name);
    if let Some(part) = manifest.files.iter().find(|part| !known(&part.name)) {
        return Err(not_ours(format!("it holds {}, which belongs in no session", part.name.escape_debug())));
    }
    for wanted in &manifest.files {
        let missing = || damaged(format!("{} is missing", wanted.name));
        let mut entry = entries.next().ok_or_else(missing)?.map_err(broken)?;
        if entry.path().map_err(broken)?.to_str() != Some(&wanted.name) {
            return Err(missing());
        }
        let path = into.join(&wanted.name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.as_mut().map_err(|error| damaged(error.to_string()))?;
        std::io::copy(&mut (&mut entry).take(wanted.bytes.saturating_add(1)), file).map_err(broken)?;
        file.sync_all().map_err(broken)?;
        if part(into, &wanted.name).map_err(broken)? != *wanted {
            return Err(damaged(format!("{} has another checksum than when it was saved", wanted.name)));
        }
    }
    if manifest.files.iter().all(|part| part.name != LEDGER) {
        return Err(damaged(format!("{LEDGER} is missing")));
    }
    Ok(manifest)
}

/// A tape that begins here: the old one is not in the backup.
fn new_tape(dir: &Path, ledger: &Path, from: &Path) -> Result<(), BackupError> {
    let meta = ledger_file::meta(ledger)?;
    let text = |key: &str| meta.get(key).map(String::as_str).unwrap_or_default();
    let damaged = |error: serde_json::Error| BackupError::Damaged { path: from.to_owned(), problem: error.to_string() };
    let identity = Identity::parse(text("identity"));
    let header = tape::Header {
        mode: identity.mode,
        market: identity.market,
        seed: identity.seed.parse().unwrap_or(0),
        strategy_sha256: identity.strategy,
        settings: serde_json::from_str(text("settings")).map_err(damaged)?,
        catalogue: serde_json::from_str(text("catalogue")).map_err(damaged)?,
    };
    let tape = dir.join("tape");
    std::fs::create_dir(&tape).map_err(|error| failed(&tape, error))?;
    TapeWriter::create(&tape, &header)?;
    Ok(())
}
