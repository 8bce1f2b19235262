//! What `dist` builds for other systems and processors, run as far as this machine can: Windows in Wine, 32 bits by
//! the cross libc's own loader, ARM in qemu. 32-bit Windows is built and inspected only: its Wine needs packages of
//! another architecture.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    Failure,
    build::{self, program},
    dist::{self, Platform, Product, make},
    flags::Flags,
    install::{self, Need, create},
    report::{Outcome, Report},
    shell::{Run, root, target},
};

const WINE: &str = "/usr/lib/wine/wine64";
const I686_LOADER: &str = "/usr/i686-linux-gnu/lib/ld-linux.so.2";

const NEEDS: [Need; 5] = [
    Need {
        name: "Wine",
        probe: &[WINE, "--version"],
        packages: &["wine64"],
    },
    Need {
        name: "a C++ compiler for 64-bit Windows",
        probe: &["x86_64-w64-mingw32-g++", "--version"],
        packages: &["g++-mingw-w64-x86-64-win32"],
    },
    Need {
        name: "a C++ compiler and libc for 32-bit Linux",
        probe: &["i686-linux-gnu-g++", "--version"],
        packages: &["g++-i686-linux-gnu", "libc6-dev-i386-cross"],
    },
    Need {
        name: "a C++ compiler and libc for Linux on ARM",
        probe: &["aarch64-linux-gnu-g++", "--version"],
        packages: &["g++-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
    },
    Need {
        name: "qemu for ARM programs",
        probe: &["qemu-aarch64", "--version"],
        packages: &["qemu-user"],
    },
];

/// Connections to `ws.exe` at once.
const CROWD: &str = "1000";
const OPEN_FILES: u32 = 20_000;

pub(crate) fn run(flags: &mut Flags, report: &mut Report) -> Result<(), Failure> {
    flags.finish()?;
    if report.step("release build", build::release) {
        steps(report);
    }
    Ok(())
}

/// Wants the release build.
pub(crate) fn steps(report: &mut Report) {
    let tools = || {
        install::install()?;
        dist::install_tools()?;
        install::programs(&NEEDS)?;
        Ok(Outcome::Done)
    };
    if !report.step("foreign tools", tools) {
        return;
    }
    report.step("windows host", windows_host);
    report.step("windows ws.exe, peers", windows_peers);
    report.step("windows ws.exe, crowd", windows_crowd);
    report.step("windows ws.exe, Ctrl-C", windows_ctrl_c);
    report.step("windows ws.exe, --exec", windows_exec);
    report.step("windows ws.exe, console", windows_console);
    report.step("windows 32 bit, built", windows_i686);
    report.step("linux 32 bit host", || {
        let libraries = "/usr/i686-linux-gnu/lib";
        let starter = [I686_LOADER, "--library-path", libraries];
        linux_host("linux-i686", "i686-linux-gnu-g++", &starter, "")
    });
    report.step("linux ARM host", || {
        let starter = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"];
        linux_host(
            "linux-aarch64",
            "aarch64-linux-gnu-g++",
            &starter,
            "emulator",
        )
    });
}

/// The scenarios of `tests/it/native_*` against the add-in for Windows.
fn windows_host() -> Result<Outcome, Failure> {
    let library = make(Product::Addin, Platform::find("windows-x86_64")?)?;
    let wine = Wine::prepare()?;
    let host = host("x86_64-w64-mingw32-g++", "native_host.exe", &["-lws2_32"])?;
    native_tests(
        &format!("{} {}", wine.script.display(), host.display()),
        &library,
        "",
    )
}

fn linux_host(
    platform: &str,
    compiler: &str,
    starter: &[&str],
    check: &str,
) -> Result<Outcome, Failure> {
    let library = make(Product::Addin, Platform::find(platform)?)?;
    let host = host(
        compiler,
        &format!("native_host-{platform}"),
        &["-pthread", "-rdynamic", "-ldl"],
    )?;
    native_tests(
        &format!("{} {}", starter.join(" "), host.display()),
        &library,
        check,
    )
}

/// Compiles the host of the native tests for another system.
fn host(compiler: &str, name: &str, libraries: &[&str]) -> Result<PathBuf, Failure> {
    let sources = root().join("tests/native_host");
    let failure = |error| format!("cannot read {}: {error}", sources.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(&sources).map_err(failure)? {
        let path = entry.map_err(failure)?.path();
        if path.extension().is_some_and(|extension| extension == "cpp") {
            files.push(path);
        }
    }
    files.sort();
    let program = folder()?.join(name);
    // What stands beside the program need not be there on the other system.
    let static_runtime: &[&str] = match compiler.contains("mingw") {
        true => &["-static"],
        false => &["-static-libstdc++", "-static-libgcc"],
    };
    Run::new(compiler)
        .args([
            "-std=c++17",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Wno-cast-function-type",
        ])
        .args(static_runtime)
        .args(files)
        .args([Path::new("-o"), &program])
        .args(libraries)
        .run()?;
    Ok(program)
}

/// `check` is what `WS_NATIVE_CHECK` says.
fn native_tests(host: &str, library: &Path, check: &str) -> Result<Outcome, Failure> {
    let mut summary = String::new();
    Run::cargo()
        .args([
            "test", "--locked", "-p", "ws-tests", "--test", "it", "native_",
        ])
        .env("WS_NATIVE_HOST", host)
        .env("WS_NATIVE_LIBRARY", library)
        .env("WS_NATIVE_CHECK", check)
        .run_with_lines(|line| {
            if line.starts_with("test result:") {
                summary = line.to_owned();
            }
        })?;
    let passed = summary.split_whitespace().nth(3).unwrap_or("0");
    match passed {
        "0" => Err("no native test ran".to_owned()),
        passed => Ok(Outcome::DoneWith(format!("{passed} tests"))),
    }
}

/// A thousand connections and a peer that does not read.
fn windows_crowd() -> Result<Outcome, Failure> {
    let ws = windows_ws()?;
    let files = format!("ulimit -n {OPEN_FILES}; exec \"$@\"");
    let mut last = String::new();
    Run::new("sh")
        .args(["-c", &files, "sh"])
        .args([program("crowd"), ws])
        .args([CROWD])
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

/// Clients that we did not write, against `ws.exe serve --echo`.
fn windows_peers() -> Result<Outcome, Failure> {
    let ws = windows_ws()?;
    let python = target().join("peers/venv/bin/python");
    let modules = target().join("peers/node/node_modules");
    let modes = ["sizes", "fragments", "pings", "concurrent 100 20"];
    for mode in modes {
        for (runtime, client) in [
            (python.as_path(), "tests/peers/client.py"),
            (Path::new("node"), "tests/peers/client.js"),
        ] {
            // The URL comes last, and the clients want it first.
            let line = format!("exec \"$1\" \"$2\" \"$3\" {mode}");
            Run::new(program("with_echo_server"))
                .env("NODE_PATH", &modules)
                .args([&ws])
                .args(["sh", "-c", &line, "sh"])
                .args([runtime, &root().join(client)])
                .run()?;
        }
    }
    Ok(Outcome::DoneWith(format!("{} runs", modes.len() * 2)))
}

/// `ws.exe serve` ends on Ctrl-C with the exit code that the README gives.
fn windows_ctrl_c() -> Result<Outcome, Failure> {
    const INTERRUPTED: u8 = 130;
    let exe = make(Product::Cli, Platform::find("windows-x86_64")?)?;
    let wine = Wine::prepare()?;
    let presser = folder()?.join("ctrl_c.exe");
    Run::new("x86_64-w64-mingw32-gcc")
        .args(["-Wall", "-Wextra", "-O1", "-o"])
        .args([&presser, &root().join("tests/wine/ctrl_c.c")])
        .run()?;
    let serve = format!("Z:{} serve --echo 127.0.0.1:0", exe.display());
    // A shell compares: a program that fails is a failure here otherwise.
    let line = format!("\"$@\"; test $? -eq {INTERRUPTED}");
    Run::new("sh")
        .args(["-c", &line, "sh"])
        .args([&wine.script, &presser])
        .args([&serve])
        .run()?;
    Ok(Outcome::DoneWith(format!("exit code {INTERRUPTED}")))
}

/// `ws.exe serve --exec` with clients that we did not write: messages, bytes, the exit code.
fn windows_exec() -> Result<Outcome, Failure> {
    let exe = make(Product::Cli, Platform::find("windows-x86_64")?)?;
    let wine = Wine::prepare()?;
    let cat = folder()?.join("cat.exe");
    Run::new("x86_64-w64-mingw32-gcc")
        .args(["-Wall", "-Wextra", "-O1", "-o"])
        .args([&cat, &root().join("tests/wine/cat.c")])
        .run()?;
    let cat = format!("Z:{}", cat.display());
    let modes = [
        (cat.clone(), "lines"),
        (format!("{cat} --delimiter length --binary"), "bytes"),
        ("'exit 3' --shell".to_owned(), "close 1011 'exit code 3'"),
    ];
    for (options, mode) in &modes {
        let (wine, exe) = (wine.script.display(), exe.display());
        // It is started with the arguments of an echo server, which `cat` makes of it.
        let line = format!("exec {wine} {exe} serve 127.0.0.1:0 --exec {options}\n");
        let ws = script("ws-exec", &line)?;
        let line = format!("exec \"$1\" \"$2\" \"$3\" {mode}");
        Run::new(program("with_echo_server"))
            .args([&ws])
            .args(["sh", "-c", &line, "sh"])
            .args([
                target().join("peers/venv/bin/python"),
                root().join("tests/peers/exec.py"),
            ])
            .run()?;
    }
    Ok(Outcome::DoneWith(format!("{} runs", modes.len())))
}

/// The prompt of `ws connect` in Wine's console.
fn windows_console() -> Result<Outcome, Failure> {
    let ws = windows_ws()?;
    let mut last = String::new();
    Run::new(program("with_echo_server"))
        .args([program("ws")])
        .args(["python3".into(), root().join("tests/wine/console.py"), ws])
        .run_with_lines(|line| line.clone_into(&mut last))?;
    Ok(Outcome::DoneWith(last))
}

/// A script that runs `ws.exe`.
fn windows_ws() -> Result<PathBuf, Failure> {
    let exe = make(Product::Cli, Platform::find("windows-x86_64")?)?;
    let wine = Wine::prepare()?;
    let line = format!("exec {} {} \"$@\"\n", wine.script.display(), exe.display());
    script("ws", &line)
}

fn windows_i686() -> Result<Outcome, Failure> {
    let library = make(Product::Addin, Platform::find("windows-i686")?)?;
    let size = fs::metadata(&library).map_or(0, |metadata| metadata.len());
    Ok(Outcome::DoneWith(format!("{size} bytes; not run")))
}

/// Wine with a home of its own, and with what version 8 lacks.
struct Wine {
    /// Runs the program that follows.
    script: PathBuf,
}

impl Wine {
    fn prepare() -> Result<Self, Failure> {
        let folder = folder()?;
        Run::new("x86_64-w64-mingw32-gcc")
            .args(["-shared", "-O2", "-s", "-o"])
            .args([
                folder.join("bcryptprimitives.dll"),
                root().join("tests/wine/bcryptprimitives.c"),
            ])
            .args(["-ladvapi32"])
            .run()?;
        let text = format!(
            "export WINEPREFIX={0}/home WINEDEBUG=-all WINEPATH={0}\nexec {WINE} \"$@\"\n",
            folder.display()
        );
        let wine = Self {
            script: script("wine", &text)?,
        };
        // The first program makes the home, which takes seconds and prints.
        Run::new(&wine.script)
            .args(["cmd.exe", "/c", "exit"])
            .run()?;
        Ok(wine)
    }
}

fn script(name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = folder()?.join(name);
    let written = fs::write(&path, format!("#!/bin/sh\n{text}"))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(path)
}

fn folder() -> Result<PathBuf, Failure> {
    let folder = target().join("cross/run");
    create(&folder)?;
    Ok(folder)
}
