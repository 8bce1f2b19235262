//! Every error word, where it can be brought about. `internal` cannot: it is for defects.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use ws_ffi::dispatch::{Client, Server, Value};

use crate::support::*;

/// Answers the first connection with `answer` once its head has been read.
fn script(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
            head.push(byte[0]);
        }
        let _ = stream.write_all(answer);
        let _ = stream.read_to_end(&mut head);
    });
    port
}

fn dial(address: &str, tls: Value, proxy: Value, word: &str) -> Value {
    Client::new().fails("CreateConnection", &[address.into(), tls, proxy], word)
}

fn through(port: u16, kind: &str) -> Value {
    free(
        "GetProxySettings",
        &[
            "127.0.0.1".into(),
            port.into(),
            kind.into(),
            "me".into(),
            "canary".into(),
        ],
    )
}

#[test]
fn the_words_of_connecting() {
    let none = || Value::Undefined;
    for address in ["http://x", "", "ws://", "ws://h:99999", "ws://h/ h"] {
        dial(address, none(), none(), "usage");
    }
    dial("ws://no-such-host.invalid/", none(), none(), "resolve");
    dial(
        &format!("ws://127.0.0.1:{}/", free_port()),
        none(),
        none(),
        "refused",
    );
    // A multicast address is never reached by TCP.
    #[cfg(target_os = "linux")]
    dial("ws://224.0.0.1:80/", none(), none(), "unreachable");
    let forbidden = dial(
        &format!(
            "ws://127.0.0.1:{}/",
            script(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        ),
        none(),
        none(),
        "handshake",
    );
    assert_eq!(number(&forbidden, "status"), 403.0);
    assert!(
        text(&forbidden, "error").contains("; "),
        "a hint: {forbidden:?}"
    );
    let port = script(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let answer = dial("ws://10.255.255.1/", none(), through(port, "http"), "proxy");
    assert!(!text(&answer, "error").contains("canary"), "{answer:?}");
    let port = script(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    dial(
        "ws://10.255.255.1/",
        none(),
        through(port, "http"),
        "proxy_auth",
    );
    let tls = free("GetTlsSettings", &[false.into(), "/no/such.pem".into()]);
    let missing = dial("wss://127.0.0.1/", tls, none(), "usage");
    assert!(
        text(&missing, "error").contains("/no/such.pem"),
        "{missing:?}"
    );
}

#[test]
fn the_words_of_tls() {
    let (server, port, folder) = serve_self_signed();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (chain, key) = (file("chain.pem"), file("key.pem"));
    let address = format!("wss://127.0.0.1:{port}/");
    dial(&address, Value::Undefined, Value::Undefined, "certificate");
    // ws:// with Tls is encrypted; what is not verified is let in.
    for (address, tls) in [
        (
            address.clone(),
            free("GetTlsSettings", &[true.into(), "ignored".into()]),
        ),
        (
            format!("ws://127.0.0.1:{port}/"),
            free("GetTlsSettings", &[true.into()]),
        ),
        (
            address,
            free("GetTlsSettings", &[false.into(), chain.as_str().into()]),
        ),
    ] {
        let client = Client::new();
        client.ok("CreateConnection", &[address.into(), tls]);
        assert_eq!(
            text(&client.ok("GetConnectionStatus", &[]), "tlsVersion"),
            "TLS 1.3"
        );
        client.ok("CloseConnection", &[]);
    }
    // A server that asks for a certificate.
    let settings = map([
        ("address", "127.0.0.1".into()),
        ("tls_cert_path", chain.as_str().into()),
        ("tls_key_path", key.as_str().into()),
        ("tls_client_ca_path", chain.as_str().into()),
    ]);
    let strict = Server::new();
    let started = strict.ok(
        "StartServer",
        &[0.into(), 9.into(), Value::Undefined, settings],
    );
    let address = format!("wss://127.0.0.1:{}/", port_of(&started));
    let with = |entries: &[(&str, &str)]| {
        let mut tls = vec![(String::from("accept_invalid_certs"), Value::from(true))];
        tls.extend(
            entries
                .iter()
                .map(|&(key, path)| (key.to_owned(), path.into())),
        );
        Value::Map(tls)
    };
    let own = with(&[("client_cert_path", &chain), ("client_key_path", &key)]);
    Client::new().ok("CreateConnection", &[address.as_str().into(), own]);
    let nobody = Client::new().ask("CreateConnection", &[address.as_str().into(), with(&[])]);
    check_failure("CreateConnection", &nobody);
    dial(
        &address,
        with(&[("client_key_path", &key)]),
        Value::Undefined,
        "usage",
    );
    server.ok("StopServer", &[]);
    let (_plain, port) = serve();
    let tls = free("GetTlsSettings", &[true.into()]);
    dial(
        &format!("wss://127.0.0.1:{port}/"),
        tls,
        Value::Undefined,
        "tls",
    );
    // use_tls: false is the same as no settings, and where every certificate is accepted nobody reads the authorities.
    for unusable in ["/dev/null", "нет такого"] {
        let settings = |use_tls: bool, accept: bool| {
            map([
                ("use_tls", use_tls.into()),
                ("accept_invalid_certs", accept.into()),
                ("ca_cert_path", unusable.into()),
            ])
        };
        Client::new().ok("CreateConnection", &[url(port), settings(false, false)]);
        dial(
            &format!("wss://127.0.0.1:{port}/"),
            settings(true, true),
            Value::Undefined,
            "tls",
        );
    }
    for (chain, key) in [(&key, &key), (&chain, &chain)] {
        let settings = map([
            ("tls_cert_path", chain.as_str().into()),
            ("tls_key_path", key.as_str().into()),
        ]);
        let arguments = [0.into(), 1.into(), Value::Undefined, settings];
        let answer = Server::new().fails("StartServer", &arguments, "usage");
        assert!(text(&answer, "error").contains(".pem"), "{answer:?}");
    }
}

#[test]
fn the_words_of_an_open_connection() {
    let accept: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n";
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let peer = |frame: &'static [u8], listener: &TcpListener| {
        let (mut stream, _): (TcpStream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let key = head
            .lines()
            .find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))
            .unwrap();
        let answer = format!(
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(key)
        );
        stream.write_all(accept).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        stream.write_all(frame).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    };
    // A masked frame of a server, and one that announces 1 TiB.
    for (frame, word) in [
        (&b"\x81\x81\0\0\0\0x"[..], "protocol"),
        (&b"\x82\x7f\0\0\x01\0\0\0\0\0"[..], "too_big"),
    ] {
        thread::scope(|scope| {
            scope.spawn(|| peer(frame, &listener));
            let client = connect(port);
            client.fails("GetMessage", &[PATIENCE.into()], word);
            let begun = std::time::Instant::now();
            client.abort();
            assert!(begun.elapsed() < std::time::Duration::from_secs(4));
        });
    }
}

/// The accept key of RFC 6455 §4.2.2, made by the library's own server.
fn accept_key(key: &str) -> String {
    use ws_core::handshake::{HeadLimits, ServerHandshake, ServerStep};
    let request = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    );
    let mut handshake = ServerHandshake::new();
    let step = handshake.receive(request.as_bytes(), &HeadLimits::default());
    let ServerStep::Request(request, ..) = step else {
        panic!("not a request");
    };
    let mut answer = Vec::new();
    request
        .encode_accept(&Default::default(), &mut answer)
        .unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let mut lines = answer.lines();
    let line = lines.find(|line| line.to_lowercase().starts_with("sec-websocket-accept"));
    line.unwrap().split_once(": ").unwrap().1.to_owned()
}

#[test]
fn the_words_of_a_server() {
    let (first, port) = serve();
    let settings = map([("address", "127.0.0.1".into())]);
    let taken = Server::new();
    let answer = taken.fails(
        "StartServer",
        &[port.into(), 1.into(), Value::Undefined, settings],
        "port_in_use",
    );
    assert!(
        text(&answer, "error").contains(&port.to_string()),
        "{answer:?}"
    );
    taken.fails("GetConnectionList", &[], "not_started");
    let named = map([("address", "no-such-host.invalid".into())]);
    Server::new().fails(
        "StartServer",
        &[0.into(), 1.into(), Value::Undefined, named],
        "resolve",
    );
    for (port, pool) in [
        (70_000.into(), 1.into()),
        ((-1).into(), 1.into()),
        (0.into(), 0.into()),
        ("x".into(), 1.into()),
    ] {
        Server::new().fails("StartServer", &[port, pool], "usage");
    }
    first.ok("StopServer", &[]);
    // A peer that does not read: nobody takes from the client's queue, which is smaller than what is sent.
    let (server, port) = serve_with(Value::Undefined, map([("send_queue_bytes", 1000.into())]));
    let _client = connect(port);
    let id = only_id(&server);
    let piece = Value::from(vec![0; 4 << 20]);
    let mut answer = Value::Undefined;
    for _ in 0..1000 {
        answer = server.ask("SendData", &[id.clone(), piece.clone()]);
        if !answer.is_success() {
            break;
        }
    }
    check_failure("SendData", &answer);
    assert_eq!(text(&answer, "errorCode"), "queue_full");
}
