//! `ws serve --static DIR`: the files of a folder.
//!
//! Invariant: nothing outside the folder is served, whatever the path says and wherever links lead, and nothing whose
//! name, or whose folder's name, begins with a dot. What may not be served is answered as what is not there.

use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::PlainAnswer;

use super::{content_type, with_headers};
use crate::exit::Exit;
use crate::failure::Failure;

/// A folder that is served.
pub(in super::super) struct Files {
    /// Without links and `..`.
    root: PathBuf,
}

/// What a path leads to.
enum Found {
    File(PathBuf),
    /// A folder whose path lacks the slash at its end: relative links in its page would go wrong.
    Folder,
}

impl Files {
    /// # Errors
    /// When it is no folder that can be read.
    pub(in super::super) fn new(folder: &Path) -> Result<Self, Failure> {
        let root = folder.canonicalize().and_then(|root| {
            root.read_dir()?;
            Ok(root)
        });
        match root {
            Ok(root) => Ok(Self { root }),
            Err(error) => Err(Failure::new(
                Exit::Other,
                "usage",
                format!(
                    "--static: cannot serve the folder {}: {error}",
                    folder.display()
                ),
            )),
        }
    }

    /// Answers a request for a file.
    pub(super) fn answer(&self, request: &Request) -> PlainAnswer {
        match self.find(request.path()) {
            Some(Found::File(path)) => {
                serve(&path, request).unwrap_or_else(|error| unreadable(&path, &error))
            }
            Some(Found::Folder) => {
                let with_slash = format!("{}/", request.path());
                let answer = HttpAnswer::new(301, "it is a folder");
                with_headers(answer, &[("Location", &with_slash)]).into()
            }
            None => not_found(),
        }
    }

    fn find(&self, path: &str) -> Option<Found> {
        let segments = segments(path)?;
        let wanted = segments.iter().fold(self.root.clone(), |mut path, name| {
            path.push(name);
            path
        });
        let real = wanted.canonicalize().ok()?;
        // Where links lead may be elsewhere, or hidden.
        let inside = real.strip_prefix(&self.root).ok()?;
        let is_hidden = inside.components().any(|component| match component {
            Component::Normal(name) => name.as_encoded_bytes().starts_with(b"."),
            _ => true,
        });
        if is_hidden {
            return None;
        }
        let is_folder_path = path.ends_with('/');
        match real.metadata().ok()? {
            // Devices and pipes are no files: opening one may wait for ever.
            metadata if metadata.is_file() && !is_folder_path => Some(Found::File(real)),
            metadata if metadata.is_dir() && is_folder_path => self.find(&format!("{path}{INDEX}")),
            metadata if metadata.is_dir() => Some(Found::Folder),
            _ => None,
        }
    }
}

/// The names that a path is made of, decoded; `None` if one of them could lead elsewhere on any system.
fn segments(path: &str) -> Option<Vec<String>> {
    let mut names = path.strip_prefix('/')?.split('/').peekable();
    let mut segments = Vec::new();
    while let Some(name) = names.next() {
        if name.is_empty() && names.peek().is_none() {
            break;
        }
        let name = percent_decoded(name)?;
        let is_refused = name.is_empty()
            || name.starts_with('.')
            || name.ends_with(['.', ' '])
            || name.chars().any(|c| {
                c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
            })
            || is_device(&name);
        if is_refused {
            return None;
        }
        segments.push(name);
    }
    Some(segments)
}

/// The names that Windows takes for devices in every folder, whatever follows a dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|rest| rest.chars().count() == 1)
    };
    cfg!(windows)
        && (matches!(&*stem, "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
            || numbered("COM")
            || numbered("LPT"))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn serve(path: &Path, request: &Request) -> io::Result<PlainAnswer> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    let tag = entity_tag(metadata.len(), metadata.modified());
    let cache = [
        ("ETag", tag.as_str()),
        // It may be kept, but is asked for again: a page under work changes.
        ("Cache-Control", "no-cache"),
        ("X-Content-Type-Options", "nosniff"),
    ];
    let is_known = request
        .header_all("if-none-match")
        .flat_map(|tags| tags.split(','))
        .any(|known| known.trim() == "*" || known.trim().trim_start_matches("W/") == tag);
    if is_known {
        return Ok(with_headers(HttpAnswer::new(304, ""), &cache).into());
    }
    let head = with_headers(HttpAnswer::new(200, ""), &cache);
    let head = with_headers(head, &[("Content-Type", content_type::of(path))]);
    Ok(PlainAnswer::streamed(head, metadata.len(), file))
}

/// Changes whenever the file is written.
fn entity_tag(length: u64, modified: io::Result<SystemTime>) -> String {
    let modified = modified
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let nanoseconds = modified.unwrap_or_default().as_nanos();
    format!("\"{nanoseconds:x}-{length:x}\"")
}

fn unreadable(path: &Path, error: &io::Error) -> PlainAnswer {
    log::warn!("cannot serve {}: {error}", path.display());
    not_found()
}

fn not_found() -> PlainAnswer {
    HttpAnswer::new(404, "no such file").into()
}

const INDEX: &str = "index.html";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_made_of_plain_names() {
        assert_eq!(segments("/").unwrap(), Vec::<String>::new());
        assert_eq!(segments("/a/b%20c.txt").unwrap(), ["a", "b c.txt"]);
        assert_eq!(segments("/a/").unwrap(), ["a"]);
        assert_eq!(segments("/%D0%B6").unwrap(), ["ж"]);
        for path in [
            "",
            "a",
            "//a",
            "/a//b",
            "/..",
            "/a/../b",
            "/%2e%2e/b",
            "/.git/config",
            "/a/.env",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/c:",
            "/a%00b",
            "/a%0ab",
            "/a.",
            "/a%20",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
        ] {
            assert_eq!(segments(path), None, "{path}");
        }
    }
}
