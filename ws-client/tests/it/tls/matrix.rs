//! Every bad certificate over every way to the server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CidrSubnet, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints, SanType,
};
use ws_client::{Client, ConnectRequest, Error, ErrorKind, ProxyKind, ProxySettings, Stage};
use ws_core::tls::{ClientCertificates, Identity, ServerTls, Tls};

use super::{Authority, echo, named, serve_tls, showing};

/// A proxy that opens tunnels to `target`, whatever it is asked for, until the process ends. By HTTPS it shows a good
/// certificate of `authority`.
fn proxy(kind: ProxyKind, authority: &Authority, target: u16) -> ProxySettings {
    let mut port = listen(move |stream| tunnel(stream, kind, target));
    if kind == ProxyKind::Https {
        let (tls, plain) = (authority.server(), port);
        port = listen(move |stream| decrypt(stream, &tls, plain));
    }
    ProxySettings::new(kind, "127.0.0.1", port)
}

/// Serves every connection in a thread of its own. A SOCKS dial makes one before, to see whether anybody listens.
fn listen(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, serve) = (stream.unwrap(), Arc::clone(&serve));
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Passes what comes encrypted on to a port of this machine, and encrypts what comes back.
fn decrypt(near: TcpStream, tls: &ServerTls, plain: u16) -> io::Result<()> {
    let far = TcpStream::connect(("127.0.0.1", plain))?;
    // Whoever has the lock writes what it has encrypted before anybody else does.
    let near_out = Arc::new(Mutex::new((near.try_clone()?, Tls::server(tls).unwrap())));
    let (mut near, mut far_out) = (near, far.try_clone()?);
    let back = {
        let (mut far, near_out) = (far, Arc::clone(&near_out));
        thread::spawn(move || -> io::Result<()> {
            let mut bytes = [0; 4096];
            loop {
                let count = far.read(&mut bytes)?;
                let (near, tls) = &mut *near_out.lock().unwrap();
                let mut output = Vec::new();
                if count == 0 {
                    tls.close(&mut output);
                    near.write_all(&output)?;
                    return near.shutdown(Shutdown::Write);
                }
                let sent = tls.send(&bytes[..count], &mut output);
                sent.map_err(io::Error::other)?;
                near.write_all(&output)?;
            }
        })
    };
    let mut bytes = [0; 4096];
    loop {
        let count = near.read(&mut bytes)?;
        if count == 0 {
            break;
        }
        let (mut plaintext, mut output) = (Vec::new(), Vec::new());
        let (near, tls) = &mut *near_out.lock().unwrap();
        let received = tls.receive(&bytes[..count], &mut plaintext, &mut output);
        near.write_all(&output)?;
        far_out.write_all(&plaintext)?;
        received.map_err(io::Error::other)?;
    }
    far_out.shutdown(Shutdown::Write)?;
    let _ = back.join();
    Ok(())
}

fn tunnel(mut near: TcpStream, kind: ProxyKind, target: u16) -> io::Result<()> {
    let answers: &[&[u8]] = match kind {
        ProxyKind::Http | ProxyKind::Https => &[b"HTTP/1.1 200 OK\r\n\r\n"],
        ProxyKind::Socks5 => &[b"\x05\x00", b"\x05\x00\x00\x01\0\0\0\0\0\0"],
        _ => &[b"\x00\x5a\0\0\0\0\0\0"],
    };
    for answer in answers {
        if near.read(&mut [0; 1024])? == 0 {
            return Ok(());
        }
        near.write_all(answer)?;
    }
    let mut far = TcpStream::connect(("127.0.0.1", target))?;
    let (mut near_out, mut far_in) = (near.try_clone()?, far.try_clone()?);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut far_in, &mut near_out);
        near_out.shutdown(Shutdown::Write)
    });
    io::copy(&mut near, &mut far)?;
    far.shutdown(Shutdown::Write)?;
    let _ = back.join();
    Ok(())
}

const WAYS: [Option<ProxyKind>; 6] = [
    None,
    Some(ProxyKind::Http),
    Some(ProxyKind::Https),
    Some(ProxyKind::Socks5),
    Some(ProxyKind::Socks4),
    Some(ProxyKind::Socks4a),
];

/// An authority below `above`.
fn intermediate(
    above: &Authority,
    change: impl FnOnce(&mut CertificateParams),
) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "Between");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    change(&mut params);
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &above.issuer).unwrap()
}

/// A certificate for the loopback address that `between` has signed, shown with or without it.
fn below(between: &CertifiedIssuer<'static, KeyPair>, shows_both: bool) -> Identity {
    let key = KeyPair::generate().unwrap();
    let leaf = named("127.0.0.1").signed_by(&key, between).unwrap();
    let mut chain = leaf.pem();
    if shows_both {
        chain.push_str(&between.pem());
    }
    Identity::from_pem(chain.as_bytes(), key.serialize_pem().as_bytes()).unwrap()
}

/// Fourteen certificates that a server at 127.0.0.1 must not be believed with.
fn bad(ours: &Authority) -> [(&'static str, Identity); 14] {
    let changed = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = named("127.0.0.1");
        change(&mut params);
        ours.identity(params)
    };
    let dated = |from, to| {
        changed(&|params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(to, 1, 1);
        })
    };
    let named_as = |names: &[SanType]| {
        let names = names.to_vec();
        changed(&move |params| {
            params.subject_alt_names.clone_from(&names);
            params
                .distinguished_name
                .push(DnType::CommonName, "127.0.0.1");
        })
    };
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let key = KeyPair::generate().unwrap();
    let alone = named("127.0.0.1").self_signed(&key).unwrap().pem();
    let alone = Identity::from_pem(alone.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    let no_subtree = GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([127, 0, 0, 0], 8));
    let constraints = NameConstraints {
        permitted_subtrees: Vec::new(),
        excluded_subtrees: vec![no_subtree],
    };
    [
        ("another address", ours.identity(named("127.0.0.2"))),
        ("a host name", ours.identity(named("localhost"))),
        ("the address as a host name", named_as(&[dns("127.0.0.1")])),
        ("a wildcard over the address", named_as(&[dns("*.0.0.1")])),
        ("the common name alone", named_as(&[])),
        (
            "an authority that nobody knows",
            Authority::new("Stranger").identity(named("127.0.0.1")),
        ),
        (
            "an authority with the name of ours",
            Authority::new("Ours").identity(named("127.0.0.1")),
        ),
        ("signed by itself", alone),
        ("expired", dated(2000, 2001)),
        ("not valid yet", dated(2090, 2099)),
        (
            "an authority's",
            changed(&|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)),
        ),
        (
            "for clients only",
            changed(&|params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }),
        ),
        (
            "what signed it is not shown",
            below(&intermediate(ours, |_| {}), false),
        ),
        (
            "what signed it may not sign for this address",
            below(
                &intermediate(ours, |params| params.name_constraints = Some(constraints)),
                true,
            ),
        ),
    ]
}

/// 14 bad certificates directly and through every kind of proxy, 84 times refused, and not a byte of HTTP sent.
#[test]
fn no_way_to_a_server_makes_a_bad_certificate_good() {
    let ours = Authority::new("Ours");
    let settings = ours.settings();
    let (mut refused, mut silent) = (0, 0);
    for (what, identity) in bad(&ours) {
        for way in WAYS {
            let tls = showing(identity.clone(), ClientCertificates::Ignored);
            let server = serve_tls(tls, echo);
            let port = server.url.rsplit_once(':').unwrap().1.parse().unwrap();
            let mut request = ConnectRequest::new(&server.url)
                .unwrap()
                .tls(settings.clone());
            if let Some(kind) = way {
                request = request.proxy(proxy(kind, &ours, port));
            }
            let error = Client::connect_with(&request).expect_err(what);
            let is_certificate =
                (error.kind(), error.stage()) == (ErrorKind::Certificate, Stage::Tls);
            assert!(is_certificate, "{what} by way of {way:?}: {error}");
            refused += 1;
            silent += usize::from(server.join().is_err());
        }
    }
    assert_eq!(
        (refused, silent),
        (84, 84),
        "connections refused, and servers that were told nothing, of 14 certificates by 6 ways"
    );
}

/// through a proxy the name is the target's, not the proxy's.
#[test]
fn a_proxy_vouches_for_nobody() {
    let ours = Authority::new("Ours");
    // What an HTTPS proxy shows is good for 127.0.0.1.
    for kind in [
        ProxyKind::Http,
        ProxyKind::Https,
        ProxyKind::Socks5,
        ProxyKind::Socks4a,
    ] {
        for (name, is_trusted) in [("target.test", true), ("127.0.0.1", false)] {
            let identity = ours.identity(named(name));
            let server = serve_tls(showing(identity, ClientCertificates::Ignored), echo);
            let port = server.url.rsplit_once(':').unwrap().1.parse().unwrap();
            let request = ConnectRequest::new("wss://target.test/")
                .unwrap()
                .tls(ours.settings())
                .proxy(proxy(kind, &ours, port));
            let result = Client::connect_with(&request).map(drop);
            assert_eq!(
                result.as_ref().map_err(Error::kind).err(),
                (!is_trusted).then_some(ErrorKind::Certificate),
                "a certificate for {name} of a target behind {kind}"
            );
            assert_eq!(server.join().is_ok(), is_trusted);
        }
    }
}
