//! Builds the host and the add-in, and finds them again.

use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use ws_tests::process::{cargo, cargo_at};

/// What looks over the host's shoulder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    Nothing,
    AddressSanitizer,
    ThreadSanitizer,
    Valgrind,
    /// qemu: the process's memory is mostly its own, and what limits it is not for what runs inside.
    Emulator,
}

/// What `WS_NATIVE_CHECK` says.
pub(crate) fn check() -> Check {
    match env::var("WS_NATIVE_CHECK").as_deref() {
        Err(_) | Ok("") => Check::Nothing,
        Ok("asan") => Check::AddressSanitizer,
        Ok("tsan") => Check::ThreadSanitizer,
        Ok("valgrind") => Check::Valgrind,
        Ok("emulator") => Check::Emulator,
        Ok(other) => panic!("WS_NATIVE_CHECK={other}: asan, tsan, valgrind or emulator is needed"),
    }
}

/// A command line of the host, up to the scenario.
pub(crate) fn host_command(scenario: &str) -> Command {
    let given = env::var("WS_NATIVE_HOST").ok();
    let mut words: Vec<PathBuf> = match &given {
        Some(line) => line.split_whitespace().map(PathBuf::from).collect(),
        None => vec![host()],
    };
    if check() == Check::Valgrind {
        let options = [
            "valgrind",
            "--quiet",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite",
            "--errors-for-leak-kinds=definite",
            // Without it a thread that waits for another by looking may keep it from running.
            "--fair-sched=yes",
        ];
        words.splice(0..0, options.map(PathBuf::from));
    }
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).arg(library()).arg(scenario);
    // What is left over must be told, and an add-in stays loaded on purpose.
    command.env("ASAN_OPTIONS", "detect_leaks=1:exitcode=99");
    command
}

/// The add-in.
pub(crate) fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || match env::var_os("WS_NATIVE_LIBRARY") {
        Some(path) => PathBuf::from(path),
        None => build_library(),
    };
    LIBRARY.get_or_init(build).clone()
}

fn host() -> PathBuf {
    static HOST: OnceLock<PathBuf> = OnceLock::new();
    HOST.get_or_init(build_host).clone()
}

fn build_host() -> PathBuf {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("native_host");
    let mut files: Vec<PathBuf> = fs::read_dir(&sources)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", sources.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let sanitizer: &[&str] = match check() {
        Check::AddressSanitizer => &["-fsanitize=address", "-fno-omit-frame-pointer"],
        Check::ThreadSanitizer => &["-fsanitize=thread", "-fno-omit-frame-pointer"],
        Check::Nothing | Check::Valgrind | Check::Emulator => &[],
    };
    let options = [
        "-std=c++17",
        "-O2",
        "-g",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-Wno-cast-function-type",
        "-pthread",
        // Its getaddrinfo stands before the C library's.
        "-rdynamic",
    ];
    let mut hasher = DefaultHasher::new();
    (options, sanitizer).hash(&mut hasher);
    for file in &files {
        let content = fs::read(file)
            .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
        (file.file_name(), content).hash(&mut hasher);
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = folder.join(format!("native_host-{:016x}", hasher.finish()));
    if program.is_file() {
        return program;
    }
    // Two test runs may build at the same time: each under its own name, and the last rename stays.
    let unfinished = program.with_extension(std::process::id().to_string());
    let is_source = |file: &&PathBuf| file.extension().is_some_and(|end| end == "cpp");
    run(Command::new("g++")
        .args(options)
        .args(sanitizer)
        .args(files.iter().filter(is_source))
        .arg("-o")
        .arg(&unfinished)
        .arg("-ldl"));
    fs::rename(&unfinished, &program)
        .unwrap_or_else(|error| panic!("cannot rename {}: {error}", unfinished.display()));
    program
}

/// Cargo builds no library of another package for a test, so this asks for it.
fn build_library() -> PathBuf {
    let mut command = match check() {
        Check::ThreadSanitizer => debian_cargo(),
        _ => cargo(),
    };
    command.args(["build", "-p", "ws-ffi", "--lib", "--message-format=json"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let sanitizer = match check() {
        Check::AddressSanitizer => Some(("asan", "address")),
        Check::ThreadSanitizer => Some(("tsan", "thread")),
        Check::Nothing | Check::Valgrind | Check::Emulator => None,
    };
    if let Some((folder, name)) = sanitizer {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        command
            .args(["--target", SANITIZED, "--target-dir"])
            .arg(target)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", format!("-Zsanitizer={name}"));
    }
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    let output = run(&mut command);
    let messages = output
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let mut libraries = messages.filter_map(|message: serde_json::Value| {
        let is_ours = message["target"]["name"] == "ws_ffi";
        let files = message["filenames"].as_array()?;
        let mut files = files
            .iter()
            .filter_map(|file| file.as_str())
            .map(PathBuf::from);
        let end = env::consts::DLL_EXTENSION;
        files.find(|file| is_ours && file.extension().is_some_and(|is| is == end))
    });
    libraries
        .next()
        .unwrap_or_else(|| panic!("cargo built no shared library of ws-ffi"))
}

/// What a command prints; it must succeed.
#[track_caller]
pub(crate) fn run(command: &mut Command) -> String {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {command:?}\n{stderr}",
        output.status
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Debian's cargo and rustc, which come with the source of the standard library: ThreadSanitizer must see that, too, or
/// it takes every `Arc` that is dropped and every `LazyLock` for a race.
fn debian_cargo() -> Command {
    let mut command = cargo_at(CARGO);
    command
        .args(["-Zbuild-std=std,panic_unwind"])
        .env("CARGO", CARGO)
        .env("RUSTC", RUSTC);
    command
}

/// Not the first of `PATH`: a rustup in a home folder comes first there.
const CARGO: &str = "/usr/bin/cargo";
const RUSTC: &str = "/usr/bin/rustc";
/// The sanitizer wants a target named, even if it is the one of the compiler.
const SANITIZED: &str = "x86_64-unknown-linux-gnu";
