//! A TCP proxy that does to a connection what networks do: it delays, cuts, holds, ends and damages what passes.
//!
//! One fault in one direction for all its connections; places and delays follow from a seed, so a run can be repeated.
//! A thread for each connection relays both directions over sockets that do not block.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use self::pump::{End, Pump};
pub use self::toxic::{Dice, Direction, Toxic};

mod pump;
#[cfg(test)]
mod tests;
mod toxic;

/// How often a relay looks whether it is to end.
const LOOK: Duration = Duration::from_millis(50);
/// Connections that are reordered: so many wait for each other, but no longer than this.
const REORDERED: usize = 4;
const REORDER_WAIT: Duration = Duration::from_millis(500);

/// A running proxy; dropping it ends its connections.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    is_over: AtomicBool,
    to_server: AtomicU64,
    to_client: AtomicU64,
    fired: Arc<AtomicU64>,
    out_of_order: AtomicU64,
}

impl FaultProxy {
    /// Relays connections to `target` with `toxic` in one direction.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(target: SocketAddr, toxic: Toxic, direction: Direction, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0")
            .unwrap_or_else(|error| panic!("the proxy cannot listen: {error}"));
        let address = listener.local_addr();
        let address = address.unwrap_or_else(|error| panic!("the proxy has no address: {error}"));
        let shared = Arc::<Shared>::default();
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&listener, target, toxic, direction, seed, &shared)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Bytes that have passed in this direction.
    pub fn passed(&self, direction: Direction) -> u64 {
        match direction {
            Direction::ToServer => self.shared.to_server.load(Ordering::Relaxed),
            Direction::ToClient => self.shared.to_client.load(Ordering::Relaxed),
        }
    }

    /// In how many connections the fault has happened; counted before anybody can notice.
    pub fn fired(&self) -> u64 {
        self.shared.fired.load(Ordering::Relaxed)
    }

    /// Connections that reached the server before an older one.
    pub fn out_of_order(&self) -> u64 {
        self.shared.out_of_order.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.accepting.take() {
            // A panic there was printed; the test has failed by what it saw of it.
            let _ = thread.join();
        }
    }
}

fn accept(
    listener: &TcpListener,
    target: SocketAddr,
    toxic: Toxic,
    direction: Direction,
    seed: u64,
    shared: &Shared,
) {
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let mut dice = Dice(seed);
    let mut held = Vec::new();
    let mut since = Instant::now();
    thread::scope(|scope| {
        while !shared.is_over.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((client, _)) => {
                    if held.is_empty() {
                        since = Instant::now();
                    }
                    held.push(client);
                }
                // Nobody announces the end of a test or of a wait.
                Err(_) => thread::park_timeout(Duration::from_millis(5)),
            }
            let waits =
                toxic == Toxic::Reorder && held.len() < REORDERED && since.elapsed() < REORDER_WAIT;
            if waits || held.is_empty() {
                continue;
            }
            let count = held.len() as u64;
            shared.out_of_order.fetch_add(count - 1, Ordering::Relaxed);
            // The youngest first: each overtakes all that came before it.
            for client in held.drain(..).rev() {
                let dice = Dice(dice.next());
                let server = std::net::TcpStream::connect(target);
                scope.spawn(move || {
                    // A socket that fails ends its connection, which is what a network does.
                    let _ = server
                        .and_then(|server| relay(client, server, toxic, direction, dice, shared));
                });
            }
        }
    });
}

const CLIENT: usize = 0;
const SERVER: usize = 1;

fn relay(
    client: std::net::TcpStream,
    server: std::net::TcpStream,
    toxic: Toxic,
    direction: Direction,
    dice: Dice,
    shared: &Shared,
) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut sockets = Vec::new();
    for (index, stream) in [client, server].into_iter().enumerate() {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut socket = mio::net::TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut socket, Token(index), both)?;
        sockets.push(socket);
    }
    let toxic_for = |way| if way == direction { toxic } else { Toxic::None };
    let mut pumps = [
        Pump::new(toxic_for(Direction::ToServer), dice.clone(), &shared.fired),
        Pump::new(toxic_for(Direction::ToClient), dice, &shared.fired),
    ];
    let mut events = Events::with_capacity(8);
    while !shared.is_over.load(Ordering::Relaxed) {
        let mut next = LOOK;
        let counters = [&shared.to_server, &shared.to_client];
        for (index, (pump, counter)) in pumps.iter_mut().zip(counters).enumerate() {
            let (from, to) = if index == 0 {
                (CLIENT, SERVER)
            } else {
                (SERVER, CLIENT)
            };
            let before = pump.passed();
            let wait = pump.turn(&mut sockets, from, to)?;
            counter.fetch_add(pump.passed() - before, Ordering::Relaxed);
            next = next.min(wait);
        }
        match pumps.iter().find_map(Pump::end) {
            Some(End::Reset) => {
                for socket in &sockets {
                    // With nothing to linger for, closing is a reset.
                    SockRef::from(socket).set_linger(Some(Duration::ZERO))?;
                }
                return Ok(());
            }
            Some(End::Fin) => {
                for socket in &sockets {
                    // One of them may be closed already.
                    let _ = socket.shutdown(Shutdown::Write);
                }
                pumps.iter_mut().for_each(Pump::drop_all);
            }
            None => {}
        }
        if pumps.iter().all(Pump::is_over) {
            return Ok(());
        }
        poll.poll(&mut events, Some(next))?;
    }
    Ok(())
}
