//! What the figures were measured on, and with which versions.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use serde_json::{Value, json};

/// As the JSON file has it.
pub(crate) fn describe() -> Value {
    json!({
        "processor": processor(),
        "cores": said("nproc", &["--all"]),
        "kernel": said("uname", &["-sr"]),
        "compiler": said("rustc", &["--version"]),
        "node": said("node", &["--version"]),
        "date": said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        "commit": said("git", &["log", "-1", "--format=%h"]),
        "versions": versions(),
    })
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split(": ").nth(1))
            .unwrap_or("?")
            .to_owned()
    };
    format!(
        "{} (family {}, model {})",
        value("model name"),
        value("cpu family"),
        // With a tab, as "model name" begins with the same word.
        value("model\t")
    )
}

fn said(program: &str, arguments: &[&str]) -> String {
    let folder = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output();
    output.map_or_else(
        |_| "?".to_owned(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Of the peers, as their lock files have them.
fn versions() -> BTreeMap<&'static str, String> {
    const CRATES: [&str; 11] = [
        "fastwebsockets",
        "rustls",
        "simdutf8",
        "sockudo-ws",
        "tokio",
        "tokio-tungstenite",
        "tokio-websockets",
        "tungstenite",
        "web-socket",
        "ws-tool",
        "yawc",
    ];
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(tests.join(name)).unwrap_or_default();
    let lock = read("bench/Cargo.lock");
    let mut versions: BTreeMap<_, _> = CRATES
        .into_iter()
        .filter_map(|name| Some((name, locked(&lock, name)?)))
        .collect();
    let requirements = read("bench/requirements.txt");
    for name in ["websockets", "picows", "uvloop"] {
        versions.extend(pinned(&requirements, name).map(|version| (name, version)));
    }
    let requirements = read("bench/uwebsockets/requirements.txt");
    let version = pinned(&requirements, "socketify");
    versions.extend(version.map(|version| ("socketify (µWebSockets)", version)));
    let package: Value = serde_json::from_str(&read("peers/package.json")).unwrap_or_default();
    if let Some(version) = package["dependencies"]["ws"].as_str() {
        versions.insert("Node ws", version.to_owned());
    }
    versions
}

/// The version of a package in pip's list of requirements.
fn pinned(requirements: &str, name: &str) -> Option<String> {
    let start = format!("{name}==");
    let mut lines = requirements.lines();
    let version = lines.find_map(|line| line.strip_prefix(&start))?;
    Some(version.split(' ').next()?.to_owned())
}

/// The version of a crate in a lock file of cargo's.
fn locked(lock: &str, name: &str) -> Option<String> {
    let start = format!("name = \"{name}\"\nversion = \"");
    let rest = &lock[lock.find(&start)? + start.len()..];
    Some(rest[..rest.find('"')?].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_versions() {
        let lock = "[[package]]\nname = \"a-b\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"b\"\nversion = \"2.1.0\"\n";
        assert_eq!(locked(lock, "b").as_deref(), Some("2.1.0"));
        assert_eq!(locked(lock, "c"), None);
        assert!(versions().contains_key("tungstenite") && versions().contains_key("Node ws"));
    }
}
