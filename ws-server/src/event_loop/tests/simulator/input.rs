//! What can come to a connection, or to the listener.

/// Something that comes into the loop through its `Net`, by time, or by a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    // Bytes, by what ends first in those of one `recv`.
    /// Nothing ends in them.
    Piece,
    ProxyHeader,
    /// A flight of the TLS handshake.
    Hello,
    Request,
    /// A whole message in one frame.
    Data,
    /// A frame of a longer message.
    Fragment,
    Ping,
    Pong,
    Close,
    /// Something that breaks the protocol: HTTP, WebSocket or TLS.
    Violation,
    CloseNotify,
    // The end of the bytes.
    End,
    ResetByPeer,
    BrokenPipe,
    // Events.
    Readable,
    Writable,
    ReadClosed,
    HungUp,
    /// An event without a cause.
    Nothing,
    // Time.
    HandshakeDue,
    EndDue,
    TimerDue,
    PingDue,
    Silence,
    Stall,
    Idle,
    // Commands.
    SendCommand,
    CloseCommand,
    Abort,
    PauseCommand,
    ResumeCommand,
    PingCommand,
    SetTimer,
    Broadcast,
    Stop,
    // The listener's.
    AcceptEdge,
    Connection,
    NoDescriptors,
    Aborted,
    AcceptInterrupted,
    NobodyWaits,
}

impl Input {
    pub(crate) const ALL: [Self; 41] = [
        Self::Piece,
        Self::ProxyHeader,
        Self::Hello,
        Self::Request,
        Self::Data,
        Self::Fragment,
        Self::Ping,
        Self::Pong,
        Self::Close,
        Self::Violation,
        Self::CloseNotify,
        Self::End,
        Self::ResetByPeer,
        Self::BrokenPipe,
        Self::Readable,
        Self::Writable,
        Self::ReadClosed,
        Self::HungUp,
        Self::Nothing,
        Self::HandshakeDue,
        Self::EndDue,
        Self::TimerDue,
        Self::PingDue,
        Self::Silence,
        Self::Stall,
        Self::Idle,
        Self::SendCommand,
        Self::CloseCommand,
        Self::Abort,
        Self::PauseCommand,
        Self::ResumeCommand,
        Self::PingCommand,
        Self::SetTimer,
        Self::Broadcast,
        Self::Stop,
        Self::AcceptEdge,
        Self::Connection,
        Self::NoDescriptors,
        Self::Aborted,
        Self::AcceptInterrupted,
        Self::NobodyWaits,
    ];

    /// Those that stand between two in the order above, and these.
    pub(crate) const fn from_to(first: Self, last: Self) -> &'static [Self] {
        let (until, _) = Self::ALL.split_at(last as usize + 1);
        until.split_at(first as usize).1
    }
}
