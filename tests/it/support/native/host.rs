//! The host's interactive scenario, spoken line by line.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::Value;
use ws_tests::process::Process;

use super::build::host_command;

/// A running host, which has loaded the add-in.
pub(crate) struct Host {
    process: Process,
    loaded: Value,
}

impl Host {
    /// Starts it and loads the add-in.
    pub(crate) fn start() -> Self {
        Self::start_with(host_command("script"))
    }

    /// The same by a command line that was changed.
    pub(crate) fn start_with(mut command: Command) -> Self {
        let mut host = Self {
            process: Process::spawn(&mut command),
            loaded: Value::Null,
        };
        host.loaded = host.ask(&["load"]);
        host
    }

    /// What loading answered: class names, attach type, level of capabilities.
    pub(crate) fn loaded(&self) -> &Value {
        &self.loaded
    }

    /// Sends a command and returns its answer; what the host calls a problem ends the test.
    #[track_caller]
    pub(crate) fn ask(&mut self, fields: &[&str]) -> Value {
        let answer = self.ask_anything(fields);
        assert!(answer.get("problem").is_none(), "{fields:?}: {answer}");
        answer
    }

    /// The same, but a problem is an answer too.
    #[track_caller]
    pub(crate) fn ask_anything(&mut self, fields: &[&str]) -> Value {
        let sent = self.process.write((fields.join("\t") + "\n").as_bytes());
        let line = self.process.wait_for_stdout(|line| Some(line.to_owned()));
        assert!(sent, "{fields:?}: the host does not read");
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("{fields:?}: {error}: {line}"));
        assert!(answer.get("fault").is_none(), "{fields:?}: {answer}");
        answer
    }

    /// Makes an object, `order` says what comes first: `manager` or `init`; `bare` is neither.
    #[track_caller]
    pub(crate) fn create(&mut self, object: &str, class: &str, order: &str) {
        let made = self.ask(&["new", object, class, order]);
        assert_eq!(made["ok"], true, "{class} with {order} first");
    }

    /// Calls a function that answers with JSON text, and returns the JSON.
    #[track_caller]
    pub(crate) fn call(&mut self, object: &str, method: &str, arguments: &[&str]) -> Value {
        let answer = self.raw("call", object, method, arguments);
        assert_eq!(answer["ok"], true, "{method}{arguments:?}: {answer}");
        json(&answer)
    }

    /// The same, and `result` must be true.
    #[track_caller]
    pub(crate) fn succeed(&mut self, object: &str, method: &str, arguments: &[&str]) -> Value {
        let result = self.call(object, method, arguments);
        assert_eq!(result["result"], true, "{method}{arguments:?}: {result}");
        result
    }

    /// The same, and `result` must be false with this `errorCode`, and an error in words.
    #[track_caller]
    pub(crate) fn fail(
        &mut self,
        object: &str,
        method: &str,
        arguments: &[&str],
        code: &str,
    ) -> Value {
        let result = self.call(object, method, arguments);
        assert_eq!(result["result"], false, "{method}{arguments:?}: {result}");
        assert_eq!(result["errorCode"], code, "{method}{arguments:?}: {result}");
        assert!(
            result["error"]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{result}"
        );
        result
    }

    /// The host's whole answer to a call; `how` is `call`, `proc`, `callat` or `procat`.
    #[track_caller]
    pub(crate) fn raw(
        &mut self,
        how: &str,
        object: &str,
        method: &str,
        arguments: &[&str],
    ) -> Value {
        let mut fields = vec![how, object, method];
        fields.extend(arguments);
        self.ask(&fields)
    }

    /// Begins a call on a thread of its own; [`wait`](Self::wait) has its result.
    #[track_caller]
    pub(crate) fn begin(&mut self, job: &str, object: &str, method: &str, arguments: &[&str]) {
        let mut fields = vec!["start", job, object, method];
        fields.extend(arguments);
        self.ask(&fields);
    }

    /// Waits for a call that was begun.
    #[track_caller]
    pub(crate) fn wait(&mut self, job: &str) -> Value {
        self.ask(&["wait", job])
    }

    /// Ends the object by `Done` and DestroyObject; no call of the host's objects may come after.
    #[track_caller]
    pub(crate) fn end(&mut self, object: &str) {
        self.ask(&["done", object]);
        let ended = self.ask(&["destroy", object]);
        assert_eq!(ended["late"], 0, "{ended}");
    }

    /// Ends the host: its memory must be balanced, and it must end by itself with 0.
    #[track_caller]
    pub(crate) fn finish(mut self) {
        let memory = self.ask(&["memory"]);
        assert_eq!((&memory["live"], &memory["bad"]), (&0.into(), &0.into()));
        self.close("quit");
    }

    /// The process, as long as it is no tool's or emulator's.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Ends the process as the system does that is out of memory.
    pub(crate) fn kill(self) {
        self.process.signal("KILL");
        self.process.finish();
    }

    /// Ends the host at once by `exit`, whatever its objects are doing.
    #[track_caller]
    pub(crate) fn leave(self) {
        self.close("exit");
    }

    #[track_caller]
    fn close(mut self, command: &str) {
        self.process.write(format!("{command}\n").as_bytes());
        let finished = self.process.finish();
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    }
}

/// The JSON text that a call answered.
#[track_caller]
pub(crate) fn json(answer: &Value) -> Value {
    let text = answer["value"]["text"].as_str();
    let text = text.unwrap_or_else(|| panic!("no text: {answer}"));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A text as an argument.
pub(crate) fn text(content: &str) -> String {
    let mut token = "s:".to_owned();
    for character in content.chars() {
        match character {
            '\\' => token.push_str("\\\\"),
            // Writing to a String cannot fail.
            control if control.is_control() => {
                let _ = write!(token, "\\u{:04X}", u32::from(control));
            }
            plain => token.push(plain),
        }
    }
    token
}

/// Binary data as an argument.
pub(crate) fn bytes(content: &[u8]) -> String {
    format!("x:{}", data_encoding::HEXLOWER.encode(content))
}

/// The payload of the host's `fill:COUNT`.
pub(crate) fn filling(count: usize) -> Vec<u8> {
    (0..251).cycle().take(count).collect()
}

/// The text of the host's `letters:COUNT`.
pub(crate) fn letters(count: usize) -> String {
    ('А'..).take(61).cycle().take(count).collect()
}

/// What the host calls the fingerprint of a large payload.
pub(crate) fn fingerprint(content: &[u8]) -> String {
    let hash = content
        .iter()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
    format!("{hash:016x}")
}
