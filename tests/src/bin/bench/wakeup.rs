//! `bench wakeup mailbox|bare SECONDS`: how long it takes from a client through a loop to another thread and back, when
//! all of them sleep.
//!
//! The mailbox beside what it cannot do without: a loop that hands bytes to a thread through a channel, and is woken by
//! a waker when that thread has answered. Prints the median and the 99th percentile in microseconds.

use std::{
    io::{self, Read as _, Write as _},
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token, Waker};
use ws_tests::bench::traffic::{Kind, Traffic};

use crate::{load::shake_hands, ours, statistics::quantile};

/// Between two messages: everybody is asleep again. A longer one would leave too few of them for a 99th percentile.
const PAUSE: Duration = Duration::from_micros(100);
const SOCKET: Token = Token(0);
const WAKER: Token = Token(1);

pub(crate) fn run(who: &str, seconds: f64) -> io::Result<()> {
    let traffic = Traffic::new(Kind::Binary, 125, 1);
    let request = traffic.requests.bytes();
    // A bare server knows no frames and sends back what it gets.
    let (mut stream, answer) = match who {
        "mailbox" => (shake_hands(ours::start_mailbox())?, traffic.echoes.bytes()),
        "bare" => (
            std::net::TcpStream::connect(("127.0.0.1", bare()?))?,
            request,
        ),
        other => return Err(io::Error::other(format!("{other}: mailbox or bare"))),
    };
    stream.set_nodelay(true)?;
    let mut input = vec![0; answer.len()];
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds {
        thread::sleep(PAUSE);
        let begun = Instant::now();
        stream.write_all(request)?;
        stream.read_exact(&mut input)?;
        times.push(begun.elapsed().as_secs_f64() * 1e6);
        if input != answer {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the echo differs",
            ));
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |part| quantile(&times, part).unwrap_or(f64::NAN);
    println!("{:.1} {:.1}", at(0.5), at(0.99));
    Ok(())
}

/// Starts the bare loop and its thread; the port.
fn bare() -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let (to_thread, from_loop) = crossbeam_channel::unbounded::<Vec<u8>>();
    let (to_loop, from_thread) = crossbeam_channel::unbounded::<Vec<u8>>();
    let mut poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    thread::spawn(move || {
        for message in from_loop {
            if to_loop.send(message).is_err() || waker.wake().is_err() {
                break;
            }
        }
    });
    thread::spawn(move || -> io::Result<()> {
        let (stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = mio::net::TcpStream::from_std(stream);
        poll.registry()
            .register(&mut stream, SOCKET, Interest::READABLE)?;
        let mut events = Events::with_capacity(8);
        let mut input = [0; 4096];
        loop {
            poll.poll(&mut events, None)?;
            for event in &events {
                if event.token() == SOCKET {
                    let count = stream.read(&mut input)?;
                    to_thread
                        .send(input[..count].to_vec())
                        .map_err(io::Error::other)?;
                }
            }
            for message in from_thread.try_iter() {
                stream.write_all(&message)?;
            }
        }
    });
    Ok(port)
}
