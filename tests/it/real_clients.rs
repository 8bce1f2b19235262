//! `ws serve --echo` as clients see it that we did not write.

use ws_tests::process::Process;

use crate::support::peer::Peer;

fn check_all(client: Peer) {
    let (_server, url) = Process::echo_server();
    client.check_echo(&url, &["sizes"]);
    client.check_echo(&url, &["fragments"]);
    client.check_echo(&url, &["pings"]);
}

/// 1 B to 16 MiB, text and binary, whole and in fragments; pings of every size.
#[test]
fn python_gets_every_echo() {
    check_all(Peer::Python);
}

/// 1 B to 16 MiB, text and binary, whole and in fragments; pings of every size.
#[test]
fn node_gets_every_echo() {
    check_all(Peer::Node);
}
