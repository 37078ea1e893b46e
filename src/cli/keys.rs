//! `carry keys`: adds, lists, removes and tests keys. A secret comes in by standard input and never goes out.
//!
//! Asking a venue for a key's rights needs its adapter: [`test_key`] takes it as an argument, and `door.rs` has it. Tests:
//! `tests/commands/keys.rs` and `tests/commands/doctor.rs`.

use super::{Exit, Failure, Output, folder};
use crate::config::sources::Folders;
use crate::keys::file::KeyFile;
use crate::keys::input::{self, Asked};
use crate::keys::rights::{Ask, AskError, Finding, Rights};
use crate::keys::ring::SystemRing;
use crate::keys::sources::{CONTAINER, Listed, SourceError};
use crate::keys::{KeyError, Keys, Origin};
use crate::net::machine_clock;
use clap::Subcommand;
use serde::Serialize;
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// Keys of venues: kept in a file of mode 0600 or the system's store, never in arguments, TOML or variables
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry keys add main --venue binance < key.json
  carry keys add main --venue binance --kind ed25519 --store keyring < key.json
  carry keys list
  carry keys test main
  carry keys remove main

key.json is one object: {\"key\": \"...\", \"secret\": \"...\"} for hmac, {\"key\": \"...\", \"pem\": \"...\"} for ed25519,
{\"user\": \"0x...\", \"signer\": \"0x...\", \"private_key\": \"...\"} for aster; or the same fields, one a line in this order.
A key signs for the environment it was filed for alone: one of --venue binance-demo never for binance, and the other way round.
A key is looked for as $CREDENTIALS_DIRECTORY/carry-NAME, then /run/secrets/carry-NAME, then in the file of keys.")]
pub struct Args {
    #[command(subcommand)]
    act: Act,
    /// The file of keys; ~/.config/carry/keys.json when absent
    #[arg(long, global = true, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Where containers mount their secrets
    #[arg(long, global = true, value_name = "DIR", default_value = CONTAINER)]
    secrets: PathBuf,
    /// JSON (schema carry.keys/1)
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Adds a key, read from standard input
    Add(Add),
    /// Names, venues, kinds and where they are kept; never a secret
    #[command(after_help = "Examples:
  carry keys list
  carry keys list --json")]
    List,
    /// Forgets a key
    #[command(after_help = "Examples:
  carry keys remove main")]
    Remove {
        /// Its name
        name: String,
    },
    /// Asks the venue what the key may do; one that may withdraw is refused
    #[command(after_help = "Examples:
  carry keys test main
  carry keys test try --base-url http://127.0.0.1:8400")]
    Test {
        /// Its name
        name: String,
        /// Every host of the venue at one address of this machine: a simulated venue, test keys only
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
    },
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  carry keys add main --venue binance < key.json
  carry keys add main --venue binance --kind ed25519 --store keyring < key.json
  carry venue --print-key | carry keys add try --venue binance --test

The forms of key.json stand in carry keys --help.")]
struct Add {
    /// How you will call it: a-z, 0-9, - and _
    name: String,
    /// binance, aster, or their play money: binance-demo, aster-testnet
    #[arg(long, value_name = "VENUE")]
    venue: Option<String>,
    /// hmac, ed25519 or aster; the venue's usual one when absent
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// file or keyring
    #[arg(long, default_value = "file", value_parser = ["file", "keyring"])]
    store: String,
    /// A note for yourself
    #[arg(long, default_value = "", value_name = "TEXT")]
    note: String,
    /// Only for simulated venues on this machine
    #[arg(long)]
    test: bool,
}

/// Runs the command.
///
/// # Errors
/// Exit code 2 for a key that is wrong, 1 for a place that cannot be used, 4 for a key that must not be used.
pub fn run(args: &Args, output: &mut Output<'_>) -> Result<(), Failure> {
    let keys = places(args.keys.clone(), args.secrets.clone())?;
    match &args.act {
        Act::Add(add) => add_key(&keys, add, args.json, output),
        Act::List => list(&keys, args.json, output),
        Act::Remove { name } => remove(&keys, name, args.json, output),
        Act::Test { name, base_url } => {
            // A key of another environment is refused before anything is sent.
            super::door::fits(&keys.find(name)?.entry, base_url.as_deref())?;
            let ask = |entry: &crate::keys::KeyEntry| super::door::rights(entry, base_url.as_deref());
            test_key(&keys, name, Some(&ask), (args.json, output))
        }
    }
}

/// The places of keys, for every command that needs one.
///
/// # Errors
/// Exit code 2 when there is no home to keep the file in.
pub fn places(file: Option<PathBuf>, container: PathBuf) -> Result<Keys, Failure> {
    let folders = Folders::discover();
    let usual = || folders.config.as_ref().map(|config| config.join("carry").join("keys.json"));
    // A service has no home: its keys are mounted, and a file of keys beside them is simply not there.
    let mounted = || folders.credentials.as_ref().or(Some(&container)).filter(|place| place.is_dir());
    let beside = || mounted().map(|place| place.join("keys.json"));
    let path = file.or_else(usual).or_else(beside).ok_or_else(|| {
        Failure::new(Exit::Usage, "HOME is not set, so there is no place for keys; name one: --keys FILE")
    })?;
    Ok(Keys {
        credentials: folders.credentials.clone(),
        container,
        file: KeyFile::at(path),
        ring: Box::new(SystemRing),
    })
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let exit = match &error {
            SourceError::Key(_)
            | SourceError::Unknown { .. }
            | SourceError::Exists(_)
            | SourceError::NotOurs { .. }
            | SourceError::Content { .. } => Exit::Usage,
            SourceError::File(_) | SourceError::Ring(_) => Exit::Failure,
        };
        Self::new(exit, error.to_string())
    }
}

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    keys: &'a [Listed],
}

#[derive(Serialize)]
struct Changed<'a> {
    schema: &'static str,
    done: &'static str,
    name: &'a str,
    origin: Origin,
}

const SCHEMA: &str = "carry.keys/1";

fn add_key(keys: &Keys, add: &Add, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let mut stdin = std::io::stdin().lock();
    if stdin.is_terminal() {
        // A terminal would show the secret and keep it in its scrollback.
        let venue = add.venue.as_deref().unwrap_or("binance");
        let text = format!(
            "a terminal would show the secret; give a file: carry keys add {} --venue {venue} < file",
            add.name.escape_debug()
        );
        return Err(Failure::new(Exit::Usage, text));
    }
    let asked = Asked {
        name: &add.name,
        venue: add.venue.as_deref(),
        kind: add.kind.as_deref(),
        note: &add.note,
        test: add.test,
        now: machine_clock::now(),
    };
    let entry = input::read(&mut stdin, asked).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    crate::observe::scrub::register(entry.secret().expose());
    let in_ring = add.store == "keyring";
    keys.add(&entry, in_ring)?;
    let origin = if in_ring { Origin::Keyring } else { Origin::File };
    if json {
        return folder::json(output.out, &Changed { schema: SCHEMA, done: "added", name: &entry.name, origin });
    }
    let place = if in_ring { "the system's key store".to_owned() } else { keys.file.path().display().to_string() };
    writeln!(
        output.out,
        "added {} ({} {}, {}) to {place}",
        entry.name,
        entry.venue,
        entry.kind_word(),
        entry.shown_id()
    )?;
    Ok(writeln!(output.out, "remove the file you read it from; next: carry keys test {}", entry.name)?)
}

fn list(keys: &Keys, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let all = keys.list()?;
    if json {
        return folder::json(output.out, &Report { schema: SCHEMA, keys: &all });
    }
    if all.is_empty() {
        return Ok(writeln!(output.out, "There is no key. Add one: carry keys add NAME --venue binance < file")?);
    }
    let mut table = folder::table(&["name", "venue", "kind", "id", "use", "kept in", "mode", "note"], 0..0);
    for key in &all {
        let place = match key.origin {
            Origin::Keyring => "system store".to_owned(),
            Origin::Credential | Origin::Container | Origin::File => key.path.display().to_string(),
        };
        let used = match (&key.problem, key.test) {
            (Some(_), _) => "unusable",
            (None, true) => "test",
            (None, false) if crate::config::address::is_play(&key.venue) => "play money",
            (None, false) => "real",
        };
        let used = used.to_owned();
        let cells = [&key.name, &key.venue, &key.kind, &key.id, &used, &place, &key.mode, &key.note];
        table.add_row(cells);
    }
    folder::print(output.out, &table)?;
    for (key, problem) in all.iter().filter_map(|key| Some((key, key.problem.as_ref()?))) {
        writeln!(output.out, "{} cannot be used: {problem}", key.name)?;
    }
    Ok(())
}

fn remove(keys: &Keys, name: &str, json: bool, output: &mut Output<'_>) -> Result<(), Failure> {
    let origin = keys.remove(name)?;
    if json {
        return folder::json(output.out, &Changed { schema: SCHEMA, done: "removed", name, origin });
    }
    Ok(writeln!(output.out, "removed {name}; delete it at the venue too")?)
}

#[derive(Serialize)]
struct Tested<'a> {
    schema: &'static str,
    name: &'a str,
    venue: &'a str,
    rights: Rights,
    usable: bool,
    findings: Vec<Finding>,
}

/// Finds a key, asks its venue through `ask` and says what follows. Without `ask` there is no adapter for the venue.
///
/// # Errors
/// Exit code 4 for a key that must not be used, 5 when the venue does not answer, 1 without an adapter.
pub fn test_key(keys: &Keys, name: &str, ask: Option<Ask<'_>>, to: (bool, &mut Output<'_>)) -> Result<(), Failure> {
    let (json, output) = to;
    let found = keys.find(name)?;
    let entry = &found.entry;
    let Some(ask) = ask else {
        let text = format!("{name} can be read, but this program cannot ask {} for its rights yet", entry.venue);
        return Err(Failure::new(Exit::Failure, text));
    };
    let rights = ask(entry).map_err(|error| {
        let exit = if matches!(error, AskError::Unreachable(_)) { Exit::Unreachable } else { Exit::Refused };
        Failure::new(exit, error.to_string())
    })?;
    let findings = rights.findings();
    let usable = !findings.iter().any(|finding| finding.refuses);
    if json {
        let venue = entry.venue;
        folder::json(output.out, &Tested { schema: SCHEMA, name, venue, rights, usable, findings })?;
    } else {
        for finding in &findings {
            let word = if finding.refuses { "refused" } else { "note" };
            writeln!(output.out, "{word}: {}", finding.text)?;
        }
        if usable {
            writeln!(output.out, "{name} can be used")?;
        }
    }
    if usable { Ok(()) } else { Err(Failure::new(Exit::Refused, format!("{name} must not be used"))) }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::new(Exit::Usage, error.to_string())
    }
}
