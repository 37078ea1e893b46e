//! The ledger of record as a file: what goes in comes back, readers beside the writer, and everything that is refused.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use carry::domain::{Amount, Asset, PairId, Price, Sequence, VenueId, WallTime};
use carry::ledger::{Account, Posting, PostingReason};
use carry::port::event::Wallet;
use carry::port::{Event, Stamped};
use carry::store::ledger_file::{self, Batch, LedgerFile, StoredFact};
use carry::store::{StateLock, StoreError, VenueFile};
use std::path::Path;

fn posting(number: u64) -> Posting {
    Posting {
        cause: Sequence(number),
        at: WallTime(1_748_736_000_000),
        debit: Account::Wallet { venue: VenueId(1), wallet: Wallet::Perp },
        credit: Account::Funding { pair: PairId(3) },
        amount: Amount::parse("0.00000001").unwrap(),
        asset: Asset::new("USDC").unwrap(),
        reason: PostingReason::Funding,
    }
}

/// One fact with its posting and a row, as a session commits them.
fn batch(number: u64) -> Batch {
    let event = Event::Boot { epoch: 1, salt: u32::MAX };
    let at = WallTime(1_748_736_000_000 + i64::try_from(number).unwrap());
    let price = |text| Price::parse(text).unwrap();
    Batch {
        meta: vec![("clock", at.0.to_string())],
        facts: vec![StoredFact {
            stamped: Stamped { sequence: Sequence(number), at, event },
            mids: Some((price("0.00000001"), price("92233720368"))),
        }],
        pairs: vec![("alpha:BTCUSDT".to_owned(), "flat".to_owned(), format!("{{\"n\":{number}}}"))],
        postings: vec![posting(number)],
        rows: vec![("equity", at, format!("{{\"n\":{number}}}"))],
        ..Batch::default()
    }
}

fn ledger(folder: &Path) -> LedgerFile {
    LedgerFile::open(&folder.join("ledger.sqlite"), "paper").unwrap()
}

#[test]
fn what_is_committed_reads_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ledger(folder.path());
    writer.commit(&batch(1)).unwrap();
    writer.commit(&batch(2)).unwrap();
    let file = folder.path().join("ledger.sqlite");
    for loaded in [writer.load().unwrap(), ledger_file::read(&file).unwrap()] {
        assert_eq!(loaded.facts, [batch(1).facts, batch(2).facts].concat());
        assert_eq!(loaded.meta["clock"], "1748736000002", "the later value wins");
        assert_eq!(loaded.pairs["alpha:BTCUSDT"], "{\"n\":2}");
        assert_eq!(loaded.rows, [1, 2].map(|n| ("equity".to_owned(), format!("{{\"n\":{n}}}"))));
    }
    assert_eq!(ledger_file::postings(&file).unwrap(), [(1, posting(1)), (2, posting(2))]);
}

#[test]
fn g01_a_batch_that_fails_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = ledger(folder.path());
    writer.commit(&batch(1)).unwrap();
    // The same number twice: the fact is refused after other parts of the batch were written.
    let mut twice = batch(1);
    twice.meta = vec![("clock", "0".to_owned())];
    assert!(matches!(writer.commit(&twice), Err(StoreError::Sqlite { .. })));
    let loaded = writer.load().unwrap();
    assert_eq!((loaded.facts.len(), loaded.rows.len()), (1, 1));
    assert_eq!(loaded.meta["clock"], "1748736000001");
    writer.commit(&batch(2)).unwrap();
}

#[test]
fn a_reader_sees_whole_commits_while_the_writer_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite");
    let mut writer = ledger(folder.path());
    writer.commit(&batch(1)).unwrap();
    let commits = 200;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = 0;
            while seen < 200 {
                let loaded = ledger_file::read(&file).unwrap();
                // Every table is of the same commit.
                assert_eq!(loaded.facts.len(), loaded.rows.len());
                let clock: i64 = loaded.meta["clock"].parse().unwrap();
                assert_eq!(clock - 1_748_736_000_000, i64::try_from(loaded.facts.len()).unwrap());
                assert!(loaded.facts.len() >= seen, "a commit went away");
                seen = loaded.facts.len();
            }
        });
        for number in 2..=commits {
            writer.commit(&batch(number)).unwrap();
        }
        reader.join().unwrap();
    });
}

#[test]
fn g17_another_schema_version_is_refused_by_writer_and_reader() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite");
    ledger(folder.path()).commit(&batch(1)).unwrap();
    rusqlite::Connection::open(&file).unwrap().pragma_update(None, "user_version", 2).unwrap();
    for error in [
        LedgerFile::open(&file, "paper").unwrap_err(),
        ledger_file::read(&file).unwrap_err(),
        ledger_file::postings(&file).unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Version { found: 2, .. }), "{error}");
        assert!(error.to_string().ends_with("has schema version 2, this program writes 1"), "{error}");
    }
}

#[test]
fn g05_damage_is_named_with_table_and_row() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite");
    ledger(folder.path()).commit(&batch(7)).unwrap();
    let edit = |text: &str| assert_eq!(rusqlite::Connection::open(&file).unwrap().execute(text, []).unwrap(), 1);
    edit("UPDATE postings SET amount = '1e400'");
    let error = ledger_file::postings(&file).unwrap_err().to_string();
    assert!(error.contains("table postings row 1: ") && error.ends_with("the file is kept as it is"), "{error}");
    edit("UPDATE facts SET body = '{}'");
    let error = ledger_file::read(&file).unwrap_err().to_string();
    assert!(error.contains("table facts row 7: missing field"), "{error}");

    std::fs::write(&file, "no books").unwrap();
    let error = LedgerFile::open(&file, "paper").unwrap_err();
    assert!(error.to_string().ends_with("file is not a database"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), b"no books");
}

#[test]
fn readers_create_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ledger.sqlite");
    assert!(matches!(ledger_file::read(&file), Err(StoreError::Sqlite { .. })));
    assert!(!file.exists());
}

#[test]
fn g15_a_folder_has_one_holder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = StateLock::take(folder.path()).unwrap();
    assert!(matches!(StateLock::take(folder.path()), Err(StoreError::InUse { .. })));
    drop(first);
    StateLock::take(folder.path()).unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    assert!(matches!(StateLock::take(&file), Err(StoreError::Io { .. })));
}

#[test]
fn a_venue_that_never_committed_has_no_books() {
    let folder = tempfile::tempdir().unwrap();
    let file = VenueFile::open(&folder.path().join("venue.sqlite")).unwrap();
    assert_eq!(file.load().unwrap(), None);
    assert!(file.history(WallTime(0)).unwrap().is_empty());
}
