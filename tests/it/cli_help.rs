//! What `ws` says of itself: completions, manual pages, help.

use std::process::Command;

use crate::support::cli::{Checked, ws};

const COMMANDS: [&str; 7] = [
    "bench",
    "completions",
    "connect",
    "man",
    "rpc",
    "send",
    "serve",
];

#[test]
fn completions_name_every_command_and_bash_takes_them() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = ws(&["completions", shell]).run().expect_code(0);
        let script = ended.stdout_text();
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
        assert!(script.contains("subprotocol"), "{shell}");
    }
    ws(&["completions", "nonsense"]).run().expect_code(2);
}

#[cfg(target_os = "linux")]
#[test]
fn bash_completes_commands_options_and_values() {
    let script = ws(&["completions", "bash"]).run().expect_code(0);
    let complete = |words: &str| {
        let program = format!(
            "{}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _ws ws \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"\n\
             printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script.stdout_text()
        );
        let output = Command::new("bash")
            .args(["-c", &program])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(complete("ws con"), "connect\n");
    assert_eq!(complete("ws connect --delim"), "--delimiter\n");
    assert_eq!(complete("ws connect --delimiter nu"), "nul\n");
}

#[cfg(target_os = "linux")]
#[test]
fn there_is_a_manual_page_for_each_command_with_its_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    ws(&["man", folder.path().to_str().unwrap()])
        .run()
        .expect_code(0);
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut expected: Vec<String> = COMMANDS.map(|name| format!("ws-{name}.1")).into();
    expected.push(String::from("ws.1"));
    assert_eq!(names, expected);
    for name in names {
        let page = std::fs::read_to_string(folder.path().join(&name)).unwrap();
        assert!(page.starts_with(".ie "), "{name}: {page:.100}");
        assert!(page.contains(".TH ws"), "{name}");
        // The lines of these sections stay as they are (.nf).
        for section in [".SH EXAMPLES\n.nf\n", ".SH \"EXIT STATUS\"\n.nf\n"] {
            assert!(page.contains(section), "{name}: {section:?}");
        }
    }
    ws(&["man", "no/such/folder"]).run().expect_code(1);
}

#[test]
fn every_command_has_help_with_examples_and_exit_codes() {
    for command in COMMANDS {
        let ended = ws(&[command, "--help"]).run().expect_code(0);
        let help = ended.stdout_text();
        assert!(
            help.contains("Examples:") && help.contains("\n   56  "),
            "{help}"
        );
    }
}
