//! The feed for programs of a running session: judged by the schema that is published, and its events from any id without a hole.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test stop at the first surprise")]

use crate::http;
use crate::session;

use http::{served, tokens};
use serde_json::Value;
use session::{Running, ended, hedged, rows, text};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A connection after its request. HTTP/1.0 has no chunks: what comes is what was sent.
fn asked(address: SocketAddr, token: &str, path: &str, more: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n{more}\r\n").unwrap();
    BufReader::new(stream)
}

fn json(address: SocketAddr, token: &str, path: &str) -> Value {
    let mut all = String::new();
    asked(address, token, path, "").read_to_string(&mut all).unwrap();
    serde_json::from_str(all.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// One event: its name, its id and its data.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    name: String,
    id: Option<String>,
    data: Value,
}

fn next(stream: &mut BufReader<TcpStream>) -> Told {
    let (mut name, mut id, mut data) = (String::new(), None, None);
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        let line = line.trim_end();
        if let Some(text) = line.strip_prefix("event: ") {
            text.clone_into(&mut name);
        } else if let Some(text) = line.strip_prefix("id: ") {
            id = Some(text.to_owned());
        } else if let Some(text) = line.strip_prefix("data: ") {
            data = Some(serde_json::from_str(text).unwrap());
        } else if let Some(data) = data.take().filter(|_| line.is_empty()) {
            return Told { name, id, data };
        }
    }
}

/// The published schema of a name, ready to judge.
fn schema(name: &str) -> jsonschema::Validator {
    let (code, out, problems) = ended(&["schema", name]);
    assert_eq!(code, 0, "{problems}");
    let schema: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    jsonschema::validator_for(&schema).unwrap()
}

fn judge(schema: &jsonschema::Validator, value: &Value) {
    let wrong: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert_eq!(wrong, Vec::<String>::new(), "{value}");
}

#[test]
fn what_is_sent_is_what_the_published_schema_says_and_events_go_on_from_any_id() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path().join("s");
    let session =
        Running::start(&["paper", "--state", text(&dir), "--days", "3000", "--seed", "9", "--speed", "120000"]);
    session.until(|| dir.join("control.sock").exists() && hedged(&dir) && rows(&dir, "funding") > 3);
    let ((_page, address), (token, _)) = (served(&dir), tokens(&dir));

    let feed = schema("feed");
    let now = json(address, &token, "/api/v1/sessions/s");
    assert!(now["status"]["pairs"][0]["detail"].is_object() && now["runs"] == true, "{now}");
    judge(&feed, &now);
    judge(&feed, &next(&mut asked(address, &token, "/api/v1/sessions/s/stream", "")).data);
    judge(&schema("sessions"), &json(address, &token, "/api/v1/sessions"));
    // A schema that everything passes would prove nothing.
    let mut wrong = now.clone();
    wrong["status"]["equity"] = Value::from(1.5);
    assert!(!feed.is_valid(&wrong));
    let mut wrong = now.clone();
    wrong["status"].as_object_mut().unwrap().remove("last_sequence");
    assert!(!feed.is_valid(&wrong));

    let event = schema("event");
    let mut stream = asked(address, &token, "/api/v1/sessions/s/events?from=start", "");
    let mut all = Vec::new();
    let kind = |all: &[Told], name: &str| all.iter().filter(|told| told.name == name).count();
    while kind(&all, "fill") < 4 || kind(&all, "settlement") < 3 || kind(&all, "state") < 1 {
        let told = next(&mut stream);
        judge(&event, &told.data);
        assert_eq!(told.data["event"], told.name.as_str());
        all.push(told);
    }
    drop(stream);
    assert_eq!((all[0].name.as_str(), all[0].id.as_ref()), ("state", None));
    let rows: Vec<Told> = all.into_iter().filter(|told| told.name == "fill").collect();
    let fills: Value = serde_json::from_str(&ended(&["fills", text(&dir), "--json"]).1).unwrap();
    for (row, booked) in rows.iter().zip(fills["fills"].as_array().or(fills["rows"].as_array()).unwrap()) {
        assert_eq!(row.data["data"]["intent"], booked["intent"]);
    }
    // From the second fill on: the third is next, and nothing comes twice.
    let last = format!("last-event-id: {}\r\n", rows[1].id.as_ref().unwrap());
    let mut stream = asked(address, &token, "/api/v1/sessions/s/events", &last);
    let again = std::iter::repeat_with(|| next(&mut stream)).find(|told| told.name == "fill").unwrap();
    assert_eq!(again, rows[2]);
    let mut refused = String::new();
    asked(address, &token, "/api/v1/sessions/s/events?from=yesterday", "").read_to_string(&mut refused).unwrap();
    assert!(refused.contains(" 400 ") && refused.contains("expected start, or an id"), "{refused}");

    // What is pressed is told at once, to who came without an id too.
    let mut stream = asked(address, &token, "/api/v1/sessions/s/events", "");
    assert_eq!(next(&mut stream).data["data"]["paused"], false);
    assert_eq!(ended(&["pause", "--state", text(&dir)]).0, 0);
    let paused = std::iter::repeat_with(|| next(&mut stream)).find(|told| told.name == "state").unwrap();
    judge(&event, &paused.data);
    assert_eq!(paused.data["data"]["paused"], true);
    session.kill();
}

#[test]
fn a_schema_of_no_name_is_refused_with_the_names() {
    let (code, _, problems) = ended(&["schema", "nothing"]);
    assert_eq!(code, 2);
    assert!(problems.contains("expected one of feed, sessions, event"), "{problems}");
}
