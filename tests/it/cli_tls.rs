//! `ws` over TLS: whom it trusts, what it shows, and with which exit code it fails.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use ws_tests::process::{Finished, Process};

use crate::support::certs::{Authority, Identity};
use crate::support::cli::{Checked, Serve, line_with, serve, ws};
use crate::support::peer::Peer;
use crate::support::schema::{types, valid_lines};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// `ws serve --echo` with this certificate.
fn echo(identity: &Identity, options: &[&str]) -> Serve {
    let (chain, key) = (text(&identity.chain), text(&identity.key));
    serve(&[&["--echo", "--tls-cert", chain, "--tls-key", key], options].concat())
}

/// One message there and back.
#[track_caller]
fn echoes(url: &str, options: &[&str]) {
    let ended = ws(&["send", url, "hello", "--count", "1"])
        .args(options)
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "hello\n");
    let ended = ws(&["connect", url, "--count", "2"])
        .args(options)
        .stdin("1\n2\n")
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "1\n2\n");
}

/// Fails with this code, this word, and an error line that has all of `words`.
#[track_caller]
fn fails(url: &str, options: &[&str], code: i32, error_code: &str, words: &[&str]) -> Finished {
    let ended = ws(&["connect", url, "--json"])
        .args(options)
        .run()
        .expect_code(code);
    for word in words {
        assert!(ended.error_line().contains(word), "{}", ended.stderr);
    }
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(lines.last().unwrap()["errorCode"], error_code, "{lines:?}");
    ended
}

#[test]
fn serve_and_connect_speak_tls() {
    let ours = Authority::new("Ours");
    let server = echo(&ours.issue(&["localhost", "127.0.0.1"]), &[]);
    assert!(server.url.starts_with("wss://127.0.0.1:"), "{}", server.url);
    let authority = ours.file();
    let by_name = server.url.replace("127.0.0.1", "localhost");
    for url in [&server.url, &by_name] {
        echoes(url, &["--cacert", text(&authority)]);
        echoes(url, &["-k"]);
        // Verified by default.
        let words = &["issuer is not among the trusted authorities"];
        fails(url, &[], 60, "certificate", words);
    }
}

#[test]
fn a_certificate_of_another_host_is_60() {
    let ours = Authority::new("Ours");
    let server = echo(&ours.issue(&["localhost"]), &[]);
    let authority = ours.file();
    let options = ["--cacert", text(&authority)];
    let words = ["not for this host name"];
    fails(&server.url, &options, 60, "certificate", &words);
    echoes(&server.url, &["--insecure"]);
}

#[test]
fn insecure_warns_where_somebody_reads() {
    let server = echo(&Authority::new("Ours").issue(&["localhost"]), &[]);
    let ended = ws(&["send", &server.url, "x", "-k", "-v"])
        .run()
        .expect_code(0);
    let warnings = ended.stderr.lines().filter(|line| line.contains("WARN"));
    assert_eq!(warnings.count(), 1, "{}", ended.stderr);
}

#[test]
fn without_tls_at_the_other_end_it_is_35() {
    let plain = serve(&["--echo"]);
    let url = plain.url.replace("ws://", "wss://");
    fails(&url, &["-k"], 35, "tls", &["does not speak TLS"]);
    // One that ends within the handshake.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        // A fatal alert in the clear: protocol_version.
        let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 70]);
        let _ = stream.read(&mut [0; 4096]);
    });
    fails(&url, &["-k"], 35, "tls", &["TLS"]);
    server.join().unwrap();
}

#[test]
fn a_server_with_tls_takes_nothing_else() {
    let server = echo(&Authority::new("Ours").issue(&["localhost"]), &[]);
    let url = server.url.replace("wss://", "ws://");
    fails(&url, &[], 22, "handshake", &["400", "use wss://"]);
    echoes(&server.url, &["-k"]);
}

#[test]
fn a_client_certificate_is_shown_and_required() {
    let (ours, other) = (Authority::new("Ours"), Authority::new("Other"));
    let authority = ours.file();
    let client_ca = ["--client-ca", text(&authority)];
    let server = echo(&ours.issue(&["127.0.0.1"]), &client_ca);
    let (_python, port) =
        Peer::Python.tls_echo_server(&ours.issue(&["127.0.0.1"]), Some(&authority));
    let (good, bad) = (ours.issue(&["client"]), other.issue(&["client"]));
    let both = ours.file().with_file_name("both.pem");
    let pem = [&good.chain, &good.key].map(|path| std::fs::read_to_string(path).unwrap());
    std::fs::write(&both, pem.concat()).unwrap();
    let trusted = ["--cacert", text(&authority)];
    for url in [server.url.clone(), format!("wss://127.0.0.1:{port}/")] {
        let with = |identity: &Identity| {
            let (chain, key) = (text(&identity.chain), text(&identity.key));
            [&trusted[..], &["--cert", chain, "--key", key]]
                .concat()
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let good = with(&good);
        echoes(&url, &good.iter().map(String::as_str).collect::<Vec<_>>());
        echoes(&url, &[&trusted[..], &["--cert", text(&both)]].concat());
        let bad = with(&bad);
        let bad: Vec<&str> = bad.iter().map(String::as_str).collect();
        for options in [&trusted[..], &bad] {
            if url == server.url {
                fails(&url, options, 35, "tls", &["client certificate"]);
                continue;
            }
            // Python may end the connection without an alert that tells why; then it is no WebSocket server.
            let ended = ws(&["connect", &url]).args(options).run();
            assert!(matches!(ended.code, Some(35 | 52)), "{}", ended.stderr);
        }
    }
}

#[test]
fn python_echoes_to_us_and_we_echo_to_python_and_node() {
    let ours = Authority::new("Ours");
    let authority = ours.file();
    let identity = ours.issue(&["localhost", "127.0.0.1"]);
    let (_python, port) = Peer::Python.tls_echo_server(&identity, None);
    let url = format!("wss://localhost:{port}/");
    echoes(&url, &["--cacert", text(&authority)]);
    let server = echo(&identity, &[]);
    for peer in [Peer::Python, Peer::Node] {
        for mode in ["sizes", "fragments"] {
            peer.check_echo_trusting(&authority, &server.url, &[mode]);
        }
    }
}

#[test]
fn curl_is_answered_over_tls() {
    let ours = Authority::new("Ours");
    let server = echo(&ours.issue(&["127.0.0.1"]), &["--token", "known"]);
    let authority = ours.file();
    let url = format!("https://{}/health", server.address);
    let mut curl = Command::new("curl");
    curl.args(["-sS", "--noproxy", "*", "--cacert", text(&authority), &url]);
    let ended = Process::spawn(&mut curl).finish();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

#[test]
fn tokens_and_origins_keep_others_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "from-a-file\nsecond line\n").unwrap();
    let from_file = format!("@{}", text(&path));
    let server = serve(&[
        "--echo",
        "--token",
        "canary-1",
        "--token",
        &from_file,
        "--origin",
        "https://one.example",
        "--origin",
        "https://two.example",
    ]);
    for token in ["canary-1", "from-a-file", &from_file] {
        echoes(&server.url, &["--bearer", token]);
        echoes(
            &server.url,
            &["--bearer", token, "--origin", "https://two.example"],
        );
    }
    for options in [
        &[][..],
        &["--bearer", "canary-2"],
        &["--bearer", "second line"],
        &["-u", "user:canary-1"],
    ] {
        let ended = fails(&server.url, options, 22, "handshake", &["401"]);
        assert!(!ended.stderr.contains("canary"), "{}", ended.stderr);
    }
    let options = ["--bearer", "canary-1", "--origin", "https://evil.example"];
    fails(&server.url, &options, 22, "handshake", &["403"]);
}

#[test]
fn json_tells_of_a_connection_in_tls_as_of_any_other() {
    let ours = Authority::new("Ours");
    let identity = ours.issue(&["127.0.0.1"]);
    let mut server = echo(&identity, &["--json"]);
    let ended = ws(&["send", &server.url, "hello", "--count", "1", "--json", "-k"])
        .run()
        .expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(types(&lines), ["open", "text", "text", "close", "close"]);
    server
        .process
        .wait_for_stdout(line_with(r#""type":"close""#));
    server.process.signal("TERM");
    let ended = server.process.finish().expect_code(0);
    let lines = valid_lines(ended.stdout_text());
    assert_eq!(
        types(&lines),
        ["listening", "open", "text", "text", "close"]
    );
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_is_dialled() {
    let ours = Authority::new("Ours");
    let identity = ours.issue(&["127.0.0.1"]);
    let (chain, key) = (text(&identity.chain), text(&identity.key));
    let missing = "wss://127.0.0.1:1/";
    fails(missing, &["--cacert", "no.pem"], 2, "usage", &["no.pem"]);
    fails(
        missing,
        &["--cacert", key],
        2,
        "usage",
        &["key.pem", "certificate"],
    );
    fails(
        missing,
        &["--cert", chain],
        2,
        "usage",
        &["chain.pem", "key"],
    );
    fails("ws://127.0.0.1:1/", &["-k"], 2, "usage", &["wss://"]);
    for (arguments, code, words) in [
        (["--tls-cert", "no.pem", "--tls-key", key], 1, "no.pem"),
        (["--tls-cert", chain, "--tls-key", chain], 2, "private key"),
        (["--tls-cert", key, "--tls-key", key], 2, "no certificate"),
    ] {
        let ended = ws(&["serve", "127.0.0.1:0"])
            .args(&arguments)
            .run()
            .expect_code(code);
        assert!(ended.error_line().contains(words), "{}", ended.stderr);
    }
    let other = ours.issue(&["127.0.0.1"]);
    let ended = ws(&["serve", "127.0.0.1:0", "--tls-cert", chain])
        .args(&["--tls-key", text(&other.key)])
        .run()
        .expect_code(2);
    assert!(ended.error_line().contains("chain.pem"), "{}", ended.stderr);
    ws(&["serve", "127.0.0.1:0", "--tls-cert", chain])
        .run()
        .expect_code(2);
    let ended = ws(&["serve", "127.0.0.1:0", "--origin", "nonsense"])
        .run()
        .expect_code(2);
    assert!(ended.error_line().contains("--origin"), "{}", ended.stderr);
}
