//! The server's functions of the method contract: one test for each, named after it, with every field of its result,
//! every parameter once not at its default, and a failure with its word.

mod lifecycle;

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use ws_client::{Client, CloseCode, ConnectRequest, Message as Got};
use ws_core::{contract::ERROR_CODES, handshake::Policy};
use ws_server::{
    ClosedBy, Config, Message,
    contract::{self, ServerSettings},
    mailbox::{ConnectionInfo, Mailbox, MailboxConfig, MailboxError, MessageKind},
};

const PATIENCE: Duration = Duration::from_secs(60);
/// The same in milliseconds, as the contract has it.
const LONG: Option<i64> = Some(60_000);
const NO_WAIT: Option<i64> = Some(0);
const UNKNOWN: &str = "00000007-0001-8002-9f3c-5a1e8b6d4c20";

fn loopback() -> ServerSettings {
    ServerSettings::default().address("127.0.0.1")
}

fn start() -> Mailbox {
    contract::start_server(0, None, None, Some(loopback())).unwrap()
}

fn connect(server: &Mailbox, target: &str) -> Client {
    Client::connect(&format!("ws://{}{target}", server.local_addr())).unwrap()
}

fn entry(server: &Mailbox, client: &Client) -> Option<ConnectionInfo> {
    let address = client.local_address().unwrap().to_string();
    let list = contract::get_connection_list(server).unwrap();
    list.into_iter()
        .find(|info| info.connection.address.to_string() == address)
}

fn id_of(server: &Mailbox, client: &Client) -> String {
    entry(server, client).unwrap().id.to_string()
}

/// Reads until the server has ended, so that a stop is answered.
fn stop_answered(server: &Mailbox, client: &mut Client) {
    thread::scope(|scope| {
        scope.spawn(|| while client.receive(PATIENCE).is_ok() {});
        contract::stop_server(server).unwrap();
    });
}

#[track_caller]
fn assert_fails<T: std::fmt::Debug>(result: Result<T, MailboxError>, word: &str) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.error_code(), word, "{error}");
    assert!(ERROR_CODES.contains(&word));
    assert!(!error.to_string().is_empty());
    error.to_string()
}

#[test]
fn get_next_connection_data() {
    let config = Config::default()
        .policy(Policy::dangerous_allow_all())
        .subprotocols(["v1"]);
    let mailbox = MailboxConfig::default()
        .server(config)
        .kept_headers(["x-login"]);
    let settings = loopback().mailbox(mailbox);
    let server = contract::start_server(0, None, None, Some(settings)).unwrap();
    let url = format!("ws://{}/orders/7?since=1&x=%20", server.local_addr());
    let request = ConnectRequest::new(&url)
        .unwrap()
        .subprotocol("v1")
        .header("X-Login", "me")
        .header("X-Other", "you");
    let mut client = Client::connect_with(&request).unwrap();
    client.send_text("привет").unwrap();
    client.send_binary(&[]).unwrap();

    let text = contract::get_next_connection_data(&server, LONG, Some(1)).unwrap();
    assert_eq!(text.id.to_string(), id_of(&server, &client));
    let details = &text.connection;
    assert_eq!(
        details.address.to_string(),
        client.local_address().unwrap().to_string()
    );
    assert!(text.is_active);
    assert_eq!(text.payload, "привет".as_bytes(), "MaxSize is ignored");
    assert_eq!((text.kind, text.kind.as_str()), (MessageKind::Text, "text"));
    assert_eq!(details.path, "/orders/7");
    assert_eq!(details.query.as_deref(), Some("since=1&x=%20"));
    assert_eq!(details.subprotocol.as_deref(), Some("v1"));
    assert_eq!(details.header("x-login"), Some("me"));
    assert_eq!(details.headers.len(), 1);
    assert_eq!(text.end, None);

    // A success has a message, also when it is empty.
    let empty = contract::get_next_connection_data(&server, LONG, None).unwrap();
    assert_eq!(
        (empty.kind.as_str(), empty.payload.len(), empty.more),
        ("binary", 0, 0)
    );

    // In turns; `more` counts what is still queued.
    let mut other = connect(&server, "/");
    for number in ["1", "2"] {
        client.send_text(number).unwrap();
        other.send_text(number).unwrap();
    }
    client.close(CloseCode::NORMAL, "done").unwrap();
    other.close(CloseCode::new(4001), "").unwrap();
    let mut taken = Vec::new();
    while let Ok(data) = contract::get_next_connection_data(&server, NO_WAIT, None) {
        taken.push(data);
    }
    let texts: Vec<_> = taken
        .iter()
        .map(|data| String::from_utf8_lossy(&data.payload).into_owned())
        .collect();
    assert_eq!(texts, ["1", "1", "2", "2"]);
    assert_ne!(taken[0].id, taken[1].id);
    let more: Vec<_> = taken.iter().map(|data| data.more).collect();
    assert_eq!(more, [3, 2, 1, 0]);
    for data in &taken {
        let end = data.end.as_ref().expect("closed with data unread");
        assert!(!data.is_active);
        assert_eq!(end.by, ClosedBy::Peer);
        let expected = match data.connection.path.as_str() {
            "/" => (4001, ""),
            _ => (1000, "done"),
        };
        assert_eq!((end.code.as_u16(), end.reason.as_str()), expected);
    }

    // Nothing there: exactly this text; and the next call may succeed.
    let begin = Instant::now();
    let text = assert_fails(
        contract::get_next_connection_data(&server, NO_WAIT, None),
        "timeout",
    );
    assert_eq!(text, "timeout");
    assert!(begin.elapsed() < Duration::from_millis(900), "0 = no wait");
    for timeout in [None, Some(-1)] {
        let begin = Instant::now();
        let late = contract::get_next_connection_data(&server, timeout, None);
        assert_fails(late, "timeout");
        assert!(
            begin.elapsed() >= Duration::from_secs(1),
            "the default is 1,000 ms"
        );
    }
    // Above the greatest timeout: clamped, so it waits until the stop.
    thread::scope(|scope| {
        let waiter =
            scope.spawn(|| contract::get_next_connection_data(&server, Some(i64::MAX), None));
        contract::stop_server(&server).unwrap();
        assert_fails(waiter.join().unwrap(), "not_started");
    });
}

#[test]
fn get_connection_data() {
    let server = start();
    let (mut first, mut second) = (connect(&server, "/1"), connect(&server, "/2"));
    let (first_id, second_id) = (id_of(&server, &first), id_of(&server, &second));
    first.send_text("of the first").unwrap();
    second.send_binary(&[1, 2, 3]).unwrap();
    // Waiting on one connection takes nothing of another.
    let data = contract::get_connection_data(&server, &second_id, LONG, Some(1)).unwrap();
    assert_eq!(
        (data.payload.as_slice(), data.kind.as_str(), data.more),
        (&[1, 2, 3][..], "binary", 0)
    );
    assert_eq!(data.id.to_string(), second_id);
    assert_eq!(
        data.connection.address.to_string(),
        second.local_address().unwrap().to_string()
    );
    assert_eq!(data.connection.path, "/2");
    assert!(data.is_active && data.end.is_none());
    let begin = Instant::now();
    let late = contract::get_connection_data(&server, &second_id, Some(50), None);
    assert_eq!(assert_fails(late, "timeout"), "timeout");
    assert!(begin.elapsed() >= Duration::from_millis(50));
    let late = contract::get_connection_data(&server, &second_id, None, None);
    assert_fails(late, "timeout");
    assert!(begin.elapsed() >= Duration::from_secs(1));

    first.send_text("more").unwrap();
    first.close(CloseCode::NORMAL, "bye").unwrap();
    let data = contract::get_connection_data(&server, &first_id.to_uppercase(), LONG, None);
    let data = data.unwrap();
    assert_eq!(
        (data.payload.as_slice(), data.more, data.is_active),
        (&b"of the first"[..], 1, false)
    );
    contract::get_connection_data(&server, &first_id, NO_WAIT, None).unwrap();
    // Closed and drained, at once.
    for _ in 0..2 {
        let closed = contract::get_connection_data(&server, &first_id, LONG, None).unwrap_err();
        let MailboxError::Closed { id, code, reason } = &closed else {
            panic!("{closed:?}")
        };
        assert_eq!(
            (id.to_string(), code.as_u16(), reason.as_str()),
            (first_id.clone(), 1000, "bye")
        );
        assert_eq!(closed.error_code(), "closed");
    }
    for unknown in [UNKNOWN, "", "no id", &"x".repeat(1 << 20)] {
        let result = contract::get_connection_data(&server, unknown, LONG, None);
        assert!(assert_fails(result, "not_found").len() < 300);
    }
}

#[test]
fn send_data() {
    let server = start();
    let mut client = connect(&server, "/");
    let id = id_of(&server, &client);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (text_file, binary_file) = (path("text.txt"), path("data.bin"));
    fs::write(&text_file, "\u{feff}из файла").unwrap();
    fs::write(&binary_file, [0xff, 0, 1]).unwrap();

    let text = |text: &str| Got::Text(text.to_owned());
    for (data, from_file, message_type, expected) in [
        (Message::Text("привет"), false, None, text("привет")),
        // Text from a peer must not name files to read.
        (Message::Text(&text_file), false, None, text(&text_file)),
        (Message::Text(&text_file), true, None, text("из файла")),
        (
            Message::Text(&binary_file),
            true,
            Some("binary"),
            Got::Binary(vec![0xff, 0, 1]),
        ),
        (
            Message::Binary(&[0, 255]),
            false,
            None,
            Got::Binary(vec![0, 255]),
        ),
        (Message::Binary(b"abc"), false, Some("text"), text("abc")),
        (
            Message::Text("abc"),
            false,
            Some("Binary"),
            Got::Binary(b"abc".to_vec()),
        ),
        (Message::Text(""), false, None, text("")),
    ] {
        contract::send_data(&server, &id, data, from_file, message_type).unwrap();
        assert_eq!(client.receive(PATIENCE).unwrap(), Some(expected));
    }
    let fails = |data, from_file, message_type| {
        assert_fails(
            contract::send_data(&server, &id, data, from_file, message_type),
            "usage",
        )
    };
    let missing = path("missing");
    assert!(fails(Message::Text(&missing), true, None).contains("missing"));
    assert!(fails(Message::Text(&binary_file), true, None).contains("data.bin"));
    assert!(fails(Message::Binary(&[0xff]), false, Some("text")).contains("UTF-8"));
    assert!(fails(Message::Text("x"), false, Some("ping")).contains("ping"));
    let send = |id: &str| contract::send_data(&server, id, Message::Text("x"), false, None);
    assert_fails(send(UNKNOWN), "not_found");
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_fails(send(&id), "closed");

    // A peer that does not read.
    let _stuck = connect(&server, "/");
    let id = id_of(&server, &_stuck);
    let data = vec![0; 4 << 20];
    let error = loop {
        let sent = contract::send_data(&server, &id, Message::Binary(&data), false, None);
        if let Err(error) = sent {
            break error;
        }
    };
    assert_eq!(error.error_code(), "queue_full");
    let MailboxError::QueueFull {
        queued_bytes,
        limit_bytes,
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert!(queued_bytes > 0 && limit_bytes == 16 << 20);
}

#[test]
fn close_incoming_connection() {
    let server = start();
    let mut client = connect(&server, "/");
    let id = id_of(&server, &client);
    client.send_text("unread").unwrap();
    contract::get_connection_data(&server, &id, LONG, None).unwrap();
    contract::close_incoming_connection(&server, &id, true, None, "").unwrap();
    assert_eq!(contract::get_connection_list(&server).unwrap(), []);
    let Some(Got::Close(close)) = client.receive(PATIENCE).unwrap() else {
        panic!("no Close")
    };
    assert_eq!((close.code.as_u16(), close.reason.as_str()), (1000, ""));

    // Not removed: what was received can be read.
    let mut client = connect(&server, "/");
    let id = id_of(&server, &client);
    client.send_text("unread").unwrap();
    while entry(&server, &client).unwrap().queued_messages == 0 {
        thread::yield_now();
    }
    contract::close_incoming_connection(&server, &id, false, Some(4000), "enough").unwrap();
    let listed = entry(&server, &client).unwrap();
    let end = listed.end.unwrap();
    assert_eq!(
        (listed.is_active, end.code.as_u16(), end.by),
        (false, 4000, ClosedBy::Handler)
    );
    let Some(Got::Close(close)) = client.receive(PATIENCE).unwrap() else {
        panic!("no Close")
    };
    assert_eq!(
        (close.code.as_u16(), close.reason.as_str()),
        (4000, "enough")
    );
    let data = contract::get_connection_data(&server, &id, NO_WAIT, None).unwrap();
    assert_eq!(data.payload, b"unread");

    let close = |id: &str, code, reason: &str| {
        contract::close_incoming_connection(&server, id, true, code, reason)
    };
    assert_fails(close(&id, None, ""), "closed");
    assert_fails(close(UNKNOWN, None, ""), "not_found");
    let open = connect(&server, "/");
    let id = id_of(&server, &open);
    assert_fails(close(&id, Some(1006), ""), "usage");
    assert_fails(close(&id, Some(0), ""), "usage");
    assert_fails(close(&id, None, &"я".repeat(62)), "usage");
    assert!(entry(&server, &open).unwrap().is_active);
}

#[test]
fn get_connection_list() {
    let server = start();
    assert_eq!(contract::get_connection_list(&server).unwrap(), []);
    let mut clients = [connect(&server, "/a?b=c"), connect(&server, "/")];
    let list = contract::get_connection_list(&server).unwrap();
    assert_eq!(list.len(), 2);
    for client in &clients {
        let info = entry(&server, client).unwrap();
        assert!(info.is_active && info.end.is_none());
        assert_eq!(
            (info.queued_messages, info.queued_bytes, info.unsent_bytes),
            (0, 0, 0)
        );
    }
    let [first, second] = &mut clients;
    let info = entry(&server, first).unwrap();
    assert_eq!(info.connection.path, "/a");
    assert_eq!(info.connection.query.as_deref(), Some("b=c"));
    assert_eq!(info.connection.subprotocol, None);
    first.send_binary(&[0; 100]).unwrap();
    first.close(CloseCode::NORMAL, "").unwrap();
    second.close(CloseCode::NORMAL, "").unwrap();
    // Active ones, and closed ones with unread data.
    let list = contract::get_connection_list(&server).unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].id, info.id);
    assert_eq!(
        (
            list[0].is_active,
            list[0].queued_messages,
            list[0].queued_bytes
        ),
        (false, 1, 100)
    );
    contract::stop_server(&server).unwrap();
    assert_fails(contract::get_connection_list(&server), "not_started");
}

#[test]
fn broadcast() {
    let server = start();
    let mut clients = [connect(&server, "/a?b"), connect(&server, "/b")];
    let all = contract::broadcast(&server, Message::Text("all"), "").unwrap();
    assert_eq!((all.sent.len(), all.full.len()), (2, 0));
    let one = contract::broadcast(&server, Message::Binary(&[1]), "/a").unwrap();
    assert_eq!(one.sent[0].to_string(), id_of(&server, &clients[0]));
    let none = contract::broadcast(&server, Message::Text("none"), "/c").unwrap();
    assert_eq!((none.sent.len(), none.full.len()), (0, 0));
    contract::broadcast(&server, Message::Text("end"), "").unwrap();
    let mut got = [Vec::new(), Vec::new()];
    for (client, got) in clients.iter_mut().zip(&mut got) {
        while got.last() != Some(&Got::Text("end".to_owned())) {
            got.push(client.receive(PATIENCE).unwrap().unwrap());
        }
    }
    assert_eq!(
        got[0][..2],
        [Got::Text("all".to_owned()), Got::Binary(vec![1])]
    );
    assert_eq!((got[0].len(), got[1].len()), (3, 2));
}

#[test]
fn get_statistics() {
    let server = start();
    let mut client = connect(&server, "/");
    client.send_text("1234").unwrap();
    let data = contract::get_next_connection_data(&server, LONG, None).unwrap();
    client.send_text("12").unwrap();
    let id = data.id.to_string();
    contract::send_data(&server, &id, Message::Text("123"), false, None).unwrap();
    assert_eq!(
        client.receive(PATIENCE).unwrap(),
        Some(Got::Text("123".to_owned()))
    );
    // The loop tells of what it has received and sent when it has.
    let is_settled = |info: ConnectionInfo| info.queued_messages == 1 && info.unsent_bytes == 0;
    while !is_settled(entry(&server, &client).unwrap()) {
        thread::yield_now();
    }
    let statistics = contract::get_statistics(&server).unwrap();
    assert_eq!(
        (statistics.connections, statistics.connections_opened),
        (1, 1)
    );
    assert_eq!(
        (statistics.messages_received, statistics.bytes_received),
        (2, 6)
    );
    assert_eq!((statistics.messages_sent, statistics.bytes_sent), (1, 3));
    assert_eq!(
        (statistics.queued_messages, statistics.queued_bytes),
        (1, 64)
    );
    assert_eq!((statistics.unsent_bytes, statistics.dropped), (0, 0));
    assert_eq!(statistics.refused_handshakes, 0);
    let plain = format!("ws://{}/", server.local_addr());
    let request = ConnectRequest::new(&plain).unwrap();
    let full = contract::start_server(0, Some(0), None, Some(loopback())).unwrap();
    Client::connect(&format!("ws://{}/", full.local_addr())).unwrap_err();
    assert_eq!(
        contract::get_statistics(&full).unwrap().refused_handshakes,
        1
    );
    drop(Client::connect_with(&request).unwrap());
    stop_answered(&server, &mut client);
    assert_fails(contract::get_statistics(&server), "not_started");
}
