//! ws-client over TLS against OpenSSL, Python and Node.js: who is trusted, with which version, and with which texts.

use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;

use ws_client::{Client, CloseCode, ConnectRequest, Error, ErrorKind, Message, Stage, TlsSettings};
use ws_tests::{
    payload::{self, Payload},
    wait::{self, TIMEOUT},
};

use crate::support::certs::{Authority, Identity};
use crate::support::cli::{Checked, ws};
use crate::support::client;
use crate::support::peer::Peer;
use crate::support::proxy::free_port;

const SIZES: [usize; 8] = [0, 1, 125, 126, 65_535, 65_536, 1 << 20, 4 << 20];

fn connect(url: &str, settings: TlsSettings) -> Result<Client, Error> {
    Client::connect_with(&ConnectRequest::new(url)?.tls(settings))
}

fn check_echo(mut client: Client) {
    for size in SIZES {
        for sent in [
            Payload::Text(payload::text(size, size)),
            Payload::Binary(payload::binary(size, size)),
        ] {
            client::send(&mut client, &sent);
            client::expect_echo(&mut client, &sent);
        }
    }
    client.close(CloseCode::NORMAL, "done").unwrap();
    let close = client.close_received().unwrap();
    assert_eq!(close.code, CloseCode::NORMAL);
}

#[test]
fn python_and_node_echo_everything_over_tls() {
    let authority = Authority::new("Ours");
    let identity = authority.issue(&["localhost", "127.0.0.1"]);
    for peer in [Peer::Python, Peer::Node] {
        let (_server, port) = peer.tls_echo_server(&identity, None);
        for (host, path) in [("localhost", "/"), ("127.0.0.1", "/fragments")] {
            let url = format!("wss://{host}:{port}{path}");
            let client = connect(&url, authority.trusted()).unwrap();
            assert_eq!(client.tls_version(), Some("TLS 1.3"), "{peer:?}");
            check_echo(client);
        }
        // Settings encrypt a ws:// address too.
        let client = connect(&format!("ws://localhost:{port}/"), authority.trusted()).unwrap();
        check_echo(client);
    }
}

///
#[test]
fn bad_certificates_are_refused_with_their_reason() {
    let (ours, other) = (Authority::new("Ours"), Authority::new("Other"));
    let local = ["127.0.0.1"];
    let dated = |from, to| {
        ours.issue_with(&local, |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        })
    };
    let table = [
        (ours.issue(&["127.0.0.2"]), "it is not for this host name"),
        (ours.issue(&["localhost"]), "it is not for this host name"),
        (ours.issue(&[]), "it is not for this host name"),
        (
            other.issue(&local),
            "its issuer is not among the trusted authorities",
        ),
        (dated(2000, 2001), "it has expired"),
        (dated(2090, 2099), "it is not valid yet"),
    ];
    for (peer, (identity, why)) in [Peer::Python, Peer::Node].into_iter().cycle().zip(&table) {
        let (_server, port) = peer.tls_echo_server(identity, None);
        let url = format!("wss://127.0.0.1:{port}");
        let error = connect(&url, ours.trusted()).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage(), error.error_code()),
            (ErrorKind::Certificate, Stage::Tls, "certificate"),
            "{error}"
        );
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {url}: the peer's certificate was refused: {why}")
        );
        // The same server, where nobody asks who it is.
        let careless = TlsSettings::new().danger_accept_invalid_certs(true);
        let mut client = connect(&url, careless).unwrap();
        client.send_text("whoever you are").unwrap();
        assert!(matches!(
            client.receive(TIMEOUT),
            Ok(Some(Message::Text(_)))
        ));
        client.close(CloseCode::NORMAL, "").unwrap();
    }
}

#[test]
fn a_client_certificate_is_shown_to_python_and_node() {
    let (ours, other) = (Authority::new("Ours"), Authority::new("Other"));
    let server = ours.issue(&["127.0.0.1"]);
    let (good, bad) = (ours.issue(&["client"]), other.issue(&["client"]));
    let with = |identity: &Identity| {
        ours.trusted()
            .client_certificate(&identity.chain, &identity.key)
    };
    for peer in [Peer::Python, Peer::Node] {
        let (_server, port) = peer.tls_echo_server(&server, Some(&ours.file()));
        let url = format!("wss://127.0.0.1:{port}/");
        check_echo(connect(&url, with(&good)).unwrap());
        for settings in [ours.trusted(), with(&bad)] {
            let error = connect(&url, settings).unwrap_err();
            let text = error.to_string();
            if error.kind() == ErrorKind::Handshake {
                // Both may end the TCP connection without an alert that tells why.
                let is_cut = text.contains("was cut off") || text.contains("connection reset");
                assert!(is_cut, "{peer:?}: {text}");
                continue;
            }
            assert_eq!((error.kind(), error.stage()), (ErrorKind::Tls, Stage::Tls));
            assert!(
                text.contains("the client certificate was refused"),
                "{peer:?}: {text}"
            );
        }
    }
}

#[test]
fn the_exit_codes_of_ws_tell_tls_from_a_bad_certificate() {
    let authority = Authority::new("Nobody's");
    let identity = authority.issue(&["127.0.0.1"]);
    let (_server, port) = Peer::Python.tls_echo_server(&identity, None);
    let ended = ws(&["connect", &format!("wss://127.0.0.1:{port}/")]).run();
    let ended = ended.expect_code(60);
    assert!(
        ended
            .error_line()
            .contains("its issuer is not among the trusted authorities")
    );
    let (_server, url) = Peer::Python.echo_server();
    let ended = ws(&["connect", &url.replace("ws://", "wss://")]).run();
    ended.expect_code(35);
}

/// `openssl s_server`: what comes decrypted is its standard output, what is to be encrypted its standard input.
struct OpenSsl(Child);

impl OpenSsl {
    fn start(identity: &Identity, port: u16, options: &[&str]) -> (Self, Pipes) {
        let mut child = Command::new("openssl")
            .args(["s_server", "-quiet", "-naccept", "1", "-accept"])
            .arg((Ipv4Addr::LOCALHOST.to_string() + ":") + &port.to_string())
            .arg("-cert")
            .arg(&identity.chain)
            .arg("-key")
            .arg(&identity.key)
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipes = Pipes(child.stdin.take().unwrap(), child.stdout.take().unwrap());
        (Self(child), pipes)
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Pipes(ChildStdin, ChildStdout);

impl Read for Pipes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.read(buffer)
    }
}

impl Write for Pipes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Connects as soon as the server listens; a refusal takes nothing from it.
fn connect_when_ready(url: &str, settings: &TlsSettings) -> Result<Client, Error> {
    let mut result = connect(url, settings.clone());
    wait::until(TIMEOUT, || {
        if matches!(&result, Err(error) if error.kind() == ErrorKind::Refused) {
            result = connect(url, settings.clone());
        }
        !matches!(&result, Err(error) if error.kind() == ErrorKind::Refused)
    });
    result
}

#[test]
fn openssl_is_spoken_to_in_both_versions_of_tls() {
    let authority = Authority::new("Ours");
    let identity = authority.issue(&["127.0.0.1"]);
    let ca = authority.file();
    let ca = ca.to_str().unwrap();
    let known = authority.issue(&["client"]);
    let with_certificate = authority
        .trusted()
        .client_certificate(&known.chain, &known.key);
    let clients = ["-Verify", "1", "-verify_return_error", "-CAfile", ca];
    for (options, settings, version) in [
        (vec!["-tls1_2"], authority.trusted(), "TLS 1.2"),
        (vec!["-tls1_3"], authority.trusted(), "TLS 1.3"),
        (
            [&["-tls1_2"], &clients[..]].concat(),
            with_certificate.clone(),
            "TLS 1.2",
        ),
        (
            [&["-tls1_3"], &clients[..]].concat(),
            with_certificate,
            "TLS 1.3",
        ),
    ] {
        let port = free_port();
        let (_server, pipes) = OpenSsl::start(&identity, port, &options);
        let echo = thread::spawn(move || {
            let mut socket = tungstenite::accept(pipes).unwrap();
            while let Ok(message) = socket.read() {
                if message.is_text() || message.is_binary() {
                    socket.send(message).unwrap();
                }
            }
        });
        let url = format!("wss://127.0.0.1:{port}/");
        let client = connect_when_ready(&url, &settings).unwrap();
        assert_eq!(client.tls_version(), Some(version));
        check_echo(client);
        echo.join().unwrap();
    }
}

#[test]
fn openssl_refuses_us_without_a_certificate() {
    let authority = Authority::new("Ours");
    let identity = authority.issue(&["127.0.0.1"]);
    let ca = authority.file();
    let clients = [
        "-Verify",
        "1",
        "-verify_return_error",
        "-CAfile",
        ca.to_str().unwrap(),
    ];
    for version in ["-tls1_2", "-tls1_3"] {
        let port = free_port();
        let options = [&[version], &clients[..]].concat();
        let (_server, _pipes) = OpenSsl::start(&identity, port, &options);
        let url = format!("wss://127.0.0.1:{port}/");
        let error = connect_when_ready(&url, &authority.trusted())
            .err()
            .unwrap();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Tls, Stage::Tls),
            "{version}: {error}"
        );
    }
}

#[test]
fn openssl_with_old_tls_only_is_told_apart() {
    let authority = Authority::new("Ours");
    let identity = authority.issue(&["127.0.0.1"]);
    let port = free_port();
    let (_server, _pipes) =
        OpenSsl::start(&identity, port, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    let url = format!("wss://127.0.0.1:{port}/");
    let error = connect_when_ready(&url, &authority.trusted())
        .err()
        .unwrap();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Tls, Stage::Tls),
        "{error}"
    );
    assert!(
        error.to_string().contains("no common TLS settings"),
        "{error}"
    );
}
