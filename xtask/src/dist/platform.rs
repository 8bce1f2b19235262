//! What is built, and with what.
//!
//! No target but the machine's own comes with the toolchain of the tests, so the others are built by Debian's cargo and
//! rustc, which bring the source of std (`-Zbuild-std`). zig is the linker for Linux: it links against the names of an
//! old glibc, so that the add-in loads where 1C servers run (this machine's own linker would ask for glibc 2.34).

use crate::Failure;

/// The oldest glibc that add-ins load with: RHEL 7 and everything after it.
pub(crate) const GLIBC: &str = "2.17";

/// One combination of system and processor.
#[derive(Debug)]
pub(crate) struct Platform {
    /// For `--only` and file names.
    pub(crate) name: &'static str,
    /// Rust's name of the target.
    pub(crate) triple: &'static str,
    pub(crate) toolchain: Toolchain,
    pub(crate) linker: Linker,
    pub(crate) addin: Option<Addin>,
    pub(crate) has_cli: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The one that runs the tests.
    Ours,
    /// Debian's, with std built from its source.
    Debian,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linker {
    /// zig, against glibc's symbols of [`GLIBC`].
    ZigGlibc,
    /// zig, with a static musl.
    ZigMusl,
    /// GCC for Windows; the prefix of its programs.
    Mingw(&'static str),
}

/// How 1C calls the platform of an add-in.
#[derive(Debug)]
pub(crate) struct Addin {
    pub(crate) os: &'static str,
    pub(crate) arch: &'static str,
    /// Follows the name and the version in the name of the file.
    pub(crate) suffix: &'static str,
}

pub(crate) const PLATFORMS: [Platform; 6] = [
    Platform {
        name: "linux-x86_64",
        triple: "x86_64-unknown-linux-gnu",
        toolchain: Toolchain::Ours,
        linker: Linker::ZigGlibc,
        addin: Some(Addin {
            os: "Linux",
            arch: "x86_64",
            suffix: "Lin64.so",
        }),
        has_cli: false,
    },
    Platform {
        // glibc cannot be linked statically without losing name resolution (it loads NSS modules of its own version
        // at run time), so the static program is built on musl.
        name: "linux-x86_64-static",
        triple: "x86_64-unknown-linux-musl",
        toolchain: Toolchain::Debian,
        linker: Linker::ZigMusl,
        addin: None,
        has_cli: true,
    },
    Platform {
        name: "linux-i686",
        triple: "i686-unknown-linux-gnu",
        toolchain: Toolchain::Debian,
        linker: Linker::ZigGlibc,
        addin: Some(Addin {
            os: "Linux",
            arch: "i386",
            suffix: "Lin32.so",
        }),
        has_cli: false,
    },
    Platform {
        name: "linux-aarch64",
        triple: "aarch64-unknown-linux-gnu",
        toolchain: Toolchain::Debian,
        linker: Linker::ZigGlibc,
        addin: Some(Addin {
            os: "Linux",
            arch: "ARM64",
            suffix: "LinARM64.so",
        }),
        has_cli: false,
    },
    Platform {
        name: "windows-x86_64",
        triple: "x86_64-pc-windows-gnu",
        toolchain: Toolchain::Debian,
        linker: Linker::Mingw("x86_64-w64-mingw32"),
        addin: Some(Addin {
            os: "Windows",
            arch: "x86_64",
            suffix: "Win64.dll",
        }),
        has_cli: true,
    },
    Platform {
        name: "windows-i686",
        triple: "i686-pc-windows-gnu",
        toolchain: Toolchain::Debian,
        linker: Linker::Mingw("i686-w64-mingw32"),
        addin: Some(Addin {
            os: "Windows",
            arch: "i386",
            suffix: "Win32.dll",
        }),
        has_cli: false,
    },
];

impl Platform {
    pub(crate) fn is_windows(&self) -> bool {
        matches!(self.linker, Linker::Mingw(_))
    }

    /// The platform of this name.
    pub(crate) fn find(name: &str) -> Result<&'static Self, Failure> {
        let found = PLATFORMS.iter().find(|platform| platform.name == name);
        found.ok_or_else(|| {
            let names = PLATFORMS.each_ref().map(|platform| platform.name);
            format!("no platform {name:?}; there are {}", names.join(", "))
        })
    }

    /// Those that a list such as `linux-x86_64,windows-i686` names, or all.
    pub(crate) fn select(list: Option<&str>) -> Result<Vec<&'static Self>, Failure> {
        match list {
            None => Ok(PLATFORMS.iter().collect()),
            Some(list) => list.split(',').map(Self::find).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selects_by_name() {
        assert_eq!(Platform::select(None).unwrap().len(), PLATFORMS.len());
        let some = Platform::select(Some("windows-i686,linux-x86_64")).unwrap();
        let names: Vec<_> = some.iter().map(|platform| platform.name).collect();
        assert_eq!(names, ["windows-i686", "linux-x86_64"]);
        assert!(Platform::select(Some("linux-x86_64,beos")).is_err());
    }

    #[test]
    fn no_two_addins_share_a_file_name() {
        let suffixes: std::collections::BTreeSet<_> = PLATFORMS
            .iter()
            .filter_map(|platform| platform.addin.as_ref())
            .map(|addin| addin.suffix)
            .collect();
        assert_eq!(suffixes.len(), 5);
    }
}
