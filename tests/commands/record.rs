//! `carry data record` against a made-up venue on loopback, and the replay of what it wrote.
#![expect(clippy::unwrap_used, reason = "helpers of a test stop at the first surprise")]

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use std::process::Command;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;

fn carry(args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_carry")).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// Changes 11 to 30 of a book; the perp's name the one before.
fn change(id: u64, perp: bool) -> String {
    let before = if perp { format!(r#""T":1735689600000,"pu":{},"#, id - 1) } else { String::new() };
    format!(
        r#"{{"stream":"btcusdt@depth@100ms","data":{{"e":"depthUpdate","E":1735689600000,{before}"s":"BTCUSDT","U":{id},"u":{id},"b":[["99.9","{id}"]],"a":[["100.1","{id}"]]}}}}"#
    )
}

const MARK: &str = r#"{"stream":"btcusdt@markPrice@1s","data":{"e":"markPriceUpdate","E":1735689600000,"s":"BTCUSDT","p":"100","i":"100","P":"100","r":"0.0001","T":1735718400000}}"#;

async fn serve(mut stream: TcpStream) {
    let mut first = [0_u8; 64];
    let seen = stream.peek(&mut first).await.unwrap_or(0);
    let head = String::from_utf8_lossy(first.get(..seen).unwrap()).into_owned();
    if head.contains("/depth?") {
        let body = r#"{"lastUpdateId":12,"bids":[["99.8","5"]],"asks":[["100.2","5"]]}"#;
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut buffer = [0_u8; 4096];
        while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        return;
    }
    let Ok(mut ws) = tokio_tungstenite::accept_async(stream).await else { return };
    let subscribed = ws.next().await.unwrap().unwrap();
    assert!(subscribed.to_text().unwrap().contains("SUBSCRIBE"), "{subscribed}");
    ws.send(Message::text(r#"{"result":null,"id":1}"#)).await.unwrap();
    if head.contains("/market/") {
        ws.send(Message::text(MARK)).await.unwrap();
    } else {
        for id in 11..=30 {
            ws.send(Message::text(change(id, head.contains("/public/")))).await.unwrap();
        }
    }
    while let Some(Ok(_)) = ws.next().await {}
}

/// A venue on a thread of its own; its address.
fn venue() -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    receiver.recv().unwrap()
}

#[test]
fn what_is_recorded_replays_without_a_gap() {
    let base = venue();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("frames");
    let args = ["data", "record", "--venue", "binance", "--symbol", "BTCUSDT", "--json", "--base-url", &base];
    // Three confirmations, twenty changes for each leg, one mark.
    let (code, text, problems) = carry(&[&args[..], &["--frames", "44", "--out", out.to_str().unwrap()]].concat());
    assert_eq!((code, problems.as_str()), (0, ""));
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["schema"], "carry.data.record/1");
    let files = report["files"].as_array().unwrap();
    let frames: u64 = files.iter().map(|file| file["frames"].as_u64().unwrap()).sum();
    assert_eq!((files.len(), frames), (2, 46), "44 frames and a snapshot for each leg: {report}");
    let from = format!("replay:{}", out.display());
    let state = folder.path().join("state");
    let (code, text, problems) = carry(&["paper", "--market", &from, "--state", state.to_str().unwrap(), "--json"]);
    assert_eq!((code, problems.as_str()), (0, ""));
    let replay: Value = serde_json::from_str(&text).unwrap();
    for book in replay["books"].as_array().unwrap() {
        assert_eq!(
            (&book["gaps"], &book["refused"], &book["last_update_id"]),
            (&0.into(), &0.into(), &30.into()),
            "{book}"
        );
    }
    assert_eq!(replay["books"].as_array().unwrap().len(), 2);
}

#[test]
fn d18_a_recording_of_nothing_is_exit_5() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let run = |more: &[&str]| {
        let args = ["data", "record", "--out", out, "--venue", "binance", "--symbol", "BTCUSDT"];
        carry(&[&args[..], more].concat())
    };
    let (code, _, problems) = run(&["--for", "0s"]);
    assert!(code == 2 && problems.contains("15m"), "{problems}");
    let (code, _, problems) = run(&["--base-url", "http://10.0.0.1"]);
    assert!(code == 2 && problems.contains("loopback"), "{problems}");
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let (code, _, problems) = run(&["--base-url", &base]);
    assert!(code == 5 && problems.contains("cannot be reached"), "{problems}");
}
