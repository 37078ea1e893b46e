//! A session whose disk has no room: at any write, for the ledger and for the tape.

use super::*;
use crate::config::Settings;
use crate::domain::Amount;
use crate::ledger::Account;
use crate::run::driver::Driver;
use crate::run::paper::{Paper, SimMarket};
use crate::sim::START;
use crate::sim::{Faults, Generator};
use crate::store::ledger_file;
use crate::tape;
use std::collections::BTreeMap;

type Sums = BTreeMap<(Account, crate::domain::Asset), Amount>;

fn on_disk(path: &Path) -> Sums {
    let mut sums = Sums::new();
    for (_, posting) in ledger_file::postings(path).unwrap() {
        *sums.entry((posting.debit, posting.asset)).or_default() += posting.amount;
        *sums.entry((posting.credit, posting.asset)).or_default() -= posting.amount;
    }
    sums.retain(|_, amount| !amount.is_zero());
    sums
}

fn in_memory(state: &State) -> Sums {
    let balances = state.ledger.balances().map(|((account, asset), amount)| ((*account, *asset), *amount));
    balances.filter(|(_, amount)| !amount.is_zero()).collect()
}

/// A paper session of seed 9 whose ledger and tape are in a folder.
fn session(folder: &Path) -> Paper<Session> {
    let mut settings = Settings::default();
    settings.sim.seed = 9;
    let generator = Generator::new(9, START);
    let header = tape::Header {
        mode: "paper".to_owned(),
        market: "sim".to_owned(),
        seed: 9,
        strategy_sha256: String::new(),
        settings: tape::canonical(&settings).unwrap(),
        catalogue: generator.catalogue().clone(),
    };
    let ledger = LedgerFile::open(&folder.join("ledger.sqlite"), "paper").unwrap();
    let tape = TapeWriter::create(&folder.join("tape"), &header).unwrap();
    let session = Session::new(ledger, Some(tape), &Collector::new(0, true));
    let market = SimMarket::new(generator, None);
    let mut paper = Paper::start(&settings, session, market, Faults::none()).unwrap();
    paper.until(WallTime(START.0 + 40 * 86_400_000));
    paper
}

#[test]
fn l19_without_room_nothing_is_sent_nothing_is_lost_and_the_session_lives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut paper = session(folder.path());
    // Until something is traded, and some hours more.
    let mut minutes = 0;
    while paper.driver.state.orders.sent() == 0 {
        assert!(paper.step().unwrap());
        minutes += 1;
        assert!(minutes < 30 * 1_440, "a session that sends nothing proves nothing");
    }
    for _ in 0..400 {
        assert!(paper.step().unwrap());
    }
    // Three times at another commit, each for two hours.
    for round in 0..3_u64 {
        paper.driver.journal.ledger.limit_pages(Some(1));
        let stored = ledger_file::read(&path).unwrap().intents.len();
        let sent = paper.driver.state.orders.sent();
        for _ in 0..120 {
            assert!(paper.step().unwrap(), "the session ended in round {round}");
        }
        assert_eq!(ledger_file::read(&path).unwrap().intents.len(), stored, "an intent found room where there is none");
        assert_eq!(paper.driver.state.orders.sent(), sent, "an order left without its intent on disk");
        paper.driver.journal.ledger.limit_pages(None);
        for _ in 0..(400 + round * 37) {
            assert!(paper.step().unwrap());
        }
    }
    assert!(paper.driver.state.orders.sent() > 0, "a session that sends nothing proves nothing");
    paper.finish().unwrap();
    let digest = paper.driver.digest();
    let Driver { state, collector, journal, .. } = &mut paper.driver;
    journal.rest(&digest, Books { state, collector }).unwrap();
    assert_eq!(on_disk(&path), in_memory(&paper.driver.state));
}

#[test]
fn l19_a_tape_that_cannot_be_written_ends_and_the_session_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut paper = session(folder.path());
    for _ in 0..50 {
        assert!(paper.step().unwrap());
    }
    paper.driver.journal.tape.as_mut().unwrap().fill_up();
    for _ in 0..3_000 {
        assert!(paper.step().unwrap());
    }
    assert!(paper.driver.journal.tape.is_none());
    // What was on it is read as whole as it was.
    let events = crate::tape::segments(&folder.path().join("tape")).unwrap();
    assert!(events[0].read().flatten().count() > 100);
}

#[test]
fn l31_the_same_comparison_again_is_not_a_row_of_the_ledger() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut paper = session(folder.path());
    let venue = VenueId(0);
    let now = paper.now();
    for differences in [0, 0, 0, 2, 2, 0, 0] {
        paper.driver.fact(now, Event::Reconciled { venue, differences, missing: Vec::new() }, None).unwrap();
    }
    let facts = ledger_file::read(&path).unwrap().facts;
    let compared = facts.iter().filter(|fact| matches!(fact.stamped.event, Event::Reconciled { .. })).count();
    assert_eq!(compared, 3);
}

#[test]
fn l31_each_day_has_a_row_of_its_comparison_even_where_it_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let mut paper = session(folder.path());
    let (venue, now) = (VenueId(0), paper.now());
    for hours in [0, 1, 25, 26, 49] {
        let at = WallTime(now.0 + hours * 3_600_000);
        paper.driver.fact(at, Event::Reconciled { venue, differences: 0, missing: Vec::new() }, None).unwrap();
    }
    let facts = ledger_file::read(&path).unwrap().facts;
    let compared = facts.iter().filter(|fact| matches!(fact.stamped.event, Event::Reconciled { .. })).count();
    assert_eq!(compared, 3);
}
