//! What a backtest leaves instead of a tape: the hashes of its inputs, its settings, its seed and its digest.
//!
//! History on disk is its own recording, so naming it exactly is enough to repeat the run. Tests stand at the end of
//! this file.

use super::{Digest, TapeError};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

/// The file in a run's folder.
pub const FILE: &str = "manifest.json";
/// Layout of manifests written by this program; any other is refused (fault G17).
pub const SCHEMA: &str = "carry.manifest/1";

/// One input file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Input {
    /// Its path under the data folder, with `/` between folders.
    pub path: String,
    /// SHA-256 of its bytes, lower-case hex.
    pub sha256: String,
}

/// Everything that a backtest's result depends on, and what it came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    schema: String,
    /// Input files, sorted by path, each once.
    pub inputs: Vec<Input>,
    /// The effective settings with sorted keys; made by [`super::canonical`].
    pub settings: serde_json::Value,
    /// Seed of the faults and of anything drawn.
    pub seed: u64,
    /// What the run's commands and final ledger came to.
    pub digest: Digest,
}

impl Manifest {
    /// A manifest; inputs are sorted, an input named twice counts once.
    #[must_use]
    pub fn new(mut inputs: Vec<Input>, settings: serde_json::Value, seed: u64, digest: Digest) -> Self {
        inputs.sort();
        inputs.dedup();
        Self { schema: SCHEMA.to_owned(), inputs, settings, seed, digest }
    }

    /// Writes `manifest.json` in `dir`, which must exist: completely or not at all (fault G21).
    ///
    /// # Errors
    /// [`TapeError::Io`] when the disk refuses.
    pub fn write(&self, dir: &Path) -> Result<(), TapeError> {
        let mut text =
            serde_json::to_vec_pretty(self).map_err(|error| TapeError::Encode { reason: error.to_string() })?;
        text.push(b'\n');
        let path = dir.join(FILE);
        let unfinished = dir.join("manifest.json.part");
        let write = || {
            let mut file = File::create(&unfinished)?;
            file.write_all(&text)?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(TapeError::io(&path))
    }

    /// Reads `manifest.json` in `dir`.
    ///
    /// # Errors
    /// [`TapeError::UnknownManifest`] for another layout, [`TapeError::Decode`] naming the line that is wrong.
    pub fn read(dir: &Path) -> Result<Self, TapeError> {
        let path = dir.join(FILE);
        let mut text = Vec::new();
        let file = File::open(&path).map_err(TapeError::io(&path))?;
        file.take(MAX_BYTES).read_to_end(&mut text).map_err(TapeError::io(&path))?;
        let decode = |error: serde_json::Error| TapeError::Decode {
            file: path.clone(),
            offset: 0,
            line: error.line(),
            reason: error.to_string(),
        };
        let any: AnySchema = serde_json::from_slice(&text).map_err(decode)?;
        if any.schema != SCHEMA {
            return Err(TapeError::UnknownManifest { file: path });
        }
        serde_json::from_slice(&text).map_err(decode)
    }

    /// The inputs under `root` that are not what they were, with what they are now.
    ///
    /// # Errors
    /// [`TapeError::Io`] when a file is there but cannot be read, [`TapeError::BadPath`] for a path that leaves `root`.
    pub fn changed(&self, root: &Path) -> Result<Vec<Change>, TapeError> {
        let mut changes = Vec::new();
        for input in &self.inputs {
            let now = match Input::hash(root, &input.path) {
                Ok(now) => Some(now.sha256),
                Err(TapeError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            if now.as_ref() != Some(&input.sha256) {
                changes.push(Change { path: input.path.clone(), was: input.sha256.clone(), now });
            }
        }
        Ok(changes)
    }
}

/// An input that differs from the one that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Its path under the data folder.
    pub path: String,
    /// The hash that was recorded.
    pub was: String,
    /// The hash now; `None` when the file is gone.
    pub now: Option<String>,
}

impl Input {
    /// The input `path` under `root` as it is now.
    ///
    /// # Errors
    /// [`TapeError::BadPath`] when the path leaves `root` (fault X12), [`TapeError::Io`] when it cannot be read.
    pub fn hash(root: &Path, path: &str) -> Result<Self, TapeError> {
        let inside = |part: &str| !part.is_empty() && part != "." && part != ".." && !part.contains(['\\', '\0']);
        if !path.split('/').all(inside) {
            return Err(TapeError::BadPath { path: path.to_owned() });
        }
        Ok(Self { path: path.to_owned(), sha256: sha256_file(&root.join(path))? })
    }
}

/// SHA-256 of bytes in lower-case hex.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    crate::domain::text::hex(&Sha256::digest(bytes))
}

/// SHA-256 of a file's bytes in lower-case hex, read piece by piece.
///
/// # Errors
/// [`TapeError::Io`] when it cannot be read.
pub fn sha256_file(path: &Path) -> Result<String, TapeError> {
    let mut file = File::open(path).map_err(TapeError::io(path))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(TapeError::io(path))?;
    Ok(crate::domain::text::hex(&hash.finalize()))
}

/// More than any manifest: a hundred thousand inputs.
const MAX_BYTES: u64 = 32 << 20;

/// Only the part that every layout has.
#[derive(Deserialize)]
struct AnySchema {
    schema: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(root: &Path) -> Manifest {
        std::fs::create_dir_all(root.join("funding/binance")).unwrap();
        std::fs::write(root.join("funding/binance/BTCUSDT.csv"), "ts_ms,rate\n").unwrap();
        std::fs::write(root.join("a.csv"), "abc").unwrap();
        let input = |path| Input::hash(root, path).unwrap();
        let inputs = vec![input("funding/binance/BTCUSDT.csv"), input("a.csv"), input("a.csv")];
        Manifest::new(inputs, serde_json::json!({"b": 1, "a": "2"}), 7, Digest::new("ab12").unwrap())
    }

    #[test]
    fn a_manifest_reads_back_and_names_each_input_once() {
        let dir = tempfile::tempdir().unwrap();
        let written = manifest(dir.path());
        written.write(dir.path()).unwrap();
        assert_eq!(Manifest::read(dir.path()).unwrap(), written);
        let paths: Vec<_> = written.inputs.iter().map(|input| input.path.as_str()).collect();
        assert_eq!(paths, ["a.csv", "funding/binance/BTCUSDT.csv"]);
        // The published vector of SHA-256 for "abc" (FIPS 180-2, appendix B.1).
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(written.inputs[0].sha256, abc);
        assert!(!dir.path().join("manifest.json.part").exists());
    }

    #[test]
    fn a_changed_or_lost_input_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let written = manifest(dir.path());
        assert_eq!(written.changed(dir.path()).unwrap(), []);
        std::fs::write(dir.path().join("a.csv"), "abd").unwrap();
        std::fs::remove_file(dir.path().join("funding/binance/BTCUSDT.csv")).unwrap();
        let changed = written.changed(dir.path()).unwrap();
        assert_eq!(changed.len(), 2);
        assert_eq!(changed[0].now, Some(sha256(b"abd")));
        assert_eq!(changed[1].now, None);
    }

    #[test]
    fn x12_an_input_outside_the_data_folder_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for path in ["../a.csv", "/etc/passwd", "a/../../b", "", "a//b", "./a"] {
            assert!(matches!(Input::hash(dir.path(), path), Err(TapeError::BadPath { .. })), "{path}");
        }
    }

    #[test]
    fn g17_another_layout_is_refused_and_a_broken_one_names_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let error = |text: &str| {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            Manifest::read(dir.path()).unwrap_err()
        };
        assert!(matches!(error(r#"{"schema": "carry.manifest/9"}"#), TapeError::UnknownManifest { .. }));
        assert!(matches!(
            error("{\"schema\": \"carry.manifest/1\",\n\"inputs\": 3"),
            TapeError::Decode { line: 2, .. }
        ));
    }
}
