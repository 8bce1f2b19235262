//! One direction of a connection: what has come, when it may go on, and what happens to it on its way.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, Read as _, Write as _},
    net::Shutdown,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mio::net::TcpStream;

use super::toxic::{Dice, Toxic};

/// Held at most; the sender notices that the network is full.
const HELD_BYTES: usize = 64 << 10;
const RECORD_HEADER_BYTES: usize = 5;
/// An encrypted record of TLS 1.3 that holds an alert: two bytes, the kind and the tag. A Close with a code is longer.
const ALERT_RECORD: [u8; RECORD_HEADER_BYTES] = [0x17, 3, 3, 0, 19];
const FOREVER: Duration = Duration::from_secs(3600);

/// How a pump ends both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Reset,
    Fin,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Pump {
    toxic: Toxic,
    dice: Dice,
    started: Instant,
    /// Pieces in their order, each with the time when it may go on.
    held: VecDeque<(Instant, Vec<u8>)>,
    held_bytes: usize,
    /// Of a TLS record that has not come whole.
    record: Vec<u8>,
    /// Bytes that came, and that were sent on.
    came: u64,
    passed: u64,
    is_input_over: bool,
    is_shut: bool,
    /// What still comes is thrown away.
    drops: bool,
    has_fired: bool,
    fired: Arc<AtomicU64>,
    end: Option<End>,
}

impl Pump {
    /// `fired` counts the pumps whose fault has happened.
    pub(super) fn new(toxic: Toxic, dice: Dice, fired: &Arc<AtomicU64>) -> Self {
        Self {
            toxic,
            dice,
            started: Instant::now(),
            held: VecDeque::new(),
            held_bytes: 0,
            record: Vec::new(),
            came: 0,
            passed: 0,
            is_input_over: false,
            is_shut: false,
            drops: false,
            has_fired: false,
            fired: Arc::clone(fired),
            end: None,
        }
    }

    pub(super) fn passed(&self) -> u64 {
        self.passed
    }

    pub(super) fn end(&self) -> Option<End> {
        self.end
    }

    pub(super) fn is_over(&self) -> bool {
        self.is_input_over && (self.is_shut || self.drops)
    }

    /// Sends nothing more.
    pub(super) fn drop_all(&mut self) {
        self.drops = true;
        self.end = None;
        self.held.clear();
        self.held_bytes = 0;
    }

    /// Does what can be done now; tells after how long there may be more to do without an event.
    pub(super) fn turn(
        &mut self,
        sockets: &mut [TcpStream],
        from: usize,
        to: usize,
    ) -> io::Result<Duration> {
        self.receive(&mut sockets[from])?;
        self.send(&mut sockets[to])
    }

    fn receive(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        while !self.is_input_over && self.held_bytes < HELD_BYTES && !self.is_stalled() {
            match socket.read(&mut buffer) {
                Ok(0) => {
                    self.is_input_over = true;
                    let rest = std::mem::take(&mut self.record);
                    self.hold(rest);
                }
                Ok(_) if self.drops => {}
                Ok(count) => self.take(&mut buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // One side's reset is the other's.
                Err(_) => {
                    self.is_input_over = true;
                    self.end = Some(End::Reset);
                }
            }
        }
        Ok(())
    }

    fn note_fired(&mut self) {
        if !std::mem::replace(&mut self.has_fired, true) {
            self.fired.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_stalled(&self) -> bool {
        matches!(self.toxic, Toxic::Stall(_)) && self.has_fired
    }

    fn take(&mut self, bytes: &mut [u8]) {
        let before = self.came;
        self.came += bytes.len() as u64;
        match self.toxic {
            Toxic::Corrupt(place) if (before..self.came).contains(&place) => {
                // It lies in this piece, so it fits.
                let index = usize::try_from(place - before).unwrap_or(0);
                bytes[index] ^= 1 << self.dice.below(8);
                self.note_fired();
                self.hold(bytes.to_vec());
            }
            Toxic::NoCloseNotify => self.take_records(bytes),
            _ => self.hold(bytes.to_vec()),
        }
    }

    /// Holds whole records, but for an alert.
    fn take_records(&mut self, bytes: &[u8]) {
        self.record.extend_from_slice(bytes);
        // What begins otherwise is no TLS.
        if !matches!(self.record[0], 0x14..=0x17) {
            let all = std::mem::take(&mut self.record);
            return self.hold(all);
        }
        while let Some(&[kind, _, _, high, low]) = self.record.first_chunk() {
            let end = RECORD_HEADER_BYTES + usize::from(u16::from_be_bytes([high, low]));
            if self.record.len() < end || !matches!(kind, 0x14..=0x17) {
                return;
            }
            let rest = self.record.split_off(end);
            let record = std::mem::replace(&mut self.record, rest);
            if record.starts_with(&ALERT_RECORD) {
                self.note_fired();
            } else {
                self.hold(record);
            }
        }
    }

    fn hold(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let mut due = Instant::now();
        if let Toxic::Latency(mean) = self.toxic {
            let micros = u64::try_from(mean.as_micros()).unwrap_or(0);
            due += Duration::from_micros(self.dice.below(2 * micros + 1));
            // Bytes of one direction never overtake each other.
            due = self.held.back().map_or(due, |(last, _)| due.max(*last));
            self.note_fired();
        }
        self.held_bytes += bytes.len();
        self.held.push_back((due, bytes));
    }

    /// How many bytes may be sent now, at most; and when there may be more.
    fn allowed(&self) -> (usize, Duration) {
        let up_to = |place: u64| {
            let count = usize::try_from(place.saturating_sub(self.passed)).unwrap_or(usize::MAX);
            (count, FOREVER)
        };
        match self.toxic {
            Toxic::Slices => (1, FOREVER),
            Toxic::Bandwidth(rate) => {
                let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
                let (count, _) = up_to(millis.saturating_mul(rate.into()) / 1000);
                (count, Duration::from_millis(5))
            }
            Toxic::Reset(place)
            | Toxic::Fin(place)
            | Toxic::HalfClose(place)
            | Toxic::Stall(place) => up_to(place),
            _ => (usize::MAX, FOREVER),
        }
    }

    fn send(&mut self, socket: &mut TcpStream) -> io::Result<Duration> {
        while let Some((due, bytes)) = self.held.front_mut() {
            let wait = due.saturating_duration_since(Instant::now());
            if !wait.is_zero() {
                return Ok(wait);
            }
            let count = bytes.len();
            if self.toxic == Toxic::Slices {
                self.note_fired();
            }
            let (allowed, more_after) = self.allowed();
            if allowed == 0 {
                self.fire(socket);
                return Ok(more_after);
            }
            let Some((_, bytes)) = self.held.front_mut() else {
                break;
            };
            match socket.write(&bytes[..count.min(allowed)]) {
                Ok(sent) => {
                    bytes.drain(..sent);
                    self.passed += sent as u64;
                    self.held_bytes -= sent;
                    if self.held.front().is_some_and(|(_, bytes)| bytes.is_empty()) {
                        self.held.pop_front();
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(FOREVER),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    // Whoever does not read any more has closed; its reset comes by the other pump.
                    self.drop_all();
                }
            }
        }
        if self.is_input_over && !self.is_shut && self.held.is_empty() && !self.drops {
            self.is_shut = true;
            // The receiver may be gone.
            let _ = socket.shutdown(Shutdown::Write);
        }
        Ok(FOREVER)
    }

    /// What happens behind the last byte that may pass.
    fn fire(&mut self, socket: &TcpStream) {
        // A slow line is not at its end either, but its bytes wait.
        self.note_fired();
        match self.toxic {
            Toxic::Reset(_) => self.end = Some(End::Reset),
            Toxic::Fin(_) => self.end = Some(End::Fin),
            Toxic::HalfClose(_) => {
                // The receiver may be gone.
                let _ = socket.shutdown(Shutdown::Write);
                self.drop_all();
            }
            _ => {}
        }
    }
}
