//! The servers of a run: started when first needed, kept until the end.

use std::{
    collections::HashMap,
    env, fs, io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process,
};

use ws_tests::{bench::server::Mode, echo::TestCertificate};

use crate::{
    options::Options,
    peers::{Certificate, Peer, Server},
};

/// Where a running server is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) pid: u32,
    pub(crate) port: u16,
}

pub(crate) struct Stage<'a> {
    pub(crate) options: &'a Options,
    /// By peer, mode and cores, and the number among its processes.
    servers: HashMap<(&'static str, Mode, &'static str, usize), Server>,
    certificate: Certificate,
    folder: PathBuf,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(options: &'a Options) -> io::Result<Self> {
        let folder = env::temp_dir().join(format!("ws-bench-{}", process::id()));
        fs::create_dir_all(&folder)?;
        let made = TestCertificate::new(&["localhost"]);
        let certificate = Certificate {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
        };
        fs::write(&certificate.chain, made.chain)?;
        fs::write(&certificate.key, made.key)?;
        Ok(Self {
            options,
            servers: HashMap::new(),
            certificate,
            folder,
        })
    }

    /// The peer's server in this mode, running on `cores`.
    pub(crate) fn server(
        &mut self,
        peer: &'static Peer,
        mode: Mode,
        cores: &'static str,
    ) -> io::Result<Place> {
        self.process(peer, mode, cores, 0)
    }

    /// All processes of the peer's server.
    pub(crate) fn servers(
        &mut self,
        peer: &'static Peer,
        mode: Mode,
        cores: &'static str,
    ) -> io::Result<Vec<Place>> {
        let numbers = 0..peer.processes();
        numbers
            .map(|number| self.process(peer, mode, cores, number))
            .collect()
    }

    fn process(
        &mut self,
        peer: &'static Peer,
        mode: Mode,
        cores: &'static str,
        number: usize,
    ) -> io::Result<Place> {
        let key = (peer.name, mode, cores, number);
        let is_dead = self
            .servers
            .get_mut(&key)
            .is_some_and(|server| !server.process.is_running());
        if is_dead {
            self.servers.remove(&key);
        }
        if !self.servers.contains_key(&key) {
            let server = self.fresh(peer, mode, cores)?;
            self.servers.insert(key, server);
        }
        Ok(self.servers[&key].place())
    }

    /// A server that nobody has used.
    pub(crate) fn fresh(&self, peer: &'static Peer, mode: Mode, cores: &str) -> io::Result<Server> {
        or_error(|| peer.start(mode, cores, self.options, &self.certificate))
    }

    /// Ends a peer's servers, so that the next one is new.
    pub(crate) fn end(&mut self, peer: &str) {
        self.servers.retain(|(name, ..), _| *name != peer);
    }

    /// Ends a peer's servers, as one has failed, and prints what they said.
    pub(crate) fn forget(&mut self, peer: &str) {
        for ((name, ..), server) in &self.servers {
            if *name == peer {
                eprint!("{}", server.process.stderr_so_far());
            }
        }
        self.end(peer);
    }
}

/// What is done with a process says why it cannot by panicking, as in tests.
pub(crate) fn or_error<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|why| {
        let text = why.downcast_ref::<String>();
        io::Error::other(text.map_or("it cannot", String::as_str).to_owned())
    })
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Server {
    pub(crate) fn place(&self) -> Place {
        Place {
            pid: self.process.id(),
            port: self.port,
        }
    }
}
