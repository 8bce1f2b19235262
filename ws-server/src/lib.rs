//! WebSocket server on a readiness loop: handlers in the loop, or a mailbox to poll.
