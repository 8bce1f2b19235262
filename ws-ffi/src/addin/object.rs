//! A client or a server behind one face.

use ws_core::Hook;

use super::class::ClassName;
use crate::dispatch::{Client, Function, Notice, Payload, Receipt, Server, Value};

/// What an object of a class works with.
#[derive(Debug)]
pub(super) enum Object {
    Client(Client),
    Server(Server),
}

impl Object {
    pub(super) fn new(class: ClassName) -> Self {
        match class {
            ClassName::Client => Self::Client(Client::new()),
            ClassName::Server => Self::Server(Server::new()),
        }
    }

    pub(super) fn call(&self, function: &'static Function, arguments: &[Value]) -> Value {
        match self {
            Self::Client(client) => client.call(function, arguments),
            Self::Server(server) => server.call(function, arguments),
        }
    }

    pub(super) fn receive(&self, function: &'static Function, arguments: &[Value]) -> Receipt<'_> {
        match self {
            Self::Client(client) => client.receive(function, arguments),
            Self::Server(server) => server.receive(function, arguments),
        }
    }

    pub(super) fn take_payload<R>(&self, take: impl FnOnce(&Payload) -> Option<R>) -> Option<R> {
        match self {
            Self::Client(client) => client.take_payload(take),
            Self::Server(server) => server.take_payload(take),
        }
    }

    pub(super) fn keep_payload(&self) {
        match self {
            Self::Client(client) => client.keep_payload(),
            Self::Server(server) => server.keep_payload(),
        }
    }

    pub(super) fn set_notify(&self, notify: Option<Hook<Notice>>) {
        match self {
            Self::Client(client) => client.set_notify(notify),
            Self::Server(server) => server.set_notify(notify),
        }
    }

    /// Whether there is something to receive.
    pub(super) fn has_waiting(&self) -> bool {
        match self {
            Self::Client(client) => client.has_waiting(),
            Self::Server(server) => server.has_waiting(),
        }
    }

    pub(super) fn abort(&self) {
        match self {
            Self::Client(client) => client.abort(),
            Self::Server(server) => server.abort(),
        }
    }
}
