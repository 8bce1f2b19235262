//! The peers among themselves: what they find in our programs is worth as much as they are.

use crate::support::peer::Peer;

#[test]
fn python_and_node_echo_each_other() {
    for (server, client) in [(Peer::Python, Peer::Node), (Peer::Node, Peer::Python)] {
        let (_server, url) = server.echo_server();
        client.check_echo(&format!("{url}/"), &["sizes"]);
        client.check_echo(&format!("{url}/fragments"), &["fragments"]);
        client.check_echo(&format!("{url}/"), &["pings"]);
    }
}
