//! Making connections: the function and the settings it takes.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
};

use data_encoding::BASE64;
use ws_client::contract::Proxy;
use ws_tests::echo::TestCertificate;

use super::*;

/// An HTTP proxy for one connection; it lets `login` through.
fn start_proxy(login: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head
            .strip_prefix("CONNECT ")
            .and_then(|rest| rest.split(' ').next())
            .expect("not a CONNECT");
        if !head.contains(&format!("Basic {}", BASE64.encode(login.as_bytes()))) {
            let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
            return client.write_all(refusal.as_bytes()).unwrap();
        }
        let server = TcpStream::connect(target).unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let copy = |mut from: TcpStream, mut to: TcpStream| {
            // Either side may go first.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        };
        thread::scope(|scope| {
            let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            scope.spawn(move || copy(from, to));
            copy(server, client);
        });
    });
    address
}

#[test]
fn create_connection() {
    // Headers, and the log.
    let server = mailbox(Config::default());
    let url = format!("ws://{}/path?query", server.local_addr());
    let headers = [("X-Login", "me"), ("Authorization", "Bearer canary")];
    let logging = contract::get_logging_settings(true, None, "");
    let client =
        contract::create_connection(&url, None, None, &headers, Some(&logging), None).unwrap();
    let received = first_message(&server, &client);
    let details = &received.connection;
    assert_eq!(details.header("x-login"), Some("me"));
    assert_eq!(details.header("authorization"), Some("Bearer canary"));
    assert_eq!(
        (details.path.as_str(), details.query.as_deref()),
        ("/path", Some("query"))
    );
    assert_eq!(
        details.address.to_string(),
        client.local_address().unwrap().to_string()
    );
    let log = contract::get_log(&client, None).unwrap();
    assert!(!log.lines.is_empty() && !log.to_string().contains("canary"));

    // Through a proxy with a login.
    let proxy_address = start_proxy("me:secret");
    let parameters = |password| {
        let (host, port) = (proxy_address.ip().to_string(), proxy_address.port());
        contract::get_proxy_settings(&host, port, Some("http"), Some("me"), password)
    };
    let proxy = Proxy::from(parameters(Some("secret")));
    let client = contract::create_connection(&url, None, Some(&proxy), &[], None, None).unwrap();
    assert_eq!(first_message(&server, &client).payload, b"hello");
    assert_eq!(client.peer_address().unwrap(), proxy_address);

    // Failures, each with its word; nothing of a secret in the text.
    let create = |address: &str, proxy: Option<&Proxy>, headers: &[(&str, &str)]| {
        contract::create_connection(address, None, proxy, headers, None, None)
    };
    assert_fails(create("http://x/", None, &[]), "usage");
    assert_fails(create(&url, None, &[("a b", "c")]), "usage");
    assert_fails(create(&url, None, &[("a", "canary\r\nb: c")]), "usage");
    let strange = contract::get_proxy_settings("127.0.0.1", 1, Some("ftp"), None, None);
    assert_fails(create(&url, Some(&strange.into()), &[]), "usage");
    let proxy_address = start_proxy("me:other");
    let wrong = contract::get_proxy_settings(
        &proxy_address.ip().to_string(),
        proxy_address.port(),
        Some("http"),
        Some("me"),
        Some("canary"),
    );
    let error = assert_fails(create(&url, Some(&wrong.into()), &[]), "proxy_auth");
    assert!(!error.to_string().contains("canary"), "{error}");
    let closed = free_port();
    assert_fails(create(&format!("ws://{closed}/"), None, &[]), "refused");
    assert_fails(create("ws://host.invalid/", None, &[]), "resolve");
    let (_server, url) = obedient();
    let error = assert_fails(create(&format!("{url}/refused"), None, &[]), "handshake");
    assert_eq!(error.status(), Some(403));
}

/// An address where nobody listens.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.77.9:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn create_connection_with_tls() {
    let certificate = TestCertificate::new(&["localhost"]);
    let server = mailbox(Config::default().tls(certificate.server()));
    let port = server.local_addr().port();
    let (secure, plain) = (
        format!("wss://localhost:{port}/"),
        format!("ws://localhost:{port}/"),
    );
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    fs::write(&authority, &certificate.chain).unwrap();
    let authority = authority.to_str().unwrap();
    let create = |address: &str, tls: Option<&contract::TlsParameters>| {
        contract::create_connection(address, tls, None, &[], None, None)
    };

    // Without settings: encrypted and verified, never plain.
    assert_fails(create(&secure, None), "certificate");
    // An authority from a file; with ws:// too.
    let trusting = contract::get_tls_settings(false, authority);
    for address in [&secure, &plain] {
        let client = create(address, Some(&trusting)).unwrap();
        assert_eq!(first_message(&server, &client).payload, b"hello");
    }
    // No verification takes precedence over a file, which need not be there.
    let unverified = contract::get_tls_settings(true, "no such file");
    let client = create(&secure, Some(&unverified)).unwrap();
    assert_eq!(first_message(&server, &client).payload, b"hello");
    // use_tls false = not given.
    let mut off = unverified;
    off.use_tls = false;
    assert_fails(create(&secure, Some(&off)), "certificate");
    let error = create(&plain, Some(&off)).unwrap_err();
    assert_eq!(error.error_code(), "handshake", "{error}");

    // An unreadable file fails before anything is dialled.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("wss://{}/", listener.local_addr().unwrap());
    let missing = contract::get_tls_settings(false, "no such file");
    let error = assert_fails(create(&address, Some(&missing)), "usage");
    assert!(error.to_string().contains("no such file"), "{error}");
    let nobody = listener.accept().unwrap_err();
    assert_eq!(nobody.kind(), io::ErrorKind::WouldBlock);
}

#[test]
fn get_tls_settings() {
    let settings = contract::get_tls_settings(false, "");
    assert_eq!(
        (settings.use_tls, settings.accept_invalid_certs),
        (true, false)
    );
    assert_eq!(settings.ca_cert_path, None);
    let settings = contract::get_tls_settings(true, "ca.pem");
    assert_eq!(
        (settings.use_tls, settings.accept_invalid_certs),
        (true, true)
    );
    assert_eq!(settings.ca_cert_path.as_deref(), Some("ca.pem"));
}

#[test]
fn get_proxy_settings() {
    let settings = contract::get_proxy_settings("127.0.0.1", 8071, None, None, None);
    assert_eq!(
        (
            settings.server.as_str(),
            settings.port,
            settings.proxy_type.as_str()
        ),
        ("127.0.0.1", 8071, "socks5")
    );
    assert_eq!((&settings.login, &settings.password), (&None, &None));
    let settings = contract::get_proxy_settings("p", 1, Some("http"), Some("me"), Some("canary"));
    assert_eq!(settings.proxy_type, "http");
    assert_eq!(
        (settings.login.as_deref(), settings.password.as_deref()),
        (Some("me"), Some("canary"))
    );
    assert!(!format!("{settings:?}").contains("canary"));
}
