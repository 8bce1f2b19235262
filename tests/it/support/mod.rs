//! What the tests have in common. Child processes and waiting come from the `ws_tests` library.

#[cfg(target_os = "linux")]
pub(crate) mod again;
pub(crate) mod certs;
pub(crate) mod chromium;
pub(crate) mod cli;
pub(crate) mod client;
#[cfg(unix)]
pub(crate) mod native;
pub(crate) mod peer;
pub(crate) mod proxy;
pub(crate) mod schema;
pub(crate) mod scripted;
#[cfg(unix)]
pub(crate) mod terminal;
pub(crate) use ws_tests::process;
