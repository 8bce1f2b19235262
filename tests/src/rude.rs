//! A server that resets and floods, for hosts that must survive it.

use ws_core::handshake::{HttpAnswer, Request};
use ws_server::{Accepted, Context, Flow, Handler, Message};

/// What a flood is made of.
pub const BLOCK: [u8; 16 << 10] = [7; 16 << 10];
/// Of how many of them.
pub const BLOCKS: usize = 100;

/// Bytes of one message that is huge.
pub const HUGE: usize = 60 << 20;

/// Does what a peer asks for: drops it, floods it, or sends it a huge message.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "it holds nothing")]
pub struct Rude;

impl Handler for Rude {
    type Connection = ();
    type Command = ();

    fn on_open(
        &mut self,
        _: &mut Context<'_, ()>,
        _: &Request,
    ) -> Result<Accepted<()>, HttpAnswer> {
        Ok(Accepted::new(()))
    }

    fn on_message(
        &mut self,
        context: &mut Context<'_, ()>,
        (): &mut (),
        message: Message<'_>,
    ) -> Flow {
        match message {
            Message::Text("abort") => context.abort(),
            Message::Text("huge") => {
                let _ = context.send_binary(&vec![7; HUGE]);
            }
            Message::Text("flood") => {
                for _ in 0..BLOCKS {
                    // Fails once the peer is gone.
                    let _ = context.send_binary(&BLOCK);
                }
            }
            _ => {}
        }
        Flow::Continue
    }
}
