//! Builds one package for one platform with the profile `dist`.

use std::path::PathBuf;

use super::{
    platform::{GLIBC, Linker, Platform, Toolchain},
    resource,
    tools::{self, DEBIAN_CARGO, DEBIAN_RUSTC},
};
use crate::{Failure, shell::Run};

/// What is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Product {
    /// The add-in: a library.
    Addin,
    /// The program `ws`.
    Cli,
}

impl Product {
    fn package(self) -> [&'static str; 4] {
        match self {
            // Without its other crate type the whole library is optimised at link time.
            Self::Addin => ["-p", "ws-ffi", "--lib", "--crate-type=cdylib"],
            Self::Cli => ["-p", "ws-cli", "--bin", "ws"],
        }
    }

    /// The name of cargo's file.
    pub(crate) fn file(self, platform: &Platform) -> &'static str {
        match (self, platform.is_windows()) {
            (Self::Addin, false) => "libws_ffi.so",
            (Self::Addin, true) => "ws_ffi.dll",
            (Self::Cli, false) => "ws",
            (Self::Cli, true) => "ws.exe",
        }
    }
}

/// Builds it and returns where it lies.
pub(crate) fn build(product: Product, platform: &Platform) -> Result<PathBuf, Failure> {
    let mut link = Vec::new();
    let mut run = match platform.linker {
        Linker::ZigGlibc => {
            let triple = format!("{}.{GLIBC}", platform.triple);
            tools::zigbuild()?.args(["rustc".to_owned(), format!("--target={triple}")])
        }
        Linker::ZigMusl => {
            // rustc looks for a musl of its own otherwise; zig has one.
            link.push("link-self-contained=no".to_owned());
            tools::zigbuild()?.args(["rustc".to_owned(), format!("--target={}", platform.triple)])
        }
        Linker::Mingw(prefix) => {
            let resource = resource::compile(product, platform, prefix)?;
            link.push(format!("link-arg={}", resource.display()));
            // The time of the build is nothing that a file should differ by.
            link.push("link-arg=-Wl,--no-insert-timestamp".to_owned());
            mingw(platform, prefix)
        }
    };
    run = match platform.toolchain {
        Toolchain::Ours => run,
        Toolchain::Debian => run
            .args(["-Zbuild-std=std,panic_unwind"])
            .env("CARGO", DEBIAN_CARGO)
            .env("RUSTC", DEBIAN_RUSTC)
            // `-Zbuild-std` is for nightly compilers, and this one comes with its own source.
            .env("RUSTC_BOOTSTRAP", "1"),
    };
    let mut flags = tools::rust_flags()?;
    if platform.triple == "i686-pc-windows-gnu" {
        let objects = tools::windows_i686_objects(platform)?;
        flags.push_str(&format!(" -Lnative={}", objects.display()));
    }
    let folder = tools::target_folder(platform.toolchain);
    run.env("CARGO_TARGET_DIR", &folder)
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTFLAGS", flags)
        .args(["--locked", "--profile=dist"])
        .args(product.package())
        .args(["--"])
        .args(link.iter().flat_map(|option| ["-C", option]))
        .run()?;
    let file = folder
        .join(platform.triple)
        .join("dist")
        .join(product.file(platform));
    if file.is_file() {
        Ok(file)
    } else {
        Err(format!("cargo has not made {}", file.display()))
    }
}

/// Debian's cargo with GCC for Windows, for C code and as the linker.
fn mingw(platform: &Platform, prefix: &str) -> Run {
    let name = platform.triple.replace('-', "_");
    let gcc = format!("{prefix}-gcc");
    Run::new(DEBIAN_CARGO)
        .args(["rustc", "--target", platform.triple])
        .env(&format!("CC_{name}"), &gcc)
        .env(&format!("AR_{name}"), format!("{prefix}-ar"))
        .env(
            &format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()),
            &gcc,
        )
}
