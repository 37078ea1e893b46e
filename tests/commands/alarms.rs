//! Ways out for alarms: a program and a webhook, that fail, hang and come back, and never hold the session up.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests may stop the test")]

use crate::secrets;

use carry::domain::{PairId, Span, WallTime};
use carry::observe::alarms::{Alarms, Memory, Notice};
use carry::observe::sinks::{Patience, Sinks};
use carry::observe::words::About;
use carry::port::command::{Alarm, AlarmKind, Severity};
use secrets::Canaries;
use serde_json::Value;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const QUICK: Patience = Patience { limit: Duration::from_millis(500), first: Duration::from_millis(1) };

fn notice(pair: u16) -> Notice {
    let mut alarms = Alarms::new(Span::MINUTE, None, Memory::default());
    let alarm = Alarm {
        kind: AlarmKind::PairNaked,
        severity: Severity::Page,
        pair: Some(PairId(pair)),
        venue: None,
        order: None,
    };
    let about = About { pair: Some("alpha:BTCUSDT".to_owned()), ..About::default() };
    alarms.raise(&alarm, &about, WallTime(5)).unwrap()
}

fn warning(pair: u16) -> Notice {
    Notice { severity: "warning".to_owned(), ..notice(pair) }
}

fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("tell");
    let mut file = std::fs::File::create(&path).unwrap();
    write!(file, "#!/bin/sh\n{body}\n").unwrap();
    drop(file);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

async fn until(what: impl Fn() -> bool) {
    for _ in 0..3_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("what was waited for did not happen");
}

#[tokio::test]
async fn a_program_gets_the_alarm_on_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let program = script(folder.path(), &format!("/bin/cat >> '{}'", out.display()));
    let sinks = Sinks::log_only().with_program(&program, QUICK).unwrap();
    sinks.tell(&notice(1));
    sinks.tell(&notice(2));
    until(|| std::fs::read_to_string(&out).is_ok_and(|text| text.lines().count() == 2)).await;
    let text = std::fs::read_to_string(&out).unwrap();
    let told: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((&told["schema"], &told["kind"]), (&Value::from("carry.alarm/1"), &Value::from("pair_naked")));
    assert_eq!((&told["pair"], &told["severity"]), (&Value::from("alpha:BTCUSDT"), &Value::from("page")));
    assert_eq!(sinks.lost(), 0);
    assert!(Sinks::log_only().with_program(&folder.path().join("gone"), QUICK).is_err());
}

#[tokio::test]
async fn a_program_that_hangs_or_fails_is_counted_and_holds_nothing_up() {
    let folder = tempfile::tempdir().unwrap();
    let slow = script(folder.path(), "exec /bin/sleep 1000");
    let sinks = Sinks::log_only().with_program(&slow, QUICK).unwrap();
    for number in 0..100 {
        sinks.tell(&warning(number));
    }
    // The queue has 64 places, one is taken out at most while this test runs no further: the rest is counted at once.
    assert!(sinks.lost() >= 100 - 66, "{}", sinks.lost());
    let lost = sinks.lost();
    until(|| sinks.lost() > lost).await;
    let failing = script(folder.path(), "exit 3");
    let sinks = Sinks::log_only().with_program(&failing, QUICK).unwrap();
    sinks.tell(&notice(1));
    until(|| sinks.lost() == 1).await;
}

#[tokio::test]
async fn a_page_goes_before_all_that_waits_and_is_not_the_one_that_a_full_queue_drops() {
    let folder = tempfile::tempdir().unwrap();
    let (out, go) = (folder.path().join("out"), folder.path().join("go"));
    // It holds its first notice until it is let go.
    let wait = format!("while [ ! -e '{}' ]; do /bin/sleep 0.01; done; /bin/cat >> '{}'", go.display(), out.display());
    let program = script(folder.path(), &wait);
    let patience = Patience { limit: Duration::from_mins(1), first: Duration::from_millis(1) };
    let sinks = Sinks::log_only().with_program(&program, patience).unwrap();
    for number in 0..200 {
        sinks.tell(&warning(number));
    }
    let lost = sinks.lost();
    assert!(lost >= 200 - 66, "{lost}");
    for number in 0..100 {
        sinks.tell(&notice(number));
    }
    assert_eq!(sinks.lost(), lost, "no page is dropped");
    std::fs::write(&go, "").unwrap();
    until(|| std::fs::read_to_string(&out).is_ok_and(|text| text.lines().count() > 101)).await;
    let text = std::fs::read_to_string(&out).unwrap();
    let severity = |line: &str| serde_json::from_str::<Value>(line).unwrap()["severity"].as_str().unwrap().to_owned();
    let told: Vec<String> = text.lines().take(102).map(severity).collect();
    // One at most was taken before the first page came.
    let before = told.iter().position(|one| one == "page").unwrap();
    assert!(before <= 1 && told[before..before + 100].iter().all(|one| one == "page"), "{told:?}");
}

#[tokio::test]
async fn i10_what_a_program_that_hangs_has_started_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let note = folder.path().join("started");
    let slow = script(folder.path(), &format!("/bin/sleep 1000 & echo $! > {}\nwait", note.display()));
    let sinks = Sinks::log_only().with_program(&slow, QUICK).unwrap();
    sinks.tell(&notice(1));
    until(|| sinks.lost() == 1).await;
    let started = std::fs::read_to_string(&note).unwrap();
    // Gone, or a zombie where nobody asks for its end.
    let lives =
        || std::fs::read_to_string(format!("/proc/{}/stat", started.trim())).is_ok_and(|stat| !stat.contains(") Z"));
    until(|| !lives()).await;
}

/// A server that answers with these status lines, one connection each, and keeps what it was sent.
async fn server(answers: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook/canary-of-the-webhook-7", listener.local_addr().unwrap());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = vec![0; 4096];
            let mut text = String::new();
            while !text.contains("carry.alarm/1") {
                let count = stream.read(&mut bytes).await.unwrap();
                assert!(count > 0, "the request ended early: {text}");
                text.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
            keep.lock().unwrap().push(text);
            let reply = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (url, heard)
}

#[tokio::test]
async fn a_webhook_is_tried_again_and_followed_nowhere() {
    let (url, heard) = server(&["503 Busy", "302 Found\r\nlocation: http://127.0.0.1:1/", "200 OK"]).await;
    let sinks = Sinks::log_only().with_webhook(url.into(), QUICK).unwrap();
    sinks.tell(&notice(1));
    until(|| heard.lock().unwrap().len() == 3).await;
    let first = heard.lock().unwrap()[0].clone();
    assert!(first.starts_with("POST /hook/canary-of-the-webhook-7 HTTP/1.1"), "{first}");
    assert!(first.to_lowercase().contains("content-type: application/json"), "{first}");
    assert_eq!(sinks.lost(), 0);
}

#[tokio::test]
async fn x10_the_address_of_a_webhook_is_never_said() {
    for (url, expected) in [
        ("http://example.com/canary-of-the-webhook-7", "is not encrypted"),
        ("https://u:canary-of-the-webhook-7@example.com/", "has a user name"),
        ("canary-of-the-webhook-7", "is not a URL with a host"),
    ] {
        let error = Sinks::log_only().with_webhook(url.into(), QUICK).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(Canaries::new(&[("address", "canary-of-the-webhook-7")]).in_bytes(error.as_bytes()), [""; 0]);
    }
    // A webhook that cannot be reached: what is logged about it does not hold the address.
    let said: Arc<Mutex<Vec<u8>>> = Arc::default();
    let log = Log(Arc::clone(&said));
    let subscriber =
        tracing_subscriber::fmt().with_writer(move || log.clone()).with_max_level(tracing::Level::TRACE).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let url = format!("http://{address}/canary-of-the-webhook-7");
    let sinks = Sinks::log_only().with_webhook(url.into(), QUICK).unwrap();
    sinks.tell(&notice(1));
    until(|| sinks.lost() == 1).await;
    let said = said.lock().unwrap();
    assert!(String::from_utf8_lossy(&said).contains("an alarm was not delivered"));
    assert_eq!(Canaries::new(&[("address", "canary-of-the-webhook-7")]).in_bytes(&said), [""; 0]);
}

#[tokio::test]
async fn what_was_not_delivered_by_the_end_is_counted_named_and_kept_in_the_log() {
    let said: Arc<Mutex<Vec<u8>>> = Arc::default();
    let log = Log(Arc::clone(&said));
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // It takes the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/canary-of-the-webhook-7", silent.local_addr().unwrap());
    let patience = Patience { limit: Duration::from_mins(10), first: Duration::from_millis(1) };
    let sinks = Sinks::log_only().with_webhook(url.into(), patience).unwrap();
    for hour in 1..=3 {
        sinks.tell(&notice(hour));
    }
    let missed = sinks.close(Duration::from_millis(50)).await;
    assert_eq!(missed.len(), 1);
    assert_eq!((missed[0].way, missed[0].lost, missed[0].left.len()), ("alarm.webhook", 0, 3));
    let text = String::from_utf8(said.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("this alarm was not delivered before the end").count(), 3, "{text}");
    assert!(text.contains("did not deliver all of them") && text.contains("waited=3"), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[derive(Clone)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_session_tells_what_its_settings_name_and_remembers_what_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let (out, dir) = (folder.path().join("out"), folder.path().join("s"));
    let program = script(folder.path(), &format!("/bin/cat >> '{}'", out.display()));
    let exec = format!("alarm.exec={}", program.display());
    let paper = |set: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_carry"));
        command.args(["paper", "--days", "3", "--json", "--state"]).arg(&dir).current_dir(folder.path()).env_clear();
        for set in set {
            command.args(["--set", set]);
        }
        let run = command.output().unwrap();
        (run.status.code().unwrap(), String::from_utf8(run.stderr).unwrap())
    };
    // What cannot be told is said before anything starts.
    let hook = folder.path().join("hook");
    let (code, problems) = paper(&[&format!("alarm.webhook={}", hook.display())]);
    assert!(code == 2 && problems.contains("is not there; expected a file of mode 0600"), "{code} {problems}");
    std::fs::write(&hook, "https://example.com/canary-of-the-webhook-7").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (code, problems) = paper(&[&format!("alarm.webhook={}", hook.display())]);
    assert!(code == 2 && problems.contains("run: chmod 600") && !problems.contains("canary"), "{code} {problems}");
    let (code, problems) = paper(&["alarm.webhook=https://example.com/canary-of-the-webhook-7"]);
    assert!(code == 2 && !problems.contains("canary"), "{code} {problems}");

    let (code, problems) = paper(&[&exec, "alarm.heartbeat=1d"]);
    assert_eq!(code, 0, "{problems}");
    let text = std::fs::read_to_string(&out).unwrap();
    assert!(text.lines().any(|line| line.contains("\"what\":\"heartbeat\"")), "{text}");
    assert!(std::fs::read_to_string(dir.join("alarms.json")).unwrap().contains("\"open\":"));
}
