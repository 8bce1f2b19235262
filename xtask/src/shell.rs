//! Runs programs, and prints the line that repeats each of them by hand.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
};

use crate::Failure;

/// What one process can show here.
const OPEN_FILES: u32 = 20_000;

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for `cargo run`; the compiled-in value serves a binary started by hand.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().unwrap_or(&manifest).to_path_buf()
}

/// Where cargo builds, and everything that `install` brings.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// The files that git tracks here, and new ones that it does not ignore: paths from the root, with slashes.
pub(crate) fn tracked() -> Result<Vec<String>, Failure> {
    let listing = Run::new("git")
        .args(["ls-files", "-z", "-co", "--exclude-standard"])
        .read()?;
    let paths = listing.split('\0').filter(|path| !path.is_empty());
    Ok(paths.map(str::to_owned).collect())
}

/// A program about to be run in the workspace's root, without standard input.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    shown: String,
    joins_errors: bool,
}

impl Run {
    /// `program` is a name to be found in `PATH`, or a path.
    pub(crate) fn new(program: impl AsRef<Path>) -> Self {
        let program = program.as_ref();
        let mut command = Command::new(program);
        command.current_dir(root()).stdin(Stdio::null());
        Self {
            command,
            shown: shorten(program),
            joins_errors: false,
        }
    }

    /// A program that holds thousands of connections: the soft limit of open files is 1,024 on many machines. A server
    /// that it starts inherits what it is given.
    pub(crate) fn with_many_files(program: PathBuf) -> Self {
        let files = format!("ulimit -n $(ulimit -Hn) && ulimit -n {OPEN_FILES}; exec \"$@\"");
        Self::new("sh").args(["-c", &files, "sh"]).args([program])
    }

    /// `cargo` itself: the one that runs this program.
    pub(crate) fn cargo() -> Self {
        let mut run = Self::new(env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from));
        "cargo".clone_into(&mut run.shown);
        run
    }

    /// Appends arguments.
    pub(crate) fn args<A: AsRef<Path>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        for argument in arguments {
            let argument = argument.as_ref();
            self.command.arg(argument);
            self.shown.push(' ');
            self.shown.push_str(&quote(&shorten(argument)));
        }
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        let value = value.as_ref();
        self.command.env(name, value);
        self.shown = format!("{name}={} {}", quote(&shorten(value)), self.shown);
        self
    }

    /// Sets an environment variable whose value is too long to be shown: the line that is printed has its name only.
    pub(crate) fn hidden_env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self.shown = format!("{name}=… {}", self.shown);
        self
    }

    /// Runs in `folder` instead of the root.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self.shown = format!("cd {} && {}", shorten(folder), self.shown);
        self
    }

    /// Makes its standard error one stream with its standard output.
    pub(crate) fn join_errors(mut self) -> Self {
        self.joins_errors = true;
        self
    }

    /// Runs it to the end; its output goes to ours.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        println!("$ {}", self.shown);
        let status = self
            .command
            .status()
            .map_err(|error| cannot_start(&self.shown, &error))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{status}: {}", self.shown))
        }
    }

    /// Like `run`, and hands each line of standard output to `line` after printing it.
    pub(crate) fn run_with_lines(mut self, mut line: impl FnMut(&str)) -> Result<(), Failure> {
        println!("$ {}", self.shown);
        let failed = |error| cannot_start(&self.shown, &error);
        let (output, writer) = io::pipe().map_err(failed)?;
        if self.joins_errors {
            self.command.stderr(writer.try_clone().map_err(failed)?);
        }
        let mut child = self.command.stdout(writer).spawn().map_err(failed)?;
        // The command holds the writing end as well, and the output would never end.
        self.command = Command::new("");
        for text in BufReader::new(output).split(b'\n') {
            let text = text.map_err(|error| format!("cannot read from {}: {error}", self.shown))?;
            let text = String::from_utf8_lossy(&text);
            println!("{text}");
            line(&text);
        }
        let status = child
            .wait()
            .map_err(|error| cannot_start(&self.shown, &error))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("{status}: {}", self.shown))
        }
    }

    /// Runs it without printing anything and returns its standard output.
    pub(crate) fn read(mut self) -> Result<String, Failure> {
        let output = self
            .command
            .output()
            .map_err(|error| cannot_start(&self.shown, &error))?;
        if !output.status.success() {
            let text = String::from_utf8_lossy(&output.stderr);
            return Err(format!(
                "{}: {}: {}",
                output.status,
                self.shown,
                text.trim()
            ));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("{} printed no UTF-8", self.shown))
    }

    /// Hands each line of its standard output to `line` without printing it; whether it succeeded.
    pub(crate) fn read_anyway(mut self, mut line: impl FnMut(&str)) -> Result<bool, Failure> {
        println!("$ {}", self.shown);
        let failed = |error| cannot_start(&self.shown, &error);
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let output = child.stdout.take().map(BufReader::new);
        output
            .into_iter()
            .flat_map(BufRead::lines)
            .map_while(Result::ok)
            .for_each(|text| line(&text));
        child.wait().map(|status| status.success()).map_err(failed)
    }

    /// How it ended and what it printed, both streams as one; prints only the line that repeats it.
    pub(crate) fn read_both(mut self) -> Result<(ExitStatus, String), Failure> {
        println!("$ {}", self.shown);
        let failed = |error| cannot_start(&self.shown, &error);
        let (mut output, writer) = io::pipe().map_err(failed)?;
        self.command.stderr(writer.try_clone().map_err(failed)?);
        let mut child = self.command.stdout(writer).spawn().map_err(failed)?;
        // The command holds the writing end as well, and the output would never end.
        self.command = Command::new("");
        let mut text = Vec::new();
        output.read_to_end(&mut text).map_err(failed)?;
        let status = child.wait().map_err(failed)?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }

    /// Whether it starts and succeeds; prints nothing.
    pub(crate) fn succeeds(mut self) -> bool {
        let command = self.command.stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }
}

fn cannot_start(shown: &str, error: &io::Error) -> Failure {
    format!("cannot run `{shown}`: {error}")
}

/// A path as it is typed from the root.
pub(crate) fn shorten(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .display()
        .to_string()
}

fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_line_that_a_shell_takes() {
        let run = Run::new("echo")
            .args(["a b", "6.*", "it's"])
            .env("FLAGS", "-D warnings");
        assert_eq!(run.shown, r"FLAGS='-D warnings' echo 'a b' '6.*' 'it'\''s'");
    }

    #[test]
    fn hands_out_both_streams_line_by_line() {
        let mut lines = Vec::new();
        let run = Run::new("sh").args(["-c", "echo one; echo two >&2"]);
        let result = run
            .join_errors()
            .run_with_lines(|line| lines.push(line.to_owned()));
        assert_eq!((result, lines.join(" ")), (Ok(()), "one two".to_owned()));
    }

    #[test]
    fn reports_a_failing_program() {
        assert!(Run::new("false").run().is_err());
        assert!(Run::new("no-such-program-here").run().is_err());
        assert!(!Run::new("false").succeeds());
        let mut lines = Vec::new();
        let run = Run::new("sh").args(["-c", "echo one; false"]);
        assert_eq!(
            run.read_anyway(|line| lines.push(line.to_owned())),
            Ok(false)
        );
        assert_eq!(lines, ["one"]);
        let run = Run::new("sh").args(["-c", "echo one; echo two >&2; exit 3"]);
        let (status, text) = run.read_both().unwrap();
        assert_eq!((status.code(), text.as_str()), (Some(3), "one\ntwo\n"));
        assert_eq!(Run::new("echo").args(["x"]).read().as_deref(), Ok("x\n"));
    }
}
