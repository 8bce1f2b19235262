//! ws-client through proxies that we did not write, to servers that we did not write.

use std::time::Duration;

use ws_client::{
    Client, CloseCode, Config, ConnectRequest, Error, ErrorKind, Message, ProxyKind, ProxySettings,
    Stage, TlsSettings,
};
use ws_tests::{payload, wait::TIMEOUT};

use crate::support::certs::Authority;
use crate::support::peer::Peer;
use crate::support::process::Process;
use crate::support::proxy::{self, LOGIN, PASSWORD, free_port};

const SIZES: [usize; 6] = [1, 125, 126, 65_535, 65_536, 1 << 20];

/// A plain and an encrypted echo server behind the proxies, known by name, so that a proxy has to look it up.
struct Targets {
    authority: Authority,
    _servers: [Process; 2],
    urls: [String; 2],
    /// Its certificate is for another name.
    wrong: (Process, String),
}

impl Targets {
    fn new() -> Self {
        let authority = Authority::new("Targets");
        let (plain, url) = Peer::Python.echo_server();
        let port = url.rsplit_once(':').unwrap().1;
        let identity = authority.issue(&["localhost"]);
        let (tls, tls_port) = Peer::Node.tls_echo_server(&identity, None);
        // That of the proxy: whoever checks the wrong name would take it.
        let identity = authority.issue(&["127.0.0.1"]);
        let (wrong, wrong_port) = Peer::Python.tls_echo_server(&identity, None);
        Self {
            urls: [
                format!("ws://localhost:{port}/"),
                format!("wss://localhost:{tls_port}/"),
            ],
            _servers: [plain, tls],
            wrong: (wrong, format!("wss://localhost:{wrong_port}/")),
            authority,
        }
    }

    fn connect(&self, url: &str, proxy: &ProxySettings) -> Result<Client, Error> {
        let request = ConnectRequest::new(url)?.proxy(proxy.clone());
        Client::connect_with(&if url.starts_with("wss:") {
            request.tls(self.authority.trusted())
        } else {
            request
        })
    }

    /// Both are reached through `proxy`, and the certificate's name is that of the target.
    fn check(&self, proxy: &ProxySettings) {
        for url in &self.urls {
            self.check_echo(url, proxy);
        }
        let error = self.connect(&self.wrong.1, proxy).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Certificate, Stage::Tls),
            "{proxy}: {error}"
        );
    }

    fn check_echo(&self, url: &str, proxy: &ProxySettings) {
        let mut client = self
            .connect(url, proxy)
            .unwrap_or_else(|error| panic!("{proxy}: {error}"));
        assert_eq!(client.peer_address().unwrap().port(), proxy.port());
        assert_eq!(client.tls_version().is_some(), url.starts_with("wss:"));
        for size in SIZES {
            let data = payload::binary(size, size);
            client.send_binary(&data).unwrap();
            let answer = client.receive(TIMEOUT).unwrap();
            assert!(
                answer == Some(Message::Binary(data)),
                "{proxy} {url} {size}"
            );
        }
        client.send_text("привет").unwrap();
        let answer = client.receive(TIMEOUT).unwrap();
        assert_eq!(answer, Some(Message::Text("привет".into())));
        client.close(CloseCode::NORMAL, "done").unwrap();
    }

    /// Why `proxy` does not let us through to a target that is there.
    fn refused(&self, proxy: &ProxySettings) -> Error {
        let error = self.connect(&self.urls[0], proxy).unwrap_err();
        assert_eq!(error.stage(), Stage::Proxy, "{error}");
        assert!(error.to_string().contains(&proxy.to_string()), "{error}");
        error
    }

    fn check_logins(&self, proxy: &ProxySettings) {
        self.check(&proxy.clone().login(LOGIN, PASSWORD));
        for (proxy, text) in [
            (proxy.clone(), "it wants a login, and none was given"),
            (
                proxy.clone().login(LOGIN, "wrong-word"),
                "wrong login or password",
            ),
            (
                proxy.clone().login("nobody", PASSWORD),
                "wrong login or password",
            ),
        ] {
            let error = self.refused(&proxy);
            assert_eq!(error.kind(), ErrorKind::ProxyAuth, "{error}");
            assert_eq!(error.error_code(), "proxy_auth");
            assert!(error.to_string().ends_with(text), "{error}");
        }
    }
}

fn local(kind: ProxyKind, port: u16) -> ProxySettings {
    ProxySettings::new(kind, "127.0.0.1", port)
}

#[test]
fn microsocks_without_and_with_a_login() {
    let targets = Targets::new();
    let proxy = proxy::microsocks(false);
    targets.check(&local(ProxyKind::Socks5, proxy.port));
    // A login that nobody asks for does no harm.
    targets.check(&local(ProxyKind::Socks5, proxy.port).login(LOGIN, PASSWORD));
    let proxy = proxy::microsocks(true);
    targets.check_logins(&local(ProxyKind::Socks5, proxy.port));
}

#[test]
fn dante_as_socks5_and_socks4() {
    let targets = Targets::new();
    let (blocked, closed) = (free_port(), free_port());
    let proxy = proxy::dante(blocked);
    for kind in [ProxyKind::Socks5, ProxyKind::Socks4] {
        targets.check(&local(kind, proxy.port));
    }
    // Dante knows no names in SOCKS4; what 4a makes of an address it does know.
    let by_address = targets.urls[0].replace("localhost", "127.0.0.1");
    targets.check_echo(&by_address, &local(ProxyKind::Socks4a, proxy.port));
    let through = |port, kind| {
        let url = format!("ws://127.0.0.1:{port}/");
        let error = targets.connect(&url, &local(kind, proxy.port)).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Proxy, Stage::Proxy)
        );
        error.to_string()
    };
    let forbidden = through(blocked, ProxyKind::Socks5);
    assert!(
        forbidden.ends_with("its rules do not allow the connection"),
        "{forbidden}"
    );
    let refused = through(closed, ProxyKind::Socks5);
    assert!(
        refused.ends_with("it has not reached the target: connection refused"),
        "{refused}"
    );
    let refused = through(closed, ProxyKind::Socks4);
    assert!(refused.ends_with("request rejected or failed"), "{refused}");
}

#[test]
fn tinyproxy_without_and_with_a_login() {
    let targets = Targets::new();
    let proxy = proxy::tinyproxy(false);
    let settings = local(ProxyKind::Http, proxy.port);
    targets.check(&settings);
    let url = format!("ws://127.0.0.1:{}/", free_port());
    let error = targets.connect(&url, &settings).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Proxy, Stage::Proxy)
    );
    assert!(error.hint().is_some(), "{error}");
    let proxy = proxy::tinyproxy(true);
    targets.check_logins(&local(ProxyKind::Http, proxy.port));
}

#[test]
fn squid_with_a_login_plain_and_inside_tls() {
    let targets = Targets::new();
    let identity = targets.authority.issue(&["127.0.0.1"]);
    let proxy = proxy::squid(&identity);
    targets.check_logins(&local(ProxyKind::Http, proxy.port));

    let trusted = targets.authority.trusted();
    let encrypted = local(ProxyKind::Https, proxy.tls_port).tls(trusted);
    targets.check_logins(&encrypted);
    // Without settings of its own a proxy is trusted as the target is, when that one has settings.
    let plain = local(ProxyKind::Https, proxy.tls_port).login(LOGIN, PASSWORD);
    targets.connect(&targets.urls[1], &plain).unwrap();

    let url = format!("ws://127.0.0.1:{}/", free_port());
    let settings = local(ProxyKind::Http, proxy.port).login(LOGIN, PASSWORD);
    let error = targets.connect(&url, &settings).unwrap_err();
    assert_eq!(
        (error.kind(), error.stage()),
        (ErrorKind::Proxy, Stage::Proxy)
    );
    let text = error.to_string();
    assert!(
        text.contains("it has not reached the target and answered 503"),
        "{text}"
    );

    // A proxy is verified too, under its own name.
    let other = Authority::new("Other");
    let stranger = encrypted.tls(TlsSettings::new().ca_file(other.file()));
    let error = targets.refused(&stranger);
    assert_eq!(error.kind(), ErrorKind::Certificate, "{error}");
}

#[test]
fn what_is_no_proxy_and_what_is_the_wrong_kind_is_told() {
    let targets = Targets::new();
    let port = |url: &str| -> u16 {
        let (_, port) = url.rsplit_once(':').unwrap();
        port.trim_end_matches('/').parse().unwrap()
    };
    let (plain, tls) = (port(&targets.urls[0]), port(&targets.urls[1]));
    let socks = proxy::microsocks(false);
    let http = proxy::tinyproxy(false);
    for settings in [
        local(ProxyKind::Http, plain),
        local(ProxyKind::Http, tls),
        local(ProxyKind::Http, socks.port),
        local(ProxyKind::Https, plain),
        local(ProxyKind::Socks4a, tls),
        local(ProxyKind::Socks4a, socks.port),
        local(ProxyKind::Http, free_port()),
        local(ProxyKind::Socks5, free_port()),
    ] {
        let error = targets.refused(&settings);
        assert_eq!(error.kind(), ErrorKind::Proxy, "{settings}: {error}");
        assert!(error.hint().is_some(), "{settings}: {error}");
    }
    // These wait for the end of a line or record, so the deadline is what ends it.
    let hurried = Config::default().connect_timeout(Duration::from_secs(2));
    for settings in [
        local(ProxyKind::Socks5, plain),
        local(ProxyKind::Socks5, tls),
        local(ProxyKind::Socks5, http.port),
        local(ProxyKind::Socks4a, http.port),
        local(ProxyKind::Https, http.port),
    ] {
        let request = ConnectRequest::new(&targets.urls[0]).unwrap();
        let request = request.proxy(settings.clone()).config(hurried.clone());
        let error = Client::connect_with(&request).unwrap_err();
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Timeout, Stage::Proxy)
        );
        let text = error.to_string();
        assert!(text.contains(&settings.to_string()), "{text}");
        assert!(text.contains("not done within 2 s"), "{text}");
    }
}
