//! Stages before the first frame: refused ports, deadlines, answers cut anywhere.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ws_client::{Client, Config, ConnectRequest, ErrorKind, Message, Stage};

use crate::support::*;

/// A loopback port on which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

#[test]
fn a_closed_port_is_refused() {
    let port = closed_port();
    let error = Client::connect(&format!("ws://127.0.0.1:{port}/x?token=1")).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Refused, Stage::Connect)
    );
    assert_eq!(error.error_code(), "refused");
    assert_eq!(error.target(), format!("ws://127.0.0.1:{port}/x?token=***"));
    assert_eq!(
        error.to_string(),
        format!(
            "cannot connect to ws://127.0.0.1:{port}/x?token=***: connection refused (127.0.0.1:{port})"
        )
    );
    assert!(error.hint().is_some());
    assert_eq!(
        error.io_error().unwrap().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_name_is_looked_up() {
    let server = serve_tungstenite(|mut peer| {
        peer.send("hi".into()).unwrap();
        let _ = peer.read();
    });
    let url = server.url.replace("127.0.0.1", "localhost");
    let mut client = Client::connect(&url).unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("hi".into()))
    );
    drop(client);
    server.join();
}

#[test]
fn a_name_that_cannot_exist_is_a_resolve_error() {
    // RFC 6761 §6.4: never resolves. Without a network the lookup fails as well.
    let config = Config::default().connect_timeout(LONG);
    let request = ConnectRequest::new("ws://does-not-exist.invalid/")
        .unwrap()
        .config(config);
    let error = Client::connect_with(&request).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Resolve, Stage::Resolve)
    );
    assert_eq!(error.error_code(), "resolve");
    assert_eq!(error.hint(), Some("check the host name"));
}

/// nothing is dialled for a request that may not be written; the closed port would be another error.
#[test]
fn a_request_that_may_not_be_written_is_refused_before_dialling() {
    let base = || ConnectRequest::new(&format!("ws://127.0.0.1:{}", closed_port())).unwrap();
    for (request, named) in [
        (base().header("X-Evil", "a\r\nInjected: canary"), "X-Evil"),
        (base().header("X-Evil\r\nInjected", "canary"), "token"),
        (base().header("Bad Name", "canary"), "Bad Name"),
        (
            base().header("Sec-WebSocket-Key", "canary"),
            "Sec-WebSocket-Key",
        ),
        (base().header("Upgrade", "canary"), "Upgrade"),
        (base().header("X-Nul", "can\0ary"), "X-Nul"),
        (base().subprotocol("canary\r\nInjected: x"), "subprotocol"),
        (base().subprotocol("a, b"), "subprotocol"),
        (base().subprotocol(""), "subprotocol"),
        (base().origin("https://canary\r\nInjected: x"), "Origin"),
    ] {
        let error = Client::connect_with(&request).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Usage, Stage::Handshake),
            "{error}"
        );
        let text = error.to_string();
        assert!(text.contains(named), "{text}");
        assert!(
            !text.contains("canary") && !text.contains(['\r', '\n', '\0']),
            "{text}"
        );
    }
}

fn with_timeout(url: &str, timeout: Duration) -> (ws_client::Error, Duration) {
    let config = Config::default().connect_timeout(timeout);
    let request = ConnectRequest::new(url).unwrap().config(config);
    let start = Instant::now();
    let error = Client::connect_with(&request).unwrap_err();
    (error, start.elapsed())
}

/// a silent server
#[test]
fn a_silent_server_costs_the_connect_timeout_only() {
    ends_on_time(Duration::from_millis(200), |timeout| {
        let server = serve_raw(read_to_end);
        let (error, took) = with_timeout(&server.url, timeout);
        assert!(error.is_timeout());
        assert_eq!(error.stage(), Stage::Handshake);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to {}: not done within 200 ms: the server has not completed the opening handshake",
                server.url
            )
        );
        server.join();
        took
    });
}

/// no progress extends the deadline.
#[test]
fn a_server_that_trickles_its_answer_costs_the_connect_timeout_only() {
    let limits = ws_client::HeadLimits::default()
        .max_bytes(usize::MAX)
        .max_line_bytes(usize::MAX);
    ends_on_time(Duration::from_millis(300), |timeout| {
        let server = serve_raw(|mut stream| {
            let answer = b"HTTP/1.1 101 Switching Protocols\r\nX-Long: ";
            let trickle = answer.iter().chain(std::iter::repeat(&b'x'));
            for byte in trickle {
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::yield_now();
            }
        });
        let config = Config::default()
            .connect_timeout(timeout)
            .head_limits(limits);
        let request = ConnectRequest::new(&server.url).unwrap().config(config);
        let start = Instant::now();
        let error = Client::connect_with(&request).unwrap_err();
        let took = start.elapsed();
        assert!(error.is_timeout(), "{error}");
        server.join();
        took
    });
}

/// a listener that never accepts, its backlog full, is what a blackholed address looks like.
#[test]
fn an_address_that_never_answers_costs_the_connect_timeout_only() {
    let (_listener, address, _fillers) = blackhole();
    ends_on_time(Duration::from_millis(300), |timeout| {
        let (error, took) = with_timeout(&format!("ws://{address}"), timeout);
        assert!(error.is_timeout());
        assert_eq!(error.stage(), Stage::Connect);
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to ws://{address}: not done within 300 ms: no answer from {address}"
            )
        );
        took
    });
}

/// A loopback address whose connection attempts get no answer.
fn blackhole() -> (socket2::Socket, SocketAddr, Vec<TcpStream>) {
    use socket2::{Domain, Socket, Type};
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener
        .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap().as_socket().unwrap();
    let mut fillers = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        fillers.push(stream);
        assert!(fillers.len() < 1000, "the backlog never fills");
    }
    (listener, address, fillers)
}

#[test]
fn the_answer_may_be_cut_at_every_byte() {
    // One server thread for all cuts would need a protocol; a connection each is simpler, and fast on loopback.
    let length =
        accept("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n").len() + frame(TEXT, b"hi").len();
    for cut in 1..length {
        let server = serve_raw(move |mut stream| {
            let head = read_head(&mut stream);
            let bytes = [accept(&head).into_bytes(), frame(TEXT, b"hi")].concat();
            assert_eq!(bytes.len(), length);
            stream.write_all(&bytes[..cut]).unwrap();
            std::thread::yield_now();
            stream.write_all(&bytes[cut..]).unwrap();
            read_to_end(stream);
        });
        let mut client = server.connect();
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(Message::Text("hi".into())),
            "cut at {cut}"
        );
        drop(client);
        server.join();
    }
}

#[test]
fn frames_in_one_piece_with_the_answer_are_not_lost() {
    let server = serve_raw(|mut stream| {
        let head = read_head(&mut stream);
        let mut bytes = accept(&head).into_bytes();
        bytes.extend(frame(PING, b"p"));
        for number in 0..1000 {
            bytes.extend(frame(TEXT, number.to_string().as_bytes()));
        }
        stream.write_all(&bytes).unwrap();
        let pong = read_frame(&mut stream).unwrap();
        read_to_end(stream);
        pong
    });
    let mut client = server.connect();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Ping(b"p".to_vec()))
    );
    for number in 0..1000 {
        assert_eq!(
            client.receive(LONG).unwrap(),
            Some(Message::Text(number.to_string()))
        );
    }
    drop(client);
    assert_eq!(server.join(), (PONG, b"p".to_vec()));
}
