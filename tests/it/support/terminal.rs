//! A terminal: a pseudo-terminal with a program on it, and the screen that a person in front of it sees.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::pty::{Winsize, openpty};
use ws_tests::process::ws_binary;
use ws_tests::wait::TIMEOUT;

/// Rows and columns of the screen.
const SIZE: (u16, u16) = (40, 120);

/// A running program and its screen.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    shown: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    /// Everything that was shown, with its control sequences.
    pub(crate) raw: String,
}

/// Starts `ws` on a terminal, without a history unless `environment` names one.
pub(crate) fn on_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let size = Winsize {
        ws_row: SIZE.0,
        ws_col: SIZE.1,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let pty = openpty(&size, None).expect("a pseudo-terminal");
    let end = || Stdio::from(pty.slave.try_clone().expect("one more handle"));
    let child = Command::new(ws_binary())
        .args(arguments)
        .env_remove("RUST_LOG")
        .env_remove("NO_COLOR")
        .env("TERM", "xterm-256color")
        .env("WS_HISTORY", "")
        .envs(environment.iter().copied())
        .stdin(end())
        .stdout(end())
        .stderr(end())
        .spawn()
        .expect("ws starts");
    drop(pty.slave);
    let keyboard = File::from(pty.master);
    let mut output = keyboard.try_clone().expect("one more handle");
    let (sender, shown) = channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // An error is how Linux tells that the other end is closed.
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    Terminal {
        child,
        keyboard,
        shown,
        screen: vt100::Parser::new(SIZE.0, SIZE.1, 0),
        raw: String::new(),
    }
}

impl Terminal {
    /// Presses keys; `\r` is Enter.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard
            .write_all(keys.as_bytes())
            .expect("the terminal is there");
    }

    /// The lines on the screen, without the empty ones at its end.
    pub(crate) fn lines(&self) -> Vec<String> {
        let (_, columns) = SIZE;
        let rows = self.screen.screen().rows(0, columns);
        let mut lines: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    /// Waits until the screen is as `is_right` wants it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, is_right: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            if is_right(&self.lines()) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                self.look(left),
                "the screen did not become what it should: {:#?}",
                self.lines()
            );
        }
    }

    /// Waits until a line of the screen is exactly this.
    #[track_caller]
    pub(crate) fn wait_for_line(&mut self, line: &str) {
        self.wait_for(|lines| lines.iter().any(|shown| shown == line));
    }

    /// Waits until the program has ended; gives its exit code.
    #[track_caller]
    pub(crate) fn finish(&mut self) -> Option<i32> {
        let deadline = Instant::now() + TIMEOUT;
        while self.look(deadline.saturating_duration_since(Instant::now())) {}
        assert!(
            Instant::now() < deadline,
            "it did not end: {:#?}",
            self.lines()
        );
        self.child.wait().expect("a child").code()
    }

    /// Whether the terminal echoes and collects lines, as a shell wants to find it.
    pub(crate) fn is_as_found(&self) -> bool {
        use nix::sys::termios::{LocalFlags, tcgetattr};
        let flags = tcgetattr(&self.keyboard).expect("a terminal").local_flags;
        flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// Watches from now on whether the terminal collects lines, that is, keeps keys from the program; what it gives back ends
    /// that, and tells whether it ever did.
    pub(crate) fn watch_collecting(&self) -> impl FnOnce() -> bool + use<> {
        use nix::sys::termios::{LocalFlags, tcgetattr};
        let keyboard = self.keyboard.try_clone().expect("a terminal");
        let (stop, stopped) = channel::<()>();
        let watching = thread::spawn(move || {
            let mut seen = false;
            while stopped.try_recv() == Err(TryRecvError::Empty) {
                let flags = tcgetattr(&keyboard).expect("a terminal").local_flags;
                seen |= flags.contains(LocalFlags::ICANON);
            }
            seen
        });
        move || {
            drop(stop);
            watching.join().expect("it watches")
        }
    }

    fn look(&mut self, time: Duration) -> bool {
        let Ok(bytes) = self.shown.recv_timeout(time) else {
            return false;
        };
        self.screen.process(&bytes);
        self.raw.push_str(&String::from_utf8_lossy(&bytes));
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
