//! What idle connections hold.

use std::{io, time::Duration};

use ws_tests::{
    bench::{
        server::Mode,
        traffic::{Kind, Traffic},
    },
    figures::resident_bytes,
};

use super::open;
use crate::{
    load::{Load, compressed},
    peers::Server,
    results::Sample,
    turns::{Turn, cpu_of},
};

/// Connections that have echoed once and are idle then.
pub(crate) struct Memory {
    mode: Mode,
    connections: usize,
    server: Server,
}

/// Open before anything is measured: what a server makes once is not what a connection costs.
const FIRST: usize = 500;
/// Of an idle connection's only message.
const SMALL: usize = 125;

impl Memory {
    pub(crate) fn new(mode: Mode, connections: usize, server: Server) -> Self {
        Self {
            mode,
            connections,
            server,
        }
    }

    fn hold(&self, connections: usize) -> io::Result<Load> {
        let port = self.server.port;
        let (wires, traffic) = if self.mode == Mode::Deflate {
            compressed::open(port, connections, SMALL, 1)?
        } else {
            (
                open(self.mode, port, connections)?,
                Traffic::new(Kind::Binary, SMALL, 1),
            )
        };
        let mut load = Load::new(wires, traffic, 1)?;
        load.echo(Duration::ZERO)?;
        Ok(load)
    }
}

impl Turn for Memory {
    fn turn(&mut self, _: Duration) -> io::Result<Sample> {
        let pid = self.server.process.id();
        let resident = || {
            let bytes = cpu_of(&[pid], || Ok(resident_bytes(pid)))?.0;
            bytes.ok_or_else(|| io::Error::other("the server has ended"))
        };
        let _first = self.hold(FIRST)?;
        let before = resident()?;
        let _idle = self.hold(self.connections)?;
        let growth = resident()?.saturating_sub(before);
        let held = (FIRST + self.connections) as f64;
        Ok(Sample::new(growth as f64 / self.connections as f64).with("held", held))
    }
}
