//! One TCP connection between a peer and the loop: byte queues, and the edges that tell of them.

use std::{collections::VecDeque, time::Duration};

use super::input::Input;

/// One TCP connection.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// What the server's system has received.
    pub(crate) inbound: VecDeque<u8>,
    /// What the server has sent and the peer has not read.
    pub(crate) outbound: VecDeque<u8>,
    /// Sent by the peer and still on its way; the empty one is the end of the peer's side.
    flight: VecDeque<(Duration, Vec<u8>)>,
    flight_bytes: usize,
    /// Nothing arrives before.
    pub(crate) held_until: Duration,
    pub(crate) capacity: usize,
    fin_sent: bool,
    pub(crate) peer_fin: bool,
    pub(crate) reset: bool,
    /// The loop was told of the end of the peer's side.
    pub(crate) end_taken: bool,
    pub(crate) server_fin: bool,
    pub(crate) server_closed: bool,
    /// When the server closed it although the peer had not read everything.
    pub(crate) cut_at: Option<Duration>,
    pub(crate) slot: Option<u32>,
    pub(crate) watches_output: bool,
    /// Epoll: an edge that poll has not reported yet.
    pub(crate) input_edge: bool,
    pub(crate) output_edge: bool,
    /// Epoll: the socket said that it is full, so room in it makes an edge.
    pub(crate) is_full: bool,
    /// Windows: the next edge will come.
    pub(crate) input_armed: bool,
    pub(crate) output_armed: bool,
    /// The socket takes nothing more.
    pub(crate) is_choked: bool,
    /// The next event tells that it may be read, whether or not it may.
    pub(crate) is_nudged: bool,
    /// Since when the loop should have been told of something.
    pub(crate) late_since: Option<Duration>,
    /// Where in the peer's stream something ends, and what.
    pub(crate) marks: VecDeque<(u64, Input)>,
    taken: u64,
    /// When the loop last received, and last sent.
    pub(crate) heard_at: Duration,
    pub(crate) sent_at: Duration,
    /// A fault has changed what must come of the connection.
    pub(crate) is_disturbed: bool,
}

impl Pipe {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            input_armed: true,
            ..Self::default()
        }
    }

    pub(crate) fn has_input(&self) -> bool {
        !self.inbound.is_empty() || self.peer_fin || self.reset
    }

    pub(crate) fn space(&self) -> usize {
        if self.is_choked {
            return 0;
        }
        self.capacity - self.outbound.len().min(self.capacity)
    }

    /// From now on the socket takes nothing.
    pub(crate) fn choke(&mut self) {
        self.is_choked = true;
        self.is_disturbed = true;
        self.output_edge = false;
    }

    /// Tells whether the end of such a thing has arrived, or is on its way.
    pub(crate) fn has_sent(&self, input: Input) -> bool {
        self.has_mark(input, self.flight_bytes)
    }

    /// Tells whether the end of such a thing has arrived.
    pub(crate) fn has_got(&self, input: Input) -> bool {
        self.has_mark(input, 0)
    }

    fn has_mark(&self, input: Input, behind: usize) -> bool {
        let reach = self.taken + (self.inbound.len() + behind) as u64;
        let mut marks = self.marks.iter();
        marks.any(|&(end, what)| what == input && end <= reach)
    }

    /// How many bytes the peer may send now.
    pub(crate) fn peer_space(&self) -> usize {
        if self.server_closed || self.reset || self.fin_sent {
            return 0;
        }
        let used = self.inbound.len() + self.flight_bytes;
        self.capacity - used.min(self.capacity)
    }

    /// The peer's `send`, which arrives at once: how many bytes went.
    pub(crate) fn peer_send(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.peer_space());
        self.arrive(&bytes[..count]);
        count
    }

    /// Puts bytes on their way that arrive later, and behind those that are on theirs.
    pub(crate) fn launch(&mut self, at: Duration, bytes: &[u8]) {
        let at = self.flight.back().map_or(at, |(last, _)| at.max(*last));
        self.flight_bytes += bytes.len();
        self.flight.push_back((at, bytes.to_vec()));
    }

    /// When the next of them arrive.
    pub(crate) fn next_arrival(&self) -> Option<Duration> {
        let (at, _) = self.flight.front()?;
        Some(self.held_until.max(*at))
    }

    /// Lets arrive what is due; how often it joined what was there.
    pub(crate) fn land(&mut self, now: Duration) -> u64 {
        let mut merges = 0;
        while self.next_arrival().is_some_and(|at| at <= now) {
            let Some((_, bytes)) = self.flight.pop_front() else {
                break;
            };
            self.flight_bytes -= bytes.len();
            merges += u64::from(!self.inbound.is_empty() && !bytes.is_empty());
            if bytes.is_empty() {
                self.peer_fin = true;
                self.input_edge = true;
            } else if !self.server_closed && !self.reset {
                self.arrive(&bytes);
            }
        }
        merges
    }

    fn arrive(&mut self, bytes: &[u8]) {
        self.inbound.extend(bytes);
        self.input_edge |= !bytes.is_empty();
    }

    /// The peer's `recv`.
    pub(crate) fn peer_recv(&mut self, limit: usize) -> Vec<u8> {
        let count = limit.min(self.outbound.len());
        if count == 0 {
            return Vec::new();
        }
        let bytes = self.outbound.make_contiguous()[..count].to_vec();
        self.outbound.drain(..count);
        if std::mem::take(&mut self.is_full) {
            self.output_edge = true;
        }
        bytes
    }

    /// The peer closes its side, behind everything it has sent.
    pub(crate) fn peer_fin(&mut self, now: Duration) {
        if !self.fin_sent {
            self.fin_sent = true;
            self.launch(now, &[]);
            self.land(now);
        }
    }

    pub(crate) fn peer_reset(&mut self, keeps_input: bool) {
        self.reset = true;
        self.outbound.clear();
        self.flight.clear();
        self.flight_bytes = 0;
        if !keeps_input {
            self.inbound.clear();
        }
        self.input_edge = true;
        self.output_edge = true;
    }

    /// The loop's `recv` of so many bytes to two places; what ended in them first.
    pub(crate) fn take(&mut self, count: usize, first: &mut [u8], second: &mut [u8]) -> Input {
        let arrived = &self.inbound.make_contiguous()[..count];
        let (begin, end) = arrived.split_at(count.min(first.len()));
        first[..begin.len()].copy_from_slice(begin);
        second[..end.len()].copy_from_slice(end);
        self.inbound.drain(..count);
        self.taken += count as u64;
        let mut ended = None;
        while let Some((end, input)) = self.marks.front().copied()
            && end <= self.taken
        {
            self.marks.pop_front();
            ended.get_or_insert(input);
        }
        ended.unwrap_or(Input::Piece)
    }
}
