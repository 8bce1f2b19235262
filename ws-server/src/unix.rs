//! Unix sockets: a path to listen at, and what may lie there already.

#![expect(
    clippy::disallowed_types,
    reason = "sockets are made here and given to net/mio.rs"
)]

use std::{
    fs,
    io::{self, ErrorKind},
    os::unix::{
        fs::{FileTypeExt, MetadataExt},
        net::UnixListener,
    },
    path::{Path, PathBuf},
};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::config::Config;

/// A listening socket with its file, which is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct UnixSocket {
    pub(crate) listener: UnixListener,
    pub(crate) file: SocketFile,
}

/// The file of a listening socket.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and number: whoever replaced the file keeps it.
    identity: (u64, u64),
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            identity: identity(path)?,
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if identity(&self.path).is_ok_and(|found| found == self.identity) {
            // What cannot be removed is replaced by the next server.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Listens at a path. A socket that nobody listens at any more is replaced.
pub(crate) fn listen(path: &Path, config: &Config) -> io::Result<UnixSocket> {
    remove_stale(path)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let file = SocketFile::new(path)?;
    socket.set_nonblocking(true)?;
    socket.listen(i32::try_from(config.backlog).unwrap_or(i32::MAX))?;
    Ok(UnixSocket {
        listener: socket.into(),
        file,
    })
}

/// Removes the socket of a server that is gone; anything else stays and is an error.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => {
            let text = "there is a file that is no socket";
            return Err(io::Error::new(ErrorKind::AlreadyExists, text));
        }
        Err(error) => return Err(error),
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // A server with a full backlog would keep it waiting.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        Ok(()) | Err(_) => Err(ErrorKind::AddrInUse.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ws.sock");
        let config = Config::default();
        let first = listen(&path, &config).unwrap();
        let error = listen(&path, &config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AddrInUse);
        // As a server leaves it that was killed.
        let UnixSocket { listener, file } = first;
        std::mem::forget(file);
        drop(listener);
        assert!(path.exists());
        let second = listen(&path, &config).unwrap();
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn another_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("important.txt");
        fs::write(&path, "important").unwrap();
        let error = listen(&path, &Config::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "important");
    }

    #[test]
    fn a_successor_at_the_same_path_keeps_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ws.sock");
        let first = listen(&path, &Config::default()).unwrap();
        fs::remove_file(&path).unwrap();
        let second = listen(&path, &Config::default()).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
