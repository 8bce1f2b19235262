//! A server's and a client's end echo messages without compression, for the instructions that takes: under callgrind,
//! built with and without the feature `deflate`. `cargo xtask bench instructions` does that and compares.
//!
//! `plain_echo ROUNDS BYTES`

use std::{env, error::Error, hint::black_box};

use ws_core::{Connection, Event, Limits, Role, Scratch, SendScratch};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mut number = || -> Result<usize, Box<dyn Error>> {
        Ok(arguments.next().ok_or("plain_echo ROUNDS BYTES")?.parse()?)
    };
    let (rounds, bytes) = (number()?, number()?);
    let text = "0123456789abcdef".repeat(bytes.div_ceil(16));
    let text = &text[..bytes];
    let (mut client, mut server) = (Connection::new(Role::Client), Connection::new(Role::Server));
    let (mut client_scratch, mut server_scratch) = (
        Scratch::new(Limits::default()),
        Scratch::new(Limits::default()),
    );
    let mut keys = SendScratch::client(Box::new(|| [0x37, 0xFA, 0x21, 0x3D]));
    let mut no_keys = SendScratch::server();
    let (mut sent, mut echoed) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        sent.clear();
        echoed.clear();
        let (receiver, sender) = client.split();
        sender.encode_text(black_box(text), &mut keys, &mut sent)?;
        echo(
            &mut server,
            &mut sent,
            &mut server_scratch,
            &mut no_keys,
            &mut echoed,
        )?;
        let mut receive = receiver.receive(&mut echoed, &mut client_scratch);
        match receive.next() {
            Some(Ok(Event::Text(got))) => black_box(got),
            other => return Err(format!("{other:?} came back").into()),
        };
    }
    Ok(())
}

#[inline(never)]
fn echo(
    server: &mut Connection,
    input: &mut [u8],
    scratch: &mut Scratch,
    send_scratch: &mut SendScratch,
    output: &mut Vec<u8>,
) -> Result<(), Box<dyn Error>> {
    let (receiver, sender) = server.split();
    let mut receive = receiver.receive(input, scratch);
    while let Some(event) = receive.next() {
        if let Event::Text(text) = event? {
            sender.encode_text(text, send_scratch, output)?;
        }
    }
    Ok(())
}
