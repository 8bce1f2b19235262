//! What connections of one loop share while they receive and send.

use std::fmt;

#[cfg(feature = "deflate")]
use crate::extension::{Compressors, Inflater};
use crate::{config::Limits, frame::MaskingKeys, pool::Pool};

/// The receiving side's shared state: limits, a pool of buffers, and the inflater. One for each loop.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) limits: Limits,
    pub(crate) pool: Pool,
    /// Made for the first compressed message.
    #[cfg(feature = "deflate")]
    pub(crate) inflater: Option<Box<Inflater>>,
}

impl Scratch {
    /// A scratch with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Sets how much memory of long messages is kept for later ones. Default: 16 MiB. More pays where many connections
    /// receive long messages at the same time; see [`Scratch::trim`].
    #[must_use]
    pub fn pooled_bytes_limit(mut self, bytes: usize) -> Self {
        self.pool.buffers.set_max_bytes(bytes);
        self
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Keeps the buffer of a long message for a later one, if there is room for it: what
    /// [`Receive::take_assembled`](crate::Receive::take_assembled) gave, once it is of no more use.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        self.pool.buffers.give_back(buffer);
    }

    /// Gives those buffers of long messages up that were not needed since the last call.
    pub fn trim(&mut self) {
        self.pool.buffers.trim();
    }

    /// Gives all buffers of long messages up that lie unused.
    pub fn give_up_buffers(&mut self) {
        self.pool.buffers.clear();
    }

    /// Bytes of heap memory in buffers of long messages that lie unused.
    pub fn pooled_bytes(&self) -> usize {
        self.pool.buffers.held_bytes()
    }

    /// Bytes of heap memory kept for the next message of any connection: at most 4 MiB in pooled buffers of short messages,
    /// [`Scratch::pooled_bytes_limit`] in those of long ones and, once a compressed message came, 48 KiB of an inflater and
    /// 1 MiB of its output; during a larger message that message.
    pub fn held_bytes(&self) -> usize {
        #[cfg(feature = "deflate")]
        let inflater = self.inflater.as_ref().map_or(0, |i| i.held_bytes());
        #[cfg(not(feature = "deflate"))]
        let inflater = 0;
        self.pool.held_bytes() + inflater
    }
}

/// The sending side's shared state: the masking keys and the compressors. One for each loop.
#[derive(Default)]
pub struct SendScratch {
    pub(crate) masking_keys: Option<Box<dyn MaskingKeys + Send>>,
    /// Made for the first compressed message.
    #[cfg(feature = "deflate")]
    pub(crate) compressors: Option<Box<Compressors>>,
}

impl SendScratch {
    /// For servers, whose frames are not masked.
    pub fn server() -> Self {
        Self::default()
    }

    /// For clients; `keys` must not be predictable for the peer (RFC 6455 §10.3).
    pub fn client(keys: Box<dyn MaskingKeys + Send>) -> Self {
        Self {
            masking_keys: Some(keys),
            #[cfg(feature = "deflate")]
            compressors: None,
        }
    }

    /// Bytes of heap memory kept for the next message of any connection: none, or once a message was compressed about
    /// 380 KiB for each window and level in use and at most 1 MiB of output.
    pub fn held_bytes(&self) -> usize {
        #[cfg(feature = "deflate")]
        let compressors = self.compressors.as_ref().map_or(0, |c| c.held_bytes());
        #[cfg(not(feature = "deflate"))]
        let compressors = 0;
        compressors
    }
}

impl fmt::Debug for SendScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendScratch")
            .field("masks", &self.masking_keys.is_some())
            .field("held_bytes", &self.held_bytes())
            .finish()
    }
}
