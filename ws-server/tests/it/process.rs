//! A server in a process of its own: its memory, processor time and descriptors are not those of the tests.

use std::{
    io::{BufRead, BufReader, Lines, Write},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use ws_server::{
    Config, Message,
    mailbox::{Mailbox, MailboxConfig, MessageKind},
};

use crate::{
    peer::PATIENCE,
    recorder::{Ask, Told, start},
};

/// Set in the server's process.
const CHILD: &str = "WS_SERVER_TEST_CHILD";

pub(crate) struct OwnProcess {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) address: SocketAddr,
}

impl OwnProcess {
    /// Runs the test `name` once more, which is to [`serve`] there. `descriptors` is the most it may open.
    pub(crate) fn start(name: &str, descriptors: u32) -> Self {
        let mut child = Command::new("sh")
            .args([
                "-c",
                &format!("ulimit -n {descriptors}; exec \"$0\" \"$@\""),
            ])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", name, "--nocapture"])
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = answer(&mut lines, "listening ").parse().unwrap();
        Self {
            child,
            lines,
            address,
        }
    }

    /// Resumes every connection that the server has opened so far, or begins to read its mailbox.
    pub(crate) fn resume(&mut self) {
        writeln!(self.child.stdin.as_mut().unwrap(), "resume").unwrap();
        answer(&mut self.lines, "resumed");
    }

    /// Memory that is not a file's: what is resident, and what is only set aside as well.
    pub(crate) fn memory(&self) -> Memory {
        Memory {
            resident: self.status("RssAnon:"),
            reserved: self.status("VmData:"),
        }
    }

    /// The most memory that was resident since `begin_peak`.
    pub(crate) fn peak(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Forgets the peak so far: what is resident now is the new one, and is returned.
    pub(crate) fn begin_peak(&self) -> usize {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
        self.peak()
    }

    fn status(&self, name: &str) -> usize {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes: usize = line
            .unwrap()
            .trim()
            .split(' ')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        kilobytes << 10
    }

    /// What all its threads have run for.
    pub(crate) fn cpu_time(&self) -> Duration {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let nanoseconds = threads.map(|thread| {
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            text.split(' ').next().unwrap().parse::<u64>().unwrap()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Looks on for that long: at most 5 % of a processor may be used.
    pub(crate) fn check_that_it_rests(&self, time: Duration, meanwhile: &str) {
        let (before, began) = (self.cpu_time(), Instant::now());
        while began.elapsed() < time {
            thread::park_timeout(time);
        }
        let (used, passed) = (self.cpu_time() - before, began.elapsed());
        println!("{used:?} of processor time in {passed:?} {meanwhile}");
        assert!(
            used * 20 <= passed,
            "{used:?} of processor time in {passed:?} {meanwhile}, at most 5 %"
        );
    }

    /// Ends the server; it must have lived until then.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for OwnProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: usize,
    pub(crate) reserved: usize,
}

impl Memory {
    /// The growth of both since `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            resident: self.resident.saturating_sub(before.resident),
            reserved: self.reserved.saturating_sub(before.reserved),
        }
    }
}

fn answer(lines: &mut Lines<BufReader<ChildStdout>>, beginning: &str) -> String {
    // What the test's own harness prints may stand before it.
    let rest = |line: String| line.split_once(beginning).map(|(_, rest)| rest.to_owned());
    lines.find_map(|line| rest(line.unwrap())).unwrap()
}

/// Whether this is the server's process.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Serves until standard input ends, and does what its lines say.
pub(crate) fn serve(config: Config) {
    let (server, record) = start(config);
    println!("listening {}", server.local_addr());
    let commands = server.commands(0).unwrap();
    for line in std::io::stdin().lines() {
        assert_eq!(line.unwrap(), "resume");
        for told in record.all() {
            if let Told::Open(id, _) = told {
                commands.send(Ask::Resume(id)).unwrap();
            }
        }
        println!("resumed");
    }
}

/// Serves a mailbox until standard input ends. It is read once, so that nothing may be dropped any more, and then not
/// before a line says so; from then on each text goes back to whom it came from.
pub(crate) fn serve_mailbox(config: MailboxConfig) {
    let mailbox = Mailbox::start("127.0.0.1:0", config).unwrap();
    assert_eq!(mailbox.next(Duration::ZERO).unwrap(), None);
    println!("listening {}", mailbox.local_addr());
    thread::scope(|scope| {
        for line in std::io::stdin().lines() {
            assert_eq!(line.unwrap(), "resume");
            println!("resumed");
            scope.spawn(|| {
                while let Ok(Some(received)) = mailbox.next(PATIENCE) {
                    assert_eq!(received.kind, MessageKind::Text);
                    let text = Message::Text(str::from_utf8(&received.payload).unwrap());
                    mailbox.send_within(received.id, text, PATIENCE).unwrap();
                }
            });
        }
        mailbox.abort();
    });
}
