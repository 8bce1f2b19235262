//! Which side of a connection an endpoint is.

/// Which side of a connection an endpoint is: it decides who masks.
///
/// A client masks every frame it sends, a server none
/// (RFC 6455 [§5.1](https://www.rfc-editor.org/rfc/rfc6455#section-5.1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a connection has two sides")]
pub enum Role {
    /// The endpoint that asked for the connection.
    Client,
    /// The endpoint that accepted it.
    Server,
}

impl Role {
    /// Whether frames sent by this side are masked.
    pub(crate) const fn masks(self) -> bool {
        matches!(self, Self::Client)
    }

    /// The other side.
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}
