//! `carry watch` in a real terminal of 80 columns and 24 lines, driven by tmux: views, a change of the terminal's size, a close with
//! its plan and a typed word, and the end.
//!
//! Needs tmux; absent, the test says so and returns, and where `CI` is set it fails.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::session;

use session::{Running, ended, hedged, text};
use std::path::Path;
use std::process::Command;

#[expect(clippy::disallowed_methods, reason = "programs of the machine are found by the environment")]
fn has(program: &str) -> bool {
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|dir| dir.join(program).is_file());
    assert!(found || std::env::var("CI").is_err(), "{program} is missing; .ci/run installs it");
    found
}

/// A terminal of its own server, which ends with the test.
struct Terminal<'a> {
    socket: &'a Path,
}

impl Terminal<'_> {
    fn tmux(&self, words: &[&str]) -> String {
        let output = Command::new("tmux").arg("-S").arg(self.socket).args(words).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys", "-t", "w"], keys].concat());
    }

    fn shows(&self, session: &Running, what: &[&str]) -> String {
        let page = || self.tmux(&["capture-pane", "-p", "-t", "w"]);
        session.until(|| what.iter().all(|words| page().contains(words)));
        page()
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = Command::new("tmux").arg("-S").arg(self.socket).arg("kill-server").output();
    }
}

#[test]
fn a_session_is_watched_and_a_pair_closed_with_its_plan_at_80_by_24() {
    if !has("tmux") {
        println!("skipped: no tmux here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("s");
    let state = text(&dir);
    let quick = Running::start(&["paper", "--state", state, "--days", "3000", "--seed", "9", "--speed", "120000"]);
    quick.until(|| dir.join("control.sock").exists() && hedged(&dir));
    quick.kill();
    // From here on a minute of the market takes a second: what is held stays held.
    let session = Running::start(&["paper", "--state", state, "--days", "3000", "--seed", "9", "--speed", "60"]);
    session.until(|| ended(&["orders", "--state", state]).0 == 0);

    let socket = folder.path().join("tmux");
    let terminal = Terminal { socket: &socket };
    let program = format!("{} watch --state {state}; echo ended with $?; cat", env!("CARGO_BIN_EXE_carry"));
    terminal.tmux(&["-f", "/dev/null", "new-session", "-d", "-s", "w", "-x", "80", "-y", "24", "sh", "-c", &program]);
    let page = terminal.shows(&session, &["PAPER s ", "[1 overview]", "hedged", "safe", "sane", "f flatten"]);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");
    terminal.keys(&["3"]);
    terminal.shows(&session, &["[3 events]", "Why less is done", "Orders that are not settled"]);
    terminal.keys(&["2"]);
    terminal.shows(&session, &["[2 pairs]", "long coins", "next settlement", "alpha:BTCUSDT"]);
    terminal.tmux(&["resize-window", "-t", "w", "-x", "60", "-y", "20"]);
    terminal.shows(&session, &["[2 pairs]", "p pause"]);
    terminal.tmux(&["resize-window", "-t", "w", "-x", "80", "-y", "24"]);

    // Not agreed to: nothing is sent.
    terminal.keys(&["f"]);
    terminal.shows(&session, &["the plan; nothing was sent yet", "Type yes and Enter"]);
    terminal.keys(&["n", "o", "Enter"]);
    terminal.shows(&session, &["nothing was sent: only yes does it"]);
    assert!(hedged(&dir), "it is held as before");
    // Agreed to: all is closed, and entries are paused.
    terminal.keys(&["f"]);
    terminal.shows(&session, &["the plan; nothing was sent yet"]);
    terminal.keys(&["y", "e", "s", "Enter"]);
    terminal.shows(&session, &["flatten: done"]);
    session.until(|| !hedged(&dir));
    terminal.keys(&["1"]);
    terminal.shows(&session, &["[1 overview]", "entries paused"]);
    // A session that is gone is said, and watching ends by its key.
    session.kill();
    let gone = || terminal.tmux(&["capture-pane", "-p", "-t", "w"]).contains("NO ANSWER");
    assert!((0..2_000).any(|_| gone()), "it says that nobody answers");
    terminal.keys(&["q"]);
    let over = || terminal.tmux(&["capture-pane", "-p", "-t", "w"]).contains("ended with 0");
    assert!((0..2_000).any(|_| over()), "q ends it");
    let (code, _, problems) = ended(&["watch", "--state", state]);
    assert!(code == 2 && problems.contains("needs a terminal"), "{code} {problems}");
}
