//! A host program that leaves SIGPIPE at its default, as 1C does: writing to a reset connection may end it.
//!
//! `sigpipe_host prove` writes in the one way that raises the signal, and dies of it: the proof that this host would
//! notice. `sigpipe_host ROUNDS` resets connections under our client and our server, plain and over TLS, and lives.
#![allow(clippy::print_stdout, reason = "the figures are the purpose")]

use std::{
    env,
    io::{IoSlice, Write},
    net::{TcpListener, TcpStream},
};

use socket2::SockRef;
use ws_client::{Client, ConnectRequest, TlsSettings};
use ws_server::{Config, Server};
use ws_tests::{
    echo::TestCertificate,
    rude::{BLOCK, BLOCKS, Rude},
    wait::TIMEOUT,
};

fn main() {
    // Rust programs start with SIGPIPE ignored; hosts do not.
    sigpipe::reset();
    let argument = env::args().nth(1).unwrap_or_default();
    if argument == "prove" {
        return prove();
    }
    let rounds: usize = argument
        .parse()
        .unwrap_or_else(|_| panic!("usage: sigpipe_host prove|ROUNDS"));
    let certificate = TestCertificate::new(&["localhost"]);
    let mut refused = 0;
    for tls in [None, Some(certificate.server())] {
        let scheme = if tls.is_some() { "wss" } else { "ws" };
        let mut config = Config::default();
        if let Some(tls) = tls {
            config = config.tls(tls);
        }
        let server = Server::bind("127.0.0.1:0", config).unwrap_or_else(|error| panic!("{error}"));
        let address = format!("{scheme}://localhost:{}", server.local_addr().port());
        let running = server
            .spawn(|_| Rude)
            .unwrap_or_else(|error| panic!("{error}"));
        for _ in 0..rounds {
            refused += usize::from(reset_by_server(&address));
            reset_by_client(&address);
        }
        drop(running);
    }
    println!(
        "{refused} of {} clients were told that their peer is gone",
        2 * rounds
    );
}

/// A vectored write of std is `writev`, which raises the signal.
fn prove() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let address = listener
        .local_addr()
        .unwrap_or_else(|error| panic!("{error}"));
    let mut stream = TcpStream::connect(address).unwrap_or_else(|error| panic!("{error}"));
    let (peer, _) = listener.accept().unwrap_or_else(|error| panic!("{error}"));
    let linger = SockRef::from(&peer).set_linger(Some(std::time::Duration::ZERO));
    linger.unwrap_or_else(|error| panic!("{error}"));
    drop(peer);
    // The first may be taken before the reset has come; a later one cannot.
    for _ in 0..1000 {
        let _ = stream.write_vectored(&[IoSlice::new(b"to"), IoSlice::new(b"nobody")]);
    }
    println!("this host does not notice");
}

fn connect(address: &str) -> Client {
    let tls = TlsSettings::new().danger_accept_invalid_certs(true);
    let request = ConnectRequest::new(address).unwrap_or_else(|error| panic!("{error}"));
    let request = if address.starts_with("wss") {
        request.tls(tls)
    } else {
        request
    };
    Client::connect_with(&request).unwrap_or_else(|error| panic!("{error}"))
}

/// The server drops the connection while the client sends; whether the client noticed.
fn reset_by_server(address: &str) -> bool {
    let mut client = connect(address);
    let mut sent = client.send_text("abort");
    for _ in 0..BLOCKS {
        sent = sent.and_then(|()| client.send_binary(&BLOCK));
    }
    // Once more after the error, and the closing handshake: these write, too, if anything does.
    let again = client.send_binary(&BLOCK);
    let _ = client.close(ws_core::CloseCode::NORMAL, "");
    sent.is_err() || again.is_err() || client.receive(TIMEOUT).is_err()
}

/// The client goes away with much unread, while the server sends.
fn reset_by_client(address: &str) {
    let mut client = connect(address);
    let sent = client.send_text("flood");
    sent.unwrap_or_else(|error| panic!("{error}"));
    let first = client.receive(TIMEOUT);
    assert!(matches!(first, Ok(Some(_))), "{first:?}");
}
