//! The closing handshake, and ends of a connection without one.

use std::io::Write;
use std::time::{Duration, Instant};

use ws_client::{CloseCode, Config, ErrorKind, Message, Stage};

use crate::support::*;

fn closed(code: CloseCode, reason: &str) -> impl Fn(&Message) -> bool {
    move |message| matches!(message, Message::Close(close) if close.code == code && close.reason == reason)
}

#[test]
fn the_caller_closes_and_what_came_before_the_answer_stays_readable() {
    let server = serve_frames(|mut stream| {
        let close = read_frame(&mut stream).unwrap();
        let last_words = [
            frame(TEXT, b"one"),
            frame(BINARY, b"two"),
            frame(CLOSE, &close.1),
        ];
        stream.write_all(&last_words.concat()).unwrap();
        close
    });
    let mut client = server.connect();
    client.close(CloseCode::new(3999), "done").unwrap();
    assert_eq!(server.join(), (CLOSE, b"\x0f\x9fdone".to_vec()));
    assert_eq!(client.close_received().unwrap().code, CloseCode::new(3999));
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("one".into()))
    );
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Binary(b"two".to_vec()))
    );
    assert!(closed(CloseCode::new(3999), "done")(
        &client.receive(LONG).unwrap().unwrap()
    ));
    for _ in 0..3 {
        let error = client.receive(LONG).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Closed);
        assert_eq!(error.close_code(), Some(CloseCode::new(3999)));
        assert_eq!(error.close_reason(), Some("done"));
    }
}

#[test]
fn the_peer_closes_first_and_is_answered() {
    let server = serve_frames(|mut stream| {
        let words = [frame(TEXT, b"last"), frame(CLOSE, b"\x03\xe9going")];
        stream.write_all(&words.concat()).unwrap();
        read_frame(&mut stream).unwrap()
    });
    let mut client = server.connect();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("last".into()))
    );
    assert!(closed(CloseCode::GOING_AWAY, "going")(
        &client.receive(LONG).unwrap().unwrap()
    ));
    assert_eq!(server.join(), (CLOSE, b"\x03\xe9".to_vec()));
    let error = client.receive(Duration::ZERO).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "cannot receive from {}: connection is closed with code 1001, saying \"going\"",
            client.address()
        )
    );
    assert_eq!(client.send_text("x").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(
        client.close(CloseCode::NORMAL, "").unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[test]
fn closing_when_the_peer_has_closed_unseen_succeeds_once() {
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(CLOSE, b"")).unwrap();
        read_frame(&mut stream).unwrap();
    });
    let mut client = server.connect();
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
    let error = client.close(CloseCode::NORMAL, "").unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Closed, Stage::Close)
    );
    assert!(closed(CloseCode::NO_STATUS, "")(
        &client.receive(LONG).unwrap().unwrap()
    ));
    let error = client.receive(LONG).unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::NO_STATUS));
    assert!(
        error
            .to_string()
            .ends_with("connection is closed, without a code"),
        "{error}"
    );
}

#[test]
fn a_close_that_may_not_be_sent_leaves_the_connection_open() {
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(TEXT, b"open")).unwrap();
        let close = read_frame(&mut stream).unwrap();
        stream.write_all(&frame(CLOSE, &close.1)).unwrap();
        close
    });
    let mut client = server.connect();
    for (code, reason) in [
        (CloseCode::ABNORMAL, ""),
        (CloseCode::new(999), ""),
        (CloseCode::NORMAL, &*"x".repeat(124)),
    ] {
        let error = client.close(code, reason).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Usage, Stage::Close),
            "{error}"
        );
    }
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("open".into()))
    );
    client.close(CloseCode::NO_STATUS, "").unwrap();
    assert_eq!(server.join(), (CLOSE, Vec::new()));
}

/// a peer that never answers
#[test]
fn a_peer_that_never_answers_the_close_costs_the_close_timeout_only() {
    let server = serve_frames(read_to_end);
    let mut client =
        server.connect_with(Config::default().close_timeout(Duration::from_millis(150)));
    let start = Instant::now();
    let error = client.close(CloseCode::NORMAL, "").unwrap_err();
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(150) && took < Duration::from_secs(10),
        "{took:?}"
    );
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Timeout, Stage::Close)
    );
    let error = client.receive(Duration::MAX).unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    server.join();
}

/// traffic does not extend the deadline, and a full queue does not stand in the way.
#[test]
fn a_peer_that_chats_for_ever_costs_the_close_timeout_only() {
    ends_on_time(Duration::from_millis(300), |timeout| {
        let server = serve_frames(
            |mut stream| while stream.write_all(&frame(TEXT, &[b'x'; 1000])).is_ok() {},
        );
        let config = Config::default()
            .close_timeout(timeout)
            .max_queued_messages(10);
        let mut client = server.connect_with(config);
        let start = Instant::now();
        let error = client.close(CloseCode::NORMAL, "").unwrap_err();
        let took = start.elapsed();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        for _ in 0..10 {
            assert!(matches!(
                client.receive(Duration::ZERO).unwrap(),
                Some(Message::Text(_))
            ));
        }
        assert_eq!(
            client.receive(Duration::ZERO).unwrap_err().kind(),
            ErrorKind::Closed
        );
        drop(client);
        server.join();
        took
    });
}

/// websockets#1337: a full queue must not keep the peer's Close from being read.
#[test]
fn a_full_queue_does_not_keep_the_close_away() {
    let server = serve_frames(|mut stream| {
        stream
            .write_all(&frame(TEXT, b"unread").repeat(100_000))
            .unwrap();
        loop {
            let (first, payload) = read_frame(&mut stream).unwrap();
            if first == CLOSE {
                stream.write_all(&frame(CLOSE, &payload)).unwrap();
                return;
            }
        }
    });
    let mut client = server.connect_with(Config::default().max_queued_messages(3));
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
    for _ in 0..3 {
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(Message::Text("unread".into()))
        );
    }
    assert!(closed(CloseCode::NORMAL, "")(
        &client.receive(LONG).unwrap().unwrap()
    ));
}

#[test]
fn an_end_without_a_close_says_what_had_come() {
    let lost = |bytes: Vec<u8>, want: &str| {
        let server = serve_frames(move |mut stream| stream.write_all(&bytes).unwrap());
        let mut client = server.connect();
        let error = loop {
            match client.receive(LONG) {
                Ok(Some(message)) => assert_eq!(message, Message::Text("whole".into())),
                Ok(None) => panic!("nothing came"),
                Err(error) => break error,
            }
        };
        server.join();
        assert_eq!(error.error_code(), "closed");
        assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
        assert_eq!(error.close_reason(), None);
        assert_eq!(
            error.to_string(),
            format!("cannot receive from {}: {want}", client.address())
        );
        assert_eq!(client.send_text("x").unwrap_err().error_code(), "closed");
    };
    lost(
        vec![],
        "connection ended without a Close after 0 received messages",
    );
    lost(
        frame(TEXT, b"whole"),
        "connection ended without a Close after 1 received message",
    );
    let half = [
        frame(TEXT, b"whole").repeat(2),
        frame(TEXT, b"half")[..4].to_vec(),
    ]
    .concat();
    lost(
        half,
        "connection ended without a Close after 2 received messages, in the middle of the next",
    );
    lost(
        vec![TEXT],
        "connection ended without a Close after 0 received messages, in the middle of the next",
    );
}

#[test]
fn a_broken_rule_fails_the_connection_after_what_came_before_it() {
    let server = serve_frames(|mut stream| {
        let bytes = [frame(TEXT, b"good"), vec![0xff, 0x00]].concat();
        stream.write_all(&bytes).unwrap();
        (read_frame(&mut stream).unwrap(), read_to_end(stream).len())
    });
    let mut client = server.connect();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("good".into()))
    );
    for _ in 0..2 {
        let error = client.receive(LONG).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Protocol, Stage::Receive)
        );
    }
    assert_eq!(
        client.send_text("x").unwrap_err().kind(),
        ErrorKind::Protocol
    );
    let ((first, payload), rest) = server.join();
    assert_eq!((first, &payload[..2], rest), (CLOSE, &b"\x03\xea"[..], 0));
}

#[test]
fn a_message_above_the_limit_is_too_big() {
    let server = serve_frames(|mut stream| {
        stream.write_all(&frame(BINARY, &[0; 1001])).unwrap();
        read_frame(&mut stream).unwrap()
    });
    let limits = ws_client::Limits::default().max_message_bytes(1000);
    let mut client = server.connect_with(Config::default().limits(limits));
    let error = client.receive(LONG).unwrap_err();
    assert_eq!(
        (error.error_code(), error.kind()),
        ("too_big", ErrorKind::TooBig)
    );
    assert!(error.hint().is_some());
    let (first, payload) = server.join();
    assert_eq!((first, &payload[..2]), (CLOSE, &b"\x03\xf1"[..]));
}

#[test]
fn dropping_says_going_away() {
    let server = serve_frames(|mut stream| read_frame(&mut stream).unwrap());
    drop(server.connect());
    assert_eq!(server.join(), (CLOSE, b"\x03\xe9".to_vec()));
}

#[test]
fn tungstenite_sees_an_orderly_end() {
    let server = serve_tungstenite(|mut peer| {
        loop {
            match peer.read() {
                Ok(_) => {}
                Err(error) => return error,
            }
        }
    });
    let mut client = server.connect();
    client.close(CloseCode::NORMAL, "bye").unwrap();
    assert!(matches!(
        server.join(),
        tungstenite::Error::ConnectionClosed
    ));
}
