//! The compilers and linkers that `dist` needs beside those of the tests.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::{
    Failure,
    dist::platform::{Platform, Toolchain},
    install::{self, Need},
    shell::{Run, root, target},
};

/// Debian's cargo and rustc. They stay outside of `PATH`'s order: a rustup in a home folder comes first there.
pub(crate) const DEBIAN_CARGO: &str = "/usr/bin/cargo";
pub(crate) const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_LIBRARY: &str = "/usr/lib/rustlib/src/rust/library";

/// A compiler that can build std anew.
pub(crate) const DEBIAN: [Need; 2] = [
    Need {
        name: "Debian's cargo and rustc",
        probe: &[DEBIAN_CARGO, "--version"],
        packages: &["rustc-web", "cargo-web"],
    },
    Need {
        name: "the source of Debian's std",
        probe: &["test", "-d", DEBIAN_LIBRARY],
        packages: &["rust-web-src"],
    },
];

const NEEDS: [Need; 4] = [
    Need {
        name: "Python 3 with venv and pip",
        probe: &["python3", "-c", "import venv, ensurepip"],
        packages: &["python3", "python3-venv"],
    },
    Need {
        name: "GCC for 64-bit Windows",
        probe: &["x86_64-w64-mingw32-gcc", "--version"],
        packages: &["gcc-mingw-w64-x86-64-win32"],
    },
    Need {
        name: "GCC for 32-bit Windows",
        probe: &["i686-w64-mingw32-gcc", "--version"],
        packages: &["gcc-mingw-w64-i686-win32"],
    },
    Need {
        name: "readelf",
        probe: &["readelf", "--version"],
        packages: &["binutils"],
    },
];

/// Brings what is missing.
pub(crate) fn install() -> Result<(), Failure> {
    install::programs(&DEBIAN)?;
    install::programs(&NEEDS)?;
    let requirements = root().join("xtask/src/dist/requirements.txt");
    install::python_packages(&venv(), &requirements, "import ziglang")
}

fn venv() -> PathBuf {
    target().join("dist-tools")
}

/// zig's own files: it brings the sources of musl and of what unwinds.
pub(crate) fn zig_library() -> Result<PathBuf, Failure> {
    let script = "import os, ziglang; print(os.path.dirname(ziglang.__file__))";
    let folder = Run::new(venv().join("bin/python"))
        .args(["-c", script])
        .read()?;
    Ok(Path::new(folder.trim()).join("lib"))
}

/// Where a toolchain keeps what it builds: two versions of rustc would disturb each other.
pub(crate) fn target_folder(toolchain: Toolchain) -> PathBuf {
    target().join(match toolchain {
        Toolchain::Ours => "cross/ours",
        Toolchain::Debian => "cross/debian",
    })
}

/// `cargo-zigbuild` with zig in its `PATH`.
pub(crate) fn zigbuild() -> Result<Run, Failure> {
    let bin = venv().join("bin");
    let inherited = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(bin.clone()).chain(env::split_paths(&inherited)))
        .map_err(|error| format!("PATH cannot be extended: {error}"))?;
    Ok(Run::new(bin.join("cargo-zigbuild"))
        .hidden_env("PATH", path)
        .env("XDG_CACHE_HOME", target().join("cross/cache")))
}

/// The folders of this machine that compilers see, and what they shall call them.
///
/// The longest first: a rule for a folder may lie below that of another.
pub(crate) fn folders() -> Result<Vec<(PathBuf, &'static str)>, Failure> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let cargo_home = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    let mut folders = vec![
        (root(), "ws"),
        (target(), "target"),
        (PathBuf::from("/usr/lib/rustlib/src/rust"), "rust"),
    ];
    // Debian's link leads there, and the compiler may name either.
    if let Ok(real) = Path::new(DEBIAN_LIBRARY).canonicalize()
        && let Some(parent) = real.parent()
    {
        folders.push((parent.to_path_buf(), "rust"));
    }
    let sysroot = Run::new("rustc").args(["--print", "sysroot"]).read()?;
    folders.push((PathBuf::from(sysroot.trim()), "rust"));
    folders.extend(cargo_home.map(|folder| (folder.join("registry/src"), "crates")));
    folders.extend(home.map(|folder| (folder, "home")));
    folders.sort_by_key(|(folder, _)| std::cmp::Reverse(folder.as_os_str().len()));
    Ok(folders)
}

/// RUSTFLAGS that keep the folders of this machine out of panic texts.
pub(crate) fn rust_flags() -> Result<String, Failure> {
    let mut flags = Vec::new();
    // The compiler takes the last rule that fits.
    for (folder, name) in folders()?.iter().rev() {
        let folder = folder.display().to_string();
        if folder.contains(char::is_whitespace) {
            return Err(format!(
                "{folder:?}: cargo cannot be given a folder with a space"
            ));
        }
        flags.push(format!("--remap-path-prefix={folder}={name}"));
    }
    Ok(flags.join(" "))
}

/// Compiles two objects of std that every 32-bit Windows program begins and ends with, and which no package has.
pub(crate) fn windows_i686_objects(platform: &Platform) -> Result<PathBuf, Failure> {
    let folder = target_folder(platform.toolchain).join("rtstartup");
    install::create(&folder)?;
    for name in ["rsbegin", "rsend"] {
        let source = Path::new(DEBIAN_LIBRARY).join(format!("rtstartup/{name}.rs"));
        Run::new(DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["--emit=obj", "--target", platform.triple, "-o"])
            .args([folder.join(format!("{name}.o")), source])
            .run()?;
    }
    Ok(folder)
}
