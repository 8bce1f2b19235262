//! The other way round: a client is measured, and the floor's server answers it from the other core.

use std::{io, time::Duration};

use ws_tests::{bench::traffic::Kind, process::Process};

use crate::{
    options::Options,
    peers::Peer,
    results::Sample,
    stage::{Place, or_error},
    turns::{Turn, cpu_of},
};

/// A blocking client with one message on its way.
pub(crate) struct Client(Process);

impl Client {
    pub(crate) fn open(
        peer: &Peer,
        kind: Kind,
        size: usize,
        server: Place,
        options: &Options,
    ) -> io::Result<Self> {
        let mut command = peer.client(options);
        command.args([server.port.to_string(), size.to_string()]);
        command.arg(kind.name());
        or_error(|| Self(Process::spawn(&mut command)))
    }
}

impl Turn for Client {
    fn turn(&mut self, time: Duration) -> io::Result<Sample> {
        let pid = self.0.id();
        let line = format!("{}\n", time.as_secs_f64());
        let (messages, cpu) = cpu_of(&[pid], || {
            or_error(|| {
                self.0.write(line.as_bytes());
                self.0.wait_for_stdout(|line| line.parse::<u64>().ok())
            })
        })?;
        Ok(Sample::new(cpu / 1e3 / messages as f64))
    }
}
