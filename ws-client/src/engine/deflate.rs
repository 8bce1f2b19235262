//! What the opening handshake agreed on, and how to compress.

use ws_core::extension::{DeflateAgreement, DeflateConfig};

/// Compression of an open connection.
#[derive(Debug, Clone)]
pub(crate) struct Deflate {
    pub(crate) agreement: DeflateAgreement,
    pub(crate) config: DeflateConfig,
}

impl Deflate {
    /// Compression as it was offered with `config`, if the server has agreed.
    pub(crate) fn new(
        agreement: Option<DeflateAgreement>,
        config: Option<&DeflateConfig>,
    ) -> Option<Self> {
        let config = config?.clone();
        agreement.map(|agreement| Self { agreement, config })
    }
}
