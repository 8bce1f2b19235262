//! Licences and sources of the packages we depend on. `deny.toml` says the same to cargo-deny.

use serde_json::Value;

use super::{packages, text};

/// The licences that a program under MIT or Apache-2.0 may contain without further duties than naming them.
const LICENCES: [&str; 11] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// `metadata` is cargo's, of everything in the lock file.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages(metadata) {
        let name = format!("{} {}", text(package, "name"), text(package, "version"));
        // No source: a member. A registry other than the default one is named in the lock file by its own address.
        let source = text(package, "source");
        let default = source.starts_with("registry+") && source.ends_with("/crates.io-index");
        if !source.is_empty() && !default {
            findings.push(format!(
                "{name}: comes from {source}, not from the default registry"
            ));
        }
        let licence = text(package, "license");
        if !is_allowed(licence) {
            findings.push(format!("{name}: licence {licence:?} is on no list"));
        }
    }
    findings
}

/// Whether some choice that the expression leaves us has only licences on the list.
fn is_allowed(expression: &str) -> bool {
    // Old manifests write a slash for OR.
    let expression = expression.replace('/', " OR ");
    let words = expression.replace('(', " ( ").replace(')', " ) ");
    let words: Vec<_> = words.split_whitespace().collect();
    let mut rest = words.as_slice();
    let allowed = any(&mut rest);
    allowed && rest.is_empty()
}

fn any(rest: &mut &[&str]) -> bool {
    let mut allowed = all(rest);
    while rest.first() == Some(&"OR") {
        *rest = &rest[1..];
        allowed |= all(rest);
    }
    allowed
}

fn all(rest: &mut &[&str]) -> bool {
    let mut allowed = one(rest);
    while rest.first() == Some(&"AND") {
        *rest = &rest[1..];
        allowed &= one(rest);
    }
    allowed
}

fn one(rest: &mut &[&str]) -> bool {
    let Some((&word, after)) = rest.split_first() else {
        return false;
    };
    *rest = after;
    if word == "(" {
        let allowed = any(rest);
        let closed = rest.first() == Some(&")");
        *rest = rest.get(1..).unwrap_or_default();
        return allowed && closed;
    }
    if let [with @ "WITH", exception, after @ ..] = *rest {
        *rest = after;
        return LICENCES.contains(&format!("{word} {with} {exception}").as_str());
    }
    LICENCES.contains(&word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_licence_expressions() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR GPL-2.0",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT",
            "MIT Apache-2.0",
            "AND MIT",
        ] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }

    #[test]
    fn finds_a_strange_source_and_a_strange_licence() {
        let package = |source: Value, licence: &str| json!({"packages": [{"name": "a", "version": "1.0.0", "source": source, "license": licence}]});
        assert_eq!(check(&package(Value::Null, "MIT")), [""; 0]);
        assert_eq!(
            check(&package(json!("registry+x/crates.io-index"), "MIT")),
            [""; 0]
        );
        let findings = check(&package(json!("git+x/y"), "MIT"));
        assert_eq!(
            findings,
            ["a 1.0.0: comes from git+x/y, not from the default registry"]
        );
        let findings = check(&package(Value::Null, "AGPL-3.0"));
        assert_eq!(findings, ["a 1.0.0: licence \"AGPL-3.0\" is on no list"]);
    }
}
