//! What must have come of each client at the end of its world.

use super::{
    ledger::Entry,
    peer::{Kind, Peer},
    pipe::Pipe,
    witness::PAGE_BYTES,
    world::World,
};
use crate::{ClosedBy, Config};

/// Checks every client; what exactly came of it only where nothing disturbed it.
pub(crate) fn check(world: &World) {
    for (number, entry) in world.ledger.entries.iter().enumerate() {
        assert_eq!(
            entry.closed.len(),
            entry.opened as usize,
            "client {number}: opened and closed, {:?}",
            entry.closed
        );
    }
    let config = &world.profile.config;
    let is_strict =
        !world.profile.stops_early && !world.profile.is_crowded && config.idle_timeout.is_none();
    if !is_strict {
        return;
    }
    let has_tls = world.profile.tls.is_some();
    for peer in &world.gone {
        let entry = &world.ledger.entries[peer.number as usize];
        let is_disturbed = peer.pipe.is_none_or(|pipe| {
            let pipe = &world.pipes[pipe];
            pipe.is_disturbed || is_too_slow(pipe, entry, config)
        });
        if !is_disturbed && !entry.is_disturbed {
            check_peer(peer, entry, has_tls);
        }
    }
}

/// Tells whether it had not read everything when the time for closing was over.
fn is_too_slow(pipe: &Pipe, entry: &Entry, config: &Config) -> bool {
    let end = entry.closed_at + config.close_timeout;
    !entry.closed.is_empty() && pipe.cut_at.is_some_and(|cut_at| cut_at >= end)
}

fn check_peer(peer: &Peer, entry: &Entry, has_tls: bool) {
    let (seen, who) = (&peer.seen, (peer.number, peer.kind));
    if peer.kind == Kind::Polite(0) && peer.number.is_multiple_of(3) {
        return assert_eq!(entry.opened, 0, "client {who:?}: {seen:?}");
    }
    if peer.kind != Kind::Attacker {
        let opened = u32::from(peer.kind.opens());
        assert_eq!(entry.opened, opened, "client {who:?}: {seen:?}");
    }
    let by = entry.closed.first().copied();
    match peer.kind {
        Kind::Orderly | Kind::ClosedByServer => {
            let (close, end) = match peer.kind {
                Kind::Orderly => (1000, ClosedBy::Peer),
                _ => (4000, ClosedBy::Handler),
            };
            assert_eq!(entry.received, peer.messages, "client {who:?}: {seen:?}");
            assert_eq!(by, Some(end), "client {who:?}: {seen:?}");
            assert_eq!(seen.close, Some(close), "client {who:?}: {seen:?}");
            assert!(seen.is_eof && !seen.is_reset, "client {who:?}: {seen:?}");
            assert_eq!(seen.close_notify, has_tls, "client {who:?}: {seen:?}");
        }
        Kind::Deaf => {
            assert_eq!(by, Some(ClosedBy::Handler), "client {who:?}: {seen:?}");
            assert_eq!(seen.close, Some(4000), "client {who:?}: {seen:?}");
        }
        Kind::Reset(after) => {
            assert!(entry.received >= after, "client {who:?}: {seen:?}");
            assert_eq!(by, Some(ClosedBy::Lost), "client {who:?}");
        }
        Kind::Gone(after) => {
            assert!(entry.received >= after, "client {who:?}: {seen:?}");
            let end = if has_tls {
                ClosedBy::Truncated
            } else {
                ClosedBy::Lost
            };
            assert_eq!(by, Some(end), "client {who:?}");
        }
        Kind::Polite(after) => {
            let has_got = entry.received >= after || peer.is_hasty();
            assert!(has_got, "client {who:?}: {seen:?}");
            assert_eq!(by, Some(ClosedBy::Lost), "client {who:?}");
        }
        Kind::Broken(after) => {
            let has_got = entry.received >= after || peer.is_hasty();
            assert!(has_got, "client {who:?}: {seen:?}");
            assert_eq!(by, Some(ClosedBy::Tls), "client {who:?}");
        }
        Kind::Silent(_) => {
            let is_given_up = matches!(by, Some(ClosedBy::Silent | ClosedBy::Stalled));
            assert!(is_given_up, "client {who:?}: {by:?}");
        }
        Kind::Rude | Kind::Lingerer => {
            let is_failed = matches!(by, Some(ClosedBy::Protocol(_)));
            assert!(is_failed, "client {who:?}: {by:?} {seen:?}");
        }
        Kind::Flooder => {}
        Kind::Attacker => {}
        // With TLS there is nobody yet who could be told.
        Kind::Slow => assert_eq!(seen.status, (!has_tls).then_some(408), "client {who:?}"),
        Kind::Health => assert_eq!(seen.status, Some(200), "client {who:?}"),
        Kind::Page => {
            let page = (seen.status, seen.body_bytes as u64);
            assert_eq!(page, (Some(200), PAGE_BYTES), "client {who:?}: {seen:?}");
        }
        // What is no TLS is answered with an alert where a balancer's header is awaited.
        Kind::BadHead => assert!(
            seen.status.map_or(has_tls, |status| status >= 400),
            "client {who:?}: {seen:?}"
        ),
        Kind::SlowHello => assert_eq!((seen.status, seen.is_eof), (None, true), "client {who:?}"),
        Kind::PlainText => assert_eq!(seen.status, Some(400), "client {who:?}"),
    }
}
