//! The file of keys: mode 0600 from its first byte, replaced as a whole, and never read when somebody else could (X12, X13).
//!
//! It keeps what it is given and judges no key. Tests: `tests/commands/keys.rs`.

use super::entry::{KeyEntry, Kind};
use super::secret::Secret;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Version of the file.
const SCHEMA: &str = "carry.keys/1";
/// Most bytes of the file: some thousand keys.
const LARGEST: u64 = 1024 * 1024;

/// Why a file of secrets is not used.
#[derive(Debug, Error)]
pub enum FileError {
    /// The system says no.
    #[error("{path}: {kind}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        kind: std::io::ErrorKind,
    },
    /// It leads elsewhere.
    #[error("{path}: is a symbolic link; name the file itself", path = .0.display())]
    Link(PathBuf),
    /// Not a file.
    #[error("{path}: is not a regular file", path = .0.display())]
    NotFile(PathBuf),
    /// Somebody else may read or change it.
    #[error("{path}: mode {mode:04o} lets others {what} it; run: chmod 600 {path}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// What others can do.
        what: &'static str,
    },
    /// The folder lets somebody else replace the file.
    #[error("{path}: mode {mode:04o} lets others replace files in it; run: chmod 700 {path}", path = path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else's.
    #[error("{path}: belongs to user {owner}, and this process is user {own}; run: chown {own} {path}", path = path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Our user.
        own: u32,
    },
    /// Larger than it can be.
    #[error("{path}: is larger than {LARGEST} bytes", path = .0.display())]
    TooLarge(PathBuf),
    /// Not what we wrote.
    #[error("{path}: is damaged at line {line}, column {column}; put a copy back, or remove it and add the keys again", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
}

/// Who may do what with a file of secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Its owner is this user, and nobody else may read it.
    Private,
    /// Mounted by a service manager or a container: nobody else may change it.
    Mounted,
}

/// The user of this process, asked from the system by a socket between us and us.
#[must_use]
pub fn own_user() -> Option<u32> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let user = {
        let _inside = runtime.enter();
        tokio::net::UnixStream::pair().ok().and_then(|(one, _)| one.peer_cred().ok()).map(|peer| peer.uid())
    };
    runtime.shutdown_background();
    user
}

/// Reads a file of secrets when nobody else could have read or changed it; `None` when there is none.
///
/// # Errors
/// [`FileError`] says what is wrong and the command that mends it.
pub fn read_secret(path: &Path, guard: Guard) -> Result<Option<Zeroizing<Vec<u8>>>, FileError> {
    let io = |error: std::io::Error| FileError::Io { path: path.to_owned(), kind: error.kind() };
    let named = match std::fs::symlink_metadata(path) {
        Ok(named) => named,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if named.is_symlink() {
        return Err(FileError::Link(path.to_owned()));
    }
    if !named.is_file() {
        return Err(FileError::NotFile(path.to_owned()));
    }
    let file = File::open(path).map_err(io)?;
    let opened = file.metadata().map_err(io)?;
    if (opened.dev(), opened.ino()) != (named.dev(), named.ino()) {
        // It was exchanged between the look and the opening.
        return Err(FileError::Link(path.to_owned()));
    }
    check(path, &opened, guard)?;
    if opened.len() > LARGEST {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    // Its full size at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(opened.len()).unwrap_or(0) + 64));
    file.take(LARGEST).read_to_end(&mut bytes).map_err(io)?;
    // A byte-order mark is no part of a secret; moved within the buffer, so that no copy stays behind.
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(..3);
    }
    Ok(Some(bytes))
}

fn check(path: &Path, opened: &Metadata, guard: Guard) -> Result<(), FileError> {
    let mode = opened.mode() & 0o7777;
    let open = |what| FileError::Open { path: path.to_owned(), mode, what };
    match guard {
        Guard::Private if mode & 0o044 != 0 => return Err(open("read")),
        Guard::Private if mode & 0o033 != 0 => return Err(open("change")),
        Guard::Mounted if mode & 0o022 != 0 => return Err(open("change")),
        Guard::Private | Guard::Mounted => {}
    }
    let Some(own) = own_user() else { return Ok(()) };
    let trusted = opened.uid() == own || guard == Guard::Mounted && opened.uid() == 0;
    if trusted { Ok(()) } else { Err(FileError::Owner { path: path.to_owned(), owner: opened.uid(), own }) }
}

/// Mode of a file, for a list.
#[must_use]
pub fn mode_of(path: &Path) -> Option<u32> {
    std::fs::symlink_metadata(path).ok().map(|known| known.mode() & 0o7777)
}

/// Replaces a file as a whole: a new one of mode 0600 beside it, synced, then renamed.
///
/// # Errors
/// [`FileError`] when it is not on disk; the old one is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let io = |error: std::io::Error| FileError::Io { path: path.to_owned(), kind: error.kind() };
    let folder = folder_of(path);
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
    }
    let known = std::fs::metadata(folder).map_err(io)?;
    let mode = known.mode() & 0o7777;
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Err(FileError::Folder { path: folder.to_owned(), mode });
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("keys");
    let fresh = folder.join(format!(".{name}.new"));
    let _ = std::fs::remove_file(&fresh);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(io)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| std::fs::rename(&fresh, path));
    if let Err(error) = written {
        let _ = std::fs::remove_file(&fresh);
        return Err(io(error));
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// One key as the file holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) venue: String,
    pub(super) kind: String,
    #[serde(default)]
    pub(super) key: Option<Secret>,
    #[serde(default)]
    pub(super) user: Option<Secret>,
    #[serde(default)]
    pub(super) signer: Option<Secret>,
    /// Absent when the system's store has it.
    #[serde(default)]
    pub(super) secret: Option<Secret>,
    #[serde(default)]
    pub(super) note: String,
    pub(super) added_at: i64,
    pub(super) test: bool,
}

#[derive(Deserialize)]
struct Held {
    #[expect(dead_code, reason = "read to be refused when it is another one")]
    schema: Schema,
    keys: Vec<Row>,
}

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "carry.keys/1")]
    One,
}

/// A key to be written; the secret is left out when the system's store has it.
#[derive(Serialize)]
struct Out<'a> {
    name: &'a str,
    venue: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    note: &'a str,
    added_at: i64,
    test: bool,
}

/// The file of keys.
pub struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    /// At a path, whether it is there or not.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its keys; none when there is no file.
    ///
    /// # Errors
    /// [`FileError`] when it must not be used or is damaged.
    pub(super) fn rows(&self) -> Result<Vec<Row>, FileError> {
        let Some(bytes) = read_secret(&self.path, Guard::Private)? else { return Ok(Vec::new()) };
        let held: Held = serde_json::from_slice(&bytes).map_err(|error| FileError::Damaged {
            path: self.path.clone(),
            line: error.line(),
            column: error.column(),
        })?;
        Ok(held.keys)
    }

    /// Adds a key, or replaces the one of that name; with its secret or without.
    ///
    /// # Errors
    /// [`FileError`] when it is not on disk.
    pub(super) fn put(&self, entry: &KeyEntry, with_secret: bool) -> Result<(), FileError> {
        let _lock = self.lock()?;
        let rows = self.rows()?;
        let mut out: Vec<Out> = rows.iter().filter(|row| row.name != entry.name).map(Row::out).collect();
        let secret = with_secret.then(|| entry.secret().expose());
        let (key, user, signer) = match &entry.kind {
            Kind::Hmac { key, .. } | Kind::Ed25519 { key, .. } => (Some(key.as_str()), None, None),
            Kind::AsterAgent { user, signer, .. } => (None, Some(user.as_str()), Some(signer.as_str())),
        };
        out.push(Out {
            name: &entry.name,
            venue: entry.venue,
            kind: entry.kind_word(),
            key,
            user,
            signer,
            secret,
            note: &entry.note,
            added_at: entry.added_at.0,
            test: entry.test,
        });
        self.write(&out)
    }

    /// Takes a key out; false when there is none of that name.
    ///
    /// # Errors
    /// [`FileError`] when the change is not on disk.
    pub(super) fn remove(&self, name: &str) -> Result<bool, FileError> {
        let _lock = self.lock()?;
        let rows = self.rows()?;
        let out: Vec<Out> = rows.iter().filter(|row| row.name != name).map(Row::out).collect();
        if out.len() == rows.len() {
            return Ok(false);
        }
        self.write(&out)?;
        Ok(true)
    }

    fn write(&self, rows: &[Out<'_>]) -> Result<(), FileError> {
        let size = rows.iter().map(|row| 1024 + 2 * row.secret.map_or(0, str::len)).sum::<usize>() + 64;
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        let file = serde_json::json!({ "schema": SCHEMA }).to_string();
        bytes.extend_from_slice(file.trim_end_matches('}').as_bytes());
        bytes.extend_from_slice(b",\"keys\":");
        let damaged = |_| FileError::Damaged { path: self.path.clone(), line: 0, column: 0 };
        serde_json::to_writer(&mut *bytes, rows).map_err(damaged)?;
        bytes.extend_from_slice(b"}\n");
        replace(&self.path, &bytes)
    }

    /// Two commands at once must not lose each other's key.
    fn lock(&self) -> Result<File, FileError> {
        let folder = folder_of(&self.path);
        let io = |error: std::io::Error| FileError::Io { path: self.path.clone(), kind: error.kind() };
        if !folder.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(io)?;
        }
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or("keys");
        let path = folder.join(format!(".{name}.lock"));
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path).map_err(io)?;
        file.lock().map_err(io)?;
        Ok(file)
    }
}

impl Row {
    fn out(&self) -> Out<'_> {
        Out {
            name: &self.name,
            venue: &self.venue,
            kind: &self.kind,
            key: self.key.as_ref().map(Secret::expose),
            user: self.user.as_ref().map(Secret::expose),
            signer: self.signer.as_ref().map(Secret::expose),
            secret: self.secret.as_ref().map(Secret::expose),
            note: &self.note,
            added_at: self.added_at,
            test: self.test,
        }
    }
}
