//! Sessions of the built binary for tests: start, wait for something on disk, kill, run to the end.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop the test")]

use carry::domain::{Amount, Asset};
use carry::ledger::Account;
use carry::store::ledger_file;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Most polls of a few milliseconds before a test gives up waiting.
const PATIENCE: u32 = 20_000;

/// A command in a folder without configuration of its own.
pub(crate) fn carry(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    // Sessions of tests are not entered among those of the person who runs them.
    command.args(args).current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// Runs a command to its end: exit code, standard output, standard error.
pub(crate) fn ended(args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = carry(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// A running session whose end is told through a channel.
pub(crate) struct Running {
    child: Child,
    end: Receiver<()>,
}

impl Running {
    /// Starts it.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::of(carry(args).stderr(Stdio::null()))
    }

    /// The same with its log in a file.
    pub(crate) fn start_logged(args: &[&str], log: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        Self::of(carry(args).stderr(log))
    }

    /// A session in a folder that would take years to end, once it holds something.
    pub(crate) fn holding(dir: &Path) -> Self {
        let running =
            Self::start(&["paper", "--state", text(dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
        running.until(|| dir.join("control.sock").exists() && hedged(dir));
        running
    }

    /// Any command that becomes a session.
    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let (told, end) = channel();
        // The pipe closes when the process ends, however it ends.
        std::thread::spawn(move || {
            let _ = out.read_to_end(&mut Vec::new());
            let _ = told.send(());
        });
        Self { child, end }
    }

    /// Waits that long; true when it ended by itself before.
    pub(crate) fn ends_within(&self, time: Duration) -> bool {
        !matches!(self.end.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// Waits until something is true of the session's files.
    #[track_caller]
    pub(crate) fn until(&self, what: impl Fn() -> bool) {
        for _ in 0..PATIENCE {
            if what() {
                return;
            }
            assert!(!self.ends_within(Duration::from_millis(2)), "the session ended before it was waited for");
        }
        panic!("what was waited for did not happen");
    }

    /// Its number at the system.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits until it is gone.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its exit code, after its end.
    pub(crate) fn code(mut self) -> i32 {
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    /// A test that stops early leaves no session behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Rows of a kind that are in a ledger which may be being written; zero before there is one.
pub(crate) fn rows(folder: &Path, kind: &str) -> usize {
    ledger_file::read(&folder.join("ledger.sqlite"))
        .map_or(0, |loaded| loaded.rows.iter().filter(|(known, _)| known == kind).count())
}

/// Facts in a ledger which may be being written; zero before there is one.
pub(crate) fn facts(folder: &Path) -> usize {
    ledger_file::read(&folder.join("ledger.sqlite")).map_or(0, |loaded| loaded.facts.len())
}

/// Whether some pair is held, both legs equal, as the ledger says; it is held for hours then.
pub(crate) fn hedged(folder: &Path) -> bool {
    ledger_file::read(&folder.join("ledger.sqlite"))
        .is_ok_and(|loaded| loaded.pairs.values().any(|body| body.contains("\"phase\":\"hedged\"")))
}

/// Copies the files of a session, for one thing to be broken in the copy.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Balance of every account and asset, from the postings alone.
pub(crate) fn balances(folder: &Path) -> BTreeMap<(Account, Asset), Amount> {
    let mut sums = BTreeMap::new();
    for (_, posting) in ledger_file::postings(&folder.join("ledger.sqlite")).expect("the postings are readable") {
        *sums.entry((posting.debit, posting.asset)).or_insert(Amount::ZERO) += posting.amount;
        *sums.entry((posting.credit, posting.asset)).or_insert(Amount::ZERO) -= posting.amount;
    }
    sums
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
