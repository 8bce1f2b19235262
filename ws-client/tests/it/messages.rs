//! Messages to and from tungstenite.

use std::time::Duration;

use tungstenite::Message as Peer;
use ws_client::{Client, CloseCode, ConnectRequest, Message};

use crate::support::*;

/// Sends back every data message until the peer closes.
fn echo(mut peer: tungstenite::WebSocket<std::net::TcpStream>) {
    while let Ok(message) = peer.read() {
        if message.is_text() || message.is_binary() {
            peer.send(message).unwrap();
        }
    }
}

#[test]
fn text_and_binary_of_every_length_form_come_back_unchanged() {
    let server = serve_tungstenite(echo);
    let mut client = server.connect();
    for length in [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 20] {
        let text: String = "aж€😀".chars().cycle().take(length).collect();
        client.send_text(&text).unwrap();
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(Message::Text(text)),
            "{length}"
        );
        let data: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        client.send_binary(&data).unwrap();
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(Message::Binary(data)),
            "{length}"
        );
    }
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
}

#[test]
fn a_message_of_16_mib_comes_back_unchanged() {
    let server = serve_tungstenite(echo);
    let mut client = server.connect();
    let data: Vec<u8> = (0..16 << 20)
        .map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    client.send_binary(&data).unwrap();
    assert_eq!(client.receive(LONG).unwrap(), Some(Message::Binary(data)));
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
}

#[test]
fn fragments_arrive_as_one_message_with_pings_between() {
    let server = serve_tungstenite(|mut peer| {
        let mut seen = Vec::new();
        while let Ok(message) = peer.read() {
            seen.push(message);
        }
        seen
    });
    let mut client = server.connect();
    client.send_text_fragment("a", false).unwrap();
    client.send_ping(b"between").unwrap();
    client.send_text_fragment("ж", false).unwrap();
    client.send_text_fragment("", true).unwrap();
    client.send_binary_fragment(&[1], false).unwrap();
    let error = client.send_text("inside").unwrap_err();
    assert_eq!(error.error_code(), "usage");
    client.send_binary_fragment(&[2], true).unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Pong(b"between".to_vec()))
    );
    client.close(CloseCode::NORMAL, "bye").unwrap();
    let seen = server.join();
    assert_eq!(seen[0], Peer::Ping(b"between".as_slice().into()));
    assert_eq!(seen[1], Peer::text("aж"));
    assert_eq!(seen[2], Peer::binary(vec![1, 2]));
    assert!(seen[3].is_close());
}

#[test]
fn fragments_of_the_server_arrive_as_one_message() {
    let server = serve_frames(|mut stream| {
        use std::io::Write;
        let parts = [
            frame(0x01, "ж".as_bytes().split_at(1).0),
            frame(PING, b"p"),
            frame(0x00, "ж".as_bytes().split_at(1).1),
            frame(0x80, b"!"),
        ];
        stream.write_all(&parts.concat()).unwrap();
        read_frame(&mut stream).unwrap()
    });
    let mut client = server.connect();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Ping(b"p".to_vec()))
    );
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("ж!".into()))
    );
    assert_eq!(server.join(), (PONG, b"p".to_vec()));
}

#[test]
fn headers_subprotocol_origin_and_authorization_are_sent_and_the_answer_is_readable() {
    let server = serve_raw(|mut stream| {
        use std::io::Write;
        let head = read_head(&mut stream);
        let answer = accept(&head).replace(
            "\r\n\r\n",
            "\r\nSec-WebSocket-Protocol: two\r\nX-Served-By: test\r\nSet-Cookie: a=b\r\n\r\n",
        );
        stream.write_all(answer.as_bytes()).unwrap();
        read_frame(&mut stream).unwrap();
        head
    });
    let url = server.url.replace("ws://", "ws://user:p%40ss@") + "/a%20b?q=1";
    let request = ConnectRequest::new(&url)
        .unwrap()
        .header("X-Token", "abc")
        .subprotocol("one")
        .subprotocol("two")
        .origin("https://example.com");
    let mut client = Client::connect_with(&request).unwrap();
    assert_eq!(client.subprotocol(), Some("two"));
    assert_eq!(client.response_header("x-served-by"), Some("test"));
    assert!(
        client
            .response_headers()
            .any(|line| line == ("Set-Cookie", "a=b"))
    );
    assert_eq!(
        client.address().to_string(),
        server.url.clone() + "/a%20b?q=***"
    );
    assert_eq!(
        format!("ws://{}", client.peer_address().unwrap()),
        server.url
    );
    assert!(client.local_address().unwrap().ip().is_loopback());
    client.send_text("").unwrap();
    let head = server.join();
    assert!(head.starts_with("GET /a%20b?q=1 HTTP/1.1\r\n"), "{head}");
    assert_eq!(header(&head, "x-token"), Some("abc"));
    assert_eq!(header(&head, "origin"), Some("https://example.com"));
    assert_eq!(header(&head, "sec-websocket-protocol"), Some("one, two"));
    assert_eq!(header(&head, "authorization"), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(header(&head, "sec-websocket-version"), Some("13"));
}

#[test]
fn an_explicit_authorization_takes_the_place_of_the_address_s() {
    let server = serve_raw(|mut stream| read_head(&mut stream));
    let url = server.url.replace("ws://", "ws://user:password@");
    let request = ConnectRequest::new(&url)
        .unwrap()
        .header("authorization", "Bearer 1");
    Client::connect_with(&request).unwrap_err();
    let head = server.join();
    assert_eq!(header(&head, "authorization"), Some("Bearer 1"));
    assert_eq!(
        head.to_ascii_lowercase().matches("authorization:").count(),
        1
    );
}

#[test]
fn pings_are_answered_and_reported_and_a_pong_comes_back() {
    let server = serve_frames(|mut stream| {
        use std::io::Write;
        stream.write_all(&frame(PING, b"one")).unwrap();
        let answer = read_frame(&mut stream).unwrap();
        let ping = read_frame(&mut stream).unwrap();
        stream.write_all(&frame(PONG, &ping.1)).unwrap();
        (answer, ping, read_frame(&mut stream).unwrap())
    });
    let mut client = server.connect();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Ping(b"one".to_vec()))
    );
    client.send_ping(b"two").unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Pong(b"two".to_vec()))
    );
    client.send_pong(b"unasked").unwrap();
    let (answer, ping, pong) = server.join();
    assert_eq!(answer, (PONG, b"one".to_vec()));
    assert_eq!(ping, (PING, b"two".to_vec()));
    assert_eq!(pong, (PONG, b"unasked".to_vec()));
}

#[test]
fn a_caller_who_only_sends_answers_pings() {
    let server = serve_frames(|mut stream| {
        use std::io::Write;
        stream.write_all(&frame(PING, b"there?")).unwrap();
        loop {
            let (first, payload) = read_frame(&mut stream).unwrap();
            if first == PONG {
                return payload;
            }
        }
    });
    let mut client = server.connect();
    let start = std::time::Instant::now();
    while client.send_text("tick").is_ok() {
        assert!(start.elapsed() < LONG, "no pong was sent");
        std::thread::yield_now();
    }
    assert_eq!(server.join(), b"there?");
}

#[test]
fn too_long_a_ping_harms_nothing() {
    let server = serve_tungstenite(echo);
    let mut client = server.connect();
    let error = client.send_ping(&[0; 126]).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ws_client::ErrorKind::Usage, ws_client::Stage::Send)
    );
    client.send_text("still open").unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("still open".into()))
    );
}

#[test]
fn receive_returns_nothing_at_its_timeout_and_at_once_for_zero() {
    let server = serve_tungstenite(echo);
    let mut client = server.connect();
    assert_eq!(client.receive(Duration::ZERO).unwrap(), None);
    let start = std::time::Instant::now();
    assert_eq!(client.receive(Duration::from_millis(60)).unwrap(), None);
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(60) && took < Duration::from_secs(10),
        "{took:?}"
    );
    client.send_text("later").unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("later".into()))
    );
}

#[test]
fn polling_with_zero_gets_a_large_message_too() {
    let server = serve_tungstenite(|mut peer| {
        peer.send(Peer::binary(vec![7; 8 << 20])).unwrap();
        while peer.read().is_ok() {}
    });
    let mut client = server.connect();
    let start = std::time::Instant::now();
    let message = loop {
        if let Some(message) = client.receive(Duration::ZERO).unwrap() {
            break message;
        }
        assert!(start.elapsed() < LONG);
        std::thread::yield_now();
    };
    assert_eq!(message.payload().len(), 8 << 20);
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join();
}

#[test]
fn another_thread_interrupts_a_receive_now_or_next() {
    let server = serve_tungstenite(echo);
    let mut client = server.connect();
    let interrupter = client.interrupter();
    interrupter.interrupt();
    interrupter.interrupt();
    assert_eq!(
        client.receive(Duration::MAX).unwrap(),
        None,
        "kept for the next call"
    );
    let thread = std::thread::spawn(move || interrupter.interrupt());
    assert_eq!(client.receive(Duration::MAX).unwrap(), None);
    thread.join().unwrap();
    client.send_text("x").unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("x".into()))
    );
}

#[test]
fn keepalive_pings_a_silent_server_and_its_answers_are_not_seen() {
    let server = serve_frames(|mut stream| {
        use std::io::Write;
        let ping = read_frame(&mut stream).unwrap();
        stream.write_all(&frame(PONG, &ping.1)).unwrap();
        stream.write_all(&frame(TEXT, b"alive")).unwrap();
        ping.0
    });
    let keepalive =
        ws_client::KeepaliveConfig::default().interval(Some(Duration::from_millis(100)));
    let mut client = server.connect_with(ws_client::Config::default().keepalive(keepalive));
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("alive".into()))
    );
    assert_eq!(server.join(), PING);
}

#[test]
fn keepalive_gives_a_dead_server_up() {
    let server = serve_frames(read_to_end);
    let keepalive = ws_client::KeepaliveConfig::default()
        .interval(Some(Duration::from_millis(100)))
        .timeout(Duration::from_millis(200));
    let mut client = server.connect_with(ws_client::Config::default().keepalive(keepalive));
    let error = client.receive(LONG).unwrap_err();
    assert_eq!(error.error_code(), "closed");
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    assert!(
        error
            .to_string()
            .ends_with("peer has not answered a ping within 200 ms"),
        "{error}"
    );
    drop(client);
    server.join();
}
