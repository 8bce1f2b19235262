//! Blocking WebSocket client with a deadline on every call.
