use super::super::head::HeadLimits;
use super::super::server::{ServerHandshake, ServerStep};
use super::*;

fn request(headers: &str) -> Request {
    let head = format!("GET / HTTP/1.1\r\n{headers}\r\n");
    match ServerHandshake::new().receive(head.as_bytes(), &HeadLimits::default()) {
        ServerStep::Request(request) => request,
        step => panic!("{headers:?} gives {step:?}"),
    }
}

fn status(policy: &Policy, headers: &str, bound_to_loopback: bool) -> u16 {
    policy
        .check(&request(headers), bound_to_loopback)
        .map_or_else(|answer| answer.status(), |()| 200)
}

/// what a browser's page may do, by default.
#[test]
fn lets_in_the_host_s_own_pages_only() {
    for (origin, host, expected) in [
        ("http://example.com", "example.com", 200),
        ("https://example.com", "example.com", 200),
        ("http://example.com:3000", "example.com:8080", 200),
        ("http://EXAMPLE.com", "example.COM", 200),
        ("http://127.0.0.1:3000", "127.0.0.1:9894", 200),
        ("http://[::1]:3000", "[::1]:9894", 200),
        ("http://[0:0:0:0:0:0:0:1]", "[::1]", 200),
        ("HTTP://example.com", "example.com", 200),
        ("null", "example.com", 403),
        ("", "example.com", 403),
        ("example.com", "example.com", 403),
        ("//example.com", "example.com", 403),
        ("http://", "example.com", 403),
        ("http://evil-example.com", "example.com", 403),
        ("http://example.com.evil.net", "example.com", 403),
        ("http://evil.net", "example.com", 403),
        ("http://sub.example.com", "example.com", 403),
        ("http://example.com", "sub.example.com", 403),
        ("http://example.com@evil.net", "example.com", 403),
        ("http://evil.net@example.com", "example.com", 403),
        ("http://example.com/", "example.com", 403),
        ("http://example.com/@evil.net", "example.com", 403),
        ("http://evil.net#example.com", "example.com", 403),
        ("http://evil.net?example.com", "example.com", 403),
        ("http://example.com http://evil.net", "example.com", 403),
        ("http://example.com:99999", "example.com", 403),
        ("http://[::1]", "[::2]", 403),
        ("http://[::1]", "127.0.0.1", 403),
        ("http://localhost", "127.0.0.1", 403),
        ("1http://example.com", "example.com", 403),
        ("ht tp://example.com", "example.com", 403),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: {origin}\r\n");
        assert_eq!(
            status(&Policy::default(), &headers, false),
            expected,
            "{origin} to {host}"
        );
    }
}

#[test]
fn lets_in_who_sends_no_origin() {
    let list = Policy::new().origins(OriginRule::List(vec!["https://a.example".to_owned()]));
    for policy in [Policy::default(), Policy::dangerous_allow_all(), list] {
        assert_eq!(status(&policy, "Host: example.com\r\n", false), 200);
    }
}

#[test]
fn relies_on_one_origin_only() {
    let headers = "Host: a\r\nOrigin: http://a\r\nOrigin: http://a\r\n";
    assert_eq!(status(&Policy::default(), headers, false), 403);
    assert_eq!(status(&Policy::dangerous_allow_all(), headers, false), 200);
}

#[test]
fn compares_scheme_and_port_of_listed_origins() {
    let entries = [
        "https://app.example",
        "http://dev.example:3000",
        "chrome-extension://abcdef",
    ];
    let policy = Policy::new().origins(OriginRule::List(entries.map(str::to_owned).to_vec()));
    policy.validate().unwrap();
    for (origin, expected) in [
        ("https://app.example", 200),
        ("https://app.example:443", 200),
        ("HTTPS://APP.example", 200),
        ("http://dev.example:3000", 200),
        ("chrome-extension://abcdef", 200),
        ("http://app.example", 403),
        ("https://app.example:8443", 403),
        ("http://dev.example", 403),
        ("chrome-extension://abcdee", 403),
        ("https://evil-app.example", 403),
        ("null", 403),
        // A list is the whole list: the host's own pages are not in it.
        ("https://example.com", 403),
    ] {
        let headers = format!("Host: example.com\r\nOrigin: {origin}\r\n");
        assert_eq!(status(&policy, &headers, false), expected, "{origin}");
    }
    let null = Policy::new().origins(OriginRule::List(vec!["null".to_owned()]));
    null.validate().unwrap();
    assert_eq!(status(&null, "Host: a\r\nOrigin: null\r\n", false), 200);
}

/// DNS rebinding.
#[test]
fn answers_to_loopback_names_only_where_bound_to_loopback() {
    for (host, expected) in [
        ("localhost", 200),
        ("LocalHost:9894", 200),
        ("app.localhost", 200),
        ("127.0.0.1:9894", 200),
        ("127.8.9.1", 200),
        ("[::1]:9894", 200),
        ("evil.example", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("192.168.1.2", 403),
        ("0.0.0.0", 403),
        ("[::2]", 403),
    ] {
        let headers = format!("Host: {host}\r\nOrigin: http://{host}\r\n");
        assert_eq!(
            status(&Policy::default(), &headers, true),
            expected,
            "{host}"
        );
        assert_eq!(status(&Policy::default(), &headers, false), 200, "{host}");
        assert_eq!(
            status(&Policy::dangerous_allow_all(), &headers, true),
            200,
            "{host}"
        );
    }
}

#[test]
fn answers_to_listed_hosts() {
    let entries = ["chat.example", "dev.example:8080"]
        .map(str::to_owned)
        .to_vec();
    let policy = Policy::new().hosts(HostRule::List(entries));
    policy.validate().unwrap();
    for (host, on_loopback, elsewhere) in [
        ("chat.example", 200, 200),
        ("CHAT.example:1", 200, 200),
        ("dev.example:8080", 200, 200),
        ("dev.example", 403, 403),
        ("dev.example:80", 403, 403),
        ("localhost", 200, 403),
        ("evil.example", 403, 403),
    ] {
        let headers = format!("Host: {host}\r\n");
        assert_eq!(status(&policy, &headers, true), on_loopback, "{host}");
        assert_eq!(status(&policy, &headers, false), elsewhere, "{host}");
    }
}

#[test]
fn names_rules_that_can_never_match() {
    for entry in [
        "example.com",
        "*",
        "https://",
        "https://a/b",
        "https://*.example.com",
        "",
    ] {
        let policy =
            Policy::new().origins(OriginRule::List(vec!["null".to_owned(), entry.to_owned()]));
        assert_eq!(
            policy.validate(),
            Err(HandshakeError::InvalidRule {
                entry: entry.into()
            })
        );
    }
    for entry in ["https://example.com", "*", "a b", ""] {
        let policy = Policy::new().hosts(HostRule::List(vec!["ok".to_owned(), entry.to_owned()]));
        assert_eq!(
            policy.validate(),
            Err(HandshakeError::InvalidRule {
                entry: entry.into()
            })
        );
    }
    assert_eq!(Policy::default().validate(), Ok(()));
}

#[test]
fn shows_nothing_of_the_request() {
    let answer = Policy::default()
        .check(&request("Host: a\r\nOrigin: http://secret\r\n"), false)
        .unwrap_err();
    assert!(!answer.text().contains("secret"));
}
