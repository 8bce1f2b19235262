//! That each fault is what it is called, with a sender and a collector on plain sockets.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::*;
use crate::wait::{self, TIMEOUT};

const BYTES: usize = 1_000;
const PLACE: u64 = 300;

/// What the server gets of a thousand bytes, and whether the stream ended in order.
fn collect(toxic: Toxic, seed: u64) -> (Vec<u8>, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let proxy = FaultProxy::start(target, toxic, Direction::ToServer, seed);
    let mut client = TcpStream::connect(proxy.address()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    client.write_all(&sent()).unwrap();
    if let Err(error) = client.shutdown(Shutdown::Write) {
        let is_reset = matches!(toxic, Toxic::Reset(_));
        assert!(
            is_reset && error.kind() == io::ErrorKind::NotConnected,
            "{error}"
        );
    }
    let mut got = Vec::new();
    if let Toxic::Stall(place) = toxic {
        got.resize(usize::try_from(place).unwrap(), 0);
        server.read_exact(&mut got).unwrap();
        assert!(wait::until(TIMEOUT, || proxy.fired() == 1));
        server.set_nonblocking(true).unwrap();
        let more = server.read(&mut [0]).map_err(|error| error.kind());
        assert_eq!(more, Err(io::ErrorKind::WouldBlock), "more has passed");
        assert_eq!(proxy.passed(Direction::ToServer), place);
        return (got, false);
    }
    server.set_read_timeout(Some(TIMEOUT)).unwrap();
    let ended = server.read_to_end(&mut got).map_err(|error| error.kind());
    assert_ne!(ended, Err(io::ErrorKind::WouldBlock), "it hangs");
    (got, ended.is_ok())
}

fn sent() -> Vec<u8> {
    crate::payload::binary(BYTES, 1)
}

#[test]
fn harmless_faults_change_no_byte() {
    for toxic in [
        Toxic::None,
        Toxic::Latency(Duration::from_millis(5)),
        Toxic::Slices,
        Toxic::Bandwidth(16 << 10),
        Toxic::Reorder,
        Toxic::NoCloseNotify,
    ] {
        assert_eq!(collect(toxic, 1), (sent(), true), "{toxic:?}");
    }
}

#[test]
fn an_end_comes_behind_the_byte_it_is_for() {
    let part = sent()[..300].to_vec();
    assert_eq!(collect(Toxic::Fin(PLACE), 1), (part.clone(), true));
    assert_eq!(collect(Toxic::HalfClose(PLACE), 1), (part.clone(), true));
    assert_eq!(collect(Toxic::Stall(PLACE), 1), (part.clone(), false));
    let (got, in_order) = collect(Toxic::Reset(PLACE), 1);
    assert!(part.starts_with(&got) && !in_order, "{} bytes", got.len());
}

#[test]
fn one_bit_of_one_byte_is_damaged_and_the_seed_says_which() {
    let differing = |seed| {
        let (got, in_order) = collect(Toxic::Corrupt(PLACE), seed);
        assert!(in_order && got.len() == BYTES);
        let sent = sent();
        let pairs = got.iter().zip(&sent).enumerate();
        pairs
            .filter(|(_, (got, sent))| got != sent)
            .map(|(place, (got, sent))| (place, got ^ sent))
            .collect::<Vec<_>>()
    };
    for seed in 0..8 {
        let found = differing(seed);
        assert!(
            matches!(found[..], [(300, bit)] if bit.is_power_of_two()),
            "{found:?}"
        );
        assert_eq!(differing(seed), found);
    }
}
