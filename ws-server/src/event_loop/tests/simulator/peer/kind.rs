//! How a client behaves.

use super::Dice;

/// How a client behaves. Numbers are messages that the server has got by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Sends its messages, takes what comes, closes.
    Orderly,
    /// As `Orderly`, but the server's handler closes it when all its messages have come.
    ClosedByServer,
    /// As `ClosedByServer`, but does not answer the Close, and talks on.
    Deaf,
    /// Is reset then.
    Reset(u32),
    /// Closes its side of TCP without a Close frame then.
    Gone(u32),
    /// Says nothing more and takes nothing from then on.
    Silent(u32),
    /// Talks without reading.
    Flooder,
    /// Sends its request byte by byte and never ends it.
    Slow,
    /// Asks for `/health`.
    Health,
    /// Asks for a long page.
    Page,
    /// Sends a head that is none.
    BadHead,
    /// Breaks the protocol after its last message.
    Rude,
    /// As `Rude`, but talks on and does not close its side.
    Lingerer,
    /// Sends random bytes, or frames with changes in them.
    Attacker,
    /// TLS: sends close_notify instead of a Close frame then, at times instead of its request.
    Polite(u32),
    /// TLS: sends a broken record then.
    Broken(u32),
    /// TLS: never ends its hello.
    SlowHello,
    /// Speaks HTTP to a port with TLS.
    PlainText,
}

impl Kind {
    pub(crate) fn drawn(messages: u32, has_tls: bool, dice: &mut Dice) -> Self {
        let part = u32::try_from(dice.below(messages as usize + 1)).unwrap();
        match dice.below(36) {
            0 => Self::Reset(part),
            1 | 2 => Self::Gone(part),
            3 | 4 => Self::Silent(part),
            5 => Self::Slow,
            6 => Self::Health,
            7 => Self::Page,
            8 => Self::BadHead,
            9 | 10 => Self::Rude,
            11 | 12 => Self::Lingerer,
            13 | 14 => Self::Attacker,
            15 | 16 => Self::Flooder,
            17 | 18 => Self::Deaf,
            19 | 20 => Self::ClosedByServer,
            21..=23 if has_tls => Self::Polite(part),
            24 | 25 if has_tls => Self::Broken(part),
            26 if has_tls => Self::SlowHello,
            27 if has_tls => Self::PlainText,
            _ => Self::Orderly,
        }
    }

    /// Tells whether it asks for a WebSocket.
    pub(crate) fn opens(self) -> bool {
        !matches!(
            self,
            Self::Slow
                | Self::Health
                | Self::Page
                | Self::BadHead
                | Self::SlowHello
                | Self::PlainText
        )
    }

    /// Tells whether it leaves its side of TCP open when the server has closed its own.
    pub(crate) fn stays(self) -> bool {
        matches!(self, Self::Lingerer | Self::Silent(_))
    }

    /// Bytes that it sends at once, after so many.
    pub(super) fn most_at_once(self, sent: usize) -> usize {
        match self {
            Self::Slow => 1,
            Self::SlowHello => 100 - sent.min(100),
            _ => usize::MAX,
        }
    }
}
