//! What can go wrong outside of the loop, how often in this world, and how often it did.

use super::dice::Dice;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A write of the peer arrives in pieces.
    Cut,
    /// Bytes of several writes arrive together.
    Merge,
    Delay,
    Reset,
    /// The peer closes its side of TCP without a Close frame, and reads on.
    HalfClose,
    /// Nothing arrives for seconds.
    Blackhole,
    /// The peer does not read for seconds.
    StalledReader,
    /// Accepting fails for want of descriptors (EMFILE).
    NoDescriptors,
    /// Accepting fails since the peer has gone (ECONNABORTED).
    AcceptAborted,
    /// The system refuses to watch a socket.
    WatchRefused,
    /// Our side of a socket cannot be closed: the peer is gone (ENOTCONN).
    ShutdownRefused,
    /// An event that means nothing, also of slots that are empty.
    SpuriousWakeUp,
    /// Bytes stay in the socket of which no event will tell again.
    MissingWakeUp,
    /// An edge is told in a later batch.
    LateWakeUp,
    /// EINTR.
    Interrupted,
    ShortWrite,
    /// The clock leaps forward.
    ClockJump,
    /// Bytes of somebody who means harm.
    Attack,
}

/// The rates of a world and what came of them.
#[derive(Debug)]
pub(crate) struct Faults {
    /// One in so many chances; 0: never.
    one_in: [usize; Fault::ALL.len()],
    pub(crate) hits: [u64; Fault::ALL.len()],
    /// The faults have stopped.
    pub(crate) is_calm: bool,
}

impl Fault {
    /// Each kind, and the most frequent it gets: one in so many chances.
    pub(crate) const ALL: [(Self, usize); 18] = [
        (Self::Cut, 2),
        // Comes of itself.
        (Self::Merge, 0),
        (Self::Delay, 3),
        (Self::Reset, 300),
        (Self::HalfClose, 300),
        (Self::Blackhole, 60),
        (Self::StalledReader, 60),
        (Self::NoDescriptors, 6),
        (Self::AcceptAborted, 8),
        (Self::WatchRefused, 20),
        (Self::ShutdownRefused, 30),
        (Self::SpuriousWakeUp, 60),
        // Comes of itself.
        (Self::MissingWakeUp, 0),
        (Self::LateWakeUp, 8),
        (Self::Interrupted, 20),
        (Self::ShortWrite, 4),
        (Self::ClockJump, 200),
        // The attacker is a peer.
        (Self::Attack, 0),
    ];
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self {
            one_in: [0; Fault::ALL.len()],
            hits: [0; Fault::ALL.len()],
            is_calm: false,
        }
    }

    /// More than half of the kinds, each up to eight times rarer than it may be.
    pub(crate) fn drawn(dice: &mut Dice) -> Self {
        let mut faults = Self::none();
        for (rate, (_, most)) in faults.one_in.iter_mut().zip(Fault::ALL) {
            if dice.below(5) < 3 {
                *rate = most << dice.below(4);
            }
        }
        faults
    }

    /// Tells whether one is due now; it counts only when it hits.
    pub(crate) fn strikes(&self, fault: Fault, dice: &mut Dice) -> bool {
        let one_in = self.one_in[fault as usize];
        one_in > 0 && !self.is_calm && dice.one_in(one_in)
    }

    pub(crate) fn hit(&mut self, fault: Fault) {
        self.hits[fault as usize] += 1;
    }

    /// As [`Faults::strikes`], for a fault that hits whenever it is due.
    pub(crate) fn hits_now(&mut self, fault: Fault, dice: &mut Dice) -> bool {
        let strikes = self.strikes(fault, dice);
        self.hits[fault as usize] += u64::from(strikes);
        strikes
    }

    pub(crate) fn kinds(&self) -> usize {
        self.hits.iter().filter(|hits| **hits > 0).count()
    }
}
