//! `wss://` over real sockets: who is trusted, who is not, and how an encrypted connection ends.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tungstenite::WebSocket;
use ws_client::{
    BackgroundClient, BackgroundConfig, Client, CloseCode, ConnectRequest, Error, ErrorKind,
    Message, Stage, TlsSettings,
};
use ws_core::tls::{Certificates, ClientCertificates, Identity, ServerTls, Tls};

use crate::support::*;

mod matrix;

/// An authority with its files in a folder of its own.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self {
            issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn settings(&self) -> TlsSettings {
        TlsSettings::new().ca_file(self.file("authority.pem", &self.issuer.pem()))
    }

    fn issue(&self, params: CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn identity(&self, params: CertificateParams) -> Identity {
        let (chain, key) = self.issue(params);
        Identity::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
    }

    /// Valid for the loopback address.
    fn server(&self) -> ServerTls {
        showing(
            self.identity(named("127.0.0.1")),
            ClientCertificates::Ignored,
        )
    }
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).unwrap()
}

fn showing(identity: Identity, clients: ClientCertificates) -> ServerTls {
    ServerTls::new(&[identity], &clients).unwrap()
}

/// A server's blocking TLS stream.
struct TlsStream {
    tcp: TcpStream,
    tls: Tls,
    plaintext: Vec<u8>,
}

impl TlsStream {
    fn answer(&mut self, output: &[u8]) -> io::Result<()> {
        self.tcp.write_all(output)
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.plaintext.is_empty() && !self.tls.close_received() {
            let mut ciphertext = [0; 4096];
            let count = self.tcp.read(&mut ciphertext)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let mut output = Vec::new();
            let received = self
                .tls
                .receive(&ciphertext[..count], &mut self.plaintext, &mut output);
            self.answer(&output)?;
            received.map_err(io::Error::other)?;
        }
        let count = self.plaintext.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.plaintext[..count]);
        self.plaintext.drain(..count);
        Ok(count)
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut output = Vec::new();
        self.tls
            .send(bytes, &mut output)
            .map_err(io::Error::other)?;
        self.answer(&output)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs `script` with an encrypted WebSocket, or gives why there is none.
fn serve_tls<T: Send + 'static>(
    tls: ServerTls,
    script: impl FnOnce(WebSocket<TlsStream>) -> T + Send + 'static,
) -> Server<Result<T, String>> {
    let mut server = serve_raw(move |tcp| {
        let stream = TlsStream {
            tcp,
            tls: Tls::server(&tls).unwrap(),
            plaintext: Vec::new(),
        };
        match tungstenite::accept(stream) {
            Ok(socket) => Ok(script(socket)),
            Err(error) => Err(error.to_string()),
        }
    });
    server.url = server.url.replace("ws://", "wss://");
    server
}

/// Echoes until the closing handshake; true if close_notify came behind it.
fn echo(mut socket: WebSocket<TlsStream>) -> bool {
    while let Ok(message) = socket.read() {
        if message.is_text() || message.is_binary() {
            socket.send(message).unwrap();
        }
    }
    // tungstenite reads no further than the Close.
    let stream = socket.get_mut();
    stream.read(&mut [0]).is_ok() && stream.tls.close_received()
}

fn connect(url: &str, settings: &TlsSettings) -> Result<Client, Error> {
    Client::connect_with(&ConnectRequest::new(url)?.tls(settings.clone()))
}

#[test]
fn messages_of_all_sizes_pass_and_the_end_is_said() {
    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), echo);
    let mut client = connect(&server.url, &authority.settings()).unwrap();
    assert_eq!(client.tls_version(), Some("TLS 1.3"));
    for size in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        let data: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0]).collect();
        client.send_binary(&data).unwrap();
        let answer = client.receive(LONG).unwrap();
        assert!(answer == Some(Message::Binary(data)), "{size} bytes");
    }
    client.send_text("end").unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("end".into()))
    );
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(server.join(), Ok(true));
}

#[test]
fn the_background_client_speaks_tls_too_and_its_log_says_so() {
    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), echo);
    let request = ConnectRequest::new(&server.url)
        .unwrap()
        .tls(authority.settings());
    let client = BackgroundClient::connect_with(&request, &BackgroundConfig::default()).unwrap();
    assert_eq!(client.tls_version(), Some("TLS 1.3"));
    let data = vec![7; 1 << 20];
    client.send_binary(&data, Duration::ZERO).unwrap();
    assert!(client.receive(LONG).unwrap() == Some(Message::Binary(data)));
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(server.join(), Ok(true));
    let (lines, _) = client.log(10).unwrap();
    assert!(
        lines[1].contains(", TLS 1.3, opening handshake done"),
        "{lines:#?}"
    );

    let server = serve_tls(authority.server(), echo);
    let request = ConnectRequest::new(&server.url).unwrap();
    let error = BackgroundClient::connect_with(&request, &BackgroundConfig::default());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Certificate);
    server.join().unwrap_err();
}

#[test]
fn settings_encrypt_a_ws_address() {
    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), echo);
    let url = server.url.replace("wss://", "ws://");
    let mut client = connect(&url, &authority.settings()).unwrap();
    assert!(client.tls_version().is_some());
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(server.join(), Ok(true));
}

/// five of them, each with its text
#[test]
fn bad_certificates_are_refused_with_their_reason_before_a_byte_of_http() {
    let (ours, stranger) = (Authority::new("Ours"), Authority::new("Stranger"));
    let dated = |from, to| {
        let mut params = named("127.0.0.1");
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        ours.identity(params)
    };
    let settings = ours.settings();
    let table = [
        (
            ours.identity(named("127.0.0.2")),
            "it is not for this host name",
        ),
        (
            ours.identity(named("localhost")),
            "it is not for this host name",
        ),
        (
            stranger.identity(named("127.0.0.1")),
            "its issuer is not among the trusted authorities",
        ),
        (dated(2000, 2001), "it has expired"),
        (dated(2090, 2099), "it is not valid yet"),
    ];
    for (identity, why) in table {
        let server = serve_tls(showing(identity, ClientCertificates::Ignored), echo);
        let error = connect(&server.url, &settings).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage(), error.error_code()),
            (ErrorKind::Certificate, Stage::Tls, "certificate")
        );
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to {}: the peer's certificate was refused: {why}",
                server.url
            )
        );
        assert!(error.hint().is_some());
        assert!(server.join().is_err(), "the server was told nothing");
    }
}

#[test]
fn without_settings_wss_trusts_the_system_only() {
    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), echo);
    let error = Client::connect(&server.url).unwrap_err();
    // A system without root certificates says so instead.
    assert!(
        matches!(error.kind(), ErrorKind::Certificate | ErrorKind::Tls),
        "{error}"
    );
    if error.kind() == ErrorKind::Tls {
        assert!(
            error.to_string().contains("no root certificates"),
            "{error}"
        );
        let _ = TcpStream::connect(server.url.trim_start_matches("wss://"));
    }
    assert!(server.join().is_err());
}

#[test]
fn verification_is_off_only_where_asked_for_and_each_connection_warns() {
    let stranger = Authority::new("Stranger");
    let settings = TlsSettings::new().danger_accept_invalid_certs(true);
    let log = log_of_this_process();
    for expected in [1, 1] {
        let tls = showing(
            stranger.identity(named("elsewhere.test")),
            ClientCertificates::Ignored,
        );
        let server = serve_tls(tls, echo);
        let mut client = connect(&server.url, &settings).unwrap();
        client.close(CloseCode::NORMAL, "").unwrap();
        let warnings = log.count(&format!(
            "WARN {}: the server's certificate is not verified",
            server.url
        ));
        assert_eq!(warnings, expected);
        assert_eq!(server.join(), Ok(true));
    }
}

#[test]
fn a_client_certificate_is_shown_where_it_is_asked_for() {
    let authority = Authority::new("Ours");
    let clients = || {
        let pem = authority.issuer.pem();
        ClientCertificates::Required(Certificates::from_pem(pem.as_bytes()).unwrap())
    };
    let server = || {
        serve_tls(
            showing(authority.identity(named("127.0.0.1")), clients()),
            echo,
        )
    };
    let (chain, key) = authority.issue(named("client.test"));
    let chain = authority.file("chain.pem", &chain);
    let key = authority.file("key.pem", &key);

    let known = server();
    let settings = authority.settings().client_certificate(&chain, &key);
    let mut client = connect(&known.url, &settings).unwrap();
    client.close(CloseCode::NORMAL, "").unwrap();
    assert_eq!(known.join(), Ok(true));

    let unknown = server();
    let error = connect(&unknown.url, &authority.settings()).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Tls, Stage::Tls),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("the client certificate was refused"),
        "{error}"
    );
    assert_eq!(
        error.hint(),
        Some("give a client certificate and key that the server trusts")
    );
    assert!(unknown.join().is_err());
}

/// an end without close_notify
#[test]
fn an_end_without_close_notify_is_a_loss_unless_both_have_closed() {
    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), |mut socket| {
        socket.send("last".into()).unwrap();
        socket.get_ref().tcp.shutdown(Shutdown::Both).unwrap();
    });
    let mut client = connect(&server.url, &authority.settings()).unwrap();
    assert_eq!(
        client.receive(LONG).unwrap(),
        Some(Message::Text("last".into()))
    );
    let error = client.receive(LONG).unwrap_err();
    assert_eq!(error.close_code(), Some(CloseCode::ABNORMAL));
    assert!(
        error
            .to_string()
            .contains("was cut off, without close_notify"),
        "{error}"
    );
    server.join().unwrap();

    let server = serve_tls(authority.server(), |mut socket| {
        while socket.read().is_ok_and(|message| !message.is_close()) {}
        // Says that it is closed.
        let _ = socket.flush();
        socket.get_ref().tcp.shutdown(Shutdown::Both).unwrap();
    });
    let mut client = connect(&server.url, &authority.settings()).unwrap();
    client.close(CloseCode::NORMAL, "").unwrap();
    server.join().unwrap();
}

#[test]
fn plain_and_encrypted_mixed_up_say_so() {
    let server = serve_raw(|mut tcp| {
        let _ = tcp.read(&mut [0; 100]).unwrap();
        tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        read_to_end(tcp);
    });
    let url = server.url.replace("ws://", "wss://");
    let settings = TlsSettings::new().danger_accept_invalid_certs(true);
    let error = connect(&url, &settings).unwrap_err();
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Tls, Stage::Tls));
    assert_eq!(
        error.to_string(),
        format!("cannot connect to {url}: the peer does not speak TLS")
    );
    server.join();

    let authority = Authority::new("Ours");
    let server = serve_tls(authority.server(), echo);
    let error = Client::connect(&server.url.replace("wss://", "ws://")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Handshake);
    assert!(error.to_string().contains("TLS"), "{error}");
    assert!(server.join().is_err());
}
