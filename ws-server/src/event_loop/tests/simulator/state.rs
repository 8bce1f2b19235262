//! What a connection is doing, told from the loop's own fields.

use crate::event_loop::{Phase, Slot, accept::Accepting};

/// The state of a connection, or of the listener, between two turns of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// A balancer's header is to come first.
    Proxy,
    /// TLS is not settled.
    Tls,
    /// The request is not whole.
    Head,
    Open,
    /// A frame or a message has begun.
    Inside,
    /// The handler does not want messages.
    Paused,
    /// The send queue is above its mark, so nothing is read.
    Throttled,
    /// Something waits in the send queue.
    Blocked,
    /// The budget of memory is used up.
    Starved,
    /// Nothing can be sent any more, but there is input to read.
    Broken,
    /// Our Close is sent.
    Closing,
    /// Our Close waits in the queue.
    ClosingUnsent,
    /// The last bytes wait in the queue.
    EndingUnsent,
    /// An answer is read and sent piece by piece.
    Answering,
    /// Our side is shut, and the peer's is waited for.
    Lingering,
    /// The listener takes connections.
    Listening,
    /// The listener waits after an error.
    Retrying,
}

impl State {
    pub(crate) const ALL: [Self; 17] = [
        Self::Proxy,
        Self::Tls,
        Self::Head,
        Self::Open,
        Self::Inside,
        Self::Paused,
        Self::Throttled,
        Self::Blocked,
        Self::Starved,
        Self::Broken,
        Self::Closing,
        Self::ClosingUnsent,
        Self::EndingUnsent,
        Self::Answering,
        Self::Lingering,
        Self::Listening,
        Self::Retrying,
    ];

    /// Those that stand between two in the order above, and these.
    pub(crate) const fn from_to(first: Self, last: Self) -> &'static [Self] {
        let (until, _) = Self::ALL.split_at(last as usize + 1);
        until.split_at(first as usize).1
    }

    pub(crate) fn of<C>(place: &Slot<C>) -> Self {
        match place.phase {
            Phase::Opening => {
                let proxy = place.handshake.as_ref().map(|h| h.proxy.is_some());
                let tls = place.tls.as_ref().map(|state| state.is_handshaking());
                match (proxy, tls) {
                    (Some(true), _) => Self::Proxy,
                    (_, Some(true)) => Self::Tls,
                    _ => Self::Head,
                }
            }
            Phase::Open if place.hung_up => Self::Broken,
            Phase::Open if place.is_starved => Self::Starved,
            Phase::Open if place.is_paused => Self::Paused,
            Phase::Open if place.is_throttled => Self::Throttled,
            Phase::Open if place.queue.is_some() => Self::Blocked,
            Phase::Open if place.receiver.is_mid_message() => Self::Inside,
            Phase::Open => Self::Open,
            Phase::Closing if place.queue.is_some() => Self::ClosingUnsent,
            Phase::Closing => Self::Closing,
            Phase::Ending if place.is_shut => Self::Lingering,
            Phase::Ending if place.deadline.is_none() => Self::Answering,
            Phase::Ending | Phase::Dead => Self::EndingUnsent,
        }
    }

    pub(crate) fn of_listener(accepting: &Accepting) -> Self {
        match accepting.retry_at {
            Some(_) => Self::Retrying,
            None => Self::Listening,
        }
    }
}
