//! The quick start of `ws-cli/README.md`, run as it stands there.

use std::process::Command;

use ws_tests::process::{Process, ws_binary};

use crate::support::cli::{Checked, serve_from};

/// The first block of commands, without what is behind them for people.
fn quick_start() -> Vec<&'static str> {
    let readme = include_str!("../../ws-cli/README.md");
    let (_, rest) = readme.split_once("```sh\n").unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    block.lines().collect()
}

/// Only the address and where `ws` lies differ from what is in the README.
#[cfg(unix)]
#[test]
fn the_first_three_commands_of_the_quick_start_work() {
    let [first, second, third, ..] = quick_start()[..] else {
        panic!("three commands")
    };
    let ws = ws_binary().display().to_string();
    assert_eq!(first, "ws serve --echo &");
    // A free port, and no background: this test waits for it and ends it.
    let command = first
        .replace("ws serve", &format!("exec {ws} serve 127.0.0.1:0"))
        .replace(" &", "");
    let server = serve_from(Process::spawn(Command::new("sh").args(["-c", &command])));
    let run = |command: &str| {
        assert!(command.contains("ws://127.0.0.1:9894"), "{command}");
        let command = command
            .replace("ws://127.0.0.1:9894", &server.url)
            .replace("ws send", &format!("{ws} send"))
            .replace("ws connect", &format!("{ws} connect"));
        Process::spawn(Command::new("sh").args(["-c", &command]))
            .finish()
            .expect_code(0)
    };
    assert_eq!(run(second).stdout_text(), "hello\n");
    assert_eq!(
        run(third).stdout_text(),
        "{\n  \"user\": {\n    \"name\": \"Ada\"\n  }\n}\n"
    );
}

#[test]
fn every_option_that_the_readme_names_exists() {
    let readme = include_str!("../../ws-cli/README.md");
    let mut help = String::new();
    let commands = ["connect", "send", "serve", "bench", "rpc"].map(|command| vec![command]);
    for command in commands.into_iter().chain([Vec::new()]) {
        let output = Command::new(ws_binary())
            .args(command)
            .arg("--help")
            .output()
            .unwrap();
        help.push_str(&String::from_utf8(output.stdout).unwrap());
    }
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '-';
    let mut named = 0;
    for (place, _) in readme.match_indices("--") {
        let before = readme[..place].chars().next_back();
        let option: String = readme[place..]
            .chars()
            .take_while(|c| is_letter(*c))
            .collect();
        if before.is_none_or(|c| " `(".contains(c)) && option.len() > 4 && option != "--path" {
            named += 1;
            let is_there = [",", " ", "=", "\n", "["]
                .iter()
                .any(|end| help.contains(&format!("{option}{end}")));
            assert!(is_there, "{option} is in the README and in no help");
        }
    }
    assert!(named > 20, "{named}");
}
