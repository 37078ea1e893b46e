//! A simulated venue in a child process, its control endpoints, and keys for it.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests may stop the test"
)]

use carry::loopback::keys::{FOREIGN, READER, SPOT_ONLY, TRADER, WITHDRAWER};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// A venue that ends with its value.
pub(crate) struct Venue {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub(crate) base: String,
    address: String,
}

impl Venue {
    /// Starts it on a free port and waits for its first line.
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_carry"))
            .args(["venue", "--profile", "binance"])
            .args(more)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).expect("the venue says where it is");
        let text = |name: &str| said[name].as_str().expect("a text").to_owned();
        Self { base: text("base"), address: text("listen"), child }
    }

    /// One request to a control endpoint; its answer.
    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        let from = answer.find('{').unwrap_or(answer.len());
        let to = answer.rfind('}').map_or(from, |at| at + 1);
        serde_json::from_str(&answer[from..to]).expect("an object")
    }

    /// Something happens at the venue.
    pub(crate) fn act(&self, act: &Value) {
        self.control("POST", "/carry/fault", act);
    }

    /// The venue's own books.
    pub(crate) fn books(&self) -> Value {
        self.control("GET", "/carry/books", &Value::Null)
    }
}

impl Drop for Venue {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of the keys that [`keys`] makes, with their secrets: for the search for secrets.
pub(crate) const KEYS: [(&str, (&str, &str)); 5] =
    [("good", TRADER), ("withdrawer", WITHDRAWER), ("reader", READER), ("spot", SPOT_ONLY), ("foreign", FOREIGN)];

/// A file of all test keys, as `carry keys add --test` makes it.
pub(crate) fn keys(folder: &Path) -> PathBuf {
    let path = folder.join("keys.json");
    for (name, (key, secret)) in KEYS {
        let mut child = Command::new(env!("CARGO_BIN_EXE_carry"))
            .args(["keys", "add", name, "--venue", "binance", "--test", "--keys", path.to_str().unwrap()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let text = format!("{{\"key\":\"{key}\",\"secret\":\"{secret}\"}}");
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{name}");
    }
    path
}

/// Runs the binary in a folder: exit code, standard output, standard error.
pub(crate) fn carry(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.args(args).current_dir(folder).env_clear().env("HOME", folder).stdin(Stdio::null());
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}
