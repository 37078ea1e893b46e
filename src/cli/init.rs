//! `carry init`: a folder with a commented configuration to start from. The files are those of the repository, built in.
//!
//! All or nothing: it overwrites no file, and when one cannot be written none is left behind. Tests:
//! `tests/suite/config.rs`.

use super::{Exit, Failure, Output};
use crate::run::what::PRESETS;
use serde::Serialize;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Write a commented configuration, three strategies and a .gitignore into a folder.
///
/// Nothing is overwritten: if one of the files is there, all of them are left alone and the exit code is 2.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry init
  carry init my-desk
  carry init my-desk --json")]
pub struct Args {
    /// The folder; it is made if it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Print JSON (schema carry.init/1)
    #[arg(long)]
    json: bool,
}

/// Where each file goes, and what it holds.
const FILES: [(&str, &str); 5] = [
    ("config/carry.toml", include_str!("../../config/carry.toml")),
    PRESETS[0],
    PRESETS[1],
    PRESETS[2],
    (".gitignore", GITIGNORE),
];

/// Results, ledgers and secrets do not belong into a repository of strategies.
const GITIGNORE: &str = "\
# Written by `carry init`: results, state and secrets stay on this machine.
/runs/
/state/
/secrets/
*.sqlite
*.sqlite-*
.env
";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    written: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 when a file is already there, 1 when one cannot be written.
pub fn run(args: &Args, output: &mut Output) -> Result<(), Failure> {
    let present: Vec<String> =
        FILES.iter().map(|(name, _)| args.dir.join(name)).filter(|path| is_there(path)).map(shown).collect();
    if !present.is_empty() {
        let list = present.join("\n  ");
        return Err(Failure::new(
            Exit::Usage,
            format!("nothing was written, because these are already there:\n  {list}"),
        ));
    }
    let mut draft = Draft::default();
    for (name, text) in FILES {
        draft.prepare(&args.dir.join(name), text)?;
    }
    let written: Vec<String> = draft.publish()?.into_iter().map(shown).collect();
    if args.json {
        serde_json::to_writer_pretty(&mut *output.out, &Report { schema: "carry.init/1", written })
            .map_err(std::io::Error::from)?;
        return Ok(writeln!(output.out)?);
    }
    for name in &written {
        writeln!(output.out, "wrote {name}")?;
    }
    let there = match args.dir.as_os_str() {
        dir if dir == "." => String::new(),
        _ => format!("cd {} && ", super::about::quoted(&shown(&args.dir))),
    };
    Ok(writeln!(output.out, "next: {there}carry check strategies/anchor.toml")?)
}

/// Whether `carry init` would write into the working directory: nothing of it is there.
pub(super) fn writable_here() -> bool {
    FILES.iter().all(|(name, _)| !is_there(Path::new(name)))
}

/// A dangling link counts as there: writing through it would make a file somewhere else.
fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn shown(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

/// Files written under another name, to be renamed together; what is not published is removed.
#[derive(Default)]
struct Draft {
    /// Temporary and final names.
    files: Vec<(PathBuf, PathBuf)>,
    /// Those of the final names that exist already.
    published: Vec<PathBuf>,
}

impl Draft {
    fn prepare(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let temporary = folder.join(format!(".{name}.{}.tmp", std::process::id()));
        let mut write = || {
            fs::create_dir_all(folder)?;
            let mut file = fs::File::create_new(&temporary)?;
            self.files.push((temporary.clone(), path.to_path_buf()));
            file.write_all(text.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|error| failed(path, &error))
    }

    fn publish(mut self) -> Result<Vec<PathBuf>, Failure> {
        for (temporary, path) in &self.files {
            // Asked again, because a rename would silently replace what came in between.
            let renamed = if is_there(path) {
                Err(std::io::ErrorKind::AlreadyExists.into())
            } else {
                fs::rename(temporary, path)
            };
            renamed.map_err(|error| failed(path, &error))?;
            self.published.push(path.clone());
        }
        self.files.clear();
        Ok(std::mem::take(&mut self.published))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for path in self.files.iter().map(|(temporary, _)| temporary).chain(&self.published) {
            // What cannot be removed cannot be helped: the error that led here is the one to show.
            let _ = fs::remove_file(path);
        }
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Failure, format!("{}: cannot be written: {error}; nothing was left behind", path.display()))
}
