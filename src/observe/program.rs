//! A program of this machine as a way out: text on standard input, no shell, no environment, a time limit.
//!
//! Tests: `tests/commands/alarms.rs`.

use rustix::process::{Pid, Signal, kill_process_group};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Runs it once; why it did not work, in words.
///
/// # Errors
/// What happened instead of an exit code of 0 within the limit.
pub async fn run(path: &Path, arguments: &[String], text: &str, limit: Duration) -> Result<(), &'static str> {
    match tokio::time::timeout(limit, once(path, arguments, text)).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false) | Err(_)) => Err("it failed"),
        Err(_) => Err("it took too long and was ended"),
    }
}

/// The program with the text on standard input; its end by force, and that of what it started, when the wait for it is given up.
async fn once(path: &Path, arguments: &[String], text: &str) -> std::io::Result<bool> {
    let mut child = tokio::process::Command::new(path)
        .args(arguments)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        // A group of its own, so that what it started can be ended with it.
        .process_group(0)
        .spawn()?;
    let mut group = Group(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read is not wrong: its exit code tells.
        let _ = stdin.write_all(text.as_bytes()).await;
        let _ = stdin.write_all(b"\n").await;
    }
    let success = child.wait().await?.success();
    // It ended by itself: what it left running is its own affair.
    group.0 = None;
    Ok(success)
}

/// The group of a program that is waited for; ended by force when the wait is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}
