//! The add-in's five functions are the dynamic library's alone: a program that links its crate exports none.

use std::process::Command;

use ws_tests::process::ws_binary;

#[test]
fn ws_has_none_of_the_functions_that_hosts_look_for() {
    let listed = Command::new("nm").arg(ws_binary()).output().unwrap();
    assert!(listed.status.success(), "{listed:?}");
    let symbols = String::from_utf8(listed.stdout).unwrap();
    // A stripped program would show nothing at all.
    assert!(
        symbols.lines().any(|line| line.ends_with(" main")),
        "no symbols"
    );
    for name in [
        "GetClassNames",
        "GetClassObject",
        "DestroyObject",
        "SetPlatformCapabilities",
        "GetAttachType",
    ] {
        let found = symbols
            .lines()
            .find(|line| line.ends_with(&format!(" {name}")));
        assert_eq!(found, None);
    }
}
