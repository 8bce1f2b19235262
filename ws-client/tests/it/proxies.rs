//! Proxies that are silent, die or are none, over real sockets and within the one deadline. Real ones: the workspace's
//! end-to-end tests.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use ws_client::{
    Client, Config, ConnectRequest, Error, ErrorKind, ProxyKind, ProxySettings, Stage, TlsSettings,
};

use crate::support::*;

const KINDS: [ProxyKind; 5] = [
    ProxyKind::Socks5,
    ProxyKind::Socks4,
    ProxyKind::Socks4a,
    ProxyKind::Http,
    ProxyKind::Https,
];

/// A proxy that says `answer` to each connection after its first bytes, then ends it if `ends`.
struct Scripted(u16);

impl Scripted {
    fn new(answer: &'static [u8], ends: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        // Serves until the process ends: a SOCKS dial connects twice.
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(answer);
                }
                if !ends {
                    held.push(stream);
                }
            }
        });
        Self(port)
    }

    fn settings(&self, kind: ProxyKind) -> ProxySettings {
        ProxySettings::new(kind, "127.0.0.1", self.0)
    }
}

/// Nothing is looked up or dialled on this side: the address exists for the proxy only.
fn dial(url: &str, proxy: ProxySettings, timeout: Duration) -> Error {
    let request = ConnectRequest::new(url)
        .unwrap()
        .proxy(proxy)
        .config(Config::default().connect_timeout(timeout));
    Client::connect_with(&request).unwrap_err()
}

/// a silent proxy of each kind
#[test]
fn a_silent_proxy_ends_at_the_deadline() {
    for kind in KINDS {
        for url in ["ws://127.0.0.1:9/", "wss://127.0.0.1:9/"] {
            let url = match kind {
                ProxyKind::Socks4 => url.to_owned(),
                _ => url.replace("127.0.0.1", "only-the-proxy-knows.invalid"),
            };
            ends_on_time(Duration::from_millis(200), |timeout| {
                // A SOCKS dial leaves a thread behind, and only eight may wait for one proxy.
                let settings = Scripted::new(b"", false).settings(kind);
                let shown = settings.to_string();
                let start = Instant::now();
                let error = dial(&url, settings, timeout);
                let took = start.elapsed();
                assert_eq!(
                    (error.kind(), error.stage()),
                    (ErrorKind::Timeout, Stage::Proxy),
                    "{error}"
                );
                let text = error.to_string();
                assert!(text.contains("not done within 200 ms"), "{text}");
                assert!(text.contains(&shown), "{text}");
                took
            });
        }
    }
}

#[test]
fn a_proxy_that_dies_halfway_is_told_from_one_that_is_none() {
    let halves: [(ProxyKind, &'static [u8]); 4] = [
        (ProxyKind::Socks5, b"\x05"),
        (ProxyKind::Socks4, b"\x00\x5a\x00"),
        (ProxyKind::Socks4a, b"\x00\x5a\x00"),
        (ProxyKind::Http, b"HTTP/1.1 200 Conn"),
    ];
    for (kind, half) in halves {
        let proxy = Scripted::new(half, true);
        let error = dial("ws://127.0.0.1:9/", proxy.settings(kind), LONG);
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Proxy, Stage::Proxy)
        );
        assert!(
            error
                .to_string()
                .ends_with("it ended the connection without a whole answer"),
            "{error}"
        );
    }
    let none: &'static [u8] = b"220 mail.test ESMTP, and some more words\r\n";
    for kind in KINDS {
        let proxy = Scripted::new(none, true);
        let error = dial("ws://127.0.0.1:9/", proxy.settings(kind), LONG);
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Proxy, Stage::Proxy)
        );
        let text = error.to_string();
        assert!(
            text.contains("does not answer as") || text.contains("does not speak TLS"),
            "{text}"
        );
        assert!(error.hint().is_some());
    }
}

/// style.md 8.2: that nobody listens is known before a thread is begun.
#[test]
fn a_dead_proxy_is_an_error_of_the_proxy() {
    for kind in KINDS {
        let error = dial(
            "ws://127.0.0.1:9/",
            ProxySettings::new(kind, "127.0.0.1", 1),
            LONG,
        );
        assert_eq!(
            (error.kind(), error.stage(), error.error_code()),
            (ErrorKind::Proxy, Stage::Proxy, "proxy")
        );
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to ws://127.0.0.1:9: {kind} proxy 127.0.0.1:1: connection refused (127.0.0.1:1)"
            )
        );
        assert_eq!(error.hint(), Some("check address and port of the proxy"));
        let unknown = ProxySettings::new(kind, "proxy.invalid", 1);
        let error = dial("ws://127.0.0.1:9/", unknown, LONG);
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Proxy, Stage::Proxy)
        );
    }
}

/// silent TLS and a silent server behind a proxy
#[test]
fn a_tunnel_to_a_silent_server_ends_at_the_same_deadline() {
    for (url, stage) in [
        ("ws://target.test/", Stage::Handshake),
        ("wss://target.test/", Stage::Tls),
    ] {
        ends_on_time(Duration::from_millis(200), |timeout| {
            let proxy = Scripted::new(b"HTTP/1.1 200 OK\r\n\r\n", false);
            let request = ConnectRequest::new(url)
                .unwrap()
                .proxy(proxy.settings(ProxyKind::Http))
                .config(Config::default().connect_timeout(timeout));
            let request = match url.starts_with("wss") {
                true => request.tls(TlsSettings::new().danger_accept_invalid_certs(true)),
                false => request,
            };
            let start = Instant::now();
            let error = Client::connect_with(&request).unwrap_err();
            let took = start.elapsed();
            assert_eq!(
                (error.kind(), error.stage()),
                (ErrorKind::Timeout, stage),
                "{error}"
            );
            took
        });
    }
}
