//! End-to-end tests against programs we did not write, and of `ws` as a program.
//!
//! `cargo xtask install` first: it brings the peers. One behaviour a file; port 0 everywhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "all of this is a test"
)]

mod auth;
mod background;
mod balancers;
mod cli_bench;
mod cli_compress;
mod cli_connect;
mod cli_connect_end;
mod cli_errors;
mod cli_formats;
mod cli_help;
mod cli_network;
#[cfg(unix)]
mod cli_prompt;
mod cli_proxy;
mod cli_readme;
mod cli_secrets;
mod cli_send;
mod cli_serve;
mod cli_serve_broadcast;
#[cfg(unix)]
mod cli_serve_exec;
mod cli_serve_http;
mod cli_serve_page;
mod cli_tls;
mod cli_verbose;
mod concurrency;
mod contract_client;
mod contract_ordering;
mod contract_server;
mod crossfire;
mod curl;
mod deflate_bomb;
mod deflate_browser;
mod deflate_fuzz;
mod deflate_memory;
mod deflate_peers;
mod fault_proxy;
mod frames_differential;
#[cfg(target_os = "linux")]
mod half_open;
mod mailbox_ordering;
mod modules;
#[cfg(unix)]
mod native_children;
#[cfg(unix)]
mod native_classes;
#[cfg(unix)]
mod native_events;
#[cfg(unix)]
mod native_hanging;
#[cfg(unix)]
mod native_lifecycle;
#[cfg(unix)]
mod native_memory;
#[cfg(unix)]
mod native_messages;
#[cfg(unix)]
mod native_methods;
#[cfg(unix)]
mod native_process;
#[cfg(unix)]
mod native_resets;
#[cfg(unix)]
mod native_scenarios;
#[cfg(unix)]
mod native_speed;
#[cfg(unix)]
mod native_symbols;
#[cfg(unix)]
mod native_threads;
mod peers;
mod proxies;
mod real_clients;
mod real_servers;
mod rpc;
mod rpc_process;
mod server_log;
#[cfg(unix)]
mod sigpipe;
#[cfg(target_os = "linux")]
mod slow_readers;
mod support;
mod tls_client;
mod tls_server;
#[cfg(unix)]
mod unix_server;
