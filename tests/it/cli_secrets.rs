//! what is secret is in no output of `ws`, however much it is asked to tell, whether it succeeds or fails.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::cli::{Checked, serve, ws};
use crate::support::proxy::free_port;
use crate::support::scripted::scripted;

const CANARY: &str = "canary-7f3a";
/// Base64 of the canary as a login and its password.
const ENCODED: &str = "Y2FuYXJ5LTdmM2E6Y2FuYXJ5LTdmM2E";

#[track_caller]
fn is_clean(what: &str, text: &str) {
    for secret in [CANARY, ENCODED] {
        assert!(!text.contains(secret), "{what}: {text}");
    }
}

/// Runs `ws` with everything secret, and again with each kind of login; gives the exit codes.
fn run(url: &str, options: &[&str]) -> Vec<Option<i32>> {
    let (scheme, rest) = url.split_once("://").unwrap();
    let with_login = format!("{scheme}://{CANARY}:{CANARY}@{rest}?token={CANARY}&{CANARY}");
    let url = format!("{url}?token={CANARY}");
    let (authorization, login) = (
        format!("Authorization: Bearer {CANARY}"),
        format!("{CANARY}:{CANARY}"),
    );
    let cookie = format!("Cookie: session={CANARY}");
    let kinds: [(&str, &[&str]); 4] = [
        (&with_login, &["-H", &cookie]),
        (&with_login, &["-H", &cookie, "-H", &authorization]),
        (&url, &["-H", &cookie, "--user", &login]),
        (&url, &["--bearer", CANARY]),
    ];
    let mut codes = Vec::new();
    for (url, secrets) in kinds {
        for json in [&[][..], &["--json"]] {
            let ended = ws(&["send", url, "hello", "--count", "1", "-vvv"])
                .args(secrets)
                .args(options)
                .args(json)
                .env("RUST_LOG", "trace")
                .run();
            assert!(
                ended.stderr.contains("TRACE") || ended.code != Some(0),
                "{}",
                ended.stderr
            );
            is_clean("stderr", &ended.stderr);
            is_clean("stdout", ended.stdout_text());
            codes.push(ended.code);
        }
    }
    codes
}

fn head(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 8192];
    let count = stream.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

#[test]
fn connecting_shows_no_secret() {
    let server = serve(&["--echo", "--json", "-vvv"]);
    assert_eq!(run(&server.url, &[]), [Some(0); 8]);
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    is_clean("the server's stderr", &ended.stderr);
    is_clean("the server's stdout", ended.stdout_text());
}

#[test]
fn refusals_show_no_secret() {
    let tokens = ["--token", "canary-7f3a-other"];
    let server = serve(&[&tokens[..], &["--json", "-vvv"]].concat());
    assert_eq!(run(&server.url, &[]), [Some(22); 8]);
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    is_clean("the server's stderr", &ended.stderr);
    is_clean("the server's stdout", ended.stdout_text());
}

#[test]
fn a_server_that_echoes_the_request_and_the_decoded_login_shows_no_secret() {
    let login = format!("{CANARY}:{CANARY}");
    for options in [["-u", &login], ["--bearer", CANARY]] {
        let server = scripted(|mut stream| {
            let head = head(&mut stream);
            assert!(head.contains(CANARY) || head.contains(ENCODED), "{head}");
            let body = format!("{CANARY} {}", head.replace("\r\n", " "));
            let answer = format!(
                "HTTP/1.1 403 No {CANARY}\r\nSet-Cookie: {CANARY}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let ended = ws(&["connect", &server.url, "--json", "-vvv"])
            .args(&options)
            .run()
            .expect_code(22);
        server.join();
        is_clean("stderr", &ended.stderr);
        is_clean("stdout", ended.stdout_text());
    }
}

#[test]
fn failures_of_every_step_show_no_secret() {
    let nobody = format!("127.0.0.1:{}", free_port());
    let plain = format!("ws://{nobody}/");
    assert_eq!(run(&plain, &[]), [Some(7); 8]);
    assert_eq!(run(&format!("wss://{nobody}/"), &["-k"]), [Some(7); 8]);
    assert_eq!(run("ws://nothing.invalid/", &[]), [Some(6); 8]);
    assert_eq!(run("http://localhost/", &[]), [Some(3); 8]);
    let server = serve(&["--echo"]);
    let encrypted = server.url.replace("ws://", "wss://");
    assert_eq!(run(&encrypted, &[]), [Some(35); 8]);
    for kind in ["http", "https", "socks4", "socks5"] {
        let proxy = format!("{kind}://{CANARY}:{CANARY}@{nobody}");
        assert_eq!(run(&plain, &["-x", &proxy]), [Some(5); 8]);
    }
    let bad = format!("ftp://{CANARY}:{CANARY}@{nobody}");
    assert_eq!(run(&plain, &["-x", &bad]), [Some(2); 8]);
}

#[test]
fn a_proxy_that_echoes_the_login_shows_no_secret() {
    for (status, code) in [("407", "proxy_auth"), ("403", "proxy")] {
        let answer = format!(
            "HTTP/1.1 {status} {CANARY} {ENCODED}=\r\nProxy-Authenticate: Basic realm=\"{CANARY}\"\r\n\r\n"
        );
        let proxy = scripted(move |mut stream| {
            let head = head(&mut stream);
            assert!(head.contains(ENCODED), "{head}");
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let url = proxy
            .url
            .replace("ws://", &format!("http://{CANARY}:{CANARY}@"));
        let ended = ws(&["connect", "ws://localhost:1/", "-x", &url, "--json", "-vvv"])
            .run()
            .expect_code(5);
        proxy.join();
        is_clean("stderr", &ended.stderr);
        is_clean("stdout", ended.stdout_text());
        assert!(
            ended
                .stdout_text()
                .contains(&format!("\"errorCode\":\"{code}\""))
        );
    }
}

#[test]
fn wrong_usage_shows_no_secret() {
    let url = format!("ws://{CANARY}:{CANARY}@h/?token={CANARY}");
    let proxy = format!("socks5://{CANARY}:{CANARY}@h:x");
    let tables: [&[&str]; 14] = [
        &["connect", "ws://h", &url],
        &["conect", &url],
        &[&url],
        &["serve", &url],
        &["serve", "8080", &url],
        &["connect", &url, "--cuont", "1"],
        &["connect", "ws://h", "--wait", &url],
        &["connect", "ws://h", "-u", "a:b", "--insecure=canary-7f3a"],
        &["connect", "ws://h", "-x", &proxy],
        &["connect", "ws://h", "-x", &proxy, "--proxy-env"],
        &[
            "connect",
            "ws://h",
            "-H",
            "Authorization:",
            "Bearer",
            CANARY,
        ],
        &["send", "ws://h", "-H", "Authorization:", "Bearer", CANARY],
        &[
            "connect",
            "ws://h",
            "-u",
            "-canary-7f3a",
            "--bearer",
            CANARY,
        ],
        &["connect", "ws://h", "-u", CANARY],
    ];
    for arguments in tables {
        let ended = ws(arguments).args(&["--json", "-vvv"]).run().expect_code(2);
        is_clean("stderr", &ended.stderr);
        is_clean("stdout", ended.stdout_text());
    }
}
