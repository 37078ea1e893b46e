//! `carry backup` and `carry restore`: a session in one file, and back. Tests: `tests/commands/backup.rs`.

use super::{Exit, Failure, Output, folder};
use crate::domain::WallTime;
use crate::report::figures;
use crate::run::backup::{self, BackupError, Manifest, Part};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Saves a session in one file, while it runs or after
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry backup runs/mine mine.carry
  carry backup /var/lib/carry/live-main main-monday.carry --json

The file holds the ledger of record with its orders, fills and money, the hours in the shadow and the open alarms; for a
simulated venue its books too. It holds no keys and no tape. It is never overwritten; SHA-256 of each part is in it.")]
pub struct Args {
    /// Folder of the session
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The new file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// JSON (schema carry.backup/1)
    #[arg(long)]
    json: bool,
}

/// Puts a saved session into a new folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry restore mine.carry runs/again
  carry restore main-monday.carry /var/lib/carry/live-main --json

A backup is older than the venue. So the session starts without new entries: it reconciles, manages and closes what it
holds, and enters again after carry clear-halt --reason TEXT, which a clean reconciliation allows. Never run the original
and a restored copy side by side: they are one account.")]
pub struct Restore {
    /// The saved file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new folder
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// JSON (schema carry.restore/1)
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    schema: &'static str,
    file: String,
    dir: String,
    version: &'a str,
    made_ms: WallTime,
    mode: &'a str,
    clock_ms: WallTime,
    last_sequence: u64,
    files: &'a [Part],
}

fn report<'a>(schema: &'static str, (file, dir): (&Path, &Path), manifest: &'a Manifest) -> Report<'a> {
    Report {
        schema,
        file: file.display().to_string(),
        dir: dir.display().to_string(),
        version: &manifest.version,
        made_ms: manifest.made_ms,
        mode: &manifest.mode,
        clock_ms: manifest.clock_ms,
        last_sequence: manifest.last_sequence,
        files: &manifest.files,
    }
}

/// Runs `carry backup`.
///
/// # Errors
/// Exit code 2 when the folder is no session, 4 when the file is there already, 1 when it cannot be written.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let manifest = backup::save(&args.dir, &args.file)?;
    if args.json {
        return folder::json(output.out, &report("carry.backup/1", (&args.file, &args.dir), &manifest));
    }
    let at = figures::stamp(manifest.clock_ms);
    let (mode, event) = (&manifest.mode, manifest.last_sequence);
    writeln!(output.out, "saved {}: {mode} session as of {at}, event {event}", args.file.display())?;
    parts(&manifest, output)?;
    Ok(writeln!(output.out, "back: carry restore {} DIR", args.file.display())?)
}

fn parts(manifest: &Manifest, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut table = folder::table(&["file", "bytes", "sha256"], 1..2);
    for part in &manifest.files {
        table.add_row([part.name.clone(), part.bytes.to_string(), part.sha256.clone()]);
    }
    folder::print(output.out, &table)
}

/// Runs `carry restore`.
///
/// # Errors
/// Exit code 2 when the file is no backup, 3 when it is damaged, 4 when the folder is not empty, 1 when it cannot be written.
pub fn restore(args: &Restore, output: &mut Output<'_>) -> Result<(), Failure> {
    let manifest = backup::restore(&args.file, &args.dir)?;
    if args.json {
        return folder::json(output.out, &report("carry.restore/1", (&args.file, &args.dir), &manifest));
    }
    let (mode, at) = (&manifest.mode, figures::stamp(manifest.clock_ms));
    let dir = args.dir.display();
    writeln!(output.out, "restored {dir}: {mode} session as of {at}, saved {}", figures::stamp(manifest.made_ms))?;
    parts(&manifest, output)?;
    writeln!(output.out, "it starts without new entries; what it holds is managed and closed as before")?;
    Ok(writeln!(output.out, "once it runs and agrees with the venue: carry clear-halt --state {dir} --reason TEXT")?)
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let exit = match error {
            BackupError::NoSession(_) | BackupError::NotBackup { .. } => Exit::Usage,
            BackupError::Exists(_) => Exit::Refused,
            BackupError::Damaged { .. } => Exit::Difference,
            BackupError::Store(_) | BackupError::Nothing(_) | BackupError::Io { .. } | BackupError::Tape(_) => {
                Exit::Failure
            }
        };
        Self::new(exit, error.to_string())
    }
}
