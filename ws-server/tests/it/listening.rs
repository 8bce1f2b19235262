//! Ports and addresses.

use std::{net::TcpListener, time::Duration};

use ws_server::{Config, ErrorKind, Server};

use crate::{
    peer::{Got, Peer},
    recorder::{Record, Recorder, start},
};

#[test]
fn a_second_server_on_a_used_port_fails_and_says_so() {
    let (server, _) = start(Config::default());
    let address = server.local_addr();
    assert_ne!(address.port(), 0);
    let error = Server::bind(address, Config::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PortInUse);
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {address}: the port is in use")
    );
    // The first one is unharmed.
    Peer::open(address);
}

#[test]
fn the_port_is_free_when_stop_returns() {
    let (mut server, _) = start(Config::default());
    let address = server.local_addr();
    let mut peer = Peer::open(address);
    for _ in 0..20 {
        let client = std::thread::spawn(move || {
            assert_eq!(peer.next(), Got::Close(1001, "the server stops".into()));
            assert_eq!(peer.next(), Got::End);
        });
        server.stop(Duration::from_secs(5)).unwrap();
        client.join().unwrap();
        // No SO_REUSEPORT, and connections of the last server may still be in TIME_WAIT.
        let record = Record::default();
        let again = Server::bind(address, Config::default()).unwrap();
        server = again
            .spawn(|_| Recorder {
                record: record.clone(),
            })
            .unwrap();
        peer = Peer::open(address);
    }
}

#[test]
fn reuse_port_lets_two_servers_share_a_port() {
    let config = || Config::default().reuse_port(true);
    let first = Server::bind("127.0.0.1:0", config()).unwrap();
    let second = Server::bind(first.local_addr(), config());
    assert_eq!(second.is_ok(), cfg!(unix));
}

#[test]
fn bad_addresses_are_errors() {
    for (address, kind) in [
        ("127.0.0.1", ErrorKind::Address),
        ("127.0.0.1:99999", ErrorKind::Address),
        ("192.0.2.1:0", ErrorKind::Address),
    ] {
        let error = Server::bind(address, Config::default()).unwrap_err();
        assert_eq!(error.kind(), kind, "{address}: {error:?}");
        assert!(error.to_string().contains(address), "{error}");
        assert!(error.hint().is_some());
    }
}

#[test]
fn an_ipv4_peer_of_the_wildcard_is_reported_as_ipv4() {
    let record = Record::default();
    let server = Server::bind("[::]:0", Config::default()).unwrap();
    let port = server.local_addr().port();
    let server = server
        .spawn(|_| Recorder {
            record: record.clone(),
        })
        .unwrap();
    let mut peer = Peer::open(([127, 0, 0, 1], port).into());
    peer.send_text("address");
    let local = peer.stream.local_addr().unwrap();
    assert_eq!(peer.next(), Got::Text(local.to_string()));
    assert!(TcpListener::bind(("127.0.0.1", port)).is_err());
    drop(server);
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
}
