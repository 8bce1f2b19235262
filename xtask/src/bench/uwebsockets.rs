//! µWebSockets for `bench`: no registry has it as it is, but PyPI's socketify carries it as a library with C functions,
//! and a server of ours calls these.

use std::path::Path;

use crate::{
    Failure,
    install::{self, Need},
    shell::{Run, root},
};

/// What the library runs on.
const NEEDS: [Need; 1] = [Need {
    name: "libuv",
    probe: &["sh", "-c", "/sbin/ldconfig -p | grep -q libuv.so.1"],
    packages: &["libuv1"],
}];

const LIBRARY: &str = "libsocketify_linux_amd64.so";

/// Builds it as `program`, with what is downloaded in `folder`.
pub(super) fn build(python: &Path, folder: &Path, program: &Path) -> Result<(), Failure> {
    install::programs(&NEEDS)?;
    let source = root().join("tests/bench/uwebsockets");
    let library = folder.join(LIBRARY);
    if !library.is_file() {
        install::create(folder)?;
        let download = [
            "-m",
            "pip",
            "--disable-pip-version-check",
            "-q",
            "download",
            "--no-deps",
            "--no-binary",
            "socketify",
            "--require-hashes",
            "--dest",
        ];
        let list = source.join("requirements.txt");
        Run::new(python)
            .args(download)
            .args([folder, Path::new("-r"), &list])
            .run()?;
        let unpack = "tar -xzf socketify-*.tar.gz --strip-components=3 --wildcards \"*/$0\"";
        Run::new("sh")
            .args(["-c", unpack, LIBRARY])
            .in_folder(folder)
            .run()?;
    }
    // The library has no name of its own, so the program looks for it where it is now.
    Run::new("cc")
        .args(["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o"])
        .args([program, &source.join("server.c"), &library])
        .run()
}
