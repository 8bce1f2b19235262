//! TCP to the first of several addresses that answers.
//!
//! [`Race`] says which address is tried when; this module has the sockets. All but the winner's are closed.
#![expect(
    clippy::disallowed_types,
    reason = "sockets are made here, before there is a Net"
)]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::race::{Race, Step};
use crate::deadline::Deadline;
use crate::error::{Cause, Stage};
use crate::net::now;
use crate::net::tcp::{FIRST_ATTEMPT, Poller, TcpNet};

/// Connects to one of `addresses`, which are in order of preference.
pub(crate) fn connect(
    poller: Poller,
    addresses: &[SocketAddr],
    attempt_delay: Duration,
    deadline: Deadline,
) -> Result<TcpNet, (Stage, Cause)> {
    let attempts = Attempts {
        poller,
        race: Race::new(addresses, attempt_delay),
        running: Vec::new(),
        failures: Vec::new(),
    };
    attempts
        .run(deadline)
        .map_err(|cause| (Stage::Connect, cause))
}

/// The attempts of one dial. An attempt's place in `running` is its token.
struct Attempts {
    poller: Poller,
    race: Race,
    running: Vec<Option<(SocketAddr, TcpStream)>>,
    failures: Vec<(SocketAddr, Arc<io::Error>)>,
}

impl Attempts {
    fn run(mut self, deadline: Deadline) -> Result<TcpNet, Cause> {
        loop {
            match self.race.poll_step(now()) {
                Step::Connect(address) => {
                    if let Err(error) = self.begin(address) {
                        self.fail(address, error);
                    }
                }
                Step::Lost => return Err(Cause::Connect(self.failures)),
                Step::Wait(next) => {
                    if deadline.has_passed(now()) {
                        return Err(Cause::Timeout(self.describe_silence()));
                    }
                    let until = next.map_or(deadline, |at| deadline.earlier(Deadline::at(at)));
                    self.poller
                        .wait(until.remaining(now()))
                        .map_err(|error| Cause::Io(Arc::new(error)))?;
                    if let Some((address, stream)) = self.take_winner() {
                        return TcpNet::new(self.poller, stream, address)
                            .map_err(|error| Cause::Connect(vec![(address, Arc::new(error))]));
                    }
                }
            }
        }
    }

    fn begin(&mut self, address: SocketAddr) -> io::Result<()> {
        let mut stream = TcpStream::connect(address)?;
        let token = Token(FIRST_ATTEMPT + self.running.len());
        // Readable too: the registration is the same one that the connection will have.
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poller
            .poll
            .registry()
            .register(&mut stream, token, interest)?;
        self.running.push(Some((address, stream)));
        Ok(())
    }

    fn take_winner(&mut self) -> Option<(SocketAddr, TcpStream)> {
        let tokens: Vec<Token> = self
            .poller
            .events
            .iter()
            .map(|event| event.token())
            .collect();
        for Token(token) in tokens {
            let place = token.checked_sub(FIRST_ATTEMPT);
            let Some(attempt) = place.and_then(|place| self.running.get_mut(place)) else {
                continue;
            };
            let Some((address, stream)) = attempt.take() else {
                continue;
            };
            match outcome(&stream) {
                Ok(true) => return Some((address, stream)),
                Ok(false) => *attempt = Some((address, stream)),
                Err(error) => self.fail(address, error),
            }
        }
        None
    }

    fn fail(&mut self, address: SocketAddr, error: io::Error) {
        log::debug!("no connection to {address}: {error}");
        self.failures.push((address, Arc::new(error)));
        self.race.handle_failure(now());
    }

    fn describe_silence(&self) -> String {
        let silent: Vec<String> = self
            .running
            .iter()
            .flatten()
            .map(|(address, _)| address.to_string())
            .collect();
        format!("no answer from {}", silent.join(", "))
    }
}

/// Whether the attempt has succeeded, is still running, or has failed.
fn outcome(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        // A loopback port that nobody listens on can be given to the attempt itself, which then talks to itself.
        Ok(peer) if stream.local_addr()? == peer => {
            Err(io::Error::from(io::ErrorKind::ConnectionRefused))
        }
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(error) => Err(error),
    }
}
