//! What each half of a connection keeps of the agreed parameters: a few bytes, and a context only where one is taken over.

use crate::{
    extension::deflate::{
        DeflateConfig, DeflateParameters, WindowBits,
        compress::{Compressor, Compressors, Context, Shape},
        history::History,
    },
    role::Role,
};

/// How the sending half compresses: 4 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnSide {
    window: WindowBits,
    /// The level in the upper half, the memory level in the lower.
    levels: u8,
    threshold: u16,
}

const _: () = assert!(size_of::<Option<OwnSide>>() == 4);

impl OwnSide {
    /// The largest window whose context is kept as bytes and hashed anew for each message.
    ///
    /// Up to here that costs 6 µs at most and saves 150 KiB a connection; with a window of 32 KiB it would cost 40 µs.
    const MAX_HISTORY_WINDOW: u8 = 12;

    /// `None` if nothing can be compressed under these parameters.
    pub(crate) fn new(
        role: Role,
        parameters: &DeflateParameters,
        config: &DeflateConfig,
    ) -> Option<(Self, Option<OwnContext>)> {
        let window = parameters.max_window_bits(role).min(config.own_window_bits);
        if window < WindowBits::MIN_COMPRESS {
            return None;
        }
        let side = Self {
            window,
            levels: config.level.clamp(1, 9) << 4 | config.memory_level.clamp(1, 9),
            threshold: config.threshold,
        };
        let takes_over = config.own_context_takeover && !parameters.no_context_takeover(role);
        let context = takes_over.then(|| {
            if window.get() <= Self::MAX_HISTORY_WINDOW {
                OwnContext::History(History::default())
            } else {
                OwnContext::Stream {
                    compressor: None,
                    is_behind: false,
                }
            }
        });
        Some((side, context))
    }

    pub(crate) fn threshold(self) -> usize {
        self.threshold.into()
    }

    fn shape(self, window: WindowBits) -> Shape {
        Shape {
            window,
            level: self.levels >> 4,
            memory_level: self.levels & 0xF,
        }
    }

    /// The window for a message on its own: nothing in one that fits into the agreed window can refer beyond it, so
    /// all connections take the largest, and one compressor.
    pub(crate) fn window_alone(self, payload_bytes: usize) -> WindowBits {
        if payload_bytes <= self.window.bytes() {
            WindowBits::MAX
        } else {
            self.window
        }
    }

    /// Compresses a message, or a fragment of one, that refers to nothing earlier.
    pub(crate) fn compress_alone<'a>(
        self,
        payload: &[u8],
        is_last: bool,
        compressors: &'a mut Compressors,
    ) -> &'a [u8] {
        let shape = self.shape(self.window_alone(payload.len()));
        compressors.compress(payload, is_last, shape, Context::Before(&[]))
    }
}

/// What the messages of a connection that takes its context over may refer to.
#[derive(Debug)]
pub(crate) enum OwnContext {
    /// The data itself, with a shared compressor.
    History(History),
    /// A compressor of the connection's own, from its first compressed message on.
    Stream {
        compressor: Option<Box<Compressor>>,
        /// The peer has seen a message that the compressor has not: it must begin anew.
        is_behind: bool,
    },
}

impl OwnContext {
    /// Compresses a fragment, which may refer to everything before it.
    pub(crate) fn compress<'a>(
        &mut self,
        payload: &[u8],
        is_last: bool,
        side: OwnSide,
        compressors: &'a mut Compressors,
    ) -> &'a [u8] {
        let shape = side.shape(side.window);
        match self {
            Self::History(history) => {
                let context = Context::Before(history.as_bytes());
                compressors.compress(payload, is_last, shape, context)
            }
            Self::Stream {
                compressor,
                is_behind,
            } => {
                let compressor = compressor.get_or_insert_with(|| Box::new(Compressor::new(shape)));
                if std::mem::take(is_behind) {
                    compressor.reset();
                }
                compressors.compress(payload, is_last, shape, Context::Stream(compressor))
            }
        }
    }

    /// Whether a message that was compressed may still be sent as it was: only if the context has not moved.
    pub(crate) fn can_take_back(&self) -> bool {
        matches!(self, Self::History(_))
    }

    /// Notes that `payload` was sent as [`OwnContext::compress`] gave it.
    pub(crate) fn note_sent(&mut self, payload: &[u8], side: OwnSide) {
        if let Self::History(history) = self {
            history.push(payload, side.window.bytes());
        }
    }

    /// Notes that `payload` was sent compressed elsewhere, without a reference to anything earlier.
    pub(crate) fn note_sent_alone(&mut self, payload: &[u8], side: OwnSide) {
        match self {
            Self::History(history) => history.push(payload, side.window.bytes()),
            Self::Stream { is_behind, .. } => *is_behind = true,
        }
    }

    /// Bytes of heap memory held.
    pub(crate) fn held_bytes(&self, side: OwnSide) -> usize {
        match self {
            Self::History(history) => history.capacity(),
            Self::Stream { compressor, .. } => compressor
                .as_ref()
                .map_or(0, |_| Compressor::stream_bytes(side.shape(side.window))),
        }
    }
}

/// What the receiving half keeps: 2 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerSide {
    window: WindowBits,
    takes_over: bool,
}

const _: () = assert!(size_of::<Option<PeerSide>>() == 2);

impl PeerSide {
    pub(crate) fn new(role: Role, parameters: &DeflateParameters) -> Self {
        Self {
            window: parameters.max_window_bits(role.peer()),
            takes_over: !parameters.no_context_takeover(role.peer()),
        }
    }

    /// The window that must be kept between messages, in bytes; none without context takeover.
    pub(crate) fn kept_window(self) -> Option<usize> {
        self.takes_over.then(|| self.window.bytes())
    }
}
