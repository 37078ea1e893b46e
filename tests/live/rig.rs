//! A loopback venue and a live run beside it, both as real processes, and what their books say of each other.
//!
//! The venue's clock runs many times as fast as time, and the run follows it: hours pass in seconds. Nothing here waits by
//! sleeping: a run ends by itself at its length, and a watchdog ends it when it does not.

pub(crate) use super::market::{HIGH, compressed};
use crate::secrets::Canaries;
use carry::domain::Amount;
use carry::loopback::keys::{ASTER_AGENT, ASTER_WALLET, TRADER};
use carry::loopback::typed::address_of;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

/// 2025-10-10T00:05Z: five minutes after a settlement.
pub(crate) const START: i64 = 1_760_054_700_000;

/// A rally of 60 % in one hour.
pub(crate) const RALLY: &str = r#"
[[act]]
at = "1h"
act = "rally"
symbol = "BTCUSDT"
by = "0.6"
over = "1h"
"#;

const STRATEGY: &str = r#"
[strategy]
rule = "anchor"
pairs = ["binance:BTCUSDT"]
[signal]
funding = "settled"
smooth = "1h"
memory = "2d"
[entry]
funding = "0.01%/8h"
margin = "0.01%/8h"
cooldown = "1h"
[exit]
when = "all"
funding = "0.005%/8h"
basis = "30bps"
min_hold = "1h"
[gates]
quadrant = false
min_depth = "100usdt"
[size]
per_pair = "40%"
leverage = "2x"
"#;

/// Whose protocol is spoken, and with which proof.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// Binance with an HMAC key.
    Binance,
    /// Aster with an agent's wallet.
    Aster,
    /// Aster with an HMAC key of the old kind.
    AsterOld,
}

impl Kind {
    /// Its name in pairs and accounts.
    const fn name(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Aster => "aster",
            Self::AsterOld => "aster-v1",
        }
    }

    const fn profile(self) -> &'static str {
        match self {
            Self::Binance => "binance",
            Self::Aster | Self::AsterOld => "aster",
        }
    }

    /// What no output may contain.
    fn secret(self) -> String {
        match self {
            Self::Binance | Self::AsterOld => TRADER.1.to_owned(),
            Self::Aster => hex(&ASTER_AGENT),
        }
    }

    /// The key as `carry keys add` reads it, and its kind.
    fn key(self) -> (&'static str, String) {
        let api = format!(r#"{{"key":"{}","secret":"{}"}}"#, TRADER.0, TRADER.1);
        match self {
            Self::Binance | Self::AsterOld => ("hmac", api),
            Self::Aster => {
                let (user, signer) = (address_of(&ASTER_WALLET).unwrap(), address_of(&ASTER_AGENT).unwrap());
                let key = self.secret();
                ("aster", format!(r#"{{"user":"{user}","signer":"{signer}","private_key":"{key}"}}"#))
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// A venue, a folder, and everything that was printed.
pub(crate) struct Rig {
    folder: tempfile::TempDir,
    venue: Child,
    kind: Kind,
    pub(crate) base: String,
}

/// A run that ended.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The summary that it printed.
    pub(crate) fn summary(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("no summary: {}\n{}", self.out, self.err))
    }
}

pub(crate) fn carry() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_carry"));
    command.env_remove("HOME").env("RUST_LOG", "info");
    command
}

/// A process that is waited for beside the test.
pub(crate) struct Watched {
    id: u32,
    over: bool,
    ended: mpsc::Receiver<()>,
    waiting: Option<JoinHandle<std::io::Result<Output>>>,
}

impl Watched {
    pub(crate) fn start(mut command: Command) -> Self {
        let child = command.spawn().unwrap();
        let id = child.id();
        let (done, ended) = mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let output = child.wait_with_output();
            let _ = done.send(());
            output
        });
        Self { id, over: false, ended, waiting: Some(waiting) }
    }

    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        self.over = self.over || self.ended.recv_timeout(time).is_ok();
        self.over
    }

    /// Kills it unless it was seen to end, and gives what it said.
    pub(crate) fn kill(mut self) -> Ran {
        self.ends();
        ran(&self.waiting.take().unwrap().join().unwrap().unwrap())
    }

    fn ends(&self) {
        if !self.over {
            let _ = Command::new("kill").args(["-9", &self.id.to_string()]).status();
        }
    }
}

impl Drop for Watched {
    /// A run that its test leaves behind would go on and take time from the others.
    fn drop(&mut self) {
        if self.waiting.is_some() {
            self.ends();
        }
    }
}

impl Rig {
    /// Binance with this script, whose clock runs `speed` times as fast as time.
    pub(crate) fn new(script: &str, speed: u32) -> Self {
        Self::of(Kind::Binance, script, speed)
    }

    /// A venue of this kind.
    pub(crate) fn of(kind: Kind, script: &str, speed: u32) -> Self {
        Self::with(kind, script, speed, &[])
    }

    /// The same with further words for the venue.
    pub(crate) fn with(kind: Kind, script: &str, speed: u32, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("script.toml", script);
        write("strategy.toml", &STRATEGY.replace("binance:", &format!("{}:", kind.name())));
        let mut venue = carry()
            .args(["venue", "--profile", kind.profile(), "--faults"])
            .arg(folder.path().join("script.toml"))
            .args(["--speed", &speed.to_string(), "--start", &START.to_string()])
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(venue.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut said = String::new();
            venue.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("the venue did not start: {said}");
        }
        let ready: Value = serde_json::from_str(&line).unwrap();
        let base = ready["base"].as_str().unwrap().to_owned();
        let rig = Self { folder, venue, kind, base };
        rig.add_key();
        rig
    }

    /// A file of this rig.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn add_key(&self) {
        self.file_key("test", self.kind);
    }

    /// Puts the key of a kind of venue under this name into this rig's file of keys.
    pub(crate) fn file_key(&self, name: &str, kind: Kind) {
        let (word, text) = kind.key();
        let mut child = carry()
            .args(["keys", "add", name, "--venue", kind.profile(), "--kind", word, "--test", "--keys"])
            .arg(self.path("keys.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A live run of this length on the venue's clock.
    pub(crate) fn live(&self, length: &str, more: &[&str]) -> Command {
        self.live_in("state", &self.base, length, more)
    }

    /// The same in a folder of this name; another address is another machine to the lock of an account.
    pub(crate) fn live_in(&self, folder: &str, base: &str, length: &str, more: &[&str]) -> Command {
        let mut command = carry();
        command
            .args(["live", "--key", "test", "--keys"])
            .arg(self.path("keys.json"))
            .args(["--base-url", base, "--clock", "venue", "--state"])
            .arg(self.path(folder))
            .arg("--strategy")
            .arg(self.path("strategy.toml"))
            // On a clock that runs so fast, a round trip of a millisecond takes most of a second.
            .args(["--set", "execution.hedge_time=60s", "--for", length, "--json"])
            // A test key on loopback needs no hours in the shadow; consent it needs.
            .args(["--set", "live.shadow_hours=0s", "--set", "live.max_notional=1000000usdt"])
            .args(["--consent", "I accept 1000000 usdt"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs it to its end; a run that does not end is killed after so many real seconds, and the test fails.
    pub(crate) fn run(command: Command, limit: u64) -> Ran {
        let mut watched = Watched::start(command);
        let in_time = watched.ends_within(Duration::from_secs(limit));
        let ran = watched.kill();
        assert!(in_time, "the run did not end:\n{}", ran.err);
        ran
    }

    /// Runs it to its end as [`Rig::run`] does, and shows its process id each half second.
    pub(crate) fn watched(command: Command, limit: u64, mut look: impl FnMut(u32)) -> Ran {
        let mut watched = Watched::start(command);
        let mut looks = 0;
        while looks < 2 * limit && !watched.ends_within(Duration::from_millis(500)) {
            looks += 1;
            look(watched.id);
        }
        let in_time = watched.over;
        let ran = watched.kill();
        assert!(in_time, "the run did not end:\n{}", ran.err);
        ran
    }

    /// Starts it and kills it as soon as something holds; a run that ends before, or takes more than two real minutes, is a
    /// failed test.
    pub(crate) fn killed_when(command: Command, holds: impl Fn() -> bool) -> Ran {
        let mut watched = Watched::start(command);
        let mut looks = 0;
        while !holds() && looks < 6_000 && !watched.ends_within(Duration::from_millis(20)) {
            looks += 1;
        }
        watched.kill()
    }

    /// Another command of the binary.
    pub(crate) fn ask(&self, words: &[&str]) -> Ran {
        ran(&carry().args(words).current_dir(self.folder.path()).output().unwrap())
    }

    /// What the run in a folder answers to a verb; nothing when none listens.
    pub(crate) fn control(&self, folder: &str, verb: &Value) -> Option<Value> {
        let mut line = verb.clone();
        line["schema"] = "carry.control/1".into();
        let mut stream = UnixStream::connect(self.path(folder).join("control.sock")).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        writeln!(stream, "{line}").ok()?;
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }

    /// An act of the venue, or a fault, in the grammar of fault files.
    pub(crate) fn fault(&self, act: &Value) {
        let (taken, said) = self.asked("POST", "/carry/fault", &act.to_string());
        assert!(taken, "{act}: {said}");
    }

    /// A page of the venue.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.asked("GET", path, "").1
    }

    /// A request to the venue with its test key: whether it was taken, and what it said.
    pub(crate) fn asked(&self, method: &str, path: &str, body: &str) -> (bool, Value) {
        let address = self.base.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address).unwrap();
        let (key, length) = (TRADER.0, body.len());
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nX-MBX-APIKEY: {key}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (start, end) = (body.find(['{', '[']).unwrap(), body.rfind(['}', ']']).unwrap());
        (head.contains(" 200 "), serde_json::from_str(&body[start..=end]).unwrap())
    }

    /// Balances of the venue's own books: wallet and asset.
    pub(crate) fn books(&self) -> BTreeMap<(String, String), Amount> {
        let books = self.get("/carry/books");
        let mut found = BTreeMap::new();
        for (asset, row) in books["spot"].as_object().unwrap() {
            found.insert(("spot".to_owned(), asset.clone()), amount(&row["total"]));
        }
        for (asset, total) in books["futures"].as_object().unwrap() {
            found.insert(("perp".to_owned(), asset.clone()), amount(total));
        }
        found.retain(|_, amount| !amount.is_zero());
        found
    }

    /// Balances of the ledger of record.
    pub(crate) fn ledger(&self) -> BTreeMap<(String, String), Amount> {
        let ran = self.ask(&["ledger", "state", "--balances", "--json"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        Self::ledger_of(&ran, self.kind.name())
    }

    /// Balances of one venue in what the ledger of record said.
    pub(crate) fn ledger_of(ran: &Ran, venue: &str) -> BTreeMap<(String, String), Amount> {
        let mut found = BTreeMap::new();
        let wallets = format!("wallet:{venue}:");
        for row in ran.summary()["balances"].as_array().unwrap() {
            if let Some(wallet) = row["account"].as_str().unwrap().strip_prefix(&wallets) {
                let asset = row["asset"].as_str().unwrap().to_owned();
                found.insert((wallet.to_owned(), asset), amount(&row["balance"]));
            }
        }
        found.retain(|_, amount| !amount.is_zero());
        found
    }

    /// Income of one kind on the venue's books.
    pub(crate) fn income(&self, kind: &str) -> Vec<Amount> {
        let books = self.get("/carry/books");
        let rows = books["income"].as_array().unwrap().iter().filter(|row| row["type"] == kind);
        rows.map(|row| amount(&row["amount"])).collect()
    }

    /// Ends the venue.
    fn stop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", &self.venue.id().to_string()]).status();
        let _ = self.venue.wait();
    }

    /// Fails when a secret stands in any file of the run, or in what was printed.
    pub(crate) fn search(&self, printed: &[&Ran]) {
        let canaries = Canaries::new(&[("secret", &self.kind.secret())]);
        let mut found = canaries.in_path(&self.path("state"), &[]);
        for ran in printed {
            found.extend(canaries.in_bytes(ran.out.as_bytes()));
            found.extend(canaries.in_bytes(ran.err.as_bytes()));
        }
        assert!(found.is_empty(), "X01: the secret came out: {found:?}");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.stop();
    }
}

fn ran(output: &Output) -> Ran {
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

fn amount(value: &Value) -> Amount {
    Amount::parse(value.as_str().unwrap()).unwrap()
}
