//! The floor: a server and a codec of ours that do what cannot be left out, and check hardly anything.
//!
//! One shared buffer, unmasked in place, one receive and one send for each turn. What it costs more than this, a real
//! server pays for being one. It also has the limits of the machine: `codec-memcpy`, `codec-xor`, `codec-utf8`.

mod codec;
mod server;
mod wide;

use std::env;

use ws_tests::bench::codec::{self as harness};

fn main() -> std::io::Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let rest = arguments.get(1..).unwrap_or_default();
    match arguments.first().map(String::as_str) {
        Some("serve") => return server::serve(rest),
        Some("codec") => harness::main(&mut codec::Floor::default(), rest),
        Some("codec-memcpy") => codec::limit(codec::Limit::Copy, rest),
        Some("codec-xor") => codec::limit(codec::Limit::Xor, rest),
        Some("codec-utf8") => codec::limit(codec::Limit::Utf8, rest),
        _ => panic!(
            "usage: serve echo|broadcast, serve tls CHAIN KEY, codec[-memcpy|-xor|-utf8] SIZE KIND …"
        ),
    }
    Ok(())
}
