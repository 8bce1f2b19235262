//! Many connections driven by one thread.
//!
//! ```text
//! poll ─ ready connections ─ wire ─ Receiver ─ events, lent ─► caller
//!                             wire ◄─ Sender ◄─ Link ◄──────────┘      what was written leaves once a turn
//! ```
//! Invariant: an event is lent from the buffer it was read into; buffers are shared by all connections.
//! Invariant: a connection that ends is told of once, after everything that came before on it, and its number is not
//! used again.

mod slot;

use std::fmt;
use std::time::Duration;

use ws_core::{CloseCode, Scratch, SendScratch};

use self::slot::{Buffers, Slot};
pub use self::slot::{Link, SwarmEvent};
use crate::connected::Connected;
use crate::error::{Cause, Error, Stage};
use crate::net::shared::{SharedPoll, masking_keys};

/// What one connection may take of a turn before the others have theirs.
const READS_PER_TURN: usize = 4;
/// What one read takes at most.
const INPUT_BYTES: usize = 256 << 10;

/// Many connections that one thread drives: for load generators, gateways and tests.
///
/// Nothing is queued but what the sockets do not take: events are lent as they come, and what is sent leaves in the
/// same [`Swarm::turn`]. Pings are answered; there is no keepalive.
///
/// # Examples
///
/// ```no_run
/// use ws_client::{Connected, ConnectRequest, Swarm, SwarmEvent};
///
/// let request = ConnectRequest::new("ws://127.0.0.1:9894")?;
/// let mut swarm = Swarm::new(&request)?;
/// for _ in 0..1000 {
///     let number = swarm.add(Connected::dial(&request)?)?;
///     swarm.send_text(number, "hello");
/// }
/// let mut answers = 0;
/// while answers < 1000 {
///     swarm.turn(None, |number, event, link| match event {
///         SwarmEvent::Text(text) => {
///             answers += 1;
///             link.send_text(text);
///         }
///         SwarmEvent::Ended(error) => eprintln!("{number}: {error}"),
///         _ => {}
///     })?;
/// }
/// # Ok::<(), ws_client::Error>(())
/// ```
pub struct Swarm {
    poll: SharedPoll,
    /// By number; `None` once ended.
    slots: Vec<Option<Box<Slot>>>,
    open: usize,
    buffers: Buffers,
    /// Numbers of connections that are to be looked at without a further event.
    ready: Vec<usize>,
    target: String,
}

impl Swarm {
    /// Begins without a connection; limits of messages are those of `request`'s [`Config`](crate::Config).
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system has no room for a poll.
    pub fn new(request: &crate::ConnectRequest) -> Result<Self, Error> {
        let target = request.address().to_string();
        let failed = |error: std::io::Error| {
            Error::new(Stage::Connect, target.clone(), Cause::Io(error.into()))
        };
        Ok(Self {
            poll: SharedPoll::new().map_err(failed)?,
            slots: Vec::new(),
            open: 0,
            buffers: Buffers {
                input: vec![0; INPUT_BYTES].into_boxed_slice(),
                scratch: Scratch::new(request.config.limits.clone()),
                send_scratch: SendScratch::client(masking_keys().map_err(failed)?),
            },
            ready: Vec::new(),
            target,
        })
    }

    /// Takes over a connection; its number counts up from 0.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system cannot watch it.
    pub fn add(&mut self, connected: Connected) -> Result<usize, Error> {
        let number = self.slots.len();
        let poll = &self.poll;
        let slot = Slot::new(connected, |net| poll.watch(net, number))
            .map_err(|error| self.failed(error))?;
        self.slots.push(Some(Box::new(slot)));
        self.open += 1;
        self.ready.push(number);
        Ok(number)
    }

    /// Connections that have not ended.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Connections that were ever added: their numbers are below this.
    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// True if every connection has ended.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Sends a text message with the next [`Swarm::turn`]; false if that connection is over or closing.
    pub fn send_text(&mut self, number: usize, text: &str) -> bool {
        self.with_link(number, |link| link.send_text(text))
    }

    /// Sends a binary message with the next [`Swarm::turn`]; false if that connection is over or closing.
    pub fn send_binary(&mut self, number: usize, data: &[u8]) -> bool {
        self.with_link(number, |link| link.send_binary(data))
    }

    /// Begins the closing handshake; the end is told of as [`SwarmEvent::Closed`]. False if that connection is over.
    pub fn close(&mut self, number: usize, code: CloseCode) -> bool {
        self.with_link(number, |link| link.close(code))
    }

    /// Bytes of a connection that its socket has not taken.
    pub fn unsent_bytes(&self, number: usize) -> usize {
        match self.slots.get(number) {
            Some(Some(slot)) => slot.unsent_bytes(),
            _ => 0,
        }
    }

    /// Moves what can be moved and tells of what has come; waits for at most `timeout` if there is nothing, `None` = as
    /// long as it takes.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`](crate::ErrorKind::Internal) if the system's poll fails.
    pub fn turn(
        &mut self,
        timeout: Option<Duration>,
        mut on_event: impl FnMut(usize, SwarmEvent<'_>, &mut Link<'_>),
    ) -> Result<(), Error> {
        let mut has_told = false;
        debug_assert!(
            self.ready.len() <= self.open,
            "a connection is listed twice"
        );
        // What was sent since the last turn leaves before anything is waited for.
        let mut work = std::mem::take(&mut self.ready);
        self.serve(&work, &mut |number, event, link| {
            has_told = true;
            on_event(number, event, link);
        });
        work.clear();
        let timeout = if self.ready.is_empty() && !has_told {
            timeout
        } else {
            Some(Duration::ZERO)
        };
        let slots = &mut self.slots;
        let waited = self.poll.wait(timeout, |number, readiness| {
            if let Some(Some(slot)) = slots.get_mut(number) {
                slot.note(readiness);
                // One that is on the list has its turn next; served here too it would stand on the list twice.
                if !slot.is_ready {
                    work.push(number);
                }
            }
        });
        waited.map_err(|error| self.failed(error))?;
        self.serve(&work, &mut on_event);
        Ok(())
    }

    fn serve(
        &mut self,
        numbers: &[usize],
        on_event: &mut impl FnMut(usize, SwarmEvent<'_>, &mut Link<'_>),
    ) {
        for &number in numbers {
            let Some(Some(slot)) = self.slots.get_mut(number) else {
                continue;
            };
            slot.is_ready = false;
            let more = slot.serve(READS_PER_TURN, &mut self.buffers, |event, link| {
                on_event(number, event, link)
            });
            match more {
                slot::More::Nothing => {}
                slot::More::Ready => self.make_ready(number),
                slot::More::Over => {
                    self.slots[number] = None;
                    self.open -= 1;
                }
            }
        }
    }

    fn with_link(&mut self, number: usize, send: impl FnOnce(&mut Link<'_>) -> bool) -> bool {
        let Some(Some(slot)) = self.slots.get_mut(number) else {
            return false;
        };
        let is_sent = send(&mut slot.link(&mut self.buffers.send_scratch));
        self.make_ready(number);
        is_sent
    }

    fn make_ready(&mut self, number: usize) {
        if let Some(Some(slot)) = self.slots.get_mut(number)
            && !std::mem::replace(&mut slot.is_ready, true)
        {
            self.ready.push(number);
        }
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::new(Stage::Receive, self.target.clone(), Cause::Io(error.into()))
    }
}

impl fmt::Debug for Swarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Swarm")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}
