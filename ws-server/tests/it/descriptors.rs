//! Running out of file descriptors: the listener neither goes deaf nor spins.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use ws_server::Config;

use crate::{
    peer::{Got, PATIENCE, Peer, connect, read_head, request},
    recorder::start,
};

/// Set in the process that has few descriptors.
const CHILD: &str = "WS_SERVER_TEST_FEW_DESCRIPTORS";

#[test]
#[cfg(unix)]
fn accepts_again_when_descriptors_are_free() {
    if std::env::var_os(CHILD).is_some() {
        return serve_until_stdin_ends();
    }
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 40; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "descriptors::accepts_again_when_descriptors_are_free",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let address = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("listening ")
                .map(|(_, a)| a.to_owned())
        })
        .unwrap();
    let address = address.parse().unwrap();
    // Until the server has no descriptors: the last ones connect, but are not answered.
    let mut peers = vec![Peer::open(address)];
    let mut waiting = Vec::new();
    while waiting.len() < 20 {
        let mut stream = connect(address);
        stream.write_all(request("/").as_bytes()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let is_answered = waiting.is_empty() && stream.peek(&mut [0]).is_ok();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        if is_answered {
            assert!(read_head(&mut stream).starts_with("HTTP/1.1 101 "));
            peers.push(Peer::new(stream));
        } else {
            waiting.push(stream);
        }
        assert!(peers.len() < 40, "descriptors never ran out");
    }
    // Those that are served do not notice.
    for peer in &mut peers {
        peer.send_text("still here");
        assert_eq!(peer.next(), Got::Text("still here".into()));
    }
    assert!(peers.len() >= 20, "{} fit", peers.len());
    for peer in peers.drain(..20) {
        drop(peer);
    }
    let freed = Instant::now();
    let mut refused = 0;
    for mut stream in waiting {
        // Who waited for long may have been told that the server is out of descriptors.
        match &read_head(&mut stream)[..12] {
            "HTTP/1.1 101" => peers.push(Peer::new(stream)),
            "HTTP/1.1 503" => refused += 1,
            head => panic!("{head}"),
        }
    }
    assert!(refused <= 10, "{refused} were refused");
    assert!(
        freed.elapsed() < Duration::from_secs(10),
        "{:?}",
        freed.elapsed()
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

fn serve_until_stdin_ends() {
    let (server, _) = start(Config::default());
    println!("listening {}", server.local_addr());
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).unwrap();
}
