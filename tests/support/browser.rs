//! A real Chromium, driven over its own debugging socket on loopback: opens a file at a width and a theme, asks the page.
//!
//! Absent, tests say so and return; where `CI` is set they fail. `CHROMIUM` names another binary.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests may stop the test, and say when they skip"
)]
#![expect(clippy::disallowed_methods, reason = "the environment names the browser, and a page is given time to draw")]

use base64::Engine as _;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Most polls of [`Browser::until`], one each twentieth of a second.
const PATIENCE: u32 = 600;

/// Where `.ci/run` puts the accessibility checker.
const AXE: &str = "target/ci/axe/node_modules/axe-core/axe.min.js";

/// Runs it on the whole page.
const BARRIERS: &str = r#"axe.run(document, { resultTypes: ["violations"] }).then((result) => ({
  rules: result.violations.length + result.passes.length,
  found: result.violations.filter((one) => one.impact === "serious" || one.impact === "critical").flatMap((one) =>
    one.nodes.slice(0, 5).map((node) => `${one.impact} ${one.id}: ${node.target.join(" ")}: ${(node.failureSummary || "").split("\n").slice(1, 3).join("; ")}`)),
}))"#;

/// The browser and one page of it.
pub(crate) struct Browser {
    process: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    number: u64,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts it; `None` where there is no Chromium.
    pub(crate) async fn start() -> Option<Self> {
        let binary = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new(&binary);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
        command.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.args(["--hide-scrollbars", "--remote-debugging-port=0"]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let Ok(mut process) = started else {
            assert!(std::env::var("CI").is_err(), "{binary} is missing");
            println!("skipped: no {binary} here");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address =
            lines.find_map(|line| Some(line.ok()?.strip_prefix("DevTools listening on ")?.to_owned())).unwrap();
        // What it says later is read away, so that it never waits for us.
        std::thread::spawn(move || lines.for_each(drop));
        let (socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
        let mut browser = Self { process, socket, session: String::new(), number: 0, _profile: profile };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" })).await;
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.ask("Target.attachToTarget", target).await;
        attached["sessionId"].as_str().unwrap().clone_into(&mut browser.session);
        Some(browser)
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.number += 1;
        let mut call = json!({ "id": self.number, "method": method, "params": params });
        if !self.session.is_empty() {
            call["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        loop {
            let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
            let answer: Value = serde_json::from_str(text.as_str()).unwrap();
            if answer["id"] == self.number {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return answer["result"].clone();
            }
        }
    }

    /// Opens a file in a window of that width, light or dark.
    pub(crate) async fn open(&mut self, file: &Path, width: u32, dark: bool) {
        self.window(width, dark).await;
        self.ask("Page.navigate", json!({ "url": format!("file://{}", file.display()) })).await;
        self.until("document.readyState === 'complete' && location.protocol === 'file:'").await;
    }

    /// Opens an address; done when it is loaded.
    pub(crate) async fn go(&mut self, url: &str) {
        // The page of before is left for sure before the next one is waited for.
        self.value("window.left = true").await;
        self.ask("Page.navigate", json!({ "url": url })).await;
        self.until("!window.left && document.readyState === 'complete'").await;
    }

    /// Whether pages may run their scripts.
    pub(crate) async fn scripts(&mut self, on: bool) {
        self.ask("Emulation.setScriptExecutionDisabled", json!({ "value": !on })).await;
    }

    /// Sends a key as a person would press it.
    pub(crate) async fn press(&mut self, key: &str) {
        let text = if key == "Enter" { "\r" } else { key };
        self.ask("Input.dispatchKeyEvent", json!({ "type": "keyDown", "key": key, "text": text })).await;
        self.ask("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key })).await;
    }

    /// Types into what has the focus.
    pub(crate) async fn write(&mut self, text: &str) {
        self.ask("Input.insertText", json!({ "text": text })).await;
    }

    /// Sets the width of the window, light or dark.
    pub(crate) async fn window(&mut self, width: u32, dark: bool) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics).await;
        let theme = json!({ "name": "prefers-color-scheme", "value": if dark { "dark" } else { "light" } });
        self.ask("Emulation.setEmulatedMedia", json!({ "features": [theme] })).await;
    }

    /// What an expression is in the page.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true });
        let answer = self.ask("Runtime.evaluate", params).await;
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        answer["result"]["value"].clone()
    }

    /// What hinders people who see little, hear the page or use no mouse, as axe-core judges it: its serious and critical
    /// findings, each with where it is. None where axe-core is not there: tests say so, and where `CI` is set they fail.
    pub(crate) async fn barriers(&mut self) -> Value {
        let Ok(script) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(AXE)) else {
            assert!(std::env::var("CI").is_err(), "{AXE} is missing; .ci/run installs it");
            println!("skipped: no {AXE} here, so nobody looks at how accessible the page is");
            return json!([]);
        };
        self.value(&format!("(() => {{ {script}; return true; }})()")).await;
        let params = json!({ "expression": BARRIERS, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", params).await;
        assert!(answer["exceptionDetails"].is_null(), "{}", answer["exceptionDetails"]);
        assert!(answer["result"]["value"]["rules"].as_u64().unwrap() > 10, "too few rules were applied: {answer}");
        answer["result"]["value"]["found"].clone()
    }

    /// Waits until an expression is true.
    pub(crate) async fn until(&mut self, expression: &str) {
        for _ in 0..PATIENCE {
            if self.value(expression).await == Value::Bool(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never true: {expression}");
    }

    /// The whole page as a picture, when `CARRY_SCREENSHOTS` names a folder.
    pub(crate) async fn picture(&mut self, name: &str) {
        let Ok(folder) = std::env::var("CARRY_SCREENSHOTS") else { return };
        let size = self.value("[document.documentElement.clientWidth, document.documentElement.scrollHeight]").await;
        let (width, height) = (size[0].as_u64().unwrap(), size[1].as_u64().unwrap());
        // In slices: a long page as one picture cannot be read.
        for (place, top) in (0..height).step_by(1_500).enumerate() {
            let clip = json!({ "x": 0, "y": top, "width": width, "height": 1_500.min(height - top), "scale": 1 });
            let wanted = json!({ "captureBeyondViewport": true, "clip": clip });
            let shot = self.ask("Page.captureScreenshot", wanted).await;
            let bytes = base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}-{place}.png")), bytes).unwrap();
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
