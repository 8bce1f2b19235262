//! A message encoded once, to be sent to many clients.

#[cfg(feature = "deflate")]
use std::sync::{Arc, OnceLock};

#[cfg(feature = "deflate")]
use crate::extension::{Compressors, OwnSide, WindowBits};
use crate::{
    connection::Compression,
    frame::{FirstByte, FrameHeader, encode_header},
    opcode::OpCode,
};

/// A whole message as one unmasked frame: what a server sends to each of many clients.
///
/// Whoever broadcasts shares it by reference count. For connections with permessage-deflate it is compressed when the
/// first of them needs it, once for each window, on whichever thread that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedFrame {
    bytes: Vec<u8>,
    payload_start: u8,
    compression: Compression,
    #[cfg(feature = "deflate")]
    compressed: OnceLock<Box<Variants>>,
}

/// The compressed form for each window, from the smallest up; `None` inside where it is no shorter.
#[cfg(feature = "deflate")]
type Variants = [OnceLock<Option<Arc<PreparedFrame>>>; 7];

impl PreparedFrame {
    /// Encodes a text message.
    pub fn text(text: &str) -> Self {
        Self::new(FirstByte::new(OpCode::Text, true), text.as_bytes())
    }

    /// Encodes a binary message.
    pub fn binary(data: &[u8]) -> Self {
        Self::new(FirstByte::new(OpCode::Binary, true), data)
    }

    fn new(first: FirstByte, payload: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(FrameHeader::MAX_BYTES + payload.len());
        encode_header(first, None, payload.len() as u64, &mut bytes);
        let payload_start = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        bytes.extend_from_slice(payload);
        Self {
            bytes,
            payload_start,
            compression: Compression::Auto,
            #[cfg(feature = "deflate")]
            compressed: OnceLock::new(),
        }
    }

    /// Sets whether connections with permessage-deflate get it compressed. Default: [`Compression::Auto`].
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// Returns how often it was compressed so far: once for each window that a connection needed.
    pub fn compressions(&self) -> usize {
        #[cfg(feature = "deflate")]
        let variants = self.compressed.get();
        #[cfg(not(feature = "deflate"))]
        let variants = None::<&[std::sync::OnceLock<()>; 0]>;
        variants.map_or(0, |variants| {
            let made = variants.iter().filter(|variant| variant.get().is_some());
            made.count()
        })
    }

    pub(crate) fn compression(&self) -> Compression {
        self.compression
    }

    pub(crate) fn opcode(&self) -> OpCode {
        OpCode::from_bits(self.bytes[0] & 0xF).unwrap_or(OpCode::Binary)
    }

    /// The frame as it stands on the wire, uncompressed unless
    /// [`Sender::select_prepared`](crate::Sender::select_prepared) gave it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload as it stands on the wire.
    pub fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_start.into()..]
    }

    /// The same message compressed, if that is shorter; it refers to no message before it.
    #[cfg(feature = "deflate")]
    pub(crate) fn compressed(
        &self,
        side: OwnSide,
        compressors: &mut Compressors,
    ) -> Option<&Arc<Self>> {
        let window = side.window_alone(self.payload().len());
        let index = usize::from(window.get() - WindowBits::MIN_COMPRESS.get());
        let variants = self.compressed.get_or_init(Box::default);
        let variant = variants[index].get_or_init(|| {
            let payload = side.compress_alone(self.payload(), true, compressors);
            let first = FirstByte::new(self.opcode(), true).compressed();
            (payload.len() < self.payload().len()).then(|| Arc::new(Self::new(first, payload)))
        });
        variant.as_ref()
    }
}
