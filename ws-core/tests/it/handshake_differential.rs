//! M-4: 24,000 request heads, half of them mutated, against httparse and rules that are simple because they see the
//! whole head at once. No difference is tolerated.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use ws_core::handshake::{HeadLimits, ServerHandshake, ServerStep};

const HEADS: usize = 24_000;

/// What came of a head: method, target, headers, and whether it may be answered with 101.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    is_upgrade: bool,
}

#[test]
fn agrees_with_httparse_and_simple_rules() {
    let mut random = StdRng::seed_from_u64(6455);
    let (mut upgrades, mut plain, mut refused) = (0, 0, 0);
    for number in 0..HEADS {
        let mut head = generate(&mut random);
        if number % 2 == 1 {
            mutate(&mut head, &mut random);
        }
        let (ours, theirs) = (ours(&head), theirs(&head));
        assert_eq!(ours, theirs, "head {number}: {}", head.escape_ascii());
        match ours {
            Some(Accepted {
                is_upgrade: true, ..
            }) => upgrades += 1,
            Some(_) => plain += 1,
            None => refused += 1,
        }
    }
    println!(
        "{HEADS} heads: {upgrades} upgrades, {plain} of plain HTTP, {refused} refused; no difference"
    );
    assert_eq!(upgrades + plain + refused, HEADS, "heads compared");
    // A generator that only makes one kind proves nothing.
    assert!(
        upgrades > HEADS / 10 && plain > HEADS / 10 && refused > HEADS / 10,
        "{upgrades} {plain} {refused}"
    );
}

fn ours(head: &[u8]) -> Option<Accepted> {
    match ServerHandshake::new().receive(head, &HeadLimits::default()) {
        ServerStep::NeedMore | ServerStep::Refused(_) => None,
        ServerStep::Request(request) => Some(Accepted {
            method: request.method().to_owned(),
            target: request.target().to_owned(),
            headers: request
                .headers()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            is_upgrade: request.check_upgrade().is_ok(),
        }),
    }
}

fn theirs(head: &[u8]) -> Option<Accepted> {
    let mut lines = [httparse::EMPTY_HEADER; 100];
    let mut parsed = httparse::Request::new(&mut lines);
    let Ok(httparse::Status::Complete(end)) = parsed.parse(head) else {
        return None;
    };
    let (method, target) = (parsed.method?, parsed.path?);

    // httparse takes bare LF and empty lines first (RFC 9112 §2.2 allows both, R-04 does not).
    let text = &head[..end];
    let is_strict = (0..end).all(|at| match text[at] {
        b'\n' => at > 0 && text[at - 1] == b'\r',
        b'\r' => text.get(at + 1) == Some(&b'\n'),
        _ => true,
    });
    if !is_strict || text[0] == b'\r' || parsed.version != Some(1) {
        return None;
    }
    if !target.starts_with('/')
        || !target
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        return None;
    }
    let value = |bytes: &[u8]| match String::from_utf8(bytes.to_vec()) {
        Ok(text) => text,
        Err(_) => bytes.iter().map(|&byte| char::from(byte)).collect(),
    };
    let headers: Vec<_> = parsed
        .headers
        .iter()
        .map(|header| (header.name.to_owned(), value(header.value)))
        .collect();

    let all = |wanted: &str| -> Vec<&str> {
        headers
            .iter()
            .filter(|(name, _)| name.to_lowercase() == wanted)
            .map(|(_, value)| &**value)
            .collect()
    };
    let lists = |wanted: &str, element: &str| {
        all(wanted)
            .join(",")
            .to_lowercase()
            .split(',')
            .any(|part| part.trim_matches([' ', '\t']) == element)
    };
    let [host] = all("host")[..] else { return None };
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let is_host = !name.is_empty()
        && name
            .chars()
            .all(|part| part.is_ascii_alphanumeric() || "-._~%".contains(part))
        && (port.is_empty()
            || (port.len() < 6
                && port.chars().all(|digit| digit.is_ascii_digit())
                && port.parse::<u16>().is_ok()));
    let lengths = all("content-length");
    let is_length = |text: &&str| {
        !text.is_empty()
            && text.chars().all(|digit| digit.is_ascii_digit())
            && text.parse::<u64>().is_ok()
    };
    let has_coding = !all("transfer-encoding").is_empty();
    if !is_host
        || lengths.len() > 1
        || !lengths.iter().all(is_length)
        || (has_coding && !lengths.is_empty())
    {
        return None;
    }

    let asks = lists("upgrade", "websocket")
        || !all("sec-websocket-key").is_empty()
        || !all("sec-websocket-version").is_empty();
    if asks && end < head.len() {
        return None;
    }
    let keys = all("sec-websocket-key");
    let is_upgrade = method == "GET"
        && lists("upgrade", "websocket")
        && lists("connection", "upgrade")
        && !has_coding
        && lengths
            .iter()
            .all(|length| length.trim_start_matches('0').is_empty())
        && all("sec-websocket-version") == ["13"]
        && keys.len() == 1
        && keys[0].len() == 24
        && keys[0].ends_with("==")
        && keys[0][..22]
            .chars()
            .all(|digit| digit.is_ascii_alphanumeric() || "+/".contains(digit));
    Some(Accepted {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        is_upgrade,
    })
}

/// A head that is good more often than not.
fn generate(random: &mut StdRng) -> Vec<u8> {
    let start = [
        pick(random, &["GET"], &["POST", "HEAD", "get"]),
        pick(
            random,
            &["/", "/chat", "/a?b=c", "/%20", "//"],
            &["/#", "a", "/\u{e9}"],
        ),
        pick(random, &["HTTP/1.1"], &["HTTP/1.0", "HTTP/2.0", "http/1.1"]),
    ];
    let mut lines = vec![
        pick(
            random,
            &["Host: a", "host: a.example:80", "HOST:a", "Host: a:0"],
            &["Host: a b", "Host:", "A: b"],
        ),
        pick(
            random,
            &[
                "Upgrade: websocket",
                "upgrade:WebSocket",
                "Upgrade: a, websocket ",
            ],
            &["Upgrade: h2c", "A: b"],
        ),
        pick(
            random,
            &["Connection: Upgrade", "connection: keep-alive,upgrade"],
            &["Connection: close", "A: b"],
        ),
        pick(
            random,
            &[
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-key:\tAQIDBAUGBwgJCgsMDQ4PEC==",
            ],
            &["Sec-WebSocket-Key: x", "A: b"],
        ),
        pick(
            random,
            &["Sec-WebSocket-Version: 13", "SEC-WEBSOCKET-VERSION:13"],
            &["Sec-WebSocket-Version: 8", "A: b"],
        ),
    ];
    for _ in 0..random.random_range(0..3) {
        let extra = pick(
            random,
            &[
                "X-A: b",
                "X-B:\tc\td ",
                "X-C:",
                "Origin: http://a",
                "Cookie: \u{436}",
                "Content-Length: 0",
                "Connection: Upgrade",
            ],
            &["Content-Length: 3", "Transfer-Encoding: chunked", "Host: a"],
        );
        let at = random.random_range(0..=lines.len());
        lines.insert(at, extra);
    }
    if random.random_ratio(1, 3) {
        // Plain HTTP: nothing of a WebSocket in it.
        lines.retain(|line| {
            !line.to_lowercase().starts_with("sec-") && !line.to_lowercase().starts_with("upgrade")
        });
    }
    let surplus = pick(random, &[""], &["more"]);
    format!(
        "{}\r\n{}\r\n\r\n{surplus}",
        start.join(" "),
        lines.join("\r\n")
    )
    .into_bytes()
}

fn pick<'a>(random: &mut StdRng, good: &[&'a str], odd: &[&'a str]) -> &'a str {
    let choices = if random.random_ratio(1, 20) {
        odd
    } else {
        good
    };
    choices.choose(random).expect("there are choices")
}

fn mutate(head: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..head.len());
        let byte = match random.random_range(0..3) {
            0 => *b"\r\n\t :,;=\0\x7f\x80\xff#\""
                .choose(random)
                .expect("there are choices"),
            1 => random.random_range(b' '..=b'~'),
            _ => random.random(),
        };
        match random.random_range(0..5) {
            0 => head[at] = byte,
            1 => head.insert(at, byte),
            2 if head.len() > 1 => drop(head.remove(at)),
            3 => head.truncate(at.max(1)),
            _ => {
                let end = random.random_range(at..head.len()).min(at + 40);
                let copy = head[at..end].to_vec();
                let to = random.random_range(0..head.len());
                head.splice(to..to, copy);
            }
        }
    }
}
