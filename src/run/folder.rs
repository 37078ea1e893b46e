//! The files of a run on a real market: ledger of record and tape, and whether a run in a folder can be gone on with.
//!
//! For `live`, `shadow` and `paper --market live`. Tests: `tests/live.rs`.

use super::begin::BeginError;
use super::opening::Opened;
use super::session::PairRow;
use super::upgrade;
use crate::config::Loaded;
use crate::domain::Catalogue;
use crate::pairs::Phase;
use crate::store::LedgerFile;
use crate::store::ledger_file::{self, Batch};
use crate::tape::{self, TapeWriter};
use std::path::Path;

const LEDGER: &str = "ledger.sqlite";
/// Files that a start writes before the run is set up.
const FILES: [&str; 2] = [LEDGER, "venue.sqlite"];

/// Opens the ledger of a folder; with what is in it when a run was set up there.
///
/// A start that was killed while it wrote the opening balances decided nothing and sent nothing: it begins anew.
///
/// # Errors
/// [`BeginError::Usage`] when the folder holds another run.
pub fn ledger(
    folder: &Path,
    mode: &str,
    loaded: &Loaded,
) -> Result<(LedgerFile, Option<crate::store::Loaded>), BeginError> {
    let path = folder.join(LEDGER);
    let ledger = LedgerFile::open(&path, mode)?;
    let read = ledger.load()?;
    if read.meta.contains_key("ready") {
        return Ok((ledger, Some(read)));
    }
    if !read.meta.contains_key("identity") {
        return Ok((ledger, None));
    }
    same_identity(&read, (loaded, mode), folder)?;
    drop(ledger);
    for name in FILES {
        for suffix in ["-wal", "-shm", ""] {
            let file = folder.join(format!("{name}{suffix}"));
            if file.exists() {
                std::fs::remove_file(file)?;
            }
        }
    }
    Ok((LedgerFile::open(&path, mode)?, None))
}

/// Instruments and pairs that the ledger of a folder numbers; none where no session was set up, or where the ledger cannot be
/// read: whoever opens it then says why.
#[must_use]
pub fn numbered(folder: &Path) -> Catalogue {
    let meta = ledger_file::meta(&folder.join(LEDGER)).unwrap_or_default();
    let text = meta.get("catalogue").filter(|_| meta.contains_key("ready"));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Whether a process left a pair in work or unequal in the ledger of a folder; so too where that cannot be read.
#[must_use]
pub fn has_work(folder: &Path) -> bool {
    let rests = |body: &String| {
        let row = serde_json::from_str::<PairRow>(body);
        row.is_ok_and(|row| matches!(row.memory.phase, Phase::Flat | Phase::Hedged))
    };
    !ledger_file::read(&folder.join(LEDGER)).is_ok_and(|read| read.pairs.values().all(rests))
}

/// Writes what a new run is into its ledger, and makes its tape.
///
/// # Errors
/// [`BeginError`] when either cannot be written.
pub fn set_up(
    folder: &Path,
    ledger: &mut LedgerFile,
    loaded: &Loaded,
    opened: &Opened,
    mode: &str,
) -> Result<TapeWriter, BeginError> {
    let failed = |error: tape::TapeError| BeginError::Failure(error.to_string());
    let header = header(loaded, &opened.catalogue, mode)?;
    let mut meta = vec![
        ("identity", identity(loaded, mode)),
        ("settings", header.settings.to_string()),
        ("catalogue", serde_json::to_string(&opened.catalogue).unwrap_or_default()),
        ("run", serde_json::to_string(&super::what::about(loaded)).unwrap_or_default()),
    ];
    meta.extend(super::typed::meta(loaded, folder));
    let tape = folder.join("tape");
    if tape.exists() {
        // Of a start that was killed before the run was set up.
        std::fs::remove_dir_all(&tape)?;
    }
    std::fs::create_dir_all(&tape)?;
    let tape = TapeWriter::create(&tape, &header).map_err(failed)?;
    ledger.commit(&Batch { meta, ..Batch::default() })?;
    Ok(tape)
}

/// What the run is now, for its tape.
///
/// # Errors
/// [`BeginError::Failure`] when the settings have no form there.
pub fn header(loaded: &Loaded, catalogue: &Catalogue, mode: &str) -> Result<tape::Header, BeginError> {
    Ok(tape::Header {
        mode: mode.to_owned(),
        market: "live".to_owned(),
        seed: loaded.settings.sim.seed,
        strategy_sha256: loaded.strategy_hash.clone(),
        settings: tape::canonical(&loaded.settings).map_err(|error| BeginError::Failure(error.to_string()))?,
        catalogue: catalogue.clone(),
    })
}

/// Refuses a folder that holds another run: other settings, or other pairs than those that its ledger numbers.
///
/// # Errors
/// [`BeginError::Usage`] that names both.
pub fn same_run(
    read: &crate::store::Loaded,
    of: (&Loaded, &str),
    catalogue: &Catalogue,
    folder: &Path,
) -> Result<(), BeginError> {
    same_identity(read, of, folder)?;
    let stored = read.meta.get("catalogue").and_then(|text| serde_json::from_str::<Catalogue>(text).ok());
    // What is numbered stays as it is; pairs of the universe may have come behind it.
    let legs =
        |of: &Catalogue| of.instruments().iter().map(|one| (one.venue, one.market, one.symbol)).collect::<Vec<_>>();
    let names = |of: &Catalogue| of.pairs().iter().map(|pair| pair.name.clone()).collect::<Vec<_>>();
    let same = stored.is_some_and(|stored| {
        let grows = of.0.settings.strategy.auto && legs(catalogue).starts_with(&legs(&stored));
        names(&stored) == names(catalogue) || grows && names(catalogue).starts_with(&names(&stored))
    });
    if !same {
        let text = format!(
            "{}: its pairs are others than those of the strategy; use another --state folder",
            folder.display()
        );
        return Err(BeginError::Usage(text));
    }
    Ok(())
}

/// Writes the pairs of this start into the ledger, where some of the universe came to those that it has.
///
/// # Errors
/// [`BeginError`] when it cannot be written.
pub fn keep_pairs(
    ledger: &mut LedgerFile,
    read: &crate::store::Loaded,
    (loaded, catalogue): (&Loaded, &Catalogue),
) -> Result<(), BeginError> {
    let text = serde_json::to_string(catalogue).unwrap_or_default();
    let pairs = |text: &str| serde_json::from_str::<Catalogue>(text).map(|one| one.pairs().len()).unwrap_or_default();
    if pairs(&text) <= read.meta.get("catalogue").map_or(0, |known| pairs(known)) {
        return Ok(());
    }
    let settings = tape::canonical(&loaded.settings).map_err(|error| BeginError::Failure(error.to_string()))?;
    let meta = vec![("catalogue", text), ("settings", settings.to_string())];
    ledger.commit(&Batch { meta, ..Batch::default() })?;
    Ok(())
}

fn same_identity(
    read: &crate::store::Loaded,
    (loaded, mode): (&Loaded, &str),
    folder: &Path,
) -> Result<(), BeginError> {
    let identity = &identity(loaded, mode);
    let known = read.meta.get("identity").map_or("", String::as_str);
    let kind = |text: &str| text.split(" strategy=").next().map(str::to_owned);
    let differ = upgrade::differ(&read.meta, loaded);
    if known == identity || kind(known) == kind(identity) && differ.as_ref().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let keys = upgrade::named(differ) + &upgrade::other_strategies(&read.meta, loaded).unwrap_or_default();
    let text = format!(
        "{}: holds another run\n  there: {known}\n  asked: {identity}{keys}\nuse another --state folder, or the same strategy",
        folder.display()
    );
    Err(BeginError::Usage(text))
}

/// The settings of a run with the mode in them.
#[must_use]
pub fn identity(loaded: &Loaded, mode: &str) -> String {
    format!("mode={mode} market=live strategy={}", loaded.strategy_hash)
}
