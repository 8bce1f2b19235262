//! 200 connections, all open before the first message; each sends 100 messages of different sizes while the others do,
//! and every echo is compared byte by byte.

use std::{
    sync::{Barrier, Mutex, PoisonError},
    thread,
};

use ws_client::{Client, CloseCode, Config, ConnectRequest};
use ws_tests::{payload::Payload, process::Process, wait::TIMEOUT};

use crate::support::{client, peer::Peer};

const CONNECTIONS: usize = 200;
const MESSAGES: usize = 100;

/// Each of these tests holds hundreds of open files in this process, and 1,024 is a common limit.
static ALONE: Mutex<()> = Mutex::new(());

/// One thread for each connection: the client blocks, and 200 calls run at once.
fn check_with_our_clients(url: &str) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    // 200 threads on two cores: the last one may wait for its turn.
    let config = Config::default()
        .connect_timeout(TIMEOUT)
        .send_timeout(TIMEOUT)
        .close_timeout(TIMEOUT);
    let request = ConnectRequest::new(url).unwrap().config(config);
    let all_open = Barrier::new(CONNECTIONS);
    thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            let (all_open, request) = (&all_open, &request);
            scope.spawn(move || {
                let client = Client::connect_with(request);
                // Before the unwrap: one that failed must not leave the others waiting.
                all_open.wait();
                exchange(&mut client.unwrap(), connection);
            });
        }
    });
}

fn exchange(client: &mut Client, connection: usize) {
    // All are sent before the first echo is read: the client has to take in what comes meanwhile.
    for number in 0..MESSAGES {
        client::send(client, &Payload::varied(connection, number));
    }
    for number in 0..MESSAGES {
        client::expect_echo(client, &Payload::varied(connection, number));
    }
    client.close(CloseCode::NORMAL, "").unwrap();
}

fn check_with_their_clients(peer: Peer) {
    let (_server, url) = Process::echo_server();
    peer.check_echo(
        &url,
        &[
            "concurrent",
            &CONNECTIONS.to_string(),
            &MESSAGES.to_string(),
        ],
    );
}

#[test]
fn our_clients_and_our_server() {
    let (_server, url) = Process::echo_server();
    check_with_our_clients(&url);
}

#[test]
fn our_clients_and_a_python_server() {
    let (_server, url) = Peer::Python.echo_server();
    check_with_our_clients(&url);
}

#[test]
fn our_clients_and_a_node_server() {
    let (_server, url) = Peer::Node.echo_server();
    check_with_our_clients(&url);
}

#[test]
fn python_clients_and_our_server() {
    check_with_their_clients(Peer::Python);
}

#[test]
fn node_clients_and_our_server() {
    check_with_their_clients(Peer::Node);
}
