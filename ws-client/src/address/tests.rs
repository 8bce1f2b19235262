use super::Address;
use crate::{ErrorKind, Stage};

fn parse(text: &str) -> Address {
    Address::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn takes_apart_what_rfc_6455_allows() {
    for (text, secure, host, port, target, host_header) in [
        ("ws://a", false, "a", 80, "/", "a"),
        ("wss://a", true, "a", 443, "/", "a"),
        (
            "WS://Example.COM:80/",
            false,
            "example.com",
            80,
            "/",
            "example.com",
        ),
        ("ws://a:443", false, "a", 443, "/", "a:443"),
        ("wss://a:443", true, "a", 443, "/", "a"),
        ("ws://a:/x", false, "a", 80, "/x", "a"),
        ("ws://a?b=c", false, "a", 80, "/?b=c", "a"),
        (
            "ws://127.0.0.1:9894/a/b?c=d&e",
            false,
            "127.0.0.1",
            9894,
            "/a/b?c=d&e",
            "127.0.0.1:9894",
        ),
        ("ws://[::1]:9894", false, "::1", 9894, "/", "[::1]:9894"),
        ("ws://[0:0:0:0:0:0:0:1]/", false, "::1", 80, "/", "[::1]"),
        (
            "ws://[fe80::1%25eth0]/",
            false,
            "fe80::1%eth0",
            80,
            "/",
            "[fe80::1]",
        ),
        (
            "ws://[fe80::1%2]/",
            false,
            "fe80::1%2",
            80,
            "/",
            "[fe80::1]",
        ),
        (
            "ws://my_host-1.local/%41%zz".trim_end_matches("%zz"),
            false,
            "my_host-1.local",
            80,
            "/%41",
            "my_host-1.local",
        ),
        ("ws://a//b/../c", false, "a", 80, "//b/../c", "a"),
        (
            "ws://a/ж?x={\"y\"}",
            false,
            "a",
            80,
            "/%D0%B6?x=%7B%22y%22%7D",
            "a",
        ),
        ("ws://u:p@a/@b?c@d", false, "a", 80, "/@b?c@d", "a"),
    ] {
        let address = parse(text);
        assert_eq!(address.is_secure(), secure, "{text}");
        assert_eq!(address.host(), host, "{text}");
        assert_eq!(address.port(), port, "{text}");
        assert_eq!(address.target(), target, "{text}");
        assert_eq!(
            address.host_header(address.is_secure()),
            host_header,
            "{text}"
        );
    }
}

#[test]
fn user_information_becomes_basic_authorization() {
    let authorization = |text| parse(text).authorization();
    assert_eq!(authorization("ws://a"), None);
    // RFC 7617 §2
    let aladdin = Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned());
    assert_eq!(authorization("ws://Aladdin:open%20sesame@a"), aladdin);
    assert_eq!(authorization("ws://u@a"), Some("Basic dTo=".to_owned()));
    assert_eq!(
        authorization("ws://u:p:q@a"),
        Some("Basic dTpwOnE=".to_owned())
    );
    // The last @ divides, so that a password may hold one.
    assert_eq!(
        authorization("ws://u:p@q@a"),
        Some("Basic dTpwQHE=".to_owned())
    );
    assert_eq!(parse("ws://u:p@q@a").host(), "a");
}

/// R-32
#[test]
fn nothing_printed_shows_a_secret() {
    let address = parse("wss://canary:canary@host:1/path?token=canary&canary&x=&a=b=canary");
    assert_eq!(
        address.to_string(),
        "wss://host:1/path?token=***&***&x=***&a=***"
    );
    assert_eq!(format!("{address:?}"), format!("Address({address})"));
    for bad in [
        "ws://canary:canary@",
        "ws://canary:canary\u{7}@a",
        "ws://canary:can%ary@a",
        "ws://canary:canary@a b",
        "ws://canary:canary@a:canary/",
        "ws://canary:canary@[::canary]/",
        "ws://canary:canary@a/#canary",
        "ws://canary:canary@a/?canary=canary%",
        "http://canary:canary@a/?canary=canary",
        "canary:canary@host?canary=canary",
        "canary://canary:canary@host?canary=canary",
    ] {
        let error = Address::parse(bad).unwrap_err();
        let printed = format!("{error} {error:?} {:?} {}", error.hint(), error.target());
        assert!(!printed.contains("canary"), "{printed}");
    }
}

#[test]
fn says_what_is_wrong_where_and_what_to_write() {
    let texts: String = [
        "",
        "127.0.0.1:9894",
        "http://a",
        "HTTPS://a",
        "ftp://a",
        "://a",
        "ws://",
        "ws:///x",
        "ws://:80",
        "ws://u:p@",
        "ws://a/b#c",
        "ws://a/b c",
        "ws://a/b\r\nX: y",
        "ws://a /b",
        "ws://a\n",
        "ws://пример.рф/",
        "ws://a<b/",
        "ws://u\u{7}:p@a/",
        "ws://a/%",
        "ws://a/ж?x=%4",
        "ws://a/%4г",
        "ws://a:0",
        "ws://a:65536",
        "ws://a:+80",
        "ws://a:http",
        "ws://::1/",
        "ws://[::1",
        "ws://[::1]9894",
        "ws://[::1%]/",
        "ws://[1.2.3.4]/",
    ]
    .into_iter()
    .map(|bad| {
        let error = Address::parse(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadAddress);
        assert_eq!(error.stage(), Stage::Address);
        assert_eq!(error.error_code(), "usage");
        let hint = error
            .hint()
            .map_or(String::new(), |hint| format!(" [{hint}]"));
        format!("{bad:?} {error}{hint}\n")
    })
    .collect();
    expect_test::expect![[r#"
        "" bad address: it is empty [write ws://host[:port][/path] or wss://host[:port][/path]]
        "127.0.0.1:9894" bad address: no scheme [write ws:// or wss:// in front of it]
        "http://a" bad address: the scheme is http, not ws or wss [use ws:// instead of http://]
        "HTTPS://a" bad address: the scheme is https, not ws or wss [use wss:// instead of https://]
        "ftp://a" bad address: the scheme is neither ws nor wss [write ws://host[:port][/path] or wss://host[:port][/path]]
        "://a" bad address: no scheme [write ws:// or wss:// in front of it]
        "ws://" bad address: no host [write ws://host[:port][/path] or wss://host[:port][/path]]
        "ws:///x" bad address: no host [write ws://host[:port][/path] or wss://host[:port][/path]]
        "ws://:80" bad address: no host [write ws://host[:port][/path] or wss://host[:port][/path]]
        "ws://u:p@" bad address: no host [write ws://host[:port][/path] or wss://host[:port][/path]]
        "ws://a/b#c" bad address: a fragment (# at character 9) is not allowed [leave it out, or write %23 for a # that belongs to the path]
        "ws://a/b c" bad address: ' ' at character 9 is not allowed in the path [write %20 for a space]
        "ws://a/b\r\nX: y" bad address: '\r' at character 9 is not allowed in the path
        "ws://a /b" bad address: ' ' at character 7 is not allowed in the host
        "ws://a\n" bad address: '\n' at character 7 is not allowed in the host
        "ws://пример.рф/" bad address: 'п' at character 6 is not allowed in the host [write an international host name in its ASCII form (xn--…)]
        "ws://a<b/" bad address: '<' at character 7 is not allowed in the host
        "ws://u\u{7}:p@a/" bad address: character 7, in the user information, is not allowed
        "ws://a/%" bad address: the percent sign at character 8, in the path, is not followed by two hexadecimal digits [write %25 for a percent sign]
        "ws://a/ж?x=%4" bad address: the percent sign at character 12, in the query, is not followed by two hexadecimal digits [write %25 for a percent sign]
        "ws://a/%4г" bad address: the percent sign at character 8, in the path, is not followed by two hexadecimal digits [write %25 for a percent sign]
        "ws://a:0" bad address: bad port [a port is a number from 1 to 65,535]
        "ws://a:65536" bad address: bad port [a port is a number from 1 to 65,535]
        "ws://a:+80" bad address: bad port [a port is a number from 1 to 65,535]
        "ws://a:http" bad address: bad port [a port is a number from 1 to 65,535]
        "ws://::1/" bad address: bad IPv6 address [an IPv6 address stands in brackets, as in ws://[::1]:9894/]
        "ws://[::1" bad address: bad IPv6 address [an IPv6 address stands in brackets, as in ws://[::1]:9894/]
        "ws://[::1]9894" bad address: bad IPv6 address [an IPv6 address stands in brackets, as in ws://[::1]:9894/]
        "ws://[::1%]/" bad address: bad IPv6 address [an IPv6 address stands in brackets, as in ws://[::1]:9894/]
        "ws://[1.2.3.4]/" bad address: bad IPv6 address [an IPv6 address stands in brackets, as in ws://[::1]:9894/]
    "#]].assert_eq(&texts);
}

#[test]
fn no_text_makes_it_panic_or_leave_a_control_character() {
    use proptest::prelude::*;
    proptest!(|(text in "(ws://|wss://|)[a-z:@\\[\\]%?#/ \\p{Cc}ж{}\"]{0,24}\\PC*")| {
        if let Ok(address) = Address::parse(&text) {
            let sent = format!("{} {}", address.host_header(address.is_secure()), address.target());
            prop_assert!(sent.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{sent:?}");
            prop_assert_eq!(sent.matches(' ').count(), 1);
            let _ = (address.to_string(), address.authorization(), address.secrets());
        }
    });
}
