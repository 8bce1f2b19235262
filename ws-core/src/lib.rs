//! WebSocket protocol (RFC 6455) as plain state machines: bytes in, events out.
