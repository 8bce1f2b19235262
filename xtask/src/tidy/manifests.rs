//! What every member's manifest must say.

use serde_json::Value;

use super::{File, packages, text};

const LICENCE: &str = "MIT OR Apache-2.0";

/// Every member inherits the workspace's lints: cargo does not do that by itself.
pub(crate) fn check_lints(files: &[File]) -> Vec<String> {
    let manifests = files
        .iter()
        .filter(|file| file.path.ends_with("/Cargo.toml"));
    // The fuzz crate is a workspace of its own and has nothing to inherit.
    let members = manifests.filter(|file| !file.text.contains("[workspace]"));
    let lacking = members.filter(|file| !inherits(&file.text));
    lacking
        .map(|file| format!("{}: lacks `[lints]` with `workspace = true`", file.path))
        .collect()
}

fn inherits(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[lints]")
        .skip(1);
    lines
        .by_ref()
        .take_while(|line| !line.starts_with('['))
        .any(|line| line.replace(' ', "") == "workspace=true")
}

/// Every member names the licence of the project, and is not published by accident.
pub(crate) fn check_licences(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages(metadata) {
        if text(package, "license") != LICENCE {
            findings.push(format!(
                "{}: its licence field is not {LICENCE:?}",
                text(package, "name")
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::file, *};

    #[test]
    fn finds_a_member_that_inherits_no_lints() {
        let good = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n\n[dependencies]\n";
        let bad = "[package]\nname = \"a\"\nedition.workspace = true\n\n[lints]\n\n[dependencies]\nb.workspace = true\n";
        let own = "[workspace]\n\n[package]\nname = \"fuzz\"\n";
        let files = [
            file("a/Cargo.toml", good),
            file("b/Cargo.toml", bad),
            file("c/Cargo.toml", own),
        ];
        assert_eq!(
            check_lints(&files),
            ["b/Cargo.toml: lacks `[lints]` with `workspace = true`"]
        );
    }

    #[test]
    fn finds_a_member_without_the_licence() {
        let package = |licence: Value| json!({"packages": [{"name": "a", "license": licence}]});
        assert_eq!(
            check_licences(&package(json!("MIT OR Apache-2.0"))),
            [""; 0]
        );
        assert_eq!(check_licences(&package(json!("MIT"))).len(), 1);
        assert_eq!(check_licences(&package(Value::Null)).len(), 1);
    }
}
