use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

use super::*;

mod records;

/// An authority that issues certificates while the test runs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::called("Test Authority")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn certificates(&self) -> Certificates {
        Certificates::from_pem(self.0.pem().as_bytes()).unwrap()
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity::from_pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    fn identity(&self, name: &str) -> Identity {
        self.issue(CertificateParams::new([name.to_owned()]).unwrap())
    }
}

/// Both ends, what each has said and read, and how many bytes pass at a time.
struct Link {
    client: Tls,
    server: Tls,
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    at_server: Vec<u8>,
    at_client: Vec<u8>,
    piece: usize,
}

impl Link {
    fn new(client: &ClientTls, name: &str, server: &ServerTls, piece: usize) -> Self {
        let mut link = Self {
            client: Tls::client(client, name).unwrap(),
            server: Tls::server(server).unwrap(),
            to_server: Vec::new(),
            to_client: Vec::new(),
            at_server: Vec::new(),
            at_client: Vec::new(),
            piece,
        };
        link.client.send(b"", &mut link.to_server).unwrap();
        link
    }

    /// Passes bytes until none is under way: what the client and the server then think.
    fn run(&mut self) -> (Result<(), TlsError>, Result<(), TlsError>) {
        let (mut client, mut server) = (Ok(()), Ok(()));
        while !self.to_server.is_empty() || !self.to_client.is_empty() {
            let bytes: Vec<u8> = self
                .to_server
                .drain(..self.piece.min(self.to_server.len()))
                .collect();
            server = self
                .server
                .receive(&bytes, &mut self.at_server, &mut self.to_client);
            let bytes: Vec<u8> = self
                .to_client
                .drain(..self.piece.min(self.to_client.len()))
                .collect();
            client = self
                .client
                .receive(&bytes, &mut self.at_client, &mut self.to_server);
        }
        (client, server)
    }
}

fn trusting(authority: &Authority) -> ClientTls {
    ClientTls::new(&authority.certificates(), None).unwrap()
}

fn showing(identity: Identity) -> ServerTls {
    ServerTls::new(&[identity], &ClientCertificates::Ignored).unwrap()
}

#[test]
fn bytes_pass_both_ways_under_any_chunking() {
    let authority = Authority::new();
    let server = showing(authority.identity("example.test"));
    for piece in [1, 7, 4096, usize::MAX] {
        let mut link = Link::new(&trusting(&authority), "example.test", &server, piece);
        assert!(link.client.is_handshaking());
        assert_eq!(link.run(), (Ok(()), Ok(())));
        assert!(!link.client.is_handshaking() && !link.server.is_handshaking());
        assert_eq!(link.client.version(), Some("TLS 1.3"));
        assert_eq!(link.server.server_name(), Some("example.test"));
        let size = if piece == 1 { 20_000 } else { 300_000 };
        let data: Vec<u8> = (0..size).map(|i: u32| i.to_le_bytes()[0]).collect();
        link.client.send(&data, &mut link.to_server).unwrap();
        link.server.send(&data[1..], &mut link.to_client).unwrap();
        assert_eq!(link.run(), (Ok(()), Ok(())));
        assert!(
            link.at_server == data && link.at_client == data[1..],
            "pieces of {piece}"
        );
    }
}

#[test]
fn what_is_sent_early_follows_the_handshake() {
    let authority = Authority::new();
    let mut link = Link::new(
        &trusting(&authority),
        "a.test",
        &showing(authority.identity("a.test")),
        50,
    );
    link.client.send(b"GET /", &mut link.to_server).unwrap();
    assert_eq!(link.run(), (Ok(()), Ok(())));
    assert_eq!(link.at_server, b"GET /");
}

/// close_notify or none
#[test]
fn an_end_without_close_notify_is_told_from_a_clean_one() {
    let authority = Authority::new();
    let mut link = Link::new(
        &trusting(&authority),
        "a.test",
        &showing(authority.identity("a.test")),
        usize::MAX,
    );
    assert_eq!(link.run(), (Ok(()), Ok(())));
    let cut = (link.client.is_cut_by_eof(), link.server.is_cut_by_eof());
    assert_eq!(cut, (true, true), "an end without close_notify is a cut");
    link.client.send(b"last", &mut link.to_server).unwrap();
    link.client.close(&mut link.to_server);
    assert_eq!(link.run(), (Ok(()), Ok(())));
    assert!(!link.server.is_cut_by_eof() && link.server.close_received());
    assert_eq!(link.at_server, b"last");
    assert!(link.client.is_cut_by_eof(), "the server has not closed");
}

/// each refused before a byte of plaintext, with its reason
#[test]
fn bad_certificates_are_refused_with_their_reason() {
    let authority = Authority::new();
    let dated = |from: i32, to: i32| {
        let mut params = CertificateParams::new(["good.test".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        authority.issue(params)
    };
    let table = [
        (authority.identity("other.test"), "not for this host name"),
        (authority.identity("*.good.test"), "not for this host name"),
        (
            Authority::called("Stranger").identity("good.test"),
            "not among the trusted authorities",
        ),
        (dated(2000, 2001), "has expired"),
        (dated(2090, 2099), "not valid yet"),
    ];
    for (identity, why) in table {
        let mut link = Link::new(
            &trusting(&authority),
            "good.test",
            &showing(identity),
            usize::MAX,
        );
        link.client.send(b"secret", &mut link.to_server).unwrap();
        let (client, _) = link.run();
        let error = client.expect_err(why);
        assert!(
            error.is_certificate() && error.to_string().contains(why),
            "{error}"
        );
        assert!(error.hint().is_some());
        assert_eq!(link.at_server, b"", "nothing was sent to the wrong server");
        assert_eq!(
            link.client.send(b"x", &mut Vec::new()),
            Err(error),
            "the error is for ever"
        );
    }
}

/// What `openssl req -x509` makes, and many a server shows.
#[test]
fn an_authoritys_certificate_shown_as_a_servers_own_is_called_that() {
    let mut params = CertificateParams::new(["good.test".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let identity = Identity::from_pem(pem.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let client = ClientTls::new(&Certificates::from_pem(pem.as_bytes()).unwrap(), None).unwrap();
    let (client, _) = Link::new(&client, "good.test", &showing(identity), usize::MAX).run();
    let error = client.expect_err("webpki refuses it");
    assert!(
        error.is_certificate() && error.to_string().contains("CA:TRUE"),
        "{error}"
    );
}

#[test]
fn verification_is_off_only_where_asked_for() {
    let stranger = showing(Authority::new().identity("whoever.test"));
    let careless = ClientTls::dangerous_without_verification(None).unwrap();
    assert!(!careless.verifies());
    let mut link = Link::new(&careless, "good.test", &stranger, usize::MAX);
    assert_eq!(link.run(), (Ok(()), Ok(())));
    assert!(
        ClientTls::new(&Certificates::default(), None).is_err(),
        "no roots is not any root"
    );
}

#[test]
fn the_certificate_follows_the_name_asked_for() {
    let authority = Authority::new();
    let identities = [
        authority.identity("first.test"),
        authority.identity("second.test"),
    ];
    let server = ServerTls::new(&identities, &ClientCertificates::Ignored).unwrap();
    for name in ["first.test", "second.test"] {
        let mut link = Link::new(&trusting(&authority), name, &server, usize::MAX);
        assert_eq!(link.run(), (Ok(()), Ok(())), "{name}");
    }
    let mut link = Link::new(&trusting(&authority), "third.test", &server, usize::MAX);
    assert!(
        link.run().0.is_err_and(|error| error.is_certificate()),
        "the first is shown, and refused"
    );
}

#[test]
fn addresses_are_names_too() {
    let authority = Authority::new();
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")] {
        let mut link = Link::new(
            &trusting(&authority),
            host,
            &showing(authority.identity(name)),
            usize::MAX,
        );
        assert_eq!(link.run(), (Ok(()), Ok(())), "{host}");
        assert_eq!(link.server.server_name(), None, "an address is no SNI");
    }
    let error = Tls::client(&trusting(&authority), "not a name").expect_err("refused");
    assert_eq!(error, TlsError::InvalidServerName);
}

#[test]
fn client_certificates_are_asked_for_as_configured() {
    let authority = Authority::new();
    let identity = || authority.identity("a.test");
    let with = ClientTls::new(&authority.certificates(), Some(&identity())).unwrap();
    let bad = ClientTls::new(
        &authority.certificates(),
        Some(&Authority::called("Stranger").identity("x.test")),
    )
    .unwrap();
    let without = trusting(&authority);
    let (optional, required) = (
        ClientCertificates::Optional(authority.certificates()),
        ClientCertificates::Required(authority.certificates()),
    );
    let table = [
        (&optional, &without, true, false),
        (&optional, &with, true, true),
        (&optional, &bad, false, false),
        (&required, &without, false, false),
        (&required, &with, true, true),
        (&required, &bad, false, false),
    ];
    for (clients, client, accepted, shown) in table {
        let server = ServerTls::new(&[identity()], clients).unwrap();
        let mut link = Link::new(client, "a.test", &server, usize::MAX);
        let (_, at_server) = link.run();
        assert_eq!(at_server.is_ok(), accepted, "{clients:?} {at_server:?}");
        if accepted {
            assert_eq!(link.server.has_peer_certificate(), shown);
        } else {
            let told = link
                .client
                .receive(b"", &mut Vec::new(), &mut Vec::new())
                .expect_err("an alert came");
            assert!(matches!(told, TlsError::ClientCertificate(_)), "{told:?}");
        }
    }
}

#[test]
fn a_peer_that_speaks_something_else_is_called_that() {
    let authority = Authority::new();
    let mut client = Tls::client(&trusting(&authority), "a.test").unwrap();
    let mut output = Vec::new();
    client.send(b"", &mut output).unwrap();
    let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
    assert_eq!(
        client.receive(answer, &mut Vec::new(), &mut output),
        Err(TlsError::NotTls)
    );
    let mut server = Tls::server(&showing(authority.identity("a.test"))).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_eq!(
        server.receive(request, &mut Vec::new(), &mut output),
        Err(TlsError::NotTls)
    );
}

#[test]
fn unusable_pem_says_what_is_missing() {
    let key = KeyPair::generate().unwrap().serialize_pem();
    let authority = Authority::new();
    let certificate = authority.0.pem();
    assert_eq!(
        Certificates::from_pem(b"no pem").err(),
        Some(TlsConfigError::NoCertificate)
    );
    assert_eq!(
        Identity::from_pem(key.as_bytes(), key.as_bytes()).err(),
        Some(TlsConfigError::NoCertificate)
    );
    assert_eq!(
        Identity::from_pem(certificate.as_bytes(), certificate.as_bytes()).err(),
        Some(TlsConfigError::NoPrivateKey)
    );
    let misfit = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).err();
    assert!(
        matches!(misfit, Some(TlsConfigError::Unusable(_))),
        "{misfit:?}"
    );
    let broken = b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        Certificates::from_pem(broken).err(),
        Some(TlsConfigError::InvalidPem(_))
    ));
}

/// Keys of AES-GCM are used up after 2²⁴ records, these after eight.
#[test]
fn what_used_up_keys_do_not_encrypt_is_an_error() {
    use std::sync::OnceLock;

    use rustls::{
        CipherSuiteCommon, SupportedCipherSuite, Tls12CipherSuite, crypto::ring::cipher_suite,
    };
    static SUITE: OnceLock<Tls12CipherSuite> = OnceLock::new();
    let SupportedCipherSuite::Tls12(whole) = cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
    else {
        panic!("a suite of TLS 1.2");
    };
    let limited = SUITE.get_or_init(|| Tls12CipherSuite {
        common: CipherSuiteCommon {
            confidentiality_limit: 8,
            ..whole.common
        },
        ..*whole
    });
    let provider = rustls::crypto::CryptoProvider {
        cipher_suites: vec![SupportedCipherSuite::Tls12(limited)],
        ..rustls::crypto::ring::default_provider()
    };
    let authority = Authority::new();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(authority.certificates().to_root_store().unwrap())
        .with_no_client_auth();
    let client = ClientTls::from(Arc::new(config));
    let server = showing(authority.identity("a.test"));
    let mut link = Link::new(&client, "a.test", &server, usize::MAX);
    assert_eq!(link.run(), (Ok(()), Ok(())));
    let sent = (0..100).take_while(|_| link.client.send(b"x", &mut link.to_server).is_ok());
    let sent = sent.count();
    assert_eq!(link.run(), (Ok(()), Ok(())));
    assert_eq!(
        link.at_server.len(),
        sent,
        "messages that were said to be sent"
    );
    let more = link.client.send(b"x", &mut link.to_server);
    assert_eq!(more, Err(TlsError::KeysUsedUp));
    assert!(link.server.close_received());
    link.server.send(b"last", &mut link.to_client).unwrap();
    assert_eq!(link.run(), (Ok(()), Ok(())));
    assert_eq!(link.at_client, b"last");
}
