//! `ws` through proxies that we did not write, and what it says when there is no way through.

use std::io::{Read, Write};

use crate::support::certs::Authority;
use crate::support::cli::{Checked, Ws, serve, ws};
use crate::support::proxy::{self, LOGIN, PASSWORD, free_port};
use crate::support::schema::valid_lines;
use crate::support::scripted::scripted;

fn send(url: &str, options: &[&str]) -> Ws {
    ws(&["send", url, "hello", "--count", "1"]).args(options)
}

#[track_caller]
fn echoes(url: &str, options: &[&str]) {
    let ended = send(url, options).run().expect_code(0);
    assert_eq!(ended.stdout_text(), "hello\n");
}

/// Fails with this code, this word, and an error line with these words and without the password.
#[track_caller]
fn fails(command: Ws, code: i32, error_code: &str, words: &[&str]) {
    let ended = command.args(&["--json", "-vvv"]).run().expect_code(code);
    for word in words {
        assert!(ended.error_line().contains(word), "{}", ended.stderr);
    }
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    assert!(!ended.stdout_text().contains(PASSWORD), "{ended:?}");
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(lines.last().unwrap()["errorCode"], error_code, "{lines:?}");
}

#[test]
fn socks5_with_a_login_in_the_url_or_in_a_file() {
    let server = serve(&["--echo"]);
    let url = server.url.replace("127.0.0.1", "localhost");
    let proxy = proxy::microsocks(true);
    let port = proxy.port;
    let with_login = format!("socks5h://{LOGIN}:{PASSWORD}@127.0.0.1:{port}");
    echoes(&url, &["-x", &with_login]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("proxy");
    std::fs::write(&path, format!("{with_login}\n")).unwrap();
    echoes(&url, &["--proxy", &format!("@{}", path.display())]);

    let wrong = with_login.replace(LOGIN, "nobody");
    let words = ["wrong login or password"];
    fails(send(&url, &["-x", &wrong]), 5, "proxy_auth", &words);
    let without = format!("socks5://127.0.0.1:{port}");
    let words = ["it wants a login"];
    fails(send(&url, &["-x", &without]), 5, "proxy_auth", &words);
}

#[test]
fn socks4_and_a_target_that_the_proxy_refuses() {
    let server = serve(&["--echo"]);
    let blocked = free_port();
    let proxy = proxy::dante(blocked);
    for kind in ["socks4", "socks4a", "socks5"] {
        let proxy = format!("{kind}://127.0.0.1:{}", proxy.port);
        echoes(&server.url, &["-x", &proxy]);
        let url = format!("ws://127.0.0.1:{blocked}/");
        fails(
            send(&url, &["-x", &proxy]),
            5,
            "proxy",
            &[&proxy.replace("://", " proxy ")],
        );
    }
}

#[test]
fn http_with_a_login() {
    let server = serve(&["--echo"]);
    let proxy = proxy::tinyproxy(true);
    let with_login = format!("http://{LOGIN}:{PASSWORD}@127.0.0.1:{}", proxy.port);
    echoes(&server.url, &["-x", &with_login]);
    // Without a kind it is http.
    echoes(&server.url, &["-x", &with_login.replace("http://", "")]);
    let wrong = with_login.replace(LOGIN, "nobody");
    fails(send(&server.url, &["-x", &wrong]), 5, "proxy_auth", &[]);
}

#[test]
fn tls_inside_tls_to_the_proxy() {
    let ours = Authority::new("Ours");
    let identity = ours.issue(&["127.0.0.1"]);
    let proxy = proxy::squid(&identity);
    let https = format!("https://{LOGIN}:{PASSWORD}@127.0.0.1:{}", proxy.tls_port);
    let authority = ours.file();
    let trusting = ["--cacert", authority.to_str().unwrap(), "-x", &https];
    let plain = serve(&["--echo"]);
    echoes(&plain.url, &trusting);
    let (chain, key) = (identity.chain, identity.key);
    let server = serve(&[
        "--echo",
        "--tls-cert",
        chain.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    echoes(&server.url, &trusting);
    // -k is about the server: the proxy gets our password, so it is verified all the same.
    fails(
        send(&server.url, &["-k", "-x", &https]),
        60,
        "certificate",
        &["proxy"],
    );
}

#[test]
fn no_proxy_there_is_5() {
    let server = serve(&["--echo"]);
    for kind in ["http", "https", "socks4", "socks5"] {
        let proxy = format!("{kind}://127.0.0.1:{}", free_port());
        let words = ["proxy", "refused"];
        fails(send(&server.url, &["-x", &proxy]), 5, "proxy", &words);
    }
    let proxy = "socks5://no-such-proxy.invalid";
    fails(
        send(&server.url, &["-x", proxy]),
        5,
        "proxy",
        &["no-such-proxy.invalid"],
    );
}

#[test]
fn what_is_no_proxy_is_5() {
    let other = scripted(|mut stream| {
        stream
            .write_all(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")
            .unwrap();
        let _ = stream.read(&mut [0; 4096]);
    });
    let proxy = other.url.replace("ws://", "http://");
    let words = ["http proxy 127.0.0.1"];
    fails(
        send("ws://localhost:1/", &["-x", &proxy]),
        5,
        "proxy",
        &words,
    );
    other.join();
}

#[test]
fn the_environment_names_the_proxy_only_if_asked_to() {
    let server = serve(&["--echo"]);
    let proxy = proxy::tinyproxy(true);
    let url = format!("http://{LOGIN}:{PASSWORD}@127.0.0.1:{}", proxy.port);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let command =
        |value: &str, options: &[&str]| send(&server.url, options).env("http_proxy", value);
    command(&nobody, &[]).run().expect_code(0);
    let options = ["--proxy-env"];
    fails(command(&nobody, &options), 5, "proxy", &["proxy"]);
    command(&url, &options).run().expect_code(0);
    let exempt = command(&nobody, &options).env("no_proxy", "127.0.0.0/8");
    exempt.run().expect_code(0);
    let bad = format!("ftp://{LOGIN}:{PASSWORD}@127.0.0.1");
    fails(command(&bad, &options), 2, "usage", &["http_proxy"]);
}
