//! The client's functions of the method contract: one test for each, named after it, with every field of its result,
//! every parameter once not at its default, and a failure with its word.

mod connecting;

use std::{
    any::Any,
    fmt::Debug,
    fs,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ws_client::{
    BackgroundClient, Client, CloseCode, Error, Message as Got,
    contract::{self, BinaryData},
};
use ws_core::{
    contract::ERROR_CODES,
    handshake::{HttpAnswer, Request},
};
use ws_server::{
    Accepted, Config, Context, Flow, Handler, Message, Running, Server,
    mailbox::{Mailbox, MailboxConfig, Received},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// The same in milliseconds, as the contract has it.
const LONG: Option<i64> = Some(60_000);
const NO_WAIT: Option<i64> = Some(0);

/// Does what a text message tells it to, echoes every other message, and tells what control frames came.
struct Obedient;

impl Handler for Obedient {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        request: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        match request.path() {
            "/refused" => Err(HttpAnswer::new(403, "not you")),
            _ => Ok(Accepted::new(())),
        }
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        match message {
            Message::Text("ping") => context.send_ping(b"from the server").unwrap(),
            Message::Text("close") => context.close(CloseCode::new(4001), "enough").unwrap(),
            Message::Text("vanish") => context.abort(),
            message => context.send(message).unwrap(),
        }
        Flow::Continue
    }

    fn on_ping(&mut self, context: &mut Context<'_, ()>, (): &mut (), payload: &[u8]) {
        let text = format!("ping of {} bytes", payload.len());
        context.send_text(&text).unwrap();
    }

    fn on_pong(&mut self, context: &mut Context<'_, ()>, (): &mut (), payload: &[u8]) {
        let text = format!("pong of {} bytes", payload.len());
        context.send_text(&text).unwrap();
    }
}

fn obedient() -> (Running<()>, String) {
    let server = Server::bind("127.0.0.1:0", Config::default()).unwrap();
    let url = format!("ws://{}", server.local_addr());
    (server.spawn(|_| Obedient).unwrap(), url)
}

fn connect(url: &str) -> BackgroundClient {
    contract::create_connection(url, None, None, &[], None, None).unwrap()
}

fn next(client: &BackgroundClient) -> Got {
    contract::get_message(client, LONG).unwrap()
}

fn text(text: &str) -> Got {
    Got::Text(text.to_owned())
}

#[track_caller]
fn assert_fails<T: Debug>(result: Result<T, Error>, word: &str) -> Error {
    let error = result.unwrap_err();
    assert_eq!(error.error_code(), word, "{error}");
    assert!(ERROR_CODES.contains(&word));
    error
}

fn mailbox(config: Config) -> Mailbox {
    let config = MailboxConfig::default().server(config).kept_headers(["*"]);
    Mailbox::start("127.0.0.1:0", config).unwrap()
}

fn first_message(server: &Mailbox, client: &BackgroundClient) -> Received {
    contract::send_text_message(client, "hello", false).unwrap();
    server.next(PATIENCE).unwrap().unwrap()
}

#[test]
fn close_connection() {
    let server = mailbox(Config::default());
    let url = format!("ws://{}/", server.local_addr());
    for (code, reason, expected) in [(None, "", 1000), (Some(4000), "готово", 4000)] {
        let client = connect(&url);
        let received = first_message(&server, &client);
        contract::close_connection(&client, code, reason).unwrap();
        let ended = server.next_from(received.id, Duration::ZERO).unwrap_err();
        let ws_server::mailbox::MailboxError::Closed {
            code, reason: told, ..
        } = ended
        else {
            panic!("{ended:?}")
        };
        assert_eq!((code.as_u16(), told.as_str()), (expected, reason));
        let error = assert_fails(contract::close_connection(&client, None, ""), "closed");
        assert_eq!(error.close_code(), Some(CloseCode::new(expected)));
        assert_eq!(
            error.close_reason(),
            Some(""),
            "the server's answer has none"
        );
    }
    // What may not be sent leaves the connection as it is.
    let client = connect(&url);
    assert_fails(contract::close_connection(&client, Some(1006), ""), "usage");
    let long = "я".repeat(62);
    assert_fails(contract::close_connection(&client, None, &long), "usage");
    assert_eq!(first_message(&server, &client).payload, b"hello");
}

#[test]
fn send_ping() {
    let (_server, url) = obedient();
    let client = connect(&url);
    contract::send_ping(&client).unwrap();
    let mut got = [next(&client), next(&client)];
    got.sort_by_key(|message| message.kind());
    assert_eq!(got, [Got::Pong(Vec::new()), text("ping of 0 bytes")]);
    contract::close_connection(&client, None, "").unwrap();
    assert_fails(contract::send_ping(&client), "closed");
}

#[test]
fn send_pong() {
    let (_server, url) = obedient();
    let client = connect(&url);
    contract::send_pong(&client).unwrap();
    assert_eq!(next(&client), text("pong of 0 bytes"));
    contract::close_connection(&client, None, "").unwrap();
    assert_fails(contract::send_pong(&client), "closed");
}

#[test]
fn get_message() {
    let (_server, url) = obedient();
    let client = connect(&url);
    let send = |text: &str| contract::send_text_message(&client, text, false).unwrap();
    send("привет");
    let message = next(&client);
    assert_eq!((message.kind(), &message), ("text", &text("привет")));
    contract::send_binary_message(&client, BinaryData::Bytes(&[0, 255])).unwrap();
    let message = next(&client);
    assert_eq!(
        (message.kind(), &message),
        ("binary", &Got::Binary(vec![0, 255]))
    );
    // A ping is answered by us, and told; so the server tells of the pong.
    send("ping");
    let mut got = [next(&client), next(&client)];
    got.sort_by_key(|message| message.kind());
    assert_eq!(got[0].kind(), "ping");
    assert_eq!(
        got,
        [
            Got::Ping(b"from the server".to_vec()),
            text("pong of 15 bytes")
        ]
    );

    // Timeouts: 0 = no wait; negative or none = the default; a timeout is a normal answer.
    let begin = Instant::now();
    assert_fails(contract::get_message(&client, NO_WAIT), "timeout");
    assert!(begin.elapsed() < Duration::from_secs(9));
    assert_fails(contract::get_message(&client, Some(50)), "timeout");
    thread::scope(|scope| {
        for timeout in [None, Some(-7)] {
            let (client, url) = (connect(&url), &url);
            scope.spawn(move || {
                let begin = Instant::now();
                let error = assert_fails(contract::get_message(&client, timeout), "timeout");
                assert!(begin.elapsed() >= Duration::from_secs(10), "{error}");
                assert!(begin.elapsed() < Duration::from_secs(40), "{url}");
            });
        }
        // Beyond the longest timeout it waits until something comes.
        let waiter = scope.spawn(|| contract::get_message(&client, Some(i64::MAX)));
        send("last");
        assert_eq!(waiter.join().unwrap().unwrap(), text("last"));
    });

    // What is queued first, then the Close once, then at once an error.
    send("one");
    send("close");
    assert_eq!(next(&client), text("one"));
    let message = next(&client);
    assert_eq!(message.kind(), "close");
    let Got::Close(close) = message else {
        panic!("{message:?}")
    };
    assert_eq!(
        (close.code.as_u16(), close.reason.as_str()),
        (4001, "enough")
    );
    let begin = Instant::now();
    for _ in 0..3 {
        let error = assert_fails(contract::get_message(&client, LONG), "closed");
        assert_eq!(error.close_code(), Some(CloseCode::new(4001)));
        assert_eq!(error.close_reason(), Some("enough"));
    }
    assert!(begin.elapsed() < Duration::from_secs(30));

    // The published loop ends, also if the server has vanished.
    let client = connect(&url);
    contract::send_text_message(&client, "kept", false).unwrap();
    assert_eq!(next(&client), text("kept"));
    // It may be gone before the send has returned.
    let _ = contract::send_text_message(&client, "vanish", false);
    let error = loop {
        match contract::get_message(&client, LONG) {
            Ok(message) => assert_ne!(message.kind(), "close"),
            Err(error) => break error,
        }
    };
    assert_eq!(
        (error.error_code(), error.close_code()),
        ("closed", Some(CloseCode::ABNORMAL))
    );
}

#[test]
fn send_text_message() {
    let (_server, url) = obedient();
    let client = connect(&url);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, binary) = (path("text.txt"), path("data.bin"));
    fs::write(&file, "\u{feff}из файла\r\n").unwrap();
    fs::write(&binary, [b'a', 0xff]).unwrap();
    let long = "ж".repeat(1 << 20);
    for (sent, from_file, expected) in [
        ("привет", false, "привет"),
        ("", false, ""),
        // Literal, whatever it looks like.
        (&file, false, &file),
        (&file, true, "из файла\r\n"),
        (&long, false, &long),
    ] {
        contract::send_text_message(&client, sent, from_file).unwrap();
        assert!(
            next(&client) == text(expected),
            "{from_file} {}",
            sent.len()
        );
    }
    let fails = |sent: &str| {
        assert_fails(contract::send_text_message(&client, sent, true), "usage").to_string()
    };
    assert!(fails(&path("missing")).contains("missing"));
    assert!(fails(&binary).contains("data.bin is not UTF-8 text at byte 1"));
    contract::close_connection(&client, None, "").unwrap();
    assert_fails(contract::send_text_message(&client, "x", false), "closed");
}

#[test]
fn send_binary_message() {
    let (_server, url) = obedient();
    let client = connect(&url);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), [0xff, 1]).unwrap();
    let path = file.path().to_str().unwrap();
    let large = vec![7; 3 << 20];
    for (data, expected) in [
        (BinaryData::Bytes(&large), large.as_slice()),
        (BinaryData::Bytes(&[]), &[]),
        (BinaryData::Text(path), &[0xff, 1]),
        (BinaryData::Text("AAEC"), &[0, 1, 2]),
        (BinaryData::Text("привет"), "привет".as_bytes()),
    ] {
        contract::send_binary_message(&client, data).unwrap();
        assert!(
            next(&client) == Got::Binary(expected.to_vec()),
            "{}",
            expected.len()
        );
    }
    let address = BinaryData::Text("https://example.com/file");
    let error = assert_fails(contract::send_binary_message(&client, address), "usage");
    assert!(error.to_string().contains("download"), "{error}");
    contract::close_connection(&client, None, "").unwrap();
    let closed = contract::send_binary_message(&client, BinaryData::Bytes(&[1]));
    assert_fails(closed, "closed");
}

#[test]
fn is_client_object() {
    let (_server, url) = obedient();
    let client = connect(&url);
    assert!(contract::is_client_object(&client));
    contract::close_connection(&client, None, "").unwrap();
    assert!(contract::is_client_object(&client), "closed, but a client");
    assert!(contract::is_client_object(&Arc::new(client)));
    let others: [&dyn Any; 3] = [&(), &url, &None::<Client>];
    assert!(!others.into_iter().any(contract::is_client_object));
}

#[test]
fn get_logging_settings() {
    let words = |memory, max_events, path| {
        let settings = contract::get_logging_settings(memory, max_events, path);
        let mode = settings.mode().map(|mode| mode.as_str());
        (mode, settings.max_entries, settings.file_path)
    };
    assert_eq!(words(true, None, ""), (Some("memory"), 300, None));
    let path = Some("a.log".into());
    assert_eq!(
        words(true, Some(5), "a.log"),
        (Some("both"), 5, path.clone())
    );
    assert_eq!(words(false, None, "a.log"), (Some("file"), 300, path));
    assert_eq!(words(false, None, ""), (None, 300, None));
}

#[test]
fn get_log() {
    let (_server, url) = obedient();
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let logging = contract::get_logging_settings(true, Some(3), path);
    let client = contract::create_connection(&url, None, None, &[], Some(&logging), None).unwrap();
    contract::send_text_message(&client, "canary", false).unwrap();
    assert_eq!(next(&client), text("canary"));
    contract::close_connection(&client, Some(4000), "done").unwrap();
    // The end is written down once the server has ended the TCP connection.
    let is_closed = |log: &contract::LogLines| log.to_string().contains("4000");
    while !is_closed(&contract::get_log(&client, None).unwrap()) {
        thread::yield_now();
    }
    let log = contract::get_log(&client, None).unwrap();
    assert_eq!((log.lines.len(), log.total), (3, 3));
    let stamped = |line: &String| {
        let shape: String = line
            .chars()
            .take(26)
            .map(|char| if char.is_ascii_digit() { '0' } else { char })
            .collect();
        shape == "[0000-00-00 00:00:00.000] "
    };
    assert!(log.lines.iter().all(stamped), "{log}");
    assert_eq!(log.to_string(), log.lines.join("\n"));
    let one = contract::get_log(&client, Some(1)).unwrap();
    assert_eq!((&one.lines[..], one.total), (&log.lines[2..], 3));
    assert_eq!(contract::get_log(&client, Some(0)).unwrap(), log);
    assert_eq!(contract::get_log(&client, Some(-1)).unwrap(), log);
    // The file has every line; payloads are in neither.
    let written = fs::read_to_string(path).unwrap();
    assert!(written.lines().count() >= 3 && written.contains(&log.lines[2]));
    assert!(!written.contains("canary"), "{written}");

    // Off: how to turn it on.
    for settings in [
        None,
        Some(contract::get_logging_settings(false, None, path)),
    ] {
        let client =
            contract::create_connection(&url, None, None, &[], settings.as_ref(), None).unwrap();
        let error = contract::get_log(&client, None).unwrap_err();
        assert_eq!(error.error_code(), "usage");
        assert!(error.to_string().contains("GetLoggingSettings"), "{error}");
    }
}
