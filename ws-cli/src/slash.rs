//! The commands that are typed between messages: `/ping`, `/close 1000 bye`.

use std::fs;

use data_encoding::HEXLOWER_PERMISSIVE;
use ws_core::{CloseCode, MAX_CONTROL_BYTES, MAX_REASON_BYTES};

use crate::outgoing::Outgoing;

/// What may be typed, for `/help` and `ws connect --help`.
pub(crate) const HELP: &str = "\
/ping [TEXT]             send a ping; the time to its answer is shown
/pong [TEXT]             send a pong
/text [TEXT]             send a text message, also an empty one
/binary HEX|@FILE        send a binary message: bytes as hexadecimal digits, or a file
/file PATH               send a file as one message
/close [CODE [REASON]]   close the connection; default 1000
/help                    show this
//TEXT                   send a text that begins with /";

const NAMES: [&str; 7] = [
    "/ping", "/pong", "/text", "/binary", "/file", "/close", "/help",
];

/// Reads a line that begins with `/`, or gives `None` if it asks for [`HELP`]; with `binary`, what is sent of texts and
/// files is a binary message.
///
/// # Errors
/// What is wrong and what to type instead.
pub(crate) fn parse(line: &[u8], binary: bool) -> Result<Option<Outgoing>, String> {
    if let Some(rest) = line.strip_prefix(b"//") {
        return message([b"/", rest].concat(), binary, "the line").map(Some);
    }
    let line = std::str::from_utf8(line).map_err(|_| String::from("a command is UTF-8 text"))?;
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let message = match name {
        "/ping" => control(rest).map(Outgoing::Ping),
        "/pong" => control(rest).map(Outgoing::Pong),
        "/text" => Ok(Outgoing::Text(rest.to_owned())),
        "/binary" => match rest.trim().strip_prefix('@') {
            Some(path) => read(path).map(Outgoing::Binary),
            None => hexadecimal(rest).map(Outgoing::Binary),
        },
        "/file" => match rest.trim() {
            "" => Err(String::from("/file needs the path of a file")),
            path => message(read(path)?, binary, path),
        },
        "/close" => close(rest.trim()),
        "/help" => return Ok(None),
        name => Err(unknown(name)),
    };
    message.map(Some)
}

/// The commands that begin like what is typed.
pub(crate) fn completions(typed: &str) -> Vec<String> {
    let begins = |name: &&&str| typed.starts_with('/') && name.starts_with(typed);
    NAMES
        .iter()
        .filter(begins)
        .map(|name| format!("{name} "))
        .collect()
}

fn message(bytes: Vec<u8>, binary: bool, origin: &str) -> Result<Outgoing, String> {
    if binary {
        return Ok(Outgoing::Binary(bytes));
    }
    String::from_utf8(bytes)
        .map(Outgoing::Text)
        .map_err(|_| format!("{origin} is not UTF-8; /binary @FILE sends it as it is"))
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    HEXLOWER_PERMISSIVE.decode(&digits).map_err(|_| {
        String::from("/binary needs pairs of hexadecimal digits, such as /binary 00 ff, or @FILE")
    })
}

fn control(text: &str) -> Result<Vec<u8>, String> {
    match text.len() {
        0..=MAX_CONTROL_BYTES => Ok(text.as_bytes().to_vec()),
        length => Err(format!(
            "a payload of {length} bytes exceeds the limit of {MAX_CONTROL_BYTES} for pings and pongs"
        )),
    }
}

fn close(text: &str) -> Result<Outgoing, String> {
    let (code, reason) = text.split_once(' ').unwrap_or((text, ""));
    let code = if code.is_empty() {
        CloseCode::NORMAL
    } else {
        let number = code.parse();
        number
            .map(CloseCode::new)
            .map_err(|_| format!("{code} is no close code; write /close CODE REASON"))?
    };
    checked_close(code, reason.trim())
        .map(|(code, reason)| Outgoing::Close(code, reason.to_owned()))
}

/// Code and reason, if they may be sent.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn checked_close(code: CloseCode, reason: &str) -> Result<(CloseCode, &str), String> {
    if !code.may_be_sent() {
        return Err(format!(
            "close code {code} may not be sent; use 1000 (done), 1001 (going away) or your own from 3000 to 4999"
        ));
    }
    match reason.len() {
        0..=MAX_REASON_BYTES => Ok((code, reason)),
        length => Err(format!(
            "close reason of {length} bytes exceeds the limit of {MAX_REASON_BYTES}"
        )),
    }
}

fn unknown(name: &str) -> String {
    let near = NAMES
        .iter()
        .find(|known| name.len() > 1 && (known.starts_with(name) || name.starts_with(**known)));
    let guess = near.map_or(String::new(), |known| format!(" (did you mean {known}?)"));
    format!(
        "no command {name}{guess}; /help lists them, and // at the beginning sends a text that begins with /"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_becomes_what_it_says() {
        let text = |text: &str| Outgoing::Text(text.to_owned());
        for (line, expected) in [
            ("/ping", Outgoing::Ping(vec![])),
            ("/ping a b", Outgoing::Ping(b"a b".to_vec())),
            ("/pong x", Outgoing::Pong(b"x".to_vec())),
            ("/text", text("")),
            ("/text  a /b ", text(" a /b ")),
            ("//ping", text("/ping")),
            ("/binary 00fF 1b", Outgoing::Binary(vec![0, 255, 27])),
            ("/binary", Outgoing::Binary(vec![])),
            ("/close", Outgoing::Close(CloseCode::NORMAL, String::new())),
            (
                "/close 4000 so long",
                Outgoing::Close(CloseCode::new(4000), String::from("so long")),
            ),
        ] {
            assert_eq!(parse(line.as_bytes(), false), Ok(Some(expected)), "{line}");
        }
        let bytes = Outgoing::Binary(b"/\xFF".to_vec());
        assert_eq!(parse(b"//\xFF", true), Ok(Some(bytes)));
        assert_eq!(parse(b"/help", false), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_explained() {
        for (line, part) in [
            ("/pin", "did you mean /ping?"),
            ("/pingx", "did you mean /ping?"),
            ("/", "/help"),
            ("/nonsense a", "// at the beginning"),
            ("/binary 0", "hexadecimal"),
            ("/binary xy", "hexadecimal"),
            ("/file", "path"),
            ("/file no/such/file", "no/such/file"),
            ("/binary @no/such/file", "no/such/file"),
            ("/close x", "x is no close code"),
            ("/close 1006", "1006 may not be sent"),
        ] {
            let text = parse(line.as_bytes(), false).unwrap_err();
            assert!(text.contains(part), "{line}: {text}");
        }
        let long = "x".repeat(126);
        assert!(
            parse(format!("/ping {long}").as_bytes(), false)
                .unwrap_err()
                .contains("126")
        );
        assert!(
            parse(format!("/close 1000 {long}").as_bytes(), false)
                .unwrap_err()
                .contains("126")
        );
        for bytes in [&b"//\xFF"[..], b"/text \xFF", b"/ping \xFF"] {
            assert!(parse(bytes, false).unwrap_err().contains("UTF-8"));
        }
    }

    #[test]
    fn tab_completes_commands_only() {
        assert_eq!(completions("/p"), ["/ping ", "/pong "]);
        assert_eq!(completions("/cl"), ["/close "]);
        assert!(completions("").is_empty() && completions("p").is_empty());
    }

    #[test]
    fn the_help_names_every_command() {
        for name in NAMES {
            assert!(HELP.contains(name), "{name}");
        }
    }
}
