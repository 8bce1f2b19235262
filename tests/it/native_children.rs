//! What a child of the host has of the add-in: nothing (R-57).

use std::{fs, net::TcpListener};

use serde_json::json;

use crate::native_lifecycle::{start_server, url};
use crate::native_process::is_bare;
use crate::support::native::{Host, text};

/// R-57: a child that the host starts inherits no socket, no log file and nothing else of ours.
#[test]
fn no_child_inherits_what_the_add_in_has_opened() {
    if !is_bare() {
        println!("NOT RUN: the files of another system's processes are not seen");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("журнал.log");
    let logging = text(&json!({"mode": "file", "file_path": log}).to_string());
    let mut host = Host::start();
    let before = inherited(&host);
    host.create("s", "Server", "manager");
    let local = text(r#"{"address":"127.0.0.1"}"#);
    let started = host.succeed("s", "StartServer", &["i4:0", "i4:10", &logging, &local]);
    let port = started["port"].as_u64().unwrap();
    host.create("c", "Client", "manager");
    host.succeed(
        "c",
        "CreateConnection",
        &[&url(port), "s:", "s:", "s:", &logging],
    );
    let opened = fs::read_dir(format!("/proc/{}/fd", host.id()))
        .unwrap()
        .count();
    assert!(opened > before.len() + 4, "{opened}");
    assert_eq!(inherited(&host), before, "files that a child inherits");
    host.end("c");
    host.end("s");
    host.finish();
}

/// R-57: once a server has stopped its port is free, also while a child lives that was started before.
#[test]
fn a_child_does_not_keep_the_port_of_a_server_that_has_stopped() {
    let mut host = Host::start();
    host.create("s", "Server", "manager");
    let port = start_server(&mut host, "s");
    host.create("c", "Client", "manager");
    host.succeed("c", "CreateConnection", &[&url(port)]);
    if host.ask(&["child", "1"])["ok"] == false {
        println!("NOT RUN: no child on this system");
        return;
    }
    host.succeed("s", "StopServer", &[]);
    let listening = TcpListener::bind(("127.0.0.1", u16::try_from(port).unwrap()));
    assert!(
        listening.is_ok(),
        "the port {port} after StopServer, with a child of the host: {listening:?}"
    );
    assert_eq!(
        host.ask(&["child", "0"])["ok"],
        true,
        "the child has lived so long"
    );
    host.end("c");
    host.end("s");
    host.finish();
}

/// What a child of the host would have open.
fn inherited(host: &Host) -> Vec<String> {
    const CLOSE_ON_EXEC: u32 = 0o2_000_000;
    let process = format!("/proc/{}", host.id());
    let mut files = Vec::new();
    for entry in fs::read_dir(format!("{process}/fd")).unwrap() {
        let number = entry.unwrap().file_name().into_string().unwrap();
        let information = fs::read_to_string(format!("{process}/fdinfo/{number}")).unwrap();
        let flags = information
            .lines()
            .find_map(|line| line.strip_prefix("flags:"))
            .unwrap();
        let flags = u32::from_str_radix(flags.trim(), 8).unwrap();
        if flags & CLOSE_ON_EXEC == 0 {
            files.push(number);
        }
    }
    files.sort();
    files
}
