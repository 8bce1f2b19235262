//! The test page of `ws serve`, in headless Chromium and without a mouse.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::curl::curl;
use crate::support::chromium::Page;
use crate::support::cli::{Checked, Serve, line_with, serve, ws};
use crate::support::peer::python;

const CTRL: u8 = 2;
const ALT: u8 = 1;
const SHIFT: u8 = 8;

fn open(server: &Serve) -> Page {
    Page::open(&format!("http://{}/", server.address))
}

/// The rows of the list: way, type, size, content.
fn rows(page: &mut Page) -> Vec<Value> {
    let rows = page.value(
        "[...document.querySelectorAll('#rows tr')].map((row) => [row.dataset.way,
         row.querySelector('.kind').lastChild.data, row.cells[2].textContent, row.lastChild.textContent])",
    );
    rows.as_array().unwrap().clone()
}

fn wait_for_rows(page: &mut Page, count: usize) -> Vec<Value> {
    page.wait_for(&format!(
        "document.querySelectorAll('#rows tr').length >= {count}"
    ));
    rows(page)
}

#[test]
fn page_connects_sends_shows_and_measures_by_keyboard_alone() {
    let mut server = serve(&["--echo"]);
    let mut page = open(&server);
    // One key is enough to connect: the address is this server's.
    assert_eq!(page.focus(), "connect");
    assert_eq!(page.value("$('url').value"), server.url.as_str());
    page.press("Enter", 0);
    page.wait_for("$('state').textContent === 'Connected'");
    assert_eq!(page.focus(), "message");

    page.insert("hello, жук");
    page.press("Enter", CTRL);
    let shown = wait_for_rows(&mut page, 3);
    assert_eq!(shown[0][1], "open");
    assert_eq!(shown[1], json!(["out", "text", "13 B", "hello, жук"]));
    assert_eq!(shown[2], json!(["in", "text", "13 B", "hello, жук"]));
    // It is drawn with the next frame.
    page.wait_for("$('timed').textContent === '1'");
    // The last message comes back to be sent again.
    page.press("ArrowUp", ALT);
    assert_eq!(page.value("$('message').value"), "hello, жук");
    page.value("$('message').value = ''");

    // Bytes as hex: the radio buttons by their arrow.
    page.tab_to("text", SHIFT);
    page.press("ArrowDown", 0);
    page.tab_to("message", 0);
    page.insert("00 ff 4");
    page.press("Enter", CTRL);
    page.wait_for("$('sending-error').textContent.startsWith('Hex has two digits')");
    assert_eq!(
        page.value("$('message').getAttribute('aria-invalid')"),
        "true"
    );
    page.insert("1");
    page.press("Enter", CTRL);
    let shown = wait_for_rows(&mut page, 5);
    let dump = format!("0000  {:<23}  ··A", "00 ff 41");
    assert_eq!(shown[3], json!(["out", "binary", "3 B", dump]));
    assert_eq!(shown[4], json!(["in", "binary", "3 B", dump]));

    // The plot.
    page.tab_to("probe", 0);
    page.press(" ", 0);
    page.wait_for("trips >= 7");
    page.wait_for("document.querySelector('.line').getAttribute('points').split(' ').length >= 7");
    assert_eq!(
        page.value("$('probe').getAttribute('aria-pressed')"),
        "true"
    );
    page.wait_for("$('plot').getAttribute('aria-label').startsWith('The last ')");
    let label = page.value("$('plot').getAttribute('aria-label')");
    assert!(label.as_str().unwrap().contains("median "), "{label}");
    page.press(" ", 0);
    assert_eq!(rows(&mut page).len(), 5, "probes are not in the list");

    // The end.
    page.tab_to("connect", SHIFT);
    page.press("Enter", 0);
    let shown = wait_for_rows(&mut page, 6);
    assert_eq!(shown[5][1], "close");
    assert_eq!(shown[5][3], "1000 (normal)");
    server
        .process
        .wait_for_stderr(line_with(" 1000: closed by the peer"));
    assert_eq!(page.complaints(), [] as [&str; 0]);
}

#[test]
fn page_sends_a_file_and_shows_what_others_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.bin");
    let content: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    std::fs::write(&path, &content).unwrap();
    let server = serve(&["--broadcast"]);
    let mut page = open(&server);
    page.press("Enter", 0);
    page.wait_for("$('state').textContent === 'Connected'");
    let mut listener = ws(&["connect", &server.url, "--no-stdin", "--count", "1"]).start();
    listener.wait_for_stderr(line_with("connected to"));

    page.tab_to("text", SHIFT);
    page.press("ArrowUp", 0);
    assert_eq!(page.focus(), "file");
    let found = page.call("Runtime.evaluate", &json!({"expression": "$('file')"}));
    let object = &found["result"]["objectId"];
    page.call(
        "DOM.setFileInputFiles",
        &json!({"files": [path], "objectId": object}),
    );
    page.tab_to("send", 0);
    page.press("Enter", 0);
    assert_eq!(listener.finish().expect_code(0).stdout, content);

    let json = r#"{"id":1,"name":"жук","list":[1,2]}"#;
    ws(&["send", &server.url, json]).run().expect_code(0);
    let shown = wait_for_rows(&mut page, 3);
    assert_eq!(shown[1][2], "293.0 KiB");
    assert_eq!((&shown[2][0], &shown[2][3]), (&"in".into(), &json.into()));
    page.tab_to("pretty", 0);
    page.press(" ", 0);
    let indented = rows(&mut page)[2][3].as_str().unwrap().to_owned();
    assert!(indented.starts_with("{\n  \"id\": 1,\n"), "{indented}");

    // The server goes: the page tells.
    server.process.signal("TERM");
    page.wait_for("$('state').textContent === 'Closed, 1001'");
    server.process.finish().expect_code(0);
    page.tab_to("connect", SHIFT);
    page.press("Enter", 0);
    page.wait_for("$('state').dataset.state === 'failed'");
}

/// The lowest contrast of any text with what is behind it (WCAG 2, 1.4.3), and where.
const LOWEST_CONTRAST: &str = r"(() => {
  const channels = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color) => channels(color).slice(0, 3).map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }).reduce((sum, value, index) => sum + value * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if ((channels(color)[3] ?? 1) === 1) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  let lowest = [99, ''];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!hasText && !element.matches('input, textarea')) continue;
    if (element.closest('[hidden], :disabled, script, .unseen, svg')) continue;
    const [one, other] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < lowest[0]) lowest = [contrast, element.outerHTML.slice(0, 100)];
  }
  return lowest;
})()";

#[test]
fn page_is_readable_light_and_dark_and_everything_has_a_name() {
    let server = serve(&["--echo"]);
    let mut page = open(&server);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    page.prefer("light");
    page.screenshot(&folder.join("page-empty.png"));
    page.press("Enter", 0);
    page.wait_for("$('state').textContent === 'Connected'");
    page.value("$('pretty').click()");
    page.value("transmit('a long text '.repeat(100))");
    for text in [
        r#"{"op":"subscribe","rooms":["orders","prices"]}"#,
        "Привет, жук! Grüße!",
    ] {
        page.insert(text);
        page.press("Enter", CTRL);
    }
    page.value("transmit(Uint8Array.from({ length: 40 }, (_, at) => at * 37 & 255))");
    page.tab_to("probe", 0);
    page.value("$('interval').value = 20");
    page.press(" ", 0);
    page.wait_for("trips >= 60");
    page.press(" ", 0);
    page.tab_to("message", SHIFT);
    page.value("scrollTo(0, 0)");
    page.insert("A message that is being written");
    let mut images = Vec::new();
    for scheme in ["light", "dark"] {
        page.prefer(scheme);
        let lowest = page.value(LOWEST_CONTRAST);
        assert!(lowest[0].as_f64().unwrap() >= 4.5, "{scheme}: {lowest}");
        images.push(page.screenshot(&folder.join(format!("page-{scheme}.png"))));
    }
    assert_ne!(images[0], images[1]);
    page.call(
        "Emulation.setDeviceMetricsOverride",
        &json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true}),
    );
    let overflow = page.value("document.documentElement.scrollWidth - innerWidth");
    assert!(overflow.as_i64().unwrap() <= 0, "wider than a telephone");
    let overflow = page.value("document.documentElement.scrollHeight - document.body.offsetHeight");
    assert!(
        overflow.as_i64().unwrap() <= 0,
        "an empty space below the page"
    );
    page.value("scrollTo(0, document.documentElement.scrollHeight)");
    page.screenshot(&folder.join("page-narrow.png"));

    let tree = page.call("Accessibility.getFullAXTree", &json!({}));
    let mut named = 0;
    for node in tree["nodes"].as_array().unwrap() {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if node["ignored"] == true
            || ![
                "button",
                "textbox",
                "spinbutton",
                "radio",
                "checkbox",
                "link",
                "region",
                "form",
                "table",
                "image",
                "DisclosureTriangle",
            ]
            .contains(&role)
        {
            continue;
        }
        let name = node["name"]["value"].as_str().unwrap_or_default();
        assert!(!name.is_empty(), "a {role} has no name: {node}");
        named += 1;
    }
    assert!(named >= 15, "{named}");
    assert_eq!(page.complaints(), [] as [&str; 0]);
}

/// Prints the hash of what stands between two tags of stdin, as a Content-Security-Policy names it.
const HASH: &str = "import base64, hashlib, re, sys\n\
    page = sys.stdin.buffer.read().decode()\n\
    for tag in ('script', 'style'):\n    \
        text = re.search(f'<{tag}>(.*?)</{tag}>', page, re.S)[1]\n    \
        print(base64.b64encode(hashlib.sha256(text.encode()).digest()).decode())\n";

#[test]
fn page_allows_no_script_but_its_own_and_can_be_turned_off() {
    let server = serve(&[]);
    let url = format!("http://{}/", server.address);
    let answer = curl(&["--include"], &url).finish().expect_code(0);
    let (head, body) = answer.stdout_text().split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains("\r\nContent-Type: text/html;"),
        "{head}"
    );
    let policy = head
        .lines()
        .find(|line| line.starts_with("Content-Security-Policy: default-src 'none'; "))
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("hash.py");
    std::fs::write(&script, HASH).unwrap();
    let mut hashing = ws_tests::process::Process::spawn(&mut python(&script));
    hashing.write(body.as_bytes());
    let hashes = hashing.finish().expect_code(0);
    for hash in hashes.stdout_text().lines() {
        assert!(
            policy.contains(hash),
            "write the hashes into page.rs:\n{}",
            hashes.stdout_text()
        );
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for reference in ["http://", "https://", "//cdn", "@import", "url("] {
        let found: Vec<&str> = body
            .lines()
            .filter(|line| line.contains(reference) && !line.contains("www.w3.org"))
            .collect();
        assert!(
            found.iter().all(|line| line.contains("\"A page from")),
            "from elsewhere: {found:?}"
        );
    }

    let status = |server: &Serve, path: &str| {
        let url = format!("http://{}{path}", server.address);
        let arguments = ["--output", "/dev/null", "--write-out", "%{http_code}"];
        let ended = curl(&arguments, &url).finish().expect_code(0);
        ended.stdout_text().to_owned()
    };
    assert_eq!(status(&server, "/other"), "426");
    assert_eq!(status(&serve(&["--no-page"]), "/"), "426");
    let empty = tempfile::tempdir().unwrap();
    let files = serve(&["--static", empty.path().to_str().unwrap()]);
    assert_eq!(status(&files, "/"), "404");
    assert_eq!(status(&serve(&["--token", "secret"]), "/"), "401");
}
