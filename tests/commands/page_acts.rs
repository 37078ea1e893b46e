//! Acts of a page of several sessions: each takes its own token alone, and is recorded whoever stays to hear of it.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::http;
use crate::session;

use carry::web::start;
use http::{ask, cookie, get, options, tokens};
use rustix::process::{Pid, Signal, kill_process};
use session::{Running, ended, text};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

fn between<'a>(all: &'a str, from: &str, to: &str) -> &'a str {
    all.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(found, _)| found)
}

fn paused(dir: &Path) -> bool {
    let (_, out, _) = ended(&["status", "--state", text(dir), "--json"]);
    serde_json::from_str::<serde_json::Value>(&out).unwrap().get("paused").is_some_and(|paused| paused == true)
}

/// Head and body of an act on a session of a page.
fn act(address: SocketAddr, slug: &str, (read, token): (&str, &str)) -> (Vec<(&'static str, String)>, String) {
    let page = get(address, &format!("/s/{slug}/plan?verb=pause"), &[("cookie", read)]).body;
    let plan = between(&page, "data-plan=\"", "\"");
    let head = vec![
        ("cookie", read.to_owned()),
        ("origin", format!("http://{address}")),
        ("content-type", "application/json".to_owned()),
        ("x-carry-act", token.to_owned()),
    ];
    (head, format!("{{\"plan\":\"{plan}\",\"typed\":\"pause\"}}"))
}

#[test]
fn x17_the_token_of_one_session_acts_on_no_other() {
    let temporary = tempfile::tempdir().unwrap();
    let (one, two) = (temporary.path().join("one"), temporary.path().join("two"));
    let running = [Running::holding(&one), Running::holding(&two)];
    let page = start(&carry::web::Options { sessions: vec![one.clone(), two.clone()], ..options(&one) }).unwrap();
    let address: SocketAddr = page.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let (view, first) = tokens(&one);
    let read = cookie(address, &view);
    let send = |slug: &str, token: &str| {
        let (head, body) = act(address, slug, (&read, token));
        let head: Vec<(&str, &str)> = head.iter().map(|(name, value)| (*name, value.as_str())).collect();
        ask(address, "POST", &format!("/s/{slug}/act"), &head, &body).status
    };
    assert_eq!(send("two", &first), 403, "a folder without tokens is acted on by nobody");
    let (_, second) = tokens(&two);
    assert_eq!((send("two", &first), send("one", &second)), (403, 403));
    assert!(!paused(&one) && !paused(&two));
    assert_eq!(send("two", &second), 200);
    assert!(!paused(&one) && paused(&two));
    assert_eq!(send("one", &first), 200);
    assert!(paused(&one));
    // Each page of the two names its own session in what is to be typed, and the list says how old each is.
    for (slug, dir) in [("one", &one), ("two", &two)] {
        let typed = format!("<code>carry resume --state {}</code>", dir.display());
        running
            .first()
            .unwrap()
            .until(|| get(address, &format!("/s/{slug}/health"), &[("cookie", &read)]).body.contains(&typed));
    }
    let [first, second] = running;
    second.kill();
    first.until(|| {
        let list = get(address, "/", &[("cookie", &read)]).body;
        list.contains("no process") && list.contains("as of ") && list.matches("<tr class=\"stale\">").count() == 1
    });
    first.kill();
}

#[test]
fn an_act_is_recorded_with_its_end_though_who_asked_for_it_is_gone() {
    let temporary = tempfile::tempdir().unwrap();
    let (dir, log) = (temporary.path().join("s"), temporary.path().join("log"));
    let session = Running::holding(&dir);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("127.0.0.1:{port}");
    let address: SocketAddr = listen.parse().unwrap();
    let page = Running::start_logged(&["serve", "--state", text(&dir), "--listen", &listen], &log);
    page.until(|| TcpStream::connect(address).is_ok());
    let (view, token) = tokens(&dir);
    let read = cookie(address, &view);
    let (head, body) = act(address, "s", (&read, &token));
    let pid = Pid::from_raw(i32::try_from(session.id()).unwrap()).unwrap();
    kill_process(pid, Signal::STOP).unwrap();
    let logged = |words: &str| std::fs::read_to_string(&log).is_ok_and(|text| text.contains(words));
    let mut stream = TcpStream::connect(address).unwrap();
    let head = head.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let length = body.len();
    write!(stream, "POST /s/s/act HTTP/1.1\r\nhost: {address}\r\ncontent-length: {length}\r\n{head}\r\n{body}")
        .unwrap();
    page.until(|| logged("is asked of the session"));
    drop(stream);
    // The page notices that nobody listens before the session can answer: it answers others meanwhile.
    for _ in 0..20 {
        assert_eq!(get(address, "/login", &[]).status, 200);
    }
    kill_process(pid, Signal::CONT).unwrap();
    page.until(|| logged("the outcome of an act of the page"));
    assert!(paused(&dir));
    page.kill();
    session.kill();
}
