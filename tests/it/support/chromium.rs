//! A headless Chromium driven over its DevTools protocol, which is WebSocket: our own client speaks it.

use std::path::Path;
use std::process::Command;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;
use ws_client::{Client, Message};
use ws_tests::process::{Process, find_url};
use ws_tests::wait::TIMEOUT;

/// A browser with one page.
pub(crate) struct Page {
    client: Client,
    session: String,
    last_id: u64,
    /// What the page or the browser complained about.
    complaints: Vec<String>,
    _process: Process,
    _profile: TempDir,
}

impl Page {
    /// Starts a browser and opens `url`.
    pub(crate) fn open(url: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut process = Process::spawn(
            Command::new("chromium")
                .args([
                    "--headless=new",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--no-first-run",
                    "--disable-dev-shm-usage",
                    "--disable-background-networking",
                    "--remote-debugging-port=0",
                    "--window-size=1280,860",
                ])
                .arg(format!("--user-data-dir={}", profile.path().display()))
                .arg("about:blank"),
        );
        let devtools = process.wait_for_stderr(find_url);
        let mut page = Self {
            client: Client::connect(&devtools).unwrap(),
            session: String::new(),
            last_id: 0,
            complaints: Vec::new(),
            _process: process,
            _profile: profile,
        };
        let target = page.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = page.call("Target.attachToTarget", &attach);
        page.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "DOM", "Accessibility"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page.call("Page.navigate", &json!({"url": url}));
        page.wait_for(&format!(
            "location.href === {} && document.readyState === 'complete'",
            json!(url)
        ));
        page
    }

    /// Calls a method of the protocol and returns its result.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last_id += 1;
        let mut request = json!({"id": self.last_id, "method": method, "params": parameters});
        if !self.session.is_empty() {
            request["sessionId"] = self.session.as_str().into();
        }
        self.client.send_text(&request.to_string()).unwrap();
        loop {
            let message = self.client.receive(TIMEOUT).unwrap();
            let Some(Message::Text(text)) = message else {
                panic!("{method}: {message:?} instead of an answer");
            };
            let mut answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.last_id {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.note(&answer);
        }
    }

    fn note(&mut self, event: &Value) {
        match event["method"].as_str() {
            Some("Log.entryAdded") if event["params"]["entry"]["level"] == "error" => {
                self.complaints
                    .push(event["params"]["entry"]["text"].to_string());
            }
            Some("Runtime.exceptionThrown") => {
                self.complaints
                    .push(event["params"]["exceptionDetails"].to_string());
            }
            _ => {}
        }
    }

    /// What was complained about so far: exceptions, and what the page's policy forbids.
    pub(crate) fn complaints(&self) -> &[String] {
        &self.complaints
    }

    /// The value of an expression, or of its promise.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let evaluate =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut result = self.call("Runtime.evaluate", &evaluate);
        assert!(
            result.get("exceptionDetails").is_none(),
            "{expression}: {result}"
        );
        result["result"]["value"].take()
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, condition: &str) {
        let is_true = ws_tests::wait::until(TIMEOUT, || self.value(condition) == true);
        assert!(is_true, "never true: {condition}");
    }

    /// Presses a key, given as DevTools names it, with Alt (1), Ctrl (2) or Shift (8).
    pub(crate) fn press(&mut self, key: &str, modifiers: u8) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            " " => (32, " "),
            "ArrowUp" => (38, ""),
            "ArrowDown" => (40, ""),
            _ => panic!("no such key here: {key}"),
        };
        let name = if key == " " { "Space" } else { key };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({
                "type": kind, "key": key, "code": name, "windowsVirtualKeyCode": code, "modifiers": modifiers,
            });
            if kind == "keyDown" && !text.is_empty() && modifiers & 0b111 == 0 {
                event["text"] = text.into();
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Types a text where the focus is.
    pub(crate) fn insert(&mut self, text: &str) {
        self.call("Input.insertText", &json!({"text": text}));
    }

    /// The id of what has the focus, or its name where it has none.
    pub(crate) fn focus(&mut self) -> String {
        let focus = self.value(
            "document.activeElement.id || document.activeElement.value || document.activeElement.tagName",
        );
        focus.as_str().unwrap().to_owned()
    }

    /// Presses Tab (or Shift and Tab) until `id` has the focus, as who has no mouse does.
    #[track_caller]
    pub(crate) fn tab_to(&mut self, id: &str, modifiers: u8) {
        for _ in 0..40 {
            if self.focus() == id {
                return;
            }
            self.press("Tab", modifiers);
        }
        panic!("no Tab leads to {id}");
    }

    /// Makes the page believe in a light or dark desktop.
    pub(crate) fn prefer(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Saves what is to be seen as a PNG file; returns its bytes.
    pub(crate) fn screenshot(&mut self, path: &Path) -> Vec<u8> {
        let result = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let image = BASE64
            .decode(result["data"].as_str().unwrap().as_bytes())
            .unwrap();
        std::fs::write(path, &image).unwrap();
        image
    }
}
