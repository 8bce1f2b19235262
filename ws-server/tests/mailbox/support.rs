//! Starting mailboxes, and waiting for conditions.

use std::time::{Duration, Instant};

use ws_server::mailbox::{ConnectionInfo, Mailbox, MailboxConfig};

use crate::peer::Peer;

/// Longer than anything here takes; reaching it fails the test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const NO_WAIT: Duration = Duration::ZERO;

pub(crate) fn start() -> Mailbox {
    Mailbox::start("127.0.0.1:0", MailboxConfig::default()).unwrap()
}

pub(crate) fn connect(mailbox: &Mailbox) -> Peer {
    Peer::connect(mailbox.local_addr(), "/").unwrap()
}

/// The entry of a peer, found by its address.
pub(crate) fn entry(mailbox: &Mailbox, peer: &Peer) -> Option<ConnectionInfo> {
    let address = peer.local_addr().to_string();
    let list = mailbox.connections().unwrap();
    list.into_iter()
        .find(|info| info.connection.address.to_string() == address)
}

/// Spins until `condition` holds: for what happens on the other side without telling us.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
    }
}
