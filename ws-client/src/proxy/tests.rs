//! Proxies as text, in the environment, and what they can carry.

use super::environment::choose;
use super::{ProxyKind, ProxyMistake, ProxySettings};
use crate::{Address, Client, ConnectRequest, ErrorKind, Stage};

fn parse(text: &str) -> ProxySettings {
    ProxySettings::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn takes_apart_what_people_write() {
    for (text, shown, login) in [
        ("socks5://a", "socks5 proxy a:1080", None),
        ("socks5h://a:1", "socks5 proxy a:1", None),
        ("SOCKS://a", "socks5 proxy a:1080", None),
        ("socks4://1.2.3.4", "socks4 proxy 1.2.3.4:1080", None),
        ("socks4a://a:9/", "socks4a proxy a:9", None),
        ("http://a", "http proxy a:80", None),
        ("https://a", "https proxy a:443", None),
        ("a:3128", "http proxy a:3128", None),
        ("http://[::1]:8", "http proxy [::1]:8", None),
        ("http://[::1]", "http proxy [::1]:80", None),
        ("http://u:p@a", "http proxy a:80", Some(("u", "p"))),
        ("http://u@a", "http proxy a:80", Some(("u", ""))),
        (
            "socks5://u%40x:p%3A%2f@a:2",
            "socks5 proxy a:2",
            Some(("u@x", "p:/")),
        ),
        ("http://u:p@x@a", "http proxy a:80", Some(("u", "p@x"))),
    ] {
        let settings = parse(text);
        assert_eq!(settings.to_string(), shown, "{text}");
        assert_eq!(settings.credentials(), login, "{text}");
        assert_eq!(settings.has_login(), login.is_some());
    }
}

#[test]
fn says_what_is_wrong_and_shows_nothing_of_it() {
    let texts: String = [
        "",
        "://a",
        "ftp://canary",
        "http://",
        "http://canary:canary@",
        "http://canary:canary@a:x",
        "http://a:0",
        "http://a:65536",
        "http://canary:canary@a/path",
        "http://canary a",
        "http://a?canary",
        "socks5://canary@a",
        "socks5://:canary@a",
        "http://can%0aary:canary@a",
        "http://can%3aary:canary@a",
        "http://%ff:canary@a",
        "socks4://can%00ary@a",
    ]
    .into_iter()
    .map(|text| {
        let error = ProxySettings::parse(text).expect_err(text);
        assert_eq!(
            (error.kind(), error.stage()),
            (ErrorKind::Usage, Stage::Proxy)
        );
        let hint = error.hint().unwrap_or_default();
        let shown = format!("{error} [{hint}]\n");
        assert!(!shown.contains("canary"), "{shown}");
        shown
    })
    .collect();
    expect_test::expect![[r#"
        bad host name of the proxy [give a host name or an IP address, without kind and port]
        unknown kind of proxy [it is one of socks5, socks4, socks4a, http and https]
        unknown kind of proxy [it is one of socks5, socks4, socks4a, http and https]
        bad host name of the proxy [give a host name or an IP address, without kind and port]
        bad host name of the proxy [give a host name or an IP address, without kind and port]
        bad port of the proxy [a port is a number from 1 to 65,535]
        bad port of the proxy [a port is a number from 1 to 65,535]
        bad port of the proxy [a port is a number from 1 to 65,535]
        bad address of a proxy [write kind://[login:password@]host[:port], such as socks5://127.0.0.1:1080]
        bad host name of the proxy [give a host name or an IP address, without kind and port]
        bad address of a proxy [write kind://[login:password@]host[:port], such as socks5://127.0.0.1:1080]
        login or password of the proxy is empty or too long for SOCKS5 [each has 1 to 255 bytes]
        login or password of the proxy is empty or too long for SOCKS5 [each has 1 to 255 bytes]
        login or password of the proxy cannot be sent [a login has no colon, and neither has control characters]
        login or password of the proxy cannot be sent [a login has no colon, and neither has control characters]
        bad address of a proxy [write kind://[login:password@]host[:port], such as socks5://127.0.0.1:1080]
        the login of the proxy cannot be sent to a SOCKS4 proxy [it has at most 255 bytes, and no NUL]
    "#]].assert_eq(&texts);
}

#[test]
fn nothing_printed_shows_the_login() {
    let proxy = parse("http://canary:canary@a");
    let request = ConnectRequest::new("ws://b").unwrap().proxy(proxy.clone());
    let shown = format!("{proxy} {proxy:?} {request:?}");
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(
        proxy.authorization().as_deref(),
        Some("Basic Y2FuYXJ5OmNhbmFyeQ==")
    );
    assert!(proxy.secrets().contains(&"Y2FuYXJ5OmNhbmFyeQ==".to_owned()));
}

#[test]
fn the_words_of_the_kinds_go_both_ways() {
    for kind in ["socks5", "socks4", "socks4a", "http", "https"] {
        assert_eq!(kind.parse::<ProxyKind>().unwrap().to_string(), kind);
        assert_eq!(
            kind.to_uppercase()
                .parse::<ProxyKind>()
                .unwrap()
                .to_string(),
            kind
        );
    }
    assert!("socks6".parse::<ProxyKind>().is_err());
}

/// R-35: what the protocol cannot carry is refused before anything is dialled; the closed port would be another error.
#[test]
fn what_a_protocol_cannot_carry_is_not_dialled() {
    let dial = |address: &str, proxy: ProxySettings| {
        let request = ConnectRequest::new(address).unwrap().proxy(proxy);
        let error = Client::connect_with(&request).unwrap_err();
        (error.kind(), error.stage())
    };
    let usage = (ErrorKind::Usage, Stage::Proxy);
    let long = "x".repeat(256);
    let long_host = format!("ws://{}.test/", "x.".repeat(130));
    let new = |kind| ProxySettings::new(kind, "127.0.0.1", 1);
    for (address, proxy) in [
        ("ws://a", new(ProxyKind::Socks5).login("", "p")),
        ("ws://a", new(ProxyKind::Socks5).login("u", "")),
        ("ws://a", new(ProxyKind::Socks5).login(&long, "p")),
        ("ws://a", new(ProxyKind::Socks5).login("u", &long)),
        (long_host.as_str(), new(ProxyKind::Socks5)),
        ("ws://a", new(ProxyKind::Socks4).login("u\0", "")),
        ("ws://[::1]", new(ProxyKind::Socks4)),
        ("ws://[::1]", new(ProxyKind::Socks4a)),
        ("ws://a", new(ProxyKind::Http).login("u:u", "p")),
        ("ws://a", new(ProxyKind::Http).login("u", "p\r\n")),
        ("ws://a", ProxySettings::new(ProxyKind::Http, "", 1)),
        ("ws://a", ProxySettings::new(ProxyKind::Http, "a b", 1)),
        (
            "ws://a",
            ProxySettings::new(ProxyKind::Http, "http://a", 1).login("u", "p"),
        ),
        ("ws://a", ProxySettings::new(ProxyKind::Http, "a", 0)),
    ] {
        assert_eq!(dial(address, proxy.clone()), usage, "{address} {proxy:?}");
    }
    for proxy in [
        new(ProxyKind::Socks5).login("u", "x".repeat(255)),
        new(ProxyKind::Socks4),
        new(ProxyKind::Http).login("", ""),
    ] {
        assert_eq!(
            dial("ws://127.0.0.1:9", proxy.clone()),
            (ErrorKind::Proxy, Stage::Proxy),
            "{proxy:?}"
        );
    }
}

/// What an environment of these variables chooses for an address.
fn chosen(address: &str, variables: &[(&str, &str)]) -> Result<Option<String>, ProxyMistake> {
    let address = Address::parse(address).unwrap();
    let get = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name)?;
        Some(found.1.to_owned())
    };
    let proxy = choose(address.host(), address.port(), address.is_secure(), &get)?;
    Ok(proxy.map(|proxy| proxy.server().to_owned()))
}

#[test]
fn the_environment_is_read_by_scheme_and_small_letters_win() {
    let all = [
        ("http_proxy", "http://h"),
        ("HTTP_PROXY", "http://H"),
        ("https_proxy", "http://s"),
        ("HTTPS_PROXY", "http://S"),
        ("all_proxy", "socks5://a"),
        ("ALL_PROXY", "socks5://A"),
    ];
    let some = |text: &str| Ok(Some(text.to_owned()));
    assert_eq!(chosen("ws://x", &all), some("h"));
    assert_eq!(chosen("wss://x", &all), some("s"));
    assert_eq!(chosen("ws://x", &all[1..]), some("H"));
    assert_eq!(chosen("wss://x", &all[3..]), some("S"));
    assert_eq!(chosen("ws://x", &all[2..]), some("a"));
    assert_eq!(chosen("wss://x", &all[4..]), some("a"));
    assert_eq!(chosen("wss://x", &all[5..]), some("A"));
    assert_eq!(chosen("wss://x", &[]), Ok(None));
    let empty = [("http_proxy", " "), ("HTTP_PROXY", "http://H")];
    assert_eq!(chosen("ws://x", &empty), some("H"), "empty is not set");
    // CGI: the variable in capitals is the header of a remote client.
    let cgi = [
        ("REQUEST_METHOD", "GET"),
        ("HTTP_PROXY", "http://evil"),
        ("HTTPS_PROXY", "http://S"),
    ];
    assert_eq!(chosen("ws://x", &cgi), Ok(None));
    assert_eq!(chosen("wss://x", &cgi), some("S"));
    let bad = [("https_proxy", "ftp://canary")];
    assert_eq!(
        chosen("wss://x", &bad),
        Err(ProxyMistake::Environment("https_proxy"))
    );
}

#[test]
fn no_proxy_lists_who_is_connected_to_directly() {
    for (list, address, direct) in [
        ("*", "ws://x", true),
        ("", "ws://x", false),
        (",,", "ws://x", false),
        ("x", "ws://x", true),
        ("X", "ws://x", true),
        ("x", "ws://x.", true),
        ("x.test", "ws://a.x.test", true),
        (".x.test", "ws://a.x.test", true),
        (".x.test", "ws://x.test", true),
        ("*.x.test", "ws://a.x.test", true),
        ("x.test", "ws://evilx.test", false),
        ("a.x.test", "ws://x.test", false),
        ("y, x.test ,z", "ws://x.test", true),
        ("y x.test", "ws://x.test", true),
        ("x:80", "ws://x", true),
        ("x:81", "ws://x", false),
        ("x:443", "wss://x", true),
        ("x:zz", "ws://x", false),
        ("127.0.0.1", "ws://127.0.0.1", true),
        ("127.0.0.1:9", "ws://127.0.0.1:9", true),
        ("127.0.0.1:9", "ws://127.0.0.1:8", false),
        ("0.0.1", "ws://127.0.0.1", false),
        ("127.0.0.0/8", "ws://127.9.9.9", true),
        ("127.0.0.0/33", "ws://127.0.0.0", false),
        ("0.0.0.0/0", "ws://1.2.3.4", true),
        ("10.0.0.0/8", "ws://11.0.0.1", false),
        ("::1", "ws://[::1]", true),
        ("[::1]", "ws://[::1]", true),
        ("[::1]:9", "ws://[::1]:9", true),
        ("[::1]:9", "ws://[::1]:8", false),
        ("fd00::/8", "ws://[fd12::1]", true),
        ("fd00::/8", "ws://[fe12::1]", false),
        ("10.0.0.0/8", "ws://[::1]", false),
    ] {
        let variables = [("all_proxy", "socks5://p"), ("no_proxy", list)];
        let proxy = chosen(address, &variables).unwrap();
        assert_eq!(proxy.is_none(), direct, "{list:?} {address}");
    }
}
