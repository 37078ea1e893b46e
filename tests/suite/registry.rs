//! `carry status` without a folder, from anywhere: the session that runs, or what a crash left (finding U01).
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::session;

use session::{carry, text};
use std::path::Path;
use std::process::{Child, Stdio};

/// A person's home with a folder to stand in.
struct Home(tempfile::TempDir);

impl Home {
    fn carry(&self, args: &[&str]) -> std::process::Command {
        let mut command = carry(args);
        command.current_dir(self.0.path()).env("XDG_STATE_HOME", self.0.path().join("memory"));
        command
    }

    fn asks(&self, args: &[&str]) -> (i32, String) {
        let run = self.carry(args).output().unwrap();
        (run.status.code().unwrap(), String::from_utf8([run.stdout, run.stderr].concat()).unwrap())
    }

    /// A session in real time that answers; whoever asks for it ends it.
    #[expect(clippy::zombie_processes, reason = "it is waited for by `end`, and a panic ends the test")]
    fn starts(&self, dir: &Path) -> Child {
        let args = ["paper", "--state", text(dir), "--seed", "3", "--speed", "600", "--days", "forever"];
        let child = self.carry(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..2_000 {
            if std::os::unix::net::UnixStream::connect(dir.join("control.sock")).is_ok() {
                return child;
            }
            carry::net::machine_clock::wait(std::time::Duration::from_millis(10));
        }
        panic!("{} never listened", dir.display());
    }
}

fn end(mut child: Child, how: &str) -> Option<i32> {
    let done = std::process::Command::new("kill").args([how, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
    child.wait().unwrap().code()
}

#[test]
fn u01_status_finds_the_session_that_runs_from_any_folder_and_says_when_it_cannot_know() {
    let home = Home(tempfile::tempdir().unwrap());
    let (code, said) = home.asks(&["status"]);
    assert_eq!(code, 2);
    assert!(said.contains("no session runs on this machine"), "{said}");

    let elsewhere = tempfile::tempdir().unwrap();
    let (one, two) = (elsewhere.path().join("one"), elsewhere.path().join("two"));
    let first = home.starts(&one);
    let found = |args: &[&str]| {
        let (code, said) = home.asks(args);
        assert_eq!(code, 0, "{said}");
        serde_json::from_str::<serde_json::Value>(&said).unwrap()["dir"].as_str().unwrap().to_owned()
    };
    assert!(found(&["status", "--json"]).ends_with("/one"));
    assert!(found(&["pairs", "--json"]).ends_with("/one"));

    let second = home.starts(&two);
    let (code, said) = home.asks(&["flatten", "--yes"]);
    assert_eq!(code, 2, "nothing is closed by a guess: {said}");
    assert!(said.contains("2 sessions run") && said.contains("/one\n") && said.contains("/two\n"), "{said}");
    assert!(found(&["status", text(&two), "--json"]).ends_with("/two"));

    // Told to stop it ends well and is no longer found as running; killed, its entry stays and is seen through.
    assert_eq!(end(first, "-TERM"), Some(0));
    assert!(found(&["status", "--json"]).ends_with("/two"));
    assert_eq!(end(second, "-KILL"), None);
    let (code, said) = home.asks(&["pause"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("no process is running for") && said.contains("/two"), "{said}");
    assert!(found(&["status", "--json"]).ends_with("/two"), "what a crash left is what status shows");
}
