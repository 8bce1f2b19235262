//! Back-pressure: peers that do not read, handlers that do not want, and pings to nobody.

use std::{
    io::{ErrorKind, Write},
    net::TcpStream,
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use socket2::SockRef;
use ws_server::{ClosedBy, Config, Running};

use crate::{
    peer::{Got, Peer},
    recorder::{Ask, Record, Told, start},
    timing::{SLACK, TICK, check_one_of_five},
};

/// A client whose system buffers are small, so that the server's socket is soon full.
pub(crate) fn small(peer: &Peer) {
    let socket = SockRef::from(&peer.stream);
    socket.set_recv_buffer_size(128 << 10).unwrap();
}

/// Has the handler send until it is refused, and does not read before the socket has refused the rest: a peer that
/// reads at once may take all of it from a server that is slow to send.
fn flood(peer: &mut Peer, server: &Running<Ask>, record: &Record) {
    peer.send_text("flood");
    peer.send_text("after the flood");
    record.wait_for(|told| matches!(told, Told::Message(_, text) if text == "flood"));
    let (answer, answered) = channel();
    let commands = server.commands(0).unwrap();
    commands.send(Ask::EndOfTurn(answer)).unwrap();
    answered.recv().unwrap();
}

/// Writes until the server takes nothing for a while.
pub(crate) fn write_until_refused(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    stream
        .set_write_timeout(Some(Duration::from_millis(700)))
        .unwrap();
    let mut written = 0;
    loop {
        match stream.write(&bytes[written..]) {
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return written;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(
            written < bytes.len(),
            "the server takes everything: nothing holds the peer back"
        );
    }
}

/// an echo to a peer that does not read never grows beyond its mark and never loses.
#[test]
fn a_slow_reader_is_not_read() {
    let config = Config::default();
    let (high_water, low_water) = (config.high_water_bytes, config.low_water_bytes);
    let (server, record) = start(config);
    let mut peer = Peer::open(server.local_addr());
    small(&peer);
    let texts: Vec<String> = (0..40_000)
        .map(|n| format!("{n}:{}", "x".repeat(1000)))
        .collect();
    let mut frames = Vec::new();
    for text in &texts {
        let frame = peer.encode(&Got::Text(text.clone()));
        frames.extend_from_slice(&frame);
    }
    let mut rest = frames.split_off(0);
    let written = write_until_refused(&mut peer.stream, &rest);
    // The cork may be full when the mark is passed; a frame is at most as long as the longest here.
    let bound = high_water + (64 << 10) + 2000;
    let most = record.most_queued();
    assert!(
        most > low_water && most <= bound,
        "{most} bytes were queued, more than {low_water} and at most {bound}: the mark and what one turn adds"
    );
    let mut stream = peer.stream.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        stream.set_write_timeout(None).unwrap();
        stream.write_all(&rest.split_off(written)).unwrap();
    });
    for text in texts {
        assert_eq!(peer.next(), Got::Text(text));
    }
    writer.join().unwrap();
    record.wait_for(|told| *told == Told::Drain);
    let most = record.most_queued();
    assert!(
        most <= bound,
        "{most} bytes were queued in all, at most {bound}"
    );
}

/// a queue never grows beyond its limit, and the message that does not fit is refused with the figures.
#[test]
fn a_full_send_queue_refuses_and_keeps_the_connection() {
    const QUEUE_BYTES: usize = 12 << 20;
    let config = Config::default().send_queue_bytes(QUEUE_BYTES);
    let (server, record) = start(config);
    let mut peer = Peer::open(server.local_addr());
    small(&peer);
    // The handler sends 100,000 bytes at a time.
    flood(&mut peer, &server, &record);
    let mut flooded = 0;
    loop {
        match peer.next() {
            Got::Binary(data) => flooded += data.len(),
            Got::Text(text) => break assert_eq!(text, "after the flood"),
            got => panic!("{got:?}"),
        }
    }
    assert!(
        (QUEUE_BYTES - 200_000..=QUEUE_BYTES).contains(&flooded),
        "{flooded} bytes were taken, at most {QUEUE_BYTES} and all but the message that does not fit"
    );
    record.wait_for(|told| *told == Told::Drain);
}

/// pings of a peer that does not read end in what its socket holds and exactly one more, the newest.
#[test]
fn a_ping_flood_costs_no_memory_and_ends_in_one_pong() {
    let (server, _) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    small(&peer);
    const PINGS: u32 = 200_000;
    let payload = |number: u32| {
        let mut payload = number.to_be_bytes().to_vec();
        payload.resize(125, 7);
        payload
    };
    let mut frames = Vec::new();
    for number in 0..PINGS {
        let frame = peer.encode(&Got::Ping(payload(number)));
        frames.extend_from_slice(&frame);
    }
    // All of it is taken although nothing is read: 26 MB.
    peer.stream.write_all(&frames).unwrap();
    peer.send_text("still usable");
    let mut answered = Vec::new();
    let mut was_echoed = false;
    while !was_echoed || answered.last() != Some(&(PINGS - 1)) {
        match peer.next() {
            Got::Pong(pong) => {
                let number = u32::from_be_bytes(*pong.first_chunk().unwrap());
                assert_eq!(pong, payload(number));
                answered.push(number);
            }
            Got::Text(text) => {
                assert_eq!(text, "still usable");
                was_echoed = true;
            }
            got => panic!("{got:?}"),
        }
    }
    // All in order while the socket took them; where it was full, the newest stands for those left out.
    assert!(answered.iter().copied().take(1000).eq(0..1000));
    assert!(answered.is_sorted_by(|a, b| a < b));
    assert!(
        answered.len() < PINGS as usize / 2,
        "{} of {PINGS} pings were answered to a peer that did not read, at most half",
        answered.len()
    );
    // Nothing more follows.
    peer.send_text("end");
    assert_eq!(peer.next(), Got::Text("end".into()));
}

/// While the socket takes them, every ping is answered.
#[test]
fn ten_pings_in_one_segment_get_ten_pongs() {
    let (server, _) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    let pings: Vec<u8> = (0..10)
        .flat_map(|n| peer.encode(&Got::Ping(vec![n])))
        .collect();
    peer.stream.write_all(&pings).unwrap();
    for n in 0..10 {
        assert_eq!(peer.next(), Got::Pong(vec![n]));
    }
}

/// What was held back comes in order when the handler wants it again, the end included.
#[test]
fn a_paused_connection_loses_nothing() {
    let (server, record) = start(Config::default());
    for round in 0..50 {
        let mut peer = Peer::open(server.local_addr());
        let mut frames = Vec::new();
        for text in [
            "pause".to_owned(),
            format!("{round} a"),
            format!("{round} b"),
        ] {
            frames.extend(peer.encode(&Got::Text(text)));
        }
        frames.extend(peer.encode(&Got::Close(1000, "bye".into())));
        peer.stream.write_all(&frames).unwrap();
        let opens = |told: &Told| matches!(told, Told::Open(..));
        let count = |record: &[Told]| record.iter().filter(|told| opens(told)).count();
        let all = record.all();
        assert_eq!(count(&all), round + 1);
        let Some(Told::Open(id, 0)) = all.into_iter().rfind(opens) else {
            panic!("not opened")
        };
        record.wait_for(|told| *told == Told::Message(id, "pause".into()));
        assert!(
            !record
                .all()
                .contains(&Told::Message(id, format!("{round} a")))
        );
        server.commands(0).unwrap().send(Ask::Resume(id)).unwrap();
        assert_eq!(peer.next(), Got::Text(format!("{round} a")));
        assert_eq!(peer.next(), Got::Text(format!("{round} b")));
        assert_eq!(peer.next(), Got::Close(1000, String::new()));
        assert_eq!(peer.next(), Got::End);
        record.wait_for(|told| *told == Told::Close(id, 1000, "bye".into(), ClosedBy::Peer));
    }
}

/// a peer that takes nothing at all is given up after the time for that.
#[test]
fn a_stalled_peer_is_dropped() {
    let stall = Duration::from_millis(300);
    // The last bytes were taken somewhere within a tick, and the end is seen at one.
    let bounds = stall - TICK..=stall + TICK + SLACK;
    check_one_of_five("to give up a peer that takes nothing", bounds, || {
        let (server, record) = start(Config::default().write_stall_timeout(stall));
        let mut peer = Peer::open(server.local_addr());
        small(&peer);
        let began = Instant::now();
        peer.send_text("flood");
        assert_eq!(
            record.wait_for_close(),
            (1006, String::new(), ClosedBy::Stalled)
        );
        began.elapsed()
    });
}

/// a peer that answers is kept, one that does not is lost after the time to the ping and that for its answer.
#[test]
fn keepalive_tells_the_dead_from_the_quiet() {
    let (ping, pong) = (Duration::from_millis(300), Duration::from_millis(600));
    let keepalive = ws_core::KeepaliveConfig::default()
        .interval(Some(ping))
        .timeout(pong);
    // It opened somewhere within a tick, and each of the two times ends at one.
    let bounds = ping + pong - TICK..=ping + pong + 2 * TICK + SLACK;
    check_one_of_five("to lose a peer that does not answer", bounds, || {
        let (server, record) = start(Config::default().keepalive(keepalive.clone()));
        let mut quiet = Peer::open(server.local_addr());
        let began = Instant::now();
        let _dead = Peer::open(server.local_addr());
        let reader = std::thread::spawn(move || {
            // Answers pings while it waits for the end.
            let mut pings = 0;
            while let Got::Ping(_) = quiet.next() {
                pings += 1;
            }
            pings
        });
        let (code, _, by) = record.wait_for_close();
        let time = began.elapsed();
        assert_eq!((code, by), (1006, ClosedBy::Silent));
        let all = record.all();
        let lost = all.iter().filter(|told| matches!(told, Told::Close(..)));
        assert_eq!(lost.count(), 1, "one of two is lost");
        assert!(!all.iter().any(|told| matches!(told, Told::Pong(_))));
        drop(server);
        let pings = reader.join().unwrap();
        assert!(pings >= 1, "{pings} pings were answered, at least 1");
        time
    });
}

#[test]
fn an_idle_connection_is_closed() {
    let config = Config::default().idle_timeout(Some(Duration::from_millis(200)));
    let (server, record) = start(config);
    let mut peer = Peer::open(server.local_addr());
    peer.send_text("busy");
    assert_eq!(peer.next(), Got::Text("busy".into()));
    assert_eq!(
        peer.next(),
        Got::Close(1001, "no message for too long".into())
    );
    assert_eq!(peer.next(), Got::End);
    assert_eq!(record.wait_for_close().2, ClosedBy::Idle);
}

/// one that sends at full speed has as many bytes read in a turn as are set, and each other has its turn then.
#[test]
fn a_loud_connection_leaves_turns_to_the_others() {
    const TURN_BYTES: usize = 4 << 10;
    const LIGHT: usize = 200;
    // The turn in which the light ones are found; what the system delivers late may take some more.
    const MOST_BYTES: usize = 4 * TURN_BYTES;
    let (server, record) = start(Config::default().turn_bytes(TURN_BYTES));
    let mut loud = Peer::open(server.local_addr());
    let mut light: Vec<_> = (0..LIGHT)
        .map(|_| Peer::open(server.local_addr()))
        .collect();
    // While the loop stands still, all of them send; the loud one is the last, and sends as much as the system holds.
    let (begun, has_begun) = channel();
    let (release, end) = channel();
    let commands = server.commands(0).unwrap();
    commands.send(Ask::Hold(begun, end)).unwrap();
    has_begun.recv().unwrap();
    for peer in &mut light {
        peer.send_text("light");
    }
    let frame = loud.encode(&Got::Pong(vec![1; 100]));
    let frames = frame.repeat(200_000);
    loud.stream.set_nonblocking(true).unwrap();
    let mut waiting = 0;
    while waiting < frames.len()
        && let Ok(count) = loud.stream.write(&frames[waiting..])
    {
        waiting += count;
    }
    assert!(
        waiting > 4 * MOST_BYTES,
        "{waiting} bytes wait, more than {} are needed to see anything",
        4 * MOST_BYTES
    );
    release.send(()).unwrap();
    for peer in &mut light {
        assert_eq!(peer.next(), Got::Text("light".into()));
    }
    let told = record.all();
    let last = told
        .iter()
        .rposition(|told| matches!(told, Told::Message(..)));
    let before = told[..last.unwrap()].iter();
    let bytes = frame.len() * before.filter(|told| matches!(told, Told::Pong(_))).count();
    println!("{bytes} of {waiting} bytes of one were read before {LIGHT} others had their turn");
    assert!(
        bytes <= MOST_BYTES,
        "{bytes} of {waiting} bytes of one were read before {LIGHT} others had their turn, at most {MOST_BYTES}"
    );
}

/// A timer that is always due again leaves its loop time for everybody.
#[test]
fn a_timer_of_no_time_does_not_keep_the_loop() {
    let (server, _) = start(Config::default().workers(1));
    let mut busy = Peer::open(server.local_addr());
    let mut other = Peer::open(server.local_addr());
    busy.send_text("timer without end");
    for peer in [&mut busy, &mut other] {
        peer.send_text("still there?");
        assert_eq!(peer.next(), Got::Text("still there?".into()));
    }
}

/// A queue that has emptied is below any low-water mark, also the one of nothing.
#[test]
fn without_a_low_water_mark_an_empty_queue_is_enough() {
    let config = Config::default()
        .high_water_bytes(1 << 20)
        .low_water_bytes(0);
    let (server, record) = start(config);
    let mut peer = Peer::open(server.local_addr());
    small(&peer);
    flood(&mut peer, &server, &record);
    while let Got::Binary(_) = peer.next() {}
    record.wait_for(|told| *told == Told::Drain);
    peer.send_text("again");
    assert_eq!(peer.next(), Got::Text("again".into()));
}

/// The system ends a read before urgent data, which is no sign that there is no more.
#[cfg(target_os = "linux")]
#[test]
fn urgent_data_does_not_stop_a_connection() {
    let (server, record) = start(Config::default());
    let mut peer = Peer::open(server.local_addr());
    let id = record.wait_for_open();
    peer.send_text("pause");
    record.wait_for(|told| matches!(told, Told::Message(_, text) if text == "pause"));
    peer.send_text("one");
    let socket = SockRef::from(&peer.stream);
    assert_eq!(socket.send_out_of_band(b"!").unwrap(), 1);
    peer.send_text("two");
    let commands = server.commands(0).unwrap();
    commands.send(Ask::Resume(id)).unwrap();
    for expected in ["one", "two"] {
        assert_eq!(peer.next(), Got::Text(expected.into()));
    }
}
