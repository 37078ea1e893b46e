//! The page with a plain HTTP client on loopback: what is refused, what is shown without a script, what an act needs.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use crate::http;
use crate::session;

use carry::web::{Options, Page, WebError, start};
use http::{FORM, ask, cookie, get, options, raw, served, tokens};
use serde_json::Value;
use session::{Running, carry, ended, hedged, text};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn folder() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    std::fs::create_dir(&dir).unwrap();
    (temporary, dir)
}

#[test]
fn x15_a_page_is_of_this_machine_alone() {
    let (_temporary, dir) = folder();
    for listen in ["0.0.0.0:0", "192.0.2.1:8420", "[::]:0"] {
        for expose in [false, true] {
            let options = Options { listen: listen.parse().unwrap(), expose, ..options(&dir) };
            assert!(matches!(start(&options), Err(WebError::NotLoopback(_))), "{listen} {expose}");
        }
    }
    // With a certificate alone it is not exposed either.
    let pem = dir.join("page.pem");
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&pem, format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem())).unwrap();
    let with = |listen: &str| Options { listen: listen.parse().unwrap(), tls: Some(pem.clone()), ..options(&dir) };
    std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(start(&with("127.0.0.1:0")), Err(WebError::Tls { .. })), "others may read the key");
    std::fs::set_permissions(&pem, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(start(&with("0.0.0.0:0")), Err(WebError::NotLoopback(_))));
    // Metrics that are open to all of this machine are not open to all who reach it.
    let open = Options { expose: true, metrics: Some("open".to_owned()), ..with("0.0.0.0:0") };
    let error = start(&open).unwrap_err().to_string();
    assert!(error.contains("web.metrics = \"open\" is for this machine alone"), "{error}");
    assert!(start(&Options { metrics: None, ..open }).is_ok());
    let page = start(&with("127.0.0.1:0")).unwrap();
    let address = page.url().trim_start_matches("https://").trim_end_matches('/').parse().unwrap();
    assert_eq!(get(address, "/healthz", &[]).status, 0, "nothing is said in plain text");
    let (code, _, problems) = ended(&["serve", "--state", text(&dir), "--listen", "0.0.0.0:0"]);
    assert_eq!(code, 2);
    assert!(problems.contains("is not loopback") && problems.contains("ssh -L"), "{problems}");
}

#[test]
fn x16_wrong_tokens_are_few_and_tokens_are_private() {
    let (_temporary, dir) = folder();
    let (_page, address) = served(&dir);
    let (view, act) = tokens(&dir);
    let mode = std::fs::metadata(dir.join("page.json")).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode, view.len()), (0o600, 64));
    let read = cookie(address, &view);
    let origin = format!("http://{address}");
    let login =
        |token: &str| ask(address, "POST", "/login", &[FORM, ("origin", &origin)], &format!("token={token}")).status;
    assert_eq!(login(&act), 403, "the token that acts does not read");
    for _ in 0..3 {
        assert_eq!(login("0000"), 403);
    }
    assert_eq!(login("0000"), 429);
    assert_eq!(login(&view), 303, "a stranger's wrong ones keep nobody out who has the right one");
    assert_eq!(get(address, "/s/s", &[("cookie", &read)]).status, 200, "who reads goes on reading");
    let (code, out, _) = ended(&["serve", "--state", text(&dir), "--print-token"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, told["view"].as_str().unwrap(), told["act"].as_str().unwrap()), (0, view.as_str(), act.as_str()));
}

#[test]
fn x16_without_a_token_nothing_is_shown() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let forged = format!("carry_page_{}=9999999999.{}", address.port(), "0".repeat(64));
    for path in
        ["/", "/s/s", "/s/s/ledger", "/s/s/plan?verb=flatten", "/s/s/pair?name=alpha%3ABTCUSDT", "/s/none", "/s/s/none"]
    {
        for cookie in ["", forged.as_str()] {
            let answer = get(address, path, &[("cookie", cookie)]);
            assert_eq!((answer.status, answer.body.as_str()), (303, ""), "{path}");
            assert!(answer.head.contains("location: /login"));
        }
    }
    assert_eq!(get(address, "/s/s/live?screen=overview", &[]).status, 401);
    let form = get(address, "/login", &[]);
    assert!(form.status == 200 && !form.body.contains("USDT") && !form.body.contains("paper"), "{}", form.body);
    let alive = get(address, "/healthz", &[]);
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok\n"));
    for line in
        ["default-src 'none'", "frame-ancestors 'none'", "x-content-type-options: nosniff", "cache-control: no-store"]
    {
        assert!(alive.head.contains(line), "{}", alive.head);
    }
    session.kill();
}

#[test]
fn x18_x19_a_foreign_host_and_an_upgrade_are_refused_before_anything() {
    let (_temporary, dir) = folder();
    let page = start(&Options { hosts: vec!["desk.example".to_owned()], ..options(&dir) }).unwrap();
    let address: SocketAddr = page.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let port = address.port();
    let evil = format!("evil.example:{port}");
    for host in [evil.as_str(), "127.0.0.1", "localhost", "", "127.0.0.1:1"] {
        for path in ["/", "/login", "/page.js", "/healthz", "/s/s/act"] {
            assert_eq!(get(address, path, &[("host", host)]).status, 403, "{host} {path}");
        }
    }
    let twice =
        raw(address, &format!("GET /login HTTP/1.1\r\nhost: {address}\r\nhost: {evil}\r\nconnection: close\r\n\r\n"));
    assert!(twice.status == 403 || twice.status == 400, "{twice:?}");
    let localhost = format!("localhost:{port}");
    for host in [localhost.as_str(), "desk.example"] {
        assert_eq!(get(address, "/login", &[("host", host)]).status, 200, "{host}");
    }
    let upgrade =
        [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
    for path in ["/", "/login", "/s/s/live?screen=overview"] {
        assert_eq!(get(address, path, &upgrade).status, 403, "{path}");
    }
}

#[test]
fn x17_an_act_needs_all_of_it_and_the_session_answers() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let (view, act) = tokens(&dir);
    let (read, origin) = (cookie(address, &view), format!("http://{address}"));
    let plan = || {
        let page = get(address, "/s/s/plan?verb=pause", &[("cookie", &read)]);
        assert_eq!(page.status, 200);
        assert!(
            page.body.contains("data-word=\"pause\"") && page.body.contains("carry pause --state"),
            "{}",
            page.body
        );
        page.body.split("data-plan=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let id = plan();
    let body = format!("{{\"plan\":\"{id}\",\"typed\":\"pause\"}}");
    let json = ("content-type", "application/json");
    let all = [("cookie", read.as_str()), ("origin", origin.as_str()), json, ("x-carry-act", act.as_str())];
    let without = |name: &str| all.into_iter().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| {
        let mut headers = without(name);
        headers.push((name, value));
        headers
    };
    let send = |headers: &[(&str, &str)], body: &str| ask(address, "POST", "/s/s/act", headers, body).status;
    assert_eq!(send(&without("cookie"), &body), 401);
    assert_eq!(send(&without("origin"), &body), 403);
    assert_eq!(send(&with("origin", "http://evil.example"), &body), 403);
    assert_eq!(send(&with("origin", "null"), &body), 403);
    assert_eq!(send(&without("content-type"), &body), 415);
    assert_eq!(send(&with("content-type", "application/x-www-form-urlencoded"), &body), 415);
    assert_eq!(send(&with("content-type", "text/plain"), &body), 415);
    assert_eq!(send(&without("x-carry-act"), &body), 403);
    assert_eq!(send(&with("x-carry-act", "0000"), &body), 403);
    assert_eq!(get(address, "/s/s/act", &all).status, 405, "GET never acts");
    assert_eq!(send(&all, "{}"), 400);
    assert_eq!(send(&all, &format!("{{\"plan\":\"{id}\",\"typed\":\"yes\"}}")), 400);
    let paused = || verb(&dir, "status")["paused"].clone();
    assert_eq!(paused(), false, "nothing of that acted");
    assert_eq!(send(&all, &body), 200);
    assert_eq!(paused(), true);
    assert_eq!(send(&all, &body), 409, "a plan is good once");
    let halted = get(address, "/s/s/plan?verb=status", &[("cookie", &read)]);
    assert!(halted.body.contains("is no act of this page"), "{}", halted.body);
    let foreign = ask(address, "POST", "/login", &[FORM, ("origin", "http://evil.example")], &format!("token={view}"));
    assert_eq!(foreign.status, 403);
    session.kill();
}

/// One verb of the command line as JSON.
fn verb(dir: &Path, word: &str) -> Value {
    let (_, out, _) = ended(&[word, "--state", text(dir), "--json"]);
    serde_json::from_str(&out).unwrap_or_default()
}

#[test]
fn x17_flatten_shows_its_plan_takes_its_word_and_closes() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    verb(&dir, "pause");
    let (_page, address) = served(&dir);
    let (view, act) = tokens(&dir);
    let (read, origin) = (cookie(address, &view), format!("http://{address}"));
    let page = get(address, "/s/s/plan?verb=flatten", &[("cookie", &read)]).body;
    let word = page.split("data-word=\"").nth(1).unwrap().split('"').next().unwrap();
    let id = page.split("data-plan=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(word.starts_with("flatten ") && word != "flatten 0", "{word}");
    assert!(page.contains("orders in total, in clips") && page.contains("costs est"));
    let headers =
        [("cookie", read.as_str()), ("origin", &origin), ("content-type", "application/json"), ("x-carry-act", &act)];
    let answer = ask(address, "POST", "/s/s/act", &headers, &format!("{{\"plan\":\"{id}\",\"typed\":\"{word}\"}}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    session.until(|| {
        let now = verb(&dir, "status");
        now["pairs"].as_array().is_some_and(|rows| rows.iter().all(|row| row["phase"] == "flat"))
    });
    session.kill();
}

#[test]
fn x20_idle_slow_and_large_clients_hold_up_nobody() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let (view, _) = tokens(&dir);
    let bearer = format!("Bearer {view}");
    let mut idle = Vec::new();
    for number in 0..400 {
        let mut stream = TcpStream::connect(address).unwrap();
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET /login HTTP/1.1\r\nhost: ");
        }
        idle.push(stream);
    }
    let watch = carry::net::machine_clock::Stopwatch::start();
    assert_eq!(get(address, "/s/s", &[("authorization", &bearer)]).status, 200);
    assert!(watch.seconds() < 10.0, "{}", watch.seconds());
    assert_eq!(ended(&["status", "--state", text(&dir)]).0, 0);
    let large = "x".repeat(64 * 1024);
    let answer = get(address, "/login", &[("x-large", &large)]);
    assert!(matches!(answer.status, 0 | 431), "{answer:?}");
    let origin = format!("http://{address}");
    let answer = ask(address, "POST", "/login", &[FORM, ("origin", &origin)], &large);
    assert!(matches!(answer.status, 0 | 413), "{answer:?}");
    assert_eq!(get(address, &format!("/login?{}", "x".repeat(4_000)), &[]).status, 414);
    // A head that does not come in time is not waited for.
    let mut silent = TcpStream::connect(address).unwrap();
    silent.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    silent.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    drop(idle);
    session.kill();
}

#[test]
fn x20_plans_of_the_page_push_out_no_plan_of_others_and_leave_the_socket_free() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let (_page, address) = served(&dir);
    let bearer = format!("Bearer {}", tokens(&dir).0);
    let mut line = BufReader::new(UnixStream::connect(dir.join("control.sock")).unwrap());
    let mut ask = |token: &str| -> Value {
        let request = format!("{{\"schema\":\"carry.control/1\",\"verb\":\"flatten\"{token}}}\n");
        line.get_mut().write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        line.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let owner = ask("")["plan"]["token"].as_str().unwrap().to_owned();
    let plan = || get(address, "/s/s/plan?verb=flatten", &[("authorization", &bearer)]).body;
    let shown = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..40).map(|_| scope.spawn(plan)).collect();
        // Meanwhile the terminal is heard.
        for _ in 0..3 {
            let (code, _, problems) = ended(&["flatten", "--state", text(&dir), "--json"]);
            assert!(code == 4 && problems.contains("nothing was sent"), "{code} {problems}");
        }
        clients.into_iter().map(|client| client.join().unwrap()).filter(|body| body.contains("data-plan")).count()
    });
    assert!((17..=30).contains(&shown), "more than there were places for, and not all: {shown}");
    let answer = ask(&format!(",\"token\":\"{owner}\""));
    let error = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(error.is_empty() || error.contains("the plan has changed"), "the plan was still known: {answer}");
    session.kill();
}

#[test]
fn x16_a_flood_of_strangers_keeps_no_owner_from_looks_and_acts() {
    let (_temporary, dir) = folder();
    let (_page, address) = served(&dir);
    let (view, act) = tokens(&dir);
    let (read, origin) = (cookie(address, &view), format!("http://{address}"));
    let strangers = |_| get(address, "/login", &[]).status;
    let own = || {
        let look = get(address, "/s/s", &[("cookie", &read)]).status;
        let head: [(&str, &str); 4] =
            [("cookie", &read), ("x-carry-act", &act), ("origin", &origin), ("content-type", "application/json")];
        (look, ask(address, "POST", "/s/s/act", &head, "{\"plan\":\"none\",\"typed\":\"halt\"}").status)
    };
    std::thread::scope(|scope| {
        let flood: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..400).map(strangers).collect::<Vec<_>>())).collect();
        let mine: Vec<(u16, u16)> = (0..5).map(|_| own()).collect();
        let refused = flood.into_iter().flat_map(|one| one.join().unwrap()).filter(|status| *status == 429).count();
        assert!(refused > 0, "the flood was no flood");
        assert!(mine.iter().all(|both| *both == (200, 409)), "{mine:?}");
    });
    let limited = (0..400).map(strangers).any(|status| status == 429);
    assert!(!limited || own() == (200, 409));
}

#[test]
fn x17_settings_that_let_more_risk_in_are_taken_with_their_typed_word() {
    let temporary = tempfile::tempdir().unwrap();
    let (dir, file) = (temporary.path().join("s"), temporary.path().join("c.toml"));
    std::fs::write(&file, "[gates]\nguard = \"2m\"\n").unwrap();
    let arguments = ["paper", "--state", text(&dir), "--days", "3000", "--speed", "12000", "--config", text(&file)];
    let session = Running::start(&arguments);
    session.until(|| dir.join("control.sock").exists());
    let (_page, address) = served(&dir);
    let (view, act) = tokens(&dir);
    let (read, origin) = (cookie(address, &view), format!("http://{address}"));
    let plan = || get(address, "/s/s/plan?verb=reload", &[("cookie", &read)]).body;
    session.until(|| plan().contains("no key that a running session takes differs"));
    std::fs::write(&file, "[gates]\nguard = \"1m\"\n").unwrap();
    let page = plan();
    assert!(page.contains("data-word=\"loosen 1\"") && page.contains("lets more risk in"), "{page}");
    let id = page.split("data-plan=\"").nth(1).unwrap().split('"').next().unwrap();
    let headers =
        [("cookie", read.as_str()), ("origin", &origin), ("content-type", "application/json"), ("x-carry-act", &act)];
    let send = |typed: &str| {
        let body = format!("{{\"plan\":\"{id}\",\"typed\":\"{typed}\"}}");
        ask(address, "POST", "/s/s/act", &headers, &body)
    };
    assert_eq!(send("reload").status, 400);
    let done = send("loosen 1");
    assert!(done.status == 200 && done.body.contains("gates.guard"), "{done:?}");
    std::fs::write(&file, "[gates]\nguard = \"5m\"\n").unwrap();
    assert!(plan().contains("data-word=\"reload 1\""));
    session.kill();
}

/// The text of a page without its marks.
fn words(page: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => (inside, out) = (false, out + " "),
            letter if !inside => out.push(letter),
            _ => {}
        }
    }
    out.replace('\u{a0}', " ")
}

#[test]
fn without_a_process_the_page_says_what_status_says_and_never_yes() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    Running::holding(&dir).kill();
    let told = verb(&dir, "status");
    let (_page, address) = served(&dir);
    let bearer = format!("Bearer {}", tokens(&dir).0);
    let read = |path: &str| {
        let answer = get(address, path, &[("authorization", &bearer)]);
        assert_eq!(answer.status, 200, "{path}");
        words(&answer.body)
    };
    let page = read("/s/s");
    let amount = |key: &str| carry::domain::Amount::parse(told[key].as_str().unwrap()).unwrap();
    assert!(page.contains(&carry::web::words::level(amount("equity"))), "{page}");
    assert!(page.contains("No process") && page.contains("no process runs for this folder"), "{page}");
    for question in ["Hedged?", "Sane?"] {
        let verdict = page.split(question).nth(1).unwrap().trim_start();
        assert!(!verdict.starts_with("yes"), "{question} {}", &verdict[..20]);
    }
    assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
    for path in [
        "/s/s/opportunities",
        "/s/s/ledger",
        "/s/s/risk",
        "/s/s/health",
        "/s/s/events",
        "/s/s/pair?name=alpha%3ABTCUSDT",
    ] {
        let page = read(path);
        assert!(!page.contains("NaN") && !page.contains(" inf"), "{path}: {page}");
    }
    assert_eq!(get(address, "/healthz", &[]).status, 503);
    let feed = get(address, "/api/v1/sessions/s", &[("authorization", &bearer)]);
    let feed: Value = serde_json::from_str(&feed.body).unwrap();
    assert_eq!((&feed["schema"], &feed["runs"]), (&"carry.feed/1".into(), &false.into()));
    assert_eq!((&feed["status"]["equity"], &feed["status"]["state"]), (&told["equity"], &told["state"]));
    assert_eq!(get(address, "/api/v1/sessions/s", &[]).status, 401);
    assert_eq!(get(address, "/api/v1/sessions/s/stream", &[]).status, 401);
    let unknown = get(address, "/s/s/pair?name=%3Cscript%3E", &[("authorization", &bearer)]).body;
    assert!(!unknown.contains("<script>"), "{unknown}");
}

#[test]
fn several_sessions_have_one_page_and_a_running_one_its_own() {
    let temporary = tempfile::tempdir().unwrap();
    let (one, other) = (temporary.path().join("one"), temporary.path().join("two"));
    Running::holding(&one).kill();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("web.listen=127.0.0.1:{port}");
    let session = Running::start(&[
        "paper",
        "--state",
        text(&other),
        "--days",
        "3000",
        "--seed",
        "9",
        "--speed",
        "120000",
        "--set",
        &listen,
    ]);
    let own: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    session.until(|| TcpStream::connect(own).is_ok() && other.join("control.sock").exists() && hedged(&other));
    let bearer = format!("Bearer {}", tokens(&other).0);
    let page = get(own, "/s/two", &[("authorization", &bearer)]);
    assert!(page.status == 200 && page.body.contains("PAPER"), "{page:?}");
    let options = Options { sessions: vec![one.clone(), other.clone()], ..options(&one) };
    let served = start(&options).unwrap();
    let address: SocketAddr = served.url().trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let bearer = format!("Bearer {}", tokens(&one).0);
    let list = get(address, "/", &[("authorization", &bearer)]).body;
    assert!(list.contains("/s/one") && list.contains("/s/two") && list.contains("no process"), "{list}");
    session.kill();
    // Its port is taken: a session that was asked for a page does not start without one.
    let _taken = std::net::TcpListener::bind(own).unwrap();
    let mut command = carry(&["paper", "--state", text(&temporary.path().join("three")), "--set", &listen]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn metrics_are_for_whom_the_settings_name() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session = Running::holding(&dir);
    let file = temporary.path().join("bearer");
    let word = "a-word-that-is-long-enough-to-be-a-bearer";
    std::fs::write(&file, format!("{word}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let at =
        |page: &Page| page.url().trim_start_matches("http://").trim_end_matches('/').parse::<SocketAddr>().unwrap();
    let (_closed, address) = served(&dir);
    assert_eq!(get(address, "/metrics", &[]).status, 404);
    let open = start(&Options { metrics: Some("open".to_owned()), ..options(&dir) }).unwrap();
    let shown = get(at(&open), "/metrics", &[]);
    assert!(shown.status == 200 && shown.body.contains("carry_up{session=\"s\"} 1"), "{shown:?}");
    let some = start(&Options { metrics: Some(text(&file).to_owned()), ..options(&dir) }).unwrap();
    assert_eq!(get(at(&some), "/metrics", &[]).status, 401);
    assert_eq!(get(at(&some), "/metrics", &[("authorization", "Bearer other")]).status, 401);
    assert_eq!(get(at(&some), "/metrics", &[("authorization", &format!("Bearer {word}"))]).status, 200);
    // A scraper with a wrong bearer locks itself out, and nobody who reads or acts.
    for _ in 0..8 {
        assert_eq!(get(at(&some), "/metrics", &[("authorization", "Bearer other")]).status, 401);
    }
    assert_eq!(
        get(at(&some), "/metrics", &[("authorization", &format!("Bearer {word}"))]).status,
        200,
        "the right one"
    );
    let read = cookie(at(&some), &tokens(&dir).0);
    assert_eq!(get(at(&some), "/s/s", &[("cookie", &read)]).status, 200);
    std::fs::write(&file, "short").unwrap();
    assert!(matches!(
        start(&Options { metrics: Some(text(&file).to_owned()), ..options(&dir) }),
        Err(WebError::Metrics { .. })
    ));
    session.kill();
}
