//! 1C:Enterprise Native API add-in: WebSocket client and server.
