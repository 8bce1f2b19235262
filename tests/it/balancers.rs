//! nginx and HAProxy in front of the server: it sees who really connects.
//!
//! The client comes from 127.0.0.2, so that it is told apart from the balancer at 127.0.0.1.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use tempfile::TempDir;
use ws_core::{handshake::ClientRequest, tls::ClientTls};
use ws_server::{Config, ForwardedHeader, Server, TrustedProxies};
use ws_tests::{
    echo::{EchoServer, TestCertificate},
    raw::{RawConnection, Shared, Transport},
    wait::{self, TIMEOUT},
};

use crate::support::process::Process;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

fn listed(proxies: impl FnOnce(TrustedProxies) -> TrustedProxies) -> Config {
    let listed = TrustedProxies::new(["127.0.0.1", "unix"]).unwrap();
    Config::default().trusted_proxies(proxies(listed))
}

fn forwarded(proxies: TrustedProxies) -> TrustedProxies {
    proxies.forwarded_header(ForwardedHeader::XForwardedFor)
}

/// A running balancer.
struct Balancer {
    _process: Process,
    _folder: TempDir,
    address: SocketAddr,
}

impl Balancer {
    /// Starts a program whose configuration needs a free port; another may be faster, so it is tried again.
    fn start(
        command: impl Fn(&Path) -> Command,
        config: impl Fn(&Path, SocketAddr) -> String,
    ) -> Self {
        for _ in 0..5 {
            let folder = tempfile::tempdir().unwrap();
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap();
            drop(free);
            let file = folder.path().join("balancer.conf");
            fs::write(&file, config(folder.path(), address)).unwrap();
            let mut process = Process::spawn(&mut command(&file));
            let is_up = wait::until(TIMEOUT, || {
                !process.is_running() || TcpStream::connect(address).is_ok()
            });
            if is_up && process.is_running() {
                return Self {
                    _process: process,
                    _folder: folder,
                    address,
                };
            }
            println!("it ended: {}", process.stderr_so_far());
        }
        panic!("the balancer does not start: run `cargo xtask install` first")
    }

    fn nginx(upstream: &str) -> Self {
        let command = |file: &Path| {
            let mut command = Command::new("nginx");
            command
                .arg("-c")
                .arg(file)
                .arg("-p")
                .arg(file.with_file_name(""));
            command.args(["-e", "stderr"]);
            command
        };
        Self::start(command, |folder, address| {
            let folder = folder.display();
            format!(
                "daemon off; master_process off; pid {folder}/pid;\n\
                 events {{ }}\n\
                 http {{\n\
                   access_log off;\n\
                   client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;\n\
                   fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n\
                   server {{\n\
                     listen {address};\n\
                     location / {{\n\
                       proxy_pass http://{upstream};\n\
                       proxy_http_version 1.1;\n\
                       proxy_set_header Upgrade $http_upgrade;\n\
                       proxy_set_header Connection \"upgrade\";\n\
                       proxy_set_header Host $http_host;\n\
                       proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
                     }}\n\
                   }}\n\
                 }}\n"
            )
        })
    }

    fn haproxy(mode: &str, frontend: &str, server: &str) -> Self {
        let command = |file: &Path| {
            let mut command = Command::new("haproxy");
            command.arg("-db").arg("-f").arg(file);
            command
        };
        Self::start(command, |_, address| {
            format!(
                "global\n  maxconn 100\n\
                 defaults\n  mode {mode}\n  timeout connect 10s\n  timeout client 60s\n  timeout server 60s\n\
                 frontend front\n  bind {address}\n  {frontend}\n  default_backend back\n\
                 backend back\n  server one {server}\n"
            )
        })
    }

    fn connect(&self) -> Transport {
        Transport::connect_from(CLIENT, self.address).unwrap()
    }
}

/// What the server says of a client that claims to be somebody else.
fn who_am_i(transport: Transport, host: &str) -> String {
    let request = ClientRequest::new(host, "/")
        .header("X-Forwarded-For", "192.0.2.66")
        .header("Forwarded", "for=192.0.2.66");
    let mut connection = RawConnection::open_with(transport, &request).unwrap();
    let mut shared = Shared::default();
    connection
        .echo(&"through ".repeat(20_000), &mut shared)
        .unwrap();
    let answer = connection.ask("who am I", &mut shared).unwrap();
    connection.close(&mut shared).unwrap();
    answer
}

#[test]
fn nginx_tells_with_x_forwarded_for_who_connects() {
    let server = EchoServer::start(listed(forwarded));
    let nginx = Balancer::nginx(&server.address().to_string());
    assert_eq!(who_am_i(nginx.connect(), &server.host()), "127.0.0.2:0");
}

#[cfg(unix)]
#[test]
fn nginx_reaches_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ws.sock");
    let _server = EchoServer::run(Server::bind_unix(&path, listed(forwarded)).unwrap());
    let nginx = Balancer::nginx(&format!("unix:{}", path.display()));
    assert_eq!(who_am_i(nginx.connect(), "some.example"), "127.0.0.2:0");
}

#[test]
fn haproxy_tells_with_x_forwarded_for_who_connects() {
    let server = EchoServer::start(listed(forwarded));
    let haproxy = Balancer::haproxy("http", "option forwardfor", &server.address().to_string());
    assert_eq!(who_am_i(haproxy.connect(), &server.host()), "127.0.0.2:0");
}

#[test]
fn haproxy_tells_with_the_proxy_protocol_who_connects() {
    for option in ["send-proxy", "send-proxy-v2", "send-proxy-v2-ssl-cn"] {
        let server = EchoServer::start(listed(TrustedProxies::proxy_protocol));
        let haproxy = Balancer::haproxy("tcp", "", &format!("{} {option}", server.address()));
        let mut transport = haproxy.connect();
        let client = transport.socket().local_addr().unwrap();
        assert_eq!(
            who_am_i(transport, &server.host()),
            client.to_string(),
            "{option}"
        );
    }
}

#[test]
fn the_proxy_header_comes_before_tls() {
    let certificate = TestCertificate::new(&["localhost"]);
    let client: ClientTls = certificate.client();
    for option in ["send-proxy", "send-proxy-v2"] {
        let config = listed(TrustedProxies::proxy_protocol).tls(certificate.server());
        let server = EchoServer::start(config);
        let haproxy = Balancer::haproxy("tcp", "", &format!("{} {option}", server.address()));
        let mut transport = haproxy.connect();
        let address = transport.socket().local_addr().unwrap();
        transport.start_tls(&client, "localhost").unwrap();
        transport.finish_handshake().unwrap();
        assert_eq!(
            who_am_i(transport, &server.host()),
            address.to_string(),
            "{option}"
        );
    }
}

#[test]
fn nobody_else_is_believed() {
    let server = EchoServer::start(listed(forwarded));
    let mut transport = Transport::connect_from(CLIENT, server.address()).unwrap();
    let client = transport.socket().local_addr().unwrap();
    assert_eq!(who_am_i(transport, &server.host()), client.to_string());
    // Not listed: its PROXY header is a broken request.
    let server = EchoServer::start(listed(TrustedProxies::proxy_protocol));
    let mut transport = Transport::connect_from(CLIENT, server.address()).unwrap();
    transport
        .write_all(b"PROXY TCP4 192.0.2.66 127.0.0.1 1 1\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    transport.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    // But without one it is served under its own address.
    let mut transport = Transport::connect_from(CLIENT, server.address()).unwrap();
    let client = transport.socket().local_addr().unwrap();
    assert_eq!(who_am_i(transport, &server.host()), client.to_string());
}

#[test]
fn a_listed_balancer_without_the_header_is_refused() {
    let server = EchoServer::start(listed(TrustedProxies::proxy_protocol));
    let error = RawConnection::open(&format!("ws://{}/", server.address())).unwrap_err();
    assert!(error.to_string().contains("400"), "{error}");
}
