//! Proxies from Debian's packages, each started by the test with a configuration of its own.
//!
//! `cargo xtask install` brings them; without one its tests fail and say so.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use ws_tests::wait;

use super::certs::Identity;
use super::process::Process;

/// The login that each proxy with a login knows.
pub(crate) const LOGIN: &str = "user";
pub(crate) const PASSWORD: &str = "pass-word";

/// A running proxy; ended when dropped.
pub(crate) struct Proxy {
    process: Process,
    pub(crate) port: u16,
    /// Where it speaks TLS, if it does.
    pub(crate) tls_port: u16,
    _folder: TempDir,
}

/// microsocks: SOCKS5.
pub(crate) fn microsocks(with_login: bool) -> Proxy {
    start(|_, port, _| {
        let mut command = Command::new(program("microsocks"));
        command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
        if with_login {
            command.args(["-u", LOGIN, "-P", PASSWORD]);
        }
        command
    })
}

/// Dante: SOCKS5 and SOCKS4, but not to the port `blocked`.
pub(crate) fn dante(blocked: u16) -> Proxy {
    start(|folder, port, _| {
        let text = format!(
            "logoutput: stderr\n\
             internal: 127.0.0.1 port = {port}\n\
             external: 127.0.0.1\n\
             clientmethod: none\n\
             socksmethod: none\n\
             user.privileged: root\n\
             user.unprivileged: nobody\n\
             client pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n\
             socks block {{ from: 127.0.0.0/8 to: 0.0.0.0/0 port = {blocked} }}\n\
             socks pass {{ from: 127.0.0.0/8 to: 0.0.0.0/0 }}\n"
        );
        let mut command = Command::new(program("danted"));
        command.arg("-f").arg(write(folder, "danted.conf", &text));
        command.arg("-p").arg(folder.join("danted.pid"));
        command
    })
}

/// tinyproxy: HTTP CONNECT.
pub(crate) fn tinyproxy(with_login: bool) -> Proxy {
    start(|folder, port, _| {
        let login = if with_login {
            format!("BasicAuth {LOGIN} {PASSWORD}\n")
        } else {
            String::new()
        };
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\nAllow 127.0.0.1\n{login}"
        );
        let mut command = Command::new(program("tinyproxy"));
        command
            .arg("-d")
            .arg("-c")
            .arg(write(folder, "tinyproxy.conf", &text));
        command
    })
}

/// squid with a Basic login: HTTP CONNECT, and the same inside TLS on [`Proxy::tls_port`].
pub(crate) fn squid(identity: &Identity) -> Proxy {
    start(|folder, port, tls_port| {
        let hash = Command::new("openssl")
            .args(["passwd", "-apr1", PASSWORD])
            .output()
            .unwrap();
        let hash = String::from_utf8(hash.stdout).unwrap();
        let passwords = write(folder, "passwords", &format!("{LOGIN}:{hash}"));
        // squid gives up the rights of root before it reads the files.
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(folder, 0o777);
        open(&passwords, 0o644);
        let both =
            [&identity.chain, &identity.key].map(|path| std::fs::read_to_string(path).unwrap());
        let certificate = write(folder, "proxy.pem", &both.concat());
        open(&certificate, 0o644);
        let text = format!(
            "http_port 127.0.0.1:{port}\n\
             https_port 127.0.0.1:{tls_port} tls-cert={certificate}\n\
             auth_param basic program /usr/lib/squid/basic_ncsa_auth {passwords}\n\
             auth_param basic realm test\n\
             acl users proxy_auth REQUIRED\n\
             http_access allow users\n\
             http_access deny all\n\
             cache deny all\n\
             cache_mem 1 MB\n\
             access_log none\n\
             cache_log {folder}/cache.log\n\
             netdb_filename none\n\
             pid_filename none\n\
             coredump_dir {folder}\n\
             visible_hostname proxy.test\n\
             max_filedescriptors 1024\n\
             shutdown_lifetime 0 seconds\n",
            folder = folder.display(),
            passwords = passwords.display(),
            certificate = certificate.display(),
        );
        let mut command = Command::new(program("squid"));
        command
            .arg("-N")
            .arg("-f")
            .arg(write(folder, "squid.conf", &text));
        command
    })
}

/// Starts it until it has got the ports that were free a moment before, and answers.
fn start(command: impl Fn(&Path, u16, u16) -> Command) -> Proxy {
    let mut printed = String::new();
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let (port, tls_port) = (free_port(), free_port());
        let mut process = Process::spawn(&mut command(folder.path(), port, tls_port));
        let address = (Ipv4Addr::LOCALHOST, port);
        let settled = wait::until(wait::TIMEOUT, || {
            TcpStream::connect(address).is_ok() || !process.is_running()
        });
        if settled && process.is_running() {
            return Proxy {
                process,
                port,
                tls_port,
                _folder: folder,
            };
        }
        printed = process.stderr_so_far();
        let log = folder.path().join("cache.log");
        printed.push_str(&std::fs::read_to_string(log).unwrap_or_default());
    }
    panic!("the proxy does not start: {printed}");
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Asked to end, a proxy ends its children too.
        if self.process.is_running() && !std::thread::panicking() {
            self.process.signal("TERM");
            wait::until(Duration::from_secs(10), || !self.process.is_running());
        }
    }
}

/// A port of the loopback address on which nobody listens.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// Daemons lie where only root's `PATH` leads.
fn program(name: &str) -> PathBuf {
    let folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(name));
    paths
        .find(|path| path.exists())
        .unwrap_or_else(|| panic!("{name} is missing: run `cargo xtask install` first"))
}
