//! Host name to addresses, within the deadline of the dial.
//!
//! `getaddrinfo` blocks and cannot be cancelled, so each lookup runs in a helper thread that owns only the name and a
//! channel. A dial whose deadline passes leaves its thread behind; it ends with its lookup.
//! Invariant: at most [`LIMIT`] lookups are in flight in a process; one more fails at once instead of piling up threads.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

use super::place::Place;
use crate::cancel::Cancel;
use crate::deadline::Deadline;
use crate::error::{Cause, Stage};

/// Most lookups in flight at once in one process.
pub(crate) const LIMIT: usize = 8;

/// Answers a host name and port with addresses, best first; may block for as long as it likes.
pub(crate) type Lookup = Arc<dyn Fn(&str, u16) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// Looks names up, and knows how many lookups are in flight.
#[derive(Clone)]
pub(crate) struct Resolver {
    lookup: Lookup,
    in_flight: Arc<AtomicUsize>,
    cancel: Cancel,
}

impl Resolver {
    /// With its own count of lookups in flight.
    pub(crate) fn new(lookup: Lookup) -> Self {
        Self {
            lookup,
            in_flight: Arc::default(),
            cancel: Cancel::default(),
        }
    }

    /// What ends the dial that this resolver is for.
    pub(crate) fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// The same resolver, for a dial that `cancel` ends.
    pub(crate) fn cancelled_by(&self, cancel: &Cancel) -> Self {
        Self {
            cancel: cancel.clone(),
            ..self.clone()
        }
    }

    /// The addresses of `host`, in the order of preference of `getaddrinfo` (RFC 6724).
    pub(crate) fn resolve(
        &self,
        host: &str,
        port: u16,
        deadline: Deadline,
    ) -> Result<Vec<SocketAddr>, (Stage, Cause)> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |cause| (Stage::Resolve, cause);
        let answer = self.start(host, port).map_err(failed)?;
        match self.cancel.receive(&answer, deadline) {
            Ok(Ok(addresses)) if addresses.is_empty() => Err(failed(Cause::NoAddress)),
            Ok(Ok(addresses)) => Ok(addresses),
            Ok(Err(error)) => Err(failed(Cause::Lookup(Arc::new(error)))),
            Err(RecvTimeoutError::Timeout) => Err(failed(Cause::Timeout(String::from(
                "the name was still being looked up",
            )))),
            // The lookup panicked; the thread's own message says where.
            Err(RecvTimeoutError::Disconnected) => {
                Err(failed(Cause::Internal("the name lookup has panicked")))
            }
        }
    }

    fn start(
        &self,
        host: &str,
        port: u16,
    ) -> Result<mpsc::Receiver<io::Result<Vec<SocketAddr>>>, Cause> {
        let place =
            Place::take(&self.in_flight, LIMIT).ok_or(Cause::LookupsBusy { limit: LIMIT })?;
        let (sender, answer) = mpsc::channel();
        let (lookup, host) = (Arc::clone(&self.lookup), host.to_owned());
        thread::Builder::new()
            .name(String::from("ws-resolve"))
            .spawn(move || {
                let result = lookup(&host, port);
                // Freed before the answer: who has it can start the next lookup at once.
                drop(place);
                // Nobody waits any more when the deadline has passed.
                let _ = sender.send(result);
            })
            .map_err(|error| Cause::Io(Arc::new(error)))?;
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::deadline::tests::ends_on_time;
    use crate::net::now;

    fn soon() -> Deadline {
        Deadline::after(now(), Duration::from_secs(20))
    }

    #[test]
    fn an_ip_address_needs_no_lookup() {
        let resolver = Resolver::new(Arc::new(|_, _| panic!("not to be asked")));
        for (host, want) in [("::1", "[::1]:7"), ("127.0.0.1", "127.0.0.1:7")] {
            let addresses = resolver.resolve(host, 7, soon()).unwrap();
            assert_eq!(addresses, [want.parse().unwrap()]);
        }
    }

    #[test]
    fn asks_for_host_and_port_and_keeps_the_order() {
        let want: Vec<SocketAddr> = vec!["1.2.3.4:9".parse().unwrap(), "[::1]:9".parse().unwrap()];
        let answer = want.clone();
        let resolver = Resolver::new(Arc::new(move |host, port| {
            assert_eq!((host, port), ("example.test", 9));
            Ok(answer.clone())
        }));
        let addresses = resolver.resolve("example.test", 9, soon());
        assert_eq!(addresses.unwrap(), want);
    }

    /// a silent name server
    #[test]
    fn a_lookup_that_never_ends_ends_with_the_deadline() {
        ends_on_time(Duration::from_millis(50), |timeout| {
            let (release, held) = mpsc::channel::<()>();
            let held = Mutex::new(held);
            let resolver = Resolver::new(Arc::new(move |_, _| {
                let _ = held.lock().unwrap().recv();
                Ok(Vec::new())
            }));
            let deadline = Deadline::after(now(), timeout);
            let (stage, cause) = resolver.resolve("x", 80, deadline).unwrap_err();
            assert!(matches!(cause, Cause::Timeout(_)), "{cause:?}");
            assert_eq!(stage, Stage::Resolve);
            drop(release);
        });
    }

    #[test]
    fn the_ninth_lookup_in_flight_fails_at_once_and_a_finished_one_makes_room() {
        let (release, held) = mpsc::channel::<()>();
        let held = Mutex::new(held);
        let resolver = Resolver::new(Arc::new(move |_, _| {
            let _ = held.lock().unwrap().recv();
            Ok(vec!["127.0.0.1:1".parse().unwrap()])
        }));
        let answers: Vec<_> = (0..LIMIT)
            .map(|_| resolver.start("x", 1).unwrap())
            .collect();
        let (_, cause) = resolver.resolve("x", 80, Deadline::NEVER).unwrap_err();
        assert!(
            matches!(cause, Cause::LookupsBusy { limit: LIMIT }),
            "{cause:?}"
        );
        drop(release);
        for answer in answers {
            answer.recv().unwrap().unwrap();
        }
        assert_eq!(resolver.resolve("x", 80, soon()).unwrap().len(), 1);
    }

    #[test]
    fn a_failed_an_empty_and_a_panicking_lookup_are_told_apart() {
        let resolve = |lookup: Lookup| Resolver::new(lookup).resolve("x", 80, soon());
        let failed = resolve(Arc::new(|_, _| Err(io::Error::other("no such name"))));
        assert!(matches!(failed, Err((Stage::Resolve, Cause::Lookup(_)))));
        let empty = resolve(Arc::new(|_, _| Ok(Vec::new())));
        assert!(matches!(empty, Err((Stage::Resolve, Cause::NoAddress))));
        let panicked = resolve(Arc::new(|_, _| panic!("a test of a panic")));
        assert!(matches!(
            panicked,
            Err((Stage::Resolve, Cause::Internal(_)))
        ));
    }
}
