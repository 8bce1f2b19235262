//! The frames of both directions as lines of the log, for who asks for that.

use ws_core::{FrameTrace, Role};

/// Where the lines are logged, without anything around them in the CLI.
const TARGET: &str = "ws_client::frames";

/// What follows the two streams.
#[derive(Debug)]
pub(super) struct Taps {
    received: FrameTrace,
    sent: FrameTrace,
}

impl Taps {
    /// `None` if nobody would read the lines: then no byte is looked at.
    pub(super) fn if_logged() -> Option<Box<Self>> {
        log::log_enabled!(target: TARGET, log::Level::Trace).then(|| {
            Box::new(Self {
                received: FrameTrace::new(Role::Server),
                sent: FrameTrace::new(Role::Client),
            })
        })
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.received
            .follow(bytes, |frame| log::trace!(target: TARGET, "< {frame}"));
    }

    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.sent
            .follow(bytes, |frame| log::trace!(target: TARGET, "> {frame}"));
    }
}
