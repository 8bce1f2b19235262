//! `ws serve` as an HTTP server: metrics, health, files; and at a Unix socket. The client is curl.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::curl::curl;
use crate::support::cli::{Checked, Serve, line_with, serve, ws};
use crate::support::peer::Peer;
use crate::support::process::Process;

/// An HTTP answer.
struct Answer {
    /// Status line and headers, in lower case.
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap_or_default()
    }

    #[track_caller]
    fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.strip_prefix(": "))
            .unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// Asks for a target as it is, without curl's own tidying of paths.
fn ask(server: &Serve, target: &str, options: &[&str]) -> Answer {
    let mut arguments = vec!["--include", "--path-as-is", "--globoff"];
    arguments.extend(options);
    let url = format!("http://{}{target}", server.address);
    let ended = curl(&arguments, &url).finish().expect_code(0);
    let at = ended
        .stdout
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    Answer {
        head: String::from_utf8_lossy(&ended.stdout[..at]).to_ascii_lowercase(),
        body: ended.stdout[at + 4..].to_vec(),
    }
}

/// What Prometheus' own parser makes of the metrics.
fn metrics(server: &Serve) -> HashMap<String, f64> {
    let answer = ask(server, "/metrics", &[]);
    assert_eq!(answer.status(), "200");
    assert_eq!(
        answer.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let mut parser = Process::spawn(&mut Peer::Python.script("metrics"));
    parser.write(&answer.body);
    let ended = parser.finish().expect_code(0);
    let samples = ended.stdout_text().lines().map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    samples.collect()
}

#[test]
fn metrics_are_valid_prometheus_text_and_count_what_happened() {
    let server = serve(&["--echo", "--metrics", "/metrics", "--workers", "2"]);
    let before = metrics(&server);
    assert_eq!(before["ws_connections_opened_total"], 0.0);
    assert_eq!(before["ws_workers"], 2.0);

    let mut open = ws(&["connect", &server.url]).start();
    open.wait_for_stderr(line_with("connected to"));
    for _ in 0..3 {
        ws(&["send", &server.url, "hello", "--count", "1"])
            .run()
            .expect_code(0);
    }
    ws(&["send", &server.url, "--binary", "12", "--count", "1"])
        .args(&["--close-code", "4001"])
        .run()
        .expect_code(0);
    ws(&["connect", &server.url, "--origin", "https://evil.example"])
        .run()
        .expect_code(22);
    // The last end is told to the handler before the client is told.
    let after = metrics(&server);
    for (name, value) in [
        ("ws_connections_open", 1.0),
        ("ws_connections_opened_total", 5.0),
        ("ws_connections_refused_total", 1.0),
        (r#"ws_http_answers_total{status="403"}"#, 1.0),
        (r#"ws_http_answers_total{status="200"}"#, 1.0),
        (r#"ws_connections_closed_total{code="1000"}"#, 3.0),
        (r#"ws_connections_closed_total{code="4xxx"}"#, 1.0),
        (r#"ws_connections_ended_total{cause="peer"}"#, 4.0),
        (r#"ws_messages_total{direction="in",type="text"}"#, 3.0),
        (r#"ws_messages_total{direction="out",type="text"}"#, 3.0),
        (r#"ws_messages_total{direction="in",type="binary"}"#, 1.0),
        (
            r#"ws_message_bytes_total{direction="in",type="text"}"#,
            15.0,
        ),
        (
            r#"ws_message_bytes_total{direction="out",type="binary"}"#,
            2.0,
        ),
        (r#"ws_limit_hits_total{limit="connections"}"#, 0.0),
        ("ws_connections_limit", 20_000.0),
    ] {
        assert_eq!(after[name], value, "{name}");
    }
    if cfg!(target_os = "linux") {
        assert!(after["process_resident_memory_bytes"] > 1e6);
    }
    assert!(before.keys().all(|name| after.contains_key(name)));
}

#[test]
fn metrics_count_limits_that_bit_and_slow_readers() {
    let server = serve(&["--broadcast", "--metrics", "/metrics", "--pool-size", "3"]);
    Peer::Python.check_script("rooms", &server.url, &["slow"]);
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = ws(&["connect", &server.url]).start();
        client.wait_for_stderr(line_with("connected to"));
        clients.push(client);
    }
    ws(&["connect", &server.url]).run().expect_code(22);
    let samples = metrics(&server);
    assert_eq!(samples[r#"ws_limit_hits_total{limit="connections"}"#], 1.0);
    assert_eq!(samples[r#"ws_limit_hits_total{limit="slow_reader"}"#], 1.0);
    assert_eq!(samples[r#"ws_connections_closed_total{code="1008"}"#], 1.0);
    assert_eq!(samples["ws_connections_open"], 3.0);
}

#[test]
fn health_answers_at_the_path_that_was_chosen_and_asks_for_no_token() {
    let server = serve(&["--token", "secret", "--metrics", "/m", "--health", "/up"]);
    let answer = ask(&server, "/up", &[]);
    assert_eq!((answer.status(), &*answer.body), ("200", &b"ok\n"[..]));
    for path in ["/health", "/m", "/"] {
        assert_eq!(ask(&server, path, &[]).status(), "401", "{path}");
    }
    let login = ["--header", "Authorization: Bearer secret"];
    assert_eq!(ask(&server, "/m", &login).status(), "200");
    assert_eq!(
        ask(&server, "/m", &["--head", login[0], login[1]]).body,
        b""
    );
    let posted = ask(&server, "/m", &["--data", "x", login[0], login[1]]);
    assert_eq!(
        (posted.status(), posted.header("allow")),
        ("405", "get, head")
    );

    for options in [
        ["--metrics", "no-slash"],
        ["--health", "/a b"],
        ["--metrics", "/health"],
    ] {
        ws(&["serve", "127.0.0.1:0"])
            .args(&options)
            .run()
            .expect_code(2);
    }
}

#[test]
fn static_files_come_whole_with_type_and_tag() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir_all(root.join("sub folder")).unwrap();
    fs::write(root.join("index.html"), "<h1>жук</h1>").unwrap();
    fs::write(root.join("sub folder/index.html"), "sub").unwrap();
    fs::write(root.join("app.js"), "let x;").unwrap();
    let large: Vec<u8> = (0..9_000_000u32).map(|at| (at % 251) as u8).collect();
    fs::write(root.join("large.bin"), &large).unwrap();
    fs::write(root.join("empty"), "").unwrap();
    let server = serve(&["--echo", "--static", root.to_str().unwrap()]);

    let answer = ask(&server, "/", &[]);
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.body, "<h1>жук</h1>".as_bytes());
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let tag = answer.header("etag").to_owned();
    let known = ask(
        &server,
        "/",
        &["--header", &format!("If-None-Match: \"a\", {tag}")],
    );
    assert_eq!((known.status(), known.body.len()), ("304", 0));
    fs::write(root.join("index.html"), "changed").unwrap();
    let changed = ask(
        &server,
        "/",
        &["--header", &format!("If-None-Match: {tag}")],
    );
    assert_eq!((changed.status(), &*changed.body), ("200", &b"changed"[..]));

    let script = ask(&server, "/app.js?version=1", &[]);
    assert_eq!(
        script.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    assert_eq!(ask(&server, "/large.bin", &[]).body, large);
    let head = ask(&server, "/large.bin", &["--head"]);
    assert_eq!(
        (head.header("content-length"), head.body.len()),
        ("9000000", 0)
    );
    assert_eq!(ask(&server, "/empty", &[]).body, b"");
    assert_eq!(ask(&server, "/sub%20folder/", &[]).body, b"sub");
    let moved = ask(&server, "/sub%20folder", &[]);
    assert_eq!(
        (moved.status(), moved.header("location")),
        ("301", "/sub%20folder/")
    );
    assert_eq!(ask(&server, "/nothing", &[]).status(), "404");
    assert_eq!(ask(&server, "/", &["--data", "x"]).status(), "405");
    // The same path is a WebSocket to who asks for one.
    let ended = ws(&["send", &server.url, "hello", "--count", "1"])
        .run()
        .expect_code(0);
    assert_eq!(ended.stdout_text(), "hello\n");
}

#[cfg(unix)]
#[test]
fn static_files_end_at_the_folder() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("site");
    let secret = folder.path().join("secret.txt");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::create_dir_all(root.join(".hidden")).unwrap();
    for path in [
        secret.as_path(),
        &root.join(".env"),
        &root.join(".hidden/file"),
        &folder.path().join("site-other"),
    ] {
        fs::write(path, "secret").unwrap();
    }
    fs::write(root.join("sub/open"), "open").unwrap();
    symlink(&secret, root.join("link")).unwrap();
    symlink(folder.path(), root.join("up")).unwrap();
    symlink(root.join(".env"), root.join("sub/env")).unwrap();
    symlink("../sub/open", root.join("sub/inside")).unwrap();
    let fifo = root.join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let server = serve(&["--static", root.to_str().unwrap()]);
    assert_eq!(ask(&server, "/sub/inside", &[]).body, b"open");
    let absolute = secret.to_str().unwrap();
    for target in [
        "/../secret.txt",
        "/sub/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/..%5c..%5csecret.txt",
        "/link",
        "/up/secret.txt",
        "/up/site-other",
        "/.env",
        "/%2eenv",
        "/.hidden/file",
        "/sub/env",
        "/fifo",
        "/sub/",
        "/sub/open/",
        "/sub/open%00.html",
        "//etc/passwd",
        &format!("/{absolute}"),
        &format!("/{}", absolute.replace('/', "%2f")),
    ] {
        let answer = ask(&server, target, &[]);
        assert_eq!(answer.status(), "404", "{target}");
        assert!(!answer.body.ends_with(b"secret"), "{target}");
    }

    let ended = ws(&["serve", "127.0.0.1:0", "--static", "/no/such/folder"])
        .run()
        .expect_code(1);
    assert!(
        ended.error_line().contains("/no/such/folder"),
        "{}",
        ended.stderr
    );
}

/// A page whose owner made its name lead to this machine is to read no files (DNS rebinding).
#[test]
fn static_files_are_not_for_pages_of_other_names() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.txt"), "a").unwrap();
    let server = serve(&["--static", folder.path().to_str().unwrap()]);
    assert_eq!(ask(&server, "/a.txt", &[]).status(), "200");
    let foreign = ask(&server, "/a.txt", &["--header", "Host: evil.example"]);
    assert_eq!(foreign.status(), "403");
    let foreign = ask(
        &server,
        "/a.txt",
        &["--header", "Origin: https://evil.example"],
    );
    assert_eq!(foreign.status(), "403");
}

#[test]
fn static_files_and_metrics_come_over_tls_too() {
    use crate::support::certs::Authority;

    let authority = Authority::new("our authority");
    let identity = authority.issue(&["localhost"]);
    let ca = authority.file();
    let folder = tempfile::tempdir().unwrap();
    let large = vec![7; 3_000_000];
    fs::write(folder.path().join("large"), &large).unwrap();
    let server = serve(&[
        "--static",
        folder.path().to_str().unwrap(),
        "--metrics",
        "/metrics",
        "--tls-cert",
        identity.chain.to_str().unwrap(),
        "--tls-key",
        identity.key.to_str().unwrap(),
    ]);
    let port = server.address.rsplit(':').next().unwrap();
    let fetched = |path: &str| {
        let ca = ca.to_str().unwrap();
        let url = format!("https://localhost:{port}{path}");
        curl(&["--cacert", ca], &url).finish().expect_code(0).stdout
    };
    assert_eq!(fetched("/large"), large);
    assert!(fetched("/metrics").starts_with(b"# HELP "));
}

#[cfg(unix)]
#[test]
fn a_unix_socket_serves_websockets_and_http_and_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ws.sock");
    let shown = path.to_str().unwrap().to_owned();
    let arguments = [
        "serve",
        "--unix",
        &shown,
        "--echo",
        "--json",
        "--metrics",
        "/metrics",
    ];
    let mut server = ws(&arguments).start();
    server.wait_for_stderr(line_with(&format!("listening on unix:{shown} (echo")));
    let socket = ["--unix-socket", &shown];
    let ended = curl(&socket, "http://localhost/health").finish();
    assert_eq!(ended.expect_code(0).stdout_text(), "ok\n");
    let ended = Process::spawn(Peer::Python.script("unix_client").arg(&path)).finish();
    assert_eq!(ended.expect_code(0).stdout_text(), "ok: echoed\n");
    let ended = curl(&socket, "http://localhost/metrics").finish();
    let text = ended.expect_code(0).stdout_text().to_owned();
    assert!(text.contains("\nws_connections_opened_total 1\n"), "{text}");

    let second = ws(&["serve", "--unix", &shown]).run().expect_code(1);
    assert!(second.error_line().contains(&shown), "{}", second.stderr);
    ws(&["serve", "127.0.0.1:0", "--unix", &shown])
        .run()
        .expect_code(2);
    server.signal("TERM");
    let ended = server.finish().expect_code(0);
    assert!(!Path::new(&path).exists());
    let lines = crate::support::schema::valid_lines(ended.stdout_text());
    assert_eq!(lines[0]["address"], format!("unix:{shown}"));
    assert_eq!(lines[1]["address"], "unix");
}

#[cfg(unix)]
#[test]
fn every_mode_stops_in_order_on_sigterm_and_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let large = vec![7; 50_000_000];
    fs::write(folder.path().join("large"), large).unwrap();
    let site = folder.path().to_str().unwrap();
    let modes = [
        &["--broadcast"][..],
        &["--broadcast=all", "--workers", "2"],
        &["--exec", "cat"],
        &["--echo", "--static", site, "--metrics", "/metrics"],
    ];
    let runs = modes
        .iter()
        .flat_map(|options| [("TERM", 0, options), ("INT", 130, options)]);
    for (signal, code, options) in runs {
        let server = serve(options);
        let mut client = ws(&["connect", &server.url, "--no-stdin", "--json"]).start();
        client.wait_for_stderr(line_with("connected to"));
        let url = format!("http://{}/large", server.address);
        let slow = curl(&["--limit-rate", "1000000", "--output", "/dev/null"], &url);
        server.process.signal(signal);
        server.process.finish().expect_code(code);
        let ended = client.finish().expect_code(0);
        assert!(
            ended.stdout_text().contains(r#""code":1001"#),
            "{options:?}"
        );
        // Cut off, refused, or come too late: but it ends.
        slow.finish();
        std::net::TcpListener::bind(&server.address).expect("the port is free");
    }
}
