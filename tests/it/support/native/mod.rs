//! The add-in and the C++ host that drives it (`tests/native_host`), built once, and the host as a child process.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `WS_NATIVE_HOST` | the command line that starts the host, such as `wine native_host.exe` | built from the sources |
//! | `WS_NATIVE_LIBRARY` | the add-in | built by cargo in the profile of the tests |
//! | `WS_NATIVE_CHECK` | `asan`, `tsan`: both built with that sanitizer; `valgrind`: the host runs under it | none |

mod build;
mod host;

pub(crate) use build::{Check, check, host_command, library, run};
pub(crate) use host::{Host, bytes, filling, fingerprint, json, letters, text};
