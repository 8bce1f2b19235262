//! Secrets of the command line: given there, or better in a file.
//!
//! Invariant: nothing prints them, `Debug` included; an argument that may hold one is shown with that part hidden.

use std::borrow::Cow;
use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use crate::exit::Exit;
use crate::failure::Failure;

/// The longest first line of a file that is taken: what a head of a request holds.
const FILE_BYTES: u64 = 16 * 1024;

/// An argument that is a secret, or `@FILE` with the secret in the file's first line, or `@env:NAME` with the secret in a
/// variable of the environment (a file of such a name is `@./env:NAME`).
///
/// Arguments show in `ps` and in the shell's history; a file does not, and `@<(command)` needs none on disk.
#[derive(Clone)]
pub(crate) struct SecretArg(String);

impl SecretArg {
    /// The secret, read from the file or the environment if one is named. `option` is named when that fails.
    ///
    /// # Errors
    /// When the file cannot be read, or its first line is empty or no text; the same of the variable.
    pub(crate) fn reveal(&self, option: &str) -> Result<String, Failure> {
        let Some(path) = self.0.strip_prefix('@') else {
            return Ok(self.0.clone());
        };
        if let Some(name) = path.strip_prefix("env:") {
            return match env::var(name) {
                Ok(value) if !value.is_empty() => Ok(value),
                Ok(_) | Err(env::VarError::NotPresent) => Err(Failure::usage(format!(
                    "the environment has no variable {name}, or an empty one; {option} needs it"
                ))),
                Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!(
                    "the variable {name} for {option} is no UTF-8"
                ))),
            };
        }
        let line = first_line(path).map_err(|error| {
            Failure::new(
                Exit::Other,
                "usage",
                format!("cannot read {path} for {option}: {error}"),
            )
        })?;
        if line.is_empty() {
            return Err(Failure::usage(format!(
                "the first line of {path} is empty; {option} needs one"
            )));
        }
        Ok(line)
    }
}

impl From<&str> for SecretArg {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

fn first_line(path: &str) -> io::Result<String> {
    let mut line = String::new();
    BufReader::new(File::open(path)?)
        .take(FILE_BYTES)
        .read_line(&mut line)?;
    if line.len() as u64 == FILE_BYTES {
        let text = format!("its first line exceeds the limit of {FILE_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(line)
}

/// `line` with what `arguments` hold of secrets hidden: user information and queries of URLs, and, where a secret was
/// given among them, every argument that is no option (a header without quotes falls apart into some).
pub(crate) fn hide(line: &str, arguments: &[String]) -> String {
    const TELLTALES: [&str; 6] = ["--header", "--user", "--bearer", "--token", "--proxy", "@"];
    let has_secret = arguments.iter().any(|argument| {
        // As in -kH: short options may stand together.
        let is_short = argument.starts_with('-') && !argument.starts_with("--");
        let mut telltales = TELLTALES.iter();
        is_short && argument.contains(['H', 'u', 'x'])
            || telltales.any(|telltale| argument.starts_with(telltale))
    });
    let mut line = line.to_owned();
    for argument in arguments {
        let value = match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => value,
            _ => argument,
        };
        if let Some(shown) = hide_in_url(value) {
            line = line.replace(value, &shown);
        } else if has_secret && !value.starts_with('-') {
            line = line.replace(&format!("'{value}'"), "'***'");
        }
    }
    line
}

/// `text`, which was given where none is wanted, without its secrets if it is a URL.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    hide_in_url(text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The URL `text` without user information and query; `None` if it is no URL. Whatever stands before the last `@`
/// counts: a password with a slash is no valid URL, but a password.
fn hide_in_url(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let (hidden, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    Some(match rest.split_once('?') {
        Some((before, _)) => format!("{scheme}://{hidden}{before}?***"),
        None => format!("{scheme}://{hidden}{rest}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn hidden(line: &str, arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        hide(line, &arguments)
    }

    #[test]
    fn urls_lose_their_secrets() {
        let show = |url: &str| hidden(&format!("argument '{url}' found"), &["ws", url]);
        assert_eq!(
            show("ws://me:pw@host/a"),
            "argument 'ws://***@host/a' found"
        );
        assert_eq!(show("ws://me:p/w@host"), "argument 'ws://***@host' found");
        assert_eq!(show("ws://h/?token=x"), "argument 'ws://h/?***' found");
        assert_eq!(show("ws://h/?t=x@y"), "argument 'ws://***@y' found");
        assert_eq!(show("ws://host/a"), "argument 'ws://host/a' found");
        assert_eq!(
            hidden("for '--wait=ws://me:pw@h'", &["--wait=ws://me:pw@h"]),
            "for '--wait=ws://***@h'"
        );
    }

    #[test]
    fn beside_a_secret_no_argument_is_shown() {
        let line = "unexpected argument 'canary' found";
        assert_eq!(hidden(line, &["connect", "canary"]), line);
        assert_eq!(
            hidden(line, &["-H", "Authorization:", "Bearer", "canary"]),
            "unexpected argument '***' found"
        );
        for cluster in ["-kH", "-sH", "-vu"] {
            let arguments = [cluster, "Authorization:", "Bearer", "canary"];
            assert_eq!(hidden(line, &arguments), "unexpected argument '***' found");
        }
        let line = "unexpected argument '--cuont' found";
        assert_eq!(hidden(line, &["--bearer", "x", "--cuont"]), line);
    }

    #[test]
    fn a_file_gives_its_first_line() {
        let path = env::temp_dir().join(format!("ws-secret-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        file.write_all(b"me:pass word \r\nsecond\n").unwrap();
        let argument = SecretArg(format!("@{}", path.display()));
        assert_eq!(argument.reveal("--user").unwrap(), "me:pass word ");
        std::fs::write(&path, "\nsecond").unwrap();
        assert_eq!(argument.reveal("--user").unwrap_err().exit, Exit::Usage);
        std::fs::write(&path, "x".repeat(20_000)).unwrap();
        assert_eq!(argument.reveal("--user").unwrap_err().exit, Exit::Other);
        std::fs::remove_file(&path).unwrap();
        let failure = argument.reveal("--user").unwrap_err();
        assert!(failure.text.contains("--user"), "{failure}");
        assert_eq!(SecretArg::from("me:pw").reveal("--user").unwrap(), "me:pw");
        assert_eq!(format!("{:?}", SecretArg::from("me:pw")), "***");
    }
}
