//! What a session tells systemd, heard on a real socket: that it is up, how it stands, and that its loop lives. A stand-in for the
//! service manager starts one anew whose loop does not come by any more.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop the test")]

use crate::session;

use session::{carry, text};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long the stand-in waits for a word of life, as `WatchdogSec` says.
const WATCHDOG: Duration = Duration::from_secs(3);

/// A service manager for one service.
struct Manager {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        Self { folder, socket }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The session in real time: a minute of the market takes a minute.
    fn start(&self, state: &Path) -> Child {
        let mut command = carry(&["paper", "--state", text(state), "--speed", "1", "--days", "forever"]);
        command.env("NOTIFY_SOCKET", self.path("notify")).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The next message, if one comes within the time.
    fn hears(&self, within: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(within)).unwrap();
        let mut bytes = [0; 4096];
        let count = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8_lossy(bytes.get(..count).unwrap_or_default()).into_owned())
    }

    fn hears_of(&self, word: &str) -> String {
        for _ in 0..200 {
            let message = self.hears(Duration::from_mins(1)).expect("a message comes");
            if message.lines().any(|line| line.starts_with(word)) {
                return message;
            }
        }
        panic!("{word} was not told");
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn g13_a_session_says_that_it_is_up_and_lives_and_one_that_is_stuck_is_started_anew() {
    let manager = Manager::new();
    let state = manager.path("s");
    let mut child = manager.start(&state);
    let ready = manager.hears(Duration::from_mins(2)).expect("it says that it is up");
    let lines: Vec<&str> = ready.lines().collect();
    assert_eq!(lines.first(), Some(&"READY=1"), "the first word: {ready}");
    assert!(lines.get(1).is_some_and(|line| line.starts_with("STATUS=") && line.contains("equity ")), "{ready}");
    assert!(lines.get(1).is_some_and(|line| line.contains(" pairs held")), "{ready}");
    // It lives, more often than it must, and says now and then how it stands.
    for _ in 0..4 {
        let message = manager.hears(WATCHDOG).expect("a word of life comes in time");
        assert!(message.starts_with("WATCHDOG=1\n"), "{message}");
    }
    assert!(manager.hears_of("STATUS=").starts_with("WATCHDOG=1\n"));

    // Stuck: no word comes any more, and the manager does what it must.
    signal(&child, "STOP");
    while manager.hears(WATCHDOG).is_some() {}
    child.kill().unwrap();
    child.wait().unwrap();
    let mut child = manager.start(&state);
    manager.hears_of("READY=1");
    manager.hears_of("WATCHDOG=1");
    signal(&child, "TERM");
    manager.hears_of("STOPPING=1");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn g13_a_service_manager_that_does_not_listen_holds_nothing_up() {
    let manager = Manager::new();
    let state = manager.path("s");
    // Nobody reads the socket: it is full after a few hundred messages at most, and a send to it then waits for ever.
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"full", manager.path("notify")).is_ok() {}
    let mut child = manager.start(&state);
    // The session answers all the same, and ends when it is told to.
    let mut answered = false;
    for _ in 0..2_000 {
        let (code, out, _) = session::ended(&["metrics", text(&state)]);
        answered = code == 0 && out.contains("carry_up{session=\"s\"} 1");
        if answered {
            break;
        }
    }
    assert!(answered, "it answers while the service manager does not");
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
