//! A connection that nobody drives yet.

use std::fmt;

use crate::dial::{self, Dialled};
use crate::error::Error;
use crate::request::ConnectRequest;

/// An open connection before its first frame is looked at: for a [`Client`](crate::Client) or a
/// [`Swarm`](crate::Swarm).
///
/// Dropping it ends the TCP connection without a Close.
pub struct Connected {
    pub(crate) dialled: Dialled,
    pub(crate) request: ConnectRequest,
}

impl Connected {
    /// Resolves, connects, goes through the proxy, sets TLS up and does the opening handshake.
    ///
    /// # Errors
    /// As [`Client::connect_with`](crate::Client::connect_with).
    pub fn dial(request: &ConnectRequest) -> Result<Self, Error> {
        Ok(Self {
            dialled: dial::dial(request, dial::system_resolver())?,
            request: request.clone(),
        })
    }
}

impl fmt::Debug for Connected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connected")
            .field("address", self.request.address())
            .finish_non_exhaustive()
    }
}
