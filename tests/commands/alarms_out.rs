//! Alarms on their way to people: Telegram, mail and the outside watcher against receivers on this machine that are well, slow,
//! down, or ask for a pause; and what a person hears of a bad stretch of the simulated market.
#![expect(clippy::unwrap_used, reason = "helpers of tests may stop the test")]

use crate::secrets;
use crate::session;

use carry::config::Settings;
use carry::config::settings::{self, Level};
use carry::domain::{Amount, PairId, Span, WallTime};
use carry::observe::alarms::{Alarms, Memory, Notice};
use carry::observe::mail::Mailer;
use carry::observe::sinks::{Patience, Sinks};
use carry::observe::telegram::{Account, Silent};
use carry::observe::watcher::Watcher;
use carry::observe::words::About;
use carry::port::command::{Alarm, AlarmKind, Severity};
use carry::run::journal::NoJournal;
use carry::run::lasting::still;
use carry::run::paper::{Paper, SimMarket};
use carry::run::telling::Telling;
use carry::sim::faults::PlaceFault;
use carry::sim::{Faults, Generator, START};
use secrets::Canaries;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const QUICK: Patience = Patience { limit: Duration::from_millis(500), first: Duration::from_millis(1) };
const TOKEN: &str = "123456:canary-of-the-bot-token_AAF7";

fn notice(severity: Severity, hour: i64) -> Notice {
    let mut alarms = Alarms::new(Span::MINUTE, None, Memory::default()).of_session("live", "state/main");
    let alarm = Alarm { kind: AlarmKind::PairNaked, severity, pair: Some(PairId(1)), venue: None, order: None };
    let about = About {
        pair: Some("alpha:BTCUSDT".to_owned()),
        at_risk: Some("25000.00 USDT unequal".to_owned()),
        ..About::default()
    };
    alarms.raise(&alarm, &about, WallTime(hour * Span::HOUR.0)).unwrap()
}

/// One request as it came: its first line, its body.
#[derive(Debug, Clone)]
struct Heard {
    line: String,
    body: String,
}

/// A receiver on this machine that gives these answers in turn, the last one for ever, and keeps what it was sent.
struct Receiver {
    base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Receiver {
    fn start(answers: &'static [(&'static str, &'static str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let keep = Arc::clone(&heard);
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(mut stream) = stream else { return };
                let mut read = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                let _ = read.read_line(&mut line);
                let mut length = 0;
                loop {
                    let mut head = String::new();
                    if read.read_line(&mut head).unwrap_or(0) == 0 || head.trim().is_empty() {
                        break;
                    }
                    if let Some(value) = head.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                }
                let mut body = vec![0; length];
                let _ = read.read_exact(&mut body);
                keep.lock().unwrap().push(Heard { line, body: String::from_utf8(body).unwrap() });
                let (status, text) = answers.get(number).or(answers.last()).unwrap();
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", text.len());
                let _ = stream.write_all(format!("{head}{text}").as_bytes());
            }
        });
        Self { base, heard }
    }

    fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The messages of a bot, as JSON.
    fn messages(&self) -> Vec<Value> {
        self.all().iter().map(|heard| serde_json::from_str(&heard.body).unwrap()).collect()
    }

    fn account(&self) -> Account {
        let text = serde_json::json!({ "token": TOKEN, "chat": "-1001", "url": self.base }).to_string();
        Account::parse(&text).ok().unwrap()
    }
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

fn private(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn script(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("sendmail");
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn telegram_gets_a_sentence_and_the_pause_that_it_asks_for_and_a_page_is_never_silent() {
    const PAUSE: &str = "{\"ok\":false,\"error_code\":429,\"parameters\":{\"retry_after\":1}}";
    let bot = Receiver::start(&[("429 Too Many Requests", PAUSE), ("200 OK", "{\"ok\":true}")]);
    let silent = Silent { from: Span::hours(22), to: Span::hours(7) };
    let sinks = Sinks::log_only().with_telegram(bot.account(), (Level::Notify, Some(silent)), QUICK);
    sinks.tell(&notice(Severity::Notice, 2));
    sinks.tell(&notice(Severity::Warning, 2));
    until(|| bot.all().len() == 1).await;
    // While it wants to be left alone, what is raised waits, and then goes together.
    for _ in 0..3 {
        sinks.tell(&notice(Severity::Page, 3));
    }
    until(|| bot.all().len() == 3).await;
    let (line, messages) = (bot.all()[0].line.clone(), bot.messages());
    assert!(line.starts_with(&format!("POST /bot{TOKEN}/sendMessage HTTP/1.1")), "{line}");
    assert_eq!(messages[0], messages[1], "the same again after the pause");
    assert_eq!((&messages[0]["chat_id"], &messages[0]["disable_notification"]), (&"-1001".into(), &true.into()));
    let text = messages[1]["text"].as_str().unwrap();
    assert_eq!(text.lines().next(), Some("carry LIVE main: pair_naked alpha:BTCUSDT"));
    for part in ["warning: alpha:BTCUSDT: ", "(25000.00 USDT unequal)", "type: carry ", "--state state/main"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let together = messages[2]["text"].as_str().unwrap();
    assert!(together.starts_with("carry PAGE LIVE main: pair_naked alpha:BTCUSDT and 2 more\n"), "{together}");
    assert_eq!(messages[2]["disable_notification"], false, "three at night, and a page");
    assert_eq!(sinks.lost(), 0);
}

#[tokio::test]
async fn mail_goes_through_the_sendmail_program_by_its_level() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let sendmail = script(folder.path(), &format!("echo \"$@\" >> '{0}'; /bin/cat >> '{0}'", out.display()));
    let to = vec!["desk@example.com".to_owned(), "night@example.com".to_owned()];
    let mailer = Mailer { sendmail: sendmail.clone(), to: to.clone() };
    let sinks = Sinks::log_only().with_mail(mailer, Level::Page, QUICK).unwrap();
    sinks.tell(&notice(Severity::Warning, 2));
    sinks.tell(&notice(Severity::Page, 2));
    sinks.close(Duration::from_secs(30)).await;
    let text = std::fs::read_to_string(&out).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("-i -- desk@example.com night@example.com"));
    assert_eq!(lines.next(), Some("To: desk@example.com, night@example.com"));
    assert_eq!(lines.next(), Some("Subject: carry PAGE LIVE main: pair_naked alpha:BTCUSDT"));
    assert!(text.contains("\n\npage: alpha:BTCUSDT: ") && text.matches("Subject:").count() == 1, "{text}");
    let gone = Mailer { sendmail: folder.path().join("gone"), to };
    let error = Sinks::log_only().with_mail(gone, Level::Page, QUICK).err().unwrap().to_string();
    assert!(error.starts_with("alarm.sendmail: ") && error.contains("expected a program"), "{error}");
}

#[tokio::test]
async fn a_receiver_that_is_down_slow_or_never_satisfied_holds_nothing_up_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    // Takes connections and never answers.
    let slow = TcpListener::bind("127.0.0.1:0").unwrap();
    let slow_url = format!("http://{}/", slow.local_addr().unwrap());
    let down = {
        let closed = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", closed.local_addr().unwrap())
    };
    let busy = Receiver::start(&[("429 Too Many Requests", "{\"parameters\":{\"retry_after\":86400}}")]);
    let written = serde_json::json!({ "token": TOKEN, "chat": 7, "url": down }).to_string();
    let mailer =
        Mailer { sendmail: script(folder.path(), "exec /bin/sleep 1000"), to: vec!["desk@example.com".to_owned()] };
    let sinks = Sinks::log_only()
        .with_webhook(slow_url.into(), QUICK)
        .unwrap()
        .with_telegram(Account::parse(&written).ok().unwrap(), (Level::Log, None), QUICK)
        .with_telegram(busy.account(), (Level::Log, None), QUICK)
        .with_mail(mailer, Level::Log, QUICK)
        .unwrap();
    // This task does not yield: none of the ways runs meanwhile, and telling comes back all the same.
    for _ in 0..1_000 {
        sinks.tell(&notice(Severity::Warning, 2));
    }
    assert_eq!(sinks.lost(), 4 * (1_000 - 64), "each queue has 64 places");
    let lost = sinks.lost();
    until(|| sinks.lost() > lost + 3 * 64).await;
    assert_eq!(busy.all().len(), 1, "who asks for a day gets no second try");
}

#[tokio::test]
async fn the_watcher_hears_that_the_loop_came_by_and_misses_one_that_does_not() {
    let outside = Receiver::start(&[("200 OK", ""), ("503 Busy", ""), ("200 OK", "")]);
    let url = format!("{}/ping/canary-of-the-watcher", outside.base);
    let mut watcher = Watcher::new(url.into(), Duration::from_mins(5), QUICK).unwrap();
    for second in 0..1_000 {
        watcher.lives(Duration::from_secs(second));
        let due = usize::try_from(second / 300 + 1).unwrap();
        until(|| outside.all().len() == due).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(outside.all().len(), 4, "at once, and each five minutes, whether it answered or not");
    // The loop stands for twenty minutes: nobody else calls in its place, so that whoever waits outside misses three. When it
    // comes by again it is heard at once.
    let before = outside.all().len();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(outside.all().len(), before, "a loop that stands is silent");
    watcher.lives(Duration::from_secs(1_000 + 1_200));
    until(|| outside.all().len() == before + 1).await;
    assert!(outside.all().iter().all(|heard| heard.line.starts_with("GET /ping/canary-of-the-watcher HTTP/1.1")));
    let error = Watcher::new("http://example.com/canary".into(), Duration::from_mins(5), QUICK).err().unwrap();
    assert!(error.to_string().contains("alarm.watcher is not encrypted") && !error.to_string().contains("canary"));
}

/// Days of a bad market, on which every few orders meet a fault of the venue.
#[test]
fn a_bad_market_is_told_in_few_sentences_with_a_digest_a_day_and_says_no_secret() {
    const DAYS: usize = 5;
    let folder = tempfile::tempdir().unwrap();
    let bot = Receiver::start(&[("200 OK", "{\"ok\":true}")]);
    let outside = Receiver::start(&[("200 OK", "")]);
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        private(&path, text);
        Some(path.display().to_string())
    };
    let account = serde_json::json!({ "token": TOKEN, "chat": 7, "url": bot.base }).to_string();
    let mut settings = Settings::default();
    settings.alarm = settings::Alarm {
        telegram: file("bot", &account),
        telegram_level: Level::Log,
        watcher: file("watcher", &format!("{}/canary-of-the-watcher", outside.base)),
        digest: Some(Span::hours(8)),
        fold: Span::HOUR,
        ..settings.alarm
    };
    // Small clips are many orders.
    settings.execution.clip = Amount::whole(120);
    let mut telling = Telling::open(folder.path(), "paper", &settings.alarm).unwrap().unwrap();
    let faults = Faults::seeded(3).with_place(PlaceFault::TimeoutExecuted, 200).with_place(PlaceFault::Overfill, 100);
    let market = SimMarket::new(Generator::new(9, START), None);
    let mut paper = Paper::start(&settings, NoJournal, market, faults).unwrap();
    paper.until(START + Span(Span::DAY.0 * i64::try_from(DAYS).unwrap()));
    paper.driver.raised = Some(Vec::new());
    let mut same = Alarms::new(Span::HOUR, None, Memory::default());
    let (mut rang, mut told) = (0, 0);
    while paper.step().unwrap() {
        let raised = paper.driver.raised.as_mut().map(std::mem::take).unwrap_or_default();
        rang += raised.len();
        let mut notices: Vec<Notice> =
            raised.iter().filter_map(|(alarm, about)| same.raise(alarm, about, paper.now())).collect();
        let state = &paper.driver.state;
        notices.extend(same.tick(paper.now(), &|kind, pair, about| still(state, kind, (pair, about))));
        told += notices.iter().map(|notice| notice.count).sum::<u64>();
        paper.driver.raised = Some(raised);
        let now = paper.now();
        telling.tell(&mut paper, now, |_| "ready; equity 1 USDT, net 0, 1 pairs held".to_owned());
    }
    drop(telling);
    let texts: Vec<String> =
        bot.messages().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect();
    let sentences: Vec<&str> = texts.iter().flat_map(|text| text.split("\n\n").skip(1)).collect();
    let (digests, alarms): (Vec<&str>, Vec<&str>) = sentences.iter().partition(|text| text.starts_with("the day: "));
    println!("{rang} alarms, {} sentences, {} messages\n{}", sentences.len(), texts.len(), texts.join("\n---\n"));
    assert_eq!(told, u64::try_from(rang).unwrap(), "each alarm is in exactly one notice");
    let loud = alarms.iter().filter(|text| !text.starts_with("over: ")).count();
    assert!(rang >= 40 && loud * 3 < rang * 2, "{rang} alarms, {loud} sentences besides the ends");
    assert_eq!(digests.len(), DAYS, "one a day");
    assert!(digests.iter().all(|text| text.contains("; equity ") || text.contains(" since ")), "{digests:?}");
    for text in &alarms {
        assert!(text.contains("; type: ") && text.ends_with(')') && !text.contains('\n'), "{text}");
    }
    assert!(!outside.all().is_empty(), "the watcher heard of it");
    let canaries = Canaries::new(&[("token", TOKEN), ("watcher", "canary-of-the-watcher")]);
    assert_eq!(canaries.in_bytes(texts.join("\n").as_bytes()), [""; 0]);
    assert_eq!(canaries.in_bytes(&std::fs::read(folder.path().join("alarms.json")).unwrap()), [""; 0]);
}

#[test]
fn hours_of_silence_without_a_length_are_refused_with_both_keys() {
    let hours = ["alarm.silent_from=22h", "alarm.silent_to=22h"].iter().flat_map(|set| ["--set", set]);
    let (code, _, problems) = session::ended(&["check"].into_iter().chain(hours).collect::<Vec<_>>());
    assert_eq!(code, 2, "{problems}");
    let words = "alarm.silent_from (22h, --set) and alarm.silent_to (22h, --set) are the same time: expected two";
    assert!(problems.contains(words), "{problems}");
}

#[test]
fn x10_what_is_wrong_with_a_file_of_an_alarm_is_said_with_its_key_and_without_its_content() {
    let folder = tempfile::tempdir().unwrap();
    let (path, state) = (folder.path().join("file"), folder.path().join("s"));
    let paper = |set: &str| {
        let set = format!("{set}={}", path.display());
        session::ended(&["paper", "--days", "1", "--state", session::text(&state), "--set", &set])
    };
    for (key, content, expected) in [
        ("alarm.telegram", "{\"token\":\"12:canary\"}", "line 1: expected {\"token\": \"123:ABC\""),
        ("alarm.mail", "a@example.com\ncanary\n", "line 2: expected one mail address"),
        ("alarm.watcher", "https://example.com/canary\ncanary\n", "line 2: expected one line with the https address"),
    ] {
        let _ = std::fs::remove_file(&path);
        let (code, _, problems) = paper(key);
        assert!(code == 2 && problems.contains(key) && problems.contains("is not there; expected"), "{problems}");
        private(&path, content);
        let (code, _, problems) = paper(key);
        assert!(code == 2 && problems.contains(key) && problems.contains(expected), "{key}: {problems}");
        assert!(!problems.contains("canary"), "{problems}");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (code, _, problems) = paper(key);
        assert!(code == 2 && problems.contains("chmod 600"), "{key}: {problems}");
    }
}
