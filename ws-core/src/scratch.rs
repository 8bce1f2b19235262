//! What connections of one loop share while they receive and send.

use std::fmt;

use crate::{config::Limits, frame::MaskingKeys, message::Pool};

/// The receiving side's shared state: limits and a pool of buffers. One for each loop.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(crate) limits: Limits,
    pub(crate) pool: Pool,
}

impl Scratch {
    /// A scratch with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            pool: Pool::default(),
        }
    }

    /// The limits in force.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// The sending side's shared state: the masking keys. One for each loop.
#[derive(Default)]
pub struct SendScratch {
    pub(crate) masking_keys: Option<Box<dyn MaskingKeys + Send>>,
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
        }
    }
}

impl fmt::Debug for SendScratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendScratch")
            .field("masks", &self.masking_keys.is_some())
            .finish()
    }
}
