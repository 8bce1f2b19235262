//! Who may depend on whom. Arrows point down; `tests` and `xtask` see everything and nothing sees them.

use serde_json::Value;

use super::{packages, text};

/// A member and the members it may depend on.
const ARROWS: [(&str, &[&str]); 5] = [
    ("ws-core", &[]),
    ("ws-client", &["ws-core"]),
    ("ws-server", &["ws-core"]),
    ("ws-ffi", &["ws-client", "ws-server", "ws-core"]),
    ("ws-cli", &["ws-client", "ws-server", "ws-core", "ws-ffi"]),
];
/// May depend on every member of [`ARROWS`].
const ABOVE_ALL: [&str; 2] = ["ws-tests", "xtask"];

/// What the unit tests of the crates in [`ARROWS`] are built with, and nothing that is shipped.
const BELOW_TESTS: &str = "ws-model";

/// `metadata` is cargo's, of the members only.
pub(crate) fn check(metadata: &Value) -> Vec<String> {
    let mut findings = Vec::new();
    for package in packages(metadata) {
        let name = text(package, "name");
        let layer = ARROWS.iter().find(|(member, _)| *member == name);
        if layer.is_none() && !ABOVE_ALL.contains(&name) && name != BELOW_TESTS {
            findings.push(format!("{name}: stands in no layer"));
        }
        // What is in the tree has a path and no registry.
        let members = package["dependencies"].as_array().into_iter().flatten();
        for dependency in members.filter(|dependency| dependency["path"].is_string()) {
            let to = text(dependency, "name");
            let allowed = match layer {
                Some((_, below)) => {
                    let is_of_tests = to == BELOW_TESTS && dependency["kind"] == "dev";
                    below.contains(&to) || is_of_tests
                }
                None if name == BELOW_TESTS => false,
                None => ARROWS.iter().any(|(member, _)| *member == to),
            };
            // A crate's tests may use the crate itself in a doctest or with other features.
            if !allowed && to != name {
                findings.push(format!("{name} must not depend on {to}"));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(name: &str, dependencies: &[&str]) -> Value {
        let paths: Vec<_> = dependencies
            .iter()
            .map(|name| json!({"name": name, "path": "x"}))
            .collect();
        json!({"packages": [{"name": name, "dependencies": paths}]})
    }

    #[test]
    fn arrows_point_down() {
        for (name, dependencies) in [
            ("ws-core", &[][..]),
            ("ws-client", &["ws-core"]),
            ("ws-cli", &["ws-client", "ws-server", "ws-ffi"]),
            ("ws-tests", &["ws-core", "ws-server"]),
        ] {
            assert_eq!(check(&metadata(name, dependencies)), [""; 0], "{name}");
        }
    }

    #[test]
    fn finds_an_arrow_that_points_up_or_sideways() {
        for (name, to) in [
            ("ws-core", "ws-server"),
            ("ws-client", "ws-server"),
            ("ws-server", "ws-cli"),
            ("ws-ffi", "ws-cli"),
            ("ws-cli", "ws-tests"),
            ("xtask", "ws-tests"),
            ("ws-core", "ws-model"),
            ("ws-model", "ws-core"),
        ] {
            assert_eq!(
                check(&metadata(name, &[to])),
                [format!("{name} must not depend on {to}")]
            );
        }
    }

    #[test]
    fn what_tests_are_built_with_is_a_dependency_of_tests_only() {
        let mut metadata = metadata("ws-server", &["ws-model"]);
        metadata["packages"][0]["dependencies"][0]["kind"] = json!("dev");
        assert_eq!(check(&metadata), [""; 0]);
    }

    #[test]
    fn finds_a_member_without_a_layer() {
        assert_eq!(
            check(&metadata("ws-extra", &[])),
            ["ws-extra: stands in no layer"]
        );
    }
}
