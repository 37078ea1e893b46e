//! Where a key is looked for, in this order: the service manager's credential, the container's secret, the file.
//!
//! A key of the file may have its secret in the system's store. The first place that has the name decides, and a place that
//! is there but must not be used is an error, never skipped. Tests: `tests/commands/keys.rs`.

use super::entry::{Fields, KeyEntry, KeyError, checked_kind, checked_name};
use super::file::Row;
use super::file::{FileError, Guard, KeyFile, mode_of, read_secret};
use super::input::{Asked, InputError, parse};
use super::ring::{Ring, RingError};
use crate::domain::WallTime;
use serde::Serialize;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Where containers get their secrets.
pub const CONTAINER: &str = "/run/secrets";
/// How the names of credentials and of container secrets begin.
const PREFIX: &str = "carry-";

/// Why a key cannot be had.
#[derive(Debug, Error)]
pub enum SourceError {
    /// A file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system's store.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// What stands in a file.
    #[error("{place}: {error}")]
    Content {
        /// Where.
        place: String,
        /// What is wrong.
        error: InputError,
    },
    /// The key itself.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nobody has it.
    #[error("there is no key {name}; looked in {looked}\nadd one: carry keys add {name} --venue binance < file")]
    Unknown {
        /// The name.
        name: String,
        /// The places.
        looked: String,
    },
    /// It is not ours to change.
    #[error("{name} comes from {place}; remove it there")]
    NotOurs {
        /// The name.
        name: String,
        /// Where it is.
        place: String,
    },
    /// Already there.
    #[error("there is a key {0} already; remove it first: carry keys remove {0}")]
    Exists(String),
}

/// Where a key was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A credential of the service manager.
    Credential,
    /// A secret of the container.
    Container,
    /// The file of keys.
    File,
    /// The system's store, named by the file.
    Keyring,
}

/// A key and where it came from.
pub struct Found {
    /// The key.
    pub entry: KeyEntry,
    /// The place.
    pub origin: Origin,
}

/// What may be shown of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// Its venue.
    pub venue: String,
    /// Its kind.
    pub kind: String,
    /// The last four characters of its public id.
    pub id: String,
    /// Where it is kept.
    pub origin: Origin,
    /// The file that holds it.
    pub path: PathBuf,
    /// That file's mode in octal.
    pub mode: String,
    /// Only for this machine.
    pub test: bool,
    /// A person's note.
    pub note: String,
    /// When it was added; absent for mounted keys.
    pub added_at: Option<WallTime>,
    /// Why it cannot be used; absent when nothing is known against it.
    pub problem: Option<String>,
}

/// Every place of keys.
pub struct Keys {
    /// The service manager's credentials.
    pub credentials: Option<PathBuf>,
    /// The container's secrets.
    pub container: PathBuf,
    /// The file.
    pub file: KeyFile,
    /// The system's store.
    pub ring: Box<dyn Ring>,
}

impl Keys {
    /// The key of a name.
    ///
    /// # Errors
    /// [`SourceError`] when nobody has it, or the first who has must not be used.
    pub fn find(&self, name: &str) -> Result<Found, SourceError> {
        let name = checked_name(name)?;
        for (folder, origin) in self.mounted() {
            let path = folder.join(format!("{PREFIX}{name}"));
            if let Some(entry) = mounted(&path, &name)? {
                return Ok(Found { entry, origin });
            }
        }
        match self.file.rows()?.into_iter().find(|row| row.name == name) {
            Some(row) => self.of_row(row),
            None => Err(SourceError::Unknown { looked: self.looked(), name }),
        }
    }

    /// Every key, with nothing that must stay hidden. No secret of the system's store is asked for. A mounted key that must not
    /// be used is listed with its problem, so that it hides no other.
    ///
    /// # Errors
    /// [`SourceError`] when the file of keys cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, SourceError> {
        let mut all: Vec<Listed> = Vec::new();
        for (folder, origin) in self.mounted() {
            let Ok(entries) = std::fs::read_dir(folder) else { continue };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.sort();
            for path in paths {
                let named = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_prefix(PREFIX));
                let Some(name) = named.and_then(|name| checked_name(name).ok()) else { continue };
                match mounted(&path, &name) {
                    Ok(Some(entry)) => all.push(listed(&entry, origin, &path)),
                    Ok(None) => {}
                    Err(problem) => all.push(unusable(name, origin, &path, &problem)),
                }
            }
        }
        for row in self.file.rows()? {
            if all.iter().any(|known| known.name == row.name) {
                continue;
            }
            let origin = if row.secret.is_some() { Origin::File } else { Origin::Keyring };
            all.push(row.listed(origin, self.file.path()));
        }
        Ok(all)
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// [`SourceError`] when the name is taken or the key cannot be kept.
    pub fn add(&self, entry: &KeyEntry, in_ring: bool) -> Result<(), SourceError> {
        if self.list()?.iter().any(|known| known.name == entry.name) {
            return Err(SourceError::Exists(entry.name.clone()));
        }
        if in_ring {
            self.ring.put(&entry.name, entry.secret())?;
        }
        Ok(self.file.put(entry, !in_ring)?)
    }

    /// Forgets a key, first its secret.
    ///
    /// # Errors
    /// [`SourceError`] when there is none, it is mounted, or it cannot be forgotten.
    pub fn remove(&self, name: &str) -> Result<Origin, SourceError> {
        let name = checked_name(name)?;
        let known = self.list()?.into_iter().find(|known| known.name == name);
        let Some(known) = known else { return Err(SourceError::Unknown { looked: self.looked(), name }) };
        match known.origin {
            Origin::Credential | Origin::Container => {
                return Err(SourceError::NotOurs { name, place: known.path.display().to_string() });
            }
            Origin::Keyring => self.ring.remove(&name)?,
            Origin::File => {}
        }
        self.file.remove(&name)?;
        Ok(known.origin)
    }

    fn mounted(&self) -> impl Iterator<Item = (&Path, Origin)> {
        let credentials = self.credentials.as_deref().map(|folder| (folder, Origin::Credential));
        credentials.into_iter().chain(std::iter::once((self.container.as_path(), Origin::Container)))
    }

    fn looked(&self) -> String {
        let folders = self.mounted().map(|(folder, _)| folder.display().to_string());
        let mut places: Vec<String> = folders.collect();
        places.push(self.file.path().display().to_string());
        places.join(", ")
    }

    fn of_row(&self, row: Row) -> Result<Found, SourceError> {
        let (venue, kind) = checked_kind(&row.venue, Some(&row.kind))?;
        let (secret, origin) = match row.secret {
            Some(secret) => (secret, Origin::File),
            None => (self.ring.get(&row.name)?, Origin::Keyring),
        };
        let mut fields = Fields { key: row.key, user: row.user, signer: row.signer, ..Fields::default() };
        match kind {
            "hmac" => fields.secret = Some(secret),
            "ed25519" => fields.pem = Some(secret),
            _ => fields.private_key = Some(secret),
        }
        // Checked again: the file may have been edited by hand.
        let kind = fields.check(kind)?;
        let added_at = WallTime(row.added_at);
        Ok(Found { entry: KeyEntry { name: row.name, venue, kind, note: row.note, added_at, test: row.test }, origin })
    }
}

fn mounted(path: &Path, name: &str) -> Result<Option<KeyEntry>, SourceError> {
    let Some(bytes) = read_secret(path, Guard::Mounted)? else { return Ok(None) };
    let asked = Asked { name, venue: None, kind: None, note: "", test: false, now: WallTime(0) };
    match parse(&bytes, asked) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) => Err(SourceError::Content { place: path.display().to_string(), error }),
    }
}

fn listed(entry: &KeyEntry, origin: Origin, path: &Path) -> Listed {
    Listed {
        name: entry.name.clone(),
        venue: entry.venue.to_owned(),
        kind: entry.kind_word().to_owned(),
        id: entry.shown_id(),
        origin,
        path: path.to_owned(),
        mode: mode_text(path),
        test: entry.is_test(),
        note: entry.note.clone(),
        added_at: None,
        problem: None,
    }
}

fn unusable(name: String, origin: Origin, path: &Path, problem: &SourceError) -> Listed {
    let unknown = || "?".to_owned();
    Listed {
        name,
        venue: unknown(),
        kind: unknown(),
        id: unknown(),
        origin,
        path: path.to_owned(),
        mode: mode_text(path),
        test: false,
        note: String::new(),
        added_at: None,
        problem: Some(problem.to_string()),
    }
}

fn mode_text(path: &Path) -> String {
    mode_of(path).map_or_else(String::new, |mode| format!("{mode:04o}"))
}

impl Row {
    fn listed(&self, origin: Origin, path: &Path) -> Listed {
        let id = self.key.as_ref().or(self.signer.as_ref()).map_or("", |id| id.expose());
        let shown = id.get(id.len().saturating_sub(4)..).unwrap_or_default();
        let published = super::entry::PUBLISHED.iter().any(|known| known.eq_ignore_ascii_case(id));
        Listed {
            name: self.name.clone(),
            venue: self.venue.clone(),
            kind: self.kind.clone(),
            id: format!("...{shown}"),
            origin,
            path: path.to_owned(),
            mode: mode_text(path),
            test: self.test || published,
            note: self.note.clone(),
            added_at: Some(WallTime(self.added_at)),
            problem: None,
        }
    }
}
